package mesh

import (
	"fmt"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
)

// book sells every stretch between its places at one price a month.
type book struct {
	places []string
	price  money.Micro
}

func (b book) Places() []string { return b.places }

func (b book) Serves(_ string, p *Place) bool {
	for _, x := range b.places {
		if x == p.ID {
			return true
		}
	}
	return false
}

func (b book) Offers(q *Inquiry) []OwnLeg {
	if !b.Serves(q.Product, &q.A) || !b.Serves(q.Product, &q.Z) {
		return nil
	}
	return []OwnLeg{{Leg: Leg{From: q.A.ID, To: q.Z.ID, OnNet: true, Latency: 10_000, Availability: 999_900_000}, Price: Price{Each: b.price}}}
}

// full is where nothing can be held any more.
type full struct{ book }

func (full) Hold(*Quote, OwnLeg, *Inquiry) bool { return false }

func (b book) Hold(*Quote, OwnLeg, *Inquiry) bool { return true }

func testLink(a, b string) [32]byte {
	if a > b {
		a, b = b, a
	}
	return canon.Sum("test-link", []byte(a), []byte(b))
}

const dollar = 1_000_000

func testTerms(t testing.TB, resale, markup string) *Terms {
	t.Helper()
	terms, err := NewTerms(resale, markup)
	if err != nil {
		t.Fatal(err)
	}
	return terms
}

// made makes a node with neighbours "CODE@place".
func made(t testing.TB, code string, b book, neighbours ...string) *Node {
	c := Config{Carrier: code, Catalogue: b, Secret: canon.Sum("test-secret", []byte(code)),
		Prove: func(q *Quote, _ *Inquiry) []byte { return []byte(code + " proves " + q.ID.String()) }, Limits: DefaultLimits()}
	for _, n := range neighbours {
		partner, place, _ := strings.Cut(n, "@")
		c.ENNIs = append(c.ENNIs, ENNI{ID: code + "-" + partner, Partner: partner, Place: Place{ID: place}, Relation: Peer, Terms: testTerms(t, "", ""),
			Link: testLink(code, partner)})
	}
	return New(c)
}

func wanted(a, z string) Inquiry {
	return Inquiry{Product: "urn:line", A: Place{ID: a}, Z: Place{ID: z}, Bandwidth: 100_000_000, Window: Window{From: 1}, Currency: "USD"}
}

// story drives ALPHA by hand between BRAVO (eNNI 0) and CHARLIE (eNNI 1). It
// writes down what ALPHA does.
type story struct {
	t      *testing.T
	n      *Node
	now    int64
	log    strings.Builder
	asked  map[int]Qualify
	quotes map[int]AskQuote
	result *Result
	supply []Supply
	blames []error
}

var names = []string{"BRAVO", "CHARLIE"}

func begin(t *testing.T, edit func(*Request)) *story {
	s := &story{t: t, now: 1_000_000, asked: map[int]Qualify{}, quotes: map[int]AskQuote{}}
	s.n = made(t, "ALPHA", book{[]string{"a", "x", "y"}, 100 * dollar}, "BRAVO@x", "CHARLIE@y")
	r := Request{Inquiry: wanted("a", "z")}
	if edit != nil {
		edit(&r)
	}
	_, effects, err := s.n.Ask(s.now, r)
	if err != nil {
		t.Fatal(err)
	}
	return s.take(effects)
}

func (s *story) take(effects []Effect) *story {
	for _, e := range effects {
		switch e := e.(type) {
		case Send:
			switch m := e.Message.(type) {
			case Qualify:
				s.asked[e.ENNI] = m
				fmt.Fprintf(&s.log, "%s can you: %s to %s, %d hops, %d asks, %d ms\n", names[e.ENNI], m.Inquiry.A.ID, m.Inquiry.Z.ID, m.Header.Hops, m.Header.Asks, m.Header.Time)
			case AskQuote:
				s.quotes[e.ENNI] = m
				fmt.Fprintf(&s.log, "%s quote: %s to %s\n", names[e.ENNI], m.Inquiry.A.ID, m.Inquiry.Z.ID)
			case Cancel:
				fmt.Fprintf(&s.log, "%s cancel\n", names[e.ENNI])
			}
		case Done:
			s.result = &e.Result
			if e.Result.Best == nil {
				fmt.Fprint(&s.log, "nothing\n")
				continue
			}
			q := e.Result.Best.Quote
			fmt.Fprintf(&s.log, "best: %s a month, %d µs, %d ppb, %d alternatives\n", q.Price.Each, q.Latency, q.Availability, len(e.Result.Alternatives))
		case Keep:
			s.supply = append(s.supply, e.Supply)
		case Complain:
			s.blames = append(s.blames, e.Why)
			fmt.Fprintf(&s.log, "%s complain: %s\n", names[e.ENNI], fault.CodeOf(e.Why))
		}
	}
	return s
}

