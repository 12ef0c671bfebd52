package trade

import (
	"fmt"
	"slices"
	"sort"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// Codes of refusals about contracts.
const (
	// CodeAgreementOverlap says that another MSA covers a line at that time
	// (MEF 114 [CR1]).
	CodeAgreementOverlap fault.Code = "agreement-overlap"
	// CodeNoAgreement says that no agreement in force covers it ([R1], [R3]).
	CodeNoAgreement fault.Code = "agreement-missing"
	// CodeNoSheet says that no accepted rate sheet covers it.
	CodeNoSheet fault.Code = "sheet-missing"
)

// Lengths of ids that people choose.
const (
	maxID      = 40
	maxOrderID = 24
	maxWhy     = 500
)

func checkID(field, id string, most int) error {
	if !party.Plain(id, most) {
		return invalid(field, "the id is not of the form", "use letters, digits, '.', '_' and '-', beginning with a letter or digit, not too long")
	}
	return nil
}

func checkWhy(why string) error {
	if len(why) > maxWhy {
		return invalid("why", "the reason has more than 500 bytes", "shorten it and send the rest as a document")
	}
	return nil
}

// checkTerms checks all of the terms that package agreement cannot see.
func (t *tx) checkTerms(terms agreement.Terms) error {
	if err := terms.Validate(); err != nil {
		return fault.Of(err).In("terms")
	}
	if _, err := t.calendar(terms); err != nil {
		return fault.Of(err).In("terms.cycle")
	}
	if err := t.checkCarriers(terms.Normalisations); err != nil {
		return err
	}
	if err := t.checkVolume(terms); err != nil {
		return err
	}
	for _, a := range terms.Alone {
		r, ok := t.m.commands[Kind(a.Command)]
		if !ok || r.public || r.need == memberKey {
			return invalid("terms.alone", "a node cannot be allowed "+a.Command, "name a command of the Bilateral that needs a delegate")
		}
	}
	return nil
}

// checkCarriers sees to it that records which are put right are of one of the two.
func (t *tx) checkCarriers(all []agreement.Normalisation) error {
	for i, n := range all {
		if n.Carrier != t.own && n.Carrier != t.partner {
			return invalid(fmt.Sprintf("terms.normalisations[%d].carrier", i), "the records of "+string(n.Carrier)+" are not cleared here", "name one of the two carriers")
		}
	}
	return nil
}

// calendar reads the billing cycle of terms, once for a command.
func (t *tx) calendar(terms agreement.Terms) (usage.Calendar, error) {
	c := usage.Cycle{Length: terms.Cycle, Zone: terms.Zone}
	if t.dates != nil && c == t.cycle {
		return *t.dates, nil
	}
	dates, err := c.Calendar()
	if err != nil {
		return dates, err
	}
	t.cycle, t.dates = c, &dates
	return dates, nil
}

func agreementPropose(t *tx, b AgreementPropose) error {
	if err := checkID("id", b.ID, maxID); err != nil {
		return err
	}
	if b.Type != agreement.MSA {
		return invalid("type", "this type of agreement is not known here", "use msa")
	}
	if err := b.Legal.Validate(); err != nil {
		return fault.Of(err).In("legal")
	}
	if len(b.Lines) == 0 || len(b.Lines) > 16 {
		return invalid("lines", "an agreement covers one to sixteen product lines", "name them, like voice")
	}
	lines := make([]string, len(b.Lines))
	for i, l := range b.Lines {
		if !l.Valid() || i > 0 && b.Lines[i-1] >= l {
			return invalid("lines", "the product lines are not in order, or one has no proper name", "sort them and name each once")
		}
		lines[i] = string(l)
	}
	if b.From < 0 || b.Until != 0 && b.Until <= b.From {
		return invalid("until", "the agreement ends before it begins", "name a later end, or none")
	}
	if err := t.checkTerms(b.Terms); err != nil {
		return err
	}
	for _, v := range volumeTerms(b.Terms) {
		if v.commitment == nil {
			continue // what a discount counts of its first window is less, at worst
		}
		if err := v.beginsAt("from", b.From); err != nil {
			return err
		}
		if b.Until != 0 {
			if err := v.beginsAt("until", b.Until); err != nil {
				return err
			}
		}
	}
	act, err := t.authorize(nil)
	if err != nil {
		return err
	}
	if err := t.bothActive(); err != nil {
		return err
	}
	if _, there := t.Get(AgreementKey(b.ID)); there {
		return conflict("id", "choose another id", "there is an agreement %s already", b.ID)
	}
	a := agreement.Agreement{ID: b.ID, Type: b.Type, Proposer: t.own, Legal: b.Legal, Lines: lines, From: b.From, Until: b.Until, State: agreement.Proposed,
		Deadline: t.until(b.Terms, agreement.StageAnswer), Pending: &agreement.Version{Number: 1, From: b.From, Terms: b.Terms.Hash(), Proposed: act}}
	if err := t.overlap(a); err != nil {
		return err
	}
	t.put(AgreementKey(a.ID), a)
	t.put(TermsKey(a.Pending.Terms), b.Terms)
	t.emit(EventAgreementProposed, AgreementKey(a.ID), "")
	return nil
}

// overlap refuses a second MSA for one line and time, naming the first.
func (t *tx) overlap(a agreement.Agreement) error {
	for _, raw := range t.Scan(prefixAgreement) {
		other := stored[agreement.Agreement](raw)
		if other.ID != a.ID && (other.State == agreement.Active || other.State == agreement.Terminated) && other.Overlaps(a) {
			return fault.Newf(CodeAgreementOverlap, "leave those lines out, or end the other one first", "agreement %s covers one of the lines in that time", other.ID).In("lines")
		}
	}
	return nil
}

func agreementAmend(t *tx, b AgreementAmend) error {
	a, ok := get[agreement.Agreement](t, AgreementKey(b.ID))
	if !ok {
		return notFound("id", "agreement", b.ID)
	}
	if _, ok := a.State.Next(agreement.Amend); !ok {
		return wrongState("agreement", a.ID, string(a.State), "an amendment")
	}
	if a.Pending != nil {
		return conflict("id", "answer that one first", "an amendment of %s is proposed already", a.ID)
	}
	if err := t.checkTerms(b.Terms); err != nil {
		return err
	}
	act, err := t.authorize(t.latest(a))
	if err != nil {
		return err
	}
	a.Pending = &agreement.Version{Number: uint32(len(a.Versions)) + 1, From: b.From, Terms: b.Terms.Hash(), Proposed: act}
	if err := t.checkAmendment(a, b.Terms); err != nil {
		return err
	}
	a.Deadline = t.until(*t.latest(a), agreement.StageAnswer)
	t.put(AgreementKey(a.ID), a)
	t.put(TermsKey(a.Pending.Terms), b.Terms)
	t.emit(EventAgreementProposed, AgreementKey(a.ID), "amendment")
	return nil
}

// checkAmendment sees to it that no period falls under two versions: the new
// one begins at an edge under both, after the last one, and after every period
// that was requested or that an ended order covers.
func (t *tx) checkAmendment(a agreement.Agreement, terms agreement.Terms) error {
	last := a.Versions[len(a.Versions)-1]
	if a.Pending.From <= last.From {
		return invalid("from", "the amendment does not begin after the version that it follows", "name a later beginning")
	}
	before := t.termsOf(last.Terms)
	for _, v := range []agreement.Terms{before, terms} {
		c, err := t.calendar(v)
		if err != nil {
			return err
		}
		if a.Pending.From > maxMillis || c.At(a.Pending.From).From != a.Pending.From {
			return invalid("from", "the amendment begins inside a billing period", "let it begin with a period of the old and the new cycle")
		}
	}
	if err := checkWindows(before, terms, a.Pending.From); err != nil {
		return err
	}
	for _, raw := range t.Scan("standing/") {
		if s := stored[Standing](raw); max(s.Last, s.Ended) > a.Pending.From {
			return conflict("from", "name a later beginning", "usage after that moment is billed by the old cycle already; order %s stands there now", s.Order)
		}
	}
	return nil
}

// maxMillis is the end of the year 9999.
const maxMillis = 253402300799999

// latest gives the terms that hold for acts under an agreement now.
func (t *tx) latest(a agreement.Agreement) *agreement.Terms {
	v, ok := a.At(t.ctx.Block.Time)
	if !ok {
		return nil
	}
	terms := t.termsOf(v.Terms)
	return &terms
}

// pending finds the proposal that an answer is about.
func (t *tx) pending(b AgreementAnswer) (agreement.Agreement, error) {
	a, ok := get[agreement.Agreement](t, AgreementKey(b.ID))
	if !ok {
		return a, notFound("id", "agreement", b.ID)
	}
	if a.Pending == nil {
		return a, wrongState("agreement", a.ID, string(a.State), "an answer")
	}
	if a.Pending.Proposed.By == t.own {
		return a, fault.New(fault.Forbidden, "the other side has to answer", "wait for the partner")
	}
	if a.Pending.Terms != b.Terms {
		return a, conflict("terms", "read the terms as proposed, and answer those", "the answer is about other terms than were proposed")
	}
	return a, checkWhy(b.Why)
}

func agreementAccept(t *tx, b AgreementAnswer) error {
	a, err := t.pending(b)
	if err != nil {
		return err
	}
	act, err := t.authorize(nil)
	if err != nil {
		return err
	}
	v := *a.Pending
	v.Accepted = act
	event := EventAgreementAmended
	if a.State == agreement.Proposed {
		if err := t.bothActive(); err != nil {
			return err
		}
		if err := t.overlap(a); err != nil {
			return err
		}
		a.State, _ = a.State.Next(agreement.Accept)
		event = EventAgreementActive
	} else if err := t.checkAmendment(a, t.termsOf(v.Terms)); err != nil {
		return err
	}
	a.Versions, a.Pending, a.Deadline = append(a.Versions, v), nil, 0
	t.put(AgreementKey(a.ID), a)
	t.emit(event, AgreementKey(a.ID), "")
	return t.trust(a, t.termsOf(v.Terms))
}

func agreementReject(t *tx, b AgreementAnswer) error {
	a, err := t.pending(b)
	if err != nil {
		return err
	}
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	if a.State == agreement.Proposed {
		a.State, _ = a.State.Next(agreement.Reject)
	}
	a.Pending, a.Deadline = nil, 0
	t.put(AgreementKey(a.ID), a)
	t.emit(EventAgreementRejected, AgreementKey(a.ID), b.Why)
	return nil
}

// agreementEnd is what no partner can prevent (MEF 114 [R24]): it takes no
// answer. New orders and periods that begin later are refused; invoices,
// disputes, deadlines and debts run on.
func agreementEnd(t *tx, b AgreementEnd) error {
	a, ok := get[agreement.Agreement](t, AgreementKey(b.ID))
	if !ok {
		return notFound("id", "agreement", b.ID)
	}
	if err := checkWhy(b.Why); err != nil {
		return err
	}
	next, ok := a.State.Next(agreement.Terminate)
	if !ok {
		return wrongState("agreement", a.ID, string(a.State), "its termination")
	}
	act, err := t.authorize(t.latest(a))
	if err != nil {
		return err
	}
	return t.endAgreement(a, next, act, b.Why)
}

// endAgreement writes an agreement that a side has ended, or a proposal that it
// has withdrawn.
func (t *tx) endAgreement(a agreement.Agreement, next agreement.State, act party.Act, why string) error {
	a.State, a.Pending, a.Deadline = next, nil, 0
	event := EventAgreementRejected // a proposal that is withdrawn
	if next == agreement.Terminated {
		a.Terminated, a.Ends = act, t.ctx.Block.Time
		event = EventAgreementTerminated
	}
	t.put(AgreementKey(a.ID), a)
	t.emit(event, AgreementKey(a.ID), why)
	if err := t.endProducts(a.ID, act.By); err != nil {
		return err
	}
	return t.endOrders(a.ID)
}

// bilateralEnd ends all trade of the two at this position: every agreement in
// force, and what this side has proposed. The partner cannot prevent it: what
// it proposes by itself binds nobody, and is left alone.
func bilateralEnd(t *tx, b BilateralEnd) error {
	if err := checkWhy(b.Why); err != nil {
		return err
	}
	act, err := t.authorize(nil)
	if err != nil {
		return err
	}
	for a := range (View{t}).Agreements() {
		next, ok := a.State.Next(agreement.Terminate)
		if ok && (next == agreement.Terminated || a.Proposer == t.own) {
			if err := t.endAgreement(a, next, act, b.Why); err != nil {
				return err
			}
		}
	}
	t.emit(EventBilateralEnded, keyBilateral, string(t.own))
	return nil
}

// endOrders ends the orders that rest on a terminated agreement with it.
func (t *tx) endOrders(id string) error {
	for _, raw := range t.Scan(prefixOrder) {
		o := stored[order.Order](raw)
		next, ok := o.State.Next(order.Terminate)
		if o.Agreement != id || !ok {
			continue
		}
		live := o.State.Live()
		o.State = next
		if err := t.endOrder(o, live); err != nil {
			return err
		}
	}
	return nil
}

// inForce gives an agreement on which new trade in a line may rest.
func (t *tx) inForce(field, id string, line product.Line) (agreement.Agreement, error) {
	a, ok := get[agreement.Agreement](t, AgreementKey(id))
	if !ok || !a.InForce(t.ctx.Block.Time) || !a.Covers(string(line)) {
		return a, fault.Newf(CodeNoAgreement, "sign an agreement that covers it, then try again", "no agreement %.40q in force covers %.32q", id, line).In(field)
	}
	return a, nil
}

// A rate sheet is proposed by its seller and accepted by its buyer. Accepted
// sheets of a direction follow each other in a tariff.

func sheetPropose(t *tx, b SheetPropose) error {
	if err := checkID("id", b.ID, maxID); err != nil {
		return err
	}
	switch {
	case b.Direction.To != t.own || b.Direction.From != t.partner:
		return invalid("direction", "a sheet is proposed by the carrier that terminates", "name the partner as the one who sends")
	case b.Root.IsZero():
		return invalid("root", "the sheet has no root", "name the root over its rows")
	case b.Rows == 0 || b.Rows > rating.MaxRows:
		return invalid("rows", "a sheet has at least one row, and not too many", "count its rows")
	case b.From < 0 || b.From > maxMillis:
		return invalid("from", "the beginning is out of range", "name a time in ms since 1970")
	}
	a, err := t.inForce("agreement", b.Agreement, b.Line)
	if err != nil {
		return err
	}
	act, err := t.authorize(t.latest(a))
	if err != nil {
		return err
	}
	if _, there := t.Get(SheetKey(b.ID)); there {
		return conflict("id", "choose another id", "there is a sheet %s already", b.ID)
	}
	terms := t.latest(a)
	from, err := t.noticed(b, terms.Notice)
	if err != nil {
		return err
	}
	t.put(SheetKey(b.ID), Sheet{ID: b.ID, Agreement: b.Agreement, Direction: b.Direction, Line: b.Line, Root: b.Root, Rows: b.Rows,
		File: b.File, Size: b.Size, From: from, Raises: b.Raises, State: SheetProposed, Proposed: act, Deadline: t.until(*terms, agreement.StageAnswer)})
	t.emit(EventSheetProposed, SheetKey(b.ID), "")
	return nil
}

// noticed gives the moment from which a sheet holds that is proposed now: the
// one it names, or by the terms the end of its notice. Code:
// [rating.CodeShortNotice].
func (t *tx) noticed(b SheetPropose, n agreement.RateNotice) (int64, error) {
	if tariff, _ := get[Tariff](t, TariffKey(b.Direction, b.Line)); len(tariff.Sheets) == 0 {
		return b.From, nil
	}
	least := t.ctx.Block.Time + n.Decrease
	if b.Raises {
		least = t.ctx.Block.Time + n.Increase
	}
	switch {
	case n == (agreement.RateNotice{}) || b.From >= least:
		return b.From, nil
	case n.Short == agreement.ShortLater:
		return least, nil
	}
	return 0, fault.Newf(rating.CodeShortNotice, "let it begin at "+usage.Stamp(least)+" or later",
		"the sheet begins at %s, with less notice than was agreed", usage.Stamp(b.From)).In("from")
}

// sheetAcknowledge notes that the buyer's node has the file and that it has the
// root. Doing it again is no error: two parts of a node may have seen the file.
func sheetAcknowledge(t *tx, b SheetAnswer) error {
	if s, ok := get[Sheet](t, SheetKey(b.ID)); ok && s.State == SheetAcknowledged && s.Direction.From == t.own && s.Root == b.Root {
		return nil
	}
	s, err := t.answeredSheet(b, SheetAcknowledge)
	if err != nil {
		return err
	}
	if s.Acknowledged, err = t.authorize(nil); err != nil {
		return err
	}
	t.put(SheetKey(s.ID), s)
	t.emit(EventSheetAcknowledged, SheetKey(s.ID), "")
	return nil
}

// answeredSheet finds the sheet that an answer, or its withdrawal, is about.
func (t *tx) answeredSheet(b SheetAnswer, e SheetEvent) (Sheet, error) {
	s, ok := get[Sheet](t, SheetKey(b.ID))
	if !ok {
		return s, notFound("id", "sheet", b.ID)
	}
	next, ok := SheetTransitions[s.State][e]
	if !ok {
		return s, wrongState("sheet", s.ID, string(s.State), "an answer")
	}
	switch {
	case e == SheetWithdraw && s.Direction.To != t.own:
		return s, fault.New(fault.Forbidden, "the seller withdraws a sheet", "reject it instead")
	case e != SheetWithdraw && s.Direction.From != t.own:
		return s, fault.New(fault.Forbidden, "the buyer answers a sheet", "wait for the partner")
	}
	if s.Root != b.Root {
		return s, conflict("root", "read the sheet as proposed, and answer that", "the answer is about another root than was proposed")
	}
	s.State = next
	if e != SheetAcknowledge {
		s.Deadline = 0
	}
	return s, checkWhy(b.Why)
}

func sheetAccept(t *tx, b SheetAnswer) error {
	s, err := t.answeredSheet(b, SheetAccept)
	if err != nil {
		return err
	}
	a, err := t.inForce("agreement", s.Agreement, s.Line)
	if err != nil {
		return err
	}
	if s.Accepted, err = t.authorize(t.latest(a)); err != nil {
		return err
	}
	tariff, _ := get[Tariff](t, TariffKey(s.Direction, s.Line))
	if n := len(tariff.Sheets); n > 0 {
		last := tariff.Sheets[n-1]
		if s.From <= last.From {
			return conflict("from", "propose the sheet with a later beginning", "sheet %s, accepted before, begins then or later", last.ID)
		}
		if uint64(last.Base)+uint64(last.Rows)+uint64(s.Rows) > 1<<32-1 {
			return fault.New(fault.Refused, "the rows of this direction cannot be numbered any more", "open a new channel")
		}
		s.Base = last.Base + last.Rows
	}
	tariff.Sheets = append(tariff.Sheets, TariffSheet{s.ID, s.Base, s.Rows, s.From, s.Root})
	t.put(SheetKey(s.ID), s)
	t.put(TariffKey(s.Direction, s.Line), tariff)
	t.emit(EventSheetAccepted, SheetKey(s.ID), "")
	return nil
}

func sheetReject(t *tx, b SheetAnswer) error {
	return t.dropSheet(b, SheetReject, EventSheetRejected)
}

func sheetWithdraw(t *tx, b SheetAnswer) error {
	return t.dropSheet(b, SheetWithdraw, EventSheetWithdrawn)
}

// dropSheet has a sheet that was proposed come to nothing, by either side's word.
func (t *tx) dropSheet(b SheetAnswer, e SheetEvent, event string) error {
	s, err := t.answeredSheet(b, e)
	if err != nil {
		return err
	}
	a, _ := get[agreement.Agreement](t, AgreementKey(s.Agreement))
	if _, err := t.authorize(t.latest(a)); err != nil {
		return err
	}
	s.Why = b.Why
	t.put(SheetKey(s.ID), s)
	t.emit(event, SheetKey(s.ID), b.Why)
	return nil
}

// Of gives the sheet that a row belongs to, by number, and the time until which
// it is in force (ms UTC; rating.Open when none follows).
func (f Tariff) Of(row uint32) (s TariffSheet, until int64, ok bool) {
	i := sort.Search(len(f.Sheets), func(i int) bool { return f.Sheets[i].Base > row }) - 1
	if i < 0 || row-f.Sheets[i].Base >= f.Sheets[i].Rows {
		return s, 0, false
	}
	until = rating.Open
	if i+1 < len(f.Sheets) {
		until = f.Sheets[i+1].From
	}
	return f.Sheets[i], until, true
}

// maxRowsProven bounds the rows of one command.
const maxRowsProven = 4096

func rowProve(t *tx, b RowProve) error {
	if _, err := t.authorize(nil); err != nil {
		return err
	}
	if len(b.Rows) == 0 || len(b.Rows) > maxRowsProven {
		return invalid("rows", "a command proves 1 to 4096 rows", "split them")
	}
	return t.proveRows(b.Direction, b.Line, b.Rows)
}

// proveRows records rows with a good Merkle path to an accepted sheet.
func (t *tx) proveRows(d usage.Direction, l product.Line, rows []ProveRow) error {
	if len(rows) == 0 {
		return nil
	}
	tariff, ok := get[Tariff](t, TariffKey(d, l))
	if !ok {
		return fault.Newf(CodeNoSheet, "propose a sheet and have it accepted", "there is no accepted sheet for %s and %.32q", d, l).In("rows")
	}
	for _, r := range rows {
		key := RowKey(d, l, r.Row)
		if _, proven := t.Get(key); proven {
			continue
		}
		s, _, ok := tariff.Of(r.Row)
		if !ok {
			return fault.Newf(CodeNoSheet, "count the rows from the sheet's base", "no accepted sheet has the row %d", r.Row).In("rows")
		}
		if err := r.Rate.Validate(); err != nil {
			return fault.Of(err).In("rows")
		}
		if err := rating.VerifyRow(s.Root, uint64(s.Rows), uint64(r.Row-s.Base), r.Rate, r.Path); err != nil {
			return fault.Of(err).In("rows")
		}
		t.put(key, ProvenRow{s.ID, r.Rate})
	}
	return nil
}

// row gives a proven row. A command is about one direction and line.
func (t *tx) row(d usage.Direction, l product.Line, number uint32) (ProvenRow, bool) {
	if r, ok := t.rows[number]; ok {
		return r, true
	}
	r, ok := get[ProvenRow](t, RowKey(d, l, number))
	if ok {
		if t.rows == nil {
			t.rows = map[uint32]ProvenRow{}
		}
		t.rows[number] = r
	}
	return r, ok
}

func sortedUnique(ids []string) bool {
	return slices.IsSorted(ids) && len(slices.Compact(slices.Clone(ids))) == len(ids)
}
