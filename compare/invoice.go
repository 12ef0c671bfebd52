package compare

import (
	"bytes"
	"cmp"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/habit"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// InvoiceHeader is the first line of a file with an invoice's lines.
const InvoiceHeader = "carrier_from,carrier_to,period_from,period_to,destination,calls,billed_seconds,rate,currency,amount"

// CodeInvoiceRefused says that a file with an invoice has bad rows.
const CodeInvoiceRefused fault.Code = "invoice-refused"

// InvoiceLine is one line of an invoice as its issuer states it. A line without
// calls and seconds is no usage: a discount, a shortfall.
type InvoiceLine struct {
	Line        uint64 // of its file
	Direction   usage.Direction
	Period      usage.Interval
	Destination string
	Calls       uint64
	Seconds     uint64 // billed
	Rate        money.Rate
	Currency    money.Currency
	Amount      money.Micro
}

// maxInvoice bounds an invoice's file, bytes.
const maxInvoice = 256 << 20

// ReadInvoice reads the lines of an invoice. One bad row refuses it, with code
// [CodeInvoiceRefused]; every bad row, up to a thousand, is named.
func ReadInvoice(r io.Reader) ([]InvoiceLine, []usage.Reject, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxInvoice+1))
	if err != nil {
		return nil, nil, fault.New("unreadable-file", "the invoice cannot be read to its end", "send the file again, whole").Because(err)
	}
	if len(data) > maxInvoice {
		return nil, nil, fault.Newf("unreadable-file", "name the file with the invoice's lines", "the file is larger than %d MiB, more than an invoice can be", maxInvoice>>20)
	}
	in := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
	in.FieldsPerRecord = -1
	head, err := in.Read()
	if err != nil || strings.Join(head, ",") != InvoiceHeader {
		return nil, nil, fault.New("bad-header", "line 1 is not the header of an invoice's lines", "begin the file with the line "+InvoiceHeader).Because(err)
	}
	var (
		lines   []InvoiceLine
		refused rejects
	)
	for {
		f, err := in.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			var at *csv.ParseError
			if !errors.As(err, &at) {
				return nil, nil, err // a reader of bytes has no other
			}
			refused.add(uint64(at.StartLine), invoiceField("", "the quotes of the row do not match"))
			continue
		}
		number, _ := in.FieldPos(0)
		l, err := invoiceLine(f)
		if err != nil {
			refused.add(uint64(number), err)
			continue
		}
		l.Line = uint64(number)
		lines = append(lines, l)
	}
	if refused.count > 0 {
		first := refused.list[0]
		return nil, refused.list, fault.Newf(CodeInvoiceRefused, "correct the rows; an invoice with a bad row is not compared",
			"%d bad rows; the first is line %d: %s", refused.count, first.Line, first.Detail).In(first.Field)
	}
	if len(lines) == 0 {
		return nil, nil, fault.New(CodeInvoiceRefused, "the invoice has no line", "name the file with the invoice's lines")
	}
	return lines, nil, nil
}

func invoiceField(field, format string, args ...any) error {
	return &fault.Error{Code: "bad-field", Field: field, Detail: fmt.Sprintf(format, args...), Remedy: "correct the row"}
}

func invoiceLine(f []string) (l InvoiceLine, err error) {
	if len(f) != 10 {
		return l, invoiceField("", "the row has %d fields, not 10", len(f))
	}
	l.Direction = usage.Direction{From: party.Code(f[0]), To: party.Code(f[1])}
	for i, code := range []party.Code{l.Direction.From, l.Direction.To} {
		if code.Validate() != nil {
			return l, invoiceField([]string{"carrier_from", "carrier_to"}[i], "%.40q is no carrier code", code)
		}
	}
	for i, at := range []*int64{&l.Period.From, &l.Period.To} {
		t, err := time.Parse(time.RFC3339Nano, f[2+i])
		if err != nil {
			return l, invoiceField([]string{"period_from", "period_to"}[i], "%.40q is no RFC 3339 time with zone", f[2+i])
		}
		*at = t.UnixMilli()
	}
	if l.Period.From >= l.Period.To {
		return l, invoiceField("period_to", "the period ends before or when it begins")
	}
	l.Destination = f[4]
	for i, at := range []*uint64{&l.Calls, &l.Seconds} {
		if *at, err = strconv.ParseUint(f[5+i], 10, 63); err != nil {
			return l, invoiceField([]string{"calls", "billed_seconds"}[i], "%.40q is no count", f[5+i])
		}
	}
	if f[7] != "" {
		if l.Rate, err = money.ParseRate(f[7]); err != nil {
			return l, fault.Of(err).In("rate")
		}
	}
	if l.Currency, err = money.ParseCurrency(f[8]); err != nil {
		return l, fault.Of(err).In("currency")
	}
	if l.Amount, err = money.ParseMicro(f[9]); err != nil {
		return l, fault.Of(err).In("amount")
	}
	return l, nil
}