// can answers a qualification: prices in dollars a month.
func (s *story) can(enni int, dollars ...int) *story {
	m := Qualified{ID: s.asked[enni].ID, Complete: true}
	for i, d := range dollars {
		m.Items = append(m.Items, Item{Ref: ID{byte(enni + 1), byte(i + 1)}, Priced: true, Until: s.now + 60_000,
			Offer: Offer{Price{Each: money.Micro(d) * dollar}, uint64(20_000 - 1_000*i), 999_000_000}})
	}
	return s.hear(enni, m)
}

func (s *story) hear(enni int, m Message) *story {
	s.now += 10
	return s.take(s.n.Receive(s.now, enni, m))
}

// quote answers a request for a firm price.
func (s *story) quote(enni int, dollars int, edit func(*Quote)) *story {
	m := s.quotes[enni]
	q := Quote{ID: ID{9, byte(enni)}, Seller: names[enni], Buyer: "ALPHA", Inquiry: m.Inquiry.Hash(), Tag: m.Header.Tag, Currency: "USD",
		Price: Price{Each: money.Micro(dollars) * dollar}, Latency: 20_000, Availability: 999_000_000, Until: s.now + 300_000,
		Legs: []Leg{{From: m.Inquiry.A.ID, To: m.Inquiry.Z.ID, OnNet: true, Latency: 20_000, Availability: 999_000_000}}}
	if edit != nil {
		edit(&q)
	}
	return s.hear(enni, Quoted{ID: m.ID, Quote: &Signed{Quote: q}})
}

func (s *story) wait(ms int64) *story {
	s.now += ms
	return s.take(s.n.Tick(s.now))
}

func (s *story) reads(want string) {
	s.t.Helper()
	var lines []string
	for l := range strings.Lines(want) {
		if l = strings.TrimSpace(l); l != "" {
			lines = append(lines, l)
		}
	}
	if got := strings.TrimSpace(s.log.String()); got != strings.Join(lines, "\n") {
		s.t.Errorf("ALPHA does\n%s\nwant\n%s", got, strings.Join(lines, "\n"))
	}
}

const bothAsked = `
	BRAVO can you: x to z, 3 hops, 239 asks, 2440 ms
	CHARLIE can you: y to z, 3 hops, 239 asks, 2440 ms
`

func TestTheCheapestOfTwoSuppliersIsComposedMarkedUpAndChosen(t *testing.T) {
	s := begin(t, nil).can(0, 200).can(1, 150)
	s.quote(1, 150, nil)
	s.reads(bothAsked + `
		CHARLIE quote: y to z
		best: 265.000000 a month, 30000 µs, 998900100 ppb, 0 alternatives
	`)
	q := s.result.Best.Quote
	if len(q.Legs) != 2 || !q.Legs[0].OnNet || q.Legs[0].To != "y" || q.Legs[1].OnNet || q.Legs[1].From != "y" || q.Legs[1].To != "z" {
		t.Errorf("legs are %+v", q.Legs)
	}
	if text := fmt.Sprintf("%+v", q); strings.Contains(text, "CHARLIE") {
		t.Errorf("the quote names who is bought of: %s", text)
	}
	if len(s.supply) != 1 || s.supply[0].Bought == nil || s.supply[0].ENNI != "ALPHA-CHARLIE" || q.Until >= s.supply[0].Bought.Quote.Until {
		t.Errorf("the own record is %+v", s.supply)
	}
}

func TestANeighbourThatNeverAnswersCostsTheDeadlineOnly(t *testing.T) {
	s := begin(t, nil).can(0, 200).wait(3_000)
	s.quote(0, 200, nil)
	s.reads(bothAsked + `
		CHARLIE cancel
		BRAVO quote: x to z
		best: 320.000000 a month, 30000 µs, 998900100 ppb, 0 alternatives
	`)
}

func TestANeighbourThatNeverQuotesEndsTheInquiryAtItsDeadline(t *testing.T) {
	begin(t, nil).can(0, 200).can(1).wait(5_000).reads(bothAsked + `
		BRAVO quote: x to z
		BRAVO cancel
		nothing
	`)
}

