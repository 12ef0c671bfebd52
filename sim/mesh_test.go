package sim

import (
	"bytes"
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// way is a way through the mesh, and what it comes to before mark-ups.
type way struct {
	over    []party.Code
	rates   []money.Micro // of each one's own line, for a month
	rate    money.Micro
	latency uint64
}

// ways gives all ways from premises at one place to another that pass no carrier
// twice, the cheapest first.
func ways(t *testing.T, from, to string) (found []way) {
	lines := map[party.Code][]meshLine{}
	for _, c := range meshCarriers {
		lines[c.code] = c.lines
	}
	var walk func(c party.Code, at string, w way)
	walk = func(c party.Code, at string, w way) {
		w.over = append(slices.Clone(w.over), c)
		for _, l := range lines[c] {
			var rate money.Micro
			if err := rate.UnmarshalText([]byte(l.rate)); err != nil {
				t.Fatal(err)
			}
			rate *= 30
			next := way{w.over, append(slices.Clone(w.rates), rate), w.rate + rate, w.latency + l.latency}
			end := l.z
			if l.z == at {
				end = l.a
			} else if l.a != at {
				continue
			}
			if end == to {
				found = append(found, next)
			}
			for i := range meshENNIs {
				for side, own := range meshENNIs[i].Ends {
					if other := meshENNIs[i].other(side).Carrier; meshENNIs[i].ID == end && own.Carrier == c && !slices.Contains(w.over, other) {
						walk(other, end, next)
					}
				}
			}
		}
	}
	for _, c := range meshCarriers {
		walk(c.code, from, way{})
	}
	slices.SortFunc(found, func(a, b way) int { return cmp.Compare(a.rate, b.rate) })
	return found
}

func TestTheCheapestWayThroughTheMeshHasThreeOrdersAndADearerOneIsFaster(t *testing.T) {
	found := ways(t, "HKHKG", "ITMIL")
	if len(found) < 4 {
		t.Fatalf("there are few ways: %v", found)
	}
	if over := found[0].over; !slices.Equal(over, []party.Code{"ALPHA", "BRAVO", "CHARLIE", "DELTA"}) {
		t.Errorf("the cheapest way is %v", over)
	}
	if !slices.ContainsFunc(found[1:], func(w way) bool { return w.latency < found[0].latency }) {
		t.Errorf("nothing dearer is faster: %v", found)
	}
	if !slices.ContainsFunc(found, func(w way) bool { return w.latency > 180_000 }) {
		t.Errorf("nothing is too slow for the inquiry: %v", found)
	}
}

// An interconnection is between two carriers of which each sells a line that ends
// there; and the catalogues can be imported.
func TestTheCataloguesOfTheMeshFitItsInterconnections(t *testing.T) {
	ends := map[string]int{}
	for _, c := range meshCarriers {
		db, err := store.Open(t.TempDir(), store.Options{Memory: true})
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		var halls []catalog.Place
		for _, e := range meshENNIs {
			if slices.ContainsFunc(e.Ends[:], func(a Attachment) bool { return a.Carrier == c.code }) {
				halls = append(halls, must(e.Hall.place()))
			}
		}
		own, err := catalog.Open(db.Node(), nil, must(catalog.BuiltIn().With(halls)))
		if err != nil {
			t.Fatal(err)
		}
		file, err := c.stock(usualPace.day())
		if err != nil {
			t.Fatal(err)
		}
		if p, err := own.Import(bytes.NewReader(file), "catalogue.yaml", false, "test", time.Now().UnixMilli()); err != nil || len(p.Rejected) > 0 {
			t.Errorf("%s: %v %+v", c.code, err, p.Rejected)
		}
		for _, e := range meshENNIs {
			if slices.ContainsFunc(c.lines, func(l meshLine) bool { return l.a == e.ID || l.z == e.ID }) {
				ends[e.ID]++
			}
		}
	}
	for _, e := range meshENNIs {
		if ends[e.ID] != 2 {
			t.Errorf("%d carriers sell lines to %s", ends[e.ID], e.ID)
		}
	}
}

// One inquiry comes to its settled end: along the cheapest way, with the same
// bills at both sides of each Bilateral, and a mark-up at each hop.
func TestAnInquiryThroughTheMeshIsSettledAtEveryHop(t *testing.T) {
	r := theMesh(t).report
	t.Log(r.Text())
	if r.Hops < 3 || r.Hops != len(r.Chain) || len(r.Carriers) != r.Hops+1 {
		t.Fatalf("%d hops, %d in the chain, %d carriers", r.Hops, len(r.Chain), len(r.Carriers))
	}
	want := ways(t, "HKHKG", "ITMIL")[0]
	tenth := func(p mesh.Price) mesh.Price { return mesh.Price{Once: p.Once / 10, Each: p.Each / 10} }
	for i, c := range r.Carriers {
		if c.Carrier != want.over[i] || c.Own == "" {
			t.Errorf("%+v, want %s", c, want.over[i])
		}
		if c.Price != (mesh.Price{Once: 25e6, Each: want.rates[i]}) || c.Markup != tenth(c.Bought) {
			t.Errorf("%+v: the own line is %s for each %s", c, want.rates[i], r.Offer.Period)
		}
	}
	if first := r.Carriers[0]; first.Sold != (mesh.Price{Once: r.Offer.Once, Each: r.Offer.Each}) || r.Offer.Each == 0 || r.Offer.Latency != want.latency {
		t.Errorf("ordered: %+v, sold: %+v, want %d µs", r.Offer, first, want.latency)
	}
	for i, h := range r.Chain {
		buyer, seller := r.Carriers[i], r.Carriers[i+1]
		if h.Buyer != buyer.Carrier || h.Seller != seller.Carrier || h.Price != buyer.Bought || h.Price != seller.Sold {
			t.Errorf("hop %d: %+v between %+v and %+v", i+1, h, buyer, seller)
		}
		if rail := []string{trade.MethodToken, "bank"}[min(i, 1)]; h.Rail != rail || (h.Files > 0) != (rail == "bank") {
			t.Errorf("hop %d is paid by %s with %d files", i+1, h.Rail, h.Files)
		}
		if h.Service.From >= h.Service.To || len(h.Bills) < 2 {
			t.Errorf("hop %d was in service for %s, with %d bills", i+1, h.Service, len(h.Bills))
		}
		for _, b := range h.Bills {
			if b.State != invoice.Settled || !b.Document {
				t.Errorf("hop %d: %+v", i+1, b)
			}
		}
	}
	if !slices.ContainsFunc(r.Alternatives, func(o Offered) bool { return o.Each > r.Offer.Each && o.Latency < r.Offer.Latency }) {
		t.Errorf("nothing dearer and faster is among %+v", r.Alternatives)
	}
	if r.Messages != r.Requests+r.Notifications || r.Requests < 4*r.Hops {
		t.Errorf("%d messages, %d requests, %d notifications", r.Messages, r.Requests, r.Notifications)
	}
}

// What each pair is billed follows from the price, the seconds of service and what
// both have measured, by the same rule whether the Bilateral makes the bills or each
// side does: one of the pairs here has it the other way than the others. Nothing
// else is in the bills.
func TestTheBillsOfAMeshFollowFromServiceAndMeasurements(t *testing.T) {
	r, pace := theMesh(t).report, theMesh(t).m.pace
	dates := func(length string) usage.Calendar { return must(must(usage.ParseCycle(length)).Calendar()) }
	cycle, granule := dates(pace.cycle()), dates(pace.granule())
	for _, h := range r.Chain {
		line := rating.Price{Kind: rating.Recurring, Currency: h.Currency, Rate: money.Rate(h.Price.Each) * 1000, Unit: 1, Period: usage.Cycle{Length: pace.month()}}
		recurs := func(span usage.Interval) (sum money.Micro) {
			span = usage.Interval{From: max(span.From, h.Service.From), To: min(span.To, h.Service.To)}
			for _, c := range must(line.Recur(span, 1, money.HalfUp)) {
				sum += c.Amount.Micro
			}
			return sum
		}
		var rate money.Rate
		if err := rate.UnmarshalText([]byte(meshTraffic[h.ENNI])); err != nil {
			t.Fatal(err)
		}
		var traffic, credit money.Micro
		measured := map[string]int{}
		for _, x := range h.Measured {
			measured[x.Metric]++
			switch x.Metric {
			case "traffic":
				traffic += must(rate.Times(x.Counts, gigabyte, money.HalfUp))
			case "availability":
				if x.Counts < h.Promised {
					credit += must(recurs(x.Interval).MulDiv(meshCredit, 1_000_000, money.HalfUp))
				}
			}
		}
		n := 0
		for i := granule.At(h.Service.From); i.From < h.Service.To; i = granule.Next(i) {
			n++
		}
		if measured["availability"] != n || measured["traffic"] == 0 {
			t.Errorf("%s > %s: %v measurements in %d granules", h.Buyer, h.Seller, measured, n)
		}
		var sum HopBill
		at, late := cycle.At(h.Service.From), 0
		for _, b := range h.Bills {
			switch {
			case b.Period.From >= h.Service.To:
				late++ // what was agreed late, or is given back
			case b.Period != at:
				t.Errorf("%s > %s: a bill is for %s, want %s", h.Buyer, h.Seller, b.Period, at)
			}
			at = cycle.Next(at)
			sum.Service, sum.SetUp, sum.Traffic, sum.Credit, sum.Total = sum.Service+b.Service, sum.SetUp+b.SetUp, sum.Traffic+b.Traffic, sum.Credit+b.Credit, sum.Total+b.Total
		}
		for _, b := range h.Bills {
			if late == 0 && b.Service != recurs(b.Period) {
				t.Errorf("%s > %s: %s is billed for %s, and recurs with %s", h.Buyer, h.Seller, b.Service, b.Period, recurs(b.Period))
			}
		}
		// Each bill is rounded once.
		if off := sum.Service - recurs(h.Service); max(off, -off) > money.Micro(2*len(h.Bills)) {
			t.Errorf("%s > %s: %s is billed for %s, want %s", h.Buyer, h.Seller, sum.Service, h.Service, recurs(h.Service))
		}
		if at.From < h.Service.To || sum.SetUp != h.Price.Once || sum.Traffic != traffic || sum.Credit != credit || sum.Total != h.Billed || sum.Credit != h.Credit {
			t.Errorf("%s > %s: billed until %s: %+v, want traffic %s, credit %s, %+v", h.Buyer, h.Seller, usage.Stamp(at.From), sum, traffic, credit, h)
		}
	}
}

// A fault of the far end's line breaches what each carrier has promised to the one
// before it: each claims a credit of its seller and gives one to its buyer. Where
// the two sides of a hop count a little differently, the tolerance says what counts.
func TestABreachAtTheFarEndOfTheMeshGoesUpTheChain(t *testing.T) {
	r := theMesh(t).report
	for i, h := range r.Chain {
		breaches, apart := 0, 0
		for _, x := range h.Measured {
			switch {
			case x.Breach:
				breaches++
			case x.Seller != x.Buyer:
				if apart++; x.Counts != x.Seller || x.Seller-min(x.Buyer, x.Seller) > x.Seller/1000 {
					t.Errorf("%s > %s: %+v", h.Buyer, h.Seller, x)
				}
			}
		}
		if breaches != 1 || apart != 1 || h.Credit <= 0 {
			t.Errorf("%s > %s: %d breaches, %d differences, a credit of %s", h.Buyer, h.Seller, breaches, apart, h.Credit)
		}
		if i > 0 && h.Credit >= r.Chain[i-1].Credit {
			t.Errorf("%s claims %s and gives %s", h.Buyer, h.Credit, r.Chain[i-1].Credit)
		}
		if r.Carriers[i].Claimed != h.Credit || r.Carriers[i+1].Given != h.Credit {
			t.Errorf("%+v, %+v", r.Carriers[i], r.Carriers[i+1])
		}
	}
}

// What is paid and received is what was billed, but for less than a coin; a report
// in which it is not is refused.
func TestMoneyIsConservedInTheMesh(t *testing.T) {
	r := theMesh(t).report
	if m := r.Money; m.Billed <= 0 || m.Credited <= 0 || m.Paid+m.Carried != m.Billed || m.Received != m.Paid {
		t.Errorf("%+v", m)
	}
	copied := func() *MeshReport {
		c := *r
		c.Money, c.Chain, c.Carriers = Money{}, slices.Clone(r.Chain), slices.Clone(r.Carriers)
		for i := range c.Chain {
			c.Chain[i].Bills = slices.Clone(c.Chain[i].Bills)
		}
		return &c
	}
	if err := copied().conserved(); err != nil {
		t.Error(err)
	}
	move := func(from, to *money.Micro, amount money.Micro) { *from, *to = *from-amount, *to+amount }
	for name, change := range map[string]func(*MeshReport){
		"a charge that is not in the total": func(r *MeshReport) { r.Chain[0].Bills[0].Traffic++ },
		"a bill that is not settled":        func(r *MeshReport) { r.Chain[1].Bills[0].State = invoice.Final },
		"bills that are not the same":       func(r *MeshReport) { r.Chain[1].Bills[1].Document = false },
		"a payment that nobody received":    func(r *MeshReport) { r.Carriers[1].Received-- },
		"coins that nobody paid":            func(r *MeshReport) { move(&r.Carriers[0].Paid, &r.Carriers[0].ToPay, 10_000) },
		"a payment too much":                func(r *MeshReport) { r.Carriers[0].Paid++ },
	} {
		c := copied()
		if change(c); c.conserved() == nil {
			t.Errorf("%s is not seen", name)
		}
	}
}

func TestTheTimesOfAMeshAreDisjoint(t *testing.T) {
	r := theMesh(t).report
	sum := int64(0)
	for _, s := range r.stages() {
		if s.ms < 0 {
			t.Errorf("%s took %d ms", s.name, s.ms)
		}
		sum += s.ms
	}
	if sum > r.TotalMS || sum < r.TotalMS/2 {
		t.Errorf("the stages took %d ms, the whole %d ms", sum, r.TotalMS)
	}
	if r.OrderMS == 0 || r.ServiceMS == 0 || r.SetupMS == 0 {
		t.Errorf("%+v", r.stages())
	}
}

// What programs read of the report: each field with its type.
func TestTheReportOfAMeshHasItsShape(t *testing.T) {
	sameShape(t, theMesh(t).report, "mesh-report.txt")
}
