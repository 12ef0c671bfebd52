package sonata_test

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/sonatatest"
	"github.com/lateral-network/lateral/api/sonata/wire"
)

// refusalWorld is an order world with one resource of each kind that has ended.
type refusalWorld struct {
	*orderWorld
	order, charge, ticket string
}

// Every 400, 401, 403, 404, 409, 422, 500 and 501 that the files list for
// ordering, inventory, tickets and bills comes, for each operation; and each
// operation is there, with its operationId as scope.
func TestEveryStatusOfOrdersTicketsAndBillsComes(t *testing.T) {
	functions := []wire.Function{wire.Ordering, wire.Inventory, wire.TroubleTicket, wire.Billing}
	ordered(t, func(t *testing.T, w *orderWorld) {
		w.add(sonata.Partner{ID: "none", Buyers: []string{"NONE"}, Release: w.release, Scopes: []string{"nothing"}})
		all := &refusalWorld{orderWorld: w}
		all.prepare()
		var optional []string
		for _, f := range functions {
			s := must(sonatatest.Load(w.release, f))
			for _, item := range s.Doc.Paths.Map() {
				for _, op := range item.Operations() {
					if op.Responses.Value("501") != nil {
						optional = append(optional, op.OperationID)
					}
				}
			}
		}
		d := newDesk()
		seller := sonata.Seller{Orders: d, Bills: &till{desk: d}, Troubles: d}
		off := newWorld(t, seller, func(o *sonata.Options) { o.Off = optional })
		broken := newWorld(t, seller)
		broken.token(w.partner)
		broken.store.Close()
		n := 0
		for _, f := range functions {
			s := must(sonatatest.Load(w.release, f))
			for path, item := range s.Doc.Paths.Map() {
				for method, op := range item.Operations() {
					for status := range op.Responses.Map() {
						if code, err := strconv.Atoi(status); err == nil && code >= 400 {
							n += all.refused(f, method, path, op.OperationID, code, off, broken)
						}
					}
				}
			}
		}
		if n < 180 {
			t.Errorf("only %d statuses were tried", n)
		}
	})
}

// prepare makes an order that is completed, a charge that is answered and a
// ticket that is cancelled.
func (w *refusalWorld) prepare() {
	w.t.Helper()
	w.desk.set(func() {
		w.desk.progress = func(o wire.Order) (sonata.OrderProgress, error) {
			p, _ := all(wire.InProgress)(o)
			p.Charges = []sonata.ChargeRequest{{Key: "k", Item: "1", Items: []wire.ChargeItem{charge(true, "1")}}}
			if len(w.desk.charges) > 0 {
				p.Items[0].State = wire.Completed
			}
			return p, nil
		}
	})
	w.order = w.orderWorld.order("", w.addItem("1", ""))
	w.work()
	w.charge = w.get("/productOrder/" + w.order).Get("productOrderItem").Items[0].Get("charge").Items[0].Get("id").Text()
	w.must(200, ask{partner: w.partner, method: "PATCH", path: w.base + "/charge/" + w.charge, body: `{"chargeItem":[{"id":"1","acceptanceIndicator":"accepted"}]}`})
	w.work()
	if o := w.get("/productOrder/" + w.order); o.Get("state").Text() != wire.Completed {
		w.t.Fatalf("the order is %s", o.Bytes())
	}
	tickets := w.release.Base(wire.TroubleTicket) + "/troubleTicket"
	w.ticket = w.must(201, ask{partner: w.partner, path: tickets, body: strings.Replace(ticketBody("X", ""), "Product", "Bill", 1)}).body.Get("id").Text()
	w.must(204, ask{partner: w.partner, method: "POST", path: tickets + "/" + w.ticket + "/cancel"})
	w.work()
}

const cancelContacts = `[{"role":"cancelProductOrderContact","name":"B","number":"1","emailAddress":"b@b.example"}]`

// bodies gives a body that an operation takes, one that is of the right form and
// is refused, and the code for that.
func (w *refusalWorld) bodies(method, path string) (good, bad, code string) {
	note := `{"note":[{"id":"n","author":"B","date":"2026-11-02T09:00:00Z","source":"%s","text":"x"}]}`
	switch method + " " + path {
	case "POST /productOrder":
		return orderBody("", w.addItem("1", "")), orderBody("", w.addItem("1", ""), w.addItem("1", "")), "invalidValue"
	case "PATCH /productOrder/{id}":
		return `{"projectId":"P"}`, fmt.Sprintf(note, "seller"), "invalidValue"
	case "POST /cancelProductOrder":
		body := `{"productOrder":{"productOrderId":"%s"},"relatedContactInformation":` + cancelContacts + `}`
		return fmt.Sprintf(body, w.order), fmt.Sprintf(body, "X"), "referenceNotFound"
	case "PATCH /charge/{id}":
		answer := `{"chargeItem":[{"id":"1","acceptanceIndicator":"rejected"}]}`
		return answer, strings.Replace(answer, `}]`, `},{"id":"1","acceptanceIndicator":"rejected"}]`, 1), "invalidValue"
	case "POST /modifyProductOrderItemRequestedDeliveryDate":
		return fmt.Sprintf(`{"productOrderItem":{"productOrderId":%q,"productOrderItemId":"1"},"expediteIndicator":true}`, w.order), fmt.Sprintf(`{"productOrderItem":{"productOrderId":%q,"productOrderItemId":"1"}}`, w.order), "missingProperty"
	case "POST /troubleTicket":
		return strings.Replace(ticketBody("X", ""), "Product", "Bill", 1), ticketBody("X", ""), "referenceNotFound"
	case "PATCH /troubleTicket/{id}":
		return `{"priority":"low"}`, fmt.Sprintf(note, "seller"), "invalidValue"
	case "POST /troubleTicket/{id}/reopen":
		return `{"reason":"x"}`, `{"reason":"x"}`, "otherIssue"
	case "POST /troubleTicket/{id}/cancel", "POST /troubleTicket/{id}/close":
		return "", "", "otherIssue"
	case "POST /hub":
		return `{"callback":"http://127.0.0.1:9/"}`, `{"callback":"nowhere"}`, "invalidFormat"
	}
	return "", "", ""
}

