package intent

import (
	"reflect"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/usage"
)

// at reads a moment.
func at(t testing.TB, text string) catalog.Time {
	var x catalog.Time
	if err := x.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return x
}

// Thursday, 26 November 2026, 13:00 in Rome.
func options(t testing.TB) Options {
	return Options{Zone: "Europe/Rome", Now: int64(at(t, "2026-11-26T12:00:00Z"))}
}

// told is an inquiry in few words.
func told(in catalog.Inquiry) string {
	var parts []string
	add := func(s string) { parts = append(parts, s) }
	spot := func(s catalog.Spot) string {
		if s.Neighbour != "" {
			return s.Place + "@" + string(s.Neighbour)
		}
		return s.Place
	}
	add(strings.TrimSuffix(strings.TrimPrefix(in.Type, "urn:lateral:spec:"), ":v1.0.0:all"))
	if in.Bandwidth != 0 {
		add(bandwidth(in.Bandwidth))
	}
	add(spot(in.A))
	if in.Z != (catalog.Spot{}) {
		add(spot(in.Z))
	}
	short := func(x catalog.Time) string {
		if x == 0 {
			return ""
		}
		return strings.TrimSuffix(usage.Stamp(int64(x)), ":00Z")
	}
	add(short(in.From) + ".." + short(in.To))
	if in.Latency != 0 {
		add("<" + latency(in.Latency))
	}
	if in.Availability != 0 {
		add(">" + decimal(uint64(in.Availability), 4) + "%")
	}
	if in.Ceiling != nil {
		add("<" + decimal(uint64(in.Ceiling.Micro), 6) + string(in.Ceiling.Currency))
	}
	return strings.Join(parts, " ")
}

