package compare

import (
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Rounding says where money is rounded, how, and to how many places.
type Rounding struct {
	Per    Per
	Mode   money.Rounding
	Places int // 0 to 6
}

// Per is what is rounded: each call, each line (rate version, period and
// direction), or each invoice (period, direction and currency).
type Per string

// The values of Per.
const (
	PerCall    Per = "call"
	PerLine    Per = "line"
	PerInvoice Per = "invoice"
)

// DefaultRounding is once a line, half up, to millionths.
var DefaultRounding = Rounding{PerLine, money.HalfUp, 6}

// String gives the form that [ParseRounding] reads.
func (r Rounding) String() string { return fmt.Sprintf("%s:%s:%d", r.Per, r.Mode, r.Places) }

// ParseRounding reads WHERE:MODE:PLACES, like line:half-up:6; mode and places
// may be left out. Code: invalid.
func ParseRounding(s string) (Rounding, error) {
	bad := fault.Newf(fault.Invalid, "write line, call or invoice, then half-up, half-even, up or down, then 0 to 6 places: line:half-up:6", "%.40q is no rounding", s)
	r := DefaultRounding
	parts := strings.Split(s, ":")
	if len(parts) > 3 {
		return r, bad
	}
	r.Per = Per(parts[0])
	if len(parts) > 1 {
		r.Mode = money.Rounding(parts[1])
	}
	if len(parts) > 2 {
		if len(parts[2]) != 1 || parts[2][0] < '0' || parts[2][0] > '6' {
			return r, bad
		}
		r.Places = int(parts[2][0] - '0')
	}
	switch r.Per {
	case PerCall, PerLine, PerInvoice:
	default:
		return r, bad
	}
	if r.Mode.Validate() != nil {
		return r, bad
	}
	return r, nil
}

// charge prices calls and their billed seconds by a row, rounded once.
func (r Rounding) charge(row *rating.Row, calls, seconds uint64) (money.Micro, error) {
	if row.ConnectFee != 0 {
		return r.round(exact(row, calls, seconds))
	}
	coarse := uint64(1)
	for range 6 - r.Places {
		coarse *= 10
	}
	m, err := row.Rate.Times(seconds, uint64(row.UnitSeconds)*coarse, r.Mode)
	if err != nil {
		return 0, err
	}
	return m.Mul(int64(coarse))
}

// exact is calls × connect fee + seconds × rate / unit in whole currency.
func exact(row *rating.Row, calls, seconds uint64) *big.Rat {
	n := new(big.Int).Mul(new(big.Int).SetUint64(seconds), big.NewInt(int64(row.Rate)))
	sum := new(big.Rat).SetFrac(n, big.NewInt(int64(row.UnitSeconds)*1_000_000_000))
	fees := new(big.Int).Mul(new(big.Int).SetUint64(calls), big.NewInt(int64(row.ConnectFee)))
	return sum.Add(sum, new(big.Rat).SetFrac(fees, big.NewInt(1_000_000_000)))
}

// exactSigned is exact for what may be less than nothing.
func exactSigned(row *rating.Row, calls, seconds int64) *big.Rat {
	more := exact(row, uint64(max(calls, 0)), uint64(max(seconds, 0)))
	return more.Sub(more, exact(row, uint64(max(-calls, 0)), uint64(max(-seconds, 0))))
}

// round rounds an exact amount.
func (r Rounding) round(v *big.Rat) (money.Micro, error) {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(r.Places)), nil)
	n := new(big.Int).Mul(v.Num(), scale)
	q, rest := new(big.Int).QuoRem(new(big.Int).Abs(n), v.Denom(), new(big.Int))
	up := false
	switch twice := new(big.Int).Lsh(rest, 1).Cmp(v.Denom()); r.Mode {
	case money.HalfUp:
		up = twice >= 0
	case money.HalfEven:
		up = twice > 0 || twice == 0 && q.Bit(0) == 1
	case money.Up:
		up = rest.Sign() != 0
	}
	if up {
		q.Add(q, big.NewInt(1))
	}
	if v.Sign() < 0 {
		q.Neg(q)
	}
	q.Mul(q, new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(6-r.Places)), nil))
	if !q.IsInt64() {
		return 0, fault.New(money.CodeOverflow, "an amount leaves the range of money", "compare shorter periods")
	}
	return money.Micro(q.Int64()), nil
}

