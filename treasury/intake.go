package treasury

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/rail"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/settlement"
)

// Intake is what became of a bank's file.
type Intake struct {
	SHA256 string    `cbor:"1,keyasint"`
	ID     string    `cbor:"2,keyasint"` // of the message
	Kind   rail.Kind `cbor:"3,keyasint"`
	Name   string    `cbor:"4,keyasint,omitempty"` // of the file, for people
	Step   Step      `cbor:"5,keyasint"`
	Lines  []Told    `cbor:"6,keyasint,omitempty"`
	Passed []string  `cbor:"7,keyasint,omitempty"` // elements that were not looked into

	Repeated bool `cbor:"-"` // it was taken in before; nothing has changed
}

// Told is one payment of a file and what it came to.
type Told struct {
	Outcome   string       `cbor:"1,keyasint"` // whole, unknown-reference ..., or of a report accepted, rejected ...
	Amount    money.Amount `cbor:"2,keyasint,omitzero"`
	Credit    bool         `cbor:"3,keyasint,omitempty"`
	EndToEnd  string       `cbor:"4,keyasint,omitempty"`
	Did       string       `cbor:"5,keyasint"`           // in words
	Exception string       `cbor:"6,keyasint,omitempty"` // that it is now
}

// Received is money that came in for an obligation: all of it, or the part that
// was advised.
type Received struct {
	Target
	Amount   rail.Money    `cbor:"3,keyasint"`
	Evidence rail.Evidence `cbor:"4,keyasint"`
	State    MoneyState    `cbor:"5,keyasint"`
	At       int64         `cbor:"6,keyasint"`           // when it was taken in, ms UTC
	Answers  string        `cbor:"7,keyasint,omitempty"` // reference of the advice whose receipt is given for it
}

