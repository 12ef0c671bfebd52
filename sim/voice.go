package sim

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/node"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/reconcile"
	"github.com/lateral-network/lateral/trade/usage"
)

// VoiceOptions say what "lateral sandbox voice" is to clear. Paths are files,
// plain or gzip.
type VoiceOptions struct {
	Ours, Theirs     string
	Formats          [2]*voice.Format // of ours and theirs; nil: what the content says
	Rates, RatesBack string           // RatesBack empty: Rates serves both directions
	Us               string           // our code; empty: the first of the pair
	Cycle            string
	Dir              string // kept; empty: a temporary folder
	Binary           string // lateral's own binary: every node is a process; empty: all in this one
	Settle           bool   // what is owed is paid by token and over a bank; else it is told to be paid
	Terms            func(*agreement.Terms)
	Progress         io.Writer
	Log              *slog.Logger
}

// input is the two carriers' files, read and rated.
type input struct {
	us, them         party.Code
	pair             usage.Pair
	ours, theirs     *usage.Batch
	rates, ratesBack []byte
	files            [2]string // that can be read again
	formats          [2]*voice.Format
	spooled          []string // those of them that are ours
	rated            [2]*rating.Rated
	terms            rating.Terms
}

// Voice gives two carriers of a fresh network their own files, has them clear
// every period as fast as they can, and reports. Codes: not-found, and those of
// the readers for files that cannot be used.
func Voice(ctx context.Context, o VoiceOptions) (*Report, error) {
	start := time.Now()
	say := progress(o.Progress, start)
	in, err := readInput(o)
	defer in.close()
	if err != nil {
		return nil, err
	}
	say("%s: %d records; %s: %d records", in.us, in.ours.Read, in.them, in.theirs.Read)
	tell(say, o.Ours, in.ours)
	tell(say, o.Theirs, in.theirs)
	dir := o.Dir
	if dir == "" {
		if dir, err = os.MkdirTemp("", "lateral-sandbox-"); err != nil {
			return nil, durable.Explain("make a temporary folder", err)
		}
		defer os.RemoveAll(dir)
	}
	options := Options{
		Dir: dir, Carriers: []party.Code{in.us, in.them}, Binary: o.Binary, Log: o.Log,
		Automatic: node.Automatic{Rate: true, Accept: true, Net: true, Pay: true},
	}
	if o.Settle = o.Settle && coined(in.currencies()); o.Settle {
		options.Automatic.Pay = false
		options.But = map[party.Code]node.Automatic{in.us: {Rate: true, Accept: true, Net: true, Tokens: true}}
	}
	net, err := Build(options)
	if err != nil {
		return nil, err
	}
	if err := net.Start(); err != nil {
		return nil, err
	}
	report, err := net.voice(ctx, in, o, say)
	err = errors.Join(err, net.Stop())
	if err != nil {
		return nil, err
	}
	report.Seconds = float64(time.Since(start).Milliseconds()) / 1000
	if o.Dir != "" {
		report.out = o.Dir
	}
	return report, nil
}

// progress writes lines with the seconds since a start.
func progress(w io.Writer, start time.Time) func(string, ...any) {
	if w == nil {
		w = io.Discard
	}
	return func(format string, args ...any) {
		fmt.Fprintf(w, "%7.2fs  %s\n", time.Since(start).Seconds(), fmt.Sprintf(format, args...))
	}
}

