package sim

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/node"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/usage"
)

// LiveOptions say how "lateral sandbox" is to run.
type LiveOptions struct {
	Dir            string // kept; empty: a temporary folder
	Cycle          string
	CallsPerSecond float64
	Seed           uint64
	Carriers       int    // 2, or 7: those of the mesh
	Load           int    // calls that are imported before live ones flow
	Listen         string // where browsers reach it; empty: a free port
	Newcomer       string // code of a carrier that is no member yet; empty: none
	URLs           string // a file to write everybody's links to; empty: none
	Binary         string // lateral's own binary: each node is a process; empty: all in this one
	Timeline       io.Writer
	Log            *slog.Logger
}

// Live runs a network with generated calls until ctx ends, and tells what
// happens as it happens.
func Live(ctx context.Context, o LiveOptions) (err error) {
	cycle, err := usage.ParseCycle(o.Cycle)
	if err != nil {
		return err
	}
	calendar, err := cycle.Calendar()
	if err != nil {
		return err
	}
	if o.Seed == 0 {
		o.Seed = uint64(time.Now().UnixNano())
	}
	if o.Load < 0 || o.Load > mostLoad {
		return fault.Newf(fault.Invalid, fmt.Sprintf("give at most %d", mostLoad), "a history of %d calls is not made", o.Load).In("load")
	}
	start := time.Now()
	say := progress(o.Timeline, start)
	listener, said, err := listenFront(cmp.Or(o.Listen, "127.0.0.1:0"))
	if err != nil {
		return err
	}
	defer listener.Close() // it is closed twice then
	if said != "" {
		say("%s", said)
	}
	dir := o.Dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "lateral-sandbox-"); err != nil {
			return durable.Explain("make a temporary folder", err)
		}
		defer os.RemoveAll(dir)
	}
	options := Options{Dir: dir, Carriers: voicePair[:], Log: o.Log, Binary: o.Binary, Tended: true,
		Automatic: node.Automatic{Rate: true, Accept: true, Net: true, Pay: true}}
	switch o.Carriers {
	case 0, 2:
	case len(meshCarriers):
		options.Carriers, options.ENNIs = meshCodes(), meshENNIs
		options.Automatic = node.Automatic{Rate: true, Accept: true, Net: true, Tokens: true, Measure: true}
		options.Banks = map[party.Code]node.Bank{}
		for _, code := range options.Carriers {
			options.Banks[code] = bankOf(code, liveUnits)
		}
	default:
		return fault.Newf(fault.Invalid, fmt.Sprintf("give 2 or %d", len(meshCarriers)), "there is no sandbox of %d carriers", o.Carriers).In("carriers")
	}
	net, err := Build(options)
	if err != nil {
		return err
	}
	if err := net.Start(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, net.Stop()) }()
	say("four validators and %d carriers are started; files in %s; seed %d", len(net.o.Carriers), dir, o.Seed)
	s, err := newSandbox(net, o, say)
	if err != nil {
		return err
	}
	front, err := newFront(ctx, s, listener)
	if err != nil {
		return err
	}
	for _, code := range net.o.Carriers {
		if err := net.WaitReady(ctx, code); err != nil {
			return err
		}
	}
	plan := voice.Plan{Ours: voicePair[0], Theirs: voicePair[1], Currency: voiceUnit, Seed: o.Seed, Span: live(start), Plant: voice.LivePlant, Single: true}
	generator, err := voice.NewGenerator(plan)
	if err != nil {
		return err
	}
	var sheet bytes.Buffer
	if err := generator.WriteSheet(&sheet); err != nil {
		return err
	}
	pair, err := net.desks(voicePair[0], voicePair[1])
	if err != nil {
		return err
	}
	calls := deal{cycle: o.Cycle, live: true, sheets: [2][]byte{sheet.Bytes(), sheet.Bytes()}, change: func(t *agreement.Terms) {
		t.Payment[0].DueDays, t.PastPeriods = 0, o.Load > 0
		t.Credit = liveCredit(voiceUnit)
	}}
	var m *meshRun
	var banking *treasurers
	if len(options.ENNIs) == 0 {
		err = net.agree(ctx, pair, calls, say)
	} else {
		m = liveMesh(net, o, say)
		s.mesh = m
		if err = m.prepare(ctx); err == nil {
			err = net.sheets(ctx, pair, calls, [2][]money.Currency{{voiceUnit}, {voiceUnit}}, say)
		}
		if err == nil {
			err = m.fundLive(ctx)
		}
		if err == nil {
			banking, err = m.hire(ctx, s)
			s.banking = banking
		}
	}
	if err != nil {
		return err
	}
	if o.Load > 0 {
		if err := s.load(ctx, pair, generator, calendar, o.Load); err != nil {
			return err
		}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var parts sync.WaitGroup
	defer parts.Wait()
	defer s.after.Wait()
	net.tended.Store(true) // until now a node that ended was the end of all
	parts.Go(func() { cancel(front.serve(ctx)) })
	parts.Go(func() { s.tend(ctx) })
	parts.Go(func() { cancel(s.traffic(ctx, pair, generator, calendar, o.Load > 0)) })
	if m == nil {
		parts.Go(func() { s.timeline(ctx, pair[0], calendar) })
	} else {
		granule, err := usage.ParseCycle(m.agreed.granule)
		if err != nil {
			return err
		}
		granules, err := granule.Calendar()
		if err != nil {
			return err
		}
		for _, pair := range m.pairs {
			units := []money.Currency{meshUnit}
			if between(pair[0].me, pair[1].me) == m.calls {
				units = m.units
			}
			parts.Go(func() { s.timeline(ctx, pair[0], calendar) })
			parts.Go(func() { s.gauge(ctx, pair, granules) })
			if pair[0].me == m.buyer() || pair[1].me == m.buyer() {
				parts.Go(func() { s.pay(ctx, m.money.bank, pair, units) })
			}
		}
		for _, code := range net.o.Carriers {
			parts.Go(func() { banking.work(ctx, code) })
			parts.Go(func() { banking.post(ctx, code) })
		}
		parts.Go(func() { m.refill(ctx, s) })
	}
	if o.Newcomer != "" {
		if _, err := front.admit(ctx, newcomer{Code: party.Code(o.Newcomer)}, ""); err != nil {
			cancel(err)
		}
	}
	if err := front.invite(ctx, o.URLs, say); err != nil {
		cancel(err)
	}
	<-ctx.Done()
	if cause := context.Cause(ctx); !errors.Is(cause, context.Canceled) && !errors.Is(cause, context.DeadlineExceeded) {
		return cause
	}
	say("stopping")
	return nil
}

