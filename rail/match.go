package rail

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/money"
)

// Item is an obligation that is open: what entries are matched with.
type Item struct {
	ID         string       `json:"id"`
	References []string     `json:"references,omitempty"` // by which a payment may name it, besides its id and CreditorReference(id)
	Owed       money.Amount `json:"owed"`                 // what is open, six decimals; below zero what takes from others, as a credit note
	Owing      bool         `json:"owing,omitempty"`      // the account's owner owes it: debits pay it. Else credits do
	Payer      Account      `json:"payer,omitzero"`       // from which it is paid, when that is agreed
}

// Evidence is the place of a payment in a file and what the bank says of it.
type Evidence struct {
	File          string   `cbor:"1,keyasint" json:"file"` // id of the message
	Account       string   `cbor:"2,keyasint" json:"account"`
	Entry         int      `cbor:"3,keyasint" json:"entry"`                       // from 1, on the account's part
	Payment       int      `cbor:"4,keyasint,omitempty" json:"payment,omitempty"` // from 1, in the entry; 0 when the bank lists none
	BankReference string   `cbor:"5,keyasint,omitempty" json:"bank_reference,omitempty"`
	EndToEndID    string   `cbor:"6,keyasint,omitempty" json:"end_to_end_id,omitempty"`
	TransactionID string   `cbor:"7,keyasint,omitempty" json:"transaction_id,omitempty"`
	Amount        Money    `cbor:"8,keyasint" json:"amount"`
	Credit        bool     `cbor:"9,keyasint" json:"credit"`
	Booked        Date     `cbor:"10,keyasint,omitempty" json:"booked,omitempty"`
	Payer         string   `cbor:"11,keyasint,omitempty" json:"payer,omitempty"`      // account, when the bank tells it
	References    []string `cbor:"12,keyasint,omitempty" json:"references,omitempty"` // all that the payment names
	By            By       `cbor:"13,keyasint,omitempty" json:"by,omitempty"`         // which of them led to the items
}

// By says what named the items of a payment.
type By string

// What can name an item, the first that does counts. A text names one where a
// word of it is exactly a reference.
const (
	ByStructured By = "structured"
	ByEndToEnd   By = "end-to-end-id"
	ByText       By = "text"
)

// Allocation is the part of a payment that goes to an item.
type Allocation struct {
	Item    string       `cbor:"1,keyasint" json:"item"`
	Paid    Money        `cbor:"2,keyasint" json:"paid"`
	Left    money.Amount `cbor:"3,keyasint" json:"left"`                        // open after it
	Carried bool         `cbor:"4,keyasint,omitempty" json:"carried,omitempty"` // what is left is below a minor unit, so no bank can pay it alone
}

// Finding is what one payment of an entry came to.
type Finding struct {
	Evidence Evidence
	Outcome  Matched
}

// MarshalJSON gives the outcome by its name, and beside it what it says.
func (f Finding) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Evidence Evidence `json:"evidence"`
		Outcome  string   `json:"outcome"`
		Says     Matched  `json:"says"`
	}{f.Evidence, f.Outcome.Name(), f.Outcome})
}

// Matched is what a payment came to: one of the types below. Only [Whole], [Part] and [Over] pay
// items, and only [Reversal] takes that back; all others change nothing and
// wait for a person.
type Matched interface {
	Name() string
}

// Whole pays each item that the payment names to its last minor unit.
type Whole struct {
	Paid []Allocation `json:"paid"`
}

// Part pays less than is owed; the rest stays open.
type Part struct {
	Paid []Allocation `json:"paid"`
}

// Over pays more than is owed. The excess belongs to the payer and is not laid
// on anything.
type Over struct {
	Paid   []Allocation `json:"paid,omitempty"`
	Excess Money        `json:"excess"`
}

// UnknownReference names something that is not open. Nothing is paid, not even
// items that the same payment names rightly, since how it is meant to be split
// is not known.
type UnknownReference struct {
	Unknown []string `json:"unknown,omitempty"` // none: the payment names nothing
	Known   []string `json:"known,omitempty"`   // items that it names too
	Alike   []string `json:"alike,omitempty"`   // items of just this amount that this account would pay: for a person, never taken
}

