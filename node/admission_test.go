package node

import (
	"context"
	"iter"
	"log/slog"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger/local"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/party"
)

const dayMillis = int64(24 * 60 * 60 * 1000)

// bare is a member's keys without any channel.
type bare struct {
	node, member, recovery sign.PrivateKey
	sealing                seal.Key
}

func newBare(t *testing.T) *bare {
	t.Helper()
	k := &bare{}
	for _, key := range []*sign.PrivateKey{&k.node, &k.member, &k.recovery} {
		var err error
		if *key, err = sign.Generate(nil); err != nil {
			t.Fatal(err)
		}
	}
	var err error
	if k.sealing, err = seal.GenerateKey(nil); err != nil {
		t.Fatal(err)
	}
	return k
}

func (k *bare) Node() sign.PrivateKey                                { return k.node }
func (k *bare) Member() (sign.PrivateKey, bool)                      { return k.member, true }
func (k *bare) Sealing() []seal.Key                                  { return []seal.Key{k.sealing} }
func (k *bare) Channel(sign.PublicKey) (s sign.PrivateKey, ok bool)  { return s, false }
func (k *bare) Past(canon.Hash) []byte                               { return nil }
func (k *bare) Retire([]seal.PublicKey, map[canon.Hash][]byte) error { return nil }
func (k *bare) NewChannel() (sign.PrivateKey, error)                 { return sign.Generate(nil) }

func (k *bare) apply(code party.Code) party.Signed {
	public := k.sealing.Public()
	return party.Application{Code: code, LegalName: string(code) + " Ltd", Country: "CH", Exchange: "localhost:1", Sealing: public.Bytes()}.
		Sign(k.member, k.node, k.recovery)
}

// An applicant may send nothing, and nothing happens by itself: its sponsor's
// node ends an application whose time is over, or another member's.
func TestAnApplicationWhoseTimeIsOverIsEndedByAMembersNode(t *testing.T) {
	for name, who := range map[string]struct {
		me   party.Code
		wait int64 // ms after the deadline
	}{"by its sponsor": {"ALPHA", 0}, "by another member when the sponsor does not": {"BRAVO", 2 * sponsorFirst}} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			var now atomic.Int64 // of blocks, ms
			now.Store(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC).UnixMilli())
			validator := sign.FromSeed([32]byte{1})
			network := local.Network("test", validator.Public())
			keys := map[party.Code]*bare{"ALPHA": newBare(t), "BRAVO": newBare(t), "CHARLIE": newBare(t)}
			genesis := canon.Must(trade.GenesisDocument{Network: trade.DefaultNetwork("test"),
				Validators: []trade.Validator{{Name: "local", Key: validator.Public(), Power: 1}},
				Members:    []party.Signed{keys["ALPHA"].apply("ALPHA"), keys["BRAVO"].apply("BRAVO")}})
			law := channel.Trade(trade.New())
			open := func(name string) *store.DB {
				db, err := store.Open(filepath.Join(dir, name), store.Options{MinFree: 1})
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { db.Close() })
				return db
			}
			machine, err := channel.NewOmni(open("validator"), channel.MachineOptions{ChainID: network.ChainID, Genesis: genesis, Law: law})
			if err != nil {
				t.Fatal(err)
			}
			chain, err := local.Open(local.Config{Network: network, Key: validator, Path: filepath.Join(dir, "ledger"), GapWait: 20 * time.Millisecond,
				Now: func() time.Time { return time.UnixMilli(now.Add(1)).UTC() }}, machine)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { chain.Close() })
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			t.Cleanup(cancel)
			member := func(code party.Code) *channel.Member {
				m, err := channel.OpenMember(channel.Options{Ledger: chain, Store: open(string(code)), Outbox: filepath.Join(dir, string(code)+"-outbox"),
					Keys: keys[code], Code: string(code), ChainID: network.ChainID, Genesis: genesis, Law: law})
				if err != nil {
					t.Fatal(err)
				}
				running, stop := context.WithCancel(context.Background())
				ended := make(chan error, 1)
				go func() { ended <- m.Run(running) }()
				t.Cleanup(func() { stop(); <-ended; m.Close() })
				<-m.Ready()
				return m
			}
			alpha := member("ALPHA")
			propose := trade.NewCommand(trade.KindMemberPropose, trade.MemberPropose{Application: keys["CHARLIE"].apply("CHARLIE")})
			out, err := alpha.Omni().Submit(ctx, trade.Authorize(propose, keys["ALPHA"].member, network.ChainID, canon.Hash{}, now.Load()+dayMillis, canon.Hash{1}))
			if err != nil || out[0].Err() != nil {
				t.Fatal(err, out)
			}
			m := alpha
			if who.me != "ALPHA" {
				m = member(who.me)
			}
			state := func() (s party.Member) {
				if err := m.Omni().View(func(v channel.View) error {
					s, _ = trade.View{Records: v}.Member("CHARLIE")
					return nil
				}); err != nil {
					t.Fatal(err)
				}
				return s
			}
			eventually(t, "the application is there", func() bool { return state().State == party.Applied })
			a := admissions{m.Omni(), who.me, now.Load, slog.New(slog.DiscardHandler)}
			over := state().Deadline + who.wait
			now.Store(over - 1000)
			if err := a.lapse(ctx); err != nil || state().State != party.Applied {
				t.Fatalf("before its time: %s, %v", state().State, err)
			}
			now.Store(over + clockSlack)
			look := make(chan time.Time)
			keeping, enough := context.WithCancel(ctx)
			ended := make(chan struct{})
			go func() { a.keep(keeping, look); close(ended) }()
			eventually(t, "the application is over", func() bool { return state().State == party.Left })
			select {
			case look <- time.Time{}: // once more: there is nothing to do
			case <-ctx.Done():
			}
			enough()
			<-ended
			if err := a.lapse(ctx); err != nil {
				t.Errorf("once it is over: %v", err)
			}
		})
	}
}

// Who is no member now ends nobody's application.
func TestASuspendedMembersNodeEndsNoApplication(t *testing.T) {
	v := trade.View{Records: records{
		trade.MemberKey("ALPHA"):   canon.Must(party.Member{Code: "ALPHA", State: party.Suspended}),
		trade.MemberKey("BRAVO"):   canon.Must(party.Member{Code: "BRAVO", State: party.Active}),
		trade.MemberKey("CHARLIE"): canon.Must(party.Member{Code: "CHARLIE", State: party.Applied, Sponsor: "ALPHA", Deadline: 5}),
	}}
	if due := lapsed(v, "ALPHA", 5+100*sponsorFirst); len(due) != 0 {
		t.Errorf("the suspended sponsor: %v", due)
	}
	if due := lapsed(v, "BRAVO", 5); len(due) != 0 {
		t.Errorf("another, at once: %v", due)
	}
	if due := lapsed(v, "BRAVO", 5+sponsorFirst); len(due) != 1 {
		t.Errorf("another, in its time: %v", due)
	}
}

// records is a state in memory.
type records map[string][]byte

func (r records) Get(key string) ([]byte, bool) { v, ok := r[key]; return v, ok }

func (r records) Scan(prefix string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, key := range slices.Sorted(maps.Keys(r)) {
			if strings.HasPrefix(key, prefix) && !yield(key, r[key]) {
				return
			}
		}
	}
}
