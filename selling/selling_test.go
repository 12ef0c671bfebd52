package selling_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/rating"
)

func TestABuyerFindsWhatIsSoldAndNothingElseOfTheCatalogue(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	for _, r := range []wire.Release{wire.Kylie, wire.Grace} {
		c := w.buyer(map[wire.Release]string{wire.Kylie: "bravo", wire.Grace: "golf"}[r], r)
		var raw strings.Builder
		asked := wire.Representations{Fielded: []wire.Fielded{{City: "Milano", CountryCode: "IT"}}}
		if r == wire.Grace { // which has no address without a street
			asked = wire.Representations{Labels: []wire.Label{{Label: "ITMIL", Authority: "UN/LOCODE"}}}
		}
		valid, err := c.ValidateAddress(ctx, wire.AddressValidation{Instant: true, Submitted: wire.Place{Representations: asked}})
		if err != nil || valid.Value.Best == nil || valid.Value.Best.ID != "ITMIL" {
			t.Fatalf("%s: Milan is not found: %s %v", r, valid.Raw, err)
		}
		sites, err := c.Sites(ctx, wire.SiteQuery{Place: &wire.Place{Type: wire.TypeAddressRef, ID: "ITMIL"}}, nil)
		if err != nil || len(sites.Items) != 1 || sites.Items[0].ID != "ITMIL" {
			t.Errorf("%s: sites in Milan: %+v %v", r, sites.Items, err)
		}
		list, err := c.Offerings(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, o := range list.Items {
			one, err := c.Offering(ctx, o.ID)
			if err != nil {
				t.Fatal(err)
			}
			raw.Write(one.Raw)
			ids = append(ids, o.ID)
		}
		if got := strings.Join(ids, " "); got != "branch hk-mil" {
			t.Errorf("%s: it sees %s", r, got)
		}
		if spec, err := c.Specification(ctx, "e-line"); err != nil || !strings.Contains(string(spec.Raw), "endA") {
			t.Errorf("%s: the schema is not told: %v", r, err)
		}
		at := []wire.RelatedPlace{{Role: "INSTALL_LOCATION", Place: wire.Place{Type: wire.TypeAddressRef, ID: "ITMIL"}}}
		can, err := c.Available(ctx, wire.AvailabilityRequest{Action: wire.Add, Place: at})
		if err != nil || len(can.Value.Configurations) != 1 || can.Value.Configurations[0].Offering.ID != "branch" {
			t.Fatalf("%s: available in Milan: %s %v", r, can.Raw, err)
		}
		costs, err := c.Pricing(ctx, wire.PricingRequest{Action: wire.Add, Configuration: can.Value.Configurations[0].ID, Place: at})
		if err != nil || len(costs.Value.Prices) != 1 || costs.Value.Prices[0].Prices[0].Price.Untaxed.Value != "230" {
			t.Fatalf("%s: the bundle costs %s %v", r, costs.Raw, err)
		}
		raw.Write(can.Raw)
		raw.Write(costs.Raw)
		for _, secret := range []string{"secret-cable", "CHARLIE", "BRAVO", "enni-b", "access-it", "150000", "FRPAR"} {
			if strings.Contains(raw.String(), secret) {
				t.Errorf("%s: %s is told", r, secret)
			}
		}
	}
}

func TestAnAddressMeansOnePlaceOrIsAskedBack(t *testing.T) {
	w := newWorld(t)
	c := w.buyer("bravo", wire.Kylie)
	for _, x := range []struct {
		name   string
		asked  wire.Representations
		best   string
		others string // one of them
	}{
		{"by a text", wire.Representations{Formatted: []wire.Formatted{{Address: "Via Caldera 21, Milano, IT"}}}, "ITMIL", ""},
		{"by its parts", wire.Representations{Fielded: []wire.Fielded{{StreetName: "Via Caldera", City: "Milan", CountryCode: "it"}}}, "ITMIL", ""},
		{"in another country", wire.Representations{Fielded: []wire.Fielded{{City: "Milan", CountryCode: "FR"}}}, "", "ITMIL"},
		{"by a position nearby", wire.Representations{Points: []wire.Point{{SpatialRef: "EPSG:4326", Latitude: "45.47123456789", Longitude: "9.19"}}}, "ITMIL", ""},
		{"at sea", wire.Representations{Points: []wire.Point{{SpatialRef: "EPSG:4326", Latitude: "0", Longitude: "-30"}}}, "", ""},
		{"misspelt", wire.Representations{Fielded: []wire.Fielded{{City: "Hong Kongg"}}}, "", "HKHKG"},
		{"nowhere", wire.Representations{Fielded: []wire.Fielded{{City: "Qqqqqqqq"}}}, "", ""},
	} {
		a, err := c.ValidateAddress(t.Context(), wire.AddressValidation{Instant: true, Submitted: wire.Place{Representations: x.asked}})
		if err != nil {
			t.Fatal(x.name, err)
		}
		best, others := "", ""
		if a.Value.Best != nil {
			best = a.Value.Best.ID
		}
		for _, o := range a.Value.Others {
			others += " " + o.ID
		}
		if best != x.best || !strings.Contains(others, x.others) || x.others == "" && others != "" {
			t.Errorf("%s: best %q, others %q", x.name, best, others)
		}
	}
	bad := wire.Representations{Points: []wire.Point{{SpatialRef: "EPSG:4326", Latitude: "north", Longitude: "1"}}}
	if _, err := c.ValidateAddress(t.Context(), wire.AddressValidation{Instant: true, Submitted: wire.Place{Representations: bad}}); refusal(t, err).Status != 422 {
		t.Error(err)
	}
}

func TestATermSaysFromWhenToWhenItIsReserved(t *testing.T) {
	w := newWorld(t)
	c := w.buyer("bravo", wire.Kylie)
	q := firm(line("100000000"))
	q.Items[0].RequestedInterval = &wire.Duration{Amount: 11, Units: "calendarHours"}
	q.Items[0].Term = &wire.Term{Name: "tonight", Duration: wire.Duration{Amount: 2, Units: "calendarHours"}, End: wire.EndOfTermDisconnect}
	a := must(c.CreateQuote(t.Context(), q))
	holds := w.shop.Reservations(a.Value.ID)
	evening := time.Date(2026, 11, 2, 20, 0, 0, 0, time.UTC).UnixMilli()
	if len(holds) != 1 || int64(holds[0].From) != evening || int64(holds[0].To) != evening+2*3_600_000 {
		t.Errorf("reserved: %+v", holds)
	}
	// The signed quote is for that time alone, and one without an end for any.
	if signed := must(order.OpenQuote(a.Value.Proofs[0].Signed)).Quote; signed.From != evening || signed.To != evening+2*3_600_000 {
		t.Errorf("signed from %d to %d", signed.From, signed.To)
	}
	open := must(c.CreateQuote(t.Context(), firm(line("100000000"))))
	if signed := must(order.OpenQuote(open.Value.Proofs[0].Signed)).Quote; signed.From != 0 || signed.To != 0 {
		t.Errorf("without an end, signed from %d to %d", signed.From, signed.To)
	}
	// Business hours have no calendar here.
	q.Items[0].Term.Duration.Units = "businessHours"
	_, err := c.CreateQuote(t.Context(), q)
	if r := refusal(t, err); r.Status != 422 || r.Errors[0].PropertyPath != "/quoteItem/0/requestedQuoteItemTerm/duration" {
		t.Errorf("%+v", r.Errors)
	}
}

func TestABuyerIsToldAndSignedWhatItIsPromised(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	const guaranteed = "availability below 99.9% gives back 10%, below 99.05% gives back 50% of an interval's recurring charges, at most 25% of a billing period's; " +
		"latency above 185000 µs gives back 5% of an interval's recurring charges, at most 10% of a billing period's"
	const early = "an end before the term costs 50% of the recurring charges that are left; "
	year := &wire.Term{Name: "a year", Description: "as agreed", Duration: wire.Duration{Amount: 1, Units: "years"}, End: wire.EndOfTermRoll, Roll: &wire.Duration{Amount: 1, Units: "months"}}
	for id, release := range map[string]wire.Release{"bravo": wire.Kylie, "golf": wire.Grace} {
		c := w.buyer(id, release)
		for _, x := range []struct {
			asked *wire.Term
			want  string
			early uint32
		}{{nil, guaranteed, 0}, {year, early + guaranteed, 500_000}} {
			q := firm(line("1000000"))
			q.Items[0].Term = x.asked
			a := must(c.CreateQuote(ctx, q))
			if a.Value.State != wire.Orderable || len(a.Value.Items[0].Terms) != 1 || a.Value.Items[0].Terms[0].Description != x.want {
				t.Errorf("%s: told %s", release, a.Raw)
			}
			of := must(order.OpenQuote(a.Value.Proofs[0].Signed)).Quote.Offer
			if len(of.Guarantees) != 2 || of.Guarantees[0].Tiers[1] != (rating.Miss{Beyond: 990_500, Share: 500_000}) || of.Guarantees[1].Cap != 100_000 || of.Term.Early != x.early {
				t.Errorf("%s: signed %+v", release, of)
			}
		}
		ends := line("1000000").Place
		costs, err := c.Pricing(ctx, wire.PricingRequest{Action: wire.Add, Configuration: "hk-mil", Place: ends})
		if err != nil || costs.Value.Prices[0].Term.Description != guaranteed {
			t.Errorf("%s: the price list says %s, %v", release, costs.Raw, err)
		}
		// What promises nothing says nothing.
		p := line("10000000")
		p.Offering.ID, p.Place = "branch", []wire.RelatedPlace{{Role: "INSTALL_LOCATION", Place: ends[0].Place}}
		p.Configuration = must(wire.Parse([]byte(`{"@type":"` + catalog.TypeInternetAccess + `","bandwidthDown":10000000,"bandwidthUp":10000000,"addressing":{"ipv4":29}}`)))
		if a := must(c.CreateQuote(ctx, firm(p))); a.Value.State != wire.Orderable || len(a.Value.Items[0].Terms) != 0 {
			t.Errorf("%s: %s", release, a.Raw)
		}
	}
}

func TestALineToTheBuyersENNIIsFoundByItsConfiguration(t *testing.T) {
	w := newWorld(t)
	p := line("100000000")
	p.Place[0].Place.ID = "CHZRH"
	p.Configuration = must(wire.Parse([]byte(`{"@type":"` + catalog.TypeELine + `","bandwidth":100000000,"endA":{"interface":"uni"},"endZ":{"interface":"enni","outerVlan":7}}`)))
	if a := must(w.buyer("bravo", wire.Kylie).CreateQuote(t.Context(), firm(p))); a.Value.State != wire.Orderable {
		t.Errorf("to its own: %s", a.Raw)
	}
	if a := must(w.buyer("delta", wire.Kylie).CreateQuote(t.Context(), firm(p))); a.Value.State != wire.UnableToProvide {
		t.Errorf("to another's: %s", a.Raw)
	}
}

func TestWhatCanBeDeliveredIsGreenAndWhatIsNotHereIsRed(t *testing.T) {
	w := newWorld(t)
	c := w.buyer("bravo", wire.Kylie)
	unknown, wide := line("100000000"), line("100000000")
	unknown.Offering = &wire.Ref{ID: "hk-to-charlie"} // another neighbour's is not here either
	wide.Place = wide.Place[:2:2]
	wide.Place[0].Place.ID = "FRPAR"
	q := wire.POQ{Instant: true, Alternatives: true, Contacts: contact}
	for i, p := range []wire.Product{line("100000000"), unknown, wide} {
		q.Items = append(q.Items, wire.POQItem{ID: fmt.Sprint(i), Action: wire.Add, Product: p})
	}
	a, err := c.CreateQualification(t.Context(), q)
	if err != nil || a.Value.State != wire.Done {
		t.Fatalf("%s %v", a.Raw, err)
	}
	for i, want := range []string{wire.GreenConfidence, wire.RedConfidence, wire.RedConfidence} {
		if got := a.Value.Items[i].Confidence; got != want {
			t.Errorf("item %d is %s: %s", i, got, a.Raw)
		}
	}
	if also := a.Value.Items[1].Alternates; len(also) != 1 || also[0].Product.Offering.ID != "hk-mil" || len(a.Value.Items[2].Alternates) != 0 {
		t.Errorf("instead: %s", a.Raw)
	}
	if d := a.Value.Items[0].Interval; d == nil || *d != (wire.Duration{Amount: 60, Units: "seconds"}) {
		t.Errorf("it is there after %+v", d)
	}
	if len(w.catalog.Holds()) != 0 {
		t.Error("a qualification reserves")
	}
	// The same asked for later gets an answer too, by itself.
	q.Instant, q.Requested = false, w.now().Add(time.Hour)
	if a, err = c.CreateQualification(t.Context(), q); err != nil || a.Value.State != wire.Acknowledged {
		t.Fatalf("%s %v", a.Raw, err)
	}
	until(t, "the deferred one is done", func() bool {
		a = must(c.Qualification(t.Context(), a.Value.ID))
		return a.Value.State == wire.Done
	})
}

func TestABadConfigurationIsRefusedWithThePathsOfAllFaults(t *testing.T) {
	w := newWorld(t)
	c := w.buyer("bravo", wire.Kylie)
	p := line("7")
	p.Configuration = must(wire.Parse([]byte(`{"@type":"` + catalog.TypeELine + `","bandwidth":7,"endA":{"interface":"uni"},"colour":"red"}`)))
	p.Place[1].Place.ID = "NOWHERE"
	_, err := c.CreateQuote(t.Context(), firm(line("1000000"), p))
	r := refusal(t, err)
	got := map[string]string{}
	for _, e := range r.Errors {
		got[e.PropertyPath] = e.Code
	}
	const at = "/quoteItem/1/product/"
	want := map[string]string{at + "productConfiguration/bandwidth": "invalidValue", at + "productConfiguration/endZ": "missingProperty",
		at + "productConfiguration/colour": "unexpectedProperty", at + "place/1/place/id": "referenceNotFound"}
	if r.Status != 422 || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%d %v, want %v", r.Status, got, want)
	}
	if len(w.catalog.Holds()) != 0 {
		t.Error("what was refused is reserved")
	}
}

