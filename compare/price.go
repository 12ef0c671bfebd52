package compare

import (
	"slices"
	"strings"

	"github.com/lateral-network/lateral/trade/rating"
)

// causeOf says why a call stands on another line of their book than of ours.
func (p *parts) causeOf(from, to uint32) uint8 {
	k := [2]uint32{from, to}
	cause, ok := p.prices[k]
	if !ok {
		cause = p.c.lines.priceCause(from, to)
		if p.prices == nil {
			p.prices = map[[2]uint32]uint8{}
		}
		p.prices[k] = cause
	}
	return cause
}

func (l *lines) priceCause(from, to uint32) uint8 {
	if l.shared() {
		return atOriginSurcharge // one book, and all else is made equal: the origin is left, which one side may not know
	}
	if from == nothing || to == nothing {
		return atDialCode
	}
	yours, mine := l.rows[from], l.rows[to]
	switch {
	case yours.Prefix != mine.Prefix:
		return atDialCode
	case yours.OriginPrefix != mine.OriginPrefix:
		return atOriginSurcharge
	case hasPrice(l.sheets[theirs][l.ways[from]], mine):
		return atLatePrice // they have our price, at another time
	}
	return atRateVersion
}

// samePrice compares what two rows of one prefix charge.
func samePrice(a, b *rating.Row) bool {
	return a.Rate == b.Rate && a.Currency == b.Currency && a.UnitSeconds == b.UnitSeconds && a.MinimumSeconds == b.MinimumSeconds && a.IncrementSeconds == b.IncrementSeconds && a.ConnectFee == b.ConnectFee && a.OriginPrefix == b.OriginPrefix && a.Band == b.Band
}

// hasPrice reports whether a sheet has the price of a row for its prefix at any
// time.
func hasPrice(s *rating.Sheet, r *rating.Row) bool {
	rows := s.Rows()
	i, _ := slices.BinarySearchFunc(rows, r.Prefix, func(r rating.Row, prefix string) int { return strings.Compare(r.Prefix, prefix) })
	for ; i < len(rows) && rows[i].Prefix == r.Prefix; i++ {
		if samePrice(&rows[i], r) {
			return true
		}
	}
	return false
}
