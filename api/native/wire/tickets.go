package wire

// Ticket is a trouble ticket: a partner's, or one that this carrier has opened with a
// partner.
type Ticket struct {
	ID          string       `json:"id"`
	Partner     string       `json:"partner" doc:"Whose it is; of an own one, who has it."`
	Own         bool         `json:"own,omitempty" doc:"This carrier has opened it with the partner."`
	Status      string       `json:"status" doc:"As in Sonata: acknowledged, inProgress, pending, resolved, reopened, closed, assessingCancellation, cancelled."`
	Type        string       `json:"type"`
	Description string       `json:"description"`
	Impact      string       `json:"impact" doc:"degraded, intermittent or down."`
	Priority    string       `json:"priority" doc:"As the side sees it that has opened it."`
	Severity    string       `json:"severity" doc:"As the side sees it that has opened it."`
	OwnPriority string       `json:"own_priority,omitempty" doc:"As the side sees it that is to resolve it."`
	OwnSeverity string       `json:"own_severity,omitempty" doc:"As the side sees it that is to resolve it."`
	About       string       `json:"about" doc:"What it is about, such as Product P-1."`
	External    string       `json:"external,omitempty" doc:"The partner's own number."`
	Created     Time         `json:"created"`
	Began       Time         `json:"began,omitzero" doc:"When the trouble did."`
	Expected    Time         `json:"expected,omitzero" doc:"When it is to be resolved."`
	Resolved    Time         `json:"resolved,omitzero"`
	Notes       []TicketNote `json:"notes,omitempty"`
	History     []TicketMove `json:"history" nullable:"false"`
	Allowed     []string     `json:"allowed" nullable:"false" doc:"What this carrier may do about it now: acknowledge, progress, ask, resolve, close; about an own one: note, cancel, close, reopen."`
}

// OpenTicket opens a ticket with a partner, about a product that this carrier has of
// it.
type OpenTicket struct {
	Product     string `json:"product" minLength:"1" maxLength:"64" doc:"Its id."`
	Description string `json:"description" minLength:"1" maxLength:"4000"`
	Type        string `json:"type,omitempty" enum:"assistance,information,installation,maintenance" default:"assistance"`
	Impact      string `json:"impact" enum:"degraded,intermittent,down"`
	Priority    string `json:"priority" enum:"low,medium,high,critical"`
	Severity    string `json:"severity" enum:"minor,moderate,significant,extensive"`
	Began       Time   `json:"began,omitzero" doc:"When the trouble did."`
	External    string `json:"external,omitempty" maxLength:"64" doc:"This carrier's own number; absent: one is made."`
}

// OwnTicketNote is what this carrier says to a ticket of its own.
type OwnTicketNote struct {
	Note string `json:"note" minLength:"1" maxLength:"4000" doc:"For the partner."`
}

// OwnTicketAnswer is a step about a ticket of its own.
type OwnTicketAnswer struct {
	Why string `json:"why,omitempty" maxLength:"255" doc:"For the partner: why it is opened again."`
}

// TicketNote is what one side has written.
type TicketNote struct {
	By     string `json:"by" doc:"buyer or seller."`
	Author string `json:"author"`
	Time   Time   `json:"time"`
	Text   string `json:"text"`
}

// TicketMove is a status that a ticket came to.
type TicketMove struct {
	Status string `json:"status"`
	Time   Time   `json:"time"`
	Why    string `json:"why,omitempty"`
}

// TicketAnswer is what this carrier says to a ticket.
type TicketAnswer struct {
	Why      string `json:"why,omitempty" maxLength:"255" doc:"Of the change of status."`
	Note     string `json:"note,omitempty" maxLength:"4000" doc:"For the partner."`
	Priority string `json:"priority,omitempty" enum:"low,medium,high,critical" doc:"As this carrier sees it."`
	Severity string `json:"severity,omitempty" enum:"minor,moderate,significant,extensive" doc:"As this carrier sees it."`
	Expected Time   `json:"expected,omitzero" doc:"When it is to be resolved."`
}

// Incident is a situation that this carrier tells a partner of.
type Incident struct {
	ID          string   `json:"id"`
	Partner     string   `json:"partner"`
	Status      string   `json:"status" enum:"created,inProgress,closed"`
	Type        string   `json:"type" enum:"maintenance,repair,installation"`
	Description string   `json:"description" maxLength:"4000"`
	Impact      string   `json:"impact" enum:"degraded,intermittent,down"`
	Priority    string   `json:"priority" enum:"low,medium,high,critical"`
	Severity    string   `json:"severity" enum:"minor,moderate,significant,extensive"`
	Products    []string `json:"products" minItems:"1" doc:"That it touches, by their ids."`
	Began       Time     `json:"began" doc:"When the situation begins."`
	Expected    Time     `json:"expected,omitzero" doc:"When it is expected to be over."`
	Closed      Time     `json:"closed,omitzero"`
	Allowed     []string `json:"allowed,omitempty" doc:"Statuses that it may come to next. Said by the node only."`
}