func TestAFirmQuoteReservesUntilItExpires(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	bravo, delta := w.buyer("bravo", wire.Kylie), w.buyer("delta", wire.Kylie)
	first, err := bravo.CreateQuote(ctx, firm(line("600000000")))
	if err != nil || first.Value.State != wire.Orderable || first.Value.QuoteLevel != wire.Firm {
		t.Fatalf("%s %v", first.Raw, err)
	}
	prices := first.Value.Items[0].Prices
	if len(prices) != 3 || prices[0].Price.Untaxed.Value != "250.5" || prices[0].Type != wire.Recurring || *prices[0].Period != (wire.Duration{Amount: 1, Units: "months"}) || prices[2].Type != wire.NonRecurring {
		t.Errorf("prices: %+v", prices)
	}
	second, err := delta.CreateQuote(ctx, firm(line("600000000")))
	if err != nil || second.Value.State != wire.UnableToProvide || len(second.Value.Proofs) != 0 {
		t.Fatalf("the last capacity is sold twice: %s %v", second.Raw, err)
	}
	if strings.Contains(string(second.Raw), "400000000") {
		t.Error("how much is free is told")
	}
	// What does not fit as a whole takes nothing.
	if both, err := delta.CreateQuote(ctx, firm(line("300000000"), line("300000000"))); err != nil || both.Value.State != wire.UnableToProvide {
		t.Fatalf("%s %v", both.Raw, err)
	}
	if _, free, _ := w.catalog.Free("secret-cable", w.ms.Load(), 0, w.ms.Load()); free != 400_000_000 {
		t.Errorf("%d bit/s are free", free)
	}
	w.ms.Add(15*60*1000 + 1)
	until(t, "the quote has expired", func() bool { return must(bravo.Quote(ctx, first.Value.ID)).Value.State == wire.Expired })
	if third, err := delta.CreateQuote(ctx, firm(line("600000000"))); err != nil || third.Value.State != wire.Orderable {
		t.Errorf("what has expired is not free: %s %v", third.Raw, err)
	} else if err := delta.DeclineQuote(ctx, wire.QuoteOperation{QuoteID: third.Value.ID}); err != nil {
		t.Error(err)
	}
	until(t, "the declined one is free", func() bool {
		_, free, _ := w.catalog.Free("secret-cable", w.ms.Load(), 0, w.ms.Load())
		return free == 1_000_000_000
	})
}

