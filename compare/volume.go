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
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Basis is what terms about volume count, as a deal file says it.
type Basis struct {
	Name         string         `json:"name"`
	Direction    string         `json:"direction"`    // ALPHA>BRAVO; empty: both, each by itself
	Destinations []string       `json:"destinations"` // as our sheet names them; none: all
	Currency     money.Currency `json:"currency"`
	Window       string         `json:"window"` // "1mo", "12mo"
	Zone         string         `json:"zone"`   // of the window; empty: UTC
	Before       Before         `json:"before"`
}

// Discount is a discount by volume as a deal file says it: [rating.Volume] in
// whole currency and percent, with the direction that it is of.
type Discount struct {
	Basis
	Measure rating.Measure `json:"measure"`
	Reach   rating.Reach   `json:"reach"`
	Tiers   []DiscountTier `json:"tiers"`
}

// DiscountTier is a discount from a threshold on.
type DiscountTier struct {
	From    json.Number `json:"from"`    // billed seconds, or whole currency
	Percent json.Number `json:"percent"` // of the charges
}

// Commitment is a minimum for each window as a deal file says it:
// [rating.Commitment] in whole currency.
type Commitment struct {
	Basis
	Charges     json.Number `json:"charges"`      // at least; or
	Seconds     uint64      `json:"seconds"`      // at least, billed
	Rate        json.Number `json:"rate"`         // of missing seconds
	UnitSeconds uint32      `json:"unit_seconds"` // of the rate
}

// Before is what the first window held before the first period of the records.
type Before struct {
	Seconds uint64      `json:"seconds"` // billed
	Charges json.Number `json:"charges"` // before the discount
}

func badTerm(field, format string, args ...any) error {
	return fault.Newf(rating.CodeBadVolume, "compare it with the output of: lateral deal example", format, args...).In(field)
}

// terms gives what terms count. Their destinations are left out: which lines
// count is decided here, by folded names.
func (b Basis) terms() (rating.Basis, error) {
	out := rating.Basis{Currency: b.Currency, Window: usage.Cycle{Length: b.Window, Zone: b.Zone}}
	if b.Before.Charges != "" {
		if m, err := money.ParseMicro(string(b.Before.Charges)); err != nil || m < 0 {
			return out, badTerm("before.charges", "%.40q is no amount", string(b.Before.Charges))
		}
	}
	if b.Before != (Before{}) && b.Direction == "" {
		return out, badTerm("before", "it is not said of which direction the usage before is")
	}
	if slices.ContainsFunc(b.Destinations, func(s string) bool { return foldName(s) == "" }) {
		return out, badTerm("destinations", "a destination has no name")
	}
	return out, nil
}

// terms gives the terms by which a discount is computed.
func (v Discount) terms() (rating.Volume, error) {
	out := rating.Volume{Name: v.Name, Measure: v.Measure, Reach: v.Reach}
	for i, t := range v.Tiers {
		var tier rating.Tier
		from, err := money.ParseMicro(string(t.From))
		if v.Measure == rating.BySeconds {
			tier.Seconds, err = strconv.ParseUint(string(t.From), 10, 62)
		} else {
			tier.Charges = from
		}
		if err != nil || from < 0 {
			return out, badTerm(fmt.Sprintf("tiers.%d.from", i), "%.40q is no threshold of seconds or money", string(t.From))
		}
		if tier.Discount, err = rating.ParseShare(string(t.Percent)); err != nil {
			return out, fault.Of(err).In(fmt.Sprintf("tiers.%d.percent", i))
		}
		out.Tiers = append(out.Tiers, tier)
	}
	var err error
	if out.Basis, err = v.Basis.terms(); err != nil {
		return out, err
	}
	return out, out.Validate()
}

// terms gives the terms by which a shortfall is computed.
func (v Commitment) terms() (rating.Commitment, error) {
	out := rating.Commitment{Name: v.Name, Seconds: v.Seconds, UnitSeconds: v.UnitSeconds}
	var err error
	if v.Charges != "" {
		if out.Charges, err = money.ParseMicro(string(v.Charges)); err != nil {
			return out, badTerm("charges", "%.40q is no amount", string(v.Charges))
		}
	}
	if v.Rate != "" {
		if out.Rate, err = money.ParseRate(string(v.Rate)); err != nil {
			return out, badTerm("rate", "%.40q is no rate", string(v.Rate))
		}
	}
	if out.Basis, err = v.Basis.terms(); err != nil {
		return out, err
	}
	return out, out.Validate()
}

