package wire

import (
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
)

// Token is one sort of tokens on the network, and what stands behind it.
type Token struct {
	Code     token.Code   `json:"code"`
	Issuer   party.Code   `json:"issuer"`
	State    token.State  `json:"state"`
	Cap      money.Micro  `json:"cap" doc:"Largest supply."`
	Supply   money.Micro  `json:"supply"`
	Covered  bool         `json:"covered" doc:"The reserve is enough in each currency, by the basket in force and by the next."`
	Reserve  []Reserve    `json:"reserve" nullable:"false" doc:"In each currency of the unit, or of its baskets."`
	Redeem   int64        `json:"redeem_ms" doc:"Within which the issuer redeems at par."`
	Approved []party.Code `json:"approved,omitempty" doc:"Members who let it be issued."`
	Deadline Time         `json:"deadline,omitzero" doc:"Until when other members have to approve it."`
	Barred   []string     `json:"barred,omitempty" doc:"Countries whose members take no tokens, ISO 3166-1 alpha-2."`
	Frozen   []Frozen     `json:"frozen,omitempty" doc:"Accounts that take and give nothing."`
	Basket   *Basket      `json:"basket,omitempty" doc:"In force."`
	Next     *Basket      `json:"next_basket,omitempty" doc:"That takes its place."`
}

// Reserve is the money behind a token in one currency.
type Reserve struct {
	Currency money.Currency `json:"currency"`
	Have     money.Micro    `json:"have" doc:"As recorded."`
	Needed   money.Micro    `json:"needed" doc:"Behind the supply, rounded up."`
	Next     money.Micro    `json:"needed_next,omitzero" doc:"By the next basket."`
}

// Frozen is an account that takes and gives nothing.
type Frozen struct {
	Member party.Code `json:"member"`
	Why    string     `json:"why"`
	Since  Time       `json:"since"`
	Act    string     `json:"act" doc:"Of the issuer, by which it was frozen."`
}

// Basket is a version of the currencies that make up one unit.
type Basket struct {
	Name  string       `json:"name"`
	From  Time         `json:"from"`
	Parts []token.Part `json:"parts" nullable:"false"`
}

// DefineToken asks the other members to let this carrier issue a token.
type DefineToken struct {
	Token  token.Code  `json:"token" minLength:"1" maxLength:"8" doc:"Like USDt, or SDRt."`
	Cap    money.Micro `json:"cap" doc:"Largest supply."`
	Redeem int64       `json:"redeem_ms" minimum:"60000" doc:"Within which it is redeemed at par, at most 31 days."`
}

// Issue is an act of a token's issuer: proposed by one of its officers, done when
// another has approved it.
type Issue struct {
	ID       string           `json:"id"`
	Token    token.Code       `json:"token"`
	State    token.IssueState `json:"state"`
	Act      token.Act        `json:"act" doc:"Times in it are ms since 1970 UTC, as they are signed."`
	Hash     canon.Hash       `json:"hash" doc:"Of id, token and act: what is approved."`
	Proposed Act              `json:"proposed"`
	Answered *Act             `json:"answered,omitempty" doc:"Approved or rejected."`
	Deadline Time             `json:"deadline,omitzero" doc:"For the second person."`
	Why      string           `json:"why,omitempty"`
}

// Audit is a recount of all accounts and tokens after a block.
type Audit struct {
	Height uint64 `json:"height"`
	Time   Time   `json:"time"`
	trade.Books
}

// Feed says what a rate is, and who says so.
type Feed struct {
	Pair      string       `json:"pair" doc:"Like EUR/USD: so many units of the second for one of the first."`
	Rate      money.Rate   `json:"rate,omitzero" doc:"In force. Absent: none; the problem says why."`
	Problem   string       `json:"problem,omitempty"`
	Quorum    uint32       `json:"quorum" doc:"How many sources must agree."`
	Stale     int64        `json:"stale_ms" doc:"How long a rate is fresh."`
	Deviation uint32       `json:"deviation_ppm" doc:"Largest distance from the median, in millionths, at which a source counts."`
	Sources   []FeedSource `json:"sources" nullable:"false"`
}

