// Package agreement holds what two carriers have signed: the legal document,
// its machine form (the terms that every other part of the state machine
// reads), and the rules that partners write themselves (MEF 114 [R1]-[R3],
// [R14], [R20], [R30], [D1], [D3], [CR1]; FEATURES AGR).
package agreement

import (
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
)

// Type of an agreement, in the words of MEF 114.
type Type string

// MSA is the frame contract. At most one covers a product line at a time.
const MSA Type = "msa"

// Agreement is a contract between the two sides of a Bilateral.
type Agreement struct {
	ID         string     `cbor:"1,keyasint" json:"id"`
	Type       Type       `cbor:"2,keyasint" json:"type"`
	Proposer   party.Code `cbor:"3,keyasint" json:"proposer"`
	Legal      Legal      `cbor:"4,keyasint" json:"legal"`
	Lines      []string   `cbor:"5,keyasint" json:"lines"`                     // product lines that it covers, sorted
	From       int64      `cbor:"6,keyasint" json:"from"`                      // ms UTC
	Until      int64      `cbor:"7,keyasint,omitempty" json:"until,omitempty"` // ms UTC; 0 is open
	State      State      `cbor:"8,keyasint" json:"state"`
	Versions   []Version  `cbor:"9,keyasint" json:"versions"` // of the terms, oldest first
	Pending    *Version   `cbor:"10,keyasint,omitempty" json:"pending,omitempty"`
	Terminated party.Act  `cbor:"11,keyasint,omitzero" json:"terminated,omitzero"`
	Ends       int64      `cbor:"12,keyasint,omitempty" json:"ends,omitempty"`     // block time of the termination, ms UTC
	Deadline   int64      `cbor:"13,keyasint,omitempty" json:"deadline,omitempty"` // for the answer to Pending; block time, ms UTC
}

// Version is one version of an agreement's terms. The terms themselves are a
// record of their own; a version names them by hash.
type Version struct {
	Number   uint32     `cbor:"1,keyasint" json:"number"` // from 1
	From     int64      `cbor:"2,keyasint" json:"from"`   // ms UTC; periods that begin then or later follow it
	Terms    canon.Hash `cbor:"3,keyasint" json:"terms"`
	Proposed party.Act  `cbor:"4,keyasint" json:"proposed"`
	Accepted party.Act  `cbor:"5,keyasint,omitzero" json:"accepted,omitzero"`
}

// At gives the version that holds for a moment (ms UTC), the first one for
// earlier moments. ok is false while none is accepted.
func (a Agreement) At(ms int64) (Version, bool) {
	if len(a.Versions) == 0 {
		return Version{}, false
	}
	out := a.Versions[0]
	for _, v := range a.Versions[1:] {
		if v.From <= ms {
			out = v
		}
	}
	return out, true
}

// InForce reports whether new trade may rest on the agreement at a moment.
func (a Agreement) InForce(ms int64) bool {
	return a.State == Active && a.From <= ms && (a.Until == 0 || ms < a.Until)
}

// Covers reports whether the agreement covers a product line.
func (a Agreement) Covers(line string) bool {
	for _, l := range a.Lines {
		if l == line {
			return true
		}
	}
	return false
}

// Overlaps reports whether two agreements cover one line at one time.
func (a Agreement) Overlaps(b Agreement) bool {
	if a.Until != 0 && a.Until <= b.From || b.Until != 0 && b.Until <= a.From {
		return false
	}
	if a.Ends != 0 && a.Ends <= b.From || b.Ends != 0 && b.Ends <= a.From {
		return false
	}
	for _, l := range a.Lines {
		if b.Covers(l) {
			return true
		}
	}
	return false
}

