package sim

import (
	"fmt"
	"strings"

	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// ENNI is an interconnection of two carriers' networks, as both call it.
type ENNI struct {
	ID   string
	Ends [2]Attachment
}

// Attachment is one carrier's end of an interconnection.
type Attachment struct {
	Carrier  party.Code
	Place    string // of the carrier's own catalogue
	Relation string // what the other carrier is to this one: customer, peer or provider
}

// other gives the end of the carrier at the other side.
func (e *ENNI) other(i int) Attachment { return e.Ends[1-i] }

// The partial mesh: seven carriers, nine interconnections of the twenty-one that
// seven carriers could have. Nobody has more than four neighbours, and from Hong
// Kong to Milan nobody gets alone.
//
//	                   ┌────────────── FOXTROT ──────────────┐
//	                   │ Hong Kong        │ London           │ Frankfurt
//	Hong Kong ═══ ALPHA                 GOLF ──── London ─── DELTA ═══ Milan
//	                   │ Singapore        │ Johannesburg     │ Marseille
//	                   └─── BRAVO ─────── ECHO               │
//	                          │ Mumbai  Mombasa              │
//	                          └───────────── CHARLIE ────────┘
//
// The cheapest way is over BRAVO and CHARLIE, with three orders between carriers;
// the fastest over FOXTROT, dearer; the one around Africa is too slow.
var meshCarriers = []meshCarrier{
	{code: "ALPHA", halls: []hall{
		{"tseung-kwan-o-2", "Tseung Kwan O, building 2", "HKHKG"},
		{"tuas-cls", "Tuas landing station", "SGSIN"},
	}, lines: []meshLine{
		{"asia-express", "HKHKG", "sin-4410", 17_400, 999_970, "18.37"},
		{"metro-ring", "HKHKG", "hkg-7702", 310, 999_990, "4.93"},
	}},
	{code: "BRAVO", halls: []hall{
		{"tuas-meet-me", "Tuas, meet-me room", "SGSIN"},
		{"worli-1", "Worli cable vault 1", "INBOM"},
		{"nyali", "Nyali beach hut", "KEMBA"},
	}, lines: []meshLine{
		{"bay-of-bengal", "sin-4410", "bom-1186", 31_200, 999_950, "21.46"},
		{"indian-ocean", "sin-4410", "mba-0935", 52_700, 999_900, "19.82"},
	}},
	{code: "CHARLIE", halls: []hall{
		{"versova", "Versova landing point", "INBOM"},
		{"prado-cls", "Prado landing station", "FRMRS"},
	}, lines: []meshLine{
		{"red-sea-4", "bom-1186", "mrs-5521", 61_800, 999_900, "34.59"},
	}},
	{code: "DELTA", halls: []hall{
		{"prado-mmr", "Prado, meet-me room", "FRMRS"},
		{"hanauer-12", "Hanauer Landstrasse, hall 12", "DEFRA"},
		{"docklands-b", "Docklands B", "GBLON"},
	}, lines: []meshLine{
		{"riviera", "mrs-5521", "ITMIL", 4_600, 999_980, "9.64"},
		{"gotthard", "fra-3308", "ITMIL", 5_300, 999_980, "11.27"},
		{"alps-west", "lon-6614", "ITMIL", 10_900, 999_960, "16.71"},
	}},
	{code: "ECHO", halls: []hall{
		{"mombasa-port", "Mombasa port exchange", "KEMBA"},
		{"isando-3", "Isando, hall 3", "ZAJNB"},
	}, lines: []meshLine{
		{"rift-valley", "mba-0935", "jnb-2247", 30_500, 999_700, "23.16"},
	}},
	{code: "FOXTROT", halls: []hall{
		{"chai-wan", "Chai Wan, tower 1", "HKHKG"},
		{"sossenheim", "Sossenheim campus", "DEFRA"},
		{"slough-9", "Slough 9", "GBLON"},
	}, lines: []meshLine{
		{"silk-road", "hkg-7702", "fra-3308", 92_300, 999_950, "118.25"},
		{"polar", "hkg-7702", "lon-9073", 97_900, 999_930, "124.78"},
	}},
	{code: "GOLF", halls: []hall{
		{"isando-mmr", "Isando, meet-me room", "ZAJNB"},
		{"docklands-a", "Docklands A", "GBLON"},
		{"slough-4", "Slough 4", "GBLON"},
	}, lines: []meshLine{
		{"west-africa", "jnb-2247", "lon-6614", 81_400, 999_800, "27.93"},
		{"m4", "lon-9073", "lon-6614", 450, 999_990, "3.58"},
	}},
}

var meshENNIs = []ENNI{
	{"sin-4410", [2]Attachment{{"ALPHA", "tuas-cls", "provider"}, {"BRAVO", "tuas-meet-me", "customer"}}},
	{"hkg-7702", [2]Attachment{{"ALPHA", "tseung-kwan-o-2", "provider"}, {"FOXTROT", "chai-wan", "customer"}}},
	{"bom-1186", [2]Attachment{{"BRAVO", "worli-1", "peer"}, {"CHARLIE", "versova", "peer"}}},
	{"mba-0935", [2]Attachment{{"BRAVO", "nyali", "provider"}, {"ECHO", "mombasa-port", "customer"}}},
	{"mrs-5521", [2]Attachment{{"CHARLIE", "prado-cls", "peer"}, {"DELTA", "prado-mmr", "peer"}}},
	{"fra-3308", [2]Attachment{{"FOXTROT", "sossenheim", "peer"}, {"DELTA", "hanauer-12", "peer"}}},
	{"lon-6614", [2]Attachment{{"GOLF", "docklands-a", "provider"}, {"DELTA", "docklands-b", "customer"}}},
	{"jnb-2247", [2]Attachment{{"ECHO", "isando-3", "peer"}, {"GOLF", "isando-mmr", "peer"}}},
	{"lon-9073", [2]Attachment{{"FOXTROT", "slough-9", "peer"}, {"GOLF", "slough-4", "peer"}}},
}

// meshInquiry is what ALPHA's customer wants, and how it is asked for.
const meshInquiry = "100 Mbit/s Hong Kong to Milan, under 180 ms"

// meshCarrier is a carrier of the mesh with what it sells.
type meshCarrier struct {
	code  party.Code
	halls []hall // where its interconnections are
	lines []meshLine
}

// hall is a building of one carrier's catalogue, in a city that all know.
type hall struct{ id, name, city string }

// meshLine is connectivity that a carrier sells between two ends: customers'
// premises in a city, or an interconnection.
type meshLine struct {
	id           string
	a, z         string
	latency      uint64 // µs one way
	availability uint32 // millionths
	rate         string // EUR a second, which stands for an hour
}

// meshSetUp is what each carrier asks for the activation of a line.
const meshSetUp = "25"

// stock gives a carrier's catalogue as its product manager writes it.
func (c *meshCarrier) stock() ([]byte, error) {
	f := catalog.File{Catalogue: 1}
	for _, h := range c.halls {
		city, ok := catalog.BuiltIn().Get(h.city)
		if !ok {
			return nil, fmt.Errorf("there is no place %s", h.city)
		}
		f.Places = append(f.Places, catalog.Place{ID: h.id, Name: h.name, Country: city.Country, Latitude: city.Latitude, Longitude: city.Longitude})
	}
	f.Specifications = []catalog.Specification{{ID: "e-line", Name: "Ethernet line", Type: catalog.TypeELine}}
	for _, l := range c.lines {
		link := l.id + "-fibre"
		f.Links = append(f.Links, catalog.Link{ID: link, Bandwidth: 10_000_000_000})
		var hour, setUp money.Rate
		if err := hour.UnmarshalText([]byte(l.rate)); err != nil {
			return nil, err
		}
		if err := setUp.UnmarshalText([]byte(meshSetUp)); err != nil {
			return nil, err
		}
		f.Offerings = append(f.Offerings, catalog.OfferingRow{State: catalog.Launched, Offering: catalog.Offering{
			ID: l.id, Name: "Ethernet line " + strings.ReplaceAll(l.id, "-", " "), Specification: "e-line",
			Bandwidth: catalog.Range{Min: 10_000_000, Max: 10_000_000_000, Step: 10_000_000},
			Prices: []rating.Price{
				{Name: "line", Kind: rating.Recurring, Currency: "EUR", Rate: hour, Unit: 1, Period: usage.Cycle{Length: "1s"}},
				{Name: "set-up", Kind: rating.OneTime, Currency: "EUR", Rate: setUp, Unit: 1, Event: rating.OnActivation},
			},
			Legs: []catalog.Leg{{A: c.end(l.a), Z: c.end(l.z), Links: []string{link}, Latency: l.latency, Availability: l.availability}},
		}})
	}
	return f.YAML()
}

// end gives an end of a line: an interconnection by its name, or premises.
func (c *meshCarrier) end(at string) catalog.End {
	for i := range meshENNIs {
		for side, own := range meshENNIs[i].Ends {
			if meshENNIs[i].ID == at && own.Carrier == c.code {
				return catalog.End{Place: own.Place, Neighbour: meshENNIs[i].other(side).Carrier, Interface: at}
			}
		}
	}
	return catalog.End{Place: at}
}
