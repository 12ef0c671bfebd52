package clearing

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
)

// vault is what a side's desk has of tokens.
func (s *side) vault() *Vault {
	if s.banks {
		return nil
	}
	return &Vault{Omni: s.member.Omni(), Chain: s.w.net.ChainID, Secret: [32]byte{8, s.code[0], s.secret}, Ask: s.ask, Carry: s.carry,
		Paid: func(took time.Duration) { s.paid.Add(min(1, took.Nanoseconds())) }}
}

// ask has the other side's desk answer, as package exchange does between nodes.
func (s *side) ask(ctx context.Context, request []byte) ([]byte, error) {
	if s.asking != nil {
		var r deskRequest
		s.w.must(canon.Decode(request, &r))
		if r.Change != nil {
			if err := s.asking(*r.Change); err != nil {
				return nil, err
			}
		}
	}
	s.w.mu.Lock()
	desk, off := s.other.desk, s.other.off
	s.w.mu.Unlock()
	if desk == nil || off || s.other.gone.Load() {
		return nil, fault.New(fault.Unavailable, "the node does not answer", "try again")
	}
	return desk.Answer(ctx, request)
}

// public submits commands on the Omnilateral and fails the test when one is refused.
func (s *side) public(cmds ...trade.Command) {
	s.w.t.Helper()
	out, err := s.member.Omni().Submit(s.w.context(), cmds...)
	s.w.must(err)
	s.w.must(channel.FirstErr(out))
	for _, o := range out {
		s.w.must(s.other.member.WaitFor(s.w.context(), o.Position.Height))
	}
}

// signed has a key authorise a command on the Omnilateral.
func (s *side) signed(k sign.PrivateKey, kind trade.Kind, body any) trade.Command {
	nonces.Lock()
	nonces.n++
	nonce := canon.Sum("nonce", fmt.Append(nil, nonces.n))
	nonces.Unlock()
	return trade.Authorize(trade.NewCommand(kind, body), k, s.w.net.ChainID, canon.Hash{}, s.w.now().Add(time.Hour).UnixMilli(), nonce)
}

func usdt(n int64) token.Amount { return token.Amount{Token: "USDt", Micro: money.Micro(n * 1e6)} }

// byTokens are terms under which each invoice is paid by tokens, as soon as it is
// there.
func byTokens(x *agreement.Terms) {
	x.Netting = false
	x.Payment = []agreement.Method{{Name: trade.MethodToken}, {Name: "bank-transfer", DueDays: 30}}
}

// newTokenWorld is a world in which ALPHA issues USDt, and each side has 1000.
func newTokenWorld(t *testing.T) *world {
	t.Helper()
	w := newWorldWithout(t)
	a, b := w.sides[0], w.sides[1]
	usd := func(n int64) money.Amount { return money.Amount{Currency: "USD", Micro: money.Micro(n * 1e6)} }
	officers := [2]sign.PrivateKey{sign.FromSeed([32]byte{50}), sign.FromSeed([32]byte{51})}
	delegate := func(s *side, k sign.PrivateKey, name string, r party.Role) {
		s.public(s.signed(s.keys.member, trade.KindDelegateAdd, trade.DelegateAdd{Key: k.Public(), Name: name, Roles: []party.Role{r}, Limits: []money.Amount{usd(1e6)}}))
	}
	for i, k := range officers {
		delegate(a, k, fmt.Sprint("officer ", i), party.Issuer)
	}
	delegate(a, a.keys.delegate, "treasury", party.Finance)
	delegate(b, b.keys.delegate, "treasury", party.Finance)
	a.public(a.signed(a.keys.member, trade.KindTokenDefine, trade.TokenDefine{Token: "USDt", Cap: 2000e6, Redeem: 48 * 3_600_000}))
	b.public(b.signed(b.keys.member, trade.KindTokenApprove, trade.TokenApprove{Token: "USDt", By: "BRAVO"}))
	for i, act := range []token.Act{{Kind: token.ReserveIn, Amount: usd(2000), Reference: "R", Evidence: canon.Sum("statement")}, {Kind: token.Mint, Amount: usd(2000)}} {
		id := fmt.Sprint("I-", i)
		a.public(a.signed(officers[0], trade.KindIssuePropose, trade.IssuePropose{ID: id, Token: "USDt", Act: act}))
		var hash canon.Hash
		w.must(a.member.Omni().View(func(v channel.View) error {
			x, _ := trade.View{Records: v}.Issue("USDt", id)
			hash = x.Hash()
			return nil
		}))
		a.public(a.signed(officers[1], trade.KindIssueApprove, trade.IssueAnswer{ID: id, Token: "USDt", Hash: hash}))
	}
	a.public(a.signed(a.keys.delegate, trade.KindTokenTransfer, trade.TokenTransfer{Transfers: []token.Transfer{{ID: "T-1", To: "BRAVO", Amount: usdt(1000)}}}))
	w.agree(byTokens)
	return w
}

