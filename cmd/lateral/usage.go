package main

import (
	"context"
	"fmt"
	"iter"
	"path/filepath"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/usage"
)

// usageCommand is "lateral usage".
type usageCommand struct {
	Import      usageImport      `cmd:"" op:"import-usage" role:"engineer" help:"Import own call records; the rejected rows are shown by line, and the same file again does nothing." eg:"calls.csv" eg:"calls.csv.gz --partner BRAVO --json" eg:"Master.csv --format asterisk --zone Europe/Berlin" eg:"- --name morning.csv < calls.csv"`
	Imports     usageImports     `cmd:"" op:"list-imports" help:"List what was imported, the oldest first." eg:""`
	Archive     usageArchive     `cmd:"" op:"list-archive" help:"List what the archive has of own records, by day and import." eg:"" eg:"--all"`
	Erase       usageErase       `cmd:"" op:"erase-records" role:"administrator" help:"Erase the own records of a day (UTC) for good; refused until all imports with calls of it are sealed." eg:"2026-11-02" eg:"2026-11-02 --yes"`
	Exceptions  usageExceptions  `cmd:"" op:"list-exceptions" help:"List own calls that are billed nowhere: no row prices them, or their statement was missed." eg:"--all"`
	Signals     usageSignals     `cmd:"" op:"list-signals" help:"List what looks like fraud in own records." eg:"--state open" eg:"--all --json"`
	Acknowledge usageAcknowledge `cmd:"" op:"acknowledge-signal" role:"clerk,engineer" help:"Say that somebody sees to a signal." eg:"3 --why 'Asked the customer.'"`
	Dismiss     usageDismiss     `cmd:"" op:"dismiss-signal" role:"clerk,engineer" help:"Say that a signal means nothing." eg:"3 --why 'A television vote.'"`
	Summary     usageSummary     `cmd:"" op:"get-summary" help:"Show what the own records come to, rated alone." eg:""`
	Close       usageClose       `cmd:"" op:"close-periods" role:"engineer" help:"Say that all own records of periods up to a moment are in." eg:"" eg:"--through 2026-11-02T12:00:00Z"`
}

type usageImport struct {
	one
	fileFormat
	File string `arg:"" help:"Call records, may be gzipped; - is standard input."`
	Name string `placeholder:"NAME" help:"Of the file, for people; default: its own."`
}

func (c usageImport) Run(ctx context.Context, n *remote) error {
	code, err := c.code(ctx, n)
	if err != nil {
		return err
	}
	format, err := c.parse()
	if err != nil {
		return err
	}
	f, err := n.open(c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	name := c.Name
	if name == "" && c.File != "-" {
		name = filepath.Base(c.File)
	}
	i, err := n.api.With(code).ImportUsageAs(ctx, name, format.Text(), f)
	if err != nil || n.json {
		return shown(n, i, err)
	}
	if i.Repeated {
		fmt.Fprintf(n.out, "import %d: the same file was imported before; nothing was done\n", i.Number)
	}
	fmt.Fprintf(n.out, "import %d: %d rows read, %d accepted, %d rejected, %d duplicate\n", i.Number, i.Read, i.Accepted, i.Rejected, i.Duplicate)
	return writeRejects(n, i.Rejects, i.Rejected)
}

// writeRejects shows the rejected rows of a file, of which there are some more if
// they are many.
func writeRejects(n *remote, rejects []usage.Reject, all uint64) error {
	if len(rejects) == 0 {
		return nil
	}
	fmt.Fprintln(n.out)
	if err := writeList(n.out, rejects, "line field code detail"); err != nil {
		return err
	}
	if more := all - uint64(len(rejects)); more > 0 {
		fmt.Fprintf(n.out, "and %d more\n", more)
	}
	return nil
}

type usageImports struct{ many }

func (c usageImports) Run(ctx context.Context, n *remote) error {
	columns := "number name read accepted rejected duplicate time held file"
	return list(ctx, n, c.many, columns, func(p *client.Partner) iter.Seq2[wire.Import, error] { return p.Imports(ctx) })
}

type usageArchive struct{ many }

func (c usageArchive) Run(ctx context.Context, n *remote) error {
	columns := "day import rows sealed erased size file"
	return list(ctx, n, c.many, columns, func(p *client.Partner) iter.Seq2[wire.Archived, error] { return p.Archive(ctx) })
}

type usageErase struct {
	one
	Day string `arg:"" help:"Like 2026-11-02, UTC."`
	Yes bool   `help:"Do not ask."`
}

func (c usageErase) Run(ctx context.Context, n *remote) error {
	if !c.Yes && !n.confirmed(fmt.Sprintf("Erase the records of %s for good?", c.Day)) {
		return fault.New(fault.Refused, "nothing was erased", "answer yes, or say --yes")
	}
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.ErasedRecords, error) { return p.EraseRecords(ctx, c.Day) })
}

type usageExceptions struct{ many }

func (c usageExceptions) Run(ctx context.Context, n *remote) error {
	columns := "import line direction destination start code"
	return list(ctx, n, c.many, columns, func(p *client.Partner) iter.Seq2[wire.Exception, error] { return p.Exceptions(ctx) })
}

type usageSignals struct {
	many
	State string `placeholder:"STATE" help:"open, acknowledged or dismissed."`
}

func (c usageSignals) Run(ctx context.Context, n *remote) error {
	columns := "number severity kind direction destination trunk period calls expected origins state"
	return list(ctx, n, c.many, columns, func(p *client.Partner) iter.Seq2[wire.Signal, error] {
		return p.Signals(ctx, client.Filter{"state": c.State})
	})
}

// oneSignal is a command that judges a signal.
type oneSignal struct {
	one
	Number uint32 `arg:"" help:"Number of the signal."`
	Why    string `placeholder:"TEXT" help:"A note for those who read it later."`
}

func (c oneSignal) judge(ctx context.Context, n *remote, move string) error {
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.Signal, error) { return p.JudgeSignal(ctx, c.Number, move, c.Why) })
}

type usageAcknowledge struct{ oneSignal }

func (c usageAcknowledge) Run(ctx context.Context, n *remote) error {
	return c.judge(ctx, n, "acknowledge")
}

type usageDismiss struct{ oneSignal }

func (c usageDismiss) Run(ctx context.Context, n *remote) error { return c.judge(ctx, n, "dismiss") }

type usageSummary struct{ one }

func (c usageSummary) Run(ctx context.Context, n *remote) error {
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.Summary, error) { return p.Summary(ctx) })
}

type usageClose struct {
	one
	Through wire.Time `placeholder:"TIME" help:"Periods that end by then; default: all that have a record."`
}

func (c usageClose) Run(ctx context.Context, n *remote) error {
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.Closed, error) { return p.Close(ctx, c.Through) })
}
