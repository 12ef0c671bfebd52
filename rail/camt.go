package rail

import (
	"strconv"
	"time"

	"github.com/lateral-network/lateral/fault"
)

// Statement is what a bank tells of accounts: camt.053, a statement with
// balances, or camt.054, single bookings.
type Statement struct {
	Kind     Kind             `json:"kind"`
	ID       string           `json:"id"` // of the file
	Created  time.Time        `json:"created"`
	Page     int              `json:"page,omitempty"` // from 1, of a statement in several files
	Last     bool             `json:"last,omitempty"` // with a page: none follows
	Accounts []AccountEntries `json:"accounts"`
}

// AccountEntries is one statement or notification of a file: one account in one
// currency.
type AccountEntries struct {
	ID       string    `json:"id"`
	Sequence int       `json:"sequence,omitempty"` // of the bank's statements, electronic
	Created  time.Time `json:"created,omitzero"`
	From     time.Time `json:"from,omitzero"`
	To       time.Time `json:"to,omitzero"`
	Copy     string    `json:"copy,omitempty"` // DUPL, COPY or CODU: it was sent before
	Account  Account   `json:"account"`
	Owner    Party     `json:"owner,omitzero"`
	Bank     Agent     `json:"bank,omitzero"`
	Balances []Balance `json:"balances,omitempty"` // of a statement, at least one
	Entries  []Entry   `json:"entries,omitempty"`
}

// Balance is what stands on an account; below zero it is overdrawn.
type Balance struct {
	Type   string `json:"type"` // OPBD opening, CLBD closing, PRCD closing before, CLAV available ...
	Amount Money  `json:"amount"`
	Date   Date   `json:"date"`
}

// Entry is one booking.
type Entry struct {
	Reference     string    `json:"reference,omitempty"` // of the entry on this statement
	Amount        Money     `json:"amount"`              // of zero or more
	Credit        bool      `json:"credit"`              // to the account; else from it
	Reversal      bool      `json:"reversal,omitempty"`  // takes an earlier booking back: a credit then one of a debit
	Status        string    `json:"status"`              // BOOK, PDNG, INFO, FUTR
	Booked        Date      `json:"booked,omitempty"`
	Value         Date      `json:"value,omitempty"`
	BankReference string    `json:"bank_reference,omitempty"` // of the account servicer: one booking, wherever it is told
	Code          EntryCode `json:"code,omitzero"`
	Charged       bool      `json:"charged,omitempty"` // charges are told of it, so its parts may come to another sum
	Batches       []Batch   `json:"batches,omitempty"`
	Info          string    `json:"info,omitempty"`
}

// EntryCode is what kind of booking it is, by the external list or the bank's own.
type EntryCode struct {
	Domain    string `json:"domain,omitempty"` // like PMNT
	Family    string `json:"family,omitempty"` // like RCDT
	SubFamily string `json:"sub_family,omitempty"`
	Own       string `json:"own,omitempty"`
}

// Batch is details of an entry: what the bank says of a batch, and payments.
type Batch struct {
	MessageID string   `json:"message_id,omitempty"` // of the file that ordered it
	GroupID   string   `json:"group_id,omitempty"`
	Count     int      `json:"count,omitempty"`
	Total     Money    `json:"total,omitzero"`
	Payments  []Detail `json:"payments,omitempty"`
}

