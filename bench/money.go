package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
)

// MoneyOptions say how to measure money. The zero value of each field takes its
// default.
type MoneyOptions struct {
	Duration    time.Duration // of public transfers; default 10 s
	WarmUp      time.Duration // before; default 2 s
	Transfers   int           // in a command; default 1,000
	InFlight    int           // commands of transfers on their way, over both members; default 8
	Obligations int           // paid privately; default 20,000
	Each        int           // obligations in a payment; default 1,000
	Samples     int           // from agreed usage to money moved; default 100
	Seed        uint64        // default 1
	Compression CompressionOptions
	Dir         string    // for the nodes' data; default a temporary one, removed afterwards
	Profile     string    // file for the processor profile of transfers; FILE.private and FILE.execution are those of payments; empty: none
	Progress    io.Writer // a line for each part; nil discards
}

// postingsEach is how many postings settle an obligation: the debt becomes money
// on its way, that is taken off what is due, and it has come.
const postingsEach = 3

func (o MoneyOptions) withDefaults() (MoneyOptions, error) {
	for _, d := range []struct {
		value *int
		def   int
	}{{&o.Transfers, 1000}, {&o.InFlight, 8}, {&o.Obligations, 20_000}, {&o.Each, 1000}, {&o.Samples, 100}} {
		*d.value = cmp.Or(*d.value, d.def)
	}
	o.Duration, o.WarmUp, o.Seed = cmp.Or(o.Duration, 10*time.Second), cmp.Or(o.WarmUp, 2*time.Second), cmp.Or(o.Seed, 1)
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	if o.Compression.Seed == 0 {
		o.Compression.Seed = o.Seed
	}
	if o.Duration < 0 || o.WarmUp < 0 || o.Transfers < 1 || o.Transfers > 1000 || o.InFlight < 2 || o.InFlight > 1000 ||
		o.Obligations < 1 || o.Obligations > 1_000_000 || o.Each < 1 || o.Each > 2000 || o.Samples < 1 || o.Samples > 10_000 {
		return o, fault.New(fault.Invalid, "these options cannot be measured",
			"give 1 to 1000 transfers in a command, 2 to 1000 commands in flight, 1 to 1000000 obligations, 1 to 2000 in a payment, and 1 to 10000 samples")
	}
	return o, nil
}

// MoneyResult is what was measured.
type MoneyResult struct {
	Machine  Machine `json:"machine"`
	Seed     uint64  `json:"seed"`
	Settings string  `json:"settings"`

	Public      PostingRate       `json:"public"`            // transfers between members, on four validators
	Private     PostingRate       `json:"private"`           // obligations paid inside a Bilateral, over the ledger
	Execution   PostingRate       `json:"private_execution"` // the same commands, executed twice in memory, without a ledger
	Settling    Waits             `json:"usage_to_money"`    // from agreed usage to money moved
	Compression CompressionResult `json:"compression"`
	Checks      MoneyChecks       `json:"checks"`
	// Where the processor time went.
	PublicParts  []Part `json:"public_cpu_by_part"`
	PrivateParts []Part `json:"private_cpu_by_part"`
}

// PostingRate is how fast one kind of postings was final.
type PostingRate struct {
	PerSecond float64 `json:"postings_per_second"`
	Postings  int     `json:"postings"`
	Commands  int     `json:"commands"`
	Each      int     `json:"postings_per_command"`
	Size      int     `json:"command_bytes"`
	Seconds   float64 `json:"seconds"`
	P50       float64 `json:"command_p50_ms,omitempty"`
	P99       float64 `json:"command_p99_ms,omitempty"`
	CPU       float64 `json:"cpu_seconds_per_second"` // of the whole process
	PerCPU    float64 `json:"postings_per_cpu_second"`
	Others    float64 `json:"others_cpu_seconds_per_second"` // of other processes meanwhile
}

