package channel

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"io"
	"log/slog"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
)

// A sealed payload is salt, tag and AES-256-GCM of the padded batch:
//
//	key ‖ tag  = HKDF-SHA-256(secret: epoch key, salt: 32 random bytes, info: tagEnvelopeKey 0 header)
//	body       = AES-256-GCM(key, nonce: zero, padded batch, associated data: header)
//
// Salt and header make the key one of its own for each envelope, so the nonce
// can be zero and the same envelope sent again is the same bytes. The tag
// commits to the epoch key: no second key opens the same payload to other
// commands, which AES-GCM by itself does not promise.
const (
	saltSize   = 32
	commitSize = 32
	// sealOverhead is how much longer a payload is than what is sealed in it.
	sealOverhead = saltSize + commitSize + 16

	tagEnvelopeKey = "lateral/envelope-key/1" // HKDF info
	tagEpochCommit = "lateral/epoch-commit/1" // hashed: an epoch key's commitment
)

// epochKey is the secret of one epoch: it seals what both members send while
// the epoch is in force.
type epochKey [32]byte

// LogValue keeps the secret out of logs.
func (epochKey) LogValue() slog.Value { return slog.StringValue("epoch key") }

// String keeps the secret out of messages.
func (epochKey) String() string { return "epoch key" }

// newEpochKey draws a key from r, or from crypto/rand when r is nil.
func newEpochKey(r io.Reader) (epochKey, error) {
	var k epochKey
	if r == nil {
		r = rand.Reader
	}
	_, err := io.ReadFull(r, k[:])
	return k, err
}

// derive gives cipher and commitment tag of one envelope.
func (k epochKey) derive(salt, header []byte) (cipher.AEAD, []byte, error) {
	info := tagEnvelopeKey + "\x00" + string(header)
	out, err := hkdf.Key(sha256.New, k[:], salt, info, 32+commitSize)
	if err != nil {
		return nil, nil, fmt.Errorf("deriving an envelope's key: %w", err)
	}
	block, err := aes.NewCipher(out[:32])
	if err != nil {
		return nil, nil, err
	}
	aead, err := cipher.NewGCM(block)
	return aead, out[32:], err
}

// sealPayload closes a padded batch under the header of the envelope that will
// carry it. All fields of the header, the sender included, must be set.
func sealPayload(k epochKey, h ledger.Header, padded []byte, r io.Reader) ([]byte, error) {
	if r == nil {
		r = rand.Reader
	}
	out := make([]byte, saltSize, sealOverhead+len(padded))
	if _, err := io.ReadFull(r, out); err != nil {
		return nil, fmt.Errorf("drawing a salt: %w", err)
	}
	header := canon.Must(h)
	aead, tag, err := k.derive(out[:saltSize], header)
	if err != nil {
		return nil, err
	}
	out = append(out, tag...)
	return aead.Seal(out, make([]byte, aead.NonceSize()), padded, header), nil
}

// openPayload gives back the padded batch. The commitment is checked before
// anything is opened. Code: unreadable.
func openPayload(k epochKey, h ledger.Header, payload []byte) ([]byte, error) {
	if len(payload) < sealOverhead {
		return nil, unreadable("the sealed payload is too short", nil)
	}
	header := canon.Must(h)
	aead, tag, err := k.derive(payload[:saltSize], header)
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(tag, payload[saltSize:saltSize+commitSize]) != 1 {
		return nil, unreadable("the payload is not sealed with this epoch's key", nil)
	}
	padded, err := aead.Open(nil, make([]byte, aead.NonceSize()), payload[saltSize+commitSize:], header)
	if err != nil {
		return nil, unreadable("the sealed payload has been altered", err)
	}
	return padded, nil
}

// epochOffer publishes an epoch key: wrapped for each member, with a
// commitment that says which key is meant. It is in force once the partner
// has opened it and answered with an epochAccept of the same commitment.
type epochOffer struct {
	Epoch      uint32     `cbor:"1,keyasint"`
	Commitment canon.Hash `cbor:"2,keyasint"`
	Wrapped    [2][]byte  `cbor:"3,keyasint"` // in the order of the channel's keys
}

// epochAccept is the partner's word that it has opened an offer and found the
// key to be the committed one. The envelope's signature is under it.
type epochAccept struct {
	Epoch      uint32     `cbor:"1,keyasint"`
	Commitment canon.Hash `cbor:"2,keyasint"`
}

// commitment binds an epoch key to its chain, channel and epoch.
func (k epochKey) commitment(chain string, ch ledger.ChannelID, epoch uint32) canon.Hash {
	return canon.Sum(tagEpochCommit, []byte(chain), ch[:], canon.Must(epoch), k[:])
}

// wrapInfo is what a wrapped epoch key is bound to.
type wrapInfo struct {
	Use       string         `cbor:"1,keyasint"`
	Chain     string         `cbor:"2,keyasint"`
	Channel   canon.Hash     `cbor:"3,keyasint"`
	Epoch     uint32         `cbor:"4,keyasint"`
	Sender    sign.PublicKey `cbor:"5,keyasint"` // channel key of who offers
	Recipient sign.PublicKey `cbor:"6,keyasint"` // channel key of who is to open it
}

func epochInfo(chain string, ch ledger.ChannelID, epoch uint32, sender, recipient sign.PublicKey) []byte {
	return canon.Must(wrapInfo{"lateral/epoch-wrap/1", chain, ch, epoch, sender, recipient})
}

// newEpochOffer wraps a key for both members. keys are the channel's, in their
// order; sealing the members' current sealing keys in the same order.
func newEpochOffer(k epochKey, chain string, ch ledger.ChannelID, epoch uint32, sender sign.PublicKey,
	keys [2]sign.PublicKey, sealing [2]seal.PublicKey) (epochOffer, error) {
	o := epochOffer{Epoch: epoch, Commitment: k.commitment(chain, ch, epoch)}
	for i := range keys {
		wrapped, err := seal.Wrap(sealing[i], epochInfo(chain, ch, epoch, sender, keys[i]), k[:])
		if err != nil {
			return o, fmt.Errorf("wrapping an epoch key: %w", err)
		}
		o.Wrapped[i] = wrapped
	}
	return o, nil
}

// open unwraps the offered key with one of our sealing keys and checks it
// against the commitment. mine is our place among the channel's keys. Code:
// unreadable, when the offer is not one that we can use.
func (o epochOffer) open(chain string, ch ledger.ChannelID, sender sign.PublicKey, keys [2]sign.PublicKey, mine int, sealing []seal.Key) (epochKey, error) {
	info := epochInfo(chain, ch, o.Epoch, sender, keys[mine])
	for _, s := range sealing {
		plain, err := seal.Open(s, info, o.Wrapped[mine])
		if err != nil {
			continue
		}
		var k epochKey
		if len(plain) != len(k) {
			return k, unreadable("the wrapped epoch key has a wrong length", nil)
		}
		copy(k[:], plain)
		if k.commitment(chain, ch, o.Epoch) != o.Commitment {
			return epochKey{}, unreadable("the wrapped epoch key is not the committed one", nil)
		}
		return k, nil
	}
	return epochKey{}, fault.New(CodeUnreadable, "the epoch key is wrapped for none of our sealing keys",
		"register the node's current sealing key, then the partner offers a new epoch")
}
