package buying_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/client"
	"github.com/lateral-network/lateral/api/sonata/sonatatest"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/buying"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/ledger/local"
	"github.com/lateral-network/lateral/line/connectivity"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/selling"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/store/resource"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
)

// A world is carriers in a row, each interconnected with the next, on a local
// ledger: real members under the law of the product, Sonata over loopback HTTP,
// brokers, and one Bilateral for each pair.
type world struct {
	t          *testing.T
	dir        string
	chain      string
	ledger     ledger.Ledger
	genesis    []byte
	law        channel.Law
	codes      []party.Code
	sides      map[party.Code]*side
	people     map[party.Code]bool // whose own legs wait for people
	rubbish    bool                // what is answered is wrong on purpose
	mostHeld   int
	timed      bool          // what is sold has a price for an hour's use too
	twice      bool          // the first two carriers meet at a second place, to which a dearer and faster leg leads
	quoteFor   time.Duration // 0: the usual
	deliverFor time.Duration // likewise
	terms      func(buyer, seller party.Code, t *agreement.ProductTerms)
	until      map[party.Code]int64 // by buyer: when its agreement with its seller ends, ms since 1970
}

type side struct {
	w       *world
	code    party.Code
	keys    *keyring
	db      *store.DB
	member  *channel.Member
	catalog *catalog.Catalog
	broker  *buying.Broker
	deals   *selling.Deals
	server  *sonata.Server
	http    *httptest.Server
	handler atomic.Pointer[sonata.Server]
	secrets map[party.Code]string
	closers []func()
	instead atomic.Pointer[http.HandlerFunc] // answers partners in place of the Sonata interface
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

type keyring struct {
	node, member, recovery, delegate sign.PrivateKey
	sealing                          seal.Key

	mu       sync.Mutex
	channels map[sign.PublicKey]sign.PrivateKey
}

func (k *keyring) Node() sign.PrivateKey                                { return k.node }
func (k *keyring) Member() (sign.PrivateKey, bool)                      { return k.member, true }
func (k *keyring) Sealing() []seal.Key                                  { return []seal.Key{k.sealing} }
func (k *keyring) Past(canon.Hash) []byte                               { return nil }
func (k *keyring) Retire([]seal.PublicKey, map[canon.Hash][]byte) error { panic("no key is old") }

func (k *keyring) Channel(p sign.PublicKey) (sign.PrivateKey, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, ok := k.channels[p]
	return key, ok
}

func (k *keyring) NewChannel() (sign.PrivateKey, error) {
	key, err := sign.Generate(nil)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.channels[key.Public()] = key
	return key, err
}

// cities are where the eNNI of each carrier with the next is.
var cities = []string{"SGSIN", "INBOM", "AEDXB", "DEFRA"}

const (
	first = "HKHKG"
	last  = "ITMIL"
)

// stock is what a carrier sells: a leg between what is before and behind it.
func (w *world) stock(i int) string {
	end := func(place, neighbour string) string {
		if neighbour == "" {
			return "{place: " + place + "}"
		}
		return "{place: " + place + ", neighbour: " + neighbour + "}"
	}
	a, z := end(first, ""), end(last, "")
	if i > 0 {
		a = end(cities[i-1], string(w.codes[i-1]))
	}
	if i < len(w.codes)-1 {
		z = end(cities[i], string(w.codes[i+1]))
	}
	extra, hour := "", ""
	if w.timed {
		hour = fmt.Sprintf("\n      - {name: use, kind: time, currency: EUR, rate: \"%d\", unit: 3600}", 6*(i+1))
	}
	if w.twice && i < 2 {
		fast := []string{"{a: {place: HKHKG}, z: {place: FRPAR, neighbour: BRAVO}, links: [cable], latency: 5000, availability: 999900}",
			"{a: {place: FRPAR, neighbour: ALPHA}, z: {place: ITMIL}, links: [cable], latency: 5000, availability: 999900}"}[i]
		extra = `
  - id: fast
    name: fast
    specification: e-line
    state: launched
    bandwidth: {min: 1000000, max: 1000000000, step: 1000000}
    prices: [{name: port, kind: recurring, currency: EUR, rate: "900", unit: 1, period: {length: 1mo}}]
    legs: [` + fast + `]
`
	}
	return fmt.Sprintf(`
catalogue: 1
links: [{id: cable, bandwidth: 1000000000}]
specifications: [{id: e-line, name: Ethernet line, type: "urn:lateral:spec:e-line:v1.0.0:all"}]
offerings:
  - id: leg
    name: leg
    specification: e-line
    state: launched
    bandwidth: {min: 1000000, max: 1000000000, step: 1000000}
    prices:
      - {name: port, kind: recurring, currency: EUR, rate: "%d", unit: 1, period: {length: 1mo}}
      - {name: set-up, kind: one-time, currency: EUR, rate: "10", unit: 1, event: activation}%s
    legs: [{a: %s, z: %s, links: [cable], latency: 20000, availability: 999900}]
`, 100*(i+1), hour, a, z) + extra
}

func newWorld(t *testing.T, tune func(*world), codes ...party.Code) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), codes: codes, sides: map[party.Code]*side{}, people: map[party.Code]bool{}, law: channel.Trade(trade.New(connectivity.Line{}))}
	if tune != nil {
		tune(w)
	}
	key := sign.FromSeed([32]byte{1})
	network := local.Network("test", key.Public())
	w.chain = network.ChainID
	g := trade.GenesisDocument{Network: trade.DefaultNetwork("test"), Validators: []trade.Validator{{Name: "local", Key: key.Public(), Power: 1}}}
	for _, code := range codes {
		k := &keyring{channels: map[sign.PublicKey]sign.PrivateKey{}, node: must(sign.Generate(nil)), member: must(sign.Generate(nil)), recovery: must(sign.Generate(nil)),
			delegate: must(sign.Generate(nil)), sealing: must(seal.GenerateKey(nil))}
		w.sides[code] = &side{w: w, code: code, keys: k, secrets: map[party.Code]string{}}
		public := k.sealing.Public()
		g.Members = append(g.Members, party.Application{Code: code, LegalName: string(code) + " Ltd", Country: "CH", Exchange: "localhost:1", Sealing: public.Bytes()}.
			Sign(k.member, k.node, k.recovery))
	}
	w.genesis = canon.Must(g)
	validator := must(store.Open(filepath.Join(w.dir, "validator"), store.Options{MinFree: 1}))
	machine := must(channel.NewOmni(validator, channel.MachineOptions{ChainID: w.chain, Genesis: w.genesis, Law: w.law}))
	chain := must(local.Open(local.Config{Network: network, Key: key, Path: filepath.Join(w.dir, "ledger"), GapWait: 20 * time.Millisecond}, machine))
	t.Cleanup(func() { validator.Close() })
	t.Cleanup(func() { chain.Close() })
	w.ledger = chain
	for _, code := range codes {
		s := w.sides[code]
		s.http = httptest.NewServer(s)
		t.Cleanup(s.http.Close)
	}
	for i, code := range codes { // each gives its neighbours a client
		partners := must(sonata.OpenPartners(filepath.Join(w.dir, string(code)+".yaml")))
		for _, j := range []int{i - 1, i + 1} {
			if j >= 0 && j < len(codes) {
				w.sides[codes[j]].secrets[code] = must(partners.Add(sonata.Partner{ID: string(codes[j]), Buyers: []string{string(codes[j])}, Release: wire.Kylie}, time.Now()))
			}
		}
	}
	for i, code := range codes {
		s := w.sides[code]
		t.Cleanup(s.stop)
		s.start()
		must(s.catalog.Import(strings.NewReader(w.stock(i)), "stock", false, "pm", time.Now().UnixMilli()))
		s.broker.CatalogChanged()
	}
	for i := range len(codes) - 1 {
		w.agree(w.sides[codes[i]], w.sides[codes[i+1]])
	}
	return w
}

