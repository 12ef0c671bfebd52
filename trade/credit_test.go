package trade

import (
	"bytes"
	"fmt"
	"iter"
	"math"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/credit"
	"github.com/lateral-network/lateral/trade/money"
)

// calls has usage of an hour agreed and invoiced: so many seconds at 0.01 USD a
// minute.
func (w *world) calls(t testing.TB, hour, seconds int) (out string) {
	t.Helper()
	w.carried(t, fmt.Sprintf("ALPHA rating.request hour=%d", hour), fmt.Sprintf("ALPHA usage.state hour=%d lines=2:10/%d", hour, seconds))
	return w.carried(t, fmt.Sprintf("BRAVO usage.state hour=%d lines=2:10/%d", hour, seconds))
}

// carried runs lines that are not refused, and gives what came of the last.
func (w *world) carried(t testing.TB, lines ...string) (out string) {
	t.Helper()
	for _, line := range lines {
		if out = w.run(line); strings.HasPrefix(out, "refused") {
			t.Fatalf("%s: %s", line, out)
		}
	}
	return out
}

func (w *world) pay(t testing.TB, invoice string) string {
	t.Helper()
	return w.carried(t, "ALPHA invoice.accept id="+invoice, "ALPHA payment.advise id="+invoice, "BRAVO payment.receipt id="+invoice)
}

func TestAnOrderBeyondTheAllocationIsRefusedWithTheClause(t *testing.T) {
	w := trading(t, "files credit=block allocation=20")
	w.calls(t, 0, 60_000)
	if out := w.run("ALPHA order.place id=O-2 sheet=S-AB value=USD:5.000001"); !strings.HasPrefix(out, "refused credit-exceeded (credit.allocation)") || !strings.Contains(out, "agreement MSA-1 allocates USD 20.000000") {
		t.Errorf("a millionth beyond: %s", out)
	}
	w.carried(t, "ALPHA order.place id=O-2 sheet=S-AB value=USD:5")
	if out := w.run("ALPHA order.place id=O-3 sheet=S-AB value=USD:0.000001"); !strings.HasPrefix(out, "refused credit-exceeded") {
		t.Errorf("what is on its way does not count: %s", out)
	}
}

func TestAnOrderGoesThroughAfterAPayment(t *testing.T) {
	w := trading(t, "files credit=block allocation=20")
	w.calls(t, 0, 90_001)
	if out := w.run("ALPHA order.place id=O-2 sheet=S-AB"); !strings.HasPrefix(out, "refused credit-exceeded") {
		t.Fatal(out)
	}
	if out := w.pay(t, "0.USD.1"); !strings.Contains(out, "credit.restored credit/ALPHA/USD USD 5.000167 of 20.000000") { // of a bill of 15.000167 the bank paid 15.00 {
		t.Error(out)
	}
	w.carried(t, "ALPHA order.place id=O-2 sheet=S-AB")
}

func TestACreditWarningComesOnce(t *testing.T) {
	w := trading(t, "files credit=block allocation=100 warn=500000")
	told := ""
	for hour := range 8 { // 10.00 each: the fifth is the crossing
		out := w.calls(t, hour, 60_000)
		if strings.Contains(out, EventCreditWarned) {
			told += fmt.Sprint(hour)
		}
		if strings.Contains(out, EventCreditExceeded) {
			t.Errorf("beyond at hour %d: %s", hour, out)
		}
	}
	if told != "4" {
		t.Errorf("the warning comes at %q", told)
	}
	if out := w.pay(t, "0.USD.1") + w.pay(t, "1.USD.1") + w.pay(t, "2.USD.1") + w.pay(t, "3.USD.1"); strings.Count(out, EventCreditRestored) != 1 {
		t.Errorf("restored otherwise than once: %s", out)
	}
	if out := w.calls(t, 8, 60_000); !strings.Contains(out, EventCreditWarned) {
		t.Errorf("no warning at the next crossing: %s", out)
	}
}

