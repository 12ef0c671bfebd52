package sim

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/rail"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
)

// Tokens of the sandbox, in units.
const (
	moneyCap       money.Micro = 1_000_000e6
	moneyRedeem                = 3_600_000 // ms
	redeemed       money.Micro = 100e6
	spare          money.Micro = 500e6 // that each has beside its deposits, for positions and redemption
	depositPayee   money.Micro = 200e6 // of the side of a pair that buys less
	depositSpare   money.Micro = 50e6  // of the other, beside what it will owe
	coveredByShort             = 2     // cycles that the deposit of who stops paying covers
)

// deposits says what each side of a pair that settles by token locks.
func (m *moneyRun) locks(d *dealing) (out [2]money.Micro) {
	covered := moneyCycles
	if d.code(0) == m.defaulter().code {
		covered = coveredByShort
	}
	for c := range covered {
		out[0] += d.bill(0, c) - d.bill(1, c)
	}
	out[0] = settlement.Payable(usd(out[0] + depositSpare)).Micro
	out[1] = depositPayee
	return out
}

// issue lets the first carrier issue a token. Each carrier pays for its tokens by
// bank; the bank's notice is the evidence for the reserve, and two officers record
// it and mint as much.
func (m *moneyRun) issue(ctx context.Context, _ *MoneyReport) error {
	issuer := m.issuer()
	if err := m.entitle(ctx, []money.Amount{usd(moneyCap)}); err != nil {
		return err
	}
	if err := m.define(ctx, moneyToken, moneyCap); err != nil {
		return err
	}
	buys := map[party.Code]money.Micro{}
	for _, p := range m.holders {
		buys[p.code] = spare
	}
	for _, d := range m.byToken() {
		for side, amount := range m.locks(d) {
			buys[d.code(side)] += amount
		}
	}
	var awaited []rail.Item
	var sum money.Micro
	for _, p := range m.holders {
		coins, _, err := rail.Payable(usd(buys[p.code]))
		if err != nil {
			return err
		}
		id := "TOKENS-" + string(p.code)
		awaited = append(awaited, rail.Item{ID: id, Owed: usd(buys[p.code]), Payer: bankAccount(p.code, moneyUnit)})
		sum += buys[p.code]
		if err := m.bank.pay(bankAccount(p.code, moneyUnit), holder(p.code), []moved{{id: id, to: reserveAccount(moneyUnit), payee: holder(issuer.code), amount: coins}}); err != nil {
			return err
		}
	}
	paid, notice, err := m.bank.told(reserveAccount(moneyUnit), awaited)
	if err != nil {
		return err
	}
	if len(paid) != len(awaited) {
		return fault.Newf(fault.Internal, "report this", "the issuer was told of %d payments for tokens, of %d", len(paid), len(awaited))
	}
	if err := m.act(ctx, moneyToken, token.Act{Kind: token.ReserveIn, Amount: usd(sum), Reference: "TOKENS", Evidence: evidence(notice)}); err != nil {
		return err
	}
	if err := m.act(ctx, moneyToken, token.Act{Kind: token.Mint, Amount: usd(sum)}); err != nil {
		return err
	}
	var all []wire.MakeTransfer
	for _, code := range slices.Sorted(maps.Keys(buys)) {
		if code != issuer.code {
			all = append(all, wire.MakeTransfer{ID: "BOUGHT-" + string(code), To: code, Amount: token.Amount{Token: moneyToken, Micro: buys[code]}})
		}
	}
	if _, err := issuer.finance.Transfer(ctx, wire.MakeTransfers{Transfers: all}, ""); err != nil {
		return fmt.Errorf("handing over tokens: %w", err)
	}
	for _, p := range m.holders {
		if err := m.net.poll(ctx, "tokens to arrive", func() (bool, error) {
			has, err := p.holds(ctx, moneyToken)
			return has[settlement.Available] == buys[p.code], err
		}); err != nil {
			return err
		}
	}
	m.say("%s has minted %s %s by two officers, against as much at its bank; each carrier has what it paid for", issuer.code, sum, moneyToken)
	return nil
}

