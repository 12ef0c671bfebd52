package clearing

import (
	"fmt"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
)

// morning is some calls of an hour, to numbers of their own.
func morning(hour, calls int) (out []string) {
	for i := range calls {
		out = append(out, call_(fmt.Sprintf("%d-%d", hour, i), "41440000001", fmt.Sprintf("1212555%02d%02d", hour, i),
			fmt.Sprintf("2026-11-02T%02d:%02d:00Z", hour, 10+5*i), 30_000+1000*i, "ALPHA", "BRAVO"))
	}
	return out
}

// suggested waits until a side is suggested so much, and gives it.
func (s *side) suggested(n int, ok func(Suggestion) bool) (out []Suggestion) {
	s.w.t.Helper()
	s.w.until("suggestions", func() bool {
		all, err := s.desk.Suggestions()
		s.w.must(err)
		for _, x := range all {
			if !ok(x) {
				return false
			}
		}
		out = all
		return len(all) == n
	})
	return out
}

// adopt has a side propose what is suggested from a moment on, and the other
// accept it.
func (s *side) adopt(x Suggestion, from int64) {
	s.w.t.Helper()
	s.do(trade.NewCommand(trade.KindAgreementAmend, trade.AgreementAmend{ID: x.Agreement, From: from, Terms: x.Terms}))
	if all, err := s.desk.Suggestions(); err != nil || len(all) == 0 {
		s.w.t.Fatalf("what is proposed only holds already: %+v, %v", all, err)
	}
	s.other.do(trade.NewCommand(trade.KindAgreementAccept, trade.AgreementAnswer{ID: x.Agreement, Terms: x.Terms.Hash()}))
}

// agreed waits until a period is agreed by both as it was stated.
func (w *world) agreed(from, to string, calls uint64) {
	w.t.Helper()
	for _, s := range w.sides {
		w.until("the period from "+from+" is agreed", func() bool {
			p, ok := s.period(forth, span(w.t, from, to))
			return ok && p.Buyer.Complete() && p.Seller.Complete() && p.Open == 0 && p.Buyer.Records == calls && p.Seller.Records == calls
		})
		for _, x := range s.disputes() {
			if x.Interval == span(w.t, from, to) {
				w.t.Errorf("%s: the records of %s differ: %+v", s.code, from, x)
			}
		}
	}
}

// A trunk that writes 00 has its rows refused; the partner's records of them
// make the node suggest a rule, which holds once both have signed it. No import
// of before reads otherwise by it, and all stays over a restart.
func TestRefusedNumbersSuggestARuleThatBothSign(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	none, err := a.desk.Suggestions()
	if err != nil || len(none) != 0 {
		t.Fatalf("%+v, %v", none, err)
	}
	a.read(0, 5, as(t, morning(10, 5), "00", 0)...)
	b.read(5, 0, morning(10, 5)...)
	w.through("11:00:00")
	x := a.suggested(1, func(x Suggestion) bool { return x.Shown == 5 })[0]
	if want := (agreement.Normalisation{Carrier: "ALPHA", Trunk: "T1", Kind: agreement.NormaliseNumber, Strip: "00"}); x.Normalisation != want || x.Calls != 5 || x.Sample[0].Import != 1 || x.Sample[0].Line != 2 {
		t.Fatalf("%+v", x)
	}
	if all, err := b.desk.Suggestions(); err != nil || len(all) != 0 {
		t.Fatalf("nothing of BRAVO's is off: %+v, %v", all, err)
	}
	if _, err := a.desk.Suggested("00000000"); fault.CodeOf(err) != fault.NotFound {
		t.Fatalf("a suggestion that there is not: %v", err)
	}
	a.restart() // it is found again
	y := a.suggested(1, func(y Suggestion) bool { return y.ID == x.ID && y.Shown == 5 })[0]
	if _, err := a.desk.Suggested(y.ID); err != nil {
		t.Fatal(err)
	}
	a.adopt(y, at(t, "11:00:00"))
	a.suggested(0, func(Suggestion) bool { return true })
	a.read(4, 0, as(t, morning(11, 4), "00", 0)...)
	b.read(4, 0, morning(11, 4)...)
	a.restart()
	w.through("12:00:00")
	w.agreed("11:00:00", "12:00:00", 4)
}

// A carrier whose clock is an hour late is shown so by its partner's records of
// the same numbers, hidden; once both have signed the offset they agree.
func TestAClockThatIsOffSuggestsAnOffsetThatBothSign(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sheets(rates)
	a, b := w.sides[0], w.sides[1]
	a.read(5, 0, as(t, morning(10, 5), "", time.Hour)...)
	b.read(5, 0, morning(10, 5)...)
	w.through("12:00:00")
	x := a.suggested(1, func(x Suggestion) bool { return x.Calls == 5 })[0]
	if want := (agreement.Normalisation{Carrier: "ALPHA", Trunk: "T1", Kind: agreement.NormaliseClock, Offset: 3_600_000}); x.Normalisation != want || x.Of != 5 {
		t.Fatalf("%+v", x)
	}
	// BRAVO sees the same from its side: records do not say whose clock is right.
	if y := b.suggested(1, func(x Suggestion) bool { return x.Calls == 5 })[0]; y.Normalisation.Carrier != "BRAVO" || y.Normalisation.Offset != -3_600_000 {
		t.Fatalf("%+v", y)
	}
	a.adopt(x, at(t, "12:00:00"))
	a.suggested(0, func(Suggestion) bool { return true })
	a.read(4, 0, as(t, morning(12, 4), "", time.Hour)...)
	b.read(4, 0, morning(12, 4)...)
	a.restart()
	w.through("13:00:00")
	w.agreed("12:00:00", "13:00:00", 4)
	a.suggested(0, func(Suggestion) bool { return true })
}

// Who has no agreement is suggested nothing.
func TestWithoutAnAgreementNothingIsSuggested(t *testing.T) {
	t.Parallel()
	w := newWorldWithout(t)
	if all, err := w.sides[0].desk.Suggestions(); fault.CodeOf(err) != CodeNoAgreement {
		t.Fatalf("%+v, %v", all, err)
	}
}
