package trade

import (
	"bytes"
	"slices"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Orders about products other than calls. The buyer orders by a quote that the
// seller has signed, by a schedule of the agreement, or, a session, by the standing
// prices of a product that it has; the order is checked
// against the clause that is about the product, where it is placed and again
// where it is accepted: an amendment that comes between is the later word. What
// nobody finishes ends by its deadline, and what it held is free again.

// Codes of refusals about products.
const (
	// CodeQuoteExpired says that the quote, or what it reserved, is not valid any
	// more.
	CodeQuoteExpired fault.Code = "quote-expired"
	// CodeQuoteMismatch says that an order is not what was quoted, or that the
	// quote is for others.
	CodeQuoteMismatch fault.Code = "quote-mismatch"
)

// OrderCharge asks the buyer for a charge without which an order does not go on.
type OrderCharge struct {
	ID     string       `cbor:"1,keyasint" json:"id"`
	Name   string       `cbor:"2,keyasint" json:"name"` // as the bill shows it
	Amount money.Amount `cbor:"3,keyasint" json:"amount"`
	Why    string       `cbor:"4,keyasint,omitempty" json:"why,omitempty"`
}

// ProductAnswer suspends a product or resumes it.
type ProductAnswer struct {
	ID  string `cbor:"1,keyasint" json:"id"`
	Why string `cbor:"2,keyasint,omitempty" json:"why,omitempty"`
}

// QuoteUse says which order has used a quote.
type QuoteUse struct {
	Order string `cbor:"1,keyasint" json:"order"`
}

// itemPlace places an order about a product.
func itemPlace(t *tx, b OrderPlace) error {
	r := b.Request
	if r == nil || b.Sheet != "" {
		return invalid("request", "an order about a product says what it asks for, and names no rate sheet", "fill request in, and leave sheet out")
	}
	if err := t.checkItem(b, r); err != nil {
		return err
	}
	a, err := t.inForce("agreement", b.Agreement, b.Line)
	if err != nil {
		return err
	}
	terms := t.latest(a)
	it := order.Item{ID: b.ID, Agreement: a.ID, Buyer: t.own, Seller: t.partner, Payload: b.Payload, Request: *r, Value: b.Value,
		Start: max(b.From, t.ctx.Block.Time)}
	if a.Until != 0 && it.Start >= a.Until {
		return fault.Newf(CodeNoAgreement, "let the order begin within the agreement", "agreement %s does not cover the order's beginning", a.ID).In("from")
	}
	p, there := get[product.Instance](t, ProductKey(r.Product))
	offer := &it.Request.Offer
	if r.Action == order.Delete {
		if ph, ok := p.At(t.ctx.Block.Time); ok {
			*offer = ph.Offer
		}
	}
	if it.Spec, err = t.itemSpec(b, *offer); err != nil {
		return err
	}
	clause, err := terms.ClauseFor(string(b.Line), offer.Type)
	if err != nil {
		return err
	}
	it.Clause, it.Tested = clause.Clause, clause.Test || r.Test
	if err := t.bothActive(); err != nil {
		return err
	}
	if err := t.fitsClause(&it, clause, p, there); err != nil {
		return err
	}
	held, err := t.quoted(&it, clause)
	if err != nil {
		return err
	}
	worth, err := t.worth(&it, terms)
	if err != nil {
		return err
	}
	if it.Placed, err = t.authorize(terms, worth...); err != nil {
		return err
	}
	if err := t.exposed(t.own, *terms); err != nil {
		return err
	}
	if r.Action != order.Delete {
		buys, err := t.wants(&it, terms, p)
		if err != nil {
			return err
		}
		if r.Action == order.Add || len(buys.comes) > 0 { // what costs no more needs no credit
			if err := t.creditworthy(buys); err != nil {
				return err
			}
		}
	}
	if err := t.attested(*terms); err != nil {
		return err
	}
	if t.has(OrderKey(b.ID)) || t.has(ItemKey(b.ID)) {
		return conflict("id", "choose another id", "there is an order %s already", b.ID)
	}
	it.Deadline = t.until(*terms, agreement.StageAnswer)
	if held != 0 {
		it.Deadline = min(it.Deadline, held)
	}
	if err := t.orderProduct(&it, p); err != nil {
		return err
	}
	t.setItem(&it, order.ItemAcknowledged)
	t.put(ItemKey(it.ID), it)
	t.emit(EventOrderPlaced, ItemKey(it.ID), string(r.Action))
	return nil
}

// checkItem checks what an order about a product says by itself.
func (t *tx) checkItem(b OrderPlace, r *order.Request) error {
	if err := checkID("request.product", r.Product, maxID); err != nil {
		return err
	}
	line, known := t.m.lines[b.Line]
	if !known {
		return fault.Newf(CodeLineUnknown, "run a release with that product line", "the product line %.32q is not known here", b.Line).In("line")
	}
	if s, err := line.Spec(nil); err == nil && s.Metered {
		return invalid("kind", "calls are ordered by a standing order", "use standing")
	}
	if r.Account != "" {
		if err := checkID("request.account", r.Account, maxAccount); err != nil {
			return err
		}
	}
	switch {
	case r.Action != order.Add && r.Action != order.Modify && r.Action != order.Delete:
		return invalid("request.action", "there is no such action", "use add, modify or delete")
	case r.Until != 0 && (r.Action == order.Delete || r.Until <= max(b.From, t.ctx.Block.Time) || r.Until > maxMillis):
		return invalid("request.until", "only what is added or prolonged has an end, after its beginning", "name a later end, or none")
	case r.Reserved != 0 && (r.Reserved < 0 || r.Reserved > maxMillis):
		return invalid("request.reserved", "the end of the reservation is out of range", "name a time in ms since 1970")
	case r.Action == order.Delete && (r.Bases() > 0 || len(r.Offer.Prices) > 0 || len(b.Payload) > 0):
		return invalid("request.offer", "what ends is as it was ordered", "leave quote, schedule, standing, offer and payload out")
	case r.Action != order.Delete && r.Bases() != 1:
		return invalid("request.quote", "a product is ordered by a quote or by a schedule, and not by both", "embed the seller's quote, or name a schedule of the agreement, or the product that stands")
	case r.Standing != "" && r.Action != order.Add:
		return invalid("request.standing", "a session is opened and closed, and not changed", "close it, and open another")
	case r.Action != order.Delete && r.Offer.Pieces == 0:
		return invalid("request.offer.pieces", "no piece is ordered", "order at least one")
	case len(b.Payload) > maxItemPayload:
		return invalid("payload", "the payload has more than 64 KiB", "order by its hash, and send it as a document")
	}
	return nil
}

// Bounds of an order about a product.
const (
	maxItemPayload = 64 << 10
	maxAccount     = 24
)

// itemSpec gives what is ordered. With a payload, the product line reads it, and
// it has to be what the offer says; without one the offer's word counts.
func (t *tx) itemSpec(b OrderPlace, offer product.Offer) (product.Spec, error) {
	if offer.Line != b.Line && b.Request.Action != order.Delete {
		return product.Spec{}, invalid("request.offer.line", "the offer is of another product line than the order", "order what is offered")
	}
	if len(offer.Type) == 0 && b.Request.Action != order.Delete || len(offer.Type) > 200 {
		return product.Spec{}, invalid("request.offer.type", "the offer has no @type", "name that of the product's payload")
	}
	if len(b.Payload) == 0 {
		return product.Spec{Line: b.Line, Name: offer.Type, Type: offer.Type, Configuration: offer.Configuration}, nil
	}
	spec, err := t.m.lines[b.Line].Spec(b.Payload)
	if err != nil {
		return spec, fault.Of(err).In("payload")
	}
	if spec.Type != offer.Type || spec.Configuration != offer.Configuration {
		return spec, fault.New(CodeQuoteMismatch, "the payload is not the product that is offered", "order the payload that was quoted").In("payload")
	}
	return spec, nil
}

// fitsClause refuses an order that does not fit what there is, or breaks the clause.
func (t *tx) fitsClause(it *order.Item, clause *agreement.ProductTerms, p product.Instance, there bool) error {
	r := &it.Request
	if r.Action == order.Add {
		if there {
			return conflict("request.product", "choose another id", "there is a product %s already", r.Product)
		}
		return clause.Conforms(&r.Offer)
	}
	if !there || p.Buyer != t.own || p.Agreement != it.Agreement {
		return notFound("request.product", "product of yours", r.Product)
	}
	if r.Action == order.Delete {
		return clause.Noticed(t.ctx.Block.Time, it.Start)
	}
	return clause.Conforms(&r.Offer)
}

// quoted checks an order against the quote or the schedule that it rests on, and
// gives the moment until which what it needs is reserved; 0: nothing is.
func (t *tx) quoted(it *order.Item, clause *agreement.ProductTerms) (int64, error) {
	r := &it.Request
	held := r.Reserved
	switch {
	case r.Action == order.Delete:
		return held, nil
	case r.Schedule != "":
		s, ok := clause.Schedule(r.Schedule)
		if !ok {
			return 0, notFound("request.schedule", "schedule in clause "+clause.Clause, r.Schedule)
		}
		want := r.Offer
		want.Type, want.Prices, want.Term, want.Guarantees = s.Type, s.Prices, s.Term, s.Guarantees
		if !bytes.Equal(canon.Must(want), canon.Must(r.Offer)) {
			return 0, fault.Newf(CodeQuoteMismatch, "order by the schedule's type, prices, term and guarantees", "the order is not what the schedule %s offers", s.Name).In("request.offer")
		}
	case r.Standing != "":
		if err := t.session(it); err != nil {
			return 0, err
		}
	default:
		s, err := order.OpenQuote(r.Quote)
		if err != nil {
			return 0, fault.Of(err).In("request.quote")
		}
		if err := t.quotedHere(it, s); err != nil {
			return 0, fault.Of(err).In("request.quote")
		}
		it.Quoted = s.Quote.ID
		if s.Quote.Held != 0 && (held == 0 || s.Quote.Held < held) {
			held = s.Quote.Held
		}
		t.put(QuoteKey(canon.Sum("lateral/quote/used/1", r.Quote)), QuoteUse{it.ID})
	}
	if held != 0 && held <= t.ctx.Block.Time {
		return 0, fault.New(CodeQuoteExpired, "what the order needs is not reserved any more", "have it quoted again").In("request.reserved")
	}
	return held, nil
}

// session refuses an order of a session that is not what the standing product
// offers now, or that could outlast it.
func (t *tx) session(it *order.Item) error {
	r := &it.Request
	p, _ := get[product.Instance](t, ProductKey(r.Standing))
	ph, delivered := p.At(t.ctx.Block.Time)
	want, sells := ph.Offer.Session()
	switch {
	case p.Buyer != t.own || p.Agreement != it.Agreement || !sells:
		return notFound("request.standing", "standing product of yours", r.Standing)
	case p.State != product.Active || !delivered:
		return wrongState("product", p.ID, string(p.State), "a session").In("request.standing")
	case p.Ends != 0 && (r.Until == 0 || r.Until > p.Ends):
		return invalid("request.until", "the session could outlast the product that stands", "let it end by then")
	case !bytes.Equal(canon.Must(want), canon.Must(r.Offer)):
		return fault.Newf(CodeQuoteMismatch, "order the product's configuration, at its standing prices", "the order is not what %s offers for a session", p.ID).In("request.offer")
	}
	return nil
}

// quotedHere refuses a quote that the seller has not given to this buyer for this
// order, or not for this moment.
func (t *tx) quotedHere(it *order.Item, s order.SignedQuote) error {
	q, r := s.Quote, &it.Request
	m, _ := get[party.Member](t.ctx.Public, MemberKey(it.Seller))
	switch {
	case !m.NodeKey(s.Key, t.ctx.Block.Height):
		return fault.New(order.CodeBadQuote, "the quote is not signed by a node of the seller", "order of the carrier that has signed it")
	case q.Buyer != it.Buyer || q.Seller != it.Seller:
		return fault.Newf(CodeQuoteMismatch, "order by a quote of your own", "the quote is %s's for %s", q.Seller, q.Buyer)
	case q.Action != r.Action || r.Action == order.Modify && q.Item != r.Product:
		return fault.New(CodeQuoteMismatch, "the quote is for another order", "order what was quoted")
	case q.Until <= t.ctx.Block.Time:
		return fault.Newf(CodeQuoteExpired, "have it quoted again", "the quote was valid until %s", usage.Stamp(q.Until))
	case !bytes.Equal(canon.Must(q.Offer), canon.Must(r.Offer)):
		return fault.New(CodeQuoteMismatch, "the order is not what was quoted", "order the offer exactly as the quote says it")
	case it.Start < q.From:
		return fault.Newf(CodeQuoteMismatch, "let the order begin within the quoted time", "the quote is for a time from %s on", usage.Stamp(q.From))
	case q.To != 0 && (r.Until == 0 || r.Until > q.To):
		return fault.Newf(CodeQuoteMismatch, "let the order end within the quoted time", "the quote is for a time until %s", usage.Stamp(q.To))
	}
	if use, used := get[QuoteUse](t, QuoteKey(canon.Sum("lateral/quote/used/1", r.Quote))); used {
		return conflict("", "have it quoted again", "order %s has used the quote", use.Order)
	}
	return nil
}

// worth is what an order binds its buyer to, by currency: what is charged once,
// what recurs for the term, or for one charge period where there is none, and
// what the buyer expects to use.
func (t *tx) worth(it *order.Item, terms *agreement.Terms) ([]money.Amount, error) {
	r := &it.Request
	sums := map[money.Currency]money.Micro{}
	if r.Action == order.Delete {
		return nil, nil
	}
	used := false
	for i := range r.Offer.Prices {
		p := &r.Offer.Prices[i]
		used = used || p.Kind.Used()
		due, err := t.bound(it, p, terms)
		if err != nil {
			return nil, fault.Of(err).In("request.offer")
		}
		for _, c := range due {
			if sums[p.Currency], err = sums[p.Currency].Add(c.Amount.Micro); err != nil {
				return nil, fault.Of(err).In("request.offer")
			}
		}
	}
	if err := party.CheckLimits(it.Value); err != nil {
		return nil, fault.Of(err).In("value")
	}
	if used {
		if err := checkValue(it.Value); err != nil {
			return nil, err
		}
	}
	for _, v := range it.Value {
		var err error
		if sums[v.Currency], err = sums[v.Currency].Add(v.Micro); err != nil {
			return nil, fault.Of(err).In("value")
		}
	}
	return amountsOf(sums), nil
}

// bound is what a price binds the buyer of an order to.
func (t *tx) bound(it *order.Item, p *rating.Price, terms *agreement.Terms) ([]rating.Charge, error) {
	o := &it.Request.Offer
	switch {
	case p.Kind == rating.OneTime:
		if p.Event == rating.OnEnd || p.Event == rating.OnActivation && it.Request.Action != order.Add || p.Event == rating.OnChange && it.Request.Action != order.Modify {
			return nil, nil
		}
		c, err := p.Once(usage.Interval{From: it.Start, To: it.Start + 1}, o.Quantity(p.Kind), terms.Rounding.Mode)
		return []rating.Charge{c}, err
	case p.Kind.Fixed():
		span, err := t.firstTerm(it, p, terms)
		if err != nil {
			return nil, err
		}
		return p.Recur(span, o.Quantity(p.Kind), terms.Rounding.Mode)
	}
	return nil, nil
}

// firstTerm gives the time for which an order binds at least: its term, or one
// charge period from its beginning on.
func (t *tx) firstTerm(it *order.Item, p *rating.Price, terms *agreement.Terms) (usage.Interval, error) {
	if r := &it.Request; r.Until != 0 {
		return usage.Interval{From: it.Start, To: r.Until}, nil
	}
	if months := it.Request.Offer.Term.Months; months > 0 {
		end, err := usage.AddMonths(it.Start, months, terms.Zone)
		return usage.Interval{From: it.Start, To: end}, err
	}
	dates, err := p.Period.Calendar()
	if err != nil {
		return usage.Interval{}, err
	}
	i := dates.At(it.Start)
	return usage.Interval{From: it.Start, To: it.Start + i.To - i.From}, nil
}

// orderProduct moves the product that an order is about, or makes it.
func (t *tx) orderProduct(it *order.Item, p product.Instance) error {
	if it.Request.Action == order.Add {
		p = product.Instance{ID: it.Request.Product, Agreement: it.Agreement, Buyer: it.Buyer, Seller: it.Seller, Name: it.Spec.Name,
			Clause: it.Clause, OrderedBy: it.ID, Order: it.ID, Account: it.Request.Account, Standing: it.Request.Standing}
		t.setProduct(&p, product.PendingActive)
		t.putProduct(p)
		return nil
	}
	if p.Order != "" {
		return conflict("request.product", "wait until it is finished", "order %s about the product is under way", p.Order)
	}
	event := product.Change
	if it.Request.Action == order.Delete {
		event = product.End
	}
	// What has an end by its own order can be prolonged, and not changed otherwise.
	switch until := it.Request.Until; {
	case event != product.Change || p.Ends == 0 && until == 0:
	case until == 0:
		return wrongState("product", p.ID, string(p.State)+" with an end", "a change")
	case p.Ends <= t.ctx.Block.Time || p.EndedBy != "" || until <= p.Ends:
		return invalid("request.until", "the product has no end that the order could move to a later time", "name a later end of a timed product, or end it")
	}
	p.Order = it.ID
	if err := t.moveProduct(&p, event); err != nil {
		return err
	}
	t.putProduct(p)
	return nil
}

// setItem writes an order's state into its history.
func (t *tx) setItem(it *order.Item, s order.ItemState) {
	if it.State != s {
		it.History = append(it.History, product.Moved{State: string(s), Time: t.ctx.Block.Time})
	}
	it.State = s
}

// moveItem asks the table for an order's next state.
func (t *tx) moveItem(it *order.Item, e order.ItemEvent) error {
	next, ok := it.State.Next(e)
	if !ok {
		return wrongState("order", it.ID, string(it.State), string(e))
	}
	t.setItem(it, next)
	return nil
}

func (t *tx) putItem(it order.Item) {
	t.put(ItemKey(it.ID), it)
	t.emit(EventOrderMoved, ItemKey(it.ID), string(it.State))
}

func (t *tx) setProduct(p *product.Instance, s product.State) {
	if p.State != s {
		p.History = append(p.History, product.Moved{State: string(s), Time: t.ctx.Block.Time})
	}
	p.State = s
}

// moveProduct asks the table for a product's next state.
func (t *tx) moveProduct(p *product.Instance, e product.Event) error {
	next, ok := p.State.Next(e)
	if !ok {
		return wrongState("product", p.ID, string(p.State), string(e))
	}
	t.setProduct(p, next)
	return nil
}

// putProduct writes a product. One whose end is known waits for it.
func (t *tx) putProduct(p product.Instance) {
	p.Deadline = 0
	if p.State.Held() {
		p.Deadline = p.Ends
	}
	t.put(ProductKey(p.ID), p)
	t.emit(EventProductMoved, ProductKey(p.ID), string(p.State))
}

// answers reads an answer to an order about a product and who may give it.
func (t *tx) answers(it order.Item, b OrderAnswer, by party.Code, amounts ...money.Amount) (party.Act, error) {
	if err := checkWhy(b.Why); err != nil {
		return party.Act{}, err
	}
	if t.own != by {
		return party.Act{}, fault.Newf(fault.Forbidden, "wait for the partner", "%s acts next on order %s", by, it.ID)
	}
	return t.authorize(t.agreementTerms(it.Agreement), amounts...)
}

// itemAccept is a yes to what an order waits for: the seller's to the order, its
// cancellation or another date, the buyer's to a charge or a test record.
func itemAccept(t *tx, it order.Item, b OrderAnswer) error {
	switch {
	case it.State == order.ItemAcknowledged:
		return t.acceptItem(it, b)
	case it.State == order.ItemInProgress && it.Delivery != nil:
		act, err := t.answers(it, b, it.Buyer)
		if err != nil {
			return err
		}
		it.Delivery.Confirmed = act
		return t.deliveryStands(it)
	case it.State == order.ItemHeld:
		act, err := t.answers(it, b, it.Buyer, it.Asked.Amount)
		if err != nil {
			return err
		}
		it.Charges, it.Asked = append(it.Charges, *it.Asked), nil
		if it.Wish != nil {
			return t.answerWish(it, order.ItemAgree, order.WishAccepted, "", act)
		}
		if err := t.moveItem(&it, order.ItemAgree); err != nil {
			return err
		}
		t.goOn(&it)
		return nil
	case it.State == order.ItemModifying:
		act, err := t.answers(it, b, it.Seller)
		if err != nil {
			return err
		}
		if err := t.fitsWish(it, *it.Wish); err != nil {
			return err
		}
		return t.answerWish(it, order.ItemMove, order.WishAccepted, "", act)
	case it.State == order.ItemCancelling:
		if _, err := t.answers(it, b, it.Seller); err != nil {
			return err
		}
		return t.endItem(it, order.ItemRelease, b.Why)
	}
	return wrongState("order", it.ID, string(it.State), "acceptance")
}

// acceptItem is the seller's yes to an order: it is checked against the terms that
// hold now.
func (t *tx) acceptItem(it order.Item, b OrderAnswer) error {
	act, err := t.answers(it, b, it.Seller)
	if err != nil {
		return err
	}
	a, err := t.inForce("id", it.Agreement, it.Spec.Line)
	if err != nil {
		return err
	}
	terms := t.latest(a)
	clause, err := terms.ClauseFor(string(it.Spec.Line), it.Request.Offer.Type)
	if err != nil {
		return err
	}
	if it.Request.Action != order.Delete {
		if err := clause.Conforms(&it.Request.Offer); err != nil {
			return err
		}
	}
	if err := t.attested(*terms); err != nil {
		return err
	}
	if err := t.moveItem(&it, order.ItemAccept); err != nil {
		return err
	}
	it.Accepted, it.Clause, it.Tested = act, clause.Clause, clause.Test || it.Request.Test
	it.Deadline = max(it.Start, t.ctx.Block.Time) + clause.Delivery
	t.putItem(it)
	return nil
}

// goOn lets an order go on after a charge, a cancellation or a wish was answered: it has
// the time for delivery that it had, and at least as long as it waited.
func (t *tx) goOn(it *order.Item) {
	it.Deadline, it.Resumed = max(it.Resumed, t.ctx.Block.Time+60_000), 0
	t.putItem(*it)
}

// itemReject is a no to what an order waits for.
func itemReject(t *tx, it order.Item, b OrderAnswer) error {
	switch {
	case it.State == order.ItemAcknowledged:
		if _, err := t.answers(it, b, it.Seller); err != nil {
			return err
		}
		if it.Request.Action == order.Delete {
			return fault.New(fault.Forbidden, "a product ends with the notice that was agreed, and its seller cannot refuse that", "accept the order and end the product")
		}
		return t.endItem(it, order.ItemReject, b.Why)
	case it.State == order.ItemInProgress && it.Delivery != nil:
		if _, err := t.answers(it, b, it.Buyer); err != nil {
			return err
		}
		if b.Why == "" {
			return invalid("why", "the objection gives no reason", "say what the test record does not show")
		}
		if err := t.moveItem(&it, order.ItemObject); err != nil {
			return err
		}
		it.Delivery, it.Why = nil, b.Why
		t.goOn(&it)
		t.emit(EventDeliveryObjected, ItemKey(it.ID), b.Why)
		return nil
	case it.State == order.ItemHeld:
		act, err := t.answers(it, b, it.Buyer)
		if err != nil {
			return err
		}
		if it.Wish != nil {
			return t.answerWish(it, order.ItemKeep, order.WishDeclined, b.Why, act)
		}
		return t.endItem(it, order.ItemDecline, b.Why)
	case it.State == order.ItemModifying:
		act, err := t.answers(it, b, it.Seller)
		if err != nil {
			return err
		}
		if b.Why == "" {
			return invalid("why", "the refusal of another date gives no reason", "say why the order stays as it is")
		}
		return t.answerWish(it, order.ItemKeep, order.WishRejected, b.Why, act)
	case it.State == order.ItemCancelling:
		if _, err := t.answers(it, b, it.Seller); err != nil {
			return err
		}
		if err := t.moveItem(&it, order.ItemKeep); err != nil {
			return err
		}
		it.Why = b.Why
		t.goOn(&it)
		return nil
	}
	return wrongState("order", it.ID, string(it.State), "a rejection")
}

// itemOf finds the order about a product that a command is about.
func (t *tx) itemOf(id string) (order.Item, error) {
	it, ok := get[order.Item](t, ItemKey(id))
	if !ok {
		return it, notFound("id", "order about a product", id)
	}
	return it, nil
}

// orderCancel is the buyer's: what the seller has not accepted yet is cancelled at
// once, else the seller is asked.
func orderCancel(t *tx, b OrderAnswer) error {
	it, err := t.itemOf(b.ID)
	if err != nil {
		return err
	}
	act, err := t.answers(it, b, it.Buyer)
	if err != nil {
		return err
	}
	if it.State == order.ItemAcknowledged {
		return t.endItem(it, order.ItemWithdraw, b.Why)
	}
	if it.Delivery != nil {
		return wrongState("order", it.ID, "delivered, and its test record waits", "a cancellation")
	}
	if err := t.moveItem(&it, order.ItemWithdraw); err != nil {
		return err
	}
	if it.Wish == nil {
		it.Resumed = it.Deadline
	} else {
		t.endWish(&it, order.WishWithdrawn, b.Why, act)
	}
	it.Why = b.Why
	it.Deadline = t.until(*t.agreementTerms(it.Agreement), agreement.StageAnswer)
	t.putItem(it)
	return nil
}

// orderFail is the seller's word that it cannot deliver.
func orderFail(t *tx, b OrderAnswer) error {
	it, err := t.itemOf(b.ID)
	if err != nil {
		return err
	}
	if _, err := t.answers(it, b, it.Seller); err != nil {
		return err
	}
	if it.Request.Action == order.Delete {
		return wrongState("order", it.ID, string(it.State), "keeping a product that its buyer has ended")
	}
	return t.endItem(it, order.ItemFail, b.Why)
}

func orderCharge(t *tx, b OrderCharge) error {
	it, err := t.itemOf(b.ID)
	if err != nil {
		return err
	}
	if b.Name == "" || len(b.Name) > 80 || b.Amount.Micro <= 0 {
		return invalid("amount", "the charge has no name, or comes to nothing", "name it as the bill is to show it, with an amount above zero")
	}
	if err := b.Amount.Currency.Validate(); err != nil {
		return fault.Of(err).In("amount")
	}
	if _, err := t.answers(it, OrderAnswer{b.ID, b.Why}, it.Seller); err != nil {
		return err
	}
	if it.Delivery != nil || len(it.Charges) == order.MaxCharges {
		return wrongState("order", it.ID, string(it.State)+", with a test record or too many charges", "a charge")
	}
	if err := t.moveItem(&it, order.ItemCharge); err != nil {
		return err
	}
	it.Asked = &rating.Charge{Price: b.Name, Kind: rating.OneTime, Quantity: 1, Amount: b.Amount, Why: b.Why}
	if it.Wish == nil {
		it.Resumed = it.Deadline
	} else {
		w := *it.Wish
		w.Charged = true
		it.Wish = &w
	}
	it.Deadline = t.until(*t.agreementTerms(it.Agreement), agreement.StageAnswer)
	t.putItem(it)
	return nil
}

// endItem ends an order that comes to nothing: what it held is free again.
func (t *tx) endItem(it order.Item, e order.ItemEvent, why string) error {
	if err := t.moveItem(&it, e); err != nil {
		return err
	}
	it.Deadline, it.Resumed, it.Asked, it.Delivery, it.Wish = 0, 0, nil, nil, nil
	if why != "" {
		it.Why = why
	}
	p, _ := get[product.Instance](t, ProductKey(it.Request.Product))
	p.Order = ""
	event := product.Settle
	if p.State == product.PendingActive {
		event = product.Cancel
	}
	if err := t.moveProduct(&p, event); err != nil {
		return err
	}
	t.putProduct(p)
	t.putItem(it)
	return nil
}

func productSuspend(t *tx, b ProductAnswer) error {
	p, err := t.productOf(b)
	if err != nil {
		return err
	}
	if err := t.moveProduct(&p, product.Suspend); err != nil {
		return err
	}
	p.Paused = append(p.Paused, product.Pause{From: t.ctx.Block.Time})
	t.putProduct(p)
	return nil
}

func productResume(t *tx, b ProductAnswer) error {
	p, err := t.productOf(b)
	if err != nil {
		return err
	}
	if err := t.moveProduct(&p, product.Resume); err != nil {
		return err
	}
	p.Paused = slices.Clone(p.Paused)
	p.Paused[len(p.Paused)-1].To = t.ctx.Block.Time
	t.putProduct(p)
	return nil
}

func (t *tx) productOf(b ProductAnswer) (product.Instance, error) {
	p, ok := get[product.Instance](t, ProductKey(b.ID))
	if !ok {
		return p, notFound("id", "product", b.ID)
	}
	if p.Seller != t.own {
		return p, fault.New(fault.Forbidden, "the seller suspends a product and resumes it", "end it, or wait for the partner")
	}
	if err := checkWhy(b.Why); err != nil {
		return p, err
	}
	_, err := t.authorize(t.agreementTerms(p.Agreement))
	return p, err
}

// endProducts ends what rests on a terminated agreement: orders come to nothing,
// and products end at this position.
func (t *tx) endProducts(agreementID string, by party.Code) error {
	for _, raw := range t.Scan(prefixItem) {
		it := stored[order.Item](raw)
		if _, open := it.State.Next(order.ItemReject); it.Agreement != agreementID || !open {
			continue
		}
		if err := t.endItem(it, order.ItemReject, "the agreement has ended"); err != nil {
			return err
		}
	}
	for key := range t.Scan(prefixProduct) {
		p, _ := get[product.Instance](t, key) // as its order has left it
		if p.Agreement != agreementID || !p.State.Held() {
			continue
		}
		if err := t.endProduct(&p, t.ctx.Block.Time, by); err != nil {
			return err
		}
		if err := t.moveProduct(&p, product.Expire); err != nil {
			return err
		}
		t.putProduct(p)
	}
	return nil
}

// tickItem applies what was agreed for an order that nobody has finished in time.
func (t *tx) tickItem(it order.Item) error {
	why := string(agreement.Lapsed)
	switch {
	case it.Wish != nil: // the seller has not answered it, or the buyer its charge
		awaited := it.Seller
		if it.State == order.ItemHeld {
			awaited = it.Buyer
		}
		return t.answerWish(it, order.ItemKeep, order.WishLapsed, why, party.Act{By: awaited, Limit: "deadline", Command: t.digest(), Height: t.ctx.Block.Height, Time: t.ctx.Block.Time})
	case it.Request.Action == order.Delete && it.State != order.ItemCancelling:
		// What its buyer has ended ends, whether the seller says so or not.
		it.Delivery = &order.Delivery{At: it.Start}
		return t.deliveryStands(it)
	case it.State == order.ItemAcknowledged:
		return t.endItem(it, order.ItemLapse, why)
	case it.State == order.ItemHeld:
		return t.endItem(it, order.ItemDecline, why)
	case it.State == order.ItemCancelling:
		return t.endItem(it, order.ItemRelease, why)
	case it.Delivery != nil: // the buyer had the time to object
		it.Delivery.Confirmed = party.Act{By: it.Buyer, Limit: "deadline", Command: t.digest(), Height: t.ctx.Block.Height, Time: t.ctx.Block.Time}
		return t.deliveryStands(it)
	}
	return t.endItem(it, order.ItemFail, why)
}

// tickProduct ends a product whose time is over.
func (t *tx) tickProduct(p product.Instance) error {
	if p.Order != "" { // what was still under way about it comes to nothing
		it, _ := get[order.Item](t, ItemKey(p.Order))
		if err := t.endItem(it, order.ItemReject, "the product has ended"); err != nil {
			return err
		}
		p, _ = get[product.Instance](t, ProductKey(p.ID))
	}
	if ph, ok := p.At(p.Ends); ok && p.EndedBy == "" { // by its own time: nobody has charged its end
		b := nextBill{t: t, p: &p, mode: t.agreementTerms(p.Agreement).Rounding.Mode}
		if err := b.due(&ph.Offer, rating.OnEnd, p.Ends); err != nil {
			return err
		}
	}
	if err := t.moveProduct(&p, product.Expire); err != nil {
		return err
	}
	t.putProduct(p)
	return nil
}
