package voice

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/usage"
)

// In each format a row is put right by the number as it was written and by its
// trunk; what stays refused is kept as it was written.
func TestRowsArePutRightInEachFormat(t *testing.T) {
	by := agreement.Readings{{Normalisations: []agreement.Normalisation{
		{Carrier: "ALPHA", Kind: agreement.NormaliseNumber, Strip: "00"}, {Carrier: "ALPHA", Trunk: "T1", Kind: agreement.NormaliseNumber, Strip: "49", Add: "33"},
		{Carrier: "ALPHA", Trunk: "T2", Kind: agreement.NormaliseClock, Offset: 1000},
	}}}
	const at = "2026-11-02T00:00:03Z"
	var csv, lines strings.Builder
	csv.WriteString(UsageHeader + "\n")
	for i, r := range [][2]string{{"004930123456", "T1"}, {"4930123456", "T1"}, {"4930123456", "T2"}, {"004930123456", "T2"}, {"030123456", "T2"}, {"x", "T1"}} {
		fmt.Fprintf(&csv, "c%d,,%s,%s,%d,success,ALPHA,BRAVO,%s\n", i, r[0], at, 1000+i, r[1])
		fmt.Fprintf(&lines, `{"call_id":"c%d","originating_number":"","destination_number":%q,"start_time":%q,"duration_ms":%d,"result":"success","carrier_from":"ALPHA","carrier_to":"BRAVO","trunk":%q}`+"\n", i, r[0], at, 1000+i, r[1])
	}
	table := tableOf(t, csv.String())
	// A plus sign says that a number is international: no rule for digits is for it.
	plus := strings.Replace(csv.String(), "c1,,49", "c1,,+49", 1)
	for name, file := range map[string][]byte{
		"CSV": []byte(csv.String()), "quoted CSV": []byte(strings.ReplaceAll(csv.String(), ",ALPHA,", `,"ALPHA",`)), "JSON lines": []byte(lines.String()),
		"Parquet": table, "with a plus sign": []byte(plus),
	} {
		f := NewFiles(Options{Pair: usage.Pair{"ALPHA", "BRAVO"}})
		b, err := f.Read(bytes.NewReader(file), name, "", by)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, r := range b.Records {
			got = append(got, fmt.Sprintf("%s %d", r.Destination, r.Start%60_000))
		}
		second := "3330123456"
		if name == "with a plus sign" {
			second = "4930123456"
		}
		if strings.Join(got, ", ") != "4930123456 3000, "+second+" 3000, 4930123456 2000, 4930123456 2000" || b.Refused != 2 {
			t.Errorf("%s: %v, %d refused: %+v", name, got, b.Refused, b.Rejects)
		}
		if len(b.Odd) != 2 || b.Odd[0].Written != "030123456" || b.Odd[0].Trunk != "T2" || b.Odd[1].Written != "x" || b.Odd[1].Duration != 1005 {
			t.Errorf("%s: %+v", name, b.Odd)
		}
	}
}