// times multiplies an amount and rounds once more. The factor nil is one.
func (r Rounding) times(m money.Micro, factor *big.Rat) (money.Micro, error) {
	if factor == nil {
		return m, nil
	}
	return r.round(new(big.Rat).Mul(big.NewRat(int64(m), 1_000_000), factor))
}

// taxed is an amount times a factor: the rounded amount, which is rounded again, or
// the exact one, which is rounded once.
func (r Rounding) taxed(exact *big.Rat, factor *big.Rat, once bool) (money.Micro, error) {
	if once && factor != nil {
		return r.round(new(big.Rat).Mul(exact, factor))
	}
	m, err := r.round(exact)
	if err != nil {
		return 0, err
	}
	return r.times(m, factor)
}

// lines numbers everything that can be a line of a bill: the rows of our sheets
// and of theirs, by direction. A row of theirs that says the same as one of ours
// about a prefix's price has its number.
type lines struct {
	sheets     [2][2]*rating.Sheet // by book (ours, theirs) and way
	first      [2][2]uint32        // number of row 0
	number     [2][2][]uint32      // of each row of theirs; nil where it is first + row
	rows       []*rating.Row       // by number
	theirNames map[uint32]string   // of destinations, where their sheet has another for a line of ours
	ways       []usage.Way

	// alike tells, by number, of our rows whether a number that is priced by one is
	// priced by a row that is the same in their sheet: it and all longer prefixes
	// are the same there.
	alike []bool

	calendar usage.Calendar
	whole    bool // one period for all
	by       usage.By

	mu      sync.Mutex
	index   map[int64]uint32 // periods by beginning
	periods []usage.Interval
}

// nothing is the line of a call that has no price.
const nothing = ^uint32(0)

func newLines(book [2][2]*rating.Sheet) *lines {
	l := &lines{sheets: book, index: map[int64]uint32{}, theirNames: map[uint32]string{}}
	l.alike = make([]bool, 0, book[ours][0].Len()+book[ours][1].Len())
	for _, w := range []usage.Way{usage.Forth, usage.Back} {
		s := book[ours][w]
		l.first[ours][w] = uint32(len(l.rows))
		for i := range s.Len() {
			l.rows, l.ways = append(l.rows, s.Row(uint32(i))), append(l.ways, w)
		}
		t := book[theirs][w]
		l.alike = append(l.alike, make([]bool, len(l.rows)-len(l.alike))...)
		l.compare(w)
		if t == s {
			l.first[theirs][w] = l.first[ours][w]
			continue
		}
		numbers := make([]uint32, 0, t.Len())
		for mine, yours := s.Rows(), t.Rows(); len(yours) > 0; {
			n, m := samePrefix(yours), 0
			for len(mine) > 0 && mine[0].Prefix < yours[0].Prefix {
				mine = mine[1:]
			}
			if len(mine) > 0 && mine[0].Prefix == yours[0].Prefix {
				m = samePrefix(mine)
			}
			at := l.first[ours][w] + uint32(s.Len()-len(mine))
			for i, number := range sameRows(mine[:m], yours[:n]) {
				switch row := &yours[i]; {
				case number < 0:
					numbers = append(numbers, uint32(len(l.rows)))
					l.rows, l.ways = append(l.rows, row), append(l.ways, w)
				default:
					numbers = append(numbers, at+uint32(number))
					if row.Destination != mine[number].Destination {
						l.theirNames[at+uint32(number)] = row.Destination
					}
				}
			}
			mine, yours = mine[m:], yours[n:]
		}
		l.number[theirs][w] = numbers
	}
	return l
}

// samePrefix counts the rows at the beginning that are of one prefix.
func samePrefix(rows []rating.Row) int {
	n := 1
	for n < len(rows) && rows[n].Prefix == rows[0].Prefix {
		n++
	}
	return n
}