// signed gives the terms about volume of an agreement as a deal says them.
func signed(t agreement.Terms) (discounts []Discount, commitments []Commitment) {
	basis := func(name string, b rating.Basis) Basis {
		out := Basis{Name: name, Destinations: b.Destinations, Currency: b.Currency, Window: b.Window.Length, Zone: b.Window.Zone}
		if b.Direction != (usage.Direction{}) {
			out.Direction = b.Direction.String()
		}
		return out
	}
	for _, v := range t.Volume {
		d := Discount{Basis: basis(v.Name, v.Basis), Measure: v.Measure, Reach: v.Reach}
		for _, tier := range v.Tiers {
			from := json.Number(tier.Charges.String())
			if v.Measure == rating.BySeconds {
				from = json.Number(strconv.FormatUint(tier.Seconds, 10))
			}
			d.Tiers = append(d.Tiers, DiscountTier{from, json.Number(tier.Discount.String())})
		}
		discounts = append(discounts, d)
	}
	for _, c := range t.Commitments {
		x := Commitment{Basis: basis(c.Name, c.Basis), Seconds: c.Seconds, UnitSeconds: c.UnitSeconds}
		if c.Charges != 0 {
			x.Charges = json.Number(c.Charges.String())
		}
		if c.Rate != 0 {
			x.Rate = json.Number(c.Rate.String())
		}
		commitments = append(commitments, x)
	}
	return discounts, commitments
}

// VolumeLine is what a window of the deal's terms about volume makes of one side's
// records.
type VolumeLine struct {
	Side      string         `json:"side"`
	Name      string         `json:"name"`
	Direction string         `json:"direction"`
	Currency  money.Currency `json:"currency"`
	Window    usage.Interval `json:"window"`
	Seconds   uint64         `json:"billed_seconds"` // of the lines that count, with what was before
	Charges   money.Micro    `json:"charges"`
	Reached   int            `json:"tiers_reached"`
	Discount  money.Micro    `json:"discount"`           // of the periods in the records
	Shortfall money.Micro    `json:"shortfall,omitzero"` // below a commitment, when the records reach the window's end
}

// MarshalJSON gives the times in RFC 3339.
func (v VolumeLine) MarshalJSON() ([]byte, error) {
	type plain VolumeLine
	return json.Marshal(struct {
		plain
		Window [2]string `json:"window"`
	}{plain(v), [2]string{usage.Stamp(v.Window.From), usage.Stamp(v.Window.To)}})
}

// metered reports whether a job has terms about volume.
func (j Job) metered() bool { return len(j.Volume)+len(j.Commitments) > 0 }

// volumes refuses terms about volume that the job's other inputs do not fit.
func (c *comparison) volumes() error {
	for i, v := range c.job.Volume {
		if _, err := v.terms(); err != nil {
			return err
		}
		if err := c.fits(v.Basis, fmt.Sprintf("volume.%d", i)); err != nil {
			return err
		}
	}
	for i, v := range c.job.Commitments {
		if _, err := v.terms(); err != nil {
			return err
		}
		if err := c.fits(v.Basis, fmt.Sprintf("commitments.%d", i)); err != nil {
			return err
		}
	}
	return nil
}

// fits refuses terms that count what the other inputs do not have.
func (c *comparison) fits(b Basis, at string) error {
	if c.lines.whole {
		return fault.New(fault.Invalid, "terms about volume need billing periods, to know which window is meant", "name the period: --period 1mo").In("period")
	}
	ways := c.waysOf(b)
	if len(ways) == 0 {
		return fault.Newf(fault.Invalid, fmt.Sprintf("write %s or %s, or leave it out for both", c.pair.Direction(usage.Forth), c.pair.Direction(usage.Back)),
			"%.80q is no direction between the two carriers", b.Direction).In(at + ".direction")
	}
	known := map[string]bool{}
	for n, row := range c.lines.rows {
		if slices.Contains(ways, c.lines.ways[n]) {
			known[foldName(row.Destination)] = true
		}
	}
	for _, name := range b.Destinations {
		if !known[foldName(name)] {
			return fault.Newf(fault.Invalid, "write the destination as the rate sheet does", "no row of the rate sheet is of the destination %.80q", name).In(at + ".destinations")
		}
	}
	return nil
}

