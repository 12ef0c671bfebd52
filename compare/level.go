package compare

import (
	"cmp"
	"math/big"
	"math/bits"
	"slices"

	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// exactSum adds charges up without rounding, or calls that are rounded one by
// one. It is a price of 10^-9, times seconds, by unit of seconds.
type exactSum struct {
	micro money.Micro
	units []unitSum
}

type unitSum struct {
	unit   uint32
	hi, lo uint64
}

func (e *exactSum) add(r Rounding, row *rating.Row, s sum) (err error) {
	if r.Per == PerCall {
		e.micro, err = e.micro.Add(s.micro)
		return err
	}
	e.times(uint64(row.Rate), s.seconds, row.UnitSeconds)
	if row.ConnectFee != 0 {
		e.times(uint64(row.ConnectFee), s.calls, 1)
	}
	return nil
}

// times adds price × quantity / unit.
func (e *exactSum) times(price, quantity uint64, unit uint32) {
	i := slices.IndexFunc(e.units, func(u unitSum) bool { return u.unit == unit })
	if i < 0 {
		i = len(e.units)
		e.units = append(e.units, unitSum{unit: unit})
	}
	u := &e.units[i]
	hi, lo := bits.Mul64(price, quantity)
	var carry uint64
	u.lo, carry = bits.Add64(u.lo, lo, 0)
	u.hi, _ = bits.Add64(u.hi, hi, carry)
}

// value rounds the sum once, to a millionth.
func (e *exactSum) value() (money.Micro, error) {
	if len(e.units) == 0 {
		return e.micro, nil
	}
	total := new(big.Rat)
	for _, u := range e.units {
		n := new(big.Int).SetUint64(u.hi)
		n.Lsh(n, 64).Add(n, new(big.Int).SetUint64(u.lo))
		total.Add(total, new(big.Rat).SetFrac(n, big.NewInt(int64(u.unit)*1_000_000_000)))
	}
	return Rounding{Mode: money.HalfEven, Places: 6}.round(total)
}

// sideSum is what one side has in a group of calls.
type sideSum struct {
	calls, seconds, raw uint64 // raw: ms
	money               exactSum
}

func (s *sideSum) add(l *ladder, line uint32, v sum, raw uint64) error {
	s.calls += v.calls
	s.seconds += v.seconds
	s.raw += raw
	if line == nothing {
		return nil
	}
	return s.money.add(l.round, l.lines.rows[line], v)
}

// level is groups of calls of one kind, both sides.
type level map[levelKey]*[2]sideSum

// levelKey names a group: what a level does not tell apart is zero.
type levelKey struct {
	way         usage.Way
	currency    money.Currency
	destination string
	when        int64 // beginning of the day or hour, ms UTC
	prefix      string
}

func (a levelKey) order(b levelKey) int {
	return cmp.Or(cmp.Compare(a.when, b.when), cmp.Compare(a.way, b.way), cmp.Compare(a.currency, b.currency),
		cmp.Compare(a.destination, b.destination), cmp.Compare(a.prefix, b.prefix))
}

func (l level) at(k levelKey) *[2]sideSum {
	at := l[k]
	if at == nil {
		at = &[2]sideSum{}
		l[k] = at
	}
	return at
}

// noRate stands for the destination of calls that no row prices.
const noRate = "(no rate)"

// key names the destination of a call that stands under a row of ours, called
// home, and is priced by another.
func (l *lines) key(way usage.Way, home, line uint32) levelKey {
	k := levelKey{way: way, destination: noRate}
	if home != nothing {
		row := l.rows[home]
		k.destination, k.currency, k.prefix = row.Destination, row.Currency, row.Prefix
	}
	if line != nothing {
		k.currency = l.rows[line].Currency
	}
	return k
}

// both is a group's values of both sides.
type both struct {
	levelKey
	sides  [2]sideSum
	amount [2]money.Micro
}

func (b *both) difference() money.Micro { return b.amount[theirs] - b.amount[ours] }

// groups gives a level's groups in order.
func (l level) groups() ([]both, error) {
	out := make([]both, 0, len(l))
	for k, v := range l {
		b := both{levelKey: k, sides: *v}
		for s := range b.sides {
			var err error
			if b.amount[s], err = b.sides[s].money.value(); err != nil {
				return nil, err
			}
		}
		out = append(out, b)
	}
	slices.SortFunc(out, func(a, b both) int { return a.order(b.levelKey) })
	return out, nil
}

// level sums the calls of all days by destination, and by day where that is
// asked for.
func (d *detail) level(l *ladder, byDay bool) (level, error) {
	out := level{}
	for k, v := range d.cells {
		key := l.lines.key(k.way, k.home, k.line)
		key.prefix = ""
		if byDay {
			key.when = int64(k.day) * dayMillis
		}
		for s := range v {
			if v[s].calls == 0 {
				continue
			}
			if err := out.at(key)[s].add(l, k.line, v[s].sum, v[s].raw); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// destinations are all calls by destination, from the lines of both sides.
func (l *ladder) destinations() (level, error) {
	out := level{}
	for s, t := range l.sides {
		for k, v := range t.all {
			home := l.lines.homeOf(k.line)
			key := l.lines.key(l.lines.ways[k.line], home, k.line)
			key.prefix = ""
			if err := out.at(key)[s].add(l, k.line, v, 0); err != nil {
				return nil, err
			}
		}
	}
	return out, nil
}

// homeOf gives the row of ours to which the numbers behind a row of theirs
// belong, or their own where we have none.
func (l *lines) homeOf(line uint32) uint32 {
	row, way := l.rows[line], l.ways[line]
	if n, ok := usage.ParseNumber([]byte(row.Prefix)); ok && !l.shared() {
		if at, ok := l.sheets[ours][way].Find(n, usage.Withheld, row.ValidFrom); ok {
			return l.first[ours][way] + at
		}
	}
	return line
}