func TestAQuoteThatIsAnsweredAgainReservesOnce(t *testing.T) {
	w := newWorld(t)
	q := firm(line("300000000"), line("300000000"))
	q.ID = "q"
	p := sonata.Party{Buyer: "BRAVO", Seller: "ALPHA", Release: wire.Kylie}
	for range 3 { // the node went down each time before it could keep the answer
		a, err := w.shop.Quote(t.Context(), p, q)
		if err != nil || len(a.Proofs) != 2 {
			t.Fatalf("%+v %v", a, err)
		}
		for i, proof := range a.Proofs {
			if signed := must(order.OpenQuote(proof.Signed)); signed.Quote.ID != fmt.Sprint("q/", i+1) || proof.Item != fmt.Sprint(i+1) {
				t.Errorf("item %s is quoted as %s", proof.Item, signed.Quote.ID)
			}
		}
	}
	if _, free, _ := w.catalog.Free("secret-cable", w.ms.Load(), 0, w.ms.Load()); free != 400_000_000 || len(w.shop.Reservations("q")) != 2 {
		t.Errorf("%d bit/s are free", free)
	}
	// A buyer outside the network has no Bilateral to order on.
	p.Buyer, q.ID, q.Items = "golf systems", "plain", q.Items[:1]
	if a, err := w.shop.Quote(t.Context(), p, q); err != nil || len(a.Proofs) != 0 || len(a.Items[0].Errors) != 0 {
		t.Errorf("%+v %v", a, err)
	}
}

