package order

import (
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
)

// CodeBadQuote says that bytes are no quote, or its signature is wrong.
const CodeBadQuote fault.Code = "bad-quote"

// Quote is a seller's firm offer to one buyer, which it signs with its node key:
// either can prove later what was offered.
type Quote struct {
	ID     string        `cbor:"1,keyasint" json:"id"`
	Buyer  party.Code    `cbor:"2,keyasint" json:"buyer"`
	Seller party.Code    `cbor:"3,keyasint" json:"seller"`
	Action Action        `cbor:"4,keyasint" json:"action"`
	Offer  product.Offer `cbor:"5,keyasint" json:"offer"`
	Until  int64         `cbor:"6,keyasint" json:"until"`                        // valid before that; ms UTC
	Tag    canon.Hash    `cbor:"7,keyasint,omitzero" json:"tag,omitzero"`        // of the inquiry, blinded
	Legs   []Leg         `cbor:"8,keyasint,omitempty" json:"legs,omitempty"`     // that it is composed of, from end to end
	Held   int64         `cbor:"9,keyasint,omitempty" json:"held,omitempty"`     // until when what it needs is reserved; ms UTC
	Item   string        `cbor:"10,keyasint,omitempty" json:"product,omitempty"` // the product that it changes or ends
	From   int64         `cbor:"11,keyasint,omitempty" json:"from,omitempty"`    // of a timed product: it begins then or later; ms UTC
	To     int64         `cbor:"12,keyasint,omitempty" json:"to,omitempty"`      // and ends then or before; ms UTC, 0: open
}

// Leg is one part of a quoted service. A leg that others carry names nobody.
type Leg struct {
	Name         string `cbor:"1,keyasint,omitempty" json:"name,omitempty"` // of an own one
	Own          bool   `cbor:"2,keyasint,omitempty" json:"own"`
	Latency      uint64 `cbor:"3,keyasint,omitempty" json:"latency,omitempty"`      // microseconds
	Availability uint64 `cbor:"4,keyasint,omitempty" json:"availability,omitempty"` // millionths
	Metres       uint64 `cbor:"5,keyasint,omitempty" json:"metres,omitempty"`
}

// SignedQuote is a quote with its signature. Its canonical bytes are what an
// order embeds.
type SignedQuote struct {
	Quote     Quote          `cbor:"1,keyasint" json:"quote"`
	Key       sign.PublicKey `cbor:"2,keyasint" json:"key"` // of the seller's node
	Signature sign.Signature `cbor:"3,keyasint" json:"signature"`
}

const tagQuote = "lateral/quote/1"

// Sign signs a quote with the key of the seller's node.
func (q Quote) Sign(k sign.PrivateKey) SignedQuote {
	return SignedQuote{q, k.Public(), k.Sign(tagQuote, canon.Must(q))}
}

// Encode gives the bytes that orders embed.
func (s SignedQuote) Encode() []byte { return canon.Must(s) }

// maxQuote bounds the bytes of a quote.
const maxQuote = 64 << 10

// OpenQuote reads a signed quote and checks its signature; whose key it is, the
// caller asks. Code: [CodeBadQuote].
func OpenQuote(raw []byte) (SignedQuote, error) {
	var s SignedQuote
	bad := fault.New(CodeBadQuote, "the bytes are no signed quote", "embed the quote exactly as the seller signed it")
	if len(raw) > maxQuote {
		return s, bad
	}
	if err := canon.Decode(raw, &s); err != nil {
		return SignedQuote{}, bad.Because(err)
	}
	if !sign.Verify(s.Key, tagQuote, canon.Must(s.Quote), s.Signature) {
		return SignedQuote{}, fault.New(CodeBadQuote, "the quote's signature is not that of its key over it", "embed the quote exactly as the seller signed it")
	}
	return s, nil
}
