package trade

import (
	"fmt"
	"iter"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
	"github.com/lateral-network/lateral/trade/usage"
)

// View reads a channel's records with their types. What it gives is a copy. A
// record that does not decode is a broken store and panics with code corrupt.
type View struct{ Records }

// all yields the records under a prefix, in key order.
func all[T any](r Records, prefix string) iter.Seq[T] {
	return func(yield func(T) bool) {
		for _, raw := range r.Scan(prefix) {
			if !yield(stored[T](raw)) {
				return
			}
		}
	}
}

// Bilateral gives a Bilateral's own record.
func (v View) Bilateral() (Bilateral, bool) { return get[Bilateral](v, keyBilateral) }

// Bond gives a side's binding signature.
func (v View) Bond(c party.Code) (Bond, bool) { return get[Bond](v, BondKey(c)) }

// Divergence gives the evidence that the two members' states differ, while they
// do.
func (v View) Divergence() (Divergence, bool) { return get[Divergence](v, keyDivergence) }

// Mending gives the word of the side that has closed a divergence first, while
// the other has not.
func (v View) Mending() (Mending, bool) { return get[Mending](v, keyMending) }

// Mended gives the last divergence that both sides have closed.
func (v View) Mended() (Mended, bool) { return get[Mended](v, keyMended) }

// Delegate gives a delegate by key.
func (v View) Delegate(k sign.PublicKey) (party.Delegate, bool) {
	return get[party.Delegate](v, DelegateKey(k))
}

// Delegates yields all delegates of both sides (MEF 114 [R7]).
func (v View) Delegates() iter.Seq[party.Delegate] { return all[party.Delegate](v, prefixDelegate) }

// Agreement gives an agreement by id.
func (v View) Agreement(id string) (agreement.Agreement, bool) {
	return get[agreement.Agreement](v, AgreementKey(id))
}

// Agreements yields all agreements by id.
func (v View) Agreements() iter.Seq[agreement.Agreement] {
	return all[agreement.Agreement](v, prefixAgreement)
}

// Terms gives a version of terms by its hash.
func (v View) Terms(h canon.Hash) (agreement.Terms, bool) {
	return get[agreement.Terms](v, TermsKey(h))
}

// TermsAt gives the terms of an agreement that hold for a moment (ms UTC).
func (v View) TermsAt(id string, ms int64) (agreement.Terms, bool) {
	a, ok := v.Agreement(id)
	if !ok {
		return agreement.Terms{}, false
	}
	version, ok := a.At(ms)
	if !ok {
		return agreement.Terms{}, false
	}
	return v.Terms(version.Terms)
}

// DestroysOldKeys reports whether the two sides have agreed that old sealing
// keys are destroyed, in any version of any agreement: what one has promised
// while it was in force stays promised.
func (v View) DestroysOldKeys() bool {
	for a := range v.Agreements() {
		for _, version := range a.Versions {
			if terms, ok := v.Terms(version.Terms); ok && terms.DestroyOldKeys {
				return true
			}
		}
	}
	return false
}

// Sheet gives a rate sheet by id.
func (v View) Sheet(id string) (Sheet, bool) { return get[Sheet](v, SheetKey(id)) }

// Sheets yields all rate sheets by id.
func (v View) Sheets() iter.Seq[Sheet] { return all[Sheet](v, prefixSheet) }

// Tariff gives the accepted sheets of a direction, oldest first.
func (v View) Tariff(d usage.Direction, l product.Line) (Tariff, bool) {
	return get[Tariff](v, TariffKey(d, l))
}

// Row gives a proven row by its number.
func (v View) Row(d usage.Direction, l product.Line, number uint32) (ProvenRow, bool) {
	return get[ProvenRow](v, RowKey(d, l, number))
}

// Order gives an order by id.
func (v View) Order(id string) (order.Order, bool) { return get[order.Order](v, OrderKey(id)) }

// Orders yields all orders by id.
func (v View) Orders() iter.Seq[order.Order] { return all[order.Order](v, prefixOrder) }

