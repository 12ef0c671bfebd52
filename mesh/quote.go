package mesh

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
)

// Offer is what something costs and is worth, firm or not.
type Offer struct {
	Price        Price  `json:"price"`
	Latency      uint64 `json:"latency"`      // µs, one way
	Availability uint64 `json:"availability"` // parts per billion
}

// maxLatency bounds what a neighbour may say, in µs: 100 s.
const maxLatency = 100_000_000

// sane refuses what no service has.
func (o Offer) sane() bool {
	return o.Price.Once >= 0 && o.Price.Each >= 0 && o.Price.Hour >= 0 && o.Latency <= maxLatency && o.Availability <= Whole
}

// within tells whether an offer keeps an inquiry's bounds; those of price only
// if asked for.
func (o Offer) within(q *Inquiry) bool {
	if q.MaxLatency != 0 && o.Latency > q.MaxLatency || o.Availability < q.MinAvailability {
		return false
	}
	if q.MaxPrice == 0 {
		return true
	}
	total, err := o.Price.Total(q)
	return err == nil && uint64(total) <= q.MaxPrice
}

// Both gives the availability of two things that are both needed, rounded down.
func Both(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	q, _ := bits.Div64(hi, lo, Whole)
	return q
}

// need gives the least availability that a second part must have so that both
// have at least want; above [Whole] if none can.
func need(want, first uint64) uint64 {
	if want == 0 {
		return 0
	}
	if first == 0 {
		return Whole + 1
	}
	hi, lo := bits.Mul64(want, Whole)
	q, r := bits.Div64(hi, lo, max(first, 1))
	if r > 0 {
		q++
	}
	return q
}

// front leaves, of the items in a slice, those that no other beats in price,
// latency and availability together: cheapest first, at most limit. What is
// equal in all three is kept once.
func front[T any](items []T, of func(T) Offer, q *Inquiry, limit int) []T {
	total := func(o Offer) money.Micro {
		t, err := o.Price.Total(q)
		if err != nil {
			return money.Micro(1<<63 - 1)
		}
		return t
	}
	slices.SortStableFunc(items, func(x, y T) int {
		a, b := of(x), of(y)
		return cmp.Or(cmp.Compare(total(a), total(b)), cmp.Compare(a.Latency, b.Latency), cmp.Compare(b.Availability, a.Availability))
	})
	var kept []T
	for _, x := range items {
		o := of(x)
		if !slices.ContainsFunc(kept, func(k T) bool { // all kept cost at most as much
			return of(k).Latency <= o.Latency && of(k).Availability >= o.Availability
		}) {
			kept = append(kept, x)
		}
	}
	return kept[:min(len(kept), limit)]
}

// Quote is a firm offer of one carrier to its neighbour, as the mesh reads it;
// what is signed and shown to others is its proof ([Signed]). What the seller
// buys for it is one leg, which names no carrier and no place beyond its ends.
type Quote struct {
	ID           ID             `cbor:"1,keyasint" json:"id"`
	Seller       string         `cbor:"2,keyasint" json:"seller"`
	Buyer        string         `cbor:"3,keyasint" json:"buyer"`
	Inquiry      canon.Hash     `cbor:"4,keyasint" json:"inquiry"` // what was asked, as this seller got it
	Tag          Tag            `cbor:"5,keyasint" json:"tag"`     // as masked on the link
	Currency     money.Currency `cbor:"6,keyasint" json:"currency"`
	Price        Price          `cbor:"7,keyasint" json:"price"`
	Months       uint32         `cbor:"8,keyasint" json:"months"`
	Latency      uint64         `cbor:"9,keyasint" json:"latency"`
	Availability uint64         `cbor:"10,keyasint" json:"availability"`
	Legs         []Leg          `cbor:"11,keyasint" json:"legs"`
	Until        int64          `cbor:"12,keyasint" json:"until"` // ms since 1970: an order must be placed before
}

// MarshalCBOR gives the id's byte string.
func (i ID) MarshalCBOR() ([]byte, error) { return canon.ByteString(i[:]), nil }

// MarshalCBOR gives the tag's byte string.
func (t Tag) MarshalCBOR() ([]byte, error) { return canon.ByteString(t[:]), nil }

// Offer gives what the quote offers.
func (q *Quote) Offer() Offer { return Offer{q.Price, q.Latency, q.Availability} }

// maxLegs bounds the legs of a quote: own ones on both sides of a bought one.
const maxLegs = 8

// Signed is a quote with what proves it: it can be shown to others. The form of
// the proof is the matter of who makes and reads it; a foreign seller has none.
type Signed struct {
	Quote Quote  `cbor:"1,keyasint" json:"quote"`
	Proof []byte `cbor:"2,keyasint,omitempty" json:"proof,omitempty"`
}

// CodeBadQuote says that a quote is not what was asked for, or not its seller's.
const CodeBadQuote fault.Code = "bad-quote"

// Supply is a carrier's own record of a quote that it gave: what it rests on. It
// is never sent.
type Supply struct {
	Sold   Signed   `cbor:"1,keyasint" json:"sold"`
	Own    []OwnLeg `cbor:"2,keyasint,omitempty" json:"own,omitempty"`
	ENNI   string   `cbor:"3,keyasint,omitempty" json:"enni,omitempty"` // over which the rest is bought
	Bought *Signed  `cbor:"4,keyasint,omitempty" json:"bought,omitempty"`
	Asked  Inquiry  `cbor:"5,keyasint" json:"asked"`                    // that is answered
	Rest   *Inquiry `cbor:"6,keyasint,omitempty" json:"rest,omitempty"` // that the neighbour has answered
	// Changes is the quote that the service rests on which this one changes.
	Changes ID `cbor:"7,keyasint,omitzero" json:"changes,omitzero"`
	// Standing is the order that stands, of which this is a session: nobody was quoted
	// anything for it.
	Standing ID `cbor:"8,keyasint,omitzero" json:"standing,omitzero"`
}
