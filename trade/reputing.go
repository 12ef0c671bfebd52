package trade

import (
	"iter"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/repute"
)

// Reputation (MEF 114 Table 2): on the Omnilateral a member binds itself to one
// pseudonym without showing it, and says how pseudonyms pay; on a Bilateral, before
// a first agreement, it shows its own.

// Pseudonym is to what a member has bound itself, under PseudonymKey.
type Pseudonym struct {
	Commitments []Committed `cbor:"1,keyasint" json:"commitments"` // oldest first; the last counts
}

// Committed is a commitment and since when it counts.
type Committed struct {
	Hash   canon.Hash `cbor:"1,keyasint" json:"hash"`
	Height uint64     `cbor:"2,keyasint" json:"height"`
}

// Shown is the pseudonym that a side of a Bilateral has shown the other.
type Shown struct {
	Subject    sign.PublicKey `cbor:"1,keyasint" json:"subject"`
	Pseudonyms uint32         `cbor:"2,keyasint" json:"pseudonyms"` // how many it has had by then
	Height     uint64         `cbor:"3,keyasint" json:"height"`
}

// maxPseudonyms bounds how often a member takes another.
const maxPseudonyms = 16

func reputeCommit(t *tx, c ReputeCommit) error {
	who, err := t.senderMember()
	if err != nil {
		return err
	}
	if _, err := t.byActive(who); err != nil {
		return err
	}
	if c.Commitment.IsZero() {
		return invalid("commitment", "there is no commitment", "name the hash of the pseudonym and 32 random bytes")
	}
	p, _ := get[Pseudonym](t, PseudonymKey(who))
	n := len(p.Commitments)
	switch {
	case n > 0 && p.Commitments[n-1].Hash == c.Commitment:
		return nil
	case n >= maxPseudonyms:
		return fault.New(fault.Refused, "the member has had 16 pseudonyms", "keep the last one")
	}
	p.Commitments = append(p.Commitments, Committed{c.Commitment, t.ctx.Block.Height})
	t.put(PseudonymKey(who), p)
	t.emit(EventCommitted, PseudonymKey(who), "")
	return nil
}

func reputeState(t *tx, c ReputeState) error {
	by, err := t.senderMember()
	if err != nil {
		return err
	}
	if err := activeMember(t, by); err != nil {
		return err
	}
	if err := c.Statement.Validate(); err != nil {
		return fault.Of(err).In("statement")
	}
	if c.Agreed != (sign.Signature{}) && !c.Statement.Agreed(t.ctx.Block.Chain, by, c.Agreed) {
		return fault.New(fault.Refused, "the subject has not signed this statement", "leave the signature out, or have it sign exactly this").In("agreed")
	}
	key := ReputeKey(c.Statement.Subject, by)
	t.put(key, repute.Said{Statement: c.Statement, By: by, Agreed: c.Agreed, Time: t.ctx.Block.Time})
	t.emit(EventReputed, key, "")
	return nil
}

func reputeShow(t *tx, c ReputeShow) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	p, _ := t.publicView().Pseudonym(t.own)
	n := len(p.Commitments)
	if n == 0 || p.Commitments[n-1].Hash != repute.Commit(c.Subject, c.Salt) {
		return fault.New(fault.Refused, "the pseudonym is not the one to which the member's public record is bound", "show the one that was committed last").In("subject")
	}
	if sign.CheckKey(c.Subject) != nil || !sign.Verify(c.Subject, tagPossession, possession(c.Subject, t.ctx.Block.Chain, string(t.own)), c.Possession) {
		return fault.New(fault.Refused, "the pseudonym's own signature is wrong", "sign with its key for this chain and member").In("possession")
	}
	t.put(ShownKey(t.own), Shown{c.Subject, uint32(n), t.ctx.Block.Height})
	t.emit(EventShown, ShownKey(t.own), "")
	return nil
}

// Pseudonym gives to what a member has bound itself.
func (v View) Pseudonym(who party.Code) (Pseudonym, bool) {
	return get[Pseudonym](v, PseudonymKey(who))
}

// Shown gives the pseudonym that a side of a Bilateral has shown.
func (v View) Shown(who party.Code) (Shown, bool) { return get[Shown](v, ShownKey(who)) }

// Said yields what members say of a pseudonym, by member.
func (v View) Said(subject sign.PublicKey) iter.Seq[repute.Said] {
	return all[repute.Said](v, ReputeKey(subject, ""))
}

// Reputation gives what members say of a pseudonym that was shown, to a reader who
// trades with those for whom trusted says so.
func (v View) Reputation(s Shown, trusted func(party.Code) bool) repute.Reputation {
	r := repute.Judge(v.Said(s.Subject), trusted)
	r.Pseudonyms = int(s.Pseudonyms)
	return r
}

// Payer gives what a side of a Bilateral may say of how the other has paid;
// false: the other has shown no pseudonym, or there is no history.
func (v View) Payer(of party.Code) (repute.Statement, bool) {
	s, shown := v.Shown(of)
	p, _ := get[Paying](v, HistoryKey(of))
	return repute.Of(s.Subject, p.History), shown && len(p.History) > 0
}
