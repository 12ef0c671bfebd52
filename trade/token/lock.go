package token

import (
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
)

// A lock sets tokens aside under two keys, one of its owner and one of a partner
// whom nobody else knows. The two pay each other out of it by signed totals that
// only grow: the partner has what the owner has paid in all, less what it has paid
// back. So the newest word of each side is enough, whoever else has signed what.

// Side says whose of a lock's two keys it is.
type Side uint8

// The two sides of a lock.
const (
	OwnerSide   Side = 0
	PartnerSide Side = 1
)

// Other is the other side.
func (s Side) Other() Side { return 1 - s }

// Paid is one side's word on what it has paid the other through a lock in all,
// since the lock was last changed.
type Paid struct {
	Lock  canon.Hash  `cbor:"1,keyasint" json:"lock"`
	Round uint64      `cbor:"2,keyasint" json:"round"` // how often the lock was changed before
	By    Side        `cbor:"3,keyasint" json:"by"`
	Total money.Micro `cbor:"4,keyasint" json:"total"`
}

// tagPaid and tagChange separate these signatures from all others.
const (
	tagPaid   = "lateral/lock/paid/1"
	tagChange = "lateral/lock/change/1"
	tagClaim  = "lateral/lock/claim/1"
)

// SignedPaid is a total under the key of the side that has paid.
type SignedPaid struct {
	Paid      Paid           `cbor:"1,keyasint" json:"paid"`
	Signature sign.Signature `cbor:"2,keyasint" json:"signature"`
}

// Sign signs a total on one chain.
func (p Paid) Sign(k sign.PrivateKey, chain string) SignedPaid {
	return SignedPaid{p, k.Sign(tagPaid, p.message(chain))}
}

func (p Paid) message(chain string) []byte {
	return canon.Must(struct {
		Chain string `cbor:"1,keyasint"`
		Paid  Paid   `cbor:"2,keyasint"`
	}{chain, p})
}

// Check refuses a total that is not of the lock as it is now, or not signed by its
// side. Code: refused.
func (s SignedPaid) Check(l Lock, chain string) error {
	switch {
	case s.Paid.Lock != l.ID || s.Paid.By > PartnerSide:
		return fault.New(fault.Refused, "the total is of another lock, or of neither side", "name the lock's own")
	case s.Paid.Round != l.Round:
		return fault.Newf(fault.Refused, "sign it anew", "the total is of round %d, and the lock is in round %d", s.Paid.Round, l.Round)
	case s.Paid.Total < 0:
		return fault.New(fault.Refused, "the total is below zero", "name what was paid in all")
	case !sign.Verify(l.Keys[s.Paid.By], tagPaid, s.Paid.message(chain), s.Signature):
		return fault.New(fault.Refused, "the total is not signed with the key of the side that has paid", "sign it with the lock's key")
	}
	return nil
}

// Lock is tokens set aside under two keys.
type Lock struct {
	ID     canon.Hash        `cbor:"1,keyasint" json:"id"`
	Owner  party.Code        `cbor:"2,keyasint" json:"owner"`
	Amount Amount            `cbor:"3,keyasint" json:"amount"`
	Keys   [2]sign.PublicKey `cbor:"4,keyasint" json:"keys"` // the owner's and the partner's
	State  LockState         `cbor:"5,keyasint" json:"state"`
	Round  uint64            `cbor:"6,keyasint" json:"round"`
	Exit   *Exit             `cbor:"7,keyasint,omitempty" json:"exit,omitempty"`
	Left   money.Micro       `cbor:"8,keyasint,omitempty" json:"left,omitempty"` // the partner's, once it is closed
	Asked  canon.Hash        `cbor:"9,keyasint" json:"-"`
}

// Exit is how one side leaves alone: by its word on the totals.
type Exit struct {
	By       Side           `cbor:"1,keyasint" json:"by"`
	Totals   [2]money.Micro `cbor:"2,keyasint" json:"totals"`                    // what the owner and the partner have paid
	Stale    bool           `cbor:"3,keyasint,omitempty" json:"stale,omitempty"` // the other side has shown that it had paid more
	Deadline int64          `cbor:"4,keyasint" json:"deadline"`                  // for a contest; block time, ms UTC
}

