package wire

import (
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/credit"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/fraud"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/usage"

	"github.com/lateral-network/lateral/trade"
)

// Order is one order on a Bilateral.
type Order struct {
	ID        string          `json:"id"`
	Kind      order.Kind      `json:"kind"`
	Agreement string          `json:"agreement"`
	Buyer     party.Code      `json:"buyer"`
	Seller    party.Code      `json:"seller"`
	Direction usage.Direction `json:"direction" doc:"From the buyer to the seller."`
	Line      product.Line    `json:"line"`
	Name      string          `json:"name" doc:"Of what is ordered."`
	Scope     []string        `json:"scope,omitempty" doc:"What of the line is ordered; for voice, the destinations by prefix. Absent: all of it."`
	Sheet     string          `json:"sheet,omitempty"`
	From      Time            `json:"from"`
	Until     Time            `json:"until,omitzero"`
	State     string          `json:"state" doc:"Standing: acknowledged, rejected, inProgress, suspended, completed or terminated. About a product: acknowledged, inProgress, held.assessingCharge, assessingModification, assessingCancellation, completed, failed, cancelled or rejected."`
	Placed    Act             `json:"placed"`
	Accepted  *Act            `json:"accepted,omitempty"`
	Value     []money.Amount  `json:"value,omitempty"`
	Why       string          `json:"why,omitempty"`
	Product   *OrderedProduct `json:"product,omitempty" doc:"Of an order about a product."`
	Allowed   []order.Step    `json:"allowed" nullable:"false" doc:"What this side may do about it now: accept, reject, deliver, charge, fail, reschedule, cancel, suspend, resume, terminate."`
}

// PlaceOrder orders. Without an id one is made from the Idempotency-Key.
type PlaceOrder struct {
	ID        string          `json:"id,omitempty" maxLength:"24"`
	Kind      order.Kind      `json:"kind" enum:"standing,product"`
	Agreement string          `json:"agreement"`
	Sheet     string          `json:"sheet,omitempty" doc:"Of a standing order."`
	Line      product.Line    `json:"line"`
	Payload   []byte          `json:"payload,omitempty" doc:"As the product line reads it."`
	From      Time            `json:"from" doc:"When it begins; of an order about a product: the earliest delivery, and a moment that is past is at once."`
	Value     []money.Amount  `json:"value,omitempty" doc:"What you expect to be billed for a period, in each currency; your limit is checked against it. A metered order needs it."`
	Product   *ProductRequest `json:"product,omitempty" doc:"What an order of kind product asks for."`
}

// Import is one file of own call records: read = accepted + rejected +
// duplicate, always.
type Import struct {
	Number    uint32         `json:"number"`
	Name      string         `json:"name"`
	File      canon.Hash     `json:"file"`
	Size      int64          `json:"size"`
	Read      uint64         `json:"read"`
	Accepted  uint64         `json:"accepted"`
	Rejected  uint64         `json:"rejected"`
	Duplicate uint64         `json:"duplicate"`
	Format    string         `json:"format,omitempty" doc:"How the file is read: a name, or the mapping profile that is kept with it. Absent: as its content says."`
	Readings  []Reading      `json:"readings,omitempty" doc:"How its rows were put right by what had been agreed when it came."`
	Rejects   []usage.Reject `json:"rejects,omitempty" doc:"The first thousand; in the answer to the import only."`
	Repeated  bool           `json:"repeated,omitempty" doc:"The same file was imported before, and read by the same normalisations; nothing was done."`
	Held      bool           `json:"held" doc:"This node has the file: not any more once it is erased."`
	Sealed    bool           `json:"sealed" doc:"Its calls are over for good: their records are read from the archive on demand, and may be erased."`
	Time      Time           `json:"time"`
}

// Reading is how own records are put right from a moment on.
type Reading struct {
	From           Time                      `json:"from"`
	Normalisations []agreement.Normalisation `json:"normalisations" nullable:"false"`
}

// Archived is what the archive has of an import and a day.
type Archived struct {
	Day    string     `json:"day" doc:"UTC, like 2026-11-02: on which the calls began."`
	Import uint32     `json:"import"`
	Rows   uint64     `json:"rows"`
	File   canon.Hash `json:"file" doc:"Of the Parquet file."`
	Size   int64      `json:"size"`
	Sealed bool       `json:"sealed" doc:"The import is sealed."`
	Erased Time       `json:"erased,omitzero" doc:"Absent: the records are there."`
}

// ErasedRecords is what was erased.
type ErasedRecords struct {
	Rows uint64 `json:"rows" doc:"0: they had been erased before."`
}

// CloseThrough says that all records of periods that end by then are in.
type CloseThrough struct {
	Through Time `json:"through,omitzero" doc:"Absent: the end of the last period that has a record."`
}

// Closed is how far periods are closed here.
type Closed struct {
	Through Time `json:"through"`
}

// Summary is this carrier's own records of a partner.
type Summary struct {
	Read      uint64  `json:"read"`
	Accepted  uint64  `json:"accepted"`
	Rejected  uint64  `json:"rejected"`
	Duplicate uint64  `json:"duplicate"`
	Periods   uint64  `json:"periods" doc:"With a record of any result."`
	Last      Time    `json:"last,omitzero" doc:"End of the last of them."`
	Totals    []Rated `json:"totals" nullable:"false"`
}

// Rated is what this carrier's own records of one direction cost in one
// currency, rated alone, duplicates once.
type Rated struct {
	Direction     usage.Direction `json:"direction"`
	Currency      money.Currency  `json:"currency"`
	Calls         uint64          `json:"calls"`
	BilledSeconds uint64          `json:"billed_seconds"`
	Amount        money.Micro     `json:"amount"`
}

