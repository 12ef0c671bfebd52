package sonata

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/store/resource"
)

// Quoter says what products cost.
type Quoter interface {
	// CheckQuote says at once whether a quote can be looked at at all: an immediate
	// one is refused with its error, a deferred one rejected.
	CheckQuote(context.Context, Party, wire.Quote) error
	// Quote answers a quote item by item. Codes: those of refusals (it cannot be
	// provided); not-yet when it takes longer; unavailable and unknown are taken as
	// not-yet.
	Quote(context.Context, Party, wire.Quote) (QuoteAnswer, error)
	// Withdrawn tells that a quote was cancelled, declined or has expired, so that
	// what was reserved for it is free again. It may come more than once.
	Withdrawn(ctx context.Context, p Party, id, state string) error
}

// QuoteAnswer is the seller's answer.
type QuoteAnswer struct {
	// Items are the answers in the order of the quote's items. One with
	// termination errors cannot be provided, and so the quote cannot.
	Items []wire.QuoteResult
	// Alternate are the items whose answer differs from what was asked.
	Alternate map[int]bool
	// Level is budgetary, firmSubjectToFeasibilityCheck or firm.
	Level string
	// Until is when the answer expires.
	Until time.Time
	// Draft says that prices stand but work goes on: a deferred firm quote then
	// waits in inProgress.draft, and Quote is asked again at Again.
	Draft bool
	Again time.Time
	// Proofs are the signed quotes of items; they are given to the buyer in the
	// member lateralQuote, which plain partners ignore.
	Proofs []wire.Proof
}

const (
	quoteItems = "quoteItem"
	quotePath  = "/quote/"
)

// quoteKind is a quote. What was asked within the last minutes under the same
// external id is answered by what is there.
var quoteKind = &kind{
	name: "quote", path: quotePath, function: wire.Quoting, state: "state", moves: quoteMoves, once: 10 * time.Minute,
	summary: func(v wire.Value) wire.Value {
		return pick(v, "id", "state", "quoteDate", "quoteLevel", "externalId", "projectId", "requestedQuoteCompletionDate", "expectedQuoteCompletionDate", "effectiveQuoteCompletionDate")
	},
	attributes: func(v wire.Value) []resource.Attribute {
		return attributesOf(v, []string{"externalId", "projectId", "quoteLevel"},
			[]string{"quoteDate", "requestedQuoteCompletionDate", "expectedQuoteCompletionDate", "effectiveQuoteCompletionDate"})
	},
}

// quoteStates are all states of a quote, as lists filter by them.
var quoteStates = []string{wire.Accepted, wire.Acknowledged, wire.Answered, wire.Orderable, wire.OrderableAlternate, wire.Cancelled, wire.UnableToProvide,
	wire.Declined, wire.Expired, wire.InProgress, wire.Draft, wire.Rejected}

func quoteShape(r wire.Release) *shape {
	product := req("product", productShape(r))
	reference := object(req("id", text), req("productOfferingQualificationId", text), opt("alternateProductOfferingProposalId", text), opt("productOfferingQualificationHref", text))
	if r == wire.Grace {
		product = opt("product", productShape(r))
		reference = object(req("id", text), req("productOfferingQualificationId", text), opt("alternateProductProposalId", text), opt("productOfferingQualificationHref", text))
	}
	item := object(req("id", text), req("action", oneOf("add", "modify", "delete")), product, opt("requestedQuoteItemTerm", termShape(r)), opt("note", list(noteShape, 0)),
		opt("productOfferingQualificationItem", reference), opt("relatedContactInformation", contactsShape(r, 0)), opt("agreementName", text), opt("dealReference", text),
		opt("requestedQuoteItemInstallationInterval", durationShape(r)), opt("quoteItemRelationship", list(itemRelationship, 0)))
	return object(opt("note", list(noteShape, 0)), opt("requestedQuoteCompletionDate", date), opt("relatedContactInformation", contactsShape(r, 0)), opt("description", text),
		opt("externalId", text), req("buyerRequestedQuoteLevel", oneOf("budgetary", "firm")), opt("projectId", text), req("instantSyncQuote", boolean), req(quoteItems, list(item, 1)))
}

var quoteOperationShape = object(req("quoteId", text), opt("reason", text))