func TestWhereNobodyKnowsProductsNoneIsChanged(t *testing.T) {
	w := newWorld(t, func(w *world) { w.options.Products = nil })
	q := firm(line("1000000"))
	q.Items[0].Action, q.Items[0].Product.Offering, q.Items[0].Product.ID = wire.Modify, nil, "P-1"
	_, err := w.buyer("bravo", wire.Kylie).CreateQuote(t.Context(), q)
	if r := refusal(t, err); r.Status != 422 || r.Errors[0].Code != "referenceNotFound" || r.Errors[0].PropertyPath != "/quoteItem/0/product/id" {
		t.Errorf("%+v", r.Errors)
	}
}

func TestABuyerHoldsOnlySoManyFirmQuotesAtATime(t *testing.T) {
	w, ctx := newWorld(t, func(w *world) { w.options.MostHeld = 2 }), t.Context()
	bravo, delta := w.buyer("bravo", wire.Kylie), w.buyer("delta", wire.Kylie)
	one := must(bravo.CreateQuote(ctx, firm(line("1000000"), line("1000000")))) // two items are one quote
	two := must(bravo.CreateQuote(ctx, firm(line("1000000"))))
	full := func(why string) {
		t.Helper()
		_, err := bravo.CreateQuote(ctx, firm(line("1000000")))
		if err == nil {
			t.Fatalf("%s: a third is given", why)
		}
		if r := refusal(t, err); r.Status != 422 || r.Errors[0].Code != "otherIssue" || !strings.Contains(r.Errors[0].Reason, "2 firm quotes") {
			t.Errorf("%s: %+v", why, r)
		}
		if n := len(w.catalog.Waiting("BRAVO", w.ms.Load())); n > 3 {
			t.Errorf("%s: %d reservations wait", why, n)
		}
	}
	full("at the limit")
	if a := must(delta.CreateQuote(ctx, firm(line("1000000")))); a.Value.State != wire.Orderable {
		t.Errorf("another buyer: %s", a.Raw)
	}
	cheap := firm(line("1000000"))
	cheap.Level = wire.Budgetary
	if a := must(bravo.CreateQuote(ctx, cheap)); a.Value.State != wire.Answered {
		t.Errorf("a budgetary one: %s", a.Raw)
	}
	late := firm(line("1000000"))
	late.Instant, late.Requested = false, w.now().Add(time.Hour)
	late.Items[0].Contacts = []wire.Contact{{Role: "quoteItemTechnicalContact", Name: "Desk", Number: "+41", Email: "desk@bravo.example"}}
	deferred := must(bravo.CreateQuote(ctx, late))
	until(t, "a deferred one is refused", func() bool {
		return must(bravo.Quote(ctx, deferred.Value.ID)).Value.State == wire.UnableToProvide
	})

	// It may hold one more when one is cancelled, ordered, or has expired.
	if err := bravo.DeclineQuote(ctx, wire.QuoteOperation{QuoteID: one.Value.ID}); err != nil {
		t.Fatal(err)
	}
	until(t, "the declined one is free", func() bool { return len(w.shop.Reservations(one.Value.ID)) == 0 })
	must(bravo.CreateQuote(ctx, firm(line("1000000"))))
	full("after one was declined")
	must(w.catalog.MoveHold(w.shop.Reservations(two.Value.ID)[0].ID, catalog.Confirm, "O-1", w.ms.Load()))
	must(bravo.CreateQuote(ctx, firm(line("1000000"))))
	full("after one was ordered")
	w.ms.Add(15*60*1000 + 1)
	if a := must(bravo.CreateQuote(ctx, firm(line("1000000")))); a.Value.State != wire.Orderable {
		t.Errorf("after all have expired: %s", a.Raw)
	}
}

