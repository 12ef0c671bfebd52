package sheet

import (
	"archive/zip"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// acme is the mapping of the tests' carrier.
func acme(change ...func(*Mapping)) Mapping {
	m := Mapping{
		Name: "acme", Columns: map[string]string{"destination": "Destination", "prefix": "Codes", "rate": "Rate", "valid_from": "Effective"},
		Constants: map[string]string{"currency": "EUR", "unit_seconds": "60", "increments": "30/6"}, Dates: "DD.MM.YYYY", Zone: "Europe/Berlin",
		Blocked: []string{"blocked"},
	}
	for _, c := range change {
		c(&m)
	}
	return m
}

const acmeHeader = "Destination,Codes,Rate,Effective\n"

func readText(t testing.TB, m Mapping, text string) *Import {
	t.Helper()
	in, err := Read(strings.NewReader(text), int64(len(text)), m, nil)
	if err != nil {
		t.Fatal(err)
	}
	if in.Read != in.Accepted+in.Rejected {
		t.Fatalf("%d read, %d accepted, %d rejected", in.Read, in.Accepted, in.Rejected)
	}
	return in
}

// prefixes gives the codes of an import in the order of the file.
func prefixes(in *Import) string {
	var out []string
	for _, r := range in.Rows {
		out = append(out, r.Prefix)
	}
	return strings.Join(out, " ")
}

func TestAMappedFileGivesRatesInLateralsForm(t *testing.T) {
	in := readText(t, acme(func(m *Mapping) { m.Separator, m.Decimal, m.SkipLines = ";", ",", 2 }), "Acme Carrier Services\n\"prices; all of them\"\n"+
		"Destination;Codes;Rate;Effective\n\"Germany; mobile\";\"4915,4916-7, 49170\";0,0125;01.11.2026\nSatellite;8816;blocked;29.03.2026\n;;;\n")
	if in.Read != 2 || in.Rejected != 0 || prefixes(in) != "4915 4916 4917 49170 8816" {
		t.Fatalf("%+v %s", in, prefixes(in))
	}
	want := rating.Row{Destination: "Germany; mobile", Prefix: "4915", Rate: 12_500_000, Currency: "EUR", UnitSeconds: 60, MinimumSeconds: 30, IncrementSeconds: 6,
		ValidFrom: time.Date(2026, 10, 31, 23, 0, 0, 0, time.UTC).UnixMilli(), ValidTo: rating.Open}
	if in.Rows[0] != want || in.Lines[0] != 4 {
		t.Errorf("line %d: %+v, want %+v", in.Lines[0], in.Rows[0], want)
	}
	if b := in.Rows[4]; !b.Blocked || b.Rate != 0 || b.ValidFrom != time.Date(2026, 3, 28, 23, 0, 0, 0, time.UTC).UnixMilli() {
		t.Errorf("%+v is not blocked from midnight in Berlin on", b)
	}
}

func TestEveryRowIsAcceptedOrRejectedWithLineAndField(t *testing.T) {
	in := readText(t, acme(), acmeHeader+
		"Germany,49,0.01,01.11.2026\n"+
		"Germany,49x,0.01,01.11.2026\n"+ // 3
		"Germany,491,zero,01.11.2026\n"+ // 4
		"Germany,492,0.01,30.02.2026\n"+ // 5
		"Germany,493,-0.01,01.11.2026\n"+ // 6
		",494,0.01,01.11.2026\n"+ // 7
		"Germany,495,\"0,01\",01.11.2026\n"+ // 8
		"Germany,496\n"+ // 9: no rate
		"Germany,49,0.02,01.11.2026\n"+ // 10: begins with line 2
		"Germany,497-3,0.02,01.11.2026\n"+ // 11
		"Germany,498-4980,0.02,01.11.2026\n"+ // 12
		"Germany,\"499 499\",0.02,01.11.2026\n"+ // 13
		"Germany,1000000-9999999,0.02,01.11.2026\n"+ // 14
		"Germany,44,0.02,1.11.2026\n"+ // 15
		"Germany,\"\",0.02,01.11.2026\n"+ // 16
		"Germany,45,0.02,01.11.2026\n")
	if in.Accepted != 2 || prefixes(in) != "49 45" {
		t.Fatalf("%+v", in)
	}
	want := []string{"3 prefix bad-rate-row", "4 rate not-a-decimal", "5 valid_from bad-time", "6 rate bad-rate-row", "7 destination bad-rate-row", "8 rate not-a-decimal",
		"9 rate not-a-decimal", "10 prefix rates-begin-together", "11 prefix bad-rate-row", "12 prefix bad-rate-row", "13 prefix bad-rate-row", "14 prefix too-many-codes",
		"15 valid_from bad-time", "16 prefix bad-rate-row"}
	if len(in.Rejects) != len(want) {
		t.Fatalf("%d rejects: %+v", len(in.Rejects), in.Rejects)
	}
	for i, r := range in.Rejects {
		if got := fmt.Sprint(r.Line, " ", r.Field, " ", r.Code); got != want[i] {
			t.Errorf("reject %q (%s), want %q", got, r.Detail, want[i])
		}
	}
}

func TestA30thOfFebruaryIsNoDate(t *testing.T) {
	for form, bad := range map[string]string{"DD.MM.YYYY": "30.02.2026", "YYYY-MM-DD": "2026-02-29", "DD-MMM-YY": "31-Apr-26", "": "2026-02-30T00:00:00Z", "MM/DD/YYYY hh:mm": "02/28/2026 24:00"} {
		in := readText(t, acme(func(m *Mapping) { m.Dates = form }), acmeHeader+"Germany,49,0.01,"+bad+"\n")
		if len(in.Rejects) != 1 || in.Rejects[0].Field != "valid_from" || in.Rejects[0].Code != voice.CodeBadTime {
			t.Errorf("%s by %q: %+v", bad, form, in)
		}
	}
}

func TestANegativeRateIsRefused(t *testing.T) {
	in := readText(t, acme(), acmeHeader+"Germany,49,-0.01,01.11.2026\n")
	if len(in.Rejects) != 1 || in.Rejects[0].Field != "rate" {
		t.Errorf("%+v", in)
	}
}

func TestAMarkCRLFAndQuotedSeparatorsAreRead(t *testing.T) {
	in := readText(t, acme(), "\xef\xbb\xbfDestination,Codes,Rate,Effective\r\n\"Korea, Republic of \"\"mobile\"\"\",\"8210,8211\",0.01,01.11.2026\r\n")
	if prefixes(in) != "8210 8211" || in.Rows[0].Destination != `Korea, Republic of "mobile"` {
		t.Errorf("%+v", in)
	}
}

func TestMixedEncodingsCostTheRowsThatHaveThem(t *testing.T) {
	text := acmeHeader + "C\xf4te d'Ivoire,225,0.01,01.11.2026\nCôte d'Ivoire,2250,0.01,01.11.2026\n"
	in := readText(t, acme(), text)
	if in.Accepted != 1 || len(in.Rejects) != 1 || in.Rejects[0].Line != 2 || in.Rejects[0].Code != CodeBadEncoding {
		t.Errorf("%+v", in)
	}
	in = readText(t, acme(func(m *Mapping) { m.Encoding = "windows-1252" }), text)
	if in.Accepted != 2 || in.Rows[0].Destination != "Côte d'Ivoire" || in.Rows[1].Destination != "Côte d'Ivoire" {
		t.Errorf("%+v", in)
	}
	for _, big := range []bool{false, true} {
		var wide bytes.Buffer
		for _, u := range utf16.Encode([]rune("\ufeff" + acmeHeader + "Äther 𝄞,49,0.01,01.11.2026\r\n")) {
			if big {
				wide.Write([]byte{byte(u >> 8), byte(u)})
			} else {
				wide.Write([]byte{byte(u), byte(u >> 8)})
			}
		}
		if in := readText(t, acme(), wide.String()); in.Accepted != 1 || in.Rows[0].Destination != "Äther 𝄞" {
			t.Errorf("UTF-16, big %v: %+v", big, in)
		}
	}
}

func TestATruncatedGzipNamesTheLineAndKeepsTheRows(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, acmeHeader)
	for i := range 4_000 {
		fmt.Fprintf(z, "Germany %d,49%d,0.01%d,01.11.2026\n", i*i%997, 10_000+i, i%89)
	}
	z.Close()
	cut := b.Bytes()[:b.Len()/2]
	in, err := Read(bytes.NewReader(cut), int64(len(cut)), acme(), nil)
	if fault.CodeOf(err) != voice.CodeUnreadable || !strings.Contains(err.Error(), "line") || in.Accepted == 0 {
		t.Errorf("%+v, %v", in, err)
	}
}

