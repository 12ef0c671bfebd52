package trade

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/internal/sign"
)

// testAnchor makes an anchor at a size of a log whose leaves are numbers.
func testAnchor(public memory, a args) AnchorPost {
	ch, _ := View{public}.Channel(testChannel)
	log := &merkle.Log{}
	size := uint64(a.int("size", 3))
	for i := range min(max(size, 20), 2000) {
		if a.has("fork") && i >= 7 {
			log.Append(fmt.Appendf(nil, "fork %d", i))
			continue
		}
		log.Append(fmt.Appendf(nil, "leaf %d", i))
	}
	headAt := func(n uint64) Head {
		root, err := log.RootAt(min(n, log.Size()))
		if err != nil {
			panic(err)
		}
		return Head{Channel: testChannel, Position: n + 5, Size: n, Root: root}
	}
	index := func(k sign.PublicKey) uint8 { return uint8(slices.Index(ch.Keys[:], k)) }
	alpha, bravo := key("ALPHA.channel"), key("BRAVO.channel")
	if index(alpha.Public()) > 1 {
		alpha = key("ALPHA.channel2")
	}
	other := uint64(a.int("other", int64(size)))
	h1, h2 := headAt(size), headAt(other)
	if a.has("lie") {
		h2.Root = canon.Sum("lie")
	}
	var consistency []canon.Hash
	if other != size {
		consistency, _ = log.Consistency(min(size, other), max(size, other))
	}
	anchor := NewAnchor(h1.Sign(alpha, index(alpha.Public())), h2.Sign(bravo, index(bravo.Public())), consistency)
	if a.has("alone") {
		signer := alpha
		if a["alone"] == "BRAVO" {
			signer = bravo
		}
		if a.has("lie") {
			h1.Root = canon.Sum("lie")
		}
		if a.has("position") {
			h1.Position = uint64(a.int("position", 0))
		}
		anchor = NewUncontested(h1.Sign(signer, index(signer.Public())))
	}
	post := AnchorPost{Anchor: anchor}
	if last, ok := (View{public}).Attested(testChannel); ok && !a.has("no-proof") {
		post.Consistency, _ = log.Consistency(last.Head().Size, min(size, other))
	}
	return post
}

// Two heads of one size under one key are evidence to everybody, and stay on
// record once.
func TestTwoHeadsOfOneSizeUnderOneKeyAreKeptAsEvidence(t *testing.T) {
	w := newWorld(t)
	for _, line := range []string{"ALPHA channel.open", "ALPHA.channel channel.confirm", "BRAVO.channel channel.confirm"} {
		w.run(line)
	}
	alpha, bravo := key("ALPHA.channel"), key("BRAVO.channel")
	by := uint8(slices.Index(w.channel[:], alpha.Public()))
	head := Head{Channel: testChannel, Position: 9, Size: 4, Root: canon.Sum("one")}
	changed := func(f func(*Head)) Head { h := head; f(&h); return h }
	other := changed(func(h *Head) { h.Root = canon.Sum("two") })
	good := Equivocation{alpha.Public(), head.Sign(alpha, by), other.Sign(alpha, by)}
	send := func(sender string, e Equivocation) string {
		out := w.execute(Context{Block: Block{Chain: testChain, Height: w.height, Time: w.time}, Sender: key(sender).Public()}, NewCommand(KindEquivocation, e))
		return strings.Fields(out)[0]
	}
	for name, e := range map[string]Equivocation{
		"one head twice":       {alpha.Public(), good.One, good.One},
		"of two sizes":         {alpha.Public(), good.One, changed(func(h *Head) { h.Size, h.Position, h.Root = 5, 8, canon.Sum("two") }).Sign(alpha, by)},
		"of two channels":      {alpha.Public(), good.One, changed(func(h *Head) { h.Channel, h.Root = canon.Sum("x"), canon.Sum("two") }).Sign(alpha, by)},
		"one by the other key": {alpha.Public(), good.One, other.Sign(bravo, 1-by)},
		"a forged one":         {alpha.Public(), good.One, SignedHead{Head: other, By: by}},
		"a stranger's":         {key("mallory").Public(), head.Sign(key("mallory"), by), other.Sign(key("mallory"), by)},
		"no key":               {sign.PublicKey{}, SignedHead{Head: head}, SignedHead{Head: other}},
	} {
		if got := send("BRAVO.channel", e); got != "refused" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := send("CHARLIE.node", good); got != "refused" {
		t.Errorf("brought by a stranger: %s", got)
	}
	w.run("ALPHA.channel channel.rotate new=ALPHA.channel2") // what a key has signed stays signed
	for _, sender := range []string{"BRAVO.channel", "ALPHA.channel2"} {
		if got := send(sender, good); got != "done" {
			t.Errorf("brought by %s: %s", sender, got)
		}
	}
	kept := slices.Collect(View{w.public}.Equivocations(testChannel))
	if len(kept) != 1 || kept[0] != good || kept[0].Check() != nil {
		t.Errorf("kept: %+v", kept)
	}
}
