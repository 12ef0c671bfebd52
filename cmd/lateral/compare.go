package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/lateral-network/lateral/compare"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

type compareCommand struct {
	Ours             string         `group:"What is compared:" required:"" placeholder:"A.csv" help:"Our call records."`
	Theirs           string         `group:"What is compared:" required:"" placeholder:"B.csv" help:"Their call records of the same traffic."`
	Rates            string         `group:"What is compared:" required:"" placeholder:"R.csv" help:"Rate sheet for the calls that we send."`
	RatesBack        string         `group:"What is compared:" placeholder:"R2.csv" help:"Rate sheet for the calls that they send; default: --rates serves both."`
	TheirRates       string         `group:"What they sent:" placeholder:"T.csv" help:"Their sheet for the calls that we send."`
	TheirRatesBack   string         `group:"What they sent:" placeholder:"T2.csv" help:"Their sheet for the calls that they send."`
	TheirInvoice     string         `group:"What they sent:" placeholder:"I.csv" help:"The lines of their invoice; without it, what their sheet makes of their records."`
	Us               string         `group:"What is compared:" placeholder:"CODE" help:"Which of the two carriers we are; default: the first in byte order."`
	Deal             string         `group:"What was agreed:" placeholder:"deal.yaml" help:"What the two have agreed, see: lateral deal example. The flags below go before it."`
	Period           string         `group:"What was agreed:" placeholder:"1h" help:"Billing period: 15s, 1m, 1h, 1d, 1mo; default: the deal's, or the whole file is one."`
	StartTolerance   *time.Duration `group:"What was agreed:" placeholder:"3s" help:"Most that two starts of one call are apart; default: the deal's, or 3s."`
	SecondsTolerance *uint32        `group:"What was agreed:" placeholder:"0" help:"Most that billed seconds differ and still count as equal; default: the deal's, or 0."`
	Round            string         `group:"What was agreed:" placeholder:"line:half-up:6" help:"What is rounded, how, to how many places: line, call or invoice; half-up, half-even, up or down; 0 to 6. Default: the deal's, or line:half-up:6."`
	twoFormats       `group:"How the files are written:"`
	Follow           bool          `group:"While records come in:" help:"Follow two growing files, or folders of files, and settle what came every few seconds, until interrupted."`
	Every            time.Duration `group:"While records come in:" default:"15s" placeholder:"15s" help:"How often what came is settled; default: ${default}."`
	Horizon          time.Duration `group:"While records come in:" default:"24h" placeholder:"24h" help:"How long calls are remembered after they began: longer than the longest call and the longest delay of a record together; default: ${default}."`
	Once             bool          `group:"While records come in:" help:"With --follow: end when all that is there is read."`
	Signals          bool          `group:"The result:" help:"Also look for what looks like fraud in our records."`
	JSON             bool          `group:"The result:" name:"json" help:"Print one JSON document."`
	Out              string        `group:"The result:" placeholder:"DIR" help:"Write the waterfall, the drill-down to each call and the evidence of each cause into this folder."`
}

func (compareCommand) Help() string {
	return `Matches the calls of both files, rates them, and walks from their bill to our expectation, cause by cause, so that the
amounts of the causes add up to the difference. What it learns of how numbers and times are written is shown.
It needs no node and no partner. Exit code 0: it ran, whatever it found.

Examples:
  lateral compare --ours ours.csv --theirs theirs.csv --rates rates.csv
  lateral compare --ours a.csv.gz --theirs b.csv.gz --rates out.csv --rates-back in.csv --us ALPHA --out march
  lateral compare --ours a.csv --theirs b.csv --rates r.csv --their-rates t.csv --period 1d --json > result.json
  lateral compare --ours a.csv --theirs b.csv --rates r.csv --their-invoice i.csv --deal deal.yaml
  lateral compare --ours a.csv --theirs b.csv --rates r.csv --start-tolerance 5s --round call:up:4
  lateral compare --follow --ours /var/cdr/out.csv --theirs /srv/partner --rates r.csv --json >> deltas.jsonl`
}

