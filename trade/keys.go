package trade

import (
	"fmt"
	"strings"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
	"github.com/lateral-network/lateral/trade/usage"
)

// The key layout. Keys are text, sort as they read, and hold no secret of their
// own: numbers are padded with zeros, times are ms since 1970 UTC in 15 digits.
//
// On a Bilateral:
//
//	bilateral                              Bilateral: members, keys, state, rule version
//	bond/<code>                            Bond: a member key's signature over the channel keys
//	counter                                Counter: journal, netting and sheet numbers
//	delegate/<key>                         party.Delegate
//	nonce/<expires>/<key>/<nonce>          Nonce, once used by that delegate or member key
//	agreement/<id>                         agreement.Agreement
//	terms/<hash>                           agreement.Terms
//	sheet/<id>                             Sheet
//	tariff/<direction>/<line>              Tariff: accepted sheets of a direction, oldest first
//	row/<direction>/<line>/<row>           ProvenRow
//	order/<id>                             order.Order
//	standing/<direction>/<line>            Standing: the order under which usage arises
//	item/<id>                              order.Item: an order about one product
//	product/<id>                           product.Instance
//	quote/<hash>                           QuoteUse: the order that has used a quote
//	measurement/<product>/<from>           usage.Measurement
//	unbilled/<product>/<from>              Unbilled: a measurement of which something may be billed
//	consumed/<product>/<price>/<from>      Consumed: billed use of a charge period; the price by its hash
//	period/<order>/<from>                  invoice.Period
//	statement/<order>/<from>/<side>/<part> Statement: s is the seller's, b the buyer's
//	outcome/<order>/<from>/<side>/<part>   Outcomes
//	dispute/<order>/<from>/<adjusts>/<row> dispute.Dispute
//	invoice/<id>                           invoice.Invoice
//	document/<id>                          invoice.Document
//	correction/<order>/<from>/<part>       Correcting, until all parts of the seller's are in
//	objection/<id>/<part>                  Objections, until all parts of the buyer's are in
//	bill/<account>/<from>                  invoice.Bill: of products
//	credited/<product>/<metric>/<currency>/<from> Balance: given back for a guarantee in a billing period
//	netting/<id>                           settlement.Netting
//	obligation/<id>                        settlement.Obligation
//	remittance/<payer>/<hash>              settlement.Remittance; the hash of its reference
//	verified/<member>                      Verified: that the other side has checked who it is
//	carry/<payer>/<currency>               Balance: less than a coin, for the payer's next obligation
//	balance/<party>/<purpose>/<currency>   Balance
//	shown/<party>                          Shown: the pseudonym that a side has shown
//	deposit/<lock>                         Deposit: a lock that pays here
//	lockkey/<party>/<key>                  LockKey: a key offered for the other side's lock
//	payment/<party>/<id>                   DepositPayment
//	joined/<round>/<party>                 Joined: a side's key in a round of netting
//	pledge/<round>                         Pledge: debts that are offered into it
//	credit/<payer>/<currency>              Exposed: what stands between a payer and its payment, from the first clause about credit on
//	history/<payer>                        Paying: the last invoices of a payer, likewise
//	journal/<number>                       settlement.Journal
//	metered/<agreement>/<direction>/<term>/<window> Metered: what a term about volume counts; the term by its hash
//	slice/<agreement>/<direction>/<term>/<window>/<from> rating.Counted: of one period, where its place counts
//	tolerated/<direction>/<currency>       Balance: differences accepted in open periods
//	unattested/<currency>                  Unattested: invoiced since the attested position
//	file/<hash>                            File, acknowledged
//	divergence                             Divergence, while the states differ
//	mending                                Mending: one side says that they do not any more
//	mended                                 Mended: the last divergence that both sides have closed
//
// On the Omnilateral:
//
//	network                                Network: parameters
//	validators                             Validators at genesis
//	census                                 Census: how many members are active
//	member/<code>                          party.Member
//	alias/<scheme>/<value>                 Name: the member's code
//	key/<key>                              KeyUse: every key in use anywhere, once
//	vote/<motion>/<code>/<voter>           Vote
//	proposal/<from>/<parameter>/<value>    Proposal: of a change of a parameter, until it is carried
//	ballot/<from>/<parameter>/<value>/<voter> Vote for it
//	channel/<id>                           Channel: keys whose signatures count
//	opening/<id>                           Opening: who opened it, and how far it is
//	nonce/<expires>/<key>/<nonce>          as on a Bilateral
//	invitation/<id>                        Invitation, until the channel is open, or some time after it has lapsed
//	lapsing/<expires>/<id>                 Lapsing: an invitation by its end
//	anchor/<id>/<term>/<position>          Anchor
//	anchored/<id>                          Anchored: where the last anchor is
//	claim/<id>/<0|1>                       AnchorClaim: a head of one side that waits for an answer
//	contest/<id>/<height>/<index>          Contest: a claim and the head that contradicts it
//	equivocation/<id>/<key>                Equivocation: two heads of one size that a channel key has signed
//	delegate/<key>                         party.Delegate: who acts for a member on tokens
//	token/<code>                           token.Token
//	issue/<code>/<id>                      token.Issue: an act of the issuer
//	banked/<code>/<reference>              token.Banked: a bank's reference, by its hash
//	frozen/<code>/<member>                 token.Frozen
//	transfer/<sender>/<id>                 token.Done
//	hold/<owner>/<id>                      token.Hold
//	swap/<owner>/<id>                      token.Swap
//	redemption/<owner>/<id>                token.Redemption
//	feed/<base>/<quote>                    token.Feed
//	lock/<id>                              token.Lock
//	round/<id>                             Round
//	offered/<round>/<debtor>/<creditor>    netting.SignedOffer
//	limited/<round>/<key>                  netting.SignedLimit
//	result/<round>                         netting.Result
//	signed/<round>/<key>                   RoundSigned
//	pseudonym/<code>                       Pseudonym: to what a member has bound itself
//	repute/<pseudonym>/<code>              repute.Said: how it pays, by that member's word
//	stated/<base>/<quote>/<key>            token.Stated
//	status/<code>/<list>                   credential.Status: which credentials a member has revoked
//	counter, balance, journal              as on a Bilateral
//
// Names in angle brackets hold no slash, except the id of a dispute.
const (
	keyBilateral  = "bilateral"
	keyCounter    = "counter"
	keyDivergence = "divergence"
	keyMending    = "mending"
	keyMended     = "mended"
	keyNetwork    = "network"
	keyValidators = "validators"
	keyCensus     = "census"

	prefixNonce       = "nonce/"
	prefixLapsing     = "lapsing/"
	prefixDelegate    = "delegate/"
	prefixAgreement   = "agreement/"
	prefixSheet       = "sheet/"
	prefixOrder       = "order/"
	prefixItem        = "item/"
	prefixProduct     = "product/"
	prefixMeasurement = "measurement/"
	prefixUnbilled    = "unbilled/"
	prefixBill        = "bill/"
	prefixPeriod      = "period/"
	prefixDispute     = "dispute/"
	prefixInvoice     = "invoice/"
	prefixNetting     = "netting/"
	prefixObligation  = "obligation/"
	prefixRemittance  = "remittance/"
	prefixCarry       = "carry/"
	prefixBalance     = "balance/"
	prefixCredit      = "credit/"
	prefixJournal     = "journal/"
	prefixMember      = "member/"
	prefixFile        = "file/"
	prefixOpening     = "opening/"
	prefixProposal    = "proposal/"
	prefixMetered     = "metered/"
	prefixToken       = "token/"
	prefixIssue       = "issue/"
	prefixHold        = "hold/"
	prefixSwap        = "swap/"
	prefixRedemption  = "redemption/"
	prefixTransfer    = "transfer/"
	prefixFeed        = "feed/"
	prefixFrozen      = "frozen/"
	prefixLock        = "lock/"
	prefixDeposit     = "deposit/"
	prefixRound       = "round/"
	prefixPledge      = "pledge/"
)

