package sim

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
)

// runMonth is a month of four carriers, once.
var runMonth = sync.OnceValues(func() (*MoneyReport, error) {
	o := MoneyOptions{Dir: filepath.Join(shelf, "month"), Carriers: 4, Seed: 7}
	m, err := newMoney(o, tempo{limit: 4 * time.Minute, advice: 8 * time.Second, challenge: 2 * time.Second, join: 12 * time.Second}, time.Now())
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), m.tempo.limit)
	defer cancel()
	return m.play(ctx)
})

func theMonth(t *testing.T) *MoneyReport {
	t.Helper()
	long(t)
	r, err := runMonth()
	if err != nil {
		t.Fatal("a month of four carriers: ", err)
	}
	return r
}

// A month of trade among four carriers, each with its own node, comes to its end with
// every unit accounted for: paid by token and by bank, netted, lost by a default, taken
// out of a deposit by one side alone, redeemed.
func TestAMonthOfTradeIsSettledToTheLastUnit(t *testing.T) {
	r := theMonth(t)
	t.Log(r.Text())
	if r.Carriers != 4 || r.Bilaterals != 6 || r.Invoices != 2*6*moneyCycles || r.Obligations != 2*4*moneyCycles {
		t.Errorf("%d carriers, %d pairs, %d bills, %d debts", r.Carriers, r.Bilaterals, r.Invoices, r.Obligations)
	}
	if r.NetBilateral >= r.Gross || r.NetCompressed >= r.NetBilateral || r.NetMultilateral >= r.NetBilateral || r.NetMultilateral <= 0 {
		t.Errorf("of %s: %s, %s and %s", r.Gross, r.NetBilateral, r.NetMultilateral, r.NetCompressed)
	}
	if len(r.Rounds) != 2 || r.Rounds[0].Offered == 0 || r.Rounds[0].Offered == r.Gross && r.Rounds[0].Left != r.NetCompressed || r.Rounds[0].Paid != 0 || r.Rounds[1].Left != 0 {
		t.Errorf("the rounds are %+v", r.Rounds)
	}
	if r.Netted <= 0 {
		t.Errorf("pairs that net have set off %s", r.Netted)
	}
	if n := r.Rails; n.Token.Payments < moneyCycles+1 || n.Bank.Payments == 0 || r.Payments != n.Token.Payments+n.Bank.Payments {
		t.Errorf("payments: %d, %+v", r.Payments, n)
	}
	if r.JournalSum != 0 || r.Journals == 0 || r.Postings == 0 {
		t.Errorf("%d journals, %d postings come to %s", r.Journals, r.Postings, r.JournalSum)
	}
	if r.Supply != r.Reserve || r.Redeemed != redeemed || r.Supply == 0 {
		t.Errorf("%s are out, the reserve is %s, %s was redeemed", r.Supply, r.Reserve, r.Redeemed)
	}
	// Who has stopped paying has paid by its deposit what that covers, and not all.
	if d := r.Default; d.Carrier != "DELTA" || d.Overdue == 0 || d.Debts < d.Overdue || d.Amount <= 0 || d.Deposit <= 0 || d.Blocked == 0 || d.Refused != trade.CodeCredit {
		t.Errorf("the default is %+v", d)
	}
	if x := r.Exit; x.Carrier != "CHARLIE" || x.Partner != "ALPHA" || x.Share <= 0 || x.Got != x.Share || x.Partners <= 0 {
		t.Errorf("the exit is %+v", x)
	}
}

// A report in which a unit is missing, came from nowhere or is told twice is refused.
func TestAMonthInWhichAUnitIsMissingIsRefused(t *testing.T) {
	r := theMonth(t)
	copied := func() *MoneyReport {
		c := *r
		c.Pairs, c.Standing = slices.Clone(r.Pairs), slices.Clone(r.Standing)
		return &c
	}
	if err := copied().conserved(); err != nil {
		t.Fatal(err)
	}
	of := func(byToken bool) int {
		return slices.IndexFunc(r.Pairs, func(p MoneyPair) bool { return p.ByToken == byToken })
	}
	for name, change := range map[string]func(*MoneyReport){
		"a journal that does not come to zero":     func(r *MoneyReport) { r.JournalSum++ },
		"more tokens than reserve":                 func(r *MoneyReport) { r.Supply++ },
		"a reserve that the bank has not":          func(r *MoneyReport) { r.ReserveAtBank-- },
		"tokens that were minted and are nowhere":  func(r *MoneyReport) { r.Minted++ },
		"a loss that is not told":                  func(r *MoneyReport) { r.Default.Amount-- },
		"a debt that somebody else has left":       func(r *MoneyReport) { r.Default.Carrier = "BRAVO" },
		"an exit that lost something":              func(r *MoneyReport) { r.Exit.Got-- },
		"debts that no bill has made":              func(r *MoneyReport) { r.Gross++ },
		"netting that leaves more than there was":  func(r *MoneyReport) { r.NetBilateral = r.Gross + 1 },
		"circles worse than pairs":                 func(r *MoneyReport) { r.NetCompressed = r.NetBilateral + 1 },
		"a bill by bank that is paid in part":      func(r *MoneyReport) { r.Pairs[of(false)].Paid[0]-- },
		"a remainder that is not carried":          func(r *MoneyReport) { r.Pairs[of(false)].Carried[0]-- },
		"a round that took off more than it says":  func(r *MoneyReport) { r.Rounds = []MoneyRound{{Offered: 1}} },
		"a debt that a round took off for nothing": func(r *MoneyReport) { r.Standing[1].Netted++ },
		"a set-off of nothing":                     func(r *MoneyReport) { r.Netted++ },
		"a payment by token too much":              func(r *MoneyReport) { r.Pairs[of(true)].Paid[0]++ },
		"a bill that one carrier does not know":    func(r *MoneyReport) { r.Pairs[of(true)].Billed[1]++ },
		"tokens that a carrier should not have":    func(r *MoneyReport) { r.Standing[1].Tokens++ },
		"a share of a deposit that is gone":        func(r *MoneyReport) { r.Standing[3].Locked-- },
		"money at a bank that nobody has sent":     func(r *MoneyReport) { r.Standing[2].Bank++ },
		"a carrier that got what nobody paid":      func(r *MoneyReport) { r.Standing[0].GotByBank++ },
		"a carrier that is left out":               func(r *MoneyReport) { r.Standing = r.Standing[1:] },
		"a rail that moved more than it was given": func(r *MoneyReport) { r.Rails.Bank.Amount++ },
	} {
		c := copied()
		if change(c); c.conserved() == nil {
			t.Errorf("%s is not seen", name)
		}
	}
}

