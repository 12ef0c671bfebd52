package clearing

import (
	"context"
	"fmt"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/reconcile"
	"github.com/lateral-network/lateral/trade/usage"
)

// CodeNotStated says that this node has no manifest of a statement that the
// channel has from it: its data were lost or belong to another node.
const CodeNotStated fault.Code = "statement-unknown"

// period takes this carrier's next step for a billing period.
func (d *Desk) period(ctx context.Context, key string) error {
	var p periodRecord
	var found bool
	err := d.o.Channel.View(func(v view) (err error) {
		p, found, err = get[periodRecord](v, key)
		return err
	})
	if err != nil || !found {
		return err
	}
	// Invoices may wait for the period to have come this far.
	for _, id := range p.Invoices {
		d.touch(trade.InvoiceKey(id))
	}
	if !p.Bill.IsZero() { // of products: no call belongs to it
		return d.billed(ctx, key, p)
	}
	mine, other := p.Buyer, p.Seller
	if d.seller(p.Direction) {
		mine, other = other, mine
	}
	if !other.Delivered.IsZero() {
		d.showed(p.Interval.To, other.Delivered)
	}
	d.solved("request/" + key)
	if mine.Confirmed || p.Waiting == 0 {
		if err := d.forget(key); err != nil {
			return err
		}
	}
	switch {
	case mine.Complete() && p.State == invoice.PeriodClosed:
		d.closed()
		return nil
	case p.State == invoice.PeriodLapsed:
		if d.o.Automatic.Rate {
			d.act(ctx, "request/"+key, key, trade.NewCommand(trade.KindRatingRequest, trade.RatingRequest{Period: trade.PeriodRef{Order: p.Order, Interval: p.Interval}}))
		}
		return nil
	case !mine.Complete() && (p.State == invoice.PeriodRequested || p.State == invoice.PeriodStated):
		return d.state(ctx, key, p)
	case !mine.Complete():
		return d.miss(key, p)
	case p.State == invoice.PeriodReconciling && p.Waiting > 0:
		return d.reconcile(ctx, key, p, mine, other)
	}
	return nil
}

// maxPart bounds a part of a statement in bytes, well inside an envelope.
const maxPart = 96 << 10

// lineSize is what a line of a statement takes at most, in bytes.
const lineSize = 110

// state states this carrier's usage of a period, once its edges are known.
func (d *Desk) state(ctx context.Context, key string, p periodRecord) error {
	way, ok := d.pair.Way(p.Direction)
	if !ok || d.underWay(actState+key) {
		return nil
	}
	if p.Interval.To > d.known() {
		d.mu.Lock()
		d.held[key] = p.Interval.To // until the period is closed here and the edges have come
		d.mu.Unlock()
		return nil
	}
	book, err := d.ready()
	if err != nil {
		return err
	}
	prices, err := d.tariff(way)
	if err != nil {
		return err
	}
	var o orderRecord
	if err := d.o.Channel.View(func(v view) (err error) {
		o, _, err = get[orderRecord](v, trade.OrderKey(p.Order))
		return err
	}); err != nil {
		return err
	}
	priced := ordered{prices, o.Spec.Scope}
	m, err := d.manifest(book, key, Slot{way, p.Interval}, priced)
	if err != nil {
		return err
	}
	lines, _, err := book.Commit(m, priced, d.o.Secret[:])
	if err != nil {
		return err
	}
	cmds, err := d.statement(p, prices, lines, uint64(len(m.Unrated)+len(m.Outside)))
	if err != nil {
		return err
	}
	d.act(ctx, actState+key, key, cmds...)
	return nil
}

