// Package compare finds out why two carriers come to different amounts for the
// same traffic: it reads both sides' call records, matches and rates them, and
// walks from their bill to our expectation, one cause after the other, so that
// the amounts of the causes add up to the difference.
//
// Their bill is a set of calls, each with its times and numbers, a rate sheet, a
// rule for rounding and what comes on top. Each cause of the list moves one of
// these, for the calls that it concerns, from their value to ours; its amount is
// what the rounded totals change by.
//
// Tens of millions of records fit: they are kept in parts by the end of the
// called number, and each part is matched, rated and explained by itself.
package compare

import (
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"io"
	"maps"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/habit"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Input is a file of call records. Open may be called more than once.
type Input struct {
	Name string         // for people
	Size int64          // bytes, for the progress; 0: not known
	Zone *time.Location // of times that name none; nil: as the format says, or such rows are refused
	// Format is how the file is written; nil: as its content says.
	Format *voice.Format
	Open   func() (io.ReadCloser, error)
}

// File is an input from the file system. Codes: not-found; invalid for what is
// no file that can be read more than once, or is empty.
func File(path string) (Input, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return Input{}, fault.Newf(fault.NotFound, "name a file that this user can read", "%s cannot be read", path).Because(err)
	case info.IsDir():
		return Input{}, fault.Newf(fault.Invalid, "name a file in it", "%s is a folder", path)
	case !info.Mode().IsRegular():
		return Input{}, fault.Newf(fault.Invalid, "write what it gives into a file, and name that", "%s is no file but a stream, and records are read more than once", path)
	case info.Size() == 0:
		return Input{}, fault.Newf(fault.Invalid, "name a file of call records", "%s is empty", path)
	}
	return Input{Name: path, Size: info.Size(), Open: func() (io.ReadCloser, error) {
		f, err := os.Open(path)
		if err != nil {
			return nil, fault.Newf(fault.NotFound, "name a file that this user can read", "%s cannot be read", path).Because(err)
		}
		return f, nil
	}}, nil
}

// Job is what to compare and by which rules. Records and Rates are required.
type Job struct {
	Records [2]Input   // ours, theirs
	Us      party.Code // of Ours; empty: the first of the pair in byte order

	Rates      [2]*rating.Sheet // for calls that we send, and that they send; the second nil: the first serves both
	TheirRates [2]*rating.Sheet // theirs, likewise; nil: ours

	TheirInvoice []InvoiceLine // what they bill; nil: what their sheet makes of their records
	Volume       []Discount    // discounts that our expectation has; they need a Cycle
	Commitments  []Commitment  // minimums that it has; likewise

	Cycle            usage.Cycle // zero: the whole is one period
	By               usage.By
	StartTolerance   time.Duration // most that two starts of a call are apart
	SecondsTolerance uint32        // most that billed seconds are apart and still equal
	Rounding         Rounding

	Detail  bool // keep what [Result.Write] writes
	Signals bool // look for what looks like fraud in our records

	Workers  int                                   // goroutines; 0: as many as processors
	Memory   int64                                 // most bytes of records in memory, the rest goes to a temporary file; 0: 1.25 GiB
	Progress func(stage string, done, total int64) // may be nil

	keptDiffs int // of tests
}

// DefaultStartTolerance is what two carriers allow who have agreed nothing.
const DefaultStartTolerance = 3 * time.Second

// comparison is a job under way.
type comparison struct {
	job     Job
	workers int
	pair    usage.Pair
	files   [2]*file
	blocked [2]lineSet // lines of calls that the other side lacks in a block
	lines   *lines
	ids     [2]*repeated
	learned learned
	ruled   [2][]bool        // by trunk: a number rule may be for its calls; nil: for none
	clocks  [2][]habit.Clock // by trunk; nil: all are right
	base    *learner         // what a sample of the calls said
	share   uint32           // the sample was one part in so many
	watch   *watch           // of the last pass
}

// rounds bounds how often what was learned is used to learn more.
const rounds = 4

// defaultMemory is what records may take, bytes: with all else a job stays
// below 2 GiB.
const defaultMemory = 5 << 28

