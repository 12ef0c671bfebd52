package node

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api"
	native "github.com/lateral-network/lateral/api/native/client"
	nwire "github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/client"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/ledger/local"
	"github.com/lateral-network/lateral/line/connectivity"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
)

// trader is a carrier's node on a ledger in this process.
type trader struct {
	*Node
	t    *testing.T
	with *channel.Bilateral
}

// traders gives two nodes with a Bilateral and an agreement on connectivity. The
// first has a Sonata interface.
func traders(t *testing.T) (alpha, bravo *trader) {
	t.Helper()
	dir := t.TempDir()
	key := sign.FromSeed([32]byte{1})
	var setups []Setup
	f := Founding{Name: "test", Start: time.Now().Add(-time.Second).UnixMilli(), Validators: []ledger.Validator{{Name: "local", Key: key.Public(), Power: 1}}}
	for _, code := range []party.Code{"ALPHA", "BRAVO"} {
		s, err := Init(InitOptions{Dir: filepath.Join(dir, string(code)), Carrier: code, LegalName: string(code), Country: "CH", Exchange: free(t), WorkFactor: 10,
			FollowAt: []Endpoint{{Name: "local", Key: key.Public(), Address: "127.0.0.1:1"}}})
		if err != nil {
			t.Fatal(err)
		}
		setups = append(setups, s)
		f.Members = append(f.Members, *s.Application)
	}
	network, genesis, err := f.Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	n, err := ReadNetwork(network)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := ReadGenesis(genesis)
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(filepath.Join(dir, "validator"), store.Options{MinFree: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	machine, err := channel.NewOmni(db, channel.MachineOptions{ChainID: n.ChainID, Genesis: genesisBytes(doc), Law: law()})
	if err != nil {
		t.Fatal(err)
	}
	n.Driver = local.Driver // the same network on one machine
	chain, err := local.Open(local.Config{Network: n, Key: key, GapWait: 20 * time.Millisecond}, machine)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { chain.Close() })
	var both []*trader
	for i, s := range setups {
		s.Config.Network, s.Config.Genesis = network, genesis
		if i == 0 {
			s.Config.Sonata = Sonata{Listen: "127.0.0.1:0", Base: "https://alpha.example", Partners: filepath.Join(dir, "partners.yaml"), QuoteFor: time.Hour, Private: true}
		}
		x := &trader{t: t, Node: newNode(s.Config, nil)}
		x.ledger = chain
		if err := x.open(); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan error, 1)
		go func() { ended <- x.Run(ctx) }()
		t.Cleanup(func() {
			cancel()
			if err := <-ended; err != nil {
				t.Errorf("the node ended with %v", err)
			}
			if err := x.Close(); err != nil {
				t.Error(err)
			}
		})
		<-x.member.Ready()
		both = append(both, x)
	}
	alpha, bravo = both[0], both[1]
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := bravo.OpenBilateral(ctx, "ALPHA"); err != nil {
		t.Fatal(err)
	}
	for _, x := range both {
		eventually(t, "the Bilateral is open", func() bool {
			all := x.trading()
			if len(all) > 0 {
				x.with = all[0]
			}
			return len(all) > 0
		})
		for _, role := range []party.Role{party.Contracts, party.Orders} {
			k, _ := x.keys.delegate(role)
			x.does(trade.KindDelegateAdd, trade.DelegateAdd{Key: k.Public(), Name: string(role), Roles: []party.Role{role}, Limits: []money.Amount{{Currency: "EUR", Micro: 1e12}}})
		}
	}
	terms := agreement.Defaults()
	terms.Cycle, terms.Products = "1mo", []agreement.ProductTerms{agreement.DefaultProduct("annex", string(connectivity.Name))}
	alpha.does(trade.KindAgreementPropose, trade.AgreementPropose{ID: "MSA", Type: agreement.MSA, Terms: terms, Lines: []product.Line{connectivity.Name},
		Legal: agreement.Legal{Document: canon.Sum("contract"), GoverningLaw: "Swiss", Jurisdiction: "Zürich", Indemnity: "own", Liability: "capped", ForceMajeure: "usual", Taxes: "net", Term: "open", Obligations: "annexed", Definitions: "annexed"}})
	bravo.does(trade.KindAgreementAccept, trade.AgreementAnswer{ID: "MSA", Terms: terms.Hash()})
	return alpha, bravo
}

// does runs a command on the Bilateral, once what it answers is there.
func (x *trader) does(k trade.Kind, body any) {
	x.t.Helper()
	ctx, cancel := context.WithTimeout(x.t.Context(), time.Minute)
	defer cancel()
	c, err := x.sign(x.with.ID(), trade.NewCommand(k, body))
	if err != nil {
		x.t.Fatal(err)
	}
	out, err := x.with.Submit(ctx, c)
	if err == nil {
		err = out[0].Err()
	}
	if err != nil {
		x.t.Fatalf("%s of %s: %v", k, x.config.Carrier, err)
	}
}

