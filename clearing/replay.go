package clearing

import (
	"cmp"
	"context"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/reconcile"
	"github.com/lateral-network/lateral/trade/usage"
)

// Replay is what a rule that need not be the agreed one makes of all disputed
// lines of a span that the comparison opened.
type Replay struct {
	Periods uint64 // with such lines
	Lines   uint64 // of which the rule was asked
	Missing uint64 // not asked: the records of a side are not here
	Manual  uint64 // lines that the rule leaves to people
	Calls   map[reconcile.Answer]uint64
	Sums    []Replayed  // by direction and currency
	Sample  []TriedCall // the first calls
	More    bool        // there are lines beyond what is asked at a time
}

// Replayed compares what came out with what the rule gives, in one direction and
// currency, over the lines of which it was asked.
type Replayed struct {
	Direction usage.Direction
	Currency  money.Currency
	Lines     uint64
	Claimed   money.Micro // by the seller
	Expected  money.Micro // by the buyer
	Decided   money.Micro // what came out of those that are resolved
	Open      money.Micro // the seller's claim on the others
	Rule      money.Micro // what the rule charges of those that it decides
	Manual    money.Micro // the seller's claim on those that it leaves to people
}

// What one replay reads and gives at most.
const (
	maxReplayed     = 5_000 // lines
	maxReplaySample = 200
)

// Replay asks a rule what it makes of all lines of the periods that within
// accepts by their beginning. Nothing is changed by it. Codes: bad-rule,
// overflow.
func (d *Desk) Replay(ctx context.Context, rule agreement.Source, within func(ms int64) bool) (Replay, error) {
	out := Replay{Calls: map[reconcile.Answer]uint64{}}
	if _, err := rule.Compile(); err != nil {
		return out, err
	}
	var periods []periodRecord
	err := d.o.Channel.View(func(v view) error {
		for p := range (trade.View{Records: v}).Periods("") {
			if p.Opened > 0 && within(p.Interval.From) {
				periods = append(periods, p)
			}
		}
		return nil
	})
	if err != nil {
		return out, err
	}
	slices.SortStableFunc(periods, func(a, b periodRecord) int { return cmp.Compare(b.Interval.From, a.Interval.From) })
	for _, p := range periods {
		if err := ctx.Err(); err != nil {
			return out, err
		}
		if out.Lines+out.Missing >= maxReplayed {
			out.More = true
			break
		}
		if err := d.replayPeriod(p, rule, &out); err != nil {
			return out, err
		}
	}
	slices.SortFunc(out.Sums, func(a, b Replayed) int {
		return cmp.Or(cmp.Compare(a.Direction.String(), b.Direction.String()), cmp.Compare(a.Currency, b.Currency))
	})
	return out, nil
}

// replayPeriod asks the rule about the lines of one period.
func (d *Desk) replayPeriod(p periodRecord, rule agreement.Source, out *Replay) error {
	var lines []dispute.Dispute
	var terms agreement.Terms
	err := d.o.Channel.View(func(v view) (err error) {
		for x := range (trade.View{Records: v}).DisputesOf(trade.PeriodRef{Order: p.Order, Interval: p.Interval}) {
			if x.By == "" && x.Product == "" {
				lines = append(lines, x)
			}
		}
		terms, _, err = get[agreement.Terms](v, trade.TermsKey(p.Terms))
		return err
	})
	if err != nil || len(lines) == 0 {
		return err
	}
	out.Periods++
	if !d.o.Blobs.Has(p.Seller.Delivered) || !d.o.Blobs.Has(p.Buyer.Delivered) {
		out.Missing += uint64(len(lines))
		return nil
	}
	rules, err := trade.DecisionRules(rule, p.Direction)
	if err != nil {
		return err
	}
	in, _, err := d.differing(p, lines)
	if err != nil {
		return err
	}
	in.Rules = &counting{rules: rules, direction: p.Direction, out: out}
	decided, err := reconcile.Decide(in)
	if err != nil {
		return err
	}
	of := make(map[reconcile.Ref]reconcile.Decided, len(decided))
	for _, l := range decided {
		of[reconcile.Ref{Adjusts: l.Adjusts, Row: l.Row}] = l
	}
	for _, x := range lines {
		l, ok := of[reconcile.Ref{Adjusts: x.Adjusts, Row: x.Row}]
		if !ok {
			out.Missing++
			continue
		}
		gives, err := in.Sheet.Row(x.Row).Charge(l.Calls, l.BilledSeconds, terms.Rounding.Mode)
		if err != nil {
			return err
		}
		if err := out.add(p.Direction, x, l.Open, gives); err != nil {
			return err
		}
	}
	return nil
}

// add counts a line with what the rule gives for it.
func (r *Replay) add(direction usage.Direction, x dispute.Dispute, manual bool, gives money.Micro) error {
	i := slices.IndexFunc(r.Sums, func(s Replayed) bool { return s.Direction == direction && s.Currency == x.Currency })
	if i < 0 {
		i = len(r.Sums)
		r.Sums = append(r.Sums, Replayed{Direction: direction, Currency: x.Currency})
	}
	s := &r.Sums[i]
	s.Lines++
	r.Lines++
	came, to := &s.Open, x.Seller.Amount
	if x.Decision != nil {
		came, to = &s.Decided, x.Decision.Amount
	}
	gave := &s.Rule
	if manual {
		r.Manual++
		gave, gives = &s.Manual, x.Seller.Amount
	}
	for _, a := range []struct {
		sum  *money.Micro
		more money.Micro
	}{{&s.Claimed, x.Seller.Amount}, {&s.Expected, x.Buyer.Amount}, {came, to}, {gave, gives}} {
		var err error
		if *a.sum, err = a.sum.Add(a.more); err != nil {
			return fault.Of(err).In("rule")
		}
	}
	return nil
}

// counting notes what a rule is asked and counts its answers.
type counting struct {
	rules     reconcile.Rules
	direction usage.Direction
	out       *Replay
}

// Answer implements [reconcile.Rules].
func (c *counting) Answer(x reconcile.Case) reconcile.Answer {
	answer := c.rules.Answer(x)
	c.out.Calls[answer]++
	if len(c.out.Sample) < maxReplaySample {
		c.out.Sample = append(c.out.Sample, TriedCall{trade.FactsOf(x, c.direction), answer})
	}
	return answer
}
