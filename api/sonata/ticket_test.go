package sonata_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/wire"
)

// troubled runs a test in both releases; paths are those of trouble tickets.
func troubled(t *testing.T, f func(t *testing.T, w *orderWorld, product string)) {
	ordered(t, func(t *testing.T, w *orderWorld) {
		order := w.order("", w.addItem("1", ""))
		w.work()
		product := w.get("/productOrder/" + order).Get("productOrderItem").Items[0].Get("product").Get("id").Text()
		w.base = w.release.Base(wire.TroubleTicket)
		f(t, w, product)
	})
}

func ticketBody(product, more string) string {
	return fmt.Sprintf(`{%s"description":"no light","observedImpact":"down","priority":"low","severity":"extensive","ticketType":"assistance",`+
		`"relatedContactInformation":[{"role":"reporterContact","name":"R","number":"1","emailAddress":"r@b.example"}],"relatedEntity":[{"@referredType":"Product","id":%q,"role":"product"}]}`, more, product)
}

func TestATicketGoesFromTheBuyersWordToItsEnd(t *testing.T) {
	troubled(t, func(t *testing.T, w *orderWorld, product string) {
		w.listen()
		a := w.must(201, ask{partner: w.partner, path: w.base + "/troubleTicket", body: ticketBody(product, `"externalId":"T-1",`)})
		id := a.body.Get("id").Text()
		if a.body.Get("status").Text() != wire.Acknowledged || a.body.Get("sellerPriority").Text() != "high" || a.body.Get("sellerSeverity").Text() != "extensive" {
			t.Errorf("the ticket is %s", a.text)
		}
		until(t, "the seller has heard", func() bool { w.desk.mu.Lock(); defer w.desk.mu.Unlock(); return len(w.desk.tickets) > 0 })
		update := func(u sonata.TicketUpdate) {
			t.Helper()
			if err := w.server.UpdateTicket(context.Background(), buyerOf(w.release), "ALPHA", id, u); err != nil {
				t.Fatal(err)
			}
		}
		path := w.base + "/troubleTicket/" + id
		r := w.must(422, ask{partner: w.partner, method: "POST", path: path + "/close"})
		if r.code() != "otherIssue" {
			t.Errorf("closed too early: %s", r.text)
		}
		update(sonata.TicketUpdate{Status: wire.InProgress})
		update(sonata.TicketUpdate{Status: wire.Pending, Note: &wire.Note{ID: "1", Author: "A", Date: w.clock.now(), Text: "which port?"}})
		note := `{"id":"2","author":"B","date":"2026-11-02T09:00:00Z","source":"buyer","text":"port 3"}`
		p := w.must(200, ask{partner: w.partner, method: "PATCH", path: path, body: `{"priority":"critical","note":[` + note + `],"attachment":[{"author":"B","creationDate":"2026-11-02T09:00:00Z","name":"log","source":"buyer","url":"https://b.example/log"}]}`})
		if len(p.body.Get("note").Items) != 2 || p.body.Get("priority").Text() != "critical" || len(p.body.Get("attachment").Items) != 1 {
			t.Errorf("patched it is %s", p.text)
		}
		update(sonata.TicketUpdate{Status: wire.InProgress})
		update(sonata.TicketUpdate{Status: wire.TicketResolved, Reason: "spliced"})
		w.must(204, ask{partner: w.partner, path: path + "/reopen", body: `{"reason":"still dark"}`})
		update(sonata.TicketUpdate{Status: wire.InProgress})
		update(sonata.TicketUpdate{Status: wire.TicketResolved})
		w.must(204, ask{partner: w.partner, method: "POST", path: path + "/close"})
		shown := w.must(200, ask{partner: w.partner, path: path}).body
		if h := history(shown, "status"); h != "acknowledged inProgress pending inProgress resolved reopened inProgress resolved closed" || !shown.Has("resolutionDate") {
			t.Errorf("it went through %s", h)
		}
		if r := w.must(409, ask{partner: w.partner, method: "PATCH", path: path, body: `{"priority":"low"}`}); r.code() != "conflict" {
			t.Errorf("after its end: %s", r.text)
		}
		until(t, "all is told", func() bool { return len(w.in.all()) >= 8+2+1+2 })
	})
}

