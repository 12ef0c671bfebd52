package bench

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/token"
	"github.com/lateral-network/lateral/trade/usage"
)

const (
	dollar  = token.Code("USDt")
	million = money.Micro(1_000_000_000_000)

	// cycleMillis is the billing period of the trade that is paid: as short as
	// an agreement allows, so that many of them fit into the past.
	cycleMillis = 15_000
)

// treasury is the two members with tokens, a trade between them, and a lock out
// of which the first pays the second. The first issues the token.
type treasury struct {
	*network
	random *source
	begins int64 // of the first period, ms UTC
	trades int   // periods that were billed
	lock   token.Lock
	total  money.Micro // that the payer has signed of the lock
	paid   int         // payments made
	payments
}

// found gives the network of a run a token and a trade with room in the past for
// a number of periods.
func found(ctx context.Context, n *network, seed uint64, periods int) (*treasury, error) {
	day := int64(24 * time.Hour / time.Millisecond)
	t := &treasury{network: n, random: newSource(seed, 0), begins: (time.Now().UnixMilli()-int64(periods+4)*cycleMillis)/day*day - day}
	for _, step := range []func(context.Context) error{t.issue, t.agree, t.deposit} {
		if err := step(ctx); err != nil {
			return nil, err
		}
	}
	return t, nil
}

// officer gives a second person of a member beside its delegate.
func (k *keys) officer() sign.PrivateKey { return key("officer "+k.code, 0) }

// signed has a key sign a command, on the Omnilateral or on the Bilateral.
func (t *treasury) signed(m *member, k sign.PrivateKey, public bool, kind trade.Kind, body any) trade.Command {
	id := m.bilateral.ID()
	if public {
		id = canon.Hash{}
	}
	return trade.Authorize(trade.NewCommand(kind, body), k, t.file.ChainID, id, time.Now().Add(time.Hour).UnixMilli(), t.random.hash())
}

// public sends a command to the Omnilateral, signed by a key.
func (t *treasury) public(ctx context.Context, m *member, k sign.PrivateKey, kind trade.Kind, body any) error {
	return done(m.Omni().Submit(ctx, t.signed(m, k, true, kind, body)))
}

func done(out []channel.Outcome, err error) error {
	if err != nil {
		return err
	}
	return channel.FirstErr(out)
}

// all sends many commands of one member over the Bilateral, some thousand on
// their way at a time.
func (t *treasury) all(ctx context.Context, m *member, cmds []trade.Command) error {
	const pack, ahead = 100, 40
	var waiting []*channel.Ticket
	wait := func(down int) error {
		for ; len(waiting) > down; waiting = waiting[1:] {
			if err := done(waiting[0].Wait(ctx)); err != nil {
				return err
			}
		}
		return nil
	}
	for part := range slices.Chunk(cmds, pack) {
		if err := wait(ahead); err != nil {
			return err
		}
		waiting = append(waiting, m.bilateral.Enqueue(part...))
	}
	return wait(0)
}

