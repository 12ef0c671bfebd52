package comet

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
)

// idleMachine takes everything and keeps nothing, but its root changes with
// each envelope, as a real one's does.
type idleMachine struct{ root ledger.Root }

func (m *idleMachine) Check(ledger.Envelope) error { return nil }

func (m *idleMachine) Apply(b ledger.Block) (ledger.Root, error) {
	for _, e := range b.Envelopes {
		m.root = canon.Sum("idle", m.root[:], e.Signature[:])
	}
	return m.root, nil
}

// committee4 starts four validators for a benchmark.
func committee4(b *testing.B) []*Validator {
	file, start := testFile(4), time.Now()
	var vs []*Validator
	for i := range 4 {
		v, err := Open(Config{
			Network: file, Start: start, Home: b.TempDir(), Key: testKey("block", i), NodeKey: testKey("node", i),
			FollowListen: "127.0.0.1:0", AllowFollower: func(sign.PublicKey) bool { return true },
			AllowNode: func(string) bool { return true },
		}, &idleMachine{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { v.Close() })
		for k, o := range vs {
			if err := v.Connect(Peer{testKey("node", k).Public(), o.Address()}); err != nil {
				b.Fatal(err)
			}
			if err := o.Connect(Peer{testKey("node", i).Public(), v.Address()}); err != nil {
				b.Fatal(err)
			}
		}
		vs = append(vs, v)
	}
	for _, v := range vs {
		if err := v.app.reach(b.Context(), 3); err != nil {
			b.Fatal(err)
		}
	}
	return vs
}

func benchEnvelope(file ledger.Network, key sign.PrivateKey, size int) ledger.Envelope {
	e := ledger.Envelope{Header: ledger.Header{Chain: file.ChainID, Sequence: 1}, Payload: make([]byte, size)}
	_, _ = rand.Read(e.Payload)
	e.Header.Channel = canon.Sum("bench", e.Payload)
	e.Sign(key)
	return e
}

// BenchmarkCommittee keeps envelopes in flight over four validators in one
// process. Each is in a channel of its own, so that the order of numbers does
// not serialise them.
func BenchmarkCommittee(b *testing.B) {
	for _, c := range []struct {
		name           string
		size, inFlight int
		follow         bool
	}{
		{"256KiB", 255 << 10, 12, false}, {"64KiB", 64 << 10, 48, false}, {"250B", 50, 4000, false},
		{"lone", 50, 1, false}, {"lone-followed", 50, 1, true}, {"256KiB-followed", 255 << 10, 12, true},
	} {
		b.Run(c.name, func(b *testing.B) {
			vs := committee4(b)
			file := vs[0].config.Network
			var to []ledger.Ledger
			for i, v := range vs {
				to = append(to, v)
				if c.follow {
					f, err := Follow(FollowerConfig{Network: file, Key: testKey("follower", 0),
						Endpoints: []Endpoint{{testKey("node", i).Public(), v.FollowAddress()}}})
					if err != nil {
						b.Fatal(err)
					}
					b.Cleanup(func() { f.Close() })
					to[i] = f
				}
			}
			for b.Loop() {
				const warm, duration = 2 * time.Second, 8 * time.Second
				ctx, cancel := context.WithTimeout(b.Context(), warm+duration)
				var mu sync.Mutex
				var times []time.Duration
				begin := time.Now()
				var cpu time.Duration
				time.AfterFunc(warm, func() { mu.Lock(); defer mu.Unlock(); cpu = cpuTime() })
				var wait sync.WaitGroup
				for w := range c.inFlight {
					key := testKey("sender", w%64)
					wait.Go(func() {
						for ctx.Err() == nil {
							e := benchEnvelope(file, key, c.size)
							t := time.Now()
							if _, err := to[w%4].Submit(ctx, e); err != nil {
								if ctx.Err() == nil {
									b.Error(err)
								}
								return
							}
							if time.Since(begin) > warm {
								mu.Lock()
								times = append(times, time.Since(t))
								mu.Unlock()
							}
						}
					})
				}
				wait.Wait()
				cancel()
				slices.Sort(times)
				n := float64(len(times))
				b.ReportMetric(n*float64(c.size)/1e6/duration.Seconds(), "MB/s")
				b.ReportMetric(n/duration.Seconds(), "tx/s")
				b.ReportMetric(float64(times[len(times)/2].Milliseconds()), "p50-ms")
				b.ReportMetric(float64(times[len(times)*99/100].Milliseconds()), "p99-ms")
				b.ReportMetric((cpuTime() - cpu).Seconds(), "cpu-s")
			}
		})
	}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(fmt.Sprint(err))
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
