package trade

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
	"github.com/lateral-network/lateral/trade/usage"
)

// Codes of refusals that any command may meet.
const (
	// CodeUnknownCommand says that this version of the rules has no such kind.
	CodeUnknownCommand fault.Code = "unknown-command"
	// CodeWrongChannel says that the kind belongs on the other sort of channel.
	CodeWrongChannel fault.Code = "wrong-channel"
	// CodeNotBound says that the two sides have not yet said who they are.
	CodeNotBound fault.Code = "not-bound"
	// CodeDiverged says that the two members' states differ, so that only what
	// AllowedWhenDiverged names goes on.
	CodeDiverged fault.Code = "diverged"
	// CodeVersionUnknown says that the channel follows rules that this node
	// does not know: the node stops applying it.
	CodeVersionUnknown fault.Code = "version-unknown"
	// CodeState says that the record is not in a state that allows the step.
	CodeState fault.Code = "wrong-state"
)

// Line is the part of a product line on which every node must agree. Its
// methods are pure.
type Line interface {
	Name() product.Line
	// Spec reads an order's payload. Code: invalid.
	Spec(payload []byte) (product.Spec, error)
}

// Machine applies commands. It is made once and may be used for many channels
// at the same time; what it caches changes no result.
type Machine struct {
	lines    map[product.Line]Line
	commands map[Kind]rule

	mu         sync.Mutex
	bilaterals map[canon.Hash]knownBilateral // guarded by mu
	terms      map[canon.Hash]agreement.Terms
}

// knownBilateral is a decoded record with the bytes that it came from.
type knownBilateral struct {
	bytes string
	value Bilateral
}

// maxKnown bounds each cache; a full one starts anew.
const maxKnown = 4096

// New makes a machine that knows the given product lines.
func New(lines ...Line) *Machine {
	m := &Machine{lines: map[product.Line]Line{}, commands: rules(), bilaterals: map[canon.Hash]knownBilateral{}, terms: map[canon.Hash]agreement.Terms{}}
	for _, l := range lines {
		m.lines[l.Name()] = l
	}
	return m
}

// Apply executes one command. It changes nothing itself: the result holds the
// writes. Records must not change while it runs. It never panics on what a
// client can send.
func (m *Machine) Apply(ctx Context, state Records, cmd Command) Result {
	t := &tx{m: m, ctx: ctx, cmd: cmd, state: state}
	if err := t.run(); err != nil {
		f := fault.Of(err)
		t.receipt.Code, t.receipt.Field = f.Code, f.Field
		return Result{Receipt: t.receipt, Writes: sorted(t.spent), Fault: f}
	}
	return Result{Receipt: t.receipt, Writes: sorted(t.writes), Events: t.events}
}

func sorted(writes []Write) []Write {
	slices.SortFunc(writes, func(a, b Write) int { return cmp.Compare(a.Key, b.Key) })
	return writes
}

// tx is one command on its way: what it reads, and what it will write.
type tx struct {
	m     *Machine
	ctx   Context
	cmd   Command
	state Records

	rule         rule
	bilateral    Bilateral  // on a Bilateral
	own, partner party.Code // on a Bilateral, once bound: the sender's side and the other

	act     *party.Act // of this command's authorization, once checked
	receipt Receipt
	writes  []Write
	spent   []Write        // what stands although the command is refused
	index   map[string]int // into writes, once there are many
	read    map[string]any // records that are read again and again, decoded, as they are now
	events  []Event
	rows    map[uint32]ProvenRow // of this command's direction, decoded
	cycle   usage.Cycle          // of calendar
	dates   *usage.Calendar      // nil until calendar is asked
	posted  []settlement.Posting // of this command, for the journal
	subject string               // of the journal entry
	backed  []token.Token        // tokens whose cover is checked at the end
}

