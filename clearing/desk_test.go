package clearing

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/ledger/local"
	"github.com/lateral-network/lateral/line/connectivity"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// files reads voice files, as the node's reader does.
type files struct{}

func (files) Files(pair usage.Pair) Files { return voice.NewFiles(voice.Options{Pair: pair}) }

func (files) ReadSheet(r io.Reader) (*rating.Sheet, []usage.Reject, error) { return voice.ReadSheet(r) }

// testKeys is a key store in memory.
type testKeys struct {
	member, node, recovery, delegate sign.PrivateKey
	sealing                          seal.Key
	mu                               sync.Mutex
	channels                         map[sign.PublicKey]sign.PrivateKey
	made                             byte
	seed                             byte
}

func newTestKeys(seed byte) *testKeys {
	k := func(n byte) sign.PrivateKey { return sign.FromSeed([32]byte{seed, n}) }
	return &testKeys{member: k(1), node: k(2), recovery: k(3), delegate: k(4), sealing: seal.KeyFromSeed([32]byte{seed, 5}),
		channels: map[sign.PublicKey]sign.PrivateKey{}, seed: seed}
}

func (k *testKeys) Node() sign.PrivateKey           { return k.node }
func (k *testKeys) Member() (sign.PrivateKey, bool) { return k.member, true }
func (k *testKeys) Sealing() []seal.Key             { return []seal.Key{k.sealing} }
func (k *testKeys) Channel(p sign.PublicKey) (sign.PrivateKey, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, ok := k.channels[p]
	return key, ok
}

// Sealing keys are never replaced here.
func (k *testKeys) Past(canon.Hash) []byte                               { return nil }
func (k *testKeys) Retire([]seal.PublicKey, map[canon.Hash][]byte) error { panic("no key is old") }

func (k *testKeys) NewChannel() (sign.PrivateKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.made++
	key := sign.FromSeed([32]byte{k.seed, 100, k.made})
	k.channels[key.Public()] = key
	return key, nil
}

// world is a local ledger with two carriers, their members and desks.
type world struct {
	t       *testing.T
	dir     string
	log     *slog.Logger
	net     ledger.Network
	genesis []byte
	ledger  *local.Ledger
	sides   [2]*side
	ahead   atomic.Int64 // ms that the clock of ledger and desks is ahead of the system's
	id      canon.Hash   // of the Bilateral

	mu    sync.Mutex
	inbox map[party.Code][]posted // files on their way
}

// posted is a file on its way to a side.
type posted struct {
	kind, subject string
	file          store.Info
}

// now is the clock of the ledger and both desks.
func (w *world) now() time.Time {
	return time.Now().Add(time.Duration(w.ahead.Load()) * time.Millisecond)
}

// pass lets time pass.
func (w *world) pass(d time.Duration) { w.ahead.Add(d.Milliseconds()) }

// side is one carrier.
type side struct {
	w        *world
	code     party.Code
	keys     *testKeys
	db       *store.DB
	blobs    *store.Blobs
	member   *channel.Member
	channel  *channel.Bilateral
	desk     *Desk
	other    *side
	secret   byte
	mute     atomic.Bool                        // delivers no records
	shy      atomic.Bool                        // shows no edges
	forge    func(kind string, b []byte) []byte // what is sent instead; nil: nothing
	denied   atomic.Bool                        // its delegates sign nothing ...
	tries    atomic.Int64                       // ... however often they are asked
	jump     atomic.Int64                       // ms that its clock is ahead of the ledger's
	patience time.Duration                      // with a silent partner; 0: the usual one
	off      bool                               // no desk: it is opened by hand
	auto     Automatic
	meter    Meter                                      // nil: what is imported
	banks    bool                                       // leaves tokens alone
	paid     atomic.Int64                               // payments out of locks that were measured
	gone     atomic.Bool                                // answers no other node
	carry    func(context.Context, trade.Command) error // has another node post something; nil: this one does
	asking   func(changeRequest) error                  // before the other node is asked; nil: it is
	stop     func()
}

func newWorld(t *testing.T, terms func(*agreement.Terms)) *world {
	t.Helper()
	w := newWorldWithout(t)
	w.agree(terms)
	return w
}

