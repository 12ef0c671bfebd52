package portal

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"

	"github.com/fxamacker/cbor/v2"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/fault"
)

// device is an authenticator in software: one key, made at one site, that counts
// what it signs (WebAuthn, section 6).
type device struct {
	site, origin string
	id           []byte
	key          *ecdsa.PrivateKey
	person       []byte
	count        uint32
	careless     bool // does not ask who holds it
}

func newDevice(site, origin string) *device {
	d := &device{site: site, origin: origin, id: make([]byte, 32)}
	rand.Read(d.id)
	d.key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return d
}

// options are what the portal asks a browser to do.
type options struct {
	PublicKey struct {
		Challenge string `json:"challenge"`
		RP        struct {
			ID string `json:"id"`
		} `json:"rp"`
		RPID string `json:"rpId"`
		User struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"user"`
		UserVerification       string `json:"userVerification"`
		AuthenticatorSelection struct {
			UserVerification string `json:"userVerification"`
		} `json:"authenticatorSelection"`
		AllowCredentials []struct {
			ID string `json:"id"`
		} `json:"allowCredentials"`
		ExcludeCredentials []struct {
			ID string `json:"id"`
		} `json:"excludeCredentials"`
	} `json:"publicKey"`
}

var b64url = base64.RawURLEncoding

// said is what the browser vouches for.
func (d *device) said(kind, challenge string) []byte {
	data, _ := json.Marshal(map[string]any{"type": kind, "challenge": challenge, "origin": d.origin, "crossOrigin": false})
	return data
}

// data is what the device vouches for.
func (d *device) data(more []byte) []byte {
	flags := byte(0x01) // somebody is there
	if !d.careless {
		flags |= 0x04 // and is who they should be
	}
	if more != nil {
		flags |= 0x40
	}
	site := sha256.Sum256([]byte(d.site))
	d.count++
	return append(binary.BigEndian.AppendUint32(append(site[:], flags), d.count), more...)
}

// makes answers what begins a passkey.
func (d *device) makes(t *testing.T, o options) string {
	t.Helper()
	d.person, _ = b64url.DecodeString(o.PublicKey.User.ID)
	point, err := d.key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	public, err := cbor.Marshal(map[int]any{1: 2, 3: -7, -1: 1, -2: point[1:33], -3: point[33:]})
	if err != nil {
		t.Fatal(err)
	}
	more := append(make([]byte, 16), binary.BigEndian.AppendUint16(nil, uint16(len(d.id)))...)
	more = append(append(more, d.id...), public...)
	object, err := cbor.Marshal(map[string]any{"fmt": "none", "attStmt": map[string]any{}, "authData": d.data(more)})
	if err != nil {
		t.Fatal(err)
	}
	return d.answer(map[string]any{"clientDataJSON": b64url.EncodeToString(d.said("webauthn.create", o.PublicKey.Challenge)),
		"attestationObject": b64url.EncodeToString(object), "transports": []string{"internal"}})
}

// signs answers what asks for a passkey.
func (d *device) signs(t *testing.T, o options) string {
	t.Helper()
	said, data := d.said("webauthn.get", o.PublicKey.Challenge), d.data(nil)
	hash := sha256.Sum256(said)
	whole := sha256.Sum256(append(append([]byte{}, data...), hash[:]...))
	signature, err := ecdsa.SignASN1(rand.Reader, d.key, whole[:])
	if err != nil {
		t.Fatal(err)
	}
	response := map[string]any{"clientDataJSON": b64url.EncodeToString(said), "authenticatorData": b64url.EncodeToString(data), "signature": b64url.EncodeToString(signature)}
	if d.person != nil {
		response["userHandle"] = b64url.EncodeToString(d.person)
	}
	return d.answer(response)
}

func (d *device) answer(response map[string]any) string {
	id := b64url.EncodeToString(d.id)
	data, _ := json.Marshal(map[string]any{"id": id, "rawId": id, "type": "public-key", "response": response, "clientExtensionResults": map[string]any{}})
	return string(data)
}

const host = "alpha.localhost:7080"

// paired gives ada's browser, and a device with her passkey.
func paired(t *testing.T, h *house) (*browser, *device) {
	t.Helper()
	h.signIn("ada", api.Clerk)
	b := h.named(host)
	b.enter("/session/password", `{"name":"ada","password":"`+good+`"}`)
	d := newDevice("alpha.localhost", "http://"+host)
	if a := b.add(d, "phone"); a.status != 200 || a.standing().Passkeys != 1 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	return b, d
}

// add makes a passkey for who is signed in.
func (b *browser) add(d *device, name string) answer {
	b.t.Helper()
	var o options
	b.ask("POST", "/session/own/passkeys/begin", "").into(b.t, &o)
	return b.ask("POST", "/session/own/passkeys/finish", `{"name":"`+name+`","credential":`+d.makes(b.t, o)+`}`)
}

// begin asks to sign in by a passkey.
func (b *browser) begin(body string) (o options) {
	b.t.Helper()
	b.ask("POST", "/session/passkey/begin", body).into(b.t, &o)
	return o
}

func TestAPasskeyIsMadeAndLetsIn(t *testing.T) {
	h := newHouse(t)
	b, d := paired(t, h)
	if s := b.ask("GET", "/session", "").standing(); strings.Join(s.Ways, " ") != "password passkey" {
		t.Errorf("ways: %v", s.Ways)
	}
	if string(d.person) == "ada" || len(d.person) != 16 {
		t.Errorf("the device knows the person as %q", d.person)
	}
	for _, by := range []string{`{}`, `{"name":"ada"}`} {
		c := h.named(host)
		o := c.begin(by)
		if o.PublicKey.RPID != "alpha.localhost" || o.PublicKey.UserVerification != "required" {
			t.Errorf("%+v", o)
		}
		if named := len(o.PublicKey.AllowCredentials); named != strings.Count(by, "ada") {
			t.Errorf("%s names %d passkeys", by, named)
		}
		a := c.enter("/session/passkey/finish", `{"credential":`+d.signs(t, o)+`}`)
		if s := a.standing(); a.status != 200 || s.Name != "ada" || s.OldNeeded || c.me() != "ada" {
			t.Errorf("%s: %d %s", by, a.status, a.body)
		}
	}
	// One that keeps no list says nothing of the person.
	d.person = nil
	c := h.named(host)
	if a := c.enter("/session/passkey/finish", `{"credential":`+d.signs(t, c.begin(`{"name":"ada"}`))+`}`); a.status != 200 {
		t.Errorf("without a list: %d %s", a.status, a.body)
	}
	var list struct{ Items []passkey }
	b.ask("GET", "/session/own/passkeys", "").into(t, &list)
	if len(list.Items) != 1 || list.Items[0].Name != "phone" || list.Items[0].Site != "alpha.localhost" || list.Items[0].Used.IsZero() {
		t.Errorf("%+v", list)
	}
	if a := b.ask("DELETE", "/session/own/passkeys/"+list.Items[0].ID, ""); a.status != 200 || a.standing().Passkeys != 0 {
		t.Errorf("removing: %d %s", a.status, a.body)
	}
	if b.me() != "ada" {
		t.Error("removing a passkey has ended the session that did it")
	}
	c.ask("GET", "/v1/me", "").is(t, "a session that the passkey began", 401, fault.Unauthorized)
	c.ask("POST", "/session/passkey/finish", `{"credential":`+d.signs(t, c.begin(`{}`))+`}`).is(t, "a removed passkey", 401, fault.Unauthorized)
	b.ask("DELETE", "/session/own/passkeys/"+list.Items[0].ID, "").is(t, "removing again", 404, fault.NotFound)
}

func TestAPasskeyThatDoesNotFitIsRefused(t *testing.T) {
	h := newHouse(t)
	_, d := paired(t, h)
	c := h.named(host)
	o := c.begin(`{}`)
	credential := d.signs(t, o)
	h.later(fresh)
	c.ask("POST", "/session/passkey/finish", `{"credential":`+credential+`}`).is(t, "after its time", 409, fault.NotYet)
	for what, bad := range map[string]func(d *device, o options) string{
		"another site's page": func(d *device, o options) string {
			d.origin = "https://alpha.localhost.evil.example"
			return d.signs(t, o)
		},
		"another port": func(d *device, o options) string { d.origin = "http://alpha.localhost:7081"; return d.signs(t, o) },
		"another site": func(d *device, o options) string { d.site = "evil.example"; return d.signs(t, o) },
		"another key": func(d *device, o options) string {
			d.key, _ = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
			return d.signs(t, o)
		},
		"a passkey of nobody": func(d *device, o options) string { d.id = make([]byte, 32); return d.signs(t, o) },
		"another person":      func(d *device, o options) string { d.person = make([]byte, 16); return d.signs(t, o) },
		"nobody was asked":    func(d *device, o options) string { d.careless = true; return d.signs(t, o) },
		"a copy":              func(d *device, o options) string { d.count = 0; return d.signs(t, o) },
	} {
		x := *d
		o := c.begin(`{}`)
		a := c.ask("POST", "/session/passkey/finish", `{"credential":`+bad(&x, o)+`}`)
		a.is(t, what, 401, fault.Unauthorized)
	}
	o = c.begin(`{}`)
	credential = d.signs(t, o)
	if a := c.ask("POST", "/session/passkey/finish", `{"credential":`+credential+`}`); a.status != 200 {
		t.Errorf("the right one: %d %s", a.status, a.body)
	}
	c.ask("POST", "/session/passkey/finish", `{"credential":`+credential+`}`).is(t, "the same again", 409, fault.NotYet)
	elsewhere := h.named("beta.localhost:7080")
	elsewhere.ask("POST", "/session/passkey/finish", `{"credential":`+d.signs(t, elsewhere.begin(`{}`))+`}`).is(t, "at another site of this node", 401, fault.Unauthorized)
	for name, bad := range map[string]string{"nothing": `null`, "a text": `"x"`, "empty": `{}`, "no response": `{"id":"AA","rawId":"AA","type":"public-key","response":{}}`,
		"bad base64": `{"id":"!","rawId":"!","type":"public-key","response":{"clientDataJSON":"!","authenticatorData":"!","signature":"!"}}`} {
		c.ask("POST", "/session/passkey/finish", `{"credential":`+bad+`}`).is(t, name, 422, fault.Invalid)
	}
}

func TestAPasskeyIsForTheOneWhoAskedForIt(t *testing.T) {
	h := newHouse(t)
	b, d := paired(t, h)
	h.signIn("eve", api.Clerk)
	eve := h.named(host)
	eve.enter("/session/password", `{"name":"eve","password":"`+good+`"}`)
	// What was begun by one is not finished by another.
	var o options
	b.ask("POST", "/session/own/passkeys/begin", "").into(t, &o)
	if len(o.PublicKey.ExcludeCredentials) != 1 || o.PublicKey.RP.ID != "alpha.localhost" {
		t.Errorf("%+v", o)
	}
	other := newDevice("alpha.localhost", "http://"+host)
	credential := other.makes(t, o)
	eve.ask("POST", "/session/own/passkeys/finish", `{"name":"x","credential":`+credential+`}`).is(t, "another's passkey", 409, fault.NotYet)
	b.ask("POST", "/session/own/passkeys/finish", `{"name":"x","credential":`+credential+`}`).is(t, "what was tried by another", 409, fault.NotYet)
	// One that is there is not taken over.
	same := *d
	if a := eve.add(&same, "mine"); a.status != 409 || a.problem().Code != fault.Conflict {
		t.Errorf("ada's device for eve: %d %s", a.status, a.body)
	}
	for _, name := range []string{"", " ", "a\\u0000b", strings.Repeat("x", 65), "a\\nb"} {
		if a := b.add(newDevice("alpha.localhost", "http://"+host), name); a.status != 422 || a.problem().Field != "name" {
			t.Errorf("a passkey named %q: %d %s", name, a.status, a.body)
		}
	}
	if a := b.add(newDevice("alpha.localhost", "https://evil.example"), "x"); a.status != 422 {
		t.Errorf("made on another site's page: %d %s", a.status, a.body)
	}
}

// Who asks for the passkeys of a name does not learn who is there.
func TestAnUnknownNameIsAskedForAPasskeyToo(t *testing.T) {
	h := newHouse(t)
	paired(t, h)
	c := h.named(host)
	first, again, other := c.begin(`{"name":"nobody"}`), c.begin(`{"name":"Nobody "}`), c.begin(`{"name":"somebody"}`)
	ids := []string{}
	for _, o := range []options{first, again, other} {
		if len(o.PublicKey.AllowCredentials) != 1 || len(o.PublicKey.AllowCredentials[0].ID) != 43 {
			t.Fatalf("%+v", o)
		}
		ids = append(ids, o.PublicKey.AllowCredentials[0].ID)
	}
	if ids[0] != ids[1] || ids[0] == ids[2] {
		t.Errorf("%v", ids)
	}
}

func TestWhereTheHostHasNoNameThereAreNoPasskeys(t *testing.T) {
	h := newHouse(t)
	b := h.signIn("ada", api.Clerk) // at 127.0.0.1
	b.ask("POST", "/session/own/passkeys/begin", "").is(t, "making one", 422, fault.Refused)
	b.ask("POST", "/session/passkey/begin", "{}").is(t, "using one", 422, fault.Refused)
}