// Detail is one payment of an entry.
type Detail struct {
	MessageID       string     `json:"message_id,omitempty"`
	BankReference   string     `json:"bank_reference,omitempty"`
	GroupID         string     `json:"group_id,omitempty"`
	InstructionID   string     `json:"instruction_id,omitempty"`
	EndToEndID      string     `json:"end_to_end_id,omitempty"`
	TransactionID   string     `json:"transaction_id,omitempty"`
	Amount          Money      `json:"amount,omitzero"`     // in the account's currency
	Credit          bool       `json:"credit"`              // as the entry's where it is not said
	Instructed      Money      `json:"instructed,omitzero"` // what was ordered, maybe in another currency
	Debtor          Party      `json:"debtor,omitzero"`
	DebtorAccount   Account    `json:"debtor_account,omitzero"`
	Creditor        Party      `json:"creditor,omitzero"`
	CreditorAccount Account    `json:"creditor_account,omitzero"`
	DebtorBank      Agent      `json:"debtor_bank,omitzero"`
	CreditorBank    Agent      `json:"creditor_bank,omitzero"`
	Remittance      Remittance `json:"remittance,omitzero"`
	Return          string     `json:"return,omitempty"` // why it comes back, a code like AC04
	Info            string     `json:"info,omitempty"`
}

func statementShape(kind Kind) *shape {
	s := fromBank
	direction := code("CRDT", "DBIT")
	eitherCode := choice(one("Cd", listed(4)), one("Prtry", s.text(35)))
	bankCode := seq(opt("Domn", seq(one("Cd", listed(4)), one("Fmly", seq(one("Cd", listed(4)), one("SubFmlyCd", listed(4)))))),
		opt("Prtry", seq(one("Cd", s.text(35)), overOne("Issr", 0))))
	anyParty := choice(one("Pty", s.party()), one("Agt", s.agent()))
	amounts := seq(opt("InstdAmt", seq(one("Amt", sum()), overOne("CcyXchg", 0))), overOne("TxAmt", 0), overOne("CntrValAmt", 0), overOne("AnncdPstngAmt", 0), over("PrtryAmt"))
	detail := seq(
		opt("Refs", seq(opt("MsgId", s.id(35)), opt("AcctSvcrRef", s.id(35)), opt("PmtInfId", s.id(35)), opt("InstrId", s.id(35)), opt("EndToEndId", s.id(35)),
			overOne("UETR", 0), opt("TxId", s.id(35)), overOne("MndtId", 0), overOne("ChqNb", 0), overOne("ClrSysRef", 0), overOne("AcctOwnrTxId", 0),
			overOne("AcctSvcrTxId", 0), overOne("MktInfrstrctrTxId", 0), overOne("PrcgId", 0), over("Prtry"))),
		opt("Amt", sum()), opt("CdtDbtInd", direction), opt("AmtDtls", amounts), over("Avlbty"), overOne("BkTxCd", 0), overOne("Chrgs", 0), overOne("Intrst", 0),
		opt("RltdPties", seq(overOne("InitgPty", 0), opt("Dbtr", anyParty), opt("DbtrAcct", s.account()), overOne("UltmtDbtr", 0), opt("Cdtr", anyParty),
			opt("CdtrAcct", s.account()), overOne("UltmtCdtr", 0), overOne("TradgPty", 0), over("Prtry"))),
		opt("RltdAgts", seq(overOne("InstgAgt", 0), overOne("InstdAgt", 0), opt("DbtrAgt", s.agent()), opt("CdtrAgt", s.agent()), overOne("IntrmyAgt1", 0),
			overOne("IntrmyAgt2", 0), overOne("IntrmyAgt3", 0), overOne("RcvgAgt", 0), overOne("DlvrgAgt", 0), overOne("IssgAgt", 0), overOne("SttlmPlc", 0), over("Prtry"))),
		overOne("LclInstrm", 0), overOne("Purp", 0), upTo(10, "RltdRmtInf", &shape{passed: true}), opt("RmtInf", s.remittance()), overOne("RltdDts", 0),
		overOne("RltdPric", 0), over("RltdQties"), overOne("FinInstrmId", 0), overOne("Tax", 0),
		opt("RtrInf", seq(overOne("OrgnlBkTxCd", 0), overOne("Orgtr", 0), opt("Rsn", eitherCode), over("AddtlInf"))),
		overOne("CorpActn", 0), overOne("SfkpgAcct", 0), over("CshDpst"), overOne("CardTx", 0), opt("AddtlTxInf", s.text(500)), over("SplmtryData"))
	entry := seq(
		opt("NtryRef", s.id(35)), one("Amt", sum()), one("CdtDbtInd", direction), opt("RvslInd", flag()), one("Sts", eitherCode), opt("BookgDt", dated()),
		opt("ValDt", dated()), opt("AcctSvcrRef", s.id(35)), over("Avlbty"), one("BkTxCd", bankCode), overOne("ComssnWvrInd", 0), overOne("AddtlInfInd", 0),
		opt("AmtDtls", amounts), overOne("Chrgs", 0), overOne("TechInptChanl", 0), overOne("Intrst", 0), overOne("CardTx", 0),
		any0("NtryDtls", seq(opt("Btch", seq(opt("MsgId", s.id(35)), opt("PmtInfId", s.id(35)), opt("NbOfTxs", digits(15)), opt("TtlAmt", sum()), opt("CdtDbtInd", direction))),
			any0("TxDtls", detail))),
		opt("AddtlNtryInf", s.text(500)))
	counted := seq(opt("NbOfNtries", digits(15)), opt("Sum", figure()))
	summary := seq(
		opt("TtlNtries", seq(opt("NbOfNtries", digits(15)), opt("Sum", figure()), opt("TtlNetNtry", seq(one("Amt", figure()), one("CdtDbtInd", direction))))),
		opt("TtlCdtNtries", counted), opt("TtlDbtNtries", counted), over("TtlNtriesPerBkTxCd"))
	name, paging, inf := "Stmt", "StmtPgntn", "AddtlStmtInf"
	balances := []part{some("Bal", seq(one("Tp", seq(one("CdOrPrtry", eitherCode), overOne("SubTp", 0))), over("CdtLine"), one("Amt", sum()),
		one("CdtDbtInd", direction), one("Dt", dated()), over("Avlbty")))}
	if kind == Camt054 {
		name, paging, inf, balances = "Ntfctn", "NtfctnPgntn", "AddtlNtfctnInf", nil
	}
	pages := seq(one("PgNb", digits(5)), one("LastPgInd", flag()))
	account := append([]part{one("Id", s.id(35)), opt(paging, pages), opt("ElctrncSeqNb", digits(15)), overOne("RptgSeq", 0), overOne("LglSeqNb", 0),
		opt("CreDtTm", moment()), opt("FrToDt", seq(one("FrDtTm", moment()), one("ToDtTm", moment()))), opt("CpyDplctInd", code("CODU", "COPY", "DUPL")),
		overOne("RptgSrc", 0), one("Acct", s.account(opt("Ownr", s.party()), opt("Svcr", s.agent()))), overOne("RltdAcct", 0), over("Intrst")}, balances...)
	account = append(account, opt("TxsSummry", summary), any0("Ntry", entry), overOne(inf, 0))
	return seq(
		one("GrpHdr", seq(one("MsgId", s.id(35)), one("CreDtTm", moment()), overOne("MsgRcpt", 0), opt("MsgPgntn", pages), overOne("OrgnlBizQry", 0), overOne("AddtlInf", 0))),
		some(name, seq(account...)), over("SplmtryData"))
}