// newWorldWithout is a world without an agreement.
func newWorldWithout(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), inbox: map[party.Code][]posted{}, log: slog.New(slog.DiscardHandler)}
	if testing.Verbose() {
		w.log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	key := sign.FromSeed([32]byte{9})
	doc := trade.GenesisDocument{Network: trade.DefaultNetwork("test"), Validators: []trade.Validator{{Name: "v", Key: key.Public(), Power: 1}}}
	for i, code := range []party.Code{"ALPHA", "BRAVO"} {
		k := newTestKeys(byte(i + 1))
		public := k.sealing.Public()
		doc.Members = append(doc.Members, party.Application{Code: code, LegalName: string(code), Country: "CH", Exchange: "127.0.0.1:1", Sealing: public[:]}.
			Sign(k.member, k.node, k.recovery))
		w.sides[i] = &side{w: w, code: code, keys: k, auto: Automatic{Rate: true, Accept: true, Net: true, Pay: true}}
	}
	w.sides[0].other, w.sides[1].other = w.sides[1], w.sides[0]
	w.genesis = canon.Must(doc)
	w.net = local.Network("test", key.Public())
	vdb, err := store.Open(filepath.Join(w.dir, "validator"), store.Options{MinFree: 1})
	w.must(err)
	law := func() channel.Law { return channel.Trade(trade.New(connectivity.Line{}, voice.Line{})) }
	omni, err := channel.NewOmni(vdb, channel.MachineOptions{ChainID: w.net.ChainID, Genesis: w.genesis, Law: law()})
	w.must(err)
	w.ledger, err = local.Open(local.Config{Network: w.net, Key: key, Now: w.now}, omni)
	w.must(err)
	t.Cleanup(func() {
		w.mu.Lock() // a file that is still on its way reaches no desk any more
		for _, s := range w.sides {
			s.off = true
		}
		w.mu.Unlock()
		for _, s := range w.sides {
			if s.stop != nil {
				s.stop()
			}
		}
		w.must(w.ledger.Close())
		w.must(vdb.Close())
	})
	for _, s := range w.sides {
		s.openMember(law())
	}
	w.open()
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (s *side) openMember(law channel.Law) {
	w := s.w
	dir := filepath.Join(w.dir, string(s.code))
	var err error
	s.db, err = store.Open(filepath.Join(dir, "store"), store.Options{MinFree: 1})
	w.must(err)
	w.mu.Lock() // the other side puts files there
	s.blobs, err = store.OpenBlobs(durable.OS, filepath.Join(dir, "files"), [32]byte{1})
	w.mu.Unlock()
	w.must(err)
	s.member, err = channel.OpenMember(channel.Options{
		Ledger: w.ledger, Store: s.db, Outbox: filepath.Join(dir, "outbox"), Keys: s.keys, Code: string(s.code),
		ChainID: w.net.ChainID, Genesis: w.genesis, Law: law, Logger: w.log,
	})
	w.must(err)
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := s.member.Run(ctx); err != nil {
			w.t.Errorf("member %s: %v", s.code, err)
		}
	})
	s.stop = func() {
		cancel()
		w.ended(string(s.code)+"'s member", &running)
		w.must(s.member.Close())
		w.must(s.db.Close())
		s.stop = nil
	}
}

// open opens the Bilateral and starts both desks.
func (w *world) open() {
	ctx := w.context()
	a, b := w.sides[0], w.sides[1]
	for _, s := range w.sides {
		w.within(string(s.code)+"'s member is ready", s.member.Ready())
	}
	ours, err := a.member.Introduce(string(b.code))
	w.must(err)
	theirs, err := b.member.Introduce(string(a.code))
	w.must(err)
	a.channel, err = a.member.Invite(ctx, ours, theirs)
	w.must(err)
	w.must(a.channel.Await(ctx))
	w.until("BRAVO has the channel", func() bool {
		var ok bool
		b.channel, ok = b.member.Bilateral(a.channel.ID())
		return ok
	})
	w.must(b.channel.Await(ctx))
	w.id = a.channel.ID()
	for _, s := range w.sides {
		s.openDesk()
	}
}

// restart stops a carrier's node where it is and starts it again.
func (s *side) restart() {
	s.halt()
	s.start()
}

func (s *side) halt() {
	s.w.mu.Lock()
	s.off = true
	s.w.mu.Unlock()
	s.stop()
}

func (s *side) start() {
	w := s.w
	s.openMember(channel.Trade(trade.New(connectivity.Line{}, voice.Line{})))
	w.within(string(s.code)+"'s member is ready again", s.member.Ready())
	var ok bool
	s.channel, ok = s.member.Bilateral(w.id)
	if !ok {
		w.t.Fatal("the channel is gone")
	}
	w.must(s.channel.Await(w.context()))
	s.openDesk()
}

