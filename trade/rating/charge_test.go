package rating

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/apd/v3"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/usage"
)

// The worked examples of testdata, one file for each kind of charge: figures by
// hand, with how they come about. A line that begins with > asks, and what
// follows is the answer.
func TestChargesAreThoseOfTheWorkedExamples(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range []Kind{Recurring, OneTime, Time, Data, Bandwidth, Distance, Shortfall, MarkUp, Credit, Termination} {
		if _, err := os.Stat(filepath.Join("testdata", string(k)+".txt")); err != nil {
			t.Errorf("no worked example of %s: %v", k, err)
		}
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var e example
		var want, got []string
		at := 0
		compare := func() {
			if strings.Join(want, "\n") != strings.Join(got, "\n") {
				t.Errorf("%s:%d: the example says\n%s\nand the rules\n%s", file, at, strings.Join(want, "\n"), strings.Join(got, "\n"))
			}
			want, got = nil, nil
		}
		for n, line := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
			switch {
			case line == "" || strings.HasPrefix(line, "#"):
			case strings.HasPrefix(line, "> "):
				compare()
				at = n + 1
				got = e.ask(t, strings.Fields(strings.TrimPrefix(line, "> ")))
			case e.given(t, line):
				compare()
			default:
				want = append(want, line)
			}
		}
		compare()
	}
}

// example is what a worked example has named so far.
type example struct {
	price     Price
	guarantee Guarantee
	elements  []Element
}

func (e *example) given(t *testing.T, line string) bool {
	word, text, _ := strings.Cut(line, " ")
	read := func(into any) {
		if err := json.Unmarshal([]byte(text), into); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	switch word {
	case "price":
		e.price = Price{}
		read(&e.price)
		if err := e.price.Validate(); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	case "guarantee":
		e.guarantee = Guarantee{}
		read(&e.guarantee)
		if err := e.guarantee.Validate(); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	case "element":
		var x Element
		read(&x)
		e.elements = append(e.elements, x)
	default:
		return false
	}
	return true
}

func (e *example) ask(t *testing.T, words []string) (out []string) {
	args := map[string]string{"rounding": string(money.HalfUp), "quantity": "1", "before": "0"}
	var span usage.Interval
	currency := money.Currency("EUR")
	for _, w := range words[1:] {
		if k, v, ok := strings.Cut(w, "="); ok {
			args[k] = v
		} else if strings.Contains(w, "/") {
			span = interval(t, w)
		} else {
			currency = money.Currency(w)
		}
	}
	number := func(k string) uint64 {
		n, err := strconv.ParseUint(args[k], 10, 64)
		if err != nil {
			t.Fatalf("%v: %v", words, err)
		}
		return n
	}
	micro := func(k string) money.Micro {
		m, err := money.ParseMicro(args[k])
		if err != nil {
			t.Fatalf("%v: %v", words, err)
		}
		return m
	}
	mode := money.Rounding(args["rounding"])
	var charges []Charge
	one := func(c Charge, ok bool, err error) error {
		if ok {
			charges = append(charges, c)
		}
		return err
	}
	var err error
	switch words[0] {
	case "recur":
		charges, err = e.price.Recur(span, number("quantity"), mode)
	case "once":
		var c Charge
		c, err = e.price.Once(span, number("quantity"), mode)
		charges = append(charges, c)
	case "use":
		var c Charge
		c, err = e.price.Use(span, number("before"), number("used"), mode)
		charges = append(charges, c)
	case "miss":
		err = one(e.price.Miss(span, []usage.Interval{interval(t, args["held"])}, number("used"), mode))
	case "early":
		err = one(e.price.Early(span, number("quantity"), uint32(number("share")), mode))
	case "credit":
		err = one(e.guarantee.Credit(span, number("value"), money.Amount{Currency: currency, Micro: micro("recurring")}, mode))
	case "capped":
		for range number("days") {
			if err = one(e.guarantee.Credit(span, number("value"), money.Amount{Currency: currency, Micro: micro("recurring")}, mode)); err != nil {
				break
			}
		}
		var sum money.Micro
		charges, err = e.guarantee.Capped(charges, micro("month"), 0, mode)
		for _, c := range charges {
			sum += c.Amount.Micro
		}
		last := charges[len(charges)-1]
		return []string{fmt.Sprintf("%d credits, %s in all, the last one %s %s", len(charges), money.Amount{Currency: currency, Micro: sum}, last.Amount.Micro, last.Why)}
	case "mark":
		var p Price
		p, err = Markup{Share: uint32(number("share"))}.On(e.price, mode)
		out = append(out, fmt.Sprintf("%s %s, from %d: %s", p.Name, p.Rate, p.Tiers[0].From, p.Tiers[0].Rate))
	case "compose":
		var m Margin
		m, err = Compose(span, currency, e.elements, mode)
		charges = m.Charges
		defer func() {
			out = append(out, fmt.Sprintf("external %s internal %s marks %s price %s", m.External, m.Internal, m.Marks, m.Price))
		}()
	default:
		t.Fatalf("what is %v?", words)
	}
	if err != nil {
		t.Fatalf("%v: %v", words, err)
	}
	for _, c := range charges {
		line := fmt.Sprintf("%s %s %d for %s: %s", c.Price, c.Kind, c.Quantity, c.Interval, c.Amount)
		if c.Why != "" {
			line += " (" + c.Why + ")"
		}
		out = append(out, line)
	}
	return out
}

func interval(t *testing.T, s string) (i usage.Interval) {
	if err := i.UnmarshalText([]byte(s)); err != nil {
		t.Fatal(err)
	}
	return i
}

var modes = []money.Rounding{money.HalfUp, money.HalfEven, money.Up, money.Down}

// rounded gives what exact arithmetic makes of sum / d, in millionths. Halves are
// told by the remainder, so no precision is asked for.
func rounded(sum, d *apd.BigInt, mode money.Rounding) int64 {
	neg := sum.Sign() < 0
	q, rest := new(apd.BigInt).QuoRem(new(apd.BigInt).Abs(sum), d, new(apd.BigInt))
	twice := new(apd.BigInt).Mul(rest, apd.NewBigInt(2)).Cmp(d)
	up := false
	switch mode {
	case money.HalfUp:
		up = twice >= 0
	case money.HalfEven:
		up = twice > 0 || twice == 0 && q.Bit(0) == 1
	case money.Up:
		up = rest.Sign() != 0
	}
	if up {
		q.Add(q, apd.NewBigInt(1))
	}
	if neg {
		q.Neg(q)
	}
	return q.Int64()
}

func times(a ...uint64) *apd.BigInt {
	out := apd.NewBigInt(1)
	for _, n := range a {
		out.Mul(out, new(apd.BigInt).SetUint64(n))
	}
	return out
}

func seeded(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 2))
}

