package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/lateral-network/lateral/sim"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/usage"
)

// sandboxCommand runs a whole network on this machine.
type sandboxCommand struct {
	Live  liveCommand  `cmd:"" default:"withargs" help:"Live generated calls, cleared every 15 seconds, until Ctrl-C (the default)."`
	Voice voiceCommand `cmd:"" help:"Clear two carriers' call-record files and end."`
	Mesh  meshCommand  `cmd:"" help:"Find, order, measure, bill and settle one service across seven carriers, and end."`
	Money moneyCommand `cmd:"" help:"Trade a month among twelve carriers, settle it in every way there is, and end."`
}

// liveCommand is "lateral sandbox".
type liveCommand struct {
	Out      string        `help:"Keep the network's files in this folder instead of a temporary one." placeholder:"DIR"`
	Cycle    string        `name:"period" default:"15s" help:"Billing period: 15s, 1m, 1h, 1d or 1mo."`
	Calls    float64       `default:"20" help:"Calls a second that the two carriers exchange."`
	Carriers int           `default:"7" help:"How many carriers: 7, the mesh that deals in lines as well, or 2."`
	Load     int           `default:"0" placeholder:"N" help:"Import so many calls of earlier periods first, up to a million, for a store that is full."`
	Newcomer string        `placeholder:"CODE" help:"Start the node of one more carrier, which is no member of the network yet."`
	Listen   string        `default:"127.0.0.1:8080" placeholder:"127.0.0.1:PORT" help:"Where browsers reach all carriers, on the loopback interface; port 0, or one in use: a free one."`
	URLs     string        `name:"urls" placeholder:"FILE" help:"Write everybody's one-time links to sign in to this file, as JSON, once everything is up."`
	Seed     uint64        `default:"0" help:"Seed of the generated calls; 0 takes one from the clock and prints it."`
	For      time.Duration `help:"End after this time instead of at Ctrl-C." placeholder:"5m"`
	One      bool          `name:"one-process" help:"Run all nodes in this process; a node that is killed is then only stopped."`
	Verbose  bool          `help:"Show the log lines of nodes in this process too."`
}

func (liveCommand) Help() string {
	return `Four validators agree on every block over encrypted connections on the loopback interface; seven carriers are separate
nodes with their own keys, stores and processes. Neighbours have agreements and catalogues and take inquiries and orders; ALPHA and
BRAVO exchange generated calls as well, with a few planted differences, and every period is stated, compared, invoiced, disputed where
it must be, netted and paid. All of them are behind one address for browsers, each by its name: http://alpha.localhost:8080. Under
/sandbox there nodes can be killed, ways cut, stores damaged. Files are temporary: any number of sandboxes may run at once.

Examples:
  lateral sandbox
  lateral sandbox --carriers 2 --period 1m --calls 200
  lateral sandbox --out ./network --for 5m`
}

func (c liveCommand) Run(ctx context.Context, t terminal) error {
	if _, err := usage.ParseCycle(c.Cycle); err != nil {
		return usageError{fmt.Errorf("--period: %w", err)}
	}
	if c.For > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.For)
		defer cancel()
	}
	binary := ""
	if !c.One {
		var err error
		if binary, err = os.Executable(); err != nil {
			return err
		}
	}
	err := sim.Live(ctx, sim.LiveOptions{
		Dir: c.Out, Cycle: c.Cycle, CallsPerSecond: c.Calls, Seed: c.Seed, Carriers: c.Carriers, Load: c.Load, Newcomer: c.Newcomer, Listen: c.Listen, URLs: c.URLs, Binary: binary, Timeline: t.out, Log: logTo(t, c.Verbose),
	})
	if ctx.Err() != nil && (errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)) {
		return nil // it was to end then, even before it had quite begun
	}
	return err
}

// voiceCommand is "lateral sandbox voice".
type voiceCommand struct {
	Ours      string `required:"" placeholder:"A.csv" help:"Our call records, may be gzipped."`
	Theirs    string `required:"" placeholder:"B.csv" help:"Their records of the same traffic."`
	Rates     string `required:"" placeholder:"R.csv" help:"Rate sheet for calls that we send."`
	RatesBack string `placeholder:"R2.csv" help:"Rate sheet for calls that they send; without it --rates serves both."`
	twoFormats
	Us        string `placeholder:"CODE" help:"Our carrier code; default: the first in byte order of the two in the first good row of --ours."`
	Period    string `default:"1h" help:"Billing period: 15s, 1m, 1h, 1d or 1mo."`
	JSON      bool   `name:"json" help:"Print one JSON document."`
	Out       string `placeholder:"DIR" help:"Keep invoices, proofs, network.json and the nodes' data in this folder."`
	Processes bool   `help:"Run every validator and carrier as a process of its own."`
	Verbose   bool   `help:"Show the nodes' own log lines too."`
}

