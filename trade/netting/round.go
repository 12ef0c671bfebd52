package netting

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
)

// Codes of rounds: why an offer does not count, and why a result has no effect.
const (
	CodeOfferUnsigned  fault.Code = "offer-unsigned"
	CodeOfferRepeated  fault.Code = "offer-repeated"
	CodeResultUnsigned fault.Code = "result-unsigned"
)

// Format is the version of the encodings below. Their bytes are what is hashed
// and signed; the tags are the domains.
const (
	Format = 1

	tagRound   = "lateral/netting/round/1"   // hashed
	tagOffer   = "lateral/netting/offer/1"   // signed by both sides of a debt
	tagLimit   = "lateral/netting/limit/1"   // signed by the member
	tagOffers  = "lateral/netting/offers/1"  // hashed
	tagResult  = "lateral/netting/result/1"  // hashed; the hash is signed by all that it touches
	tagAccount = "lateral/netting/account/1" // signed by a member of a round by position
)

// Round is what those who take part in one netting begin with. Its keys are made
// for it and used nowhere else, so that nobody can tell who is behind them but
// who was told. They are named in advance, or follow from the offers: a round without
// keys is open to whoever offers.
type Round struct {
	Version  uint8            `cbor:"1,keyasint" json:"version"` // [Format]
	ID       canon.Hash       `cbor:"2,keyasint" json:"id"`      // random
	Currency money.Currency   `cbor:"3,keyasint" json:"currency"`
	Method   Method           `cbor:"4,keyasint" json:"method"` // offers hold for no other
	Keys     []sign.PublicKey `cbor:"5,keyasint" json:"keys"`   // in byte order; none: those of the offers
}

// Hash names a round with everything in it.
func (r Round) Hash() canon.Hash { return canon.HashOf(tagRound, r) }

// Validate refuses a round that is none. Codes: invalid, unknown-currency.
func (r Round) Validate() error {
	if r.Version != Format {
		return fault.Newf(fault.Invalid, "upgrade this node", "a round of version %d; this node knows version %d", r.Version, Format)
	}
	if err := r.Currency.Validate(); err != nil {
		return err
	}
	if r.ID.IsZero() || len(r.Keys) == 1 || len(r.Keys) > MaxMembers {
		return fault.Newf(fault.Invalid, "begin a round anew", "a round has an id, and 2 to %d members or is open", MaxMembers)
	}
	switch r.Method {
	case ByPair, ByPosition, ByCirculation:
	default:
		return fault.Newf(fault.Invalid, "use bilateral, multilateral or compression", "no round nets by the method %.40q", string(r.Method))
	}
	for i, k := range r.Keys {
		if err := sign.CheckKey(k); err != nil {
			return err
		}
		if i > 0 && bytes.Compare(r.Keys[i-1][:], k[:]) >= 0 {
			return fault.New(fault.Invalid, "the members of a round are not in order, or one is there twice", "sort the keys by their bytes")
		}
	}
	return nil
}

// Place gives the place of a key among those of the members.
func (a Admitted) Place(k sign.PublicKey) (uint32, bool) {
	at, ok := slices.BinarySearchFunc(a.Keys, k, compareKeys)
	return uint32(at), ok
}

func compareKeys(a, b sign.PublicKey) int { return bytes.Compare(a[:], b[:]) }

// Offer is the part of what one member owes another that both put into a round.
// What the whole debt is, and what it is for, stays between the two.
type Offer struct {
	Round    canon.Hash     `cbor:"1,keyasint" json:"round"` // [Round.Hash]
	Debtor   sign.PublicKey `cbor:"2,keyasint" json:"debtor"`
	Creditor sign.PublicKey `cbor:"3,keyasint" json:"creditor"`
	Amount   money.Micro    `cbor:"4,keyasint" json:"amount"`
}

// Sign signs an offer with the key of its debtor or creditor.
func (o Offer) Sign(k sign.PrivateKey) sign.Signature { return k.Sign(tagOffer, canon.Must(o)) }

// By reports whether this is a key's good signature of an offer.
func (o Offer) By(k sign.PublicKey, s sign.Signature) bool {
	return sign.Verify(k, tagOffer, canon.Must(o), s)
}

// SignedOffer is an offer with the signatures of both.
type SignedOffer struct {
	Offer    Offer          `cbor:"1,keyasint" json:"offer"`
	Debtor   sign.Signature `cbor:"2,keyasint" json:"debtor"`
	Creditor sign.Signature `cbor:"3,keyasint" json:"creditor"`
}

