package netting

import (
	"cmp"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/money"
)

// CodeUnsound says that an outcome is not one of the debts that were offered.
const CodeUnsound fault.Code = "outcome-unsound"

func unsound(format string, args ...any) error {
	return fault.Newf(CodeUnsound, "do not sign it; net the offers anew and compare", format, args...)
}

// Verify checks an outcome against what was offered, whoever computed it:
//
//   - each change is of a debt that was offered, from its amount to a smaller one,
//     and never below zero: no debt grows, turns round or is new;
//   - each member's net position is what it was;
//   - payments come only with the multilateral method, after which no debt is
//     left, and there are fewer of them than members with a position;
//   - a compression keeps the limits, and its prices prove that no compression
//     within them takes off more;
//   - bilateral netting leaves what each two owe more;
//   - the sums are right.
//
// Codes: [CodeUnsound]; invalid, unknown-currency and money-overflow for the
// input.
func Verify(in Input, o Outcome) error {
	b, err := open(in)
	if err != nil {
		return err
	}
	if o.Currency != b.currency || !slices.EqualFunc(o.Keys, b.members, func(k sign.PublicKey, m Member) bool { return k == m.Key }) {
		return unsound("the outcome is of other members, or of another currency")
	}
	left, err := b.replay(o.Changes)
	if err != nil {
		return err
	}
	off, err := b.balance(o, left)
	if err != nil {
		return err
	}
	switch o.Method {
	case ByPair:
		for i, want := range b.byPair() {
			if e := b.edges[i]; left[i] != want {
				return unsound("what %s and %s owe each other is not offset: %s is left, not %s", o.Keys[e.from].Short(), o.Keys[e.to].Short(), left[i], want)
			}
		}
	case ByPosition:
		return b.replaced(o, left)
	case ByCirculation, ByCycle:
		for v, m := range b.members {
			if m.Most > 0 && off[v] > m.Most {
				return unsound("%s is taken off what %s owes, more than its limit of %s", off[v], m.Key.Short(), m.Most)
			}
		}
		if o.Method == ByCirculation {
			return b.optimal(o.Prices, left, off)
		}
	default:
		return unsound("no method is called %.40q", string(o.Method))
	}
	if len(o.Prices) > 0 {
		return unsound("prices prove a compression only")
	}
	return nil
}

// replay applies changes to the edges, and gives what is left of each.
func (b *book) replay(changes []Change) ([]money.Micro, error) {
	left := make([]money.Micro, len(b.edges))
	for i, e := range b.edges {
		left[i] = e.amount
	}
	for i, c := range changes {
		if int(c.Debtor) >= len(b.members) || int(c.Creditor) >= len(b.members) {
			return nil, unsound("change %d names no member", i)
		}
		who, whom := b.members[c.Debtor].Key.Short(), b.members[c.Creditor].Key.Short()
		if i > 0 && cmp.Or(cmp.Compare(changes[i-1].Debtor, c.Debtor), cmp.Compare(changes[i-1].Creditor, c.Creditor)) >= 0 {
			return nil, unsound("the debt of %s to %s is not in its order, or changes twice", who, whom)
		}
		at, ok := b.find(c.Debtor, c.Creditor)
		switch {
		case !ok:
			return nil, unsound("%s owes %s nothing", who, whom)
		case b.edges[at].amount != c.Old:
			return nil, unsound("%s owes %s %s, not %s", who, whom, b.edges[at].amount, c.Old)
		case c.New < 0 || c.New >= c.Old:
			return nil, unsound("the debt of %s to %s goes from %s to %s", who, whom, c.Old, c.New)
		}
		left[at] = c.New
	}
	return left, nil
}

