package main

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lateral-network/lateral/api/document"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/line/voice/sheet"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// ratesCommand is "lateral rates".
type ratesCommand struct {
	Guess   ratesGuess   `cmd:"" help:"Guess which column of a carrier's file is what, and print it as a mapping to look through." eg:"acme.xlsx > acme.yaml" eg:"acme.xlsx --worksheet 'Rate sheet' --out acme.yaml"`
	Preview ratesPreview `cmd:"" help:"Show what a file would change, row by row, and whether its notice is long enough." eg:"acme.xlsx --mapping acme.yaml" eg:"rates.csv --partial --received 2026-11-01T12:00:00Z --json"`
	Apply   ratesApply   `cmd:"" help:"Put a file in force as a new version beside the old ones." eg:"acme.xlsx --mapping acme.yaml" eg:"rates.csv --partial --short-notice later"`
	Undo    ratesUndo    `cmd:"" help:"Go back to the version before the one in force." eg:"" eg:"--store rates/acme"`
	History ratesHistory `cmd:"" help:"List the versions with the files that they are of." eg:"" eg:"--store rates/acme --json"`
	Show    ratesShow    `cmd:"" help:"Show the rows of a version." eg:"" eg:"49 --at 2026-12-01T00:00:00Z" eg:"--version 3 --json"`
	Export  ratesExport  `cmd:"" help:"Write a version in Lateral's own form, as lateral sheet propose takes it." eg:"--out rates.csv" eg:"--version 3 > rates.csv"`
}

// ratesStore is where the versions of one sheet are.
type ratesStore struct {
	Store string `placeholder:"DIR" default:"rates" help:"Folder with the versions of one sheet; default: ${default}."`
}

// open opens the folder; close is never nil.
func (s ratesStore) open() (*sheet.Folder, error) { return sheet.OpenFolder(s.Store) }

type ratesGuess struct {
	File      string `arg:"" help:"A carrier's rate sheet, CSV or XLSX."`
	Worksheet string `placeholder:"NAME" help:"Of an XLSX file; default: the first."`
	out
}

func (c ratesGuess) Run(t terminal) error {
	f, size, err := seekable(t, c.File)
	if err != nil {
		return err
	}
	defer f.Close()
	m, notes, err := sheet.Guess(f, size, c.Worksheet)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	return c.write(t, m.YAML(notes), nil)
}

// ratesFile is a file with how it is to be read and taken over.
type ratesFile struct {
	ratesStore
	File           string        `arg:"" help:"A rate sheet, CSV or XLSX."`
	Mapping        string        `placeholder:"FILE" help:"Which column is what, as lateral rates guess writes it; default: Lateral's own columns."`
	Partial        bool          `help:"The file replaces the destinations that it names; without, the whole sheet."`
	Received       wire.Time     `placeholder:"TIME" help:"When the sheet came; default: now."`
	Notice         time.Duration `placeholder:"TIME" default:"168h" help:"How long before it takes effect an increase has to be received; default: ${default}."`
	NoticeDecrease time.Duration `placeholder:"TIME" default:"0s" help:"The same of a decrease; default: ${default}."`
	ShortNotice    sheet.Short   `placeholder:"WHAT" enum:"refuse,later,accept" default:"refuse" help:"What becomes of a change with less notice: refuse the sheet, let it take effect later, or accept; default: ${default}."`
	JSON           bool          `name:"json" help:"Print one JSON document."`
}

// taken is a file that was read, and what it changes.
type taken struct {
	File     string        `json:"file"`
	Read     *sheet.Import `json:"rows"`
	Diff     sheet.Diff    `json:"diff"`
	Rows     int           `json:"rows_after"`
	Refused  *refusal      `json:"refused,omitempty"` // why it cannot be applied as it is
	Version  int           `json:"version,omitempty"` // that it became
	Seconds  float64       `json:"seconds"`
	sum      canon.Hash
	next     *rating.Sheet
	problem  error
	mapping  string
	notFully bool
}

type refusal struct {
	Code   fault.Code `json:"code"`
	Detail string     `json:"detail"`
	Remedy string     `json:"remedy"`
}

