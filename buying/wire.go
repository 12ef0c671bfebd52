package buying

import (
	"encoding/base64"
	"encoding/json"
	"net/http"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/line/connectivity"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/selling"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Headers of a request beside that of package mesh. A foreign seller ignores
// them: what it needs stands in the body.
const (
	// InquiredHeader has the inquiry as the mesh knows it: canonical CBOR in
	// base64url. Bounds, currency and term have no place in the standard's body.
	InquiredHeader = selling.InquiredHeader
	// OfferHeader has the reference of the offer that is to be quoted, 32 hex
	// digits.
	OfferHeader = "Lateral-Offer"
)

// CodeBadInquired says that the header with the inquiry is not of the form, or
// not what the body asks for.
const CodeBadInquired fault.Code = "bad-inquired-header"

// maxInquired bounds the header, in characters.
const maxInquired = 4 << 10

// request gives the headers of a request.
func request(h *mesh.Header, q *mesh.Inquiry, item mesh.ID) http.Header {
	out := http.Header{}
	out.Set(mesh.HeaderName, h.Encode())
	out.Set(InquiredHeader, base64.RawURLEncoding.EncodeToString(canon.Must(*q)))
	if item != (mesh.ID{}) {
		out.Set(OfferHeader, item.String())
	}
	return out
}

// asked reads the headers of a request; ok is false when there are none. A
// budget that cannot be read counts as none.
func asked(h http.Header) (budget *mesh.Header, q mesh.Inquiry, item mesh.ID, ok bool, err error) {
	bad := func(cause error) error {
		return fault.New(CodeBadInquired, "the header with the inquiry is not of its form", "send it as version 1 has it, or leave it away").Because(cause)
	}
	text := h.Get(InquiredHeader)
	if text == "" {
		return nil, q, item, false, nil
	}
	if len(text) > maxInquired {
		return nil, q, item, false, bad(nil)
	}
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = canon.Decode(raw, &q)
	}
	if err == nil {
		err = q.Validate()
	}
	if err == nil {
		_, err = attributesOf(&q)
	}
	if err != nil {
		return nil, q, item, false, bad(err)
	}
	if x, err := mesh.DecodeHeader(h.Get(mesh.HeaderName)); err == nil {
		budget = &x
	}
	if ref := h.Get(OfferHeader); ref != "" {
		if item, ok = parseID(ref); !ok {
			return nil, q, item, false, bad(nil)
		}
	}
	return budget, q, item, true, nil
}

// parseID reads 32 hex digits.
func parseID(s string) (id mesh.ID, ok bool) {
	if len(s) != 2*len(id) {
		return id, false
	}
	err := id.UnmarshalText([]byte(s))
	return id, err == nil && id.String() == s // capitals are not ours
}

// idOf gives the id of the mesh for what others name by a text.
func idOf(kind string, parts ...string) (id mesh.ID) {
	var bytes [][]byte
	for _, p := range parts {
		bytes = append(bytes, []byte(p))
	}
	sum := canon.Sum("lateral/buying/"+kind+"/1", bytes...)
	copy(id[:], sum[:])
	return id
}

// quoteID is the id in the mesh of a seller's quote.
func quoteID(seller party.Code, name string) mesh.ID { return idOf("quote", string(seller), name) }

// offers is what a seller of the mesh adds to its answer to a qualification.
type offers struct {
	Version  uint64     `cbor:"1,keyasint"` // 1
	Complete bool       `cbor:"2,keyasint"`
	Items    []offering `cbor:"3,keyasint"`
	Left     int        `cbor:"4,keyasint,omitempty"` // asks that were allowed and not made
}

type offering struct {
	Ref          mesh.ID    `cbor:"1,keyasint"`
	Price        mesh.Price `cbor:"2,keyasint"`
	Priced       bool       `cbor:"3,keyasint"`
	Latency      uint64     `cbor:"4,keyasint"` // µs
	Availability uint64     `cbor:"5,keyasint"` // parts per billion
	Until        int64      `cbor:"6,keyasint"` // ms since 1970
}

// encodeOffers gives the bytes of an answer.
func encodeOffers(m mesh.Qualified) []byte {
	o := offers{Version: 1, Complete: m.Complete, Items: []offering{}, Left: m.Left}
	for _, i := range m.Items {
		o.Items = append(o.Items, offering{i.Ref, i.Offer.Price, i.Priced, i.Offer.Latency, i.Offer.Availability, i.Until})
	}
	return canon.Must(o)
}

