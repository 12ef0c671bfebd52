package sim

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
)

// The month: four billing cycles of a day, one in each week, with calls both ways
// between partners.
const (
	moneyUnit   money.Currency = "USD"
	moneyToken  token.Code     = "USDt"
	moneyCycle                 = "1d"
	moneyCycles                = 4
	moneyCalls                 = 3     // of a direction in a cycle
	moneyValue  money.Micro    = 300e6 // that an order expects to be billed for a cycle, at most
	// moneyCredit is what each gives the other before it is paid, whole units: more
	// than an order and a month that is nearly paid, less than a month that is not.
	moneyCredit = 650
	methodBank  = "bank-transfer"
)

// dealing is what two carriers have with each other.
type dealing struct {
	codes  [2]party.Code
	tokens bool        // they net each cycle's bills, and pay out of deposits; else each bill is a debt of its own, for rounds and banks
	rate   money.Micro // of a second
	days   [moneyCycles]time.Time
	calls  [2][moneyCycles][]uint64 // seconds of each call that one carrier sends the other
	pair   [2]*desk
}

func (d *dealing) code(side int) party.Code { return d.codes[side] }

// bill is what one carrier owes the other for a cycle.
func (d *dealing) bill(side, cycle int) (sum money.Micro) {
	for _, s := range d.calls[side][cycle] {
		sum += money.Micro(s) * d.rate
	}
	return sum
}

// planDeals says who trades with whom, and how much. The carriers stand in a
// circle. Each buys of the next, from six carriers on every second one of the next
// but one too: so debts go round in circles of all, of half and of three. Carriers
// that face each other pay by token.
func planDeals(codes []party.Code, seed uint64, start time.Time) []*dealing {
	n := len(codes)
	random := rand.New(rand.NewPCG(seed, uint64(n)))
	start = start.UTC()
	month := time.Date(start.Year(), start.Month()-1, 1, 0, 0, 0, 0, time.UTC)
	var deals []*dealing
	add := func(a, b int, tokens bool) {
		pair := [2]party.Code{codes[a%n], codes[b%n]}
		known := slices.ContainsFunc(deals, func(d *dealing) bool {
			return d.codes == pair || d.codes == [2]party.Code{pair[1], pair[0]}
		})
		if known {
			return
		}
		d := &dealing{codes: pair, tokens: tokens, rate: money.Micro(95_001 + random.IntN(10_000))} // most have parts of a cent
		for c := range moneyCycles {
			d.days[c] = month.AddDate(0, 0, 7*c)
			for side, least := range [2]int{500, 150} { // the first buys more than the second
				for range moneyCalls {
					d.calls[side][c] = append(d.calls[side][c], uint64(least+random.IntN(least/3)))
				}
			}
		}
		deals = append(deals, d)
	}
	for i := range n {
		add(i, i+1, false)
	}
	if n >= 6 {
		for i := 0; i < n-1; i += 2 {
			add(i, i+2, false)
		}
	}
	for i := range n / 2 {
		add(i+n/2, i, true)
	}
	if n%2 == 1 {
		add(n-1, 1, true) // who stops paying has a deposit
	}
	return deals
}

// sheet is the price of a pair, the same both ways.
func (d *dealing) sheet() []byte {
	return fmt.Appendf(nil, "%s\nNetwork,4930,%s,%s,60,1,1,2020-01-01T00:00:00Z,\n", voice.SheetHeader, 60*d.rate, moneyUnit)
}

// records is the calls of a cycle, as either side's exchange has them.
func (d *dealing) records(cycle int) []byte {
	var b bytes.Buffer
	fmt.Fprintln(&b, voice.UsageHeader)
	for side, from := range d.codes {
		for i, s := range d.calls[side][cycle] {
			at := d.days[cycle].Add(time.Duration(8+side)*time.Hour + time.Duration(i)*2*time.Hour)
			fmt.Fprintf(&b, "%s-%d-%d,4144555%04d,4930555%04d,%s,%d,success,%s,%s,t-1\n", from, cycle, i, 100*cycle+i, 100*side+i,
				at.Format("2006-01-02T15:04:05.000Z"), 1000*s, from, d.codes[1-side])
		}
	}
	return b.Bytes()
}

