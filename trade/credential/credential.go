// Package credential is how a member shows others what a third has checked of it
// (FEATURES IDN-13): the issuer signs hashes of claims, the holder shows those that
// it chooses to one verifier, and the verifier looks at public records that it has
// itself, so that nobody else learns of it.
//
// The hiding is that of selective disclosure (RFC 9901): a claim is signed as the hash
// of its name, its value and a random salt, among hashes of nothing. Issuer, holder and
// verifier are those of the W3C Verifiable Credentials data model.
package credential

import (
	"bytes"
	"encoding/binary"
	"io"
	"maps"
	"math/bits"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/party"
)

// Codes of credentials that are not to be relied on.
const (
	// CodeForged says that a signature or a claim is not what was signed.
	CodeForged fault.Code = "credential-forged"
	// CodeExpired says that it is over, or was presented too long ago.
	CodeExpired fault.Code = "credential-expired"
	// CodeRevoked says that the issuer has taken it back.
	CodeRevoked fault.Code = "credential-revoked"
	// CodeIssuer says that who has signed it may not vouch for others now.
	CodeIssuer fault.Code = "credential-issuer"
	// CodeForAnother says that it was presented to somebody else.
	CodeForAnother fault.Code = "credential-for-another"
)

// Claim is one thing that the issuer has checked.
type Claim struct {
	Salt  canon.Hash `cbor:"1,keyasint" json:"salt"` // random: without it nobody finds the claim to its digest
	Name  string     `cbor:"2,keyasint" json:"name"`
	Value string     `cbor:"3,keyasint" json:"value"`
}

const (
	// Most is how many claims a credential has at most.
	Most     = 128
	maxValue = 4096
	// bucket is to what multiple the digests are filled up, so that their number says
	// little of how many claims there are.
	bucket = 32
)

const (
	tagClaim        = "lateral/credential/claim/1"
	tagCredential   = "lateral/credential/1"
	tagPresentation = "lateral/presentation/1"
)

// Digest is what is signed of a claim.
func (c Claim) Digest() canon.Hash { return canon.HashOf(tagClaim, c) }

func (c Claim) validate() error {
	if !party.Plain(c.Name, 64) {
		return fault.Newf(fault.Invalid, "use letters, digits, '.', '_' and '-', like beneficial_owner.1.name", "%.64q is no name of a claim", c.Name).In("claims")
	}
	if c.Value == "" || !line(c.Value, maxValue) {
		return fault.Newf(fault.Invalid, "write a line of text; of a document its hash", "the claim %s is empty, longer than %d bytes, or has characters that are not printed", c.Name, maxValue).In("claims")
	}
	return nil
}