// fund opens a deposit.
func (s *side) fund(n int64) canon.Hash {
	s.w.t.Helper()
	var id canon.Hash
	s.w.until(string(s.code)+" opens a deposit", func() bool { // the other's keys are on their way
		var err error
		id, err = s.desk.OpenDeposit(s.w.context(), usdt(n))
		if fault.CodeOf(err) != fault.NotYet {
			s.w.must(err)
		}
		return err == nil
	})
	return id
}

// has gives what a member has on an account of the Omnilateral.
func (w *world) has(who party.Code, p settlement.Purpose) (m money.Micro) {
	w.must(w.sides[0].member.Omni().View(func(v channel.View) error {
		m = trade.View{Records: v}.Balance(settlement.Account{Party: who, Purpose: p, Currency: "USDt"})
		return nil
	}))
	return m
}

func (s *side) lock(id canon.Hash) (l token.Lock) {
	s.w.must(s.member.Omni().View(func(v channel.View) error {
		l, _ = trade.View{Records: v}.Lock(id)
		return nil
	}))
	return l
}

// deposit gives what a side's desk says of a lock.
func (s *side) deposit(id canon.Hash) Deposited {
	s.w.t.Helper()
	all, err := s.desk.Deposits()
	s.w.must(err)
	for _, x := range all {
		if x.Lock.ID == id {
			return x
		}
	}
	s.w.t.Fatalf("%s has no deposit %s", s.code, id)
	return Deposited{}
}

// signedTotal gives what a side has signed of a lock by now.
func (s *side) signedTotal(id canon.Hash, by token.Side) (out token.SignedPaid) {
	s.w.t.Helper()
	s.view(func(v trade.View) {
		for x := range v.Deposits() {
			if x.Lock == id && x.Signed[by] != nil {
				out = *x.Signed[by]
			}
		}
	})
	return out
}

// minutes are calls of ALPHA to BRAVO for 0.1 USD a minute in an hour.
func (w *world) minutes(hour, minutes int) {
	w.t.Helper()
	for _, s := range w.sides {
		s.take(row(fmt.Sprint("c", hour), fmt.Sprintf("%02d:00:00", hour), minutes*60_000))
	}
	w.through(fmt.Sprintf("%02d:00:00", hour+1))
}

// payments counts the payments out of locks that a side has made.
func (s *side) payments() (n int) {
	s.w.must(s.channel.View(func(v channel.View) error {
		for range v.Scan(trade.PaymentPrefix) {
			n++
		}
		return nil
	}))
	return n
}

// [SET-21], [SET-22]: what is owed by tokens is paid out of the deposit without
// anybody, on the Bilateral alone; what lacks funds is named, and paid once there are
// some.
func TestWhatIsOwedByTokensIsPaidOutOfTheDeposit(t *testing.T) {
	t.Parallel()
	w := newTokenWorld(t)
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	w.minutes(10, 1)
	w.until("ALPHA is told to top up", func() bool {
		p, ok := a.problem(trade.CodeFunds)
		return ok && p.Needs == NeedsPerson && strings.HasPrefix(p.Subject, trade.ObligationPrefix)
	})
	id := a.fund(1)
	w.settled("0.100000")
	if _, ok := a.problem(trade.CodeFunds); ok {
		t.Error("the solved problem is still listed")
	}
	if x := b.deposit(id); x.Ours != 0.1e6 || x.Theirs != 0.9e6 || x.Lock.Amount != usdt(1) {
		t.Errorf("BRAVO sees %+v", x)
	}
	if l := a.lock(id); l.Round != 0 || w.has("ALPHA", settlement.Deposit) != 1e6 || w.has("BRAVO", settlement.Available) != 1000e6 {
		t.Errorf("the Omnilateral has seen the payment: %+v", l)
	}
	w.minutes(12, 20) // 2 USD: more than is left
	w.until("ALPHA is told again", func() bool { _, ok := a.problem(trade.CodeFunds); return ok })
	if _, err := a.desk.TopUpDeposit(w.context(), canon.Hash{}, usdt(5)); err != nil {
		t.Fatal(err)
	}
	w.settled("2.100000")
	w.quiet()
	if n := a.payments(); n != 2 {
		t.Errorf("%d payments for two obligations", n)
	}
	if a.paid.Load() != 2 || b.paid.Load() != 0 {
		t.Errorf("%d and %d payments were measured", a.paid.Load(), b.paid.Load())
	}
}