// LimitMemory has the garbage of a process collected in time for a job that keeps
// so many bytes of records in memory (0: as [Job.Memory]): by itself it may grow to
// as much as what is in use. A limit that was set before stays.
func LimitMemory(records int64) {
	records = cmp.Or(records, defaultMemory)
	if debug.SetMemoryLimit(-1) == math.MaxInt64 {
		debug.SetMemoryLimit(records + records/4 + 1<<29)
	}
}

// Run does the job. Codes: those of the readers of call records; invalid for a
// carrier that is not of the pair; money-overflow.
func Run(ctx context.Context, job Job) (*Result, error) {
	began := time.Now()
	c, err := newComparison(job)
	if err != nil {
		return nil, err
	}
	if err := c.carriers(); err != nil {
		return nil, err
	}
	if err := c.book(); err != nil {
		return nil, err
	}
	if err := c.volumes(); err != nil {
		return nil, err
	}
	if err := c.read(ctx); err != nil {
		return nil, err
	}
	defer func() {
		for _, f := range c.files {
			f.calls.drop()
		}
		if c.watch != nil {
			c.watch.traces.drop()
		}
	}()
	f, err := c.settle(ctx)
	if err != nil {
		return nil, err
	}
	r, err := c.result(ctx, f)
	if err != nil {
		f.close()
		return nil, err
	}
	if c.watch != nil {
		if r.Signals, err = c.signals(ctx, c.watch, &f.traffic); err != nil {
			f.close()
			return nil, err
		}
	}
	r.elapsed(began)
	return r, nil
}

// newComparison checks a job's rules.
func newComparison(job Job) (*comparison, error) {
	if job.Rounding == (Rounding{}) {
		job.Rounding = DefaultRounding
	}
	if job.StartTolerance < 0 {
		return nil, fault.Newf(fault.Invalid, "name a duration of zero or more, like 3s", "starts cannot be %s apart", job.StartTolerance).In("start_tolerance")
	}
	c := &comparison{job: job, workers: cmp.Or(job.Workers, runtime.GOMAXPROCS(0))}
	if c.job.Progress == nil {
		c.job.Progress = func(string, int64, int64) {}
	}
	return c, nil
}

// carriers finds the pair, and who of it we are. The pair is the one that most of
// the first rows of both files name, and that we are of where that is known: a file
// in any order may begin with a call under a third carrier's name. Of two that are
// equal it is the first in byte order, for files in another order are the same.
func (c *comparison) carriers() error {
	var pairs []namedPair
	for i := range c.job.Records {
		in := &c.job.Records[i]
		format, err := in.sniff()
		var met []namedPair
		if err == nil {
			in.Format = format
			met, err = findPairs(*in)
		}
		if err != nil && fault.CodeOf(err) != voice.CodeUnreadable {
			return fmt.Errorf("reading %s: %w", in.Name, err)
		}
		for _, p := range met {
			pairs = addPair(pairs, p)
		}
	}
	if len(pairs) > 0 {
		of := func(p namedPair) int {
			if c.job.Us == p.Pair[0] || c.job.Us == p.Pair[1] {
				return 1
			}
			return 0
		}
		c.pair = slices.MaxFunc(pairs, func(a, b namedPair) int {
			return cmp.Or(cmp.Compare(of(a), of(b)), cmp.Compare(a.rows, b.rows), -cmp.Compare(a.Pair[0], b.Pair[0]), -cmp.Compare(a.Pair[1], b.Pair[1]))
		}).Pair
	}
	if c.pair == (usage.Pair{}) {
		return fault.Newf(fault.Invalid, "name files of call records of which one has a good row", "neither %s nor %s has a good row", c.job.Records[0].Name, c.job.Records[1].Name)
	}
	return c.us()
}

// us finds out who of the pair we are.
func (c *comparison) us() error {
	if c.job.Us == "" {
		c.job.Us = c.pair[0]
	}
	if c.job.Us != c.pair[0] && c.job.Us != c.pair[1] {
		return fault.Newf(fault.Invalid, fmt.Sprintf("name %s or %s", c.pair[0], c.pair[1]), "%s is none of the two carriers in the files", c.job.Us).In("us")
	}
	return nil
}

