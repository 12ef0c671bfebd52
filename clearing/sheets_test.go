package clearing

import (
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/rating"
)

const weekMillis = 7 * 86_400_000

// state gives where a sheet stands for a side; empty when it has none.
func (s *side) sheetState(id string) (state trade.SheetState) {
	s.view(func(v trade.View) {
		x, _ := v.Sheet(id)
		state = x.State
	})
	return state
}

// A notice of rates is acknowledged without a person, refused when it comes too
// late, and takes effect when it has been accepted.
func TestANoticeOfHigherRatesNeedsWhatWasAgreed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(x *agreement.Terms) {
		x.Notice = agreement.RateNotice{Increase: weekMillis, Short: agreement.RefuseShort}
	})
	w.sheets(rates) // the first of a direction needs no notice
	a, b := w.sides[0], w.sides[1]
	dearer := strings.NewReplacer("0.10,", "0.11,", "0.1,", "0.11,").Replace(rates)
	if dearer == rates {
		t.Fatal("the test's sheet has another price")
	}
	now := w.now().UnixMilli()
	if _, err := b.desk.ProposeSheet(w.context(), forth, now+weekMillis/2, strings.NewReader(dearer)); fault.CodeOf(err) != rating.CodeShortNotice {
		t.Fatalf("an increase with half of its notice: %v", err)
	}
	p, err := b.desk.ProposeSheet(w.context(), forth, now+2*weekMillis, strings.NewReader(dearer))
	if err != nil || !p.Raises {
		t.Fatalf("%+v, %v", p, err)
	}
	w.until("the buyer's node acknowledges", func() bool { return b.sheetState(p.ID) == trade.SheetAcknowledged })
	w.until("the buyer knows", func() bool { return a.sheetState(p.ID) == trade.SheetAcknowledged })
	w.must(a.desk.AcknowledgeSheet(w.context(), p.ID)) // once more is no error
	w.must(a.desk.AcceptSheet(w.context(), p.ID))

	// A seller that does not say that a price rises is found out by the file.
	silent := strings.NewReader(strings.ReplaceAll(dearer, "0.11", "0.12"))
	info, err := b.blobs.Put(silent)
	w.must(err)
	sheet, err := b.desk.sheet(info.Hash)
	w.must(err)
	q := trade.SheetPropose{ID: "S-SILENT", Agreement: p.Agreement, Direction: forth, Line: p.Line, Root: sheet.Root(), Rows: uint32(sheet.Len()),
		File: info.Hash, Size: uint64(info.Size), From: now + weekMillis/2}
	w.must(b.send(w.context(), KindSheet, q.ID, info))
	b.do(trade.NewCommand(trade.KindSheetPropose, q))
	w.until("the buyer's node acknowledges", func() bool { return a.sheetState(q.ID) == trade.SheetAcknowledged })
	if err := a.desk.AcceptSheet(w.context(), q.ID); fault.CodeOf(err) != rating.CodeShortNotice {
		t.Fatalf("a silent increase: %v", err)
	}
	w.must(a.desk.RejectSheet(w.context(), q.ID, "dearer in silence"))
}

// Fees, origins, hours of the day and blocked destinations settle between two
// desks as they are agreed.
func TestTheRarerPricesOfASheetSettle(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sheets(`destination,prefix,rate,currency,unit_seconds,minimum_seconds,increment_seconds,valid_from,valid_to,connect_fee,origin_prefix,blocked,from_time,to_time
World,1,0.60,USD,60,1,1,2026-01-01T00:00:00Z,,0.05,,,08:00,20:00
World,1,0.30,USD,60,1,1,2026-01-01T00:00:00Z,,,,,20:00,08:00
World,1,6.00,USD,60,1,1,2026-01-01T00:00:00Z,,,3312,,,
Satellite,881,0,USD,60,1,1,2026-01-01T00:00:00Z,,,,yes,,
`)
	for _, s := range w.sides {
		s.take(row("1", "10:10:00", 10_000), // 10 s by day and a fee: 0.15
			row("2", "10:20:00", 0),      // answered for no second: nothing
			row("3", "21:00:00", 10_000), // by night: 0.05
			call_("4", "33120000001", "12125550100", "2026-11-02T10:30:00Z", 10_000, "ALPHA", "BRAVO"), // from a dear origin: 1.00
			call_("5", "41440000001", "8812345", "2026-11-02T10:40:00Z", 10_000, "ALPHA", "BRAVO"))
	}
	w.through("22:00:00")
	w.settled("1.200000")
	for _, s := range w.sides {
		w.until("the blocked call is named", func() bool {
			x := s.desk.Exceptions()
			return len(x) == 1 && x[0].Line == 6 && x[0].Code == rating.CodeBlocked
		})
		sum, err := s.desk.Summary()
		w.must(err)
		if len(sum.Totals) != 1 || sum.Totals[0].Amount.String() != "1.200000" || sum.Totals[0].Calls != 3 {
			t.Errorf("%s rates its own records so: %+v", s.code, sum.Totals)
		}
	}
}
