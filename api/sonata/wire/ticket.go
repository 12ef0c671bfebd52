package wire

import "time"

// Ticket is a trouble ticket of a buyer.
type Ticket struct {
	ID             string          `json:"id,omitempty"`
	Href           string          `json:"href,omitempty"`
	ExternalID     string          `json:"externalId,omitempty"`
	Description    string          `json:"description"`
	Impact         string          `json:"observedImpact"` // degraded, intermittent, down
	Priority       string          `json:"priority"`       // low, medium, high, critical
	Severity       string          `json:"severity"`       // minor, moderate, significant, extensive
	Type           string          `json:"ticketType"`     // assistance, information, installation, maintenance
	Began          time.Time       `json:"issueStartDate,omitzero"`
	Contacts       []Contact       `json:"relatedContactInformation"`
	Entity         []RelatedEntity `json:"relatedEntity"` // exactly one
	Issues         []RelatedIssue  `json:"relatedIssue,omitempty"`
	Notes          []Note          `json:"note,omitempty"`
	Attachments    Value           `json:"attachment,omitzero"`
	Created        time.Time       `json:"creationDate,omitzero"`
	Expected       time.Time       `json:"expectedResolutionDate,omitzero"`
	Resolved       time.Time       `json:"resolutionDate,omitzero"`
	SellerPriority string          `json:"sellerPriority,omitempty"`
	SellerSeverity string          `json:"sellerSeverity,omitempty"`
	Status         string          `json:"status,omitempty"`
	StatusChange   []StatusChange  `json:"statusChange,omitempty"`
}

// RelatedEntity is what a ticket or an incident is about.
type RelatedEntity struct {
	ID   string `json:"id"`
	Type string `json:"@referredType"` // such as Product
	Role string `json:"role"`
	Href string `json:"href,omitempty"`
}

// RelatedIssue leads to another ticket or incident.
type RelatedIssue struct {
	ID          string    `json:"id"`
	Type        string    `json:"@referredType"`
	Relation    string    `json:"relationshipType"`
	Description string    `json:"description"`
	Source      string    `json:"source"`
	Created     time.Time `json:"creationDate"`
	Href        string    `json:"href,omitempty"`
}

// Incident is a seller's word of a situation that touches a buyer.
type Incident struct {
	ID           string          `json:"id"`
	Href         string          `json:"href,omitempty"`
	Description  string          `json:"description"`
	Impact       string          `json:"impact"`
	Type         string          `json:"incidentType"` // maintenance, repair, installation
	Priority     string          `json:"priority"`
	Severity     string          `json:"severity"`
	Began        time.Time       `json:"situationStartDate"`
	Created      time.Time       `json:"creationDate,omitzero"`
	Expected     time.Time       `json:"expectedClosedDate,omitzero"`
	Closed       time.Time       `json:"closedDate,omitzero"`
	Contacts     []Contact       `json:"relatedContactInformation"`
	Entity       []RelatedEntity `json:"relatedEntity"`
	Issues       []RelatedIssue  `json:"relatedIssue,omitempty"`
	Notes        []Note          `json:"note,omitempty"`
	Status       string          `json:"status"`
	StatusChange []StatusChange  `json:"statusChange,omitempty"`
}

// TicketUpdate changes what a buyer may change of a ticket.
type TicketUpdate struct {
	ExternalID string         `json:"externalId,omitempty"`
	Impact     string         `json:"observedImpact,omitempty"`
	Priority   string         `json:"priority,omitempty"`
	Severity   string         `json:"severity,omitempty"`
	Began      time.Time      `json:"issueStartDate,omitzero"`
	Contacts   []Contact      `json:"relatedContactInformation,omitempty"`
	Issues     []RelatedIssue `json:"relatedIssue,omitempty"`
	Notes      []Note         `json:"note,omitempty"`
}

// Statuses of tickets and incidents, beside those of orders.
const (
	TicketClosed    = "closed"
	TicketResolved  = "resolved"
	TicketReopened  = "reopened"
	IncidentCreated = "created"
)
