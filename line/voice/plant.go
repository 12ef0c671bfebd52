package voice

import (
	"slices"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
)

// Kind names an error that the generator plants, by the id of the cause that a
// comparison of the files finds.
type Kind string

// Kinds are all of them, in the order in which their amounts are taken.
var Kinds = []Kind{
	"duplicate", "number_format", "time_zone", "wrong_partner", "missing_block", "missing_random", "split_call", "answer_race", "clock_skew",
	"duration_rounding", "dial_code", "rate_version", "late_price", "origin_surcharge", "money_rounding", "tax_fx", "volume_terms",
}

// Kinds that do not lie in single calls: from priceKind on in a sheet, from
// invoiceKind on in an invoice.
var (
	priceKind   = slices.Index(Kinds, "dial_code")
	invoiceKind = slices.Index(Kinds, "money_rounding")
	blockKind   = slices.Index(Kinds, "missing_block")
)

// Share is a part of the calls, or of an invoice's money, in millionths.
type Share uint32

// percent is one hundredth.
const percent Share = 10_000

// String gives percent: "0.25%".
func (s Share) String() string {
	text := money.Micro(s * 100).String() // six decimals of a hundredth
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") + "%"
}

// MarshalText gives percent.
func (s Share) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Plant says how much of which kind is planted. What it does not name is not
// planted: an empty Plant is two equal sides.
type Plant map[Kind]Share

// LivePlant is what the sandbox plants in its live traffic.
var LivePlant = Plant{"duplicate": percent / 2, "missing_random": percent, "clock_skew": percent, "duration_rounding": percent}

// ParsePlant reads "late_price=0.5%,duplicate=1%". The name all stands for every
// kind; what is named beside it wins. Empty text is nothing. Code: invalid.
func ParsePlant(text string) (Plant, error) {
	plant, named := Plant{}, Plant{}
	if text == "" {
		return plant, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		name, size, _ := strings.Cut(strings.TrimSpace(part), "=")
		number, ok := strings.CutSuffix(size, "%")
		value, err := money.ParseMicro(number)
		if !ok || err != nil || value < 0 || value > 100_000_000 || value%100 != 0 {
			return nil, fault.Newf(fault.Invalid, "write KIND=SHARE%, like late_price=0.5%, with at most 4 decimals", "%.60q is no share to plant", part)
		}
		if name == "all" {
			for _, k := range Kinds {
				plant[k] = Share(value / 100)
			}
			continue
		}
		kind := Kind(name)
		if _, twice := named[kind]; twice || !slices.Contains(Kinds, kind) {
			return nil, fault.Newf(fault.Invalid, "name each kind once: all, "+join(Kinds), "%.60q names no kind, or one that was named before", part)
		}
		named[kind] = Share(value / 100)
	}
	for k, s := range named {
		plant[k] = s
	}
	return plant, nil
}

func join(kinds []Kind) string {
	all := make([]string, len(kinds))
	for i, k := range kinds {
		all[i] = string(k)
	}
	return strings.Join(all, ", ")
}

// has reports whether any of a kind is planted.
func (p Plant) has(k Kind) bool { return p[k] > 0 }

// Sides of the generated traffic.
const (
	oursSide = iota
	theirsSide
)

// way of planting.
type way uint8

const (
	sameRow     way = iota // the row again
	otherID                // the row again, under another id
	format                 // a trunk writes destinations with a prefix of its own
	national               // a trunk leaves the country code out
	shift                  // a trunk's clock is off by a constant
	third                  // the row names a third carrier
	missing                // the row is not there
	pieces                 // the call is in two or three rows, each perhaps rounded up
	race                   // one side answered, the other did not
	jitter                 // the start of a single call is off
	stretch                // the duration of a single call is off
	roundUp                // a trunk rounds durations up
	roundNear              // a trunk rounds durations to the nearest
	sheetOurs              // prefixes that our sheet alone has
	sheetTheirs            // prefixes that their sheet alone has
	oldRow                 // prefixes whose change of price their sheet does not have
	otherPrice             // prefixes for which their sheet has another row's price
	later                  // prefixes whose price changes later in their sheet
	earlier                // prefixes whose price changes earlier in their sheet
	origins                // prefixes whose price in their sheet depends on the origin
)

// variant is one form in which a kind appears.
type variant struct {
	kind Kind
	way  way
	side int    // whose records or sheet are wrong
	by   int64  // ms: offset of a clock, step of rounding
	text string // what is written before a number
	name string // for people
}