// staleShare is the part of a lock that a side loses which has left with a stale
// total: one in so many.
const staleShare = 10

// Split gives what is the owner's and the partner's of a lock by totals of what
// they have paid. Code: refused when nobody could have paid so much.
func (l Lock) Split(totals [2]money.Micro) (owner, partner money.Micro, err error) {
	partner, err = totals[OwnerSide].Sub(totals[PartnerSide])
	if err != nil || partner < 0 || partner > l.Amount.Micro {
		return 0, 0, fault.Newf(fault.Refused, "pay no more than there is", "by these totals %s of %s would be the partner's", partner, l.Amount)
	}
	return l.Amount.Micro - partner, partner, nil
}

// Leave gives what each side has of a lock when an exit's time is over. Who has
// left with a stale total loses a tenth of the lock beside what it owes.
func (l Lock) Leave() (owner, partner money.Micro, err error) {
	owner, partner, err = l.Split(l.Exit.Totals)
	if err != nil || !l.Exit.Stale {
		return owner, partner, err
	}
	fine := l.Amount.Micro / staleShare
	if l.Exit.By == OwnerSide {
		fine = min(fine, owner)
		return owner - fine, partner + fine, nil
	}
	fine = min(fine, partner)
	return owner + fine, partner - fine, nil
}

// Change is what a lock becomes when both sides agree. What a list of changes
// takes from some locks it puts into others, or gives back to the locks' owners.
type Change struct {
	Lock   canon.Hash  `cbor:"1,keyasint" json:"lock"`
	Round  uint64      `cbor:"2,keyasint" json:"round"`                    // the lock's now; it is one more afterwards
	Amount money.Micro `cbor:"3,keyasint" json:"amount"`                   // then in the lock
	Back   money.Micro `cbor:"4,keyasint,omitempty" json:"back,omitempty"` // to its owner
}

// Changes is a list of changes, in order of lock, that is void at a time: what
// every key signs that has a part in it. While it may still be made, nobody pays out
// of its locks.
type Changes struct {
	List  []Change `cbor:"1,keyasint" json:"list"`
	Until int64    `cbor:"2,keyasint" json:"until"` // block time, ms UTC
}

// Hash names the list on one chain.
func (c Changes) Hash(chain string) canon.Hash {
	return canon.HashOf(tagChange, struct {
		Chain   string  `cbor:"1,keyasint"`
		Changes Changes `cbor:"2,keyasint"`
	}{chain, c})
}

// Sign signs the list with one of a lock's keys.
func (c Changes) Sign(k sign.PrivateKey, chain string) sign.Signature {
	h := c.Hash(chain)
	return k.Sign(tagChange, h[:])
}

// Verify reports whether a signature under the list is a key's.
func (c Changes) Verify(k sign.PublicKey, chain string, s sign.Signature) bool {
	h := c.Hash(chain)
	return sign.Verify(k, tagChange, h[:], s)
}

// SignClaim says, with the partner's key, to whom what is left of a closed lock
// goes.
func SignClaim(k sign.PrivateKey, chain string, lock canon.Hash, to party.Code) sign.Signature {
	return k.Sign(tagClaim, claim(chain, lock, to))
}

// VerifyClaim reports whether a claim is the partner's.
func VerifyClaim(l Lock, chain string, to party.Code, s sign.Signature) bool {
	return sign.Verify(l.Keys[PartnerSide], tagClaim, claim(chain, l.ID, to), s)
}

func claim(chain string, lock canon.Hash, to party.Code) []byte {
	return canon.Must(struct {
		Chain string     `cbor:"1,keyasint"`
		Lock  canon.Hash `cbor:"2,keyasint"`
		To    party.Code `cbor:"3,keyasint"`
	}{chain, lock, to})
}
