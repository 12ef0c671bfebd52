package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/line/connectivity"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/node"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/product"
	"github.com/lateral-network/lateral/trade/rating"
)

// MeshOptions say how "lateral sandbox mesh" is to run.
type MeshOptions struct {
	Dir         string // kept; empty: a temporary folder
	Integration agreement.Integration
	Progress    io.Writer
	Log         *slog.Logger
}

// pace is how time is compressed: that an hour lasts, whole seconds.
type pace time.Duration

const usualPace = pace(time.Second)

// hours gives a number of hours as it is in a cycle: what is charged, billed and
// measured by such lengths follows the calendar, as months do.
func (p pace) hours(n int) string {
	s := n * int(time.Duration(p)/time.Second)
	if s%60 == 0 {
		return strconv.Itoa(s/60) + "m"
	}
	return strconv.Itoa(s) + "s"
}

func (p pace) day() string     { return p.hours(24) }  // that catalogues have prices for
func (p pace) month() string   { return p.hours(720) } // that the service is charged by
func (p pace) cycle() string   { return p.hours(10) }  // of bills
func (p pace) granule() string { return p.hours(2) }   // that both sides measure by

// lengths are the lengths of time that carriers of a mesh agree on, as cycles.
type lengths struct {
	day     string // that catalogues have prices for
	cycle   string // of bills
	granule string // that both sides measure by
}

func (p pace) lengths() lengths { return lengths{p.day(), p.cycle(), p.granule()} }

// span is a length of hours in wall time.
func (p pace) span(hours int) time.Duration { return time.Duration(hours) * time.Duration(p) }

// meshLimit is how long a run may last until it is given up.
const meshLimit = 43 * time.Second

// Mesh runs the partial mesh: one inquiry, its order, service, bills and
// settlement, and reports on it.
func Mesh(ctx context.Context, o MeshOptions) (*MeshReport, error) {
	start, dir := time.Now(), o.Dir
	if o.Dir == "" {
		var err error
		if o.Dir, err = os.MkdirTemp("", "lateral-sandbox-"); err != nil {
			return nil, durable.Explain("make a temporary folder", err)
		}
		defer os.RemoveAll(o.Dir)
	}
	m, err := newMesh(o, usualPace, start)
	if err != nil {
		return nil, err
	}
	limited, cancel := context.WithDeadline(ctx, start.Add(meshLimit))
	defer cancel()
	r, err := m.play(limited)
	switch {
	case limited.Err() != nil && ctx.Err() == nil:
		return nil, fault.Newf(fault.Unavailable, "run it again while the machine does less, or with --verbose to see the nodes' own log lines", "it was not through within %s", meshLimit).Because(err)
	case err != nil:
		return nil, err
	}
	r.out = dir
	return r, nil
}

// meshRun is one run of the partial mesh.
type meshRun struct {
	o       MeshOptions
	pace    pace
	agreed  lengths
	calls   way2 // between whom calls go as well; none in a run
	units   []money.Currency
	begin   int64 // on each account of the bank, in cents
	start   time.Time
	say     func(string, ...any)
	net     *Network
	pairs   [][2]*desk     // as in meshENNIs
	manager *client.Client // of the carrier whose customer asks
	news    chan struct{}  // holds one: something has happened on a Bilateral
	money   *meshMoney
	terms   func(*ENNI, *agreement.Terms) // nil, or what is changed of two neighbours' terms
}

// newMesh builds the network in the folder of the options.
func newMesh(o MeshOptions, p pace, start time.Time) (*meshRun, error) {
	net, err := Build(Options{
		Dir: o.Dir, Carriers: meshCodes(), ENNIs: meshENNIs, Log: o.Log,
		Automatic: node.Automatic{Rate: true, Accept: true, Net: true, Tokens: true, Measure: true},
	})
	return &meshRun{o: o, pace: p, agreed: p.lengths(), units: []money.Currency{meshUnit}, begin: meshBegin, start: start, say: progress(o.Progress, start), net: net, news: make(chan struct{}, 1)}, err
}

// meshCodes lists the carriers of the mesh.
func meshCodes() (codes []party.Code) {
	for _, c := range meshCarriers {
		codes = append(codes, c.code)
	}
	return codes
}

// play starts the network, runs everything, and stops it.
func (m *meshRun) play(ctx context.Context) (*MeshReport, error) {
	if err := m.net.Start(); err != nil {
		return nil, err
	}
	r, err := m.whole(ctx)
	if err = errors.Join(err, m.net.Stop()); err != nil {
		return nil, err
	}
	r.TotalMS = time.Since(m.start).Milliseconds()
	return r, nil
}

