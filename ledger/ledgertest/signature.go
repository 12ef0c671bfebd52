package ledgertest

import (
	"crypto/sha512"

	"github.com/oasisprotocol/curve25519-voi/curve"
	"github.com/oasisprotocol/curve25519-voi/curve/scalar"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
)

// otherSignature signs an envelope with another nonce than RFC 8032 derives: a
// good signature over the same content that nobody can tell from the usual one.
func otherSignature(key sign.PrivateKey, e ledger.Envelope) sign.Signature {
	id, public := e.ID(), key.Public()
	message := canon.Sum("lateral/envelope-sign/1", id[:])
	seed := key.Seed()
	secret := sha512.Sum512(seed[:])
	secret[0] &= 248
	secret[31] = secret[31]&127 | 64
	a, err := scalar.NewFromBits(secret[:32])
	must(err)
	nonce := sha512.Sum512([]byte("another nonce"))
	r, err := scalar.NewFromBytesModOrderWide(nonce[:])
	must(err)
	var point curve.CompressedEdwardsY
	point.SetEdwardsPoint(curve.NewEdwardsPoint().MulBasepoint(curve.ED25519_BASEPOINT_TABLE, r))
	challenge := sha512.New()
	challenge.Write(point[:])
	challenge.Write(public[:])
	challenge.Write(message[:])
	k, err := scalar.NewFromBytesModOrderWide(challenge.Sum(nil))
	must(err)
	s := scalar.New().Add(r, scalar.New().Mul(k, a))
	var out sign.Signature
	copy(out[:], point[:])
	must(s.ToBytes(out[32:]))
	return out
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
