package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/line/connectivity"
	"github.com/lateral-network/lateral/node"
	"github.com/lateral-network/lateral/sim"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
)

// longest is how long is waited for what even a busy machine does at last.
const longest = 2 * time.Minute

// chain is four carriers in a row from Hong Kong to Milan, each a process of its
// own. They are told what to do by command line only. The first one's node is the
// validator too.
type chain struct {
	*testing.T
	net   *sim.Network
	dir   string
	codes []party.Code
	ennis []sim.ENNI
}

// newChain starts the carriers, fills their catalogues and has them sign. What
// BRAVO's own customers order is given up after a few seconds.
func newChain(t *testing.T) *chain {
	t.Helper()
	if testing.Short() {
		t.Skip("starts a whole network: not with -short")
	}
	ends := func(a, b party.Code) [2]sim.Attachment {
		return [2]sim.Attachment{{Carrier: a, Relation: "peer"}, {Carrier: b, Relation: "peer"}}
	}
	c := &chain{T: t, dir: t.TempDir(), codes: []party.Code{"ALPHA", "BRAVO", "CHARLIE", "DELTA"}, ennis: []sim.ENNI{
		{ID: "sin-1", Hall: sim.Hall{ID: "tuas", Name: "Tuas", City: "SGSIN"}, Ends: ends("ALPHA", "BRAVO")},
		{ID: "bom-2", Hall: sim.Hall{ID: "versova", Name: "Versova", City: "INBOM"}, Ends: ends("BRAVO", "CHARLIE")},
		{ID: "mrs-3", Hall: sim.Hall{ID: "prado", Name: "Prado", City: "FRMRS"}, Ends: ends("CHARLIE", "DELTA")},
	}}
	var err error
	if c.net, err = sim.Build(sim.Options{
		Dir: c.dir, Carriers: c.codes, Validators: 1, Together: true, ENNIs: c.ennis, Binary: must(os.Executable()),
		Automatic: node.Automatic{Rate: true, Accept: true},
	}); err != nil {
		t.Fatal(err)
	}
	t.Setenv(asLateral, "1")
	for _, code := range c.codes {
		path := filepath.Join(c.dir, string(code), "config.yaml")
		config := must(node.ReadConfig(path))
		config.Mesh.Time = time.Minute // an inquiry that is cut short may have reserved
		if code == "BRAVO" {
			config.Mesh.DeliverFor = 8 * time.Second
		}
		if err := config.Write(path); err != nil {
			t.Fatal(err)
		}
	}
	t.Cleanup(c.end)
	if err := c.net.Start(); err != nil {
		t.Fatal(err)
	}
	c.together(len(c.codes), func(i int) {
		c.run(c.codes[i], nil, "ready", "--wait", longest.String())
		c.run(c.codes[i], nil, "catalog", "import", c.file("catalogue-"+string(c.codes[i])+".yaml", must(c.stock(i).YAML())))
	})
	msa := c.file("msa.json", must(json.Marshal(contract())))
	c.together(len(c.ennis), func(i int) {
		buyer, seller := c.codes[i], c.codes[i+1]
		c.run(buyer, nil, "bilateral", "open", string(seller))
		for _, pair := range [][2]party.Code{{buyer, seller}, {seller, buyer}} {
			c.delegate(pair[0], pair[1])
		}
		c.run(buyer, nil, "agreement", "propose", msa, "--partner", string(seller))
		c.eventually("the agreement has come", func() bool {
			return c.try(seller, nil, "agreement", "accept", "MSA-1", "--partner", string(buyer)) == nil
		})
	})
	return c
}

