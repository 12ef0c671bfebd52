package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/usage"
)

// traffic says which synthetic calls to make; flags of two commands.
type traffic struct {
	Calls    int           `default:"10000" help:"Calls that the two carriers exchange."`
	Span     time.Duration `default:"24h" help:"Time over which they spread."`
	Prefixes int           `default:"1000" help:"Prefixes of the rate sheet."`
	Seed     uint64        `default:"1" help:"Seed: the same one gives the same bytes."`
}

// trafficDay is when generated traffic begins.
var trafficDay = time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)

// write makes ours.csv, theirs.csv and rates.csv in a folder.
func (f traffic) write(dir string, mix voice.Mix) (truth voice.Truth, err error) {
	from := trafficDay.UnixMilli()
	g, err := voice.NewGenerator(voice.Plan{
		Seed: f.Seed, Ours: party.Code("ALPHA"), Theirs: party.Code("BRAVO"), Prefixes: f.Prefixes, Mix: mix,
		Span: usage.Interval{From: from, To: from + f.Span.Milliseconds()},
	})
	if err != nil {
		return truth, err
	}
	var files [3]*bufio.Writer
	var closers []io.Closer
	defer func() {
		for _, c := range closers {
			err = errors.Join(err, c.Close())
		}
	}()
	for i, name := range []string{"ours.csv", "theirs.csv", "rates.csv"} {
		file, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, os.ErrExist) {
			return truth, fault.Newf(fault.Conflict, "choose another folder, or move the file away", "%s is already in %s", name, dir)
		}
		if err != nil {
			return truth, durable.Explain("make "+name, err)
		}
		closers = append(closers, file)
		files[i] = bufio.NewWriterSize(file, 1<<20)
	}
	if err := g.WriteFiles(files[0], files[1], files[2], f.Calls); err != nil {
		return truth, err
	}
	for _, w := range files {
		if err := w.Flush(); err != nil {
			return truth, durable.Explain("write a generated file", err)
		}
	}
	return g.Truth(), nil
}

// filesCommand is "lateral sandbox files".
type filesCommand struct {
	traffic
	Clean bool   `help:"Plant no differences: both sides have the same records."`
	Out   string `required:"" placeholder:"DIR" help:"Folder for the files; made if it is not there."`
	JSON  bool   `name:"json" help:"Print one JSON document."`
}

func (filesCommand) Help() string {
	return `Writes ours.csv and theirs.csv, the records of the same calls as ALPHA and BRAVO have them, rates.csv, which prices all of
them, and truth.json: the differences that were planted, and each side's records rated alone.

Examples:
  lateral sandbox files --out calls
  lateral sandbox voice --ours calls/ours.csv --theirs calls/theirs.csv --rates calls/rates.csv
  lateral sandbox files --calls 1000000 --seed 7 --out million`
}

func (c filesCommand) Run(_ context.Context, t terminal) error {
	if c.Calls < 1 || c.Span < time.Second {
		return usageError{fault.New(fault.Invalid, "nothing would be generated", "give at least one call and one second")}
	}
	if err := os.MkdirAll(c.Out, 0o755); err != nil {
		return durable.Explain("make "+c.Out, err)
	}
	mix := voice.LiveMix
	if c.Clean {
		mix = voice.Mix{}
	}
	truth, err := c.write(c.Out, mix)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(truth, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(c.Out, "truth.json"), append(text, '\n'), 0o644); err != nil {
		return durable.Explain("write truth.json", err)
	}
	if c.JSON {
		_, err = fmt.Fprintf(t.out, "%s\n", text)
		return err
	}
	_, err = fmt.Fprintf(t.out, "%d records of ALPHA and %d of BRAVO in %s, seed %d\n", truth.Planted.ReadOurs, truth.Planted.ReadTheirs, c.Out, c.Seed)
	return err
}
