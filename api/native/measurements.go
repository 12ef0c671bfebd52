package native

import (
	"context"
	"net/http"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/usage"
)

// MeasurementPath names a measurement in a path.
type MeasurementPath struct {
	PartnerPath
	Product string `path:"product" maxLength:"40"`
	From    string `path:"from" doc:"RFC 3339: when the interval begins." example:"2026-11-02T00:00:00Z"`
}

// measurements registers what both sides measure of products.
func (s *server) measurements() {
	const at = "/v1/bilaterals/{partner}/measurements"
	get(s, at, "list-measurements", tagUsage, "What both sides have measured of products, by product and time", s.listMeasurements)
	get(s, at+"/{product}/{from}", "get-measurement", tagUsage, "One measurement", func(_ context.Context, in *MeasurementPath) (*reply[wire.Measurement], error) {
		_, m, err := s.measurement(in)
		return answer(s.shownMeasurement(m)), err
	})
	op := takesCSV(operation(http.MethodPut, "/v1/bilaterals/{partner}/readings", "import-readings", tagUsage,
		"Import readings of what this carrier's meters have shown of products; one replaces those of the same metric that it overlaps, until they are stated"),
		"Readings: CSV with the columns product, from, to, metric and value; at most 64 MiB.")
	delete(op.RequestBody.Content, "application/gzip")
	add(s, op, func(_ context.Context, in *CSVBody) (*reply[wire.ImportedReadings], error) {
		d, err := s.desk(in.Partner)
		if err != nil {
			return nil, err
		}
		i, err := d.ImportReadings(in.body)
		return answer(wire.ImportedReadings(i)), err
	})
	post(s, at, "state-measurement", tagUsage, "State what this side has measured of a product in an interval", func(ctx context.Context, in *struct {
		PartnerPath
		Body wire.StateMeasurement
	}) (*reply[wire.Done[wire.Measurement]], error) {
		b, err := s.with(in.Partner)
		if err != nil {
			return nil, err
		}
		w := in.Body
		body := trade.MeasurementState{Product: w.Product, Interval: w.Interval, Measured: usage.Measured{Root: w.Root, Used: w.Used, Service: w.Service}}
		return change(ctx, s, b, trade.KindMeasure, body, trade.MeasurementKey(w.Product, w.Interval), "measurement of "+clipped(w.Product), s.shownMeasurement)
	})
	post(s, at+"/{product}/{from}/propose", "propose-measurement", tagUsage, "Offer what counts of the figures that are open", func(ctx context.Context, in *struct {
		MeasurementPath
		Body wire.ProposeMeasurement
	}) (*reply[wire.Done[wire.Measurement]], error) {
		return s.changeMeasurement(ctx, &in.MeasurementPath, trade.KindMeasurePropose, func(m usage.Measurement) (any, error) {
			return trade.MeasurementPropose{Product: m.Product, Interval: m.Interval, Used: in.Body.Used, Service: in.Body.Service, Why: in.Body.Why}, nil
		})
	})
	post(s, at+"/{product}/{from}/accept", "accept-measurement", tagUsage, "Accept the partner's offer of what counts", func(ctx context.Context, in *struct {
		MeasurementPath
		Body wire.ProposeMeasurement
	}) (*reply[wire.Done[wire.Measurement]], error) {
		return s.changeMeasurement(ctx, &in.MeasurementPath, trade.KindMeasureAccept, func(m usage.Measurement) (any, error) {
			used, service := in.Body.Used, in.Body.Service
			if len(used)+len(service) == 0 {
				if m.Proposal == nil {
					return nil, fault.New(fault.NotYet, "nobody has offered what counts", "propose it").In("used")
				}
				used, service = m.Proposal.Used, m.Proposal.Service
			}
			return trade.MeasurementPropose{Product: m.Product, Interval: m.Interval, Used: used, Service: service}, nil
		})
	})
	post(s, at+"/{product}/{from}/reject", "reject-measurement", tagUsage, "Reject the partner's offer of what counts", func(ctx context.Context, in *struct {
		MeasurementPath
		Body wire.Answer
	}) (*reply[wire.Done[wire.Measurement]], error) {
		return s.changeMeasurement(ctx, &in.MeasurementPath, trade.KindMeasureReject, func(m usage.Measurement) (any, error) {
			return trade.MeasurementReject{Product: m.Product, Interval: m.Interval, Why: in.Body.Why}, nil
		})
	})
}

