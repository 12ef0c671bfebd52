package clearing

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/reconcile"
	"github.com/lateral-network/lateral/trade/settlement"
	"github.com/lateral-network/lateral/trade/token"
	"github.com/lateral-network/lateral/trade/usage"
)

// Automatic says which steps a desk takes without a person. What it does is
// always inside what the agreement and the delegates' limits allow.
type Automatic struct {
	Rate   bool // request rating of periods that are over, and bills for products
	Accept bool // accept invoices whose lines are agreed
	Net    bool // propose and accept nettings
	Pay    bool // advise payments, and confirm those that the partner advised; and Tokens
	Tokens bool // pay out of deposits what is owed by tokens
	// Measure: state what the meter has of products, and accept proposals that equal
	// what was stated.
	Measure bool
	Repute  bool // say once a day at most how the partner has paid, of the pseudonym that it has shown
	// Rounds: take part in rounds of netting with what the two owe each other. Debts
	// are paid when they are due then, and not before.
	Rounds bool
}

// Reader is what the desk needs of a product line: how its files are read.
type Reader interface {
	// Files begins to read a pair's files of call records, one after the other.
	Files(pair usage.Pair) Files
	// ReadSheet reads a rate sheet. Rejects name the bad rows; with any the
	// sheet is nil.
	ReadSheet(r io.Reader) (*rating.Sheet, []usage.Reject, error)
}

// Files reads files of call records and judges each row by those of all files
// that were kept and of its own: which repeat an earlier one, and which are
// refused because they contradict it.
type Files interface {
	// Format gives a format, a name or a profile's text, in the form that is kept
	// with a file, so that it reads alike ever after; "" is what the file says.
	Format(nameOrText string) (string, error)
	// Past says where the prints of files are that were kept and forgotten, by day
	// (UTC, counted from 1970). A row is judged by those of its own day, and its id
	// by those of the days beside it as well.
	Past(key [32]byte, prints func(day int64) ([]byte, error))
	// Read reads a file. Its name is for people, who find rows by it; its format is
	// one that Format gave. Its rows are put right by the readings.
	Read(r io.Reader, name, format string, by agreement.Readings) (*usage.Batch, error)
	// Keep remembers the rows of the file that was read, or loaded, last. A file
	// that is not kept leaves nothing behind.
	Keep()
	// Days gives the rows of the file that was read last day by day: how many there
	// are, their prints under a key, and what writes them for the archive.
	Days(key [32]byte, put func(day int64, rows uint64, prints []byte, write func(io.Writer) error) error) error
	// Load reads a file back as it was read first, from what Days had written. Calls
	// of days that are left out have no destination.
	Load(name string, accepted uint64, days []Archived) (*usage.Batch, error)
	// Forget lets go of the rows of kept files: they are known by their prints alone.
	Forget([]*usage.Batch)
}

// Archived is what Days has written of one day.
type Archived = interface {
	io.ReaderAt
	Size() int64
}

// Options are what a Desk is made of. All but Automatic, Banked, Claimed, Meter, Patience, Vault and Log are
// required.
type Options struct {
	Me, Partner party.Code
	Line        product.Line // "voice"
	Channel     *channel.Bilateral
	Store       *store.Channel // keyspace of the node; the desk's keys begin with its channel's id
	Blobs       *store.Blobs
	Reader      Reader
	Secret      [32]byte // this carrier's own: salts what it commits to
	NumberKey   [32]byte // the two carriers' own: hides numbers where calls are compared
	// Send hands a file of the blob store to the partner, sealed. It returns
	// when a crash cannot lose it.
	Send func(ctx context.Context, kind, subject string, file store.Info) error
	// Authorize adds a delegate's signature to commands of a role.
	Authorize func(c trade.Command, role party.Role) (trade.Command, error)
	Now       func() int64 // ms since 1970 UTC
	Automatic Automatic
	// Banked are the ways of paying that the carrier's treasury takes care of. The
	// desk neither advises nor confirms such payments, or both would pay one debt.
	Banked []string
	// Claimed reports whether the treasury pays an obligation: such a one is offered
	// into no round of netting. Nil: it pays none.
	Claimed func(obligation string) bool
	// Meter is where measurements of products are from; nil: from the readings that
	// ImportReadings takes.
	Meter Meter
	// Patience is how long a partner may leave this node's head without an answer
	// before the head is posted alone; 0: a minute. The network judges whether it
	// counts as uncontested: when it is posted again, once its own time has passed.
	Patience time.Duration
	// Vault is what the desk pays out of locks by; nil: it leaves tokens alone.
	Vault *Vault
	Log   *slog.Logger
}