// balance checks net positions and sums, and gives what is taken off each
// member's debts.
func (b *book) balance(o Outcome, left []money.Micro) (off []money.Micro, err error) {
	n := len(b.members)
	off = make([]money.Micro, n)
	net := make([]money.Micro, n) // taken off claims and paid, less taken off debts and got
	var rest money.Micro
	count := uint32(0)
	for i, e := range b.edges {
		d := e.amount - left[i]
		off[e.from] += d
		net[e.from] -= d
		net[e.to] += d
		rest += left[i]
		if left[i] > 0 {
			count++
		}
	}
	if len(o.Payments) > 0 && o.Method != ByPosition {
		return nil, unsound("the method %s makes no payments", o.Method)
	}
	for i, p := range o.Payments {
		if int(p.Payer) >= n || int(p.Payee) >= n || p.Payer == p.Payee || p.Amount <= 0 {
			return nil, unsound("payment %d is not one from a member to another", i)
		}
		if net[p.Payer], err = net[p.Payer].Add(p.Amount); err != nil {
			return nil, err
		}
		if net[p.Payee], err = net[p.Payee].Sub(p.Amount); err != nil {
			return nil, err
		}
		if rest, err = rest.Add(p.Amount); err != nil {
			return nil, err
		}
		count++
	}
	for v, d := range net {
		if d != 0 {
			return nil, unsound("the net position of %s changes by %s", o.Keys[v].Short(), d)
		}
	}
	if o.Gross != b.gross || o.Left != rest || o.Debts != count {
		return nil, unsound("the sums are %s offered, %s left in %d debts, not %s, %s in %d", b.gross, rest, count, o.Gross, o.Left, o.Debts)
	}
	return off, nil
}

// replaced checks that payments stand in place of all debts, each member pays or
// is paid, and there are fewer payments than such members.
func (b *book) replaced(o Outcome, left []money.Micro) error {
	for i, e := range b.edges {
		if left[i] != 0 {
			return unsound("a debt of %s to %s is left beside the payments", o.Keys[e.from].Short(), o.Keys[e.to].Short())
		}
	}
	pays, paid := make([]bool, len(b.members)), make([]bool, len(b.members))
	for _, p := range o.Payments {
		pays[p.Payer], paid[p.Payee] = true, true
	}
	positions := 0
	for v := range b.members {
		if pays[v] && paid[v] {
			return unsound("%s pays and is paid", o.Keys[v].Short())
		}
		if pays[v] || paid[v] {
			positions++
		}
	}
	if len(o.Payments) > 0 && len(o.Payments) >= positions {
		return unsound("%d payments for the positions of %d members", len(o.Payments), positions)
	}
	if len(o.Prices) > 0 {
		return unsound("prices prove a compression only")
	}
	return nil
}

// optimal checks that prices prove a compression to be the largest. This is the
// duality of linear programs: a debt whose taking off brings 1 + price of its
// debtor − price of its creditor above zero must be taken off whole, one that
// brings less than zero not at all; round a circle the prices cancel out, so no
// other circulation can bring more. For a member whose limit binds, the passage
// from what it is owed to what it owes is judged alike, and brings no 1.
func (b *book) optimal(prices []Price, left, off []money.Micro) error {
	if len(prices) != len(b.members) {
		return unsound("%d prices for %d members prove nothing", len(prices), len(b.members))
	}
	for i, e := range b.edges {
		brings := 1 + int64(prices[e.from].Out) - int64(prices[e.to].In)
		if brings > 0 && left[i] > 0 || brings < 0 && left[i] < e.amount {
			return unsound("the prices do not prove that what %s owes %s should come from %s to %s",
				b.members[e.from].Key.Short(), b.members[e.to].Key.Short(), e.amount, left[i])
		}
	}
	owes, owed := b.sums()
	for v, m := range b.members {
		through := int64(prices[v].In) - int64(prices[v].Out)
		switch bound := bound(m.Most, owes[v], owed[v]); {
		case !bound && through != 0:
			return unsound("%s has two prices and no limit that binds", m.Key.Short())
		case bound && (through > 0 && off[v] < m.Most || through < 0 && off[v] > 0):
			return unsound("the prices do not prove that %s reaches its limit, or should not", m.Key.Short())
		}
	}
	return nil
}