func (r PostingRate) line() string {
	s := fmt.Sprintf("%.0f postings/s: %d in %.2f s, by %d commands of at most %d, %d bytes; %.2f cores (others %.2f), %.0f postings per CPU-second",
		r.PerSecond, r.Postings, r.Seconds, r.Commands, r.Each, r.Size, r.CPU, r.Others, r.PerCPU)
	if r.P50 > 0 {
		s += fmt.Sprintf("; a command p50 %.0f ms, p99 %.0f ms", r.P50, r.P99)
	}
	return s
}

// Waits is how long something took each time.
type Waits struct {
	Samples int     `json:"samples"`
	P50     float64 `json:"p50_ms"`
	P99     float64 `json:"p99_ms"`
	Longest float64 `json:"longest_ms"`
	Others  float64 `json:"others_cpu_seconds_per_second"`
}

// MoneyChecks is what was found when everything was over.
type MoneyChecks struct {
	Machines int         `json:"machines_recounted"` // validators and members, whose accounts were added up anew
	Accounts int         `json:"accounts"`           // on the Omnilateral
	Supply   money.Micro `json:"supply"`
	Reserve  money.Micro `json:"reserve"`
	Sum      money.Micro `json:"journal_sum"` // of all balances of all currencies on both channels: zero
	Entries  int         `json:"private_journal_entries"`
	Blocks   uint64      `json:"blocks_replayed"`
	Replay   bool        `json:"replay_gives_same_balances"`
}

// Money runs the benchmark. Codes: invalid; unavailable when nothing becomes
// final; unbalanced when money was made or lost.
func Money(ctx context.Context, o MoneyOptions) (res MoneyResult, err error) {
	if o, err = o.withDefaults(); err != nil {
		return res, err
	}
	defer debug.SetGCPercent(debug.SetGCPercent(gcPercent))
	res = MoneyResult{Machine: here(), Seed: o.Seed, Settings: settings(LedgerOptions{})}
	// First, because it measures its own memory's peak.
	if res.Compression, err = Compression(ctx, o.Compression); err != nil {
		return res, err
	}
	fmt.Fprintf(o.Progress, "compression measured\n")
	dir, err := os.MkdirTemp(o.Dir, "lateral-bench-")
	if err != nil {
		return res, err
	}
	defer os.RemoveAll(dir)
	opening, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	n, err := start(opening, dir, LedgerOptions{}.Tuning)
	if err != nil {
		return res, err
	}
	defer func() { err = errors.Join(err, n.stop()) }()
	t, err := found(opening, n, o.Seed, o.Obligations+o.Samples)
	if err != nil {
		return res, fmt.Errorf("founding the network: %w", err)
	}
	for _, part := range []func(context.Context, *treasury, *MoneyResult) error{o.settling, o.private, o.public} {
		if err := part(ctx, t, &res); err != nil {
			return res, err
		}
	}
	landing, cancel := context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	if res.Checks, err = t.check(landing); err != nil {
		return res, err
	}
	// Its stores work on in the background: without them this is execution alone.
	if err := n.stop(); err != nil {
		return res, err
	}
	return res, o.execution(t.payments, &res)
}

// record runs f, profiled, and keeps the profile in a file where one is asked for.
func (o MoneyOptions) record(name string, parts *[]Part, f func() error) error {
	var raw []byte
	var err error
	if *parts, raw, err = profiled(f); err == nil && o.Profile != "" {
		err = os.WriteFile(o.Profile+name, raw, 0o644)
	}
	return err
}

// settling measures one bill at a time: from the moment at which the buyer's node
// has executed the second statement of usage to that at which both nodes have
// executed the payment, each step sent when the one before is final.
func (o MoneyOptions) settling(ctx context.Context, t *treasury, res *MoneyResult) error {
	a := t.members[0]
	var times []time.Duration
	meter := startMeter()
	for range o.Samples {
		debts, err := t.bill(ctx, 1)
		if err != nil {
			return err
		}
		began := time.Now()
		for _, c := range []trade.Command{accepts(debts)[0], opens(debts), t.pays(debts)} {
			if err := done(a.bilateral.Submit(ctx, c)); err != nil {
				return err
			}
		}
		if err := t.executed(ctx); err != nil {
			return err
		}
		times = append(times, time.Since(began))
	}
	_, _, others := meter.read()
	slices.Sort(times)
	n := len(times)
	res.Settling = Waits{n, millis(times[n/2]), millis(times[n*99/100]), millis(times[n-1]), others}
	fmt.Fprintf(o.Progress, "agreed usage to money moved: p50 %.0f ms, p99 %.0f ms\n", res.Settling.P50, res.Settling.P99)
	return nil
}

