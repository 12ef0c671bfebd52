package credential

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/party"
)

const (
	issued = int64(1_800_000_000_000)
	hour   = int64(3_600_000)
	chain  = "test-1"
)

func key(b byte) sign.PrivateKey { return sign.FromSeed([32]byte{b}) }

// counting gives bytes that are the same each time, no 32 of them twice.
type counting struct{ n byte }

func (c *counting) Read(p []byte) (int, error) {
	for i := range p {
		if i%32 == 0 {
			c.n++
		}
		p[i] = c.n
	}
	return len(p), nil
}

func about() Credential {
	return Credential{Chain: chain, Issuer: "CHARLIE", Subject: "BRAVO", Holder: key(2).Public(), List: "kyc", Index: 77, Issued: issued, Expires: issued + 1000*hour}
}

var claims = map[string]string{
	"legal_name": "Bravo Telecom Ltd", "country": "CH", "beneficial_owner.1.name": "Ada Example", "registration": "CHE-123.456.789",
}

func held(t testing.TB) Held {
	h, err := Issue(about(), claims, key(1), &counting{})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func presented(t testing.TB, names ...string) Presentation {
	p, err := held(t).Present(names, "ALPHA", "n-1", issued+hour, key(2))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

var asked = Ask{Chain: chain, For: "ALPHA", Nonce: "n-1", Now: issued + 2*hour, Within: 24 * hour}

// The bytes that are signed, and those of the files.
func TestGoldenBytes(t *testing.T) {
	h := held(t)
	p := presented(t, "country")
	p.Proof = []byte{1, 2, 3}
	for name, c := range map[string]struct {
		got  []byte
		want string
	}{
		"claim":        {canon.Must(Claim{canon.Hash{1}, "country", "CH"}), "0936b4b93040f6e7"},
		"credential":   {canon.Must(h.Signed.Credential), "71ea8b2d2e59b360"},
		"file":         {h.Marshal(), "c2c1f2fd80d5e159"},
		"message":      {p.message(), "930008f7d001546c"},
		"presentation": {p.Marshal(), "a7f2e288e334f7bf"},
		"status":       {canon.Must(Status{Issuer: "CHARLIE", List: "kyc", Bits: make([]byte, 128), Version: 1}.Revoke(9)), "51592c510d5c75f1"},
	} {
		sum := sha256.Sum256(c.got)
		if got := hex.EncodeToString(sum[:8]); got != c.want {
			t.Errorf("%s is %s, not %s: signatures under it do not hold any more", name, got, c.want)
		}
	}
	if got, want := (Claim{canon.Hash{1}, "country", "CH"}).Digest().String(), "b43f7f9f3768f5f5cb669e5c071a070e3d10cd0693314fa46e8f0355097a2216"; got != want {
		t.Errorf("the digest is %s, not %s", got, want)
	}
}

func TestWhatIsShownIsWhatWasSignedAndNoMore(t *testing.T) {
	p, err := ReadPresentation(presented(t, "legal_name", "country", "country").Marshal())
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Check(asked); err != nil {
		t.Fatal(err)
	}
	if len(p.Claims) != 2 || p.Claims[0].Name != "country" || p.Claims[0].Value != "CH" || p.Claims[1].Value != claims["legal_name"] {
		t.Errorf("shown is %+v", p.Claims)
	}
	for name, value := range claims {
		shown := name == "country" || name == "legal_name"
		if bytes.Contains(p.Marshal(), []byte(value)) != shown {
			t.Errorf("that the presentation holds %q is not %v", value, shown)
		}
	}
	if got, err := Read(held(t).Marshal()); err != nil || len(got.Claims) != len(claims) {
		t.Errorf("the holder's file is read as %+v, %v", got.Claims, err)
	}
}

// Who guesses name and value rightly finds no digest of it: the salt is random. And
// the number of digests does not say how many claims there are.
func TestAHiddenClaimIsNotFoundByGuessing(t *testing.T) {
	p := presented(t, "country")
	guess := Claim{Name: "beneficial_owner.1.name", Value: claims["beneficial_owner.1.name"]}
	digests := p.Signed.Credential.Digests
	for _, salt := range []canon.Hash{{}, p.Claims[0].Salt, p.Signed.Hash(), digests[0]} {
		if guess.Salt = salt; slices.Contains(digests, guess.Digest()) {
			t.Errorf("the claim is found with the salt %s", salt)
		}
	}
	i := slices.IndexFunc(held(t).Claims, func(c Claim) bool { return c.Name == guess.Name })
	if guess.Salt = held(t).Claims[i].Salt; !slices.Contains(digests, guess.Digest()) {
		t.Error("with its salt the claim is not found: the test looks for something else")
	}
	one, err := Issue(about(), map[string]string{"country": "CH"}, key(1), &counting{})
	if err != nil || len(one.Signed.Credential.Digests) != 32 || len(digests) != 32 {
		t.Errorf("one claim has %d digests, four have %d, %v", len(one.Signed.Credential.Digests), len(digests), err)
	}
	if !slices.IsSortedFunc(digests, func(a, b canon.Hash) int { return bytes.Compare(a[:], b[:]) }) {
		t.Error("the order of the digests says something")
	}
}

// resigned has the holder sign whatever it has changed: it is the issuer's signature
// that has to hold.
func resigned(p Presentation) Presentation {
	p.Signature = key(2).Sign(tagPresentation, p.message())
	return p
}

func TestAPresentationThatIsNotToBeReliedOnIsRefused(t *testing.T) {
	self := func() Presentation {
		c := about()
		c.Form, c.Key, c.Subject, c.Digests = Form, key(1).Public(), "CHARLIE", held(t).Signed.Credential.Digests
		return resigned(Presentation{Form: PresentationForm, Signed: Signed{c, key(1).Sign(tagCredential, canon.Must(c))}, For: "ALPHA", Nonce: "n-1", Time: issued + hour})
	}
	for _, c := range []struct {
		name  string
		code  fault.Code
		field string
		make  func(p Presentation, a *Ask) Presentation
	}{
		{"as it was made", "", "", func(p Presentation, _ *Ask) Presentation { return p }},
		{"another value", CodeForged, "claims", func(p Presentation, _ *Ask) Presentation { p.Claims[0].Value = "LI"; return resigned(p) }},
		{"another name", CodeForged, "claims", func(p Presentation, _ *Ask) Presentation { p.Claims[0].Name = "branch"; return resigned(p) }},
		{"another salt", CodeForged, "claims", func(p Presentation, _ *Ask) Presentation { p.Claims[0].Salt[0] ^= 1; return resigned(p) }},
		{"a claim twice", fault.Invalid, "claims", func(p Presentation, _ *Ask) Presentation {
			p.Claims = append(p.Claims, p.Claims[0])
			return resigned(p)
		}},
		{"a claim left out by somebody else", CodeForged, "signature", func(p Presentation, _ *Ask) Presentation { p.Claims = nil; return p }},
		{"a longer life", CodeForged, "signature", func(p Presentation, _ *Ask) Presentation { p.Signed.Credential.Expires += hour; return resigned(p) }},
		{"another subject", CodeForged, "signature", func(p Presentation, _ *Ask) Presentation { p.Signed.Credential.Subject = "ECHO"; return resigned(p) }},
		{"another index", CodeForged, "signature", func(p Presentation, _ *Ask) Presentation { p.Signed.Credential.Index++; return resigned(p) }},
		{"another holder", CodeForged, "signature", func(p Presentation, _ *Ask) Presentation {
			p.Signed.Credential.Holder = key(3).Public()
			p.Signature = key(3).Sign(tagPresentation, p.message())
			return p
		}},
		{"a holder's key of small order", fault.Invalid, "holder", func(p Presentation, _ *Ask) Presentation { p.Signed.Credential.Holder = sign.PublicKey{1}; return p }},
		{"vouching for oneself", fault.Invalid, "issuer", func(Presentation, *Ask) Presentation { return self() }},
		{"presented by who is not the holder", CodeForged, "signature", func(p Presentation, _ *Ask) Presentation {
			p.Signature = key(3).Sign(tagPresentation, p.message())
			return p
		}},
		{"to another verifier", CodeForAnother, "for", func(p Presentation, a *Ask) Presentation { a.For = "CHARLIE"; return p }},
		{"readdressed", CodeForged, "signature", func(p Presentation, a *Ask) Presentation { a.For, p.For = "ECHO", "ECHO"; return p }},
		{"under another nonce", CodeForAnother, "nonce", func(p Presentation, a *Ask) Presentation { a.Nonce = "n-2"; return p }},
		{"on another network", CodeForAnother, "chain", func(p Presentation, a *Ask) Presentation { a.Chain = "test-2"; return p }},
		{"after its end", CodeExpired, "expires", func(p Presentation, a *Ask) Presentation {
			a.Now = issued + 1000*hour
			a.Within = 2000 * hour
			return p
		}},
		{"just before its end", "", "", func(p Presentation, a *Ask) Presentation {
			a.Now = issued + 1000*hour - 1
			a.Within = 2000 * hour
			return p
		}},
		{"too late", CodeExpired, "time", func(p Presentation, a *Ask) Presentation { a.Now = issued + 26*hour; return p }},
		{"before it is made", CodeExpired, "time", func(p Presentation, a *Ask) Presentation { a.Now = issued; return p }},
	} {
		ask := asked
		p := c.make(presented(t, "country"), &ask)
		err := p.Check(ask)
		if fault.CodeOf(err) != c.code || err != nil && fault.Of(err).Field != c.field {
			t.Errorf("%s: %v (%s), want code %q in field %q", c.name, err, fault.CodeOf(err), c.code, c.field)
		}
	}
}

func TestOnlyTheHolderPresents(t *testing.T) {
	if _, err := held(t).Present(nil, "ALPHA", "", issued, key(3)); fault.CodeOf(err) != fault.Forbidden {
		t.Errorf("another key presents it: %v", err)
	}
	if _, err := held(t).Present([]string{"licence"}, "ALPHA", "", issued, key(2)); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a claim that it has not: %v", err)
	}
	if _, err := held(t).Present(nil, "A/B", "", issued, key(2)); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("to nobody: %v", err)
	}
	if _, err := held(t).Present(nil, "ALPHA", "n\n", issued, key(2)); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("under a nonce of two lines: %v", err)
	}
	if _, err := held(t).Present(nil, "ALPHA", strings.Repeat("n", maxNonce+1), issued, key(2)); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("under a long nonce: %v", err)
	}
}

