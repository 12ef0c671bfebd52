package clearing

import (
	"context"
	"fmt"
	"slices"

	"github.com/lateral-network/lateral/trade/usage"
)

// A commitment's window may end with a period in which nobody has usage. What it
// falls short by is charged with that period, so the desk asks for it and states
// that there is nothing: no desk would otherwise.

// maxPromised bounds the periods that a desk has in mind for that at a time.
const maxPromised = 64

// promises are the last periods of commitments' windows that are over and that
// the channel does not have yet. They are made anew when the node starts. Only
// the desk's own work uses them.
type promises struct {
	waiting []Slot
	passed  map[string]int64 // by agreement version and term: windows that begin before it are dealt with; ms UTC
}

// gather adds those that end by a moment, oldest first.
func (p *promises) gather(s schedule, pair usage.Pair, through int64) error {
	if p.passed == nil {
		p.passed = map[string]int64{}
	}
	for i, ph := range s {
		for _, c := range ph.terms.Commitments {
			windows, err := c.Window.Calendar()
			if err != nil {
				return err
			}
			key := fmt.Sprintf("%s/%d/%s", ph.agreement, ph.from, c.Name)
			at := max(ph.from, p.passed[key])
			for len(p.waiting) < maxPromised {
				window := windows.At(at)
				last := ph.calendar.At(window.To - 1)
				if last.To > through || i+1 < len(s) && last.From >= s[i+1].from {
					break
				}
				for _, way := range []usage.Way{usage.Forth, usage.Back} {
					slot := Slot{way, last}
					if d := pair.Direction(way); (c.Direction == usage.Direction{} || c.Direction == d) && !slices.Contains(p.waiting, slot) {
						p.waiting = append(p.waiting, slot)
					}
				}
				at = window.To
			}
			p.passed[key] = at
		}
	}
	return nil
}

// promised asks for the rating of the last periods of commitments' windows that
// are over, whether there is usage in them or not. What no order covers waits.
func (d *Desk) promised(ctx context.Context, through int64) error {
	d.mu.Lock()
	s := d.schedule
	d.mu.Unlock()
	if err := d.promises.gather(s, d.pair, through); err != nil {
		return err
	}
	var rest []Slot
	for _, at := range d.promises.waiting {
		covered := false
		err := d.o.Channel.View(func(v view) (err error) {
			_, covered, err = d.orderOf(v, d.pair.Direction(at.Way), at.Period)
			return err
		})
		if err != nil {
			return err
		}
		if covered {
			if err := d.request(ctx, at); err != nil {
				return err
			}
		}
		d.mu.Lock()
		asked := d.asked[at]
		d.mu.Unlock()
		if !asked {
			rest = append(rest, at)
		}
	}
	d.promises.waiting = rest
	return nil
}