// long is a file with one line of a length, read from no memory.
type long struct {
	head, tail string
	length     int64
}

func (l long) size() int64 { return int64(len(l.head)) + l.length + int64(len(l.tail)) }

func (l long) ReadAt(p []byte, at int64) (n int, err error) {
	for n < len(p) {
		switch pos := at + int64(n); {
		case pos < int64(len(l.head)):
			n += copy(p[n:], l.head[pos:])
		case pos < int64(len(l.head))+l.length:
			n += copy(p[n:], zeros[:min(int64(len(zeros)), int64(len(l.head))+l.length-pos)])
		case pos < l.size():
			n += copy(p[n:], l.tail[pos-int64(len(l.head))-l.length:])
		default:
			return n, io.EOF
		}
	}
	return n, nil
}

var zeros = bytes.Repeat([]byte{'0'}, 1<<20)

func TestALineOf10GigabytesIsRefusedInBoundedMemory(t *testing.T) {
	l := long{acmeHeader + "Germany,49,0.01,01.11.2026\nGermany,", "\nGermany,44,0.01,01.11.2026\n", 10 << 30}
	if testing.Short() || raceDetector {
		l.length = 1 << 28
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	in, err := Read(l, l.size(), acme(), nil)
	runtime.ReadMemStats(&after)
	if err != nil || in.Accepted != 2 || len(in.Rejects) != 1 || in.Rejects[0].Code != voice.CodeLineTooLong || in.Rejects[0].Line != 3 {
		t.Fatalf("%+v, %v", in, err)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 16<<20 {
		t.Errorf("reading it took %d bytes", grown)
	}
}

// workbook makes an XLSX file of one worksheet.
func workbook(t testing.TB, properties, sheet string, shared ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	put := func(name, text string) {
		w, err := z.Create(name)
		if err == nil {
			_, err = io.WriteString(w, text)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	const head = `<?xml version="1.0" encoding="UTF-8" standalone="yes"?>` + "\n"
	put("xl/workbook.xml", head+`<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">`+
		properties+`<sheets><sheet name="Notes" sheetId="1" r:id="rId9"/><sheet name="Rates &amp; codes" sheetId="2" r:id="rId1"/></sheets></workbook>`)
	put("xl/_rels/workbook.xml.rels", head+`<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">`+
		`<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="worksheets/sheet1.xml"/>`+
		`<Relationship Id="rId9" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet" Target="/xl/worksheets/sheet9.xml"/>`+
		`<Relationship Id="rId2" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/sharedStrings" Target="sharedStrings.xml"/></Relationships>`)
	put("xl/worksheets/sheet9.xml", head+`<worksheet><sheetData><row r="1"><c t="inlineStr"><is><t>nothing</t></is></c></row></sheetData></worksheet>`)
	put("xl/sharedStrings.xml", head+`<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">`+strings.Join(shared, "")+`</sst>`)
	put("xl/worksheets/sheet1.xml", head+`<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>`+sheet+`</sheetData></worksheet>`)
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func xlsx(change ...func(*Mapping)) Mapping {
	return acme(append(change, func(m *Mapping) { m.Worksheet = "Rates & codes" })...)
}

const sheetHeader = `<row r="3"><c r="A3" t="s"><v>0</v></c><c r="B3" t="s"><v>1</v></c><c r="D3" t="inlineStr"><is><t>Rate</t></is></c><c r="E3" t="str"><f>"Eff"&amp;"ective"</f><v>Effective</v></c></row>`

var sharedHeader = []string{`<si><t>Destination</t></si>`, `<si><r><rPr><b/></rPr><t>Co</t></r><r><t xml:space="preserve">des</t></r><rPh sb="0" eb="1"><t>pronounced</t></rPh></si>`, `<si><t>Bahamas &amp; more</t></si>`}

func TestASpreadsheetIsReadAsPeopleSeeIt(t *testing.T) {
	file := workbook(t, "", `<row r="1"/>`+sheetHeader+
		// A text, a number, a price that spreadsheets write so, a date as days.
		`<row r="4" spans="1:5"><c r="A4" s="1" t="s"><v>2</v></c><c r="B4"><v>1242</v></c><c r="D4"><v>1.2299999999999999E-2</v></c><c r="E4" s="7"><v>46327</v></c></row>`+
		`<row r="6"><c r="A6" t="inlineStr"><is><t>Germany</t></is></c><c r="B6" t="inlineStr"><is><t>49,151-3</t></is></c><c r="D6"><v>1E-3</v></c><c r="E6" t="inlineStr"><is><t>01.11.2026</t></is></c></row>`+
		`<row r="7"><c r="A7" t="s"><v>2</v></c><c r="B7"><v>1243</v></c><c r="D7" t="e"><v>#REF!</v></c><c r="E7"><v>46327.5</v></c></row>`+
		`<row r="8"><c r="A8" t="s"><v>99</v></c></row>`, sharedHeader...)
	m := xlsx(func(m *Mapping) { m.SkipLines = 1 })
	in, err := Read(bytes.NewReader(file), int64(len(file)), m, nil)
	if err != nil {
		t.Fatal(err)
	}
	if in.Read != 4 || in.Accepted != 2 || prefixes(in) != "1242 49 151 152 153" {
		t.Fatalf("%+v %s", in, prefixes(in))
	}
	midnight := time.Date(2026, 10, 31, 23, 0, 0, 0, time.UTC).UnixMilli()
	if r := in.Rows[0]; r.Rate != 12_300_000 || r.Destination != "Bahamas & more" || r.ValidFrom != midnight || in.Lines[0] != 4 {
		t.Errorf("line %d: %+v", in.Lines[0], r)
	}
	if r := in.Rows[1]; r.Rate != 1_000_000 || r.ValidFrom != midnight {
		t.Errorf("%+v", r)
	}
	if r := in.Rejects; len(r) != 2 || r[0].Line != 7 || r[0].Field != "rate" || r[1].Line != 8 {
		t.Errorf("%+v", r)
	}
	// Days may count from 1904.
	old := workbook(t, `<workbookPr date1904="1"/>`, sheetHeader+`<row r="4"><c r="A4" t="s"><v>2</v></c><c r="B4"><v>1242</v></c><c r="D4"><v>1</v></c><c r="E4"><v>44865</v></c></row>`, sharedHeader...)
	if in, err = Read(bytes.NewReader(old), int64(len(old)), xlsx(), nil); err != nil || in.Accepted != 1 || in.Rows[0].ValidFrom != midnight {
		t.Errorf("from 1904: %+v, %v", in, err)
	}
	m.Worksheet = "Prices"
	if _, err := Read(bytes.NewReader(file), int64(len(file)), m, nil); fault.CodeOf(err) != CodeBadMapping || !strings.Contains(fault.Of(err).Remedy, "Rates & codes") {
		t.Errorf("a worksheet that is not there: %v", err)
	}
}

func TestAnXLSXBombIsRefusedInBoundedMemory(t *testing.T) {
	repeat := strings.Repeat
	cell := `<c t="inlineStr"><is><t>` + repeat("9", 100) + `</t></is></c>`
	for name, c := range map[string]struct {
		sheet  string
		shared []string
		code   fault.Code // empty: the rows of the bomb are refused one by one
	}{
		"a worksheet without an end":        {repeat("<row>"+repeat(cell, 40)+"</row>", 600), nil, CodeTooLarge},
		"shared texts without an end":       {"", []string{repeat("<si><t>"+repeat("9", 10_000)+"</t></si>", 150)}, CodeTooLarge},
		"many empty shared texts":           {"", []string{repeat("<si/>", 300_000)}, CodeTooLarge},
		"a cell without an end":             {`<row><c t="inlineStr"><is><t>` + repeat("9", 1<<20), nil, CodeTooLarge},
		"a row without an end":              {"<row>" + repeat(`<c t="inlineStr"><is><t>`+repeat("9", 60_000)+`</t></is></c>`, 20), nil, CodeTooLarge},
		"a tag without an end":              {"<row " + repeat(" ", 1<<20), nil, CodeTooLarge},
		"texts that are made of each other": {`]]><!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>`, nil, voice.CodeUnreadable},
		"a cell in column XFD":              {`<row><c r="XFD1"><v>1</v></c></row>`, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			file := workbook(t, "", sheetHeader+c.sheet, append(sharedHeader, c.shared...)...)
			small := limits{unpacked: 2 << 20, shared: 1 << 20, cells: 128, cell: 64 << 10}
			runtime.GC()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			in, err := read(bytes.NewReader(file), int64(len(file)), xlsx(), small, nil)
			runtime.ReadMemStats(&after)
			if fault.CodeOf(err) != c.code && (err != nil || c.code != "") {
				t.Fatalf("%v, want %q", err, c.code)
			}
			if c.code == "" && in.Rejected != 1 {
				t.Errorf("%+v", in)
			}
			if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
				t.Errorf("it took %d bytes of memory", grown)
			}
		})
	}
}

func TestADamagedSpreadsheetIsRefusedWithoutPanic(t *testing.T) {
	file := workbook(t, "", sheetHeader+`<row r="4"><c r="A4" t="s"><v>2</v></c><c r="B4"><v>1242</v></c><c r="D4"><v>1</v></c><c r="E4"><v>46327</v></c></row>`, sharedHeader...)
	for n := 4; n < len(file); n += 7 {
		if _, err := Read(bytes.NewReader(file[:n]), int64(n), xlsx(), nil); err == nil {
			t.Fatalf("the first %d bytes are a spreadsheet", n)
		}
		torn := bytes.Clone(file)
		torn[n] ^= 0x55
		_, _ = Read(bytes.NewReader(torn), int64(len(torn)), xlsx(), nil) // what comes does not matter: no panic
	}
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(acmeHeader + "Germany,\"49,151-9\",0.01,01.11.2026\n"))
	f.Add(workbook(f, "", sheetHeader+`<row r="4"><c r="A4" t="s"><v>2</v></c><c r="B4"><v>1242</v></c><c r="D4"><v>1</v></c><c r="E4"><v>46327</v></c></row>`, sharedHeader...))
	f.Fuzz(func(t *testing.T, data []byte) {
		small := limits{unpacked: 1 << 20, shared: 1 << 20, cells: 64, cell: 4 << 10}
		for _, m := range []Mapping{acme(), xlsx()} {
			if in, err := read(bytes.NewReader(data), int64(len(data)), m, small, nil); err == nil && in.Read != in.Accepted+in.Rejected {
				t.Fatalf("%+v", in)
			}
		}
		_, _, _ = Guess(bytes.NewReader(data), int64(len(data)), "")
	})
}

func TestAMappingThatDoesNotFitSaysSo(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Mapping)
		field  string
	}{
		"a column that is not there":    {func(m *Mapping) { m.Columns["rate"] = "Price" }, "columns.rate"},
		"a column beyond the last":      {func(m *Mapping) { m.Columns["rate"] = "#9" }, "columns.rate"},
		"a column that is there twice":  {func(m *Mapping) { m.Columns["rate"] = "Double" }, "columns.rate"},
		"a field that does not exist":   {func(m *Mapping) { m.Columns["colour"] = "Rate" }, "columns"},
		"nothing that gives a currency": {func(m *Mapping) { delete(m.Constants, "currency") }, "columns"},
		"a column and a constant":       {func(m *Mapping) { m.Constants["rate"] = "1" }, "constants"},
		"steps in two ways":             {func(m *Mapping) { m.Constants["minimum_seconds"] = "1" }, "columns"},
		"a zone that does not exist":    {func(m *Mapping) { m.Zone = "Mars/Base" }, "zone"},
		"dates without a year":          {func(m *Mapping) { m.Dates = "DD.MM." }, "dates"},
		"an encoding that is not known": {func(m *Mapping) { m.Encoding = "ebcdic" }, "encoding"},
		"a separator of two characters": {func(m *Mapping) { m.Separator = ";;" }, "separator"},
	} {
		t.Run(name, func(t *testing.T) {
			text := "Destination,Codes,Rate,Effective,Double,Double\n"
			_, err := Read(strings.NewReader(text), int64(len(text)), acme(c.change), nil)
			if err == nil || fault.Of(err).Field != c.field {
				t.Fatalf("%v, want field %s", err, c.field)
			}
		})
	}
	if _, err := ReadMapping([]byte("columns: {rate: Rate}\ncolour: red\n")); fault.CodeOf(err) != CodeBadMapping {
		t.Errorf("an unknown key: %v", err)
	}
}