// NetworkKey is the key of the network's parameters.
const NetworkKey = keyNetwork

// BilateralKey is the key of a Bilateral's own record.
const BilateralKey = keyBilateral

// Keys of the evidence that the two members' states differ, of one side's word
// that they do no more, and of the last evidence on which both have given it.
const (
	DivergenceKey = keyDivergence
	MendingKey    = keyMending
	MendedKey     = keyMended
)

// CounterKey is the key of a Bilateral's counters.
const CounterKey = keyCounter

// BondKey is the key of a side's binding signature.
func BondKey(c party.Code) string { return "bond/" + string(c) }

// DelegateKey is the key of a delegate's record.
func DelegateKey(k sign.PublicKey) string { return prefixDelegate + k.String() }

// NonceKey is the key of a number that a delegate or member key has used in an
// authorization that is void after expires (ms UTC). The end comes first, so that
// those that are of no use any more are the first; the key is part of it, so
// that nobody can use up another's numbers.
func NonceKey(expires int64, k sign.PublicKey, n canon.Hash) string {
	return prefixNonce + millis(expires) + "/" + k.String() + "/" + n.String()
}

// AgreementKey is the key of an agreement's record.
func AgreementKey(id string) string { return prefixAgreement + id }

// TermsKey is the key of a version of terms.
func TermsKey(h canon.Hash) string { return "terms/" + h.String() }

