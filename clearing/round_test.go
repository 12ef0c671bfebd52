package clearing

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger/local"
	"github.com/lateral-network/lateral/line/connectivity"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/netting"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
)

// ring is a local ledger with carriers that trade with their neighbours in a
// circle: each has one node, with a desk for each of its two Bilaterals.
type ring struct {
	t      *testing.T
	nodes  []*ringNode
	worlds []*world // the Bilateral of each with the next
}

type ringNode struct {
	code   party.Code
	keys   *testKeys
	sides  [2]*side     // with the one before, and with the next
	silent atomic.Bool  // what it signs reaches nobody
	posted atomic.Int64 // by it for others
	off    atomic.Bool
}

func newRing(t *testing.T, codes ...party.Code) *ring {
	t.Helper()
	r := &ring{t: t}
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	dir := t.TempDir()
	key := sign.FromSeed([32]byte{9})
	doc := trade.GenesisDocument{Network: trade.DefaultNetwork("test"), Validators: []trade.Validator{{Name: "v", Key: key.Public(), Power: 1}}}
	for i, code := range codes {
		k := newTestKeys(byte(i + 1))
		public := k.sealing.Public()
		doc.Members = append(doc.Members, party.Application{Code: code, LegalName: string(code), Country: "CH", Exchange: "127.0.0.1:1", Sealing: public[:]}.
			Sign(k.member, k.node, k.recovery))
		r.nodes = append(r.nodes, &ringNode{code: code, keys: k})
		r.worlds = append(r.worlds, &world{t: t, dir: dir, inbox: map[party.Code][]posted{}, log: log, genesis: nil, net: local.Network("test", key.Public())})
	}
	vdb, err := store.Open(filepath.Join(dir, "validator"), store.Options{MinFree: 1})
	r.must(err)
	law := channel.Trade(trade.New(connectivity.Line{}, voice.Line{}))
	omni, err := channel.NewOmni(vdb, channel.MachineOptions{ChainID: r.worlds[0].net.ChainID, Genesis: canon.Must(doc), Law: law})
	r.must(err)
	ledger, err := local.Open(local.Config{Network: r.worlds[0].net, Key: key, Now: r.worlds[0].now}, omni)
	r.must(err)
	t.Cleanup(func() {
		for _, n := range r.nodes {
			n.halt()
		}
		r.must(ledger.Close())
		r.must(vdb.Close())
	})
	auto := Automatic{Rate: true, Accept: true, Net: true, Pay: true, Rounds: true}
	for i, w := range r.worlds {
		w.ledger, w.genesis = ledger, canon.Must(doc)
		a, b := r.nodes[i], r.nodes[(i+1)%len(r.nodes)]
		w.sides = [2]*side{{w: w, code: a.code, keys: a.keys, auto: auto}, {w: w, code: b.code, keys: b.keys, auto: auto}}
		w.sides[0].other, w.sides[1].other = w.sides[1], w.sides[0]
		a.sides[1], b.sides[0] = w.sides[0], w.sides[1]
		for _, s := range w.sides {
			s.carry = r.carry(s.code)
		}
	}
	for _, n := range r.nodes {
		n.openMember()
	}
	for _, w := range r.worlds {
		w.open()
	}
	return r
}

func (r *ring) must(err error) {
	r.t.Helper()
	if err != nil {
		r.t.Fatal(err)
	}
}

// openMember opens a node's member, which its desks share.
func (n *ringNode) openMember() {
	first, second := n.sides[0], n.sides[1]
	first.openMember(channel.Trade(trade.New(connectivity.Line{}, voice.Line{})))
	second.member, second.db, second.blobs, second.stop = first.member, first.db, first.blobs, func() {}
}

// halt stops a node where it is.
func (n *ringNode) halt() {
	n.off.Store(true)
	for _, s := range []*side{n.sides[1], n.sides[0]} { // the first has the member
		s.w.mu.Lock()
		s.off = true
		s.w.mu.Unlock()
		if s.stop != nil {
			s.stop()
			s.stop = nil
		}
	}
}

