package trade

import (
	"slices"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/sign"
)

// Pairs that counted stay on record for proofs of what they have signed, and
// sign nothing new.
func TestAReplacedPairStaysOnRecordAndAnchorsNothingNew(t *testing.T) {
	w := newWorld(t)
	w.run("ALPHA channel.open")
	w.run("ALPHA.channel channel.confirm")
	w.run("BRAVO.channel channel.confirm")
	first := w.channel
	w.run("ALPHA.channel channel.rotate new=ALPHA.channel2")
	c, _ := View{w.public}.Channel(testChannel)
	if len(c.Past) != 1 || c.Past[0] != first || c.Keys == first {
		t.Fatalf("the channel's record is %+v", c)
	}
	head := Head{Channel: testChannel, Position: 4, Size: 2}
	anchor := func(keys ...sign.PrivateKey) Anchor {
		var signed [2]SignedHead
		for i, k := range keys {
			by := max(slices.Index(first[:], k.Public()), slices.Index(c.Keys[:], k.Public()))
			signed[i] = head.Sign(k, uint8(by))
		}
		return NewAnchor(signed[0], signed[1], nil)
	}
	post := func(a Anchor) error {
		ctx := Context{Block: Block{Chain: testChain, Height: w.height + 1, Time: w.time}, Sender: key("BRAVO.channel").Public()}
		if f := w.m.Apply(ctx, w.public, NewCommand(KindAnchorPost, AnchorPost{Anchor: a})).Fault; f != nil {
			return f
		}
		return nil
	}
	old, now := anchor(key("ALPHA.channel"), key("BRAVO.channel")), anchor(key("ALPHA.channel2"), key("BRAVO.channel"))
	if err := post(old); fault.CodeOf(err) != fault.Refused {
		t.Errorf("an anchor under a replaced key: %v", err)
	}
	if err := post(now); err != nil {
		t.Error(err)
	}
	if old.Check(c) == nil || old.CheckStanding(c) != nil || now.CheckStanding(c) != nil {
		t.Error("an anchor that stands is not checked against the pair that signed it")
	}
}
