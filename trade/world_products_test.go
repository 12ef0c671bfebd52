package trade

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// wave is a product line for tests: its payload is a type and anything else.
type wave struct{}

func (wave) Name() product.Line { return "connectivity" }
func (wave) Spec(payload []byte) (product.Spec, error) {
	typ, _, ok := strings.Cut(string(payload), "|")
	if !ok {
		return product.Spec{}, fault.New(fault.Invalid, "the payload has no type", "name it")
	}
	return product.Spec{Line: "connectivity", Name: typ, Type: typ, Configuration: canon.Sum("test/configuration", payload)}, nil
}

// products is a world with an agreement on connectivity, billed by the month.
func products(t testing.TB, terms string, lent ...bool) *world {
	w := ready(t)
	w.lent = len(lent) > 0 && lent[0]
	for _, line := range []string{
		"ALPHA agreement.propose id=MSA-1 lines=connectivity,voice cycle=1mo products " + terms, "BRAVO agreement.accept id=MSA-1",
	} {
		if out := w.run(line); strings.Contains(out, "refused") {
			t.Fatalf("%s: %s", line, out)
		}
	}
	return w
}

// prices reads "port:recurring:EUR:1000:1:1mo": name, kind, currency, rate, unit,
// charge period, event, and "from/rate" for a tier after it.
func prices(s string) (out []rating.Price) {
	for _, one := range strings.Split(s, ",") {
		if one == "" {
			continue
		}
		f := append(strings.Split(one, ":"), "", "", "", "", "", "", "", "", "")
		rate, err := money.ParseRate(f[3])
		if err != nil {
			panic(err)
		}
		unit, err := strconv.ParseUint(f[4], 10, 64)
		if err != nil {
			panic(err)
		}
		p := rating.Price{Name: f[0], Kind: rating.Kind(f[1]), Currency: money.Currency(f[2]), Rate: rate, Unit: unit,
			Period: usage.Cycle{Length: f[5]}, Event: rating.Event(f[6])}
		if from, tier, ok := strings.Cut(f[7], "/"); ok {
			n, _ := strconv.ParseUint(from, 10, 64)
			r, err := money.ParseRate(tier)
			if err != nil {
				panic(err)
			}
			p.Tiers, p.Reach = []rating.PriceTier{{From: n, Rate: r}}, rating.Marginal
		}
		if f[8] != "" {
			p.Commitment, _ = strconv.ParseUint(f[8], 10, 64)
		}
		out = append(out, p)
	}
	return out
}

// usualPrices are those of a port at 1,000 EUR a month, with a set-up of 250 EUR.
const usualPrices = "port:recurring:EUR:1000:1:1mo,set-up:one-time:EUR:250:1::activation"

// guarantees reads "availability:999000=100000+990000=500000:250000": metric,
// tiers and cap.
func guarantees(s string) (out []rating.Guarantee) {
	for _, one := range strings.Split(s, ",") {
		f := strings.Split(one, ":")
		if len(f) < 3 {
			continue
		}
		g := rating.Guarantee{Metric: rating.Metric(f[0])}
		for _, tier := range strings.Split(f[1], "+") {
			var m rating.Miss
			if _, err := fmt.Sscanf(tier, "%d=%d", &m.Beyond, &m.Share); err != nil {
				panic(err)
			}
			g.Tiers = append(g.Tiers, m)
		}
		if _, err := fmt.Sscanf(f[2], "%d", &g.Cap); err != nil {
			panic(err)
		}
		out = append(out, g)
	}
	return out
}

// productTerms is the clause "annex" about connectivity, as a story has it.
func productTerms(a args) []agreement.ProductTerms {
	p := agreement.DefaultProduct("annex", "connectivity")
	p.Types = a.list("types")
	for _, k := range a.list("kinds") {
		p.Kinds = append(p.Kinds, rating.Kind(k))
	}
	for _, c := range a.list("currencies") {
		p.Currencies = append(p.Currencies, money.Currency(c))
	}
	for _, x := range prices(a["ceilings"]) {
		p.Ceilings = append(p.Ceilings, agreement.Ceiling{Kind: x.Kind, Currency: x.Currency, Rate: x.Rate, Unit: x.Unit, Period: x.Period})
	}
	p.LeastMonths, p.MostMonths = uint32(a.int("least-months", 0)), uint32(a.int("most-months", 0))
	p.MostEarly = uint32(a.int("most-early", int64(p.MostEarly)))
	p.Notice = 24 * hourMs * a.int("notice-days", 0)
	p.Test = a.has("tested")
	p.Granularity = a.or("granularity", p.Granularity)
	if a.has("schedule") {
		p.Schedules = []agreement.Schedule{{Name: a["schedule"], Type: "urn:app", Prices: prices(a.or("schedule-prices", "session:time:EUR:0.04:60"))}}
	}
	if a.has("product-tolerance") {
		p.Tolerance.Text = strings.ReplaceAll(a["product-tolerance"], "_", " ")
	}
	return []agreement.ProductTerms{p}
}

