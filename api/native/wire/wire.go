// Package wire holds what goes over the native HTTP interface of a node, as
// JSON. Server, Go client and OpenAPI document are made from these types.
//
// Times are RFC 3339 in UTC with at most milliseconds, intervals
// "START/END", directions "FROM>TO". Amounts are decimal strings with six
// places, rates with nine. Hashes and keys are hex. Ids, states and roles are
// spelled as in package trade.
package wire

import (
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/usage"
)

// Time is a moment in ms since 1970 UTC; in JSON an RFC 3339 text. Zero is left
// out where a field may be absent.
type Time int64

// MarshalText gives RFC 3339 in UTC, with ms where there are any.
func (t Time) MarshalText() ([]byte, error) { return []byte(usage.Stamp(int64(t))), nil }

// UnmarshalText reads RFC 3339 in any zone, exact to the ms. Code: invalid.
func (t *Time) UnmarshalText(text []byte) error {
	at, err := time.Parse(time.RFC3339Nano, string(text))
	year := at.UTC().Year() // a zone may lead out of the years that can be written
	if err != nil || at.Nanosecond()%1e6 != 0 || year < 0 || year > 9999 {
		return fault.Newf(fault.Invalid, "write a time like 2026-11-02T00:00:00Z, with at most three places of a second", "%.40q is no time", text).Because(err)
	}
	*t = Time(at.UnixMilli())
	return nil
}

// Me is the bearer of the token that asked.
type Me struct {
	Name       string    `json:"name"`
	Role       string    `json:"role"`
	Expires    time.Time `json:"expires,omitzero" doc:"When the token ends. Absent: never."`
	Carrier    string    `json:"carrier" doc:"Whose node this is."`
	Operations []string  `json:"operations" nullable:"false" doc:"Ids of the operations that the role may use."`
}

// Status is where the node stands.
type Status struct {
	Carrier     party.Code  `json:"carrier"`
	Version     string      `json:"version"`
	Ready       bool        `json:"ready"`
	Checks      []Check     `json:"checks" nullable:"false"`
	Height      uint64      `json:"height" doc:"Last block executed here."`
	Time        Time        `json:"time" doc:"Its block time."`
	Confirmed   uint64      `json:"confirmed" doc:"Height that enough validators report."`
	Finality    Finality    `json:"finality_ms"`
	Omnilateral Place       `json:"omnilateral"`
	Bilaterals  []Bilateral `json:"bilaterals" nullable:"false"`
	Busy        bool        `json:"busy" doc:"Steps of clearing are under way."`
}

// Check is one thing that must be right for the node to be ready.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

// Readiness is whether the node can do its work.
type Readiness struct {
	Ready  bool    `json:"ready"`
	Checks []Check `json:"checks" nullable:"false"`
}

// Finality is how long envelopes took from submission until they were final.
type Finality struct {
	Count uint64  `json:"count"`
	P50   float64 `json:"p50"`
	P99   float64 `json:"p99"`
}

// Place is a position in a channel with the state root there.
type Place struct {
	Position uint64     `json:"position" doc:"Height of the last block that touched the channel."`
	Root     canon.Hash `json:"root" doc:"Of the state there."`
}

// Bilateral is one channel with a partner.
type Bilateral struct {
	Partner    party.Code       `json:"partner"`
	Channel    canon.Hash       `json:"channel"`
	Opener     party.Code       `json:"opener"`
	State      string           `json:"state" doc:"opening, lapsed, open, diverged or halted."`
	Position   uint64           `json:"position" doc:"Height of the last block that touched the channel."`
	Root       canon.Hash       `json:"root" doc:"Of the state there."`
	Attested   uint64           `json:"attested" doc:"Position up to which both members have signed the same log."`
	Epoch      uint32           `json:"epoch" doc:"Of the key that seals the channel; 0 before the first."`
	Unanswered Time             `json:"unanswered_since,omitzero" doc:"Since when the partner owes an answer to a signed head."`
	Members    *trade.Bilateral `json:"members,omitempty"`
	Divergence *Divergence      `json:"divergence,omitempty" doc:"While the two members' states differ, or both have not said that they do no more."`
	Twice      []SignedTwice    `json:"signed_twice,omitempty" doc:"Heads of one size that one channel key has signed, as they stand on the Omnilateral."`
	Reputation *Reputation      `json:"reputation,omitempty" doc:"How the partner pays, by what others say. In the answer about one Bilateral only."`
	Problem    string           `json:"problem,omitempty" doc:"Why the channel has halted here, or what keeps its sealing key from changing."`
}

