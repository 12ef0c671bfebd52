package compare

import (
	"cmp"
	"context"
	"maps"
	"math/big"
	"math/bits"
	"slices"
	"sync"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/rating"
)

// callRules are the ways in which a bill may round each call, the likely ones
// first: where several make the same of all calls, the first is taken.
var callRules = func() (all [countRules]Rounding) {
	n := 0
	for places := 6; places >= fewestPlaces; places-- {
		for _, mode := range []money.Rounding{money.HalfUp, money.HalfEven, money.Up, money.Down} {
			all[n] = Rounding{PerCall, mode, places}
			n++
		}
	}
	return all
}()

const (
	fewestPlaces = 2
	countRules   = 4 * (6 - fewestPlaces + 1)
)

// ruledSum is calls that are rounded one by one, by each of callRules.
type ruledSum struct {
	calls, seconds uint64
	micro          [countRules]int64
}

// add rounds one call by each rule, in the order of callRules.
func (s *ruledSum) add(row *rating.Row, seconds uint32) error {
	s.calls++
	s.seconds += uint64(seconds)
	hi, lo := bits.Mul64(uint64(row.Rate), uint64(seconds))
	feeHi, feeLo := bits.Mul64(uint64(row.ConnectFee), uint64(row.UnitSeconds))
	lo, carry := bits.Add64(lo, feeLo, 0)
	hi, _ = bits.Add64(hi, feeHi, carry)
	n, step := 0, int64(1)
	for per := uint64(row.UnitSeconds) * 1000; n < countRules; per *= 10 {
		if hi >= per {
			return fault.New(money.CodeOverflow, "an amount leaves the range of money", "compare shorter periods")
		}
		q, rest := bits.Div64(hi, lo, per)
		down, half, even, up := int64(q), int64(0), int64(0), int64(0)
		if rest > 0 {
			up = 1
		}
		switch left := per - rest; {
		case rest > left:
			half, even = 1, 1
		case rest == left:
			half, even = 1, down&1
		}
		for k, more := range [4]int64{half, even, up, 0} {
			s.micro[n+k] += (down + more) * step
		}
		n, step = n+4, step*10
	}
	return nil
}

func (s *ruledSum) merge(o *ruledSum) {
	s.calls += o.calls
	s.seconds += o.seconds
	for i, m := range o.micro {
		s.micro[i] += m
	}
}

// ratedKey names calls at one rate to a destination, as an invoice has them.
type ratedKey struct {
	groupKey
	rate money.Rate
}

func (a ratedKey) order(b ratedKey) int {
	return cmp.Or(cmp.Compare(a.way, b.way), cmp.Compare(a.currency, b.currency), cmp.Compare(a.name, b.name), cmp.Compare(a.rate, b.rate))
}

// stated is what an invoice has of such calls, beside what their records make.
type stated struct {
	rows           int
	calls, seconds uint64
	amount         money.Micro
	records        ruledSum
}

// callByCall is a bill whose calls are rounded one by one.
type callByCall struct {
	*ladder                   // their records' way to ours, rounded so
	fits    map[ratedKey]bool // what of the invoice is just that
}