func (voiceCommand) Help() string {
	return `Starts the sandbox's network, gives each carrier its own file, clears every period found in the files as fast as it
can, pays what is agreed (ours by token out of a deposit, theirs over a bank by ISO 20022), and ends. Progress goes to standard error, the result to standard output.

Examples:
  lateral sandbox voice --ours ours.csv --theirs theirs.csv --rates rates.csv
  lateral sandbox voice --ours a.csv.gz --theirs b.csv.gz --rates out.csv --rates-back in.csv --us ALPHA --period 1d
  lateral sandbox voice --ours Master.csv --format-ours asterisk --zone-ours Europe/Berlin --theirs b.parquet --rates r.csv
  lateral sandbox voice --ours a.csv --theirs b.csv --rates r.csv --json --out run1
  lateral verify run1/proofs/*.proof`
}

func (c voiceCommand) Run(ctx context.Context, t terminal) error {
	if _, err := usage.ParseCycle(c.Period); err != nil {
		return usageError{fmt.Errorf("--period: %w", err)}
	}
	binary := ""
	if c.Processes {
		var err error
		if binary, err = os.Executable(); err != nil {
			return err
		}
	}
	formats, err := c.twoFormats.parse()
	if err != nil {
		return err
	}
	report, err := sim.Voice(ctx, sim.VoiceOptions{
		Formats: formats, Ours: c.Ours, Theirs: c.Theirs, Rates: c.Rates, RatesBack: c.RatesBack, Us: c.Us, Cycle: c.Period,
		Dir: c.Out, Binary: binary, Settle: true, Progress: t.err, Log: logTo(t, c.Verbose),
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return t.document(report)
	}
	_, err = fmt.Fprint(t.out, report.Text())
	return err
}

// meshCommand is "lateral sandbox mesh".
type meshCommand struct {
	Integration string `default:"common-record" enum:"common-record,proof" help:"How bills come about: common-record (the Bilateral generates them) or proof (each side does, and they must be equal)."`
	JSON        bool   `name:"json" help:"Print one JSON document."`
	Out         string `placeholder:"DIR" help:"Keep the network's files in this folder instead of a temporary one."`
	Verbose     bool   `help:"Show the nodes' own log lines too."`
}

func (meshCommand) Help() string {
	return `Seven carriers in a partial mesh, each with its own node, catalogue and prices, know their neighbours only. A customer of
ALPHA asks for a line from Hong Kong to Milan: the inquiry goes from neighbour to neighbour over LSO Sonata, the best offer
is ordered along its chain, delivered, used for hours that last a second each, measured by both sides of each hop, billed and
credited on each pair's Bilateral, ended, accepted and settled. The run ends by itself, within 45 seconds. Progress goes to standard error, the result to standard output.

Examples:
  lateral sandbox mesh
  lateral sandbox mesh --json
  lateral sandbox mesh --integration proof --out ./mesh`
}

func (c meshCommand) Run(ctx context.Context, t terminal) error {
	report, err := sim.Mesh(ctx, sim.MeshOptions{
		Dir: c.Out, Integration: agreement.Integration(c.Integration), Progress: t.err, Log: logTo(t, c.Verbose),
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return t.document(report)
	}
	_, err = fmt.Fprint(t.out, report.Text())
	return err
}

// moneyCommand is "lateral sandbox money".
type moneyCommand struct {
	Carriers int    `default:"12" help:"How many carriers trade: 4 to 12."`
	Seed     uint64 `default:"1" help:"Seed of the calls that they exchange."`
	JSON     bool   `name:"json" help:"Print one JSON document."`
	Out      string `placeholder:"DIR" help:"Keep the network's files in this folder instead of a temporary one."`
	Verbose  bool   `help:"Show the nodes' own log lines too."`
}

func (moneyCommand) Help() string {
	return `Twelve carriers, each with its own node, buy of each other both ways for a month of four weekly bills. ALPHA issues a token
against money at a bank; pairs pay each other out of deposits, or by files of ISO 20022 over the sandbox's bank. At the end of
the month what is open is netted by pairs, by position and in circles, and rounds between the nodes take it off; one carrier
stops paying, one leaves a deposit alone, one has its tokens redeemed. Then all journals are read on both sides of each pair and
added up. The exit code is 1 when a unit is missing. Progress goes to standard error, the result to standard output.

Examples:
  lateral sandbox money
  lateral sandbox money --json
  lateral sandbox money --carriers 6 --seed 42 --out ./money`
}

func (c moneyCommand) Run(ctx context.Context, t terminal) error {
	report, err := sim.Month(ctx, sim.MoneyOptions{
		Dir: c.Out, Carriers: c.Carriers, Seed: c.Seed, Progress: t.err, Log: logTo(t, c.Verbose),
	})
	if err != nil {
		return err
	}
	if c.JSON {
		return t.document(report)
	}
	_, err = fmt.Fprint(t.out, report.Text())
	return err
}

// logTo gives the log of a sandbox's nodes: warnings only, or everything.
func logTo(t terminal, verbose bool) *slog.Logger {
	level := slog.LevelError
	if verbose {
		level = slog.LevelInfo
	}
	return slog.New(slog.NewTextHandler(t.err, &slog.HandlerOptions{Level: level}))
}