// Divergence is what is known of a difference between the two members' states.
type Divergence struct {
	Evidence  canon.Hash `json:"evidence,omitzero" doc:"Of the two contradicting heads in the channel's state: what closing names. Absent: there is none yet."`
	Size      uint64     `json:"size" doc:"Of the block log of which the members have signed two roots."`
	Searching bool       `json:"searching,omitempty" doc:"The two nodes have not signed one log since."`
	Height    uint64     `json:"height,omitempty" doc:"Of the first block that differs, once it is found."`
	Kind      trade.Kind `json:"kind,omitempty" doc:"Of the first command that differs, when the difference is in one."`
	Silent    party.Code `json:"silent,omitempty" doc:"Who has left a question of the search unanswered."`
	ClosedBy  party.Code `json:"closed_by,omitempty" doc:"Who has said that it is over. The other side has not."`
	Closed    uint64     `json:"closed,omitempty" doc:"Height at which both had said that it is over."`
}

// SignedTwice is two heads of one size under one channel key: whoever has the
// key has signed what is not so. The two signatures show it to everybody.
type SignedTwice struct {
	Member party.Code       `json:"member" doc:"Whose channel key it is."`
	Key    sign.PublicKey   `json:"key"`
	One    trade.SignedHead `json:"one"`
	Two    trade.SignedHead `json:"two"`
}

// CloseDivergence says that the two members' states are one again.
type CloseDivergence struct {
	Evidence canon.Hash `json:"evidence,omitzero" doc:"The evidence that was looked at. Absent: that of now."`
	Why      string     `json:"why,omitempty" maxLength:"500"`
}

// OpenBilateral asks for a channel with a partner.
type OpenBilateral struct {
	Partner party.Code `json:"partner" minLength:"1" maxLength:"32"`
}

// Exported is a channel's export on its way to the partner.
type Exported struct {
	Position uint64     `json:"position" doc:"Height up to which both have signed what it holds."`
	Records  uint64     `json:"records" doc:"How many records it has."`
	File     canon.Hash `json:"file" doc:"SHA-256 of the file."`
	Size     int64      `json:"size" doc:"Its bytes."`
}

// OwnKeys are public keys of this carrier that others register.
type OwnKeys struct {
	Application *party.Signed `json:"application,omitempty" doc:"What the node was set up with, signed with its keys: a member sponsors it. Absent when it lies beside the key file no more."`
	Delegates   []OwnDelegate `json:"delegates" doc:"Keys with which the node acts for its carrier by itself and for its people, where they are registered."`
}

// OwnDelegate is a key that the node may sign with, once it is registered on a
// Bilateral.
type OwnDelegate struct {
	Role party.Role     `json:"role" doc:"What it is meant for: contracts, orders, disputes, finance or compliance."`
	Key  sign.PublicKey `json:"key" doc:"Its public key, hex."`
}

// NewKey is a key that has taken another's place.
type NewKey struct {
	Key      string `json:"key,omitempty" doc:"The new public key, in hex; of a sealing key see there."`
	Sealing  []byte `json:"sealing,omitempty" doc:"The new public sealing key."`
	Restarts bool   `json:"restarts,omitempty" doc:"The node starts again to work under it, within a moment."`
}

// Prepare asks for a command for a key that is kept elsewhere.
type Prepare struct {
	Partner party.Code     `json:"partner,omitempty" maxLength:"32" doc:"Of a command on a Bilateral."`
	Kind    trade.Kind     `json:"kind" minLength:"1" maxLength:"40" doc:"Of the command, for example bind, key.change, key.rotate or delegate.add."`
	Key     string         `json:"key,omitempty" enum:"member,sealing,node" doc:"Which key a key.rotate replaces, by one that the node makes."`
	Body    map[string]any `json:"body,omitempty" doc:"Fields of the command. Absent: what the node knows by itself, for bind, key.change, key.rotate, divergence.close and member.leave."`
}