// Desk is one carrier's side of one Bilateral. Methods may be called at the
// same time.
type Desk struct {
	o      Options
	prefix string // of the desk's keys in the node's store
	pair   usage.Pair

	promises  promises             // of the desk's own work
	due       dueBills             // likewise
	meters    map[string]*metering // by product; likewise
	measureAt int64                // when a product is to be looked at, ms UTC; likewise
	purse     purse                // likewise
	reputed   time.Time            // when reputation was looked at last; likewise
	passed    map[string]bool      // keys of rounds that are over here; likewise
	later     map[string]int64     // keys of debts that are looked at when they are due, ms UTC; likewise

	importing sync.Mutex // one import or closing at a time
	metering  sync.Mutex // one import of readings at a time
	making    sync.Mutex // the book is made once
	recalling sync.Mutex // one sealed import is read at a time
	summing   sync.Mutex // an import is either in the book or in the past

	mu        sync.Mutex // guards all below
	book      *Book      // nil until an agreement says what a period is
	files     Files      // of the book's imports; used with importing or making locked
	guard     *guard     // looks for fraud in them; likewise
	signals   []Signal   // by number
	schedule  schedule   // of the book
	amended   bool       // the agreements have changed since the schedule was read
	imports   []Import
	past      pastRecord // what is sealed
	sealAt    int64      // when to look next for what can be sealed; ms UTC
	expired   int64      // day at which records beyond their time were erased last
	odd       []oddCall  // of the imports in the book, the oldest first
	showings  []showing  // by the partner, the latest
	tariffs   map[usage.Way]*tariff
	accepted  uint64                                // how often the tariffs have changed
	made      map[string]Manifest                   // by period key: our statements
	unrated   map[string]bool                       // keys of those of them that name calls without a rate
	freed     []freedRecord                         // calls that have got a rate, until the book is made
	repriced  bool                                  // sheets may price calls that they did not
	refused   map[string]bool                       // keys of periods whose manifest names rows that are not in force
	through   int64                                 // periods that end by then are closed here; ms UTC
	shown     int64                                 // edges up to here were shown to the partner; ms UTC
	closings  []closing                             // those that the partner's edges have not met, oldest first
	theirs    int64                                 // periods that end by then are closed at the partner, as its edges say
	met       int64                                 // edges up to here are compared
	waived    int64                                 // edges up to here were waited for long enough
	led       []followed                            // what has followed the partner's records, until the book is made
	edges     map[usage.Way]map[reconcile.Edge]bool // the partner's, that may still be compared
	meeting   bool                                  // periods may have become ready to be stated
	asked     map[Slot]bool                         // slots whose period the channel has
	held      map[string]int64                      // keys of periods to be stated once edges up to their end are known
	advised   map[string]bool                       // what was advised once, as nextPayment names it
	dirty     map[string]bool                       // keys of records to look at again
	waiting   map[string]bool                       // actions whose commands are on their way
	overtaken map[string]string                     // by action on its way: what has changed since it was sent, and is looked at once it has ended
	over      []string                              // those of them that have ended since the last look
	heard     channel.Cursor                        // events before it have been noticed
	looking   bool                                  // records are being looked at now, or have not been since Open
	rows      map[string]bool                       // keys of rate rows that were proven, or are on their way
	payable   map[string]bool                       // ids of invoices that wait to be netted or paid
	proposed  map[string]bool                       // those of them that are in a netting which waits for its answer
	settling  []string                              // ids of invoices whose netting or obligation is on its way to the ledger
	most      int                                   // invoices that the next netting or obligation takes at most
	deadlines map[string]int64                      // block time in ms at which a record's wait ends
	failed    map[string]failure                    // by action: what did not succeed
	metered   map[string][]int64                    // by product: moments in intervals of which the meter has something new
	receipts  map[string]receipted                  // by period key: the partner's node has taken our records in
	openings  map[canon.Hash]opening                // locks that are on their way, by id
	changes   map[canon.Hash]changing               // changes of locks that are on their way, by hash
	consents  map[token.Code]int64                  // until when changes of locks may show the pair; ms UTC
	takings   map[canon.Hash]taking                 // rounds that this side takes part in
	lockKeys  map[sign.PublicKey]sign.PrivateKey    // those that were derived, a cache

	banking chan struct{} // has room while nobody opens, changes or leaves locks
	wake    chan struct{}
	anchor  chan struct{} // a period has closed since the last anchor

	life   context.Context // of the desk: ends with Run
	end    context.CancelFunc
	acting sync.WaitGroup // who waits for what becomes of commands; gone when Run returns
}

