package parquet

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"
	oracle "github.com/parquet-go/parquet-go"
)

// wide has a column of each kind and encoding that is read.
type wide struct {
	Plain   string   `parquet:"plain"`
	Lengths string   `parquet:"lengths,delta"`
	Dict    string   `parquet:"dict,dict"`
	Opt     *string  `parquet:"opt,optional"`
	OptDict *string  `parquet:"optdict,optional,dict"`
	I64     int64    `parquet:"i64"`
	D64     int64    `parquet:"d64,delta"`
	K64     int64    `parquet:"k64,dict"`
	O64     *int64   `parquet:"o64,optional"`
	I32     int32    `parquet:"i32"`
	D32     int32    `parquet:"d32,delta"`
	U32     uint32   `parquet:"u32,delta"`
	F32     float32  `parquet:"f32"`
	F64     *float64 `parquet:"f64,optional"`
	Bool    bool     `parquet:"bool"`
	At      int64    `parquet:"at,timestamp(microsecond)"`
}

func random(r *rand.Rand, n int) []wide {
	text := func() string { return strings.Repeat("x", r.IntN(9)) + fmt.Sprint(r.Int64()) }
	rows := make([]wide, n)
	for i := range rows {
		rows[i] = wide{Plain: text(), Lengths: text(), Dict: fmt.Sprint(r.IntN(50)), I64: r.Int64() - r.Int64(), D64: r.Int64() - r.Int64(), K64: int64(r.IntN(9)),
			I32: r.Int32() - r.Int32(), D32: int32(r.IntN(1000)) - 500, U32: r.Uint32(), F32: r.Float32(), Bool: r.IntN(2) == 1, At: r.Int64N(1 << 50)}
		if r.IntN(3) > 0 {
			s, d, o, f := text(), fmt.Sprint(r.IntN(5)), r.Int64N(100), r.Float64()
			rows[i].Opt, rows[i].OptDict, rows[i].O64, rows[i].F64 = &s, &d, &o, &f
		}
	}
	return rows
}

func written(t testing.TB, rows []wide, o ...oracle.WriterOption) []byte {
	t.Helper()
	var b bytes.Buffer
	w := oracle.NewGenericWriter[wide](&b, append([]oracle.WriterOption{oracle.MaxRowsPerRowGroup(1500), oracle.PageBufferSize(4000)}, o...)...)
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// all reads all columns of a file as texts.
func all(file []byte) (out []string, err error) {
	f, err := Open(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		return nil, err
	}
	columns := make([]int, len(f.Columns))
	for i := range columns {
		columns[i] = i
	}
	r := f.Reader(columns)
	for g := range f.Groups() {
		r.Open(g)
		for {
			n, err := r.Next(700)
			if err == io.EOF {
				break
			}
			if err != nil {
				return out, err
			}
			for i := range n {
				line := ""
				for k, c := range f.Columns {
					v := r.Column(k)
					switch {
					case v.Null != nil && v.Null[i]:
						line += "null|"
					case c.Kind == Bytes:
						line += string(v.Text(i)) + "|"
					case v.Floats != nil:
						line += fmt.Sprint(float32(v.Floats[i])) + "|"
					default:
						line += fmt.Sprint(v.Ints[i]) + "|"
					}
				}
				out = append(out, line)
			}
			if len(out) > 50_000 {
				return out, nil // few bytes can stand for many rows
			}
		}
	}
	return out, nil
}

func wanted(rows []wide) (out []string) {
	for _, w := range rows {
		opt, dict, o64, f64 := "null", "null", "null", "null"
		if w.Opt != nil {
			opt, dict, o64, f64 = *w.Opt, *w.OptDict, fmt.Sprint(*w.O64), fmt.Sprint(float32(*w.F64))
		}
		b := 0
		if w.Bool {
			b = 1
		}
		out = append(out, fmt.Sprint(w.Plain, "|", w.Lengths, "|", w.Dict, "|", opt, "|", dict, "|", w.I64, "|", w.D64, "|", w.K64, "|", o64, "|", w.I32, "|", w.D32, "|", w.U32, "|", w.F32, "|", f64, "|", b, "|", w.At, "|"))
	}
	return out
}

func seeded(t testing.TB) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

func TestFilesOfAnotherWriterAreReadAsTheyWereWritten(t *testing.T) {
	rows := random(seeded(t), 4000)
	for name, o := range map[string][]oracle.WriterOption{
		"version 1": {oracle.DataPageVersion(1)}, "version 2": {oracle.DataPageVersion(2)},
		"zstd": {oracle.Compression(&oracle.Zstd)}, "snappy": {oracle.Compression(&oracle.Snappy), oracle.DataPageVersion(1)}, "gzip": {oracle.Compression(&oracle.Gzip)},
		"few": {oracle.MaxRowsPerRowGroup(1)}, "one page": {oracle.MaxRowsPerRowGroup(1 << 20), oracle.PageBufferSize(1 << 24)},
	} {
		rows := rows
		if name == "few" {
			rows = rows[:3]
		}
		got, err := all(written(t, rows, o...))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		want := wanted(rows)
		if len(got) != len(want) {
			t.Errorf("%s: %d rows, want %d", name, len(got), len(want))
			continue
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%s: row %d is\n%s\nwant\n%s", name, i+1, got[i], want[i])
				break
			}
		}
	}
	f, err := Open(bytes.NewReader(written(t, rows)), int64(len(written(t, rows))))
	if err != nil || f.Columns[15].Unit != Micros || f.Columns[15].Local || !f.Columns[11].Unsigned || f.Columns[9].Unsigned {
		t.Errorf("%+v, %v", f, err)
	}
}

