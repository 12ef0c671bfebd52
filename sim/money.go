package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/node"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
)

// MoneyOptions say how "lateral sandbox money" is to run.
type MoneyOptions struct {
	Dir      string // kept; empty: a temporary folder
	Carriers int    // 4 to 12; 0: 12
	Seed     uint64 // of the traffic; 0: 1
	Progress io.Writer
	Log      *slog.Logger
}

// moneyCarriers are the carriers of the sandbox, in order. The first issues the
// token, the one half way round leaves a deposit alone, the last stops paying.
var moneyCarriers = []party.Code{"ALPHA", "BRAVO", "CHARLIE", "DELTA", "ECHO", "FOXTROT", "GOLF", "HOTEL", "INDIA", "JULIETT", "KILO", "LIMA"}

// tempo is how a month is compressed: what lasts days elsewhere.
type tempo struct {
	limit     time.Duration // of the run
	advice    time.Duration // after the due date until a debt is overdue
	challenge time.Duration // in which an exit from a deposit may be contested
	join      time.Duration // in which debts are offered into a round of netting
}

// bankBegin is what stands on each account at a bank at first: 100,000.00.
const bankBegin = 10_000_000

var usualTempo = tempo{limit: 4 * time.Minute, advice: 40 * time.Second, challenge: 5 * time.Second, join: 20 * time.Second}

// Month runs carriers with reciprocal trade for a compressed month and settles
// what they owe each other in every way there is. Code: invalid.
func Month(ctx context.Context, o MoneyOptions) (*MoneyReport, error) {
	start, dir := time.Now(), o.Dir
	if o.Carriers == 0 {
		o.Carriers = len(moneyCarriers)
	}
	if o.Carriers < 4 || o.Carriers > len(moneyCarriers) {
		return nil, fault.Newf(fault.Invalid, "ask for 4 to 12", "the sandbox has no %d carriers", o.Carriers).In("carriers")
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Dir == "" {
		var err error
		if o.Dir, err = os.MkdirTemp("", "lateral-sandbox-"); err != nil {
			return nil, durable.Explain("make a temporary folder", err)
		}
		defer os.RemoveAll(o.Dir)
	}
	m, err := newMoney(o, usualTempo, start)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithDeadline(ctx, start.Add(m.tempo.limit))
	defer cancel()
	r, err := m.play(limited)
	switch {
	case limited.Err() != nil && ctx.Err() == nil:
		return nil, fault.Newf(fault.Unavailable, "run it again while the machine does less, or with fewer carriers", "it was not through within %s", m.tempo.limit).Because(err)
	case err != nil:
		return nil, err
	}
	r.out = dir
	return r, nil
}

// moneyRun is one run.
type moneyRun struct {
	*mint
	o     MoneyOptions
	tempo tempo
	start time.Time
	say   func(string, ...any)
	deals []*dealing
}

// newMoney builds the network and plans the traffic; it starts nothing.
func newMoney(o MoneyOptions, t tempo, start time.Time) (*moneyRun, error) {
	codes := moneyCarriers[:o.Carriers]
	net, err := Build(Options{
		Dir: o.Dir, Carriers: codes, Log: o.Log, Challenge: t.challenge,
		Automatic: node.Automatic{Rate: true, Accept: true, Tokens: true},
	})
	if err != nil {
		return nil, err
	}
	b, err := openBank(codes, []money.Currency{moneyUnit}, bankBegin)
	if err != nil {
		return nil, err
	}
	m := &moneyRun{o: o, tempo: t, start: start, say: progress(o.Progress, start), deals: planDeals(codes, o.Seed, start)}
	m.mint, err = newMint(net, b)
	return m, err
}

// play starts the network, runs everything, and stops it.
func (m *moneyRun) play(ctx context.Context) (*MoneyReport, error) {
	if err := m.net.Start(); err != nil {
		return nil, err
	}
	r, err := m.whole(ctx)
	if err = errors.Join(err, m.net.Stop()); err != nil {
		return nil, err
	}
	r.Seconds = float64(time.Since(m.start).Milliseconds()) / 1000
	return r, nil
}

// whole runs the month on a network that has been started, and refuses a report
// in which a unit is missing.
func (m *moneyRun) whole(ctx context.Context) (*MoneyReport, error) {
	r := &MoneyReport{Currency: moneyUnit, Token: moneyToken, Seed: m.o.Seed, Carriers: len(m.net.o.Carriers), Bilaterals: len(m.deals), Cycles: moneyCycles}
	for _, step := range []func(context.Context, *MoneyReport) error{
		m.ready, m.issue, m.sign, m.deposit, m.month, m.offset, m.rounds, m.overBanks, m.defaulted, m.exit, m.redeem, m.audit,
	} {
		if err := step(ctx, r); err != nil {
			return nil, err
		}
	}
	return r, r.conserved()
}

// of gives a carrier.
func (m *moneyRun) of(code party.Code) *purse {
	return m.holders[slices.IndexFunc(m.holders, func(p *purse) bool { return p.code == code })]
}

// leaver and defaulter are carriers with a part of their own; the first issues.
func (m *moneyRun) leaver() *purse    { return m.holders[len(m.holders)/2] }
func (m *moneyRun) defaulter() *purse { return m.holders[len(m.holders)-1] }

// ready waits for all nodes.
func (m *moneyRun) ready(ctx context.Context, _ *MoneyReport) error {
	for _, code := range m.net.o.Carriers {
		if err := m.net.WaitReady(ctx, code); err != nil {
			return err
		}
		p, err := m.net.purse(code)
		if err != nil {
			return err
		}
		m.holders = append(m.holders, p)
	}
	m.say("%d validators and %d carriers are up", m.net.o.Validators, len(m.holders))
	return nil
}

// sign has all pairs open their Bilaterals and agree.
func (m *moneyRun) sign(ctx context.Context, _ *MoneyReport) error {
	for _, d := range m.deals {
		var err error
		if d.pair, err = m.net.desks(d.code(0), d.code(1)); err != nil {
			return err
		}
	}
	if err := together(m.deals, func(d *dealing) error {
		err := m.net.agree(ctx, d.pair, deal{cycle: moneyCycle, sheets: [2][]byte{d.sheet(), d.sheet()}, value: moneyValue, change: m.terms(d)}, func(string, ...any) {})
		if err != nil {
			return fmt.Errorf("%s and %s: %w", d.code(0), d.code(1), err)
		}
		return nil
	}); err != nil {
		return err
	}
	m.say("%d pairs have a Bilateral, MSA-1 and rates both ways; %d of them settle by token", len(m.deals), len(m.byToken()))
	return nil
}

// usd writes an amount of the sandbox's currency.
func usd(m money.Micro) money.Amount { return money.Amount{Currency: moneyUnit, Micro: m} }
