package token

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/money"
)

func rate(s string) money.Rate {
	r, err := money.ParseRate(s)
	if err != nil {
		panic(err)
	}
	return r
}

// basket2022 is what the International Monetary Fund has fixed for five years from
// 1 August 2022 on.
func basket2022() *Basket {
	return &Basket{Name: "2022", Parts: []Part{{"CNY", rate("1.0993")}, {"EUR", rate("0.37379")}, {"GBP", rate("0.08087")}, {"JPY", rate("13.452")}, {"USD", rate("0.57813")}}}
}

func TestATokenIsNamedByItsUnit(t *testing.T) {
	for code, unit := range map[Code]money.Currency{"USDt": "USD", "EURt": "EUR", SDR: money.XDR} {
		if got, err := code.Unit(); err != nil || got != unit || CodeOf(unit) != code {
			t.Errorf("%s is of %s (%v), and %s of %s", code, got, err, CodeOf(unit), unit)
		}
	}
	for _, c := range []Code{"", "t", "USD", "XDRt", "usdt", "USDT", "XYZt", "USDtt"} {
		if u, err := c.Unit(); err == nil {
			t.Errorf("%q is of %s", c, u)
		}
	}
}

// The value is the sum of fixed amounts times rates. 1 SDR at EUR 1.1, CNY 0.14,
// JPY 0.0065, GBP 1.3 is 0.57813 + 0.411169 + 0.153902 + 0.087438 + 0.105131.
func TestABasketIsWorthItsParts(t *testing.T) {
	rates := map[money.Currency]money.Rate{"EUR": rate("1.1"), "CNY": rate("0.14"), "JPY": rate("0.0065"), "GBP": rate("1.3")}
	of := func(c money.Currency) (money.Rate, bool) { r, ok := rates[c]; return r, ok }
	v, err := basket2022().Value("USD", of)
	if err != nil || v != rate("1.33577") {
		t.Errorf("%s (%v), want 1.335770000", v, err)
	}
	delete(rates, "JPY")
	if _, err := basket2022().Value("USD", of); fault.CodeOf(err) != CodeNoFixing {
		t.Errorf("a currency without a rate: %v", err)
	}
	rates["JPY"] = math.MaxInt64
	if _, err := basket2022().Value("USD", of); fault.CodeOf(err) != money.CodeOverflow {
		t.Errorf("a rate beyond all bounds: %v", err)
	}
}

// The weights that the Fund has published with the amounts of 2022: 43.38, 29.31,
// 12.28, 7.59 and 7.44 percent. The rates are those at which the amounts have them.
func TestTheAmountsOf2022HaveThePublishedWeights(t *testing.T) {
	rates := map[money.Currency]money.Rate{"USD": rate("1"), "EUR": rate("1.0450"), "CNY": rate("0.14888"), "JPY": rate("0.0075195"), "GBP": rate("1.2261")}
	of := func(c money.Currency) (money.Rate, bool) { return rates[c], true }
	total, err := basket2022().Value("USD", of)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range basket2022().Parts {
		v, err := (&Basket{Parts: []Part{p}}).Value("USD", of)
		if err != nil {
			t.Fatal(err)
		}
		weight := int64(v) * 10_000 / int64(total)
		want := map[money.Currency]int64{"USD": 4338, "EUR": 2931, "CNY": 1228, "JPY": 759, "GBP": 744}[p.Currency]
		if d := weight - want; d < -3 || d > 3 {
			t.Errorf("%s has %d hundredths of a percent, published are %d", p.Currency, weight, want)
		}
	}
}

func TestAPublishedValueHasSixDigitsRoundedHalfUp(t *testing.T) {
	for in, want := range map[string]string{"1.335770499": "1.335770000", "1.335775000": "1.335780000", "1.335774999": "1.335770000", "0.748632500": "0.748633000",
		"999999.500000000": "1000000.000000000", "190.123450000": "190.123000000", "0.000000123": "0.000000123"} {
		if got := Published(rate(in)); got != rate(want) {
			t.Errorf("%s is published as %s, want %s", in, got, want)
		}
	}
}

