package sim

import (
	"bytes"
	"cmp"
	"slices"
	"testing"
	"time"

	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
)

// way is a way through the mesh, and what it comes to before mark-ups.
type way struct {
	over    []party.Code
	rate    money.Rate
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
			var rate money.Rate
			if err := rate.UnmarshalText([]byte(l.rate)); err != nil {
				t.Fatal(err)
			}
			next := way{w.over, w.rate + rate, w.latency + l.latency}
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
		own, err := catalog.Open(db.Node(), nil, nil)
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

func TestMeshTry(t *testing.T) {
	long(t)
	if err := Mesh(within(t, 2*time.Minute), MeshOptions{Progress: t.Output(), Log: testLog(t)}); err != nil {
		t.Fatal(err)
	}
}