func TestFrontCodedTextsAreRead(t *testing.T) {
	// Shared lengths 0, 3, 4; own lengths 4, 2, 0; then "4930", "11", "".
	src := append(packed(t, 0, 3, 4), packed(t, 4, 2, 0)...)
	src = append(src, "493011"...)
	var x texts
	if _, err := x.fronts(src, nil, make([]int64, 3), 3); err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"4930", "49311", "4931"} {
		if got := string(x.data[x.start[i]:x.end[i]]); got != want {
			t.Errorf("text %d is %q, want %q", i, got, want)
		}
	}
}

// packed encodes small numbers as differences.
func packed(t testing.TB, values ...int64) []byte {
	t.Helper()
	b, err := oracle.DeltaBinaryPacked.EncodeInt64(nil, values)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// growth runs f and gives what was allocated for it, bytes.
func growth(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestACutOffOrDamagedFileGivesAnErrorAndNoPanic(t *testing.T) {
	random := seeded(t)
	file := written(t, randomRows(random), oracle.Compression(&oracle.Zstd))
	for _, n := range []int{0, 3, 4, 11, 12, 100, len(file) / 2, len(file) - 9, len(file) - 1} {
		if _, err := all(file[:n]); err == nil {
			t.Errorf("the first %d of %d bytes are read as a whole file", n, len(file))
		}
	}
	for range 300 {
		bad := bytes.Clone(file)
		for range 1 + random.IntN(4) {
			bad[random.IntN(len(bad))] ^= byte(1 + random.IntN(255))
		}
		if most := growth(func() { all(bad) }); most > 256<<20 {
			t.Fatalf("a damaged file of %d bytes took %d bytes", len(bad), most)
		}
	}
}

func randomRows(r *rand.Rand) []wide { return random(r, 200) }

// forged builds a file with one column of bytes or int64 whose only page has a
// header and a body of one's own.
func forged(kind, codec, rows int64, head pageHead, body []byte) []byte {
	i32 := func(b []byte, delta byte, v int64) []byte { return binary.AppendVarint(append(b, delta<<4|tI32), v) }
	i64 := func(b []byte, delta byte, v int64) []byte { return binary.AppendVarint(append(b, delta<<4|tI64), v) }
	var page []byte
	page = i32(page, 1, head.kind)
	page = i32(page, 1, head.full)
	page = i32(page, 1, head.stored)
	page = append(page, 2<<4|tStruct)
	page = i32(page, 1, head.values)
	page = i32(page, 1, head.encoding)
	page = append(page, 0, 0)
	file := append([]byte(Magic), page...)
	file = append(file, body...)
	end := int64(len(file))
	foot := i32(nil, 1, 1)
	foot = append(foot, 1<<4|tList, 2<<4|tStruct)
	foot = append(foot, 4<<4|tBinary, 1, 'r')
	foot = append(i32(foot, 1, 1), 0) // the root with one child
	foot = i32(foot, 1, kind)
	foot = i32(foot, 2, 0)
	foot = append(foot, 1<<4|tBinary, 1, 'c', 0)
	foot = i64(foot, 1, rows)
	foot = append(foot, 1<<4|tList, 1<<4|tStruct)
	foot = append(foot, 1<<4|tList, 1<<4|tStruct, 3<<4|tStruct)
	foot = i32(foot, 1, kind)
	foot = i32(foot, 3, codec)
	foot = i64(foot, 1, rows)
	foot = i64(foot, 2, end-4)
	foot = i64(foot, 2, 4)
	foot = append(foot, 0, 0)
	foot = i64(foot, 2, rows)
	foot = append(foot, 0, 0)
	file = append(file, foot...)
	file = binary.LittleEndian.AppendUint32(file, uint32(len(foot)))
	return append(file, Magic...)
}

func TestABombTakesNoMoreThanItsBounds(t *testing.T) {
	var z bytes.Buffer
	w, err := zstd.NewWriter(&z)
	if err != nil {
		t.Fatal(err)
	}
	zeros := make([]byte, 1<<20)
	for range 256 { // more than three times what a page may take
		w.Write(zeros)
	}
	w.Close()
	run := binary.AppendUvarint([]byte{1}, 1<<40) // a run of 2^39 zeros
	run = append(run, 0)
	deltas := []byte{}
	for _, v := range []uint64{128, 4, 1 << 40, 0} {
		deltas = binary.AppendUvarint(deltas, v)
	}
	stored := func(b []byte) int64 { return int64(len(b)) }
	for name, file := range map[string][]byte{
		"a page that claims 2 GiB":              forged(int64(Bytes), 6, 100, pageHead{full: 1<<31 - 1, stored: stored(run), values: 100}, run),
		"a page of 256 MiB that claims less":    forged(int64(Bytes), 6, 100, pageHead{full: 1000, stored: stored(z.Bytes()), values: 100}, z.Bytes()),
		"a page that claims two thousand mill.": forged(int64(Bytes), 0, 1<<31-1, pageHead{full: stored(run), stored: stored(run), values: 1<<31 - 1, encoding: encRuns}, run),
		"a run of half a trillion":              forged(int64(Int64), 0, 100, pageHead{full: stored(run), stored: stored(run), values: 100, encoding: encDict}, run),
		"a trillion differences":                forged(int64(Int64), 0, 100, pageHead{full: stored(deltas), stored: stored(deltas), values: 100, encoding: encDeltas}, deltas),
		"a million strings in three bytes":      forged(int64(Bytes), 0, 1<<20, pageHead{full: 3, stored: 3, values: 1 << 20}, []byte{0, 0, 0}),
	} {
		var err error
		if most := growth(func() { _, err = all(file) }); most > 80<<20 {
			t.Errorf("%s took %d MiB", name, most>>20)
		}
		if err == nil {
			t.Errorf("%s was read", name)
		} else if !strings.Contains(err.Error(), "byte 4") {
			t.Errorf("%s: the error does not name the place: %v", name, err)
		}
	}
	// Lists of the footer that claim more than there is.
	for _, claim := range [][]byte{{0x29, 0xfc, 0xff, 0xff, 0xff, 0x07}, {0x49, 0xfc, 0xff, 0xff, 0xff, 0x07}, {0x5b, 0xff, 0xff, 0xff, 0xff, 0x07, 0x88}} {
		file := append([]byte(Magic), claim...)
		file = binary.LittleEndian.AppendUint32(file, uint32(len(claim)))
		file = append(file, Magic...)
		var err error
		if most := growth(func() { _, err = all(file) }); most > 16<<20 || err == nil {
			t.Errorf("a footer of %x took %d bytes: %v", claim, most, err)
		}
	}
}

func FuzzOpen(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 0))
	f.Add(written(f, random(r, 20), oracle.Compression(&oracle.Zstd)))
	f.Add(written(f, random(r, 20), oracle.DataPageVersion(1)))
	f.Add(forged(int64(Int64), 0, 2, pageHead{full: 16, stored: 16, values: 2}, make([]byte, 16)))
	f.Fuzz(func(t *testing.T, file []byte) {
		all(file)
	})
}