// FeedSource is what one source of a feed says.
type FeedSource struct {
	Key      sign.PublicKey `json:"key"`
	Standing string         `json:"standing" doc:"counts, deviates, stale, or silent when it has said nothing."`
	Rate     money.Rate     `json:"rate,omitzero"`
	At       Time           `json:"at,omitzero" doc:"By its own word."`
}

// StateRate says what a rate is, by one source.
type StateRate struct {
	Rate money.Rate `json:"rate"`
	At   Time       `json:"at" doc:"When it was so."`
}

// Transfer is a transfer of tokens that was made.
type Transfer struct {
	ID     string             `json:"id"`
	Sender party.Code         `json:"sender"`
	To     party.Code         `json:"to"`
	Amount token.Amount       `json:"amount"`
	From   settlement.Purpose `json:"from_purpose"`
	For    settlement.Purpose `json:"to_purpose"`
	About  canon.Hash         `json:"about,omitzero"`
	Height uint64             `json:"height"`
	Time   Time               `json:"time"`
}

// MakeTransfer is a transfer to be made. Without an id one is made from the
// Idempotency-Key and its place in the list.
type MakeTransfer struct {
	ID     string             `json:"id,omitempty" maxLength:"40"`
	To     party.Code         `json:"to" minLength:"1" maxLength:"32"`
	Amount token.Amount       `json:"amount"`
	From   settlement.Purpose `json:"from_purpose,omitempty" enum:"available,fee,tax" doc:"Absent: available."`
	For    settlement.Purpose `json:"to_purpose,omitempty" enum:"available,fee,tax" doc:"Absent: available."`
	About  canon.Hash         `json:"about,omitzero" doc:"Hash of what it pays for, for those who know. Everybody sees it."`
}

// MakeTransfers makes all of some transfers, or none. One that was made before is
// left out.
type MakeTransfers struct {
	Transfers []MakeTransfer `json:"transfers" minItems:"1" maxItems:"1000" nullable:"false"`
}

// Transferred is the transfers as they were made.
type Transferred struct {
	Transfers []Transfer `json:"transfers" nullable:"false"`
	Receipt   Receipt    `json:"receipt,omitzero" doc:"Absent when all had been made before."`
	Repeated  bool       `json:"repeated,omitempty" doc:"All had been made before."`
}

// Held is tokens set aside for somebody.
type Held struct {
	ID      string             `json:"id"`
	Owner   party.Code         `json:"owner"`
	To      party.Code         `json:"to"`
	Amount  token.Amount       `json:"amount"`
	State   token.PromiseState `json:"state"`
	Expires Time               `json:"expires,omitzero" doc:"While it is pending."`
	Lock    canon.Hash         `json:"lock,omitzero" doc:"SHA-256 of the key with which whoever it is for posts it. Absent: the owner posts it."`
	Posted  token.Amount       `json:"posted,omitzero"`
	Key     canon.Hash         `json:"key,omitzero" doc:"That was shown."`
	About   canon.Hash         `json:"about,omitzero"`
}

// PlaceHold sets tokens aside. Without an id one is made from the Idempotency-Key.
type PlaceHold struct {
	ID      string       `json:"id,omitempty" maxLength:"40"`
	To      party.Code   `json:"to" minLength:"1" maxLength:"32"`
	Amount  token.Amount `json:"amount"`
	Expires Time         `json:"expires"`
	Lock    canon.Hash   `json:"lock,omitzero"`
	About   canon.Hash   `json:"about,omitzero"`
}

// PostHold keeps a hold's promise.
type PostHold struct {
	Amount *token.Amount `json:"amount,omitempty" doc:"A part; the rest goes back. Absent: all."`
	Key    canon.Hash    `json:"key,omitzero" doc:"That opens the lock; everybody sees it from then on."`
}

