package intent

import (
	"fmt"
	"reflect"
	"strings"

	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/usage"
)

// Sentence writes an inquiry in words that are read as the same inquiry. Code:
// invalid when there are none, as for a place that nobody knows.
func Sentence(in catalog.Inquiry, o Options) (string, error) {
	if o.Places == nil {
		o.Places = catalog.BuiltIn()
	}
	for _, names := range []bool{true, false} {
		text := say(in, o.Places, names)
		if again, _, err := parse(text, &o); err == nil && reflect.DeepEqual(again, in) {
			return text, nil
		}
	}
	return "", fault.New(fault.Invalid, "the inquiry cannot be said in words", "hand it in as a structure")
}

func say(in catalog.Inquiry, places *catalog.Places, names bool) string {
	var words []string
	add := func(format string, args ...any) { words = append(words, fmt.Sprintf(format, args...)) }
	spot := func(s catalog.Spot) string {
		place := "place:" + s.Place
		if x, ok := places.Get(s.Place); ok && names {
			place = x.Name
		}
		switch {
		case s.Neighbour == "":
			return place
		case s.Neighbour == catalog.AnyNeighbour && s.Place == "":
			return "any eNNI"
		case s.Neighbour == catalog.AnyNeighbour:
			return "any eNNI in " + place
		case s.Place == "":
			return "eNNI " + string(s.Neighbour)
		}
		return "eNNI " + string(s.Neighbour) + " in " + place
	}
	if in.Type != "" {
		name := in.Type
		for _, x := range []struct{ typ, name string }{{catalog.TypeInternetAccess, "internet access"}, {catalog.TypeELine, "E-Line"}, {catalog.TypeIPVPN, "IP VPN"},
			{catalog.TypeUNI, "UNI"}, {catalog.TypeENNIAccess, "eNNI access"}} {
			if x.typ == in.Type {
				name = x.name
			}
		}
		add("%s", name)
	}
	if in.Bandwidth != 0 {
		add("%s", bandwidth(in.Bandwidth))
	}
	if in.Z != (catalog.Spot{}) {
		add("from %s to %s", spot(in.A), spot(in.Z))
	} else {
		add("at %s", spot(in.A))
	}
	if in.From != 0 {
		add("starting %s", usage.Stamp(int64(in.From)))
	} else {
		add("now")
	}
	if in.To != 0 {
		add("until %s", usage.Stamp(int64(in.To)))
	} else {
		add("without end")
	}
	text := strings.Join(words, " ")
	if in.Latency != 0 {
		text += ", latency at most " + latency(in.Latency) + " one way"
	}
	if in.Availability != 0 {
		text += ", availability at least " + decimal(uint64(in.Availability), 4) + "%"
	}
	if in.Ceiling != nil {
		text += ", at most " + decimal(uint64(in.Ceiling.Micro), 6) + " " + string(in.Ceiling.Currency)
	}
	return text
}

// bandwidth writes bit/s in the largest unit of which they are a whole number.
func bandwidth(n uint64) string {
	for _, u := range []struct {
		size uint64
		name string
	}{{1e12, "Tbit/s"}, {1e9, "Gbit/s"}, {1e6, "Mbit/s"}, {1e3, "kbit/s"}} {
		if n%u.size == 0 {
			return fmt.Sprintf("%d %s", n/u.size, u.name)
		}
	}
	return fmt.Sprintf("%d bit/s", n)
}

func latency(n uint64) string {
	if n%1000 == 0 {
		return fmt.Sprintf("%d ms", n/1000)
	}
	return fmt.Sprintf("%d us", n)
}

// decimal writes a number of units of 10^-places.
func decimal(n uint64, places int) string {
	digits := fmt.Sprintf("%0*d", places+1, n)
	whole, frac := digits[:len(digits)-places], strings.TrimRight(digits[len(digits)-places:], "0")
	if frac == "" {
		return whole
	}
	return whole + "." + frac
}