// Legal is the part of a contract that lawyers read: the signed file by its
// hash, and the clauses that none may leave out (MEF 114 section 6.4.1).
type Legal struct {
	Document     canon.Hash `cbor:"1,keyasint" json:"document"` // SHA-256 of the signed file
	GoverningLaw string     `cbor:"2,keyasint" json:"governing_law"`
	Jurisdiction string     `cbor:"3,keyasint" json:"jurisdiction"`
	Indemnity    string     `cbor:"4,keyasint" json:"indemnity"`
	Liability    string     `cbor:"5,keyasint" json:"liability"`
	ForceMajeure string     `cbor:"6,keyasint" json:"force_majeure"`
	Taxes        string     `cbor:"7,keyasint" json:"taxes"`
	Term         string     `cbor:"8,keyasint" json:"term"`
	Obligations  string     `cbor:"9,keyasint" json:"obligations"`
	Definitions  string     `cbor:"10,keyasint" json:"definitions"`
}

// maxClause bounds a clause in bytes; the whole text is in the document.
const maxClause = 4000

// Validate names the first clause that is missing. Code: invalid.
func (l Legal) Validate() error {
	if l.Document.IsZero() {
		return missing("document", "the hash of the signed file")
	}
	for _, c := range []struct{ field, text string }{
		{"governing_law", l.GoverningLaw}, {"jurisdiction", l.Jurisdiction}, {"indemnity", l.Indemnity},
		{"liability", l.Liability}, {"force_majeure", l.ForceMajeure}, {"taxes", l.Taxes}, {"term", l.Term},
		{"obligations", l.Obligations}, {"definitions", l.Definitions},
	} {
		if c.text == "" {
			return missing(c.field, "a clause that every contract has")
		}
		if len(c.text) > maxClause {
			return fault.Newf(fault.Invalid, "shorten it here and put the whole text into the document", "the clause has more than %d bytes", maxClause).In(c.field)
		}
	}
	return nil
}

func missing(field, what string) error {
	return fault.New(fault.Invalid, "the contract lacks "+what, "fill in "+field).In(field)
}

// Integration is how the two sides' systems meet (MEF 114 section 7.7).
type Integration string

// The two ways.
const (
	// CommonRecord has the Bilateral generate the documents (MEF "Option 2").
	CommonRecord Integration = "common-record"
	// Proof has each side generate them from its own system and show that they
	// follow from what is agreed; the other side executes the same (MEF "Option
	// 1"). It is for bills of products; those of calls are generated either way.
	Proof Integration = "proof"
)

// Deployment is where the Bilateral lives (MEF 114 section 7.3).
type Deployment string

// Embedded is a private channel on the Omnilateral's ledger.
const Embedded Deployment = "embedded"

// Compare says when usage is compared.
type Compare string

// The two orders of invoice and comparison.
const (
	BeforeInvoice Compare = "before-invoice" // MEF 114: usage is agreed, then invoiced
	AfterInvoice  Compare = "after-invoice"  // ITU-T ICT-003: invoiced as the seller states, then compared
)

// PeriodBy says which end of a call decides its period.
type PeriodBy string

// The two rules.
const (
	ByEnd   PeriodBy = "end"
	ByStart PeriodBy = "start"
)

// Scope says what is rounded once.
type Scope string

// PerLine rounds once for each invoice line.
const PerLine Scope = "line"

// Rounding is how money is rounded.
type Rounding struct {
	Mode     money.Rounding `cbor:"1,keyasint" json:"mode"`
	Scope    Scope          `cbor:"2,keyasint" json:"scope"`
	Decimals uint8          `cbor:"3,keyasint" json:"decimals"` // 6
}

// Method is a way of paying that the contract allows (MEF 114 [R72], [R84]).
type Method struct {
	Name    string `cbor:"1,keyasint" json:"name"`     // "bank-transfer"
	DueDays uint32 `cbor:"2,keyasint" json:"due_days"` // after the invoice became final
}

// Stage names what a deadline is for.
type Stage string