// book puts the sheets in the order of the pair's ways.
func (c *comparison) book() error {
	we := usage.Forth
	if c.job.Us != c.pair[0] {
		we = usage.Back
	}
	var book [2][2]*rating.Sheet
	for s, sheets := range [2][2]*rating.Sheet{c.job.Rates, c.job.TheirRates} {
		if s == int(theirs) && sheets == [2]*rating.Sheet{} {
			book[theirs] = book[ours]
			continue
		}
		if sheets[0] == nil {
			return fault.New(fault.Invalid, "a rate sheet is missing", "name the sheet for the calls that we send")
		}
		if sheets[1] == nil {
			sheets[1] = sheets[0]
		}
		book[s][we], book[s][1-we] = sheets[0], sheets[1]
	}
	c.lines = newLines(book)
	c.lines.by = c.job.By
	c.lines.whole = c.job.Cycle == usage.Cycle{}
	if c.lines.whole {
		return nil
	}
	var err error
	c.lines.calendar, err = c.job.Cycle.Calendar()
	return err
}

// text is about how large the file would be as plain CSV, bytes.
func (in Input) text() int64 {
	switch {
	case in.Size == 0:
		return 1 << 30 // not known
	case in.Format != nil && in.Format.Parquet(), strings.HasSuffix(in.Name, ".gz"):
		return 6 * in.Size
	}
	return in.Size
}

// rowBytes is what a row of CSV takes, about.
const rowBytes = 80

// partBits chooses the number of parts so that one fits the processor's cache.
func (c *comparison) partBits() uint {
	size := max(c.job.Records[0].text(), c.job.Records[1].text())
	bits := uint(4)
	for size>>bits > 1<<20 && bits < 12 {
		bits++
	}
	return bits
}

// read reads both files.
func (c *comparison) read(ctx context.Context) error {
	memory := &budget{most: cmp.Or(c.job.Memory, defaultMemory)}
	keys := &seeds{maphash.MakeSeed(), maphash.MakeSeed()}
	bits := c.partBits()
	ids := newFilter(max(c.job.Records[0].text(), c.job.Records[1].text()) / rowBytes) // one after the other
	for s, in := range c.job.Records {
		clear(ids.bits)
		f := &file{side: side(s), pair: c.pair, calls: newShelf[call](1<<bits, memory), ids: ids,
			trunks: newNames(1<<16, ""), forms: newNames(maxForms, ""), bits: bits, seeds: keys, spans: make([][]stretch, 1<<bits), doubts: make([][]uint32, 1<<bits)}
		c.files[s] = f
		done := int64(0)
		err := f.load(ctx, in, c.workers, func(n int) {
			done += int64(n)
			c.job.Progress("reading "+in.Name, done, in.Size)
		})
		if err != nil {
			return fmt.Errorf("reading %s: %w", in.Name, err)
		}
	}
	return nil
}

// settle matches, rates and explains all parts, with what can be learned of how
// numbers and times are written.
func (c *comparison) settle(ctx context.Context) (*found, error) {
	if err := c.sample(); err != nil {
		return nil, err
	}
	for round := 1; ; round++ {
		for s, f := range c.files {
			var err error
			if c.ids[s], err = f.judgeIDs(&c.learned, c.workers); err != nil {
				return nil, err
			}
		}
		all, err := c.pass(ctx)
		if err != nil {
			return nil, err
		}
		all.learner.backed(c.base, c.share)
		if round < rounds && c.learned.merge(c.learnFrom(all.learner)) {
			all.close()
			continue
		}
		return all, nil
	}
}