// start opens and runs a carrier's node.
func (s *side) start() {
	w := s.w
	dir := filepath.Join(w.dir, string(s.code))
	s.db = must(store.Open(filepath.Join(dir, "store"), store.Options{MinFree: 1}))
	s.closes(func() { s.db.Close() })
	s.member = must(channel.OpenMember(channel.Options{Ledger: w.ledger, Store: s.db, Outbox: filepath.Join(dir, "outbox"), Keys: s.keys, Code: string(s.code),
		ChainID: w.chain, Genesis: w.genesis, Law: w.law}))
	s.closes(func() { s.member.Close() })
	s.run(s.member.Run)
	s.catalog = must(catalog.Open(s.db.Node(), nil, nil))
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(w.t.Output(), nil)).With("carrier", s.code)
	}
	o := buying.Options{
		Carrier: s.code, Catalog: s.catalog, Currency: "EUR", Credit: 100_000, MostHeld: w.mostHeld, Deliver: !w.people[s.code], DeliverFor: time.Minute, Store: s.db.Node(), Log: log,
		Key: s.keys.Node, Bilateral: s.bilateral, Authorize: s.authorize, Tell: s.tell,
		NodeKey: func(c party.Code, k sign.PublicKey) bool { return w.sides[c].keys.node.Public() == k },
	}
	i := slices.Index(w.codes, s.code)
	for _, j := range []int{i - 1, i + 1} {
		if j < 0 || j >= len(w.codes) {
			continue
		}
		n := w.sides[w.codes[j]]
		o.Neighbours = append(o.Neighbours, buying.Neighbour{ENNI: fmt.Sprintf("E-%d", min(i, j)), Partner: n.code, Place: cities[min(i, j)], Relation: mesh.Peer,
			Terms:  must(mesh.NewTerms("", "")),
			Seller: must(client.New(client.Options{Base: n.http.URL, ID: string(s.code), Secret: s.secrets[n.code], Retries: -1, HTTP: s.judged()}))})
	}
	if w.twice && len(o.Neighbours) > 0 {
		second := o.Neighbours[0]
		second.ENNI, second.Place = "E-fast", "FRPAR"
		o.Neighbours = append(o.Neighbours, second)
	}
	if w.quoteFor != 0 {
		o.Limits = mesh.DefaultLimits()
		o.Limits.QuoteFor = w.quoteFor.Milliseconds()
	}
	if w.deliverFor != 0 {
		o.DeliverFor = w.deliverFor
	}
	s.broker = must(buying.New(o))
	s.catalog.Watch(func([]catalog.Turn) { s.broker.CatalogChanged() })
	shop := selling.New(selling.Options{Catalog: s.catalog, Carrier: s.code, Key: s.keys.Node, Neighbours: s.broker, Products: s, Log: log})
	shelf := must(resource.Open(filepath.Join(dir, "sonata"), resource.Options{}))
	s.closes(func() { shelf.Close() })
	partners := must(sonata.OpenPartners(filepath.Join(w.dir, string(s.code)+".yaml")))
	s.deals = selling.NewDeals(selling.DealOptions{Shop: shop, Bilateral: func(p party.Code) (selling.Bilateral, bool) { b, ok := s.bilateral(p); return read{b}, ok }})
	server := must(sonata.New(partners, shelf, s.deals.Seller(), sonata.Options{Sellers: []string{string(s.code)}, Base: s.http.URL, Private: true, Log: log}))
	s.handler.Store(server)
	s.closes(func() { s.handler.Store(nil) })
	s.run(func(ctx context.Context) error { server.Run(ctx); return nil })
	s.run(func(ctx context.Context) error { s.deals.Run(ctx, server); return nil })
	s.run(s.tellDeals)
	s.run(s.broker.Run)
	s.run(s.ticks)
}