// byToken lists the pairs that settle out of deposits, byBank the others.
func (m *moneyRun) byToken() []*dealing { return m.settling(true) }
func (m *moneyRun) byBank() []*dealing  { return m.settling(false) }

func (m *moneyRun) settling(tokens bool) (out []*dealing) {
	for _, d := range m.deals {
		if d.tokens == tokens {
			out = append(out, d)
		}
	}
	return out
}

// terms gives what a pair has signed.
func (m *moneyRun) terms(d *dealing) func(*agreement.Terms) {
	return func(t *agreement.Terms) {
		credit := agreement.DefaultCredit(moneyUnit)
		credit.Allocation = agreement.Source{Text: fmt.Sprint(moneyCredit)}
		t.Credit = &credit
		t.Netting = true
		days := uint32(30)
		if slices.Contains(d.codes[:], m.defaulter().code) {
			days = 0 // its debts are to be overdue within the run
		}
		t.Payment = []agreement.Method{{Name: methodBank, DueDays: days}}
		advice := m.tempo.advice
		if d.tokens {
			t.Payment = []agreement.Method{{Name: trade.MethodToken, DueDays: days}, {Name: methodBank, DueDays: days}}
			advice /= 4 // nobody has to send a file
		}
		for i := range t.Deadlines {
			if t.Deadlines[i].Stage == agreement.StageAdvice {
				t.Deadlines[i].Millis = advice.Milliseconds()
			}
		}
	}
}

// month has each cycle's calls recorded, stated, compared, billed and accepted by
// all pairs; what is owed by token is paid by the nodes meanwhile.
func (m *moneyRun) month(ctx context.Context, r *MoneyReport) error {
	for c := range moneyCycles {
		if err := together(m.deals, func(d *dealing) error { return m.cycle(ctx, d, c) }); err != nil {
			return err
		}
		m.say("week %d is billed and accepted both ways by %d pairs", c+1, len(m.deals))
	}
	return together(m.byToken(), func(d *dealing) error { return m.paidOut(ctx, d) })
}

// cycle takes one pair through a cycle until both sides see both bills accepted,
// and owed where nothing is netted.
func (m *moneyRun) cycle(ctx context.Context, d *dealing, c int) error {
	file := d.records(c)
	through := d.days[c].AddDate(0, 0, 1).UnixMilli()
	for _, x := range d.pair {
		if err := m.net.retried(ctx, "the import of call records", func() error {
			_, err := x.engineer.ImportUsage(ctx, fmt.Sprintf("week-%d.csv", c+1), bytes.NewReader(file))
			return err
		}); err != nil {
			return fmt.Errorf("importing calls at %s: %w", x.me, err)
		}
		if err := m.net.retried(ctx, "a day to close", func() error {
			_, err := x.engineer.Close(ctx, wire.Time(through))
			return err
		}); err != nil {
			return fmt.Errorf("closing a day at %s: %w", x.me, err)
		}
	}
	return m.slowly(ctx, fmt.Sprintf("bills of %s and %s", d.code(0), d.code(1)), func() (bool, error) {
		done := true
		for side, x := range d.pair {
			bills, err := client.Collect(x.auditor.Invoices(ctx, nil))
			if err != nil || len(bills) != 2*(c+1) {
				return false, err
			}
			bills = slices.DeleteFunc(bills, func(b wire.Invoice) bool { return b.Obligation != "" || b.State == invoice.Settled })
			if len(bills) == 0 {
				continue
			}
			done = false
			if slices.ContainsFunc(bills, func(b wire.Invoice) bool { return b.Accepted == nil }) {
				return false, nil
			}
			if err := x.due(ctx, bills, d.tokens, side); err != nil {
				return false, err
			}
		}
		return done, nil
	})
}

