package trade

import (
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Measurements. Both sides measure what is used of a product and how well it is
// served, interval by interval, and state the sums with a hash of their records.
// The tolerance rule of the clause says which figure counts where the two differ;
// where it does not, people decide, and the figures that are agreed are billed
// meanwhile. Product and interval name the measurement, and with it the charge
// and the credit that follow (MEF 114 [R58]).

// MeasurementState is one side's statement of an interval.
type MeasurementState struct {
	Product  string         `cbor:"1,keyasint" json:"product"`
	Interval usage.Interval `cbor:"2,keyasint" json:"interval"`
	Measured usage.Measured `cbor:"3,keyasint" json:"measured"`
}

// MeasurementPropose offers what counts of the open figures, or accepts that
// offer by repeating it.
type MeasurementPropose struct {
	Product  string         `cbor:"1,keyasint" json:"product"`
	Interval usage.Interval `cbor:"2,keyasint" json:"interval"`
	Used     []usage.Figure `cbor:"3,keyasint,omitempty" json:"used,omitempty"`    // the open ones, sorted
	Service  []usage.Figure `cbor:"4,keyasint,omitempty" json:"service,omitempty"` // likewise
	Why      string         `cbor:"5,keyasint,omitempty" json:"why,omitempty"`
}

// MeasurementReject rejects an offer.
type MeasurementReject struct {
	Product  string         `cbor:"1,keyasint" json:"product"`
	Interval usage.Interval `cbor:"2,keyasint" json:"interval"`
	Why      string         `cbor:"3,keyasint,omitempty" json:"why,omitempty"`
}

// measuring is a measurement with what stands around it.
type measuring struct {
	key     string
	m       usage.Measurement
	product product.Instance
	offer   product.Offer // that holds in the interval
	terms   agreement.Terms
	clause  agreement.ProductTerms
}

// measured finds a product and an interval in which it was delivered.
func (t *tx) measured(id string, i usage.Interval) (m measuring, err error) {
	p, ok := get[product.Instance](t, ProductKey(id))
	if !ok {
		return m, notFound("product", "product", id)
	}
	if err := i.Validate(); err != nil || i.From < 0 {
		return m, invalid("interval", "the interval is no span of time since 1970", "name beginning and end in ms since 1970")
	}
	a, _ := get[agreement.Agreement](t, AgreementKey(p.Agreement))
	v, _ := a.At(i.From)
	m = measuring{key: MeasurementKey(id, i), product: p, terms: t.termsOf(v.Terms)}
	m.clause = clauseIn(&m.terms, p.Clause, "")
	dates, err := usage.Cycle{Length: m.clause.Granularity, Zone: m.terms.Zone}.Calendar()
	if err != nil {
		return m, err
	}
	if dates.At(i.From) != i {
		return m, fault.Newf(CodeMisaligned, "state an interval of the agreed granularity", "%s is no interval of %s %s", i, m.clause.Granularity, m.terms.Zone).In("interval")
	}
	m.m, _ = get[usage.Measurement](t, m.key)
	held := p.Held(i)
	if len(held) == 0 {
		return m, fault.Newf(CodeNotOrdered, "state intervals in which it was delivered", "the product %s was not delivered in %s", id, i).In("interval")
	}
	m.offer = p.Phases[held[0].Phase].Offer
	return m, nil
}

// names gives the prices whose use is measured, and the metrics that are
// guaranteed, sorted.
func names(o *product.Offer) (used, service []string) {
	for i := range o.Prices {
		if o.Prices[i].Kind.Used() {
			used = append(used, o.Prices[i].Name)
		}
	}
	for _, g := range o.Guarantees {
		service = append(service, string(g.Metric))
	}
	slices.Sort(used)
	slices.Sort(service)
	return used, service
}

func measurementState(t *tx, b MeasurementState) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	m, err := t.measured(b.Product, b.Interval)
	if err != nil {
		return err
	}
	if t.ctx.Block.Time < b.Interval.To+m.terms.GraceMillis {
		return fault.Newf(fault.NotYet, "state it when it is over", "the interval %s is not over, with its grace", b.Interval).In("interval")
	}
	if b.Measured.Root.IsZero() {
		return invalid("measured.root", "the records have no hash", "name the hash of what was measured")
	}
	used, service := names(&m.offer)
	if len(used)+len(service) == 0 {
		return invalid("product", "nothing of the product is measured", "state nothing: its charges follow from the order")
	}
	if err := usage.CheckFigures("measured.used", b.Measured.Used, used); err != nil {
		return err
	}
	if err := usage.CheckFigures("measured.service", b.Measured.Service, service); err != nil {
		return err
	}
	own := &m.m.Seller
	if t.own == m.product.Buyer {
		own = &m.m.Buyer
	}
	if *own != nil {
		if canon.HashOf("", **own) == canon.HashOf("", b.Measured) {
			return nil
		}
		return conflict("measured", "a side states an interval once", "another statement of %s stands", b.Interval)
	}
	if m.m.State == usage.MeasurementAgreed {
		return wrongState("measurement", m.key, string(m.m.State), "a statement")
	}
	if err := t.openPeriods(&m, b.Interval); err != nil {
		return err
	}
	*own = &b.Measured
	if m.m.State == "" {
		m.m.Product, m.m.Interval, m.m.State = b.Product, b.Interval, usage.MeasurementStated
		m.m.Deadline = t.ctx.Block.Time + m.clause.Statement
		t.put(m.key, m.m)
		m.product.Open++
		t.put(ProductKey(m.product.ID), m.product)
		t.emit(EventMeasurementStated, m.key, string(t.own))
		return nil
	}
	return t.compareMeasured(m)
}