// Exception is an own call that is billed nowhere: no row prices it, or its
// statement was missed.
type Exception struct {
	Direction   usage.Direction `json:"direction"`
	Period      usage.Interval  `json:"period"`
	Import      uint32          `json:"import"`
	Line        uint32          `json:"line" doc:"Of the imported file."`
	Destination string          `json:"destination"`
	Start       Time            `json:"start"`
	Code        fault.Code      `json:"code"`
}

// Signal is something in own records that looks like fraud, and what people made
// of it.
type Signal struct {
	Number      uint32          `json:"number"`
	Kind        fraud.Kind      `json:"kind" enum:"destination_growth,short_flood,false_answer,loop"`
	Severity    fraud.Severity  `json:"severity" enum:"low,medium,high"`
	Direction   usage.Direction `json:"direction"`
	Destination string          `json:"destination" doc:"By the accepted rate sheet; the first three digits of numbers that it does not price."`
	Trunk       string          `json:"trunk,omitempty" doc:"That carries more than half of the calls."`
	Period      usage.Interval  `json:"period"`
	Calls       uint64          `json:"calls" doc:"That the signal is about."`
	Of          uint64          `json:"of" doc:"All calls to the destination in the period."`
	Expected    uint64          `json:"expected" doc:"Of such calls, rounded up."`
	Origins     uint64          `json:"origins" doc:"Distinct callers."`
	Sample      []SignalRow     `json:"sample" nullable:"false" doc:"The first of the calls."`
	Raised      Time            `json:"raised"`
	State       string          `json:"state" enum:"open,acknowledged,dismissed"`
	By          string          `json:"by,omitempty" doc:"Who has judged it."`
	Why         string          `json:"why,omitempty"`
	At          Time            `json:"at,omitzero"`
}

// Suggestion is an amendment that puts own records right, with what says so.
type Suggestion struct {
	ID           string              `json:"id" doc:"The same as long as the same is suggested."`
	Agreement    string              `json:"agreement"`
	Carrier      party.Code          `json:"carrier"`
	Trunk        string              `json:"trunk" doc:"As own records name it."`
	Kind         agreement.Normalise `json:"kind" enum:"number,clock"`
	Strip        string              `json:"strip,omitempty" doc:"What is taken off called numbers."`
	Add          string              `json:"add,omitempty" doc:"The digits that are put there."`
	OffsetMillis int64               `json:"offset_millis,omitempty" doc:"What is subtracted from starts."`
	Calls        uint32              `json:"calls" doc:"Own calls that say so."`
	Shown        uint32              `json:"shown" doc:"Those of them that the partner has, by the records that it delivered."`
	Of           uint32              `json:"of" doc:"Calls of the trunk that were looked at."`
	Sample       []SignalRow         `json:"sample" nullable:"false" doc:"The first of the calls."`
	From         Time                `json:"from" doc:"The next beginning of a period."`
}

// AdoptSuggestion says from when the suggested terms are to hold.
type AdoptSuggestion struct {
	From Time `json:"from,omitzero" doc:"An edge of a period; default: the next one."`
}

// SignalRow is where the record of a call stands.
type SignalRow struct {
	Import uint32 `json:"import"`
	Line   uint32 `json:"line" doc:"Of the imported file."`
}

// Period is one billing interval of one order.
type Period struct {
	Order     string              `json:"order"`
	Interval  usage.Interval      `json:"interval"`
	Direction usage.Direction     `json:"direction"`
	Agreement string              `json:"agreement"`
	Terms     canon.Hash          `json:"terms"`
	State     invoice.PeriodState `json:"state"`
	Requested party.Code          `json:"requested_by"`
	Seller    invoice.Side        `json:"seller"`
	Buyer     invoice.Side        `json:"buyer"`
	Opened    uint32              `json:"opened" doc:"Disputes, ever."`
	Waiting   uint32              `json:"waiting" doc:"Of them with the rules."`
	Open      uint32              `json:"open" doc:"Of them not resolved."`
	Invoices  []string            `json:"invoices" nullable:"false"`
	Stage     string              `json:"stage,omitempty"`
	Deadline  Time                `json:"deadline,omitzero"`
	Allowed   []string            `json:"allowed" nullable:"false" doc:"What this side may do about it now; the seller: correct, which rates it again."`
}

// RequestRating names a period to be rated.
type RequestRating struct {
	Order    string         `json:"order"`
	Interval usage.Interval `json:"interval" doc:"START/END." example:"2026-11-02T00:00:00Z/2026-11-02T01:00:00Z"`
}

// Compared is one line of a period as both sides state it. A side that states
// nothing is absent.
type Compared struct {
	Row      uint32         `json:"row"`
	Adjusts  usage.Interval `json:"adjusts,omitzero" doc:"Earlier period that late records belong to."`
	Reason   usage.Reason   `json:"reason,omitempty" doc:"Why the line adjusts it: late, corrected or repriced. The seller's word, or the buyer's where the seller has no such line."`
	Seller   *Stated        `json:"seller,omitempty"`
	Buyer    *Stated        `json:"buyer,omitempty"`
	Agrees   bool           `json:"agrees" doc:"The figures are within the agreed tolerance."`
	Dispute  string         `json:"dispute,omitempty"`
	Decision *Decision      `json:"decision,omitempty"`
}

// Stated is what a side states about a line.
type Stated struct {
	Calls         uint64     `json:"calls"`
	RawMillis     uint64     `json:"raw_millis"`
	BilledSeconds uint64     `json:"billed_seconds"`
	Root          canon.Hash `json:"root" doc:"Commits to the records."`
}

// Difference is a line on which the two sides differ, with both figures.
type Difference struct {
	Dispute   string          `json:"dispute" doc:"Id of the dispute that it opened."`
	Order     string          `json:"order"`
	Interval  usage.Interval  `json:"interval"`
	Direction usage.Direction `json:"direction"`
	Row       uint32          `json:"row"`
	Adjusts   usage.Interval  `json:"adjusts,omitzero"`
	Reason    usage.Reason    `json:"reason,omitempty" doc:"Why the line adjusts."`
	Currency  money.Currency  `json:"currency"`
	Seller    dispute.Figures `json:"seller"`
	Buyer     dispute.Figures `json:"buyer"`
	Amount    money.Micro     `json:"amount" doc:"Seller's less buyer's."`
	State     dispute.State   `json:"state"`
}

