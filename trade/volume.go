package trade

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// An agreement's terms about volume are discounts and commitments. What one has
// counted in a window of a direction, and what documents say of it, is a record.
// Whatever changes which lines are agreed (a period that is invoiced, a decided
// dispute, a note that is accepted) changes what is counted, and its document
// has the difference between what the term makes of the window now and what
// documents have said before. So the lines about volume of a window's documents
// always add up to what the term makes of the window's lines, computed once,
// whatever came in which order.
//
// A line that is disputed after it was invoiced counts as it was invoiced until
// it is decided: a dispute alone does not take a whole window's discount back.

// volumeTerm is one of the terms about volume: a discount, or a commitment.
type volumeTerm struct {
	rating.Basis
	name       string
	hash       canon.Hash
	discount   *rating.Volume
	commitment *rating.Commitment
}

// volumeTerms gives an agreement's terms about volume, discounts first.
func volumeTerms(terms agreement.Terms) []volumeTerm {
	var out []volumeTerm
	for i := range terms.Volume {
		v := &terms.Volume[i]
		out = append(out, volumeTerm{Basis: v.Basis, name: v.Name, hash: canon.HashOf("lateral/volume/1", v), discount: v})
	}
	for i := range terms.Commitments {
		c := &terms.Commitments[i]
		out = append(out, volumeTerm{Basis: c.Basis, name: c.Name, hash: canon.HashOf("lateral/commitment/1", c), commitment: c})
	}
	return out
}

// of reports whether the term counts lines of a direction and currency.
func (v volumeTerm) of(d usage.Direction, c money.Currency) bool {
	return v.Currency == c && (v.Direction == usage.Direction{} || v.Direction == d)
}

// maxSlices bounds the periods of a window whose places count: a correction of
// an early one looks at all that follow.
const maxSlices = 200_000

// checkVolume sees to it that terms about volume count whole billing periods of
// the two sides.
func (t *tx) checkVolume(terms agreement.Terms) error {
	cycle, err := t.calendar(terms)
	if err != nil {
		return err
	}
	for i, v := range volumeTerms(terms) {
		list := "terms.volume"
		if v.commitment != nil {
			list, i = "terms.commitments", i-len(terms.Volume)
		}
		bad := func(field, remedy, format string, args ...any) error {
			return fault.Newf(rating.CodeBadVolume, remedy, format, args...).In(fmt.Sprintf("%s[%d].%s", list, i, field))
		}
		if d := v.Direction; d != (usage.Direction{}) && d != (usage.Direction{From: t.own, To: t.partner}) && d != (usage.Direction{From: t.partner, To: t.own}) {
			return bad("direction", "name a direction between the two, or none for both", "nothing is cleared in the direction %s here", d)
		}
		if utc(v.Window.Zone) != utc(terms.Zone) {
			return bad("window.zone", "use the zone of the billing cycle", "windows begin by the clock of %s, periods by that of %s", utc(v.Window.Zone), utc(terms.Zone))
		}
		window, err := v.Window.Calendar()
		if err != nil {
			return err
		}
		n, whole := window.Times(cycle)
		if !whole {
			return bad("window", "use a whole number of periods, like 1mo", "a window of %s is no whole number of periods of %s", v.Window.Length, terms.Cycle)
		}
		if v.discount != nil && v.discount.InOrder() && n > maxSlices {
			return bad("window", "use a shorter window or longer periods, or measure money, or reach whole", "a window of %d periods is too long for a marginal discount by seconds", n)
		}
	}
	return nil
}

func utc(zone string) string {
	if zone == "" {
		return "UTC"
	}
	return zone
}

// checkWindows sees to it that an amendment cuts no window of a term that it
// takes off, changes or adds: who had nearly reached a tier would have to begin
// anew.
func checkWindows(before, after agreement.Terms, from int64) error {
	old, fresh := volumeTerms(before), volumeTerms(after)
	for _, pair := range [][2][]volumeTerm{{old, fresh}, {fresh, old}} {
		for _, v := range pair[0] {
			if slices.ContainsFunc(pair[1], func(w volumeTerm) bool { return w.hash == v.hash }) {
				continue
			}
			if err := v.beginsAt("from", from); err != nil {
				return err
			}
		}
	}
	return nil
}

// beginsAt refuses a moment at which no window of the term begins.
func (v volumeTerm) beginsAt(field string, from int64) error {
	window, err := v.Window.Calendar()
	if err != nil {
		return err
	}
	if at := window.At(from); at.From != from {
		return invalid(field, fmt.Sprintf("the window %s of the term %.80q would be cut in two", at, v.name), "name a moment at which a window of the term begins")
	}
	return nil
}

