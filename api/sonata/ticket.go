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

// Troubles takes tickets. What becomes of them comes from the carrier by
// Server.UpdateTicket; incidents by Server.PutIncident.
type Troubles interface {
	// TakeTicket says whether a ticket is taken, how urgent the seller finds it, and
	// when it expects to have done with it. Empty means: as the buyer says. Nothing
	// is stored yet. A refusal is the answer to the buyer.
	TakeTicket(context.Context, Party, wire.Ticket) (TicketView, error)
	// TicketSaid tells how a ticket stands that the buyer has opened, changed, closed,
	// reopened, or wants cancelled (assessingCancellation: it is cancelled when this
	// returns without error). It may come more than once.
	TicketSaid(context.Context, Party, wire.Ticket) error
}

// TicketView is a ticket as the seller sees it.
type TicketView struct {
	Priority string
	Severity string
	Expected time.Time
}

const (
	ticketPath   = "/troubleTicket/"
	incidentPath = "/incident/"
	// closeAfter is when a resolved ticket that the buyer says nothing to is closed.
	closeAfter = 7 * 24 * time.Hour
)

var (
	priorities    = []string{"low", "medium", "high", "critical"}
	severities    = []string{"minor", "moderate", "significant", "extensive"}
	impacts       = []string{"degraded", "intermittent", "down"}
	ticketTypes   = []string{"assistance", "information", "installation", "maintenance"}
	incidentTypes = []string{"maintenance", "repair", "installation"}

	ticketStatuses   = []string{wire.Acknowledged, wire.AssessingCancellation, wire.Cancelled, wire.TicketClosed, wire.InProgress, wire.Pending, wire.TicketResolved, wire.TicketReopened}
	incidentStatuses = []string{wire.TicketClosed, wire.IncidentCreated, wire.InProgress}

	ticketKind = &kind{
		name: "troubleTicket", path: ticketPath, function: wire.TroubleTicket, state: "status", moves: ticketMoves,
		summary: func(v wire.Value) wire.Value {
			s := pick(v, "id", "status", "creationDate", "description", "externalId", "observedImpact", "priority", "severity", "sellerPriority", "sellerSeverity", "ticketType", "relatedEntity",
				"expectedResolutionDate", "resolutionDate")
			// The file requires of a list what a ticket need not have.
			if !s.Has("externalId") {
				s.Set("externalId", "")
			}
			if !s.Has("resolutionDate") {
				s.Set("resolutionDate", v.Get("expectedResolutionDate"))
			}
			return s
		},
		attributes: func(v wire.Value) []resource.Attribute {
			return append(attributesOf(v, []string{"externalId", "priority", "sellerPriority", "severity", "sellerSeverity", "ticketType", "observedImpact"},
				[]string{"creationDate", "expectedResolutionDate", "resolutionDate"}), entityAttributes(v)...)
		},
	}
	incidentKind = &kind{
		name: "incident", path: incidentPath, function: wire.TroubleTicket, state: "status", moves: incidentMoves,
		summary: func(v wire.Value) wire.Value {
			return pick(v, "id", "href", "status", "creationDate", "description", "impact", "incidentType", "priority", "severity", "situationStartDate", "expectedClosedDate", "closedDate", "relatedEntity")
		},
		attributes: func(v wire.Value) []resource.Attribute {
			return append(attributesOf(v, []string{"priority", "severity", "impact", "incidentType"},
				[]string{"creationDate", "situationStartDate", "expectedClosedDate", "closedDate"}), entityAttributes(v)...)
		},
	}
)

func entityAttributes(v wire.Value) (all []resource.Attribute) {
	for _, e := range v.Get("relatedEntity").Items {
		all = append(all, resource.Attribute{Name: "relatedEntityId", Value: e.Get("id").Text()}, resource.Attribute{Name: "relatedEntityType", Value: e.Get("@referredType").Text()})
	}
	return all
}

