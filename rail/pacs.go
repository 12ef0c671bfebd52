package rail

import (
	"slices"
	"strconv"
	"time"

	"github.com/lateral-network/lateral/fault"
)

// Report says what became of the payments of a file: pacs.002.
type Report struct {
	ID           string          `json:"id"`
	Created      time.Time       `json:"created"`
	Original     string          `json:"original"`      // id of the file
	OriginalKind string          `json:"original_kind"` // its message, like pain.001.001.09
	Status       Status          `json:"status,omitempty"`
	Reasons      []Reason        `json:"reasons,omitempty"`
	Payments     []PaymentStatus `json:"payments,omitempty"`
}

// PaymentStatus says what became of one payment.
type PaymentStatus struct {
	ID            string    `json:"id,omitempty"` // of this status
	InstructionID string    `json:"instruction_id,omitempty"`
	EndToEndID    string    `json:"end_to_end_id,omitempty"`
	TransactionID string    `json:"transaction_id,omitempty"`
	Status        Status    `json:"status,omitempty"`
	Reasons       []Reason  `json:"reasons,omitempty"`
	Accepted      time.Time `json:"accepted,omitzero"`
	Reference     string    `json:"reference,omitempty"` // of the bank; the entry on the statement has it too
}

// Reason is why: a code of the external list, or the bank's own.
type Reason struct {
	Code string   `json:"code,omitempty"` // like AM04, not enough funds
	Own  string   `json:"own,omitempty"`
	Info []string `json:"info,omitempty"`
}

// Status is a code of the external list of payment statuses.
type Status string

// The statuses that the bank of the sandbox gives; banks know more.
const (
	Settled  Status = "ACSC" // the payer's account is debited
	Accepted Status = "ACSP" // accepted, settlement goes on
	Pending  Status = "PDNG" // checks go on
	Partly   Status = "PART" // of a file: some are accepted
	Rejected Status = "RJCT"
)

// Outcome is what a status means for an obligation.
type Outcome string

// The outcomes. Unknown is a status that is not in the table: it changes
// nothing, and a person looks.
const (
	OutcomeAccepted Outcome = "accepted"
	OutcomeSettled  Outcome = "settled"
	OutcomeRejected Outcome = "rejected"
	OutcomePending  Outcome = "pending"
	OutcomeUnknown  Outcome = "unknown"
)

// Outcome gives what a status means. Settled is only what says that money has
// left the payer's account or reached the payee's.
func (s Status) Outcome() Outcome {
	switch s {
	case "ACSC", "ACCC":
		return OutcomeSettled
	case "ACTC", "ACCP", "ACFC", "ACSP", "ACWC", "ACWP":
		return OutcomeAccepted
	case "RJCT", "CANC":
		return OutcomeRejected
	case "RCVD", "PDNG", "PATC":
		return OutcomePending
	}
	return OutcomeUnknown
}

// SecondCopy tells a report that refuses a file because the bank had taken one
// of that id before. It says nothing about what became of the first.
func (r *Report) SecondCopy() bool {
	return r.Status.Outcome() == OutcomeRejected && slices.ContainsFunc(r.Reasons, func(x Reason) bool { return x.Code == DuplicateFile })
}

// DuplicateFile is the reason of the external list by which a bank refuses a
// second file of one id.
const DuplicateFile = "DU01"

func reportShape() *shape {
	s := fromBank
	reasons := any0("StsRsnInf", seq(overOne("Orgtr", 0), opt("Rsn", choice(one("Cd", listed(4)), one("Prtry", s.text(35)))), any0("AddtlInf", s.text(105))))
	status := opt("TxSts", listed(4))
	return seq(
		one("GrpHdr", seq(one("MsgId", s.id(35)), one("CreDtTm", moment()), overOne("InstgAgt", 0), overOne("InstdAgt", 0), overOne("OrgnlBizQry", 0))),
		opt("OrgnlGrpInfAndSts", seq(one("OrgnlMsgId", s.id(35)), one("OrgnlMsgNmId", s.id(35)), overOne("OrgnlCreDtTm", 0), opt("OrgnlNbOfTxs", digits(15)),
			overOne("OrgnlCtrlSum", 0), opt("GrpSts", listed(4)), reasons,
			any0("NbOfTxsPerSts", seq(one("DtldNbOfTxs", digits(15)), one("DtldSts", listed(4)), overOne("DtldCtrlSum", 0))))),
		any0("TxInfAndSts", seq(opt("StsId", s.id(35)), opt("OrgnlGrpInf", seq(one("OrgnlMsgId", s.id(35)), one("OrgnlMsgNmId", s.id(35)), overOne("OrgnlCreDtTm", 0))), opt("OrgnlInstrId", s.id(35)), opt("OrgnlEndToEndId", s.id(35)),
			opt("OrgnlTxId", s.id(35)), overOne("OrgnlUETR", 0), status, reasons, over("ChrgsInf"), opt("AccptncDtTm", moment()), overOne("FctvIntrBkSttlmDt", 0),
			opt("AcctSvcrRef", s.id(35)), overOne("ClrSysRef", 0), overOne("InstgAgt", 0), overOne("InstdAgt", 0), overOne("OrgnlTxRef", 0), over("SplmtryData"))),
		over("SplmtryData"))
}

