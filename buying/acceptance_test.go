package buying_test

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/buying"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
)

// toBuild waits until a carrier's people have an own leg to deliver.
func (s *side) toBuild() (x buying.Service) {
	s.w.t.Helper()
	eventually(s.w.t, string(s.code)+" has something to build", func() bool {
		for _, x = range s.broker.Services() {
			if x.Build {
				return true
			}
		}
		return false
	})
	return x
}

// delivered waits until the order with a carrier has a test record.
func (s *side) delivered(seller party.Code) (d order.Delivery) {
	s.w.t.Helper()
	eventually(s.w.t, string(seller)+" has delivered", func() bool {
		its := s.items(seller)
		if len(its) == 1 && its[0].Delivery != nil {
			d = *its[0].Delivery
			return true
		}
		return false
	})
	return d
}

// legs gives the legs of a test record that the carrier has kept.
func (s *side) legs(record canon.Hash) (out []map[string]any) {
	s.w.t.Helper()
	raw, ok, err := s.db.Node().Get("buying/record/" + record.String())
	if err != nil || !ok {
		s.w.t.Fatalf("%s keeps no record %s: %v", s.code, record, err)
	}
	var r struct {
		Legs []map[string]any `json:"legs"`
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		s.w.t.Fatal(err)
	}
	return r.Legs
}

func total(all []order.Total) map[string]uint64 {
	out := map[string]uint64{}
	for _, t := range all {
		out[t.Metric] = t.Value
	}
	return out
}

// What people have measured of their leg is in the test record, and what they have
// not is there as it was quoted. Totals are of what was measured all along.
func TestATestRecordHasWhatWasMeasured(t *testing.T) {
	w := newWorld(t, func(w *world) { w.people["BRAVO"], w.people["CHARLIE"] = true, true }, "ALPHA", "BRAVO", "CHARLIE")
	alpha, bravo, charlie := w.sides["ALPHA"], w.sides["BRAVO"], w.sides["CHARLIE"]
	s := must(alpha.broker.Order(alpha.found(wanted).Best.Quote))
	must(charlie.broker.Built(charlie.toBuild().ID, true, buying.Measured{Latency: new(uint64(18_000)), Bandwidth: new(uint64(101_000_000)), Availability: new(uint64(999_950)), Loss: new(uint64(20))}))
	x := bravo.toBuild()
	below := bravo.delivered("CHARLIE")
	if got, want := total(below.Totals), map[string]uint64{"availability": 999_950, "bandwidth": 101_000_000, "latency": 18_000, "loss": 20}; !reflect.DeepEqual(got, want) {
		t.Errorf("CHARLIE's totals are %v, want %v", got, want)
	}
	bravo.stop() // what was measured is not lost with the node
	bravo.start()
	bravo.toBuild()
	must(bravo.broker.Built(x.ID, true, buying.Measured{Latency: new(uint64(19_000)), Loss: new(uint64(30))}))
	alpha.stage(s.ID, mesh.Accepted)
	// 0.9999 times 0.99995, rounded down; 1 - (1 - 20e-6)(1 - 30e-6), rounded up.
	above := alpha.delivered("BRAVO")
	if got, want := total(above.Totals), map[string]uint64{"availability": 999_850, "latency": 37_000, "loss": 50}; !reflect.DeepEqual(got, want) {
		t.Errorf("BRAVO's totals are %v, want %v", got, want)
	}
	if legs := charlie.legs(below.Record); len(legs) != 1 || legs[0]["as_quoted"] != nil || legs[0]["latency_us"] != 18_000.0 || legs[0]["loss_millionths"] != 20.0 {
		t.Errorf("CHARLIE's legs are %v", legs)
	}
	if legs := bravo.legs(above.Record); len(legs) != 2 || !reflect.DeepEqual(legs[0]["as_quoted"], []any{"availability"}) || legs[0]["latency_us"] != 19_000.0 ||
		legs[0]["availability_millionths"] != 999_900.0 || legs[0]["bandwidth"] != nil || legs[1]["as_quoted"] != nil || legs[1]["latency_us"] != 18_000.0 {
		t.Errorf("BRAVO's legs are %v", legs)
	}
}

