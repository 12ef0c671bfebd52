package trade

import (
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/netting"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/repute"
	"github.com/lateral-network/lateral/trade/token"
	"github.com/lateral-network/lateral/trade/usage"
)

// Commands of a Bilateral. The comment beside each names its body, who may
// cause it, and what it does.
const (
	KindBind             Kind = "bind"                // Bind; each side, by its member key
	KindDelegateAdd      Kind = "delegate.add"        // DelegateAdd; either side, by its member key
	KindDelegateRevoke   Kind = "delegate.revoke"     // DelegateRevoke; either side, by its member key
	KindKeyChange        Kind = "key.change"          // KeyChange; either side, by its member key
	KindAgreementPropose Kind = "agreement.propose"   // AgreementPropose; either side
	KindAgreementAmend   Kind = "agreement.amend"     // AgreementAmend; either side
	KindAgreementAccept  Kind = "agreement.accept"    // AgreementAnswer; the side that did not propose
	KindAgreementReject  Kind = "agreement.reject"    // AgreementAnswer; the side that did not propose
	KindAgreementEnd     Kind = "agreement.terminate" // AgreementEnd; either side
	KindBilateralEnd     Kind = "bilateral.end"       // BilateralEnd; either side
	KindSheetPropose     Kind = "sheet.propose"       // SheetPropose; the seller
	KindSheetAcknowledge Kind = "sheet.acknowledge"   // SheetAnswer; the buyer's node
	KindSheetAccept      Kind = "sheet.accept"        // SheetAnswer; the buyer
	KindSheetReject      Kind = "sheet.reject"        // SheetAnswer; the buyer
	KindSheetWithdraw    Kind = "sheet.withdraw"      // SheetAnswer; the seller
	KindRowProve         Kind = "row.prove"           // RowProve; either side
	KindOrderPlace       Kind = "order.place"         // OrderPlace; the buyer
	KindOrderAccept      Kind = "order.accept"        // OrderAnswer; the seller, or about a product whoever is asked
	KindOrderReject      Kind = "order.reject"        // OrderAnswer; the seller, or about a product whoever is asked
	KindOrderSuspend     Kind = "order.suspend"       // OrderAnswer; either side
	KindOrderResume      Kind = "order.resume"        // OrderAnswer; either side
	KindOrderTerminate   Kind = "order.terminate"     // OrderAnswer; either side
	KindOrderCancel      Kind = "order.cancel"        // OrderAnswer; the buyer
	KindOrderCharge      Kind = "order.charge"        // OrderCharge; the seller
	KindOrderReschedule  Kind = "order.reschedule"    // OrderReschedule; the buyer
	KindOrderDeliver     Kind = "order.deliver"       // OrderDeliver; the seller
	KindOrderFail        Kind = "order.fail"          // OrderAnswer; the seller
	KindProductSuspend   Kind = "product.suspend"     // ProductAnswer; the seller
	KindProductResume    Kind = "product.resume"      // ProductAnswer; the seller
	KindMeasure          Kind = "measurement.state"   // MeasurementState; each side
	KindMeasurePropose   Kind = "measurement.propose" // MeasurementPropose; either side
	KindMeasureAccept    Kind = "measurement.accept"  // MeasurementPropose; the side that did not propose
	KindMeasureReject    Kind = "measurement.reject"  // MeasurementReject; the side that did not propose
	KindRatingRequest    Kind = "rating.request"      // RatingRequest; either side
	KindUsageState       Kind = "usage.state"         // UsageState; each side
	KindUsageDeliver     Kind = "usage.deliver"       // UsageDeliver; each side
	KindUsageReceived    Kind = "usage.received"      // UsageReceived; each side
	KindCompareState     Kind = "compare.state"       // CompareState; each side
	KindDisputePropose   Kind = "dispute.propose"     // DisputePropose; either side
	KindDisputeAccept    Kind = "dispute.accept"      // DisputeAccept; the side that did not propose
	KindDisputeReject    Kind = "dispute.reject"      // DisputeReject; the side that did not propose
	KindInvoiceAccept    Kind = "invoice.accept"      // InvoiceAccept; the buyer
	KindInvoiceDispute   Kind = "invoice.dispute"     // InvoiceDispute; the buyer
	KindInvoiceCorrect   Kind = "invoice.correct"     // InvoiceCorrect; the seller
	KindInvoiceReject    Kind = "invoice.reject"      // InvoiceReject; the buyer
	KindBillRequest      Kind = "bill.request"        // BillRequest; either side
	KindBillSubmit       Kind = "bill.submit"         // BillSubmit; each side
	KindBillDispute      Kind = "bill.dispute"        // BillDispute; the buyer
	KindNettingPropose   Kind = "netting.propose"     // NettingPropose; either side
	KindNettingAccept    Kind = "netting.accept"      // NettingAnswer; the side that did not propose
	KindNettingReject    Kind = "netting.reject"      // NettingAnswer; the side that did not propose
	KindObligationOpen   Kind = "obligation.open"     // ObligationOpen; either side
	KindPaymentAdvise    Kind = "payment.advise"      // PaymentAdvise; the payer
	KindPaymentReceipt   Kind = "payment.receipt"     // PaymentAnswer; the payee
	KindPaymentDecline   Kind = "payment.decline"     // PaymentAnswer; the payee
	KindPaymentHold      Kind = "payment.hold"        // PaymentHold; either side's compliance
	KindPaymentRelease   Kind = "payment.release"     // PaymentHold; the side that holds it
	KindVerify           Kind = "compliance.verify"   // Verify; each side's compliance, about the other
	KindDepositKey       Kind = "deposit.key"         // DepositKey; each side's node
	KindDepositDeclare   Kind = "deposit.declare"     // DepositDeclare; the owner's node
	KindDepositChange    Kind = "deposit.change"      // DepositChange; either side
	KindDepositPay       Kind = "deposit.pay"         // DepositPay; the payer
	KindRoundJoin        Kind = "round.join"          // RoundJoin; each side's node
	KindRoundBind        Kind = "round.bind"          // RoundBind; each side
	KindRoundApply       Kind = "round.apply"         // RoundApply; either side's node
	KindReputeShow       Kind = "repute.show"         // ReputeShow; each side's node
	KindTick             Kind = "tick"                // Tick; either side, or a member's node on the Omnilateral
	KindDocumentRecord   Kind = "document.record"     // DocumentRecord; either side
	KindDivergence       Kind = "evidence.divergence" // Divergence; either side
	KindDivergenceEnd    Kind = "divergence.close"    // DivergenceClose; each side
	KindVersionPropose   Kind = "version.propose"     // VersionPropose; either side
	KindVersionAccept    Kind = "version.accept"      // VersionPropose; the side that did not propose
)