func TestWhatNobodyCouldReadIsNotIssued(t *testing.T) {
	many := map[string]string{}
	for i := range Most + 1 {
		many[strings.Repeat("a", i%60+1)+string(rune('a'+i/60))] = "x"
	}
	for name, c := range map[string]struct {
		change func(*Credential)
		claims map[string]string
	}{
		"no claims":         {nil, nil},
		"too many":          {nil, many},
		"an empty value":    {nil, map[string]string{"country": ""}},
		"a name in words":   {nil, map[string]string{"legal name": "x"}},
		"two lines":         {nil, map[string]string{"legal_name": "x\nissuer  CHARLIE"}},
		"an escape":         {nil, map[string]string{"legal_name": "x\x1b[2J"}},
		"text turned round": {nil, map[string]string{"legal_name": "x\u202ey"}},
		"a long value":      {nil, map[string]string{"x": strings.Repeat("x", maxValue+1)}},
		"about itself":      {func(c *Credential) { c.Subject = c.Issuer }, claims},
		"over at once":      {func(c *Credential) { c.Expires = c.Issued }, claims},
		"for ever":          {func(c *Credential) { c.Expires = c.Issued + MaxValid + 1 }, claims},
		"on no list":        {func(c *Credential) { c.List = "" }, claims},
		"off every list":    {func(c *Credential) { c.Index = MaxSize }, claims},
	} {
		about := about()
		if c.change != nil {
			c.change(&about)
		}
		if _, err := Issue(about, c.claims, key(1), &counting{}); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Issue(about(), claims, key(1), strings.NewReader("short")); err == nil {
		t.Error("a credential is issued without salts")
	}
}

// An index is chosen among those that nobody has, and says nothing of when it was.
func TestAFreeIndexIsChosenAtRandom(t *testing.T) {
	s := Status{List: "kyc", Bits: make([]byte, MinSize/8)}
	var taken []uint32
	for i := range uint32(MinSize) {
		if i != 40 && i != 700 {
			taken = append(taken, i)
		}
	}
	seen := map[uint32]bool{}
	for b := range byte(8) {
		i, err := s.Free(taken, bytes.NewReader(bytes.Repeat([]byte{b}, 8)))
		if err != nil {
			t.Fatal(err)
		}
		seen[i] = true
	}
	if len(seen) != 2 || !seen[40] || !seen[700] {
		t.Errorf("chosen are %v", seen)
	}
	s = s.Revoke(700)
	if i, err := s.Free(taken, &counting{}); err != nil || i != 40 {
		t.Errorf("a revoked index is given away: %d, %v", i, err)
	}
	if _, err := s.Revoke(40).Free(taken, &counting{}); fault.CodeOf(err) != fault.Refused {
		t.Errorf("a full list: %v", err)
	}
	if s.Count() != 1 || s.Revoked(699) || !s.Revoked(MinSize) {
		t.Errorf("%d are revoked", s.Count())
	}
	if _, err := s.Free(nil, strings.NewReader("")); err == nil {
		t.Error("an index is chosen without chance")
	}
}

// A stranger writes both files. What is taken is what the keys signed.
func FuzzPresentation(f *testing.F) {
	good := presented(f, "country").Marshal()
	f.Add(good)
	f.Add(held(f).Marshal())
	other := presented(f, "legal_name", "registration")
	other.For, other.Proof = party.Code("A/B"), good // refused for its form
	f.Add(other.Marshal())
	f.Fuzz(func(t *testing.T, data []byte) {
		if h, err := Read(data); err == nil && !bytes.Equal(data, h.Marshal()) {
			t.Fatal("a file is read that is written otherwise")
		}
		p, err := ReadPresentation(data)
		if err != nil {
			return
		}
		if p.Check(asked) != nil {
			return
		}
		p.Proof = nil // it stands beside what is signed
		if !bytes.Equal(p.Marshal(), good) {
			t.Fatalf("a presentation is taken that nobody made: %+v", p)
		}
	})
}
