package sonata

import (
	"bytes"
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/store/resource"
	"github.com/lateral-network/lateral/trade/money"
)

// Biller hears what buyers say of their bills. Bills themselves come from the
// carrier by Server.IssueBill.
type Biller interface {
	// BillAnswered tells what a buyer says of a bill, or of an item of it, before it
	// is noted. A refusal is the answer to the buyer. It may come more than once.
	BillAnswered(context.Context, Party, BillAnswered) error
}

// BillAnswered is what a buyer says.
type BillAnswered struct {
	Bill string
	Item string // "": the whole bill
	Say  string // accept, dispute, resolve, pay
	wire.BillAnswer
}

const (
	billPath     = "/customerBill/"
	billItemPath = "/customerBillItem/"
	// OwnBase is where the calls are that the standard lacks: it stays apart from
	// the standard's own addresses.
	OwnBase = "/sb/v1"
)

var (
	billKind = &kind{
		name: "customerBill", path: billPath, function: wire.Billing, state: "state",
		summary: func(v wire.Value) wire.Value {
			return pick(v, "id", "billNo", "billingAccount", "billingPeriod", "category", "state")
		},
		attributes: func(v wire.Value) []resource.Attribute {
			all := attributesOf(v, []string{"category"}, nil)
			if id := v.Get("billingAccount").Get("id").Text(); id != "" {
				all = append(all, resource.Attribute{Name: "billingAccount.id", Value: id})
			}
			for _, name := range []string{"startDateTime", "endDateTime"} {
				for _, a := range attributesOf(v.Get("billingPeriod"), nil, []string{name}) {
					all = append(all, resource.Attribute{Name: "billingPeriod." + name, Value: a.Value})
				}
			}
			return all
		},
	}
	billItemKind = &kind{name: "customerBillItem", path: billItemPath, function: wire.Billing, state: "state"}
)

func (s *Server) billingOperations(r wire.Release) []operation {
	params := slices.Concat([]param{equal("billingAccount.id"), choice("category", "category", "normal", "duplicate", "trial"), choice("state", "state", wire.BillGenerated, wire.BillPaymentDue, wire.BillSettled)},
		paged, between("billingPeriod.startDateTime"), between("billingPeriod.endDateTime"))
	lists := listErrors
	if r == wire.Grace {
		lists = []int{400, 401, 403, 500}
	}
	return append([]operation{
		{id: "listCustomerBill", method: http.MethodGet, path: "/customerBill", params: params, errors: lists, do: func(c *call) (*reply, error) { return c.list(billKind) }},
		{id: "retrieveCustomerBill", method: http.MethodGet, path: billPath + "{id}", errors: getErrors, do: func(c *call) (*reply, error) { return c.retrieveOne(billKind) }},
		{id: "retrieveCustomerBillItem", method: http.MethodGet, path: billItemPath + "{id}", errors: getErrors, do: func(c *call) (*reply, error) { return c.retrieveOne(billItemKind) }},
	}, s.hub(true, []int{400, 401, 403, 500, 501}, plus(getErrors, 501))...)
}

// retrieveOne answers an array of one, as the files of billing declare it.
func (c *call) retrieveOne(k *kind) (*reply, error) {
	r, err := c.s.store.Get(c.ctx, c.scope(k.name), c.id)
	if err != nil {
		return nil, err
	}
	return &reply{body: slices.Concat([]byte("["), r.Body, []byte("]"))}, nil
}

