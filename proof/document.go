// Package proof shows a third party that a record stands on a Bilateral,
// without network and without a look at anything else on it. A Document leads
// from the record's bytes to a root that the ledger's validators signed:
//
//	record → state root → block log → signed heads → anchor → certified root
//
// It is canonical CBOR and holds nothing that is not checked. The types of the
// chain (Leaf, Head, Anchor, Channel) are package trade's, whose Omnilateral checks
// them too, and package channel makes them. What stands behind a certificate the
// ledger's own verifier says, which the caller hands in.
package proof

import (
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
)

// Version is the version of documents that this package writes and reads.
const Version = 1

// MaxDocument bounds an encoded document in bytes.
const MaxDocument = 16 << 20

// Document proves one record of a Bilateral.
type Document struct {
	Version uint8 `cbor:"1,keyasint"`

	Key    string             `cbor:"2,keyasint"` // of the record on the Bilateral
	Value  []byte             `cbor:"3,keyasint"` // its canonical bytes
	Record merkle.SparseProof `cbor:"4,keyasint"` // in the state root that Leaf names

	Leaf      Leaf         `cbor:"5,keyasint"`           // of the block log
	Index     uint64       `cbor:"6,keyasint"`           // its place there, from 0
	Inclusion []canon.Hash `cbor:"7,keyasint,omitempty"` // in the log of the anchor's head

	Anchor       Anchor             `cbor:"8,keyasint"`
	AnchorProof  merkle.SparseProof `cbor:"9,keyasint"` // in the Omnilateral's state
	Channel      Channel            `cbor:"10,keyasint"`
	ChannelProof merkle.SparseProof `cbor:"11,keyasint"` // in the same state

	State       canon.Hash `cbor:"12,keyasint"` // the Omnilateral's state root
	Log         canon.Hash `cbor:"13,keyasint"` // and its block log's root: together the certified root
	Certificate []byte     `cbor:"14,keyasint"` // in the ledger's own bytes
}

// Marshal gives the bytes of a proof file.
func (d Document) Marshal() []byte { return canon.Must(d) }

// Trust is what a verifier believes before it reads a document.
type Trust struct {
	// Certificate checks a ledger's certificate with all its signatures against
	// the network that the verifier trusts, and gives the height after which
	// the root holds, the root and the block's time in ms UTC. Every byte of a
	// certificate must count: one that has been altered is an error.
	Certificate func(cert []byte) (height uint64, root canon.Hash, timeMs int64, err error)
}

// Verified is what a document proves.
type Verified struct {
	Key      string     // of the record
	Value    []byte     // its canonical bytes
	Hash     canon.Hash // SHA-256 of Value
	Channel  Channel    // the Bilateral and its keys
	Position uint64     // height of the block after which the record stood so
	Kind     Kind       // on whose word it rests
	Head     Head       // the head that covers it
	Height   uint64     // height after which the anchor is certified
	Time     int64      // of that height's block, ms UTC
}

// Verify checks every step of a document. Codes: invalid when the bytes are no
// document, refused when a step does not hold; the field names the step.
func Verify(doc []byte, trust Trust) (Verified, error) {
	if len(doc) > MaxDocument {
		return Verified{}, fault.Newf(fault.Invalid, "check that this is a proof file", "a proof has at most %d bytes, this one %d", MaxDocument, len(doc))
	}
	var d Document
	if err := canon.Decode(doc, &d); err != nil {
		return Verified{}, fmt.Errorf("reading the proof: %w", err)
	}
	if d.Version != Version {
		return Verified{}, fault.Newf(fault.Invalid, "use the version of lateral that wrote it, or a later one", "proof version %d is not known here", d.Version).In("version")
	}
	if len(d.Value) == 0 {
		return Verified{}, refuse("record", "the proof has no record")
	}
	// From the verifier's trust down to the record, so that no step rests on
	// something that is not proven yet.
	height, root, timeMs, err := trust.Certificate(d.Certificate)
	if err != nil {
		return Verified{}, refuse("certificate", "the ledger's certificate is not one of the trusted network").Because(err)
	}
	if OmniRoot(d.State, d.Log) != root {
		return Verified{}, refuse("certificate", "the certificate is of another root")
	}
	if err := merkle.VerifySparseIn(nil, d.State, ChannelKey(d.Channel.ID), canon.Must(d.Channel), d.ChannelProof); err != nil {
		return Verified{}, refuse("channel", "the channel and its keys are not on the Omnilateral").Because(err)
	}
	if err := merkle.VerifySparseIn(nil, d.State, d.Anchor.Key(), canon.Must(d.Anchor), d.AnchorProof); err != nil {
		return Verified{}, refuse("anchor", "the anchor is not on the Omnilateral").Because(err)
	}
	if err := d.Anchor.CheckStanding(d.Channel); err != nil {
		if f, ok := errors.AsType[*fault.Error](err); ok {
			err = f.In("anchor")
		}
		return Verified{}, err
	}
	head := d.Anchor.Head()
	if d.Leaf.Position > head.Position {
		return Verified{}, refuse("log", "the anchor is older than the record")
	}
	if err := merkle.VerifyInclusion(head.Root, d.Index, head.Size, d.Leaf.Bytes(), d.Inclusion); err != nil {
		return Verified{}, refuse("log", "the block is not in the log that the heads name").Because(err)
	}
	if err := merkle.VerifySparse(d.Leaf.State, d.Key, d.Value, d.Record); err != nil {
		return Verified{}, refuse("record", "the record is not in the state that the heads name").Because(err)
	}
	return Verified{
		Key: d.Key, Value: d.Value, Hash: sha256.Sum256(d.Value),
		Channel: d.Channel, Position: d.Leaf.Position, Kind: d.Anchor.Kind, Head: head,
		Height: height, Time: timeMs,
	}, nil
}

func refuse(field, detail string) *fault.Error {
	return &fault.Error{Code: fault.Refused, Field: field, Detail: detail, Remedy: "trust nothing that it says; ask whoever made it for a new one"}
}
