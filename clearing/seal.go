package clearing

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// sealEvery is how often a desk looks for imports that it can seal, ms.
const sealEvery = 3_600_000

// pastRecord is what the book has let go of, in sums. Its lines and periods stand
// beside it, under pastLineKey and pastPeriodKey, for records of them that come
// later.
type pastRecord struct {
	Through int64       `cbor:"1,keyasint"` // all periods that end by then are over for good; ms UTC
	Periods uint64      `cbor:"2,keyasint"` // with a record of any result
	Last    int64       `cbor:"3,keyasint"` // end of the last of them; ms UTC
	Totals  []pastTotal `cbor:"4,keyasint"` // by direction, then currency
}

// pastTotal is what sealed records of one direction cost in one currency, by the
// rates and the rounding of when they were sealed.
type pastTotal struct {
	Way      usage.Way      `cbor:"1,keyasint"`
	Currency money.Currency `cbor:"2,keyasint"`
	lineSum
	Amount money.Micro `cbor:"5,keyasint"`
}

// pastLine is the sum of a line's sealed calls.
type pastLine struct {
	lineSum
	Currency money.Currency `cbor:"1,keyasint"`
	Amount   money.Micro    `cbor:"5,keyasint"`
}

func pastLineKey(l lineOf) string {
	return fmt.Sprintf("pastline/%d/%d/%d/%d", l.At.Period.From, l.At.Period.To, l.At.Way, l.Row)
}

func pastPeriodKey(p usage.Interval) string { return fmt.Sprintf("pastperiod/%d/%d", p.From, p.To) }

func sealedKey(number uint32) string { return fmt.Sprintf("sealed/%010d", number) }

// sealedRecord is what the book knew of an import's calls beside their records.
type sealedRecord struct {
	Followed []followed  `cbor:"1,keyasint,omitempty"`
	Freed    []freedCall `cbor:"2,keyasint,omitempty"`
}

// freedCall is a call that got a price later.
type freedCall struct {
	Index  uint32 `cbor:"1,keyasint"`
	Closed int64  `cbor:"2,keyasint"` // ms UTC
}

// seal has the book let go of the imports whose calls are over for good: each
// period that they belong to, or are stated in, is closed on the channel without
// an open dispute, and has been over for longer than anything waits. What
// Summary and Exceptions say of them stays, as sums and as it was said last. Only
// the desk's own work calls it.
func (d *Desk) seal() error {
	now := d.o.Now()
	d.mu.Lock()
	due := now >= d.sealAt
	d.mu.Unlock()
	if !due {
		return nil
	}
	d.importing.Lock()
	defer d.importing.Unlock()
	book, err := d.ready()
	if err != nil {
		return err
	}
	through, err := d.settledThrough(now)
	if err != nil {
		return err
	}
	d.mu.Lock()
	made := slices.Collect(maps.Values(d.made))
	rounding := d.schedule.at(now).terms.Rounding.Mode
	d.mu.Unlock()
	through, numbers := book.over(through, made)
	var gone []*usage.Batch
	for _, n := range numbers {
		batch, failed := d.sealOne(book, n, through, rounding)
		if err = failed; err != nil {
			break
		}
		gone = append(gone, batch)
	}
	if len(gone) > 0 {
		d.files.Forget(gone)
	}
	if err != nil {
		return err
	}
	if err := d.expire(now); err != nil {
		return err
	}
	d.mu.Lock()
	d.sealAt = now + sealEvery
	d.mu.Unlock()
	return nil
}

// settledThrough is the moment by which all periods are over for good on the
// channel, ms UTC.
func (d *Desk) settledThrough(now int64) (int64, error) {
	through := d.known()
	d.mu.Lock()
	terms := d.schedule.at(now).terms
	through = min(through, d.through)
	d.mu.Unlock()
	wait := int64(0)
	for _, s := range []agreement.Stage{agreement.StageRequest, agreement.StageStatement, agreement.StageRecords, agreement.StageAcceptance, agreement.StageDecision} {
		wait = max(wait, terms.Deadline(s).Millis)
	}
	through = min(through, now-wait-terms.GraceMillis-terms.LongestCall-terms.StartTolerance)
	err := d.o.Channel.View(func(v view) error {
		for key, raw := range v.Scan(trade.PeriodPrefix) {
			var p periodRecord
			if err := canon.Decode(raw, &p); err != nil {
				return err
			}
			if p.Interval.From >= through {
				continue
			}
			mine := p.Buyer
			if d.seller(p.Direction) {
				mine = p.Seller
			}
			over := p.State == invoice.PeriodClosed && (mine.Complete() || d.named(key))
			for x := range (trade.View{Records: v}).DisputesOf(trade.PeriodRef{Order: p.Order, Interval: p.Interval}) {
				over = over && x.State == dispute.Resolved
			}
			if !over {
				through = p.Interval.From
			}
		}
		return nil
	})
	return through, err
}

