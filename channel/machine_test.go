package channel

import (
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
)

// validator is a machine without a ledger: the test is the ledger.
type validator struct {
	*Omni
	t     testing.TB
	dir   string
	db    *store.DB
	opts  MachineOptions
	keys  *memoryKeys
	pair  [2]sign.PrivateKey // channel keys of an open Bilateral
	id    canon.Hash         // its id
	time  int64
	alarm alarmList
}

func newValidator(t testing.TB, limits toyLimits) *validator {
	v := &validator{t: t, dir: t.TempDir(), keys: newKeys(t), time: 1_700_000_000_000}
	v.pair = [2]sign.PrivateKey{must(sign.Generate(nil)), must(sign.Generate(nil))}
	g := toyGenesis{Members: []toyMember{{"ALPHA", v.keys.node.Public(), []toySealing{{v.keys.sealing[0].Public(), 0}}}}, Limits: limits}
	v.opts = MachineOptions{ChainID: "chain-1", Genesis: canon.Must(g), Law: toyLaw{}, Alarm: v.alarm.add}
	v.open()
	t.Cleanup(func() { v.db.Close() })
	v.id = canon.Hash{9}
	v.apply(v.public(1, toyLaw{}.Open(Opening{ID: v.id, Opener: "ALPHA", Deadline: v.time + 1000, Keys: [2]sign.PublicKey{v.pair[0].Public(), v.pair[1].Public()}})))
	return v
}

func (v *validator) open() {
	v.t.Helper()
	var err error
	if v.db, err = store.Open(filepath.Join(v.dir, "store"), store.Options{MinFree: 1}); err != nil {
		v.t.Fatal(err)
	}
	if v.Omni, err = NewOmni(v.db, v.opts); err != nil {
		v.t.Fatal(err)
	}
}

// envelope makes one of channel and key with a payload of a given content.
func (v *validator) envelope(channel canon.Hash, key sign.PrivateKey, n uint64, cmds ...trade.Command) ledger.Envelope {
	e := ledger.Envelope{Header: ledger.Header{Chain: "chain-1", Channel: channel, Sequence: n}, Payload: must(pack(batch{Commands: cmds}, 0))}
	e.Sign(key)
	return e
}

func (v *validator) public(n uint64, cmds ...trade.Command) ledger.Envelope {
	return v.envelope(canon.Hash{}, v.keys.node, n, cmds...)
}

func (v *validator) private(side int, n uint64, cmds ...trade.Command) ledger.Envelope {
	return v.envelope(v.id, v.pair[side], n, cmds...)
}

func (v *validator) apply(all ...ledger.Envelope) ledger.Root {
	v.t.Helper()
	h, _, err := v.Applied()
	if err != nil {
		v.t.Fatal(err)
	}
	root, err := v.Apply(ledger.Block{Height: h + 1, Time: v.time, Envelopes: all})
	if err != nil {
		v.t.Fatal(err)
	}
	return root
}

