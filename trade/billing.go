package trade

import (
	"bytes"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Codes of refusals about billing periods.
const (
	// CodeOrderState says that the order's state does not allow rating or an
	// invoice (MEF 114 [R60], [R69]).
	CodeOrderState fault.Code = "order-state"
	// CodeNotOrdered says that the order does not cover the period, or what a line
	// is about.
	CodeNotOrdered fault.Code = "not-ordered"
	// CodeMisaligned says that the interval is no period of the agreed cycle.
	CodeMisaligned fault.Code = "interval-misaligned"
	// CodeNotRequested says that nobody has requested rating of the period
	// ([R62]).
	CodeNotRequested fault.Code = "rating-not-requested"
	// CodeRowNotProven says that a line names a row that no one has shown to be
	// in an accepted sheet ([R65]).
	CodeRowNotProven fault.Code = "row-not-proven"
	// CodeRowNotInForce says that no call of the period can be priced by the
	// row.
	CodeRowNotInForce fault.Code = "row-not-in-force"
)

func ratingRequest(t *tx, b RatingRequest) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	o, ok := get[order.Order](t, OrderKey(b.Period.Order))
	if !ok {
		return notFound("period.order", "order", b.Period.Order)
	}
	i := b.Period.Interval
	if err := i.Validate(); err != nil || i.From < 0 {
		return invalid("period.interval", "the interval is no span of time since 1970", "name beginning and end in ms since 1970")
	}
	key := PeriodKey(o.ID, i)
	before, there := get[invoice.Period](t, key)
	if there && before.Interval != i {
		return conflict("period.interval", "ask for the period of the agreed cycle", "it overlaps the period %s", before.Interval)
	}
	if _, again := before.State.Next(invoice.PeriodAgain); there && !again {
		return nil // the other side, or this one, has asked before
	}
	if !order.Allows[o.State].Rating {
		return fault.Newf(CodeOrderState, "resume or accept the order first", "order %s is %s, which allows no rating", o.ID, o.State).In("period.order")
	}
	a, _ := get[agreement.Agreement](t, AgreementKey(o.Agreement))
	if err := t.covered(a, o, i); err != nil {
		return err
	}
	v, _ := a.At(i.From)
	terms := t.termsOf(v.Terms)
	c, err := t.calendar(terms)
	if err != nil {
		return err
	}
	if c.At(i.From) != i {
		return fault.Newf(CodeMisaligned, "ask for a period of the agreed cycle", "%s is no period of the cycle %s %s", i, terms.Cycle, terms.Zone).In("period.interval")
	}
	if !terms.PastPeriods && t.ctx.Block.Time < i.To+terms.GraceMillis {
		return fault.Newf(fault.NotYet, "ask again when it is over", "the period %s is not over, with its grace", i).In("period.interval")
	}
	if err := t.attested(terms); err != nil {
		return err
	}
	standing := StandingKey(directionOf(o), o.Spec.Line)
	s, _ := get[Standing](t, standing)
	if s.Order == o.ID && i.To > s.Last {
		s.Last = i.To
		t.put(standing, s)
	}
	t.put(key, invoice.Period{Order: o.ID, Interval: i, Direction: directionOf(o), Agreement: a.ID, Terms: v.Terms, State: invoice.PeriodRequested, Requested: t.own,
		Stage: string(agreement.StageRequest), Deadline: t.until(terms, agreement.StageRequest)})
	t.emit(EventPeriodRequested, key, "")
	return nil
}

// covered refuses a period that the agreement or the order does not cover
// (MEF 114 [R59], [R61]).
func (t *tx) covered(a agreement.Agreement, o order.Order, i usage.Interval) error {
	active := a.State == agreement.Active || a.State == agreement.Terminated && i.From < a.Ends
	if !active || i.To <= a.From || a.Until != 0 && i.From >= a.Until {
		return fault.Newf(CodeNoAgreement, "sign an agreement that covers it", "agreement %s is %s and does not cover the period %s", a.ID, a.State, i).In("period.interval")
	}
	if i.To <= o.From || i.From < o.Begins || o.Until != 0 && i.From >= o.Until {
		return fault.Newf(CodeNotOrdered, "place an order that covers it", "order %s does not cover the period %s", o.ID, i).In("period.interval")
	}
	return nil
}

