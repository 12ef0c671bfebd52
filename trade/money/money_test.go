package money

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/apd/v3"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
)

// oracle computes a × n / d with arbitrary precision, rounded to an integer by
// another library's idea of the rule.
func oracle(t *testing.T, a, n int64, d *apd.BigInt, r Rounding) *apd.BigInt {
	t.Helper()
	rounder := map[Rounding]apd.Rounder{HalfUp: apd.RoundHalfUp, HalfEven: apd.RoundHalfEven, Up: apd.RoundUp, Down: apd.RoundDown}[r]
	// Enough digits to tell any quotient of these sizes from a half.
	ctx := apd.Context{Precision: 80, MaxExponent: 1000, MinExponent: -1000, Rounding: apd.RoundDown}
	product := new(apd.BigInt).Mul(apd.NewBigInt(a), apd.NewBigInt(n))
	whole, rest := new(apd.BigInt).QuoRem(product, d, new(apd.BigInt))
	q := apd.NewWithBigInt(whole, 0)
	if rest.Sign() != 0 {
		// whole + rest/d, where the fraction is exact enough: a half is exact.
		f := new(apd.Decimal)
		if _, err := ctx.Quo(f, apd.NewWithBigInt(rest, 0), apd.NewWithBigInt(d, 0)); err != nil {
			t.Fatal(err)
		}
		if _, err := ctx.Add(q, q, f); err != nil {
			t.Fatal(err)
		}
	}
	// Quantize forgets to round up what has no digit before the point, so the
	// quotient is moved away from zero by an even number and back.
	away := apd.New(1000, 0)
	away.Negative = (a < 0) != (n < 0)
	if _, err := ctx.Add(q, q, away); err != nil {
		t.Fatal(err)
	}
	ctx.Rounding = rounder
	out := new(apd.Decimal)
	if _, err := ctx.Quantize(out, q, 0); err != nil {
		t.Fatal(err)
	}
	v := new(apd.BigInt).Sub(&out.Coeff, &away.Coeff)
	if out.Negative {
		v.Neg(v)
	}
	return v
}

func TestProductsAndQuotientsAreThoseOfExactArithmetic(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 1))
	value := func() int64 {
		switch random.IntN(8) {
		case 0:
			return []int64{0, 1, -1, math.MaxInt64, math.MinInt64}[random.IntN(5)]
		case 1:
			return random.Int64N(20) - 10
		}
		return int64(random.Uint64()) >> random.IntN(64)
	}
	overflows := 0
	for range 20_000 {
		a, n := value(), value()
		d := uint64(max(1, magnitude(value())))
		if random.IntN(3) == 0 { // make halves likely
			d = uint64(2 * (1 + random.IntN(10)))
		}
		for _, r := range []Rounding{HalfUp, HalfEven, Up, Down} {
			got, err := Micro(a).MulDiv(n, d, r)
			want := oracle(t, a, n, new(apd.BigInt).SetUint64(d), r)
			if !want.IsInt64() {
				if overflows++; fault.CodeOf(err) != CodeOverflow {
					t.Fatalf("%d × %d / %d %s = %d, %v; exact %s does not fit", a, n, d, r, got, err, want)
				}
				continue
			}
			if err != nil || int64(got) != want.Int64() {
				t.Fatalf("%d × %d / %d %s = %d, %v; exact %s", a, n, d, r, got, err, want)
			}
		}
		rate, quantity, per := Rate(a), magnitude(n), 1+d%86_400
		got, err := rate.Times(quantity, per, HalfUp)
		if quantity <= math.MaxInt64 {
			want := oracle(t, a, int64(quantity), new(apd.BigInt).SetUint64(per*1000), HalfUp)
			if want.IsInt64() != (err == nil) || err == nil && int64(got) != want.Int64() {
				t.Fatalf("rate %d × %d per %d = %d, %v; exact %s", a, quantity, per, got, err, want)
			}
		}
	}
	if overflows == 0 {
		t.Fatal("no product overflowed: the test is too tame")
	}
}