// live is a span of generated traffic that a sandbox does not outlive.
func live(start time.Time) usage.Interval {
	return usage.Interval{From: start.Add(-24 * time.Hour).UnixMilli(), To: start.Add(366 * 24 * time.Hour).UnixMilli()}
}

// batch is how much traffic is handed to the nodes at once.
const batch = time.Second

// traffic generates calls as time passes and hands each carrier its own view of
// them, as its switch would: a call is recorded when it has ended. What a node does
// not take, its switch keeps and hands over later. Periods that do not close by
// themselves are closed by hand.
func (s *sandbox) traffic(ctx context.Context, pair [2]*desk, g *voice.Generator, calendar usage.Calendar, byHand bool) error {
	var switches [2]office
	closed := closing(calendar, time.Now().UnixMilli())
	generate := func(span usage.Interval) error {
		var files [2]bytes.Buffer
		count := int(s.perSecond * float64(span.To-span.From) / 1000)
		if err := g.Write(&files[0], &files[1], span, count); err != nil {
			return err
		}
		for i := range switches {
			if err := switches[i].begin(files[i].Bytes()); err != nil {
				return err
			}
		}
		s.mu.Lock()
		s.calls += count
		s.mu.Unlock()
		return nil
	}
	last := time.Now().UnixMilli()
	// Calls that began before the sandbox and end in it.
	if err := generate(usage.Interval{From: last - warm.Milliseconds(), To: last}); err != nil {
		return err
	}
	var hands sync.WaitGroup
	defer hands.Wait()
	for i, d := range pair {
		switches[i].ended(last)
		switches[i].files = make(chan callFile, 1<<16)
		hands.Go(func() { s.hand(ctx, d, switches[i].files) })
	}
	tick := time.NewTicker(batch)
	defer tick.Stop()
	for number := 1; ; number++ {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		now := time.Now().UnixMilli()
		if err := generate(usage.Interval{From: last, To: now}); err != nil {
			return err
		}
		last = now
		over := closing(calendar, now)
		for i, d := range pair {
			give := func(f callFile) {
				select {
				case switches[i].files <- f:
				default: // a node that is down for most of a day loses calls
				}
			}
			if rows := switches[i].ended(now); rows != nil {
				rows, err := s.overstated(d.me, rows)
				if err != nil {
					return err
				}
				give(callFile{fmt.Sprintf("switch-%06d.csv", number), rows, now})
			}
			if byHand && over > closed {
				give(callFile{name: "closing", until: over})
			}
		}
		closed = over
	}
}