func TestAnOverduePayersAllocationFalls(t *testing.T) {
	w := trading(t, "files credit=block allocation=invoices==0||score>=75?20:7")
	for hour := range 3 {
		w.calls(t, hour, 600)
		w.carried(t, fmt.Sprintf("ALPHA invoice.accept id=%d.USD.1", hour))
	}
	allocation := func() money.Micro {
		all, err := View{w.state}.Credit(w.public, w.time)
		if err != nil || len(all) != 2 || all[0].Payer != "ALPHA" {
			t.Fatalf("%+v %v", all, err)
		}
		return all[0].Allocation
	}
	w.carried(t, "time days=31")
	if allocation() != 20_000_000 {
		t.Errorf("it falls before anybody is late: %s", allocation())
	}
	w.carried(t, "BRAVO tick obligation=0.USD.1")
	if allocation() != 7_000_000 {
		t.Errorf("an overdue payer may consume %s", allocation())
	}
	for _, id := range []string{"1.USD.1", "2.USD.1"} { // late too, and no longer overdue
		w.carried(t, "ALPHA payment.advise id="+id, "BRAVO payment.receipt id="+id)
	}
	p, _ := get[Paying](w.state, HistoryKey("ALPHA"))
	if len(p.History) != 3 || p.History.Score() != 0 || p.History.Days() != 31 {
		t.Errorf("the history is %+v", p.History)
	}
}

// Each side asks its own state, and both come to the same; a replay of the log does
// too.
func TestTheTwoSidesComputeTheSameCredit(t *testing.T) {
	w := trading(t, "files netting credit=suspend allocation=40")
	for hour := range 4 {
		w.calls(t, hour, 60_000+hour)
	}
	w.carried(t, "ALPHA invoice.accept id=0.USD.1", "ALPHA obligation.open ids=0.USD.1", "time days=40", "BRAVO tick obligation=0.USD.1")
	one, err := View{w.state}.Credit(w.public, w.time)
	if err != nil || len(one) != 2 {
		t.Fatal(one, err)
	}
	two, err := View{w.second}.Credit(w.public, w.time)
	if err != nil || !bytes.Equal(canon.Must(fmt.Sprintf("%+v", one)), canon.Must(fmt.Sprintf("%+v", two))) {
		t.Errorf("one side says %+v, the other %+v", one, two)
	}
	replayed := memory{}
	for _, e := range w.log {
		replayed.apply(New(voice{}, wave{}).Apply(e.ctx, replayed, e.cmd).Writes)
	}
	for key, raw := range w.state {
		if !bytes.Equal(replayed[key], raw) {
			t.Errorf("a replay has another %s", key)
		}
	}
}

// A clause that comes later begins with what was before it: what is owed, and how
// the last invoices were paid.
func TestCreditBeginsWithWhatWasBefore(t *testing.T) {
	w := trading(t, "files")
	for hour := range 14 {
		w.calls(t, hour, 600)
		w.pay(t, fmt.Sprintf("%d.USD.1", hour))
	}
	w.calls(t, 14, 60_000)
	w.carried(t, "ALPHA invoice.accept id=14.USD.1", "time days=31", "BRAVO tick obligation=14.USD.1")
	if _, begun := w.state[HistoryKey("ALPHA")]; begun {
		t.Fatal("credit is counted without a clause about it")
	}
	if out := w.carried(t, "ALPHA agreement.propose id=MSA-2 lines=connectivity products credit=warn allocation=14", "BRAVO agreement.accept id=MSA-2"); !strings.Contains(out, "credit.exceeded credit/ALPHA/USD USD 15.000000 of 14.000000") {
		t.Errorf("nobody is told that it is beyond already: %s", out)
	}
	w.carried(t, "ALPHA agreement.terminate id=MSA-2")
	from := (w.time - base) / hourMs
	w.carried(t, fmt.Sprintf("ALPHA agreement.amend id=MSA-1 files from=%d credit=block allocation=score", from+1), "BRAVO agreement.accept id=MSA-1", "time hours=2")
	all, err := View{w.state}.Credit(w.public, w.time)
	if err != nil || len(all) != 2 {
		t.Fatal(all, err)
	}
	if x := all[0]; len(x.History) != credit.Last || x.History.Score() != 91 || x.Allocation != 91_000_000 || x.Total != 15_000_000 || x.Exposure.Billed != 10_000_000 {
		t.Errorf("%+v", x)
	}
	if x := all[1]; len(x.History) != 0 || x.Total != 5_000_000 {
		t.Errorf("%+v", x)
	}
}

