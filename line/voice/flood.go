package voice

import (
	"cmp"
	"fmt"
	"maps"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/usage"
)

// FloodKind names calls that look like fraud, by what the search for fraud calls
// it.
type FloodKind string

// FloodKinds are all of them.
var FloodKinds = []FloodKind{"destination_growth", "short_flood", "false_answer", "loop"}

// Floods say which floods are planted: calls beside the others, which both sides
// have alike.
type Floods struct {
	Count map[FloodKind]int
	Calls int   // of each flood; 0: 200
	Cycle int64 // ms: a flood begins in the first half of a cycle and ends with it; 0: an hour
}

// TrueFlood is a flood that was planted.
type TrueFlood struct {
	Kind        FloodKind       `json:"kind"`
	Direction   usage.Direction `json:"direction"`
	Destination string          `json:"destination"`
	Prefix      string          `json:"prefix"`
	Span        usage.Interval  `json:"span"`
	Calls       int             `json:"calls"`
}

// maxFloodCalls bounds what all floods have together: they are kept in memory.
const maxFloodCalls = 10_000_000

// ParseFloods reads "destination_growth=2,loop=1"; all stands for every kind, and
// what is named beside it wins. Code: invalid.
func ParseFloods(text string) (map[FloodKind]int, error) {
	out, named := map[FloodKind]int{}, map[FloodKind]int{}
	if text == "" {
		return out, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		name, size, _ := strings.Cut(strings.TrimSpace(part), "=")
		n, err := strconv.Atoi(size)
		if err != nil || n < 0 || n > 1000 || name != "all" && !slices.Contains(FloodKinds, FloodKind(name)) {
			return nil, fault.Newf(fault.Invalid, "write KIND=COUNT with all, destination_growth, short_flood, false_answer or loop, and 0 to 1,000", "%.60q names no floods", part)
		}
		if name != "all" {
			named[FloodKind(name)] = n
			continue
		}
		for _, k := range FloodKinds {
			out[k] = n
		}
	}
	maps.Copy(out, named)
	return out, nil
}

// makeFloods draws all floods. Each has a prefix of its own that nothing else is
// planted in, and a cycle of its own among those that lie in the span.
func (w *world) makeFloods() bool {
	f := &w.plan.Floods
	total := 0
	for _, k := range FloodKinds {
		total += f.Count[k]
	}
	if total == 0 {
		return true
	}
	calls, cycle := cmp.Or(f.Calls, 200), cmp.Or(f.Cycle, 3_600_000)
	if calls < 8 || calls > maxFloodCalls/total || cycle < 1000 {
		return false
	}
	first := (w.plan.Span.From + cycle - 1) / cycle
	cycles := w.plan.Span.To/cycle - first
	// Of zones, and of prefixes that have longer ones or leave a gap in time, a
	// number may be priced by another prefix.
	var free []int32
	names := map[string]bool{}
	for _, at := range w.plain {
		p := &w.prefixes[at]
		if name := w.nameOf(at); at >= 9 && at%10 != 3 && p.longest == len(p.text) && !names[name] {
			names[name] = true
			free = append(free, at)
		}
	}
	if cycles < int64(total) || len(free) < total {
		return false
	}
	g := &Generator{world: w, random: newRandom(w.plan.Seed, 0x666c6f6f64)}
	taken := map[int64]bool{}
	for _, k := range FloodKinds {
		for range f.Count[k] {
			i := g.random.below(uint64(len(free)))
			at := free[i]
			free = slices.Delete(free, int(i), int(i)+1)
			// Not in the first eighth of the span: there nothing is usual yet.
			c := cycles/8 + int64(g.random.below(uint64(cycles-cycles/8)))
			for taken[c] {
				c = (c + 1) % cycles
			}
			taken[c] = true
			from := (first + c) * cycle
			way := usage.Forth
			if g.random.below(10) < 3 {
				way = usage.Back
			}
			span := usage.Interval{From: from + int64(g.random.below(uint64(cycle/2))), To: from + cycle}
			w.floods = append(w.floods, TrueFlood{
				Kind: k, Direction: usage.PairOf(w.plan.Ours, w.plan.Theirs).Direction(way), Destination: w.nameOf(at), Prefix: w.prefixes[at].text, Span: span, Calls: calls,
			})
			g.pour(k, at, way, span, calls)
		}
	}
	slices.SortFunc(w.floods, func(a, b TrueFlood) int { return cmp.Compare(a.Span.From, b.Span.From) })
	slices.SortStableFunc(w.flooding, func(a, b call) int { return cmp.Compare(a.Start, b.Start) })
	return true
}

