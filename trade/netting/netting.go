// Package netting offsets debts among many: debts of one currency between the
// pseudonyms of one round, of which it sees keys and offered amounts, and
// nothing else. There are three ways:
//
//   - [Bilateral]: what each two owe each other is offset; the rest stays.
//   - [Multilateral]: each member pays or gets its net position, in payments
//     between members, of which there is one fewer than members at most.
//   - [Compress]: debts in circles are taken down as far as any circles allow.
//     No debt grows or turns round, and nobody gets a new counterparty.
//
// All give an [Outcome]: old and new amount of each touched debt, so that both
// of its sides can sign it. [Verify] checks one against what was offered and
// trusts nothing of how it came about. A [Round] says what is signed.
//
// Everything is a function of values: the same debts give the same outcome in
// whatever order they are listed.
//
// The third is what M. D'Errico and T. Roukny call conservative compression
// ("Compressing over-the-counter markets", ESRB working paper 44, 2017).
package netting

import (
	"bytes"
	"cmp"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/money"
)

// Limits of one round. They bound what an outcome's encoding can hold.
const (
	MaxMembers = 1 << 16
	MaxDebts   = 1 << 20 // each from one member to one other
)

// Member is a pseudonym of a round.
type Member struct {
	Key sign.PublicKey
	// Most is the most that a compression may take off what this member owes,
	// and so off what it is owed. 0: all that is offered. The other two ways
	// of netting do not ask for it.
	Most money.Micro
}

// Debt is what one member owes another, as far as both offer it. What is
// disputed is not offered.
type Debt struct {
	Debtor, Creditor uint32 // places in the list of members
	Amount           money.Micro
}

// Input is what is offered for one netting. Several debts from one member to
// another count as their sum.
type Input struct {
	Currency money.Currency
	Members  []Member
	Debts    []Debt
}

// Method is a way to net.
type Method string

// The methods.
const (
	ByPair        Method = "bilateral"
	ByPosition    Method = "multilateral"
	ByCirculation Method = "compression"
	ByCycle       Method = "cycles" // compression without the claim that nothing more is possible
)

// Change is a debt that an outcome touches. New is less than Old.
type Change struct {
	Debtor   uint32      `cbor:"1,keyasint" json:"debtor"` // place in the outcome's keys
	Creditor uint32      `cbor:"2,keyasint" json:"creditor"`
	Old      money.Micro `cbor:"3,keyasint" json:"old"`
	New      money.Micro `cbor:"4,keyasint" json:"new"`
}

// Payment is what one member pays another in place of the debts that are gone.
type Payment struct {
	Payer  uint32      `cbor:"1,keyasint" json:"payer"` // place in the outcome's keys
	Payee  uint32      `cbor:"2,keyasint" json:"payee"`
	Amount money.Micro `cbor:"3,keyasint" json:"amount"`
}

// Price is a member's part of the proof that no compression takes off more: see
// [Verify]. The two differ only where the member's limit binds.
type Price struct {
	In  int32 `cbor:"1,keyasint" json:"in"`
	Out int32 `cbor:"2,keyasint" json:"out"`
}

// Outcome is what a netting comes to.
type Outcome struct {
	Method   Method           `cbor:"1,keyasint" json:"method"`
	Currency money.Currency   `cbor:"2,keyasint" json:"currency"`
	Keys     []sign.PublicKey `cbor:"3,keyasint" json:"keys"`    // of all members, in byte order
	Changes  []Change         `cbor:"4,keyasint" json:"changes"` // by debtor, then creditor
	Payments []Payment        `cbor:"5,keyasint,omitempty" json:"payments,omitempty"`
	Gross    money.Micro      `cbor:"6,keyasint" json:"gross"` // all that was offered
	Left     money.Micro      `cbor:"7,keyasint" json:"left"`  // of it, with the payments
	Debts    uint32           `cbor:"8,keyasint" json:"debts"` // payments still to make: debts left, and payments
	Prices   []Price          `cbor:"9,keyasint,omitempty" json:"prices,omitempty"`
}

// Touched gives the keys of all whose debts, claims or payments an outcome
// changes, in byte order. The outcome has passed [Verify].
func (o Outcome) Touched() []sign.PublicKey {
	touched := make([]bool, len(o.Keys))
	for _, c := range o.Changes {
		touched[c.Debtor], touched[c.Creditor] = true, true
	}
	for _, p := range o.Payments {
		touched[p.Payer], touched[p.Payee] = true, true
	}
	var keys []sign.PublicKey
	for i, t := range touched {
		if t {
			keys = append(keys, o.Keys[i])
		}
	}
	return keys
}

