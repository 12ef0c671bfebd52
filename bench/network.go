package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/ledger/comet"
	"github.com/lateral-network/lateral/line/voice"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/party"
)

// network is four validators in this process, encrypted links on loopback
// between them, and two members that follow one validator each.
type network struct {
	file       ledger.Network
	genesis    []byte
	validators []*comet.Validator
	machines   []*channel.Omni // of the validators
	members    [2]*member
	ending     []func() error // in reverse
}

// member is one carrier with its keys, its store on disk and its replica of the
// one Bilateral.
type member struct {
	code party.Code
	keys *keys
	*channel.Member
	bilateral *channel.Bilateral
}

// key gives the same key for the same words each time: nothing here is secret.
func key(words string, n int) sign.PrivateKey {
	return sign.FromSeed(canon.Sum("lateral/bench", []byte(words), []byte{byte(n)}))
}

// keys is a key store in memory.
type keys struct {
	code    string
	sealing seal.Key

	mu       sync.Mutex // guards what follows
	channels map[sign.PublicKey]sign.PrivateKey
}

func newKeys(code string) *keys {
	return &keys{code: code, sealing: seal.KeyFromSeed(canon.Sum("lateral/bench-seal", []byte(code))),
		channels: map[sign.PublicKey]sign.PrivateKey{}}
}

func (k *keys) Node() sign.PrivateKey           { return key("node "+k.code, 0) }
func (k *keys) Member() (sign.PrivateKey, bool) { return key("member "+k.code, 0), true }
func (k *keys) Sealing() []seal.Key             { return []seal.Key{k.sealing} }

// Sealing keys are never replaced in a bench.
func (k *keys) Past(canon.Hash) []byte { return nil }

func (k *keys) Retire([]seal.PublicKey, map[canon.Hash][]byte) error {
	return fault.New(fault.Refused, "a bench replaces no keys", "report this")
}

func (k *keys) delegate() sign.PrivateKey { return key("delegate "+k.code, 0) }

func (k *keys) Channel(p sign.PublicKey) (sign.PrivateKey, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	private, ok := k.channels[p]
	return private, ok
}

func (k *keys) NewChannel() (sign.PrivateKey, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	private := key("channel "+k.code, len(k.channels))
	k.channels[private.Public()] = private
	return private, nil
}

func law() channel.Law { return channel.Trade(trade.New(voice.Line{})) }

// start builds the network in a folder and opens the Bilateral.
func start(ctx context.Context, dir string, tuning comet.Tuning) (n *network, err error) {
	n = &network{}
	defer func() {
		if err != nil {
			err = errors.Join(err, n.stop())
		}
	}()
	doc := trade.GenesisDocument{Network: trade.DefaultNetwork("bench")}
	// Two members load the whole ledger over one channel: no quota is to bind.
	doc.Network.MemberBytes, doc.Network.ChannelBytes = 1<<40, 1<<40
	for i := range 4 {
		doc.Validators = append(doc.Validators, trade.Validator{Name: fmt.Sprint("v", i), Key: key("block", i).Public(), Power: 1})
	}
	for i, code := range []party.Code{"ALPHA", "BRAVO"} {
		k := newKeys(string(code))
		n.members[i] = &member{code: code, keys: k}
		public := k.sealing.Public()
		own, _ := k.Member()
		doc.Members = append(doc.Members, party.Application{Code: code, LegalName: string(code), Country: "CH", Exchange: "127.0.0.1:1", Sealing: public[:]}.
			Sign(own, k.Node(), key("recovery "+k.code, 0)))
	}
	n.genesis = canon.Must(doc)
	hash := canon.Sum("lateral/bench-genesis", n.genesis)
	n.file = ledger.Network{Driver: comet.Driver, ChainID: ledger.ChainID("bench", hash), Genesis: hash}
	for i := range 4 {
		n.file.Validators = append(n.file.Validators, ledger.Validator{Name: fmt.Sprint("v", i), Key: key("block", i).Public(), Power: 1})
	}
	began := time.Now().Add(-time.Second)
	for i := range 4 {
		if err := n.addValidator(filepath.Join(dir, fmt.Sprint("validator-", i)), i, began, tuning); err != nil {
			return n, fmt.Errorf("starting validator %d: %w", i, err)
		}
	}
	for i, m := range n.members {
		if err := n.addMember(filepath.Join(dir, string(m.code)), m, n.validators[i], key("validator node", i).Public()); err != nil {
			return n, fmt.Errorf("starting member %s: %w", m.code, err)
		}
	}
	return n, n.open(ctx)
}

func (n *network) later(f func() error) { n.ending = append(n.ending, f) }