// callByCall finds out whether their invoice rounds each call, and how: where its
// amounts are not those of its seconds and rates, their records show what each
// rule makes, and the one that makes most of the invoice to the last unit is
// theirs. All is then done once more, so that each cause has the amount that it
// has on such a bill. Nil: there is no such rule.
func (c *comparison) callByCall(ctx context.Context, f *found) (*callByCall, error) {
	groups, err := c.statedGroups()
	if err != nil {
		return nil, err
	}
	// How many are what their seconds and rates make, rounded by the line.
	plain, err := c.byLine(c.job.Rounding, f.ladder.factor, false)
	if err != nil {
		return nil, err
	}
	if len(f.ladder.factor) > 0 {
		once, err := c.byLine(c.job.Rounding, f.ladder.factor, true)
		if err != nil {
			return nil, err
		}
		if f.ladder.once = once > plain; f.ladder.once {
			plain = once
		}
	}
	if plain == len(groups) {
		return nil, nil
	}
	for _, r := range callRules {
		n, err := c.byLine(r, f.ladder.factor, f.ladder.once)
		if err != nil {
			return nil, err
		}
		plain = max(plain, n)
	}
	if err := c.ruledSums(groups); err != nil {
		return nil, err
	}
	best, known := callByCall{}, 0
	for _, g := range groups {
		if g.calls == g.records.calls && g.seconds == g.records.seconds {
			known++
		}
	}
	var rule, after Rounding
	var factor map[flow]*big.Rat
	for n, r := range callRules {
		factors := f.ladder.factor
		if len(factors) == 0 {
			factors = ruledFactors(groups, n)
		}
		rounds := []Rounding{c.job.Rounding}
		if own := (Rounding{c.job.Rounding.Per, r.Mode, r.Places}); len(factors) > 0 && own != rounds[0] {
			rounds = append(rounds, own)
		}
		for _, then := range rounds {
			fits := map[ratedKey]bool{}
			for k, g := range groups {
				ok, err := g.is(n, factors[k.flow], then)
				if err != nil {
					return nil, err
				}
				if ok {
					fits[k] = true
				}
			}
			// Where lines are rounded to cents, some are what rounded calls make, by
			// chance.
			if len(fits) > max(plain, len(best.fits), known*3/4) {
				best.fits, rule, after, factor = fits, r, then, factors
			}
		}
	}
	if best.fits == nil {
		return nil, nil
	}
	f.ladder.factor, f.ladder.once = factor, false // sums of rounded calls are multiplied
	again := *c
	again.job.Rounding, again.job.Detail, again.job.Signals, again.watch = rule, false, false, nil
	g, err := again.pass(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := again.isolate(g, c.workers); err != nil {
		return nil, err
	}
	best.ladder = g.ladder
	best.factor, best.after = factor, after
	return &best, nil
}

// is reports whether the calls, rounded by a rule one by one, times a factor, are
// what the invoice states.
func (g *stated) is(rule int, factor *big.Rat, after Rounding) (bool, error) {
	if g.calls != g.records.calls || g.seconds != g.records.seconds {
		return false, nil
	}
	if factor != nil && g.rows > 1 {
		return false, nil // each row is rounded by itself, and its calls are not known
	}
	m, err := after.times(money.Micro(g.records.micro[rule]), factor)
	return m == g.amount, err
}

// keyOfLine is the group of a line of the invoice.
func (c *comparison) keyOfLine(l InvoiceLine) (ratedKey, error) {
	w, err := c.flowOf(l)
	return ratedKey{groupKey{w, foldName(l.Destination)}, l.Rate}, err
}

// statedGroups puts the invoice's lines of usage into groups.
func (c *comparison) statedGroups() (map[ratedKey]*stated, error) {
	groups := map[ratedKey]*stated{}
	for _, l := range c.job.TheirInvoice {
		if l.noUsage() {
			continue
		}
		k, err := c.keyOfLine(l)
		if err != nil {
			return nil, err
		}
		g := groups[k]
		if g == nil {
			g = &stated{}
			groups[k] = g
		}
		g.rows++
		g.calls += l.Calls
		g.seconds += l.Seconds
		if g.amount, err = g.amount.Add(l.Amount); err != nil {
			return nil, err
		}
	}
	return groups, nil
}

// byLine counts the groups whose lines are what their seconds and rates make by a
// rule.
func (c *comparison) byLine(rule Rounding, factor map[flow]*big.Rat, once bool) (n int, err error) {
	product := c.products()
	all, other := map[ratedKey]bool{}, map[ratedKey]bool{}
	for _, l := range c.job.TheirInvoice {
		if l.noUsage() {
			continue
		}
		k, err := c.keyOfLine(l)
		if err != nil {
			return 0, err
		}
		m, err := rule.taxed(product(k.flow, l), factor[k.flow], once)
		if err != nil {
			return 0, err
		}
		all[k] = true
		if m != l.Amount {
			other[k] = true
		}
	}
	return len(all) - len(other), nil
}

// ruledSums rounds all calls of their records by all rules.
func (c *comparison) ruledSums(groups map[ratedKey]*stated) error {
	var (
		mu     sync.Mutex
		failed error
		sums   = map[uint32]*ruledSum{} // by line
	)
	each(c.workers, c.workers, func() func(int) {
		return func(worker int) {
			own, err := c.ruledLines(worker)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				failed = err
			}
			for line, s := range own {
				if sums[line] == nil {
					sums[line] = &ruledSum{}
				}
				sums[line].merge(s)
			}
		}
	})
	for line, s := range sums {
		row := c.lines.rows[line]
		k := ratedKey{groupKey{flow{c.lines.ways[line], row.Currency}, foldName(c.lines.theirName(line))}, row.Rate}
		if g := groups[k]; g != nil {
			g.records.merge(s)
		}
	}
	return failed
}

// ruledLines does every so many-th part.
func (c *comparison) ruledLines(worker int) (map[uint32]*ruledSum, error) {
	sums := map[uint32]*ruledSum{}
	p := &parts{c: c, price: pricer{lines: c.lines}, found: found{ladder: newLadder(c.lines, c.job.Rounding)}}
	for n := worker; n < 1<<c.files[theirs].bits; n += c.workers {
		if err := p.gather(n, theirs); err != nil {
			return nil, err
		}
		p.unique(theirs)
		for i := range p.calls[theirs] {
			call := &p.calls[theirs][i]
			if !call.success() {
				continue
			}
			at := p.price.spot(theirs, call, call.start, call.duration)
			if at.line == nothing {
				continue
			}
			s := sums[at.line]
			if s == nil {
				s = &ruledSum{}
				sums[at.line] = s
			}
			if err := s.add(c.lines.rows[at.line], at.seconds); err != nil {
				return nil, err
			}
		}
	}
	return sums, nil
}

// sampledRows bounds how many lines of an invoice tell a factor.
const sampledRows = 300

// ruledFactors finds by what the invoice multiplies calls that are rounded by a
// rule one by one.
func ruledFactors(groups map[ratedKey]*stated, rule int) map[flow]*big.Rat {
	samples := map[flow][]sample{}
	for _, k := range slices.SortedFunc(maps.Keys(groups), ratedKey.order) {
		g := groups[k]
		if g.calls == g.records.calls && g.seconds == g.records.seconds && len(samples[k.flow]) < sampledRows {
			samples[k.flow] = append(samples[k.flow], sample{big.NewRat(g.records.micro[rule], 1_000_000), g.amount, uint64(g.rows)})
		}
	}
	return factorsOf(samples)
}
