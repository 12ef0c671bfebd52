package native_test

import (
	"context"
	"testing"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/ledger/local"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/trade"
)

// signed signs a prepared command as a machine does that has only the key.
func signed(t testing.TB, w wire.Command, key sign.PrivateKey) wire.Command {
	t.Helper()
	p := trade.Prepared{Chain: w.Chain, Channel: w.Channel, Kind: w.Kind, Body: w.Body, Expires: int64(w.Expires), Nonce: w.Nonce}
	if p.Message() != w.Message {
		t.Fatalf("%s: the bytes to sign are not those of what the command says", w.Kind)
	}
	a := p.Sign(key).Authorization
	w.Key, w.Signature = a.Delegate, a.Signature
	return w
}

func TestACommandIsSignedWhereTheKeyIs(t *testing.T) {
	w := newWorld(t)
	ctx := within(t)
	alpha, bravo := w.sides["ALPHA"], w.sides["BRAVO"]
	alpha.keys.offline = true
	admin := alpha.client(api.Administrator)
	opened := make(chan error, 1)
	go func() { _, err := admin.Open(ctx, "BRAVO"); opened <- err }()
	var bind wire.Command
	eventually(t, "the channel is there", func() bool {
		var err error
		bind, err = admin.Prepare(ctx, wire.Prepare{Partner: "BRAVO", Kind: trade.KindBind})
		return err == nil
	})
	if _, err := admin.Submit(ctx, signed(t, bind, alpha.keys.member)); err != nil {
		t.Fatal(err)
	}
	if _, err := alpha.as(api.Administrator).AwaitOpen(ctx); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Fatal(err)
	}
	// A delegate is named the same way, with the fields of the command.
	key := alpha.keys.delegates["finance"].Public()
	add := must(admin.Prepare(ctx, wire.Prepare{Partner: "BRAVO", Kind: trade.KindDelegateAdd, Body: map[string]any{
		"key": key.String(), "name": "Fred", "roles": []string{"finance"}, "limits": []map[string]string{{"currency": "USD", "amount": "10.000000"}}}}))
	for name, change := range map[string]func(*wire.Command) fault.Code{
		"by another key": func(c *wire.Command) fault.Code { *c = signed(t, *c, bravo.keys.member); return trade.CodeMemberKey },
		"not signed":     func(*wire.Command) fault.Code { return trade.CodeAuthorizationForged },
		"changed after it": func(c *wire.Command) fault.Code {
			*c = signed(t, *c, alpha.keys.member)
			c.Expires++
			return trade.CodeAuthorizationForged
		},
		"another network": func(c *wire.Command) fault.Code {
			*c = signed(t, *c, alpha.keys.member)
			c.Chain = "x"
			return fault.Invalid
		},
		"another channel": func(c *wire.Command) fault.Code {
			c.Channel[0]++
			c.Message = canon.Hash{}
			return trade.CodeAuthorizationForged
		},
	} {
		c := add
		want := change(&c)
		if _, err := admin.Submit(ctx, c); fault.CodeOf(err) != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
	ready := signed(t, add, alpha.keys.member)
	if _, err := alpha.client(api.Finance).Submit(ctx, ready); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("by a role that may not: %v", err)
	}
	if r, err := admin.Submit(ctx, ready); err != nil || r.By != alpha.keys.member.Public() {
		t.Fatalf("%+v, %v", r, err)
	}
	if _, err := admin.Submit(ctx, ready); fault.CodeOf(err) != trade.CodeAuthorizationReplayed {
		t.Errorf("a second time: %v", err)
	}
	// The rotation of the channel key waits for its signature and goes on.
	if _, err := alpha.as(api.Administrator).Rotate(ctx); fault.CodeOf(err) != trade.CodeMemberKey {
		t.Errorf("rotating without the member key: %v", err)
	}
	change := must(admin.Prepare(ctx, wire.Prepare{Partner: "BRAVO", Kind: trade.KindKeyChange}))
	if _, err := admin.Submit(ctx, signed(t, change, alpha.keys.member)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "key and epoch are new", func() bool {
		b, err := bravo.as(api.Auditor).Bilateral(ctx)
		return err == nil && b.Epoch == 2 && b.State == "open"
	})
	if k, err := bravo.as(api.Administrator).Rotate(ctx); err != nil || k.Key == "" {
		t.Errorf("the other side: %+v, %v", k, err)
	}
}

