package buying_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api/sonata/client"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/buying"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// free waits until nothing is taken of a carrier's cable.
func (s *side) free() {
	s.w.t.Helper()
	eventually(s.w.t, "the capacity of "+string(s.code)+" is free", func() bool {
		now := time.Now().UnixMilli()
		_, free, err := s.catalog.Free("cable", now, 0, now)
		return err == nil && free == 1_000_000_000
	})
}

// nothingActive fails if a product is delivered on a pair's Bilateral.
func (w *world) nothingActive() {
	w.t.Helper()
	for i, code := range w.codes[:len(w.codes)-1] {
		if w.sides[code].handler.Load() == nil {
			continue // it is down
		}
		w.sides[code].view(w.codes[i+1], func(v trade.View) bool {
			for p := range v.Products() {
				if len(p.Phases) > 0 {
					w.t.Errorf("%s has a product of %s: %+v", code, w.codes[i+1], p)
				}
			}
			return true
		})
	}
}

func TestAnOrderThatBreaksAClauseDownTheChainReleasesAllAndNamesTheClause(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.terms = func(buyer, _ party.Code, c *agreement.ProductTerms) {
			if buyer == "CHARLIE" {
				c.Clause, c.Currencies = "annex-c", []money.Currency{"USD"}
			}
		}
	}, "ALPHA", "BRAVO", "CHARLIE", "DELTA")
	alpha := w.sides["ALPHA"]
	s := must(alpha.broker.Order(alpha.found(wanted).Best.Quote))
	x := alpha.stage(s.ID, mesh.Released)
	if !strings.Contains(x.Why, "order-nonconforming") || !strings.Contains(x.Why, "annex-c.currencies") {
		t.Errorf("the reason is %q", x.Why)
	}
	for _, code := range w.codes {
		w.sides[code].free()
	}
	w.nothingActive()
}

// A clause may want no test. In a chain one is asked for all the same: billing begins
// when the whole chain is accepted, and not with one seller's word.
func TestAChainIsChargedOnceItIsWholeThoughNoClauseWantsATest(t *testing.T) {
	w := newWorld(t, func(w *world) {
		w.terms = func(_, _ party.Code, c *agreement.ProductTerms) { c.Test = false }
		w.people["BRAVO"] = true
	}, "ALPHA", "BRAVO", "CHARLIE")
	alpha, bravo := w.sides["ALPHA"], w.sides["BRAVO"]
	s := must(alpha.broker.Order(alpha.found(wanted).Best.Quote))
	var sold mesh.ID
	eventually(t, "CHARLIE has delivered, and BRAVO has something to build", func() bool {
		for _, x := range bravo.broker.Services() {
			if its := bravo.items("CHARLIE"); x.Build && len(its) == 1 && its[0].Delivery != nil {
				sold = x.ID
			}
		}
		return sold != mesh.ID{}
	})
	w.nothingActive()
	must(bravo.broker.Built(sold, true, buying.Measured{}))
	alpha.stage(s.ID, mesh.Accepted)
	for i := range w.codes[1:] {
		eventually(t, "the product of "+string(w.codes[i+1])+" is active", func() bool {
			return len(w.products(i, func(p product.Instance) bool { return p.State == product.Active })) == 1
		})
	}
}

// A carrier whose own legs wait for people gives them up: it has quoted, and
// refuses then.
func TestACarrierThatQuotesAndThenCannotDeliverReleasesTheWholeChain(t *testing.T) {
	w := newWorld(t, func(w *world) { w.people["CHARLIE"] = true }, "ALPHA", "BRAVO", "CHARLIE", "DELTA")
	alpha, charlie := w.sides["ALPHA"], w.sides["CHARLIE"]
	s := must(alpha.broker.Order(alpha.found(wanted).Best.Quote))
	var sold mesh.ID
	eventually(t, "CHARLIE has something to build", func() bool {
		for _, x := range charlie.broker.Services() {
			if x.Build {
				sold = x.ID
			}
		}
		return sold != mesh.ID{}
	})
	if _, err := charlie.broker.Built(sold, false, buying.Measured{}); err != nil {
		t.Fatal(err)
	}
	alpha.stage(s.ID, mesh.Released)
	for _, code := range w.codes {
		w.sides[code].free()
	}
	w.nothingActive()
	if _, err := charlie.broker.Built(sold, true, buying.Measured{}); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("built after it was released: %v", err)
	}
}

