package user

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/lateral-network/lateral/fault"
)

// Passkeys (WebAuthn). One is for the site that it was made at, and stands for
// the person by itself: the device asks for a finger, a face or its PIN.

// Site is where a person's browser is.
type Site struct {
	ID      string   // host without port, as WebAuthn calls it
	Origins []string // scheme, host and port
	Name    string   // for people
}

// Takes tells whether passkeys can be made at a site: not where it has no name but
// an address.
func (s Site) Takes() bool { return protocol.ValidateRPID(s.ID) == nil && len(s.Origins) > 0 }

// Passkey is one of a person's, for its list.
type Passkey struct {
	ID    string // base64url
	Name  string
	Site  string
	Added time.Time
	Used  time.Time // zero: never
}

// key is a passkey in the file.
type key struct {
	ID     string    `yaml:"id"`  // base64url
	Key    string    `yaml:"key"` // base64url of the public key, COSE
	Site   string    `yaml:"site"`
	Name   string    `yaml:"name"`
	Flags  uint8     `yaml:"flags"` // as the authenticator gave them
	Count  uint32    `yaml:"count"` // signatures, as the authenticator counts them; many do not
	Sort   string    `yaml:"sort,omitempty"`
	Routes []string  `yaml:"routes,omitempty"` // how the authenticator is reached
	Added  time.Time `yaml:"added"`
	Used   time.Time `yaml:"used,omitempty"`
}

var url64 = base64.RawURLEncoding.Strict()

func (k key) validate() error {
	id, err := url64.DecodeString(k.ID)
	if err != nil || len(id) == 0 || len(id) > 1023 {
		return damaged("id")
	}
	if b, err := url64.DecodeString(k.Key); err != nil || len(b) == 0 || len(b) > 4096 {
		return damaged("key")
	}
	if protocol.ValidateRPID(k.Site) != nil || len(k.Site) > 253 || len(k.Sort) > 64 || len(k.Routes) > 16 {
		return damaged("site")
	}
	return labelled(k.Name)
}

func labelled(name string) error {
	odd := func(r rune) bool { return !unicode.IsPrint(r) }
	if strings.TrimSpace(name) == "" || !utf8.ValidString(name) || utf8.RuneCountInString(name) > maxLabel || strings.ContainsFunc(name, odd) {
		return fault.New(fault.Invalid, "the name of a passkey is empty, too long, or has control characters", "use 1 to 64 printable characters, such as the device's name").In("name")
	}
	return nil
}

// credential gives a passkey as the library wants it.
func (k key) credential() webauthn.Credential {
	id, _ := url64.DecodeString(k.ID) // both were checked when the file was read
	public, _ := url64.DecodeString(k.Key)
	c := webauthn.Credential{ID: id, PublicKey: public, AttestationFormat: k.Sort,
		Flags:         webauthn.NewCredentialFlags(protocol.AuthenticatorFlags(k.Flags)),
		Authenticator: webauthn.Authenticator{SignCount: k.Count}}
	for _, r := range k.Routes {
		c.Transport = append(c.Transport, protocol.AuthenticatorTransport(r))
	}
	return c
}

// person is a record at a site, as the library wants it.
type person struct {
	record
	site string
}

// WebAuthnID implements webauthn.User.
func (p person) WebAuthnID() []byte {
	id, _ := hex.DecodeString(p.ID) // checked when the file was read
	return id
}

// WebAuthnName implements webauthn.User.
func (p person) WebAuthnName() string { return p.Name }

// WebAuthnDisplayName implements webauthn.User.
func (p person) WebAuthnDisplayName() string { return p.Name }

// WebAuthnCredentials implements webauthn.User.
func (p person) WebAuthnCredentials() (out []webauthn.Credential) {
	for _, k := range p.Passkeys {
		if k.Site == p.site {
			out = append(out, k.credential())
		}
	}
	return out
}

func (p person) descriptors() (out []protocol.CredentialDescriptor) {
	for _, c := range p.WebAuthnCredentials() {
		out = append(out, c.Descriptor())
	}
	return out
}

// ceremony is a passkey that is being made or used.
type ceremony struct {
	site string
	name string // who makes one; empty: one is used
	data webauthn.SessionData
}

