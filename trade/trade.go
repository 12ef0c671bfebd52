// Package trade is the commercial state machine that every member of a channel
// replicates: the vocabulary of Lateral and its law. It is pure: no I/O, clock,
// randomness, floating point, goroutine or environment. Time and position come
// with the block, and the same commands in the same order give the same bytes
// on every machine (MEF 114 [R45]).
//
// A channel's state is a set of typed records under sorted keys. One command
// reads records and either gives a complete set of writes with events, or a
// receipt that says why not, and then nothing else changes.
package trade

import (
	"iter"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
)

// Records is a channel's state as a command finds it. Values are canonical
// bytes of one record each and are not to be changed.
type Records interface {
	// Get gives the record of a key.
	Get(key string) ([]byte, bool)
	// Scan yields the records whose key begins with prefix, in key order.
	Scan(prefix string) iter.Seq2[string, []byte]
}

// Write is one record that a command changes. A nil Value removes it.
type Write struct {
	Key   string
	Value []byte
}

// Kind names a command, for example "usage.state". Its body is the canonical
// bytes of the struct that the kind's documentation names.
type Kind string

// Command asks the state machine for one change. It is all or nothing.
type Command struct {
	Kind          Kind           `cbor:"1,keyasint"`
	Body          []byte         `cbor:"2,keyasint"`
	Authorization *Authorization `cbor:"3,keyasint,omitempty"`
}

// Authorization is a delegate's own signature under one command, beside the
// signature of the node that carried it (MEF 114 [R6]-[R8]).
type Authorization struct {
	Delegate  sign.PublicKey `cbor:"1,keyasint"`
	Expires   int64          `cbor:"2,keyasint"` // block time in ms UTC after which it is void
	Nonce     canon.Hash     `cbor:"3,keyasint"` // used once
	Signature sign.Signature `cbor:"4,keyasint"` // over chain, channel, kind, body, expiry and nonce
}

// tagAuthorization separates a delegate's signatures from all others.
const tagAuthorization = "lateral/authorize/1"

type authorized struct {
	Chain   string     `cbor:"1,keyasint"`
	Channel canon.Hash `cbor:"2,keyasint"`
	Kind    Kind       `cbor:"3,keyasint"`
	Body    []byte     `cbor:"4,keyasint"`
	Expires int64      `cbor:"5,keyasint"`
	Nonce   canon.Hash `cbor:"6,keyasint"`
}

// Authorize has a delegate sign a command for one channel of one chain, valid
// until expires (block time, ms UTC).
func Authorize(c Command, k sign.PrivateKey, chain string, channel canon.Hash, expires int64, nonce canon.Hash) Command {
	msg := canon.Must(authorized{chain, channel, c.Kind, c.Body, expires, nonce})
	c.Authorization = &Authorization{k.Public(), expires, nonce, k.Sign(tagAuthorization, msg)}
	return c
}

// Block is when and where a command is executed.
type Block struct {
	Chain   string     // chain id of the ledger
	Channel canon.Hash // zero on the Omnilateral
	Height  uint64     // of the block
	Index   uint32     // of the envelope in it
	Time    int64      // block time, ms UTC; never falls
}

// Context is everything a command may know beside the channel's state.
type Context struct {
	Block  Block
	Sender sign.PublicKey // key whose signature the envelope carries; checked before
	Public Records        // a Bilateral's view: the Omnilateral after the previous block; nil on the Omnilateral
	// Attested is the position up to which both members of a Bilateral have signed
	// the same log, as the log says by now; 0 before the first.
	Attested uint64
	// Signature is what CheckSignatures has said of this command, which is much
	// cheaper for many than for one; unknown when nobody has asked it.
	Signature SignatureCheck
}

// SignatureCheck is whether a command's authorization is signed by the key that
// it names.
type SignatureCheck uint8

// What is known of a signature.
const (
	SignatureUnknown SignatureCheck = iota // Apply checks it by itself
	SignatureGood
	SignatureForged
)

// CheckSignatures checks the authorizations of many commands for one channel
// together. A command without one is unknown. The answers are those that Apply
// would come to.
func CheckSignatures(chain string, channel canon.Hash, cmds []Command) []SignatureCheck {
	out := make([]SignatureCheck, len(cmds))
	var batch sign.Batch
	var signed []int
	for i, c := range cmds {
		if a := c.Authorization; a != nil {
			batch.Add(a.Delegate, tagAuthorization, c.authorized(chain, channel), a.Signature)
			signed = append(signed, i)
		}
	}
	if len(signed) == 0 {
		return out
	}
	_, each := batch.Verify()
	for k, i := range signed {
		out[i] = SignatureForged
		if each[k] {
			out[i] = SignatureGood
		}
	}
	return out
}

// authorized gives what the authorization of a command signs.
func (c Command) authorized(chain string, channel canon.Hash) []byte {
	a := c.Authorization
	return canon.Must(authorized{chain, channel, c.Kind, c.Body, a.Expires, a.Nonce})
}

// Receipt is what remains of a command: part of the channel's root are its
// code and field, and the delegate and limit under which it was authorised. The
// wording is not.
type Receipt struct {
	Code     fault.Code     `cbor:"1,keyasint,omitempty" json:"code,omitempty"` // empty: done
	Field    string         `cbor:"2,keyasint,omitempty" json:"field,omitempty"`
	Delegate sign.PublicKey `cbor:"3,keyasint" json:"delegate"`                  // zero: the node alone
	Limit    string         `cbor:"4,keyasint,omitempty" json:"limit,omitempty"` // the limit that covered it, "USD 5000.000000"
}

// Event tells what a command changed, for those who act on it. Events are not
// part of the root; they follow from the commands.
type Event struct {
	Kind    string `cbor:"1,keyasint" json:"kind"`    // for example "invoice.issued"
	Subject string `cbor:"2,keyasint" json:"subject"` // key of the record concerned
	Detail  string `cbor:"3,keyasint,omitempty" json:"detail,omitempty"`
}

// Result is what Apply gives: writes and events, or a refusal.
type Result struct {
	Receipt Receipt
	Writes  []Write // sorted by key, one a key; of a refused command its used number at most
	Events  []Event
	Fault   *fault.Error // the wording of a refusal, for the sender; nil when done
}