// Import takes in a file of a bank: a pacs.002 about payments that were ordered
// here, or a camt.053 or camt.054 of an own account. What is certain is carried
// out; the rest becomes exceptions. The same file again changes nothing. Codes:
// those of rail.Read, payment-account, payment-file-changed, invalid.
func (d *Desk) Import(by, name string, data []byte) (Intake, error) {
	f, err := rail.ReadBytes(data)
	if err != nil {
		return Intake{}, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if before, ok := d.files[f.SHA256]; ok {
		before.Repeated = true
		return before, nil
	}
	in := &intake{change: d.change(), d: d, numbers: d.counter, Intake: Intake{SHA256: f.SHA256, Kind: f.Kind, Name: name, Step: d.step(by), Passed: f.Passed}}
	switch {
	case f.Report != nil:
		err = in.report(f.Report)
	case f.Statement != nil:
		err = in.statement(f)
	default:
		err = fault.Newf(fault.Invalid, "take in what a bank has sent: pacs.002, camt.053, camt.054", "%s goes to a bank", f.Kind)
	}
	if err != nil {
		return Intake{}, err
	}
	in.count(in.numbers)
	put(in.change, d.files, keyFile, f.SHA256, in.Intake)
	return in.Intake, in.commit()
}

// Files lists what was taken in, the newest first.
func (d *Desk) Files() []Intake {
	d.mu.Lock()
	defer d.mu.Unlock()
	all := sorted(d.files)
	slices.SortStableFunc(all, func(a, b Intake) int { return cmp.Compare(b.Step.At, a.Step.At) })
	return all
}

// intake is a file that is being taken in. What it changes is seen by its own
// later payments, and by nobody else before it is on disk.
type intake struct {
	*change
	Intake
	d       *Desk
	numbers counter
	runs    map[string]Run
	money   map[string]Received
}

// find is Desk.payment as the file has it by now.
func (in *intake) find(endToEnd string) (Run, int, bool) {
	for _, r := range in.runs {
		for i, p := range r.Payments {
			if p.EndToEnd == endToEnd {
				return r.clone(), i, true
			}
		}
	}
	return in.d.payment(endToEnd)
}

func (in *intake) keepRun(r Run) {
	if in.runs == nil {
		in.runs = map[string]Run{}
	}
	in.runs[r.ID] = r
	put(in.change, in.d.runs, keyRun, r.ID, r)
}

// got gives the money that has come in for an obligation, by the file's own
// earlier payments too.
func (in *intake) got(key string) (Received, bool) {
	if r, ok := in.money[key]; ok {
		return r, true
	}
	r, ok := in.d.received[key]
	return r, ok
}

func (in *intake) keepMoney(r Received) {
	if in.money == nil {
		in.money = map[string]Received{}
	}
	key := r.key()
	if before, ok := in.got(key); ok && before.State == Confirmed && !samePlace(before.Evidence, r.Evidence) {
		// A part that came before; it is kept beside what waits.
		e := before.Evidence
		put(in.change, in.d.received, keyReceived, fmt.Sprintf("%s %s %d.%d", key, e.File, e.Entry, e.Payment), before)
	}
	in.money[key] = r
	put(in.change, in.d.received, keyReceived, key, r)
}

// raise makes an exception and gives its id.
func (in *intake) raise(x Exception) string {
	in.numbers.Exceptions++
	x.ID, x.File, x.Raised, x.State = fmt.Sprintf("X%06d", in.numbers.Exceptions), in.SHA256, in.Step.At, ExceptionOpen
	put(in.change, in.d.exceptions, keyException, x.ID, x)
	return x.ID
}

// report takes in what a bank says of payments that were ordered.
func (in *intake) report(r *rail.Report) error {
	in.ID = r.ID
	for _, before := range in.d.files {
		if before.Kind == rail.Pacs002 && before.ID == r.ID {
			return fault.Newf(CodeFileChanged, "ask the bank which of the two holds", "another report with the id %s was taken in", r.ID)
		}
	}
	var run *Run
	for _, x := range in.d.runs {
		if x.Message == r.Original && x.State == Ordered {
			c := x.clone()
			run = &c
		}
	}
	if run == nil {
		id := in.raise(Exception{Kind: "unknown-file", Detail: fmt.Sprintf("the bank reports on the file %s, which this node has not ordered", r.Original), Evidence: rail.Evidence{File: r.ID}})
		in.Lines = append(in.Lines, Told{Outcome: "unknown-file", Did: "a person decides", Exception: id})
		return nil
	}
	if r.SecondCopy() {
		// It speaks of the copy. What became of the first is said by another report.
		in.Lines = append(in.Lines, Told{Outcome: "second-copy", Did: "nothing: the bank has refused a second copy of the file of run " + run.ID})
		return nil
	}
	said := r.Payments
	if len(said) == 0 && r.Status.Outcome() == rail.OutcomeRejected {
		for _, p := range run.Payments {
			said = append(said, rail.PaymentStatus{EndToEndID: p.EndToEnd, Status: r.Status, Reasons: r.Reasons})
		}
	}
	for _, s := range said {
		in.status(run, s, r)
	}
	if len(said) == 0 {
		in.Lines = append(in.Lines, Told{Outcome: string(r.Status.Outcome()), Did: fmt.Sprintf("the file of run %s is %s", run.ID, r.Status)})
	}
	in.keepRun(*run)
	return nil
}

// status takes in what a bank says of one payment.
func (in *intake) status(run *Run, s rail.PaymentStatus, r *rail.Report) {
	outcome := s.Status.Outcome()
	line := Told{Outcome: string(outcome), EndToEnd: s.EndToEndID}
	at := slices.IndexFunc(run.Payments, func(p Payment) bool { return p.EndToEnd == s.EndToEndID })
	if at < 0 {
		line.Exception = in.raise(Exception{Kind: "unknown-reference", Detail: fmt.Sprintf("run %s has no payment %s, which the bank reports as %s", run.ID, s.EndToEndID, s.Status),
			Evidence: rail.Evidence{File: r.ID, EndToEndID: s.EndToEndID}})
		line.Did = "a person decides"
		in.Lines = append(in.Lines, line)
		return
	}
	p := &run.Payments[at]
	line.Amount, _ = p.Amount.Amount() // it was read as an amount
	doubt := func(detail string) {
		line.Exception = in.raise(Exception{Kind: "contradiction", Detail: detail, Run: run.ID, EndToEnd: p.EndToEnd,
			Evidence: rail.Evidence{File: r.ID, EndToEndID: p.EndToEnd, BankReference: s.Reference, Amount: p.Amount}})
		line.Did = "a person decides"
	}
	switch outcome {
	case rail.OutcomeRejected:
		reason := reasonOf(s.Reasons, r.Reasons)
		switch {
		case p.State == Rejected:
			line.Did = "nothing: it was rejected before"
		case p.move(Reject):
			p.Status, p.Reason = string(s.Status), reason
			line.Did = "the bank has not paid (" + reason + "); its obligations can be paid again"
		default:
			doubt(fmt.Sprintf("the bank reports %s as rejected (%s), and it is %s here", p.EndToEnd, reason, p.State))
		}
	case rail.OutcomeUnknown:
		doubt(fmt.Sprintf("the bank reports %s with the status %s, which is in no list", p.EndToEnd, s.Status))
	default:
		if p.State != Out {
			if p.State == Rejected {
				doubt(fmt.Sprintf("the bank reports %s as %s, and had rejected it", p.EndToEnd, outcome))
			} else {
				line.Did = "nothing: it is " + string(p.State)
			}
			break
		}
		p.Status = string(s.Status)
		line.Did = "noted; it is paid when a statement shows its booking"
	}
	in.Lines = append(in.Lines, line)
}

// reasonOf gives the first reasons that there are: the payment's or the file's.
func reasonOf(all ...[]rail.Reason) string {
	var parts []string
	for _, reasons := range all {
		for _, r := range reasons {
			parts = append(parts, strings.TrimSpace(cmp.Or(r.Code, r.Own)+" "+strings.Join(r.Info, " ")))
		}
		if len(parts) > 0 {
			break
		}
	}
	return cmp.Or(strings.Join(parts, ", "), "no reason told")
}

// means gives the obligations that an item of the matcher stands for, of those
// that others owe.
type means map[string][]Target

// items gives what is open: payments that were ordered, for debits, and what
// others owe, for credits.
func (in *intake) items() ([]rail.Item, means, error) {
	m := means{}
	debts, err := in.d.debts()
	if err != nil {
		return nil, m, err
	}
	var items []rail.Item
	for _, r := range in.d.runs {
		for _, p := range r.Payments {
			if r.State != Ordered || p.State != Out {
				continue
			}
			owed, err := p.Amount.Amount()
			if err != nil {
				return nil, m, err
			}
			x := rail.Item{ID: p.EndToEnd, Owed: owed, Owing: true}
			for _, l := range p.Lines {
				x.References = append(x.References, l.Reference)
			}
			items = append(items, x)
		}
	}
	open := map[string]debt{}
	named := map[string][]string{} // what the payer's advice, or the id alone, names: items
	for _, o := range debts {
		pays, _, err := rail.Payable(o.Left())
		if o.Payee != in.d.o.Me || o.Obligation.State == settlement.Settled || err != nil || pays.Minor <= 0 {
			continue
		}
		if in.d.received[o.key()].State == Waiting {
			continue // the money is here
		}
		name := ItemName(o.Payer, o.Payee, o.ID)
		open[name], m[name] = o, []Target{o.Target}
		for _, ref := range append(advisedAs(o.Obligation), o.ID) {
			named[ref] = append(named[ref], name)
		}
	}
	fixed := map[string]bool{}
	for name := range open {
		fixed[name], fixed[rail.CreditorReference(name)] = true, true
	}
	single := map[string][]string{}
	for ref, names := range named {
		if fixed[ref] {
			continue
		}
		if len(names) == 1 {
			single[names[0]] = append(single[names[0]], ref)
			continue
		}
		if x, ok := group(ref, names, open); ok {
			items = append(items, x)
			for _, name := range names {
				m[x.ID] = append(m[x.ID], m[name]...)
			}
		}
	}
	for name, o := range open {
		slices.Sort(single[name])
		items = append(items, rail.Item{ID: name, References: single[name], Owed: o.Left()})
	}
	slices.SortFunc(items, func(a, b rail.Item) int { return cmp.Compare(a.ID, b.ID) })
	return items, m, nil
}

// advisedAs gives the references that a payer's advice tells of its payment:
// the whole, and the creditor reference that it begins with. Short words would
// be found in anybody's payment.
func advisedAs(o settlement.Obligation) (all []string) {
	if o.State != settlement.Advised {
		return nil
	}
	whole := o.Payment.Reference
	if first, _, more := strings.Cut(whole, " "); more && strings.HasPrefix(first, "RF") && len(first) == 25 {
		all = append(all, first)
	}
	if len(whole) >= 8 && strings.ContainsAny(whole, "0123456789") {
		all = append(all, whole)
	}
	return all
}

// group makes one item of the obligations that a payer has advised as paid by one
// payment, for a payment that tells nothing else.
func group(ref string, names []string, open map[string]debt) (rail.Item, bool) {
	x := rail.Item{ID: "advised as " + ref, References: []string{ref}}
	for _, name := range names {
		o := open[name]
		first := open[names[0]]
		if o.Partner != first.Partner || o.Amount.Currency != first.Amount.Currency || o.Obligation.State != settlement.Advised || o.Payment.Reference != first.Payment.Reference {
			return x, false
		}
		x.Owed.Currency = o.Amount.Currency
		x.Owed.Micro += o.Payment.Part // of one payment, so it has room
	}
	return x, x.Owed.Micro == open[names[0]].Payment.Whole
}

// statement takes in a camt.053 or camt.054.
func (in *intake) statement(f *rail.File) error {
	in.ID = f.Statement.ID
	for _, a := range f.Statement.Accounts {
		if _, err := in.d.own(a.Account.String()); err != nil {
			return err
		}
	}
	items, m, err := in.items()
	if err != nil {
		return err
	}
	matcher, err := rail.NewMatcher(items, in.d.history)
	if err != nil {
		return err
	}
	found, err := matcher.Match(f)
	if err != nil {
		return err
	}
	for _, x := range found {
		line := Told{Outcome: x.Outcome.Name(), Credit: x.Evidence.Credit, EndToEnd: x.Evidence.EndToEndID}
		if line.Amount, err = x.Evidence.Amount.Amount(); err != nil {
			return err
		}
		if err := in.finding(x, m, &line); err != nil {
			return err
		}
		in.Lines = append(in.Lines, line)
	}
	in.remember(matcher.History())
	return nil
}

// finding carries out what one payment came to.
func (in *intake) finding(f rail.Finding, m means, line *Told) error {
	doubt := func(x Exception) {
		x.Kind, x.Evidence = cmp.Or(x.Kind, f.Outcome.Name()), f.Evidence
		line.Exception, line.Did = in.raise(x), "a person decides"
	}
	switch o := f.Outcome.(type) {
	case rail.Whole:
		if done, err := in.paid(f, o.Paid, m, line, doubt); err != nil || done {
			return err
		}
		doubt(Exception{Kind: "part", Detail: "it is what another part of the same file had left, or not what was advised", Named: m.of(o.Paid)})
	case rail.Part:
		// A part counts when the payer has advised just this.
		if done, err := in.paid(f, o.Paid, m, line, doubt); err != nil || done {
			return err
		}
		doubt(Exception{Detail: "it is less than is owed, and not advised as a part", Named: m.of(o.Paid)})
	case rail.Over:
		// Several debts together come to more coins than each alone.
		if done, err := in.paid(f, o.Paid, m, line, doubt); err != nil || done {
			return err
		}
		excess, err := o.Excess.Amount()
		if err != nil {
			return err
		}
		doubt(Exception{Detail: "it is " + o.Excess.String() + " more than is owed", Named: m.of(o.Paid), Excess: excess})
	case rail.UnknownReference:
		detail := "it names nothing"
		if len(o.Unknown) > 0 {
			detail = "nothing that is open has the reference " + strings.Join(o.Unknown, ", ")
		}
		doubt(Exception{Detail: detail, Named: m.named(o.Known), Alike: m.named(o.Alike)})
	case rail.OtherAmount:
		x := Exception{Detail: o.Why, Named: m.referred(f.Evidence)}
		if run, at, ok := in.find(f.Evidence.EndToEndID); ok && !f.Evidence.Credit {
			x.Run, x.EndToEnd, x.Named = run.ID, f.Evidence.EndToEndID, targetsOf(run.Payments[at])
		}
		doubt(x)
	case rail.OtherCurrency:
		doubt(Exception{Detail: "it is owed in " + string(o.Owed), Named: m.named([]string{o.Item})})
	case rail.OtherPayer:
		doubt(Exception{Detail: "it should come from " + o.Expected, Named: m.named([]string{o.Item})})
	case rail.Duplicate:
		if line.Did = "nothing: it was told before, in " + o.First.File; o.Changed {
			doubt(Exception{Detail: "it was told before, in " + o.First.File + ", and says something else this time"})
		}
	case rail.Reversal:
		in.reversed(o, doubt)
	case rail.NotBooked:
		line.Did = "nothing: no money has moved yet (" + o.Status + ")"
	}
	return nil
}

// paid carries out a payment that alone is what its items come to: the matcher
// would also take two halves of one file, and counts each debt by itself.
func (in *intake) paid(f rail.Finding, items []rail.Allocation, m means, line *Told, doubt func(Exception)) (done bool, err error) {
	if f.Evidence.Credit {
		return in.credited(f, m.of(items), line, doubt)
	}
	sum := int64(0)
	for _, a := range items {
		if run, at, ok := in.find(a.Item); ok {
			sum += run.Payments[at].Amount.Minor
		}
	}
	if sum != f.Evidence.Amount.Minor {
		return false, nil
	}
	in.debited(f, items, line, doubt)
	return true, nil
}

// of gives the obligations that allocations are for.
func (m means) of(all []rail.Allocation) (out []Target) {
	for _, a := range all {
		out = append(out, m[a.Item]...)
	}
	return out
}

func (m means) named(items []string) (out []Target) {
	for _, i := range items {
		out = append(out, m[i]...)
	}
	return out
}

// referred gives the obligations whose references a payment has.
func (m means) referred(e rail.Evidence) (out []Target) {
	if !e.Credit {
		return nil
	}
	for _, item := range slices.Sorted(maps.Keys(m)) {
		if slices.Contains(e.References, rail.CreditorReference(item)) {
			out = append(out, m[item]...)
		}
	}
	return out
}

// credited lays money that came in on what others owe, if it is what that comes
// to.
func (in *intake) credited(f rail.Finding, targets []Target, line *Told, doubt func(Exception)) (done bool, err error) {
	all := make([]debt, len(targets))
	for i, t := range targets {
		if all[i], err = in.d.debt(t); err != nil {
			return false, err
		}
	}
	parts, fits, err := fitting(all, f.Evidence.Amount)
	if err != nil || !fits {
		return false, err
	}
	for _, t := range targets {
		if got, _ := in.got(t.key()); got.State == Waiting {
			doubt(Exception{Kind: "paid-before", Detail: fmt.Sprintf("money for %s came before, in %s", t.Obligation, got.Evidence.File), Named: targets})
			return true, nil
		}
	}
	line.Outcome = rail.Whole{}.Name() // also where the matcher, that counts each debt alone, sees more or less
	in.take(targets, parts, f.Evidence, line)
	return true, nil
}

// take notes that money has come for obligations.
func (in *intake) take(targets []Target, parts []rail.Money, e rail.Evidence, line *Told) {
	for i, t := range targets {
		in.keepMoney(Received{Target: t, Amount: parts[i], Evidence: e, State: Waiting, At: in.Step.At})
	}
	line.Did = fmt.Sprintf("it pays %s; the receipt is given once the payer has advised it", spoken(targets))
}

func spoken(targets []Target) string {
	var out []string
	for _, t := range targets {
		out = append(out, t.Obligation+" of "+string(t.Partner))
	}
	return strings.Join(out, ", ")
}

// debited notes that a payment that was ordered has left the account.
func (in *intake) debited(f rail.Finding, items []rail.Allocation, line *Told, doubt func(Exception)) {
	for _, a := range items {
		run, at, ok := in.find(a.Item)
		if !ok || !run.Payments[at].move(Book) {
			doubt(Exception{Kind: "paid-before", Detail: "the payment " + a.Item + " was booked before", Run: run.ID, EndToEnd: a.Item})
			return
		}
		book(&run.Payments[at], f.Evidence)
		in.keepRun(run)
		line.Did = fmt.Sprintf("payment %s of run %s is made; %d obligations are advised", a.Item, run.ID, len(run.Payments[at].Lines))
	}
}

// book notes what the bank says of a booking.
func book(p *Payment, e rail.Evidence) {
	p.BankReference = e.BankReference
	if day, err := time.Parse(time.DateOnly, string(e.Booked)); err == nil {
		p.PaidAt = day.UnixMilli()
	}
}

// reversed stops what would follow from a booking that was taken back, and has
// people decide about the rest.
func (in *intake) reversed(o rail.Reversal, doubt func(Exception)) {
	x := Exception{Detail: "a booking was taken back that is not known, or not for certain", Reason: o.Reason}
	if o.Of == nil {
		doubt(x)
		return
	}
	x.Detail = fmt.Sprintf("the booking of %s in %s was taken back", o.Of.Amount, o.Of.File)
	for _, a := range o.Back {
		if run, at, ok := in.find(a.Item); ok && !o.Of.Credit {
			p := &run.Payments[at]
			x.Run, x.EndToEnd, x.Named = run.ID, p.EndToEnd, targetsOf(*p)
			if p.move(Return) {
				p.Reason = cmp.Or(o.Reason, "reversed")
				in.keepRun(run)
			}
		}
	}
	if o.Of.Credit {
		for _, r := range in.all() {
			if !samePlace(r.Evidence, *o.Of) {
				continue
			}
			x.Named = append(x.Named, r.Target)
			if r.State == Waiting {
				r.State = Gone
				in.keepMoney(r)
			} else {
				x.Detail += "; the receipt of " + r.Obligation + " was given"
			}
		}
	}
	doubt(x)
}

// all gives all money that came in, as the file has it by now.
func (in *intake) all() []Received {
	merged := map[string]Received{}
	for k, r := range in.d.received {
		merged[k] = r
	}
	for k, r := range in.money {
		merged[k] = r
	}
	return sorted(merged)
}

func targetsOf(p Payment) (out []Target) {
	for _, l := range p.Lines {
		out = append(out, Target{p.Partner, l.Obligation})
	}
	return out
}

// samePlace reports whether two pieces of evidence are one payment of one file.
func samePlace(a, b rail.Evidence) bool {
	return a.File == b.File && a.Account == b.Account && a.Entry == b.Entry && a.Payment == b.Payment
}

// remember keeps what the matcher must know the next time.
func (in *intake) remember(h rail.History) {
	d := in.d
	before := d.history
	for _, f := range h.Files[len(before.Files):] {
		put(in.change, map[string]rail.SeenFile{}, keySeenFile, f.ID, f)
	}
	for i := len(before.Entries); i < len(h.Entries); i++ {
		put(in.change, map[string]rail.SeenEntry{}, keySeenEntry, fmt.Sprintf("%012d", i), h.Entries[i])
	}
	for i, p := range h.Payments {
		if i >= len(before.Payments) || before.Payments[i].Back != p.Back {
			put(in.change, map[string]rail.Paid{}, keyPaid, fmt.Sprintf("%012d", i), p)
		}
	}
	in.then = append(in.then, func() { d.history = h })
}