// stock is a carrier's catalogue: a line between its two ends, with a price that
// is due once. BRAVO sells one from Singapore itself as well.
func (c *chain) stock(i int) *catalog.File {
	at := func(k int, own, other party.Code) catalog.End {
		return catalog.End{Place: c.ennis[k].Hall.ID, Neighbour: other, Interface: c.ennis[k].ID}
	}
	ends := []catalog.End{{Place: "HKHKG"}}
	if i > 0 {
		ends[0] = at(i-1, c.codes[i], c.codes[i-1])
	}
	if c.codes[i] == "BRAVO" {
		ends = append(ends, catalog.End{Place: "SGSIN"})
	}
	z := catalog.End{Place: "ITMIL"}
	if i < len(c.ennis) {
		z = at(i, c.codes[i], c.codes[i+1])
	}
	f := &catalog.File{Catalogue: 1, Specifications: []catalog.Specification{{ID: "e-line", Name: "Ethernet line", Type: catalog.TypeELine}},
		Links: []catalog.Link{{ID: "fibre", Bandwidth: 1_000_000_000}}}
	for k, a := range ends {
		f.Offerings = append(f.Offerings, catalog.OfferingRow{State: catalog.Launched, Offering: catalog.Offering{
			ID: fmt.Sprintf("line-%d", k), Name: "Ethernet line", Specification: "e-line",
			Bandwidth: catalog.Range{Min: 10_000_000, Max: 1_000_000_000, Step: 10_000_000},
			Prices:    []rating.Price{{Name: "set-up", Kind: rating.OneTime, Currency: "EUR", Rate: must(money.ParseRate("100")), Unit: 1, Event: rating.OnActivation}},
			Legs:      []catalog.Leg{{A: a, Z: z, Links: []string{"fibre"}, Latency: 20_000, Availability: 999_900}},
		}})
	}
	return f
}

// contract is what two of them agree on: Ethernet lines, with bills for five
// seconds each.
func contract() wire.ProposeAgreement {
	const text = "As in the signed document."
	terms := agreement.Defaults()
	terms.Cycle, terms.GraceMillis = "5s", 0
	clause := agreement.DefaultProduct("annex-e-line", string(connectivity.Name))
	clause.Types, clause.Currencies, clause.Test, clause.Granularity = []string{catalog.TypeELine}, []money.Currency{"EUR"}, true, "5s"
	terms.Products = []agreement.ProductTerms{clause}
	return wire.ProposeAgreement{ID: "MSA-1", Type: agreement.MSA, Lines: []product.Line{connectivity.Name}, Terms: terms, Legal: agreement.Legal{
		Document: canon.Sum("a document"), GoverningLaw: "Switzerland", Jurisdiction: "Zurich", Indemnity: text, Liability: text,
		ForceMajeure: text, Taxes: text, Term: "Open.", Obligations: text, Definitions: text,
	}}
}

// delegate registers what a carrier's node signs with, as soon as the Bilateral is
// open there.
func (c *chain) delegate(code, partner party.Code) {
	var keys map[party.Role]string
	if err := json.Unmarshal(read(c.T, filepath.Join(c.dir, string(code), "delegates.json")), &keys); err != nil {
		c.Error(err)
	}
	for _, role := range slices.Sorted(maps.Keys(keys)) {
		c.eventually(string(code)+" has a delegate for "+string(role), func() bool {
			return c.try(code, nil, "delegate", "add", keys[role], "robot for "+string(role), "--may", string(role), "--limit", "EUR:1000000", "--partner", string(partner)) == nil
		})
	}
}

func (c *chain) file(name string, data []byte) string {
	path := filepath.Join(c.dir, name)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		c.Error(err)
	}
	return path
}

// together does something for each of count, at the same time.
func (c *chain) together(count int, do func(i int)) {
	c.Helper()
	var all sync.WaitGroup
	for i := range count {
		all.Go(func() { do(i) })
	}
	all.Wait()
	if c.Failed() {
		c.FailNow()
	}
}

// end stops all nodes and looks into what they have written.
func (c *chain) end() {
	if err := c.net.Stop(); err != nil {
		c.Error(err)
	}
	for _, code := range c.codes {
		log := read(c.T, filepath.Join(c.dir, string(code), "log"))
		if bytes.Contains(log, []byte("DATA RACE")) || bytes.Contains(log, []byte("panic:")) {
			c.Errorf("the node of %s went wrong", code)
		}
		if c.Failed() {
			lines := slices.DeleteFunc(strings.Split(string(log), "\n"), func(l string) bool { return strings.Contains(l, "level=INFO") })
			c.Logf("%s:\n%s", code, strings.Join(lines[max(0, len(lines)-30):], "\n"))
		}
	}
}

// try runs lateral for a carrier. The JSON document that it prints goes to into,
// unless that is nil.
func (c *chain) try(code party.Code, into any, args ...string) error {
	c.Helper()
	args = append(args, "--node", filepath.Join(c.dir, string(code)))
	if into != nil {
		args = append(args, "--json")
	}
	exit, out, errs := command(c.T, args...)
	if into != nil && out != "" {
		if err := json.Unmarshal([]byte(out), into); err != nil {
			c.Errorf("lateral %q: %v\n%s", args, err, out)
		}
	}
	if exit != 0 {
		return errors.New(errs)
	}
	return nil
}