// nameOf is the destination of a prefix.
func (w *world) nameOf(prefix int32) string { return fmt.Sprintf("Destination %04d", prefix/3) }

// pour makes the calls of one flood.
func (g *Generator) pour(kind FloodKind, at int32, way usage.Way, span usage.Interval, n int) {
	r := g.random
	trunk := 3 + int(r.below(ordinaryTrunks-2)) // of these no block is missing
	var callers []usage.Number
	for range 3 {
		callers = append(callers, g.number(g.origin(false), 11))
	}
	band := 7_000 + r.below(30_000) // ms
	rings := r.below(2) == 0        // a flood of short calls that nobody answers
	last := call{}
	for i := range n {
		c := call{fate: -1, again: none, prefix: at, trunk: trunk}
		c.Way = way
		c.Start = nth(span, uint64(i), uint64(n))
		c.Origin = g.number(g.origin(false), 11)
		c.Destination = g.number(g.prefixes[at].number, 11+int(r.below(3)))
		switch kind {
		case "destination_growth":
			if c.Duration = r.duration(meanDuration); r.below(10) < 3 {
				c.Result, c.Duration = usage.NoAnswer, 0
			}
		case "short_flood":
			c.Origin = callers[r.below(uint64(len(callers)))]
			if c.Duration = 500 + uint32(r.below(3500)); rings {
				c.Result, c.Duration = usage.NoAnswer, 0
			}
		case "false_answer":
			c.Duration = uint32(band + r.below(band/10))
		case "loop":
			// A call goes back and forth four times before somebody gives up.
			if i%4 > 0 {
				c.Origin, c.Destination = last.Origin, last.Destination
				c.Start, c.Way = last.Start+150+int64(r.below(300)), 1-last.Way
			}
			c.Result = usage.Fail
			last = c
		}
		c.Start = min(c.Start, span.To-1)
		g.flooding = append(g.flooding, c)
	}
}

// flooded makes the next call of a flood, if it comes before call i of n in a
// span.
func (g *Generator) flooded(span usage.Interval, i, n uint64, both *[2]records) bool {
	if g.flood == len(g.flooding) {
		return false
	}
	c := g.flooding[g.flood]
	if c.Start >= span.To || i+1 < n && c.Start >= nth(span, i, n) {
		return false
	}
	g.flood++
	g.calls++
	both[oursSide].only(c)
	both[theirsSide].only(c)
	g.named = [2]bool{true, true}
	if g.sums != nil {
		g.sums.add(both)
	}
	return true
}

// Shape is how traffic is spread over a day, which begins at midnight UTC.
type Shape string

// The shapes. The empty one is the same at all hours.
const DayAndNight Shape = "day" // a tenth as many calls at four in the morning as at ten

// busy says how many calls each hour of a day has, in parts of all.
var busy = [24]uint64{2000, 1300, 900, 700, 600, 900, 1800, 3400, 5400, 6600, 7000, 6800, 6200, 6200, 6600, 6700, 6500, 6200, 5800, 5400, 4700, 3800, 2700, 1800}

var busyBefore, busyAll = func() (before [25]uint64, all uint64) {
	for h, n := range busy {
		before[h] = all
		all += n
	}
	before[24] = all
	return before, all
}()

// moment moves a start to where the shape has it, inside its day and in the same
// order. Days that are not wholly in the span stay as they are.
func (s Shape) moment(span usage.Interval, start int64) int64 {
	const day, hour = 86_400_000, 3_600_000
	from := start - start%day
	if s != DayAndNight || from < span.From || from+day > span.To {
		return start
	}
	high, low := bits.Mul64(uint64(start-from), busyAll*1000)
	at, _ := bits.Div64(high, low, day) // of a thousand parts each
	h := 0
	for h < 23 && at >= busyBefore[h+1]*1000 {
		h++
	}
	return from + int64(h)*hour + int64((at-busyBefore[h]*1000)*hour/(busy[h]*1000))
}