// element gives the name of one account's part of the message.
func (k Kind) accountElement() (message, account string) {
	if k == Camt054 {
		return "BkToCstmrDbtCdtNtfctn", "Ntfctn"
	}
	return "BkToCstmrStmt", "Stmt"
}

// Encode gives the file. Codes: those of [Read].
func (s *Statement) Encode() ([]byte, error) {
	if s.Kind != Camt053 && s.Kind != Camt054 {
		return nil, fault.Newf(CodeUnknownMessage, "use "+string(Camt053)+" or "+string(Camt054), "%s is no statement", short(string(s.Kind)))
	}
	message, name := s.Kind.accountElement()
	header := el("GrpHdr", leaf("MsgId", s.ID), leafTime("CreDtTm", s.Created))
	if header != nil && s.Page > 0 {
		header.add(el("MsgPgntn", leaf("PgNb", strconv.Itoa(s.Page)), leaf("LastPgInd", strconv.FormatBool(s.Last))))
	}
	top := el(message, header)
	if top == nil {
		return nil, element("the message is empty")
	}
	for _, a := range s.Accounts {
		n := &node{name: name}
		n.add(leaf("Id", a.ID))
		if a.Sequence > 0 {
			n.add(leaf("ElctrncSeqNb", strconv.Itoa(a.Sequence)))
		}
		n.add(leafTime("CreDtTm", a.Created), el("FrToDt", leafTime("FrDtTm", a.From), leafTime("ToDtTm", a.To)), leaf("CpyDplctInd", a.Copy),
			a.Account.node("Acct", a.Owner.node("Ownr"), a.Bank.node("Svcr")))
		for _, b := range a.Balances {
			n.add(el("Bal", el("Tp", el("CdOrPrtry", leaf("Cd", b.Type))), leafMoney("Amt", b.Amount.abs()), leaf("CdtDbtInd", direction(b.Amount.Minor >= 0)), leafDate("Dt", b.Date)))
		}
		n.add(a.summarize().node())
		for _, e := range a.Entries {
			n.add(e.node())
		}
		top.add(n)
	}
	return encode(top, s.Kind)
}