func TestANodeShowsTheOrdersOfItsBilateralsOverSonata(t *testing.T) {
	alpha, bravo := traders(t)
	if _, err := alpha.catalog.Import(strings.NewReader(stock), "stock", false, "pm", time.Now().UnixMilli()); err != nil {
		t.Fatal(err)
	}
	partners, err := sonata.OpenPartners(alpha.config.Sonata.Partners)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := partners.Add(sonata.Partner{ID: "bravo", Buyers: []string{"BRAVO"}, Release: wire.Kylie}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(client.Options{Base: "http://" + alpha.SonataAddress(), ID: "bravo", Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	ctx := t.Context()
	configuration, err := wire.Parse([]byte(`{"@type":"` + catalog.TypeELine + `","bandwidth":600000000,"endA":{"interface":"uni"},"endZ":{"interface":"uni"}}`))
	if err != nil {
		t.Fatal(err)
	}
	contact := func(role string) wire.Contact {
		return wire.Contact{Role: role, Name: "Desk", Number: "+41", Email: "desk@bravo.example"}
	}
	p := wire.Product{Offering: &wire.Ref{ID: "hk-mil"}, Configuration: configuration, Place: []wire.RelatedPlace{
		{Role: "A", Place: wire.Place{Type: wire.TypeAddressRef, ID: "HKHKG"}}, {Role: "Z", Place: wire.Place{Type: wire.TypeAddressRef, ID: "ITMIL"}}}}
	q, err := c.CreateQuote(ctx, wire.Quote{Instant: true, Level: wire.Firm, Contacts: []wire.Contact{contact(wire.BuyerContact)}, Items: []wire.QuoteItem{{ID: "1", Action: wire.Add, Product: p}}})
	if err != nil || len(q.Value.Proofs) != 1 {
		t.Fatalf("quoted: %s %v", q.Raw, err)
	}
	signed, err := order.OpenQuote(q.Value.Proofs[0].Signed)
	if err != nil {
		t.Fatal(err)
	}
	bravo.does(trade.KindOrderPlace, trade.OrderPlace{ID: "O-1", Kind: order.Product, Agreement: "MSA", Line: connectivity.Name, Payload: configuration.Bytes(),
		Request: &order.Request{Action: order.Add, Product: "P-1", Quote: q.Value.Proofs[0].Signed, Offer: signed.Quote.Offer}})
	made, err := c.CreateOrder(ctx, wire.Order{ExternalID: "O-1", Contacts: []wire.Contact{contact("productOrderContact")}, Items: []wire.OrderItem{{
		ID: "1", Action: wire.Add, Product: p, QuoteItem: &wire.QuoteItemRef{ID: "1", QuoteID: q.Value.ID}, BillingAccount: &wire.Ref{ID: "BA-1"}, Requested: time.Now().Add(time.Hour),
		RequestedTerm: &wire.Term{Name: "a month", Duration: wire.Duration{Amount: 1, Units: "months"}, End: wire.EndOfTermRenew},
		Contacts:      []wire.Contact{contact("buyerProductOrderItemContact"), contact("buyerImplementationContact"), contact("buyerTechnicalContact")}}}})
	if err != nil {
		t.Fatal(err)
	}
	accepted := false
	eventually(t, "the seller has the order", func() bool {
		err := alpha.with.View(func(v channel.View) error {
			_, accepted = trade.View{Records: v}.Item("O-1")
			return nil
		})
		return err == nil && accepted
	})
	alpha.does(trade.KindOrderAccept, trade.OrderAnswer{ID: "O-1"})
	var start int64
	if err := alpha.with.View(func(v channel.View) error {
		it, _ := trade.View{Records: v}.Item("O-1")
		start = it.Start
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	alpha.does(trade.KindOrderDeliver, trade.OrderDeliver{ID: "O-1", At: start})
	eventually(t, "the order is completed", func() bool {
		o, err := c.Order(ctx, made.Value.ID)
		return err == nil && o.Value.State == wire.Completed
	})
	if p, err := c.Product(ctx, "P-1"); err != nil || p.Value.Status != wire.ProductActive {
		t.Errorf("the inventory: %s %v", p.Raw, err)
	}
	eventually(t, "its capacity is in use", func() bool {
		h := alpha.shop.Reservations(q.Value.ID)
		return len(h) == 1 && h[0].State == catalog.InUse
	})
	p.ID, p.Place = "P-1", nil
	if p.Configuration, err = wire.Parse([]byte(strings.Replace(string(configuration.Bytes()), "600000000", "700000000", 1))); err != nil {
		t.Fatal(err)
	}
	change, err := c.CreateQuote(ctx, wire.Quote{Instant: true, Level: wire.Firm, Contacts: []wire.Contact{contact(wire.BuyerContact)}, Items: []wire.QuoteItem{{ID: "1", Action: wire.Modify, Product: p}}})
	if err != nil || change.Value.State != wire.Orderable {
		t.Errorf("a change of it is quoted: %s %v", change.Raw, err)
	}
}

func TestTheCarriersPeopleAnswerTheTicketsOfPartners(t *testing.T) {
	_, s := founded(t, true)
	s.Config.Sonata = Sonata{Listen: "127.0.0.1:0", Base: "https://alpha.example", Partners: filepath.Join(filepath.Dir(s.ConfigFile), "partners.yaml"), Private: true}
	s.Config.Sonata.Contact = Contact{Name: "NOC", Email: "noc@alpha.example", Phone: "+41"}
	n := run(t, s.Config)
	partners, err := sonata.OpenPartners(s.Config.Sonata.Partners)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range wire.Releases {
		t.Run(string(r), func(t *testing.T) {
			buyer := map[wire.Release]string{wire.Kylie: "BRAVO", wire.Grace: "GOLF"}[r]
			secret, err := partners.Add(sonata.Partner{ID: strings.ToLower(buyer), Buyers: []string{buyer}, Release: r}, time.Now())
			if err != nil {
				t.Fatal(err)
			}
			c, err := client.New(client.Options{Base: "http://" + n.SonataAddress(), ID: strings.ToLower(buyer), Secret: secret, Release: r})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.Close)
			ctx := t.Context()
			made, err := c.CreateTicket(ctx, wire.Ticket{Description: "no light", Impact: "down", Priority: "high", Severity: "extensive", Type: "maintenance",
				Contacts: []wire.Contact{{Role: "reporterContact", Name: "Desk", Number: "+41", Email: "desk@bravo.example"}}, Entity: []wire.RelatedEntity{{ID: "IT-1", Type: "Site", Role: "affected"}}})
			if err != nil {
				t.Fatal(err)
			}
			people := native.New("http://"+n.api.Addr().String(), token(t, s, api.Engineer))
			t.Cleanup(people.Close)
			all, err := native.Collect(people.Tickets(ctx, native.Filter{"partner": buyer, "status": "acknowledged"}))
			if err != nil || len(all) != 1 || all[0].ID != made.Value.ID || all[0].About != "Site IT-1" || all[0].Partner != buyer {
				t.Fatalf("%+v, %v", all, err)
			}
			id := made.Value.ID
			soon := nwire.Time(time.Now().Add(time.Hour).UnixMilli())
			for _, step := range []struct {
				step, status string
				say          nwire.TicketAnswer
			}{
				{"acknowledge", "acknowledged", nwire.TicketAnswer{Priority: "critical", Expected: soon}},
				{"progress", "inProgress", nwire.TicketAnswer{Note: "a crew is on its way"}},
				{"ask", "pending", nwire.TicketAnswer{Why: "which floor?"}},
				{"progress", "inProgress", nwire.TicketAnswer{}},
				{"resolve", "resolved", nwire.TicketAnswer{Why: "card replaced"}},
				{"close", "closed", nwire.TicketAnswer{}},
			} {
				x, err := people.AnswerTicket(ctx, id, step.step, step.say)
				if err != nil || x.Status != step.status {
					t.Fatalf("%s: %+v, %v", step.step, x, err)
				}
			}
			seen, err := c.Ticket(ctx, id)
			if err != nil || seen.Value.Status != "closed" || seen.Value.SellerPriority != "critical" || len(seen.Value.Notes) != 1 || seen.Value.Notes[0].Source != "seller" {
				t.Errorf("the partner sees %s, %v", seen.Raw, err)
			}
			if _, err := people.AnswerTicket(ctx, id, "progress", nwire.TicketAnswer{}); fault.CodeOf(err) != fault.Refused {
				t.Errorf("a closed ticket goes on: %v", err)
			}
			if _, err := people.Ticket(ctx, "nothing"); fault.CodeOf(err) != fault.NotFound {
				t.Errorf("no ticket: %v", err)
			}
			in := nwire.Incident{ID: "I-7", Partner: buyer, Status: "created", Type: "repair", Description: "cable cut", Impact: "down", Priority: "high", Severity: "extensive",
				Products: []string{"P-1"}, Began: nwire.Time(time.Now().UnixMilli())}
			for _, status := range []string{"created", "closed"} {
				in.Status = status
				if _, err := people.PutIncident(ctx, in); err != nil {
					t.Fatal(err)
				}
			}
			told, err := native.Collect(people.Incidents(ctx, native.Filter{"partner": buyer}))
			if err != nil || len(told) != 1 || told[0].Status != "closed" || told[0].Products[0] != "P-1" {
				t.Errorf("%+v, %v", told, err)
			}
			if x, err := c.Incident(ctx, "I-7"); err != nil || x.Value.Status != "closed" {
				t.Errorf("the partner sees %s, %v", x.Raw, err)
			}
			in.Partner = "NOBODY"
			if _, err := people.PutIncident(ctx, in); fault.CodeOf(err) != fault.NotFound {
				t.Errorf("an incident for nobody: %v", err)
			}
		})
	}
}

// token reads the first token of a role.
func token(t *testing.T, s Setup, r api.Role) string {
	t.Helper()
	text, err := ReadToken(filepath.Dir(s.ConfigFile), r)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
