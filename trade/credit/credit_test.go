package credit

import (
	"fmt"
	"math"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
)

const issued = int64(1_793_577_600_000) // 2026-11-02T00:00:00Z

// paid is an invoice that was paid after some days, being due after 30.
func paid(n int, days int64) Payment {
	return Payment{Invoice: fmt.Sprint(n), Issued: issued, Due: issued + 30*day, Received: issued + days*day, Late: days > 30}
}

// MEF 114 Table 2: "the customer has missed the due date an average of one out of
// 4 of its last payments, thus it has been given a credit score of 75%".
func TestOneOfFourLateIsAScoreOf75(t *testing.T) {
	h := History{}.With(paid(1, 20)).With(paid(2, 45)).With(paid(3, 30)).With(paid(4, 1))
	if got := h.Score(); got != 75 {
		t.Errorf("the score is %d", got)
	}
	if got := (History{}).With(paid(1, 1)).With(paid(2, 45)).With(paid(3, 45)).Score(); got != 33 {
		t.Errorf("one on time of three gives %d, and a share is rounded down", got)
	}
	if got := (History{}).Score(); got != 0 {
		t.Errorf("nothing at all gives %d", got)
	}
}

// Table 2: "Payment was received an average of 45 days after invoice date".
func TestThePaymentHistoryIsAMeanOfDays(t *testing.T) {
	half := Payment{Invoice: "half", Issued: issued, Received: issued + day/2}
	for name, c := range map[string]struct {
		h    History
		want uint32
	}{
		"the example":         {History{paid(1, 30), paid(2, 60)}, 45},
		"a half is up":        {History{half}, 1},
		"below a half":        {History{paid(1, 0), paid(2, 0), half}, 0},
		"nothing was paid":    {History{{Invoice: "1", Issued: issued, Late: true}}, 0},
		"one is overdue":      {History{paid(1, 45), {Invoice: "2", Issued: issued, Late: true}}, 45},
		"at once":             {History{paid(1, 0)}, 0},
		"times of 64 bits":    {History{{Invoice: "1", Issued: 1, Received: math.MaxInt64}, {Invoice: "2", Issued: 1, Received: math.MaxInt64}}, 36500},
		"received beforehand": {History{{Invoice: "1", Issued: issued, Received: issued - day}}, 0},
	} {
		if got := c.h.Days(); got != c.want {
			t.Errorf("%s: %d days, want %d", name, got, c.want)
		}
	}
}

func TestTheLastTwelveInvoicesCount(t *testing.T) {
	var h History
	for n := range 12 {
		h = h.With(paid(n, 45))
	}
	for n := range 6 {
		h = h.With(paid(100+n, 10))
	}
	if len(h) != Last || h.Score() != 50 || h[0].Invoice != "6" {
		t.Errorf("%d invoices from %s on, score %d", len(h), h[0].Invoice, h.Score())
	}
	overdue := Payment{Invoice: "x", Issued: issued, Due: issued + 30*day, Late: true}
	h = History{}.With(overdue).With(paid(1, 1)).With(Payment{Invoice: "x", Issued: issued, Due: issued + 30*day, Received: issued + 40*day, Late: true})
	if len(h) != 2 || h[1].Invoice != "x" || h[1].Received == 0 || h.Score() != 50 {
		t.Errorf("an overdue invoice that was paid counts twice: %+v", h)
	}
}

// Table 2: "multiplying the Recurring Selling Price ... by the Payment History".
func TestADepositIsThePriceForThePaymentHistory(t *testing.T) {
	for name, c := range map[string]struct {
		price    money.Micro
		currency money.Currency
		days     uint32
		interval int64
		want     money.Micro
	}{
		"the example":                  {100_000_000, "USD", 45, 30 * day, 150_000_000},
		"up to a cent":                 {100_000_000, "USD", 44, 31 * day, 141_940_000},
		"up to a yen":                  {100_000_000, "JPY", 44, 31 * day, 142_000_000},
		"up to a fils":                 {100_000_000, "BHD", 44, 31 * day, 141_936_000},
		"by the hour":                  {1, "USD", 1, day / 24, 10_000},
		"no history":                   {100_000_000, "USD", 0, 30 * day, 0},
		"nothing recurs":               {0, "USD", 45, 30 * day, 0},
		"the most there is":            {math.MaxInt64 / 10_000 * 10_000, "USD", 30, 30 * day, math.MaxInt64 / 10_000 * 10_000},
		"the whole range of the price": {math.MaxInt64, "USD", 15, 30 * day, 4_611_686_018_427_390_000},
	} {
		got, err := Deposit(money.Amount{Currency: c.currency, Micro: c.price}, c.days, c.interval)
		if err != nil || got != c.want {
			t.Errorf("%s: %s %v, want %s", name, got, err, c.want)
		}
	}
}

// Table 2: "the customer has been allocated a USD 5000 credit".
func TestAnAllocationIsInWholeUnits(t *testing.T) {
	if got, err := Allocation(5000); err != nil || (money.Amount{Currency: "USD", Micro: got}).String() != "USD 5000.000000" {
		t.Errorf("%s %v", got, err)
	}
	if got, err := Allocation(-1); err != nil || got != 0 {
		t.Errorf("below zero: %s %v", got, err)
	}
}