// manifest gives the manifest of a period: the one that was made, or a new one
// that is kept before anybody hears of it. One whose statement was refused,
// because a later sheet has taken its rows out of force, is priced again.
func (d *Desk) manifest(book *Book, key string, at Slot, prices Prices) (m Manifest, err error) {
	d.mu.Lock()
	m, made := d.made[key]
	refused := d.refused[key]
	d.mu.Unlock()
	switch {
	case made && !refused:
		return m, nil
	case made:
		m = book.Reprice(m, prices)
	default:
		if m, err = book.Draft(at, prices); err != nil {
			return m, err
		}
	}
	if err := d.keepManifest(book, key, m); err != nil {
		return m, err
	}
	d.mu.Lock()
	delete(d.refused, key)
	d.mu.Unlock()
	return m, nil
}

// keepManifest keeps a manifest and closes its slot in the book.
func (d *Desk) keepManifest(book *Book, key string, m Manifest) error {
	if err := d.keep("manifest/"+key, canon.Must(m)); err != nil {
		return fmt.Errorf("keeping the manifest of %s: %w", m.Period, err)
	}
	book.Close(m)
	d.mu.Lock()
	d.make(key, m)
	d.mu.Unlock()
	return nil
}

// make notes a manifest that is kept. The lock is held, or the desk is being
// opened.
func (d *Desk) make(key string, m Manifest) {
	d.made[key] = m
	if len(m.Unrated) > 0 {
		d.unrated[key] = true
	} else {
		delete(d.unrated, key)
	}
}

// miss names our calls of a period that went on without our statement, by its
// deadline: they cannot be used any more. Adjustments that the statement would
// have had go into a later one.
func (d *Desk) miss(key string, p periodRecord) error {
	way, ok := d.pair.Way(p.Direction)
	d.mu.Lock()
	old, made := d.made[key]
	d.mu.Unlock()
	if !ok || !made && d.behind(key) || made && len(old.Lines)+len(old.Unrated)+len(old.Outside) == 0 {
		return nil
	}
	book, err := d.ready()
	if err != nil {
		return err
	}
	m := book.Miss(Slot{way, p.Interval})
	var adjustments []call
	for _, l := range old.Lines {
		if l.Adjusts.IsZero() {
			m.Missed = append(m.Missed, l.Calls...)
		} else {
			adjustments = append(adjustments, l.Calls...)
		}
	}
	m.Missed = append(append(m.Missed, old.Unrated...), old.Outside...)
	if err := d.keepManifest(book, key, m); err != nil {
		return err
	}
	book.release(adjustments)
	d.o.Log.Warn("a period went on without this side's statement", "period", p.Interval, "direction", p.Direction, "calls", len(m.Missed))
	return nil
}

// statement splits a statement into commands. Rows that the channel does not
// know yet are proven by commands that come before it. The parts depend on the
// lines alone, so that they are the same when they are made again.
func (d *Desk) statement(p periodRecord, prices *tariff, lines []usage.Line, unrated uint64) ([]trade.Command, error) {
	cmds, err := d.proofs(p.Direction, prices, lines)
	if err != nil {
		return nil, err
	}
	ref := trade.PeriodRef{Order: p.Order, Interval: p.Interval}
	root := usage.StatementRoot(lines)
	var records uint64
	for _, l := range lines {
		records += l.Calls
	}
	parts := slices.Collect(slices.Chunk(lines, maxPart/lineSize))
	if len(parts) == 0 {
		parts = [][]usage.Line{nil}
	}
	for i, part := range parts {
		cmds = append(cmds, trade.NewCommand(trade.KindUsageState, trade.UsageState{
			Period: ref, Part: uint32(i + 1), Of: uint32(len(parts)), Root: root, Records: records, Unrated: unrated, Lines: part,
		}))
	}
	return cmds, nil
}

// proofs makes the commands that prove the rows of lines which the channel does
// not know yet.
func (d *Desk) proofs(direction usage.Direction, prices *tariff, lines []usage.Line) (cmds []trade.Command, err error) {
	prove := trade.RowProve{Direction: direction, Line: d.o.Line}
	size := 0
	send := func() {
		if len(prove.Rows) > 0 {
			cmds = append(cmds, trade.NewCommand(trade.KindRowProve, prove))
			prove.Rows, size = nil, 0
		}
	}
	for _, l := range lines {
		if d.proven(direction, l.Row) {
			continue
		}
		row, err := prices.prove(l.Row)
		if err != nil {
			return nil, err
		}
		prove.Rows = append(prove.Rows, row)
		if size += 150 + 34*len(row.Path); size > maxPart {
			send()
		}
	}
	send()
	return cmds, nil
}

