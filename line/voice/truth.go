package voice

import (
	"bufio"
	"fmt"
	"io"
	"math/big"
	"slices"

	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/usage"
)

// Truth is what generated files hold. It is counted call by call with a plain
// search and big integers, apart from the code that it checks. The whole file is
// one period.
//
// The amounts of the causes lead from their bill to ours: in the order of
// [Kinds] what a kind made wrong is put right, and its amount is by how much the
// rounded bill falls. The first bill is their invoice's total, or without an
// invoice their records by their sheet; the last is ours. Only duplicate stands
// outside: its amount is what their duplicates would have added, less ours.
type Truth struct {
	Seed       uint64       `json:"seed"`
	Plan       TruePlan     `json:"plan"`
	Records    TrueRecords  `json:"records"`
	Matched    TrueMatched  `json:"matched"`
	OnlyOurs   uint64       `json:"only_ours"`
	OnlyTheirs uint64       `json:"only_theirs"`
	Totals     TrueTotals   `json:"totals"`
	Causes     []TrueCause  `json:"causes"` // those that are planted, in the order of Kinds
	Invoice    *TrueInvoice `json:"invoice,omitempty"`
	Trunks     []TrueTrunk  `json:"trunks,omitempty"`
	Prefixes   []TruePrefix `json:"prefixes,omitempty"`
	Blocks     []TrueBlock  `json:"blocks,omitempty"`
	Floods     []TrueFlood  `json:"floods,omitempty"` // by beginning
}

// TruePlan is the plan that was carried out.
type TruePlan struct {
	Ours     string         `json:"ours"`
	Theirs   string         `json:"theirs"`
	Span     usage.Interval `json:"span"`
	Calls    uint64         `json:"calls"`
	Prefixes int            `json:"prefixes"`
	Currency money.Currency `json:"currency"`
	Plant    Plant          `json:"plant"`
	Shape    Shape          `json:"shape,omitempty"`
}

// TrueRecords counts the rows of each side, as a reader that has learned how
// trunks write numbers finds them.
type TrueRecords struct {
	Ours   TrueRows `json:"ours"`
	Theirs TrueRows `json:"theirs"`
}

// TrueRows counts rows: read = accepted + rejected + duplicate. Rejected are
// those that name a third carrier.
type TrueRows struct {
	Read      uint64 `json:"read"`
	Accepted  uint64 `json:"accepted"`
	Rejected  uint64 `json:"rejected"`
	Duplicate uint64 `json:"duplicate"`
}

// TrueMatched counts pairs of answered calls: by billed seconds and by the
// starts that the files state. Pairs in RawOnly are in Exact or Skewed as well.
type TrueMatched struct {
	Exact    uint64 `json:"exact"`
	Skewed   uint64 `json:"skewed"`
	Duration uint64 `json:"duration"`
	RawOnly  uint64 `json:"raw_only"`
}

// Amounts are decimal amounts by direction and currency.
type Amounts map[string]map[money.Currency]money.Micro

// TrueTotals are each side's records priced by its own sheet, duplicates once,
// rounded half-up once for each sheet row and direction; and what their invoice
// adds up to.
type TrueTotals struct {
	Ours    Amounts `json:"ours"`
	Theirs  Amounts `json:"theirs"`
	Invoice Amounts `json:"invoice,omitempty"`
}

// TrueCause is one planted kind.
type TrueCause struct {
	Cause  Kind      `json:"cause"`
	Calls  TrueCalls `json:"calls"`
	Amount Amounts   `json:"amount"`
}

// TrueCalls counts answered calls that a kind made differ, by the side that is
// wrong.
type TrueCalls struct {
	Ours   uint64 `json:"ours"`
	Theirs uint64 `json:"theirs"`
}

// TrueInvoice says how their invoice was made.
type TrueInvoice struct {
	Rounding string `json:"rounding"` // what is rounded, how, to how many decimals
	Factor   string `json:"factor"`   // of each line's rounded amount, which is rounded half-up again
	Discount Share  `json:"discount"` // of each direction's total, as a line of its own
}

// TrueTrunk is a trunk that is wrong as a whole.
type TrueTrunk struct {
	Cause  Kind   `json:"cause"`
	Form   string `json:"form"`
	Ours   string `json:"ours"`
	Theirs string `json:"theirs"`
}

// TruePrefix is a prefix that one sheet has or prices otherwise.
type TruePrefix struct {
	Cause  Kind   `json:"cause"`
	Form   string `json:"form"`
	Prefix string `json:"prefix"`
}