// IssueBill stores a bill and its lines and tells the buyer. Ids, sums and
// addresses that are not set are filled in. Each line leads to a product of the
// inventory and to the order item that made it; what was not delivered cannot be
// billed. Codes: invalid, reference-unknown, refused, conflict, not-found.
func (s *Server) IssueBill(ctx context.Context, buyer, seller string, b wire.Bill, items []wire.BillItem) (wire.Bill, error) {
	scope, err := s.scopeFor(billKind, buyer, seller)
	if err != nil {
		return b, err
	}
	if len(items) == 0 || b.BillNo == "" {
		return b, fault.New(fault.Invalid, "a bill has no number or no line", "give both")
	}
	now := s.now()
	b.State, b.Items = wire.BillGenerated, nil
	def := func(text *string, is string) {
		if *text == "" {
			*text = is
		}
	}
	def(&b.ID, s.options.ID())
	def(&b.Category, "normal")
	def(&b.RunType, "onCycle")
	def(&b.FinancialAccount.ID, b.Account.ID)
	if b.Date.IsZero() {
		b.Date = now
	}
	if b.Due.IsZero() {
		b.Due = b.Date.AddDate(0, 0, 30)
	}
	b.Updated, b.Href = now, s.href(releaseOf(scope), wire.Billing, billPath+b.ID)
	def(&b.Document.URL, s.options.Base+OwnBase+billPath+b.ID+"/document")
	if b.Contacts == nil {
		b.Contacts = []wire.Contact{}
		if s.options.Contact.Name != "" {
			c := s.options.Contact
			c.Role = "billSellerContact"
			b.Contacts = []wire.Contact{c}
		}
	}
	for i := range items {
		x := &items[i]
		def(&x.ID, b.ID+"-"+strconv.Itoa(i+1))
		x.State, x.Href, x.Bilateral = wire.BillGenerated, s.href(releaseOf(scope), wire.Billing, billItemPath+x.ID), &wire.BillTalk{Bill: b.ID}
		if x.Taxes == nil {
			x.Taxes = []wire.BillItemTax{}
		}
		if x.Fees == nil {
			x.Fees = []wire.BillItemFee{}
		}
		b.Items = append(b.Items, wire.Ref{ID: x.ID, Href: x.Href})
	}
	if err := sumUp(&b, items); err != nil {
		return b, err
	}
	err = s.store.Update(ctx, func(tx *resource.Tx) error {
		for i := range items {
			if err := linkItem(tx, scope, &items[i]); err != nil {
				return fault.Of(err).In("customerBillItem." + strconv.Itoa(i))
			}
			r := &resource.Record{Scope: of(scope, billItemKind), ID: items[i].ID}
			billItemKind.fill(r, wire.ValueOf(items[i]))
			if err := tx.Insert(r); err != nil {
				return err
			}
		}
		r := &resource.Record{Scope: scope, ID: b.ID}
		body := wire.ValueOf(b)
		if releaseOf(scope) == wire.Grace {
			wire.ToGraceContacts(&body)
		}
		billKind.fill(r, body)
		if err := tx.Insert(r); err != nil {
			return err
		}
		return tx.Emit(s.taskEvent(scope, billKind, "customerBillCreateEvent", body, ""))
	})
	return b, err
}

// ShowBill shows a bill as it stands with a carrier that keeps its bills elsewhere:
// it is issued if it is not there yet, and its items, sums and payments become what
// is given, through the states of the standard. Codes: as IssueBill.
func (s *Server) ShowBill(ctx context.Context, buyer, seller string, b wire.Bill, items []wire.BillItem) error {
	scope, err := s.scopeFor(billKind, buyer, seller)
	if err != nil {
		return err
	}
	if _, err := s.store.Get(ctx, scope, b.ID); fault.CodeOf(err) == fault.NotFound {
		fresh := b
		fresh.AmountDue, fresh.Remaining, fresh.Credits, fresh.Payments = wire.Money{}, wire.Money{}, wire.Money{}, nil
		if _, err := s.IssueBill(ctx, buyer, seller, fresh, slices.Clone(items)); err != nil {
			return err
		}
	} else if err != nil {
		return err
	}
	return s.store.Update(ctx, func(tx *resource.Tx) error {
		l, err := s.openLedger(tx, scope, b.ID)
		if err != nil {
			return err
		}
		changed := false
		for _, is := range items {
			i := slices.IndexFunc(l.items, func(x wire.BillItem) bool { return x.ID == is.ID })
			if i < 0 {
				return fault.Newf(CodeReferenceUnknown, "show the items that were issued", "the bill has no item %.80q", is.ID)
			}
			x := &l.items[i]
			if x.State != is.State && route(billItemMoves, x.State, is.State) == nil {
				return fault.Newf(fault.Refused, "look at the item first", "an item that is %s cannot become %s", x.State, is.State)
			}
			changed = changed || x.State != is.State || !same(x.Bilateral, is.Bilateral)
			x.State, x.Bilateral = is.State, is.Bilateral
		}
		changed = changed || !same(l.bill.AmountDue, b.AmountDue) || !same(l.bill.Remaining, b.Remaining) || !same(l.bill.Credits, b.Credits) || !same(l.bill.Payments, b.Payments)
		if !changed {
			return nil
		}
		l.bill.AmountDue, l.bill.Remaining, l.bill.Credits, l.bill.Payments = b.AmountDue, b.Remaining, b.Credits, b.Payments
		return l.close()
	})
}

