package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/lateral-network/lateral/bench"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/sim"
	"github.com/lateral-network/lateral/trade/usage"
)

// benchCommand measures this machine.
type benchCommand struct {
	Ledger      benchLedgerCommand      `cmd:"" help:"Commands a second through ledger and channel, beside the consensus engine alone."`
	Rating      benchRatingCommand      `cmd:"" help:"Calls rated a second by longest prefix."`
	Voice       benchVoiceCommand       `cmd:"" help:"Two carriers' files through the whole network: time and memory."`
	Sonata      benchSonataCommand      `cmd:"" help:"Requests a second of a Sonata seller with many orders in store: list, get, post."`
	Compare     benchCompareCommand     `cmd:"" help:"Two carriers' records compared: records a second, CPU, memory; beside DuckDB."`
	Mesh        benchMeshCommand        `cmd:"" help:"Discovery and quoting among tens of thousands of simulated carriers, against flooding."`
	Compression benchCompressionCommand `cmd:"" help:"Many carriers' debts netted by pairs, by position and in circles: what is left, and in which time."`
	Money       benchMoneyCommand       `cmd:"" help:"Postings a second, public and private; from agreed usage to money moved; compression."`
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
	Goroutines []int  `placeholder:"N,..." help:"Numbers of goroutines to measure with; default: 1 and as many as there are processors."`
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

// benchCompareCommand is "lateral bench compare".
type benchCompareCommand struct {
	Calls    int        `placeholder:"N" help:"Calls that the two carriers exchange; default: 10000000, with --cycle 1000000 in each cycle."`
	Prefixes int        `default:"40000" help:"Prefixes of the rate sheet."`
	Plant    string     `default:"all=1%" placeholder:"KIND=SHARE%,..." help:"Errors to plant; default: ${default}."`
	Seed     uint64     `default:"1" help:"Seed of calls and sheets."`
	Runs     int        `default:"3" help:"Runs of each program, alternating; the median counts."`
	Memory   memorySize `placeholder:"SIZE" help:"Most memory for records, such as 1GiB; the rest goes to a temporary file. Default: 1.25GiB."`
	Dir      string     `placeholder:"DIR" help:"Folder for the generated files, on the disk to measure; default: the system's temporary one."`
	Duckdb   string     `name:"duckdb" placeholder:"PATH" help:"Run DuckDB on the same files in turn: the program that make bench-duckdb builds."`
	Parquet  bool       `help:"Read the same records from Parquet too."`
	Stream   bool       `help:"Make the records while they are read, without files."`
	Profile  string     `placeholder:"FILE" help:"Write a processor profile of one more run, for go tool pprof."`
	Cycle    bool       `help:"Measure cycles of 15 seconds instead: how long the settled delta takes after the end of each."`
	Cycles   int        `default:"50" help:"How many cycles, after those that fill the window."`
	JSON     bool       `name:"json" help:"Print one JSON document."`
	Job      bool       `hidden:"" help:"Do one run, which is read from standard input."`
}

func (benchCompareCommand) Help() string {
	return `Generates two carriers' records with known errors in them and compares them, each run in a process of its own. Prints
records a second, both files counted, from the start of the process to its end; CPU-seconds; and memory at its peak. With
--duckdb a program that does the same in SQL, without looking for causes, runs in turn on the same files; the ratios
say how many times our time it takes.

Examples:
  lateral bench compare --duckdb bin/lateral-duckdb
  lateral bench compare --calls 1000000 --runs 5 --plant duplicate=1%,clock_skew=2% --json
  lateral bench compare --calls 100000000 --stream --memory 6GiB --runs 1
  lateral bench compare --cycle`
}

func (c benchCompareCommand) Run(ctx context.Context, t terminal) error {
	if c.Job {
		return bench.RunJob(ctx, t.in, t.out)
	}
	if c.Calls < 0 || c.Cycle && (c.Stream || c.Duckdb != "") || c.Stream && c.Duckdb != "" {
		return usageError{fault.New(fault.Invalid, "this cannot be measured", "give a number of calls, and one of --cycle, --stream and --duckdb")}
	}
	calls := c.Calls
	switch {
	case calls == 0 && c.Cycle:
		calls = 1_000_000
	case calls == 0:
		calls = 10_000_000
	}
	from := trafficDay.UnixMilli()
	job := bench.CompareJob{Memory: int64(c.Memory), Parquet: c.Parquet, Profile: c.Profile, Traffic: bench.Traffic{Seed: c.Seed, Calls: calls, Prefixes: c.Prefixes, Plant: c.Plant,
		Span: usage.Interval{From: from, To: trafficDay.AddDate(0, 1, 0).UnixMilli()}}}
	if c.Cycle {
		res, err := bench.Cycles(ctx, job.Traffic, c.Cycles, t.err)
		if err != nil {
			return err
		}
		return show(t, c.JSON, res)
	}
	if !c.Stream {
		dir, err := os.MkdirTemp(c.Dir, "lateral-bench-")
		if err != nil {
			return durable.Explain("make a temporary folder", err)
		}
		defer os.RemoveAll(dir)
		plan, err := job.Plan()
		if err != nil {
			return usageError{err}
		}
		bar := newBar(t.err)
		defer bar.end()
		if _, _, err := (traffic{plan: plan, calls: calls, dir: dir, made: func(done uint64) { bar.show("writing calls", int64(done), int64(calls)) }}).write(ctx); err != nil {
			return err
		}
		bar.end()
		job.Dir = dir
	}
	self, err := os.Executable()
	if err != nil {
		return fault.New(fault.Unavailable, "this program's own file is not known", "start it by its path").Because(err)
	}
	res, err := bench.Compare(ctx, bench.CompareOptions{CompareJob: job, Runs: c.Runs, Peer: c.Duckdb, Progress: t.err,
		Child: func(ctx context.Context) *exec.Cmd {
			return exec.CommandContext(ctx, self, "bench", "compare", "--job")
		}})
	if err != nil {
		return err
	}
	return show(t, c.JSON, res)
}

// benchMeshCommand is "lateral bench mesh".
type benchMeshCommand struct {
	Carriers int    `default:"75000" help:"Carriers of the simulated network."`
	Pairs    int    `default:"1000" help:"Random pairs of places that are asked for."`
	Hops     int    `default:"4" help:"Asks in a row that an inquiry may make."`
	Asks     int    `placeholder:"N" help:"Asks in all that an inquiry may make; default: the node's own limit."`
	Levels   int    `default:"2" help:"Levels of reach that carriers tell their neighbours; 0: none."`
	Resale   string `placeholder:"RULE" help:"Resale rule of every carrier, or valley-free; default: everything is resold."`
	Seed     uint64 `default:"1" help:"Seed of network, prices, pairs and delays."`
	Numbers  string `default:"../shared/data/net/asn-org.csv.gz" placeholder:"FILE" help:"Table with numbers of autonomous systems, which name carriers where it is there."`
	JSON     bool   `name:"json" help:"Print one JSON document."`
}

func (benchMeshCommand) Help() string {
	return `Grows a network like that of autonomous systems (the model of Elmokashfi, Kvalbein and Dovrolis), gives its carriers places
and prices, and lets some of them ask for lines to places of others: each carrier is a node with the code of a real one, links
have delays, 1 % of the carriers never answer. Beside it the best price is computed that asking everybody within the same
hops could find.

Examples:
  lateral bench mesh
  lateral bench mesh --carriers 5000 --pairs 200 --hops 3
  lateral bench mesh --carriers 10000 --resale valley-free --json`
}

func (c benchMeshCommand) Run(ctx context.Context, t terminal) error {
	resale := c.Resale
	if resale == "valley-free" {
		resale = mesh.ValleyFree
	}
	bar := newBar(t.err)
	defer bar.end()
	res, err := bench.Mesh(ctx, bench.MeshOptions{Carriers: c.Carriers, Pairs: c.Pairs, Hops: c.Hops, Asks: c.Asks, Levels: c.Levels, Seed: c.Seed,
		Resale: resale, Numbers: c.Numbers, Progress: func(what string, done, of int) { bar.show(what, int64(done), int64(of)) }})
	if code := fault.CodeOf(err); code == fault.Invalid || code == "bad-rule" {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	bar.end()
	return show(t, c.JSON, res)
}

// benchSonataCommand is "lateral bench sonata".
type benchSonataCommand struct {
	Orders   int           `default:"100000" help:"Orders in store."`
	Clients  int           `default:"16" help:"Connections, each with one request at a time; 1 to 64."`
	Duration time.Duration `default:"10s" help:"Length of each run."`
	Seed     uint64        `default:"1" help:"Seed of what is asked for."`
	Dir      string        `placeholder:"DIR" help:"Folder for the store, on the disk to measure; default: the system's temporary one."`
	JSON     bool          `name:"json" help:"Print one JSON document."`
}

func (benchSonataCommand) Help() string {
	return `Starts a Sonata seller of release kylie with a store on disk, puts orders into it, and asks it over loopback HTTP with an
OAuth2 access token: pages of ten among the first thousand ("list") and anywhere ("deep"), lists by two filters, orders by id,
and new orders, which are delivered meanwhile. Prints requests a second and their times. Seller and load share this process and its processors.

Examples:
  lateral bench sonata
  lateral bench sonata --orders 10000 --clients 4 --duration 5s --json`
}

func (c benchSonataCommand) Run(ctx context.Context, t terminal) error {
	res, err := bench.Sonata(ctx, bench.SonataOptions{Orders: c.Orders, Clients: c.Clients, Duration: c.Duration, Seed: c.Seed, Dir: c.Dir, Progress: t.err})
	if err != nil {
		return err
	}
	return show(t, c.JSON, res)
}

// benchCompressionCommand is "lateral bench compression".
type benchCompressionCommand struct {
	Carriers    int    `default:"1000" help:"Carriers that owe each other."`
	Obligations int    `default:"1000000" help:"Obligations between them."`
	Partners    int    `placeholder:"N" help:"Partners that a carrier trades with, about; default: all others."`
	Runs        int    `default:"5" help:"Runs of each method, in turn; the median counts."`
	Seed        uint64 `default:"1" help:"Seed of the carriers' sizes, pairs and amounts."`
	JSON        bool   `name:"json" help:"Print one JSON document."`
}

func (benchCompressionCommand) Help() string {
	return `Makes obligations between carriers of very different sizes, with amounts of a heavy tail, and nets them: by pairs, by one
position for each carrier, in circles as a simple program comes across them ("cycles"), and by the largest compression
there is. Times are from the list of obligations to the outcome, on one processor. Every outcome is verified; for the
largest compression that includes the proof that it is the largest.

Examples:
  lateral bench compression
  lateral bench compression --carriers 200 --obligations 50000 --partners 12
  lateral bench compression --runs 1 --seed 7 --json`
}

func (c benchCompressionCommand) Run(ctx context.Context, t terminal) error {
	bar := newBar(t.err)
	defer bar.end()
	res, err := bench.Compression(ctx, bench.CompressionOptions{Carriers: c.Carriers, Obligations: c.Obligations, Partners: c.Partners, Runs: c.Runs,
		Seed: c.Seed, Progress: func(what string, done, of int) { bar.show(what, int64(done), int64(of)) }})
	if fault.CodeOf(err) == fault.Invalid {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	bar.end()
	return show(t, c.JSON, res)
}

// benchMoneyCommand is "lateral bench money".
type benchMoneyCommand struct {
	Seconds     int    `default:"10" help:"Seconds for which transfers are measured."`
	Transfers   int    `default:"1000" help:"Transfers in a command, at most 1000."`
	InFlight    int    `default:"8" help:"Commands of transfers on their way at once, over both members."`
	Obligations int    `default:"20000" help:"Obligations that are paid privately."`
	Each        int    `default:"1000" help:"Obligations in one payment, at most 2000."`
	Samples     int    `default:"100" help:"How often the way from agreed usage to money is timed."`
	Carriers    int    `default:"1000" help:"Carriers whose debts are compressed."`
	Debts       int    `default:"1000000" help:"Obligations between those carriers."`
	Runs        int    `default:"3" help:"Runs of each method of netting; the median counts."`
	Seed        uint64 `default:"1" help:"Seed of amounts, usage and debts."`
	Dir         string `placeholder:"DIR" help:"Folder for the nodes' data, on the disk to measure; default: the system's temporary one."`
	Profile     string `placeholder:"FILE" help:"Write a processor profile of the transfers, for go tool pprof; those of private payments go to FILE.private and FILE.execution."`
	JSON        bool   `name:"json" help:"Print one JSON document."`
}

func (benchMoneyCommand) Help() string {
	return `Starts four validators and two members in this process, as "bench ledger" does. The first member issues a token and the two
send it to each other on the Omnilateral; between them they have an agreement, an order and a lock, out of which the first pays
what it owes. Measured are transfers a second (one posting each); obligations paid inside the Bilateral (three postings each),
over the ledger and then executed alone in memory; the time from agreed usage to money moved; and "bench compression". At
the end all accounts of all nodes are added up anew, and everything is executed again from the first block on.

Examples:
  lateral bench money
  lateral bench money --seconds 30 --obligations 100000 --each 2000
  lateral bench money --profile cpu.pprof --json`
}

func (c benchMoneyCommand) Run(ctx context.Context, t terminal) error {
	res, err := bench.Money(ctx, bench.MoneyOptions{Duration: time.Duration(c.Seconds) * time.Second, Transfers: c.Transfers, InFlight: c.InFlight,
		Obligations: c.Obligations, Each: c.Each, Samples: c.Samples, Seed: c.Seed, Dir: c.Dir, Profile: c.Profile, Progress: t.err,
		Compression: bench.CompressionOptions{Carriers: c.Carriers, Obligations: c.Debts, Runs: c.Runs, Seed: c.Seed}})
	if fault.CodeOf(err) == fault.Invalid {
		return usageError{err}
	}
	if err != nil {
		return err
	}
	return show(t, c.JSON, res)
}

// memorySize is a number of bytes with a unit: 512MiB, 2GiB.
type memorySize int64

func (m *memorySize) UnmarshalText(text []byte) error {
	for i, unit := range []string{"KiB", "MiB", "GiB"} {
		if number, ok := strings.CutSuffix(string(text), unit); ok {
			f, err := strconv.ParseFloat(number, 64)
			if err != nil || !(f > 0 && f < 1e6) {
				break
			}
			*m = memorySize(f * float64(int64(1024)<<(10*i)))
			return nil
		}
	}
	return fault.Newf(fault.Invalid, "write a number and KiB, MiB or GiB, such as 1.5GiB", "%.40q is no size", text)
}

// show prints a result for people or machines.
func show(t terminal, asJSON bool, res interface{ Text() string }) error {
	if asJSON {
		return t.document(res)
	}
	_, err := fmt.Fprint(t.out, res.Text())
	return err
}