// variants are all forms; those of a kind share it evenly. The kinds of the
// invoice have none, and missing blocks are cut out of two trunks.
var variants = []variant{
	{kind: "duplicate", way: sameRow, side: oursSide},
	{kind: "duplicate", way: otherID, side: oursSide},
	{kind: "duplicate", way: sameRow, side: theirsSide},
	{kind: "duplicate", way: otherID, side: theirsSide},
	{kind: "number_format", way: format, side: theirsSide, text: "+", name: "+E.164"},
	{kind: "number_format", way: format, side: theirsSide, text: "00", name: "00E.164"},
	{kind: "number_format", way: national, side: theirsSide, text: "0", name: "0 and the national number, country code " + homeCountry},
	{kind: "number_format", way: format, side: theirsSide, text: "1019", name: "technical prefix 1019"},
	{kind: "number_format", way: format, side: theirsSide, text: "1234#", name: "technical prefix 1234#"},
	{kind: "time_zone", way: shift, side: theirsSide, by: 3_600_000, name: "+01:00"},
	{kind: "time_zone", way: shift, side: theirsSide, by: -5 * 3_600_000, name: "-05:00"},
	{kind: "time_zone", way: shift, side: theirsSide, by: 23 * 900_000, name: "+05:45"},
	{kind: "wrong_partner", way: third, side: oursSide},
	{kind: "wrong_partner", way: third, side: theirsSide},
	{kind: "missing_random", way: missing, side: oursSide},
	{kind: "missing_random", way: missing, side: theirsSide},
	{kind: "split_call", way: pieces, side: oursSide},
	{kind: "split_call", way: pieces, side: oursSide, by: 6_000},
	{kind: "split_call", way: pieces, side: oursSide, by: 60_000},
	{kind: "split_call", way: pieces, side: theirsSide},
	{kind: "split_call", way: pieces, side: theirsSide, by: 6_000},
	{kind: "split_call", way: pieces, side: theirsSide, by: 60_000},
	{kind: "answer_race", way: race, side: oursSide},
	{kind: "answer_race", way: race, side: theirsSide},
	{kind: "clock_skew", way: jitter, side: theirsSide},
	{kind: "clock_skew", way: shift, side: theirsSide, by: 1_400, name: "+1.4 s"},
	{kind: "clock_skew", way: shift, side: theirsSide, by: -7_300, name: "-7.3 s"},
	{kind: "duration_rounding", way: stretch, side: theirsSide},
	{kind: "duration_rounding", way: roundUp, side: theirsSide, by: 1_000, name: "up to a second"},
	{kind: "duration_rounding", way: roundNear, side: theirsSide, by: 1_000, name: "nearest second"},
	{kind: "duration_rounding", way: roundUp, side: theirsSide, by: 6_000, name: "up to 6 s"},
	{kind: "duration_rounding", way: roundUp, side: theirsSide, by: 60_000, name: "up to 60 s"},
	{kind: "dial_code", way: sheetOurs, side: theirsSide, name: "our sheet alone has it"},
	{kind: "dial_code", way: sheetTheirs, side: theirsSide, name: "their sheet alone has it"},
	{kind: "rate_version", way: oldRow, side: theirsSide, name: "their sheet has no change of price"},
	{kind: "rate_version", way: otherPrice, side: theirsSide, name: "their sheet has another row's price"},
	{kind: "late_price", way: later, side: theirsSide, name: "their price changes later"},
	{kind: "late_price", way: earlier, side: theirsSide, name: "their price changes earlier"},
	{kind: "origin_surcharge", way: origins, side: theirsSide, name: "their price depends on the origin"},
}

// homeCountry is the country of which a trunk leaves the code out.
const homeCountry = "49"

// ofTrunk reports whether a variant has a trunk of its own.
func (v *variant) ofTrunk() bool {
	switch v.way {
	case format, national, shift, roundUp, roundNear:
		return true
	}
	return false
}

// ofSheet reports whether a variant has prefixes of its own.
func (v *variant) ofSheet() bool { return v.way >= sheetOurs }

// fate is what befalls a call, drawn with a number below everything.
type fate struct {
	below uint64
	variant
	index    int     // of the kind in Kinds
	trunk    int     // its own, or 0
	prefixes []int32 // its own
}

// everything is 100 % in parts that each number of variants of a kind divides.
const (
	everything = 1_000_000 * parts
	parts      = 60
)

// fates gives each planted variant its stretch of the numbers below everything.
// With single, kinds that are found on single calls too appear so only.
func (p Plant) fates(single bool) (all []fate, sum uint64) {
	trunk := ordinaryTrunks
	for i, k := range Kinds {
		var own []variant
		for _, v := range variants {
			if v.kind == k && !(single && v.ofTrunk()) {
				own = append(own, v)
			}
		}
		for _, v := range own {
			if p.has(k) {
				sum += uint64(p[k]) * parts / uint64(len(own))
				f := fate{below: sum, variant: v, index: i}
				if v.ofTrunk() {
					trunk++
					f.trunk = trunk
				}
				all = append(all, f)
			}
		}
	}
	return all, sum
}

// single reports whether a kind can be planted without a trunk or a prefix of
// its own, and without an invoice.
func (k Kind) single() bool {
	return slices.ContainsFunc(variants, func(v variant) bool { return v.kind == k && !v.ofTrunk() && !v.ofSheet() })
}