// ticketShape is a ticket's body: of a new one, or of a change.
func ticketShape(r wire.Release, fresh bool) *shape {
	entity := list(object(req("@referredType", text), opt("href", text), req("id", text), req("role", text)), 1)
	entity.most = 1
	size := object(req("amount", number), req("units", oneOf("BYTES", "KBYTES", "MBYTES", "GBYTES", "TBYTES", "PBYTES", "EBYTES", "ZBYTES", "YBYTES")))
	url := req("url", text)
	if r == wire.Grace {
		size, url = object(opt("amount", number), opt("units", text)), opt("url", text)
	}
	source := oneOf("buyer", "seller")
	attachment := object(req("author", text), req("creationDate", date), opt("description", text), opt("mimeType", text), req("name", text), opt("size", size), req("source", source), url)
	issue := object(req("@referredType", text), req("creationDate", date), req("description", text), opt("href", text), req("id", text), req("relationshipType", text), req("source", source))
	must, contacts := req, 1
	if !fresh {
		must, contacts = opt, 0
	}
	s := object(opt("attachment", list(attachment, 0)), opt("externalId", text), opt("issueStartDate", date), opt("note", list(noteShape, 0)), must("observedImpact", oneOf(impacts...)),
		must("priority", oneOf(priorities...)), must("relatedContactInformation", contactsShape(r, contacts)), opt("relatedIssue", list(issue, 0)), must("severity", oneOf(severities...)))
	if fresh {
		s = s.with(req("description", text), req("relatedEntity", entity), req("ticketType", oneOf(ticketTypes...)))
	}
	return s
}

func (s *Server) troubleOperations(r wire.Release) []operation {
	s.work[ticketKind.name] = s.workTicket
	tickets := slices.Concat([]param{equal("externalId"), choice("priority", "priority", priorities...), choice("sellerPriority", "sellerPriority", priorities...), choice("severity", "severity", severities...),
		choice("sellerSeverity", "sellerSeverity", severities...), choice("ticketType", "ticketType", ticketTypes...), choice("status", "state", ticketStatuses...), choice("observedImpact", "observedImpact", impacts...),
		equal("relatedEntityId"), equal("relatedEntityType")}, paged, between("creationDate"), between("expectedResolutionDate"), between("resolutionDate"))
	incidents := slices.Concat([]param{choice("priority", "priority", priorities...), choice("severity", "severity", severities...), choice("impact", "impact", impacts...), choice("incidentType", "incidentType", incidentTypes...),
		choice("status", "state", incidentStatuses...), equal("relatedEntityId"), equal("relatedEntityType")}, paged, between("creationDate"), between("situationStartDate"), between("expectedClosedDate"), between("closedDate"))
	lists, posts := listErrors, createErrors
	if r == wire.Grace {
		lists = []int{400, 401, 403, 500}
		posts = lists
	}
	acts := plus(getErrors, 422)
	return append([]operation{
		{id: "listTroubleTicket", method: http.MethodGet, path: "/troubleTicket", params: tickets, errors: lists, do: func(c *call) (*reply, error) { return c.list(ticketKind) }},
		{id: "createTroubleTicket", method: http.MethodPost, path: "/troubleTicket", body: ticketShape(r, true), status: http.StatusCreated, errors: createErrors, do: (*call).ticket},
		{id: "retrieveTroubleTicket", method: http.MethodGet, path: ticketPath + "{id}", errors: getErrors, do: func(c *call) (*reply, error) { return c.retrieve(ticketKind) }},
		{id: "patchTroubleTicket", method: http.MethodPatch, path: ticketPath + "{id}", body: ticketShape(r, false), errors: plus(getErrors, 409, 422), do: (*call).patchTicket},
		{id: "cancelTroubleTicket", method: http.MethodPost, path: ticketPath + "{id}/cancel", status: http.StatusNoContent, errors: acts, do: func(c *call) (*reply, error) { return c.actOnTicket(wire.AssessingCancellation) }},
		{id: "closeTroubleTicket", method: http.MethodPost, path: ticketPath + "{id}/close", status: http.StatusNoContent, errors: acts, do: func(c *call) (*reply, error) { return c.actOnTicket(wire.TicketClosed) }},
		{id: "reopenTroubleTicket", method: http.MethodPost, path: ticketPath + "{id}/reopen", body: object(req("reason", text)), status: http.StatusNoContent, errors: acts, do: func(c *call) (*reply, error) { return c.actOnTicket(wire.TicketReopened) }},
		{id: "listIncident", method: http.MethodGet, path: "/incident", params: incidents, errors: plus(lists, 501), do: func(c *call) (*reply, error) { return c.list(incidentKind) }},
		{id: "retrieveIncident", method: http.MethodGet, path: incidentPath + "{id}", errors: plus(getErrors, 501), do: func(c *call) (*reply, error) { return c.retrieve(incidentKind) }},
	}, s.hub(true, posts, getErrors)...)
}