// Remark is what an invoice's own figures show of a cause.
type Remark struct {
	Cause       Cause          `json:"cause"` // empty: not explained
	Direction   string         `json:"direction"`
	Destination string         `json:"destination,omitempty"` // empty: the whole invoice
	Currency    money.Currency `json:"currency"`
	Amount      money.Micro    `json:"amount"`
	Detail      string         `json:"detail"`
	Calls       uint64         `json:"calls"`
}

// priced is calls at one rate.
type priced struct {
	calls, seconds uint64
	amount         money.Micro
}

// group is one destination's calls on the invoice and by their records, by rate.
type group struct {
	flow
	name    string
	invoice map[money.Rate]priced
	records map[money.Rate]priced
	odd     priced // of records: calls whose number a learned rule made right
	twice   priced // rows that repeat others
	rounded uint64 // calls of lines that are rounded otherwise
	unit    uint32
}

// invoiced explains an invoice against their own records rated by their sheet:
// what is not the same is given to the causes of price, rounding, tax and volume
// that the invoice's figures show. It returns the stated totals.
// Lines without usage are compared with what the deal's volume terms make. A bill
// that rounds each call is not nil.
func (c *comparison) invoiced(f *found, bill *callByCall, steps *[countCauses]amounts, calls *[countCauses]uint64, deal amounts) (stated amounts, remarks []Remark, err error) {
	stated = amounts{}
	groups := map[groupKey]*group{}
	at := func(w flow, name string) *group {
		k := groupKey{w, foldName(name)}
		g := groups[k]
		if g == nil {
			g = &group{flow: w, name: name, invoice: map[money.Rate]priced{}, records: map[money.Rate]priced{}, unit: 60}
			groups[k] = g
		}
		return g
	}
	way := f.ladder
	if bill != nil {
		way = bill.ladder
	}
	if err := c.records(way, at); err != nil {
		return nil, nil, err
	}
	e := &explainer{c: c, bill: bill, steps: steps, calls: calls, factor: f.ladder.factor, once: f.ladder.once, rounded: map[flow]uint64{}}
	var usageLines []InvoiceLine
	for _, l := range c.job.TheirInvoice {
		w, err := c.flowOf(l)
		if err != nil {
			return nil, nil, err
		}
		if err := stated.add(w, l.Amount); err != nil {
			return nil, nil, err
		}
		if l.noUsage() {
			cause := atVolumeTerms
			if namesTax(l.Destination) {
				cause = atTaxFX
			}
			if cause == atTaxFX || !c.job.metered() {
				if err := e.say(cause, w, l.Destination, l.Amount, 0, "a line without usage"); err != nil {
					return nil, nil, err
				}
			}
			continue
		}
		usageLines = append(usageLines, l)
	}
	if c.job.metered() {
		if err := e.volume(c.withoutUsage(), deal); err != nil {
			return nil, nil, err
		}
	}
	if err := e.arithmetic(usageLines, at); err != nil {
		return nil, nil, err
	}
	if err := e.compare(groups); err != nil {
		return nil, nil, err
	}
	if bill != nil {
		if err := e.callByCall(f.ladder); err != nil {
			return nil, nil, err
		}
	}
	for _, w := range sortedFlows(e.factor) {
		if err := e.tax(f.ladder, w, e.factor[w], usageLines); err != nil {
			return nil, nil, err
		}
	}
	return stated, e.remarks, nil
}

// taxWords are words in the name of a line that is a tax, in the languages of
// invoices.
var taxWords = []string{"tax", "vat", "gst", "hst", "mwst", "ust", "mehrwertsteuer", "umsatzsteuer", "steuer", "tva", "iva", "btw", "moms", "duty", "levy"}