// Command is a command on its way to a key that is kept elsewhere and back.
type Command struct {
	Chain     string         `json:"chain"`
	Channel   canon.Hash     `json:"channel" doc:"All zero: the Omnilateral."`
	Kind      trade.Kind     `json:"kind" maxLength:"40"`
	Body      []byte         `json:"body" doc:"As it goes on the ledger: canonical CBOR."`
	Expires   Time           `json:"expires" doc:"Block time after which the signature is void."`
	Nonce     canon.Hash     `json:"nonce" doc:"Used once."`
	Message   canon.Hash     `json:"message,omitzero" doc:"The exact 32 bytes to sign, by Ed25519 (RFC 8032)."`
	Says      any            `json:"says,omitempty" doc:"What the body says, to be read before it is signed."`
	Key       sign.PublicKey `json:"key,omitzero" doc:"Who signed."`
	Signature sign.Signature `json:"signature,omitzero"`
}

// Rival is an envelope under a number that its sender had used before: the two
// together show that somebody signs twice with one key.
type Rival struct {
	Member   party.Code     `json:"member,omitempty" doc:"Whose node key the sender is. Absent for a channel key, which names nobody."`
	Channel  canon.Hash     `json:"channel" doc:"All zero: the Omnilateral."`
	Sender   sign.PublicKey `json:"sender"`
	Number   uint64         `json:"number"`
	Final    canon.Hash     `json:"final" doc:"Id of the envelope that has the number on the ledger."`
	Height   uint64         `json:"height" doc:"Of its block."`
	Index    uint32         `json:"index" doc:"Its place there."`
	Rival    canon.Hash     `json:"rival" doc:"Id of the other envelope."`
	Envelope []byte         `json:"envelope" doc:"The other envelope itself, with its sender's signature."`
}

// EndBilateral ends all trade with a partner.
type EndBilateral struct {
	Why string `json:"why,omitempty" maxLength:"500"`
}

// Ended is what ending all agreements came to.
type Ended struct {
	Agreements []Done[Agreement] `json:"agreements" nullable:"false"`
}

// Leave confirms who leaves the network.
type Leave struct {
	Carrier party.Code `json:"carrier" doc:"This carrier's own code, so that nobody leaves by mistake."`
}

// Receipt is what remains of one command in the channel's log.
type Receipt struct {
	Height  uint64         `json:"height"`
	Index   uint32         `json:"index" doc:"Of the envelope in its block."`
	Command int            `json:"command" doc:"Place in the envelope."`
	Kind    trade.Kind     `json:"kind"`
	Code    fault.Code     `json:"code,omitempty" doc:"Why it was refused. Absent: done."`
	Field   string         `json:"field,omitempty"`
	Detail  string         `json:"detail,omitempty"`
	Remedy  string         `json:"remedy,omitempty"`
	By      sign.PublicKey `json:"delegate,omitzero" doc:"Delegate or member key that authorised it. Absent: the node alone."`
	Limit   string         `json:"limit,omitempty" doc:"That covered it."`
	Writes  canon.Hash     `json:"writes,omitzero" doc:"Hash of what it wrote."`
	Events  []trade.Event  `json:"events,omitempty"`
}

// Done is the answer to a change: the record as it is now, and the receipt of
// the command that changed it. The command is final and executed.
type Done[T any] struct {
	Record   T       `json:"record"`
	Receipt  Receipt `json:"receipt,omitzero" doc:"Absent when the same request had been done before."`
	Repeated bool    `json:"repeated,omitempty" doc:"The same request had been done before."`
	Waits    bool    `json:"waits,omitempty" doc:"Nothing has changed yet: another person has to send the same request."`
}

// Answer accepts, rejects, suspends, resumes or ends something.
type Answer struct {
	Why string `json:"why,omitempty" maxLength:"500"`
}

