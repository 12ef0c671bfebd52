package comet

import (
	"context"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	abci "github.com/cometbft/cometbft/abci/types"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/ledger/ledgertest"
)

func TestLedger(t *testing.T) {
	ledgertest.Run(t, ledgertest.Harness{
		New: func(t *testing.T, o ledgertest.Options) ledgertest.Network {
			return newNetwork(t, 4, o)
		},
		VerifyCertificate: VerifyCertificate,
		VerifyInclusion:   VerifyInclusion,
	})
}

// testTuning suits a machine that runs the whole committee under the race
// detector, and makes a dead proposer cost little.
var testTuning = Tuning{ProposeTimeout: time.Second}

// network is a committee in this process, on loopback.
type network struct {
	t        *testing.T
	file     ledger.Network
	start    time.Time
	options  ledgertest.Options
	home     string
	nodes    []*node
	follower sign.PrivateKey // registered
}

type node struct {
	config  Config
	censor  *censor
	machine *ledgertest.Machine
	*Validator
	running bool
}

func testKey(kind string, i int) sign.PrivateKey {
	return sign.FromSeed(canon.Sum("comet-test-"+kind, []byte{byte(i)}))
}

func testFile(validators int) ledger.Network {
	genesis := canon.Sum("comet-test-genesis")
	n := ledger.Network{Driver: Driver, ChainID: ledger.ChainID("test", genesis), Genesis: genesis}
	for i := range validators {
		n.Validators = append(n.Validators, ledger.Validator{Name: string(rune('a' + i)), Key: testKey("block", i).Public(), Power: 1})
	}
	return n
}

// testLog shows the driver's log when LATERAL_TEST_LOG names a level.
func testLog(who string) *slog.Logger {
	var level slog.Level
	if err := level.UnmarshalText([]byte(os.Getenv("LATERAL_TEST_LOG"))); err != nil {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level})).With("node", who)
}

func newNetwork(t *testing.T, validators int, o ledgertest.Options) *network {
	n := &network{t: t, file: testFile(validators), start: time.Now(), options: o, home: t.TempDir(), follower: testKey("follower", 0)}
	for i := range validators {
		n.nodes = append(n.nodes, &node{machine: ledgertest.NewMachine(), config: Config{
			Network: n.file, Start: n.start, Home: filepath.Join(n.home, string(rune('a'+i))), Name: string(rune('a' + i)),
			Key: testKey("block", i), NodeKey: testKey("node", i),
			Listen: "127.0.0.1:0", FollowListen: "127.0.0.1:0",
			AllowNode:     n.registered,
			AllowFollower: func(k sign.PublicKey) bool { return k == n.follower.Public() },
			Retain:        o.Retain, Tuning: testTuning, Log: testLog(string(rune('a' + i))),
		}})
		n.Start(i)
	}
	t.Cleanup(func() {
		for i := range n.nodes {
			n.Stop(i)
		}
	})
	return n
}

func (n *network) registered(id string) bool {
	for i := range n.file.Validators {
		if NodeID(testKey("node", i).Public()) == id {
			return true
		}
	}
	return false
}

func (n *network) File() ledger.Network              { return n.file }
func (n *network) Validators() int                   { return len(n.nodes) }
func (n *network) Ledger(i int) ledger.Ledger        { return n.nodes[i].Validator }
func (n *network) Machine(i int) *ledgertest.Machine { return n.nodes[i].machine }

func (n *network) Start(i int) {
	n.nodes[i].config.faults.app = func(a abci.Application) abci.Application {
		n.nodes[i].censor = &censor{Application: a}
		return n.nodes[i].censor
	}
	v, err := Open(n.nodes[i].config, n.nodes[i].machine)
	if err != nil {
		n.t.Fatalf("validator %d: %v (%v)", i, err, fault.Of(err).Cause)
	}
	n.nodes[i].Validator, n.nodes[i].running = v, true
	// A restarted validator keeps its addresses, as it does in production.
	n.nodes[i].config.Listen, n.nodes[i].config.FollowListen = v.Address(), v.FollowAddress()
	for k, other := range n.nodes {
		if k == i || !other.running {
			continue
		}
		if err := v.Connect(Peer{testKey("node", k).Public(), other.Address()}); err != nil {
			n.t.Fatal(err)
		}
		if err := other.Connect(Peer{testKey("node", i).Public(), v.Address()}); err != nil {
			n.t.Fatal(err)
		}
	}
}

func (n *network) Stop(i int) {
	if !n.nodes[i].running {
		return
	}
	n.nodes[i].running = false
	if err := n.nodes[i].Close(); err != nil {
		n.t.Errorf("closing validator %d: %v", i, err)
	}
}

