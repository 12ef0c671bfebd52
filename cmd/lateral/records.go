package main

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/usage"
)

// recordsCommand is "lateral records".
type recordsCommand struct {
	Profiles recordsProfiles `cmd:"" help:"List the mapping profiles that are built in." eg:""`
	Profile  recordsProfile  `cmd:"" help:"Print a built-in mapping profile with comments, to edit." eg:"asterisk > switch.yaml"`
	Convert  recordsConvert  `cmd:"" help:"Write the call records of a file as our own CSV or Parquet." eg:"Master.csv --format asterisk --zone Europe/Berlin --out calls.csv" eg:"calls.csv.gz --out calls.parquet" eg:"acc.csv --format switch.yaml --out calls.csv --rejects rejects.csv --json" eg:"- --out calls.parquet < calls.jsonl"`
}

// fileFormat says how a file of call records is written; flags of several commands.
type fileFormat struct {
	Format string `placeholder:"NAME|FILE" help:"How the file is written: a built-in mapping profile (lateral records profiles) or a YAML file; default: what the content says."`
	Zone   string `placeholder:"ZONE" help:"Zone of times that name none, like Europe/Berlin; default: the profile's."`
}

// twoFormats are the flags of commands that read both sides' files.
type twoFormats struct {
	FormatOurs   string `placeholder:"NAME|FILE" help:"How our file is written: a built-in mapping profile (lateral records profiles) or a YAML file; default: what the content says."`
	FormatTheirs string `placeholder:"NAME|FILE" help:"How their file is written."`
	ZoneOurs     string `placeholder:"ZONE" help:"Zone of our times that name none, like Europe/Berlin; default: the profile's."`
	ZoneTheirs   string `placeholder:"ZONE" help:"Zone of their times that name none."`
}

// parse gives the formats, ours first.
func (f twoFormats) parse() (both [2]*voice.Format, err error) {
	for i, one := range []fileFormat{{f.FormatOurs, f.ZoneOurs}, {f.FormatTheirs, f.ZoneTheirs}} {
		if both[i], err = one.parse(); err != nil {
			return both, err
		}
	}
	return both, nil
}

// parse gives the format.
func (f fileFormat) parse() (*voice.Format, error) {
	text := f.Format
	if text != "" && text != "auto" && !slices.Contains(voice.Profiles(), text) {
		data, err := os.ReadFile(f.Format)
		if err != nil {
			return nil, fault.Newf(fault.NotFound, "use one of "+strings.Join(voice.Profiles(), ", ")+", or a YAML file that this user can read", "no profile and no file is called %s", f.Format).Because(err)
		}
		if text = string(data); !strings.ContainsAny(text, "\n:") {
			return nil, fault.Newf(voice.CodeBadProfile, "lateral records profile NAME prints one to begin with", "%s is no mapping profile", f.Format)
		}
	}
	format, err := voice.ParseFormat(text)
	if err == nil {
		format, err = format.In(f.Zone)
	}
	if err != nil && text != f.Format {
		return nil, fmt.Errorf("reading %s: %w", f.Format, err)
	}
	return format, err
}

type recordsProfiles struct{}

func (recordsProfiles) Run(t terminal) error {
	for _, name := range voice.Profiles() {
		f, err := voice.ParseFormat(name)
		if err != nil {
			return err
		}
		fmt.Fprintf(t.out, "%-12s%s\n", name, f.Profile.About)
	}
	return nil
}

type recordsProfile struct {
	Name string `arg:"" help:"As lateral records profiles lists it."`
}

func (c recordsProfile) Run(t terminal) error {
	text, err := voice.ProfileText(c.Name)
	if err != nil {
		return err
	}
	_, err = io.WriteString(t.out, text)
	return err
}

type recordsConvert struct {
	File string `arg:"" help:"Call records, plain or gzip; - is standard input."`
	fileFormat
	Out     string `required:"" placeholder:"FILE" help:"Name of what is written: .parquet is Parquet, anything else CSV; - is CSV on standard output."`
	Rejects string `placeholder:"FILE" help:"Write every rejected row's line, field, code and detail as CSV."`
	JSON    bool   `name:"json" help:"Print one JSON document."`
}

func (recordsConvert) Help() string {
	return `Every row is read and written, or rejected with its line, field and reason: read = written + rejected. Rows that
the profile skips are counted apart. Rows of all carriers are written, also those with a called number that is
not E.164, which lateral compare may learn to read.`
}

// toldRejects is how many rejected rows are told one by one.
const toldRejects = 20

func (c recordsConvert) Run(t terminal) (err error) {
	format, err := c.parse()
	if err != nil {
		return err
	}
	in, err := t.open(c.File)
	if err != nil {
		return err
	}
	defer in.Close()
	out, done, err := t.create(c.Out)
	if err != nil {
		return err
	}
	w := voice.NewCSVWriter(out)
	if strings.HasSuffix(c.Out, ".parquet") {
		w = voice.NewTableWriter(out)
	}
	var reject func(usage.Reject) error
	finish := func() error { return nil }
	if c.Rejects != "" {
		to, close, err := t.create(c.Rejects)
		if err != nil {
			return errors.Join(err, done())
		}
		rows := csv.NewWriter(to)
		reject = func(r usage.Reject) error {
			return rows.Write([]string{fmt.Sprint(r.Line), r.Field, string(r.Code), r.Detail})
		}
		finish = func() error {
			rows.Flush()
			return errors.Join(rows.Error(), close())
		}
		if err := rows.Write([]string{"line", "field", "code", "detail"}); err != nil {
			return errors.Join(err, finish(), done())
		}
	}
	result, err := voice.Convert(in, format, nil, w, reject)
	if err = errors.Join(err, finish(), done()); err != nil && result.Read == 0 {
		if c.Out != "-" {
			err = errors.Join(err, os.Remove(c.Out)) // nothing is in it
		}
		return fmt.Errorf("reading %s: %w", c.File, err)
	}
	if c.JSON {
		if shown := t.document(result); shown != nil {
			return shown
		}
	} else {
		c.tell(t.err, result)
	}
	if err != nil {
		return fmt.Errorf("reading %s: %w", c.File, err)
	}
	return nil
}

func (c recordsConvert) tell(w io.Writer, r voice.Converted) {
	fmt.Fprintf(w, "%s: %s, %d rows read, %d written, %d rejected, %d skipped\n", c.File, r.Format, r.Read, r.Written, r.Rejected, r.Skipped)
	if r.Numbers > 0 {
		fmt.Fprintf(w, "%d of the written rows have a called number that is no E.164\n", r.Numbers)
	}
	for i, j := range r.Rejects {
		if i == toldRejects {
			fmt.Fprintf(w, "and %d more\n", r.Rejected-toldRejects)
			return
		}
		field := ""
		if j.Field != "" {
			field = j.Field + ": "
		}
		fmt.Fprintf(w, "line %d: %s%s (%s)\n", j.Line, field, j.Detail, j.Code)
	}
}

// create makes a file that is not there yet; - is standard output.
func (t terminal) create(path string) (w io.Writer, done func() error, err error) {
	if path == "-" {
		b := bufio.NewWriter(t.out)
		return b, b.Flush, nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return nil, nil, fault.Newf(fault.Conflict, "choose another name, or move the file away", "%s is there already", path)
	}
	if err != nil {
		return nil, nil, durable.Explain("make "+path, err)
	}
	return f, f.Close, nil
}
