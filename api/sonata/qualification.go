package sonata

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/store/resource"
)

// Qualifier says what can be delivered.
type Qualifier interface {
	// CheckQualification says at once whether a qualification can be looked at at
	// all: an immediate one is refused with its error, a deferred one rejected.
	CheckQualification(context.Context, Party, wire.POQ) error
	// Qualify answers a qualification item by item, in their order. An item with
	// termination errors fails the qualification. Codes: those of refusals (it ends
	// with them); not-yet when the answer takes longer (an immediate request then
	// fails in time, a deferred one is asked again); unavailable and unknown are
	// taken as not-yet.
	Qualify(context.Context, Party, wire.POQ) ([]wire.QualificationResult, error)
}

const (
	poqItems = "productOfferingQualificationItem"
	poqPath  = "/productOfferingQualification/"
)

// qualificationKind is a qualification. What was asked within the last minutes
// under the same external id is answered by what is there; later the answer may
// have changed.
var qualificationKind = &kind{
	name: "productOfferingQualification", path: poqPath, function: wire.Qualification, state: "state", moves: qualificationMoves, once: 10 * time.Minute,
	summary: func(v wire.Value) wire.Value {
		return pick(v, "id", "state", "creationDate", "requestedPOQCompletionDate", "externalId", "projectId")
	},
	attributes: func(v wire.Value) []resource.Attribute {
		return attributesOf(v, []string{"externalId", "projectId"}, []string{"creationDate", "requestedPOQCompletionDate"})
	},
}

func qualificationShape(r wire.Release) *shape {
	item := object(req("id", text), req("action", oneOf("add", "modify")), req("product", productShape(r, opt("productSpecification", referenceShape))),
		opt("qualificationItemRelationship", list(itemRelationship, 0)), opt("endCustomerName", text))
	instant, alternative := req("instantSyncQualification", boolean), req("provideAlternative", boolean)
	if r == wire.Grace {
		item = object(req("id", text), req("action", oneOf("add", "modify", "delete")), req("product", productShape(r, opt("productSpecification", referenceShape))),
			opt("qualificationItemRelationship", list(itemRelationship, 0)), opt("relatedContactInformation", contactsShape(r, 0)))
		instant, alternative = opt("instantSyncQualification", boolean), opt("provideAlternative", boolean)
	}
	return object(opt("projectId", text), opt("externalId", text), instant, alternative, opt("requestedPOQCompletionDate", date),
		req("relatedContactInformation", contactsShape(r, 1)), req(poqItems, list(item, 1)))
}

func (s *Server) qualificationOperations(r wire.Release) []operation {
	s.work[qualificationKind.name] = s.workQualification
	states := []string{wire.Acknowledged, wire.InProgress, wire.Done, wire.Rejected, wire.TerminatedWithError}
	params := append([]param{equal("externalId"), equal("projectId")}, between("requestedPOQCompletionDate")...)
	lists, posts, removes := listErrors, plus(createErrors, 501), plus(getErrors, 422, 501)
	if r == wire.Grace {
		states = []string{wire.Acknowledged, wire.TerminatedWithError, wire.InProgress, "done.unableToProvide", "done.ready"}
		lists, posts, removes = []int{400, 401, 403, 500}, []int{400, 401, 403, 404, 500, 501}, plus(getErrors, 501)
	} else {
		params = append(params, between("creationDate")...)
	}
	params = append(append(params, choice("state", "state", states...)), paged...)
	return append([]operation{
		{id: "listProductOfferingQualification", method: http.MethodGet, path: "/productOfferingQualification", params: params, errors: plus(lists, 501), do: func(c *call) (*reply, error) { return c.list(qualificationKind) }},
		{id: "createProductOfferingQualification", method: http.MethodPost, path: "/productOfferingQualification", body: qualificationShape(r), status: http.StatusCreated, errors: createErrors, do: (*call).qualify},
		{id: "retrieveProductOfferingQualification", method: http.MethodGet, path: poqPath + "{id}", errors: plus(getErrors, 501), do: func(c *call) (*reply, error) { return c.retrieve(qualificationKind) }},
	}, s.hub(r == wire.Kylie, posts, removes)...)
}

// readQualification reads a request, in kylie's form whatever it came in.
func readQualification(r wire.Release, body wire.Value) (q wire.POQ, err error) {
	if r == wire.Grace {
		body = wire.FromGraceTask(body, poqItems)
	}
	if err := body.Decode(&q); err != nil {
		return q, fault.New(CodeBadBody, "the body cannot be read", "send it as the published file says").Because(err)
	}
	return q, nil
}