// What both have measured before the clause is on no bill, and counts from it on.
func TestCreditBeginsWithUseThatIsOnNoBill(t *testing.T) {
	w := products(t, "")
	w.carried(t, "ALPHA order.place id=P-1 kind=product value=EUR:2 prices=port:recurring:EUR:720:1:1mo,traffic:data:EUR:0.02:1000000000:1mo", "BRAVO order.accept id=P-1", "BRAVO order.deliver id=P-1",
		"time hours=1", "time seconds=3", "ALPHA measurement.state hour=0 used=traffic:30000000000", "BRAVO measurement.state hour=0 used=traffic:30000000000",
		"ALPHA agreement.propose id=MSA-2 lines=roaming credit=warn allocation=100 credit-in=EUR")
	out := w.carried(t, "time seconds=3595", "BRAVO agreement.accept id=MSA-2")
	all, err := View{w.state}.Credit(w.public, w.time)
	if err != nil || len(all) != 2 {
		t.Fatal(out, all, err)
	}
	x := all[0].Exposure
	hours := x.Accrued / 1_000_000 // 1.00 an hour
	if x.Measured != 600_000 || x.Expected != 2_000_000 || hours < 1 || hours > 2 {
		t.Errorf("%+v", x)
	}
	w.carried(t, "time days=30", "BRAVO bill.request month=2026-11")
	if x, _ := (View{w.state}).Credit(w.public, w.time); x[0].Exposure.Measured != 0 || x[0].Exposure.Billed < 100_000_000 {
		t.Errorf("once it is billed: %+v", x[0].Exposure)
	}
}

// unread is a state that must not be read as a whole.
type unread struct {
	memory
	t *testing.T
}

func (u unread) Scan(prefix string) iter.Seq2[string, []byte] {
	if prefix != prefixDeposit { // a handful of locks, whatever has gone through them
		u.t.Errorf("an order reads all of %s", prefix)
	}
	return u.memory.Scan(prefix)
}

func TestAnOrderReadsNothingOfThePastForCredit(t *testing.T) {
	w := trading(t, "files credit=block allocation=200")
	for hour := range 5 {
		w.calls(t, hour, 600)
	}
	w.carried(t, "ALPHA order.place id=O-2 sheet=S-AB")
	e := w.last
	delete(w.state, OrderKey("O-2"))
	for key := range w.state {
		if strings.HasPrefix(key, prefixNonce) {
			delete(w.state, key)
		}
	}
	// Old nonces are looked for in any case, and there are none here.
	scan := unreadBut{unread{w.state, t}, prefixNonce}
	if f := w.m.Apply(e.ctx, scan, e.cmd).Fault; f != nil {
		t.Fatal(f)
	}
}

type unreadBut struct {
	unread
	prefix string
}

func (u unreadBut) Scan(prefix string) iter.Seq2[string, []byte] {
	if prefix == u.prefix {
		return u.memory.Scan(prefix)
	}
	return u.unread.Scan(prefix)
}