func TestOwnLegsThatPeopleDeliverMakeTheServiceActive(t *testing.T) {
	w := newWorld(t, func(w *world) { w.people["BRAVO"] = true }, "ALPHA", "BRAVO")
	alpha, bravo := w.sides["ALPHA"], w.sides["BRAVO"]
	s := must(alpha.broker.Order(alpha.found(wanted).Best.Quote))
	eventually(t, "BRAVO has built", func() bool {
		for _, x := range bravo.broker.Services() {
			if x.Build {
				_, err := bravo.broker.Built(x.ID, true, buying.Measured{})
				return err == nil
			}
		}
		return false
	})
	alpha.stage(s.ID, mesh.Accepted)
}

func TestAnOrderThatIsWithdrawnReleasesTheChain(t *testing.T) {
	w := newWorld(t, func(w *world) { w.people["DELTA"] = true }, "ALPHA", "BRAVO", "CHARLIE", "DELTA")
	alpha, delta := w.sides["ALPHA"], w.sides["DELTA"]
	s := must(alpha.broker.Order(alpha.found(wanted).Best.Quote))
	eventually(t, "DELTA has something to build", func() bool {
		for _, x := range delta.broker.Services() {
			if x.Build {
				return true
			}
		}
		return false
	})
	if _, err := alpha.broker.Withdraw(s.ID); err != nil {
		t.Fatal(err)
	}
	alpha.stage(s.ID, mesh.Released)
	for _, code := range w.codes {
		w.sides[code].free()
	}
	w.nothingActive()
	for i, code := range w.codes[:3] {
		eventually(t, "the order of "+string(code)+" is over", func() bool {
			its := w.sides[code].items(w.codes[i+1])
			return len(its) == 1 && (its[0].State == order.ItemCancelled || its[0].State == order.ItemFailed || its[0].State == order.ItemRejected)
		})
	}
}

// The node in the middle dies when it has reserved and the order has come, and
// its successor goes on.
func TestANodeThatDiesBetweenReservingAndDeliveringGoesOnWhereItWas(t *testing.T) {
	w := newWorld(t, func(w *world) { w.people["DELTA"] = true }, "ALPHA", "BRAVO", "CHARLIE", "DELTA")
	alpha, charlie, delta := w.sides["ALPHA"], w.sides["CHARLIE"], w.sides["DELTA"]
	quote := alpha.found(wanted).Best.Quote
	charlie.stop() // its reservation stands
	s := must(alpha.broker.Order(quote))
	eventually(t, "the order stands at CHARLIE's Bilateral", func() bool { return len(w.sides["BRAVO"].items("CHARLIE")) == 1 })
	charlie.start()
	var sold mesh.ID
	eventually(t, "DELTA has something to build", func() bool {
		for _, x := range delta.broker.Services() {
			if x.Build {
				sold = x.ID
			}
		}
		return sold != mesh.ID{}
	})
	charlie.stop()
	must(delta.broker.Built(sold, true, buying.Measured{}))
	eventually(t, "DELTA has delivered", func() bool {
		its := delta.items("CHARLIE")
		return len(its) == 1 && its[0].Delivery != nil
	})
	w.nothingActive() // nothing is charged before the chain is whole
	charlie.start()
	alpha.stage(s.ID, mesh.Accepted)
	eventually(t, "DELTA is paid for", func() bool { its := delta.items("CHARLIE"); return its[0].State == order.ItemCompleted })
}

