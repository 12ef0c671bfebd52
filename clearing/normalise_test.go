package clearing

import (
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
)

// amend has a side propose that records are put right from a moment on, and the
// other accept it.
func (s *side) amend(from int64, all ...agreement.Normalisation) {
	s.w.t.Helper()
	s.do(trade.NewCommand(trade.KindAgreementAmend, trade.AgreementAmend{ID: "MSA-1", From: from, Terms: s.amended(all)}))
	s.other.do(trade.NewCommand(trade.KindAgreementAccept, trade.AgreementAnswer{ID: "MSA-1", Terms: s.amended(all).Hash()}))
}

func (s *side) amended(all []agreement.Normalisation) (terms agreement.Terms) {
	s.view(func(v trade.View) {
		a, _ := v.Agreement("MSA-1")
		terms, _ = v.Terms(a.Versions[len(a.Versions)-1].Terms)
	})
	terms.Normalisations = all
	return terms
}

// as gives calls as a side writes them: with other numbers, and by another clock.
func as(t *testing.T, calls []string, before string, late time.Duration) (out []string) {
	t.Helper()
	for _, c := range calls {
		f := strings.Split(c, ",")
		at, err := time.Parse(time.RFC3339Nano, f[3])
		if err != nil {
			t.Fatal(err)
		}
		f[2], f[3] = before+f[2], at.Add(late).Format(time.RFC3339Nano)
		out = append(out, strings.Join(f, ","))
	}
	return out
}

// read imports calls and checks how many of them are accepted and refused.
func (s *side) read(accepted, rejected uint64, calls ...string) {
	s.w.t.Helper()
	in, err := s.desk.ImportUsage(s.w.context(), "calls.csv", "", strings.NewReader(header+strings.Join(calls, "")))
	s.w.must(err)
	if in.Accepted != accepted || in.Rejected != rejected {
		s.w.t.Fatalf("%s: %d calls accepted and %d refused, want %d and %d: %+v", s.code, in.Accepted, in.Rejected, accepted, rejected, in.Rejects)
	}
}

// Numbers with 00 on a trunk whose clock is an hour late are put right by what
// both have signed, from then on; what was refused before can be sent again. Both
// come to the same statements, and a node that starts again reads each file as it
// was read when it came.
func TestRecordsAreReadAsBothHaveSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	calls := []string{row("1", "10:10:00", 60_000), row("2", "10:40:00", 60_000), row("3", "11:10:00", 120_000)}
	written := as(t, calls, "00", time.Hour)
	a.read(0, 3, written...)
	a.amend(at(t, "09:00:00"), agreement.Normalisation{Carrier: "ALPHA", Trunk: "T1", Kind: agreement.NormaliseNumber, Strip: "00"},
		agreement.Normalisation{Carrier: "ALPHA", Kind: agreement.NormaliseClock, Offset: 3_600_000})
	a.read(3, 0, written...)
	a.read(1, 0, as(t, []string{row("early", "08:10:00", 60_000)}, "", 0)...) // from before it holds
	if in, err := a.desk.ImportUsage(w.context(), "again.csv", "", strings.NewReader(header+strings.Join(written, ""))); err != nil || !in.Repeated || in.Number != 2 {
		t.Fatalf("the same file by the same terms: %+v, %v", in, err)
	}
	b.read(4, 0, append(calls, row("early", "08:10:00", 60_000))...) // BRAVO's are not touched
	a.amend(at(t, "14:00:00"))
	a.read(0, 1, strings.Replace(as(t, []string{row("4", "13:10:00", 60_000)}, "00", time.Hour)[0], "T13", "T14", 1)) // from then on as written again
	a.restart()
	b.restart()
	a.read(0, 0, as(t, calls[:1], "00", time.Hour)...) // a duplicate
	imports := a.desk.Imports()
	if len(imports) != 5 || len(imports[0].Readings) != 0 || len(imports[1].Readings) != 2 || len(imports[3].Readings) != 3 {
		t.Fatalf("%+v", imports)
	}
	w.through("15:00:00")
	w.settled("0.500000") // 300 s at 0.10 a minute
	a.restart()
	for _, s := range w.sides {
		w.until("the node has its book", func() bool {
			_, err := s.desk.Summary()
			return err == nil
		})
		everyCallOnce(t, s)
	}
}

// A time that the agreed clock moves out of all time is refused, and so is a
// number that no rule makes E.164.
func TestWhatCannotBePutRightIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(x *agreement.Terms) {
		x.Normalisations = []agreement.Normalisation{
			{Carrier: "ALPHA", Kind: agreement.NormaliseNumber, Strip: "99", Add: "12125550100"}, {Carrier: "ALPHA", Trunk: "T1", Kind: agreement.NormaliseClock, Offset: 3_600_000},
		}
	})
	in, err := w.sides[0].desk.ImportUsage(w.context(), "calls.csv", "", strings.NewReader(header+
		call_("1", "41440000001", "991234", "1970-01-01T00:59:59Z", 1000, "ALPHA", "BRAVO")+
		call_("2", "41440000001", "991234", "2026-11-02T10:00:00Z", 1000, "ALPHA", "BRAVO")+
		call_("3", "41440000001", "0012345", "2026-11-02T10:00:00Z", 1000, "ALPHA", "BRAVO")+
		call_("4", "41440000001", "9912345", "2026-11-02T10:00:00Z", 1000, "ALPHA", "BRAVO")))
	w.must(err)
	if in.Accepted != 1 || len(in.Rejects) != 3 || in.Rejects[0].Code != voice.CodeBadTime || in.Rejects[1].Code != voice.CodeBadNumber || in.Rejects[2].Code != voice.CodeBadNumber {
		t.Fatalf("%+v", in)
	}
}