func (m Money) abs() Money {
	if m.Minor < 0 {
		m.Minor = -m.Minor
	}
	return m
}

func direction(credit bool) string {
	if credit {
		return "CRDT"
	}
	return "DBIT"
}

func (e Entry) node() *node {
	n := &node{name: "Ntry"}
	n.add(leaf("NtryRef", e.Reference), leafMoney("Amt", e.Amount), leaf("CdtDbtInd", direction(e.Credit)))
	if e.Reversal {
		n.add(leaf("RvslInd", "true"))
	}
	code := &node{name: "BkTxCd"}
	if e.Code.Domain != "" {
		code.add(el("Domn", leaf("Cd", e.Code.Domain), el("Fmly", leaf("Cd", e.Code.Family), leaf("SubFmlyCd", e.Code.SubFamily))))
	}
	code.add(el("Prtry", leaf("Cd", e.Code.Own)))
	n.add(el("Sts", leaf("Cd", e.Status)), leafDate("BookgDt", e.Booked), leafDate("ValDt", e.Value), leaf("AcctSvcrRef", e.BankReference), code)
	for _, b := range e.Batches {
		details := &node{name: "NtryDtls"}
		batch := el("Btch", leaf("MsgId", b.MessageID), leaf("PmtInfId", b.GroupID))
		if b.Count > 0 {
			if batch == nil {
				batch = &node{name: "Btch"}
			}
			batch.add(leaf("NbOfTxs", strconv.Itoa(b.Count)), leafMoney("TtlAmt", b.Total))
		}
		details.add(batch)
		for _, d := range b.Payments {
			details.add(d.node(e.Credit))
		}
		n.add(details)
	}
	return n.add(leaf("AddtlNtryInf", e.Info))
}

func (d Detail) node(credit bool) *node {
	n := &node{name: "TxDtls"}
	n.add(el("Refs", leaf("MsgId", d.MessageID), leaf("AcctSvcrRef", d.BankReference), leaf("PmtInfId", d.GroupID), leaf("InstrId", d.InstructionID),
		leaf("EndToEndId", d.EndToEndID), leaf("TxId", d.TransactionID)), leafMoney("Amt", d.Amount))
	if !d.Amount.IsZero() || d.Credit != credit {
		n.add(leaf("CdtDbtInd", direction(d.Credit)))
	}
	party := func(name string, p Party) *node { return el(name, p.node("Pty")) }
	return n.add(el("AmtDtls", el("InstdAmt", leafMoney("Amt", d.Instructed))),
		el("RltdPties", party("Dbtr", d.Debtor), d.DebtorAccount.node("DbtrAcct"), party("Cdtr", d.Creditor), d.CreditorAccount.node("CdtrAcct")),
		el("RltdAgts", d.DebtorBank.node("DbtrAgt"), d.CreditorBank.node("CdtrAgt")), d.Remittance.node(), el("RtrInf", el("Rsn", leaf("Cd", d.Return))),
		leaf("AddtlTxInf", d.Info))
}