// OtherAmount has amounts that do not fit together: those of the references and
// the payment, or one payment over several items that is not their sum.
type OtherAmount struct {
	Why   string `json:"why"`
	Named Money  `json:"named,omitzero"` // what the references or the items come to
}

// OtherCurrency pays an item in a currency that it is not owed in.
type OtherCurrency struct {
	Item string         `json:"item"`
	Owed money.Currency `json:"owed"`
}

// OtherPayer names an item rightly and comes from another account than agreed.
type OtherPayer struct {
	Item     string `json:"item"`
	Expected string `json:"expected"`
}

// Duplicate is a booking that was told before, by the same account servicer
// reference, or all of a file that was read before.
type Duplicate struct {
	First   Evidence `json:"first"`             // where it was told first; of a file, the file
	Changed bool     `json:"changed,omitempty"` // it says something else this time
}

// Reversal takes an earlier booking back, or returns a payment. Of is empty
// when no booking, or more than one, fits: then nothing is changed.
type Reversal struct {
	Of     *Evidence    `json:"of,omitempty"`
	Back   []Allocation `json:"back,omitempty"` // Paid is what is open again, Left all that is open then
	Reason string       `json:"reason,omitempty"`
}

// NotBooked is told ahead, or for information alone: no money has moved.
type NotBooked struct {
	Status string `json:"status"`
}

// The names of the outcomes, as documents have them.
func (Whole) Name() string            { return "whole" }
func (Part) Name() string             { return "part" }
func (Over) Name() string             { return "over" }
func (UnknownReference) Name() string { return "unknown-reference" }
func (OtherAmount) Name() string      { return "other-amount" }
func (OtherCurrency) Name() string    { return "other-currency" }
func (OtherPayer) Name() string       { return "other-payer" }
func (Duplicate) Name() string        { return "duplicate" }
func (Reversal) Name() string         { return "reversal" }
func (NotBooked) Name() string        { return "not-booked" }

// History is what a matcher must know of what came before. It is plain data, to
// be kept beside the books.
type History struct {
	Files    []SeenFile  `json:"files,omitempty"`
	Entries  []SeenEntry `json:"entries,omitempty"`
	Payments []Paid      `json:"payments,omitempty"`
}

// SeenFile is a file that was read.
type SeenFile struct {
	ID     string `cbor:"1,keyasint" json:"id"`
	SHA256 string `cbor:"2,keyasint" json:"sha256"`
}

// SeenEntry is a booking that was told.
type SeenEntry struct {
	Key   string   `cbor:"1,keyasint" json:"key"`   // account and account servicer reference, or what the entry says
	Says  string   `cbor:"2,keyasint" json:"says"`  // hash of amount, direction and reversal
	First Evidence `cbor:"3,keyasint" json:"first"` // where
}

// Paid is a payment that was laid on items, so that it can be taken back.
type Paid struct {
	Evidence Evidence     `cbor:"1,keyasint" json:"evidence"`
	Paid     []Allocation `cbor:"2,keyasint,omitempty" json:"paid,omitempty"`
	Back     bool         `cbor:"3,keyasint,omitempty" json:"back,omitempty"` // it was
}

// Matcher compares entries with open items. It is not safe for concurrent use.
type Matcher struct {
	items   []Item
	byName  map[string]int // side and reference → place in items
	files   map[string]SeenFile
	entries map[string]SeenEntry
	history History
}

// NewMatcher starts with what is open and what came before. An id or reference
// that names two items of one side is refused with code bank-id-twice.
func NewMatcher(open []Item, before History) (*Matcher, error) {
	before = History{slices.Clone(before.Files), slices.Clone(before.Entries), slices.Clone(before.Payments)}
	m := &Matcher{items: slices.Clone(open), byName: map[string]int{}, files: map[string]SeenFile{}, entries: map[string]SeenEntry{}, history: before}
	for at, item := range m.items {
		if _, _, err := Payable(item.Owed); err != nil {
			return nil, err
		}
		for _, name := range append([]string{item.ID, CreditorReference(item.ID)}, item.References...) {
			key := side(item.Owing) + name
			if other, ok := m.byName[key]; ok && other != at {
				return nil, fault.Newf(CodeTwice, "give each open item its own references", "the reference %s names the items %s and %s", short(name), short(m.items[other].ID), short(item.ID))
			}
			m.byName[key] = at
		}
	}
	for _, f := range before.Files {
		m.files[f.ID] = f
	}
	for _, e := range before.Entries {
		m.entries[e.Key] = e
	}
	return m, nil
}