// Invoice is where a claim of the seller on the buyer stands.
type Invoice struct {
	ID         string         `json:"id"`
	Order      string         `json:"order"`
	Interval   usage.Interval `json:"interval"`
	Agreement  string         `json:"agreement"`
	Seller     party.Code     `json:"seller"`
	Buyer      party.Code     `json:"buyer"`
	Currency   money.Currency `json:"currency"`
	Number     uint32         `json:"number"`
	Follows    string         `json:"follows,omitempty"`
	Document   canon.Hash     `json:"document" doc:"SHA-256 of the document's canonical bytes; an answer repeats it."`
	Total      money.Micro    `json:"total" doc:"Of the lines that are not open."`
	Open       money.Micro    `json:"open" doc:"The seller's claim on the lines that are."`
	OpenLines  uint32         `json:"open_lines"`
	Tolerated  money.Micro    `json:"tolerated,omitzero"`
	Method     string         `json:"method"`
	Issued     Time           `json:"issued"`
	Due        Time           `json:"due"`
	State      invoice.State  `json:"state"`
	Accepted   *Act           `json:"accepted,omitempty"`
	Obligation string         `json:"obligation,omitempty"`
	Paid       bool           `json:"paid,omitempty"`
	Deadline   Time           `json:"deadline,omitzero"`
	Escalated  uint32         `json:"escalated,omitempty"`
	Note       invoice.Note   `json:"note,omitempty" doc:"credit or debit. Absent: an invoice, no note."`
	Version    uint32         `json:"version,omitempty" doc:"Of the rated period, that the note makes."`
	Why        string         `json:"why,omitempty" doc:"The note was rejected."`
	Allowed    []string       `json:"allowed" nullable:"false" doc:"What the buyer may do about it now: accept, dispute; of a note, reject."`
	Says       *Document      `json:"says,omitempty" doc:"The document, in the answer for one invoice only."`
}

// Document is an invoice as it was issued.
type Document struct {
	ID        string          `json:"id"`
	Seller    party.Code      `json:"seller"`
	Buyer     party.Code      `json:"buyer"`
	Direction usage.Direction `json:"direction"`
	Interval  usage.Interval  `json:"interval"`
	Order     string          `json:"order"`
	Agreement string          `json:"agreement"`
	Terms     canon.Hash      `json:"terms"`
	Number    uint32          `json:"number"`
	Follows   string          `json:"follows,omitempty"`
	Currency  money.Currency  `json:"currency"`
	Lines     []DocumentLine  `json:"lines" nullable:"false"`
	Total     money.Micro     `json:"total"`
	Open      money.Micro     `json:"open"`
	Method    string          `json:"method"`
	Issued    Time            `json:"issued"`
	Due       Time            `json:"due"`
	Note      invoice.Note    `json:"note,omitempty" doc:"credit or debit: what it takes back and puts in the place of that."`
	Version   uint32          `json:"version,omitempty" doc:"Of the rated period, that the note makes."`
	Why       string          `json:"why,omitempty" doc:"What the note corrects."`
	Volume    []VolumeLine    `json:"volume,omitempty" doc:"What the terms about volume add or take off. They count in the total."`
	Items     []invoice.Item  `json:"items,omitempty" doc:"Charges for products: a document has lines of calls or items."`
}

// VolumeLine is a line without usage: a discount by volume, or what a window
// falls short of a commitment.
type VolumeLine struct {
	Name    string             `json:"name" doc:"Of the term."`
	Kind    invoice.VolumeKind `json:"kind" doc:"discount: of the document's own lines. catch-up: of lines that were invoiced before, by another tier. shortfall: below a commitment. early: the discount that a payment earned; late: the interest on one; both on a note of their own."`
	Window  usage.Interval     `json:"window" doc:"In which lines are counted."`
	Seconds uint64             `json:"seconds" doc:"Billed, that the window has counted with this document."`
	Charges money.Micro        `json:"charges" doc:"Likewise, before any discount."`
	Tier    uint32             `json:"tier,omitempty" doc:"The highest that the window has reached, from 1."`
	Amount  money.Micro        `json:"amount" doc:"Below zero: given back."`
}

// DocumentLine is the calls of one rate version in one period.
type DocumentLine struct {
	Row           uint32            `json:"row"`
	Adjusts       usage.Interval    `json:"adjusts,omitzero"`
	Rate          Row               `json:"rate"`
	Calls         uint64            `json:"calls"`
	RawMillis     uint64            `json:"raw_millis"`
	BilledSeconds uint64            `json:"billed_seconds"`
	Amount        money.Micro       `json:"amount"`
	State         invoice.LineState `json:"state"`
	Dispute       string            `json:"dispute,omitempty"`
	Reason        usage.Reason      `json:"reason,omitempty" doc:"Why the line adjusts: late, corrected or repriced."`
}

// CorrectPeriod rates a period again by the sheets that are in force now.
type CorrectPeriod struct {
	Why string `json:"why" minLength:"1" maxLength:"500" doc:"What it corrects; the note says so."`
}

// Corrected is what rating a period again came to.
type Corrected struct {
	Notes   []Invoice `json:"notes" nullable:"false"`
	Decided []LineRef `json:"decided,omitempty" doc:"Lines that a dispute has decided: they stay as they are."`
}

// LineRef names a line of a period.
type LineRef struct {
	Row     uint32         `json:"row"`
	Adjusts usage.Interval `json:"adjusts,omitzero"`
}

// RatedPeriod is a version of a rated period.
type RatedPeriod struct {
	Version  uint32         `json:"version"`
	Versions []RatedVersion `json:"versions" nullable:"false" doc:"All, the first one first."`
	Lines    []DocumentLine `json:"lines" nullable:"false" doc:"That the version stands on, each with the sheet row that prices it."`
}