// namesTax reports whether a line without usage is a tax by its name.
func namesTax(name string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(foldName(name), func(r rune) bool { return !unicode.IsLetter(r) }), func(word string) bool {
		return slices.Contains(taxWords, word)
	})
}

// noUsage reports whether a line is a discount, a shortfall or a fee.
func (l *InvoiceLine) noUsage() bool { return l.Calls == 0 && l.Seconds == 0 }

// withoutUsage sums the invoice's lines without usage that are no tax.
func (c *comparison) withoutUsage() amounts {
	out := amounts{}
	for _, l := range c.job.TheirInvoice {
		if way, ok := c.pair.Way(l.Direction); ok && l.noUsage() && !namesTax(l.Destination) {
			out[flow{way, l.Currency}] += l.Amount
		}
	}
	return out
}

// volume compares the invoice's lines without usage with the deal.
func (e *explainer) volume(stated, deal amounts) error {
	both := maps.Clone(stated)
	for w := range deal {
		both[w] += 0
	}
	for _, w := range sortedFlows(both) {
		if stated[w] == deal[w] {
			continue
		}
		if err := e.say(atVolumeTerms, w, "", stated[w]-deal[w], 0, "the invoice's lines without usage come to %s, the deal's volume terms to %s", stated[w], deal[w]); err != nil {
			return err
		}
	}
	return nil
}

// tax is what the factor makes of our expectation, which all other causes have
// led to.
func (e *explainer) tax(l *ladder, w flow, factor *big.Rat, lines []InvoiceLine) error {
	with, err := l.total(l.sides[ours])
	if err != nil {
		return err
	}
	plain := *l
	plain.factor = nil
	without, err := plain.total(l.sides[ours])
	if err != nil {
		return err
	}
	if with[w] == 0 && without[w] == 0 {
		return nil // an invoice in another currency: see compare
	}
	calls := uint64(0)
	for _, line := range lines {
		if at, err := e.c.flowOf(line); err == nil && at == w {
			calls += line.Calls
		}
	}
	return e.say(atTaxFX, w, "", with[w]-without[w], calls, "all amounts are %s times what seconds and rates make", trimDecimal(factor))
}

// flowOf is the flow of an invoice's line.
func (c *comparison) flowOf(l InvoiceLine) (flow, error) {
	way, ok := c.pair.Way(l.Direction)
	if !ok {
		return flow{}, fault.Newf(CodeInvoiceRefused, "name the invoice between the two carriers", "line %d: %s is not between %s and %s", l.Line, l.Direction, c.pair[0], c.pair[1])
	}
	return flow{way, l.Currency}, nil
}

// factors finds by what the amounts of their invoice are multiplied.
func (c *comparison) factors() (map[flow]*big.Rat, error) {
	product := c.products()
	samples := map[flow][]sample{}
	for _, l := range c.job.TheirInvoice {
		w, err := c.flowOf(l)
		if err != nil {
			return nil, err
		}
		samples[w] = append(samples[w], sample{product(w, l), l.Amount, l.Calls})
	}
	return factorsOf(samples), nil
}

// factorsOf finds by what the amounts of each flow are multiplied.
func factorsOf(samples map[flow][]sample) map[flow]*big.Rat {
	out := map[flow]*big.Rat{}
	for w, s := range samples {
		if v := constantFactor(s); v != nil {
			out[w] = v
		}
	}
	return out
}

// products tells what seconds and rate of an invoice's line make. The unit of a
// rate is that of the destination's rows; a minute where no sheet has it.
func (c *comparison) products() func(flow, InvoiceLine) *big.Rat {
	units := map[groupKey]uint32{}
	for i, row := range c.lines.rows {
		units[groupKey{flow{c.lines.ways[i], row.Currency}, foldName(c.lines.theirName(uint32(i)))}] = row.UnitSeconds
	}
	return func(w flow, l InvoiceLine) *big.Rat {
		unit, ok := units[groupKey{w, foldName(l.Destination)}]
		if !ok {
			unit = 60
		}
		return exact(&rating.Row{Rate: l.Rate, UnitSeconds: unit}, l.Calls, l.Seconds)
	}
}

