package token

import (
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
)

// Transfer moves tokens at once: to another member, or between the sender's own
// purposes (available, fee, tax).
type Transfer struct {
	ID     string             `cbor:"1,keyasint" json:"id"` // chosen by the sender: whoever sends it twice pays once
	To     party.Code         `cbor:"2,keyasint" json:"to"`
	Amount Amount             `cbor:"3,keyasint" json:"amount"`
	From   settlement.Purpose `cbor:"4,keyasint,omitempty" json:"from_purpose,omitempty"` // empty: available
	For    settlement.Purpose `cbor:"5,keyasint,omitempty" json:"to_purpose,omitempty"`   // empty: available
	About  canon.Hash         `cbor:"6,keyasint,omitzero" json:"about,omitzero"`          // what it pays for, for those who know; zero: nothing is said
}

// Done is a transfer that was made.
type Done struct {
	Transfer Transfer   `cbor:"1,keyasint" json:"transfer"`
	Sender   party.Code `cbor:"2,keyasint" json:"sender"`
	Height   uint64     `cbor:"3,keyasint" json:"height"`
	Time     int64      `cbor:"4,keyasint" json:"time"` // of the block, ms UTC
}

// Hold sets tokens aside for somebody: it is posted, whole or in part, or given
// back. With a lock it is posted by whoever shows the key in time.
type Hold struct {
	ID      string       `cbor:"1,keyasint" json:"id"`
	Owner   party.Code   `cbor:"2,keyasint" json:"owner"`
	To      party.Code   `cbor:"3,keyasint" json:"to"`
	Amount  Amount       `cbor:"4,keyasint" json:"amount"`
	Expires int64        `cbor:"5,keyasint" json:"expires"`                  // block time, ms UTC
	Lock    canon.Hash   `cbor:"6,keyasint,omitzero" json:"lock,omitzero"`   // SHA-256 of the key; zero: the owner posts it
	State   PromiseState `cbor:"7,keyasint" json:"state"`                    //
	Posted  Amount       `cbor:"8,keyasint,omitzero" json:"posted,omitzero"` // of it
	Key     canon.Hash   `cbor:"9,keyasint,omitzero" json:"key,omitzero"`    // that was shown
	Asked   canon.Hash   `cbor:"10,keyasint" json:"-"`                       // the command that placed it
	About   canon.Hash   `cbor:"11,keyasint,omitzero" json:"about,omitzero"` // as in Transfer
}

// Purpose is where held tokens are.
func (h Hold) Purpose() settlement.Purpose {
	if h.Lock.IsZero() {
		return settlement.Held
	}
	return settlement.Escrow
}

// Swap offers tokens of one sort for tokens of another: both move, or neither.
type Swap struct {
	ID      string       `cbor:"1,keyasint" json:"id"`
	Owner   party.Code   `cbor:"2,keyasint" json:"owner"`
	Gives   Amount       `cbor:"3,keyasint" json:"gives"`
	Wants   Amount       `cbor:"4,keyasint" json:"wants"`
	To      party.Code   `cbor:"5,keyasint,omitempty" json:"to,omitempty"` // who may take it; empty: everybody
	Expires int64        `cbor:"6,keyasint" json:"expires"`                // block time, ms UTC
	State   PromiseState `cbor:"7,keyasint" json:"state"`
	Taker   party.Code   `cbor:"8,keyasint,omitempty" json:"taker,omitempty"`
	Asked   canon.Hash   `cbor:"9,keyasint" json:"-"`
}

// Redemption asks the issuer to pay tokens out at par by a bank. The tokens are
// held until it has, or until its time is over.
type Redemption struct {
	ID      string       `cbor:"1,keyasint" json:"id"`
	Owner   party.Code   `cbor:"2,keyasint" json:"owner"`
	Amount  Amount       `cbor:"3,keyasint" json:"amount"`
	Account canon.Hash   `cbor:"4,keyasint" json:"account"` // SHA-256 of the bank account's details, which the issuer gets in private
	Expires int64        `cbor:"5,keyasint" json:"expires"` // block time, ms UTC
	State   PromiseState `cbor:"6,keyasint" json:"state"`
	Issue   string       `cbor:"7,keyasint,omitempty" json:"issue,omitempty"` // by which it was paid
	Asked   canon.Hash   `cbor:"8,keyasint" json:"-"`
}
