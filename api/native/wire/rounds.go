package wire

import (
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/netting"
	"github.com/lateral-network/lateral/trade/party"
)

// Round is a round of netting among members.
type Round struct {
	ID       canon.Hash     `json:"id"`
	Caller   party.Code     `json:"caller"`
	Currency money.Currency `json:"currency"`
	Method   netting.Method `json:"method" enum:"compression,multilateral"`
	State    netting.State  `json:"state" enum:"joining,signing,agreed,lapsed" doc:"As it is now, by the clock too."`
	JoinBy   Time           `json:"join_by"`
	SignBy   Time           `json:"sign_by"`
	Offered  money.Micro    `json:"offered" doc:"The sum of all offers."`
	Missing  uint32         `json:"missing,omitempty" doc:"Signatures of the result that are not there yet."`
	Result   canon.Hash     `json:"result,omitzero" doc:"What is signed, once the time to join is over."`
}

// RoundDetail is a round with what stands on its board, and this carrier's part.
type RoundDetail struct {
	Round
	Key      sign.PublicKey `json:"key,omitzero" doc:"This carrier's own in the round. Absent: it takes no part."`
	Debts    []RoundDebt    `json:"debts" nullable:"false" doc:"That are offered, by keys of the round."`
	Payments []RoundPayment `json:"payments" nullable:"false" doc:"Of positions, in the place of the debts."`
	Pairs    []RoundPair    `json:"pairs" nullable:"false" doc:"What this carrier and its partners have offered."`
}

// RoundDebt is a debt in a round.
type RoundDebt struct {
	Debtor   sign.PublicKey `json:"debtor"`
	Creditor sign.PublicKey `json:"creditor"`
	Offered  money.Micro    `json:"offered"`
	Left     money.Micro    `json:"left" doc:"By the result; while there is none, all of it."`
}

// RoundPayment is a payment of a position.
type RoundPayment struct {
	Payer  sign.PublicKey `json:"payer"`
	Payee  sign.PublicKey `json:"payee"`
	Amount money.Micro    `json:"amount"`
}

// RoundPair is what two have offered into a round.
type RoundPair struct {
	Partner     party.Code     `json:"partner"`
	Key         sign.PublicKey `json:"key" doc:"The partner's in this round."`
	Obligations []string       `json:"obligations" nullable:"false" doc:"That are bound."`
	Signed      bool           `json:"signed" doc:"Both have signed the offers."`
	Applied     bool           `json:"applied" doc:"The result has taken them down."`
}

// CallRound begins a round. Without an id one is made from the Idempotency-Key.
type CallRound struct {
	ID       canon.Hash     `json:"id,omitzero"`
	Currency money.Currency `json:"currency" minLength:"3" maxLength:"3"`
	Method   netting.Method `json:"method,omitempty" enum:"compression,multilateral" doc:"Absent: compression. By multilateral, positions are paid in the currency's token."`
	JoinBy   Time           `json:"join_by" doc:"Until when debts are offered."`
	SignBy   Time           `json:"sign_by" doc:"Until when all have to sign what comes of them."`
}

// JoinRound has this carrier take part in a round.
type JoinRound struct {
	Partner party.Code  `json:"partner,omitempty" maxLength:"32" doc:"Offer what is owed between this carrier and that one. Absent: every partner."`
	Limit   money.Micro `json:"limit,omitzero" doc:"The most that a compression takes off this carrier's debts. Absent: all that is offered."`
}

// JoinedRound is the partners with which a carrier takes part.
type JoinedRound struct {
	Partners []party.Code `json:"partners" nullable:"false"`
}
