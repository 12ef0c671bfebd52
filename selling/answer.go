package selling

import (
	"context"
	"errors"
	"strconv"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
)

const (
	onNet    = "onNetWithoutBuild"
	offNet   = "offNetWithoutBuild"
	mostAlso = 3 // alternatives that are proposed
)

// Available gives what is launched at some places and free now.
func (s *Shop) Available(_ context.Context, p sonata.Party, q wire.AvailabilityRequest) ([]wire.OfferingConfiguration, error) {
	w, err := s.readRef(p, q.Action, q.Product, q.Place)
	if err != nil {
		return nil, err
	}
	if q.Specification != nil {
		w.specification = q.Specification.ID
	}
	now := s.now().UnixMilli()
	var out []wire.OfferingConfiguration
	seen := map[string]bool{}
	for _, in := range w.inquiries(p.Buyer, 0, 0) {
		found, err := s.catalog.Search(in, 100, now)
		if err != nil {
			return nil, err
		}
		for _, m := range found.Matches {
			a := m.Answer
			if seen[a.Offering] || w.specification != "" && a.Specification != w.specification {
				continue
			}
			seen[a.Offering] = true
			out = append(out, wire.OfferingConfiguration{Offering: wire.Ref{ID: a.Offering}, Configuration: wire.ValueOf(map[string]string{"@type": a.Type}),
				ID: a.Offering, Interval: lead(int64(a.From), now)})
		}
	}
	return out, nil
}

// readRef reads where a question of discovery is about: the places that it names,
// or those of the product that it would change.
func (s *Shop) readRef(p sonata.Party, action string, ref *wire.Ref, places []wire.RelatedPlace) (w want, err error) {
	if action != wire.Add {
		id := ""
		if ref != nil {
			id = ref.ID
		}
		if w.of, err = s.own(p, "/productRef", action, id); err != nil {
			return w, err
		}
	}
	w.ends, err = s.ends("", places, w.of)
	return w, err
}

// Pricing gives what an offering costs at some places; its id is that of the
// configuration that Available gave.
func (s *Shop) Pricing(_ context.Context, p sonata.Party, q wire.PricingRequest) ([]wire.PricingAndTerm, error) {
	w, err := s.readRef(p, q.Action, q.Product, q.Place)
	if err != nil {
		return nil, err
	}
	now := s.now().UnixMilli()
	w.offering = q.Configuration
	to, sold := s.openTerm(w, now)
	o, err := s.find(w, p.Buyer, 0, to, now)
	if err != nil {
		return nil, fault.New(sonata.CodeReferenceUnknown, fault.Of(err).Detail, "ask what is available").In("/productOfferingConfigurationIdentifier")
	}
	o.bind(leastMonths(sold), w.of, now)
	shown := o.Answer
	if q.Action == wire.Modify {
		shown.Prices = due(shown.Prices)
	}
	prices, err := pricesOf(shown.Prices, 1, shown.Metres)
	if err != nil {
		return nil, err
	}
	term := wire.Term{Name: usualTerm, Description: promised(&o.Answer), Duration: wire.Duration{Amount: int64(sold.Min), Units: "seconds"}, End: wire.EndOfTermRoll, Roll: &wire.Duration{Amount: 1, Units: "months"}}
	if sold.Max != 0 {
		term.End, term.Roll = wire.EndOfTermDisconnect, nil
	}
	return []wire.PricingAndTerm{{ID: o.Offering, Interval: lead(int64(o.From), now), Term: term, Prices: prices, Offering: &wire.Ref{ID: o.Offering}}}, nil
}

// openTerm gives the end that a question without a term means: none, or the
// shortest where an offering is not sold without one. A change sets no end.
func (s *Shop) openTerm(w want, now int64) (to int64, sold catalog.Term) {
	e, err := catalog.Get[catalog.Offering](s.catalog, w.offering)
	if err != nil {
		return 0, sold
	}
	sold = e.Item.Term
	if sold.Max != 0 && w.of == nil {
		length := sold.Min
		if length == 0 {
			length = sold.Max
		}
		to = now + int64(sold.Lead+length)*1000
	}
	return to, sold
}

func itemPath(list string, i int) string { return "/" + list + "/" + strconv.Itoa(i) }

const (
	poqItems   = "productOfferingQualificationItem"
	quoteItems = "quoteItem"
)

// CheckQualification refuses what no answer could be about.
func (s *Shop) CheckQualification(_ context.Context, p sonata.Party, q wire.POQ) error {
	var faults []error
	for i, item := range q.Items {
		_, err := s.read(p, itemPath(poqItems, i)+"/product", item.Action, item.Product)
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}

// Qualify says of each item whether it can be had: what is sold and free is
// green, everything else red, with what may be had instead if that is asked for.
func (s *Shop) Qualify(ctx context.Context, p sonata.Party, q wire.POQ) ([]wire.QualificationResult, error) {
	now := s.now().UnixMilli()
	var out []wire.QualificationResult
	for i, item := range q.Items {
		w, err := s.read(p, itemPath(poqItems, i)+"/product", item.Action, item.Product)
		if err != nil {
			return nil, err
		}
		// A change is of what this carrier has sold: neighbours are asked for what is new.
		if s.speaks(p) && item.Action == wire.Add {
			r, err := s.beyond(ctx, p, q.ExternalID, w)
			if err != nil {
				return nil, err
			}
			out = append(out, r)
			continue
		}
		to, _ := s.openTerm(w, now)
		o, err := s.find(w, p.Buyer, 0, to, now)
		switch {
		case err == nil:
			interval := lead(int64(o.From), now)
			out = append(out, wire.QualificationResult{Confidence: wire.GreenConfidence, Interval: &interval, Delivery: onNet})
		case fault.CodeOf(err) == catalog.CodeUnfit:
			r := wire.QualificationResult{Confidence: wire.RedConfidence, Reason: fault.Of(err).Detail}
			if item.Action == wire.Add && s.o.Neighbours != nil && len(q.Items) == 1 {
				if r, err = s.beyond(ctx, p, q.ExternalID, w); err != nil {
					return nil, err
				}
				if r.Confidence == wire.GreenConfidence {
					out = append(out, r)
					continue
				}
			}
			if q.Alternatives {
				if r.Alternates, err = s.instead(w, p.Buyer, item.Product, now); err != nil {
					return nil, err
				}
			}
			out = append(out, r)
		default:
			return nil, err
		}
	}
	return out, nil
}

// instead gives other offerings for the same configuration at the same places.
func (s *Shop) instead(w want, buyer string, x wire.Product, now int64) (out []wire.Alternate, err error) {
	for _, in := range w.inquiries(buyer, 0, 0) {
		found, err := s.catalog.Search(in, mostAlso+1, now)
		if err != nil {
			return nil, err
		}
		for _, m := range found.Matches {
			a := m.Answer
			if a.Offering == w.offering || len(out) == mostAlso {
				continue
			}
			x.Offering, x.Specification = &wire.Ref{ID: a.Offering}, nil
			out = append(out, wire.Alternate{ID: a.Offering, Confidence: wire.GreenConfidence, Interval: lead(int64(a.From), now), Delivery: onNet, Product: x})
		}
	}
	return out, nil
}