// readInput reads and checks everything before a network is started.
func readInput(o VoiceOptions) (in input, err error) {
	cycle, err := usage.ParseCycle(o.Cycle)
	if err != nil {
		return in, err
	}
	in.formats = o.Formats
	for i, path := range []string{o.Ours, o.Theirs} {
		if in.files[i], err = in.kept(path); err != nil {
			return in, err
		}
	}
	if in.ours, err = readCalls(o.Ours, in.files[0], usage.Pair{}, o.Formats[0]); err != nil {
		return in, err
	}
	in.pair = in.ours.Pair
	switch {
	case len(in.ours.Records) > 0:
	case in.ours.Read > 0:
		return in, noGoodRow(o.Ours, in.ours)
	default: // a side may have lost all: the other's rows name the pair
		if in.theirs, err = readCalls(o.Theirs, in.files[1], usage.Pair{}, o.Formats[1]); err != nil {
			return in, err
		}
		if in.pair = in.theirs.Pair; len(in.theirs.Records) == 0 {
			return in, noGoodRow(o.Ours, in.ours)
		}
		if in.ours, err = readCalls(o.Ours, in.files[0], in.pair, o.Formats[0]); err != nil {
			return in, err
		}
	}
	in.us, in.them = in.pair[0], in.pair[1]
	if o.Us != "" {
		switch party.Code(o.Us) {
		case in.pair[0]:
		case in.pair[1]:
			in.us, in.them = in.them, in.us
		default:
			return in, fault.Newf(fault.Invalid, "name one of the two carriers of the first good row", "%s is neither %s nor %s", o.Us, in.pair[0], in.pair[1]).In("us")
		}
	}
	for _, c := range in.pair {
		if reserved(string(c)) {
			return in, fault.Newf(fault.Invalid, "give the carrier another code in both files", "the sandbox's folder has a place of its own called %s", c).In("carrier_from")
		}
	}
	if in.theirs, err = readCalls(o.Theirs, in.files[1], in.pair, o.Formats[1]); err != nil {
		return in, err
	}
	if in.rates, err = readFile(o.Rates, "--rates"); err != nil {
		return in, err
	}
	in.ratesBack = in.rates
	if o.RatesBack != "" {
		if in.ratesBack, err = readFile(o.RatesBack, "--rates-back"); err != nil {
			return in, err
		}
	}
	if in.terms.Calendar, err = cycle.Calendar(); err != nil {
		return in, err
	}
	for _, s := range []struct {
		flag string
		csv  []byte
		from party.Code
	}{{o.Rates, in.rates, in.us}, {cmp.Or(o.RatesBack, o.Rates), in.ratesBack, in.them}} {
		sheet, rejects, err := voice.ReadSheet(bytes.NewReader(s.csv))
		if len(rejects) > 0 {
			return in, badSheet(s.flag, rejects)
		}
		if err != nil {
			return in, fmt.Errorf("reading %s: %w", s.flag, err)
		}
		way, _ := in.pair.Way(usage.Direction{From: s.from, To: other(in, s.from)})
		in.terms.Sheets[way] = sheet
	}
	for i, b := range []*usage.Batch{in.ours, in.theirs} {
		if in.rated[i], err = rating.Rate(b, in.terms, nil); err != nil {
			return in, err
		}
	}
	return in, nil
}

// badSheet names the bad rows of a sheet.
func badSheet(path string, rejects []usage.Reject) error {
	var text strings.Builder
	for i, r := range rejects {
		if i == named {
			fmt.Fprintf(&text, "; and %d more", len(rejects)-named)
			break
		}
		if i > 0 {
			fmt.Fprintf(&text, "; line %d: ", r.Line)
		}
		text.WriteString(rejected(r))
	}
	return fault.Newf(rejects[0].Code, "correct the sheet; one with a bad row is not applied",
		"%s line %d: %s (%d bad rows)", path, rejects[0].Line, text.String(), len(rejects)).In(rejects[0].Field)
}

// currencies gives those of both sheets, in order.
func (in *input) currencies() []money.Currency {
	known := map[money.Currency]bool{}
	for _, s := range in.terms.Sheets {
		for _, r := range s.Rows() {
			known[r.Currency] = true
		}
	}
	return slices.Sorted(maps.Keys(known))
}

func other(in input, c party.Code) party.Code {
	if c == in.us {
		return in.them
	}
	return in.us
}

// kept gives a path that can be read more than once: what comes through a pipe
// is written to a file of our own, which close removes.
func (in *input) kept(path string) (string, error) {
	unreadable := fault.Newf(fault.NotFound, "name a file that this user can read", "%s cannot be read", path)
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return "", unreadable.Because(err)
	case info.IsDir():
		return "", fault.Newf(fault.Invalid, "name the file in it", "%s is a folder", path)
	case info.Mode().IsRegular():
		return path, nil
	}
	from, err := os.Open(path)
	if err != nil {
		return "", unreadable.Because(err)
	}
	defer from.Close()
	to, err := os.CreateTemp("", "lateral-input-")
	if err != nil {
		return "", durable.Explain("make a temporary file", err)
	}
	in.spooled = append(in.spooled, to.Name())
	if _, err := io.Copy(to, from); err != nil {
		return "", errors.Join(durable.Explain("keep what came through "+path, err), to.Close())
	}
	return to.Name(), durable.Explain("keep what came through "+path, to.Close())
}

