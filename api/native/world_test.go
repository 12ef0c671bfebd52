package native_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"iter"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/clearing"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/ledger/local"
	"github.com/lateral-network/lateral/line/connectivity"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/rating"
	"github.com/lateral-network/lateral/trade/repute"
	"github.com/lateral-network/lateral/trade/usage"
	"github.com/lateral-network/lateral/treasury"
)

// A world is two carriers on a local ledger: real members under the law of the
// product, real desks, and the API of each over loopback HTTP. Files go from
// desk to desk directly.

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

type keyring struct {
	node, member, recovery sign.PrivateKey
	offline                bool // the member key is somewhere else
	sealing                seal.Key
	delegates              map[party.Role]sign.PrivateKey

	mu       sync.Mutex
	channels map[sign.PublicKey]sign.PrivateKey
}

func newKeyring() *keyring {
	k := &keyring{channels: map[sign.PublicKey]sign.PrivateKey{}, delegates: map[party.Role]sign.PrivateKey{}}
	k.node, k.member, k.recovery = must(sign.Generate(nil)), must(sign.Generate(nil)), must(sign.Generate(nil))
	k.sealing = must(seal.GenerateKey(nil))
	for _, r := range []party.Role{party.Contracts, party.Orders, party.Disputes, party.Finance} {
		k.delegates[r] = must(sign.Generate(nil))
	}
	return k
}

func (k *keyring) Node() sign.PrivateKey           { return k.node }
func (k *keyring) Member() (sign.PrivateKey, bool) { return k.member, !k.offline }
func (k *keyring) Sealing() []seal.Key             { return []seal.Key{k.sealing} }
func (k *keyring) Channel(p sign.PublicKey) (sign.PrivateKey, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	key, ok := k.channels[p]
	return key, ok
}

// Sealing keys are never replaced here.
func (k *keyring) Past(canon.Hash) []byte                               { return nil }
func (k *keyring) Retire([]seal.PublicKey, map[canon.Hash][]byte) error { panic("no key is old") }

func (k *keyring) NewChannel() (sign.PrivateKey, error) {
	key, err := sign.Generate(nil)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.channels[key.Public()] = key
	return key, err
}

func (k *keyring) application(code party.Code) party.Signed {
	public := k.sealing.Public()
	return party.Application{Code: code, LegalName: string(code) + " Ltd", Country: "CH", Exchange: "localhost:1", Sealing: public.Bytes()}.
		Sign(k.member, k.node, k.recovery)
}

// files reads the files of voice.
type files struct{}

func (files) Files(pair usage.Pair) clearing.Files { return voice.NewFiles(voice.Options{Pair: pair}) }

func (files) ReadSheet(r io.Reader) (*rating.Sheet, []usage.Reject, error) { return voice.ReadSheet(r) }

type world struct {
	t       testing.TB
	chain   string
	chainOf ledger.Ledger
	trust   proof.Trust
	genesis []byte
	sides   map[party.Code]*side
	logs    *syncBuffer // of the APIs
	law     channel.Law
	laws    map[party.Code]channel.Law // of a side that does not execute what all others do
	clock   channel.Clock              // of the members; nil: the usual one
	dir     string
	banking bool // the sides pay by banks, and by hand with four eyes
}

// side is one carrier with its node's parts and API.
type side struct {
	w       *world
	code    party.Code
	keys    *keyring
	member  *channel.Member
	blobs   *store.Blobs
	db      *store.DB
	catalog *catalog.Catalog
	tokens  map[api.Role]string
	second  string // token of another person with the role finance
	bank    *treasury.Desk
	file    *api.Tokens
	server  *httptest.Server
	options native.Options

	smuggled atomic.Pointer[ledger.Envelope] // see tampered

	closers []func() // what stops its parts, in the order in which they were started

	mu   sync.Mutex
	desk *clearing.Desk
}

func (s *side) client(r api.Role) *client.Client {
	c := client.New(s.server.URL, s.tokens[r])
	s.w.t.Cleanup(c.Close)
	return c
}

// as gives the client of a role for the other side.
func (s *side) as(r api.Role) *client.Partner { return s.client(r).With(s.other().code) }

func (s *side) other() *side {
	if s.code == "ALPHA" {
		return s.w.sides["BRAVO"]
	}
	return s.w.sides["ALPHA"]
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// within bounds everything that a test waits for.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// eventually waits for a condition with a deadline.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !f(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not reached in time: %s", what)
		}
	}
}

