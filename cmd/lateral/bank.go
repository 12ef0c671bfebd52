package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/rail"
	"github.com/lateral-network/lateral/rail/bank"
)

// bankCommand is "lateral bank".
type bankCommand struct {
	Check     bankCheck     `cmd:"" help:"Check bank files (pain.001, pacs.002, camt.053, camt.054) and print what they say." eg:"payments.xml" eg:"statement.xml notice.xml --json" eg:"- < report.xml"`
	Simulate  bankSimulate  `cmd:"" help:"Play the banks of payer and payees: take a payment file, and write the files that they would hand out." eg:"pain.xml --out bank" eg:"pain.xml --out bank --reject AC04"`
	Reference bankReference `cmd:"" help:"Print the creditor reference (ISO 11649) by which a payment names an obligation or invoice." eg:"BRAVO-ALPHA-V-ALPHA-20261102T000000Z-20261102T010000Z-USD-1"`
}

type bankCheck struct {
	File []string `arg:"" placeholder:"FILE" help:"File from or for a bank; - is standard input."`
	JSON bool     `name:"json" help:"Print one JSON document with all that was read."`
}

func (bankCheck) Help() string {
	return `Which message a file is stands in it. Checked are the elements and their order, lengths, characters, dates, IBANs, BICs, the
decimals of each currency, and that counts, control sums and balances are what the parts come to. Elements that the
message may have and that Lateral does not look into are named on standard error. Nothing is sent anywhere.
Exit code 1 means that a file is refused; the reason names the element.`
}

func (c bankCheck) Run(t terminal) error {
	type checked struct {
		Path string `json:"file"`
		*rail.File
	}
	var all []checked
	for _, path := range c.File {
		f, err := t.bankFile(path)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		all = append(all, checked{path, f})
		if c.JSON {
			continue
		}
		if err := showBankFile(t.out, path, f); err != nil {
			return err
		}
		if len(f.Passed) > 0 {
			fmt.Fprintf(t.err, "%s: not looked into: %s\n", path, strings.Join(f.Passed, ", "))
		}
	}
	if c.JSON {
		return t.document(map[string][]checked{"files": all})
	}
	return nil
}

func (t terminal) bankFile(path string) (*rail.File, error) {
	in, err := t.open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return rail.Read(in)
}

func showBankFile(w io.Writer, path string, f *rail.File) error {
	switch {
	case f.Initiation != nil:
		return showInitiation(w, path, f.Initiation)
	case f.Report != nil:
		return showReport(w, path, f.Report)
	}
	return showStatement(w, path, f.Statement)
}

// ordered is one payment of a payment file in a line.
type ordered struct {
	ID     string `json:"end_to_end_id"`
	On     string `json:"on"`
	From   string `json:"from"`
	Amount string `json:"amount"`
	To     string `json:"to"`
	Payee  string `json:"payee"`
	For    string `json:"for"`
}

func showInitiation(w io.Writer, path string, i *rail.Initiation) error {
	var rows []ordered
	for _, g := range i.Groups {
		for _, p := range g.Payments {
			rows = append(rows, ordered{ID: p.EndToEndID, On: string(g.Execute), From: g.Account.String(), Amount: p.Amount.String(), To: p.Account.String(),
				Payee: p.Creditor.Name, For: purpose(p.Remittance)})
		}
	}
	totals, err := i.Totals()
	if err != nil {
		return err
	}
	var sums []string
	for _, m := range totals {
		sums = append(sums, m.String())
	}
	fmt.Fprintf(w, "%s: %s %s of %s, from %s\n%d payments: %s\n\n", path, rail.Pain001, i.ID, moment(i.Created), cmp.Or(i.Initiator.Name, "nobody named"), len(rows),
		strings.Join(sums, ", "))
	return writeList(w, rows, "end_to_end_id on from amount to payee for")
}

// reported is what became of one payment in a line.
type reported struct {
	ID        string `json:"end_to_end_id"`
	Status    string `json:"status"`
	Means     string `json:"means"`
	Why       string `json:"why"`
	Reference string `json:"bank_reference"`
}

func showReport(w io.Writer, path string, r *rail.Report) error {
	fmt.Fprintf(w, "%s: %s %s of %s, about %s %s\n", path, rail.Pacs002, r.ID, moment(r.Created), r.OriginalKind, r.Original)
	if r.Status != "" {
		fmt.Fprintln(w, strings.TrimSpace(fmt.Sprintf("the file is %s %s", r.Status, why(r.Reasons))))
	}
	if r.SecondCopy() {
		fmt.Fprintln(w, "it refuses a second copy; what became of the first file stands elsewhere")
	}
	if len(r.Payments) == 0 {
		return nil
	}
	fmt.Fprintln(w)
	var rows []reported
	for _, p := range r.Payments {
		rows = append(rows, reported{cmp.Or(p.EndToEndID, p.InstructionID, p.TransactionID), string(p.Status), string(p.Status.Outcome()), why(p.Reasons), p.Reference})
	}
	return writeList(w, rows, "end_to_end_id status means why bank_reference")
}

func why(all []rail.Reason) string {
	var parts []string
	for _, r := range all {
		parts = append(parts, strings.TrimSpace(cmp.Or(r.Code, r.Own)+" "+strings.Join(r.Info, " ")))
	}
	return strings.Join(parts, ", ")
}