func (c *call) qualify() (*reply, error) {
	q, err := readQualification(c.release, c.body)
	if err != nil {
		return nil, err
	}
	if err := c.checkQualification(q); err != nil {
		return nil, err
	}
	return c.create(qualificationKind, func(id string) (*made, error) {
		body, now := c.body, c.s.now()
		body.Set("id", id)
		if h := c.s.href(c.release, wire.Qualification, poqPath+id); h != "" {
			body.Set("href", h)
		}
		if c.release == wire.Kylie {
			body.Set("creationDate", wire.Time(now))
		}
		c.s.addContact(&body)
		q.ID, q.Created = id, now
		if !q.Instant {
			c.s.moveQualification(c.release, &body, wire.Acknowledged, wire.Acknowledged, "")
			return &made{body: body, due: now}, nil
		}
		if err := c.s.seller.Qualifier.CheckQualification(c.ctx, c.party(), q); err != nil {
			return nil, err
		}
		results, err := c.s.seller.Qualifier.Qualify(c.ctx, c.party(), q)
		if err := c.s.qualified(c.release, &body, q, results, err); err != nil {
			return nil, err
		}
		return &made{body: body, events: c.s.qualificationEvents(c.scope(qualificationKind.name), body)}, nil
	})
}

// checkQualification checks what the standard asks beyond the form.
func (c *call) checkQualification(q wire.POQ) error {
	faults := many{unexpected(c.body, "id", "href", "state", "stateChange", "creationDate", "expectedPOQCompletionDate", "effectiveQualificationDate")}
	faults.add(needContact(c.body, wire.BuyerContact))
	if !q.Instant && q.Requested.IsZero() {
		faults.add(fault.New(CodeMissingProperty, "a deferred request does not say until when it is to be answered", "send it, or ask for an immediate answer").In("requestedPOQCompletionDate"))
	}
	ids := map[string]bool{}
	for i, item := range q.Items {
		p := poqItems + "." + strconv.Itoa(i)
		faults.add(unexpectedIn(c.body.Get(poqItems).Items[i], p, "state", "stateChange", "serviceabilityConfidence", "terminationError", "installationInterval", "alternateProductOfferingProposal"))
		faults.add(newID(ids, item.ID, p))
		faults.add(checkProduct(item.Action, item.Product, p, true))
		for j, r := range item.Relationship {
			faults.add(knownItem(q.Items, func(x wire.POQItem) string { return x.ID }, r.ID, p+".qualificationItemRelationship."+strconv.Itoa(j)))
		}
	}
	return faults.err()
}

// moveQualification gives a qualification and all its items a state.
func (s *Server) moveQualification(r wire.Release, body *wire.Value, state, item, reason string) {
	items := body.Open(poqItems).Elements()
	for i := range items {
		s.qualificationState(r, &items[i], item, true, reason)
	}
	s.qualificationState(r, body, state, false, reason)
}

func (s *Server) qualificationState(r wire.Release, v *wire.Value, state string, item bool, reason string) {
	if r == wire.Grace {
		state = wire.GraceState(state, item)
	}
	setState(v, "state", "stateChange", state, s.now(), reason)
}

// qualified puts the seller's answer into a qualification. An error is one that
// is not an answer.
func (s *Server) qualified(r wire.Release, body *wire.Value, q wire.POQ, results []wire.QualificationResult, err error) error {
	// What grace calls a lack of information kylie knows before the work begins
	// only.
	refused, state := wire.TerminatedWithError, wire.Done
	if r == wire.Grace {
		refused = wire.Rejected
	}
	switch {
	case err == nil:
	case notYet(err):
		s.endQualification(r, body, wire.TerminatedWithError, fault.New(fault.NotYet, "the answer was not ready in time", ""))
		return nil
	case q.Instant || meaningOf(fault.CodeOf(err)).status >= 500:
		return err
	default:
		s.endQualification(r, body, refused, err)
		return nil
	}
	if err := checkResults(q, results); err != nil {
		return err
	}
	for _, x := range results {
		if len(x.Errors) > 0 {
			state = refused
		}
	}
	items := body.Open(poqItems).Elements()
	for i := range items {
		x, itemState := results[i], wire.Done
		if !q.Alternatives {
			x.Alternates = nil
		}
		switch {
		case len(x.Errors) > 0:
			itemState, x = refused, wire.QualificationResult{Errors: x.Errors}
		case state != wire.Done:
			itemState, x = wire.Abandoned, wire.QualificationResult{}
		}
		if err := putResult(r, &items[i], x); err != nil {
			return err
		}
		if q.Alternatives && itemState == wire.Done && len(x.Alternates) == 0 && x.Confidence != wire.GreenConfidence {
			items[i].Set("alternateProductOfferingProposal", []any{})
		}
		s.qualificationState(r, &items[i], itemState, true, "")
	}
	s.qualificationState(r, body, state, false, "")
	if r == wire.Grace {
		body.Set("effectiveQualificationDate", wire.Time(s.now()))
	}
	return nil
}

