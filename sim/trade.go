package sim

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"math"
	"os"
	"slices"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/exchange"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/usage"
)

// desk is one carrier of a pair as its people see it: the parts of its API that
// each role may use, towards the partner.
type desk struct {
	me, partner party.Code
	admin       *client.Partner
	product     *client.Partner
	engineer    *client.Partner
	clerk       *client.Partner
	finance     *client.Partner
	auditor     *client.Partner
	node        *client.Client // as an auditor
}

// desks gives both carriers of a pair.
func (n *Network) desks(a, b party.Code) (pair [2]*desk, err error) {
	for i, p := range [][2]party.Code{{a, b}, {b, a}} {
		d := &desk{me: p[0], partner: p[1]}
		for _, r := range []struct {
			role api.Role
			to   **client.Partner
		}{{api.Administrator, &d.admin}, {api.ProductManager, &d.product}, {api.Engineer, &d.engineer},
			{api.Clerk, &d.clerk}, {api.Finance, &d.finance}, {api.Auditor, &d.auditor}} {
			c, err := n.Client(d.me, r.role)
			if err != nil {
				return pair, err
			}
			*r.to = c.With(d.partner)
			if r.role == api.Auditor {
				d.node = c
			}
		}
		pair[i] = d
	}
	return pair, nil
}

// WaitReady waits until a carrier's node answers and may sign.
func (n *Network) WaitReady(ctx context.Context, code party.Code) error {
	c, err := n.Client(code, api.Auditor)
	if err != nil {
		return err
	}
	defer c.Close()
	return n.poll(ctx, "the node of "+string(code)+" to be ready", func() (bool, error) { return c.Ready(ctx) == nil, nil })
}

// poll waits until a condition holds, a node fails, or ctx ends. A node that
// does not answer, or is not as far yet, is asked again: it may have been
// restarted, and one that ended by itself is told by Failed.
func (n *Network) poll(ctx context.Context, what string, ok func() (bool, error)) error {
	wait := time.NewTicker(50 * time.Millisecond)
	defer wait.Stop()
	for {
		done, err := ok()
		if done || err != nil && !passes(err) {
			return err
		}
		if err := n.Failed(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return errors.Join(fmt.Errorf("waiting for %s: %w", what, ctx.Err()), err)
		case <-wait.C:
		}
	}
}

// passes reports whether an error goes away by itself.
func passes(err error) bool {
	switch fault.CodeOf(err) {
	case fault.NotYet, fault.Busy, fault.Unavailable:
		return true
	}
	return false
}

// retried calls f until it does not fail with what passes by itself, not-found
// among it: the other side's replica may be a block behind. So f may be carried
// out more than once.
func (n *Network) retried(ctx context.Context, what string, f func() error) error {
	return n.poll(ctx, what, func() (bool, error) {
		err := f()
		if fault.CodeOf(err) == fault.NotFound {
			return false, nil
		}
		return err == nil, err
	})
}

// deal is what two carriers agree on.
type deal struct {
	cycle  string
	live   bool        // usage comes as it happens; otherwise from files
	sheets [2][]byte   // CSV: for calls from the first carrier, and back
	value  money.Micro // of an order in a period and each currency; 0: usualValue
	change func(*agreement.Terms)
}

// agree opens the Bilateral of two carriers and has them sign: delegates,
// agreement, sheets, standing orders. Each step is what its people would do.
func (n *Network) agree(ctx context.Context, pair [2]*desk, d deal, say func(format string, args ...any)) error {
	a, b := pair[0], pair[1]
	var paid [2][]money.Currency
	for i, csv := range d.sheets {
		var err error
		if paid[i], err = currencies(csv); err != nil {
			return err
		}
	}
	if err := n.open(ctx, pair, slices.Concat(paid[0], paid[1])); err != nil {
		return err
	}
	say("Bilateral of %s and %s open: both bound, sealed, with delegates", a.me, b.me)
	terms := agreement.Defaults()
	terms.Cycle, terms.Netting, terms.PastPeriods = d.cycle, true, !d.live
	if !d.live {
		terms.GraceMillis = 0
	}
	if d.change != nil {
		d.change(&terms)
	}
	if err := n.contract(ctx, pair, terms, voice.Name); err != nil {
		return err
	}
	say("MSA-1 signed by both, %s periods", d.cycle)
	return n.sheets(ctx, pair, d, paid, say)
}

