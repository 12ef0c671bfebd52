package sonata

import (
	"crypto/ed25519"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/store/resource"
)

func FuzzQuery(f *testing.F) {
	for _, s := range []string{"state=a&offset=1", "date.gt=2026-11-02T09:00:00%2B01:00", "limit=-1", "a;b", "%zz", "flag=true&flag=false"} {
		f.Add(s)
	}
	params := append(append([]param{choice("state", "state", "a", "b"), equal("externalId"), {name: "flag", form: aBool}}, between("date")...), paged...)
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := readQuery(raw, params)
		if err != nil {
			if m := meaningOf(fault.CodeOf(err)); m.status != 400 {
				t.Fatalf("%q: %v", raw, err)
			}
			return
		}
		find := q.find(resource.Scope{})
		if find.Offset < 0 || q.Limit < -1 || len(find.Ranges) > 1 {
			t.Fatalf("%q: %+v", raw, find)
		}
	})
}

func FuzzSignatureHeaders(f *testing.F) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		f.Fatal(err)
	}
	now := time.Unix(1_700_000_000, 0)
	r := httptest.NewRequest("POST", "https://b.example/x", strings.NewReader("{}"))
	r.Header.Set("Content-Type", wire.ContentType)
	if err := (&Key{ID: "k", Private: private}).sign(r, []byte("{}"), now); err != nil {
		f.Fatal(err)
	}
	input, signature, digest := r.Header.Get("Signature-Input"), r.Header.Get("Signature"), r.Header.Get("Content-Digest")
	f.Add(input, signature, digest)
	f.Add(`sig=("@method" "@path" "content-digest");created=1;keyid="k"`, "sig=:AA==:", "sha-256=:AA==:")
	f.Add(`sig=1`, ``, `sha-256=1`)
	f.Fuzz(func(t *testing.T, in, sig, dig string) {
		r := httptest.NewRequest("POST", "https://b.example/x", nil)
		r.Header.Set("Content-Type", wire.ContentType)
		r.Header.Set("Signature-Input", in)
		r.Header.Set("Signature", sig)
		r.Header.Set("Content-Digest", dig)
		if _, err := VerifySignature(r, []byte("{}"), func(id string) (ed25519.PublicKey, bool) { return public, id == "k" }, now, time.Minute); err == nil && (sig != signature && !strings.Contains(sig, strings.Trim(signature, "sig=:"))) {
			t.Fatalf("%q %q %q is taken", in, sig, dig)
		}
	})
}

func FuzzEventQuery(f *testing.F) {
	f.Add("eventType=quoteStateChangeEvent,quoteItemStateChangeEvent&eventType=quoteStateChangeEvent")
	f.Add("eventType=&x=1")
	f.Fuzz(func(t *testing.T, query string) {
		if checkEventQuery(wire.Kylie, wire.Quoting, query) == nil && query != "" && len(resource.EventTypes(query)) == 0 {
			t.Fatalf("%q asks for nothing and is taken", query)
		}
	})
}

func FuzzPartnersFile(f *testing.F) {
	f.Add([]byte("partners:\n- id: bravo\n  buyers: [B]\n  release: kylie\n  sha256: " + strings.Repeat("0", 64) + "\n  created: 2026-11-02T09:00:00Z\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		list, err := parsePartners(data)
		if err != nil {
			return
		}
		for _, p := range list {
			if p.validate() != nil {
				t.Fatalf("%q gives an unfit partner", data)
			}
		}
	})
}