// RatedVersion is one rating of a period. The first is what was invoiced at first, and
// has no note.
type RatedVersion struct {
	Version  uint32         `json:"version"`
	Note     string         `json:"note,omitempty" doc:"Id of the note that makes it."`
	Kind     invoice.Note   `json:"kind,omitempty"`
	State    invoice.State  `json:"state,omitempty" doc:"Of the note. Final or settled: the version is in force, or was."`
	Total    money.Micro    `json:"total,omitzero" doc:"Of the note."`
	Currency money.Currency `json:"currency,omitempty"`
}

// RejectInvoice rejects a note. Document names what was read.
type RejectInvoice struct {
	Document canon.Hash `json:"document,omitzero"`
	Why      string     `json:"why" minLength:"1" maxLength:"500"`
}

// AcceptInvoice accepts all lines of an invoice that are not open. Document
// names what was read; without it the invoice is accepted as it is.
type AcceptInvoice struct {
	Document canon.Hash  `json:"document,omitzero"`
	Reserved []Objection `json:"reserved,omitempty" doc:"Lines on which you come to other figures, within the agreed thresholds: accepted too, and counted against the cumulated one."`
}

// DisputeInvoice disputes lines of an invoice and accepts the others.
type DisputeInvoice struct {
	Document canon.Hash  `json:"document,omitzero"`
	Lines    []Objection `json:"lines" minItems:"1" nullable:"false"`
	Why      string      `json:"why" minLength:"1" maxLength:"500"`
	Evidence canon.Hash  `json:"evidence,omitzero"`
	Reserved []Objection `json:"reserved,omitempty" doc:"Lines that are accepted although you come to other figures, within the agreed thresholds."`
}

// Objection is a disputed or reserved line with the buyer's own figures.
type Objection struct {
	Row           uint32         `json:"row"`
	Adjusts       usage.Interval `json:"adjusts,omitzero"`
	Calls         uint64         `json:"calls"`
	BilledSeconds uint64         `json:"billed_seconds"`
}

// Dispute is one line on which the two sides differ.
type Dispute struct {
	ID       string          `json:"id"`
	Order    string          `json:"order"`
	Interval usage.Interval  `json:"interval"`
	Row      uint32          `json:"row"`
	Product  string          `json:"product,omitempty" doc:"It is about an item of a bill for products: row is its number, and its figures are amounts."`
	Adjusts  usage.Interval  `json:"adjusts,omitzero"`
	Reason   usage.Reason    `json:"reason,omitempty" doc:"Why the line adjusts."`
	Currency money.Currency  `json:"currency"`
	Seller   dispute.Figures `json:"seller"`
	Buyer    dispute.Figures `json:"buyer"`
	Invoice  string          `json:"invoice,omitempty"`
	State    dispute.State   `json:"state"`
	Opened   Time            `json:"opened"`
	By       party.Code      `json:"by,omitempty" doc:"Who opened it on an invoice. Absent: the comparison."`
	Why      string          `json:"why,omitempty"`
	Evidence canon.Hash      `json:"evidence,omitzero"`
	Proposal *Proposal       `json:"proposal,omitempty"`
	Decision *Decision       `json:"decision,omitempty"`
	Deadline Time            `json:"deadline,omitzero"`
	Passed   uint32          `json:"passed,omitempty"`
	Assigned *Assigned       `json:"assigned,omitempty" doc:"Which of this carrier's people sees to it."`
	Allowed  []string        `json:"allowed" nullable:"false" doc:"What this side may do about it now: propose; about an offer of the partner counter, accept, reject."`
}

// Assigned is which person sees to a dispute. It stays on this node.
type Assigned struct {
	To  string `json:"to" doc:"Empty: nobody, it was taken back."`
	By  string `json:"by" doc:"Who handed it over."`
	Why string `json:"why,omitempty"`
	At  Time   `json:"at"`
}

// AssignDispute hands a dispute to a colleague.
type AssignDispute struct {
	To  string `json:"to" maxLength:"64" doc:"The name that the colleague signs in with. Empty: nobody."`
	Why string `json:"why,omitempty" maxLength:"500"`
}

// Waterfall leads from what an invoice claims to what the buyer's own figures come
// to: claimed + all steps = expected.
type Waterfall struct {
	Invoice  string          `json:"invoice"`
	Currency money.Currency  `json:"currency"`
	Claimed  money.Micro     `json:"claimed" doc:"By the document, its open lines too."`
	Expected money.Micro     `json:"expected" doc:"By the buyer's figures."`
	Steps    []WaterfallStep `json:"steps" nullable:"false"`
}

// WaterfallStep is what one cause comes to.
type WaterfallStep struct {
	Cause    string         `json:"cause" enum:"only-seller,only-buyer,duration,skewed,other,unexplained,item,decided"`
	Amount   money.Micro    `json:"amount" doc:"Below zero: the buyer expects less."`
	Calls    uint64         `json:"calls" doc:"That differ so; 0 where calls tell nothing."`
	Disputes []CauseDispute `json:"disputes" nullable:"false"`
}

// CauseDispute is what a disputed line adds to a cause.
type CauseDispute struct {
	ID     string      `json:"id"`
	Amount money.Micro `json:"amount"`
	Calls  uint64      `json:"calls"`
}

// LineCall is one of this carrier's own calls of a line of a period.
type LineCall struct {
	Start         Time   `json:"start"`
	RawMillis     uint64 `json:"raw_millis"`
	BilledSeconds uint64 `json:"billed_seconds"`
	Origin        string `json:"origin,omitempty" doc:"Absent: withheld."`
	Destination   string `json:"destination"`
	Import        uint32 `json:"import"`
	Line          uint32 `json:"line" doc:"Of the imported file."`
}