func TestAPartOfAChargePeriodIsThatOfExactArithmetic(t *testing.T) {
	r := seeded(t)
	lengths := []usage.Cycle{{Length: "1mo"}, {Length: "12mo"}, {Length: "1d"}, {Length: "1h"}, {Length: "1mo", Zone: "Europe/Berlin"}, {Length: "1d", Zone: "America/New_York"}}
	for range 3000 {
		p := Price{Name: "x", Kind: Distance, Currency: "EUR", Rate: money.Rate(r.Int64N(1 << 40)), Unit: 1 + r.Uint64N(2000), Period: lengths[r.IntN(len(lengths))]}
		dates, err := p.Period.Calendar()
		if err != nil {
			t.Fatal(err)
		}
		period := dates.At(time.Date(2024+r.IntN(8), time.Month(1+r.IntN(12)), 1+r.IntN(28), r.IntN(24), 0, 0, 0, time.UTC).UnixMilli())
		long := period.To - period.From
		from := period.From + r.Int64N(long-1)
		part := usage.Interval{From: from, To: from + 1 + r.Int64N(period.To-from)}
		quantity := r.Uint64N(20_000_000)
		for _, mode := range modes {
			got, err := p.Recur(part, quantity, mode)
			if err != nil {
				t.Fatal(err)
			}
			secs := uint64(part.To/1000 - part.From/1000)
			want := rounded(times(uint64(p.Rate), quantity, secs), times(p.Unit, uint64(long)/1000, 1000), mode)
			sum := int64(0)
			for _, c := range got {
				sum += int64(c.Amount.Micro)
			}
			if sum != want || len(got) > 1 {
				t.Fatalf("%s of %s: %+v; exact %d", part, period, got, want)
			}
		}
	}
}