// booked is one payment of an entry in a line.
type booked struct {
	Entry     int    `json:"entry"`
	Booked    string `json:"booked"`
	Amount    string `json:"amount"`
	Status    string `json:"status"`
	Reference string `json:"bank_reference"`
	ID        string `json:"end_to_end_id"`
	Party     string `json:"party"`
	For       string `json:"for"`
}

func showStatement(w io.Writer, path string, s *rail.Statement) error {
	fmt.Fprintf(w, "%s: %s %s of %s\n", path, s.Kind, s.ID, moment(s.Created))
	for _, a := range s.Accounts {
		fmt.Fprintf(w, "\n%s\n", strings.TrimSpace(fmt.Sprintf("%s, account %s %s", a.ID, a.Account, a.Account.Currency)))
		if a.Copy != "" {
			fmt.Fprintf(w, "sent before: %s\n", a.Copy)
		}
		for _, b := range a.Balances {
			fmt.Fprintf(w, "%s %s on %s\n", cmp.Or(b.Type, "balance"), b.Amount, b.Date)
		}
		var rows []booked
		for at, e := range a.Entries {
			rows = append(rows, entryRows(at+1, e)...)
		}
		if len(rows) == 0 {
			continue
		}
		fmt.Fprintln(w)
		if err := writeList(w, rows, "entry booked amount status bank_reference end_to_end_id party for"); err != nil {
			return err
		}
	}
	return nil
}

// entryRows gives a line for each payment of an entry, or one for the entry.
func entryRows(number int, e rail.Entry) (rows []booked) {
	line := func(m rail.Money, credit bool) booked {
		if !credit {
			m.Minor = -m.Minor
		}
		status := e.Status
		if e.Reversal {
			status += " reversal"
		}
		if e.Charged {
			status += ", entry of " + e.Amount.String() + " after charges"
		}
		return booked{Entry: number, Booked: string(e.Booked), Amount: m.String(), Status: status, Reference: e.BankReference}
	}
	for _, b := range e.Batches {
		for _, d := range b.Payments {
			if d.Amount.IsZero() {
				d.Amount = e.Amount
			}
			r := line(d.Amount, d.Credit)
			r.Reference, r.ID, r.For = cmp.Or(d.BankReference, e.BankReference), d.EndToEndID, purpose(d.Remittance)
			r.Party = cmp.Or(d.Debtor.Name, d.DebtorAccount.String())
			if !d.Credit {
				r.Party = cmp.Or(d.Creditor.Name, d.CreditorAccount.String())
			}
			rows = append(rows, r)
		}
	}
	if len(rows) == 0 {
		r := line(e.Amount, e.Credit)
		r.For = e.Info
		rows = append(rows, r)
	}
	return rows
}

// purpose writes what a payment is for on one line.
func purpose(r rail.Remittance) string {
	var parts []string
	for _, s := range r.Structured {
		names := []string{}
		for _, d := range s.Documents {
			names = append(names, d.Number)
		}
		names = append(names, s.Creditor)
		parts = append(parts, strings.Join(slices.DeleteFunc(names, func(n string) bool { return n == "" }), " "))
	}
	for _, text := range r.Texts {
		parts = append(parts, strings.Join(strings.Fields(text), " "))
	}
	return strings.Join(parts, ", ")
}

func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }

type bankSimulate struct {
	File   string `arg:"" placeholder:"FILE" help:"Payment file (pain.001); - is standard input."`
	Out    string `required:"" placeholder:"DIR" help:"Folder for the banks' files; it is made."`
	Reject string `placeholder:"CODE" help:"Have the bank pay nothing, for this reason, like AC04."`
}

func (bankSimulate) Help() string {
	return `No money moves. The payer has what the file needs, and each payment is booked on its day. Written are status reports
(pacs.002), and for each account a notice of its bookings (camt.054) and a statement of each day (camt.053): import yours
with lateral payment import, and your partner theirs. The same file gives the same bytes.`
}

func (c bankSimulate) Run(t terminal) error {
	data, err := t.read(c.File)
	if err != nil {
		return err
	}
	all, err := bank.Play(data, c.Reject)
	if err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	if err := os.MkdirAll(c.Out, 0o777); err != nil { // as the user's umask has it
		return fault.Newf(fault.Unavailable, "name a folder that can be written", "%s cannot be made", c.Out).Because(err).In("out")
	}
	for _, f := range all {
		path := filepath.Join(c.Out, f.Name)
		if err := os.WriteFile(path, f.Data, 0o666); err != nil {
			return fault.Newf(fault.Unavailable, "name a folder that can be written", "%s cannot be written", path).Because(err).In("out")
		}
		fmt.Fprintln(t.out, path)
	}
	return nil
}

type bankReference struct {
	ID []string `arg:"" placeholder:"ID" help:"Id of an obligation or an invoice."`
}

func (bankReference) Help() string {
	return `Banks carry references of at most 35 characters, and ids are longer. Both ends of a payment compute the same reference
of an id; it has two check digits. Name it when you pay by hand.`
}

func (c bankReference) Run(t terminal) error {
	for _, id := range c.ID {
		if id == "" {
			return usageError{fault.New(fault.Invalid, "an id is empty", "name the id of an obligation or an invoice").In("id")}
		}
		fmt.Fprintf(t.out, "%s  %s\n", rail.CreditorReference(id), id)
	}
	return nil
}