// Change gives what becomes of a debt, and whether the outcome touches it. The
// outcome has passed [Verify].
func (o Outcome) Change(debtor, creditor sign.PublicKey) (Change, bool) {
	for _, c := range o.Changes {
		if o.Keys[c.Debtor] == debtor && o.Keys[c.Creditor] == creditor {
			return c, true
		}
	}
	return Change{}, false
}

// Paid gives what a key pays, and what it is paid.
func (o Outcome) Paid(k sign.PublicKey) (pays, paid money.Micro) {
	for _, p := range o.Payments {
		switch k {
		case o.Keys[p.Payer]:
			pays += p.Amount
		case o.Keys[p.Payee]:
			paid += p.Amount
		}
	}
	return pays, paid
}

// edge is all that one member owes another.
type edge struct {
	from, to uint32
	amount   money.Micro
}

// book is an input in its one order: members by key, then one edge for each
// debtor and creditor, in that order.
type book struct {
	currency money.Currency
	members  []Member
	edges    []edge
	first    []uint32 // of each member's edges as debtor; one more at the end
	gross    money.Micro
}

// open checks an input and brings it into its one order. Codes: invalid,
// unknown-currency, money-overflow.
func open(in Input) (*book, error) {
	if err := in.Currency.Validate(); err != nil {
		return nil, err
	}
	n := len(in.Members)
	if n > MaxMembers {
		return nil, fault.Newf(fault.Invalid, "net in several rounds", "a round has at most %d members, not %d", MaxMembers, n)
	}
	order := make([]uint32, n)
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortFunc(order, func(a, b uint32) int { return bytes.Compare(in.Members[a].Key[:], in.Members[b].Key[:]) })
	b := &book{currency: in.Currency, members: make([]Member, n)}
	place := make([]uint32, n) // of the member with that place in the input
	for i, at := range order {
		m := in.Members[at]
		if i > 0 && b.members[i-1].Key == m.Key {
			return nil, fault.Newf(fault.Invalid, "list each pseudonym once", "the key %s is listed twice", m.Key.Short())
		}
		if m.Most < 0 {
			return nil, fault.Newf(fault.Invalid, "name a limit above zero, or none", "the limit of %s is %s", m.Key.Short(), m.Most)
		}
		b.members[i], place[at] = m, uint32(i)
	}
	edges := make([]edge, len(in.Debts))
	for i, d := range in.Debts {
		switch {
		case int(d.Debtor) >= n || int(d.Creditor) >= n:
			return nil, fault.Newf(fault.Invalid, "list all members", "a debt names member %d of %d", max(d.Debtor, d.Creditor), n)
		case d.Debtor == d.Creditor:
			return nil, fault.Newf(fault.Invalid, "leave out what a member owes itself", "%s owes itself", in.Members[d.Debtor].Key.Short())
		case d.Amount <= 0:
			return nil, fault.Newf(fault.Invalid, "offer an amount above zero", "%s owes %s %s", in.Members[d.Debtor].Key.Short(), in.Members[d.Creditor].Key.Short(), d.Amount)
		}
		// With the sum of all in range, so are all sums of some of them.
		var err error
		if b.gross, err = b.gross.Add(d.Amount); err != nil {
			return nil, err
		}
		edges[i] = edge{place[d.Debtor], place[d.Creditor], d.Amount}
	}
	b.edges, b.first = merge(n, edges)
	if len(b.edges) > MaxDebts {
		return nil, fault.Newf(fault.Invalid, "net in several rounds", "a round has at most %d debts, not %d", MaxDebts, len(b.edges))
	}
	return b, nil
}

// merge sorts edges by debtor, then creditor, and adds up those of one pair. It
// counts instead of comparing, since there may be a million.
func merge(n int, edges []edge) ([]edge, []uint32) {
	sorted := make([]edge, len(edges))
	pass := func(from, to []edge, by func(edge) uint32) []uint32 {
		starts := make([]uint32, n+1)
		for _, e := range from {
			starts[by(e)+1]++
		}
		for i := range n {
			starts[i+1] += starts[i]
		}
		next := slices.Clone(starts)
		for _, e := range from {
			k := by(e)
			to[next[k]] = e
			next[k]++
		}
		return starts
	}
	pass(edges, sorted, func(e edge) uint32 { return e.to })
	starts := pass(sorted, edges, func(e edge) uint32 { return e.from })
	kept := 0
	first := make([]uint32, n+1)
	for v := range n {
		first[v] = uint32(kept)
		for _, e := range edges[starts[v]:starts[v+1]] {
			if kept > int(first[v]) && edges[kept-1].to == e.to {
				edges[kept-1].amount += e.amount // in range: the sum of all is
				continue
			}
			edges[kept] = e
			kept++
		}
	}
	first[n] = uint32(kept)
	return edges[:kept], first
}

