package rating

import (
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/apd/v3"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/usage"
)

// discount is 10% from 1,000 and 20% from 3,000: seconds, or units of money.
func discount(measure Measure, reach Reach) Volume {
	tiers := []Tier{{Seconds: 1000, Discount: 100_000}, {Seconds: 3000, Discount: 200_000}}
	if measure == ByMoney {
		tiers = []Tier{{Charges: 1000e6, Discount: 100_000}, {Charges: 3000e6, Discount: 200_000}}
	}
	return Volume{Name: "Volume", Basis: Basis{Currency: "USD", Window: usage.Cycle{Length: "1mo"}}, Measure: measure, Reach: reach, Tiers: tiers}
}

const dayMillis = 86_400_000

// november gives a day of November 2026.
func november(day int) usage.Interval {
	from := int64(1_793_491_200_000) + int64(day-1)*dayMillis
	return usage.Interval{From: from, To: from + dayMillis}
}

// agreed is a line of a dollar a second.
func agreed(day int, seconds uint64) Agreed {
	return Agreed{Period: november(day), Destination: "Germany", Seconds: seconds, Amount: money.Amount{Currency: "USD", Micro: money.Micro(seconds) * 1_000_000}}
}

func TestATierBeginsAtItsThreshold(t *testing.T) {
	for _, measure := range []Measure{BySeconds, ByMoney} {
		for _, c := range []struct {
			reach         Reach
			before, own   uint64
			want, reached int // dollars × 10, tiers
		}{
			{Marginal, 0, 999, 0, 0}, {Marginal, 0, 1000, 0, 1}, {Marginal, 0, 1001, 1, 1}, {Marginal, 0, 3000, 2000, 1 + 1}, {Marginal, 0, 3001, 2002, 2},
			{Marginal, 900, 200, 100, 1}, {Marginal, 2900, 200, 300, 2}, {Marginal, 5000, 10, 20, 2},
			{Whole, 0, 999, 0, 0}, {Whole, 0, 1000, 1000, 1}, {Whole, 0, 2999, 2999, 1}, {Whole, 0, 3000, 6000, 2},
			// What is reached later is of all charges of the window: those of before too.
			{Whole, 900, 100, 1000, 1}, {Whole, 2900, 100, 6000 - 2900, 2}, {Whole, 900, 50, 0, 0},
		} {
			got, err := discount(measure, c.reach).Credit(november(2), []Agreed{agreed(1, c.before), agreed(2, c.own), agreed(3, 9999)}, money.HalfUp)
			if err != nil || got.Credit != money.Micro(c.want)*100_000 || got.Reached != c.reached || got.Seconds != c.own {
				t.Errorf("%s %s, %d and %d: %+v, %v; want %d tenths and %d tiers", measure, c.reach, c.before, c.own, got, err, c.want, c.reached)
			}
		}
	}
}

// Windows begin anew; other destinations, currencies and later periods do not
// count.
func TestADiscountCountsItsWindowAndGroupOnly(t *testing.T) {
	v := discount(ByMoney, Whole)
	v.Destinations = []string{"Germany", "Germany mobile"}
	other := agreed(1, 5000)
	other.Destination = "France"
	euro := agreed(1, 5000)
	euro.Amount.Currency = "EUR"
	october := agreed(0, 5000) // 31 October
	for _, history := range [][]Agreed{{other}, {euro}, {october}, {agreed(3, 5000)}} {
		if got, err := v.Credit(november(2), append(history, agreed(2, 500)), money.HalfUp); err != nil || got.Credit != 0 || got.Reached != 0 {
			t.Errorf("%+v counts: %+v, %v", history, got, err)
		}
	}
	v.Window.Length = "3mo" // the quarter begins with October
	if got, err := v.Credit(november(2), []Agreed{october, agreed(2, 500)}, money.HalfUp); err != nil || got.Credit != 100_000_000 {
		t.Errorf("in the quarter: %+v, %v", got, err)
	}
}