// Commands of the Omnilateral.
const (
	KindMemberPropose  Kind = "member.propose"  // MemberPropose; a member sponsors, by its member key
	KindMemberVouch    Kind = "member.vouch"    // MemberVote; a member, by its member key
	KindMemberSuspend  Kind = "member.suspend"  // MemberVote; a member, by its member key
	KindMemberRestore  Kind = "member.restore"  // MemberVote; a member, by its member key
	KindMemberLeave    Kind = "member.leave"    // MemberLeave; the member itself, by its member key
	KindNetworkPropose Kind = "network.propose" // ParameterBallot; a member, by its member key
	KindNetworkVote    Kind = "network.vote"    // ParameterBallot; a member, by its member key
	KindKeyRotate      Kind = "key.rotate"      // KeyRotate; by the member key, or the recovery key for a new member key
	KindChannelOpen    Kind = "channel.open"    // ChannelOpen; a member's node
	KindChannelConfirm Kind = "channel.confirm" // ChannelConfirm; each of the two channel keys
	KindChannelRotate  Kind = "channel.rotate"  // ChannelRotate; a channel key replaces itself
	KindAnchorPost     Kind = "anchor.post"     // AnchorPost; a channel key
	KindAnchorContest  Kind = "anchor.contest"  // AnchorContest; the channel key that has not signed the claim
	KindEquivocation   Kind = "head.twice"      // Equivocation; either channel key
)

// Commands of the Omnilateral about tokens.
const (
	KindTokenDefine   Kind = "token.define"   // TokenDefine; a member that wants to issue, by its member key
	KindTokenApprove  Kind = "token.approve"  // TokenApprove; another member, by its member key
	KindIssuePropose  Kind = "issue.propose"  // IssuePropose; an officer of the issuer
	KindIssueApprove  Kind = "issue.approve"  // IssueAnswer; another officer of the issuer
	KindIssueReject   Kind = "issue.reject"   // IssueAnswer; an officer of the issuer
	KindTokenTransfer Kind = "token.transfer" // TokenTransfer; a member
	KindHoldPlace     Kind = "hold.place"     // HoldPlace; a member
	KindHoldPost      Kind = "hold.post"      // HoldPost; its owner, or with a key whoever it is for
	KindHoldVoid      Kind = "hold.void"      // HoldAnswer; its owner, or where it is locked whoever it is for
	KindSwapOffer     Kind = "swap.offer"     // SwapOffer; a member
	KindSwapTake      Kind = "swap.take"      // SwapAnswer; another member
	KindSwapCancel    Kind = "swap.cancel"    // SwapAnswer; who has offered it
	KindRedeem        Kind = "redeem.request" // RedeemRequest; a member
	KindLockOpen      Kind = "lock.open"      // LockOpen; a member
	KindLockTopUp     Kind = "lock.topup"     // LockTopUp; the owner
	KindLockChange    Kind = "lock.change"    // LockChange; any node, with the signatures of all keys concerned
	KindLockExit      Kind = "lock.exit"      // LockExit; any node, with the signature of the side that leaves
	KindLockContest   Kind = "lock.contest"   // LockContest; any node, with what the side that leaves has signed
	KindLockClaim     Kind = "lock.claim"     // LockClaim; any node, with the signature of the partner's key
	KindRoundCall     Kind = "round.call"     // RoundCall; a member
	KindRoundOffer    Kind = "round.offer"    // RoundOffer; any node, with the signatures of the keys concerned
	KindRoundSign     Kind = "round.sign"     // RoundSign; any node, with the signature of the key
	KindRoundPay      Kind = "round.pay"      // RoundPay; a member that pays or is paid by the round
	KindReputeCommit  Kind = "repute.commit"  // ReputeCommit; a member, by its member key
	KindReputeState   Kind = "repute.state"   // ReputeState; a member's node
	KindFeedState     Kind = "feed.state"     // FeedState; a delegate of any member that is a source

	KindCredentialStatus Kind = "credential.status" // CredentialStatus; a member
)

// Bind says who signs with a channel key. Inside the sealed log each side
// binds itself; the authorization is by its member key and so covers the
// channel keys, chain and channel, and which of the keys is the member's.
type Bind struct {
	Member party.Code        `cbor:"1,keyasint" json:"member"`
	Keys   [2]sign.PublicKey `cbor:"2,keyasint" json:"keys"` // as on the Omnilateral
	Key    sign.PublicKey    `cbor:"3,keyasint" json:"key"`  // the member's own: the sender
}

// DelegateAdd registers a delegate of the sender's side, or changes one.
type DelegateAdd struct {
	Key    sign.PublicKey `cbor:"1,keyasint" json:"key"`
	Name   string         `cbor:"2,keyasint" json:"name"`
	Roles  []party.Role   `cbor:"3,keyasint" json:"roles"`
	Limits []money.Amount `cbor:"4,keyasint,omitempty" json:"limits,omitempty"`
	From   uint64         `cbor:"5,keyasint" json:"from"`                      // height; 0 is at once
	Until  uint64         `cbor:"6,keyasint,omitempty" json:"until,omitempty"` // height; 0 is open
}

