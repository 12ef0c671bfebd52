package node

import (
	"context"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/buying"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/trade/money"
)

// market shows the broker to the carrier's people.
type market struct{ b *buying.Broker }

func (m market) Inquire(ctx context.Context, q wire.Inquire) (wire.Inquired, error) {
	r := buying.Request{Product: q.Type, A: q.A, Z: q.Z, Bandwidth: q.Bandwidth, From: int64(q.From), To: int64(q.To), Months: q.Months, Period: q.Period, Currency: q.Currency,
		MaxLatency: q.Latency, MinAvailability: q.Availability, Rule: q.Rule, Hours: q.Hours, Attributes: q.Attributes, Hops: q.Hops, Asks: q.Asks, Time: time.Duration(q.TimeMillis) * time.Millisecond}
	if c := q.Ceiling; c != nil {
		if r.Currency == "" {
			r.Currency = c.Currency
		}
		if c.Currency != r.Currency || c.Micro <= 0 {
			return wire.Inquired{}, fault.New(fault.Invalid, "the ceiling is in another currency than the inquiry, or not above zero", "name an amount in "+string(r.Currency)).In("ceiling")
		}
		r.Ceiling = c.Micro
	}
	r.By = api.ActorOf(ctx).Name
	a, err := m.b.Inquire(ctx, r)
	if err != nil {
		return wire.Inquired{}, err
	}
	return found(&a), nil
}

func found(a *buying.Answer) wire.Inquired {
	out := wire.Inquired{ID: a.ID.String(), Asked: a.Asked, InquiryMillis: millis(a.Inquiry), QuoteMillis: millis(a.Quotes), Alternatives: []wire.Offer{}}
	if a.Best != nil {
		x := offerShown(a.Best)
		out.Best = &x
	}
	for i := range a.Alternatives {
		out.Alternatives = append(out.Alternatives, offerShown(&a.Alternatives[i]))
	}
	return out
}

func inquiryShown(k *buying.Inquired) wire.Inquiry {
	r := &k.Request
	x := wire.Inquiry{ID: k.Answer.ID.String(), Asked: wire.Time(k.At), By: r.By, Found: found(&k.Answer), Inquiry: wire.Inquire{Type: r.Product, A: r.A, Z: r.Z, Bandwidth: r.Bandwidth,
		From: wire.Time(r.From), To: wire.Time(r.To), Months: r.Months, Period: r.Period, Currency: r.Currency, Latency: r.MaxLatency, Availability: r.MinAvailability, Rule: r.Rule,
		Attributes: r.Attributes, Hours: r.Hours, Hops: r.Hops, Asks: r.Asks, TimeMillis: r.Time.Milliseconds()}}
	if r.Ceiling != 0 {
		x.Inquiry.Ceiling = &money.Amount{Currency: r.Currency, Micro: r.Ceiling}
	}
	if k.Service != (mesh.ID{}) {
		x.Service = k.Service.String()
	}
	return x
}

// Inquiries gives them without proofs, which make a list large.
func (m market) Inquiries() (out []wire.Inquiry) {
	for _, k := range m.b.Inquiries() {
		x := inquiryShown(&k)
		if x.Found.Best != nil {
			x.Found.Best.Proof = nil
		}
		for i := range x.Found.Alternatives {
			x.Found.Alternatives[i].Proof = nil
		}
		out = append(out, x)
	}
	return out
}

func (m market) Inquiry(id string) (wire.Inquiry, error) {
	var x mesh.ID
	if err := x.UnmarshalText([]byte(id)); err != nil {
		return wire.Inquiry{}, fault.Of(err).In("id")
	}
	k, err := m.b.Inquiry(x)
	if err != nil {
		return wire.Inquiry{}, err
	}
	return inquiryShown(&k), nil
}

func offerShown(o *buying.Offer) wire.Offer {
	amount := func(m money.Micro) money.Amount { return money.Amount{Currency: o.Currency, Micro: m} }
	x := wire.Offer{Quote: o.Quote.String(), Once: amount(o.Price.Once), Each: amount(o.Price.Each), Period: o.Period, Months: o.Months, Latency: o.Latency,
		Availability: o.Availability, Until: wire.Time(o.Until), Legs: []wire.OfferLeg{}, Seller: o.Seller, Proof: o.Proof}
	if o.Price.Hour != 0 {
		x.Hour = amount(o.Price.Hour)
	}
	for _, l := range o.Legs {
		x.Legs = append(x.Legs, wire.OfferLeg(l))
	}
	if o.Seller != "" {
		x.BoughtOnce, x.BoughtEach = amount(o.Bought.Once), amount(o.Bought.Each)
		x.OwnOnce, x.OwnEach, x.MarkupOnce, x.MarkupEach = amount(o.Own.Once), amount(o.Own.Each), amount(o.Markup.Once), amount(o.Markup.Each)
		if o.Price.Hour != 0 {
			x.OwnHour, x.MarkupHour = amount(o.Own.Hour), amount(o.Markup.Hour)
		}
		if o.Bought.Hour != 0 {
			x.BoughtHour = amount(o.Bought.Hour)
		}
	}
	return x
}

