package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/usage"
)

// generateCommand makes data.
type generateCommand struct {
	Voice generateVoiceCommand `cmd:"" help:"Two carriers' records of the same calls, with known errors in them."`
}

// generateVoiceCommand is "lateral generate voice".
type generateVoiceCommand struct {
	Calls      int           `default:"10000" help:"Calls that the two carriers exchange."`
	Seed       uint64        `default:"1" help:"Seed: the same one gives the same bytes."`
	Prefixes   int           `default:"1000" help:"Prefixes of the rate sheet; one in five changes its price in the middle."`
	Carriers   []string      `default:"ALPHA,BRAVO" placeholder:"CODE" help:"The two carriers, ours first; default: ${default}."`
	From       wire.Time     `default:"2026-03-01T00:00:00Z" placeholder:"TIME" help:"When the first call starts, RFC 3339; default: ${default}."`
	To         wire.Time     `default:"2026-04-01T00:00:00Z" placeholder:"TIME" help:"When no call starts any more; default: ${default}."`
	Plant      string        `placeholder:"KIND=SHARE%,..." help:"Errors to plant; all stands for every kind. Default: none, both sides are equal."`
	Floods     string        `placeholder:"KIND=COUNT,..." help:"Calls that look like fraud, beside the others; all stands for every kind. Default: none."`
	FloodCalls int           `default:"200" help:"Calls of each flood."`
	FloodCycle time.Duration `default:"1h" help:"A flood begins in the first half of such a cycle and ends with it."`
	Shape      string        `placeholder:"day" help:"day: few calls at night, UTC. Default: as many at all hours."`
	Out        string        `default:"." placeholder:"DIR" help:"Folder for the files; made if it is not there. Default: this one."`
	Gzip       bool          `help:"Compress the two files of calls."`
	JSON       bool          `name:"json" help:"Print what truth.json holds."`
}

func (generateVoiceCommand) Help() string {
	kinds := make([]string, len(voice.Kinds))
	for i, k := range voice.Kinds {
		kinds[i] = string(k)
	}
	floods := make([]string, len(voice.FloodKinds))
	for i, k := range voice.FloodKinds {
		floods[i] = string(k)
	}
	return `Writes ours.csv and theirs.csv, the records of the same calls as the two carriers have them; rates.csv, our rate sheet; and
truth.json: what was planted, how many calls each kind touches and the exact money that it makes. Where their sheet is
planted wrong there is their-rates.csv, where their invoice is, their-invoice.csv. Memory does not grow with the calls.

Kinds: ` + strings.Join(kinds, ", ") + `.
Kinds of floods: ` + strings.Join(floods, ", ") + `.

Examples:
  lateral generate voice --out calls --plant duplicate=0.5%,missing_random=1%,clock_skew=1%
  lateral generate voice --out all --plant all=1%
  lateral generate voice --out much --calls 10000000 --prefixes 40000 --seed 7 --plant all=1%,late_price=0.2% --gzip
  lateral generate voice --out fraud --floods all=2,loop=5 --shape day
  lateral generate voice --out day --carriers EAST,WEST --from 2026-11-02T00:00:00Z --to 2026-11-03T00:00:00Z --json`
}

func (c generateVoiceCommand) Run(ctx context.Context, t terminal) error {
	if c.Calls < 1 {
		return usageError{fault.New(fault.Invalid, "nothing would be generated", "give at least one call")}
	}
	if len(c.Carriers) != 2 {
		return usageError{fault.Newf(fault.Invalid, "name two, ours first: --carriers ALPHA,BRAVO", "%d carriers do not exchange calls", len(c.Carriers))}
	}
	plant, err := voice.ParsePlant(c.Plant)
	if err != nil {
		return usageError{err}
	}
	floods, err := voice.ParseFloods(c.Floods)
	if err != nil {
		return usageError{err}
	}
	bar := newBar(t.err)
	defer bar.end()
	x := traffic{
		plan: voice.Plan{
			Seed: c.Seed, Ours: party.Code(c.Carriers[0]), Theirs: party.Code(c.Carriers[1]), Prefixes: c.Prefixes, Plant: plant,
			Span:   usage.Interval{From: int64(c.From), To: int64(c.To)},
			Floods: voice.Floods{Count: floods, Calls: c.FloodCalls, Cycle: c.FloodCycle.Milliseconds()}, Shape: voice.Shape(c.Shape),
		},
		calls: c.Calls, dir: c.Out, gzip: c.Gzip, made: func(done uint64) { bar.show("writing calls", int64(done), int64(c.Calls)) },
	}
	truth, names, err := x.write(ctx)
	if err != nil {
		return err
	}
	bar.end()
	if c.JSON {
		return t.document(truth)
	}
	_, err = fmt.Fprintf(t.out, "%d records of %s and %d of %s, seed %d; in %s: %s\n", truth.Records.Ours.Read, truth.Plan.Ours,
		truth.Records.Theirs.Read, truth.Plan.Theirs, c.Seed, c.Out, strings.Join(names, ", "))
	return err
}

