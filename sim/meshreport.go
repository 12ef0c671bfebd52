package sim

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/trade"
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
	Inquiry catalog.Inquiry `json:"inquiry"` // as the sentence was understood
	Words   string          `json:"words"`

	Offer        Offered   `json:"offer"`        // that was ordered
	Alternatives []Offered `json:"alternatives"` // that no other beats in price, latency and availability together

	Hops     int        `json:"hops"` // orders between carriers
	Chain    []Hop      `json:"chain"`
	Carriers []Position `json:"carriers"` // along the chain, and what each sees of it
	Money    Money      `json:"money"`

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
	Each         money.Micro    `json:"each"`       // in each charge period
	Period       string         `json:"period"`     // charge period
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
	Traffic  string         `json:"traffic"` // product: what goes over the interconnection
	Currency money.Currency `json:"currency"`
	Price    mesh.Price     `json:"price"`               // agreed: once, and in each charge period
	Promised uint64         `json:"promised_millionths"` // availability
	Service  usage.Interval `json:"service"`
	Measured []Reading      `json:"measured"` // by both sides, granule by granule
	Bills    []HopBill      `json:"bills"`    // oldest first
	Billed   money.Micro    `json:"billed"`
	Credit   money.Micro    `json:"credit"`          // given back for breaches, in what is billed
	Rail     string         `json:"rail"`            // by which it is paid: token, or bank
	Files    int            `json:"files,omitempty"` // of pain.001
}

// Reading is what both sides have measured in a granule, and what counts.
type Reading struct {
	Metric   string         `json:"metric"` // availability, millionths; traffic, octets
	Interval usage.Interval `json:"interval"`
	Seller   uint64         `json:"seller"`
	Buyer    uint64         `json:"buyer"`
	Counts   uint64         `json:"counts"`
	Breach   bool           `json:"breach,omitempty"` // of what is promised
}

// HopBill is one bill with its charges by kind.
type HopBill struct {
	Invoice  string         `json:"invoice"`
	Period   usage.Interval `json:"period"`
	Service  money.Micro    `json:"service"` // its share of the charge period, by seconds
	SetUp    money.Micro    `json:"set_up"`
	Traffic  money.Micro    `json:"traffic"`
	Credit   money.Micro    `json:"credit"` // given back
	Total    money.Micro    `json:"total"`
	State    invoice.State  `json:"state"`
	Document bool           `json:"same_document"` // both nodes computed the same bill
}

// Position is what one carrier of the chain sees: whom it sells to and buys of.
type Position struct {
	Carrier  party.Code  `json:"carrier"`
	SellsTo  party.Code  `json:"sells_to,omitempty"` // absent: its own customer
	Sold     mesh.Price  `json:"sold"`
	BuysOf   party.Code  `json:"buys_of,omitempty"` // absent: nobody
	Bought   mesh.Price  `json:"bought"`
	Own      string      `json:"own,omitempty"` // its own line
	Price    mesh.Price  `json:"own_price"`
	Markup   mesh.Price  `json:"markup"`
	Claimed  money.Micro `json:"claimed"` // of its seller, for the breach
	Given    money.Micro `json:"given"`   // back to its buyer
	Received money.Micro `json:"received"`
	Paid     money.Micro `json:"paid"`
	ToCome   money.Micro `json:"to_come"` // less than a coin, with the buyer's next debt
	ToPay    money.Micro `json:"to_pay"`  // likewise, with its own
}

