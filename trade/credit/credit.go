// Package credit is how far a seller trusts a buyer, in the terms of MEF 114
// Table 2: score, payment history, deposit, credit allocation and payment terms,
// and what stands between a buyer and its payment. It is arithmetic alone: who
// asks it, and what follows, is for package trade.
package credit

import (
	"fmt"
	"math"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
)

// Last is how many invoices score and payment history look back on.
const Last = 12

// Millionths is the whole of what shares are counted in.
const Millionths = 1_000_000

const day = int64(86_400_000) // ms

// Payment is what became of one invoice.
type Payment struct {
	Invoice  string `cbor:"1,keyasint" json:"invoice"`                      // id
	Issued   int64  `cbor:"2,keyasint" json:"issued"`                       // ms UTC
	Due      int64  `cbor:"3,keyasint" json:"due"`                          // ms UTC
	Received int64  `cbor:"4,keyasint,omitempty" json:"received,omitempty"` // ms UTC; 0: it is overdue, and nothing has come
	Late     bool   `cbor:"5,keyasint,omitempty" json:"late,omitempty"`     // the payer advised it after it was due, or has not yet
}

// History is the last invoices of a buyer that were paid or are overdue, the one
// with the latest news last.
type History []Payment

// With gives the history after news of an invoice: what was known of it before is
// replaced, and what is beyond [Last] is forgotten.
func (h History) With(p Payment) History {
	out := slices.DeleteFunc(slices.Clone(h), func(q Payment) bool { return q.Invoice == p.Invoice })
	out = append(out, p)
	return out[max(0, len(out)-Last):]
}

// Score is the share of invoices that were paid on time, in whole percent, rounded
// down: with one late of four, 75. Of nothing it is 0.
func (h History) Score() uint32 {
	if len(h) == 0 {
		return 0
	}
	onTime := 0
	for _, p := range h {
		if !p.Late {
			onTime++
		}
	}
	return uint32(onTime * 100 / len(h))
}

// Days is the mean time from the issue of an invoice to the receipt of its
// payment, in days, rounded half up. What is not paid has no such time; with
// nothing paid it is 0.
func (h History) Days() uint32 {
	var sum, n int64
	for _, p := range h {
		if p.Received > p.Issued {
			sum += min(p.Received-p.Issued, 100*365*day) // a century bounds the sum
		}
		if p.Received != 0 {
			n++
		}
	}
	if n == 0 {
		return 0
	}
	return uint32((2*sum + n*day) / (2 * n * day))
}

// Deposit is what a buyer pays before it consumes: a price that recurs by an
// interval (ms) times its payment history (days), rounded up to what a bank can
// pay. 100.00 for 30 days at 45 days is 150.00. Codes: invalid, unknown-currency,
// [money.CodeOverflow].
func Deposit(price money.Amount, days uint32, interval int64) (money.Micro, error) {
	places, err := price.Currency.MinorUnits()
	if err != nil {
		return 0, err
	}
	if price.Micro < 0 || interval <= 0 {
		return 0, fault.New(fault.Invalid, "a deposit is for a price of zero or more, that recurs by an interval", "name both")
	}
	unit := int64(1) // of a bank, in millionths
	for range max(0, 6-places) {
		unit *= 10
	}
	if interval > math.MaxInt64/unit {
		return 0, fault.New(money.CodeOverflow, "the interval of a price leaves the range of times", "name the price for a shorter interval")
	}
	units, err := price.Micro.MulDiv(int64(days)*day, uint64(interval*unit), money.Up)
	if err != nil {
		return 0, err
	}
	return units.Mul(unit)
}

// Allocation is the amount that a buyer may consume before it pays: the whole
// currency units that the agreement's rule answers with. Below zero is nothing.
// Code: [money.CodeOverflow].
func Allocation(units int64) (money.Micro, error) { return money.Micro(max(0, units)).Mul(1_000_000) }