func TestWhoHasAnOfferDoesNotWaitForASilentNeighbourToTheEnd(t *testing.T) {
	s := begin(t, nil).can(0, 200).wait(1_500)
	s.reads(bothAsked)
	s.wait(100).reads(bothAsked + `
		CHARLIE cancel
		BRAVO quote: x to z
	`)
}

func TestWhoHasNothingWaitsInTheTimeForFirmPrices(t *testing.T) {
	s := begin(t, nil).wait(3_000).can(0, 200)
	s.quote(0, 200, nil).reads(bothAsked + `
		CHARLIE cancel
		BRAVO quote: x to z
		best: 320.000000 a month, 30000 µs, 998900100 ppb, 0 alternatives
	`)
	begin(t, nil).wait(3_000).wait(1_000).reads(bothAsked + `
		BRAVO cancel
		CHARLIE cancel
		nothing
	`)
}

func asks(n int) func(*Request) { return func(r *Request) { r.Asks = n } }

func TestAsksThatANeighbourHasLeftGoToAnother(t *testing.T) {
	const bravo, charlie = "BRAVO can you: x to z, 3 hops, 2 asks, 2440 ms\n", "CHARLIE can you: y to z, 3 hops, 1 asks, 2430 ms\n"
	for left, then := range map[int]string{-5: "nothing", 0: "nothing", 1: "nothing", 2: charlie, 1_000_000: charlie} {
		s := begin(t, asks(3))
		s.hear(0, Qualified{ID: s.asked[0].ID, Complete: true, Left: left}).reads(bravo + then)
	}
	// An offer is not made better with them.
	s := begin(t, asks(3))
	s.hear(0, Qualified{ID: s.asked[0].ID, Complete: true, Left: 2, Items: []Item{{Ref: ID{7}, Until: s.now + 60_000, Offer: Offer{Availability: 999_000_000}}}})
	s.reads(bravo + "BRAVO quote: x to z")
}

func TestANeighbourWhoseAsksDidNotSufficeGetsWhatAnotherHasLeft(t *testing.T) {
	const both = "BRAVO can you: x to z, 3 hops, 9 asks, 2440 ms\nCHARLIE can you: y to z, 3 hops, 9 asks, 2440 ms\n"
	s := begin(t, asks(20))
	s.hear(0, Qualified{ID: s.asked[0].ID}).hear(1, Qualified{ID: s.asked[1].ID, Complete: true, Left: 9})
	s.reads(both + "BRAVO can you: x to z, 3 hops, 8 asks, 2420 ms")
	s.can(0, 200).quote(0, 200, nil)
	if s.result == nil || s.result.Best == nil {
		t.Error("what it finds then is not used")
	}
	// One that has asked everybody would find nothing more.
	s = begin(t, asks(20))
	s.hear(0, Qualified{ID: s.asked[0].ID, Complete: true}).hear(1, Qualified{ID: s.asked[1].ID, Complete: true, Left: 9})
	s.reads(both + "nothing")
}

func TestANodeSaysHowManyAsksItHasLeft(t *testing.T) {
	n := made(t, "ALPHA", book{[]string{"x", "y"}, 100 * dollar}, "BRAVO@x", "CHARLIE@y")
	left := func(id byte, z string) []Qualified {
		out := n.Receive(1_000_000, 0, Qualify{ID: ID{id}, Header: &Header{Hops: 3, Asks: 9, Time: 2_000}, Inquiry: wanted("x", z)})
		for _, m := range sent[Qualify](out) {
			out = n.Receive(1_000_010, 1, Qualified{ID: m.ID, Complete: true, Left: 5})
		}
		return sent[Qualified](out)
	}
	if got := left(1, "y"); len(got) != 1 || len(got[0].Items) != 1 || got[0].Left != 9 {
		t.Errorf("who serves all of it answers %+v", got)
	}
	if got := left(2, "z"); len(got) != 1 || len(got[0].Items) != 0 || got[0].Left != 5 {
		t.Errorf("who has asked another answers %+v", got)
	}
}

func TestALateAnswerIsNotUsedAndDoesNoHarm(t *testing.T) {
	s := begin(t, nil).can(0, 200).wait(3_000)
	s.can(1, 10).quote(0, 200, nil)
	s.reads(bothAsked + `
		CHARLIE cancel
		BRAVO quote: x to z
		best: 320.000000 a month, 30000 µs, 998900100 ppb, 0 alternatives
	`)
}