func TestManyQuotesAtOnceKeepToWhatABuyerMayHold(t *testing.T) {
	w := newWorld(t, func(w *world) { w.options.MostHeld = 3 })
	p := sonata.Party{Buyer: "BRAVO", Seller: "ALPHA", Release: wire.Kylie}
	var all sync.WaitGroup
	begin := make(chan struct{})
	for i := range 200 {
		all.Go(func() {
			q := firm(line("1000000"))
			q.ID = fmt.Sprint("q", i)
			<-begin
			w.shop.Quote(context.Background(), p, q)
		})
	}
	close(begin)
	all.Wait()
	if n := len(w.catalog.Waiting("BRAVO", w.ms.Load())); n != 3 {
		t.Errorf("%d are held", n)
	}
}

func TestBuyersAtTheSameTimeGetTheLastCapacityOnce(t *testing.T) {
	w := newWorld(t)
	c := w.buyer("bravo", wire.Kylie)
	var got sync.Map
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			if a, err := c.CreateQuote(context.Background(), firm(line("300000000"))); err == nil && a.Value.State == wire.Orderable {
				got.Store(i, true)
			}
		})
	}
	all.Wait()
	n := 0
	got.Range(func(any, any) bool { n++; return true })
	if n != 3 {
		t.Errorf("%d quotes of 300 Mbit/s stand on 1 Gbit/s", n)
	}
}

