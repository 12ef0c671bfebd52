package main

import (
	"bytes"
	"context"
	"iter"
	"strconv"
	"strings"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/compare"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/invoice"
)

// invoiceCommand is "lateral invoice".
type invoiceCommand struct {
	List    invoiceList    `cmd:"" op:"list-invoices" help:"List invoices." eg:"" eg:"--descending --limit 10" eg:"--state issued --direction 'ALPHA>BRAVO'" eg:"--payable --currency EUR --all --json"`
	Show    invoiceShow    `cmd:"" op:"get-invoice" help:"Show an invoice with its lines." eg:"BRAVO-ALPHA-V-ALPHA-20261102T110000Z-20261102T120000Z-EUR-1"`
	Export  invoiceExport  `cmd:"" op:"get-invoice-json,get-invoice-html,get-invoice-canonical" help:"Write an invoice to keep or to read; lateral verify compares it with its proof." eg:"ID --format html --out invoice.html" eg:"ID --out invoice.json" eg:"ID --format csv --out invoice.csv"`
	Causes  invoiceCauses  `cmd:"" op:"get-waterfall" help:"Show what leads from the invoice to what the buyer expects, by cause." eg:"ID"`
	Proof   invoiceProof   `cmd:"" op:"get-invoice-proof" help:"Write a proof of an invoice that anybody can check offline; posts an anchor where none covers it yet." eg:"ID --out invoice.proof"`
	Accept  invoiceAccept  `cmd:"" op:"accept-invoice" role:"finance" help:"Accept all lines of an invoice that are not open." eg:"ID" eg:"ID --document 5f0c...e1 --reserve 7:12:640"`
	Dispute invoiceDispute `cmd:"" op:"dispute-invoice" role:"finance" help:"Dispute lines of an invoice, with the own figures, and accept the others." eg:"ID --line 7:12:640 --why 'Our switch has 640 s.'"`
	Reject  invoiceReject  `cmd:"" op:"reject-invoice" role:"finance" help:"Reject a credit or debit note: nothing of it is owed, and the version before it stands." eg:"ID --why 'The sheet of November is right.'"`
	Totals  invoiceTotals  `cmd:"" op:"get-totals" help:"Show what is invoiced, settled, disputed and due, by direction and currency." eg:""`
}

type invoiceList struct {
	many
	span
	State     string `placeholder:"STATE" help:"issued, disputed, partial, final, settled or rejected."`
	Direction string `placeholder:"FROM>TO" help:"From the buyer to the seller."`
	Currency  string `placeholder:"EUR" help:"In this currency."`
	Payable   bool   `help:"Only those that wait to be paid or netted."`
}

func (c invoiceList) Run(ctx context.Context, n *remote) error {
	f := client.Filter{"state": c.State, "direction": c.Direction, "currency": c.Currency, "payable": yes(c.Payable), "from": c.From, "to": c.To}
	return list(ctx, n, c.many, "id state currency total open due obligation", func(p *client.Partner) iter.Seq2[wire.Invoice, error] { return p.Invoices(ctx, f) })
}

// oneInvoice is a command about one invoice.
type oneInvoice struct {
	one
	ID string `arg:"" help:"Id of the invoice."`
}

type invoiceShow struct{ oneInvoice }

func (c invoiceShow) Run(ctx context.Context, n *remote) error {
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.Invoice, error) { return p.Invoice(ctx, c.ID) })
}

type invoiceCauses struct{ oneInvoice }

func (c invoiceCauses) Run(ctx context.Context, n *remote) error {
	return ask(ctx, n, c.one, func(p *client.Partner) (wire.Waterfall, error) { return p.Waterfall(ctx, c.ID) })
}

type invoiceExport struct {
	oneInvoice
	out
	Format string `default:"json" enum:"json,html,cbor,csv" help:"json, html, cbor: the canonical bytes that a proof shows, or csv: the lines in its total, as lateral compare reads them; default: ${default}."`
}

