package buying_test

import (
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api/sonata/client"
	"github.com/lateral-network/lateral/buying"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
)

// everywhere waits until the order of each hop is as it should be, as either side has
// it.
func (w *world) everywhere(what string, as func(order.Item) bool) {
	w.t.Helper()
	for i, code := range w.codes[:len(w.codes)-1] {
		eventually(w.t, "the order of "+string(code)+" "+what, func() bool {
			mine, theirs := w.sides[code].items(w.codes[i+1]), w.sides[w.codes[i+1]].items(code)
			return len(mine) == 1 && len(theirs) == 1 && as(mine[0]) && as(theirs[0])
		})
	}
}

func TestAnotherDateIsAgreedAtAllHopsOrNone(t *testing.T) {
	now := time.Now()
	w := newWorld(t, func(w *world) {
		w.people["DELTA"] = true
		w.until = map[party.Code]int64{"CHARLIE": now.Add(3 * time.Hour).UnixMilli()}
	}, "ALPHA", "BRAVO", "CHARLIE", "DELTA")
	alpha, bravo, charlie, delta := w.sides["ALPHA"], w.sides["BRAVO"], w.sides["CHARLIE"], w.sides["DELTA"]
	s := must(alpha.broker.Order(alpha.found(wanted).Best.Quote))
	var sold mesh.ID
	eventually(t, "DELTA has something to build", func() bool {
		for _, x := range delta.broker.Services() {
			if x.Build {
				sold = x.ID
			}
		}
		return sold != mesh.ID{}
	})
	later := now.Add(time.Hour).UnixMilli()
	must(alpha.broker.Reschedule(within(t), s.ID, later, false))
	agreed := func(it order.Item) bool { return it.State == order.ItemInProgress && it.Start == later }
	w.everywhere("begins later", agreed)
	for i, code := range w.codes[:3] {
		seller := w.sides[w.codes[i+1]]
		c := must(client.New(client.Options{Base: seller.http.URL, ID: string(code), Secret: w.sides[code].secrets[seller.code], HTTP: w.sides[code].judged()}))
		eventually(t, "the order of "+string(code)+" has the date over Sonata", func() bool {
			p, err := c.Orders(within(t), nil)
			if err != nil || len(p.Items) != 1 {
				return false
			}
			o, err := c.Order(within(t), p.Items[0].ID)
			return err == nil && o.Value.Items[0].Requested.UnixMilli() == later
		})
	}
	// Beyond the agreement of the last two nobody agrees.
	must(alpha.broker.Reschedule(within(t), s.ID, now.Add(4*time.Hour).UnixMilli(), false))
	eventually(t, "ALPHA is refused", func() bool {
		it := alpha.items("BRAVO")[0]
		return len(it.Wishes) == 2 && it.Wishes[1].Outcome == order.WishRejected && strings.Contains(it.Wishes[1].Why, "agreement")
	})
	eventually(t, "the service shows it", func() bool {
		x := must(alpha.broker.Service(s.ID))
		return x.Begins == later && x.Date != nil && x.Date.Outcome == order.WishRejected
	})
	w.everywhere("begins as before", agreed)
	must(alpha.broker.Reschedule(within(t), s.ID, 0, true))
	w.everywhere("is expedited", func(it order.Item) bool { return agreed(it) && it.Expedite })
	if _, err := alpha.broker.Reschedule(within(t), s.ID, later, true); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("what is so already: %v", err)
	}

	// BRAVO's people say no while CHARLIE is down: what CHARLIE then agrees to goes back.
	charlie.stop()
	must(alpha.broker.Reschedule(within(t), s.ID, now.Add(2*time.Hour).UnixMilli(), false))
	eventually(t, "CHARLIE is asked", func() bool { return bravo.items("CHARLIE")[0].State == order.ItemModifying })
	bravo.do("ALPHA", trade.NewCommand(trade.KindOrderReject, trade.OrderAnswer{ID: alpha.items("BRAVO")[0].ID, Why: "no crew"}))
	charlie.start()
	eventually(t, "CHARLIE goes back", func() bool {
		it := bravo.items("CHARLIE")[0]
		return len(it.Wishes) == 5 && it.Wishes[3].Outcome == order.WishAccepted && agreed(it)
	})
	w.everywhere("begins as before", agreed)

	// A date that is soon: delivered then, and not before. A machine that is too slow
	// for the date asks again.
	eventually(t, "it begins soon", func() bool {
		soon := time.Now().Add(5 * time.Second).UnixMilli()
		if _, err := alpha.broker.Reschedule(within(t), s.ID, soon, false); err != nil {
			return false
		}
		eventually(t, "ALPHA is answered", func() bool { return alpha.items("BRAVO")[0].State == order.ItemInProgress })
		return alpha.items("BRAVO")[0].Start == soon
	})
	must(delta.broker.Built(sold, true, buying.Measured{}))
	alpha.stage(s.ID, mesh.Accepted)
	w.everywhere("is delivered when it was asked for", func(it order.Item) bool {
		return it.State == order.ItemCompleted && it.Delivery.At >= it.Start && it.Start < later
	})
	if _, err := alpha.broker.Reschedule(within(t), s.ID, later, false); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("another date of what is delivered: %v", err)
	}
}

func TestAServiceIsWithdrawnWhileAnotherDateWaits(t *testing.T) {
	w := newWorld(t, func(w *world) { w.people["CHARLIE"] = true }, "ALPHA", "BRAVO", "CHARLIE")
	alpha, bravo, charlie := w.sides["ALPHA"], w.sides["BRAVO"], w.sides["CHARLIE"]
	s := must(alpha.broker.Order(alpha.found(wanted).Best.Quote))
	w.everywhere("is accepted", func(it order.Item) bool { return it.State == order.ItemInProgress })
	eventually(t, "ALPHA waits for the delivery", func() bool { return must(alpha.broker.Service(s.ID)).Stage == mesh.Ordered })
	charlie.stop()
	must(alpha.broker.Reschedule(within(t), s.ID, time.Now().Add(time.Hour).UnixMilli(), false))
	eventually(t, "CHARLIE is asked", func() bool { return bravo.items("CHARLIE")[0].State == order.ItemModifying })
	must(alpha.broker.Withdraw(s.ID))
	charlie.start()
	alpha.stage(s.ID, mesh.Released)
	for _, code := range w.codes {
		w.sides[code].free()
	}
	w.nothingActive()
}
