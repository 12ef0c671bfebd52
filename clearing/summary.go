package clearing

import (
	"cmp"
	"maps"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/reconcile"
	"github.com/lateral-network/lateral/trade/usage"
)

// Summary rates all own records by the accepted sheets, each by its own start
// and end, as if there were no partner. Code: no-agreement.
func (d *Desk) Summary() (Summary, error) {
	book, err := d.ready()
	if err != nil {
		return Summary{}, err
	}
	var prices [2]Prices
	for _, w := range []usage.Way{usage.Forth, usage.Back} {
		t, err := d.tariff(w)
		if err != nil && fault.CodeOf(err) != CodeNoSheet {
			return Summary{}, err
		}
		if err == nil {
			prices[w] = ordered{tariff: t}
		}
	}
	d.mu.Lock()
	rounding := d.schedule.at(d.o.Now()).terms.Rounding.Mode
	imports := slices.Clone(d.imports)
	d.mu.Unlock()
	out := Summary{Periods: book.Periods(), Last: book.Last(), Late: book.Late()}
	for _, i := range imports {
		out.Read += i.Read
		out.Accepted += i.Accepted
		out.Rejected += i.Rejected
		out.Duplicate += i.Duplicate
	}
	out.Totals, err = book.Rated(prices, rounding)
	return out, err
}

// Rated rates all records of the book and rounds each line (rate version and
// period) once. prices stands by way, nil for a direction without a sheet;
// calls without a rate are left out. Code: money-overflow.
func (b *Book) Rated(prices [2]Prices, rounding money.Rounding) ([]Rated, error) {
	type line struct {
		at  Slot
		row uint32
	}
	type sum struct{ calls, seconds uint64 }
	lines := map[line]sum{}
	b.mu.Lock()
	for _, batch := range b.batches {
		for i := range batch.Records {
			r := &batch.Records[i]
			p := prices[r.Way&1]
			if r.Result != usage.Success || p == nil {
				continue
			}
			row, ok := p.Find(r.Destination, r.Origin, r.Start)
			if !ok || p.Row(row).Free(r.Duration) {
				continue
			}
			l := line{Slot{r.Way, b.schedule.period(b.schedule.moment(r.Start, r.Duration))}, row}
			s := lines[l]
			s.calls++
			s.seconds += uint64(p.Row(row).Billed(r.Duration))
			lines[l] = s
		}
	}
	b.mu.Unlock()
	type flow struct {
		way      usage.Way
		currency money.Currency
	}
	sums := map[flow]*Rated{}
	for l, s := range lines {
		row := prices[l.at.Way].Row(l.row)
		f := flow{l.at.Way, row.Currency}
		t := sums[f]
		if t == nil {
			t = &Rated{Direction: b.pair.Direction(l.at.Way), Currency: row.Currency}
			sums[f] = t
		}
		amount, err := rating.Charge(row, s.calls, s.seconds, rounding)
		if err != nil {
			return nil, err
		}
		if t.Amount, err = t.Amount.Add(amount); err != nil {
			return nil, err
		}
		t.Calls += s.calls
		t.BilledSeconds += s.seconds
	}
	var out []Rated
	for _, f := range slices.SortedFunc(maps.Keys(sums), func(a, b flow) int {
		return cmp.Or(cmp.Compare(a.way, b.way), cmp.Compare(a.currency, b.currency))
	}) {
		out = append(out, *sums[f])
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
	slices.SortFunc(out, func(a, b Exception) int {
		return cmp.Or(cmp.Compare(a.Import, b.Import), cmp.Compare(a.Line, b.Line))
	})
	return out
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
// rule has not been asked. Code: not-found.
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
	own := d.ownNumbers(p, x.Row, x.Adjusts)
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
// which they were delivered. Without our statement there are none.
func (d *Desk) ownNumbers(p periodRecord, row uint32, adjusts usage.Interval) map[canon.Hash]numbers {
	d.mu.Lock()
	m, made := d.made[trade.PeriodKey(p.Order, p.Interval)]
	book := d.book
	d.mu.Unlock()
	way, _ := d.pair.Way(p.Direction)
	prices, err := d.tariff(way)
	if !made || book == nil || err != nil {
		return nil
	}
	_, calls, err := book.Commit(m, ordered{tariff: prices}, d.o.Secret[:])
	if err != nil {
		return nil
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
	return out
}