// take reads the file against what is in force.
func (c ratesFile) take(t terminal, f *sheet.Folder) (*taken, error) {
	began := time.Now()
	m := sheet.Canonical()
	if c.Mapping != "" {
		data, err := t.read(c.Mapping)
		if err != nil {
			return nil, err
		}
		if m, err = sheet.ReadMapping(data); err != nil {
			return nil, fmt.Errorf("%s: %w", c.Mapping, err)
		}
	}
	in, size, err := seekable(t, c.File)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	out := &taken{File: filepath.Base(c.File), mapping: m.Name}
	bar := newBar(t.err)
	out.Read, err = sheet.Read(in, size, m, func(rows uint64) { bar.show("rows read", int64(rows), 0) })
	bar.end()
	if err != nil {
		if c.Mapping == "" && fault.CodeOf(err) == sheet.CodeBadMapping {
			f := *fault.Of(err)
			f.Remedy = "write a mapping: lateral rates guess " + c.File + " > mapping.yaml, look through it, and hand it in with --mapping"
			err = &f
		}
		return nil, fmt.Errorf("%s: %w", c.File, err)
	}
	hash := sha256.New()
	if _, err := io.Copy(hash, io.NewSectionReader(in, 0, size)); err != nil {
		return nil, durable.Explain("read "+c.File, err)
	}
	out.sum = canon.Hash(hash.Sum(nil))
	current, err := f.Current()
	if err != nil {
		return nil, err
	}
	received := int64(c.Received)
	if received == 0 {
		received = time.Now().UnixMilli()
	}
	out.next, out.Diff, out.problem = sheet.Merge(current, out.Read, c.Partial,
		sheet.Notice{Received: received, Increase: c.Notice.Milliseconds(), Decrease: c.NoticeDecrease.Milliseconds(), Short: c.ShortNotice})
	if out.next != nil {
		out.Rows = out.next.Len()
	}
	if out.problem == nil && out.Read.Rejected > 0 {
		first := out.Read.Rejects[0]
		out.notFully = true
		out.problem = fault.Newf(voice.CodeSheetRefused, "correct the rows or the mapping; or apply the others with --without-rejected",
			"%d of %d rows were rejected; the first is line %d: %s", out.Read.Rejected, out.Read.Read, first.Line, first.Detail).In(first.Field)
	}
	if out.problem != nil {
		e := fault.Of(out.problem)
		out.Refused = &refusal{e.Code, e.Detail, e.Remedy}
	}
	out.Seconds = time.Since(began).Seconds()
	return out, nil
}

type ratesPreview struct {
	ratesFile
	All bool `help:"Print every code; without, the first 50 that change."`
}

func (c ratesPreview) Run(t terminal) error {
	f, err := c.open()
	if err != nil {
		return err
	}
	defer f.Close()
	x, err := c.take(t, f)
	if err != nil {
		return err
	}
	if c.JSON {
		return t.document(x)
	}
	return x.print(t.out, c.All)
}

type ratesApply struct {
	ratesFile
	WithoutRejected bool `help:"Apply the good rows of a file that has bad ones."`
}

func (c ratesApply) Run(t terminal) (err error) {
	f, err := c.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	x, err := c.take(t, f)
	if err != nil {
		return err
	}
	if x.problem != nil && !(x.notFully && c.WithoutRejected) {
		return fmt.Errorf("%s: %w", c.File, x.problem)
	}
	v, err := f.Apply(x.next, sheet.Version{Applied: usage.Stamp(time.Now().UnixMilli()), File: x.File, Sum: x.sum, Mapping: x.mapping, Partial: c.Partial,
		Read: x.Read.Read, Refused: x.Read.Rejected, Changes: x.Diff.Total.Changes})
	if err != nil {
		return err
	}
	if x.Version, x.Refused = v.Number, nil; c.JSON {
		return t.document(x)
	}
	if err := x.print(t.out, false); err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.out, "version %d is in force, %d rows; lateral rates undo goes back\n", v.Number, v.Rows)
	return err
}

type ratesUndo struct {
	ratesStore
	JSON bool `name:"json" help:"Print one JSON document."`
}

func (c ratesUndo) Run(t terminal) (err error) {
	f, err := c.open()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	now, err := f.Undo()
	if err != nil {
		return err
	}
	if c.JSON {
		return t.document(map[string]int{"version": now})
	}
	if now == 0 {
		_, err = fmt.Fprintln(t.out, "no version is in force any more")
		return err
	}
	_, err = fmt.Fprintf(t.out, "version %d is in force again\n", now)
	return err
}

type ratesHistory struct {
	ratesStore
	JSON bool `name:"json" help:"Print one JSON document."`
}

func (c ratesHistory) Run(t terminal) error {
	f, err := c.open()
	if err != nil {
		return err
	}
	defer f.Close()
	all := f.History()
	if c.JSON {
		return t.document(map[string][]sheet.Version{"versions": all})
	}
	return writeList(t.out, all, "version after applied file partial rows rejected in_force undone")
}

type ratesShow struct {
	ratesStore
	Prefix  []string  `arg:"" optional:"" placeholder:"PREFIX" help:"Only codes that begin so."`
	Version int       `placeholder:"N" help:"Of this version; default: the one in force."`
	At      wire.Time `placeholder:"TIME" help:"Only rows in force then."`
	JSON    bool      `name:"json" help:"Print one JSON document."`
}

