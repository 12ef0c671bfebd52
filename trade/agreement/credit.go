package agreement

import (
	"slices"
	"sync"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/rule"
	"github.com/lateral-network/lateral/trade/credit"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
)

// Beyond says what happens once a buyer's exposure is more than its allocation.
type Beyond string

// The three.
const (
	BeyondWarn    Beyond = "warn"    // nothing but the warning
	BeyondBlock   Beyond = "block"   // new orders are refused, and suspended ones not resumed
	BeyondSuspend Beyond = "suspend" // the same, and standing orders under way are suspended
)

// Credit is the clause by which the two sides buy before they pay (MEF 114 Table
// 2). It holds for either as buyer; the rule can tell them apart.
type Credit struct {
	Allocation Source           `cbor:"1,keyasint" json:"allocation"` // gives whole units of the currency; see [Source.Allocate]
	Currencies []money.Currency `cbor:"2,keyasint" json:"currencies"` // in which credit is given, sorted
	Warn       uint32           `cbor:"3,keyasint" json:"warn"`       // millionths of the allocation from which on the buyer is warned; 0: never
	Beyond     Beyond           `cbor:"4,keyasint" json:"beyond"`
	// Ceiling is the most that may stand between the two and their payments, both
	// sides together: what the channel's ledger secures; no entry: no limit.
	Ceiling []money.Amount `cbor:"5,keyasint,omitempty" json:"ceiling,omitempty"`
	// Deposit is how much of the deposit of Table 2 has to stand before an order, in
	// millionths; 0: none.
	Deposit      uint32 `cbor:"6,keyasint,omitempty" json:"deposit,omitempty"`
	DiscountDays uint32 `cbor:"7,keyasint,omitempty" json:"discount_days,omitempty"`     // after the invoice, in which paying earns the discount
	Discount     uint32 `cbor:"8,keyasint,omitempty" json:"discount,omitempty"`          // millionths of the invoice
	Interest     uint32 `cbor:"9,keyasint,omitempty" json:"interest_per_year,omitempty"` // millionths of what is late
}

// DefaultCredit warns from four fifths of the allocation on, then refuses orders.
func DefaultCredit(c ...money.Currency) Credit {
	return Credit{Allocation: DefaultAllocation(), Currencies: c, Warn: 800_000, Beyond: BeyondBlock}
}

// DefaultAllocation gives 5,000 units to who pays three of four invoices on time,
// within 45 days; a tenth of it to who has no history yet, or a worse one.
func DefaultAllocation() Source {
	return Source{Text: `invoices > 0 && score >= 75 && history_days <= 45 ? 5000 : 500`}
}

// Bounds of the clause.
const (
	maxCreditCurrencies = 16
	mostDeposit         = 10 * credit.Millionths
)

// validate names the first field that is not of the form. Codes: invalid, bad-rule,
// and those of currencies.
func (c *Credit) validate(usual Method) error {
	bad := func(field, detail, remedy string) error { return fault.New(fault.Invalid, detail, remedy).In(field) }
	switch {
	case len(c.Currencies) == 0 || len(c.Currencies) > maxCreditCurrencies || !slices.IsSorted(c.Currencies) || len(slices.Compact(slices.Clone(c.Currencies))) < len(c.Currencies):
		return bad("currencies", "credit is in 1 to 16 currencies, in order", "sort them and name each once")
	case c.Warn > credit.Millionths:
		return bad("warn", "a warning beyond the allocation is none", "name at most 1000000 millionths")
	case c.Beyond != BeyondWarn && c.Beyond != BeyondBlock && c.Beyond != BeyondSuspend:
		return bad("beyond", "it is not said what happens beyond the allocation", "use warn, block or suspend")
	case c.Deposit > mostDeposit:
		return bad("deposit", "the deposit is more than ten times that of Table 2", "name at most 10000000 millionths")
	case c.Discount > credit.Millionths || c.Interest > credit.Millionths:
		return bad("discount", "a discount or an interest is more than the whole", "name at most 1000000 millionths")
	case (c.Discount > 0) != (c.DiscountDays > 0) || c.DiscountDays > usual.DueDays:
		return bad("discount_days", "a discount is for days before the invoice is due, and no days are without one", "name both, and days up to the due days of the usual form of payment")
	}
	for _, x := range c.Currencies {
		if err := x.Validate(); err != nil {
			return fault.Of(err).In("currencies")
		}
	}
	if err := party.CheckLimits(c.Ceiling); err != nil {
		return fault.Of(err).In("ceiling")
	}
	if _, err := c.Allocation.Allocate(); err != nil {
		return fault.Of(err).In("allocation")
	}
	return nil
}