// refused causes one status of one operation. It gives 1 when it did.
func (w *refusalWorld) refused(f wire.Function, method, path, id string, status int, off, broken *world) int {
	w.t.Helper()
	real := map[string]string{"/productOrder/{id}": w.order, "/charge/{id}": w.charge}[path]
	if strings.HasPrefix(path, "/troubleTicket/{id}") {
		real = w.ticket
	}
	if real == "" {
		real = "X"
	}
	good, bad, badCode := w.bodies(method, path)
	a := ask{partner: w.partner, method: method, body: good, wrong: true}
	at, code, query, asked := real, "", "", w.world
	switch status {
	case 400:
		code, query = "invalidQuery", "?no=such"
		if good != "" { // once more with a body that is no JSON
			a.body, query, code = good[:len(good)-1], "", "invalidBody"
		}
	case 401:
		a.partner, code = "", "missingCredentials"
	case 403:
		a.partner, code = "none", "accessDenied"
	case 404:
		if path == "/hub" {
			return 0 // a subscription needs nothing that could be missing
		}
		at, code = "X", "notFound"
	case 409:
		code = "conflict"
	case 422:
		if a.body, code = bad, badCode; code == "" {
			return 0 // a query is wrong by its form only: 400
		}
	case 500:
		if f == wire.Ordering && method != http.MethodGet && good != "" && path == "/productOrder" {
			return 0 // before the shelf comes the seller
		}
		asked, code = broken, "internalError"
	case 501:
		asked, code = off, "notImplemented"
	default:
		return 0
	}
	a.path = w.release.Base(f) + strings.Replace(path, "{id}", at, 1) + query
	got := asked.do(a)
	if got.status != status || got.code() != code {
		w.t.Errorf("%s %s (%s): %d %s, want %d %s\n%s", method, a.path, id, got.status, got.code(), status, code, got.text)
	}
	if status == 403 && !strings.Contains(got.text, "the scope "+id+" is needed") {
		w.t.Errorf("%s %s: the scope is not %s: %s", method, path, id, got.text)
	}
	return 1
}