// The buyer dies for good after it has reserved: what it has taken lapses.
func TestWhatANodeThatNeverComesBackHasReservedLapses(t *testing.T) {
	w := newWorld(t, func(w *world) { w.quoteFor, w.deliverFor = 9*time.Second, 8*time.Second }, "ALPHA", "BRAVO", "CHARLIE")
	alpha, bravo := w.sides["ALPHA"], w.sides["BRAVO"]
	a := alpha.found(wanted)
	bravo.stop()
	s, err := alpha.broker.Order(a.Best.Quote)
	if err == nil {
		alpha.stage(s.ID, mesh.Released)
	} else if fault.CodeOf(err) != "quote-expired" {
		t.Fatal(err)
	}
	for _, code := range []party.Code{"ALPHA", "CHARLIE"} {
		w.sides[code].free()
	}
}

func TestATimedServiceEndsByItselfAtEveryHop(t *testing.T) {
	w := newWorld(t, nil, "ALPHA", "BRAVO", "CHARLIE")
	alpha := w.sides["ALPHA"]
	r := wanted
	r.To = time.Now().Add(8 * time.Second).UnixMilli()
	a := alpha.found(r)
	if a.Best.Price.Each != 0 || a.Best.Price.Once == 0 {
		t.Errorf("a timed service costs %+v", a.Best.Price)
	}
	s := must(alpha.broker.Order(a.Best.Quote))
	alpha.stage(s.ID, mesh.Accepted)
	for i, code := range w.codes[:2] {
		eventually(t, "the product of "+string(w.codes[i+1])+" has ended", func() bool {
			return w.sides[code].view(w.codes[i+1], func(v trade.View) bool {
				for p := range v.Products() {
					return p.State == product.Terminated && p.Ends == r.To
				}
				return false
			})
		})
	}
	eventually(t, "the service has ended", func() bool { x := must(alpha.broker.Service(s.ID)); return x.Ended == r.To })
	for _, code := range w.codes {
		w.sides[code].free()
	}
}

// What is asked for by the hour is priced, promised and billed by the hour at each
// hop.
func TestAServiceByTheHourHasAPriceForEachHourAtEveryHop(t *testing.T) {
	w := newWorld(t, nil, "ALPHA", "BRAVO", "CHARLIE")
	w.sides["CHARLIE"].priced("3.6", "1h")
	w.sides["BRAVO"].priced("0.001", "1s")
	w.sides["ALPHA"].priced("24", "1d")
	alpha := w.sides["ALPHA"]
	r := wanted
	r.Period = "1h"
	a := alpha.found(r)
	// CHARLIE 3.60, BRAVO 3.60 + 3.60 + 0.36, ALPHA 1 + 7.56 + 0.756 an hour.
	if a.Best.Price.Each != 9_316_000 || a.Best.Bought.Each != 7_560_000 || a.Best.Period != "1h" {
		t.Errorf("an hour costs %+v, of which %+v is bought, by %s", a.Best.Price, a.Best.Bought, a.Best.Period)
	}
	s := w.ordered(a.Best.Quote)
	if x := alpha.stage(s.ID, mesh.Accepted); x.Offer.Period != "1h" {
		t.Errorf("the service is charged by %s", x.Offer.Period)
	}
	for i, want := range []money.Rate{7_560_000_000, 3_600_000_000} {
		offer := w.sides[w.codes[i]].items(w.codes[i+1])[0].Request.Offer
		if p := offer.Prices[0]; p.Rate != want || p.Period != (usage.Cycle{Length: "1h"}) || len(offer.Guarantees) != 1 {
			t.Errorf("%s has ordered at %+v, with %+v", w.codes[i], p, offer.Guarantees)
		}
	}
	if o := alpha.change(s.ID, buying.Wish{Bandwidth: 200_000_000}); o.Period != "1h" || o.Price.Each != 9_316_000 {
		t.Errorf("with more bandwidth it costs %+v, by %s", o.Price, o.Period)
	}
	for name, set := range map[string]func(*buying.Request){"a term": func(r *buying.Request) { r.Months = 12 }, "sessions": func(r *buying.Request) { r.Hours = 40 }} {
		r := r
		set(&r)
		if _, err := alpha.broker.Inquire(within(t), r); fault.CodeOf(err) != mesh.CodeBadInquiry || fault.Of(err).Field != "period" {
			t.Errorf("an hour's price with %s: %v", name, err)
		}
	}
}

