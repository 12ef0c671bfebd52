package sonata_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/sonatatest"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
)

const (
	contacts     = `[{"role":"buyerContactInformation","name":"B","number":"+39","emailAddress":"b@bravo.example"}]`
	itemContacts = `[{"role":"quoteItemTechnicalContact","name":"T","number":"+39","emailAddress":"t@bravo.example"}]`
	// configuration has what a re-encoder would change: order, spaces, a number's
	// zeros, signs that HTML escapes, and an escape.
	configuration = `{"z":1.50, "@type":"urn:lateral:line",  "a":"<&>\u00e9","n":1e3}`
)

// poqBody is a qualification of two items, one of them related to the other.
func poqBody(r wire.Release, instant bool, more string) string {
	place := `{"place":{"@type":"GeographicAddressRef","id":"MIL"},"role":"A"}`
	if r == wire.Grace {
		place = `{"@type":"FieldedAddress","role":"A","country":"IT","city":"Milano","streetName":"Via Caldera"}`
	}
	return fmt.Sprintf(`{"instantSyncQualification":%v,"provideAlternative":true,%s"relatedContactInformation":%s,"productOfferingQualificationItem":[`+
		`{"id":"1","action":"add","product":{"productOffering":{"id":"line"},"productConfiguration":%s,"place":[%s]}},`+
		`{"id":"2","action":"modify","product":{"id":"P","productConfiguration":%s},"qualificationItemRelationship":[{"id":"1","relationshipType":"X"}]}]}`,
		instant, more, contacts, configuration, place, configuration)
}

func quoteBody(r wire.Release, instant bool, level, more string) string {
	place := `{"place":{"@type":"GeographicSiteRef","id":"Caldera-1"},"role":"A"}`
	term := `{"name":"y","duration":{"amount":12,"units":"months"},"endOfTermAction":"autoRenew"}`
	if r == wire.Grace {
		place, term = `{"@type":"GeographicSiteRef","role":"A","id":"Caldera-1"}`, strings.Replace(term, "months", "calendarMonths", 1)
	}
	return fmt.Sprintf(`{"instantSyncQuote":%v,"buyerRequestedQuoteLevel":%q,%s"relatedContactInformation":%s,"quoteItem":[`+
		`{"id":"1","action":"add","relatedContactInformation":%s,"requestedQuoteItemTerm":%s,"product":{"productOffering":{"id":"line"},"productConfiguration":%s,"place":[%s]},`+
		`"note":[{"id":"n","author":"B","date":"2026-11-02T09:00:00Z","source":"buyer","text":"hello"}]},`+
		`{"id":"2","action":"delete","relatedContactInformation":%s,"product":{"id":"P"}}]}`,
		instant, level, more, contacts, itemContacts, term, configuration, place, itemContacts)
}

// partnerOf is the partner of a release.
func partnerOf(r wire.Release) string {
	if r == wire.Grace {
		return "golf"
	}
	return "bravo"
}

// each runs a test in both releases, in a world where everything is sold.
func each(t *testing.T, f func(t *testing.T, w *world, s *shop, r wire.Release)) {
	sonatatest.Need(t)
	for _, r := range wire.Releases {
		t.Run(string(r), func(t *testing.T) {
			s, seller := fullSeller(newClock())
			w := newWorld(t, seller, func(o *sonata.Options) {
				o.Contact = wire.Contact{Name: "Desk", Number: "+41", Email: "desk@alpha.example"}
				o.Page = 2
			})
			s.now = w.clock.now
			f(t, w, s, r)
		})
	}
}

// spelled is a state of a qualification in a release.
func spelled(r wire.Release, state string) string {
	if r == wire.Grace {
		return wire.GraceState(state, false)
	}
	return state
}

