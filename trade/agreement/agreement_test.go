package agreement

import (
	"bytes"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
)

// Every clause is mandatory, and the one that is missing is named (AGR-06).
func TestAMissingClauseIsNamed(t *testing.T) {
	full := Legal{canon.Hash{1}, "a", "b", "c", "d", "e", "f", "g", "h", "i"}
	if err := full.Validate(); err != nil {
		t.Fatal(err)
	}
	for field, drop := range map[string]func(*Legal){
		"document": func(l *Legal) { l.Document = canon.Hash{} }, "governing_law": func(l *Legal) { l.GoverningLaw = "" },
		"jurisdiction": func(l *Legal) { l.Jurisdiction = "" }, "indemnity": func(l *Legal) { l.Indemnity = "" },
		"liability": func(l *Legal) { l.Liability = "" }, "force_majeure": func(l *Legal) { l.ForceMajeure = "" },
		"taxes": func(l *Legal) { l.Taxes = "" }, "term": func(l *Legal) { l.Term = "" },
		"obligations": func(l *Legal) { l.Obligations = "" }, "definitions": func(l *Legal) { l.Definitions = string(make([]byte, maxClause+1)) },
	} {
		l := full
		drop(&l)
		if err := l.Validate(); err == nil || fault.Of(err).Field != field {
			t.Errorf("without %s: %v", field, err)
		}
	}
}

func TestTermsAreCheckedInAllTheirParts(t *testing.T) {
	for field, change := range map[string]func(*Terms){
		"period_by": func(x *Terms) { x.PeriodBy = "middle" }, "grace_millis": func(x *Terms) { x.GraceMillis = -1 },
		"start_tolerance_millis": func(x *Terms) { x.StartTolerance = 2 * hour }, "seconds_tolerance": func(x *Terms) { x.SecondsTolerance = 4000 },
		"longest_call_millis": func(x *Terms) { x.LongestCall = -1 }, "rounding.mode": func(x *Terms) { x.Rounding.Mode = "at random" },
		"rounding.scope": func(x *Terms) { x.Rounding.Scope = "call" }, "rounding.decimals": func(x *Terms) { x.Rounding.Decimals = 2 },
		"compare": func(x *Terms) { x.Compare = "never" }, "payment": func(x *Terms) { x.Payment = nil }, // [R84]
		"deadlines": func(x *Terms) { x.Deadlines = x.Deadlines[1:] }, "granularity": func(x *Terms) { x.Granularity = "call" }, // [R14]
		"deployment": func(x *Terms) { x.Deployment = "cloud" }, "integration": func(x *Terms) { x.Integration = "paper" }, // [R20]
		"retention_days": func(x *Terms) { x.RetentionDays = 0 }, "rule": func(x *Terms) { x.Rule.Text = "1.0" },
		"line_threshold": func(x *Terms) { x.LineThreshold = []money.Amount{{Currency: "USD", Micro: -1}} },
		"unattested":     func(x *Terms) { x.Unattested = []money.Amount{{Currency: "USD", Micro: -1}} },
		"exposure":       func(x *Terms) { x.Exposure = []money.Amount{{Currency: "???", Micro: 1}} },
		"rate_notice":    func(x *Terms) { x.Notice = RateNotice{Increase: -1, Short: RefuseShort} }, "rate_notice.short": func(x *Terms) { x.Notice = RateNotice{Increase: 1} },
		"normalisations[0].kind": func(x *Terms) { x.Normalisations = []Normalisation{{Carrier: "ALPHA", Kind: "colour"}} },
		"alone":                  func(x *Terms) { x.Alone = []Allowance{{Command: "tick"}, {Command: "tick"}} },
	} {
		x := Defaults()
		change(&x)
		if err := x.Validate(); err == nil || fault.Of(err).Field != field {
			t.Errorf("wrong %s: %v", field, err)
		}
	}
}

// The terms of a moment are those of the last version that has begun.
func TestVersionsFollowEachOther(t *testing.T) {
	a := Agreement{Versions: []Version{{Number: 1, From: 0}, {Number: 2, From: 100}, {Number: 3, From: 200}}}
	for ms, want := range map[int64]uint32{-5: 1, 0: 1, 99: 1, 100: 2, 199: 2, 200: 3, 1 << 40: 3} {
		if v, ok := a.At(ms); !ok || v.Number != want {
			t.Errorf("at %d: version %d, want %d", ms, v.Number, want)
		}
	}
	if _, ok := (Agreement{}).At(0); ok {
		t.Error("an agreement without a version has terms")
	}
}

// [CR1]: two MSAs overlap when they share a line and a time.
func TestOverlap(t *testing.T) {
	voice := Agreement{Lines: []string{"voice"}, From: 100, Until: 200}
	for name, c := range map[string]struct {
		other Agreement
		want  bool
	}{
		"the same":             {voice, true},
		"another line":         {Agreement{Lines: []string{"vpn"}, From: 100}, false},
		"one of two lines":     {Agreement{Lines: []string{"voice", "vpn"}, From: 150}, true},
		"before":               {Agreement{Lines: []string{"voice"}, From: 0, Until: 100}, false},
		"after":                {Agreement{Lines: []string{"voice"}, From: 200}, false},
		"open from before":     {Agreement{Lines: []string{"voice"}, From: 0}, true},
		"ended before it":      {Agreement{Lines: []string{"voice"}, From: 0, Ends: 100}, false},
		"ended while it lasts": {Agreement{Lines: []string{"voice"}, From: 0, Ends: 101}, true},
	} {
		if voice.Overlaps(c.other) != c.want || c.other.Overlaps(voice) != c.want {
			t.Errorf("%s: not %v both ways", name, c.want)
		}
	}
}

// Terms come from the partner. They are judged whatever they say, and what is
// taken has a rule and deadlines that can be kept.
func FuzzTerms(f *testing.F) {
	f.Add(canon.Must(Defaults()))
	monthly := Defaults()
	monthly.Cycle, monthly.Zone, monthly.Compare, monthly.Netting = "1mo", "Europe/Berlin", AfterInvoice, true
	monthly.LineThreshold = []money.Amount{{Micro: 5, Currency: "USD"}}
	monthly.Alone = []Allowance{{Command: "invoice.accept", Limits: []money.Amount{{Micro: 5, Currency: "EUR"}}}}
	credited := DefaultCredit("EUR")
	monthly.Credit = &credited
	f.Add(canon.Must(monthly))
	f.Add(canon.Must(Terms{}))
	f.Fuzz(func(t *testing.T, data []byte) {
		var x Terms
		if canon.Decode(data, &x) != nil {
			return
		}
		if !bytes.Equal(canon.Must(x), data) {
			t.Fatal("a second encoding was accepted")
		}
		one, two := x.Validate(), x.Validate()
		if fault.CodeOf(one) != fault.CodeOf(two) || fault.CodeOf(one) == fault.Internal {
			t.Fatalf("the same terms give %v and %v", one, two)
		}
		if one != nil {
			return
		}
		r, err := x.Rule.Compile()
		if err != nil {
			t.Fatalf("taken without a rule: %v", err)
		}
		_ = r.Answer(Facts{Kind: "duration", Gap: 5})
		for _, s := range stages {
			if d := x.Deadline(s); d.Millis < 0 {
				t.Fatalf("a deadline before its beginning: %+v", d)
			}
		}
	})
}