// A node that is to pay by tokens alone pays out of deposits, and advises no payment of
// a bank that nobody has made.
func TestANodeThatPaysByTokensLeavesBanksToPeople(t *testing.T) {
	t.Parallel()
	tokens := func(w *world) {
		for _, s := range w.sides {
			s.auto = Automatic{Rate: true, Accept: true, Net: true, Tokens: true}
			s.restart()
		}
	}
	w := newTokenWorld(t)
	tokens(w)
	w.sheets(rates)
	w.sides[0].fund(10)
	w.minutes(10, 1)
	w.settled("0.100000")

	w = newWorldWithout(t)
	tokens(w)
	w.agree(func(x *agreement.Terms) { x.Netting = false })
	w.sheets(rates)
	w.minutes(10, 1)
	var states []settlement.State
	look := func() {
		states = nil
		w.sides[1].view(func(v trade.View) {
			for o := range v.Obligations() {
				states = append(states, o.State)
			}
		})
	}
	w.until("the bill is owed", func() bool { look(); return len(states) == 1 })
	w.quiet()
	if look(); states[0] != settlement.Owed {
		t.Errorf("what a bank has to pay is %s", states[0])
	}
}

// A node that stops while it pays pays once, and finds the keys of its locks again.
func TestANodeThatStopsWhileItPaysPaysOnce(t *testing.T) {
	t.Parallel()
	w := newTokenWorld(t)
	w.sheets(rates)
	a := w.sides[0]
	id := a.fund(10)
	for hour := 8; hour < 14; hour++ {
		w.minutes(hour, 1)
		a.restart()
	}
	w.settled("0.600000")
	w.quiet()
	if x := a.deposit(id); x.Totals != [2]money.Micro{0.6e6, 0} || x.Ours != 9.4e6 {
		t.Errorf("after six payments of 0.1 the deposit is %+v", x)
	}
}

// [SEC]: private keys of locks are the same from the same secret, and of no other.
func TestKeysOfLocksFollowFromTheSecretAndTheLedger(t *testing.T) {
	t.Parallel()
	w := newTokenWorld(t)
	a, b := w.sides[0], w.sides[1]
	id := a.fund(1)
	l := a.lock(id)
	for _, s := range []*side{a, b} {
		by := map[*side]token.Side{a: token.OwnerSide, b: token.PartnerSide}[s]
		s.restart()
		k, err := s.desk.lockKey(l, by)
		if err != nil || k.Public() != l.Keys[by] {
			t.Errorf("%s does not find its key again: %v", s.code, err)
		}
		if _, err := s.desk.lockKey(l, by.Other()); fault.CodeOf(err) != fault.NotFound {
			t.Errorf("%s finds the key of the other side: %v", s.code, err)
		}
	}
}

