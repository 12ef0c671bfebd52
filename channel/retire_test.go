package channel

import (
	"bytes"
	"context"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/proof"
)

// turnSealing registers a new sealing key of BRAVO and waits until the channels
// given use it. It returns the keys that count no more.
func turnSealing(t testing.TB, b *carrier, channels ...*Bilateral) []seal.PublicKey {
	t.Helper()
	fresh := must(seal.GenerateKey(nil))
	b.keys.mu.Lock()
	var former []seal.PublicKey
	for _, k := range b.keys.sealing {
		former = append(former, k.Public())
	}
	b.keys.sealing = append([]seal.Key{fresh}, b.keys.sealing...)
	b.keys.mu.Unlock()
	before := map[*Bilateral]uint32{}
	for _, c := range channels {
		before[c] = c.Epoch()
	}
	submit(t, b.Omni(), toyCommand("seal", toyMember{Code: b.code, Sealing: []toySealing{{fresh.Public(), 0}}}))
	for _, c := range channels {
		eventually(t, "a new epoch is in force", func() bool {
			submit(t, c, put("tick", "1"))
			return c.Epoch() > before[c]
		})
	}
	return former
}

// retired destroys the former sealing keys of BRAVO. Heads leave by a clock that
// the test moves.
func retired(t testing.TB, b *carrier, former []seal.PublicKey, clocks ...*carrier) {
	t.Helper()
	ctx := timeout(t)
	defer ticking(append(clocks, b)...)()
	eventually(t, "the old key is destroyed", func() bool {
		done, err := b.Retire(ctx, former)
		if err != nil && fault.CodeOf(err) != fault.NotYet {
			t.Fatal(err)
		}
		return done
	})
	for _, k := range b.keys.Sealing() {
		for _, f := range former {
			if k.Public() == f {
				t.Fatal("an old key is there still")
			}
		}
	}
}

// ticking moves clocks until it is stopped.
func ticking(all ...*carrier) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for ctx.Err() == nil {
			for _, c := range all {
				c.clock.advance(attestWithin)
			}
			time.Sleep(5 * time.Millisecond)
		}
	}()
	return func() { cancel(); <-ended }
}

// lose has a carrier lose a folder, or with "" all but its keys, and start again.
func (c *carrier) lose(t testing.TB, folder string) {
	t.Helper()
	c.stop()
	if err := os.RemoveAll(filepath.Join(c.dir, folder)); err != nil {
		t.Fatal(err)
	}
	c.tune = func(o *Options) { o.Rebuilt = folder == "" }
	c.start()
	<-c.Ready()
}

// destroyed is a pair in which BRAVO has destroyed its old sealing key, lost a
// folder, see lose, and stopped, while ALPHA has gone on.
func destroyed(t testing.TB, folder string) *pair {
	t.Helper()
	p := newPair(t, networkOptions{})
	submit(t, p.left, put("a", "1"), put("b", "1"), put("destroy", "yes"))
	submit(t, p.right, put("c", "1"))
	former := turnSealing(t, p.b, p.right)
	submit(t, p.left, put("d", "1"))
	retired(t, p.b, former, p.a)
	submit(t, p.left, put("a", "2"), put("e", "1"))
	submit(t, p.right, put("f", "1"), put("b", "2"))
	p.attest(t)
	p.b.lose(t, folder)
	p.right = find(t, p.b, p.left.ID())
	submit(t, p.left, put("a", "3"), put("g", "1"), toyCommand("count", 0)) // which nobody else has signed
	if err := p.b.WaitFor(timeout(t), p.b.tip()); err != nil {
		t.Fatal(err)
	}
	return p
}

func exportOf(t testing.TB, b *Bilateral) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := b.Export(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestAfterOldKeysAreDestroyedALostNodeSaysThatAKeyIsMissing(t *testing.T) {
	p := destroyed(t, "")
	eventually(t, "the channel is halted", func() bool { return p.right.State() == StateHalted })
	err := p.right.Err()
	if fault.CodeOf(err) != CodeKeyMissing || p.right.Partner() != "ALPHA" {
		t.Errorf("halted by %v", err)
	}
	if remedy := fault.Of(err).Remedy; !bytes.Contains([]byte(remedy), []byte("lateral bilateral export")) {
		t.Errorf("the remedy is %q", remedy)
	}
	if v := p.right.snapshot(); v.Size > 2 { // what was in the open
		t.Errorf("%d blocks were executed without a key", v.Size)
	}
	if err := p.a.Restorable(p.left.ID()); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("a channel that runs takes an export: %v", err)
	}
	submit(t, p.b.Omni(), put("x", "1")) // the Omnilateral goes on
}

