package main

import (
	"context"
	"encoding/csv"
	"fmt"
	"io"
	"strings"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
)

// statementCommand is "lateral statement".
type statementCommand struct {
	one
	Code string `arg:"" optional:"" name:"code" help:"The partner's member code, like --partner."`
	From string `placeholder:"TIME" help:"Lines from then on, RFC 3339; default: from the beginning."`
	To   string `placeholder:"TIME" help:"Lines before; default: until now."`
	CSV  bool   `name:"csv" help:"Print CSV."`
}

func (c statementCommand) Run(ctx context.Context, n *remote) error {
	if c.Code != "" {
		c.Partner = c.Code
	}
	code, err := c.code(ctx, n)
	if err != nil {
		return err
	}
	all, err := n.api.With(code).Statement(ctx, client.Filter{"from": c.From, "to": c.To})
	if err != nil || n.json {
		return shown(n, all, err)
	}
	type row struct {
		Currency  string `json:"currency"`
		Time      string `json:"time"`
		Kind      string `json:"kind"`
		Subject   string `json:"subject"`
		Reference string `json:"reference"`
		Amount    string `json:"amount"`
		Balance   string `json:"balance"`
	}
	var rows []row
	for _, s := range all.Statements {
		cur := string(s.Currency)
		rows = append(rows, row{Currency: cur, Kind: "opening", Balance: s.Opening.String()})
		for _, l := range s.Lines {
			at, _ := l.Time.MarshalText() // it has no error to give
			rows = append(rows, row{cur, string(at), string(l.Kind), l.Subject, l.Reference, l.Amount.String(), l.Balance.String()})
		}
		rows = append(rows, row{Currency: cur, Kind: "closing", Balance: s.Closing.String()}, row{Currency: cur, Kind: "of it carried", Balance: s.Carried.String()})
	}
	const columns = "currency time kind subject reference amount balance"
	if !c.CSV {
		return writeList(n.out, rows, columns)
	}
	lines := [][]string{strings.Fields(columns)}
	for _, r := range rows {
		lines = append(lines, []string{r.Currency, r.Time, r.Kind, r.Subject, r.Reference, r.Amount, r.Balance})
	}
	return writeCSV(n.out, lines)
}

// writeCSV writes rows. A text that a spreadsheet would compute is quoted for it by
// an apostrophe: references come from others.
func writeCSV(w io.Writer, rows [][]string) error {
	out := csv.NewWriter(w)
	for _, r := range rows {
		for i, s := range r {
			if s != "" && strings.ContainsRune("=+@\t\r", rune(s[0])) {
				r[i] = "'" + s
			}
		}
	}
	return out.WriteAll(rows)
}

// ageingCommand is "lateral ageing".
type ageingCommand struct {
	connection
	CSV bool `name:"csv" help:"Print CSV."`
}

func (c ageingCommand) Run(ctx context.Context, n *remote) error {
	all, err := n.api.Ageing(ctx)
	if err != nil || n.json {
		return shown(n, all, err)
	}
	const columns = "partner payer currency not_due days_1_30 days_31_60 days_61_90 over_90 disputed carried total"
	if !c.CSV {
		return writeList(n.out, all.Aged, columns)
	}
	lines := [][]string{strings.Fields(columns)}
	for _, a := range all.Aged {
		lines = append(lines, []string{string(a.Partner), string(a.Payer), string(a.Currency), a.NotDue.String(), a.Days30.String(), a.Days60.String(), a.Days90.String(),
			a.Over.String(), a.Disputed.String(), a.Carried.String(), a.Total.String()})
	}
	return writeCSV(n.out, lines)
}

// complianceCommand is "lateral compliance".
type complianceCommand struct {
	Show   complianceShow   `cmd:"" op:"list-verified" help:"Show which side has checked who the other is, and until when that counts." eg:""`
	Verify complianceVerify `cmd:"" op:"verify-partner,verify-credential" role:"finance" help:"Put on record that this carrier has checked who the partner is. The document stays here." eg:"--document KEY --expires 2027-11-01T00:00:00Z" eg:"--credential for-alpha.pres --issuer CHARLIE"`
}

type complianceShow struct{ one }

func (c complianceShow) Run(ctx context.Context, n *remote) error {
	code, err := c.code(ctx, n)
	if err != nil {
		return err
	}
	all, err := n.api.With(code).Verified(ctx)
	if err != nil || n.json {
		return shown(n, all, err)
	}
	return writeList(n.out, all.Verified, "member expires document")
}

type complianceVerify struct {
	one
	checking
	Document   string    `placeholder:"HASH" help:"SHA-256 of what was looked at."`
	Credential string    `placeholder:"FILE" help:"The partner's presentation of a credential instead: it is checked first, and its SHA-256 recorded."`
	Expires    wire.Time `placeholder:"TIME" help:"Until when the check counts, RFC 3339; within five years. With --credential not after its end, which is the default."`
}

func (c complianceVerify) Run(ctx context.Context, n *remote) error {
	if (c.Document == "") == (c.Credential == "") {
		return usageError{fmt.Errorf("name either --document or --credential")}
	}
	if c.Credential != "" {
		return c.presented(ctx, n)
	}
	if c.Expires == 0 {
		return usageError{fmt.Errorf("--expires: say until when the check counts")}
	}
	h, err := canon.ParseHash(c.Document)
	if err != nil {
		return usageError{fmt.Errorf("--document: %w", err)}
	}
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Verified], error) {
		return p.Verify(ctx, wire.Verify{Document: h, Expires: c.Expires})
	})
}

// presented records a check by what a third member has checked of the partner.
func (c complianceVerify) presented(ctx context.Context, n *remote) error {
	data, err := n.read(c.Credential)
	if err != nil {
		return err
	}
	w, err := c.byNode(ctx, n, data)
	if err != nil {
		return err
	}
	code, err := c.code(ctx, n)
	if err != nil {
		return err
	}
	if w.Subject != code {
		return fault.Newf(fault.Refused, "ask the partner for a credential about itself", "the credential is about %s, not about %s", w.Subject, code).In("subject")
	}
	if c.Expires == 0 || c.Expires > w.Expires {
		c.Expires = w.Expires
	}
	return change(ctx, n, c.one, func(p *client.Partner) (wire.Done[wire.Verified], error) {
		return p.Verify(ctx, wire.Verify{Document: w.Document, Expires: c.Expires})
	})
}