func side(owing bool) string {
	if owing {
		return "owing "
	}
	return "owed "
}

// Open gives the items as they stand, those that are paid to their last minor
// unit too.
func (m *Matcher) Open() []Item { return slices.Clone(m.items) }

// History gives what the next matcher must know.
func (m *Matcher) History() History {
	return History{slices.Clone(m.history.Files), slices.Clone(m.history.Entries), slices.Clone(m.history.Payments)}
}

// Match says of each payment of a statement or notification what it comes to, in
// the order of the file. Codes: invalid, when the file is another message;
// money-overflow.
func (m *Matcher) Match(f *File) ([]Finding, error) {
	if f.Statement == nil {
		return nil, fault.Newf(fault.Invalid, "match a file of camt.053 or camt.054", "%s has no entries", f.Kind)
	}
	s := f.Statement
	before, again := m.files[s.ID]
	var all []Finding
	own := map[string]bool{} // entries without a reference that this file has told
	for _, a := range s.Accounts {
		for at, e := range a.Entries {
			place := Evidence{File: s.ID, Account: a.Account.String(), Entry: at + 1, BankReference: e.BankReference, Amount: e.Amount, Credit: e.Credit, Booked: e.Booked}
			if again && before.SHA256 == f.SHA256 {
				all = append(all, Finding{place, Duplicate{First: Evidence{File: s.ID, Account: place.Account}}})
				continue
			}
			found, err := m.entry(e, place, own, again)
			if err != nil {
				return nil, err
			}
			all = append(all, found...)
		}
	}
	if !again {
		seen := SeenFile{s.ID, f.SHA256}
		m.files[s.ID] = seen
		m.history.Files = append(m.history.Files, seen)
	}
	return all, nil
}

// entry matches one entry. renamed says that another file had this file's id.
func (m *Matcher) entry(e Entry, place Evidence, own map[string]bool, renamed bool) ([]Finding, error) {
	if e.Status != "BOOK" {
		return []Finding{{place, NotBooked{e.Status}}}, nil
	}
	if place.BankReference == "" {
		place.BankReference = e.onlyReference()
	}
	key := bookingKey(place.Account, place.BankReference, e.Reversal)
	if place.BankReference == "" {
		// Nothing tells two equal bookings of one file apart from one that is
		// told twice, except that they stand in one file.
		key = bookingKey(place.Account, hashOf(e.told()), e.Reversal)
		if renamed && m.entries[key].Key == "" {
			return []Finding{{place, Duplicate{First: Evidence{File: place.File, Account: place.Account}, Changed: true}}}, nil
		}
	}
	says := hashOf([]any{e.Amount, e.Credit, e.Reversal})
	if first, ok := m.entries[key]; ok && !own[key] {
		return []Finding{{place, Duplicate{First: first.First, Changed: first.Says != says}}}, nil
	} else if !ok {
		m.see(SeenEntry{key, says, place})
	}
	if place.BankReference == "" {
		own[key] = true
	}
	var payments []Detail
	for _, b := range e.Batches {
		payments = append(payments, b.Payments...)
	}
	if len(payments) == 0 {
		payments = []Detail{{Amount: e.Amount, Credit: e.Credit, Info: e.Info}}
		if len(e.Batches) == 1 {
			payments[0].MessageID, payments[0].GroupID = e.Batches[0].MessageID, e.Batches[0].GroupID
		}
	} else if why := e.unclear(payments); why != "" {
		return []Finding{{place, OtherAmount{Why: why}}}, nil
	}
	if len(payments) == 1 && payments[0].Amount.IsZero() {
		payments[0].Amount = e.Amount
	}
	var all []Finding
	for at, d := range payments {
		one := place
		if len(e.Batches) > 0 && len(payments) > 0 && len(e.Batches[0].Payments) > 0 {
			one.Payment = at + 1
		}
		one.EndToEndID, one.TransactionID, one.Amount, one.Credit, one.Payer = said(d.EndToEndID), said(d.TransactionID), d.Amount, d.Credit, d.DebtorAccount.String()
		if d.BankReference != "" {
			one.BankReference = d.BankReference
		}
		for _, r := range d.Remittance.Structured {
			one.References = append(one.References, r.numbers()...)
		}
		if first := m.before(one, place, d, e.Reversal); first != nil {
			all = append(all, Finding{one, *first})
			continue
		}
		if e.Reversal || d.Return != "" {
			r, err := m.reverse(one, d)
			if err != nil {
				return nil, err
			}
			all = append(all, Finding{one, r})
			continue
		}
		found, err := m.pay(one, d)
		if err != nil {
			return nil, err
		}
		all = append(all, found)
	}
	return all, nil
}

