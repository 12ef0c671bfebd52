package sonata_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
)

func TestAfterARestartWhatWasDeferredGoesOn(t *testing.T) {
	w, s := quoteWorld(t)
	a := w.must(201, ask{partner: "bravo", path: quoteBase + "/quote", body: quoteBody(wire.Kylie, false, wire.Firm, `"requestedQuoteCompletionDate":"2026-11-02T12:00:00Z",`)})
	id := a.body.Get("id").Text()
	must(w.server.Work(context.Background())) // it is in progress
	_, seller := fullSeller(w.clock)
	seller.Quoter = s
	again := must(sonata.New(w.partners, w.store, seller, sonata.Options{Sellers: []string{"ALPHA"}, Now: w.clock.now}))
	must(again.Work(context.Background()))
	if got := w.must(200, ask{partner: "bravo", path: quoteBase + "/quote/" + id}); got.body.Get("state").Text() != wire.Orderable {
		t.Errorf("it is %s", got.text)
	}
}

func TestAFailureOfOursIsTriedAgainAndEndsNothing(t *testing.T) {
	w, s := quoteWorld(t)
	whole := s.quote
	s.set(func() { s.quote = func(wire.Quote) (sonata.QuoteAnswer, error) { panic("on purpose") } })
	a := w.must(201, ask{partner: "bravo", path: quoteBase + "/quote", body: quoteBody(wire.Kylie, false, wire.Firm, `"requestedQuoteCompletionDate":"2026-11-02T12:00:00Z",`)})
	for range 3 {
		must(w.server.Work(context.Background()))
		w.clock.add(time.Minute)
	}
	if n := len(s.quoted); n != 2 {
		t.Errorf("asked %d times, want 2: it waits between", n)
	}
	s.set(func() { s.quote = whole })
	must(w.server.Work(context.Background()))
	if got := w.must(200, ask{partner: "bravo", path: quoteBase + "/quote/" + a.body.Get("id").Text()}); got.body.Get("state").Text() != wire.Orderable {
		t.Errorf("it is %s", got.text)
	}
}

func TestEqualRequestsThatArriveTogetherAreOne(t *testing.T) {
	w, s := quoteWorld(t)
	w.token("bravo")
	var all sync.WaitGroup
	ids := make([]string, 8)
	for i := range ids {
		all.Go(func() {
			ids[i] = w.do(ask{partner: "bravo", path: quoteBase + "/quote", body: quoteBody(wire.Kylie, true, wire.Firm, `"externalId":"E",`)}).body.Get("id").Text()
		})
	}
	all.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("the answers are of %v", ids)
		}
	}
	if len(s.quoted) != 1 {
		t.Errorf("the seller was asked %d times", len(s.quoted))
	}
}

func TestAQuoteThatIsOrderedIsAcceptedOnceAndNotWhenItHasEnded(t *testing.T) {
	w, _ := quoteWorld(t)
	first, second := w.newQuote(), w.newQuote()
	for range 2 {
		if err := w.server.Accept("BRAVO", "ALPHA", first, "O-1"); err != nil {
			t.Error(err)
		}
	}
	if got := w.must(200, ask{partner: "bravo", path: quoteBase + "/quote/" + first}); got.body.Get("state").Text() != wire.Accepted {
		t.Errorf("it is %s", got.text)
	}
	if err := w.server.Accept("OTHER", "ALPHA", second, "O-1"); fault.CodeOf(err) != sonata.CodeReferenceUnknown {
		t.Errorf("another's quote: %v", err)
	}
	w.clock.add(2 * time.Hour)
	if err := w.server.Accept("BRAVO", "ALPHA", second, "O-1"); fault.CodeOf(err) != fault.Refused {
		t.Errorf("an expired quote: %v", err)
	}
}

func TestAShelfThatFailsIsOurFailureAndNothingIsSaidOfIt(t *testing.T) {
	w, _ := quoteWorld(t)
	id := w.newQuote()
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	for _, a := range []ask{
		{path: quoteBase + "/quote"}, {path: quoteBase + "/quote/" + id}, {path: quoteBase + "/quote", body: quoteBody(wire.Kylie, true, wire.Firm, "")},
		{path: quoteBase + "/declineQuote", body: `{"quoteId":"` + id + `"}`}, {path: quoteBase + "/hub", body: `{"callback":"http://127.0.0.1:9/"}`}, {path: quoteBase + "/hub/x"},
		{method: "DELETE", path: quoteBase + "/hub/x"},
	} {
		a.partner = "bravo"
		if got := w.must(500, a); got.code() != "internalError" || strings.Contains(got.text, "sql") {
			t.Errorf("%s: %s", a.path, got.text)
		}
	}
}

func TestAddressesInsideNetworksAreNotPublic(t *testing.T) {
	for address, private := range map[string]bool{"127.0.0.1": true, "10.1.2.3": true, "100.64.1.1": true, "169.254.169.254": true, "::1": true, "fd00::1": true, "::ffff:10.0.0.1": true, "0.0.0.0": true, "8.8.8.8": false, "2001:db8::1": false} {
		if got := sonata.IsPrivate(net.ParseIP(address)); got != private {
			t.Errorf("%s is private: %v", address, got)
		}
	}
}
