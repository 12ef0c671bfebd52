package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
)

// logFlags are those of a channel's log.
type logFlags struct {
	onward
	Kind    string `placeholder:"KIND" help:"Only envelopes with a command of this kind, like invoice.accept."`
	Refused bool   `help:"Only envelopes with a refused command."`
	Follow  bool   `help:"Go on with what is added, until Ctrl-C; with --json, one document a line."`
}

// logLine is one command of an envelope, or the envelope itself when it has
// none.
type logLine struct {
	Height   uint64    `json:"height"`
	Time     wire.Time `json:"time"`
	Sender   string    `json:"sender"`
	Kind     string    `json:"kind"`
	Code     string    `json:"code"`
	Delegate string    `json:"delegate"`
	Detail   string    `json:"detail"`
}

// linesOf gives the lines of an envelope: what it did, or why not.
func linesOf(e wire.Entry) (all []logLine) {
	line := logLine{Height: e.Height, Time: e.Time, Sender: e.Sender.Short(), Code: string(e.Code)}
	for _, r := range e.Receipts {
		l := line
		l.Kind, l.Code, l.Detail = string(r.Kind), string(r.Code), r.Detail
		if !r.By.IsZero() {
			l.Delegate = strings.TrimSpace(r.By.Short() + " " + r.Limit)
		}
		for _, x := range r.Events {
			l.Detail = strings.TrimSpace(l.Detail + " " + x.Subject)
			break // the first names the record; lateral events shows all
		}
		all = append(all, l)
	}
	for _, x := range e.Notes {
		l := line
		l.Kind, l.Code = x.Kind, string(x.Code)
		all = append(all, l)
	}
	if all == nil {
		all = append(all, line)
	}
	return all
}

// split yields the lines of each item of a list.
func split[T, L any](items iter.Seq2[T, error], lines func(T) []L) iter.Seq2[L, error] {
	return func(yield func(L, error) bool) {
		for x, err := range items {
			if err != nil {
				var none L
				yield(none, err)
				return
			}
			for _, l := range lines(x) {
				if !yield(l, nil) {
					return
				}
			}
		}
	}
}

// show prints a log as it is, or as it grows.
func (f logFlags) show(ctx context.Context, n *remote, read func(*client.Client, client.Filter) iter.Seq2[wire.Entry, error]) error {
	q := client.Filter{"kind": f.Kind, "refused": yes(f.Refused)}
	entries := func(c *client.Client) iter.Seq2[wire.Entry, error] { return read(c, q) }
	switch {
	case f.Follow:
		return f.follow(ctx, n, entries)
	case n.json:
		return listed(n, paging{onward: f.onward}, "height", entries)
	}
	return listed(n, paging{onward: f.onward}, "height time sender kind code delegate detail", func(c *client.Client) iter.Seq2[logLine, error] {
		return split(entries(c), linesOf)
	})
}

// growth is how often a log that is followed is read again. It is read, and
// its events are not awaited, because a refused command has none.
const growth = time.Second

func (f logFlags) follow(ctx context.Context, n *remote, entries func(*client.Client) iter.Seq2[wire.Entry, error]) error {
	page := client.Page{After: f.After, Limit: api.MaxLimit}
	lines := json.NewEncoder(n.out)
	lines.SetEscapeHTML(false)
	for {
		for e, err := range entries(n.api.OnePage(&page)) {
			switch {
			case ctx.Err() != nil:
				return nil
			case err != nil:
				return err
			}
			page.After = e.Cursor
			if n.json {
				if err := lines.Encode(e); err != nil {
					return err
				}
				continue
			}
			for _, l := range linesOf(e) {
				fmt.Fprintf(n.out, "%8d  %-24s  %s  %-20s  %-12s  %s  %s\n", l.Height, stamp(l.Time), l.Sender, l.Kind, l.Code, l.Delegate, l.Detail)
			}
		}
		if page.Next != "" {
			page.After = page.Next
			continue
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(growth):
		}
	}
}

// logCommand is "lateral log".
type logCommand struct {
	one
	logFlags
}

func (c logCommand) Run(ctx context.Context, n *remote) error {
	code, err := c.code(ctx, n)
	if err != nil {
		return err
	}
	return c.show(ctx, n, func(api *client.Client, f client.Filter) iter.Seq2[wire.Entry, error] {
		return api.With(code).Log(ctx, f)
	})
}

