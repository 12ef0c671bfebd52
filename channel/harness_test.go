package channel

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/ledger/local"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
)

// toyLaw is a small law for tests: records are put and read, openings and
// anchors are kept, and what members do not bind is taken all the same.
type toyLaw struct {
	lie     func(trade.Context, trade.Command) bool // execute this one wrongly
	wording string                                  // of refusals
	broken  bool                                    // reading a record fails
	code    fault.Code                              // of the command "no"; refused
}

type toyGenesis struct {
	Members []toyMember `cbor:"1,keyasint"`
	Limits  toyLimits   `cbor:"2,keyasint"`
}

type toyMember struct {
	Code    string         `cbor:"1,keyasint"`
	Node    sign.PublicKey `cbor:"2,keyasint"`
	Sealing []toySealing   `cbor:"3,keyasint"` // oldest first
}

type toySealing struct {
	Key  seal.PublicKey `cbor:"1,keyasint"`
	From uint64         `cbor:"2,keyasint"`
}

type toyLimits struct {
	Channel, Member, Reserve uint64
}

type toyPut struct {
	Key   string `cbor:"1,keyasint"`
	Value []byte `cbor:"2,keyasint"`
}

type toyOpening struct {
	Opening Opening `cbor:"1,keyasint"`
}

type toyBind struct {
	Member string         `cbor:"1,keyasint"`
	Key    sign.PublicKey `cbor:"2,keyasint"`
}

func toyCommand(kind trade.Kind, body any) trade.Command {
	return trade.Command{Kind: kind, Body: canon.Must(body)}
}

func put(key, value string) trade.Command {
	return toyCommand("put", toyPut{key, []byte(value)})
}

func read[T any](r trade.Records, key string) (v T, ok bool) {
	data, ok := r.Get(key)
	if !ok {
		return v, false
	}
	if err := canon.Decode(data, &v); err != nil {
		panic(err)
	}
	return v, true
}