// start starts it again.
func (n *ringNode) start() {
	n.openMember()
	for _, s := range n.sides {
		w := s.w
		w.within(string(s.code)+"'s member is ready again", s.member.Ready())
		w.until("the channel is there", func() bool {
			var ok bool
			s.channel, ok = s.member.Bilateral(w.id)
			return ok
		})
		w.must(s.channel.Await(w.context()))
		s.openDesk()
	}
	n.off.Store(false)
}

// carry has the node after the next post what a node has for the board: package node
// asks partners.
func (r *ring) carry(from party.Code) func(context.Context, trade.Command) error {
	return func(ctx context.Context, c trade.Command) error {
		for i, n := range r.nodes {
			if n.code != from {
				continue
			}
			if n.silent.Load() && c.Kind == trade.KindRoundSign {
				return fault.New(fault.Unavailable, "nobody carries it", "try again")
			}
			by := r.nodes[(i+2)%len(r.nodes)]
			if by.off.Load() {
				by = r.nodes[(i+1)%len(r.nodes)]
			}
			by.posted.Add(1)
			return executed(by.sides[0].member.Omni().Submit(ctx, c))
		}
		return nil
	}
}

// trade has each owe the next for some minutes of calls, at 0.1 USD each.
func (r *ring) trade(terms func(*agreement.Terms), minutes ...int) {
	r.t.Helper()
	var running sync.WaitGroup
	for i, w := range r.worlds {
		running.Go(func() {
			w.agree(terms)
			w.sheets(rates)
			for _, s := range w.sides {
				s.take(call_(fmt.Sprint("c", i), "41440000001", "12125550100", "2026-11-02T10:00:00Z", minutes[i]*60_000, string(w.sides[0].code), string(w.sides[1].code)))
			}
			w.through("11:00:00")
		})
	}
	running.Wait()
	for i, w := range r.worlds {
		w.until("it is owed", func() bool { return w.sides[0].owes() == fmt.Sprintf("%d.%d00000 owed", minutes[i]/10, minutes[i]%10) })
	}
}

// owes gives what is left of the debts on a Bilateral, and their state.
func (s *side) owes() string {
	var left money.Micro
	state := settlement.State("nothing")
	s.view(func(v trade.View) {
		for o := range v.Obligations() {
			left += o.Left().Micro
			state = o.State
		}
	})
	return fmt.Sprintf("%s %s", left, state)
}

// call calls a round for an hour, and another to sign.
func (r *ring) call(m netting.Method) canon.Hash {
	r.t.Helper()
	s := r.worlds[0].sides[0]
	now := r.worlds[0].now().UnixMilli()
	id := canon.Sum("round", []byte(fmt.Sprint(now)))
	s.public(s.signed(s.keys.delegate, trade.KindRoundCall, trade.RoundCall{ID: id, Currency: "USD", Method: m, JoinBy: now + 3_600_000, SignBy: now + 2*3_600_000}))
	return id
}

// treasuries registers a treasurer of each on the Omnilateral.
func (r *ring) treasuries() {
	for _, n := range r.nodes {
		s := n.sides[1]
		s.public(s.signed(s.keys.member, trade.KindDelegateAdd, trade.DelegateAdd{Key: s.keys.delegate.Public(), Name: "treasury", Roles: []party.Role{party.Finance},
			Limits: []money.Amount{{Currency: "USD", Micro: 1e12}}}))
	}
}

func (r *ring) round(id canon.Hash) (round trade.Round) {
	r.view(func(v trade.View) { round, _ = v.Round(id) })
	return round
}

func (r *ring) view(f func(trade.View)) {
	r.must(r.nodes[0].sides[0].member.Omni().View(func(v channel.View) error {
		f(trade.View{Records: v})
		return nil
	}))
}

// offered waits until all debts stand on the board, and ends the time to join.
func (r *ring) offered(id canon.Hash, n uint32) {
	r.t.Helper()
	r.worlds[0].until("all is offered", func() bool { return r.round(id).Posted == n })
	for _, w := range r.worlds {
		w.pass(time.Hour)
	}
}

// comes waits until what is left on each Bilateral is as it should be, for both.
func (r *ring) comes(want ...string) {
	r.t.Helper()
	for i, w := range r.worlds {
		for _, s := range w.sides {
			w.until(fmt.Sprintf("on %d %s is left", i, want[i]), func() bool { return s.owes() == want[i] })
		}
	}
}