func (s *side) closes(f func()) { s.closers = append(s.closers, f) }

func (s *side) stop() {
	for _, f := range slices.Backward(s.closers) {
		f()
	}
	s.closers = nil
}

func (s *side) run(part func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- part(ctx) }()
	s.closes(func() {
		cancel()
		if err := <-ended; err != nil {
			s.w.t.Errorf("%s: a part ended with %v", s.code, err)
		}
	})
}

// read is a Bilateral as package selling reads it.
type read struct{ *channel.Bilateral }

func (r read) View(f func(trade.View) error) error {
	return r.Bilateral.View(func(v channel.View) error { return f(trade.View{Records: v}) })
}

// judged is a client whose messages are held to the published files, where they
// are there.
func (s *side) judged() *http.Client {
	var t http.RoundTripper = http.DefaultTransport.(*http.Transport).Clone()
	if sonatatest.There() && !s.w.rubbish {
		t = &sonatatest.Judge{T: s.w.t, Next: t}
	}
	return &http.Client{Transport: t}
}

// tellDeals tells of events on Bilaterals, as nodes do.
func (s *side) tellDeals(ctx context.Context) error {
	followed := map[string]bool{}
	var all sync.WaitGroup
	defer all.Wait()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, b := range s.member.Bilaterals() {
			if b.State() != channel.StateOpen || followed[b.Partner()] {
				continue
			}
			followed[b.Partner()] = true
			all.Go(func() {
				for e, err := range b.Events(ctx, 0) {
					if err != nil {
						return
					}
					for _, o := range e.Outcomes {
						for _, ev := range o.Events {
							s.deals.Told(party.Code(b.Partner()), ev.Subject)
						}
					}
				}
			})
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Product gives what a buyer has of the carrier.
func (s *side) Product(buyer, id string) (p product.Instance, terms agreement.Terms, ok bool) {
	s.view(party.Code(buyer), func(v trade.View) bool {
		if p, ok = v.Product(id); ok {
			terms, ok = v.TermsAt(p.Agreement, time.Now().UnixMilli())
		}
		return ok
	})
	return p, terms, ok
}

// ticks has deadlines applied that have passed, as desks do.
func (s *side) ticks(ctx context.Context) error {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for _, b := range s.member.Bilaterals() {
			var cmds []trade.Command
			err := b.View(func(v channel.View) error {
				for d := range (trade.View{Records: v}).Due(time.Now().UnixMilli()) {
					cmds = append(cmds, trade.NewCommand(trade.KindTick, trade.Tick{Subject: d.Subject}))
				}
				return nil
			})
			if err == nil && len(cmds) > 0 && b.State() == channel.StateOpen {
				b.Enqueue(cmds...)
			}
		}
	}
}

func (s *side) bilateral(partner party.Code) (*channel.Bilateral, bool) {
	for _, b := range s.member.Bilaterals() {
		if b.Partner() == string(partner) && b.State() == channel.StateOpen {
			return b, true
		}
	}
	return nil, false
}

func (s *side) authorize(ch canon.Hash, c trade.Command) (trade.Command, error) {
	role, member := trade.Needs(c.Kind)
	key := s.keys.delegate
	switch {
	case member:
		key = s.keys.member
	case role == "":
		return c, nil
	}
	var nonce canon.Hash
	rand.Read(nonce[:])
	return trade.Authorize(c, key, s.w.chain, ch, time.Now().Add(time.Hour).UnixMilli(), nonce), nil
}

func (s *side) tell(_ context.Context, partner party.Code, reach []byte) ([]byte, error) {
	n := s.w.sides[partner]
	if n.handler.Load() == nil {
		return nil, fmt.Errorf("%s is down", partner)
	}
	return n.broker.Heard(s.code, reach)
}

func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// change gets a firm price for a change. A hop far behind may hear of the acceptance
// a moment later, and refuses until then.
func (s *side) change(id mesh.ID, wish buying.Wish) (offer buying.Offer) {
	s.w.t.Helper()
	var err error
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if offer, err = s.broker.Change(within(s.w.t), id, wish); err == nil {
			return offer
		}
		if time.Now().After(end) {
			s.w.t.Fatal(err)
		}
	}
}

