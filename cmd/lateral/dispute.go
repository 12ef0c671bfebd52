package main

import (
	"context"
	"fmt"
	"iter"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
)

// disputeCommand is "lateral dispute".
type disputeCommand struct {
	List     disputeList     `cmd:"" op:"list-disputes" help:"List disputed lines." eg:"--people" eg:"--state resolved --from 2026-11-01T00:00:00Z --all"`
	Show     disputeShow     `cmd:"" op:"get-dispute" help:"Show a dispute: both sides' figures, the offer, the decision." eg:"O-ALPHA/001793617200000/000000000000000/0000000000"`
	Evidence disputeEvidence `cmd:"" op:"get-evidence" help:"Show the calls that people have to decide, as both sides recorded them." eg:"ID"`
	Decide   disputeDecide   `cmd:"" op:"propose-decision,accept-decision" role:"clerk" help:"Decide a line: accept the partner's offer when it says the same, else reject it and offer this decision." eg:"ID --as buyer --why 'Our switch shows the release at 181 s.'" eg:"ID --calls 1 --billed-seconds 240 --why 'Half each.'"`
	Propose  disputePropose  `cmd:"" op:"propose-decision" role:"clerk" help:"Offer how to decide a line." eg:"ID --calls 1 --billed-seconds 240 --why 'Our switch shows the release at 181 s.'" eg:"ID --as seller --why 'Your record is right.'" eg:"ID --amount 400 --why 'Of an item: half each.'"`
	Accept   disputeAccept   `cmd:"" op:"accept-decision" role:"clerk" help:"Accept the partner's offer." eg:"ID" eg:"ID --calls 1 --billed-seconds 240"`
	Reject   disputeReject   `cmd:"" op:"reject-decision" role:"clerk" help:"Reject the partner's offer." eg:"ID --why 'The call was answered.'"`
	Assign   disputeAssign   `cmd:"" op:"assign-dispute" role:"clerk,finance" help:"Hand a dispute to a colleague; the partner does not see it." eg:"ID --to mara --why 'You know the switch.'" eg:"ID"`
	Counts   disputeCounts   `cmd:"" op:"count-disputes" help:"Count disputes by what became of them." eg:""`
}

type disputeList struct {
	many
	span
	State    string `placeholder:"STATE" help:"awaiting, manual, proposed, escalated or resolved."`
	Invoice  string `placeholder:"ID" help:"Named on this invoice."`
	People   bool   `help:"Only those that wait for people: manual, proposed or escalated."`
	By       string `placeholder:"WHO" help:"people: only what is in their hands or was decided by them; rules: only what a rule or a deadline decided."`
	Assigned string `placeholder:"NAME" help:"Only those that this person sees to."`
}

func (c disputeList) Run(ctx context.Context, n *remote) error {
	f := client.Filter{"state": c.State, "invoice": c.Invoice, "people": yes(c.People), "by": c.By, "assigned": c.Assigned, "from": c.From, "to": c.To}
	columns := "id state currency seller.calls seller.billed_seconds seller.amount buyer.calls buyer.billed_seconds buyer.amount deadline"
	return list(ctx, n, c.many, columns, func(p *client.Partner) iter.Seq2[wire.Dispute, error] { return p.Disputes(ctx, f) })
}

// oneDispute is a command about one dispute.
type oneDispute struct {
	one
	ID string `arg:"" help:"Id of the dispute; its slashes may be written ~."`
}

type disputeShow struct{ oneDispute }

func (c disputeShow) Run(ctx context.Context, n *remote) error {
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.Dispute, error) { return p.Dispute(ctx, c.ID) })
}

type disputeEvidence struct{ oneDispute }