func TestAnImmediateQualificationIsDoneAndEchoesWhatWasAsked(t *testing.T) {
	each(t, func(t *testing.T, w *world, s *shop, r wire.Release) {
		path := r.Base(wire.Qualification) + "/productOfferingQualification"
		a := w.must(201, ask{partner: partnerOf(r), path: path, body: poqBody(r, true, `"externalId":"X-1","projectId":"P-1",`)})
		if a.body.Get("state").Text() != spelled(r, wire.Done) {
			t.Errorf("the state is %s", a.body.Get("state").Text())
		}
		if strings.Count(a.text, configuration) != 2 {
			t.Errorf("the configuration was rewritten: %s", a.text)
		}
		item := a.body.Get("productOfferingQualificationItem").Items[0]
		if item.Get("serviceabilityConfidence").Text() != "green" || !item.Has("installationInterval") {
			t.Errorf("the item is %s", item.Bytes())
		}
		again := w.must(200, ask{partner: partnerOf(r), path: path + "/" + a.body.Get("id").Text()})
		if again.text != a.text {
			t.Errorf("it reads otherwise: %s", again.text)
		}
		list := w.must(200, ask{partner: partnerOf(r), path: path + "?externalId=X-1&projectId=P-1&state=" + spelled(r, wire.Done)})
		if len(list.body.Items) != 1 || list.header.Get("X-Total-Count") != "1" || list.header.Get("X-Result-Count") != "1" {
			t.Errorf("the list is %s %v", list.text, list.header)
		}
		if other := w.must(200, ask{partner: partnerOf(r), path: path + "?externalId=X-2"}); other.text != "[]" {
			t.Errorf("another id's list is %s", other.text)
		}
		if len(s.parties) == 0 || s.parties[0].Buyer != map[wire.Release]string{wire.Kylie: "BRAVO", wire.Grace: "GOLF"}[r] {
			t.Errorf("the seller was asked for %v", s.parties)
		}
	})
}

func TestADeferredQualificationGoesThroughItsStatesAndTellsOfEach(t *testing.T) {
	each(t, func(t *testing.T, w *world, s *shop, r wire.Release) {
		base := r.Base(wire.Qualification)
		in := w.newInbox()
		w.must(201, ask{partner: partnerOf(r), path: base + "/hub", body: `{"callback":"` + in.url + `","query":"eventType=poqStateChangeEvent,poqItemStateChangeEvent"}`})
		until24 := `"requestedPOQCompletionDate":"2026-11-03T09:00:00Z",`
		a := w.must(201, ask{partner: partnerOf(r), path: base + "/productOfferingQualification", body: poqBody(r, false, until24)})
		if a.body.Get("state").Text() != wire.Acknowledged {
			t.Fatalf("it is %s", a.text)
		}
		w.run()
		path := base + "/productOfferingQualification/" + a.body.Get("id").Text()
		until(t, "it is done", func() bool {
			return w.must(200, ask{partner: partnerOf(r), path: path}).body.Get("state").Text() == spelled(r, wire.Done)
		})
		var states []string
		for _, c := range w.must(200, ask{partner: partnerOf(r), path: path}).body.Get("stateChange").Items {
			states = append(states, c.Get("state").Text())
		}
		if want := []string{wire.Acknowledged, wire.InProgress, spelled(r, wire.Done)}; !slices.Equal(states, want) {
			t.Errorf("its history is %v, want %v", states, want)
		}
		until(t, "all notifications came", func() bool { return len(in.all()) == 6 })
		if got := in.states("poqStateChangeEvent"); r == wire.Kylie && !slices.Equal(got, []string{wire.InProgress, wire.Done}) {
			t.Errorf("told: %v", got)
		}
	})
}

func TestAQualificationThatIsNotAnsweredInTimeEnds(t *testing.T) {
	each(t, func(t *testing.T, w *world, s *shop, r wire.Release) {
		s.set(func() {
			s.qualify = func(wire.POQ) ([]wire.QualificationResult, error) {
				return nil, fault.New(fault.NotYet, "the neighbours have not answered", "wait")
			}
		})
		path := r.Base(wire.Qualification) + "/productOfferingQualification"
		if a := w.must(201, ask{partner: partnerOf(r), path: path, body: poqBody(r, true, "")}); a.body.Get("state").Text() != spelled(r, wire.TerminatedWithError) {
			t.Errorf("an immediate one is %s", a.text)
		}
		a := w.must(201, ask{partner: partnerOf(r), path: path, body: poqBody(r, false, `"requestedPOQCompletionDate":"2026-11-02T10:00:00Z",`)})
		state := func() string {
			must(w.server.Work(context.Background()))
			return w.must(200, ask{partner: partnerOf(r), path: path + "/" + a.body.Get("id").Text()}).body.Get("state").Text()
		}
		if got := state(); got != wire.InProgress {
			t.Fatalf("it is %s", got)
		}
		if got := state(); got != wire.InProgress {
			t.Fatalf("it ended early: %s", got)
		}
		w.clock.add(time.Hour)
		if got := state(); got != spelled(r, wire.TerminatedWithError) {
			t.Errorf("after its time it is %s", got)
		}
	})
}