// Proposal is one side's offer of how to decide a line.
type Proposal struct {
	Calls         uint64      `json:"calls"`
	BilledSeconds uint64      `json:"billed_seconds"`
	Amount        money.Micro `json:"amount"`
	Act           Act         `json:"act"`
}

// Decision is what came out of a dispute.
type Decision struct {
	Calls         uint64      `json:"calls"`
	BilledSeconds uint64      `json:"billed_seconds"`
	Amount        money.Micro `json:"amount"`
	How           dispute.How `json:"how"`
	Invoice       string      `json:"invoice,omitempty" doc:"That bills it."`
	Proposed      *Act        `json:"proposed,omitempty"`
	Accepted      *Act        `json:"accepted,omitempty"`
	Height        uint64      `json:"height"`
	Time          Time        `json:"time"`
}

// ProposeDecision offers how to decide a disputed line.
type ProposeDecision struct {
	Calls         uint64      `json:"calls,omitempty"`
	BilledSeconds uint64      `json:"billed_seconds,omitempty"`
	Amount        money.Micro `json:"amount,omitzero" doc:"What an item of a bill for products is to come to."`
	Why           string      `json:"why" maxLength:"500"`
	Evidence      canon.Hash  `json:"evidence,omitzero"`
	Seen          *string     `json:"seen,omitempty" maxLength:"64" doc:"The command of the offer that was read, empty when there was none; if another is there by now nothing is done. An offer of the partner is rejected, for the same reason, and this one takes its place: a counter-offer, one command."`
}

// RejectDecision rejects the other side's offer.
type RejectDecision struct {
	Why  string  `json:"why,omitempty" maxLength:"500"`
	Seen *string `json:"seen,omitempty" maxLength:"64" doc:"The command of the offer that was read; if another is there by now nothing is done."`
}

// AcceptDecision accepts the other side's offer. Offer repeats it; without it
// the offer is accepted as it is.
type AcceptDecision struct {
	Offer *Verdict `json:"offer,omitempty"`
}

// Verdict is how a line is to be decided.
type Verdict struct {
	Calls         uint64      `json:"calls"`
	BilledSeconds uint64      `json:"billed_seconds"`
	Amount        money.Micro `json:"amount,omitzero" doc:"Of an item of a bill for products."`
}

// Evidence is what people have to decide a dispute: the calls on which the
// rules gave no answer, as both sides recorded them.
type Evidence struct {
	Dispute string         `json:"dispute"`
	Items   []EvidenceItem `json:"items" nullable:"false"`
}

// EvidenceItem is one call. A side without it is absent.
type EvidenceItem struct {
	Kind   string        `json:"kind" doc:"only-buyer, only-seller, duration or skewed."`
	Seller *EvidenceCall `json:"seller,omitempty"`
	Buyer  *EvidenceCall `json:"buyer,omitempty"`
}

// EvidenceCall is one side's record of a call.
type EvidenceCall struct {
	Start         Time   `json:"start"`
	RawMillis     uint64 `json:"raw_millis"`
	BilledSeconds uint64 `json:"billed_seconds"`
	Origin        string `json:"origin,omitempty" doc:"Absent: withheld, or the partner alone has the call."`
	Destination   string `json:"destination,omitempty" doc:"Absent: the partner alone has the call."`
}

// Trial is what a rule that need not be the agreed one makes of a disputed line.
type Trial struct {
	Calls   []TriedCall `json:"calls" nullable:"false"`
	Outcome *Outcome    `json:"outcome,omitempty" doc:"Of the whole line."`
}

// TriedCall is a differing call of the line in the words of rules, and the
// rule's answer.
type TriedCall struct {
	Facts  agreement.Facts `json:"facts"`
	Answer string          `json:"answer"`
}

// Replay is what a rule that need not be the agreed one makes of past disputed
// lines: those that the comparison opened.
type Replay struct {
	Periods uint64            `json:"periods" doc:"With such lines."`
	Lines   uint64            `json:"lines" doc:"Of which the rule was asked."`
	Missing uint64            `json:"missing" doc:"Not asked: the records of a side are not here, or not any more."`
	Manual  uint64            `json:"manual" doc:"Lines that the rule leaves to people."`
	Answers map[string]uint64 `json:"answers" doc:"Calls by the rule's answer."`
	Sums    []Replayed        `json:"sums" nullable:"false" doc:"By direction and currency."`
	Calls   []TriedCall       `json:"calls" nullable:"false" doc:"The first of the calls, of the newest period first."`
	Cases   []TriedCall       `json:"cases" nullable:"false" doc:"Those that were written down, in their order."`
	More    bool              `json:"more" doc:"There are older lines, of which the rule was not asked: narrow the span."`
}

// Replayed compares what came out with what a rule gives, in one direction and
// currency.
type Replayed struct {
	Direction usage.Direction `json:"direction"`
	Currency  money.Currency  `json:"currency"`
	Lines     uint64          `json:"lines"`
	Claimed   money.Micro     `json:"claimed" doc:"By the seller."`
	Expected  money.Micro     `json:"expected" doc:"By the buyer."`
	Decided   money.Micro     `json:"decided" doc:"What came out of the lines that are resolved."`
	Open      money.Micro     `json:"open" doc:"The seller's claim on the others."`
	Rule      money.Micro     `json:"rule" doc:"What the rule charges of the lines that it decides."`
	Manual    money.Micro     `json:"manual" doc:"The seller's claim on those that it leaves to people."`
}

// Outcome is what a rule makes of a line.
type Outcome struct {
	Manual  bool     `json:"manual" doc:"People decide the line; the figures are what stands without the calls in question."`
	Figures Verdict  `json:"figures"`
	Counter *Verdict `json:"counter,omitempty" doc:"What the buyer's node offers at once. Absent: it offers nothing."`
}