// billing is a period with all that is needed to work on it.
type billing struct {
	key    string
	period invoice.Period
	order  order.Order
	terms  agreement.Terms
	seller party.Code
	buyer  party.Code
}

// open finds a period and what stands around it.
func (t *tx) open(r PeriodRef) (billing, error) {
	b := billing{key: PeriodKey(r.Order, r.Interval)}
	p, ok := get[invoice.Period](t, b.key)
	if !ok || p.Interval != r.Interval || p.Order != r.Order {
		return b, fault.Newf(CodeNotRequested, "send rating.request for it first", "rating of the period %s of order %.40q was not requested", r.Interval, r.Order).In("period")
	}
	return t.around(b.key, p), nil
}

func (t *tx) around(key string, p invoice.Period) billing {
	o, _ := again[order.Order](t, OrderKey(p.Order)) // none: a bill for products
	return billing{key, p, o, t.termsOf(p.Terms), p.Direction.To, p.Direction.From}
}

func (b *billing) side(c party.Code) (*invoice.Side, Side) {
	if c == b.seller {
		return &b.period.Seller, SellerSide
	}
	return &b.period.Buyer, BuyerSide
}

func (t *tx) save(b billing) { t.put(b.key, b.period) }

// move asks the table for the period's next state.
func (b *billing) move(e invoice.PeriodEvent) error {
	next, ok := b.period.State.Next(e)
	if !ok {
		return wrongState("period", b.key, string(b.period.State), string(e))
	}
	b.period.State = next
	return nil
}

// deadline sets what a period waits for; an empty stage: nothing.
func (t *tx) deadline(b *billing, s agreement.Stage) {
	if s == "" {
		b.period.Stage, b.period.Deadline = "", 0
		return
	}
	b.period.Stage, b.period.Deadline = string(s), t.until(b.terms, s)
}

// until gives the deadline of a stage that begins now; block time, ms UTC.
func (t *tx) until(terms agreement.Terms, s agreement.Stage) int64 {
	return t.ctx.Block.Time + terms.Deadline(s).Millis
}

// Bounds of a statement.
const (
	maxParts = 4096
	maxLines = 1 << 24
)

func usageState(t *tx, u UsageState) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	b, err := t.open(u.Period)
	if err != nil {
		return err
	}
	if u.Of == 0 || u.Of > maxParts || u.Part == 0 || u.Part > u.Of {
		return invalid("part", "the parts are numbered wrongly", "number them from 1, at most 4096")
	}
	side, which := b.side(t.own)
	part := canon.Must(Statement{u.Lines})
	if side.Of != 0 && u.Part <= side.Parts {
		if t.repeats(*side, which, u, part) {
			return nil
		}
		if side.Complete() || u.Part != 1 {
			return conflict("root", "a side states a period once; late records go into the next period", "another statement of %s stands", b.key)
		}
		t.withdrawParts(side, which, u.Period)
	}
	if b.period.State != invoice.PeriodRequested && b.period.State != invoice.PeriodStated {
		return wrongState("period", b.key, string(b.period.State), "a statement")
	}
	if u.Part != side.Parts+1 {
		return fault.New(fault.NotYet, "a part of the statement is missing", "send the parts in order").In("part")
	}
	if side.Of != 0 && (side.Of != u.Of || side.Statement != u.Root) {
		return conflict("root", "go on with the statement that was begun, or begin again with part 1", "another statement was begun")
	}
	if err := t.checkLines(&b, *side, which, u); err != nil {
		return err
	}
	side.Statement, side.Of, side.Parts = u.Root, u.Of, u.Part
	side.Lines += uint32(len(u.Lines))
	side.Records, side.Unrated = u.Records, u.Unrated
	t.write(StatementKey(u.Period.Order, u.Period.Interval, which, u.Part), part)
	if side.Complete() {
		return t.stated(b, which)
	}
	t.save(b)
	return nil
}

// repeats reports whether a part is there already, word for word.
func (t *tx) repeats(side invoice.Side, which Side, u UsageState, part []byte) bool {
	old, _ := t.Get(StatementKey(u.Period.Order, u.Period.Interval, which, u.Part))
	return u.Of == side.Of && u.Root == side.Statement && bytes.Equal(old, part)
}