func (l toyLaw) Apply(ctx trade.Context, state trade.Records, cmd trade.Command) trade.Result {
	refuse := func(code fault.Code) trade.Result {
		return trade.Result{Receipt: trade.Receipt{Code: code}, Fault: fault.New(code, "refused by the toy law"+l.wording, "do not")}
	}
	write := func(key string, v any) trade.Result {
		return trade.Result{Writes: []trade.Write{{Key: key, Value: canon.Must(v)}}, Events: []trade.Event{{Kind: string(cmd.Kind), Subject: key}}}
	}
	switch cmd.Kind {
	case "put":
		var p toyPut
		if canon.Decode(cmd.Body, &p) != nil {
			return refuse(fault.Invalid)
		}
		if l.lie != nil && l.lie(ctx, cmd) {
			p.Value = append([]byte("lie "), p.Value...)
		}
		return trade.Result{Writes: []trade.Write{{Key: "r/" + p.Key, Value: p.Value}}, Events: []trade.Event{{Kind: "put", Subject: p.Key}}}
	case "count": // how many records there are: reads what commands before it have written
		n := 0
		for range state.Scan("r/") {
			n++
		}
		return write("count", n)
	case "public": // what a Bilateral sees of the Omnilateral
		seen, _ := ctx.Public.Get("r/seen")
		return trade.Result{Writes: []trade.Write{{Key: "public", Value: append([]byte{'='}, seen...)}}}
	case "trade": // goes on for three blocks beyond what both have signed
		if ctx.Block.Height > ctx.Attested+3 {
			return refuse(trade.CodeUnattested)
		}
		return write("traded", ctx.Attested)
	case "boom":
		panic("boom")
	case "no", "end":
		if cmd.Kind == "end" {
			return write("ended", true)
		}
		return refuse(cmp.Or(l.code, fault.Refused))
	case "read":
		if l.broken {
			panic(storeFailure{fault.New(store.CodeStoreFailed, "the disk is broken", "replace it")})
		}
		return trade.Result{}
	case "bind":
		var b toyBind
		if canon.Decode(cmd.Body, &b) != nil || b.Key != ctx.Sender {
			return refuse(fault.Invalid)
		}
		return write("bound/"+b.Key.String(), b.Member)
	case "announce":
		var b toyBind
		if canon.Decode(cmd.Body, &b) != nil {
			return refuse(fault.Invalid)
		}
		return write("bound/"+b.Key.String(), b.Member)
	case "seal": // a member registers a sealing key
		var m toyMember
		if canon.Decode(cmd.Body, &m) != nil {
			return refuse(fault.Invalid)
		}
		old, _ := read[toyMember](state, "member/"+m.Code)
		old.Sealing = append(old.Sealing, toySealing{m.Sealing[0].Key, ctx.Block.Height})
		return write("member/"+m.Code, old)
	case "open":
		var o toyOpening
		if canon.Decode(cmd.Body, &o) != nil {
			return refuse(fault.Invalid)
		}
		if _, ok := read[toyOpening](state, "opening/"+o.Opening.ID.String()); ok {
			return refuse(fault.Conflict)
		}
		return trade.Result{Writes: []trade.Write{
			{Key: proof.ChannelKey(o.Opening.ID), Value: canon.Must(proof.Channel{ID: o.Opening.ID, Keys: o.Opening.Keys})},
			{Key: "key/" + o.Opening.Keys[0].String(), Value: canon.Must(o.Opening.ID)},
			{Key: "key/" + o.Opening.Keys[1].String(), Value: canon.Must(o.Opening.ID)},
			{Key: "opening/" + o.Opening.ID.String(), Value: canon.Must(o)},
		}}
	case "rotate": // a channel key replaces itself
		var fresh sign.PublicKey
		if canon.Decode(cmd.Body, &fresh) != nil {
			return refuse(fault.Invalid)
		}
		id, _ := read[canon.Hash](state, "key/"+ctx.Sender.String())
		o, _ := read[toyOpening](state, "opening/"+id.String())
		c, _ := read[proof.Channel](state, proof.ChannelKey(id))
		past := append(c.Past, o.Opening.Keys)
		o.Opening.Keys[slices.Index(o.Opening.Keys[:], ctx.Sender)] = fresh
		return trade.Result{Writes: []trade.Write{
			{Key: proof.ChannelKey(id), Value: canon.Must(proof.Channel{ID: id, Keys: o.Opening.Keys, Past: past})},
			{Key: "key/" + fresh.String(), Value: canon.Must(id)},
			{Key: "opening/" + id.String(), Value: canon.Must(o)},
		}}
	case "confirm":
		var id canon.Hash
		if canon.Decode(cmd.Body, &id) != nil {
			return refuse(fault.Invalid)
		}
		o, ok := read[toyOpening](state, "opening/"+id.String())
		i := slices.Index(o.Opening.Keys[:], ctx.Sender)
		if !ok || i < 0 {
			return refuse(fault.Forbidden)
		}
		o.Opening.Confirmations[i] = true
		if o.Opening.Confirmed = o.Opening.Confirmations == [2]bool{true, true}; o.Opening.Confirmed {
			o.Opening.Invitation = nil
		}
		return write("opening/"+id.String(), o)
	case "anchor":
		var a proof.Anchor
		if canon.Decode(cmd.Body, &a) != nil {
			return refuse(fault.Invalid)
		}
		c, ok := read[proof.Channel](state, proof.ChannelKey(a.Channel))
		if !ok || a.Check(c) != nil || !slices.Contains(c.Keys[:], ctx.Sender) {
			return refuse(fault.Refused)
		}
		if last, ok := read[proof.Anchor](state, "last/"+a.Channel.String()); ok && last.Position >= a.Position {
			return refuse(fault.Refused)
		}
		return trade.Result{Writes: []trade.Write{
			{Key: a.Key(), Value: canon.Must(a)}, {Key: "last/" + a.Channel.String(), Value: canon.Must(a)},
		}}
	}
	return refuse(fault.Invalid)
}

