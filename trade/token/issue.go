package token

import (
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
)

// ActKind names what an issuer does by two persons.
type ActKind string

// What an issuer does. The fields of Act that belong to each stand beside it.
const (
	ReserveIn  ActKind = "reserve-in"  // Amount, Reference, Evidence: money has come to the reserve's bank account
	ReserveOut ActKind = "reserve-out" // Amount, Reference, Evidence: money was taken from it
	Mint       ActKind = "mint"        // Amount: tokens come to be on the issuer's own account
	Burn       ActKind = "burn"        // Amount: tokens of the issuer's own account cease
	SetCap     ActKind = "cap"         // Amount: the largest supply from now on
	Redeem     ActKind = "redeem"      // Member, Redemption, Paid, Reference, Evidence: a holder was paid, and its tokens cease
	Freeze     ActKind = "freeze"      // Member, Why: its account takes and gives nothing
	Unfreeze   ActKind = "unfreeze"    // Member, Why
	Bar        ActKind = "bar"         // Country, Why: its members take no tokens
	Unbar      ActKind = "unbar"       // Country, Why
	SetFeed    ActKind = "feed"        // Feed: who states a rate; without sources the feed ends
	SetBasket  ActKind = "basket"      // Basket: of the token's unit, from its beginning on
)

// Role is what both persons of an act must have; empty for no act.
func (k ActKind) Role() party.Role {
	switch k {
	case ReserveIn, ReserveOut, Mint, Burn, SetCap, Redeem, SetFeed, SetBasket:
		return party.Issuer
	case Freeze, Unfreeze, Bar, Unbar:
		return party.Compliance
	}
	return ""
}

// Act is what two persons of an issuer decide about its token.
type Act struct {
	Kind       ActKind        `cbor:"1,keyasint" json:"kind"`
	Amount     money.Amount   `cbor:"2,keyasint,omitzero" json:"amount,omitzero"`       // of a reserve in its currency, of tokens in their unit
	Reference  string         `cbor:"3,keyasint,omitempty" json:"reference,omitempty"`  // as the bank shows it
	Evidence   canon.Hash     `cbor:"4,keyasint,omitzero" json:"evidence,omitzero"`     // SHA-256 of the bank's statement
	Member     party.Code     `cbor:"5,keyasint,omitempty" json:"member,omitempty"`     //
	Why        string         `cbor:"6,keyasint,omitempty" json:"why,omitempty"`        //
	Country    string         `cbor:"7,keyasint,omitempty" json:"country,omitempty"`    // ISO 3166-1 alpha-2
	Redemption string         `cbor:"8,keyasint,omitempty" json:"redemption,omitempty"` // its id
	Paid       []money.Amount `cbor:"9,keyasint,omitempty" json:"paid,omitempty"`       // by the bank, to the holder; in order of currency
	Feed       *Feed          `cbor:"10,keyasint,omitempty" json:"feed,omitempty"`      //
	Basket     *Basket        `cbor:"11,keyasint,omitempty" json:"basket,omitempty"`    //
}