// The waiting states that have deadlines.
const (
	StageRequest    Stage = "request"    // the first usage statement of a period
	StageStatement  Stage = "statement"  // the second one
	StageRecords    Stage = "records"    // delivery of the differing lines' records
	StageAcceptance Stage = "acceptance" // the buyer's word on an invoice
	StageDecision   Stage = "decision"   // the second outcome of a comparison; a manual decision
	StageAnswer     Stage = "answer"     // the other side's word on terms, a sheet, an order or a netting
	StageSuspension Stage = "suspension" // the end of an order's suspension
	StageAdvice     Stage = "advice"     // the payer's advice, after the due date
	StageArrears    Stage = "arrears"    // the same, when it is late
	StageReceipt    Stage = "receipt"    // the payee's receipt, after the advice
)

// Outcome names what happens when a deadline has passed.
type Outcome string

// The outcomes.
const (
	Lapsed           Outcome = "lapsed"            // what was proposed or requested is off
	StatedStands     Outcome = "stated-stands"     // the one statement there is counts
	NoClaim          Outcome = "no-claim"          // who names no delivery cannot use its claim
	NoProof          Outcome = "no-proof"          // who has no confirmed delivery cannot use its claim
	Accepted         Outcome = "accepted"          // silence is consent
	Escalated        Outcome = "escalated"         // it stays open and is marked
	Manual           Outcome = "manual"            // people decide
	Overdue          Outcome = "overdue"           // the debt is marked late
	Ended            Outcome = "ended"             // the order is terminated
	PresumedReceived Outcome = "presumed-received" // the advice counts as receipt
)

// outcomes are those that fit each stage, the default first.
var outcomes = map[Stage][]Outcome{
	StageRequest:    {Lapsed},
	StageStatement:  {Manual, StatedStands},
	StageRecords:    {NoClaim, NoProof, Manual},
	StageAcceptance: {Escalated, Accepted},
	StageDecision:   {Manual},
	StageAnswer:     {Lapsed},
	StageSuspension: {Ended, Escalated},
	StageAdvice:     {Overdue},
	StageArrears:    {Escalated},
	StageReceipt:    {Escalated, PresumedReceived},
}

// stages in the order in which they come.
var stages = []Stage{StageRequest, StageStatement, StageRecords, StageAcceptance, StageDecision, StageAnswer, StageSuspension, StageAdvice, StageArrears, StageReceipt}

// Deadline is how long a waiting state lasts, and what happens then.
type Deadline struct {
	Stage   Stage   `cbor:"1,keyasint" json:"stage"`
	Millis  int64   `cbor:"2,keyasint" json:"millis"` // block time
	Outcome Outcome `cbor:"3,keyasint" json:"outcome"`
}

// Allowance lets a node do by itself, up to a limit, what otherwise needs a
// delegate (MEF 114 [R6], [D3]). Kinds that move no money take no limit.
type Allowance struct {
	Command string         `cbor:"1,keyasint" json:"command"` // kind of the command
	Limits  []money.Amount `cbor:"2,keyasint,omitempty" json:"limits,omitempty"`
}