// Terms are payment terms: "Net 30", or "2 % 10, net 30".
type Terms struct {
	Net          uint32 `json:"net_days"`          // after the invoice
	DiscountDays uint32 `json:"discount_days"`     // after the invoice, in which paying earns the discount
	Discount     uint32 `json:"discount"`          // millionths of the invoice
	Interest     uint32 `json:"interest_per_year"` // millionths of what is late, for 365 days
}

// String gives the terms as people write them.
func (t Terms) String() string {
	out := fmt.Sprintf("net %d", t.Net)
	if t.Discount > 0 {
		out = fmt.Sprintf("%s %d, %s", percent(t.Discount), t.DiscountDays, out)
	}
	if t.Interest > 0 {
		out += fmt.Sprintf(", late %s a year", percent(t.Interest))
	}
	return out
}

// percent writes millionths.
func percent(share uint32) string {
	if share%10_000 == 0 {
		return fmt.Sprintf("%d %%", share/10_000)
	}
	return fmt.Sprintf("%d.%04d %%", share/10_000, share%10_000)
}

// Due gives when an invoice is to be paid; ms UTC.
func (t Terms) Due(issued int64) int64 { return issued + int64(t.Net)*day }

// Early gives what a payment earns that is received at a moment, rounded half up:
// the discount until its days are over, then nothing. Code: [money.CodeOverflow].
func (t Terms) Early(amount money.Micro, issued, received int64) (money.Micro, error) {
	if received > issued+int64(t.DiscountDays)*day {
		return 0, nil
	}
	return amount.MulDiv(int64(t.Discount), Millionths, money.HalfUp)
}

// Late gives the interest on an amount that is received after it was due, for
// whole days, rounded half up. Code: [money.CodeOverflow].
func (t Terms) Late(amount money.Micro, due, received int64) (money.Micro, error) {
	if received <= due {
		return 0, nil
	}
	days := (received - due) / day
	if t.Interest > 0 && days > math.MaxInt64/int64(t.Interest) {
		return 0, fault.New(money.CodeOverflow, "the time for which interest is due leaves the range of times", "name the time of the receipt in ms since 1970")
	}
	return amount.MulDiv(days*int64(t.Interest), 365*Millionths, money.HalfUp)
}

// Exposure is what stands between a buyer and its payment in one currency, by
// where it stands. Deposits and what is set off count against it.
type Exposure struct {
	Measured money.Micro `json:"measured"` // used, agreed on and on no bill
	Accrued  money.Micro `json:"accrued"`  // of what recurs until now, and what is due with the next bill
	Expected money.Micro `json:"expected"` // of a period, by the orders: use, and what products on their way will cost
	Ordered  money.Micro `json:"ordered"`  // once, by orders on their way
	Billed   money.Micro `json:"billed"`   // issued and not paid, disputed or not, until the payee has the money
	SetOff   money.Micro `json:"set_off"`  // final claims of the buyer, where the agreement nets
	Deposits money.Micro `json:"deposits"`
}

// Unbilled is the part of it that is on no bill. Code: [money.CodeOverflow].
func (e Exposure) Unbilled() (money.Micro, error) {
	sum, err := e.Measured.Add(e.Accrued)
	if err != nil {
		return 0, err
	}
	if sum, err = sum.Add(e.Expected); err != nil {
		return 0, err
	}
	return sum.Add(e.Ordered)
}

// Total is unbilled + billed - set off - deposits. Below zero, more is paid
// beforehand than was consumed. Code: [money.CodeOverflow].
func (e Exposure) Total() (money.Micro, error) {
	sum, err := e.Unbilled()
	if err != nil {
		return 0, err
	}
	if sum, err = sum.Add(e.Billed); err != nil {
		return 0, err
	}
	if sum, err = sum.Sub(e.SetOff); err != nil {
		return 0, err
	}
	return sum.Sub(e.Deposits)
}