func (c ratesShow) Run(t terminal) error {
	f, err := c.open()
	if err != nil {
		return err
	}
	defer f.Close()
	s, err := f.Sheet(c.Version)
	if err != nil {
		return err
	}
	rows := []wire.Row{}
	for i := range s.Rows() {
		r := &s.Rows()[i]
		wanted := len(c.Prefix) == 0
		for _, p := range c.Prefix {
			wanted = wanted || strings.HasPrefix(r.Prefix, p)
		}
		if wanted && (c.At == 0 || r.InForce(int64(c.At))) {
			rows = append(rows, document.WireRow(*r))
		}
	}
	if c.JSON {
		return t.document(map[string][]wire.Row{"rows": rows})
	}
	return writeList(t.out, rows, "destination prefix origin_prefix band rate currency unit_seconds minimum_seconds increment_seconds connect_fee blocked valid_from valid_to")
}

type ratesExport struct {
	ratesStore
	Version int `placeholder:"N" help:"This version; default: the one in force."`
	out
}

func (c ratesExport) Run(t terminal) error {
	f, err := c.ratesStore.open()
	if err != nil {
		return err
	}
	defer f.Close()
	s, err := f.Sheet(c.Version)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	err = voice.WriteSheet(&b, s.Rows())
	return c.write(t, b.Bytes(), err)
}

// seekable opens a file that is read from more than one place; what comes
// through a pipe is read into memory.
func seekable(t terminal, path string) (interface {
	io.ReaderAt
	io.Closer
}, int64, error) {
	f, err := t.open(path)
	if err != nil {
		return nil, 0, err
	}
	if file, ok := f.(*os.File); ok {
		if info, err := file.Stat(); err == nil && info.Mode().IsRegular() {
			return file, info.Size(), nil
		}
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, 0, fault.Newf(fault.NotFound, "name a file that this user can read", "%s cannot be read", path).Because(err)
	}
	return memory{bytes.NewReader(data)}, int64(len(data)), nil
}

// memory is a file that came through a pipe.
type memory struct{ *bytes.Reader }

func (memory) Close() error { return nil }

// print tells what a file changes: the rows that were rejected, each
// destination, and the codes.
func (x *taken) print(w io.Writer, all bool) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d rows read, %d accepted, %d rejected, in %.1f s\n", x.File, x.Read.Read, x.Read.Accepted, x.Read.Rejected, x.Seconds)
	for i, r := range x.Read.Rejects {
		if i == 20 && !all {
			fmt.Fprintf(&b, "  and %d more: --json names 10,000\n", x.Read.Rejected-20)
			break
		}
		fmt.Fprintf(&b, "  line %d, %s: %s (%s)\n", r.Line, r.Field, r.Detail, r.Code)
	}
	order := []sheet.Change{sheet.New, sheet.Increase, sheet.Decrease, sheet.Mixed, sheet.Unchanged, sheet.Ended, sheet.Blocked}
	head := []string{"destination"}
	for _, c := range order {
		head = append(head, string(c))
	}
	head = append(head, "short notice")
	count := func(n int) string {
		if n == 0 {
			return ""
		}
		return fmt.Sprint(n)
	}
	line := func(name string, s sheet.Summary) []string {
		cells := []string{name}
		for _, c := range order {
			cells = append(cells, count(s.Changes[c]))
		}
		return append(cells, count(s.Short))
	}
	var rows [][]string
	for _, d := range x.Diff.Destinations {
		if same := d.Changes[sheet.Unchanged]; all || len(d.Changes) > 1 || same == 0 {
			rows = append(rows, line(d.Destination, d))
		}
		if len(rows) == 50 && !all {
			break
		}
	}
	rows = append(rows, line("all", x.Diff.Total))
	table(&b, "", head, rows, false)
	rows = nil
	for _, e := range x.Diff.Entries {
		if !all && (e.Change == sheet.Unchanged || len(rows) == 50) {
			continue
		}
		band, short := "", ""
		if e.Band != nil {
			band = e.Band.String()
		}
		if e.Short {
			short = "short notice"
		}
		rows = append(rows, []string{e.Destination, e.Prefix, e.OriginPrefix, band, string(e.Change), costs(e.Old), costs(e.New), e.Effective, short})
	}
	if len(rows) > 0 {
		b.WriteString("\n")
		table(&b, "", []string{"destination", "prefix", "origin", "band", "change", "before", "after", "effective", ""}, rows, true)
	}
	if x.Refused != nil {
		fmt.Fprintf(&b, "\ncannot be applied so: %s (%s)\nhint: %s\n", x.Refused.Detail, x.Refused.Code, x.Refused.Remedy)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// costs tells a price in a word or two: "0.012 USD/60s 30/6".
func costs(p *sheet.Price) string {
	switch {
	case p == nil:
		return ""
	case p.Blocked:
		return "blocked"
	}
	s := fmt.Sprintf("%s %s/%ds %d/%d", short(p.Rate.String()), p.Currency, p.UnitSeconds, p.MinimumSeconds, p.IncrementSeconds)
	if p.ConnectFee != 0 {
		s += " +" + short(p.ConnectFee.String())
	}
	if p.Of != "" {
		s += " (" + p.Of + ")"
	}
	return s
}

// short leaves out the zeros that end a price.
func short(price string) string { return strings.TrimSuffix(strings.TrimRight(price, "0"), ".") }
