package channel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"slices"
	"sort"
	"sync"
	"sync/atomic"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
)

// Names under which the Omnilateral keeps what is no part of its state.
const (
	metaBlock = "block" // blockMark
	metaUsage = "usage" // []usageMark

	indexLanes     = "lane"     // channel, sender → laneMark
	indexEnvelopes = "envelope" // channel, sender, number → envelopeMark
	indexEvidence  = "evidence" // channel, sender, number → the second envelope's bytes

	minute    = int64(60_000)
	markEvery = 64 // blocks without an envelope after which the height is stored all the same
)

// blockMark says which block was applied last.
type blockMark struct {
	Height ledger.Height `cbor:"1,keyasint"`
	Time   int64         `cbor:"2,keyasint"`
}

// laneMark is the last number of a sender in a channel.
type laneMark struct {
	Last uint64 `cbor:"1,keyasint"`
}

// envelopeMark is what is kept of an envelope for ever.
type envelopeMark struct {
	ID       canon.Hash      `cbor:"1,keyasint"`
	Position ledger.Position `cbor:"2,keyasint"`
}

// usageMark counts the bytes that one account has sent in the present minute.
type usageMark struct {
	Account string `cbor:"1,keyasint"` // "channel/<id>" or "member/<code>"
	Minute  int64  `cbor:"2,keyasint"`
	Bytes   uint64 `cbor:"3,keyasint"`
}

// lane is where envelopes are numbered without gaps: one sender in one channel.
type lane struct {
	channel canon.Hash
	sender  sign.PublicKey
}

func (l lane) key() string { return string(l.channel[:]) + string(l.sender[:]) }

func (l lane) envelope(n uint64) string {
	return string(binary.BigEndian.AppendUint64([]byte(l.key()), n))
}

// Omni is the Omnilateral: the machine that every validator runs, and that
// each member runs for itself. It implements ledger.Machine,
// ledger.Resumer and ledger.Accountant.
type Omni struct {
	chain   string
	genesis []byte // document
	law     Law
	db      *store.DB
	log     *slog.Logger
	r       *replica

	// Owned by whoever applies blocks; read by Check, which the driver keeps
	// apart from Apply.
	mark   blockMark
	stored ledger.Height // of the last mark on disk
	usage  map[string]usageMark

	mu       sync.RWMutex // guards lanes, which members read from elsewhere
	lanes    map[lane]uint64
	checked  *checked
	rivalsMu sync.Mutex        // guards rivals
	rivals   []ledger.Envelope // second envelopes met by Check, to be stored with the next block
	skipped  atomic.Uint64
}

// MachineOptions are what a validator's machine is made with.
type MachineOptions struct {
	ChainID string
	Genesis []byte // genesis document, as the Law reads it
	Law     Law
	Logger  *slog.Logger // nil discards
	Alarm   func(Alarm)  // nil logs only
}

// NewOmni opens the Omnilateral that is kept in db, or begins it from the
// genesis document. Code: corrupt when the store does not add up.
func NewOmni(db *store.DB, o MachineOptions) (*Omni, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	m := &Omni{chain: o.ChainID, genesis: o.Genesis, law: o.Law, db: db, log: o.Logger,
		usage: map[string]usageMark{}, lanes: map[lane]uint64{}, checked: newChecked()}
	space := db.Channel(canon.Hash{})
	started, ok, err := space.Meta(metaBlock)
	if err != nil {
		return nil, err
	}
	if !ok {
		if err := m.begin(space); err != nil {
			return nil, fmt.Errorf("starting from the genesis document: %w", err)
		}
	} else if err := canon.Decode(started, &m.mark); err != nil {
		return nil, corruptStore("the height of the Omnilateral cannot be read").Because(err)
	}
	m.stored = m.mark.Height
	m.r, err = openReplica(db, o.ChainID, canon.Hash{}, nil, o.Law, alarms(o.Logger, o.Alarm))
	if err != nil {
		return nil, err
	}
	m.r.height, m.r.time = m.mark.Height, m.mark.Time
	return m, m.load()
}

