package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/rail"
	"github.com/lateral-network/lateral/trade"
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
	spare          money.Micro = 100e6 // that each has beside its deposits
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

// mint lets the first carrier issue a token. Each carrier pays for its tokens by
// bank; the bank's notice is the evidence for the reserve, and two officers record
// it and mint as much.
func (m *moneyRun) mint(ctx context.Context, _ *MoneyReport) error {
	issuer := m.issuer()
	if err := m.entitle(ctx); err != nil {
		return err
	}
	buys := map[party.Code]money.Micro{}
	for _, p := range m.carriers {
		buys[p.code] = spare
	}
	for _, d := range m.byToken() {
		for side, amount := range m.locks(d) {
			buys[d.code(side)] += amount
		}
	}
	var awaited []rail.Item
	var sum money.Micro
	for _, p := range m.carriers {
		coins, _, err := rail.Payable(usd(buys[p.code]))
		if err != nil {
			return err
		}
		id := "TOKENS-" + string(p.code)
		awaited = append(awaited, rail.Item{ID: id, Owed: usd(buys[p.code]), Payer: bankAccount(p.code)})
		sum += buys[p.code]
		if err := m.bank.pay(bankAccount(p.code), holder(p.code), []moved{{id: id, to: reserveAccount, payee: holder(issuer.code), amount: coins}}); err != nil {
			return err
		}
	}
	paid, notice, err := m.bank.told(reserveAccount, awaited)
	if err != nil {
		return err
	}
	if len(paid) != len(awaited) {
		return fault.Newf(fault.Internal, "report this", "the issuer was told of %d payments for tokens, of %d", len(paid), len(awaited))
	}
	if err := m.act(ctx, token.Act{Kind: token.ReserveIn, Amount: usd(sum), Reference: "TOKENS", Evidence: evidence(notice)}); err != nil {
		return err
	}
	if err := m.act(ctx, token.Act{Kind: token.Mint, Amount: usd(sum)}); err != nil {
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
	for _, p := range m.carriers {
		if err := m.net.poll(ctx, "tokens to arrive", func() (bool, error) {
			has, err := p.holds(ctx)
			return has[settlement.Available] == buys[p.code], err
		}); err != nil {
			return err
		}
	}
	m.say("%s has minted %s %s by two officers, against as much at its bank; each carrier has what it paid for", issuer.code, sum, moneyToken)
	return nil
}

// entitle registers all treasurers and the issuer's officers, and lets the issuer
// define its token.
func (m *moneyRun) entitle(ctx context.Context) error {
	limits := []money.Amount{usd(moneyCap)}
	if err := together(m.carriers, func(p *purse) error {
		admin, err := m.net.Client(p.code, api.Administrator)
		if err != nil {
			return err
		}
		defer admin.Close()
		add := func(key sign.PublicKey, name string, r party.Role) error {
			_, err := admin.AddPublicDelegate(ctx, wire.AddDelegate{Key: key, Name: name, Roles: []party.Role{r}, Limits: limits})
			return err
		}
		if err := add(m.net.byName[string(p.code)].setup.Delegates[party.Finance], "treasury", party.Finance); err != nil {
			return fmt.Errorf("registering the treasury of %s: %w", p.code, err)
		}
		if p != m.issuer() {
			return nil
		}
		for i, k := range m.officers {
			if err := add(k.Public(), fmt.Sprintf("officer %d", i+1), party.Issuer); err != nil {
				return err
			}
		}
		_, err = admin.DefineToken(ctx, wire.DefineToken{Token: moneyToken, Cap: moneyCap, Redeem: moneyRedeem})
		return err
	}); err != nil {
		return err
	}
	for _, p := range m.carriers[1:] {
		admin, err := m.net.Client(p.code, api.Administrator)
		if err != nil {
			return err
		}
		defer admin.Close()
		var k wire.Token
		if err := m.net.retried(ctx, "the token to be known", func() (err error) {
			if k, err = p.reader.Token(ctx, moneyToken); err != nil || k.State == token.Active {
				return err
			}
			done, err := admin.ApproveToken(ctx, moneyToken)
			k = done.Record
			return err
		}); err != nil {
			return err
		}
		if k.State == token.Active {
			break
		}
	}
	return m.net.poll(ctx, "the issuer to be let", func() (bool, error) {
		k, err := m.issuer().reader.Token(ctx, moneyToken)
		return k.State == token.Active, err
	})
}

// act has one officer of the issuer propose an act and the other approve what it
// reads.
func (m *moneyRun) act(ctx context.Context, a token.Act) error {
	m.acts++
	id := fmt.Sprintf("ACT-%d", m.acts)
	body, err := jsonBody(trade.IssuePropose{ID: id, Token: moneyToken, Act: a})
	if err != nil {
		return err
	}
	p := m.issuer()
	if err := p.signed(ctx, m.officers[0], trade.KindIssuePropose, body); err != nil {
		return fmt.Errorf("proposing %s: %w", a.Kind, err)
	}
	i, err := p.finance.Act(ctx, moneyToken, id)
	if err != nil {
		return err
	}
	if body, err = jsonBody(trade.IssueAnswer{ID: id, Token: moneyToken, Hash: i.Hash}); err != nil {
		return err
	}
	if err := p.signed(ctx, m.officers[1], trade.KindIssueApprove, body); err != nil {
		return fmt.Errorf("approving %s: %w", a.Kind, err)
	}
	return nil
}

// jsonBody gives a command's body as the API takes it.
func jsonBody(body any) (out map[string]any, err error) {
	data, err := json.Marshal(body)
	if err == nil {
		err = json.Unmarshal(data, &out)
	}
	return out, err
}

// holds gives what a carrier has of the token, by purpose.
func (p *purse) holds(ctx context.Context) (map[settlement.Purpose]money.Micro, error) {
	all, err := client.Collect(p.reader.Accounts(ctx, client.Filter{"currency": string(moneyToken)}))
	out := map[settlement.Purpose]money.Micro{}
	for _, a := range all {
		out[a.Account.Purpose] += a.Amount
	}
	return out, err
}

// deposit has both sides of the pairs that settle by token lock tokens for each
// other.
func (m *moneyRun) deposit(ctx context.Context, r *MoneyReport) error {
	err := together(m.byToken(), func(d *dealing) error {
		for side, amount := range m.locks(d) {
			x := d.pair[side]
			if err := m.net.retried(ctx, "the partner to offer keys", func() error {
				mine, err := x.ours(ctx)
				if err != nil || len(mine) > 0 { // it is open, whatever became of the answer
					return err
				}
				_, err = x.finance.OpenDeposit(ctx, token.Amount{Token: moneyToken, Micro: amount})
				return err
			}); err != nil {
				return fmt.Errorf("opening a deposit of %s for %s: %w", x.me, x.partner, err)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	n, sum := 0, money.Micro(0)
	for _, p := range m.carriers {
		has, err := p.holds(ctx)
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

// ours lists the deposits that a carrier has opened for its partner.
func (d *desk) ours(ctx context.Context) (mine []wire.Deposit, err error) {
	all, err := client.Collect(d.finance.Deposits(ctx, nil))
	for _, x := range all {
		if x.Owner == d.me {
			mine = append(mine, x)
		}
	}
	return mine, err
}

// exit has a carrier leave the deposits with a partner alone, by the last totals
// that both have signed.
func (m *moneyRun) exit(ctx context.Context, r *MoneyReport) error {
	d := m.byToken()[slices.IndexFunc(m.byToken(), func(d *dealing) bool { return d.code(0) == m.leaver().code })]
	x, p := d.pair[0], m.leaver()
	before, err := p.holds(ctx)
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
		after, err := p.holds(ctx)
		r.Exit.Got = after[settlement.Available] - before[settlement.Available]
		return r.Exit.Got == r.Exit.Share, err
	})
}

// redeem has a carrier ask for a bank's money, and the issuer pay it out of the
// reserve and burn the tokens: both fall together.
func (m *moneyRun) redeem(ctx context.Context, r *MoneyReport) error {
	p, issuer := m.carriers[1], m.issuer()
	account := bankAccount(p.code)
	done, err := p.finance.Redeem(ctx, wire.Redeem{ID: "R-1", Amount: token.Amount{Token: moneyToken, Micro: redeemed}, Account: canon.Sum("account", []byte(account.String()))}, "")
	if err != nil {
		return fmt.Errorf("asking for redemption: %w", err)
	}
	coins, _, err := rail.Payable(usd(redeemed))
	if err != nil {
		return err
	}
	reference := "REDEEM-" + string(p.code)
	if err := m.bank.pay(reserveAccount, holder(issuer.code), []moved{{id: reference, to: account, payee: holder(p.code), amount: coins}}); err != nil {
		return err
	}
	notice, err := m.bank.Notice(reserveAccount.String())
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
	if err := m.act(ctx, token.Act{Kind: token.Redeem, Member: p.code, Redemption: done.Record.ID, Paid: []money.Amount{usd(redeemed)}, Reference: reference, Evidence: evidence(notice)}); err != nil {
		return err
	}
	r.Redeemed = redeemed
	m.say("%s has %s %s redeemed: paid by bank, burned, and gone from the reserve", p.code, redeemed, moneyToken)
	return nil
}