func TestALostNodeIsRestoredFromThePartnersExport(t *testing.T) {
	p := destroyed(t, "")
	data := exportOf(t, p.left)
	if err := p.b.Restore(p.left.ID(), bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	if err := p.b.Restore(p.left.ID(), bytes.NewReader(data)); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("restored twice: %v", err)
	}
	p.b.tune = nil // its outbox knows by now what was sent before
	p.b.stop()
	p.b.start()
	<-p.b.Ready()
	p.right = find(t, p.b, p.left.ID())
	p.level(t)
	if p.right.State() != StateOpen || p.b.Sending() != nil {
		t.Fatalf("the channel is %s, %v, %v", p.right.State(), p.right.Err(), p.b.Sending())
	}
	submit(t, p.right, put("b", "3"), toyCommand("count", 0))
	submit(t, p.left, toyCommand("count", 0))
	p.attest(t)
	for key, want := range map[string]string{"r/a": "3", "r/b": "3", "r/c": "1", "r/g": "1"} {
		if v, _, err := p.right.Get(key); err != nil || string(v) != want {
			t.Errorf("%s is %q, %v", key, v, err)
		}
	}
	if n := countPuts(t, p.right, "a"); n != 3 {
		t.Errorf("the events tell of %d changes", n)
	}
	// It keeps the promise on, and can help the partner in its turn.
	former := turnSealing(t, p.b, p.right)
	retired(t, p.b, former, p.a)
	p.newEpoch(t)
	p.bothAnchor(t)
	if len(exportOf(t, p.right)) == 0 {
		t.Error("an empty export")
	}
}

func (p *pair) bothAnchor(t testing.TB) {
	t.Helper()
	defer ticking(p.a, p.b)()
	if _, err := p.left.Anchor(timeout(t)); err != nil {
		t.Fatal(err)
	}
}

// A node that still knows what it signed last takes no other log.
func TestARestoredLogIsTheOneThatThisNodeHasSigned(t *testing.T) {
	p := destroyed(t, "store")
	data, id := exportOf(t, p.left), p.left.ID()
	p.b.outbox.mu.Lock()
	signed, ok := p.b.outbox.heads[id]
	p.b.outbox.heads[id] = proof.Head{Channel: id, Position: 3, Size: 2, Root: canon.Hash{9}}
	p.b.outbox.mu.Unlock()
	if err := p.b.Restore(id, bytes.NewReader(data)); !ok || fault.CodeOf(err) != CodeSignedOtherwise {
		t.Errorf("another log than was signed: %v", err)
	}
	p.b.outbox.mu.Lock()
	p.b.outbox.heads[id] = signed // beyond the anchor
	p.b.outbox.mu.Unlock()
	if err := p.b.Restore(id, bytes.NewReader(data)); err != nil {
		t.Fatal(err)
	}
	p.b.stop()
	p.b.start()
	<-p.b.Ready()
	p.right = find(t, p.b, id)
	p.level(t)
	if p.right.State() != StateOpen || p.b.Sending() != nil {
		t.Fatalf("the channel is %s, %v, %v", p.right.State(), p.right.Err(), p.b.Sending())
	}
	submit(t, p.right, put("b", "3"))
	p.attest(t)
}

// An export is of the anchored state although the partner has gone on alone.
func TestAnExportIsOfTheStateThatBothHaveSigned(t *testing.T) {
	p := destroyed(t, "")
	x := must(readExport(bytes.NewReader(exportOf(t, p.left))))
	if now := p.left.snapshot(); uint64(len(x.leaves)) >= now.Size {
		t.Errorf("an export of %d blocks of %d", len(x.leaves), now.Size)
	}
	for _, r := range x.records {
		if string(r.Key) == "r/g" || string(r.Key) == "r/a" && string(r.Value) != "1" {
			t.Errorf("the export has %s = %q", r.Key, r.Value)
		}
	}
}