func readTicket(body wire.Value) (t wire.Ticket, err error) {
	if err := body.Decode(&t); err != nil {
		return t, fault.New(CodeBadBody, "the body cannot be read", "send it as the published file says").Because(err)
	}
	return t, nil
}

func (c *call) ticket() (*reply, error) {
	if err := unexpected(c.body, "id", "href", "status", "statusChange", "creationDate", "expectedResolutionDate", "resolutionDate", "sellerPriority", "sellerSeverity", "workOrder"); err != nil {
		return nil, err
	}
	t, err := readTicket(c.body)
	if err != nil {
		return nil, err
	}
	if err := buyersNotes(t.Notes, "note"); err != nil {
		return nil, err
	}
	if e := t.Entity[0]; e.Type == "Product" && c.s.seller.Orders != nil {
		if _, err := c.s.store.Get(c.ctx, c.scope(productKind.name), e.ID); fault.CodeOf(err) == fault.NotFound {
			return nil, fault.Newf(CodeReferenceUnknown, "look the id up in the inventory", "there is no product %.64q", e.ID).In("relatedEntity.0.id")
		} else if err != nil {
			return nil, err
		}
	}
	return c.create(ticketKind, func(id string) (*made, error) {
		body, now := c.body, c.s.now()
		t.ID, t.Created = id, now
		view, err := c.s.seller.Troubles.TakeTicket(c.ctx, c.party(), t)
		if err != nil {
			return nil, err
		}
		body.Set("id", id)
		if h := c.s.href(c.release, wire.TroubleTicket, ticketPath+id); h != "" {
			body.Set("href", h)
		}
		body.Set("creationDate", wire.Time(now))
		c.s.addContactAs(&body, "sellerContact")
		if view.Expected.IsZero() {
			view.Expected = now.Add(24 * time.Hour)
		}
		seen(&body, TicketView{first(view.Priority, t.Priority), first(view.Severity, t.Severity), view.Expected})
		setState(&body, "status", "statusChange", wire.Acknowledged, now, "")
		return &made{body: body, due: now}, nil
	})
}

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// seen puts the seller's view into a ticket.
func seen(body *wire.Value, v TicketView) {
	if v.Priority != "" {
		body.Set("sellerPriority", v.Priority)
	}
	if v.Severity != "" {
		body.Set("sellerSeverity", v.Severity)
	}
	if !v.Expected.IsZero() {
		body.Set("expectedResolutionDate", wire.Time(v.Expected))
	}
}

func (s *Server) troubleEvent(scope resource.Scope, k *kind, name string, body wire.Value, status bool) resource.Event {
	id := body.Get("id").Text()
	var more []wire.Member
	if status && releaseOf(scope) != wire.Grace {
		more = append(more, wire.Member{Name: "status", Value: body.Get("status")})
	}
	return s.event(scope, wire.TroubleTicket, name, id, s.href(releaseOf(scope), wire.TroubleTicket, k.path+id), "", more...)
}

// moveTicket gives a ticket a status, and the events that tell of it.
func (s *Server) moveTicket(scope resource.Scope, body *wire.Value, status, reason string) ([]resource.Event, error) {
	if from := body.Get("status").Text(); !slices.Contains(ticketMoves[from], status) {
		return nil, fault.Newf(fault.Refused, "look at its status first", "a ticket that is %s cannot become %s", from, status)
	}
	setState(body, "status", "statusChange", status, s.now(), reason)
	switch status {
	case wire.TicketResolved:
		body.Set("resolutionDate", wire.Time(s.now()))
	case wire.TicketReopened:
		body.Drop("resolutionDate")
	}
	events := []resource.Event{s.troubleEvent(scope, ticketKind, "troubleTicketStatusChangeEvent", *body, true)}
	switch status {
	case wire.TicketResolved:
		events = append(events, s.troubleEvent(scope, ticketKind, "troubleTicketResolvedEvent", *body, false))
	case wire.Pending:
		events = append(events, s.troubleEvent(scope, ticketKind, "troubleTicketInformationRequiredEvent", *body, false))
	}
	return events, nil
}