// checkResults holds the seller to what the standard asks of it.
func checkResults(q wire.POQ, results []wire.QualificationResult) error {
	if len(results) != len(q.Items) {
		return fault.Newf(fault.Internal, "report this", "the qualifier answered %d of %d items", len(results), len(q.Items))
	}
	for _, x := range results {
		ok := x.Confidence == wire.RedConfidence || x.Interval != nil && (x.Confidence == wire.GreenConfidence || x.Confidence == wire.YellowConfidence)
		if len(x.Errors) == 0 && !ok {
			return fault.New(fault.Internal, "the qualifier's answer has no confidence, or no interval with it", "report this")
		}
	}
	return nil
}

// putResult puts the members of a result into an item, in the form of a release.
func putResult(r wire.Release, item *wire.Value, result any) error {
	v := wire.ValueOf(result)
	if r == wire.Grace {
		if err := wire.ToGraceItem(&v); err != nil {
			return err
		}
	}
	for _, m := range v.Members {
		item.Set(m.Name, m.Value)
	}
	return nil
}

// endQualification ends a qualification without an answer.
func (s *Server) endQualification(r wire.Release, body *wire.Value, state string, why error) {
	items := body.Open(poqItems).Elements()
	for i := range items {
		items[i].Set("terminationError", terminationErrors(why))
		s.qualificationState(r, &items[i], state, true, "")
	}
	s.qualificationState(r, body, state, false, cut(fault.Of(why).Detail, 255))
}

// terminationErrors writes refusals as items have them.
func terminationErrors(err error) (all []wire.TerminationError) {
	for _, e := range flatten(err) {
		f := fault.Of(e)
		m := meaningOf(f.Code)
		if m.status != http.StatusUnprocessableEntity {
			m.code = "otherIssue"
		}
		t := wire.TerminationError{Code: m.code, Value: f.Detail}
		if f.Field != "" {
			t.PropertyPath = pointer(f.Field)
		}
		all = append(all, t)
	}
	return all
}

// qualificationEvents tell of a qualification's new state and those of its items.
func (s *Server) qualificationEvents(scope resource.Scope, body wire.Value) (events []resource.Event) {
	return s.taskEvents(scope, wire.Qualification, body, poqPath, poqItems, "poqStateChangeEvent", "poqItemStateChangeEvent", "poqItemId")
}

// taskEvents tell of a task's new state and those of its items.
func (s *Server) taskEvents(scope resource.Scope, f wire.Function, body wire.Value, path, items, event, itemEvent, itemID string) (events []resource.Event) {
	id := body.Get("id").Text()
	href := s.href(releaseOf(scope), f, path+id)
	for _, item := range body.Get(items).Items {
		events = append(events, s.event(scope, f, itemEvent, id, href, item.Get("state").Text(), wire.Member{Name: itemID, Value: item.Get("id")}))
	}
	return append(events, s.event(scope, f, event, id, href, body.Get("state").Text()))
}

// workQualification goes on with a deferred qualification.
func (s *Server) workQualification(ctx context.Context, r *resource.Record) error {
	release := releaseOf(r.Scope)
	body, err := wire.Parse(r.Body)
	if err != nil {
		return err
	}
	q, err := readQualification(release, body)
	if err != nil {
		return err
	}
	if r.State == wire.Acknowledged {
		if err := s.seller.Qualifier.CheckQualification(ctx, partyOf(r), q); err != nil {
			if notYet(err) || meaningOf(fault.CodeOf(err)).status >= 500 {
				return err
			}
			return s.step(ctx, qualificationKind, r, func(body wire.Value) (*change, error) {
				s.endQualification(release, &body, wire.Rejected, err)
				return &change{body: body, events: s.qualificationEvents(r.Scope, body)}, nil
			})
		}
		return s.step(ctx, qualificationKind, r, func(body wire.Value) (*change, error) {
			s.moveQualification(release, &body, wire.InProgress, wire.InProgress, "")
			return &change{body: body, due: s.now(), events: s.qualificationEvents(r.Scope, body)}, nil
		})
	}
	if r.State != wire.InProgress {
		return s.step(ctx, qualificationKind, r, func(body wire.Value) (*change, error) { return &change{body: body}, nil })
	}
	results, err := s.seller.Qualifier.Qualify(ctx, partyOf(r), q)
	if notYet(err) && s.now().Before(q.Requested) {
		return s.postpone(ctx, r, s.soon(q.Requested))
	}
	return s.step(ctx, qualificationKind, r, func(body wire.Value) (*change, error) {
		if err := s.qualified(release, &body, q, results, err); err != nil {
			return nil, err
		}
		return &change{body: body, events: s.qualificationEvents(r.Scope, body)}, nil
	})
}
