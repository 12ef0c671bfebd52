package compare

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"hash/maphash"
	"io"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/usage"
)

// named bounds how many refused rows of a file are told one by one.
const named = 1000

// file is one side's file as it was read: all rows that may count, by part.
type file struct {
	side   side
	pair   usage.Pair
	calls  *shelf[call] // nil: the rows of a read are given as a batch
	batch  [][]call     // by loader, each in the order of its lines
	trunks *names
	forms  *names
	third  *names // carriers that are not of the pair

	spans [][]stretch // by part: of each block of calls, the times in which they start

	ids      *filter    // that were met, while the file is read
	again    []uint64   // ids that were met before, or seem so
	doubtful []call     // rows with such ids, by id and line
	doubts   [][]uint32 // by part: which of its calls they are, ascending, from 1
	judged   bool       // doubtful is known

	read    uint64
	skipped uint64 // rows that are no call records by the profile
	plus    uint64 // called numbers that were written with a plus sign
	refused rejects
	broken  error // the file breaks off
	last    uint32
	bits    uint // of the number of parts
	seeds   *seeds
}

// seeds are the random keys of one run: nobody can choose rows that collide.
type seeds struct{ a, b maphash.Seed }

// names numbers texts in the order in which they are met; those beyond the most
// that a number can hold share the last one.
type names struct {
	most int

	mu    sync.Mutex
	index map[string]uint16
	list  []string
}

func newNames(most int, first ...string) *names {
	n := &names{most: most, index: map[string]uint16{}}
	for _, f := range first {
		n.of([]byte(f))
	}
	return n
}

// of numbers a text. ok is false when there is no number left.
func (n *names) of(text []byte) (number uint16, ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if i, ok := n.index[string(text)]; ok {
		return i, true
	}
	if len(n.list) == n.most {
		return uint16(n.most - 1), false
	}
	i := uint16(len(n.list))
	n.index[string(text)] = i
	n.list = append(n.list, string(text))
	return i, true
}

func (n *names) name(i uint16) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.list[i]
}

// class is a trunk and a form of called numbers.
type class struct{ trunk, form uint16 }

// rejects counts refused rows and keeps the first of the file.
type rejects struct {
	count uint64
	list  []usage.Reject
	last  uint64 // line of the last one kept, once there are as many as are kept
}

func (r *rejects) add(line uint64, err error) {
	r.count++
	if r.last > 0 && line > r.last {
		return
	}
	f := fault.Of(err)
	r.list = append(r.list, usage.Reject{Line: line, Field: f.Field, Code: f.Code, Detail: f.Detail})
	if len(r.list) == 2*named {
		r.trim()
	}
}

// trim leaves the first of the file.
func (r *rejects) trim() {
	slices.SortFunc(r.list, func(a, b usage.Reject) int { return cmp.Compare(a.Line, b.Line) })
	r.list = r.list[:min(len(r.list), named)]
	if len(r.list) == named {
		r.last = r.list[named-1].Line
	}
}

// merge puts the rejects of others in, the first of the file first.
func (r *rejects) merge(others ...rejects) {
	for _, o := range others {
		r.count += o.count
		r.list = append(r.list, o.list...)
	}
	r.trim()
}

// sniffed is how many good rows of a file say whose traffic it is.
const sniffed = 4096

// namedPair is two carriers, and how many rows name them.
type namedPair struct {
	usage.Pair
	rows int
}