// Table 2: "Net 15, Net 10 2 % Discount, Net 30, Net 60".
func TestPaymentTerms(t *testing.T) {
	amount := money.Micro(1_000_000_000)
	for text, c := range map[string]struct {
		terms Terms
		days  int64 // until payment
		due   int64
		early money.Micro
		late  money.Micro
	}{
		"net 15":                   {Terms{Net: 15}, 15, 15, 0, 0},
		"2 % 10, net 10":           {Terms{Net: 10, DiscountDays: 10, Discount: 20_000}, 10, 10, 20_000_000, 0},
		"2 % 10, net 30":           {Terms{Net: 30, DiscountDays: 10, Discount: 20_000}, 11, 30, 0, 0},
		"net 30":                   {Terms{Net: 30}, 45, 30, 0, 0},
		"net 60, late 8 % a year":  {Terms{Net: 60, Interest: 80_000}, 60 + 73, 60, 0, 16_000_000},
		"net 30, late 36.5 % once": {Terms{Net: 30, Interest: 365_000}, 31, 30, 0, 1_000_000},
	} {
		if got := c.terms.String(); got != text && text != "net 30, late 36.5 % once" {
			t.Errorf("%s reads %s", text, got)
		}
		due, received := c.terms.Due(issued), issued+c.days*day
		if due != issued+c.due*day {
			t.Errorf("%s is due after %d days", text, (due-issued)/day)
		}
		if got, err := c.terms.Early(amount, issued, received); err != nil || got != c.early {
			t.Errorf("%s: a discount of %s %v, want %s", text, got, err, c.early)
		}
		if got, err := c.terms.Late(amount, due, received); err != nil || got != c.late {
			t.Errorf("%s: interest of %s %v, want %s", text, got, err, c.late)
		}
	}
	if got := (Terms{Net: 30, Interest: 12_345}).String(); got != "net 30, late 1.2345 % a year" {
		t.Error(got)
	}
}

func TestExposureIsUnbilledAndBilledLessDeposits(t *testing.T) {
	e := Exposure{Measured: 1, Accrued: 20, Expected: 100, Ordered: 200, Billed: 4000, SetOff: 50_000, Deposits: 600_000}
	if got, err := e.Total(); err != nil || got != 4321-650_000 {
		t.Errorf("%s %v", got, err)
	}
}

func TestCreditIsJudgedByItsEdges(t *testing.T) {
	for _, c := range []struct {
		exposure, allocation money.Micro
		share                uint32
		want                 State
	}{
		{0, 0, 800_000, Within}, {1, 0, 800_000, Beyond}, {-5, 0, 800_000, Within},
		{79, 100, 800_000, Within}, {80, 100, 800_000, Warned}, {100, 100, 800_000, Warned}, {101, 100, 800_000, Beyond},
		{100, 100, 0, Within}, {99, 100, 1_000_000, Within}, {100, 100, 1_000_000, Warned},
		{math.MaxInt64, math.MaxInt64, 1_000_000, Warned}, {math.MinInt64, math.MaxInt64, 1, Within},
	} {
		if got, err := Judge(c.exposure, c.allocation, c.share); err != nil || got != c.want {
			t.Errorf("%d of %d, warned from %d: %s %v, want %s", c.exposure, c.allocation, c.share, got, err, c.want)
		}
	}
	for from, moves := range Transitions {
		seen := map[State]bool{}
		for e, to := range moves {
			if seen[to] || from.Towards(to) != e {
				t.Errorf("two events lead from %s to %s", from, to)
			}
			seen[to] = true
		}
	}
	if State("").Towards(Warned) != Warn || Within.Towards(Within) != "" {
		t.Error("what has no state yet is within")
	}
}

// Whatever leaves 64 bits is a coded error, never another number.
func TestArithmeticAtTheEdgeOf64Bits(t *testing.T) {
	most := money.Micro(math.MaxInt64)
	for name, f := range map[string]func() error{
		"a deposit":             func() error { _, err := Deposit(money.Amount{Currency: "USD", Micro: most}, 31, 30*day); return err },
		"its last cent":         func() error { _, err := Deposit(money.Amount{Currency: "USD", Micro: most}, 30, 30*day); return err },
		"a long interval":       func() error { _, err := Deposit(money.Amount{Currency: "JPY", Micro: 1}, 1, math.MaxInt64); return err },
		"an allocation":         func() error { _, err := Allocation(math.MaxInt64 / 1_000_000 * 2); return err },
		"measured and accrued":  func() error { _, err := Exposure{Measured: most, Accrued: 1}.Total(); return err },
		"unbilled and expected": func() error { _, err := Exposure{Accrued: most, Expected: 1}.Total(); return err },
		"unbilled and ordered":  func() error { _, err := Exposure{Accrued: most, Ordered: 1}.Total(); return err },
		"unbilled and billed":   func() error { _, err := Exposure{Accrued: most, Billed: 1}.Total(); return err },
		"deposits":              func() error { _, err := Exposure{Billed: -2, Deposits: most}.Total(); return err },
		"what is set off":       func() error { _, err := Exposure{Billed: -2, SetOff: most}.Total(); return err },
		"interest":              func() error { _, err := Terms{Interest: Millionths}.Late(most, 0, 366*day); return err },
		"the time of interest":  func() error { _, err := Terms{Interest: math.MaxUint32}.Late(1, 0, math.MaxInt64); return err },
	} {
		if err := f(); fault.CodeOf(err) != money.CodeOverflow {
			t.Errorf("%s beyond 64 bits: %v", name, err)
		}
	}
	if got, err := (Exposure{Measured: most, Deposits: most}).Total(); err != nil || got != 0 {
		t.Errorf("what just fits: %s %v", got, err)
	}
	if got, err := (Terms{Interest: Millionths}).Late(most, 0, 365*day); err != nil || got != most {
		t.Errorf("a year's interest of all: %s %v", got, err)
	}
	if _, err := Deposit(money.Amount{Currency: "USD", Micro: -1}, 1, day); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a deposit for less than nothing: %v", err)
	}
	if _, err := Deposit(money.Amount{Currency: "USD", Micro: 1}, 1, 0); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("a deposit by no interval: %v", err)
	}
}