// proven reports whether the channel knows a row, or will before it executes
// what is submitted next; if not, the caller proves it.
func (d *Desk) proven(dir usage.Direction, row uint32) bool {
	key := trade.RowKey(dir, d.o.Line, row)
	d.mu.Lock()
	known := d.rows[key]
	d.rows[key] = true
	d.mu.Unlock()
	return known
}

// reconcile takes the next step for lines on which the statements differ:
// deliver our records of them, take in the partner's, and say what the agreed
// rule makes of both.
func (d *Desk) reconcile(ctx context.Context, key string, p periodRecord, mine, other invoice.Side) error {
	open, err := d.disputed(p)
	if err != nil {
		return err
	}
	ref := trade.PeriodRef{Order: p.Order, Interval: p.Interval}
	if mine.Delivered.IsZero() && !d.underWay("deliver/"+key) {
		data, err := d.delivery(key, p, open)
		if err != nil {
			return err
		}
		file, err := d.blob(data)
		if err != nil {
			return err
		}
		if err := d.o.Send(ctx, kindRecords, key, file); err != nil {
			return err
		}
		d.act(ctx, "deliver/"+key, key, trade.NewCommand(trade.KindUsageDeliver,
			trade.UsageDeliver{Period: ref, File: file.Hash, Size: uint64(file.Size)}))
	}
	if x, ok := d.receipt(key, mine.Delivered, p.Deadline); ok && !mine.Confirmed {
		d.act(ctx, "prove/"+key, key, trade.NewCommand(trade.KindUsageDeliver,
			trade.UsageDeliver{Period: ref, File: x.File, Size: x.Size, Receipt: &x.Receipt}))
	}
	if other.Delivered.IsZero() || !d.o.Blobs.Has(other.Delivered) {
		return nil // the file or the deadline will wake us
	}
	if !other.Confirmed {
		d.act(ctx, "received/"+key, key, trade.NewCommand(trade.KindUsageReceived, trade.UsageReceived{Period: ref, File: other.Delivered}))
	}
	if !mine.Outcome.IsZero() || !mine.Confirmed || !other.Confirmed || d.underWay("compare/"+key) {
		return nil
	}
	c, err := d.compare(key, p, open)
	if err != nil {
		return err
	}
	d.act(ctx, "compare/"+key, key, outcome(c)...)
	return nil
}

// outcomeSize is what a line of an outcome takes at most, in bytes.
const outcomeSize = 60

// outcome splits an outcome into commands.
func outcome(c trade.CompareState) (cmds []trade.Command) {
	parts := slices.Collect(slices.Chunk(c.Lines, maxPart/outcomeSize))
	for i, lines := range parts {
		c.Lines = lines
		if len(parts) > 1 {
			c.Part, c.Of = uint32(i+1), uint32(len(parts))
		}
		cmds = append(cmds, trade.NewCommand(trade.KindCompareState, c))
	}
	return cmds
}

// disputed lists a period's disputes that wait for the rules, in order.
func (d *Desk) disputed(p periodRecord) ([]dispute.Dispute, error) {
	var open []dispute.Dispute
	err := d.o.Channel.View(func(v view) error {
		for x := range (trade.View{Records: v}).DisputesOf(trade.PeriodRef{Order: p.Order, Interval: p.Interval}) {
			if x.State == dispute.Awaiting {
				open = append(open, x)
			}
		}
		return nil
	})
	slices.SortFunc(open, func(a, b dispute.Dispute) int {
		return usage.Line{Row: a.Row, Adjusts: a.Adjusts}.Order(usage.Line{Row: b.Row, Adjusts: b.Adjusts})
	})
	return open, err
}