// maxOffers bounds the bytes of an answer.
const maxOffers = 8 << 10

// decodeOffers reads what encodeOffers writes.
func decodeOffers(raw []byte, id mesh.ID) (m mesh.Qualified, err error) {
	bad := fault.New(mesh.CodeBadQuote, "the offers are not of their form", "tell the neighbour; its answer is not used")
	var o offers
	if len(raw) > maxOffers {
		return m, bad
	}
	if err := canon.Decode(raw, &o); err != nil || o.Version != 1 {
		return m, bad.Because(err)
	}
	m = mesh.Qualified{ID: id, Complete: o.Complete, Left: o.Left}
	for _, x := range o.Items {
		m.Items = append(m.Items, mesh.Item{Ref: x.Ref, Priced: x.Priced, Until: x.Until, Offer: mesh.Offer{Price: x.Price, Latency: x.Latency, Availability: x.Availability}})
	}
	return m, nil
}

// reachMessage is what two nodes tell each other of an eNNI.
type reachMessage struct {
	ENNI  string `cbor:"1,keyasint"`
	Reach []byte `cbor:"2,keyasint"`
}

func (m reachMessage) encode() []byte { return canon.Must(m) }

func decodeReach(raw []byte) (m reachMessage, err error) {
	if err := canon.Decode(raw, &m); err != nil {
		return m, fault.New(mesh.CodeBadReach, "the message with a reach is not of its form", "run releases that speak with each other").Because(err)
	}
	return m, nil
}

// fixed are the members of a configuration that an inquiry has in its own words, or
// that are another service.
var fixed = []string{"@type", "bandwidth", "endA", "endZ", "latencyObjective", "availabilityObjective"}

// attributesOf reads the further members of the configuration that an inquiry is
// for. Code: bad-inquiry.
func attributesOf(q *mesh.Inquiry) (out map[string]json.RawMessage, err error) {
	if q.Attributes == "" {
		return nil, nil
	}
	bad := fault.New(mesh.CodeBadInquiry, "the further members of the configuration are no JSON object in its canonical form", "name members of the product's schema").In("attributes")
	canonical, err := connectivity.Canonical([]byte(q.Attributes))
	if err != nil || string(canonical) != q.Attributes {
		return nil, bad.Because(err)
	}
	if err := json.Unmarshal(canonical, &out); err != nil {
		return nil, bad.Because(err)
	}
	for _, name := range fixed {
		if _, there := out[name]; there {
			return nil, fault.Newf(mesh.CodeBadInquiry, "say it by the inquiry itself; another product or another end is another service: order it, then end the old one",
				"%s is no further member of the configuration", name).In("attributes." + name)
		}
	}
	return out, nil
}

// configuration gives the payload of a product that an inquiry is for: the same
// bytes at buyer and seller, whose hash the quote has.
func configuration(q *mesh.Inquiry) []byte {
	c := map[string]any{"@type": q.Product, "bandwidth": q.Bandwidth}
	if q.Product == catalog.TypeELine {
		side := func(p *mesh.Place) map[string]string {
			if isENNI(p) {
				return map[string]string{"interface": "enni"}
			}
			return map[string]string{"interface": "uni"}
		}
		c["endA"], c["endZ"] = side(&q.A), side(&q.Z)
	}
	if q.MaxLatency != 0 && q.Product == catalog.TypeELine {
		c["latencyObjective"] = q.MaxLatency
	}
	more, err := attributesOf(q)
	for name, v := range more {
		c[name] = v
	}
	var raw []byte
	if err == nil {
		raw, err = json.Marshal(c)
	}
	if err == nil {
		raw, err = connectivity.Canonical(raw)
	}
	if err != nil {
		panic(err) // texts and integers always encode
	}
	return raw
}

// names of the prices of a composed service, as bills show them.
const (
	priceOnce    = "set-up"
	priceEach    = "service"
	priceSession = "session"
	priceLonger  = "longer"
)

// due is what the price that is due once is for.
type due struct {
	name  string
	event rating.Event
}

// dueOf gives what is due once in a quote: product is what it changes, "" where it
// adds one. A service that is prolonged is paid for the time that is added.
func dueOf(product string, asked *mesh.Inquiry) due {
	if product != "" && asked.Window.To != 0 {
		return due{priceLonger, rating.OnChange}
	}
	return due{priceOnce, rating.OnActivation}
}

