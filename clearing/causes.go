package clearing

import (
	"fmt"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/reconcile"
	"github.com/lateral-network/lateral/trade/usage"
)

// Cause is why the buyer expects another amount than an invoice claims.
type Cause string

// The causes, in the order in which they are taken off. The first four are told by
// single calls, which needs the records of both sides.
const (
	CauseOnlySeller  Cause = "only-seller" // calls that the seller alone has
	CauseOnlyBuyer   Cause = "only-buyer"  // calls that the buyer alone has
	CauseDuration    Cause = "duration"    // billed seconds of the same calls
	CauseSkewed      Cause = "skewed"      // calls that the buyer has on another line
	CauseOther       Cause = "other"       // what is left of lines with records: gaps within the tolerance, rounding
	CauseUnexplained Cause = "unexplained" // lines of which the records of one side are not here
	CauseItem        Cause = "item"        // charges for products
	CauseDecided     Cause = "decided"     // lines that are billed as a dispute was decided
)

// causes is their order.
var causes = []Cause{CauseOnlySeller, CauseOnlyBuyer, CauseDuration, CauseSkewed, CauseOther, CauseUnexplained, CauseItem, CauseDecided}

// Waterfall leads from what an invoice claims to what the buyer's own figures come to:
// claimed + all steps = expected, to the millionth.
type Waterfall struct {
	Invoice           string
	Currency          money.Currency
	Claimed, Expected money.Micro
	Steps             []Step // without those that are nothing
}

// Step is one cause.
type Step struct {
	Cause    Cause
	Amount   money.Micro // below zero: the buyer expects less
	Calls    uint64      // that differ so; 0 where calls tell nothing
	Disputes []StepDispute
}

// StepDispute is what one disputed line adds to a step.
type StepDispute struct {
	ID     string
	Amount money.Micro
	Calls  uint64
}

// Waterfall explains an invoice. Codes: not-found, and those of a sheet that is not
// here.
func (d *Desk) Waterfall(id string) (Waterfall, error) {
	var doc invoice.Document
	var p periodRecord
	var lines map[string]dispute.Dispute
	var terms agreement.Terms
	err := d.o.Channel.View(func(v view) error {
		t := trade.View{Records: v}
		var ok bool
		if doc, ok = t.Document(id); !ok {
			return fault.Newf(fault.NotFound, "list the invoices for their ids", "there is no invoice %.60s", id)
		}
		ref := trade.PeriodRef{Order: doc.Order, Interval: doc.Interval}
		p, _ = t.Period(ref)
		lines = map[string]dispute.Dispute{}
		for x := range t.DisputesOf(ref) {
			lines[x.ID] = x
		}
		var err error
		terms, _, err = get[agreement.Terms](v, trade.TermsKey(doc.Terms))
		return err
	})
	if err != nil {
		return Waterfall{}, err
	}
	out := Waterfall{Invoice: doc.ID, Currency: doc.Currency}
	if out.Claimed, err = doc.Total.Add(doc.Open); err != nil {
		return out, err
	}
	sum := steps{}
	explain, err := d.explain(p, lines)
	if err != nil {
		return out, err
	}
	named := map[string]bool{}
	for _, l := range doc.Lines {
		key := l.Dispute
		if key == "" && doc.Note == "" {
			key = dispute.ID(doc.Order, doc.Interval, l.Row, l.Adjusts)
		}
		x, disputed := lines[key]
		if !disputed {
			continue
		}
		named[key] = true
		if l.Amount != x.Seller.Amount || l.Calls != x.Seller.Calls {
			if err := sum.add(CauseDecided, x.ID, l.Amount, x.Buyer.Amount, 0); err != nil {
				return out, err
			}
			continue
		}
		if err := sum.line(x, &l.Rate, terms.Rounding.Mode, explain[x.ID]); err != nil {
			return out, err
		}
	}
	for _, i := range doc.Items {
		key := i.Dispute
		if key == "" {
			key = dispute.ID(doc.Order, doc.Interval, i.Number, usage.Interval{})
		}
		if x, disputed := lines[key]; disputed && x.Product != "" && !named[key] {
			named[key] = true
			if err := sum.add(CauseItem, x.ID, i.Charge.Amount.Micro, x.Buyer.Amount, 0); err != nil {
				return out, err
			}
		}
	}
	// Lines that the buyer alone states are on no document of the seller.
	for _, key := range sortedKeys(lines) {
		x := lines[key]
		if named[key] || x.Invoice != id || x.Product != "" || x.Currency != doc.Currency {
			continue
		}
		var row *rating.Row
		if e := explain[key]; e != nil {
			row = e.row
		}
		if err := sum.line(x, row, terms.Rounding.Mode, explain[key]); err != nil {
			return out, err
		}
	}
	out.Expected = out.Claimed
	for _, c := range causes {
		s := sum[c]
		if s == nil || s.Amount == 0 && s.Calls == 0 {
			continue
		}
		if out.Expected, err = out.Expected.Add(s.Amount); err != nil {
			return out, err
		}
		out.Steps = append(out.Steps, *s)
	}
	return out, nil
}

func sortedKeys(m map[string]dispute.Dispute) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// moves is how the calls of a line differ, by kind: from the seller's figures to the
// buyer's.
type moves struct {
	row  *rating.Row
	kind map[reconcile.Kind]*move
}

type move struct{ differ, calls, seconds int64 }

// tally is a rule that decides nothing: it counts what it is asked about.
type tally map[reconcile.Ref]*moves

