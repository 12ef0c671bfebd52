package clearing

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/line/connectivity"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/usage"
)

// measuring is a world without calls, in which both sides measure by themselves.
func measuring(t *testing.T, change ...func(*agreement.Terms)) *world {
	t.Helper()
	w := newWorldWithout(t)
	for _, s := range w.sides {
		s.auto = Automatic{Rate: true, Accept: true, Net: true, Pay: true, Measure: true}
		s.restart()
	}
	w.delegates()
	w.agreeProducts(change...)
	return w
}

const readingsHeader = "product,from,to,metric,value\n"

// read writes one reading.
func read(id string, from, to int64, metric string, value uint64) string {
	return fmt.Sprintf("%s,%s,%s,%s,%d\n", id, usage.Stamp(from), usage.Stamp(to), metric, value)
}

// meters imports readings, all of which are good.
func (s *side) meters(rows ...string) {
	s.w.t.Helper()
	in, err := s.desk.ImportReadings(strings.NewReader(readingsHeader + strings.Join(rows, "")))
	s.w.must(err)
	if in.Read != uint64(len(rows)) || in.Accepted != in.Read || in.Rejected != 0 || len(in.Rejects) != 0 {
		s.w.t.Fatalf("import of %d rows: %+v", len(rows), in)
	}
}

// after gives the hours that follow one.
func after(hour usage.Interval, n int64) usage.Interval {
	return usage.Interval{From: hour.From + n*3_600_000, To: hour.To + n*3_600_000}
}

// measured waits until a side's measurement of an hour is as a condition has it.
func (s *side) measured(what, id string, hour usage.Interval, ok func(usage.Measurement) bool) (m usage.Measurement) {
	s.w.t.Helper()
	s.w.until(what, func() bool {
		s.view(func(v trade.View) { m, _ = v.Measurement(id, hour) })
		return ok(m)
	})
	return m
}

func agreed(m usage.Measurement) bool { return m.State == usage.MeasurementAgreed }

// What both sides' meters have is stated as soon as an hour is over and all of it is
// there: rows that cover it exactly or add up to it. What is agreed is billed and
// paid, and the records are kept under the hash that the partner was told.
func TestMeasurementsAreStatedByThemselves(t *testing.T) {
	t.Parallel()
	w := measuring(t)
	a, b := w.sides[0], w.sides[1]
	w.opens("S-1", 0)
	hour := after(hourOf(w.delivers("S-1")), 1) // it is delivered for the whole of it
	middle := hour.From + 30*60_000
	w.pass(2 * time.Hour)
	a.meters(read("S-1", hour.From, hour.To, "session", 90))
	b.meters(read("S-1", hour.From, middle, "session", 5), read("S-1", middle, hour.To, "session", 1),
		read("S-1", hour.From, middle, "session", 60), read("S-1", middle, hour.To, "session", 30)) // the later word counts
	for _, s := range w.sides {
		m := s.measured("the hour is agreed", "S-1", hour, agreed)
		if m.Used[0].Value != 90 || m.Used[0].How != "" {
			t.Errorf("%s: what counts is %+v, want 90, on which both agree", s.code, m.Used)
		}
		own := m.Buyer
		if s == b {
			own = m.Seller
		}
		records, err := s.blobs.Get(own.Root)
		w.must(err)
		if !strings.HasPrefix(string(records), readingsHeader+"S-1,"+usage.Stamp(hour.From)) {
			t.Errorf("%s keeps as records:\n%s", s.code, records)
		}
		if kept, err := s.desk.table().in("S-1", hour); err != nil || len(kept) != 0 {
			w.until("stated readings are not kept twice", func() bool {
				kept, err = s.desk.table().in("S-1", hour)
				return err == nil && len(kept) == 0
			})
		}
	}
	in, err := a.desk.ImportReadings(strings.NewReader(readingsHeader + read("S-1", hour.From, hour.To, "session", 91)))
	w.must(err)
	if in.Rejected != 1 || in.Rejects[0].Code != fault.Conflict {
		t.Errorf("a reading of a stated hour: %+v", in)
	}
	w.pass(time.Hour) // the bill of the first hour may have been made before it was measured
	w.paidThrough(after(hour, 1).To)
	if sum, _ := a.spent("S-1"); sum != 1_500_000 {
		t.Errorf("%s for 90 s at a dollar a minute", sum)
	}
}

