package clearing

import (
	"context"

	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/party"
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
