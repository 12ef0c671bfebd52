package native

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/usage"
)

// overview registers what a person looks at first: all partners together.
func (s *server) overview() {
	get(s, "/v1/today", "get-today", tagNode, "What runs and what waits with all partners: billing cycles, disputes to decide, exposure", s.getToday)
	get(s, "/v1/trend", "get-trend", tagNode, "Calls and money with all partners over a time, by the beginning of their periods", s.getTrend)
}

// bilaterals gives the channel in use with each partner, by its code.
func (s *server) bilaterals() []Bilateral {
	var all []Bilateral
	for code, c := range s.channels() {
		if code != omni {
			all = append(all, c.(Bilateral))
		}
	}
	slices.SortFunc(all, func(a, b Bilateral) int { return strings.Compare(a.Partner(), b.Partner()) })
	return all
}

func (s *server) getToday(ctx context.Context, _ *struct{}) (*reply[wire.Today], error) {
	_, now := s.Member.Height()
	out := wire.Today{At: wire.Time(now), Cycles: []wire.RunningCycle{}, Disputes: []wire.ToDecide{}, Exposure: []wire.Exposed{}, Rejected: []wire.RejectedRows{}}
	for _, b := range s.bilaterals() {
		cycles, err := running(b, now)
		if err != nil {
			return nil, err
		}
		d := wire.ToDecide{Partner: party.Code(b.Partner())}
		if err := s.waiting.look(ctx, b, func(o *open) {
			for _, p := range o.periods {
				if i := slices.IndexFunc(cycles, func(c wire.RunningCycle) bool { return c.Agreement == p.Agreement }); i >= 0 {
					cycles[i].States[p.State]++
				}
			}
			for _, x := range o.disputes {
				if waitsForPeople(x.State) {
					count(&d, x, party.Code(s.Member.Code()))
				}
			}
		}); err != nil {
			return nil, err
		}
		out.Cycles = append(out.Cycles, cycles...)
		if d.Waiting > 0 {
			out.Disputes = append(out.Disputes, d)
		}
		if desk, there := s.Desk(party.Code(b.Partner())); there {
			if rows := desk.Rejected(); rows > 0 {
				out.Rejected = append(out.Rejected, wire.RejectedRows{Partner: party.Code(b.Partner()), Rejected: rows})
			}
		}
		err = s.Member.Omni().View(func(public channel.View) error {
			return b.View(func(v channel.View) error {
				all, err := (trade.View{Records: v}).Credit(public, now)
				for _, x := range all {
					out.Exposure = append(out.Exposure, wire.Exposed{Partner: party.Code(b.Partner()), Agreement: x.Agreement, Payer: x.Payer, Currency: x.Currency,
						State: string(x.State), Exposure: x.Total, Allocation: x.Allocation})
				}
				return err
			})
		})
		if err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(out.Cycles, func(a, b wire.RunningCycle) int { return cmp.Compare(a.Interval.To, b.Interval.To) })
	return answer(out), nil
}

// running gives the cycles of a Bilateral's agreements that are in force.
func running(b Bilateral, now int64) ([]wire.RunningCycle, error) {
	var all []wire.RunningCycle
	err := b.View(func(v channel.View) error {
		view := trade.View{Records: v}
		for a := range view.Agreements() {
			if a.State != agreement.Active || !a.InForce(now) {
				continue
			}
			terms, ok := view.TermsAt(a.ID, now)
			if !ok {
				continue
			}
			cal, err := usage.Cycle{Length: terms.Cycle, Zone: terms.Zone}.Calendar()
			if err != nil {
				return err
			}
			all = append(all, wire.RunningCycle{Partner: party.Code(b.Partner()), Agreement: a.ID, Cycle: terms.Cycle, Zone: cmp.Or(terms.Zone, "UTC"),
				Interval: cal.At(now), Grace: terms.GraceMillis, States: map[invoice.PeriodState]uint64{}})
		}
		return nil
	})
	return all, err
}

// count adds what waits for people. A line for which this side has made the proposal that
// stands waits for the other.
func count(w *wire.ToDecide, d dispute.Dispute, me party.Code) {
	w.Waiting++
	if d.Proposal == nil || d.Proposal.Act.By != me {
		w.Ours++
	}
	if at := wire.Time(d.Deadline); at != 0 && (w.First == 0 || at < w.First) {
		w.First = at
	}
}

// trendPoints is how many pieces a trend has at most.
const trendPoints = 60

func (s *server) getTrend(_ context.Context, in *struct{ Span }) (*reply[wire.Trend], error) {
	from, to, err := in.Span.times()
	if err != nil {
		return nil, err
	}
	_, now := s.Member.Height()
	if to == 0 {
		to = wire.Time(now)
	}
	if in.From == "" || from >= to {
		return nil, fault.New(fault.Invalid, "a trend needs a time that it begins at, before its end", "say from, RFC 3339").In("from")
	}
	piece := max((int64(to)-int64(from)+trendPoints-1)/trendPoints, 1)
	me := party.Code(s.Member.Code())
	points := map[int64]*wire.TrendPoint{}
	for _, b := range s.bilaterals() {
		var failed error
		for key, p := range pieces(b, trade.PeriodPrefix, "", false, &failed) {
			// The key tells the time, so that what is older is not decoded.
			at, err := strconv.ParseInt(key[strings.LastIndexByte(key, '/')+1:], 10, 64)
			if err != nil || at < int64(from) || at >= int64(to) {
				continue
			}
			period, err := decoded[invoice.Period](key, p.raw)
			if err != nil {
				return nil, err
			}
			begin := int64(from) + (at-int64(from))/piece*piece
			point := points[begin]
			if point == nil {
				point = &wire.TrendPoint{At: wire.Time(begin), Money: []wire.TrendMoney{}}
				points[begin] = point
			}
			if err := addTo(point, b, period, me); err != nil {
				return nil, err
			}
		}
		if failed != nil {
			return nil, failed
		}
	}
	out := wire.Trend{From: from, To: to, Points: []wire.TrendPoint{}}
	for _, p := range points {
		out.Points = append(out.Points, *p)
	}
	slices.SortFunc(out.Points, func(a, b wire.TrendPoint) int { return cmp.Compare(a.At, b.At) })
	return answer(out), nil
}

// addTo adds a period to a point: the calls that the seller states, or while it has
// stated none those of the buyer, and its invoices.
func addTo(point *wire.TrendPoint, b Bilateral, p invoice.Period, me party.Code) error {
	calls := p.Seller.Records
	if p.Seller.Statement.IsZero() {
		calls = p.Buyer.Records
	}
	if p.Direction.To == me {
		point.CallsIn += calls
	} else {
		point.CallsOut += calls
	}
	for _, id := range p.Invoices {
		i, err := record[invoice.Invoice](b, trade.InvoiceKey(id), "invoice "+clipped(id))
		if err != nil {
			return err
		}
		n := slices.IndexFunc(point.Money, func(m wire.TrendMoney) bool { return m.Currency == i.Currency })
		if n < 0 {
			n = len(point.Money)
			point.Money = append(point.Money, wire.TrendMoney{Currency: i.Currency})
		}
		sum := &point.Money[n].In
		if i.Seller != me {
			sum = &point.Money[n].Out
		}
		var added money.Micro
		if added, err = sum.Add(i.Total); err != nil {
			return err
		}
		*sum = added
	}
	return nil
}