// callFile is what a switch has recorded.
type callFile struct {
	name  string
	rows  []byte // nil: the periods until then are to be closed
	until int64  // they have ended by then, ms UTC
}

// hand gives a node what its switch has recorded, in order; what it does not take
// now it takes when it is back.
func (s *sandbox) hand(ctx context.Context, d *desk, files <-chan callFile) {
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-files:
			for failed := false; ; {
				var err error
				if f.rows == nil {
					_, err = d.engineer.Close(ctx, wire.Time(f.until))
				} else if _, err = d.engineer.ImportUsage(ctx, f.name, bytes.NewReader(f.rows)); err == nil {
					s.remember(d.me, f)
				}
				if err == nil || ctx.Err() != nil {
					break
				}
				if !passes(err) && !failed {
					s.news.tell("alarm", d.me, "%-18s %s: %s", "calls not taken", f.name, fault.Of(err).Error())
				}
				failed = true
				if sleep(ctx, batch) != nil {
					return
				}
			}
		}
	}
}

// overstated makes some calls of a file longer, when its carrier is to lie.
func (s *sandbox) overstated(me party.Code, rows []byte) ([]byte, error) {
	s.mu.Lock()
	l := s.lies[me]
	s.mu.Unlock()
	if l.Calls == 0 {
		return rows, nil
	}
	var out []byte
	told := 0
	for row := range bytes.Lines(rows) {
		fields := bytes.Split(row, []byte(","))
		if ms, err := strconv.ParseInt(string(fields[min(4, len(fields)-1)]), 10, 64); err == nil && ms > 0 && told < l.Calls {
			fields[4] = strconv.AppendInt(nil, int64(float64(ms)*l.Factor), 10)
			row = bytes.Join(fields, []byte(","))
			told++
		}
		out = append(out, row...)
	}
	s.mu.Lock()
	if l.Calls -= told; l.Calls > 0 {
		s.lies[me] = l // the rest in the next file
	} else {
		delete(s.lies, me)
	}
	s.mu.Unlock()
	if told > 0 {
		s.news.tell("fault", me, "%-18s %s overstates %d calls", "lie", me, told)
	}
	return out, nil
}

// warm is how far back the traffic of a fresh sandbox began.
const warm = 10 * time.Minute

// office is one carrier's telephone exchange: it records a call when the call
// has ended.
type office struct {
	calls []underWay
	files chan callFile // that the node has not taken yet
}

type underWay struct {
	ends int64 // ms UTC
	row  []byte
}

// begin takes the rows of calls, with a header or without.
func (x *office) begin(csv []byte) error {
	for row := range bytes.Lines(csv) {
		fields := bytes.Split(row, []byte(","))
		if len(fields) != 9 || bytes.HasPrefix(row, []byte("call_id,")) {
			continue
		}
		start, err := time.Parse(time.RFC3339Nano, string(fields[3]))
		if err != nil {
			return err
		}
		ms, err := strconv.ParseInt(string(fields[4]), 10, 64)
		if err != nil {
			return err
		}
		x.calls = append(x.calls, underWay{start.UnixMilli() + ms, bytes.Clone(row)})
	}
	return nil
}

// ended gives the file of calls that have ended by a moment, nil without any.
func (x *office) ended(now int64) []byte {
	var file []byte
	x.calls = slices.DeleteFunc(x.calls, func(c underWay) bool {
		if c.ends > now {
			return false
		}
		if file == nil {
			file = []byte(voice.UsageHeader + "\n")
		}
		file = append(file, c.row...)
		return true
	})
	return file
}