func (t *tx) run() error {
	r, ok := t.m.commands[t.cmd.Kind]
	if !ok {
		return fault.Newf(CodeUnknownCommand, "upgrade the node that sent it, or this one", "there is no command %.40q in version %d of the rules", t.cmd.Kind, RuleVersion)
	}
	t.rule = r
	public := t.ctx.Block.Channel.IsZero()
	if r.public != public && !r.both {
		return fault.Newf(CodeWrongChannel, "send it on the channel that it belongs to", "%s belongs on the %s", t.cmd.Kind, channelOf(r.public))
	}
	if !public {
		if err := t.enter(); err != nil {
			return err
		}
	} else if r.need == delegate || r.both && r.need == memberKey {
		// What a member does there by its delegates, its own node carries.
		var err error
		if t.own, err = t.senderMember(); err != nil {
			return err
		}
		if err := activeMember(t, t.own); err != nil {
			return err
		}
	}
	if err := r.apply(t); err != nil {
		return err
	}
	if err := t.post(); err != nil || public {
		return err
	}
	return t.follow()
}

func channelOf(public bool) string {
	if public {
		return "Omnilateral"
	}
	return "Bilateral"
}

// enter finds out who sent the command and whether the Bilateral takes it now.
func (t *tx) enter() error {
	raw, ok := t.state.Get(keyBilateral)
	if !ok {
		if t.cmd.Kind == KindBind {
			return nil
		}
		return notBound()
	}
	t.bilateral = t.m.known(t.ctx.Block.Channel, raw)
	b := &t.bilateral
	if v := b.VersionAt(t.ctx.Block.Height); v != RuleVersion {
		return versionUnknown(v)
	}
	if b.State == Binding {
		if t.cmd.Kind == KindBind {
			return nil
		}
		return notBound()
	}
	if b.State == Diverged && !AllowedWhenDiverged(t.cmd) {
		return fault.New(CodeDiverged, "the two members' states differ from each other; this command has to wait", "run lateral replay, rebuild the node that it blames, then close the divergence on both sides (lateral bilateral mend)")
	}
	own, partner, ok := b.Side(t.ctx.Sender)
	if !ok && t.cmd.Kind == KindKeyChange {
		own, partner, ok = t.replacedSide()
	}
	if !ok {
		return fault.New(fault.Unauthorized, "the sender's key belongs to neither side of this channel", "announce the key with key.change first")
	}
	t.own, t.partner = own, partner
	return nil
}

func notBound() error {
	return fault.New(CodeNotBound, "the two sides have not both said who they are", "send bind from both sides first")
}

func versionUnknown(v uint32) error {
	return fault.Newf(CodeVersionUnknown, "upgrade this node to a release that knows the version", "the channel follows version %d of the rules, and this node knows version %d", v, RuleVersion)
}

// VersionAt gives the rule version that holds at a height.
func (b Bilateral) VersionAt(height uint64) uint32 {
	if b.Next != nil && b.Next.Agreed && b.Next.Height <= height {
		return b.Next.Version
	}
	return b.Version
}

// CheckVersion reports, with code version-unknown, that a channel follows rules
// at a height that this package does not know. Whoever applies blocks asks
// before each and stops that channel instead of applying.
func CheckVersion(state Records, height uint64) error {
	if n, ok := (View{state}).Network(); ok && n.Version != RuleVersion {
		return versionUnknown(n.Version)
	}
	if b, ok := (View{state}).Bilateral(); ok && b.VersionAt(height) != RuleVersion {
		return versionUnknown(b.VersionAt(height))
	}
	return nil
}

// known decodes a Bilateral's record, or finds it decoded.
func (m *Machine) known(channel canon.Hash, raw []byte) Bilateral {
	m.mu.Lock()
	k, ok := m.bilaterals[channel]
	m.mu.Unlock()
	if ok && k.bytes == string(raw) {
		return k.value
	}
	k = knownBilateral{bytes: string(raw), value: stored[Bilateral](raw)}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.bilaterals) >= maxKnown {
		clear(m.bilaterals)
	}
	m.bilaterals[channel] = k
	return k.value
}