// same reports whether two values are written alike.
func same(a, b any) bool { return bytes.Equal(wire.ValueOf(a).Bytes(), wire.ValueOf(b).Bytes()) }

// sumUp fills in the sums of a bill, and refuses sums that are not those of its
// lines.
func sumUp(b *wire.Bill, items []wire.BillItem) error {
	currency := items[0].Untaxed.Unit
	total := func(m wire.Money, into *money.Amount) error {
		if m.Unit == "" {
			return nil
		}
		a, err := m.Amount()
		if err == nil {
			*into, err = into.Add(a)
		}
		return err
	}
	zero := money.Amount{Currency: currency}
	untaxed, tax, fees, discounts, credits := zero, zero, zero, zero, zero
	faults := many{}
	for _, x := range items {
		faults.add(total(x.Untaxed, &untaxed))
		for _, t := range x.Taxes {
			faults.add(total(t.Amount, &tax))
		}
		for _, f := range x.Fees {
			faults.add(total(f.Amount, &fees))
		}
	}
	faults.add(total(b.Discounts, &discounts))
	faults.add(total(b.Credits, &credits))
	if err := faults.err(); err != nil {
		return err
	}
	taxed, err := untaxed.Add(fees)
	if err == nil {
		taxed, err = taxed.Add(tax)
	}
	due := taxed
	for _, off := range []money.Amount{discounts, credits} {
		if err == nil {
			due, err = due.Sub(off)
		}
	}
	if err != nil {
		return err
	}
	put := func(name string, m *wire.Money, is money.Amount) {
		want := wire.MoneyOf(is)
		if m.Unit == "" {
			*m = want
			return
		}
		if a, err := m.Amount(); err != nil || a != is {
			faults.add(fault.Newf(fault.Invalid, "correct it, or leave it out", "the sum of the lines is %s", want.Value).In(name))
		}
	}
	put("taxExcludedAmount", &b.Untaxed, untaxed)
	put("taxIncludedAmount", &b.Taxed, taxed)
	put("fees", &b.Fees, fees)
	put("discounts", &b.Discounts, discounts)
	put("credits", &b.Credits, credits)
	put("amountDue", &b.AmountDue, due)
	put("remainingAmount", &b.Remaining, due)
	if b.Taxes == nil {
		b.Taxes = []wire.TaxItem{}
		if tax != zero {
			b.Taxes = append(b.Taxes, wire.TaxItem{Category: "VAT", Amount: wire.MoneyOf(tax)})
		}
	}
	if b.Payments == nil {
		b.Payments = []wire.AppliedPayment{}
	}
	return faults.err()
}

// linkItem fills in what a line leads to. The standard's guide asks for the
// product or the order item, its file for both.
func linkItem(tx *resource.Tx, scope resource.Scope, x *wire.BillItem) error {
	read := func(k *kind, id string) (r *resource.Record, v wire.Value, err error) {
		if r, err = tx.Get(of(scope, k), id); fault.CodeOf(err) == fault.NotFound {
			return nil, v, fault.Newf(CodeReferenceUnknown, "look the id up", "there is no %s %.64q", k.name, id)
		} else if err == nil {
			v, err = wire.Parse(r.Body)
		}
		return r, v, err
	}
	if x.Product.ID == "" {
		_, order, err := read(orderKind, x.OrderItem.OrderID)
		if err != nil {
			return err
		}
		for _, item := range order.Get(orderItems).Items {
			if item.Get("id").Text() == x.OrderItem.ItemID {
				x.Product.ID = item.Get("product").Get("id").Text()
			}
		}
	}
	r, product, err := read(productKind, x.Product.ID)
	if err != nil {
		return err
	}
	if r.State == wire.ProductPendingActive || r.State == wire.Cancelled {
		return fault.Newf(fault.Refused, "bill it when it is active", "the product %.64q has not been delivered", r.ID)
	}
	refs := product.Get("productOrderItem").Items
	if x.OrderItem.OrderID == "" && len(refs) > 0 {
		x.OrderItem = wire.OrderItemRef{OrderID: refs[0].Get("productOrderId").Text(), ItemID: refs[0].Get("productOrderItemId").Text()}
	}
	if !slices.ContainsFunc(refs, func(v wire.Value) bool {
		return v.Get("productOrderId").Text() == x.OrderItem.OrderID && v.Get("productOrderItemId").Text() == x.OrderItem.ItemID
	}) {
		return fault.Newf(CodeReferenceUnknown, "look the product up in the inventory", "the product %.64q does not come from that order item", r.ID)
	}
	if x.ProductName == "" {
		x.ProductName = product.Get("productOffering").Get("id").Text()
	}
	if x.ProductName == "" {
		x.ProductName = r.ID
	}
	return nil
}

