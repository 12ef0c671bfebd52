package buying_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/buying"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
)

// payloads gives what was configured in the last order of each pair.
func (w *world) payloads() (out []string) {
	for i, code := range w.codes[:len(w.codes)-1] {
		var last order.Item
		for _, it := range w.sides[code].items(w.codes[i+1]) {
			if it.Placed.Time >= last.Placed.Time && it.Request.Action != order.Delete {
				last = it
			}
		}
		out = append(out, string(last.Payload))
	}
	return out
}

// changed orders a change and waits until it is in force at every hop.
func (w *world) changed(s buying.Service, wish buying.Wish) buying.Offer {
	w.t.Helper()
	first := w.sides[w.codes[0]]
	before := w.counted()
	offer := first.change(s.ID, wish)
	must(first.broker.Order(offer.Quote))
	eventually(w.t, "the change is in force", func() bool {
		x := must(first.broker.Service(s.ID))
		if x.Stage == mesh.Released {
			w.t.Fatalf("released: %s", x.Why)
		}
		return x.Stage == mesh.Accepted && x.Offer.Quote == offer.Quote
	})
	eventually(w.t, "every hop has it", func() bool { return w.counted() == before+len(w.codes)-1 })
	return offer
}

// counted is how many orders are completed at both sides of all pairs.
func (w *world) counted() (n int) {
	for i, code := range w.codes[:len(w.codes)-1] {
		n += min(completed(w.sides[code].items(w.codes[i+1])), completed(w.sides[w.codes[i+1]].items(code)))
	}
	return n
}

func completed(its []order.Item) (n int) {
	for _, it := range its {
		if it.State == order.ItemCompleted {
			n++
		}
	}
	return n
}

func TestBoundsAndAttributesOfAServiceAreChangedAtAllHops(t *testing.T) {
	w := newWorld(t, nil, "ALPHA", "BRAVO", "CHARLIE")
	alpha := w.sides["ALPHA"]
	r := wanted
	r.Attributes = map[string]any{"classOfService": "assured"}
	s := must(alpha.broker.Order(alpha.found(r).Best.Quote))
	alpha.stage(s.ID, mesh.Accepted)
	eventually(t, "every hop has it", func() bool { return w.counted() == 2 })
	for _, p := range w.payloads() {
		if !strings.Contains(p, `"classOfService":"assured"`) {
			t.Errorf("ordered is %s", p)
		}
	}
	// Three legs of 20 ms each: what is left of the bound is the next carrier's.
	w.changed(s, buying.Wish{MaxLatency: 70_000, MinAvailability: 999_000, Attributes: map[string]any{"classOfService": "realTime", "maximumFrameSize": 9000}})
	for i, want := range []string{`"latencyObjective":50000`, `"latencyObjective":30000`} {
		if p := w.payloads()[i]; !strings.Contains(p, want) || !strings.Contains(p, `"classOfService":"realTime"`) || !strings.Contains(p, `"maximumFrameSize":9000`) {
			t.Errorf("%s has ordered %s", w.codes[i], p)
		}
	}
	w.changed(s, buying.Wish{Attributes: map[string]any{"classOfService": nil}})
	if p := w.payloads()[1]; strings.Contains(p, "classOfService") || !strings.Contains(p, "maximumFrameSize") {
		t.Errorf("CHARLIE is ordered %s", p)
	}
}

// What cannot be otherwise where the service runs is refused with what to do, and
// nothing changes.
func TestAChangeThatIsAnotherServiceIsRefusedWithWhatToDo(t *testing.T) {
	w := newWorld(t, nil, "ALPHA", "BRAVO", "CHARLIE")
	alpha := w.sides["ALPHA"]
	s := must(alpha.broker.Order(alpha.found(wanted).Best.Quote))
	alpha.stage(s.ID, mesh.Accepted)
	eventually(t, "every hop has it", func() bool { return w.counted() == 2 })
	const anew = "order the new service, then end the old one"
	for name, c := range map[string]struct {
		wish   buying.Wish
		code   fault.Code
		remedy string
	}{
		"nothing":                 {buying.Wish{}, fault.Invalid, "name a bandwidth"},
		"the same":                {buying.Wish{Bandwidth: wanted.Bandwidth}, fault.Invalid, "name a bandwidth"},
		"faster than the route":   {buying.Wish{MaxLatency: 45_000}, "offering-unfit", anew},
		"faster than the own leg": {buying.Wish{MaxLatency: 15_000}, "offering-unfit", anew},
		"surer than the route":    {buying.Wish{MinAvailability: 999_950}, "offering-unfit", anew},
		"an end":                  {buying.Wish{Until: time.Now().Add(time.Hour).UnixMilli()}, "offering-unfit", "lateral service end --at"},
		"another end Z":           {buying.Wish{Attributes: map[string]any{"endZ": map[string]any{"interface": "enni"}}}, "bad-inquiry", "another end is another service"},
		"no such class":           {buying.Wish{Attributes: map[string]any{"classOfService": "golden"}}, "bad-payload", "schema"},
		"no such attribute":       {buying.Wish{Attributes: map[string]any{"colour": "red"}}, "bad-payload", "schema"},
	} {
		_, err := alpha.broker.Change(within(t), s.ID, c.wish)
		if f := fault.Of(err); err == nil || f.Code != c.code || !strings.Contains(f.Remedy, c.remedy) {
			t.Errorf("%s: %v (%s)", name, err, f.Remedy)
		}
	}
	if n := w.counted(); n != 2 {
		t.Errorf("%d orders are completed", n)
	}
}