var sentences = []struct{ text, want, assumed string }{ // assumed: the words about which something is assumed; - is what is absent
	{"100 Mbit/s Hong Kong to Milan tonight 20-22h, under 180 ms", " 100 Mbit/s HKHKG ITMIL 2026-11-26T19:00..2026-11-26T21:00 <180 ms", "180 - -"},
	{"E-Line 100 Mbit/s from Hong Kong to Milan now without end", "e-line 100 Mbit/s HKHKG ITMIL ..", ""},
	{"internet access 1 Gbit/s in Milan now permanently", "internet-access 1 Gbit/s ITMIL ..", ""},
	{"I need a 10G Ethernet line between Singapore and Tokyo for 2 hours", "e-line 10 Gbit/s SGSIN JPTYO ..2026-11-26T14:00", "10_G - 2"},
	{"VPN Frankfurt to London 50 Mbps tomorrow 9-17h", "ip-vpn 50 Mbit/s DEFRA GBLON 2026-11-27T08:00..2026-11-27T16:00", "VPN -"},
	{"Hong Kong → Milan", " HKHKG ITMIL ..", "- - -"},
	{"HKHKG ITMIL 100 Mbit/s", " 100 Mbit/s HKHKG ITMIL ..", "- -"},
	{"from HK to Milano, 2.5 Gbit/s, 99.99% availability", " 2500 Mbit/s HKHKG ITMIL .. >99.99%", "- -"},
	{"at least 99.9% at most 180 ms one way at most 500 EUR E-Line 1 Gbit/s Paris to Madrid now for 1 day", "e-line 1 Gbit/s FRPAR ESMAD ..2026-11-27T12:00 <180 ms >99.9% <500EUR", "1"},
	{"E-Line 1 Gbit/s Paris to Madrid under €500 without end", "e-line 1 Gbit/s FRPAR ESMAD .. <500EUR", "-"},
	{"E-Line 1 Gbit/s Paris to Madrid under $ 500 now without end", "e-line 1 Gbit/s FRPAR ESMAD .. <500USD", "$"},
	{"E-Line 1 Gbit/s Paris to Madrid max USD 1234.5 in total now without end", "e-line 1 Gbit/s FRPAR ESMAD .. <1234.5USD", ""},
	{"E-Line 1 Gbit/s Paris to Madrid costs at most 20 dollars now without end", "e-line 1 Gbit/s FRPAR ESMAD .. <20USD", "dollars"},
	{"ethernet 1 gig paris to madrid starting tomorrow", "e-line 1 Gbit/s FRPAR ESMAD 2026-11-26T23:00..2026-11-27T23:00", "ethernet 1_gig tomorrow -"},
	{"ethernet line 1 Gbps paris to madrid today", "e-line 1 Gbit/s FRPAR ESMAD ..2026-11-26T23:00", "today today -"},
	{"E-Line 1 Gbit/s Zürich to São Paulo on 2026-12-01 20:00-22:30", "e-line 1 Gbit/s CHZRH BRSAO 2026-12-01T19:00..2026-12-01T21:30", "-"},
	{"E-Line 1 Gbit/s Zurich to Sao Paulo 2026-12-01 at 20:00 for 90 minutes", "e-line 1 Gbit/s CHZRH BRSAO 2026-12-01T19:00..2026-12-01T20:30", "-"},
	{"E-Line 1 Gbit/s Oslo to Bergen from 2026-12-01 to 2026-12-05", "e-line 1 Gbit/s NOOSL NOBGO 2026-11-30T23:00..2026-12-05T23:00", "2026-12-01 2026-12-05 -"},
	{"E-Line 1 Gbit/s Oslo to Bergen from 1 December 20:00 until 2 December 8:00", "e-line 1 Gbit/s NOOSL NOBGO 2026-12-01T19:00..2026-12-02T07:00", "1_December 2_December -"},
	{"E-Line 1 Gbit/s Oslo to Bergen December 24 2026 18h to 23h", "e-line 1 Gbit/s NOOSL NOBGO 2026-12-24T17:00..2026-12-24T22:00", "-"},
	{"E-Line 1 Gbit/s Oslo to Bergen 24.12.2026 18h30 for 2h", "e-line 1 Gbit/s NOOSL NOBGO 2026-12-24T17:30..2026-12-24T19:30", "-"},
	{"E-Line 1 Gbit/s Oslo to Bergen 1 November 10:00 for 1 hour", "e-line 1 Gbit/s NOOSL NOBGO 2027-11-01T09:00..2027-11-01T10:00", "1_November -"},
	{"E-Line 1 Gbit/s Oslo to Bergen friday 8-10pm", "e-line 1 Gbit/s NOOSL NOBGO 2026-11-27T19:00..2026-11-27T21:00", "friday -"},
	{"E-Line 1 Gbit/s Oslo to Bergen on thursday from 8 pm to 10 pm", "e-line 1 Gbit/s NOOSL NOBGO 2026-12-03T19:00..2026-12-03T21:00", "thursday -"},
	{"E-Line 1 Gbit/s Oslo to Bergen next monday at noon for a week", "e-line 1 Gbit/s NOOSL NOBGO 2026-11-30T11:00..2026-12-07T11:00", "monday -"},
	{"E-Line 1 Gbit/s Oslo to Bergen tonight", "e-line 1 Gbit/s NOOSL NOBGO 2026-11-26T17:00..2026-11-26T23:00", "tonight tonight -"},
	{"E-Line 1 Gbit/s Oslo to Bergen tonight 22-2h", "e-line 1 Gbit/s NOOSL NOBGO 2026-11-26T21:00..2026-11-27T01:00", "22-2h -"},
	{"E-Line 1 Gbit/s Oslo to Bergen tonight 1-3h", "e-line 1 Gbit/s NOOSL NOBGO 2026-11-27T00:00..2026-11-27T02:00", "1-3h -"},
	{"E-Line 1 Gbit/s Oslo to Bergen 22-24h tonight", "e-line 1 Gbit/s NOOSL NOBGO 2026-11-26T21:00..2026-11-26T23:00", "-"},
	{"E-Line 1 Gbit/s Oslo to Bergen 20-22h", "e-line 1 Gbit/s NOOSL NOBGO 2026-11-26T19:00..2026-11-26T21:00", "20-22h -"},
	{"E-Line 1 Gbit/s Oslo to Bergen 8-10h", "e-line 1 Gbit/s NOOSL NOBGO 2026-11-27T07:00..2026-11-27T09:00", "8-10h -"},
	{"E-Line 1 Gbit/s Oslo to Bergen between 20:00 and 22:00 tomorrow", "e-line 1 Gbit/s NOOSL NOBGO 2026-11-27T19:00..2026-11-27T21:00", "20:00 -"},
	{"E-Line 1 Gbit/s Oslo to Bergen from 22:00 to 2:00 on friday", "e-line 1 Gbit/s NOOSL NOBGO 2026-11-26T21:00..2026-11-27T01:00", "22:00 friday -"},
	{"E-Line 1 Gbit/s Oslo to Bergen tomorrow 20:00 until friday 23:00", "e-line 1 Gbit/s NOOSL NOBGO 2026-11-27T19:00..2026-11-27T22:00", "friday -"},
	{"E-Line 1 Gbit/s Oslo to Bergen until friday", "e-line 1 Gbit/s NOOSL NOBGO ..2026-11-27T23:00", "friday - friday -"},
	{"E-Line 1 Gbit/s Oslo to Bergen now until 22h", "e-line 1 Gbit/s NOOSL NOBGO ..2026-11-26T21:00", "-"},
	{"E-Line 1 Gbit/s Oslo to Bergen now until 8:00", "e-line 1 Gbit/s NOOSL NOBGO ..2026-11-27T07:00", "8:00 -"},
	{"E-Line 1 Gbit/s Oslo to Bergen tomorrow 20-22h Asia/Hong_Kong", "e-line 1 Gbit/s NOOSL NOBGO 2026-11-27T12:00..2026-11-27T14:00", ""},
	{"E-Line 1 Gbit/s Oslo to Bergen tomorrow 20-22h UTC", "e-line 1 Gbit/s NOOSL NOBGO 2026-11-27T20:00..2026-11-27T22:00", ""},
	{"E-Line 1 Gbit/s Oslo to Bergen starting 2026-11-27T19:00:00Z until 2026-11-27T21:00:00+01:00", "e-line 1 Gbit/s NOOSL NOBGO 2026-11-27T19:00..2026-11-27T20:00", ""},
	{"E-Line 1 Gbit/s Oslo to Bergen 2027-01-01 for 3 months", "e-line 1 Gbit/s NOOSL NOBGO 2026-12-31T23:00..2027-03-31T22:00", "2027-01-01 -"},
	{"E-Line 1 Gbit/s Oslo to Bergen 2027-01-01 without end", "e-line 1 Gbit/s NOOSL NOBGO 2026-12-31T23:00..", "2027-01-01 -"},
	{"E-Line 1 Gbit/s Oslo to Bergen now", "e-line 1 Gbit/s NOOSL NOBGO ..", "-"},
	{"E-Line 1 Gbit/s Oslo to Bergen from tomorrow 8h", "e-line 1 Gbit/s NOOSL NOBGO 2026-11-27T07:00..", "- -"},
	{"port in Milan 10 Gbit/s now without end", "uni 10 Gbit/s ITMIL ..", "port"},
	{"UNI 10 Gbit/s at Port Said from now on without end", "uni 10 Gbit/s EGPSD ..", ""},
	{"1 Gbit/s The Hague to Port of Spain", " 1 Gbit/s NLHAG TTPOS ..", "- -"},
	{"1 Gbit/s San Jose, CR to San Jose US", " 1 Gbit/s CRSJO USSJC ..", "- -"},
	{"1 Gbit/s place:USSJC to place:CRSJO", " 1 Gbit/s USSJC CRSJO ..", "- -"},
	{"1 Gbit/s from Milan to eNNI BRAVO", " 1 Gbit/s ITMIL @BRAVO ..", "- -"},
	{"1 Gbit/s from Milan to eNNI with BRAVO in Frankfurt", " 1 Gbit/s ITMIL DEFRA@BRAVO ..", "- -"},
	{"1 Gbit/s from Milan to any eNNI", " 1 Gbit/s ITMIL @* ..", "- -"},
	{"eNNI access 1 Gbit/s from any eNNI in Paris to Milan", "enni-access 1 Gbit/s FRPAR@* ITMIL ..", "-"},
	{"urn:acme:spec:machine:v1 in Milan", "urn:acme:spec:machine:v1 ITMIL ..", "- -"},
	{"E-Line 64 kbit/s Oslo to Bergen now without end latency under 900 us one way", "e-line 64 kbit/s NOOSL NOBGO .. <900 us", ""},
	{"E-Line 1 bit/s Oslo to Bergen now without end rtt under 20 ms", "e-line 1 bit/s NOOSL NOBGO .. <10 ms", "20"},
	{"E-Line 1 Tbit/s Oslo to Bergen now without end within 1.5 ms round trip", "e-line 1 Tbit/s NOOSL NOBGO .. <750 us", "1.5"},
	{"E-Line 1 Gbit/s Oslo to Bergen now without end latency 20ms", "e-line 1 Gbit/s NOOSL NOBGO .. <20 ms", "20ms"},
	{"E-Line 1 Gbit/s Oslo to Bergen now without end 20ms one way", "e-line 1 Gbit/s NOOSL NOBGO .. <20 ms", "20ms"},
	{"E-Line at least 1 Gbit/s Oslo to Bergen now without end uptime 99.5", "", "!99.5"},
	{"E-Line at least 1 Gbit/s Oslo to Bergen now without end uptime of 99.5 percent", "e-line 1 Gbit/s NOOSL NOBGO .. >99.5%", ""},
	{"get me an E-Line of 1 Gbit/s with 100% availability from the Oslo to the Bergen now without end please", "e-line 1 Gbit/s NOOSL NOBGO .. >100%", ""},
	{"E-LINE 1 GBIT/S OSLO TO BERGEN NOW WITHOUT END!", "e-line 1 Gbit/s NOOSL NOBGO ..", ""},
}