// Terms is the machine form of an agreement. The zero value is not valid;
// begin with [Defaults].
type Terms struct {
	Cycle            string         `cbor:"1,keyasint" json:"cycle"` // "15s", "1h", "1mo"
	Zone             string         `cbor:"2,keyasint" json:"zone"`  // IANA name
	PeriodBy         PeriodBy       `cbor:"3,keyasint" json:"period_by"`
	GraceMillis      int64          `cbor:"4,keyasint" json:"grace_millis"`           // after a period's end before it may be rated
	PastPeriods      bool           `cbor:"5,keyasint,omitempty" json:"past_periods"` // usage comes from files: periods need not be over
	StartTolerance   int64          `cbor:"6,keyasint" json:"start_tolerance_millis"` // matching of calls
	SecondsTolerance uint64         `cbor:"7,keyasint" json:"seconds_tolerance"`      // billed seconds a line may differ
	LongestCall      int64          `cbor:"8,keyasint" json:"longest_call_millis"`    // how far back a row may have been in force
	Rounding         Rounding       `cbor:"9,keyasint" json:"rounding"`
	Compare          Compare        `cbor:"10,keyasint" json:"compare"`
	LineThreshold    []money.Amount `cbor:"11,keyasint,omitempty" json:"line_threshold,omitempty"` // a difference up to it is not disputed; none: 0
	OpenThreshold    []money.Amount `cbor:"12,keyasint,omitempty" json:"open_threshold,omitempty"` // the same, cumulated over open periods; what the tolerance lets pass counts too
	Netting          bool           `cbor:"13,keyasint,omitempty" json:"netting"`
	Payment          []Method       `cbor:"14,keyasint" json:"payment"` // the first is the usual one
	Deadlines        []Deadline     `cbor:"15,keyasint" json:"deadlines"`
	Exposure         []money.Amount `cbor:"16,keyasint,omitempty" json:"exposure,omitempty"` // largest debt of one side; no entry: no limit
	Alone            []Allowance    `cbor:"17,keyasint,omitempty" json:"alone,omitempty"`
	Rule             Source         `cbor:"18,keyasint" json:"rule"`        // decides differing lines
	Granularity      string         `cbor:"19,keyasint" json:"granularity"` // "rate-version": one line each (MEF 114 [R14])
	Deployment       Deployment     `cbor:"20,keyasint" json:"deployment"`
	Integration      Integration    `cbor:"21,keyasint" json:"integration"`
	RetentionDays    uint32         `cbor:"22,keyasint" json:"retention_days"`
	// DestroyOldKeys has both nodes destroy what opens the channel's past once a
	// sealing key is replaced.
	DestroyOldKeys bool `cbor:"23,keyasint,omitempty" json:"destroy_old_keys"`
	// Unattested is what may be invoiced, both ways together, in blocks that not
	// both members have signed yet, before new trade waits; no entry: no limit.
	Unattested []money.Amount `cbor:"24,keyasint,omitempty" json:"unattested,omitempty"`
	Notice     RateNotice     `cbor:"25,keyasint,omitzero" json:"rate_notice,omitzero"` // of rate sheets; none: from any moment on
	// Normalisations put each carrier's own records right before they are rated
	// and compared.
	Normalisations []Normalisation     `cbor:"26,keyasint,omitempty" json:"normalisations,omitempty"`
	Volume         []rating.Volume     `cbor:"27,keyasint,omitempty" json:"volume,omitempty"`      // discounts by volume
	Commitments    []rating.Commitment `cbor:"28,keyasint,omitempty" json:"commitments,omitempty"` // minimums, and what falling short costs
	// Products are the clauses by which products other than calls are ordered,
	// measured and billed; none: none are.
	Products []ProductTerms `cbor:"29,keyasint,omitempty" json:"products,omitempty"`
	// Credit is how far each side may buy before it pays; none: Exposure is all that
	// bounds it.
	Credit *Credit `cbor:"30,keyasint,omitempty" json:"credit,omitempty"`
	// WholePayments has each payment pay what it is for to the last coin; otherwise a
	// debt may be paid in parts.
	WholePayments bool `cbor:"31,keyasint,omitempty" json:"whole_payments,omitempty"`
	// NetByDay has a netting offset only what is due on the same day (UTC), and leave
	// a debt for each; otherwise all of a currency is offset.
	NetByDay bool `cbor:"32,keyasint,omitempty" json:"net_by_day,omitempty"`
	// VerifiedPayments has payments become final only while each side has on record
	// that it has checked who the other is.
	VerifiedPayments bool `cbor:"33,keyasint,omitempty" json:"verified_payments,omitempty"`
}

// RateNotice is how long before it takes effect a rate sheet has to be proposed.
// The first sheet of a direction needs none.
type RateNotice struct {
	Increase int64       `cbor:"1,keyasint" json:"increase_millis"` // of a sheet by which a price rises or goes
	Decrease int64       `cbor:"2,keyasint" json:"decrease_millis"` // of any other
	Short    ShortNotice `cbor:"3,keyasint" json:"short"`           // what becomes of one that comes too late
}