// [SET-25]: a give-back of what is one's own needs the partner's node and nobody
// else; where the two have paid each other, both treasurers must say that it may be
// seen.
func TestADepositIsReleasedByBoth(t *testing.T) {
	t.Parallel()
	w := newTokenWorld(t)
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	mine := a.fund(10)
	list, err := a.desk.ReleaseDeposits(w.context(), Release{Token: "USDt", Keep: 4e6})
	if err != nil || len(list) != 1 || list[0].Back != 6e6 {
		t.Fatalf("%+v, %v", list, err)
	}
	if l := a.lock(mine); l.Amount != usdt(4) || l.Round != 1 || w.has("ALPHA", settlement.Available) != 996e6 {
		t.Fatalf("after the release: %+v", l)
	}
	w.minutes(10, 10) // 1 USD
	w.settled("1.000000")
	refused := func(s *side, r Release, code fault.Code) {
		t.Helper()
		if _, err := s.desk.ReleaseDeposits(w.context(), r); fault.CodeOf(err) != code {
			t.Fatalf("%+v: %v, want %s", r, err, code)
		}
	}
	refused(a, Release{Token: "USDt", Reveals: true}, fault.Refused) // BRAVO has no lock for its share
	theirs := b.fund(1)
	w.until("ALPHA has BRAVO's lock", func() bool {
		all, err := a.desk.Deposits()
		w.must(err)
		return slices.ContainsFunc(all, func(x Deposited) bool { return x.Lock.ID == theirs })
	})
	refused(a, Release{Token: "USDt"}, trade.CodeReveals)
	refused(a, Release{Token: "USDt", Reveals: true}, trade.CodeReveals) // BRAVO has not said so
	if x := a.deposit(mine); x.Until > w.now().UnixMilli() {
		t.Fatal("payments stopped for a change that the partner had not agreed to")
	}
	if _, err := b.desk.ReleaseDeposits(w.context(), Release{Token: "USDt", Reveals: true}); err != nil {
		t.Fatal(err)
	}
	w.until("ALPHA's node sees that BRAVO has its share, and that its own lock pays on", func() bool {
		return w.has("BRAVO", settlement.Available) == 1001e6 && a.lock(theirs).State == token.Claimed && a.lock(mine).Amount == usdt(3)
	})
	w.minutes(12, 10)
	w.settled("2.000000") // what is left pays on
}

// A change that was broken off between the two channels is made when the node is
// there again.
func TestAChangeThatWasBrokenOffIsMade(t *testing.T) {
	t.Parallel()
	w := newTokenWorld(t)
	a, b := w.sides[0], w.sides[1]
	id := a.fund(10)
	ctx, cancel := context.WithCancel(w.context())
	a.asking = func(r changeRequest) error {
		if r.Stopped {
			b.gone.Store(true) // and so it does not sign
			cancel()
			return fault.New(fault.Unavailable, "the node does not answer", "try again")
		}
		return nil
	}
	if _, err := a.desk.ReleaseDeposits(ctx, Release{Token: "USDt"}); err == nil {
		t.Fatal("a change without the partner's signature was made")
	}
	if x := a.deposit(id); x.Until == 0 || a.lock(id).Round != 0 {
		t.Fatalf("payments go on: %+v", x)
	}
	a.halt()
	a.asking = nil
	b.gone.Store(false)
	a.start()
	w.until("the change is made", func() bool { return a.lock(id).State == token.Claimed })
	if got := w.has("ALPHA", settlement.Available); got != 1000e6 {
		t.Errorf("ALPHA has %s again", got)
	}
	w.until("nothing is left to do", func() bool {
		a.desk.mu.Lock()
		defer a.desk.mu.Unlock()
		return len(a.desk.changes) == 0
	})
}

// [SET-03]: the counterparty has vanished: a side leaves alone, and has its share
// when the time for a contest is over.
func TestASideLeavesAloneWhenItsPartnerHasVanished(t *testing.T) {
	t.Parallel()
	w := newTokenWorld(t)
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	id := a.fund(10)
	w.minutes(10, 10)
	w.settled("1.000000")
	w.quiet()
	b.halt()
	if _, err := a.desk.ExitDeposits(w.context(), canon.Hash{}, false); fault.CodeOf(err) != trade.CodeReveals {
		t.Fatalf("an exit that may show the pair was not asked about: %v", err)
	}
	if l := a.lock(id); l.State != token.Locked {
		t.Fatal("it was sent all the same")
	}
	if ids, err := a.desk.ExitDeposits(w.context(), canon.Hash{}, true); err != nil || len(ids) != 1 || ids[0] != id {
		t.Fatal(ids, err)
	}
	w.pass(25 * time.Hour)
	w.until("ALPHA has its share", func() bool { return w.has("ALPHA", settlement.Available) == 999e6 })
	b.start()
	w.until("BRAVO takes its own when it is there again", func() bool { return w.has("BRAVO", settlement.Available) == 1001e6 })
}

