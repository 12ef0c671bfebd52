package buying_test

import (
	"testing"
	"time"

	"github.com/lateral-network/lateral/buying"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/order"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
)

// standing is what is wanted as capacity that stands.
var standing = func() buying.Request {
	r := wanted
	r.Hours = 40
	return r
}()

// standingWorld is carriers whose legs have a price for an hour.
func standingWorld(t *testing.T, tune func(*world), codes ...party.Code) *world {
	return newWorld(t, func(w *world) {
		w.timed = true
		if tune != nil {
			tune(w)
		}
	}, codes...)
}

// stand orders capacity that stands, and waits until all of the chain has it.
func (w *world) stand(r buying.Request) buying.Service {
	w.t.Helper()
	return w.ordered(w.sides[w.codes[0]].found(r).Best.Quote)
}

// ordered orders by a quote, and waits until all of the chain has it.
func (w *world) ordered(quote mesh.ID) buying.Service {
	w.t.Helper()
	first := w.sides[w.codes[0]]
	s := must(first.broker.Order(quote))
	first.stage(s.ID, mesh.Accepted)
	for i := range w.codes[1:] {
		eventually(w.t, string(w.codes[i+1])+" has it in service", func() bool {
			return len(w.products(i, func(p product.Instance) bool { return p.State == product.Active && p.Order == "" })) == 1
		})
		eventually(w.t, string(w.codes[i+1])+" knows", func() bool {
			all := w.sides[w.codes[i+1]].broker.Services()
			return len(all) == 1 && all[0].Stage == mesh.Accepted
		})
	}
	return s
}

// products gives those that a carrier has of the next, as both sides have them.
func (w *world) products(i int, which func(product.Instance) bool) (out []product.Instance) {
	at := func(own, other party.Code) (out []product.Instance) {
		w.sides[own].view(other, func(v trade.View) bool {
			for p := range v.Products() {
				if which(p) {
					out = append(out, p)
				}
			}
			return true
		})
		return out
	}
	out = at(w.codes[i], w.codes[i+1])
	if len(at(w.codes[i+1], w.codes[i])) != len(out) {
		return nil // one side is behind
	}
	return out
}

// sessionsAt waits until all pairs have as many sessions in a state, and gives one of
// each pair.
func (w *world) sessionsAt(state product.State, count int) (out []product.Instance) {
	w.t.Helper()
	for i := range w.codes[1:] {
		var all []product.Instance
		eventually(w.t, string(w.codes[i])+" has sessions that are "+string(state), func() bool {
			all = w.products(i, func(p product.Instance) bool { return p.Standing != "" && p.State == state })
			return len(all) == count
		})
		if count > 0 {
			out = append(out, all[0])
		}
	}
	return out
}

// comes waits for a session to come to a state.
func (s *side) comes(x buying.Session, want string) (now buying.Session) {
	s.w.t.Helper()
	eventually(s.w.t, "the session is "+want, func() bool {
		var err error
		now, err = s.broker.Session(x.Service, x.ID)
		if err == nil && want != buying.Refused && now.State == buying.Refused {
			s.w.t.Fatalf("refused: %s", now.Why)
		}
		return err == nil && now.State == want
	})
	return now
}