func (s *server) measurement(in *MeasurementPath) (b Bilateral, m usage.Measurement, err error) {
	if b, err = s.with(in.Partner); err != nil {
		return b, m, err
	}
	var from wire.Time
	if err := from.UnmarshalText([]byte(in.From)); err != nil {
		return b, m, fault.Of(err).In("from")
	}
	m, err = record[usage.Measurement](b, trade.MeasurementKey(in.Product, usage.Interval{From: int64(from)}), "measurement of "+clipped(in.Product)+" from "+clipped(in.From))
	return b, m, err
}

func (s *server) changeMeasurement(ctx context.Context, in *MeasurementPath, kind trade.Kind, body func(usage.Measurement) (any, error)) (*reply[wire.Done[wire.Measurement]], error) {
	b, m, err := s.measurement(in)
	if err != nil {
		return nil, err
	}
	c, err := body(m)
	if err != nil {
		return nil, err
	}
	return change(ctx, s, b, kind, c, trade.MeasurementKey(m.Product, m.Interval), "measurement of "+clipped(m.Product), s.shownMeasurement)
}

func (s *server) listMeasurements(_ context.Context, in *struct {
	PartnerPath
	PageQuery
	Span
	Product string                 `query:"product" maxLength:"40"`
	State   usage.MeasurementState `query:"state" enum:"stated,agreed,disputed,proposed"`
	People  bool                   `query:"people" doc:"Only those that wait for people: disputed or proposed."`
}) (*reply[api.Page[wire.Measurement]], error) {
	b, err := s.with(in.Partner)
	if err != nil {
		return nil, err
	}
	within, err := in.Span.read()
	if err != nil {
		return nil, err
	}
	prefix := trade.MeasurementPrefix
	if in.Product != "" {
		prefix += in.Product + "/"
	}
	return list(b, prefix, in.PageQuery, func(_ string, m usage.Measurement) (wire.Measurement, bool) {
		return s.shownMeasurement(m), within(m.Interval.From) && (in.State == "" || in.State == m.State) &&
			(!in.People || m.State == usage.MeasurementDisputed || m.State == usage.MeasurementProposed)
	})
}

func (s *server) shownMeasurement(m usage.Measurement) wire.Measurement {
	w := wire.Measurement{Product: m.Product, Interval: m.Interval, State: m.State, Deadline: wire.Time(m.Deadline), Passed: m.Passed, Why: m.Why, Figures: []wire.Figure{}}
	if m.Seller != nil {
		w.Roots.Seller = m.Seller.Root
	}
	if m.Buyer != nil {
		w.Roots.Buyer = m.Buyer.Root
	}
	var used, service []usage.Figure
	if p := m.Proposal; p != nil {
		used, service, w.Proposal = p.Used, p.Service, done(p.Act)
	}
	add := func(of string, stated func(*usage.Measured) []usage.Figure, counted []usage.Counted, proposed []usage.Figure) {
		at := map[string]int{} // index in w.Figures
		figure := func(name string) *wire.Figure {
			i, there := at[name]
			if !there {
				i = len(w.Figures)
				at[name], w.Figures = i, append(w.Figures, wire.Figure{Name: name, Of: of})
			}
			return &w.Figures[i]
		}
		if m.Seller != nil {
			for _, f := range stated(m.Seller) {
				figure(f.Name).Seller = &f.Value
			}
		}
		if m.Buyer != nil {
			for _, f := range stated(m.Buyer) {
				figure(f.Name).Buyer = &f.Value
			}
		}
		for _, c := range counted {
			f := figure(c.Name)
			f.Decided, f.Billed = c.How, c.Billed
			if !c.Open {
				f.Counts = &c.Value
			}
		}
		for _, p := range proposed {
			figure(p.Name).Proposed = &p.Value
		}
	}
	add("use", func(x *usage.Measured) []usage.Figure { return x.Used }, m.Used, used)
	add("service", func(x *usage.Measured) []usage.Figure { return x.Service }, m.Service, service)
	w.Allowed = []string{}
	for _, e := range []usage.MeasurementEvent{usage.MeasurementPropose, usage.MeasurementAccept, usage.MeasurementReject} {
		_, can := m.State.Next(e)
		// An offer is answered by the other side; who has made it may make another.
		own := m.Proposal == nil || m.Proposal.Act.By == s.self()
		if can && own == (e == usage.MeasurementPropose) {
			w.Allowed = append(w.Allowed, string(e))
		}
	}
	return w
}