// Item gives an order about a product by id.
func (v View) Item(id string) (order.Item, bool) { return get[order.Item](v, ItemKey(id)) }

// Items yields all orders about products by id.
func (v View) Items() iter.Seq[order.Item] { return all[order.Item](v, prefixItem) }

// Product gives a product by id.
func (v View) Product(id string) (product.Instance, bool) {
	return get[product.Instance](v, ProductKey(id))
}

// Products yields all products by id.
func (v View) Products() iter.Seq[product.Instance] { return all[product.Instance](v, prefixProduct) }

// Scheduled gives the offer that a schedule makes of a product line by the terms
// that hold at a moment (ms UTC), without what its buyer chooses: how many pieces,
// of which configuration.
func (v View) Scheduled(id string, line product.Line, name string, ms int64) (o product.Offer, ok bool) {
	terms, _ := v.TermsAt(id, ms)
	for i := range terms.Products {
		s, there := terms.Products[i].Schedule(name)
		if terms.Products[i].Line != string(line) || !there {
			continue
		}
		// A clause before this one may be about the same type.
		if c, err := terms.ClauseFor(string(line), s.Type); err == nil && c == &terms.Products[i] {
			return product.Offer{Line: line, Type: s.Type, Prices: s.Prices, Term: s.Term, Guarantees: s.Guarantees}, true
		}
	}
	return o, false
}

// Session gives what a session of a product that stands is offered at, at a moment
// (ms UTC).
func (v View) Session(id string, ms int64) (o product.Offer, ok bool) {
	p, _ := v.Product(id)
	ph, _ := p.At(ms)
	return ph.Offer.Session()
}

// Measurement gives what is measured of a product in an interval.
func (v View) Measurement(product string, i usage.Interval) (usage.Measurement, bool) {
	m, ok := get[usage.Measurement](v, MeasurementKey(product, i))
	return m, ok && m.Interval == i
}

// Measurements yields a product's measurements from the oldest; with no product,
// all.
func (v View) Measurements(product string) iter.Seq[usage.Measurement] {
	if product != "" {
		product += "/"
	}
	return all[usage.Measurement](v, prefixMeasurement+product)
}

// Standing gives the standing order of a direction and line.
func (v View) Standing(d usage.Direction, l product.Line) (Standing, bool) {
	return get[Standing](v, StandingKey(d, l))
}

// Period gives a billing period.
func (v View) Period(r PeriodRef) (invoice.Period, bool) {
	return get[invoice.Period](v, PeriodKey(r.Order, r.Interval))
}

// Periods yields an order's periods from the oldest; with no order, all by
// order.
func (v View) Periods(order string) iter.Seq[invoice.Period] {
	if order == "" {
		return all[invoice.Period](v, prefixPeriod)
	}
	return all[invoice.Period](v, prefixPeriod+order+"/")
}

// Statement gives all lines of a side's statement as far as it is in.
func (v View) Statement(r PeriodRef, s Side) []usage.Line {
	var out []usage.Line
	for part := uint32(1); part <= maxParts; part++ {
		p, ok := get[Statement](v, StatementKey(r.Order, r.Interval, s, part))
		if !ok {
			break
		}
		out = append(out, p.Lines...)
	}
	return out
}

// Outcomes gives what a side's rules made of a period's differing lines, as far
// as it is in.
func (v View) Outcomes(r PeriodRef, s Side) (out Outcomes, ok bool) {
	for part := uint32(1); part <= maxParts; part++ {
		p, there := get[Outcomes](v, OutcomeKey(r.Order, r.Interval, s, part))
		if !there {
			break
		}
		out.Lines, out.Evidence, ok = append(out.Lines, p.Lines...), p.Evidence, true
	}
	return out, ok
}

// Dispute gives a dispute by id.
func (v View) Dispute(id string) (dispute.Dispute, bool) {
	return get[dispute.Dispute](v, DisputeKey(id))
}

// Disputes yields all disputes, by order, period and line.
func (v View) Disputes() iter.Seq[dispute.Dispute] { return all[dispute.Dispute](v, prefixDispute) }

