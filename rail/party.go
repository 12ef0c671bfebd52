package rail

import (
	"strings"

	"github.com/lateral-network/lateral/trade/money"
)

// Party is who pays, is paid, or begins a file.
type Party struct {
	Name     string `json:"name,omitempty"` // at most 140 characters
	Street   string `json:"street,omitempty"`
	Postcode string `json:"postcode,omitempty"`
	Town     string `json:"town,omitempty"`
	Country  string `json:"country,omitempty"` // ISO 3166, two letters
	LEI      string `json:"lei,omitempty"`
	Other    string `json:"other,omitempty"` // an id that the bank and the party have agreed on
}

// Account is where money stands: an IBAN, or another number where there is none.
type Account struct {
	IBAN     string         `cbor:"1,keyasint,omitempty" json:"iban,omitempty"`
	Other    string         `cbor:"2,keyasint,omitempty" json:"other,omitempty"`    // at most 34 characters
	Currency money.Currency `cbor:"3,keyasint,omitempty" json:"currency,omitempty"` // of an account that has one alone
}

// String gives the account's number.
func (a Account) String() string {
	if a.IBAN != "" {
		return a.IBAN
	}
	return a.Other
}

// same tells whether two accounts have one number. One that was not said is not
// the same as any.
func (a Account) same(b Account) bool { return a.String() != "" && a.String() == b.String() }

// Agent is a bank: its BIC, or its number in a clearing system.
type Agent struct {
	BIC      string `json:"bic,omitempty"`
	Clearing string `json:"clearing,omitempty"` // code of the system, like USABA
	Member   string `json:"member,omitempty"`   // number there
}

// Remittance says what a payment is for.
type Remittance struct {
	Texts      []string    `json:"texts,omitempty"` // for people, each at most 140 characters
	Structured []Reference `json:"structured,omitempty"`
}

// Reference is one structured reference of a payment: a document or several, or
// a creditor reference, and how much of the payment goes to it.
type Reference struct {
	Documents []Document `json:"documents,omitempty"`
	Creditor  string     `json:"creditor,omitempty"` // by which the payee finds it, such as [CreditorReference] gives
	Amount    Money      `json:"amount,omitzero"`    // remitted for it
	Credited  Money      `json:"credited,omitzero"`  // of a credit note: takes from the payment
	Info      []string   `json:"info,omitempty"`     // at most 3 of 140 characters
}

// Document is a commercial document that a payment names.
type Document struct {
	Type   string `json:"type,omitempty"` // CINV invoice, CREN credit note, DEBN debit note, SOAC statement of account ...
	Number string `json:"number,omitempty"`
	Date   Date   `json:"date,omitempty"`
}

// numbers gives everything by which a payee can find what is meant.
func (r Reference) numbers() (all []string) {
	if r.Creditor != "" {
		all = append(all, r.Creditor)
	}
	for _, d := range r.Documents {
		if d.Number != "" {
			all = append(all, d.Number)
		}
	}
	return all
}

// shapes are the definitions that several messages share, with texts of the set
// that each allows.
type shapes struct {
	text func(max int) *shape
	id   func(max int) *shape
}

var (
	toBank   = shapes{basic, ident} // what is sent to a bank
	fromBank = shapes{text, text}   // what banks send
)

func (s shapes) party() *shape {
	return seq(opt("Nm", s.text(140)),
		opt("PstlAdr", seq(overOne("AdrTp", 0), overOne("Dept", 0), overOne("SubDept", 0), opt("StrtNm", s.text(70)), overOne("BldgNb", 0),
			overOne("BldgNm", 0), overOne("Flr", 0), overOne("PstBx", 0), overOne("Room", 0), opt("PstCd", s.text(16)), opt("TwnNm", s.text(35)),
			overOne("TwnLctnNm", 0), overOne("DstrctNm", 0), overOne("CtrySubDvsn", 0), opt("Ctry", country()), upTo(7, "AdrLine", &shape{passed: true}))),
		opt("Id", choice(one("OrgId", seq(overOne("AnyBIC", 0), opt("LEI", lei()),
			any0("Othr", seq(one("Id", s.text(35)), overOne("SchmeNm", 0), overOne("Issr", 0))))), overOne("PrvtId", 1))),
		overOne("CtryOfRes", 0), overOne("CtctDtls", 0))
}