// Swap is an offer of tokens for others.
type Swap struct {
	ID      string             `json:"id"`
	Owner   party.Code         `json:"owner"`
	Gives   token.Amount       `json:"gives"`
	Wants   token.Amount       `json:"wants"`
	To      party.Code         `json:"to,omitempty" doc:"Who alone may take it. Absent: everybody."`
	State   token.PromiseState `json:"state"`
	Expires Time               `json:"expires,omitzero" doc:"While it is pending."`
	Taker   party.Code         `json:"taker,omitempty"`
}

// OfferSwap offers tokens for others. Without an id one is made from the
// Idempotency-Key.
type OfferSwap struct {
	ID      string       `json:"id,omitempty" maxLength:"40"`
	Gives   token.Amount `json:"gives"`
	Wants   token.Amount `json:"wants"`
	To      party.Code   `json:"to,omitempty" maxLength:"32"`
	Expires Time         `json:"expires"`
}

// TakeSwap repeats what is taken, so that nobody takes what it has not read.
type TakeSwap struct {
	Gives token.Amount `json:"gives" doc:"By the owner."`
	Wants token.Amount `json:"wants" doc:"By the owner: what this carrier gives."`
}

// Redemption is tokens that their holder wants to be paid out.
type Redemption struct {
	ID      string             `json:"id"`
	Owner   party.Code         `json:"owner"`
	Amount  token.Amount       `json:"amount"`
	State   token.PromiseState `json:"state"`
	Account canon.Hash         `json:"account" doc:"SHA-256 of the bank account's details."`
	Expires Time               `json:"expires,omitzero" doc:"When the tokens go back, if the issuer has not paid."`
	Act     string             `json:"act,omitempty" doc:"Of the issuer, by which it was paid."`
}

// Redeem asks the issuer to pay tokens out at par. Without an id one is made from
// the Idempotency-Key.
type Redeem struct {
	ID      string       `json:"id,omitempty" maxLength:"40"`
	Amount  token.Amount `json:"amount"`
	Account canon.Hash   `json:"account" doc:"SHA-256 of the bank account's details, which the issuer gets in private."`
}

// Lock is tokens set aside under two keys.
type Lock struct {
	ID      canon.Hash      `json:"id"`
	Owner   party.Code      `json:"owner"`
	Amount  token.Amount    `json:"amount"`
	State   token.LockState `json:"state"`
	Round   uint64          `json:"round" doc:"How often it was changed by both."`
	Key     sign.PublicKey  `json:"key" doc:"The owner's."`
	Partner sign.PublicKey  `json:"partner_key"`
	Exit    *LockExit       `json:"exit,omitempty" doc:"Of the side that leaves alone."`
	Left    money.Micro     `json:"left,omitzero" doc:"The partner's, once it is closed."`
}

// LockExit is how one side leaves a lock alone.
type LockExit struct {
	By       string      `json:"by" doc:"owner or partner."`
	Owner    money.Micro `json:"owner_paid" doc:"In all."`
	Partner  money.Micro `json:"partner_paid" doc:"In all."`
	Stale    bool        `json:"stale,omitempty" doc:"The other side has shown that it had paid more."`
	Deadline Time        `json:"deadline,omitzero" doc:"For a contest."`
}

// OpenLock sets tokens aside under two fresh keys. Without an id one is made from
// the Idempotency-Key.
type OpenLock struct {
	ID      canon.Hash     `json:"id,omitzero" doc:"32 random bytes."`
	Amount  token.Amount   `json:"amount"`
	Key     sign.PublicKey `json:"key" doc:"This carrier's, used nowhere else."`
	Partner sign.PublicKey `json:"partner_key" doc:"That the partner has given in private, used nowhere else."`
}

// TopUpLock puts more into a lock.
type TopUpLock struct {
	Was  money.Micro `json:"was" doc:"What is in it now: whoever sends it twice adds it once."`
	More money.Micro `json:"more"`
}