// waysOf gives the directions that volume terms are of.
func (c *comparison) waysOf(b Basis) (out []usage.Way) {
	for _, w := range []usage.Way{usage.Forth, usage.Back} {
		if b.Direction == "" || b.Direction == c.pair.Direction(w).String() {
			out = append(out, w)
		}
	}
	return out
}

// metered gives what the deal's terms about volume make of a side's lines: the
// amounts of lines without usage, negative where they take off.
func (c *comparison) metered(l *ladder, s side) (amounts, []VolumeLine, error) {
	out := amounts{}
	var list []VolumeLine
	add := func(b Basis, windows func(usage.Way) ([]VolumeLine, error)) error {
		for _, way := range c.waysOf(b) {
			lines, err := windows(way)
			if err != nil {
				return err
			}
			for _, line := range lines {
				if err := out.add(flow{way, b.Currency}, line.Shortfall-line.Discount); err != nil {
					return err
				}
			}
			list = append(list, lines...)
		}
		return nil
	}
	for _, v := range c.job.Volume {
		if err := add(v.Basis, func(way usage.Way) ([]VolumeLine, error) { return c.discount(l, s, v, way) }); err != nil {
			return nil, nil, err
		}
	}
	for _, v := range c.job.Commitments {
		if err := add(v.Basis, func(way usage.Way) ([]VolumeLine, error) { return c.shortfall(l, s, v, way) }); err != nil {
			return nil, nil, err
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

// span gives the time from the first period that a record or their invoice is in
// to the last.
func (c *comparison) span() (out usage.Interval) {
	reach := func(p usage.Interval) {
		if out.IsZero() {
			out = p
		}
		out.From, out.To = min(out.From, p.From), max(out.To, p.To)
	}
	for _, p := range c.lines.periods {
		reach(p)
	}
	for _, l := range c.job.TheirInvoice {
		reach(l.Period)
	}
	return out
}

// before gives what a window held before the records.
func (c *comparison) before(b Basis, window usage.Interval) (out rating.Counted, err error) {
	first := int64(0) // where the records begin
	for i, p := range c.lines.periods {
		if i == 0 || p.From < first {
			first = p.From
		}
	}
	if !window.Contains(first) || b.Before == (Before{}) {
		return out, nil
	}
	if window.From >= first {
		return out, fault.Newf(fault.Invalid, "leave out what was before, or compare the later periods alone", "the window of %.80q begins with the records: nothing can be before", b.Name).In("volume.before")
	}
	out.Seconds = b.Before.Seconds
	if b.Before.Charges != "" {
		out.Charges, err = money.ParseMicro(string(b.Before.Charges))
	}
	return out, err
}

// ordered gives the periods of one direction that have lines which count, the
// oldest first.
func (c *comparison) ordered(periods map[uint32]*charged) []uint32 {
	return slices.SortedFunc(maps.Keys(periods), func(a, b uint32) int { return cmp.Compare(c.lines.periods[a].From, c.lines.periods[b].From) })
}

// discount goes through the periods of one direction. What a window held before
// a period is all that the period's discount needs of the past.
func (c *comparison) discount(l *ladder, s side, v Discount, way usage.Way) (out []VolumeLine, err error) {
	terms, err := v.terms()
	if err != nil {
		return nil, err
	}
	dates, err := terms.Window.Calendar()
	if err != nil {
		return nil, err
	}
	periods, err := c.charges(l, s, v.Basis, way)
	if err != nil {
		return nil, err
	}
	agreed := func(p usage.Interval, c rating.Counted) rating.Agreed {
		return rating.Agreed{Period: p, Seconds: c.Seconds, Amount: money.Amount{Currency: v.Currency, Micro: c.Charges}}
	}
	for _, n := range c.ordered(periods) {
		period, window, p := c.lines.periods[n], dates.At(c.lines.periods[n].From), periods[n]
		if len(out) == 0 || out[len(out)-1].Window != window {
			before, err := c.before(v.Basis, window)
			if err != nil {
				return nil, err
			}
			out = append(out, c.window(s, v.Basis, way, window, before))
		}
		line := &out[len(out)-1]
		history := []rating.Agreed{agreed(period, rating.Counted{Seconds: p.seconds, Charges: p.micro})}
		if line.Seconds > 0 || line.Charges != 0 {
			history = append(history, agreed(usage.Interval{From: window.From, To: period.From}, rating.Counted{Seconds: line.Seconds, Charges: line.Charges}))
		}
		d, err := terms.Credit(period, history, c.job.Rounding.Mode)
		if err != nil {
			return nil, err
		}
		credit, err := c.job.Rounding.round(big.NewRat(int64(d.Credit), 1_000_000))
		if err != nil {
			return nil, err
		}
		line.Reached = d.Reached
		if err := line.count(p); err != nil {
			return nil, err
		}
		if line.Discount, err = line.Discount.Add(credit); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// window begins what a window of one direction comes to.
func (c *comparison) window(s side, b Basis, way usage.Way, window usage.Interval, before rating.Counted) VolumeLine {
	return VolumeLine{Side: s.String(), Name: b.Name, Direction: c.pair.Direction(way).String(), Currency: b.Currency, Window: window, Seconds: before.Seconds, Charges: before.Charges}
}

// count adds a period.
func (v *VolumeLine) count(p *charged) (err error) {
	v.Seconds += p.seconds
	v.Charges, err = v.Charges.Add(p.micro)
	return err
}

// shortfall goes through the windows of one direction, those without a call among
// them. One is charged for when the records, or their invoice, reach its end.
func (c *comparison) shortfall(l *ladder, s side, v Commitment, way usage.Way) (out []VolumeLine, err error) {
	terms, err := v.terms()
	if err != nil {
		return nil, err
	}
	dates, err := terms.Window.Calendar()
	if err != nil {
		return nil, err
	}
	periods, err := c.charges(l, s, v.Basis, way)
	if err != nil {
		return nil, err
	}
	span, ordered := c.span(), c.ordered(periods)
	if span.IsZero() {
		return nil, nil
	}
	if n := (span.To - span.From) / (dates.At(span.From).To - dates.At(span.From).From); n > maxWindows {
		return nil, fault.Newf(fault.Invalid, "compare a shorter time, or name a longer window", "%d windows of %.80q are between the first and the last call", n, v.Name).In("commitments.window")
	}
	for at := span.From; at < span.To; at = dates.At(at).To {
		window := dates.At(at)
		before, err := c.before(v.Basis, window)
		if err != nil {
			return nil, err
		}
		line := c.window(s, v.Basis, way, window, before)
		for len(ordered) > 0 && window.Contains(c.lines.periods[ordered[0]].From) {
			if err := line.count(periods[ordered[0]]); err != nil {
				return nil, err
			}
			ordered = ordered[1:]
		}
		if window.To <= span.To {
			short, err := terms.Shortfall(rating.Counted{Seconds: line.Seconds, Charges: line.Charges}, c.job.Rounding.Mode)
			if err != nil {
				return nil, err
			}
			if line.Shortfall, err = c.job.Rounding.round(big.NewRat(int64(short), 1_000_000)); err != nil {
				return nil, err
			}
		}
		out = append(out, line)
	}
	return out, nil
}

// maxWindows bounds the windows of a commitment that one comparison looks at.
const maxWindows = 10_000

// charges sums the lines that volume terms count, by period.
func (c *comparison) charges(l *ladder, s side, v Basis, way usage.Way) (map[uint32]*charged, error) {
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
	rows := [][]string{{"", "", "counted seconds", "charges", "tier", "discount", "shortfall"}}
	for _, v := range r.Volume {
		rows = append(rows, []string{cut(v.Name, 24), v.Side + " " + v.Direction + " " + string(v.Currency) + " from " + usage.Stamp(v.Window.From)[:len("2006-01-02")],
			fmt.Sprint(v.Seconds), v.Charges.String(), fmt.Sprint(v.Reached), v.Discount.String(), v.Shortfall.String()})
	}
	return look.heading("volume terms of the deal") + "\n" + columns(rows) + "\n"
}

// volume writes what the deal's volume terms make, by window.
func (w *writing) volume() error {
	var rows [][]any
	for _, v := range w.result.Volume {
		rows = append(rows, []any{v.Side, v.Name, v.Direction, v.Currency, stamp(v.Window.From), stamp(v.Window.To), v.Seconds, v.Charges, uint64(v.Reached), v.Discount, v.Shortfall})
	}
	if at := &w.result.Causes[atVolumeTerms].Evidence; len(rows) > 0 && *at == "" {
		*at = "causes/volume_terms-deal.csv"
	}
	return w.summary("volume_terms-deal", []string{"side", "name", "direction", "currency", "window_from", "window_to", "billed_seconds", "charges", "tiers_reached", "discount", "shortfall"}, rows)
}