func (c invoiceExport) Run(ctx context.Context, n *remote) error {
	code, err := c.code(ctx, n)
	if err != nil {
		return err
	}
	p := n.api.With(code)
	get := map[string]func(context.Context, string) ([]byte, error){"json": p.InvoiceJSON, "html": p.InvoiceHTML, "cbor": p.InvoiceCanonical, "csv": p.InvoiceCanonical}
	data, err := get[c.Format](ctx, c.ID)
	if err == nil && c.Format == "csv" {
		var d invoice.Document
		var lines bytes.Buffer
		if err = canon.Decode(data, &d); err == nil {
			err = compare.WriteInvoice(&lines, d)
		}
		data = lines.Bytes()
	}
	return c.write(n.terminal, data, err)
}

type invoiceProof struct {
	oneInvoice
	out
}

func (c invoiceProof) Run(ctx context.Context, n *remote) error {
	code, err := c.code(ctx, n)
	if err != nil {
		return err
	}
	data, err := n.api.With(code).InvoiceProof(ctx, c.ID)
	return c.write(n.terminal, data, err)
}

type invoiceAccept struct {
	oneInvoice
	Document canon.Hash `placeholder:"HASH" help:"Document that was read, as invoice show gives it; default: the invoice as it is."`
	reserve
}

func (c invoiceAccept) Run(ctx context.Context, n *remote) error {
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Invoice], error) {
		return p.AcceptInvoice(ctx, c.ID, c.Document, objections(c.Reserve)...)
	})
}

type invoiceDispute struct {
	oneInvoice
	Line     []objection `required:"" placeholder:"ROW:CALLS:SECONDS" help:"A line and what you have for it: calls and billed seconds; repeat. @START/END behind it names the period that a late line adjusts."`
	Why      string      `required:"" help:"Reason, for the partner."`
	Document canon.Hash  `placeholder:"HASH" help:"Document that was read; default: the invoice as it is."`
	Evidence canon.Hash  `placeholder:"HASH" help:"SHA-256 of a file that shows it."`
	reserve
}

func (c invoiceDispute) Run(ctx context.Context, n *remote) error {
	d := wire.DisputeInvoice{Document: c.Document, Lines: objections(c.Line), Why: c.Why, Evidence: c.Evidence, Reserved: objections(c.Reserve)}
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Invoice], error) { return p.DisputeInvoice(ctx, c.ID, d) })
}

type invoiceReject struct {
	oneInvoice
	Why      string     `required:"" help:"Reason, for the partner."`
	Document canon.Hash `placeholder:"HASH" help:"Document that was read; default: the note as it is."`
}

func (c invoiceReject) Run(ctx context.Context, n *remote) error {
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Invoice], error) {
		return p.RejectInvoice(ctx, c.ID, c.Document, c.Why)
	})
}

// reserve names lines that are accepted although the own figures are others.
type reserve struct {
	Reserve []objection `placeholder:"ROW:CALLS:SECONDS" help:"A line that is accepted although you have other figures, within the agreed thresholds: they count against what may add up. Repeat."`
}

func objections(lines []objection) (all []wire.Objection) {
	for _, l := range lines {
		all = append(all, wire.Objection(l))
	}
	return all
}

// objection is a line as the command line writes it.
type objection wire.Objection

// UnmarshalText reads ROW:CALLS:SECONDS with @START/END behind it or not.
func (o *objection) UnmarshalText(text []byte) error {
	line, adjusts, _ := strings.Cut(string(text), "@")
	parts := strings.Split(line, ":")
	bad := fault.Newf(fault.Invalid, "write ROW:CALLS:SECONDS, like 7:12:640", "%q is no line", text).In("line")
	if len(parts) != 3 {
		return bad
	}
	var figures [3]uint64
	for i, bits := range []int{32, 64, 64} {
		var err error
		if figures[i], err = strconv.ParseUint(parts[i], 10, bits); err != nil {
			return bad
		}
	}
	o.Row, o.Calls, o.BilledSeconds = uint32(figures[0]), figures[1], figures[2]
	return o.Adjusts.UnmarshalText([]byte(adjusts))
}

type invoiceTotals struct{ one }

func (c invoiceTotals) Run(ctx context.Context, n *remote) error {
	code, err := c.code(ctx, n)
	if err != nil {
		return err
	}
	all, err := n.api.With(code).Totals(ctx)
	if err != nil || n.json {
		return shown(n, wire.TotalsList{Totals: all}, err)
	}
	return writeList(n.out, all, "direction currency invoices invoiced settled disputed due")
}
