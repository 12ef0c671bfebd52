package sonata_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/sonatatest"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
)

// served are the functions that are offered so far.
var served = []wire.Function{wire.Address, wire.Site, wire.Catalog, wire.Discovery, wire.Qualification, wire.Quoting}

// Each status that a published file lists for an operation comes, for its reason
// and with its form, in both releases; and each operation of the files is there,
// with its operationId as scope.
func TestEveryStatusOfTheFilesComes(t *testing.T) {
	sonatatest.Need(t)
	for _, r := range wire.Releases {
		var optional []string
		for _, f := range served {
			s := must(sonatatest.Load(r, f))
			for _, item := range s.Doc.Paths.Map() {
				for _, op := range item.Operations() {
					if op.Responses.Value("501") != nil {
						optional = append(optional, op.OperationID)
					}
				}
			}
		}
		t.Run(string(r), func(t *testing.T) {
			w, shop := statusWorld(t, r)
			off, _ := statusWorld(t, r, func(o *sonata.Options) {
				o.Off = optional
			})
			n := 0
			for _, f := range served {
				s := must(sonatatest.Load(r, f))
				for path, item := range s.Doc.Paths.Map() {
					for method, op := range item.Operations() {
						for status := range op.Responses.Map() {
							n += statusOf(t, w, off, shop, r, f, method, path, op.OperationID, status)
						}
					}
				}
			}
			if n < 90 {
				t.Errorf("only %d statuses were tried", n)
			}
		})
	}
}

// statusWorld is a world whose partner "none" has no scope that counts.
func statusWorld(t *testing.T, r wire.Release, change ...func(*sonata.Options)) (*world, *failing) {
	shop, seller := fullSeller(newClock())
	f := &failing{shop: shop}
	seller.Sites, seller.Catalog, seller.Discovery = f, f, f
	seller.Addresses = failingPlaces{f}
	w := newWorld(t, seller, change...)
	shop.now = w.clock.now
	w.add(sonata.Partner{ID: "none", Buyers: []string{"NONE"}, Release: r, Scopes: []string{"nothing"}})
	return w, f
}

// statusOf causes one status of one operation. It gives 1 when it did.
func statusOf(t *testing.T, w, off *world, shop *failing, r wire.Release, f wire.Function, method, path, id, status string) int {
	a := ask{partner: partnerOf(r), method: method, path: r.Base(f) + strings.Replace(path, "{id}", "X", 1), wrong: true}
	if method == http.MethodPost {
		a.body = goodBody(r, path)
	}
	world, code := w, ""
	switch status {
	case "400":
		a.path += "?no=such"
		code = "invalidQuery"
	case "401":
		a.partner, code = "", "missingCredentials"
	case "403":
		a.partner, code = "none", "accessDenied"
	case "404":
		if method == http.MethodPost { // grace lists it for a subscription, which needs nothing that could be missing
			return 0
		}
		code = "notFound"
	case "422":
		if method != http.MethodPost {
			return 0 // a query is wrong by its form only: 400
		}
		if a.body, code = badBody(r, path); code == "" {
			return 0
		}
	case "500":
		if strings.Contains(path, "hub") || strings.Contains(path, "/quote") || strings.Contains(path, "ualification") || strings.Contains(path, "Quote") || strings.Contains(path, "Validation/") {
			return 0 // it needs a broken disk
		}
		shop.broken.Store(true)
		defer shop.broken.Store(false)
		code = "internalError"
	case "501":
		world, code = off, "notImplemented"
	default:
		return 0
	}
	got := world.do(a)
	if got.code() != code || http.StatusText(got.status) == "" || status != strings.TrimSpace(strings.Split(got.statusText(), " ")[0]) {
		t.Errorf("%s %s (%s): %d %s, want %s %s\n%s", method, a.path, id, got.status, got.code(), status, code, got.text)
	}
	// The scope of an operation is its operationId.
	if status == "403" && !strings.Contains(got.text, "the scope "+id+" is needed") {
		t.Errorf("%s %s: the scope is not %s: %s", method, path, id, got.text)
	}
	return 1
}

