package channel

import (
	"context"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/trade"
)

func writesOf(key, value string) []merkle.Write {
	w := merkle.Write{Key: key}
	if value != "" {
		w.Value = []byte(value)
	}
	return []merkle.Write{w}
}

// newEpoch lets a day pass and waits until both sides have changed keys.
func (p *pair) newEpoch(t testing.TB) {
	t.Helper()
	before := p.left.Epoch()
	p.n.clock.advance(24 * time.Hour)
	eventually(t, "a new epoch is in force", func() bool {
		submit(t, p.right, put("tick", "1")) // time comes with blocks
		return p.left.Epoch() > before && p.right.Epoch() > before
	})
}

func TestEpochsChangeDaily(t *testing.T) {
	p := newPair(t, networkOptions{})
	if p.left.Epoch() != 1 {
		t.Fatalf("the first epoch is %d", p.left.Epoch())
	}
	submit(t, p.left, put("a", "1"))
	p.n.clock.advance(12 * time.Hour)
	submit(t, p.left, put("a", "2"))
	if p.left.Epoch() != 1 {
		t.Error("the epoch changed after half a day")
	}
	p.newEpoch(t)
	submit(t, p.left, put("a", "3"))
	p.newEpoch(t)
	submit(t, p.left, put("a", "4"))
	p.level(t)
}

func TestAnEpochChangesAfterAKeyChange(t *testing.T) {
	p := newPair(t, networkOptions{})
	fresh := must(seal.GenerateKey(nil))
	p.b.keys.mu.Lock()
	p.b.keys.sealing = append([]seal.Key{fresh}, p.b.keys.sealing...)
	p.b.keys.mu.Unlock()
	submit(t, p.b.Omni(), toyCommand("seal", toyMember{Code: "BRAVO", Sealing: []toySealing{{fresh.Public(), 0}}}))
	eventually(t, "a new epoch is in force", func() bool {
		submit(t, p.left, put("tick", "1"))
		return p.left.Epoch() == 2 && p.right.Epoch() == 2
	})
	p.attest(t) // the last envelope under the old key is read on both sides
	// Only the new key opens it.
	p.b.keys.mu.Lock()
	p.b.keys.sealing = p.b.keys.sealing[:1]
	p.b.keys.mu.Unlock()
	p.b.stop()
	p.b.start()
	p.right = find(t, p.b, p.left.ID())
	submit(t, p.right, put("a", "1"))
	p.level(t)
}

// An old sealing key that was destroyed: the past cannot be rebuilt, and the
// node says so instead of computing something else.
func TestAMissingKeyStopsTheChannelAndNothingElse(t *testing.T) {
	p := newPair(t, networkOptions{})
	p.left.mu.Lock()
	p.left.epochs = map[uint32]epochKey{}
	p.left.mu.Unlock()
	p.a.keys.mu.Lock()
	p.a.keys.sealing = []seal.Key{must(seal.GenerateKey(nil))}
	p.a.keys.mu.Unlock()
	submit(t, p.right, put("a", "1"))
	eventually(t, "the channel is halted", func() bool { return p.left.State() == StateHalted })
	if fault.CodeOf(p.left.Err()) != CodeKeyMissing {
		t.Errorf("halted by %v", p.left.Err())
	}
	submit(t, p.a.Omni(), put("x", "1")) // the Omnilateral goes on
}

// forge sends an envelope as ALPHA, whose node is down.
func (p *pair) forge(t testing.TB, make func(ledger.Header, epochKey) ([]byte, uint32)) {
	t.Helper()
	key := p.left.s.Load().key
	h := ledger.Header{Version: 1, Chain: p.n.net.ChainID, Channel: p.left.ID(), Sender: key.Public(), Sequence: p.b.omni.last(lane{p.left.ID(), key.Public()}) + 1}
	p.right.mu.Lock()
	h.Epoch = p.right.p.Epoch
	k := p.right.epochs[h.Epoch]
	p.right.mu.Unlock()
	e := ledger.Envelope{Header: h}
	e.Payload, e.Header.Epoch = make(h, k)
	e.Sign(key)
	at, err := p.n.ledger.Submit(timeout(t), e)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.b.WaitFor(timeout(t), at.Height); err != nil {
		t.Fatal(err)
	}
}

