package wire

import (
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/usage"
)

// Today is how the trade with all partners stands now.
type Today struct {
	At       Time           `json:"at" doc:"Of the last block."`
	Cycles   []RunningCycle `json:"cycles" nullable:"false" doc:"Billing cycles that run, the one that ends next first."`
	Disputes []ToDecide     `json:"disputes" nullable:"false" doc:"Disputes that wait for people, by partner."`
	Exposure []Exposed      `json:"exposure" nullable:"false" doc:"How much stands between each payer and its payment."`
	Rejected []RejectedRows `json:"rejected" nullable:"false" doc:"Rows of own imports that could not be taken in, by partner; without those that have none."`
}

// RejectedRows counts the rows of a partner's imports that could not be taken in.
type RejectedRows struct {
	Partner  party.Code `json:"partner"`
	Rejected uint64     `json:"rejected"`
}

// RunningCycle is the billing period of an agreement that runs now, and what became of
// those of the last days.
type RunningCycle struct {
	Partner   party.Code                     `json:"partner"`
	Agreement string                         `json:"agreement"`
	Cycle     string                         `json:"cycle" example:"1mo"`
	Zone      string                         `json:"zone" doc:"In which days and months begin."`
	Interval  usage.Interval                 `json:"interval"`
	Grace     int64                          `json:"grace_ms" doc:"After the end, for late records."`
	States    map[invoice.PeriodState]uint64 `json:"states" doc:"Periods that are over and not closed, by state."`
}

// ToDecide counts a partner's disputes that wait for people.
type ToDecide struct {
	Partner party.Code `json:"partner"`
	Waiting uint64     `json:"waiting" doc:"For either side's people."`
	Ours    uint64     `json:"ours" doc:"Of them, those for which this side has proposed nothing."`
	First   Time       `json:"first,omitzero" doc:"The nearest deadline of a decision."`
}

// Exposed is one payer's exposure.
type Exposed struct {
	Partner    party.Code     `json:"partner"`
	Agreement  string         `json:"agreement"`
	Payer      party.Code     `json:"payer"`
	Currency   money.Currency `json:"currency"`
	State      string         `json:"state" doc:"within, warned or beyond."`
	Exposure   money.Micro    `json:"exposure"`
	Allocation money.Micro    `json:"allocation"`
}

// Trend is what went between this carrier and its partners over a time.
type Trend struct {
	From   Time         `json:"from"`
	To     Time         `json:"to"`
	Points []TrendPoint `json:"points" nullable:"false" doc:"In order; times without any period have none."`
}

// TrendPoint sums the periods that begin within a piece of the time.
type TrendPoint struct {
	At       Time         `json:"at" doc:"When the piece begins."`
	CallsIn  uint64       `json:"calls_in" doc:"Calls for which this carrier is paid."`
	CallsOut uint64       `json:"calls_out" doc:"Calls for which it pays."`
	Money    []TrendMoney `json:"money" nullable:"false" doc:"What is invoiced, by currency."`
}

// TrendMoney is what is invoiced in one currency.
type TrendMoney struct {
	Currency money.Currency `json:"currency"`
	In       money.Micro    `json:"in" doc:"By this carrier."`
	Out      money.Micro    `json:"out" doc:"To it."`
}