// DisputesOf yields the disputes of a period, in the order of its lines.
func (v View) DisputesOf(r PeriodRef) iter.Seq[dispute.Dispute] {
	return all[dispute.Dispute](v, prefixDispute+r.Order+"/"+millis(r.Interval.From)+"/")
}

// Invoice gives where an invoice stands.
func (v View) Invoice(id string) (invoice.Invoice, bool) {
	return get[invoice.Invoice](v, InvoiceKey(id))
}

// Invoices yields the invoices whose id begins with prefix, by id: seller,
// buyer, order, interval.
func (v View) Invoices(prefix string) iter.Seq[invoice.Invoice] {
	return all[invoice.Invoice](v, prefixInvoice+prefix)
}

// Document gives what an invoice says.
func (v View) Document(id string) (invoice.Document, bool) {
	return get[invoice.Document](v, DocumentKey(id))
}

// Netting gives a netting by id.
func (v View) Netting(id string) (settlement.Netting, bool) {
	return get[settlement.Netting](v, NettingKey(id))
}

// Nettings yields all nettings from the oldest.
func (v View) Nettings() iter.Seq[settlement.Netting] {
	return all[settlement.Netting](v, prefixNetting)
}

// Obligation gives an obligation by id.
func (v View) Obligation(id string) (settlement.Obligation, bool) {
	return get[settlement.Obligation](v, ObligationKey(id))
}

// Obligations yields all obligations by id.
func (v View) Obligations() iter.Seq[settlement.Obligation] {
	return all[settlement.Obligation](v, prefixObligation)
}

// Balance gives what stands on an account; zero if nothing ever did.
func (v View) Balance(a settlement.Account) money.Micro {
	b, _ := get[Balance](v, BalanceKey(a))
	return b.Micro
}

// Balances yields all accounts that were ever used, with their balances.
func (v View) Balances() iter.Seq2[settlement.Account, money.Micro] { return v.balances(prefixBalance) }

func (v View) balances(prefix string) iter.Seq2[settlement.Account, money.Micro] {
	return func(yield func(settlement.Account, money.Micro) bool) {
		for key, raw := range v.Scan(prefix) {
			parts := strings.Split(strings.TrimPrefix(key, prefixBalance), "/")
			if len(parts) != 3 {
				panic(fault.New(fault.Corrupt, "the key of a balance is not of the form", "restore this node from a backup"))
			}
			a := settlement.Account{Party: party.Code(parts[0]), Purpose: settlement.Purpose(parts[1]), Currency: money.Currency(parts[2])}
			if !yield(a, stored[Balance](raw).Micro) {
				return
			}
		}
	}
}

// Journal yields all journal entries from the oldest.
func (v View) Journal() iter.Seq[settlement.Journal] {
	return all[settlement.Journal](v, prefixJournal)
}

// File gives an acknowledged file.
func (v View) File(h canon.Hash) (File, bool) { return get[File](v, FileKey(h)) }

// Files yields all acknowledged files by hash.
func (v View) Files() iter.Seq2[canon.Hash, File] {
	return func(yield func(canon.Hash, File) bool) {
		for key, raw := range v.Scan(prefixFile) {
			h, err := canon.ParseHash(strings.TrimPrefix(key, prefixFile))
			if err != nil {
				panic(err)
			}
			if !yield(h, stored[File](raw)) {
				return
			}
		}
	}
}

// Due is a record whose deadline has passed, to be ticked.
type Due struct {
	Subject  string // key of the record
	Deadline int64  // block time, ms UTC
}

// waiting is what the keys of all records that may have a deadline begin with.
var waiting = []string{keyBilateral, prefixAgreement, prefixSheet, prefixOrder, prefixItem, prefixProduct, prefixMeasurement, prefixPeriod, prefixInvoice, prefixDispute, prefixNetting, prefixObligation, prefixMember}