// The sum of all periods' credits is the discount of the window, however it is
// cut, in any order of the history, for each rounding; and asking again gives
// the same (RAT-09, RAT-11).
func TestTheDiscountsOfPeriodsAddUpToThatOfTheWindow(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 12))
	for _, rounding := range []money.Rounding{money.HalfUp, money.HalfEven, money.Up, money.Down} {
		for _, v := range []Volume{discount(ByMoney, Marginal), discount(ByMoney, Whole), discount(BySeconds, Whole)} {
			for range 50 {
				var history []Agreed
				total := money.Micro(0)
				seconds := uint64(0)
				for day := 1; day <= 30; day++ {
					l := agreed(day, random.Uint64N(300))
					l.Amount.Micro = money.Micro(random.Int64N(300_000_000)) - 20_000_000 // some are credit notes
					history, total, seconds = append(history, l), total+l.Amount.Micro, seconds+l.Seconds
				}
				random.Shuffle(len(history), func(i, j int) { history[i], history[j] = history[j], history[i] })
				sum := money.Micro(0)
				for day := 1; day <= 30; day++ {
					d, err := v.Credit(november(day), history, rounding)
					if err != nil {
						t.Fatal(err)
					}
					sum += d.Credit
				}
				one := []Agreed{{Period: november(1), Destination: "x", Seconds: seconds, Amount: money.Amount{Currency: "USD", Micro: total}}}
				whole, err := v.Credit(november(1), one, rounding)
				if err != nil || whole.Credit != sum {
					t.Fatalf("%s %s %s: periods come to %s, the window to %s, %v", v.Measure, v.Reach, rounding, sum, whole.Credit, err)
				}
			}
		}
	}
}

// By seconds and marginal, the credit of a period is what a decimal library
// makes of its charge and of the seconds in each tier.
func TestTheMarginalDiscountBySecondsIsThatOfExactArithmetic(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 13))
	v := discount(BySeconds, Marginal)
	v.Tiers = []Tier{{Seconds: 1000, Discount: 33_333}, {Seconds: 2000, Discount: 77_777}, {Seconds: 2500, Discount: 123_457}}
	ctx := apd.BaseContext.WithPrecision(60)
	for range 3000 {
		before, own := random.Uint64N(3000), 1+random.Uint64N(3000)
		l := agreed(2, own)
		l.Amount.Micro = money.Micro(random.Int64N(1 << 50))
		got, err := v.Credit(november(2), []Agreed{agreed(1, before), l}, money.HalfUp)
		if err != nil {
			t.Fatal(err)
		}
		weight := int64(0)
		for s := before; s < before+own; s++ { // second by second
			for i := len(v.Tiers) - 1; i >= 0; i-- {
				if s >= v.Tiers[i].Seconds {
					weight += int64(v.Tiers[i].Discount)
					break
				}
			}
		}
		x := apd.New(int64(l.Amount.Micro), 0)
		for _, err := range []error{second(ctx.Mul(x, x, apd.New(weight, 0))), second(ctx.Quo(x, x, apd.New(int64(own)*1_000_000, 0)))} {
			if err != nil {
				t.Fatal(err)
			}
		}
		half := *ctx
		half.Rounding = apd.RoundHalfUp
		if _, err := half.Quantize(x, x, 0); err != nil {
			t.Fatal(err)
		}
		if n, err := x.Int64(); err != nil || money.Micro(n) != got.Credit {
			t.Fatalf("%d s after %d s of %s: %s, exact %s", own, before, l.Amount, got.Credit, x)
		}
	}
}

func TestImpossibleVolumeTermsAreRefused(t *testing.T) {
	for field, change := range map[string]func(*Volume){
		"name": func(v *Volume) { v.Name = "" }, "destinations": func(v *Volume) { v.Destinations = []string{"b", "a"} }, "measure": func(v *Volume) { v.Measure = "calls" },
		"reach": func(v *Volume) { v.Reach = "" }, "tiers": func(v *Volume) { v.Tiers[1].Seconds = v.Tiers[0].Seconds }, "window": func(v *Volume) { v.Window.Length = "7mo" },
		"currency": func(v *Volume) { v.Currency = "UDS" },
	} {
		v := discount(BySeconds, Whole)
		change(&v)
		if _, err := v.Credit(november(1), nil, money.HalfUp); err == nil || fault.Of(err).Field != field {
			t.Errorf("wrong %s: %v", field, err)
		}
	}
	v := discount(BySeconds, Whole)
	v.Tiers = []Tier{{Seconds: 1, Discount: Everything + 1}}
	if err := v.Validate(); fault.CodeOf(err) != CodeBadVolume {
		t.Errorf("a discount of more than everything: %v", err)
	}
}

// A percentage is its text, to four places, and back.
func TestAShareIsAPercentage(t *testing.T) {
	for text, want := range map[string]Share{"0": 0, "2.5": 25_000, "0.0001": 1, "100": Everything, "33.3333": 333_333} {
		got, err := ParseShare(text)
		if err != nil || got != want {
			t.Errorf("%s: %d, %v", text, got, err)
		}
		if again, err := ParseShare(got.String()); err != nil || again != got {
			t.Errorf("%s: written as %s", text, got)
		}
	}
	for _, text := range []string{"", "-1", "100.0001", "0.00001", "5%", "1e1"} {
		if _, err := ParseShare(text); fault.CodeOf(err) != CodeBadVolume {
			t.Errorf("%q: %v", text, err)
		}
	}
}