func TestTicketsAreListedByEveryFilterAndClosedByTime(t *testing.T) {
	troubled(t, func(t *testing.T, w *orderWorld, product string) {
		id := w.must(201, ask{partner: w.partner, path: w.base + "/troubleTicket", body: ticketBody(product, `"externalId":"T-1",`)}).body.Get("id").Text()
		w.work()
		other := w.must(201, ask{partner: w.partner, path: w.base + "/troubleTicket", body: strings.NewReplacer("low", "medium", "extensive", "minor", "down", "degraded", "assistance", "information").Replace(ticketBody(product, ""))}).body.Get("id").Text()
		w.work()
		for _, u := range []string{wire.InProgress, wire.TicketResolved} {
			if err := w.server.UpdateTicket(context.Background(), buyerOf(w.release), "ALPHA", id, sonata.TicketUpdate{Status: u, TicketView: sonata.TicketView{Priority: "critical"}}); err != nil {
				t.Fatal(err)
			}
		}
		for _, q := range []string{"externalId=T-1", "priority=low", "sellerPriority=critical", "severity=extensive", "sellerSeverity=extensive", "ticketType=assistance", "status=resolved", "observedImpact=down",
			"relatedEntityId=" + product + "&limit=1", "relatedEntityType=Product&limit=1", "creationDate.gt=2020-01-01T00:00:00Z&limit=1", "expectedResolutionDate.lt=2030-01-01T00:00:00Z&limit=1", "resolutionDate.gt=2020-01-01T00:00:00Z"} {
			list := w.must(200, ask{partner: w.partner, path: w.base + "/troubleTicket?" + q})
			if len(list.body.Items) != 1 || list.body.Items[0].Get("id").Text() != id {
				t.Errorf("%s: %s", q, list.text)
			}
		}
		w.must(200, ask{partner: w.partner, path: w.base + "/troubleTicket"}) // the file's required members are there
		w.must(204, ask{partner: w.partner, method: "POST", path: w.base + "/troubleTicket/" + other + "/cancel"})
		w.clock.add(8 * day)
		w.tokens.Clear()
		w.work()
		for id, want := range map[string]string{id: wire.TicketClosed, other: wire.Cancelled} {
			if got := w.must(200, ask{partner: w.partner, path: w.base + "/troubleTicket/" + id}).body.Get("status").Text(); got != want {
				t.Errorf("it is %s, want %s", got, want)
			}
		}
	})
}

func TestAnIncidentIsToldFromItsBeginningToItsEnd(t *testing.T) {
	troubled(t, func(t *testing.T, w *orderWorld, product string) {
		w.listen()
		in := wire.Incident{ID: "I-1", Description: "cut", Impact: "down", Type: "repair", Priority: "high", Severity: "extensive", Began: w.clock.now().Add(-time.Hour), Expected: w.clock.now().Add(day),
			Entity: []wire.RelatedEntity{{ID: product, Type: "Product", Role: "product"}}, Status: wire.IncidentCreated}
		for _, status := range []string{wire.IncidentCreated, wire.InProgress, wire.InProgress, wire.TicketClosed} {
			in.Status = status
			if err := w.server.PutIncident(context.Background(), buyerOf(w.release), "ALPHA", in); err != nil {
				t.Fatal(err)
			}
		}
		in.Status = wire.InProgress
		if err := w.server.PutIncident(context.Background(), buyerOf(w.release), "ALPHA", in); err == nil {
			t.Error("a closed incident goes on")
		}
		a := w.must(200, ask{partner: w.partner, path: w.base + "/incident/I-1"})
		if history(a.body, "status") != "created inProgress closed" || !a.body.Has("closedDate") {
			t.Errorf("the incident is %s", a.text)
		}
		for _, q := range []string{"priority=high", "severity=extensive", "impact=down", "incidentType=repair", "status=closed", "relatedEntityId=" + product, "relatedEntityType=Product",
			"creationDate.gt=2020-01-01T00:00:00Z", "situationStartDate.lt=2030-01-01T00:00:00Z", "expectedClosedDate.gt=2020-01-01T00:00:00Z", "closedDate.gt=2020-01-01T00:00:00Z"} {
			if list := w.must(200, ask{partner: w.partner, path: w.base + "/incident?" + q}); len(list.body.Items) != 1 {
				t.Errorf("%s: %s", q, list.text)
			}
		}
		until(t, "all is told", func() bool { return len(w.in.all()) == 4 })
		var types []string
		for _, n := range w.in.all() {
			types = append(types, n.Type)
		}
		if got := strings.Join(types, " "); got != "incidentCreateEvent incidentStatusChangeEvent incidentAttributeValueChangeEvent incidentStatusChangeEvent" {
			t.Errorf("it was told of %s", got)
		}
	})
}