// private measures payments inside the Bilateral, over the ledger.
func (o MoneyOptions) private(ctx context.Context, t *treasury, res *MoneyResult) error {
	fmt.Fprintf(o.Progress, "making %d obligations\n", o.Obligations)
	debts, err := t.owe(ctx, o.Obligations)
	if err != nil {
		return fmt.Errorf("making obligations: %w", err)
	}
	var cmds []trade.Command
	for part := range slices.Chunk(debts, o.Each) {
		cmds = append(cmds, t.pays(part))
	}
	a := t.members[0]
	state, err := copied(a.bilateral.View)
	if err != nil {
		return err
	}
	public, err := copied(a.Omni().View)
	if err != nil {
		return err
	}
	res.Private = PostingRate{Postings: postingsEach * len(debts), Commands: len(cmds), Each: postingsEach * min(o.Each, len(debts)), Size: len(canon.Must(cmds[0]))}
	res.Execution = res.Private
	if err := o.record(".private", &res.PrivateParts, func() error {
		meter := startMeter()
		var waiting []*channel.Ticket
		for _, c := range cmds {
			waiting = append(waiting, a.bilateral.Enqueue(c))
		}
		for _, w := range waiting {
			if err := done(w.Wait(ctx)); err != nil {
				return err
			}
		}
		err := t.executed(ctx)
		res.Private.measured(meter)
		return err
	}); err != nil {
		return err
	}
	fmt.Fprintf(o.Progress, "private: %s\n", res.Private.line())
	return a.bilateral.View(func(v channel.View) error {
		keys, mine := a.bilateral.Keys()
		t.payments = payments{cmds: cmds, state: state, balances: maps.Collect(trade.View{Records: v}.Balances()), ctx: trade.Context{
			Block: trade.Block{Chain: t.file.ChainID, Channel: v.ID, Height: uint64(v.Height), Time: v.Time}, Sender: keys[mine], Public: public}}
		return nil
	})
}

// payments are what was paid over the ledger, with what it is executed on again.
type payments struct {
	ctx      trade.Context
	cmds     []trade.Command
	state    *records                           // before
	balances map[settlement.Account]money.Micro // afterwards
}

// execution executes payments by two replicas at a time.
func (o MoneyOptions) execution(p payments, res *MoneyResult) error {
	var balances [2]map[settlement.Account]money.Micro
	var parts []Part // all of them of one part: executing commands
	if err := o.record(".execution", &parts, func() error {
		replicas := [2]*records{p.state, p.state.clone()}
		var failed [2]error
		meter := startMeter()
		var working sync.WaitGroup
		for i := range balances {
			working.Go(func() { balances[i], failed[i] = p.execute(replicas[i]) })
		}
		working.Wait()
		res.Execution.measured(meter)
		return errors.Join(failed[:]...)
	}); err != nil {
		return err
	}
	fmt.Fprintf(o.Progress, "execution alone: %s\n", res.Execution.line())
	if !maps.Equal(balances[0], p.balances) || !maps.Equal(balances[1], p.balances) {
		return fault.New(trade.CodeUnbalanced, "the balances in memory are not those of the Bilateral", "report this with the seed")
	}
	return nil
}

func (r *PostingRate) measured(m meter) {
	elapsed, cpu, others := m.read()
	r.Seconds, r.Others = elapsed.Seconds(), others
	r.PerSecond, r.PerCPU, r.CPU = float64(r.Postings)/elapsed.Seconds(), float64(r.Postings)/cpu.Seconds(), cpu.Seconds()/elapsed.Seconds()
}

