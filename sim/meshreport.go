package sim

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/usage"
)

// MeshReport is what became of one inquiry through the partial mesh. Its JSON
// form is the output of "lateral sandbox mesh --json"; amounts are decimal
// strings with six places. The times are of the wall, in milliseconds, disjoint
// and in this order; together they are at most the whole.
type MeshReport struct {
	Inquiry catalog.Inquiry `json:"inquiry"` // as the sentence was understood, with the window in compressed time
	Words   string          `json:"words"`

	Offer        Offered   `json:"offer"`        // that was ordered
	Alternatives []Offered `json:"alternatives"` // that no other beats in price, latency and availability together

	Hops     int        `json:"hops"` // orders between carriers
	Chain    []Hop      `json:"chain"`
	Carriers []Position `json:"carriers"` // along the chain, and what each sees of it

	SetupMS     int64 `json:"setup_ms"`     // until all nodes are up, stocked and under contract
	InquiryMS   int64 `json:"inquiry_ms"`   // until the ways are known
	QuoteMS     int64 `json:"quote_ms"`     // until the best firm price is
	OrderMS     int64 `json:"order_ms"`     // until every hop is active
	ServiceMS   int64 `json:"service_ms"`   // until it has ended everywhere and its billing period is over
	BillMS      int64 `json:"bill_ms"`      // until each pair has its bill
	ReconcileMS int64 `json:"reconcile_ms"` // until each buyer has accepted what its own node computes too
	SettleMS    int64 `json:"settle_ms"`    // until each payee has confirmed its payment
	TotalMS     int64 `json:"total_ms"`

	Messages      int `json:"messages"` // between carriers: the two together
	Requests      int `json:"sonata_requests"`
	Notifications int `json:"sonata_notifications"`

	out string // folder that was kept, empty without
}

// Offered is a firm offer to the customer of the first carrier.
type Offered struct {
	Quote        string         `json:"quote"`
	Currency     money.Currency `json:"currency"`
	Once         money.Micro    `json:"once"`
	Each         money.Micro    `json:"each"`   // in each charge period
	Period       string         `json:"period"` // charge period
	Latency      uint64         `json:"latency_us"` // one way
	Availability uint64         `json:"availability_millionths"`
}

// Hop is one order between two carriers, and what became of it on their
// Bilateral.
type Hop struct {
	Buyer    party.Code     `json:"buyer"`
	Seller   party.Code     `json:"seller"`
	ENNI     string         `json:"enni"`
	Order    string         `json:"order"`
	Product  string         `json:"product"`
	Price    money.Amount   `json:"price"` // agreed, for all of the service
	Service  usage.Interval `json:"service"`
	Invoice  string         `json:"invoice"`
	Period   usage.Interval `json:"period"`
	Billed   money.Amount   `json:"billed"`
	State    invoice.State  `json:"state"`
	Document bool           `json:"same_document"` // both nodes computed the same bill
}

// Position is what one carrier of the chain sees: whom it sells to and buys of.
type Position struct {
	Carrier party.Code   `json:"carrier"`
	SellsTo party.Code   `json:"sells_to,omitempty"` // absent: its own customer
	Sold    money.Amount `json:"sold"`
	BuysOf  party.Code   `json:"buys_of,omitempty"` // absent: nobody
	Bought  money.Micro  `json:"bought"`
	Own     string       `json:"own,omitempty"` // its own line
	Price   money.Micro  `json:"own_price"`
	Markup  money.Micro  `json:"markup"`
}

// Text renders the report for people.
func (r *MeshReport) Text() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(&b, "%s\n\n", r.Words)
	fmt.Fprintln(w, "offer\tprice\tlatency\tavailability")
	for i, o := range append([]Offered{r.Offer}, r.Alternatives...) {
		name := "ordered"
		if i > 0 {
			name = "instead"
		}
		fmt.Fprintf(w, "%s\t%s %s\t%.1f ms\t%.4f %%\n", name, o.Currency, both(&o), float64(o.Latency)/1000, float64(o.Availability)/1e4)
	}
	flush(w)
	fmt.Fprintln(&b, "\nwhat each carrier sees")
	fmt.Fprintln(w, "carrier\tsells to\tfor\tbuys of\tfor\town line\tfor\tmark-up")
	for _, c := range r.Carriers {
		buyer, seller, bought := string(c.SellsTo), string(c.BuysOf), c.Bought.String()
		if buyer == "" {
			buyer = "its customer"
		}
		if seller == "" {
			seller, bought = "nobody", ""
		}
		fmt.Fprintf(w, "%s\t%s\t%s %s\t%s\t%s\t%s\t%s\t%s\n", c.Carrier, buyer, c.Sold.Currency, c.Sold.Micro, seller, bought, c.Own, c.Price, c.Markup)
	}
	flush(w)
	fmt.Fprintln(&b, "\nwhat stands on each Bilateral")
	fmt.Fprintln(w, "buyer\tseller\tprice\tbilled\t\tbill")
	for _, h := range r.Chain {
		same := "the same at both"
		if !h.Document {
			same = "NOT THE SAME AT BOTH"
		}
		fmt.Fprintf(w, "%s\t%s\t%s %s\t%s %s\t%s, %s\t%s\n", h.Buyer, h.Seller, h.Price.Currency, h.Price.Micro, h.Billed.Currency, h.Billed.Micro, h.State, same, h.Invoice)
	}
	flush(w)
	fmt.Fprintln(&b)
	for _, s := range r.stages() {
		fmt.Fprintf(w, "%s\t%6d ms\t%s\n", s.name, s.ms, s.until)
	}
	flush(w)
	fmt.Fprintf(&b, "\n%d orders between carriers, %d messages: %d requests and %d notifications over Sonata\n", r.Hops, r.Messages, r.Requests, r.Notifications)
	fmt.Fprintf(&b, "%.1f seconds\n", float64(r.TotalMS)/1000)
	if r.out != "" {
		fmt.Fprintf(&b, "\nthe nodes' data are in %s\n", r.out)
	}
	return b.String()
}

// both gives a price that is due once, in each charge period, or both.
func both(o *Offered) string {
	each := o.Each.String() + " each " + o.Period
	switch {
	case o.Each == 0:
		return o.Once.String()
	case o.Once == 0:
		return each
	}
	return o.Once.String() + " and " + each
}

// stage is one of the disjoint spans of a run.
type stage struct {
	name  string
	ms    int64
	until string
}

func (r *MeshReport) stages() []stage {
	return []stage{
		{"set-up", r.SetupMS, "nodes, catalogues, agreements"},
		{"inquiry", r.InquiryMS, "the ways are known"},
		{"quote", r.QuoteMS, "the best price is firm and signed"},
		{"order", r.OrderMS, "every hop is active"},
		{"service", r.ServiceMS, "it has ended everywhere, and its billing period is over"},
		{"bill", r.BillMS, "each pair has its bill"},
		{"reconcile", r.ReconcileMS, "each buyer has accepted what its own node computes too"},
		{"settle", r.SettleMS, "each payee has confirmed its payment"},
	}
}

// clock measures spans one after the other.
type clock struct{ last time.Time }

// lap gives the milliseconds since the last lap.
func (c *clock) lap() int64 {
	now := time.Now()
	ms := now.Sub(c.last).Milliseconds()
	c.last = now
	return ms
}
