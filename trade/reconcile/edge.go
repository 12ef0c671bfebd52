package reconcile

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"slices"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/usage"
)

// Edge is a call near the edge of a period, or near a moment at which the rates
// of its number begin or end, as both sides show it to each other before they
// state the period: keyed hashes instead of numbers, start and duration in clear.
// The buyer's call then follows the seller's record of it, so that a call is not
// missing in one period and surplus in the next, and has a rate on both sides or
// on none.
type Edge struct {
	Numbers     canon.Hash `cbor:"1,keyasint,omitzero"` // of origin and destination; zero when the origin is withheld
	Destination canon.Hash `cbor:"2,keyasint"`
	Start       int64      `cbor:"3,keyasint"` // ms since 1970 UTC
	Duration    uint32     `cbor:"4,keyasint"` // ms
}

// EdgeHasher makes edges for one direction under the channel's key, which both
// sides have and nobody else. It is not for use by many at once.
type EdgeHasher struct{ mac hash.Hash }

// tagEdges separates the hashes of edges from all other uses of a channel key.
const tagEdges = "lateral/reconcile/edges/1"

// NewEdgeHasher takes the channel's key, 32 random bytes.
func NewEdgeHasher(key []byte, d usage.Direction) *EdgeHasher {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(tagEdges))
	mac.Write(canon.Must(d))
	return &EdgeHasher{hmac.New(sha256.New, mac.Sum(nil))}
}

// Edge hides the numbers of a call.
func (h *EdgeHasher) Edge(r *usage.Record) Edge {
	e := Edge{Start: r.Start, Duration: r.Duration, Destination: h.sum(usage.Withheld, r.Destination)}
	if r.Origin != usage.Withheld {
		e.Numbers = h.sum(r.Origin, r.Destination)
	}
	return e
}

func (h *EdgeHasher) sum(origin, destination usage.Number) (out canon.Hash) {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], uint64(origin))
	binary.BigEndian.PutUint64(b[8:], uint64(destination))
	h.mac.Reset()
	h.mac.Write(b[:])
	h.mac.Sum(out[:0])
	return out
}

// MatchEdges pairs the edges of both sides by the rule of the package. In each
// pair, Ours is the index of the buyer's edge and Theirs that of the seller's.
// The buyer's call takes period and rate version from the seller's start and
// duration (rating.Moment). Pairs come in the order of the buyer's edges.
func MatchEdges(buyer, seller []Edge, tolerance int64) []Pair {
	numbers := ranks(buyer, seller, func(e *Edge) canon.Hash { return e.Numbers })
	destinations := ranks(buyer, seller, func(e *Edge) canon.Hash { return e.Destination })
	items := func(edges []Edge) []item {
		out := make([]item, len(edges))
		for i := range edges {
			e := &edges[i]
			out[i] = item{flow: destinations[e.Destination], origin: numbers[e.Numbers], start: e.Start, duration: e.Duration, index: uint32(i)}
		}
		return out
	}
	var pairs []Pair
	match(items(buyer), items(seller), tolerance, func(i, j uint32) { pairs = append(pairs, Pair{i, j}) })
	slices.SortFunc(pairs, func(a, b Pair) int { return int(int64(a.Ours) - int64(b.Ours)) })
	return pairs
}

// ranks numbers the hashes of both sides in their order from 1; the zero hash
// is [withheld].
func ranks(buyer, seller []Edge, of func(*Edge) canon.Hash) map[canon.Hash]uint64 {
	var all []canon.Hash
	for _, side := range [][]Edge{buyer, seller} {
		for i := range side {
			all = append(all, of(&side[i]))
		}
	}
	slices.SortFunc(all, func(a, b canon.Hash) int { return bytes.Compare(a[:], b[:]) })
	rank := map[canon.Hash]uint64{{}: withheld}
	for _, h := range slices.Compact(all) {
		if !h.IsZero() {
			rank[h] = uint64(len(rank))
		}
	}
	return rank
}
