package sim

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/token"
)

// How the mesh pays: the carrier whose customer asks by token, out of a deposit for
// the neighbour that it buys of; all others by files of ISO 20022 over a bank. The
// token's issuer is in no chain.

const (
	meshUnit  money.Currency = "EUR"
	meshToken token.Code     = "EURt"
	// meshLocked is what is locked for the first neighbour, and minted for it: more
	// than any run comes to owe.
	meshLocked money.Micro = 5_000e6
	// meshBegin is what stands on each account of the bank at first, in cents.
	meshBegin = 100_000_00
)

// meshMoney is the bank of a mesh and its issuer.
type meshMoney struct {
	*mint
	files map[party.Code]int // of pain.001, by payer
}

func meshIssuer() party.Code { return meshCarriers[len(meshCarriers)-1].code }

// pays gives how two neighbours pay each other: the first way is the usual one.
func (m *meshRun) pays(e *ENNI) []agreement.Method {
	ways := []agreement.Method{{Name: methodBank}}
	if slices.ContainsFunc(e.Ends[:], func(a Attachment) bool { return a.Carrier == m.buyer() }) {
		ways = append([]agreement.Method{{Name: trade.MethodToken}}, ways...)
	}
	return ways
}

// openMoney opens the bank and lets the issuer have a treasury and officers.
func (m *meshRun) openMoney() error {
	codes := []party.Code{meshIssuer()}
	for _, c := range meshCarriers {
		if c.code != meshIssuer() {
			codes = append(codes, c.code)
		}
	}
	b, err := openBank(codes, m.units, m.begin)
	if err != nil {
		return err
	}
	m.money = &meshMoney{files: map[party.Code]int{}}
	if m.money.mint, err = newMint(m.net, b); err != nil {
		return err
	}
	// Whoever lets the issuer issue stands with it in the token's public record: they
	// are no neighbours.
	for _, code := range []party.Code{meshIssuer(), m.buyer(), "CHARLIE"} {
		p, err := m.net.purse(code)
		if err != nil {
			return err
		}
		m.money.holders = append(m.money.holders, p)
	}
	return nil
}

// buyTokens has the first carrier buy tokens over the bank and lock them for the
// neighbour that it has bought of. Meanwhile the service runs.
func (m *meshRun) buyTokens(ctx context.Context, first *leg) error {
	x, me := m.money, first.pair[0].me
	amount := money.Amount{Currency: meshUnit, Micro: meshLocked}
	if err := x.entitle(ctx, []money.Amount{amount}); err != nil {
		return err
	}
	if err := x.define(ctx, meshToken, meshLocked); err != nil {
		return err
	}
	tokens := token.Amount{Token: meshToken, Micro: meshLocked}
	if err := x.sell(ctx, me, tokens, amount); err != nil {
		return err
	}
	if err := first.pair[0].lock(ctx, m.net, tokens); err != nil {
		return err
	}
	m.say("%s has locked %s %s for the carrier it buys of, minted by %s against as much at its bank", me, meshLocked, meshToken, meshIssuer())
	return nil
}

// settling buys tokens, and pays over the bank what comes up, until what it gives is
// called; that gives the first failure, which ends the run.
func (m *meshRun) settling(ctx context.Context, chain []leg, fail context.CancelCauseFunc) (stop func() error) {
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 2)
	end := func(err error) {
		if err = quitted(err); err != nil {
			fail(err)
		}
		ended <- err
	}
	go func() {
		err := m.buyTokens(ctx, &chain[0])
		if err != nil {
			err = fmt.Errorf("buying tokens: %w", err)
		}
		end(err)
	}()
	go func() {
		var failed error
		for failed == nil && sleep(ctx, 100*time.Millisecond) == nil {
			for i := range chain[1:] {
				l := &chain[1+i]
				paid, err := m.net.payOver(ctx, m.money.bank, l.pair[0], l.pair[1], meshUnit)
				if paid {
					m.money.files[l.pair[0].me]++
				}
				if err != nil && !passes(err) && ctx.Err() == nil {
					failed = fmt.Errorf("paying what %s owes by bank: %w", l.pair[0].me, err)
				}
			}
		}
		end(failed)
	}()
	return func() error {
		cancel()
		return errors.Join(<-ended, <-ended)
	}
}

// quitted takes being stopped for no failure.
func quitted(err error) error {
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// railOf says how a leg of the chain is paid.
func railOf(hop int) string {
	if hop == 0 {
		return trade.MethodToken
	}
	return "bank"
}

// moneyAgrees checks the bank's accounts and the deposit against what the carriers'
// records say is paid.
func (m *meshRun) moneyAgrees(ctx context.Context, r *MeshReport, chain []leg) error {
	if err := m.money.bank.Audit(); err != nil {
		return err
	}
	for i, p := range r.Carriers {
		moved := money.Micro(0)
		if i > 0 {
			moved -= p.Paid
		} else {
			moved -= meshLocked // its tokens
		}
		if i > 1 {
			moved += p.Received
		}
		balance, err := m.money.bank.Balance(bankAccount(p.Carrier, meshUnit).String())
		if err != nil {
			return err
		}
		balance.Minor -= meshBegin
		if has, err := balance.Amount(); err != nil || has.Micro != moved {
			return fault.Newf(fault.Internal, "report this", "the bank has moved %s for %s, the ledger says %s", has, p.Carrier, moved).Because(err)
		}
	}
	mine, err := chain[0].pair[0].ours(ctx)
	if err != nil {
		return err
	}
	var got money.Micro
	for _, x := range mine {
		got += x.Theirs
	}
	if len(mine) != 1 || got != r.Carriers[1].Received {
		return fault.Newf(fault.Internal, "report this", "%s has %s out of the deposit, and the ledger says %s", r.Carriers[1].Carrier, got, r.Carriers[1].Received)
	}
	return nil
}