func TestASecondAnswerIsIgnored(t *testing.T) {
	s := begin(t, nil).can(0, 200).can(0, 1).can(1)
	s.quote(0, 200, nil).quote(0, 1, nil)
	s.reads(bothAsked + `
		BRAVO quote: x to z
		best: 320.000000 a month, 30000 µs, 998900100 ppb, 0 alternatives
	`)
}

func TestAnAnswerOfSomebodyElseIsIgnored(t *testing.T) {
	s := begin(t, nil)
	s.hear(1, Qualified{ID: s.asked[0].ID, Complete: true})
	s.reads(bothAsked)
}

func TestGarbageIsNotUsedAndReported(t *testing.T) {
	s := begin(t, nil)
	s.hear(0, Qualified{ID: s.asked[0].ID, Items: []Item{{Ref: ID{1}, Priced: true, Until: s.now + 60_000, Offer: Offer{Price{Each: -5}, 1, Whole}}}})
	s.can(1).reads(bothAsked + `
		BRAVO complain: bad-quote
		nothing
	`)
	s = begin(t, nil)
	s.hear(0, Qualified{ID: s.asked[0].ID, Items: make([]Item, 1000)})
	s.hear(1, "not a message at all")
	s.can(1).reads(bothAsked + `
		BRAVO complain: bad-quote
		nothing
	`)
}

func TestAPriceThatRisesBetweenQualificationAndQuoteLosesToTheNext(t *testing.T) {
	s := begin(t, nil).can(0, 160).can(1, 150)
	s.quote(1, 500, nil).quote(0, 160, nil)
	s.reads(bothAsked + `
		CHARLIE quote: y to z
		BRAVO quote: x to z
		best: 276.000000 a month, 30000 µs, 998900100 ppb, 0 alternatives
	`)
}

func TestANeighbourThatRefusesToQuoteWhatItQualifiedIsPassedOver(t *testing.T) {
	s := begin(t, nil).can(0, 160).can(1, 150)
	s.hear(1, Quoted{ID: s.quotes[1].ID}).quote(0, 160, nil)
	s.reads(bothAsked + `
		CHARLIE quote: y to z
		BRAVO quote: x to z
		best: 276.000000 a month, 30000 µs, 998900100 ppb, 0 alternatives
	`)
}

func TestAQuoteThatIsNotWhatWasAskedForIsRefused(t *testing.T) {
	for name, edit := range map[string]func(*Quote){
		"another seller":   func(q *Quote) { q.Seller = "CHARLIE" },
		"another buyer":    func(q *Quote) { q.Buyer = "DELTA" },
		"another inquiry":  func(q *Quote) { q.Inquiry = canon.Sum("other") },
		"another currency": func(q *Quote) { q.Currency = "EUR" },
		"another term":     func(q *Quote) { q.Months = 12 },
		"expired":          func(q *Quote) { q.Until = 1_000_500 },
		"negative":         func(q *Quote) { q.Price.Each = -1 },
		"no legs":          func(q *Quote) { q.Legs = nil },
		"too many legs":    func(q *Quote) { q.Legs = make([]Leg, 9) },
	} {
		t.Run(name, func(t *testing.T) {
			begin(t, nil).can(0, 200).can(1).quote(0, 200, edit).reads(bothAsked + `
				BRAVO quote: x to z
				BRAVO complain: bad-quote
				nothing
			`)
		})
	}
}

func TestWhatCannotBeHeldIsNotQuotedToANeighbour(t *testing.T) {
	for _, held := range []bool{true, false} {
		n := made(t, "ALPHA", book{[]string{"x", "z"}, 100 * dollar}, "BRAVO@x")
		if !held {
			n.c.Catalogue = full{book{[]string{"x", "z"}, 100 * dollar}}
		}
		out := n.Receive(1_000_000, 0, AskQuote{ID: ID{1}, Name: ID{5}, Inquiry: wanted("x", "z")})
		got := sent[Quoted](out)
		if len(got) != 1 || (got[0].Quote != nil) != held {
			t.Fatalf("held: %v, ALPHA answers %+v", held, got)
		}
		if held && (got[0].Quote.Quote.ID != ID{5} || string(got[0].Quote.Proof) != "ALPHA proves "+ID{5}.String()) {
			t.Errorf("the quote is %+v", got[0].Quote)
		}
	}
}

func TestBoundsShrinkByTheOwnLegAndThePriceCeilingStaysHere(t *testing.T) {
	s := begin(t, func(r *Request) {
		r.Inquiry.MaxLatency, r.Inquiry.MinAvailability, r.Inquiry.MaxPrice = 35_000, 998_000_000, 300*dollar
	})
	q := s.asked[0].Inquiry
	if q.MaxLatency != 25_000 || q.MinAvailability != 998_099_810 || q.MaxPrice != 0 {
		t.Errorf("BRAVO is asked for %+v", q)
	}
	s.can(0, 200).can(1).reads(bothAsked + "nothing\n") // 320 is above the ceiling
}

