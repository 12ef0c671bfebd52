package catalog

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

func TestAnInquiryFindsWhatAnswersIt(t *testing.T) {
	c, _ := stocked(t)
	access := Offering{ID: "access", Name: "Internet", Specification: "internet", Prices: []rating.Price{monthly("port", "100")}, Bandwidth: Range{Min: 1e6, Max: 1e9},
		Coverage: Coverage{Countries: []string{"IT"}, Circles: []Circle{{"HKHKG", 60_000}}, Places: []string{"CHZRH"}}, Latency: 5000, Availability: 999_000}
	put(t, c, access)
	launch(t, c, "access")
	toBravo := line("to-bravo", "HKHKG", "SGSIN", "hk-mil")
	toBravo.Legs[0].Z = End{Place: "SGSIN", Neighbour: "BRAVO", Interface: "enni-7"}
	put(t, c, toBravo)
	launch(t, c, "to-bravo")
	around := line("around", "SGSIN", "JPTYO", "hk-mil")
	around.Legs[0].A.Radius = 40_000 // Johor Bahru lies across the strait
	put(t, c, around)
	launch(t, c, "around")
	put(t, c, line("in-test", "HKHKG", "ITMIL", "hk-mil"))

	hk, mil := Spot{Place: "HKHKG"}, Spot{Place: "ITMIL"}
	span := func(in Inquiry) Inquiry { in.From, in.To = Time(now+hour), Time(now+3*hour); return in }
	euros := func(micro money.Micro) *money.Amount { return &money.Amount{Currency: "EUR", Micro: micro} }
	for _, k := range []struct {
		name string
		in   Inquiry
		want string // offerings, or the field that keeps the only one from it
	}{
		{"there", span(Inquiry{A: hk, Z: mil, Bandwidth: 1e8}), "hk-mil"},
		{"back", span(Inquiry{A: mil, Z: hk, Bandwidth: 1e8}), "hk-mil"},
		{"as a line", span(Inquiry{Type: TypeELine, A: hk, Z: mil}), "hk-mil"},
		{"as something else", span(Inquiry{Type: TypeIPVPN, A: hk, Z: mil}), "!type"},
		{"fast", span(Inquiry{A: hk, Z: mil, Latency: 150_000}), "hk-mil"},
		{"faster", span(Inquiry{A: hk, Z: mil, Latency: 149_999}), "!latency"},
		{"sure", span(Inquiry{A: hk, Z: mil, Availability: 999_900}), "hk-mil"},
		{"surer", span(Inquiry{A: hk, Z: mil, Availability: 999_901}), "!availability"},
		{"much", span(Inquiry{A: hk, Z: mil, Bandwidth: 1e9}), "hk-mil"},
		{"more than the link has", span(Inquiry{A: hk, Z: mil, Bandwidth: 2e9}), "!bandwidth"},
		{"cheap", span(Inquiry{A: hk, Z: mil, Bandwidth: 1e8, Ceiling: euros(2_000_000)}), "hk-mil"},
		{"cheaper", span(Inquiry{A: hk, Z: mil, Bandwidth: 1e8, Ceiling: euros(1_999_999)}), "!ceiling"},
		{"in dollars", span(Inquiry{A: hk, Z: mil, Ceiling: &money.Amount{Currency: "USD", Micro: 1e12}}), "!ceiling"},
		{"for ever", Inquiry{A: hk, Z: mil}, "hk-mil"},
		{"another pair", span(Inquiry{A: hk, Z: Spot{Place: "FRPAR"}}), ""},
		{"in the country", span(Inquiry{A: Spot{Place: "ITROM"}}), "access"},
		{"in the circle", span(Inquiry{A: Spot{Place: "CNSZX"}}), "access"},
		{"outside of it", span(Inquiry{A: Spot{Place: "CNCAN"}}), ""},
		{"at the place", span(Inquiry{A: Spot{Place: "CHZRH"}, Type: TypeInternetAccess}), "access"},
		{"to a neighbour", span(Inquiry{A: hk, Z: Spot{Neighbour: "BRAVO"}}), "to-bravo"},
		{"to a neighbour there", span(Inquiry{A: hk, Z: Spot{Place: "SGSIN", Neighbour: "BRAVO"}}), "to-bravo"},
		{"to a neighbour elsewhere", span(Inquiry{A: hk, Z: Spot{Place: "JPTYO", Neighbour: "BRAVO"}}), ""},
		{"to any neighbour", span(Inquiry{A: hk, Z: Spot{Neighbour: "*"}}), "to-bravo"},
		{"from any neighbour", span(Inquiry{A: Spot{Neighbour: "*"}, Z: hk}), "to-bravo"},
		{"to another neighbour", span(Inquiry{A: hk, Z: Spot{Neighbour: "CHARLIE"}}), ""},
		{"to a customer where the eNNI is", span(Inquiry{A: hk, Z: Spot{Place: "SGSIN"}}), ""},
		{"across the strait", span(Inquiry{A: Spot{Place: "MYJHB"}, Z: Spot{Place: "JPTYO"}}), "around"},
		{"across it, turned", span(Inquiry{A: Spot{Place: "JPTYO"}, Z: Spot{Place: "MYJHB"}}), "around"},
		{"too far across", span(Inquiry{A: Spot{Place: "MYKUL"}, Z: Spot{Place: "JPTYO"}}), ""},
	} {
		f, err := c.Search(k.in, 0, now)
		var got []string
		for _, m := range f.Matches {
			got = append(got, m.Answer.Offering)
		}
		if field, no := strings.CutPrefix(k.want, "!"); no {
			if err != nil || len(got) > 0 || f.Passed[field] != 1 {
				t.Errorf("%s: %v, %v, %v, want none for %s", k.name, got, f.Passed, err, field)
			}
		} else if err != nil || strings.Join(got, ",") != k.want {
			t.Errorf("%s: %v, %v, %v, want %s", k.name, got, f.Passed, err, k.want)
		}
	}
	f := must(c.Search(span(Inquiry{A: mil, Z: hk, Bandwidth: 99_500_000}), 0, now))
	a := f.Matches[0].Answer
	if a.Bandwidth != 1e8 || a.Cost.Total.Micro != 2_000_000 || a.Metres < 9_300_000 || a.A != mil || a.Z != hk || f.Matches[0].Free != 1e9 {
		t.Errorf("%+v", f.Matches[0])
	}
	if e := must(c.Search(span(Inquiry{A: hk, Z: Spot{Neighbour: "*"}}), 0, now)).Matches[0]; e.Interface != "enni-7" || e.Answer.Z != (Spot{"SGSIN", "BRAVO"}) {
		t.Errorf("%+v", e)
	}
	if e := c.ENNIs(); len(e) != 1 || e[0] != (End{Place: "SGSIN", Neighbour: "BRAVO", Interface: "enni-7"}) {
		t.Errorf("%+v", e)
	}
	for name, in := range map[string]Inquiry{"a": {}, "z.place": {A: Spot{Neighbour: "B"}, Z: Spot{Neighbour: "C"}}, "a.place": {A: Spot{Place: "X"}},
		"to": {A: hk, From: 5, To: 4}, "type": {A: hk, Type: "e-line"}, "availability": {A: hk, Availability: 1e6 + 1}} {
		_, err := c.Search(in, 0, now)
		if f := fault.Of(err); f == nil || f.Field != name {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAWindowHoldsForAllOfTheTime(t *testing.T) {
	c, _ := stocked(t)
	o := must(Get[Offering](c, "hk-mil")).Item
	var nights Band
	if err := nights.UnmarshalText([]byte("mon-sun 20:00-06:00 Europe/Rome")); err != nil {
		t.Fatal(err)
	}
	o.Windows = []Window{{From: Time(at("2026-11-01T00:00:00Z")), To: Time(at("2027-01-01T00:00:00Z")), Bands: []Band{nights}},
		{From: Time(at("2027-06-01T00:00:00Z"))}}
	o.Term = Term{Min: 1800, Lead: 3600}
	put(t, c, o)
	for span, want := range map[string]string{
		"2026-11-26T19:00:00Z/2026-11-26T21:00:00Z": "",        // 20 to 22 in Rome
		"2026-11-26T18:59:59Z/2026-11-26T21:00:00Z": "windows", // a second too early
		"2026-11-26T19:00:00Z/2026-11-27T05:00:00Z": "",        // the whole night
		"2026-11-26T19:00:00Z/2026-11-27T05:00:01Z": "windows",
		"2026-12-31T23:00:00Z/2027-01-01T00:00:01Z": "windows", // over the end of the window
		"2027-06-01T00:00:00Z/2028-06-01T00:00:00Z": "",
		"2026-11-26T19:00:00Z/2026-11-26T19:20:00Z": "term",
		"2026-11-26T12:59:59Z/2026-11-26T21:00:00Z": "from", // the lead time is not over
	} {
		var i usage.Interval
		if err := i.UnmarshalText([]byte(span)); err != nil {
			t.Fatal(err)
		}
		f := must(c.Search(Inquiry{A: Spot{Place: "HKHKG"}, Z: Spot{Place: "ITMIL"}, From: Time(i.From), To: Time(i.To)}, 0, now))
		if (len(f.Matches) == 1) != (want == "") || want != "" && f.Passed[want] != 1 {
			t.Errorf("%s: %d found, passed %v, want %q", span, len(f.Matches), f.Passed, want)
		}
	}
	always := Window{Bands: []Band{{Days: usage.Everyday, From: 0, To: 1440}}}
	if !always.covers(now, 0) {
		t.Error("every day from 0 to 24 is not always")
	}
}

// What a buyer gets to see is an Answer, and an Answer has no place for what is
// private: the margin, the parts of a bundle, links, free capacity, the eNNI.
func TestAnAnswerShowsNothingPrivate(t *testing.T) {
	c, _ := stocked(t)
	b := line("bundle", "HKHKG", "ITMIL", "hk-mil")
	b.Prices = nil
	b.Description = "SECRET description"
	b.Categories = []string{"SECRET"}
	put(t, c, Link{ID: "SECRET-link", Name: "SECRET", Bandwidth: 123456789012})
	b.Legs[0].Links = append(b.Legs[0].Links, "SECRET-link")
	b.Legs[0].Z = End{Place: "ITMIL", Neighbour: "BRAVO", Interface: "SECRET-face"}
	b.Parts = []Part{{Offering: "hk-mil", Margin: Margin{77_777}}, {Quote: &Quoted{Seller: "SECRET-carrier", ID: "SECRET-quote", Prices: []rating.Price{monthly("port", "7")}}, Margin: Margin{77_777}}}
	put(t, c, b)
	launch(t, c, "bundle")
	f := must(c.Search(Inquiry{A: Spot{Place: "HKHKG"}, Z: Spot{Neighbour: "BRAVO"}, Bandwidth: 1e6}, 0, now))
	if len(f.Matches) != 1 || len(f.Matches[0].Parts) != 2 || f.Matches[0].Links[1] != "SECRET-link" {
		t.Fatalf("%+v", f)
	}
	text := string(must(json.Marshal(f.Matches[0].Answer)))
	for _, word := range []string{"SECRET", "123456789012", "margin", "parts", "links", "free", "interface"} {
		if strings.Contains(text, word) {
			t.Errorf("an answer shows %s: %s", word, text)
		}
	}
	var names []string
	var walk func(t reflect.Type)
	seen := map[reflect.Type]bool{}
	walk = func(x reflect.Type) {
		for x.Kind() == reflect.Pointer || x.Kind() == reflect.Slice {
			x = x.Elem()
		}
		if x.Kind() != reflect.Struct || seen[x] {
			return
		}
		seen[x] = true
		for i := range x.NumField() {
			names = append(names, x.Field(i).Name)
			walk(x.Field(i).Type)
		}
	}
	walk(reflect.TypeFor[Answer]())
	for _, private := range []string{"Margin", "Parts", "Links", "Free", "Interface", "Description", "Categories", "Seller"} {
		if slices.Contains(names, private) {
			t.Errorf("an answer has a field %s", private)
		}
	}
}

func TestABuyerSeesWhatItIsPromised(t *testing.T) {
	c, _ := stocked(t)
	o := line("sure", "HKHKG", "ITMIL", "hk-mil")
	o.Term.Early, o.Guarantees = 250_000, promises()
	put(t, c, o)
	launch(t, c, "sure")
	a := must(c.Answer("sure", Inquiry{A: Spot{Place: "HKHKG"}, Z: Spot{Place: "ITMIL"}}, now))
	if a.Early != 250_000 || !reflect.DeepEqual(a.Guarantees, promises()) {
		t.Errorf("%+v", a)
	}
	if a := must(c.Answer("hk-mil", Inquiry{A: Spot{Place: "HKHKG"}, Z: Spot{Place: "ITMIL"}}, now)); a.Early != 0 || a.Guarantees != nil {
		t.Errorf("nothing was promised: %+v", a)
	}
}

func TestAnEstimateIsTheChargesOfTheSpan(t *testing.T) {
	day := 24 * hour
	from := at("2026-11-01T00:00:00Z")
	setup := rating.Price{Name: "set-up", Kind: rating.OneTime, Currency: "EUR", Rate: 50e9, Unit: 1, Event: rating.OnActivation}
	end := setup
	end.Name, end.Event = "removal", rating.OnEnd
	committed := rating.Price{Name: "traffic", Kind: rating.Data, Currency: "EUR", Rate: 1e9, Unit: 1e9, Period: usage.Cycle{Length: "1mo"}, Commitment: 30e9}
	byMetre := rating.Price{Name: "length", Kind: rating.Distance, Currency: "EUR", Rate: 1e9, Unit: 1000, Period: usage.Cycle{Length: "1mo"}}
	byTime := rating.Price{Name: "time", Kind: rating.Time, Currency: "EUR", Rate: 36e9, Unit: 3600, Minimum: 7200, Increment: 3600}
	for _, c := range []struct {
		name   string
		prices []rating.Price
		to     int64
		want   money.Micro
	}{
		{"half a month", []rating.Price{monthly("port", "300")}, from + 15*day, 150e6},
		{"without an end, its first month", []rating.Price{monthly("port", "300")}, 0, 300e6},
		{"two months", []rating.Price{monthly("port", "300")}, at("2027-01-01T00:00:00Z"), 600e6},
		{"once", []rating.Price{setup, end}, from + day, 100e6},
		{"once, without an end", []rating.Price{setup, end}, 0, 50e6},
		{"a commitment of a part of the month", []rating.Price{committed}, from + 10*day, 10e6},
		{"length", []rating.Price{byMetre}, 0, 9e6},
		{"the least time", []rating.Price{byTime}, from + hour, 72e6},
		{"a begun hour", []rating.Price{byTime}, from + 5*hour/2, 108e6},
		{"bandwidth", []rating.Price{hourly("0.01")}, from + 2*hour, 2e6},
		{"all", []rating.Price{monthly("port", "300"), setup, hourly("0.01")}, from + 15*day, 150e6 + 50e6 + 360e6},
	} {
		cost, err := Estimate(c.prices, 1e8, 9000, from, c.to)
		if err != nil || cost.Total.Micro != c.want {
			t.Errorf("%s: %s, %v, want %s", c.name, cost.Total.Micro, err, c.want)
		}
		sum := money.Micro(0)
		for _, x := range cost.Charges {
			sum += x.Amount.Micro
		}
		if sum != cost.Total.Micro {
			t.Errorf("%s: the charges are %s", c.name, sum)
		}
	}
	if cost := must(Estimate([]rating.Price{committed}, 0, 0, from, 0)); len(cost.ByUse) != 1 {
		t.Errorf("%+v", cost)
	}
	minutely := monthly("x", "1")
	minutely.Kind, minutely.Unit, minutely.Period = rating.Time, 1, usage.Cycle{Length: "1m"}
	if _, err := Estimate([]rating.Price{minutely}, 1, 1, from, from+400*day); fault.CodeOf(err) != rating.CodeTooMuch {
		t.Errorf("a charge for each of half a million minutes: %v", err)
	}
}

// The index finds what looking at every offering finds.
func TestTheIndexFindsWhatLookingAtAllFinds(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	c, _ := stocked(t)
	all := BuiltIn().All()
	some := all[:60]
	spot := func() string { return some[random.IntN(len(some))].ID }
	for i := range 300 {
		o := Offering{ID: fmt.Sprint("o", i), Name: "x", Specification: "e-line", Prices: []rating.Price{monthly("port", "1")}}
		for range random.IntN(3) {
			l := Leg{A: End{Place: spot()}, Z: End{Place: spot()}}
			if random.IntN(3) == 0 {
				l.A.Radius = uint64(random.IntN(3_000_000))
			}
			if random.IntN(3) == 0 {
				l.Z.Neighbour = "BRAVO"
			}
			o.Legs = append(o.Legs, l)
		}
		if random.IntN(2) == 0 {
			o.Coverage.Circles = []Circle{{spot(), uint64(1 + random.IntN(9_000_000))}}
		}
		if random.IntN(4) == 0 {
			o.Coverage.Countries = []string{some[random.IntN(len(some))].Country}
		}
		put(t, c, o)
		launch(t, c, o.ID)
		if i%3 == 0 && len(o.Legs) > 0 { // changed, so that an old version is taken out
			o.Legs = o.Legs[1:]
			put(t, c, o)
		}
	}
	places := c.Places()
	found := 0
	for range 300 {
		in := Inquiry{A: Spot{Place: spot()}}
		switch random.IntN(4) {
		case 0, 1:
			in.Z = Spot{Place: spot()}
		case 2:
			in.Z = Spot{Neighbour: "*"}
		}
		var want []string
		for _, e := range List[Offering](c) {
			n := 0
			here, _ := places.Get(in.A.Place)
			if in.Z == (Spot{}) {
				hit := slices.Contains(e.Item.Coverage.Countries, here.Country)
				for _, k := range e.Item.Coverage.Circles {
					centre, _ := places.Get(k.Place)
					hit = hit || Distance(centre, here) <= k.Radius
				}
				if hit {
					n = 1
				}
			} else {
				for _, l := range e.Item.Legs {
					if c.index.meets(l.A, in.A) && c.index.meets(l.Z, in.Z) || c.index.meets(l.Z, in.A) && c.index.meets(l.A, in.Z) {
						n++
					}
				}
			}
			for range n {
				want = append(want, e.Item.ID)
			}
		}
		var got []string
		for _, m := range must(c.Search(in, maxMatches, now)).Matches {
			if m.Answer.Offering != "hk-mil" {
				got = append(got, m.Answer.Offering)
			}
		}
		want = slices.DeleteFunc(want, func(id string) bool { return id == "hk-mil" })
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("%+v: found %v, want %v", in, got, want)
		}
		found += len(got)
	}
	if found < 300 {
		t.Errorf("only %d found", found)
	}
}

// BenchmarkSearch is one search among 100,000 offerings.
func BenchmarkSearch(b *testing.B) {
	db := must(store.Open(b.TempDir(), store.Options{Memory: true}))
	defer db.Close()
	c := must(Open(db.Node(), nil, nil))
	put(b, c, Specification{ID: "e-line", Name: "Ethernet line", Type: TypeELine})
	tx := c.begin("pm", now)
	all := BuiltIn().All()
	random := rand.New(rand.NewPCG(1, 2))
	for i := range 100_000 {
		o := line(fmt.Sprint("o", i), all[random.IntN(len(all))].ID, all[random.IntN(len(all))].ID, "")
		o.Legs[0].Links = nil
		if i%10 == 0 {
			o.Coverage.Countries = []string{all[random.IntN(len(all))].Country}
		}
		if _, err := tx.put(&o); err != nil {
			b.Fatal(err)
		}
		if err := tx.step(KindOffering, o.ID, Launch, ""); err != nil {
			b.Fatal(err)
		}
	}
	if err := tx.commit(); err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	found := 0
	for b.Loop() {
		in := Inquiry{A: Spot{Place: all[random.IntN(len(all))].ID}, Bandwidth: 1e8, From: Time(now + hour), To: Time(now + 3*hour)}
		if random.IntN(4) > 0 {
			in.Z = Spot{Place: all[random.IntN(len(all))].ID}
		}
		f, err := c.Search(in, 0, now)
		if err != nil {
			b.Fatal(err)
		}
		found += len(f.Matches)
	}
	b.ReportMetric(float64(found)/float64(b.N), "found/op")
}

func TestWhereNothingAnswersWhatIsSoldNearbyIsTold(t *testing.T) {
	c, _ := stocked(t)
	toBravo := line("to-bravo", "HKHKG", "SGSIN", "hk-mil")
	toBravo.Legs[0].Z = End{Place: "SGSIN", Neighbour: "BRAVO", Interface: "enni-7"}
	put(t, c, toBravo)
	launch(t, c, "to-bravo")
	put(t, c, line("in-test", "FRPAR", "ITMIL", "hk-mil"))
	f, err := c.Search(Inquiry{A: Spot{Place: "CNSZX"}, Z: Spot{Place: "SGSIN"}}, 0, now)
	if err != nil || len(f.Matches) != 0 {
		t.Fatal(f, err)
	}
	var near []string
	for _, n := range f.Near {
		near = append(near, fmt.Sprint(n.For, " ", n.Spot.Place, " ", n.Spot.Neighbour, " ", n.Offerings, " ", n.Metres < 100_000))
	}
	want := []string{"a HKHKG  2 true", "a SGSIN BRAVO 1 false", "a ITMIL  1 false", "z SGSIN BRAVO 1 true", "z HKHKG  2 false", "z ITMIL  1 false"}
	if !slices.Equal(near, want) {
		t.Errorf("%q, not %q", near, want)
	}
	if f, err = c.Search(Inquiry{A: Spot{Place: "CNSZX"}, Z: Spot{Place: "SGSIN"}, Type: TypeIPVPN}, 0, now); err != nil || len(f.Near) != 0 {
		t.Error(f, err)
	}
}