func sealed(k epochKey, h ledger.Header, b batch) []byte {
	return must(sealPayload(k, h, must(pack(b, sealOverhead)), nil))
}

func TestAPayloadOnlyOneMemberCanOpenIsReadByNeither(t *testing.T) {
	p := newPair(t, networkOptions{})
	submit(t, p.left, put("a", "1"))
	p.level(t)
	p.a.stop()
	commands := batch{Commands: []trade.Command{put("evil", "1")}}
	private := epochKey{6, 6, 6}
	for name, make := range map[string]func(ledger.Header, epochKey) ([]byte, uint32){
		"a key of its own": func(h ledger.Header, _ epochKey) ([]byte, uint32) { return sealed(private, h, commands), h.Epoch },
		"an epoch of its own": func(h ledger.Header, _ epochKey) ([]byte, uint32) {
			h.Epoch++
			return sealed(private, h, commands), h.Epoch
		},
		"in the open": func(h ledger.Header, _ epochKey) ([]byte, uint32) { return must(pack(commands, 0)), 0 },
		"noise":       func(h ledger.Header, _ epochKey) ([]byte, uint32) { return make256(), h.Epoch },
		"not a batch": func(h ledger.Header, k epochKey) ([]byte, uint32) {
			return must(sealPayload(k, h, make256()[:256-sealOverhead], nil)), h.Epoch
		},
	} {
		before := p.right.snapshot()
		p.forge(t, make)
		now := p.right.snapshot()
		if now.Root != before.Root || now.Size != before.Size+1 {
			t.Errorf("%s: something changed beside the log", name)
		}
		for e, err := range p.right.Events(timeout(t), before.Cursor) {
			if err != nil || e.Code != CodeUnreadable || len(e.Outcomes) != 0 {
				t.Errorf("%s: entry %+v, %v", name, e, err)
			}
			break
		}
	}
	// The other member comes to the same.
	p.a.tune = func(o *Options) { o.Rebuilt = true }
	p.a.start()
	p.left = find(t, p.a, p.right.ID())
	p.level(t)
	if _, ok, _ := p.left.Get("r/evil"); ok {
		t.Error("a command that only one could read was executed")
	}
	submit(t, p.left, put("b", "1"))
	p.attest(t)
}

func make256() []byte { return make([]byte, 256) }

func TestAnEpochKeyThatThePartnerCannotOpenIsNotInForce(t *testing.T) {
	p := newPair(t, networkOptions{})
	p.a.stop()
	k := epochKey{5}
	forge := func(change func(*epochOffer)) {
		p.forge(t, func(h ledger.Header, now epochKey) ([]byte, uint32) {
			to := [2]seal.PublicKey{p.a.keys.sealing[0].Public(), p.b.keys.sealing[0].Public()}
			if p.left.mine == 1 {
				to[0], to[1] = to[1], to[0]
			}
			o := must(newEpochOffer(k, h.Chain, h.Channel, 2, h.Sender, p.left.keys, to))
			change(&o)
			return sealed(now, h, batch{Notes: []note{{noteOffer, canon.Must(o)}}}), h.Epoch
		})
	}
	theirs := 1 - p.left.mine
	forge(func(o *epochOffer) { o.Wrapped[theirs][wrappedSize-1] ^= 1 }) // does not open
	forge(func(o *epochOffer) { o.Commitment[0] ^= 1 })                  // is not the committed one
	forge(func(o *epochOffer) { o.Epoch = 3 })                           // is not the next
	forge(func(o *epochOffer) { o.Wrapped[0], o.Wrapped[1] = o.Wrapped[1], o.Wrapped[0] })
	submit(t, p.right, put("a", "1"))
	if p.right.Epoch() != 1 {
		t.Errorf("epoch %d is in force", p.right.Epoch())
	}
	if a, ok := p.b.alarms.find(CodeUnreadable); !ok || a.Remedy == "" {
		t.Error("no alarm")
	}
	forge(func(*epochOffer) {})
	eventually(t, "a good offer is accepted all the same", func() bool { return p.right.Epoch() == 2 })
	submit(t, p.right, put("b", "1"))
}

