package trade

import (
	"fmt"
	"slices"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/internal/sign"
)

// testAnchor makes an anchor at a size of a log whose leaves are numbers.
func testAnchor(public memory, a args) AnchorPost {
	ch, _ := View{public}.Channel(testChannel)
	log := &merkle.Log{}
	size := uint64(a.int("size", 3))
	for i := range max(size, 20) {
		log.Append(fmt.Appendf(nil, "leaf %d", i))
	}
	headAt := func(n uint64) Head {
		root, err := log.RootAt(n)
		if err != nil {
			panic(err)
		}
		return Head{Channel: testChannel, Position: 10 * n, Size: n, Root: root}
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
		anchor = NewUncontested(h1.Sign(alpha, index(alpha.Public())))
	}
	post := AnchorPost{Anchor: anchor}
	if last, ok := (View{public}).Anchored(testChannel); ok && !a.has("no-proof") {
		post.Consistency, _ = log.Consistency(last.Head().Size, min(size, other))
	}
	return post
}