// offer is what a story orders.
func storyOffer(a args) product.Offer {
	typ := a.or("type", "urn:wave")
	payload := typ + "|" + a.or("configuration", "100G")
	return product.Offer{Line: "connectivity", Type: typ, Configuration: canon.Sum("test/configuration", []byte(payload)), Prices: prices(a.or("prices", usualPrices)),
		Pieces: uint64(a.int("pieces", 1)), Metres: uint64(a.int("metres", 0)),
		Term:       product.Term{Months: uint32(a.int("months", 0)), Early: uint32(a.int("early", 0))},
		Guarantees: guarantees(a["guarantees"]), Sessions: prices(a["sessions"])}
}

// productOrder is an order about a product. Its quote is the partner's, unless the
// story says otherwise.
func (w *world) productOrder(actor, other string, a args) OrderPlace {
	r := order.Request{Action: order.Action(a.or("action", "add")), Product: a.or("product", "W-1"), Test: a.has("test"), Account: a["account"], Schedule: a["schedule"], Standing: a["standing"]}
	if a.has("until-hour") {
		r.Until = base + hourMs*a.int("until-hour", 0)
	}
	if a.has("reserved") {
		r.Reserved = w.time + 1000*a.int("reserved", 0)
	}
	if r.Action != order.Delete {
		r.Offer = storyOffer(a)
	}
	if r.Action != order.Delete && !a.has("schedule") && !a.has("standing") && !a.has("no-quote") {
		q := order.Quote{ID: "Q-" + a["id"], Buyer: party.Code(a.or("quote-buyer", actor)), Seller: party.Code(other), Action: order.Action(a.or("quote-action", string(r.Action))), Offer: r.Offer,
			Until: w.time + 1000*a.int("quote-seconds", 600)}
		if r.Action == order.Modify {
			q.Item = a.or("quote-product", r.Product)
		}
		if a.has("held") {
			q.Held = w.time + 1000*a.int("held", 0)
		}
		if a.has("window-from") {
			q.From = base + hourMs*a.int("window-from", 0)
		}
		if a.has("window-to") {
			q.To = base + hourMs*a.int("window-to", 0)
		}
		if a.has("quoted-prices") {
			q.Offer.Prices = prices(a["quoted-prices"])
		}
		r.Quote = q.Sign(key(a.or("signer", other+".node"))).Encode()
		if a.has("tampered") {
			r.Quote[len(r.Quote)-1] ^= 1
		}
		if a.has("quote-of") {
			it, _ := View{w.state}.Item(a["quote-of"])
			r.Quote = it.Request.Quote
		}
	}
	o := OrderPlace{ID: a["id"], Kind: order.Product, Agreement: a.or("agreement", "MSA-1"), Line: product.Line(a.or("line", "connectivity")), From: base + hourMs*a.int("from", 0), Request: &r, Value: amounts(a["value"])}
	if a.has("payload") {
		o.Payload = []byte(r.Offer.Type + "|" + a["payload"])
	}
	if a.has("no-request") {
		o.Request = nil
	}
	return o
}

