package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/lateral-network/lateral/bench"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/sim"
	"github.com/lateral-network/lateral/trade/usage"
)

// benchCommand measures this machine.
type benchCommand struct {
	Ledger benchLedgerCommand `cmd:"" help:"Commands a second through ledger and channel, beside the consensus engine alone."`
	Rating benchRatingCommand `cmd:"" help:"Calls rated a second by longest prefix."`
	Voice  benchVoiceCommand  `cmd:"" help:"Two carriers' files through the whole network: time and memory."`
}

// benchLedgerCommand is "lateral bench ledger".
type benchLedgerCommand struct {
	Runs     int           `default:"5" help:"Runs of each kind, alternating; the median counts."`
	Duration time.Duration `default:"10s" help:"Length of each run."`
	InFlight int           `default:"10000" help:"Commands on their way at once, over both members."`
	Seed     uint64        `default:"1" help:"Seed of ids, hashes and amounts."`
	Signed   bool          `default:"true" negatable:"" help:"Measure commands that each carry a delegate's signature too."`
	Bare     bool          `default:"true" negatable:"" help:"Measure the engine alone too."`
	Dir      string        `placeholder:"DIR" help:"Folder for the nodes' data, on the disk to measure; default: the system's temporary one."`
	Profile  string        `placeholder:"FILE" help:"Write a processor profile, for go tool pprof; that of signed commands goes to FILE.signed."`
	JSON     bool          `name:"json" help:"Print one JSON document."`
}

func (benchLedgerCommand) Help() string {
	return `Starts four validators in this process, each with the Omnilateral in a store of its own on disk, and two members that
follow one validator each over TLS. They open a Bilateral and send document.record commands of 250 bytes; a command
counts when the member that sent it has executed it. At the end both members must have signed the same log.

Examples:
  lateral bench ledger
  lateral bench ledger --runs 1 --duration 5s --no-signed --no-bare
  lateral bench ledger --in-flight 2000 --profile cpu.pprof --json`
}

func (c benchLedgerCommand) Run(ctx context.Context, t terminal) error {
	res, err := bench.Ledger(ctx, bench.LedgerOptions{
		Runs: c.Runs, Duration: c.Duration, InFlight: c.InFlight, Seed: c.Seed, Signed: c.Signed, Bare: c.Bare,
		Dir: c.Dir, Profile: c.Profile, Progress: t.err,
	})
	if err != nil {
		return err
	}
	return show(t, c.JSON, res)
}

// benchRatingCommand is "lateral bench rating".
type benchRatingCommand struct {
	Prefixes   int    `default:"40000" help:"Prefixes of the rate sheet."`
	Calls      int    `default:"1000000" help:"Calls to rate."`
	Goroutines []int  `default:"1,2" help:"Numbers of goroutines to measure with."`
	Runs       int    `default:"5" help:"Runs of each; the median counts."`
	Seed       uint64 `default:"1" help:"Seed of sheet and calls."`
	JSON       bool   `name:"json" help:"Print one JSON document."`
}

func (benchRatingCommand) Help() string {
	return `Generates a rate sheet and calls, reads them, and then measures how many calls a second find the row that prices them,
with and without the rest of rating (billed seconds and period).

Examples:
  lateral bench rating
  lateral bench rating --prefixes 200000 --goroutines 1,2,4,8
  lateral bench rating --json`
}

func (c benchRatingCommand) Run(ctx context.Context, t terminal) error {
	res, err := bench.Rating(ctx, bench.RatingOptions{Prefixes: c.Prefixes, Calls: c.Calls, Goroutines: c.Goroutines, Runs: c.Runs, Seed: c.Seed})
	if err != nil {
		return err
	}
	return show(t, c.JSON, res)
}

// benchVoiceCommand is "lateral bench voice".
type benchVoiceCommand struct {
	Calls    int           `default:"1000000" help:"Calls that the two carriers exchange."`
	Span     time.Duration `default:"24h" help:"Time over which they spread."`
	Period   string        `default:"1h" help:"Billing period: 15s, 1m, 1h, 1d or 1mo."`
	Prefixes int           `default:"1000" help:"Prefixes of the rate sheet."`
	Seed     uint64        `default:"1" help:"Seed of calls and sheet."`
	JSON     bool          `name:"json" help:"Print one JSON document."`
}

func (benchVoiceCommand) Help() string {
	return `Generates two carriers' files with the usual differences in them, runs "sandbox voice" on them, and prints how long that
took and how much memory this process, which holds four validators and both carriers, had at its peak.

Examples:
  lateral bench voice
  lateral bench voice --calls 100000 --period 15s
  lateral bench voice --calls 10000 --json`
}

func (c benchVoiceCommand) Run(ctx context.Context, t terminal) error {
	dir, err := os.MkdirTemp("", "lateral-bench-")
	if err != nil {
		return durable.Explain("make a temporary folder", err)
	}
	defer os.RemoveAll(dir)
	from := trafficDay.UnixMilli()
	plan := voice.Plan{
		Seed: c.Seed, Ours: "ALPHA", Theirs: "BRAVO", Prefixes: c.Prefixes, Plant: voice.LivePlant, Single: true,
		Span: usage.Interval{From: from, To: from + c.Span.Milliseconds()},
	}
	if _, _, err := (traffic{plan: plan, calls: c.Calls, dir: dir}).write(ctx); err != nil {
		return err
	}
	res, err := bench.Measure(func() error {
		report, err := sim.Voice(ctx, sim.VoiceOptions{Ours: filepath.Join(dir, "ours.csv"), Theirs: filepath.Join(dir, "theirs.csv"),
			Rates: filepath.Join(dir, "rates.csv"), Cycle: c.Period, Progress: t.err})
		if err == nil && report.StateRoot.Ours != report.StateRoot.Theirs {
			err = fault.New(fault.Internal, "the two carriers came to different states", "report this with the seed")
		}
		return err
	})
	if err != nil {
		return err
	}
	res.Name = fmt.Sprintf("2 x %d calls over %s, periods of %s, %d prefixes, seed %d", c.Calls, c.Span, c.Period, c.Prefixes, c.Seed)
	return show(t, c.JSON, res)
}

// show prints a result for people or machines.
func show(t terminal, asJSON bool, res interface{ Text() string }) error {
	if asJSON {
		return t.document(res)
	}
	_, err := fmt.Fprint(t.out, res.Text())
	return err
}
