// Package repute is how members pay, as those whom they have paid say it on the
// Omnilateral, of pseudonyms (MEF 114 Table 2, payment history, and section 7.2).
//
// A member has one pseudonym, to which its public record is bound by a commitment;
// whoever trades with it is shown which. Others see that a member says something of
// somebody. What counts for a reader is what those say whom it trades with itself,
// and of that the worst: no statement that somebody makes about itself, under
// whatever name, lifts anything.
package repute

import (
	"iter"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/credit"
	"github.com/lateral-network/lateral/trade/party"
)

// Statement is what a payee says of how a payer has paid its last invoices.
type Statement struct {
	Subject  sign.PublicKey `cbor:"1,keyasint" json:"subject"`  // the payer's pseudonym
	Invoices uint32         `cbor:"2,keyasint" json:"invoices"` // 1 to 12
	OnTime   uint32         `cbor:"3,keyasint" json:"on_time"`  // of these
	Days     uint32         `cbor:"4,keyasint" json:"days"`     // mean time from issue to receipt
}

// Of makes a statement from a history.
func Of(subject sign.PublicKey, h credit.History) Statement {
	s := Statement{Subject: subject, Invoices: uint32(len(h)), Days: h.Days()}
	for _, p := range h {
		if !p.Late {
			s.OnTime++
		}
	}
	return s
}

// Validate refuses a statement that no history gives. Code: invalid.
func (s Statement) Validate() error {
	if err := sign.CheckKey(s.Subject); err != nil {
		return fault.Of(err).In("subject")
	}
	if s.Invoices == 0 || s.Invoices > credit.Last || s.OnTime > s.Invoices || s.Days > 36_500 {
		return fault.Newf(fault.Invalid, "state the last invoices as they were paid", "%d of %d invoices on time after %d days is no history", s.OnTime, s.Invoices, s.Days)
	}
	return nil
}

// Score is the share of invoices that were paid on time, in whole percent, rounded
// down.
func (s Statement) Score() uint32 { return s.OnTime * 100 / max(1, s.Invoices) }

const (
	tagAgreed = "lateral/repute/agreed/1"
	tagCommit = "lateral/repute/commit/1"
)

func (s Statement) message(chain string, by party.Code) []byte {
	return canon.Must(struct {
		Chain string     `cbor:"1,keyasint"`
		By    party.Code `cbor:"2,keyasint"`
		Said  Statement  `cbor:"3,keyasint"`
	}{chain, by, s})
}

// Agree is the subject's own signature under what a member says of it.
func (s Statement) Agree(k sign.PrivateKey, chain string, by party.Code) sign.Signature {
	return k.Sign(tagAgreed, s.message(chain, by))
}

// Agreed reports whether a signature is the subject's under what a member says.
func (s Statement) Agreed(chain string, by party.Code, sig sign.Signature) bool {
	return sign.Verify(s.Subject, tagAgreed, s.message(chain, by), sig)
}

// Commit binds a pseudonym without showing it: nobody finds the key to the hash
// without the salt, 32 random bytes.
func Commit(subject sign.PublicKey, salt canon.Hash) canon.Hash {
	return canon.Sum(tagCommit, subject[:], salt[:])
}

// Said is a statement as it stands on the Omnilateral.
type Said struct {
	Statement Statement      `cbor:"1,keyasint" json:"statement"`
	By        party.Code     `cbor:"2,keyasint" json:"by"`
	Agreed    sign.Signature `cbor:"3,keyasint,omitzero" json:"agreed,omitzero"` // the subject's; zero: it has not agreed
	Time      int64          `cbor:"4,keyasint" json:"time"`                     // of the block, ms UTC
}

// Reputation is what statements come to for one reader.
type Reputation struct {
	Score      uint32 `json:"score"`      // the lowest, in percent; 0 when nothing counts
	Days       uint32 `json:"days"`       // the longest
	Counted    int    `json:"counted"`    // statements of members whom the reader trades with
	Others     int    `json:"others"`     // of anybody else: they change nothing
	Unagreed   int    `json:"unagreed"`   // of those that count: the subject has not signed them
	Pseudonyms int    `json:"pseudonyms"` // how many the member has had; more than one hides what was
}

// Judge reads all statements about one pseudonym. trusted says whom the reader
// trades with.
func Judge(all iter.Seq[Said], trusted func(party.Code) bool) Reputation {
	var r Reputation
	for s := range all {
		if !trusted(s.By) {
			r.Others++
			continue
		}
		if r.Counted == 0 || s.Statement.Score() < r.Score {
			r.Score = s.Statement.Score()
		}
		r.Days = max(r.Days, s.Statement.Days)
		if r.Counted++; s.Agreed == (sign.Signature{}) {
			r.Unagreed++
		}
	}
	return r
}