// SheetKey is the key of a rate sheet's record.
func SheetKey(id string) string { return prefixSheet + id }

// TariffKey is the key of the list of sheets of a direction and line.
func TariffKey(d usage.Direction, l product.Line) string {
	return "tariff/" + d.String() + "/" + string(l)
}

// RowKey is the key of a proven row. Numbers count on through the sheets of a
// direction: number = Sheet.Base + index in the sheet.
func RowKey(d usage.Direction, l product.Line, number uint32) string {
	return fmt.Sprintf("row/%s/%s/%010d", d, l, number)
}

// OrderKey is the key of an order's record.
func OrderKey(id string) string { return prefixOrder + id }

// ItemKey is the key of an order about one product.
func ItemKey(id string) string { return prefixItem + id }

// ProductKey is the key of a product.
func ProductKey(id string) string { return prefixProduct + id }

// QuoteKey is the key of the record that says which order has used a quote.
func QuoteKey(h canon.Hash) string { return "quote/" + h.String() }

// MeasurementKey is the key of what is measured of a product in an interval.
func MeasurementKey(product string, i usage.Interval) string {
	return prefixMeasurement + product + "/" + millis(i.From)
}

// UnbilledKey is the key that a measurement has while something of it may be
// billed.
func UnbilledKey(product string, i usage.Interval) string {
	return prefixUnbilled + product + "/" + millis(i.From)
}

// BillKey is the key of an account's bill for a period.
func BillKey(account string, i usage.Interval) string {
	return prefixBill + account + "/" + millis(i.From)
}

// CreditedKey is the key of what is given back for a guarantee in a billing
// period.
func CreditedKey(product, metric string, c money.Currency, i usage.Interval) string {
	return "credited/" + product + "/" + metric + "/" + string(c) + "/" + millis(i.From)
}

// ConsumedKey is the key of what is billed of a price's use in a charge period.
func ConsumedKey(product, price string, period usage.Interval) string {
	return "consumed/" + product + "/" + canon.Sum("lateral/price/1", []byte(price)).String() + "/" + millis(period.From)
}

// StandingKey is the key of the record that names the standing order of a
// direction and line.
func StandingKey(d usage.Direction, l product.Line) string {
	return "standing/" + d.String() + "/" + string(l)
}