// summary counts and sums the entries of an account.
type summary struct {
	all, credits, debits tally
	net                  total
}

func (a AccountEntries) summarize() (s summary) {
	for _, e := range a.Entries {
		s.all.add(e.Amount)
		if e.Credit {
			s.credits.add(e.Amount)
			s.net.add(e.Amount)
		} else {
			s.debits.add(e.Amount)
			s.net.add(Money{e.Amount.Currency, -e.Amount.Minor})
		}
	}
	return s
}

func (s summary) node() *node {
	part := func(name string, t tally) *node {
		return el(name, leaf("NbOfNtries", strconv.Itoa(t.count)), leaf("Sum", t.sum.String()))
	}
	return el("TxsSummry", part("TtlNtries", s.all), part("TtlCdtNtries", s.credits), part("TtlDbtNtries", s.debits))
}

// check compares what a statement says of its entries with what they come to.
func (s summary) check(n *node) error {
	for _, part := range []struct {
		name string
		is   tally
	}{{"TtlNtries", s.all}, {"TtlCdtNtries", s.credits}, {"TtlDbtNtries", s.debits}} {
		said := n.at(part.name)
		if c := said.at("NbOfNtries"); c != nil && number(c.text) != part.is.count {
			return badSum("it says %s entries and has %d", c.text, part.is.count).In("NbOfNtries").In(part.name)
		}
		if c := said.at("Sum"); c != nil && !part.is.sum.is(c.text) {
			return badSum("it says %s and the entries come to %s", short(c.text), part.is.sum.String()).In("Sum").In(part.name)
		}
	}
	if net := n.at("TtlNtries", "TtlNetNtry"); net != nil {
		text := net.get("Amt")
		if net.get("CdtDbtInd") == "DBIT" {
			text = "-" + text
		}
		if !s.net.is(text) {
			return badSum("it says %s net and the entries come to %s", short(text), s.net.String()).In("TtlNetNtry").In("TtlNtries")
		}
	}
	return nil
}

func readStatement(n *node, kind Kind) (*Statement, error) {
	s := &Statement{Kind: kind, ID: n.get("GrpHdr", "MsgId"), Created: n.at("GrpHdr", "CreDtTm").time(), Page: number(n.get("GrpHdr", "MsgPgntn", "PgNb")),
		Last: isTrue(n.get("GrpHdr", "MsgPgntn", "LastPgInd"))}
	_, name := kind.accountElement()
	ids := once{}
	for at, an := range n.all(name) {
		a, err := readAccountEntries(an, ids, s.Page > 0)
		if err != nil {
			return nil, inside(err, name, at)
		}
		s.Accounts = append(s.Accounts, a)
	}
	return s, nil
}