func newWorld(t testing.TB, tune ...func(*world)) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{t: t, sides: map[party.Code]*side{}, logs: &syncBuffer{}, dir: dir, law: channel.Trade(trade.New(connectivity.Line{}, voice.Line{}))}
	for _, f := range tune {
		f(w)
	}
	key := sign.FromSeed([32]byte{1})
	network := local.Network("test", key.Public())
	w.chain = network.ChainID
	g := trade.GenesisDocument{Network: trade.DefaultNetwork("test"), Validators: []trade.Validator{{Name: "local", Key: key.Public(), Power: 1}}}
	codes := []party.Code{"ALPHA", "BRAVO"}
	for _, code := range codes {
		w.sides[code] = &side{w: w, code: code, keys: newKeyring(), tokens: map[api.Role]string{}}
		g.Members = append(g.Members, w.sides[code].keys.application(code))
	}
	w.genesis = canon.Must(g)

	validator := must(store.Open(filepath.Join(dir, "validator"), store.Options{MinFree: 1}))
	machine := must(channel.NewOmni(validator, channel.MachineOptions{ChainID: w.chain, Genesis: w.genesis, Law: w.law}))
	chain := must(local.Open(local.Config{Network: network, Key: key, Path: filepath.Join(dir, "ledger"), GapWait: 20 * time.Millisecond}, machine))
	t.Cleanup(func() { validator.Close() })
	t.Cleanup(func() { chain.Close() })
	w.chainOf = chain
	w.trust = proof.Trust{Certificate: func(cert []byte) (uint64, canon.Hash, int64, error) {
		h, root, at, err := local.VerifyCertificate(network, cert)
		return uint64(h), root, at, err
	}}
	for _, code := range codes {
		t.Cleanup(w.sides[code].stop)
		w.sides[code].start()
	}
	return w
}

func (s *side) dir() string { return filepath.Join(s.w.dir, string(s.code)) }

