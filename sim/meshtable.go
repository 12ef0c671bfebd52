package sim

import (
	"strings"

	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// ENNI is an interconnection of two carriers' networks, as both call it.
type ENNI struct {
	ID   string
	Hall Hall // where it is; both carriers know it by the same id
	Ends [2]Attachment
}

// Hall is a building in a city that is built in.
type Hall struct{ ID, Name, City string }

// place gives the hall as a place.
func (h Hall) place() (catalog.Place, error) {
	city, ok := catalog.BuiltIn().Get(h.City)
	if !ok {
		return catalog.Place{}, fault.Newf(catalog.CodeUnknownPlace, "name a city by its code", "there is no city %s", h.City)
	}
	return catalog.Place{ID: h.ID, Name: h.Name, Country: city.Country, Latitude: city.Latitude, Longitude: city.Longitude}, nil
}

// Attachment is one carrier's end of an interconnection.
type Attachment struct {
	Carrier  party.Code
	Relation mesh.Relation // what the other carrier is to this one
}

// between reports whether the interconnection is one of two carriers.
func (e *ENNI) between(a, b party.Code) bool {
	x, y := e.Ends[0].Carrier, e.Ends[1].Carrier
	return x == a && y == b || x == b && y == a
}

// other gives the end of the carrier at the other side.
func (e *ENNI) other(i int) Attachment { return e.Ends[1-i] }

// The partial mesh: seven carriers, nine interconnections of the twenty-one that
// seven carriers could have. Nobody has more than three neighbours, and from Hong
// Kong to Milan nobody gets alone.
//
//	                   ┌────────────── FOXTROT ──────────────┐
//	                   │ Hong Kong        │ London           │ Frankfurt
//	Hong Kong ═══ ALPHA                 TANGO ─── London ─── DELTA ═══ Milan
//	                   │ Singapore        │ Johannesburg     │ Marseille
//	                   └─── BRAVO ─────── OSCAR              │
//	                          │ Mumbai  Mombasa              │
//	                          └───────────── CHARLIE ────────┘
//
// The cheapest way is over BRAVO and CHARLIE, with three orders between carriers;
// the fastest over FOXTROT, dearer; the one around Africa is too slow.
var meshCarriers = []meshCarrier{
	{code: "ALPHA", lines: []meshLine{
		{"asia-express", "HKHKG", "sin-4410", 17_400, 999_970, "61.247"},
		{"metro-ring", "HKHKG", "hkg-7702", 310, 999_990, "16.443"},
	}},
	{code: "BRAVO", lines: []meshLine{
		{"bay-of-bengal", "sin-4410", "bom-1186", 31_200, 999_950, "71.546"},
		{"indian-ocean", "sin-4410", "mba-0935", 52_700, 999_900, "66.092"},
	}},
	{code: "CHARLIE", lines: []meshLine{
		{"red-sea-4", "bom-1186", "mrs-5521", 61_800, 999_900, "115.306"},
	}},
	{code: "DELTA", lines: []meshLine{
		{"riviera", "mrs-5521", "ITMIL", 4_600, 999_980, "32.151"},
		{"gotthard", "fra-3308", "ITMIL", 5_300, 999_980, "37.597"},
		{"alps-west", "lon-6614", "ITMIL", 10_900, 999_960, "55.703"},
	}},
	{code: "FOXTROT", lines: []meshLine{
		{"silk-road", "hkg-7702", "fra-3308", 92_300, 999_950, "394.187"},
		{"polar-route", "hkg-7702", "lon-9073", 97_900, 999_930, "415.946"},
	}},
	{code: "OSCAR", lines: []meshLine{
		{"rift-valley", "mba-0935", "jnb-2247", 30_500, 999_700, "77.233"},
	}},
	{code: "TANGO", lines: []meshLine{
		{"west-africa", "jnb-2247", "lon-6614", 81_400, 999_800, "93.115"},
		{"m4-corridor", "lon-9073", "lon-6614", 450, 999_990, "11.939"},
	}},
}

// meshENNIs are where carriers are interconnected: in a hall that only the two
// know, of a city that all know.
var meshENNIs = []ENNI{
	{"sin-4410", Hall{"tuas-mmr", "Tuas, meet-me room", "SGSIN"}, [2]Attachment{{"ALPHA", "provider"}, {"BRAVO", "customer"}}},
	{"hkg-7702", Hall{"chai-wan-1", "Chai Wan, tower 1", "HKHKG"}, [2]Attachment{{"ALPHA", "provider"}, {"FOXTROT", "customer"}}},
	{"bom-1186", Hall{"versova-cls", "Versova landing station", "INBOM"}, [2]Attachment{{"BRAVO", "peer"}, {"CHARLIE", "peer"}}},
	{"mba-0935", Hall{"nyali-hut", "Nyali beach hut", "KEMBA"}, [2]Attachment{{"BRAVO", "provider"}, {"OSCAR", "customer"}}},
	{"mrs-5521", Hall{"prado-cls", "Prado landing station", "FRMRS"}, [2]Attachment{{"CHARLIE", "peer"}, {"DELTA", "peer"}}},
	{"fra-3308", Hall{"hanauer-12", "Hanauer Landstrasse, hall 12", "DEFRA"}, [2]Attachment{{"FOXTROT", "peer"}, {"DELTA", "peer"}}},
	{"lon-6614", Hall{"docklands-b", "Docklands, hall B", "GBLON"}, [2]Attachment{{"TANGO", "provider"}, {"DELTA", "customer"}}},
	{"jnb-2247", Hall{"isando-3", "Isando, hall 3", "ZAJNB"}, [2]Attachment{{"OSCAR", "peer"}, {"TANGO", "peer"}}},
	{"lon-9073", Hall{"slough-9", "Slough, building 9", "GBLON"}, [2]Attachment{{"FOXTROT", "peer"}, {"TANGO", "peer"}}},
}

// meshInquiry is what ALPHA's customer wants, and how it is asked for.
const meshInquiry = "100 Mbit/s Hong Kong to Milan now without end, under 180 ms"

// Traffic over an interconnection is opened and closed by a standing schedule of
// the two carriers' agreement, and paid by what goes through.
const (
	typeTraffic     = "urn:lateral:sandbox:traffic:1"
	scheduleTraffic = "traffic"
	clauseLine      = "annex-e-line" // by which lines are ordered
	gigabyte        = 1_000_000_000
)

// meshTraffic is what two carriers have agreed on for a gigabyte over their
// interconnection, EUR.
var meshTraffic = map[string]string{
	"sin-4410": "0.0463", "hkg-7702": "0.0519", "bom-1186": "0.0374", "mba-0935": "0.0582", "mrs-5521": "0.0187",
	"fra-3308": "0.0143", "lon-6614": "0.0161", "jnb-2247": "0.0647", "lon-9073": "0.0096",
}

// meshCarrier is a carrier of the mesh with what it sells.
type meshCarrier struct {
	code  party.Code
	lines []meshLine
}

// meshLine is connectivity that a carrier sells between two ends: customers'
// premises in a city, or an interconnection.
type meshLine struct {
	id           string
	a, z         string
	latency      uint64 // µs one way
	availability uint32 // millionths
	rate         string // EUR a day
}

// meshCredit is the share of an interval's charges, in millionths, that a carrier of
// the mesh gives back where less was available than it had promised.
const meshCredit = 500_000

// meshSetUp is what each carrier asks for the activation of a line.
const meshSetUp = "25"

// stock gives a carrier's catalogue as its product manager writes it, with prices
// for a day.
func (c *meshCarrier) stock(day string) ([]byte, error) {
	f := catalog.File{Catalogue: 1}
	f.Specifications = []catalog.Specification{{ID: "e-line", Name: "Ethernet line", Type: catalog.TypeELine}}
	for _, l := range c.lines {
		link := l.id + "-fibre"
		f.Links = append(f.Links, catalog.Link{ID: link, Bandwidth: 10_000_000_000})
		var rate, setUp money.Rate
		if err := rate.UnmarshalText([]byte(l.rate)); err != nil {
			return nil, err
		}
		if err := setUp.UnmarshalText([]byte(meshSetUp)); err != nil {
			return nil, err
		}
		f.Offerings = append(f.Offerings, catalog.OfferingRow{State: catalog.Launched, Offering: catalog.Offering{
			ID: l.id, Name: "Ethernet line " + strings.ReplaceAll(l.id, "-", " "), Specification: "e-line",
			Bandwidth: catalog.Range{Min: 10_000_000, Max: 10_000_000_000, Step: 10_000_000},
			Prices: []rating.Price{
				{Name: "line", Kind: rating.Recurring, Currency: "EUR", Rate: rate, Unit: 1, Period: usage.Cycle{Length: day}},
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
				return catalog.End{Place: meshENNIs[i].Hall.ID, Neighbour: meshENNIs[i].other(side).Carrier, Interface: at}
			}
		}
	}
	return catalog.End{Place: at}
}
