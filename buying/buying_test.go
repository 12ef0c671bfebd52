package buying_test

import (
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api/sonata/client"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/buying"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
)

// ServeHTTP answers partners while the node is up.
func (s *side) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f := s.instead.Load(); f != nil && r.URL.Path != "/oauth2/token" {
		(*f)(w, r)
		return
	}
	h := s.handler.Load()
	if h == nil {
		panic(http.ErrAbortHandler)
	}
	h.Handler().ServeHTTP(w, r)
}

var wanted = buying.Request{Product: catalog.TypeELine, A: first, Z: last, Bandwidth: 100_000_000}

// found asks until something is found: reach has to be told first.
func (s *side) found(r buying.Request) buying.Answer {
	s.w.t.Helper()
	var a buying.Answer
	eventually(s.w.t, "an offer is found", func() bool {
		var err error
		if a, err = s.broker.Inquire(within(s.w.t), r); err != nil {
			s.w.t.Fatal(err)
		}
		return a.Best != nil
	})
	return a
}

// stage waits for a service to come to a stage.
func (s *side) stage(id mesh.ID, want mesh.Stage) (x buying.Service) {
	s.w.t.Helper()
	eventually(s.w.t, string(s.code)+" has the service "+string(want), func() bool {
		var err error
		x, err = s.broker.Service(id)
		if err == nil && want != mesh.Released && x.Stage == mesh.Released {
			s.w.t.Fatalf("released: %s", x.Why)
		}
		return err == nil && x.Stage == want
	})
	return x
}

func TestAServiceIsFoundQuotedOrderedAndActiveOverFourCarriers(t *testing.T) {
	w := newWorld(t, nil, "ALPHA", "BRAVO", "CHARLIE", "DELTA")
	alpha := w.sides["ALPHA"]
	a := alpha.found(wanted)
	// A month: DELTA 400, CHARLIE 300 + 400 + 40, BRAVO 200 + 740 + 74, ALPHA 100 +
	// 1014 + 101.40. Once: 10 each, and a tenth of what is bought.
	if got := a.Best; !a.Asked || got.Price != (mesh.Price{Once: 46_410_000, Each: 1_215_400_000}) || got.Bought != (mesh.Price{Once: 33_100_000, Each: 1_014_000_000}) || got.Latency != 80_000 || len(got.Legs) != 2 || got.Legs[0].Name != "HKHKG-SGSIN" || got.Legs[1].Name != "" || got.Seller != "BRAVO" {
		t.Errorf("found %+v", got)
	}
	// What a neighbour signs names its own leg, and not where it is with others.
	if signed := must(order.OpenQuote(a.Best.Proof)).Quote; len(signed.Legs) != 2 || signed.Legs[0].Name != "SGSIN-enni" || signed.Legs[1].Name != "" {
		t.Errorf("the legs that a neighbour names are %+v", signed.Legs)
	}
	began := time.Now()
	s, err := alpha.broker.Order(a.Best.Quote)
	if err != nil {
		t.Fatal(err)
	}
	alpha.stage(s.ID, mesh.Accepted)
	for i, code := range w.codes[:3] {
		seller := w.codes[i+1]
		eventually(t, "the product of "+string(seller)+" is active", func() bool {
			return w.sides[seller].view(code, func(v trade.View) bool {
				for p := range v.Products() {
					if p.State == product.Active && p.Buyer == code {
						return true
					}
				}
				return false
			})
		})
	}
	t.Logf("active at every hop after %v", time.Since(began))
	// ALPHA's own leg, what it buys and its mark-up are the price. The inquiry is kept, with
	// what was ordered of it, over a restart too.
	if got := a.Best; got.Own.Each != 100_000_000 || got.Markup.Each != 101_400_000 || got.Own.Once+got.Bought.Once+got.Markup.Once != got.Price.Once {
		t.Errorf("the price is of %+v, %+v and %+v", got.Own, got.Bought, got.Markup)
	}
	kept := must(alpha.broker.Inquiry(a.ID))
	if alpha.broker.Inquiries()[0].Answer.ID != a.ID || kept.Service != s.ID || kept.Request.Z != last {
		t.Errorf("kept is %+v", kept)
	}
	alpha.stop()
	alpha.start()
	if x := must(alpha.broker.Inquiry(a.ID)); !reflect.DeepEqual(x.Answer, kept.Answer) || x.At != kept.At || x.Service != s.ID {
		t.Errorf("after a restart it is %+v, not %+v", x, kept)
	}
	if _, err := alpha.broker.Inquiry(mesh.ID{1}); fault.CodeOf(err) != fault.NotFound {
		t.Error(err)
	}
	again, err := alpha.broker.Order(a.Best.Quote)
	if err != nil || again.ID != s.ID {
		t.Errorf("ordered again it is %+v, %v", again, err)
	}
	// Each hop's test record has what is behind it.
	its := alpha.items("BRAVO")
	if len(its) != 1 || its[0].Delivery == nil || its[0].State != order.ItemCompleted || its[0].Delivery.Totals[1] != (order.Total{Metric: "latency", Value: 60_000}) {
		t.Fatalf("the order with BRAVO: %+v", its)
	}
	// What is promised is the availability of all that is behind it: a fault at DELTA
	// earns ALPHA's buyer, ALPHA, BRAVO and CHARLIE a credit, each of its own seller.
	for i, code := range w.codes[:3] {
		its := w.sides[code].items(w.codes[i+1])
		want := rating.Guarantee{Metric: rating.Availability, Cap: rating.Millionths, Tiers: []rating.Miss{{Beyond: []uint64{999_700, 999_800, 999_900}[i], Share: 100_000}}}
		if g := its[0].Request.Offer.Guarantees; len(g) != 1 || !reflect.DeepEqual(g[0], want) {
			t.Errorf("%s is promised %+v, want %+v", code, g, want)
		}
	}
	// Over Sonata the same order is completed, and the product in the inventory.
	for i, code := range w.codes[:3] {
		seller := w.sides[w.codes[i+1]]
		c := must(client.New(client.Options{Base: seller.http.URL, ID: string(code), Secret: w.sides[code].secrets[seller.code], HTTP: w.sides[code].judged()}))
		eventually(t, "the order of "+string(code)+" is completed over Sonata", func() bool {
			p, err := c.Orders(within(t), client.Filter{"state": wire.Completed})
			return err == nil && len(p.Items) == 1 && p.Items[0].ExternalID == w.sides[code].items(seller.code)[0].ID
		})
		if p := must(c.Products(within(t), nil)); len(p.Items) != 1 || p.Items[0].ID != w.sides[code].items(seller.code)[0].Request.Product {
			t.Errorf("the inventory of %s shows %+v", seller.code, p.Items)
		}
	}
	// The end goes down the chain too.
	if _, err := alpha.broker.End(s.ID, 0); err != nil {
		t.Fatal(err)
	}
	for i, code := range w.codes[:3] {
		seller := w.codes[i+1]
		eventually(t, "the product of "+string(seller)+" is ended", func() bool {
			return w.sides[code].view(seller, func(v trade.View) bool {
				for p := range v.Products() {
					return p.State == product.Terminated
				}
				return false
			})
		})
		eventually(t, "the capacity of "+string(seller)+" is free", func() bool {
			_, free, err := w.sides[seller].catalog.Free("cable", time.Now().UnixMilli(), 0, time.Now().UnixMilli())
			return err == nil && free == 1_000_000_000
		})
	}
}