// library gives the library for a site. Code: refused.
func library(at Site) (*webauthn.WebAuthn, error) {
	if !at.Takes() {
		return nil, fault.New(fault.Refused, "there are no passkeys at an address of numbers", "open the portal by the name of its host")
	}
	return webauthn.New(&webauthn.Config{
		RPID: at.ID, RPDisplayName: at.Name, RPOrigins: at.Origins, AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{ResidentKey: protocol.ResidentKeyRequirementPreferred, UserVerification: protocol.VerificationRequired},
		Timeouts:               webauthn.TimeoutsConfig{Login: webauthn.TimeoutConfig{Timeout: patience}, Registration: webauthn.TimeoutConfig{Timeout: patience}},
	})
}

func (f *File) begin(c ceremony) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ceremony.put(c.data.Challenge, c, f.now())
}

// end gives what was begun under a challenge, once. Code: not-yet.
func (f *File) end(challenge, site, name string) (webauthn.SessionData, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c, ok := f.ceremony.take(challenge, f.now())
	if !ok || c.site != site || c.name != name {
		return webauthn.SessionData{}, fault.New(fault.NotYet, "no passkey was asked for within the last five minutes", "begin again")
	}
	return c.data, nil
}

// BeginPasskey begins to make a passkey: what to hand to the browser, as JSON.
// Codes: not-found, refused.
func (f *File) BeginPasskey(name string, at Site) (*protocol.CredentialCreation, error) {
	lib, err := library(at)
	if err != nil {
		return nil, err
	}
	r, ok := f.find(name)
	if !ok {
		return nil, unknown(name)
	}
	if len(r.Passkeys) >= maxPasskeys {
		return nil, fault.Newf(fault.Refused, "remove one that is not used", "there are %d passkeys, and no more fit", maxPasskeys)
	}
	p := person{r, at.ID}
	options, data, err := lib.BeginRegistration(p, webauthn.WithExclusions(p.descriptors()))
	if err != nil {
		return nil, err
	}
	f.begin(ceremony{site: at.ID, name: r.Name, data: *data})
	return options, nil
}