// DelegateRevoke ends a delegate of the sender's side, from this position on.
type DelegateRevoke struct {
	Key sign.PublicKey `cbor:"1,keyasint" json:"key"`
}

// KeyChange announces a new channel key of the sender's side. Both keys count
// until the old one is replaced on the Omnilateral by channel.rotate. A key that
// stands there already announces itself.
type KeyChange struct {
	New        sign.PublicKey `cbor:"1,keyasint" json:"new"`
	Possession sign.Signature `cbor:"2,keyasint,omitzero" json:"possession,omitzero"` // the new key's; see Possession
}

// AgreementPropose offers a contract with its terms.
type AgreementPropose struct {
	ID    string          `cbor:"1,keyasint" json:"id"` // chosen by the proposer, unused so far
	Type  agreement.Type  `cbor:"2,keyasint" json:"type"`
	Legal agreement.Legal `cbor:"3,keyasint" json:"legal"`
	Lines []product.Line  `cbor:"4,keyasint" json:"lines"` // sorted
	From  int64           `cbor:"5,keyasint" json:"from"`  // ms UTC
	Until int64           `cbor:"6,keyasint,omitempty" json:"until,omitempty"`
	Terms agreement.Terms `cbor:"7,keyasint" json:"terms"`
}

// AgreementAmend offers other terms for an active agreement. Periods that
// begin at From or later follow them; From is an edge of a period under both.
type AgreementAmend struct {
	ID    string          `cbor:"1,keyasint" json:"id"`
	From  int64           `cbor:"2,keyasint" json:"from"` // ms UTC
	Terms agreement.Terms `cbor:"3,keyasint" json:"terms"`
}

// AgreementAnswer accepts or rejects what the other side proposed last. Hash is
// that of the terms, so that nobody accepts what it has not read.
type AgreementAnswer struct {
	ID    string     `cbor:"1,keyasint" json:"id"`
	Terms canon.Hash `cbor:"2,keyasint" json:"terms"`
	Why   string     `cbor:"3,keyasint,omitempty" json:"why,omitempty"` // of a rejection
}

// AgreementEnd terminates an agreement at this position.
type AgreementEnd struct {
	ID  string `cbor:"1,keyasint" json:"id"`
	Why string `cbor:"2,keyasint,omitempty" json:"why,omitempty"`
}

// BilateralEnd terminates every agreement of the two at this position, and
// withdraws what the sender's side has proposed.
type BilateralEnd struct {
	Why string `cbor:"1,keyasint,omitempty" json:"why,omitempty"`
}

// SheetPropose offers a rate sheet, by the root over its rows.
type SheetPropose struct {
	ID        string          `cbor:"1,keyasint" json:"id"` // chosen by the seller, unused so far
	Agreement string          `cbor:"2,keyasint" json:"agreement"`
	Direction usage.Direction `cbor:"3,keyasint" json:"direction"` // to the sender
	Line      product.Line    `cbor:"4,keyasint" json:"line"`
	Root      canon.Hash      `cbor:"5,keyasint" json:"root"` // rating.Sheet.Root
	Rows      uint32          `cbor:"6,keyasint" json:"rows"`
	File      canon.Hash      `cbor:"7,keyasint" json:"file"`
	Size      uint64          `cbor:"8,keyasint" json:"size"`                        // of the file in bytes
	From      int64           `cbor:"9,keyasint" json:"from"`                        // ms UTC; calls that begin then or later are priced by it
	Raises    bool            `cbor:"10,keyasint,omitempty" json:"raises,omitempty"` // a price rises or goes (rating.Raises)
}

// SheetAnswer acknowledges, accepts or rejects a sheet. Root repeats what is answered.
type SheetAnswer struct {
	ID   string     `cbor:"1,keyasint" json:"id"`
	Root canon.Hash `cbor:"2,keyasint" json:"root"`
	Why  string     `cbor:"3,keyasint,omitempty" json:"why,omitempty"`
}

// ProveRow shows that a row is in an accepted sheet. Row counts on through the
// sheets of a direction: Sheet.Base + index in the sheet.
type ProveRow struct {
	Row  uint32       `cbor:"1,keyasint" json:"row"`
	Rate rating.Row   `cbor:"2,keyasint" json:"rate"`
	Path []canon.Hash `cbor:"3,keyasint,omitempty" json:"path,omitempty"`
}

// RowProve records rows of accepted sheets, so that statements name them by
// number alone. A row that is there already is no error.
type RowProve struct {
	Direction usage.Direction `cbor:"1,keyasint" json:"direction"`
	Line      product.Line    `cbor:"2,keyasint" json:"line"`
	Rows      []ProveRow      `cbor:"3,keyasint" json:"rows"`
}

// OrderPlace orders. For voice: a standing order for calls from the sender to
// the partner.
type OrderPlace struct {
	ID        string       `cbor:"1,keyasint" json:"id"` // chosen by the buyer, unused so far; at most 24 characters
	Kind      order.Kind   `cbor:"2,keyasint" json:"kind"`
	Agreement string       `cbor:"3,keyasint" json:"agreement"`
	Sheet     string       `cbor:"4,keyasint" json:"sheet"` // accepted, for this direction
	Line      product.Line `cbor:"5,keyasint" json:"line"`
	Payload   []byte       `cbor:"6,keyasint,omitempty" json:"payload,omitempty"` // as the product line reads it
	From      int64        `cbor:"7,keyasint" json:"from"`                        // ms UTC
	// Value is what the buyer expects to be billed for a period, in each currency:
	// the delegate's limit is checked against it. A metered order needs one.
	Value []money.Amount `cbor:"8,keyasint,omitempty" json:"value,omitempty"`
	// Request is what an order of kind product asks for.
	Request *order.Request `cbor:"9,keyasint,omitempty" json:"request,omitempty"`
}