func millis(ms int64) string { return fmt.Sprintf("%015d", ms) }

// PeriodKey is the key of a billing period.
func PeriodKey(order string, i usage.Interval) string {
	return prefixPeriod + order + "/" + millis(i.From)
}

// Side says whose statement or outcome a record is.
type Side string

// The two sides of a period.
const (
	SellerSide Side = "s"
	BuyerSide  Side = "b"
)

// StatementKey is the key of one part (from 1) of a side's usage statement.
func StatementKey(order string, i usage.Interval, s Side, part uint32) string {
	return fmt.Sprintf("statement/%s/%s/%s/%05d", order, millis(i.From), s, part)
}

// OutcomeKey is the key of one part (from 1) of what a side's rules made of a
// period's open lines.
func OutcomeKey(order string, i usage.Interval, s Side, part uint32) string {
	return fmt.Sprintf("outcome/%s/%s/%s/%05d", order, millis(i.From), s, part)
}

// ObjectionKey is the key of one part (from 1) of a buyer's objections to an
// invoice.
func ObjectionKey(invoice string, part uint32) string {
	return fmt.Sprintf("objection/%s/%05d", invoice, part)
}

// CorrectionKey is the key of one part (from 1) of a seller's correction of a
// period.
func CorrectionKey(order string, i usage.Interval, part uint32) string {
	return fmt.Sprintf("correction/%s/%s/%05d", order, millis(i.From), part)
}

// DisputeKey is the key of a dispute's record.
func DisputeKey(id string) string { return prefixDispute + id }

// InvoiceKey is the key of where an invoice stands.
func InvoiceKey(id string) string { return prefixInvoice + id }

// DocumentKey is the key of what an invoice says. It never changes.
func DocumentKey(id string) string { return "document/" + id }

// NettingKey is the key of a netting.
func NettingKey(id string) string { return prefixNetting + id }

// ObligationKey is the key of an obligation.
func ObligationKey(id string) string { return prefixObligation + id }

// RemittanceKey is the key of a payment outside the ledger.
func RemittanceKey(payer party.Code, reference string) string {
	return prefixRemittance + string(payer) + "/" + sha256Sum([]byte(reference)).String()
}

// VerifiedKey is the key of the other side's check of a member.
func VerifiedKey(member party.Code) string { return "verified/" + string(member) }

// CarryKey is the key of what a payer's next obligation in a currency takes up.
func CarryKey(payer party.Code, c money.Currency) string {
	return prefixCarry + string(payer) + "/" + string(c)
}

// carryOf reads the key of what is carried.
func carryOf(key string) (payer party.Code, c money.Currency) {
	who, currency, _ := strings.Cut(strings.TrimPrefix(key, prefixCarry), "/")
	return party.Code(who), money.Currency(currency)
}

// BalanceKey is the key of an account's balance.
func BalanceKey(a settlement.Account) string {
	return prefixBalance + string(a.Party) + "/" + string(a.Purpose) + "/" + string(a.Currency)
}

// CreditKey is the key of what stands between a payer and its payment in a
// currency.
func CreditKey(payer party.Code, c money.Currency) string {
	return prefixCredit + string(payer) + "/" + string(c)
}

// HistoryKey is the key of a payer's last invoices.
func HistoryKey(payer party.Code) string { return "history/" + string(payer) }

// JournalKey is the key of a journal entry.
func JournalKey(number uint64) string { return fmt.Sprintf("%s%015d", prefixJournal, number) }

// ToleratedKey is the key of the differences accepted in open periods.
func ToleratedKey(d usage.Direction, c money.Currency) string {
	return "tolerated/" + d.String() + "/" + string(c)
}

// MeteredKey is the key of what a term about volume has counted in a window. A
// term is named by its hash: one that is amended counts by itself.
func MeteredKey(agreement string, d usage.Direction, term canon.Hash, window usage.Interval) string {
	return prefixMetered + meter(agreement, d, term, window)
}

