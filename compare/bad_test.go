package compare

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"hash/maphash"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Bad input is judged alike by the two readers: that of whole files for a
// comparison, and that of imports. Each test gives both the same file as ours; the
// good rows are kept, the others told with line, field and code.

const goodRow = "C1,4930111,4930123456,2026-11-02T10:00:00Z,60000,success,ALPHA,BRAVO,T1"

func goodRows(n int) (rows []string) {
	at := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
	for i := range n {
		rows = append(rows, fmt.Sprintf("C%d,4930111,49301%05d,%s,60000,success,ALPHA,BRAVO,T1", i, i%100_000, at.Add(time.Duration(i)*time.Second).Format(time.RFC3339)))
	}
	return rows
}

// told is what a reader said of a file: counts, the refused rows, and where the
// file breaks off.
type told struct {
	read, accepted, duplicate uint64
	refused, broken           string
}

func (w told) String() string {
	return fmt.Sprintf("read %d, accepted %d, duplicate %d\nbroken: %s\n%s", w.read, w.accepted, w.duplicate, w.broken, w.refused)
}

func listed(rejects []usage.Reject) (out string) {
	for _, r := range rejects {
		out += fmt.Sprintf("%d %s %s\n", r.Line, r.Field, r.Code)
	}
	return out
}

// input is a file that is opened more than once.
func input(open func() io.Reader) Input {
	return Input{Name: "ours", Open: func() (io.ReadCloser, error) { return io.NopCloser(open()), nil }}
}