// What programs read of the report: each field with its type.
func TestTheReportOfAMonthHasItsShape(t *testing.T) {
	sameShape(t, theMonth(t), "money-report.txt")
}

// Whatever the number of carriers: no two have two agreements, debts go round in a
// circle of all, and those with a part of their own have what it takes.
func TestTheTradeOfAMonthIsPlannedForAnyNumberOfCarriers(t *testing.T) {
	start := time.Date(2026, 3, 31, 23, 0, 0, 0, time.UTC)
	for n := 4; n <= len(moneyCarriers); n++ {
		codes := moneyCarriers[:n]
		deals := planDeals(codes, 5, start)
		m := &moneyRun{mint: &mint{}, deals: deals}
		for _, code := range codes {
			m.holders = append(m.holders, &purse{code: code})
		}
		seen := map[[2]party.Code]bool{}
		for _, d := range deals {
			pair := d.codes
			slices.Sort(pair[:])
			if seen[pair] || pair[0] == pair[1] {
				t.Errorf("%d carriers: %v is there twice", n, pair)
			}
			seen[pair] = true
			for c := range moneyCycles {
				if d.bill(0, c) <= d.bill(1, c) || d.bill(0, c) > moneyValue || d.bill(1, c) <= 0 {
					t.Errorf("%d carriers: %v owe %s and %s", n, d.codes, d.bill(0, c), d.bill(1, c))
				}
			}
			for _, day := range d.days {
				if day.Month() != time.February {
					t.Errorf("a day of the month before March is %s", day)
				}
			}
			if lines := strings.Count(string(d.records(0)), "\n"); lines != 1+2*moneyCalls {
				t.Errorf("a cycle's records have %d lines", lines)
			}
		}
		for i := range codes {
			if !slices.ContainsFunc(deals, func(d *dealing) bool { return !d.tokens && d.codes == [2]party.Code{codes[i], codes[(i+1)%n]} }) {
				t.Errorf("%d carriers: %s does not buy of the next", n, codes[i])
			}
		}
		for _, who := range []party.Code{m.leaver().code, m.defaulter().code} {
			at := slices.IndexFunc(deals, func(d *dealing) bool { return d.tokens && d.code(0) == who })
			if at < 0 {
				t.Fatalf("%d carriers: %s has no deposit with anybody", n, who)
			}
			var net money.Micro
			for c := range moneyCycles {
				net += deals[at].bill(0, c) - deals[at].bill(1, c)
			}
			if short := m.locks(deals[at])[0] < net; short != (who == m.defaulter().code) {
				t.Errorf("%d carriers: the deposit of %s is %s, and it will owe %s", n, who, m.locks(deals[at])[0], net)
			}
		}
		again := planDeals(codes, 5, start)
		if fmt.Sprint(again[0]) != fmt.Sprint(deals[0]) || fmt.Sprint(planDeals(codes, 6, start)[0]) == fmt.Sprint(deals[0]) {
			t.Errorf("%d carriers: the seed does not decide what they trade", n)
		}
	}
}

// The example of the guide to netting.
func TestDebtsAreNettedInThreeWays(t *testing.T) {
	unit := money.Micro(1e6)
	got, err := netThreeWays(moneyCarriers[:4], []owed{
		{"ALPHA", "BRAVO", 100 * unit}, {"BRAVO", "ALPHA", 40 * unit}, {"BRAVO", "CHARLIE", 50 * unit}, {"BRAVO", "CHARLIE", 30 * unit},
		{"CHARLIE", "ALPHA", 50 * unit}, {"CHARLIE", "DELTA", 20 * unit}, {"DELTA", "BRAVO", 30 * unit},
	})
	if want := (threeWays{320 * unit, 240 * unit, 20 * unit, 30 * unit}); err != nil || got != want {
		t.Errorf("%+v, %v; want %+v", got, err, want)
	}
}

func TestASandboxOfTooFewCarriersIsRefused(t *testing.T) {
	for _, n := range []int{-1, 3, 13} {
		if _, err := Month(t.Context(), MoneyOptions{Dir: t.TempDir(), Carriers: n}); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%d carriers: %v", n, err)
		}
	}
}