func TestAnApplicationOpensAndClosesSessionsAlongAChain(t *testing.T) {
	w := standingWorld(t, nil, "ALPHA", "BRAVO", "CHARLIE", "DELTA")
	alpha := w.sides["ALPHA"]
	best := alpha.found(standing).Best
	// An hour: DELTA 24, CHARLIE 18 + 24 + 2.40, BRAVO 12 + 44.40 + 4.44, ALPHA 6 +
	// 60.84 + 6.084. The rest is as without sessions.
	if best.Price != (mesh.Price{Once: 46_410_000, Each: 1_215_400_000, Hour: 72_924_000}) || best.Bought.Hour != 60_840_000 {
		t.Errorf("what stands costs %+v, bought at %+v", best.Price, best.Bought)
	}
	s := w.ordered(best.Quote)
	x := must(alpha.broker.OpenSession(s.ID, "call-1"))
	if again := must(alpha.broker.OpenSession(s.ID, "call-1")); again.ID != x.ID {
		t.Errorf("the same key opens another session: %+v", again)
	}
	if _, err := alpha.broker.OpenSession(s.ID, "call-2"); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("two sessions at a time: %v", err)
	}
	x = alpha.comes(x, buying.Open)
	for i, p := range w.sessionsAt(product.Active, 1) {
		if rate := p.Phases[0].Offer.Prices[0].Rate; int64(rate) != []int64{60_840_000, 44_400_000, 24_000_000}[i]*1000 {
			t.Errorf("an hour of %s costs %s", w.codes[i+1], rate)
		}
		if i == 0 && p.ID != x.Bought {
			t.Errorf("the session is the product %s, and shown as %s", p.ID, x.Bought)
		}
	}
	if all := must(w.sides["BRAVO"].broker.Sessions(w.sides["BRAVO"].broker.Services()[0].ID)); len(all) != 1 || all[0].State != buying.Open || all[0].Sold != x.Bought {
		t.Errorf("BRAVO shows %+v", all)
	}
	if _, err := alpha.broker.Change(within(t), s.ID, buying.Wish{Bandwidth: 200_000_000}); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("changed while a session is open: %v", err)
	}
	must(alpha.broker.CloseSession(s.ID, x.ID))
	alpha.comes(x, buying.Closed)
	for i, p := range w.sessionsAt(product.Terminated, 1) {
		if p.EndedBy != w.codes[i] || p.Ends < p.Activated() {
			t.Errorf("the session at %s: %+v", w.codes[i+1], p)
		}
		// Both sides meter the same by themselves.
		for _, of := range [][2]party.Code{{w.codes[i], w.codes[i+1]}, {w.codes[i+1], w.codes[i]}} {
			w.sides[of[0]].view(of[1], func(v trade.View) bool {
				m, err := v.Metering(p, p.Activated())
				if err != nil || len(m.Timed) != 1 || len(m.Held) == 0 && p.Ends > p.Activated() {
					t.Errorf("%s meters %+v, %v", of[0], m, err)
				}
				return true
			})
		}
	}
	// What stands is still there, and its end closes what is open of it.
	y := alpha.comes(must(alpha.broker.OpenSession(s.ID, "")), buying.Open)
	must(alpha.broker.End(s.ID, 0))
	alpha.comes(y, buying.Closed)
	w.sessionsAt(product.Terminated, 2)
	if _, err := alpha.broker.OpenSession(s.ID, ""); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("opened after the end: %v", err)
	}
	for _, code := range w.codes {
		w.sides[code].free()
	}
	if all := must(alpha.broker.Sessions(s.ID)); len(all) != 2 || all[0].ID != y.ID {
		t.Errorf("the sessions are %+v", all)
	}
}

// The last carrier has suspended what stands: the session is refused there, and what
// was opened before it closes. Nothing is charged.
func TestASessionThatOneCarrierRefusesIsOpenedNowhere(t *testing.T) {
	w := standingWorld(t, nil, "ALPHA", "BRAVO", "CHARLIE", "DELTA")
	alpha, delta := w.sides["ALPHA"], w.sides["DELTA"]
	s := w.stand(standing)
	p := w.products(2, func(product.Instance) bool { return true })[0]
	delta.do("CHARLIE", trade.NewCommand(trade.KindProductSuspend, trade.ProductAnswer{ID: p.ID, Why: "unpaid"}))
	eventually(t, "CHARLIE knows", func() bool {
		return len(w.products(2, func(p product.Instance) bool { return p.State == product.Suspended })) == 1
	})
	x := alpha.comes(must(alpha.broker.OpenSession(s.ID, "")), buying.Refused)
	if x.Why == "" {
		t.Error("no reason is told")
	}
	for i := range w.codes[1:] {
		eventually(t, "no session is left at "+string(w.codes[i+1]), func() bool {
			return len(w.products(i, func(p product.Instance) bool { return p.Standing != "" && p.State != product.Cancelled })) == 0
		})
		if got := w.products(i, func(p product.Instance) bool { return p.Standing != "" && len(p.Phases) > 0 }); len(got) > 0 {
			t.Errorf("%s is charged for a session: %+v", w.codes[i], got)
		}
	}
	delta.do("CHARLIE", trade.NewCommand(trade.KindProductResume, trade.ProductAnswer{ID: p.ID}))
	eventually(t, "CHARLIE knows", func() bool {
		return len(w.products(2, func(p product.Instance) bool { return p.State == product.Active && p.Standing == "" })) == 1
	})
	alpha.comes(must(alpha.broker.OpenSession(s.ID, "")), buying.Open)
}