// However a span is cut, its parts have the seconds of the whole; rounding moves
// each line by at most a millionth.
func TestTheChargesOfPartsAddUpToThatOfTheWhole(t *testing.T) {
	r := seeded(t)
	begin := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()
	for range 500 {
		p := monthly()
		p.Rate = money.Rate(r.Int64N(1e15))
		p.Period.Zone = []string{"", "Europe/Berlin"}[r.IntN(2)]
		span := usage.Interval{From: begin + r.Int64N(1e10)}
		span.To = span.From + 1 + r.Int64N(2e10)
		mode := modes[r.IntN(len(modes))]
		total := func(i usage.Interval) (sum money.Micro, lines int) {
			cs, err := p.Recur(i, 3, mode)
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range cs {
				sum += c.Amount.Micro
				if c.Amount.Micro < 0 {
					t.Fatalf("a charge below zero: %+v", c)
				}
			}
			return sum, len(cs)
		}
		whole, lines := total(span)
		var sum money.Micro
		for from := span.From; from < span.To; {
			to := min(span.To, from+1+r.Int64N(5e9))
			part, n := total(usage.Interval{From: from, To: to})
			sum, lines, from = sum+part, lines+n, to
		}
		if apart := max(sum, whole) - min(sum, whole); apart > money.Micro(lines) {
			t.Fatalf("%s is %s, its parts %s: %d millionths apart for %d lines", span, whole, sum, apart, lines)
		}
	}
}

func TestUseInTiersIsThatOfExactArithmetic(t *testing.T) {
	r := seeded(t)
	for range 3000 {
		p := byData()
		p.Unit = 1 + r.Uint64N(1<<40)
		p.Rate = money.Rate(r.Int64N(1 << 34))
		p.Reach = []Reach{Marginal, Whole}[r.IntN(2)]
		p.Tiers = nil
		at := uint64(0)
		for range 1 + r.IntN(4) {
			at += 1 + r.Uint64N(1<<44)
			p.Tiers = append(p.Tiers, PriceTier{at, money.Rate(r.Int64N(1 << 34))})
		}
		before, used := r.Uint64N(1<<45), r.Uint64N(1<<45)
		mode := modes[r.IntN(len(modes))]
		c, err := p.Use(usage.Interval{From: 0, To: 1000}, before, used, mode)
		if err != nil {
			t.Fatal(err)
		}
		// Up to a mark, tier by tier.
		upTo := func(n uint64) *apd.BigInt {
			if p.Reach == Whole {
				rate := p.Rate
				for _, x := range p.Tiers {
					if x.From <= n {
						rate = x.Rate
					}
				}
				return times(uint64(rate), n)
			}
			sum := apd.NewBigInt(0)
			marks := append([]PriceTier{{0, p.Rate}}, p.Tiers...)
			for i, x := range marks {
				end := n
				if i+1 < len(marks) {
					end = min(end, marks[i+1].From)
				}
				if x.From < end {
					sum.Add(sum, times(uint64(x.Rate), end-x.From))
				}
			}
			return sum
		}
		want := rounded(new(apd.BigInt).Sub(upTo(before+used), upTo(before)), times(p.Unit, 1000), mode)
		if int64(c.Amount.Micro) != want {
			t.Fatalf("%+v before %d used %d %s: %d, exact %d", p, before, used, mode, c.Amount.Micro, want)
		}
	}
}