func (c disputeEvidence) Run(ctx context.Context, n *remote) error {
	code, err := c.code(ctx, n)
	if err != nil {
		return err
	}
	e, err := n.api.With(code).Evidence(ctx, c.ID)
	if err != nil || n.json {
		return shown(n, e, err)
	}
	rows := [][]string{}
	for i, x := range e.Items {
		for _, s := range []struct {
			name string
			call *wire.EvidenceCall
		}{{"seller", x.Seller}, {"buyer", x.Buyer}} {
			cells := []string{fmt.Sprint(i + 1), x.Kind, s.name, "has no such call", "", "", "", ""}
			if r := s.call; r != nil {
				cells = []string{cells[0], x.Kind, s.name, stamp(r.Start), fmt.Sprintf("%d.%03d", r.RawMillis/1000, r.RawMillis%1000), fmt.Sprint(r.BilledSeconds), r.Origin, r.Destination}
			}
			rows = append(rows, cells)
		}
	}
	return writeTable(n.out, []string{"call", "kind", "side", "start", "seconds", "billed", "origin", "destination"}, rows)
}

// verdict is how a line is to be decided, as the command line says it.
type verdict struct {
	Calls         *uint64  `placeholder:"N" help:"Calls of the whole line."`
	BilledSeconds *uint64  `placeholder:"N" help:"Billed seconds of the whole line."`
	Amount        *decimal `placeholder:"AMOUNT" help:"Of an item of a bill for products: what it is to come to."`
	As            string   `enum:",seller,buyer" default:"" placeholder:"SIDE" help:"As this side states the line: seller or buyer."`
}

// of gives the figures that are meant for a dispute.
func (v verdict) of(d wire.Dispute) (wire.Verdict, error) {
	none := v.Calls == nil && v.BilledSeconds == nil && v.Amount == nil
	switch {
	case d.Product != "" && v.As == "" && v.Amount != nil && v.Calls == nil && v.BilledSeconds == nil:
		return wire.Verdict{Amount: money.Micro(*v.Amount)}, nil
	case d.Product != "" && v.As == "seller" && none:
		return wire.Verdict{Amount: d.Seller.Amount}, nil
	case d.Product != "" && v.As == "buyer" && none:
		return wire.Verdict{Amount: d.Buyer.Amount}, nil
	case d.Product != "":
		return wire.Verdict{}, usageError{fault.New(fault.Invalid, "it is not said how to decide the item", "give --amount, or --as seller or --as buyer")}
	case v.Amount != nil:
		return wire.Verdict{}, usageError{fault.New(fault.Invalid, "--amount is for items of bills for products", "give --calls and --billed-seconds, or --as seller or --as buyer")}
	case v.As == "" && v.Calls != nil && v.BilledSeconds != nil:
		return wire.Verdict{Calls: *v.Calls, BilledSeconds: *v.BilledSeconds}, nil
	case v.As == "seller" && v.Calls == nil && v.BilledSeconds == nil:
		return wire.Verdict{Calls: d.Seller.Calls, BilledSeconds: d.Seller.BilledSeconds}, nil
	case v.As == "buyer" && v.Calls == nil && v.BilledSeconds == nil:
		return wire.Verdict{Calls: d.Buyer.Calls, BilledSeconds: d.Buyer.BilledSeconds}, nil
	}
	return wire.Verdict{}, usageError{fault.New(fault.Invalid, "it is not said how to decide the line", "give --calls and --billed-seconds, or --as seller or --as buyer")}
}

type disputePropose struct {
	oneDispute
	verdict
	Why      string     `required:"" help:"Reason, for the partner."`
	Evidence canon.Hash `placeholder:"HASH" help:"SHA-256 of a file that shows it."`
}

func (c disputePropose) Run(ctx context.Context, n *remote) error {
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Dispute], error) {
		d, v, err := c.decision(ctx, p)
		if err != nil {
			return wire.Done[wire.Dispute]{}, err
		}
		return c.offer(ctx, p, d, v, false)
	})
}

