package sim

import (
	"context"
	"fmt"
	"maps"
	"reflect"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
)

// audit reads all journals, bills, debts and accounts over the API, on both sides
// of each pair, and adds them up anew.
func (m *moneyRun) audit(ctx context.Context, r *MoneyReport) error {
	rows := map[party.Code]*MoneyCarrier{}
	for _, p := range m.holders {
		rows[p.code] = &MoneyCarrier{Carrier: p.code}
	}
	for _, d := range m.deals {
		if err := m.journals(ctx, r, d); err != nil {
			return err
		}
		x, err := m.dealt(ctx, r, d)
		if err != nil {
			return err
		}
		r.Pairs = append(r.Pairs, x)
		for side, code := range x.Carriers {
			own, other := rows[code], rows[x.Carriers[1-side]]
			own.Bought += x.Billed[side]
			other.Sold += x.Billed[side]
			own.Open += x.Left[side]
			own.Carried += x.Carried[side]
			own.Netted += x.Netted[side]
			other.Claims += x.Netted[side]
			if d.tokens {
				own.PaidByToken += x.Paid[side]
				other.GotByToken += x.Paid[side]
			} else {
				own.PaidByBank += x.Paid[side]
				other.GotByBank += x.Paid[side]
			}
		}
	}
	if err := m.publicJournal(ctx, r); err != nil {
		return err
	}
	for _, p := range m.holders {
		row := rows[p.code]
		if err := m.stands(ctx, p, row); err != nil {
			return err
		}
		r.Standing = append(r.Standing, *row)
	}
	if err := m.backed(ctx, r); err != nil {
		return err
	}
	for _, x := range r.Pairs {
		paid := x.Paid[0] + x.Paid[1]
		if !x.ByToken {
			r.Rails.Bank.Amount += paid
			continue
		}
		r.Rails.Token.Amount += paid
		r.Netted += x.Billed[0] + x.Billed[1] - paid - x.Left[0] - x.Left[1]
	}
	r.Payments = r.Rails.Bank.Payments + r.Rails.Token.Payments
	m.say("%d journals with %d postings read on both sides of each pair and on the Omnilateral: they come to %s", r.Journals, r.Postings, r.JournalSum)
	return nil
}

// dealt gives what a pair has billed, paid and left, as both nodes report it.
func (m *moneyRun) dealt(ctx context.Context, r *MoneyReport, d *dealing) (x MoneyPair, err error) {
	x = MoneyPair{Carriers: d.codes, ByToken: d.tokens}
	side := func(code party.Code) int {
		if code == d.code(0) {
			return 0
		}
		return 1
	}
	for at, who := range d.pair {
		bills, err := client.Collect(who.auditor.Invoices(ctx, nil))
		if err != nil {
			return x, err
		}
		var billed [2]money.Micro
		for _, b := range bills {
			if b.Open != 0 || b.State == invoice.Rejected || b.Note != "" {
				return x, fault.Newf(fault.Internal, "report this", "%s of %s is %s, with %s open", b.ID, who.me, b.State, b.Open)
			}
			billed[side(b.Buyer)] += b.Total
		}
		if at == 1 && billed != x.Billed {
			return x, fault.Newf(fault.Internal, "report this", "%s and %s do not have the same bills: %v and %v", d.code(0), d.code(1), x.Billed, billed)
		}
		x.Billed = billed
		if at == 0 {
			r.Invoices += len(bills)
		}
	}
	for buyer := range d.codes {
		var planned money.Micro
		for c := range moneyCycles {
			planned += d.bill(buyer, c)
		}
		if x.Billed[buyer] != planned {
			return x, fault.Newf(fault.Internal, "report this", "%s is billed %s, and its calls cost %s", d.code(buyer), x.Billed[buyer], planned)
		}
	}
	debts, err := m.debts(ctx, d)
	if err != nil {
		return x, err
	}
	for _, o := range debts {
		by := side(o.Payer)
		x.Paid[by] += o.Paid
		x.Left[by] += o.Left
		x.Netted[by] += o.Netted
		x.Carried[by] += o.Carried - o.Brought
		if d.tokens && o.Paid > 0 {
			r.Rails.Token.Payments++
		}
		if o.Late {
			r.Late++
		}
	}
	return x, nil
}

// books is balances by account.
type books map[settlement.Account]money.Micro

// post adds what postings move.
func (b books) post(all []settlement.Posting) {
	for _, p := range all {
		b[p.From] -= p.Amount
		b[p.To] += p.Amount
	}
}

// sums gives what the accounts of each currency come to.
func (b books) sums() map[money.Currency]money.Micro {
	out := map[money.Currency]money.Micro{}
	for a, m := range b {
		out[a.Currency] += m
	}
	return out
}

// without gives the accounts on which something stands.
func (b books) without() books {
	out := maps.Clone(b)
	maps.DeleteFunc(out, func(_ settlement.Account, m money.Micro) bool { return m == 0 })
	return out
}