// Check refuses an offer that is none, or that both sides have not signed. Codes:
// invalid, offer-unsigned.
func (s SignedOffer) Check() error {
	o := s.Offer
	switch {
	case o.Debtor == o.Creditor || o.Amount <= 0:
		return fault.New(fault.Invalid, "the offer is of a debt to oneself, or of nothing", "offer what is owed to another")
	case !o.By(o.Debtor, s.Debtor):
		return unsigned("debtor")
	case !o.By(o.Creditor, s.Creditor):
		return unsigned("creditor")
	}
	return nil
}

// Limit is the most that a member lets a compression take off what it owes.
type Limit struct {
	Round  canon.Hash     `cbor:"1,keyasint" json:"round"`
	Member sign.PublicKey `cbor:"2,keyasint" json:"member"`
	Most   money.Micro    `cbor:"3,keyasint" json:"most"` // above zero; who wants none offers nothing
}

// Sign signs a limit with the member's key.
func (l Limit) Sign(k sign.PrivateKey) sign.Signature { return k.Sign(tagLimit, canon.Must(l)) }

// SignedLimit is a limit with its member's signature.
type SignedLimit struct {
	Limit     Limit          `cbor:"1,keyasint" json:"limit"`
	Signature sign.Signature `cbor:"2,keyasint" json:"signature"`
}

// Check refuses a limit that is none, or that its member has not signed. Codes:
// invalid, offer-unsigned.
func (s SignedLimit) Check() error {
	switch {
	case s.Limit.Most <= 0:
		return fault.Newf(fault.Invalid, "name a limit above zero, or offer nothing", "the limit is %s", s.Limit.Most)
	case !sign.Verify(s.Limit.Member, tagLimit, canon.Must(s.Limit), s.Signature):
		return fault.New(CodeOfferUnsigned, "the limit has no good signature of its member", "sign it with the member's key")
	}
	return nil
}

// Dropped is an offer or a limit that does not count, and why.
type Dropped[T any] struct {
	What T
	Why  *fault.Error
}

// Admitted is what counts in a round: the same for everybody who has the same
// offers, in whatever order they came.
type Admitted struct {
	Round         Round
	Keys          []sign.PublicKey // of the members, in byte order
	Offers        []Offer          // by debtor, then creditor; one of each two
	Limits        []Limit          // by member; one of each
	DroppedOffers []Dropped[Offer]
	DroppedLimits []Dropped[Limit]
}

// Admit says which offers and limits count. What is not signed by whom it must be,
// or names another round or no member, is dropped. The same offer twice counts
// once; two that contradict each other do not count, since nobody knows which
// holds. Of a member's limits the lowest counts. Should the sum leave the range of
// money, the largest offers are dropped, so that none alone can stop a round.
// Codes: invalid, unknown-currency.
func (r Round) Admit(offers []SignedOffer, limits []SignedLimit) (Admitted, error) {
	if err := r.Validate(); err != nil {
		return Admitted{}, err
	}
	if len(offers) > MaxDebts || len(limits) > MaxDebts {
		return Admitted{}, fault.Newf(fault.Invalid, "collect fewer", "a round takes at most %d offers and as many limits", MaxDebts)
	}
	a := Admitted{Round: r, Keys: r.Keys}
	if len(a.Keys) == 0 {
		var signed []Offer
		for _, s := range offers {
			if s.Check() == nil {
				signed = append(signed, s.Offer)
			}
		}
		a.Keys = Members(signed)
	}
	a.admitOffers(offers)
	a.admitLimits(limits)
	return a, nil
}

// Members gives the keys that offers name, in byte order.
func Members(offers []Offer) []sign.PublicKey {
	keys := make([]sign.PublicKey, 0, 2*len(offers))
	for _, o := range offers {
		keys = append(keys, o.Debtor, o.Creditor)
	}
	slices.SortFunc(keys, compareKeys)
	return slices.Compact(keys)
}

func byPair(a, b Offer) int {
	return cmp.Or(bytes.Compare(a.Debtor[:], b.Debtor[:]), bytes.Compare(a.Creditor[:], b.Creditor[:]))
}

func (a *Admitted) drop(o Offer, why *fault.Error) {
	a.DroppedOffers = append(a.DroppedOffers, Dropped[Offer]{o, why})
}

func unsigned(who string) *fault.Error {
	return fault.New(CodeOfferUnsigned, "the offer has no good signature of its "+who, "have both sides sign the same offer")
}