// Due yields what has a deadline at or before now. It reads all records that may
// have one: for a node that starts. A running one learns of deadlines from the
// records that events name.
func (v View) Due(now int64) iter.Seq[Due] {
	return func(yield func(Due) bool) {
		for _, prefix := range waiting {
			for key, raw := range v.Scan(prefix) {
				if at := DeadlineOf(key, raw); at != 0 && at <= now && !yield(Due{key, at}) {
					return
				}
			}
		}
	}
}

// DeadlineOf gives the deadline of a record; 0: it waits for nothing.
func DeadlineOf(key string, raw []byte) int64 {
	switch {
	case key == keyBilateral:
		if n := stored[Bilateral](raw).Next; n != nil {
			return n.Deadline
		}
	case strings.HasPrefix(key, prefixAgreement):
		return stored[agreement.Agreement](raw).Deadline
	case strings.HasPrefix(key, prefixSheet):
		return stored[Sheet](raw).Deadline
	case strings.HasPrefix(key, prefixOrder):
		return stored[order.Order](raw).Deadline
	case strings.HasPrefix(key, prefixItem):
		return stored[order.Item](raw).Deadline
	case strings.HasPrefix(key, prefixMeasurement):
		return stored[usage.Measurement](raw).Deadline
	case strings.HasPrefix(key, prefixProduct):
		return stored[product.Instance](raw).Deadline
	case strings.HasPrefix(key, prefixNetting):
		return stored[settlement.Netting](raw).Deadline
	case strings.HasPrefix(key, prefixMember):
		return stored[party.Member](raw).Deadline
	case strings.HasPrefix(key, prefixPeriod):
		return stored[invoice.Period](raw).Deadline
	case strings.HasPrefix(key, prefixInvoice):
		return stored[invoice.Invoice](raw).Deadline
	case strings.HasPrefix(key, prefixDispute):
		return stored[dispute.Dispute](raw).Deadline
	case strings.HasPrefix(key, prefixObligation):
		return stored[settlement.Obligation](raw).Deadline
	case strings.HasPrefix(key, prefixToken):
		return stored[token.Token](raw).Deadline
	case strings.HasPrefix(key, prefixLock):
		if x := stored[token.Lock](raw).Exit; x != nil {
			return x.Deadline
		}
	case strings.HasPrefix(key, prefixRound):
		return stored[Round](raw).Deadline
	case strings.HasPrefix(key, prefixIssue):
		return stored[token.Issue](raw).Deadline
	case strings.HasPrefix(key, prefixHold):
		return stored[token.Hold](raw).Expires
	case strings.HasPrefix(key, prefixSwap):
		return stored[token.Swap](raw).Expires
	case strings.HasPrefix(key, prefixRedemption):
		return stored[token.Redemption](raw).Expires
	}
	return 0
}

// Totals is what was claimed and paid in one direction and currency:
// Invoiced = Settled + Disputed + what is still due.
type Totals struct {
	Direction usage.Direction `json:"direction"`
	Currency  money.Currency  `json:"currency"`
	Invoiced  money.Micro     `json:"invoiced"` // the claim on all invoices, open lines included, as last decided
	Settled   money.Micro     `json:"settled"`
	Disputed  money.Micro     `json:"disputed"` // the part that is still open
}

// Totals sums all invoices, gross, by direction and currency. It reads every
// invoice. Code: money-overflow.
func (v View) Totals() ([]Totals, error) {
	var out []Totals
	for inv := range v.Invoices("") {
		d := usage.Direction{From: inv.Buyer, To: inv.Seller}
		i := 0
		for i < len(out) && (out[i].Direction != d || out[i].Currency != inv.Currency) {
			i++
		}
		if i == len(out) {
			out = append(out, Totals{Direction: d, Currency: inv.Currency})
		}
		x := &out[i]
		paid := money.Micro(0)
		if inv.Paid {
			paid = inv.Total
		}
		for _, add := range []struct {
			to     *money.Micro
			amount money.Micro
		}{{&x.Invoiced, inv.Total}, {&x.Invoiced, inv.Open}, {&x.Settled, paid}, {&x.Disputed, inv.Open}} {
			sum, err := add.to.Add(add.amount)
			if err != nil {
				return nil, err
			}
			*add.to = sum
		}
	}
	return out, nil
}