// A session of capacity that stands needs no reading: both sides state its time from
// the opening to the close that both have signed, and the bill is of that.
func TestASessionIsMeteredByItsOpeningAndItsClose(t *testing.T) {
	t.Parallel()
	w := measuring(t)
	a, b := w.sides[0], w.sides[1]
	offer := product.Offer{Line: connectivity.Name, Type: "urn:app", Pieces: 1,
		Prices:   []rating.Price{{Name: "standing", Kind: rating.OneTime, Currency: "USD", Rate: 1e9, Unit: 1, Event: rating.OnActivation}},
		Sessions: []rating.Price{{Name: "session", Kind: rating.Time, Currency: "USD", Rate: 1e9, Unit: 60}}}
	place := func(id string, r order.Request) {
		t.Helper()
		r.Product = id
		a.do(trade.NewCommand(trade.KindOrderPlace, trade.OrderPlace{ID: "O-" + id, Kind: order.Product, Agreement: "MSA-P", Line: connectivity.Name, Request: &r,
			Value: []money.Amount{{Currency: "USD", Micro: 1e6}}}))
	}
	w.until("the agreement is in force", func() (ok bool) {
		a.view(func(v trade.View) { _, ok = v.TermsAt("MSA-P", w.now().UnixMilli()) })
		return ok
	})
	q := order.Quote{ID: "Q-1", Buyer: "ALPHA", Seller: "BRAVO", Action: order.Add, Offer: offer, Until: w.now().Add(time.Hour).UnixMilli()}
	place("W-1", order.Request{Action: order.Add, Quote: q.Sign(b.keys.node).Encode(), Offer: offer})
	w.delivers("W-1")
	session, _ := offer.Session()
	place("S-1", order.Request{Action: order.Add, Standing: "W-1", Offer: session})
	opened := w.delivers("S-1")
	w.pass(90 * time.Minute)
	a.do(trade.NewCommand(trade.KindOrderPlace, trade.OrderPlace{ID: "O-close", Kind: order.Product, Agreement: "MSA-P", Line: connectivity.Name,
		Request: &order.Request{Action: order.Delete, Product: "S-1"}}))
	w.pass(2 * time.Hour) // the seller answers late: what counts is when the close was asked for
	closed := w.delivers("close")
	w.pass(time.Hour)
	for _, s := range w.sides {
		for i := hourOf(opened); i.From < closed; i = after(i, 1) {
			m := s.measured("an hour of the session is agreed", "S-1", i, agreed)
			if want := uint64(min(i.To, closed)/1000 - max(i.From, opened)/1000); m.Used[0].Value != want || m.Used[0].How != "" {
				t.Errorf("%s: %s has %+v, want %d", s.code, i, m.Used, want)
			}
		}
	}
	// An hour that was billed before it was measured is on a later bill: the clock goes
	// on until there is one, and all of the session is on a bill.
	w.pass(time.Hour)
	for _, s := range w.sides {
		for i := hourOf(opened); i.From < closed; i = after(i, 1) {
			s.measured("the hour is billed", "S-1", i, billedAll)
		}
	}
	w.paidThrough(hourOf(closed).To)
	want := money.Micro(closed/1000-opened/1000) * 1_000_000 / 60
	if sum, _ := a.spent("S-1"); sum < want-2 || sum > want+2 { // each hour is rounded
		t.Errorf("the session has cost %s, want %s", sum, want)
	}
}

