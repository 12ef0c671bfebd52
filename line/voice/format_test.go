package voice

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/usage"
)

// format gives a format by name or text, with some lines of a profile replaced.
func formatOf(t testing.TB, nameOrText string, replace ...string) *Format {
	t.Helper()
	if len(replace) > 0 {
		text, err := ProfileText(nameOrText)
		if err != nil {
			t.Fatal(err)
		}
		nameOrText = strings.NewReplacer(replace...).Replace(text)
		if strings.Contains(nameOrText, "\nformat: ") == false {
			t.Fatal("no profile is left")
		}
	}
	f, err := ParseFormat(nameOrText)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// converted gives the rows of our own CSV that a file is converted to.
func converted(t testing.TB, f *Format, zone, file string) (string, Converted) {
	t.Helper()
	z, err := ParseZone(zone)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	c, err := Convert(strings.NewReader(file), f, z, NewCSVWriter(&out), nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Read != c.Written+c.Rejected {
		t.Errorf("read %d = %d + %d does not hold", c.Read, c.Written, c.Rejected)
	}
	text, ok := strings.CutPrefix(out.String(), UsageHeader+"\n")
	if !ok {
		t.Fatalf("no header: %q", out.String())
	}
	return text, c
}

func TestAsteriskMasterIsRead(t *testing.T) {
	file := `"acc","4930111","4420222","from-trunk","""Bob, jr"" <4930111>","PJSIP/alpha-0000001a","PJSIP/bravo-0000001b","Dial","PJSIP/4420222@bravo,30","2026-11-02 10:00:00","2026-11-02 10:00:05","2026-11-02 10:01:05",65,60,"ANSWERED","DOCUMENTATION","1793610000.26",""` + "\n" +
		`"","anonymous","4420223","from-trunk","","PJSIP/alpha-0000001c","PJSIP/bravo-0000001d","Dial","","2026-11-02 10:00:00",,"2026-11-02 10:00:20",20,0,"NO ANSWER","DOCUMENTATION","1793610000.28"` + "\n" +
		`"","1","4420223","x","","SIP/bravo-0000001c","SIP/alpha-0000001d","Dial","","2026-11-02 10:00:00","","2026-11-02 10:00:20",20,0,"FAILED","DOCUMENTATION","1793610000.29",""` + "\n" +
		`"","1","4420223","x","","SIP/bravo-0000001c","SIP/alpha-0000001d","Dial","","2026-02-30 10:00:00","","2026-11-02 10:00:20",20,0,"FAILED","DOCUMENTATION","1793610000.30",""` + "\n" +
		`"","1","4420223"` + "\n" +
		`"","1","4420223","x","a"b","SIP/bravo-0000001c","SIP/alpha-0000001d","Dial","","2026-02-20 10:00:00","","2026-11-02 10:00:20",20,0,"FAILED","DOCUMENTATION","1793610000.30",""` + "\n"
	got, c := converted(t, formatOf(t, "asterisk"), "Europe/Berlin", file)
	want := "1793610000.26,4930111,4420222,2026-11-02T09:00:05.000Z,60000,success,ALPHA,BRAVO,PJSIP/bravo\n" +
		"1793610000.28,anonymous,4420223,2026-11-02T09:00:00.000Z,0,rna,ALPHA,BRAVO,PJSIP/bravo\n" +
		"1793610000.29,1,4420223,2026-11-02T09:00:00.000Z,0,fail,BRAVO,ALPHA,SIP/alpha\n"
	if got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
	reasons := ""
	for _, r := range c.Rejects {
		reasons += fmt.Sprintf("%d %s %s\n", r.Line, r.Field, r.Code)
	}
	if want := "4 start_time bad-time\n5  wrong-number-of-fields\n6  bad-quotes\n"; reasons != want {
		t.Errorf("rejected:\n%swant\n%s", reasons, want)
	}
	// Without a zone nobody knows when the calls were.
	if got, c := converted(t, formatOf(t, "asterisk"), "", file); got != "" || !strings.Contains(c.Rejects[0].Detail, "--zone") {
		t.Errorf("without a zone: %q, %+v", got, c.Rejects)
	}
}

func TestCarriersFollowFromNamesAndRules(t *testing.T) {
	row := func(channel, dst string) string {
		return `"","1","4420223","ctx","","` + channel + `","` + dst + `","Dial","","2026-11-02 10:00:00","","2026-11-02 10:00:20",20,0,"FAILED","D","` + channel + `",""` + "\n"
	}
	names := formatOf(t, "asterisk",
		`carrier_from: {field: channel, pattern: '^[^/]+/([A-Za-z0-9]+)(?:-[0-9a-f]+)?$', upper: true}`, `carrier_from: {field: channel, pattern: '^[^/]+/(.+)-[0-9a-f]+$', names: {bravo-gw1: BRAVO, bravo-gw2: BRAVO}, default: ALPHA}`,
		`carrier_to: {field: dstchannel, pattern: '^[^/]+/([A-Za-z0-9]+)(?:-[0-9a-f]+)?$', upper: true}`, `carrier_to: {field: dstchannel, pattern: '^[^/]+/(.+)-[0-9a-f]+$', names: {bravo-gw1: BRAVO, bravo-gw2: BRAVO}, default: ALPHA}`)
	rules := formatOf(t, "asterisk", "# Or rules,", "carriers:\n  - {field: dstchannel, prefix: PJSIP/bravo-, from: ALPHA, to: BRAVO}\n  - {field: channel, pattern: '^PJSIP/([a-z]+)-gw2', from: BRAVO, to: ALPHA}\n# Or rules,")
	for name, f := range map[string]*Format{"names": names, "rules": rules} {
		got, _ := converted(t, f, "UTC", row("PJSIP/bravo-gw2-0000001a", "PJSIP/core-0000001b")+row("PJSIP/core-0000001c", "PJSIP/bravo-gw1-0000001d"))
		if !strings.Contains(got, ",BRAVO,ALPHA,") || !strings.Contains(got, ",ALPHA,BRAVO,") || strings.Count(got, "\n") != 2 {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestFreeSWITCHTemplateIsRead(t *testing.T) {
	got, c := converted(t, formatOf(t, "freeswitch"), "UTC",
		`"Bob","+4930111","4420222","default","2026-11-02 10:00:00","2026-11-02 10:00:05","2026-11-02 10:01:05","65","60","NORMAL_CLEARING","7a1b","8c2d","ALPHA>BRAVO","PCMA","PCMA"`+"\n"+
			`"Bob","4930111","4420222","default","2026-11-02 10:00:00","","2026-11-02 10:01:05","65","0","ORIGINATOR_CANCEL","7a1c","", "BRAVO>ALPHA"`+"\n"+
			`"Bob","4930111","4420222","default","2026-11-02 10:00:00","","2026-11-02 10:01:05","65","0","CALL_REJECTED","7a1d","","BRAVO>ALPHA","PCMA","PCMA"`+"\n"+
			`"Bob","4930111","4420222","default","2026-11-02 10:00:00","","2026-11-02 10:01:05","65","0","CALL_REJECTED","7a1e","","1000","PCMA","PCMA"`+"\n")
	want := "7a1b,4930111,4420222,2026-11-02T10:00:05.000Z,60000,success,ALPHA,BRAVO,default\n" +
		"7a1c,4930111,4420222,2026-11-02T10:00:00.000Z,0,rna,BRAVO,ALPHA,default\n" +
		"7a1d,4930111,4420222,2026-11-02T10:00:00.000Z,0,fail,BRAVO,ALPHA,default\n"
	if got != want || c.Rejected != 1 || c.Rejects[0].Field != "accountcode" {
		t.Errorf("%s\nwant\n%s\n%+v", got, want, c)
	}
}

func TestKamailioTransactionsBecomeCalls(t *testing.T) {
	f := formatOf(t, "kamailio", "carrier_from: {field: src_ip}", "carrier_from: {field: src_ip, names: {192.0.2.10: BRAVO}, default: ALPHA}",
		"carrier_to: {field: dst_domain}", "carrier_to: {field: dst_domain, names: {gw.bravo.example: BRAVO}, default: ALPHA}")
	csv := `id,method,from_tag,to_tag,callid,sip_code,sip_reason,time,src_user,dst_user,dst_domain,src_ip
1,INVITE,a,b,c1@x,407,Proxy Authentication Required,2026-11-02 10:00:00,4930111,4420222,gw.bravo.example,192.0.2.1
2,INVITE,a,b,c1@x,200,OK,2026-11-02 10:00:01,4930111,4420222,gw.bravo.example,192.0.2.1
3,INVITE,a,b,c2@x,486,Busy Here,2026-11-02 10:00:02,4930111,4420223,sw.alpha.example,192.0.2.10
4,ACK,a,b,c1@x,200,OK,2026-11-02 10:00:02,4930111,4420222,gw.bravo.example,192.0.2.1
5,INVITE,a,b,c3@x,200,OK,2026-11-02 10:00:03,4930111,4420224,gw.bravo.example,192.0.2.1
6,BYE,a,b,c1@x,200,OK,2026-11-02 10:01:01,4930111,4420222,gw.bravo.example,192.0.2.1
7,BYE,a,b,c9@x,200,OK,2026-11-02 10:01:01,4930111,4420222,gw.bravo.example,192.0.2.1
`
	text := `id(int,auto) method(string) callid(string) sip_code(string) sip_reason(string) time(int) src_user(string) dst_user(string) dst_domain(string) src_ip(string)
1:INVITE:c1@x:407:Proxy Authentication Required:1793613600:4930111:4420222:gw.bravo.example:192.0.2.1
2:INVITE:c1@x:200:OK\: fine:1793613601:4930111:4420222:gw.bravo.example:192.0.2.1
3:INVITE:c2@x:486:Busy Here:1793613602:4930111:4420223:sw.alpha.example:192.0.2.10
4:ACK:c1@x:200:OK:1793613602:4930111:4420222:gw.bravo.example:192.0.2.1
5:INVITE:c3@x:200:OK:1793613603:4930111:4420224:gw.bravo.example:192.0.2.1
6:BYE:c1@x:200:OK:1793613661:4930111:4420222:gw.bravo.example:192.0.2.1
7:BYE:c9@x:200:OK:1793613661:4930111:4420222:gw.bravo.example:192.0.2.1
`
	want := "c2@x,4930111,4420223,2026-11-02T10:00:02.000Z,0,rna,BRAVO,ALPHA,192.0.2.10\n" +
		"c1@x,4930111,4420222,2026-11-02T10:00:01.000Z,60000,success,ALPHA,BRAVO,192.0.2.1\n"
	for name, file := range map[string]string{"csv": csv, "db_text": text} {
		got, c := converted(t, f, "UTC", file)
		if got != want {
			t.Errorf("%s: %s\nwant\n%s", name, got, want)
		}
		if c.Read != 4 || c.Skipped != 2 || c.Rejected != 2 || c.Rejects[0].Line != 8 || c.Rejects[1].Line != 6 {
			t.Errorf("%s: %+v", name, c)
		}
	}
}

func TestJSONLinesAreReadWithoutAName(t *testing.T) {
	got, c := converted(t, nil, "",
		`{"call_id":"c1","originating_number":"+4930111","destination_number":4420222,"start_time":"2026-11-02T10:00:00.5Z","duration_ms":60000,"result":"success","carrier_from":"ALPHA","carrier_to":"BRAVO","trunk":"a\"b,\u00e9"}`+"\n"+
			`  {"trunk":null, "more":{"trunk":"x","deep":[1,{"call_id":2}]}, "call_id":"c2", "destination_number":"0049", "start_time":"2026-11-02T10:00:00Z","duration_ms":0,"result":"rna","carrier_from":"ALPHA","carrier_to":"BRAVO"}`+"\r\n"+
			`{"call_id":"c3"`+"\n"+`{"call_id":"c3"} x`+"\n"+`[1]`+"\n"+
			`{"call_id":"c4","destination_number":"49","start_time":"2026-11-02T10:00:00Z","duration_ms":-1,"result":"rna","carrier_from":"ALPHA","carrier_to":"BRAVO"}`+"\n")
	want := `c1,4930111,4420222,2026-11-02T10:00:00.500Z,60000,success,ALPHA,BRAVO,"a""b,é"` + "\n" + `c2,,0049,2026-11-02T10:00:00.000Z,0,rna,ALPHA,BRAVO,` + "\n"
	if got != want || c.Numbers != 1 || c.Rejected != 4 || c.Rejects[0].Code != CodeBadJSON || c.Rejects[3].Field != "duration_ms" {
		t.Errorf("%s\nwant\n%s\n%+v", got, want, c)
	}
	// What is inside another object is named with a dot.
	inner := formatOf(t, "jsonl", "{field: trunk}", "{field: more.trunk}")
	if got, _ := converted(t, inner, "", `{"more":{"no":{"trunk":"y"},"trunk":"x"},"call_id":"c2","destination_number":"49","start_time":"2026-11-02T10:00:00Z","duration_ms":0,"result":"rna","carrier_from":"ALPHA","carrier_to":"BRAVO"}`); !strings.HasSuffix(got, ",x\n") {
		t.Error(got)
	}
}

func TestEveryProfileIsReadBackFromItsText(t *testing.T) {
	for _, name := range Profiles() {
		f := formatOf(t, name)
		again, err := ParseFormat(f.Text())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if again.Text() != f.Text() {
			t.Errorf("%s: %s\nis not\n%s", name, again.Text(), f.Text())
		}
		in, err := ParseFormat(name + " in Europe/Berlin")
		if err != nil || in.Zone().String() != "Europe/Berlin" {
			t.Error(name, in, err)
			continue
		}
		if again, err := ParseFormat(in.Text()); err != nil || again.Zone().String() != "Europe/Berlin" {
			t.Errorf("%s: the zone is lost in %s, %v", name, in.Text(), err)
		}
	}
	if f, err := ParseFormat(" in Europe/Berlin"); err != nil || f.Zone().String() != "Europe/Berlin" {
		t.Error(f, err)
	}
}

func TestProfilesThatCannotBeUsedAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		replace [2]string
		field   string
	}{
		"an unknown key":         {[2]string{"call_id:", "callid:"}, ""},
		"no format":              {[2]string{"format: csv", "format: xml"}, "format"},
		"a field of no column":   {[2]string{"{field: uniqueid}", "{field: unique}"}, "columns"},
		"a bad pattern":          {[2]string{"'^(.+?)(?:-[0-9a-f]+)?$'", "'('"}, "trunk"},
		"a bad time":             {[2]string{"%H:%M:%S", "%H:%M"}, "start"},
		"an unknown unit":        {[2]string{"unit: s", "unit: h"}, "duration"},
		"a text with two values": {[2]string{"[FAILED, CONGESTION]", "[FAILED, ANSWERED]"}, "result"},
		"too many missing":       {[2]string{"missing: 1", "missing: 18"}, "missing"},
		"no id":                  {[2]string{"call_id: {field: uniqueid}", ""}, "call_id"},
	} {
		text, _ := ProfileText("asterisk")
		text = strings.Replace(text, c.replace[0], c.replace[1], 1)
		if _, err := ParseFormat(text); fault.CodeOf(err) != CodeBadProfile || fault.Of(err).Field != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := ParseFormat("cisco"); fault.CodeOf(err) != CodeBadProfile || fault.Of(err).Field != "format" {
		t.Error(err)
	}
	if _, err := ParseFormat("asterisk in Atlantis"); fault.CodeOf(err) != usage.CodeUnknownZone {
		t.Error(err)
	}
}

func TestTimesAndDurationsOfOtherSystems(t *testing.T) {
	for _, c := range []struct {
		format, text string
		want         int64 // -1: refused
	}{
		{"%Y-%m-%d %H:%M:%S", "2026-11-02 10:00:00", 1793613600000},
		{"%Y-%m-%d %H:%M:%S", "2026-11-02 10:00:00.25", 1793613600250},
		{"%d.%m.%Y %H:%M:%S,%f", "02.11.2026 10:00:00,5", 1793613600500},
		{"%Y%m%d%H%M%S%z", "20261102110000+0100", 1793613600000},
		{"%Y%m%d%H%M%S%z", "20261102110000+01:00", 1793613600000},
		{"%Y-%m-%d %H:%M:%S", "2026-02-30 10:00:00", -1},
		{"%Y-%m-%d %H:%M:%S", "2026-11-02 24:00:00", -1},
		{"%Y-%m-%d %H:%M:%S", "2026-11-02 10:00", -1},
		{"%Y-%m-%d %H:%M:%S", "2026-11-02 10:00:00 ", -1},
	} {
		got, ok := stamp(c.format, []byte(c.text), mustZone(t, "UTC"))
		if !ok {
			got = -1
		}
		if got != c.want {
			t.Errorf("%q by %q is %d, want %d", c.text, c.format, got, c.want)
		}
	}
	// The clock is put forward over half past two, and shows it twice in October.
	berlin := mustZone(t, "Europe/Berlin")
	if _, ok := stamp("%Y-%m-%d %H:%M:%S", []byte("2026-03-29 02:30:00"), berlin); ok {
		t.Error("a time that no clock showed was taken")
	}
	if got, _ := stamp("%Y-%m-%d %H:%M:%S", []byte("2026-10-25 02:30:00"), berlin); got != 1792888200000 {
		t.Error(got)
	}
	for _, c := range []struct {
		text, unit string
		want       int64
	}{
		{"60", "s", 60000}, {"60.25", "s", 60250}, {"60,2", "s", 60200}, {"1500", "ms", 1500}, {"1500999", "us", 1500}, {"1:02:03", "hms", 3723000}, {"02:03", "hms", 123000},
		{"-1", "s", -1}, {"", "s", -1}, {"1e3", "s", -1}, {"1:60", "hms", -1}, {"12", "hms", -1}, {"99999999999999999999", "s", -1}, {"9223372036854775", "s", -1},
	} {
		got, ok := quantity([]byte(c.text), c.unit)
		if !ok {
			got = -1
		}
		if got != c.want {
			t.Errorf("%q %s is %d ms, want %d", c.text, c.unit, got, c.want)
		}
	}
}

func mustZone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := ParseZone(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}