// ShortNotice is what becomes of a sheet that is proposed too late.
type ShortNotice string

// The two.
const (
	RefuseShort ShortNotice = "refuse"
	ShortLater  ShortNotice = "later" // it takes effect when its notice is over
)

// longestNotice bounds a notice: a year.
const longestNotice = 366 * day

const (
	minute = int64(60_000)
	hour   = 60 * minute
	day    = 24 * hour
)

// Defaults are terms for voice as issue and standards have them: hourly
// periods, usage agreed before the invoice, thresholds of zero.
func Defaults() Terms {
	return Terms{
		Cycle: "1h", Zone: "UTC", PeriodBy: ByEnd, GraceMillis: 2000, StartTolerance: 3000, LongestCall: day,
		Rounding: Rounding{money.HalfUp, PerLine, 6}, Compare: BeforeInvoice,
		Payment: []Method{{"bank-transfer", 30}},
		Deadlines: []Deadline{
			{StageRequest, 7 * day, Lapsed}, {StageStatement, hour, Manual}, {StageRecords, hour, NoClaim}, {StageAcceptance, day, Escalated},
			{StageDecision, 7 * day, Manual}, {StageAnswer, 30 * day, Lapsed}, {StageSuspension, 90 * day, Ended},
			{StageAdvice, 0, Overdue}, {StageArrears, 7 * day, Escalated}, {StageReceipt, 5 * day, Escalated},
		},
		Rule: DefaultRule(), Granularity: "rate-version",
		Deployment: Embedded, Integration: CommonRecord, RetentionDays: 3650,
	}
}

// Hash names the terms.
func (t Terms) Hash() canon.Hash { return canon.HashOf("lateral/terms/1", t) }

// Deadline gives the deadline of a stage.
func (t Terms) Deadline(s Stage) Deadline {
	for _, d := range t.Deadlines {
		if d.Stage == s {
			return d
		}
	}
	return Deadline{Stage: s, Millis: day, Outcome: outcomes[s][0]}
}

// Allows gives the allowance for a kind of command.
func (t Terms) Allows(command string) (Allowance, bool) {
	for _, a := range t.Alone {
		if a.Command == command {
			return a, true
		}
	}
	return Allowance{}, false
}

// Method finds a way of paying by name.
func (t Terms) Method(name string) (Method, bool) {
	for _, m := range t.Payment {
		if m.Name == name {
			return m, true
		}
	}
	return Method{}, false
}

