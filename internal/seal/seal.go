// Package seal closes bytes so that one reader, and nobody else, can open
// them: HPKE (RFC 9180, base mode) with the hybrid of ML-KEM-768 and X25519,
// HKDF-SHA256 and AES-256-GCM.
//
// [Wrap] and [Open] are for small secrets in one piece; [NewWriter] and
// [NewReader] are for files of any size. Both bind an info string of the
// caller's: it is not sent, the reader must know it, and bytes sealed under
// one info do not open under another. Sealing says nothing of who sealed;
// where that matters, sign what was sealed or send it over a channel that
// knows its peer.
package seal

import (
	"crypto/hpke"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
)

// CodeUnreadable: sealed bytes do not open. They are sealed for another key or
// another info, or they were cut, reordered, extended or changed.
const CodeUnreadable fault.Code = "unreadable"

// Sizes in bytes.
const (
	// PublicKeySize is an ML-KEM-768 encapsulation key and an X25519 point.
	PublicKeySize = 1184 + 32
	// Overhead is how much longer a wrapped secret is than the secret:
	// version, encapsulated key and tag.
	Overhead = 1 + encapsulatedSize + tagSize

	encapsulatedSize = 1088 + 32
	tagSize          = 16
)

// version is the first byte of everything sealed. It names the suite below and
// the layout of what follows.
const version = 1

// Uses keep a wrapped secret from being read as a file and the other way
// round, even under the same info.
const (
	useWrap = "lateral/seal/wrap/1"
	useFile = "lateral/seal/file/1"
)

func kem() hpke.KEM   { return hpke.MLKEM768X25519() }
func kdf() hpke.KDF   { return hpke.HKDFSHA256() }
func aead() hpke.AEAD { return hpke.AES256GCM() }

// bind puts the use in front of the caller's info. Uses have no zero byte, so
// no two pairs give the same bytes.
func bind(use string, info []byte) []byte {
	return append(append([]byte(use), 0), info...)
}

// PublicKey is a key to seal for. It is compared with ==, encodes as a byte
// string, and its text form is unpadded base64. The zero value is no key.
type PublicKey [PublicKeySize]byte

// Bytes gives a copy of the key's bytes.
func (p PublicKey) Bytes() []byte { return p[:] }

// IsZero reports whether p is no key.
func (p PublicKey) IsZero() bool { return p == PublicKey{} }

// ID gives a short name of the key, by which a reader with several keys finds
// the one that opens.
func (p PublicKey) ID() canon.Hash { return canon.Sum("lateral/seal/key/1", p[:]) }

// String gives the first 8 hex digits of the key's [PublicKey.ID], for people.
func (p PublicKey) String() string { return p.ID().String()[:8] }

// text refuses padding, line breaks and left-over bits: one key, one text.
var text = base64.RawStdEncoding.Strict()

// MarshalText gives unpadded base64.
func (p PublicKey) MarshalText() ([]byte, error) {
	return text.AppendEncode(nil, p[:]), nil
}

// UnmarshalText reads what MarshalText gives. It does not judge the key; see
// [PublicKey.Check].
func (p *PublicKey) UnmarshalText(in []byte) error {
	if len(in) != text.EncodedLen(PublicKeySize) {
		return fault.Newf(fault.Invalid, "copy the whole key",
			"a sealing key has %d base64 characters, not %d", text.EncodedLen(PublicKeySize), len(in))
	}
	data, err := text.AppendDecode(nil, in)
	if err != nil {
		return fault.New(fault.Invalid, "a sealing key is unpadded base64", "copy the key as it was printed").Because(err)
	}
	if len(data) != PublicKeySize { // line breaks are skipped by the decoder
		return fault.New(fault.Invalid, "a sealing key has no line breaks", "copy the key as it was printed")
	}
	copy(p[:], data)
	return nil
}

// PublicKeyFrom takes a key from its bytes and checks it.
func PublicKeyFrom(data []byte) (PublicKey, error) {
	var p PublicKey
	if len(data) != PublicKeySize {
		return p, fault.Newf(fault.Invalid, "send the whole key", "a sealing key has %d bytes, not %d", PublicKeySize, len(data))
	}
	copy(p[:], data)
	return p, p.Check()
}

// Check refuses a key that nothing can be sealed for: coefficients out of
// range, or a point of small order. Code: invalid. Check a key before it is
// registered.
func (p PublicKey) Check() error {
	key, err := kem().NewPublicKey(p[:])
	if err == nil {
		// Only an exchange with the point shows a small order.
		_, _, err = hpke.NewSender(key, kdf(), aead(), nil)
	}
	if err != nil {
		return fault.New(fault.Invalid, "not a sealing key of ML-KEM-768 with X25519",
			"generate the key with lateral node init").Because(err)
	}
	return nil
}