// before tells a payment of an entry that was told before by another: banks
// notify single payments and put them into one entry of the statement.
func (m *Matcher) before(one, entry Evidence, d Detail, reversal bool) *Duplicate {
	if d.BankReference != "" && d.BankReference != entry.BankReference {
		key, says := bookingKey(one.Account, d.BankReference, reversal), hashOf([]any{one.Amount, one.Credit, reversal})
		if first, ok := m.entries[key]; ok {
			return &Duplicate{First: first.First, Changed: first.Says != says}
		}
		m.see(SeenEntry{key, says, one})
	}
	if one.BankReference != "" || one.EndToEndID == "" || reversal || d.Return != "" {
		return nil
	}
	// Without a reference of the bank an end-to-end id that has paid is a booking
	// told again, unless one file tells both.
	for _, p := range m.history.Payments {
		if e := p.Evidence; !p.Back && e.Account == one.Account && e.EndToEndID == one.EndToEndID && e.Amount == one.Amount && e.Credit == one.Credit && e.File != one.File {
			return &Duplicate{First: e}
		}
	}
	return nil
}

// see keeps a booking.
func (m *Matcher) see(e SeenEntry) {
	m.entries[e.Key] = e
	m.history.Entries = append(m.history.Entries, e)
}

// bookingKey names a booking on an account. Some banks give a reversal the
// reference of what it reverses.
func bookingKey(account, reference string, reversal bool) string {
	if reversal {
		reference += " back"
	}
	return account + " " + reference
}

// onlyReference gives the bank's reference of the one payment of an entry: some
// banks give it to the entry and some to the payment.
func (e Entry) onlyReference() string {
	if len(e.Batches) == 1 && len(e.Batches[0].Payments) == 1 {
		return e.Batches[0].Payments[0].BankReference
	}
	return ""
}

// unclear says why the amounts of an entry's payments cannot be trusted.
func (e Entry) unclear(payments []Detail) string {
	sum, err := Money{Currency: e.Amount.Currency}, error(nil)
	for _, d := range payments {
		if d.Amount.IsZero() {
			if len(payments) > 1 {
				return "the bank does not tell the amount of each payment of the entry"
			}
			return ""
		}
		m := d.Amount
		if d.Credit != e.Credit {
			m.Minor = -m.Minor
		}
		if sum, err = sum.plus(m); err != nil {
			return "the payments of the entry have no sum"
		}
	}
	if sum != e.Amount {
		return "charges were taken off: the payments of the entry come to " + sum.String()
	}
	return ""
}

// told is what an entry without a reference says, to know it again.
func (e Entry) told() any {
	type payment struct {
		EndToEnd, Transaction, Reference, Debtor string
		Amount                                   Money
		Remittance                               Remittance
	}
	var all []payment
	for _, b := range e.Batches {
		for _, d := range b.Payments {
			all = append(all, payment{said(d.EndToEndID), said(d.TransactionID), d.BankReference, d.DebtorAccount.String(), d.Amount, d.Remittance})
		}
	}
	return []any{e.Amount, e.Credit, e.Reversal, e.Booked, all}
}

func hashOf(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // plain values
	}
	hash := sha256.Sum256(data)
	return hex.EncodeToString(hash[:])
}

// said gives an id unless it stands for none.
func said(id string) string {
	if id == notProvided {
		return ""
	}
	return id
}

