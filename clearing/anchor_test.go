package clearing

import (
	"testing"
	"time"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
)

// anchored gives the channel's last anchor on the Omnilateral, and whether a
// head of ALPHA waits there for BRAVO's answer.
func (w *world) anchored() (last trade.Anchor, waits bool) {
	a := w.sides[0]
	_, mine := a.channel.Keys()
	w.must(a.member.Omni().View(func(v channel.View) error {
		last, _ = trade.View{Records: v}.Anchored(w.id)
		_, waits = trade.View{Records: v}.Claim(w.id, mine)
		return nil
	}))
	return last, waits
}

// A desk whose partner does not answer posts its own head when it has waited
// long enough, and again until the network lets it count. The partner, once it
// is back, signs with it.
func TestASilentPartnerIsAnchoredWithoutWhenPatienceAndTheNetworksTimeAreOver(t *testing.T) {
	w := newWorld(t, nil)
	a, b := w.sides[0], w.sides[1]
	a.halt()
	a.patience = 50 * time.Millisecond
	a.start()
	b.halt()
	for i := range byte(2) { // the second brings the head that covers the first
		_, err := a.channel.Submit(w.context(), trade.NewCommand(trade.KindDocumentRecord, trade.DocumentRecord{Kind: "contract", Hash: canon.Hash{i, 1}, Size: 7}))
		w.must(err)
	}
	before, _ := w.anchored()
	a.desk.closed()
	w.until("the head is posted alone", func() bool { _, waits := w.anchored(); return waits })
	tip, _ := a.member.Height()
	w.until("it is posted again", func() bool { h, _ := a.member.Height(); return h > tip+2 })
	if last, waits := w.anchored(); !waits || last.Key() != before.Key() {
		t.Fatalf("it counts before the network's time is over: %+v", last)
	}
	w.pass(time.Minute)
	w.until("it counts", func() bool {
		last, _ := w.anchored()
		return last.Kind == trade.Uncontested && last.Head().Size > 0
	})
	alone, _ := w.anchored()
	if len(alone.Heads) != 1 {
		t.Errorf("it has %d heads", len(alone.Heads))
	}
	b.start()
	w.until("both have signed", func() bool {
		a.desk.closed()
		last, _ := w.anchored()
		return last.Kind == trade.Attested && last.Head().Size >= alone.Head().Size
	})
}
