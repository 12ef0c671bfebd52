package portal

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/lateral-network/lateral/fault"
)

// limit bounds attempts: so many at once, and then one at a time.
type limit struct {
	most  int
	every time.Duration // until another one may be made

	mu  sync.Mutex // guards what follows
	all map[[32]byte]*attempts
}

type attempts struct {
	left float64
	at   time.Time
}

// maxLimited is how many names or addresses are remembered.
const maxLimited = 20_000

// take makes an attempt, or says when the next one may be made. Code:
// too-many-attempts.
func (l *limit) take(what string, now time.Time) (wait time.Duration, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	key := sha256.Sum256([]byte(what)) // names may be long
	a := l.all[key]
	if a == nil {
		l.room(now)
		a = &attempts{left: float64(l.most), at: now}
		l.all[key] = a
	}
	l.refill(a, now)
	if a.left < 1 {
		wait = time.Duration((1-a.left)*float64(l.every)) + time.Second
		return wait, fault.Newf(CodeTooManyAttempts, "wait, or sign in in another way", "there were too many attempts; the next one may be made in %s", wait.Truncate(time.Second))
	}
	a.left--
	return 0, nil
}

// giveBack takes back an attempt that was right.
func (l *limit) giveBack(what string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if a := l.all[sha256.Sum256([]byte(what))]; a != nil {
		a.left = min(a.left+1, float64(l.most))
	}
}

func (l *limit) refill(a *attempts, now time.Time) {
	a.left = min(float64(l.most), a.left+max(0, float64(now.Sub(a.at))/float64(l.every)))
	a.at = now
}

// room forgets those that have all their attempts again, and when there are still
// too many, any others: a flood of names must not take the memory.
func (l *limit) room(now time.Time) {
	if l.all == nil {
		l.all = map[[32]byte]*attempts{}
	}
	if len(l.all) < maxLimited {
		return
	}
	for k, a := range l.all {
		if l.refill(a, now); a.left >= float64(l.most) {
			delete(l.all, k)
		}
	}
	for k := range l.all {
		if len(l.all) < maxLimited {
			break
		}
		delete(l.all, k)
	}
}
