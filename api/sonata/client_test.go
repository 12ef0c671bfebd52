package sonata_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/client"
	"github.com/lateral-network/lateral/api/sonata/sonatatest"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
)

// buyer is a client of the world for the partner of a release.
func (w *world) buyer(r wire.Release) *client.Client {
	w.t.Helper()
	return must(client.New(client.Options{Base: w.url, Release: r, ID: partnerOf(r), Secret: w.secrets[partnerOf(r)], HTTP: w.http, Now: w.clock.now}))
}

func askedItems() ([]wire.POQItem, []wire.QuoteItem) {
	milan := wire.Representations{Fielded: []wire.Fielded{{StreetName: "Via Caldera", City: "Milano", CountryCode: "IT"}}}
	product := wire.Product{Offering: &wire.Ref{ID: "line"}, Configuration: must(wire.Parse([]byte(configuration))), Relationship: []wire.Relationship{{ID: "P", Type: "CONNECTS"}},
		Place: []wire.RelatedPlace{{Place: wire.Place{Type: wire.TypeAddressQuery, Representations: milan}, Role: "A"}, {Place: wire.Place{Type: wire.TypeSiteRef, ID: "Caldera-1"}, Role: "Z"}}}
	term := &wire.Term{Name: "y", Duration: wire.Duration{Amount: 2, Units: "years"}, End: wire.EndOfTermRenew}
	return []wire.POQItem{{ID: "1", Action: wire.Add, Product: product}}, []wire.QuoteItem{{ID: "1", Action: wire.Add, Product: product, Term: term}}
}