// priced gives the carrier's leg another price that recurs.
func (s *side) priced(rate, period string) {
	s.w.t.Helper()
	i := slices.Index(s.w.codes, s.code)
	text := strings.NewReplacer(fmt.Sprintf("rate: \"%d\"", 100*(i+1)), fmt.Sprintf("rate: %q", rate), "length: 1mo", "length: "+period).Replace(s.w.stock(i))
	must(s.catalog.Import(strings.NewReader(text), "stock", false, "pm", time.Now().UnixMilli()))
	s.broker.CatalogChanged()
}

func TestCapacityIsNeverSoldTwice(t *testing.T) {
	w := newWorld(t, nil, "ALPHA", "BRAVO", "CHARLIE")
	alpha := w.sides["ALPHA"]
	r := wanted
	r.Bandwidth = 600_000_000
	alpha.found(r)
	again, err := alpha.broker.Inquire(within(t), r)
	if err != nil || again.Best != nil {
		t.Errorf("what is reserved is quoted again: %+v, %v", again.Best, err)
	}
}

func TestAPartnerHoldsNoMoreFirmQuotesThanItMay(t *testing.T) {
	w := newWorld(t, func(w *world) { w.mostHeld = 2 }, "ALPHA", "BRAVO")
	alpha, bravo := w.sides["ALPHA"], w.sides["BRAVO"]
	r := wanted
	first := alpha.found(r)
	for r.Bandwidth = 10_000_000; r.Bandwidth < 15_000_000 && len(bravo.catalog.Waiting("ALPHA", time.Now().UnixMilli())) < 2; r.Bandwidth += 1_000_000 {
		alpha.found(r)
	}
	r.Bandwidth = 20_000_000
	if a := must(alpha.broker.Inquire(within(t), r)); a.Best != nil {
		t.Errorf("one more is quoted: %+v", a.Best)
	}
	// What is ordered is not held any more.
	s := must(alpha.broker.Order(first.Best.Quote))
	alpha.stage(s.ID, mesh.Accepted)
	r.Bandwidth = 21_000_000
	alpha.found(r)
}

// Neighbours that say nothing, rubbish, or the same twice.
func TestANeighbourThatAnswersLateNeverTwiceOrRubbishDoesNotStopAnInquiry(t *testing.T) {
	w := newWorld(t, func(w *world) { w.rubbish = true }, "ALPHA", "BRAVO")
	alpha, bravo := w.sides["ALPHA"], w.sides["BRAVO"]
	alpha.found(wanted)
	r := wanted
	r.Time = 500 * time.Millisecond
	for name, handle := range map[string]http.HandlerFunc{
		"never": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // else the server does not see that the client has gone
			select {
			case <-r.Context().Done():
			case <-time.After(20 * time.Second):
			}
		},
		"rubbish": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusCreated)
			_, _ = io.WriteString(w, `{"productOfferingQualificationItem":[{"lateralOffers":"cnViYmlzaA=="}],"state":`)
		},
		"no JSON":  func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") },
		"nothing":  func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"an error": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) },
		"late": func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-time.After(700 * time.Millisecond):
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			bravo.instead.Store(&handle)
			defer bravo.instead.Store(nil)
			r.Bandwidth += 1_000_000 // not what is remembered
			began := time.Now()
			a, err := alpha.broker.Inquire(within(t), r)
			if err != nil || a.Best != nil || time.Since(began) > 30*time.Second {
				t.Errorf("found %+v, %v after %v", a.Best, err, time.Since(began))
			}
		})
	}
	// A lost answer: the request comes twice and is answered alike.
	var times atomic.Int32
	twice := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		for range 2 {
			r.Body = io.NopCloser(strings.NewReader(string(body)))
			times.Add(1)
			bravo.handler.Load().Handler().ServeHTTP(&discard{w.Header()}, r)
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		bravo.handler.Load().Handler().ServeHTTP(w, r)
	})
	bravo.instead.Store(&twice)
	defer bravo.instead.Store(nil)
	r.Time = 0
	r.Bandwidth += 1_000_000
	if a := alpha.found(r); a.Best == nil || times.Load() == 0 {
		t.Error("a request that comes twice is not answered")
	}
}