// traffic is a plan on its way into a folder.
type traffic struct {
	plan  voice.Plan
	calls int
	dir   string
	gzip  bool
	made  func(calls uint64) // told now and then; may be nil
}

// write makes the files of the plan and gives their names. What is there is not
// written over, and when something fails nothing is left behind.
func (x traffic) write(ctx context.Context) (truth voice.Truth, names []string, err error) {
	g, err := voice.NewGenerator(x.plan)
	if err != nil {
		return truth, nil, err
	}
	suffix := ""
	if x.gzip {
		suffix = ".gz"
	}
	names = []string{"ours.csv" + suffix, "theirs.csv" + suffix, "rates.csv"}
	if g.TheirSheet() {
		names = append(names, "their-rates.csv")
	}
	if g.Invoice() {
		names = append(names, "their-invoice.csv")
	}
	names = append(names, "truth.json")
	if err := os.MkdirAll(x.dir, 0o755); err != nil {
		return truth, nil, durable.Explain("make "+x.dir, err)
	}
	var files []*os.File
	defer func() {
		for _, f := range files {
			if e := f.Close(); e != nil && err == nil {
				err = durable.Explain("write "+f.Name(), e)
			}
		}
		if err != nil {
			for _, f := range files {
				os.Remove(f.Name())
			}
		}
	}()
	for _, name := range names {
		file, err := os.OpenFile(filepath.Join(x.dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, os.ErrExist) {
			return truth, nil, fault.Newf(fault.Conflict, "choose another folder, or move the file away", "%s is already in %s", name, x.dir)
		}
		if err != nil {
			return truth, nil, durable.Explain("make "+name, err)
		}
		files = append(files, file)
	}
	file := func(name string) io.Writer { return files[slices.Index(names, name)] }
	watch := func(w io.Writer) *watched { return &watched{ctx, w, func() { x.tell(g) }} }
	if err := x.records(g, watch(files[0]), watch(files[1]), file("rates.csv")); err != nil {
		return truth, nil, durable.Explain("write generated calls", err)
	}
	if g.TheirSheet() {
		if err := g.WriteTheirSheet(file("their-rates.csv")); err != nil {
			return truth, nil, durable.Explain("write their-rates.csv", err)
		}
	}
	if g.Invoice() {
		if err := g.WriteInvoice(file("their-invoice.csv")); err != nil {
			return truth, nil, durable.Explain("write their-invoice.csv", err)
		}
	}
	truth = g.Truth()
	if err := (terminal{out: file("truth.json")}).document(truth); err != nil {
		return truth, nil, durable.Explain("write truth.json", err)
	}
	return truth, names, nil
}

func (x traffic) tell(g *voice.Generator) {
	if x.made != nil {
		x.made(g.Calls())
	}
}

// records writes both sides' calls and our sheet.
func (x traffic) records(g *voice.Generator, ours, theirs, rates io.Writer) error {
	if !x.gzip {
		a, b := bufio.NewWriterSize(ours, 1<<20), bufio.NewWriterSize(theirs, 1<<20)
		return errors.Join(g.WriteFiles(a, b, rates, x.calls), a.Flush(), b.Flush())
	}
	a, _ := gzip.NewWriterLevel(ours, gzip.BestSpeed)
	b, _ := gzip.NewWriterLevel(theirs, gzip.BestSpeed)
	return errors.Join(g.WriteFiles(a, b, rates, x.calls), a.Close(), b.Close())
}

// watched is a file whose writing ends with its context.
type watched struct {
	ctx context.Context
	io.Writer
	written func()
}

func (w *watched) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	w.written()
	return w.Writer.Write(p)
}

// trafficDay is when generated traffic of a bench begins.
var trafficDay = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