// productCommand makes the commands about products; nil: there is no such one.
func (w *world) productCommand(actor string, k Kind, a args) any {
	switch k {
	case KindOrderCancel, KindOrderFail:
		return OrderAnswer{a["id"], a["why"]}
	case KindOrderCharge:
		c := OrderCharge{ID: a["id"], Name: a.or("name", "dig"), Why: a["why"]}
		if x := amounts(a.or("amount", "EUR:400")); len(x) > 0 {
			c.Amount = x[0]
		}
		return c
	case KindOrderReschedule:
		r := OrderReschedule{ID: a["id"], Expedite: a.has("expedite")}
		if a.has("start") {
			r.Start = base + hourMs*a.int("start", 0)
		}
		return r
	case KindOrderDeliver:
		d := OrderDeliver{ID: a["id"], At: w.time}
		if a.has("at") {
			d.At = base + hourMs*a.int("at", 0)
		}
		if a.has("record") {
			d.Record = canon.Sum("test/record", []byte(a["record"]))
		}
		for _, x := range a.list("totals") {
			metric, v, _ := strings.Cut(x, ":")
			n, err := strconv.ParseUint(v, 10, 64)
			if err != nil {
				panic(err)
			}
			d.Totals = append(d.Totals, order.Total{Metric: metric, Value: n})
		}
		return d
	case KindProductSuspend, KindProductResume:
		return ProductAnswer{a.or("product", "W-1"), a["why"]}
	case KindMeasure:
		m := MeasurementState{Product: a.or("product", "W-1"), Interval: hours(a.or("hour", "0")), Measured: usage.Measured{Root: canon.Sum("test/measured", []byte(actor), []byte(a["root"]))}}
		if a.has("no-root") {
			m.Measured.Root = canon.Hash{}
		}
		m.Measured.Used, m.Measured.Service = figuresIn(a["used"]), figuresIn(a["service"])
		return m
	case KindMeasurePropose, KindMeasureAccept:
		return MeasurementPropose{Product: a.or("product", "W-1"), Interval: hours(a.or("hour", "0")), Used: figuresIn(a["used"]), Service: figuresIn(a["service"]), Why: a["why"]}
	case KindMeasureReject:
		return MeasurementReject{Product: a.or("product", "W-1"), Interval: hours(a.or("hour", "0")), Why: a["why"]}
	case KindBillRequest:
		account, i := a.account()
		return BillRequest{account, i}
	case KindBillSubmit:
		account, i := a.account()
		bill, err := View{w.state}.Bill(account, i)
		if err != nil {
			return BillSubmit{Account: account, Interval: i}
		}
		s := BillSubmit{Account: account, Interval: i, Document: bill.Hash(), Rules: bill.Rules, State: bill.State}
		if s.Totals, err = bill.Totals(); err != nil {
			w.t.Fatal(err)
		}
		switch a["other"] {
		case "document":
			s.Document[0] ^= 1
		case "rules":
			s.Rules[0] ^= 1
		case "state":
			s.State[0] ^= 1
		case "totals":
			s.Totals = nil
		}
		return s
	case KindBillDispute:
		id := w.invoiceID(a, a["id"])
		inv, _ := View{w.state}.Invoice(id)
		x := BillDispute{ID: id, Document: inv.Document, Why: a.or("why", "too-much")}
		for _, one := range a.list("items") {
			number, amount, _ := strings.Cut(one, "=")
			n, err := strconv.ParseUint(number, 10, 32)
			if err != nil {
				panic(err)
			}
			x.Items = append(x.Items, ItemObjection{uint32(n), micro(amount)})
		}
		return x
	}
	return nil
}

// account reads whom a bill is for, and its month: "2026-11", or its hours.
func (a args) account() (invoice.Account, usage.Interval) {
	account := invoice.Account{Agreement: "MSA-1", Seller: party.Code(a.or("seller", "BRAVO")), Name: a["account"]}
	if !a.has("month") {
		return account, hours(a.or("hour", "0"))
	}
	from, err := time.Parse("2006-01", a["month"])
	if err != nil {
		panic(err)
	}
	return account, usage.Interval{From: from.UnixMilli(), To: from.AddDate(0, 1, 0).UnixMilli()}
}

// billID finds "currency:number" of a bill.
func (w *world) billID(a args, s string) string {
	currency, number, _ := strings.Cut(s, ":")
	n, _ := strconv.Atoi(number)
	account, i := a.account()
	buyer := map[party.Code]party.Code{"ALPHA": "BRAVO", "BRAVO": "ALPHA"}[account.Seller]
	return invoice.ID(account.Seller, buyer, account.Order(), i, money.Currency(currency), uint32(n))
}

func (w *world) itemDisputeID(a args, number string) string {
	account, i := a.account()
	n, _ := strconv.Atoi(number)
	return dispute.ID(account.Order(), i, uint32(n), usage.Interval{})
}