func TestHalvesRoundAsTheRuleSays(t *testing.T) {
	for _, c := range []struct {
		n                       int64
		halfUp, even, up, down_ Micro
	}{
		{5, 3, 2, 3, 2}, {-5, -3, -2, -3, -2}, {3, 2, 2, 2, 1}, {-3, -2, -2, -2, -1},
		{1, 1, 0, 1, 0}, {-1, -1, 0, -1, 0}, {4, 2, 2, 2, 2}, {0, 0, 0, 0, 0},
	} {
		for r, want := range map[Rounding]Micro{HalfUp: c.halfUp, HalfEven: c.even, Up: c.up, Down: c.down_} {
			if got, err := Micro(c.n).MulDiv(1, 2, r); err != nil || got != want {
				t.Errorf("%d / 2 %s = %d, %v; want %d", c.n, r, got, err, want)
			}
		}
	}
	if _, err := Micro(1).MulDiv(1, 1, "nearest"); fault.CodeOf(err) != CodeUnknownRounding {
		t.Errorf("an unknown rule gave %v", err)
	}
	if _, err := Micro(1).MulDiv(1, 0, Up); err == nil {
		t.Error("a quotient by zero was given")
	}
}

func TestSumsThatLeaveTheRangeAreErrors(t *testing.T) {
	edges := []Micro{math.MinInt64, math.MinInt64 + 1, -1, 0, 1, math.MaxInt64 - 1, math.MaxInt64}
	for _, a := range edges {
		for _, b := range edges {
			big := func(x Micro) *apd.BigInt { return apd.NewBigInt(int64(x)) }
			check := func(op string, got Micro, err error, want *apd.BigInt) {
				t.Helper()
				if want.IsInt64() != (err == nil) || err == nil && int64(got) != want.Int64() || err != nil && fault.CodeOf(err) != CodeOverflow {
					t.Errorf("%d %s %d = %d, %v; want %s", a, op, b, got, err, want)
				}
			}
			sum, err := a.Add(b)
			check("+", sum, err, new(apd.BigInt).Add(big(a), big(b)))
			diff, err := a.Sub(b)
			check("-", diff, err, new(apd.BigInt).Sub(big(a), big(b)))
			product, err := a.Mul(int64(b))
			check("×", product, err, new(apd.BigInt).Mul(big(a), big(b)))
		}
		neg, err := a.Neg()
		if (a == math.MinInt64) != (err != nil) || err == nil && neg != -a {
			t.Errorf("-%d = %d, %v", a, neg, err)
		}
	}
}

func TestAmountsOfTwoCurrenciesDoNotAdd(t *testing.T) {
	a, b := Amount{"USD", 1}, Amount{"EUR", 1}
	if _, err := a.Add(b); fault.CodeOf(err) != CodeCurrencyMismatch {
		t.Errorf("sum: %v", err)
	}
	if _, err := a.Sub(b); fault.CodeOf(err) != CodeCurrencyMismatch {
		t.Errorf("difference: %v", err)
	}
	if got, err := a.Add(a); err != nil || got.String() != "USD 0.000002" {
		t.Errorf("USD sum %v, %v", got, err)
	}
	if got, err := a.Neg(); err != nil || got.String() != "USD -0.000001" {
		t.Errorf("negative %v, %v", got, err)
	}
}