func (s *Server) quoteOperations(r wire.Release) []operation {
	s.work[quoteKind.name] = s.workQuote
	params := append([]param{choice("state", "state", quoteStates...), choice("quoteLevel", "quoteLevel", wire.Budgetary, wire.FirmIfFeasible, wire.Firm), equal("externalId"), equal("projectId")}, paged...)
	for _, name := range []string{"quoteDate", "requestedQuoteCompletionDate", "expectedQuoteCompletionDate", "effectiveQuoteCompletionDate"} {
		params = append(params, between(name)...)
	}
	lists, posts, removes, decline := plus(listErrors, 501), plus(createErrors, 501), plus(getErrors, 422, 501), "declineQuote"
	if r == wire.Grace {
		lists, posts, removes, decline = []int{400, 401, 403, 500}, []int{400, 401, 403, 500, 501}, plus(getErrors, 501), "rejectQuote"
	}
	return append([]operation{
		{id: "listQuote", method: http.MethodGet, path: "/quote", params: params, errors: lists, do: func(c *call) (*reply, error) { return c.list(quoteKind) }},
		{id: "createQuote", method: http.MethodPost, path: "/quote", body: quoteShape(r), status: http.StatusCreated, errors: createErrors, do: (*call).quote},
		{id: "retrieveQuote", method: http.MethodGet, path: quotePath + "{id}", errors: getErrors, do: func(c *call) (*reply, error) { return c.retrieve(quoteKind) }},
		{id: "cancelQuote", method: http.MethodPost, path: "/cancelQuote", body: quoteOperationShape, errors: createErrors, do: func(c *call) (*reply, error) { return c.endQuote(wire.Cancelled, wire.ItemAbandoned) }},
		{id: decline, method: http.MethodPost, path: "/" + decline, body: quoteOperationShape, errors: createErrors, do: func(c *call) (*reply, error) { return c.endQuote(wire.Declined, "") }},
	}, s.hub(r == wire.Kylie, posts, removes)...)
}

func readQuote(r wire.Release, body wire.Value) (q wire.Quote, err error) {
	if r == wire.Grace {
		body = wire.FromGraceTask(body, quoteItems)
	}
	if err := body.Decode(&q); err != nil {
		return q, fault.New(CodeBadBody, "the body cannot be read", "send it as the published file says").Because(err)
	}
	return q, nil
}

func (c *call) quote() (*reply, error) {
	q, err := readQuote(c.release, c.body)
	if err != nil {
		return nil, err
	}
	if err := c.checkQuote(q); err != nil {
		return nil, err
	}
	return c.create(quoteKind, func(id string) (*made, error) {
		body, now := c.body, c.s.now()
		body.Set("id", id)
		if h := c.s.href(c.release, wire.Quoting, quotePath+id); h != "" {
			body.Set("href", h)
		}
		body.Set("quoteDate", wire.Time(now))
		c.s.addContact(&body)
		q.ID, q.Created = id, now
		if !q.Instant {
			if !q.Requested.IsZero() {
				body.Set("expectedQuoteCompletionDate", wire.Time(q.Requested))
			}
			if err := c.s.moveQuote(&body, wire.Acknowledged, wire.Acknowledged, ""); err != nil {
				return nil, err
			}
			return &made{body: body, due: now}, nil
		}
		if err := c.s.seller.Quoter.CheckQuote(c.ctx, c.party(), q); err != nil {
			return nil, err
		}
		answer, err := c.s.seller.Quoter.Quote(c.ctx, c.party(), q)
		due, err := c.s.quoted(c.release, &body, q, answer, err)
		if err != nil {
			return nil, err
		}
		return &made{body: body, due: due, events: c.s.quoteEvents(c.scope(quoteKind.name), body, true)}, nil
	})
}