// sheets has two carriers agree on a sheet and a standing order for calls in each
// direction, under MSA-1.
func (n *Network) sheets(ctx context.Context, pair [2]*desk, d deal, paid [2][]money.Currency, say func(string, ...any)) error {
	for i, x := range pair {
		// The sheet for calls from x is its partner's to propose and x's to
		// accept, and the order is x's.
		seller := pair[1-i]
		dir := usage.Direction{From: x.me, To: seller.me}
		s, err := seller.product.ProposeSheet(ctx, dir, 0, bytes.NewReader(d.sheets[i]))
		if err != nil {
			return fmt.Errorf("proposing the sheet for %s: %w", dir, err)
		}
		if err := n.retried(ctx, "the sheet to arrive", func() error {
			_, err := x.product.AcceptSheet(ctx, s.Record.ID)
			return err
		}); err != nil {
			return fmt.Errorf("accepting the sheet for %s: %w", dir, err)
		}
		id := fmt.Sprintf("V-%s", x.me)
		if _, err := x.product.PlaceOrder(ctx, wire.PlaceOrder{
			ID: id, Kind: order.Standing, Agreement: "MSA-1", Sheet: s.Record.ID, Line: voice.Name,
			Value: worth(paid[i], cmp.Or(d.value, usualValue)),
		}, ""); err != nil {
			return fmt.Errorf("ordering %s: %w", dir, err)
		}
		if err := n.retried(ctx, "the order to arrive", func() error {
			_, err := seller.product.MoveOrder(ctx, id, "accept", "")
			return err
		}); err != nil {
			return fmt.Errorf("accepting the order for %s: %w", dir, err)
		}
		say("%s: %d rates in force, standing order %s", dir, s.Record.Rows, id)
	}
	return nil
}

// open opens the Bilateral of two carriers, and has each register its delegates
// there, for any amount in some currencies.
func (n *Network) open(ctx context.Context, pair [2]*desk, currencies []money.Currency) error {
	a, b := pair[0], pair[1]
	admin, err := n.Client(a.me, api.Administrator)
	if err != nil {
		return err
	}
	if err := n.poll(ctx, "the Bilateral to be opened", func() (bool, error) {
		_, err := admin.Open(ctx, b.me)
		if fault.CodeOf(err) == exchange.CodeNoAnswer { // a busy machine; it can be asked again
			return false, nil
		}
		return err == nil, err
	}); err != nil {
		return fmt.Errorf("opening the Bilateral: %w", err)
	}
	return together(pair[:], func(x *desk) error {
		if err := n.retried(ctx, "the Bilateral to open", func() error {
			_, err := x.auditor.AwaitOpen(ctx)
			return err
		}); err != nil {
			return err
		}
		return n.delegates(ctx, x, currencies)
	})
}

// currencies gives those of a rate sheet, in order.
func currencies(csv []byte) ([]money.Currency, error) {
	sheet, rejects, err := voice.ReadSheet(bytes.NewReader(csv))
	if err != nil || len(rejects) > 0 {
		return nil, errors.Join(fault.New(fault.Invalid, "a rate sheet of the sandbox cannot be read", "correct its rows"), err)
	}
	known := map[money.Currency]bool{}
	for _, r := range sheet.Rows() {
		known[r.Currency] = true
	}
	return slices.Sorted(maps.Keys(known)), nil
}

// usualValue is what an order may come to in a period: ten thousand units.
const usualValue money.Micro = 1e10

// worth says what an order may come to in a period, in each currency.
func worth(in []money.Currency, value money.Micro) (out []money.Amount) {
	for _, c := range in {
		out = append(out, money.Amount{Currency: c, Micro: value})
	}
	return out
}

// delegates registers the keys that a node may sign with. In the sandbox they
// may bind their carrier to any amount.
func (n *Network) delegates(ctx context.Context, x *desk, currencies []money.Currency) error {
	var limits []money.Amount
	for _, c := range slices.Compact(slices.Sorted(slices.Values(currencies))) {
		limits = append(limits, money.Amount{Currency: c, Micro: math.MaxInt64})
	}
	keys := n.node(string(x.me)).setup.Delegates
	return together(slices.Sorted(maps.Keys(keys)), func(role party.Role) error {
		if _, err := x.admin.AddDelegate(ctx, wire.AddDelegate{
			Key: keys[role], Name: "robot for " + string(role), Roles: []party.Role{role}, Limits: limits,
		}); err != nil {
			return fmt.Errorf("registering a delegate of %s: %w", x.me, err)
		}
		return nil
	})
}

// contract has both sides sign MSA-1, for lines under terms.
func (n *Network) contract(ctx context.Context, pair [2]*desk, terms agreement.Terms, lines ...product.Line) error {
	const text = "As in the signed document."
	if _, err := pair[0].product.ProposeAgreement(ctx, wire.ProposeAgreement{
		ID: "MSA-1", Type: agreement.MSA, Lines: lines, Terms: terms,
		Legal: agreement.Legal{
			Document: canon.Sum("lateral/sandbox-agreement/1"), GoverningLaw: "Switzerland", Jurisdiction: "Zurich", Indemnity: text, Liability: text,
			ForceMajeure: text, Taxes: text, Term: "Open, either side may end it at any time.", Obligations: text, Definitions: text,
		},
	}); err != nil {
		return fmt.Errorf("proposing the agreement: %w", err)
	}
	return n.retried(ctx, "the agreement to arrive", func() error {
		_, err := pair[1].product.AcceptAgreement(ctx, "MSA-1", terms.Hash())
		return err
	})
}

// collect reads a list to its end.
func collect[T any](list iter.Seq2[T, error]) ([]T, error) {
	var out []T
	for v, err := range list {
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

// readFile reads an input that the user named.
func readFile(path, flag string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fault.Newf(fault.NotFound, "name a file that this user can read", "%s: %s cannot be read", flag, path).Because(err)
	}
	return data, nil
}