// Encode gives the file. Codes: those of [Read].
func (r *Report) Encode() ([]byte, error) {
	original := el("OrgnlGrpInfAndSts", leaf("OrgnlMsgId", r.Original), leaf("OrgnlMsgNmId", r.OriginalKind))
	if original != nil {
		original.add(leaf("GrpSts", string(r.Status))).add(reasonNodes(r.Reasons)...)
	}
	top := el("FIToFIPmtStsRpt", el("GrpHdr", leaf("MsgId", r.ID), leafTime("CreDtTm", r.Created)), original)
	if top == nil {
		return nil, element("the message is empty")
	}
	for _, p := range r.Payments {
		n := &node{name: "TxInfAndSts"}
		n.add(leaf("StsId", p.ID), leaf("OrgnlInstrId", p.InstructionID), leaf("OrgnlEndToEndId", p.EndToEndID), leaf("OrgnlTxId", p.TransactionID),
			leaf("TxSts", string(p.Status))).add(reasonNodes(p.Reasons)...).add(leafTime("AccptncDtTm", p.Accepted), leaf("AcctSvcrRef", p.Reference))
		top.add(n)
	}
	return encode(top, Pacs002)
}

func reasonNodes(all []Reason) (nodes []*node) {
	for _, r := range all {
		n := &node{name: "StsRsnInf"}
		n.add(el("Rsn", leaf("Cd", r.Code), leaf("Prtry", r.Own)))
		for _, i := range r.Info {
			n.add(&node{name: "AddtlInf", text: i})
		}
		nodes = append(nodes, n)
	}
	return nodes
}

func readReasons(n *node) (all []Reason) {
	for _, r := range n.all("StsRsnInf") {
		reason := Reason{Code: r.get("Rsn", "Cd"), Own: r.get("Rsn", "Prtry")}
		for _, i := range r.all("AddtlInf") {
			reason.Info = append(reason.Info, i.text)
		}
		all = append(all, reason)
	}
	return all
}

func readReport(n *node) (*Report, error) {
	original := n.at("OrgnlGrpInfAndSts")
	r := &Report{ID: n.get("GrpHdr", "MsgId"), Created: n.at("GrpHdr", "CreDtTm").time(), Original: original.get("OrgnlMsgId"),
		OriginalKind: original.get("OrgnlMsgNmId"), Status: Status(original.get("GrpSts")), Reasons: readReasons(original)}
	if original == nil {
		// Some banks name the file at each payment instead.
		of := n.at("TxInfAndSts", "OrgnlGrpInf")
		r.Original, r.OriginalKind = of.get("OrgnlMsgId"), of.get("OrgnlMsgNmId")
	}
	ids := once{}
	counts := map[Status]int{}
	for at, tn := range n.all("TxInfAndSts") {
		p := PaymentStatus{ID: tn.get("StsId"), InstructionID: tn.get("OrgnlInstrId"), EndToEndID: tn.get("OrgnlEndToEndId"), TransactionID: tn.get("OrgnlTxId"),
			Status: Status(tn.get("TxSts")), Reasons: readReasons(tn), Accepted: tn.at("AccptncDtTm").time(), Reference: tn.get("AcctSvcrRef")}
		of := tn.get("OrgnlGrpInf", "OrgnlMsgId")
		if of == "" && original == nil {
			return nil, inside(element("it names no file: OrgnlGrpInf is missing, and OrgnlGrpInfAndSts"), "TxInfAndSts", at)
		}
		if of != "" && of != r.Original {
			return nil, inside(fault.Newf(CodeStatus, "ask the bank for a report on one file", "it is about the file %s and the report about %s", short(of), short(r.Original)), "TxInfAndSts", at)
		}
		if err := r.checkPayment(p, ids); err != nil {
			return nil, inside(err, "TxInfAndSts", at)
		}
		counts[p.Status]++
		r.Payments = append(r.Payments, p)
	}
	if r.Original == "" {
		return nil, element("OrgnlGrpInfAndSts is missing: the report names no file").In("OrgnlGrpInfAndSts")
	}
	for at, c := range original.all("NbOfTxsPerSts") {
		if s := Status(c.get("DtldSts")); number(c.get("DtldNbOfTxs")) < counts[s] {
			return nil, fault.Of(inside(badSum("it says %s payments are %s and lists %d", c.get("DtldNbOfTxs"), s, counts[s]), "NbOfTxsPerSts", at)).In("OrgnlGrpInfAndSts")
		}
	}
	if said := original.at("OrgnlNbOfTxs"); said != nil && number(said.text) < len(r.Payments) {
		return nil, badSum("the file had %s payments and %s are reported on", said.text, strconv.Itoa(len(r.Payments))).In("OrgnlNbOfTxs").In("OrgnlGrpInfAndSts")
	}
	return r, nil
}

// checkPayment compares the status of a payment with that of the file: a file
// that is rejected has no payment that is not, and one that is accepted none
// that is rejected.
func (r *Report) checkPayment(p PaymentStatus, ids once) error {
	if p.InstructionID == "" && p.EndToEndID == "" && p.TransactionID == "" {
		return element("it names no payment: OrgnlInstrId, OrgnlEndToEndId and OrgnlTxId are missing")
	}
	for _, id := range [][2]string{{"OrgnlInstrId", p.InstructionID}, {"OrgnlEndToEndId", p.EndToEndID}} {
		if id[1] == "" || id[1] == notProvided {
			continue
		}
		if err := ids.take(id[0], id[1]); err != nil {
			return err
		}
	}
	if p.Status == "" || r.Status == "" {
		return nil
	}
	file, one := r.Status.Outcome(), p.Status.Outcome()
	clash := file == OutcomeRejected && one != OutcomeRejected || (file == OutcomeAccepted || file == OutcomeSettled || file == OutcomePending) && one == OutcomeRejected
	if clash {
		return fault.Newf(CodeStatus, "ask the bank what became of the payment; until then treat it as not known", "the file is %s and the payment %s", r.Status, p.Status).In("TxSts")
	}
	return nil
}