// checkQuote checks what the standard asks beyond the form.
func (c *call) checkQuote(q wire.Quote) error {
	faults := many{}
	faults.add(unexpected(c.body, "id", "href", "state", "stateChange", "quoteDate", "quoteLevel", "validFor", "expectedQuoteCompletionDate", "effectiveQuoteCompletionDate"))
	if !q.Instant {
		faults.add(needContact(c.body, wire.BuyerContact))
		if q.Requested.IsZero() {
			faults.add(fault.New(CodeMissingProperty, "a deferred request does not say until when it is to be answered", "send it, or ask for an immediate answer").In("requestedQuoteCompletionDate"))
		}
	}
	ids := map[string]bool{}
	for i, item := range q.Items {
		p := quoteItems + "." + strconv.Itoa(i)
		raw := c.body.Get(quoteItems).Items[i]
		faults.add(unexpectedIn(raw, p, "state", "stateChange", "quoteItemPrice", "quoteItemTerm", "quoteItemInstallationInterval", "subjectToFeasibilityCheck", "terminationError"))
		faults.add(newID(ids, item.ID, p))
		if !raw.Has("product") {
			faults.add(fault.New(CodeMissingProperty, "an item has no product", "send it").In(p + ".product"))
		} else {
			faults.add(checkProduct(item.Action, item.Product, p, false))
		}
		if !q.Instant {
			if err := needContact(raw, "quoteItemTechnicalContact"); err != nil {
				faults.add(fault.Of(err).In(p))
			}
		}
		if t := item.Term; t != nil && t.End == wire.EndOfTermRoll && t.Roll == nil {
			faults.add(fault.New(CodeMissingProperty, "a term that rolls has no interval by which it does", "send it").In(p + ".requestedQuoteItemTerm.rollInterval"))
		}
		for j, r := range item.Relationship {
			faults.add(knownItem(q.Items, func(x wire.QuoteItem) string { return x.ID }, r.ID, p+".quoteItemRelationship."+strconv.Itoa(j)))
		}
		for j, n := range item.Notes {
			if n.Source != "buyer" {
				faults.add(fault.New(fault.Invalid, "a note of the request is not the buyer's", "write buyer").In(p + ".note." + strconv.Itoa(j) + ".source"))
			}
		}
	}
	return faults.err()
}

// moveQuote gives a quote a state, and its items, which are in the form of both
// releases: item "" leaves them. Grace keeps no history of items.
func (s *Server) moveQuote(body *wire.Value, state, item, reason string) error {
	if from := body.Get("state").Text(); !slices.Contains(quoteMoves[from], state) {
		return fault.Newf(fault.Refused, "look at its state first", "a quote that is %s cannot become %s", from, state).In("quoteId")
	}
	if item != "" {
		items := body.Open(quoteItems).Elements()
		for i := range items {
			setState(&items[i], "state", "stateChange", item, s.now(), "")
		}
	}
	setState(body, "state", "stateChange", state, s.now(), reason)
	return nil
}

// quoted puts the seller's answer into a quote, and gives when it is looked at
// again. An error is one that is not an answer.
func (s *Server) quoted(r wire.Release, body *wire.Value, q wire.Quote, a QuoteAnswer, err error) (due time.Time, _ error) {
	now := s.now()
	effective := func() { body.Set("effectiveQuoteCompletionDate", wire.Time(now)) }
	if err != nil {
		switch {
		case notYet(err):
			err = fault.New(fault.NotYet, "the answer was not ready in time", "")
		case q.Instant || meaningOf(fault.CodeOf(err)).status >= 500:
			return due, err
		}
		items := body.Open(quoteItems).Elements()
		for i := range items {
			items[i].Set("terminationError", terminationErrors(err))
		}
		effective()
		return due, s.moveQuote(body, wire.UnableToProvide, wire.UnableToProvide, cut(fault.Of(err).Detail, 255))
	}
	if err := checkAnswer(q, a); err != nil {
		return due, err
	}
	unable := slices.ContainsFunc(a.Items, func(x wire.QuoteResult) bool { return len(x.Errors) > 0 })
	state := wire.Orderable
	switch {
	case unable:
		state = wire.UnableToProvide
	case q.Level == wire.Budgetary:
		state = wire.Answered
	case a.Draft && !q.Instant:
		state = wire.Draft
	case len(a.Alternate) > 0:
		state = wire.OrderableAlternate
	}
	items := body.Open(quoteItems).Elements()
	for i := range items {
		x, itemState := a.Items[i], state
		switch {
		case unable && len(x.Errors) == 0:
			itemState, x = wire.ItemAbandoned, wire.QuoteResult{}
		case unable:
			x = wire.QuoteResult{Errors: x.Errors}
		case state == wire.OrderableAlternate && !a.Alternate[i]:
			itemState = wire.Orderable
		}
		if err := putResult(r, &items[i], x); err != nil {
			return due, err
		}
		setState(&items[i], "state", "stateChange", itemState, now, "")
	}
	if !unable {
		body.Set("quoteLevel", a.Level)
		if !a.Until.IsZero() {
			body.Set("validFor", wire.ValueOf(map[string]string{"startDateTime": wire.Time(now), "endDateTime": wire.Time(a.Until)}))
			due = a.Until
		}
		if len(a.Proofs) > 0 {
			body.Set("lateralQuote", a.Proofs)
		}
	}
	if state == wire.Draft {
		if due = a.Again; due.IsZero() {
			due = now.Add(again)
		}
	} else {
		effective()
	}
	return due, s.moveQuote(body, state, "", "")
}

