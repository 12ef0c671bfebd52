// Package treasury is how a carrier pays by its banks and learns of money that
// came in: accounts of payees, payment runs, the intake of what banks tell, and
// what people must decide. It sends nothing to a bank: files go out and come in
// by hands that the carrier trusts.
//
// Every step that moves money is for two persons, told apart by the names of
// their tokens. An obligation is in one payment at most that may still be, or
// was, executed. All of it is in the node's store and nowhere else: the ledger
// knows what was advised and confirmed, not what was ordered.
package treasury

import (
	"cmp"
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/merkle"
	"github.com/lateral-network/lateral/rail"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
)

// Codes of refusals.
const (
	// CodeInRun says that an obligation is in a payment that may be executed.
	CodeInRun fault.Code = "payment-in-run"
	// CodeStale says that what a run pays, or the account it pays to, is not what
	// it was when the run was made.
	CodeStale fault.Code = "payment-run-stale"
	// CodePart says that money does not cover an obligation to the last
	// coin, or another amount than was advised.
	CodePart fault.Code = "payment-part"
	// CodeAccount says that an account is none of this carrier's, or that a
	// partner has none to pay to.
	CodeAccount fault.Code = "payment-account"
	// CodeFileChanged says that a file has the id of another with other content.
	CodeFileChanged fault.Code = "payment-file-changed"
)

// Own is an account of the carrier.
type Own struct {
	Account rail.Account
	BIC     string
}

// Channel is a Bilateral as this package reads it.
type Channel struct {
	Partner party.Code
	View    func(func(trade.Records) error) error
}

// Options are what a Desk is made of. Log may be nil; all else is required, but
// Accounts may be empty.
type Options struct {
	Me       party.Code
	Name     string // of the company, as its bank knows it
	Accounts []Own
	Methods  []string // of agreements, that mean a bank: bank-transfer
	FourEyes bool     // payments that are advised or confirmed by hand need two persons as well
	Store    *store.Channel
	Channels func() []Channel
	// Submit brings a command to a Bilateral with the authority of finance, and
	// returns when it is executed here. A refusal is an error.
	Submit func(ctx context.Context, partner party.Code, kind trade.Kind, body any) error
	// Bound reports whether a debt with a partner is in a round of netting, or about to
	// be: no payment of it is ordered then. It may be called while Claimed waits. Nil:
	// none is.
	Bound func(partner party.Code, o settlement.Obligation) (bool, error)
	Now   func() time.Time
	Log   *slog.Logger
}

// Desk is one carrier's treasury. Methods may be called at the same time.
type Desk struct {
	o Options

	telling sync.Mutex // one goes through what is to be told at a time

	mu         sync.Mutex // guards all below
	counter    counter
	payees     map[string]Payee
	runs       map[string]Run
	received   map[string]Received
	exceptions map[string]Exception
	files      map[string]Intake
	asks       map[string]ask
	history    rail.History
	byHand     map[string]int    // obligations that are being advised by a person now
	problems   map[string]string // why a command does not succeed, by obligation
}

// What the store has, by prefix.
const (
	keyCounter   = "treasury/counter"
	keyPayee     = "treasury/payee/"
	keyRun       = "treasury/run/"
	keyOrder     = "treasury/order/" // of a run: the file
	keyReceived  = "treasury/received/"
	keyException = "treasury/exception/"
	keyFile      = "treasury/file/" // what was taken in, by SHA-256
	keyAsk       = "treasury/ask/"
	keySeenFile  = "treasury/seen/file/"
	keySeenEntry = "treasury/seen/entry/"
	keyPaid      = "treasury/seen/paid/"
)

// counter numbers what is made here.
type counter struct {
	Runs       uint64 `cbor:"1,keyasint,omitempty"`
	Exceptions uint64 `cbor:"2,keyasint,omitempty"`
}

// Step is what a person did, and when.
type Step struct {
	By string `cbor:"1,keyasint"` // name of the token
	At int64  `cbor:"2,keyasint"` // ms UTC
}

// Target is an obligation on the Bilateral with a partner.
type Target struct {
	Partner    party.Code `cbor:"1,keyasint"`
	Obligation string     `cbor:"2,keyasint"`
}

func (t Target) key() string { return string(t.Partner) + "/" + t.Obligation }