func TestEveryFaultOfAnOrderIsNamedByItsPath(t *testing.T) {
	ordered(t, func(t *testing.T, w *orderWorld) {
		good := orderBody("", w.addItem("1", `"note":[{"id":"n","author":"B","date":"2026-11-02T09:00:00Z","source":"buyer","text":"x"}],`), w.item("2", wire.Delete, "P"))
		if err := w.server.PutProduct(t.Context(), buyerOf(w.release), "ALPHA", wire.InventoryProduct{ID: "P", Status: wire.ProductActive, Start: w.clock.now(),
			Place: []wire.RelatedPlace{{Role: "A", Place: wire.Place{Type: wire.TypeSiteRef, ID: "S"}}}, Agreement: "MSA"}); err != nil {
			t.Fatal(err)
		}
		w.product("P") // it is of the file's form
		at := "/productOrderItem/"
		for name, c := range map[string]struct{ from, to, code, path string }{
			"no contact":                  {"productOrderContact", "other", "missingProperty", "/relatedContactInformation"},
			"no contact of an item":       {"buyerTechnicalContact", "other", "missingProperty", at + "0/relatedContactInformation"},
			"add with an id":              {`"product":{"productOffering"`, `"product":{"id":"P","productOffering"`, "unexpectedProperty", at + "0/product/id"},
			"add without an offering":     {`"productOffering":{"id":"line"},`, ``, "missingProperty", at + "0/product/productOffering"},
			"add without configuration":   {`"productConfiguration":` + configuration + `,`, ``, "missingProperty", at + "0/product/productConfiguration"},
			"add without an account":      {`"billingAccount":{"id":"BA-1"},`, ``, "missingProperty", at + "0/billingAccount"},
			"a term that rolls":           {`"autoRenew"`, `"roll"`, "missingProperty", at + "0/requestedItemTerm/rollInterval"},
			"a note of the seller":        {`"source":"buyer"`, `"source":"seller"`, "invalidValue", at + "0/note/0/source"},
			"a product that is not there": {`{"id":"P"}`, `{"id":"Z"}`, "referenceNotFound", at + "1/product/id"},
			"delete without an id":        {`"product":{"id":"P"}`, `"product":{}`, "missingProperty", at + "1/product/id"},
			"delete with a configuration": {`{"id":"P"}`, `{"id":"P","productConfiguration":{"@type":"x"}}`, "unexpectedProperty", at + "1/product/productConfiguration"},
			"two of one id":               {`{"id":"2",`, `{"id":"1",`, "invalidValue", at + "1/id"},
			"a relationship to nothing":   {`{"id":"2",`, `{"id":"2","productOrderItemRelationship":[{"id":"9","relationshipType":"X"}],`, "referenceNotFound", at + "1/productOrderItemRelationship/0/id"},
			"a state of an item":          {`{"id":"2",`, `{"id":"2","state":"completed",`, "unexpectedProperty", at + "1/state"},
			"a state":                     {`{"related`, `{"state":"completed","related`, "unexpectedProperty", "/state"},
		} {
			body := strings.Replace(good, c.from, c.to, 1)
			if body == good {
				t.Fatalf("%s: nothing was changed", name)
			}
			a := w.must(422, ask{partner: w.partner, path: w.base + "/productOrder", body: body, wrong: true})
			if a.code() != c.code || a.propertyPath() != c.path {
				t.Errorf("%s: %s %s, want %s %s", name, a.code(), a.propertyPath(), c.code, c.path)
			}
		}
		for name, body := range map[string]string{
			"no item":           orderBody(""),
			"an unknown action": strings.Replace(good, `"delete"`, `"vanish"`, 1),
			"garbage":           strings.Repeat("\x00", 10),
			"an array":          `[]`,
			"a date of words":   strings.Replace(good, "2026-11-05T09:00:00Z", "tomorrow", 1),
		} {
			if a := w.must(400, ask{partner: w.partner, path: w.base + "/productOrder", body: body, wrong: true}); a.code() != "invalidBody" {
				t.Errorf("%s: %s", name, a.text)
			}
		}
		w.must(201, ask{partner: w.partner, path: w.base + "/productOrder", body: good})
	})
}

func TestOurOwnCallsRefuseAsTheStandardDoes(t *testing.T) {
	billed(t, func(t *testing.T, w *billWorld) {
		b := w.issue("1", 2)
		w.add(sonata.Partner{ID: "none", Buyers: []string{"NONE"}, Release: w.release, Scopes: []string{"nothing"}})
		w.add(sonata.Partner{ID: "other", Buyers: []string{"OTHER"}, Release: w.release})
		item, bill := "/customerBillItem/"+b.Items[0].ID, "/customerBill/"+b.ID
		dispute := `{"reason":"x"}`
		for name, c := range map[string]struct {
			partner, path, body string
			status              int
			code                string
		}{
			"no token":                  {"", item + "/dispute", dispute, 401, "missingCredentials"},
			"no scope":                  {"none", item + "/dispute", dispute, 403, "accessDenied"},
			"another's item":            {"other", item + "/dispute", dispute, 404, "notFound"},
			"another's bill":            {"other", bill + "/pay", `{"reference":"x"}`, 404, "notFound"},
			"no reason":                 {w.partner, item + "/dispute", `{}`, 400, "invalidBody"},
			"no JSON":                   {w.partner, bill + "/accept", `{`, 400, "invalidBody"},
			"no answer to agree to":     {w.partner, item + "/resolve", `{"accept":true}`, 409, "conflict"},
			"a claim above the item":    {w.partner, item + "/dispute", `{"reason":"x","claimedAmount":{"unit":"EUR","value":10.1}}`, 422, "invalidValue"},
			"a claim in another money":  {w.partner, item + "/dispute", `{"reason":"x","claimedAmount":{"unit":"USD","value":1}}`, 422, "invalidValue"},
			"parts of a millionth":      {w.partner, item + "/dispute", `{"reason":"x","claimedAmount":{"unit":"EUR","value":0.00000001}}`, 422, "invalidFormat"},
			"too little":                {w.partner, item + "/pay", `{"reference":"x","amount":{"unit":"EUR","value":11.10}}`, 422, "invalidValue"},
			"a means that there is not": {w.partner, item + "/pay", `{"reference":"x","paymentMethod":"shells"}`, 400, "invalidBody"},
		} {
			a := w.do(ask{partner: c.partner, path: w.own + c.path, body: c.body})
			if a.status != c.status || a.code() != c.code {
				t.Errorf("%s: %d %s, want %d %s\n%s", name, a.status, a.code(), c.status, c.code, a.text)
			}
		}
		if got := w.states(b); got != "generated generated generated" || len(w.till.said) != 0 {
			t.Errorf("it is %s, and the seller heard %v", got, w.till.said)
		}
		if a := w.do(ask{partner: "other", path: w.own + bill + "/document"}); a.status != 404 {
			t.Errorf("another's document: %d", a.status)
		}
		w.say(200, item+"/pay", `{"reference":"x","amount":{"unit":"EUR","value":11.11}}`)
	})
}