// ownOperations are the calls on bills that the standard lacks.
func (s *Server) ownOperations(wire.Release) []operation {
	answers := plus(getErrors, 409, 422)
	say := func(id, path, word string, body *shape) operation {
		return operation{id: id, method: http.MethodPost, path: path + "{id}/" + word, body: body, errors: answers, do: func(c *call) (*reply, error) { return c.sayOf(path, word) }}
	}
	amount := object(req("unit", text), req("value", number))
	reason := object(opt("reason", text))
	pay := object(opt("amount", amount), req("reference", text), opt("paymentMethod", oneOf("check", "wireTransfer", "electronic", "cash", "other")), opt("paymentDate", date))
	return []operation{
		{id: "retrieveCustomerBillDocument", method: http.MethodGet, path: billPath + "{id}/document", errors: getErrors, do: (*call).billDocument},
		say("acceptCustomerBill", billPath, "accept", reason),
		say("payCustomerBill", billPath, "pay", pay),
		say("acceptCustomerBillItem", billItemPath, "accept", reason),
		say("disputeCustomerBillItem", billItemPath, "dispute", object(req("reason", text), opt("claimedAmount", amount))),
		say("resolveCustomerBillItem", billItemPath, "resolve", object(req("accept", boolean), opt("reason", text))),
		say("payCustomerBillItem", billItemPath, "pay", pay),
	}
}

// ledger is a bill with its items, while something is said of it.
type ledger struct {
	s     *Server
	tx    *resource.Tx
	scope resource.Scope
	bill  wire.Bill
	raw   wire.Value
	items []wire.BillItem
	was   []wire.Value
}

// openLedger reads a bill and its items.
func (s *Server) openLedger(tx *resource.Tx, scope resource.Scope, bill string) (*ledger, error) {
	l := &ledger{s: s, tx: tx, scope: of(scope, billKind)}
	r, err := tx.Get(l.scope, bill)
	if err != nil {
		return nil, err
	}
	if l.raw, err = wire.Parse(r.Body); err == nil {
		err = l.raw.Decode(&l.bill)
	}
	if err != nil {
		return nil, err
	}
	for _, ref := range l.bill.Items {
		r, err := tx.Get(of(scope, billItemKind), ref.ID)
		if err != nil {
			return nil, err
		}
		v, err := wire.Parse(r.Body)
		if err != nil {
			return nil, err
		}
		var x wire.BillItem
		if err := v.Decode(&x); err != nil {
			return nil, err
		}
		if x.Bilateral == nil {
			x.Bilateral = &wire.BillTalk{Bill: bill}
		}
		l.items, l.was = append(l.items, x), append(l.was, v)
	}
	return l, nil
}

// billOf gives the bill of an item. Code: not-found.
func billOf(tx *resource.Tx, scope resource.Scope, item string) (string, error) {
	r, err := tx.Get(of(scope, billItemKind), item)
	if err != nil {
		return "", err
	}
	v, err := wire.Parse(r.Body)
	return v.Get("smartBilateral").Get("customerBillId").Text(), err
}