func TestTheAskersRuleChooses(t *testing.T) {
	fast, err := NewChoice("latency")
	if err != nil {
		t.Fatal(err)
	}
	s := begin(t, func(r *Request) { r.Choice = fast }).can(0, 200, 300, 400).can(1)
	if got := s.quotes[0].Item; got != (ID{1, 1}) && got != (ID{1, 3}) {
		t.Errorf("asks for %v", got)
	}
	if s.n.firms == nil || len(s.n.firms) != 3 {
		t.Errorf("%d quotes are asked for at once, want the three on the front", len(s.n.firms))
	}
}

func TestAnAnswerIsUsedAgainUntilItExpires(t *testing.T) {
	s := begin(t, nil).can(0, 200).can(1)
	s.quote(0, 200, nil)
	s.log.Reset()
	again := func() {
		_, effects, err := s.n.Ask(s.now, Request{Inquiry: wanted("a", "z")})
		if err != nil {
			t.Fatal(err)
		}
		s.take(effects)
	}
	again()
	s.reads("BRAVO quote: x to z\n") // CHARLIE's no is remembered too
	s.log.Reset()
	s.wait(120_000)
	s.log.Reset()
	again()
	s.reads(bothAsked)
}

// ring is ALPHA, BRAVO and CHARLIE, each with the two others as neighbours, and
// DELTA behind CHARLIE.
func pump(t *testing.T, nodes map[string]*Node, ends map[string][]string, effects []Effect, from string) (done *Result, messages int) {
	t.Helper()
	type post struct {
		from, to string
		m        Message
	}
	var queue []post
	now := int64(1_000_000)
	take := func(from string, effects []Effect) {
		for _, e := range effects {
			switch e := e.(type) {
			case Send:
				queue = append(queue, post{from, ends[from][e.ENNI], e.Message})
			case Done:
				done = &e.Result
			case Complain:
				t.Errorf("%s complains: %v", from, e.Why)
			}
		}
	}
	take(from, effects)
	for ; len(queue) > 0; messages++ {
		if messages > 10_000 {
			t.Fatal("messages never end")
		}
		p := queue[0]
		queue = queue[1:]
		now++
		for i, c := range ends[p.to] {
			if c == p.from {
				take(p.to, nodes[p.to].Receive(now, i, p.m))
			}
		}
	}
	return done, messages
}

func ring(t *testing.T) (map[string]*Node, map[string][]string) {
	ends := map[string][]string{"ALPHA": {"BRAVO", "CHARLIE"}, "BRAVO": {"ALPHA", "CHARLIE"}, "CHARLIE": {"ALPHA", "BRAVO", "DELTA"}, "DELTA": {"CHARLIE"}}
	return map[string]*Node{
		"ALPHA":   made(t, "ALPHA", book{[]string{"a", "ab", "ac"}, 100 * dollar}, "BRAVO@ab", "CHARLIE@ac"),
		"BRAVO":   made(t, "BRAVO", book{[]string{"ab", "bc"}, 10 * dollar}, "ALPHA@ab", "CHARLIE@bc"),
		"CHARLIE": made(t, "CHARLIE", book{[]string{"ac", "bc", "cd"}, 50 * dollar}, "ALPHA@ac", "BRAVO@bc", "DELTA@cd"),
		"DELTA":   made(t, "DELTA", book{[]string{"cd", "z"}, 30 * dollar}, "CHARLIE@cd"),
	}, ends
}

func TestAnInquiryThatComesBackEndsThereAndTheChainIsPriced(t *testing.T) {
	nodes, ends := ring(t)
	_, effects, err := nodes["ALPHA"].Ask(1_000_000, Request{Inquiry: wanted("a", "z")})
	if err != nil {
		t.Fatal(err)
	}
	done, messages := pump(t, nodes, ends, effects, "ALPHA")
	// DELTA 30, CHARLIE 50+30+3 = 83, ALPHA 100+83+8.3.
	if done == nil || done.Best == nil || done.Best.Quote.Price.Each != 191_300_000 {
		t.Fatalf("the result is %+v", done)
	}
	if messages > 24 {
		t.Errorf("a ring of three takes %d messages", messages)
	}
}