// Hours that went by while a node was down, or before its readings came, are stated
// once it is back and they are there, each once.
func TestNoMeasurementIsLostWhileANodeIsDown(t *testing.T) {
	t.Parallel()
	w := measuring(t)
	a, b := w.sides[0], w.sides[1]
	w.opens("S-1", 0)
	hour := hourOf(w.delivers("S-1"))
	b.halt()
	w.pass(4 * time.Hour)
	var rows []string
	for n := range int64(4) {
		rows = append(rows, read("S-1", after(hour, n).From, after(hour, n).To, "session", 60))
	}
	a.meters(rows...)
	b.start()
	slices.Reverse(rows)
	b.meters(rows...)
	b.restart() // what was imported is not lost
	for n := range int64(4) {
		a.measured("all hours are agreed", "S-1", after(hour, n), agreed)
	}
	w.pass(time.Hour)
	w.paidThrough(after(hour, 4).To)
	if sum, _ := a.spent("S-1"); sum != 4_000_000 {
		t.Errorf("%s for four minutes at a dollar", sum)
	}
}

// Where a reading is missing nothing is stated. Somebody is told while there is time,
// and the reading helps when it comes; without it the partner's statement stands by
// the agreed deadline, and somebody is told that until it is billed.
func TestAMissingReadingIsAProblemForAPerson(t *testing.T) {
	t.Parallel()
	w := measuring(t)
	for _, s := range w.sides {
		s.auto.Rate = false // no bill ends what people are told
		s.restart()
	}
	a, b := w.sides[0], w.sides[1]
	w.opens("S-1", 0)
	hour := hourOf(w.delivers("S-1"))
	next := after(hour, 1)
	middle := next.From + 30*60_000
	w.pass(2 * time.Hour)
	for _, h := range []usage.Interval{hour, next} {
		b.meters(read("S-1", h.From, h.To, "session", 60))
		b.measured("the seller has stated", "S-1", h, func(m usage.Measurement) bool { return m.Seller != nil })
	}
	a.meters(read("S-1", middle, next.To, "session", 30)) // and half of the second hour is missing
	w.quiet()
	if _, ok := a.problem(CodeNoReading); ok {
		t.Error("a person is asked at once")
	}
	w.pass(13 * time.Hour) // half of the day for the second statement
	w.until("the buyer's people are told", func() bool {
		p, ok := a.problem(CodeNoReading)
		return ok && p.Needs == NeedsPerson && p.Subject == trade.MeasurementKey("S-1", hour) && strings.Contains(p.Detail, "session")
	})
	if p, ok := b.problem(CodeNoReading); ok && p.Subject <= trade.MeasurementKey("S-1", next) { // later hours may be late as well
		t.Errorf("the seller has stated, and is told %+v", p)
	}
	a.meters(read("S-1", next.From, middle, "session", 30))
	a.measured("what had been missing is stated", "S-1", next, agreed)
	w.pass(12 * time.Hour)
	m := a.measured("the one statement stands", "S-1", hour, agreed)
	if m.Used[0].How != "deadline" || m.Used[0].Value != 60 || m.Buyer != nil {
		t.Errorf("the measurement is %+v", m)
	}
	w.until("the buyer's people are told that it stands", func() bool {
		p, ok := a.problem(CodeNoReading)
		return ok && p.Subject == trade.MeasurementKey("S-1", hour) && strings.Contains(p.Detail, "alone")
	})
}