// named reports whether the calls of a period that went on without our statement
// are named, as missed.
func (d *Desk) named(key string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	m, made := d.made[key]
	return !made && d.behind(key) || made && len(m.Lines)+len(m.Unrated)+len(m.Outside) == 0
}

// behind reports whether the manifest of a period was put with the past. The lock
// may be held.
func (d *Desk) behind(key string) bool {
	_, ok, err := d.o.Store.Get(d.prefix + "past/" + key)
	return ok && err == nil
}

// sealOne seals an import, in one write, and gives what the book had of it; nothing
// while somebody looks at it.
func (d *Desk) sealOne(book *Book, number uint32, through int64, rounding money.Rounding) (*usage.Batch, error) {
	tariffs, err := d.bothTariffs()
	if err != nil {
		return nil, err
	}
	d.mu.Lock()
	in, past := d.imports[number-1], d.past
	past.Totals = slices.Clone(past.Totals)
	made := maps.Clone(d.made)
	imports := slices.Clone(d.imports)
	d.mu.Unlock()
	in.Sealed, imports[number-1].Sealed = true, true
	past.Through = max(past.Through, through)
	writes := []merkle.Write{{Key: d.prefix + importKey(number), Value: canon.Must(in)}, {Key: d.prefix + oddKey(number)}}
	put := func(key string, v any) {
		writes = append(writes, merkle.Write{Key: d.prefix + key, Value: canon.Must(v)})
	}

	sums := book.sumsOf(number, tariffs)
	for l, s := range sums.lines {
		was, _, err := stored[pastLine](d, pastLineKey(l))
		if err != nil {
			return nil, err
		}
		row := tariffs[l.At.Way].Row(l.Row)
		is := pastLine{lineSum{was.Calls + s.Calls, was.Seconds + s.Seconds}, row.Currency, 0}
		if is.Amount, err = row.Charge(is.Calls, is.Seconds, rounding); err != nil {
			return nil, err
		}
		more, err := is.Amount.Sub(was.Amount)
		if err != nil {
			return nil, err
		}
		if err := past.add(l.At.Way, row.Currency, s, more); err != nil {
			return nil, err
		}
		put(pastLineKey(l), is)
	}
	for p := range sums.periods {
		_, known, err := d.o.Store.Get(d.prefix + pastPeriodKey(p))
		if err != nil {
			return nil, err
		}
		past.Last = max(past.Last, p.To)
		if !known {
			past.Periods++
			put(pastPeriodKey(p), true)
		}
	}
	put("past", past)
	if r := book.beside(number); len(r.Followed)+len(r.Freed) > 0 {
		put(sealedKey(number), r)
	}
	// What names the import's calls alone goes with it.
	drop := func(c call) bool { return c.Import == number }
	for r, err := range d.o.Store.Scan(d.prefix + "follow/") {
		if err != nil {
			return nil, err
		}
		var f []followed
		if err := canon.Decode(r.Value, &f); err != nil {
			return nil, err
		}
		rest := slices.DeleteFunc(slices.Clone(f), func(f followed) bool { return drop(f.Call) })
		switch {
		case len(rest) == 0:
			writes = append(writes, merkle.Write{Key: r.Key})
		case len(rest) < len(f):
			writes = append(writes, merkle.Write{Key: r.Key, Value: canon.Must(rest)})
		}
	}
	for r, err := range d.o.Store.Scan(d.prefix + "freed/") {
		if err != nil {
			return nil, err
		}
		var f freedRecord
		if err := canon.Decode(r.Value, &f); err != nil {
			return nil, err
		}
		n := len(f.Calls)
		f.Calls = slices.DeleteFunc(f.Calls, drop)
		switch {
		case len(f.Calls) == 0:
			writes = append(writes, merkle.Write{Key: r.Key})
		case len(f.Calls) < n:
			writes = append(writes, merkle.Write{Key: r.Key, Value: canon.Must(f)})
		}
	}
	excepted := map[int64][]Exception{}
	var gone []string
	for key, m := range made {
		touched, open := false, m.Period.To > past.Through
		for c := range m.calls {
			touched = touched || drop(c)
			open = open || !imports[c.Import-1].Sealed
		}
		if touched {
			for _, x := range book.exceptions(m, d.unpriced(m.Way)) {
				if x.Import == number {
					excepted[dayOf(x.Start)] = append(excepted[dayOf(x.Start)], x)
				}
			}
		}
		if !open {
			gone = append(gone, key)
			writes = append(writes, merkle.Write{Key: d.prefix + "manifest/" + key})
			put("past/"+key, m)
		}
	}
	for day, list := range excepted { // they name numbers: into a file, which is encrypted
		file, err := d.blob(canon.Must(list))
		if err != nil {
			return nil, err
		}
		put(exceptedKey(day, number), file.Hash)
	}
	slices.SortFunc(writes, func(a, b merkle.Write) int { return cmp.Compare(a.Key, b.Key) })

	// Who asks between the write and the book's letting go sees either all of the
	// import in the book, or none.
	d.recalling.Lock()
	defer d.recalling.Unlock()
	d.summing.Lock()
	defer d.summing.Unlock()
	if !book.idle(number) {
		return nil, nil // its records are being looked at
	}
	if err := d.o.Store.Commit(store.Batch{Writes: writes}); err != nil {
		return nil, err
	}
	batch := book.seal(number, past.Through)
	d.mu.Lock()
	d.imports = imports
	d.past = past
	for _, key := range gone {
		delete(d.made, key)
		delete(d.unrated, key)
	}
	maps.DeleteFunc(d.asked, func(at Slot, _ bool) bool { return at.Period.To <= past.Through })
	d.mu.Unlock()
	d.o.Log.Info("an import is sealed", "import", number, "calls", in.Accepted)
	return batch, nil
}