// Whatever leaves 64 bits is refused with a code, and changes nothing.
func TestCreditAtTheEdgeOf64Bits(t *testing.T) {
	w := trading(t, "files credit=warn allocation=9000000000000")
	const most = "9223372036854.775807"
	if out := w.run("ALPHA order.place id=O-2 sheet=S-AB as=none value=USD:" + most); !strings.HasPrefix(out, "refused") {
		t.Fatal(out) // its delegate may not
	}
	w.carried(t, "ALPHA delegate.add key=rich limit=USD:"+most+",EUR:"+most)
	if out := w.run("ALPHA order.place id=O-2 sheet=S-AB as=rich value=USD:" + most); !strings.HasPrefix(out, "refused money-overflow") {
		t.Errorf("with 5.00 expected before: %s", out)
	}
	for key := range w.state {
		if strings.HasPrefix(key, prefixOrder+"O-2") {
			t.Error("the order stands")
		}
	}
	w.carried(t, "ALPHA order.place id=O-2 sheet=S-AB as=rich value=USD:9223372036849.775807")
	if x, _, err := (&tx{m: w.m, state: w.state, ctx: Context{Block: Block{Time: w.time}}}).exposure("ALPHA", "USD", false); err != nil || x.Expected != math.MaxInt64 {
		t.Errorf("what just fits: %+v %v", x, err)
	}
	// What a buyer expects of itself stops no bill of its seller.
	if out := w.calls(t, 0, 60_000); !strings.Contains(out, EventInvoiceIssued) {
		t.Errorf("an invoice waits for credit: %s", out)
	}
	w.carried(t, "ALPHA order.terminate id=O-2")
	// Counters that are at the edge by themselves do not wrap around either.
	e := Exposed{Billed: math.MaxInt64, Since: base}
	if err := e.apply(&Exposed{Billed: 1}); fault.CodeOf(err) != money.CodeOverflow {
		t.Errorf("one more: %v", err)
	}
	e = Exposed{Accrued: math.MaxInt64, Since: base, Recurring: []Recurring{{Amount: 1_000_000}}}
	e.Recurring[0].Period.Length = "1h"
	if err := e.until(base + hourMs); fault.CodeOf(err) != money.CodeOverflow {
		t.Errorf("an hour more: %v", err)
	}
}

// SEC-17: a claim that is not final secures nothing, whoever's it is, and a payment
// that is advised has not come.
func TestNothingUnfinalisedCountsAsADeposit(t *testing.T) {
	w := trading(t, "files netting credit=block allocation=20")
	w.calls(t, 0, 120_000) // 20.00
	w.carried(t, "BRAVO rating.request order=O-BA hour=0", "BRAVO usage.state order=O-BA hour=0 lines=2:10/120000", "ALPHA usage.state order=O-BA hour=0 lines=2:10/120000")
	refused := func(why string) {
		t.Helper()
		if out := w.run("ALPHA order.place id=O-2 sheet=S-AB"); !strings.Contains(out, "the exposure of ALPHA would be USD 30.000000") {
			t.Errorf("%s: %s", why, out)
		}
	}
	refused("the partner owes as much, and has not accepted it")
	w.carried(t, "ALPHA invoice.accept id=0.USD.1", "ALPHA obligation.open ids=0.USD.1", "ALPHA payment.advise id=0.USD.1")
	refused("a payment is advised")
	w.carried(t, "BRAVO payment.receipt id=0.USD.1", "ALPHA order.place id=O-2 sheet=S-AB")
}

// A deposit is what the payer could pay out of its locks.
func TestADepositIsWhatIsLockedForThePartner(t *testing.T) {
	w := trading(t, "files credit=block allocation=20")
	w.calls(t, 0, 120_000)
	out := w.run("deposit by=ALPHA amount=USD:10")
	if !strings.Contains(out, "credit.restored credit/ALPHA/USD USD 15.000000 of 20.000000") {
		t.Errorf("a deposit changes nothing: %s", out)
	}
	w.carried(t, "ALPHA order.place id=O-2 sheet=S-AB")
}