// checkAnswer holds the seller to what the standard asks of it.
func checkAnswer(q wire.Quote, a QuoteAnswer) error {
	wrong := func(detail string) error {
		return fault.New(fault.Internal, "the quoter's answer "+detail, "report this")
	}
	if len(a.Items) != len(q.Items) {
		return wrong("has another number of items than the quote")
	}
	if slices.ContainsFunc(a.Items, func(x wire.QuoteResult) bool { return len(x.Errors) > 0 }) {
		return nil
	}
	switch {
	case q.Level == wire.Budgetary && a.Level != wire.Budgetary, q.Level == wire.Firm && a.Level != wire.Firm && a.Level != wire.FirmIfFeasible:
		return wrong("is not of the level that was asked for")
	case a.Until.IsZero():
		return wrong("does not say until when it is good")
	}
	for i, x := range a.Items {
		if len(x.Prices) == 0 && q.Items[i].Action != wire.Delete {
			return wrong("has an item without a price")
		}
		for _, p := range x.Prices {
			if p.Type == wire.Recurring && p.Period == nil || p.Type == wire.UsageBased && p.Unit == "" {
				return wrong("has a recurring price without a period, or one by use without a unit")
			}
		}
	}
	return nil
}

// quoteEvents tell of a quote's new state, and with items of theirs.
func (s *Server) quoteEvents(scope resource.Scope, body wire.Value, items bool) []resource.Event {
	all := s.taskEvents(scope, wire.Quoting, body, quotePath, quoteItems, "quoteStateChangeEvent", "quoteItemStateChangeEvent", "quoteItemId")
	if !items {
		return all[len(all)-1:]
	}
	return all
}

// endQuote cancels or declines a quote.
func (c *call) endQuote(state, item string) (*reply, error) {
	id := c.body.Get("quoteId").Text()
	scope := c.scope(quoteKind.name)
	_, err := c.s.update(c.ctx, quoteKind, scope, id, func(_ *resource.Record, body wire.Value) (*change, error) {
		// What has ended by the clock has ended, if the work on it is late.
		if end := endOf(body); slices.Contains(quoteMoves[body.Get("state").Text()], wire.Expired) && !end.IsZero() && !c.s.now().Before(end) {
			return nil, fault.New(fault.Refused, "ask for another", "the quote has expired").In("quoteId")
		}
		if err := c.s.moveQuote(&body, state, item, cut(c.body.Get("reason").Text(), 255)); err != nil {
			return nil, err
		}
		body.Set("effectiveQuoteCompletionDate", wire.Time(c.s.now()))
		// The seller is told beside this answer, and again until it has heard.
		return &change{body: body, due: c.s.now(), events: c.s.quoteEvents(scope, body, item != "")}, nil
	})
	if fault.CodeOf(err) == fault.NotFound {
		return nil, fault.Newf(CodeReferenceUnknown, "look the id up in the list", "there is no quote %.64q", id).In("quoteId")
	} else if err != nil {
		return nil, err
	}
	return answered(c.body), nil
}

func endOf(body wire.Value) time.Time {
	end, err := time.Parse(time.RFC3339Nano, body.Get("validFor").Get("endDateTime").Text())
	if err != nil {
		return time.Time{}
	}
	return end
}