func TestDecimalsPrintAndParse(t *testing.T) {
	for text, want := range map[string]Micro{
		"360.022194": 360_022_194, "-1": -1_000_000, "0.5": 500_000, "0": 0, "-0.000001": -1, "007": 7_000_000,
		"9223372036854.775807": math.MaxInt64, "-9223372036854.775808": math.MinInt64,
	} {
		if got, err := ParseMicro(text); err != nil || got != want {
			t.Errorf("%q is %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-", ".", ".5", "5.", "1e3", "1E3", "+1", " 1", "1 ", "1,5", "0x1", "1.0000000", "--1", "1.2.3", "NaN", "Inf", "١"} {
		if got, err := ParseMicro(text); fault.CodeOf(err) != CodeNotDecimal {
			t.Errorf("%q gave %d, %v; want code %s", text, got, err, CodeNotDecimal)
		}
	}
	for _, text := range []string{"9223372036854.775808", "-9223372036854.775809", "99999999999999999999", "18446744073709.551616"} {
		if got, err := ParseMicro(text); fault.CodeOf(err) != CodeOverflow {
			t.Errorf("%q gave %d, %v; want code %s", text, got, err, CodeOverflow)
		}
	}
	if r, err := ParseRate("0.040727887"); err != nil || r != 40_727_887 || r.String() != "0.040727887" {
		t.Errorf("rate %d, %v", r, err)
	}
	if _, err := ParseRate("0.0000000001"); fault.CodeOf(err) != CodeNotDecimal {
		t.Errorf("ten places gave %v", err)
	}
	for v, want := range map[Micro]string{0: "0.000000", -1: "-0.000001", 1_000_000: "1.000000", math.MinInt64: "-9223372036854.775808"} {
		if got := v.String(); got != want {
			t.Errorf("%d prints %q, want %q", int64(v), got, want)
		}
	}
}

func TestJSONHoldsDecimalStrings(t *testing.T) {
	in := struct {
		A Amount
		R Rate
	}{Amount{"USD", 360_022_194}, 40_727_887}
	data, err := json.Marshal(in)
	if err != nil || string(data) != `{"A":{"currency":"USD","amount":"360.022194"},"R":"0.040727887"}` {
		t.Fatalf("%s, %v", data, err)
	}
	out := in
	out.A, out.R = Amount{}, 0
	if err := json.Unmarshal(data, &out); err != nil || out != in {
		t.Fatalf("%+v, %v", out, err)
	}
	if err := json.Unmarshal([]byte(`{"A":{"amount":360.02}}`), &out); err == nil {
		t.Fatal("a JSON number was taken for an amount")
	}
}

// The bytes of an amount are part of what is hashed and signed.
func TestAmountsHaveOneEncoding(t *testing.T) {
	data := canon.Must(Amount{"USD", -1})
	if got := string(data); got != "\xa2\x01cUSD\x02\x20" {
		t.Fatalf("%q", got)
	}
	var out Amount
	if err := canon.Decode(data, &out); err != nil || out != (Amount{"USD", -1}) {
		t.Fatal(out, err)
	}
}

func TestCurrenciesAreThoseOfTheStandard(t *testing.T) {
	for code, units := range map[string]int{"USD": 2, "JPY": 0, "BHD": 3, "CLF": 4, "EUR": 2, "XAF": 0} {
		c, err := ParseCurrency(code)
		if err != nil {
			t.Errorf("%s: %v", code, err)
			continue
		}
		if n, err := c.MinorUnits(); err != nil || n != units {
			t.Errorf("%s has %d minor units, %v; want %d", code, n, err, units)
		}
	}
	for _, code := range []string{"", "usd", "US", "XXX", "XAU", "ZZZ", "USD "} {
		if _, err := ParseCurrency(code); fault.CodeOf(err) != CodeUnknownCurrency {
			t.Errorf("%q: %v", code, err)
		}
		if _, err := Currency(code).MinorUnits(); fault.CodeOf(err) != CodeUnknownCurrency {
			t.Errorf("minor units of %q: %v", code, err)
		}
	}
}

func FuzzParseMicro(f *testing.F) {
	for _, s := range []string{"0", "-1.5", "9223372036854.775807", "1e9", "..", "-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ParseMicro(s)
		if err != nil {
			return
		}
		again, err := ParseMicro(v.String())
		if err != nil || again != v {
			t.Fatalf("%q is %d, printed %q, read again as %d, %v", s, int64(v), v.String(), int64(again), err)
		}
		d, _, err := apd.NewFromString(s)
		if err != nil {
			t.Fatalf("%q was taken and is no decimal: %v", s, err)
		}
		if other, _, _ := apd.NewFromString(v.String()); d.Cmp(other) != 0 {
			t.Fatalf("%q became %s", s, v)
		}
	})
}

func FuzzParseRate(f *testing.F) {
	f.Add("0.040727887")
	f.Add("-1")
	f.Fuzz(func(t *testing.T, s string) {
		v, err := ParseRate(s)
		if err != nil {
			return
		}
		if again, err := ParseRate(v.String()); err != nil || again != v {
			t.Fatalf("%q is %d, printed %q, read again as %d, %v", s, int64(v), v.String(), int64(again), err)
		}
	})
}

// A currency is its own text, and any other text is refused in few words.
func FuzzParseCurrency(f *testing.F) {
	for _, s := range []string{"USD", "usd", "JPY", "", "XXX", "US\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, err := ParseCurrency(s)
		if err != nil {
			if fault.CodeOf(err) != CodeUnknownCurrency || len(fault.Of(err).Detail) > 400 {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		if string(c) != s || len(s) != 3 {
			t.Fatalf("%q is read as %q", s, c)
		}
		if n, err := c.MinorUnits(); err != nil || n < 0 || n > 4 {
			t.Fatalf("%s has %d places, %v", c, n, err)
		}
	})
}