// sameRows gives, for rows of theirs, the place of the row of ours of the same
// prefix that says the same but for its time and the destination's name, the first
// for the first where there are several; -1 where there is none.
func sameRows(mine, yours []rating.Row) []int {
	timeless := func(r rating.Row) rating.Row {
		r.ValidFrom, r.ValidTo, r.Destination = 0, 0, ""
		return r
	}
	out := make([]int, len(yours))
	if slices.EqualFunc(mine, yours, func(a, b rating.Row) bool { return timeless(a) == timeless(b) }) {
		for i := range out {
			out[i] = i // nearly all prefixes are like this
		}
		return out
	}
	same := map[rating.Row][]int{}
	for i, r := range mine {
		same[timeless(r)] = append(same[timeless(r)], i)
	}
	for i, r := range yours {
		out[i] = -1
		if places := same[timeless(r)]; len(places) > 0 {
			out[i], same[timeless(r)] = places[0], places[1:]
		}
	}
	return out
}

// compare finds the rows of a direction that are alike. What one sheet has and
// the other has not, or has otherwise, may price any number that begins with a
// shorter prefix.
func (l *lines) compare(w usage.Way) {
	mine, yours := l.sheets[ours][w].Rows(), l.sheets[theirs][w].Rows()
	differs := map[string]bool{}
	spoil := func(prefix string) {
		for n := range len(prefix) + 1 {
			differs[prefix[:n]] = true
		}
	}
	if l.sheets[ours][w] != l.sheets[theirs][w] {
		for i, j := 0, 0; i < len(mine) || j < len(yours); {
			switch {
			case j == len(yours) || i < len(mine) && mine[i].Prefix < yours[j].Prefix:
				spoil(mine[i].Prefix)
				i++
			case i == len(mine) || yours[j].Prefix < mine[i].Prefix:
				spoil(yours[j].Prefix)
				j++
			default:
				a, b := mine[i], yours[j]
				if a.Destination, b.Destination = "", ""; a != b {
					spoil(a.Prefix)
				}
				i, j = i+1, j+1
			}
		}
	}
	for i := range mine {
		l.alike[int(l.first[ours][w])+i] = !differs[mine[i].Prefix]
	}
}

// shared reports whether both sides have one book.
func (l *lines) shared() bool { return l.sheets[ours] == l.sheets[theirs] }

// spot is where a call stands on a bill: its line, and how many seconds it adds.
type spot struct {
	line    uint32 // number of the row; nothing: no row prices the call
	period  uint32
	seconds uint32
	free    bool // it costs nothing where each call on a line has a fee
}

// same reports whether a call has one place on two bills. It has none where it
// has no price, and where it is free.
func (s spot) same(o spot) bool { return s == o || s.line == nothing && o.line == nothing }

// periodOf numbers the period of a moment.
func (l *lines) periodOf(ms int64) (uint32, usage.Interval) {
	in := l.calendar.At(ms)
	l.mu.Lock()
	defer l.mu.Unlock()
	n, ok := l.index[in.From]
	if !ok {
		n = uint32(len(l.periods))
		l.index[in.From] = n
		l.periods = append(l.periods, in)
	}
	return n, in
}

// pricer finds spots for one goroutine, which remembers the last period.
type pricer struct {
	*lines
	last   usage.Interval
	number uint32
}

func (p *pricer) spot(book side, c *call, start int64, duration uint32) spot {
	way := c.way
	sheet := p.sheets[book][way]
	row, seconds, ok := sheet.Bill(c.dest.number(), usage.Number(c.origin), start, duration)
	if !ok {
		return spot{line: nothing}
	}
	if duration == 0 && sheet.Row(row).Free(0) {
		return spot{line: nothing, free: true}
	}
	s := spot{line: p.first[book][way] + row, seconds: seconds}
	if n := p.lines.number[book][way]; n != nil {
		s.line = n[row]
	}
	if !p.whole {
		at := p.by.Moment(start, duration)
		if !p.last.Contains(at) {
			p.number, p.last = p.periodOf(at)
		}
		s.period = p.number
	}
	return s
}
