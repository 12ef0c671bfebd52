package selling_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/client"
	"github.com/lateral-network/lateral/api/sonata/sonatatest"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/selling"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/store/resource"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func key(name string) sign.PrivateKey { return sign.FromSeed(sha256.Sum256([]byte(name))) }

// stock is what ALPHA sells: a line of 1 Gbit/s at most between Hong Kong and
// Milan, one that leads to CHARLIE, and a bundle with a margin.
const stock = `
catalogue: 1
links:
  - {id: secret-cable, bandwidth: 1000000000}
specifications:
  - {id: e-line, name: Ethernet line, type: "urn:lateral:spec:e-line:v1.0.0:all"}
  - {id: internet, name: Internet access, type: "urn:lateral:spec:internet-access:v1.0.0:all"}
offerings:
  - id: hk-mil
    name: Hong Kong to Milan
    specification: e-line
    categories: [Ethernet]
    state: launched
    bandwidth: {min: 1000000, max: 1000000000, step: 1000000}
    term: {lead: 60, early: 500000}
    guarantees:
      - {metric: availability, tiers: [{beyond: 999000, share: 100000}, {beyond: 990500, share: 500000}], cap: 250000}
      - {metric: latency, tiers: [{beyond: 185000, share: 50000}], cap: 100000}
    prices:
      - {name: port, kind: recurring, currency: EUR, rate: "250.5", unit: 1, period: {length: 1mo}}
      - {name: reach, kind: distance, currency: EUR, rate: "0.001", unit: 1000, period: {length: 1mo}}
      - {name: set-up, kind: one-time, currency: EUR, rate: "100", unit: 1, event: activation}
    legs:
      - {a: {place: HKHKG}, z: {place: ITMIL}, links: [secret-cable], latency: 170000, availability: 999900}
      - {a: {place: HKHKG}, z: {place: CHZRH, neighbour: BRAVO, interface: enni-b}, links: [secret-cable], latency: 172000}
  - id: hk-to-charlie
    name: Hong Kong to another neighbour
    specification: e-line
    state: launched
    bandwidth: {min: 1000000, max: 1000000000}
    prices: [{name: port, kind: recurring, currency: EUR, rate: "1", unit: 1, period: {length: 1mo}}]
    legs: [{a: {place: HKHKG}, z: {place: FRPAR, neighbour: CHARLIE}}]
  - id: access-it
    name: Bare access
    specification: internet
    state: launched
    part_only: true
    bandwidth: {min: 10000000, max: 1000000000}
    prices: [{name: access, kind: recurring, currency: EUR, rate: "200", unit: 1, period: {length: 1mo}}]
    coverage: {countries: [IT]}
  - id: branch
    name: Branch in Italy
    specification: internet
    state: launched
    bandwidth: {min: 10000000, max: 1000000000}
    coverage: {countries: [IT]}
    parts: [{offering: access-it, margin: {share: 150000}}]
`

// world is a shop behind a Sonata interface over loopback HTTP, with a clock that
// the test moves.
type world struct {
	t       *testing.T
	ms      atomic.Int64
	catalog *catalog.Catalog
	shop    *selling.Shop
	deals   *selling.Deals
	with    atomic.Pointer[bilateral] // with BRAVO; nil: none is open
	release wire.Release              // of BRAVO
	options selling.Options
	server  *sonata.Server
	url     string
	secrets map[string]string
}

// Product gives a product as the Bilateral has it.
func (w *world) Product(_, id string) (p product.Instance, terms agreement.Terms, ok bool) {
	b := w.with.Load()
	if b == nil {
		return p, terms, false
	}
	b.View(func(v trade.View) error {
		p, ok = v.Product(id)
		terms, _ = v.TermsAt(p.Agreement, w.ms.Load())
		return nil
	})
	return p, terms, ok
}