// Validate names the first field that is not of the form. Cycle and zone are
// for package trade to check. Code: invalid.
func (t Terms) Validate() error {
	bad := func(field, detail, remedy string) error {
		return fault.New(fault.Invalid, detail, remedy).In(field)
	}
	switch {
	case t.PeriodBy != ByEnd && t.PeriodBy != ByStart:
		return bad("period_by", "a call belongs to a period by its end or its start", "use end or start")
	case t.GraceMillis < 0 || t.GraceMillis > 31*day:
		return bad("grace_millis", "the grace is negative or longer than a month", "use 2000 for live traffic")
	case t.StartTolerance < 0 || t.StartTolerance > hour:
		return bad("start_tolerance_millis", "the start tolerance is negative or longer than an hour", "use 3000")
	case t.SecondsTolerance > 3600:
		return bad("seconds_tolerance", "the tolerance is more than an hour", "use 0")
	case t.SecondsTolerance > 0 && len(t.OpenThreshold) == 0:
		return bad("open_threshold", "a tolerance of seconds without a cumulated threshold lets nothing pass", "name how much all that passes in open periods may come to")
	case t.Notice.Increase < 0 || t.Notice.Increase > longestNotice || t.Notice.Decrease < 0 || t.Notice.Decrease > longestNotice:
		return bad("rate_notice", "a notice is between nothing and a year", "use 604800000 for seven days")
	case t.Notice != (RateNotice{}) && t.Notice.Short != RefuseShort && t.Notice.Short != ShortLater:
		return bad("rate_notice.short", "a sheet that comes too late is refused, or takes effect later", "use refuse or later")
	case t.LongestCall < 0 || t.LongestCall > 31*day:
		return bad("longest_call_millis", "the longest call is negative or longer than a month", "use 86400000")
	case t.Rounding.Scope != PerLine:
		return bad("rounding.scope", "money is rounded once for each line", "use line")
	case t.Rounding.Decimals != 6:
		return bad("rounding.decimals", "amounts have six decimals", "use 6")
	case t.Compare != BeforeInvoice && t.Compare != AfterInvoice:
		return bad("compare", "usage is compared before or after the invoice", "use before-invoice or after-invoice")
	case len(t.Payment) == 0:
		return bad("payment", "the contract names no form of payment", "name one, like bank-transfer")
	case t.Granularity != "rate-version":
		return bad("granularity", "lines are one for each rate version", "use rate-version")
	case t.Deployment != Embedded:
		return bad("deployment", "this deployment is not known here", "use embedded")
	case t.Integration != CommonRecord && t.Integration != Proof:
		return bad("integration", "this integration is not known here", "use common-record or proof")
	case t.RetentionDays == 0 || t.RetentionDays > 36500:
		return bad("retention_days", "records are kept for 1 to 36500 days", "use 3650")
	}
	if err := t.Rounding.Mode.Validate(); err != nil {
		return fault.Of(err).In("rounding.mode")
	}
	for i, m := range t.Payment {
		if !party.Plain(m.Name, 32) || m.DueDays > 3650 {
			return bad("payment", "a form of payment has no plain name, or is due after more than ten years", "write it like bank-transfer, 30 days")
		}
		for _, n := range t.Payment[:i] {
			if m.Name == n.Name {
				return bad("payment", "a form of payment is there twice", "name each once")
			}
		}
	}
	for _, l := range []struct {
		field  string
		limits []money.Amount
	}{{"line_threshold", t.LineThreshold}, {"open_threshold", t.OpenThreshold}, {"exposure", t.Exposure}, {"unattested", t.Unattested}} {
		if err := party.CheckLimits(l.limits); err != nil {
			return fault.Of(err).In(l.field)
		}
	}
	for i, a := range t.Alone {
		if err := party.CheckLimits(a.Limits); err != nil {
			return fault.Of(err).In("alone")
		}
		for _, b := range t.Alone[:i] {
			if a.Command == b.Command {
				return bad("alone", "a command is there twice", "name each once")
			}
		}
	}
	if err := CheckNormalisations(t.Normalisations); err != nil {
		return err
	}
	if err := t.checkVolume(); err != nil {
		return err
	}
	if err := checkProducts(t.Products); err != nil {
		return err
	}
	if t.Credit != nil {
		if err := t.Credit.validate(t.Payment[0]); err != nil {
			return fault.Of(err).In("credit")
		}
	}
	if err := t.checkDeadlines(); err != nil {
		return err
	}
	if _, err := t.Rule.Compile(); err != nil {
		return fault.Of(err).In("rule")
	}
	return nil
}

func (t Terms) checkDeadlines() error {
	if len(t.Deadlines) != len(stages) {
		return fault.Newf(fault.Invalid, "name request, statement, records, acceptance, decision, answer, suspension, advice, arrears and receipt, in this order", "%d of %d waiting states have a deadline", len(t.Deadlines), len(stages)).In("deadlines")
	}
	for i, d := range t.Deadlines {
		known := false
		for _, o := range outcomes[stages[i]] {
			known = known || o == d.Outcome
		}
		if d.Stage != stages[i] || !known || d.Millis < 0 || d.Millis > 3660*day {
			return fault.Newf(fault.Invalid, "look the outcomes of each stage up in the documentation", "deadline %d (%s, %s) is out of order, too long, or has an outcome that does not fit", i, d.Stage, d.Outcome).In("deadlines")
		}
	}
	return nil
}