// close removes what was written for the time of the job.
func (in *input) close() {
	for _, path := range in.spooled {
		_ = os.Remove(path) // it is in the system's temporary folder
	}
}

// reserved reports whether a carrier's folder would be something else's in the
// folder of the network.
func reserved(code string) bool {
	return code == "invoices" || code == "proofs" || code == "network.json" || strings.HasPrefix(code, "validator-")
}

// readCalls reads the file called name from path.
func readCalls(name, path string, pair usage.Pair, format *voice.Format) (*usage.Batch, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Newf(fault.NotFound, "name a file that this user can read", "%s cannot be read", name).Because(err)
	}
	defer f.Close()
	b, err := voice.ReadUsage(f, voice.Options{Pair: pair, Format: format})
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", name, err)
	}
	return b, nil
}

func noGoodRow(path string, b *usage.Batch) error {
	if len(b.Rejects) > 0 {
		r := b.Rejects[0]
		return fault.Newf(r.Code, "correct the file: all of its rows are refused", "%s line %d: %s (%d bad rows)", path, r.Line, r.Detail, b.Refused).In(r.Field)
	}
	return fault.Newf(fault.Invalid, "name files of call records of which one has a good row", "%s has no good row among %d, and the other file has none", path, b.Read)
}

// batch gives the records of our file, or of theirs.
func (in *input) batch(i int) *usage.Batch {
	if i == 0 {
		return in.ours
	}
	return in.theirs
}

// reported is how many rejected rows of each file a report names.
const reported = 1000

// named is how many rejected rows are told one by one while the job runs; the
// report has more of them.
const named = 20

// rejected says what is wrong with a row.
func rejected(r usage.Reject) string {
	if r.Field == "" {
		return fmt.Sprintf("%s (%s)", r.Detail, r.Code)
	}
	return fmt.Sprintf("%s: %s (%s)", r.Field, r.Detail, r.Code)
}

// tell names the rows of a file that were refused.
func tell(say func(string, ...any), path string, b *usage.Batch) {
	for i, r := range b.Rejects {
		if i == named {
			say("%s: %d more rows are refused", path, b.Refused-named)
			return
		}
		say("%s line %d: %s", path, r.Line, rejected(r))
	}
}

// voice runs the job on a network that has been started.
func (n *Network) voice(ctx context.Context, in input, o VoiceOptions, say func(string, ...any)) (*Report, error) {
	pair, err := n.contracted(ctx, in, o, say)
	if err != nil {
		return nil, err
	}
	var s *settling
	if o.Settle {
		if s, err = n.settle(ctx, pair, in.currencies()); err != nil {
			return nil, err
		}
	}
	if err := n.feed(ctx, pair, in, say); err != nil {
		return nil, err
	}
	if s == nil {
		err = n.quiet(ctx, pair, say, nil)
	} else if err = s.fund(ctx, say); err == nil {
		err = s.during(ctx, func(ctx context.Context) error { return n.quiet(ctx, pair, say, s) })
	}
	if err != nil {
		return nil, err
	}
	report, err := n.attested(ctx, pair, in, say)
	if err != nil {
		return nil, err
	}
	if s != nil {
		if report.Payments, err = s.paid(ctx); err != nil {
			return nil, err
		}
	}
	if o.Dir != "" {
		err = export(ctx, pair[0].auditor, report.Invoices, o.Dir, say)
	}
	return report, err
}

// contracted has the two carriers sign what they clear under.
func (n *Network) contracted(ctx context.Context, in input, o VoiceOptions, say func(string, ...any)) (pair [2]*desk, err error) {
	for _, code := range []party.Code{in.us, in.them} {
		if err := n.WaitReady(ctx, code); err != nil {
			return pair, err
		}
	}
	say("%d validators and %d carriers are up", n.o.Validators, len(n.o.Carriers))
	if pair, err = n.desks(in.us, in.them); err != nil {
		return pair, err
	}
	change := func(t *agreement.Terms) {
		if o.Settle {
			bothRails(t)
		}
		if o.Terms != nil {
			o.Terms(t)
		}
	}
	return pair, n.agree(ctx, pair, deal{cycle: o.Cycle, sheets: [2][]byte{in.rates, in.ratesBack}, change: change}, say)
}

