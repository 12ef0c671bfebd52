package channel

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
)

// A side that signs two heads of one size has signed what is not so, whichever
// of them is right, and the two signatures show it to everybody. The heads of
// both sides are kept for a while to see it, and the other side puts the two
// on the Omnilateral.

const (
	indexHeads = "head" // side, 1 byte, and place, 2 bytes big endian → proof.SignedHead
	// keptHeads is how many heads of a side are kept, by size: one takes the place
	// of that which is so much smaller.
	keptHeads = 1024
)

// headName is where the head of a size is kept.
func headName(by int, size uint64) string {
	return string(binary.BigEndian.AppendUint16([]byte{byte(by)}, uint16(size%keptHeads)))
}

// twice is what one side's key has signed twice.
type twice struct {
	By  uint8            `cbor:"1,keyasint"`
	Key sign.PublicKey   `cbor:"2,keyasint"`
	One proof.SignedHead `cbor:"3,keyasint"`
	Two proof.SignedHead `cbor:"4,keyasint"`
}

// meetTwice compares a head with the one that its side has signed at the same
// size before, and keeps the first.
func (d *bilateralDraft) meetTwice(by int, h proof.SignedHead) {
	name := headName(by, h.Head.Size)
	raw, ok := []byte(nil), false
	for _, w := range slices.Backward(d.index) {
		if w.Index == indexHeads && w.Key == name {
			raw, ok = w.Value, true
			break
		}
	}
	if !ok {
		var err error
		if raw, ok, err = d.b.r.space.Lookup(indexHeads, name); err != nil {
			panic(storeFailure{err})
		}
	}
	if ok {
		first, err := keptHead(raw)
		if err != nil {
			panic(storeFailure{err})
		}
		if first.Head.Size == h.Head.Size {
			if x, ok := d.b.signedTwice(d.p, by, d.keys, first, h); ok {
				d.p.Twice, d.moved = append(slices.Clone(d.p.Twice), x), true
			}
			return
		}
	}
	d.index = append(d.index, store.IndexWrite{Index: indexHeads, Key: name, Value: canon.Must(h)})
}

func keptHead(raw []byte) (h proof.SignedHead, err error) {
	if err := canon.Stored(raw, &h); err != nil {
		return h, corruptStore("a kept head cannot be read").Because(err)
	}
	return h, nil
}

// signedTwice gives what shows that one key has signed both heads, if one has
// and it is not known of that key.
func (b *Bilateral) signedTwice(p protocol, by int, keys [2]sign.PublicKey, one, two proof.SignedHead) (x twice, ok bool) {
	for _, pair := range slices.Concat([][2]sign.PublicKey{keys}, p.Past) {
		x = twice{uint8(by), pair[by], one, two}
		if slices.ContainsFunc(p.Twice, func(t twice) bool { return t.Key == x.Key }) {
			continue
		}
		if x.evidence().Check() == nil {
			return x, true
		}
	}
	return twice{}, false
}

func (x twice) evidence() trade.Equivocation {
	return trade.Equivocation{Key: x.Key, One: x.One, Two: x.Two}
}

// tellTwice puts what the partner has signed twice on the Omnilateral. mu is
// held.
func (b *Bilateral) tellTwice(ctx context.Context, public trade.Records) {
	for _, x := range b.p.Twice {
		if int(x.By) != b.mine {
			b.showTwice(ctx, public, x)
		}
	}
}

// showTwice puts one piece of evidence on the Omnilateral, once. mu is held.
func (b *Bilateral) showTwice(ctx context.Context, public trade.Records, x twice) {
	if b.said.twice == x.Key || b.m.law.Equivocated(public, b.r.id, x.Key) {
		return
	}
	b.said.twice = x.Key
	b.m.raise(Alarm{Channel: b.r.id, Code: CodeDiverged, Height: b.height(),
		Detail: fmt.Sprintf("%s has signed two heads of size %d", b.partner, x.One.Head.Size),
		Remedy: "both signatures are kept on the Omnilateral; its operator looks for another process that signs with its keys"})
	b.m.go_(func() {
		out, err := b.public.Load().enqueue(one(b.m.law.Equivocation(x.Key, x.One, x.Two))).Wait(ctx)
		if err == nil {
			err = FirstErr(out)
		}
		if err == nil || ctx.Err() != nil {
			return
		}
		b.m.log.Warn("what the partner has signed twice could not be put on the Omnilateral", "channel", b.r.id, "err", err)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.said.twice = sign.PublicKey{} // with the next block
	})
}

// claimedTwice shows a claim of the partner that is not of our log beside a head
// of the same size that it has signed on the channel. mu is held.
func (b *Bilateral) claimedTwice(ctx context.Context, public trade.Records, claim proof.SignedHead) error {
	by := 1 - b.mine
	raw, ok, err := b.r.space.Lookup(indexHeads, headName(by, claim.Head.Size))
	if err != nil || !ok {
		return err
	}
	first, err := keptHead(raw)
	if err != nil {
		return err
	}
	if x, ok := b.signedTwice(b.p, by, b.keys, first, claim); ok {
		b.showTwice(ctx, public, x)
	}
	return nil
}