// TrueBlock is a stretch of time in which one side lacks the calls of a trunk.
type TrueBlock struct {
	Side  string         `json:"side"`
	Trunk string         `json:"trunk"` // the other side's name
	Span  usage.Interval `json:"span"`  // of starts
}

// cell sums calls of one line.
type cell struct {
	calls, seconds int64 // seconds are billed
	micro          int64 // sum of calls that are rounded up one by one
}

func (c *cell) add(d cell, sign int64) {
	c.calls += sign * d.calls
	c.seconds += sign * d.seconds
	c.micro += sign * d.micro
}

// sums is what a generator remembers of its calls: it grows with the sheet, not
// with the calls.
type sums struct {
	*world
	bill    [2][]cell           // theirs, by way and line
	right   [][2]map[int32]cell // by kind and way: what putting it right adds
	again   [2][2]map[int32]cell
	rows    [2]TrueRows
	planted [][2]uint64
	matched TrueMatched
	only    [2]uint64
}

func newSums(w *world) *sums {
	s := &sums{world: w, right: make([][2]map[int32]cell, len(Kinds)), planted: make([][2]uint64, len(Kinds))}
	for i := range s.bill {
		s.bill[i] = make([]cell, len(w.lines))
	}
	for i := range s.right {
		s.right[i] = [2]map[int32]cell{{}, {}}
	}
	for side := range s.again {
		s.again[side] = [2]map[int32]cell{{}, {}}
	}
	return s
}

// charged is an answered call with its line.
type charged struct {
	*call
	line int32
	cell
}

// add counts what the sides have of one call.
func (s *sums) add(both *[2]records) {
	if c := &both[oursSide].all[0]; c.fate < 0 && both[oursSide].n == both[theirsSide].n {
		for side := range s.rows { // both have it alike
			s.rows[side].Read++
			s.rows[side].Accepted++
		}
		if c.Result == usage.Success {
			x := s.charge(theirsSide, c)
			s.bill[c.Way][x.line].add(x.cell, 1)
			s.matched.Exact++
		}
		return
	}
	var calls [2][]charged
	var room [2][3]charged
	again := false
	for side := range both {
		calls[side] = room[side][:0]
		rows := &s.rows[side]
		for i := range both[side].list() {
			c := &both[side].all[i]
			rows.Read++
			if c.third {
				rows.Rejected++
				continue
			}
			rows.Accepted++
			if c.Result == usage.Success {
				calls[side] = append(calls[side], s.charge(side, c))
			}
			if c.again != none {
				rows.Read++
				rows.Duplicate++
				if c.Result == usage.Success {
					again = true
					x := &calls[side][0]
					put(s.again[side][c.Way], x.line, x.cell, 1)
				}
			}
		}
	}
	ours, theirs := calls[oursSide], calls[theirsSide]
	for i := range theirs {
		s.bill[theirs[i].Way][theirs[i].line].add(theirs[i].cell, 1)
	}
	s.match(ours, theirs)
	kind, side := blockKind, theirsSide
	if f := both[oursSide].all[0].fate; f >= 0 {
		kind, side = s.fates[f].index, s.fates[f].side
	} else if both[oursSide].n == 0 {
		side = oursSide
	}
	differ := !slices.EqualFunc(ours, theirs, func(a, b charged) bool {
		return a.Start == b.Start && a.Duration == b.Duration && a.line == b.line
	})
	if differ {
		for i := range theirs {
			put(s.right[kind][theirs[i].Way], theirs[i].line, theirs[i].cell, -1)
		}
		for i := range ours {
			put(s.right[kind][ours[i].Way], ours[i].line, ours[i].cell, 1)
		}
	}
	if differ || again || len(ours) > 0 && Kinds[kind] == "number_format" {
		s.planted[kind][side]++
	}
}

func put(in map[int32]cell, line int32, c cell, sign int64) {
	sum := in[line]
	sum.add(c, sign)
	in[line] = sum
}

// charge prices a call by its side's sheet.
func (s *sums) charge(side int, c *call) charged {
	x := charged{call: c, line: s.cost(side, c.prefix, c.Start, c.Origin)}
	t := &s.terms[x.line]
	x.cell = cell{calls: 1, seconds: billed(t.minimum, t.increment, c.Duration)}
	if s.invoice.single {
		per := int64(t.unit) * 1000
		x.micro = (x.seconds*t.rate + per - 1) / per
	}
	return x
}