// find gives the place of the edge from one member to another.
func (b *book) find(from, to uint32) (int, bool) {
	at, ok := slices.BinarySearchFunc(b.edges[b.first[from]:b.first[from+1]], to, func(e edge, to uint32) int { return cmp.Compare(e.to, to) })
	return int(b.first[from]) + at, ok
}

// sums gives what each member owes and is owed.
func (b *book) sums() (owes, owed []money.Micro) {
	owes, owed = make([]money.Micro, len(b.members)), make([]money.Micro, len(b.members))
	for _, e := range b.edges {
		owes[e.from] += e.amount
		owed[e.to] += e.amount
	}
	return owes, owed
}

// outcome puts together what is left of each edge and what is paid beside it.
func (b *book) outcome(m Method, left []money.Micro, payments []Payment) Outcome {
	o := Outcome{Method: m, Currency: b.currency, Gross: b.gross, Payments: payments, Keys: make([]sign.PublicKey, len(b.members))}
	for i, member := range b.members {
		o.Keys[i] = member.Key
	}
	touched := 0
	for i, e := range b.edges {
		if left[i] != e.amount {
			touched++
		}
	}
	o.Changes = make([]Change, 0, touched)
	for i, e := range b.edges {
		if left[i] != e.amount {
			o.Changes = append(o.Changes, Change{Debtor: e.from, Creditor: e.to, Old: e.amount, New: left[i]})
		}
		if left[i] > 0 {
			o.Left += left[i]
			o.Debts++
		}
	}
	for _, p := range payments {
		o.Left += p.Amount
		o.Debts++
	}
	return o
}

// Bilateral offsets what each two members owe each other. Codes: invalid,
// unknown-currency, money-overflow.
func Bilateral(in Input) (Outcome, error) {
	b, err := open(in)
	if err != nil {
		return Outcome{}, err
	}
	return b.outcome(ByPair, b.byPair(), nil), nil
}

// byPair gives what is left of each edge when each two are offset.
func (b *book) byPair() []money.Micro {
	left := make([]money.Micro, len(b.edges))
	for i, e := range b.edges {
		left[i] = e.amount
		if back, ok := b.find(e.to, e.from); ok {
			left[i] -= min(e.amount, b.edges[back].amount)
		}
	}
	return left
}

// Multilateral replaces all debts by payments of net positions: the member that
// owes most pays the one that is owed most, and so on. Each payment settles one
// of the two, and the last one both, so there is one fewer than members with a
// position at most. (Fewest is another matter: finding that is as hard as
// finding subsets with equal sums.) Codes: invalid, unknown-currency,
// money-overflow.
func Multilateral(in Input) (Outcome, error) {
	b, err := open(in)
	if err != nil {
		return Outcome{}, err
	}
	type position struct {
		member uint32
		amount money.Micro
	}
	var payers, payees []position
	owes, owed := b.sums()
	for i := range b.members {
		switch net := owes[i] - owed[i]; { // both are from 0 to the gross
		case net > 0:
			payers = append(payers, position{uint32(i), net})
		case net < 0:
			payees = append(payees, position{uint32(i), -net})
		}
	}
	largest := func(a, b position) int {
		return cmp.Or(cmp.Compare(b.amount, a.amount), cmp.Compare(a.member, b.member))
	}
	slices.SortFunc(payers, largest)
	slices.SortFunc(payees, largest)
	var payments []Payment
	for len(payers) > 0 && len(payees) > 0 {
		payer, payee := &payers[0], &payees[0]
		amount := min(payer.amount, payee.amount)
		payments = append(payments, Payment{Payer: payer.member, Payee: payee.member, Amount: amount})
		payer.amount -= amount
		payee.amount -= amount
		if payer.amount == 0 {
			payers = payers[1:]
		}
		if payee.amount == 0 {
			payees = payees[1:]
		}
	}
	return b.outcome(ByPosition, make([]money.Micro, len(b.edges)), payments), nil
}
