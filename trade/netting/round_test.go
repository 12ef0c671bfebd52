package netting

import (
	"bytes"
	"encoding/hex"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/money"
)

var update = flag.Bool("update", false, "rewrite testdata")

// table is a round with its members' secrets, in the order of their keys.
type table struct {
	round Round
	keys  []sign.PrivateKey
}

func gather(m Method, n int) table {
	w := table{round: Round{Version: Format, ID: canon.Sum("round"), Currency: "EUR", Method: m}}
	for i := range n {
		w.keys = append(w.keys, sign.FromSeed(canon.Sum("member", fmt.Append(nil, i))))
	}
	slices.SortFunc(w.keys, func(a, b sign.PrivateKey) int {
		x, y := a.Public(), b.Public()
		return bytes.Compare(x[:], y[:])
	})
	for _, k := range w.keys {
		w.round.Keys = append(w.round.Keys, k.Public())
	}
	return w
}

func (w table) offer(debtor, creditor int, amount money.Micro) SignedOffer {
	o := Offer{w.round.Hash(), w.round.Keys[debtor], w.round.Keys[creditor], amount}
	return SignedOffer{o, o.Sign(w.keys[debtor]), o.Sign(w.keys[creditor])}
}

func (w table) limit(member int, most money.Micro) SignedLimit {
	l := Limit{w.round.Hash(), w.round.Keys[member], most}
	return SignedLimit{l, l.Sign(w.keys[member])}
}

// circle is four offers, three of them in a circle, and one limit.
func (w table) circle() ([]SignedOffer, []SignedLimit) {
	return []SignedOffer{w.offer(0, 1, units(10)), w.offer(1, 2, units(8)), w.offer(2, 0, units(9)), w.offer(2, 3, units(5))}, []SignedLimit{w.limit(1, units(7))}
}

// The bytes that are hashed and signed are fixed: whoever changes one makes
// results that others cannot check. Run with -update for a new format only.
func TestGoldenRound(t *testing.T) {
	var b strings.Builder
	write := func(name string, v any, as any) {
		raw := canon.Must(v)
		fmt.Fprintf(&b, "%s %s\n", name, hex.EncodeToString(raw))
		if err := canon.Decode(raw, as); err != nil || !bytes.Equal(canon.Must(as), raw) {
			t.Errorf("%s does not come back: %v", name, err)
		}
	}
	for _, m := range []Method{ByCirculation, ByPosition} {
		w := gather(m, 4)
		offers, limits := w.circle()
		a := must(w.round.Admit(offers, limits))
		r := must(a.Net())
		s := r.Sign(w.keys[0])
		write("round", w.round, &Round{})
		write("offer", offers[0], &SignedOffer{})
		write("limit", limits[0], &SignedLimit{})
		write("result", r, &Result{})
		write("signed", s, &Signed{})
		write("account", Account{r.Hash(), "ALPHA"}, &Account{})
		fmt.Fprintf(&b, "hashes %s %s %s\n", w.round.Hash(), a.Hash(), r.Hash())
	}
	const path = "testdata/round.golden"
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != b.String() {
		t.Errorf("an encoding has changed:\n%s", b.String())
	}
}