// issue has the first member issue tokens and give the other half of them.
func (t *treasury) issue(ctx context.Context) error {
	a, b := t.members[0], t.members[1]
	limits := []money.Amount{{Currency: "USD", Micro: 1000 * million}}
	for _, m := range t.members {
		own, _ := m.keys.Member()
		for name, k := range map[string]sign.PrivateKey{"treasurer": m.keys.delegate(), "officer": m.keys.officer()} {
			add := trade.DelegateAdd{Key: k.Public(), Name: name, Roles: []party.Role{party.Finance, party.Issuer}, Limits: limits}
			if err := t.public(ctx, m, own, trade.KindDelegateAdd, add); err != nil {
				return err
			}
		}
	}
	mine, _ := a.keys.Member()
	theirs, _ := b.keys.Member()
	if err := t.public(ctx, a, mine, trade.KindTokenDefine, trade.TokenDefine{Token: dollar, Cap: 100 * million, Redeem: 172_800_000}); err != nil {
		return err
	}
	if err := t.public(ctx, b, theirs, trade.KindTokenApprove, trade.TokenApprove{Token: dollar, By: b.code}); err != nil {
		return err
	}
	amount := money.Amount{Currency: "USD", Micro: 20 * million}
	for i, act := range []token.Act{{Kind: token.ReserveIn, Amount: amount, Reference: "R1", Evidence: canon.Sum("lateral/bench-reserve")}, {Kind: token.Mint, Amount: amount}} {
		id := fmt.Sprint("I", i)
		if err := t.public(ctx, a, a.keys.delegate(), trade.KindIssuePropose, trade.IssuePropose{ID: id, Token: dollar, Act: act}); err != nil {
			return err
		}
		var proposed token.Issue
		if err := a.Omni().View(func(v channel.View) error {
			proposed, _ = trade.View{Records: v}.Issue(dollar, id)
			return nil
		}); err != nil {
			return err
		}
		if err := t.public(ctx, a, a.keys.officer(), trade.KindIssueApprove, trade.IssueAnswer{ID: id, Token: dollar, Hash: proposed.Hash()}); err != nil {
			return err
		}
	}
	half := token.Transfer{ID: "half", To: b.code, Amount: token.Amount{Token: dollar, Micro: 10 * million}}
	return t.public(ctx, a, a.keys.delegate(), trade.KindTokenTransfer, trade.TokenTransfer{Transfers: []token.Transfer{half}})
}

// orderID names the one standing order: the first member buys of the second.
const orderID, agreementID, sheetID = "O-1", "A-1", "S-1"

// sheet has one row: a cent a minute.
func (t *treasury) sheet() (*rating.Sheet, error) {
	return rating.NewSheet([]rating.Row{{Destination: "Germany", Prefix: "49", Rate: 10_000_000, Currency: "USD", UnitSeconds: 60, IncrementSeconds: 1,
		ValidFrom: t.begins, ValidTo: rating.Open}}, nil)
}

// agree signs an agreement that lets the buyer's node accept invoices and open
// obligations, a sheet and an order.
func (t *treasury) agree(ctx context.Context) error {
	a, b := t.members[0], t.members[1]
	limits := []money.Amount{{Currency: "USD", Micro: 1000 * million}}
	for _, m := range t.members {
		own, _ := m.keys.Member()
		add := trade.DelegateAdd{Key: m.keys.officer().Public(), Name: "officer", Roles: []party.Role{party.Contracts, party.Orders, party.Finance}, Limits: limits}
		if err := done(m.bilateral.Submit(ctx, t.signed(m, own, false, trade.KindDelegateAdd, add))); err != nil {
			return err
		}
	}
	by := func(m *member, kind trade.Kind, body any) error {
		return done(m.bilateral.Submit(ctx, t.signed(m, m.keys.officer(), false, kind, body)))
	}
	terms := agreement.Defaults()
	terms.Cycle, terms.GraceMillis, terms.PastPeriods, terms.Netting = "15s", 0, true, true
	terms.Payment = append(terms.Payment, agreement.Method{Name: trade.MethodToken, DueDays: 30})
	for _, k := range []trade.Kind{trade.KindInvoiceAccept, trade.KindObligationOpen} {
		terms.Alone = append(terms.Alone, agreement.Allowance{Command: string(k), Limits: limits})
	}
	legal := agreement.Legal{Document: canon.Sum("lateral/bench-contract"), GoverningLaw: "Swiss law", Jurisdiction: "Zürich", Indemnity: "each its own", Liability: "capped",
		ForceMajeure: "as usual", Taxes: "net of taxes", Term: "one year", Obligations: "as annexed", Definitions: "as annexed"}
	propose := trade.AgreementPropose{ID: agreementID, Type: agreement.MSA, Legal: legal, Lines: []product.Line{voice.Name}, From: t.begins, Terms: terms}
	if err := by(a, trade.KindAgreementPropose, propose); err != nil {
		return err
	}
	if err := by(b, trade.KindAgreementAccept, trade.AgreementAnswer{ID: agreementID, Terms: terms.Hash()}); err != nil {
		return err
	}
	s, err := t.sheet()
	if err != nil {
		return err
	}
	if err := by(b, trade.KindSheetPropose, trade.SheetPropose{ID: sheetID, Agreement: agreementID, Direction: t.direction(), Line: voice.Name, Root: s.Root(), Rows: uint32(s.Len()),
		File: canon.Sum("lateral/bench-sheet"), Size: 100, From: t.begins}); err != nil {
		return err
	}
	if err := by(a, trade.KindSheetAccept, trade.SheetAnswer{ID: sheetID, Root: s.Root()}); err != nil {
		return err
	}
	path, err := s.Proof(0)
	if err != nil {
		return err
	}
	if err := done(b.bilateral.Submit(ctx, trade.NewCommand(trade.KindRowProve, trade.RowProve{Direction: t.direction(), Line: voice.Name, Rows: []trade.ProveRow{{Rate: *s.Row(0), Path: path}}}))); err != nil {
		return err
	}
	if err := by(a, trade.KindOrderPlace, trade.OrderPlace{ID: orderID, Kind: order.Standing, Agreement: agreementID, Sheet: sheetID, Line: voice.Name, From: t.begins,
		Value: []money.Amount{{Currency: "USD", Micro: million}}}); err != nil {
		return err
	}
	return by(b, trade.KindOrderAccept, trade.OrderAnswer{ID: orderID})
}