// Open makes a desk and brings back what it had imported and stated. It does
// nothing until Run.
func Open(o Options) (*Desk, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Patience == 0 {
		o.Patience = time.Minute
	}
	d := &Desk{
		o: o, prefix: "desk/" + o.Channel.ID().String() + "/", pair: usage.PairOf(o.Me, o.Partner),
		tariffs: map[usage.Way]*tariff{}, edges: map[usage.Way]map[reconcile.Edge]bool{}, deadlines: map[string]int64{}, made: map[string]Manifest{},
		dirty: map[string]bool{}, waiting: map[string]bool{}, overtaken: map[string]string{}, failed: map[string]failure{}, payable: map[string]bool{}, proposed: map[string]bool{}, rows: map[string]bool{},
		refused: map[string]bool{}, unrated: map[string]bool{}, repriced: true, asked: map[Slot]bool{}, held: map[string]int64{}, advised: map[string]bool{}, receipts: map[string]receipted{},
		meters: map[string]*metering{}, metered: map[string][]int64{},
		openings: map[canon.Hash]opening{}, changes: map[canon.Hash]changing{}, consents: map[token.Code]int64{}, lockKeys: map[sign.PublicKey]sign.PrivateKey{},
		takings: map[canon.Hash]taking{}, passed: map[string]bool{}, later: map[string]int64{},
		purse:   purse{owing: map[string]bool{}},
		banking: make(chan struct{}, 1), wake: make(chan struct{}, 1), anchor: make(chan struct{}, 1), looking: true, most: maxNetted,
	}
	if d.o.Meter == nil {
		d.o.Meter = d.table()
	}
	d.life, d.end = context.WithCancel(context.Background())
	return d, d.restore()
}