func TestAnyRecordOfAChannelIsProven(t *testing.T) {
	w := opened(t)
	ctx := within(t)
	alpha, bravo := w.sides["ALPHA"], w.sides["BRAVO"]
	network := local.Network("test", sign.FromSeed([32]byte{1}).Public())
	trust := proof.Trust{Certificate: func(cert []byte) (uint64, canon.Hash, int64, error) {
		h, root, at, err := local.VerifyCertificate(network, cert)
		return uint64(h), root, at, err
	}}
	anchor := func() {
		t.Helper()
		if _, err := bravo.as(api.Engineer).Anchor(ctx); err != nil {
			t.Fatal(err)
		}
	}
	key := trade.DelegateKey(alpha.keys.delegates["finance"].Public())
	prove := func(p *side, r api.Role) proof.Verified {
		t.Helper()
		var doc []byte
		eventually(t, "the anchor has come", func() bool {
			ask, cancel := context.WithCancel(ctx)
			defer cancel()
			var err error
			doc, err = p.as(r).Proof(ask, key)
			return err == nil
		})
		v, err := proof.Verify(doc, trust)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	anchor()
	before := prove(alpha, api.Clerk)
	if what, _, err := trade.ShowRecord(before.Key, before.Value); err != nil || what != "a delegate" || before.Key != key {
		t.Errorf("proven is %s, %s: %v", before.Key, what, err)
	}
	if _, err := alpha.as(api.Administrator).Rotate(ctx); err != nil {
		t.Fatal(err)
	}
	for _, s := range []*side{alpha, bravo} {
		if after := prove(s, api.Auditor); after.Hash != before.Hash || len(after.Channel.Past) != 1 {
			t.Errorf("after a rotation %s proves %+v", s.code, after)
		}
	}
	for name, c := range map[string]struct {
		key  string
		want fault.Code
	}{"no such record": {"agreement/none", fault.NotFound}, "no key": {"", fault.Invalid}} {
		if _, err := alpha.as(api.Auditor).Proof(ctx, c.key); fault.CodeOf(err) != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What a member has signed twice under one number is there for the auditor.
func TestNumbersUsedTwiceAreShownToTheAuditor(t *testing.T) {
	w := newWorld(t)
	ctx := within(t)
	alpha := w.sides["ALPHA"]
	twice := alpha.keys.node
	var first, second ledger.Envelope
	for i, e := range []*ledger.Envelope{&first, &second} {
		e.Header = ledger.Header{Version: 1, Chain: w.chain, Sequence: 1}
		e.Payload = make([]byte, 256)
		e.Payload[0] = byte(i)
		e.Sign(twice)
	}
	if _, err := w.chainOf.Submit(ctx, first); err != nil {
		t.Fatal(err)
	}
	alpha.smuggled.Store(&second) // validators that lie could bring it
	if _, err := w.sides["BRAVO"].member.Introduce("ALPHA"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.sides["BRAVO"].client(api.Administrator).Vouch(ctx, "ALPHA"); fault.CodeOf(err) == "" {
		t.Fatal("a member that is active was vouched for") // only to have a block
	}
	eventually(t, "the evidence is shown", func() bool {
		for r, err := range alpha.client(api.Auditor).Evidence(ctx) {
			if err != nil {
				t.Fatal(err)
			}
			e, err := ledger.Unmarshal(r.Envelope)
			return err == nil && e.Verify() && e.ID() == r.Rival && r.Rival == second.ID() && r.Final == first.ID() && r.Number == 1 && r.Member == "ALPHA"
		}
		return false
	})
}