func meter(agreement string, d usage.Direction, term canon.Hash, window usage.Interval) string {
	return agreement + "/" + d.String() + "/" + term.String() + "/" + millis(window.From)
}

// slicePrefix is what the keys of a window's periods begin with.
func slicePrefix(meter string) string { return "slice/" + meter + "/" }

// UnattestedKey is the key of what was invoiced since the attested position.
func UnattestedKey(c money.Currency) string { return "unattested/" + string(c) }

// FileKey is the key of an acknowledged file.
func FileKey(h canon.Hash) string { return prefixFile + h.String() }

// MemberKey is the key of a member's record.
func MemberKey(c party.Code) string { return prefixMember + string(c) }

// AliasKey is the key under which a member is found by another name.
func AliasKey(a party.Alias) string { return "alias/" + a.Scheme + "/" + a.Value }

// KeyKey is the key under which a key in use is registered.
func KeyKey(k sign.PublicKey) string { return "key/" + k.String() }

// VoteKey is the key of a member's vote on a motion about another.
func VoteKey(m Motion, about, voter party.Code) string {
	return "vote/" + string(m) + "/" + string(about) + "/" + string(voter)
}

// ProposalKey is the key of a proposal to change a parameter.
func ProposalKey(c ParameterChange) string { return prefixProposal + c.name() }

// BallotKey is the key of a member's vote for a change of a parameter.
func BallotKey(c ParameterChange, voter party.Code) string {
	return "ballot/" + c.name() + "/" + string(voter)
}

// OpeningKey is the key of a Bilateral's opening.
func OpeningKey(id canon.Hash) string { return prefixOpening + id.String() }

// InvitationKey is the key of the sealed invitation to a Bilateral.
func InvitationKey(id canon.Hash) string { return "invitation/" + id.String() }

// LapsingKey is the key under which an invitation is found by its end (ms UTC).
func LapsingKey(expires int64, id canon.Hash) string {
	return prefixLapsing + millis(expires) + "/" + id.String()
}

// AnchoredKey is the key of the record that names a channel's last anchor.
func AnchoredKey(id canon.Hash) string { return "anchored/" + id.String() }

// ClaimPrefix is what the keys of all claims begin with.
const ClaimPrefix = "claim/"

// ClaimKey is the key of a head of one side that waits for an answer.
func ClaimKey(id canon.Hash, side int) string { return fmt.Sprintf("%s%s/%d", ClaimPrefix, id, side) }

// EquivocationKey is the key of the evidence that a channel key has signed two
// heads of one size.
func EquivocationKey(id canon.Hash, k sign.PublicKey) string {
	return EquivocationPrefix(id) + k.String()
}

// EquivocationPrefix is what the keys of all such evidence of a channel begin
// with.
func EquivocationPrefix(id canon.Hash) string { return "equivocation/" + id.String() + "/" }

// ContestKey is the key of a claim that was contested, by where it was.
func ContestKey(id canon.Hash, height uint64, index uint32) string {
	return fmt.Sprintf("contest/%s/%015d/%05d", id, height, index)
}

// TokenKey is the key of a token's record.
func TokenKey(c token.Code) string { return prefixToken + string(c) }

// IssueKey is the key of an act of a token's issuer.
func IssueKey(c token.Code, id string) string { return prefixIssue + string(c) + "/" + id }

// BankedKey is the key under which a bank's reference is remembered.
func BankedKey(c token.Code, reference string) string {
	return "banked/" + string(c) + "/" + canon.Sum("lateral/banked/1", []byte(reference)).String()
}

// FrozenKey is the key of a frozen account.
func FrozenKey(c token.Code, who party.Code) string {
	return prefixFrozen + string(c) + "/" + string(who)
}

