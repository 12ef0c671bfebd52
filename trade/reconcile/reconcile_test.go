package reconcile

import (
	"bytes"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

const hour = 3_600_000

// testSheet has two destinations, the first of which changes its price and
// increments at noon of the first day.
func testSheet(t testing.TB) *rating.Sheet {
	t.Helper()
	row := func(name, prefix string, rate money.Rate, minimum, increment uint32, from, to int64) rating.Row {
		return rating.Row{Destination: name, Prefix: prefix, Rate: rate, Currency: "USD", UnitSeconds: 60, MinimumSeconds: minimum, IncrementSeconds: increment, ValidFrom: from, ValidTo: to}
	}
	s, err := rating.NewSheet([]rating.Row{
		row("Germany", "49", 40_727_887, 1, 1, 0, 12*hour),
		row("Germany", "49", 35_941_318, 30, 6, 12*hour, rating.Open),
		row("France", "33", 17_203_301, 60, 60, 0, rating.Open),
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Rows of testSheet in canonical order.
const (
	france = iota
	germanyMorning
	germanyAfternoon
)

func rated(t testing.TB, s *rating.Sheet, cycle string, records, duplicates []usage.Record) *rating.Rated {
	t.Helper()
	calendar, err := usage.Cycle{Length: cycle}.Calendar()
	if err != nil {
		t.Fatal(err)
	}
	b := &usage.Batch{Pair: usage.PairOf("ALPHA", "BRAVO"), Records: records, Duplicates: duplicates}
	r, err := rating.Rate(b, rating.Terms{Sheets: [2]*rating.Sheet{s, s}, Calendar: calendar}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func randomRecords(random *rand.Rand, n int) (ours, theirs, extra []usage.Record) {
	for i := range n {
		r := usage.Record{Start: random.Int64N(24 * hour), Duration: random.Uint32N(400_000), Origin: usage.Number(1 + random.Uint64N(3)),
			Destination: []usage.Number{4930, 3310, 7777}[random.IntN(3)]*1_000_000 + usage.Number(random.Uint64N(20)), Way: usage.Way(random.IntN(2)), Line: uint32(i)}
		if random.IntN(10) == 0 {
			r.Result = usage.Fail
		}
		if random.IntN(8) == 0 {
			r.Start = 12*hour - 3000 + random.Int64N(6000) // around the change of price and an edge of periods
		}
		o, s := r, r
		switch random.IntN(8) {
		case 0:
			ours = append(ours, o)
			continue
		case 1:
			theirs = append(theirs, s)
			continue
		case 2:
			s.Start += random.Int64N(5000) - 2500
		case 3:
			s.Duration += random.Uint32N(8000)
		case 4:
			s.Origin = usage.Withheld
		case 5:
			extra = append(extra, s)
		}
		ours, theirs = append(ours, o), append(theirs, s)
	}
	return ours, theirs, extra
}

func TestDifferencesExplainTheTotalsToTheLastUnit(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 20))
	s := testSheet(t)
	for range 40 {
		ours, theirs, extra := randomRecords(random, 400)
		for _, cycle := range []string{"15s", "1h", "1mo"} {
			r, err := Compare(rated(t, s, cycle, ours, nil), rated(t, s, cycle, theirs, extra), DefaultTolerances)
			if err != nil {
				t.Fatal(err)
			}
			for _, total := range r.Totals {
				want, sum := total.Theirs-total.Ours, money.Micro(0)
				for _, d := range r.Differences {
					if d.Direction == total.Direction && d.Currency == total.Currency && d.Cause != Duplicate {
						sum += d.Amount
					}
				}
				if sum != want {
					t.Fatalf("%s %s: differences explain %s of %s", cycle, total.Direction, sum, want)
				}
			}
			c := r.Counts
			matched := c.Exact + c.Skewed + c.Duration
			if matched != uint64(len(r.Pairs)) || c.OnlyOurs != uint64(len(r.OnlyOurs)) || c.OnlyTheirs != uint64(len(r.OnlyTheirs)) ||
				matched+c.OnlyOurs != successes(ours) || matched+c.OnlyTheirs != successes(theirs) {
				t.Fatalf("%+v does not account for every call", c)
			}
		}
	}
}

func successes(records []usage.Record) (n uint64) {
	for i := range records {
		if records[i].Result == usage.Success {
			n++
		}
	}
	return n
}

// A rate begins between the two sides' starts of one call; another call has no
// rate at all.
func TestACallWithoutARateIsCountedForWhatItIs(t *testing.T) {
	s, err := rating.NewSheet([]rating.Row{{Destination: "Germany", Prefix: "49", Rate: 1e9, Currency: "USD", UnitSeconds: 60, MinimumSeconds: 1,
		IncrementSeconds: 1, ValidFrom: 12 * hour, ValidTo: rating.Open}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	early := usage.Record{Start: 12*hour - 1000, Duration: 60_000, Destination: 4930, Origin: 41, Line: 2}
	late := early
	late.Start += 2000
	lost := usage.Record{Start: 13 * hour, Duration: 60_000, Destination: 3310, Origin: 41, Line: 3}
	r, err := Compare(rated(t, s, "1h", []usage.Record{early, lost}, nil), rated(t, s, "1h", []usage.Record{late}, nil), DefaultTolerances)
	if err != nil {
		t.Fatal(err)
	}
	want := []Difference{
		{Cause: Skewed, Direction: usage.Direction{From: "ALPHA", To: "BRAVO"}, Currency: "USD", Count: 1, Amount: 1e6},
	}
	if !slices.Equal(r.Differences, want) || r.Counts.OnlyOurs != 1 {
		t.Errorf("the differences are %+v of %+v", r.Differences, r.Counts)
	}
}

func TestBothSidesSeeTheSameComparison(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 21))
	s := testSheet(t)
	compare := func(ours, theirs []usage.Record) *Result {
		r, err := Compare(rated(t, s, "1h", ours, nil), rated(t, s, "1h", theirs, nil), DefaultTolerances)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	for range 30 {
		ours, theirs, _ := randomRecords(random, 300)
		want, mirror := compare(ours, theirs), compare(theirs, ours)
		c, m := want.Counts, mirror.Counts
		c.OnlyOurs, c.OnlyTheirs = c.OnlyTheirs, c.OnlyOurs
		if c != m {
			t.Fatalf("our view %+v, theirs %+v", want.Counts, m)
		}
		for i := range want.Totals {
			if want.Totals[i].Ours != mirror.Totals[i].Theirs || want.Totals[i].Theirs != mirror.Totals[i].Ours {
				t.Fatalf("totals %+v and %+v", want.Totals[i], mirror.Totals[i])
			}
		}
		random.Shuffle(len(ours), func(i, j int) { ours[i], ours[j] = ours[j], ours[i] })
		random.Shuffle(len(theirs), func(i, j int) { theirs[i], theirs[j] = theirs[j], theirs[i] })
		if got := compare(ours, theirs); got.Counts != want.Counts || !slices.Equal(got.Totals, want.Totals) || !slices.Equal(got.Differences, want.Differences) {
			t.Fatal("shuffling the records changed the comparison")
		}
	}
}

func TestBatchesUnderDifferentTermsAreNotCompared(t *testing.T) {
	a, b := testSheet(t), testSheet(t)
	if _, err := Compare(rated(t, a, "1h", nil, nil), rated(t, b, "1h", nil, nil), DefaultTolerances); fault.CodeOf(err) != CodeNotComparable {
		t.Error(err)
	}
	if _, err := Compare(rated(t, a, "1h", nil, nil), rated(t, a, "1h", nil, nil), Tolerances{StartMillis: -1}); fault.CodeOf(err) != CodeBadTolerance {
		t.Error(err)
	}
}

func called(start int64, duration uint32, origin, destination usage.Number) usage.Call {
	return usage.Call{Start: start, Duration: duration, Origin: usage.Hidden(origin), Destination: usage.Hidden(destination)}
}

func TestDecisionsFollowTheDefaultRules(t *testing.T) {
	const noon = 12 * hour
	one := func(row uint32, calls ...usage.Call) []Delivered { return []Delivered{{Ref{Row: row}, calls}} }
	for _, c := range []struct {
		name           string
		buyer, seller  []Delivered
		missing        []Ref // the buyer's
		calls, seconds map[uint32]uint64
		open           map[uint32][]Kind
	}{
		{name: "the same call", buyer: one(germanyMorning, called(1, 60_000, 1, 4930)), seller: one(germanyMorning, called(1, 60_000, 1, 4930)),
			calls: map[uint32]uint64{germanyMorning: 1}, seconds: map[uint32]uint64{germanyMorning: 60}},
		{name: "billed seconds five apart: the lower", buyer: one(germanyMorning, called(1, 60_000, 1, 4930)), seller: one(germanyMorning, called(900, 65_000, 0, 4930)),
			calls: map[uint32]uint64{germanyMorning: 1}, seconds: map[uint32]uint64{germanyMorning: 60}},
		{name: "six apart: people", buyer: one(germanyMorning, called(1, 60_000, 1, 4930)), seller: one(germanyMorning, called(1, 66_000, 1, 4930)),
			open: map[uint32][]Kind{germanyMorning: {Longer}}},
		{name: "only the buyer: not charged", buyer: one(germanyMorning, called(1, 60_000, 1, 4930))},
		{name: "only the seller, two in a hundred: charged", seller: one(germanyMorning, called(1, 200_000, 1, 4930)),
			calls: map[uint32]uint64{germanyMorning: 1}, seconds: map[uint32]uint64{germanyMorning: 200}},
		{name: "only the seller, more than that in sum: people", seller: one(germanyMorning, called(1, 200_000, 1, 4930), called(2, 1000, 1, 4930)),
			open: map[uint32][]Kind{germanyMorning: {OnlySeller, OnlySeller}}},
		{name: "the sum is of the destination, over its rate versions", seller: []Delivered{{Ref{Row: germanyMorning}, []usage.Call{called(1, 170_000, 1, 4930)}}, {Ref{Row: germanyAfternoon}, []usage.Call{called(noon, 36_000, 1, 4930)}}},
			open: map[uint32][]Kind{germanyMorning: {OnlySeller}, germanyAfternoon: {OnlySeller}}},
		{name: "only the seller and the buyer did not deliver: charged", seller: one(germanyMorning, called(1, 2_000_000, 1, 4930)), missing: []Ref{{Row: germanyMorning}},
			calls: map[uint32]uint64{germanyMorning: 1}, seconds: map[uint32]uint64{germanyMorning: 2000}},
		{name: "a duplicate counts once", seller: one(germanyMorning, called(1, 60_000, 1, 4930), called(1, 60_000, 1, 4930)), buyer: one(germanyMorning, called(1, 60_000, 1, 4930)),
			calls: map[uint32]uint64{germanyMorning: 1}, seconds: map[uint32]uint64{germanyMorning: 60}},
		{name: "over the change of price the seller's record decides", buyer: one(germanyMorning, called(noon-1, 31_000, 1, 4930)), seller: one(germanyAfternoon, called(noon+1, 31_000, 1, 4930)),
			calls: map[uint32]uint64{germanyAfternoon: 1}, seconds: map[uint32]uint64{germanyAfternoon: 36}},
		{name: "too far apart to be one call", buyer: one(germanyMorning, called(1, 60_000, 1, 4930)), seller: one(germanyMorning, called(3002, 60_000, 1, 4930)),
			calls: map[uint32]uint64{germanyMorning: 1}, seconds: map[uint32]uint64{germanyMorning: 60}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := Decide(Input{Sheet: testSheet(t), Lines: []Ref{{Row: germanyAfternoon}, {Row: germanyMorning}}, Buyer: c.buyer, Seller: c.seller,
				DestinationSeconds: map[string]uint64{"Germany": 10_000}, Tolerances: DefaultTolerances, BuyerMissing: c.missing})
			if err != nil {
				t.Fatal(err)
			}
			if len(out) != 2 || out[0].Row != germanyMorning || out[1].Row != germanyAfternoon {
				t.Fatalf("%+v", out)
			}
			for _, d := range out {
				var kinds []Kind
				for _, i := range d.Evidence {
					kinds = append(kinds, i.Kind)
				}
				if d.Calls != c.calls[d.Row] || d.BilledSeconds != c.seconds[d.Row] || !slices.Equal(kinds, c.open[d.Row]) || d.Open != (len(kinds) > 0) || d.Root.IsZero() == d.Open {
					t.Errorf("row %d: %+v; want %d calls, %d s, open %v", d.Row, d, c.calls[d.Row], c.seconds[d.Row], c.open[d.Row])
				}
			}
		})
	}
}

// What the buyer did not deliver of one destination says nothing about another:
// there the seller's calls are held to their share as ever.
func TestALineThatWasNotDeliveredSpeaksForItsDestinationAlone(t *testing.T) {
	in := Input{Sheet: testSheet(t), Lines: []Ref{{Row: france}, {Row: germanyMorning}, {Row: germanyAfternoon}}, Tolerances: DefaultTolerances,
		Seller:             []Delivered{{Ref{Row: france}, []usage.Call{called(1, 60_000, 1, 3330)}}, {Ref{Row: germanyAfternoon}, []usage.Call{called(12*hour, 60_000, 1, 4930)}}},
		DestinationSeconds: map[string]uint64{"Germany": 60, "France": 60}, BuyerMissing: []Ref{{Row: germanyMorning}}}
	out, err := Decide(in)
	if err != nil {
		t.Fatal(err)
	}
	if !out[france].Open || out[germanyAfternoon].Open || out[germanyAfternoon].Calls != 1 {
		t.Fatalf("%+v: want France for people, and the call to Germany charged", out)
	}
	in.BuyerMissing = []Ref{{Row: germanyMorning, Adjusts: usage.Interval{From: 1, To: 2}}}
	if _, err := Decide(in); fault.CodeOf(err) != CodeNotDiffering {
		t.Fatalf("%v: a line was named that does not differ", err)
	}
}

// says is a rule that has one answer for everything.
type says Answer

func (s says) Answer(Case) Answer { return Answer(s) }

func TestWhatIsNoAnswerIsForPeople(t *testing.T) {
	const noon = 12 * hour
	buyer := []Delivered{{Ref{Row: germanyMorning}, []usage.Call{called(1, 60_000, 1, 4930), called(5000, 9000, 2, 4931), called(noon-1, 40_000, 4, 4933)}}}
	seller := []Delivered{{Ref{Row: germanyMorning}, []usage.Call{called(1, 80_000, 1, 4930), called(7000, 7000, 3, 4932)}}, {Ref{Row: germanyAfternoon}, []usage.Call{called(noon+1, 40_000, 4, 4933)}}}
	for _, c := range []struct {
		answer         says
		calls, seconds uint64
		open           int
	}{
		{says(Split), 3, 70 + 5 + 4, 1}, {says(Counter), 0, 0, 4},
		{says(Buyer), 3, 60 + 9 + 40, 0}, {says(Seller), 3, 80 + 7 + 42, 0}, {says(Lower), 1, 60, 1}, {says(None), 0, 0, 0},
		{says(Manual), 0, 0, 4}, {says("nonsense"), 0, 0, 4}, {says(""), 0, 0, 4},
	} {
		out, err := Decide(Input{Sheet: testSheet(t), Lines: []Ref{{Row: germanyMorning}, {Row: germanyAfternoon}}, Buyer: buyer, Seller: seller, Tolerances: DefaultTolerances, Rules: c.answer})
		if err != nil {
			t.Fatal(err)
		}
		calls, seconds, open := uint64(0), uint64(0), 0
		for _, d := range out {
			calls, seconds, open = calls+d.Calls, seconds+d.BilledSeconds, open+len(d.Evidence)
		}
		if calls != c.calls || seconds != c.seconds || open != c.open {
			t.Errorf("%q: %d calls, %d s, %d open; want %d, %d, %d", string(c.answer), calls, seconds, open, c.calls, c.seconds, c.open)
		}
	}
}

// only is a rule that has one answer for a kind of call, and the seller's figure
// for the others.
type only struct {
	kind   Kind
	answer Answer
}

func (o only) Answer(c Case) Answer {
	if c.Kind == o.kind {
		return o.answer
	}
	return Seller
}

// The mean of the two billed seconds counts, and an odd second is charged.
func TestADifferenceIsSplitInHalf(t *testing.T) {
	for _, c := range []struct {
		name          string
		kind          Kind
		buyer, seller []usage.Call
		calls, want   uint64
	}{
		{"both, even", Longer, []usage.Call{called(1, 60_000, 1, 4930)}, []usage.Call{called(1, 80_000, 1, 4930)}, 1, 70},
		{"both, odd", Longer, []usage.Call{called(1, 60_000, 1, 4930)}, []usage.Call{called(1, 61_000, 1, 4930)}, 1, 61},
		{"both, odd, the buyer has more", Longer, []usage.Call{called(1, 61_000, 1, 4930)}, []usage.Call{called(1, 60_000, 1, 4930)}, 1, 61},
		{"only the seller", OnlySeller, nil, []usage.Call{called(1, 61_000, 1, 4930)}, 1, 31},
		{"only the buyer", OnlyBuyer, []usage.Call{called(1, 60_000, 1, 4930)}, nil, 1, 30},
	} {
		out, err := Decide(Input{Sheet: testSheet(t), Lines: []Ref{{Row: germanyMorning}}, Tolerances: DefaultTolerances, Rules: only{c.kind, Split},
			Buyer: []Delivered{{Ref{Row: germanyMorning}, c.buyer}}, Seller: []Delivered{{Ref{Row: germanyMorning}, c.seller}}})
		if err != nil {
			t.Fatal(err)
		}
		sheet := testSheet(t)
		if row := sheet.Row(germanyMorning); row.Billed(61_000) != 61 {
			t.Fatalf("61 s are billed as %d", row.Billed(61_000))
		}
		if d := out[0]; d.Open || d.Calls != c.calls || d.BilledSeconds != c.want {
			t.Errorf("%s: %+v, want %d s", c.name, d, c.want)
		}
	}
}

// What is countered is for people, and the buyer's figures stand beside it, for
// the whole line; one call that the rule leaves to people without a word takes
// the offer away.
func TestACounterOffersTheBuyersFiguresForTheWholeLine(t *testing.T) {
	line := func(calls ...usage.Call) []Delivered { return []Delivered{{Ref{Row: germanyMorning}, calls}} }
	in := Input{Sheet: testSheet(t), Lines: []Ref{{Row: germanyMorning}}, Tolerances: DefaultTolerances,
		Buyer:  line(called(1, 60_000, 1, 4930), called(50_000, 60_000, 2, 4930), called(90_000, 60_000, 3, 4930)),
		Seller: line(called(1, 60_000, 1, 4930), called(50_000, 90_000, 2, 4930), called(95_000, 60_000, 4, 4930))}
	decide := func(r Rules) Decided {
		in.Rules = r
		out, err := Decide(in)
		if err != nil {
			t.Fatal(err)
		}
		return out[0]
	}
	// The equal call, the buyer's 60 s of the second, and the third, which the
	// buyer alone has: the rule charges nothing for it.
	d := decide(only{Longer, Counter})
	if !d.Open || len(d.Evidence) != 1 || d.Calls != 2 || d.BilledSeconds != 120 || d.Counter == nil || *d.Counter != (Figures{3, 180}) {
		t.Errorf("%+v, counter %+v", d, d.Counter)
	}
	if d := decide(says(Counter)); len(d.Evidence) != 3 || d.Counter == nil || *d.Counter != (Figures{3, 180}) {
		t.Errorf("all countered: %+v, counter %+v", d, d.Counter)
	}
	mixed := rulesOf(func(c Case) Answer {
		if c.Kind == Longer {
			return Counter
		}
		return Manual
	})
	if d := decide(mixed); len(d.Evidence) != 3 || d.Counter != nil {
		t.Errorf("with calls that people decide: %+v, counter %+v", d, d.Counter)
	}
}

type rulesOf func(Case) Answer

func (f rulesOf) Answer(c Case) Answer { return f(c) }

// The rule is told where a call went, what it costs and how much went there.
func TestARuleKnowsTheDestinationAndItsRate(t *testing.T) {
	var asked []Case
	in := Input{Sheet: testSheet(t), Lines: []Ref{{Row: germanyMorning}}, Tolerances: DefaultTolerances,
		DestinationCalls: map[string]uint64{"Germany": 7}, DestinationSeconds: map[string]uint64{"Germany": 420},
		Seller: []Delivered{{Ref{Row: germanyMorning}, []usage.Call{called(1, 60_000, 1, 4930)}}},
		Rules:  rulesOf(func(c Case) Answer { asked = append(asked, c); return None })}
	if _, err := Decide(in); err != nil {
		t.Fatal(err)
	}
	row := in.Sheet.Row(germanyMorning)
	want := Case{Line: Ref{Row: germanyMorning}, Kind: OnlySeller, Destination: "Germany", Rate: row.Rate, Currency: row.Currency, UnitSeconds: row.UnitSeconds,
		SellerSeconds: 60, Gap: 60, OnlySellerSeconds: 60, DestinationCalls: 7, DestinationSeconds: 420}
	if len(asked) != 1 || asked[0] != want {
		t.Errorf("asked %+v, want %+v", asked, want)
	}
}

func TestDecisionsDoNotDependOnTheOrderOfDeliveries(t *testing.T) {
	random := rand.New(rand.NewPCG(30, 30))
	s := testSheet(t)
	ours, theirs, _ := randomRecords(random, 300)
	hider := usage.NewHider(make([]byte, 32))
	deliver := func(records []usage.Record) (out []Delivered) {
		for row := range uint32(s.Len()) {
			d := Delivered{Line: Ref{Row: row}}
			for i := range records {
				if got, ok := s.Find(records[i].Destination, records[i].Origin, records[i].Start); ok && got == row {
					d.Calls = append(d.Calls, hider.Call(&records[i]))
				}
			}
			out = append(out, d)
		}
		return out
	}
	in := Input{Sheet: s, Lines: []Ref{{Row: 0}, {Row: 1}, {Row: 2}}, Buyer: deliver(ours), Seller: deliver(theirs),
		DestinationSeconds: map[string]uint64{"Germany": 20_000, "France": 100}, Tolerances: DefaultTolerances}
	decide := func() []byte {
		out, err := Decide(in)
		if err != nil {
			t.Fatal(err)
		}
		return EncodeDecided(out)
	}
	want := decide()
	for range 20 {
		for _, side := range [][]Delivered{in.Buyer, in.Seller} {
			random.Shuffle(len(side), func(i, j int) { side[i], side[j] = side[j], side[i] })
			for _, d := range side {
				random.Shuffle(len(d.Calls), func(i, j int) { d.Calls[i], d.Calls[j] = d.Calls[j], d.Calls[i] })
			}
		}
		random.Shuffle(len(in.Lines), func(i, j int) { in.Lines[i], in.Lines[j] = in.Lines[j], in.Lines[i] })
		if !bytes.Equal(decide(), want) {
			t.Fatal("another order gave another decision")
		}
	}
}

func TestLinesThatDoNotDifferAreNotDecided(t *testing.T) {
	in := Input{Sheet: testSheet(t), Lines: []Ref{{Row: 1}}, Buyer: []Delivered{{Line: Ref{Row: 2}}}}
	if _, err := Decide(in); fault.CodeOf(err) != CodeNotDiffering {
		t.Error(err)
	}
	in = Input{Sheet: testSheet(t), Lines: []Ref{{Row: 3}}}
	if _, err := Decide(in); fault.CodeOf(err) != CodeNotDiffering {
		t.Error(err)
	}
}

func TestEdgesMatchLikeTheNumbersBehindThem(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 40))
	direction := usage.Direction{From: "ALPHA", To: "BRAVO"}
	key := bytes.Repeat([]byte{9}, 32)
	h, other := NewEdgeHasher(key, direction), NewEdgeHasher(key, direction.Back())
	calls := func(n int) (out []usage.Record) {
		for range n {
			out = append(out, usage.Record{Start: random.Int64N(20_000), Duration: 1000 * random.Uint32N(3), Origin: usage.Number(random.Uint64N(3)), Destination: usage.Number(1 + random.Uint64N(2))})
		}
		return out
	}
	for range 300 {
		buyer, seller := calls(random.IntN(8)), calls(random.IntN(8))
		items := func(calls []usage.Record) (out []item, edges []Edge) {
			for i := range calls {
				c := &calls[i]
				out = append(out, item{flow: uint64(c.Destination), origin: uint64(c.Origin), start: c.Start, duration: c.Duration, index: uint32(i)})
				edges = append(edges, h.Edge(c))
			}
			return out, edges
		}
		a, edgesA := items(buyer)
		b, edgesB := items(seller)
		want := 0
		match(a, b, 3000, func(_, _ uint32) { want++ })
		got := MatchEdges(edgesA, edgesB, 3000)
		if len(got) != want {
			t.Fatalf("%d pairs by hash, %d by number", len(got), want)
		}
		for _, p := range got {
			x, y := buyer[p.Ours], seller[p.Theirs]
			if x.Destination != y.Destination || x.Origin != y.Origin && x.Origin != 0 && y.Origin != 0 {
				t.Fatalf("%+v and %+v were paired", x, y)
			}
		}
	}
	c := usage.Record{Start: 1, Duration: 2, Origin: 3, Destination: 4}
	if h.Edge(&c) == other.Edge(&c) {
		t.Error("both directions hash alike")
	}
}

// Where each call has a fee, the causes still add up to the difference of the
// totals: a call that one side lacks moves its fee as well as its seconds.
func TestCausesAddUpWhereCallsHaveAConnectFee(t *testing.T) {
	s, err := rating.NewSheet([]rating.Row{{Destination: "Germany", Prefix: "49", Rate: 35_941_318, Currency: "USD", UnitSeconds: 60,
		IncrementSeconds: 1, ValidTo: rating.Open, ConnectFee: 1_234_567}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	call := func(at int64, duration uint32) usage.Record {
		return usage.Record{Start: at, Duration: duration, Origin: 1, Destination: 4930}
	}
	ours := rated(t, s, "1h", []usage.Record{call(0, 5000), call(20_000, 7000), call(40_000, 3000)}, []usage.Record{call(0, 5000)})
	theirs := rated(t, s, "1h", []usage.Record{call(0, 5000), call(20_000, 9000), call(60_000, 0), call(80_000, 61_000)}, nil)
	res, err := Compare(ours, theirs, Tolerances{StartMillis: 3000})
	if err != nil {
		t.Fatal(err)
	}
	var sum money.Micro
	for _, d := range res.Differences {
		if d.Cause != Duplicate {
			sum += d.Amount
		}
	}
	if len(res.Totals) != 1 || sum != res.Totals[0].Theirs-res.Totals[0].Ours || sum == 0 {
		t.Errorf("the causes %+v come to %s, the totals to %+v", res.Differences, sum, res.Totals)
	}
	// The repeated call would have cost 5 s and a fee: 0.002995 + 0.001235,
	// less what rounding the line once makes of it.
	for _, d := range res.Differences {
		if d.Cause == Duplicate && (d.Amount > -4_228 || d.Amount < -4_231) {
			t.Errorf("the repeated call would have added %s", d.Amount)
		}
	}
}

// A call that the rule settles at no billed second is on no line where each
// call on one has a fee.
func TestACallSettledAtNothingHasNoConnectFee(t *testing.T) {
	plain := rating.Row{Destination: "Germany", Prefix: "49", Rate: 1e9, Currency: "USD", UnitSeconds: 60, IncrementSeconds: 1, ValidTo: 12 * hour}
	dear := plain
	dear.ValidFrom, dear.ValidTo, dear.ConnectFee = 12*hour, rating.Open, 5
	for fee, want := range map[money.Rate]uint64{0: 1, 5: 0} {
		dear.ConnectFee = fee
		s, err := rating.NewSheet([]rating.Row{plain, dear}, nil)
		if err != nil {
			t.Fatal(err)
		}
		call := func(at int64, duration uint32) []usage.Call {
			return []usage.Call{{Start: at, Duration: duration, Origin: 1, Destination: 4930}}
		}
		out, err := Decide(Input{Sheet: s, Lines: []Ref{{Row: 0}, {Row: 1}}, Tolerances: Tolerances{StartMillis: 3000},
			Buyer: []Delivered{{Ref{Row: 0}, call(12*hour-100, 0)}}, Seller: []Delivered{{Ref{Row: 1}, call(12*hour+100, 5000)}}})
		if err != nil || len(out) != 2 || out[1].Open || out[1].Calls != want || out[1].BilledSeconds != 0 {
			t.Errorf("with a fee of %s: %+v, %v; want %d calls", fee, out, err, want)
		}
	}
}