// whole runs everything on a network that has been started.
func (m *meshRun) whole(ctx context.Context) (*MeshReport, error) {
	r := &MeshReport{}
	if err := m.prepare(ctx); err != nil {
		return nil, err
	}
	r.SetupMS = time.Since(m.start).Milliseconds()
	err := m.run(ctx, r)
	r.TotalMS = time.Since(m.start).Milliseconds()
	return r, err
}

// prepare stocks the catalogues, and has neighbours open their Bilaterals and
// sign.
func (m *meshRun) prepare(ctx context.Context) error {
	if err := together(meshCarriers, func(c meshCarrier) error { return m.stock(ctx, &c) }); err != nil {
		return err
	}
	m.say("%d validators and %d carriers are up, each with its own catalogue", m.net.o.Validators, len(meshCarriers))
	var err error
	if m.manager, err = m.net.Client(m.buyer(), api.ProductManager); err != nil {
		return err
	}
	for _, e := range meshENNIs {
		pair, err := m.net.desks(e.Ends[0].Carrier, e.Ends[1].Carrier)
		if err != nil {
			return err
		}
		m.pairs = append(m.pairs, pair)
	}
	if err := together(meshENNIs, func(e ENNI) error {
		return m.sign(ctx, m.pairs[slices.IndexFunc(meshENNIs, func(x ENNI) bool { return x.ID == e.ID })], &e)
	}); err != nil {
		return err
	}
	if err := m.openMoney(); err != nil {
		return err
	}
	m.say("%d pairs of neighbours have a Bilateral and MSA-1", len(m.pairs))
	return nil
}

// stock waits for a carrier's node and fills its catalogue.
func (m *meshRun) stock(ctx context.Context, c *meshCarrier) error {
	if err := m.net.WaitReady(ctx, c.code); err != nil {
		return err
	}
	file, err := c.stock(m.agreed.day)
	if err != nil {
		return err
	}
	manager, err := m.net.Client(c.code, api.ProductManager)
	if err != nil {
		return err
	}
	defer manager.Close()
	if _, err := manager.ImportCatalog(ctx, "catalogue.yaml", false, bytes.NewReader(file)); err != nil {
		return fmt.Errorf("stocking the catalogue of %s: %w", c.code, err)
	}
	return nil
}

// sign has two neighbours open their Bilateral and agree on Ethernet lines, and on
// a price for the traffic over their interconnection, which each side opens and
// closes without a quote.
func (m *meshRun) sign(ctx context.Context, pair [2]*desk, e *ENNI) error {
	currencies, lines := []money.Currency{meshUnit}, []product.Line{connectivity.Name}
	if m.calls == between(pair[0].me, pair[1].me) {
		currencies, lines = append(currencies, voiceUnit), append(lines, voice.Name)
	}
	if err := m.net.open(ctx, pair, currencies); err != nil {
		return fmt.Errorf("%s and %s: %w", pair[0].me, pair[1].me, err)
	}
	terms := agreement.Defaults()
	terms.Cycle, terms.GraceMillis, terms.Netting = m.agreed.cycle, 0, true
	terms.Payment = m.pays(e)
	if m.o.Integration != "" {
		terms.Integration = m.o.Integration
	}
	clause := agreement.DefaultProduct(clauseLine, string(connectivity.Name))
	clause.Types, clause.Currencies = []string{catalog.TypeELine}, []money.Currency{"EUR"}
	clause.Test, clause.Granularity = true, m.agreed.granule
	traffic := agreement.DefaultProduct("annex-f-traffic", string(connectivity.Name))
	traffic.Types, traffic.Currencies, traffic.Granularity = []string{typeTraffic}, clause.Currencies, clause.Granularity
	price := rating.Price{Name: "traffic", Kind: rating.Data, Currency: "EUR", Unit: gigabyte}
	if err := price.Rate.UnmarshalText([]byte(meshTraffic[e.ID])); err != nil {
		return err
	}
	traffic.Schedules = []agreement.Schedule{{Name: scheduleTraffic, Type: typeTraffic, Prices: []rating.Price{price}}}
	terms.Products = []agreement.ProductTerms{clause, traffic}
	if m.terms != nil {
		m.terms(e, &terms)
	}
	return m.net.contract(ctx, pair, terms, lines...)
}