// deposit has both sides of the pairs that settle by token lock tokens for each
// other.
func (m *moneyRun) deposit(ctx context.Context, r *MoneyReport) error {
	err := together(m.byToken(), func(d *dealing) error {
		for side, amount := range m.locks(d) {
			if err := d.pair[side].lock(ctx, m.net, token.Amount{Token: moneyToken, Micro: amount}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	n, sum := 0, money.Micro(0)
	for _, p := range m.holders {
		has, err := p.holds(ctx, moneyToken)
		if err != nil {
			return err
		}
		sum += has[settlement.Deposit]
	}
	for range m.byToken() {
		n += 2
	}
	r.Deposited = sum
	m.say("%d deposits are open, of %s %s in all; nobody else sees for whom", n, sum, moneyToken)
	return nil
}

// exit has a carrier leave the deposits with a partner alone, by the last totals
// that both have signed.
func (m *moneyRun) exit(ctx context.Context, r *MoneyReport) error {
	d := m.byToken()[slices.IndexFunc(m.byToken(), func(d *dealing) bool { return d.code(0) == m.leaver().code })]
	x, p := d.pair[0], m.leaver()
	before, err := p.holds(ctx, moneyToken)
	if err != nil {
		return err
	}
	var left []wire.Deposit
	if err := m.net.retried(ctx, "nothing to be on its way out of the deposits", func() error {
		left, err = x.finance.ExitDeposits(ctx, wire.ExitDeposits{Reveals: true})
		return err
	}); err != nil {
		return fmt.Errorf("leaving the deposits with %s: %w", x.partner, err)
	}
	r.Exit = MoneyExit{Carrier: x.me, Partner: x.partner, ChallengeMS: m.tempo.challenge.Milliseconds()}
	ids := map[canon.Hash]bool{}
	for _, l := range left {
		ids[l.ID] = true
		r.Exit.Share += l.Ours
		r.Exit.Partners += l.Theirs
	}
	m.say("%s leaves %d deposits with %s alone: %s of them is its own; %s to contest that", x.me, len(left), x.partner, r.Exit.Share, m.tempo.challenge)
	if err := m.slowly(ctx, "the deposits to be closed", func() (bool, error) {
		all, err := client.Collect(x.auditor.Deposits(ctx, nil))
		if err != nil {
			return false, err
		}
		for _, l := range all {
			if ids[l.ID] && (l.State == token.Locked || l.State == token.Leaving || l.State == token.Closed && l.Ours+l.Theirs > 0) {
				return false, nil
			}
		}
		return true, nil
	}); err != nil {
		return err
	}
	return m.net.poll(ctx, "both sides to have their share", func() (bool, error) {
		after, err := p.holds(ctx, moneyToken)
		r.Exit.Got = after[settlement.Available] - before[settlement.Available]
		return r.Exit.Got == r.Exit.Share, err
	})
}

// redeem has a carrier ask for a bank's money, and the issuer pay it out of the
// reserve and burn the tokens: both fall together.
func (m *moneyRun) redeem(ctx context.Context, r *MoneyReport) error {
	p, issuer := m.holders[1], m.issuer()
	account := bankAccount(p.code, moneyUnit)
	done, err := p.finance.Redeem(ctx, wire.Redeem{ID: "R-1", Amount: token.Amount{Token: moneyToken, Micro: redeemed}, Account: canon.Sum("account", []byte(account.String()))}, "")
	if err != nil {
		return fmt.Errorf("asking for redemption: %w", err)
	}
	coins, _, err := rail.Payable(usd(redeemed))
	if err != nil {
		return err
	}
	reference := "REDEEM-" + string(p.code)
	if err := m.bank.pay(reserveAccount(moneyUnit), holder(issuer.code), []moved{{id: reference, to: account, payee: holder(p.code), amount: coins}}); err != nil {
		return err
	}
	notice, err := m.bank.Notice(reserveAccount(moneyUnit).String())
	if err != nil {
		return err
	}
	if paid, _, err := m.bank.told(account, []rail.Item{{ID: reference, Owed: usd(redeemed)}}); err != nil || paid[reference] != coins {
		return fault.Newf(fault.Internal, "report this", "%s was told of %v for its tokens", p.code, paid).Because(err)
	}
	if err := m.net.retried(ctx, "the request to arrive", func() error {
		all, err := client.Collect(issuer.reader.Redemptions(ctx, client.Filter{"state": string(token.Pending)}))
		if err == nil && !slices.ContainsFunc(all, func(x wire.Redemption) bool { return x.ID == done.Record.ID }) {
			err = fault.New(fault.NotYet, "the request is on its way", "try again")
		}
		return err
	}); err != nil {
		return err
	}
	if err := m.act(ctx, moneyToken, token.Act{Kind: token.Redeem, Member: p.code, Redemption: done.Record.ID, Paid: []money.Amount{usd(redeemed)}, Reference: reference, Evidence: evidence(notice)}); err != nil {
		return err
	}
	r.Redeemed = redeemed
	m.say("%s has %s %s redeemed: paid by bank, burned, and gone from the reserve", p.code, redeemed, moneyToken)
	return nil
}