func TestABuyerGoesThroughEveryCallInBothReleases(t *testing.T) {
	each(t, func(t *testing.T, w *world, s *shop, r wire.Release) {
		ctx, c := context.Background(), w.buyer(r)
		contact := []wire.Contact{{Role: wire.BuyerContact, Name: "B", Number: "+39", Email: "b@bravo.example"}}
		poqItems, quoteItems := askedItems()

		v := must(c.ValidateAddress(ctx, wire.AddressValidation{Instant: true, Submitted: poqItems[0].Product.Place[0].Place})).Value
		if v.Best == nil || v.Best.ID != "MIL" || v.Best.Fielded[0].StreetName != "Via Caldera" || v.State != wire.Ready || len(v.Others) != 1 {
			t.Errorf("the address: %+v", v)
		}
		if a := must(c.Address(ctx, "MIL")).Value; a.HasPublicSite != "true" || a.AllowsNewSite != "false" {
			t.Errorf("the address: %+v", a)
		}
		sites := must(c.Sites(ctx, wire.SiteQuery{Place: &wire.Place{Type: wire.TypeAddressRef, ID: "MIL"}}, nil))
		if sites.Total != 3 || sites.Items[0].Place.ID != "MIL" || !sites.Throttled {
			t.Errorf("the sites: %+v", sites)
		}
		must(c.Site(ctx, "Caldera-1"))
		if all := must(c.Categories(ctx, client.Filter{"parentCategory.id": "ethernet"})); len(all.Items) != 1 {
			t.Errorf("the categories: %+v", all)
		}
		must(c.Category(ctx, "timed"))
		if o := must(c.Offerings(ctx, client.Filter{"name": "Line"})); len(o.Items) != 1 || o.Items[0].LifecycleStatus != "launched" || o.Items[0].Region[0].Country != "IT" {
			t.Errorf("the offerings: %+v", o)
		}
		if o := must(c.Offering(ctx, "line")).Value; o.Relationships[0].Specification != "uni" || o.Terms[0].Duration.Units != "months" || o.StatusTransition[0].Status != "active" {
			t.Errorf("the offering: %+v", o)
		}
		must(c.Specifications(ctx, nil))
		if x := must(c.Specification(ctx, "line")).Value; x.Relationships[0].Specification != "uni" {
			t.Errorf("the specification: %+v", x)
		}
		where := []wire.RelatedPlace{{Place: wire.Place{Type: wire.TypeSiteRef, ID: "Caldera-1"}, Role: "A"}}
		av := must(c.Available(ctx, wire.AvailabilityRequest{Action: wire.Add, Place: where})).Value
		if len(av.Configurations) != 1 || av.Configurations[0].ID != "C-1" || av.Configurations[0].Interval.Units != "months" || av.Place[0].Place.ID != "Caldera-1" {
			t.Errorf("available: %+v", av)
		}
		if p := must(c.Pricing(ctx, wire.PricingRequest{Action: wire.Add, Configuration: "C-1"})).Value; len(p.Prices) != 1 || p.Prices[0].Prices[1].Period.Units != "months" || !exact(p.Prices[0].Prices[1].Price.Untaxed, 1_500_000) {
			t.Errorf("prices: %+v", p)
		}

		q := must(c.CreateQualification(ctx, wire.POQ{Instant: true, Alternatives: true, Contacts: contact, Items: poqItems}))
		if q.Value.State != wire.Done || q.Value.Items[0].Interval.Units != "calendarDays" || q.Value.Items[0].Product.Place[0].Place.Fielded[0].City != "Milano" || q.Value.ExternalID == "" {
			t.Errorf("the qualification: %+v", q.Value)
		}
		if again := must(c.Qualification(ctx, q.Value.ID)); string(again.Raw) != string(q.Raw) {
			t.Error("the qualification reads otherwise")
		}
		if l := must(c.Qualifications(ctx, client.Filter{"externalId": q.Value.ExternalID})); len(l.Items) != 1 || l.Items[0].State != wire.Done {
			t.Errorf("the list: %+v", l)
		}

		quote := must(c.CreateQuote(ctx, wire.Quote{Instant: true, Level: wire.Firm, Items: quoteItems})).Value
		prices := quote.Items[0].Prices
		if quote.State != wire.Orderable || len(prices) != 3 || !exact(prices[1].Price.Untaxed, 12_345_678) || prices[1].Period.Units != "months" || prices[1].Price.TaxRate != "7.7" {
			t.Errorf("the quote: %+v", quote)
		}
		if got := quote.Items[0].Product.Configuration.Get("n"); string(got.Bytes()) != "1e3" {
			t.Errorf("the configuration: %s", got.Bytes())
		}
		if term := quote.Items[0].Term; r == wire.Kylie && term.Duration != (wire.Duration{Amount: 2, Units: "years"}) || r == wire.Grace && term.Duration != (wire.Duration{Amount: 24, Units: "months"}) {
			t.Errorf("the term: %+v", term)
		}
		if err := c.DeclineQuote(ctx, wire.QuoteOperation{QuoteID: quote.ID, Reason: "no"}); err != nil {
			t.Error(err)
		}
		if got := must(c.Quote(ctx, quote.ID)).Value; got.State != wire.Declined || len(got.StateChange) != 2 || got.StateChange[1].Reason != "no" {
			t.Errorf("declined: %+v", got)
		}
		refused, ok := errors.AsType[*client.Refusal](c.CancelQuote(ctx, wire.QuoteOperation{QuoteID: quote.ID}))
		if !ok || refused.Status != 422 || refused.Errors[0].PropertyPath != "/quoteId" || fault.CodeOf(refused) != fault.Refused {
			t.Errorf("cancelled: %v", refused)
		}
		for range 4 {
			must(c.CreateQuote(ctx, wire.Quote{Instant: true, Level: wire.Budgetary, Items: quoteItems}))
		}
		n := 0
		for _, err := range client.All(func(offset int) (client.Page[wire.Quote], error) { return c.Quotes(ctx, client.Filter{}.At(offset)) }) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if n != 5 {
			t.Errorf("the whole list has %d, want 5", n)
		}
		sub := must(c.Subscribe(ctx, wire.Quoting, "http://127.0.0.1:9/x", "quoteStateChangeEvent")).Value
		if twice := must(c.Subscribe(ctx, wire.Quoting, "http://127.0.0.1:9/x", "quoteStateChangeEvent")).Value; twice.ID != sub.ID {
			t.Error("one subscription is there twice")
		}
		if r == wire.Kylie {
			must(c.Subscription(ctx, wire.Quoting, sub.ID))
		}
		for range 2 {
			if err := c.Unsubscribe(ctx, wire.Quoting, sub.ID); err != nil {
				t.Error(err)
			}
		}
	})
}