// Key opens what is sealed for its public half. The zero value is no key and
// opens nothing. Safe for concurrent use.
type Key struct {
	seed   [32]byte
	inner  hpke.PrivateKey
	public PublicKey
}

// GenerateKey makes a fresh key from r, or from crypto/rand when r is nil.
func GenerateKey(r io.Reader) (Key, error) {
	if r == nil {
		r = rand.Reader
	}
	var seed [32]byte
	if _, err := io.ReadFull(r, seed[:]); err != nil {
		return Key{}, fmt.Errorf("reading randomness for a sealing key: %w", err)
	}
	return KeyFromSeed(seed), nil
}

// KeyFromSeed gives the key of a seed, the same each time.
func KeyFromSeed(seed [32]byte) Key {
	inner, err := kem().NewPrivateKey(seed[:])
	if err != nil {
		panic("seal: every seed of 32 bytes is a key: " + err.Error())
	}
	return Key{seed: seed, inner: inner, public: PublicKey(inner.PublicKey().Bytes())}
}

// Seed gives back the secret that the key was made from: for key stores only.
func (k Key) Seed() [32]byte { return k.seed }

// Public gives the public half.
func (k Key) Public() PublicKey { return k.public }

// IsZero reports whether k is no key.
func (k Key) IsZero() bool { return k.inner == nil }

// String shows the public half only.
func (k Key) String() string {
	if k.IsZero() {
		return "none"
	}
	return k.public.String()
}

// GoString keeps the secret out of %#v.
func (k Key) GoString() string { return "seal.Key(" + k.String() + ")" }

// LogValue keeps the secret out of logs.
func (k Key) LogValue() slog.Value { return slog.StringValue("sealing key of " + k.String()) }

// MarshalText refuses, so that no encoder writes a secret by accident. A key
// store uses [Key.Seed].
func (k Key) MarshalText() ([]byte, error) {
	return nil, fault.New(fault.Internal, "a private sealing key is not to be encoded", "encode its public half")
}

// Wrap seals a small secret for one reader. The result is [Overhead] bytes
// longer and differs each time.
func Wrap(to PublicKey, info, secret []byte) ([]byte, error) {
	encapsulated, sender, err := newSender(to, useWrap, info)
	if err != nil {
		return nil, err
	}
	body, err := sender.Seal(nil, secret)
	if err != nil {
		return nil, fmt.Errorf("wrapping: %w", err)
	}
	out := make([]byte, 0, 1+len(encapsulated)+len(body))
	out = append(out, version)
	out = append(out, encapsulated...)
	return append(out, body...), nil
}

// Open gives back what Wrap sealed for k under the same info. Code:
// unreadable.
func Open(k Key, info, sealed []byte) ([]byte, error) {
	if len(sealed) < Overhead {
		return nil, unreadable("the sealed bytes are too short", nil)
	}
	recipient, err := newRecipient(k, useWrap, info, sealed[0], sealed[1:1+encapsulatedSize])
	if err != nil {
		return nil, err
	}
	secret, err := recipient.Open(nil, sealed[1+encapsulatedSize:])
	if err != nil {
		return nil, unreadable("the sealed bytes do not open with this key", err)
	}
	return secret, nil
}

func newSender(to PublicKey, use string, info []byte) ([]byte, *hpke.Sender, error) {
	key, err := kem().NewPublicKey(to[:])
	if err != nil {
		return nil, nil, badKey(err)
	}
	encapsulated, sender, err := hpke.NewSender(key, kdf(), aead(), bind(use, info))
	if err != nil {
		return nil, nil, badKey(err)
	}
	return encapsulated, sender, nil
}

func badKey(err error) error {
	return fault.New(fault.Invalid, "the reader's sealing key is not a key", "take the reader's current key from the member list").Because(err)
}

func newRecipient(k Key, use string, info []byte, v byte, encapsulated []byte) (*hpke.Recipient, error) {
	if k.IsZero() {
		return nil, unreadable("there is no key to open with", nil)
	}
	if v != version {
		return nil, unreadable(fmt.Sprintf("sealed with version %d, which this node does not know", v), nil)
	}
	recipient, err := hpke.NewRecipient(encapsulated, k.inner, kdf(), aead(), bind(use, info))
	if err != nil {
		return nil, unreadable("the encapsulated key does not open", err)
	}
	return recipient, nil
}

func unreadable(detail string, cause error) error {
	return fault.New(CodeUnreadable, detail,
		"ask the sender to seal it again for this node's current sealing key").Because(cause)
}