// What is billed of a charge period in intervals, with what it falls short of its
// commitment, is the price of the commitment, or of the use where that is more.
func TestUseAndShortfallAddUpToTheCommitment(t *testing.T) {
	r := seeded(t)
	for range 500 {
		p := byData()
		p.Reach = []Reach{Marginal, Whole}[r.IntN(2)]
		p.Commitment = r.Uint64N(30e12)
		dates, _ := p.Period.Calendar()
		month := dates.At(1_800_000_000_000)
		used, lines := uint64(0), money.Micro(1)
		var sum money.Micro
		for n := range 1 + r.IntN(30) {
			more := r.Uint64N(1e12)
			day := usage.Interval{From: month.From + int64(n)*86_400_000, To: month.From + int64(n+1)*86_400_000}
			c, err := p.Use(day, used, more, money.HalfUp)
			if err != nil {
				t.Fatal(err)
			}
			used, sum, lines = used+more, sum+c.Amount.Micro, lines+1
		}
		c, ok, err := p.Miss(month, []usage.Interval{month}, used, money.HalfUp)
		if err != nil || ok != (used < p.Commitment) {
			t.Fatal(c, ok, err)
		}
		sum += c.Amount.Micro
		whole, err := p.between(0, max(used, p.Commitment), money.HalfUp)
		if err != nil {
			t.Fatal(err)
		}
		if apart := max(sum, whole) - min(sum, whole); apart > lines {
			t.Fatalf("%s in parts, %s as a whole", sum, whole)
		}
	}
}

func TestChargesRefuseWhatTheyCannotCount(t *testing.T) {
	span := usage.Interval{From: 0, To: 3_600_000}
	use, fixed := byData(), monthly()
	once := Price{Name: "set-up", Kind: OneTime, Currency: "EUR", Rate: 1, Unit: 1, Event: OnActivation}
	seconds := monthly()
	seconds.Period.Length = "1s"
	for _, c := range []struct {
		name string
		err  func() error
		want fault.Code
	}{
		{"use that recurs", func() error { _, err := fixed.Use(span, 0, 1, money.HalfUp); return err }, fault.Invalid},
		{"a recurring charge for use", func() error { _, err := use.Recur(span, 1, money.HalfUp); return err }, fault.Invalid},
		{"an event of a recurring price", func() error { _, err := fixed.Once(span, 1, money.HalfUp); return err }, fault.Invalid},
		{"too many pieces", func() error { _, err := fixed.Recur(span, MaxFixed+1, money.HalfUp); return err }, CodeTooMuch},
		{"too many pieces once", func() error { _, err := once.Once(span, MaxFixed+1, money.HalfUp); return err }, CodeTooMuch},
		{"too much use", func() error { _, err := use.Use(span, MaxQuantity, 1, money.HalfUp); return err }, CodeTooMuch},
		{"no rounding", func() error { _, err := fixed.Recur(span, 1, ""); return err }, money.CodeUnknownRounding},
		{"a span that ends before it begins", func() error { _, err := fixed.Recur(usage.Interval{From: 5, To: 1}, 1, money.HalfUp); return err }, usage.CodeBadInterval},
		{"a hundred years of seconds", func() error {
			cs, err := seconds.Recur(usage.Interval{From: 0, To: 36_500 * 86_400_000}, 1, money.HalfUp)
			if len(cs) != 1 || cs[0].Amount.Micro != 36_500*86_400*1_000e6 {
				t.Errorf("a hundred years of seconds: %+v", cs)
			}
			return err
		}, ""},
	} {
		if got := fault.CodeOf(c.err()); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
	if n, err := (&Price{Minimum: 5, Increment: MaxQuantity}).Billed(7); n != 0 || fault.CodeOf(err) != CodeTooMuch {
		t.Errorf("an increment beyond all: %d, %v", n, err)
	}
}

func TestGuaranteesThatSayNothingAreRefused(t *testing.T) {
	good := Guarantee{Metric: Availability, Tiers: []Miss{{999_000, 100_000}, {990_000, 500_000}}, Cap: 250_000}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	for name, g := range map[string]Guarantee{
		"no metric":          {Metric: "beauty", Tiers: good.Tiers, Cap: 1},
		"no tier":            {Metric: Availability, Cap: 1},
		"no cap":             {Metric: Availability, Tiers: good.Tiers},
		"more than all":      {Metric: Availability, Tiers: good.Tiers, Cap: Millionths + 1},
		"nothing given back": {Metric: Availability, Tiers: []Miss{{999_000, 0}}, Cap: 1},
		"a better tier":      {Metric: Availability, Tiers: []Miss{{990_000, 1}, {999_000, 2}}, Cap: 1},
		"a lower latency":    {Metric: Latency, Tiers: []Miss{{180_000, 1}, {170_000, 2}}, Cap: 1},
	} {
		if fault.CodeOf(g.Validate()) != CodeBadGuarantee {
			t.Errorf("%s: %v", name, g.Validate())
		}
	}
}
