package catalog

import (
	"math"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
)

func TestTheBuiltInPlacesAreOnTheMap(t *testing.T) {
	p := BuiltIn()
	if p.Len() < 300 {
		t.Fatalf("only %d places", p.Len())
	}
	seen := map[[2]Degrees]string{}
	for _, x := range p.All() {
		if x.ID != x.Code {
			t.Errorf("%s has the code %s", x.ID, x.Code)
		}
		at := [2]Degrees{x.Latitude, x.Longitude}
		if seen[at] != "" {
			t.Errorf("%s and %s are at the same place", x.ID, seen[at])
		}
		seen[at] = x.ID
	}
}

// The distances are great circles between city centres, from tables of air
// distances; a per cent of it is what centres differ by.
func TestDistancesAreThoseOfTheEarth(t *testing.T) {
	for _, c := range []struct {
		a, z string
		km   float64
	}{
		{"GBLON", "FRPAR", 344}, {"HKHKG", "ITMIL", 9340}, {"USNYC", "GBLON", 5570}, {"JPTYO", "USSFO", 8270}, {"AUSYD", "CLSCL", 11340},
		{"ZAJNB", "BRSAO", 7430}, {"FJSUV", "WSAPW", 1150}, {"SGSIN", "SGSIN", 0},
	} {
		a, _ := BuiltIn().Get(c.a)
		z, _ := BuiltIn().Get(c.z)
		there, back := Distance(a, z), Distance(z, a)
		if there != back || math.Abs(float64(there)/1000-c.km) > 10+c.km/100 {
			t.Errorf("%s to %s: %d m and back %d m, want %v km", c.a, c.z, there, back, c.km)
		}
	}
	north, south := Place{Latitude: 90e6}, Place{Latitude: -90e6, Longitude: 77e6}
	if d := Distance(north, south); d != 20015114 {
		t.Errorf("from pole to pole: %d m", d)
	}
}

func TestPlacesAreFoundAsPeopleWriteThem(t *testing.T) {
	for text, want := range map[string]string{
		"HKHKG": "HKHKG", "hong kong": "HKHKG", "Milano": "ITMIL", "zürich": "CHZRH", "ZUERICH": "CHZRH", "Sao Paulo": "BRSAO", "são paulo": "BRSAO",
		"saint-petersburg": "RULED", "St. Petersburg": "RULED", "Xian": "CNSIA", "Frankfurt": "DEFRA", "frankfurt  am main": "DEFRA", "Ho Chi Minh City": "VNSGN",
	} {
		if p, err := BuiltIn().Find(text); err != nil || p.ID != want {
			t.Errorf("%q: %s, %v, want %s", text, p.ID, err, want)
		}
	}
	for text, want := range map[string]struct {
		code fault.Code
		says string
	}{
		"San Jose":             {CodeManyPlaces, "San Jose (Costa Rica) (CRSJO) or San Jose (USSJC)"},
		"Millan":               {CodeUnknownPlace, "Milan (ITMIL)"},
		"Hongkong":             {CodeUnknownPlace, "Hong Kong (HKHKG)"},
		"Singap":               {CodeUnknownPlace, "Singapore (SGSIN)"},
		"Brigadoon by the Sea": {CodeUnknownPlace, "lateral catalog place list"},
		"":                     {CodeUnknownPlace, ""},
	} {
		_, err := BuiltIn().Find(text)
		if f := fault.Of(err); f == nil || f.Code != want.code || !strings.Contains(f.Remedy, want.says) {
			t.Errorf("%q: %v, %+v", text, err, f)
		}
	}
}

func TestAnOperatorsPlacesStandBesideTheBuiltInOnes(t *testing.T) {
	list, bad := ReadPlaces(strings.NewReader("id,name,country,latitude,longitude,code,names\n" +
		"mil-dc1,Milan DC1,IT,45.4700,9.2000,,MIL1;Caldera\n" +
		"ITMIL,Milan city,IT,45.5,9.2,ITMIL,\n" +
		"bad id,x,IT,0,0,,\n" +
		"x1,x,italy,0,0,,\n" +
		"x2,x,IT,91,0,,\n" +
		"x3,x,IT,1.0000001,0,,\n" +
		"mil-dc1,x,IT,1,0,,\n" +
		"x4,x,IT,1\n"))
	if len(list) != 2 || len(bad) != 6 {
		t.Fatalf("%+v\n%v", list, bad)
	}
	for i, want := range []string{"line 4.id", "line 5.country", "line 6.latitude", "line 7.latitude", "line 8.id", "line 9.longitude"} {
		if f := fault.Of(bad[i]); f.Field != want || f.Remedy == "" {
			t.Errorf("%v, want %s", bad[i], want)
		}
	}
	p, err := BuiltIn().With(list)
	if err != nil || p.Len() != BuiltIn().Len()+1 {
		t.Fatalf("%d places, %v", p.Len(), err)
	}
	if x, err := p.Find("caldera"); err != nil || x.ID != "mil-dc1" || x.Code != "" {
		t.Errorf("%+v, %v", x, err)
	}
	if x, _ := p.Get("ITMIL"); x.Name != "Milan city" {
		t.Errorf("%+v", x)
	}
	if _, bad := ReadPlaces(strings.NewReader("id,name\n")); len(bad) != 1 || fault.Of(bad[0]).Field != "country" {
		t.Errorf("without columns: %v", bad)
	}
	if _, bad := ReadPlaces(strings.NewReader("")); len(bad) != 1 {
		t.Errorf("empty: %v", bad)
	}
}

func TestDegreesPrintAndParse(t *testing.T) {
	for text, want := range map[string]Degrees{"0": 0, "-33.8688": -33868800, "180": 180e6, "0.000001": 1, "-0.5": -500000, "9.19": 9190000} {
		d, err := ParseDegrees(text)
		if err != nil || d != want || d.String() != text {
			t.Errorf("%s: %d, %v, prints %s", text, d, err, d)
		}
	}
	for _, text := range []string{"", "-", ".5", "1.2345678", "181", "1e3", "1,5", "+1", "--1", "0x1"} {
		if d, err := ParseDegrees(text); err == nil {
			t.Errorf("%q is %d", text, d)
		}
	}
}

func FuzzFindPlace(f *testing.F) {
	for _, s := range []string{"Milan", "hkhkg", "zürich", "\xff", strings.Repeat("a", 300)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := BuiltIn().Find(text)
		if err == nil {
			if q, err := BuiltIn().Find(p.ID); err != nil || q.ID != p.ID {
				t.Errorf("%q is %s, which is not found by its id", text, p.ID)
			}
		}
		if fold(fold(text)) != fold(text) {
			t.Errorf("%q folds to %q and then to %q", text, fold(text), fold(fold(text)))
		}
	})
}