// Run drives the desk until ctx ends: it looks at everything that is unfinished
// once, and from then on at what each event concerns. It is called once.
func (d *Desk) Run(ctx context.Context) error {
	defer d.acting.Wait()
	defer d.end()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var cursor channel.Cursor
	err := d.o.Channel.View(func(v view) error {
		cursor = v.Cursor
		return nil
	})
	if err != nil {
		return err
	}
	d.mu.Lock()
	d.heard = cursor
	d.mu.Unlock()
	d.touch(trade.BilateralKey)
	for _, prefix := range []string{trade.PeriodPrefix, trade.InvoicePrefix, trade.NettingPrefix, trade.ObligationPrefix, trade.DisputePrefix,
		trade.AgreementPrefix, trade.SheetPrefix, trade.OrderPrefix, trade.ItemPrefix, trade.ProductPrefix, trade.MeasurementPrefix} {
		if err := d.sweep(prefix); err != nil {
			return err
		}
	}
	var done sync.WaitGroup
	done.Go(func() {
		for e, err := range d.o.Channel.Events(ctx, cursor) {
			if err != nil {
				cancel(err)
				return
			}
			for _, o := range e.Outcomes {
				for _, ev := range o.Events {
					d.notice(ev)
				}
			}
			d.mu.Lock()
			d.heard = e.Next
			d.mu.Unlock()
		}
	})
	done.Go(func() { d.work(ctx) })
	done.Go(func() { d.anchorLoop(ctx) })
	done.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// notice marks what an event concerns.
func (d *Desk) notice(e trade.Event) {
	if strings.HasPrefix(e.Subject, trade.ItemPrefix) {
		d.touch(e.Subject) // no call is priced by an order about a product
		return
	}
	switch e.Kind {
	case trade.EventSheetAccepted, trade.EventOrderMoved, trade.EventAgreementActive, trade.EventAgreementAmended, trade.EventAgreementTerminated:
		d.mu.Lock()
		clear(d.tariffs)
		d.accepted++
		d.amended, d.meeting, d.repriced = true, true, true
		d.mu.Unlock()
		d.retryNow()
	case trade.EventMended:
		d.retryNow() // what was refused while the states differed
	}
	d.touch(e.Subject)
	// What becomes of a dispute may be the last thing that its period, and with
	// it the buyer's word on an invoice, was waiting for.
	if rest, ok := strings.CutPrefix(e.Subject, trade.DisputePrefix); ok {
		if parts := strings.Split(rest, "/"); len(parts) == 4 {
			d.touch(trade.PeriodPrefix + parts[0] + "/" + parts[1])
		}
	}
}

// sweep marks all records of a kind.
func (d *Desk) sweep(prefix string) error {
	return d.o.Channel.View(func(v view) error {
		for key := range v.Scan(prefix) {
			d.touch(key)
		}
		return nil
	})
}

// touch marks a record to be looked at.
func (d *Desk) touch(key string) {
	d.mu.Lock()
	d.dirty[key] = true
	d.mu.Unlock()
	d.rouse()
}

// rouse has the work go on.
func (d *Desk) rouse() {
	select {
	case d.wake <- struct{}{}:
	default:
	}
}

// work looks at dirty records until ctx ends.
func (d *Desk) work(ctx context.Context) {
	again := time.NewTicker(time.Second)
	defer again.Stop()
	// What was under way when the desk was last closed goes on at once.
	d.ticked(ctx)
	for {
		keys := d.take()
		for _, key := range keys {
			if err := d.look(ctx, key); err != nil {
				if ctx.Err() != nil {
					return
				}
				d.o.Log.Warn("clearing step failed", "subject", key, "err", err)
				d.fail("look/"+key, key, err)
				continue
			}
			d.looked(key)
		}
		if err := d.measure(ctx); err != nil && ctx.Err() == nil {
			d.o.Log.Warn("clearing step failed", "subject", measuresSubject, "err", err)
			d.fail("measures", measuresSubject, err)
		} else {
			d.solved("measures")
		}
		if err := d.bills(ctx); err != nil && ctx.Err() == nil {
			d.o.Log.Warn("clearing step failed", "subject", billsSubject, "err", err)
			d.fail("bills", billsSubject, err)
		} else {
			d.solved("bills")
		}
		if err := d.settle(ctx); err != nil && ctx.Err() == nil {
			d.o.Log.Warn("clearing step failed", "subject", settleSubject, "err", err)
			d.fail(actSettle, settleSubject, err)
		}
		if err := d.rounds(ctx); err != nil && ctx.Err() == nil {
			d.o.Log.Warn("clearing step failed", "subject", roundsSubject, "err", err)
			d.fail(actRound, roundsSubject, err)
		} else {
			d.solved(actRound)
		}
		if err := d.deposits(ctx); err != nil && ctx.Err() == nil {
			d.o.Log.Warn("clearing step failed", "subject", depositsSubject, "err", err)
			d.fail(actDeposits, depositsSubject, err)
		} else {
			d.solved(actDeposits)
		}
		if err := d.reputation(ctx); err != nil && ctx.Err() == nil {
			d.o.Log.Warn("clearing step failed", "subject", reputeSubject, "err", err)
			d.fail(reputeSubject, reputeSubject, err)
		} else {
			d.solved(reputeSubject)
		}
		d.mu.Lock()
		d.looking = false
		d.mu.Unlock()
		select {
		case <-ctx.Done():
			return
		case <-d.wake:
			if d.toMeet() {
				d.ticked(ctx)
			}
		case <-again.C:
			d.ticked(ctx)
		}
	}
}

func (d *Desk) ticked(ctx context.Context) {
	if err := d.tick(ctx); err != nil && ctx.Err() == nil {
		d.o.Log.Warn("clearing step failed", "subject", "clock", "err", err)
	}
}

// take gives the dirty keys in order and forgets them, and those whose failed
// action may be tried again.
func (d *Desk) take() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	// An action counts as under way until a new look begins: one that read the
	// state before it was executed must not send it again.
	for _, action := range d.over {
		delete(d.waiting, action)
		if subject, ok := d.overtaken[action]; ok {
			d.dirty[subject] = true
			delete(d.overtaken, action)
		}
	}
	d.over = d.over[:0]
	d.retry()
	keys := make([]string, 0, len(d.dirty))
	for k := range d.dirty {
		keys = append(keys, k)
	}
	clear(d.dirty)
	slices.Sort(keys)
	d.looking = true // under the same lock: at no moment does the desk seem idle
	return keys
}