func corruptStore(detail string) *fault.Error {
	return fault.New(fault.Corrupt, detail, "move the store away and start again: it is rebuilt from the ledger and the key file")
}

// begin commits the first records.
func (m *Omni) begin(space *store.Channel) error {
	list, root, err := m.first()
	if err != nil {
		return err
	}
	return space.Commit(store.Batch{
		Writes: list,
		Meta:   map[string][]byte{metaBlock: canon.Must(m.mark)},
		Roots:  &store.Roots{State: root},
	})
}

// first gives the records of the genesis document and the root over them.
func (m *Omni) first() ([]merkle.Write, canon.Hash, error) {
	writes, err := m.law.Genesis(m.genesis)
	if err != nil {
		return nil, canon.Hash{}, err
	}
	list := make([]merkle.Write, len(writes))
	for i, w := range writes {
		list[i] = merkle.Write(w)
	}
	root, err := merkle.NewSparse(nil).Update(list)
	return list, root, err
}

// load reads what is kept in memory beside the state.
func (m *Omni) load() error {
	usage, ok, err := m.r.space.Meta(metaUsage)
	if err != nil {
		return err
	}
	if ok {
		var marks []usageMark
		if err := canon.Decode(usage, &marks); err != nil {
			return corruptStore("the quotas of the Omnilateral cannot be read").Because(err)
		}
		for _, u := range marks {
			m.usage[u.Account] = u
		}
	}
	for e, err := range m.r.space.ScanIndex(indexLanes, "") {
		if err != nil {
			return err
		}
		var mark laneMark
		if err := canon.Decode(e.Value, &mark); err != nil || len(e.Key) != 64 {
			return corruptStore("a sequence number cannot be read").Because(err)
		}
		m.lanes[lane{canon.Hash([]byte(e.Key[:32])), sign.PublicKey([]byte(e.Key[32:]))}] = mark.Last
	}
	return nil
}

// Applied says where the machine stands (ledger.Resumer).
func (m *Omni) Applied() (ledger.Height, ledger.Root, error) {
	if m.mark.Height == 0 {
		return 0, ledger.Root{}, nil
	}
	return m.mark.Height, m.root(), nil
}

// root is what the ledger certifies after the last applied block.
func (m *Omni) root() ledger.Root {
	m.r.mu.RLock()
	defer m.r.mu.RUnlock()
	return m.r.root()
}

// rootAt is what the ledger certified after an earlier block. The block log
// says so: a leaf for each block that changed something.
func (m *Omni) rootAt(h ledger.Height) (ledger.Root, error) {
	m.r.mu.RLock()
	defer m.r.mu.RUnlock()
	var failed error
	// The number of leaves up to and including block h.
	size := uint64(sort.Search(int(m.r.size), func(i int) bool {
		leaf, err := m.r.leaf(uint64(i))
		failed = errors.Join(failed, err)
		return leaf.Position > uint64(h)
	}))
	if failed != nil {
		return ledger.Root{}, failed
	}
	log, err := m.r.log.RootAt(size)
	if err != nil {
		return ledger.Root{}, err
	}
	if size == 0 {
		_, state, err := m.first()
		return proof.OmniRoot(state, log), err
	}
	leaf, err := m.r.leaf(size - 1)
	return proof.OmniRoot(leaf.State, log), err
}

// root is the certified root of the Omnilateral's replica. mu is held.
func (r *replica) root() ledger.Root {
	log, err := r.log.RootAt(r.size)
	if err != nil {
		panic(err) // size is never beyond the log
	}
	return proof.OmniRoot(r.tree.Root(), log)
}

