package local

import (
	"crypto/sha256"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
)

const tagSeal = "lateral/local-seal/1"

// seal certifies the root after one block, and the block's envelopes. The
// chain id comes from the network file.
type seal struct {
	Height    ledger.Height  `cbor:"1,keyasint"`
	Time      int64          `cbor:"2,keyasint"` // ms UTC
	Root      ledger.Root    `cbor:"3,keyasint"`
	Data      canon.Hash     `cbor:"4,keyasint"` // of the envelopes' hashes
	Signature sign.Signature `cbor:"5,keyasint"`
}

func newSeal(key sign.PrivateKey, chain string, b ledger.Block, root ledger.Root) seal {
	s := seal{Height: b.Height, Time: b.Time, Root: root, Data: dataOf(b)}
	s.Signature = key.Sign(tagSeal, s.signed(chain))
	return s
}

func (s seal) signed(chain string) []byte {
	s.Signature = sign.Signature{}
	d := canon.Sum(tagSeal, []byte(chain), canon.Must(s))
	return d[:]
}

func (s seal) verify(n ledger.Network) bool {
	return sign.Verify(n.Validators[0].Key, tagSeal, s.signed(n.ChainID), s.Signature)
}

// hashesOf gives the hashes of a block's envelopes, one behind the other.
func hashesOf(b ledger.Block) []byte {
	var out []byte
	for _, e := range b.Envelopes {
		h := sha256.Sum256(e.Marshal())
		out = append(out, h[:]...)
	}
	return out
}

func dataOf(b ledger.Block) canon.Hash { return canon.Sum("lateral/local-data/1", hashesOf(b)) }

func refused(detail string) error {
	return fault.New(fault.Invalid, detail, "ask for it again, and check that the network file is the right one")
}

// VerifyCertificate checks a certificate against the network file and gives
// the block, the root after it, and its time in milliseconds UTC. Code:
// invalid.
func VerifyCertificate(n ledger.Network, cert []byte) (ledger.Height, ledger.Root, int64, error) {
	var s seal
	if err := decode(n, cert, &s); err != nil {
		return 0, ledger.Root{}, 0, err
	}
	if !s.verify(n) {
		return 0, ledger.Root{}, 0, refused("the signature under the root is wrong")
	}
	return s.Height, s.Root, s.Time, nil
}

// inclusion proves an envelope's place: blocks are small, so all the hashes
// are listed.
type inclusion struct {
	Seal     seal   `cbor:"1,keyasint"`
	Hashes   []byte `cbor:"2,keyasint"`
	Index    uint32 `cbor:"3,keyasint"`
	Envelope []byte `cbor:"4,keyasint"`
}

// VerifyInclusion checks an inclusion proof against the network file and gives
// the envelope and its position. Code: invalid.
func VerifyInclusion(n ledger.Network, proof []byte) (ledger.Envelope, ledger.Position, error) {
	none := func(err error) (ledger.Envelope, ledger.Position, error) {
		return ledger.Envelope{}, ledger.Position{}, err
	}
	var p inclusion
	if err := decode(n, proof, &p); err != nil {
		return none(err)
	}
	hash := sha256.Sum256(p.Envelope)
	from := int(p.Index) * len(hash)
	switch {
	case !p.Seal.verify(n):
		return none(refused("the signature under the block is wrong"))
	case canon.Sum("lateral/local-data/1", p.Hashes) != p.Seal.Data:
		return none(refused("the hashes are not the block's"))
	case len(p.Hashes)%len(hash) != 0, from+len(hash) > len(p.Hashes), [32]byte(p.Hashes[from:from+len(hash)]) != hash:
		return none(refused("the envelope is not where the proof says"))
	}
	e, err := ledger.Unmarshal(p.Envelope)
	return e, ledger.Position{Height: p.Seal.Height, Index: p.Index}, err
}

func decode(n ledger.Network, data []byte, v any) error {
	if err := checkNetwork(n); err != nil {
		return err
	}
	return canon.Decode(data, v)
}