// bothRead reads a file by both, and gives what each said.
func bothRead(t *testing.T, in Input) map[string]told {
	t.Helper()
	r, err := in.Open()
	if err != nil {
		t.Fatal(err)
	}
	b, err := voice.ReadUsage(r, voice.Options{Format: in.Format})
	imported := told{b.Read, uint64(len(b.Records)), uint64(len(b.Duplicates)), listed(b.Rejects), ""}
	if err != nil {
		imported.broken = fault.Of(err).Detail
		if fault.CodeOf(err) != voice.CodeUnreadable {
			t.Errorf("an import: %v", err)
		}
	}
	result, err := Run(t.Context(), Job{Records: [2]Input{in, text(file2([]string{goodRow}))}, Rates: [2]*rating.Sheet{sheet(t, testSheet...)}, StartTolerance: 3 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	at := result.Records.Ours
	return map[string]told{"an import": imported, "a comparison": {at.Read, at.Accepted, at.Duplicate, listed(result.Rejects.Ours), result.Broken.Ours}}
}

// judged checks what both readers say of a file.
func judged(t *testing.T, in Input, want told) {
	t.Helper()
	for who, got := range bothRead(t, in) {
		if got != want {
			t.Errorf("%s says\n%s\nwant\n%s", who, got, want)
		}
	}
}

func TestBadInputTruncatedGzipKeepsTheRowsBeforeTheBreak(t *testing.T) {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	io.WriteString(w, file2(goodRows(5000)))
	w.Close()
	short := z.Bytes()[:z.Len()/2]
	for who, got := range bothRead(t, text(string(short))) {
		if got.accepted < 1000 || got.accepted >= 5000 || got.read != got.accepted || !strings.HasPrefix(got.broken, fmt.Sprintf("the file breaks off after line %d", got.read+1)) {
			t.Errorf("%s says %s", who, got)
		}
	}
}

func TestBadInputMixedEncodingsCostTheirOwnRows(t *testing.T) {
	latin := strings.Replace(strings.Replace(goodRow, "C1", "C2", 1), ",T1", ",M\xfcnchen", 1)
	utf8 := strings.Replace(strings.Replace(goodRow, "C1", "C3", 1), ",T1", ",München", 1)
	utf8 = strings.Replace(utf8, "10:00:00", "10:00:09", 1)
	judged(t, text(file2([]string{goodRow, latin, utf8, "\x00\x00\xff"})), told{read: 4, accepted: 2, refused: "3 trunk bad-field\n5  wrong-number-of-fields\n"})
	// A file that is all in UTF-16 is refused by name.
	wide := "\xff\xfe" + strings.Join(strings.Split(file2([]string{goodRow}), ""), "\x00") + "\x00"
	if _, err := voice.ReadUsage(strings.NewReader(wide), voice.Options{}); fault.CodeOf(err) != voice.CodeBadHeader || !strings.Contains(err.Error(), "UTF-16") {
		t.Error(err)
	}
	if _, err := Run(t.Context(), Job{Records: [2]Input{text(wide), text(wide)}, Rates: [2]*rating.Sheet{sheet(t, testSheet...)}}); fault.CodeOf(err) != voice.CodeBadHeader || !strings.Contains(err.Error(), "UTF-16") {
		t.Error(err)
	}
}

func TestBadInputAByteOrderMarkIsPassedOver(t *testing.T) {
	judged(t, text(voice.Mark+file2([]string{goodRow})), told{read: 1, accepted: 1})
	json := `{"call_id":"C1","originating_number":"1","destination_number":"4930123456","start_time":"2026-11-02T10:00:00Z","duration_ms":1,"result":"success","carrier_from":"ALPHA","carrier_to":"BRAVO"}`
	judged(t, text(voice.Mark+json+"\n"), told{read: 1, accepted: 1})
}

func TestBadInputLinesMayEndWithCRLF(t *testing.T) {
	judged(t, text(strings.ReplaceAll(file2([]string{goodRow, "", "bad"}), "\n", "\r\n")), told{read: 2, accepted: 1, refused: "4  wrong-number-of-fields\n"})
}

func TestBadInputSeparatorsInQuotesDoNotSeparate(t *testing.T) {
	quoted := strings.Replace(strings.Replace(strings.Replace(goodRow, "C1", `"C,""1"""`, 1), ",T1", `,"a,b"`, 1), "10:00:00", "10:00:09", 1)
	lost := strings.Replace(goodRow, ",T1", `,"T1`, 1)
	judged(t, text(file2([]string{goodRow, quoted, lost, strings.Replace(goodRow, "C1,", "C4,1", 1)})), told{read: 4, accepted: 3, refused: "4  bad-quotes\n"})
}

func TestBadInputThe30thOfFebruaryIsNoDay(t *testing.T) {
	judged(t, text(file2([]string{strings.Replace(goodRow, "11-02", "02-30", 1), goodRow})), told{read: 2, accepted: 1, refused: "2 start_time bad-time\n"})
}

func TestBadInputANegativeDurationIsRefused(t *testing.T) {
	judged(t, text(file2([]string{strings.Replace(goodRow, "60000", "-60000", 1), strings.Replace(goodRow, "60000", "4294967296", 1), goodRow})),
		told{read: 3, accepted: 1, refused: "2 duration_ms bad-field\n3 duration_ms bad-field\n"})
}

// endless gives a byte as often as it is asked for.
type endless struct{ block [1 << 16]byte }

func (e *endless) Read(p []byte) (int, error) { return copy(p, e.block[:]), nil }

func TestBadInputALineOf10GBCostsOneRowAndNoMemory(t *testing.T) {
	x := &endless{}
	for i := range x.block {
		x.block[i] = 'x'
	}
	open := func() io.Reader {
		return io.MultiReader(strings.NewReader(file2([]string{goodRow})), io.LimitReader(x, 10_000_000_000), strings.NewReader("\n"+strings.Replace(goodRow, "C1", "C2", 1)+"\n"))
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	judged(t, input(open), told{read: 3, accepted: 1, duplicate: 1, refused: "3  line-too-long\n"})
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 256<<20 {
		t.Errorf("%d MiB were allocated", took>>20)
	}
}

func TestBadInputTheSameFileTwiceAddsNothing(t *testing.T) {
	file := file2(goodRows(1000))
	r := compared(t, Job{Records: [2]Input{text(file), text(file)}, Rates: [2]*rating.Sheet{sheet(t, testSheet...)}})
	if r.Matched.Exact != 1000 || r.OnlyOurs+r.OnlyTheirs != 0 || r.Records.Ours.Duplicate+r.Records.Theirs.Duplicate != 0 {
		t.Errorf("as ours and as theirs: %+v", r)
	}
	for d, sums := range r.Amount.Explained {
		for currency, x := range sums {
			if x != 0 || r.Amount.Unexplained[d][currency] != 0 {
				t.Errorf("%s: a difference of %s %s", d, x, currency)
			}
		}
	}
	judged(t, text(file+strings.TrimPrefix(file, voice.UsageHeader+"\n")), told{read: 2000, accepted: 1000, duplicate: 1000})
	files := voice.NewFiles(voice.Options{})
	for i, accepted := range []int{1000, 0} {
		b, err := files.Read(strings.NewReader(file), "the file", "", nil)
		if err != nil || len(b.Records) != accepted || len(b.Duplicates) != 1000-accepted || b.Refused != 0 {
			t.Errorf("import %d: %d accepted, %d duplicate, %d refused: %v", i+1, len(b.Records), len(b.Duplicates), b.Refused, err)
		}
		files.Keep()
	}
}

func TestBadInputAToleranceBelowNothingIsRefused(t *testing.T) {
	file := text(file2([]string{goodRow}))
	if _, err := Run(t.Context(), Job{Records: [2]Input{file, file}, Rates: [2]*rating.Sheet{sheet(t, testSheet...)}, StartTolerance: -1}); fault.CodeOf(err) != fault.Invalid || fault.Of(err).Field != "start_tolerance" {
		t.Error(err)
	}
}

// table writes rows as Parquet.
func tableOf(t testing.TB, rows []string) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := voice.Convert(strings.NewReader(file2(rows)), nil, nil, voice.NewTableWriter(&out), nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestBadInputTruncatedParquetIsNamedByItsSize(t *testing.T) {
	whole := tableOf(t, goodRows(1000))
	for _, n := range []int{4, 11, 100, len(whole) / 2, len(whole) - 1} {
		short := string(whole[:n])
		_, a := voice.ReadUsage(strings.NewReader(short), voice.Options{})
		_, b := Run(t.Context(), Job{Records: [2]Input{text(short), text(file2([]string{goodRow}))}, Rates: [2]*rating.Sheet{sheet(t, testSheet...)}})
		for _, err := range []error{a, b} {
			if fault.CodeOf(err) != voice.CodeUnreadable || !strings.Contains(err.Error(), fmt.Sprintf("the Parquet file of %d bytes", n)) {
				t.Errorf("of %d bytes the first %d: %v", len(whole), n, err)
			}
		}
	}
}

func TestBadInputDamagedParquetKeepsTheOtherGroups(t *testing.T) {
	const group = 1 << 17
	whole := tableOf(t, goodRows(group+20_000))
	bad := bytes.Clone(whole)
	bad[300] ^= 0xff // in the first page of the first group
	for who, got := range bothRead(t, text(string(bad))) {
		if got.accepted != 20_000 || !strings.Contains(got.broken, "behind row 0") || !strings.Contains(got.broken, "the page at byte 4 is damaged") {
			t.Errorf("%s says %s", who, got)
		}
	}
	for who, got := range bothRead(t, text(string(whole))) {
		if got.accepted != group+20_000 || got.broken != "" {
			t.Errorf("whole: %s says %s", who, got)
		}
	}
}

func TestBadInputAParquetBombTakesNoMemory(t *testing.T) {
	// A text of 64 MiB that is stored in some KB. A file that only claims such sizes
	// is under test where files are read.
	type row struct {
		ID          string `parquet:"call_id"`
		Origin      int64  `parquet:"originating_number"`
		Destination int64  `parquet:"destination_number"`
		Start       int64  `parquet:"start_time,timestamp(millisecond)"`
		Duration    uint32 `parquet:"duration_ms"`
		Result      string `parquet:"result,dict"`
		From        string `parquet:"carrier_from,dict"`
		To          string `parquet:"carrier_to,dict"`
		Trunk       string `parquet:"trunk,dict"`
	}
	var out bytes.Buffer
	w := parquet.NewGenericWriter[row](&out, parquet.Compression(&parquet.Zstd), parquet.SkipPageBounds("call_id"), parquet.DataPageStatistics(false))
	good := row{ID: "C1", Origin: 1, Destination: 4930123456, Start: 1793613600000, Duration: 1, Result: "success", From: "ALPHA", To: "BRAVO"}
	bomb := good
	bomb.ID = strings.Repeat("x", 64<<20)
	for _, r := range []row{good, bomb} {
		if _, err := w.Write([]row{r}); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	bomb.ID = ""
	if out.Len() > 64<<10 {
		t.Fatalf("%d bytes are no bomb", out.Len())
	}
	file := out.String()
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for who, got := range bothRead(t, text(file)) {
		if got.accepted != 1 || !strings.Contains(got.broken, "behind row 1") || !strings.Contains(got.broken, "decompressed; at most 16777216 are read") {
			t.Errorf("%s says %s", who, got)
		}
	}
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 256<<20 {
		t.Errorf("%d MiB were allocated", took>>20)
	}
}

// Every format is compared as our own CSV is.
func TestFormatsAreComparedAlike(t *testing.T) {
	ours, theirs := traffic(seed(t), 3000)
	nonsense := func(row string) bool { return row == "nonsense" } // which a conversion leaves out
	ours, theirs = slices.DeleteFunc(consistent(ours), nonsense), consistent(theirs)
	for _, rows := range [][]string{ours, theirs} { // a table's numbers have no plus sign
		for i := range rows {
			rows[i] = strings.ReplaceAll(rows[i], ",+", ",")
		}
	}
	job := Job{Records: [2]Input{text(file2(ours)), text(file2(theirs))}, Rates: [2]*rating.Sheet{sheet(t, testSheet...)}}
	want := plain(t, compared(t, job))
	job.Records = [2]Input{text(string(tableOf(t, ours))), text(string(tableOf(t, theirs)))}
	if got := plain(t, compared(t, job)); got != want {
		t.Errorf("Parquet: %s", firstDifference(got, want))
	}
	job.Records = [2]Input{text(objects(ours)), text(objects(theirs))}
	if got := plain(t, compared(t, job)); got != want {
		t.Errorf("JSON lines: %s", firstDifference(got, want))
	}
}

// objects writes rows as JSON lines.
func objects(rows []string) string {
	var b strings.Builder
	names := strings.Split(voice.UsageHeader, ",")
	for _, r := range rows {
		f := strings.Split(r, ",")
		if len(f) != len(names) {
			b.WriteString("{\n")
			continue
		}
		b.WriteString("{")
		for i, n := range names {
			if i > 0 {
				b.WriteString(",")
			}
			fmt.Fprintf(&b, "%q:%q", n, f[i])
		}
		b.WriteString("}\n")
	}
	return b.String()
}

// Files of pairs of events are read in order, those of lines in pieces.
func TestAsteriskAndKamailioAreCompared(t *testing.T) {
	asterisk, err := voice.ParseFormat("asterisk in Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	kamailio, err := voice.ParseFormat("kamailio in UTC")
	if err != nil {
		t.Fatal(err)
	}
	var a, k strings.Builder
	k.WriteString("method,callid,sip_code,time,src_user,dst_user,dst_domain,src_ip\n")
	at := time.Date(2026, 11, 2, 10, 0, 0, 0, time.UTC)
	const stamp = "2006-01-02 15:04:05"
	for i := range 500 {
		begin, end := at.Add(time.Duration(i)*time.Minute), at.Add(time.Duration(i)*time.Minute+30*time.Second)
		fmt.Fprintf(&a, `"","4930111","49301%04d","x","","PJSIP/alpha-0000001a","PJSIP/bravo-0000001b","Dial","","%s","%s","%s",33,30,"ANSWERED","DOCUMENTATION","%d.1",""`+"\n",
			i, begin.Add(time.Hour-3*time.Second).Format(stamp), begin.Add(time.Hour).Format(stamp), end.Add(time.Hour).Format(stamp), i)
		fmt.Fprintf(&k, "INVITE,c%[1]d,200,%[2]s,4930111,49301%04[1]d,BRAVO,ALPHA\nBYE,c%[1]d,200,%[3]s,4930111,49301%04[1]d,BRAVO,ALPHA\n", i, begin.Format(stamp), end.Format(stamp))
	}
	ours, theirs := text(a.String()), text(k.String())
	ours.Format, theirs.Format = asterisk, kamailio
	r := compared(t, Job{Records: [2]Input{ours, theirs}, Rates: [2]*rating.Sheet{sheet(t, testSheet...)}})
	if r.Matched.Exact != 500 || r.Records.Ours.Read != 500 || r.Records.Theirs.Read != 500 {
		t.Errorf("%+v %+v", r.Records, r.Rejects)
	}
}

// The zone of times that name none is one's own word, in our own CSV too.
func TestTimesWithoutAZoneAreReadByTheOneThatIsGiven(t *testing.T) {
	berlin, err := voice.ParseZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	ours := text(file2([]string{strings.Replace(goodRow, "10:00:00Z", "11:00:00", 1)}))
	ours.Zone = berlin
	job := Job{Records: [2]Input{ours, text(file2([]string{goodRow}))}, Rates: [2]*rating.Sheet{sheet(t, testSheet...)}}
	if r := compared(t, job); r.Matched.Exact != 1 {
		t.Errorf("%+v", r)
	}
	format, err := voice.ParseFormat(" in Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	job.Records[0].Zone, job.Records[0].Format = nil, format
	if r := compared(t, job); r.Matched.Exact != 1 {
		t.Errorf("%+v", r)
	}
}

// loaded reads one file as a comparison does.
func loaded(t testing.TB, in Input, workers int) (*file, error) {
	t.Helper()
	memory := &budget{most: defaultMemory}
	f := &file{pair: usage.Pair{"ALPHA", "BRAVO"}, calls: newShelf[call](1<<6, memory), ids: newFilter(1000),
		trunks: newNames(1<<16, ""), forms: newNames(maxForms, ""), bits: 6, seeds: &seeds{maphash.MakeSeed(), maphash.MakeSeed()}}
	t.Cleanup(f.calls.drop)
	return f, f.load(t.Context(), in, workers, func(int) {})
}

// Whatever a file holds, a comparison and an import count the same rows in it.
func FuzzReadersAgree(f *testing.F) {
	f.Add([]byte(file2([]string{goodRow, "bad", strings.Replace(goodRow, "C1", `"C,1"`, 1)})))
	f.Add([]byte(voice.Mark + "\r\n" + file2([]string{goodRow, ""})))
	f.Add(tableOf(f, []string{goodRow}))
	f.Add([]byte(objects([]string{goodRow, "bad"})))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, one := voice.ReadUsage(bytes.NewReader(data), voice.Options{Pair: usage.Pair{"ALPHA", "BRAVO"}})
		g, two := loaded(t, text(string(data)), 2)
		if two == nil {
			two = g.broken
		}
		if b.Read != g.read || fault.CodeOf(one) != fault.CodeOf(two) {
			t.Fatalf("an import reads %d rows (%v), a comparison %d (%v)", b.Read, one, g.read, two)
		}
	})
}

func BenchmarkLoad(b *testing.B) {
	rows := goodRows(500_000)
	for name, data := range map[string]string{"csv": file2(rows), "parquet": string(tableOf(b, rows))} {
		b.Run(name, func(b *testing.B) {
			n := uint64(0)
			for b.Loop() {
				f, err := loaded(b, Input{Name: name, Open: func() (io.ReadCloser, error) { return seekable{strings.NewReader(data)}, nil }}, runtime.GOMAXPROCS(0))
				if err != nil {
					b.Fatal(err)
				}
				n += f.read
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}

// seekable is a file in memory that can be read at any place.
type seekable struct{ *strings.Reader }

func (seekable) Close() error { return nil }