// look takes the next step for the record under a key.
func (d *Desk) look(ctx context.Context, key string) error {
	if err := d.watch(key); err != nil {
		return err
	}
	switch {
	case strings.HasPrefix(key, trade.PeriodPrefix):
		return d.period(ctx, key)
	case strings.HasPrefix(key, trade.InvoicePrefix):
		return d.invoice(ctx, key)
	case strings.HasPrefix(key, trade.NettingPrefix):
		return d.netting(ctx, key)
	case strings.HasPrefix(key, trade.ObligationPrefix):
		return d.obligation(ctx, key)
	case strings.HasPrefix(key, trade.DisputePrefix):
		return d.dispute(ctx, key)
	case strings.HasPrefix(key, trade.SheetPrefix):
		return d.acknowledge(ctx, key)
	case strings.HasPrefix(key, trade.ProductPrefix):
		id := strings.TrimPrefix(key, trade.ProductPrefix)
		d.meter(id)
		return d.product(id)
	case strings.HasPrefix(key, trade.MeasurementPrefix):
		return d.measurement(ctx, key)
	case strings.HasPrefix(key, trade.AgreementPrefix):
		d.due = dueBills{} // cycle and grace may be others now
		d.purse.agreed = nil
	}
	return nil
}

// get reads one record of a channel's state.
func get[T any](v trade.Records, key string) (value T, ok bool, err error) {
	data, ok := v.Get(key)
	if !ok {
		return value, false, nil
	}
	if err := canon.Decode(data, &value); err != nil {
		return value, false, err
	}
	return value, true, nil
}

// seller tells whether this carrier sells in a direction.
func (d *Desk) seller(dir usage.Direction) bool { return dir.To == d.o.Me }

// Short names for what this package reads.
type (
	view             = channel.View
	periodRecord     = invoice.Period
	invoiceRecord    = invoice.Invoice
	orderRecord      = order.Order
	nettingRecord    = settlement.Netting
	obligationRecord = settlement.Obligation
)
