package clearing

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/habit"
	"github.com/lateral-network/lateral/trade/usage"
)

// Suggestion is an amendment that own records call for, with what says so. Nobody
// is bound by it: people propose it, and the partner accepts.
type Suggestion struct {
	ID        string // of what is suggested, the same each time
	Agreement string
	habit.Habit
	Terms agreement.Terms // of the amendment: the latest ones, with it
	From  int64           // the next beginning of a period, ms UTC
}

// oddCall is a call that was refused for its number alone.
type oddCall struct {
	file uint32 // number of the import
	usage.Odd
}

// Bounds of what is looked at; the latest of each.
const (
	maxOdd      = 10_000
	maxLearned  = 200_000 // own calls
	maxShowings = 64      // files of the partner
	maxSeen     = 200_000 // calls in them
)

// keptOdd is a call that was refused for its number, as it is kept with its
// import until that is sealed: the archive has accepted calls alone.
type keptOdd struct {
	Start    int64        `cbor:"1,keyasint"`
	Duration uint32       `cbor:"2,keyasint"`
	Line     uint32       `cbor:"3,keyasint"`
	Way      usage.Way    `cbor:"4,keyasint"`
	Result   usage.Result `cbor:"5,keyasint"`
	Origin   usage.Number `cbor:"6,keyasint"`
	Trunk    string       `cbor:"7,keyasint"`
	Written  string       `cbor:"8,keyasint"`
}

func oddKey(number uint32) string { return fmt.Sprintf("odd/%010d", number) }

func keepOdd(calls []usage.Odd) []keptOdd {
	out := make([]keptOdd, len(calls))
	for i, x := range calls {
		out[i] = keptOdd{x.Start, x.Duration, x.Line, x.Way, x.Result, x.Origin, x.Trunk, x.Written}
	}
	return out
}

// oddOf gives what was refused of an import for its numbers.
func (d *Desk) oddOf(number uint32) ([]usage.Odd, error) {
	data, ok, err := d.o.Store.Get(d.prefix + oddKey(number))
	if err != nil || !ok {
		return nil, err
	}
	var kept []keptOdd
	if err := canon.Decode(data, &kept); err != nil {
		return nil, err
	}
	out := make([]usage.Odd, len(kept))
	for i, k := range kept {
		out[i] = usage.Odd{Record: usage.Record{Start: k.Start, Duration: k.Duration, Line: k.Line, Way: k.Way, Result: k.Result, Origin: k.Origin}, Trunk: k.Trunk, Written: k.Written}
	}
	return out, nil
}

// takeOdd keeps what was refused of an import for its numbers. The lock is held.
func (d *Desk) takeOdd(number uint32, batch *usage.Batch) {
	for _, x := range batch.Odd {
		d.odd = append(d.odd, oddCall{number, x})
	}
	batch.Odd = nil
	if more := len(d.odd) - maxOdd; more > 0 {
		d.odd = slices.Delete(d.odd, 0, more)
	}
}

// Suggestions lists the amendments that own records call for, beside what the
// partner has delivered of its own. They are made from what is here each time: one
// that has been agreed is gone. Code: no-agreement.
func (d *Desk) Suggestions() ([]Suggestion, error) {
	book, err := d.ready()
	if err != nil {
		return nil, err
	}
	var s schedule
	var a agreement.Agreement
	err = d.o.Channel.View(func(v view) (err error) {
		if s, err = readSchedule(v, d.o.Line, string(d.o.Partner)); err != nil {
			return err
		}
		a, _, err = get[agreement.Agreement](v, trade.AgreementKey(s[len(s)-1].agreement))
		return err
	})
	if err != nil {
		return nil, err
	}
	if a.State != agreement.Active {
		return nil, nil // nothing of it can be amended any more
	}
	theirs, err := d.shownCalls()
	if err != nil {
		return nil, err
	}
	last := s[len(s)-1]
	by := s.readings(d.o.Me)
	own := append(d.oddOnes(by), d.goodOnes(book, by, theirs)...)
	named := slices.ContainsFunc(own, func(c habit.Call) bool { return c.Trunk != "" })
	var out []Suggestion
	for _, h := range habit.Learn(own, theirs, usage.NewHider(d.o.NumberKey[:]), last.terms.StartTolerance) {
		n := &h.Normalisation
		if n.Trunk == "" && named {
			continue // a rule for calls without a trunk would be one for all
		}
		n.Carrier = d.o.Me
		if n.Kind == agreement.NormaliseClock && len(by) > 0 {
			n.Offset += by[len(by)-1].Offset(n.Trunk)
		}
		terms := last.terms
		terms.Normalisations = with(terms.Normalisations, *n)
		if terms.Validate() != nil || slices.Equal(terms.Normalisations, last.terms.Normalisations) {
			continue
		}
		from := max(d.o.Now(), last.from+1)
		p := last.calendar.At(from)
		if p.From < from {
			from = p.To
		}
		out = append(out, Suggestion{ID: canon.HashOf("lateral/suggestion/1", *n).String()[:8], Agreement: last.agreement, Habit: h, Terms: terms, From: from})
	}
	return out, nil
}