// prices gives what a quote's price is on a bill, for a charge period.
func prices(p mesh.Price, c money.Currency, period string, once due) (out []rating.Price) {
	rate := func(m money.Micro) money.Rate { return money.Rate(m) * 1000 } // billionths
	if p.Each != 0 {
		out = append(out, rating.Price{Name: priceEach, Kind: rating.Recurring, Currency: c, Rate: rate(p.Each), Unit: 1, Period: usage.Cycle{Length: period}})
	}
	if p.Once != 0 || p.Each == 0 {
		out = append(out, rating.Price{Name: once.name, Kind: rating.OneTime, Currency: c, Rate: rate(p.Once), Unit: 1, Event: once.event})
	}
	return out
}

// sessionPrices gives what sessions of what stands cost, by the second at the rate
// of an hour.
func sessionPrices(p mesh.Price, c money.Currency) []rating.Price {
	return []rating.Price{{Name: priceSession, Kind: rating.Time, Currency: c, Rate: money.Rate(p.Hour) * 1000, Unit: 3600}}
}

// maxPrice bounds a price so that its rate fits, in millionths.
const maxPrice = money.Micro(1) << 50

// priceOf reads what prices writes; ok is false for anything else.
func priceOf(list []rating.Price, c money.Currency, period string, once due) (p mesh.Price, ok bool) {
	for _, x := range list {
		if x.Currency != c || x.Rate < 0 || x.Rate%1000 != 0 {
			return p, false
		}
		switch m := money.Micro(x.Rate / 1000); x.Name {
		case priceEach:
			p.Each = m
		case once.name:
			p.Once = m
		}
	}
	want := prices(p, c, period, once)
	return p, string(canon.Must(want)) == string(canon.Must(list))
}

// offerOf is what a quote offers, but for guarantees.
func offerOf(q *mesh.Quote, asked *mesh.Inquiry, once due) (product.Offer, error) {
	spec, err := connectivity.Line{}.Spec(configuration(asked))
	if err != nil {
		return product.Offer{}, err
	}
	if q.Price.Once > maxPrice || q.Price.Each > maxPrice || q.Price.Hour > maxPrice {
		return product.Offer{}, fault.New(fault.Refused, "the price is too high to be billed", "correct the mark-up")
	}
	o := product.Offer{Line: spec.Line, Type: spec.Type, Configuration: spec.Configuration, Prices: prices(q.Price, q.Currency, asked.ChargePeriod(), once), Pieces: 1,
		Term: product.Term{Months: q.Months}}
	if q.Months > 0 {
		o.Term.Early = rating.Millionths // the rest of the term is owed
	}
	if asked.Hours != 0 {
		o.Sessions = sessionPrices(q.Price, q.Currency)
	}
	return o, nil
}

// prove gives the proof of a quote for a neighbour, under the name that the own
// Sonata interface has given it.
func (b *Broker) prove(q *mesh.Quote, asked *mesh.Inquiry) []byte { return b.sign(q, asked, "") }

// sign gives the proof of a quote; product is what it changes on the Bilateral
// with the buyer, "" where it adds one.
func (b *Broker) sign(q *mesh.Quote, asked *mesh.Inquiry, product string) []byte {
	offer, err := offerOf(q, asked, dueOf(product, asked))
	if err != nil {
		b.o.Log.Error("a quote cannot be signed", "err", err)
		return nil
	}
	name := b.names[q.ID]
	if name == "" {
		name = q.ID.String()
	}
	legs := make([]order.Leg, len(q.Legs))
	for i, l := range q.Legs {
		legs[i] = order.Leg{Own: l.OnNet, Latency: l.Latency, Availability: l.Availability / perMillionth}
		if l.OnNet {
			legs[i].Name = b.legName(&l, party.Code(q.Buyer))
		}
	}
	offer.Guarantees = b.promise(q)
	out := order.Quote{ID: name, Buyer: party.Code(q.Buyer), Seller: b.o.Carrier, Action: order.Add, Offer: offer, Until: q.Until, Held: q.Until, Legs: legs}
	copy(out.Tag[:], q.Tag[:])
	switch w := asked.Window; {
	case product != "":
		out.Action, out.Item, out.To = order.Modify, product, w.To
	case w.To != 0:
		out.From, out.To = w.From, w.To
	}
	return out.Sign(b.o.Key()).Encode()
}

// promise is what a quote guarantees: the availability of all its legs together,
// so that what a neighbour gives back for a fault of its own is what this carrier
// gives back to its buyer. What is paid once for all of it earns nothing back.
func (b *Broker) promise(q *mesh.Quote) []rating.Guarantee {
	sure := q.Availability / perMillionth
	if b.o.Credit == 0 || q.Price.Each == 0 || sure == 0 {
		return nil
	}
	return []rating.Guarantee{{Metric: rating.Availability, Cap: rating.Millionths, Tiers: []rating.Miss{{Beyond: sure, Share: b.o.Credit}}}}
}