func (toyLaw) Genesis(doc []byte) ([]trade.Write, error) {
	var g toyGenesis
	if err := canon.Decode(doc, &g); err != nil {
		return nil, err
	}
	out := []trade.Write{{Key: "limits", Value: canon.Must(g.Limits)}}
	for _, m := range g.Members {
		out = append(out, trade.Write{Key: "member/" + m.Code, Value: canon.Must(m)},
			trade.Write{Key: "node/" + m.Node.String(), Value: canon.Must(m.Code)})
	}
	return out, nil
}

func (toyLaw) Conserved(_, _ trade.Records, _ iter.Seq[string], _ int64) error { return nil }

func (toyLaw) Version(trade.Records, uint64) error { return nil }

func (l toyLaw) Admit(public trade.Records, id canon.Hash, sender sign.PublicKey, height uint64, time int64) (string, error) {
	if id.IsZero() {
		if code, ok := l.Carrier(public, sender, height); ok {
			return code, nil
		}
		id, _ = read[canon.Hash](public, "key/"+sender.String())
	}
	o, ok := l.Opening(public, id)
	switch {
	case !ok:
		return "", fault.New(fault.NotFound, "no such channel", "").In("channel")
	case !slices.Contains(o.Keys[:], sender):
		return "", fault.New(fault.Unauthorized, "not a key of the channel", "").In("sender")
	case o.lapsed(time):
		return "", fault.New(fault.Refused, "lapsed", "").In("channel")
	}
	return o.Opener, nil
}

func (toyLaw) Evidence(ours, theirs proof.SignedHead, _ uint64, _ []byte) trade.Command {
	return toyCommand("end", [2]proof.SignedHead{ours, theirs})
}

func (toyLaw) Equivocation(key sign.PublicKey, one, two proof.SignedHead) trade.Command {
	return toyCommand("no", trade.Equivocation{Key: key, One: one, Two: two})
}
func (toyLaw) Equivocated(trade.Records, canon.Hash, sign.PublicKey) bool { return true }

func (toyLaw) Parted(trade.Records) bool { return false }

func (toyLaw) Diverged(c trade.Command) bool { return c.Kind == "end" }

func (toyLaw) Carrier(public trade.Records, node sign.PublicKey, _ uint64) (string, bool) {
	return read[string](public, "node/"+node.String())
}

func (toyLaw) Sealing(public trade.Records, code string, height uint64) (seal.PublicKey, bool) {
	m, ok := read[toyMember](public, "member/"+code)
	for _, k := range slices.Backward(m.Sealing) {
		if k.From <= height {
			return k.Key, ok
		}
	}
	return seal.PublicKey{}, false
}

func (toyLaw) Opening(public trade.Records, id canon.Hash) (Opening, bool) {
	o, ok := read[toyOpening](public, "opening/"+id.String())
	return o.Opening, ok
}

func (toyLaw) Limits(public trade.Records, _ uint64) Limits {
	l, _ := read[toyLimits](public, "limits")
	return Limits{ChannelBytes: l.Channel, MemberBytes: l.Member, Reserve: l.Reserve}
}

