package rating

import (
	"cmp"
	"math/bits"

	"github.com/lateral-network/lateral/trade/usage"
)

// Against tells how the price of another row differs: up when some part of it
// is higher, down when some part is lower. A price in another currency is both;
// a blocked destination, which has no price, is above any.
func (r *Row) Against(next *Row) (up, down bool) {
	switch {
	case r.Blocked || next.Blocked:
		return next.Blocked && !r.Blocked, r.Blocked && !next.Blocked
	case r.Currency != next.Currency:
		return true, true
	}
	part := func(c int) { up, down = up || c > 0, down || c < 0 }
	// Per second, without a division: rate × the other's unit. Neither is
	// negative.
	hi, lo := bits.Mul64(uint64(next.Rate), uint64(r.UnitSeconds))
	hiOld, loOld := bits.Mul64(uint64(r.Rate), uint64(next.UnitSeconds))
	part(cmp.Or(cmp.Compare(hi, hiOld), cmp.Compare(lo, loOld)))
	part(cmp.Compare(next.ConnectFee, r.ConnectFee))
	if next.Rate > 0 || r.Rate > 0 {
		part(cmp.Compare(next.MinimumSeconds, r.MinimumSeconds))
		part(cmp.Compare(next.IncrementSeconds, r.IncrementSeconds))
	}
	return up, down
}

// code is what rows are of that replace each other.
type code struct{ prefix, origin string }

func (r *Row) code() code { return code{r.Prefix, r.OriginPrefix} }

// Raises reports whether a price rises or goes when after takes the place of
// before at a moment (ms): some row of after is above what priced its calls, or
// what a row of before priced has no price any more, or a higher one. Each code
// is looked at as a number of its own.
func Raises(before, after *Sheet, from int64) bool {
	above := func(old, next *Row) bool { up, _ := old.Against(next); return up }
	standing, kept := map[code][]*Row{}, map[code]bool{}
	for i := range before.rows {
		r := &before.rows[i]
		if r.ValidTo > from {
			standing[r.code()] = append(standing[r.code()], r)
		}
	}
	for i := range after.rows {
		r := &after.rows[i]
		begins := max(r.ValidFrom, from)
		if r.ValidTo <= begins {
			continue
		}
		kept[r.code()] = true
		old := standing[r.code()]
		for _, o := range old {
			if o.ValidFrom < r.ValidTo && begins < o.ValidTo && o.Band.Overlaps(r.Band) && above(o, r) {
				return true
			}
		}
		if len(old) == 0 {
			if o := before.of(r, begins); o != nil && above(o, r) {
				return true
			}
		}
	}
	for i := range before.rows {
		r := &before.rows[i]
		if r.ValidTo <= from || kept[r.code()] || r.Blocked {
			continue
		}
		if next := after.of(r, max(r.ValidFrom, from)); next == nil || above(r, next) {
			return true
		}
	}
	return false
}

// of gives the row that prices calls to the code of another row, taken as a
// number, at a moment; nil without one. A blocked row is one.
func (s *Sheet) of(r *Row, at int64) *Row {
	to, _ := usage.ParseNumber([]byte(r.Prefix)) // Validate has read both
	from, _ := usage.ParseNumber([]byte(r.OriginPrefix))
	row, found := s.index.find(to, from, at)
	if found == nothing {
		return nil
	}
	return &s.rows[row]
}
