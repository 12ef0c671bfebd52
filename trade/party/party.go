// Package party holds who trades: members of the network with their keys, and
// the delegates through whom a member authorises what it does (MEF 114 [R6],
// [R7]; FEATURES IDN-01 to IDN-10).
package party

import (
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/money"
)

// Code names a member: 1 to 32 letters, digits, dots, underscores and hyphens,
// beginning with a letter or digit. Case counts.
type Code string

// Validate refuses a code that is not of the form. Code: invalid.
func (c Code) Validate() error {
	if !Plain(string(c), 32) {
		return fault.Newf(fault.Invalid, "use 1 to 32 letters, digits, '.', '_' or '-', beginning with a letter or digit",
			"%q is no member code", clip(string(c)))
	}
	return nil
}

// Plain reports whether s is a name that is safe in keys, file names and
// addresses: 1 to most letters, digits, '.', '_', '-', the first a letter or
// digit.
func Plain(s string, most int) bool {
	if len(s) == 0 || len(s) > most {
		return false
	}
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case i > 0 && (c == '.' || c == '_' || c == '-'):
		default:
			return false
		}
	}
	return true
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "..."
	}
	return s
}

// Key is a signing key with the heights at which it counts: from From on, and
// before Until. Until 0 is open.
type Key struct {
	Key   sign.PublicKey `cbor:"1,keyasint" json:"key"`
	From  uint64         `cbor:"2,keyasint" json:"from"`
	Until uint64         `cbor:"3,keyasint,omitempty" json:"until,omitempty"`
}

// At reports whether the key counts at a height.
func (k Key) At(height uint64) bool {
	return k.From <= height && (k.Until == 0 || height < k.Until)
}

// SealingKey is a key to which partners seal (ML-KEM-768 + X25519), with the
// heights at which it is to be used.
type SealingKey struct {
	Key   []byte `cbor:"1,keyasint" json:"key"`
	From  uint64 `cbor:"2,keyasint" json:"from"`
	Until uint64 `cbor:"3,keyasint,omitempty" json:"until,omitempty"`
}

// At reports whether the key is to be used at a height.
func (k SealingKey) At(height uint64) bool {
	return k.From <= height && (k.Until == 0 || height < k.Until)
}

// Alias is another name of a member in a public registry, for example scheme
// "OCN", "TADIG" or "ASN".
type Alias struct {
	Scheme string `cbor:"1,keyasint" json:"scheme"`
	Value  string `cbor:"2,keyasint" json:"value"`
}

// Application is what a carrier asks to be admitted as. It is signed with the
// member key, the node key and the recovery key, so that nobody registers a
// key that is not its own.
type Application struct {
	Code      Code           `cbor:"1,keyasint" json:"code"`
	LegalName string         `cbor:"2,keyasint" json:"legal_name"`
	Country   string         `cbor:"3,keyasint" json:"country"` // ISO 3166-1 alpha-2
	Aliases   []Alias        `cbor:"4,keyasint,omitempty" json:"aliases,omitempty"`
	Exchange  string         `cbor:"5,keyasint" json:"exchange"` // host:port where its files arrive
	Member    sign.PublicKey `cbor:"6,keyasint" json:"member"`   // stands for the company
	Node      sign.PublicKey `cbor:"7,keyasint" json:"node"`     // signs the node's envelopes
	Sealing   []byte         `cbor:"8,keyasint" json:"sealing"`  // 1216 bytes of an ML-KEM-768 + X25519 key
	Recovery  sign.PublicKey `cbor:"9,keyasint" json:"recovery"` // kept off line; replaces a lost member key
}

// tagApplication separates signatures under applications from all others.
const tagApplication = "lateral/application/1"

// Signed is an application with its three signatures.
type Signed struct {
	Application Application    `cbor:"1,keyasint" json:"application"`
	Member      sign.Signature `cbor:"2,keyasint" json:"member"`
	Node        sign.Signature `cbor:"3,keyasint" json:"node"`
	Recovery    sign.Signature `cbor:"4,keyasint" json:"recovery"`
}

// Sign fills in the three public keys and signs the application with each.
func (a Application) Sign(member, node, recovery sign.PrivateKey) Signed {
	a.Member, a.Node, a.Recovery = member.Public(), node.Public(), recovery.Public()
	msg := canon.Must(a)
	return Signed{a, member.Sign(tagApplication, msg), node.Sign(tagApplication, msg), recovery.Sign(tagApplication, msg)}
}

// sealingSize is the size of an ML-KEM-768 + X25519 public key.
const sealingSize = 1216