func (toyLaw) Open(o Opening) trade.Command        { return toyCommand("open", toyOpening{o}) }
func (toyLaw) Confirm(id canon.Hash) trade.Command { return toyCommand("confirm", id) }
func (toyLaw) Anchor(a proof.Anchor, _ []canon.Hash) trade.Command {
	return toyCommand("anchor", a)
}
func (toyLaw) Contest(own proof.SignedHead) trade.Command { return toyCommand("contest", own) }
func (toyLaw) Claim(trade.Records, canon.Hash, int) (proof.Anchor, bool) {
	return proof.Anchor{}, false
}
func (toyLaw) Claimed([]byte) (proof.Anchor, bool) { return proof.Anchor{}, false }
func (toyLaw) LastAnchor(public trade.Records, id canon.Hash) (proof.Anchor, bool) {
	return read[proof.Anchor](public, "last/"+id.String())
}
func (toyLaw) Bind(b Binding, _ sign.PrivateKey) trade.Command {
	return toyCommand("bind", toyBind{b.Member, b.Keys[b.Mine]})
}
func (toyLaw) Announce(b Binding, a Announcement, _ sign.PrivateKey) trade.Command {
	return toyCommand("announce", toyBind{b.Member, a.Key})
}
func (toyLaw) Possession(sign.PrivateKey, string, canon.Hash) (s sign.Signature) { return s }
func (toyLaw) Replace(_ canon.Hash, a Announcement) trade.Command {
	return toyCommand("rotate", a.Key)
}
func (toyLaw) Destroys(state trade.Records, _ func(string) bool) bool {
	_, ok := state.Get("r/destroy")
	return ok
}
func (toyLaw) Bound(state trade.Records, key sign.PublicKey) bool {
	_, ok := state.Get("bound/" + key.String())
	return ok
}

// memoryKeys is a key store for tests.
type memoryKeys struct {
	node, member sign.PrivateKey

	mu       sync.Mutex
	sealing  []seal.Key
	channels map[sign.PublicKey]sign.PrivateKey
	kept     map[canon.Hash][]byte
	broken   error // of Retire
}

func newKeys(t testing.TB) *memoryKeys {
	k := &memoryKeys{channels: map[sign.PublicKey]sign.PrivateKey{}}
	k.node, k.member = must(sign.Generate(nil)), must(sign.Generate(nil))
	k.sealing = []seal.Key{must(seal.GenerateKey(nil))}
	return k
}

func (k *memoryKeys) Node() sign.PrivateKey { return k.node }
func (k *memoryKeys) Member() (sign.PrivateKey, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.member, !k.member.IsZero()
}
func (k *memoryKeys) Sealing() []seal.Key {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Clone(k.sealing)
}
func (k *memoryKeys) Channel(p sign.PublicKey) (sign.PrivateKey, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, ok := k.channels[p]
	return key, ok
}
func (k *memoryKeys) NewChannel() (sign.PrivateKey, error) {
	key, err := sign.Generate(nil)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.channels[key.Public()] = key
	return key, err
}

func (k *memoryKeys) Past(id canon.Hash) []byte {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.kept[id]
}

func (k *memoryKeys) Retire(keys []seal.PublicKey, kept map[canon.Hash][]byte) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.broken != nil {
		return k.broken
	}
	k.sealing = slices.DeleteFunc(k.sealing, func(s seal.Key) bool { return slices.Contains(keys, s.Public()) })
	k.kept = kept
	return nil
}

// stepClock is a clock that a test moves.
type stepClock struct {
	mu     sync.Mutex
	wall   func() time.Time
	now    time.Duration
	timers []stepTimer
}

type stepTimer struct {
	at time.Duration
	c  chan time.Time
}

func (c *stepClock) After(d time.Duration) <-chan time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	t := stepTimer{c.now + d, make(chan time.Time, 1)}
	if d < attestWithin { // sending again runs by itself
		return time.After(d)
	}
	c.timers = append(c.timers, t)
	return t.c
}

func (c *stepClock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.wall()
}

func (c *stepClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += d
	c.timers = slices.DeleteFunc(c.timers, func(t stepTimer) bool {
		if t.at > c.now {
			return false
		}
		t.c <- time.Time{}
		return true
	})
}

// network is a ledger with members on it.
type network struct {
	t       testing.TB
	dir     string
	law     Law
	genesis []byte
	net     ledger.Network
	key     sign.PrivateKey
	ledger  *local.Ledger
	clock   *blockClock
	machine *Omni
	db      *store.DB
}

// blockClock is the time of blocks.
type blockClock struct {
	mu sync.Mutex
	at time.Time
}