// billed rounds a duration (ms) to seconds as a row says.
func billed(minimum, increment, duration uint32) int64 {
	s := (int64(duration) + 999) / 1000
	if s == 0 {
		return 0
	}
	over := max(0, s-int64(minimum))
	return int64(minimum) + (over+int64(increment)-1)/int64(increment)*int64(increment)
}

// match counts pairs. Of a call in several rows the first is paired: they are
// further apart than starts are let differ by.
func (s *sums) match(ours, theirs []charged) {
	if len(ours) > 0 && len(theirs) > 0 {
		a, b := &ours[0], &theirs[0]
		switch {
		case a.seconds != b.seconds:
			s.matched.Duration++
		case a.Start != b.Start:
			s.matched.Skewed++
		default:
			s.matched.Exact++
		}
		if a.Duration != b.Duration && a.seconds == b.seconds {
			s.matched.RawOnly++
		}
		ours, theirs = ours[1:], theirs[1:]
	}
	s.only[oursSide] += uint64(len(ours))
	s.only[theirsSide] += uint64(len(theirs))
}

// rounding is how a bill becomes money.
type rounding struct {
	single   bool  // each call is rounded, up; else each line, half-up
	factor   Share // beyond one
	discount Share
}

// Invoice reports whether they send an invoice that their sheet alone does not
// explain.
func (g *Generator) Invoice() bool { return g.invoice != rounding{} }

// halfUp divides two numbers that are not negative, rounding halves up.
func halfUp(n, d *big.Int) *big.Int {
	n = new(big.Int).Add(new(big.Int).Lsh(n, 1), d)
	return n.Quo(n, new(big.Int).Lsh(d, 1))
}

var million = big.NewInt(1_000_000)

// amount gives a line's money in millionths.
func (w *world) amount(line int32, c cell, how rounding) *big.Int {
	r := &w.lines[line]
	n := big.NewInt(c.micro)
	if !how.single {
		n = new(big.Int).Mul(big.NewInt(c.seconds), big.NewInt(int64(r.Rate)))
		n = halfUp(n, big.NewInt(int64(r.UnitSeconds)*1000))
	}
	if how.factor > 0 {
		n = halfUp(n.Mul(n, big.NewInt(1_000_000+int64(how.factor))), million)
	}
	return n
}

// total adds up the lines of one way.
func (w *world) total(bill []cell, how rounding) *big.Int {
	sum := new(big.Int)
	for line, c := range bill {
		if c.calls != 0 {
			sum.Add(sum, w.amount(int32(line), c, how))
		}
	}
	return sum
}

func discount(total *big.Int, share Share) *big.Int {
	return halfUp(new(big.Int).Mul(total, big.NewInt(int64(share))), million)
}

// ladder gives, for one way, what putting each kind right takes off their bill,
// their bill by itself, and ours.
func (s *sums) ladder(way int) (amounts []*big.Int, theirs, invoice, ours *big.Int) {
	bill := slices.Clone(s.bill[way])
	how := s.invoice
	theirs = s.total(bill, rounding{})
	now := s.total(bill, how)
	off := discount(now, how.discount)
	now.Sub(now, off)
	invoice = new(big.Int).Set(now)
	for kind, k := range Kinds {
		before := new(big.Int).Set(now)
		switch k {
		case "money_rounding":
			how.single = false
		case "tax_fx":
			how.factor = 0
		case "volume_terms":
			off = new(big.Int)
		}
		if kind < invoiceKind {
			for line, c := range s.right[kind][way] {
				now.Sub(now, s.amount(line, bill[line], how))
				bill[line].add(c, 1)
				now.Add(now, s.amount(line, bill[line], how))
			}
		} else {
			now.Sub(s.total(bill, how), off)
		}
		amounts = append(amounts, before.Sub(before, now))
	}
	for side, sign := range []int64{-1, 1} {
		// bill is ours by now; theirs is as it was.
		of := [2][]cell{bill, s.bill[way]}[side]
		for line, c := range s.again[side][way] {
			more := of[line]
			more.add(c, 1)
			added := new(big.Int).Sub(s.amount(line, more, rounding{}), s.amount(line, of[line], rounding{}))
			amounts[0].Add(amounts[0], added.Mul(added, big.NewInt(sign)))
		}
	}
	return amounts, theirs, invoice, now
}