func TestADeferredQuoteIsFirmToo(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	c := w.buyer("bravo", wire.Kylie)
	q := firm(line("100000000"))
	q.Instant, q.Requested = false, w.now().Add(time.Hour)
	q.Items[0].Contacts = []wire.Contact{{Role: "quoteItemTechnicalContact", Name: "Desk", Number: "+41", Email: "desk@bravo.example"}}
	q.Items[0].Term = &wire.Term{Name: "a year", Duration: wire.Duration{Amount: 1, Units: "years"}, End: wire.EndOfTermRoll, Roll: &wire.Duration{Amount: 1, Units: "months"}}
	a, err := c.CreateQuote(ctx, q)
	if err != nil || a.Value.State != wire.Acknowledged {
		t.Fatalf("%s %v", a.Raw, err)
	}
	until(t, "it is answered", func() bool {
		a = must(c.Quote(ctx, a.Value.ID))
		return a.Value.State == wire.Orderable
	})
	signed := must(order.OpenQuote(a.Value.Proofs[0].Signed))
	if signed.Quote.Offer.Term.Months != 12 {
		t.Errorf("the term is %+v", signed.Quote.Offer.Term)
	}
}

func TestAnOrderKeepsItsReservationWhenTheQuoteExpires(t *testing.T) {
	w, ctx := newWorld(t), t.Context()
	c := w.buyer("bravo", wire.Kylie)
	q := must(c.CreateQuote(ctx, firm(line("600000000")))).Value
	holds := w.shop.Reservations(q.ID)
	if len(holds) != 1 || holds[0].For != q.ID || holds[0].Bandwidth != 600_000_000 {
		t.Fatalf("reserved: %+v", holds)
	}
	must(w.catalog.MoveHold(holds[0].ID, catalog.Confirm, "O-1", w.ms.Load()))
	w.ms.Add(15*60*1000 + 1)
	until(t, "the quote has expired", func() bool { return must(c.Quote(ctx, q.ID)).Value.State == wire.Expired })
	if h := must(w.catalog.Hold(holds[0].ID)); h.State != catalog.Confirmed {
		t.Errorf("the order's reservation is %s", h.State)
	}
}