// readAccountEntries reads one account's part. Of a statement in several pages
// one page alone cannot be summed.
func readAccountEntries(n *node, ids once, paged bool) (AccountEntries, error) {
	acct := n.at("Acct")
	a := AccountEntries{ID: n.get("Id"), Sequence: number(n.get("ElctrncSeqNb")), Created: n.at("CreDtTm").time(), From: n.at("FrToDt", "FrDtTm").time(),
		To: n.at("FrToDt", "ToDtTm").time(), Copy: n.get("CpyDplctInd"), Account: readAccount(acct), Owner: readParty(acct.at("Ownr")), Bank: readAgent(acct.at("Svcr"))}
	if err := ids.take("Id", a.ID); err != nil {
		return a, err
	}
	if a.To.Before(a.From) {
		return a, fault.New(CodeDate, "the statement ends before it begins", "ask the bank for the file again").In("FrToDt")
	}
	for at, bn := range n.all("Bal") {
		b := Balance{Type: bn.get("Tp", "CdOrPrtry", "Cd"), Amount: bn.at("Amt").money(), Date: bn.at("Dt").date()}
		if bn.get("CdtDbtInd") == "DBIT" {
			b.Amount.Minor = -b.Amount.Minor
		}
		if err := a.ofAccount(b.Amount); err != nil {
			return a, inside(err, "Bal", at)
		}
		a.Balances = append(a.Balances, b)
	}
	for at, en := range n.all("Ntry") {
		e, err := readEntry(en)
		if err == nil {
			err = a.ofAccount(e.Amount)
		}
		if err != nil {
			return a, inside(err, "Ntry", at)
		}
		a.Entries = append(a.Entries, e)
	}
	if paged || n.at("StmtPgntn") != nil || n.at("NtfctnPgntn") != nil {
		return a, nil
	}
	if err := a.summarize().check(n.at("TxsSummry")); err != nil {
		return a, fault.Of(err).In("TxsSummry")
	}
	return a, a.checkBalances()
}

// ofAccount refuses an amount in another currency than the account's. An
// account without one has that of its first balance or entry.
func (a *AccountEntries) ofAccount(m Money) error {
	c := a.Account.Currency
	if c == "" && len(a.Balances) > 0 {
		c = a.Balances[0].Amount.Currency
	} else if c == "" && len(a.Entries) > 0 {
		c = a.Entries[0].Amount.Currency
	}
	if c != "" && m.Currency != c {
		return amount("the amount is in %s and the account in %s", m.Currency, c).In("Amt")
	}
	return nil
}

// checkBalances compares the opening balance and what was booked with the
// closing one.
func (a AccountEntries) checkBalances() (err error) {
	var opening, closing *Balance
	for i := range a.Balances {
		switch b := &a.Balances[i]; b.Type {
		case "OPBD":
			opening = b
		case "PRCD":
			if opening == nil {
				opening = b
			}
		case "CLBD":
			closing = b
		}
	}
	if opening == nil || closing == nil {
		return nil
	}
	is := opening.Amount
	for _, e := range a.Entries {
		if e.Status == "BOOK" {
			if is, err = is.plus(e.signed()); err != nil {
				return err
			}
		}
	}
	if is != closing.Amount {
		return badSum("it opens with %s, what is booked leads to %s, and it closes with %s", opening.Amount, is, closing.Amount).In("Bal")
	}
	return nil
}

// signed gives what the entry adds to the account.
func (e Entry) signed() Money {
	if e.Credit {
		return e.Amount
	}
	return Money{e.Amount.Currency, -e.Amount.Minor}
}

func readEntry(n *node) (Entry, error) {
	status := n.get("Sts", "Cd")
	if status == "" {
		status = n.get("Sts", "Prtry")
	}
	e := Entry{Reference: n.get("NtryRef"), Amount: n.at("Amt").money(), Credit: n.get("CdtDbtInd") == "CRDT", Reversal: isTrue(n.get("RvslInd")), Status: status,
		Booked: n.at("BookgDt").date(), Value: n.at("ValDt").date(), BankReference: n.get("AcctSvcrRef"), Info: n.get("AddtlNtryInf"), Charged: n.at("Chrgs") != nil,
		Code: EntryCode{Domain: n.get("BkTxCd", "Domn", "Cd"), Family: n.get("BkTxCd", "Domn", "Fmly", "Cd"), SubFamily: n.get("BkTxCd", "Domn", "Fmly", "SubFmlyCd"),
			Own: n.get("BkTxCd", "Prtry", "Cd")}}
	whole, told, some := Money{Currency: e.Amount.Currency}, true, false
	for at, bn := range n.all("NtryDtls") {
		b, err := readBatch(bn, &e)
		if err != nil {
			return e, inside(err, "NtryDtls", at)
		}
		for _, d := range b.Payments {
			some = true
			if d.Amount.IsZero() {
				told = false
				continue
			}
			m := d.Amount
			if d.Credit != e.Credit {
				m.Minor = -m.Minor
			}
			if whole, err = whole.plus(m); err != nil {
				return e, inside(err, "NtryDtls", at)
			}
		}
		e.Batches = append(e.Batches, b)
	}
	if some && told && !e.Charged && whole != e.Amount {
		return e, badSum("its payments come to %s and the entry is %s", whole, e.Amount).In("NtryDtls")
	}
	return e, nil
}