// eventFlags are those of a stream of events.
type eventFlags struct {
	From  string `placeholder:"ID" help:"Go on behind the event with this id; 0 is the beginning; default: now."`
	Kind  string `placeholder:"KIND" help:"Only events whose kind begins so, like invoice or dispute.resolved."`
	Count uint   `placeholder:"N" help:"End after so many."`
}

// follow prints events, one a line, until the count is reached or the command
// is interrupted.
func (f eventFlags) follow(n *remote, events iter.Seq2[wire.Event, error]) error {
	lines := json.NewEncoder(n.out)
	lines.SetEscapeHTML(false)
	seen := uint(0)
	for e, err := range events {
		if err != nil {
			return err
		}
		if n.json {
			err = lines.Encode(e)
		} else {
			_, err = fmt.Fprintf(n.out, "%-24s  %8d  %-22s  %s  %s\n", stamp(e.Time), e.Height, e.Kind, e.Subject, e.Detail)
		}
		if err != nil {
			return err
		}
		if seen++; seen == f.Count {
			break
		}
	}
	return nil
}

// eventsCommand is "lateral events".
type eventsCommand struct {
	one
	eventFlags
	All bool `help:"Of all Bilaterals and of the Omnilateral, in one stream."`
}

func (c eventsCommand) Run(ctx context.Context, n *remote) error {
	if c.All {
		return c.follow(n, withChannel(n.api.AllEvents(ctx, c.From, c.Kind), n.json))
	}
	code, err := c.code(ctx, n)
	if err != nil {
		return err
	}
	return c.follow(n, n.api.With(code).EventsOf(ctx, c.From, c.Kind))
}

// withChannel puts before what is shown of each event on which channel it happened.
func withChannel(events iter.Seq2[wire.Event, error], json bool) iter.Seq2[wire.Event, error] {
	return func(yield func(wire.Event, error) bool) {
		for e, err := range events {
			if !json {
				e.Kind = fmt.Sprintf("%-12s  %s", cmp.Or(string(e.Partner), "omnilateral"), e.Kind)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// fileCommand is "lateral file".
type fileCommand struct {
	List   fileList   `cmd:"" op:"list-files" help:"List the files that were acknowledged." eg:""`
	Record fileRecord `cmd:"" op:"record-file" role:"clerk,engineer" help:"Acknowledge a file that went from node to node." eg:"evidence trace.pcap" eg:"records calls.csv.gz --count 1200 --total EUR:360.02"`
	Erase  fileErase  `cmd:"" op:"erase-file" role:"administrator" help:"Erase a file of this node for good, whichever partner it came from; refused while clearing needs it." eg:"5f0c...e1" eg:"5f0c...e1 --yes"`
}

type fileList struct{ many }

func (c fileList) Run(ctx context.Context, n *remote) error {
	return list(ctx, n, c.many, "hash kind size count totals held", func(p *client.Partner) iter.Seq2[wire.File, error] { return p.Files(ctx) })
}

type fileRecord struct {
	one
	Kind      string   `arg:"" help:"A plain word: records, evidence, sheet."`
	File      string   `arg:"" help:"The file; its SHA-256 and size are recorded, its content stays here. - is standard input."`
	Count     uint64   `placeholder:"N" help:"Records in it."`
	Total     []amount `placeholder:"EUR:AMOUNT" help:"What they come to; repeat."`
	Reference string   `placeholder:"TEXT" help:"What it belongs to."`
}

func (c fileRecord) Run(ctx context.Context, n *remote) error {
	data, err := n.read(c.File)
	if err != nil {
		return err
	}
	f := wire.RecordFile{Kind: c.Kind, Hash: sha256.Sum256(data), Size: uint64(len(data)), Count: c.Count, Reference: []byte(c.Reference)}
	for _, a := range c.Total {
		f.Totals = append(f.Totals, money.Amount(a))
	}
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.File], error) { return p.RecordFile(ctx, f) })
}

type fileErase struct {
	connection
	Hash canon.Hash `arg:"" help:"SHA-256 of the content."`
	Yes  bool       `help:"Do not ask."`
}

func (c fileErase) Run(ctx context.Context, n *remote) error {
	if !c.Yes && !n.confirmed(fmt.Sprintf("Erase %s for good?", c.Hash)) {
		return fault.New(fault.Refused, "nothing was erased", "answer yes, or say --yes")
	}
	if err := n.api.EraseFile(ctx, c.Hash); err != nil {
		return err
	}
	fmt.Fprintln(n.err, "erased")
	return nil
}