// close stores what has changed, gives the bill the state that follows from its
// items, and tells of it.
func (l *ledger) close() error {
	now := l.s.now()
	for i, x := range l.items {
		v := l.was[i]
		v.Set("state", x.State)
		v.Set("smartBilateral", x.Bilateral)
		r, err := l.tx.Get(of(l.scope, billItemKind), x.ID)
		if err != nil {
			return err
		}
		billItemKind.fill(r, v)
		if err := l.tx.Put(r); err != nil {
			return err
		}
	}
	state := billState(l.items)
	before := l.bill.State
	v := l.raw
	for name, m := range map[string]wire.Money{"amountDue": l.bill.AmountDue, "remainingAmount": l.bill.Remaining, "credits": l.bill.Credits} {
		v.Set(name, m)
	}
	v.Set("appliedPayment", l.bill.Payments)
	v.Set("lastUpdate", wire.Time(now))
	if state != before && slices.Contains(billMoves[before], state) {
		v.Set("state", state)
		if err := l.tx.Emit(l.s.taskEvent(l.scope, billKind, "customerBillStateChangeEvent", v, state)); err != nil {
			return err
		}
	}
	r, err := l.tx.Get(l.scope, l.bill.ID)
	if err != nil {
		return err
	}
	billKind.fill(r, v)
	return l.tx.Put(r)
}

// billState is the state of a bill by its items: payment is due while one is in
// dispute, due, withdrawn or credited, and the bill is settled when nothing but
// settled and withdrawn items is left.
func billState(items []wire.BillItem) string {
	settled, due := true, false
	for _, x := range items {
		switch x.State {
		case wire.BillSettled:
		case wire.BillWithdrawn:
			due = true
		case wire.BillGenerated:
			settled = false
		default:
			settled, due = false, true
		}
	}
	switch {
	case settled:
		return wire.BillSettled
	case due:
		return wire.BillPaymentDue
	}
	return wire.BillGenerated
}

// move gives an item a state. Code: conflict.
func (l *ledger) move(x *wire.BillItem, state string) error {
	if !slices.Contains(billItemMoves[x.State], state) {
		return fault.Newf(fault.Conflict, "look at the item first", "an item that is %s cannot become %s", x.State, state)
	}
	x.State = state
	return nil
}

// open is what is still to be paid of an item, with tax.
func open(x wire.BillItem) (money.Amount, error) {
	sum, err := x.Untaxed.Amount()
	add := func(m wire.Money, with func(money.Amount, money.Amount) (money.Amount, error)) {
		if err != nil || m.Unit == "" {
			return
		}
		var a money.Amount
		if a, err = m.Amount(); err == nil {
			sum, err = with(sum, a)
		}
	}
	for _, t := range x.Taxes {
		add(t.Amount, money.Amount.Add)
	}
	for _, f := range x.Fees {
		add(f.Amount, money.Amount.Add)
	}
	if r := x.Bilateral.Resolution; r != nil && r.Amount != nil && r.State == wire.BillCredit {
		add(*r.Amount, money.Amount.Sub)
	}
	return sum, err
}

// credit takes an amount off what is due.
func (l *ledger) credit(a money.Amount) error {
	for _, m := range []struct {
		of   *wire.Money
		with func(money.Amount, money.Amount) (money.Amount, error)
	}{{&l.bill.Credits, money.Amount.Add}, {&l.bill.AmountDue, money.Amount.Sub}, {&l.bill.Remaining, money.Amount.Sub}} {
		is, err := m.of.Amount()
		if err == nil {
			is, err = m.with(is, a)
		}
		if err != nil {
			return err
		}
		*m.of = wire.MoneyOf(is)
	}
	return nil
}

