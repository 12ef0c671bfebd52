// Package canon is the one encoding of every byte that Lateral hashes, signs
// or stores: deterministic CBOR (RFC 8949 section 4.2.1) of Go structs whose
// fields carry `cbor:"N,keyasint"` tags, and SHA-256 with a domain tag.
//
// Decoding is strict: duplicate or unknown keys, indefinite lengths, floats,
// tags, trailing bytes and any encoding that is not the deterministic one are
// refused, so that one value has exactly one encoding.
package canon

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"sync"

	"github.com/fxamacker/cbor/v2"

	"github.com/lateral-network/lateral/fault"
)

// Hash is a SHA-256 digest. Its text form is 64 lower-case hex digits.
type Hash [32]byte

// Sum hashes parts under a domain tag. Tag and parts are length-prefixed
// (8 bytes, big endian), so no two different lists of parts collide.
func Sum(tag string, parts ...[]byte) Hash {
	h := sha256.New()
	var n [8]byte
	put := func(p []byte) {
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write(p)
	}
	put([]byte(tag))
	for _, p := range parts {
		put(p)
	}
	var out Hash
	h.Sum(out[:0])
	return out
}

// SumPieces is Sum of one part that lies in memory in several pieces: what is
// large need not be copied to be hashed.
func SumPieces(tag string, pieces ...[]byte) Hash {
	h := sha256.New()
	var n [8]byte
	binary.BigEndian.PutUint64(n[:], uint64(len(tag)))
	h.Write(n[:])
	h.Write([]byte(tag))
	size := 0
	for _, p := range pieces {
		size += len(p)
	}
	binary.BigEndian.PutUint64(n[:], uint64(size))
	h.Write(n[:])
	for _, p := range pieces {
		h.Write(p)
	}
	var out Hash
	h.Sum(out[:0])
	return out
}

// HashOf encodes v and hashes it under a domain tag. It panics when v has no
// canonical encoding, which is a mistake in our own types.
func HashOf(tag string, v any) Hash { return Sum(tag, Must(v)) }

// String gives 64 lower-case hex digits.
func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// IsZero reports whether h is the zero hash, which stands for "none".
func (h Hash) IsZero() bool { return h == Hash{} }

// MarshalText gives 64 lower-case hex digits.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads 64 hex digits.
func (h *Hash) UnmarshalText(text []byte) error {
	if len(text) != 64 {
		return fault.New(fault.Invalid, fmt.Sprintf("a hash has 64 hex digits, not %d", len(text)), "copy the whole hash")
	}
	if _, err := hex.Decode(h[:], text); err != nil {
		return fault.New(fault.Invalid, "a hash has hex digits only", "copy the hash as it was printed").Because(err)
	}
	return nil
}

// MarshalCBOR gives the byte string that h is anyway: the encoder would walk
// an array byte by byte, which was a twentieth of a busy node's time.
func (h Hash) MarshalCBOR() ([]byte, error) { return ByteString(h[:]), nil }

// ByteString gives the CBOR byte string (RFC 8949 section 3.1) of at most 255
// bytes, for the MarshalCBOR of array types.
func ByteString(b []byte) []byte {
	const major = 2 << 5
	out := make([]byte, 0, len(b)+2)
	if len(b) < 24 {
		out = append(out, major|byte(len(b)))
	} else {
		out = append(out, major|24, byte(len(b)))
	}
	return append(out, b...)
}

// ParseHash reads 64 hex digits.
func ParseHash(s string) (Hash, error) {
	var h Hash
	err := h.UnmarshalText([]byte(s))
	return h, err
}

// Limits of what Decode accepts. They bound memory before any value is built.
const (
	maxElements = 1 << 20
	maxDepth    = 16
)

var (
	encMode = must(cbor.EncOptions{
		Sort:          cbor.SortCoreDeterministic,
		ShortestFloat: cbor.ShortestFloatNone,
		NaNConvert:    cbor.NaNConvertReject,
		InfConvert:    cbor.InfConvertReject,
		IndefLength:   cbor.IndefLengthForbidden,
		TagsMd:        cbor.TagsForbidden,
		NilContainers: cbor.NilContainerAsEmpty,
		OmitEmpty:     cbor.OmitEmptyCBORValue,
		BigIntConvert: cbor.BigIntConvertReject,
	}.UserBufferEncMode())
	decMode = must(cbor.DecOptions{
		DupMapKey:         cbor.DupMapKeyEnforcedAPF,
		IndefLength:       cbor.IndefLengthForbidden,
		TagsMd:            cbor.TagsForbidden,
		ExtraReturnErrors: cbor.ExtraDecErrorUnknownField,
		MaxArrayElements:  maxElements,
		MaxMapPairs:       maxElements,
		MaxNestedLevels:   maxDepth,
		UTF8:              cbor.UTF8RejectInvalid,
	}.DecMode())
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// Encode gives v's canonical bytes.
func Encode(v any) ([]byte, error) { return encMode.Marshal(v) }

// Must is Encode for our own types, which always have an encoding.
func Must(v any) []byte { return must(Encode(v)) }

// scratch holds buffers in which Decode encodes again what it has read.
var scratch = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// Decode reads exactly one value from data into v. Its error has code
// [fault.Invalid]; nothing about v is promised then.
func Decode(data []byte, v any) error {
	if err := decMode.Unmarshal(data, v); err != nil {
		return fault.New(fault.Invalid, "not in canonical CBOR of the expected form", "send the bytes as Lateral encodes them").Because(err)
	}
	again := scratch.Get().(*bytes.Buffer)
	defer scratch.Put(again)
	again.Reset()
	if err := encMode.MarshalToBuffer(v, again); err != nil || !bytes.Equal(again.Bytes(), data) {
		return fault.New(fault.Invalid, "the CBOR is not in its one deterministic form", "encode with sorted keys and shortest lengths").Because(err)
	}
	return nil
}

// Stored reads bytes that Encode made and that were kept where nobody could
// change them unseen. It does not check again that they are the one encoding,
// which is most of what Decode costs.
func Stored(data []byte, v any) error {
	if err := decMode.Unmarshal(data, v); err != nil {
		return fault.New(fault.Corrupt, "a stored record is not of the form that its key tells", "restore this node from a backup or from its partner").Because(err)
	}
	return nil
}