// PaymentTerms gives the payment terms of invoices: those of the usual form of
// payment, with what the credit clause says of early and late ones.
func (t Terms) PaymentTerms() credit.Terms {
	out := credit.Terms{Net: t.Payment[0].DueDays}
	if c := t.Credit; c != nil {
		out.DiscountDays, out.Discount, out.Interest = c.DiscountDays, c.Discount, c.Interest
	}
	return out
}

// Buyer is what an allocation rule may know, by the names that rules use.
type Buyer struct {
	Score    uint32         `json:"score"`        // percent of the last invoices that were paid on time
	Days     uint32         `json:"history_days"` // mean, from the invoice to the receipt
	Invoices int            `json:"invoices"`     // that both are from: 0 to 12
	Buyer    party.Code     `json:"buyer"`
	Seller   party.Code     `json:"seller"`
	Currency money.Currency `json:"currency"`
}

// allocationEnvironment counts the sets of variables and answers that allocation
// rules had.
const allocationEnvironment = 1

// AllocationHash names an allocation rule as [Source.Hash] names a decision rule.
func (s Source) AllocationHash() canon.Hash {
	return canon.HashOf("lateral/allocation/1", struct {
		Text        string `cbor:"1,keyasint"`
		Library     string `cbor:"2,keyasint"`
		Cost        uint64 `cbor:"3,keyasint"`
		Environment uint64 `cbor:"4,keyasint"`
	}{s.Text, rule.Library, rule.CostLimit, allocationEnvironment})
}

// allocations is what an allocation rule may use.
var allocations = sync.OnceValues(func() (*rule.Environment, error) {
	return rule.NewEnvironment(rule.Variables{
		"score": rule.Int, "history_days": rule.Int, "invoices": rule.Int,
		"buyer": rule.Text, "seller": rule.Text, "currency": rule.Text,
	}, rule.Int, "an integer: whole units of the currency")
})

// compiledAllocations keeps rules that were compiled before, like compiled.
var compiledAllocations = struct {
	sync.Mutex
	rules map[canon.Hash]*rule.Rule
}{rules: map[canon.Hash]*rule.Rule{}}

// Allocate compiles an allocation rule. Code: bad-rule.
func (s Source) Allocate() (*Allocation, error) {
	h := s.AllocationHash()
	compiledAllocations.Lock()
	r := compiledAllocations.rules[h]
	compiledAllocations.Unlock()
	if r != nil {
		return &Allocation{r}, nil
	}
	e, err := allocations()
	if err != nil {
		return nil, err
	}
	if r, err = e.Compile(s.Text); err != nil {
		return nil, err
	}
	compiledAllocations.Lock()
	defer compiledAllocations.Unlock()
	if len(compiledAllocations.rules) >= maxCompiled {
		clear(compiledAllocations.rules)
	}
	compiledAllocations.rules[h] = r
	return &Allocation{r}, nil
}

// Allocation is a compiled allocation rule. It is safe for use by many.
type Allocation struct{ compiled *rule.Rule }

// Of gives what a buyer may consume before it pays. A rule that fails, or answers
// with more than amounts can be, gives nothing: an allocation by mistake is lent
// money.
func (a *Allocation) Of(b Buyer) money.Micro {
	units, ok := rule.Answer[int64](a.compiled, map[string]any{"score": int64(b.Score), "history_days": int64(b.Days), "invoices": int64(b.Invoices),
		"buyer": string(b.Buyer), "seller": string(b.Seller), "currency": string(b.Currency)})
	if !ok {
		return 0
	}
	amount, err := credit.Allocation(units)
	if err != nil {
		return 0
	}
	return amount
}
