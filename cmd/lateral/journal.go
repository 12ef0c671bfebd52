package main

import (
	"bytes"
	"context"
	_ "embed"
	"fmt"
	"os"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
)

// The journal of a Bilateral becomes entries of this carrier's own books: each
// posting on one of its accounts is a line, under the account that its chart names
// for the purpose, the partner and the currency.

//go:embed chart.yaml
var exampleChart []byte

type journalAccounts struct{}

func (journalAccounts) Run(t terminal) error {
	_, err := t.out.Write(exampleChart)
	return err
}

// chart is a chart of accounts. The first entry that fits a posting counts.
type chart struct {
	Accounts []chartEntry `yaml:"accounts"`
	Clearing string       `yaml:"clearing"` // the other side of postings of which one end only is ours
}

type chartEntry struct {
	Purpose  string `yaml:"purpose"`
	Partner  string `yaml:"partner"`
	Currency string `yaml:"currency"`
	Account  string `yaml:"account"`
}

// readChart reads a chart of accounts. Code: usage.
func readChart(raw []byte) (chart, error) {
	var c chart
	d := yaml.NewDecoder(bytes.NewReader(raw))
	d.KnownFields(true)
	if err := d.Decode(&c); err != nil {
		return c, err
	}
	if c.Clearing == "" {
		return c, fmt.Errorf("it names no clearing account")
	}
	for i, e := range c.Accounts {
		if e.Purpose == "" || e.Account == "" {
			return c, fmt.Errorf("entry %d names no purpose or no account", i+1)
		}
	}
	return c, nil
}

// account gives the account for a purpose. Code: usage.
func (c chart) account(purpose, partner, currency string) (string, error) {
	fits := func(want, have string) bool { return want == "" || want == "*" || want == have }
	for _, e := range c.Accounts {
		if fits(e.Purpose, purpose) && fits(e.Partner, partner) && fits(e.Currency, currency) {
			return strings.NewReplacer("{partner}", partner, "{currency}", currency).Replace(e.Account), nil
		}
	}
	return "", fmt.Errorf("the chart of accounts names none for %s of %s in %s: add an entry", purpose, partner, currency)
}

// rows gives the lines of an entry on one side's books: debit above zero. They sum
// to zero in each currency.
func (c chart) rows(own, partner party.Code, j wire.Journal) ([][]string, error) {
	var out [][]string
	at, err := j.Time.MarshalText()
	if err != nil {
		return nil, err
	}
	line := func(account string, cur money.Currency, amount money.Micro) {
		out = append(out, []string{strconv.FormatUint(j.Number, 10), string(at), j.Cause, j.Subject, string(partner), account, string(cur), amount.String()})
	}
	rest := map[money.Currency]money.Micro{}
	var order []money.Currency
	for _, p := range j.Postings {
		for _, end := range []struct {
			who     party.Code
			purpose string
			amount  money.Micro
		}{{p.From.Party, string(p.From.Purpose), -p.Amount}, {p.To.Party, string(p.To.Purpose), p.Amount}} {
			if end.who != own {
				continue
			}
			account, err := c.account(end.purpose, string(partner), string(p.From.Currency))
			if err != nil {
				return nil, err
			}
			line(account, p.From.Currency, end.amount)
			if _, there := rest[p.From.Currency]; !there {
				order = append(order, p.From.Currency)
			}
			rest[p.From.Currency] += end.amount
		}
	}
	for _, cur := range order {
		if rest[cur] != 0 {
			line(c.Clearing, cur, -rest[cur])
		}
	}
	return out, nil
}

type journalExport struct {
	one
	From     wire.Time `placeholder:"TIME" help:"Entries from then on, RFC 3339."`
	To       wire.Time `placeholder:"TIME" help:"Entries before."`
	Accounts string    `placeholder:"FILE" help:"Chart of accounts; default: the example that lateral journal accounts prints."`
	Out      string    `required:"" placeholder:"FILE" help:"The CSV file."`
}

func (c journalExport) Run(ctx context.Context, n *remote) error {
	raw := exampleChart
	if c.Accounts != "" {
		var err error
		if raw, err = os.ReadFile(c.Accounts); err != nil {
			return err
		}
	}
	accounts, err := readChart(raw)
	if err != nil {
		return usageError{fmt.Errorf("--accounts: %w", err)}
	}
	partner, err := c.code(ctx, n)
	if err != nil {
		return err
	}
	me, err := n.api.Me(ctx)
	if err != nil {
		return err
	}
	rows := [][]string{strings.Fields("number time cause subject partner account currency amount")}
	for j, err := range n.api.With(partner).Journal(ctx) {
		if err != nil {
			return err
		}
		if j.Time < c.From || c.To != 0 && j.Time >= c.To {
			continue
		}
		more, err := accounts.rows(party.Code(me.Carrier), partner, j)
		if err != nil {
			return usageError{err}
		}
		rows = append(rows, more...)
	}
	f, err := os.Create(c.Out)
	if err != nil {
		return err
	}
	if err := writeCSV(f, rows); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return shown(n, struct {
		File string `json:"file"`
		Rows int    `json:"rows"`
	}{c.Out, len(rows) - 1}, nil)
}