// metering is how the lines of a document are counted.
type metering struct {
	ends    bool                 // a period is invoiced for the first time: a window that ends with it is over
	offered bool                 // a note that waits for its acceptance: nothing is counted so far
	taken   bool                 // a note that was accepted: it is counted now
	said    []invoice.VolumeLine // by the note that was accepted
}

// meter counts lines of a document, reversed ones below zero, for the terms
// about volume in its currency. It gives the lines by which documents say what
// the terms make of their windows then.
func (t *tx) meter(b *billing, c money.Currency, lines []invoice.Line, m metering) ([]invoice.VolumeLine, error) {
	var out []invoice.VolumeLine
	for _, v := range volumeTerms(b.terms) {
		if !v.of(b.period.Direction, c) {
			continue
		}
		made, err := t.meterOne(b, v, lines, m)
		if err != nil {
			return nil, err
		}
		out = append(out, made...)
	}
	return out, nil
}

func (t *tx) meterOne(b *billing, v volumeTerm, lines []invoice.Line, m metering) ([]invoice.VolumeLine, error) {
	dates, err := v.Window.Calendar()
	if err != nil {
		return nil, err
	}
	window := dates.At(b.period.Interval.From)
	key := MeteredKey(b.period.Agreement, b.period.Direction, v.hash, window)
	was, _ := get[Metered](t, key)
	is := was
	more, less, err := v.count(lines)
	if err != nil {
		return nil, err
	}
	change := func(c rating.Counted) (rating.Counted, error) {
		with, err := c.Plus(more)
		if err != nil {
			return c, err
		}
		return with.Less(less)
	}
	if is.Counted, err = change(was.Counted); err != nil {
		return nil, err
	}
	mode := b.terms.Rounding.Mode
	switch {
	case v.commitment != nil:
		is.Over = was.Over || m.ends && dates.At(b.period.Interval.To) != window
		is.Billed = 0
		if is.Over {
			is.Billed, err = v.commitment.Shortfall(is.Counted, mode)
		}
	case v.discount.InOrder():
		is, err = t.inOrder(v.discount, key, b.period.Interval.From, was, is, change, mode, m.offered)
	default:
		is.Billed, err = v.discount.Earned(is.Counted, mode)
		is.Billed = -is.Billed
	}
	if err != nil {
		return nil, err
	}
	if !m.offered && is != was {
		t.put(key, is)
	}
	due, err := is.Billed.Sub(was.Billed)
	if err != nil {
		return nil, err
	}
	for _, said := range m.said {
		if said.Name == v.name {
			if due, err = due.Sub(said.Amount); err != nil {
				return nil, err
			}
		}
	}
	line := invoice.VolumeLine{Name: v.name, Window: window, Seconds: is.Counted.Seconds, Charges: is.Counted.Charges, Amount: due}
	switch {
	case v.commitment != nil:
		line.Kind = invoice.Shortfall
		return nonzero(line), nil
	case m.taken: // what the note itself earns, it has said
		line.Kind, line.Tier = invoice.CatchUp, uint32(v.discount.Reached(is.Counted))
		return nonzero(line), nil
	}
	own, err := more.Charges.Sub(less.Charges)
	if err != nil {
		return nil, err
	}
	return v.discounts(was, is, own, line, mode)
}

// count sums the lines of a document that the term counts: those that are agreed,
// and those that are taken back.
func (v volumeTerm) count(lines []invoice.Line) (more, less rating.Counted, err error) {
	for _, l := range lines {
		if !v.Counts(l.Rate.Destination) {
			continue
		}
		switch l.State {
		case invoice.Agreed:
			more, err = more.Plus(rating.Counted{Seconds: l.BilledSeconds, Charges: l.Amount})
		case invoice.Reversed:
			less, err = less.Plus(rating.Counted{Seconds: l.BilledSeconds, Charges: -l.Amount})
		}
		if err != nil {
			return more, less, err
		}
	}
	return more, less, nil
}