// netted gives what rounds have taken off a member's claims and debts, over all its
// Bilaterals.
func (n *ringNode) netted() (sum money.Micro) {
	for _, s := range n.sides {
		s.view(func(v trade.View) {
			s.w.must(trade.CheckJournal(v))
			sum += v.Balance(settlement.Account{Party: n.code, Purpose: settlement.Netted, Currency: "USD"})
		})
	}
	return sum
}

func byBank(x *agreement.Terms) {
	x.Payment = []agreement.Method{{Name: "bank-transfer", DueDays: 30}}
}

// [SET-08]: four nodes take what goes round in a circle off their debts, by themselves;
// nobody's position changes, and no node posts for itself.
func TestFourNodesCompressACircle(t *testing.T) {
	t.Parallel()
	r := newRing(t, "ALPHA", "BRAVO", "CHARLIE", "DELTA")
	r.treasuries()
	r.trade(byBank, 10, 8, 9, 7)
	// Nobody's debts are bound for long because somebody has called a long round.
	s := r.worlds[0].sides[0]
	now := r.worlds[0].now().UnixMilli()
	long := canon.Sum("a long round")
	s.public(s.signed(s.keys.delegate, trade.KindRoundCall, trade.RoundCall{ID: long, Currency: "USD", Method: netting.ByCirculation, JoinBy: now + 3_600_000, SignBy: now + 48*3_600_000}))
	id := r.call(netting.ByCirculation)
	r.offered(id, 4)
	r.comes("0.300000 owed", "0.100000 owed", "0.200000 owed", "0.000000 settled")
	s.view(func(v trade.View) {
		if _, joined := v.Joined(long, "ALPHA"); joined {
			t.Error("ALPHA's node has joined a round of two days by itself")
		}
	})
	if got := r.round(id); got.State != netting.Agreed {
		t.Errorf("the round is %+v", got)
	}
	for _, n := range r.nodes {
		if sum := n.netted(); sum != 0 {
			t.Errorf("the round has changed the position of %s by %s", n.code, sum)
		}
	}
	if n := r.nodes[0].posted.Load() + r.nodes[1].posted.Load() + r.nodes[2].posted.Load() + r.nodes[3].posted.Load(); n < 8 {
		t.Errorf("%d postings were carried by others, of four offers and four signatures", n)
	}
}

// What a treasury has ordered its bank to pay a round does not take off as well; and
// what may be in a round a treasury does not order.
func TestADebtThatTheTreasuryPaysIsOfferedIntoNoRound(t *testing.T) {
	t.Parallel()
	r := newRing(t, "ALPHA", "BRAVO", "CHARLIE")
	r.treasuries()
	for _, s := range r.worlds[0].sides {
		s.claimed.Store(true)
	}
	r.trade(byBank, 10, 8, 9)
	s := r.worlds[1].sides[0]
	bound := func() (is bool) {
		var debt settlement.Obligation
		s.view(func(v trade.View) {
			for debt = range v.Obligations() {
			}
		})
		is, err := s.desk.Bound(debt)
		r.must(err)
		return is
	}
	if bound() {
		t.Error("a debt is bound before there is a round")
	}
	id := r.call(netting.ByCirculation)
	r.worlds[0].until("the two others have offered", func() bool { return r.round(id).Posted == 2 })
	if !bound() {
		t.Error("a debt that is offered is not bound")
	}
	r.offered(id, 2)
	for _, w := range r.worlds {
		w.pass(time.Hour)
	}
	r.worlds[1].until("the debt is free", func() bool { return !bound() })
	r.comes("1.000000 owed", "0.800000 owed", "0.900000 owed")
	if x := r.round(id); x.At(r.worlds[0].now().UnixMilli()) != netting.Lapsed {
		t.Errorf("the round is %+v", x)
	}
}

