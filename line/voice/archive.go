package voice

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
	"io"
	"maps"
	"math"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/parquet"
	"github.com/lateral-network/lateral/trade/usage"
)

// An archive holds the rows of one import and one day in Parquet: our own columns,
// with the line of the uploaded file, and the row's place among the accepted, from
// 1; 0 for one that repeats an accepted one under another id.

// Day gives the day (UTC) of a moment (ms UTC), counted from 1970.
func Day(ms int64) int64 { return ms / 86_400_000 }

// Days gives the rows of the file that was read last day by day (UTC), in order:
// how many there are, their prints under a key, and what writes them.
func (f *Files) Days(key [32]byte, put func(day int64, rows uint64, prints []byte, write func(io.Writer) error) error) error {
	s := f.last
	order := make([]uint32, len(s.rows))
	for i := range order {
		order[i] = uint32(i)
	}
	slices.SortStableFunc(order, func(a, b uint32) int {
		return cmp.Compare(Day(s.get(a).Start), Day(s.get(b).Start))
	})
	p := newPrinter(key)
	for len(order) > 0 {
		day, n := Day(s.get(order[0]).Start), 1
		for n < len(order) && Day(s.get(order[n]).Start) == day {
			n++
		}
		rows := order[:n]
		order = order[n:]
		prints := make([]byte, 0, n*printSize)
		for _, i := range rows {
			k := s.get(i)
			x := p.of(k.id, k.origin, k.trunk, k.Record)
			prints = append(prints, x[:]...)
		}
		if err := put(day, uint64(n), prints, func(w io.Writer) error { return s.write(w, rows) }); err != nil {
			return err
		}
	}
	return nil
}

// write writes rows as an archive.
func (s *seen) write(w io.Writer, rows []uint32) error {
	t := newTableWriter(w, archiveSchema())
	t.archive = true
	pair := s.files[0].batch.Pair
	for _, i := range rows {
		k := s.get(i)
		t.place = 0
		if !s.rows[i].duplicate {
			t.place = s.rows[i].record + 1
		}
		r := Row{Record: *k.Record, ID: k.id, Trunk: []byte(k.trunk), OriginText: k.origin}
		if err := t.Write(&r, pair[r.Way&1], pair[1-r.Way&1]); err != nil {
			return err
		}
	}
	return t.Close()
}

// Archived is an archive to read.
type Archived = interface {
	io.ReaderAt
	Size() int64
}

// Load reads a file back from its archives, as Read had left it: accepted calls
// are in their places, and where an archive is left out they have no destination.
// It is remembered by Keep. Code: unreadable-file.
func (f *Files) Load(name string, accepted uint64, days []Archived) (*usage.Batch, error) {
	b := &usage.Batch{Pair: f.o.Pair, Trunks: []string{""}, Records: make([]usage.Record, accepted)}
	s := f.kept.next(name, b)
	trunks := map[string]uint32{"": 0}
	for _, day := range days {
		if err := s.load(day, trunks); err != nil {
			return nil, fault.Newf(CodeUnreadable, "restore the node's data from a backup", "the archive of %s cannot be read", name).Because(err)
		}
	}
	s.index()
	f.last = s
	return b, nil
}

var errArchive = fault.New(fault.Corrupt, "an archive has not the columns and values of its kind", "restore the node's data from a backup")