// patchTicket changes what the buyer may change of a ticket that has not ended.
func (c *call) patchTicket() (*reply, error) {
	t, err := readTicket(c.body)
	if err != nil {
		return nil, err
	}
	faults := many{}
	faults.add(buyersNotes(t.Notes, "note"))
	changeable := []string{"externalId", "observedImpact", "priority", "severity", "issueStartDate", "relatedContactInformation"}
	faults.add(onlyMembers(c.body, "", append([]string{"attachment", "note", "relatedIssue"}, changeable...)...))
	for i, a := range c.body.Get("attachment").Items {
		if a.Get("source").Text() != "buyer" {
			faults.add(fault.New(fault.Invalid, "an attachment of the request is not the buyer's", "write buyer").In("attachment." + strconv.Itoa(i) + ".source"))
		}
	}
	if err := faults.err(); err != nil {
		return nil, err
	}
	scope := c.scope(ticketKind.name)
	r, err := c.s.update(c.ctx, ticketKind, scope, c.id, func(r *resource.Record, body wire.Value) (*change, error) {
		if len(ticketMoves[r.State]) == 0 || r.State == wire.AssessingCancellation {
			return nil, fault.Newf(fault.Conflict, "open another ticket", "the ticket is %s and changes no more", r.State)
		}
		merge(&body, c.body, changeable...)
		appendNotes(&body, c.body)
		for _, name := range []string{"attachment", "relatedIssue"} {
			if more := c.body.Get(name).Items; len(more) > 0 {
				all := body.Get(name)
				for _, m := range more {
					all.Append(m)
				}
				body.Set(name, all)
			}
		}
		return &change{body: body, due: c.s.now(), events: []resource.Event{c.s.troubleEvent(scope, ticketKind, "troubleTicketAttributeValueChangeEvent", body, false)}}, nil
	})
	if err != nil {
		return nil, err
	}
	return &reply{body: r.Body}, nil
}

// actOnTicket cancels, closes or reopens a ticket.
func (c *call) actOnTicket(status string) (*reply, error) {
	scope := c.scope(ticketKind.name)
	_, err := c.s.update(c.ctx, ticketKind, scope, c.id, func(_ *resource.Record, body wire.Value) (*change, error) {
		events, err := c.s.moveTicket(scope, &body, status, cut(c.body.Get("reason").Text(), 255))
		return &change{body: body, due: c.s.now(), events: events}, err
	})
	return &reply{}, err
}

// workTicket tells the seller what the buyer has said, ends a ticket that is to
// be cancelled, and closes one that was resolved long ago.
func (s *Server) workTicket(ctx context.Context, r *resource.Record) error {
	body, err := wire.Parse(r.Body)
	if err != nil {
		return err
	}
	t, err := readTicket(body)
	if err != nil {
		return err
	}
	closing := r.State == wire.TicketResolved && !s.now().Before(t.Resolved.Add(closeAfter))
	if !closing {
		if err := s.seller.Troubles.TicketSaid(ctx, partyOf(r), t); err != nil {
			return err
		}
	}
	return s.step(ctx, ticketKind, r, func(body wire.Value) (*change, error) {
		switch {
		case closing:
			events, err := s.moveTicket(r.Scope, &body, wire.TicketClosed, "no answer since it was resolved")
			return &change{body: body, events: events}, err
		case r.State == wire.TicketResolved:
			return &change{body: body, due: t.Resolved.Add(closeAfter)}, nil
		case r.State == wire.AssessingCancellation:
			events, err := s.moveTicket(r.Scope, &body, wire.Cancelled, "")
			return &change{body: body, events: events}, err
		}
		return &change{body: body}, nil
	})
}

// TicketUpdate is what the seller changes of a ticket; what is empty stays.
type TicketUpdate struct {
	Status string
	Reason string
	TicketView
	Note *wire.Note // its source is set to seller
}