// claim is an item that a payment names, and how much of it goes there.
type claim struct {
	item   int
	amount Money // zero value when not said
}

// pay lays one payment on the items that it names.
func (m *Matcher) pay(place Evidence, d Detail) (Finding, error) {
	claims, unknown, by, clash := m.claims(d)
	place.By = by
	result := func(o Matched) (Finding, error) { return Finding{place, o}, nil }
	if clash != nil {
		return result(*clash)
	}
	if len(unknown) > 0 || len(claims) == 0 {
		o := UnknownReference{Unknown: unknown}
		for _, c := range claims {
			o.Known = append(o.Known, m.items[c.item].ID)
		}
		o.Alike = m.alike(d)
		return result(o)
	}
	for _, c := range claims {
		item := m.items[c.item]
		if item.Owed.Currency != d.Amount.Currency {
			return result(OtherCurrency{item.ID, item.Owed.Currency})
		}
		if from := d.DebtorAccount; !item.Owing && item.Payer.String() != "" && from.String() != "" && !from.same(item.Payer) {
			return result(OtherPayer{item.ID, item.Payer.String()})
		}
	}
	if o, err := m.split(claims, d.Amount); o != nil || err != nil {
		return Finding{place, o}, err
	}
	var paid []Allocation
	part, excess := false, Money{Currency: d.Amount.Currency}
	for _, c := range claims {
		item := &m.items[c.item]
		open, _, err := Payable(item.Owed)
		if err != nil {
			return Finding{}, err
		}
		goes := Money{open.Currency, min(c.amount.Minor, open.Minor)}
		if open.Minor < 0 {
			goes = open // split has made sure of it
		}
		excess.Minor += c.amount.Minor - goes.Minor
		if goes.Minor == 0 {
			continue
		}
		a, err := item.take(goes)
		if err != nil {
			return Finding{}, err
		}
		part = part || goes != open
		paid = append(paid, a)
	}
	m.history.Payments = append(m.history.Payments, Paid{Evidence: place, Paid: paid})
	switch {
	case excess.Minor > 0:
		return result(Over{paid, excess})
	case part:
		return result(Part{paid})
	}
	return result(Whole{paid})
}

// take lowers what is owed on an item; of a negative amount it raises it.
func (i *Item) take(paid Money) (Allocation, error) {
	six, err := paid.Amount()
	if err != nil {
		return Allocation{}, err
	}
	if i.Owed, err = i.Owed.Sub(six); err != nil {
		return Allocation{}, err
	}
	open, _, err := Payable(i.Owed)
	return Allocation{Item: i.ID, Paid: paid, Left: i.Owed, Carried: open.Minor == 0 && i.Owed.Micro != 0}, err
}

// split gives each claim its amount, or says why that is not certain.
func (m *Matcher) split(claims []claim, amount Money) (Matched, error) {
	told := 0
	sum := Money{Currency: amount.Currency}
	var err error
	for i, c := range claims {
		open, _, err := Payable(m.items[c.item].Owed)
		if err != nil {
			return nil, err
		}
		if !c.amount.IsZero() {
			told++
		} else if claims[i].amount = open; len(claims) == 1 {
			claims[i].amount = amount
		}
		if claims[i].amount.Currency != amount.Currency {
			return OtherAmount{Why: "its references are in another currency than the payment", Named: claims[i].amount}, nil
		}
		if open.Minor < 0 && claims[i].amount != open {
			return OtherAmount{Why: "a credit note counts as a whole or not at all", Named: open}, nil
		}
		if open.Minor >= 0 && claims[i].amount.Minor < 0 {
			return OtherAmount{Why: "a credit note is named that takes nothing", Named: claims[i].amount}, nil
		}
		if sum, err = sum.plus(claims[i].amount); err != nil {
			return nil, err
		}
	}
	switch {
	case told > 0 && told < len(claims):
		return OtherAmount{Why: "some of its references say how much goes there and others do not"}, err
	case sum != amount && told > 0:
		return OtherAmount{Why: "its references come to another amount than the payment", Named: sum}, err
	case sum != amount:
		return OtherAmount{Why: "it is for several items and is not their sum, and says not how much goes to each", Named: sum}, err
	}
	return nil, nil
}