func micro(s string) money.Micro {
	m, err := money.ParseMicro(s)
	if err != nil {
		panic(err)
	}
	return m
}

// figuresIn reads "traffic:500,other:3".
func figuresIn(s string) (out []usage.Figure) {
	for _, one := range strings.Split(s, ",") {
		name, v, ok := strings.Cut(one, ":")
		if !ok {
			continue
		}
		n, err := strconv.ParseUint(v, 10, 64)
		if err != nil {
			panic(err)
		}
		out = append(out, usage.Figure{Name: name, Value: n})
	}
	return out
}

// showProducts prints records about products.
func (w *world) showProducts(b *strings.Builder, what string, a args) bool {
	v := View{w.state}
	states := func(moved []product.Moved) string {
		var out []string
		for _, m := range moved {
			out = append(out, m.State)
		}
		return strings.Join(out, ", ")
	}
	switch what {
	case "items":
		for it := range v.Items() {
			fmt.Fprintf(b, "%s %s %s: %s", it.ID, it.Request.Action, it.Request.Product, states(it.History))
			if it.Why != "" {
				fmt.Fprintf(b, " (%s)", it.Why)
			}
			if it.Deadline != 0 {
				fmt.Fprintf(b, " until %s", usage.Stamp(it.Deadline))
			}
			b.WriteString("\n")
			wishes := it.Wishes
			if it.Wish != nil {
				wishes = append(slices.Clone(wishes), *it.Wish)
			}
			for _, x := range wishes {
				b.WriteString("  asked for")
				if x.Start != 0 {
					fmt.Fprintf(b, " %s", usage.Stamp(x.Start))
				}
				if x.Expedite {
					b.WriteString(" in haste")
				}
				fmt.Fprintf(b, ": %s", cmp.Or(string(x.Outcome), "waits"))
				if x.Why != "" {
					fmt.Fprintf(b, " (%s)", x.Why)
				}
				b.WriteString("\n")
			}
			if len(wishes) > 0 {
				fmt.Fprintf(b, "  begins %s, expedite %v\n", usage.Stamp(it.Start), it.Expedite)
			}
		}
	case "products":
		for p := range v.Products() {
			fmt.Fprintf(b, "%s: %s", p.ID, states(p.History))
			if at := p.Activated(); at != 0 {
				fmt.Fprintf(b, ", since %s", usage.Stamp(at))
			}
			if p.Ends != 0 {
				fmt.Fprintf(b, ", to %s", usage.Stamp(p.Ends))
			}
			if p.Committed != 0 {
				fmt.Fprintf(b, ", at least to %s", usage.Stamp(p.Committed))
			}
			if p.Order != "" {
				fmt.Fprintf(b, ", order %s", p.Order)
			}
			b.WriteString("\n")
			for _, c := range p.Due {
				fmt.Fprintf(b, "  due: %s\n", chargeLine(c))
			}
		}
	case "measured":
		for m := range v.Measurements("") {
			fmt.Fprintf(b, "%s %s %s", m.Product, m.Interval, m.State)
			for _, c := range append(slices.Clone(m.Used), m.Service...) {
				fmt.Fprintf(b, ", %s %d", c.Name, c.Value)
				for _, w := range []struct {
					is   bool
					word string
				}{{c.Open, "open"}, {c.How != "", "by " + c.How}, {c.Billed, "billed"}} {
					if w.is {
						b.WriteString(" " + w.word)
					}
				}
			}
			b.WriteString("\n")
		}
	case "bill":
		inv, _ := v.Invoice(w.invoiceID(a, a["id"]))
		d, _ := v.Document(inv.ID)
		fmt.Fprintf(b, "%s %s, in Sonata %s\n", d.ID, inv.State, inv.Sonata())
		for _, i := range d.Items {
			fmt.Fprintf(b, "  %d %s %s, %s\n", i.Number, i.Product, chargeLine(i.Charge), v.ItemState(inv, i))
		}
		fmt.Fprintf(b, "  total %s open %s\n", inv.Total, inv.Open)
	default:
		return false
	}
	return true
}

func chargeLine(c rating.Charge) string {
	line := fmt.Sprintf("%s %s %d for %s: %s", c.Price, c.Kind, c.Quantity, c.Interval, c.Amount)
	if c.Why != "" {
		line += " (" + c.Why + ")"
	}
	return line
}
