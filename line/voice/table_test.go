package voice

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/usage"
)

// tableOf converts a file of our own CSV to Parquet.
func tableOf(t testing.TB, csv string) []byte {
	t.Helper()
	var out bytes.Buffer
	if _, err := Convert(strings.NewReader(csv), nil, nil, NewTableWriter(&out), nil); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

const mixed = `c1,4930111,4420222,2026-11-02T10:00:00.500Z,60000,success,ALPHA,BRAVO,T1
c2,,4420222,2026-11-02T10:00:01.000Z,0,rna,BRAVO,ALPHA,
c3,anonymous,4420222,2026-11-02T10:00:02.000Z,4294967295,fail,BRAVO,ALPHA,"a,b"
"c,4",4930111,004420222,2026-11-02T10:00:03.000Z,1,success,ALPHA,BRAVO,é
c5,4930111,4420222,2026-11-02T10:00:04.000Z,1,success,ALPHA,CHARLIE,T1
c6,1,999999999999999,2026-11-02T10:00:05.000Z,1,success,ALPHA,BRAVO,T1
`

func TestParquetHoldsWhatCSVHolds(t *testing.T) {
	table := tableOf(t, UsageHeader+"\n"+mixed)
	got, c := converted(t, nil, "", string(table))
	if got != mixed || c.Format != "parquet" || c.Read != 6 || c.Numbers != 1 {
		t.Errorf("%s\nwant\n%s\n%+v", got, mixed, c)
	}
	// Both are read alike, row by row and reason by reason.
	a, err := ReadUsage(strings.NewReader(UsageHeader+"\n"+mixed), Options{})
	if err != nil {
		t.Fatal(err)
	}
	b, err := ReadUsage(bytes.NewReader(table), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range a.Records {
		a.Records[i].Line-- // line 1 of the CSV is its header
	}
	for i := range a.Rejects {
		a.Rejects[i].Line--
	}
	for i := range a.Odd {
		a.Odd[i].Line--
	}
	if fmt.Sprintf("%+v", a) != fmt.Sprintf("%+v", b) {
		t.Errorf("CSV:\n%+v\nParquet:\n%+v", a, b)
	}
}

// Others read what we write: a library of another project sees typed columns.
func TestParquetIsWrittenInTheCommonTypes(t *testing.T) {
	type seen struct {
		ID          string    `parquet:"call_id"`
		Origin      int64     `parquet:"originating_number"`
		OriginText  *string   `parquet:"originating_text"`
		Destination int64     `parquet:"destination_number"`
		Text        *string   `parquet:"destination_text"`
		Start       time.Time `parquet:"start_time,timestamp(millisecond)"`
		Duration    uint32    `parquet:"duration_ms"`
		From        string    `parquet:"carrier_from"`
		Trunk       string    `parquet:"trunk"`
	}
	table := tableOf(t, UsageHeader+"\n"+mixed)
	rows, err := parquet.Read[seen](bytes.NewReader(table), int64(len(table)))
	if err != nil || len(rows) != 6 {
		t.Fatal(rows, err)
	}
	start := time.Date(2026, 11, 2, 10, 0, 0, 500_000_000, time.UTC)
	if r := rows[0]; r.ID != "c1" || r.Origin != 4930111 || r.OriginText != nil || r.Destination != 4420222 || r.Text != nil || !r.Start.Equal(start) || r.Duration != 60000 || r.From != "ALPHA" || r.Trunk != "T1" {
		t.Errorf("%+v", r)
	}
	if r := rows[2]; r.Origin != 0 || r.OriginText == nil || *r.OriginText != "anonymous" || r.Duration != 4294967295 {
		t.Errorf("%+v", r)
	}
	if r := rows[3]; r.Destination != 0 || r.Text == nil || *r.Text != "004420222" {
		t.Errorf("%+v", r)
	}
}

func TestParquetThatOthersWriteIsReadByItsNames(t *testing.T) {
	type row struct {
		ID          int64    `parquet:"id"`
		Origin      string   `parquet:"a,optional"`
		Destination int64    `parquet:"b"`
		At          int64    `parquet:"at,timestamp(microsecond)"`
		Seconds     float64  `parquet:"seconds"`
		OK          bool     `parquet:"ok"`
		Inner       struct { // is passed over
			X []string `parquet:"x,list"`
		} `parquet:"inner"`
		Gateway string `parquet:"gateway,dict"`
	}
	var out bytes.Buffer
	if err := parquet.Write(&out, []row{
		{ID: 7, Origin: "4930111", Destination: 4420222, At: 1793613600250999, Seconds: 60.5, OK: true, Gateway: "bravo-1"},
		{ID: 8, Destination: -3, At: 1793613600250999, Seconds: 1, Gateway: "bravo-1"},
		{ID: 9, Destination: 49, At: 1793613600250999, Seconds: -1, Gateway: "bravo-1"},
	}); err != nil {
		t.Fatal(err)
	}
	f := formatOf(t, `
format: parquet
call_id: {field: id}
origin: {field: a}
destination: {field: b}
start: {field: at}
duration: {field: seconds, unit: s}
result: {field: ok, success: ["true"], fail: ["false"]}
carriers:
  - {field: gateway, prefix: bravo, from: BRAVO, to: ALPHA}
`)
	got, c := converted(t, f, "", out.String())
	want := "7,4930111,4420222,2026-11-02T10:00:00.250Z,60500,success,BRAVO,ALPHA,\n8,,-3,2026-11-02T10:00:00.250Z,1000,fail,BRAVO,ALPHA,\n"
	if got != want || c.Numbers != 1 || c.Rejected != 1 || c.Rejects[0].Line != 3 || c.Rejects[0].Field != "duration_ms" {
		t.Errorf("%s\nwant\n%s\n%+v", got, want, c)
	}
	// Our own columns are not in it, and one of them is named.
	if _, err := ReadUsage(bytes.NewReader(out.Bytes()), Options{}); fault.CodeOf(err) != CodeBadHeader || !strings.Contains(err.Error(), "call_id") {
		t.Error(err)
	}
}

// Our names with the types that a database gives them, read by many at once.
func TestParquetWithOurNamesMayHaveOtherTypes(t *testing.T) {
	type row struct {
		ID          string  `parquet:"call_id"`
		Origin      *string `parquet:"originating_number,optional"`
		Destination string  `parquet:"destination_number"`
		Start       int64   `parquet:"start_time,timestamp(microsecond)"`
		Duration    int64   `parquet:"duration_ms"`
		Result      string  `parquet:"result,optional"`
		From        string  `parquet:"carrier_from"`
		To          string  `parquet:"carrier_to"`
		Trunk       *string `parquet:"trunk,optional"`
	}
	number := "+4930111"
	var out bytes.Buffer
	if err := parquet.Write(&out, []row{
		{ID: "c1", Origin: &number, Destination: "+4420222", Start: 1793613600250999, Duration: 5, Result: "success", From: "ALPHA", To: "BRAVO"},
		{ID: "c2", Destination: "4420222", Start: 1793613600250999, Duration: 1 << 40, Result: "rna", From: "ALPHA", To: "BRAVO"},
	}, parquet.MaxRowsPerRowGroup(1)); err != nil {
		t.Fatal(err)
	}
	file, err := OpenTable(bytes.NewReader(out.Bytes()), int64(out.Len()), builtinParquet())
	if err != nil {
		t.Fatal(err)
	}
	var done sync.WaitGroup
	for range 4 {
		done.Go(func() {
			r := file.Reader(usage.Pair{"ALPHA", "BRAVO"}, nil)
			var row Row
			r.Open(0)
			if line, refused, err := r.Next(&row); line != 1 || refused != nil || err != nil || !row.Plus || row.Origin != 4930111 || row.Destination != 4420222 || row.Start != 1793613600250 || row.Duration != 5 {
				t.Errorf("%d, %v, %v: %+v", line, refused, err, row)
			}
			r.Open(1)
			if line, refused, err := r.Next(&row); line != 2 || fault.CodeOf(refused) != CodeBadField || err != nil {
				t.Errorf("%d, %v, %v", line, refused, err)
			}
			if _, _, err := r.Next(&row); err != io.EOF {
				t.Error(err)
			}
		})
	}
	done.Wait()
}

func TestAFormatForAnotherKindOfFileIsRefused(t *testing.T) {
	table := tableOf(t, UsageHeader+"\n"+mixed)
	for name, c := range map[string]struct {
		file   []byte
		format string
	}{
		"Parquet as Asterisk":  {table, "asterisk"},
		"Parquet as our CSV":   {table, "lateral"},
		"CSV as Parquet":       {[]byte(UsageHeader + "\n" + mixed), "parquet"},
		"nothing as Parquet":   {nil, "parquet"},
		"Asterisk as our CSV":  {[]byte(`"","1"` + "\n"), "lateral"},
		"acc without a column": {[]byte("id,method,callid\n"), "kamailio"},
	} {
		if _, err := NewFiles(Options{}).Read(bytes.NewReader(c.file), "x", c.format, nil); fault.CodeOf(err) != CodeBadHeader {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// without hides that a reader can be read at any place.
type without struct{ io.Reader }

func TestParquetFromAPipeIsReadToo(t *testing.T) {
	table := tableOf(t, UsageHeader+"\n"+mixed)
	b, err := ReadUsage(without{bytes.NewReader(table)}, Options{})
	if err != nil || b.Read != 6 || len(b.Records) != 4 {
		t.Errorf("%+v, %v", b, err)
	}
}

func FuzzTable(f *testing.F) {
	f.Add(tableOf(f, UsageHeader+"\n"+mixed))
	f.Fuzz(func(t *testing.T, file []byte) {
		b, _ := ReadUsage(bytes.NewReader(file), Options{})
		if uint64(len(b.Records)+len(b.Duplicates))+b.Refused != b.Read {
			t.Fatalf("read %d = %d + %d + %d does not hold", b.Read, len(b.Records), len(b.Duplicates), b.Refused)
		}
	})
}

// Every profile takes any text: what it makes of a file adds up, and what it writes
// is read again as it was.
func FuzzFormats(f *testing.F) {
	for i, name := range Profiles() {
		f.Add(uint8(i), []byte(name+"\n"))
	}
	f.Add(uint8(1), []byte(`"","1","4420223","x","","SIP/bravo-0000001c","SIP/alpha-0000001d","Dial","","2026-11-02 10:00:00","","2026-11-02 10:00:20",20,0,"FAILED","D","17.29",""`))
	f.Add(uint8(2), []byte(`"Bob","4930111","4420222","default","2026-11-02 10:00:00","","2026-11-02 10:01:05","65","0","CALL_REJECTED","7a1d","","BRAVO>ALPHA","PCMA","PCMA"`))
	f.Add(uint8(3), []byte("method,callid,sip_code,time,src_user,dst_user,dst_domain,src_ip\nINVITE,c,200,2026-11-02 10:00:00,1,2,BRAVO,ALPHA\nBYE,c,200,2026-11-02 10:00:09,1,2,BRAVO,ALPHA\n"))
	f.Add(uint8(3), []byte("method(string) callid(string) sip_code(string) time(int) src_user(string) dst_user(string) dst_domain(string) src_ip(string)\nINVITE:c\\::200:1793613600:1:2:B:A\nBYE:c\\::200:1793613609:1:2:B:A\n"))
	f.Add(uint8(4), []byte(`{"call_id":"c4","destination_number":"49","start_time":"2026-11-02T10:00:00Z","duration_ms":1,"result":"rna","carrier_from":"ALPHA","carrier_to":"BRAVO","x":{"y":[1,"\u00e9"]}}`))
	f.Fuzz(func(t *testing.T, which uint8, file []byte) {
		as, err := ParseFormat(Profiles()[int(which)%len(Profiles())] + " in UTC")
		if err != nil {
			t.Fatal(err)
		}
		var csv bytes.Buffer
		c, err := Convert(bytes.NewReader(file), as, nil, NewCSVWriter(&csv), nil)
		if c.Read != c.Written+c.Rejected {
			t.Fatalf("read %d = %d + %d does not hold", c.Read, c.Written, c.Rejected)
		}
		if err != nil {
			return
		}
		var again bytes.Buffer
		d, err := Convert(bytes.NewReader(csv.Bytes()), nil, nil, NewCSVWriter(&again), nil)
		if err != nil || d.Rejected > 0 || again.String() != csv.String() {
			t.Fatalf("%v, %+v\n%s\nis read as\n%s", err, d, csv.String(), again.String())
		}
	})
}

func BenchmarkReadRows(b *testing.B) {
	var ours, theirs, rates bytes.Buffer
	g, err := NewGenerator(Plan{Seed: 1, Ours: "ALPHA", Theirs: "BRAVO", Span: usage.Interval{From: 1793577600000, To: 1793664000000}, Plant: LivePlant})
	if err != nil {
		b.Fatal(err)
	}
	if err := g.WriteFiles(&ours, &theirs, &rates, 500_000); err != nil {
		b.Fatal(err)
	}
	table := tableOf(b, ours.String())
	b.Run("csv", func(b *testing.B) {
		rows := 0
		p := Parser{Pair: usage.Pair{"ALPHA", "BRAVO"}}
		var row Row
		for b.Loop() {
			rows = 0
			for line := range bytes.Lines(ours.Bytes()) {
				if p.Parse(line[:len(line)-1], &row) == nil {
					rows++
				}
			}
		}
		b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		b.ReportMetric(float64(ours.Len())/float64(rows), "B/row")
	})
	b.Run("parquet", func(b *testing.B) {
		rows := 0
		t, err := OpenTable(bytes.NewReader(table), int64(len(table)), builtinParquet())
		if err != nil || !t.own {
			b.Fatal(err)
		}
		r := t.Reader(usage.Pair{"ALPHA", "BRAVO"}, nil)
		var row Row
		for b.Loop() {
			rows = 0
			for g := range t.Groups() {
				r.Open(g)
				for {
					_, refused, err := r.Next(&row)
					if err != nil {
						break
					}
					if refused == nil {
						rows++
					}
				}
			}
		}
		b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		b.ReportMetric(float64(len(table))/float64(rows), "B/row")
	})
}