func TestAnAlteredExportIsRefusedAndChangesNothing(t *testing.T) {
	p := destroyed(t, "")
	data := exportOf(t, p.left)
	before := p.right.snapshot()
	refused := func(what string, data []byte) {
		t.Helper()
		err := p.b.Restore(p.left.ID(), bytes.NewReader(data))
		if c := fault.CodeOf(err); c != CodeExportRefused && c != CodeKeyMissing {
			t.Fatalf("%s: %v", what, err)
		}
		if now := p.right.snapshot(); now.Root != before.Root || now.Size != before.Size {
			t.Fatalf("%s: something was written", what)
		}
	}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	for range 200 {
		bad := bytes.Clone(data)
		i := random.IntN(len(bad))
		bad[i] ^= 1 << random.IntN(8)
		if x, err := readExport(bytes.NewReader(bad)); err == nil && trusted(t, data, x) {
			continue
		}
		refused("a flipped bit", bad)
		refused("cut off", data[:i])
	}
	refused("something behind it", append(bytes.Clone(data), 0))
	refused("nothing", nil)
	for what, change := range map[string]func(*export){
		"another record":         func(x *export) { x.records[0].Value = []byte("lie") },
		"a record less":          func(x *export) { x.records = x.records[1:] },
		"a block less":           func(x *export) { x.raw = x.raw[:len(x.raw)-1] },
		"an entry less":          func(x *export) { x.events = x.events[1:] },
		"an entry twice":         func(x *export) { x.events = append(x.events[:1:1], x.events...) },
		"another anchor":         func(x *export) { x.Anchor.Heads[0].Signature[0] ^= 1 },
		"one signature":          func(x *export) { x.Anchor.Heads = x.Anchor.Heads[:1] },
		"no epoch":               func(x *export) { x.Epochs = nil },
		"another epoch's number": func(x *export) { x.Protocol.Epoch++ },
		"another attestation":    func(x *export) { x.Protocol.Attested++ },
		"other keys":             func(x *export) { x.Protocol.Keys[0], x.Protocol.Keys[1] = x.Protocol.Keys[1], x.Protocol.Keys[0] },
		"former keys":            func(x *export) { x.Protocol.Past = append(x.Protocol.Past, [2]sign.PublicKey{}) },
		"another head": func(x *export) {
			h := *x.Protocol.Heads[0]
			h.Signed.Head.Size--
			x.Protocol.Heads[0] = &h
		},
		"another channel": func(x *export) { x.Channel[0] ^= 1 },
		"another network": func(x *export) { x.Chain += "x" },
	} {
		x := must(readExport(bytes.NewReader(data)))
		change(&x)
		refused(what, exportBytes(x))
	}
	if err := p.b.Restore(p.left.ID(), bytes.NewReader(data)); err != nil {
		t.Errorf("and then the right one: %v", err)
	}
}

// trusted reports whether an export differs only in what stands on the partner's
// word alone.
func trusted(t testing.TB, data []byte, x export) bool {
	y := must(readExport(bytes.NewReader(data)))
	for i := range x.entries {
		if i >= len(y.entries) {
			return false
		}
		a, b := &x.entries[i], &y.entries[i]
		b.Time = a.Time
		for j := range min(len(a.Outcomes), len(b.Outcomes)) {
			b.Outcomes[j].Kind, b.Outcomes[j].Events, b.Outcomes[j].Refusal = a.Outcomes[j].Kind, a.Outcomes[j].Events, a.Outcomes[j].Refusal
		}
		for j := range min(len(a.Notes), len(b.Notes)) {
			b.Notes[j].Kind = a.Notes[j].Kind
		}
		if i < len(y.events) {
			y.events[i] = canon.Must(*b)
		}
	}
	p, q := &x.Protocol, &y.Protocol
	q.Since, q.Offered, q.Rekeyed, q.Open, q.Offers, q.Settled, q.Used, q.Older = p.Since, p.Offered, p.Rekeyed, p.Open, p.Offers, p.Settled, p.Used, p.Older
	for i := range p.Heads {
		if p.Heads[i] != nil && q.Heads[i] != nil {
			q.Heads[i].Time, q.Heads[i].At = p.Heads[i].Time, p.Heads[i].At
		}
	}
	for i := range x.Epochs {
		if i < len(y.Epochs)-1 && x.Epochs[i].Offer.Epoch == y.Epochs[i].Offer.Epoch { // destroyed
			y.Epochs[i] = x.Epochs[i]
		} else if i < len(y.Epochs) {
			y.Epochs[i].Offer.Wrapped = x.Epochs[i].Offer.Wrapped // the partner's own copy is not ours to open
		}
	}
	return bytes.Equal(exportBytes(x), exportBytes(y))
}

// written gives an export's bytes, changed as it may be.
func exportBytes(x export) []byte {
	var out bytes.Buffer
	w := exportWriter{w: &out}
	w.write([]byte(exportMagic))
	w.frame(exportFrame{Head: &x.exportHead})
	w.frame(exportFrame{Leaves: x.raw, Entries: x.events, Records: x.records})
	w.frame(exportFrame{End: &exportEnd{uint64(len(x.raw)), uint64(len(x.events)), uint64(len(x.records))}})
	return out.Bytes()
}

func FuzzReadExport(f *testing.F) {
	f.Add(exportBytes(export{}))
	f.Add([]byte(exportMagic))
	f.Add(append([]byte(exportMagic), binary.BigEndian.AppendUint32(nil, maxFrame)...))
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := readExport(bytes.NewReader(data))
		if err != nil && fault.CodeOf(err) != CodeExportRefused {
			t.Fatal(err)
		}
		if err == nil {
			if again, err := readExport(bytes.NewReader(exportBytes(x))); err != nil || len(again.records) != len(x.records) {
				t.Fatalf("what was read is not read again: %v", err)
			}
		}
	})
}

