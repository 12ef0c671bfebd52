package rail

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
)

// Initiation asks a bank to make payments: one file, pain.001.
type Initiation struct {
	ID        string    `json:"id"` // of the file; a bank takes each once
	Created   time.Time `json:"created"`
	Initiator Party     `json:"initiator"`
	Groups    []Group   `json:"groups"`
}

// Group is the payments of a file that leave one account on one day.
type Group struct {
	ID       string    `json:"id"`
	Batch    bool      `json:"batch,omitempty"`   // one entry on the statement for all
	Service  string    `json:"service,omitempty"` // level, like SEPA or URGP
	Execute  Date      `json:"execute"`           // the day on which the bank is to pay
	Debtor   Party     `json:"debtor"`
	Account  Account   `json:"account"`
	Bank     Agent     `json:"bank,omitzero"`
	Charges  string    `json:"charges,omitempty"` // who bears them: DEBT, CRED, SHAR, SLEV
	Payments []Payment `json:"payments"`
}

// Payment is one credit transfer.
type Payment struct {
	InstructionID string     `json:"instruction_id,omitempty"` // goes to the own bank alone
	EndToEndID    string     `json:"end_to_end_id"`            // goes to the payee, and back with every report
	Amount        Money      `json:"amount"`                   // above zero
	Charges       string     `json:"charges,omitempty"`
	Bank          Agent      `json:"bank,omitzero"` // the payee's
	Creditor      Party      `json:"creditor"`
	Account       Account    `json:"account"`
	Purpose       string     `json:"purpose,omitempty"` // external code, like SUPP
	Remittance    Remittance `json:"remittance,omitzero"`
}

func initiationShape() *shape {
	s := toBank
	charges := code("DEBT", "CRED", "SHAR", "SLEV")
	types := seq(overOne("InstrPrty", 0), any0("SvcLvl", choice(one("Cd", listed(4)), one("Prtry", s.text(35)))), overOne("LclInstrm", 0), overOne("CtgyPurp", 0))
	payment := seq(
		one("PmtId", seq(opt("InstrId", s.id(35)), one("EndToEndId", s.id(35)), overOne("UETR", 0))),
		opt("PmtTpInf", types), one("Amt", choice(one("InstdAmt", above()))), overOne("XchgRateInf", 0), opt("ChrgBr", charges),
		overOne("ChqInstr", 0), overOne("UltmtDbtr", 0), overOne("IntrmyAgt1", 0), overOne("IntrmyAgt1Acct", 0), overOne("IntrmyAgt2", 0),
		overOne("IntrmyAgt2Acct", 0), overOne("IntrmyAgt3", 0), overOne("IntrmyAgt3Acct", 0), opt("CdtrAgt", s.agent()), overOne("CdtrAgtAcct", 0),
		one("Cdtr", s.party()), one("CdtrAcct", s.account()), overOne("UltmtCdtr", 0), over("InstrForCdtrAgt"), overOne("InstrForDbtrAgt", 0),
		opt("Purp", choice(one("Cd", listed(4)), one("Prtry", s.text(35)))), upTo(10, "RgltryRptg", &shape{passed: true}), overOne("Tax", 0),
		upTo(10, "RltdRmtInf", &shape{passed: true}), opt("RmtInf", s.remittance()), over("SplmtryData"))
	group := seq(
		one("PmtInfId", s.id(35)), one("PmtMtd", code("TRF")), opt("BtchBookg", flag()), opt("NbOfTxs", digits(15)), opt("CtrlSum", figure()),
		opt("PmtTpInf", types), one("ReqdExctnDt", dated()), overOne("PoolgAdjstmntDt", 0), one("Dbtr", s.party()), one("DbtrAcct", s.account()),
		one("DbtrAgt", s.agent()), overOne("DbtrAgtAcct", 0), overOne("InstrForDbtrAgt", 0), overOne("UltmtDbtr", 0), opt("ChrgBr", charges),
		overOne("ChrgsAcct", 0), overOne("ChrgsAcctAgt", 0), some("CdtTrfTxInf", payment))
	return seq(
		one("GrpHdr", seq(one("MsgId", s.id(35)), one("CreDtTm", moment()), upTo(2, "Authstn", &shape{passed: true}), one("NbOfTxs", digits(15)),
			opt("CtrlSum", figure()), one("InitgPty", s.party()), overOne("FwdgAgt", 0), overOne("InitnSrc", 0))),
		some("PmtInf", group), over("SplmtryData"))
}

