package exchange

import (
	"context"
	"sync"
	"time"
)

// worklist does each piece of work until it succeeds, some at a time, a failed
// one again after a pause of its own.
type worklist[T any] struct {
	retry pace
	do    func(ctx context.Context, work T, failures int) error

	mu      sync.Mutex // guards all below
	queue   queue[attempt[T]]
	busy    int
	changed chan struct{} // closed and replaced when the queue has changed
}

type attempt[T any] struct {
	work     T
	failures int
}

func newWorklist[T any](retry pace, do func(context.Context, T, int) error) *worklist[T] {
	return &worklist[T]{retry: retry, do: do, changed: make(chan struct{})}
}

func (w *worklist[T]) add(work ...T) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, v := range work {
		w.queue.push(attempt[T]{work: v})
	}
	w.tell()
}

// tell makes idle hands look again. The lock is held.
func (w *worklist[T]) tell() {
	close(w.changed)
	w.changed = make(chan struct{})
}

// len counts what is not done.
func (w *worklist[T]) len() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.queue.len() + w.busy
}

// run starts n hands, which work until ctx ends. all waits for them.
func (w *worklist[T]) run(ctx context.Context, all *sync.WaitGroup, n int) {
	for range n {
		all.Go(func() { w.hand(ctx) })
	}
}

func (w *worklist[T]) hand(ctx context.Context) {
	for ctx.Err() == nil {
		w.mu.Lock()
		one := false
		got := w.queue.take(time.Now(), func(attempt[T]) bool { one = !one; return one })
		w.busy += len(got)
		changed, next := w.changed, w.queue.next()
		w.mu.Unlock()
		if len(got) == 0 {
			wait(ctx, changed, next)
			continue
		}
		a := got[0]
		err := w.do(ctx, a.work, a.failures)
		w.mu.Lock()
		w.busy--
		if err != nil {
			a.failures++
			w.queue.postpone(a, time.Now().Add(w.retry.after(a.failures)))
			w.tell()
		}
		w.mu.Unlock()
	}
}

// wait returns when ctx ends, changed is closed, or a time is reached; the
// zero time is never.
func wait(ctx context.Context, changed <-chan struct{}, until time.Time) {
	var tick <-chan time.Time
	if !until.IsZero() {
		timer := time.NewTimer(time.Until(until))
		defer timer.Stop()
		tick = timer.C
	}
	select {
	case <-ctx.Done():
	case <-changed:
	case <-tick:
	}
}