type discard struct{ header http.Header }

func (d *discard) Header() http.Header         { return http.Header{} }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }
func (d *discard) WriteHeader(int)             {}

// A buyer that speaks the standard alone is served from beyond as well, and is
// told of no carrier.
func TestAForeignBuyerIsQuotedWhatNeighboursSell(t *testing.T) {
	w := newWorld(t, nil, "ALPHA", "BRAVO", "CHARLIE")
	alpha, bravo := w.sides["ALPHA"], w.sides["BRAVO"]
	alpha.found(wanted)
	c := must(client.New(client.Options{Base: bravo.http.URL, ID: "ALPHA", Secret: alpha.secrets["BRAVO"]}))
	place := func(id, role string) wire.RelatedPlace {
		return wire.RelatedPlace{Role: role, Place: wire.Place{Type: wire.TypeAddressRef, ID: id}}
	}
	p := wire.Product{Offering: &wire.Ref{ID: "line"}, Configuration: must(wire.Parse([]byte(`{"@type":"urn:lateral:spec:e-line:v1.0.0:all","bandwidth":50000000,"endA":{"interface":"enni"},"endZ":{"interface":"uni"}}`))),
		Place: []wire.RelatedPlace{place(cities[0], "A"), place(last, "Z")}}
	contact := []wire.Contact{{Role: wire.BuyerContact, Name: "A", Email: "a@alpha.example", Number: "+1"}}
	q := must(c.CreateQualification(context.Background(), wire.POQ{Instant: true, Contacts: contact, Items: []wire.POQItem{{ID: "1", Action: wire.Add, Product: p}}}))
	if i := q.Value.Items[0]; i.Confidence != wire.GreenConfidence || i.Delivery != "offNetWithoutBuild" || strings.Contains(string(q.Raw), "CHARLIE") || len(i.Offers) > 0 {
		t.Errorf("qualified %s", q.Raw)
	}
	firm := must(c.CreateQuote(context.Background(), wire.Quote{Instant: true, Level: wire.Firm, Contacts: contact, Items: []wire.QuoteItem{{ID: "1", Action: wire.Add, Product: p}}}))
	if firm.Value.State != wire.Orderable || len(firm.Value.Proofs) != 1 || strings.Contains(string(firm.Raw), "CHARLIE") {
		t.Errorf("quoted %s", firm.Raw)
	}
	if s := must(order.OpenQuote(firm.Value.Proofs[0].Signed)); s.Quote.ID != firm.Value.ID || len(s.Quote.Legs) != 2 || s.Quote.Legs[1].Name != "" {
		t.Errorf("signed %+v", s.Quote)
	}
}

// A header that does not say what the body does is refused.
func TestAnInquiryWhoseHeaderIsNotItsBodyIsRefused(t *testing.T) {
	w := newWorld(t, nil, "ALPHA", "BRAVO")
	alpha, bravo := w.sides["ALPHA"], w.sides["BRAVO"]
	alpha.found(wanted)
	var header http.Header
	keep := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Lateral-Inquired") != "" {
			header = r.Header.Clone()
		}
		bravo.handler.Load().Handler().ServeHTTP(w, r)
	})
	bravo.instead.Store(&keep)
	r := wanted
	r.Bandwidth = 200_000_000
	alpha.found(r)
	bravo.instead.Store(nil)
	c := must(client.New(client.Options{Base: bravo.http.URL, ID: "ALPHA", Secret: alpha.secrets["BRAVO"]}))
	ask := func(h http.Header, bandwidth string) error {
		p := wire.Product{Offering: &wire.Ref{ID: "x"}, Configuration: must(wire.Parse([]byte(`{"@type":"urn:lateral:spec:e-line:v1.0.0:all","bandwidth":` + bandwidth + `,"endA":{"interface":"enni"},"endZ":{"interface":"uni"}}`))),
			Place: []wire.RelatedPlace{{Role: "A", Place: wire.Place{Type: wire.TypeAddressRef, ID: cities[0]}}, {Role: "Z", Place: wire.Place{Type: wire.TypeAddressRef, ID: last}}}}
		_, err := c.CreateQualification(client.WithHeader(context.Background(), h), wire.POQ{Instant: true, Items: []wire.POQItem{{ID: "1", Action: wire.Add, Product: p}},
			Contacts: []wire.Contact{{Role: wire.BuyerContact, Name: "A", Email: "a@alpha.example", Number: "+1"}}})
		return err
	}
	own := http.Header{"Lateral-Inquired": header["Lateral-Inquired"], "Lateral-Inquiry": header["Lateral-Inquiry"]}
	if err := ask(own, "200000000"); err != nil {
		t.Errorf("as it was sent: %v", err)
	}
	if err := ask(own, "300000000"); err == nil {
		t.Error("another bandwidth in the body is taken")
	}
	if err := ask(http.Header{"Lateral-Inquired": {"rubbish"}}, "200000000"); err == nil {
		t.Error("rubbish in the header is taken")
	}
}