func (n *network) addValidator(home string, i int, began time.Time, tuning comet.Tuning) error {
	db, err := store.Open(filepath.Join(home, "state"), store.Options{MinFree: 1})
	if err != nil {
		return err
	}
	n.later(db.Close)
	omni, err := channel.NewOmni(db, channel.MachineOptions{ChainID: n.file.ChainID, Genesis: n.genesis, Law: law()})
	if err != nil {
		return err
	}
	n.machines = append(n.machines, omni)
	followers := map[sign.PublicKey]bool{}
	for _, m := range n.members {
		followers[m.keys.Node().Public()] = true
	}
	v, err := comet.Open(comet.Config{
		Network: n.file, Start: began, Home: filepath.Join(home, "engine"), Key: key("block", i), NodeKey: key("validator node", i),
		FollowListen: "127.0.0.1:0", AllowFollower: func(k sign.PublicKey) bool { return followers[k] },
		AllowNode: func(string) bool { return true }, Tuning: tuning,
	}, omni)
	if err != nil {
		return err
	}
	n.later(v.Close)
	for k, o := range n.validators {
		if err := errors.Join(
			v.Connect(comet.Peer{Node: key("validator node", k).Public(), Address: o.Address()}),
			o.Connect(comet.Peer{Node: key("validator node", i).Public(), Address: v.Address()}),
		); err != nil {
			return err
		}
	}
	n.validators = append(n.validators, v)
	return nil
}

func (n *network) addMember(home string, m *member, v *comet.Validator, node sign.PublicKey) error {
	db, err := store.Open(filepath.Join(home, "store"), store.Options{MinFree: 1})
	if err != nil {
		return err
	}
	n.later(db.Close)
	follower, err := comet.Follow(comet.FollowerConfig{
		Network: n.file, Key: m.keys.Node(), Endpoints: []comet.Endpoint{{Node: node, Address: v.FollowAddress()}},
	})
	if err != nil {
		return err
	}
	n.later(follower.Close)
	m.Member, err = channel.OpenMember(channel.Options{
		Ledger: follower, Store: db, Outbox: filepath.Join(home, "outbox"), Keys: m.keys, Code: string(m.code),
		ChainID: n.file.ChainID, Genesis: n.genesis, Law: law(),
	})
	if err != nil {
		return err
	}
	n.later(m.Close)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- m.Run(ctx) }()
	n.later(func() error {
		cancel()
		return <-ended
	})
	return nil
}

// open introduces the two members to each other, opens their Bilateral and
// registers each side's delegate.
func (n *network) open(ctx context.Context) error {
	a, b := n.members[0], n.members[1]
	for _, m := range n.members {
		select {
		case <-m.Ready():
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	ours, err := a.Introduce(string(b.code))
	if err != nil {
		return err
	}
	theirs, err := b.Introduce(string(a.code))
	if err != nil {
		return err
	}
	if a.bilateral, err = a.Invite(ctx, ours, theirs); err != nil {
		return err
	}
	if err := a.bilateral.Await(ctx); err != nil {
		return err
	}
	if err := until(ctx, func() (ok bool) { b.bilateral, ok = b.Bilateral(a.bilateral.ID()); return ok }); err != nil {
		return err
	}
	if err := b.bilateral.Await(ctx); err != nil {
		return err
	}
	for _, m := range n.members {
		own, _ := m.keys.Member()
		add := trade.NewCommand(trade.KindDelegateAdd, trade.DelegateAdd{Key: m.keys.delegate().Public(), Name: "robot", Roles: []party.Role{party.Orders}})
		out, err := m.bilateral.Submit(ctx, n.sign(add, own, m, canon.Sum("delegate", []byte(m.code))))
		if err == nil {
			err = channel.FirstErr(out)
		}
		if err != nil {
			return fmt.Errorf("registering the delegate of %s: %w", m.code, err)
		}
	}
	return nil
}

func (n *network) sign(c trade.Command, k sign.PrivateKey, m *member, nonce canon.Hash) trade.Command {
	return trade.Authorize(c, k, n.file.ChainID, m.bilateral.ID(), time.Now().Add(time.Hour).UnixMilli(), nonce)
}

// until waits for a condition.
func until(ctx context.Context, ok func() bool) error {
	for !ok() {
		select {
		case <-time.After(5 * time.Millisecond):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// settled waits until both members have signed the same log up to its end, and
// checks that their states are equal.
func (n *network) settled(ctx context.Context) error {
	a, b := n.members[0].bilateral, n.members[1].bilateral
	err := until(ctx, func() bool {
		at := a.Position()
		return at == b.Position() && a.Attested() >= at && b.Attested() >= at
	})
	if err != nil {
		return fault.New(fault.NotYet, "the two members have not signed the same log", "run it again with more time").Because(err)
	}
	if a.Root() != b.Root() {
		return fault.New(fault.Internal, "the two members have come to different states", "report this")
	}
	return nil
}

// stop ends everything, the last started first.
func (n *network) stop() error {
	var errs []error
	for i := len(n.ending) - 1; i >= 0; i-- {
		errs = append(errs, n.ending[i]())
	}
	n.ending = nil
	return errors.Join(errs...)
}