// load appends the rows of an archive. The tables are not made.
func (s *seen) load(day Archived, trunks map[string]uint32) error {
	file, err := parquet.Open(day, day.Size())
	if err != nil {
		return err
	}
	if len(file.Columns) != len(archiveSchema().Columns()) {
		return errArchive
	}
	columns := make([]int, len(file.Columns))
	vectors := make([]*parquet.Vector, len(columns))
	for i := range columns {
		if columns[i] = i; file.Columns[i].Name != archiveSchema().Columns()[i][0] {
			return errArchive
		}
	}
	r := file.Reader(columns)
	b := s.files[0].batch
	for g := range file.Groups() {
		r.Open(g)
		for {
			n, err := r.Next(tableBatch)
			if err == io.EOF {
				break
			}
			if err != nil {
				return err
			}
			for i := range vectors {
				vectors[i] = r.Column(i)
			}
			for i := range n {
				way, known := judgedWay(b.Pair, vectors[columnFrom].Text(i), vectors[columnTo].Text(i))
				result := outcomeOf(vectors[columnResult].Text(i))
				place := uint64(vectors[columnPlace].Ints[i])
				if !known || result > 3 || place > uint64(len(b.Records)) {
					return errArchive
				}
				x := usage.Record{
					Start: vectors[columnStart].Ints[i], Origin: usage.Number(vectors[columnOrigin].Ints[i]), Destination: usage.Number(vectors[columnDestination].Ints[i]),
					Duration: uint32(vectors[columnDuration].Ints[i]), Line: uint32(vectors[columnLine].Ints[i]), Way: way, Result: usage.Result(result - 1),
				}
				var ok bool
				name := vectors[columnTrunk].Text(i)
				if x.Trunk, ok = trunks[string(name)]; !ok {
					x.Trunk = uint32(len(b.Trunks))
					b.Trunks = append(b.Trunks, string(name))
					trunks[b.Trunks[x.Trunk]] = x.Trunk
				}
				var origin []byte
				if v := vectors[columnOriginText]; x.Origin == usage.Withheld && (v.Null == nil || !v.Null[i]) {
					origin = v.Text(i)
				}
				id := vectors[columnID].Text(i)
				k := row{at: uint64(len(s.text)), id: uint8(len(id)), origin: uint8(len(origin)), duplicate: place == 0}
				s.text = append(append(s.text, id...), origin...)
				if k.duplicate {
					k.record = uint32(len(b.Duplicates))
					b.Duplicates = append(b.Duplicates, x)
				} else {
					k.record = uint32(place - 1)
					b.Records[k.record] = x
				}
				s.rows = append(s.rows, k)
			}
		}
	}
	return nil
}

func judgedWay(pair usage.Pair, from, to []byte) (usage.Way, bool) {
	for _, w := range []usage.Way{usage.Forth, usage.Back} {
		if string(from) == string(pair[w]) && string(to) == string(pair[1-w]) {
			return w, true
		}
	}
	return 0, false
}

// index makes the tables of all rows.
func (s *seen) index() {
	for i := range s.rows {
		k := s.get(uint32(i))
		s.byID.insert(s.hashID(k.id), uint32(i))
		if !s.rows[i].duplicate {
			s.byCall.insert(s.hash(k.Record), uint32(i))
		}
	}
}

// Forget lets go of kept files: their rows are known by their prints alone.
func (f *Files) Forget(gone []*usage.Batch) {
	old := f.kept
	s := &seen{seed: old.seed, salt: old.salt}
	at := map[uint32]uint32{}
	for i, file := range old.files {
		if !slices.Contains(gone, file.batch) {
			at[uint32(i)] = uint32(len(s.files))
			s.files = append(s.files, file)
		}
	}
	for _, k := range old.rows {
		file, stays := at[k.file]
		if !stays {
			continue
		}
		text := old.text[k.at:][:int(k.id)+int(k.origin)]
		k.file, k.at = file, uint64(len(s.text))
		s.text = append(s.text, text...)
		s.rows = append(s.rows, k)
	}
	s.index()
	f.kept = s
}

// Past says where the prints of forgotten files are, by day.
func (f *Files) Past(key [32]byte, prints func(day int64) ([]byte, error)) {
	f.past = &past{printer: newPrinter(key), prints: prints, days: map[int64]*printed{}}
}

// A print tells of a forgotten row whether another repeats it: 8 bytes of its id,
// 12 of what makes two rows one call, and 4 of all else that an id stands for.
// Without the key it tells nothing, and nothing in it can be read with the key; who
// has the key can try out ids and calls.
const printSize = 8 + 12 + 4

type printOf [printSize]byte

type printer struct {
	mac   hash.Hash
	rests map[string][4]byte // by trunk, of calls whose origin is a number
}

func newPrinter(key [32]byte) *printer {
	return &printer{hmac.New(sha256.New, key[:]), map[string][4]byte{}}
}

// mostRests bounds a printer's memory: a file may name as many trunks as rows.
const mostRests = 10_000