type groupKey struct {
	flow
	name string
}

// foldName makes the same of a destination's name however its words are spaced
// and written large.
func foldName(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// records puts their rated records into groups.
func (c *comparison) records(l *ladder, at func(flow, string) *group) error {
	for k, s := range l.sides[theirs].all {
		row := c.lines.rows[k.line]
		g := at(l.flowOf(k.line), c.lines.theirName(k.line))
		g.unit = row.UnitSeconds
		amount, err := l.value(k.line, s)
		if err != nil {
			return err
		}
		p := g.records[row.Rate]
		if p.amount, err = p.amount.Add(amount); err != nil {
			return err
		}
		g.records[row.Rate] = priced{p.calls + s.calls, p.seconds + s.seconds, p.amount}
	}
	for _, part := range []struct {
		of *tally
		to func(*group) *priced
	}{{l.odd, func(g *group) *priced { return &g.odd }}, {l.twice[theirs], func(g *group) *priced { return &g.twice }}} {
		for k, s := range part.of.all {
			p := part.to(at(l.flowOf(k.line), c.lines.theirName(k.line)))
			amount, err := l.value(k.line, s)
			if err != nil {
				return err
			}
			if p.amount, err = p.amount.Add(amount); err != nil {
				return err
			}
			p.calls += s.calls
			p.seconds += s.seconds
		}
	}
	return nil
}

// explainer gives parts of the difference to causes.
type explainer struct {
	c       *comparison
	bill    *callByCall // their bill, where it rounds each call
	steps   *[countCauses]amounts
	calls   *[countCauses]uint64
	factor  map[flow]*big.Rat
	once    bool            // see ladder
	rounded map[flow]uint64 // calls of lines that are what their calls make, rounded one by one, and not what their seconds make
	remarks []Remark
}

const unexplained = -1

func (e *explainer) say(cause int, w flow, name string, amount money.Micro, calls uint64, format string, args ...any) error {
	r := Remark{Direction: e.c.pair.Direction(w.way).String(), Destination: name, Currency: w.currency, Amount: amount, Calls: calls, Detail: fmt.Sprintf(format, args...)}
	if cause != unexplained {
		r.Cause = Causes[cause]
		if cause != atNumberFormat { // those are counted where their numbers were put right
			e.calls[cause] += calls
		}
		if err := e.steps[cause].add(w, amount); err != nil {
			return err
		}
	}
	e.remarks = append(e.remarks, r)
	return nil
}

// arithmetic checks the invoice's amounts against its own seconds and rates,
// times the factor: what is at most a rounding of each call is rounding. The
// lines go into the groups with the amounts that their seconds and rates make by
// our rule.
func (e *explainer) arithmetic(lines []InvoiceLine, at func(flow, string) *group) error {
	type own struct {
		InvoiceLine
		ours money.Micro
	}
	all := map[flow][]own{}
	for _, l := range lines {
		way, _ := e.c.pair.Way(l.Direction)
		w := flow{way, l.Currency}
		g := at(w, l.Destination)
		row := &rating.Row{Rate: l.Rate, UnitSeconds: g.unit}
		ours, err := e.c.job.Rounding.taxed(exact(row, l.Calls, l.Seconds), e.factor[w], e.once)
		if err != nil {
			return err
		}
		if k := (ratedKey{groupKey{w, foldName(l.Destination)}, l.Rate}); e.bill != nil && e.bill.fits[k] {
			if l.Amount != ours {
				e.rounded[w] += l.Calls
				g.rounded += l.Calls
			}
			ours = l.Amount
		}
		p := g.invoice[l.Rate]
		if p.amount, err = p.amount.Add(ours); err != nil {
			return err
		}
		g.invoice[l.Rate] = priced{p.calls + l.Calls, p.seconds + l.Seconds, p.amount}
		all[w] = append(all[w], own{l, ours})
	}
	for _, w := range sortedFlows(all) {
		var rounding money.Micro
		var most *big.Rat // largest rounding of a call, in millionths
		off := uint64(0)
		for _, l := range all[w] {
			left := l.Amount - l.ours
			if left == 0 {
				continue
			}
			each := big.NewRat(int64(abs(int64(left))), int64(max(l.Calls, 1)))
			if each.Cmp(big.NewRat(5_000, 1)) > 0 { // half a cent a call
				if err := e.say(unexplained, w, l.Destination, left, l.Calls, "the amount is not the product of the line's seconds and rate"); err != nil {
					return err
				}
				continue
			}
			rounding += left
			off += l.Calls
			at(w, l.Destination).rounded += l.Calls
			if most == nil || each.Cmp(most) > 0 {
				most = each
			}
		}
		if rounding != 0 || off > 0 {
			if err := e.say(atMoneyRounding, w, "", rounding, off, "amounts are rounded otherwise: by up to %s millionths a call", most.FloatString(2)); err != nil {
				return err
			}
		}
	}
	return nil
}

// callByCall says what the rounding of each call makes of our expectation, which
// the causes of records and prices have led to.
func (e *explainer) callByCall(expected *ladder) error {
	theirs, err := e.bill.total(e.bill.sides[ours])
	if err != nil {
		return err
	}
	mine, err := expected.total(expected.sides[ours])
	if err != nil {
		return err
	}
	rule := e.bill.round
	for _, w := range sortedFlows(mine) {
		if diff := theirs[w] - mine[w]; diff != 0 || e.rounded[w] > 0 {
			if err := e.say(atMoneyRounding, w, "", diff, e.rounded[w], "each call is rounded %s to %d places (%s); we round %s", rule.Mode, rule.Places, rule, e.c.job.Rounding); err != nil {
				return err
			}
		}
	}
	return nil
}

// sample is a line's product of seconds and rate, and its stated amount.
type sample struct {
	exact  *big.Rat
	stated money.Micro
	calls  uint64
}

// constantFactor finds the one decimal number of fewest places, other than 1, by
// which all amounts differ from what seconds and rates make, as far as a
// rounding of each call allows to say; nil when there is none.
func constantFactor(lines []sample) *big.Rat {
	var low, high *big.Rat
	for _, l := range lines {
		if l.exact.Sign() == 0 {
			continue
		}
		slack := new(big.Rat).SetFrac64(int64(l.calls)+1, 1_000_000)
		stated := new(big.Rat).SetFrac64(int64(l.stated), 1_000_000)
		from := new(big.Rat).Quo(new(big.Rat).Sub(stated, slack), l.exact)
		to := new(big.Rat).Quo(new(big.Rat).Add(stated, slack), l.exact)
		if low == nil || from.Cmp(low) > 0 {
			low = from
		}
		if high == nil || to.Cmp(high) < 0 {
			high = to
		}
	}
	one := big.NewRat(1, 1)
	if low == nil || low.Cmp(high) > 0 || low.Cmp(one) <= 0 && one.Cmp(high) <= 0 {
		return nil
	}
	for places := range 10 {
		scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(places)), nil)
		// The next decimal of so many places at or above low.
		n := new(big.Int).Mul(low.Num(), scale)
		q, rest := new(big.Int).QuoRem(n, low.Denom(), new(big.Int))
		if rest.Sign() > 0 {
			q.Add(q, big.NewInt(1))
		}
		if v := new(big.Rat).SetFrac(q, scale); v.Cmp(high) <= 0 && v.Cmp(one) != 0 {
			return v
		}
	}
	return nil
}