// UpdateTicket changes a ticket as the carrier sees it, and tells the buyer.
// Codes: not-found, refused when the status does not follow.
func (s *Server) UpdateTicket(ctx context.Context, buyer, seller, id string, u TicketUpdate) error {
	scope, err := s.scopeFor(ticketKind, buyer, seller)
	if err != nil {
		return err
	}
	_, err = s.update(ctx, ticketKind, scope, id, func(r *resource.Record, body wire.Value) (*change, error) {
		ch := &change{due: r.Due}
		if u.Note != nil {
			n := *u.Note
			n.Source = "seller"
			var one, notes wire.Value
			notes.Append(n)
			one.Set("note", notes)
			appendNotes(&body, one)
		}
		seen(&body, u.TicketView)
		if u.Note != nil || u.TicketView != (TicketView{}) {
			ch.events = append(ch.events, s.troubleEvent(scope, ticketKind, "troubleTicketAttributeValueChangeEvent", body, false))
		}
		if u.Status != "" && u.Status != r.State {
			events, err := s.moveTicket(scope, &body, u.Status, cut(u.Reason, 255))
			if err != nil {
				return nil, err
			}
			ch.events = append(ch.events, events...)
			if u.Status == wire.TicketResolved {
				ch.due = s.now().Add(closeAfter)
			}
		}
		ch.body = body
		return ch, nil
	})
	return err
}

// PutIncident tells a buyer of a situation that touches it, or of how it goes on:
// one that is there is replaced, if its status follows. Codes: invalid, not-found,
// refused.
func (s *Server) PutIncident(ctx context.Context, buyer, seller string, in wire.Incident) error {
	scope, err := s.scopeFor(incidentKind, buyer, seller)
	if err != nil {
		return err
	}
	if in.ID == "" || len(in.Entity) == 0 || !slices.Contains(incidentStatuses, in.Status) || in.Began.IsZero() {
		return fault.New(fault.Invalid, "an incident has no id, no entity, no beginning, or no status of the standard", "give all four")
	}
	if len(in.Contacts) == 0 {
		c := s.options.Contact
		c.Role = "incidentContact"
		in.Contacts = []wire.Contact{c}
	}
	now := s.now()
	in.Href, in.StatusChange = s.href(releaseOf(scope), wire.TroubleTicket, incidentPath+in.ID), nil
	if in.Status == wire.TicketClosed && in.Closed.IsZero() {
		in.Closed = now
	}
	fresh := func() wire.Value {
		v := wire.ValueOf(in)
		if releaseOf(scope) == wire.Grace {
			wire.ToGraceContacts(&v)
		}
		return v
	}
	return s.store.Update(ctx, func(tx *resource.Tx) error {
		r, err := tx.Get(scope, in.ID)
		if fault.CodeOf(err) == fault.NotFound {
			in.Created = now
			body := fresh()
			setState(&body, "status", "statusChange", in.Status, now, "")
			r = &resource.Record{Scope: scope, ID: in.ID}
			incidentKind.fill(r, body)
			if err := tx.Insert(r); err != nil {
				return err
			}
			return tx.Emit(s.troubleEvent(scope, incidentKind, "incidentCreateEvent", body, false))
		} else if err != nil {
			return err
		}
		old, err := wire.Parse(r.Body)
		if err != nil {
			return err
		}
		body := fresh()
		body.Set("creationDate", old.Get("creationDate"))
		body.Set("statusChange", old.Get("statusChange"))
		event := s.troubleEvent(scope, incidentKind, "incidentAttributeValueChangeEvent", body, false)
		if in.Status != r.State {
			if !slices.Contains(incidentMoves[r.State], in.Status) {
				return fault.Newf(fault.Refused, "look at its status first", "an incident that is %s cannot become %s", r.State, in.Status)
			}
			setState(&body, "status", "statusChange", in.Status, now, "")
			event = s.troubleEvent(scope, incidentKind, "incidentStatusChangeEvent", body, true)
		}
		incidentKind.fill(r, body)
		if err := tx.Put(r); err != nil {
			return err
		}
		return tx.Emit(event)
	})
}