// Act is one side's authorised step.
type Act struct {
	By        party.Code     `json:"by"`
	Key       sign.PublicKey `json:"key,omitzero" doc:"Delegate or member key. Absent: the node alone."`
	Limit     string         `json:"limit,omitempty"`
	Command   canon.Hash     `json:"command" doc:"Hash of the command's kind and body."`
	Signature sign.Signature `json:"signature,omitzero"`
	Expires   Time           `json:"expires,omitzero"`
	Nonce     canon.Hash     `json:"nonce,omitzero"`
	Height    uint64         `json:"height"`
	Time      Time           `json:"time"`
}

// Key is a signing key with the heights at which it counts.
type Key struct {
	Key   sign.PublicKey `json:"key"`
	From  uint64         `json:"from"`
	Until uint64         `json:"until,omitempty"`
}

// Member is a carrier on the network.
type Member struct {
	Code      party.Code     `json:"code"`
	LegalName string         `json:"legal_name"`
	Country   string         `json:"country" doc:"ISO 3166-1 alpha-2."`
	Aliases   []party.Alias  `json:"aliases,omitempty"`
	Exchange  string         `json:"exchange" doc:"host:port where its files arrive."`
	Members   []Key          `json:"member_keys" nullable:"false"`
	Nodes     []Key          `json:"node_keys" nullable:"false"`
	Recovery  sign.PublicKey `json:"recovery"`
	State     party.State    `json:"state"`
	Since     uint64         `json:"since" doc:"Height of the last change of state."`
	Sponsor   party.Code     `json:"sponsor,omitempty"`
	Vouchers  []party.Code   `json:"vouchers,omitempty"`
}

// Network is the parameters of the network.
type Network = trade.Network

// ParameterChange is another value of one of the network's parameters, from a
// height on.
type ParameterChange = trade.ParameterChange

// ParameterProposal is such a change that members vote on.
type ParameterProposal = trade.Proposal

// Apply asks to admit an applicant, whose application is signed with all its
// keys.
type Apply struct {
	Application party.Signed `json:"application"`
}

// Anchor is how far a channel is attested on the Omnilateral.
type Anchor struct {
	Channel  canon.Hash       `json:"channel"`
	Term     uint32           `json:"term"`
	Position uint64           `json:"position"`
	Kind     trade.AnchorKind `json:"kind"`
	Size     uint64           `json:"size" doc:"Leaves in the attested block log."`
	Root     canon.Hash       `json:"root" doc:"Of the attested block log."`
}

// Agreement is a contract between the two sides.
type Agreement struct {
	ID         string          `json:"id"`
	Type       agreement.Type  `json:"type"`
	Proposer   party.Code      `json:"proposer"`
	Legal      agreement.Legal `json:"legal"`
	Lines      []string        `json:"lines" nullable:"false"`
	From       Time            `json:"from"`
	Until      Time            `json:"until,omitzero"`
	State      agreement.State `json:"state"`
	Versions   []Version       `json:"versions" nullable:"false" doc:"Of the terms, oldest first."`
	Pending    *Version        `json:"pending,omitempty" doc:"Waits for the other side's answer."`
	Terminated *Act            `json:"terminated,omitempty"`
	Ends       Time            `json:"ends,omitzero"`

	Allowed []agreement.Step `json:"allowed" nullable:"false" doc:"What this side may do about it now: accept, reject, about what is proposed; amend; end, which withdraws a proposal of its own."`
}

// Version is one version of an agreement's terms.
type Version struct {
	Number   uint32           `json:"number"`
	From     Time             `json:"from"`
	Hash     canon.Hash       `json:"hash" doc:"Of the terms; an answer repeats it."`
	Terms    *agreement.Terms `json:"terms,omitempty" doc:"In the answer for one agreement only."`
	Proposed Act              `json:"proposed"`
	Accepted *Act             `json:"accepted,omitempty"`
}

// ProposeAgreement offers a contract. Without an id one is made from the
// Idempotency-Key.
type ProposeAgreement struct {
	ID    string          `json:"id,omitempty" maxLength:"40"`
	Type  agreement.Type  `json:"type" enum:"msa"`
	Legal agreement.Legal `json:"legal"`
	Lines []product.Line  `json:"lines" minItems:"1" nullable:"false"`
	From  Time            `json:"from"`
	Until Time            `json:"until,omitzero"`
	Terms agreement.Terms `json:"terms" doc:"Begin with those of GET /v1/terms."`
}

