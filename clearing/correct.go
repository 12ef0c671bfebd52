package clearing

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// CodeUnchanged says that the sheets in force price a period as it was invoiced.
const CodeUnchanged fault.Code = "nothing-to-correct"

// Correction is what rating a period again came to.
type Correction struct {
	Notes   []string        // ids of the notes that were issued, one for each currency
	Decided []trade.LineRef // lines that a dispute has decided: they stay as they are
}

// Correct rates a period again, whose usage this carrier has stated as its
// seller, by the sheets that are in force now, and issues what differs from what
// was invoiced as notes. Nobody but a person starts it. What a dispute has
// decided is not priced again: its figures are not those of the records. Codes:
// not-found, forbidden, statement-unknown, records-erased, import-lost, no-rate,
// conflict, nothing-to-correct, and those of the command.
func (d *Desk) Correct(ctx context.Context, orderID string, from int64, why string) (Correction, error) {
	var out Correction
	var p periodRecord
	var o order.Order
	var first, stands []invoice.Line
	key := trade.PeriodKey(orderID, usage.Interval{From: from})
	err := d.o.Channel.View(func(v view) error {
		t := trade.View{Records: v}
		var ok bool
		if p, ok = t.Period(trade.PeriodRef{Order: orderID, Interval: usage.Interval{From: from}}); !ok {
			return fault.New(fault.NotFound, "there is no such period", "list the periods")
		}
		o, _ = t.Order(orderID)
		first, stands = t.Rated(p, 1), t.Rated(p, 0)
		return nil
	})
	if err != nil {
		return out, err
	}
	if !d.seller(p.Direction) {
		return out, fault.New(fault.Forbidden, "the seller rates a period again", "ask the partner")
	}
	book, err := d.ready()
	if err != nil {
		return out, err
	}
	m, made, release, err := d.manifestOf(book, key)
	if err != nil {
		return out, err
	}
	defer release()
	if !made {
		return out, fault.Newf(CodeNotStated, "restore this node's data from a backup", "this node does not have the records of its statement of %s", p.Interval)
	}
	prices, err := d.tariff(m.Way)
	if err != nil {
		return out, err
	}
	covered := ordered{prices, o.Spec.Scope}
	stated, _, err := book.Commit(m, covered, d.o.Secret[:])
	if err != nil {
		return out, err
	}
	same := map[trade.LineRef]bool{} // lines that were billed as we had stated them
	for _, l := range first {
		ref := trade.LineRef{Row: l.Row, Adjusts: l.Adjusts}
		if i := slices.IndexFunc(stated, func(s usage.Line) bool { return lineRef(s) == ref }); i >= 0 && l.Dispute == "" && billedAs(l, stated[i]) {
			same[ref] = true
		} else {
			out.Decided = append(out.Decided, ref)
		}
	}
	again := book.Rate(m, func(l manifestLine) bool { return same[trade.LineRef{Row: l.Row, Adjusts: l.Adjusts}] }, covered)
	if n := len(again.Unrated) + len(again.Outside); n > 0 {
		return out, fault.Newf(rating.CodeNoRate, "agree on a sheet that prices them", "the sheets in force do not price %d of the period's calls", n)
	}
	lines, _, err := book.Commit(again, covered, d.o.Secret[:])
	if err != nil {
		return out, err
	}
	stands = slices.DeleteFunc(stands, func(l invoice.Line) bool {
		return slices.Contains(out.Decided, trade.LineRef{Row: l.Row, Adjusts: l.Adjusts})
	})
	bodies, err := corrections(p, stands, lines, prices, why)
	if err != nil {
		return out, err
	}
	cmds, err := d.proofs(p.Direction, prices, lines)
	if err != nil {
		return out, err
	}
	for _, b := range bodies {
		c, err := d.o.Authorize(trade.NewCommand(trade.KindInvoiceCorrect, b), party.Finance)
		if err != nil {
			d.forgetRows()
			return out, err
		}
		cmds = append(cmds, c)
	}
	done, err := d.o.Channel.Submit(ctx, cmds...)
	if err == nil {
		err = channel.FirstErr(done)
	}
	if err != nil {
		d.forgetRows()
	}
	for _, x := range done {
		for _, e := range x.Events {
			if e.Kind == trade.EventInvoiceIssued {
				out.Notes = append(out.Notes, strings.TrimPrefix(e.Subject, trade.InvoicePrefix))
			}
		}
	}
	return out, err
}

