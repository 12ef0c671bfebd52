package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/rail"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
)

// Paid is what one carrier has paid the other in a currency. We pay by token, out of
// a deposit; they pay by files of ISO 20022, in whole coins.
type Paid struct {
	Payer    party.Code     `json:"payer"`
	Rail     string         `json:"rail"` // token or bank
	Currency money.Currency `json:"currency"`
	Debts    int            `json:"debts"`
	Files    int            `json:"files,omitempty"` // of pain.001
	Amount   money.Micro    `json:"amount"`
	Carried  money.Micro    `json:"carried"` // less than a coin
}

// settling pays what two carriers come to owe each other while a job runs.
type settling struct {
	*mint
	pair       [2]*desk
	currencies []money.Currency
	files      map[money.Currency]int // over the bank
}

// bothRails are terms under which one pays by token and the other by bank. Nothing is
// set off: else only who owes more would pay.
func bothRails(t *agreement.Terms) {
	t.Netting = false
	t.Payment = []agreement.Method{{Name: trade.MethodToken, DueDays: 30}, {Name: methodBank, DueDays: 30}}
}

// voiceBegin is what stands on each account at first, in the smallest coin.
const voiceBegin = 100_000_000_000_000

// coined reports whether banks pay in all of some currencies.
func coined(all []money.Currency) bool {
	return !slices.ContainsFunc(all, func(c money.Currency) bool { _, err := c.MinorUnits(); return err != nil })
}

// settle gets a bank and an issuer ready. We issue.
func (n *Network) settle(ctx context.Context, pair [2]*desk, currencies []money.Currency) (*settling, error) {
	b, err := openBank([]party.Code{pair[0].me, pair[1].me}, currencies, voiceBegin)
	if err != nil {
		return nil, err
	}
	s := &settling{pair: pair, currencies: currencies, files: map[money.Currency]int{}}
	if s.mint, err = newMint(n, b); err != nil {
		return nil, err
	}
	for _, d := range pair {
		p, err := n.purse(d.me)
		if err != nil {
			return nil, err
		}
		s.holders = append(s.holders, p)
	}
	var limits []money.Amount
	for _, c := range currencies {
		limits = append(limits, money.Amount{Currency: c, Micro: 1<<63 - 1})
	}
	return s, s.entitle(ctx, limits)
}

// fund has us pay for as many tokens as we can come to owe, and lock them for the
// partner: what we and they have rated of the calls that we sent, together.
func (s *settling) fund(ctx context.Context, say func(string, ...any)) error {
	us, them := s.pair[0], s.pair[1]
	most := map[money.Currency]money.Micro{}
	for _, d := range s.pair {
		sum, err := d.auditor.Summary(ctx)
		if err != nil {
			return err
		}
		for _, t := range sum.Totals {
			if t.Direction.From == us.me {
				if most[t.Currency], err = most[t.Currency].Add(t.Amount); err != nil {
					return err
				}
			}
		}
	}
	for _, c := range s.currencies {
		amount, err := most[c].Add(1_000_000) // and what rounding adds
		if err != nil {
			return err
		}
		locked := settlement.Payable(money.Amount{Currency: c, Micro: amount})
		coins, _, err := rail.Payable(locked)
		if err != nil {
			return err
		}
		code, id := token.CodeOf(c), "TOKENS-"+string(c)
		account := reserveAccount(c)
		if err := s.bank.pay(bankAccount(us.me, c), holder(us.me), []moved{{id: id, to: account, payee: holder(us.me), amount: coins}}); err != nil {
			return err
		}
		paid, notice, err := s.bank.told(account, []rail.Item{{ID: id, Owed: locked}})
		if err != nil || paid[id] != coins {
			return fault.Newf(fault.Internal, "report this", "the issuer was told of %v for its tokens", paid).Because(err)
		}
		if err := s.define(ctx, code, locked.Micro); err != nil {
			return err
		}
		for _, a := range []token.Act{{Kind: token.ReserveIn, Amount: locked, Reference: id, Evidence: evidence(notice)}, {Kind: token.Mint, Amount: locked}} {
			if err := s.act(ctx, code, a); err != nil {
				return err
			}
		}
		if err := us.lock(ctx, s.net, token.Amount{Token: code, Micro: locked.Micro}); err != nil {
			return err
		}
		say("%s has locked %s %s for %s, minted against as much at its bank", us.me, locked.Micro, code, them.me)
	}
	return nil
}

