package sim

import (
	"context"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/token"
	"github.com/lateral-network/lateral/trade/usage"
)

// The mesh of a sandbox that lives: the carriers of the partial mesh wait for
// inquiries, deliver what is ordered, measure and bill it, and pay. Its time is that
// of the clock.

// voiceUnit is the currency of live calls.
const voiceUnit money.Currency = "USD"

// liveUnits are the currencies in which the mesh that lives trades.
var liveUnits = []money.Currency{meshUnit, voiceUnit}

const (
	// liveDue is how many days after a bill it is due.
	liveDue = 30
	// liveBegin is what stands on each account of the sandbox's bank at first, in cents.
	liveBegin = 100_000_000_00
	// liveLocked is what ALPHA locks for a neighbour in each token at first.
	liveLocked money.Micro = 1_000_000e6
)

// liveLengths are the lengths of time of carriers that bill by a cycle.
func liveLengths(cycle string) lengths {
	granule := cycle
	switch cycle {
	case "1h":
		granule = "5m"
	case "1d", "1mo":
		granule = "1h"
	}
	return lengths{day: "1d", cycle: cycle, granule: granule}
}

// liveMesh prepares the mesh on a network that has been started. Calls go between
// the two carriers of the voice pair as well.
func liveMesh(net *Network, o LiveOptions, say func(string, ...any)) *meshRun {
	return &meshRun{
		o: MeshOptions{Dir: o.Dir, Log: o.Log}, agreed: liveLengths(o.Cycle), calls: voicePair, start: time.Now(), say: say, net: net, news: make(chan struct{}, 1), units: liveUnits, begin: liveBegin,
		terms: func(e *ENNI, t *agreement.Terms) {
			t.PastPeriods = o.Load > 0 && e.between(voicePair[0], voicePair[1])
			t.GraceMillis = agreement.Defaults().GraceMillis
			t.Credit = liveCredit(meshUnit)
			if e.between(voicePair[0], voicePair[1]) {
				t.Credit = liveCredit(liveUnits...)
			}
			for i := range t.Payment {
				t.Payment[i].DueDays = liveDue
			}
		},
	}
}

// liveCredit is how far carriers that live trust each other, in each currency: for what
// orders for calls may come to in a period, and as much again.
func liveCredit(in ...money.Currency) *agreement.Credit {
	c := agreement.DefaultCredit(in...)
	c.Allocation = agreement.Source{Text: fmt.Sprint(int64(2 * usualValue / 1_000_000))}
	return &c
}

// depositors gives the carriers for whom the buyer of the mesh opens deposits, and
// the units in which it owes them.
func (m *meshRun) depositors() map[party.Code][]money.Currency {
	out := map[party.Code][]money.Currency{}
	for i := range meshENNIs {
		for side, end := range meshENNIs[i].Ends {
			if end.Carrier == m.buyer() {
				out[meshENNIs[i].other(side).Carrier] = []money.Currency{meshUnit}
			}
		}
	}
	if m.calls[0] == m.buyer() {
		out[m.calls[1]] = append(out[m.calls[1]], voiceUnit)
	}
	return out
}

// fundLive has the carrier that pays by token buy some, and lock them for all whom it
// pays so.
func (m *meshRun) fundLive(ctx context.Context) error {
	need := map[money.Currency]money.Micro{}
	for _, units := range m.depositors() {
		for _, u := range units {
			need[u] += liveLocked
		}
	}
	var limits []money.Amount
	for _, u := range m.units {
		limits = append(limits, money.Amount{Currency: u, Micro: 1<<63 - 1})
	}
	if err := m.money.entitle(ctx, limits); err != nil {
		return err
	}
	// People of all carriers may be sent tokens, and send them on.
	others := slices.DeleteFunc(slices.Clone(m.net.o.Carriers), func(c party.Code) bool {
		return slices.ContainsFunc(m.money.holders, func(p *purse) bool { return p.code == c })
	})
	if err := together(others, func(c party.Code) error { return m.net.entitle(ctx, c, limits) }); err != nil {
		return err
	}
	for _, u := range m.units {
		if err := m.money.define(ctx, token.CodeOf(u), 100*need[u]); err != nil {
			return err
		}
		if err := m.money.sell(ctx, m.buyer(), token.Amount{Token: token.CodeOf(u), Micro: need[u]}, money.Amount{Currency: u, Micro: need[u]}); err != nil {
			return err
		}
	}
	for _, pair := range m.pairs {
		for side, d := range pair {
			if d.me != m.buyer() {
				continue
			}
			for _, u := range m.depositors()[pair[1-side].me] {
				if err := d.lock(ctx, m.net, token.Amount{Token: token.CodeOf(u), Micro: liveLocked}); err != nil {
					return err
				}
				m.say("%s has locked %s %s for %s", d.me, liveLocked, token.CodeOf(u), d.partner)
			}
		}
	}
	return nil
}

// pay looks at two neighbours of whom one pays by token from time to time, and pays over
// the bank what one owes the other and the deposit does not cover. It is told by hand: runs
// are for what is usually paid by a bank.
func (s *sandbox) pay(ctx context.Context, b *sandboxBank, pair [2]*desk, units []money.Currency) {
	said := ""
	for sleep(ctx, payEvery) == nil {
		for i, d := range pair {
			for _, u := range units {
				_, err := s.net.payOver(ctx, b, d, pair[1-i], u)
				if err == nil || passes(err) || ctx.Err() != nil {
					continue
				}
				if text := fault.Of(err).Error(); text != said { // once, not each time
					said = text
					s.news.tell("alarm", d.me, "%-18s %s: %s", "not paid by bank", d.me, text)
				}
			}
		}
	}
}