func (t *treasury) direction() usage.Direction {
	return usage.Direction{From: t.members[0].code, To: t.members[1].code}
}

// deposit locks tokens of the buyer under its key and one of the seller's.
func (t *treasury) deposit(ctx context.Context) error {
	a, b := t.members[0], t.members[1]
	theirs := key("lock partner", 0).Public()
	if err := done(b.bilateral.Submit(ctx, trade.NewCommand(trade.KindDepositKey, trade.DepositKey{Key: theirs}))); err != nil {
		return err
	}
	id := t.random.hash()
	open := trade.LockOpen{ID: id, Amount: token.Amount{Token: dollar, Micro: 5 * million}, Keys: [2]sign.PublicKey{t.lockKey().Public(), theirs}}
	if err := t.public(ctx, a, a.keys.delegate(), trade.KindLockOpen, open); err != nil {
		return err
	}
	// A Bilateral sees the Omnilateral as it was after the block before, so the
	// first word of the lock may come too early.
	var err error
	if waited := until(ctx, func() bool {
		err = done(a.bilateral.Submit(ctx, trade.NewCommand(trade.KindDepositDeclare, trade.DepositDeclare{Lock: id})))
		return fault.CodeOf(err) != fault.NotFound
	}); waited != nil {
		return waited
	}
	if err != nil {
		return err
	}
	return a.Omni().View(func(v channel.View) error {
		var ok bool
		if t.lock, ok = (trade.View{Records: v}).Lock(id); !ok {
			return fault.New(fault.Internal, "the lock is not there", "report this")
		}
		return nil
	})
}

func (t *treasury) lockKey() sign.PrivateKey { return key("lock owner", 0) }

// debt is an invoice on its way to be paid.
type debt struct {
	id       string
	document canon.Hash
	amount   money.Micro
}