// OrderAnswer moves an order.
type OrderAnswer struct {
	ID  string `cbor:"1,keyasint" json:"id"`
	Why string `cbor:"2,keyasint,omitempty" json:"why,omitempty"`
}

// PeriodRef names a billing period (MEF 114 [R58]).
type PeriodRef struct {
	Order    string         `cbor:"1,keyasint" json:"order"`
	Interval usage.Interval `cbor:"2,keyasint" json:"interval"`
}

// RatingRequest asks for the rating of a period (MEF 114 [R62]). The same
// request from both sides is one.
type RatingRequest struct {
	Period PeriodRef `cbor:"1,keyasint" json:"period"`
}

// UsageState is one side's statement of a period, or one of its parts
// (MEF 114 [R64]). Lines are in the order of usage.Line.Order through all
// parts; parts come in order.
type UsageState struct {
	Period  PeriodRef    `cbor:"1,keyasint" json:"period"`
	Part    uint32       `cbor:"2,keyasint" json:"part"`    // from 1
	Of      uint32       `cbor:"3,keyasint" json:"of"`      // 1 to 4096
	Root    canon.Hash   `cbor:"4,keyasint" json:"root"`    // usage.StatementRoot of all lines
	Records uint64       `cbor:"5,keyasint" json:"records"` // calls under all lines
	Unrated uint64       `cbor:"6,keyasint,omitempty" json:"unrated,omitempty"`
	Lines   []usage.Line `cbor:"7,keyasint" json:"lines"`
	Rows    []ProveRow   `cbor:"8,keyasint,omitempty" json:"rows,omitempty"` // of lines here that no one has proven yet
}

// UsageDeliver says that the records of the differing lines were sent, sealed,
// to the other side. They count as delivered when it confirms that, or when the
// command shows the receipt of its node.
type UsageDeliver struct {
	Period  PeriodRef        `cbor:"1,keyasint" json:"period"`
	File    canon.Hash       `cbor:"2,keyasint" json:"file"`
	Size    uint64           `cbor:"3,keyasint" json:"size"`
	Receipt *DeliveryReceipt `cbor:"5,keyasint,omitempty" json:"receipt,omitempty"`
}

// UsageReceived says that the other side's records are here and open.
type UsageReceived struct {
	Period PeriodRef  `cbor:"1,keyasint" json:"period"`
	File   canon.Hash `cbor:"2,keyasint" json:"file"`
}

// OutcomeLine is what a side's rules make of one differing line.
type OutcomeLine struct {
	Row           uint32         `cbor:"1,keyasint" json:"row"`
	Adjusts       usage.Interval `cbor:"2,keyasint,omitzero" json:"adjusts,omitzero"`
	Manual        bool           `cbor:"3,keyasint,omitempty" json:"manual,omitempty"` // people must decide
	Calls         uint64         `cbor:"4,keyasint,omitempty" json:"calls"`
	BilledSeconds uint64         `cbor:"5,keyasint,omitempty" json:"billed_seconds"`
}

// CompareState is what one side's rules make of all differing lines of a
// period that wait for them, in order, or one part of it. Parts come in order;
// both numbers zero: it is the only one.
type CompareState struct {
	Period   PeriodRef     `cbor:"1,keyasint" json:"period"`
	Lines    []OutcomeLine `cbor:"2,keyasint" json:"lines"`
	Evidence canon.Hash    `cbor:"3,keyasint" json:"evidence"`                 // root over what it was decided from
	Part     uint32        `cbor:"4,keyasint,omitempty" json:"part,omitempty"` // from 1
	Of       uint32        `cbor:"5,keyasint,omitempty" json:"of,omitempty"`   // at most 4096
}

// Verdict is how one disputed line is to be decided.
type Verdict struct {
	Dispute       string `cbor:"1,keyasint" json:"dispute"` // id
	Calls         uint64 `cbor:"2,keyasint" json:"calls"`
	BilledSeconds uint64 `cbor:"3,keyasint" json:"billed_seconds"`
	// Amount is what an item of a bill for products is to come to.
	Amount money.Micro `cbor:"4,keyasint,omitempty" json:"amount,omitempty"`
}

// DisputePropose offers decisions on lines in the hands of people. A counter-offer
// names the partner's offer that it rejects and takes the place of.
type DisputePropose struct {
	Verdicts []Verdict  `cbor:"1,keyasint" json:"verdicts"`
	Why      string     `cbor:"2,keyasint" json:"why"`
	Evidence canon.Hash `cbor:"3,keyasint,omitzero" json:"evidence,omitzero"`
	Replaces canon.Hash `cbor:"4,keyasint,omitzero" json:"replaces,omitzero"` // command of the offer that stands on each line; zero: none, or one of the sender's
}

// DisputeAccept accepts the other side's offers. It repeats them, so that
// nobody accepts an offer that has changed.
type DisputeAccept struct {
	Verdicts []Verdict `cbor:"1,keyasint" json:"verdicts"`
}

// DisputeReject rejects the other side's offers.
type DisputeReject struct {
	Disputes []string `cbor:"1,keyasint" json:"disputes"`
	Why      string   `cbor:"2,keyasint,omitempty" json:"why,omitempty"`
}

// InvoiceAccept accepts all lines of an invoice that are not open. Reserved are
// lines on which the buyer comes to other figures, within the thresholds: they
// are accepted too, and count against the cumulated threshold until the invoice
// is settled.
type InvoiceAccept struct {
	ID       string      `cbor:"1,keyasint" json:"id"`
	Document canon.Hash  `cbor:"2,keyasint" json:"document"` // that was read
	Reserved []Objection `cbor:"3,keyasint,omitempty" json:"reserved,omitempty"`
}