// Open brings back what was kept.
func Open(o Options) (*Desk, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	d := &Desk{o: o, payees: map[string]Payee{}, runs: map[string]Run{}, received: map[string]Received{}, exceptions: map[string]Exception{},
		files: map[string]Intake{}, asks: map[string]ask{}, byHand: map[string]int{}, problems: map[string]string{}}
	if data, ok, err := o.Store.Get(keyCounter); err != nil {
		return nil, err
	} else if ok {
		if err := canon.Decode(data, &d.counter); err != nil {
			return nil, err
		}
	}
	seen, entries, paid := map[string]rail.SeenFile{}, map[string]rail.SeenEntry{}, map[string]rail.Paid{}
	for _, err := range []error{
		load(o.Store, keyPayee, d.payees), load(o.Store, keyRun, d.runs), load(o.Store, keyReceived, d.received), load(o.Store, keyException, d.exceptions),
		load(o.Store, keyFile, d.files), load(o.Store, keyAsk, d.asks), load(o.Store, keySeenFile, seen), load(o.Store, keySeenEntry, entries), load(o.Store, keyPaid, paid),
	} {
		if err != nil {
			return nil, err
		}
	}
	d.history = rail.History{Files: sorted(seen), Entries: sorted(entries), Payments: sorted(paid)}
	return d, nil
}

// load reads the records under a prefix by the rest of their keys.
func load[T any](s *store.Channel, prefix string, into map[string]T) error {
	for r, err := range s.Scan(prefix) {
		if err != nil {
			return err
		}
		var v T
		if err := canon.Decode(r.Value, &v); err != nil {
			return err
		}
		into[strings.TrimPrefix(r.Key, prefix)] = v
	}
	return nil
}

// sorted gives the values of a map in the byte order of its keys.
func sorted[T any](m map[string]T) []T {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	out := make([]T, len(keys))
	for i, k := range keys {
		out[i] = m[k]
	}
	return out
}

// change is what one step writes: all of it or nothing.
type change struct {
	d      *Desk
	writes []merkle.Write
	then   []func() // what memory takes over once it is on disk
}

func (d *Desk) change() *change { return &change{d: d} }

// put keeps a record.
func put[T any](c *change, into map[string]T, prefix, key string, v T) {
	c.writes = append(c.writes, merkle.Write{Key: prefix + key, Value: canon.Must(v)})
	c.then = append(c.then, func() { into[key] = v })
}

func (c *change) count(n counter) {
	c.writes = append(c.writes, merkle.Write{Key: keyCounter, Value: canon.Must(n)})
	c.then = append(c.then, func() { c.d.counter = n })
}

// commit makes the change durable, and then visible. The last of several writes
// of one record counts. The lock is held.
func (c *change) commit() error {
	last := map[string]merkle.Write{}
	for _, w := range c.writes {
		last[w.Key] = w
	}
	if len(last) == 0 {
		return nil
	}
	writes := sorted(last)
	if err := c.d.o.Store.Commit(store.Batch{Writes: writes}); err != nil {
		return err
	}
	for _, f := range c.then {
		f()
	}
	return nil
}

func (d *Desk) step(by string) Step { return Step{by, d.o.Now().UnixMilli()} }

// other refuses that the person who began a step completes it.
func other(began Step, by string) error {
	if by == "" {
		return fault.New(fault.Unauthorized, "it is not known who asks", "use a token")
	}
	if began.By == by {
		return fault.Newf(trade.CodeSecondPerson, "have another person with the role finance do it, with a token of their own", "%.60q has done the first half of this step", by)
	}
	return nil
}

// debt is an obligation as its Bilateral has it.
type debt struct {
	Target
	settlement.Obligation
	Least money.Amount // by which it is discharged now: what is left, less the discount of its days
}

// debtOf reads a debt with what discharges it now.
func (d *Desk) debtOf(v trade.Records, t Target, raw []byte) (o debt, err error) {
	if err := canon.Decode(raw, &o.Obligation); err != nil {
		return o, fault.Newf(fault.Corrupt, "stop the node and rebuild its store from the ledger", "the record %s cannot be read", trade.ObligationKey(t.Obligation)).Because(err)
	}
	o.Target = t
	o.Least, err = trade.View{Records: v}.Payable(trade.MethodToken, d.o.Now().UnixMilli(), o.Obligation) // tokens pay to the millionth
	return o, err
}

// ItemName is what both ends of a payment compute its creditor reference from:
// ids of obligations are unique on a Bilateral only.
func ItemName(payer, payee party.Code, obligation string) string {
	return string(payer) + ">" + string(payee) + " " + obligation
}

// Reference is the creditor reference of an obligation.
func Reference(o settlement.Obligation) string {
	return rail.CreditorReference(ItemName(o.Payer, o.Payee, o.ID))
}

// payable reports whether the payer may pay it now.
func payable(o settlement.Obligation) bool {
	return o.State == settlement.Owed || o.State == settlement.Overdue
}