// Kinds of files between two desks.
const (
	kindRecords = trade.KindRecords // deliveryFile of a period; the subject is the period's key
	kindEdges   = "edges"           // edgesFile
	KindSheet   = "sheet"           // a rate sheet; the subject is its id
)

// deliveryFile is the records of a period's differing lines, as one side has
// them: one usage.Delivery for each line that it stated.
type deliveryFile struct {
	Lines [][]byte `cbor:"1,keyasint"`
}

// delivery gathers our records of disputed lines.
func (d *Desk) delivery(key string, p periodRecord, open []dispute.Dispute) ([]byte, error) {
	book, err := d.ready()
	if err != nil {
		return nil, err
	}
	m, made, release, err := d.manifestOf(book, key)
	if err != nil {
		return nil, err
	}
	defer release()
	if !made {
		return nil, fault.Newf(CodeNotStated, "restore this node's data from a backup", "this node does not have the records of its statement of %s", p.Interval)
	}
	way, _ := d.pair.Way(p.Direction)
	prices, err := d.tariff(way)
	if err != nil {
		return nil, err
	}
	lines, calls, err := book.Commit(m, ordered{tariff: prices}, d.o.Secret[:])
	if err != nil {
		return nil, err
	}
	var out deliveryFile
	for i, l := range lines {
		if slices.ContainsFunc(open, func(x dispute.Dispute) bool { return x.Row == l.Row && x.Adjusts == l.Adjusts }) {
			out.Lines = append(out.Lines, (&usage.Delivery{Slot: slotOf(p, l.Adjusts, l.Row), Calls: calls[i]}).Encode())
		}
	}
	return canon.Must(out), nil
}

// delivered reads a delivery and keeps of it what fits the side's committed
// lines; what does not fit its root the side cannot use.
func (d *Desk) delivered(file canon.Hash, p periodRecord, prices *tariff, stated map[usage.Slot]usage.Line) (map[usage.Slot][]usage.Call, error) {
	data, err := d.o.Blobs.Get(file)
	if err != nil {
		return nil, err
	}
	var in deliveryFile
	out := map[usage.Slot][]usage.Call{}
	if err := canon.Decode(data, &in); err != nil {
		d.o.Log.Warn("a delivery cannot be read and counts as not made", "file", file, "err", err)
		return out, nil
	}
	for i, line := range in.Lines {
		del, err := usage.DecodeDelivery(line)
		if err == nil {
			l, known := stated[del.Slot]
			if !known {
				err = fault.New(usage.CodeNotCommitted, "the delivered line was not stated", "deliver stated lines only")
			} else {
				err = usage.CheckDelivery(del.Slot, l, del, prices.Row(l.Row).Billed)
			}
		}
		if err != nil {
			d.o.Log.Warn("a delivered line does not fit what was stated and is left out", "file", file, "line", i, "err", err)
			continue
		}
		out[del.Slot] = del.Calls
	}
	return out, nil
}

// stated reads a side's whole statement from the channel.
func (d *Desk) stated(v view, p periodRecord, side trade.Side, s invoice.Side) ([]usage.Line, error) {
	var lines []usage.Line
	for part := uint32(1); part <= s.Parts; part++ {
		st, ok, err := get[trade.Statement](v, trade.StatementKey(p.Order, p.Interval, side, part))
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, fault.Newf(fault.Corrupt, "stop the node, move its store away and start it again: it is rebuilt from the ledger and the key file", "part %d of a statement is missing", part)
		}
		lines = append(lines, st.Lines...)
	}
	return lines, nil
}

