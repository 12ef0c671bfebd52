// Package sign is the one implementation of signatures that Lateral puts on a
// ledger: Ed25519 checked by the ZIP-215 rules (curve25519-voi), single and in
// batches with the same answer. Every message carries a domain tag.
package sign

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/hex"
	"io"
	"log/slog"

	"github.com/oasisprotocol/curve25519-voi/curve"
	voi "github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519/extra/cache"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
)

// PublicKey is an Ed25519 public key (RFC 8032). Its text form is hex.
type PublicKey [32]byte

// Signature is an Ed25519 signature.
type Signature [64]byte

// PrivateKey signs. It is made from a 32-byte seed, and prints as its public
// half only.
type PrivateKey struct {
	seed [32]byte
	full voi.PrivateKey
}

// Generate makes a fresh key from r, or from crypto/rand when r is nil.
func Generate(r io.Reader) (PrivateKey, error) {
	if r == nil {
		r = rand.Reader
	}
	var seed [32]byte
	if _, err := io.ReadFull(r, seed[:]); err != nil {
		return PrivateKey{}, err
	}
	return FromSeed(seed), nil
}

// FromSeed gives the key of a seed, the same each time.
func FromSeed(seed [32]byte) PrivateKey {
	return PrivateKey{seed: seed, full: voi.NewKeyFromSeed(seed[:])}
}

// Seed gives back the secret that the key was made from: for key stores only.
func (k PrivateKey) Seed() [32]byte { return k.seed }

// Standard gives the key as the standard library's type, for TLS certificates.
func (k PrivateKey) Standard() ed25519.PrivateKey { return ed25519.NewKeyFromSeed(k.seed[:]) }

// IsZero reports whether k is no key.
func (k PrivateKey) IsZero() bool { return k.full == nil }

// Public gives the public half.
func (k PrivateKey) Public() PublicKey {
	var p PublicKey
	copy(p[:], k.full[32:])
	return p
}

// Sign signs msg under a domain tag.
func (k PrivateKey) Sign(tag string, msg []byte) Signature {
	d := canon.Sum(tag, msg)
	var s Signature
	copy(s[:], voi.Sign(k.full, d[:]))
	return s
}

// LogValue keeps the secret out of logs.
func (k PrivateKey) LogValue() slog.Value { return slog.StringValue("private key of " + k.String()) }

// String shows the public half only.
func (k PrivateKey) String() string {
	if k.IsZero() {
		return "none"
	}
	return k.Public().String()
}

// GoString shows the public half only.
func (k PrivateKey) GoString() string { return k.String() }

// String gives 64 hex digits.
func (p PublicKey) String() string { return hex.EncodeToString(p[:]) }

// Short gives the first 8 hex digits, for people.
func (p PublicKey) Short() string { return p.String()[:8] }

// IsZero reports whether p is no key.
func (p PublicKey) IsZero() bool { return p == PublicKey{} }

// MarshalText gives 64 hex digits.
func (p PublicKey) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads 64 hex digits.
func (p *PublicKey) UnmarshalText(text []byte) error {
	h, err := canon.ParseHash(string(text))
	*p = PublicKey(h)
	return err
}

// MarshalCBOR gives the key's byte string: see [canon.Hash.MarshalCBOR].
func (p PublicKey) MarshalCBOR() ([]byte, error) { return canon.ByteString(p[:]), nil }

// MarshalCBOR gives the signature's byte string: see [canon.Hash.MarshalCBOR].
func (s Signature) MarshalCBOR() ([]byte, error) { return canon.ByteString(s[:]), nil }

// MarshalText gives 128 hex digits.
func (s Signature) MarshalText() ([]byte, error) { return []byte(hex.EncodeToString(s[:])), nil }

// UnmarshalText reads 128 hex digits.
func (s *Signature) UnmarshalText(text []byte) error {
	if len(text) != 128 {
		return fault.New(fault.Invalid, "a signature has 128 hex digits", "copy the whole signature")
	}
	if _, err := hex.Decode(s[:], text); err != nil {
		return fault.New(fault.Invalid, "a signature has hex digits only", "copy the signature as it was printed").Because(err)
	}
	return nil
}

// options are the ZIP-215 rules, the ones under which single and batch
// verification agree on every input.
var options = &voi.Options{Verify: voi.VerifyOptionsZIP_215}

// expanded keeps the expanded form of keys seen lately: about 15 % of a
// verification.
var expanded = cache.NewVerifier(cache.NewLRUCache(4096))

// CheckKey refuses keys that must not be registered: points of small order and
// encodings that are not canonical. Code: invalid.
func CheckKey(p PublicKey) error {
	y := curve.CompressedEdwardsY(p)
	var point curve.EdwardsPoint
	if _, err := point.SetCompressedY(&y); err != nil || !y.IsCanonicalVartime() || point.IsSmallOrder() {
		return fault.New(fault.Invalid, "the key is not a canonical Ed25519 key of full order",
			"generate the key with lateral node init or another RFC 8032 implementation")
	}
	return nil
}

// Verify reports whether sig is p's signature of msg under tag.
func Verify(p PublicKey, tag string, msg []byte, sig Signature) bool {
	d := canon.Sum(tag, msg)
	return expanded.VerifyWithOptions(voi.PublicKey(p[:]), d[:], sig[:], options)
}

// Batch collects signatures to be checked together: several times cheaper
// than one by one, with the same answer. The zero value is ready. Not for
// concurrent use.
type Batch struct {
	v       *voi.BatchVerifier
	entries int
}

// Add puts one signature into the batch.
func (b *Batch) Add(p PublicKey, tag string, msg []byte, sig Signature) {
	if b.v == nil {
		b.v = voi.NewBatchVerifier()
	}
	d := canon.Sum(tag, msg)
	expanded.AddWithOptions(b.v, voi.PublicKey(p[:]), d[:], sig[:], options)
	b.entries++
}

// Verify reports for each added signature, in order, whether it is good, and
// whether all are.
func (b *Batch) Verify() (all bool, each []bool) {
	if b.entries == 0 {
		return true, nil
	}
	return b.v.Verify(rand.Reader)
}