// withdrawParts takes back a statement that was begun and is not complete, for
// the first part of another: a sheet that was accepted in between may have
// taken rows out of force that the rest of it needs.
func (t *tx) withdrawParts(side *invoice.Side, which Side, r PeriodRef) {
	for n := uint32(1); n <= side.Parts; n++ {
		t.drop(StatementKey(r.Order, r.Interval, which, n))
	}
	*side = invoice.Side{}
}

// checkLines checks one part: order, rows in force, bounds, and with the last
// part root and count.
func (t *tx) checkLines(b *billing, side invoice.Side, which Side, u UsageState) error {
	if err := usage.CheckLines(u.Lines); err != nil {
		return err
	}
	if len(u.Lines) == 0 && u.Of > 1 || len(u.Lines) > maxLines-int(side.Lines) {
		return invalid("lines", "a part has no line, or the statement too many", "leave empty parts out")
	}
	if err := t.proveRows(b.period.Direction, b.order.Spec.Line, u.Rows); err != nil {
		return err
	}
	var earlier []usage.Line
	if u.Part > 1 {
		for n := uint32(1); n < u.Part; n++ {
			if n < u.Part-1 && u.Part != u.Of {
				continue // only the last one is needed for the order
			}
			s, _ := get[Statement](t, StatementKey(u.Period.Order, u.Period.Interval, which, n))
			earlier = append(earlier, s.Lines...)
		}
		if len(earlier) > 0 && earlier[len(earlier)-1].Order(u.Lines[0]) >= 0 {
			return fault.New(usage.CodeBadStatement, "the part does not follow the one before", "keep the order of lines through all parts").In("lines.0")
		}
	}
	if err := t.inForceRows(b, u.Lines); err != nil {
		return err
	}
	if u.Part != u.Of {
		_, err := t.price(b, u.Lines)
		return err
	}
	all := append(earlier, u.Lines...)
	if usage.StatementRoot(all) != u.Root {
		return fault.New(fault.Refused, "the lines do not give the statement's root", "compute the root over all lines, in order").In("root")
	}
	var calls uint64
	for _, l := range all {
		calls += l.Calls
	}
	if calls != u.Records {
		return invalid("records", "the lines do not add up to the count of records", "count the calls under all lines")
	}
	_, err := t.price(b, all)
	return err
}

// priced is a line with its row and what it comes to.
type priced struct {
	line   usage.Line
	rate   rating.Row
	amount money.Micro
}

// maxFigure bounds calls, ms and seconds of a line, so that no sum of lines
// overflows.
const maxFigure = 1 << 38

// price prices lines with their proven rows, each rounded once (MEF 114 [R65]),
// and refuses what cannot be priced or summed. Whether a row was in force was
// asked when its line was stated: what stands is not judged again by a sheet
// that was accepted later.
func (t *tx) price(b *billing, lines []usage.Line) ([]priced, error) {
	sums := map[money.Currency]money.Micro{}
	out := make([]priced, len(lines))
	for i, l := range lines {
		if l.Calls > maxFigure || l.RawMillis > 1000*maxFigure || l.BilledSeconds > maxFigure {
			return nil, fault.New(usage.CodeBadStatement, "a line's figures are out of range", "check the records under it").In("lines")
		}
		proven, err := t.provenRow(b, l.Row)
		if err != nil {
			return nil, err
		}
		row := proven.Rate
		amount, err := row.Charge(l.Calls, l.BilledSeconds, b.terms.Rounding.Mode)
		if err != nil {
			return nil, fault.Of(err).In("lines")
		}
		sum, err := sums[row.Currency].Add(amount)
		if err != nil {
			return nil, fault.Of(err).In("lines")
		}
		sums[row.Currency] = sum
		out[i] = priced{l, row, amount}
	}
	return out, nil
}

// provenRow gives the row that a line names.
func (t *tx) provenRow(b *billing, number uint32) (ProvenRow, error) {
	proven, ok := t.row(b.period.Direction, b.order.Spec.Line, number)
	if !ok {
		return proven, fault.Newf(CodeRowNotProven, "send the row with its path, or row.prove first", "row %d is not proven", number).In("lines")
	}
	return proven, nil
}