func TestWhatEveryValidatorChecks(t *testing.T) {
	v := newValidator(t, toyLimits{})
	v.apply(v.private(0, 1, put("a", "1")), v.public(2, put("b", "2")))
	stranger := must(sign.Generate(nil))
	header := func(change func(*ledger.Header)) ledger.Envelope {
		e := v.private(0, 2, put("a", "2"))
		change(&e.Header)
		id := e.ID()
		_ = id
		key := v.pair[0]
		sender := e.Header.Sender
		e.Sign(key)
		e.Header.Sender = sender
		return e
	}
	for _, c := range []struct {
		name  string
		e     ledger.Envelope
		code  fault.Code
		field string
	}{
		{"the next of a Bilateral", v.private(0, 2, put("a", "2")), "", ""},
		{"the first of the other side", v.private(1, 1, put("a", "2")), "", ""},
		{"the next of the Omnilateral", v.public(3, put("b", "3")), "", ""},
		{"a channel key on the Omnilateral", v.envelope(canon.Hash{}, v.pair[1], 1, put("b", "3")), "", ""},
		{"another chain", header(func(h *ledger.Header) { h.Chain = "chain-2" }), fault.Invalid, "chain"},
		{"an unknown channel", v.envelope(canon.Hash{8}, v.pair[0], 1, put("a", "1")), fault.NotFound, "channel"},
		{"a later term", header(func(h *ledger.Header) { h.Term = 1 }), fault.Invalid, "term"},
		{"an epoch on the Omnilateral", func() ledger.Envelope {
			e := v.public(3, put("b", "3"))
			e.Header.Epoch = 1
			e.Sign(v.keys.node)
			return e
		}(), fault.Invalid, "epoch"},
		{"a stranger on the Omnilateral", v.envelope(canon.Hash{}, stranger, 1, put("b", "3")), fault.NotFound, "channel"},
		{"a stranger on the Bilateral", v.envelope(v.id, stranger, 1, put("b", "3")), fault.Unauthorized, "sender"},
		{"a member's node key on the Bilateral", v.envelope(v.id, v.keys.node, 1, put("b", "3")), fault.Unauthorized, "sender"},
		{"number zero", v.private(0, 0, put("a", "2")), fault.Invalid, "sequence"},
		{"the same envelope again", v.private(0, 1, put("a", "1")), fault.Conflict, "sequence"},
		{"another envelope under a used number", v.private(0, 1, put("a", "other")), fault.Refused, "sequence"},
		{"a gap", v.private(0, 3, put("a", "3")), fault.NotYet, "sequence"},
		{"a payload off the size steps", func() ledger.Envelope {
			e := v.private(0, 2, put("a", "2"))
			e.Payload = e.Payload[:len(e.Payload)-1]
			e.Sign(v.pair[0])
			return e
		}(), fault.Invalid, "payload"},
		{"another's signature", func() ledger.Envelope {
			e := v.private(0, 2, put("a", "2"))
			e.Signature = v.private(1, 2, put("a", "2")).Signature
			return e
		}(), fault.Invalid, "signature"},
		{"a payload changed after signing", func() ledger.Envelope {
			e := v.private(0, 2, put("a", "2"))
			e.Payload = must(pack(batch{Commands: []trade.Command{put("a", "3")}}, 0))
			return e
		}(), fault.Invalid, "signature"},
		{"another version", header(func(h *ledger.Header) { h.Version = 2 }), fault.Invalid, "signature"}, // Sign sets it back, so the signature is of version 1
	} {
		err := v.Check(c.e)
		if c.name == "another version" {
			c.e.Header.Version = 2
			err, c.field = v.Check(c.e), "version"
		}
		f := fault.Of(err)
		if fault.CodeOf(err) != c.code || f != nil && f.Field != c.field {
			t.Errorf("%s: %v, want %s in %s", c.name, err, c.code, c.field)
		}
		// A block that holds it all the same skips it, and goes on.
		if c.code != "" {
			before := v.last(laneOf(c.e))
			v.apply(c.e)
			if v.last(laneOf(c.e)) != before {
				t.Errorf("%s: its number was used", c.name)
			}
		}
	}
}

func TestNumbersRunOnInsideABlock(t *testing.T) {
	v := newValidator(t, toyLimits{})
	v.apply(v.private(0, 1, put("a", "1")), v.private(0, 2, put("a", "2")), v.private(0, 4, put("a", "4")), v.private(0, 3, put("a", "3")))
	if got := v.last(lane{v.id, v.pair[0].Public()}); got != 3 {
		t.Errorf("the last number is %d, not 3", got)
	}
	if err := v.Check(v.private(0, 4, put("a", "4"))); err != nil {
		t.Errorf("the skipped one is not taken later: %v", err)
	}
}