func (c *compareCommand) Run(ctx context.Context, t terminal) error {
	job := compare.Job{Us: party.Code(c.Us), StartTolerance: compare.DefaultStartTolerance, Signals: c.Signals}
	var err error
	if c.Deal != "" {
		deal, err := readDeal(c.Deal)
		if err != nil {
			return err
		}
		deal.Apply(&job)
	}
	if c.StartTolerance != nil {
		if *c.StartTolerance < 0 {
			return usageError{fault.New(fault.Invalid, "starts cannot be less than nothing apart", "name a duration like 3s").In("start-tolerance")}
		}
		job.StartTolerance = *c.StartTolerance
	}
	if c.SecondsTolerance != nil {
		job.SecondsTolerance = *c.SecondsTolerance
	}
	if c.Round != "" {
		if job.Rounding, err = compare.ParseRounding(c.Round); err != nil {
			return usageError{err}
		}
	}
	formats, err := c.twoFormats.parse()
	if err != nil {
		return err
	}
	sheets := []struct {
		path string
		to   **rating.Sheet
	}{{c.Rates, &job.Rates[0]}, {c.RatesBack, &job.Rates[1]}, {c.TheirRates, &job.TheirRates[0]}, {c.TheirRatesBack, &job.TheirRates[1]}}
	failed := make([]error, len(sheets))
	var reading sync.WaitGroup
	for i, s := range sheets {
		if s.path != "" {
			reading.Go(func() { *s.to, failed[i] = readSheet(s.path) })
		}
	}
	reading.Wait()
	if err := cmp.Or(failed...); err != nil {
		return err
	}
	if c.TheirInvoice != "" {
		if job.TheirInvoice, err = readInvoice(c.TheirInvoice); err != nil {
			return err
		}
	}
	if c.Period != "" {
		if job.Cycle, err = usage.ParseCycle(c.Period); err != nil {
			return usageError{err}
		}
	}
	if c.Once && !c.Follow {
		return usageError{fault.New(fault.Invalid, "files that are not followed are compared once anyway", "leave --once out, or give --follow").In("once")}
	}
	if c.Follow {
		return c.follow(ctx, t, job, formats)
	}
	for i, path := range []string{c.Ours, c.Theirs} {
		if job.Records[i], err = compare.File(path); err != nil {
			return err
		}
		job.Records[i].Format = formats[i]
	}
	if c.Out != "" {
		if err := compare.CheckFolder(c.Out); err != nil {
			return err
		}
		job.Detail = true
	}
	if sameFile(c.Ours, c.Theirs) {
		fmt.Fprintf(t.err, "warning: --ours and --theirs are one file, %s: nothing can differ\n", c.Ours)
	}
	bar := &bar{}
	if !c.JSON {
		bar = newBar(t.err)
	}
	defer bar.end()
	job.Progress = bar.show
	compare.LimitMemory(job.Memory)
	result, err := compare.Run(ctx, job)
	if err != nil {
		return err
	}
	defer result.Close()
	if c.Out != "" {
		if err := result.Write(ctx, c.Out); err != nil {
			return err
		}
	}
	bar.end()
	for _, b := range [2]struct{ path, what string }{{c.Ours, result.Broken.Ours}, {c.Theirs, result.Broken.Theirs}} {
		if b.what != "" {
			fmt.Fprintf(t.err, "warning: %s: %s; the rows before are compared\n", b.path, b.what)
		}
	}
	if c.JSON {
		return t.document(result)
	}
	look := compare.Look{Width: 100}
	if width, ok := columns(t.out); ok {
		look = compare.Look{Width: width, Bold: os.Getenv("NO_COLOR") == ""}
	}
	if _, err := fmt.Fprint(t.out, result.Text(look)); err != nil || c.Out == "" {
		return err
	}
	_, err = fmt.Fprintf(t.out, "\nwaterfall, drill-down and evidence are in %s; begin with %s\n", c.Out, filepath.Join(c.Out, "waterfall.html"))
	return err
}

// shownRefusals is how many refused rows of a cycle are told one by one.
const shownRefusals = 5

