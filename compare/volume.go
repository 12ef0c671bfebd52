package compare

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strconv"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Discount is a discount by volume as a deal file says it: [rating.Volume] in
// whole currency and percent, with the direction that it is of.
type Discount struct {
	Name         string         `json:"name"`
	Direction    string         `json:"direction"`    // ALPHA>BRAVO; empty: both, each by itself
	Destinations []string       `json:"destinations"` // as our sheet names them; none: all
	Currency     money.Currency `json:"currency"`
	Window       string         `json:"window"` // "1mo", "12mo"
	Zone         string         `json:"zone"`   // of the window; empty: UTC
	Measure      rating.Measure `json:"measure"`
	Reach        rating.Reach   `json:"reach"`
	Tiers        []DiscountTier `json:"tiers"`
	Before       DiscountBefore `json:"before"`
}

// DiscountTier is a discount from a threshold on.
type DiscountTier struct {
	From    json.Number `json:"from"`    // billed seconds, or whole currency
	Percent json.Number `json:"percent"` // of the charges
}

// DiscountBefore is what the first window held before the first period of the
// records.
type DiscountBefore struct {
	Seconds uint64      `json:"seconds"` // billed
	Charges json.Number `json:"charges"` // before the discount
}

// terms gives the terms by which a discount is computed. Their destinations are
// left out: which lines count is decided here, by folded names.
func (v Discount) terms() (rating.Volume, error) {
	out := rating.Volume{Name: v.Name, Basis: rating.Basis{Currency: v.Currency, Window: usage.Cycle{Length: v.Window, Zone: v.Zone}}, Measure: v.Measure, Reach: v.Reach}
	bad := func(field, format string, args ...any) error {
		return fault.Newf(rating.CodeBadVolume, "compare it with the output of: lateral deal example", format, args...).In(field)
	}
	for i, t := range v.Tiers {
		var tier rating.Tier
		from, err := money.ParseMicro(string(t.From))
		if v.Measure == rating.BySeconds {
			tier.Seconds, err = strconv.ParseUint(string(t.From), 10, 62)
		} else {
			tier.Charges = from
		}
		if err != nil || from < 0 {
			return out, bad(fmt.Sprintf("tiers.%d.from", i), "%.40q is no threshold of seconds or money", string(t.From))
		}
		if tier.Discount, err = rating.ParseShare(string(t.Percent)); err != nil {
			return out, fault.Of(err).In(fmt.Sprintf("tiers.%d.percent", i))
		}
		out.Tiers = append(out.Tiers, tier)
	}
	if v.Before.Charges != "" {
		if m, err := money.ParseMicro(string(v.Before.Charges)); err != nil || m < 0 {
			return out, bad("before.charges", "%.40q is no amount", string(v.Before.Charges))
		}
	}
	if v.Before != (DiscountBefore{}) && v.Direction == "" {
		return out, bad("before", "it is not said of which direction the usage before is")
	}
	if slices.ContainsFunc(v.Destinations, func(s string) bool { return foldName(s) == "" }) {
		return out, bad("destinations", "a destination has no name")
	}
	return out, out.Validate()
}

// DiscountLine is what a window of the deal's volume terms makes of one side's
// records.
type DiscountLine struct {
	Side      string         `json:"side"`
	Name      string         `json:"name"`
	Direction string         `json:"direction"`
	Currency  money.Currency `json:"currency"`
	Window    usage.Interval `json:"window"`
	Seconds   uint64         `json:"billed_seconds"` // of the lines that count, with what was before
	Charges   money.Micro    `json:"charges"`
	Reached   int            `json:"tiers_reached"`
	Discount  money.Micro    `json:"discount"` // of the periods in the records
}

// MarshalJSON gives the times in RFC 3339.
func (v DiscountLine) MarshalJSON() ([]byte, error) {
	type plain DiscountLine
	return json.Marshal(struct {
		plain
		Window [2]string `json:"window"`
	}{plain(v), [2]string{usage.Stamp(v.Window.From), usage.Stamp(v.Window.To)}})
}

