package habit

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/usage"
)

const hour = 3600_000

// traffic makes calls as both sides should have them.
func traffic(seed uint64, calls int) (own []Call) {
	r := rand.New(rand.NewPCG(seed, 0))
	at := int64(1_793_700_000_000)
	for i := range calls {
		at += r.Int64N(60_000)
		n := usage.Number(49_30_0000000 + r.Uint64N(9_000_000))
		own = append(own, Call{Start: at, Duration: uint32(1000 * (1 + r.IntN(300))), Trunk: fmt.Sprintf("T%d", i%3), Number: n, Written: n.String(), Row: Row{1, uint32(i + 2)}})
	}
	return own
}

// shown gives calls as the partner shows them.
func shown(own []Call, h *usage.Hider) (out []Shown) {
	for _, c := range own {
		out = append(out, Shown{c.Way, h.Call(&usage.Record{Start: c.Start, Duration: c.Duration, Destination: c.Number})})
	}
	return out
}

// written changes how a trunk writes its calls. What is no E.164 number then has
// none.
func written(own []Call, trunk string, number func(string) string, late int64) []Call {
	own = slices.Clone(own)
	for i := range own {
		if c := &own[i]; c.Trunk == trunk {
			c.Written = number(c.Written)
			c.Number, _ = usage.ParseNumber([]byte(c.Written))
			c.Start += late
		}
	}
	return own
}

func TestHabitsOfATrunkAreLearnedFromHiddenNumbers(t *testing.T) {
	h := usage.NewHider([]byte("a key of the two"))
	plain := func(s string) string { return s }
	before := func(p string) func(string) string { return func(s string) string { return p + s } }
	for what, c := range map[string]struct {
		number func(string) string
		late   int64
		want   string
	}{
		"nothing":                       {plain, 0, ""},
		"two zeros":                     {before("00"), 0, "number 00> 0"},
		"a plus and two zeros":          {before("+00"), 0, "number +00> 0"},
		"another international prefix":  {before("011"), 0, "number 011> 0"},
		"the national zero":             {func(s string) string { return "0" + strings.TrimPrefix(s, "49") }, 0, "number 0>49 0"},
		"no country":                    {func(s string) string { return strings.TrimPrefix(s, "49") }, 0, "number >49 0"},
		"a technical prefix":            {before("77"), 0, "number 77> 0"},
		"one that begins with a zero":   {before("0099"), 0, "number 0099> 0"},
		"an hour late":                  {plain, hour, "clock > 3600000"},
		"a second and a half too early": {plain, -12_500, "clock > -12500"},
		"zeros and a zone":              {before("00"), 2 * hour, "number 00> 0, clock > 7200000"},
	} {
		calls := traffic(7, 90)
		var got []string
		for _, x := range Learn(written(calls, "T1", c.number, c.late), shown(calls, h), h, 3000) {
			n := x.Normalisation
			got = append(got, fmt.Sprintf("%s %s>%s %d", n.Kind, n.Strip, n.Add, n.Offset))
			if n.Trunk != "T1" || n.Carrier != "" || x.Calls != 30 || x.Shown != 30 || len(x.Sample) != 5 || x.Sample[0].Line != 3 {
				t.Errorf("%s: %+v", what, x)
			}
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: %v, want %s", what, got, c.want)
		}
	}
}

// Few calls, calls that the rest of the trunk speaks against, and rubbish make no
// habit.
func TestAChanceIsNoHabit(t *testing.T) {
	h := usage.NewHider([]byte("a key of the two"))
	calls := traffic(8, 90)
	theirs := shown(calls, h)
	for what, own := range map[string][]Call{
		"two calls with zeros":           written(calls[:6], "T1", func(s string) string { return "00" + s }, 0),
		"a few calls with a prefix":      append(written(calls[:24], "T1", func(s string) string { return "49" + s }, 0), calls[24:]...),
		"a few calls at another hour":    append(written(calls[:30], "T1", func(s string) string { return s }, hour), calls[30:]...),
		"numbers that are none":          written(calls, "T1", func(s string) string { return "x" + s + "\xff" }, 0),
		"numbers that are too long":      written(calls, "T1", func(s string) string { return strings.Repeat("0", 300) + s }, 0),
		"other numbers":                  written(calls, "T1", func(s string) string { return "0" + s[4:] + "1" }, 0),
		"zeros before too few digits":    written(calls, "T1", func(s string) string { return "00" + s[:6] }, 0),
		"no numbers":                     written(calls, "T1", func(string) string { return "" }, 0),
		"calls that the partner has not": nil,
	} {
		if got := Learn(own, theirs, h, 3000); len(got) != 0 {
			t.Errorf("%s: %+v", what, got)
		}
	}
	if got := Learn(traffic(9, 90), nil, h, 3000); len(got) != 0 {
		t.Errorf("without the partner's: %+v", got)
	}
}

// The international prefix 00 needs no partner's record; a national zero does.
func TestTheInternationalPrefixSpeaksForItself(t *testing.T) {
	h := usage.NewHider([]byte("a key of the two"))
	calls := traffic(8, 12)
	got := Learn(written(calls, "T1", func(s string) string { return "00" + s }, 0), nil, h, 3000)
	if len(got) != 1 || got[0].Normalisation != (agreement.Normalisation{Trunk: "T1", Kind: agreement.NormaliseNumber, Strip: "00"}) || got[0].Calls != 4 || got[0].Shown != 0 {
		t.Errorf("%+v", got)
	}
	if got := Learn(written(calls, "T1", func(s string) string { return "0" + s[2:] }, 0), nil, h, 3000); len(got) != 0 {
		t.Errorf("%+v", got)
	}
}

func BenchmarkLearn(b *testing.B) {
	h := usage.NewHider([]byte("a key of the two"))
	calls := traffic(1, 200_000)
	theirs := shown(calls, h)
	own := written(calls, "T1", func(s string) string { return s[2:] }, 0)
	for b.Loop() {
		Learn(own, theirs, h, 3000)
	}
}