// Validate checks form, keys and signatures. Codes: invalid, refused.
func (s Signed) Validate() error {
	a := s.Application
	if err := a.Code.Validate(); err != nil {
		return fault.Of(err).In("code")
	}
	for _, f := range []struct {
		name, value string
		most        int
	}{{"legal_name", a.LegalName, 200}, {"exchange", a.Exchange, 260}} {
		if f.value == "" || len(f.value) > f.most {
			return fault.Newf(fault.Invalid, "fill it in", "%s is empty or longer than %d bytes", f.name, f.most).In(f.name)
		}
	}
	if len(a.Country) != 2 || a.Country[0] < 'A' || a.Country[0] > 'Z' || a.Country[1] < 'A' || a.Country[1] > 'Z' {
		return fault.New(fault.Invalid, "the country is not two capital letters", "use the ISO 3166-1 alpha-2 code").In("country")
	}
	if len(a.Aliases) > 16 {
		return fault.New(fault.Invalid, "more than 16 aliases", "leave some out").In("aliases")
	}
	for i, al := range a.Aliases {
		if !Plain(al.Scheme, 16) || !Plain(al.Value, 64) {
			return fault.New(fault.Invalid, "an alias is not made of plain letters and digits", "write scheme and value as the registry does").In("aliases")
		}
		for _, b := range a.Aliases[:i] {
			if al == b {
				return fault.New(fault.Invalid, "an alias is there twice", "name it once").In("aliases")
			}
		}
	}
	if err := CheckSealing(a.Sealing); err != nil {
		return err
	}
	keys := []struct {
		name string
		key  sign.PublicKey
		sig  sign.Signature
	}{{"member", a.Member, s.Member}, {"node", a.Node, s.Node}, {"recovery", a.Recovery, s.Recovery}}
	for _, k := range keys {
		if err := sign.CheckKey(k.key); err != nil {
			return fault.Of(err).In(k.name)
		}
	}
	msg := canon.Must(a)
	for _, k := range keys {
		if !sign.Verify(k.key, tagApplication, msg, k.sig) {
			return fault.New(fault.Refused, "the signature is not that of the "+k.name+" key", "sign the application with all three keys").In(k.name)
		}
	}
	if a.Member == a.Node || a.Member == a.Recovery || a.Node == a.Recovery {
		return fault.New(fault.Invalid, "one key stands in two roles", "use three different keys").In("member")
	}
	return nil
}

// CheckSealing refuses what cannot be a sealing key. Code: invalid.
func CheckSealing(key []byte) error {
	if len(key) != sealingSize {
		return fault.Newf(fault.Invalid, "use the key that lateral node init made", "a sealing key has %d bytes, this one %d", sealingSize, len(key)).In("sealing")
	}
	return nil
}

// Member is a carrier on the network, as the Omnilateral has it.
type Member struct {
	Code      Code           `cbor:"1,keyasint" json:"code"`
	LegalName string         `cbor:"2,keyasint" json:"legal_name"`
	Country   string         `cbor:"3,keyasint" json:"country"`
	Aliases   []Alias        `cbor:"4,keyasint,omitempty" json:"aliases,omitempty"`
	Exchange  string         `cbor:"5,keyasint" json:"exchange"`
	Members   []Key          `cbor:"6,keyasint" json:"member_keys"` // oldest first
	Nodes     []Key          `cbor:"7,keyasint" json:"node_keys"`
	Sealing   []SealingKey   `cbor:"8,keyasint" json:"sealing_keys"`
	Recovery  sign.PublicKey `cbor:"9,keyasint" json:"recovery"`
	State     State          `cbor:"10,keyasint" json:"state"`
	Since     uint64         `cbor:"11,keyasint" json:"since"` // height of the last change of state
	Sponsor   Code           `cbor:"12,keyasint,omitempty" json:"sponsor,omitempty"`
	Vouchers  []Code         `cbor:"13,keyasint,omitempty" json:"vouchers,omitempty"` // the sponsor first
	Deadline  int64          `cbor:"14,keyasint,omitempty" json:"deadline,omitempty"` // for admission; block time, ms UTC
}

// MemberKey reports whether k stands for the company at a height.
func (m Member) MemberKey(k sign.PublicKey, height uint64) bool { return find(m.Members, k, height) }

// NodeKey reports whether k signs for one of the member's nodes at a height.
func (m Member) NodeKey(k sign.PublicKey, height uint64) bool { return find(m.Nodes, k, height) }

func find(keys []Key, k sign.PublicKey, height uint64) bool {
	for _, e := range keys {
		if e.Key == k && e.At(height) {
			return true
		}
	}
	return false
}

