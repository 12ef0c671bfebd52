package product

import (
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Once gives what an offer charges for an event at a moment (ms UTC). Codes:
// those of the charges.
func (o *Offer) Once(e rating.Event, at int64, mode money.Rounding) (out []rating.Charge, err error) {
	for i := range o.Prices {
		p := &o.Prices[i]
		if p.Kind != rating.OneTime || p.Event != e {
			continue
		}
		c, err := p.Once(usage.Interval{From: at, To: at + 1}, o.Quantity(p.Kind), mode)
		if err != nil {
			return nil, err
		}
		c.Why = string(e)
		out = append(out, c)
	}
	return out, nil
}

// Exit gives what a product's end at a moment (ms UTC) costs its buyer: for each
// price the share of a term that is not served, where the buyer wants the end and
// the product is not suspended, and what is due once for an end. Before its
// activation that is nothing. Codes: those of the charges.
func (p *Instance) Exit(at int64, by party.Code, mode money.Rounding) (out []rating.Charge, err error) {
	if len(p.Phases) == 0 {
		return nil, nil
	}
	ph, ok := p.At(max(0, at-1))
	if !ok {
		ph = p.Phases[0]
	}
	o := &ph.Offer
	paused := len(p.Paused) > 0 && p.Paused[len(p.Paused)-1].To == 0
	if by == p.Buyer && !paused && at < p.Committed {
		for i := range o.Prices {
			price := &o.Prices[i]
			c, owed, err := price.Early(usage.Interval{From: at, To: p.Committed}, o.Quantity(price.Kind), o.Term.Early, mode)
			if err != nil {
				return nil, err
			}
			if owed {
				c.Why = "ended before its term"
				out = append(out, c)
			}
		}
	}
	once, err := o.Once(rating.OnEnd, at, mode)
	return append(out, once...), err
}
