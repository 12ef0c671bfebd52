package wire

import (
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/repute"
)

// Reputation is what is said of how a member pays, as it counts for this carrier.
type Reputation struct {
	Pseudonym  sign.PublicKey `json:"pseudonym,omitzero" doc:"Absent: the partner has shown none."`
	Pseudonyms int            `json:"pseudonyms" doc:"How many it has had; more than one hides what was before."`
	Score      uint32         `json:"score" doc:"Share of invoices paid on time, percent: the lowest that counts; 0 when nothing does."`
	Days       uint32         `json:"days" doc:"Mean time from invoice to receipt: the longest that counts."`
	Counted    int            `json:"counted" doc:"Statements of members with whom this carrier has an agreement, the partner itself left out."`
	Others     int            `json:"others" doc:"Statements of anybody else: they change nothing."`
	Unagreed   int            `json:"unagreed" doc:"Of those that count: the partner has not signed them."`
	Said       []Said         `json:"said" nullable:"false"`
	Ours       *Payer         `json:"ours,omitempty" doc:"What the history of payments here gives, and this carrier may say."`
}

// Payer is how a member has paid its last invoices.
type Payer struct {
	Invoices uint32 `json:"invoices" doc:"1 to 12."`
	OnTime   uint32 `json:"on_time"`
	Days     uint32 `json:"days" doc:"Mean time from invoice to receipt."`
}

// Said is a statement of one member.
type Said struct {
	By        party.Code `json:"by"`
	Statement Payer      `json:"statement"`
	Agreed    bool       `json:"agreed" doc:"Its subject has signed it."`
	Counts    bool       `json:"counts" doc:"For this carrier."`
	Time      Time       `json:"time"`
}

// OwnReputation is what others say of this carrier's pseudonym.
type OwnReputation struct {
	Pseudonym  sign.PublicKey `json:"pseudonym,omitzero" doc:"To which this carrier is bound. Absent: to none that follows from this node's secret."`
	Pseudonyms int            `json:"pseudonyms" doc:"How many it has had."`
	Shown      []party.Code   `json:"shown" nullable:"false" doc:"Partners that have been shown it."`
	Said       []Said         `json:"said" nullable:"false"`
}

// CommitPseudonym binds this carrier to a pseudonym.
type CommitPseudonym struct {
	Another bool `json:"another,omitempty" doc:"Take another than the one that it has: partners see how many it has had."`
}

// ShownPayer shows a statement.
func ShownPayer(s repute.Statement) Payer { return Payer{s.Invoices, s.OnTime, s.Days} }

// ShownSaid shows what a member has said.
func ShownSaid(s repute.Said, counts bool) Said {
	return Said{By: s.By, Statement: ShownPayer(s.Statement), Agreed: s.Agreed != (sign.Signature{}), Counts: counts, Time: Time(s.Time)}
}