// compareMeasured lets the tolerance rule say what counts.
func (t *tx) compareMeasured(m measuring) error {
	rule, err := m.clause.Tolerance.Tolerance()
	if err != nil {
		return err
	}
	open := 0
	count := func(seller, buyer []usage.Figure) (out []usage.Counted) {
		for i, s := range seller {
			c := usage.Counted{Name: s.Name}
			var ok bool
			if c.Value, ok = rule.Figure(figureKind(&m.offer, s.Name), s.Value, buyer[i].Value); !ok {
				c.Open = true
				open++
			} else if s.Value != buyer[i].Value {
				c.How = "rule"
			}
			out = append(out, c)
		}
		return out
	}
	m.m.Used = count(m.m.Seller.Used, m.m.Buyer.Used)
	m.m.Service = count(m.m.Seller.Service, m.m.Buyer.Service)
	if open == 0 {
		return t.agreeMeasured(m, usage.MeasurementMatch)
	}
	if err := m.move(usage.MeasurementDiffer); err != nil {
		return err
	}
	m.m.Deadline = t.until(m.terms, agreement.StageDecision)
	t.put(m.key, m.m)
	t.putUnbilled(&m)
	t.emit(EventMeasurementDiffers, m.key, itoa(open))
	return nil
}

// figureKind gives the word by which a tolerance rule knows a figure: the kind of
// its price, or its metric.
func figureKind(o *product.Offer, name string) string {
	for i := range o.Prices {
		if o.Prices[i].Name == name && o.Prices[i].Kind.Used() {
			return string(o.Prices[i].Kind)
		}
	}
	return name
}

func (m *measuring) move(e usage.MeasurementEvent) error {
	next, ok := m.m.State.Next(e)
	if !ok {
		return wrongState("measurement", m.key, string(m.m.State), string(e))
	}
	m.m.State = next
	return nil
}

// agreeMeasured ends a measurement: what counts of it is billed next.
func (t *tx) agreeMeasured(m measuring, e usage.MeasurementEvent) error {
	if err := m.move(e); err != nil {
		return err
	}
	m.m.Deadline, m.m.Proposal = 0, nil
	t.put(m.key, m.m)
	t.putUnbilled(&m)
	m.product.Open--
	t.put(ProductKey(m.product.ID), m.product)
	t.emit(EventMeasurementAgreed, m.key, "")
	return nil
}

// tickMeasurement lets the one statement that there is stand, or says that a
// decision is late.
func (t *tx) tickMeasurement(r usage.Measurement) error {
	m, err := t.measured(r.Product, r.Interval)
	if err != nil && fault.CodeOf(err) != CodeNotOrdered { // it has ended before, as was found out later
		return err
	}
	if r.State == usage.MeasurementStated {
		lone := m.m.Seller
		if lone == nil {
			lone = m.m.Buyer
		}
		alone := func(figures []usage.Figure) (out []usage.Counted) {
			for _, f := range figures {
				out = append(out, usage.Counted{Name: f.Name, Value: f.Value, How: "deadline"})
			}
			return out
		}
		m.m.Used, m.m.Service = alone(lone.Used), alone(lone.Service)
		return t.agreeMeasured(m, usage.MeasurementLapse)
	}
	if err := m.move(usage.MeasurementEscalate); err != nil {
		return err
	}
	m.m.Passed++
	m.m.Deadline = t.renewed(m.terms.Deadline(agreement.StageDecision))
	t.put(m.key, m.m)
	t.emit(EventMeasurementEscalated, m.key, "")
	return nil
}