func trimDecimal(v *big.Rat) string {
	s := v.FloatString(10)
	return strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
}

// compare explains why a destination's lines are not what their records make.
func (e *explainer) compare(groups map[groupKey]*group) error {
	other, err := e.currencies(groups)
	if err != nil {
		return err
	}
	pools := map[flow][]*group{} // of other calls than their records have
	for _, k := range slices.SortedFunc(maps.Keys(groups), func(a, b groupKey) int {
		return cmp.Or(cmp.Compare(a.way, b.way), cmp.Compare(a.currency, b.currency), cmp.Compare(a.name, b.name))
	}) {
		g := groups[k]
		in, mine := total(g.invoice), total(g.records)
		diff := in.amount - mine.amount
		switch {
		case other[g]:
		case in.calls == mine.calls:
			if err := e.rates(g, diff); err != nil {
				return err
			}
		case g.odd.calls > 0 && in.calls == mine.calls-g.odd.calls:
			if err := e.say(atNumberFormat, g.flow, g.name, -g.odd.amount, g.odd.calls, "the invoice leaves out calls whose numbers are written differently"); err != nil {
				return err
			}
			if left := diff + g.odd.amount; left != 0 {
				if err := e.rates(g, left); err != nil {
					return err
				}
			}
		default:
			pools[g.flow] = append(pools[g.flow], g)
		}
	}
	for _, w := range sortedFlows(pools) {
		pool := pools[w]
		var in, mine priced
		names := []string{}
		for _, g := range pool {
			a, b := total(g.invoice), total(g.records)
			in = priced{in.calls + a.calls, in.seconds + a.seconds, in.amount + a.amount}
			mine = priced{mine.calls + b.calls, mine.seconds + b.seconds, mine.amount + b.amount}
			names = append(names, g.name)
		}
		if in.calls == mine.calls && len(pool) > 1 {
			moved := uint64(0)
			for _, g := range pool {
				if a, b := total(g.invoice).calls, total(g.records).calls; a > b {
					moved += a - b
				}
			}
			if err := e.say(atDialCode, w, strings.Join(names[:min(len(names), 8)], ", "), in.amount-mine.amount, moved, "calls stand under other destinations than their numbers' prefixes say"); err != nil {
				return err
			}
			continue
		}
		for _, g := range pool {
			a, b := total(g.invoice), total(g.records)
			detail := fmt.Sprintf("the invoice has %d calls, their records have %d", a.calls, b.calls)
			if g.twice.calls > 0 && a.calls == b.calls+g.twice.calls {
				detail += "; with rows that repeat others they are as many"
			}
			if err := e.say(unexplained, w, g.name, a.amount-b.amount, max(a.calls, b.calls)-min(a.calls, b.calls), "%s", detail); err != nil {
				return err
			}
		}
	}
	return nil
}

