package bench

import (
	"context"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
)

// commandBytes is the size of a command, encoded, without authorization.
const commandBytes = 250

// source makes commands whose ids, hashes and amounts come from a seed.
type source struct{ random *rand.ChaCha8 }

func newSource(seed uint64, part int) *source {
	var s [32]byte
	binary.BigEndian.PutUint64(s[:], seed)
	binary.BigEndian.PutUint64(s[8:], uint64(part))
	return &source{rand.NewChaCha8(s)}
}

// document gives a document.record command of commandBytes, which writes one
// record: no two have the same hash.
func (s *source) document() trade.Command {
	var reference [256]byte
	body := trade.DocumentRecord{Kind: "records", Size: 1<<16 + s.random.Uint64()>>40, Count: 1<<8 + s.random.Uint64()>>56,
		Totals: []money.Amount{{Currency: "USD", Micro: money.Micro(1<<32 + s.random.Uint64()>>24)}}}
	s.random.Read(body.Hash[:])
	s.random.Read(reference[:])
	body.Reference = reference[:100]
	c := trade.NewCommand(trade.KindDocumentRecord, body)
	missing := commandBytes - len(canon.Must(c))
	body.Reference = reference[:100+missing]
	return trade.NewCommand(trade.KindDocumentRecord, body)
}

func (s *source) hash() (h canon.Hash) {
	s.random.Read(h[:])
	return h
}

// load keeps a number of commands on their way: each worker sends the next one
// when its last is executed at the member that sent it.
type load struct {
	n      *network
	signed bool // by a delegate, each one

	measuring atomic.Bool
	mu        sync.Mutex // guards what follows
	times     []time.Duration
}

func (l *load) command(s *source, m *member) trade.Command {
	c := s.document()
	if l.signed {
		c = l.n.sign(c, m.keys.delegate(), m, s.hash())
	}
	return c
}

// signedAhead is how many signed commands a second are made before the clock
// starts: delegates sign on machines of their own. What is needed beyond them is
// signed on the way.
const signedAhead = 10_000

// prepare makes a source for each worker, and where commands are signed the
// first ones.
func (l *load) prepare(o LedgerOptions) (sources []*source, ready [][]trade.Command) {
	sources = make([]*source, o.InFlight)
	for w := range sources {
		sources[w] = newSource(o.Seed, w)
	}
	ready = make([][]trade.Command, len(sources))
	if !l.signed {
		return sources, ready
	}
	each := int(signedAhead*(o.WarmUp+o.Duration).Seconds())/len(sources) + 1
	var working sync.WaitGroup
	for w, s := range sources {
		working.Go(func() {
			for range each {
				ready[w] = append(ready[w], l.command(s, l.n.members[w%2]))
			}
		})
	}
	working.Wait()
	return sources, ready
}

// worker sends commands until measuring is over, those that are ready first.
func (l *load) worker(ctx context.Context, s *source, m *member, ready []trade.Command) error {
	var times []time.Duration
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.times = append(l.times, times...)
	}()
	for ctx.Err() == nil {
		var c trade.Command
		if len(ready) > 0 {
			c, ready = ready[0], ready[1:]
		} else {
			c = l.command(s, m)
		}
		begin := time.Now()
		out, err := m.bilateral.Enqueue(c).Wait(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err == nil {
			err = channel.FirstErr(out)
		}
		if err != nil {
			return err
		}
		if l.measuring.Load() {
			times = append(times, time.Since(begin))
		}
	}
	return nil
}

// measured is what one run of a load gave.
type measured struct {
	size      int // bytes of a command
	commands  int
	elapsed   time.Duration
	cpu       time.Duration
	others    float64 // processors that other processes used meanwhile
	p50, p99  time.Duration
	longest   time.Duration
	blocks    int
	envelopes int
	sealed    int // bytes of their payloads
}

// run keeps a worker for each source busy and measures, after a time to warm
// up, for as long as o says. ready are the workers' first commands.
func (l *load) run(ctx context.Context, o LedgerOptions, sources []*source, ready [][]trade.Command) (measured, error) {
	r := measured{size: len(canon.Must(l.command(newSource(o.Seed, -1), l.n.members[0])))}
	caller := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var working sync.WaitGroup
	for w, s := range sources {
		working.Go(func() {
			if err := l.worker(ctx, s, l.n.members[w%2], ready[w]); err != nil {
				cancel(err)
			}
		})
	}
	sleep(ctx, o.WarmUp)
	from, _ := l.n.members[0].Height()
	meter := startMeter()
	l.measuring.Store(true)
	sleep(ctx, o.Duration)
	l.measuring.Store(false)
	r.elapsed, r.cpu, r.others = meter.read()
	to, _ := l.n.members[0].Height()
	failed := context.Cause(ctx)
	cancel(nil)
	working.Wait()
	if failed != nil {
		return r, failed
	}
	slices.Sort(l.times)
	r.commands = len(l.times)
	if n := len(l.times); n > 0 {
		r.p50, r.p99, r.longest = l.times[n/2], l.times[n*99/100], l.times[n-1]
	}
	for block, err := range l.n.validators[0].Blocks(caller, from+1) {
		if err != nil {
			return r, err
		}
		if block.Height > to {
			break
		}
		r.blocks++
		for _, e := range block.Envelopes {
			r.envelopes++
			r.sealed += len(e.Payload)
		}
	}
	return r, nil
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