// TransferKey is the key of a transfer that was made.
func TransferKey(sender party.Code, id string) string {
	return prefixTransfer + string(sender) + "/" + id
}

// HoldKey is the key of a hold.
func HoldKey(owner party.Code, id string) string { return prefixHold + string(owner) + "/" + id }

// SwapKey is the key of a swap.
func SwapKey(owner party.Code, id string) string { return prefixSwap + string(owner) + "/" + id }

// RedemptionKey is the key of a redemption.
func RedemptionKey(owner party.Code, id string) string {
	return prefixRedemption + string(owner) + "/" + id
}

// FeedKey is the key of who states a pair's rate.
func FeedKey(p token.Pair) string { return prefixFeed + p.String() }

// StatedPrefix is what the keys of all that is stated of a pair begin with.
func StatedPrefix(p token.Pair) string { return "stated/" + p.String() + "/" }

// StatedKey is the key of what a source has stated last of a pair.
func StatedKey(p token.Pair, source sign.PublicKey) string { return StatedPrefix(p) + source.String() }

// LockKeyKey is the key of a key that a side has offered for the other's lock.
func LockKeyKey(by party.Code, k sign.PublicKey) string {
	return LockKeyPrefix + string(by) + "/" + k.String()
}

// LockRecordKey is the key of a lock.
func LockRecordKey(id canon.Hash) string { return prefixLock + id.String() }

// DepositRecordKey is the key of a lock as a Bilateral pays out of it.
func DepositRecordKey(lock canon.Hash) string { return prefixDeposit + lock.String() }

// PaymentKey is the key of a payment out of locks.
func PaymentKey(payer party.Code, id string) string { return PaymentPrefix + string(payer) + "/" + id }

// StatusKey is the key of a member's list of revoked credentials.
func StatusKey(issuer party.Code, list string) string {
	return "status/" + string(issuer) + "/" + list
}

// PseudonymKey is the key of to what a member has bound itself.
func PseudonymKey(who party.Code) string { return "pseudonym/" + string(who) }

// ReputeKey is the key of what a member says of a pseudonym.
func ReputeKey(subject sign.PublicKey, by party.Code) string {
	return "repute/" + subject.String() + "/" + string(by)
}

// ShownKey is the key of the pseudonym that a side has shown.
func ShownKey(who party.Code) string { return "shown/" + string(who) }

// RoundKey is the key of a round of netting.
func RoundKey(id canon.Hash) string { return prefixRound + id.String() }

// OfferedPrefix is what the keys of a round's offers begin with.
func OfferedPrefix(round canon.Hash) string { return "offered/" + round.String() + "/" }

// OfferedKey is the key of an offer.
func OfferedKey(round canon.Hash, debtor, creditor sign.PublicKey) string {
	return OfferedPrefix(round) + debtor.String() + "/" + creditor.String()
}

// LimitedPrefix is what the keys of a round's limits begin with.
func LimitedPrefix(round canon.Hash) string { return "limited/" + round.String() + "/" }

// LimitedKey is the key of a member's limit in a round.
func LimitedKey(round canon.Hash, k sign.PublicKey) string {
	return LimitedPrefix(round) + k.String()
}

// ResultKey is the key of a round's result.
func ResultKey(round canon.Hash) string { return "result/" + round.String() }

// SignedPrefix is what the keys of the signatures of a round's result begin with.
func SignedPrefix(round canon.Hash) string { return "signed/" + round.String() + "/" }

// SignedKey is the key of a signature of a round's result.
func SignedKey(round canon.Hash, k sign.PublicKey) string { return SignedPrefix(round) + k.String() }

// JoinedKey is the key of a side's key in a round.
func JoinedKey(round canon.Hash, who party.Code) string {
	return "joined/" + round.String() + "/" + string(who)
}

// PledgeKey is the key of what two members offer into a round.
func PledgeKey(round canon.Hash) string { return prefixPledge + round.String() }