func (s *side) openDesk() {
	w := s.w
	desk, err := Open(Options{
		Me: s.code, Partner: s.other.code, Line: voice.Name, Channel: s.channel, Store: s.db.Node(), Blobs: s.blobs,
		Reader: files{}, Secret: [32]byte{7, s.code[0], s.secret}, NumberKey: s.channel.Derive("edges"),
		Send: s.send, Authorize: s.authorize, Now: func() int64 { return w.now().UnixMilli() + s.jump.Load() },
		Automatic: s.auto, Meter: s.meter, Patience: s.patience, Vault: s.vault(), Log: w.log.With("side", s.code),
	})
	w.must(err)
	w.mu.Lock()
	s.desk, s.off = desk, false
	w.mu.Unlock()
	w.post()
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	running.Go(func() {
		if err := desk.Run(ctx); err != nil {
			w.t.Errorf("desk of %s: %v", s.code, err)
		}
	})
	before := s.stop
	s.stop = func() {
		cancel()
		w.ended(string(s.code)+"'s desk", &running)
		before()
	}
}

// send puts a file on its way; what carries files between real nodes is package
// exchange.
func (s *side) send(_ context.Context, kind, subject string, file store.Info) error {
	data, err := s.blobs.Get(file.Hash)
	if err != nil {
		return err
	}
	if s.forge != nil {
		data = s.forge(kind, data)
	}
	switch {
	case s.mute.Load() && kind == kindRecords:
		return fault.New(fault.Unavailable, "nothing leaves this node", "repair it")
	case s.shy.Load() && kind == kindEdges || data == nil:
		return nil
	}
	w := s.w
	w.mu.Lock()
	if file, err = s.other.blobs.Put(bytes.NewReader(data)); err == nil {
		w.inbox[s.other.code] = append(w.inbox[s.other.code], posted{kind, subject, file})
	}
	w.mu.Unlock()
	go w.post()
	return err
}

// post hands files to desks that run.
func (w *world) post() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.sides {
		if s.desk == nil || s.off {
			continue
		}
		for _, f := range w.inbox[s.code] {
			if err := s.desk.Receive(context.Background(), f.kind, f.subject, f.file, nil); err != nil {
				w.t.Errorf("receiving %s: %v", f.kind, err)
			}
		}
		delete(w.inbox, s.code)
	}
}

var nonces struct {
	sync.Mutex
	n uint64
}

func (s *side) authorize(c trade.Command, _ party.Role) (trade.Command, error) {
	role, member := trade.Needs(c.Kind)
	if s.denied.Load() && role != "" {
		s.tries.Add(1)
		return c, fault.New(fault.Forbidden, "the delegate signs nothing", "ask the delegate")
	}
	key := s.keys.delegate
	if member {
		key = s.keys.member
	} else if role == "" {
		return c, nil
	}
	nonces.Lock()
	nonces.n++
	nonce := canon.Sum("nonce", fmt.Append(nil, nonces.n))
	nonces.Unlock()
	id := s.channel.ID()
	if trade.Public(c.Kind) {
		id = canon.Hash{}
	}
	return trade.Authorize(c, key, s.w.net.ChainID, id, s.w.now().Add(time.Hour).UnixMilli(), nonce), nil
}

// do submits commands with authority and fails the test when one is refused.
func (s *side) do(cmds ...trade.Command) {
	s.w.t.Helper()
	for i := range cmds {
		var err error
		cmds[i], err = s.authorize(cmds[i], "")
		s.w.must(err)
	}
	out, err := s.channel.Submit(s.w.context(), cmds...)
	s.w.must(err)
	s.w.must(channel.FirstErr(out))
	// The other side's replica may be a block behind; what follows reads there.
	for _, o := range out {
		s.w.must(s.other.member.WaitFor(s.w.context(), o.Position.Height))
	}
}

// within waits for a channel to close.
func (w *world) within(what string, done <-chan struct{}) {
	w.t.Helper()
	select {
	case <-done:
	case <-time.After(time.Minute):
		w.t.Fatalf("never came about: %s", what)
	}
}

// ended waits for what was told to end. Nothing can be cleaned up under what
// does not, and what it waits for stands in the trace of all goroutines.
func (w *world) ended(what string, running *sync.WaitGroup) {
	done := make(chan struct{})
	go func() { running.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(2 * time.Minute):
		debug.SetTraceback("all")
		panic(w.t.Name() + ": " + what + " does not end")
	}
}

func (w *world) context() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	w.t.Cleanup(cancel)
	return ctx
}