// findPairs reads a file of call records as far as its first good rows.
func findPairs(in Input) ([]namedPair, error) {
	r, err := in.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	records, err := voice.OpenRecords(r, in.Format, usage.Pair{}, in.Zone)
	if err != nil {
		return nil, err
	}
	defer records.Close() // a temporary file, which is gone already
	var (
		out []namedPair
		row voice.Row
	)
	for n := 0; n < sniffed; {
		_, refused, err := records.Next(&row)
		if err == io.EOF {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		if refused != nil {
			continue
		}
		n++
		out = addPair(out, namedPair{records.Parser.Pair, 1})
		records.Parser.Pair = usage.Pair{} // of the next row
	}
	return out, nil
}

// addPair adds a pair to a list.
func addPair(list []namedPair, p namedPair) []namedPair {
	for i := range list {
		if list[i].Pair == p.Pair {
			list[i].rows += p.rows
			return list
		}
	}
	return append(list, p)
}

// lines goes through the lines of a piece, by number, without their line breaks.
func (p *piece) lines(yield func(uint64, []byte) bool) {
	number := p.first
	for b := p.data; len(b) > 0; number++ {
		line := b
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			line, b = b[:i], b[i+1:]
		} else {
			b = nil
		}
		if n := len(line); n > 0 && line[n-1] == '\r' {
			line = line[:n-1]
		}
		if !yield(number, line) {
			return
		}
	}
}

// layout reads the first line of a file, and takes it off the piece if it is a
// header.
func (p *piece) layout(f *voice.Format) (*voice.Layout, error) {
	data := bytes.TrimPrefix(p.data, []byte(voice.Mark))
	p.data = data
	first := p.first
	for len(data) > 0 {
		line, rest, _ := bytes.Cut(data, []byte{'\n'})
		if p.long {
			rest = nil // it is no line of any file
		}
		line = bytes.TrimSuffix(line, []byte{'\r'})
		if data, first = rest, first+1; len(line) == 0 {
			continue
		}
		l, taken, err := f.Layout(line)
		if taken {
			p.data, p.first = data, first
		}
		return l, err
	}
	l, _, err := f.Layout(nil)
	return l, err
}

// load reads a file on as many goroutines as workers. Codes: those of
// [voice.OpenRecords], too-many-rows.
func (f *file) load(ctx context.Context, in Input, workers int, progress func(int)) error {
	format, err := in.sniff()
	if err != nil {
		return err
	}
	r, err := in.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	switch {
	case format.Parquet():
		return f.loadTable(ctx, r, format, in, workers, progress)
	case !format.Lines():
		return f.loadRecords(ctx, counted{r, progress}, format, in)
	}
	return f.loadLines(ctx, r, format, in, workers, progress)
}

// sniff finds out how a file is written.
func (in Input) sniff() (*voice.Format, error) {
	r, err := in.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return voice.Sniff(r, in.Format)
}

// loadLines reads a file whose lines can be read by themselves, piece by piece.
func (f *file) loadLines(ctx context.Context, r io.Reader, format *voice.Format, in Input, workers int, progress func(int)) error {
	c, err := newCutter(r, progress)
	if err != nil {
		return err
	}
	p, err := c.next()
	if err != nil && err != io.EOF {
		return err
	}
	layout, bad := p.layout(format)
	if bad != nil || err == io.EOF {
		return bad
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	pieces := make(chan piece, 4)
	var done sync.WaitGroup
	all := f.loaders(workers)
	for _, l := range all {
		l.parser = layout.Parser(f.pair, in.Zone)
		done.Go(func() {
			for p := range pieces {
				if ctx.Err() == nil {
					if err := l.piece(&p); err != nil {
						cancel(err)
					}
				}
				c.done(p)
			}
		})
	}
	for err == nil && ctx.Err() == nil {
		pieces <- p
		p, err = c.next()
	}
	close(pieces)
	done.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	if err != io.EOF {
		f.broken = err
	}
	f.collect(all)
	return nil
}

// loadTable reads a Parquet file, each group of rows by itself. What is around a
// damaged group is read.
func (f *file) loadTable(ctx context.Context, r io.Reader, format *voice.Format, in Input, workers int, progress func(int)) error {
	table, temp, err := voice.OpenTableFile(r, format)
	if err != nil {
		return err
	}
	defer temp.Close() // a temporary file, which is gone already
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	all := f.loaders(workers)
	broken := make([]error, table.Groups())
	var next atomic.Int64
	var done sync.WaitGroup
	var told sync.Mutex
	for _, l := range all {
		done.Go(func() {
			reader := table.Reader(f.pair, in.Zone)
			for i := int(next.Add(1) - 1); i < len(broken) && ctx.Err() == nil; i = int(next.Add(1) - 1) {
				reader.Open(i)
				broken[i] = l.rows(ctx, reader, cancel)
				told.Lock()
				progress(int(in.Size) / len(broken))
				told.Unlock()
			}
		})
	}
	done.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	for _, err := range broken {
		f.broken = cmp.Or(f.broken, err)
	}
	f.collect(all)
	return nil
}

// rows reads a group of rows. The error is of the file; for one of our own, all is
// given up.
func (l *loader) rows(ctx context.Context, reader *voice.TableReader, cancel context.CancelCauseFunc) error {
	var row voice.Row
	for n := 0; ; n++ {
		number, refused, err := reader.Next(&row)
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		case refused == voice.Skipped:
			l.skipped++
			continue
		}
		l.read++
		if err := l.take(uint32(number), &row, refused); err != nil {
			cancel(err)
			return nil
		}
		if n%4096 == 0 && ctx.Err() != nil {
			return nil
		}
	}
}