// execute runs the payments on a state, each checked as a block of its own, and
// gives the balances afterwards.
func (p payments) execute(state *records) (map[settlement.Account]money.Micro, error) {
	machine := trade.New(voice.Line{})
	ctx := p.ctx
	for i, good := range trade.CheckSignatures(ctx.Block.Chain, ctx.Block.Channel, p.cmds) {
		ctx.Signature = good
		res := machine.Apply(ctx, state, p.cmds[i])
		if res.Fault != nil {
			return nil, res.Fault
		}
		after := state.with(res.Writes)
		written := func(yield func(string) bool) {
			for _, w := range res.Writes {
				if !yield(w.Key) {
					return
				}
			}
		}
		if err := trade.Conserved(state, after, written, ctx.Block.Time); err != nil {
			return nil, err
		}
		state.keep(res.Writes)
	}
	return maps.Collect(trade.View{Records: state}.Balances()), nil
}

// public measures transfers of tokens between the two members on the Omnilateral,
// from both sides. A command counts when the member that has sent it has executed
// it.
func (o MoneyOptions) public(ctx context.Context, t *treasury, res *MoneyResult) error {
	var mu sync.Mutex // guards what follows
	var times []time.Duration
	counting := false

	caller := ctx
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var working sync.WaitGroup
	work := func(w int, random *source) error {
		m, to := t.members[w%2], t.members[1-w%2]
		for i := 0; ctx.Err() == nil; i++ {
			c := t.transfers(m, to, fmt.Sprint("T", w, "-", i), o.Transfers, random)
			began := time.Now()
			err := done(m.Omni().Enqueue(c).Wait(caller)) // what is on its way is waited for
			if err != nil {
				return err
			}
			mu.Lock()
			if counting {
				times = append(times, time.Since(began))
			}
			mu.Unlock()
		}
		return nil
	}
	res.Public = PostingRate{Each: o.Transfers, Size: len(canon.Must(t.transfers(t.members[0], t.members[1], "T0-0", o.Transfers, newSource(o.Seed, -1))))}
	err := o.record("", &res.PublicParts, func() error {
		for w := range o.InFlight {
			working.Go(func() {
				if err := work(w, newSource(o.Seed, w+1)); err != nil {
					cancel(err)
				}
			})
		}
		count := func(yes bool) int {
			mu.Lock()
			defer mu.Unlock()
			counting = yes
			return len(times)
		}
		sleep(ctx, o.WarmUp)
		meter := startMeter()
		count(true)
		sleep(ctx, o.Duration)
		res.Public.Commands = count(false)
		res.Public.Postings = o.Transfers * res.Public.Commands
		res.Public.measured(meter)
		failed := context.Cause(ctx)
		cancel(nil)
		working.Wait()
		return failed
	})
	if err != nil {
		return err
	}
	if len(times) == 0 {
		return fault.New(fault.Unavailable, "no transfer was executed in the time given", "measure longer, or with fewer commands in flight")
	}
	slices.Sort(times)
	res.Public.P50, res.Public.P99 = millis(times[len(times)/2]), millis(times[len(times)*99/100])
	fmt.Fprintf(o.Progress, "public: %s\n", res.Public.line())
	return nil
}

// transfers makes a command of transfers, each of less than a cent.
func (t *treasury) transfers(from, to *member, id string, count int, random *source) trade.Command {
	body := trade.TokenTransfer{Transfers: make([]token.Transfer, count)}
	for i := range body.Transfers {
		body.Transfers[i] = token.Transfer{ID: fmt.Sprint(id, "-", i), To: to.code, Amount: token.Amount{Token: dollar, Micro: 1 + money.Micro(random.random.Uint64()%9999)}}
	}
	return trade.Authorize(trade.NewCommand(trade.KindTokenTransfer, body), from.keys.delegate(), t.file.ChainID, canon.Hash{}, time.Now().Add(time.Hour).UnixMilli(), random.hash())
}