// follow prints what changes while records come in.
func (c *compareCommand) follow(ctx context.Context, t terminal, job compare.Job, formats [2]*voice.Format) error {
	if c.Out != "" {
		return usageError{fault.New(fault.Invalid, "a folder of evidence needs all records of a period at once", "compare the files of the period when it is over").In("out")}
	}
	if sameFile(c.Ours, c.Theirs) {
		return usageError{fault.Newf(fault.Invalid, "name two", "--ours and --theirs are one, %s", c.Ours)}
	}
	warn := func(text string) { fmt.Fprintf(t.err, "warning: %s\n", text) }
	lines := json.NewEncoder(t.out)
	lines.SetEscapeHTML(false)
	return compare.Follow{Job: job, Paths: [2]string{c.Ours, c.Theirs}, Formats: formats, Every: c.Every, Horizon: c.Horizon, Once: c.Once, Warn: warn,
		Learned: func(list []compare.Learned) {
			for _, l := range list {
				fmt.Fprintf(t.err, "learned: %s %s: %s\n", l.Side, l.Trunk, l.Detail)
			}
		},
		Delta: func(d *compare.Delta) error {
			for s := range d.Rejects {
				for i, r := range d.Rejects[s] {
					if i == shownRefusals {
						warn(fmt.Sprintf("and %d more rows are refused", len(d.Rejects[s])-i))
						break
					}
					warn(fmt.Sprintf("%s line %d is refused: %s (%s)", r.Name, r.Line, r.Detail, r.Code))
				}
				for _, what := range d.Broken[s] {
					warn(what + "; the rows before count")
				}
			}
			if c.JSON {
				return lines.Encode(d)
			}
			_, err := fmt.Fprint(t.out, d.Text())
			return err
		}}.Run(ctx)
}

// openInput opens a file that is read once: it may be a pipe.
func openInput(path string) (*os.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Newf(fault.NotFound, "name a file that this user can read", "%s cannot be read", path).Because(err)
	}
	if info, err := f.Stat(); err == nil && info.IsDir() {
		f.Close()
		return nil, fault.Newf(fault.Invalid, "name a file in it", "%s is a folder", path)
	}
	return f, nil
}

// sameFile reports whether two paths lead to one file.
func sameFile(a, b string) bool {
	x, err := os.Stat(a)
	if err != nil {
		return false
	}
	y, err := os.Stat(b)
	return err == nil && os.SameFile(x, y)
}

func readDeal(path string) (compare.Deal, error) {
	f, err := openInput(path)
	if err != nil {
		return compare.Deal{}, err
	}
	defer f.Close()
	d, err := compare.ReadDeal(f)
	if err != nil {
		return d, fmt.Errorf("reading %s: %w", path, err)
	}
	return d, nil
}

// dealCommand is about files that say what two carriers have agreed.
type dealCommand struct {
	Example dealExample `cmd:"" help:"Print a deal file with everything in it, and what each line means."`
	Check   dealCheck   `cmd:"" help:"Say whether a deal file can be used, and if not what is wrong with it."`
}

type dealExample struct{}

func (dealExample) Help() string {
	return "Examples:\n\n    lateral deal example > deal.yaml\n    lateral compare --ours a.csv --theirs b.csv --rates r.csv --deal deal.yaml"
}

func (dealExample) Run(t terminal) error {
	_, err := fmt.Fprint(t.out, compare.DealExample)
	return err
}

type dealCheck struct {
	File string `arg:"" help:"The deal file."`
}

func (dealCheck) Help() string { return "Examples:\n\n    lateral deal check deal.yaml" }

func (c *dealCheck) Run(t terminal) error {
	d, err := readDeal(c.File)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.out, "%s is a deal: periods of %s, starts up to %s apart, rounded %s\n", c.File, usage.Cycle{Length: d.Terms.Cycle, Zone: d.Terms.Zone},
		time.Duration(d.Terms.StartTolerance)*time.Millisecond, d.Rounding())
	return err
}

func readInvoice(path string) ([]compare.InvoiceLine, error) {
	f, err := openInput(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines, _, err := compare.ReadInvoice(f)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return lines, nil
}

func readSheet(path string) (*rating.Sheet, error) {
	f, err := openInput(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s, _, err := voice.ReadSheet(f)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return s, nil
}