func TestAResultThatAllHaveSignedHasItsWholeEffect(t *testing.T) {
	for _, m := range []Method{ByPair, ByPosition, ByCirculation} {
		w := gather(m, 4)
		offers, limits := w.circle()
		a := must(w.round.Admit(offers, limits))
		if len(a.Offers) != 4 || len(a.Limits) != 1 || len(a.DroppedOffers)+len(a.DroppedLimits) != 0 {
			t.Fatalf("%+v", a)
		}
		r := must(a.Net())
		var signatures []Signed
		for _, k := range w.keys {
			if slices.Contains(r.Outcome.Touched(), k.Public()) {
				signatures = append(signatures, r.Sign(k))
			}
		}
		o, err := a.Effect(r, signatures)
		if err != nil || !reflect.DeepEqual(o, r.Outcome) {
			t.Errorf("%s: %+v, %v", m, o, err)
		}
		if m == ByCirculation && (o.Left != units(32-21) || len(signatures) != 3) {
			t.Errorf("%s is left, signed by %d", o.Left, len(signatures))
		}
		for i := range signatures {
			less := slices.Delete(slices.Clone(signatures), i, i+1)
			if o, err := a.Effect(r, less); fault.CodeOf(err) != CodeResultUnsigned || len(o.Changes)+len(o.Payments) != 0 {
				t.Errorf("%s without a signature: %+v, %v", m, o, err)
			}
			forged := append(slices.Clone(less), Signed{signatures[i].Key, signatures[(i+1)%len(signatures)].Signature})
			if _, err := a.Effect(r, forged); fault.CodeOf(err) != CodeResultUnsigned {
				t.Errorf("%s with another's signature: %v", m, err)
			}
			// A bad signature beside the good one takes nothing from it.
			if _, err := a.Effect(r, append(forged, signatures[i])); err != nil {
				t.Errorf("%s with a bad signature and the good one: %v", m, err)
			}
		}
	}
}