func country() *shape {
	return form("two capitals of ISO 3166", 2, 2, func(r rune) bool { return r >= 'A' && r <= 'Z' })
}

func lei() *shape {
	return form("the 20 characters of a legal entity identifier", 20, 20, func(r rune) bool { return r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' })
}

func readParty(n *node) Party {
	return Party{Name: n.get("Nm"), Street: n.get("PstlAdr", "StrtNm"), Postcode: n.get("PstlAdr", "PstCd"), Town: n.get("PstlAdr", "TwnNm"),
		Country: n.get("PstlAdr", "Ctry"), LEI: n.get("Id", "OrgId", "LEI"), Other: n.get("Id", "OrgId", "Othr", "Id")}
}

func (p Party) node(name string) *node {
	return el(name, leaf("Nm", p.Name),
		el("PstlAdr", leaf("StrtNm", p.Street), leaf("PstCd", p.Postcode), leaf("TwnNm", p.Town), leaf("Ctry", p.Country)),
		el("Id", el("OrgId", leaf("LEI", p.LEI), el("Othr", leaf("Id", p.Other)))))
}

func (s shapes) account(more ...part) *shape {
	return seq(append([]part{one("Id", choice(one("IBAN", value(checkIBAN)), one("Othr", seq(one("Id", s.id(34)), overOne("SchmeNm", 0), overOne("Issr", 0))))),
		overOne("Tp", 0), opt("Ccy", currency()), overOne("Nm", 0), overOne("Prxy", 0)}, more...)...)
}

func readAccount(n *node) Account {
	return Account{IBAN: n.get("Id", "IBAN"), Other: n.get("Id", "Othr", "Id"), Currency: money.Currency(n.get("Ccy"))}
}

func (a Account) node(name string, more ...*node) *node {
	n := el(name, el("Id", leaf("IBAN", a.IBAN), el("Othr", leaf("Id", a.Other))), leaf("Ccy", string(a.Currency)))
	if n == nil {
		return nil
	}
	return n.add(more...)
}

func (s shapes) agent() *shape {
	return seq(one("FinInstnId", seq(opt("BICFI", value(checkBIC)),
		opt("ClrSysMmbId", seq(opt("ClrSysId", choice(one("Cd", listed(5)), one("Prtry", s.text(35)))), one("MmbId", s.text(35)))),
		overOne("LEI", 0), overOne("Nm", 0), overOne("PstlAdr", 0), opt("Othr", seq(one("Id", s.text(35)), overOne("SchmeNm", 0), overOne("Issr", 0))))),
		overOne("BrnchId", 0))
}

func readAgent(n *node) Agent {
	fin := n.at("FinInstnId")
	clearing := fin.get("ClrSysMmbId", "ClrSysId", "Cd")
	if clearing == "" {
		clearing = fin.get("ClrSysMmbId", "ClrSysId", "Prtry")
	}
	return Agent{BIC: fin.get("BICFI"), Clearing: clearing, Member: fin.get("ClrSysMmbId", "MmbId")}
}

func (a Agent) node(name string) *node {
	return el(name, el("FinInstnId", leaf("BICFI", a.BIC), el("ClrSysMmbId", el("ClrSysId", leaf("Cd", a.Clearing)), leaf("MmbId", a.Member))))
}

// nodeOrNone is node of an agent that the definition asks for: a payer's bank
// that is not known is said to be not provided.
func (a Agent) nodeOrNone(name string) *node {
	if a == (Agent{}) {
		return el(name, el("FinInstnId", el("Othr", leaf("Id", notProvided))))
	}
	return a.node(name)
}

// notProvided stands where a text must and none is known.
const notProvided = "NOTPROVIDED"

// documents are the types of documents that a payment can name.
var documents = []string{"MSIN", "CNFA", "DNFA", "CINV", "CREN", "DEBN", "HIRI", "SBIN", "CMCN", "SOAC", "DISP", "BOLD", "VCHR", "AROI", "TSUT", "PUOR"}

func (s shapes) remittance() *shape {
	return seq(any0("Ustrd", s.text(140)), any0("Strd", seq(
		any0("RfrdDocInf", seq(opt("Tp", seq(one("CdOrPrtry", choice(one("Cd", code(documents...)), one("Prtry", s.text(35)))), overOne("Issr", 0))),
			opt("Nb", s.text(35)), opt("RltdDt", day()), over("LineDtls"))),
		opt("RfrdDocAmt", seq(overOne("DuePyblAmt", 0), over("DscntApldAmt"), opt("CdtNoteAmt", sum()), over("TaxAmt"), over("AdjstmntAmtAndRsn"), opt("RmtdAmt", sum()))),
		opt("CdtrRefInf", &shape{parts: seq(opt("Tp", seq(one("CdOrPrtry", choice(one("Cd", code("RADM", "RPIN", "FXDR", "DISP", "PUOR", "SCOR")), one("Prtry", s.text(35)))),
			opt("Issr", s.text(35)))), opt("Ref", s.text(35))).parts, also: creditorReference}),
		overOne("Invcr", 0), overOne("Invcee", 0), overOne("TaxRmt", 0), overOne("GrnshmtRmt", 0), upTo(3, "AddtlRmtInf", s.text(140)))))
}

// creditorReference checks the digits of a reference that says it is one of
// ISO 11649.
func creditorReference(n *node) error {
	if ref := n.get("Ref"); n.get("Tp", "Issr") == "ISO" || n.get("Tp", "CdOrPrtry", "Cd") == "SCOR" && strings.HasPrefix(ref, "RF") {
		if err := checkCreditor(ref); err != nil {
			return err.In("Ref")
		}
	}
	return nil
}

func readRemittance(n *node) (r Remittance) {
	for _, u := range n.all("Ustrd") {
		r.Texts = append(r.Texts, u.text)
	}
	for _, s := range n.all("Strd") {
		ref := Reference{Creditor: s.get("CdtrRefInf", "Ref"), Amount: s.at("RfrdDocAmt", "RmtdAmt").money(), Credited: s.at("RfrdDocAmt", "CdtNoteAmt").money()}
		for _, d := range s.all("RfrdDocInf") {
			date, _ := readDate(d.get("RltdDt")) // checked by its shape
			ref.Documents = append(ref.Documents, Document{Type: d.get("Tp", "CdOrPrtry", "Cd"), Number: d.get("Nb"), Date: date})
		}
		for _, i := range s.all("AddtlRmtInf") {
			ref.Info = append(ref.Info, i.text)
		}
		r.Structured = append(r.Structured, ref)
	}
	return r
}

func (r Remittance) node() *node {
	n := &node{name: "RmtInf"}
	for _, text := range r.Texts {
		n.add(&node{name: "Ustrd", text: text})
	}
	for _, ref := range r.Structured {
		s := &node{name: "Strd"}
		for _, d := range ref.Documents {
			s.add(el("RfrdDocInf", el("Tp", el("CdOrPrtry", leaf("Cd", d.Type))), leaf("Nb", d.Number), leaf("RltdDt", string(d.Date))))
		}
		s.add(el("RfrdDocAmt", leafMoney("CdtNoteAmt", ref.Credited), leafMoney("RmtdAmt", ref.Amount)))
		if ref.Creditor != "" {
			issuer := ""
			if strings.HasPrefix(ref.Creditor, "RF") {
				issuer = "ISO"
			}
			s.add(el("CdtrRefInf", el("Tp", el("CdOrPrtry", leaf("Cd", "SCOR")), leaf("Issr", issuer)), leaf("Ref", ref.Creditor)))
		}
		for _, i := range ref.Info {
			s.add(&node{name: "AddtlRmtInf", text: i})
		}
		n.add(s)
	}
	if len(n.kids) == 0 {
		return nil
	}
	return n
}

// remitted sums what the references of a payment say goes to each, less what
// credit notes take. said is false where one of them, or all, say nothing.
func (r Remittance) remitted(of money.Currency) (net Money, said bool, err error) {
	net = Money{Currency: of}
	for _, ref := range r.Structured {
		if ref.Amount.IsZero() && ref.Credited.IsZero() {
			return Money{}, false, nil
		}
		for _, part := range []Money{ref.Amount, {ref.Credited.Currency, -ref.Credited.Minor}} {
			if part.IsZero() {
				continue
			}
			if net, err = net.plus(part); err != nil {
				return Money{}, true, err
			}
		}
	}
	return net, len(r.Structured) > 0, nil
}