// until waits for a condition.
func (w *world) until(what string, ok func() bool) {
	w.t.Helper()
	deadline := time.Now().Add(time.Minute)
	for !ok() {
		if time.Now().After(deadline) {
			for _, s := range w.sides {
				for _, p := range s.desk.Problems() {
					w.t.Logf("%s: %s: %s: %s", s.code, p.Subject, p.Code, p.Detail)
				}
				s.dump()
			}
			w.t.Fatalf("never came about: %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (s *side) dump() {
	s.view(func(v trade.View) {
		for o := range v.Orders() {
			for p := range v.Periods(o.ID) {
				s.w.t.Logf("%s: period %s %s state %s opened %d waiting %d open %d stage %s seller %+v buyer %+v", s.code, p.Order, p.Interval, p.State, p.Opened, p.Waiting, p.Open, p.Stage, p.Seller, p.Buyer)
			}
		}
		for i := range v.Invoices("") {
			s.w.t.Logf("%s: invoice %s %s total %s open %s", s.code, i.ID, i.State, i.Total, i.Open)
		}
	})
}

func (s *side) view(f func(trade.View)) {
	s.w.must(s.channel.View(func(v channel.View) error {
		f(trade.View{Records: v})
		return nil
	}))
}

// agree signs delegates, an agreement and, for both directions, orders. Sheets
// come with the test's files.
func (w *world) agree(change func(*agreement.Terms)) {
	for _, s := range w.sides {
		s.do(trade.NewCommand(trade.KindDelegateAdd, trade.DelegateAdd{
			Key: s.keys.delegate.Public(), Name: "robot", Roles: []party.Role{party.Contracts, party.Orders, party.Disputes, party.Finance},
			Limits: []money.Amount{{Currency: "USD", Micro: 1e15}},
		}))
	}
	terms := agreement.Defaults()
	terms.PastPeriods, terms.GraceMillis, terms.Netting = true, 0, true
	if change != nil {
		change(&terms)
	}
	clause := "as in the signed document"
	w.sides[0].do(trade.NewCommand(trade.KindAgreementPropose, trade.AgreementPropose{
		ID: "MSA-1", Type: agreement.MSA, Lines: []product.Line{voice.Name}, Terms: terms,
		Legal: agreement.Legal{Document: canon.Sum("document"), GoverningLaw: clause, Jurisdiction: clause, Indemnity: clause, Liability: clause,
			ForceMajeure: clause, Taxes: clause, Term: clause, Obligations: clause, Definitions: clause},
	}))
	w.sides[1].do(trade.NewCommand(trade.KindAgreementAccept, trade.AgreementAnswer{ID: "MSA-1", Terms: terms.Hash()}))
}

// sheets agrees on one sheet for both directions and places the orders.
func (w *world) sheets(csv string) {
	w.t.Helper()
	for i, s := range w.sides {
		buyer := s.other
		dir := usage.Direction{From: buyer.code, To: s.code}
		p, err := s.desk.ProposeSheet(w.context(), dir, 0, strings.NewReader(csv))
		w.must(err)
		w.until("the buyer has the proposal and its file", func() (ok bool) {
			buyer.view(func(v trade.View) { _, ok = v.Sheet(p.ID) })
			return ok && buyer.blobs.Has(p.File)
		})
		w.must(buyer.desk.AcceptSheet(w.context(), p.ID))
		id := fmt.Sprintf("V-%d", i+1)
		buyer.do(trade.NewCommand(trade.KindOrderPlace, trade.OrderPlace{ID: id, Kind: order.Standing, Agreement: "MSA-1", Sheet: p.ID, Line: voice.Name, Value: []money.Amount{{Currency: "USD", Micro: 1e6}}}))
		s.do(trade.NewCommand(trade.KindOrderAccept, trade.OrderAnswer{ID: id}))
	}
}

// clear imports both files and closes all periods.
func (w *world) clear(ours, theirs string) {
	w.t.Helper()
	var last int64
	for i, csv := range []string{ours, theirs} {
		in, err := w.sides[i].desk.ImportUsage(w.context(), "calls.csv", "", strings.NewReader(csv))
		w.must(err)
		if in.Read != in.Accepted+in.Rejected+in.Duplicate {
			w.t.Fatalf("import does not add up: %+v", in)
		}
		sum, err := w.sides[i].desk.Summary()
		w.must(err)
		last = max(last, sum.Last)
	}
	for _, s := range w.sides {
		w.must(s.desk.CloseThrough(w.context(), last))
	}
}

const header = voice.UsageHeader + "\n"

const rates = `destination,prefix,rate,currency,unit_seconds,minimum_seconds,increment_seconds,valid_from,valid_to
World,1,0.10,USD,60,1,1,2026-01-01T00:00:00Z,
Germany,49,0.05,USD,60,30,6,2026-01-01T00:00:00Z,
`

func call_(id, from, to, at string, ms int, a, b string) string {
	return fmt.Sprintf("%s,%s,%s,%s,%d,success,%s,%s,T1\n", id, from, to, at, ms, a, b)
}

// [R62], [R64]-[R67], [D17], [R70], [R71], [R78], [R81], [R82], [R86]-[R88], [O4]:
// equal records are stated, agreed, invoiced, netted and paid without anybody.
func TestEqualRecordsSettleByThemselves(t *testing.T) {
	w := newWorld(t, nil)
	w.sheets(rates)
	calls := header +
		call_("1", "41440000001", "4930123", "2026-11-02T00:10:00Z", 61_000, "ALPHA", "BRAVO") +
		call_("2", "41440000001", "12125550100", "2026-11-02T00:20:00Z", 30_000, "ALPHA", "BRAVO") +
		call_("3", "12125550100", "4144000", "2026-11-02T01:20:00Z", 30_000, "BRAVO", "ALPHA") +
		call_("4", "4930123", "12125550100", "2026-11-02T00:25:00Z", 60_000, "BRAVO", "ALPHA")
	w.clear(calls, calls)
	for _, s := range w.sides {
		w.until("everything is settled", func() (done bool) {
			s.view(func(v trade.View) {
				n := 0
				for i := range v.Invoices("") {
					n++
					if !i.Paid {
						return
					}
				}
				done = n == 2
			})
			return done
		})
		s.view(func(v trade.View) {
			w.must(trade.CheckJournal(v))
			totals, err := v.Totals()
			w.must(err)
			for _, x := range totals {
				// ALPHA>BRAVO: 66 s × 0.05/60 + 30 s × 0.10/60; BRAVO>ALPHA: 60 s × 0.10/60.
				want := map[string]string{"ALPHA>BRAVO": "0.105000", "BRAVO>ALPHA": "0.100000"}[x.Direction.String()]
				if x.Invoiced.String() != want || x.Settled != x.Invoiced || x.Disputed != 0 {
					t.Errorf("%s: %+v, want %s invoiced and settled", s.code, x, want)
				}
			}
		})
		if got := len(s.desk.Exceptions()); got != map[party.Code]int{"ALPHA": 1, "BRAVO": 1}[s.code] {
			t.Errorf("%s: %d calls without a rate, want the one to 4144000", s.code, got)
		}
	}
}

func shared(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "shared", "data", "voice", name))
	if err != nil {
		t.Skip("the pair of call-record files in ../shared/data/voice is not here: ", err)
	}
	return string(data)
}

// A day of real-sized traffic of two carriers with planted differences: what
// the rules decide is settled, the rest is open by name, and both sides come to
// the same state.
func TestADayWithDifferencesClears(t *testing.T) {
	w := newWorld(t, nil)
	sheet := shared(t, "rates.csv")
	w.sheets(sheet)
	start := time.Now()
	w.clear(shared(t, "ours.csv"), shared(t, "theirs.csv"))
	for _, s := range w.sides {
		w.until("no period moves by itself any more", func() (done bool) {
			s.view(func(v trade.View) {
				n := 0
				for o := range v.Orders() {
					for p := range v.Periods(o.ID) {
						n++
						if p.State != "closed" && !(p.State == "reconciling" && p.Waiting == 0) {
							return
						}
					}
				}
				for i := range v.Invoices("") {
					if i.State == "issued" || i.Payable() || !i.Paid && i.Total != 0 {
						return
					}
				}
				done = n == 48 || n == 50
			})
			return done
		})
	}
	t.Log("cleared in", time.Since(start))
	for _, s := range w.sides {
		sum, err := s.desk.Summary()
		w.must(err)
		problems := s.desk.Problems()
		s.view(func(v trade.View) { // a look at the channel inside another could wait for ever
			w.must(trade.CheckJournal(v))
			totals, err := v.Totals()
			w.must(err)
			disputes := map[string]int{}
			for x := range v.Disputes() {
				disputes[string(x.State)]++
			}
			t.Logf("%s: %+v disputes %v own %+v problems %v", s.code, totals, disputes, sum, problems)
		})
	}
}