// attested has the final state anchored and reports on it.
func (n *Network) attested(ctx context.Context, pair [2]*desk, in input, say func(string, ...any)) (*Report, error) {
	if err := n.retried(ctx, "the final state to be anchored", func() error {
		_, err := pair[0].admin.Anchor(ctx)
		return err
	}); err != nil {
		return nil, fmt.Errorf("anchoring the final state: %w", err)
	}
	say("final state attested by both and anchored")
	return n.collect(ctx, pair, in)
}

// feed imports each side's file into its own node and closes all periods. Both
// can be done again: the same file, or the same moment, changes nothing.
func (n *Network) feed(ctx context.Context, pair [2]*desk, in input, say func(string, ...any)) error {
	var both sync.WaitGroup
	var fails [2]error
	for i, d := range pair {
		both.Go(func() {
			fails[i] = n.retried(ctx, "the import of call records", func() error {
				f, err := os.Open(in.files[i])
				if err != nil {
					return err
				}
				defer f.Close()
				_, err = d.engineer.ImportUsageAs(ctx, filepath.Base(in.files[i]), in.formats[i].Text(), f)
				return err
			})
		})
	}
	both.Wait()
	if err := errors.Join(fails[0], fails[1]); err != nil {
		return fmt.Errorf("importing call records: %w", err)
	}
	var through int64
	for i := range in.rated {
		if p := in.rated[i].Periods; len(p) > 0 {
			through = max(through, p[len(p)-1].To)
		}
	}
	if through == 0 {
		return nil
	}
	say("call records imported, clearing up to %s", usage.Stamp(through))
	for _, d := range pair {
		if err := n.retried(ctx, "periods to close", func() error {
			_, err := d.engineer.Close(ctx, wire.Time(through))
			return err
		}); err != nil {
			return fmt.Errorf("closing periods: %w", err)
		}
	}
	return nil
}

// quiet waits until nothing moves by itself any more: no step under way, no
// statement or rule awaited, everything agreed is settled, and both sides have
// executed the same.
func (n *Network) quiet(ctx context.Context, pair [2]*desk, say func(string, ...any), s *settling) error {
	said := time.Now()
	var still stall
	return n.poll(ctx, "all periods to clear", func() (bool, error) {
		var at [2]wire.Bilateral
		for i, d := range pair {
			var err error
			if at[i], err = d.auditor.Bilateral(ctx); err != nil {
				return false, err
			}
		}
		for _, d := range pair {
			left, err := d.moving(ctx)
			if left == "" && err == nil {
				left, err = d.unpaid(ctx, s)
			}
			if err != nil {
				return false, err
			}
			if left != "" {
				if time.Since(said) > 2*time.Second {
					said = time.Now()
					say("%s: %s", d.me, left)
				}
				if what := fmt.Sprintf("%s: %s", d.me, left); still.over(what, [2]uint64{at[0].Position, at[1].Position}, time.Now()) {
					return false, stuck(ctx, pair, what)
				}
				return false, nil
			}
		}
		return at[0].Position == at[1].Position && at[0].Root == at[1].Root, nil
	})
}

// stall notices a job that does not go on by itself.
type stall struct {
	what  string
	at    [2]uint64
	since time.Time
}

// patience is how long nothing may change before a job is given up. Steps that
// fail are tried again by the nodes well within it.
const patience = 2 * time.Minute

// over reports whether nothing has changed for too long.
func (s *stall) over(what string, at [2]uint64, now time.Time) bool {
	if what != s.what || at != s.at || s.since.IsZero() {
		s.what, s.at, s.since = what, at, now
	}
	return now.Sub(s.since) >= patience
}

// stuck says why a job does not go on: with what one of the nodes calls its
// problem, where it does.
func stuck(ctx context.Context, pair [2]*desk, what string) error {
	for _, d := range pair {
		for p, err := range d.node.Problems(ctx, nil) {
			if err != nil {
				return err
			}
			return fault.Newf(p.Code, p.Remedy, "%s cannot go on with %s: %s", d.me, p.Subject, p.Detail)
		}
	}
	return fault.Newf(fault.Unavailable, "run it again with --verbose to see the nodes' own log lines", "nothing has changed for %s: %s", patience, what)
}