func TestPartnersAreToldOfOfferingsThatTheySee(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var mu sync.Mutex
	var told []string
	fail := true
	go w.shop.Run(ctx, func(_ context.Context, event, id, state string, sees func(string) bool) error {
		mu.Lock()
		defer mu.Unlock()
		if fail { // the first time it cannot be told
			fail = false
			return context.DeadlineExceeded
		}
		told = append(told, fmt.Sprint(event, " ", id, " ", state, " ", sees("BRAVO"), " ", sees("CHARLIE")))
		return nil
	})
	now := w.ms.Load()
	for _, id := range []string{"hk-mil", "hk-to-charlie"} {
		must(catalog.Step[catalog.Offering](w.catalog, id, catalog.PutOnHold, "", "pm", now))
	}
	o := must(catalog.Get[catalog.Offering](w.catalog, "branch")).Item
	o.Description = "With a router."
	if _, _, err := catalog.Put(w.catalog, o, "pm", now); err != nil {
		t.Fatal(err)
	}
	o.ID = "draft"
	if _, _, err := catalog.Put(w.catalog, o, "pm", now); err != nil {
		t.Fatal(err)
	}
	must(catalog.Step[catalog.Offering](w.catalog, "draft", catalog.Announce, "", "pm", now))
	want := []string{"productOfferingStateChangeEvent hk-mil onHold true true", "productOfferingStateChangeEvent hk-to-charlie onHold false true",
		"productOfferingAttributeValueChangeEvent branch  true true", "productOfferingCreateEvent draft  true true"}
	until(t, "all is told", func() bool { mu.Lock(); defer mu.Unlock(); return len(told) >= len(want) })
	mu.Lock()
	defer mu.Unlock()
	// What the import of the world did was done before anybody watched.
	if got := strings.Join(told, "\n"); got != strings.Join(want, "\n") {
		t.Errorf("told:\n%s", got)
	}
}