// Check is the test of an envelope at admission and in a proposal, against the
// last applied block. The payload is not looked at, only measured. Codes:
// invalid, unauthorized, refused, conflict for an envelope that is final
// already, busy beyond a quota, not-yet behind a gap.
func (m *Omni) Check(e ledger.Envelope) (err error) {
	defer catch(&err)
	return m.check(e, m.last(laneOf(e)), nil)
}

func laneOf(e ledger.Envelope) lane { return lane{e.Header.Channel, e.Header.Sender} }

// last gives the highest number of a lane that is final; 0 before the first.
func (m *Omni) last(l lane) uint64 {
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.lanes[l]
}

// check is the same at admission, proposal and application: all is judged by
// the state after the last applied block, but for last, which counts on inside
// a block. So what was taken into a proposal also passes when it is applied.
// marks are the block's own envelopes so far.
func (m *Omni) check(e ledger.Envelope, last uint64, marks map[string]envelopeMark) error {
	h := e.Header
	if err := m.form(e); err != nil {
		return err
	}
	account, err := m.sender(h)
	if err != nil {
		return err
	}
	if h.Sequence <= last {
		return m.repeated(e, marks)
	}
	if err := m.quota(account, e); err != nil {
		return err
	}
	if !m.checked.verify(e) {
		return fault.New(fault.Invalid, "the envelope's signature is not its sender's", "sign the envelope with the sender's key").In("signature")
	}
	if h.Sequence != last+1 {
		return ledger.NotYet(last+1, h.Sequence)
	}
	return nil
}

// form checks what needs no state.
func (m *Omni) form(e ledger.Envelope) error {
	h := e.Header
	bad := func(field, detail string) error {
		return fault.New(fault.Invalid, detail, "make the envelope with the same version of Lateral that the network runs").In(field)
	}
	switch {
	case h.Version != 1:
		return bad("version", "the envelope's version is not known")
	case h.Chain != m.chain:
		return bad("chain", "the envelope is for chain "+clip(h.Chain)+", not for "+m.chain)
	case h.Sequence == 0:
		return bad("sequence", "sequence numbers start at 1")
	case h.Term != 0:
		return bad("term", "the channel has not moved: its term is 0")
	case h.Channel.IsZero() && h.Epoch != 0:
		return bad("epoch", "the Omnilateral is not sealed: its epoch is 0")
	case len(e.Payload) > ledger.MaxPayload || step(len(e.Payload)) != len(e.Payload):
		return bad("payload", "the payload is not padded to one of the size steps")
	}
	return nil
}

func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}

// account says who pays for an envelope.
type account struct {
	channel canon.Hash // zero on the Omnilateral
	member  string
}

// sender finds out whether the key may send in the channel, as of the last
// applied block, and who pays.
func (m *Omni) sender(h ledger.Header) (account, error) {
	payer, err := m.law.Admit(m.r.state, h.Channel, h.Sender, uint64(m.mark.Height)+1, m.mark.Time)
	return account{channel: h.Channel, member: payer}, err
}

// lapsed reports whether an opening that nobody confirmed is void.
func (o Opening) lapsed(now int64) bool { return !o.Confirmed && now >= o.Deadline }

// repeated judges a number that is used already. Another envelope under it is
// evidence against its sender.
func (m *Omni) repeated(e ledger.Envelope, marks map[string]envelopeMark) error {
	mark, ok := marks[laneOf(e).envelope(e.Header.Sequence)]
	if !ok {
		var err error
		if mark, err = m.envelope(laneOf(e), e.Header.Sequence); err != nil {
			return err
		}
	}
	if mark.ID == m.checked.id(e) {
		return fault.Newf(fault.Conflict, "nothing: it stands", "the envelope is final at %s", mark.Position).In("sequence")
	}
	if m.checked.verify(e) {
		m.rivalsMu.Lock()
		if len(m.rivals) < 64 { // more of them prove no more
			m.rivals = append(m.rivals, e)
		}
		m.rivalsMu.Unlock()
	}
	return fault.Newf(fault.Refused, "never sign two envelopes under one number: restore the node's outbox, or rebuild the node",
		"another envelope has number %d of this sender, at %s", e.Header.Sequence, mark.Position).In("sequence")
}

