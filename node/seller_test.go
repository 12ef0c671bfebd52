package node

import (
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/client"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/trade/order"
)

// stock is what the operator imports.
const stock = `{"catalogue": 1,
 "links": [{"id": "cable", "bandwidth": 1000000000}],
 "specifications": [{"id": "e-line", "name": "Ethernet line", "type": "urn:lateral:spec:e-line:v1.0.0:all"}],
 "offerings": [{"id": "hk-mil", "name": "Hong Kong to Milan", "specification": "e-line", "state": "launched", "bandwidth": {"min": 1000000, "max": 1000000000},
  "prices": [{"name": "port", "kind": "recurring", "currency": "EUR", "rate": "250", "unit": 1, "period": {"length": "1mo"}}],
  "legs": [{"a": {"place": "HKHKG"}, "z": {"place": "ITMIL"}, "links": ["cable"]}]}]}`

func TestANodeSellsWhatItsOperatorImports(t *testing.T) {
	_, s := founded(t, true)
	s.Config.Sonata = Sonata{Listen: "127.0.0.1:0", Base: "https://alpha.example", Partners: filepath.Join(filepath.Dir(s.ConfigFile), "partners.yaml"), QuoteFor: time.Hour}
	n := run(t, s.Config)
	// The operator imports the catalogue by the API, and lets a partner in.
	token, err := ReadToken(filepath.Dir(s.ConfigFile), api.ProductManager)
	if err != nil {
		t.Fatal(err)
	}
	post := func(path, body string) (int, string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.Config.API.Listen+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/yaml")
		r.Header.Set("Authorization", "Bearer "+token)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			return 0, err.Error()
		}
		defer res.Body.Close()
		answer, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(answer)
	}
	last := ""
	eventually(t, "the catalogue is imported", func() bool {
		status, text := post("/v1/catalog/imports", stock)
		last = text
		if status >= 400 && status != http.StatusServiceUnavailable {
			t.Fatalf("%d %s", status, last)
		}
		return status == 200
	})
	partners, err := sonata.OpenPartners(s.Config.Sonata.Partners)
	if err != nil {
		t.Fatal(err)
	}
	buyer := func(id, code string) *client.Client {
		secret, err := partners.Add(sonata.Partner{ID: id, Buyers: []string{code}, Release: wire.Kylie}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		c, err := client.New(client.Options{Base: "http://" + n.SonataAddress(), ID: id, Secret: secret})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		return c
	}
	bravo, delta := buyer("bravo", "BRAVO"), buyer("delta", "DELTA")

	// The buyer validates the addresses, finds the offering, qualifies it, and has
	// it quoted.
	ctx := t.Context()
	var places []wire.RelatedPlace
	for role, city := range map[string]string{"A": "Hong Kong", "Z": "Milan"} {
		a, err := bravo.ValidateAddress(ctx, wire.AddressValidation{Instant: true, Submitted: wire.Place{Representations: wire.Representations{Formatted: []wire.Formatted{{Address: city}}}}})
		if err != nil || a.Value.Best == nil {
			t.Fatalf("%s: %s %v", city, a.Raw, err)
		}
		places = append(places, wire.RelatedPlace{Role: role, Place: wire.Place{Type: wire.TypeAddressRef, ID: a.Value.Best.ID}})
	}
	list, err := bravo.Offerings(ctx, client.Filter{"lifecycleStatus": "launched"})
	if err != nil || len(list.Items) != 1 {
		t.Fatalf("offerings: %+v %v", list.Items, err)
	}
	configuration, err := wire.Parse([]byte(`{"@type":"` + catalog.TypeELine + `","bandwidth":600000000,"endA":{"interface":"uni"},"endZ":{"interface":"uni"}}`))
	if err != nil {
		t.Fatal(err)
	}
	p := wire.Product{Offering: &wire.Ref{ID: list.Items[0].ID}, Configuration: configuration, Place: places}
	contacts := []wire.Contact{{Role: wire.BuyerContact, Name: "Desk", Number: "+41", Email: "desk@bravo.example"}}
	poq, err := bravo.CreateQualification(ctx, wire.POQ{Instant: true, Contacts: contacts, Items: []wire.POQItem{{ID: "1", Action: wire.Add, Product: p}}})
	if err != nil || poq.Value.Items[0].Confidence != wire.GreenConfidence {
		t.Fatalf("qualified: %s %v", poq.Raw, err)
	}
	request := wire.Quote{Instant: true, Level: wire.Firm, Contacts: contacts, Items: []wire.QuoteItem{{ID: "1", Action: wire.Add, Product: p}}}
	q, err := bravo.CreateQuote(ctx, request)
	if err != nil || q.Value.State != wire.Orderable || len(q.Value.Proofs) != 1 {
		t.Fatalf("quoted: %s %v", q.Raw, err)
	}
	signed, err := order.OpenQuote(q.Value.Proofs[0].Signed)
	if err != nil || signed.Key != n.keys.Node().Public() || signed.Quote.Buyer != "BRAVO" || signed.Quote.Seller != "ALPHA" {
		t.Errorf("signed: %+v %v", signed, err)
	}
	// The last capacity is given once.
	if no, err := delta.CreateQuote(ctx, request); err != nil || no.Value.State != wire.UnableToProvide {
		t.Errorf("sold twice: %s %v", no.Raw, err)
	}
	if err := bravo.DeclineQuote(ctx, wire.QuoteOperation{QuoteID: q.Value.ID}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "what was declined is free", func() bool {
		yes, err := delta.CreateQuote(ctx, request)
		return err == nil && yes.Value.State == wire.Orderable
	})
}
