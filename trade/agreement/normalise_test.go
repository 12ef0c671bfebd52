package agreement

import (
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
)

func TestNormalisationsThatSayNonsenseAreRefused(t *testing.T) {
	good := Normalisation{Carrier: "ALPHA", Trunk: "T 1", Kind: NormaliseNumber, Strip: "+00", Add: "49"}
	clock := Normalisation{Carrier: "ALPHA", Kind: NormaliseClock, Offset: 3_600_000}
	for _, n := range []Normalisation{good, clock} {
		if err := n.Validate(); err != nil {
			t.Errorf("%+v: %v", n, err)
		}
	}
	for what, c := range map[string]struct {
		of     Normalisation
		change func(*Normalisation)
		field  string
	}{
		"no carrier":              {good, func(n *Normalisation) { n.Carrier = "" }, "carrier"},
		"a long trunk":            {good, func(n *Normalisation) { n.Trunk = strings.Repeat("x", 256) }, "trunk"},
		"a trunk of two lines":    {good, func(n *Normalisation) { n.Trunk = "a\nb" }, "trunk"},
		"a trunk not in UTF-8":    {good, func(n *Normalisation) { n.Trunk = "\xff" }, "trunk"},
		"no kind":                 {good, func(n *Normalisation) { n.Kind = "" }, "kind"},
		"letters taken off":       {good, func(n *Normalisation) { n.Strip = "0x" }, "strip"},
		"two signs taken off":     {good, func(n *Normalisation) { n.Strip = "++" }, "strip"},
		"much taken off":          {good, func(n *Normalisation) { n.Strip = strings.Repeat("1", 16) }, "strip"},
		"a zero put there":        {good, func(n *Normalisation) { n.Add = "049" }, "add"},
		"a sign put there":        {good, func(n *Normalisation) { n.Add = "+49" }, "add"},
		"the same put there":      {good, func(n *Normalisation) { n.Strip, n.Add = "49", "49" }, "strip"},
		"nothing at all":          {good, func(n *Normalisation) { n.Strip, n.Add = "", "" }, "strip"},
		"a number with an offset": {good, func(n *Normalisation) { n.Offset = 1 }, "offset_millis"},
		"a clock with digits":     {clock, func(n *Normalisation) { n.Add = "49" }, "strip"},
		"a clock that is right":   {clock, func(n *Normalisation) { n.Offset = 0 }, "offset_millis"},
		"a clock of another day":  {clock, func(n *Normalisation) { n.Offset = 27 * hour }, "offset_millis"},
		"one of the day before":   {clock, func(n *Normalisation) { n.Offset = -1 << 63 }, "offset_millis"},
	} {
		n := c.of
		c.change(&n)
		if err := n.Validate(); err == nil || fault.Of(err).Field != c.field {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := CheckNormalisations([]Normalisation{good, clock, good}); fault.Of(err) == nil || fault.Of(err).Field != "normalisations[2]" {
		t.Errorf("the same records twice: %v", err)
	}
	if err := CheckNormalisations(make([]Normalisation, maxNormalisations+1)); fault.Of(err) == nil || fault.Of(err).Field != "normalisations" {
		t.Errorf("too many: %v", err)
	}
}

// A trunk's own rule goes before one of all trunks, and of two the one that takes
// more digits off.
func TestANumberIsPutRightInOneWay(t *testing.T) {
	r := Reading{Normalisations: []Normalisation{
		{Kind: NormaliseNumber, Strip: "00"}, {Kind: NormaliseNumber, Strip: "0", Add: "49"},
		{Kind: NormaliseNumber, Trunk: "T2", Strip: "99"}, {Kind: NormaliseNumber, Trunk: "T3", Add: "41"},
	}}
	for _, c := range []struct{ trunk, written, want string }{
		{"T1", "004930123456", "4930123456"}, {"T1", "030123456", "4930123456"}, {"T1", "000123456", ""}, {"T1", "4930123456", ""},
		{"T2", "994930123456", "4930123456"}, {"T2", "004930123456", "4930123456"}, {"T2", "+994930123456", ""}, {"T1", "994930123456", ""},
		{"T3", "446681800", "41446681800"}, {"T3", "+4930123456", ""}, {"T3", "0446681800", "49446681800"}, {"T3", "", ""}, {"T1", "00", ""}, {"T1", "00x49", ""},
	} {
		got, ok := r.Number(c.trunk, c.written)
		if got != c.want || ok != (c.want != "") {
			t.Errorf("%s on %s is put right as %q, want %q", c.written, c.trunk, got, c.want)
		}
	}
}

// A version holds for the calls that start from its beginning on by the clock
// that it puts right; the first holds for earlier ones too.
func TestAReadingHoldsFromItsBeginning(t *testing.T) {
	late := []Normalisation{{Carrier: "ALPHA", Kind: NormaliseClock, Offset: hour}, {Carrier: "ALPHA", Trunk: "T2", Kind: NormaliseClock, Offset: -hour}}
	versions := []Reading{{0, nil}, {10 * hour, append([]Normalisation{{Carrier: "BRAVO", Kind: NormaliseClock, Offset: 1}}, late...)}, {20 * hour, late}, {30 * hour, nil}}
	r := ReadingsOf("ALPHA", versions)
	if len(r) != 3 {
		t.Fatalf("%+v", r) // the third version says the same
	}
	for _, c := range []struct {
		trunk       string
		start, want int64
	}{
		{"T1", 10*hour + 1, 10*hour + 1}, {"T1", 11 * hour, 10 * hour}, {"T2", 9*hour - 1, 9*hour - 1}, {"T2", 9 * hour, 10 * hour}, {"T1", 30 * hour, 30 * hour}, {"T1", -5, -5},
	} {
		if _, at := r.At(c.trunk, c.start); at != c.want {
			t.Errorf("a call on %s at %d starts at %d, want %d", c.trunk, c.start, at, c.want)
		}
	}
	if r := ReadingsOf("CHARLIE", versions); r != nil || !r.Equal(ReadingsOf("DELTA", versions)) || r.Equal(ReadingsOf("ALPHA", versions)) {
		t.Errorf("nothing of CHARLIE was agreed: %+v", r)
	}
}