func (c *blockClock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(time.Millisecond)
	return c.at
}

func (c *blockClock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

type networkOptions struct {
	law    toyLaw
	limits toyLimits
}

func newNetwork(t testing.TB, o networkOptions, carriers map[string]*memoryKeys) *network {
	n := &network{t: t, dir: t.TempDir(), law: o.law, clock: &blockClock{at: time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)}}
	g := toyGenesis{Limits: o.limits}
	for _, code := range slices.Sorted(mapKeys(carriers)) {
		g.Members = append(g.Members, toyMember{code, carriers[code].node.Public(), []toySealing{{carriers[code].sealing[0].Public(), 0}}})
	}
	n.genesis = canon.Must(g)
	n.key = sign.FromSeed([32]byte{1})
	n.net = local.Network("test", n.key.Public())
	n.start()
	t.Cleanup(n.stop)
	return n
}

func mapKeys[K comparable, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

func (n *network) start() {
	n.t.Helper()
	var err error
	if n.db, err = store.Open(filepath.Join(n.dir, "validator"), store.Options{MinFree: 1}); err != nil {
		n.t.Fatal(err)
	}
	n.machine, err = NewOmni(n.db, MachineOptions{ChainID: n.net.ChainID, Genesis: n.genesis, Law: n.law})
	if err != nil {
		n.t.Fatal(err)
	}
	n.ledger, err = local.Open(local.Config{Network: n.net, Key: n.key, Path: filepath.Join(n.dir, "ledger"), Now: n.clock.now, GapWait: 20 * time.Millisecond}, n.machine)
	if err != nil {
		n.t.Fatal(err)
	}
}

func (n *network) stop() {
	if n.ledger == nil {
		return
	}
	if err := n.ledger.Close(); err != nil {
		n.t.Error(err)
	}
	if err := n.db.Close(); err != nil {
		n.t.Error(err)
	}
	n.ledger = nil
}

// carrier is a member with its data, running or not.
type carrier struct {
	*Member
	n      *network
	code   string
	keys   *memoryKeys
	dir    string
	db     *store.DB
	clock  *stepClock
	cancel context.CancelFunc
	ended  chan error
	alarms alarmList
	tune   func(*Options)
}

type alarmList struct {
	mu   sync.Mutex
	list []Alarm
}

func (a *alarmList) add(x Alarm) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.list = append(a.list, x)
}

func (a *alarmList) find(code fault.Code) (Alarm, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, x := range a.list {
		if x.Code == code {
			return x, true
		}
	}
	return Alarm{}, false
}

func (n *network) carrier(code string, keys *memoryKeys, tune func(*Options)) *carrier {
	c := &carrier{n: n, code: code, keys: keys, dir: filepath.Join(n.dir, "carrier-"+code), tune: tune}
	c.start()
	n.t.Cleanup(c.stop)
	return c
}

func (c *carrier) start() {
	c.n.t.Helper()
	if err := c.tryStart(); err != nil {
		c.n.t.Fatal(err)
	}
}