// volumes refuses volume terms that the job's other inputs do not fit.
func (c *comparison) volumes() error {
	for i, v := range c.job.Volume {
		field := func(name string) string { return fmt.Sprintf("volume.%d.%s", i, name) }
		if _, err := v.terms(); err != nil {
			return err
		}
		if c.lines.whole {
			return fault.New(fault.Invalid, "discounts by volume need billing periods, to know which window is meant", "name the period: --period 1mo").In("period")
		}
		ways := c.waysOf(v)
		if len(ways) == 0 {
			return fault.Newf(fault.Invalid, fmt.Sprintf("write %s or %s, or leave it out for both", c.pair.Direction(usage.Forth), c.pair.Direction(usage.Back)),
				"%.80q is no direction between the two carriers", v.Direction).In(field("direction"))
		}
		known := map[string]bool{}
		for n, row := range c.lines.rows {
			if slices.Contains(ways, c.lines.ways[n]) {
				known[foldName(row.Destination)] = true
			}
		}
		for _, name := range v.Destinations {
			if !known[foldName(name)] {
				return fault.Newf(fault.Invalid, "write the destination as the rate sheet does", "no row of the rate sheet is of the destination %.80q", name).In(field("destinations"))
			}
		}
	}
	return nil
}

// waysOf gives the directions that volume terms are of.
func (c *comparison) waysOf(v Discount) (out []usage.Way) {
	for _, w := range []usage.Way{usage.Forth, usage.Back} {
		if v.Direction == "" || v.Direction == c.pair.Direction(w).String() {
			out = append(out, w)
		}
	}
	return out
}

// discounts gives what the deal's volume terms make of a side's lines: the
// amounts of lines without usage, negative where they take off.
func (c *comparison) discounts(l *ladder, s side) (amounts, []DiscountLine, error) {
	out := amounts{}
	var list []DiscountLine
	for _, v := range c.job.Volume {
		for _, way := range c.waysOf(v) {
			windows, err := c.discount(l, s, v, way)
			if err != nil {
				return nil, nil, err
			}
			for _, line := range windows {
				if err := out.add(flow{way, v.Currency}, -line.Discount); err != nil {
					return nil, nil, err
				}
			}
			list = append(list, windows...)
		}
	}
	return out, list, nil
}

// charged is what a period has of the lines that count.
type charged struct {
	seconds uint64
	micro   money.Micro
	exact   *big.Rat // where only an invoice's sum is rounded
}

// discount goes through the periods of one direction. What a window held before
// a period is all that the period's discount needs of the past.
func (c *comparison) discount(l *ladder, s side, v Discount, way usage.Way) (out []DiscountLine, err error) {
	terms, err := v.terms()
	if err != nil {
		return nil, err
	}
	dates, err := terms.Window.Calendar()
	if err != nil {
		return nil, err
	}
	periods, err := c.charges(l, s, v, way)
	if err != nil {
		return nil, err
	}
	first := int64(0) // where the records begin
	for i, p := range c.lines.periods {
		if i == 0 || p.From < first {
			first = p.From
		}
	}
	var before rating.Agreed
	agreed := func(p usage.Interval, seconds uint64, m money.Micro) rating.Agreed {
		return rating.Agreed{Period: p, Seconds: seconds, Amount: money.Amount{Currency: v.Currency, Micro: m}}
	}
	for _, n := range slices.SortedFunc(maps.Keys(periods), func(a, b uint32) int { return cmp.Compare(c.lines.periods[a].From, c.lines.periods[b].From) }) {
		period, window, p := c.lines.periods[n], dates.At(c.lines.periods[n].From), periods[n]
		if len(out) == 0 || out[len(out)-1].Window != window {
			before = rating.Agreed{}
			if window.Contains(first) && v.Before != (DiscountBefore{}) {
				if window.From >= first {
					return nil, fault.Newf(fault.Invalid, "leave out what was before, or compare the later periods alone", "the window of %.80q begins with the records: nothing can be before", v.Name).In("volume.before")
				}
				charges := money.Micro(0)
				if v.Before.Charges != "" {
					if charges, err = money.ParseMicro(string(v.Before.Charges)); err != nil {
						return nil, err
					}
				}
				before = agreed(usage.Interval{From: window.From, To: first}, v.Before.Seconds, charges)
			}
			out = append(out, DiscountLine{Side: s.String(), Name: v.Name, Direction: c.pair.Direction(way).String(), Currency: v.Currency, Window: window,
				Seconds: before.Seconds, Charges: before.Amount.Micro})
		}
		history := []rating.Agreed{agreed(period, p.seconds, p.micro)}
		if before.Period != (usage.Interval{}) {
			history = append(history, before)
		}
		d, err := terms.Credit(period, history, c.job.Rounding.Mode)
		if err != nil {
			return nil, err
		}
		credit, err := c.job.Rounding.round(big.NewRat(int64(d.Credit), 1_000_000))
		if err != nil {
			return nil, err
		}
		line := &out[len(out)-1]
		line.Seconds += p.seconds
		line.Reached = d.Reached
		if line.Charges, err = line.Charges.Add(p.micro); err != nil {
			return nil, err
		}
		if line.Discount, err = line.Discount.Add(credit); err != nil {
			return nil, err
		}
		before = agreed(period, line.Seconds, line.Charges)
	}
	return out, nil
}