// sayOf notes what the buyer says of a bill or an item, and answers it as it then
// is.
func (c *call) sayOf(path, word string) (*reply, error) {
	var a wire.BillAnswer
	if err := c.body.Decode(&a); err != nil {
		return nil, fault.New(CodeBadBody, "the body cannot be read", "send it as the guide says").Because(err)
	}
	k := billKind
	if path == billItemPath {
		k = billItemKind
	}
	scope := c.scope(k.name)
	say := func(commit bool) error {
		return c.s.store.Update(c.ctx, func(tx *resource.Tx) error {
			id, item := c.id, ""
			if k == billItemKind {
				var err error
				if id, err = billOf(tx, scope, c.id); err != nil {
					return err
				}
				item = c.id
			}
			l, err := c.s.openLedger(tx, scope, id)
			if err != nil {
				return err
			}
			if err := l.say(item, word, a); err != nil {
				return err
			}
			if !commit {
				return errDry{l.bill.ID}
			}
			return l.close()
		})
	}
	// First whether it may be said at all, then the seller is told, then it is
	// noted: what was paid is never lost between the two.
	err := say(false)
	dry, ok := err.(errDry)
	if !ok {
		return nil, err
	}
	told := BillAnswered{Bill: dry.bill, Say: word, BillAnswer: a}
	if k == billItemKind {
		told.Item = c.id
	}
	if err := c.s.seller.Bills.BillAnswered(c.ctx, c.party(), told); err != nil {
		return nil, err
	}
	if err := say(true); err != nil {
		return nil, err
	}
	return c.retrieve(k)
}

// errDry ends a trial of a change.
type errDry struct{ bill string }

func (errDry) Error() string { return "a trial" }

// say changes what is said of items: of one, or of all of the bill that it can be
// said of.
func (l *ledger) say(item, word string, a wire.BillAnswer) error {
	now, done := l.s.now(), 0
	var paid money.Amount
	for i := range l.items {
		x := &l.items[i]
		if item != "" && x.ID != item {
			continue
		}
		switch word {
		case "accept":
			if x.State != wire.BillGenerated || !x.Bilateral.Accepted.IsZero() {
				if item != "" && x.Bilateral.Accepted.IsZero() {
					return fault.Newf(fault.Conflict, "look at the item first", "an item that is %s cannot be accepted", x.State)
				}
				continue // once is enough
			}
			x.Bilateral.Accepted = now
		case "dispute":
			if !x.Bilateral.Accepted.IsZero() {
				return fault.New(fault.Conflict, "ask the seller", "the item has been accepted")
			}
			if a.Claimed != nil {
				claimed, err := a.Claimed.Amount()
				if err != nil {
					return fault.New(CodeBadFormat, fault.Of(err).Detail, fault.Of(err).Remedy).In("claimedAmount")
				}
				if is, err := x.Untaxed.Amount(); err != nil || claimed.Currency != is.Currency || claimed.Micro < 0 || claimed.Micro >= is.Micro {
					return fault.New(fault.Invalid, "claim less than the item, in its currency", "the claim is not below the item").In("claimedAmount")
				}
			}
			if err := l.move(x, wire.BillDisputed); err != nil {
				return err
			}
			x.Bilateral.Dispute = &wire.BillDispute{Opened: now, Reason: cut(a.Reason, 1024), Claimed: a.Claimed}
		case "resolve":
			r := x.Bilateral.Resolution
			if x.State != wire.BillDisputed || r == nil || r.Agreed != nil && *r.Agreed != a.Accept {
				return fault.New(fault.Conflict, "wait for the seller's answer", "the seller has proposed nothing that could be agreed to")
			}
			r.Agreed = &a.Accept
			if a.Accept {
				if err := l.move(x, wire.BillPaymentDue); err != nil {
					return err
				}
			}
		case "pay":
			if item == "" && !slices.Contains(billItemMoves[x.State], wire.BillSettled) {
				continue // what is in dispute is not paid with the rest
			}
			sum, err := open(*x)
			if err != nil {
				return err
			}
			if err := l.move(x, wire.BillSettled); err != nil {
				return err
			}
			paid.Currency = sum.Currency
			if paid, err = paid.Add(sum); err != nil {
				return err
			}
		}
		done++
	}
	switch {
	case word == "pay" && done == 0:
		return fault.New(fault.Conflict, "look at the bill first", "nothing of the bill can be paid")
	case word == "pay":
		return l.pay(a, paid)
	}
	return nil
}