// debts gives all obligations of all Bilaterals, by partner and id.
func (d *Desk) debts() (all []debt, err error) {
	channels := d.o.Channels()
	slices.SortFunc(channels, func(a, b Channel) int { return cmp.Compare(a.Partner, b.Partner) })
	for _, c := range channels {
		err := c.View(func(v trade.Records) error {
			for key, raw := range v.Scan(trade.ObligationPrefix) {
				o, err := d.debtOf(v, Target{c.Partner, strings.TrimPrefix(key, trade.ObligationPrefix)}, raw)
				if err != nil {
					return err
				}
				all = append(all, o)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// debt gives one obligation. Code: not-found.
func (d *Desk) debt(t Target) (o debt, err error) {
	for _, c := range d.o.Channels() {
		if c.Partner != t.Partner {
			continue
		}
		found := false
		err := c.View(func(v trade.Records) (err error) {
			raw, ok := v.Get(trade.ObligationKey(t.Obligation))
			if found = ok; ok {
				o, err = d.debtOf(v, t, raw)
			}
			return err
		})
		if err != nil || found {
			return o, err
		}
	}
	return o, fault.Newf(fault.NotFound, "list them with lateral payment due or lateral obligation list", "there is no obligation %.140q with %.40q", t.Obligation, string(t.Partner)).In("obligation")
}

// remittance gives a payment that was advised; no Payer: none has the reference.
func (d *Desk) remittance(partner, payer party.Code, reference string) (r settlement.Remittance, err error) {
	for _, c := range d.o.Channels() {
		if c.Partner != partner {
			continue
		}
		err := c.View(func(v trade.Records) error {
			if raw, ok := v.Get(trade.RemittanceKey(payer, reference)); ok {
				return canon.Decode(raw, &r)
			}
			return nil
		})
		if err != nil || r.Payer != "" {
			return r, err
		}
	}
	return r, nil
}

// claims gives the run of each obligation that is in a payment which claims it.
// The lock is held.
func (d *Desk) claims() map[string]string {
	out := map[string]string{}
	for id, r := range d.runs {
		for _, p := range r.Payments {
			if !p.State.Claims() {
				continue
			}
			for _, l := range p.Lines {
				out[Target{p.Partner, l.Obligation}.key()] = id
			}
		}
	}
	return out
}

// Claimed reports whether an obligation is paid by a run, or by a person, now: it is
// to be settled in no other way.
func (d *Desk) Claimed(t Target) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.claims()[t.key()] != "" || d.byHand[t.key()] > 0
}

// bound is Bound of the options.
func (d *Desk) bound(o debt) (bool, error) {
	if d.o.Bound == nil {
		return false, nil
	}
	return d.o.Bound(o.Partner, o.Obligation)
}

// ask is the first half of a payment that a person advises or answers by hand.
type ask struct {
	Digest canon.Hash `cbor:"1,keyasint"`
	Step   Step       `cbor:"2,keyasint"`
}

// Manual lets a person advise, confirm or decline a payment of obligations by
// hand. do brings the command. When payments by hand need two persons, the first one's word is
// kept and waits tells it: another person's word of the same digest then brings
// the command. An advice of what is in a payment run is refused with code
// payment-in-run.
func (d *Desk) Manual(by string, kind trade.Kind, all []Target, digest canon.Hash, do func() error) (waits bool, err error) {
	key := string(kind) + "/" + all[0].key()
	d.mu.Lock()
	claims := d.claims()
	for _, t := range all {
		if run, ok := claims[t.key()]; ok && kind == trade.KindPaymentAdvise {
			d.mu.Unlock()
			return false, fault.Newf(CodeInRun, "wait for what the bank says of the run, or cancel it", "%s is in the payment run %s", t.Obligation, run).In("obligation")
		}
	}
	first, asked := d.asks[key]
	if d.o.FourEyes && (!asked || first.Digest != digest || first.Step.By == by) {
		c := d.change()
		put(c, d.asks, keyAsk, key, ask{digest, d.step(by)})
		err := c.commit()
		d.mu.Unlock()
		return err == nil, err
	}
	for _, t := range all {
		d.byHand[t.key()]++
	}
	d.mu.Unlock()
	err = do()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, t := range all {
		if d.byHand[t.key()]--; d.byHand[t.key()] == 0 {
			delete(d.byHand, t.key())
		}
	}
	if err != nil || !asked {
		return false, err
	}
	c := d.change()
	c.writes = append(c.writes, merkle.Write{Key: keyAsk + key})
	c.then = append(c.then, func() { delete(d.asks, key) })
	return false, c.commit()
}
