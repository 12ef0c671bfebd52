package product

import (
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Offer is what a seller sells and a buyer orders: a product as it is
// configured, its prices and its term. A quote and an order say the same Offer.
type Offer struct {
	Line          Line               `cbor:"1,keyasint" json:"line"`
	Type          string             `cbor:"2,keyasint" json:"type"`          // @type of the payload
	Configuration canon.Hash         `cbor:"3,keyasint" json:"configuration"` // of its canonical bytes
	Prices        []rating.Price     `cbor:"4,keyasint" json:"prices"`
	Pieces        uint64             `cbor:"5,keyasint" json:"pieces"`                     // of recurring and one-time prices
	Metres        uint64             `cbor:"6,keyasint,omitempty" json:"metres,omitempty"` // of prices by distance: as the seller computed them
	Term          Term               `cbor:"7,keyasint,omitzero" json:"term,omitzero"`
	Guarantees    []rating.Guarantee `cbor:"8,keyasint,omitempty" json:"guarantees,omitempty"`
	// Sessions are standing prices of use: by them the buyer opens and closes sessions
	// of the product, each a product of its own, without a quote.
	Sessions []rating.Price `cbor:"9,keyasint,omitempty" json:"sessions,omitempty"`
}

// Session gives what a session of the offer is: the same product by its standing
// prices, without term and guarantees. False: there are none.
func (o Offer) Session() (Offer, bool) {
	s := o
	s.Prices, s.Sessions, s.Term, s.Guarantees = o.Sessions, nil, Term{}, nil
	return s, len(o.Sessions) > 0
}

// Term is for how long a product is ordered at least.
type Term struct {
	Months uint32 `cbor:"1,keyasint,omitempty" json:"months,omitempty"` // from activation; 0: it may end any time
	Early  uint32 `cbor:"2,keyasint,omitempty" json:"early,omitempty"`  // millionths of the recurring charges that an end before costs
}

// Quantity gives what an offer fixes for a price.
func (o *Offer) Quantity(k rating.Kind) uint64 {
	if k == rating.Distance {
		return o.Metres
	}
	return o.Pieces
}

// Instance is one product that a buyer has of a seller: what Sonata's inventory
// shows.
type Instance struct {
	ID        string          `cbor:"1,keyasint" json:"id"` // chosen by the buyer with the order that adds it
	Agreement string          `cbor:"2,keyasint" json:"agreement"`
	Buyer     party.Code      `cbor:"3,keyasint" json:"buyer"`
	Seller    party.Code      `cbor:"4,keyasint" json:"seller"`
	Name      string          `cbor:"5,keyasint" json:"name"` // for people, of its line
	State     State           `cbor:"6,keyasint" json:"state"`
	Order     string          `cbor:"7,keyasint,omitempty" json:"order,omitempty"`       // in flight; empty: none
	Phases    []Phase         `cbor:"8,keyasint,omitempty" json:"phases,omitempty"`      // what it was from when on, oldest first
	Paused    []Pause         `cbor:"9,keyasint,omitempty" json:"paused,omitempty"`      // oldest first
	Ends      int64           `cbor:"10,keyasint,omitempty" json:"ends,omitempty"`       // ms UTC; 0: open
	EndedBy   party.Code      `cbor:"11,keyasint,omitempty" json:"ended_by,omitempty"`   // who wanted the end; empty: its order had it
	Committed int64           `cbor:"12,keyasint,omitempty" json:"committed,omitempty"`  // until when it is ordered at least; ms UTC
	History   []Moved         `cbor:"13,keyasint" json:"history"`                        // of its states
	Deadline  int64           `cbor:"14,keyasint,omitempty" json:"deadline,omitempty"`   // when a timed one ends; block time, ms UTC
	OrderedBy string          `cbor:"15,keyasint,omitempty" json:"ordered_by,omitempty"` // the order that added it
	Clause    string          `cbor:"16,keyasint,omitempty" json:"clause,omitempty"`     // of the agreement, by which it was ordered
	Account   string          `cbor:"17,keyasint,omitempty" json:"account,omitempty"`    // that it is billed to
	Billed    int64           `cbor:"18,keyasint,omitempty" json:"billed,omitempty"`     // until when it is billed; ms UTC
	Open      uint32          `cbor:"20,keyasint,omitempty" json:"open,omitempty"`       // measurements that are not agreed yet
	Short     []Short         `cbor:"21,keyasint,omitempty" json:"short,omitempty"`      // until when shortfalls are billed, by price
	Due       []rating.Charge `cbor:"19,keyasint,omitempty" json:"due,omitempty"`        // for the next bill: of events, and what was billed otherwise before
	Standing  string          `cbor:"22,keyasint,omitempty" json:"standing,omitempty"`   // the product of which this is a session
}

// Short says until when it is billed what a price's use falls short of its
// commitment.
type Short struct {
	Price string `cbor:"1,keyasint" json:"price"`
	Until int64  `cbor:"2,keyasint" json:"until"` // ms UTC; the end of a charge period
}

// Phase is what a product is from a moment on.
type Phase struct {
	From  int64  `cbor:"1,keyasint" json:"from"` // ms UTC
	Order string `cbor:"2,keyasint" json:"order"`
	Offer Offer  `cbor:"3,keyasint" json:"offer"`
}

// Pause is a time for which a product was suspended.
type Pause struct {
	From int64 `cbor:"1,keyasint" json:"from"`                   // ms UTC
	To   int64 `cbor:"2,keyasint,omitempty" json:"to,omitempty"` // ms UTC; 0: it still is
}

// Moved is a state that something came to, and when.
type Moved struct {
	State string `cbor:"1,keyasint" json:"state"`
	Time  int64  `cbor:"2,keyasint" json:"time"` // block time, ms UTC
}

// At gives the phase that holds for a moment; ok is false before activation.
func (p *Instance) At(ms int64) (ph Phase, ok bool) {
	for _, x := range p.Phases {
		if x.From <= ms {
			ph, ok = x, true
		}
	}
	return ph, ok
}

// Activated gives the moment from which it is billed (ms UTC); 0: not yet.
func (p *Instance) Activated() int64 {
	if len(p.Phases) == 0 {
		return 0
	}
	return p.Phases[0].From
}

// Held gives the parts of a span in which the product was delivered and not
// suspended, by phase: what it is charged for.
func (p *Instance) Held(span usage.Interval) (out []Held) {
	for i, ph := range p.Phases {
		part := usage.Interval{From: max(span.From, ph.From), To: span.To}
		if i+1 < len(p.Phases) {
			part.To = min(part.To, p.Phases[i+1].From)
		}
		if p.Ends != 0 {
			part.To = min(part.To, p.Ends)
		}
		for _, pause := range p.Paused {
			end := pause.To
			if end == 0 {
				end = part.To
			}
			if before := min(part.To, pause.From); part.From < before {
				out = append(out, Held{Interval: usage.Interval{From: part.From, To: before}, Phase: i})
			}
			part.From = max(part.From, end)
		}
		if part.From < part.To {
			out = append(out, Held{Interval: part, Phase: i})
		}
	}
	return out
}

// Held is a time for which a phase was delivered.
type Held struct {
	usage.Interval
	Phase int // index
}