func serviceShown(s buying.Service) wire.Service {
	x := wire.Service{ID: s.ID.String(), State: string(s.Stage), Why: s.Why, Type: s.Product, A: s.A, Z: s.Z, Since: wire.Time(s.Since), Until: wire.Time(s.Until),
		Ended: wire.Time(s.Ended), Buyer: s.Buyer, Sold: s.Sold, Seller: s.Seller, Bought: s.Bought, Waiting: s.Build, Offer: offerShown(&s.Offer)}
	x.Begins, x.Allowed = wire.Time(s.Begins), s.Allowed
	if w := s.Date; w != nil {
		x.Date = &wire.AskedDate{Start: wire.Time(w.Start), Expedite: w.Expedite, Outcome: w.Outcome, Why: w.Why}
	}
	if s.Ended != 0 {
		x.State = "ended"
	}
	if s.Exit != 0 {
		x.Exit = money.Amount{Currency: s.Offer.Currency, Micro: s.Exit}
	}
	return x
}

func (m market) Services() (out []wire.Service) {
	for _, s := range m.b.Services() {
		out = append(out, serviceShown(s))
	}
	return out
}

// with does something with the service of an id.
func (m market) with(id, field string, do func(mesh.ID) (buying.Service, error)) (wire.Service, error) {
	var x mesh.ID
	if err := x.UnmarshalText([]byte(id)); err != nil {
		return wire.Service{}, fault.Of(err).In(field)
	}
	s, err := do(x)
	if err != nil {
		return wire.Service{}, err
	}
	return serviceShown(s), nil
}

func (m market) Service(id string) (wire.Service, error) { return m.with(id, "id", m.b.Service) }

func (m market) OrderService(o wire.OrderService) (wire.Service, error) {
	return m.with(o.Quote, "quote", m.b.Order)
}

func (m market) WithdrawService(id string) (wire.Service, error) {
	return m.with(id, "id", m.b.Withdraw)
}

func (m market) ChangeService(ctx context.Context, id string, c wire.ChangeService) (wire.Offer, error) {
	var x mesh.ID
	if err := x.UnmarshalText([]byte(id)); err != nil {
		return wire.Offer{}, fault.Of(err).In("id")
	}
	o, err := m.b.Change(ctx, x, buying.Wish{Bandwidth: c.Bandwidth, MaxLatency: c.Latency, MinAvailability: c.Availability, Until: int64(c.Until), Attributes: c.Attributes})
	if err != nil {
		return wire.Offer{}, err
	}
	return offerShown(&o), nil
}

func (m market) RescheduleService(ctx context.Context, id string, r wire.RescheduleService) (wire.Service, error) {
	return m.with(id, "id", func(x mesh.ID) (buying.Service, error) {
		return m.b.Reschedule(ctx, x, int64(r.Start), r.Expedite)
	})
}

func (m market) EndService(id string, e wire.EndService) (wire.Service, error) {
	return m.with(id, "id", func(x mesh.ID) (buying.Service, error) { return m.b.End(x, int64(e.At)) })
}

func (m market) BuildService(id string, b wire.BuiltService) (wire.Service, error) {
	return m.with(id, "id", func(x mesh.ID) (buying.Service, error) {
		var f buying.Measured
		if b.Measured != nil {
			f = buying.Measured(*b.Measured)
		}
		return m.b.Built(x, !b.Failed, f)
	})
}

func sessionShown(s buying.Session) wire.Session {
	allowed := []string{}
	if s.State == buying.Opening || s.State == buying.Open {
		allowed = append(allowed, "close")
	}
	return wire.Session{Allowed: allowed, ID: s.ID.String(), Service: s.Service.String(), State: s.State, Why: s.Why, Opened: wire.Time(s.Opened), Closed: wire.Time(s.Closed),
		Sold: s.Sold, Bought: s.Bought}
}

// ids reads the id of a service and that of one of its sessions.
func ids(service, session string) (s, x mesh.ID, err error) {
	if err := s.UnmarshalText([]byte(service)); err != nil {
		return s, x, fault.Of(err).In("id")
	}
	if err := x.UnmarshalText([]byte(session)); err != nil {
		return s, x, fault.Of(err).In("session")
	}
	return s, x, nil
}

func (m market) Sessions(service string) (out []wire.Session, err error) {
	var x mesh.ID
	if err := x.UnmarshalText([]byte(service)); err != nil {
		return nil, fault.Of(err).In("id")
	}
	all, err := m.b.Sessions(x)
	for _, s := range all {
		out = append(out, sessionShown(s))
	}
	return out, err
}

func (m market) Session(service, id string) (wire.Session, error) {
	s, x, err := ids(service, id)
	if err != nil {
		return wire.Session{}, err
	}
	got, err := m.b.Session(s, x)
	return sessionShown(got), err
}

func (m market) OpenSession(service string, o wire.OpenSession) (wire.Session, error) {
	var x mesh.ID
	if err := x.UnmarshalText([]byte(service)); err != nil {
		return wire.Session{}, fault.Of(err).In("id")
	}
	got, err := m.b.OpenSession(x, o.Key)
	return sessionShown(got), err
}

func (m market) CloseSession(service, id string) (wire.Session, error) {
	s, x, err := ids(service, id)
	if err != nil {
		return wire.Session{}, err
	}
	got, err := m.b.CloseSession(s, x)
	return sessionShown(got), err
}
