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
	"github.com/lateral-network/lateral/internal/canon"
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

// rounds has members take debts off each other without paying them: first in
// circles, all who pay by bank; then by position, the first half of the carriers,
// who pay what is left of theirs by token. What no round has taken off, banks pay.
func (m *moneyRun) rounds(ctx context.Context, r *MoneyReport) error {
	half := m.net.o.Carriers[:len(m.net.o.Carriers)/2]
	for _, x := range []struct {
		method netting.Method
		takes  func(*dealing) bool
	}{
		{netting.ByCirculation, func(*dealing) bool { return true }},
		{netting.ByPosition, func(d *dealing) bool { return slices.Contains(half, d.code(0)) && slices.Contains(half, d.code(1)) }},
	} {
		pairs := slices.DeleteFunc(m.byBank(), func(d *dealing) bool { return !x.takes(d) })
		if err := m.round(ctx, r, x.method, pairs); err != nil {
			return fmt.Errorf("the round by %s: %w", x.method, err)
		}
	}
	// On a slow machine an offer may come too late; banks pay that then.
	if first := r.Rounds[0]; first.Offered > r.Gross || first.Offered == r.Gross && first.Left != r.NetCompressed {
		return fault.Newf(fault.Internal, "report this", "the carriers came to %s of %s in circles, and their debts to %s of %s", first.Left, first.Offered, r.NetCompressed, r.Gross)
	}
	return nil
}

// round has some pairs take part in a round, until what comes of it has taken effect
// on both sides of each.
func (m *moneyRun) round(ctx context.Context, r *MoneyReport, method netting.Method, pairs []*dealing) error {
	now := time.Now()
	call := wire.CallRound{ID: canon.Sum("sandbox round", []byte(method)), Currency: moneyUnit, Method: method,
		JoinBy: wire.Time(now.Add(m.tempo.join).UnixMilli()), SignBy: wire.Time(now.Add(m.tempo.join + time.Minute).UnixMilli())}
	called, err := m.issuer().finance.CallRound(ctx, call, "")
	if err != nil {
		return err
	}
	id := called.Record.ID
	if err := together(pairs, func(d *dealing) error {
		for _, x := range d.pair {
			if err := m.net.retried(ctx, "the round to be known", func() error {
				_, err := m.of(x.me).finance.JoinRound(ctx, id, wire.JoinRound{Partner: x.partner})
				return err
			}); err != nil {
				return fmt.Errorf("%s with %s: %w", x.me, x.partner, err)
			}
		}
		return nil
	}); err != nil {
		return err
	}
	var detail wire.RoundDetail
	if err := m.slowly(ctx, "the round to be agreed", func() (bool, error) {
		if detail, err = m.issuer().reader.Round(ctx, id); err != nil {
			return false, err
		}
		if detail.State == netting.Lapsed && len(detail.Debts) > 0 {
			return false, fault.Newf(fault.Refused, "run it again while the machine does less", "the round has lapsed: %d signatures are missing", detail.Missing)
		}
		return detail.State == netting.Agreed || detail.State == netting.Lapsed, nil // of nothing
	}); err != nil {
		return err
	}
	x := MoneyRound{Method: method, Debts: len(detail.Debts), Payments: len(detail.Payments)}
	for _, d := range detail.Debts {
		x.Offered += d.Offered
		x.Left += d.Left
	}
	for _, p := range detail.Payments {
		x.Paid += p.Amount
	}
	if err := together(m.holders, func(p *purse) error {
		return m.slowly(ctx, "the round to take effect", func() (bool, error) {
			own, err := p.reader.Round(ctx, id)
			return err == nil && !slices.ContainsFunc(own.Pairs, func(b wire.RoundPair) bool { return b.Signed && !b.Applied }), err
		})
	}); err != nil {
		return err
	}
	r.Rounds = append(r.Rounds, x)
	m.say("a round by %s among pairs that know their partners only: of %s %s in %d debts %s are left, %s of positions is paid by token", method, x.Offered, moneyUnit, x.Debts, x.Left, x.Paid)
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

// defaulted waits until what the carrier that has stopped paying owes by token is
// overdue, and says what its deposits have paid, what is lost, and who sells it no
// more, while others go on. Debts that were in a round have a day for it.
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
				if d.tokens && o.Payer == who && o.State == settlement.Owed {
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
			case owing(&o):
				x.Debts++
				x.Amount += o.Left
				if o.State == settlement.Overdue {
					x.Overdue++
				}
			case d.tokens:
				x.Deposit += o.Paid
			}
		}
		refused, err := m.another(ctx, d, side)
		if err != nil {
			return err
		}
		if refused == nil { // what it owes there rounds have taken off
			continue
		}
		x.Blocked++
		if x.Refused = fault.CodeOf(refused); x.Refused != trade.CodeCredit {
			return refused
		}
	}
	m.say("%s has stopped paying: %s came out of its deposit, %d debts of %s are open, and %d partners sell it no more (%s)", who, x.Deposit, x.Debts, x.Amount, x.Blocked, x.Refused)
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