// AmendAgreement offers other terms from an edge of a period on.
type AmendAgreement struct {
	From  Time            `json:"from"`
	Terms agreement.Terms `json:"terms"`
}

// AnswerTerms answers what the other side proposed last. Hash names the terms
// that were read; without it the answer is about what is pending now.
type AnswerTerms struct {
	Hash canon.Hash `json:"hash,omitzero"`
	Why  string     `json:"why,omitempty" maxLength:"500"`
}

// Delegate is a person or robot that may authorise for one side.
type Delegate struct {
	Key     sign.PublicKey `json:"key"`
	Member  party.Code     `json:"member"`
	Name    string         `json:"name"`
	Roles   []party.Role   `json:"roles" nullable:"false"`
	Limits  []money.Amount `json:"limits,omitempty" doc:"Largest amount of one command, by currency."`
	From    uint64         `json:"from" doc:"Height."`
	Until   uint64         `json:"until,omitempty"`
	Revoked bool           `json:"revoked,omitempty"`
}

// AddDelegate registers a delegate of this carrier, or changes one.
type AddDelegate struct {
	Key    sign.PublicKey `json:"key"`
	Name   string         `json:"name" minLength:"1" maxLength:"100"`
	Roles  []party.Role   `json:"roles" minItems:"1" nullable:"false"`
	Limits []money.Amount `json:"limits,omitempty"`
	From   uint64         `json:"from,omitempty" doc:"Height; absent: at once."`
	Until  uint64         `json:"until,omitempty"`
}

// Sheet is a rate sheet by its commitment.
type Sheet struct {
	ID           string           `json:"id"`
	Agreement    string           `json:"agreement"`
	Direction    usage.Direction  `json:"direction"`
	Line         product.Line     `json:"line"`
	Root         canon.Hash       `json:"root" doc:"Over its rows."`
	Rows         uint32           `json:"rows"`
	File         canon.Hash       `json:"file" doc:"SHA-256 of the file."`
	Size         uint64           `json:"size" doc:"Of the file in bytes."`
	From         Time             `json:"from"`
	State        trade.SheetState `json:"state"`
	Base         uint32           `json:"base" doc:"Number of its first row."`
	Proposed     Act              `json:"proposed"`
	Acknowledged *Act             `json:"acknowledged,omitempty" doc:"By the buyer's node: it has the file."`
	Accepted     *Act             `json:"accepted,omitempty"`
	Effective    bool             `json:"effective,omitempty" doc:"It is accepted and has begun."`
	Raises       bool             `json:"raises,omitempty" doc:"By the seller's word a price rises or goes against the sheet before."`
	Why          string           `json:"why,omitempty"`
	Allowed      []string         `json:"allowed" nullable:"false" doc:"What this side may do about it now: acknowledge, accept, reject; the seller: withdraw."`
}

// Row is one rate version.
type Row struct {
	Destination      string         `json:"destination"`
	Prefix           string         `json:"prefix"`
	Rate             money.Rate     `json:"rate" doc:"For unit_seconds."`
	Currency         money.Currency `json:"currency"`
	UnitSeconds      uint32         `json:"unit_seconds"`
	MinimumSeconds   uint32         `json:"minimum_seconds"`
	IncrementSeconds uint32         `json:"increment_seconds"`
	ValidFrom        Time           `json:"valid_from"`
	ValidTo          *Time          `json:"valid_to,omitempty" doc:"Absent: open."`
	ConnectFee       money.Rate     `json:"connect_fee,omitzero" doc:"For each call with billed seconds."`
	OriginPrefix     string         `json:"origin_prefix,omitempty" doc:"Prices calls from these numbers only."`
	Blocked          bool           `json:"blocked,omitempty" doc:"No call there has a price."`
	Band             *usage.Band    `json:"band,omitempty" doc:"Prices calls that start in this part of the week only; minutes after midnight."`
}