// Check refuses an act that misses what belongs to it, or that no two persons
// decide. Code: invalid.
func (a Act) Check(token Code) error {
	unit, err := token.Unit()
	if err != nil {
		return fault.Of(err).In("token")
	}
	bad := func(field, detail, remedy string) error {
		return fault.New(fault.Invalid, detail, remedy).In("act." + field)
	}
	if a.Kind.Role() == "" {
		return bad("kind", "there is no such act", "use reserve-in, reserve-out, mint, burn, cap, redeem, freeze, unfreeze, bar, unbar, feed or basket")
	}
	switch a.Kind {
	case ReserveIn, ReserveOut:
		if err := a.Amount.Currency.Validate(); err != nil {
			return fault.Of(err).In("act.amount")
		}
		if a.Amount.Micro <= 0 {
			return bad("amount", "the amount is not above zero", "name what the bank shows")
		}
		if whole, err := a.Amount.Whole(); err != nil || !whole {
			return bad("amount", "no bank shows such an amount", "name it in whole coins of the currency")
		}
	case Mint, Burn, SetCap:
		if a.Amount.Currency != unit || a.Amount.Micro <= 0 {
			return bad("amount", "the amount is not above zero, or not in "+string(unit), "name the tokens in their unit")
		}
	case Redeem:
		if len(a.Paid) == 0 || a.Redemption == "" {
			return bad("paid", "the act does not say what was paid for which redemption", "name the redemption and what the bank has paid")
		}
	case Freeze, Unfreeze, Bar, Unbar:
		if a.Why == "" || len(a.Why) > 200 {
			return bad("why", "the reason is empty or longer than 200 bytes", "say why: it is shown to whoever is concerned")
		}
	case SetFeed:
		if a.Feed == nil {
			return bad("feed", "the act names no feed", "name pair, sources, quorum and bounds")
		}
		if len(a.Feed.Sources) == 0 {
			return a.Feed.Pair.Validate()
		}
		return a.Feed.Validate()
	case SetBasket:
		if a.Basket == nil || token != SDR {
			return bad("basket", "only SDRt has a basket, and the act must name one", "name its currencies")
		}
		return a.Basket.Validate()
	}
	switch a.Kind {
	case ReserveIn, ReserveOut, Redeem:
		if a.Reference == "" || len(a.Reference) > 140 || a.Evidence.IsZero() {
			return bad("reference", "the bank's reference is empty or longer than 140 bytes, or the statement's hash is missing", "name both, so that anybody can ask the bank")
		}
	case Bar, Unbar:
		if len(a.Country) != 2 || a.Country[0] < 'A' || a.Country[0] > 'Z' || a.Country[1] < 'A' || a.Country[1] > 'Z' {
			return bad("country", "the country is not two capital letters", "use the ISO 3166-1 alpha-2 code")
		}
	}
	switch a.Kind {
	case Redeem, Freeze, Unfreeze:
		if err := a.Member.Validate(); err != nil {
			return fault.Of(err).In("act.member")
		}
	}
	return nil
}

// Issue is an act of an issuer, proposed by one officer and approved by another.
type Issue struct {
	ID       string     `cbor:"1,keyasint" json:"id"`
	Token    Code       `cbor:"2,keyasint" json:"token"`
	Act      Act        `cbor:"3,keyasint" json:"act"`
	State    IssueState `cbor:"4,keyasint" json:"state"`
	Proposed party.Act  `cbor:"5,keyasint" json:"proposed"`
	Approved party.Act  `cbor:"6,keyasint,omitzero" json:"approved,omitzero"` // or rejected
	Deadline int64      `cbor:"7,keyasint,omitempty" json:"deadline,omitempty"`
	Why      string     `cbor:"8,keyasint,omitempty" json:"why,omitempty"` // of a rejection
}

// Hash names what is approved, so that nobody approves what it has not read.
func (i Issue) Hash() canon.Hash {
	return canon.HashOf("lateral/issue/1", struct {
		ID    string `cbor:"1,keyasint"`
		Token Code   `cbor:"2,keyasint"`
		Act   Act    `cbor:"3,keyasint"`
	}{i.ID, i.Token, i.Act})
}

// Banked says that a bank's reference was used, so that no payment counts twice.
type Banked struct {
	Issue string `cbor:"1,keyasint" json:"issue"`
}

// Frozen is an account that takes and gives nothing, and why.
type Frozen struct {
	Member party.Code `cbor:"1,keyasint" json:"member"`
	Why    string     `cbor:"2,keyasint" json:"why"`
	Since  int64      `cbor:"3,keyasint" json:"since"` // block time, ms UTC
	Issue  string     `cbor:"4,keyasint" json:"issue"` // by which it was frozen
}