// Netting is the offsetting of final invoices.
type Netting struct {
	ID       string                  `json:"id"`
	Proposer party.Code              `json:"proposer"`
	Invoices []string                `json:"invoices" nullable:"false"`
	Sums     []Sum                   `json:"sums" nullable:"false"`
	State    settlement.NettingState `json:"state"`
	Proposed Act                     `json:"proposed"`
	Accepted *Act                    `json:"accepted,omitempty"`
}

// Sum is the debts both ways in one currency and their net.
type Sum struct {
	Currency money.Currency `json:"currency"`
	Gross    []money.Micro  `json:"gross" nullable:"false" doc:"Owed to the first and to the second member, in byte order of their codes."`
	Net      money.Micro    `json:"net"`
	Payer    party.Code     `json:"payer,omitempty"`
	Payee    party.Code     `json:"payee,omitempty"`
}

// Invoices names invoices: to be netted, or made due one by one.
type Invoices struct {
	Invoices []string `json:"invoices" minItems:"1" maxItems:"2000" nullable:"false"`
}

// Obligation is the agreed amount that one member owes the other.
type Obligation struct {
	ID       string           `json:"id"`
	Netting  string           `json:"netting,omitempty"`
	Invoices []string         `json:"invoices" nullable:"false"`
	Payer    party.Code       `json:"payer"`
	Payee    party.Code       `json:"payee"`
	Amount   money.Amount     `json:"amount"`
	Method   string           `json:"method"`
	Due      Time             `json:"due"`
	State    settlement.State `json:"state"`
	Late     bool             `json:"late,omitempty"`
	Payment  *Payment         `json:"payment,omitempty"`
	Receipt  *Act             `json:"receipt,omitempty"`
	Deadline Time             `json:"deadline,omitzero"`
	Passed   uint32           `json:"passed,omitempty"`
	Paid     money.Micro      `json:"paid" doc:"That the payee has."`
	Netted   money.Micro      `json:"netted,omitzero" doc:"That rounds of netting have taken off."`
	Round    canon.Hash       `json:"round,omitzero" doc:"Into which it was offered last. While that is not over it is bound: neither paid nor offered elsewhere."`
	Credited money.Micro      `json:"credited" doc:"By a credit note, for early payment."`
	Carried  money.Micro      `json:"carried" doc:"To the payer's next debt in the currency: less than a coin."`
	Brought  money.Micro      `json:"brought" doc:"From those before; part of the amount."`
	Left     money.Micro      `json:"left" doc:"Still to be paid."`
	Payable  *money.Amount    `json:"payable,omitempty" doc:"The least by which it is discharged now, in whole coins: what is left, less a discount. In the answer about one debt only."`
	Hold     *Hold            `json:"hold,omitempty"`
}

// Hold is what keeps a payment from being final.
type Hold struct {
	Why string `json:"why"`
	Act Act    `json:"act"`
}

// Opened is what making invoices due came to.
type Opened struct {
	Obligations []Obligation `json:"obligations" nullable:"false"`
	Receipt     Receipt      `json:"receipt"`
}

// Advised is what a payment for several debts has changed.
type Advised struct {
	Obligations []Obligation `json:"obligations" nullable:"false"`
	Receipt     Receipt      `json:"receipt,omitzero"`
	Waits       bool         `json:"waits,omitempty" doc:"Nothing has changed yet: another person has to send the same request."`
}

// Payment is the payer's word that it has paid.
type Payment struct {
	Method    string      `json:"method"`
	Reference string      `json:"reference"`
	PaidAt    Time        `json:"paid_at"`
	Act       Act         `json:"act"`
	Whole     money.Micro `json:"whole" doc:"The payment, that may be for several debts."`
	Part      money.Micro `json:"part" doc:"Of it for this one."`
}

// AdviseAll says that this carrier has paid several obligations together, whole.
type AdviseAll struct {
	Obligations []string     `json:"obligations" minItems:"1" maxItems:"2000" nullable:"false"`
	Amount      money.Amount `json:"amount" doc:"What they come to, in whole coins."`
	Method      string       `json:"method"`
	Reference   string       `json:"reference" doc:"As the bank shows it."`
	PaidAt      Time         `json:"paid_at"`
}

// Payable is what debts come to as one payment.
type Payable struct {
	Obligations []string     `json:"obligations" nullable:"false"`
	Amount      money.Amount `json:"amount" doc:"The least by which they are discharged now: what is left of them, less discounts; in whole coins unless it is by tokens."`
	Method      string       `json:"method"`
}

// Reason is why compliance holds a payment, or lets it go.
type Reason struct {
	Why string `json:"why" minLength:"1" maxLength:"500"`
}

// Verify puts on record that this carrier has checked who the partner is.
type Verify struct {
	Document canon.Hash `json:"document" doc:"SHA-256 of what was looked at. It stays here."`
	Expires  Time       `json:"expires"`
}

// Verified is one side's check of who the other is.
type Verified struct {
	Member   party.Code `json:"member" doc:"Who was checked."`
	Document canon.Hash `json:"document"`
	Expires  Time       `json:"expires"`
	Act      Act        `json:"act"`
}

// VerifiedList is the checks of both sides.
type VerifiedList struct {
	Verified []Verified `json:"verified" nullable:"false"`
}

// Statement is the account with a partner in one currency: what it owes, less what
// is owed to it.
type Statement struct {
	Currency money.Currency  `json:"currency"`
	Opening  money.Micro     `json:"opening"`
	Lines    []StatementLine `json:"lines" nullable:"false"`
	Closing  money.Micro     `json:"closing"`
	Carried  money.Micro     `json:"carried" doc:"What is less than a coin and comes on top of the next debts, as it stands now."`
}

// StatementLine is one line of a statement.
type StatementLine struct {
	Time      Time           `json:"time"`
	Kind      trade.LineKind `json:"kind" enum:"invoice,credit-note,debit-note,payment,adjustment"`
	Subject   string         `json:"subject" doc:"The document, or the obligation that was paid first."`
	Reference string         `json:"reference,omitempty" doc:"Of a payment."`
	Amount    money.Micro    `json:"amount" doc:"What the partner owes more; below zero: less."`
	Balance   money.Micro    `json:"balance"`
}