func TestAServiceIsChangedAtAllHopsOrNone(t *testing.T) {
	w := newWorld(t, nil, "ALPHA", "BRAVO", "CHARLIE")
	alpha, charlie := w.sides["ALPHA"], w.sides["CHARLIE"]
	s := must(alpha.broker.Order(alpha.found(wanted).Best.Quote))
	alpha.stage(s.ID, mesh.Accepted)
	completed := func(orders int) {
		t.Helper()
		for i, code := range w.codes[:2] {
			eventually(t, "the orders of "+string(code)+" are completed", func() bool {
				done := [2]int{} // as each side has it
				for j, its := range [][]order.Item{w.sides[code].items(w.codes[i+1]), w.sides[w.codes[i+1]].items(code)} {
					for _, it := range its {
						if it.State == order.ItemCompleted {
							done[j]++
						}
					}
				}
				return done == [2]int{orders, orders}
			})
		}
	}
	completed(1)
	offer := alpha.change(s.ID, buying.Wish{Bandwidth: 600_000_000})
	x := must(alpha.broker.Order(offer.Quote))
	if x.ID != s.ID {
		t.Fatalf("the change is another service: %+v", x)
	}
	completed(2)
	eventually(t, "the change is in force", func() bool {
		x := must(alpha.broker.Service(s.ID))
		return x.Stage == mesh.Accepted && x.Offer.Quote == offer.Quote
	})
	for _, code := range w.codes {
		eventually(t, string(code)+" has reserved for the change alone", func() bool {
			now := time.Now().UnixMilli()
			_, free, err := w.sides[code].catalog.Free("cable", now, 0, now)
			return err == nil && free == 400_000_000
		})
	}
	for _, it := range charlie.items("BRAVO") {
		if it.Request.Action == order.Modify && it.Request.Product != charlie.items("BRAVO")[0].Request.Product {
			t.Errorf("the change is of another product: %+v", it.Request)
		}
	}
	// More than there is: nothing changes.
	if _, err := alpha.broker.Change(within(t), s.ID, buying.Wish{Bandwidth: 1_600_000_000}); err == nil {
		t.Error("more than the cables carry is quoted")
	}
	completed(2)
	must(alpha.broker.End(s.ID, 0))
	for _, code := range w.codes {
		w.sides[code].free()
	}
}
