package trade

import (
	"cmp"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// RuleVersion is the version of the rules in this package. It is part of each
// channel's state; a node that does not know a channel's version stops that
// channel (code version-unknown).
const RuleVersion = 1

// BilateralState is where a Bilateral stands.
type BilateralState string

// The states of a Bilateral.
const (
	Binding  BilateralState = "binding"  // one side is bound, the other is not
	Bound    BilateralState = "bound"    // in use
	Diverged BilateralState = "diverged" // see AllowedWhenDiverged
)

// Bilateral is a Bilateral's own record: who its members are.
type Bilateral struct {
	State   BilateralState `cbor:"1,keyasint" json:"state"`
	Sides   []BoundSide    `cbor:"2,keyasint" json:"sides"` // in the order in which they bound themselves
	Version uint32         `cbor:"3,keyasint" json:"version"`
	Next    *NextVersion   `cbor:"4,keyasint,omitempty" json:"next,omitempty"`
}

// BoundSide is one member with its channel keys, the current one last.
type BoundSide struct {
	Member party.Code       `cbor:"1,keyasint" json:"member"`
	Keys   []sign.PublicKey `cbor:"2,keyasint" json:"keys"`
}

// Bond is the member key's signature over the channel keys of its side, kept
// beside the Bilateral's record, which is read with every command.
type Bond struct {
	Keys [2]sign.PublicKey `cbor:"1,keyasint" json:"keys"`
	Act  party.Act         `cbor:"2,keyasint" json:"act"`
}

// Mending is one side's word that the states are one again.
type Mending struct {
	By       party.Code `cbor:"1,keyasint" json:"by"`
	Evidence canon.Hash `cbor:"2,keyasint" json:"evidence"`
	Act      party.Act  `cbor:"3,keyasint" json:"act"`
}

// Mended is a divergence that both sides have closed. Heads up to its size are
// no evidence any more.
type Mended struct {
	Evidence Divergence `cbor:"1,keyasint" json:"evidence"`
	Height   uint64     `cbor:"2,keyasint" json:"height"` // of the block that closed it
}

// NextVersion is a change of rules that one side has proposed, or both signed.
type NextVersion struct {
	Version  uint32     `cbor:"1,keyasint" json:"version"`
	Height   uint64     `cbor:"2,keyasint" json:"height"`
	Proposer party.Code `cbor:"3,keyasint" json:"proposer"`
	Agreed   bool       `cbor:"4,keyasint,omitempty" json:"agreed"`
	Deadline int64      `cbor:"5,keyasint,omitempty" json:"deadline,omitempty"` // for the answer; block time, ms UTC; 0 once it is agreed
}

// Side gives the member that signs with a channel key, and its partner.
func (b Bilateral) Side(k sign.PublicKey) (own, partner party.Code, ok bool) {
	for i, s := range b.Sides {
		for _, key := range s.Keys {
			if key == k {
				if len(b.Sides) == 2 {
					partner = b.Sides[1-i].Member
				}
				return s.Member, partner, true
			}
		}
	}
	return "", "", false
}

// Pair gives the two members in byte order. The Bilateral must be bound.
func (b Bilateral) Pair() [2]party.Code {
	p := [2]party.Code{b.Sides[0].Member, b.Sides[1].Member}
	if p[1] < p[0] {
		p[0], p[1] = p[1], p[0]
	}
	return p
}

// Counter numbers what has no id of its own.
type Counter struct {
	Journal uint64 `cbor:"1,keyasint,omitempty" json:"journal"`
	Netting uint64 `cbor:"2,keyasint,omitempty" json:"netting"`
}

// Nonce marks a delegate's number as used. It is removed some time after its
// authorization is void.
type Nonce struct {
	Expires int64 `cbor:"1,keyasint" json:"expires"` // of the authorization, ms UTC
}

// SheetState is where a rate sheet stands.
type SheetState string

// The states of a sheet. Who acts next stands beside each.
const (
	SheetProposed     SheetState = "proposed"     // the buyer: its node acknowledges; accept or reject
	SheetAcknowledged SheetState = "acknowledged" // the buyer, whose node has the file: accept or reject
	SheetAccepted     SheetState = "accepted"     // nobody; in effect from its own beginning on, until that of a later one
	SheetRejected     SheetState = "rejected"     // nobody
	SheetWithdrawn    SheetState = "withdrawn"    // nobody
)

// SheetEvent is what moves a sheet.
type SheetEvent string

// The events of a sheet.
const (
	SheetAcknowledge SheetEvent = "acknowledge" // by the buyer's node: the file is there and has the root
	SheetAccept      SheetEvent = "accept"      // by the buyer
	SheetReject      SheetEvent = "reject"      // by the buyer
	SheetWithdraw    SheetEvent = "withdraw"    // by the seller, while nobody has answered
	SheetLapse       SheetEvent = "lapse"       // the time for the answer has passed
)

// SheetTransitions is every move a sheet can make; what is not here is refused.
var SheetTransitions = map[SheetState]map[SheetEvent]SheetState{
	SheetProposed:     {SheetAcknowledge: SheetAcknowledged, SheetAccept: SheetAccepted, SheetReject: SheetRejected, SheetWithdraw: SheetWithdrawn, SheetLapse: SheetRejected},
	SheetAcknowledged: {SheetAccept: SheetAccepted, SheetReject: SheetRejected, SheetWithdraw: SheetWithdrawn, SheetLapse: SheetRejected},
}

// Sheet is a rate sheet by its commitment; the rows are in a file.
type Sheet struct {
	ID        string          `cbor:"1,keyasint" json:"id"`
	Agreement string          `cbor:"2,keyasint" json:"agreement"`
	Direction usage.Direction `cbor:"3,keyasint" json:"direction"`
	Line      product.Line    `cbor:"4,keyasint" json:"line"`
	Root      canon.Hash      `cbor:"5,keyasint" json:"root"`
	Rows      uint32          `cbor:"6,keyasint" json:"rows"`
	File      canon.Hash      `cbor:"7,keyasint" json:"file"`
	Size      uint64          `cbor:"8,keyasint" json:"size"`
	From      int64           `cbor:"9,keyasint" json:"from"` // ms UTC
	State     SheetState      `cbor:"10,keyasint" json:"state"`
	// Base is the number of the sheet's first row: rows are numbered on through
	// the accepted sheets of a direction. Set when the sheet is accepted.
	Base     uint32    `cbor:"11,keyasint,omitempty" json:"base"`
	Proposed party.Act `cbor:"12,keyasint" json:"proposed"`
	Accepted party.Act `cbor:"13,keyasint,omitzero" json:"accepted,omitzero"`
	Why      string    `cbor:"14,keyasint,omitempty" json:"why,omitempty"`
	Deadline int64     `cbor:"15,keyasint,omitempty" json:"deadline,omitempty"` // for the answer; block time, ms UTC
	// Raises is the seller's word that a price rises or goes. The buyer's node
	// compares the files before it accepts.
	Raises       bool      `cbor:"16,keyasint,omitempty" json:"raises,omitempty"`
	Acknowledged party.Act `cbor:"17,keyasint,omitzero" json:"acknowledged,omitzero"`
}

// Tariff lists the accepted sheets of a direction and line, oldest first. Each
// is in force from its own beginning until the next one's.
type Tariff struct {
	Sheets []TariffSheet `cbor:"1,keyasint" json:"sheets"`
}

// TariffSheet is what the machine needs of an accepted sheet.
type TariffSheet struct {
	ID   string     `cbor:"1,keyasint" json:"id"`
	Base uint32     `cbor:"2,keyasint" json:"base"`
	Rows uint32     `cbor:"3,keyasint" json:"rows"`
	From int64      `cbor:"4,keyasint" json:"from"` // ms UTC
	Root canon.Hash `cbor:"5,keyasint" json:"root"`
}

// ProvenRow is a row that someone has shown to be in an accepted sheet.
type ProvenRow struct {
	Sheet string     `cbor:"1,keyasint" json:"sheet"`
	Rate  rating.Row `cbor:"2,keyasint" json:"rate"`
}

// Standing names the standing order of a direction and line.
type Standing struct {
	Order string `cbor:"1,keyasint" json:"order"`
	Ended int64  `cbor:"2,keyasint,omitempty" json:"ended,omitempty"` // ms UTC; the order has ended, and the next one begins then or later
	Last  int64  `cbor:"3,keyasint,omitempty" json:"last,omitempty"`  // until when usage of the direction is billed: under this order, or those before it; ms UTC
}

// Statement is one part of a side's usage statement.
type Statement struct {
	Lines []usage.Line `cbor:"1,keyasint" json:"lines"`
}

// Outcomes is what a side's rules made of a period's differing lines.
type Outcomes struct {
	Lines    []OutcomeLine `cbor:"1,keyasint" json:"lines"`
	Evidence canon.Hash    `cbor:"2,keyasint" json:"evidence"`
}

// Objections is one part of what a buyer disputes of an invoice.
type Objections struct {
	Lines    []Objection `cbor:"1,keyasint,omitempty" json:"lines"`
	Reserved []Objection `cbor:"2,keyasint,omitempty" json:"reserved"`
}

// Metered is what a term about volume has counted in one window of a direction,
// and what documents say of it.
type Metered struct {
	Counted rating.Counted `cbor:"1,keyasint" json:"counted"`
	Billed  money.Micro    `cbor:"2,keyasint" json:"billed"`         // what the term makes of that, and documents say: a discount is below zero
	Last    int64          `cbor:"3,keyasint,omitempty" json:"last"` // beginning of the latest period that counts; ms UTC
	Over    bool           `cbor:"4,keyasint,omitempty" json:"over"` // the window's last period is invoiced
}

// Balance is what stands on an account.
type Balance struct {
	Micro money.Micro `cbor:"1,keyasint" json:"amount"`
}

// Unattested is what was invoiced in a currency since the attested position, by
// block, oldest first. It is kept where the agreement has a limit for it.
type Unattested struct {
	Blocks []UnattestedBlock `cbor:"1,keyasint" json:"blocks"`
}

// UnattestedBlock is what was invoiced in one block, both ways together.
type UnattestedBlock struct {
	Height uint64      `cbor:"1,keyasint" json:"height"`
	Micro  money.Micro `cbor:"2,keyasint" json:"amount"`
}

// File is a file that was acknowledged.
type File struct {
	Kind      string         `cbor:"1,keyasint" json:"kind"`
	Size      uint64         `cbor:"2,keyasint" json:"size"`
	Count     uint64         `cbor:"3,keyasint,omitempty" json:"count,omitempty"`
	Totals    []money.Amount `cbor:"4,keyasint,omitempty" json:"totals,omitempty"`
	Reference []byte         `cbor:"5,keyasint,omitempty" json:"reference,omitempty"`
	By        party.Code     `cbor:"6,keyasint" json:"by"`
	Height    uint64         `cbor:"7,keyasint" json:"height"`
}

// Network is the parameters of the network.
type Network struct {
	Name              string `cbor:"1,keyasint" json:"name"`
	Version           uint32 `cbor:"2,keyasint" json:"version"`            // of the rules
	Vouchers          uint32 `cbor:"3,keyasint" json:"vouchers"`           // members that must vouch for an applicant, the sponsor included
	SuspendPercent    uint32 `cbor:"4,keyasint" json:"suspend_percent"`    // of the active members, to suspend or restore one, or to change a parameter
	MemberBytes       uint64 `cbor:"5,keyasint" json:"member_bytes"`       // a minute and member
	ChannelBytes      uint64 `cbor:"6,keyasint" json:"channel_bytes"`      // a minute and channel
	ReserveBytes      uint64 `cbor:"7,keyasint" json:"reserve_bytes"`      // a minute more, for heads, key changes and termination
	InvitationMillis  int64  `cbor:"8,keyasint" json:"invitation_millis"`  // longest life of an invitation
	UncontestedMillis int64  `cbor:"9,keyasint" json:"uncontested_millis"` // after which an unanswered head counts
	// Next are changes that are carried, in the order of their heights. Whoever
	// reads a parameter asks At for its height.
	Next []ParameterChange `cbor:"10,keyasint,omitempty" json:"next,omitempty"`
	// ChallengeMillis is how long the other side of a lock may show that who has
	// left alone had paid more; 0: a day.
	ChallengeMillis int64 `cbor:"11,keyasint,omitempty" json:"challenge_millis,omitempty"`
}

// Challenge is how long an exit from a lock may be contested, in ms.
func (n Network) Challenge() int64 {
	if n.ChallengeMillis == 0 {
		return dayMillis
	}
	return n.ChallengeMillis
}

func (c ParameterChange) order(d ParameterChange) int { return cmp.Compare(c.From, d.From) }

// Proposal is a change of a parameter that members vote on.
type Proposal struct {
	Change ParameterChange `cbor:"1,keyasint" json:"change"`
	By     party.Code      `cbor:"2,keyasint" json:"by"`
	Height uint64          `cbor:"3,keyasint" json:"height"`
}

// Validators is the committee at genesis.
type Validators struct {
	List []Validator `cbor:"1,keyasint" json:"list"`
}

// Validator is one member of the committee.
type Validator struct {
	Name  string         `cbor:"1,keyasint" json:"name"`
	Key   sign.PublicKey `cbor:"2,keyasint" json:"key"`
	Power int64          `cbor:"3,keyasint" json:"power"`
}

// Census counts members, so that votes need no scan.
type Census struct {
	Active uint32 `cbor:"1,keyasint" json:"active"`
}

// Name leads from an alias to a member.
type Name struct {
	Member party.Code `cbor:"1,keyasint" json:"member"`
}

// KeyUse says who uses a key for what. No key is used twice, ever.
type KeyUse struct {
	Use     string     `cbor:"1,keyasint" json:"use"`                        // "member", "node", "recovery", "channel", "validator", "lock"
	Member  party.Code `cbor:"2,keyasint,omitempty" json:"member,omitempty"` // of a member's key
	Channel canon.Hash `cbor:"3,keyasint,omitzero" json:"channel,omitzero"`  // of a channel key
}

// Uses of keys.
const (
	UseMember    = "member"
	UseNode      = "node"
	UseRecovery  = "recovery"
	UseChannel   = "channel"
	UseValidator = "validator"
	UseLock      = "lock"
)

// Motion is what members vote on about another.
type Motion string

// The motions.
const (
	MotionSuspend Motion = "suspend"
	MotionRestore Motion = "restore"
)

// Vote is one member's vote.
type Vote struct {
	Height uint64 `cbor:"1,keyasint" json:"height"`
}

// OpeningState is how far a Bilateral is opened.
type OpeningState string

// The states of an opening. Who acts next stands beside each. One that is not
// confirmed before it expires has lapsed, whatever its record says.
const (
	Invited OpeningState = "invited" // both channel keys: confirm
	Opened  OpeningState = "open"    // nobody
)

// Opening is who opened a Bilateral and pays for it. It never names the
// partner.
type Opening struct {
	Channel   canon.Hash   `cbor:"1,keyasint" json:"channel"`
	Opener    party.Code   `cbor:"2,keyasint" json:"opener"`
	Expires   int64        `cbor:"3,keyasint" json:"expires"`
	Confirmed [2]bool      `cbor:"4,keyasint" json:"confirmed"`
	State     OpeningState `cbor:"5,keyasint" json:"state"`
	Height    uint64       `cbor:"6,keyasint" json:"height"`
}

// Invitation is what the opener sealed to its partner. It is removed when the
// channel is open.
type Invitation struct {
	Sealed []byte `cbor:"1,keyasint" json:"sealed"`
}

// Lapsing names an invitation that is not confirmed yet.
type Lapsing struct {
	Channel canon.Hash `cbor:"1,keyasint" json:"channel"`
}

// Lapsed reports whether the invitation has expired without confirmation.
func (o Opening) Lapsed(time int64) bool { return o.State == Invited && o.Expires <= time }

// Anchored names a channel's last anchor.
type Anchored struct {
	Key  string `cbor:"1,keyasint" json:"key"`
	Head Head   `cbor:"2,keyasint" json:"head"`
	// Attested is the key of the last one that both members have signed.
	Attested string `cbor:"3,keyasint,omitempty" json:"attested,omitempty"`
}

// AnchorClaim is an uncontested anchor that waits for the time that the partner
// has to answer.
type AnchorClaim struct {
	Anchor Anchor `cbor:"1,keyasint" json:"anchor"`
	Posted int64  `cbor:"2,keyasint" json:"posted"` // block time, ms UTC
}

// Contest is a claim that the partner has answered with a head that
// contradicts it: one of the two has signed what is not so.
type Contest struct {
	Claimed SignedHead `cbor:"1,keyasint"`
	Answer  SignedHead `cbor:"2,keyasint"`
}

// figures is what a usage line says, as a dispute keeps it.
func figures(l usage.Line, amount money.Micro) dispute.Figures {
	return dispute.Figures{Calls: l.Calls, RawMillis: l.RawMillis, BilledSeconds: l.BilledSeconds, Amount: amount, Root: l.Root}
}