// due has accepted bills netted, which the first side proposes and the second
// accepts, or each of them owed by itself, as its payer says.
func (x *desk) due(ctx context.Context, bills []wire.Invoice, net bool, side int) error {
	var ids []string
	for _, b := range bills {
		if net || b.Buyer == x.me {
			ids = append(ids, b.ID)
		}
	}
	slices.Sort(ids)
	if len(ids) == 0 {
		return nil
	}
	var err error
	switch {
	case !net:
		_, err = x.finance.OpenObligations(ctx, ids)
	case len(ids) != 2: // of both directions
	default:
		proposed, failed := client.Collect(x.auditor.Nettings(ctx, client.Filter{"state": string(settlement.NettingProposed)}))
		switch {
		case failed != nil:
			err = failed
		case side == 0 && len(proposed) == 0:
			_, err = x.finance.ProposeNetting(ctx, ids)
		case side == 1 && len(proposed) > 0:
			_, err = x.finance.AnswerNetting(ctx, proposed[0].ID, true)
		}
	}
	if code := fault.CodeOf(err); code == trade.CodeNotPayable || code == trade.CodeState { // it was done meanwhile
		return nil
	}
	return err
}

// slowly is poll for what takes seconds, of which many wait at once.
func (m *moneyRun) slowly(ctx context.Context, what string, ok func() (bool, error)) error {
	return m.net.poll(ctx, what, func() (bool, error) {
		done, err := ok()
		if !done && err == nil {
			err = sleep(ctx, 300*time.Millisecond)
		}
		return done, err
	})
}

// agreedDebts gives the obligations of a pair, which both sides' nodes report
// alike. Code: not-yet while one of them is behind.
func (d *dealing) agreedDebts(ctx context.Context) ([]wire.Obligation, error) {
	var seen [2]map[string]wire.Obligation
	for i, x := range d.pair {
		all, err := client.Collect(x.auditor.Obligations(ctx, nil))
		if err != nil {
			return nil, err
		}
		seen[i] = map[string]wire.Obligation{}
		for _, o := range all {
			seen[i][o.ID] = o
		}
	}
	same := maps.EqualFunc(seen[0], seen[1], func(a, b wire.Obligation) bool {
		return a.Payer == b.Payer && a.Payee == b.Payee && a.Amount == b.Amount && a.Left == b.Left && a.Paid == b.Paid && a.Netted == b.Netted && a.Carried == b.Carried && a.State == b.State
	})
	if !same {
		return nil, fault.Newf(fault.NotYet, "wait until both have executed the same", "the nodes of %s and %s do not report the same debts", d.code(0), d.code(1))
	}
	return slices.SortedFunc(maps.Values(seen[0]), func(a, b wire.Obligation) int { return int(a.Due - b.Due) }), nil
}

// debts is agreedDebts, once both are as far.
func (m *moneyRun) debts(ctx context.Context, d *dealing) (all []wire.Obligation, err error) {
	err = m.net.poll(ctx, "both nodes of a pair to report the same debts", func() (bool, error) {
		all, err = d.agreedDebts(ctx)
		return err == nil, err
	})
	return all, err
}

// owing reports whether a debt waits for its payer.
func owing(o *wire.Obligation) bool {
	return o.State == settlement.Owed || o.State == settlement.Overdue
}

// paidOut waits until all bills of a pair that settles by token are netted, and
// all that is left is paid, except by who has stopped paying.
func (m *moneyRun) paidOut(ctx context.Context, d *dealing) error {
	return m.slowly(ctx, fmt.Sprintf("%s and %s to pay out of their deposits", d.code(0), d.code(1)), func() (bool, error) {
		bills, err := client.Collect(d.pair[0].auditor.Invoices(ctx, nil))
		if err != nil {
			return false, err
		}
		for _, b := range bills {
			if b.Obligation == "" && b.State != invoice.Settled {
				return false, nil
			}
		}
		all, err := d.agreedDebts(ctx)
		if err != nil {
			return false, err
		}
		for _, o := range all {
			if o.State != settlement.Settled && o.Payer != m.defaulter().code {
				return false, nil
			}
		}
		return true, nil
	})
}