// Money is what went between all carriers: as much is billed as is paid and
// carried to next debts, and as much is received as paid.
type Money struct {
	Billed   money.Micro `json:"billed"`
	Credited money.Micro `json:"credited"` // in what is billed
	Paid     money.Micro `json:"paid"`
	Received money.Micro `json:"received"`
	Carried  money.Micro `json:"carried"` // less than a coin on each Bilateral that pays over the bank
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
	fmt.Fprintf(&b, "\nwhat each carrier sees, for each %s\n", r.Offer.Period)
	fmt.Fprintln(w, "carrier\tsells to\tfor\tbuys of\tfor\town line\tfor\tmark-up")
	for _, c := range r.Carriers {
		buyer, seller, bought := string(c.SellsTo), string(c.BuysOf), c.Bought.Each.String()
		if buyer == "" {
			buyer = "its customer"
		}
		if seller == "" {
			seller, bought = "nobody", ""
		}
		fmt.Fprintf(w, "%s\t%s\t%s %s\t%s\t%s\t%s\t%s\t%s\n", c.Carrier, buyer, r.Offer.Currency, c.Sold.Each, seller, bought, c.Own, c.Price.Each, c.Markup.Each)
	}
	flush(w)
	r.measuredText(&b, w)
	r.billedText(&b, w)
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

// measuredText writes where both sides of a hop differed, and what breached a
// guarantee.
func (r *MeshReport) measuredText(b *strings.Builder, w *tabwriter.Writer) {
	equal := 0
	fmt.Fprintln(b, "\nwhat both sides measured")
	fmt.Fprintln(w, "buyer\tseller\tmetric\tinterval\tseller's\tbuyer's\tcounts\tpromised\t")
	for _, h := range r.Chain {
		for _, x := range h.Measured {
			promised, what := "", "within the tolerance"
			switch {
			case x.Breach:
				promised, what = fmt.Sprint(h.Promised), "breach: a credit"
			case x.Seller == x.Buyer:
				equal++
				continue
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d\t%d\t%d\t%s\t%s\n", h.Buyer, h.Seller, x.Metric, x.Interval, x.Seller, x.Buyer, x.Counts, promised, what)
		}
	}
	flush(w)
	fmt.Fprintf(b, "%d more, equal at both sides and as promised\n", equal)
}

// billedText writes all bills, and what each carrier has paid and received.
func (r *MeshReport) billedText(b *strings.Builder, w *tabwriter.Writer) {
	fmt.Fprintln(b, "\nwhat stands on each Bilateral")
	fmt.Fprintln(w, "buyer\tseller\tperiod\tservice\tset-up\ttraffic\tcredit\ttotal\t")
	for _, h := range r.Chain {
		for _, x := range h.Bills {
			same := "the same at both"
			if !x.Document {
				same = "NOT THE SAME AT BOTH"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s %s\t%s, %s\n", h.Buyer, h.Seller, x.Period, x.Service, x.SetUp, x.Traffic, -x.Credit, h.Currency, x.Total, x.State, same)
		}
	}
	flush(w)
	for _, h := range r.Chain {
		how := "by token, out of a deposit"
		if h.Rail != trade.MethodToken {
			how = fmt.Sprintf("over the bank, by %d files of pain.001", h.Files)
		}
		fmt.Fprintf(b, "%s pays %s %s\n", h.Buyer, h.Seller, how)
	}
	fmt.Fprintln(b, "\nwhat each carrier has of it")
	fmt.Fprintln(w, "carrier\treceived\tto come\tpaid\tto pay\tclaimed of its seller\tgiven back to its buyer")
	for _, c := range r.Carriers {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", c.Carrier, c.Received, c.ToCome, c.Paid, c.ToPay, c.Claimed, c.Given)
	}
	fmt.Fprintf(w, "all\t%s\t%s\t%s\t%s\t\t%s\n", r.Money.Received, r.Money.Carried, r.Money.Paid, r.Money.Carried, r.Money.Credited)
	flush(w)
	fmt.Fprintf(b, "%s %s is billed, after credits; %s is paid and received, and %s, less than a coin on each Bilateral that pays over the bank, comes with the next debts\n",
		r.Offer.Currency, r.Money.Billed, r.Money.Paid, r.Money.Carried)
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
		{"service", r.ServiceMS, "it has ended everywhere, and its last billing period is over"},
		{"bill", r.BillMS, "each pair has its last bill"},
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