// timeline tells what happens on a Bilateral, as one carrier sees it.
func (s *sandbox) timeline(ctx context.Context, d *desk, calendar usage.Calendar) {
	from := ""
	for ctx.Err() == nil {
		for e, err := range d.auditor.Events(ctx, from) {
			if err != nil {
				break // the stream was cut; go on where it was
			}
			from = e.ID
			line := d.tellProduct(ctx, e)
			if between(d.me, d.partner) == voicePair && !strings.Contains(e.Subject, "_MSA-1.") { // else of products
				line = cmp.Or(d.tell(ctx, calendar, e), line)
			}
			if line != "" {
				s.news.tell(e.Kind, d.me, "%s", line)
			}
		}
		if sleep(ctx, time.Second) != nil {
			return
		}
	}
}

// tell puts an event into words; empty for what is not worth a line.
func (d *desk) tell(ctx context.Context, calendar usage.Calendar, e wire.Event) string {
	subject := e.Subject[strings.IndexByte(e.Subject, '/')+1:]
	switch e.Kind {
	case trade.EventPeriodRequested:
		return "period closed      " + d.periodName(calendar, e.Subject)
	case trade.EventPeriodMatched:
		return "usage agreed       " + d.periodName(calendar, e.Subject) + ": every line"
	case trade.EventPeriodDiffers:
		return "usage differs      " + d.periodName(calendar, e.Subject) + ": " + e.Detail + " lines"
	case trade.EventDisputeResolved:
		return "dispute resolved   " + d.disputed(ctx, subject) + "; decided by " + e.Detail
	case trade.EventDisputeManual:
		return "dispute for people " + d.disputed(ctx, subject)
	case trade.EventInvoiceIssued:
		i, err := d.auditor.Invoice(ctx, subject)
		if err != nil {
			return "invoice            " + subject
		}
		return fmt.Sprintf("invoice            %s  %s %s, open %s", i.ID, i.Currency, i.Total, i.Open)
	case trade.EventInvoiceMoved:
		return "invoice " + e.Detail + strings.Repeat(" ", max(1, 11-len(e.Detail))) + subject
	case trade.EventNettingAccepted:
		x, err := d.auditor.Netting(ctx, subject)
		if err != nil || len(x.Sums) == 0 {
			return "netted             " + subject
		}
		return fmt.Sprintf("netted             %d invoices: %s owes %s %s", len(x.Invoices), x.Sums[0].Payer, x.Sums[0].Currency, x.Sums[0].Net)
	case trade.EventPaymentAdvised:
		return "payment advised    " + subject
	case trade.EventSettled:
		s, err := d.node.Status(ctx)
		if err != nil {
			return "settled            " + subject
		}
		return fmt.Sprintf("settled            %s   (final in %.0f ms at the median, 99 %% in %.0f ms)", subject, s.Finality.P50, s.Finality.P99)
	}
	return ""
}

// disputed says what two sides differ about.
func (d *desk) disputed(ctx context.Context, id string) string {
	x, err := d.auditor.Dispute(ctx, id)
	if err != nil {
		return id
	}
	return fmt.Sprintf("line %d of %s: seller %d calls %s %s, buyer %d calls %s %s", x.Row, x.Order,
		x.Seller.Calls, x.Currency, x.Seller.Amount, x.Buyer.Calls, x.Currency, x.Buyer.Amount)
}

// periodName gives direction and interval of a period from its key.
func (d *desk) periodName(calendar usage.Calendar, key string) string {
	parts := strings.Split(key, "/")
	if len(parts) != 3 {
		return key
	}
	ms, err := strconv.ParseInt(parts[2], 10, 64)
	if err != nil {
		return key
	}
	buyer := party.Code(strings.TrimPrefix(parts[1], "V-"))
	seller := d.me
	if seller == buyer {
		seller = d.partner
	}
	i := calendar.At(ms)
	clock := func(ms int64) string { return time.UnixMilli(ms).UTC().Format("15:04:05") }
	return fmt.Sprintf("%s %s-%sZ", usage.Direction{From: buyer, To: seller}, clock(i.From), clock(i.To))
}
