package mesh

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"

	"github.com/lateral-network/lateral/fault"
)

// ID names one message exchange on one link; answers carry it back. It is fresh
// at each hop: it is derived from a secret of the node and a counter.
type ID [16]byte

// String gives 32 hex digits.
func (i ID) String() string { return hex.EncodeToString(i[:]) }

// MarshalText gives 32 hex digits.
func (i ID) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText reads 32 hex digits. Code: invalid.
func (i *ID) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(i)) {
		return fault.Newf(fault.Invalid, "give 32 hex digits", "%.64q is no id", text)
	}
	if _, err := hex.Decode(i[:], text); err != nil {
		return fault.Newf(fault.Invalid, "give 32 hex digits", "%.64q is no id", text)
	}
	return nil
}

// Tag marks an inquiry at one distance from its origin. Each hop sends on what
// follows from the tag that it got, a one-way function of it:
//
//	tag(0)   = HKDF-SHA-256(secret of the origin, counter)
//	tag(d+1) = HMAC-SHA-256(tag(d), "next")
//
// On the wire a tag is masked with HMAC-SHA-256(key of the link, id of the
// message), so that who reads a link without its key sees 16 random bytes, new
// ones each time, and cannot tell that two messages are of one inquiry.
//
// A node that has seen tag(d) knows all later ones. It recognises the inquiry
// when it comes back over another way, however long that is, and when it comes
// over a shorter one, by what follows from the new tag. It cannot compute an
// earlier tag: it learns neither the origin, whose tag is random to everybody
// else, nor the distance to it, nor what the hops before its neighbour sent.
//
// Two nodes that put together what both have seen can recognise an inquiry as
// well: that is the same computation as a node's own on two of its links, with
// no secret in it that the two lack, so whatever stops loops at a node allows
// it. So does the inquiry itself: place, product, bandwidth and window travel
// on, because the far end must price them.
type Tag [16]byte

const (
	infoTag  = "lateral/mesh/tag/1"
	infoNext = "lateral/mesh/tag/1/next"
	infoMask = "lateral/mesh/tag/1/mask"
	infoID   = "lateral/mesh/id/1"
)

func derive(key []byte, info string, more []byte) (out [16]byte) {
	m := hmac.New(sha256.New, key)
	m.Write([]byte(info))
	m.Write(more)
	copy(out[:], m.Sum(nil))
	return out
}

// root gives the tag of an inquiry that begins here.
func root(secret *[32]byte, counter uint64) (t Tag) {
	var salt [8]byte
	binary.BigEndian.PutUint64(salt[:], counter)
	out, err := hkdf.Key(sha256.New, secret[:], salt[:], infoTag, len(t))
	if err != nil {
		panic(err) // asked for more than 8160 bytes
	}
	copy(t[:], out)
	return t
}

// Next gives the tag one hop on.
func (t Tag) Next() Tag { return derive(t[:], infoNext, nil) }

// Mask hides a tag on its way over a link, and shows a hidden one.
func (t Tag) Mask(link []byte, id ID) Tag {
	mask := derive(link, infoMask, id[:])
	for i := range t {
		t[i] ^= mask[i]
	}
	return t
}
