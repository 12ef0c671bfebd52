package compare

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/usage"
)

// topDestinations is how many destinations a report names.
const topDestinations = 10

// Text renders the result for people.
func (r *Result) Text(look Look) string {
	var b strings.Builder
	heading := func(s string) { fmt.Fprintln(&b, look.heading(s)) }
	rows := [][]string{{"records", "read", "accepted", "rejected", "duplicate", "no rate"}}
	for i, n := range []Records{r.Records.Ours, r.Records.Theirs} {
		rows = append(rows, []string{side(i).String(), fmt.Sprint(n.Read), fmt.Sprint(n.Accepted), fmt.Sprint(n.Rejected), fmt.Sprint(n.Duplicate), fmt.Sprint(n.Unrated)})
	}
	b.WriteString(columns(rows) + "\n")
	heading("successful calls")
	matched := r.Matched.Exact + r.Matched.Skewed + r.Matched.Duration
	b.WriteString(columns([][]string{
		{"both sides have", fmt.Sprint(matched)},
		{"  exact", fmt.Sprint(r.Matched.Exact)},
		{"  start differs", fmt.Sprint(r.Matched.Skewed)},
		{"  billed seconds differ", fmt.Sprint(r.Matched.Duration)},
		{"  (raw duration differs, billed seconds do not)", fmt.Sprint(r.Matched.RawOnly)},
		{"only ours", fmt.Sprint(r.OnlyOurs)},
		{"only theirs", fmt.Sprint(r.OnlyTheirs)},
	}) + "\n")
	if len(r.Learned) > 0 {
		heading("learned from the records, and applied")
		for _, l := range r.Learned {
			trunk := l.Trunk
			if l.Kind == learnedPlus {
				trunk = "all trunks"
			} else if trunk == "" {
				trunk = "no trunk name"
			}
			text := fmt.Sprintf("%s, %s: %s (%s), %s", l.Side, trunk, l.Detail, l.Kind, count(l.Calls, "call"))
			fmt.Fprintln(&b, "  "+wrapped(text, look.Width-2, 4))
		}
		b.WriteByte('\n')
	}
	if len(r.Signals) > 0 {
		_ = WriteSignals(&b, r.Signals) // a builder takes all
		b.WriteByte('\n')
	}
	if len(r.Blocks) > 0 {
		heading("stretches that one side lacks")
		for i, k := range r.Blocks {
			if i == topDestinations {
				fmt.Fprintf(&b, "  and %d more\n", len(r.Blocks)-i)
				break
			}
			trunk := "trunk " + k.Trunk
			if k.Trunk == "" {
				trunk = "all trunks"
			}
			text := fmt.Sprintf("missing in %s, of %s, from %s to %s: %s", k.Missing, trunk, usage.Stamp(k.From), usage.Stamp(k.To), count(k.Calls, "call"))
			fmt.Fprintln(&b, "  "+wrapped(text, look.Width-2, 4))
		}
		b.WriteByte('\n')
	}
	b.WriteString(r.waterfallText(look))
	if len(r.top) > 0 {
		heading("destinations that differ most")
		rows := [][]string{{"", "", "ours", "theirs", "difference"}}
		others := 0
		for _, t := range r.top {
			others = max(others, len(t.direction)+len(t.currency)+len(t.ours.String())+len(t.theirs.String())+len((t.theirs-t.ours).String())+12)
		}
		if r.bill == billInvoice {
			rows[0] = append(rows[0], "invoiced")
			others += 14
		}
		for _, t := range r.top {
			row := []string{cut(t.destination, max(look.Width-others, 12)), t.direction + " " + string(t.currency), t.ours.String(), t.theirs.String(), (t.theirs - t.ours).String()}
			if r.bill == billInvoice {
				row = append(row, t.invoiced.String())
			}
			rows = append(rows, row)
		}
		b.WriteString(columns(rows) + "\n")
	}
	if next := r.next(); len(next) > 0 {
		heading("what to do next")
		for i, n := range next {
			number := fmt.Sprintf("%2d. ", i+1)
			fmt.Fprintln(&b, number+wrapped(n, look.Width-len(number), len(number)))
		}
		b.WriteByte('\n')
	}
	for _, n := range r.Notes {
		fmt.Fprintln(&b, "note: "+wrapped(n, look.Width-6, 6))
	}
	fmt.Fprintf(&b, "%.1f seconds, %.0f records a second\n", r.Seconds, r.Rate)
	return b.String()
}