// Answer implements [reconcile.Rules].
func (t tally) Answer(c reconcile.Case) reconcile.Answer {
	m := t[c.Line]
	if m == nil {
		m = &moves{kind: map[reconcile.Kind]*move{}}
		t[c.Line] = m
	}
	k := m.kind[c.Kind]
	if k == nil {
		k = &move{}
		m.kind[c.Kind] = k
	}
	k.differ++
	switch c.Kind {
	case reconcile.OnlyBuyer:
		k.calls++
	case reconcile.OnlySeller, reconcile.Shifted:
		k.calls--
	}
	if c.Kind != reconcile.Shifted {
		k.seconds += int64(c.BuyerSeconds)
	}
	k.seconds -= int64(c.SellerSeconds)
	return reconcile.Manual
}

// explain tells by calls how the lines differ that the comparison disputed. It gives
// nothing while records of one side are not here.
func (d *Desk) explain(p periodRecord, lines map[string]dispute.Dispute) (map[string]*moves, error) {
	var compared []dispute.Dispute
	for _, key := range sortedKeys(lines) {
		if x := lines[key]; x.By == "" && x.Product == "" {
			compared = append(compared, x)
		}
	}
	if len(compared) == 0 || !d.o.Blobs.Has(p.Seller.Delivered) || !d.o.Blobs.Has(p.Buyer.Delivered) {
		return nil, nil
	}
	in, _, err := d.differing(p, compared)
	if err != nil {
		return nil, err
	}
	count := tally{}
	in.Rules = count
	if _, err := reconcile.Decide(in); err != nil {
		return nil, err
	}
	out := map[string]*moves{}
	for _, x := range compared {
		m := count[reconcile.Ref{Adjusts: x.Adjusts, Row: x.Row}]
		if m == nil {
			m = &moves{}
		}
		m.row = in.Sheet.Row(x.Row)
		out[x.ID] = m
	}
	return out, nil
}

// steps adds up what each cause moves.
type steps map[Cause]*Step

// add moves a cause by the way from one amount to another.
func (s steps) add(c Cause, id string, from, to money.Micro, calls uint64) error {
	gap, err := to.Sub(from)
	if err != nil || gap == 0 && calls == 0 {
		return err
	}
	if s[c] == nil {
		s[c] = &Step{Cause: c}
	}
	step := s[c]
	if step.Amount, err = step.Amount.Add(gap); err != nil {
		return fmt.Errorf("adding up the cause %s: %w", c, err)
	}
	step.Calls += calls
	step.Disputes = append(step.Disputes, StepDispute{ID: id, Amount: gap, Calls: calls})
	return nil
}

// line walks from the seller's figures of a line to the buyer's, one cause after the
// other. What each costs is the difference of two charges, so that nothing is lost by
// rounding.
func (s steps) line(x dispute.Dispute, row *rating.Row, rounding money.Rounding, m *moves) error {
	if m == nil || row == nil {
		return s.add(CauseUnexplained, x.ID, x.Seller.Amount, x.Buyer.Amount, 0)
	}
	at, calls, seconds := x.Seller.Amount, int64(x.Seller.Calls), int64(x.Seller.BilledSeconds)
	for _, k := range []struct {
		kind  reconcile.Kind
		cause Cause
	}{{reconcile.OnlySeller, CauseOnlySeller}, {reconcile.OnlyBuyer, CauseOnlyBuyer}, {reconcile.Longer, CauseDuration}, {reconcile.Shifted, CauseSkewed}} {
		d := m.kind[k.kind]
		if d == nil {
			continue
		}
		calls, seconds = calls+d.calls, seconds+d.seconds
		if calls < 0 || seconds < 0 {
			break // the delivery is not what was stated
		}
		next, err := row.Charge(uint64(calls), uint64(seconds), rounding)
		if err != nil {
			return err
		}
		if err := s.add(k.cause, x.ID, at, next, uint64(d.differ)); err != nil {
			return err
		}
		at = next
	}
	return s.add(CauseOther, x.ID, at, x.Buyer.Amount, 0)
}

// LineCall is one of our calls of a stated line.
type LineCall struct {
	Start               int64 // ms UTC
	RawMillis           uint32
	BilledSeconds       uint64
	Origin, Destination usage.Number
	Import, Line        uint32 // where the record stands
}

// Calls gives our calls of a line of a period that we have stated; none while we have
// not. Codes: records-erased, import-lost.
func (d *Desk) Calls(order string, period usage.Interval, row uint32, adjusts int64) ([]LineCall, error) {
	book, err := d.ready()
	if err != nil {
		return nil, err
	}
	m, made, release, err := d.manifestOf(book, trade.PeriodKey(order, period))
	if err != nil || !made {
		return nil, err
	}
	defer release()
	prices, err := d.tariff(m.Way)
	if err != nil {
		return nil, err
	}
	var out []LineCall
	for _, l := range m.Lines {
		if l.Row == row && l.Adjusts.From == adjusts {
			out = append(out, book.lineCalls(l, prices.Row(row).Billed)...)
		}
	}
	slices.SortStableFunc(out, func(a, b LineCall) int { return int(a.Start - b.Start) })
	return out, nil
}

// lineCalls reads the calls of a manifest's line.
func (b *Book) lineCalls(l manifestLine, billed func(uint32) uint32) []LineCall {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := make([]LineCall, len(l.Calls))
	for i, c := range l.Calls {
		r := b.record(c)
		out[i] = LineCall{Start: b.start(c), RawMillis: r.Duration, BilledSeconds: uint64(billed(r.Duration)), Origin: r.Origin, Destination: r.Destination, Import: c.Import, Line: r.Line}
	}
	return out
}
