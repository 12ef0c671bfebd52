package trade

import (
	"slices"
	"strconv"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/party"
)

// Members vote on the parameters of the network (FEATURES IDN-03). A proposal
// names one parameter, its value and the height from which it counts; what
// enough members have voted for by then stands in the network's record, and
// everybody computes from it what holds at a height. A proposal that is not
// carried by its height has lapsed.

// field finds a parameter by its name in JSON.
func (n *Network) field(parameter string) (get func() uint64, set func(uint64)) {
	small := func(p *uint32) (func() uint64, func(uint64)) {
		return func() uint64 { return uint64(*p) }, func(v uint64) { *p = uint32(min(v, 1<<32-1)) }
	}
	bytes := func(p *uint64) (func() uint64, func(uint64)) {
		return func() uint64 { return *p }, func(v uint64) { *p = v }
	}
	millis := func(p *int64) (func() uint64, func(uint64)) {
		return func() uint64 { return uint64(*p) }, func(v uint64) { *p = int64(min(v, 1<<62)) }
	}
	switch parameter {
	case "vouchers":
		return small(&n.Vouchers)
	case "suspend_percent":
		return small(&n.SuspendPercent)
	case "member_bytes":
		return bytes(&n.MemberBytes)
	case "channel_bytes":
		return bytes(&n.ChannelBytes)
	case "reserve_bytes":
		return bytes(&n.ReserveBytes)
	case "invitation_millis":
		return millis(&n.InvitationMillis)
	case "challenge_millis":
		return millis(&n.ChallengeMillis)
	case "uncontested_millis":
		return millis(&n.UncontestedMillis)
	}
	return nil, nil
}

// At gives the parameters that hold at a height.
func (n Network) At(height uint64) Network {
	for len(n.Next) > 0 && n.Next[0].From <= height {
		if _, set := n.field(n.Next[0].Parameter); set != nil {
			set(n.Next[0].Value)
		}
		n.Next = n.Next[1:]
	}
	return n
}

// network gives the parameters that hold for this command.
func (t *tx) network() Network {
	n, _ := get[Network](t, keyNetwork)
	return n.At(t.ctx.Block.Height)
}

// maxNext bounds the changes that are carried and not in force yet.
const maxNext = 64

// checkChange refuses a change that cannot be carried now: of no parameter, out
// of bounds, too late, or of what is decided already.
func (t *tx) checkChange(c ParameterChange) error {
	n := t.network()
	then := n.At(c.From)
	now, set := then.field(c.Parameter)
	switch {
	case set == nil:
		return invalid("parameter", "there is no such parameter to vote on", "name one of the network's record, like vouchers")
	case c.From <= t.ctx.Block.Height:
		return fault.New(CodeState, "the height has passed", "propose the change again for a later height").In("from")
	case len(n.Next) >= maxNext:
		return fault.New(fault.Busy, "too many changes wait to come into force", "propose it when one of them has")
	}
	for _, x := range n.Next {
		if x.Parameter == c.Parameter && x.From == c.From {
			return conflict("from", "choose another height", "a change of %s from height %d is carried already", x.Parameter, x.From)
		}
	}
	before := now()
	set(c.Value)
	if now() != c.Value {
		return invalid("value", "the value is out of range", "choose a smaller one")
	}
	if err := then.Validate(); err != nil {
		return fault.Of(err).In("value")
	}
	if before == c.Value {
		return invalid("value", "that is its value at that height", "propose another one")
	}
	return nil
}

func networkPropose(t *tx, c ParameterBallot) error {
	if _, err := t.byActive(c.By); err != nil {
		return err
	}
	if err := t.checkChange(c.Change); err != nil {
		return err
	}
	key := ProposalKey(c.Change)
	if _, there := t.Get(key); !there {
		t.forgetProposals()
		t.put(key, Proposal{Change: c.Change, By: c.By, Height: t.ctx.Block.Height})
		t.emit(EventNetworkProposed, key, string(c.By))
	}
	return t.ballot(c)
}

func networkVote(t *tx, c ParameterBallot) error {
	if _, err := t.byActive(c.By); err != nil {
		return err
	}
	if _, there := t.Get(ProposalKey(c.Change)); !there {
		return notFound("change", "proposal", c.Change.name())
	}
	if err := t.checkChange(c.Change); err != nil {
		return err
	}
	return t.ballot(c)
}

// ballot counts a member's vote for a change. With enough of the active members
// it is carried, and its votes are removed.
func (t *tx) ballot(c ParameterBallot) error {
	own := BallotKey(c.Change, c.By)
	if _, voted := t.Get(own); voted {
		return nil
	}
	votes := t.standing(BallotKey(c.Change, ""), own)
	t.put(own, Vote{t.ctx.Block.Height})
	key := ProposalKey(c.Change)
	t.emit(EventNetworkVoted, key, string(c.By))
	census, _ := get[Census](t, keyCensus)
	n := t.network()
	if uint64(len(votes))*100 < uint64(census.Active)*uint64(n.SuspendPercent) {
		return nil
	}
	for _, v := range votes {
		t.drop(v)
	}
	t.drop(key)
	n.Next = append(slices.Clone(n.Next), c.Change)
	slices.SortStableFunc(n.Next, ParameterChange.order)
	t.put(keyNetwork, n)
	t.emit(EventNetworkChanged, keyNetwork, c.Change.name())
	return nil
}

// standing gives the keys of the votes under a prefix that count, with one that
// is new, and removes those of members that are not active any more.
func (t *tx) standing(prefix, own string) []string {
	votes := []string{own}
	for key := range t.Scan(prefix) {
		voter := party.Code(strings.TrimPrefix(key, prefix))
		if v, _ := get[party.Member](t, MemberKey(voter)); v.State == party.Active {
			votes = append(votes, key)
		} else {
			t.drop(key)
		}
	}
	return votes
}

// forgetProposals removes some proposals whose height has passed, with their
// votes.
func (t *tx) forgetProposals() {
	n := 0
	for key, raw := range t.Scan(prefixProposal) {
		p := stored[Proposal](raw)
		if n == oldRecords || p.Change.From > t.ctx.Block.Height {
			break // keys begin with the height
		}
		for ballot := range t.Scan(BallotKey(p.Change, "")) {
			t.drop(ballot)
		}
		t.drop(key)
		n++
	}
}

// name tells a change apart from all others: "0000000001000/vouchers/3".
func (c ParameterChange) name() string {
	return millis(int64(min(c.From, 1<<62))) + "/" + c.Parameter + "/" + strconv.FormatUint(c.Value, 10)
}
