package sonata_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/store/resource"
)

// Whatever comes as an order, a change of one, a charge's answer, a ticket or a
// word on a bill, nothing panics, nothing is our own mistake, and what is stored
// can be read and worked on.
func FuzzBodiesOfOrdersTicketsAndBills(f *testing.F) {
	w := &orderWorld{release: wire.Kylie}
	g := &orderWorld{release: wire.Grace}
	for _, s := range []string{orderBody("", w.addItem("1", "")), orderBody("", g.addItem("1", "")), orderBody("", w.item("1", wire.Modify, "P"), w.item("2", wire.Delete, "P")),
		ticketBody("P", ""), `{"chargeItem":[{"id":"1","acceptanceIndicator":"accepted"}]}`, `{"productOrder":{"productOrderId":"X"},"relatedContactInformation":` + cancelContacts + `}`,
		`{"productOrderItem":{"productOrderId":"O","productOrderItemId":"1"},"expediteIndicator":true}`, `{"reason":"x","claimedAmount":{"unit":"EUR","value":-1e999}}`, `{"reference":"x"}`, `{"projectId":"x","note":[]}`} {
		for kind := range byte(7) {
			f.Add(kind, s)
		}
	}
	dir := f.TempDir()
	shelf := must(resource.Open(dir, resource.Options{}))
	f.Cleanup(func() { shelf.Close() })
	partners := must(sonata.OpenPartners(filepath.Join(dir, "partners.yaml")))
	tokens := map[wire.Release]string{}
	d := newDesk()
	c := newClock()
	server := must(sonata.New(partners, shelf, sonata.Seller{Orders: d, Bills: &till{desk: d}, Troubles: d}, sonata.Options{Sellers: []string{"ALPHA"}, Now: c.now, Private: true}))
	h := server.Handler()
	for _, r := range wire.Releases {
		secret := must(partners.Add(sonata.Partner{ID: partnerOf(r), Buyers: []string{buyerOf(r)}, Release: r}, c.now()))
		q := httptest.NewRequest(http.MethodPost, sonata.TokenPath, strings.NewReader("grant_type=client_credentials"))
		q.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		q.SetBasicAuth(partnerOf(r), secret)
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, q)
		tokens[r] = must(wire.Parse(rec.Body.Bytes())).Get("access_token").Text()
		if err := server.PutProduct(context.Background(), buyerOf(r), "ALPHA", wire.InventoryProduct{ID: "P", Status: wire.ProductActive, Start: c.now()}); err != nil {
			f.Fatal(err)
		}
		if _, err := server.IssueBill(context.Background(), buyerOf(r), "ALPHA", wire.Bill{ID: "B", BillNo: "1"}, nil); err == nil {
			f.Fatal("a bill of nothing is issued")
		}
	}
	f.Fuzz(func(t *testing.T, kind byte, body string) {
		for _, r := range wire.Releases {
			at := []struct{ method, path string }{
				{"POST", r.Base(wire.Ordering) + "/productOrder"}, {"POST", r.Base(wire.Ordering) + "/cancelProductOrder"}, {"POST", r.Base(wire.Ordering) + "/modifyProductOrderItemRequestedDeliveryDate"},
				{"PATCH", r.Base(wire.Ordering) + "/charge/X"}, {"POST", r.Base(wire.TroubleTicket) + "/troubleTicket"}, {"PATCH", r.Base(wire.TroubleTicket) + "/troubleTicket/X"}, {"POST", "/sb/v1/customerBillItem/B-1/dispute"},
			}[kind%7]
			q := httptest.NewRequest(at.method, at.path, strings.NewReader(body))
			q.Header.Set("Content-Type", wire.ContentType)
			q.Header.Set("Authorization", "Bearer "+tokens[r])
			rec := httptest.NewRecorder()
			h.ServeHTTP(rec, q)
			if rec.Code >= 500 {
				t.Fatalf("%s %s: %d %s\n%s", at.method, at.path, rec.Code, rec.Body, body)
			}
			if _, err := wire.Parse(rec.Body.Bytes()); err != nil {
				t.Fatalf("the answer is no JSON: %s", rec.Body)
			}
			if rec.Code == http.StatusCreated {
				if _, err := server.Work(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
		}
	})
}

func TestOrdersThatArriveTogetherUnderOneIDAreOne(t *testing.T) {
	ordered(t, func(t *testing.T, w *orderWorld) {
		w.token(w.partner)
		body := orderBody(`"externalId":"E",`, w.addItem("1", ""))
		ids := make([]string, 8)
		var all sync.WaitGroup
		for i := range ids {
			all.Go(func() {
				ids[i] = w.do(ask{partner: w.partner, path: w.base + "/productOrder", body: body}).body.Get("id").Text()
			})
		}
		all.Wait()
		for _, id := range ids {
			if id == "" || id != ids[0] {
				t.Fatalf("they are %v", ids)
			}
		}
		w.work()
		if list := w.must(200, ask{partner: w.partner, path: w.release.Base(wire.Inventory) + "/product"}); len(list.body.Items) != 1 {
			t.Errorf("the products are %s", list.text)
		}
	})
}

func TestOneProductIsChangedByOneOfTwoOrdersAtATime(t *testing.T) {
	ordered(t, func(t *testing.T, w *orderWorld) {
		if err := w.server.PutProduct(t.Context(), buyerOf(w.release), "ALPHA", wire.InventoryProduct{ID: "P", Status: wire.ProductActive, Start: w.clock.now()}); err != nil {
			t.Fatal(err)
		}
		w.token(w.partner)
		status := make([]int, 4)
		var all sync.WaitGroup
		for i := range status {
			all.Go(func() {
				status[i] = w.do(ask{partner: w.partner, path: w.base + "/productOrder", body: orderBody("", w.item("1", wire.Delete, "P"))}).status
			})
		}
		all.Wait()
		taken := 0
		for _, s := range status {
			if s == 201 {
				taken++
			} else if s != 422 {
				t.Errorf("the answers are %v", status)
			}
		}
		if taken != 1 {
			t.Errorf("the answers are %v", status)
		}
		w.work()
		if p := w.product("P"); history(p, "status") != "active pendingTerminate terminated" {
			t.Errorf("it went through %s", history(p, "status"))
		}
	})
}

func TestAnOrderGoesOnAfterARestartWhereItStood(t *testing.T) {
	ordered(t, func(t *testing.T, w *orderWorld) {
		w.desk.set(func() { w.desk.progress = all(wire.InProgress) })
		id := w.order("", w.addItem("1", ""))
		w.work()
		// Another server on the same shelf is the node after a restart.
		d := newDesk()
		again := must(sonata.New(w.partners, w.store, sonata.Seller{Orders: d}, sonata.Options{Sellers: []string{"ALPHA"}, Now: w.clock.now}))
		if err := again.WakeOrder(t.Context(), buyerOf(w.release), "ALPHA", id); err != nil {
			t.Fatal(err)
		}
		if _, err := again.Work(t.Context()); err != nil {
			t.Fatal(err)
		}
		if o := w.get("/productOrder/" + id); history(o, "state") != "acknowledged inProgress completed" || len(d.orders) != 1 {
			t.Errorf("the order is %s", o.Bytes())
		}
		if list := w.must(200, ask{partner: w.partner, path: w.release.Base(wire.Inventory) + "/product"}); len(list.body.Items) != 1 {
			t.Errorf("the products are %s", list.text)
		}
	})
}