// termsOf gives terms by their hash, which are a record of the channel.
func (t *tx) termsOf(h canon.Hash) agreement.Terms {
	t.m.mu.Lock()
	terms, ok := t.m.terms[h]
	t.m.mu.Unlock()
	if ok {
		return terms
	}
	if terms, ok = get[agreement.Terms](t, TermsKey(h)); !ok {
		return terms
	}
	t.m.mu.Lock()
	defer t.m.mu.Unlock()
	if len(t.m.terms) >= maxKnown {
		clear(t.m.terms)
	}
	t.m.terms[h] = terms
	return terms
}

// Get reads a record as this command has left it.
func (t *tx) Get(key string) ([]byte, bool) {
	if i, ok := t.find(key); ok {
		return t.writes[i].Value, t.writes[i].Value != nil
	}
	return t.state.Get(key)
}

// Scan reads records as they were before this command.
func (t *tx) Scan(prefix string) iter.Seq2[string, []byte] { return t.state.Scan(prefix) }

// few is the number of writes up to which looking through them is cheaper than
// a map.
const few = 12

func (t *tx) find(key string) (int, bool) {
	if t.index != nil {
		i, ok := t.index[key]
		return i, ok
	}
	for i := range t.writes {
		if t.writes[i].Key == key {
			return i, true
		}
	}
	return 0, false
}

// put writes a record.
func (t *tx) put(key string, record any) { t.write(key, canon.Must(record)) }

// has reports whether there is a record.
func (t *tx) has(key string) bool {
	_, ok := t.Get(key)
	return ok
}

// drop removes a record.
func (t *tx) drop(key string) { t.write(key, nil) }

func (t *tx) write(key string, value []byte) {
	delete(t.read, key)
	if i, ok := t.find(key); ok {
		t.writes[i].Value = value
		return
	}
	t.writes = append(t.writes, Write{key, value})
	switch {
	case t.index != nil:
		t.index[key] = len(t.writes) - 1
	case len(t.writes) > few:
		t.index = make(map[string]int, 4*few)
		for i, w := range t.writes {
			t.index[w.Key] = i
		}
	}
}

func (t *tx) emit(kind, subject, detail string) {
	t.events = append(t.events, Event{kind, subject, detail})
}

// stored decodes a record that this package wrote. A record that does not
// decode is a broken store, and no command may go on from it.
func stored[T any](raw []byte) T {
	var v T
	if err := canon.Stored(raw, &v); err != nil {
		panic(err)
	}
	return v
}

func get[T any](r Records, key string) (T, bool) {
	raw, ok := r.Get(key)
	if !ok {
		var zero T
		return zero, false
	}
	return stored[T](raw), true
}

// again is get for a record that one command reads many times: it is decoded once.
// What it gives is shared, so that lists in it are not to be changed.
func again[T any](t *tx, key string) (T, bool) {
	if r, ok := t.read[key]; ok {
		return r.(T), true
	}
	r, ok := get[T](t, key)
	if ok {
		if t.read == nil {
			t.read = map[string]any{}
		}
		t.read[key] = r
	}
	return r, ok
}

// known is again where a command reads, and get elsewhere: of what no command changes
// once it is there.
func known[T any](r Records, key string) (T, bool) {
	if t, ok := r.(*tx); ok {
		return again[T](t, key)
	}
	return get[T](r, key)
}

// body makes a command's function from one that takes the decoded body.
func body[T any](apply func(*tx, T) error) func(*tx) error {
	return func(t *tx) error {
		var b T
		if err := canon.Decode(t.cmd.Body, &b); err != nil {
			return fault.Of(err).In("body")
		}
		return apply(t, b)
	}
}

func invalid(field, detail, remedy string) *fault.Error {
	return fault.New(fault.Invalid, detail, remedy).In(field)
}

func notFound(field, what, id string) *fault.Error {
	return fault.Newf(fault.NotFound, "look at the list, and mind case", "there is no %s %.60q here", what, id).In(field)
}

func wrongState(what, id, state, wanted string) *fault.Error {
	return fault.Newf(CodeState, "look at who acts next in docs/states", "%s %s is %s; %s is not possible then", what, id, state, wanted)
}

func conflict(field, remedy, format string, args ...any) *fault.Error {
	return fault.New(fault.Conflict, fmt.Sprintf(format, args...), remedy).In(field)
}