func TestSentencesBecomeInquiries(t *testing.T) {
	if len(sentences) < 60 {
		t.Errorf("only %d sentences", len(sentences))
	}
	for _, c := range sentences {
		got, err := Parse(c.text, options(t))
		if c.want == "" {
			if fault.CodeOf(err) != CodeNotUnderstood {
				t.Errorf("%s: %v", c.text, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v\n%s", c.text, err, fault.Of(err).Remedy)
			continue
		}
		if said := told(got.Inquiry); said != c.want {
			t.Errorf("%s:\n  %s, want\n  %s", c.text, said, c.want)
		}
		var about []string
		for _, a := range got.Assumptions {
			if a.Word == "" {
				a.Word = "-"
			}
			about = append(about, strings.ReplaceAll(a.Word, " ", "_"))
		}
		if said := strings.Join(about, " "); !sameWords(said, c.assumed) {
			t.Errorf("%s: assumes %v, want %s", c.text, got.Assumptions, c.assumed)
		}
		mirrored(t, got, options(t))
	}
}

// sameWords compares without regard to order.
func sameWords(a, b string) bool {
	count := map[string]int{}
	for _, w := range strings.Fields(a) {
		count[w]++
	}
	for _, w := range strings.Fields(b) {
		count[w]--
	}
	for _, n := range count {
		if n != 0 {
			return false
		}
	}
	return true
}

// mirrored reads the sentence of an intent again.
func mirrored(t *testing.T, x Intent, o Options) {
	t.Helper()
	again, err := Parse(x.Sentence, o)
	if err != nil || !reflect.DeepEqual(again.Inquiry, x.Inquiry) || again.Sentence != x.Sentence {
		t.Errorf("%q is read as %+v, %v, want %+v", x.Sentence, again.Inquiry, err, x.Inquiry)
	}
	for _, a := range again.Assumptions { // it leaves open only what the inquiry does
		if a.Word != "" {
			t.Errorf("%q assumes %+v", x.Sentence, a)
		}
	}
}

func TestWhatIsNotUnderstoodIsRefusedAtItsWord(t *testing.T) {
	for _, c := range []struct {
		text, field string
		code        fault.Code
		says        string // in detail or remedy
	}{
		{"", "", CodeNotUnderstood, "empty"},
		{"hello", "character 1", CodeNotUnderstood, "hello"},
		{"100 Mbit/s Hong Kong to Millan", "character 25", catalog.CodeUnknownPlace, "did you mean Milan (ITMIL)"},
		{"100 Mbit/s Hongkong to Milan", "character 12", catalog.CodeUnknownPlace, "Hong Kong (HKHKG)"},
		{"1 Gbit/s San Jose to Milan", "character 10", catalog.CodeManyPlaces, "CRSJO"},
		{"1 Gbit/s from Milan to", "character 21", CodeNotUnderstood, "missing behind"},
		{"1 Gbit/s", "character 3", CodeNotUnderstood, "no place"},
		{"E-Line 1 Gbit/s Milan", "character 17", CodeNotUnderstood, "other place"},
		{"internet access Milan to Rome", "character 26", CodeNotUnderstood, "one place"},
		{"E-Line Milan Rome Paris", "character 19", CodeNotUnderstood, "third"},
		{"E-Line Milan to Milan", "character 17", CodeNotUnderstood, "both ends"},
		{"E-Line VPN Milan to Rome", "character 8", CodeNotUnderstood, "already"},
		{"100 Milan to Rome", "character 1", CodeNotUnderstood, "unit"},
		{"100 MB/s Milan to Rome", "character 1", CodeNotUnderstood, "octets"},
		{"1,5 Gbit/s Milan to Rome", "character 1", CodeNotUnderstood, "comma"},
		{"1 Gbit/s 2 Gbit/s Milan to Rome", "character 10", CodeNotUnderstood, "another bandwidth"},
		{"under 1 Gbit/s Milan to Rome", "character 7", CodeNotUnderstood, "at least"},
		{"over 20 ms Milan to Rome", "character 6", CodeNotUnderstood, "at most"},
		{"under 99% Milan to Rome", "character 7", CodeNotUnderstood, "at least"},
		{"101% Milan to Rome", "character 1", CodeNotUnderstood, "four places"},
		{"99.99999% Milan to Rome", "character 1", CodeNotUnderstood, "four places"},
		{"at least 500 EUR Milan to Rome", "character 10", CodeNotUnderstood, "at most"},
		{"under 500 EUR per month Milan to Rome", "character 15", CodeNotUnderstood, "all of the time"},
		{"under 500 coins Milan to Rome", "character 7", CodeNotUnderstood, "quantity"},
		{"Milan to Rome 20-22", "character 15", CodeNotUnderstood, "20-22h"},
		{"Milan to Rome 25-26h", "character 15", CodeNotUnderstood, ""},
		{"Milan to Rome 11/12/2026", "character 15", CodeNotUnderstood, "2026-11-27"},
		{"Milan to Rome 2026-02-30", "character 15", CodeNotUnderstood, ""},
		{"Milan to Rome 31 February", "character 15", CodeNotUnderstood, "no such day"},
		{"Milan to Rome today 8-10h", "character 21", CodeNotUnderstood, "ended"},
		{"Milan to Rome 2026-11-01", "character 15", CodeNotUnderstood, "ended"},
		{"Milan to Rome from 2026-11-26T11:00:00Z until 2026-11-28T11:00:00Z", "character 20", CodeNotUnderstood, "began"},
		{"Milan to Rome tomorrow 20h until tomorrow 19h", "character 34", CodeNotUnderstood, "before it begins"},
		{"Milan to Rome tomorrow 20-22h for 3 hours", "character 35", CodeNotUnderstood, "duration"},
		{"Milan to Rome now for 2 hours without end", "character 15", CodeNotUnderstood, "end"},
		{"Milan to Rome tomorrow 20-22h Europe/Atlantis", "character 31", usage.CodeUnknownZone, "Atlantis"},
		{"Milan to Rome 2027-03-28 2:30 for 1 hour", "character 15", CodeNotUnderstood, "do not show it"},
		{"between Milan Rome", "character 15", CodeNotUnderstood, "between A and Z"},
		{"Milan to eNNI", "character 10", CodeNotUnderstood, "neighbour"},
		{"from eNNI BRAVO to eNNI CHARLIE", "character 6", CodeNotUnderstood, "at a place"},
		{"place:NOWHERE to Milan", "character 1", catalog.CodeUnknownPlace, ""},
		{strings.Repeat("Milan ", 100), "", CodeNotUnderstood, "500"},
	} {
		_, err := Parse(c.text, options(t))
		f := fault.Of(err)
		if f == nil || f.Code != c.code || f.Field != c.field || f.Remedy == "" || !strings.Contains(f.Detail+" "+f.Remedy, c.says) {
			t.Errorf("%s:\n  %v (%v), want %s in %s that says %q", c.text, err, f, c.code, c.field, c.says)
		}
	}
	if _, err := Parse("Milan to Rome", Options{Zone: "Mars"}); fault.CodeOf(err) != usage.CodeUnknownZone {
		t.Errorf("a zone that is none: %v", err)
	}
}

func TestATimeThatComesTwiceIsTheFirstAndSaysSo(t *testing.T) {
	o := options(t)
	o.Now = int64(at(t, "2026-10-01T00:00:00Z"))
	got, err := Parse("E-Line 1 Gbit/s Milan to Rome 2026-10-25 2:30 for 1 hour", o)
	if err != nil || usage.Stamp(int64(got.Inquiry.From)) != "2026-10-25T00:30:00Z" {
		t.Fatalf("%+v, %v", got, err)
	}
	found := false
	for _, a := range got.Assumptions {
		found = found || strings.Contains(a.Means, "twice")
	}
	if !found {
		t.Errorf("%+v", got.Assumptions)
	}
}

func TestAnInquiryThatNobodyCanSayIsRefused(t *testing.T) {
	o := options(t)
	for _, in := range []catalog.Inquiry{
		{},
		{A: catalog.Spot{Place: "NOWHERE"}},
		{A: catalog.Spot{Place: "ITMIL"}, To: 5},
		{A: catalog.Spot{Place: "ITMIL"}, Ceiling: &money.Amount{Currency: "EURO", Micro: 1}},
	} {
		if text, err := Sentence(in, o); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%+v: %q, %v", in, text, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, c := range sentences {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o := options(t)
		got, err := Parse(text, o)
		if err != nil {
			if x := fault.Of(err); x.Code == fault.Internal || x.Code == fault.Invalid || x.Remedy == "" {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		mirrored(t, got, o)
	})
}