func (p *printer) of(id, origin []byte, trunk string, r *usage.Record) (out printOf) {
	var sum [sha256.Size]byte
	part := func(dst []byte, tag byte, texts ...[]byte) {
		p.mac.Reset()
		p.mac.Write([]byte{tag})
		for _, t := range texts {
			p.mac.Write(append(sum[:0], byte(len(t)))) // a text has at most 255 bytes
			p.mac.Write(t)
		}
		copy(dst, p.mac.Sum(sum[:0]))
	}
	if r.Origin != usage.Withheld {
		origin = nil
	}
	part(out[:8], 'i', id)
	b := binary.BigEndian.AppendUint64(nil, uint64(r.Start))
	b = binary.BigEndian.AppendUint64(b, uint64(r.Destination))
	b = binary.BigEndian.AppendUint64(b, uint64(r.Origin))
	b = binary.BigEndian.AppendUint32(b, r.Duration)
	part(out[8:20], 'c', append(b, byte(r.Result), byte(r.Way)))
	rest, known := p.rests[trunk]
	if !known || len(origin) > 0 {
		part(rest[:], 'r', []byte(trunk), origin)
	}
	if !known && len(origin) == 0 && len(p.rests) < mostRests {
		p.rests[trunk] = rest
	}
	copy(out[20:], rest[:])
	return out
}

// past finds forgotten rows by their prints.
type past struct {
	printer *printer
	prints  func(day int64) ([]byte, error)
	days    map[int64]*printed // nil: the day has none
}

// printed is the prints of a day.
type printed struct {
	all          []byte
	byID, byCall table
}

// mostDays is how many days' prints are in memory together.
const mostDays = 8

// reach loads what a row of a day is compared with: an id is known for a day and
// for those beside it.
func (p *past) reach(day int64) error {
	for d := day - 1; d <= day+1; d++ {
		if _, ok := p.days[d]; ok {
			continue
		}
		all, err := p.prints(d)
		if err != nil {
			return err
		}
		if len(p.days) >= mostDays {
			far := func(x int64) int64 { return max(x-day, day-x) }
			delete(p.days, slices.MaxFunc(slices.Collect(maps.Keys(p.days)), func(a, b int64) int { return cmp.Compare(far(a), far(b)) }))
		}
		var x *printed
		if n := len(all) / printSize; n > 0 && n < math.MaxInt32 {
			x = &printed{all: all}
			for i := range uint32(n) {
				x.byID.insert(binary.BigEndian.Uint32(x.print(i)), i)
				x.byCall.insert(binary.BigEndian.Uint32(x.print(i)[8:]), i)
			}
		}
		p.days[d] = x
	}
	return nil
}

func (x *printed) print(i uint32) []byte { return x.all[int(i)*printSize:][:printSize] }

// find looks for a print that equals another from one byte to before another.
func (x *printed) find(t *table, want []byte, from, to int) []byte {
	hash := binary.BigEndian.Uint32(want[from:])
	for at := hash; ; at++ {
		i, ok := t.probe(at, hash)
		if !ok {
			return nil
		}
		if i >= 0 {
			if have := x.print(uint32(i)); bytes.Equal(have[from:to], want[from:to]) {
				return have
			}
		}
	}
}

// judge says what a row is among the forgotten ones; sameID is set when its id was
// known, and then the row is not to be remembered.
func (p *past) judge(id, origin []byte, trunk string, r *usage.Record) (v verdict, sameID bool) {
	day := Day(r.Start)
	if p.days[day-1] == nil && p.days[day] == nil && p.days[day+1] == nil {
		return isNew, false
	}
	want := p.printer.of(id, origin, trunk, r)
	for d := day - 1; d <= day+1; d++ {
		x := p.days[d]
		if x == nil {
			continue
		}
		if have := x.find(&x.byID, want[:], 0, 8); have != nil {
			if bytes.Equal(have, want[:]) {
				return isDuplicate, true
			}
			return isConflict, true
		}
	}
	if x := p.days[day]; x != nil && x.find(&x.byCall, want[:], 8, 20) != nil {
		return isDuplicate, false
	}
	return isNew, false
}
