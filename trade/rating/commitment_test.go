package rating

import (
	"math/rand/v2"
	"testing"

	"github.com/cockroachdb/apd/v3"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/usage"
)

// minimum is a commitment to 1,000 dollars, or to 1,000 seconds at 0.60 a minute.
func minimum(measure Measure) Commitment {
	c := Commitment{Name: "Minimum", Basis: Basis{Currency: "USD", Window: usage.Cycle{Length: "3mo"}}}
	if measure == ByMoney {
		c.Charges = 1000e6
	} else {
		c.Seconds, c.Rate, c.UnitSeconds = 1000, 600_000_000, 60
	}
	return c
}

func TestWhatAWindowFallsShortOfItsCommitmentIsCharged(t *testing.T) {
	for _, c := range []struct {
		measure Measure
		counted Counted
		want    money.Micro
	}{
		{ByMoney, Counted{}, 1000e6}, {ByMoney, Counted{9e6, 999_999_999}, 1}, {ByMoney, Counted{0, 1000e6}, 0}, {ByMoney, Counted{0, 1001e6}, 0},
		{BySeconds, Counted{}, 10e6}, {BySeconds, Counted{999, 9e12}, 10_000}, {BySeconds, Counted{1000, 0}, 0}, {BySeconds, Counted{1001, 0}, 0},
	} {
		if got, err := minimum(c.measure).Shortfall(c.counted, money.HalfUp); err != nil || got != c.want {
			t.Errorf("%s, %+v counted: %s, %v; want %s", c.measure, c.counted, got, err, c.want)
		}
	}
}

// Missing seconds cost what a decimal library makes of them, by each rounding.
func TestAShortfallOfSecondsIsThatOfExactArithmetic(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 14))
	rounders := map[money.Rounding]apd.Rounder{money.HalfUp: apd.RoundHalfUp, money.HalfEven: apd.RoundHalfEven, money.Up: apd.RoundUp, money.Down: apd.RoundDown}
	for rounding, rounder := range rounders {
		for range 500 {
			c := minimum(BySeconds)
			c.Seconds, c.Rate, c.UnitSeconds = 1+random.Uint64N(1<<40), money.Rate(1+random.Int64N(1<<32)), 1+random.Uint32N(86_400)
			counted := Counted{Seconds: random.Uint64N(1 << 40)}
			got, err := c.Shortfall(counted, rounding)
			if err != nil {
				t.Fatal(err)
			}
			missing := max(0, int64(c.Seconds)-int64(counted.Seconds))
			ctx := apd.BaseContext.WithPrecision(60)
			x := apd.New(missing, 0)
			for _, err := range []error{second(ctx.Mul(x, x, apd.New(int64(c.Rate), -3))), second(ctx.Quo(x, x, apd.New(int64(c.UnitSeconds), 0)))} {
				if err != nil {
					t.Fatal(err)
				}
			}
			ctx.Rounding = rounder
			if _, err := ctx.Quantize(x, x, 0); err != nil {
				t.Fatal(err)
			}
			if n, err := x.Int64(); err != nil || money.Micro(n) != got {
				t.Fatalf("%s: %d s missing at %s for %d s: %s, exact %s", rounding, missing, c.Rate, c.UnitSeconds, got, x)
			}
		}
	}
}

func TestImpossibleCommitmentsAreRefused(t *testing.T) {
	for field, changes := range map[string][]func(*Commitment){
		"charges": {func(c *Commitment) { c.Charges = 5 }, func(c *Commitment) { c.Seconds = 0 }, func(c *Commitment) { c.Seconds, c.Charges = 0, -1 }},
		"rate":    {func(c *Commitment) { c.Rate = 0 }, func(c *Commitment) { c.UnitSeconds = 0 }, func(c *Commitment) { c.Rate = -1 }, func(c *Commitment) { c.Seconds, c.Charges = 0, 5 }},
		"name":    {func(c *Commitment) { c.Name = "" }, func(c *Commitment) { c.Name = "two\nlines" }},
		"window":  {func(c *Commitment) { c.Window.Length = "5mo" }}, "currency": {func(c *Commitment) { c.Currency = "UDS" }},
		"destinations": {func(c *Commitment) { c.Destinations = []string{"b", "a"} }},
	} {
		for _, change := range changes {
			c := minimum(BySeconds)
			change(&c)
			if err := c.Validate(); err == nil || fault.Of(err).Field != field {
				t.Errorf("wrong %s: %v", field, err)
			}
		}
	}
}
