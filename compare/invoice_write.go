package compare

import (
	"encoding/csv"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/usage"
)

// WriteInvoice writes the lines of an invoice from a Bilateral that count in its
// total, as [ReadInvoice] reads them: those with usage, and those of terms about
// volume. A note has lines that it takes back, for which the form has no place.
// Code: invalid.
func WriteInvoice(w io.Writer, d invoice.Document) error {
	if d.Note != "" {
		return fault.Newf(fault.Invalid, "write it as JSON or HTML", "%s is a note: what it takes back has no place in a list of lines", d.ID).In("format")
	}
	out := csv.NewWriter(w)
	rows := [][]string{strings.Split(InvoiceHeader, ",")}
	row := func(p usage.Interval, rest ...string) {
		rows = append(rows, append([]string{string(d.Buyer), string(d.Seller), usage.Stamp(p.From), usage.Stamp(p.To)}, rest...))
	}
	for _, l := range d.Lines {
		if l.State == invoice.Open {
			continue
		}
		p := d.Interval
		if !l.Adjusts.IsZero() {
			p = l.Adjusts
		}
		row(p, l.Rate.Destination, strconv.FormatUint(l.Calls, 10), strconv.FormatUint(l.BilledSeconds, 10), l.Rate.Rate.String(), string(d.Currency), l.Amount.String())
	}
	for _, l := range d.Volume {
		row(d.Interval, fmt.Sprintf("%s (%s)", l.Name, l.Kind), "0", "0", "", string(d.Currency), l.Amount.String())
	}
	return out.WriteAll(rows)
}