// moving says what still goes on by itself at a carrier; empty when nothing
// does.
func (d *desk) moving(ctx context.Context) (string, error) {
	s, err := d.node.Status(ctx)
	if err != nil {
		return "", err
	}
	if s.Busy {
		return d.counts(ctx)
	}
	for _, q := range []struct {
		what string
		any  func() (bool, error)
	}{
		{"statements are awaited", func() (bool, error) {
			return some(d.auditor.Periods(ctx, client.Filter{"state": "requested", "limit": "1"}))
		}},
		{"statements are awaited", func() (bool, error) {
			return some(d.auditor.Periods(ctx, client.Filter{"state": "stated", "limit": "1"}))
		}},
		{"records are compared", func() (bool, error) {
			return some(d.auditor.Disputes(ctx, client.Filter{"state": "awaiting", "limit": "1"}))
		}},
		{"invoices wait to be accepted", func() (bool, error) {
			return some(d.auditor.Invoices(ctx, client.Filter{"state": "issued", "limit": "1"}))
		}},
	} {
		if yes, err := q.any(); err != nil || yes {
			return q.what, err
		}
	}
	return "", nil
}

// unpaid says what is agreed and not settled yet; empty when that is nothing, or
// nothing that could be paid.
func (d *desk) unpaid(ctx context.Context, s *settling) (string, error) {
	totals, err := d.auditor.Totals(ctx)
	if err != nil {
		return "", err
	}
	for _, t := range totals {
		if t.Invoiced != t.Settled+t.Disputed {
			if s != nil {
				if crumbs, err := s.crumbs(ctx); crumbs || err != nil {
					return "", err
				}
			}
			return fmt.Sprintf("%s %s of %s settled", t.Direction, t.Settled, t.Invoiced), nil
		}
	}
	return "", nil
}

// counts says how far a busy carrier is.
func (d *desk) counts(ctx context.Context) (string, error) {
	totals, err := d.auditor.Totals(ctx)
	if err != nil {
		return "", err
	}
	text := "at work"
	for _, t := range totals {
		text += fmt.Sprintf("; %s %s %s invoiced, %s settled", t.Direction, t.Currency, t.Invoiced, t.Settled)
	}
	return text, nil
}

// some reports whether a list has an entry.
func some[T any](list func(func(T, error) bool)) (found bool, err error) {
	for _, e := range list {
		return e == nil, e
	}
	return false, nil
}