// currencies finds destinations that are invoiced in another currency than their
// sheet has, with as many calls as their records. Such a destination leaves the
// one currency and stands in the other, for which exchange is the cause.
func (e *explainer) currencies(groups map[groupKey]*group) (done map[*group]bool, err error) {
	done = map[*group]bool{}
	order := slices.SortedFunc(maps.Keys(groups), func(a, b groupKey) int {
		return cmp.Or(cmp.Compare(a.way, b.way), cmp.Compare(a.name, b.name), cmp.Compare(a.currency, b.currency))
	})
	for _, k := range order {
		stated := groups[k]
		if len(stated.invoice) == 0 || len(stated.records) > 0 {
			continue
		}
		for _, m := range order {
			rated := groups[m]
			if m.way != k.way || m.name != k.name || len(rated.invoice) > 0 || done[rated] {
				continue
			}
			in, mine := total(stated.invoice), total(rated.records)
			if in.calls != mine.calls {
				continue
			}
			done[stated], done[rated] = true, true
			if err := e.say(atTaxFX, stated.flow, stated.name, in.amount, in.calls, "the invoice is in %s, the sheet in %s", k.currency, m.currency); err != nil {
				return nil, err
			}
			if err := e.say(atTaxFX, rated.flow, rated.name, -mine.amount, 0, "the invoice is in %s, the sheet in %s", k.currency, m.currency); err != nil {
				return nil, err
			}
			break
		}
	}
	return done, nil
}

func total(m map[money.Rate]priced) (p priced) {
	for _, v := range m {
		p.calls += v.calls
		p.seconds += v.seconds
		p.amount += v.amount
	}
	return p
}