// Objection is a line of an invoice that the buyer disputes, with its own
// figures.
type Objection struct {
	Row           uint32         `cbor:"1,keyasint" json:"row"`
	Adjusts       usage.Interval `cbor:"2,keyasint,omitzero" json:"adjusts,omitzero"`
	Calls         uint64         `cbor:"3,keyasint" json:"calls"`
	BilledSeconds uint64         `cbor:"4,keyasint" json:"billed_seconds"`
}

// InvoiceDispute disputes lines of an invoice and accepts the others, some of
// them reserved as by InvoiceAccept. Many lines come in parts, in order; the last
// one, with its reason and evidence, puts all into effect. Both numbers zero: it
// is the only one.
type InvoiceDispute struct {
	ID       string      `cbor:"1,keyasint" json:"id"`
	Document canon.Hash  `cbor:"2,keyasint" json:"document"`
	Lines    []Objection `cbor:"3,keyasint" json:"lines"`
	Why      string      `cbor:"4,keyasint" json:"why"`
	Evidence canon.Hash  `cbor:"5,keyasint,omitzero" json:"evidence,omitzero"`
	Reserved []Objection `cbor:"6,keyasint,omitempty" json:"reserved,omitempty"`
	Part     uint32      `cbor:"7,keyasint,omitempty" json:"part,omitempty"` // from 1
	Of       uint32      `cbor:"8,keyasint,omitempty" json:"of,omitempty"`   // at most 4096
}

// InvoiceCorrect rates a period again, after what it was invoiced by has turned
// out wrong: it takes lines in force back and puts others in their place, in one
// currency. What it comes to is a credit or a debit note. Many lines come in
// parts, in order; the last one, with its reason, puts all into effect. Both
// numbers zero: it is the only one.
type InvoiceCorrect struct {
	Period   PeriodRef      `cbor:"1,keyasint" json:"period"`
	Currency money.Currency `cbor:"2,keyasint" json:"currency"`
	Reversed []LineRef      `cbor:"3,keyasint" json:"reversed"` // in the order of statements
	Lines    []usage.Line   `cbor:"4,keyasint" json:"lines"`    // in the same order
	Why      string         `cbor:"5,keyasint" json:"why"`
	Part     uint32         `cbor:"6,keyasint,omitempty" json:"part,omitempty"` // from 1
	Of       uint32         `cbor:"7,keyasint,omitempty" json:"of,omitempty"`   // at most 4096
}

// InvoiceReject is the buyer's no to a note.
type InvoiceReject struct {
	ID       string     `cbor:"1,keyasint" json:"id"`
	Document canon.Hash `cbor:"2,keyasint" json:"document"` // that was read
	Why      string     `cbor:"3,keyasint" json:"why"`
}

// NettingPropose offsets final invoices of both sides.
type NettingPropose struct {
	Invoices []string `cbor:"1,keyasint" json:"invoices"` // 1 to 2000 ids, sorted
}

// NettingAnswer accepts or rejects a netting. Sums repeats nothing: the machine
// computed them, and they cannot change.
type NettingAnswer struct {
	ID string `cbor:"1,keyasint" json:"id"`
}

// ObligationOpen makes final invoices due one by one, without netting: the
// payer's choice at any time, the payee's once an invoice is due.
type ObligationOpen struct {
	Invoices []string `cbor:"1,keyasint" json:"invoices"` // sorted
}

// PaymentAdvise says that the payer has paid: an obligation or a part of it, or
// several obligations at once.
type PaymentAdvise struct {
	Obligation string       `cbor:"1,keyasint" json:"obligation"` // empty with several
	Amount     money.Amount `cbor:"2,keyasint" json:"amount"`
	Method     string       `cbor:"3,keyasint" json:"method"`
	Reference  string       `cbor:"4,keyasint" json:"reference"`
	PaidAt     int64        `cbor:"5,keyasint" json:"paid_at"` // ms UTC
	// Obligations are paid by it together, whole: 1 to 2000 ids, sorted.
	Obligations []string `cbor:"6,keyasint,omitempty" json:"obligations,omitempty"`
}

// PaymentAnswer confirms that the money came, or says that it did not. It answers
// the payment as a whole.
type PaymentAnswer struct {
	Obligation string       `cbor:"1,keyasint" json:"obligation"` // any that the payment is for
	Amount     money.Amount `cbor:"2,keyasint" json:"amount"`     // of the payment
	Why        string       `cbor:"3,keyasint,omitempty" json:"why,omitempty"`
}

// PaymentHold holds a payment that is advised, or lets it go. It is for the payment
// as a whole.
type PaymentHold struct {
	Obligation string `cbor:"1,keyasint" json:"obligation"` // any that the payment is for
	Why        string `cbor:"2,keyasint" json:"why"`
}

// Verify says that a side has checked who the other is. What it has checked stays
// with it.
type Verify struct {
	Document canon.Hash `cbor:"1,keyasint" json:"document"` // SHA-256 of what was looked at
	Expires  int64      `cbor:"2,keyasint" json:"expires"`  // ms UTC
}

// Tick applies the agreed outcome of a deadline that has passed, because
// nothing happens by itself.
type Tick struct {
	Subject string `cbor:"1,keyasint" json:"subject"` // key of the record that waits
}

// DocumentRecord acknowledges a file that went from node to node.
type DocumentRecord struct {
	Kind      string         `cbor:"1,keyasint" json:"kind"` // plain word: "records", "evidence", "sheet"
	Hash      canon.Hash     `cbor:"2,keyasint" json:"hash"`
	Size      uint64         `cbor:"3,keyasint" json:"size"`
	Count     uint64         `cbor:"4,keyasint,omitempty" json:"count,omitempty"` // of records in it
	Totals    []money.Amount `cbor:"5,keyasint,omitempty" json:"totals,omitempty"`
	Reference []byte         `cbor:"6,keyasint,omitempty" json:"reference,omitempty"` // at most 256 bytes, for the two sides to use
}