// loadRecords reads a file one record after the other.
func (f *file) loadRecords(ctx context.Context, r io.Reader, format *voice.Format, in Input) error {
	records, err := voice.OpenRecords(r, format, f.pair, in.Zone)
	if err != nil {
		return err
	}
	defer records.Close() // a temporary file, which is gone already
	all := f.loaders(1)
	l := all[0]
	var row voice.Row
	for ctx.Err() == nil {
		number, refused, err := records.Next(&row)
		if err != nil {
			if err != io.EOF {
				f.broken = err
			}
			l.skipped = records.Skipped
			f.collect(all)
			return nil
		}
		l.read++
		if err := l.take(uint32(number), &row, refused); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}

// loaders makes one loader for each goroutine that reads.
func (f *file) loaders(n int) []*loader {
	all := make([]*loader, n)
	for i := range all {
		all[i] = &loader{file: f, met: meeting{filter: f.ids}, trunkOf: map[string]uint16{}}
		if f.calls != nil {
			all[i].calls = f.calls.writer()
		}
	}
	return all
}

// collect adds up what the loaders have counted.
func (f *file) collect(all []*loader) {
	var lists []rejects
	for _, l := range all {
		f.read += l.read
		f.skipped += l.skipped
		f.plus += l.plus
		if f.ids != nil {
			l.met.flush()
		}
		f.again = append(f.again, l.met.again...)
		f.last = max(f.last, l.last)
		lists = append(lists, l.refused)
		if f.calls == nil {
			f.batch = append(f.batch, l.batch)
		}
	}
	f.refused.merge(lists...)
}

// loader is one goroutine that reads pieces.
type loader struct {
	file    *file
	calls   *shelfWriter[call] // nil: batch
	batch   []call
	met     meeting
	parser  voice.Parser
	trunkOf map[string]uint16
	recent  [64]struct { // trunks of the last rows, by the end of their names
		text   []byte
		number uint16
	}
	read    uint64
	skipped uint64
	plus    uint64
	last    uint32
	refused rejects
}

// trunk numbers a trunk by its name.
func (l *loader) trunk(text []byte) uint16 {
	slot := len(text)
	if slot > 0 {
		slot += int(text[slot-1])
	}
	recent := &l.recent[slot%len(l.recent)]
	if recent.text != nil && string(text) == string(recent.text) {
		return recent.number
	}
	t, ok := l.trunkOf[string(text)]
	if !ok {
		t, _ = l.file.trunks.of(text)
		if len(l.trunkOf) < math.MaxUint16 {
			l.trunkOf[string(text)] = t
		}
	}
	recent.number, recent.text = t, append(recent.text[:0], text...)
	return t
}

var errLong = fault.Newf(voice.CodeLineTooLong, "split the line, or look for a lost line break", "the line is longer than %d bytes", maxLine)

// piece reads the rows of a piece.
func (l *loader) piece(p *piece) error {
	if p.long {
		l.read++
		l.refused.add(p.first, errLong)
		return nil
	}
	if p.first > math.MaxUint32-pieceBytes {
		return fault.Newf(voice.CodeTooManyRows, "split the file", "the file goes on after line %d", p.first)
	}
	var row voice.Row
	for number, line := range p.lines {
		if len(line) == 0 {
			continue
		}
		if len(line) > maxLine {
			l.read++
			l.refused.add(number, errLong)
			continue
		}
		refused := l.parser.Parse(line, &row)
		if refused == voice.Skipped {
			l.skipped++
			continue
		}
		l.read++
		if err := l.take(uint32(number), &row, refused); err != nil {
			return err
		}
	}
	return nil
}

// take keeps a row, or why it is refused.
func (l *loader) take(number uint32, row *voice.Row, err error) error {
	c := call{start: row.Start, origin: uint64(row.Origin), dest: dest(row.Destination), duration: row.Duration, line: number, way: row.Way, result: row.Result, plus: row.Plus}
	if err != nil {
		switch fault.CodeOf(err) {
		case voice.CodeBadNumber:
			if !l.odd(&c, row) {
				l.refused.add(uint64(number), err)
				return nil
			}
		case voice.CodeThirdCarrier:
			l.refused.add(uint64(number), err)
			if !l.third(&c, row) || c.dest == 0 && !l.odd(&c, row) {
				return nil
			}
		default:
			l.refused.add(uint64(number), err)
			return nil
		}
	}
	c.trunk = l.trunk(row.Trunk)
	l.last = max(l.last, number)
	if !c.third {
		c.id = maphash.Bytes(l.file.seeds.a, row.ID)
		if l.file.ids != nil {
			l.met.add(c.id)
		}
		if len(row.OriginText) > 0 {
			c.text = uint8(maphash.Bytes(l.file.seeds.b, row.OriginText)) | 1
		}
		if row.Plus && err == nil {
			l.plus++
		}
	}
	if l.calls == nil {
		l.batch = append(l.batch, c)
		return nil
	}
	return l.calls.put(partOf(c.dest.tail(), l.file.bits), c)
}

// odd takes a called number that is not E.164 apart, for a normalisation that
// may be learned. It is false when there is no number in it.
func (l *loader) odd(c *call, row *voice.Row) bool {
	before, digits := splitDigits(row.DestinationText)
	if digits < tailSpan/10 || len(before) > 32 {
		return false // too short to be compared by its end
	}
	form, ok := l.file.forms.of(before)
	if !ok {
		return false
	}
	c.dest = dest(digits) | dest(form)<<digitBits
	return true
}

// third keeps a call with a third carrier, which may be one of the pair under a
// wrong name: that of the carrier which is there tells the way.
func (l *loader) third(c *call, row *voice.Row) bool {
	switch {
	case row.From == l.file.pair[0] || row.To == l.file.pair[1]:
		c.way = usage.Forth
	case row.From == l.file.pair[1] || row.To == l.file.pair[0]:
		c.way = usage.Back
	default:
		return false
	}
	c.third = true
	return true
}

// number gives a called number as it was written.
func (f *file) number(d dest) string {
	if d.form() == 0 {
		return d.number().String()
	}
	return f.forms.name(d.form()) + d.number().String()
}

func errBadNumber(text string) error {
	return &fault.Error{Code: voice.CodeBadNumber, Field: "destination_number", Detail: fmt.Sprintf("%.40q is no E.164 number, and no normalisation was learned that makes it one", text),
		Remedy: "correct the row, or send more calls of its trunk that the other side has too"}
}

func errSameID(first uint32) error {
	return &fault.Error{Code: voice.CodeSameID, Field: "call_id", Detail: fmt.Sprintf("line %d has the same id with other content", first), Remedy: "give each call an id of its own"}
}