// claims finds the items that a payment names.
func (m *Matcher) claims(d Detail) (all []claim, unknown []string, by By, clash *OtherAmount) {
	s := side(!d.Credit)
	add := func(item int, amount Money) {
		for i := range all {
			if all[i].item != item {
				continue
			}
			if sum, err := all[i].amount.plus(amount); err == nil && !amount.IsZero() {
				all[i].amount = sum
			}
			return
		}
		all = append(all, claim{item, amount})
	}
	for _, ref := range d.Remittance.Structured {
		var here []int
		for _, name := range ref.numbers() {
			if item, ok := m.byName[s+name]; !ok {
				continue
			} else if !slices.Contains(here, item) {
				here = append(here, item)
			}
		}
		amount := ref.Amount
		if !ref.Credited.IsZero() {
			amount = Money{ref.Credited.Currency, amount.Minor - ref.Credited.Minor}
		}
		switch {
		case len(here) == 0:
			unknown = append(unknown, ref.numbers()...)
		case len(here) > 1 && !amount.IsZero():
			sum := Money{Currency: amount.Currency}
			for _, item := range here {
				open, _, _ := Payable(m.items[item].Owed) // its currency was checked at the start
				add(item, open)
				if open.Currency == sum.Currency {
					sum.Minor += open.Minor
				}
			}
			if sum != amount {
				clash = &OtherAmount{Why: "one amount is for several items and is not their sum", Named: sum}
			}
		default:
			for _, item := range here {
				add(item, amount)
			}
		}
	}
	if len(all) > 0 {
		return all, unknown, ByStructured, clash
	}
	if item, ok := m.byName[s+said(d.EndToEndID)]; ok {
		return []claim{{item: item}}, nil, ByEndToEnd, nil
	}
	for _, text := range append(slices.Clone(d.Remittance.Texts), d.Info) {
		for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" ,;:()", r) }) {
			if item, ok := m.byName[s+word]; ok {
				add(item, Money{})
			}
		}
	}
	if len(all) > 0 && len(unknown) == 0 {
		return all, nil, ByText, nil
	}
	return all, unknown, "", nil
}

// alike gives the items of just this amount that this payer would pay.
func (m *Matcher) alike(d Detail) (ids []string) {
	for _, item := range m.items {
		open, _, err := Payable(item.Owed)
		if err == nil && item.Owing == !d.Credit && open == d.Amount && (item.Payer.String() == "" || item.Payer.same(d.DebtorAccount)) {
			ids = append(ids, item.ID)
		}
	}
	return ids
}

// reverse takes the one payment back that an entry reverses or returns. A
// credit reverses a debit, and the other way round.
func (m *Matcher) reverse(place Evidence, d Detail) (Reversal, error) {
	r := Reversal{Reason: d.Return}
	found := -1
	for at, p := range m.history.Payments {
		e := p.Evidence
		fits := place.EndToEndID != "" && e.EndToEndID == place.EndToEndID || place.TransactionID != "" && e.TransactionID == place.TransactionID ||
			place.BankReference != "" && e.BankReference == place.BankReference
		if p.Back || !fits || e.Account != place.Account || e.Amount != place.Amount || e.Credit == place.Credit {
			continue
		}
		if found >= 0 {
			return r, nil
		}
		found = at
	}
	if found < 0 {
		return r, nil
	}
	p := &m.history.Payments[found]
	of := p.Evidence
	r.Of = &of
	for _, a := range p.Paid {
		back := Allocation{Item: a.Item, Paid: a.Paid, Left: money.Amount{Currency: a.Paid.Currency}}
		at, ok := m.byName[side(!of.Credit)+a.Item]
		if ok {
			again, err := m.items[at].take(Money{a.Paid.Currency, -a.Paid.Minor})
			if err != nil {
				return r, err
			}
			back.Left = again.Left
		} else {
			six, err := a.Paid.Amount()
			if err != nil {
				return r, err
			}
			if back.Left, err = a.Left.Add(six); err != nil {
				return r, err
			}
		}
		r.Back = append(r.Back, back)
	}
	p.Back = true
	return r, nil
}