// openFigures checks an offer against the figures that are open.
func (m *measuring) openFigures(b MeasurementPropose) error {
	open := func(counted []usage.Counted) (out []string) {
		for _, c := range counted {
			if c.Open {
				out = append(out, c.Name)
			}
		}
		return out
	}
	if err := usage.CheckFigures("used", b.Used, open(m.m.Used)); err != nil {
		return err
	}
	return usage.CheckFigures("service", b.Service, open(m.m.Service))
}

// costs is what figures of use come to by themselves: what whoever offers or
// accepts them binds itself to.
func (m *measuring) costs(used []usage.Figure) ([]money.Amount, error) {
	sums := map[money.Currency]money.Micro{}
	for _, f := range used {
		for i := range m.offer.Prices {
			p := &m.offer.Prices[i]
			if p.Name != f.Name {
				continue
			}
			c, err := p.Use(m.m.Interval, 0, f.Value, m.terms.Rounding.Mode)
			if err != nil {
				return nil, err
			}
			if sums[p.Currency], err = sums[p.Currency].Add(c.Amount.Micro); err != nil {
				return nil, err
			}
		}
	}
	return amountsOf(sums), nil
}

func measurementPropose(t *tx, b MeasurementPropose) error {
	m, err := t.measured(b.Product, b.Interval)
	if err != nil {
		return err
	}
	if b.Why == "" {
		return invalid("why", "the proposal gives no reason", "say why")
	}
	if err := checkWhy(b.Why); err != nil {
		return err
	}
	if m.m.Proposal != nil && m.m.Proposal.Act.By != t.own {
		return conflict("interval", "accept or reject that one first", "the other side has proposed what counts in %s", b.Interval)
	}
	if err := m.move(usage.MeasurementPropose); err != nil {
		return err
	}
	if err := m.openFigures(b); err != nil {
		return err
	}
	costs, err := m.costs(b.Used)
	if err != nil {
		return err
	}
	act, err := t.authorize(t.agreementTerms(m.product.Agreement), costs...)
	if err != nil {
		return err
	}
	m.m.Proposal, m.m.Why = &usage.Proposed{Used: b.Used, Service: b.Service, Act: act}, b.Why
	t.put(m.key, m.m)
	t.emit(EventMeasurementProposed, m.key, string(t.own))
	return nil
}

// offered finds the offer that a side answers.
func (t *tx) offered(id string, i usage.Interval) (measuring, error) {
	m, err := t.measured(id, i)
	if err != nil {
		return m, err
	}
	if m.m.State != usage.MeasurementProposed {
		return m, wrongState("measurement", m.key, string(m.m.State), "an answer")
	}
	if m.m.Proposal.Act.By == t.own {
		return m, fault.New(fault.Forbidden, "the other side has to answer", "wait for the partner").In("interval")
	}
	return m, nil
}

func measurementAccept(t *tx, b MeasurementPropose) error {
	m, err := t.offered(b.Product, b.Interval)
	if err != nil {
		return err
	}
	if !slices.Equal(b.Used, m.m.Proposal.Used) || !slices.Equal(b.Service, m.m.Proposal.Service) {
		return conflict("used", "read the proposal as it stands now", "the proposal for %s is another", b.Interval)
	}
	costs, err := m.costs(b.Used)
	if err != nil {
		return err
	}
	if _, err := t.authorize(t.agreementTerms(m.product.Agreement), costs...); err != nil {
		return err
	}
	decide := func(counted []usage.Counted, figures []usage.Figure) {
		for i := range counted {
			if counted[i].Open {
				counted[i].Value, counted[i].Open, counted[i].How = figures[0].Value, false, "people"
				figures = figures[1:]
			}
		}
	}
	decide(m.m.Used, b.Used)
	decide(m.m.Service, b.Service)
	return t.agreeMeasured(m, usage.MeasurementAccept)
}

func measurementReject(t *tx, b MeasurementReject) error {
	m, err := t.offered(b.Product, b.Interval)
	if err != nil {
		return err
	}
	if err := checkWhy(b.Why); err != nil {
		return err
	}
	if _, err := t.authorize(t.agreementTerms(m.product.Agreement)); err != nil {
		return err
	}
	if err := m.move(usage.MeasurementReject); err != nil {
		return err
	}
	m.m.Proposal, m.m.Why = nil, b.Why
	t.put(m.key, m.m)
	t.emit(EventMeasurementRejected, m.key, b.Why)
	return nil
}

