package channel

import (
	"context"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
)

// An anchor covers a state of the past. A node that has gone on for many blocks
// and was started again still proves what stands since then, without another
// anchor, and says not-yet of what has changed.
func TestProofsSurviveARestart(t *testing.T) {
	p := newPair(t, networkOptions{})
	submit(t, p.left, put("a", "1"), put("b", "1"))
	p.attest(t)
	first, err := p.left.Anchor(timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	for i := range 2 * keptTrees {
		submit(t, p.left, put(label(i), "x"), put("b", label(i)))
	}
	p.level(t)
	eventually(t, "the anchor is known on the other side", func() bool { return len(p.right.Anchors()) > 0 })
	p.a.stop()
	p.b.stop()
	p.a.start()
	p.b.start()
	p.left, p.right = find(t, p.a, p.left.ID()), find(t, p.b, p.right.ID())
	for side, b := range map[string]*Bilateral{"the left": p.left, "the right": p.right} {
		if all := b.Anchors(); len(all) != 1 || all[0].Key() != first.Key() {
			t.Fatalf("%s knows %d anchors", side, len(all))
		}
		doc, err := b.Prove(timeout(t), "r/a")
		if err != nil {
			t.Fatalf("%s: %v", side, err)
		}
		if got := p.verify(t, doc); string(got.Value) != "1" || got.Head != first.Head() {
			t.Errorf("%s proves %+v", side, got)
		}
		for _, key := range []string{"r/b", "r/" + label(0)} {
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			if _, err := b.Prove(ctx, key); fault.CodeOf(err) != fault.NotYet {
				t.Errorf("%s, of %s, which is newer: %v", side, key, err)
			}
			cancel()
		}
	}
	// The next anchor covers the rest, and what lies before it is dropped.
	p.attest(t)
	second, err := p.right.Anchor(timeout(t))
	if err != nil {
		t.Fatal(err)
	}
	doc, err := p.right.Prove(timeout(t), "r/b")
	if err != nil {
		t.Fatal(err)
	}
	p.verify(t, doc)
	eventually(t, "the left knows the anchor", func() bool { return p.left.Anchors()[0].Key() == second.Key() })
	submit(t, p.left, put("c", "1"))
	p.level(t)
	for _, b := range []*Bilateral{p.left, p.right} {
		kept := 0
		for r, err := range b.r.space.ScanIndex(indexUndo, "") {
			if err != nil {
				t.Fatal(err)
			}
			if r.Key < leafName(second.Head().Size) {
				t.Errorf("leaf %x is kept behind an anchor of size %d", r.Key, second.Head().Size)
			}
			kept++
		}
		if kept == 0 {
			t.Error("nothing is kept")
		}
	}
}
