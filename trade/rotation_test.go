package trade

import (
	"slices"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
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

// boundWorld is a world with a bound Bilateral.
func boundWorld(t *testing.T) *world {
	w := newWorld(t)
	for _, line := range []string{"ALPHA channel.open", "ALPHA.channel channel.confirm", "BRAVO.channel channel.confirm", "ALPHA bind", "BRAVO bind"} {
		if got := w.run(line); !strings.HasPrefix(got, "done") {
			t.Fatalf("%s: %s", line, got)
		}
	}
	return w
}

// A side that replaces its channel key on the Omnilateral before it announces
// it inside is not locked out: the new key announces itself, under the member
// key, and can do nothing else before.
func TestAKeyThatReplacedABoundOneAnnouncesItself(t *testing.T) {
	w := boundWorld(t)
	w.run("ALPHA.channel channel.rotate new=ALPHA.channel2")
	w.run("ALPHA.channel2 channel.rotate new=ALPHA.channel3")
	for _, c := range []struct{ line, want string }{
		{"ALPHA document.record file=c sender=ALPHA.channel3", "refused unauthorized"},
		{"ALPHA key.change key=ALPHA.channel3 sender=ALPHA.channel3 as=BRAVO.member", "refused member-key-needed"},
		{"ALPHA key.change key=ALPHA.channel4 sender=ALPHA.channel3", "refused forbidden (new)"},
		{"ALPHA key.change key=ALPHA.channel2 sender=ALPHA.channel2", "refused unauthorized"}, // replaced itself
		{"ALPHA key.change key=mallory sender=mallory", "refused unauthorized"},
		{"ALPHA key.change key=ALPHA.channel3 sender=ALPHA.channel3", "done [member key]"},
		{"ALPHA document.record file=c sender=ALPHA.channel3", "done"},
	} {
		if got := w.run(c.line); !strings.HasPrefix(got, c.want) {
			t.Errorf("%s: %s, want %s", c.line, got, c.want)
		}
	}
	b, _ := View{w.state}.Bilateral()
	if own, partner, ok := b.Side(key("ALPHA.channel3").Public()); !ok || own != "ALPHA" || partner != "BRAVO" {
		t.Errorf("the new key is %s's towards %s", own, partner)
	}
}

// Nobody takes a key into use that it does not hold: neither another's, nor
// one by the signature of another key.
func TestANewKeySignsForItself(t *testing.T) {
	w := boundWorld(t)
	if got := w.run("ALPHA key.change key=ALPHA.channel2 possession=ALPHA.channel"); !strings.HasPrefix(got, "refused refused (possession)") {
		t.Errorf("key.change with the old key's signature: %s", got)
	}
	if got := w.run("ALPHA key.change key=ALPHA.channel2 channel=another"); !strings.HasPrefix(got, "refused refused (possession)") {
		t.Errorf("key.change with a signature for another channel: %s", got)
	}
	pub := func(name string) *sign.PublicKey { k := key(name).Public(); return &k }
	sig := func(name, chain, owner string) sign.Signature { return Possession(key(name), chain, owner) }
	good := func(name string) sign.Signature { return sig(name, testChain, "ALPHA") }
	for name, c := range map[string]struct {
		rotate KeyRotate
		by     string
		want   fault.Code
		field  string
	}{
		"the old key's signature":                {KeyRotate{NewMember: pub("m2"), Possession: []sign.Signature{good("ALPHA.member")}}, "ALPHA.member", fault.Refused, "possession"},
		"for another chain":                      {KeyRotate{NewMember: pub("m2"), Possession: []sign.Signature{sig("m2", "other", "ALPHA")}}, "ALPHA.member", fault.Refused, "possession"},
		"for another member":                     {KeyRotate{AddNode: pub("n2"), Possession: []sign.Signature{sig("n2", testChain, "BRAVO")}}, "ALPHA.member", fault.Refused, "possession"},
		"two in the wrong order":                 {KeyRotate{NewMember: pub("m2"), AddNode: pub("n2"), Possession: []sign.Signature{good("n2"), good("m2")}}, "ALPHA.member", fault.Refused, "possession"},
		"one for two":                            {KeyRotate{NewMember: pub("m2"), AddNode: pub("n2"), Possession: []sign.Signature{good("m2")}}, "ALPHA.member", fault.Invalid, "possession"},
		"none":                                   {KeyRotate{NewMember: pub("m2")}, "ALPHA.member", fault.Invalid, "possession"},
		"recovery for more than a member":        {KeyRotate{NewMember: pub("m2"), AddNode: pub("n2"), Possession: []sign.Signature{good("m2"), good("n2")}}, "ALPHA.recovery", CodeMemberKey, ""},
		"recovery for a node":                    {KeyRotate{AddNode: pub("n2"), Possession: []sign.Signature{good("n2")}}, "ALPHA.recovery", CodeMemberKey, ""},
		"another's recovery key":                 {KeyRotate{NewMember: pub("m2"), Possession: []sign.Signature{good("m2")}}, "BRAVO.recovery", CodeMemberKey, ""},
		"recovery while the member key is there": {KeyRotate{NewMember: pub("m3"), Possession: []sign.Signature{good("m3")}}, "ALPHA.recovery", "", ""},
		"both at once, each by itself":           {KeyRotate{NewMember: pub("m2"), AddNode: pub("n2"), Possession: []sign.Signature{good("m2"), good("n2")}}, "ALPHA.member", "", ""},
	} {
		c.rotate.Member = "ALPHA"
		ctx := Context{Block: Block{Chain: testChain, Height: w.height, Time: w.time}, Sender: key("ALPHA.node").Public()}
		cmd := Authorize(NewCommand(KindKeyRotate, c.rotate), key(c.by), testChain, ctx.Block.Channel, w.time+1000, canon.Sum(name))
		res := w.m.Apply(ctx, w.public, cmd) // tried, not written
		if res.Receipt.Code != c.want || res.Receipt.Field != c.field {
			t.Errorf("%s: %v, want code %q in field %q", name, res.Fault, c.want, c.field)
		}
		if c.want == "" && (res.Receipt.Limit == "recovery key") != (c.by == "ALPHA.recovery") {
			t.Errorf("%s: the receipt names %q", name, res.Receipt.Limit)
		}
	}
	// The recovery key puts an end to a member key that is in wrong hands.
	w.run("ALPHA key.rotate new-member=m3 as=ALPHA.recovery")
	if got := w.run("ALPHA key.rotate new-member=m4"); !strings.HasPrefix(got, "refused member-key-needed") {
		t.Errorf("the replaced member key: %s", got)
	}
	if got := w.run("ALPHA key.rotate new-member=m4 as=m3"); !strings.HasPrefix(got, "done [member key]") {
		t.Errorf("the recovered member key: %s", got)
	}
}

// Everybody can read a change of keys that was refused. Once the member's own
// node has carried it nobody sends it again, also when it would fit by then;
// and who carries another's does not use up its number.
func TestARefusedChangeOfKeysIsNotSentAgainByOthers(t *testing.T) {
	w := newWorld(t)
	node := key("ALPHA.node2").Public()
	expires := w.time + 1_000_000
	send := func(sender string, c KeyRotate, number string) string {
		cmd := Authorize(NewCommand(KindKeyRotate, c), key("ALPHA.member"), testChain, canon.Hash{}, expires, canon.Sum(number))
		return w.execute(Context{Block: Block{Chain: testChain, Height: w.height, Time: w.time}, Sender: key(sender).Public()}, cmd)
	}
	revoke := KeyRotate{Member: "ALPHA", RevokeNode: &node}
	add := KeyRotate{Member: "ALPHA", AddNode: &node, Possession: []sign.Signature{Possession(key("ALPHA.node2"), testChain, "ALPHA")}}
	for _, step := range []struct {
		what, sender string
		change       KeyRotate
		number       string
		want         string
	}{
		{"too early, by another", "BRAVO.node", revoke, "revoke", "refused not-found"},
		{"too early, by its own", "ALPHA.node", revoke, "revoke", "refused not-found"},
		{"what it needs", "ALPHA.node", add, "add", "done"},
		{"by another once it fits", "BRAVO.node", revoke, "revoke", "refused authorization-replayed"},
		{"signed again", "BRAVO.node", revoke, "revoke 2", "done"},
	} {
		if got := send(step.sender, step.change, step.number); !strings.HasPrefix(got, step.want) {
			t.Errorf("%s: %s, want %s", step.what, got, step.want)
		}
	}
}

// Who asks for the same new member key again, because the answer was lost, gets
// the same answer, and the keys stay as they are.
func TestTheSameNewMemberKeyAgainIsDone(t *testing.T) {
	w := newWorld(t)
	for i := range 2 {
		if got := w.run("ALPHA key.rotate new-member=m2 as=ALPHA.recovery"); !strings.HasPrefix(got, "done [recovery key]") {
			t.Errorf("time %d: %s", i+1, got)
		}
	}
	m, _ := View{w.public}.Member("ALPHA")
	if len(m.Members) != 2 || m.Members[1].Key != key("m2").Public() || m.Members[1].Until != 0 {
		t.Errorf("the member's keys are %+v", m.Members)
	}
	// A key that was replaced is not taken back, and another's is not taken.
	w.run("ALPHA key.rotate new-member=m3 as=ALPHA.recovery")
	for _, line := range []string{"ALPHA key.rotate new-member=m2 as=ALPHA.recovery", "BRAVO key.rotate new-member=m3"} {
		if got := w.run(line); !strings.HasPrefix(got, "refused conflict") {
			t.Errorf("%s: %s", line, got)
		}
	}
}