func TestAGuessIsWhatPeopleWouldWrite(t *testing.T) {
	text := "Acme rates of November\n\nCountry;Dial Codes;Rate EUR/min;Rate EUR;Billing increment;Effective date;Remarks\n" +
		"C\xf4te d'Ivoire;225;x;0,12;60/60;13.11.2026;new\nGermany;49;x;0,01;1/1;01.11.2026;\nCuba;53;x;blocked;1/1;01.11.2026;\n"
	m, notes, err := Guess(strings.NewReader(text), int64(len(text)), "")
	if err != nil {
		t.Fatal(err)
	}
	if m.Separator != ";" || m.Decimal != "," || m.Dates != "DD.MM.YYYY" || m.SkipLines != 2 || m.Encoding != "windows-1252" || m.Columns["destination"] != "Country" ||
		m.Columns["rate"] != "Rate EUR" || m.Constants["currency"] != "EUR" || m.Columns["increments"] != "Billing increment" || len(m.Blocked) != 1 {
		t.Errorf("%+v", m)
	}
	again, err := ReadMapping(m.YAML(notes))
	if err != nil {
		t.Fatalf("%v\n%s", err, m.YAML(notes))
	}
	if in := readText(t, again, text); in.Accepted != 3 || !in.Rows[2].Blocked || in.Rows[0].Destination != "Côte d'Ivoire" {
		t.Errorf("%+v", in)
	}
	text = "Destination,Code,Price,Currency,Effective date,Status\nGermany,49,0.01,USD,2026-11-01,Active\nCuba,53,0.01,USD,2026-11-01,Closed\n"
	if m, notes, err = Guess(strings.NewReader(text), int64(len(text)), ""); err != nil || len(m.Open) != 1 || len(m.Blocked) != 1 {
		t.Fatalf("%+v %q, %v", m, notes, err)
	}
	if in := readText(t, m, text); in.Accepted != 2 || in.Rows[0].Blocked || !in.Rows[1].Blocked {
		t.Errorf("%+v", in)
	}
	// As a price list of a spreadsheet was found to be headed.
	text = "Country,Dial code,Rate per min (USD),Billing,Effective date [UTC],Comment\nItaly,39,0.01,60/60,2026-11-01,\n"
	if m, notes, err = Guess(strings.NewReader(text), int64(len(text)), ""); err != nil || m.Columns["rate"] != "Rate per min (USD)" || m.Constants["currency"] != "USD" {
		t.Fatalf("%+v %q, %v", m, notes, err)
	}
	if in := readText(t, m, text); in.Accepted != 1 {
		t.Errorf("%+v", in)
	}
	// 02.11. or 11.02.: a file cannot tell, and a guess does not decide.
	text = "Destination,Code,Price,Currency,Effective date\nGermany,49,0.01,USD,02/11/2026\n"
	m, notes, err = Guess(strings.NewReader(text), int64(len(text)), "")
	if err != nil || m.Validate() == nil || !strings.Contains(strings.Join(notes, "\n"), "MISSING dates: DD/MM/YYYY fits, and MM/DD/YYYY does as well") {
		t.Errorf("%+v %q, %v", m, notes, err)
	}
	text = voice.SheetHeader + ",days\nGermany,49,0.01,USD,60,1,1,2026-11-01T00:00:00Z,,mon-fri\n"
	if m, notes, err = Guess(strings.NewReader(text), int64(len(text)), ""); err != nil || len(notes) != 0 {
		t.Fatalf("%q, %v", notes, err)
	}
	if in := readText(t, m, text); in.Accepted != 1 || in.Rows[0].Band.Days.String() != "mon-fri" {
		t.Errorf("%+v", in)
	}
	text = "a,b\nc,d\n"
	if _, _, err := Guess(strings.NewReader(text), int64(len(text)), ""); fault.CodeOf(err) != voice.CodeBadHeader {
		t.Errorf("no sheet at all: %v", err)
	}
}

