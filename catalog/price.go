package catalog

import (
	"fmt"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Cost is what a product costs in a span of time.
type Cost struct {
	Span    usage.Interval  `json:"span" doc:"What was asked for; of an order without end, its first month."`
	Charges []rating.Charge `json:"charges" nullable:"false"`
	Total   money.Amount    `json:"total"`
	ByUse   []string        `json:"by_use,omitempty" doc:"Prices of what nobody knows beforehand, such as octets; they are not in the total."`
}

// maxCharges bounds the charge periods of an estimate.
const maxCharges = 20_000

// prices gives what an offering costs a buyer: its own prices, or those of its
// parts with their margins.
func (tx *change) prices(o *Offering) ([]rating.Price, error) {
	return pricesOf(o, func(p Part) (*Offering, error) {
		x, ok := tx.get(KindOffering, p.Offering)
		if !ok || x.item == nil {
			return nil, notThere(KindOffering, p.Offering)
		}
		if p.Version == 0 || p.Version == x.Current {
			return x.item.(*Offering), nil
		}
		_, item, err := tx.c.read(KindOffering, p.Offering, p.Version)
		if err != nil {
			return nil, err
		}
		return item.(*Offering), nil
	})
}

func pricesOf(o *Offering, part func(Part) (*Offering, error)) ([]rating.Price, error) {
	if len(o.Prices) > 0 {
		return o.Prices, nil
	}
	var out []rating.Price
	names := map[string]int{}
	for _, p := range o.Parts {
		var of []rating.Price
		if p.Quote != nil {
			of = p.Quote.Prices
		} else {
			x, err := part(p)
			if err != nil {
				return nil, err
			}
			of = x.Prices
		}
		for _, price := range of {
			marked, err := p.Margin.on(price)
			if err != nil {
				return nil, err
			}
			names[marked.Name]++
			if n := names[marked.Name]; n > 1 { // a bill names each price once
				marked.Name = fmt.Sprintf("%.70s (%d)", marked.Name, n)
			}
			out = append(out, marked)
		}
	}
	return out, rating.ValidatePrices(out)
}

// on gives a price with the margin on every rate, rounded half up to
// billionths.
func (m Margin) on(p rating.Price) (rating.Price, error) {
	mark := func(r money.Rate) (money.Rate, error) {
		v, err := money.Micro(r).MulDiv(million+m.Share, million, money.HalfUp)
		return money.Rate(v), err
	}
	var err error
	if p.Rate, err = mark(p.Rate); err != nil {
		return p, err
	}
	tiers := p.Tiers
	p.Tiers = nil
	for _, t := range tiers {
		if t.Rate, err = mark(t.Rate); err != nil {
			return p, err
		}
		p.Tiers = append(p.Tiers, t)
	}
	return p, nil
}

// Estimate gives what prices come to in a span, for a bandwidth that is used all
// the time and a length. Without an end (to 0) it is the first month. Codes:
// those of the charges.
func Estimate(prices []rating.Price, bandwidth, metres uint64, from, to int64) (Cost, error) {
	span := usage.Interval{From: from, To: to}
	if to == 0 {
		span.To = time.UnixMilli(from).UTC().AddDate(0, 1, 0).UnixMilli()
	}
	cost := Cost{Span: span, Charges: []rating.Charge{}}
	if err := span.Validate(); err != nil {
		return cost, err
	}
	for i := range prices {
		p := &prices[i]
		cost.Total.Currency = p.Currency
		var some []rating.Charge
		var err error
		switch p.Kind {
		case rating.Recurring:
			some, err = p.Recur(span, 1, money.HalfUp)
		case rating.Distance:
			some, err = p.Recur(span, metres, money.HalfUp)
		case rating.OneTime:
			if p.Event == rating.OnChange || p.Event == rating.OnEnd && to == 0 {
				continue
			}
			var c rating.Charge
			c, err = p.Once(span, 1, money.HalfUp)
			some = []rating.Charge{c}
		case rating.Data:
			cost.ByUse = append(cost.ByUse, p.Name)
			some, err = used(p, span, 0)
		case rating.Time:
			some, err = used(p, span, 1)
		case rating.Bandwidth:
			some, err = used(p, span, bandwidth)
		}
		if err != nil {
			return cost, fmt.Errorf("pricing %s: %w", p.Name, err)
		}
		for _, c := range some {
			if cost.Total.Micro, err = cost.Total.Micro.Add(c.Amount.Micro); err != nil {
				return cost, err
			}
		}
		cost.Charges = append(cost.Charges, some...)
	}
	return cost, nil
}

// used prices even use of so much in each second, and what it falls short of a
// commitment.
func used(p *rating.Price, span usage.Interval, each uint64) (out []rating.Charge, err error) {
	periods := func(yield func(usage.Interval) bool) { yield(span) }
	if p.Period != (usage.Cycle{}) {
		dates, err := p.Period.Calendar()
		if err != nil {
			return nil, err
		}
		periods = func(yield func(usage.Interval) bool) {
			for i := dates.At(span.From); i.From < span.To && yield(i); i = dates.Next(i) {
			}
		}
	}
	n := 0
	for i := range periods {
		if n++; n > maxCharges {
			return nil, fault.New(rating.CodeTooMuch, "the span has too many charge periods", "ask for a shorter one")
		}
		part := usage.Interval{From: max(i.From, span.From), To: min(i.To, span.To)}
		seconds := uint64(part.To/1000 - part.From/1000)
		if each > 0 && seconds > rating.MaxQuantity/each {
			return nil, fault.New(rating.CodeTooMuch, "bandwidth and time are out of range together", "ask for a shorter time")
		}
		quantity := seconds * each
		if quantity > 0 {
			c, err := p.Use(part, 0, quantity, money.HalfUp)
			if err != nil {
				return nil, err
			}
			out = append(out, c)
			quantity = c.Quantity
		}
		if p.Commitment > 0 {
			c, ok, err := p.Miss(i, []usage.Interval{part}, quantity, money.HalfUp)
			if err != nil {
				return nil, err
			}
			if ok {
				out = append(out, c)
			}
		}
	}
	return out, nil
}
