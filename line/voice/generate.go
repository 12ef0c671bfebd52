package voice

import (
	"cmp"
	"fmt"
	"io"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Plan describes synthetic traffic of one pair. The same plan gives the same
// bytes everywhere.
type Plan struct {
	Seed         uint64
	Ours, Theirs party.Code
	Span         usage.Interval // rows of the sheets are in force from 31 days before it to a year behind; prices change in its middle
	Prefixes     int            // of both sheets together, at least 10; 0: 1,000
	Currency     money.Currency // empty: USD
	Plant        Plant
	Floods       Floods
	Shape        Shape  // of the day
	MeanMillis   uint64 // duration of answered calls; 0: three minutes
	// Single plants in single calls only: no trunk and no prefix is wrong as a
	// whole, one sheet prices both sides, and there is no invoice.
	Single bool
}

// Generator makes the traffic of a Plan, in one go or piece by piece. It is not
// for use by many at once.
type Generator struct {
	*world
	random *random
	calls  uint64
	flood  int     // calls of floods that were made
	named  [2]bool // a row that names the pair is in the file
	recent [16]recent
	sums   *sums // nil in a generator whose truth nobody asks for
	out    [2]buffer
}

// world is what a plan fixes before the first call. It does not change.
type world struct {
	plan      Plan
	fates     []fate
	drawn     uint64 // end of the fates' numbers
	redialled uint64 // end of the numbers that redial, everything at most
	sheets    [2][]rating.Row
	lines     []rating.Row // what a call can cost: rows without their time
	terms     []terms      // of each line
	prefixes  []prefix
	known     map[usage.Number]int32 // index in prefixes
	plain     []int32                // prefixes that nothing is wrong with
	change    int64                  // ms at which prices change
	blocks    [2][]usage.Interval    // in which a side lacks the calls of its block trunk
	third     party.Code
	floods    []TrueFlood
	flooding  []call   // of all floods, in order of time
	invoice   rounding // of their bill
}

// terms are what a line's calls are priced by.
type terms struct {
	rate                     int64 // for unit seconds
	unit, minimum, increment uint32
}

// prefix is a prefix of either sheet.
type prefix struct {
	number  usage.Number
	text    string
	longest int   // digits of the longest prefix that begins with it
	shorter int32 // index of the longest prefix that it begins with, or -1
	fate    int32 // index of what is planted in it, or -1
	rows    [2][]price
}

// price is a row of one side's sheet.
type price struct {
	from, to int64
	origin   usage.Number
	line     int32
}

// recent is a call that may be redialled.
type recent struct {
	call
	ok bool
}

// Trunks 1 to 5 are as they should be. Of the first two, whole stretches may be
// missing.
const ordinaryTrunks = 5

// random draws from PCG, whose stream is fixed. Everything is made of integers,
// so that it is the same on every machine.
type random struct{ rand.PCG }

func newRandom(seed, stream uint64) *random { return &random{*rand.NewPCG(seed, stream)} }

// below gives a number from 0 to n-1.
func (r *random) below(n uint64) uint64 {
	high, _ := bits.Mul64(r.Uint64(), n)
	return high
}

// quantiles[i] is -ln(1 - i/128) in units of 2^-32, by its power series.
var quantiles = func() (q [65]uint64) {
	for i := range q {
		x := uint64(i) << 25
		for k, term := uint64(1), x; term > 0; k, term = k+1, term*x>>32 {
			q[i] += term / k
		}
	}
	return q
}()

// duration draws from the exponential distribution, ms: as many half-lives as
// coins fall alike, and a piece of one between two quantiles.
func (r *random) duration(mean uint64) uint32 {
	x := r.Uint64()
	half := uint64(min(bits.TrailingZeros64(x), 25))
	i, part := x>>58, x>>26&(1<<32-1)
	nats := half*quantiles[64] + quantiles[i] + (quantiles[i+1]-quantiles[i])*part>>32
	high, low := bits.Mul64(nats, mean)
	return uint32(1 + (high<<32 | low>>32))
}

// meanDuration of answered calls where the plan says nothing, ms.
const meanDuration = 180_000

func (w *world) mean() uint64 { return cmp.Or(w.plan.MeanMillis, meanDuration) }

// NewGenerator checks the plan and makes its rate sheets. Code: invalid.
func NewGenerator(p Plan) (*Generator, error) {
	if p.Prefixes == 0 {
		p.Prefixes = 1000
	}
	if p.Currency == "" {
		p.Currency = "USD"
	}
	bad := func(detail string) (*Generator, error) {
		return nil, fault.New(fault.Invalid, detail,
			"name two carriers, a span of time of at least a second, 10 to 1,000,000 prefixes, a currency of ISO 4217, and kinds with shares that leave room for other calls")
	}
	if p.Ours.Validate() != nil || p.Theirs.Validate() != nil || p.Ours == p.Theirs || p.Span.Validate() != nil || p.Span.To-p.Span.From < 1000 ||
		p.Prefixes < 10 || p.Prefixes > 1_000_000 || p.Currency.Validate() != nil || p.Shape != "" && p.Shape != DayAndNight {
		return bad("the plan of the generator cannot be carried out")
	}
	for k, s := range p.Plant {
		switch {
		case !slices.Contains(Kinds, k):
			return bad(fmt.Sprintf("%.40q is no kind of error that can be planted", string(k)))
		case p.Single && s > 0 && !k.single():
			return bad(string(k) + " is not planted in single calls")
		}
	}
	w := &world{plan: p, known: map[usage.Number]int32{}, third: "CHARLIE", change: p.Span.From + (p.Span.To-p.Span.From)/2,
		invoice: rounding{p.Plant.has("money_rounding"), p.Plant["tax_fx"], p.Plant["volume_terms"]}}
	for w.third == p.Ours || w.third == p.Theirs {
		w.third += "X"
	}
	w.fates, w.drawn = p.Plant.fates(p.Single)
	w.redialled = w.drawn + everything/10
	if w.redialled > everything*3/4 {
		return bad("the kinds take too large a share of the calls")
	}
	random := newRandom(p.Seed, 0x6c61746572616c)
	if !w.cutBlocks(random) {
		return bad("missing_block takes too large a share of the calls")
	}
	if !w.makeSheets(random) {
		return bad("the sheet has too few prefixes for what is planted in them")
	}
	if !w.makeFloods() {
		return bad("the floods have no room: fewer, shorter ones, or more prefixes")
	}
	g := &Generator{world: w}
	g.start(true)
	return g, nil
}

// start brings a generator to its first call.
func (g *Generator) start(summing bool) {
	*g = Generator{world: g.world, random: newRandom(g.plan.Seed, 0x63616c6c73)}
	if summing {
		g.sums = newSums(g.world)
	}
}

// cutBlocks chooses, for each side, two stretches of time that together hold its
// half of the share in missing blocks. A trunk carries a fifth of the calls that
// nothing else befalls.
func (w *world) cutBlocks(random *random) bool {
	share := uint64(w.plan.Plant["missing_block"]) * parts
	if share == 0 {
		return true
	}
	half := (w.plan.Span.To - w.plan.Span.From) / 2
	high, low := bits.Mul64(uint64(half), share*ordinaryTrunks)
	length, _ := bits.Div64(high, low, 2*(everything-w.drawn))
	if int64(length) > half*3/4 {
		return false
	}
	for side := range w.blocks {
		for i := range int64(2) {
			from := w.plan.Span.From + i*half + int64(random.below(uint64(half)-length+1))
			w.blocks[side] = append(w.blocks[side], usage.Interval{From: from, To: from + int64(length)})
		}
	}
	return true
}

// blocked tells which side lacks a call of an ordinary trunk because it lies in
// a missing block, or -1.
func (w *world) blocked(trunk int, start int64) int {
	if trunk > len(w.blocks) {
		return -1
	}
	side := trunk - 1
	for _, b := range w.blocks[side] {
		if b.Contains(start) {
			return side
		}
	}
	return -1
}

// makeSheets prices the nine world zones, and below them random prefixes: one in
// five changes its price in the middle of the span, one in ten leaves a gap in
// which the shorter prefix prices the call. Rounding is such that a price which
// is planted wrong changes no billed second.
func (w *world) makeSheets(random *random) bool {
	add := func(text string) {
		n, _ := usage.ParseNumber([]byte(text))
		if _, ok := w.known[n]; !ok {
			w.known[n] = int32(len(w.prefixes))
			w.prefixes = append(w.prefixes, prefix{number: n, text: text, longest: len(text), shorter: -1, fate: -1})
		}
	}
	for zone := range 9 {
		add(strconv.Itoa(zone + 1))
	}
	for len(w.prefixes) < w.plan.Prefixes {
		n := 2 + random.below(uint64(min(7, len(strconv.Itoa(w.plan.Prefixes))+1)))
		text := make([]byte, n)
		for i := range text {
			text[i] = byte('0' + random.below(10))
		}
		text[0] = byte('1' + random.below(9))
		add(string(text))
	}
	for i := range w.prefixes {
		p := &w.prefixes[i]
		for n := p.number / 10; n > 0; n /= 10 {
			if shorter, ok := w.known[n]; ok {
				w.prefixes[shorter].longest = max(w.prefixes[shorter].longest, len(p.text))
				if p.shorter < 0 {
					p.shorter = shorter
				}
			}
		}
	}
	if !w.spoil() {
		return false
	}
	w.price(random)
	return true
}

// spoil chooses prefixes for what is planted in sheets. No other prefix begins
// with one of them, so that their share of the calls is what is drawn.
func (w *world) spoil() bool {
	next := 9 // the zones stay
	for f := range w.fates {
		v := &w.fates[f]
		if !v.ofSheet() {
			continue
		}
		want := max(2, len(w.prefixes)*int(w.plan.Plant[v.kind])/4_000_000)
		for ; want > 0 && next < len(w.prefixes); next++ {
			if p := &w.prefixes[next]; p.longest == len(p.text) {
				p.fate = int32(f)
				v.prefixes = append(v.prefixes, int32(next))
				want--
			}
		}
		if want > 0 {
			return false
		}
	}
	for i := range w.prefixes {
		if w.prefixes[i].fate < 0 {
			w.plain = append(w.plain, int32(i))
		}
	}
	return true
}

// price makes the rows of both sheets.
func (w *world) price(random *random) {
	const day = 86_400_000
	from, to := w.plan.Span.From-31*day, w.plan.Span.To+365*day
	steps := [][2]uint32{{1, 1}, {30, 6}, {60, 60}}
	first := 0 // line of the prefix
	add := func(side int, p *prefix, r rating.Row) {
		w.sheets[side] = append(w.sheets[side], r)
		k := r
		k.ValidFrom, k.ValidTo = 0, 0
		line := first + slices.Index(w.lines[first:], k)
		if line < first {
			line = len(w.lines)
			w.lines = append(w.lines, k)
			w.terms = append(w.terms, terms{int64(k.Rate), k.UnitSeconds, k.MinimumSeconds, k.IncrementSeconds})
		}
		origin, _ := usage.ParseNumber([]byte(r.OriginPrefix))
		p.rows[side] = append(p.rows[side], price{r.ValidFrom, r.ValidTo, origin, int32(line)})
	}
	type draw struct {
		rate money.Rate
		step int
		gap  bool
	}
	own := make([]draw, len(w.prefixes))
	for i := range own {
		own[i] = draw{money.Rate(1_000_000 + random.below(399_000_000)), int(random.below(uint64(len(steps)))), false}
		own[i].gap = i >= 9 && i%10 == 3 && w.prefixes[i].fate < 0
	}
	// Where a shorter prefix steps in, it rounds alike.
	follows := func(i int32) bool {
		f := w.prefixes[i].fate
		return own[i].gap || f >= 0 && (w.fates[f].way == sheetOurs || w.fates[f].way == sheetTheirs)
	}
	for i := range w.prefixes {
		p, at := &w.prefixes[i], int32(i)
		first = len(w.lines)
		for follows(at) {
			at = w.prefixes[at].shorter
		}
		step := steps[own[at].step]
		row := rating.Row{
			Destination: fmt.Sprintf("Destination %04d", i/3), Prefix: p.text, Rate: own[i].rate,
			Currency: w.plan.Currency, UnitSeconds: 60, MinimumSeconds: step[0], IncrementSeconds: step[1], ValidFrom: from, ValidTo: to,
		}
		changed := row.Rate/10*9 + 7
		if i%2 == 1 {
			changed = row.Rate/10*11 + 7
		}
		// changing gives the rows of a price that changes at a moment.
		changing := func(side int, at int64) {
			before, after := row, row
			before.ValidTo, after.ValidFrom, after.Rate = at, at, changed
			add(side, p, before)
			add(side, p, after)
		}
		planted := fate{variant: variant{way: sameRow}}
		if p.fate >= 0 {
			planted = w.fates[p.fate]
		}
		hours := min(int64(1+random.below(12))*3_600_000, (w.plan.Span.To-w.plan.Span.From)/4)
		switch planted.way {
		case sheetOurs:
			add(oursSide, p, row)
		case sheetTheirs:
			add(theirsSide, p, row)
		case oldRow:
			changing(oursSide, w.change)
			add(theirsSide, p, row)
		case otherPrice:
			add(oursSide, p, row)
			if other := own[p.shorter].rate; other != row.Rate {
				row.Rate = other
			} else {
				row.Rate++
			}
			add(theirsSide, p, row)
		case later:
			changing(oursSide, w.change)
			changing(theirsSide, w.change+hours)
		case earlier:
			changing(oursSide, w.change)
			changing(theirsSide, w.change-hours)
		case origins:
			add(oursSide, p, row)
			add(theirsSide, p, row)
			for n, o := range surcharged {
				dear := row
				dear.OriginPrefix, dear.Rate = o, row.Rate/10*money.Rate(15+5*n)
				add(theirsSide, p, dear)
			}
		default:
			for side := range w.sheets {
				switch {
				case own[i].gap:
					before, after := row, row
					before.ValidTo, after.ValidFrom, after.Rate = w.change, w.plan.Span.To, changed
					add(side, p, before)
					add(side, p, after)
				case i >= 9 && i%5 == 0:
					changing(side, w.change)
				default:
					add(side, p, row)
				}
			}
		}
	}
}

// surcharged are the origins for which prices are planted; one begins with
// another.
var surcharged = []string{"44", "447"}

// find gives the longest prefix of a number that begins with a known one, by
// trying each.
func (w *world) find(n usage.Number, known int32) int32 {
	p := &w.prefixes[known]
	if p.longest == len(p.text) {
		return known
	}
	most := n
	for d := n.Digits(); d > p.longest; d-- {
		most /= 10
	}
	for ; most > p.number; most /= 10 {
		if at, ok := w.known[most]; ok {
			return at
		}
	}
	return known
}

// cost finds what a side's sheet takes for a call: of the longest prefix with a
// row in force, that of the longest origin.
func (w *world) cost(side int, at int32, start int64, origin usage.Number) int32 {
	for ; at >= 0; at = w.prefixes[at].shorter {
		best := price{line: -1}
		for _, r := range w.prefixes[at].rows[side] {
			if r.from <= start && start < r.to && r.origin >= best.origin && (r.origin == 0 || begins(origin, r.origin)) {
				best = r
			}
		}
		if best.line >= 0 {
			return best.line
		}
	}
	panic("voice: a generated number has no rate")
}

// begins reports whether a number begins with a prefix.
func begins(n, prefix usage.Number) bool {
	for n > prefix {
		n /= 10
	}
	return n == prefix
}

// Rows gives our rate sheet, for reading.
func (g *Generator) Rows() []rating.Row {
	return slices.Clone(g.sheets[oursSide])
}

// WriteSheet writes our rate sheet as CSV.
func (g *Generator) WriteSheet(w io.Writer) error {
	return WriteSheet(w, g.sheets[oursSide])
}

// TheirSheet reports whether their sheet differs from ours.
func (g *Generator) TheirSheet() bool {
	return slices.ContainsFunc(g.fates, func(f fate) bool { return f.ofSheet() })
}

// WriteTheirSheet writes their rate sheet as CSV. When prices depend on the
// origin it has one column more, origin_prefix.
func (g *Generator) WriteTheirSheet(w io.Writer) error {
	return WriteSheet(w, g.sheets[theirsSide])
}

// quoted writes a field as CSV needs it.
func quoted(s string) string {
	if !strings.ContainsAny(s, `,"`) {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}

// call is one side's record of a generated call.
type call struct {
	usage.Record
	trunk  int
	prefix int32 // of the destination
	fate   int32 // what befell it, or -1
	part   byte  // of a call in several rows: B, C
	again  way   // sameRow or otherID when the row comes twice, else none
	third  bool  // names a third carrier
}

// none is the way in which no row comes again.
const none = origins + 1

// records are what one side has of one call.
type records struct {
	all [3]call
	n   int
}

func (r *records) list() []call { return r.all[:r.n] }

func (r *records) only(c call) { r.all[0], r.n = c, 1 }

// next makes the call i of n that start within a span, nearly in order of time,
// and gives what each side has of it.
func (g *Generator) next(span usage.Interval, i, n uint64, both *[2]records) {
	// Each call starts in its own n-th of the span: in order, and spread.
	length := uint64(span.To - span.From)
	start := nth(span, i, n)
	start += int64(min(g.random.below(length/n+1), uint64(span.To-start-1)))
	start = g.plan.Shape.moment(span, start)
	g.calls++
	c := g.draw(start, span)
	both[oursSide].only(c)
	both[theirsSide].only(c)
	g.befall(both)
	for side := range both {
		for i := range both[side].list() {
			g.named[side] = g.named[side] || !both[side].all[i].third
		}
	}
	if g.sums != nil {
		g.sums.add(both)
	}
}

// nth is where the n-th of a span for call i begins.
func nth(span usage.Interval, i, n uint64) int64 {
	high, low := bits.Mul64(uint64(span.To-span.From), i)
	from, _ := bits.Div64(high, low, n)
	return span.From + int64(from)
}

// draw makes a call as it was.
func (g *Generator) draw(start int64, span usage.Interval) call {
	r := g.random
	c := call{Record: usage.Record{Start: start}, fate: -1, again: none}
	u := r.below(everything)
	if g.drawn <= u && u < g.redialled {
		if again, ok := g.redial(span); ok {
			return again
		}
	}
	if u < g.drawn {
		i, _ := slices.BinarySearchFunc(g.fates, u, func(f fate, u uint64) int {
			if f.below <= u {
				return -1
			}
			return 1
		})
		c.fate = int32(i)
	}
	if r.below(10) < 3 {
		c.Way = usage.Back
	}
	switch n := r.below(100); {
	case n < 16:
		c.Result = usage.Fail
	case n < 30:
		c.Result = usage.NoAnswer
	default:
		c.Duration = r.duration(g.mean())
	}
	dear := c.fate >= 0 && g.fates[c.fate].way == origins
	if c.Origin = g.number(g.origin(dear), 11); r.below(50) == 0 {
		c.Origin = usage.Withheld
	}
	if c.fate < 0 {
		c.trunk = 1 + int(r.below(ordinaryTrunks))
		g.destination(&c, 0)
		g.recent[g.calls%uint64(len(g.recent))] = recent{c, true}
		return c
	}
	f := &g.fates[c.fate]
	if c.trunk = f.trunk; c.trunk == 0 {
		c.trunk = 3 + int(r.below(ordinaryTrunks-2)) // of these no block is missing
	}
	switch {
	case f.ofSheet():
		c.prefix = f.prefixes[r.below(uint64(len(f.prefixes)))]
		p := &g.prefixes[c.prefix]
		c.Destination = g.number(p.number, 11+int(r.below(3)))
	case f.way == national:
		g.destination(&c, homeNumber)
	default:
		g.destination(&c, 0)
	}
	if c.Result != usage.Success && f.trunk == 0 {
		c.fate = -1 // only answered calls can be wrong so
	}
	return c
}

// homeNumber is homeCountry.
const homeNumber usage.Number = 49

// origin draws how an origin begins. Where prices depend on it, three in four
// are surcharged.
func (g *Generator) origin(dear bool) usage.Number {
	if n := g.random.below(4); dear && n > 0 {
		return []usage.Number{44, 44, 447}[n-1]
	}
	return usage.Number(1 + g.random.below(9))
}

// number makes a number of that many digits with a prefix.
func (g *Generator) number(prefix usage.Number, digits int) usage.Number {
	room := uint64(1)
	for range digits - prefix.Digits() {
		room *= 10
	}
	return prefix*usage.Number(room) + usage.Number(g.random.below(room))
}

// destination draws a number that no planted prefix prices; its beginning may be
// given.
func (g *Generator) destination(c *call, beginning usage.Number) {
	for {
		at := g.plain[g.random.below(uint64(len(g.plain)))]
		n := g.prefixes[at].number
		if beginning != 0 {
			// No national number begins with 0.
			n, at = beginning*10+usage.Number(1+g.random.below(9)), int32(beginning/10)-1 // a zone
		}
		c.Destination = g.number(n, 11+int(g.random.below(3)))
		c.prefix = g.find(c.Destination, at)
		if g.prefixes[c.prefix].fate < 0 {
			return
		}
	}
}

// redial makes a call that follows a recent one between the same numbers within
// seconds. Each call is redialled once at most, so starts do not coincide.
func (g *Generator) redial(span usage.Interval) (call, bool) {
	r := g.random
	last := &g.recent[r.below(uint64(len(g.recent)))]
	at := last.Start + 500 + int64(r.below(20_000))
	if !last.ok || !span.Contains(at) {
		return call{}, false
	}
	last.Start = at
	last.Result, last.Duration = usage.Success, r.duration(g.mean())
	if r.below(10) < 3 {
		last.Result, last.Duration = usage.NoAnswer, 0
	}
	return last.call, true
}

// befall changes what the sides have of a call as its fate is.
func (g *Generator) befall(both *[2]records) {
	r := g.random
	c := both[oursSide].all[0]
	if c.fate < 0 {
		if side := g.blocked(c.trunk, c.Start); side >= 0 {
			both[side].n = 0
		} else if g.drawn > 0 && r.below(200) == 0 {
			both[theirsSide].all[0].Origin = usage.Withheld
		}
		return
	}
	f := &g.fates[c.fate]
	wrong := &both[f.side]
	x := &wrong.all[0]
	switch f.way {
	case sameRow, otherID:
		x.again = f.way
	case shift:
		x.Start += f.by
	case third:
		// The first row of a file names the pair.
		x.third = g.named[f.side]
	case missing:
		wrong.n = 0
	case pieces:
		g.split(both, f.side, uint32(f.by))
	case race:
		// The other side has the call as it was: a second or some.
		c.Duration = 1000 + uint32(r.below(2001))
		both[oursSide].all[0], both[theirsSide].all[0] = c, c
		x.Result, x.Duration = usage.NoAnswer, 0
		if r.below(2) == 0 {
			x.Result = usage.Fail
		}
		x.Start = max(x.Start-2000-int64(r.below(20_000)), g.plan.Span.From) // of the set-up
	case jitter:
		if by := 1 + int64(r.below(2000)); r.below(2) == 0 {
			x.Start += by
		} else {
			x.Start -= by
		}
	case stretch:
		if by := 1000 + uint32(r.below(2001)); r.below(2) == 0 || by >= x.Duration {
			x.Duration += by
		} else {
			x.Duration -= by
		}
	case roundUp:
		x.Duration = up(x.Duration, uint32(f.by))
	case roundNear:
		x.Duration = (x.Duration + uint32(f.by)/2) / uint32(f.by) * uint32(f.by)
	}
}

// up rounds a duration up to a step.
func up(duration, step uint32) uint32 { return (duration + step - 1) / step * step }

// split makes a call of two or three rows on one side: each begins when the one
// before has ended, and states its duration rounded up to a step (ms; 0: as it
// is).
func (g *Generator) split(both *[2]records, side int, step uint32) {
	const least = 4000 // ms of a piece: more than starts are let differ by
	for s := range both {
		both[s].all[0].Duration += 3 * least
	}
	n := 2 + int(g.random.below(2))
	c := both[side].all[0]
	left := c.Duration
	for i := range n {
		piece := c
		if i > 0 {
			piece.part = byte('A' + i)
		}
		if piece.Duration = left; i < n-1 {
			piece.Duration = least + uint32(g.random.below(uint64(left-uint32(n-i)*least+1)))
		}
		left -= piece.Duration
		c.Start += int64(piece.Duration)
		if step > 0 {
			piece.Duration = up(piece.Duration, step)
		}
		both[side].all[i] = piece
	}
	both[side].n = n
}

// Calls tells how many calls were made so far.
func (g *Generator) Calls() uint64 { return g.calls }

// order of lines in documents.
func (w *world) orderOfLines(a, b int32) int {
	x, y := &w.lines[a], &w.lines[b]
	return cmp.Or(strings.Compare(x.Prefix, y.Prefix), strings.Compare(x.OriginPrefix, y.OriginPrefix), cmp.Compare(a, b))
}
