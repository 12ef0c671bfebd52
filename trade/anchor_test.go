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
