package trade

import (
	"maps"
	"math/rand/v2"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/credential"
	"github.com/lateral-network/lateral/trade/party"
)

// What the public records say decides whether a credential counts: who may vouch now,
// and what is revoked.
func TestACredentialCountsAsThePublicRecordsHaveIt(t *testing.T) {
	w := tokens(t)
	w.must("CHARLIE credential.status list=kyc size=1024 as=ivan", "CHARLIE credential.status list=kyc revoke=5 as=ines")
	presented := func(signer, list string, index uint32) credential.Presentation {
		h, err := credential.Issue(credential.Credential{Chain: testChain, Issuer: "CHARLIE", Subject: "BRAVO", Holder: key("holder").Public(), List: list, Index: index,
			Issued: base, Expires: base + 1000*hourMs}, map[string]string{"country": "CH"}, key(signer), rand.NewChaCha8([32]byte{byte(index)}))
		if err != nil {
			t.Fatal(err)
		}
		p, err := h.Present([]string{"country"}, "ALPHA", "", base, key("holder"))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	shown := func(p credential.Presentation) map[string][]byte {
		c := p.Signed.Credential
		all := map[string][]byte{}
		for _, k := range PresentedKeys(c.Issuer, c.Key, c.List) {
			all[k], _ = w.public.Get(k)
		}
		return all
	}
	ask := credential.Ask{Chain: testChain, For: "ALPHA", Now: base + hourMs, Within: 2 * hourMs}
	expect := func(name string, p credential.Presentation, code fault.Code) {
		t.Helper()
		if err := Presented(shown(p), w.height, p, ask); fault.CodeOf(err) != code {
			t.Errorf("%s: %v, want code %q", name, err, code)
		}
	}
	good := presented("ivan", "kyc", 4)
	expect("as it was issued", good, "")
	expect("a revoked one", presented("ivan", "kyc", 5), credential.CodeRevoked)
	expect("one beyond its list", presented("ivan", "kyc", 1024), credential.CodeRevoked)
	expect("one on a list that there is not", presented("ivan", "other", 4), credential.CodeIssuer)
	expect("signed by the treasurer", presented("carl", "kyc", 4), credential.CodeIssuer)
	expect("signed by another member's delegate", presented("anna", "kyc", 4), credential.CodeIssuer)
	expect("signed by nobody who is registered", presented("mallory", "kyc", 4), credential.CodeIssuer)
	if err := Presented(shown(good), 0, good, ask); fault.CodeOf(err) != credential.CodeIssuer {
		t.Errorf("before the delegate counts: %v", err)
	}

	// What is not shown is not taken for granted.
	for missing := range shown(good) {
		some := maps.Clone(shown(good))
		delete(some, missing)
		if err := Presented(some, w.height, good, ask); fault.CodeOf(err) != fault.Refused {
			t.Errorf("without %s: %v", missing, err)
		}
		some[missing] = []byte{0xff}
		if err := Presented(some, w.height, good, ask); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("with bytes for %s that are none: %v", missing, err)
		}
	}
	// Nor is another record in its place.
	some := shown(good)
	other, _ := get[credential.Status](w.public, StatusKey("CHARLIE", "kyc"))
	other.List = "kinder"
	some[StatusKey("CHARLIE", "kyc")] = canon.Must(other)
	if err := Presented(some, w.height, good, ask); fault.CodeOf(err) != credential.CodeIssuer {
		t.Errorf("with another list: %v", err)
	}

	w.must("CHARLIE credential.status list=kyc revoke=4 as=ines")
	expect("once it is revoked", good, credential.CodeRevoked)
	second := presented("ivan", "kyc", 6)
	expect("another one", second, "")
	w.must("CHARLIE delegate.revoke public key=ivan")
	expect("whose officer has left", second, credential.CodeIssuer)
	third := presented("ines", "kyc", 7)
	expect("one by who is still there", third, "")
	m, _ := (View{w.public}).Member("CHARLIE")
	m.State = party.Suspended
	w.public[MemberKey("CHARLIE")] = canon.Must(m)
	expect("whose issuer is suspended", third, credential.CodeIssuer)
}

// A member's lists are bounded: every node keeps them.
func TestAMemberPublishesSixtyFourLists(t *testing.T) {
	w := tokens(t)
	for i := range maxStatusLists {
		w.must("CHARLIE credential.status size=1024 as=ivan list=l" + string(rune('a'+i%26)) + string(rune('a'+i/26)))
	}
	if out := w.run("CHARLIE credential.status size=1024 as=ivan list=more"); out != "refused refused: the member has 64 lists\n" {
		t.Errorf("one more: %s", out)
	}
	w.must("CHARLIE credential.status list=laa revoke=1 as=ivan")
}