// bill rates a number of further periods: both sides state the same usage, and
// each gives an invoice; in order of id.
func (t *treasury) bill(ctx context.Context, count int) ([]debt, error) {
	a, b := t.members[0], t.members[1]
	var requests, ours, theirs []trade.Command
	debts := make([]debt, count)
	for i := range debts {
		from := t.begins + int64(t.trades)*cycleMillis
		t.trades++
		p := trade.PeriodRef{Order: orderID, Interval: usage.Interval{From: from, To: from + cycleMillis}}
		seconds := 60 + t.random.random.Uint64()%3000
		lines := []usage.Line{{Calls: 10, RawMillis: 1000 * seconds, BilledSeconds: seconds, Root: t.random.hash()}}
		state := trade.UsageState{Period: p, Part: 1, Of: 1, Root: usage.StatementRoot(lines), Records: 10, Lines: lines}
		requests = append(requests, trade.NewCommand(trade.KindRatingRequest, trade.RatingRequest{Period: p}))
		ours = append(ours, trade.NewCommand(trade.KindUsageState, state))
		theirs = append(theirs, trade.NewCommand(trade.KindUsageState, state))
		debts[i].id = invoice.ID(b.code, a.code, orderID, p.Interval, "USD", 1)
	}
	for _, step := range []struct {
		m    *member
		cmds []trade.Command
	}{{b, requests}, {b, theirs}, {a, ours}} {
		if err := t.all(ctx, step.m, step.cmds); err != nil {
			return nil, err
		}
	}
	return debts, a.bilateral.View(func(v channel.View) error {
		for i, d := range debts {
			inv, ok := (trade.View{Records: v}).Invoice(d.id)
			if !ok {
				return fault.Newf(fault.Internal, "report this with the seed", "there is no invoice %s", d.id)
			}
			debts[i].document, debts[i].amount = inv.Document, inv.Size()
		}
		return nil
	})
}

func accepts(debts []debt) []trade.Command {
	out := make([]trade.Command, len(debts))
	for i, d := range debts {
		out[i] = trade.NewCommand(trade.KindInvoiceAccept, trade.InvoiceAccept{ID: d.id, Document: d.document})
	}
	return out
}

func opens(debts []debt) trade.Command {
	var ids []string
	for _, d := range debts {
		ids = append(ids, d.id)
	}
	return trade.NewCommand(trade.KindObligationOpen, trade.ObligationOpen{Invoices: ids})
}

// owe makes obligations of the first member to the second, in order of id.
func (t *treasury) owe(ctx context.Context, count int) ([]debt, error) {
	debts, err := t.bill(ctx, count)
	if err != nil {
		return nil, err
	}
	if err := t.all(ctx, t.members[0], accepts(debts)); err != nil {
		return nil, err
	}
	var open []trade.Command
	for part := range slices.Chunk(debts, 500) {
		open = append(open, opens(part))
	}
	return debts, t.all(ctx, t.members[0], open)
}

// pays makes the next payment out of the lock. It discharges obligations whose
// ids are in order.
func (t *treasury) pays(debts []debt) trade.Command {
	t.paid++
	body := trade.DepositPay{ID: fmt.Sprint("P", t.paid), Amount: token.Amount{Token: dollar}}
	for _, d := range debts {
		body.Obligations = append(body.Obligations, d.id)
		body.Amount.Micro += d.amount
	}
	t.total += body.Amount.Micro
	p := token.Paid{Lock: t.lock.ID, Round: t.lock.Round, By: token.OwnerSide, Total: t.total}
	body.Paid = []token.SignedPaid{p.Sign(t.lockKey(), t.file.ChainID)}
	m := t.members[0]
	return t.signed(m, m.keys.officer(), false, trade.KindDepositPay, body)
}

// executed waits until both members have executed the Bilateral up to where the
// first has it now.
func (t *treasury) executed(ctx context.Context) error {
	at := t.members[0].bilateral.Position()
	return reached(ctx, func() ledger.Height { return t.members[1].bilateral.Position() }, at)
}

// reached waits for a height, looking often: what is waited for is timed.
func reached(ctx context.Context, now func() ledger.Height, at ledger.Height) error {
	look := time.NewTicker(200 * time.Microsecond)
	defer look.Stop()
	for now() < at {
		select {
		case <-look.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}