func TestALegThatIsMeasuredWorseThanPromisedIsNotDelivered(t *testing.T) {
	w := newWorld(t, func(w *world) { w.people["BRAVO"] = true }, "ALPHA", "BRAVO")
	alpha, bravo := w.sides["ALPHA"], w.sides["BRAVO"]
	s := must(alpha.broker.Order(alpha.found(wanted).Best.Quote))
	id := bravo.toBuild().ID
	for name, c := range map[string]struct {
		ok    bool
		m     buying.Measured
		code  fault.Code
		field string
	}{
		"too slow":           {true, buying.Measured{Latency: new(uint64(20_001))}, buying.CodeTestFailed, "measured.latency"},
		"too narrow":         {true, buying.Measured{Latency: new(uint64(1)), Bandwidth: new(uint64(99_999_999))}, buying.CodeTestFailed, "measured.bandwidth"},
		"too often down":     {true, buying.Measured{Availability: new(uint64(999_899))}, buying.CodeTestFailed, "measured.availability"},
		"of no leg":          {true, buying.Measured{Latency: new(uint64(100_000_001))}, fault.Invalid, "measured.latency"},
		"more than all":      {true, buying.Measured{Loss: new(uint64(1_000_001))}, fault.Invalid, "measured.loss"},
		"without bandwidth":  {true, buying.Measured{Bandwidth: new(uint64(0))}, fault.Invalid, "measured.bandwidth"},
		"of what is not had": {false, buying.Measured{Latency: new(uint64(1))}, fault.Invalid, "measured"},
	} {
		_, err := bravo.broker.Built(id, c.ok, c.m)
		if f := fault.Of(err); err == nil || f.Code != c.code || f.Field != c.field || f.Detail == "" || f.Remedy == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if x := bravo.toBuild(); x.ID != id {
		t.Errorf("what waits is %+v", x)
	}
	must(bravo.broker.Built(id, true, buying.Measured{Latency: new(uint64(20_000)), Bandwidth: new(uint64(100_000_000)), Availability: new(uint64(999_900))}))
	alpha.stage(s.ID, mesh.Accepted)
}

// A seller's word does not put a service into service whose test record is worse
// than its quote: the buyer's node refuses it and says why.
func TestATestRecordThatIsWorseThanTheQuoteIsRefusedWithTheReason(t *testing.T) {
	w := newWorld(t, func(w *world) { w.people["BRAVO"] = true }, "ALPHA", "BRAVO")
	alpha, bravo := w.sides["ALPHA"], w.sides["BRAVO"]
	s := must(alpha.broker.Order(alpha.found(wanted).Best.Quote))
	id := bravo.toBuild().ID
	for metric, value := range map[string]uint64{"latency": 20_001, "availability": 999_899, "bandwidth": 99_999_999} {
		item := alpha.items("BRAVO")[0]
		bravo.do("ALPHA", trade.NewCommand(trade.KindOrderDeliver, trade.OrderDeliver{ID: item.ID, At: item.Placed.Time, Record: canon.Sum("record"), Totals: []order.Total{{Metric: metric, Value: value}}}))
		eventually(t, "ALPHA has refused a record for its "+metric, func() bool {
			it := alpha.items("BRAVO")[0]
			return it.State == order.ItemInProgress && it.Delivery == nil && strings.Contains(it.Why, metric)
		})
		eventually(t, "BRAVO has heard of it", func() bool {
			it := bravo.items("ALPHA")[0]
			return it.Delivery == nil && strings.Contains(it.Why, metric)
		})
	}
	must(bravo.broker.Built(id, true, buying.Measured{Latency: new(uint64(19_999))}))
	alpha.stage(s.ID, mesh.Accepted)
}

// A test record that people have refused is not sent again as it was: the seller's
// people are told why, and test the leg again.
func TestARefusedTestRecordWaitsForAnotherTest(t *testing.T) {
	w := newWorld(t, func(w *world) { w.people["ALPHA"], w.people["BRAVO"] = true, true }, "ALPHA", "BRAVO")
	alpha, bravo := w.sides["ALPHA"], w.sides["BRAVO"]
	s := must(alpha.broker.Order(alpha.found(wanted).Best.Quote))
	id := bravo.toBuild().ID
	must(bravo.broker.Built(id, true, buying.Measured{Latency: new(uint64(20_000))}))
	first := alpha.delivered("BRAVO")
	alpha.toBuild() // so that nobody has accepted yet
	eventually(t, "BRAVO has heard of its delivery", func() bool { return bravo.items("ALPHA")[0].Delivery != nil })
	alpha.do("BRAVO", trade.NewCommand(trade.KindOrderReject, trade.OrderAnswer{ID: alpha.items("BRAVO")[0].ID, Why: "the port is dark"}))
	eventually(t, "BRAVO's people know why", func() bool {
		x := must(bravo.broker.Service(id))
		return x.Build && x.Why == "the port is dark"
	})
	time.Sleep(50 * time.Millisecond)
	if it := alpha.items("BRAVO")[0]; it.Delivery != nil {
		t.Errorf("it is delivered again without another test: %+v", it.Delivery)
	}
	must(bravo.broker.Built(id, true, buying.Measured{Latency: new(uint64(17_000))}))
	if again := alpha.delivered("BRAVO"); again.Record == first.Record || total(again.Totals)["latency"] != 17_000 {
		t.Errorf("delivered again is %+v", again)
	}
	must(alpha.broker.Built(s.ID, true, buying.Measured{}))
	alpha.stage(s.ID, mesh.Accepted)
}