func TestHopsBoundTheChain(t *testing.T) {
	for hops, found := range map[int]bool{1: false, 2: true} {
		nodes, ends := ring(t)
		_, effects, _ := nodes["ALPHA"].Ask(1_000_000, Request{Inquiry: wanted("a", "z"), Hops: hops})
		if done, _ := pump(t, nodes, ends, effects, "ALPHA"); done == nil || (done.Best != nil) != found {
			t.Errorf("with %d hops the result is %+v", hops, done)
		}
	}
}

func TestAsksBoundTheMessages(t *testing.T) {
	for asks := 1; asks < 8; asks++ {
		nodes, ends := ring(t)
		sent := 0
		_, effects, _ := nodes["ALPHA"].Ask(1_000_000, Request{Inquiry: wanted("a", "nowhere"), Asks: asks})
		for _, e := range effects {
			if s, ok := e.(Send); ok {
				sent += 1 + s.Message.(Qualify).Header.Asks
			}
		}
		if sent > asks {
			t.Errorf("of %d asks %d are given away", asks, sent)
		}
		if _, messages := pump(t, nodes, ends, effects, "ALPHA"); messages > 2*asks {
			t.Errorf("%d asks take %d messages", asks, messages)
		}
	}
}

func TestReachLeadsToWhoServesThePlaceAndAwayFromOthers(t *testing.T) {
	nodes, ends := ring(t)
	for range 3 {
		for code, n := range nodes {
			pump(t, nodes, ends, n.Announce(n.now+100_000), code)
		}
	}
	_, effects, _ := nodes["ALPHA"].Ask(10_000_000, Request{Inquiry: wanted("a", "z"), Hops: 2})
	asked := 0
	for _, e := range effects {
		if s, ok := e.(Send); ok {
			asked++
			if ends["ALPHA"][s.ENNI] != "CHARLIE" {
				t.Errorf("asks %s", ends["ALPHA"][s.ENNI])
			}
		}
	}
	if asked != 1 {
		t.Errorf("asks %d neighbours", asked)
	}
	_, effects, _ = nodes["ALPHA"].Ask(10_000_000, Request{Inquiry: wanted("a", "nowhere"), Hops: 2})
	for _, e := range effects {
		if _, ok := e.(Send); ok {
			t.Error("asks for a place that nobody reaches")
		}
	}
}

func TestValleyFreeSellsPeersWhatCustomersOffer(t *testing.T) {
	terms := testTerms(t, ValleyFree, "")
	for _, c := range []struct {
		buyer, seller Relation
		want          bool
	}{{Own, Provider, true}, {Customer, Provider, true}, {Customer, Peer, true}, {Peer, Customer, true}, {Provider, Customer, true},
		{Peer, Peer, false}, {Peer, Provider, false}, {Provider, Peer, false}, {Provider, Provider, false}} {
		if got := terms.Resells(c.buyer, c.seller); got != c.want {
			t.Errorf("%s buys what a %s offers: %v", c.buyer, c.seller, got)
		}
	}
}

func TestAResaleRuleKeepsANeighbourFromBeingAsked(t *testing.T) {
	n := made(t, "ALPHA", book{[]string{"a", "x", "y"}, 100 * dollar}, "BRAVO@x", "CHARLIE@y")
	n.links[1].Terms = testTerms(t, `buyer != "BRAVO"`, "")
	out := n.Receive(1_000_000, 0, Qualify{ID: ID{1}, Header: &Header{Hops: 3, Asks: 50, Time: 2_000}, Inquiry: wanted("x", "z")})
	for _, e := range out {
		if s, ok := e.(Send); ok {
			if m, ok := s.Message.(Qualified); !ok || len(m.Items) != 0 {
				t.Errorf("ALPHA sends %+v", s)
			}
		}
	}
}

func TestAMarkUpRuleThatFailsSellsNothing(t *testing.T) {
	terms := testTerms(t, "", `price / 0`)
	if p, ok := terms.price(Price{Each: 1}, Price{Each: 1}, side{}, side{}, &Inquiry{Product: "urn:line", Bandwidth: 1}); ok {
		t.Errorf("asks for %+v", p)
	}
}

// A rule that adds an amount to a month's price is not to add it to an hour's, nor
// what it adds to an hour that is charged to one of a session.
func TestAMarkUpRuleKnowsTheChargePeriodFromASession(t *testing.T) {
	terms := testTerms(t, "", `kind == "month" ? price + 100 : kind == "1h" ? price + 1 : kind == "hour" ? price + 1000 : price`)
	for period, want := range map[string]Price{"": {10, 110, 1010}, "1h": {10, 11, 1010}, "1d": {10, 10, 1010}} {
		if p, ok := terms.price(Price{4, 4, 4}, Price{6, 6, 6}, side{}, side{}, &Inquiry{Product: "urn:line", Bandwidth: 1, Period: period}); !ok || p != want {
			t.Errorf("with the period %q it asks for %+v, want %+v", period, p, want)
		}
	}
}

