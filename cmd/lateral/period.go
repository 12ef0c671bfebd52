package main

import (
	"context"
	"fmt"
	"iter"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/trade/usage"
)

// periodCommand is "lateral period".
type periodCommand struct {
	List    periodList    `cmd:"" op:"list-periods" help:"List billing periods." eg:"" eg:"--state reconciling" eg:"--order V-ALPHA --from 2026-11-02T00:00:00Z --all"`
	Show    periodShow    `cmd:"" op:"get-period" help:"Show a period with what both sides state." eg:"V-ALPHA 2026-11-02T11:00:00Z"`
	Lines   periodLines   `cmd:"" op:"list-lines" help:"List the lines of a period as both sides state them." eg:"V-ALPHA 2026-11-02T11:00:00Z --differing"`
	Calls   periodCalls   `cmd:"" op:"list-calls" help:"List this carrier's own calls of a line that it has stated." eg:"V-ALPHA 2026-11-02T11:00:00Z --row 0"`
	Rated   periodRated   `cmd:"" op:"get-rated" help:"Show a version of a rated period: its lines, each with its rate, and all versions that there are." eg:"V-ALPHA 2026-11-02T11:00:00Z" eg:"V-ALPHA 2026-11-02T11:00:00Z --version 1"`
	Correct periodCorrect `cmd:"" op:"correct-period" role:"clerk,product-manager" help:"Rate a period that this carrier has invoiced again, by the sheets in force now: what differs is a credit or a debit note for the partner to accept." eg:"V-CHARLIE 2026-11-02T11:00:00Z --why 'The rate for Germany was wrong.'"`
	Rate    periodRate    `cmd:"" op:"request-rating" role:"clerk,engineer,finance" help:"Request rating of a period." eg:"V-ALPHA 2026-11-02T11:00:00Z/2026-11-02T12:00:00Z"`
}

type periodList struct {
	many
	span
	State     string `placeholder:"STATE" help:"requested, stated, reconciling, agreed or closed."`
	Direction string `placeholder:"FROM>TO" help:"In this direction of calls."`
	Order     string `placeholder:"ID" help:"Of this order."`
}

func (c periodList) Run(ctx context.Context, n *remote) error {
	f := client.Filter{"state": c.State, "direction": c.Direction, "order": c.Order, "from": c.From, "to": c.To}
	columns := "order interval direction state opened open invoices stage deadline"
	return list(ctx, n, c.many, columns, func(p *client.Partner) iter.Seq2[wire.Period, error] { return p.Periods(ctx, f) })
}

// onePeriod is a command about one period.
type onePeriod struct {
	Order string    `arg:"" help:"Id of the order."`
	Start wire.Time `arg:"" placeholder:"TIME" help:"When the period begins, RFC 3339."`
}

// interval gives what the client needs of a period: its beginning.
func (o onePeriod) interval() usage.Interval { return usage.Interval{From: int64(o.Start)} }

type periodShow struct {
	one
	onePeriod
}

func (c periodShow) Run(ctx context.Context, n *remote) error {
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.Period, error) { return p.Period(ctx, c.Order, c.interval()) })
}

type periodLines struct {
	one
	onward
	onePeriod
	Differing bool `help:"Only lines on which the two sides differ."`
}

func (c periodLines) Run(ctx context.Context, n *remote) error {
	columns := "row adjusts reason seller.calls seller.billed_seconds buyer.calls buyer.billed_seconds agrees dispute"
	return list(ctx, n, many{c.one, paging{onward: c.onward}}, columns, func(p *client.Partner) iter.Seq2[wire.Compared, error] {
		return p.Lines(ctx, c.Order, c.interval(), client.Filter{"differing": yes(c.Differing)})
	})
}

type periodCalls struct {
	many
	onePeriod
	Row     uint32 `help:"Of the line."`
	Adjusts string `placeholder:"TIME" help:"When the earlier period begins that the line adjusts."`
	Day     string `placeholder:"DAY" help:"Only those that began on this day, UTC."`
}

func (c periodCalls) Run(ctx context.Context, n *remote) error {
	return list(ctx, n, c.many, "start raw_millis billed_seconds origin destination import line", func(p *client.Partner) iter.Seq2[wire.LineCall, error] {
		return p.Calls(ctx, c.Order, c.interval(), client.Filter{"row": fmt.Sprint(c.Row), "adjusts": c.Adjusts, "day": c.Day})
	})
}

type periodRated struct {
	one
	onePeriod
	Version uint32 `placeholder:"N" help:"As first rated: 1; default: the version in force."`
}

func (c periodRated) Run(ctx context.Context, n *remote) error {
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.RatedPeriod, error) {
		return p.Rated(ctx, c.Order, c.interval(), c.Version)
	})
}

type periodCorrect struct {
	one
	onePeriod
	Why string `required:"" help:"What it corrects, for the partner."`
}

func (c periodCorrect) Run(ctx context.Context, n *remote) error {
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.Corrected, error) {
		return p.CorrectPeriod(ctx, c.Order, c.interval(), c.Why)
	})
}

type periodRate struct {
	one
	Order    string         `arg:"" help:"Id of the order."`
	Interval usage.Interval `arg:"" placeholder:"START/END" help:"The period: two RFC 3339 times."`
}

func (c periodRate) Run(ctx context.Context, n *remote) error {
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Period], error) {
		return p.RequestRating(ctx, c.Order, c.Interval)
	})
}

// differenceCommand is "lateral difference".
type differenceCommand struct {
	List differenceList `cmd:"" op:"list-differences" help:"List lines on which the two sides differ, with both figures." eg:"--open" eg:"--direction 'ALPHA>BRAVO' --from 2026-11-02T00:00:00Z --all --json"`
}

type differenceList struct {
	many
	span
	Direction string `placeholder:"FROM>TO" help:"In this direction of calls."`
	Open      bool   `help:"Only those that are not decided."`
}

func (c differenceList) Run(ctx context.Context, n *remote) error {
	f := client.Filter{"direction": c.Direction, "open": yes(c.Open), "from": c.From, "to": c.To}
	columns := "dispute state direction currency seller.calls seller.billed_seconds buyer.calls buyer.billed_seconds amount"
	return list(ctx, n, c.many, columns, func(p *client.Partner) iter.Seq2[wire.Difference, error] { return p.Differences(ctx, f) })
}

// deadlineCommand is "lateral deadline".
type deadlineCommand struct {
	List  deadlineList  `cmd:"" op:"list-deadlines" help:"List what waits until when; the node has what was agreed applied when a time is over." eg:"" eg:"--before 2026-12-01T00:00:00Z --json"`
	Apply deadlineApply `cmd:"" op:"apply-deadline" role:"clerk,engineer,finance" help:"Apply the agreed outcome of a deadline that has passed." eg:"period/V-ALPHA/001793617200000"`
}

type deadlineList struct {
	many
	Before string `placeholder:"TIME" help:"Only what waits until then, RFC 3339."`
}

func (c deadlineList) Run(ctx context.Context, n *remote) error {
	return list(ctx, n, c.many, "subject deadline", func(p *client.Partner) iter.Seq2[wire.DueRecord, error] {
		return p.Deadlines(ctx, client.Filter{"before": c.Before})
	})
}

type deadlineApply struct {
	one
	Subject string `arg:"" help:"Key of the record that waits, as events and problems name it."`
}

func (c deadlineApply) Run(ctx context.Context, n *remote) error {
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.Receipt, error) { return p.ApplyDeadline(ctx, c.Subject) })
}