// An application opens and closes a session by the standing schedule; no person
// acts at the seller.
func TestASessionIsOpenedAndClosedByAStandingSchedule(t *testing.T) {
	offer := product.Offer{Line: "connectivity", Type: "urn:example:session:1", Pieces: 1,
		Prices: []rating.Price{{Name: "session", Kind: rating.Time, Currency: "EUR", Rate: 60e9, Unit: 1, Period: usage.Cycle{Length: "1mo"}}}}
	w := newWorld(t, func(w *world) {
		w.terms = func(_, _ party.Code, c *agreement.ProductTerms) {
			c.Test = false
			c.Schedules = []agreement.Schedule{{Name: "app", Type: offer.Type, Prices: offer.Prices}}
		}
	}, "ALPHA", "BRAVO")
	alpha := w.sides["ALPHA"]
	state := func(want product.State) func() bool {
		return func() bool {
			return alpha.view("BRAVO", func(v trade.View) bool { p, ok := v.Product("S-1"); return ok && p.State == want })
		}
	}
	alpha.do("BRAVO", trade.NewCommand(trade.KindOrderPlace, trade.OrderPlace{ID: "open-1", Kind: order.Product, Agreement: "MSA", Line: "connectivity",
		Value: []money.Amount{{Currency: "EUR", Micro: 1e6}}, Request: &order.Request{Action: order.Add, Product: "S-1", Schedule: "app", Offer: offer}}))
	eventually(t, "the session is open", state(product.Active))
	w.sides["BRAVO"].stop() // what is ordered while it is down is answered when it is back
	alpha.do("BRAVO", trade.NewCommand(trade.KindOrderPlace, trade.OrderPlace{ID: "close-1", Kind: order.Product, Agreement: "MSA", Line: "connectivity",
		Request: &order.Request{Action: order.Delete, Product: "S-1"}}))
	w.sides["BRAVO"].start()
	eventually(t, "the session is closed", state(product.Terminated))
}

func TestWhatWasQuotedBesideAnOrderIsGivenBack(t *testing.T) {
	w := newWorld(t, func(w *world) { w.twice = true }, "ALPHA", "BRAVO")
	alpha, bravo := w.sides["ALPHA"], w.sides["BRAVO"]
	var a buying.Answer
	eventually(t, "two ways are found", func() bool {
		a = alpha.found(wanted)
		return len(a.Alternatives) == 1
	})
	if a.Best.Latency <= a.Alternatives[0].Latency || a.Best.Price.Each >= a.Alternatives[0].Price.Each {
		t.Errorf("the best is %+v, beside it %+v", a.Best, a.Alternatives[0])
	}
	held := func() int { return len(bravo.catalog.Waiting("ALPHA", time.Now().UnixMilli())) }
	before := held()
	if before < 2 {
		t.Fatalf("BRAVO has reserved for %d quotes", before)
	}
	s := must(alpha.broker.Order(a.Best.Quote))
	alpha.stage(s.ID, mesh.Accepted)
	eventually(t, "both are not held any more: one is ordered, one declined", func() bool { return held() == before-2 })
}