// Readings that contradict each other are for people. A proposal that says what this
// side has stated is accepted by its node, another waits for its people.
func TestContradictoryReadingsAreForPeople(t *testing.T) {
	t.Parallel()
	w := measuring(t)
	a, b := w.sides[0], w.sides[1]
	w.opens("S-1", 0)
	hour := hourOf(w.delivers("S-1"))
	w.pass(time.Hour)
	a.meters(read("S-1", hour.From, hour.To, "session", 60))
	b.meters(read("S-1", hour.From, hour.To, "session", 90))
	disputed := func(m usage.Measurement) bool { return m.State == usage.MeasurementDisputed }
	a.measured("the hour is disputed", "S-1", hour, disputed)
	propose := func(value uint64) {
		a.do(trade.NewCommand(trade.KindMeasurePropose, trade.MeasurementPropose{Product: "S-1", Interval: hour,
			Used: []usage.Figure{{Name: "session", Value: value}}, Why: "as it was"}))
	}
	propose(75)
	w.quiet()
	time.Sleep(1500 * time.Millisecond) // a tick of either desk
	w.quiet()
	if m := b.measured("the seller has the offer", "S-1", hour, func(m usage.Measurement) bool { return m.Proposal != nil }); m.State != usage.MeasurementProposed {
		t.Fatalf("an offer of half of the gap is %s, without anybody", m.State)
	}
	b.do(trade.NewCommand(trade.KindMeasureReject, trade.MeasurementReject{Product: "S-1", Interval: hour, Why: "no"}))
	a.measured("the hour is disputed again", "S-1", hour, disputed)
	propose(90)
	m := a.measured("the seller's node accepts its own figure", "S-1", hour, agreed)
	if m.Used[0].Value != 90 || m.Used[0].How != "people" {
		t.Errorf("what counts is %+v", m.Used)
	}
	if err := a.desk.Needed(m.Buyer.Root); err != nil {
		t.Errorf("readings of what is agreed are kept: %v", err)
	}
}

// A guarantee is measured by the whole interval: rows of parts say nothing of it.
// Use before the delivery is charged to nobody, and needs no reading.
func TestMetersAreReadAsTheOfferSays(t *testing.T) {
	t.Parallel()
	w := measuring(t, func(x *agreement.Terms) {
		x.Products[0].Schedules = []agreement.Schedule{{Name: "app", Type: "urn:app", Prices: []rating.Price{
			{Name: "session", Kind: rating.Time, Currency: "USD", Rate: 1e9, Unit: 60}},
			Guarantees: []rating.Guarantee{{Metric: "availability", Tiers: []rating.Miss{{Beyond: 999_000, Share: 100_000}}, Cap: 1_000_000}}}}
	})
	a, b := w.sides[0], w.sides[1]
	w.opens("S-1", 0)
	at := w.delivers("S-1")
	hour := hourOf(at)
	at = max(at, hour.From+1) // the hour may just have begun
	w.pass(time.Hour)
	in, err := b.desk.ImportReadings(strings.NewReader(readingsHeader + read("S-1", at, hour.To, "availability", 1_000_000)))
	w.must(err)
	if in.Rejected != 1 || in.Rejects[0].Code != fault.Invalid || in.Rejects[0].Field != "from" {
		t.Errorf("availability of a part of the hour: %+v", in)
	}
	b.meters(read("S-1", hour.From, hour.From+1, "session", 1000), read("S-1", at, hour.To, "session", 60),
		read("S-1", hour.From, hour.To, "availability", 1_000_000))
	m := a.measured("the seller has stated", "S-1", hour, func(m usage.Measurement) bool { return m.Seller != nil })
	if want := (usage.Figure{Name: "session", Value: 60}); m.Seller.Used[0] != want && at > hour.From+1 {
		t.Errorf("stated is %+v, want what was used since the delivery", m.Seller.Used)
	}
	if m.Seller.Service[0].Value != 1_000_000 {
		t.Errorf("stated is %+v", m.Seller.Service)
	}
}