// start opens and runs a side's member, and serves its API.
func (s *side) start() {
	t, dir, law := s.w.t, s.dir(), s.w.law
	if own := s.w.laws[s.code]; own != nil {
		law = own
	}
	s.db = must(store.Open(filepath.Join(dir, "store"), store.Options{MinFree: 1}))
	s.closes(func() { s.db.Close() })
	s.blobs = must(store.OpenBlobs(durable.OS, filepath.Join(dir, "files"), [32]byte{1}))
	s.member = must(channel.OpenMember(channel.Options{
		Ledger: tampered{s.w.chainOf, s}, Store: s.db, Outbox: filepath.Join(dir, "outbox"), Keys: s.keys, Code: string(s.code),
		ChainID: s.w.chain, Genesis: s.w.genesis, Law: law, Clock: s.w.clock,
	}))
	s.closes(func() { s.member.Close() })
	s.run(s.member.Run)

	var tokens []api.Token
	for _, r := range api.Roles {
		text, token := api.NewToken("the "+string(r), r, time.Time{})
		s.tokens[r] = text
		tokens = append(tokens, token)
	}
	text, token := api.NewToken("another of finance", api.Finance, time.Time{})
	s.second, tokens = text, append(tokens, token)
	path := filepath.Join(dir, "tokens.yaml")
	if err := api.WriteTokens(path, tokens); err != nil {
		t.Fatal(err)
	}
	s.file = must(api.OpenTokens(path))
	s.catalog = must(catalog.Open(s.db.Node(), nil, nil))
	registry := prometheus.NewRegistry()
	s.options = native.Options{
		Pseudonyms: func(n int) (sign.PublicKey, canon.Hash) {
			k, salt := clearing.Pseudonym(s.secret(), n)
			return k.Public(), repute.Commit(k.Public(), salt)
		},
		Member: native.Of(s.member), Desk: s.deskFor, Authorize: s.authorize, Open: s.open, Chain: s.w.chain, Trust: s.w.trust, Files: s.blobs, Catalog: s.catalog, Tokens: s.file,
		Ready:    func() ([]wire.Check, uint64) { return []wire.Check{{Name: "replica", OK: true}}, 7 },
		Finality: func() wire.Finality { return wire.Finality{Count: 3, P50: 1.5, P99: 2.5} },
		Metrics:  promhttp.HandlerFor(registry, promhttp.HandlerOpts{}), Registry: registry, Version: "test",
		Log: slog.New(slog.NewJSONHandler(s.w.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if s.w.banking {
		s.openBank()
		s.options.Treasury = s.bank
		s.run(s.bank.Work)
	}
	s.server = httptest.NewServer(must(native.New(s.options)))
	s.closes(s.server.Close)
}

// secret is what keys of locks and pseudonyms follow from.
func (s *side) secret() [32]byte { return [32]byte{1, byte(s.code[0])} }

func (s *side) closes(f func()) { s.closers = append(s.closers, f) }

// stop ends what the side runs.
func (s *side) stop() {
	for _, f := range slices.Backward(s.closers) {
		f()
	}
	s.closers = nil
}

// tampered is a ledger whose validators bring a side an envelope that they have
// refused: in the next block, once a test has set it.
type tampered struct {
	ledger.Ledger
	s *side
}

func (l tampered) Blocks(ctx context.Context, from ledger.Height) iter.Seq2[ledger.Block, error] {
	return func(yield func(ledger.Block, error) bool) {
		for b, err := range l.Ledger.Blocks(ctx, from) {
			if e := l.s.smuggled.Swap(nil); e != nil {
				b.Envelopes = append(slices.Clone(b.Envelopes), *e)
			}
			if !yield(b, err) {
				return
			}
		}
	}
}

// run runs a part until the side stops.
func (s *side) run(part func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- part(ctx) }()
	s.closes(func() {
		cancel()
		if err := <-ended; err != nil {
			s.w.t.Logf("%s: a part ended with %v", s.code, err)
		}
	})
}

func (s *side) deskFor(partner party.Code) (native.Desk, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.desk, s.desk != nil && partner == s.other().code
}

func (s *side) authorize(_ api.Actor, role party.Role, c trade.Command, ch canon.Hash) (trade.Command, error) {
	key, ok := s.keys.delegates[role]
	if role == native.MemberKey {
		key, ok = s.keys.Member()
	}
	if !ok {
		return c, fault.Newf(fault.Forbidden, "use another node", "no key for %s", role)
	}
	var nonce canon.Hash
	rand.Read(nonce[:])
	return trade.Authorize(c, key, s.w.chain, ch, time.Now().Add(time.Hour).UnixMilli(), nonce), nil
}

func (s *side) open(ctx context.Context, partner party.Code) error {
	them, ok := s.w.sides[partner]
	if !ok {
		return fault.Newf(fault.NotFound, "look it up", "there is no member %s", partner)
	}
	for _, side := range []*side{s, them} {
		select {
		case <-side.member.Ready():
		case <-ctx.Done():
			return fault.Newf(fault.Unavailable, "look at why it does not catch up", "%s was never ready", side.code)
		}
	}
	ours, err := s.member.Introduce(string(partner))
	if err != nil {
		return err
	}
	theirs, err := them.member.Introduce(string(s.code))
	if err != nil {
		return err
	}
	_, err = s.member.Invite(ctx, ours, theirs)
	return err
}

// clear opens and runs a side's desk. Of the steps it takes the given ones by
// itself.
func (s *side) clear(a clearing.Automatic) {
	var b *channel.Bilateral
	eventually(s.w.t, "the channel is here", func() bool {
		if all := s.member.Bilaterals(); len(all) > 0 {
			b = all[0]
		}
		return b != nil && b.State() == channel.StateOpen
	})
	d := must(clearing.Open(clearing.Options{
		Me: s.code, Partner: s.other().code, Line: voice.Name, Channel: b, Store: s.db.Node(), Blobs: s.blobs, Reader: files{},
		Secret: [32]byte{byte(s.code[0])}, NumberKey: b.Derive("edges"), Send: s.send,
		Authorize: func(c trade.Command, role party.Role) (trade.Command, error) {
			if trade.Public(c.Kind) {
				return s.authorize(api.Actor{}, role, c, canon.Hash{})
			}
			return s.authorize(api.Actor{}, role, c, b.ID())
		},
		Vault: &clearing.Vault{Omni: s.member.Omni(), Chain: s.w.chain, Secret: s.secret(), Ask: func(ctx context.Context, request []byte) ([]byte, error) {
			d, ok := s.other().deskFor(s.code)
			if !ok {
				return nil, fault.New(fault.Unavailable, "the partner has no desk yet", "try again")
			}
			return d.(*clearing.Desk).Answer(ctx, request)
		}},
		Now: func() int64 { return time.Now().UnixMilli() }, Automatic: a,
	}))
	s.mu.Lock()
	s.desk = d
	s.mu.Unlock()
	s.run(d.Run)
}

// send hands a file to the other side's desk.
func (s *side) send(ctx context.Context, kind, subject string, f store.Info) error {
	them := s.other()
	data, err := s.blobs.Get(f.Hash)
	if err != nil {
		return err
	}
	if _, err := them.blobs.PutAs(f.Hash, bytes.NewReader(data)); err != nil {
		return err
	}
	them.mu.Lock()
	d := them.desk
	them.mu.Unlock()
	if d == nil {
		return fault.New(fault.Unavailable, "the partner has no desk yet", "try again")
	}
	return d.Receive(ctx, kind, subject, f, func() (io.ReadCloser, error) { return them.blobs.Open(f.Hash) })
}

// opened gives a world whose Bilateral is open and whose delegates are
// registered, all by the API.
func opened(t testing.TB, tune ...func(*world)) *world {
	t.Helper()
	w := newWorld(t, tune...)
	ctx := within(t)
	alpha := w.sides["ALPHA"]
	b, err := alpha.client(api.Administrator).Open(ctx, "BRAVO")
	if err != nil {
		t.Fatal(err)
	}
	if b.Partner != "BRAVO" || b.Opener != "ALPHA" {
		t.Fatalf("the Bilateral is %+v", b)
	}
	for _, s := range w.sides {
		if _, err := s.as(api.Administrator).AwaitOpen(ctx); err != nil {
			t.Fatal(err)
		}
		for _, r := range slices.Sorted(mapKeys(s.keys.delegates)) {
			if _, err := s.as(api.Administrator).AddDelegate(ctx, wire.AddDelegate{
				Key: s.keys.delegates[r].Public(), Name: string(r), Roles: []party.Role{r}, Limits: limits,
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	return w
}

func mapKeys[K comparable, V any](m map[K]V) func(func(K) bool) {
	return func(yield func(K) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}