// inForceRows refuses new lines whose row cannot price them. A row must have
// been in force at some moment at which a call of the line's period can have
// begun.
func (t *tx) inForceRows(b *billing, lines []usage.Line) error {
	tariff, _ := get[Tariff](t, TariffKey(b.period.Direction, b.order.Spec.Line))
	for _, l := range lines {
		interval := b.period.Interval
		if !l.Adjusts.IsZero() {
			c, err := t.calendar(t.termsFor(b, l.Adjusts.From))
			if err != nil {
				return err
			}
			if l.Adjusts.To > interval.From || l.Adjusts.From < 0 || c.At(l.Adjusts.From) != l.Adjusts {
				return fault.Newf(CodeMisaligned, "name the earlier period of the agreed cycle", "the line adjusts %s, which is no earlier period", l.Adjusts).In("lines")
			}
			interval = l.Adjusts
		}
		proven, err := t.provenRow(b, l.Row)
		if err != nil {
			return err
		}
		sheet, until, _ := tariff.Of(l.Row)
		earliest := interval.From - b.terms.StartTolerance
		if b.terms.PeriodBy == agreement.ByEnd {
			earliest -= b.terms.LongestCall
		}
		row := proven.Rate
		if !b.order.Spec.Scope.Meets(row.Prefix) {
			return fault.Newf(CodeNotOrdered, "leave calls out that the order does not cover", "row %d (%s, prefix %s) is outside of order %s", l.Row, row.Destination, row.Prefix, b.order.ID).In("lines")
		}
		if max(row.ValidFrom, sheet.From) >= interval.To || min(row.ValidTo, until) <= earliest {
			return fault.Newf(CodeRowNotInForce, "use the row that was in force when the calls began", "row %d (%s, prefix %s) was not in force for %s", l.Row, row.Destination, row.Prefix, interval).In("lines")
		}
		window, err := row.Band.Window()
		if err != nil {
			return fault.Of(err).In("lines")
		}
		if window != nil && !window.Meets(max(row.ValidFrom, sheet.From, earliest), min(row.ValidTo, until, interval.To)) {
			return fault.Newf(CodeRowNotInForce, "use the row of the time at which the calls began", "row %d (%s, prefix %s, %s) is for no moment of %s", l.Row, row.Destination, row.Prefix, row.Band, interval).In("lines")
		}
		if row.ConnectFee > 0 && l.Calls > l.BilledSeconds {
			return fault.Newf(usage.CodeBadStatement, "leave calls out that have no billed second", "row %d has a connect fee, and the line has %d calls with %d billed seconds", l.Row, l.Calls, l.BilledSeconds).In("lines")
		}
	}
	return nil
}

// termsFor gives the terms that held for an earlier period of the agreement.
func (t *tx) termsFor(b *billing, from int64) agreement.Terms {
	a, _ := get[agreement.Agreement](t, AgreementKey(b.period.Agreement))
	if v, ok := a.At(from); ok && v.Terms != b.period.Terms {
		return t.termsOf(v.Terms)
	}
	return b.terms
}

// stated goes on when a side's statement is complete.
func (t *tx) stated(b billing, which Side) error {
	t.emit(EventPeriodStated, b.key, string(which))
	if b.period.State == invoice.PeriodRequested {
		if err := b.move(invoice.PeriodBegin); err != nil {
			return err
		}
	}
	if b.terms.Compare == agreement.AfterInvoice && which == SellerSide {
		if err := t.invoiceAsStated(&b); err != nil {
			return err
		}
	}
	if b.period.Seller.Complete() && b.period.Buyer.Complete() {
		return t.compare(b)
	}
	t.deadline(&b, agreement.StageStatement)
	t.save(b)
	return nil
}

// lines gives a side's statement, priced.
func (t *tx) lines(b *billing, which Side) ([]priced, error) {
	side := b.period.Seller
	if which == BuyerSide {
		side = b.period.Buyer
	}
	var all []usage.Line
	for n := uint32(1); n <= side.Parts; n++ {
		s, _ := get[Statement](t, StatementKey(b.period.Order, b.period.Interval, which, n))
		all = append(all, s.Lines...)
	}
	return t.price(b, all)
}

// differing is a line on which the two sides differ. One of them may have
// nothing of it.
type differing struct {
	seller, buyer priced
}