// Divergence is two signed heads of one size that name different roots: the two
// members did not compute the same. From here on the channel takes only what
// AllowedWhenDiverged says.
type Divergence struct {
	Ours   SignedHead `cbor:"1,keyasint" json:"ours"`
	Theirs SignedHead `cbor:"2,keyasint" json:"theirs"`
	Leaf   uint64     `cbor:"3,keyasint" json:"leaf"`             // first differing leaf of the block log, from 0
	Detail []byte     `cbor:"4,keyasint,omitempty" json:"detail"` // the two leaves, for replay; at most 64 KiB
}

// Hash names the evidence.
func (d Divergence) Hash() canon.Hash { return canon.HashOf("lateral/divergence/1", d) }

// DivergenceClose says that the two members' states are one again. It counts
// once both sides have said so of the same evidence.
type DivergenceClose struct {
	Evidence canon.Hash `cbor:"1,keyasint" json:"evidence"` // Divergence.Hash
	Why      string     `cbor:"2,keyasint,omitempty" json:"why,omitempty"`
}

// VersionPropose offers another rule version from a height on.
type VersionPropose struct {
	Version uint32 `cbor:"1,keyasint" json:"version"`
	Height  uint64 `cbor:"2,keyasint" json:"height"`
}

// MemberPropose sponsors an applicant. The sponsor vouches with it.
type MemberPropose struct {
	Application party.Signed `cbor:"1,keyasint" json:"application"`
}

// MemberVote is one member's word about another: to admit, suspend or restore.
type MemberVote struct {
	Member party.Code `cbor:"1,keyasint" json:"member"` // about whom
	By     party.Code `cbor:"2,keyasint" json:"by"`
}

// ParameterChange is another value of one of the network's parameters, from a
// height on.
type ParameterChange struct {
	Parameter string `cbor:"1,keyasint" json:"parameter"` // as in the network's record: "vouchers"
	Value     uint64 `cbor:"2,keyasint" json:"value"`
	From      uint64 `cbor:"3,keyasint" json:"from"` // height
}

// ParameterBallot is a member's vote for a change of a parameter, by which it is
// proposed as well. It repeats the change, so that nobody votes for another.
type ParameterBallot struct {
	Change ParameterChange `cbor:"1,keyasint" json:"change"`
	By     party.Code      `cbor:"2,keyasint" json:"by"`
}

// MemberLeave ends the sender's own membership.
type MemberLeave struct {
	Member party.Code `cbor:"1,keyasint" json:"member"`
}

// KeyRotate changes a member's keys. Which of the fields are set says what
// changes.
type KeyRotate struct {
	Member        party.Code      `cbor:"1,keyasint" json:"member"`
	NewMember     *sign.PublicKey `cbor:"2,keyasint,omitempty" json:"new_member,omitempty"` // replaces the member key; by old or recovery key
	AddNode       *sign.PublicKey `cbor:"3,keyasint,omitempty" json:"add_node,omitempty"`
	RevokeNode    *sign.PublicKey `cbor:"4,keyasint,omitempty" json:"revoke_node,omitempty"`
	AddSealing    []byte          `cbor:"5,keyasint,omitempty" json:"add_sealing,omitempty"`
	RevokeSealing []byte          `cbor:"6,keyasint,omitempty" json:"revoke_sealing,omitempty"`
	// Possession is each new signing key's own signature over PossessionMessage,
	// in the order member, node.
	Possession []sign.Signature `cbor:"7,keyasint,omitempty" json:"possession,omitempty"`
}

// ChannelOpen opens a Bilateral. Nothing in it tells the partner: the keys are
// in byte order, and the invitation is sealed.
type ChannelOpen struct {
	Channel    canon.Hash        `cbor:"1,keyasint" json:"channel"`
	Keys       [2]sign.PublicKey `cbor:"2,keyasint" json:"keys"`       // fresh, in byte order
	Invitation []byte            `cbor:"3,keyasint" json:"invitation"` // sealed to the partner; at most 8 KiB
	Expires    int64             `cbor:"4,keyasint" json:"expires"`    // block time, ms UTC
}

// ChannelConfirm says that a channel key is there and wants the channel. It is
// signed, as envelope, with that key. Both keys confirm, so that nothing tells
// the opener's from the partner's.
type ChannelConfirm struct {
	Channel canon.Hash `cbor:"1,keyasint" json:"channel"`
}

// ChannelRotate replaces the channel key that signs the envelope.
type ChannelRotate struct {
	Channel    canon.Hash     `cbor:"1,keyasint" json:"channel"`
	New        sign.PublicKey `cbor:"2,keyasint" json:"new"`
	Possession sign.Signature `cbor:"3,keyasint" json:"possession"` // the new key's, over PossessionMessage
}

// AnchorPost puts an anchor on the Omnilateral. Consistency proves that it
// extends the last one; empty for the first.
type AnchorPost struct {
	Anchor      Anchor       `cbor:"1,keyasint" json:"anchor"`
	Consistency []canon.Hash `cbor:"2,keyasint,omitempty" json:"consistency,omitempty"`
}

// AnchorContest answers the partner's claim with a head of the sender's own
// that contradicts it.
type AnchorContest struct {
	Head SignedHead `cbor:"1,keyasint" json:"head"`
}

// Equivocation is two heads of one size under one channel key that no log can
// both have: whoever has the key has signed what is not so. Who reads it needs
// nothing else to see that.
type Equivocation struct {
	Key sign.PublicKey `cbor:"1,keyasint" json:"key"`
	One SignedHead     `cbor:"2,keyasint" json:"one"`
	Two SignedHead     `cbor:"3,keyasint" json:"two"`
}

// NewCommand makes a command from its kind and body.
func NewCommand(k Kind, body any) Command { return Command{Kind: k, Body: canon.Must(body)} }

