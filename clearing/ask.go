package clearing

import (
	"context"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/repute"
)

// Two desks of a Bilateral ask each other for signatures that stand on the
// Omnilateral and show there no more than has to be seen.

// deskRequest is what one desk asks the other for: one of its fields.
type deskRequest struct {
	Change    *changeRequest    `cbor:"1,keyasint,omitempty"` // to sign a change of locks
	Statement *repute.Statement `cbor:"2,keyasint,omitempty"` // to sign what is said of how it pays
}

// deskAnswer has the signatures that were asked for.
type deskAnswer struct {
	Signatures []sign.Signature `cbor:"1,keyasint,omitempty"` // of a change, one for each lock, in their order
	Agreed     sign.Signature   `cbor:"2,keyasint,omitzero"`  // of a statement
}

// askPartner asks the partner's desk, again while it is behind or silent.
func (d *Desk) askPartner(ctx context.Context, r deskRequest) (a deskAnswer, err error) {
	for {
		var raw []byte
		if raw, err = d.o.Vault.Ask(ctx, canon.Must(r)); err == nil {
			return a, canon.Decode(raw, &a)
		}
		switch fault.CodeOf(err) {
		case fault.NotYet, fault.Busy, fault.Unavailable, fault.Unknown, "no-answer":
		default:
			return a, err
		}
		select {
		case <-ctx.Done():
			return a, err
		case <-time.After(signEvery):
		}
	}
}

// Answer gives a signature that the partner's desk asks for, if it is for what is so
// here. Codes: invalid, not-yet, refused, reveals-the-pair.
func (d *Desk) Answer(_ context.Context, request []byte) ([]byte, error) {
	var r deskRequest
	if err := canon.Decode(request, &r); err != nil {
		return nil, err
	}
	if d.o.Vault == nil {
		return nil, d.noVault()
	}
	var a deskAnswer
	var err error
	switch {
	case r.Change != nil && r.Statement == nil:
		a, err = d.agreeToChange(*r.Change)
	case r.Statement != nil && r.Change == nil:
		a, err = d.agreeTo(*r.Statement)
	default:
		err = fault.New(fault.Invalid, "the partner's desk asks for nothing, or for something that this one does not know", "have both run the same release")
	}
	if err != nil {
		return nil, err
	}
	return canon.Must(a), nil
}