// A proposer may put anything into a block: an envelope that it holds twice, or
// two under one number, stops no validator.
func TestABlockWithOneNumberTwiceGoesOn(t *testing.T) {
	v := newValidator(t, toyLimits{})
	e, other := v.public(2, put("a", "1")), v.public(2, put("a", "2"))
	a, err := v.admit(ledger.Block{Height: v.mark.Height + 1, Time: v.time, Envelopes: []ledger.Envelope{e, e, other}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []fault.Code{"", fault.Conflict, fault.Refused} {
		if got := fault.CodeOf(a.verdicts[i].err); got != want {
			t.Errorf("envelope %d: %q, want %q", i, got, want)
		}
	}
	v.apply(e, e, other)
	if got, _, _ := v.r.space.Get("r/a"); string(got) != "1" {
		t.Errorf("the record is %q", got)
	}
	var kept []canon.Hash
	for e, err := range v.Evidence {
		if err != nil {
			t.Fatal(err)
		}
		kept = append(kept, e.ID())
	}
	if len(kept) != 1 || kept[0] != other.ID() {
		t.Errorf("%d envelopes are kept as evidence", len(kept))
	}
}

func TestTwoEnvelopesUnderOneNumberAreKeptAsEvidence(t *testing.T) {
	v := newValidator(t, toyLimits{})
	v.apply(v.private(0, 1, put("a", "1")), v.private(0, 2, put("a", "2")))
	met, block := v.private(0, 1, put("a", "x")), v.private(0, 2, put("a", "y"))
	if err := v.Check(met); fault.CodeOf(err) != fault.Refused {
		t.Fatal(err)
	}
	forged := v.private(0, 1, put("a", "forged"))
	forged.Signature[0] ^= 1
	if err := v.Check(forged); fault.CodeOf(err) != fault.Refused {
		t.Fatal(err)
	}
	v.apply(block)
	v.db.Close()
	v.Omni = nil
	v.open()
	var got []canon.Hash
	for e, err := range v.Evidence {
		if err != nil {
			t.Fatal(err)
		}
		if !e.Verify() {
			t.Error("evidence with a bad signature proves nothing")
		}
		got = append(got, e.ID())
	}
	if len(got) != 2 || got[0] != met.ID() || got[1] != block.ID() {
		t.Errorf("%d envelopes are kept", len(got))
	}
}

func TestQuotasBoundAMinuteAndKeepAReserve(t *testing.T) {
	v := newValidator(t, toyLimits{Channel: 42_000, Member: 60_000, Reserve: 1_000})
	big := func(side int, n uint64) ledger.Envelope {
		e := v.private(side, n, put("a", "1"))
		e.Payload = make([]byte, 20_480) // outsiders cannot read it anyway
		e.Sign(v.pair[side])
		return e
	}
	for side := range 2 {
		v.apply(v.envelope(canon.Hash{}, v.pair[side], 1, toyLaw{}.Confirm(v.id)))
	}
	v.apply(big(0, 1))
	v.apply(big(1, 1))
	if err := v.Check(big(0, 2)); fault.CodeOf(err) != fault.Busy {
		t.Errorf("beyond the channel's quota: %v", err)
	}
	small := v.private(0, 2, toyCommand("end", 0))
	if err := v.Check(small); err != nil {
		t.Errorf("a small envelope finds no room: %v", err)
	}
	// The reserve is bounded as well.
	n := uint64(2)
	for ; v.Check(v.private(0, n, put("a", "1"))) == nil; n++ {
		v.apply(v.private(0, n, put("a", "1")))
		if n > 20 {
			t.Fatal("the reserve has no end")
		}
	}
	// The same after a restart, and room again in the next minute.
	v.db.Close()
	v.open()
	if err := v.Check(v.private(0, n, put("a", "1"))); fault.CodeOf(err) != fault.Busy {
		t.Errorf("after a restart: %v", err)
	}
	v.time += minute
	v.apply()
	if err := v.Check(big(0, n)); err != nil {
		t.Errorf("in the next minute: %v", err)
	}
}

func TestWhoAnswersForBytesInFlight(t *testing.T) {
	v := newValidator(t, toyLimits{})
	large := v.private(1, 1, put("a", "1"))
	large.Payload = make([]byte, 20_480)
	large.Sign(v.pair[1])
	for _, c := range []struct {
		name  string
		e     ledger.Envelope
		want  []ledger.Account
		small bool
	}{
		{"on a Bilateral the channel and its opener", v.private(1, 1, put("a", "1")),
			[]ledger.Account{{Name: "channel/" + v.id.String(), Percent: channelPercent}, {Name: "member/ALPHA", Percent: memberPercent}}, true},
		{"a large envelope", large,
			[]ledger.Account{{Name: "channel/" + v.id.String(), Percent: channelPercent}, {Name: "member/ALPHA", Percent: memberPercent}}, false},
		{"on the Omnilateral the member", v.public(2, put("a", "1")), []ledger.Account{{Name: "member/ALPHA", Percent: memberPercent}}, true},
	} {
		got, small, err := v.Accounts(c.e)
		if err != nil || small != c.small || !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, small %v, %v", c.name, got, small, err)
		}
	}
	if _, _, err := v.Accounts(v.envelope(canon.Hash{8}, v.pair[0], 1)); err == nil {
		t.Error("somebody answers for an unknown channel")
	}
}

func TestAnInvitationNotAcceptedLapses(t *testing.T) {
	v := newValidator(t, toyLimits{})
	if err := v.Check(v.private(0, 1, put("a", "1"))); err != nil {
		t.Fatal(err)
	}
	v.time += 1000
	v.apply()
	for _, e := range []ledger.Envelope{v.private(0, 1, put("a", "1")), v.envelope(canon.Hash{}, v.pair[1], 1, toyLaw{}.Confirm(v.id))} {
		if err := v.Check(e); fault.CodeOf(err) != fault.Refused {
			t.Errorf("after the deadline: %v", err)
		}
	}
}

func TestAConfirmedInvitationDoesNotLapse(t *testing.T) {
	v := newValidator(t, toyLimits{})
	for side := range 2 {
		v.apply(v.envelope(canon.Hash{}, v.pair[side], 1, toyLaw{}.Confirm(v.id)))
	}
	v.time += 1000
	v.apply()
	if err := v.Check(v.private(0, 1, put("a", "1"))); err != nil {
		t.Error(err)
	}
}

func TestABlockAppliedAgainGivesTheSameRoot(t *testing.T) {
	v := newValidator(t, toyLimits{})
	b := ledger.Block{Height: 2, Time: v.time, Envelopes: []ledger.Envelope{v.public(2, put("a", "1"))}}
	first := must(v.Apply(b))
	if again := must(v.Apply(b)); again != first {
		t.Error("a second root for one block")
	}
	if again := v.apply(); again != first {
		t.Error("an empty block changes the root")
	}
	// A crash after the commit, before the engine has heard of it.
	v.db.Close()
	v.open()
	h, root, err := v.Applied()
	if err != nil || h != 2 || root != first {
		t.Fatalf("after the restart: height %d, root %s, %v", h, root, err)
	}
	if again := must(v.Apply(b)); again != first {
		t.Error("another root after the restart")
	}
	if _, err := v.Apply(ledger.Block{Height: 9, Time: v.time}); err == nil {
		t.Error("a block was skipped without an error")
	}
}

// leaky is a law under which a block with a certain record does not add up.
type leaky struct{ toyLaw }

func (leaky) Conserved(before, after trade.Records, written iter.Seq[string], _ int64) error {
	for key := range written {
		if _, was := before.Get(key); strings.HasSuffix(key, "leak") && !was {
			return fault.New(trade.CodeUnbalanced, "value was made", "stop")
		}
	}
	return nil
}

func TestABlockThatDoesNotAddUpIsNotCommitted(t *testing.T) {
	v := newValidator(t, toyLimits{})
	v.db.Close()
	v.opts.Law = leaky{}
	v.open()
	before := v.apply(v.public(2, put("a", "1")))
	if _, err := v.Apply(ledger.Block{Height: 3, Time: v.time, Envelopes: []ledger.Envelope{v.public(3, put("leak", "1"))}}); fault.CodeOf(err) != trade.CodeUnbalanced {
		t.Errorf("the block was applied: %v", err)
	}
	if h, root, err := v.Applied(); err != nil || h != 2 || root != before {
		t.Errorf("after it: height %d, root %s, %v", h, root, err)
	}
}

// A validator's ledger may lose its own record of the blocks that the machine
// has applied, and hands them over again, from any height on.
func TestEveryEarlierBlockGivesItsEarlierRoot(t *testing.T) {
	v := newValidator(t, toyLimits{}) // block 1 is applied
	w := &validator{t: t, dir: t.TempDir(), opts: v.opts, time: v.time}
	w.open()
	defer w.db.Close()
	before := w.apply() // nothing but genesis stands
	first := v.root()
	blocks := []ledger.Block{{Height: 1, Time: v.time}}
	roots := []ledger.Root{first}
	for i, all := range [][]ledger.Envelope{
		{v.private(0, 1, put("a", "1"))}, // sealed: changes no public state
		{v.public(2, put("a", "1"))},
		{},
		{v.public(3, put("a", "2")), v.public(4, put("b", "1"))},
		{},
		{v.public(5, put("c", "1"))},
	} {
		b := ledger.Block{Height: ledger.Height(i + 2), Time: v.time, Envelopes: all}
		blocks, roots = append(blocks, b), append(roots, must(v.Apply(b)))
	}
	again := func(when string) {
		for i, b := range blocks {
			if got := must(v.Apply(b)); got != roots[i] {
				t.Errorf("%s: block %d gives %s, not %s", when, b.Height, got, roots[i])
			}
		}
	}
	again("at once")
	v.db.Close()
	v.open()
	again("after a restart")
	if got, _, err := v.Applied(); err != nil || got != blocks[len(blocks)-1].Height {
		t.Errorf("the machine went back to block %d (%v)", got, err)
	}
	// Before the first block that changed something the root is the genesis's.
	w.apply(v.public(1, put("x", "1")))
	if got := must(w.Apply(ledger.Block{Height: 1, Time: w.time})); got != before {
		t.Errorf("the root after genesis was %s, now it is %s", before, got)
	}
}

func TestNothingThatAClientSendsStopsAValidator(t *testing.T) {
	v := newValidator(t, toyLimits{})
	garbage := v.public(2, put("a", "1"))
	garbage.Payload = make([]byte, 256)
	garbage.Sign(v.keys.node)
	v.apply(garbage, v.public(3, put("a", "1"), toyCommand("boom", 0), put("b", "2"), toyCommand("no", 0)))
	if _, ok := v.alarm.find(fault.Internal); !ok {
		t.Error("a panic raises no alarm")
	}
	var codes []fault.Code
	for e, err := range v.r.events(timeout(t), 1) {
		if err != nil {
			t.Fatal(err)
		}
		codes = append(codes, e.Code)
		for _, o := range e.Outcomes {
			codes = append(codes, o.Receipt.Code)
		}
		if e.Next == 3 {
			break
		}
	}
	want := []fault.Code{CodeUnreadable, "", "", fault.Internal, "", fault.Refused}
	for i := range want {
		if i >= len(codes) || codes[i] != want[i] {
			t.Fatalf("codes are %q, not %q", codes, want)
		}
	}
	if got, ok := v.r.state.Get("r/b"); !ok || string(got) != "2" {
		t.Error("the command after the panic did not run")
	}
}

func TestAStoreThatDoesNotAddUpIsRefused(t *testing.T) {
	v := newValidator(t, toyLimits{})
	v.apply(v.public(2, put("a", "1")))
	// A record that changed without its root.
	if err := v.db.Channel(canon.Hash{}).Commit(store.Batch{Writes: nil, Index: nil, Meta: nil, Roots: &store.Roots{State: canon.Hash{1}}}); err != nil {
		t.Fatal(err)
	}
	v.db.Close()
	db, err := store.Open(filepath.Join(v.dir, "store"), store.Options{MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	v.db = db
	_, err = NewOmni(db, v.opts)
	if f := fault.Of(err); f == nil || f.Code != fault.Corrupt || f.Remedy == "" {
		t.Errorf("got %v", err)
	}
}

func TestTwoValidatorsComeToOneRoot(t *testing.T) {
	v := newValidator(t, toyLimits{})
	w := &validator{t: t, dir: t.TempDir(), opts: v.opts}
	w.open()
	defer w.db.Close()
	var blocks []ledger.Block
	v.time += 5
	all := [][]ledger.Envelope{
		{v.public(2, put("a", "1"), toyCommand("count", 0)), v.private(0, 1, put("secret", "1"))},
		{}, {v.public(3, toyCommand("boom", 0))}, {v.public(4, put("c", "1")), v.public(5, toyCommand("count", 0))},
	}
	first := v.public(1, toyLaw{}.Open(Opening{ID: v.id, Opener: "ALPHA", Deadline: v.time - 5 + 1000, Keys: [2]sign.PublicKey{v.pair[0].Public(), v.pair[1].Public()}}))
	blocks = append(blocks, ledger.Block{Height: 1, Time: v.time - 5, Envelopes: []ledger.Envelope{first}})
	for i, e := range all {
		blocks = append(blocks, ledger.Block{Height: ledger.Height(i + 2), Time: v.time, Envelopes: e})
	}
	for i, b := range blocks {
		left := v.root()
		if i > 0 {
			left = must(v.Apply(b))
		}
		if i == 2 { // one of them restarts in the middle
			w.db.Close()
			w.open()
		}
		if right := must(w.Apply(b)); right != left {
			t.Fatalf("block %d: roots %s and %s", b.Height, left, right)
		}
	}
}

// Two validators that word a refusal differently agree; two that give it another
// code do not.
func TestTheWordingOfARefusalIsNoPartOfTheRoot(t *testing.T) {
	seed := newValidator(t, toyLimits{})
	block := ledger.Block{Height: seed.mark.Height + 1, Time: seed.time, Envelopes: []ledger.Envelope{seed.public(2, put("a", "1"), toyCommand("no", 0))}}
	seed.db.Close()
	root := func(law toyLaw) ledger.Root {
		v := &validator{t: t, dir: t.TempDir(), opts: seed.opts}
		v.opts.Law = law
		if err := os.CopyFS(v.dir, os.DirFS(seed.dir)); err != nil {
			t.Fatal(err)
		}
		v.open()
		defer v.db.Close()
		return must(v.Apply(block))
	}
	plain := root(toyLaw{})
	if root(toyLaw{wording: ", in other words"}) != plain {
		t.Error("another wording gives another root")
	}
	if root(toyLaw{code: fault.Conflict}) == plain {
		t.Error("another code gives the same root")
	}
	seed.open()
}

// The opener pays for all that is sent in its channels, the partner's part
// included.
func TestTheOpenersQuotaPaysForThePartnersTraffic(t *testing.T) {
	v := newValidator(t, toyLimits{Member: 30_000})
	for side := range 2 {
		v.apply(v.envelope(canon.Hash{}, v.pair[side], 1, toyLaw{}.Confirm(v.id)))
	}
	sized := func(e ledger.Envelope, key sign.PrivateKey) ledger.Envelope {
		e.Payload = make([]byte, 20_480)
		e.Sign(key)
		return e
	}
	v.apply(sized(v.private(1, 1), v.pair[1])) // the partner's
	for name, e := range map[string]ledger.Envelope{
		"its own in the channel":     sized(v.private(0, 1), v.pair[0]),
		"its own on the Omnilateral": sized(v.public(2), v.keys.node),
	} {
		if err := v.Check(e); fault.CodeOf(err) != fault.Busy {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A disk that fails is no outcome of a command: the machine stops.
func TestABrokenStoreIsNoReceipt(t *testing.T) {
	v := newValidator(t, toyLimits{})
	v.law, v.r.law = toyLaw{broken: true}, toyLaw{broken: true}
	_, err := v.Apply(ledger.Block{Height: v.mark.Height + 1, Time: v.time, Envelopes: []ledger.Envelope{v.public(2, toyCommand("read", 0))}})
	if fault.CodeOf(err) != store.CodeStoreFailed {
		t.Errorf("got %v", err)
	}
	if _, ok := v.alarm.find(fault.Internal); ok {
		t.Error("it is told as a command's panic")
	}
}
