package main

import (
	"context"
	"iter"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/trade/party"
)

// networkCommand is "lateral network".
type networkCommand struct {
	Show      networkShow      `cmd:"" op:"get-network" help:"Show the network's parameters: votes, quotas, times." eg:""`
	Log       networkLog       `cmd:"" op:"list-network-log" help:"Show the Omnilateral's log." eg:"" eg:"--kind member.vouch" eg:"--follow"`
	Events    networkEvents    `cmd:"" op:"stream-network-events" help:"Follow the Omnilateral's events as they happen, until Ctrl-C." eg:"" eg:"--from 0 --kind member"`
	Parameter parameterCommand `cmd:"" help:"Change the network's parameters by votes."`
	Evidence  networkEvidence  `cmd:"" op:"list-evidence" role:"auditor,administrator" help:"List envelopes under a number that their sender had used before: two signatures with one key." eg:"" eg:"--json"`
	Leave     networkLeave     `cmd:"" op:"leave-network" role:"administrator" help:"Leave the network, for ever." eg:"ALPHA"`
}

type networkShow struct{ connection }

func (networkShow) Run(ctx context.Context, n *remote) error {
	v, err := n.api.Network(ctx)
	return shown(n, v, err)
}

type networkLog struct {
	connection
	logFlags
}

func (c networkLog) Run(ctx context.Context, n *remote) error {
	return c.show(ctx, n, func(api *client.Client, f client.Filter) iter.Seq2[wire.Entry, error] { return api.NetworkLog(ctx, f) })
}

type networkEvents struct {
	connection
	eventFlags
}

func (c networkEvents) Run(ctx context.Context, n *remote) error {
	return c.follow(n, n.api.NetworkEventsOf(ctx, c.From, c.Kind))
}

type networkEvidence struct {
	connection
	paging
}

func (c networkEvidence) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "member channel sender number height final rival", func(api *client.Client) iter.Seq2[wire.Rival, error] { return api.Evidence(ctx) })
}

// parameterCommand is "lateral network parameter".
type parameterCommand struct {
	List    parameterList    `cmd:"" op:"list-proposals" help:"List the changes that members vote on." eg:""`
	Propose parameterPropose `cmd:"" op:"propose-parameter" role:"administrator" help:"Propose another value of a parameter, and vote for it." eg:"vouchers 3 --from 250000"`
	Vote    parameterVote    `cmd:"" op:"vote-parameter" role:"administrator" help:"Vote for a change that is proposed." eg:"vouchers 3 --from 250000"`
}

type parameterList struct {
	connection
	paging
}

func (parameterList) Help() string {
	return `What holds, and what is carried and comes into force later, is in lateral network show.`
}

func (c parameterList) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "change.parameter change.value change.from by height", func(api *client.Client) iter.Seq2[wire.ParameterProposal, error] {
		return api.Proposals(ctx)
	})
}

// ballot names a change. A vote repeats it, so that nobody votes for another.
type ballot struct {
	connection
	Parameter string `arg:"" help:"As lateral network show --json calls it, like vouchers."`
	Value     uint64 `arg:"" help:"What it is to be."`
	From      uint64 `required:"" placeholder:"HEIGHT" help:"From this height on; it must not have passed when the change is carried."`
}

func (b ballot) change() wire.ParameterChange {
	return wire.ParameterChange{Parameter: b.Parameter, Value: b.Value, From: b.From}
}

type parameterPropose struct{ ballot }

func (c parameterPropose) Run(ctx context.Context, n *remote) error {
	d, err := n.api.ProposeParameter(ctx, c.change())
	return changed(n, d, err)
}

type parameterVote struct{ ballot }

func (c parameterVote) Run(ctx context.Context, n *remote) error {
	d, err := n.api.VoteParameter(ctx, c.change())
	return changed(n, d, err)
}

type networkLeave struct {
	connection
	Carrier string `arg:"" help:"This carrier's own code, to confirm that you mean it."`
}

func (c networkLeave) Run(ctx context.Context, n *remote) error {
	d, err := n.api.Leave(ctx, party.Code(c.Carrier))
	return changed(n, d, err)
}

// memberCommand is "lateral member".
type memberCommand struct {
	List    memberList    `cmd:"" op:"list-members" help:"List the members of the network." eg:"" eg:"--state applied"`
	Show    memberShow    `cmd:"" op:"get-member" help:"Show a member with its keys." eg:"BRAVO"`
	Propose memberPropose `cmd:"" op:"propose-member" role:"administrator" help:"Sponsor an applicant whose application is signed with all its keys." eg:"charlie/application.json"`
	Vouch   memberVouch   `cmd:"" op:"vouch-member" role:"administrator" help:"Vouch for an applicant." eg:"CHARLIE"`
	Suspend memberSuspend `cmd:"" op:"suspend-member" role:"administrator" help:"Vote to suspend a member." eg:"CHARLIE"`
	Restore memberRestore `cmd:"" op:"restore-member" role:"administrator" help:"Vote to restore a suspended member." eg:"CHARLIE"`
}

type memberList struct {
	connection
	paging
	State string `placeholder:"STATE" help:"applied, active, suspended or left."`
}

func (c memberList) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "code legal_name country state since exchange vouchers", func(api *client.Client) iter.Seq2[wire.Member, error] {
		return api.Members(ctx, client.Filter{"state": c.State})
	})
}

// oneMember is a command about one member.
type oneMember struct {
	connection
	Code string `arg:"" help:"Member code."`
}

type memberShow struct{ oneMember }

func (c memberShow) Run(ctx context.Context, n *remote) error {
	m, err := n.api.Member(ctx, party.Code(c.Code))
	return shown(n, m, err)
}

type memberPropose struct {
	connection
	Application string `arg:"" help:"The applicant's application.json; - is standard input."`
}

func (c memberPropose) Run(ctx context.Context, n *remote) error {
	var a party.Signed
	if err := n.body(c.Application, &a); err != nil {
		return err
	}
	d, err := n.api.Propose(ctx, a)
	return changed(n, d, err)
}

type memberVouch struct{ oneMember }

func (c memberVouch) Run(ctx context.Context, n *remote) error {
	d, err := n.api.Vouch(ctx, party.Code(c.Code))
	return changed(n, d, err)
}

type memberSuspend struct{ oneMember }

func (c memberSuspend) Run(ctx context.Context, n *remote) error {
	d, err := n.api.Suspend(ctx, party.Code(c.Code))
	return changed(n, d, err)
}

type memberRestore struct{ oneMember }

func (c memberRestore) Run(ctx context.Context, n *remote) error {
	d, err := n.api.Restore(ctx, party.Code(c.Code))
	return changed(n, d, err)
}
