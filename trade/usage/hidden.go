package usage

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"hash"
)

// Hidden is a telephone number under a key that only the two carriers of a pair
// have. Equal numbers have equal ones, so that calls can be compared, and who
// does not know the number learns nothing else of it. 0 stands for a withheld
// one; all others have their highest bit set, as no number has.
type Hidden uint64

const hiddenBit = 1 << 63

// possible reports whether a value can be of a number, or of a withheld one.
func (h Hidden) possible() bool { return h == 0 || h&hiddenBit != 0 }

// Hider hides numbers. It is not for use by many at once.
type Hider struct{ mac hash.Hash }

// tagNumbers separates hidden numbers from all other uses of a pair's key.
const tagNumbers = "lateral/usage/numbers/1"

// NewHider takes the pair's key, 32 random bytes.
func NewHider(key []byte) *Hider {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(tagNumbers))
	return &Hider{hmac.New(sha256.New, mac.Sum(nil))}
}

// Hide hides a number. 63 bits of a keyed hash keep numbers apart: two of a
// thousand million different ones fall together less often than once in 18.
func (h *Hider) Hide(n Number) Hidden {
	if n == Withheld {
		return 0
	}
	var sum [sha256.Size]byte
	h.mac.Reset()
	h.mac.Write(binary.BigEndian.AppendUint64(sum[:0], uint64(n)))
	h.mac.Sum(sum[:0])
	return Hidden(binary.BigEndian.Uint64(sum[:]) | hiddenBit)
}

// Call gives the deliverable part of a record, without a salt.
func (h *Hider) Call(r *Record) Call {
	return Call{Start: r.Start, Duration: r.Duration, Origin: h.Hide(r.Origin), Destination: h.Hide(r.Destination)}
}
