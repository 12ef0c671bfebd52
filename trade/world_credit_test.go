package trade

import (
	"fmt"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade/token"
	"slices"
	"strings"

	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/credit"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
)

// creditClause is the clause about credit, as a story has it: an underscore in the
// rule stands for a blank.
func creditClause(a args) *agreement.Credit {
	if !a.has("credit") {
		return nil
	}
	c := agreement.DefaultCredit()
	for _, x := range strings.Split(a.or("credit-in", "USD"), ",") {
		c.Currencies = append(c.Currencies, money.Currency(x))
	}
	c.Beyond = agreement.Beyond(a["credit"])
	c.Warn = uint32(a.int("warn", int64(c.Warn)))
	c.Allocation.Text = strings.ReplaceAll(a.or("allocation", c.Allocation.Text), "_", " ")
	for _, name := range []string{"history days"} { // a name has one of its own
		c.Allocation.Text = strings.ReplaceAll(c.Allocation.Text, name, strings.ReplaceAll(name, " ", "_"))
	}
	c.Ceiling = amounts(a["ceiling"])
	c.Deposit = uint32(a.int("credit-deposit", 0))
	c.DiscountDays, c.Discount = uint32(a.int("discount-days", 0)), uint32(a.int("discount", 0))
	c.Interest = uint32(a.int("interest", 0))
	return &c
}

// deposit has a member lock so much more for payments to its partner.
func (w *world) deposit(a args) string {
	who, amount := party.Code(a["by"]), amounts(a["amount"])[0]
	t := &tx{m: w.m, ctx: Context{Block: Block{Chain: testChain, Channel: testChannel, Height: w.height, Time: w.time}}, state: w.state, own: who}
	t.bilateral, _ = View{w.state}.Bilateral()
	l, there := View{w.public}.Lock(lockID(string(who)))
	if !there {
		l = token.Lock{ID: lockID(string(who)), Owner: who, Amount: token.Amount{Token: token.CodeOf(amount.Currency)}, State: token.Locked}
	}
	l.Amount.Micro += amount.Micro
	w.public.apply([]Write{{LockRecordKey(l.ID), canon.Must(l)}})
	t.ctx.Public = w.public
	t.put(DepositRecordKey(l.ID), Deposit{Lock: l.ID, Owner: who})
	if err := t.follow(); err != nil {
		w.t.Fatal(err)
	}
	w.state.apply(t.writes)
	w.second.apply(t.writes)
	out := "done\n"
	for _, e := range t.events {
		out += fmt.Sprintf("  %s %s %s\n", e.Kind, e.Subject, e.Detail)
	}
	return out
}

// showCredit prints how far each side trusts the other, where there is anything.
func (w *world) showCredit(b *strings.Builder) {
	all, err := View{w.state}.Credit(w.public, w.time)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, x := range all {
		e := x.Exposure
		if e == (credit.Exposure{}) && len(x.History) == 0 {
			continue
		}
		fmt.Fprintf(b, "%s %s %s: %s of %s, score %d, %d days, %d invoices\n", x.Payer, x.Currency, x.State, x.Total, x.Allocation, x.History.Score(), x.History.Days(), len(x.History))
		fmt.Fprintf(b, "  measured %s accrued %s expected %s ordered %s billed %s set off %s deposits %s\n", e.Measured, e.Accrued, e.Expected, e.Ordered, e.Billed, e.SetOff, e.Deposits)
		if x.Ceiling != nil || x.Deposit > 0 {
			fmt.Fprintf(b, "  at risk %s, deposit wanted %s\n", x.AtRisk, x.Deposit)
		}
	}
}

// checkExposed compares the counters with what all records come to. What accrues
// is rounded with each command, and may be a cent apart.
func (w *world) checkExposed(b Block) {
	if _, begun := get[Paying](w.state, HistoryKey("ALPHA")); !begun || w.lent && w.height%8 != 0 { // a recount reads all
		return
	}
	t := &tx{m: w.m, ctx: Context{Block: b}, state: w.state}
	t.bilateral, _ = View{w.state}.Bilateral()
	all, err := t.recount()
	if err != nil {
		w.t.Fatal(err)
	}
	for key := range w.state.Scan(prefixCredit) {
		parts := strings.Split(key, "/")
		all.at(party.Code(parts[1]), money.Currency(parts[2]))
	}
	for _, s := range all.sorted() {
		want := all[s]
		have, _ := get[Exposed](w.state, s.key())
		if err := have.until(b.Time); err != nil {
			w.t.Fatal(err)
		}
		apart := have.Accrued - want.Accrued
		if have.Measured != want.Measured || have.Expected != want.Expected || have.Ordered != want.Ordered || have.Billed != want.Billed || have.Final != want.Final || apart < -10_000 || apart > 10_000 ||
			!slices.EqualFunc(have.Recurring, want.Recurring, func(x, y Recurring) bool {
				return x.Period == y.Period && x.Amount-y.Amount < 10_000 && y.Amount-x.Amount < 10_000
			}) {
			w.t.Fatalf("%s counts\n%+v, the records come to\n%+v", s.key(), have, *want)
		}
	}
}
