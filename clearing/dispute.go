package clearing

import (
	"context"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/reconcile"
	"github.com/lateral-network/lateral/trade/usage"
)

// counters is why a buyer's desk offers a decision, for the seller's people.
const counters = "The agreed rule counters with the buyer's records."

// dispute takes the buyer's next step for a line that went to people: where the
// agreed rule says counter, it offers the buyer's figures, with the evidence that
// both sides hold. It does so once: what people said of the line since, such as a
// refusal of the offer, stays theirs.
func (d *Desk) dispute(ctx context.Context, key string) error {
	var x dispute.Dispute
	var p periodRecord
	var found bool
	err := d.o.Channel.View(func(v view) (err error) {
		if x, found, err = get[dispute.Dispute](v, key); err != nil || !found {
			return err
		}
		p, _, err = get[periodRecord](v, trade.PeriodKey(x.Order, x.Interval))
		return err
	})
	people := x.State == dispute.Manual || x.State == dispute.Escalated
	if err != nil || !found || !people || d.seller(p.Direction) || x.By != "" || x.Why != "" || !x.Evidence.IsZero() {
		return err
	}
	line, ok, err := d.decided(x)
	if err != nil || !ok || line.Counter == nil {
		return err
	}
	c, err := d.o.Authorize(trade.NewCommand(trade.KindDisputePropose, trade.DisputePropose{
		Verdicts: []trade.Verdict{{Dispute: x.ID, Calls: line.Counter.Calls, BilledSeconds: line.Counter.BilledSeconds}},
		Why:      counters, Evidence: line.Root,
	}), party.Disputes)
	if err != nil {
		return err
	}
	d.act(ctx, "counter/"+x.ID, key, c)
	return nil
}

// Trial is what a rule that need not be the agreed one makes of a disputed line.
type Trial struct {
	Calls   []TriedCall // that the rule was asked about
	Outcome reconcile.Decided
}

// TriedCall is a differing call in the words of rules, and the rule's answer.
type TriedCall struct {
	Facts  agreement.Facts
	Answer reconcile.Answer
}

// Try asks a rule what it makes of a line whose records both sides have
// delivered. Nothing is changed by it. Codes: not-found, not-yet, bad-rule.
func (d *Desk) Try(id string, rule agreement.Source) (Trial, error) {
	x, p, err := d.disputeOf(id)
	if err != nil {
		return Trial{}, err
	}
	rules, err := trade.DecisionRules(rule, p.Direction)
	if err != nil {
		return Trial{}, err
	}
	if !d.o.Blobs.Has(p.Seller.Delivered) || !d.o.Blobs.Has(p.Buyer.Delivered) {
		return Trial{}, fault.Newf(fault.NotYet, "wait until both sides have delivered; records that were erased do not come back", "the records of both sides on %s are not here", id)
	}
	// Shares are of all lines that the rule decided together with this one.
	var lines []dispute.Dispute
	err = d.o.Channel.View(func(v view) error {
		for y := range (trade.View{Records: v}).DisputesOf(trade.PeriodRef{Order: x.Order, Interval: x.Interval}) {
			if y.By == "" || y.ID == x.ID {
				lines = append(lines, y)
			}
		}
		return nil
	})
	if err != nil {
		return Trial{}, err
	}
	in, _, err := d.differing(p, lines)
	if err != nil {
		return Trial{}, err
	}
	ask := &asking{rules: rules, line: reconcile.Ref{Adjusts: x.Adjusts, Row: x.Row}, direction: p.Direction}
	in.Rules = ask
	decided, err := reconcile.Decide(in)
	if err != nil {
		return Trial{}, err
	}
	out := Trial{Calls: ask.calls}
	for _, l := range decided {
		if l.Row == x.Row && l.Adjusts == x.Adjusts {
			out.Outcome = l
		}
	}
	return out, nil
}

// asking notes what a rule is asked about one line, and what it answers.
type asking struct {
	rules     reconcile.Rules
	line      reconcile.Ref
	direction usage.Direction
	calls     []TriedCall
}

// Answer implements [reconcile.Rules].
func (a *asking) Answer(c reconcile.Case) reconcile.Answer {
	answer := a.rules.Answer(c)
	if c.Line == a.line {
		a.calls = append(a.calls, TriedCall{trade.FactsOf(c, a.direction), answer})
	}
	return answer
}