// SealingKeys gives the keys to seal to at a height, oldest first.
func (m Member) SealingKeys(height uint64) [][]byte {
	var out [][]byte
	for _, e := range m.Sealing {
		if e.At(height) {
			out = append(out, e.Key)
		}
	}
	return out
}

// Role is what a delegate may authorise.
type Role string

// The roles of delegates.
const (
	Contracts Role = "contracts" // agreements, amendments, rate sheets, termination
	Orders    Role = "orders"    // place, accept, suspend, resume, terminate
	Disputes  Role = "disputes"  // decisions on disputed lines
	Finance   Role = "finance"   // acceptance of invoices, netting, payments, receipts; of tokens too

	Issuer     Role = "issuer"     // of tokens: mint, burn, reserve; by two persons
	Compliance Role = "compliance" // freeze and release, hold a payment and let it go
	Oracle     Role = "oracle"     // says what an exchange rate is
)

// Roles are all of them.
var Roles = []Role{Contracts, Orders, Disputes, Finance, Issuer, Compliance, Oracle}

// Known reports whether r is one of the roles.
func (r Role) Known() bool { return slices.Contains(Roles, r) }

// Delegate is a person or robot that may authorise for one side of a
// Bilateral, within a limit for each currency (MEF 114 [R6], [R7]).
type Delegate struct {
	Key     sign.PublicKey `cbor:"1,keyasint" json:"key"`
	Member  Code           `cbor:"2,keyasint" json:"member"`
	Name    string         `cbor:"3,keyasint" json:"name"`
	Roles   []Role         `cbor:"4,keyasint" json:"roles"`
	Limits  []money.Amount `cbor:"5,keyasint,omitempty" json:"limits,omitempty"` // largest amount of one command; no entry: none in that currency
	From    uint64         `cbor:"6,keyasint" json:"from"`                       // height
	Until   uint64         `cbor:"7,keyasint,omitempty" json:"until,omitempty"`  // height; 0 is open
	Revoked bool           `cbor:"8,keyasint,omitempty" json:"revoked,omitempty"`
}

// May reports whether the delegate has a role.
func (d Delegate) May(r Role) bool {
	for _, have := range d.Roles {
		if have == r {
			return true
		}
	}
	return false
}

// Counts reports whether the delegate acts for its member at a height.
func (d Delegate) Counts(height uint64) bool {
	return !d.Revoked && height >= d.From && (d.Until == 0 || height < d.Until)
}

// Limit gives the largest amount of one command in a currency.
func (d Delegate) Limit(c money.Currency) (money.Amount, bool) { return LimitIn(d.Limits, c) }

// LimitIn looks a currency up in a list of limits.
func LimitIn(limits []money.Amount, c money.Currency) (money.Amount, bool) {
	for _, l := range limits {
		if l.Currency == c {
			return l, true
		}
	}
	return money.Amount{Currency: c}, false
}

// CheckLimits refuses a list of limits with an unknown or repeated currency or
// a negative amount.
func CheckLimits(limits []money.Amount) error {
	for i, l := range limits {
		if err := l.Currency.Validate(); err != nil {
			return err
		}
		if l.Micro < 0 {
			return fault.Newf(fault.Invalid, "name an amount of zero or more", "the limit %s is negative", l)
		}
		for _, m := range limits[:i] {
			if m.Currency == l.Currency {
				return fault.Newf(fault.Invalid, "name one limit for each currency", "%s has two limits", l.Currency)
			}
		}
	}
	return nil
}

// Act is one side's authorised step, kept with what it brought about: who, by
// which key and limit, where and when. A delegate's signature is kept whole, so
// that the step can be shown to others (MEF 114 [R2], [R8]).
type Act struct {
	By        Code           `cbor:"1,keyasint" json:"by"`
	Key       sign.PublicKey `cbor:"2,keyasint,omitzero" json:"key,omitzero"` // delegate or member key; zero: the node alone
	Limit     string         `cbor:"3,keyasint,omitempty" json:"limit,omitempty"`
	Command   canon.Hash     `cbor:"4,keyasint" json:"command"` // SHA-256 of kind and body as signed
	Signature sign.Signature `cbor:"5,keyasint,omitzero" json:"signature,omitzero"`
	Expires   int64          `cbor:"6,keyasint,omitempty" json:"expires,omitempty"`
	Nonce     canon.Hash     `cbor:"7,keyasint,omitzero" json:"nonce,omitzero"`
	Height    uint64         `cbor:"8,keyasint" json:"height"`
	Time      int64          `cbor:"9,keyasint" json:"time"` // of the block, ms UTC
}
