package sim

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/line/connectivity"
	"github.com/lateral-network/lateral/node"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
)

// MeshOptions say how "lateral sandbox mesh" is to run.
type MeshOptions struct {
	Dir         string // kept; empty: a temporary folder
	Integration agreement.Integration
	Progress    io.Writer
	Log         *slog.Logger
}

// Mesh runs the partial mesh: one inquiry, its order, service, bills and
// settlement, and reports on it.
func Mesh(ctx context.Context, o MeshOptions) (err error) {
	m := &mesh{o: o, say: progress(o.Progress, time.Now())}
	if m.o.Dir == "" {
		if m.o.Dir, err = os.MkdirTemp("", "lateral-sandbox-"); err != nil {
			return durable.Explain("make a temporary folder", err)
		}
		defer os.RemoveAll(m.o.Dir)
	}
	if err := m.build(); err != nil {
		return err
	}
	if err := m.net.Start(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, m.net.Stop()) }()
	return m.prepare(ctx)
}

// mesh is one run of the partial mesh.
type mesh struct {
	o     MeshOptions
	say   func(string, ...any)
	net   *Network
	pairs [][2]*desk // as in meshENNIs
}

func (m *mesh) build() (err error) {
	var codes []party.Code
	for _, c := range meshCarriers {
		codes = append(codes, c.code)
	}
	m.net, err = Build(Options{
		Dir: m.o.Dir, Carriers: codes, ENNIs: meshENNIs, Log: m.o.Log,
		Automatic: node.Automatic{Rate: true, Accept: true, Net: true, Pay: true},
	})
	return err
}

// prepare stocks the catalogues, and has neighbours open their Bilaterals and
// sign.
func (m *mesh) prepare(ctx context.Context) error {
	if err := together(meshCarriers, func(c meshCarrier) error { return m.stock(ctx, &c) }); err != nil {
		return err
	}
	m.say("%d validators and %d carriers are up, each with its own catalogue", m.net.o.Validators, len(meshCarriers))
	for _, e := range meshENNIs {
		pair, err := m.net.desks(e.Ends[0].Carrier, e.Ends[1].Carrier)
		if err != nil {
			return err
		}
		m.pairs = append(m.pairs, pair)
	}
	if err := together(m.pairs, func(pair [2]*desk) error { return m.sign(ctx, pair) }); err != nil {
		return err
	}
	m.say("%d pairs of neighbours have a Bilateral and MSA-1", len(m.pairs))
	return nil
}

// stock waits for a carrier's node and fills its catalogue.
func (m *mesh) stock(ctx context.Context, c *meshCarrier) error {
	if err := m.net.WaitReady(ctx, c.code); err != nil {
		return err
	}
	file, err := c.stock()
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

// meshCycle is how long a billing period is, and an interval that is measured:
// an hour of the world is a second here.
const meshCycle = "5s"

// sign has two neighbours open their Bilateral and agree on Ethernet lines.
func (m *mesh) sign(ctx context.Context, pair [2]*desk) error {
	if err := m.net.open(ctx, pair, []money.Currency{"EUR"}); err != nil {
		return fmt.Errorf("%s and %s: %w", pair[0].me, pair[1].me, err)
	}
	terms := agreement.Defaults()
	terms.Cycle, terms.GraceMillis, terms.Netting = meshCycle, 0, true
	terms.Payment[0].DueDays = 0
	if m.o.Integration != "" {
		terms.Integration = m.o.Integration
	}
	clause := agreement.DefaultProduct("annex-e-line", string(connectivity.Name))
	clause.Types, clause.Currencies = []string{catalog.TypeELine}, []money.Currency{"EUR"}
	clause.Test, clause.Granularity = true, meshCycle
	terms.Products = []agreement.ProductTerms{clause}
	return m.net.contract(ctx, pair, terms, connectivity.Name)
}
