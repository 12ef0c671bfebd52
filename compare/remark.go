package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/trade/money"
)

// topRemarks is how many remarks a text shows.
const topRemarks = 12

// title says for people what a remark is of.
func (m *Remark) title() string {
	if i := slices.Index(Causes[:], m.Cause); i >= 0 {
		return Titles[i]
	}
	return "not explained"
}

// file is the evidence in which a remark stands: causes that only an invoice
// shows have no other.
func (m *Remark) file() string {
	switch m.Cause {
	case "":
		return "unexplained-invoice"
	case MoneyRounding, TaxFX, VolumeTerms:
		return string(m.Cause)
	}
	return string(m.Cause) + "-invoice"
}

// remarked gives the remarks for people, those with most money first: what is
// said of many destinations in the same words is said once.
func (r *Result) remarked() (out []Remark) {
	type words struct {
		cause             Cause
		direction, detail string
		currency          money.Currency
	}
	at := map[words]int{}
	many := map[int]int{}
	for _, m := range r.Remarks {
		k := words{m.Cause, m.Direction, m.Detail, m.Currency}
		i, ok := at[k]
		if !ok {
			at[k] = len(out)
			out = append(out, m)
			continue
		}
		many[i]++
		out[i].Amount += m.Amount
		out[i].Calls += m.Calls
		out[i].Destination = fmt.Sprintf("%d destinations", many[i]+1)
	}
	slices.SortStableFunc(out, func(a, b Remark) int { return -cmp.Compare(abs(int64(a.Amount)), abs(int64(b.Amount))) })
	return out
}

// remarksText lists for people what the invoice's own figures show.
func (r *Result) remarksText(look Look) string {
	if len(r.Remarks) == 0 {
		return ""
	}
	var b strings.Builder
	fmt.Fprintln(&b, look.heading("what their invoice's own figures show"))
	list := r.remarked()
	shown := list[:min(len(list), topRemarks)]
	flows, amounts := 0, 0
	for _, m := range shown {
		flows, amounts = max(flows, len(m.Direction)+1+len(m.Currency)), max(amounts, len(m.Amount.String()))
	}
	indent := flows + amounts + 4
	for _, m := range shown {
		text := m.title()
		if m.Destination != "" {
			text += ", " + m.Destination
		}
		text += ": " + m.Detail
		if m.Calls > 0 {
			text += " (" + count(m.Calls, "call") + ")"
		}
		head := fmt.Sprintf("%-*s  %*s", flows, m.Direction+" "+string(m.Currency), amounts, m.Amount)
		if room := look.Width - indent; room >= 24 {
			fmt.Fprintf(&b, "%s  %s\n", head, strings.ReplaceAll(wrapped(text, room, 0), "\n", "\n"+strings.Repeat(" ", indent)))
		} else {
			fmt.Fprintf(&b, "%s\n    %s\n", head, wrapped(text, max(look.Width-4, 12), 4))
		}
	}
	if n := len(list) - len(shown); n > 0 {
		fmt.Fprintf(&b, "and %d more with less money\n", n)
	}
	b.WriteByte('\n')
	return b.String()
}

// remarks writes what the invoice's own figures show as evidence of each cause.
func (w *writing) remarks() error {
	for i := range len(Causes) + 1 { // at the end what is not explained
		cause := Cause("")
		if i < len(Causes) {
			cause = Causes[i]
		}
		var rows [][]any
		name := ""
		for _, m := range w.result.Remarks {
			if m.Cause == cause {
				name = m.file()
				rows = append(rows, []any{m.Direction, m.Currency, m.Destination, m.Calls, m.Amount, m.Detail})
			}
		}
		if len(rows) == 0 {
			continue
		}
		if err := w.summary(name, []string{"direction", "currency", "destination", "calls", "amount", "detail"}, rows); err != nil {
			return err
		}
		at := &w.result.restEvidence
		if cause != "" {
			at = &w.result.Causes[i].Evidence
		}
		if *at == "" {
			*at = "causes/" + name + ".csv"
		}
	}
	return nil
}

// notUsage stands for the destination of an invoice's lines without usage.
const notUsage = "(volume terms)"

// billed sums their invoice by destination, under our names: nil without an
// invoice.
func (c *comparison) billed() map[levelKey]priced {
	if c.job.TheirInvoice == nil {
		return nil
	}
	names := map[groupKey]string{}
	for i, row := range c.lines.rows {
		names[groupKey{flow{way: c.lines.ways[i]}, foldName(row.Destination)}] = row.Destination
	}
	for line, name := range c.lines.theirNames {
		k := groupKey{flow{way: c.lines.ways[line]}, foldName(name)}
		if mine := c.lines.rows[line].Destination; names[k] == "" || names[k] == name && mine < name {
			names[k] = mine
		}
	}
	out := map[levelKey]priced{}
	for _, l := range c.job.TheirInvoice {
		way, _ := c.pair.Way(l.Direction)
		k := levelKey{way: way, currency: l.Currency, destination: l.Destination}
		if name := names[groupKey{flow{way: way}, foldName(l.Destination)}]; name != "" {
			k.destination = name
		}
		if l.noUsage() {
			k.destination = notUsage
		}
		p := out[k]
		out[k] = priced{p.calls + l.Calls, p.seconds + l.Seconds, p.amount + l.Amount}
	}
	return out
}

// invoice writes the lines of their invoice, and what seconds and rates make of
// them by our rule of rounding.
func (w *writing) invoice() error {
	if w.c.job.TheirInvoice == nil {
		return nil
	}
	t, err := w.table("invoice.csv", "their invoice", "direction", "currency", "destination", "line", "period_from", "period_to", "calls",
		"billed_seconds", "rate", "amount", "seconds_times_rate", "difference")
	if err != nil {
		return err
	}
	defer t.discard()
	product := w.c.products()
	for _, l := range w.c.job.TheirInvoice {
		at, err := w.c.flowOf(l)
		if err != nil {
			return err
		}
		made, err := w.c.job.Rounding.round(product(at, l))
		if err != nil {
			return err
		}
		cells := []any{l.Direction.String(), l.Currency, l.Destination, l.Line, stamp(l.Period.From), stamp(l.Period.To), l.Calls, l.Seconds, l.Rate, l.Amount, made, l.Amount - made}
		if l.noUsage() {
			cells[8], cells[10], cells[11] = nil, nil, nil
		}
		if err := t.put(cells...); err != nil {
			return err
		}
	}
	return t.close()
}