// check adds up all accounts of all nodes anew, on both channels, and executes
// the ledger from its first block on once more.
func (t *treasury) check(ctx context.Context) (c MoneyChecks, err error) {
	if err := t.settled(ctx); err != nil {
		return c, err
	}
	a := t.members[0]
	end, _ := a.Height()
	var want map[settlement.Account]money.Micro
	recount := func(v channel.View) error {
		books, err := trade.View{Records: v}.Recount(v.Time)
		if err != nil {
			return err
		}
		c.Machines++
		c.Accounts, c.Supply, c.Reserve = books.Accounts, books.Tokens[0].Supply, books.Tokens[0].Reserve[0].Micro
		for _, s := range books.Sum {
			c.Sum += s
		}
		balances := maps.Collect(trade.View{Records: v}.Balances())
		if want == nil {
			want = balances
		}
		if !maps.Equal(want, balances) {
			return fault.New(trade.CodeUnbalanced, "two machines have come to different balances", "report this with the seed")
		}
		return nil
	}
	// Nobody sends any more: whoever is at this height has all of it.
	for _, m := range t.members {
		if err := m.WaitFor(ctx, end); err != nil {
			return c, err
		}
		if err := m.Omni().View(recount); err != nil {
			return c, err
		}
	}
	for _, m := range t.machines {
		view := channel.View{}
		if err := until(ctx, func() bool {
			_ = m.View(func(v channel.View) error { view = v; return nil })
			return view.Height >= end
		}); err != nil {
			return c, err
		}
		if err := m.View(recount); err != nil {
			return c, err
		}
	}
	var private map[settlement.Account]money.Micro
	var root canon.Hash
	for _, m := range t.members {
		if err := m.bilateral.View(func(v channel.View) error {
			private, root = maps.Collect(trade.View{Records: v}.Balances()), v.Root
			for _, b := range private {
				c.Sum += b
			}
			c.Entries = len(slices.Collect(trade.View{Records: v}.Journal()))
			return trade.CheckJournal(trade.View{Records: v})
		}); err != nil {
			return c, err
		}
	}
	return c, t.replay(ctx, end, &c, recount, root)
}

// replay executes all blocks again, in memory.
func (t *treasury) replay(ctx context.Context, end ledger.Height, c *MoneyChecks, recount func(channel.View) error, private canon.Hash) error {
	db, err := store.Open("replay", store.Options{Memory: true, MinFree: 1})
	if err != nil {
		return err
	}
	defer db.Close()
	machine, err := channel.NewOmni(db, channel.MachineOptions{ChainID: t.file.ChainID, Genesis: t.genesis, Law: law()})
	if err != nil {
		return err
	}
	var failed error
	blocks := func(yield func(ledger.Block, error) bool) {
		for b, err := range channel.Before(end+1, t.validators[0].Blocks(ctx, 1)) {
			if err == nil {
				_, err = machine.Apply(b)
			}
			failed = errors.Join(failed, err)
			c.Blocks = uint64(b.Height)
			if !yield(b, err) {
				return
			}
		}
	}
	m := t.members[0]
	again, err := channel.Replay(ctx, channel.Options{Keys: m.keys, Code: string(m.code), ChainID: t.file.ChainID, Genesis: t.genesis, Law: law()}, m.bilateral.ID(), blocks)
	if err := errors.Join(err, failed); err != nil {
		return fmt.Errorf("executing everything again: %w", err)
	}
	machines := c.Machines
	if err := machine.View(recount); err != nil {
		return err
	}
	c.Machines, c.Replay = machines, again.Root == private && len(again.Wrong) == 0
	if !c.Replay {
		return fault.New(fault.Internal, "executed again, the Bilateral comes to another state", "report this with the seed")
	}
	return nil
}

// records is a state in memory. Few of its keys are new.
type records struct {
	values map[string][]byte
	keys   []string // sorted, with those in values at least
	fresh  []string // keys that have come since, sorted
}