func (a *Admitted) admitOffers(offers []SignedOffer) {
	offers = slices.Clone(offers)
	slices.SortFunc(offers, func(x, y SignedOffer) int {
		return cmp.Or(byPair(x.Offer, y.Offer), cmp.Compare(x.Offer.Amount, y.Offer.Amount), bytes.Compare(x.Offer.Round[:], y.Offer.Round[:]),
			bytes.Compare(x.Debtor[:], y.Debtor[:]), bytes.Compare(x.Creditor[:], y.Creditor[:]))
	})
	round := a.Round.Hash()
	var batch sign.Batch
	formed := offers[:0] // worth the work of checking signatures
	for _, s := range offers {
		o := s.Offer
		_, debtor := a.Place(o.Debtor)
		_, creditor := a.Place(o.Creditor)
		switch {
		case o.Round != round:
			a.drop(o, fault.New(fault.Conflict, "the offer is for another round", "sign one for this round"))
		case !debtor || !creditor:
			a.drop(o, fault.New(fault.NotFound, "the offer names a key that is not of the round", "offer between members of the round"))
		case o.Debtor == o.Creditor:
			a.drop(o, fault.New(fault.Invalid, "the offer is of a debt to oneself", "leave it out"))
		case o.Amount <= 0:
			a.drop(o, fault.Newf(fault.Invalid, "offer an amount above zero", "the offer is of %s", o.Amount))
		default:
			formed = append(formed, s)
			raw := canon.Must(o)
			batch.Add(o.Debtor, tagOffer, raw, s.Debtor)
			batch.Add(o.Creditor, tagOffer, raw, s.Creditor)
		}
	}
	_, good := batch.Verify()
	var signed []Offer
	for i, s := range formed {
		o, debtor, creditor := s.Offer, good[2*i], good[2*i+1]
		switch {
		case !debtor && !creditor:
			a.drop(o, unsigned("debtor and creditor"))
		case !debtor:
			a.drop(o, unsigned("debtor"))
		case !creditor:
			a.drop(o, unsigned("creditor"))
		case len(signed) > 0 && signed[len(signed)-1] == o:
			a.drop(o, fault.New(CodeOfferRepeated, "the offer is there twice, and counts once", "nothing"))
		default:
			signed = append(signed, o)
		}
	}
	for len(signed) > 0 {
		n := 1
		for n < len(signed) && byPair(signed[0], signed[n]) == 0 {
			n++
		}
		if n == 1 {
			a.Offers = append(a.Offers, signed[0])
		} else {
			for _, o := range signed[:n] {
				a.drop(o, fault.Newf(CodeOfferRepeated, "sign one offer of each debt", "both sides have signed %d offers of this debt, with different amounts", n))
			}
		}
		signed = signed[n:]
	}
	a.fit()
	slices.SortStableFunc(a.DroppedOffers, func(x, y Dropped[Offer]) int { return byPair(x.What, y.What) })
}

// fit drops the largest offers as long as the sum of all leaves the range of money.
func (a *Admitted) fit() {
	bySize := slices.Clone(a.Offers)
	slices.SortStableFunc(bySize, func(x, y Offer) int { return cmp.Compare(x.Amount, y.Amount) })
	var sum money.Micro
	var err error
	for i, o := range bySize {
		if sum, err = sum.Add(o.Amount); err == nil {
			continue
		}
		for _, o := range bySize[i:] {
			a.drop(o, fault.New(money.CodeOverflow, "with this offer, the sum of all leaves the range of money", "offer it in a round of its own"))
		}
		fits := bySize[:i]
		slices.SortFunc(fits, byPair)
		a.Offers = slices.Clone(fits)
		break
	}
}

func (a *Admitted) admitLimits(limits []SignedLimit) {
	limits = slices.Clone(limits)
	slices.SortFunc(limits, func(x, y SignedLimit) int {
		return cmp.Or(bytes.Compare(x.Limit.Member[:], y.Limit.Member[:]), cmp.Compare(x.Limit.Most, y.Limit.Most),
			bytes.Compare(x.Limit.Round[:], y.Limit.Round[:]), bytes.Compare(x.Signature[:], y.Signature[:]))
	})
	drop := func(l Limit, why *fault.Error) { a.DroppedLimits = append(a.DroppedLimits, Dropped[Limit]{l, why}) }
	round := a.Round.Hash()
	for _, s := range limits {
		l := s.Limit
		_, member := a.Place(l.Member)
		switch {
		case l.Round != round:
			drop(l, fault.New(fault.Conflict, "the limit is for another round", "sign one for this round"))
		case !member:
			drop(l, fault.New(fault.NotFound, "the limit is of a key that is not of the round", "sign with the key of a member"))
		case s.Check() != nil:
			drop(l, fault.Of(s.Check()))
		case len(a.Limits) > 0 && a.Limits[len(a.Limits)-1].Member == l.Member:
			drop(l, fault.New(CodeOfferRepeated, "the member has named a lower limit, or the same", "nothing"))
		default:
			a.Limits = append(a.Limits, l)
		}
	}
}

