package rail

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
)

func golden(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".xml"))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func at(text string) time.Time {
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		panic(err)
	}
	return t
}

func eur(minor int64) Money { return Money{"EUR", minor} }

var (
	alpha = Account{IBAN: "DE89370400440532013000"}
	bravo = Account{IBAN: "GB82WEST12345698765432"}
	euro  = Account{IBAN: "GB82WEST12345698765432", Currency: "EUR"}
	paid  = EntryCode{Domain: "PMNT", Family: "RCDT", SubFamily: "ESCT"}
)

func initiation() *Initiation {
	return &Initiation{
		ID: "ALPHA-20261130-1", Created: at("2026-11-30T09:00:00Z"), Initiator: Party{Name: "Alpha Telecom", Other: "ALPHA"},
		Groups: []Group{{
			ID: "ALPHA-20261130-1-EUR", Service: "SEPA", Execute: "2026-12-01", Debtor: Party{Name: "Alpha Telecom", Town: "Berlin", Country: "DE"},
			Account: Account{IBAN: alpha.IBAN, Currency: "EUR"}, Bank: Agent{BIC: "SANDDEFFXXX"}, Charges: "SLEV",
			Payments: []Payment{{
				InstructionID: "1", EndToEndID: "RF18539007547034", Amount: eur(36002), Bank: Agent{BIC: "SANDGB2L"}, Creditor: Party{Name: "Bravo Networks"},
				Account: bravo, Purpose: "SUPP",
				Remittance: Remittance{Structured: []Reference{
					{Documents: []Document{{"CINV", "INV-2026-11", "2026-11-15"}}, Creditor: "RF18539007547034", Amount: eur(40002)},
					{Documents: []Document{{Type: "CREN", Number: "CN-7"}}, Credited: eur(4000), Info: []string{"correction of October"}},
				}},
			}, {
				EndToEndID: "ALPHA-E2E-2", Amount: eur(255), Creditor: Party{Name: "Charlie S.p.A."}, Account: Account{IBAN: "IT60X0542811101000000123456"},
				Remittance: Remittance{Texts: []string{"Termination in November, invoice 9"}},
			}},
		}, {
			ID: "ALPHA-20261130-1-JPY", Batch: true, Execute: "2026-12-02", Debtor: Party{Name: "Alpha Telecom"}, Account: Account{Other: "JPY-0001"},
			Payments: []Payment{{
				EndToEndID: "ALPHA-E2E-3", Amount: Money{"JPY", 100_000}, Charges: "SHAR", Bank: Agent{Clearing: "JPZGN", Member: "0001234"},
				Creditor: Party{Name: "Delta K.K."}, Account: Account{Other: "7654321"},
			}},
		}},
	}
}

func report() *Report {
	return &Report{
		ID: "BANK-R-1", Created: at("2026-11-30T09:00:05Z"), Original: "ALPHA-20261130-1", OriginalKind: "pain.001.001.09", Status: Partly,
		Payments: []PaymentStatus{
			{ID: "1", InstructionID: "1", EndToEndID: "RF18539007547034", Status: Settled, Accepted: at("2026-11-30T09:00:05Z"), Reference: "BANK-0001"},
			{ID: "2", EndToEndID: "ALPHA-E2E-2", Status: Rejected, Reasons: []Reason{{Code: "AM04", Info: []string{"EUR 1.00 stands on the account"}}}},
			{ID: "3", EndToEndID: "ALPHA-E2E-3", Status: Pending},
		},
	}
}

func statement() *Statement {
	return &Statement{Kind: Camt053, ID: "BANK-S-1", Created: at("2026-12-01T23:00:00Z"), Accounts: []AccountEntries{{
		ID: "BRAVO-EUR-335", Sequence: 335, Created: at("2026-12-01T23:00:00Z"), From: at("2026-12-01T00:00:00Z"), To: at("2026-12-01T23:00:00Z"),
		Account: euro, Owner: Party{Name: "Bravo Networks"}, Bank: Agent{BIC: "SANDGB2L"},
		Balances: []Balance{{"OPBD", eur(-1000), "2026-12-01"}, {"CLBD", eur(40002), "2026-12-01"}},
		Entries: []Entry{{
			Reference: "1", Amount: eur(36002), Credit: true, Status: "BOOK", Booked: "2026-12-01", Value: "2026-12-01", BankReference: "BANK-0001", Code: paid,
			Batches: []Batch{{Payments: []Detail{{
				EndToEndID: "RF18539007547034", TransactionID: "T-1", Amount: eur(36002), Credit: true, Debtor: Party{Name: "Alpha Telecom"}, DebtorAccount: alpha,
				DebtorBank: Agent{BIC: "SANDDEFFXXX"}, Remittance: Remittance{Structured: []Reference{{Documents: []Document{{Type: "CINV", Number: "INV-2026-11"}}}}},
			}}}},
		}, {
			Reference: "2", Amount: eur(9300), Credit: true, Status: "BOOK", Booked: "2026-12-01", BankReference: "BANK-0002", Code: paid,
			Batches: []Batch{{MessageID: "FOXTROT-9", GroupID: "FOXTROT-9-1", Count: 2, Total: eur(9300), Payments: []Detail{
				{EndToEndID: "F-1", Amount: eur(5000), Credit: true, Instructed: Money{"USD", 5810}}, {EndToEndID: "F-2", Amount: eur(4300), Credit: true},
			}}},
		}, {
			Reference: "3", Amount: eur(4300), Reversal: true, Status: "BOOK", Booked: "2026-12-01", BankReference: "BANK-0003", Code: EntryCode{Own: "BACK"},
			Batches: []Batch{{Payments: []Detail{{EndToEndID: "F-2", Amount: eur(4300), Return: "AC04"}}}}, Info: "Rückgabe: account closed",
		}, {Amount: eur(1700), Credit: true, Status: "PDNG", Code: EntryCode{Own: "SOON"}}},
	}, {
		ID: "BRAVO-BHD-12", Account: Account{Other: "BHD-77", Currency: "BHD"}, Balances: []Balance{{"CLBD", Money{"BHD", 1250}, "2026-12-01"}},
	}}}
}