// any gives the line of whichever side has it.
func (d differing) any() priced {
	if d.seller.line.Calls > 0 {
		return d.seller
	}
	return d.buyer
}

// matched is what a comparison of two statements finds.
type matched struct {
	agreed []priced    // at the seller's figures
	near   []differing // equal in calls, and within the tolerance of seconds
	open   []differing
}

// match compares two statements line by line.
func match(seller, buyer []priced, tolerance uint64) (m matched) {
	for len(seller) > 0 || len(buyer) > 0 {
		switch {
		case len(buyer) == 0 || len(seller) > 0 && seller[0].line.Order(buyer[0].line) < 0:
			m.open = append(m.open, differing{seller: seller[0]})
			seller = seller[1:]
		case len(seller) == 0 || seller[0].line.Order(buyer[0].line) > 0:
			m.open = append(m.open, differing{buyer: buyer[0]})
			buyer = buyer[1:]
		default:
			s, b := seller[0], buyer[0]
			apart := gap(s.line.BilledSeconds, b.line.BilledSeconds)
			switch {
			case s.line.Calls == b.line.Calls && apart == 0:
				m.agreed = append(m.agreed, s)
			case s.line.Calls == b.line.Calls && apart <= tolerance:
				m.near = append(m.near, differing{s, b})
			default:
				m.open = append(m.open, differing{s, b})
			}
			seller, buyer = seller[1:], buyer[1:]
		}
	}
	return m
}

func gap(a, b uint64) uint64 {
	if a > b {
		return a - b
	}
	return b - a
}

// compare is what the machine does when both statements are in.
func (t *tx) compare(b billing) error {
	seller, err := t.lines(&b, SellerSide)
	if err != nil {
		return err
	}
	buyer, err := t.lines(&b, BuyerSide)
	if err != nil {
		return err
	}
	m := match(seller, buyer, b.terms.SecondsTolerance)
	if b.terms.Compare == agreement.AfterInvoice {
		return t.compareInvoiced(b, m, true)
	}
	sums := tolerances{}
	for _, d := range m.near {
		ok, err := sums.take(t, &b, d)
		if err != nil {
			return err
		}
		if ok {
			m.agreed = append(m.agreed, d.seller)
		} else {
			m.open = append(m.open, d)
		}
	}
	m.near = nil
	return t.conclude(b, m, sums, true)
}

// conclude invoices the agreed lines, names the open ones on the invoices, and
// opens their disputes.
func (t *tx) conclude(b billing, m matched, sums tolerances, byRule bool) error {
	slices.SortFunc(m.open, func(x, y differing) int { return x.any().line.Order(y.any().line) })
	byCurrency, err := t.issueAll(&b, m.agreed, m.open)
	if err != nil {
		return err
	}
	if err := t.keepTolerated(&b, sums, byCurrency); err != nil {
		return err
	}
	for _, d := range m.open {
		t.openDispute(&b, d, byCurrency[d.any().rate.Currency], byRule)
	}
	return t.compared(b, len(m.open))
}

// compared moves the period on after a comparison that left lines open.
func (t *tx) compared(b billing, open int) error {
	if open > 0 {
		if err := b.move(invoice.PeriodDiffer); err != nil {
			return err
		}
		t.deadline(&b, "")
		if b.period.Waiting > 0 {
			t.deadline(&b, agreement.StageRecords)
		}
		t.emit(EventPeriodDiffers, b.key, itoa(open))
		t.save(b)
		return nil
	}
	if err := b.move(invoice.PeriodMatch); err != nil {
		return err
	}
	t.deadline(&b, "")
	t.emit(EventPeriodMatched, b.key, "")
	t.finish(&b)
	t.save(b)
	return nil
}

// finish closes a period in which no line is open and every invoice settled.
func (t *tx) finish(b *billing) {
	if b.period.State == invoice.PeriodAgreed && b.period.Open == 0 && b.period.Unsettled == 0 {
		b.period.State, _ = b.period.State.Next(invoice.PeriodDischarge)
		t.emit(EventPeriodClosed, b.key, "")
	}
}

// lineOf names the product line of a period's order.
func (b *billing) lineOf() product.Line { return b.order.Spec.Line }
