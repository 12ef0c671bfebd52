package clearing

import (
	"context"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/repute"
)

// Reputation (package repute). A member that has bound itself to a pseudonym shows
// it to its partners by its desks, and these say on the Omnilateral how it has paid.

const (
	// reputeSubject stands for the reputation of the two.
	reputeSubject = "reputation"

	actShow = "repute/show"
	actSay  = "repute/say"

	// sayEvery is how often a desk says by itself how the partner has paid: more
	// would tell everybody when it pays. ms of block time.
	sayEvery = 24 * 60 * 60_000
	// lookEvery is how often a desk looks whether there is something to show or say.
	lookEvery = time.Second
	// agreeWithin is how long a partner has to sign what is said of it; without that
	// it is said all the same.
	agreeWithin = 10 * time.Second
)

// Pseudonym gives the key of a member's n-th pseudonym, the first is 1, and the salt
// by which it is committed. They are written nowhere: they follow from the carrier's
// secret.
func Pseudonym(secret [32]byte, n int) (k sign.PrivateKey, salt canon.Hash) {
	derive := func(what string) [32]byte {
		seed, err := hkdf.Key(sha256.New, secret[:], nil, fmt.Sprintf("lateral/pseudonym/1 %s/%d", what, n), 32)
		if err != nil {
			panic(err) // only for lengths that SHA-256 cannot give
		}
		return [32]byte(seed)
	}
	return sign.FromSeed(derive("key")), canon.Hash(derive("salt"))
}

// Standing is how the partner has paid, as this side may say it and has said it.
type Standing struct {
	Shown bool              // the partner has shown a pseudonym
	Says  *repute.Statement // what the history here gives; nil: there is none, or no pseudonym
	Said  *repute.Said      // what this side has said last; nil: nothing
}

// Standing gives how the partner has paid.
func (d *Desk) Standing() (s Standing, err error) {
	subject, err := d.partnerShown(&s)
	if err != nil || !s.Shown || d.o.Vault == nil {
		return s, err
	}
	return s, d.o.Vault.Omni.View(func(v view) error {
		said, ok, err := get[repute.Said](v, trade.ReputeKey(subject, d.o.Me))
		if ok {
			s.Said = &said
		}
		return err
	})
}

func (d *Desk) partnerShown(s *Standing) (subject sign.PublicKey, err error) {
	return subject, d.o.Channel.View(func(v view) error {
		here := trade.View{Records: v}
		var p trade.Shown
		p, s.Shown = here.Shown(d.o.Partner)
		subject = p.Subject
		if says, ok := here.Payer(d.o.Partner); ok {
			s.Says = &says
		}
		return nil
	})
}

// StateReputation says on the Omnilateral how the partner has paid, with its
// signature where it gives one. Codes: not-found, busy.
func (d *Desk) StateReputation(ctx context.Context) (repute.Said, error) {
	if d.o.Vault == nil {
		return repute.Said{}, d.noVault()
	}
	s, err := d.Standing()
	switch {
	case err != nil:
		return repute.Said{}, err
	case !s.Shown:
		return repute.Said{}, fault.Newf(fault.NotFound, "have it bind itself to one (lateral reputation commit)", "%s has shown no pseudonym", d.o.Partner)
	case s.Says == nil:
		return repute.Said{}, fault.Newf(fault.NotFound, "agree on a clause about credit; from then on payments are remembered", "there is no history of how %s has paid", d.o.Partner)
	}
	if err := d.say(ctx, *s.Says); err != nil {
		return repute.Said{}, err
	}
	if s, err = d.Standing(); err == nil && s.Said == nil {
		err = fault.New(fault.Internal, "report this", "what was said is not on the ledger")
	}
	if err != nil {
		return repute.Said{}, err
	}
	return *s.Said, nil
}

// say puts a statement on the Omnilateral.
func (d *Desk) say(ctx context.Context, s repute.Statement) error {
	asking, cancel := context.WithTimeout(ctx, agreeWithin)
	defer cancel()
	a, err := d.askPartner(asking, deskRequest{Statement: &s})
	if err != nil {
		d.o.Log.Info("the partner has not signed what is said of how it pays", "err", err)
	}
	return executed(d.o.Vault.Omni.Submit(ctx, trade.NewCommand(trade.KindReputeState, trade.ReputeState{Statement: s, Agreed: a.Agreed})))
}

// agreeTo signs what the partner says of how this side has paid, if it is so by the
// Bilateral. Codes: not-yet, refused.
func (d *Desk) agreeTo(s repute.Statement) (a deskAnswer, err error) {
	var is repute.Statement
	var ok bool
	err = d.o.Channel.View(func(v view) error {
		is, ok = trade.View{Records: v}.Payer(d.o.Me)
		return nil
	})
	if err != nil {
		return a, err
	}
	if !ok || is != s {
		return a, fault.New(fault.NotYet, "the history of payments here gives another statement", "ask again when both have executed the same payments")
	}
	k, _, _, err := d.pseudonym()
	if err != nil {
		return a, err
	}
	if k.Public() != s.Subject {
		return a, fault.New(fault.Refused, "this node has not the key of that pseudonym", "say it without the subject's signature")
	}
	a.Agreed = s.Agree(k, d.o.Vault.Chain, d.o.Partner)
	return a, nil
}

// pseudonym gives the pseudonym to which this member is bound; n is 0 when it is to
// none, or to one that follows from another secret.
func (d *Desk) pseudonym() (k sign.PrivateKey, salt canon.Hash, n int, err error) {
	var p trade.Pseudonym
	err = d.o.Vault.Omni.View(func(v view) error {
		p, _ = trade.View{Records: v}.Pseudonym(d.o.Me)
		return nil
	})
	if n = len(p.Commitments); err != nil || n == 0 {
		return k, salt, 0, err
	}
	if k, salt = Pseudonym(d.o.Vault.Secret, n); repute.Commit(k.Public(), salt) != p.Commitments[n-1].Hash {
		n = 0
	}
	return k, salt, n, nil
}

// reputation shows this side's pseudonym where the partner has not seen it, and says
// how the partner has paid where that is wanted and there is news.
func (d *Desk) reputation(ctx context.Context) error {
	if d.o.Vault == nil || time.Since(d.reputed) < lookEvery {
		return nil
	}
	d.reputed = time.Now()
	k, salt, n, err := d.pseudonym()
	if err != nil {
		return err
	}
	var shown trade.Shown
	var now int64
	err = d.o.Channel.View(func(v view) error {
		shown, _ = trade.View{Records: v}.Shown(d.o.Me)
		now = v.Time
		return nil
	})
	if err != nil {
		return err
	}
	if n > 0 && shown.Subject != k.Public() {
		d.act(ctx, actShow, reputeSubject, trade.NewCommand(trade.KindReputeShow,
			trade.ReputeShow{Subject: k.Public(), Salt: salt, Possession: trade.Possession(k, d.o.Vault.Chain, string(d.o.Me))}))
	}
	if !d.o.Automatic.Repute {
		return nil
	}
	s, err := d.Standing()
	if err != nil || s.Says == nil || s.Said != nil && (s.Said.Statement == *s.Says || now < s.Said.Time+sayEvery) {
		return err
	}
	d.attempt(ctx, actSay, reputeSubject, func() func(context.Context) error {
		return func(ctx context.Context) error { return d.say(ctx, *s.Says) }
	})
	return nil
}