func TestOneItemThatCannotBeAnsweredEndsTheQualification(t *testing.T) {
	each(t, func(t *testing.T, w *world, s *shop, r wire.Release) {
		s.set(func() {
			s.qualify = func(wire.POQ) ([]wire.QualificationResult, error) {
				return []wire.QualificationResult{
					{Confidence: wire.GreenConfidence, Interval: &wire.Duration{Amount: 1, Units: "months"}},
					{Errors: []wire.TerminationError{{Code: "missingProperty", PropertyPath: "/productOfferingQualificationItem/1/product", Value: "no VLAN"}}},
				}, nil
			}
		})
		a := w.must(201, ask{partner: partnerOf(r), path: r.Base(wire.Qualification) + "/productOfferingQualification", body: poqBody(r, true, "")})
		items := a.body.Get("productOfferingQualificationItem").Items
		if items[0].Get("state").Text() != wire.Abandoned || items[1].Get("state").Text() != wire.TerminatedWithError || len(items[1].Get("terminationError").Items) != 1 || items[0].Has("serviceabilityConfidence") {
			t.Errorf("the answer is %s", a.text)
		}
		if a.body.Get("state").Text() != wire.TerminatedWithError {
			t.Errorf("the state is %s", a.body.Get("state").Text())
		}
	})
}

