package ledger

import (
	"bytes"
	"encoding/binary"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
)

// MaxEnvelope is the largest encoded envelope in bytes: 256 KiB of payload
// (the size beyond which a bigger batch gains nothing) and room for its header.
const (
	MaxPayload  = 256 << 10
	MaxEnvelope = MaxPayload + 1024
)

const (
	tagEnvelope  = "lateral/envelope/1"      // hashed: the id
	tagSignature = "lateral/envelope-sign/1" // signed: the id
)

// ChannelID names a channel. The Omnilateral is the zero id.
type ChannelID = canon.Hash

// Header is the part of an envelope that every validator reads. It is also the
// associated data of a sealed payload.
type Header struct {
	Version  uint8          `cbor:"1,keyasint"` // 1
	Chain    string         `cbor:"2,keyasint"` // chain id of the ledger
	Channel  ChannelID      `cbor:"3,keyasint"`
	Term     uint32         `cbor:"4,keyasint"` // counts the ledgers of a channel that moves; 0 at its first
	Epoch    uint32         `cbor:"5,keyasint"` // the key that seals the payload; 0 is plain
	Sender   sign.PublicKey `cbor:"6,keyasint"`
	Sequence uint64         `cbor:"7,keyasint"` // from 1, without gaps, per channel and sender
}

// Envelope is one batch of commands on its way to the ledger: a header, a
// payload that only the channel's members can read, and the sender's signature
// over both. The zero Envelope is not valid. Envelopes are values; the payload
// is not to be changed after Sign.
type Envelope struct {
	Header    Header         `cbor:"1,keyasint"`
	Payload   []byte         `cbor:"2,keyasint"`
	Signature sign.Signature `cbor:"3,keyasint"`
}

// unsigned is what an envelope's id covers.
type unsigned struct {
	Header  Header `cbor:"1,keyasint"`
	Payload []byte `cbor:"2,keyasint"`
}

// ID is the digest of header and payload as sent. The signature is no part of
// it: two signatures over the same content are the same envelope.
func (e Envelope) ID() canon.Hash {
	// The canonical encoding ends with the payload's length and bytes, so the
	// payload is hashed where it lies.
	head := canon.Must(unsigned{Header: e.Header})
	head = head[:len(head)-1] // without the empty payload
	const bytesOf = 0x40      // CBOR major type 2 (RFC 8949 section 3.1), length in the low five bits or behind
	switch n := len(e.Payload); {
	case n < 24:
		head = append(head, bytesOf|byte(n))
	case n < 1<<8:
		head = append(head, bytesOf|24, byte(n))
	case n < 1<<16:
		head = binary.BigEndian.AppendUint16(append(head, bytesOf|25), uint16(n))
	default:
		head = binary.BigEndian.AppendUint32(append(head, bytesOf|26), uint32(n))
	}
	return canon.SumPieces(tagEnvelope, head, e.Payload)
}

// Sign fills in sender and signature. The header's other fields stay as given.
func (e *Envelope) Sign(k sign.PrivateKey) {
	e.Header.Version = 1
	e.Header.Sender = k.Public()
	id := e.ID()
	e.Signature = k.Sign(tagSignature, id[:])
}

// Verify reports whether the signature is the sender's.
func (e Envelope) Verify() bool {
	return e.VerifyAs(e.ID())
}

// VerifyAs is Verify for who has computed the id already: hashing a large
// payload costs more than the signature.
func (e Envelope) VerifyAs(id canon.Hash) bool {
	return sign.Verify(e.Header.Sender, tagSignature, id[:], e.Signature)
}

// AddTo puts the envelope's signature into a batch and gives its id.
func (e Envelope) AddTo(b *sign.Batch) canon.Hash {
	id := e.ID()
	b.Add(e.Header.Sender, tagSignature, id[:], e.Signature)
	return id
}

// Marshal gives the bytes that travel and are stored.
func (e Envelope) Marshal() []byte { return canon.Must(e) }

// Unmarshal reads an envelope strictly: one encoding, known version, bounded
// size. It does not check the signature. Code: invalid.
func Unmarshal(data []byte) (Envelope, error) {
	if len(data) > MaxEnvelope {
		return Envelope{}, fault.Newf(fault.Invalid, "split the batch",
			"an envelope has at most %d bytes, this one %d", MaxEnvelope, len(data))
	}
	var e Envelope
	if err := canon.Decode(data, &e); err != nil {
		return Envelope{}, err
	}
	if e.Header.Version != 1 {
		return Envelope{}, fault.Newf(fault.Invalid, "upgrade this node", "envelope version %d is not known here", e.Header.Version).In("version")
	}
	if e.Header.Sequence == 0 {
		return Envelope{}, fault.New(fault.Invalid, "sequence numbers start at 1", "number the envelope").In("sequence")
	}
	if len(e.Payload) > MaxPayload {
		return Envelope{}, fault.Newf(fault.Invalid, "split the batch",
			"a payload has at most %d bytes, this one %d", MaxPayload, len(e.Payload)).In("payload")
	}
	return e, nil
}

// Equal reports whether two envelopes have the same bytes, signature included.
func (e Envelope) Equal(o Envelope) bool {
	return e.Header == o.Header && e.Signature == o.Signature && bytes.Equal(e.Payload, o.Payload)
}