// StatementList is the accounts with a partner.
type StatementList struct {
	Partner    party.Code  `json:"partner"`
	From       Time        `json:"from,omitzero"`
	To         Time        `json:"to" doc:"What is on the ledger before."`
	Statements []Statement `json:"statements" nullable:"false"`
}

// Aged is what a side owes the other in one currency, by how long it is late.
type Aged struct {
	Partner  party.Code     `json:"partner"`
	Payer    party.Code     `json:"payer"`
	Currency money.Currency `json:"currency"`
	NotDue   money.Micro    `json:"not_due"`
	Days30   money.Micro    `json:"days_1_30"`
	Days60   money.Micro    `json:"days_31_60"`
	Days90   money.Micro    `json:"days_61_90"`
	Over     money.Micro    `json:"over_90"`
	Disputed money.Micro    `json:"disputed"`
	Carried  money.Micro    `json:"carried" doc:"Less than a coin, for the next debt."`
	Total    money.Micro    `json:"total"`
}

// Ageing is how old debts are.
type Ageing struct {
	At   Time   `json:"at" doc:"Of the last block."`
	Aged []Aged `json:"aged" nullable:"false"`
}

// Advise says that this carrier has paid an obligation.
type Advise struct {
	Amount    money.Amount `json:"amount"`
	Method    string       `json:"method"`
	Reference string       `json:"reference" doc:"As the bank shows it."`
	PaidAt    Time         `json:"paid_at"`
}

// Confirm says that the money came, or that it did not.
type Confirm struct {
	Amount money.Amount `json:"amount"`
	Why    string       `json:"why,omitempty" maxLength:"500"`
}

// Journal is the postings of one command.
type Journal struct {
	Number   uint64               `json:"number"`
	Cause    string               `json:"cause"`
	Subject  string               `json:"subject"`
	Postings []settlement.Posting `json:"postings" nullable:"false"`
	Height   uint64               `json:"height"`
	Time     Time                 `json:"time"`
}

// Balance is what stands on an account. Claims are positive, debts negative.
type Balance struct {
	Account settlement.Account `json:"account"`
	Amount  money.Micro        `json:"amount"`
}

// File is a file that was acknowledged on the channel.
type File struct {
	Hash canon.Hash `json:"hash"`
	Held bool       `json:"held" doc:"This node has a copy of it."`
	trade.File
}

// RecordFile acknowledges a file that went from node to node.
type RecordFile struct {
	Kind      string         `json:"kind" doc:"A plain word: records, evidence, sheet." maxLength:"32"`
	Hash      canon.Hash     `json:"hash"`
	Size      uint64         `json:"size"`
	Count     uint64         `json:"count,omitempty"`
	Totals    []money.Amount `json:"totals,omitempty"`
	Reference []byte         `json:"reference,omitempty"`
}

// Tick has the agreed outcome of a passed deadline applied.
type Tick struct {
	Subject string `json:"subject" doc:"Key of the record that waits, like period/O-1/001793577600000."`
}

// Entry is one envelope in a channel's log, with what became of it.
type Entry struct {
	Cursor   string         `json:"cursor" doc:"Give it as after to read on behind this entry."`
	Height   uint64         `json:"height"`
	Index    uint32         `json:"index"`
	Time     Time           `json:"time"`
	Sender   sign.PublicKey `json:"sender"`
	Envelope canon.Hash     `json:"envelope"`
	Code     fault.Code     `json:"code,omitempty" doc:"Why nothing of it was executed."`
	Receipts []Receipt      `json:"receipts" nullable:"false"`
	Notes    []Note         `json:"notes,omitempty"`
}

// Note is what became of a message of the channel's own protocol.
type Note struct {
	Kind string     `json:"kind"`
	Code fault.Code `json:"code,omitempty"`
}

// Event is one thing that happened on a channel. Its id in the stream lets a
// reader go on behind it.
type Event struct {
	ID      string     `json:"id"`
	Partner party.Code `json:"partner,omitempty" doc:"In the stream of all channels: with whom the Bilateral is. Absent: on the Omnilateral."`
	Kind    string     `json:"kind" doc:"For example invoice.issued."`
	Subject string     `json:"subject" doc:"Key of the record concerned."`
	Detail  string     `json:"detail,omitempty"`
	Height  uint64     `json:"height"`
	Time    Time       `json:"time"`
	Command trade.Kind `json:"command"`
}

// Problem is a step of clearing that does not succeed, and why.
type Problem struct {
	Subject string     `json:"subject"`
	Code    fault.Code `json:"code"`
	Detail  string     `json:"detail"`
	Remedy  string     `json:"remedy,omitempty"`
	Tries   int        `json:"tries"`
	Needs   string     `json:"needs,omitempty" enum:"person,wait" doc:"What it waits for: a person who acts, or time, in which it is tried again. Absent: the code does not tell."`
}

// Totals is what was claimed, settled and disputed in one direction and
// currency over all invoices. Invoiced = settled + disputed + due.
type Totals struct {
	Direction usage.Direction `json:"direction"`
	Currency  money.Currency  `json:"currency"`
	Invoices  uint64          `json:"invoices"`
	Invoiced  money.Micro     `json:"invoiced"`
	Settled   money.Micro     `json:"settled"`
	Disputed  money.Micro     `json:"disputed"`
	Due       money.Micro     `json:"due"`
}