func TestAnAcceptanceOfAnotherKeyCountsForNothing(t *testing.T) {
	p := newPair(t, networkOptions{})
	p.a.stop()
	p.forge(t, func(h ledger.Header, k epochKey) ([]byte, uint32) {
		return sealed(k, h, batch{Notes: []note{{noteAccept, canon.Must(epochAccept{2, canon.Hash{1}})}}}), h.Epoch
	})
	if p.right.Epoch() != 1 {
		t.Error("an epoch that nobody offered is in force")
	}
}

func TestOneInvitationTellsOnlyItsTwoMembers(t *testing.T) {
	a, b, c := must(seal.GenerateKey(nil)), must(seal.GenerateKey(nil)), must(seal.GenerateKey(nil))
	keys := [2]sign.PublicKey{{1}, {2}}
	inv := invitation{Secret: canon.Hash{7}, Opener: "ALPHA", Partner: "BRAVO"}
	data := must(sealInvitation(inv, "chain", keys, [2]seal.PublicKey{a.Public(), b.Public()}))
	for _, k := range []seal.Key{a, b} {
		if got, ok := openInvitation(data, "chain", keys, []seal.Key{c, k}); !ok || got != inv {
			t.Errorf("%v does not open: %+v", k, got)
		}
	}
	if _, ok := openInvitation(data, "chain", keys, []seal.Key{c}); ok {
		t.Error("an outsider opens it")
	}
	if _, ok := openInvitation(data, "chain-2", keys, []seal.Key{a}); ok {
		t.Error("it opens on another chain")
	}
	if _, ok := openInvitation(data, "chain", [2]sign.PublicKey{{1}, {3}}, []seal.Key{b}); ok {
		t.Error("it opens for other channel keys")
	}
	long := must(sealInvitation(invitation{Opener: "A-CARRIER-WITH-THE-LONGEST-NAME1", Partner: "A-CARRIER-WITH-THE-LONGEST-NAME2"}, "chain", keys, [2]seal.PublicKey{a.Public(), b.Public()}))
	if len(long) != len(data) {
		t.Error("the size tells how long the names are")
	}
}