// Encode gives the file. Codes: those of [Read].
func (i *Initiation) Encode() ([]byte, error) {
	var all tally
	top := &node{name: "CstmrCdtTrfInitn"}
	header := top.add(&node{name: "GrpHdr"}).kids[0]
	for _, g := range i.Groups {
		var here tally
		n := el("PmtInf", leaf("PmtInfId", g.ID), leaf("PmtMtd", "TRF"), leaf("BtchBookg", strconv.FormatBool(g.Batch)))
		for _, p := range g.Payments {
			here.add(p.Amount)
			all.add(p.Amount)
		}
		n.add(here.nodes()...).add(
			el("PmtTpInf", el("SvcLvl", leaf("Cd", g.Service))), leafDate("ReqdExctnDt", g.Execute), g.Debtor.node("Dbtr"), g.Account.node("DbtrAcct"),
			g.Bank.nodeOrNone("DbtrAgt"), leaf("ChrgBr", g.Charges))
		for _, p := range g.Payments {
			n.add(el("CdtTrfTxInf",
				el("PmtId", leaf("InstrId", p.InstructionID), leaf("EndToEndId", p.EndToEndID)), el("Amt", leafMoney("InstdAmt", p.Amount)),
				leaf("ChrgBr", p.Charges), p.Bank.node("CdtrAgt"), p.Creditor.node("Cdtr"), p.Account.node("CdtrAcct"),
				el("Purp", leaf("Cd", p.Purpose)), p.Remittance.node()))
		}
		top.add(n)
	}
	header.add(leaf("MsgId", i.ID), leafTime("CreDtTm", i.Created)).add(all.nodes()...).add(i.Initiator.node("InitgPty"))
	return encode(top, Pain001)
}

// tally counts and sums payments.
type tally struct {
	count int
	sum   total
}

func (t *tally) add(m Money) { t.count++; t.sum.add(m) }

func (t *tally) nodes() []*node {
	return []*node{leaf("NbOfTxs", strconv.Itoa(t.count)), leaf("CtrlSum", t.sum.String())}
}

// check compares what a header says of its payments with what they come to.
func (t *tally) check(n *node) error {
	if said := n.at("NbOfTxs"); said != nil && number(said.text) != t.count {
		return badSum("it says %s payments and has %d", said.text, t.count).In("NbOfTxs")
	}
	if said := n.at("CtrlSum"); said != nil && !t.sum.is(said.text) {
		return badSum("it says %s and the amounts come to %s", short(said.text), t.sum.String()).In("CtrlSum")
	}
	return nil
}

func badSum(format string, args ...any) *fault.Error {
	return fault.Newf(CodeSum, "part of the file may be missing: ask whoever made it for the whole", format, args...)
}

func readInitiation(n *node) (*Initiation, error) {
	i := &Initiation{ID: n.get("GrpHdr", "MsgId"), Created: n.at("GrpHdr", "CreDtTm").time(), Initiator: readParty(n.at("GrpHdr", "InitgPty"))}
	var all tally
	ids := once{}
	for at, gn := range n.all("PmtInf") {
		g, here, err := readGroup(gn, ids)
		if err != nil {
			return nil, inside(err, "PmtInf", at)
		}
		all.count += here.count
		all.sum.sum.Add(&all.sum.sum, &here.sum.sum)
		all.sum.places = max(all.sum.places, here.sum.places)
		i.Groups = append(i.Groups, g)
	}
	if err := all.check(n.at("GrpHdr")); err != nil {
		return nil, fault.Of(err).In("GrpHdr")
	}
	if _, err := i.Totals(); err != nil {
		return nil, err
	}
	return i, nil
}

// Totals gives what the payments of each currency come to, the currencies in
// byte order. Code: money-overflow.
func (i *Initiation) Totals() ([]Money, error) {
	sums := map[money.Currency]Money{}
	for _, g := range i.Groups {
		for _, p := range g.Payments {
			c := p.Amount.Currency
			sum, err := Money{c, sums[c].Minor}.plus(p.Amount)
			if err != nil {
				return nil, err
			}
			sums[c] = sum
		}
	}
	var all []Money
	for _, c := range slices.Sorted(maps.Keys(sums)) {
		all = append(all, sums[c])
	}
	return all, nil
}

