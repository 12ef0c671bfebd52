package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/lateral-network/lateral/compare"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

type compareCommand struct {
	Ours             string        `required:"" placeholder:"A.csv" help:"Our call records."`
	Theirs           string        `required:"" placeholder:"B.csv" help:"Their call records of the same traffic."`
	Rates            string        `required:"" placeholder:"R.csv" help:"Rate sheet for the calls that we send."`
	RatesBack        string        `placeholder:"R2.csv" help:"Rate sheet for the calls that they send; default: --rates serves both."`
	TheirRates       string        `placeholder:"T.csv" help:"Their sheet for the calls that we send."`
	TheirRatesBack   string        `placeholder:"T2.csv" help:"Their sheet for the calls that they send."`
	TheirInvoice     string        `placeholder:"I.csv" help:"The lines of their invoice; without it, what their sheet makes of their records."`
	Us               string        `placeholder:"CODE" help:"Which of the two carriers we are; default: the first in byte order."`
	Period           string        `placeholder:"1h" help:"Billing period: 15s, 1m, 1h, 1d, 1mo; default: the whole file is one."`
	StartTolerance   time.Duration `default:"3s" help:"Most that two starts of one call are apart."`
	SecondsTolerance uint32        `default:"0" help:"Most that billed seconds differ and still count as equal."`
	twoFormats
	Round string `default:"line:half-up:6" help:"What is rounded, how, to how many places: line, call or invoice; half-up, half-even, up or down; 0 to 6."`
	JSON  bool   `name:"json" help:"Print one JSON document."`
}

func (c *compareCommand) Run(ctx context.Context, t terminal) error {
	job := compare.Job{Us: party.Code(c.Us), StartTolerance: c.StartTolerance, SecondsTolerance: c.SecondsTolerance}
	var err error
	if job.Rounding, err = compare.ParseRounding(c.Round); err != nil {
		return err
	}
	formats, err := c.twoFormats.parse()
	if err != nil {
		return err
	}
	for i, path := range []string{c.Ours, c.Theirs} {
		if job.Records[i], err = compare.File(path); err != nil {
			return err
		}
		job.Records[i].Format = formats[i]
	}
	for _, s := range []struct {
		path string
		to   **rating.Sheet
	}{{c.Rates, &job.Rates[0]}, {c.RatesBack, &job.Rates[1]}, {c.TheirRates, &job.TheirRates[0]}, {c.TheirRatesBack, &job.TheirRates[1]}} {
		if s.path == "" {
			continue
		}
		if *s.to, err = readSheet(s.path); err != nil {
			return err
		}
	}
	if c.TheirInvoice != "" {
		if job.TheirInvoice, err = readInvoice(c.TheirInvoice); err != nil {
			return err
		}
	}
	if c.Period != "" {
		if job.Cycle, err = usage.ParseCycle(c.Period); err != nil {
			return err
		}
	}
	result, err := compare.Run(ctx, job)
	if err != nil {
		return err
	}
	e := json.NewEncoder(t.out)
	e.SetIndent("", "  ")
	return e.Encode(result)
}

func readInvoice(path string) ([]compare.InvoiceLine, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Newf(fault.NotFound, "name a file that this user can read", "%s cannot be read", path).Because(err)
	}
	defer f.Close()
	lines, _, err := compare.ReadInvoice(f)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return lines, nil
}

func readSheet(path string) (*rating.Sheet, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Newf(fault.NotFound, "name a file that this user can read", "%s cannot be read", path).Because(err)
	}
	defer f.Close()
	s, _, err := voice.ReadSheet(f)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return s, nil
}