func (n *network) LoseIndex(i int) {
	if err := os.RemoveAll(filepath.Join(n.nodes[i].config.Home, "data", "index.db")); err != nil {
		n.t.Fatal(err)
	}
}

func (n *network) Stopped(ctx context.Context, i int) error {
	select {
	case <-n.nodes[i].Failed():
		return n.nodes[i].Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

// endpoints names the validators, the given one first.
func (n *network) endpoints(first Endpoint) []Endpoint {
	out := []Endpoint{first}
	for i, node := range n.nodes {
		if key := testKey("node", i).Public(); key != first.Node {
			out = append(out, Endpoint{key, node.config.FollowListen})
		}
	}
	return out
}

func (n *network) follow(key sign.PrivateKey, first Endpoint, log *slog.Logger) *Follower {
	return n.followAll(key, n.endpoints(first), log)
}

func (n *network) followAll(key sign.PrivateKey, ends []Endpoint, log *slog.Logger) *Follower {
	f, err := Follow(FollowerConfig{
		Network: n.file, Key: key, Endpoints: ends, Log: log,
		SpreadAfter: 300 * time.Millisecond, StallAfter: 5 * time.Second,
	})
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() {
		if err := f.Close(); err != nil {
			n.t.Error(err)
		}
	})
	return f
}

func (n *network) Follow() ledger.Ledger {
	return n.follow(n.follower, Endpoint{testKey("node", 0).Public(), n.nodes[0].config.FollowListen}, testLog("follower"))
}

// FollowBad puts in a server that holds validator 0's node key and answers
// every Submit as it likes.
func (n *network) FollowBad(how ledgertest.Misbehaviour, first bool) ledger.Ledger {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /submit", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			n.t.Error(err)
		}
		say := func(f *fault.Error) {
			w.WriteHeader(statusOf(f.Code))
			answer(w, canon.Must(failure{string(f.Code), f.Detail, f.Remedy, f.Field}))
		}
		switch how {
		case ledgertest.Deaf:
			<-r.Context().Done()
		case ledgertest.AlwaysBusy:
			say(fault.New(fault.Busy, "too many envelopes are under way", "submit again after a second"))
		case ledgertest.AlwaysNotYet:
			say(ledger.NotYet(1, 2))
		case ledgertest.Refusing:
			say(fault.New(fault.Refused, "the sender's key is not known", "register the key"))
		}
	})
	bad := n.impostor(mux)
	ends := n.endpoints(bad)
	if !first {
		ends[0], ends[1] = ends[1], ends[0]
	}
	return n.followAll(n.follower, ends, testLog("bad"))
}

// censor leaves a sender's envelopes out of what its validator proposes.
type censor struct {
	abci.Application
	sender atomic.Pointer[sign.PublicKey]
}

func (c *censor) PrepareProposal(ctx context.Context, r *abci.RequestPrepareProposal) (*abci.ResponsePrepareProposal, error) {
	res, err := c.Application.PrepareProposal(ctx, r)
	if sender := c.sender.Load(); sender != nil && err == nil {
		res.Txs = slices.DeleteFunc(res.Txs, func(tx []byte) bool {
			e, err := ledger.Unmarshal(tx)
			return err == nil && e.Header.Sender == *sender
		})
	}
	return res, err
}

func (n *network) LeaveOut(i int, sender sign.PublicKey) {
	n.nodes[i].censor.sender.Store(&sender)
}