func newWorld(t *testing.T, tune ...func(*world)) *world {
	t.Helper()
	w := &world{t: t, secrets: map[string]string{}, release: wire.Kylie}
	w.options = selling.Options{Carrier: "ALPHA", Key: func() sign.PrivateKey { return key("ALPHA.node") }, Products: w, Now: w.now}
	for _, f := range tune {
		f(w)
	}
	w.ms.Store(time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC).UnixMilli())
	dir := t.TempDir()
	db := must(store.Open(dir, store.Options{Memory: true}))
	t.Cleanup(func() { db.Close() })
	w.catalog = must(catalog.Open(db.Node(), nil, nil))
	must(w.catalog.Import(strings.NewReader(stock), "stock", false, "pm", w.ms.Load()))
	w.options.Catalog = w.catalog
	w.shop = selling.New(w.options)
	w.deals = w.newDeals()
	shelf := must(resource.Open(filepath.Join(dir, "sonata"), resource.Options{Now: w.now}))
	t.Cleanup(func() { shelf.Close() })
	partners := must(sonata.OpenPartners(filepath.Join(dir, "partners.yaml")))
	for _, p := range []sonata.Partner{{ID: "bravo", Buyers: []string{"BRAVO"}, Release: w.release}, {ID: "delta", Buyers: []string{"DELTA"}, Release: wire.Kylie}, {ID: "golf", Buyers: []string{"GOLF"}, Release: wire.Grace}} {
		w.secrets[p.ID] = must(partners.Add(p, w.now()))
	}
	o := sonata.Options{Sellers: []string{"ALPHA"}, Base: "http://alpha.test", Now: w.now, Private: true, TokenLife: 10_000 * time.Hour}
	if testing.Verbose() {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	w.server = must(sonata.New(partners, shelf, w.deals.Seller(), o))
	h := httptest.NewServer(w.server.Handler())
	t.Cleanup(h.Close)
	w.url = h.URL
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.server.Run(ctx) }()
	shown := make(chan struct{})
	go func() { defer close(shown); w.deals.Run(ctx, w.server) }()
	t.Cleanup(func() { cancel(); <-done; <-shown })
	return w
}

// newDeals gives deals over what the shop has: those of the node, or of one that
// has been started again.
func (w *world) newDeals() *selling.Deals {
	return selling.NewDeals(selling.DealOptions{Shop: w.shop, Bilateral: func(p party.Code) (selling.Bilateral, bool) {
		b := w.with.Load()
		return b, b != nil && p == "BRAVO"
	}, Say: func(_ context.Context, _ party.Code, c trade.Command) error {
		return w.with.Load().execute("ALPHA.channel", "ALPHA.desk", c)
	}})
}

func (w *world) now() time.Time { return time.UnixMilli(w.ms.Load()).UTC() }

func (w *world) buyer(id string, r wire.Release) *client.Client {
	return w.buyerAt(id, r, w.now)
}

// buyerAt is a buyer with a clock of its own.
func (w *world) buyerAt(id string, r wire.Release, now func() time.Time) *client.Client {
	judged := &http.Client{Transport: &sonatatest.Judge{T: w.t, Next: http.DefaultTransport}, Timeout: time.Minute}
	if !sonatatest.There() {
		judged = nil
	}
	c := must(client.New(client.Options{Base: w.url, ID: id, Secret: w.secrets[id], Release: r, Now: now, Retries: -1, HTTP: judged}))
	w.t.Cleanup(c.Close)
	return c
}

// until waits for a condition, on a busy machine too.
func until(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !f(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not reached in time: %s", what)
		}
	}
}

// line is an Ethernet line of a bandwidth in bit/s.
func line(bandwidth string) wire.Product {
	return wire.Product{Offering: &wire.Ref{ID: "hk-mil"},
		Configuration: must(wire.Parse([]byte(`{"@type":"` + catalog.TypeELine + `","bandwidth":` + bandwidth + `,"endA":{"interface":"uni"},"endZ":{"interface":"uni"}}`))),
		Place: []wire.RelatedPlace{
			{Role: "Z", Place: wire.Place{Type: wire.TypeAddressRef, ID: "ITMIL"}},
			{Role: "A", Place: wire.Place{Type: wire.TypeAddressRef, ID: "HKHKG"}},
		}}
}

var contact = []wire.Contact{{Role: wire.BuyerContact, Name: "Desk", Number: "+41", Email: "desk@bravo.example"}}

// firm asks for an immediate firm quote.
func firm(products ...wire.Product) wire.Quote {
	q := wire.Quote{Instant: true, Level: wire.Firm, Contacts: contact}
	for i, p := range products {
		q.Items = append(q.Items, wire.QuoteItem{ID: string(rune('1' + i)), Action: wire.Add, Product: p})
	}
	return q
}

// refusal gives the standard's errors of a refusal.
func refusal(t *testing.T, err error) *client.Refusal {
	t.Helper()
	r, ok := errors.AsType[*client.Refusal](err)
	if !ok {
		t.Fatalf("no refusal: %v", err)
	}
	return r
}
