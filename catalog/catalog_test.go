package catalog

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

var update = flag.Bool("update", false, "draw the diagrams anew")

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// at reads a moment.
func at(text string) int64 {
	var t Time
	if err := t.UnmarshalText([]byte(text)); err != nil {
		panic(err)
	}
	return int64(t)
}

var (
	now  = at("2026-11-26T12:00:00Z")
	hour = int64(3600_000)
)

func open(t testing.TB) (*Catalog, *store.DB) {
	t.Helper()
	db := must(store.Open(t.TempDir(), store.Options{Memory: true}))
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return must(Open(db.Node(), nil, nil)), db
}

// hourly is a price by use: EUR for each Mbit/s and hour.
func hourly(rate string) rating.Price {
	var p rating.Price
	p.Name, p.Kind, p.Currency, p.Unit = "capacity", rating.Bandwidth, "EUR", 1_000_000*3600
	if err := p.Rate.UnmarshalText([]byte(rate)); err != nil {
		panic(err)
	}
	return p
}

func monthly(name, rate string) rating.Price {
	p := rating.Price{Name: name, Kind: rating.Recurring, Currency: "EUR", Unit: 1, Period: usage.Cycle{Length: "1mo"}}
	if err := p.Rate.UnmarshalText([]byte(rate)); err != nil {
		panic(err)
	}
	return p
}

// line is an offering of Ethernet between two places over one link.
func line(id, a, z, link string) Offering {
	return Offering{ID: id, Name: "Ethernet " + id, Specification: "e-line", Prices: []rating.Price{hourly("0.01")},
		Bandwidth: Range{Min: 1e6, Max: 10e9, Step: 1e6},
		Legs:      []Leg{{A: End{Place: a}, Z: End{Place: z}, Links: []string{link}, Latency: 150_000, Availability: 999_900}}}
}

// promises are guarantees of availability and latency, as the file of the tests
// has them.
func promises() []rating.Guarantee {
	return []rating.Guarantee{
		{Metric: rating.Availability, Tiers: []rating.Miss{{Beyond: 999_000, Share: 100_000}, {Beyond: 990_000, Share: 500_000}}, Cap: 250_000},
		{Metric: rating.Latency, Tiers: []rating.Miss{{Beyond: 185_000, Share: 50_000}}, Cap: 100_000},
	}
}

// stocked is a catalogue with a line from Hong Kong to Milan, of 1 Gbit/s.
func stocked(t testing.TB) (*Catalog, *store.DB) {
	c, db := open(t)
	put(t, c, Specification{ID: "e-line", Name: "Ethernet line", Type: TypeELine})
	put(t, c, Specification{ID: "internet", Name: "Internet access", Type: TypeInternetAccess})
	put(t, c, Link{ID: "hk-mil", Bandwidth: 1e9})
	put(t, c, line("hk-mil", "HKHKG", "ITMIL", "hk-mil"))
	launch(t, c, "hk-mil")
	return c, db
}