// charges sums the lines that volume terms count, by period.
func (c *comparison) charges(l *ladder, s side, v Discount, way usage.Way) (map[uint32]*charged, error) {
	covered := map[string]bool{}
	for _, name := range v.Destinations {
		covered[foldName(name)] = true
	}
	out := map[uint32]*charged{}
	for k, sum := range l.sides[s].all {
		row := l.lines.rows[k.line]
		if l.flowOf(k.line) != (flow{way, v.Currency}) || len(covered) > 0 && !covered[foldName(row.Destination)] {
			continue
		}
		p := out[k.period]
		if p == nil {
			p = &charged{exact: new(big.Rat)}
			out[k.period] = p
		}
		p.seconds += sum.seconds
		if l.round.Per == PerInvoice {
			p.exact.Add(p.exact, exact(row, sum.calls, sum.seconds))
			continue
		}
		m, err := l.value(k.line, sum)
		if err != nil {
			return nil, err
		}
		if p.micro, err = p.micro.Add(m); err != nil {
			return nil, err
		}
	}
	if l.round.Per == PerInvoice {
		for _, p := range out {
			var err error
			if p.micro, err = l.round.round(p.exact); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// volumeText says for people what the deal's volume terms make.
func (r *Result) volumeText(look Look) string {
	if len(r.Volume) == 0 {
		return ""
	}
	rows := [][]string{{"", "", "counted seconds", "charges", "tier", "discount"}}
	for _, v := range r.Volume {
		rows = append(rows, []string{cut(v.Name, 24), v.Side + " " + v.Direction + " " + string(v.Currency) + " from " + usage.Stamp(v.Window.From)[:len("2006-01-02")],
			fmt.Sprint(v.Seconds), v.Charges.String(), fmt.Sprint(v.Reached), v.Discount.String()})
	}
	return look.heading("volume terms of the deal") + "\n" + columns(rows) + "\n"
}

// volume writes what the deal's volume terms make, by window.
func (w *writing) volume() error {
	var rows [][]any
	for _, v := range w.result.Volume {
		rows = append(rows, []any{v.Side, v.Name, v.Direction, v.Currency, stamp(v.Window.From), stamp(v.Window.To), v.Seconds, v.Charges, uint64(v.Reached), v.Discount})
	}
	if at := &w.result.Causes[atVolumeTerms].Evidence; len(rows) > 0 && *at == "" {
		*at = "causes/volume_terms-deal.csv"
	}
	return w.summary("volume_terms-deal", []string{"side", "name", "direction", "currency", "window_from", "window_to", "billed_seconds", "charges", "tiers_reached", "discount"}, rows)
}