// What stands behind a supply is rounded up in each currency: never short.
func TestWhatIsNeededCoversTheSupplyInEachCurrency(t *testing.T) {
	k := Token{Code: SDR, Basket: basket2022()}
	needed, err := k.Needed(1, 0)
	if err != nil {
		t.Fatal(err)
	}
	for i, n := range needed {
		if want := []money.Micro{2, 1, 1, 14, 1}[i]; n.Micro != want {
			t.Errorf("behind a millionth: %s, want %s", n, want)
		}
	}
	if _, err := (&Token{Code: SDR}).Needed(1, 0); fault.CodeOf(err) != CodeNoBasket {
		t.Errorf("without a basket: %v", err)
	}
	if _, err := k.Needed(math.MaxInt64, 0); fault.CodeOf(err) != money.CodeOverflow {
		t.Errorf("a supply at the edge of 64 bits: %v", err)
	}
	// The hand-over, rehearsed with invented amounts of 2027.
	k.Next = &Basket{Name: "2027", From: 1000, Parts: []Part{{"USD", rate("1.4")}}}
	for at, want := range map[int64]int{999: 5, 1000: 1} {
		if n, err := k.Needed(10, at); err != nil || len(n) != want {
			t.Errorf("at %d: %v (%v)", at, n, err)
		}
	}
}

func sources(n int) []sign.PublicKey {
	var out []sign.PublicKey
	for i := range n {
		out = append(out, sign.FromSeed([32]byte{byte(i + 1)}).Public())
	}
	return out
}

func TestARateIsTheMedianOfTheFreshOnesThatAgree(t *testing.T) {
	keys := sources(5)
	f := Feed{Pair: Pair{"EUR", "USD"}, Sources: keys, Quorum: 3, Stale: 3_600_000, Deviation: 10_000}
	if err := f.Validate(); err != nil {
		t.Fatal(err)
	}
	say := func(rates ...string) (out []Stated) {
		for i, r := range rates {
			if r != "" {
				out = append(out, Stated{Source: keys[i], Rate: rate(r), At: 1000})
			}
		}
		return out
	}
	stranger := sign.FromSeed([32]byte{99}).Public()
	for name, c := range map[string]struct {
		stated   []Stated
		now      int64
		want     string
		deviates int
	}{
		"all agree":                    {say("1.1", "1.101", "1.102", "1.103", "1.104"), 2000, "1.102", 0},
		"one lies":                     {say("1.1", "1.101", "9.9", "1.102", "1.103"), 2000, "1.101", 1},
		"two lie upwards":              {say("1.1", "9.9", "9.9", "1.102", "1.103"), 2000, "1.102", 2},
		"two are silent":               {say("1.1", "1.101", "1.102"), 2000, "1.101", 0},
		"one lies, two are silent":     {say("1.1", "1.101", "9.9"), 2000, "", 1},
		"nobody says anything":         {nil, 2000, "", 0},
		"all are stale":                {say("1.1", "1.101", "1.102"), 3_602_000, "", 0},
		"a stranger makes no quorum":   {append(say("1.1", "1.101"), Stated{Source: stranger, Rate: rate("1.1"), At: 1000}), 2000, "", 0},
		"of four the lower middle":     {say("1.1", "1.101", "1.102", "1.103"), 2000, "1.101", 0},
		"three lie: they are the ones": {say("9.9", "9.9", "9.9", "1.1", "1.1"), 2000, "9.9", 2},
	} {
		got, err := f.Fix(c.stated, c.now)
		if c.want == "" {
			if fault.CodeOf(err) != CodeNoFixing {
				t.Errorf("%s: %+v, %v", name, got, err)
			}
			continue
		}
		if err != nil || got.Rate != rate(c.want) || len(got.Deviates) != c.deviates {
			t.Errorf("%s: %s with %d that deviate (%v), want %s with %d", name, got.Rate, len(got.Deviates), err, c.want, c.deviates)
		}
	}
}