// envelope gives what is kept of a final envelope.
func (m *Omni) envelope(l lane, n uint64) (envelopeMark, error) {
	var mark envelopeMark
	data, ok, err := m.r.space.Lookup(indexEnvelopes, l.envelope(n))
	if err != nil {
		return mark, err
	}
	if !ok {
		return mark, corruptStore("the index of envelopes has a hole")
	}
	if err := canon.Decode(data, &mark); err != nil {
		return mark, corruptStore("the index of envelopes cannot be read").Because(err)
	}
	return mark, nil
}

// Evidence yields the second envelopes that were met under a used number.
func (m *Omni) Evidence(yield func(ledger.Envelope, error) bool) {
	for r, err := range m.r.space.ScanIndex(indexEvidence, "") {
		var e ledger.Envelope
		if err == nil {
			e, err = ledger.Unmarshal(r.Value)
		}
		if !yield(e, err) || err != nil {
			return
		}
	}
}

// Rival is an envelope under a number that its sender had used before.
type Rival struct {
	Channel  canon.Hash // zero: the Omnilateral
	Sender   sign.PublicKey
	Number   uint64
	Final    canon.Hash      // id of the envelope that is on the ledger
	Position ledger.Position // of that one
	Rival    canon.Hash      // id of the other
	Envelope []byte          // the other, signed
}

// Rivals yields the evidence that this node's Omnilateral has met.
func (m *Member) Rivals() iter.Seq2[Rival, error] {
	return func(yield func(Rival, error) bool) {
		for e, err := range m.omni.Evidence {
			var r Rival
			if err == nil {
				var first envelopeMark
				first, err = m.omni.envelope(laneOf(e), e.Header.Sequence)
				r = Rival{e.Header.Channel, e.Header.Sender, e.Header.Sequence, first.ID, first.Position, e.ID(), e.Marshal()}
			}
			if !yield(r, err) || err != nil {
				return
			}
		}
	}
}

func (a account) names() []string {
	if a.channel.IsZero() {
		return []string{"member/" + a.member}
	}
	return []string{"channel/" + a.channel.String(), "member/" + a.member}
}

// The most that a member and a channel may have in flight, in percent of a
// validator's room. Both sides of a channel together keep up to 8.5 MiB in
// flight (maxFlightBytes each, and one envelope more), which is 13 percent of a
// validator's 64 MiB.
const (
	memberPercent  = 25
	channelPercent = 20
)

// Accounts says who answers for an envelope in flight (ledger.Accountant): the
// channel and the member who pays for it. Size alone tells the small ones,
// which find room when others do not: what a sealed payload carries is hidden.
func (m *Omni) Accounts(e ledger.Envelope) (out []ledger.Account, small bool, err error) {
	defer catch(&err)
	a, err := m.sender(e.Header)
	if err != nil {
		return nil, false, err
	}
	for _, name := range a.names() {
		percent := int64(memberPercent)
		if name[0] == 'c' {
			percent = channelPercent
		}
		out = append(out, ledger.Account{Name: name, Percent: percent})
	}
	return out, len(e.Payload) <= SmallEnvelope, nil
}

// quota refuses an envelope of who has sent enough in the minute of the last
// applied block. Inside one block the count stands still, so an account may
// exceed its quota by what fits a block.
func (m *Omni) quota(a account, e ledger.Envelope) error {
	limits := m.law.Limits(m.r.state, uint64(m.mark.Height)+1)
	size := uint64(len(e.Payload))
	reserve := uint64(0)
	if size <= SmallEnvelope {
		reserve = limits.Reserve
	}
	for _, name := range a.names() {
		limit := limits.MemberBytes
		if name[0] == 'c' {
			limit = limits.ChannelBytes
		}
		if limit == 0 {
			continue
		}
		if used := m.used(name, m.mark.Time/minute); used+size > limit+reserve {
			return fault.Newf(fault.Busy, "submit the same bytes again in a minute", "%d of %d bytes a minute are used up", used, limit).In("payload")
		}
	}
	return nil
}