// Truth gives what was generated so far.
func (g *Generator) Truth() Truth {
	p, s := g.plan, g.sums
	t := Truth{
		Seed: p.Seed, Plan: TruePlan{string(p.Ours), string(p.Theirs), p.Span, g.calls, p.Prefixes, p.Currency, Plant{}, p.Shape},
		Records: TrueRecords{s.rows[oursSide], s.rows[theirsSide]}, Matched: s.matched, OnlyOurs: s.only[oursSide], OnlyTheirs: s.only[theirsSide],
		Totals: TrueTotals{Ours: Amounts{}, Theirs: Amounts{}}, Causes: []TrueCause{},
	}
	for k, share := range p.Plant {
		if share > 0 {
			t.Plan.Plant[k] = share
		}
	}
	if g.Invoice() {
		t.Totals.Invoice = Amounts{}
		t.Invoice = &TrueInvoice{"line:half-up:6", (money.Micro(1_000_000) + money.Micro(p.Plant["tax_fx"])).String(), p.Plant["volume_terms"]}
		if g.invoice.single {
			t.Invoice.Rounding = "call:up:6"
		}
	}
	for i, k := range Kinds {
		if p.Plant.has(k) {
			t.Causes = append(t.Causes, TrueCause{k, TrueCalls{s.planted[i][oursSide], s.planted[i][theirsSide]}, Amounts{}})
		}
	}
	for way := range s.bill {
		amounts, theirs, invoice, ours := s.ladder(way)
		set := func(in Amounts, n *big.Int) {
			in[g.direction(way).String()] = map[money.Currency]money.Micro{p.Currency: money.Micro(n.Int64())}
		}
		set(t.Totals.Ours, ours)
		set(t.Totals.Theirs, theirs)
		if t.Invoice != nil {
			set(t.Totals.Invoice, invoice)
		}
		for i := range t.Causes {
			set(t.Causes[i].Amount, amounts[slices.Index(Kinds, t.Causes[i].Cause)])
		}
	}
	for i := range g.fates {
		f := &g.fates[i]
		if f.trunk > 0 {
			t.Trunks = append(t.Trunks, TrueTrunk{f.kind, f.name, fmt.Sprint("T", f.trunk), fmt.Sprint("TG", f.trunk)})
		}
		for _, at := range f.prefixes {
			t.Prefixes = append(t.Prefixes, TruePrefix{f.kind, f.name, g.prefixes[at].text})
		}
	}
	for side, blocks := range g.blocks {
		b := [2]TrueBlock{{Side: "ours", Trunk: "TG1"}, {Side: "theirs", Trunk: "T2"}}[side]
		for _, b.Span = range blocks {
			t.Blocks = append(t.Blocks, b)
		}
	}
	t.Floods = slices.Clone(g.floods)
	return t
}

func (w *world) direction(way int) usage.Direction {
	d := usage.Direction{From: w.plan.Ours, To: w.plan.Theirs}
	if usage.Way(way) == usage.Back {
		return d.Back()
	}
	return d
}

// InvoiceHeader is the first line of a carrier's invoice.
const InvoiceHeader = "carrier_from,carrier_to,period_from,period_to,destination,calls,billed_seconds,rate,currency,amount"

// WriteInvoice writes what they bill for the calls so far, a line for each price
// and direction: all that their records cost by their sheet, in both directions.
func (g *Generator) WriteInvoice(w io.Writer) error {
	out := bufio.NewWriter(w)
	fmt.Fprintln(out, InvoiceHeader)
	how := g.invoice
	order := make([]int32, len(g.lines))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, g.orderOfLines)
	for way, bill := range g.sums.bill {
		d := g.direction(way)
		begin := fmt.Sprintf("%s,%s,%s,%s", d.From, d.To, usage.Stamp(g.plan.Span.From), usage.Stamp(g.plan.Span.To))
		for _, line := range order {
			if c := bill[line]; c.calls > 0 {
				r := &g.lines[line]
				fmt.Fprintf(out, "%s,%s,%d,%d,%s,%s,%s\n", begin, quoted(r.Destination), c.calls, c.seconds, r.Rate, r.Currency,
					money.Micro(g.amount(line, c, how).Int64()))
			}
		}
		if how.discount > 0 {
			off := discount(g.total(bill, how), how.discount)
			fmt.Fprintf(out, "%s,Volume discount,0,0,%s,%s,%s\n", begin, money.Rate(0), g.plan.Currency, money.Micro(off.Neg(off).Int64()))
		}
	}
	return out.Flush()
}