func TestAnImmediateFirmQuoteIsOrderableWithExactPrices(t *testing.T) {
	each(t, func(t *testing.T, w *world, s *shop, r wire.Release) {
		s.set(func() {
			whole := s.quote
			s.quote = func(q wire.Quote) (sonata.QuoteAnswer, error) {
				a, err := whole(q)
				a.Items[0].Prices[1].Price.Untaxed.Value = "9007199254740993.000001"
				a.Proofs = []wire.Proof{{Item: "1", Signed: []byte("cbor")}}
				return a, err
			}
		})
		a := w.must(201, ask{partner: partnerOf(r), path: r.Base(wire.Quoting) + "/quote", body: quoteBody(r, true, wire.Firm, "")})
		if a.body.Get("state").Text() != wire.Orderable || a.body.Get("quoteLevel").Text() != wire.Firm || !a.body.Has("validFor") || !a.body.Has("lateralQuote") {
			t.Errorf("the quote is %s", a.text)
		}
		// A float64 would be ...992 or ...994.
		if !strings.Contains(a.text, `"value":9007199254740993.000001`) || !strings.Contains(a.text, configuration) {
			t.Errorf("not exact: %s", a.text)
		}
		if got := a.body.Get("relatedContactInformation").Items; len(got) != 2 || got[1].Get("role").Text() != "sellerContactInformation" {
			t.Errorf("whom to ask: %s", a.text)
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		item := s.quoted[0].Items[0]
		if item.Product.Place[0].Place.ID != "Caldera-1" || item.Product.Place[0].Role != "A" || item.Term.Duration != (wire.Duration{Amount: 12, Units: "months"}) || string(item.Product.Configuration.Bytes()) != configuration {
			t.Errorf("the seller was asked %+v", item)
		}
	})
}

func TestABudgetaryQuoteIsAnsweredAndExpires(t *testing.T) {
	each(t, func(t *testing.T, w *world, s *shop, r wire.Release) {
		in := w.newInbox()
		base := r.Base(wire.Quoting)
		w.must(201, ask{partner: partnerOf(r), path: base + "/hub", body: `{"callback":"` + in.url + `"}`})
		a := w.must(201, ask{partner: partnerOf(r), path: base + "/quote", body: quoteBody(r, true, wire.Budgetary, "")})
		id := a.body.Get("id").Text()
		if a.body.Get("state").Text() != wire.Answered {
			t.Fatalf("it is %s", a.text)
		}
		state := func() string {
			must(w.server.Work(context.Background()))
			return w.must(200, ask{partner: partnerOf(r), path: base + "/quote/" + id}).body.Get("state").Text()
		}
		w.clock.add(59 * time.Minute)
		if got := state(); got != wire.Answered {
			t.Errorf("before its time it is %s", got)
		}
		w.clock.add(time.Minute)
		if got := state(); got != wire.Expired {
			t.Errorf("after its time it is %s", got)
		}
		if s.withdrawn[id] != wire.Expired {
			t.Errorf("the seller was told %q", s.withdrawn[id])
		}
		w.run()
		until(t, "it is told", func() bool { return len(in.all()) == 4 })
	})
}

func TestADeferredQuoteIsNegotiatedAsADraftAndThenOrderable(t *testing.T) {
	each(t, func(t *testing.T, w *world, s *shop, r wire.Release) {
		base, draft := r.Base(wire.Quoting), true
		s.set(func() {
			whole := s.quote
			s.quote = func(q wire.Quote) (sonata.QuoteAnswer, error) {
				a, err := whole(q)
				a.Draft, a.Again = draft, w.clock.now().Add(time.Minute)
				if !draft {
					a.Alternate = map[int]bool{0: true}
				}
				return a, err
			}
		})
		a := w.must(201, ask{partner: partnerOf(r), path: base + "/quote", body: quoteBody(r, false, wire.Firm, `"requestedQuoteCompletionDate":"2026-11-02T12:00:00Z",`)})
		state := func() answer {
			must(w.server.Work(context.Background()))
			return w.must(200, ask{partner: partnerOf(r), path: base + "/quote/" + a.body.Get("id").Text()})
		}
		for i, want := range []string{wire.InProgress, wire.Draft, wire.Draft} {
			if got := state(); got.body.Get("state").Text() != want {
				t.Fatalf("step %d: %s, want %s", i, got.text, want)
			}
		}
		s.set(func() { draft = false })
		w.clock.add(time.Minute)
		got := state()
		if got.body.Get("state").Text() != wire.OrderableAlternate || got.body.Get("quoteItem").Items[1].Get("state").Text() != wire.Orderable {
			t.Fatalf("it is %s", got.text)
		}
		path, body := "/declineQuote", `{"quoteId":"`+a.body.Get("id").Text()+`","reason":"too dear"}`
		if r == wire.Grace {
			path = "/rejectQuote"
		}
		if echo := w.must(200, ask{partner: partnerOf(r), path: base + path, body: body}); echo.text != body {
			t.Errorf("the answer is %s", echo.text)
		}
		if got := state(); got.body.Get("state").Text() != wire.Declined {
			t.Errorf("it is %s", got.text)
		}
		if s.withdrawn[a.body.Get("id").Text()] != wire.Declined {
			t.Error("the seller was not told")
		}
		if no := w.must(422, ask{partner: partnerOf(r), path: base + path, body: body}); no.code() != "otherIssue" || no.propertyPath() != "/quoteId" {
			t.Errorf("a second time: %s", no.text)
		}
	})
}

func TestAQuoteInProgressCanBeCancelled(t *testing.T) {
	each(t, func(t *testing.T, w *world, s *shop, r wire.Release) {
		s.set(func() {
			s.quote = func(wire.Quote) (sonata.QuoteAnswer, error) {
				return sonata.QuoteAnswer{}, fault.New(fault.Unavailable, "not yet", "wait")
			}
		})
		base := r.Base(wire.Quoting)
		a := w.must(201, ask{partner: partnerOf(r), path: base + "/quote", body: quoteBody(r, false, wire.Firm, `"requestedQuoteCompletionDate":"2026-11-02T12:00:00Z",`)})
		body := `{"quoteId":"` + a.body.Get("id").Text() + `"}`
		if no := w.must(422, ask{partner: partnerOf(r), path: base + "/cancelQuote", body: body}); no.code() != "otherIssue" {
			t.Errorf("before it is in progress: %s", no.text)
		}
		must(w.server.Work(context.Background()))
		w.must(200, ask{partner: partnerOf(r), path: base + "/cancelQuote", body: body})
		got := w.must(200, ask{partner: partnerOf(r), path: base + "/quote/" + a.body.Get("id").Text()})
		if got.body.Get("state").Text() != wire.Cancelled || got.body.Get("quoteItem").Items[0].Get("state").Text() != wire.ItemAbandoned {
			t.Errorf("it is %s", got.text)
		}
		if no := w.must(422, ask{partner: partnerOf(r), path: base + "/cancelQuote", body: `{"quoteId":"X"}`}); no.code() != "referenceNotFound" {
			t.Errorf("another's: %s", no.text)
		}
	})
}

func TestAQuoteThatCannotBeProvidedSaysWhy(t *testing.T) {
	each(t, func(t *testing.T, w *world, s *shop, r wire.Release) {
		base := r.Base(wire.Quoting)
		s.set(func() {
			s.quote = func(q wire.Quote) (sonata.QuoteAnswer, error) {
				return sonata.QuoteAnswer{Level: q.Level, Items: []wire.QuoteResult{priced("1"), {Errors: []wire.TerminationError{{Code: "otherIssue", Value: "no capacity"}}}}}, nil
			}
		})
		a := w.must(201, ask{partner: partnerOf(r), path: base + "/quote", body: quoteBody(r, true, wire.Firm, "")})
		items := a.body.Get("quoteItem").Items
		if a.body.Get("state").Text() != wire.UnableToProvide || items[0].Get("state").Text() != wire.ItemAbandoned || items[1].Get("state").Text() != wire.UnableToProvide || items[0].Has("quoteItemPrice") {
			t.Errorf("the quote is %s", a.text)
		}
		s.set(func() {
			s.quote = func(wire.Quote) (sonata.QuoteAnswer, error) {
				return sonata.QuoteAnswer{}, fault.New(sonata.CodeReferenceUnknown, "there is no such offering", "look it up").In("quoteItem.0.product.productOffering.id")
			}
		})
		if no := w.must(422, ask{partner: partnerOf(r), path: base + "/quote", body: quoteBody(r, true, wire.Firm, "")}); no.code() != "referenceNotFound" || no.propertyPath() != "/quoteItem/0/product/productOffering/id" {
			t.Errorf("refused: %s", no.text)
		}
	})
}

func TestWhatCannotBeLookedAtIsRefusedAtOnceOrRejected(t *testing.T) {
	each(t, func(t *testing.T, w *world, s *shop, r wire.Release) {
		s.set(func() {
			s.check = func() error {
				return fault.New(sonata.CodeReferenceUnknown, "there is no such offering", "look it up").In("item.0.product")
			}
		})
		for _, c := range []struct {
			path           string
			instant, later string
			state          string
		}{
			{r.Base(wire.Quoting) + "/quote", quoteBody(r, true, wire.Firm, ""), quoteBody(r, false, wire.Firm, `"requestedQuoteCompletionDate":"2026-11-02T12:00:00Z",`), wire.Rejected},
			{r.Base(wire.Qualification) + "/productOfferingQualification", poqBody(r, true, ""), poqBody(r, false, `"requestedPOQCompletionDate":"2026-11-02T12:00:00Z",`), spelled(r, wire.Rejected)},
		} {
			if a := w.must(422, ask{partner: partnerOf(r), path: c.path, body: c.instant}); a.code() != "referenceNotFound" {
				t.Errorf("at once: %s", a.text)
			}
			a := w.must(201, ask{partner: partnerOf(r), path: c.path, body: c.later})
			must(w.server.Work(context.Background()))
			got := w.must(200, ask{partner: partnerOf(r), path: c.path + "/" + a.body.Get("id").Text()})
			if got.body.Get("state").Text() != c.state || !strings.Contains(got.text, `"code":"referenceNotFound"`) {
				t.Errorf("deferred: %s", got.text)
			}
		}
	})
}

func TestTheSameRequestTwiceIsOneQuote(t *testing.T) {
	each(t, func(t *testing.T, w *world, s *shop, r wire.Release) {
		path, body := r.Base(wire.Quoting)+"/quote", quoteBody(r, true, wire.Firm, `"externalId":"E",`)
		a := w.must(201, ask{partner: partnerOf(r), path: path, body: body})
		b := w.must(201, ask{partner: partnerOf(r), path: path, body: body})
		if a.text != b.text || len(s.quoted) != 1 {
			t.Errorf("asked %d times:\n%s\n%s", len(s.quoted), a.text, b.text)
		}
		if c := w.must(201, ask{partner: partnerOf(r), path: path, body: strings.Replace(body, "hello", "other", 1)}); c.body.Get("id").Text() == a.body.Get("id").Text() {
			t.Error("another request of that id got the first answer")
		}
		w.clock.add(time.Hour)
		w.must(201, ask{partner: partnerOf(r), path: path, body: body})
		if len(s.quoted) != 3 {
			t.Errorf("the seller was asked %d times, want 3: prices change", len(s.quoted))
		}
	})
}

func TestListsComeInPagesAndByEveryFilter(t *testing.T) {
	each(t, func(t *testing.T, w *world, s *shop, r wire.Release) {
		path := r.Base(wire.Quoting) + "/quote"
		for i := range 5 {
			w.must(201, ask{partner: partnerOf(r), path: path, body: quoteBody(r, true, wire.Firm, fmt.Sprintf(`"externalId":"E-%d","projectId":"P","requestedQuoteCompletionDate":"2026-11-0%dT00:00:00+02:00",`, i, i+3))})
			w.clock.add(time.Minute)
		}
		list := func(query string) answer { return w.must(200, ask{partner: partnerOf(r), path: path + "?" + query}) }
		for query, want := range map[string]string{
			"":                                     "5 2 true",
			"offset=4":                             "5 1 ",
			"offset=2&limit=2":                     "5 2 ",
			"limit=1":                              "5 1 ",
			"limit=100":                            "5 2 true",
			"limit=0":                              "5 0 ",
			"offset=9":                             "5 0 ",
			"externalId=E-3":                       "1 1 ",
			"projectId=P&limit=2":                  "5 2 ",
			"projectId=Q":                          "0 0 ",
			"state=" + wire.Orderable + "&limit=2": "5 2 ",
			"state=expired":                        "0 0 ",
			"quoteLevel=firm&limit=1":              "5 1 ",
			"quoteDate.gt=2026-11-02T09:00:30Z&quoteDate.lt=2026-11-02T09:02:30Z":             "2 2 ",
			"requestedQuoteCompletionDate.lt=" + url.QueryEscape("2026-11-03T00:00:00+01:00"): "1 1 ",
			"effectiveQuoteCompletionDate.gt=2026-11-02T09:03:30Z":                            "1 1 ",
			"expectedQuoteCompletionDate.gt=2026-11-02T09:03:30Z":                             "0 0 ",
		} {
			a := list(query)
			if got := a.header.Get("X-Total-Count") + " " + a.header.Get("X-Result-Count") + " " + a.header.Get("X-Pagination-Throttled"); got != want {
				t.Errorf("%s: %s, want %s", query, got, want)
			}
		}
		if other := w.must(200, ask{partner: map[string]string{"bravo": "golf", "golf": "bravo"}[partnerOf(r)], path: map[wire.Release]wire.Release{wire.Kylie: wire.Grace, wire.Grace: wire.Kylie}[r].Base(wire.Quoting) + "/quote"}); other.text != "[]" {
			t.Errorf("another partner sees %s", other.text)
		}
	})
}

func TestSitesAreFoundInBothReleases(t *testing.T) {
	each(t, func(t *testing.T, w *world, s *shop, r wire.Release) {
		path := r.Base(wire.Site) + "/geographicSite"
		a := ask{partner: partnerOf(r), path: path + "?limit=1&offset=1", body: `{"place":{"@type":"GeographicAddressRef","id":"MIL"}}`}
		want := "3 1"
		if r == wire.Grace {
			a = ask{partner: partnerOf(r), path: path + "?geographicAddress.id=MIL&siteType=public"}
			want = "3 2" // the page is ours
		}
		list := w.must(200, a)
		if got := list.header.Get("X-Total-Count") + " " + list.header.Get("X-Result-Count"); got != want {
			t.Errorf("%s, want %s: %s", got, want, list.text)
		}
		w.must(200, ask{partner: partnerOf(r), path: path + "/Caldera-2"})
		w.must(404, ask{partner: partnerOf(r), path: path + "/X"})
	})
}

func TestTheCatalogueIsShownByEveryFilter(t *testing.T) {
	each(t, func(t *testing.T, w *world, s *shop, r wire.Release) {
		base := r.Base(wire.Catalog)
		country, launched := "region.countryCode", "launched"
		if r == wire.Grace {
			country, launched = "region.country", "orderable"
		}
		for path, want := range map[string]int{
			"/category": 2, "/category?parentCategory.id=ethernet": 1, "/category?lastUpdate.gt=2026-10-01T00:30:00Z": 1, "/category?lastUpdate.lt=2026-09-01T00:00:00Z": 0,
			"/productOffering": 2, "/productOffering?name=Line": 1, "/productOffering?lifecycleStatus=" + launched: 1, "/productOffering?agreement=MSA": 1, "/productOffering?channel=api": 1,
			"/productOffering?marketSegment=wholesale": 1, "/productOffering?" + country + "=HK": 1, "/productOffering?category.id=ethernet": 1, "/productOffering?productSpecification.id=line": 2,
			"/productOffering?lastUpdate.gt=2026-10-01T00:30:00Z&lastUpdate.lt=2026-10-01T01:30:00Z": 1, "/productSpecification?name=Line": 1, "/productSpecification?lifecycleStatus=obsolete": 1,
		} {
			if a := w.must(200, ask{partner: partnerOf(r), path: base + path}); len(a.body.Items) != want {
				t.Errorf("%s: %d, want %d: %s", path, len(a.body.Items), want, a.text)
			}
		}
		if r == wire.Kylie {
			for path, want := range map[string]int{"/productOffering?isBundle=true": 1, "/productOffering?isSellable=false": 1, "/productSpecification?agreement=MSA": 0} {
				if a := w.must(200, ask{partner: partnerOf(r), path: base + path}); len(a.body.Items) != want {
					t.Errorf("%s: %s", path, a.text)
				}
			}
		}
		for _, path := range []string{"/category/timed", "/productOffering/line", "/productOffering/bundle", "/productSpecification/line", "/productSpecification/old"} {
			w.must(200, ask{partner: partnerOf(r), path: base + path})
		}
		for _, path := range []string{"/category/X", "/productOffering/X", "/productSpecification/X"} {
			w.must(404, ask{partner: partnerOf(r), path: base + path})
		}
		in := w.newInbox()
		w.must(201, ask{partner: partnerOf(r), path: base + "/hub", body: `{"callback":"` + in.url + `"}`})
		everyone := func(buyer string) bool { return buyer == strings.ToUpper(partnerOf(r)) }
		nobody := func(string) bool { return false }
		if err := w.server.CatalogChanged(context.Background(), "productOfferingCreateEvent", "hidden", "", nobody); err != nil {
			t.Fatal(err)
		}
		if err := w.server.CatalogChanged(context.Background(), "productOfferingCreateEvent", "line", "", everyone); err != nil {
			t.Fatal(err)
		}
		if err := w.server.CatalogChanged(context.Background(), "productOfferingStateChangeEvent", "line", "onHold", everyone); err != nil {
			t.Fatal(err)
		}
		w.run()
		until(t, "both are told", func() bool { return len(in.all()) == 2 })
	})
}

func TestAvailabilityAndPricesAreDiscovered(t *testing.T) {
	each(t, func(t *testing.T, w *world, s *shop, r wire.Release) {
		base := r.Base(wire.Discovery)
		place, identifier, list, prices := `{"place":{"@type":"GeographicSiteRef","id":"Caldera-1"},"role":"A"}`, "productOfferingConfigurationIdentifier", "availableProductOfferingConfiguration", "pricingAndTerm"
		if r == wire.Grace {
			place, identifier, list, prices = `{"@type":"GeographicSiteRef","id":"Caldera-1","role":"A"}`, "productConfigurationIdentifier", list+"s", prices+"s"
		}
		a := w.must(200, ask{partner: partnerOf(r), path: base + "/productOfferingAvailability", body: `{"action":"add","place":[` + place + `]}`})
		if len(a.body.Get(list).Items) != 1 || a.body.Get(list).Items[0].Get(identifier).Text() != "C-1" {
			t.Fatalf("available: %s", a.text)
		}
		w.must(200, ask{partner: partnerOf(r), path: base + "/productOfferingAvailability", body: `{"action":"modify","productRef":{"id":"P"}}`})
		b := w.must(200, ask{partner: partnerOf(r), path: base + "/pricingDiscovery", body: `{"action":"add","` + identifier + `":"C-1","place":[` + place + `]}`})
		if len(b.body.Get(prices).Items) != 1 {
			t.Errorf("prices: %s", b.text)
		}
		if no := w.must(422, ask{partner: partnerOf(r), path: base + "/pricingDiscovery", body: `{"action":"add","` + identifier + `":"X"}`}); no.code() != "referenceNotFound" {
			t.Errorf("unknown: %s", no.text)
		}
		if no := w.must(422, ask{partner: partnerOf(r), path: base + "/productOfferingAvailability", body: `{"action":"modify"}`}); no.code() != "missingProperty" || no.propertyPath() != "/productRef" {
			t.Errorf("modify without product: %s", no.text)
		}
	})
}