// [SET-03]: who leaves by an old total loses a part of the lock: the other node
// watches, and shows the later total by itself.
func TestAnExitByAnOldTotalIsContestedByItself(t *testing.T) {
	t.Parallel()
	w := newTokenWorld(t)
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	id := a.fund(10)
	w.minutes(10, 10)
	w.settled("1.000000")
	old := a.signedTotal(id, token.OwnerSide)
	w.minutes(12, 20)
	w.settled("3.000000")
	w.quiet()
	a.public(trade.NewCommand(trade.KindLockExit, trade.LockExit{Mine: old}))
	w.until("BRAVO shows the later total", func() bool {
		x := b.lock(id).Exit
		return x != nil && x.Stale && x.Totals[token.OwnerSide] == 3e6
	})
	w.pass(25 * time.Hour)
	w.until("BRAVO has what it was paid, and a tenth of the lock", func() bool {
		return w.has("BRAVO", settlement.Available) == 1004e6 && w.has("ALPHA", settlement.Available) == 996e6
	})
}

// A node whose data are of yesterday has the ledger tell it the rest, and leaves by
// the newest totals: nothing of it is stale.
func TestANodeOfYesterdaysDataLeavesByTodaysTotals(t *testing.T) {
	t.Parallel()
	w := newTokenWorld(t)
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	id := a.fund(10)
	w.minutes(10, 10)
	w.settled("1.000000")
	w.quiet()
	a.halt()
	data, yesterday := filepath.Join(w.dir, "ALPHA"), filepath.Join(w.dir, "yesterday")
	w.must(os.CopyFS(yesterday, os.DirFS(data)))
	a.start()
	w.minutes(12, 20)
	w.settled("3.000000")
	w.quiet()
	a.halt()
	// The outbox says what was sent, and is never older than the newest backup of it.
	w.must(os.RemoveAll(filepath.Join(yesterday, "outbox")))
	w.must(os.CopyFS(filepath.Join(yesterday, "outbox"), os.DirFS(filepath.Join(data, "outbox"))))
	w.must(os.RemoveAll(data))
	w.must(os.Rename(yesterday, data))
	a.start()
	if _, err := a.desk.ExitDeposits(w.context(), id, true); err != nil {
		t.Fatal(err)
	}
	w.pass(25 * time.Hour)
	w.until("each has its share", func() bool {
		return w.has("BRAVO", settlement.Available) == 1003e6 && w.has("ALPHA", settlement.Available) == 997e6
	})
	if l := b.lock(id); l.Exit.Stale {
		t.Errorf("the exit counted as stale: %+v", l.Exit)
	}
}

// A lock that was on its way when the node stopped is opened once, and declared.
func TestALockWhoseOpeningWasBrokenOffIsOpenedOnce(t *testing.T) {
	t.Parallel()
	w := newTokenWorld(t)
	a := w.sides[0]
	w.until("BRAVO has offered keys", func() bool { _, err := a.desk.theirKey(); return err == nil })
	ctx, cancel := context.WithCancel(w.context())
	cancel() // the caller is gone before anything is final
	var id canon.Hash
	w.until("no other step is in hand", func() bool {
		var err error
		id, err = a.desk.OpenDeposit(ctx, usdt(3))
		return fault.CodeOf(err) != fault.Busy
	})
	a.restart()
	w.until("the deposit is declared", func() bool {
		all, err := a.desk.Deposits()
		w.must(err)
		return len(all) == 1 && all[0].Lock.ID == id
	})
	w.until("nothing is left to do", func() bool { return len(a.desk.openingIDs()) == 0 })
	if got := w.has("ALPHA", settlement.Deposit); got != 3e6 {
		t.Errorf("%s are locked", got)
	}
}