func TestAnAccessTokenThatEndsIsReplacedWithoutTheCallerKnowing(t *testing.T) {
	sonatatest.Need(t)
	_, seller := fullSeller(newClock())
	w := newWorld(t, seller, func(o *sonata.Options) { o.TokenLife = time.Hour })
	c, ctx := w.buyer(wire.Kylie), context.Background()
	must(c.Address(ctx, "MIL"))
	w.clock.add(2 * time.Hour) // both clocks
	must(c.Address(ctx, "MIL"))
	// The seller's clock runs ahead of the buyer's: it refuses, and is asked again.
	ahead := w.clock.now()
	late := must(client.New(client.Options{Base: w.url, ID: "bravo", Secret: w.secrets["bravo"], HTTP: w.http, Now: func() time.Time { return ahead }}))
	must(late.Address(ctx, "MIL"))
	w.clock.add(2 * time.Hour)
	must(late.Address(ctx, "MIL"))
	if err := w.partners.Revoke("bravo"); err != nil {
		t.Fatal(err)
	}
	if _, err := late.Address(ctx, "MIL"); fault.CodeOf(err) != fault.Unauthorized {
		t.Errorf("after it was revoked: %v", err)
	}
}

// stranger is a seller that behaves as answer says; nothing of it is checked.
func stranger(t *testing.T, answer http.HandlerFunc) (*client.Client, *atomic.Int64) {
	t.Helper()
	asked := new(atomic.Int64)
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		io.Copy(io.Discard, r.Body)
		answer(w, r)
	}))
	t.Cleanup(h.Close)
	c := must(client.New(client.Options{Base: h.URL, Timeout: 2 * time.Second, Sleep: func(context.Context, time.Duration) error { return nil }}))
	t.Cleanup(c.Close)
	return c, asked
}

