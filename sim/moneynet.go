package sim

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/netting"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
)

// owed is what one carrier owes another, as both report it.
type owed struct {
	payer, payee party.Code
	amount       money.Micro
}

// offset computes what the debts that banks would pay come to in each of the three
// ways, from what both nodes of each pair report.
func (m *moneyRun) offset(ctx context.Context, r *MoneyReport) error {
	var all []owed
	for _, d := range m.byBank() {
		debts, err := m.debts(ctx, d)
		if err != nil {
			return err
		}
		for _, o := range debts {
			if owing(&o) {
				all = append(all, owed{o.Payer, o.Payee, o.Left})
				r.Obligations++
			}
		}
	}
	sums, err := netThreeWays(m.net.o.Carriers, all)
	if err != nil {
		return err
	}
	r.Gross, r.NetBilateral, r.NetMultilateral, r.NetCompressed = sums.gross, sums.bilateral, sums.multilateral, sums.compressed
	m.say("%d debts of %s %s are open: %s by pairs, %s by position, %s in circles", r.Obligations, r.Gross, moneyUnit, r.NetBilateral, r.NetMultilateral, r.NetCompressed)
	return nil
}

// threeWays is what is left of debts in each way of netting.
type threeWays struct{ gross, bilateral, multilateral, compressed money.Micro }

// netThreeWays nets debts between pseudonyms in each of the three ways, and checks
// each outcome against what was owed.
func netThreeWays(codes []party.Code, all []owed) (out threeWays, err error) {
	in := netting.Input{Currency: moneyUnit}
	place := map[party.Code]uint32{}
	for i, code := range codes {
		k, err := sign.Generate(nil)
		if err != nil {
			return out, err
		}
		in.Members = append(in.Members, netting.Member{Key: k.Public()})
		place[code] = uint32(i)
	}
	for _, o := range all {
		in.Debts = append(in.Debts, netting.Debt{Debtor: place[o.payer], Creditor: place[o.payee], Amount: o.amount})
		out.gross += o.amount
	}
	for _, way := range []struct {
		net  func(netting.Input) (netting.Outcome, error)
		left *money.Micro
	}{{netting.Bilateral, &out.bilateral}, {netting.Multilateral, &out.multilateral}, {netting.Compress, &out.compressed}} {
		o, err := way.net(in)
		if err != nil {
			return out, err
		}
		if err := netting.Verify(in, o); err != nil {
			return out, err
		}
		*way.left = o.Left
	}
	return out, nil
}

// defaulted waits until what the carrier that has stopped paying owes is overdue,
// and says what its deposits have paid, what is lost, and that nobody sells it any
// more, while others go on.
func (m *moneyRun) defaulted(ctx context.Context, r *MoneyReport) error {
	who := m.defaulter().code
	r.Default = MoneyDefault{Carrier: who}
	x := &r.Default
	for _, d := range m.deals {
		side := 0
		if d.code(1) == who {
			side = 1
		} else if d.code(0) != who {
			continue
		}
		var all []wire.Obligation
		if err := m.slowly(ctx, "the debts of "+string(who)+" to be overdue", func() (ok bool, err error) {
			if all, err = d.agreedDebts(ctx); err != nil {
				return false, err
			}
			for _, o := range all {
				if o.Payer == who && o.State == settlement.Owed {
					return false, nil
				}
			}
			return true, nil
		}); err != nil {
			return err
		}
		for _, o := range all {
			switch {
			case o.Payer != who:
			case o.State == settlement.Overdue:
				x.Debts++
				x.Amount += o.Left
			case d.tokens:
				x.Deposit += o.Paid
			}
		}
		refused, err := m.another(ctx, d, side)
		if err != nil {
			return err
		}
		if x.Refused = fault.CodeOf(refused); x.Refused != trade.CodeCredit {
			return fault.Newf(fault.Internal, "report this", "%s owes %s and orders more of %s: %v", who, x.Amount, d.code(1-side), refused)
		}
		x.Blocked++
	}
	m.say("%s has stopped paying: %d debts of %s are overdue, %s came out of its deposit, and nobody sells it more (%s)", who, x.Debts, x.Amount, x.Deposit, x.Refused)
	for _, d := range m.deals {
		if d.code(0) == who || d.code(1) == who {
			continue
		}
		if refused, err := m.another(ctx, d, 0); err != nil || refused != nil {
			return fault.Newf(fault.Internal, "report this", "%s has paid, and orders more: %v", d.code(0), refused).Because(err)
		}
		break
	}
	return nil
}

// another has a carrier order once more, and gives why it may not.
func (m *moneyRun) another(ctx context.Context, d *dealing, side int) (refused, err error) {
	x := d.pair[side]
	orders, err := client.Collect(x.auditor.Orders(ctx, nil))
	if err != nil {
		return nil, err
	}
	sheet := ""
	for _, o := range orders {
		if o.Buyer == x.me {
			sheet = o.Sheet
		}
	}
	for {
		_, refused = x.product.PlaceOrder(ctx, wire.PlaceOrder{ID: fmt.Sprintf("V2-%s", x.me), Kind: order.Standing, Agreement: "MSA-1", Sheet: sheet,
			Line: voice.Name, Value: worth([]money.Currency{moneyUnit}, moneyValue)}, "")
		if refused == nil || !passes(refused) {
			return refused, nil
		}
		if err := sleep(ctx, 300*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// overBanks pays by files what is left to pay of the debts that banks pay. Who has
// stopped paying sends none.
func (m *moneyRun) overBanks(ctx context.Context, r *MoneyReport) error {
	byPayer, byPayee := map[party.Code][]*remittance{}, map[party.Code][]*remittance{}
	for _, d := range m.byBank() {
		all, err := m.debts(ctx, d)
		if err != nil {
			return err
		}
		for side, by := range d.pair {
			due := slices.DeleteFunc(slices.Clone(all), func(o wire.Obligation) bool { return !owing(&o) || o.Payer != by.me })
			if len(due) == 0 || by.me == m.defaulter().code {
				continue
			}
			if x, ok := remit(by, d.pair[1-side], due); ok {
				byPayer[by.me], byPayee[x.to.me] = append(byPayer[by.me], x), append(byPayee[x.to.me], x)
				r.Rails.Bank.Payments++
			}
		}
	}
	for _, code := range slices.Sorted(maps.Keys(byPayer)) {
		if err := m.bank.remitted(code, byPayer[code]); err != nil {
			return err
		}
	}
	if err := together(slices.Concat(slices.Collect(maps.Values(byPayer))...), func(x *remittance) error { return m.net.advise(ctx, x) }); err != nil {
		return err
	}
	m.say("%d payments by bank, in %d files of pain.001, are advised", r.Rails.Bank.Payments, len(byPayer))
	return together(m.holders, func(p *purse) error {
		return m.net.received(ctx, m.bank, bankAccount(p.code, moneyUnit), byPayee[p.code])
	})
}
