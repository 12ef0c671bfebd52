package trade

import (
	"strings"

	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/usage"
)

// showing is how one sort of record is shown: what people call it, and its content.
type showing struct {
	what string
	read func([]byte) (any, error)
}

func showingOf[T any](what string) showing {
	return showing{what, func(raw []byte) (any, error) {
		var v T
		err := canon.Decode(raw, &v)
		return v, err
	}}
}

// sorts are the records of a Bilateral, by the first part of their key.
var sorts = map[string]showing{
	"bilateral":   showingOf[Bilateral]("the Bilateral's own record"),
	"bond":        showingOf[Bond]("a side's binding signature"),
	"counter":     showingOf[Counter]("the Bilateral's counters"),
	"delegate":    showingOf[party.Delegate]("a delegate"),
	"nonce":       showingOf[Nonce]("a number that an authorization has used"),
	"agreement":   showingOf[agreement.Agreement]("an agreement"),
	"terms":       showingOf[agreement.Terms]("terms"),
	"sheet":       showingOf[Sheet]("a rate sheet"),
	"tariff":      showingOf[Tariff]("the accepted rate sheets of a direction"),
	"row":         showingOf[ProvenRow]("a row of an accepted rate sheet"),
	"order":       showingOf[order.Order]("an order"),
	"standing":    showingOf[Standing]("the standing order of a direction"),
	"item":        showingOf[order.Item]("an order about a product"),
	"product":     showingOf[product.Instance]("a product"),
	"measurement": showingOf[usage.Measurement]("what is measured of a product in an interval"),
	"unbilled":    showingOf[Unbilled]("a measurement of which something may be billed"),
	"consumed":    showingOf[Consumed]("billed use of a charge period"),
	"bill":        showingOf[invoice.Bill]("a bill for products"),
	"credited":    showingOf[Balance]("what is given back for a guarantee in a billing period"),
	"quote":       showingOf[QuoteUse]("which order has used a quote"),
	"period":      showingOf[invoice.Period]("a billing period"),
	"statement":   showingOf[Statement]("a side's usage statement"),
	"outcome":     showingOf[Outcomes]("what a side's rules make of differing lines"),
	"dispute":     showingOf[dispute.Dispute]("a dispute"),
	"invoice":     showingOf[invoice.Invoice]("where an invoice stands"),
	"document":    showingOf[invoice.Document]("an invoice's document"),
	"netting":     showingOf[settlement.Netting]("a netting"),
	"obligation":  showingOf[settlement.Obligation]("a payment obligation"),
	"shown":       showingOf[Shown]("the pseudonym that a side has shown"),
	"remittance":  showingOf[settlement.Remittance]("a payment outside the ledger"),
	"verified":    showingOf[Verified]("one side's check of who the other is"),
	"carry":       showingOf[Balance]("what a payer's next obligation takes up, being less than a coin"),
	"deposit":     showingOf[Deposit]("a lock out of which the two pay each other"),
	"lockkey":     showingOf[LockKey]("a key offered for the other side's lock"),
	"joined":      showingOf[Joined]("a side's key in a round of netting"),
	"pledge":      showingOf[Pledge]("debts that are offered into a round of netting"),
	"payment":     showingOf[DepositPayment]("a payment out of locks"),
	"balance":     showingOf[Balance]("an account's balance"),
	"credit":      showingOf[Exposed]("what stands between a payer and its payment"),
	"history":     showingOf[Paying]("how a member has paid"),
	"journal":     showingOf[settlement.Journal]("a journal entry"),
	"tolerated":   showingOf[Balance]("the differences accepted in open periods"),
	"file":        showingOf[File]("an acknowledged file"),
	"correction":  showingOf[Correcting]("a part of a seller's correction"),
	"objection":   showingOf[Objections]("a part of a buyer's objections"),
	"unattested":  showingOf[Unattested]("what was invoiced since the attested position"),
	"divergence":  showingOf[Divergence]("the evidence of a divergence"),
	"mending":     showingOf[Mending]("one side's word that a divergence is over"),
	"mended":      showingOf[Mended]("the last divergence that both sides have closed"),
	"metered":     showingOf[Metered]("what a term about volume has counted in a window"),
	"slice":       showingOf[rating.Counted]("what a term about volume has counted in a period"),
}

// ShowRecord says what a record of a Bilateral is, and gives its content with
// its own type. Code: invalid for a record that this version does not know.
func ShowRecord(key string, value []byte) (what string, content any, err error) {
	first, _, _ := strings.Cut(key, "/")
	s, ok := sorts[first]
	if !ok {
		return "a record", nil, invalid("key", "this version knows no such record", "use a later version of lateral")
	}
	content, err = s.read(value)
	return s.what, content, err
}