// legName names an own leg to a carrier: by its places, of which an eNNI is
// called by the place that it is at. Where it is with others is their affair, and
// told to the own people only.
func (b *Broker) legName(l *mesh.Leg, to party.Code) string {
	end := func(id string) string {
		spot, _ := b.spot(&mesh.Place{ID: id})
		if to != b.o.Carrier && spot.Neighbour != "" && spot.Neighbour != to {
			return "enni"
		}
		return spot.Place
	}
	return end(l.From) + "-" + end(l.To)
}

// read checks the proof of a neighbour's quote and gives it as the mesh reads it.
// product is what it is to change, "" where it is to add one.
func (b *Broker) read(n *Neighbour, asked *mesh.Inquiry, product string, proof []byte) (*mesh.Signed, error) {
	bad := func(detail string) error {
		return fault.Newf(mesh.CodeBadQuote, "tell the neighbour; its quote is not used", "the quote of %s %s", n.Partner, detail)
	}
	s, err := order.OpenQuote(proof)
	if err != nil {
		return nil, err
	}
	if !b.o.NodeKey(n.Partner, s.Key) {
		return nil, bad("is not signed by its node")
	}
	x := &s.Quote
	q := mesh.Quote{ID: quoteID(x.Seller, x.ID), Seller: string(x.Seller), Buyer: string(x.Buyer), Inquiry: asked.Hash(), Currency: asked.Currency,
		Months: x.Offer.Term.Months, Until: x.Until, Availability: mesh.Whole}
	copy(q.Tag[:], x.Tag[:])
	var ok bool
	if q.Price, ok = priceOf(x.Offer.Prices, asked.Currency, asked.ChargePeriod(), dueOf(product, asked)); !ok {
		return nil, bad("has prices that cannot be sold on")
	}
	if s := x.Offer.Sessions; asked.Hours != 0 && len(s) == 1 {
		q.Price.Hour = money.Micro(s[0].Rate / 1000) // what is no such price is not what was asked for
	}
	for _, l := range x.Legs {
		leg := mesh.Leg{OnNet: l.Own, Latency: l.Latency, Availability: l.Availability * perMillionth}
		if leg.Availability > mesh.Whole || leg.Latency > 1<<40 {
			return nil, bad("has a leg that no service has")
		}
		q.Latency += leg.Latency
		q.Availability = mesh.Both(q.Availability, leg.Availability)
		q.Legs = append(q.Legs, leg)
	}
	want, err := offerOf(&q, asked, dueOf(product, asked))
	if err == nil {
		err = rating.ValidateGuarantees(x.Offer.Guarantees)
	}
	if err != nil {
		return nil, err
	}
	want.Guarantees = x.Offer.Guarantees // whatever it promises
	fits := x.Action == order.Add && (asked.Window.To == 0 || x.From <= asked.Window.From && x.To == asked.Window.To)
	if product != "" {
		fits = x.Action == order.Modify && x.Item == product && x.To == asked.Window.To
	}
	if !fits || string(canon.Must(want)) != string(canon.Must(x.Offer)) {
		return nil, bad("offers something else")
	}
	return &mesh.Signed{Quote: q, Proof: proof}, nil
}

func isENNI(p *mesh.Place) bool {
	return len(p.ID) > len(enniPrefix) && p.ID[:len(enniPrefix)] == enniPrefix
}

// productOf is the product of an inquiry as the standard asks for it.
func (b *Broker) productOf(n *Neighbour, q *mesh.Inquiry) (wire.Product, error) {
	payload, err := wire.Parse(configuration(q))
	if err != nil {
		return wire.Product{}, err
	}
	offering := n.Offerings[q.Product]
	if offering == "" {
		offering = q.Product
	}
	place := func(p *mesh.Place, role string) wire.RelatedPlace {
		spot, ok := b.spot(p)
		if !ok {
			spot.Place = p.ID
		}
		return wire.RelatedPlace{Role: role, Place: wire.Place{Type: wire.TypeAddressRef, ID: spot.Place}}
	}
	return wire.Product{Offering: &wire.Ref{ID: offering}, Configuration: payload,
		Place: []wire.RelatedPlace{place(&q.A, "A"), place(&q.Z, "Z")}}, nil
}