// run is try for what must succeed.
func (c *chain) run(code party.Code, into any, args ...string) {
	c.Helper()
	if err := c.try(code, into, args...); err != nil {
		c.Errorf("%s: lateral %q: %v", code, args, err)
	}
}

// eventually asks until something holds.
func (c *chain) eventually(what string, ok func() bool) {
	c.Helper()
	for end := time.Now().Add(longest); !ok(); time.Sleep(50 * time.Millisecond) {
		if err := c.net.Failed(); err != nil || c.Failed() || time.Now().After(end) {
			c.Errorf("it does not come to this: %s (%v)", what, err)
			return
		}
	}
}

// step is a part of a test; what comes after it needs what it does.
func (c *chain) step(name string, do func(*chain)) {
	c.Helper()
	if !c.Run(name, func(t *testing.T) {
		part := *c
		part.T = t
		do(&part)
	}) {
		c.FailNow()
	}
}

// quote asks in words and gives the firm offer. The first inquiries may come
// before a neighbour's reach is known.
func (c *chain) quote(code party.Code, words string) (best wire.Offer) {
	c.Helper()
	c.eventually("there is an offer of "+words, func() bool {
		var x wire.Inquired
		c.run(code, &x, "inquire", words, "--yes")
		if x.Best != nil {
			best = *x.Best
		}
		return x.Best != nil
	})
	return best
}

// accepted orders by a quote and waits until that is in service.
func (c *chain) accepted(code party.Code, quote string) (s wire.Service) {
	c.Helper()
	if c.run(code, &s, "service", "order", quote, "--wait"); s.State != "accepted" || s.Why != "" {
		c.Fatalf("the service is %+v", s)
	}
	return s
}

// services gives a service as each carrier of the chain has it, from the one on
// that has sold it to a customer.
func (c *chain) services(code party.Code, id string) []wire.Service {
	c.Helper()
	var s wire.Service
	c.run(code, &s, "service", "show", id)
	all := []wire.Service{s}
	for s.Seller != "" {
		var there api.Page[wire.Service]
		c.run(s.Seller, &there, "service", "list", "--all")
		i := slices.IndexFunc(there.Items, func(x wire.Service) bool { return x.Buyer == code && x.Sold == s.Bought })
		if i < 0 {
			c.Fatalf("%s does not know of %s: %+v", s.Seller, s.Bought, there.Items)
		}
		code, s = s.Seller, there.Items[i]
		all = append(all, s)
	}
	return all
}

// inState waits until what is bought for a service is in a state, on the Bilateral
// of each pair.
func (c *chain) inState(code party.Code, id string, state product.State) []wire.Service {
	c.Helper()
	all := c.services(code, id)
	for _, s := range all[:len(all)-1] {
		var p wire.Product
		c.eventually(fmt.Sprintf("what %s buys of %s is %s", code, s.Seller, state), func() bool {
			c.run(code, &p, "product", "show", s.Bought, "--partner", string(s.Seller))
			return p.State == state
		})
		code = s.Seller
	}
	return all
}

// orders gives what a carrier has ordered of its seller.
func (c *chain) orders(buyer, seller party.Code) []wire.Order {
	c.Helper()
	var page api.Page[wire.Order]
	if c.try(buyer, &page, "order", "list", "--kind", "product", "--all", "--partner", string(seller), "--direction", string(buyer)+">"+string(seller)) != nil {
		return nil
	}
	return page.Items
}

// takes waits until so much of each one's fibre is reserved or used, no more and no
// less.
func (c *chain) takes(bandwidth uint64, codes ...party.Code) {
	c.Helper()
	for _, code := range codes {
		c.eventually(fmt.Sprintf("%d bit/s are taken of the fibre of %s", bandwidth, code), func() bool {
			var x wire.Capacity
			c.run(code, &x, "catalog", "link", "capacity", "fibre")
			return x.Bandwidth-x.Free == bandwidth
		})
	}
}

