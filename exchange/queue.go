package exchange

import (
	"math/rand/v2"
	"slices"
	"time"
)

// queue holds work in order and, apart from it, work that failed and waits for
// its time. It takes time as an argument and locks nothing: its owner does.
type queue[T any] struct {
	ready []T
	later []waiting[T]
}

type waiting[T any] struct {
	until time.Time
	work  T
}

func (q *queue[T]) push(work T)      { q.ready = append(q.ready, work) }
func (q *queue[T]) putBack(work []T) { q.ready = slices.Concat(work, q.ready) }
func (q *queue[T]) postpone(work T, until time.Time) {
	q.later = append(q.later, waiting[T]{until, work})
}
func (q *queue[T]) len() int { return len(q.ready) + len(q.later) }

// hurry makes all work ready.
func (q *queue[T]) hurry() { q.due(time.Time{}, true) }

// due makes the work ready whose time has come.
func (q *queue[T]) due(now time.Time, all bool) {
	q.later = slices.DeleteFunc(q.later, func(w waiting[T]) bool {
		if all || !w.until.After(now) {
			q.ready = append(q.ready, w.work)
			return true
		}
		return false
	})
}

// take removes ready work from the front while more says so.
func (q *queue[T]) take(now time.Time, more func(T) bool) []T {
	q.due(now, false)
	n := 0
	for n < len(q.ready) && more(q.ready[n]) {
		n++
	}
	if n == 0 {
		return nil
	}
	out := slices.Clone(q.ready[:n])
	clear(q.ready[:n])
	if q.ready = q.ready[n:]; len(q.ready) == 0 {
		q.ready = nil
	}
	return out
}

// next gives the earliest time at which later work is due; zero for never.
func (q *queue[T]) next() time.Time {
	var at time.Time
	for _, w := range q.later {
		if at.IsZero() || w.until.Before(at) {
			at = w.until
		}
	}
	return at
}

// remove drops work.
func (q *queue[T]) remove(match func(T) bool) {
	q.ready = slices.DeleteFunc(q.ready, match)
	q.later = slices.DeleteFunc(q.later, func(w waiting[T]) bool { return match(w.work) })
}

// pace says how long to wait after failures in a row: the first wait doubled
// for each, up to the longest, half of it by chance so that many nodes do not
// come back at once.
type pace struct {
	first, longest time.Duration
}

func (p pace) after(failures int) time.Duration {
	d := p.longest
	if shift := failures - 1; shift < 32 && p.first<<max(shift, 0) < p.longest {
		d = p.first << max(shift, 0)
	}
	return d/2 + rand.N(d/2+1)
}