// A node that stops between its signature and the effect has it once when it is there
// again.
func TestNodesThatStopAfterSigningApplyTheResultOnce(t *testing.T) {
	t.Parallel()
	r := newRing(t, "ALPHA", "BRAVO", "CHARLIE", "DELTA")
	r.treasuries()
	r.trade(byBank, 10, 8, 9, 7)
	id := r.call(netting.ByCirculation)
	r.nodes[3].silent.Store(true)
	r.offered(id, 4)
	r.worlds[0].until("all but one have signed", func() bool { return r.round(id).Missing == 1 })
	r.nodes[1].halt()
	r.nodes[2].halt()
	r.nodes[3].silent.Store(false)
	r.worlds[3].until("the round is agreed", func() bool { return r.round(id).State == netting.Agreed })
	r.nodes[1].start()
	r.nodes[2].start()
	r.comes("0.300000 owed", "0.100000 owed", "0.200000 owed", "0.000000 settled")
	r.nodes[2].halt()
	r.nodes[2].start()
	for _, n := range r.nodes {
		if sum := n.netted(); sum != 0 {
			t.Errorf("%s has netted %s more than was netted of it", n.code, sum)
		}
	}
}

// When one never signs, the round lapses, everything is as it was, and the debts can
// be paid or offered again.
func TestARoundThatOneNeverSignsChangesNothing(t *testing.T) {
	t.Parallel()
	r := newRing(t, "ALPHA", "BRAVO", "CHARLIE")
	r.treasuries()
	r.trade(byBank, 5, 5, 5)
	id := r.call(netting.ByCirculation)
	r.nodes[2].silent.Store(true)
	r.offered(id, 3)
	r.worlds[0].until("all but one have signed", func() bool { return r.round(id).Missing == 1 })
	for _, w := range r.worlds {
		w.pass(time.Hour)
	}
	r.worlds[0].until("the round has lapsed", func() bool { return r.round(id).State == netting.Lapsed })
	r.comes("0.500000 owed", "0.500000 owed", "0.500000 owed")
	for _, n := range r.nodes {
		for _, s := range n.sides {
			s.w.until("no problem is left of it", func() bool { return len(s.desk.Problems()) == 0 })
		}
	}

	// In the next one BRAVO wants to see most of the cash.
	r.nodes[2].silent.Store(false)
	id = r.call(netting.ByCirculation)
	bravo := r.nodes[1].sides[0]
	bravo.w.until("BRAVO's node knows the round", func() bool { return bravo.desk.TakePart(id, 0.2e6) == nil })
	r.offered(id, 4)
	r.comes("0.300000 owed", "0.300000 owed", "0.300000 owed")
	if err := bravo.desk.TakePart(id, 0); fault.CodeOf(err) != trade.CodeState {
		t.Errorf("a round that is over is joined: %v", err)
	}
}

