package sim

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
)

// way is a way through the mesh, and what it comes to before mark-ups.
type way struct {
	over    []party.Code
	rates   []money.Micro // of each one's own line, for a second
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
		file, err := c.stock()
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
// bill at both sides of each Bilateral, and a mark-up at each hop.
func TestAnInquiryThroughTheMeshIsSettledAtEveryHop(t *testing.T) {
	r := theMesh(t).report
	t.Log(r.Text())
	if r.Hops < 3 || r.Hops != len(r.Chain) || len(r.Carriers) != r.Hops+1 {
		t.Fatalf("%d hops, %d in the chain, %d carriers", r.Hops, len(r.Chain), len(r.Carriers))
	}
	want := ways(t, "HKHKG", "ITMIL")[0]
	for i, c := range r.Carriers {
		if c.Carrier != want.over[i] || c.Own == "" {
			t.Errorf("%+v, want %s", c, want.over[i])
		}
		// The own line costs its rate for each second, and its set-up; how many seconds
		// there are depends on how fast this machine is.
		seconds := (c.Price - 25e6) / want.rates[i]
		if c.Price != 25e6+seconds*want.rates[i] || seconds < 1 || seconds > 8 || c.Sold.Micro != c.Bought+c.Bought/10+c.Price {
			t.Errorf("%+v: the own line is of %d seconds at %s", c, seconds, want.rates[i])
		}
	}
	if first := r.Carriers[0]; first.Sold.Micro != r.Offer.Once || r.Offer.Once == 0 || r.Offer.Latency != want.latency {
		t.Errorf("ordered: %+v, sold: %+v, want %d µs", r.Offer, first, want.latency)
	}
	for i, h := range r.Chain {
		buyer, seller := r.Carriers[i], r.Carriers[i+1]
		if h.Buyer != buyer.Carrier || h.Seller != seller.Carrier || h.Price.Micro != buyer.Bought || h.Price != seller.Sold {
			t.Errorf("hop %d: %+v between %+v and %+v", i+1, h, buyer, seller)
		}
		if h.Billed != h.Price || h.State != invoice.Settled || !h.Document {
			t.Errorf("hop %d: %s at %s is billed as %s, %s, the same at both: %t", i+1, h.Product, h.Price, h.Billed, h.State, h.Document)
		}
		if h.Service.To != int64(r.Inquiry.To) || h.Service.From < int64(r.Inquiry.From) || h.Service.From >= h.Service.To {
			t.Errorf("hop %d was in service for %s, and wanted from %d to %d", i+1, h.Service, r.Inquiry.From, r.Inquiry.To)
		}
	}
	if !slices.ContainsFunc(r.Alternatives, func(o Offered) bool { return o.Once > r.Offer.Once && o.Latency < r.Offer.Latency }) {
		t.Errorf("nothing dearer and faster is among %+v", r.Alternatives)
	}
	if r.Messages != r.Requests+r.Notifications || r.Requests < 4*r.Hops {
		t.Errorf("%d messages, %d requests, %d notifications", r.Messages, r.Requests, r.Notifications)
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
	data, err := json.Marshal(theMesh(t).report)
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	var walk func(path string, v any)
	walk = func(path string, v any) {
		switch v := v.(type) {
		case map[string]any:
			for k, x := range v {
				walk(strings.TrimPrefix(path+"."+k, "."), x)
			}
		case []any:
			for _, x := range v {
				walk(path+"[]", x)
			}
		default:
			found[fmt.Sprintf("%s %T", path, v)] = true
		}
	}
	walk("", doc)
	got := strings.Join(slices.Sorted(maps.Keys(found)), "\n") + "\n"
	want := string(must(os.ReadFile(filepath.Join("testdata", "mesh-report.txt"))))
	if got != want {
		t.Errorf("the shape is\n%s\nand was\n%s", got, want)
	}
}