func notification() *Statement {
	return &Statement{Kind: Camt054, ID: "BANK-N-1", Created: at("2026-12-01T08:15:00Z"), Accounts: []AccountEntries{{
		ID: "BRAVO-EUR-N1", Account: euro, Entries: []Entry{{
			Amount: eur(36002), Credit: true, Status: "BOOK", Booked: "2026-12-01", BankReference: "BANK-0001", Code: paid,
			Batches: []Batch{{Payments: []Detail{{EndToEndID: "RF18539007547034", Amount: eur(36002), Credit: true}}}},
		}},
	}}}
}

// encoder is any of the messages.
type encoder interface{ Encode() ([]byte, error) }

func (f *File) message() encoder {
	switch {
	case f.Initiation != nil:
		return f.Initiation
	case f.Report != nil:
		return f.Report
	}
	return f.Statement
}

// Each file of testdata was written by hand after the message definition. What
// is read of it, and what is written of that, is exactly what stands here.
func TestEachMessageIsReadAndWrittenAsTheDefinitionHasIt(t *testing.T) {
	for name, want := range map[string]encoder{"pain001": initiation(), "pacs002": report(), "camt053": statement(), "camt054": notification()} {
		data := golden(t, name)
		f, err := ReadBytes(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !reflect.DeepEqual(f.message(), want) {
			t.Errorf("%s is read as\n%+v, not\n%+v", name, f.message(), want)
		}
		wrote, err := want.Encode()
		if err != nil || !bytes.Equal(wrote, data) {
			t.Errorf("%s is written as %v\n%s", name, err, wrote)
		}
		if len(f.SHA256) != 64 {
			t.Errorf("%s has the hash %q", name, f.SHA256)
		}
	}
}

func TestAFileOfAnotherBankIsReadAndWhatIsPassedOverIsTold(t *testing.T) {
	f, err := ReadBytes(golden(t, "other-bank"))
	if err != nil {
		t.Fatal(err)
	}
	s := f.Statement
	a := s.Accounts[0]
	if !s.Created.Equal(at("2026-12-02T00:00:00.123Z")) || s.Page != 1 || !s.Last || a.Account.IBAN != "CH9300762011623852957" {
		t.Errorf("the head is %+v", s)
	}
	if b := a.Balances[0]; b.Amount != (Money{"CHF", -500}) || b.Date != "2026-12-02" || b.Type != "" {
		t.Errorf("the balance is %+v", b)
	}
	e := a.Entries[0]
	if !e.Charged || e.Amount != (Money{"CHF", 9950}) || e.Booked != "2026-12-01" || e.Batches[0].Payments[0].Remittance.Texts[0] != "Zahlung   für               Rechnung 7" {
		t.Errorf("the entry is %+v", e)
	}
	told := strings.Join(f.Passed, "\n") + "\n"
	for _, path := range []string{"Stmt.Ntry.Chrgs", "Stmt.LglSeqNb", "Stmt.Acct.Tp", "GrpHdr.MsgRcpt", "BkToCstmrStmt.SplmtryData"} {
		if !strings.Contains(told, path+"\n") {
			t.Errorf("%s is not among what was passed over:\n%s", path, told)
		}
	}
}

// Banks that report across borders name the file at each payment, not once.
func TestAReportMayNameItsFileAtEachPayment(t *testing.T) {
	data := string(golden(t, "pacs002"))
	data = regexp.MustCompile(`(?s)\s*<OrgnlGrpInfAndSts>.*</OrgnlGrpInfAndSts>`).ReplaceAllString(data, "")
	of := "</StsId><OrgnlGrpInf><OrgnlMsgId>ALPHA-20261130-1</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId></OrgnlGrpInf>"
	each := strings.ReplaceAll(data, "</StsId>", of)
	want := report()
	want.Status = ""
	if f, err := ReadBytes([]byte(each)); err != nil || !reflect.DeepEqual(f.Report, want) {
		t.Errorf("it is read as %+v, %v", f, err)
	}
	for what, c := range map[string]struct {
		file string
		code fault.Code
	}{
		"none names it":      {data, CodeElement},
		"one names it not":   {strings.Replace(each, of, "</StsId>", 1), CodeElement},
		"one names another":  {strings.Replace(each, "ALPHA-20261130-1", "ALPHA-20261130-2", 1), CodeStatus},
		"there is no status": {regexp.MustCompile(`(?s)<TxInfAndSts>.*</TxInfAndSts>`).ReplaceAllString(data, ""), CodeElement},
	} {
		if f, err := ReadBytes([]byte(c.file)); fault.CodeOf(err) != c.code {
			t.Errorf("%s: read %+v, %v", what, f, err)
		}
	}
}

// change is one change of a golden file that breaks one rule.
type change struct {
	what, old, new string
	code           fault.Code
	field          string // the end of it
}

func refuses(t *testing.T, name string, changes []change) {
	t.Helper()
	data := string(golden(t, name))
	for _, c := range changes {
		if !strings.Contains(data, c.old) {
			t.Errorf("%s: %s has no %q", c.what, name, c.old)
			continue
		}
		f, err := ReadBytes([]byte(strings.Replace(data, c.old, c.new, 1)))
		e, ok := errors.AsType[*fault.Error](err)
		if !ok || e.Code != c.code || !strings.HasSuffix(e.Field, c.field) || e.Remedy == "" {
			t.Errorf("%s: %v, read %+v, want %s in %s", c.what, err, f, c.code, c.field)
		}
	}
}

func TestAPaymentFileThatBreaksARuleIsRefused(t *testing.T) {
	long := strings.Repeat("x", 36)
	refuses(t, "pain001", []change{
		{"an id of 36 characters", "ALPHA-20261130-1<", long + "<", CodeText, "CstmrCdtTrfInitn.GrpHdr.MsgId"},
		{"an empty id", "<MsgId>ALPHA-20261130-1</MsgId>", "<MsgId/>", CodeText, "GrpHdr.MsgId"},
		{"no id", "<MsgId>ALPHA-20261130-1</MsgId>", "", CodeElement, "GrpHdr.MsgId"},
		{"an id that ends with a slash", "ALPHA-E2E-2", "ALPHA-E2E/", CodeText, "PmtInf[1].CdtTrfTxInf[2].PmtId.EndToEndId"},
		{"an id with two slashes", "ALPHA-E2E-2", "ALPHA//2", CodeText, "EndToEndId"},
		{"a letter that banks do not carry", "Charlie S.p.A.", "Chärlie", CodeText, "CdtTrfTxInf[2].Cdtr.Nm"},
		{"a name of 141 characters", "Charlie S.p.A.", strings.Repeat("n", 141), CodeText, "Cdtr.Nm"},
		{"a text that turns around", "Termination in", "Ter\u202emination", CodeText, "RmtInf.Ustrd[1]"},
		{"a text of 141 characters", "Termination in November, invoice 9", strings.Repeat("n", 141), CodeText, "RmtInf.Ustrd[1]"},
		{"no creditor's name", "<Nm>Charlie S.p.A.</Nm>", "", CodeElement, "Cdtr"},
		{"no debtor's name", "<Dbtr>\n        <Nm>Alpha Telecom</Nm>\n      </Dbtr>", "<Dbtr/>", CodeElement, "PmtInf[2].Dbtr"},
		{"a time that does not exist", "2026-11-30T09:00:00Z", "2026-11-31T09:00:00Z", CodeDate, "GrpHdr.CreDtTm"},
		{"a time that is a day", "2026-11-30T09:00:00Z", "2026-11-30", CodeDate, "GrpHdr.CreDtTm"},
		{"a day that does not exist", "2026-12-01", "2026-02-29", CodeDate, "PmtInf[1].ReqdExctnDt.Dt"},
		{"a day written otherwise", "2026-12-01", "01.12.2026", CodeDate, "ReqdExctnDt.Dt"},
		{"too few payments", "<NbOfTxs>3", "<NbOfTxs>4", CodeSum, "GrpHdr.NbOfTxs"},
		{"a count that is none", "<NbOfTxs>3", "<NbOfTxs>three", CodeValue, "GrpHdr.NbOfTxs"},
		{"another control sum", "100362.57", "100362.58", CodeSum, "GrpHdr.CtrlSum"},
		{"a control sum that is none", "100362.57", "1e5", CodeAmount, "GrpHdr.CtrlSum"},
		{"too few payments of a group", "<NbOfTxs>2", "<NbOfTxs>1", CodeSum, "PmtInf[1].NbOfTxs"},
		{"another control sum of a group", "<CtrlSum>362.57", "<CtrlSum>362.5", CodeSum, "PmtInf[1].CtrlSum"},
		{"another amount", `"EUR">2.55`, `"EUR">2.56`, CodeSum, "PmtInf[1].CtrlSum"},
		{"an amount of zero", `"EUR">2.55`, `"EUR">0.00`, CodeAmount, "Amt.InstdAmt"},
		{"an amount below zero", `"EUR">2.55`, `"EUR">-2.55`, CodeAmount, "Amt.InstdAmt"},
		{"three decimals of a euro", `"EUR">2.55`, `"EUR">2.550`, CodeAmount, "Amt.InstdAmt"},
		{"a decimal of a yen", `"JPY">100000`, `"JPY">100000.0`, CodeAmount, "Amt.InstdAmt"},
		{"an amount of 19 digits", `"JPY">100000`, `"JPY">1000000000000000000`, CodeAmount, "Amt.InstdAmt"},
		{"an amount in words", `"JPY">100000`, `"JPY">1E5`, CodeAmount, "Amt.InstdAmt"},
		{"a currency that does not exist", `"JPY">100000`, `"JPX">100000`, "unknown-currency", "Amt.InstdAmt"},
		{"no currency", ` Ccy="JPY"`, "", CodeElement, "InstdAmt.Ccy"},
		{"two currencies", ` Ccy="JPY"`, ` Ccy="JPY" Ccy="EUR"`, CodeElement, ""},
		{"an IBAN with two digits changed round", "IT60X0542811101000000123456", "IT60X0542811101000000123465", CodeAccount, "CdtrAcct.Id.IBAN"},
		{"an IBAN in small letters", "IT60X0542811101000000123456", "it60x0542811101000000123456", CodeAccount, "CdtrAcct.Id.IBAN"},
		{"an IBAN with spaces", "IT60X0542811101000000123456", "IT60 X054 2811 1010 0000 0123 456", CodeAccount, "CdtrAcct.Id.IBAN"},
		{"an account of 35 characters", "7654321", strings.Repeat("7", 35), CodeText, "CdtrAcct.Id.Othr.Id"},
		{"a BIC of 9", "SANDDEFFXXX", "SANDDEFFX", CodeAccount, "DbtrAgt.FinInstnId.BICFI"},
		{"a BIC without a country", "SANDGB2L", "SAND122L", CodeAccount, "CdtrAgt.FinInstnId.BICFI"},
		{"a creditor reference with wrong digits", "<Ref>RF18", "<Ref>RF19", CodeAccount, "RmtInf.Strd[1].CdtrRefInf.Ref"},
		{"a document of no type", "<Cd>CREN", "<Cd>CRED", CodeValue, "RfrdDocInf[1].Tp.CdOrPrtry.Cd"},
		{"references that come to another amount", `"EUR">400.02`, `"EUR">400.01`, CodeSum, "CdtTrfTxInf[1].RmtInf"},
		{"references in another currency", `"EUR">40.00`, `"USD">40.00`, "currency-mismatch", "CdtTrfTxInf[1].RmtInf"},
		{"a cheque", "<PmtMtd>TRF", "<PmtMtd>CHK", CodeValue, "PmtMtd"},
		{"charges on nobody", "<ChrgBr>SHAR", "<ChrgBr>NONE", CodeValue, "ChrgBr"},
		{"a country in small letters", "<Ctry>DE", "<Ctry>de", CodeValue, "Dbtr.PstlAdr.Ctry"},
		{"a group twice", "ALPHA-20261130-1-JPY", "ALPHA-20261130-1-EUR", CodeTwice, "PmtInf[2].PmtInfId"},
		{"an end-to-end id twice", "ALPHA-E2E-3", "ALPHA-E2E-2", CodeTwice, "PmtInf[2].CdtTrfTxInf[1].EndToEndId"},
		{"elements in another order", "<PmtMtd>TRF</PmtMtd>\n      <BtchBookg>false</BtchBookg>", "<BtchBookg>false</BtchBookg>\n      <PmtMtd>TRF</PmtMtd>", CodeElement, "PmtInf[1].PmtMtd"},
		{"an element of an own kind", "<PmtMtd>TRF</PmtMtd>", "<PmtMtd>TRF</PmtMtd><Own>1</Own>", CodeElement, "PmtInf[1].Own"},
		{"an element twice", "<PmtMtd>TRF</PmtMtd>", "<PmtMtd>TRF</PmtMtd><PmtMtd>TRF</PmtMtd>", CodeElement, "PmtInf[1].PmtMtd"},
		{"an account with two numbers", "<IBAN>IT60X0542811101000000123456</IBAN>", "<IBAN>IT60X0542811101000000123456</IBAN><Othr><Id>1</Id></Othr>", CodeElement, "CdtrAcct.Id"},
		{"an account without a number", "<IBAN>IT60X0542811101000000123456</IBAN>", "", CodeElement, "CdtrAcct.Id"},
		{"text among elements", "<PmtMtd>TRF</PmtMtd>", "pay <PmtMtd>TRF</PmtMtd>", CodeElement, ""},
		{"an element inside a value", "<PmtMtd>TRF</PmtMtd>", "<PmtMtd><Cd>TRF</Cd></PmtMtd>", CodeElement, "PmtMtd"},
		{"a currency where no amount is", "<PmtMtd>", `<PmtMtd Ccy="EUR">`, CodeElement, "PmtMtd"},
		{"an attribute of an own kind", "<PmtMtd>", `<PmtMtd id="1">`, CodeElement, ""},
	})
}

func TestAReportThatBreaksARuleIsRefused(t *testing.T) {
	refuses(t, "pacs002", []change{
		{"no original file", "<OrgnlMsgId>ALPHA-20261130-1</OrgnlMsgId>", "", CodeElement, "OrgnlGrpInfAndSts.OrgnlMsgId"},
		{"a rejected file with a settled payment", "<GrpSts>PART", "<GrpSts>RJCT", CodeStatus, "TxInfAndSts[1].TxSts"},
		{"an accepted file with a rejected payment", "<GrpSts>PART", "<GrpSts>ACSP", CodeStatus, "TxInfAndSts[2].TxSts"},
		{"a status that is no code", "<TxSts>RJCT", "<TxSts>rejected", CodeValue, "TxInfAndSts[2].TxSts"},
		{"a payment twice", "ALPHA-E2E-3", "ALPHA-E2E-2", CodeTwice, "TxInfAndSts[3].OrgnlEndToEndId"},
		{"a payment without an id", "<OrgnlEndToEndId>ALPHA-E2E-3</OrgnlEndToEndId>", "", CodeElement, "TxInfAndSts[3]"},
		{"a payment of another file", "<StsId>3</StsId>", "<StsId>3</StsId><OrgnlGrpInf><OrgnlMsgId>X</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId></OrgnlGrpInf>", CodeStatus, "TxInfAndSts[3]"},
		{"more payments than the file had", "<GrpSts>", "<OrgnlNbOfTxs>2</OrgnlNbOfTxs><GrpSts>", CodeSum, "OrgnlNbOfTxs"},
		{"fewer of a status than are listed", "<GrpSts>PART</GrpSts>", "<GrpSts>PART</GrpSts><NbOfTxsPerSts><DtldNbOfTxs>0</DtldNbOfTxs><DtldSts>RJCT</DtldSts></NbOfTxsPerSts>", CodeSum, "NbOfTxsPerSts[1]"},
	})
}

func TestAStatementThatBreaksARuleIsRefused(t *testing.T) {
	refuses(t, "camt053", []change{
		{"a closing balance that does not follow", `"EUR">400.02`, `"EUR">400.03`, CodeSum, "Stmt[1].Bal"},
		{"a balance on the other side", "<CdtDbtInd>DBIT", "<CdtDbtInd>CRDT", CodeSum, "Stmt[1].Bal"},
		{"another number of entries", "<NbOfNtries>4", "<NbOfNtries>5", CodeSum, "TxsSummry.TtlNtries.NbOfNtries"},
		{"another sum of credits", "<Sum>470.02", "<Sum>470.03", CodeSum, "TtlCdtNtries.Sum"},
		{"another sum of debits", "<Sum>43.00", "<Sum>43.01", CodeSum, "TtlDbtNtries.Sum"},
		{"a net that does not follow", "<Sum>513.02</Sum>", "<Sum>513.02</Sum><TtlNetNtry><Amt>427.02</Amt><CdtDbtInd>DBIT</CdtDbtInd></TtlNetNtry>", CodeSum, "TtlNetNtry"},
		{"another number of payments in a batch", "<NbOfTxs>2", "<NbOfTxs>3", CodeSum, "NtryDtls[1].Btch.NbOfTxs"},
		{"another sum of a batch", `<TtlAmt Ccy="EUR">93.00`, `<TtlAmt Ccy="EUR">94.00`, CodeSum, "Btch.TtlAmt"},
		{"payments that do not come to the entry", `<Amt Ccy="EUR">50.00`, `<Amt Ccy="EUR">51.00`, CodeSum, "TtlAmt"},
		{"a payment in another currency than its entry", `<Amt Ccy="EUR">50.00`, `<Amt Ccy="USD">50.00`, CodeAmount, "TxDtls[1].Amt"},
		{"an account in another currency than its entries", "<Ccy>EUR</Ccy>", "<Ccy>USD</Ccy>", CodeAmount, "Bal[1].Amt"},
		{"a statement without a balance", "<Bal>\n        <Tp>\n          <CdOrPrtry>\n            <Cd>CLBD</Cd>\n          </CdOrPrtry>\n        </Tp>\n        <Amt Ccy=\"BHD\">1.250</Amt>\n        <CdtDbtInd>CRDT</CdtDbtInd>\n        <Dt>\n          <Dt>2026-12-01</Dt>\n        </Dt>\n      </Bal>", "", CodeElement, "Stmt[2].Bal"},
		{"a statement that ends before it begins", "<FrDtTm>2026-12-01", "<FrDtTm>2026-12-02", CodeDate, "FrToDt"},
		{"a statement twice", "BRAVO-BHD-12", "BRAVO-EUR-335", CodeTwice, "Stmt[2].Id"},
		{"a direction that is none", "<CdtDbtInd>DBIT", "<CdtDbtInd>BOTH", CodeValue, "Bal[1].CdtDbtInd"},
		{"an entry without a status", "<Sts>\n          <Cd>PDNG</Cd>\n        </Sts>", "", CodeElement, "Ntry[4].Sts"},
		{"an entry without a code", "<BkTxCd>\n          <Prtry>\n            <Cd>SOON</Cd>\n          </Prtry>\n        </BkTxCd>", "", CodeElement, "Ntry[4].BkTxCd"},
		{"a reversal that is neither", "<RvslInd>true", "<RvslInd>yes", CodeValue, "RvslInd"},
		{"two decimals of a dinar is right, four are not", `"BHD">1.250`, `"BHD">1.2500`, CodeAmount, "Stmt[2].Bal[1].Amt"},
	})
	refuses(t, "camt054", []change{
		{"a balance in a notification", "<TxsSummry>", "<Bal/><TxsSummry>", CodeElement, "Ntfctn[1].Bal"},
		{"another sum", "<Sum>360.02", "<Sum>360.03", CodeSum, "TtlNtries.Sum"},
		{"an amount of a special drawing right", `<Amt Ccy="EUR">360.02`, `<Amt Ccy="XDR">360.02`, money.CodeNoMinorUnit, "Ntry[1].Amt"},
	})
}

// One page of a statement in several files says nothing about the whole.
func TestAPageOfAStatementIsNotSummed(t *testing.T) {
	data := strings.Replace(string(golden(t, "camt053")), "</CreDtTm>", "</CreDtTm><MsgPgntn><PgNb>1</PgNb><LastPgInd>false</LastPgInd></MsgPgntn>", 1)
	data = strings.Replace(data, `"EUR">400.02`, `"EUR">999.99`, 1)
	if f, err := ReadBytes([]byte(data)); err != nil || f.Statement.Page != 1 || f.Statement.Last {
		t.Errorf("the page is %+v, %v", f, err)
	}
}

// A file need not have a control sum, which has at most 18 digits.
func TestPaymentsWhoseSumLeaves64BitsAreRefused(t *testing.T) {
	data := string(golden(t, "pain001"))
	data = regexp.MustCompile(`\s*<CtrlSum>.*</CtrlSum>`).ReplaceAllString(data, "")
	from, to := strings.LastIndex(data, "<CdtTrfTxInf>"), strings.LastIndex(data, "</PmtInf>")
	big := strings.Replace(data[from:to], ">100000<", ">999999999999999999<", 1)
	var more strings.Builder
	for n := range 10 {
		more.WriteString(strings.Replace(big, "ALPHA-E2E-3", "BIG-"+strconv.Itoa(n), 1))
	}
	file := data[:to] + more.String() + data[to:]
	file = strings.Replace(strings.Replace(file, "<NbOfTxs>3", "<NbOfTxs>13", 1), "<NbOfTxs>1<", "<NbOfTxs>11<", 1)
	if f, err := ReadBytes([]byte(file)); fault.CodeOf(err) != money.CodeOverflow {
		t.Errorf("it is read as %+v, %v", f, err)
	}
}

// What is written is checked by the same rules.
func TestAMessageThatBreaksARuleIsNotWritten(t *testing.T) {
	for what, c := range map[string]struct {
		message encoder
		code    fault.Code
	}{
		"an empty payment file": {&Initiation{}, CodeElement},
		"an empty report":       {&Report{}, CodeElement},
		"an empty statement":    {&Statement{Kind: Camt053}, CodeElement},
		"a statement of no kind": {func() encoder {
			s := statement()
			s.Kind = Pain001
			return s
		}(), CodeUnknownMessage},
		"an umlaut in a payment file": {func() encoder {
			i := initiation()
			i.Groups[0].Payments[0].Creditor.Name = "Brävo"
			return i
		}(), CodeText},
		"a space behind a name": {func() encoder {
			i := initiation()
			i.Initiator.Name += " "
			return i
		}(), CodeText},
		"an account number with a wrong digit": {func() encoder {
			i := initiation()
			i.Groups[0].Account.IBAN = "DE89370400440532013001"
			return i
		}(), CodeAccount},
		"two payments of one id": {func() encoder {
			i := initiation()
			i.Groups[0].Payments[1].EndToEndID = i.Groups[0].Payments[0].EndToEndID
			return i
		}(), CodeTwice},
		"a payment of nothing": {func() encoder {
			i := initiation()
			i.Groups[0].Payments[1].Amount = eur(0)
			return i
		}(), CodeAmount},
		"a payment below nothing": {func() encoder {
			i := initiation()
			i.Groups[0].Payments[1].Amount = eur(-1)
			return i
		}(), CodeAmount},
		"a payment in special drawing rights": {func() encoder {
			i := initiation()
			i.Groups[0].Payments[1].Amount = Money{"XDR", 1}
			return i
		}(), money.CodeNoMinorUnit},
		"a payment of 19 digits": {func() encoder {
			i := initiation()
			i.Groups[0].Payments[1].Amount = eur(mostMinor + 1)
			return i
		}(), CodeAmount},
		"payments whose sum has 19 digits": {func() encoder {
			i := initiation()
			p := &i.Groups[0].Payments
			for n := range 10 {
				*p = append(*p, Payment{EndToEndID: "big " + strconv.Itoa(n), Amount: eur(mostMinor), Creditor: Party{Name: "Bravo"}, Account: bravo})
			}
			return i
		}(), CodeAmount}, // a control sum has 18 digits
		"a group without a day": {func() encoder {
			i := initiation()
			i.Groups[0].Execute = ""
			return i
		}(), CodeElement},
		"a group without payments": {func() encoder {
			i := initiation()
			i.Groups[1].Payments = nil
			return i
		}(), CodeElement},
		"a currency that would leave its attribute": {func() encoder {
			i := initiation()
			i.Groups[1].Payments[0].Amount.Currency = `E"R`
			return i
		}(), "unknown-currency"},
		"balances that do not follow": {func() encoder {
			s := statement()
			s.Accounts[0].Balances[1].Amount.Minor++
			return s
		}(), CodeSum},
		"a report that contradicts itself": {func() encoder {
			r := report()
			r.Status = Rejected
			return r
		}(), CodeStatus},
	} {
		if data, err := c.message.Encode(); fault.CodeOf(err) != c.code || data != nil {
			t.Errorf("%s: %v, want %s", what, err, c.code)
		}
	}
}

func TestWhatAStatusMeansIsNotGuessed(t *testing.T) {
	for status, want := range map[Status]Outcome{"ACSC": OutcomeSettled, "ACCC": OutcomeSettled, "ACSP": OutcomeAccepted, "ACTC": OutcomeAccepted,
		"RJCT": OutcomeRejected, "PDNG": OutcomePending, "RCVD": OutcomePending, "PART": OutcomeUnknown, "ZZZZ": OutcomeUnknown, "": OutcomeUnknown} {
		if got := status.Outcome(); got != want {
			t.Errorf("%s means %s, want %s", status, got, want)
		}
	}
}

func TestHostileFilesAreRefused(t *testing.T) {
	const head, space = `<?xml version="1.0" encoding="UTF-8"?>`, `urn:iso:std:iso:20022:tech:xsd:`
	doc := func(kind string) string { return `<Document xmlns="` + space + kind + `">` }
	pain := string(golden(t, "pain001"))
	for _, c := range []struct {
		what, file string
		code       fault.Code
	}{
		{"nothing", "", CodeSyntax},
		{"spaces", " \n", CodeSyntax},
		{"no XML", "MsgId;ALPHA", CodeSyntax},
		{"half of a file", pain[:len(pain)/2], CodeSyntax},
		{"a file and a half", pain + pain[:200], CodeForbidden},
		{"two documents", pain + strings.TrimPrefix(pain, head), CodeSyntax},
		{"text behind the document", pain + "and more", CodeSyntax},
		{"Latin 1 that says so", strings.Replace(pain, "UTF-8", "ISO-8859-1", 1), CodeSyntax},
		{"Latin 1 that does not say so", strings.Replace(pain, "Berlin", "K\xf6ln", 1), CodeSyntax},
		{"UTF-16", "\xff\xfe<\x00D\x00", CodeSyntax},
		{"a zero byte", strings.Replace(pain, "Berlin", "Ber\x00lin", 1), CodeSyntax},
		{"tags that cross", head + doc("pain.001.001.09") + "<a><b></a></b></Document>", CodeSyntax},
		{"an entity bomb", head + `<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]>` + doc("pain.001.001.09") + "&b;</Document>", CodeForbidden},
		{"an outside entity", head + `<!DOCTYPE d SYSTEM "file:///etc/passwd">` + doc("pain.001.001.09") + "</Document>", CodeForbidden},
		{"an entity that is not declared", strings.Replace(pain, "Berlin", "&berlin;", 1), CodeForbidden},
		{"a processing instruction", strings.Replace(pain, "<GrpHdr>", "<?run me?><GrpHdr>", 1), CodeForbidden},
		{"a comment inside an amount", strings.Replace(pain, "2.55", "2.<!-- -->55", 1), CodeForbidden},
		{"no name space", head + "<Document></Document>", CodeUnknownMessage},
		{"another name space", head + `<Document xmlns="http://example.com"></Document>`, CodeUnknownMessage},
		{"another root", head + `<Envelope xmlns="` + space + `pain.001.001.09"></Envelope>`, CodeUnknownMessage},
		{"another message", head + doc("pain.008.001.08") + "</Document>", CodeUnknownMessage},
		{"an older version", strings.Replace(pain, "pain.001.001.09", "pain.001.001.03", 1), CodeVersion},
		{"a newer version", strings.Replace(pain, "pain.001.001.09", "pain.001.001.12", 1), CodeVersion},
		{"a national variant", strings.Replace(pain, "pain.001.001.09", "pain.001.003.03", 1), CodeVersion},
		{"an element of another name space", strings.Replace(pain, "<BtchBookg>", `<BtchBookg xmlns="http://example.com">`, 1), CodeElement},
		{"a prefix that nobody declared", strings.Replace(strings.Replace(pain, "<BtchBookg>", "<x:BtchBookg>", 1), "</BtchBookg>", "</x:BtchBookg>", 1), CodeElement},
		{"a payment file that says it is a statement", strings.Replace(pain, "pain.001.001.09", "camt.053.001.08", 1), CodeElement},
		{"deep nesting", head + doc("pain.001.001.09") + strings.Repeat("<a>", 10_000), CodeTooLarge},
		{"deep nesting in a supplement", head + doc("pain.001.001.09") + "<SplmtryData>" + strings.Repeat("<a>", 10_000), CodeTooLarge},
		{"many elements", head + doc("pain.001.001.09") + strings.Repeat("<a/>", MaxElements+1), CodeTooLarge},
		{"many attributes", head + doc("pain.001.001.09") + "<a " + strings.Repeat("a='' ", MaxElements+1) + "/></Document>", CodeTooLarge},
		{"a huge file", head + doc("pain.001.001.09") + strings.Repeat(" ", MaxBytes), CodeTooLarge},
		{"a huge text", strings.Replace(pain, "Berlin", strings.Repeat("B", 1<<20), 1), CodeText},
		{"an attribute of a terminal", strings.Replace(pain, "<BtchBookg>", "<BtchBookg a\u200bb='1'>", 1), CodeSyntax},
	} {
		f, err := Read(strings.NewReader(c.file))
		e, ok := errors.AsType[*fault.Error](err)
		if !ok || e.Code != c.code || f != nil {
			t.Errorf("%s: %v, want %s", c.what, err, c.code)
		} else if len(e.Detail) > 300 || e.Remedy == "" {
			t.Errorf("%s: told at length, or without a remedy: %s", c.what, e.Detail)
		}
	}
}

// Whatever the bytes, reading ends with a file or with a code of a document;
// what was read can be written, and is read as the same.
func FuzzRead(f *testing.F) {
	for _, name := range []string{"pain001", "pacs002", "camt053", "camt054", "other-bank"} {
		f.Add(golden(f, name))
	}
	f.Add([]byte(`<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.002.001.10"><FIToFIPmtStsRpt/></Document>`))
	f.Fuzz(func(t *testing.T, data []byte) { readOrRefuse(t, data) })
}

// FuzzEdit cuts a piece out of a good file and puts another there: most of what
// comes of it is still XML.
func FuzzEdit(f *testing.F) {
	var files [][]byte
	for _, name := range []string{"pain001", "pacs002", "camt053", "camt054", "other-bank"} {
		files = append(files, golden(f, name))
	}
	for which, data := range files {
		f.Add(uint8(which), uint16(len(data)/2), uint16(0), []byte("<Cd>AM04</Cd>"))
		f.Add(uint8(which), uint16(bytes.Index(data, []byte("</Amt>"))-2), uint16(2), []byte("07"))
	}
	f.Fuzz(func(t *testing.T, which uint8, at, cut uint16, put []byte) {
		data := files[int(which)%len(files)]
		from := int(at) % len(data)
		to := min(from+int(cut), len(data))
		readOrRefuse(t, slices.Concat(data[:from], put, data[to:]))
	})
}

func readOrRefuse(t *testing.T, data []byte) {
	file, err := ReadBytes(data)
	if err != nil {
		if code := fault.CodeOf(err); code == fault.Internal || code == "" {
			t.Fatalf("refused without a reason: %v", err)
		}
		return
	}
	wrote, err := file.message().Encode()
	if err != nil {
		return // what was passed over may be needed: a bank's own type of balance
	}
	again, err := ReadBytes(wrote)
	if err != nil {
		t.Fatalf("what was written is not read: %v\n%s", err, wrote)
	}
	twice, err := again.message().Encode()
	if err != nil || !bytes.Equal(wrote, twice) {
		t.Fatalf("it is written in two ways: %v\n%s\n%s", err, wrote, twice)
	}
}
