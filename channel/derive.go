package channel

import (
	"crypto/hkdf"
	"crypto/sha256"
)

// Derive gives a key that the two members of this channel have and nobody
// else, for a purpose that the label names: to hide what they show each other
// off the ledger. It follows from the invitation and never changes.
func (b *Bilateral) Derive(label string) [32]byte {
	key, err := hkdf.Key(sha256.New, b.secret[:], nil, "lateral/channel-derive/1 "+label, 32)
	if err != nil {
		panic(err) // only for lengths that SHA-256 cannot give
	}
	return [32]byte(key)
}
