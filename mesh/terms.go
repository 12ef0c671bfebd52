package mesh

import (
	"math"
	"sync"

	"github.com/lateral-network/lateral/internal/rule"
	"github.com/lateral-network/lateral/trade/money"
)

// Relation is what a partner is to us over one eNNI.
type Relation string

// The relations. Own stands for the carrier's own customers, who have no eNNI.
const (
	Customer Relation = "customer" // it pays us
	Peer     Relation = "peer"
	Provider Relation = "provider" // we pay it
	Own      Relation = "own"
)

// The rules of an eNNI and of an inquiry where its owner wrote none.
const (
	// ResellAll sells everything on.
	ResellAll = `true`
	// ValleyFree sells to customers what anybody offers, and to peers and
	// providers what customers offer (L. Gao, "On inferring autonomous system
	// relationships in the Internet", IEEE/ACM ToN 9(6), 2001).
	ValleyFree = `buyer_is == "own" || buyer_is == "customer" || seller_is == "customer"`
	// Tenth adds ten per cent to what was bought.
	Tenth = `price + bought / 10`
	// Cheapest wants the lowest price of the whole term.
	Cheapest = `price`
)

var (
	resaleVariables = rule.Variables{"buyer": rule.Text, "buyer_is": rule.Text, "seller": rule.Text, "seller_is": rule.Text,
		"product": rule.Text, "bandwidth": rule.Int}
	markupVariables = rule.Variables{"price": rule.Int, "own": rule.Int, "bought": rule.Int, "kind": rule.Text,
		"buyer": rule.Text, "buyer_is": rule.Text, "seller": rule.Text, "seller_is": rule.Text, "product": rule.Text, "bandwidth": rule.Int}
	choiceVariables = rule.Variables{"price": rule.Int, "latency": rule.Int, "availability": rule.Int}

	resaleRules = sync.OnceValues(func() (*rule.Environment, error) {
		return rule.NewEnvironment(resaleVariables, rule.Bool, "true where it may be sold on")
	})
	markupRules = sync.OnceValues(func() (*rule.Environment, error) {
		return rule.NewEnvironment(markupVariables, rule.Int, "the price to ask, in millionths")
	})
	choiceRules = sync.OnceValues(func() (*rule.Environment, error) {
		return rule.NewEnvironment(choiceVariables, rule.Int, "a number, the lowest of which wins")
	})
)

// Terms are the carrier's own rules for what it buys over an eNNI, compiled.
// They are safe for use by many eNNIs.
type Terms struct {
	resale, markup *rule.Rule
	// fixed says that resale depends on the two relations alone.
	fixed bool
}

// NewTerms compiles the rules of resale and mark-up; "" stands for [ResellAll]
// and [Tenth]. Code: bad-rule.
func NewTerms(resale, markup string) (*Terms, error) {
	if resale == "" {
		resale = ResellAll
	}
	if markup == "" {
		markup = Tenth
	}
	t := &Terms{}
	e, err := resaleRules()
	if err != nil {
		return nil, err
	}
	if t.resale, err = e.Compile(resale); err != nil {
		return nil, err
	}
	if e, err = markupRules(); err != nil {
		return nil, err
	}
	if t.markup, err = e.Compile(markup); err != nil {
		return nil, err
	}
	t.fixed = true
	for _, v := range []string{"buyer", "seller", "product", "bandwidth"} {
		t.fixed = t.fixed && !t.resale.Uses(v)
	}
	return t, nil
}

// side is who stands at one end of a resale.
type side struct {
	code string
	is   Relation
}

// resell says whether what seller offers may be sold to buyer. A rule that fails
// forbids it.
func (t *Terms) resell(buyer, seller side, product string, bandwidth uint64) bool {
	yes, ok := rule.Answer[bool](t.resale, map[string]any{"buyer": buyer.code, "buyer_is": string(buyer.is), "seller": seller.code, "seller_is": string(seller.is),
		"product": product, "bandwidth": int64(min(bandwidth, math.MaxInt64))})
	return ok && yes
}

// price gives what to ask for an own and a bought part. A rule that fails, or
// asks for less than nothing, gives no price.
func (t *Terms) price(own, bought Price, buyer, seller side, q *Inquiry) (out Price, ok bool) {
	sum, err := own.Add(bought)
	if err != nil {
		return Price{}, false
	}
	in := map[string]any{"buyer": buyer.code, "buyer_is": string(buyer.is), "seller": seller.code, "seller_is": string(seller.is),
		"product": q.Product, "bandwidth": int64(min(q.Bandwidth, math.MaxInt64))}
	each := "month"
	if q.Period != "" {
		each = q.Period
	}
	for kind, part := range map[string]struct {
		sum, own, bought money.Micro
		to               *money.Micro
	}{
		"once": {sum.Once, own.Once, bought.Once, &out.Once},
		each:   {sum.Each, own.Each, bought.Each, &out.Each},
		"hour": {sum.Hour, own.Hour, bought.Hour, &out.Hour},
	} {
		if kind == "hour" && part.sum == 0 {
			continue // nothing stands
		}
		in["kind"], in["price"], in["own"], in["bought"] = kind, int64(part.sum), int64(part.own), int64(part.bought)
		n, fine := rule.Answer[int64](t.markup, in)
		if !fine || n < 0 {
			return Price{}, false
		}
		*part.to = money.Micro(n)
	}
	return out, true
}

// Choice is an asker's rule for which offer is best.
type Choice struct{ rule *rule.Rule }

// NewChoice compiles a rule; "" stands for [Cheapest]. Code: bad-rule.
func NewChoice(text string) (Choice, error) {
	if text == "" {
		text = Cheapest
	}
	e, err := choiceRules()
	if err != nil {
		return Choice{}, err
	}
	r, err := e.Compile(text)
	return Choice{r}, err
}

// score gives the rule's number, or the highest one where it fails.
func (c Choice) score(o Offer, q *Inquiry) int64 {
	total, err := o.Price.Total(q)
	if err != nil {
		return math.MaxInt64
	}
	if c.rule == nil {
		return int64(total)
	}
	n, ok := rule.Answer[int64](c.rule, map[string]any{"price": int64(total), "latency": int64(o.Latency), "availability": int64(o.Availability)})
	if !ok {
		return math.MaxInt64
	}
	return n
}

// Resells says whether the rule lets buyers of one relation have what sellers
// of another offer, where it asks for the relations alone.
func (t *Terms) Resells(buyer, seller Relation) bool {
	return t.resell(side{is: buyer}, side{is: seller}, "", 0)
}
