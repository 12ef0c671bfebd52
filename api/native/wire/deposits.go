package wire

import (
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/token"
)

// Deposit is a lock of tokens out of which the two pay each other.
type Deposit struct {
	ID      canon.Hash      `json:"id" doc:"Of the lock, as the Omnilateral has it."`
	Owner   party.Code      `json:"owner"`
	Amount  token.Amount    `json:"amount" doc:"What is in the lock."`
	State   token.LockState `json:"state" enum:"locked,leaving,closed,claimed"`
	Round   uint64          `json:"round" doc:"How often both have changed it."`
	Paid    []money.Micro   `json:"paid" nullable:"false" doc:"What the owner and the other have paid through it since it was changed last."`
	Ours    money.Micro     `json:"ours" doc:"What this carrier has of it."`
	Theirs  money.Micro     `json:"theirs"`
	Stopped Time            `json:"stopped_until,omitzero" doc:"Nobody pays out of it until then: a change is on its way."`
	Contest Time            `json:"contest_until,omitzero" doc:"One side has left alone; the other may show a later total until then."`
	Stale   bool            `json:"stale,omitempty" doc:"Who has left had paid more than it said, and loses a part."`
}

// OpenDeposit locks tokens for payments to the partner.
type OpenDeposit struct {
	Amount token.Amount `json:"amount"`
}

// TopUpDeposit puts more into a deposit.
type TopUpDeposit struct {
	Deposit canon.Hash   `json:"deposit,omitzero" doc:"Default: this carrier's first of the token."`
	Amount  token.Amount `json:"amount" doc:"What is put into it."`
}

// ReleaseDeposits gives this carrier's share back to its account.
type ReleaseDeposits struct {
	Token   token.Code  `json:"token" maxLength:"8"`
	Keep    money.Micro `json:"keep,omitempty" doc:"Stays locked of this carrier's share. Default: nothing."`
	Reveals bool        `json:"reveals,omitempty" doc:"Everybody may see that the two have paid each other. Both sides must say so."`
}

// ExitDeposits leaves deposits without the partner.
type ExitDeposits struct {
	Deposit canon.Hash `json:"deposit,omitzero" doc:"Default: all in which this carrier has something."`
	Reveals bool       `json:"reveals,omitempty" doc:"Everybody may see that the two have paid each other: it may come to that."`
}

// Deposits is those that a request has changed, as they are then.
type Deposits struct {
	Deposits []Deposit `json:"deposits" nullable:"false"`
}