// charged adds up what a carrier's bills with a partner have for each product.
func (c *chain) charged(code, partner party.Code) map[string]money.Micro {
	c.Helper()
	sums := map[string]money.Micro{}
	var invoices api.Page[wire.Invoice]
	if c.try(code, &invoices, "invoice", "list", "--all", "--partner", string(partner)) != nil {
		return sums
	}
	for _, v := range invoices.Items {
		var items api.Page[wire.Item]
		c.run(code, &items, "bill", "items", v.ID, "--all", "--partner", string(partner))
		for _, x := range items.Items {
			sums[x.Product] += x.Amount.Micro
		}
	}
	return sums
}

const (
	fromHongKong  = "100 Mbit/s Hong Kong to Milan, under 180 ms"
	fromSingapore = "200 Mbit/s Singapore to Milan"
)

// All of a mesh by command line, with each carrier a process of its own; and what
// becomes of orders when one of them is killed.
func TestAMeshByCommandLineSurvivesTheDeathOfItsCarriers(t *testing.T) {
	c := newChain(t)
	var first, second []wire.Service
	c.step("a service is found, ordered, changed and ended through neighbours", func(c *chain) { first = c.whole() })
	c.step("a carrier that is killed between reserve and confirm goes on when it is back", func(c *chain) { second = c.killedAndBack() })
	c.step("the price is billed once at each hop", func(c *chain) { c.billed(second) })
	c.step("what a carrier that is killed for good was to deliver is released in time, and the buyer is told why", (*chain).killedForGood)
	c.step("a partner that answers rubbish or never is as good as none", (*chain).garbage)
	c.step("nothing was charged twice, and nothing for what was not delivered", func(c *chain) {
		c.billed(second)
		for i, s := range second[:len(second)-1] {
			known := map[string]bool{s.Bought: true, first[i].Bought: true}
			for p, sum := range c.charged(c.codes[i], s.Seller) {
				if !known[p] {
					c.Errorf("%s is charged %s for %s by %s", c.codes[i], sum, p, s.Seller)
				}
			}
		}
	})
}

func (c *chain) whole() []wire.Service {
	if err := c.try("ALPHA", nil, "inquire", fromHongKong); err == nil || !strings.Contains(err.Error(), "nobody was asked") {
		c.Errorf("what is not confirmed is asked: %v", err)
	}
	s := c.accepted("ALPHA", c.quote("ALPHA", fromHongKong).Quote)
	c.inState("ALPHA", s.ID, product.Active)
	c.takes(100_000_000, c.codes...)
	var change wire.Offer
	c.run("ALPHA", &change, "service", "change", s.ID, "--bandwidth", "150000000")
	if x := c.accepted("ALPHA", change.Quote); x.ID != s.ID {
		c.Errorf("a change makes another service of %s: %+v", s.ID, x)
	}
	c.takes(150_000_000, c.codes...)
	if err := c.try("ALPHA", nil, "service", "withdraw", s.ID); err == nil || !strings.Contains(err.Error(), "end it") {
		c.Errorf("what is in service is withdrawn: %v", err)
	}
	c.run("ALPHA", nil, "service", "end", s.ID)
	all := c.inState("ALPHA", s.ID, product.Terminated)
	c.takes(0, c.codes...)
	return all
}

// The quote has reserved all along the chain. Its buyer confirms while CHARLIE is
// down; the order stands there and waits, and nothing is given up.
func (c *chain) killedAndBack() []wire.Service {
	quote := c.quote("ALPHA", fromHongKong)
	c.takes(100_000_000, c.codes[1:]...)
	before := len(c.orders("BRAVO", "CHARLIE"))
	if err := c.net.Kill("CHARLIE"); err != nil {
		c.Fatal(err)
	}
	var s wire.Service
	c.run("ALPHA", &s, "service", "order", quote.Quote)
	c.eventually("the order waits for CHARLIE", func() bool { return len(c.orders("BRAVO", "CHARLIE")) == before+1 })
	c.takes(100_000_000, "ALPHA", "BRAVO", "DELTA")
	if c.run("ALPHA", &s, "service", "show", s.ID); s.Since != 0 {
		c.Errorf("it is in service without CHARLIE: %+v", s)
	}
	if err := c.net.Restart("CHARLIE"); err != nil {
		c.Fatal(err)
	}
	if x := c.accepted("ALPHA", quote.Quote); x.ID != s.ID { // ordered again, it is the same order
		c.Errorf("one quote is two services: %+v, %+v", s, x)
	}
	all := c.inState("ALPHA", s.ID, product.Active)
	c.takes(100_000_000, c.codes...)
	if n := len(c.orders("BRAVO", "CHARLIE")); n != before+1 {
		c.Errorf("BRAVO has ordered %d times of CHARLIE", n-before)
	}
	c.run("ALPHA", nil, "service", "end", s.ID)
	c.inState("ALPHA", s.ID, product.Terminated)
	c.takes(0, c.codes...)
	return all
}