// pass does all parts once.
func (c *comparison) pass(ctx context.Context) (*found, error) {
	n := 1 << c.files[0].bits
	c.spread()
	if c.watch != nil {
		c.watch.traces.drop()
	}
	if c.watch = nil; c.job.Signals {
		c.watch = c.newWatch()
	}
	workers := make([]*parts, 0, c.workers)
	for range c.workers {
		w := c.newParts()
		if c.watch != nil {
			w.watch, w.traces = c.watch, c.watch.traces.writer()
		}
		workers = append(workers, w)
	}
	done := make(chan struct{}, n)
	free := make(chan *parts, len(workers))
	for _, w := range workers {
		if c.job.Detail {
			w.detail = newDetail(cmp.Or(c.job.keptDiffs, keptDiffs))
		}
		free <- w
	}
	go func() {
		each(c.workers, n, func() func(int) {
			w := <-free
			return func(i int) {
				if ctx.Err() == nil {
					w.part(i)
				}
				done <- struct{}{}
			}
		})
		close(done)
	}()
	count := int64(0)
	for range done {
		count++
		c.job.Progress("comparing", count, int64(n))
	}
	all := &workers[0].found
	err := ctx.Err()
	for _, w := range workers {
		err = cmp.Or(err, w.err)
	}
	if err != nil {
		for _, w := range workers {
			w.close()
		}
		return nil, err
	}
	for i, w := range workers {
		if i > 0 {
			all.merge(&w.found)
		}
	}
	all.ladder.fold()
	return all, nil
}

// newParts makes what one goroutine needs to work on parts.
func (c *comparison) newParts() *parts {
	return &parts{c: c, price: pricer{lines: c.lines}, found: *c.newFound()}
}

func (c *comparison) newFound() *found {
	f := &found{ladder: newLadder(c.lines, c.job.Rounding), learner: newLearner(c.job.StartTolerance.Milliseconds())}
	for s, in := range c.files {
		f.trunks[s] = make([]uint32, len(in.trunks.list))
	}
	return f
}

// close gives up what was kept of the calls.
func (f *found) close() {
	if f.detail != nil {
		f.detail.close()
	}
}

func (f *found) merge(o *found) {
	f.ladder.merge(o.ladder)
	f.count(o)
}

// count takes all of another but its ladder.
func (f *found) count(o *found) {
	f.shifted.merge(&o.shifted)
	f.learner.add(o.learner)
	f.traffic.Merge(&o.traffic)
	f.matched.Exact += o.matched.Exact
	f.matched.Skewed += o.matched.Skewed
	f.matched.Duration += o.matched.Duration
	f.matched.RawOnly += o.matched.RawOnly
	for s := range f.only {
		for t, n := range o.trunks[s] {
			f.trunks[s][t] += n
		}
		f.only[s] += o.only[s]
		f.unrated[s] += o.unrated[s]
		f.accepted[s] += o.accepted[s]
		f.duplicates[s] += o.duplicates[s]
		f.refused[s].merge(o.refused[s])
		if f.rewritten[s] == nil {
			f.rewritten[s] = map[rewritten]uint64{}
		}
		for k, n := range o.rewritten[s] {
			f.rewritten[s][k] += n
		}
	}
	f.lone = append(f.lone, o.lone...)
	if f.detail != nil {
		f.detail.merge(o.detail)
	}
}

// sampled is how many calls of both sides are looked at before all are matched:
// enough to learn what is written differently, whatever the size of the files.
const sampled = 150_000

// sample learns from some parts what is written differently, so that all are
// matched with it at once.
func (c *comparison) sample() error {
	l := newLearner(c.job.StartTolerance.Milliseconds())
	calls, part := 0, 0
	var buffers [2][]call
	for ; part < 1<<c.files[0].bits && calls < sampled; part++ {
		for s := range buffers {
			var err error
			if buffers[s], err = c.files[s].calls.take(part, buffers[s][:0]); err != nil {
				return err
			}
			calls += len(buffers[s])
		}
		l.observe(buffers[ours], buffers[theirs])
	}
	c.base, c.share = l, uint32(1<<c.files[0].bits/part)
	c.learned.merge(c.learnFrom(l))
	return nil
}

// learnFrom decides what was seen often enough.
func (c *comparison) learnFrom(l *learner) *learned {
	a, b := c.files[ours], c.files[theirs]
	return l.learn([2]*names{a.forms, b.forms}, [2]*names{a.trunks, b.trunks})
}

// sortedFlows puts flows in the order of reports.
func sortedFlows[M ~map[flow]V, V any](m M) []flow {
	return slices.SortedFunc(maps.Keys(m), func(x, y flow) int { return cmp.Or(cmp.Compare(x.way, y.way), cmp.Compare(x.currency, y.currency)) })
}
