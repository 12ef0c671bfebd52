package voice

import (
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Mix says how often what happens, in calls of 10,000. The zero Mix is two
// equal sides.
type Mix struct {
	OnlyOurs        int // theirs lacks the call
	OnlyTheirs      int // ours lacks the call
	DuplicateOurs   int // ours has the call again under another id
	DuplicateTheirs int // theirs has the call again under another id
	Skewed          int // theirs starts up to 2 s earlier or later
	Duration        int // theirs lasts longer or shorter, and bills so
	RawOnly         int // theirs lasts some ms longer or shorter and bills the same
	Withheld        int // theirs does not know the originating number
}

// LiveMix is what the sandbox plants in its live traffic.
var LiveMix = Mix{OnlyOurs: 60, OnlyTheirs: 60, DuplicateTheirs: 30, Skewed: 100, Duration: 60, RawOnly: 100, Withheld: 50}

// Plan describes synthetic traffic of one pair. The same plan gives the same
// bytes everywhere.
type Plan struct {
	Seed         uint64
	Ours, Theirs party.Code
	Span         usage.Interval // rows of the sheet are in force from 31 days before it to a year behind; prices change in its middle
	Prefixes     int            // of the sheet, at least 10; 0: 1,000
	Currency     money.Currency // empty: USD
	Mix          Mix
}

// Planted counts what a generator has put into the two files.
type Planted struct {
	ReadOurs        uint64 `json:"read_ours"`
	ReadTheirs      uint64 `json:"read_theirs"`
	OnlyOurs        uint64 `json:"only_ours"`
	OnlyTheirs      uint64 `json:"only_theirs"`
	DuplicateOurs   uint64 `json:"duplicate_ours"`
	DuplicateTheirs uint64 `json:"duplicate_theirs"`
	Skewed          uint64 `json:"skewed"`
	Duration        uint64 `json:"duration"`
	RawOnly         uint64 `json:"raw_only"`
}

// Truth is what two generated files hold: the planted differences, and each
// side's records rated alone, duplicates once, as one period, rounded half-up
// once for each sheet row and direction. The sums are made call by call with
// big integers and a plain search, apart from the code that they check.
type Truth struct {
	Seed    uint64            `json:"seed"`
	Planted Planted           `json:"planted"`
	Ours    map[string]string `json:"ours"` // amount by direction
	Theirs  map[string]string `json:"theirs"`
}

// Generator makes the traffic of a Plan, in one go or piece by piece. It is not
// for use by many at once.
type Generator struct {
	plan     Plan
	random   *rand.Rand
	rows     []rating.Row
	byPrefix map[string][]int // rows of a prefix
	change   int64            // ms at which prices change
	calls    uint64
	planted  Planted
	seconds  [2]map[truthLine]uint64 // billed, by side
	buffers  [2][]byte
}

// truthLine is a row's line in one direction.
type truthLine struct {
	direction usage.Direction
	row       int
}

// NewGenerator checks the plan and makes its rate sheet. Code: invalid.
func NewGenerator(p Plan) (*Generator, error) {
	if p.Prefixes == 0 {
		p.Prefixes = 1000
	}
	if p.Currency == "" {
		p.Currency = "USD"
	}
	if p.Ours.Validate() != nil || p.Theirs.Validate() != nil || p.Ours == p.Theirs || p.Span.Validate() != nil ||
		p.Prefixes < 10 || p.Prefixes > 1_000_000 || p.Currency.Validate() != nil {
		return nil, fault.New(fault.Invalid, "the plan of the generator cannot be carried out",
			"name two carriers, a span of time, 10 to 1,000,000 prefixes and a currency of ISO 4217")
	}
	g := &Generator{plan: p, random: rand.New(rand.NewPCG(p.Seed, 0x6c61746572616c)), byPrefix: map[string][]int{},
		seconds: [2]map[truthLine]uint64{{}, {}}}
	g.change = p.Span.From + (p.Span.To-p.Span.From)/2
	g.makeSheet()
	return g, nil
}

// makeSheet prices the nine world zones, and below them random prefixes: one in
// five changes its price in the middle of the span, one in ten leaves a gap in
// which the shorter prefix prices the call.
func (g *Generator) makeSheet() {
	const day = 86_400_000
	from, to := g.plan.Span.From-31*day, g.plan.Span.To+365*day
	steps := [][2]uint32{{1, 1}, {1, 5}, {30, 6}, {30, 7}, {60, 60}}
	prefixes := []string{"1", "2", "3", "4", "5", "6", "7", "8", "9"}
	known := map[string]bool{}
	for len(prefixes) < g.plan.Prefixes {
		n := 2 + g.random.IntN(min(7, len(strconv.Itoa(g.plan.Prefixes))+1))
		p := strconv.Itoa(1 + g.random.IntN(9))
		for len(p) < n {
			p += strconv.Itoa(g.random.IntN(10))
		}
		if !known[p] {
			known[p] = true
			prefixes = append(prefixes, p)
		}
	}
	for i, p := range prefixes {
		step := steps[g.random.IntN(len(steps))]
		row := rating.Row{
			Destination: fmt.Sprintf("Destination %04d", i/3), Prefix: p, Rate: money.Rate(1_000_000 + g.random.Int64N(399_000_000)),
			Currency: g.plan.Currency, UnitSeconds: 60, MinimumSeconds: step[0], IncrementSeconds: step[1], ValidFrom: from, ValidTo: to,
		}
		later := row
		switch {
		case i >= 9 && i%5 == 0:
			row.ValidTo, later.ValidFrom = g.change, g.change
			later.Rate = later.Rate/10*9 + 7
		case i >= 9 && i%10 == 3:
			row.ValidTo, later.ValidFrom = g.change, g.plan.Span.To
		default:
			later.Prefix = ""
		}
		g.addRow(row)
		if later.Prefix != "" {
			g.addRow(later)
		}
	}
}

func (g *Generator) addRow(r rating.Row) {
	g.byPrefix[r.Prefix] = append(g.byPrefix[r.Prefix], len(g.rows))
	g.rows = append(g.rows, r)
}

// Rows gives the rate sheet, for reading.
func (g *Generator) Rows() []rating.Row { return g.rows }

// WriteSheet writes the rate sheet as CSV.
func (g *Generator) WriteSheet(w io.Writer) error { return WriteSheet(w, g.rows) }

// quoted writes a field as CSV needs it.
func quoted(s string) string {
	if !strings.ContainsAny(s, `,"`) {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// Sides of the generated traffic.
const (
	oursSide = iota
	theirsSide
)

// Write makes n calls that start within a span, in order of time, and appends
// each side's rows to its writer, without header.
func (g *Generator) Write(ours, theirs io.Writer, span usage.Interval, n int) error {
	const flushAt = 64 << 10
	out := [2]io.Writer{ours, theirs}
	flush := func(most int) error {
		for side := range g.buffers {
			if len(g.buffers[side]) > most {
				if _, err := out[side].Write(g.buffers[side]); err != nil {
					return fmt.Errorf("writing generated calls: %w", err)
				}
				g.buffers[side] = g.buffers[side][:0]
			}
		}
		return nil
	}
	length := span.To - span.From
	for i := range int64(n) {
		// Each call starts in its own n-th of the span: in order, and spread.
		from, to := span.From+length/int64(n)*i, span.From+length/int64(n)*(i+1)
		g.call(from + g.random.Int64N(max(1, to-from)))
		if err := flush(flushAt); err != nil {
			return err
		}
	}
	return flush(0)
}

// call makes one call and writes what each side has of it.
func (g *Generator) call(start int64) {
	g.calls++
	c := generated{Record: usage.Record{Start: start, Destination: g.number(g.rows[g.random.IntN(len(g.rows))].Prefix, 11+g.random.IntN(3)), Origin: g.number(strconv.Itoa(1+g.random.IntN(9)), 11)}}
	c.direction = usage.Direction{From: g.plan.Ours, To: g.plan.Theirs}
	if g.random.IntN(10) < 3 {
		c.direction = c.direction.Back()
	}
	c.trunk = 1 + g.random.IntN(5)
	switch n := g.random.IntN(100); {
	case n < 12:
		c.Result = usage.Fail
	case n < 22:
		c.Result = usage.NoAnswer
	default:
		// The product of two even draws has a mean of 180 s and many short calls.
		c.Duration = uint32(1 + g.random.Uint64N(720_000)*g.random.Uint64N(720_000)/720_000)
	}
	has, again := [2]bool{true, true}, [2]bool{}
	theirs := c
	if c.Result == usage.Success {
		g.plant(&theirs, &has, &again)
	}
	for side, v := range [2]generated{c, theirs} {
		if !has[side] {
			continue
		}
		g.emit(side, v, "")
		if again[side] {
			g.emit(side, v, "R")
		}
		if v.Result == usage.Success {
			row := g.price(v.Destination, v.Start)
			g.seconds[side][truthLine{v.direction, row}] += billed(&g.rows[row], v.Duration)
		}
	}
}

// generated is one side's record of a generated call.
type generated struct {
	usage.Record
	direction usage.Direction
	trunk     int
}

// plant draws what differs between the sides. A difference that would not show,
// or would show as another, is not planted and not counted.
func (g *Generator) plant(theirs *generated, has, again *[2]bool) {
	m, n := &g.plan.Mix, g.random.IntN(10_000)
	drawn := func(share int) bool {
		n -= share
		return n < 0 && n >= -share
	}
	if g.random.IntN(10_000) < m.Withheld {
		theirs.Origin = usage.Withheld
	}
	switch {
	case drawn(m.OnlyOurs):
		has[theirsSide] = false
		g.planted.OnlyOurs++
	case drawn(m.OnlyTheirs):
		has[oursSide] = false
		g.planted.OnlyTheirs++
	case drawn(m.DuplicateOurs):
		again[oursSide] = true
		g.planted.DuplicateOurs++
	case drawn(m.DuplicateTheirs):
		again[theirsSide] = true
		g.planted.DuplicateTheirs++
	case drawn(m.Skewed):
		by := 1 + g.random.Int64N(2000)
		if g.random.IntN(2) == 0 {
			by = -by
		}
		if g.price(theirs.Destination, theirs.Start) == g.price(theirs.Destination, theirs.Start+by) {
			theirs.Start += by
			g.planted.Skewed++
		}
	case drawn(m.Duration):
		if d := theirs.Duration + 1000 + g.random.Uint32N(20_000); g.bills(theirs, d) != g.bills(theirs, theirs.Duration) {
			theirs.Duration = d
			g.planted.Duration++
		}
	case drawn(m.RawOnly):
		if d := theirs.Duration + 1 + g.random.Uint32N(400); g.bills(theirs, d) == g.bills(theirs, theirs.Duration) {
			theirs.Duration = d
			g.planted.RawOnly++
		}
	}
}

func (g *Generator) bills(c *generated, duration uint32) uint64 {
	return billed(&g.rows[g.price(c.Destination, c.Start)], duration)
}

// number makes a number of that many digits with a prefix.
func (g *Generator) number(prefix string, digits int) usage.Number {
	n, _ := usage.ParseNumber([]byte(prefix))
	for d := len(prefix); d < digits; d++ {
		n = n*10 + usage.Number(g.random.IntN(10))
	}
	return n
}

// emit appends one side's row of a call.
func (g *Generator) emit(side int, c generated, suffix string) {
	mark, trunk := "C", "T"
	if side == oursSide {
		g.planted.ReadOurs++
	} else {
		g.planted.ReadTheirs++
		mark, trunk = "X", "TG"
	}
	b := append(g.buffers[side], mark...)
	b = strconv.AppendUint(b, g.calls, 10)
	b = append(append(b, suffix...), ',')
	if c.Origin != usage.Withheld {
		b = strconv.AppendUint(b, uint64(c.Origin), 10)
	}
	b = append(b, ',')
	b = strconv.AppendUint(b, uint64(c.Destination), 10)
	b = append(append(append(b, ','), usage.Stamp(c.Start)...), ',')
	b = strconv.AppendUint(b, uint64(c.Duration), 10)
	b = append(append(append(b, ','), c.Result.String()...), ',')
	b = append(append(append(b, c.direction.From...), ','), c.direction.To...)
	b = append(append(b, ','), trunk...)
	g.buffers[side] = append(strconv.AppendInt(b, int64(c.trunk), 10), '\n')
}

// price finds the row of a call by trying each prefix, the longest first. Every
// number has one: the world zones are always in force.
func (g *Generator) price(destination usage.Number, start int64) int {
	digits := destination.String()
	for n := min(9, len(digits)); n > 0; n-- {
		for _, i := range g.byPrefix[digits[:n]] {
			if r := &g.rows[i]; r.ValidFrom <= start && start < r.ValidTo {
				return i
			}
		}
	}
	panic("voice: a generated number has no rate")
}

// billed counts increments one by one where the rating engine divides.
func billed(r *rating.Row, duration uint32) uint64 {
	s := uint64(duration) / 1000
	if duration%1000 > 0 {
		s++
	}
	if s == 0 {
		return 0
	}
	total := uint64(r.MinimumSeconds)
	for total < s {
		total += uint64(r.IncrementSeconds)
	}
	return total
}

// Truth gives what was written so far.
func (g *Generator) Truth() Truth {
	return Truth{g.plan.Seed, g.planted, g.amounts(oursSide), g.amounts(theirsSide)}
}

func (g *Generator) amounts(side int) map[string]string {
	sums := map[usage.Direction]*big.Int{}
	for l, seconds := range g.seconds[side] {
		r := &g.rows[l.row]
		// seconds × rate / unit in millionths: double, add the divisor and halve,
		// which rounds half up.
		unit := big.NewInt(int64(r.UnitSeconds) * 1000)
		n := new(big.Int).Mul(new(big.Int).SetUint64(seconds), big.NewInt(int64(r.Rate)))
		n.Lsh(n, 1).Add(n, unit)
		n.Quo(n, unit.Lsh(unit, 1))
		if sums[l.direction] == nil {
			sums[l.direction] = new(big.Int)
		}
		sums[l.direction].Add(sums[l.direction], n)
	}
	out := map[string]string{}
	for d, sum := range sums {
		out[d.String()] = money.Micro(sum.Int64()).String()
	}
	return out
}

// WriteFiles makes a whole plan: n calls over its span, two files with headers
// and the sheet.
func (g *Generator) WriteFiles(ours, theirs, rates io.Writer, n int) error {
	if err := g.WriteSheet(rates); err != nil {
		return fmt.Errorf("writing the generated sheet: %w", err)
	}
	for _, w := range []io.Writer{ours, theirs} {
		if _, err := io.WriteString(w, UsageHeader+"\n"); err != nil {
			return fmt.Errorf("writing generated calls: %w", err)
		}
	}
	return g.Write(ours, theirs, g.plan.Span, n)
}