// overBank pays what they owe over the bank, as it comes up, until ctx ends.
func (s *settling) overBank(ctx context.Context) error {
	us, them := s.pair[0], s.pair[1]
	for ctx.Err() == nil {
		err := func() error {
			for _, c := range s.currencies {
				paid, err := s.net.payOver(ctx, s.bank, them, us, c)
				if paid {
					s.files[c]++
				}
				if err != nil {
					return err
				}
			}
			return nil
		}()
		if err != nil && !passes(err) && ctx.Err() == nil {
			return fmt.Errorf("paying what %s owes by bank: %w", them.me, err)
		}
		if sleep(ctx, 300*time.Millisecond) != nil {
			return nil
		}
	}
	return nil
}

// during pays over the bank while something runs, which ends with it when it fails.
func (s *settling) during(ctx context.Context, f func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	ended := make(chan error, 1)
	go func() {
		err := s.overBank(ctx)
		if err != nil {
			cancel(err)
		}
		ended <- err
	}()
	err := f(ctx)
	cancel(nil)
	return errors.Join(<-ended, err)
}

// crumbs reports whether all that is left to pay is less than a coin: no bank pays
// it, and it waits for the next debt.
func (s *settling) crumbs(ctx context.Context) (bool, error) {
	them := s.pair[1]
	if under, err := some(them.auditor.Obligations(ctx, client.Filter{"state": string(settlement.Advised), "limit": "1"})); under || err != nil {
		return false, err
	}
	left := map[money.Currency]money.Micro{}
	for o, err := range them.auditor.Obligations(ctx, client.Filter{"state": string(settlement.Owed)}) {
		if err != nil || o.Payer != them.me {
			return false, err
		}
		left[o.Amount.Currency] += o.Left
	}
	for c, m := range left {
		if settlement.Payable(money.Amount{Currency: c, Micro: m}).Micro != 0 {
			return false, nil
		}
	}
	return len(left) > 0, nil
}

// paid says what went which way, as the ledger has it, and that the bank and the
// deposits agree.
func (s *settling) paid(ctx context.Context) (out []Paid, err error) {
	us, them := s.pair[0], s.pair[1]
	all, err := client.Collect(us.auditor.Obligations(ctx, nil))
	if err != nil {
		return nil, err
	}
	for _, c := range s.currencies {
		ours, theirs := Paid{Payer: us.me, Rail: trade.MethodToken, Currency: c}, Paid{Payer: them.me, Rail: "bank", Currency: c, Files: s.files[c]}
		for _, o := range all {
			switch {
			case o.Amount.Currency != c:
			case o.Payer == us.me:
				ours.Amount += o.Paid
				ours.Debts++
			default:
				theirs.Amount += o.Paid
				theirs.Debts++
				theirs.Carried += o.Left + o.Carried - o.Brought
			}
		}
		balance, err := s.bank.Balance(bankAccount(them.me, c).String())
		if err != nil {
			return nil, err
		}
		balance.Minor = voiceBegin - balance.Minor
		if moved, err := balance.Amount(); err != nil || moved.Micro != theirs.Amount {
			return nil, fault.Newf(fault.Internal, "report this", "%s has paid %s by bank, and the ledger says %s", them.me, moved, theirs.Amount).Because(err)
		}
		var got money.Micro
		deposits, err := client.Collect(them.auditor.Deposits(ctx, nil))
		if err != nil {
			return nil, err
		}
		for _, x := range deposits {
			if x.Amount.Token == token.CodeOf(c) {
				got += x.Ours
			}
		}
		if got != ours.Amount {
			return nil, fault.Newf(fault.Internal, "report this", "%s has %s %s out of deposits, and the ledger says %s", them.me, got, token.CodeOf(c), ours.Amount)
		}
		for _, p := range []Paid{ours, theirs} {
			if p.Debts > 0 {
				out = append(out, p)
			}
		}
	}
	return out, s.bank.Audit()
}