// workQuote goes on with a deferred quote, lets one expire, and tells the seller
// of one that has ended.
func (s *Server) workQuote(ctx context.Context, r *resource.Record) error {
	release := releaseOf(r.Scope)
	body, err := wire.Parse(r.Body)
	if err != nil {
		return err
	}
	q, err := readQuote(release, body)
	if err != nil {
		return err
	}
	switch r.State {
	case wire.Acknowledged:
		if err := s.seller.Quoter.CheckQuote(ctx, partyOf(r), q); err != nil {
			if notYet(err) || meaningOf(fault.CodeOf(err)).status >= 500 {
				return err
			}
			return s.step(ctx, quoteKind, r, func(body wire.Value) (*change, error) {
				items := body.Open(quoteItems).Elements()
				for i := range items {
					items[i].Set("terminationError", terminationErrors(err))
				}
				body.Set("effectiveQuoteCompletionDate", wire.Time(s.now()))
				if err := s.moveQuote(&body, wire.Rejected, wire.Rejected, cut(fault.Of(err).Detail, 255)); err != nil {
					return nil, err
				}
				return &change{body: body, events: s.quoteEvents(r.Scope, body, true)}, nil
			})
		}
		return s.step(ctx, quoteKind, r, func(body wire.Value) (*change, error) {
			if err := s.moveQuote(&body, wire.InProgress, wire.InProgress, ""); err != nil {
				return nil, err
			}
			return &change{body: body, due: s.now(), events: s.quoteEvents(r.Scope, body, true)}, nil
		})
	case wire.InProgress, wire.Draft:
		answer, err := s.seller.Quoter.Quote(ctx, partyOf(r), q)
		if notYet(err) && s.now().Before(q.Requested) {
			return s.postpone(ctx, r, s.soon(q.Requested))
		}
		if r.State == wire.Draft && err == nil && answer.Draft {
			if answer.Again.IsZero() {
				answer.Again = s.now().Add(again)
			}
			return s.postpone(ctx, r, answer.Again)
		}
		return s.step(ctx, quoteKind, r, func(body wire.Value) (*change, error) {
			due, err := s.quoted(release, &body, q, answer, err)
			if err != nil {
				return nil, err
			}
			return &change{body: body, due: due, events: s.quoteEvents(r.Scope, body, true)}, nil
		})
	case wire.Answered, wire.Orderable, wire.OrderableAlternate:
		if end := endOf(body); s.now().Before(end) {
			return s.postpone(ctx, r, end)
		}
		if err := s.seller.Quoter.Withdrawn(ctx, partyOf(r), r.ID, wire.Expired); err != nil {
			return err
		}
		return s.step(ctx, quoteKind, r, func(body wire.Value) (*change, error) {
			if err := s.moveQuote(&body, wire.Expired, "", ""); err != nil {
				return nil, err
			}
			return &change{body: body, events: s.quoteEvents(r.Scope, body, false)}, nil
		})
	case wire.Cancelled, wire.Declined:
		if err := s.seller.Quoter.Withdrawn(ctx, partyOf(r), r.ID, r.State); err != nil {
			return err
		}
	}
	return s.step(ctx, quoteKind, r, func(body wire.Value) (*change, error) { return &change{body: body}, nil })
}

// acceptQuote gives a quote that is ordered its last state, in the transaction
// that stores the order. Codes: reference-unknown, refused when it has expired or
// ended.
func (s *Server) acceptQuote(tx *resource.Tx, scope resource.Scope, id, order string) error {
	scope.Kind = string(releaseOf(scope)) + "/" + quoteKind.name
	r, err := tx.Get(scope, id)
	if fault.CodeOf(err) == fault.NotFound {
		return fault.Newf(CodeReferenceUnknown, "look the id up in the list", "there is no quote %.64q", id)
	} else if err != nil {
		return err
	}
	body, err := wire.Parse(r.Body)
	if err != nil {
		return err
	}
	if r.State == wire.Accepted {
		return nil // several orders may follow one quote
	}
	if end := endOf(body); !end.IsZero() && !s.now().Before(end) {
		return fault.New(fault.Refused, "ask for another", "the quote has expired")
	}
	if err := s.moveQuote(&body, wire.Accepted, "", "order "+order); err != nil {
		return err
	}
	r.Due = time.Time{}
	quoteKind.fill(r, body)
	if err := tx.Put(r); err != nil {
		return err
	}
	return tx.Emit(s.quoteEvents(scope, body, false)...)
}