// rates explains a destination with as many calls as their records have.
func (e *explainer) rates(g *group, diff money.Micro) error {
	in, mine := total(g.invoice), total(g.records)
	var strange []money.Rate // rates that their records do not come to
	for r := range g.invoice {
		if _, ok := g.records[r]; !ok {
			strange = append(strange, r)
		}
	}
	slices.Sort(strange)
	moved := uint64(0) // calls at another rate
	for r, p := range g.invoice {
		if q := g.records[r]; p.calls > q.calls {
			moved += p.calls - q.calls
		}
	}
	switch {
	case diff == 0 && len(strange) == 0 && moved == 0:
		return nil
	case len(strange) == 0 && moved == 0 && in.seconds == mine.seconds:
		return e.say(atMoneyRounding, g.flow, g.name, diff, in.calls-min(in.calls, g.rounded), "the same seconds and rates make another amount, rounded in other lines")
	case len(strange) == 0 && moved == 0:
		return e.say(atDurationRounding, g.flow, g.name, diff, in.calls, "%d billed seconds, their records make %d", in.seconds, mine.seconds)
	case len(strange) == 0 && len(g.invoice) > 1:
		return e.say(atLatePrice, g.flow, g.name, diff, moved, "the price changes at another time: other numbers of calls at the same rates")
	case len(strange) == 0:
		return e.say(atRateVersion, g.flow, g.name, diff, moved, "all calls are at the rate %s", keyOf(g.invoice))
	case e.c.known(g, strange):
		if len(g.invoice) > 1 && len(g.records) > 1 {
			return e.say(atLatePrice, g.flow, g.name, diff, moved, "the rates of another time: %s", rateList(strange))
		}
		return e.say(atRateVersion, g.flow, g.name, diff, moved, "another version of the rate: %s", rateList(strange))
	case len(g.invoice) > len(g.records) && e.c.byOrigin(g, strange):
		return e.say(atOriginSurcharge, g.flow, g.name, diff, moved, "calls of some origins are at %s", rateList(strange))
	}
	return e.say(atRateVersion, g.flow, g.name, diff, moved, "a rate that no sheet has: %s", rateList(strange))
}

func keyOf(m map[money.Rate]priced) money.Rate {
	for r := range m {
		return r
	}
	return 0
}

func rateList(rates []money.Rate) string {
	var s []string
	for _, r := range rates {
		s = append(s, r.String())
	}
	return strings.Join(s, ", ")
}

// known reports whether all rates are ones that a sheet has for the destination
// at some time.
func (c *comparison) known(g *group, rates []money.Rate) bool {
	have := map[money.Rate]bool{}
	for _, book := range c.lines.sheets {
		for _, row := range book[g.way].Rows() {
			if foldName(row.Destination) == foldName(g.name) && row.Currency == g.currency {
				have[row.Rate] = true
			}
		}
	}
	for _, r := range rates {
		if !have[r] {
			return false
		}
	}
	return true
}

// theirName is what their sheet calls the destination of a line.
func (l *lines) theirName(line uint32) string {
	if name, ok := l.theirNames[line]; ok {
		return name
	}
	return l.rows[line].Destination
}

// byOrigin reports whether the calls at strange rates are just those of some
// origins: of one or more country codes, or of all but some.
func (c *comparison) byOrigin(g *group, strange []money.Rate) bool {
	var want priced
	for _, r := range strange {
		p := g.invoice[r]
		want.calls += p.calls
		want.seconds += p.seconds
	}
	byCountry, err := c.origins(g)
	if err != nil {
		return false
	}
	var all priced
	for _, p := range byCountry {
		all.calls += p.calls
		all.seconds += p.seconds
	}
	for _, p := range byCountry {
		if p.calls == want.calls && p.seconds == want.seconds || all.calls-p.calls == want.calls && all.seconds-p.seconds == want.seconds {
			return true
		}
	}
	return false
}

// origins sums a destination's calls by the country of the caller.
func (c *comparison) origins(g *group) (map[uint64]priced, error) {
	out := map[uint64]priced{}
	p := &parts{c: c, price: pricer{lines: c.lines}, found: found{ladder: newLadder(c.lines, c.job.Rounding)}}
	for n := range 1 << c.files[theirs].bits {
		if err := p.gather(n, theirs); err != nil {
			return nil, err
		}
		p.unique(theirs)
		for i := range p.calls[theirs] {
			call := &p.calls[theirs][i]
			if !call.success() || call.way != g.way {
				continue
			}
			at := p.price.spot(theirs, call, call.start, call.duration)
			if at.line == nothing || foldName(c.lines.theirName(at.line)) != foldName(g.name) {
				continue
			}
			k := country(call.origin)
			v := out[k]
			out[k] = priced{calls: v.calls + 1, seconds: v.seconds + uint64(at.seconds)}
		}
	}
	return out, nil
}

// country is the country code that a number begins with; 0 for none.
func country(n uint64) uint64 {
	d := digitsOf(n)
	for k := 1; k <= 3 && k < d; k++ {
		if code := n / tens[d-k]; habit.IsCountry(code) {
			return code
		}
	}
	return 0
}
