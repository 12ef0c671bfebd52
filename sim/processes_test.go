package sim

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/node"
	"github.com/lateral-network/lateral/trade/party"
)

// Nodes in one process share sockets only: with every validator and carrier as
// a process of its own the job comes to the same. So it does when a carrier's
// node is a validator too, and follows nobody; it can be replayed from there.
func TestProcessesOfTheirOwnComeToTheSame(t *testing.T) {
	want := theReference(t)
	in, err := readInput(sharedJob(sharedVoice(t)))
	if err != nil {
		t.Fatal(err)
	}
	n, err := Build(Options{
		Dir: t.TempDir(), Carriers: []party.Code{in.us, in.them}, Together: true, Binary: lateral(t),
		Automatic: node.Automatic{Rate: true, Accept: true, Net: true, Pay: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			tails(t, n)
		}
	})
	ctx := within(t, 3*time.Minute)
	got, err := n.voice(ctx, in, sharedJob(sharedVoice(t)), progress(t.Output(), time.Now()))
	if err != nil {
		t.Fatal(err)
	}
	same(t, want.report, got)

	auditor, err := n.Client(in.us, api.Auditor)
	if err != nil {
		t.Fatal(err)
	}
	defer auditor.Close()
	st, err := auditor.Status(ctx)
	if err != nil || len(st.Bilaterals) != 1 {
		t.Fatalf("%+v, %v", st, err)
	}
	c, err := node.ReadConfig(n.byName[string(in.us)].config)
	if err != nil {
		t.Fatal(err)
	}
	if c.Validator == nil || len(c.Follow) != 0 {
		t.Fatalf("the node is not set up as it should be: %+v", c)
	}
	r, err := node.Replay(ctx, c, st.Bilaterals[0].Channel, slog.New(slog.DiscardHandler))
	if err != nil || len(r.Wrong) != 0 || r.Heads[0] == 0 || r.Heads[1] == 0 || uint64(r.Position) < st.Bilaterals[0].Position {
		t.Errorf("the replay gives %+v, %v; the node stands at %d", r, err, st.Bilaterals[0].Position)
	}
}

// crashes kills nodes of a network one after the other, as a power cut would,
// and starts each again: at most one validator of the four is down at a time.
func crashes(ctx context.Context, n *Network, seed uint64, count int, say func(string, ...any)) error {
	random := rand.New(rand.NewPCG(seed, 0))
	pause := func(from, to int) {
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(from+random.IntN(to-from)) * time.Millisecond):
		}
	}
	carriers, validators := n.o.Carriers, n.o.Validators
	for range count {
		pause(0, 500)
		victims := []string{string(carriers[random.IntN(len(carriers))])}
		switch random.IntN(3) {
		case 0:
			victims = []string{fmt.Sprintf("validator-%d", 1+random.IntN(validators))}
		case 1:
			victims = append(victims, fmt.Sprintf("validator-%d", 1+random.IntN(validators)))
		}
		for _, v := range victims {
			if err := n.Kill(v); err != nil {
				return err
			}
		}
		say("killed %v", victims)
		pause(50, 500)
		for _, v := range victims {
			if err := n.Restart(v); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// Whatever is killed, and when: nothing is lost and nothing billed twice.
func TestKilledNodesComeBackAndNothingIsLostOrBilledTwice(t *testing.T) {
	want := theReference(t)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	n, in, err := built(sharedJob(sharedVoice(t)), t.TempDir(), lateral(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := n.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Stop(); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			tails(t, n)
		}
	})
	ctx, say := within(t, 3*time.Minute), progress(t.Output(), time.Now())
	pair, err := n.contracted(ctx, in, sharedJob(sharedVoice(t)), say)
	if err != nil {
		t.Fatal(err)
	}
	crashed := make(chan error, 1)
	go func() { crashed <- crashes(ctx, n, seed, 12, say) }()
	err = n.feed(ctx, pair, in, say)
	if err == nil {
		err = n.quiet(ctx, pair, say, nil)
	}
	say("quiet for the first time")
	if err = errors.Join(err, <-crashed); err != nil {
		t.Fatal(err)
	}
	if err := n.quiet(ctx, pair, say, nil); err != nil {
		t.Fatal(err)
	}
	got, err := n.attested(ctx, pair, in, say)
	if err != nil {
		t.Fatal(err)
	}
	same(t, want.report, got)
}