// An epoch key that is wrapped for one place opens in no other: everything that
// it is bound to counts.
func TestAWrappedEpochKeyIsBoundToItsPlace(t *testing.T) {
	a, b := must(seal.GenerateKey(nil)), must(seal.GenerateKey(nil))
	keys := [2]sign.PublicKey{{1}, {2}}
	k, id := epochKey{9}, canon.Hash{7}
	o := must(newEpochOffer(k, "chain", id, 3, keys[0], keys, [2]seal.PublicKey{a.Public(), b.Public()}))
	type place struct {
		chain  string
		id     canon.Hash
		epoch  uint32
		sender sign.PublicKey
		keys   [2]sign.PublicKey
		mine   int
		key    seal.Key
	}
	// A commitment of the same key for that place leaves the wrapping to decide.
	open := func(p place) (epochKey, error) {
		x := o
		x.Epoch, x.Commitment = p.epoch, k.commitment(p.chain, p.id, p.epoch)
		return x.open(p.chain, p.id, p.sender, p.keys, p.mine, []seal.Key{p.key})
	}
	good := place{"chain", id, 3, keys[0], keys, 1, b}
	if got, err := open(good); err != nil || got != k {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*place){
		"another chain":     func(p *place) { p.chain = "chain-2" },
		"another channel":   func(p *place) { p.id[0]++ },
		"another epoch":     func(p *place) { p.epoch++ },
		"another sender":    func(p *place) { p.sender = keys[1] },
		"another recipient": func(p *place) { p.keys[1] = sign.PublicKey{3} },
		"the sender's copy": func(p *place) { p.mine = 0 },
		"another's key":     func(p *place) { p.key = a },
	} {
		p := good
		change(&p)
		if _, err := open(p); fault.CodeOf(err) != CodeUnreadable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzInvitation(f *testing.F) {
	k := seal.KeyFromSeed([32]byte{1})
	keys := [2]sign.PublicKey{{1}, {2}}
	f.Add(must(sealInvitation(invitation{Opener: "A", Partner: "B"}, "chain", keys, [2]seal.PublicKey{k.Public(), k.Public()})))
	f.Fuzz(func(t *testing.T, data []byte) { openInvitation(data, "chain", keys, []seal.Key{k}) })
}

// A Bilateral's commands see the Omnilateral as it was after the block before
// theirs, also when both stand in one block.
func TestABilateralSeesTheOmnilateralAsItWasAfterThePreviousBlock(t *testing.T) {
	p := newPair(t, networkOptions{})
	submit(t, p.a.Omni(), put("seen", "old"))
	p.level(t)
	p.b.stop()
	eventually(t, "ALPHA has all blocks", func() bool { h, _ := p.a.Height(); return h == p.a.tip() })
	h, now := p.a.Height()
	p.a.cancel()
	<-p.a.ended
	p.a.ended <- nil
	private := ledger.Envelope{Header: ledger.Header{Version: 1, Chain: p.n.net.ChainID, Channel: p.left.ID(), Epoch: 1,
		Sender: p.right.s.Load().key.Public(), Sequence: p.a.omni.last(p.right.s.Load().lane) + 1}}
	private.Payload = sealed(p.left.epochs[1], private.Header, batch{Commands: []trade.Command{toyCommand("public", 0)}})
	private.Sign(p.right.s.Load().key)
	public := ledger.Envelope{Header: ledger.Header{Chain: p.n.net.ChainID, Sequence: p.a.omni.last(lane{sender: p.b.keys.node.Public()}) + 1},
		Payload: must(pack(batch{Commands: []trade.Command{put("seen", "new")}}, 0))}
	public.Sign(p.b.keys.node)
	if err := p.a.execute(context.Background(), ledger.Block{Height: h + 1, Time: now, Envelopes: []ledger.Envelope{public, private}}); err != nil {
		t.Fatal(err)
	}
	if got, _, _ := p.left.Get("public"); string(got) != "=old" {
		t.Errorf("the Bilateral saw %q", got)
	}
	if got, _, _ := p.a.Omni().Get("r/seen"); string(got) != "new" {
		t.Errorf("the Omnilateral has %q", got)
	}
}

func TestChannelsRunInParallelWithTheSameResult(t *testing.T) {
	keys := map[string]*memoryKeys{}
	codes := []string{"ALPHA", "BRAVO", "CARGO", "DELTA"}
	for _, c := range codes {
		keys[c] = newKeys(t)
	}
	n := newNetwork(t, networkOptions{}, keys)
	all := map[string]*carrier{}
	for _, c := range codes {
		all[c] = n.carrier(c, keys[c], nil)
	}
	var channels []*Bilateral
	for _, c := range codes[1:] {
		left, _ := open(t, all["ALPHA"], all[c])
		channels = append(channels, left)
	}
	var tickets []*Ticket
	for i := range 300 {
		for _, b := range channels {
			tickets = append(tickets, b.Enqueue(put(label(i), b.Partner()), toyCommand("count", 0), toyCommand("public", 0)))
		}
		tickets = append(tickets, all["ALPHA"].Omni().Enqueue(put("seen", label(i))))
	}
	for _, ticket := range tickets {
		if _, err := ticket.Wait(timeout(t)); err != nil {
			t.Fatal(err)
		}
	}
	type sum struct{ state, log canon.Hash }
	sums := func(c *carrier) map[canon.Hash]sum {
		out := map[canon.Hash]sum{}
		for _, b := range c.Bilaterals() {
			v := b.snapshot()
			out[b.ID()] = sum{v.Root, must(b.r.log.RootAt(v.Size))}
		}
		return out
	}
	want := sums(all["ALPHA"])
	alone := &carrier{n: n, code: "ALPHA", keys: keys["ALPHA"], dir: t.TempDir(), tune: func(o *Options) { o.Rebuilt = true }}
	all["ALPHA"].stop()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	alone.start()
	defer alone.stop()
	select {
	case <-alone.Ready():
	case err := <-alone.ended:
		t.Fatal(err)
	}
	got := sums(alone)
	if len(got) != len(want) {
		t.Fatalf("%d channels, not %d", len(got), len(want))
	}
	for id, s := range want {
		if got[id] != s {
			t.Errorf("channel %s: another result on one core", id)
		}
	}
}

// A partner that replaces its channel key on the Omnilateral: the new key
// counts from the next block on, and epochs are agreed under it.
func TestAReplacedChannelKeyCountsByHeight(t *testing.T) {
	p := newPair(t, networkOptions{})
	submit(t, p.left, put("a", "1"))
	p.attest(t)
	fresh := must(p.a.keys.NewChannel())
	old := p.left.s.Load().key
	out, err := p.left.public.Load().enqueue(one(toyCommand("rotate", fresh.Public()))).Wait(timeout(t))
	if err != nil || out[0].Err() != nil {
		t.Fatal(err, out)
	}
	eventually(t, "the node goes over to the new key", func() bool {
		keys, mine := p.left.Keys()
		return keys[mine] == fresh.Public()
	})
	submit(t, p.left, put("b", "1"))
	e := ledger.Envelope{Header: ledger.Header{Version: 1, Chain: p.n.net.ChainID, Channel: p.left.ID(), Epoch: 1, Sequence: 1 << 20}, Payload: make256()}
	e.Sign(old)
	if err := p.n.machine.Check(e); fault.CodeOf(err) != fault.Unauthorized {
		t.Errorf("the old key is met with %v", err)
	}
	submit(t, p.right, put("c", "1"))
	p.newEpoch(t)
	p.attest(t)
	submit(t, p.left, put("d", "1"))
	p.a.stop()
	if err := os.RemoveAll(p.a.dir); err != nil {
		t.Fatal(err)
	}
	p.a.tune = func(o *Options) { o.Rebuilt = true }
	p.a.start()
	p.left = find(t, p.a, p.right.ID())
	p.attest(t)
}

// A wrapped epoch key opens for nothing but what it was wrapped for, whatever
// the commitment beside it says.
func TestAWrappedEpochKeyIsBoundToWhatItIsFor(t *testing.T) {
	k := must(seal.GenerateKey(nil))
	a, b := sign.PublicKey{1}, sign.PublicKey{2}
	id := canon.Hash{7}
	wrapped := must(seal.Wrap(k.Public(), epochInfo("chain", id, 3, a, b), make([]byte, len(epochKey{}))))
	for name, info := range map[string][]byte{
		"another chain":     epochInfo("chain-2", id, 3, a, b),
		"another channel":   epochInfo("chain", canon.Hash{8}, 3, a, b),
		"another epoch":     epochInfo("chain", id, 4, a, b),
		"another sender":    epochInfo("chain", id, 3, sign.PublicKey{3}, b),
		"another recipient": epochInfo("chain", id, 3, a, sign.PublicKey{3}),
		"the way back":      epochInfo("chain", id, 3, b, a),
	} {
		if _, err := seal.Open(k, info, wrapped); err == nil {
			t.Errorf("%s: it opens", name)
		}
	}
	if _, err := seal.Open(k, epochInfo("chain", id, 3, a, b), wrapped); err != nil {
		t.Error(err)
	}
}

// The epoch before the present one counts until its sender has used the present
// one, and not after.
func TestAnOlderEpochAfterANewerIsNotRead(t *testing.T) {
	p := newPair(t, networkOptions{})
	submit(t, p.left, put("a", "1"))
	p.newEpoch(t)
	p.level(t)
	old := p.right.Epoch() - 1
	submit(t, p.left, put("b", "1")) // ALPHA uses the new one
	p.attest(t)
	p.a.stop()
	p.right.mu.Lock()
	k := p.right.epochs[old]
	p.right.mu.Unlock()
	before := p.right.snapshot()
	p.forge(t, func(h ledger.Header, _ epochKey) ([]byte, uint32) {
		h.Epoch = old
		return sealed(k, h, batch{Commands: []trade.Command{put("late", "1")}}), old
	})
	for e, err := range p.right.Events(timeout(t), before.Cursor) {
		if err != nil || e.Code != CodeUnreadable {
			t.Errorf("entry %+v, %v", e, err)
		}
		break
	}
	if _, ok, _ := p.right.Get("r/late"); ok {
		t.Error("a command under the older epoch was executed")
	}
}