// line reports whether a text can be shown as it is: what a stranger has written must
// not look like other lines of what a terminal prints.
func line(s string, most int) bool {
	return len(s) <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// Credential is what an issuer signs of a subject. It names no claim.
type Credential struct {
	Form    string         `cbor:"1,keyasint" json:"form"` // Form
	Chain   string         `cbor:"2,keyasint" json:"chain"`
	Issuer  party.Code     `cbor:"3,keyasint" json:"issuer"`
	Key     sign.PublicKey `cbor:"4,keyasint" json:"key"` // of the issuer's delegate with the role compliance
	Subject party.Code     `cbor:"5,keyasint" json:"subject"`
	Holder  sign.PublicKey `cbor:"6,keyasint" json:"holder"`   // whose key presents it
	List    string         `cbor:"7,keyasint" json:"list"`     // of the issuer, on which it is revoked
	Index   uint32         `cbor:"8,keyasint" json:"index"`    // there
	Issued  int64          `cbor:"9,keyasint" json:"issued"`   // ms UTC, by the issuer's word
	Expires int64          `cbor:"10,keyasint" json:"expires"` // ms UTC
	Digests []canon.Hash   `cbor:"11,keyasint" json:"digests"` // in byte order; some are of nothing
}

// Form is of a credential and of the holder's file, PresentationForm of what a verifier
// gets.
const (
	Form             = "lateral/credential/1"
	PresentationForm = "lateral/presentation/1"
)

const dayMillis = 86_400_000

// MaxValid is how long a credential is valid at most, in ms: no check of who
// somebody is counts for longer.
const MaxValid = 5 * 366 * dayMillis

// Signed is a credential under its issuer's signature.
type Signed struct {
	Credential Credential     `cbor:"1,keyasint" json:"credential"`
	Signature  sign.Signature `cbor:"2,keyasint" json:"signature"`
}

// Hash names a credential.
func (s Signed) Hash() canon.Hash { return canon.HashOf(tagCredential, s) }

// validate checks what the credential says by itself, and its signature.
func (s Signed) validate() error {
	c := s.Credential
	bad := func(field, detail string) error {
		return fault.New(fault.Invalid, detail, "ask for a credential as lateral credential issue makes it").In(field)
	}
	switch {
	case c.Form != Form:
		return bad("form", "it is no credential that this version knows")
	case c.Issuer.Validate() != nil || c.Subject.Validate() != nil:
		return bad("subject", "issuer or subject is no member code")
	case c.Chain == "" || !line(c.Chain, 64):
		return bad("chain", "it names no network")
	case c.Issuer == c.Subject:
		return bad("issuer", "nobody vouches for itself")
	case sign.CheckKey(c.Key) != nil || sign.CheckKey(c.Holder) != nil:
		return bad("holder", "a key is none that signs")
	case !ListName(c.List) || c.Index >= MaxSize:
		return bad("list", "it stands on no list of revocations")
	case c.Expires <= c.Issued || c.Issued < 0 || c.Expires-c.Issued > MaxValid:
		return bad("expires", "it ends before it begins, or is valid for more than five years")
	case len(c.Digests) == 0 || len(c.Digests) > Most || len(c.Digests)%bucket != 0:
		return bad("digests", "the number of digests is not a multiple of 32 up to 128")
	}
	for i, d := range c.Digests[1:] {
		if bytes.Compare(c.Digests[i][:], d[:]) >= 0 {
			return bad("digests", "the digests are not in order, each once")
		}
	}
	if !sign.Verify(c.Key, tagCredential, canon.Must(c), s.Signature) {
		return fault.New(CodeForged, "the issuer has not signed this credential", "ask the holder for the original").In("signature")
	}
	return nil
}

// Held is a credential with all its claims: the holder's file, which is secret.
type Held struct {
	Form   string  `cbor:"1,keyasint" json:"form"`
	Signed Signed  `cbor:"2,keyasint" json:"signed"`
	Claims []Claim `cbor:"3,keyasint" json:"claims"` // by name
}

// Issue signs a credential of claims (value by name). The caller fills in what it is
// about; random gives salts. Code: invalid.
func Issue(c Credential, claims map[string]string, key sign.PrivateKey, random io.Reader) (h Held, err error) {
	if len(claims) == 0 || len(claims) > Most {
		return h, fault.Newf(fault.Invalid, "name one claim to 128", "%d claims", len(claims)).In("claims")
	}
	c.Form, c.Key, c.Digests = Form, key.Public(), nil
	h.Form = Form
	for _, name := range slices.Sorted(maps.Keys(claims)) {
		claim := Claim{Name: name, Value: claims[name]}
		if _, err := io.ReadFull(random, claim.Salt[:]); err != nil {
			return h, err
		}
		h.Claims = append(h.Claims, claim)
		c.Digests = append(c.Digests, claim.Digest())
	}
	for len(c.Digests)%bucket != 0 {
		var of canon.Hash
		if _, err := io.ReadFull(random, of[:]); err != nil {
			return h, err
		}
		c.Digests = append(c.Digests, canon.Sum(tagClaim, of[:]))
	}
	slices.SortFunc(c.Digests, func(a, b canon.Hash) int { return bytes.Compare(a[:], b[:]) })
	h.Signed = Signed{c, key.Sign(tagCredential, canon.Must(c))}
	return h, h.Validate()
}

func byName(a, b Claim) int { return strings.Compare(a.Name, b.Name) }

// Validate checks the holder's file by itself. Codes: invalid, credential-forged.
func (h Held) Validate() error {
	if h.Form != Form {
		return fault.New(fault.Invalid, "it is no credential that this version knows", "name a file that lateral credential issue wrote").In("form")
	}
	if err := h.Signed.validate(); err != nil {
		return err
	}
	return h.Signed.covers(h.Claims)
}

// covers checks that each claim is signed, and none is there twice.
func (s Signed) covers(claims []Claim) error {
	for i, c := range claims {
		if err := c.validate(); err != nil {
			return err
		}
		if i > 0 && claims[i-1].Name >= c.Name {
			return fault.New(fault.Invalid, "the claims are not in order of their names, each once", "ask for the original").In("claims")
		}
		d := c.Digest()
		if _, signed := slices.BinarySearchFunc(s.Credential.Digests, d, func(a, b canon.Hash) int { return bytes.Compare(a[:], b[:]) }); !signed {
			return fault.Newf(CodeForged, "trust nothing that it says", "the issuer has not signed the claim %s as it stands here", c.Name).In("claims")
		}
	}
	return nil
}

// Marshal gives the bytes of the holder's file.
func (h Held) Marshal() []byte { return canon.Must(h) }

// MaxFile is how large a credential or a presentation is at most, in bytes.
const MaxFile = 1 << 20

// Read reads a holder's file. Codes: invalid, credential-forged.
func Read(data []byte) (h Held, err error) {
	if err := decode(data, &h, "lateral credential issue"); err != nil {
		return h, err
	}
	return h, h.Validate()
}

func decode(data []byte, into any, by string) error {
	if len(data) > MaxFile {
		return fault.Newf(fault.Invalid, "name a file that "+by+" wrote", "the file has more than %d bytes", MaxFile)
	}
	if err := canon.Decode(data, into); err != nil {
		return fault.New(fault.Invalid, "the file is none of this form", "name a file that "+by+" wrote").Because(err)
	}
	return nil
}

// Presentation is what a holder shows one verifier.
type Presentation struct {
	Form      string         `cbor:"1,keyasint" json:"form"` // PresentationForm
	Signed    Signed         `cbor:"2,keyasint" json:"signed"`
	Claims    []Claim        `cbor:"3,keyasint,omitempty" json:"claims"` // that are shown, by name
	For       party.Code     `cbor:"4,keyasint" json:"for"`
	Nonce     string         `cbor:"5,keyasint,omitempty" json:"nonce,omitempty"` // the verifier's word, at most 200 bytes
	Time      int64          `cbor:"6,keyasint" json:"time"`                      // ms UTC, by the holder's word
	Signature sign.Signature `cbor:"7,keyasint" json:"signature"`                 // the holder's, over all before it
	Proof     []byte         `cbor:"8,keyasint,omitempty" json:"-"`               // of the public records, for who has no node
}

const maxNonce = 200

// message is what the holder signs.
func (p Presentation) message() []byte {
	p.Signature, p.Proof = sign.Signature{}, nil
	return canon.Must(p)
}

// Present shows some of a credential's claims to one verifier, at a time (ms UTC).
// Codes: invalid, not-found, forbidden when the key is not the holder's.
func (h Held) Present(names []string, to party.Code, nonce string, at int64, key sign.PrivateKey) (p Presentation, err error) {
	if key.Public() != h.Signed.Credential.Holder {
		return p, fault.Newf(fault.Forbidden, "sign with the holder's key", "the credential is for the key %s", h.Signed.Credential.Holder.Short()).In("key")
	}
	if err := to.Validate(); err != nil {
		return p, fault.Of(err).In("for")
	}
	if !line(nonce, maxNonce) {
		return p, fault.Newf(fault.Invalid, "use a shorter line of text", "the nonce is longer than %d bytes, or has characters that are not printed", maxNonce).In("nonce")
	}
	p = Presentation{Form: PresentationForm, Signed: h.Signed, For: to, Nonce: nonce, Time: at}
	for _, name := range names {
		i := slices.IndexFunc(h.Claims, func(c Claim) bool { return c.Name == name })
		if i < 0 {
			return p, fault.Newf(fault.NotFound, "look at its names with lateral credential show", "the credential has no claim %.64q", name).In("claims")
		}
		p.Claims = append(p.Claims, h.Claims[i])
	}
	slices.SortFunc(p.Claims, byName)
	p.Claims = slices.CompactFunc(p.Claims, func(a, b Claim) bool { return a == b })
	p.Signature = key.Sign(tagPresentation, p.message())
	return p, nil
}

// Marshal gives the bytes of a presentation's file.
func (p Presentation) Marshal() []byte { return canon.Must(p) }

// ReadPresentation reads what Marshal wrote. What it says is the issuer's word; whether
// it counts is not checked. Codes: invalid, credential-forged.
func ReadPresentation(data []byte) (p Presentation, err error) {
	if err := decode(data, &p, "lateral credential present"); err != nil {
		return p, err
	}
	return p, p.validate()
}

// validate checks the form of a presentation, and that the issuer has signed what it
// shows.
func (p Presentation) validate() error {
	if p.Form != PresentationForm || p.For.Validate() != nil || !line(p.Nonce, maxNonce) {
		return fault.New(fault.Invalid, "it is no presentation that this version knows", "name a file that lateral credential present wrote").In("form")
	}
	if err := p.Signed.validate(); err != nil {
		return err
	}
	return p.Signed.covers(p.Claims)
}

// Ask is what a verifier asks of a presentation.
type Ask struct {
	Chain  string
	For    party.Code // the verifier itself
	Nonce  string     // that it has named; "" is none
	Now    int64      // ms UTC
	Within int64      // how old the presentation may be, ms
}

// maxAhead is how far the holder's clock may be ahead of the verifier's, in ms.
const maxAhead = 60_000

// Check checks what a presentation says by itself: whether the issuer may vouch and has
// not revoked it stands in public records. Codes: invalid, credential-forged,
// credential-expired, credential-for-another.
func (p Presentation) Check(ask Ask) error {
	if err := p.validate(); err != nil {
		return err
	}
	c := p.Signed.Credential
	if !sign.Verify(c.Holder, tagPresentation, p.message(), p.Signature) {
		return fault.New(CodeForged, "the holder has not signed this presentation", "ask the holder for the original").In("signature")
	}
	switch {
	case c.Chain != ask.Chain:
		return fault.Newf(CodeForAnother, "ask for one of this network", "the credential is of the network %.64q", c.Chain).In("chain")
	case p.For != ask.For:
		return fault.Newf(CodeForAnother, "ask the holder to present it to you", "it is presented to %.32s, not to %s", p.For, ask.For).In("for")
	case p.Nonce != ask.Nonce:
		return fault.New(CodeForAnother, "name the nonce that you gave the holder, and ask for a presentation under it", "the presentation bears another nonce").In("nonce")
	case c.Issued > ask.Now+maxAhead || p.Time > ask.Now+maxAhead:
		return fault.New(CodeExpired, "the credential or its presentation is of a time to come", "compare the clocks").In("time")
	case c.Expires <= ask.Now || c.Expires <= p.Time:
		return fault.New(CodeExpired, "the credential is over", "ask the holder for a new one").In("expires")
	case p.Time < ask.Now-ask.Within:
		return fault.New(CodeExpired, "it was presented too long ago", "ask the holder to present it again, or take older ones (--within)").In("time")
	}
	return nil
}

// Status is a list of an issuer's revocations, as it stands on the Omnilateral: a bit
// for each credential that stands on it, and for many that do not.
type Status struct {
	Issuer  party.Code `cbor:"1,keyasint" json:"issuer"`
	List    string     `cbor:"2,keyasint" json:"list"`
	Bits    []byte     `cbor:"3,keyasint" json:"bits"`    // bit i%8, the lowest first, of byte i/8: index i is revoked
	Version uint32     `cbor:"4,keyasint" json:"version"` // how often it has changed, from 1
	Act     party.Act  `cbor:"5,keyasint" json:"act"`     // of the last change
}

// How many indexes a list has: a power of two, so that a small list does not tell
// who is on it.
const (
	MinSize = 1024
	MaxSize = 65_536
)

// ListName reports whether s names a list.
func ListName(s string) bool { return party.Plain(s, 32) }

// GoodSize reports whether a list may have so many indexes.
func GoodSize(n uint32) bool { return n >= MinSize && n <= MaxSize && n&(n-1) == 0 }

// Size is how many indexes the list has.
func (s Status) Size() uint32 { return uint32(len(s.Bits)) * 8 }

// Revoked reports whether the credential of an index is revoked; an index beyond the
// list is.
func (s Status) Revoked(index uint32) bool {
	return index >= s.Size() || s.Bits[index/8]&(1<<(index%8)) != 0
}

// Revoke gives the list with an index revoked, which must be on it. The list itself
// does not change.
func (s Status) Revoke(index uint32) Status {
	s.Bits = slices.Clone(s.Bits)
	s.Bits[index/8] |= 1 << (index % 8)
	return s
}

// Count is how many indexes are revoked.
func (s Status) Count() (n uint32) {
	for _, b := range s.Bits {
		n += uint32(bits.OnesCount8(b))
	}
	return n
}

// Free chooses at random an index that is neither revoked nor taken, so that it tells
// nothing of the credential. Code: refused when there is none.
func (s Status) Free(taken []uint32, random io.Reader) (uint32, error) {
	used := make(map[uint32]bool, len(taken))
	for _, i := range taken {
		used[i] = true
	}
	var free []uint32
	for i := range s.Size() {
		if !s.Revoked(i) && !used[i] {
			free = append(free, i)
		}
	}
	if len(free) == 0 {
		return 0, fault.Newf(fault.Refused, "publish another list", "no index of the list %s is free", s.List).In("list")
	}
	var raw [8]byte // of 64 bits, what the division favours is not seen
	if _, err := io.ReadFull(random, raw[:]); err != nil {
		return 0, err
	}
	return free[binary.BigEndian.Uint64(raw[:])%uint64(len(free))], nil
}