// forgetRows has rows proven again that came with commands which were refused.
func (d *Desk) forgetRows() {
	d.mu.Lock()
	defer d.mu.Unlock()
	clear(d.rows)
}

func lineRef(l usage.Line) trade.LineRef { return trade.LineRef{Row: l.Row, Adjusts: l.Adjusts} }

// billedAs reports whether a line was invoiced with the figures of a stated one.
func billedAs(l invoice.Line, s usage.Line) bool {
	return l.Calls == s.Calls && l.RawMillis == s.RawMillis && l.BilledSeconds == s.BilledSeconds
}

// maxChanged is how many lines a part of a correction changes, so that it fits
// an envelope.
const maxChanged = maxPart / lineSize

// corrections makes the bodies of the commands that put lines in the place of
// those in force, one note for each currency in which something changes. Codes:
// conflict, nothing-to-correct.
func corrections(p periodRecord, stands []invoice.Line, lines []usage.Line, prices *tariff, why string) ([]trade.InvoiceCorrect, error) {
	old := map[trade.LineRef]invoice.Line{}
	calls := map[money.Currency]int64{} // that leave the currency, less those that come
	changes := map[money.Currency]*trade.InvoiceCorrect{}
	in := func(c money.Currency) *trade.InvoiceCorrect {
		if changes[c] == nil {
			changes[c] = &trade.InvoiceCorrect{Period: trade.PeriodRef{Order: p.Order, Interval: p.Interval}, Currency: c, Why: why}
		}
		return changes[c]
	}
	for _, l := range stands {
		old[trade.LineRef{Row: l.Row, Adjusts: l.Adjusts}] = l
	}
	for _, l := range lines {
		ref := lineRef(l)
		was, there := old[ref]
		if there && billedAs(was, l) {
			delete(old, ref)
			continue
		}
		c := prices.Row(l.Row).Currency
		calls[c] -= int64(l.Calls)
		in(c).Lines = append(in(c).Lines, l)
	}
	for ref, l := range old {
		calls[l.Rate.Currency] += int64(l.Calls)
		in(l.Rate.Currency).Reversed = append(in(l.Rate.Currency).Reversed, ref)
	}
	if len(changes) == 0 {
		return nil, fault.Newf(CodeUnchanged, "agree on a sheet that prices it otherwise, with a beginning before it", "the sheets in force price %s as it was invoiced", p.Interval)
	}
	var out []trade.InvoiceCorrect
	for _, c := range slices.Sorted(maps.Keys(changes)) {
		if calls[c] != 0 {
			return nil, fault.Newf(fault.Conflict, "agree on a sheet in the currency that was invoiced", "the sheets in force price calls in another currency than %s was invoiced in", p.Interval).In("currency")
		}
		out = append(out, inNoteParts(*changes[c])...)
	}
	return out, nil
}

// inNoteParts puts the changes of a note in order and splits them into parts.
func inNoteParts(c trade.InvoiceCorrect) (out []trade.InvoiceCorrect) {
	slices.SortFunc(c.Reversed, func(a, b trade.LineRef) int {
		return usage.Line{Row: a.Row, Adjusts: a.Adjusts}.Order(usage.Line{Row: b.Row, Adjusts: b.Adjusts})
	})
	if len(c.Reversed)+len(c.Lines) <= maxChanged {
		return []trade.InvoiceCorrect{c}
	}
	for refs := range slices.Chunk(c.Reversed, maxChanged) {
		x := c
		x.Reversed, x.Lines = refs, nil
		out = append(out, x)
	}
	for lines := range slices.Chunk(c.Lines, maxChanged) {
		x := c
		x.Reversed, x.Lines = nil, lines
		out = append(out, x)
	}
	for i := range out {
		out[i].Part, out[i].Of = uint32(i+1), uint32(len(out))
	}
	return out
}