// exceptedKey names the exceptions of an import and a day.
func exceptedKey(day int64, number uint32) string {
	return fmt.Sprintf("excepted/%08d/%010d", day, number)
}

// stored reads one record of the desk's own.
func stored[T any](d *Desk, key string) (v T, ok bool, err error) {
	data, ok, err := d.o.Store.Get(d.prefix + key)
	if err != nil || !ok {
		return v, false, err
	}
	return v, true, canon.Decode(data, &v)
}

// add adds to a total.
func (p *pastRecord) add(way usage.Way, c money.Currency, s lineSum, amount money.Micro) (err error) {
	i, found := slices.BinarySearchFunc(p.Totals, pastTotal{Way: way, Currency: c}, func(a, b pastTotal) int {
		return cmp.Or(cmp.Compare(a.Way, b.Way), cmp.Compare(a.Currency, b.Currency))
	})
	if !found {
		p.Totals = slices.Insert(p.Totals, i, pastTotal{Way: way, Currency: c})
	}
	t := &p.Totals[i]
	t.Calls += s.Calls
	t.Seconds += s.Seconds
	t.Amount, err = t.Amount.Add(amount)
	return err
}

// over finds, of the imports whose calls are over for good when all periods that
// end by a moment are, the numbers, and down to what moment they are.
func (b *Book) over(through int64, made []Manifest) (int64, []uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	reach := map[uint32]int64{} // when the last period of an import's calls ends
	far := func(c call) { reach[c.Import] = math.MaxInt64 }
	for at, calls := range b.open {
		through = min(through, at.Period.From)
		for _, c := range calls {
			far(c)
		}
	}
	for _, all := range b.late {
		for l, calls := range all {
			through = min(through, l.came)
			for _, c := range calls {
				far(c)
			}
		}
	}
	for _, m := range made {
		for c := range m.calls {
			reach[c.Import] = max(reach[c.Import], m.Period.To)
		}
	}
	var out []uint32
	for n, batch := range b.batches {
		to := reach[n]
		for i := 0; i < len(batch.Records) && to <= through; i++ {
			c := call{n, uint32(i)}
			to = max(to, b.ownSlot(c).Period.To, b.slot(c).Period.To)
		}
		if to <= through && b.pins[n] == 0 {
			out = append(out, n)
		}
	}
	slices.Sort(out)
	return through, out
}