func TestATimedServiceIsProlongedAtAllHops(t *testing.T) {
	w := newWorld(t, nil, "ALPHA", "BRAVO", "CHARLIE")
	alpha := w.sides["ALPHA"]
	r := wanted
	r.To = time.Now().Add(time.Hour).UnixMilli()
	first := alpha.found(r).Best
	s := must(alpha.broker.Order(first.Quote))
	alpha.stage(s.ID, mesh.Accepted)
	eventually(t, "every hop has it", func() bool { return w.counted() == 2 })
	later := r.To + 3_600_000
	const anew = "order the new service, then end the old one"
	for name, c := range map[string]struct {
		wish   buying.Wish
		remedy string
	}{
		"sooner":        {buying.Wish{Until: r.To - 1_800_000}, "lateral service end --at"},
		"more of it":    {buying.Wish{Bandwidth: 200_000_000}, anew},
		"both together": {buying.Wish{Bandwidth: 200_000_000, Until: later}, anew},
	} {
		_, err := alpha.broker.Change(within(t), s.ID, c.wish)
		if f := fault.Of(err); err == nil || f.Code != "offering-unfit" || !strings.Contains(f.Remedy, c.remedy) {
			t.Errorf("%s: %v", name, err)
		}
	}
	offer := w.changed(s, buying.Wish{Until: later})
	// An hour more costs what an hour of a month costs, marked up at each hop, and no
	// set-up again.
	if offer.Price.Each != 0 || offer.Price.Once == 0 || offer.Price.Once >= first.Price.Once-30_000_000 {
		t.Errorf("an hour more costs %+v, the first %+v", offer.Price, first.Price)
	}
	if x := must(alpha.broker.Service(s.ID)); x.Until != later {
		t.Errorf("it is shown until %d", x.Until)
	}
	for i, code := range w.codes[:2] {
		w.sides[code].view(w.codes[i+1], func(v trade.View) bool {
			for p := range v.Products() {
				if p.Ends != later || p.State != product.Active || len(p.Phases) != 2 || len(p.Due) != 2 || p.Due[1].Price != "longer" {
					t.Errorf("the product of %s: %+v", w.codes[i+1], p)
				}
				if x := p.Phases[1].Offer.Prices; len(x) != 1 || x[0].Event != rating.OnChange {
					t.Errorf("the change costs %+v", x)
				}
			}
			return true
		})
	}
	for _, code := range w.codes {
		eventually(t, "the capacity of "+string(code)+" is held until then", func() bool {
			now := time.Now().UnixMilli()
			_, during, err := w.sides[code].catalog.Free("cable", later-1_000, later, now)
			return err == nil && during == 900_000_000
		})
	}
	must(alpha.broker.End(s.ID, 0))
	for _, code := range w.codes {
		w.sides[code].free()
	}
}

// One carrier cannot hold the time that is added: the change is refused, and the
// service ends when it was to.
func TestAProlongationThatOneCarrierCannotGiveChangesNothing(t *testing.T) {
	w := newWorld(t, nil, "ALPHA", "BRAVO", "CHARLIE")
	alpha, charlie := w.sides["ALPHA"], w.sides["CHARLIE"]
	r := wanted
	r.To = time.Now().Add(time.Hour).UnixMilli()
	s := must(alpha.broker.Order(alpha.found(r).Best.Quote))
	alpha.stage(s.ID, mesh.Accepted)
	eventually(t, "every hop has it", func() bool { return w.counted() == 2 })
	must(charlie.catalog.Reserve(catalog.Claim{ID: "other", Offering: "leg", Expires: catalog.Time(r.To), Inquiry: catalog.Inquiry{Type: catalog.TypeELine,
		A: catalog.Spot{Place: cities[1], Neighbour: "BRAVO"}, Z: catalog.Spot{Place: last}, Bandwidth: 950_000_000,
		From: catalog.Time(r.To + 60_000), To: catalog.Time(r.To + 7_200_000)}}, time.Now().UnixMilli()))
	if o, err := alpha.broker.Change(within(t), s.ID, buying.Wish{Until: r.To + 3_600_000}); fault.CodeOf(err) != "offering-unfit" {
		t.Errorf("quoted %+v, %v", o, err)
	}
	for i, code := range w.codes[:2] {
		for _, it := range w.sides[code].items(w.codes[i+1]) {
			if it.Request.Action != order.Add {
				t.Errorf("%s has ordered %+v", code, it.Request)
			}
		}
	}
}