// What nobody may lock is refused, and nothing is left of it.
func TestADepositThatCannotBeOpenedIsGivenUp(t *testing.T) {
	t.Parallel()
	w := newTokenWorld(t)
	a := w.sides[0]
	a.fund(1)
	if _, err := a.desk.OpenDeposit(w.context(), usdt(5000)); fault.CodeOf(err) != trade.CodeFunds {
		t.Fatalf("%v", err)
	}
	if left := a.desk.openingIDs(); len(left) != 0 {
		t.Errorf("%v is still to be opened", left)
	}
	if _, err := a.desk.TopUpDeposit(w.context(), canon.Hash{1}, usdt(1)); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a lock that is not there was topped up: %v", err)
	}
}

// A partner's desk signs nothing by which this side has less.
func TestADeskSignsNoChangeThatTakesItsShare(t *testing.T) {
	t.Parallel()
	w := newTokenWorld(t)
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	id := a.fund(10)
	w.minutes(10, 10)
	w.settled("1.000000")
	w.quiet()
	until := w.now().UnixMilli() + changeMillis
	for name, r := range map[string]changeRequest{
		"its share":            {Changes: token.Changes{List: []token.Change{{Lock: id, Back: 10e6}}, Until: until}},
		"a void one":           {Changes: token.Changes{List: []token.Change{{Lock: id, Amount: 10e6}}, Until: 1}},
		"one that lasts":       {Changes: token.Changes{List: []token.Change{{Lock: id, Amount: 10e6}}, Until: until + 3_600_000}},
		"one of another round": {Changes: token.Changes{List: []token.Change{{Lock: id, Round: 1, Amount: 10e6}}, Until: until}},
	} {
		if _, err := b.desk.Answer(w.context(), canon.Must(deskRequest{Change: &r})); fault.CodeOf(err) != fault.Refused {
			t.Errorf("%s: %v", name, err)
		}
	}
	r := changeRequest{Changes: token.Changes{List: []token.Change{{Lock: a.fund(1), Back: 1e6}}, Until: until}, Stopped: true}
	w.quiet()
	if _, err := b.desk.Answer(w.context(), canon.Must(deskRequest{Change: &r})); fault.CodeOf(err) != fault.NotYet {
		t.Errorf("signed while payments go on: %v", err)
	}
}

// The node of a lock's partner sends nothing for it where it has nothing: that would
// show who the partner is.
func TestAPartnerThatHasNothingOfALockDoesNotShowItself(t *testing.T) {
	t.Parallel()
	w := newTokenWorld(t)
	a, b := w.sides[0], w.sides[1]
	id := a.fund(1)
	var x trade.Deposit
	a.view(func(v trade.View) {
		for x = range v.Deposits() {
		}
	})
	l := a.lock(id)
	now := w.now().UnixMilli()
	l.State, l.Exit = token.Leaving, &token.Exit{By: token.OwnerSide, Deadline: now - 3_600_000}
	if _, wanted, err := a.desk.lockStep(now, x, l); !wanted || err != nil {
		t.Error("the owner's node does not end its own exit", err)
	}
	if c, wanted, err := b.desk.lockStep(now, x, l); wanted || err != nil {
		t.Error("the partner's node sends", c.Kind, err)
	}
	l.Exit.Totals[token.OwnerSide] = 1
	if c, wanted, _ := b.desk.lockStep(now, x, l); !wanted || c.Kind != trade.KindTick {
		t.Error("the partner's node does not ask for its part")
	}
}

// Nobody leaves by a total that is behind one on its way: that one is signed, and
// would make the exit stale.
func TestAnExitWaitsForAPaymentThatIsOnItsWay(t *testing.T) {
	t.Parallel()
	w := newTokenWorld(t)
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	id := a.fund(10)
	for _, s := range w.sides {
		s.take(row("c10", "10:00:00", 600_000))
	}
	for _, s := range w.sides {
		w.must(s.desk.CloseThrough(w.context(), at(t, "11:00:00")))
	}
	w.until("a payment is on its way, or made", func() bool { return a.desk.paying() || a.payments() > 0 })
	_, err := a.desk.ExitDeposits(w.context(), id, true)
	w.must(err)
	w.pass(25 * time.Hour)
	w.until("each has its share", func() bool {
		return w.has("BRAVO", settlement.Available) == 1001e6 && w.has("ALPHA", settlement.Available) == 999e6
	})
	if l := b.lock(id); l.Exit.Stale {
		t.Error("the exit was stale")
	}
}