// ownSlot is where a call belongs by our record of it. The lock is held.
func (b *Book) ownSlot(c call) Slot {
	r := b.record(c)
	return Slot{r.Way, b.schedule.period(b.schedule.moment(r.Start, r.Duration))}
}

// idle reports whether an import's records are here and nobody looks at them.
func (b *Book) idle(number uint32) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.batches[number] != nil && b.pins[number] == 0
}

// seal lets go of an import. Periods that end by a moment are over.
func (b *Book) seal(number uint32, through int64) *usage.Batch {
	b.mu.Lock()
	defer b.mu.Unlock()
	batch := b.batches[number]
	if b.sums.of[number] {
		b.count(&b.sums, number, false) // while its records are here
	}
	delete(b.batches, number)
	b.forget(number)
	b.gone[number] = true
	b.sealed(through)
	return batch
}

// sealed notes that periods which end by a moment are over. The lock is held, or
// the book is being made.
func (b *Book) sealed(through int64) {
	b.through = max(b.through, through)
	maps.DeleteFunc(b.stated, func(at Slot, _ bool) bool { return at.Period.To <= b.through })
}

// beside gives what the book knows of an import's calls beside their records.
func (b *Book) beside(number uint32) (out sealedRecord) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c, m := range b.moments {
		if c.Import == number {
			out.Followed = append(out.Followed, followed{c, m.Start, m.Duration})
		}
	}
	for c, closed := range b.freed {
		if c.Import == number {
			out.Freed = append(out.Freed, freedCall{c.Index, closed})
		}
	}
	slices.SortFunc(out.Followed, func(a, b followed) int { return cmp.Compare(a.Call.Index, b.Call.Index) })
	slices.SortFunc(out.Freed, func(a, b freedCall) int { return cmp.Compare(a.Index, b.Index) })
	return out
}

// recalled is a sealed import that was read again.
type recalled struct {
	sealedRecord
	batch  *usage.Batch
	closed int64
}

// pin has the book keep an import's records, and reports whether it has them.
func (b *Book) pin(number uint32) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.pins[number]++
	return b.batches[number] != nil || b.recalled[number] != nil
}

// recall gives the book the records of a sealed import, while it is pinned.
func (b *Book) recall(number uint32, r recalled) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.recalled[number], b.closed[number] = r.batch, r.closed
	for _, f := range r.Followed {
		b.moments[f.Call] = rating.Moment{Start: f.Start, Duration: f.Duration}
	}
	for _, f := range r.Freed {
		b.freed[call{number, f.Index}] = f.Closed
	}
}

// unpin takes pins back. What was recalled goes with the last.
func (b *Book) unpin(numbers []uint32) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, n := range numbers {
		if b.pins[n]--; b.pins[n] > 0 {
			continue
		}
		delete(b.pins, n)
		if b.recalled[n] != nil {
			delete(b.recalled, n)
			b.forget(n)
		}
	}
}

// forget lets go of what is known of an import's calls beside their records. The
// lock is held.
func (b *Book) forget(number uint32) {
	delete(b.closed, number)
	maps.DeleteFunc(b.moments, func(c call, _ rating.Moment) bool { return c.Import == number })
	maps.DeleteFunc(b.freed, func(c call, _ int64) bool { return c.Import == number })
}

// missing finds a call of a manifest whose record was erased.
func (b *Book) missing(m Manifest) (call, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for c := range m.calls {
		if b.record(c).Destination == usage.Withheld {
			return c, true
		}
	}
	return call{}, false
}

// exceptedBefore lists what Exceptions said of calls that are sealed and not
// erased.
func (d *Desk) exceptedBefore() (out []Exception) {
	for r, err := range d.o.Store.Scan(d.prefix + "excepted/") {
		var file canon.Hash
		var data []byte
		var list []Exception
		if err == nil {
			err = canon.Decode(r.Value, &file)
		}
		if err == nil {
			data, err = d.o.Blobs.Get(file)
		}
		if err == nil {
			err = canon.Decode(data, &list)
		}
		if err != nil {
			d.o.Log.Warn("exceptions of sealed imports cannot be read", "record", strings.TrimPrefix(r.Key, d.prefix), "err", err)
			return out
		}
		out = append(out, list...)
	}
	return out
}