func count(n uint64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// destinationSum is a destination of a report.
type destinationSum struct {
	direction, destination string
	currency               money.Currency
	ours, theirs, invoiced money.Micro
}

// tops finds the destinations that differ most.
func (c *comparison) tops(l level) ([]destinationSum, error) {
	list, err := l.groups()
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(list, func(a, b both) int {
		return -cmp.Compare(abs(int64(a.difference())), abs(int64(b.difference())))
	})
	var out []destinationSum
	billed := c.billed()
	for i := range list {
		b := &list[i]
		if b.difference() == 0 || len(out) == topDestinations {
			break
		}
		out = append(out, destinationSum{c.pair.Direction(b.way).String(), b.destination, b.currency, b.amount[ours], b.amount[theirs], billed[b.levelKey].amount})
	}
	return out, nil
}

// advice says what to do about each cause.
var advice = [countCauses]string{
	"find out why the same calls are written twice; here they count once",
	"agree on how numbers are written on the trunks named above, E.164 without prefixes, and correct the export",
	"agree on UTC in call records; the trunks named above write another zone",
	"look at the carrier codes of these calls' routes: one side booked them for somebody else, or in the wrong direction",
	"ask the side that lacks a whole stretch for its records of that time: a file is missing, or a switch did not deliver",
	"compare the switches' own counters for these calls; ask for the missing ones by their numbers and times",
	"agree on one record for a call that a switch writes in parts",
	"agree on what counts as answered, and look at the answer signals of these routes",
	"set the clocks by one source (NTP), or agree on a larger start tolerance",
	"agree on whose duration counts and how it is rounded; the evidence says which rule fits",
	"exchange the lists of dial codes, and correct the sheet that lacks some",
	"find the rate notice of each row, and who missed it",
	"agree on the moment from which each new price holds; the evidence names rows and dates",
	"agree on whether prices depend on the origin",
	"agree on where money is rounded: each call, each line or the invoice",
	"find the tax or exchange rate that was applied, and whether it was agreed",
	"find the discount or commitment that was applied, and whether it was agreed",
}

// next says what to do, what has most money first.
func (r *Result) next() []string {
	type step struct {
		weight float64
		text   string
	}
	var steps []step
	for i := range r.Causes {
		f := &r.Causes[i]
		weight := 0.0
		for _, amounts := range f.Amount {
			for _, m := range amounts {
				weight += float64(abs(int64(m)))
			}
		}
		if f.Calls == 0 && weight == 0 {
			continue
		}
		text := fmt.Sprintf("%s: %s", Titles[i], advice[i])
		if f.Evidence != "" {
			text += " (" + f.Evidence + ")"
		}
		steps = append(steps, step{weight, text})
	}
	slices.SortStableFunc(steps, func(a, b step) int { return -cmp.Compare(a.weight, b.weight) })
	var out []string
	for _, s := range []struct {
		name  string
		n     uint64
		first []usage.Reject
	}{{"ours", r.Records.Ours.Rejected, r.Rejects.Ours}, {"theirs", r.Records.Theirs.Rejected, r.Rejects.Theirs}} {
		if len(s.first) > 0 {
			f := s.first[0]
			out = append(out, fmt.Sprintf("%s of %s rejected; the first is line %d: %s (%s). --json lists them", count(s.n, "row"), s.name, f.Line, f.Detail, f.Code))
		}
	}
	for _, n := range []struct {
		side string
		of   uint64
	}{{"our", r.Records.Ours.Unrated}, {"their", r.Records.Theirs.Unrated}} {
		if n.of > 0 {
			out = append(out, fmt.Sprintf("%s of %s records have no rate: complete the sheet and compare again", count(n.of, "call"), n.side))
		}
	}
	for _, s := range steps {
		out = append(out, s.text)
	}
	if !r.Amount.Unexplained.zero() {
		text := "a part is not explained: compare the lines of their invoice with destinations.csv of --out"
		if r.restEvidence != "" {
			text = "a part is not explained: ask them for the calls behind these lines of their invoice (" + r.restEvidence + ")"
		}
		out = append(out, text)
	}
	if r.kept == nil && len(steps) > 0 {
		out = append(out, "see the calls: add --out DIR")
	}
	return out
}

// note keeps a remark for people.
func (r *Result) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}