func TestAPartnerThatAnswersLateNeverOrWithGarbage(t *testing.T) {
	ctx := context.Background()
	late := make(chan struct{})
	t.Cleanup(func() { close(late) })
	never := func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-r.Context().Done():
		case <-late:
		}
	}
	write := func(status int, media, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", media)
			w.WriteHeader(status)
			io.WriteString(w, body)
		}
	}
	for name, x := range map[string]struct {
		answer http.HandlerFunc
		code   fault.Code
		get    int64 // how often it is asked for what may be repeated
	}{
		"HTML":               {write(200, "text/html", "<p>hello"), fault.Unavailable, 1},
		"no JSON":            {write(200, wire.ContentType, "{"), fault.Unavailable, 1},
		"a number":           {write(200, wire.ContentType, "7"), fault.Unavailable, 1},
		"another form":       {write(200, wire.ContentType, `{"id":[]}`), fault.Unavailable, 1},
		"nothing":            {write(200, wire.ContentType, ""), fault.Unavailable, 1},
		"two of them":        {write(200, wire.ContentType, `[{"id":"1"},{"id":"2"}]`), fault.Unavailable, 1},
		"too deep":           {write(200, wire.ContentType, strings.Repeat("[", 100_000)), fault.Unavailable, 1},
		"an error of HTML":   {write(502, "text/html", "<h1>Bad gateway"), fault.Unavailable, 4},
		"an error of no one": {write(400, wire.ContentType, "{}"), fault.Unavailable, 1},
		"an empty error":     {write(404, wire.ContentType, ""), fault.Unavailable, 1},
		"its own failure":    {write(500, wire.ContentType, `{"code":"internalError","reason":"x"}`), fault.Unavailable, 4},
		"too much at once":   {write(403, wire.ContentType, `{"code":"tooManyUsers","reason":"x"}`), fault.Busy, 4},
		"a refusal":          {write(403, wire.ContentType, `{"code":"accessDenied","reason":"x"}`), fault.Forbidden, 1},
		"a refusal as array": {write(404, wire.ContentType, `[{"code":"notFound","reason":"x"}]`), fault.NotFound, 1},
		"a 422 as object":    {write(422, wire.ContentType, `{"code":"missingProperty","reason":"x","propertyPath":"/a"}`), "missing-property", 1},
		"not offered":        {write(501, wire.ContentType, `{"code":"notImplemented","reason":"x"}`), "not-offered", 1},
		"another place":      {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "http://127.0.0.1:9/", 302) }, fault.Unavailable, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, asked := stranger(t, x.answer)
			if _, err := c.Quote(ctx, "Q"); fault.CodeOf(err) != x.code {
				t.Errorf("%v, want %s", err, x.code)
			}
			if got := asked.Load(); got != x.get {
				t.Errorf("asked %d times, want %d", got, x.get)
			}
			// What is not known again is asked once, whatever came.
			asked.Store(0)
			if err := c.CancelQuote(ctx, wire.QuoteOperation{QuoteID: "Q"}); fault.CodeOf(err) != x.code && name != "another form" {
				t.Errorf("cancel: %v", err)
			}
			if got := asked.Load(); got != 1 {
				t.Errorf("cancel was asked %d times", got)
			}
		})
	}
	t.Run("never", func(t *testing.T) {
		t.Parallel()
		c, asked := stranger(t, never)
		short, cancel := context.WithTimeout(ctx, 300*time.Millisecond)
		defer cancel()
		if _, err := c.CreateQuote(short, wire.Quote{}); fault.CodeOf(err) != fault.Unknown {
			t.Errorf("the outcome is %v", err)
		}
		if asked.Load() != 1 {
			t.Errorf("asked %d times after the deadline", asked.Load())
		}
	})
	t.Run("late", func(t *testing.T) {
		t.Parallel()
		externals := make(chan string, 8)
		gaveUp := make(chan struct{})
		var once, over sync.Once
		h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			externals <- must(wire.Parse(must(io.ReadAll(r.Body)))).Get("externalId").Text()
			first := false
			once.Do(func() { first = true })
			if first { // it does what is asked, and says so when nobody listens any more
				select {
				case <-gaveUp:
				case <-late:
				}
			}
			write(201, wire.ContentType, `{"id":"Q","state":"acknowledged"}`)(w, r)
		}))
		defer h.Close()
		c := must(client.New(client.Options{Base: h.URL, Timeout: 3 * time.Second, Sleep: func(context.Context, time.Duration) error { over.Do(func() { close(gaveUp) }); return nil }}))
		if a, err := c.CreateQuote(ctx, wire.Quote{}); err != nil || a.Value.ID != "Q" {
			t.Errorf("%+v %v", a, err)
		}
		if one, two := <-externals, <-externals; one == "" || one != two {
			t.Errorf("the external ids are %q and %q", one, two)
		}
	})
	t.Run("the second time", func(t *testing.T) {
		t.Parallel()
		var first atomic.Bool
		externals := make(chan string, 2)
		h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			body := must(io.ReadAll(r.Body))
			externals <- must(wire.Parse(body)).Get("externalId").Text()
			if first.CompareAndSwap(false, true) {
				panic(http.ErrAbortHandler) // it was done, and the answer is lost
			}
			write(201, wire.ContentType, `{"id":"Q","state":"acknowledged","unknown":{"a":1}}`)(w, r)
		}))
		defer h.Close()
		c := must(client.New(client.Options{Base: h.URL, Sleep: func(context.Context, time.Duration) error { return nil }}))
		a, err := c.CreateQuote(ctx, wire.Quote{})
		if err != nil || a.Value.ID != "Q" || !strings.Contains(string(a.Raw), `"unknown":{"a":1}`) {
			t.Errorf("%+v %v", a, err)
		}
		if one, two := <-externals, <-externals; one == "" || one != two {
			t.Errorf("the external ids are %q and %q", one, two)
		}
	})
	t.Run("one as an array of one", func(t *testing.T) {
		t.Parallel()
		c, _ := stranger(t, write(200, wire.ContentType, `[{"id":"Q","state":"expired"}]`))
		if a, err := c.Quote(ctx, "Q"); err != nil || a.Value.State != wire.Expired {
			t.Errorf("%+v %v", a, err)
		}
		c, _ = stranger(t, write(200, wire.ContentType, `{"id":"Q","state":"expired"}`))
		if l, err := c.Quotes(ctx, nil); err != nil || len(l.Items) != 1 || l.Total != -1 {
			t.Errorf("%+v %v", l, err)
		}
	})
	t.Run("nobody there", func(t *testing.T) {
		t.Parallel()
		h := httptest.NewServer(nil)
		h.Close()
		tries := 0
		c := must(client.New(client.Options{Base: h.URL, Sleep: func(context.Context, time.Duration) error { tries++; return nil }}))
		if _, err := c.CreateQuote(ctx, wire.Quote{}); fault.CodeOf(err) != fault.Unavailable || tries != 3 {
			t.Errorf("%v after %d", err, tries)
		}
	})
}

func TestHeadersOfAContextTravelWithACall(t *testing.T) {
	got := make(chan http.Header, 1)
	c, _ := stranger(t, func(w http.ResponseWriter, r *http.Request) {
		got <- r.Header.Clone()
		w.Header().Set("Content-Type", wire.ContentType)
		fmt.Fprint(w, `{"id":"Q"}`)
	})
	must(c.Quote(client.WithHeader(context.Background(), http.Header{"X-Inquiry": {"tag"}}), "Q"))
	if h := <-got; h.Get("X-Inquiry") != "tag" {
		t.Errorf("the headers are %v", h)
	}
}