// pay applies a payment.
func (l *ledger) pay(a wire.BillAnswer, paid money.Amount) error {
	if a.Amount != nil {
		if given, err := a.Amount.Amount(); err != nil || given != paid {
			return fault.Newf(fault.Invalid, "pay that, or leave the amount out", "what can be paid is %s %s", wire.MoneyOf(paid).Value, paid.Currency).In("amount")
		}
	}
	remaining, err := l.bill.Remaining.Amount()
	if err == nil {
		remaining, err = remaining.Sub(paid)
	}
	if err != nil {
		return err
	}
	l.bill.Remaining = wire.MoneyOf(remaining)
	if a.Date.IsZero() {
		a.Date = l.s.now()
	}
	if a.Method == "" {
		a.Method = "other"
	}
	l.bill.Payments = append(l.bill.Payments, wire.AppliedPayment{Amount: wire.MoneyOf(paid), Payment: wire.Payment{ID: a.Reference, Amount: wire.MoneyOf(paid), Method: a.Method, Date: a.Date}})
	return nil
}

// ResolveDispute gives the seller's answer to a disputed item: it is withdrawn,
// credited by an amount, or due all the same. What is due all the same needs the
// buyer's consent, unless agreed says that it was given elsewhere. Codes:
// not-found, conflict, invalid.
func (s *Server) ResolveDispute(ctx context.Context, buyer, seller, item string, r wire.BillResolution, agreed bool) error {
	scope, err := s.scopeFor(billItemKind, buyer, seller)
	if err != nil {
		return err
	}
	return s.store.Update(ctx, func(tx *resource.Tx) error {
		id, err := billOf(tx, scope, item)
		if err != nil {
			return err
		}
		l, err := s.openLedger(tx, scope, id)
		if err != nil {
			return err
		}
		i := slices.IndexFunc(l.items, func(x wire.BillItem) bool { return x.ID == item })
		if i < 0 || l.items[i].State != wire.BillDisputed {
			return fault.New(fault.Conflict, "look at the item first", "the item is not in dispute")
		}
		if err := l.resolve(&l.items[i], r, agreed); err != nil {
			return err
		}
		return l.close()
	})
}

func (l *ledger) resolve(x *wire.BillItem, r wire.BillResolution, agreed bool) error {
	r.Date = l.s.now()
	r.Agreed = nil
	whole, err := open(*x)
	if err != nil {
		return err
	}
	if r.State == "withdrawn" {
		r.State = wire.BillWithdrawn // the guides' spelling
	}
	switch r.State {
	case wire.BillWithdrawn:
		err = l.credit(whole)
	case wire.BillCredit:
		if r.Amount == nil {
			return fault.New(fault.Invalid, "a credit has no amount", "give it").In("creditAmount")
		}
		var a money.Amount
		if a, err = r.Amount.Amount(); err == nil && (a.Currency != whole.Currency || a.Micro <= 0 || a.Micro > whole.Micro) {
			err = fault.New(fault.Invalid, "the credit is more than the item, nothing, or of another currency", "correct it").In("creditAmount")
		}
		if err == nil {
			err = l.credit(a)
		}
	case wire.BillPaymentDue:
		if agreed {
			r.Agreed = &agreed
		}
	default:
		return fault.New(fault.Invalid, "a dispute cannot be resolved like that", "use withDrawn, credit or paymentDue").In("state")
	}
	if err != nil {
		return err
	}
	x.Bilateral.Resolution = &r
	if r.State == wire.BillPaymentDue && !agreed {
		return nil
	}
	return l.move(x, r.State)
}

// billDocument answers a bill as a PDF.
func (c *call) billDocument() (*reply, error) {
	var b wire.Bill
	if err := c.stored(billKind, c.id, &b); err != nil {
		return nil, err
	}
	items := make([]wire.BillItem, len(b.Items))
	for i, ref := range b.Items {
		if err := c.stored(billItemKind, ref.ID, &items[i]); err != nil {
			return nil, err
		}
	}
	return &reply{body: printBill(c.buyer, c.seller, b, items), headers: map[string]string{"Content-Type": "application/pdf", "Content-Disposition": `inline; filename="bill.pdf"`}}, nil
}

// stored reads a resource of the caller.
func (c *call) stored(k *kind, id string, into any) error {
	r, err := c.s.store.Get(c.ctx, c.scope(k.name), id)
	if err != nil {
		return err
	}
	body, err := wire.Parse(r.Body)
	if err != nil {
		return err
	}
	return body.Decode(into)
}

// shownDay writes a date for people.
func shownDay(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02")
}