func readBatch(n *node, e *Entry) (Batch, error) {
	bn := n.at("Btch")
	b := Batch{MessageID: bn.get("MsgId"), GroupID: bn.get("PmtInfId"), Count: number(bn.get("NbOfTxs")), Total: bn.at("TtlAmt").money()}
	for at, dn := range n.all("TxDtls") {
		if dn.at("Chrgs") != nil {
			e.Charged = true
		}
		d := readDetail(dn, e.Credit)
		if !d.Amount.IsZero() && d.Amount.Currency != e.Amount.Currency {
			return b, inside(amount("the payment is in %s and its entry in %s; what was ordered stands in AmtDtls", d.Amount.Currency, e.Amount.Currency).In("Amt"), "TxDtls", at)
		}
		b.Payments = append(b.Payments, d)
	}
	if b.Count > 0 && len(b.Payments) > 0 && b.Count != len(b.Payments) {
		return b, badSum("it says %d payments and has %d", b.Count, len(b.Payments)).In("NbOfTxs").In("Btch")
	}
	if b.Total.IsZero() || len(b.Payments) == 0 || e.Charged {
		return b, nil
	}
	is := Money{Currency: b.Total.Currency}
	for _, d := range b.Payments {
		if d.Amount.IsZero() {
			return b, nil
		}
		m := d.Amount
		if d.Credit != e.Credit {
			m.Minor = -m.Minor
		}
		var err error
		if is, err = is.plus(m); err != nil {
			return b, fault.Of(err).In("TtlAmt").In("Btch")
		}
	}
	if is != b.Total {
		return b, badSum("it says %s and its payments come to %s", b.Total, is).In("TtlAmt").In("Btch")
	}
	return b, nil
}

func readDetail(n *node, credit bool) Detail {
	refs, parties, agents := n.at("Refs"), n.at("RltdPties"), n.at("RltdAgts")
	if d := n.get("CdtDbtInd"); d != "" {
		credit = d == "CRDT"
	}
	reason := n.get("RtrInf", "Rsn", "Cd")
	if reason == "" {
		reason = n.get("RtrInf", "Rsn", "Prtry")
	}
	if reason == "" && n.at("RtrInf") != nil {
		reason = notProvided
	}
	return Detail{MessageID: refs.get("MsgId"), BankReference: refs.get("AcctSvcrRef"), GroupID: refs.get("PmtInfId"), InstructionID: refs.get("InstrId"),
		EndToEndID: refs.get("EndToEndId"), TransactionID: refs.get("TxId"), Amount: n.at("Amt").money(), Credit: credit, Instructed: n.at("AmtDtls", "InstdAmt", "Amt").money(),
		Debtor: readParty(parties.at("Dbtr", "Pty")), DebtorAccount: readAccount(parties.at("DbtrAcct")), Creditor: readParty(parties.at("Cdtr", "Pty")),
		CreditorAccount: readAccount(parties.at("CdtrAcct")), DebtorBank: readAgent(agents.at("DbtrAgt")), CreditorBank: readAgent(agents.at("CdtrAgt")),
		Remittance: readRemittance(n.at("RmtInf")), Return: reason, Info: n.get("AddtlTxInf")}
}