func (c *carrier) tryStart() error {
	db, err := store.Open(filepath.Join(c.dir, "store"), store.Options{MinFree: 1})
	if err != nil {
		return err
	}
	c.clock = &stepClock{wall: c.n.clock.now}
	o := Options{
		Ledger: c.n.ledger, Store: db, Outbox: filepath.Join(c.dir, "outbox"), Keys: c.keys, Code: c.code,
		ChainID: c.n.net.ChainID, Genesis: c.n.genesis, Law: c.n.law, Clock: c.clock, Alarm: c.alarms.add,
	}
	if testing.Verbose() && os.Getenv("LATERAL_TEST_LOG") != "" {
		o.Logger = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	if c.tune != nil {
		c.tune(&o)
	}
	m, err := OpenMember(o)
	if err != nil {
		db.Close()
		return err
	}
	c.Member, c.db = m, db
	ctx, cancel := context.WithCancel(context.Background())
	c.cancel, c.ended = cancel, make(chan error, 1)
	go func() { c.ended <- m.Run(ctx) }()
	return nil
}

func (c *carrier) stop() {
	if c.cancel == nil {
		return
	}
	c.cancel()
	if err := <-c.ended; err != nil {
		c.n.t.Logf("%s ended with %v", c.code, err)
	}
	if err := c.Member.Close(); err != nil {
		c.n.t.Error(err)
	}
	if err := c.db.Close(); err != nil {
		c.n.t.Error(err)
	}
	c.cancel = nil
}

func timeout(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// open makes a Bilateral between two carriers and waits until it is open on
// both sides.
func open(t testing.TB, a, b *carrier) (*Bilateral, *Bilateral) {
	t.Helper()
	ctx := timeout(t)
	left, err := tryOpen(ctx, a, b)
	if err != nil {
		t.Fatal(err)
	}
	if err := left.Await(ctx); err != nil {
		t.Fatal(err)
	}
	right := find(t, b, left.ID())
	if err := right.Await(ctx); err != nil {
		t.Fatal(err)
	}
	return left, right
}

func tryOpen(ctx context.Context, a, b *carrier) (*Bilateral, error) {
	for _, c := range []*carrier{a, b} {
		select {
		case <-c.Ready():
		case <-ctx.Done():
			return nil, fmt.Errorf("%s was never ready: %w", c.code, ctx.Err())
		}
	}
	ours, err := a.Introduce(b.code)
	if err != nil {
		return nil, err
	}
	theirs, err := b.Introduce(a.code)
	if err != nil {
		return nil, err
	}
	return a.Invite(ctx, ours, theirs)
}

func find(t testing.TB, c *carrier, id canon.Hash) *Bilateral {
	t.Helper()
	var found *Bilateral
	eventually(t, "the channel is there", func() bool {
		b, ok := c.Bilateral(id)
		found = b
		return ok
	})
	return found
}

// eventually waits for a condition with a deadline.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(30 * time.Second)
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("not reached in time: %s", what)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func submit(t testing.TB, c interface {
	Submit(context.Context, ...trade.Command) ([]Outcome, error)
}, cmds ...trade.Command) []Outcome {
	t.Helper()
	out, err := c.Submit(timeout(t), cmds...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// pair is the usual beginning: a network, two carriers, an open Bilateral.
type pair struct {
	n           *network
	a, b        *carrier
	left, right *Bilateral
}

func newPair(t testing.TB, o networkOptions) *pair {
	keys := map[string]*memoryKeys{"ALPHA": newKeys(t), "BRAVO": newKeys(t)}
	p := &pair{n: newNetwork(t, o, keys)}
	p.a = p.n.carrier("ALPHA", keys["ALPHA"], nil)
	p.b = p.n.carrier("BRAVO", keys["BRAVO"], nil)
	p.left, p.right = open(t, p.a, p.b)
	return p
}

// level waits until both sides have executed the same.
func (p *pair) level(t testing.TB) {
	t.Helper()
	eventually(t, "both sides have executed the same blocks", func() bool {
		l, r := p.left.snapshot(), p.right.snapshot()
		return l.Size == r.Size && l.Position == r.Position && l.Position > 0
	})
	if l, r := p.left.Root(), p.right.Root(); l != r {
		t.Fatalf("roots differ: %s and %s", l, r)
	}
}

func (c *Channel) snapshot() (v View) {
	if err := c.View(func(now View) error { v = now; return nil }); err != nil {
		panic(err)
	}
	return v
}

// outsider decodes everything in a directory: all files, and all values of a
// store, as one haystack.
func haystack(t testing.TB, dir string) []byte {
	t.Helper()
	var out bytes.Buffer
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		out.Write(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func label(i int) string { return fmt.Sprintf("k%04d", i) }

func contains(hay []byte, needle string) bool { return strings.Contains(string(hay), needle) }
