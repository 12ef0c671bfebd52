package native_test

import (
	"crypto/rand"
	"crypto/sha256"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger/local"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/credential"
	"github.com/lateral-network/lateral/trade/party"
)

// ALPHA vouches for CHARLIE, who has no node here, and BRAVO checks it by its own: the
// issuer's node is asked nothing. Without a node the proof in it does, until it is old.
func TestACredentialIsCheckedByTheVerifiersOwnRecords(t *testing.T) {
	w := newWorld(t)
	ctx := within(t)
	a, b := w.sides["ALPHA"], w.sides["BRAVO"]
	cora, holder := must(sign.Generate(nil)), must(sign.Generate(nil))
	must(a.client(api.Administrator).AddPublicDelegate(ctx, wire.AddDelegate{Key: cora.Public(), Name: "Cora", Roles: []party.Role{party.Compliance}}))
	publish := trade.CredentialStatus{List: "kyc", Size: 1024}
	if _, err := a.signed(ctx, must(sign.Generate(nil)), trade.KindCredentialStatus, publish); fault.CodeOf(err) != trade.CodeDelegateUnknown {
		t.Errorf("anybody publishes a list: %v", err)
	}
	must(a.signed(ctx, cora, trade.KindCredentialStatus, publish))
	list := must(a.client(api.Finance).CredentialList(ctx, "ALPHA", "kyc"))
	if list.Size != 1024 || list.Revoked != 0 || len(list.Bits) != 128 || list.Chain != w.chain || list.Changed.Key != cora.Public() {
		t.Fatalf("the list is %+v", list)
	}
	now := time.Now().UnixMilli()
	held := must(credential.Issue(credential.Credential{Chain: list.Chain, Issuer: "ALPHA", Subject: "CHARLIE", Holder: holder.Public(), List: "kyc", Index: 77, Issued: now, Expires: now + 3_600_000},
		map[string]string{"country": "CH", "beneficial_owner.1.name": "Ada Example"}, cora, rand.Reader))
	p := must(held.Present([]string{"country"}, "BRAVO", "n-1", now, holder))
	p.Proof = must(a.client(api.Auditor).CredentialProof(ctx, "ALPHA", "kyc", cora.Public()))
	file := p.Marshal()
	verify := func(s *side, v wire.VerifyCredential) (wire.Credential, error) {
		if v.Within == 0 {
			v.Within = 3_600_000
		}
		return s.client(api.Finance).VerifyCredential(ctx, v)
	}
	var seen wire.Credential
	eventually(t, "BRAVO's node has what ALPHA has published", func() bool {
		var err error
		seen, err = verify(b, wire.VerifyCredential{Presentation: file, Nonce: "n-1"})
		return err == nil
	})
	if seen.Subject != "CHARLIE" || seen.Issuer != "ALPHA" || len(seen.Claims) != 1 || seen.Claims[0] != (wire.CredentialClaim{Name: "country", Value: "CH"}) ||
		seen.Document != canon.Hash(sha256.Sum256(file)) || seen.Height == 0 {
		t.Errorf("BRAVO sees %+v", seen)
	}
	for name, c := range map[string]struct {
		s    *side
		v    wire.VerifyCredential
		code fault.Code
	}{
		"the issuer itself":      {a, wire.VerifyCredential{Presentation: file, Nonce: "n-1"}, credential.CodeForAnother},
		"without the nonce":      {b, wire.VerifyCredential{Presentation: file}, credential.CodeForAnother},
		"the holder's own file":  {b, wire.VerifyCredential{Presentation: held.Marshal()}, fault.Invalid},
		"bytes that are nothing": {b, wire.VerifyCredential{Presentation: []byte("x")}, fault.Invalid},
	} {
		if _, err := verify(c.s, c.v); fault.CodeOf(err) != c.code {
			t.Errorf("%s: %v, want %s", name, err, c.code)
		}
	}
	if _, err := a.client(api.Auditor).CredentialProof(ctx, "ALPHA", "kyc", sign.PublicKey{}); err != nil {
		t.Errorf("that there is no such delegate is proven too: %v", err)
	}

	// A node that does not follow the ledger cannot know what is revoked.
	eventually(t, "BRAVO's node has had no block for a second", func() bool {
		fresh := must(held.Present(nil, "BRAVO", "", time.Now().UnixMilli(), holder))
		_, err := verify(b, wire.VerifyCredential{Presentation: fresh.Marshal(), Within: 1000})
		return fault.CodeOf(err) == credential.CodeExpired && strings.Contains(err.Error(), "no block since")
	})

	// Who has no node, by the proof: as of its block, and not later.
	network := local.Network("test", sign.FromSeed([32]byte{1}).Public())
	offline := func(doc []byte) error {
		public, ok := proof.ReadPublic(doc)
		if !ok {
			t.Fatal("the proof is not read")
		}
		v := must(public.Verify(proof.Trust{Certificate: func(cert []byte) (uint64, canon.Hash, int64, error) {
			h, root, at, err := local.VerifyCertificate(network, cert)
			return uint64(h), root, at, err
		}}))
		return trade.Presented(v.Records, v.Height, p, credential.Ask{Chain: w.chain, For: "BRAVO", Nonce: "n-1", Now: now + 1000, Within: 3_600_000})
	}
	if err := offline(p.Proof); err != nil {
		t.Errorf("offline: %v", err)
	}
	must(a.signed(ctx, cora, trade.KindCredentialStatus, trade.CredentialStatus{List: "kyc", Revoke: []uint32{77}}))
	eventually(t, "BRAVO's node has the revocation", func() bool {
		_, err := verify(b, wire.VerifyCredential{Presentation: file, Nonce: "n-1"})
		return fault.CodeOf(err) == credential.CodeRevoked
	})
	if err := offline(must(b.client(api.Auditor).CredentialProof(ctx, "ALPHA", "kyc", cora.Public()))); fault.CodeOf(err) != credential.CodeRevoked {
		t.Errorf("by a later proof: %v", err)
	}
	all, err := client.Collect(b.client(api.Clerk).CredentialLists(ctx, "ALPHA"))
	if err != nil || len(all) != 1 || all[0].Revoked != 1 || all[0].Bits != nil {
		t.Errorf("ALPHA's lists are %+v, %v", all, err)
	}
	if _, err := b.client(api.Clerk).CredentialList(ctx, "ALPHA", "other"); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a list that there is not: %v", err)
	}
}