func readGroup(n *node, ids once) (Group, tally, error) {
	var here tally
	g := Group{ID: n.get("PmtInfId"), Batch: isTrue(n.get("BtchBookg")), Service: n.get("PmtTpInf", "SvcLvl", "Cd"), Execute: n.at("ReqdExctnDt").date(),
		Debtor: readParty(n.at("Dbtr")), Account: readAccount(n.at("DbtrAcct")), Bank: readAgent(n.at("DbtrAgt")), Charges: n.get("ChrgBr")}
	if err := ids.take("PmtInfId", g.ID); err != nil {
		return g, here, err
	}
	if g.Debtor.Name == "" {
		return g, here, element("Nm is missing: a bank asks who pays").In("Dbtr")
	}
	for at, pn := range n.all("CdtTrfTxInf") {
		p, err := readPayment(pn, ids)
		if err != nil {
			return g, here, inside(err, "CdtTrfTxInf", at)
		}
		here.add(p.Amount)
		g.Payments = append(g.Payments, p)
	}
	return g, here, here.check(n)
}

func readPayment(n *node, ids once) (Payment, error) {
	p := Payment{InstructionID: n.get("PmtId", "InstrId"), EndToEndID: n.get("PmtId", "EndToEndId"), Amount: n.at("Amt", "InstdAmt").money(),
		Charges: n.get("ChrgBr"), Bank: readAgent(n.at("CdtrAgt")), Creditor: readParty(n.at("Cdtr")), Account: readAccount(n.at("CdtrAcct")),
		Purpose: n.get("Purp", "Cd"), Remittance: readRemittance(n.at("RmtInf"))}
	if p.Creditor.Name == "" {
		return p, element("Nm is missing: a bank asks who is paid").In("Cdtr")
	}
	if err := ids.take("EndToEndId", p.EndToEndID); err != nil {
		return p, err
	}
	if p.InstructionID != "" {
		if err := ids.take("InstrId", p.InstructionID); err != nil {
			return p, err
		}
	}
	net, said, err := p.Remittance.remitted(p.Amount.Currency)
	if err != nil {
		return p, fault.Of(err).In("RmtInf")
	}
	if said && net != p.Amount {
		return p, badSum("its references come to %s and the payment is %s", net, p.Amount).In("RmtInf")
	}
	return p, nil
}

// once keeps ids that must be unique in a file, by the name of their element.
type once map[string]bool

func (o once) take(name, id string) error {
	key := name + " " + id
	if o[key] {
		return fault.Newf(CodeTwice, "give each its own id; ask whoever made the file", "%s stands twice", short(id)).In(name)
	}
	o[key] = true
	return nil
}

// inside names the element of a list in which a rule was broken.
func inside(err error, name string, at int) error {
	return fault.Of(err).In(name + "[" + strconv.Itoa(at+1) + "]")
}

// PaymentOf makes the one payment that pays what can be paid of items of one
// currency. It names each by its creditor reference, with how much goes to it,
// so the payee's [Matcher] finds them; its end-to-end id follows from the ids,
// so the same items are the same payment. The payee, its account and bank are
// left to the caller. Codes: refused, when nothing above zero can be paid;
// unknown-currency, currency-mismatch, money-overflow.
func PaymentOf(items ...Item) (Payment, error) {
	var p Payment
	var ids []string
	for _, item := range items {
		open, _, err := Payable(item.Owed)
		if err != nil {
			return Payment{}, err
		}
		if open.Minor == 0 {
			continue
		}
		if p.Amount.IsZero() {
			p.Amount.Currency = open.Currency
		}
		if p.Amount, err = p.Amount.plus(open); err != nil {
			return Payment{}, err
		}
		ref := Reference{Creditor: CreditorReference(item.ID), Amount: open}
		if open.Minor < 0 {
			ref.Amount, ref.Credited = Money{}, open.abs()
		}
		p.Remittance.Structured = append(p.Remittance.Structured, ref)
		ids = append(ids, item.ID)
	}
	if p.Amount.Minor <= 0 {
		return Payment{}, fault.New(fault.Refused, "nothing is left to pay by a bank", "wait until more is owed; what is below a minor unit is carried")
	}
	p.EndToEndID = CreditorReference(strings.Join(ids, "\x00"))
	return p, nil
}