// FinishPasskey keeps a passkey that the browser has made. Codes: invalid,
// not-yet, not-found, conflict, refused.
func (f *File) FinishPasskey(name, label string, at Site, credential []byte) (User, error) {
	lib, err := library(at)
	if err != nil {
		return User{}, err
	}
	label = strings.TrimSpace(label)
	if err := labelled(label); err != nil {
		return User{}, err
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(credential)
	if err != nil {
		return User{}, malformed(err)
	}
	r, ok := f.find(name)
	if !ok {
		return User{}, unknown(name)
	}
	data, err := f.end(parsed.Response.CollectedClientData.Challenge, at.ID, r.Name)
	if err != nil {
		return User{}, err
	}
	made, err := lib.CreateCredential(person{r, at.ID}, data, parsed)
	if err != nil {
		return User{}, malformed(err)
	}
	k := key{ID: url64.EncodeToString(made.ID), Key: url64.EncodeToString(made.PublicKey), Site: at.ID, Name: label, Sort: made.AttestationFormat,
		Flags: uint8(made.Flags.ProtocolValue()), Count: made.Authenticator.SignCount, Added: f.now().UTC().Truncate(time.Second)}
	for _, t := range made.Transport {
		if len(k.Routes) < 8 && len(t) < 32 {
			k.Routes = append(k.Routes, string(t))
		}
	}
	if _, taken := f.owner(k.ID); taken {
		return User{}, fault.New(fault.Conflict, "the passkey is there already", "use another device, or remove it first")
	}
	return f.change(r.Name, func(now *record) error {
		if now.ID != r.ID {
			return unknown(name) // another person by the same name, since a moment
		}
		now.Passkeys = append(now.Passkeys, k)
		return now.validate()
	})
}

func malformed(cause error) error {
	return fault.New(fault.Invalid, "the passkey does not answer what was asked", "begin again, at the address at which the portal is open").In("credential").Because(cause)
}

// owner finds whose a passkey is.
func (f *File) owner(id string) (record, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	all, _ := f.records()
	for _, r := range all {
		if slices.ContainsFunc(r.Passkeys, func(k key) bool { return k.ID == id }) {
			return r.clone(), true
		}
	}
	return record{}, false
}

// BeginSignIn begins to let somebody in by a passkey: what to hand to the browser,
// as JSON. Without a name the device offers those that it has; a name is for
// devices that keep no list. An unknown name gets an answer of the same form. Code:
// refused.
func (f *File) BeginSignIn(name string, at Site) (*protocol.CredentialAssertion, error) {
	lib, err := library(at)
	if err != nil {
		return nil, err
	}
	var options []webauthn.LoginOption
	if name = Folded(name); name != "" {
		r, _ := f.find(name)
		list := person{r, at.ID}.descriptors()
		if len(list) == 0 {
			list = f.madeUp(name)
		}
		options = append(options, webauthn.WithAllowedCredentials(list))
	}
	assertion, data, err := lib.BeginDiscoverableLogin(options...)
	if err != nil {
		return nil, err
	}
	f.begin(ceremony{site: at.ID, data: *data})
	return assertion, nil
}

// madeUp gives a passkey that is nobody's, the same one each time.
func (f *File) madeUp(name string) []protocol.CredentialDescriptor {
	mac := hmac.New(sha256.New, f.shade[:])
	mac.Write([]byte(name))
	return []protocol.CredentialDescriptor{{Type: protocol.PublicKeyCredentialType, CredentialID: mac.Sum(nil)}}
}

// FinishSignIn lets in whose passkey has signed. Codes: unauthorized, invalid,
// not-yet.
func (f *File) FinishSignIn(at Site, credential []byte) (User, error) {
	lib, err := library(at)
	if err != nil {
		return User{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(credential)
	if err != nil {
		return User{}, malformed(err)
	}
	data, err := f.end(parsed.Response.CollectedClientData.Challenge, at.ID, "")
	if err != nil {
		return User{}, err
	}
	refused := fault.New(fault.Unauthorized, "the passkey is none of this node, or has not signed what was asked", "try again, or sign in another way")
	id := url64.EncodeToString(parsed.RawID)
	r, ok := f.owner(id)
	if !ok {
		return User{}, refused
	}
	p := person{r, at.ID}
	data.UserID = p.WebAuthnID()
	used, err := lib.ValidateLogin(p, data, parsed)
	if err != nil {
		return User{}, refused.Because(err)
	}
	if used.Authenticator.CloneWarning {
		return User{}, fault.New(fault.Unauthorized, "the passkey has signed less often than it said before: there may be a copy of it", "sign in another way, and remove this passkey").Because(err)
	}
	return f.change(r.Name, func(now *record) error {
		i := slices.IndexFunc(now.Passkeys, func(k key) bool { return k.ID == id })
		if i < 0 || now.ID != r.ID {
			return refused
		}
		k := &now.Passkeys[i]
		if c := k.Count; c > 0 && used.Authenticator.SignCount <= c {
			return refused // the same signature twice, at the same time
		}
		k.Count, k.Flags, k.Used = used.Authenticator.SignCount, uint8(used.Flags.ProtocolValue()), f.now().UTC().Truncate(time.Second)
		return nil
	})
}

// Passkeys lists a person's passkeys, the first made first. Code: not-found.
func (f *File) Passkeys(name string) ([]Passkey, error) {
	r, ok := f.find(name)
	if !ok {
		return nil, unknown(name)
	}
	out := []Passkey{}
	for _, k := range r.Passkeys {
		out = append(out, Passkey{ID: k.ID, Name: k.Name, Site: k.Site, Added: k.Added, Used: k.Used})
	}
	return out, nil
}

// RemovePasskey takes a passkey away. Other sessions are over: its device may be
// in other hands. Code: not-found.
func (f *File) RemovePasskey(name, id string) (User, error) {
	return f.change(name, func(r *record) error {
		i := slices.IndexFunc(r.Passkeys, func(k key) bool { return k.ID == id })
		if i < 0 {
			return fault.New(fault.NotFound, "there is no such passkey", "look it up in the list").In("id")
		}
		r.Passkeys = slices.Delete(r.Passkeys, i, i+1)
		r.restamp()
		return nil
	})
}