func (m *Omni) used(name string, now int64) uint64 {
	if u := m.usage[name]; u.Minute == now {
		return u.Bytes
	}
	return 0
}

// verdict is what the machine says of one envelope of a block.
type verdict struct {
	envelope ledger.Envelope
	index    uint32
	id       canon.Hash
	account  account
	err      error // why it is skipped
}

// admission is a block's envelopes judged, and what that changes beside the
// state.
type admission struct {
	block    ledger.Block
	verdicts []verdict
	lanes    map[lane]uint64
	usage    map[string]usageMark
	index    []store.IndexWrite
}

// admit judges a block's envelopes in order.
func (m *Omni) admit(b ledger.Block) (a admission, err error) {
	defer catch(&err)
	if b.Height != m.mark.Height+1 {
		return a, fault.Newf(fault.Internal, "report this", "block %d was handed to a machine at height %d", b.Height, m.mark.Height)
	}
	a = admission{block: b, lanes: map[lane]uint64{}, usage: map[string]usageMark{}}
	m.checked.batch(b.Envelopes)
	marks := map[string]envelopeMark{}
	for i, e := range b.Envelopes {
		l := laneOf(e)
		last, ok := a.lanes[l]
		if !ok {
			last = m.last(l)
		}
		v := verdict{envelope: e, index: uint32(i), err: m.check(e, last, marks)}
		if fault.CodeOf(v.err) == fault.Corrupt || fault.CodeOf(v.err) == store.CodeStoreFailed {
			return a, v.err
		}
		if v.err == nil {
			v.id = m.checked.id(e)
			v.account, _ = m.sender(e.Header) // it has just been accepted
			a.lanes[l] = e.Header.Sequence
			for _, name := range v.account.names() {
				now := b.Time / minute
				u, ok := a.usage[name]
				if !ok {
					u = usageMark{name, now, m.used(name, now)}
				}
				u.Bytes += uint64(len(e.Payload))
				a.usage[name] = u
			}
			key, mark := l.envelope(e.Header.Sequence), envelopeMark{v.id, ledger.Position{Height: b.Height, Index: v.index}}
			marks[key] = mark
			a.index = append(a.index, store.IndexWrite{Index: indexEnvelopes, Key: key, Value: canon.Must(mark)})
		}
		a.verdicts = append(a.verdicts, v)
	}
	for l, n := range a.lanes {
		a.index = append(a.index, store.IndexWrite{Index: indexLanes, Key: l.key(), Value: canon.Must(laneMark{n})})
	}
	a.index = append(a.index, m.evidence(a)...)
	return a, nil
}

// evidence takes the second envelopes that Check has met, and those of the
// block itself. One for each number is kept.
func (m *Omni) evidence(a admission) (out []store.IndexWrite) {
	m.rivalsMu.Lock()
	rivals := m.rivals
	m.rivals = nil
	m.rivalsMu.Unlock()
	for _, v := range a.verdicts {
		if fault.CodeOf(v.err) != fault.Refused || v.envelope.Header.Sequence > max(a.lanes[laneOf(v.envelope)], m.last(laneOf(v.envelope))) {
			continue
		}
		if m.checked.verify(v.envelope) {
			rivals = append(rivals, v.envelope)
		}
	}
	seen := map[string]bool{}
	for _, e := range rivals {
		key := laneOf(e).envelope(e.Header.Sequence)
		if !seen[key] {
			seen[key] = true
			out = append(out, store.IndexWrite{Index: indexEvidence, Key: key, Value: e.Marshal()})
		}
	}
	return out
}