// decision reads the dispute and says how to decide it.
func (c disputePropose) decision(ctx context.Context, p *client.Partner) (d wire.Dispute, v wire.Verdict, err error) {
	if d, err = p.Dispute(ctx, c.ID); err == nil {
		v, err = c.of(d)
	}
	return d, v, err
}

// offer offers a decision; counter: in the place of an offer of the partner.
func (c disputePropose) offer(ctx context.Context, p *client.Partner, d wire.Dispute, v wire.Verdict, counter bool) (wire.Done[wire.Dispute], error) {
	o := wire.ProposeDecision{Calls: v.Calls, BilledSeconds: v.BilledSeconds, Amount: v.Amount, Why: c.Why, Evidence: c.Evidence}
	if counter {
		seen := ""
		if d.Proposal != nil {
			seen = d.Proposal.Act.Command.String()
		}
		o.Seen = &seen
	}
	return p.ProposeDecision(ctx, d.ID, o)
}

type disputeDecide struct{ disputePropose }

func (c disputeDecide) Run(ctx context.Context, n *remote) error {
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Dispute], error) {
		d, v, err := c.decision(ctx, p)
		if err != nil {
			return wire.Done[wire.Dispute]{}, err
		}
		code, err := c.code(ctx, n)
		if err != nil {
			return wire.Done[wire.Dispute]{}, err
		}
		if o := d.Proposal; o != nil && o.Act.By == code && same(d, v) {
			return p.AcceptDecision(ctx, d.ID, &v)
		}
		return c.offer(ctx, p, d, v, true)
	})
}

// same reports whether the offer that there is says the same.
func same(d wire.Dispute, v wire.Verdict) bool {
	o := wire.Verdict{Calls: d.Proposal.Calls, BilledSeconds: d.Proposal.BilledSeconds}
	if d.Product != "" {
		o.Amount = d.Proposal.Amount
	}
	return o == v
}

type disputeAccept struct {
	oneDispute
	Amount        *decimal `placeholder:"AMOUNT" help:"Of an item: accept only an offer of so much."`
	Calls         *uint64  `placeholder:"N" help:"Accept only an offer of so many calls; with --billed-seconds."`
	BilledSeconds *uint64  `placeholder:"N" help:"Accept only an offer of so many billed seconds."`
}

func (c disputeAccept) Run(ctx context.Context, n *remote) error {
	var offer *wire.Verdict
	if c.Calls != nil && c.BilledSeconds != nil {
		offer = &wire.Verdict{Calls: *c.Calls, BilledSeconds: *c.BilledSeconds}
	} else if c.Amount != nil {
		offer = &wire.Verdict{Amount: money.Micro(*c.Amount)}
	} else if c.Calls != nil || c.BilledSeconds != nil {
		return usageError{fmt.Errorf("--calls and --billed-seconds go together")}
	}
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Dispute], error) { return p.AcceptDecision(ctx, c.ID, offer) })
}

// decimal is an amount without its currency.
type decimal money.Micro

// UnmarshalText reads 12.50.
func (d *decimal) UnmarshalText(text []byte) error {
	m, err := money.ParseMicro(string(text))
	*d = decimal(m)
	return err
}

type disputeReject struct {
	oneDispute
	Why string `required:"" help:"Reason, for the partner."`
}

func (c disputeReject) Run(ctx context.Context, n *remote) error {
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Dispute], error) { return p.RejectDecision(ctx, c.ID, c.Why) })
}

type disputeAssign struct {
	oneDispute
	To  string `placeholder:"NAME" help:"Who sees to it; default: nobody, it is taken back."`
	Why string `help:"For the colleague."`
}

func (c disputeAssign) Run(ctx context.Context, n *remote) error {
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.Dispute, error) {
		return p.AssignDispute(ctx, c.ID, wire.AssignDispute{To: c.To, Why: c.Why})
	})
}

type disputeCounts struct{ one }

func (c disputeCounts) Run(ctx context.Context, n *remote) error {
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.DisputeCounts, error) { return p.DisputeCounts(ctx) })
}