// billed waits until both sides of each pair that answer have the price of a
// service on their bills, and fails if it is there twice.
func (c *chain) billed(all []wire.Service) {
	for i, s := range all[:len(all)-1] {
		for _, pair := range [][2]party.Code{{c.codes[i], s.Seller}, {s.Seller, c.codes[i]}} {
			if c.dead(pair[0]) {
				continue
			}
			var sum money.Micro
			c.eventually(fmt.Sprintf("%s has a bill for %s with %s", pair[0], s.Bought, pair[1]), func() bool {
				sum = c.charged(pair[0], pair[1])[s.Bought]
				return sum != 0
			})
			if want := s.Offer.BoughtOnce.Micro; sum != want {
				c.Errorf("%s of %s costs %s, and %s has %s on its bills", s.Bought, s.Seller, want, pair[0], sum)
			}
		}
	}
}

// dead reports whether a carrier's node does not answer.
func (c *chain) dead(code party.Code) bool { return c.try(code, nil, "ready", "--alive") != nil }

func (c *chain) killedForGood() {
	quote := c.quote("BRAVO", fromSingapore)
	c.takes(200_000_000, "CHARLIE", "DELTA")
	if err := c.net.Kill("DELTA"); err != nil {
		c.Fatal(err)
	}
	var s wire.Service
	c.run("BRAVO", &s, "service", "order", quote.Quote)
	c.eventually("it is released", func() bool {
		c.run("BRAVO", &s, "service", "show", s.ID)
		return s.State == "released"
	})
	if !strings.Contains(s.Why, "in time") {
		c.Errorf("BRAVO is not told why: %+v", s)
	}
	if err := c.try("BRAVO", nil, "service", "order", quote.Quote, "--wait"); err == nil || !strings.Contains(err.Error(), s.Why) {
		c.Errorf("it is ordered again: %v", err)
	}
	c.Logf("released: %s", s.Why)
	c.takes(0, "ALPHA", "BRAVO", "CHARLIE")
	for _, pair := range [][2]party.Code{{"BRAVO", "CHARLIE"}, {"CHARLIE", "DELTA"}} {
		c.eventually("nothing that "+string(pair[0])+" has ordered is under way", func() bool {
			return !slices.ContainsFunc(c.orders(pair[0], pair[1]), func(o wire.Order) bool {
				return !slices.Contains([]order.ItemState{order.ItemCompleted, order.ItemCancelled, order.ItemRejected, order.ItemFailed}, order.ItemState(o.State))
			})
		})
	}
}

func (c *chain) garbage() {
	config := must(node.ReadConfig(filepath.Join(c.dir, "DELTA", "config.yaml")))
	var listener net.Listener
	c.eventually("the address of DELTA is free", func() (ok bool) {
		var err error
		listener, err = net.Listen("tcp", config.Sonata.Listen)
		return err == nil
	})
	var mu sync.Mutex
	var answer http.HandlerFunc
	fake := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		h := answer
		mu.Unlock()
		h(w, r)
	})}
	defer fake.Close()
	for i, h := range []http.HandlerFunc{
		func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"access_token":["rubbish"],`)
		},
		func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // else it is not seen that the client has gone
			<-r.Context().Done()
		},
	} {
		mu.Lock()
		answer = h
		mu.Unlock()
		if i == 0 {
			go fake.Serve(listener)
		}
		var x wire.Inquired
		c.run("BRAVO", &x, "inquire", fmt.Sprintf("%d Mbit/s Singapore to Milan", 210+10*i), "--yes", "--time", "3s")
		if x.Best != nil || !x.Asked {
			c.Errorf("found %+v", x)
		}
	}
	c.takes(0, "ALPHA", "BRAVO", "CHARLIE")
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