// Unbilled names a measurement of which something may be billed.
type Unbilled struct {
	Interval usage.Interval `cbor:"1,keyasint" json:"interval"`
	// Worth is what its use comes to by itself, as far as it counts and is on no
	// bill: kept where there is a clause about credit.
	Worth []money.Amount `cbor:"2,keyasint,omitempty" json:"worth,omitempty"`
}

// putUnbilled lets a measurement be billed.
func (t *tx) putUnbilled(m *measuring) {
	u := Unbilled{Interval: m.m.Interval}
	if t.has(HistoryKey(m.product.Buyer)) {
		var used []usage.Figure
		for _, f := range m.m.Used {
			if !f.Open && !f.Billed {
				used = append(used, usage.Figure{Name: f.Name, Value: f.Value})
			}
		}
		if worth, err := m.costs(used); err == nil { // what leaves the range of amounts is for its bill to refuse
			u.Worth = worth
		}
	}
	t.put(UnbilledKey(m.m.Product, m.m.Interval), u)
}

// Consumed is what is billed of a price's use in one charge period.
type Consumed struct {
	Used   uint64 `cbor:"1,keyasint" json:"used"`             // as billed
	Closed bool   `cbor:"2,keyasint,omitempty" json:"closed"` // its shortfall is billed, or there is none
}

// chargePeriod gives the charge period of a price that contains a moment; without
// one, use is not counted over intervals.
func chargePeriod(p *rating.Price, i usage.Interval) (usage.Interval, error) {
	if p.Period == (usage.Cycle{}) {
		return i, nil
	}
	dates, err := p.Period.Calendar()
	return dates.At(i.From), err
}

// openPeriods refuses a statement for a charge period of which the shortfall is
// billed.
func (t *tx) openPeriods(m *measuring, i usage.Interval) error {
	for n := range m.offer.Prices {
		p := &m.offer.Prices[n]
		if p.Commitment == 0 {
			continue
		}
		period, err := chargePeriod(p, i)
		if err != nil {
			return err
		}
		if c, _ := get[Consumed](t, ConsumedKey(m.product.ID, p.Name, period)); c.Closed {
			return conflict("interval", "state what was used in time", "what %s falls short of its commitment in %s is billed", p.Name, period)
		}
	}
	return nil
}

// Metering is an interval of a product, and what is measured in it.
type Metering struct {
	Interval      usage.Interval
	Held          []product.Held // the parts in which it was delivered; none: nothing is measured
	Used, Service []string       // the names of the figures that a side states, sorted
	Timed         []string       // those of Used that are the time for which a session was held
	From          int64          // when it may be stated; ms UTC
	Late          int64          // when the time for a second statement is over, if the first came at once; ms UTC
}

// Metering gives the interval of a product that contains a moment. An interval
// that no side can state, because the granularity has changed within it, has no
// part that is held.
func (v View) Metering(p product.Instance, ms int64) (x Metering, err error) {
	t := &tx{m: New(), state: v.Records}
	a, ok := v.Agreement(p.Agreement)
	if !ok {
		return x, notFound("agreement", "agreement", p.Agreement)
	}
	at := ms
	for range 2 { // by what is agreed then, and by what was when the interval began
		version, _ := a.At(at)
		terms := t.termsOf(version.Terms)
		dates, err := usage.Cycle{Length: clauseIn(&terms, p.Clause, "").Granularity, Zone: terms.Zone}.Calendar()
		if err != nil {
			return x, err
		}
		i := dates.At(ms)
		if x.Interval == (usage.Interval{}) {
			x.Interval = i
		}
		m, err := t.measured(p.ID, i)
		switch fault.CodeOf(err) {
		case CodeMisaligned:
			at = i.From
			continue
		case CodeNotOrdered:
			return Metering{Interval: i}, nil
		}
		if err != nil {
			return x, err
		}
		x = Metering{Interval: i, Held: p.Held(i), From: i.To + m.terms.GraceMillis}
		x.Used, x.Service = names(&m.offer)
		// A close that is under way may turn out to be earlier than this interval's end.
		known := p.Standing != "" && p.State != product.PendingTerminate
		for i := range m.offer.Prices {
			if price := &m.offer.Prices[i]; known && price.Kind == rating.Time {
				x.Timed = append(x.Timed, price.Name)
			}
		}
		x.Late = x.From + m.clause.Statement
		return x, nil
	}
	return x, nil
}