func put[T Item](t testing.TB, c *Catalog, item T) Entry[T] {
	t.Helper()
	e, _, err := Put(c, item, "pm", now)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func launch(t testing.TB, c *Catalog, id string) {
	t.Helper()
	if _, err := Step[Offering](c, id, Launch, "", "pm", now); err != nil {
		t.Fatal(err)
	}
}

// refused wants an error with a code in a field.
func refused(t testing.TB, what string, err error, code fault.Code, field string) {
	t.Helper()
	f := fault.Of(err)
	if f == nil || f.Code != code || f.Field != field || f.Remedy == "" {
		t.Errorf("%s: %v, want %s in %q with a remedy", what, err, code, field)
	}
}

func TestAChangeIsANewVersionAndTheOldOnesStay(t *testing.T) {
	c, db := stocked(t)
	o := must(Get[Offering](c, "hk-mil"))
	if o.Version != 1 || o.State != Launched || len(o.Moves) != 2 {
		t.Fatalf("%+v", o)
	}
	if _, changed, err := Put(c, o.Item, "pm", now); err != nil || changed {
		t.Errorf("the same content again: changed %v, %v", changed, err)
	}
	next := o.Item
	next.Name, next.Prices = "Ethernet Hong Kong to Milan", []rating.Price{hourly("0.02")}
	if e, changed, err := Put(c, next, "pm", now+1); err != nil || !changed || e.Version != 2 || e.State != Launched {
		t.Fatalf("%+v, %v", e, err)
	}
	for _, c := range []*Catalog{c, must(Open(db.Node(), nil, nil))} {
		h := must(History[Offering](c, "hk-mil"))
		if len(h) != 2 || h[0].InForce || !h[1].InForce || h[0].Item.Name != "Ethernet hk-mil" || h[1].At != Time(now+1) || h[1].By != "pm" {
			t.Fatalf("%+v", h)
		}
		want := []Change{{"name", `"Ethernet hk-mil"`, `"Ethernet Hong Kong to Milan"`}, {"prices.0.rate", `"0.010000000"`, `"0.020000000"`}}
		if !slices.Equal(h[1].Changes, want) {
			t.Errorf("changes %+v, want %+v", h[1].Changes, want)
		}
		if old := must(At[Offering](c, "hk-mil", 1)); old.Prices[0].Rate != o.Item.Prices[0].Rate {
			t.Errorf("version 1 is now %+v", old)
		}
	}
	_, err := At[Offering](c, "hk-mil", 3)
	refused(t, "a version that is not there", err, fault.NotFound, "")
}

func TestAnOfferingLivesAsItsTableSays(t *testing.T) {
	for _, s := range []State{InTest, Active, Launched, OnHold, EndOfSale, EndOfSupport, Rejected, Obsolete} {
		for _, e := range []Event{Announce, Launch, Reject, PutOnHold, EndSale, EndSupport, Retire} {
			c, _ := stocked(t)
			put(t, c, line("x", "HKHKG", "ITMIL", "hk-mil"))
			path, ok := way(InTest, s)
			if !ok {
				t.Fatalf("nothing leads to %s", s)
			}
			for _, e := range path {
				must(Step[Offering](c, "x", e, "", "pm", now))
			}
			want, allowed := Transitions[s][e]
			got, err := Step[Offering](c, "x", e, "why", "pm", now)
			if allowed != (err == nil) || allowed && got.State != want {
				t.Errorf("%s in %s: %s, %v", e, s, got.State, err)
			}
			if !allowed {
				refused(t, string(e), err, CodeNoMove, "")
			}
			changed := line("x", "HKHKG", "ITMIL", "hk-mil")
			changed.Name = "another"
			now := must(Get[Offering](c, "x"))
			if _, _, err := Put(c, changed, "pm", 0); (err == nil) != now.State.Changeable() {
				t.Errorf("a new version in %s: %v", now.State, err)
			}
		}
	}
}

func TestASpecificationIsRetiredBehindItsOfferings(t *testing.T) {
	c, _ := stocked(t)
	_, err := Step[Specification](c, "e-line", Retire, "", "pm", now)
	refused(t, "with an offering", err, fault.Conflict, "")
	for _, e := range []Event{EndSale, EndSupport, Retire} {
		must(Step[Offering](c, "hk-mil", e, "", "pm", now))
	}
	if s, err := Step[Specification](c, "e-line", Retire, "", "pm", now); err != nil || s.State != Obsolete {
		t.Errorf("%+v, %v", s, err)
	}
	_, _, err = Put(c, line("new", "HKHKG", "ITMIL", "hk-mil"), "pm", now)
	refused(t, "an offering of it", err, fault.Refused, "specification")
}

func TestWhatAnItemNamesMustBeThere(t *testing.T) {
	c, _ := stocked(t)
	good := line("x", "HKHKG", "ITMIL", "hk-mil")
	for _, k := range []struct {
		name   string
		change func(*Offering)
		code   fault.Code
		field  string
	}{
		{"id", func(o *Offering) { o.ID = "a b" }, fault.Invalid, "id"},
		{"no name", func(o *Offering) { o.Name = "" }, fault.Invalid, "name"},
		{"specification", func(o *Offering) { o.Specification = "nothing" }, fault.NotFound, "specification"},
		{"place", func(o *Offering) { o.Legs[0].Z.Place = "ATLANTIS" }, fault.NotFound, "legs.0.z.place"},
		{"link", func(o *Offering) { o.Legs[0].Links = []string{"hk-mil", "cable"} }, fault.NotFound, "legs.0.links.1"},
		{"a link twice", func(o *Offering) { o.Legs[0].Links = []string{"hk-mil", "hk-mil"} }, fault.Invalid, "legs.0.links.1"},
		{"coverage", func(o *Offering) { o.Coverage.Places = []string{"HKHKG", "X"} }, fault.NotFound, "coverage.places.1"},
		{"country", func(o *Offering) { o.Coverage.Countries = []string{"it"} }, fault.Invalid, "coverage.countries.0"},
		{"circle", func(o *Offering) { o.Coverage.Circles = []Circle{{"X", 1}} }, fault.NotFound, "coverage.circles.0.place"},
		{"no radius", func(o *Offering) { o.Coverage.Circles = []Circle{{"ITMIL", 0}} }, fault.Invalid, "coverage.circles.0.radius"},
		{"part", func(o *Offering) { o.Parts = []Part{{Offering: "y"}} }, fault.NotFound, "parts.0.offering"},
		{"itself", func(o *Offering) { o.Parts = []Part{{Offering: "x"}} }, fault.Invalid, "parts.0.offering"},
		{"part's version", func(o *Offering) { o.Parts = []Part{{Offering: "hk-mil", Version: 9}} }, fault.NotFound, "parts.0.version"},
		{"price", func(o *Offering) { o.Prices[0].Unit = 0 }, rating.CodeBadPrice, "prices.0.unit"},
		{"currencies", func(o *Offering) { p := monthly("port", "1"); p.Currency = "USD"; o.Prices = append(o.Prices, p) }, "currency-mismatch", "prices.1.currency"},
		{"no price", func(o *Offering) { o.Prices = nil }, fault.Invalid, "prices"},
		{"bandwidth", func(o *Offering) { o.Bandwidth.Max = 1 }, fault.Invalid, "bandwidth"},
		{"early end", func(o *Offering) { o.Term.Early = 1e6 + 1 }, fault.Invalid, "term.early"},
		{"guarantee", func(o *Offering) { o.Guarantees = promises(); o.Guarantees[1].Metric = "beauty" }, rating.CodeBadGuarantee, "guarantees.1.metric"},
		{"a guarantee twice", func(o *Offering) { o.Guarantees = append(promises(), promises()[0]) }, fault.Invalid, "guarantees.2"},
		{"window", func(o *Offering) { o.Windows = []Window{{From: 5, To: 5}} }, fault.Invalid, "windows.0.to"},
		{"band", func(o *Offering) { o.Windows = []Window{{Bands: []Band{{Days: 1, To: 60, Zone: "Mars"}}}} }, usage.CodeUnknownZone, "windows.0.bands.0.zone"},
		{"availability", func(o *Offering) { o.Legs[0].Availability = 1e6 + 1 }, fault.Invalid, "legs.0.availability"},
		{"eNNI without neighbour", func(o *Offering) { o.Legs[0].A.Interface = "e1" }, fault.Invalid, "legs.0.a.neighbour"},
	} {
		o := good
		o.Prices, o.Legs = slices.Clone(good.Prices), slices.Clone(good.Legs)
		k.change(&o)
		_, _, err := Put(c, o, "pm", now)
		refused(t, k.name, err, k.code, k.field)
	}
	_, _, err := Put(c, Specification{ID: "s", Name: "s", Type: "urn:nobody:knows"}, "pm", now)
	refused(t, "a type without schema", err, CodeUnknownType, "type")
	_, _, err = Put(c, Link{ID: "l"}, "pm", now)
	refused(t, "a link without bandwidth", err, fault.Invalid, "bandwidth")
	if _, err := Get[Offering](c, "x"); err == nil {
		t.Error("something of a refused offering stands")
	}
}

func TestABundleCostsItsPartsWithTheirMargins(t *testing.T) {
	c, _ := stocked(t)
	b := Offering{ID: "bundle", Name: "Branch", Specification: "e-line", Bandwidth: Range{Min: 1e6, Max: 1e9},
		Legs: []Leg{{A: End{Place: "HKHKG"}, Z: End{Place: "ITMIL"}, Latency: 1, Availability: 999_000}},
		Parts: []Part{{Offering: "hk-mil", Version: 1, Margin: Margin{100_000}},
			{Quote: &Quoted{Seller: "BRAVO", ID: "Q-1", Until: Time(now + hour), Prices: []rating.Price{hourly("1")}}, Margin: Margin{250_000}}}}
	put(t, c, b)
	launch(t, c, "bundle")
	in := Inquiry{A: Spot{Place: "HKHKG"}, Z: Spot{Place: "ITMIL"}, Bandwidth: 1e6, Availability: 1, From: Time(now), To: Time(now + 2*hour), Latency: 1000}
	find := func(now int64) Found { return must(c.Search(in, 0, now)) }
	got := find(now)
	if len(got.Matches) != 1 {
		t.Fatalf("%+v", got)
	}
	m := got.Matches[0]
	// 2 h × 1 Mbit/s × (0.01 × 1.1 + 1 × 1.25) EUR
	if m.Answer.Cost.Total.Micro != 2_522_000 || len(m.Answer.Prices) != 2 || m.Answer.Prices[1].Name != "capacity (2)" || len(m.Parts) != 2 {
		t.Errorf("%+v", m)
	}
	changed := must(Get[Offering](c, "hk-mil")).Item
	changed.Prices = []rating.Price{hourly("5")}
	put(t, c, changed) // the bundle is of version 1
	if again := find(now); again.Matches[0].Answer.Cost.Total.Micro != 2_522_000 {
		t.Errorf("another version of a part changed the price: %+v", again.Matches[0].Answer.Cost)
	}
	in.From = 0
	if gone := find(now + hour); len(gone.Matches) != 0 || gone.Passed["parts"] != 1 {
		t.Errorf("with an expired quote: %+v", gone)
	}
	must(Step[Offering](c, "hk-mil", PutOnHold, "", "pm", now))
	if gone := find(now); len(gone.Matches) != 0 || gone.Passed["parts"] != 1 {
		t.Errorf("with a part that is not sold: %+v", gone)
	}
	_, _, err := Put(c, Offering{ID: "b2", Name: "b", Specification: "e-line", Parts: []Part{{Offering: "bundle"}}}, "pm", now)
	refused(t, "a bundle of bundles", err, fault.Invalid, "parts.0.offering")
	changed.Parts = []Part{{Quote: &Quoted{Seller: "BRAVO", ID: "Q"}}}
	_, _, err = Put(c, changed, "pm", now)
	refused(t, "a part that becomes a bundle", err, fault.Conflict, "parts")
}

// The diagrams in docs/states are the tables.
func TestTheDiagramsAreTheTables(t *testing.T) {
	type move struct{ from, event, to string }
	offering := map[State]string{}
	spec := map[State]string{Published: "seller: retire, once no offering of it is left", Obsolete: "nobody"}
	holds := map[HoldState]string{}
	file := must(parser.ParseFile(token.NewFileSet(), "state.go", nil, parser.ParseComments))
	ast.Inspect(file, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok || v.Type == nil || len(v.Values) != 1 || v.Comment == nil {
			return true
		}
		name := must(strconv.Unquote(v.Values[0].(*ast.BasicLit).Value))
		switch v.Type.(*ast.Ident).Name {
		case "State":
			offering[State(name)] = strings.TrimSpace(v.Comment.Text())
		case "HoldState":
			holds[HoldState(name)] = strings.TrimSpace(v.Comment.Text())
		}
		return true
	})
	draw := func(name, title string, moves []move, who map[string]string) {
		var b strings.Builder
		fmt.Fprintf(&b, "# %s\n\nDrawn from the transition table in `catalog/state.go` by a test; what is not here is refused.\n\n```mermaid\nstateDiagram-v2\n", title)
		slices.SortFunc(moves, func(a, b move) int { return strings.Compare(a.from+" "+a.event, b.from+" "+b.event) })
		for _, m := range moves {
			fmt.Fprintf(&b, "    %s --> %s: %s\n", m.from, m.to, m.event)
			if who[m.from] == "" || who[m.to] == "" {
				t.Errorf("%s: nothing says who acts next in %s or %s", name, m.from, m.to)
			}
		}
		b.WriteString("```\n\n| state | who acts next |\n| --- | --- |\n")
		for _, s := range slices.Sorted(maps.Keys(who)) {
			fmt.Fprintf(&b, "| %s | %s |\n", s, who[s])
		}
		path := "../docs/states/" + name + ".md"
		if *update {
			if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
		if have, err := os.ReadFile(path); err != nil || string(have) != b.String() {
			t.Errorf("%s is not the table any more: run go test ./catalog -run Diagrams -update", path)
		}
	}
	drawn := func(name, title string, table map[State]map[Event]State, who map[State]string) {
		var moves []move
		for from, events := range table {
			for e, to := range events {
				moves = append(moves, move{string(from), string(e), string(to)})
			}
		}
		actors := map[string]string{}
		for s, w := range who {
			actors[string(s)] = w
		}
		draw(name, title, moves, actors)
	}
	drawn("offering", "Offering", Transitions, offering)
	drawn("specification", "Specification", SpecificationTransitions, spec)
	var moves []move
	for from, events := range HoldTransitions {
		for e, to := range events {
			moves = append(moves, move{string(from), string(e), string(to)})
		}
	}
	actors := map[string]string{}
	for s, w := range holds {
		actors[string(s)] = w
	}
	draw("reservation", "Reservation", moves, actors)
}

// What is stored has one encoding: old catalogues are read for ever.
func TestTheEncodingOfAnOfferingStays(t *testing.T) {
	o := line("hk-mil", "HKHKG", "ITMIL", "hk-mil")
	o.Windows = []Window{{From: 1, To: 2, Bands: []Band{{Days: 3, From: 60, To: 120, Zone: "Europe/Rome"}}}}
	o.Parts = []Part{{Offering: "x", Margin: Margin{1}}, {Quote: &Quoted{Seller: "B", ID: "Q"}}}
	got := canon.Sum("test", canon.Must(&o)).String()
	const want = "48796360"
	if got[:8] != want {
		t.Errorf("the encoding of an offering has changed: %s, want %s", got[:8], want)
	}
	o.Term.Early, o.Guarantees = 500_000, promises()
	const promised = "cd879aa1"
	if got := canon.Sum("test", canon.Must(&o)).String(); got[:8] != promised {
		t.Errorf("the encoding of what an offering promises has changed: %s, want %s", got[:8], promised)
	}
}

// A change that the disk does not take is not shown either.
func TestWhatTheDiskDoesNotTakeDoesNotStand(t *testing.T) {
	dir := t.TempDir()
	db := must(store.Open(dir, store.Options{MinFree: 1}))
	c := must(Open(db.Node(), nil, nil))
	put(t, c, Specification{ID: "e-line", Name: "Ethernet line", Type: TypeELine})
	put(t, c, Link{ID: "hk-mil", Bandwidth: 1e9})
	put(t, c, line("hk-mil", "HKHKG", "ITMIL", "hk-mil"))
	launch(t, c, "hk-mil")
	must(c.Reserve(claim("r", 1e8, now, now+hour), now))
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = must(store.Open(dir, store.Options{MinFree: 1 << 62})) // no disk has so much room
	defer db.Close()
	c = must(Open(db.Node(), nil, nil))
	before, holds := c.Export(), c.Holds()
	_, _, err := Put(c, Link{ID: "late", Bandwidth: 1}, "pm", now)
	refused(t, "put", err, store.CodeDiskFull, "")
	_, err = Step[Offering](c, "hk-mil", PutOnHold, "", "pm", now)
	refused(t, "step", err, store.CodeDiskFull, "")
	_, err = c.Reserve(claim("s", 1e8, now, now+hour), now)
	refused(t, "reserve", err, store.CodeDiskFull, "")
	_, err = c.MoveHold("r", Confirm, "O", now)
	refused(t, "confirm", err, store.CodeDiskFull, "")
	_, err = c.Resize("r", 2e8, now)
	refused(t, "resize", err, store.CodeDiskFull, "")
	_, err = c.Import(strings.NewReader(aCatalogue), "x", false, "pm", now)
	refused(t, "import", err, store.CodeDiskFull, "")
	if after := c.Export(); !reflect.DeepEqual(after, before) || !slices.Equal(holdIDs(c.Holds()), holdIDs(holds)) || c.Holds()[0].State != Reserved || len(c.Imports()) != 0 {
		t.Errorf("%+v", after)
	}
}

func holdIDs(all []Hold) (ids []string) {
	for _, h := range all {
		ids = append(ids, h.ID)
	}
	return ids
}