// TokenDefine asks the members to let the sender issue a token.
type TokenDefine struct {
	Token  token.Code  `cbor:"1,keyasint" json:"token"`
	Cap    money.Micro `cbor:"2,keyasint" json:"cap"`       // of the supply
	Redeem int64       `cbor:"3,keyasint" json:"redeem_ms"` // within which it redeems at par
}

// TokenApprove lets another member issue a token.
type TokenApprove struct {
	Token token.Code `cbor:"1,keyasint" json:"token"`
	By    party.Code `cbor:"2,keyasint" json:"by"`
}

// IssuePropose proposes an act of the issuer, for another officer to approve.
type IssuePropose struct {
	ID    string     `cbor:"1,keyasint" json:"id"` // chosen by the proposer, unused so far for this token
	Token token.Code `cbor:"2,keyasint" json:"token"`
	Act   token.Act  `cbor:"3,keyasint" json:"act"`
}

// IssueAnswer approves or rejects an act of the issuer. Hash is that of the act
// (token.Issue.Hash).
type IssueAnswer struct {
	ID    string     `cbor:"1,keyasint" json:"id"`
	Token token.Code `cbor:"2,keyasint" json:"token"`
	Hash  canon.Hash `cbor:"3,keyasint" json:"hash"`
	Why   string     `cbor:"4,keyasint,omitempty" json:"why,omitempty"`
}

// TokenTransfer moves tokens of the sender, all transfers or none. One that was
// made before is left out.
type TokenTransfer struct {
	Transfers []token.Transfer `cbor:"1,keyasint" json:"transfers"`
}

// HoldPlace sets tokens of the sender aside for another member.
type HoldPlace struct {
	ID      string       `cbor:"1,keyasint" json:"id"`
	To      party.Code   `cbor:"2,keyasint" json:"to"`
	Amount  token.Amount `cbor:"3,keyasint" json:"amount"`
	Expires int64        `cbor:"4,keyasint" json:"expires"`                // block time, ms UTC
	Lock    canon.Hash   `cbor:"5,keyasint,omitzero" json:"lock,omitzero"` // SHA-256 of a key of 32 bytes
	About   canon.Hash   `cbor:"6,keyasint,omitzero" json:"about,omitzero"`
}

// HoldPost moves held tokens to whom they are held for: all, or without a lock a
// part; the rest goes back.
type HoldPost struct {
	Owner  party.Code   `cbor:"1,keyasint" json:"owner"`
	ID     string       `cbor:"2,keyasint" json:"id"`
	Amount token.Amount `cbor:"3,keyasint" json:"amount"`
	Key    canon.Hash   `cbor:"4,keyasint,omitzero" json:"key,omitzero"`
}

// HoldAnswer gives held tokens back.
type HoldAnswer struct {
	Owner party.Code `cbor:"1,keyasint" json:"owner"`
	ID    string     `cbor:"2,keyasint" json:"id"`
}

// SwapOffer offers tokens of one sort for tokens of another.
type SwapOffer struct {
	ID      string       `cbor:"1,keyasint" json:"id"`
	Gives   token.Amount `cbor:"2,keyasint" json:"gives"`
	Wants   token.Amount `cbor:"3,keyasint" json:"wants"`
	To      party.Code   `cbor:"4,keyasint,omitempty" json:"to,omitempty"` // empty: whoever takes it first
	Expires int64        `cbor:"5,keyasint" json:"expires"`                // block time, ms UTC
}

// SwapAnswer takes a swap or cancels it. Whoever takes it repeats the amounts.
type SwapAnswer struct {
	Owner party.Code   `cbor:"1,keyasint" json:"owner"`
	ID    string       `cbor:"2,keyasint" json:"id"`
	Gives token.Amount `cbor:"3,keyasint,omitzero" json:"gives,omitzero"`
	Wants token.Amount `cbor:"4,keyasint,omitzero" json:"wants,omitzero"`
}

// RedeemRequest asks the issuer to pay tokens out at par.
type RedeemRequest struct {
	ID      string       `cbor:"1,keyasint" json:"id"`
	Amount  token.Amount `cbor:"2,keyasint" json:"amount"`
	Account canon.Hash   `cbor:"3,keyasint" json:"account"` // SHA-256 of the bank account's details
}

// FeedState says what a rate is, by one source.
type FeedState struct {
	Pair token.Pair `cbor:"1,keyasint" json:"pair"`
	Rate money.Rate `cbor:"2,keyasint" json:"rate"`
	At   int64      `cbor:"3,keyasint" json:"at"` // ms UTC
}

// LockOpen sets tokens aside under two keys. Keys are fresh ones: the owner's, and
// one that the partner has given it in private.
type LockOpen struct {
	ID     canon.Hash        `cbor:"1,keyasint" json:"id"` // 32 random bytes
	Amount token.Amount      `cbor:"2,keyasint" json:"amount"`
	Keys   [2]sign.PublicKey `cbor:"3,keyasint" json:"keys"`
}

// LockTopUp puts more into a lock. Was is what is in it now, so that whoever sends
// it twice adds it once.
type LockTopUp struct {
	ID   canon.Hash  `cbor:"1,keyasint" json:"id"`
	Was  money.Micro `cbor:"2,keyasint" json:"was"`
	More money.Micro `cbor:"3,keyasint" json:"more"`
}

// LockChange changes locks as both sides of each have agreed. Signatures are those
// of the owner's and the partner's key of each, over all changes
// (token.Changes.Sign). Where value moves between the locks of fewer than three
// owners, everybody sees who has paid whom: then Reveals must say so.
type LockChange struct {
	Changes    token.Changes       `cbor:"1,keyasint" json:"changes"`
	Signatures [][2]sign.Signature `cbor:"2,keyasint" json:"signatures"`
	Reveals    bool                `cbor:"3,keyasint,omitempty" json:"reveals,omitempty"`
}