// payEvery is how often a carrier looks at what it owes a neighbour.
const payEvery = 3 * time.Second

// gauge has both sides of a pair import what they measure of each other's products,
// granule by granule. A side whose node is away does so when it is back.
func (s *sandbox) gauge(ctx context.Context, pair [2]*desk, granule usage.Calendar) {
	var sides sync.WaitGroup
	defer sides.Wait()
	for _, d := range pair {
		sides.Go(func() {
			i := granule.At(time.Now().UnixMilli())
			for said := ""; ; {
				if sleep(ctx, time.Until(time.UnixMilli(i.To))) != nil {
					return
				}
				err := s.measured(ctx, d, i)
				if ctx.Err() != nil {
					return
				}
				if err == nil {
					i, said = granule.Next(i), ""
					continue
				}
				if text := fault.Of(err).Error(); !passes(err) {
					if text == said { // it does not go away
						i = granule.Next(i)
						continue
					}
					said = text
					s.news.tell("alarm", d.me, "%-18s %s: %s", "not measured", d.me, text)
				}
				if sleep(ctx, time.Second) != nil {
					return
				}
			}
		})
	}
}

// measured imports what a carrier has measured in a granule of the products that it
// buys of its partner, or sells it.
func (s *sandbox) measured(ctx context.Context, d *desk, i usage.Interval) error {
	all, err := client.Collect(d.auditor.Products(ctx, nil))
	if err != nil {
		return err
	}
	var rows strings.Builder
	for k := range all {
		p := &all[k]
		if from, to := int64(p.Activated), int64(p.Ends); p.Clause != clauseLine || from == 0 || from >= i.To || to != 0 && to <= i.From {
			continue
		}
		fmt.Fprintf(&rows, "%s,%s,%s,%s,%d\n", p.ID, usage.Stamp(i.From), usage.Stamp(i.To), rating.Availability, s.available(p, i))
	}
	if rows.Len() == 0 {
		return nil
	}
	in, err := d.engineer.ImportReadings(ctx, strings.NewReader("product,from,to,metric,value\n"+rows.String()))
	if err != nil {
		return err
	}
	for _, r := range in.Rejects {
		if r.Code != fault.Conflict { // else it is stated already
			return fault.New(r.Code, r.Detail, "report this").In(r.Field)
		}
	}
	return nil
}

// Lines fail as lines do: in one of so many granules there is less than was promised,
// by so much.
const (
	failsOnceIn = 40
	failsBy     = 30_000 // millionths
)

// available is what both sides measure of a product in a granule, millionths: a
// little more than was promised, but for the granules in which it fails.
func (s *sandbox) available(p *wire.Product, i usage.Interval) uint64 {
	promised := promisedOf(p)
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%s/%d", s.seed, p.ID, i.From)
	if h.Sum64()%failsOnceIn == 0 {
		return promised - min(promised, failsBy)
	}
	return promised + (1_000_000-min(promised, 1_000_000))/2
}

// MeshState is all of a mesh as somebody would see it who sees all its carriers.
type MeshState struct {
	Carriers   []meshSeen    `json:"carriers"`
	Neighbours []meshLink    `json:"neighbours"`
	Services   []meshService `json:"services"`
	Asks       []Ask         `json:"asks"` // what carriers have asked each other over Sonata, newest first
}

type meshSeen struct {
	Code    party.Code `json:"code"`
	Name    string     `json:"name"`
	URL     string     `json:"url"`
	Running bool       `json:"running"`
}

type meshLink struct {
	A     party.Code `json:"a"`
	B     party.Code `json:"b"`
	ENNI  string     `json:"enni"`
	Place string     `json:"place"`
	City  string     `json:"city"`
	Cut   bool       `json:"cut"`
}

// meshService is a service as one of its carriers has it.
type meshService struct {
	Carrier party.Code `json:"carrier"`
	wire.Service
}

// mesh asks all carriers that answer for what they have.
func (f *front) mesh(ctx context.Context) (MeshState, error) {
	s := f.s
	out := MeshState{Carriers: []meshSeen{}, Neighbours: []meshLink{}, Services: []meshService{}, Asks: s.net.wires.asked()}
	for _, e := range s.net.o.ENNIs {
		out.Neighbours = append(out.Neighbours, meshLink{e.Ends[0].Carrier, e.Ends[1].Carrier, e.ID, e.Hall.Name, e.Hall.City,
			s.net.wires.isCut(between(e.Ends[0].Carrier, e.Ends[1].Carrier))})
	}
	each := make([][]meshService, len(s.net.o.Carriers))
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for _, code := range s.net.o.Carriers {
		p, err := s.post(string(code))
		if err != nil {
			return out, err
		}
		out.Carriers = append(out.Carriers, meshSeen{code, legalName(code), f.at(hostOf(code)), s.stateOf(p) == stateRunning})
	}
	if len(s.net.o.ENNIs) == 0 {
		return out, nil
	}
	err := together(s.net.o.Carriers, func(code party.Code) error {
		p, err := s.post(string(code))
		if err != nil || s.stateOf(p) != stateRunning {
			return err
		}
		all, err := client.Collect(p.reads.Services(ctx, nil))
		if fault.CodeOf(err) == fault.Unavailable { // it has been killed in this moment
			return nil
		}
		for _, x := range all {
			at := slices.Index(s.net.o.Carriers, code)
			each[at] = append(each[at], meshService{code, x})
		}
		return err
	})
	for _, some := range each {
		out.Services = append(out.Services, some...)
	}
	return out, err
}