// [SET-08]: by position all debts go, and who owes more than it is owed pays the
// difference by tokens, out of what is held since it has signed.
func TestFourNodesPayTheirPositions(t *testing.T) {
	t.Parallel()
	r := newRing(t, "ALPHA", "BRAVO", "CHARLIE", "DELTA")
	r.treasuries()
	a := r.worlds[0].sides[0]
	usd := func(n int64) money.Amount { return money.Amount{Currency: "USD", Micro: money.Micro(n * 1e6)} }
	officers := [2]sign.PrivateKey{sign.FromSeed([32]byte{50}), sign.FromSeed([32]byte{51})}
	for i, k := range officers {
		a.public(a.signed(a.keys.member, trade.KindDelegateAdd, trade.DelegateAdd{Key: k.Public(), Name: fmt.Sprint("officer ", i), Roles: []party.Role{party.Issuer}, Limits: []money.Amount{usd(1e6)}}))
	}
	a.public(a.signed(a.keys.member, trade.KindTokenDefine, trade.TokenDefine{Token: "USDt", Cap: 2000e6, Redeem: 48 * 3_600_000}))
	var network trade.Network
	r.view(func(v trade.View) { network, _ = v.Network() })
	for _, n := range r.nodes[1 : 1+network.Vouchers] {
		s := n.sides[0]
		s.public(s.signed(s.keys.member, trade.KindTokenApprove, trade.TokenApprove{Token: "USDt", By: n.code}))
	}
	r.worlds[0].until("the token is active", func() (ok bool) {
		r.view(func(v trade.View) { k, _ := v.Token("USDt"); ok = k.State == token.Active })
		return ok
	})
	for i, act := range []token.Act{{Kind: token.ReserveIn, Amount: usd(2000), Reference: "R", Evidence: canon.Sum("statement")}, {Kind: token.Mint, Amount: usd(2000)}} {
		id := fmt.Sprint("I-", i)
		a.public(a.signed(officers[0], trade.KindIssuePropose, trade.IssuePropose{ID: id, Token: "USDt", Act: act}))
		var hash canon.Hash
		r.view(func(v trade.View) { x, _ := v.Issue("USDt", id); hash = x.Hash() })
		a.public(a.signed(officers[1], trade.KindIssueApprove, trade.IssueAnswer{ID: id, Token: "USDt", Hash: hash}))
	}
	r.trade(byBank, 10, 8, 9, 7)
	id := r.call(netting.ByPosition)
	r.offered(id, 4)
	// ALPHA owes 0.3 more than it is owed, and CHARLIE 0.1, which has no tokens yet.
	w := r.worlds[0]
	w.until("all but CHARLIE have signed", func() bool { return r.round(id).Missing == 1 })
	if held := w.has("ALPHA", settlement.Held); held != 0.3e6 {
		t.Errorf("%s is held of ALPHA", held)
	}
	r.comes("1.000000 owed", "0.800000 owed", "0.900000 owed", "0.700000 owed")
	a.public(a.signed(a.keys.delegate, trade.KindTokenTransfer, trade.TokenTransfer{Transfers: []token.Transfer{{ID: "T-1", To: "CHARLIE", Amount: usdt(1)}}}))
	r.comes("0.000000 settled", "0.000000 settled", "0.000000 settled", "0.000000 settled")
	for i, want := range []money.Micro{1998.7e6, 0.2e6, 0.9e6, 0.2e6} {
		n := r.nodes[i]
		if has, held := w.has(n.code, settlement.Available), w.has(n.code, settlement.Held); has != want || held != 0 {
			t.Errorf("%s has %s and %s held, not %s", n.code, has, held, want)
		}
		// What is paid and what came off the debts is the same.
		start := map[party.Code]money.Micro{"ALPHA": 1999e6, "CHARLIE": 1e6}[n.code]
		if paid := want - start; paid != n.netted() {
			t.Errorf("%s was paid %s, and netted %s", n.code, paid, n.netted())
		}
	}
}

// Tripartite settlement: a call from ALPHA over BRAVO to CHARLIE is billed and paid on
// two Bilaterals, each by itself. The transit carrier has its margin, and neither end
// learns what the other pays or gets.
func TestOriginTransitAndTerminatingCarrierSettleOnTwoBilaterals(t *testing.T) {
	t.Parallel()
	r := newRing(t, "ALPHA", "BRAVO", "CHARLIE")
	atOnce := func(x *agreement.Terms) { x.Payment = []agreement.Method{{Name: "bank-transfer"}} }
	var running sync.WaitGroup
	for i, w := range r.worlds[:2] {
		running.Go(func() {
			w.agree(atOnce)
			w.sheets([]string{rates, strings.ReplaceAll(rates, "0.10,", "0.08,")}[i])
			for _, s := range w.sides {
				s.take(call_("leg", "41440000001", "12125550100", "2026-11-02T10:00:00Z", 600_000, string(w.sides[0].code), string(w.sides[1].code)))
			}
			w.through("11:00:00")
		})
	}
	running.Wait()
	paid := func(w *world) (sum money.Micro) {
		w.sides[1].view(func(v trade.View) {
			w.must(trade.CheckJournal(v))
			for o := range v.Obligations() {
				if o.State == settlement.Settled && o.Payer == w.sides[0].code {
					sum += o.Paid
				}
			}
		})
		return sum
	}
	for i, want := range []money.Micro{1_000_000, 800_000} {
		w := r.worlds[i]
		w.until("it is paid", func() bool { return paid(w) == want })
	}
	if margin := paid(r.worlds[0]) - paid(r.worlds[1]); margin != 200_000 {
		t.Errorf("BRAVO's margin is %s", margin)
	}
	r.worlds[2].sides[1].view(func(v trade.View) { // of CHARLIE and ALPHA, who trade nothing
		for o := range v.Obligations() {
			t.Errorf("ALPHA and CHARLIE owe each other %+v", o)
		}
	})
}
