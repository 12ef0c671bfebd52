package native_test

import (
	"crypto/rand"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
)

// of gives what a side has on an account of USDt, as its own node says.
func (m *mint) of(t *testing.T, s *side, purpose settlement.Purpose) string {
	t.Helper()
	return m.has(t, s.client(api.Auditor), string(purpose), "USDt")
}

// Two nodes that run with the keys of one carrier, each with a replica of its own, as
// after a restore that forgot the first, spend the same 100 at the same moment. What
// is there is spent once: one node's envelopes are taken, the other is told that its
// numbers are used and sends no more; what goes beyond the funds is refused.
func TestTwoNodesOfACarrierThatRaceSpendWhatIsThereOnce(t *testing.T) {
	m := newMint(t)
	m.funded(t)
	b := m.bravo
	dir := t.TempDir()
	db := must(store.Open(filepath.Join(dir, "store"), store.Options{MinFree: 1}))
	b.closes(func() { db.Close() })
	second := must(channel.OpenMember(channel.Options{Ledger: m.chainOf, Store: db, Outbox: filepath.Join(dir, "outbox"), Keys: b.keys, Code: "BRAVO",
		ChainID: m.chain, Genesis: m.genesis, Law: m.law}))
	b.closes(func() { second.Close() })
	b.run(second.Run)
	height, _ := b.member.Height()
	eventually(t, "the second node has the ledger", func() bool { h, _ := second.Height(); return h >= height })

	spend := func(node *channel.Member, id string, amount token.Amount) error {
		c := trade.NewCommand(trade.KindTokenTransfer, trade.TokenTransfer{Transfers: []token.Transfer{{ID: id, To: "ALPHA", Amount: amount}}})
		var nonce canon.Hash
		rand.Read(nonce[:])
		c = trade.Authorize(c, b.keys.delegates[party.Finance], m.chain, canon.Hash{}, time.Now().Add(time.Hour).UnixMilli(), nonce)
		out, err := node.Omni().Submit(m.ctx, c)
		if err == nil {
			err = channel.FirstErr(out)
		}
		return err
	}
	var running sync.WaitGroup
	var mu sync.Mutex
	results := map[fault.Code]int{}
	for i, node := range []*channel.Member{b.member, second, b.member, second, b.member, second} {
		running.Go(func() {
			err := spend(node, fmt.Sprint("RACE-", i), usdt("30"))
			mu.Lock()
			defer mu.Unlock()
			results[fault.CodeOf(err)]++
		})
	}
	running.Wait()
	done := results[""]
	// Who asks the second node once it knows that its numbers are used is told so, and nothing is sent.
	told := results[fault.Unknown] + results[fault.Refused] + results[channel.CodeOutboxBehind]
	if sum := done + told + results[trade.CodeFunds]; sum != 6 || done == 0 || done > 3 {
		t.Fatalf("of six payments of 30 out of 100: %v", results)
	}
	want := money.Micro(100e6 - 30e6*done).String()
	eventually(t, fmt.Sprintf("BRAVO has %s left after %d payments", want, done), func() bool { return m.of(t, b, settlement.Available) == want })
	m.known(t, m.alpha)
	if a := must(m.alphaReader.Audit(m.ctx)); len(a.Tokens) != 1 || a.Tokens[0].Held != a.Tokens[0].Supply || !a.Tokens[0].Covered {
		t.Errorf("the accounts do not add up: %+v", a)
	}
}

// One node that is asked for many payments at the same moment makes those that its
// funds allow, and the same payment once.
func TestPaymentsAtTheSameMomentSpendWhatIsThereOnce(t *testing.T) {
	m := newMint(t)
	m.funded(t)
	var running sync.WaitGroup
	var mu sync.Mutex
	results := map[fault.Code]int{}
	pay := func(id string, amount token.Amount) {
		running.Go(func() {
			_, err := m.bravoMoney.Transfer(m.ctx, wire.MakeTransfers{Transfers: []wire.MakeTransfer{{ID: id, To: "ALPHA", Amount: amount}}}, "")
			mu.Lock()
			defer mu.Unlock()
			results[fault.CodeOf(err)]++
		})
	}
	for i := range 6 {
		pay(fmt.Sprint("MANY-", i), usdt("30"))
	}
	running.Wait()
	if results[""] != 3 || results[trade.CodeFunds] != 3 {
		t.Fatalf("of six payments of 30 out of 100: %v", results)
	}
	clear(results)
	for range 4 {
		pay("SAME", usdt("10"))
	}
	running.Wait()
	if left := m.of(t, m.bravo, settlement.Available); results[""] != 4 || left != "0.000000" {
		t.Errorf("the same payment four times: %v, %s is left", results, left)
	}
}

// A node that dies after it has set tokens aside, and one that dies before it has heard
// what became of the payment, go on where they were: nothing is lost or paid twice.
func TestACrashBetweenHoldAndPostLosesNothing(t *testing.T) {
	m := newMint(t)
	m.funded(t)
	until := wire.Time(time.Now().Add(time.Hour).UnixMilli())
	if _, err := m.alphaMoney.PlaceHold(m.ctx, wire.PlaceHold{ID: "ORDER-7", To: "BRAVO", Amount: usdt("50"), Expires: until}, ""); err != nil {
		t.Fatal(err)
	}
	again := func() {
		t.Helper()
		m.alpha.stop()
		m.alpha.start()
		m.known(t, m.alpha)
	}
	again()
	if held, free := m.of(t, m.alpha, settlement.Held), m.of(t, m.alpha, settlement.Available); held != "50.000000" || free != "450.000000" {
		t.Fatalf("after the crash %s is held and %s free", held, free)
	}
	part := usdt("20")
	post := func() error {
		_, err := m.alpha.client(api.Finance).PostHold(m.ctx, "ALPHA", "ORDER-7", wire.PostHold{Amount: &part})
		return err
	}
	if err := post(); err != nil {
		t.Fatal(err)
	}
	again()
	if err := post(); err != nil { // whoever has not heard the answer asks again
		t.Errorf("the same post again: %v", err)
	}
	m.known(t, m.bravo)
	if held, free, got := m.of(t, m.alpha, settlement.Held), m.of(t, m.alpha, settlement.Available), m.of(t, m.bravo, settlement.Available); held != "0.000000" || free != "480.000000" || got != "120.000000" {
		t.Errorf("%s is held, %s free, and BRAVO has %s", held, free, got)
	}
	if a := must(m.alpha.client(api.Auditor).Audit(m.ctx)); len(a.Tokens) != 1 || a.Tokens[0].Held != a.Tokens[0].Supply || !a.Tokens[0].Covered {
		t.Errorf("the accounts do not add up: %+v", a)
	}
}
