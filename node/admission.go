package node

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/party"
)

// An applicant whom not enough members vouch for in time is off the list by a
// tick, because nothing happens by itself. The applicant may send nothing yet,
// so it is for its sponsor's node; when that does not, for the others'.

const (
	// lapsingEvery is how often a node looks for applications that are over.
	lapsingEvery = time.Minute
	// sponsorFirst is how long, in ms after the deadline, the other members leave
	// the tick to the sponsor, and each then to those before it in order of code.
	sponsorFirst = int64(10 * 60 * 1000)
	// clockSlack is how long, in ms after a deadline by its own clock, a node
	// leaves the ledger's time to pass it.
	clockSlack = int64(2000)
)

// admissions has applications end whose time is over. wall is this node's own
// clock, ms UTC: a ledger on which nothing happens makes no blocks, and the
// tick's own will have the time.
type admissions struct {
	omni interface {
		View(func(channel.View) error) error
		Submit(context.Context, ...trade.Command) ([]channel.Outcome, error)
	}
	me   party.Code
	wall func() int64
	log  *slog.Logger
}

// keep looks at each signal of look until ctx ends.
func (a admissions) keep(ctx context.Context, look <-chan time.Time) {
	for {
		if err := a.lapse(ctx); err != nil && ctx.Err() == nil {
			a.log.Warn("an application whose time is over is still on the list; it is tried again", "err", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-look:
		}
	}
}

// lapse sends the ticks that are for this node by now.
func (a admissions) lapse(ctx context.Context) error {
	var due []trade.Command
	err := a.omni.View(func(v channel.View) error {
		due = lapsed(trade.View{Records: v}, a.me, max(v.Time, a.wall()-clockSlack))
		return nil
	})
	if err != nil || len(due) == 0 {
		return err
	}
	out, err := a.omni.Submit(ctx, due...)
	if err != nil {
		return err
	}
	for _, o := range out {
		if err := o.Err(); err != nil && fault.CodeOf(err) != trade.CodeNoDeadline { // another member was faster
			return err
		}
	}
	return nil
}

// lapsed gives the ticks for applications that are over and for a member's node
// to end, at a time in ms UTC.
func lapsed(v trade.View, me party.Code, now int64) (due []trade.Command) {
	var active []party.Code
	var over []party.Member
	for m := range v.Members() {
		switch {
		case m.State == party.Active:
			active = append(active, m.Code)
		case m.Deadline != 0 && m.Deadline <= now:
			over = append(over, m)
		}
	}
	place := slices.Index(active, me)
	if place < 0 {
		return nil // it is not admitted, suspended or gone
	}
	for _, m := range over {
		wait := sponsorFirst * int64(1+place)
		if m.Sponsor == me {
			wait = 0
		}
		if m.Deadline+wait <= now {
			due = append(due, trade.NewCommand(trade.KindTick, trade.Tick{Subject: trade.MemberKey(m.Code)}))
		}
	}
	return due
}