// Own legs that people deliver are there already: a session waits for nobody. The
// node in the middle dies while it is opened, and again while it is closed.
func TestANodeThatDiesWhileASessionOpensOrClosesGoesOnAfterItsStart(t *testing.T) {
	w := standingWorld(t, nil, "ALPHA", "BRAVO", "CHARLIE")
	alpha, bravo, charlie := w.sides["ALPHA"], w.sides["BRAVO"], w.sides["CHARLIE"]
	s := w.stand(standing)
	bravo.stop()
	w.people["BRAVO"] = true
	x := must(alpha.broker.OpenSession(s.ID, ""))
	eventually(t, "the order of the session stands", func() bool { return len(alpha.items("BRAVO")) == 2 })
	charlie.stop()
	bravo.start()
	eventually(t, "BRAVO has ordered it on", func() bool { return len(bravo.items("CHARLIE")) == 2 })
	bravo.stop()
	charlie.start()
	bravo.start()
	x = alpha.comes(x, buying.Open)
	w.sessionsAt(product.Active, 1)
	bravo.stop()
	must(alpha.broker.CloseSession(s.ID, x.ID))
	eventually(t, "the close is ordered", func() bool { return len(alpha.items("BRAVO")) == 3 })
	bravo.start()
	alpha.comes(x, buying.Closed)
	w.sessionsAt(product.Terminated, 1)
	for i := range w.codes[1:] {
		p := w.products(i, func(p product.Instance) bool { return p.Standing != "" })[0]
		its := w.sides[w.codes[i]].items(w.codes[i+1])
		for _, it := range its {
			// It is charged until its close was ordered, however late that was answered.
			if it.Request.Action == order.Delete && p.Ends != max(it.Start, p.Activated()) {
				t.Errorf("the session with %s ends at %d, and its close was ordered for %d", w.codes[i+1], p.Ends, it.Start)
			}
		}
	}
}

// A seller that does not come back in time: what was opened before it closes.
func TestASessionThatCannotBeOpenedInTimeIsGivenUp(t *testing.T) {
	w := standingWorld(t, nil, "ALPHA", "BRAVO", "CHARLIE")
	alpha, charlie := w.sides["ALPHA"], w.sides["CHARLIE"]
	s := w.stand(standing)
	charlie.stop()
	alpha.stop()
	w.deliverFor = 2 * time.Second
	alpha.start()
	x := alpha.comes(must(alpha.broker.OpenSession(s.ID, "")), buying.Refused)
	if x.Why == "" {
		t.Error("no reason is told")
	}
	charlie.start()
	alpha.stop()
	w.deliverFor = 0
	alpha.start()
	for i := range w.codes[1:] {
		eventually(t, "no session is left at "+string(w.codes[i+1]), func() bool {
			return len(w.products(i, func(p product.Instance) bool { return p.Standing != "" && p.State != product.Cancelled })) == 0
		})
	}
	alpha.comes(must(alpha.broker.OpenSession(s.ID, "")), buying.Open)
}

// A session ends with what stands, at every hop, though nobody closes it.
func TestASessionEndsWithTheTimedServiceThatStands(t *testing.T) {
	w := standingWorld(t, nil, "ALPHA", "BRAVO", "CHARLIE")
	alpha := w.sides["ALPHA"]
	r := standing
	r.To = time.Now().Add(12 * time.Second).UnixMilli()
	s := w.stand(r)
	x := alpha.comes(must(alpha.broker.OpenSession(s.ID, "")), buying.Open)
	for _, p := range w.sessionsAt(product.Terminated, 1) {
		if p.Ends != r.To {
			t.Errorf("a session ends at %d, and what stands at %d", p.Ends, r.To)
		}
	}
	if x = alpha.comes(x, buying.Closed); x.Closed != r.To {
		t.Errorf("it is shown as %+v", x)
	}
	for _, code := range w.codes {
		w.sides[code].free()
	}
}

func TestOnlyWhatStandsHasSessions(t *testing.T) {
	w := standingWorld(t, nil, "ALPHA", "BRAVO")
	alpha, bravo := w.sides["ALPHA"], w.sides["BRAVO"]
	s := must(alpha.broker.Order(alpha.found(wanted).Best.Quote))
	alpha.stage(s.ID, mesh.Accepted)
	if _, err := alpha.broker.OpenSession(s.ID, ""); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("opened of a service without sessions: %v", err)
	}
	if _, err := alpha.broker.OpenSession(mesh.ID{9}, ""); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("opened of nothing: %v", err)
	}
	if _, err := bravo.broker.OpenSession(bravo.broker.Services()[0].ID, ""); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("opened of a partner's: %v", err)
	}
	if _, err := alpha.broker.CloseSession(s.ID, s.ID); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("closed nothing: %v", err)
	}
}