// A channel whose agreement asks for nothing beside one that does: what it needs
// is kept when the old key goes.
func TestAKeepingChannelIsRebuiltFromKeysAndLedgerAlone(t *testing.T) {
	keys := map[string]*memoryKeys{"ALPHA": newKeys(t), "BRAVO": newKeys(t), "CHARLIE": newKeys(t)}
	n := newNetwork(t, networkOptions{}, keys)
	a, b, c := n.carrier("ALPHA", keys["ALPHA"], nil), n.carrier("BRAVO", keys["BRAVO"], nil), n.carrier("CHARLIE", keys["CHARLIE"], nil)
	destroying, right := open(t, a, b)
	keeping, other := open(t, c, b)
	submit(t, destroying, put("destroy", "yes"))
	for i := range 3 {
		submit(t, keeping, put(label(i), "x"))
		submit(t, other, put("o"+label(i), "x"))
	}
	for range 2 { // what was kept once is kept again
		former := turnSealing(t, b, right, other)
		retired(t, b, former, a, c)
	}
	if x, err := b.past(destroying.ID()); err != nil || len(x.Epochs) != 0 || x.Invitation == nil {
		t.Errorf("of the destroying channel %d bytes of keys are kept, %v", len(x.Epochs), err)
	}
	submit(t, other, put("last", "x"))
	b.lose(t, "")
	p := &pair{n: n, a: c, b: b, left: keeping, right: find(t, b, keeping.ID())}
	p.level(t)
	if p.right.State() != StateOpen {
		t.Errorf("the keeping channel is %s: %v", p.right.State(), p.right.Err())
	}
	submit(t, p.right, put("again", "x"))
	p.level(t)
	gone := find(t, b, destroying.ID())
	if fault.CodeOf(gone.Err()) != CodeKeyMissing {
		t.Errorf("the destroying channel: %v", gone.Err())
	}
	if r, err := b.replay(t, keeping.ID()); err != nil || r.Root != keeping.Root() {
		t.Errorf("replayed: %+v, %v", r, err)
	}
	if _, err := b.replay(t, destroying.ID()); fault.CodeOf(err) != CodeKeyMissing {
		t.Errorf("a destroyed past is replayed: %v", err)
	}
	// Nothing is destroyed while a channel is in trouble.
	if _, err := b.Retire(timeout(t), []seal.PublicKey{{1}}); fault.CodeOf(err) != fault.NotYet {
		t.Errorf("a key is destroyed beside a halted channel: %v", err)
	}
}

func TestNothingIsDestroyedThatNobodyAskedFor(t *testing.T) {
	p := newPair(t, networkOptions{})
	former := turnSealing(t, p.b, p.right)
	if done, err := p.b.Retire(timeout(t), former); err != nil || !done {
		t.Fatal(done, err)
	}
	if len(p.b.keys.Sealing()) != 2 {
		t.Error("a key is gone")
	}
}

// The key goes with an anchor over the change, not before.
func TestAnOldKeyStaysUntilAnAnchorCoversItsSuccessor(t *testing.T) {
	p := newPair(t, networkOptions{})
	submit(t, p.left, put("destroy", "yes"))
	p.bothAnchor(t)
	former := turnSealing(t, p.b, p.right)
	eventually(t, "an anchor is all that is missing", func() bool {
		submit(t, p.left, put("tick", "1")) // both under the new epoch
		submit(t, p.right, put("tick", "1"))
		waiting, err := p.b.retire(former)
		if len(p.b.keys.Sealing()) != 2 || err != nil && fault.CodeOf(err) != fault.NotYet {
			t.Fatalf("%d keys are there, %v", len(p.b.keys.Sealing()), err)
		}
		return len(waiting) == 1
	})
	// A disk that fails at the one write changes nothing; the next try does it.
	p.b.keys.broken = fault.New(fault.Unavailable, "the disk is broken", "replace it")
	stop := ticking(p.a, p.b)
	eventually(t, "the write is tried", func() bool {
		_, err := p.b.Retire(timeout(t), former)
		return fault.CodeOf(err) == fault.Unavailable
	})
	stop()
	if len(p.b.keys.Sealing()) != 2 || len(p.right.kept) != 0 {
		t.Error("something is gone although nothing was written")
	}
	submit(t, p.right, put("a", "1"))
	p.b.stop()
	p.b.start() // as after a crash before the write
	<-p.b.Ready()
	p.right = find(t, p.b, p.left.ID())
	p.b.keys.broken = nil
	retired(t, p.b, former, p.a)
	submit(t, p.right, put("a", "2"))
	p.b.stop()
	p.b.start() // and behind it
	<-p.b.Ready()
	p.right = find(t, p.b, p.left.ID())
	submit(t, p.right, put("a", "3"))
	submit(t, p.left, put("a", "4"))
	p.level(t)
}