// with puts a normalisation in the place of one for the same records, or behind
// all others.
func with(all []agreement.Normalisation, n agreement.Normalisation) []agreement.Normalisation {
	all = slices.Clone(all)
	i := slices.IndexFunc(all, n.Replaces)
	right := n.Kind == agreement.NormaliseClock && n.Offset == 0 // a clock that is right needs no word
	switch {
	case i >= 0 && right:
		return slices.Delete(all, i, i+1)
	case i >= 0:
		all[i] = n
	case !right:
		all = append(all, n)
	}
	return all
}

// Suggested finds a suggestion. Codes: not-found, no-agreement.
func (d *Desk) Suggested(id string) (Suggestion, error) {
	all, err := d.Suggestions()
	if err != nil {
		return Suggestion{}, err
	}
	for _, x := range all {
		if x.ID == id {
			return x, nil
		}
	}
	return Suggestion{}, fault.Newf(fault.NotFound, "list what is suggested now; what was agreed is gone", "nothing is suggested as %.20q", id).In("id")
}

// showing is a file of the partner's records.
type showing struct {
	to   int64 // end of their period, ms UTC
	file canon.Hash
}

// showed notes that the partner has named a delivery. All periods are looked at
// when the node starts, and so the latest are known again.
func (d *Desk) showed(to int64, file canon.Hash) {
	d.mu.Lock()
	defer d.mu.Unlock()
	x := showing{to, file}
	i, there := slices.BinarySearchFunc(d.showings, x, func(a, b showing) int {
		return cmp.Or(cmp.Compare(a.to, b.to), bytes.Compare(a.file[:], b.file[:]))
	})
	if there {
		return
	}
	d.showings = slices.Insert(d.showings, i, x)
	if len(d.showings) > maxShowings {
		d.showings = slices.Delete(d.showings, 0, 1)
	}
}

// shownCalls reads the partner's latest deliveries that are here. What cannot be
// read shows nothing.
func (d *Desk) shownCalls() (out []habit.Shown, err error) {
	d.mu.Lock()
	files := slices.Clone(d.showings)
	d.mu.Unlock()
	for _, x := range slices.Backward(files) {
		if !d.o.Blobs.Has(x.file) {
			continue // on its way, or erased
		}
		data, err := d.o.Blobs.Get(x.file)
		if err != nil {
			return nil, err
		}
		var in deliveryFile
		if canon.Decode(data, &in) != nil {
			continue
		}
		for _, line := range in.Lines {
			x, err := usage.DecodeDelivery(line)
			if err != nil {
				continue
			}
			way, ok := d.pair.Way(x.Slot.Direction)
			if !ok || len(out)+len(x.Calls) > maxSeen {
				continue
			}
			for _, c := range x.Calls {
				out = append(out, habit.Shown{Way: way, Call: c})
			}
		}
	}
	return out, nil
}

// oddOnes gives the calls that are refused still, by what is agreed now.
func (d *Desk) oddOnes(by agreement.Readings) (out []habit.Call) {
	d.mu.Lock()
	defer d.mu.Unlock()
	again := map[canon.Hash]uint32{} // the last import of a file
	for _, i := range d.imports {
		again[i.File] = i.Number
	}
	for _, x := range d.odd {
		i := d.imports[x.file-1]
		if again[i.File] != x.file {
			continue
		}
		if len(by) > 0 {
			if number, ok := by[len(by)-1].Number(x.Trunk, x.Written); ok {
				if _, ok := usage.ParseNumber([]byte(number)); ok {
					continue
				}
			}
		}
		out = append(out, habit.Call{Start: x.Start, Duration: x.Duration, Way: x.Way, Trunk: x.Trunk, Written: x.Written,
			Untimed: !i.Readings.Equal(by), Row: habit.Row{Import: x.file, Line: x.Line}})
	}
	return out
}

// goodOnes gives own calls that were read by what is agreed now, of the time of
// those that the partner has shown.
func (d *Desk) goodOnes(book *Book, by agreement.Readings, theirs []habit.Shown) (out []habit.Call) {
	from, to := int64(math.MaxInt64), int64(math.MinInt64)
	for i := range theirs {
		from, to = min(from, theirs[i].Start-habit.Farthest), max(to, theirs[i].Start+habit.Farthest)
	}
	var how agreement.Reading
	if len(by) > 0 {
		how = by[len(by)-1]
	}
	if len(by) > 1 {
		from = max(from, how.From)
	}
	for _, i := range slices.Backward(d.Imports()) {
		if !i.Readings.Equal(by) {
			continue
		}
		batch := book.batch(i.Number)
		if batch == nil {
			continue
		}
		for k := range batch.Records {
			r := &batch.Records[k]
			if r.Result != usage.Success || r.Start < from || r.Start > to {
				continue
			}
			c := habit.Call{Start: r.Start, Duration: r.Duration, Way: r.Way, Trunk: batch.Trunks[r.Trunk], Number: r.Destination, Row: habit.Row{Import: i.Number, Line: r.Line}}
			if !how.Numbers(c.Trunk) {
				c.Written = r.Destination.String()
			}
			if out = append(out, c); len(out) == maxLearned {
				return out
			}
		}
	}
	return out
}

// batch gives the records of an import; nil when it is not in the book.
func (b *Book) batch(number uint32) *usage.Batch {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.batches[number]
}