// CheckJournal checks the books from the outside: every posting is between two
// accounts of one currency and moves a positive amount, entries are numbered
// without gaps, and the balances are what the entries add up to and sum to zero
// in each currency. Code: corrupt.
func CheckJournal(v View) error {
	wrong := func(format string, args ...any) error {
		return fault.Newf(fault.Corrupt, "stop this node and replay the channel", format, args...)
	}
	sums := map[settlement.Account]money.Micro{}
	next := uint64(1)
	for j := range v.Journal() {
		if j.Number != next {
			return wrong("journal entry %d stands where %d should", j.Number, next)
		}
		next++
		for _, p := range j.Postings {
			if p.From.Currency != p.To.Currency || p.Amount <= 0 || p.From == p.To {
				return wrong("journal entry %d has a posting that moves no value", j.Number)
			}
			sums[p.From] -= p.Amount
			sums[p.To] += p.Amount
		}
	}
	byCurrency := map[money.Currency]money.Micro{}
	seen := 0
	for a, balance := range v.Balances() {
		if sums[a] != balance {
			return wrong("the balance of %s is %s, its postings add up to %s", BalanceKey(a), balance, sums[a])
		}
		byCurrency[a.Currency] += balance
		seen++
	}
	if seen != len(sums) {
		return wrong("%d accounts have postings, %d have balances", len(sums), seen)
	}
	for _, c := range currencies(byCurrency) {
		if byCurrency[c] != 0 {
			return wrong("the balances in %s sum to %s, not zero", c, byCurrency[c])
		}
	}
	return nil
}

// Network gives the parameters of the network.
func (v View) Network() (Network, bool) { return get[Network](v, keyNetwork) }

// Validators gives the committee at genesis.
func (v View) Validators() (Validators, bool) { return get[Validators](v, keyValidators) }

// Member gives a member by code.
func (v View) Member(c party.Code) (party.Member, bool) { return get[party.Member](v, MemberKey(c)) }

// Members yields all members by code.
func (v View) Members() iter.Seq[party.Member] { return all[party.Member](v, prefixMember) }

// MemberBy finds a member by an alias.
func (v View) MemberBy(a party.Alias) (party.Member, bool) {
	n, ok := get[Name](v, AliasKey(a))
	if !ok {
		return party.Member{}, false
	}
	return v.Member(n.Member)
}

// KeyUse says who uses a key for what.
func (v View) KeyUse(k sign.PublicKey) (KeyUse, bool) { return get[KeyUse](v, KeyKey(k)) }

// Channel gives the keys of a Bilateral.
func (v View) Channel(id canon.Hash) (Channel, bool) { return get[Channel](v, ChannelKey(id)) }

// Opening gives how far a Bilateral is opened, and who pays.
func (v View) Opening(id canon.Hash) (Opening, bool) { return get[Opening](v, OpeningKey(id)) }

// Openings yields all openings by channel id.
func (v View) Openings() iter.Seq[Opening] { return all[Opening](v, prefixOpening) }

// Invitation gives the sealed invitation to a Bilateral that is not open yet.
func (v View) Invitation(id canon.Hash) ([]byte, bool) {
	i, ok := get[Invitation](v, InvitationKey(id))
	return i.Sealed, ok
}

// Anchors yields a channel's anchors from the oldest.
func (v View) Anchors(id canon.Hash) iter.Seq[Anchor] { return all[Anchor](v, AnchorPrefix(id)) }

// Anchored gives a channel's last anchor.
func (v View) Anchored(id canon.Hash) (Anchor, bool) {
	last, ok := get[Anchored](v, AnchoredKey(id))
	if !ok {
		return Anchor{}, false
	}
	return get[Anchor](v, last.Key)
}

// String keeps a View out of logs.
func (v View) String() string { return fmt.Sprintf("view of %T", v.Records) }
