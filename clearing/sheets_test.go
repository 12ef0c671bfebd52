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
