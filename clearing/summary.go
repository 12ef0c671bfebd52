package clearing

import (
	"cmp"
	"maps"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/reconcile"
	"github.com/lateral-network/lateral/trade/usage"
)

// Summary rates all own records by the accepted sheets, each by its own start
// and end, as if there were no partner; each line (rate version and period) is
// rounded once, and calls without a rate are left out. Sealed ones stand as they
// were rated when they were sealed. Where nothing was imported there is nothing to
// rate, and no agreement is needed to say so. Codes: no-agreement, money-overflow.
func (d *Desk) Summary() (Summary, error) {
	d.mu.Lock()
	none := len(d.imports) == 0
	d.mu.Unlock()
	if none {
		return Summary{}, nil
	}
	book, err := d.ready()
	if err != nil {
		return Summary{}, err
	}
	tariffs, err := d.bothTariffs()
	if err != nil {
		return Summary{}, err
	}
	d.summing.Lock()
	defer d.summing.Unlock()
	d.mu.Lock()
	rounding := d.schedule.at(d.o.Now()).terms.Rounding.Mode
	imports := slices.Clone(d.imports)
	past := d.past
	past.Totals = slices.Clone(past.Totals)
	d.mu.Unlock()
	out := Summary{Late: book.Late()}
	for _, i := range imports {
		out.Read += i.Read
		out.Accepted += i.Accepted
		out.Rejected += i.Rejected
		out.Duplicate += i.Duplicate
	}
	sums := book.sumsOfAll(tariffs)
	for p := range sums.periods {
		past.Last = max(past.Last, p.To)
		known := false
		if p.To <= past.Through {
			if _, known, err = d.o.Store.Get(d.prefix + pastPeriodKey(p)); err != nil {
				return Summary{}, err
			}
		}
		if !known {
			past.Periods++
		}
	}
	out.Periods, out.Last = past.Periods, past.Last
	for l, s := range sums.lines {
		var was pastLine
		if l.At.Period.To <= past.Through {
			if was, _, err = stored[pastLine](d, pastLineKey(l)); err != nil {
				return Summary{}, err
			}
		}
		row := tariffs[l.At.Way].Row(l.Row)
		amount, err := row.Charge(was.Calls+s.Calls, was.Seconds+s.Seconds, rounding)
		if err == nil {
			amount, err = amount.Sub(was.Amount)
		}
		if err == nil {
			err = past.add(l.At.Way, row.Currency, s, amount)
		}
		if err != nil {
			return Summary{}, err
		}
	}
	for _, t := range past.Totals {
		out.Totals = append(out.Totals, Rated{d.pair.Direction(t.Way), t.Currency, t.Calls, t.Seconds, t.Amount})
	}
	return out, nil
}

// Exceptions lists own calls that are billed nowhere: no row prices them, or
// their period went on without our statement. By import and line of the file.
func (d *Desk) Exceptions() []Exception {
	d.mu.Lock()
	book := d.book
	made := slices.Collect(maps.Values(d.made))
	d.mu.Unlock()
	var out []Exception
	if book == nil {
		return out
	}
	for _, m := range made {
		out = append(out, book.exceptions(m, d.unpriced(m.Way))...)
	}
	out = append(out, d.exceptedBefore()...)
	slices.SortFunc(out, func(a, b Exception) int {
		return cmp.Or(cmp.Compare(a.Import, b.Import), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Period.From, b.Period.From))
	})
	// One that was sealed in between was found twice.
	return slices.CompactFunc(out, func(a, b Exception) bool { return a.Import == b.Import && a.Line == b.Line && a.Period == b.Period })
}

// unpriced gives what says why a call of a direction has no price.
func (d *Desk) unpriced(way usage.Way) func(destination, origin usage.Number, start int64) fault.Code {
	if t, err := d.tariff(way); err == nil {
		return t.Unpriced
	}
	return func(usage.Number, usage.Number, int64) fault.Code { return rating.CodeNoRate }
}

// Evidence gives what people decide a disputed line from: the calls on which
// the agreed rule gave no answer, as each side delivered them. Empty while the
// rule has not been asked. Codes: not-found, records-erased, import-lost.
func (d *Desk) Evidence(id string) (Evidence, error) {
	out := Evidence{Dispute: id}
	x, p, err := d.disputeOf(id)
	if err != nil {
		return out, err
	}
	line, ok, err := d.decided(x)
	if err != nil || !ok {
		return out, err
	}
	own, err := d.ownNumbers(p, x.Row, x.Adjusts)
	if err != nil {
		return out, err
	}
	// Numbers are those of our own records. What the partner delivered has hidden
	// ones: of a call that both have they are ours, of another nobody here knows
	// them.
	side := func(v, other reconcile.View) *EvidenceCall {
		if v.Leaf.IsZero() {
			return nil
		}
		n, ok := own[v.Leaf]
		if !ok {
			n = own[other.Leaf]
		}
		return &EvidenceCall{Start: v.Start, RawMillis: v.RawMillis, BilledSeconds: v.BilledSeconds, Origin: n.origin, Destination: n.destination}
	}
	for _, i := range line.Evidence {
		out.Items = append(out.Items, EvidenceItem{Kind: i.Kind, Seller: side(i.Seller, i.Buyer), Buyer: side(i.Buyer, i.Seller)})
	}
	return out, nil
}

// disputeOf gives a dispute and its period. Code: not-found.
func (d *Desk) disputeOf(id string) (x dispute.Dispute, p periodRecord, err error) {
	err = d.o.Channel.View(func(v view) error {
		t := trade.View{Records: v}
		var ok bool
		if x, ok = t.Dispute(id); !ok {
			return fault.Newf(fault.NotFound, "list the disputes for their ids", "there is no dispute %s", id)
		}
		p, _ = t.Period(trade.PeriodRef{Order: x.Order, Interval: x.Interval})
		return nil
	})
	return x, p, err
}

// decided gives what the agreed rule made of a disputed line; nothing while it
// has not been asked.
func (d *Desk) decided(x dispute.Dispute) (line reconcile.Decided, ok bool, err error) {
	data, ok, err := d.o.Store.Get(d.prefix + "evidence/" + trade.PeriodKey(x.Order, x.Interval))
	if err != nil || !ok {
		return line, false, err
	}
	var all []reconcile.Decided
	if err := canon.Decode(data, &all); err != nil {
		return line, false, err
	}
	for _, l := range all {
		if l.Row == x.Row && l.Adjusts == x.Adjusts {
			return l, true, nil
		}
	}
	return line, false, nil
}

// numbers are those of a call.
type numbers struct{ origin, destination usage.Number }

// ownNumbers gives the numbers behind our calls of a line, by the leaves under
// which they were delivered. Without our statement there are none. Codes:
// records-erased, import-lost.
func (d *Desk) ownNumbers(p periodRecord, row uint32, adjusts usage.Interval) (map[canon.Hash]numbers, error) {
	book, err := d.ready()
	if err != nil {
		return nil, err
	}
	m, made, release, err := d.manifestOf(book, trade.PeriodKey(p.Order, p.Interval))
	if err != nil || !made {
		return nil, err
	}
	defer release()
	prices, err := d.tariff(m.Way)
	if err != nil {
		return nil, err
	}
	_, calls, err := book.Commit(m, ordered{tariff: prices}, d.o.Secret[:])
	if err != nil {
		return nil, err
	}
	out := map[canon.Hash]numbers{}
	for i, l := range m.Lines {
		if l.Row != row || l.Adjusts != adjusts {
			continue
		}
		for k, n := range book.numbers(l) {
			out[calls[i][k].Leaf()] = n
		}
	}
	return out, nil
}