// VolumeWindow is where a term about volume stands in one window of a direction.
type VolumeWindow struct {
	Agreement string          `json:"agreement"`
	Name      string          `json:"name" doc:"Of the term."`
	Direction usage.Direction `json:"direction"`
	Currency  money.Currency  `json:"currency"`
	Window    usage.Interval  `json:"window"`
	Seconds   uint64          `json:"seconds" doc:"Billed, that are counted."`
	Charges   money.Micro     `json:"charges" doc:"Before any discount."`
	Tier      uint32          `json:"tier,omitempty" doc:"The highest that is reached, from 1."`
	// What is to be reached next, of the two that is measured: the next tier, or the
	// commitment.
	NextSeconds uint64      `json:"next_seconds,omitempty" doc:"The threshold of the next tier, or the commitment, while it is not reached."`
	NextCharges money.Micro `json:"next_charges,omitzero" doc:"Likewise, of charges."`
	Billed      money.Micro `json:"billed" doc:"By documents that count: a discount is below zero."`
	Over        bool        `json:"over,omitempty" doc:"Of a commitment: the window's last period is invoiced."`
}

// VolumeWindows is where all terms about volume stand.
type VolumeWindows struct {
	Windows []VolumeWindow `json:"windows" nullable:"false"`
}

// Credit is how far a payee trusts a payer in a currency, by an agreement.
type Credit struct {
	Payer       party.Code       `json:"payer"`
	Payee       party.Code       `json:"payee"`
	Agreement   string           `json:"agreement"`
	Currency    money.Currency   `json:"currency"`
	State       credit.State     `json:"state" enum:"within,warned,beyond"`
	Exposure    money.Micro      `json:"exposure" doc:"What stands between the payer and its payment. Below zero: more is paid beforehand."`
	Allocation  money.Micro      `json:"allocation" doc:"What the payer may consume before it pays."`
	Available   money.Micro      `json:"available" doc:"The rest of it. Below zero: beyond."`
	Warn        money.Micro      `json:"warn,omitzero" doc:"The exposure from which on the payer is warned."`
	Beyond      agreement.Beyond `json:"beyond" enum:"warn,block,suspend" doc:"What happens beyond the allocation."`
	Score       uint32           `json:"score" doc:"Percent of the last invoices that were paid on time."`
	HistoryDays uint32           `json:"history_days" doc:"Mean days from the invoice to the receipt."`
	Invoices    int              `json:"invoices" doc:"That both are from: at most 12."`
	Terms       string           `json:"terms" doc:"Of payment: net 30."`
	Parts       credit.Exposure  `json:"parts" doc:"What the exposure is made of."`
	AtRisk      money.Micro      `json:"at_risk" doc:"What stands between the two and their payments, both sides together."`
	Ceiling     *money.Micro     `json:"ceiling,omitempty" doc:"The most that may. Absent: no limit."`
	Deposit     money.Micro      `json:"deposit,omitzero" doc:"That has to stand before an order, for what recurs already."`
	History     []CreditInvoice  `json:"history" nullable:"false" doc:"The invoices, the one with the latest news last."`
}

// CreditInvoice is what became of one of a payer's last invoices.
type CreditInvoice struct {
	Invoice  string `json:"invoice"`
	Issued   Time   `json:"issued"`
	Due      Time   `json:"due"`
	Received Time   `json:"received,omitzero" doc:"Absent: it is overdue, and nothing has come."`
	Late     bool   `json:"late"`
}

// CreditList is how far both sides trust each other, by payer.
type CreditList struct {
	At     Time     `json:"at" doc:"Of the last block: what recurs has accrued until then."`
	Credit []Credit `json:"credit" nullable:"false" doc:"None without a clause about credit."`
}

// TotalsList is the totals of all directions and currencies, in order.
type TotalsList struct {
	Totals []Totals `json:"totals" nullable:"false"`
}

// DisputeCounts counts disputes by what became of them.
type DisputeCounts struct {
	Opened                uint64            `json:"opened"`
	ResolvedAutomatically uint64            `json:"resolved_automatically" doc:"By the agreed rules."`
	Manual                uint64            `json:"manual" doc:"In the hands of people, or decided by them."`
	States                map[string]uint64 `json:"states"`
}

// PartnerProblem is a problem with the partner that it concerns.
type PartnerProblem struct {
	Partner party.Code `json:"partner"`
	Problem
}

// Access is who may use this interface.
type Access struct {
	Name    string `json:"name" minLength:"1" maxLength:"64"`
	Role    string `json:"role" enum:"clerk,product-manager,engineer,finance,auditor,administrator,subscriber"`
	Expires Time   `json:"expires,omitzero"`
}

// User is a person who signs in to the portal.
type User struct {
	Name     string `json:"name"`
	Role     string `json:"role"`
	Added    Time   `json:"added"`
	Password bool   `json:"password" doc:"There is a password."`
	TOTP     bool   `json:"totp" doc:"One-time codes go with the password."`
	Passkeys int    `json:"passkeys" doc:"How many there are."`
	Link     Time   `json:"link,omitzero" doc:"Until when a link that was not used yet may be used."`
}

// AddUser adds a person who can sign in once there is a link.
type AddUser struct {
	Name string `json:"name" minLength:"1" maxLength:"64" doc:"a-z 0-9 . _ - @ +, a letter or digit first." example:"ada"`
	Role string `json:"role" enum:"clerk,product-manager,engineer,finance,auditor,administrator,subscriber"`
}

// ChangeUser gives a person another role.
type ChangeUser struct {
	Role string `json:"role" enum:"clerk,product-manager,engineer,finance,auditor,administrator,subscriber"`
}

// LinkUser makes a link by which a person signs in once.
type LinkUser struct {
	Reset   bool `json:"reset,omitempty" doc:"Forget password, one-time codes and passkeys, and end the sessions."`
	Minutes int  `json:"minutes,omitempty" minimum:"0" maximum:"10080" doc:"How long it is good for; 0: a day."`
}

// Link is a link that was just made. Its token is shown this once.
type Link struct {
	Token   string `json:"token"`
	Path    string `json:"path" doc:"Where to open it, behind the address of the portal." example:"/sign-in#TOKEN"`
	Expires Time   `json:"expires"`
}

// NewAccess is a token that was just made. Its text is shown this once.
type NewAccess struct {
	Access
	Text string `json:"token"`
}