// LockExit is how one side leaves a lock alone: by its own word on what it has paid,
// and the other's signed word on what it was paid, if there is one.
type LockExit struct {
	Mine   token.SignedPaid  `cbor:"1,keyasint" json:"mine"`
	Theirs *token.SignedPaid `cbor:"2,keyasint,omitempty" json:"theirs,omitempty"`
}

// LockContest shows a later total while an exit may be contested: that who has left
// had paid more than it says, or that the other side has paid more meanwhile.
type LockContest struct {
	Paid token.SignedPaid `cbor:"1,keyasint" json:"paid"`
}

// LockClaim has what is left of a closed lock for the partner paid to a member.
type LockClaim struct {
	Lock      canon.Hash     `cbor:"1,keyasint" json:"lock"`
	To        party.Code     `cbor:"2,keyasint" json:"to"`
	Signature sign.Signature `cbor:"3,keyasint" json:"signature"` // token.SignClaim
}

// DepositKey offers the other side a fresh key for its next lock.
type DepositKey struct {
	Key sign.PublicKey `cbor:"1,keyasint" json:"key"`
}

// DepositDeclare says that a lock on the Omnilateral is for payments on this
// Bilateral.
type DepositDeclare struct {
	Lock canon.Hash `cbor:"1,keyasint" json:"lock"`
}

// DepositChange prepares a change of locks on the Omnilateral: until it is made, or
// void, nobody pays out of them. Each side has in its own locks then, or gets back,
// what is its share of all of them now.
type DepositChange struct {
	Changes token.Changes `cbor:"1,keyasint" json:"changes"`
}

// DepositPay pays obligations at once out of locks. Paid are the sender's totals
// then, in order of lock: of what the partner's locks hold for it first, of its own
// afterwards (View.Payment computes them).
type DepositPay struct {
	ID          string             `cbor:"1,keyasint" json:"id"`
	Amount      token.Amount       `cbor:"2,keyasint" json:"amount"`
	Obligations []string           `cbor:"3,keyasint" json:"obligations"` // sorted; their sum is the amount
	Paid        []token.SignedPaid `cbor:"4,keyasint" json:"paid"`
}

// ReputeCommit binds a member to a pseudonym without showing it.
type ReputeCommit struct {
	Commitment canon.Hash `cbor:"1,keyasint" json:"commitment"` // repute.Commit
}

// ReputeState says how a pseudonym has paid the sender. It replaces what the sender
// has said before.
type ReputeState struct {
	Statement repute.Statement `cbor:"1,keyasint" json:"statement"`
	Agreed    sign.Signature   `cbor:"2,keyasint,omitzero" json:"agreed,omitzero"` // the subject's (repute.Statement.Agree)
}

// ReputeShow shows the other side the sender's pseudonym.
type ReputeShow struct {
	Subject    sign.PublicKey `cbor:"1,keyasint" json:"subject"`
	Salt       canon.Hash     `cbor:"2,keyasint" json:"salt"`
	Possession sign.Signature `cbor:"3,keyasint" json:"possession"` // the pseudonym's; see Possession
}

// RoundCall begins a round of netting. Positions are paid by the currency's token.
type RoundCall struct {
	ID       canon.Hash     `cbor:"1,keyasint" json:"id"` // 32 random bytes
	Currency money.Currency `cbor:"2,keyasint" json:"currency"`
	Method   netting.Method `cbor:"3,keyasint" json:"method"`  // compression or multilateral
	JoinBy   int64          `cbor:"4,keyasint" json:"join_by"` // block time, ms UTC
	SignBy   int64          `cbor:"5,keyasint" json:"sign_by"` // likewise, later
}

// RoundOffer posts what is offered into a round, and limits.
type RoundOffer struct {
	Round  canon.Hash            `cbor:"1,keyasint" json:"round"`
	Offers []netting.SignedOffer `cbor:"2,keyasint,omitempty" json:"offers,omitempty"`
	Limits []netting.SignedLimit `cbor:"3,keyasint,omitempty" json:"limits,omitempty"`
}

// RoundSign posts one signature of a round's result.
type RoundSign struct {
	Round  canon.Hash     `cbor:"1,keyasint" json:"round"`
	Signed netting.Signed `cbor:"2,keyasint" json:"signed"`
}

// RoundPay is RoundSign of a member that pays or is paid: what it pays is held.
type RoundPay struct {
	Round   canon.Hash     `cbor:"1,keyasint" json:"round"`
	Signed  netting.Signed `cbor:"2,keyasint" json:"signed"`
	Account sign.Signature `cbor:"3,keyasint" json:"account"` // of netting.Account
}

// RoundJoin tells the other side the sender's key of a round.
type RoundJoin struct {
	Round canon.Hash     `cbor:"1,keyasint" json:"round"`
	Key   sign.PublicKey `cbor:"2,keyasint" json:"key"`
}

// RoundBind offers debts of the two into a round. Both send it.
type RoundBind struct {
	Round       canon.Hash       `cbor:"1,keyasint" json:"round"`
	Obligations []string         `cbor:"2,keyasint" json:"obligations"` // sorted
	Signatures  []sign.Signature `cbor:"3,keyasint" json:"signatures"`  // of the offers, that of the first member in byte order first
}

// RoundApply takes off what a round that all have signed says of the two.
type RoundApply struct {
	Round canon.Hash `cbor:"1,keyasint" json:"round"`
}

// CredentialStatus publishes a list on which the sender revokes credentials, or revokes
// more of them. What is revoked stays so.
type CredentialStatus struct {
	List   string   `cbor:"1,keyasint" json:"list"`
	Size   uint32   `cbor:"2,keyasint,omitempty" json:"size,omitempty"`   // how many indexes a new list has: 1024 to 65536, a power of two
	Revoke []uint32 `cbor:"3,keyasint,omitempty" json:"revoke,omitempty"` // in order, each once; at most 1024
}