// journals reads a Bilateral's journal on both sides: it is the same, gives the
// balances that both sides report, and comes to zero.
func (m *moneyRun) journals(ctx context.Context, r *MoneyReport, d *dealing) error {
	var all [2][]wire.Journal
	if err := m.slowly(ctx, "both sides to have the same journal", func() (bool, error) {
		for i, x := range d.pair {
			var err error
			if all[i], err = client.Collect(x.auditor.Journal(ctx)); err != nil {
				return false, err
			}
		}
		return reflect.DeepEqual(all[0], all[1]), nil
	}); err != nil {
		return err
	}
	sum := books{}
	for i, j := range all[0] {
		if j.Number != uint64(i+1) {
			return fault.Newf(fault.Internal, "report this", "the journal of %s and %s has no entry %d", d.code(0), d.code(1), i+1)
		}
		sum.post(j.Postings)
		r.Postings += len(j.Postings)
	}
	r.Journals += len(all[0])
	for _, x := range d.pair {
		stands := books{}
		for b, err := range x.auditor.Balances(ctx) {
			if err != nil {
				return err
			}
			stands[b.Account] += b.Amount
		}
		if !maps.Equal(stands.without(), sum.without()) {
			return fault.Newf(fault.Internal, "report this", "the journal of %s with %s does not give its balances", x.me, x.partner)
		}
	}
	r.sum(sum)
	return nil
}

// sum adds what the accounts of a channel come to, whatever its sign.
func (r *MoneyReport) sum(b books) {
	for _, left := range b.sums() {
		r.JournalSum += max(left, -left)
	}
}

// publicJournal does the same on the Omnilateral: each carrier's node says what
// moved on its own accounts, and what stands there. What belongs to nobody is seen
// from the other side.
func (m *moneyRun) publicJournal(ctx context.Context, r *MoneyReport) error {
	height := uint64(0)
	for _, p := range m.holders {
		s, err := p.reader.Status(ctx)
		if err != nil {
			return err
		}
		height = max(height, s.Height)
	}
	sum := books{}
	entries := map[uint64]bool{}
	for _, p := range m.holders {
		if err := m.net.poll(ctx, "all nodes to be as far", func() (bool, error) {
			s, err := p.reader.Status(ctx)
			return s.Height >= height, err
		}); err != nil {
			return err
		}
		own := books{}
		for j, err := range p.reader.Movements(ctx, nil) {
			if err != nil {
				return err
			}
			entries[j.Number] = true
			r.Postings += len(j.Postings)
			for _, x := range j.Postings {
				for _, end := range []struct {
					a      settlement.Account
					amount money.Micro
				}{{x.From, -x.Amount}, {x.To, x.Amount}} {
					switch end.a.Party {
					case p.code:
						own[end.a] += end.amount
					case "":
						sum[end.a] += end.amount
					}
				}
			}
		}
		stands := books{}
		for b, err := range p.reader.Accounts(ctx, nil) {
			if err != nil {
				return err
			}
			stands[b.Account] += b.Amount
		}
		if !maps.Equal(stands.without(), own.without()) {
			return fault.Newf(fault.Internal, "report this", "what moved on the accounts of %s does not give what stands there", p.code)
		}
		for a, amount := range own {
			sum[a] += amount
		}
	}
	r.Journals += len(entries)
	r.sum(sum)
	return nil
}

// stands gives what a carrier has of tokens, in locks with partners too, and at its
// bank.
func (m *moneyRun) stands(ctx context.Context, p *purse, row *MoneyCarrier) error {
	has, err := p.holds(ctx, moneyToken)
	if err != nil {
		return err
	}
	row.Tokens = has[settlement.Available] + has[settlement.Held]
	for _, d := range m.byToken() {
		for _, x := range d.pair {
			if x.me != p.code {
				continue
			}
			all, err := client.Collect(x.auditor.Deposits(ctx, nil))
			if err != nil {
				return err
			}
			for _, l := range all {
				if l.State == token.Locked {
					row.Locked += l.Ours
				}
			}
		}
	}
	for _, d := range m.byToken() { // what it paid for its tokens
		for side, amount := range m.locks(d) {
			if d.code(side) == p.code {
				row.TokensBought += amount
			}
		}
	}
	row.TokensBought += spare
	if p == m.holders[1] {
		row.Redeemed = redeemed
	}
	balance, err := m.bank.Balance(bankAccount(p.code, moneyUnit).String())
	if err != nil {
		return err
	}
	stands, err := balance.Amount()
	row.Bank = stands.Micro
	return err
}

// backed reads what there is of the token and what stands behind it, on each node,
// and compares it with the bank.
func (m *moneyRun) backed(ctx context.Context, r *MoneyReport) error {
	for i, p := range m.holders {
		k, err := p.reader.Token(ctx, moneyToken)
		if err != nil {
			return err
		}
		a, err := p.reader.Audit(ctx)
		if err != nil {
			return fmt.Errorf("the recount at %s: %w", p.code, err)
		}
		if len(a.Tokens) != 1 || len(k.Reserve) != 1 || a.Tokens[0].Supply != k.Supply || a.Tokens[0].Held != k.Supply || !k.Covered {
			return fault.Newf(fault.Internal, "report this", "%s counts %+v of %+v", p.code, a.Tokens, k)
		}
		if i > 0 && (k.Supply != r.Supply || k.Reserve[0].Have != r.Reserve) {
			return fault.Newf(fault.Internal, "report this", "%s has another supply or reserve than %s", p.code, m.issuer().code)
		}
		r.Supply, r.Reserve = k.Supply, k.Reserve[0].Have
	}
	balance, err := m.bank.Balance(reserveAccount(moneyUnit).String())
	if err != nil {
		return err
	}
	at, err := balance.Amount()
	if err != nil {
		return err
	}
	r.ReserveAtBank, r.Minted = at.Micro, r.Supply+r.Redeemed
	return m.bank.Audit()
}
