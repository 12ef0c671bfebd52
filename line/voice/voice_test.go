package voice

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

const good = "c1,4930111,4915112,2026-11-02T00:00:03.232Z,203127,success,ALPHA,BRAVO,T3\n"

func read(t *testing.T, rows string) *usage.Batch {
	t.Helper()
	b, err := ReadUsage(strings.NewReader(UsageHeader+"\n"+rows), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if uint64(len(b.Records)+len(b.Duplicates))+b.Refused != b.Read {
		t.Fatalf("read %d = %d accepted + %d duplicate + %d refused does not hold", b.Read, len(b.Records), len(b.Duplicates), b.Refused)
	}
	return b
}

func TestABadRowIsNamedAndTheRowsAroundItAreKept(t *testing.T) {
	for name, c := range map[string]struct {
		row   string
		field string
		code  fault.Code
	}{
		"too few fields":             {"c2,4930111,4915112,2026-11-02T00:00:03Z,1,success,ALPHA,BRAVO", "", CodeColumns},
		"too many fields":            {"c2,4930111,4915112,2026-11-02T00:00:03Z,1,success,ALPHA,BRAVO,T,", "", CodeColumns},
		"no id":                      {",4930111,4915112,2026-11-02T00:00:03Z,1,success,ALPHA,BRAVO,T", "call_id", CodeBadField},
		"an id of 300 bytes":         {strings.Repeat("c", 300) + ",4930111,4915112,2026-11-02T00:00:03Z,1,success,ALPHA,BRAVO,T", "call_id", CodeBadField},
		"an id that is not UTF-8":    {"c\xff2,4930111,4915112,2026-11-02T00:00:03Z,1,success,ALPHA,BRAVO,T", "call_id", CodeBadField},
		"no called number":           {"c2,4930111,,2026-11-02T00:00:03Z,1,success,ALPHA,BRAVO,T", "destination_number", CodeBadNumber},
		"letters in the number":      {"c2,4930111,49x,2026-11-02T00:00:03Z,1,success,ALPHA,BRAVO,T", "destination_number", CodeBadNumber},
		"16 digits":                  {"c2,4930111,4915112000000000,2026-11-02T00:00:03Z,1,success,ALPHA,BRAVO,T", "destination_number", CodeBadNumber},
		"30 February":                {"c2,4930111,4915112,2026-02-30T00:00:03Z,1,success,ALPHA,BRAVO,T", "start_time", CodeBadTime},
		"no zone":                    {"c2,4930111,4915112,2026-11-02T00:00:03,1,success,ALPHA,BRAVO,T", "start_time", CodeBadTime},
		"before 1970":                {"c2,4930111,4915112,1969-12-31T23:59:59Z,2000,success,ALPHA,BRAVO,T", "start_time", CodeBadTime},
		"at the end of time":         {"c2,4930111,4915112,9999-12-31T23:59:59Z,1,success,ALPHA,BRAVO,T", "start_time", CodeBadTime},
		"ten fraction digits":        {"c2,4930111,4915112,2026-11-02T00:00:03.0123456789Z,1,success,ALPHA,BRAVO,T", "start_time", CodeBadTime},
		"a negative duration":        {"c2,4930111,4915112,2026-11-02T00:00:03Z,-1,success,ALPHA,BRAVO,T", "duration_ms", CodeBadField},
		"a fraction of a ms":         {"c2,4930111,4915112,2026-11-02T00:00:03Z,1.5,success,ALPHA,BRAVO,T", "duration_ms", CodeBadField},
		"a duration of two months":   {"c2,4930111,4915112,2026-11-02T00:00:03Z,5184000000,success,ALPHA,BRAVO,T", "duration_ms", CodeBadField},
		"another result":             {"c2,4930111,4915112,2026-11-02T00:00:03Z,1,busy,ALPHA,BRAVO,T", "result", CodeBadField},
		"a third carrier":            {"c2,4930111,4915112,2026-11-02T00:00:03Z,1,success,ALPHA,CHARLIE,T", "carrier_to", CodeThirdCarrier},
		"a third carrier first":      {"c2,4930111,4915112,2026-11-02T00:00:03Z,1,success,CHARLIE,BRAVO,T", "carrier_from", CodeThirdCarrier},
		"from a carrier to itself":   {"c2,4930111,4915112,2026-11-02T00:00:03Z,1,success,ALPHA,ALPHA,T", "carrier_to", CodeBadField},
		"no carrier":                 {"c2,4930111,4915112,2026-11-02T00:00:03Z,1,success,,BRAVO,T", "carrier_from", CodeBadField},
		"the same id, other content": {"c1,4930111,4915112,2026-11-02T00:00:03.232Z,203128,success,ALPHA,BRAVO,T3", "call_id", CodeSameID},
		"the same id, other trunk":   {"c1,4930111,4915112,2026-11-02T00:00:03.232Z,203127,success,ALPHA,BRAVO,T4", "call_id", CodeSameID},
		"a lost quote":               {`"c2,4930111,4915112,2026-11-02T00:00:03Z,1,success,ALPHA,BRAVO,T`, "", CodeBadQuotes},
		"a quote in the middle":      {`c2,4930111,4915112,2026-11-02T00:00:03Z,1,success,ALPHA,BRAVO,T"3`, "", CodeBadQuotes},
		"a line without end":         {strings.Repeat("x", 1<<20), "", CodeLineTooLong},
		"a line a bit too long":      {strings.Repeat("x", maxLine+1), "", CodeLineTooLong},
		"binary":                     {"\x00\x01\x02", "", CodeColumns},
	} {
		t.Run(name, func(t *testing.T) {
			b := read(t, good+c.row+"\n\n"+"c3,4930111,4915112,2026-11-02T00:00:04Z,1,success,BRAVO,ALPHA,T3\n")
			if len(b.Records) != 2 || b.Records[1].Line != 5 || b.Records[1].Way != usage.Back || len(b.Rejects) != 1 {
				t.Fatalf("%d records, %d rejects: %+v", len(b.Records), len(b.Rejects), b)
			}
			r := b.Rejects[0]
			if r.Line != 3 || r.Field != c.field || r.Code != c.code || r.Detail == "" || len(r.Detail) > 400 {
				t.Fatalf("%+v; want line 3, field %q, code %s", r, c.field, c.code)
			}
		})
	}
}

func TestDuplicatesAreKeptApartAndCountedOnce(t *testing.T) {
	for name, row := range map[string]string{
		"the whole row again":              good,
		"the time in another zone":         "c1,4930111,4915112,2026-11-02T01:00:03.2329+01:00,203127,success,ALPHA,BRAVO,T3\n",
		"the call under another id":        "c2,4930111,4915112,2026-11-02T00:00:03.232Z,203127,success,ALPHA,BRAVO,T9\n",
		"the number with a plus":           "c2,+4930111,+4915112,2026-11-02T00:00:03.232Z,203127,success,ALPHA,BRAVO,T3\n",
		"a duplicate of the duplicate too": "c2,4930111,4915112,2026-11-02T00:00:03.232Z,203127,success,ALPHA,BRAVO,T9\n",
	} {
		b := read(t, good+row)
		if len(b.Records) != 1 || len(b.Duplicates) != 1 {
			t.Errorf("%s: %d records, %d duplicates, rejects %+v", name, len(b.Records), len(b.Duplicates), b.Rejects)
		}
		if b = read(t, good+row+row); len(b.Records) != 1 || len(b.Duplicates) != 2 {
			t.Errorf("%s, again: %d records, %d duplicates", name, len(b.Records), len(b.Duplicates))
		}
	}
	for name, row := range map[string]string{
		"another ms":        "c2,4930111,4915112,2026-11-02T00:00:03.233Z,203127,success,ALPHA,BRAVO,T3\n",
		"another direction": "c2,4930111,4915112,2026-11-02T00:00:03.232Z,203127,success,BRAVO,ALPHA,T3\n",
		"another result":    "c2,4930111,4915112,2026-11-02T00:00:03.232Z,203127,fail,ALPHA,BRAVO,T3\n",
		"a withheld origin": "c2,,4915112,2026-11-02T00:00:03.232Z,203127,success,ALPHA,BRAVO,T3\n",
	} {
		if b := read(t, good+row); len(b.Records) != 2 {
			t.Errorf("%s: %d records", name, len(b.Records))
		}
	}
	// The id of a duplicate is taken as well.
	b := read(t, good+"c2,4930111,4915112,2026-11-02T00:00:03.232Z,203127,success,ALPHA,BRAVO,T9\n"+"c2,4930111,4915112,2026-11-02T00:00:09Z,1,success,ALPHA,BRAVO,T9\n")
	if len(b.Rejects) != 1 || b.Rejects[0].Code != CodeSameID || b.Rejects[0].Line != 4 {
		t.Errorf("%+v", b.Rejects)
	}
}

// Records may be cut into files in any way: across files too a row that repeats
// an earlier one is a duplicate, and one that contradicts it is refused by name.
func TestRowsAreJudgedByEarlierFilesToo(t *testing.T) {
	const (
		other  = "c1,4930111,4915112,2026-11-02T00:00:03.232Z,9,success,ALPHA,BRAVO,T3\n"      // the id of good, another call
		again  = "c2,4930111,4915112,2026-11-02T00:00:03.232Z,203127,success,ALPHA,BRAVO,T9\n" // another id, the call of good
		taken  = "c2,4930111,4915112,2026-11-02T00:00:09Z,1,success,ALPHA,BRAVO,T9\n"          // the id of again
		plain  = "c3,4930111,4915112,2026-11-02T00:00:09Z,1,success,ALPHA,BRAVO,T9\n"          // the call of taken
		hidden = "c4,anonymous,4915112,2026-11-02T00:00:10Z,1,success,ALPHA,BRAVO,T9\n"        // a withheld origin
		veiled = "c4,unknown,4915112,2026-11-02T00:00:10Z,1,success,ALPHA,BRAVO,T9\n"          // the same id, withheld otherwise
		moved  = "c1,4930111,4915112,2026-11-02T00:00:03.232Z,203127,success,ALPHA,BRAVO,T4\n" // the same id, another trunk
		trunks = "c5,4930111,4915112,2026-11-02T00:00:11Z,1,success,ALPHA,BRAVO,T1\n"          // so that trunks have other places
		where  = `line 2 of file 1 has the id "c1" with other content`
	)
	type verdict struct{ accepted, duplicate, refused int }
	for name, c := range map[string]struct {
		files []string
		want  []verdict
		why   string // of the last refusal
	}{
		"the same id, the same content":            {[]string{good, good}, []verdict{{1, 0, 0}, {0, 1, 0}}, ""},
		"the same, with trunks in other places":    {[]string{good, trunks + good}, []verdict{{1, 0, 0}, {1, 1, 0}}, ""},
		"the same id, other content":               {[]string{good, other}, []verdict{{1, 0, 0}, {0, 0, 1}}, where},
		"the same id, other content, two later":    {[]string{good, plain, other}, []verdict{{1, 0, 0}, {1, 0, 0}, {0, 0, 1}}, where},
		"the same id, another trunk":               {[]string{good, moved}, []verdict{{1, 0, 0}, {0, 0, 1}}, where},
		"the same id, withheld otherwise":          {[]string{hidden, veiled}, []verdict{{1, 0, 0}, {0, 0, 1}}, `line 2 of file 1 has the id "c4" with other content`},
		"another id, the same content":             {[]string{good, again}, []verdict{{1, 0, 0}, {0, 1, 0}}, ""},
		"the id of an earlier file's duplicate":    {[]string{good + again, taken}, []verdict{{1, 1, 0}, {0, 0, 1}}, `line 3 of file 1 has the id "c2" with other content`},
		"a refused row first, then its content":    {[]string{good + again, taken + plain}, []verdict{{1, 1, 0}, {1, 0, 1}}, `line 3 of file 1 has the id "c2" with other content`},
		"the content first, then a refused row":    {[]string{good + again, plain + taken}, []verdict{{1, 1, 0}, {1, 0, 1}}, `line 3 of file 1 has the id "c2" with other content`},
		"a refused row keeps no id":                {[]string{good, other + plain, plain}, []verdict{{1, 0, 0}, {1, 0, 1}, {0, 1, 0}}, where},
		"a conflict inside the later file":         {[]string{good, plain + "c3" + strings.TrimPrefix(trunks, "c5")}, []verdict{{1, 0, 0}, {1, 0, 1}}, `line 2 has the id "c3" with other content`},
		"an earlier file without a row is nothing": {[]string{"", good, other}, []verdict{{0, 0, 0}, {1, 0, 0}, {0, 0, 1}}, `line 2 of file 2 has the id "c1" with other content`},
	} {
		t.Run(name, func(t *testing.T) {
			files := NewFiles(Options{})
			why := ""
			for i, rows := range c.files {
				for range 2 { // a file that is not kept leaves nothing behind
					b, err := files.Read(strings.NewReader(UsageHeader+"\n"+rows), fmt.Sprintf("file %d", i+1), "", nil)
					if err != nil {
						t.Fatal(err)
					}
					if got := (verdict{len(b.Records), len(b.Duplicates), int(b.Refused)}); got != c.want[i] {
						t.Fatalf("file %d: %+v, want %+v; rejects %+v", i+1, got, c.want[i], b.Rejects)
					}
					for _, r := range b.Rejects {
						if why = r.Detail; r.Code != CodeSameID || r.Field != "call_id" {
							t.Errorf("%+v", r)
						}
					}
				}
				files.Keep()
				files.Keep() // once is enough
			}
			if why != c.why {
				t.Errorf("refused because %q, want %q", why, c.why)
			}
		})
	}
}

// However a file is cut into several, each row has the same verdict.
func TestCuttingAFileChangesNoVerdict(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	var rows []string
	for range 5000 {
		rows = append(rows, fmt.Sprintf("c%d,49301%02d,4915112,2026-11-02T00:00:03Z,%d,success,ALPHA,BRAVO,T%d\n", r.IntN(2000), r.IntN(100), r.IntN(50), r.IntN(2)))
	}
	whole := read(t, strings.Join(rows, ""))
	files := NewFiles(Options{})
	var accepted []usage.Record
	var duplicate, refused, line int
	for rest := rows; len(rest) > 0; {
		n := min(len(rest), 1+r.IntN(600))
		b, err := files.Read(strings.NewReader(UsageHeader+"\n"+strings.Join(rest[:n], "")), "part", "", nil)
		if err != nil {
			t.Fatal(err)
		}
		files.Keep()
		for _, x := range b.Records {
			x.Line += uint32(line)
			x.Trunk = 0
			accepted = append(accepted, x)
		}
		duplicate, refused, rest, line = duplicate+len(b.Duplicates), refused+int(b.Refused), rest[n:], line+n
	}
	for i := range whole.Records {
		whole.Records[i].Trunk = 0
	}
	if !slices.Equal(accepted, whole.Records) || duplicate != len(whole.Duplicates) || refused != int(whole.Refused) {
		t.Fatalf("in parts %d accepted, %d duplicate, %d refused; whole %d, %d, %d", len(accepted), duplicate, refused,
			len(whole.Records), len(whole.Duplicates), whole.Refused)
	}
}

func TestOriginsThatAreNoNumberAreWithheld(t *testing.T) {
	for _, origin := range []string{"", "anonymous", "0301234", "12345678901234567890", "+", `"a, b"`} {
		b := read(t, strings.Replace(good, "4930111", origin, 1))
		if len(b.Records) != 1 || b.Records[0].Origin != usage.Withheld {
			t.Errorf("%q: %+v", origin, b)
		}
	}
	// A withheld number is content: under one id it may not change.
	b := read(t, strings.Replace(good, "4930111", "anonymous", 1)+strings.Replace(good, "4930111", "unknown", 1))
	if len(b.Rejects) != 1 || b.Rejects[0].Code != CodeSameID {
		t.Errorf("%+v", b)
	}
}

func TestThePairIsThatOfTheFirstGoodRow(t *testing.T) {
	b := read(t, "x,1,bad,2026-11-02T00:00:03Z,1,success,CHARLIE,DELTA,T\n"+strings.Replace(good, "ALPHA,BRAVO", "ZULU,BRAVO", 1)+good)
	if b.Pair != (usage.Pair{"BRAVO", "ZULU"}) || len(b.Records) != 1 || b.Records[0].Way != usage.Back || b.Refused != 2 {
		t.Fatalf("%+v", b)
	}
}

func TestRejectsBeyondTheLimitAreCounted(t *testing.T) {
	b, err := ReadUsage(strings.NewReader(UsageHeader+"\n"+strings.Repeat("bad\n", 10)+good), Options{MaxRejects: 3})
	if err != nil || len(b.Rejects) != 3 || b.Refused != 10 || b.Read != 11 || len(b.Records) != 1 {
		t.Fatalf("%+v, %v", b, err)
	}
}

func TestFilesThatCannotBeReadAreRefused(t *testing.T) {
	var z bytes.Buffer
	w := gzip.NewWriter(&z)
	io.WriteString(w, UsageHeader+"\n"+strings.Repeat(good, 1000))
	w.Close()
	for name, c := range map[string]struct {
		file io.Reader
		code fault.Code
	}{
		"empty":             {strings.NewReader(""), CodeBadHeader},
		"another header":    {strings.NewReader("a,b,c\n" + good), CodeBadHeader},
		"a rate sheet":      {strings.NewReader(SheetHeader + "\n"), CodeBadHeader},
		"no header":         {strings.NewReader(good), CodeBadHeader},
		"truncated gzip":    {bytes.NewReader(z.Bytes()[:z.Len()-6]), CodeUnreadable},
		"damaged gzip":      {bytes.NewReader(append(z.Bytes()[:20:20], 1, 2, 3)), CodeUnreadable},
		"a gzip of nothing": {bytes.NewReader(z.Bytes()[:2]), CodeUnreadable},
		"a disk that fails": {io.MultiReader(strings.NewReader(UsageHeader+"\n"+good), failing{}), CodeUnreadable},
	} {
		b, err := ReadUsage(c.file, Options{})
		if fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v; want code %s", name, err, c.code)
		}
		if name == "truncated gzip" && (len(b.Records) != 1 || b.Read == 0) {
			t.Errorf("%s: the rows before the break are lost: %+v", name, b)
		}
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("input/output error") }

func TestTimesAreReadLikeTheStandardLibraryDoes(t *testing.T) {
	var c clock
	for _, s := range []string{
		"2026-11-02T00:00:03.232Z", "2026-11-02T00:00:03Z", "2026-11-02T00:00:03.2Z", "2026-11-02T00:00:03.123456789Z", "2026-11-02T23:59:59.9999+05:30",
		"2026-11-02T00:00:00-00:00", "2024-02-29T12:00:00Z", "2000-02-29T00:00:00Z", "1969-12-31T23:59:59.9Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
		"1900-03-01T00:00:00Z", "2026-12-31T23:59:59.001-23:59",
	} {
		want, err := time.Parse(time.RFC3339Nano, s)
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := c.read([]byte(s)); !ok || got != want.UnixMilli() {
			t.Errorf("%s is %d, %v; want %d", s, got, ok, want.UnixMilli())
		}
	}
	for _, s := range []string{
		"", "2026-11-02", "2026-11-02 00:00:03Z", "2026-11-02T00:00:03", "2026-11-02T24:00:00Z", "2026-11-02T00:60:00Z", "2026-11-02T00:00:60Z", "2026-13-01T00:00:00Z",
		"2026-00-01T00:00:00Z", "2026-04-31T00:00:00Z", "2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z", "2026-02-30T00:00:00Z", "2026-11-00T00:00:00Z", "0000-01-01T00:00:00Z",
		"2026-11-02T00:00:03.Z", "2026-11-02T00:00:03.0123456789Z", "2026-11-02T00:00:03,5Z", "2026-11-02T00:00:03+0100", "2026-11-02T00:00:03+24:00", "2026-11-02T00:00:03+01:60",
		"2026-11-02T00:00:03ZZ", "2026-11-02T00:00:03.5", "2026/11/02T00:00:03Z", "2026-11-02T0:00:03ZZ", "+026-11-02T00:00:03Z", "2026-11-02T00:00:03+01:00Z",
	} {
		if got, ok := c.read([]byte(s)); ok {
			t.Errorf("%q was taken for %d", s, got)
		}
	}
}

func TestASheetIsReadOrRefusedAsAWhole(t *testing.T) {
	const row = "Germany,49,0.040727887,USD,60,1,1,2026-10-02T00:00:00Z,2027-11-02T00:00:00Z\n"
	s, rejects, err := ReadSheet(strings.NewReader("\xef\xbb\xbf" + strings.ReplaceAll(SheetHeader+"\n"+row+"\"Germany, \"\"mobile\"\"\",491,1,EUR,1,0,5,2026-10-02T00:00:00+02:00,\n", "\n", "\r\n")))
	if err != nil || len(rejects) > 0 || s.Len() != 2 {
		t.Fatal(s, rejects, err)
	}
	if r := s.Row(1); r.Destination != `Germany, "mobile"` || r.ValidTo != rating.Open || r.Rate != 1_000_000_000 || r.ValidFrom != 1_790_892_000_000 {
		t.Fatalf("%+v", r)
	}
	var out bytes.Buffer
	if err := WriteSheet(&out, s.Rows()); err != nil {
		t.Fatal(err)
	}
	if again, _, err := ReadSheet(&out); err != nil || again.Root() != s.Root() {
		t.Fatal("writing and reading changed the sheet", err)
	}
	for name, c := range map[string]struct {
		row, field string
		code       fault.Code
	}{
		"unknown currency":      {"Germany,491,1,UDS,60,1,1,2026-10-02T00:00:00Z,", "currency", money.CodeUnknownCurrency},
		"negative rate":         {"Germany,491,-1,USD,60,1,1,2026-10-02T00:00:00Z,", "rate", rating.CodeBadRow},
		"ten places":            {"Germany,491,0.0000000001,USD,60,1,1,2026-10-02T00:00:00Z,", "rate", money.CodeNotDecimal},
		"rate with exponent":    {"Germany,491,1e-3,USD,60,1,1,2026-10-02T00:00:00Z,", "rate", money.CodeNotDecimal},
		"no unit":               {"Germany,491,1,USD,0,1,1,2026-10-02T00:00:00Z,", "unit_seconds", rating.CodeBadRow},
		"no increment":          {"Germany,491,1,USD,60,1,0,2026-10-02T00:00:00Z,", "increment_seconds", rating.CodeBadRow},
		"minimum is no number":  {"Germany,491,1,USD,60,one,1,2026-10-02T00:00:00Z,", "minimum_seconds", CodeBadField},
		"no valid_from":         {"Germany,491,1,USD,60,1,1,,", "valid_from", CodeBadTime},
		"valid_to is no time":   {"Germany,491,1,USD,60,1,1,2026-10-02T00:00:00Z,never", "valid_to", CodeBadTime},
		"ends before it begins": {"Germany,491,1,USD,60,1,1,2026-10-02T00:00:00Z,2026-10-01T00:00:00Z", "valid_to", rating.CodeBadRow},
		"no prefix":             {"Germany,,1,USD,60,1,1,2026-10-02T00:00:00Z,", "prefix", rating.CodeBadRow},
		"fields are missing":    {"Germany,491,1", "", CodeColumns},
	} {
		s, rejects, err := ReadSheet(strings.NewReader(SheetHeader + "\n" + row + c.row + "\n" + "also,bad\n"))
		if s != nil || fault.CodeOf(err) != CodeSheetRefused || len(rejects) != 2 || rejects[0].Line != 3 || rejects[0].Field != c.field || rejects[0].Code != c.code || rejects[1].Line != 4 {
			t.Errorf("%s: %v, %+v, %v", name, s, rejects, err)
		}
	}
	_, _, err = ReadSheet(strings.NewReader(SheetHeader + "\n" + row + row))
	if fault.CodeOf(err) != rating.CodeSameStart || !strings.Contains(err.Error(), "lines 2 and 3") {
		t.Errorf("twice the same row: %v", err)
	}
	_, _, err = ReadSheet(strings.NewReader(SheetHeader + "\n" + row + strings.Replace(row, "2026-10-02", "2026-12-02", 1)))
	if fault.CodeOf(err) != rating.CodeOverlap || !strings.Contains(err.Error(), "lines 2 and 3") {
		t.Errorf("overlapping rows: %v", err)
	}
}

func TestOrdersNameTheirPrefixes(t *testing.T) {
	if s, err := (Line{}).Spec(nil); err != nil || !s.Metered || s.Line != Name {
		t.Error(s, err)
	}
	if s, err := (Line{}).Spec(Termination{Prefixes: []string{"33", "49"}}.Encode()); err != nil || !s.Scope.Covers("4930") || s.Scope.Covers("4420") {
		t.Error(s, err)
	}
	for _, p := range [][]string{{"49", "33"}, {"49", "49"}, {""}, {"x"}, {"+49"}} {
		if s, err := (Line{}).Spec(Termination{Prefixes: p}.Encode()); err == nil {
			t.Errorf("%v gave %+v", p, s)
		}
	}
	if _, err := (Line{}).Spec([]byte("{}")); fault.CodeOf(err) != fault.Invalid {
		t.Error(err)
	}
}

func FuzzReadUsage(f *testing.F) {
	f.Add([]byte(UsageHeader + "\n" + good + good))
	f.Add([]byte(UsageHeader + "\r\n\"c,1\",,+4915112,2026-11-02T00:00:03.232+01:00,0,rna,A,B,\"\"\"\"\r\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, _ := ReadUsage(bytes.NewReader(data), Options{})
		if uint64(len(b.Records)+len(b.Duplicates))+b.Refused != b.Read {
			t.Fatalf("read %d = %d + %d + %d does not hold", b.Read, len(b.Records), len(b.Duplicates), b.Refused)
		}
		for _, r := range b.Records {
			if r.Destination == 0 || int(r.Trunk) >= len(b.Trunks) || r.Way > usage.Back || b.Pair[0] >= b.Pair[1] {
				t.Fatalf("%+v", r)
			}
		}
	})
}

func FuzzReadSheet(f *testing.F) {
	f.Add([]byte(SheetHeader + "\nGermany,49,0.040727887,USD,60,1,1,2026-10-02T00:00:00Z,\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, _, err := ReadSheet(bytes.NewReader(data))
		if (s == nil) == (err == nil) {
			t.Fatal(s, err)
		}
		if s == nil {
			return
		}
		var out bytes.Buffer
		if err := WriteSheet(&out, s.Rows()); err != nil {
			t.Fatal(err)
		}
		if again, _, err := ReadSheet(&out); err != nil || again.Root() != s.Root() {
			t.Fatal("writing and reading changed the sheet", err)
		}
	})
}

func FuzzClock(f *testing.F) {
	f.Add("2026-11-02T00:00:03.232Z")
	f.Add("2026-11-02T00:00:03+01:00")
	f.Fuzz(func(t *testing.T, s string) {
		var c clock
		got, ok := c.read([]byte(s))
		if !ok {
			return
		}
		want, err := time.Parse(time.RFC3339Nano, strings.ToUpper(s))
		if err != nil || want.UnixMilli() != got {
			t.Fatalf("%q is %d; the standard library says %v, %v", s, got, want, err)
		}
	})
}

// The buyer writes an order's payload. It asks for what it says, or is refused.
func FuzzSpec(f *testing.F) {
	f.Add([]byte{})
	f.Add(Termination{}.Encode())
	f.Add(Termination{Prefixes: []string{"49", "4930", "5"}}.Encode())
	f.Add(Termination{Prefixes: []string{"5", "49"}}.Encode())
	f.Add(Termination{Prefixes: []string{"+49", ""}}.Encode())
	f.Fuzz(func(t *testing.T, payload []byte) {
		s, err := Line{}.Spec(payload)
		again, errAgain := Line{}.Spec(bytes.Clone(payload))
		if !reflect.DeepEqual(s, again) || (err == nil) != (errAgain == nil) {
			t.Fatalf("the same payload asks for %+v and %+v", s, again)
		}
		if err != nil {
			if fault.CodeOf(err) != fault.Invalid {
				t.Fatalf("code of %v", err)
			}
			return
		}
		if len(payload) > 0 && !bytes.Equal(Termination{s.Scope}.Encode(), payload) {
			t.Fatalf("the scope %q says something else than the payload", s.Scope)
		}
		if !slices.IsSorted(s.Scope) || s.Line != Name || !s.Metered {
			t.Fatalf("taken: %+v", s)
		}
	})
}

func TestASheetMayHaveTheRarerColumnsInAnyOrder(t *testing.T) {
	text := SheetHeader + ",zone,days,from_time,to_time,connect_fee,blocked,origin_prefix\n" +
		"Germany,49,0.01,USD,60,1,1,2026-10-01T00:00:00Z,,Europe/Berlin,mon-fri,08:00,20:00,0.005,no,4420\n" +
		"Germany,49,0.02,USD,60,1,1,2026-10-01T00:00:00Z,,,,,,,,\n" +
		"Satellite,8816,0,USD,60,1,1,2026-10-01T00:00:00Z,,,,,,,yes,\n" +
		"Weekend,44,0.01,USD,60,1,1,2026-10-01T00:00:00Z,,UTC,sat+sun,,,,,\n" +
		"Night,33,0.01,USD,60,1,1,2026-10-01T00:00:00Z,,,,20:00,08:00,,,\n" +
		"Always,1,0.01,USD,60,1,1,2026-10-01T00:00:00Z,,,mon-sun,00:00,24:00,,,\n"
	s, rejects, err := ReadSheet(strings.NewReader(text))
	if err != nil || len(rejects) > 0 {
		t.Fatal(rejects, err)
	}
	got := map[string]string{}
	for _, r := range s.Rows() {
		got[r.Prefix+" "+r.OriginPrefix] = fmt.Sprint(r.Band, " ", r.ConnectFee, " ", r.Blocked)
	}
	for key, want := range map[string]string{
		"49 4420": "mon-fri 08:00-20:00 Europe/Berlin 0.005000000 false", "49 ": "always 0.000000000 false", "8816 ": "always 0.000000000 true",
		"44 ": "sat+sun 00:00-24:00 UTC 0.000000000 false", "33 ": "mon-sun 20:00-08:00 UTC 0.000000000 false", "1 ": "always 0.000000000 false",
	} {
		if got[key] != want {
			t.Errorf("row %s is %q, want %q", key, got[key], want)
		}
	}
	// What is written is read again, and a plain sheet has its nine columns.
	var out bytes.Buffer
	if err := WriteSheet(&out, s.Rows()); err != nil {
		t.Fatal(err)
	}
	again, _, err := ReadSheet(bytes.NewReader(out.Bytes()))
	if err != nil || again.Root() != s.Root() {
		t.Fatalf("%v: read again, the sheet has another root", err)
	}
	out.Reset()
	if err := WriteSheet(&out, s.Rows()[:1]); err != nil || !strings.HasPrefix(out.String(), SheetHeader+"\n") {
		t.Errorf("a plain sheet begins with %.120q", out.String())
	}
}

func TestABadRarerFieldNamesItsColumn(t *testing.T) {
	for name, c := range map[string]struct {
		columns, fields, field string
		code                   fault.Code
	}{
		"a day that does not exist":    {"days", "moon", "days", usage.CodeBadBand},
		"a time of no day":             {"from_time,to_time", "08:00,25:00", "to_time", usage.CodeBadBand},
		"a beginning without an end":   {"from_time", "08:00", "to_time", CodeBadField},
		"a zone that does not exist":   {"days,zone", "mon,Mars/Base", "zone", usage.CodeUnknownZone},
		"a fee that is no number":      {"connect_fee", "free", "connect_fee", money.CodeNotDecimal},
		"a negative fee":               {"connect_fee", "-1", "connect_fee", rating.CodeBadRow},
		"an origin with a plus":        {"origin_prefix", "+44", "origin_prefix", rating.CodeBadRow},
		"blocked is neither yes or no": {"blocked", "maybe", "blocked", CodeBadField},
		"blocked with a price":         {"blocked", "yes", "blocked", rating.CodeBadRow},
	} {
		t.Run(name, func(t *testing.T) {
			_, rejects, _ := ReadSheet(strings.NewReader(SheetHeader + "," + c.columns + "\nGermany,49,0.01,USD,60,1,1,2026-10-01T00:00:00Z,," + c.fields + "\n"))
			if len(rejects) != 1 || rejects[0].Field != c.field || rejects[0].Code != c.code || rejects[0].Line != 2 {
				t.Fatalf("%+v; want %s in %s", rejects, c.code, c.field)
			}
		})
	}
	for _, header := range []string{",colour", ",days,days", ",Days"} {
		if _, _, err := ReadSheet(strings.NewReader(SheetHeader + header + "\n")); fault.CodeOf(err) != CodeBadHeader {
			t.Errorf("the header with %q: %v", header, err)
		}
	}
}