// Hash names a round with all that counts in it.
func (a Admitted) Hash() canon.Hash {
	return canon.HashOf(tagOffers, struct {
		Round  canon.Hash `cbor:"1,keyasint"`
		Offers []Offer    `cbor:"2,keyasint"`
		Limits []Limit    `cbor:"3,keyasint"`
	}{a.Round.Hash(), a.Offers, a.Limits})
}

// Input gives what counts as debts to net.
func (a Admitted) Input() Input {
	in := Input{Currency: a.Round.Currency, Members: make([]Member, len(a.Keys)), Debts: make([]Debt, len(a.Offers))}
	for i, k := range a.Keys {
		in.Members[i].Key = k
	}
	for _, l := range a.Limits {
		at, _ := a.Place(l.Member)
		in.Members[at].Most = l.Most
	}
	for i, o := range a.Offers {
		debtor, _ := a.Place(o.Debtor)
		creditor, _ := a.Place(o.Creditor)
		in.Debts[i] = Debt{debtor, creditor, o.Amount}
	}
	return in
}

// Result is what all whom an outcome touches sign.
type Result struct {
	Version uint8      `cbor:"1,keyasint" json:"version"` // [Format]
	Round   canon.Hash `cbor:"2,keyasint" json:"round"`   // [Round.Hash]
	Offers  canon.Hash `cbor:"3,keyasint" json:"offers"`  // [Admitted.Hash]
	Outcome Outcome    `cbor:"4,keyasint" json:"outcome"`
}

// Net nets what counts by the round's method. Everybody who has the offers comes
// to the same result. Codes: those of the methods.
func (a Admitted) Net() (Result, error) {
	net := Compress
	switch a.Round.Method {
	case ByPair:
		net = Bilateral
	case ByPosition:
		net = Multilateral
	}
	o, err := net(a.Input())
	return Result{Version: Format, Round: a.Round.Hash(), Offers: a.Hash(), Outcome: o}, err
}

// Hash is what is signed.
func (r Result) Hash() canon.Hash { return canon.HashOf(tagResult, r) }

// Sign signs a result with the key of one whom it touches, who has checked it.
func (r Result) Sign(k sign.PrivateKey) Signed {
	h := r.Hash()
	return Signed{Key: k.Public(), Signature: k.Sign(tagResult, h[:])}
}

// Signed is one member's signature of a result.
type Signed struct {
	Key       sign.PublicKey `cbor:"1,keyasint" json:"key"`
	Signature sign.Signature `cbor:"2,keyasint" json:"signature"`
}

// By reports whether this is a good signature of a result, by the result's hash.
func (s Signed) By(result canon.Hash) bool {
	return sign.Verify(s.Key, tagResult, result[:], s.Signature)
}

// Account says for whom a key pays and is paid.
type Account struct {
	Result canon.Hash `cbor:"1,keyasint" json:"result"` // [Result.Hash]
	Member party.Code `cbor:"2,keyasint" json:"member"`
}

// Sign signs with the round's key, so that nobody else is paid in its place.
func (a Account) Sign(k sign.PrivateKey) sign.Signature { return k.Sign(tagAccount, canon.Must(a)) }

// By reports whether this is a key's good signature of an account.
func (a Account) By(k sign.PublicKey, s sign.Signature) bool {
	return sign.Verify(k, tagAccount, canon.Must(a), s)
}

// Effect gives the outcome that a result has: all of it, or nothing and the reason.
// It has one when it is sound for what counts in the round, and everybody whom it
// touches has signed it. Codes: [CodeUnsound], [CodeResultUnsigned].
func (a Admitted) Effect(r Result, signatures []Signed) (Outcome, error) {
	if r.Version != Format || r.Round != a.Round.Hash() || r.Offers != a.Hash() || r.Outcome.Method != a.Round.Method {
		return Outcome{}, unsound("the result is of another round, of other offers or by another method")
	}
	if err := Verify(a.Input(), r.Outcome); err != nil {
		return Outcome{}, err
	}
	h := r.Hash()
	has := make([]bool, len(a.Keys))
	for _, s := range signatures {
		if at, ok := a.Place(s.Key); ok && !has[at] {
			has[at] = s.By(h)
		}
	}
	missing, first := 0, ""
	for _, k := range r.Outcome.Touched() {
		if at, _ := a.Place(k); !has[at] {
			if missing++; first == "" {
				first = k.Short()
			}
		}
	}
	if missing > 0 {
		return Outcome{}, fault.New(CodeResultUnsigned, fmt.Sprintf("%d of those whom the result touches have not signed it, %s first; nothing changes", missing, first),
			"wait for the signatures, or begin another round without who does not sign")
	}
	return r.Outcome, nil
}