// Rubbish in a file is named by its line, and does not keep what is good out.
func TestRubbishInReadingsIsNamedByItsLine(t *testing.T) {
	t.Parallel()
	w := measuring(t)
	a := w.sides[0]
	w.opens("S-1", 0)
	w.orders("P-1", "port", 0)
	hour := hourOf(w.delivers("S-1"))
	w.delivers("P-1")
	w.pass(time.Hour)
	good := read("S-1", hour.From, hour.To, "session", 60)
	later := after(hour, 5)
	file := readingsHeader +
		"S-1,yesterday,today,session,1\n" + // 2
		read("S-1", hour.To, hour.From, "session", 1) + // 3
		read("S-9", hour.From, hour.To, "session", 1) + // 4
		read("S-1", hour.From, hour.To, "jitter", 1) + // 5
		read("S-1", hour.From-3_600_000, hour.From, "session", 1) + // 6: not delivered
		read("S-1", hour.From, hour.To+1, "session", 1) + // 7
		read("S-1", later.From, later.To, "session", 1) + // 8
		"S-1," + usage.Stamp(hour.From) + "," + usage.Stamp(hour.To) + ",session,-1\n" + // 9
		"S-1," + usage.Stamp(hour.From) + "," + usage.Stamp(hour.To) + ",session,1.5\n" + // 10
		"S-1," + usage.Stamp(hour.From) + "," + usage.Stamp(hour.To) + ",session,9223372036854775807\n" + // 11
		"S-1,x\n" + // 12
		read("P-1", hour.From, hour.To, "session", 1) + // 13: nothing of it is measured
		"S-1,a\"b,c,d,e\n" + // 14
		strings.Repeat("S", 5000) + ",a,b,c,d\n" + // 15
		good
	in, err := a.desk.ImportReadings(strings.NewReader(file))
	w.must(err)
	if in.Read != 15 || in.Accepted != 1 || in.Rejected != 14 || len(in.Rejects) != 14 {
		t.Fatalf("the import is %+v", in)
	}
	want := []struct {
		field string
		code  fault.Code
	}{{"from", fault.Invalid}, {"to", fault.Invalid}, {"product", fault.NotFound}, {"metric", fault.NotFound}, {"from", trade.CodeNotOrdered}, {"to", fault.Invalid},
		{"to", fault.NotYet}, {"value", fault.Invalid}, {"value", fault.Invalid}, {"value", fault.Invalid}, {"to", fault.Invalid}, {"from", trade.CodeNotOrdered}, {"", fault.Invalid},
		{"from", fault.Invalid}}
	for n, r := range in.Rejects {
		if r.Line != uint64(n)+2 || r.Field != want[n].field || r.Code != want[n].code || r.Detail == "" || len(r.Detail) > 300 {
			t.Errorf("reject %d is %+v, want line %d, %+v", n, r, n+2, want[n])
		}
	}
	a.measured("the good row is stated", "S-1", hour, func(m usage.Measurement) bool { return m.Buyer != nil && m.Buyer.Used[0].Value == 60 })
	for _, bad := range []string{"", "product,from,to,metric\n", "\x00\x01\"", "a,b\n" + good} {
		if _, err := a.desk.ImportReadings(strings.NewReader(bad)); faultCode(err) != fault.Invalid {
			t.Errorf("a file of %.20q: %v", bad, err)
		}
	}
}

// meter is a source of measurements of another kind.
type meter struct{ value uint64 }

func (m meter) Measured(_ string, x trade.Metering) (Metered, []string, error) {
	return Metered{Used: []usage.Figure{{Name: x.Used[0], Value: m.value}}, Records: []byte("counter")}, nil, nil
}

// Whatever has the measurements: what it gives is stated.
func TestAnotherMeterIsStatedToo(t *testing.T) {
	t.Parallel()
	w := measuring(t)
	for _, s := range w.sides {
		s.meter = meter{7}
		s.restart()
	}
	w.opens("S-1", 0)
	hour := hourOf(w.delivers("S-1"))
	w.pass(2 * time.Hour)
	for n := range int64(2) {
		m := w.sides[0].measured("both have stated", "S-1", after(hour, n), agreed)
		if m.Used[0].Value != 7 || m.Buyer.Root != canon.Hash(sha256.Sum256([]byte("counter"))) {
			t.Errorf("%+v", m)
		}
	}
}

// A node that is to leave measurements to people states none.
func TestMeasurementsAreLeftToPeopleWhoWantThat(t *testing.T) {
	t.Parallel()
	w := newWorldWithout(t)
	w.delegates()
	w.agreeProducts()
	a := w.sides[0]
	w.opens("S-1", 0)
	hour := hourOf(w.delivers("S-1"))
	w.pass(time.Hour)
	a.meters(read("S-1", hour.From, hour.To, "session", 60))
	w.quiet()
	time.Sleep(1500 * time.Millisecond) // a tick
	w.quiet()
	a.view(func(v trade.View) {
		if m, there := v.Measurement("S-1", hour); there {
			t.Errorf("stated without anybody: %+v", m)
		}
	})
}