func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not reached in time: %s", what)
		}
	}
}

// do submits commands and fails if one is refused.
func (s *side) do(partner party.Code, cmds ...trade.Command) {
	s.w.t.Helper()
	b, ok := s.bilateral(partner)
	if !ok {
		s.w.t.Fatalf("no Bilateral of %s and %s", s.code, partner)
	}
	for i := range cmds {
		cmds[i] = must(s.authorize(b.ID(), cmds[i]))
	}
	out, err := b.Submit(within(s.w.t), cmds...)
	if err == nil {
		err = channel.FirstErr(out)
	}
	if err != nil {
		s.w.t.Fatalf("%s: %v", s.code, err)
	}
}

// agree opens the Bilateral of two carriers, with an agreement on connectivity.
func (w *world) agree(a, b *side) {
	ctx := within(w.t)
	<-a.member.Ready()
	<-b.member.Ready()
	ours := must(a.member.Introduce(string(b.code)))
	theirs := must(b.member.Introduce(string(a.code)))
	if _, err := a.member.Invite(ctx, ours, theirs); err != nil {
		w.t.Fatal(err)
	}
	for _, x := range [][2]*side{{a, b}, {b, a}} {
		eventually(w.t, "the Bilateral is open", func() bool { _, ok := x[0].bilateral(x[1].code); return ok })
		x[0].do(x[1].code, trade.NewCommand(trade.KindDelegateAdd, trade.DelegateAdd{Key: x[0].keys.delegate.Public(), Name: "desk",
			Roles: []party.Role{party.Contracts, party.Orders}, Limits: []money.Amount{{Currency: "EUR", Micro: 1e12}}}))
	}
	terms := agreement.Defaults()
	clause := agreement.DefaultProduct("annex", string(connectivity.Name))
	clause.Test = true
	if w.terms != nil {
		w.terms(a.code, b.code, &clause)
	}
	terms.Cycle, terms.Products = "1mo", []agreement.ProductTerms{clause}
	a.do(b.code, trade.NewCommand(trade.KindAgreementPropose, trade.AgreementPropose{ID: "MSA", Type: agreement.MSA, Terms: terms, Until: w.until[a.code], Lines: []product.Line{connectivity.Name},
		Legal: agreement.Legal{Document: canon.Sum("contract"), GoverningLaw: "Swiss", Jurisdiction: "Zürich", Indemnity: "own", Liability: "capped", ForceMajeure: "usual", Taxes: "net", Term: "open", Obligations: "annexed", Definitions: "annexed"}}))
	eventually(w.t, "the agreement is here", func() bool { return b.view(a.code, func(v trade.View) bool { _, ok := v.Agreement("MSA"); return ok }) })
	b.do(a.code, trade.NewCommand(trade.KindAgreementAccept, trade.AgreementAnswer{ID: "MSA", Terms: terms.Hash()}))
	eventually(w.t, "the agreement is in force", func() bool {
		return a.view(b.code, func(v trade.View) bool { x, ok := v.TermsAt("MSA", time.Now().UnixMilli()); _ = x; return ok })
	})
}

// view asks the state of a Bilateral.
func (s *side) view(partner party.Code, f func(trade.View) bool) (yes bool) {
	b, ok := s.bilateral(partner)
	if !ok {
		return false
	}
	err := b.View(func(v channel.View) error {
		yes = f(trade.View{Records: v})
		return nil
	})
	return err == nil && yes
}

// items gives the orders on a Bilateral.
func (s *side) items(partner party.Code) (out []order.Item) {
	s.view(partner, func(v trade.View) bool {
		for it := range v.Items() {
			out = append(out, it)
		}
		return true
	})
	return out
}
