package mesh

import (
	"cmp"
	"math/bits"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
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
	return o.Price.Once >= 0 && o.Price.Month >= 0 && o.Latency <= maxLatency && o.Availability <= Whole
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
	total, err := o.Price.Total(q.Months)
	return err == nil && uint64(total) <= q.MaxPrice
}

// both gives the availability of two things that are both needed, rounded down.
func both(a, b uint64) uint64 {
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
func front[T any](items []T, of func(T) Offer, months uint32, limit int) []T {
	total := func(o Offer) money.Micro {
		t, err := o.Price.Total(months)
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

// Quote is a firm offer of one carrier to its neighbour. What the seller buys
// for it is one leg, which names no carrier and no place beyond its ends.
type Quote struct {
	Version      uint64         `cbor:"1,keyasint" json:"version"` // 1
	ID           ID             `cbor:"2,keyasint" json:"id"`
	Seller       string         `cbor:"3,keyasint" json:"seller"`
	Buyer        string         `cbor:"4,keyasint" json:"buyer"`
	Inquiry      canon.Hash     `cbor:"5,keyasint" json:"inquiry"` // what was asked, as this seller got it
	Tag          Tag            `cbor:"6,keyasint" json:"tag"`     // as masked on the link
	Currency     money.Currency `cbor:"7,keyasint" json:"currency"`
	Price        Price          `cbor:"8,keyasint" json:"price"`
	Months       uint32         `cbor:"9,keyasint" json:"months"`
	Latency      uint64         `cbor:"10,keyasint" json:"latency"`
	Availability uint64         `cbor:"11,keyasint" json:"availability"`
	Legs         []Leg          `cbor:"12,keyasint" json:"legs"`
	Until        int64          `cbor:"13,keyasint" json:"until"` // ms since 1970: an order must be placed before
}

// MarshalCBOR gives the id's byte string.
func (i ID) MarshalCBOR() ([]byte, error) { return canon.ByteString(i[:]), nil }

// MarshalCBOR gives the tag's byte string.
func (t Tag) MarshalCBOR() ([]byte, error) { return canon.ByteString(t[:]), nil }

// Offer gives what the quote offers.
func (q *Quote) Offer() Offer { return Offer{q.Price, q.Latency, q.Availability} }

// Signer signs quotes with the node's key; [sign.PrivateKey] is one.
type Signer interface {
	Sign(tag string, msg []byte) sign.Signature
}

// quoteTag is the domain of quotes' signatures.
const quoteTag = "lateral/mesh/quote/1"

// maxLegs bounds the legs of a quote: own ones on both sides of a bought one.
const maxLegs = 8

// Signed is a quote with its seller's signature: it can be shown to others.
type Signed struct {
	Quote     Quote          `cbor:"1,keyasint" json:"quote"`
	Signature sign.Signature `cbor:"2,keyasint" json:"signature"`
}

// Sign makes a quote provable.
func (q Quote) Sign(s Signer) Signed { return Signed{q, s.Sign(quoteTag, canon.Must(q))} }

// CodeBadQuote says that a quote is not what was asked for, or not its seller's.
const CodeBadQuote fault.Code = "bad-quote"

// Verify checks a quote's signature and form. Code: [CodeBadQuote].
func (s *Signed) Verify(seller sign.PublicKey) error {
	bad := func(detail string) error {
		return fault.New(CodeBadQuote, detail, "ask for the quote again; a partner that repeats this has a fault")
	}
	q := &s.Quote
	switch {
	case q.Version != 1:
		return bad("the quote is of an unknown version")
	case len(q.Legs) == 0 || len(q.Legs) > maxLegs:
		return bad("the quote has no legs, or too many")
	case !q.Offer().sane():
		return bad("the quote offers what no service has")
	}
	data, err := canon.Encode(*q)
	if err != nil {
		return bad("the quote has no canonical form")
	}
	if !sign.Verify(seller, quoteTag, data, s.Signature) {
		return bad("the signature is not the seller's")
	}
	return nil
}

// Supply is a carrier's own record of a quote that it gave: what it rests on. It
// is never sent.
type Supply struct {
	Sold   Signed   `cbor:"1,keyasint" json:"sold"`
	Own    []OwnLeg `cbor:"2,keyasint,omitempty" json:"own,omitempty"`
	ENNI   string   `cbor:"3,keyasint,omitempty" json:"enni,omitempty"` // over which the rest is bought
	Bought *Signed  `cbor:"4,keyasint,omitempty" json:"bought,omitempty"`
}