// discounts writes what a document has to say of a discount: by a term whose
// tiers are of a whole window, what lines of before earn or lose is a line of
// its own.
func (v volumeTerm) discounts(was, is Metered, own money.Micro, line invoice.VolumeLine, mode money.Rounding) ([]invoice.VolumeLine, error) {
	line.Tier = uint32(v.discount.Reached(is.Counted))
	due, back := line.Amount, line
	line.Kind, back.Kind, back.Amount = invoice.Discount, invoice.CatchUp, 0
	if share := v.discount.Highest(is.Counted); v.discount.Reach == rating.Whole && share != v.discount.Highest(was.Counted) {
		earned, err := own.MulDiv(int64(share), uint64(rating.Everything), mode)
		if err != nil {
			return nil, err
		}
		line.Amount = -earned
		if back.Amount, err = due.Add(earned); err != nil {
			return nil, err
		}
	}
	return append(nonzero(line), nonzero(back)...), nil
}

func nonzero(l invoice.VolumeLine) []invoice.VolumeLine {
	if l.Amount == 0 {
		return nil
	}
	return []invoice.VolumeLine{l}
}

// inOrder computes a discount that depends on how much the periods before each
// have counted: what the changed one earns now, and what those after it do
// beyond another beginning.
func (t *tx) inOrder(v *rating.Volume, key string, from int64, was, is Metered, change func(rating.Counted) (rating.Counted, error), mode money.Rounding, offered bool) (Metered, error) {
	prefix := slicePrefix(strings.TrimPrefix(key, prefixMetered))
	slice := prefix + millis(from)
	old, _ := get[rating.Counted](t, slice)
	fresh, err := change(old)
	if err != nil || fresh == old {
		return is, err
	}
	if !offered {
		t.put(slice, fresh)
	}
	is.Last = max(was.Last, from)
	earned := func(before uint64, c rating.Counted, sign money.Micro) error {
		x, err := v.Spread(before, c, mode)
		if err == nil {
			is.Billed, err = is.Billed.Sub(sign * x)
		}
		return err
	}
	replace := func(before, beforeNow uint64, c, now rating.Counted) error {
		if err := earned(before, c, -1); err != nil {
			return err
		}
		return earned(beforeNow, now, 1)
	}
	if from >= was.Last {
		before := was.Counted.Seconds - old.Seconds
		return is, replace(before, before, old, fresh)
	}
	before, beforeNow := uint64(0), uint64(0) // seconds of the periods up to the next
	done := false
	at := func() error {
		done = true
		err := replace(before, beforeNow, old, fresh)
		before, beforeNow = before+old.Seconds, beforeNow+fresh.Seconds
		return err
	}
	for k, raw := range t.Scan(prefix) {
		begin, err := strconv.ParseInt(k[len(prefix):], 10, 64)
		if err != nil {
			return is, fault.New(fault.Corrupt, "the key of a period's count is not of the form", "restore this node from a backup").Because(err)
		}
		if begin >= from && !done {
			if err := at(); err != nil {
				return is, err
			}
		}
		if begin == from {
			continue
		}
		c := stored[rating.Counted](raw)
		if done && before != beforeNow {
			if err := replace(before, beforeNow, c, c); err != nil {
				return is, err
			}
		}
		before, beforeNow = before+c.Seconds, beforeNow+c.Seconds
	}
	if !done {
		err = at()
	}
	return is, err
}

// VolumeWindow is where a term about volume stands in a window of a direction.
type VolumeWindow struct {
	Agreement  string
	Direction  usage.Direction
	Window     usage.Interval
	Discount   *rating.Volume     // the term; or
	Commitment *rating.Commitment // the term
	Metered
}

// VolumeWindows gives where the terms about volume stand in each window of which
// something is counted or charged, by agreement, direction, term and window.
func (v View) VolumeWindows() ([]VolumeWindow, error) {
	var out []VolumeWindow
	for a := range v.Agreements() {
		terms := map[string]volumeTerm{}
		for _, version := range a.Versions {
			t, _ := v.Terms(version.Terms)
			for _, x := range volumeTerms(t) {
				terms[x.hash.String()] = x
			}
		}
		prefix := prefixMetered + a.ID + "/"
		for key, raw := range v.Scan(prefix) {
			parts := strings.Split(key[len(prefix):], "/")
			x, known := terms[parts[1]]
			from, err := strconv.ParseInt(parts[2], 10, 64)
			if err != nil || !known {
				return nil, fault.Newf(fault.Corrupt, "restore this node from a backup", "the record %.200s is of no term of its agreement", key)
			}
			w := VolumeWindow{Agreement: a.ID, Discount: x.discount, Commitment: x.commitment, Metered: stored[Metered](raw)}
			if err := w.Direction.UnmarshalText([]byte(parts[0])); err != nil {
				return nil, err
			}
			dates, err := x.Window.Calendar()
			if err != nil {
				return nil, err
			}
			w.Window = dates.At(from)
			out = append(out, w)
		}
	}
	return out, nil
}