// goodBody is one that an operation takes.
func goodBody(r wire.Release, path string) string {
	grace := r == wire.Grace
	switch path {
	case "/geographicAddressValidation":
		if grace {
			return `{"provideAlternative":true,"submittedGeographicAddress":{"@type":"FieldedAddress","country":"IT","city":"Milano","streetName":"X"}}`
		}
		return askMilan
	case "/geographicSite":
		return `{"place":{"@type":"GeographicAddressRef","id":"MIL"}}`
	case "/productOfferingAvailability":
		return `{"action":"add"}`
	case "/pricingDiscovery":
		if grace {
			return `{"action":"add","productConfigurationIdentifier":"C-1"}`
		}
		return `{"action":"add","productOfferingConfigurationIdentifier":"C-1"}`
	case "/productOfferingQualification":
		return poqBody(r, true, "")
	case "/quote":
		return quoteBody(r, true, wire.Firm, "")
	case "/hub":
		return `{"callback":"http://127.0.0.1:9/"}`
	}
	return `{"quoteId":"X"}`
}

// badBody is one of the right form that the business refuses, and the code for
// it.
func badBody(r wire.Release, path string) (body, code string) {
	good := goodBody(r, path)
	switch path {
	case "/geographicAddressValidation", "/geographicSite":
		return strings.Replace(strings.Replace(good, "Milano", "Atlantis", 1), "{", `{"state":"x",`, 1), map[string]string{"/geographicAddressValidation": map[wire.Release]string{wire.Kylie: "unexpectedProperty", wire.Grace: "invalidValue"}[r], "/geographicSite": ""}[path]
	case "/productOfferingAvailability":
		return `{"action":"modify"}`, "missingProperty"
	case "/pricingDiscovery":
		return strings.Replace(good, "C-1", "X", 1), "referenceNotFound"
	case "/productOfferingQualification", "/quote":
		return strings.Replace(good, `"id":"2"`, `"id":"1"`, 1), "invalidValue"
	case "/hub":
		return `{"callback":"nowhere"}`, "invalidFormat"
	}
	return good, "referenceNotFound"
}

func (a answer) statusText() string {
	return map[int]string{200: "200", 201: "201", 400: "400", 401: "401", 403: "403", 404: "404", 422: "422", 500: "500", 501: "501"}[a.status]
}

func TestSeveralFaultsOfOneBodyComeTogether(t *testing.T) {
	each(t, func(t *testing.T, w *world, s *shop, r wire.Release) {
		body := poqBody(r, false, "")
		body = strings.Replace(body, `"productOffering":{"id":"line"},`, "", 1)
		body = strings.Replace(body, `{"id":"P",`, `{`, 1)
		body = strings.Replace(body, wire.BuyerContact, "other", 1)
		a := w.must(422, ask{partner: partnerOf(r), path: r.Base(wire.Qualification) + "/productOfferingQualification", body: body})
		got := map[string]string{}
		for _, e := range a.body.Items {
			got[e.Get("propertyPath").Text()] = e.Get("code").Text()
		}
		for _, path := range []string{"/relatedContactInformation", "/requestedPOQCompletionDate", "/productOfferingQualificationItem/0/product/productOffering", "/productOfferingQualificationItem/1/product/id"} {
			if got[path] != "missingProperty" {
				t.Errorf("%s: %q", path, got[path])
			}
		}
		if len(got) != 4 {
			t.Errorf("%d faults, want 4: %s", len(got), a.text)
		}
	})
}