// copied gives what a channel has now.
func copied(view func(func(channel.View) error) error) (*records, error) {
	r := &records{values: map[string][]byte{}}
	return r, view(func(v channel.View) error {
		for key, value := range v.Scan("") {
			r.values[key] = slices.Clone(value)
			r.keys = append(r.keys, key)
		}
		return nil
	})
}

func (r *records) clone() *records {
	return &records{values: maps.Clone(r.values), keys: r.keys, fresh: slices.Clone(r.fresh)}
}

func (r *records) Get(key string) ([]byte, bool) { v, ok := r.values[key]; return v, ok }

func (r *records) Scan(prefix string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		var found []string
		for _, keys := range [][]string{r.keys, r.fresh} {
			at, _ := slices.BinarySearch(keys, prefix)
			for _, k := range keys[at:] {
				if !strings.HasPrefix(k, prefix) {
					break
				}
				found = append(found, k)
			}
		}
		slices.Sort(found)
		for _, k := range found {
			if v, ok := r.values[k]; ok && !yield(k, v) {
				return
			}
		}
	}
}

func (r *records) keep(writes []trade.Write) {
	for _, w := range writes {
		if w.Value == nil {
			delete(r.values, w.Key)
			continue
		}
		if _, known := r.values[w.Key]; !known {
			if _, ok := slices.BinarySearch(r.keys, w.Key); !ok {
				at, there := slices.BinarySearch(r.fresh, w.Key)
				if !there {
					r.fresh = slices.Insert(r.fresh, at, w.Key)
				}
			}
		}
		r.values[w.Key] = w.Value
	}
}

// with reads writes before the records beneath. It is for reading single records.
func (r *records) with(writes []trade.Write) trade.Records { return overlaid{r, writes} }

type overlaid struct {
	*records
	writes []trade.Write // sorted by key
}

func (w overlaid) Get(key string) ([]byte, bool) {
	at, ok := slices.BinarySearchFunc(w.writes, key, func(x trade.Write, key string) int { return strings.Compare(x.Key, key) })
	if ok {
		return w.writes[at].Value, w.writes[at].Value != nil
	}
	return w.records.Get(key)
}

// Text gives the result for people.
func (r MoneyResult) Text() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("machine      %s", r.Machine)
	line("settings     %s; seed %d", r.Settings, r.Seed)
	line("public       %s", r.Public.line())
	line("             transfers of tokens, each one posting, by two members; executed by four validators and both members, all of them in these processors")
	line("private      %s", r.Private.line())
	line("             obligations paid out of a lock, each three postings; sealed, ordered, executed by both members, from the first command sent to the last executed by both")
	line("execution    %s", r.Execution.line())
	line("             the same commands, by two replicas in memory at a time: no ledger, no sealing, no proof tree, no disk")
	line("usage to money  p50 %.0f ms, p99 %.0f ms, longest %.0f ms, of %d: invoice accepted, obligation opened and paid, each sent when the one before was final (others %.2f)",
		r.Settling.P50, r.Settling.P99, r.Settling.Longest, r.Settling.Samples, r.Settling.Others)
	line("recount      %d machines: %d accounts, supply %s, reserve %s, all balances sum to %s; each block was checked while it was executed", r.Checks.Machines, r.Checks.Accounts, r.Checks.Supply, r.Checks.Reserve, r.Checks.Sum)
	line("replay       %d blocks executed again give the same balances: %t; %d private journal entries add up", r.Checks.Blocks, r.Checks.Replay, r.Checks.Entries)
	for _, p := range []struct {
		what  string
		parts []Part
	}{{"public", r.PublicParts}, {"private", r.PrivateParts}} {
		total := 0.0
		for _, x := range p.parts {
			total += x.Seconds
		}
		line("CPU          %.1f s, %s, sampled:", total, p.what)
		for _, x := range p.parts {
			line("  %6.2f s  %4.1f %%  %s", x.Seconds, 100*x.Seconds/max(total, 1e-9), x.Name)
		}
	}
	line("compression")
	b.WriteString(r.Compression.Text())
	return b.String()
}