// on gives midnight of a day of November in UTC.
func on(day int) int64 { return time.Date(2026, 11, day, 0, 0, 0, 0, time.UTC).UnixMilli() }

func imported(rows ...rating.Row) *Import {
	in := &Import{Rows: rows, Read: uint64(len(rows)), Accepted: uint64(len(rows))}
	for i := range rows {
		in.Lines = append(in.Lines, uint32(i+2))
	}
	return in
}

// rate makes a row of so many thousandths a minute from a day of November on.
func rate(destination, prefix string, thousandths, day int) rating.Row {
	return rating.Row{Destination: destination, Prefix: prefix, Rate: money.Rate(thousandths) * 1_000_000, Currency: "USD", UnitSeconds: 60, MinimumSeconds: 1,
		IncrementSeconds: 1, ValidFrom: on(day), ValidTo: rating.Open}
}

// told writes a diff in short: "increase 49 2026-11-08 short".
func told(d Diff) string {
	var b strings.Builder
	for _, e := range d.Entries {
		fmt.Fprintf(&b, "%s %s %s", e.Change, e.Prefix, e.Effective[:10])
		if e.Old != nil && e.Old.Of != "" {
			b.WriteString(" of " + e.Old.Of)
		}
		if e.Short {
			b.WriteString(" short")
		}
		b.WriteByte('\n')
	}
	return b.String()
}

