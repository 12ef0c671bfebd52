package sim

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/internal/keyfile"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade/agreement"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
)

// meshReference is the partial mesh, run once for all tests of this package; its
// folder is kept until they are done.
type meshReference struct {
	m        *meshRun // stopped
	report   *MeshReport
	channels []patterns // of each pair, as in meshENNIs
}

var runMesh = sync.OnceValues(func() (*meshReference, error) {
	o := MeshOptions{Dir: filepath.Join(shelf, "mesh")}
	if testing.Verbose() {
		o.Progress = os.Stderr
	}
	// Slower than usual: another program may be at work on this machine.
	m, err := newMesh(o, pace(2*time.Second), time.Now())
	if err != nil {
		return nil, err
	}
	m.terms = func(e *ENNI, t *agreement.Terms) { // in one pair each side makes the bills
		if e.ID == "bom-1186" {
			t.Integration = agreement.Proof
		}
	}
	for _, name := range m.net.Names() { // where a node of a process of its own logs
		file, err := os.Create(filepath.Join(filepath.Dir(m.net.byName[name].config), "log"))
		if err != nil {
			return nil, err
		}
		defer file.Close()
		m.net.byName[name].log = slog.New(slog.NewTextHandler(file, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	if err := m.net.Start(); err != nil {
		return nil, err
	}
	r := &meshReference{m: m}
	if r.report, err = m.whole(ctx); err == nil {
		err = r.follow(ctx)
	}
	return r, errors.Join(err, m.net.Stop())
})

// follow notes the channels of all pairs, and waits until all carriers have all
// blocks.
func (r *meshReference) follow(ctx context.Context) error {
	for _, pair := range r.m.pairs {
		b, err := pair[0].auditor.Bilateral(ctx)
		if err != nil {
			return err
		}
		var keys []sign.PublicKey
		for _, s := range b.Members.Sides {
			keys = append(keys, s.Keys...)
		}
		r.channels = append(r.channels, channelOf(b.Channel, keys...))
	}
	return together(meshCarriers[1:], func(c meshCarrier) error { return r.m.net.followed(ctx, c.code, r.m.buyer()) })
}

func theMesh(t *testing.T) *meshReference {
	t.Helper()
	long(t)
	r, err := runMesh()
	if err != nil {
		t.Fatal("the partial mesh: ", err)
	}
	return r
}

// fact is something that only some carriers may know.
type fact struct {
	what string
	may  []party.Code
	add  func(*secrets)
}

// facts gathers what is private in the mesh. Codes, legal names, keys and
// exchange addresses are in the public member list, and cities are built in.
func (r *meshReference) facts(t *testing.T) (all []fact) {
	text := func(what, s string, may ...party.Code) {
		all = append(all, fact{what + " " + s, may, func(x *secrets) { x.bytes.text(what, s) }})
	}
	amount := func(what string, a money.Micro, may ...party.Code) {
		all = append(all, fact{what + " " + a.String(), may, func(x *secrets) { x.amount(a) }})
	}
	folder := func(c party.Code) string { return filepath.Dir(r.m.net.byName[string(c)].config) }
	next := map[party.Code][]party.Code{} // a carrier and its neighbours
	for _, c := range meshCarriers {
		next[c.code] = []party.Code{c.code}
	}
	for _, e := range meshENNIs {
		a, b := e.Ends[0].Carrier, e.Ends[1].Carrier
		next[a], next[b] = append(next[a], b), append(next[b], a)
	}
	for _, e := range meshENNIs {
		a, b := e.Ends[0].Carrier, e.Ends[1].Carrier
		text("interconnection", e.ID, a, b)
		var rate money.Rate
		if err := rate.UnmarshalText([]byte(meshTraffic[e.ID])); err != nil {
			t.Fatal(err)
		}
		all = append(all, fact{"price of traffic over " + e.ID, []party.Code{a, b}, func(x *secrets) { x.rate(rate) }})
		text("hall", e.Hall.ID, a, b)
		text("hall", e.Hall.Name, a, b)
		for _, x := range [][2]party.Code{{a, b}, {b, a}} {
			text("client", clientID(x[0], x[1]), a, b)
			secret := strings.TrimSpace(string(must(os.ReadFile(filepath.Join(folder(x[0]), strings.ToLower(string(x[1]))+".secret")))))
			text("secret", secret, x[0])
			hash := sha256.Sum256([]byte(secret))
			text("hash of a secret", hex.EncodeToString(hash[:]), x[1])
		}
	}
	for _, c := range meshCarriers {
		conf := r.m.net.byName[string(c.code)].conf
		text("Sonata address", conf.Sonata.Listen, next[c.code]...)
		text("API address", conf.API.Listen, c.code)
		for _, l := range c.lines {
			text("line", l.id, c.code)
			var rate money.Rate
			if err := rate.UnmarshalText([]byte(l.rate)); err != nil {
				t.Fatal(err)
			}
			all = append(all, fact{"rate of " + l.id, []party.Code{c.code}, func(x *secrets) { x.rate(rate) }})
		}
	}
	for i, h := range r.report.Chain {
		text("order", h.Order, h.Buyer, h.Seller)
		text("product", h.Product, h.Buyer, h.Seller)
		amount("price of hop "+fmt.Sprint(i+1), h.Price.Each, h.Buyer, h.Seller)
		amount("credit of hop "+fmt.Sprint(i+1), h.Credit, h.Buyer, h.Seller)
		text("traffic", h.Traffic, h.Buyer, h.Seller)
		for _, b := range h.Bills {
			text("bill", b.Invoice, h.Buyer, h.Seller)
			amount("bill of hop "+fmt.Sprint(i+1), b.Total, h.Buyer, h.Seller)
		}
	}
	return all
}

// opened adds the files that a carrier's node keeps encrypted, as its own key
// opens them.
func opened(t *testing.T, dir string, all []piece) []piece {
	t.Helper()
	keys := must(keyfile.Open(filepath.Join(dir, "keys.age"), must(keyfile.ReadPassphrase(filepath.Join(dir, "passphrase"))), keyfile.Options{}))
	storage := must(keys.Get("storage"))
	blobs := must(store.OpenBlobs(durable.OS, filepath.Join(dir, "data", "files"), [32]byte(storage.Bytes)))
	for h, err := range blobs.List() {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, record("file "+h.String(), nil, must(blobs.Get(h))))
	}
	return all
}

// Each carrier's node knows its neighbours and nobody else beyond the public
// member list: neither what is theirs, nor who trades with whom. All that it
// keeps is searched: stores, Sonata shelf, outbox, files, catalogue, log.
func TestEachNodeOfTheMeshKnowsItsNeighboursOnly(t *testing.T) {
	r := theMesh(t)
	facts := r.facts(t)
	found := make([]bool, len(facts)) // where it may be
	who := map[party.Code]*identity{}
	near := map[party.Code]map[party.Code]bool{}
	for _, c := range meshCarriers {
		who[c.code] = identityOf(r.m.net.byName[string(c.code)].setup.Application.Application)
		near[c.code] = map[party.Code]bool{}
	}
	for _, e := range meshENNIs {
		a, b := e.Ends[0].Carrier, e.Ends[1].Carrier
		near[a][b], near[b][a] = true, true
	}
	for _, c := range meshCarriers {
		t.Run(string(c.code), func(t *testing.T) {
			dir := filepath.Dir(r.m.net.byName[string(c.code)].config)
			all := opened(t, dir, decode(t, dir))
			if len(all) < 200 {
				t.Errorf("%d records are too few: the test looks in the wrong place", len(all))
			}
			private, own := &secrets{ints: map[uint64]string{}}, make([]*secrets, len(facts))
			for i, f := range facts {
				if slices.Contains(f.may, c.code) {
					own[i] = &secrets{ints: map[uint64]string{}}
					f.add(own[i])
				} else {
					f.add(private)
				}
			}
			for _, p := range all {
				if f := private.found(p); len(f) > 0 {
					t.Errorf("%s holds %v", p.where, f)
				}
			}
			for i, s := range own {
				found[i] = found[i] || s != nil && slices.ContainsFunc(all, func(p piece) bool { return len(s.found(p)) > 0 })
			}
			about := 0
			for i, e := range meshENNIs {
				a, b := e.Ends[0].Carrier, e.Ends[1].Carrier
				if c.code == a || c.code == b || near[c.code][a] && near[c.code][b] {
					continue // its own, or both are its neighbours: its configuration names them
				}
				bad, n := links(all, [2]*identity{who[a], who[b]}, r.channels[i])
				for _, x := range bad {
					t.Errorf("%s and %s: %s", a, b, x)
				}
				about += n
			}
			if about == 0 {
				t.Error("no record is about the channels of others: the test looks in the wrong place")
			}
		})
	}
	for i, f := range facts {
		if !found[i] {
			t.Errorf("%s is not found where it may be: the search does not see it", f.what)
		}
	}
}