// Fewer liars than a quorum leaves out move a rate by no more than the bound.
func TestAMinorityOfSourcesMovesNothingBeyondTheBound(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	keys := sources(7)
	f := Feed{Pair: Pair{"EUR", "USD"}, Sources: keys, Quorum: 4, Stale: 3_600_000, Deviation: 10_000}
	for range 2000 {
		var stated []Stated
		honest := []money.Rate{}
		liars := r.IntN(4)
		for i, k := range keys {
			v := money.Rate(1_000_000_000 + r.Int64N(5_000_000)) // within half a percent
			if i < liars {
				v = money.Rate(1 + r.Int64N(math.MaxInt64-1))
			} else {
				honest = append(honest, v)
			}
			stated = append(stated, Stated{Source: k, Rate: v, At: 1})
		}
		r.Shuffle(len(stated), func(i, j int) { stated[i], stated[j] = stated[j], stated[i] })
		got, err := f.Fix(stated, 2)
		if err != nil {
			t.Fatalf("%d liars: %v", liars, err)
		}
		low, high := slices.Min(honest), slices.Max(honest)
		if got.Rate < low-low/100 || got.Rate > high+high/100 {
			t.Fatalf("%d liars moved the rate to %s; the others say %s to %s", liars, got.Rate, low, high)
		}
	}
}

func TestAFeedThatOneSourceCouldMoveIsRefused(t *testing.T) {
	keys := sources(3)
	good := Feed{Pair: Pair{"EUR", "USD"}, Sources: keys, Quorum: 2, Stale: 60_000, Deviation: 1}
	for name, change := range map[string]func(*Feed){
		"no sources":        func(f *Feed) { f.Sources = nil },
		"half of them":      func(f *Feed) { f.Sources, f.Quorum = keys[:2], 1 },
		"more than all":     func(f *Feed) { f.Quorum = 4 },
		"no quorum":         func(f *Feed) { f.Quorum = 0 },
		"a source twice":    func(f *Feed) { f.Sources = []sign.PublicKey{keys[0], keys[1], keys[0]} },
		"fresh for ever":    func(f *Feed) { f.Stale = math.MaxInt64 },
		"no bound":          func(f *Feed) { f.Deviation = 0 },
		"one currency":      func(f *Feed) { f.Pair.Quote = "EUR" },
		"no such currency":  func(f *Feed) { f.Pair.Base = "EEE" },
		"a key of no point": func(f *Feed) { f.Sources = []sign.PublicKey{keys[0], keys[1], {1}} },
	} {
		f := good
		change(&f)
		if f.Validate() == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if err := good.Validate(); err != nil {
		t.Error(err)
	}
}

func TestABasketThatDefinesNoUnitIsRefused(t *testing.T) {
	for name, change := range map[string]func(*Basket){
		"no name":           func(b *Basket) { b.Name = "" },
		"no parts":          func(b *Basket) { b.Parts = nil },
		"a part of nothing": func(b *Basket) { b.Parts[0].Amount = 0 },
		"less than nothing": func(b *Basket) { b.Parts[0].Amount = -1 },
		"a currency twice":  func(b *Basket) { b.Parts[1].Currency = "CNY" },
		"not in order":      func(b *Basket) { b.Parts[0], b.Parts[1] = b.Parts[1], b.Parts[0] },
		"of itself":         func(b *Basket) { b.Parts[4].Currency = money.XDR },
		"before 1970":       func(b *Basket) { b.From = -1 },
	} {
		b := basket2022()
		change(b)
		if b.Validate() == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if err := basket2022().Validate(); err != nil {
		t.Error(err)
	}
}