func TestWhatIsRefusedInAQuote(t *testing.T) {
	each(t, func(t *testing.T, w *world, s *shop, r wire.Release) {
		good := quoteBody(r, true, wire.Firm, "")
		month := "months"
		if r == wire.Grace {
			month = "calendarMonths"
		}
		for name, c := range map[string]struct{ from, to, code, path string }{
			"add with an id":              {`"product":{"productOffering"`, `"product":{"id":"P","productOffering"`, "unexpectedProperty", "/quoteItem/0/product/id"},
			"add without configuration":   {`"productConfiguration":` + configuration + `,`, ``, "missingProperty", "/quoteItem/0/product/productConfiguration"},
			"delete without an id":        {`"product":{"id":"P"}`, `"product":{}`, "missingProperty", "/quoteItem/1/product/id"},
			"delete with a configuration": {`"product":{"id":"P"}`, `"product":{"id":"P","productConfiguration":{"@type":"x"}}`, "unexpectedProperty", "/quoteItem/1/product/productConfiguration"},
			"a term that rolls":           {`"autoRenew"`, `"roll"`, "missingProperty", "/quoteItem/0/requestedQuoteItemTerm/rollInterval"},
			"a note of the seller":        {`"source":"buyer"`, `"source":"seller"`, "invalidValue", "/quoteItem/0/note/0/source"},
			"a price":                     {`{"id":"2",`, `{"id":"2","quoteItemPrice":[],`, "unexpectedProperty", "/quoteItem/1/quoteItemPrice"},
			"a relationship to nothing":   {`{"id":"2",`, `{"id":"2","quoteItemRelationship":[{"id":"9","relationshipType":"X"}],`, "referenceNotFound", "/quoteItem/1/quoteItemRelationship/0/id"},
			"a state":                     {`{"instant`, `{"state":"accepted","instant`, "unexpectedProperty", "/state"},
			"deferred without a date":     {`"instantSyncQuote":true`, `"instantSyncQuote":false`, "missingProperty", "/requestedQuoteCompletionDate"},
		} {
			body := strings.Replace(good, c.from, c.to, 1)
			if body == good {
				t.Fatalf("%s: nothing was changed (%s)", name, month)
			}
			a := w.must(422, ask{partner: partnerOf(r), path: r.Base(wire.Quoting) + "/quote", body: body, wrong: true})
			if a.code() != c.code || a.propertyPath() != c.path {
				t.Errorf("%s: %s %s, want %s %s", name, a.code(), a.propertyPath(), c.code, c.path)
			}
		}
		// The seller's own mistakes are not the buyer's.
		for name, f := range map[string]func(*sonata.QuoteAnswer){
			"no item":          func(a *sonata.QuoteAnswer) { a.Items = nil },
			"another level":    func(a *sonata.QuoteAnswer) { a.Level = wire.Budgetary },
			"no end":           func(a *sonata.QuoteAnswer) { a.Until = time.Time{} },
			"no price":         func(a *sonata.QuoteAnswer) { a.Items[0].Prices = nil },
			"no period":        func(a *sonata.QuoteAnswer) { a.Items[0].Prices[1].Period = nil },
			"no unit of usage": func(a *sonata.QuoteAnswer) { a.Items[0].Prices[2].Unit = "" },
		} {
			s.mu.Lock()
			whole := s.quote
			s.quote = func(q wire.Quote) (sonata.QuoteAnswer, error) {
				a, err := whole(q)
				f(&a)
				return a, err
			}
			s.mu.Unlock()
			if a := w.must(500, ask{partner: partnerOf(r), path: r.Base(wire.Quoting) + "/quote", body: good}); a.code() != "internalError" {
				t.Errorf("%s: %s", name, a.text)
			}
			s.set(func() { s.quote = whole })
		}
		s.set(func() {
			s.quote = func(wire.Quote) (sonata.QuoteAnswer, error) { panic("on purpose") }
		})
		if a := w.must(500, ask{partner: partnerOf(r), path: r.Base(wire.Quoting) + "/quote", body: good}); strings.Contains(a.text, "on purpose") {
			t.Errorf("a panic is told: %s", a.text)
		}
	})
}

var errBroken = fault.New(fault.Internal, "on purpose", "nothing")