// collect makes the report from what both carriers' nodes say.
func (n *Network) collect(ctx context.Context, pair [2]*desk, in input) (*Report, error) {
	r := &Report{Invoices: []Invoice{}, Totals: []Total{}, Differences: []reconcile.Difference{}}
	periods := map[int64]bool{}
	type flow struct {
		direction usage.Direction
		currency  money.Currency
	}
	totals := map[flow]*Total{}
	at := func(d usage.Direction, c money.Currency) *Total {
		f := flow{d, c}
		if totals[f] == nil {
			totals[f] = &Total{Direction: d, Currency: c}
		}
		return totals[f]
	}
	for i, d := range pair {
		s, err := d.auditor.Summary(ctx)
		if err != nil {
			return nil, err
		}
		records := Records{s.Read, s.Accepted, s.Rejected, s.Duplicate, uint64(len(in.rated[i].Exceptions))}
		if i == 0 {
			r.Records.Ours = records
		} else {
			r.Records.Theirs = records
		}
		for _, t := range s.Totals {
			if i == 0 {
				at(t.Direction, t.Currency).RatedOurs = t.Amount
			} else {
				at(t.Direction, t.Currency).RatedTheirs = t.Amount
			}
		}
		for _, p := range in.rated[i].Periods {
			periods[p.From] = true
		}
		rejects := append([]usage.Reject{}, in.batch(i).Rejects[:min(len(in.batch(i).Rejects), reported)]...)
		if i == 0 {
			r.Rejects.Ours = rejects
		} else {
			r.Rejects.Theirs = rejects
		}
		list := []Exception{}
		for e, err := range d.auditor.Exceptions(ctx) {
			if err != nil {
				return nil, err
			}
			list = append(list, Exception{e.Line, e.Direction, e.Period, e.Code})
		}
		if i == 0 {
			r.Exceptions.Ours = list
		} else {
			r.Exceptions.Theirs = list
		}
	}
	r.Periods = len(periods)
	ours := pair[0].auditor
	claims, err := ours.Totals(ctx)
	if err != nil {
		return nil, err
	}
	for _, c := range claims {
		t := at(c.Direction, c.Currency)
		t.Invoiced, t.Settled, t.Disputed = c.Invoiced, c.Settled, c.Disputed
	}
	for _, t := range totals {
		r.Totals = append(r.Totals, *t)
	}
	slices.SortFunc(r.Totals, func(a, b Total) int {
		return cmp.Or(cmp.Compare(a.Direction.String(), b.Direction.String()), cmp.Compare(a.Currency, b.Currency))
	})
	invoices, err := collect(ours.Invoices(ctx, nil))
	if err != nil {
		return nil, err
	}
	for _, i := range invoices {
		amount, err := i.Total.Add(i.Open)
		if err != nil {
			return nil, err
		}
		r.Invoices = append(r.Invoices, Invoice{i.ID, i.Seller, i.Buyer, i.Interval, i.Currency, amount, i.State})
	}
	counts, err := ours.DisputeCounts(ctx)
	if err != nil {
		return nil, err
	}
	r.Disputes = Disputes{Opened: int(counts.Opened), Resolved: int(counts.ResolvedAutomatically), Manual: int(counts.Manual)}
	anchors, err := collect(ours.Anchors(ctx))
	if err != nil {
		return nil, err
	}
	r.Anchors = len(anchors)
	if err := n.roots(ctx, pair, r); err != nil {
		return nil, err
	}
	compared, err := reconcile.Compare(in.rated[0], in.rated[1], reconcile.DefaultTolerances)
	if err != nil {
		return nil, err
	}
	r.Differences = append(r.Differences, compared.Differences...)
	return r, nil
}

// roots waits until both sides have signed the present state, and takes the
// root from each; and the slower of the two finality figures.
func (n *Network) roots(ctx context.Context, pair [2]*desk, r *Report) error {
	return n.poll(ctx, "both sides to attest the same position", func() (bool, error) {
		var at [2]wire.Bilateral
		for i, d := range pair {
			var err error
			if at[i], err = d.auditor.Bilateral(ctx); err != nil {
				return false, err
			}
			s, err := d.node.Status(ctx)
			if err != nil {
				return false, err
			}
			r.Finality.P50 = max(r.Finality.P50, s.Finality.P50)
			r.Finality.P99 = max(r.Finality.P99, s.Finality.P99)
		}
		if at[0].Position != at[1].Position || at[0].Attested < at[0].Position || at[1].Attested < at[1].Position {
			return false, nil
		}
		r.StateRoot.Ours, r.StateRoot.Theirs = at[0].Root, at[1].Root
		return true, nil
	})
}

// export writes each invoice as JSON and HTML with its proof.
func export(ctx context.Context, p *client.Partner, invoices []Invoice, dir string, say func(string, ...any)) error {
	for _, sub := range []string{"invoices", "proofs"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			return durable.Explain("make "+sub, err)
		}
	}
	jobs := make(chan string)
	var mu sync.Mutex
	var failed error
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for id := range jobs {
				for _, f := range []struct {
					path string
					get  func(context.Context, string) ([]byte, error)
				}{{"invoices/" + id + ".json", p.InvoiceJSON}, {"invoices/" + id + ".html", p.InvoiceHTML}, {"proofs/" + id + ".proof", p.InvoiceProof}} {
					data, err := f.get(ctx, id)
					if err == nil {
						err = os.WriteFile(filepath.Join(dir, f.path), data, 0o644)
					}
					if err != nil {
						mu.Lock()
						failed = errors.Join(failed, fmt.Errorf("exporting %s: %w", f.path, err))
						mu.Unlock()
					}
				}
			}
		})
	}
	for i, inv := range invoices {
		if i > 0 && i%1000 == 0 {
			say("%d of %d invoices exported with their proofs", i, len(invoices))
		}
		jobs <- inv.ID
	}
	close(jobs)
	workers.Wait()
	if failed == nil {
		say("%d invoices exported with their proofs", len(invoices))
	}
	return failed
}