var agreed = Notice{Received: on(1), Increase: 7 * 86_400_000}

func standing(t *testing.T) *rating.Sheet {
	t.Helper()
	s, err := rating.NewSheet([]rating.Row{rate("Germany", "49", 10, 1), rate("Germany", "4915", 20, 1), rate("Germany", "4916", 20, 1),
		rate("France", "33", 10, 1), rate("Cuba", "53", 500, 1)}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestADiffNamesWhatBecomesOfEachCode(t *testing.T) {
	cuba := rate("Cuba", "53", 0, 9)
	cuba.Blocked = true
	coarse := rate("France", "33", 9, 9)
	coarse.IncrementSeconds = 60
	next, d, err := Merge(standing(t), imported(rate("Germany", "49", 10, 2), rate("Germany", "4915", 25, 8), rate("Germany", "4917", 30, 9),
		rate("Spain", "34", 10, 2), coarse, cuba), false, agreed)
	if err != nil {
		t.Fatal(err)
	}
	want := "blocked 53 2026-11-09\nmixed 33 2026-11-09\nunchanged 49 2026-11-02\nincrease 4915 2026-11-08\nended 4916 2026-11-02\nincrease 4917 2026-11-09 of 49\nnew 34 2026-11-02\n"
	if got := told(d); got != want {
		t.Errorf("the diff is\n%swant\n%s", got, want)
	}
	// The ended code falls back to a cheaper prefix: no notice is needed.
	if next.Len() != 11 {
		t.Errorf("%d rows, want 5 that keep their past and 6 new ones", next.Len())
	}
	if row, ok := next.Find(4916123, 0, on(3)); !ok || next.Row(row).Prefix != "49" {
		t.Errorf("4916 on the 3rd: row %d, %v", row, ok)
	}
	if row, ok := next.Find(4916123, 0, on(1)); !ok || next.Row(row).Prefix != "4916" {
		t.Errorf("4916 on the 1st keeps its past: row %d, %v", row, ok)
	}
}

func TestAnIncreaseNeedsItsNoticeAndADecreaseHoldsAtOnce(t *testing.T) {
	file := imported(rate("Germany", "49", 9, 1), rate("Germany", "4915", 25, 7))
	_, d, err := Merge(standing(t), file, true, agreed)
	if fault.CodeOf(err) != rating.CodeShortNotice || !strings.Contains(err.Error(), "4915") {
		t.Fatalf("%v", err)
	}
	if got, want := told(d), "decrease 49 2026-11-01\nincrease 4915 2026-11-07 short\nended 4916 2026-11-01\n"; got != want {
		t.Errorf("the diff is\n%swant\n%s", got, want)
	}
	later := agreed
	later.Short = Later
	next, d, err := Merge(standing(t), file, true, later)
	if err != nil || d.Total.Short != 0 {
		t.Fatalf("%+v, %v", d, err)
	}
	if got, want := told(d), "decrease 49 2026-11-01\nincrease 4915 2026-11-08\nended 4916 2026-11-01\n"; got != want {
		t.Errorf("with its notice the diff is\n%swant\n%s", got, want)
	}
	if row, ok := next.Find(4915123, 0, on(7)); !ok || next.Row(row).Rate != 20_000_000 {
		t.Errorf("on the 7th 4915 costs %+v", next.Row(row))
	}
	accept := agreed
	accept.Short = Accept
	if _, d, err = Merge(standing(t), file, true, accept); err != nil || d.Total.Short != 1 {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestAPartialSheetReplacesTheDestinationsThatItNames(t *testing.T) {
	next, d, err := Merge(standing(t), imported(rate("France", "33", 9, 2)), true, agreed)
	if err != nil || told(d) != "decrease 33 2026-11-02\n" || next.Len() != 6 {
		t.Fatalf("%s %v", told(d), err)
	}
	// Whole, it would end all others; that goes without notice for none of them.
	_, d, err = Merge(standing(t), imported(rate("France", "33", 9, 2)), false, agreed)
	if fault.CodeOf(err) != rating.CodeShortNotice || d.Total.Changes[Ended] != 4 || d.Total.Short != 4 {
		t.Errorf("%+v, %v", d.Total, err)
	}
}

func TestOfPlannedPricesALaterSheetTakesThePlace(t *testing.T) {
	planned, _, err := Merge(standing(t), imported(rate("France", "33", 12, 20)), true, agreed)
	if err != nil {
		t.Fatal(err)
	}
	next, d, err := Merge(planned, imported(rate("France", "33", 11, 10), rate("France", "33", 10, 15)), true, agreed)
	if err != nil || told(d) != "increase 33 2026-11-10\ndecrease 33 2026-11-15\n" {
		t.Fatalf("%s %v", told(d), err)
	}
	var times []string
	for _, r := range next.Rows() {
		if r.Prefix == "33" {
			times = append(times, usage.Stamp(r.ValidFrom)[:10])
		}
	}
	if strings.Join(times, " ") != "2026-11-01 2026-11-10 2026-11-15" {
		t.Errorf("rows begin on %s", times)
	}
}

func apply(t *testing.T, f *Folder, in *Import) (Version, error) {
	t.Helper()
	current, err := f.Current()
	if err != nil {
		t.Fatal(err)
	}
	s, d, err := Merge(current, in, false, Notice{})
	if err != nil {
		t.Fatal(err)
	}
	return f.Apply(s, Version{File: "rates.csv", Applied: "2026-11-01T00:00:00Z", Changes: d.Total.Changes})
}

func TestVersionsStandBesideEachOtherAndAreUndone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "rates")
	f, err := OpenFolder(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := OpenFolder(dir); fault.CodeOf(err) != durable.CodeInUse {
		t.Errorf("a second process: %v", err)
	}
	if _, err := f.Undo(); fault.CodeOf(err) != CodeNoVersion {
		t.Errorf("nothing to undo: %v", err)
	}
	files := []*Import{imported(rate("France", "33", 10, 1)), imported(rate("France", "33", 11, 2)), imported(rate("France", "33", 12, 3))}
	for i, in := range files[:2] {
		if v, err := apply(t, f, in); err != nil || v.Number != i+1 {
			t.Fatal(v, err)
		}
	}
	// The same file twice changes nothing.
	if _, err := apply(t, f, files[1]); fault.CodeOf(err) != CodeUnchanged {
		t.Errorf("the same file twice: %v", err)
	}
	if now, err := f.Undo(); err != nil || now != 1 {
		t.Fatal(now, err)
	}
	if v, err := apply(t, f, files[2]); err != nil || v.Number != 3 || v.After != 1 {
		t.Fatal(v, err)
	}
	f.Close()
	if f, err = OpenFolder(dir); err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var says []string
	for _, v := range f.History() {
		says = append(says, fmt.Sprint(v.Number, v.After, v.InForce, v.Undone))
	}
	if got := strings.Join(says, "; "); got != "1 0 false false; 2 1 false true; 3 1 true false" {
		t.Errorf("history: %s", got)
	}
	s, err := f.Current()
	if err != nil || s.Len() != 2 {
		t.Fatal(s, err)
	}
	if s, err = f.Sheet(2); err != nil || s.Row(1).Rate != 11_000_000 {
		t.Errorf("version 2 that was undone: %v", err)
	}
	if _, err := f.Sheet(4); fault.CodeOf(err) != CodeNoVersion {
		t.Errorf("version 4: %v", err)
	}
	data, _ := os.ReadFile(filepath.Join(dir, "v000003.csv"))
	if err := os.WriteFile(filepath.Join(dir, "v000003.csv"), bytes.Replace(data, []byte("0.012"), []byte("0.011"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Current(); fault.CodeOf(err) != fault.Corrupt {
		t.Errorf("a version that somebody edited: %v", err)
	}
}

// failing is a disk that fails at its n-th step.
type failing struct {
	durable.FS
	left int
}

func (f *failing) step() error {
	if f.left--; f.left < 0 {
		return errors.New("the disk is gone")
	}
	return nil
}

func (f *failing) OpenFile(name string, flag int, perm os.FileMode) (durable.File, error) {
	if err := f.step(); err != nil {
		return nil, err
	}
	return f.FS.OpenFile(name, flag, perm)
}

func (f *failing) Rename(from, to string) error {
	if err := f.step(); err != nil {
		return err
	}
	return f.FS.Rename(from, to)
}

func (f *failing) SyncDir(dir string) error {
	if err := f.step(); err != nil {
		return err
	}
	return f.FS.SyncDir(dir)
}

// Wherever a crash falls, the old version or the new one is in force, whole.
func TestACrashLeavesOneVersionOrTheOther(t *testing.T) {
	for n := range 7 {
		dir := t.TempDir()
		f, err := OpenFolder(dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := apply(t, f, imported(rate("France", "33", 10, 1))); err != nil {
			t.Fatal(err)
		}
		disk := &failing{durable.OS, n}
		f.fs = disk
		_, failed := apply(t, f, imported(rate("France", "33", 11, 2)))
		f.Close()
		if f, err = OpenFolder(dir); err != nil {
			t.Fatal(n, err)
		}
		s, err := f.Current()
		if err != nil {
			t.Fatal(n, err)
		}
		if failed == nil && s.Len() != 2 {
			t.Errorf("at step %d: applied, and %d rows stand", n, s.Len())
		}
		if s.Len() == 1 {
			if _, err := apply(t, f, imported(rate("France", "33", 11, 2))); err != nil {
				t.Errorf("at step %d: cannot be applied again: %v", n, err)
			}
		}
		f.Close()
		if n == 6 && failed != nil {
			t.Error("the disk fails at every step: the test does not reach the end")
		}
	}
}

// A million rows: how long reading takes is printed, not asserted.
func BenchmarkReadAMillionRows(b *testing.B) {
	var text bytes.Buffer
	text.WriteString(acmeHeader)
	var rows strings.Builder
	rows.WriteString(sheetHeader)
	for i := range 1_000_000 {
		fmt.Fprintf(&text, "Destination %d,%d,0.0123,01.11.2026\n", i/3, 1_000_000+i)
		fmt.Fprintf(&rows, `<row r="%d"><c r="A%d" t="inlineStr"><is><t>Destination %d</t></is></c><c r="B%d"><v>%d</v></c><c r="D%d"><v>1.23E-2</v></c><c r="E%d"><v>46327</v></c></row>`,
			i+4, i+4, i/3, i+4, 1_000_000+i, i+4, i+4)
	}
	for _, c := range []struct {
		name string
		file []byte
		m    Mapping
	}{{"CSV", text.Bytes(), acme()}, {"XLSX", workbook(b, "", rows.String(), sharedHeader...), xlsx()}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				in, err := Read(bytes.NewReader(c.file), int64(len(c.file)), c.m, nil)
				if err != nil || in.Accepted != 1_000_000 {
					b.Fatal(in, err)
				}
				if _, _, err := Merge(nil, in, false, Notice{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