// FollowLiar puts in front a server that holds validator 0's node key and
// answers with the true validator's words, changed where it matters.
func (n *network) FollowLiar() (ledger.Ledger, func() int) {
	v := n.nodes[0].Validator
	mux := http.NewServeMux()
	mux.HandleFunc("POST /submit", func(w http.ResponseWriter, r *http.Request) { // another envelope's receipt
		tip, _ := v.app.where()
		for h := tip; h > 0; h-- {
			if b, err := v.blockAt(h); err == nil && len(b.txs) > 0 {
				at := ledger.Position{Height: h}
				rec, _, err := v.receiptFor(at)
				if err != nil {
					n.t.Error(err)
				}
				answer(w, canon.Must(final{Position: at, Receipt: &rec}))
				return
			}
		}
	})
	mux.HandleFunc("GET /blocks", func(w http.ResponseWriter, r *http.Request) { // an envelope left out
		for h := ledger.Height(1); ; h++ {
			if v.app.reach(r.Context(), h) != nil {
				return
			}
			b, err := v.blockAt(h)
			if err != nil {
				n.t.Error(err)
				return
			}
			head, err := v.sealAt(h)
			if err != nil {
				n.t.Error(err)
				return
			}
			var txs [][]byte
			for _, tx := range b.txs[min(1, len(b.txs)):] {
				txs = append(txs, tx)
			}
			if writeFrame(w, head, txs) != nil {
				return
			}
		}
	})
	mux.HandleFunc("GET /certificate", func(w http.ResponseWriter, r *http.Request) { // a root of its own
		h, err := number(r, "height", 64)
		if err != nil {
			n.t.Error(err)
		}
		s, err := v.sealAt(ledger.Height(h) + 1)
		if err != nil {
			answer(w, nil)
			return
		}
		s.Header.App = make([]byte, 32)
		answer(w, canon.Must(s))
	})
	mux.HandleFunc("GET /proof", func(w http.ResponseWriter, r *http.Request) { // too few signatures
		h, err := number(r, "height", 64)
		if err != nil {
			n.t.Error(err)
		}
		p, err := v.Included(r.Context(), ledger.Position{Height: ledger.Height(h)})
		if err != nil {
			n.t.Error(err)
		}
		var i inclusion
		if err := canon.Decode(p.Bytes, &i); err != nil {
			n.t.Error(err)
		}
		i.Seal.Votes = i.Seal.Votes[:2]
		answer(w, canon.Must(i))
	})
	count := &alarms{Handler: testLog("liar").Handler()}
	f := n.follow(n.follower, n.impostor(mux), slog.New(count))
	return &alwaysFirst{f}, func() int { return int(count.n.Load()) }
}

// alwaysFirst makes a follower ask its first validator first in every call, so
// that each call meets the liar.
type alwaysFirst struct{ *Follower }

func (a *alwaysFirst) Submit(ctx context.Context, e ledger.Envelope) (ledger.Position, error) {
	a.preferred.Store(0)
	return a.Follower.Submit(ctx, e)
}

func (a *alwaysFirst) Blocks(ctx context.Context, from ledger.Height) iter.Seq2[ledger.Block, error] {
	a.preferred.Store(0)
	return a.Follower.Blocks(ctx, from)
}

func (a *alwaysFirst) Certified(ctx context.Context, h ledger.Height) (ledger.Certificate, error) {
	a.preferred.Store(0)
	return a.Follower.Certified(ctx, h)
}

func (a *alwaysFirst) Included(ctx context.Context, p ledger.Position) (ledger.Proof, error) {
	a.preferred.Store(0)
	return a.Follower.Included(ctx, p)
}

// impostor serves with validator 0's node key.
func (n *network) impostor(h http.Handler) Endpoint {
	key := testKey("node", 0)
	config, err := nodeTLS(key, func(sign.PublicKey) error { return nil })
	if err != nil {
		n.t.Fatal(err)
	}
	s := httptest.NewUnstartedServer(h)
	s.TLS = config
	s.EnableHTTP2 = true
	s.StartTLS()
	n.t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return Endpoint{key.Public(), s.Listener.Addr().String()}
}

// Stranger has good software, the right genesis and keys that nobody knows.
func (n *network) Stranger(ctx context.Context) (followed, peered, links int) {
	follower := n.follow(testKey("stranger", 0), Endpoint{testKey("node", 1).Public(), n.nodes[1].config.FollowListen}, testLog("stranger"))
	short, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var following sync.WaitGroup
	following.Go(func() {
		for _, err := range follower.Blocks(short, 1) {
			if err == nil {
				followed++
			}
		}
	})
	v, err := Open(Config{
		Network: n.file, Start: n.start, Home: n.t.TempDir(), Key: testKey("stranger", 1), NodeKey: testKey("stranger", 2),
		AllowNode: n.registered, Log: testLog("stranger"), Tuning: testTuning,
	}, ledgertest.NewMachine())
	if err != nil {
		n.t.Fatal(err)
	}
	defer v.Close()
	for i, node := range n.nodes {
		if err := v.Connect(Peer{testKey("node", i).Public(), node.Address()}); err != nil {
			n.t.Fatal(err)
		}
	}
	// Several tries to connect fall into this time.
	for end := time.Now().Add(3 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		for _, node := range n.nodes {
			if _, ok := node.engine.peerHeights()[NodeID(testKey("stranger", 2).Public())]; ok {
				links++
			}
		}
	}
	following.Wait()
	tip, _ := v.app.where()
	return followed, int(tip), links
}

// alarms counts the error lines of a log.
type alarms struct {
	slog.Handler
	n atomic.Int64
}

func (a *alarms) Enabled(context.Context, slog.Level) bool { return true }

func (a *alarms) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelError {
		a.n.Add(1)
	}
	if a.Handler.Enabled(ctx, r.Level) {
		return a.Handler.Handle(ctx, r)
	}
	return nil
}