// run executes the public envelopes of an admitted block on a draft.
func (m *Omni) run(a admission) (d *draft, err error) {
	defer catch(&err)
	if err := m.law.Version(m.r.state, uint64(a.block.Height)); err != nil {
		return nil, err
	}
	d = m.r.draft(a.block.Height, a.block.Time, nil)
	for _, v := range a.verdicts {
		if v.err != nil || !v.envelope.Header.Channel.IsZero() {
			continue
		}
		b, err := unpack(v.envelope.Payload, 0)
		if err != nil || len(b.Notes) > 0 {
			d.reject(v.index, v.envelope, v.id, CodeUnreadable)
			continue
		}
		d.execute(v.index, v.envelope, v.id, b.Commands, nil, nil)
	}
	d.index = a.index
	if len(a.verdicts) > 0 || a.block.Height >= m.stored+markEvery {
		d.meta[metaBlock] = canon.Must(blockMark{a.block.Height, a.block.Time})
	}
	if len(a.usage) > 0 {
		d.meta[metaUsage] = canon.Must(m.usageMarks(a))
	}
	return d, d.finish()
}

// usageMarks gives the counts of the present minute, in order.
func (m *Omni) usageMarks(a admission) []usageMark {
	all := maps.Clone(a.usage)
	for name, u := range m.usage {
		if _, ok := all[name]; !ok && u.Minute == a.block.Time/minute {
			all[name] = u
		}
	}
	out := make([]usageMark, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, all[name])
	}
	return out
}

// adopt makes a committed block visible.
func (m *Omni) adopt(a admission, d *draft) {
	d.adopt()
	m.mark = blockMark{a.block.Height, a.block.Time}
	if d.meta[metaBlock] != nil {
		m.stored = a.block.Height
	}
	m.mu.Lock()
	maps.Copy(m.lanes, a.lanes)
	m.mu.Unlock()
	maps.DeleteFunc(m.usage, func(_ string, u usageMark) bool { return u.Minute != a.block.Time/minute })
	maps.Copy(m.usage, a.usage)
	m.checked.forget(a.block.Envelopes)
}

// channelPrefix is what the keys of all Bilaterals on the Omnilateral begin
// with: proof.ChannelKey without an id.
const channelPrefix = "channel/"

func isChannelKey(key string) bool {
	return len(key) == len(channelPrefix)+64 && key[:len(channelPrefix)] == channelPrefix
}

// Apply executes a block durably (ledger.Machine). Asked again for a block that
// it has applied, which a driver does that has lost its own record of it, it
// gives the root after that block.
func (m *Omni) Apply(b ledger.Block) (ledger.Root, error) {
	if b.Height > 0 && b.Height <= m.mark.Height {
		return m.rootAt(b.Height)
	}
	a, err := m.admit(b)
	if err != nil {
		return ledger.Root{}, err
	}
	d, err := m.run(a)
	if err != nil {
		return ledger.Root{}, err
	}
	for _, v := range a.verdicts {
		if v.err != nil {
			m.skipped.Add(1)
			m.log.Warn("an envelope of a block was skipped", "height", b.Height, "index", v.index, "err", v.err)
		}
	}
	if part, ok := d.part(); ok {
		if err := m.db.CommitAll(part); err != nil {
			return ledger.Root{}, fmt.Errorf("committing block %d: %w", b.Height, err)
		}
	}
	m.adopt(a, d)
	return m.root(), nil
}

// Skipped counts the envelopes of blocks that Apply left out because they
// failed their check, since the machine was opened.
func (m *Omni) Skipped() uint64 { return m.skipped.Load() }

// Get reads a public record as of the last applied block, for those who decide
// by it outside of the machine, such as which peers may connect.
func (m *Omni) View(f func(View) error) error { return m.r.view(f) }

var (
	_ ledger.Machine    = (*Omni)(nil)
	_ ledger.Resumer    = (*Omni)(nil)
	_ ledger.Accountant = (*Omni)(nil)
	_ trade.Records     = (*committed)(nil)
)