// compare runs the agreed rule over both deliveries. Both sides do so on the
// same input and get the same answer.
func (d *Desk) compare(key string, p periodRecord, open []dispute.Dispute) (trade.CompareState, error) {
	in, rule, err := d.differing(p, open)
	if err != nil {
		return trade.CompareState{}, err
	}
	if in.Rules, err = trade.DecisionRules(rule, p.Direction); err != nil {
		return trade.CompareState{}, err
	}
	decided, err := reconcile.Decide(in)
	if err != nil {
		return trade.CompareState{}, err
	}
	out := trade.CompareState{Period: trade.PeriodRef{Order: p.Order, Interval: p.Interval}}
	for _, l := range decided {
		o := trade.OutcomeLine{Row: l.Row, Adjusts: l.Adjusts, Manual: l.Open}
		if !l.Open { // people decide the whole of an open line
			o.Calls, o.BilledSeconds = l.Calls, l.BilledSeconds
		}
		out.Lines = append(out.Lines, o)
	}
	data := reconcile.EncodeDecided(decided)
	if err := d.keep("evidence/"+key, data); err != nil {
		return trade.CompareState{}, err
	}
	out.Evidence = canon.Sum("lateral/evidence/1", data)
	return out, nil
}

// differing gathers what disputed lines of a period are decided from, but for
// the rule, and gives the agreed rule beside it. Both deliveries must be here.
func (d *Desk) differing(p periodRecord, lines []dispute.Dispute) (in reconcile.Input, rule agreement.Source, err error) {
	way, _ := d.pair.Way(p.Direction)
	prices, err := d.tariff(way)
	if err != nil {
		return in, rule, err
	}
	var seller, buyer []usage.Line
	var terms agreement.Terms
	err = d.o.Channel.View(func(v view) (err error) {
		if terms, _, err = get[agreement.Terms](v, trade.TermsKey(p.Terms)); err != nil {
			return err
		}
		if seller, err = d.stated(v, p, trade.SellerSide, p.Seller); err != nil {
			return err
		}
		buyer, err = d.stated(v, p, trade.BuyerSide, p.Buyer)
		return err
	})
	if err != nil {
		return in, rule, err
	}
	fromSeller, err := d.delivered(p.Seller.Delivered, p, prices, slots(p, seller))
	if err != nil {
		return in, rule, err
	}
	fromBuyer, err := d.delivered(p.Buyer.Delivered, p, prices, slots(p, buyer))
	if err != nil {
		return in, rule, err
	}
	in = reconcile.Input{Sheet: prices, Tolerances: trade.Tolerances(terms), DestinationCalls: map[string]uint64{}, DestinationSeconds: map[string]uint64{}}
	for _, l := range seller {
		to := prices.Row(l.Row).Destination
		in.DestinationCalls[to] += l.Calls
		in.DestinationSeconds[to] += l.BilledSeconds
	}
	for _, x := range lines {
		in.Lines = append(in.Lines, reconcile.Ref{Adjusts: x.Adjusts, Row: x.Row})
	}
	in.Seller, in.SellerMissing = deliveredLines(p, in.Lines, seller, fromSeller)
	in.Buyer, in.BuyerMissing = deliveredLines(p, in.Lines, buyer, fromBuyer)
	return in, terms.Rule, nil
}

// slotOf names a line of a period's statement.
func slotOf(p periodRecord, adjusts usage.Interval, row uint32) usage.Slot {
	return usage.Slot{Direction: p.Direction, Period: p.Interval, Adjusts: adjusts, Row: row}
}

// slots gives stated lines by their names.
func slots(p periodRecord, lines []usage.Line) map[usage.Slot]usage.Line {
	m := make(map[usage.Slot]usage.Line, len(lines))
	for _, l := range lines {
		m[slotOf(p, l.Adjusts, l.Row)] = l
	}
	return m
}

// deliveredLines puts one side's usable deliveries together, and names those
// missing that it had committed to.
func deliveredLines(p periodRecord, open []reconcile.Ref, stated []usage.Line, got map[usage.Slot][]usage.Call) (out []reconcile.Delivered, missing []reconcile.Ref) {
	lines := slots(p, stated)
	for _, ref := range open {
		slot := slotOf(p, ref.Adjusts, ref.Row)
		calls, ok := got[slot]
		if ok {
			out = append(out, reconcile.Delivered{Line: ref, Calls: calls})
		}
		if _, was := lines[slot]; was && !ok {
			missing = append(missing, ref)
		}
	}
	return out, missing
}