func TestAResultOfAnotherRoundHasNoEffect(t *testing.T) {
	w := gather(ByCirculation, 4)
	offers, limits := w.circle()
	a := must(w.round.Admit(offers, limits))
	for what, spoil := range map[string]func(*Result){
		"another version": func(r *Result) { r.Version++ },
		"another round":   func(r *Result) { r.Round = canon.Sum("other") },
		"other offers":    func(r *Result) { r.Offers = must(w.round.Admit(offers[:3], limits)).Hash() },
		"another method":  func(r *Result) { r.Outcome = must(Multilateral(a.Input())) },
		"less": func(r *Result) {
			in := a.Input()
			in.Members[0].Most = 1
			r.Outcome = must(Compress(in))
		},
		"a change of nobody's debt": func(r *Result) { r.Outcome.Changes[0].Debtor = 99 },
	} {
		r := must(a.Net())
		spoil(&r)
		var signatures []Signed
		for _, k := range w.keys {
			signatures = append(signatures, r.Sign(k))
		}
		if _, err := a.Effect(r, signatures); fault.CodeOf(err) != CodeUnsound {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func TestAnOfferThatBothHaveNotSignedIsDroppedWithTheReason(t *testing.T) {
	w := gather(ByCirculation, 4)
	other := gather(ByPosition, 4)
	stranger := sign.FromSeed(canon.Sum("stranger"))
	spoiled := func(f func(*SignedOffer)) SignedOffer {
		o := w.offer(0, 1, 5)
		f(&o)
		return o
	}
	self := w.offer(0, 0, 5)
	foreign := Offer{w.round.Hash(), w.round.Keys[0], stranger.Public(), 5}
	for _, c := range []struct {
		what  string
		offer SignedOffer
		code  fault.Code
		tells string
	}{
		{"unsigned by the debtor", spoiled(func(o *SignedOffer) { o.Debtor = sign.Signature{} }), CodeOfferUnsigned, "signature of its debtor"},
		{"unsigned by the creditor", spoiled(func(o *SignedOffer) { o.Creditor = o.Debtor }), CodeOfferUnsigned, "signature of its creditor"},
		{"signed for another amount", spoiled(func(o *SignedOffer) { o.Offer.Amount++ }), CodeOfferUnsigned, "debtor and creditor"},
		{"turned round", spoiled(func(o *SignedOffer) { o.Offer.Debtor, o.Offer.Creditor = o.Offer.Creditor, o.Offer.Debtor }), CodeOfferUnsigned, "debtor and creditor"},
		{"for a round of another method", other.offer(0, 1, 5), fault.Conflict, "another round"},
		{"to who is no member", SignedOffer{foreign, foreign.Sign(w.keys[0]), foreign.Sign(stranger)}, fault.NotFound, "not of the round"},
		{"to oneself", self, fault.Invalid, "oneself"},
		{"of nothing", w.offer(0, 1, 0), fault.Invalid, "0.000000"},
		{"below zero", w.offer(0, 1, -5), fault.Invalid, "-0.000005"},
	} {
		a := must(w.round.Admit([]SignedOffer{w.offer(1, 2, 7), c.offer}, nil))
		if len(a.Offers) != 1 || len(a.DroppedOffers) != 1 {
			t.Fatalf("%s: %+v", c.what, a)
		}
		d := a.DroppedOffers[0]
		if d.What != c.offer.Offer || d.Why.Code != c.code || !strings.Contains(d.Why.Detail, c.tells) || d.Why.Remedy == "" {
			t.Errorf("%s: %v", c.what, d.Why)
		}
	}
}

func TestTheSameOfferCountsOnceAndTwoThatContradictCountNot(t *testing.T) {
	w := gather(ByCirculation, 3)
	a := must(w.round.Admit([]SignedOffer{w.offer(0, 1, 5), w.offer(1, 2, 7), w.offer(0, 1, 5)}, nil))
	if len(a.Offers) != 2 || len(a.DroppedOffers) != 1 || a.DroppedOffers[0].Why.Code != CodeOfferRepeated {
		t.Errorf("twice: %+v", a)
	}
	// Nobody can void an offer with another that both have not signed.
	forged := w.offer(0, 1, 6)
	forged.Creditor = sign.Signature{}
	a = must(w.round.Admit([]SignedOffer{w.offer(0, 1, 5), w.offer(1, 2, 7), forged}, nil))
	if len(a.Offers) != 2 || a.DroppedOffers[0].Why.Code != CodeOfferUnsigned {
		t.Errorf("forged: %+v", a)
	}
	a = must(w.round.Admit([]SignedOffer{w.offer(0, 1, 5), w.offer(1, 2, 7), w.offer(0, 1, 6), w.offer(1, 0, 6)}, nil))
	if len(a.Offers) != 2 || a.Offers[0].Amount != 6 || len(a.DroppedOffers) != 2 || a.DroppedOffers[1].Why.Code != CodeOfferRepeated {
		t.Errorf("contradicting: %+v", a)
	}
}

func TestAnEnormousOfferCannotStopARound(t *testing.T) {
	w := gather(ByCirculation, 4)
	offers, _ := w.circle()
	offers = append(offers, w.offer(3, 1, math.MaxInt64), w.offer(3, 0, math.MaxInt64-5))
	a := must(w.round.Admit(offers, nil))
	if len(a.Offers) != 4 || len(a.DroppedOffers) != 2 || a.DroppedOffers[0].Why.Code != money.CodeOverflow {
		t.Fatalf("%+v", a)
	}
	if !slices.IsSortedFunc(a.Offers, byPair) {
		t.Error("offers are out of order")
	}
	if _, err := a.Net(); err != nil {
		t.Error(err)
	}
}

func TestOfLimitsThatItsMemberSignedTheLowestCounts(t *testing.T) {
	w := gather(ByCirculation, 3)
	stranger := sign.FromSeed(canon.Sum("stranger"))
	foreign := Limit{w.round.Hash(), stranger.Public(), 1}
	forged := w.limit(0, 1)
	forged.Signature = w.limit(0, 2).Signature
	a := must(w.round.Admit(nil, []SignedLimit{w.limit(0, 9), w.limit(0, 4), w.limit(0, 4), forged, w.limit(1, 0), gather(ByPair, 3).limit(2, 1),
		{foreign, foreign.Sign(stranger)}}))
	if len(a.Limits) != 1 || a.Limits[0].Most != 4 {
		t.Errorf("%+v", a.Limits)
	}
	why := map[fault.Code]int{}
	for _, d := range a.DroppedLimits {
		why[d.Why.Code]++
	}
	if !reflect.DeepEqual(why, map[fault.Code]int{CodeOfferRepeated: 2, CodeOfferUnsigned: 1, fault.Invalid: 1, fault.Conflict: 1, fault.NotFound: 1}) {
		t.Errorf("%v", why)
	}
}

func TestWhatCountsDoesNotDependOnTheOrderOfArrival(t *testing.T) {
	w := gather(ByCirculation, 4)
	offers, limits := w.circle()
	forged := w.offer(0, 1, units(10))
	forged.Debtor = sign.Signature{}
	offers = append(offers, forged, offers[0], w.offer(1, 0, 3), w.offer(1, 0, 4), w.offer(3, 0, math.MaxInt64))
	limits = append(limits, w.limit(1, units(9)))
	want := must(w.round.Admit(offers, limits))
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 4))
	for range 20 {
		r.Shuffle(len(offers), func(i, j int) { offers[i], offers[j] = offers[j], offers[i] })
		slices.Reverse(limits)
		if got := must(w.round.Admit(offers, limits)); !reflect.DeepEqual(got, want) {
			t.Fatalf("seed %d: %+v, want %+v", seed, got, want)
		}
	}
}

func TestARoundThatIsNoneIsRefused(t *testing.T) {
	for what, spoil := range map[string]func(*Round){
		"another version": func(r *Round) { r.Version = 2 },
		"no id":           func(r *Round) { r.ID = canon.Hash{} },
		"no method":       func(r *Round) { r.Method = "" },
		"no claim":        func(r *Round) { r.Method = ByCycle },
		"one member":      func(r *Round) { r.Keys = r.Keys[:1] },
		"out of order":    func(r *Round) { r.Keys[0], r.Keys[1] = r.Keys[1], r.Keys[0] },
		"a member twice":  func(r *Round) { r.Keys[1] = r.Keys[0] },
		"no key":          func(r *Round) { r.Keys[0] = sign.PublicKey{} },
		"no currency":     func(r *Round) { r.Currency = "" },
	} {
		r := gather(ByCirculation, 3).round
		spoil(&r)
		if _, err := r.Admit(nil, nil); err == nil || fault.CodeOf(err) == fault.Internal {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := gather(ByPair, 2).round.Admit(make([]SignedOffer, MaxDebts+1), nil); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("too many offers: %v", err)
	}
}

func FuzzAResultThatIsReadNeverPanics(f *testing.F) {
	w := gather(ByCirculation, 4)
	offers, limits := w.circle()
	a := must(w.round.Admit(offers, limits))
	f.Add(canon.Must(must(a.Net())))
	f.Fuzz(func(t *testing.T, data []byte) {
		var r Result
		if canon.Decode(data, &r) != nil {
			return
		}
		if _, err := a.Effect(r, nil); err == nil {
			t.Fatal("a result that nobody signed has an effect")
		}
	})
}

// Who takes part is known when the offers are: until then a round has no keys.
func TestAnOpenRoundHasTheMembersThatOffersName(t *testing.T) {
	w := gather(ByCirculation, 4)
	keys := w.round.Keys
	named := must(w.round.Admit(w.circle())).Input()
	w.round.Keys = nil
	sign := func(debtor, creditor int, amount money.Micro) SignedOffer {
		o := Offer{w.round.Hash(), keys[debtor], keys[creditor], amount}
		return SignedOffer{o, o.Sign(w.keys[debtor]), o.Sign(w.keys[creditor])}
	}
	offers := []SignedOffer{sign(2, 0, units(9)), sign(0, 1, units(10)), sign(2, 3, units(5)), sign(1, 2, units(8))}
	l := Limit{w.round.Hash(), keys[1], units(7)}
	forged := sign(0, 3, units(1))
	forged.Creditor = forged.Debtor
	a := must(w.round.Admit(append(offers, forged), []SignedLimit{{l, l.Sign(w.keys[1])}}))
	if got := a.Input(); !reflect.DeepEqual(got, named) || len(a.DroppedOffers) != 1 {
		t.Errorf("%+v, not %+v; dropped: %+v", got, named, a.DroppedOffers)
	}
	r := must(a.Net())
	var signatures []Signed
	for _, k := range w.keys {
		signatures = append(signatures, r.Sign(k))
	}
	if _, err := a.Effect(r, signatures); err != nil {
		t.Error(err)
	}
}