func TestAChargePeriodOfItsOwnNeedsAServiceWithoutEndTermAndSessions(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Inquiry)
		field  string
	}{
		"an hour":      {func(q *Inquiry) { q.Period = "1h" }, ""},
		"a month":      {func(q *Inquiry) { q.Period = "1mo" }, "period"},
		"none at all":  {func(q *Inquiry) { q.Period = "7x" }, "period"},
		"with an end":  {func(q *Inquiry) { q.Period, q.Window.To = "1h", q.Window.From+1000 }, "period"},
		"with a term":  {func(q *Inquiry) { q.Period, q.Months = "1h", 1 }, "period"},
		"sessions":     {func(q *Inquiry) { q.Period, q.Hours = "1h", 40 }, "period"},
		"a usual term": {func(q *Inquiry) { q.Months = 12 }, ""},
		"by the month": {func(q *Inquiry) { q.Hours = 40 }, ""},
	} {
		q := wanted("a", "z")
		q.Months, q.Window.To = 0, 0
		c.change(&q)
		if err := q.Validate(); (err != nil) != (c.field != "") || err != nil && fault.Of(err).Field != c.field {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestTwoLinksShowTwoTagsAndTheNodeKnowsTheInquiry(t *testing.T) {
	secret := [32]byte{1}
	tag := root(&secret, 7)
	one, two := tag.Mask([]byte("link one"), ID{1}), tag.Mask([]byte("link two"), ID{1})
	if one == two || one == tag || one == tag.Mask([]byte("link one"), ID{2}) {
		t.Error("a masked tag can be recognised")
	}
	if one.Mask([]byte("link one"), ID{1}) != tag {
		t.Error("the partner cannot show the tag")
	}
	if tag.Next() == tag || tag.Next().Next() == tag {
		t.Error("a tag comes back")
	}
}

// sent gives the messages of one kind among effects.
func sent[T any](effects []Effect) (out []T) {
	for _, e := range effects {
		if s, ok := e.(Send); ok {
			if m, ok := s.Message.(T); ok {
				out = append(out, m)
			}
		}
	}
	return out
}

// A foreign seller sends no prices with its qualification and proves no quotes.
func TestAForeignSellerIsALeafWithoutPricesAndProofs(t *testing.T) {
	s := begin(t, nil)
	for i := range s.n.links {
		s.n.links[i].Link = [32]byte{}
	}
	m := Qualified{ID: s.asked[0].ID, Items: []Item{{Ref: ID{7}, Until: s.now + 60_000, Offer: Offer{Latency: 20_000, Availability: 999_000_000}}}}
	s.hear(0, m).can(1).quote(0, 200, nil)
	s.reads(bothAsked + `
		BRAVO quote: x to z
		best: 320.000000 a month, 30000 µs, 998900100 ppb, 0 alternatives
	`)
	if len(sent[*Reach](s.n.Announce(s.now))) != 0 {
		t.Error("a foreign neighbour is told the reach")
	}
}

func TestABuyerWithoutAHeaderStartsASearchHere(t *testing.T) {
	nodes, ends := ring(t)
	q := Qualify{ID: ID{1}, Inquiry: wanted("ab", "z")}
	now := int64(1_000_000)
	out := nodes["BRAVO"].Receive(now, 0, q)
	asked := sent[Qualify](out)
	if len(asked) != 1 || asked[0].Header.Hops != 3 {
		t.Fatalf("BRAVO asks %+v", asked)
	}
	_, _ = pump(t, nodes, ends, out, "BRAVO")
}

func TestAQuoteCanBeAskedForWithoutAQualification(t *testing.T) {
	n := made(t, "ALPHA", book{[]string{"x", "z"}, 100 * dollar}, "BRAVO@x")
	out := n.Receive(1_000_000, 0, AskQuote{ID: ID{1}, Inquiry: wanted("x", "z")})
	got := sent[Quoted](out)
	if len(got) != 1 || got[0].Quote == nil || got[0].Quote.Quote.Buyer != "BRAVO" || got[0].Quote.Quote.Price.Each != 100*dollar {
		t.Fatalf("ALPHA answers %+v", got)
	}
	again := sent[Quoted](n.Receive(1_000_100, 0, AskQuote{ID: ID{1}, Inquiry: wanted("x", "z")}))
	if len(again) != 1 || again[0].Quote.Quote.ID != got[0].Quote.Quote.ID {
		t.Error("the same request gets another answer")
	}
}

func TestARepeatedQualificationGetsTheSameAnswer(t *testing.T) {
	n := made(t, "ALPHA", book{[]string{"x", "z"}, 100 * dollar}, "BRAVO@x")
	ask := func() []Qualified {
		return sent[Qualified](n.Receive(1_000_000, 0, Qualify{ID: ID{1}, Header: &Header{Time: 1_000}, Inquiry: wanted("x", "z")}))
	}
	a, b := ask(), ask()
	if len(a) != 1 || len(b) != 1 || len(a[0].Items) != 1 || a[0].Items[0] != b[0].Items[0] {
		t.Errorf("answers are %+v and %+v", a, b)
	}
}

func TestACancelledInquiryIsCancelledDownstream(t *testing.T) {
	nodes, _ := ring(t)
	out := nodes["BRAVO"].Receive(1_000_000, 0, Qualify{ID: ID{1}, Header: &Header{Hops: 2, Asks: 9, Time: 2_000}, Inquiry: wanted("ab", "z")})
	if len(sent[Qualify](out)) != 1 {
		t.Fatal("BRAVO does not ask CHARLIE")
	}
	if got := sent[Cancel](nodes["BRAVO"].Receive(1_000_010, 0, Cancel{ID{1}})); len(got) != 1 || got[0].ID != sent[Qualify](out)[0].ID {
		t.Errorf("BRAVO cancels %+v", got)
	}
}

func TestAnItemOfAnotherNeighbourCannotBeQuoted(t *testing.T) {
	n := made(t, "ALPHA", book{[]string{"x", "y", "z"}, 100 * dollar}, "BRAVO@x", "CHARLIE@y")
	item := sent[Qualified](n.Receive(1_000_000, 0, Qualify{ID: ID{1}, Header: &Header{Time: 1_000}, Inquiry: wanted("x", "z")}))[0].Items[0]
	for enni, q := range map[int]Inquiry{1: wanted("x", "z"), 0: wanted("y", "z")} {
		if got := sent[Quoted](n.Receive(1_000_010, enni, AskQuote{ID: ID{byte(2 + enni)}, Item: item.Ref, Inquiry: q})); len(got) != 1 || got[0].Quote != nil {
			t.Errorf("eNNI %d gets %+v", enni, got)
		}
	}
}

// Nothing is kept of an inquiry after its offers have expired.
func TestANodeForgets(t *testing.T) {
	s := begin(t, nil).can(0, 200).can(1)
	s.quote(0, 200, nil).wait(200_000)
	n := s.n
	if len(n.searches)+len(n.exchanges)+len(n.asks)+len(n.firms)+len(n.offered)+len(n.quoting)+len(n.timers) != 0 {
		t.Errorf("%d searches, %d exchanges, %d asks, %d quotes, %d items, %d timers are left", len(n.searches), len(n.exchanges), len(n.asks), len(n.firms), len(n.offered), len(n.timers))
	}
}

// What a neighbour sends may be anything.
func TestHostileMessagesDoNotStopANode(t *testing.T) {
	n := made(t, "ALPHA", book{[]string{"x", "y", "z"}, 100 * dollar}, "BRAVO@x", "CHARLIE@y")
	huge := wanted("x", "nowhere")
	huge.Bandwidth, huge.MaxLatency, huge.MinAvailability, huge.MaxPrice = 1<<64-1, 1<<64-1, 1<<64-1, 1<<64-1
	for _, m := range []Message{nil, 7, Qualify{}, Qualify{ID: ID{1}, Inquiry: huge}, Qualify{ID: ID{2}, Header: &Header{Hops: -1, Asks: -9, Time: -1}, Inquiry: wanted("x", "w")},
		Qualify{ID: ID{3}, Header: &Header{Hops: 1 << 40, Asks: 1 << 40, Time: 1 << 60}, Inquiry: wanted("x", "w")}, Qualified{}, AskQuote{}, AskQuote{ID: ID{4}, Item: ID{5}},
		Quoted{}, Quoted{Quote: &Signed{}}, Cancel{}, Cancel{ID{3}}, &Reach{Levels: [][]Print{{5, 3}}}, &Reach{Levels: make([][]Print, 9)}, &Reach{}} {
		n.Receive(1_000_000, 0, m)
	}
	n.Tick(1 << 40)
}
