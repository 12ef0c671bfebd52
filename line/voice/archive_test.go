package voice

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/trade/usage"
)

// archiveOf is what a file leaves behind: its archives and prints by day.
type archiveOf struct {
	files  map[int64][]byte
	prints map[int64][]byte
}

var testKey = [32]byte{1, 2, 3}

func archiveLast(t *testing.T, f *Files) archiveOf {
	t.Helper()
	out := archiveOf{map[int64][]byte{}, map[int64][]byte{}}
	err := f.Days(testKey, func(day int64, rows uint64, prints []byte, write func(io.Writer) error) error {
		if uint64(len(prints)) != rows*printSize {
			t.Errorf("day %d: %d bytes of prints for %d rows", day, len(prints), rows)
		}
		var b bytes.Buffer
		out.prints[day] = prints
		err := write(&b)
		out.files[day] = b.Bytes()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// rowsOf makes rows of two days that repeat and contradict each other, some with
// odd texts.
func rowsOf(r *rand.Rand, n, ids int) string {
	var b strings.Builder
	b.WriteString(UsageHeader + "\n")
	for range n {
		id := r.IntN(ids)
		x := rand.New(rand.NewPCG(uint64(id), 7)) // what the id stands for, mostly
		if r.IntN(10) == 0 {
			x = r
		}
		start := time.UnixMilli(1_793_600_000_000 + x.Int64N(86_400_000)).UTC()
		origin := []string{"41440000001", "anonymous", "", "n\u00e4m"}[x.IntN(4)]
		result := []string{"success", "fail", "rna"}[x.IntN(3)]
		from, to := "ALPHA", "BRAVO"
		if x.IntN(2) == 0 {
			from, to = to, from
		}
		trunk := []string{"", "t1", "tr\u00fcnk"}[x.IntN(3)]
		name := fmt.Sprintf("id-%d", id)
		if r.IntN(8) == 0 { // the same call under another id
			name += fmt.Sprintf("-%d", r.IntN(3))
		}
		fmt.Fprintf(&b, "%s,%s,1212555%04d,%s,%d,%s,%s,%s,%s\n", name, origin, x.IntN(50), start.Format(time.RFC3339Nano), x.IntN(100_000), result, from, to, trunk)
	}
	return b.String()
}

// What is loaded from an archive is what was read, and later files are judged by
// it alike.
func TestAnArchiveGivesAFileBackAsItWasRead(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	pair := usage.PairOf("ALPHA", "BRAVO")
	a, b := NewFiles(Options{Pair: pair}), NewFiles(Options{Pair: pair})
	for n := range 4 {
		name := fmt.Sprint("file ", n)
		file := rowsOf(r, 300, 400)
		want, err := a.Read(strings.NewReader(file), name, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		// The other has only archives of all files before.
		same, err := b.Read(strings.NewReader(file), name, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(want, same) {
			t.Fatalf("file %d is judged otherwise after archives: %d and %d accepted, %d and %d duplicate, %d and %d refused", n,
				len(want.Records), len(same.Records), len(want.Duplicates), len(same.Duplicates), want.Refused, same.Refused)
		}
		stored := archiveLast(t, a)
		a.Keep()
		var days []Archived
		for _, x := range stored.files {
			days = append(days, bytes.NewReader(x))
		}
		got, err := b.Load(name, uint64(len(want.Records)), days)
		if err != nil {
			t.Fatal(err)
		}
		for i, x := range want.Records {
			y := got.Records[i]
			if want.Trunks[x.Trunk] != got.Trunks[y.Trunk] {
				t.Fatalf("record %d has trunk %q, want %q", i, got.Trunks[y.Trunk], want.Trunks[x.Trunk])
			}
			if x.Trunk, y.Trunk = 0, 0; x != y {
				t.Fatalf("record %d is %+v, want %+v", i, y, x)
			}
		}
		b.Keep()
	}
}

// Files that were forgotten judge later rows as if they were there.
func TestRowsAreJudgedByPrintsOfForgottenFiles(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	pair := usage.PairOf("ALPHA", "BRAVO")
	a, b := NewFiles(Options{Pair: pair}), NewFiles(Options{Pair: pair})
	prints := map[int64][]byte{}
	b.Past(testKey, func(day int64) ([]byte, error) { return prints[day], nil })
	duplicates, refused := 0, uint64(0)
	for n := range 5 {
		file := rowsOf(r, 300, 500)
		want, err := a.Read(strings.NewReader(file), "a", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := b.Read(strings.NewReader(file), "a", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(want.Records, got.Records) || !slices.Equal(want.Duplicates, got.Duplicates) || want.Refused != got.Refused {
			t.Fatalf("file %d: %d and %d accepted, %d and %d duplicate, %d and %d refused", n,
				len(want.Records), len(got.Records), len(want.Duplicates), len(got.Duplicates), want.Refused, got.Refused)
		}
		duplicates += len(got.Duplicates)
		refused += got.Refused
		stored := archiveLast(t, b)
		a.Keep()
		b.Keep()
		if n%2 == 0 { // others stay beside it
			for day, x := range stored.prints {
				prints[day] = append(prints[day], x...)
			}
			b.Forget([]*usage.Batch{got})
		}
	}
	if duplicates == 0 || refused == 0 {
		t.Fatalf("%d duplicates and %d refused rows, want some of both", duplicates, refused)
	}
}

// Without the key, and under another, a print says nothing of a row.
func TestPrintsDependOnTheKey(t *testing.T) {
	r := usage.Record{Start: 1, Destination: 12125550100, Duration: 5}
	a, b := newPrinter([32]byte{1}).of([]byte("x"), nil, "", &r), newPrinter([32]byte{2}).of([]byte("x"), nil, "", &r)
	if bytes.Equal(a[:8], b[:8]) || bytes.Equal(a[8:20], b[8:20]) || bytes.Equal(a[20:], b[20:]) {
		t.Fatalf("%x and %x", a, b)
	}
}

func TestADamagedArchiveIsRefused(t *testing.T) {
	f := NewFiles(Options{Pair: usage.PairOf("ALPHA", "BRAVO")})
	b, err := f.Read(strings.NewReader(rowsOf(rand.New(rand.NewPCG(1, 1)), 50, 1000)), "a", "", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range archiveLast(t, f).files {
		for _, bad := range [][]byte{nil, x[:len(x)/2], append([]byte("PAR1"), x[8:]...)} {
			if _, err := NewFiles(f.o).Load("a", uint64(len(b.Records)), []Archived{bytes.NewReader(bad)}); err == nil {
				t.Errorf("an archive of %d bytes, damaged, is loaded", len(bad))
			}
		}
		if _, err := NewFiles(f.o).Load("a", 1, []Archived{bytes.NewReader(x)}); err == nil && len(b.Records) > 1 {
			t.Error("an archive of more records than the import had is loaded")
		}
	}
}
