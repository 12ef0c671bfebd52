// Package node is what a running node is made of: keys, ledger, replica,
// exchange, desks and interfaces, in the order in which they start and stop.
//
// A node is a validator, a carrier's node, or both. It is driven by a [Config];
// [Open] makes everything ready and [Node.Run] runs it until its context ends.
package node

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/buying"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/clearing"
	"github.com/lateral-network/lateral/exchange"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/internal/seal"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/ledger/comet"
	"github.com/lateral-network/lateral/selling"
	"github.com/lateral-network/lateral/store"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/treasury"
)

// Node is an open node. Make it with Open, run it once, close it once.
type Node struct {
	config  Config
	log     *slog.Logger
	network ledger.Network
	genesis []byte
	keys    *keys
	lock    *durable.Lock

	validator *comet.Validator // nil unless this node takes part in consensus
	validated *store.DB        // the validator's own Omnilateral

	ledger   ledger.Ledger // the own validator, or what follows others
	store    *store.DB
	blobs    *store.Blobs
	member   *channel.Member
	catalog  *catalog.Catalog
	exchange *exchange.Exchange
	metrics  *metrics
	vitals   *vitals

	mu    sync.Mutex // guards desks and stop
	desks map[party.Code]*clearing.Desk
	stop  context.CancelCauseFunc // ends Run

	turning sync.Mutex     // held while a next key is made or promoted
	nodeKey sign.PublicKey // under which this node runs

	api      net.Listener // nil without an API
	sonata   *sonata.Server
	sonataAt net.Listener     // nil without a Sonata interface
	shop     *selling.Shop    // answers partners from the catalogue; nil without a Sonata interface
	deals    *selling.Deals   // answers them from the Bilaterals; nil without a Sonata interface
	listener *sonata.Listener // takes notifications of sellers; nil without neighbours
	broker   *buying.Broker   // nil without neighbours
	treasury *treasury.Desk   // nil without a bank
	closers  []func() error
	finality *finality
}

// Open makes a node ready: keys, stores, consensus, replica, listeners. Nothing
// commercial happens before Run. What it had opened is closed when it fails.
func Open(c Config, log *slog.Logger) (*Node, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	n := newNode(c, log)
	if err := n.open(); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func newNode(c Config, log *slog.Logger) *Node {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Node{config: c, log: log, desks: map[party.Code]*clearing.Desk{}, metrics: newMetrics(), finality: newFinality()}
}

func (n *Node) open() (err error) {
	c := n.config
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return durable.Explain("make "+c.Data, err)
	}
	if n.lock, err = durable.LockDir(c.Data); err != nil {
		return err
	}
	n.defer_(n.lock.Release)
	if n.network, err = ReadNetwork(c.Network); err != nil {
		return err
	}
	genesis, err := ReadGenesis(c.Genesis)
	if err != nil {
		return err
	}
	n.genesis = genesisBytes(genesis)
	if h := genesis.Hash(); h != n.network.Genesis || n.network.ChainID != ledger.ChainID(genesis.Network.Name, h) {
		return fault.Newf(fault.Invalid, "get both files from the network's founders",
			"the genesis document (hash %s) is not the one that the network file names", h).In("genesis")
	}
	if n.keys, err = openKeys(c.Keys, c.Passphrase); err != nil {
		return err
	}
	if c.Validator != nil {
		if err := n.openValidator(genesis.Start); err != nil {
			return fmt.Errorf("starting the validator: %w", err)
		}
	}
	if c.Carrier != "" {
		if err := n.openCarrier(); err != nil {
			return fmt.Errorf("starting the node of %s: %w", c.Carrier, err)
		}
	}
	n.vitals = newVitals(n)
	if err := n.openMesh(); err != nil {
		return err
	}
	if err := n.openBank(); err != nil {
		return err
	}
	if err := n.openSonata(); err != nil {
		return err
	}
	return n.openAPI()
}

// defer_ has something closed with the node, last opened first.
func (n *Node) defer_(f func() error) { n.closers = append(n.closers, f) }

// Close releases everything. Run must have returned.
func (n *Node) Close() error {
	var all error
	for _, f := range slices.Backward(n.closers) {
		all = errors.Join(all, f())
	}
	n.closers = nil
	return all
}

// law is the state machine of the product.
func law() channel.Law { return channel.Trade(newMachine()) }

func (n *Node) openValidator(start int64) error {
	v := n.config.Validator
	dir := filepath.Join(n.config.Data, "validator")
	var err error
	if n.validated, err = store.Open(filepath.Join(dir, "store"), store.Options{}); err != nil {
		return err
	}
	n.defer_(n.validated.Close)
	omni, err := channel.NewOmni(n.validated, channel.MachineOptions{
		ChainID: n.network.ChainID, Genesis: n.genesis, Law: law(), Logger: n.log, Alarm: n.alarm,
	})
	if err != nil {
		return err
	}
	key, err := n.keys.signing(keyValidator)
	if err != nil {
		return err
	}
	nodeKey, err := n.keys.signing(keyValidatorNode)
	if err != nil {
		return err
	}
	peers := make([]comet.Peer, len(v.Peers))
	for i, p := range v.Peers {
		peers[i] = comet.Peer{Node: p.Key, Address: p.Address}
	}
	n.validator, err = comet.Open(comet.Config{
		Network: n.network, Start: time.UnixMilli(start), Home: filepath.Join(dir, "comet"), Name: v.Name,
		Key: key, NodeKey: nodeKey, Listen: v.P2P, FollowListen: v.Follow, Peers: peers,
		AllowFollower: func(k sign.PublicKey) bool { return registered(omni, k) }, Log: n.log,
	}, omni)
	if err != nil {
		return err
	}
	n.defer_(n.validator.Close)
	n.ledger = n.validator
	return n.metrics.registry.Register(&committee{n.validator, omni})
}

// viewer is a channel whose state can be read.
type viewer interface {
	View(func(channel.View) error) error
}

// registered reports whether a node key is that of an active member: only such
// nodes may connect.
func registered(omni viewer, k sign.PublicKey) bool {
	ok := false
	err := omni.View(func(v channel.View) error {
		_, ok = carrierOf(v, k)
		return nil
	})
	return err == nil && ok
}

func (n *Node) openCarrier() error {
	c := n.config
	var err error
	n.nodeKey = n.keys.Node().Public()
	if n.ledger == nil { // no validator of its own, and no test that hands one in
		follower, err := comet.Follow(comet.FollowerConfig{Network: n.network, Key: n.keys.Node(), Endpoints: endpoints(c.Follow), Log: n.log})
		if err != nil {
			return err
		}
		n.ledger = follower
		n.defer_(follower.Close)
	}
	if n.store, err = store.Open(filepath.Join(c.Data, "store"), store.Options{}); err != nil {
		return err
	}
	n.defer_(n.store.Close)
	if n.catalog, err = openCatalog(c.Catalog, n.store, n.log); err != nil {
		return err
	}
	storage, err := n.keys.secret(keyStorage)
	if err != nil {
		return err
	}
	if n.blobs, err = store.OpenBlobs(durable.OS, filepath.Join(c.Data, "files"), storage); err != nil {
		return err
	}
	n.member, err = channel.OpenMember(channel.Options{
		Ledger: n.finality.watch(n.ledger), Store: n.store, Outbox: filepath.Join(c.Data, "outbox"), Keys: n.keys, Code: string(c.Carrier),
		ChainID: n.network.ChainID, Genesis: n.genesis, Law: law(), Logger: n.log, Alarm: n.alarm, Metrics: n.metrics, Rebuilt: c.Rebuilt,
	})
	if err != nil {
		return err
	}
	n.defer_(n.member.Close)
	n.exchange, err = exchange.New(exchange.Options{
		Key: n.keys.Node(), Dir: filepath.Join(c.Data, "exchange"), Listen: c.Exchange.Listen, Proxy: c.Exchange.Proxy, Blobs: contents{n.blobs},
		Allow:      func(k sign.PublicKey) bool { return registered(n.member.Omni(), k) },
		SealingKey: n.keys.SealingKey, Accept: n.accept, Receive: n.receive, Settled: n.settled, Log: n.log,
	})
	if err != nil {
		return err
	}
	n.defer_(n.exchange.Close)
	n.exchange.Handle(callIntroduce, n.introduced)
	n.exchange.Handle(callDeposit, n.answerDeposit)
	n.exchange.Handle(callCarry, n.carried)
	return nil
}

// openAPI takes the API's address.
func (n *Node) openAPI() (err error) {
	if n.config.API.Listen == "" {
		return nil
	}
	if n.api, err = net.Listen("tcp", n.config.API.Listen); err != nil {
		return fault.New(fault.Unavailable, "the API cannot listen on its address", "choose a free port on an address of this machine").In("api.listen").Because(err)
	}
	n.defer_(func() error { return ignoreClosed(n.api.Close()) })
	return nil
}

func ignoreClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// alarm counts what package channel has written to the log.
func (n *Node) alarm(channel.Alarm) { n.metrics.alarms.Inc() }

// APIAddress is where the API listens, empty without one.
func (n *Node) APIAddress() string {
	if n.api == nil {
		return ""
	}
	return n.api.Addr().String()
}

// Run runs the node until ctx ends or a part of it cannot go on, and returns
// when all that it started has ended.
func (n *Node) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	n.mu.Lock()
	n.stop = cancel
	n.mu.Unlock()
	var parts sync.WaitGroup
	part := func(name string, run func(context.Context) error) {
		parts.Go(func() {
			if err := run(ctx); err != nil && ctx.Err() == nil {
				cancel(fmt.Errorf("%s: %w", name, err))
			}
		})
	}
	if n.validator != nil {
		part("consensus", func(ctx context.Context) error {
			select {
			case <-ctx.Done():
				return nil
			case <-n.validator.Failed():
				return n.validator.Err()
			}
		})
	}
	if n.member != nil {
		part("replica", n.member.Run)
		part("exchange", n.exchange.Run)
		part("desks", n.runDesks)
		part("catalogue", n.keepCatalog)
		part("keys", n.keepKeys)
		part("admissions", n.keepAdmissions)
		part("old keys", n.retireKeys)
	}
	if n.broker != nil {
		part("mesh", n.runMesh)
	}
	if n.treasury != nil {
		part("treasury", n.runBank)
	}
	if n.sonataAt != nil {
		part("Sonata", n.serveSonata)
		part("Sonata's work", n.sonata.Run)
		part("orders over Sonata", n.keepDeals)
		part("news of the catalogue", func(ctx context.Context) error { return n.shop.Run(ctx, n.sonata.CatalogChanged) })
	}
	if n.api != nil {
		part("health", n.vitals.watch)
		part("API", n.serve)
	}
	<-ctx.Done()
	parts.Wait()
	if err := context.Cause(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return nil
}

// restart ends Run, to be opened and run again: see Keep.
func (n *Node) restart() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.stop != nil {
		n.stop(ErrRestart)
	}
}

// runDesks has a desk for each open Bilateral.
func (n *Node) runDesks(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-n.member.Ready():
	}
	var desks sync.WaitGroup
	defer desks.Wait()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	started := map[canon.Hash]bool{}
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	for {
		for _, b := range n.member.Bilaterals() {
			if started[b.ID()] || b.State() != channel.StateOpen && b.State() != channel.StateDiverged {
				continue
			}
			started[b.ID()] = true
			d, err := n.openDesk(b)
			if err != nil {
				return fmt.Errorf("opening the desk for %s: %w", b.Partner(), err)
			}
			desks.Go(func() {
				if err := d.Run(ctx); err != nil {
					cancel(fmt.Errorf("desk for %s: %w", b.Partner(), err))
				}
			})
		}
		select {
		case <-ctx.Done():
			if err := context.Cause(ctx); !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
				return err
			}
			return nil
		case <-look.C:
		}
	}
}

// keepAdmissions ends applications whose time is over.
func (n *Node) keepAdmissions(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-n.member.Ready():
	}
	look := time.NewTicker(lapsingEvery)
	defer look.Stop()
	admissions{n.member.Omni(), n.config.Carrier, func() int64 { return time.Now().UnixMilli() }, n.log}.keep(ctx, look.C)
	return nil
}

func (n *Node) openDesk(b *channel.Bilateral) (*clearing.Desk, error) {
	secret, err := n.keys.secret(keyUsage)
	if err != nil {
		return nil, err
	}
	partner := party.Code(b.Partner())
	d, err := clearing.Open(clearing.Options{
		Me: n.config.Carrier, Partner: partner, Line: voiceName, Channel: b,
		Store: n.store.Node(), Blobs: n.blobs, Reader: voiceFiles{}, Secret: secret, NumberKey: b.Derive("edges"),
		Send: func(ctx context.Context, kind, subject string, file store.Info) error {
			peer, err := n.peer(partner)
			if err != nil {
				return err
			}
			_, err = n.exchange.Send(ctx, exchange.File{To: peer, Meta: exchange.Meta{
				Kind: kind, Channel: b.ID(), Subject: subject, Hash: file.Hash, Size: file.Size,
			}})
			return err
		},
		Authorize: func(c trade.Command, _ party.Role) (trade.Command, error) {
			if trade.Public(c.Kind) {
				return n.sign(canon.Hash{}, c)
			}
			return n.sign(b.ID(), c)
		},
		Vault: &clearing.Vault{Omni: n.member.Omni(), Chain: n.network.ChainID, Secret: secret, Ask: func(ctx context.Context, request []byte) ([]byte, error) {
			return n.askDeposit(ctx, b, request)
		}, Carry: n.carry, Paid: func(took time.Duration) { n.metrics.paid.Observe(took.Seconds()) }},
		Now:       func() int64 { return time.Now().UnixMilli() },
		Automatic: clearing.Automatic(n.config.Automatic), Banked: n.config.Bank.methods(),
		Claimed: func(id string) bool {
			return n.treasury != nil && n.treasury.Claimed(treasury.Target{Partner: partner, Obligation: id})
		},
		Log: n.log.With("carrier", n.config.Carrier, "partner", partner),
	})
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	n.desks[partner] = d
	n.mu.Unlock()
	return d, nil
}

// Desk gives the desk for a partner, once the Bilateral is open.
func (n *Node) Desk(partner party.Code) (*clearing.Desk, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	d, ok := n.desks[partner]
	return d, ok
}

// authorizationLife is how long in ms a signature of this node's delegates
// stands before it is on the ledger.
const authorizationLife = 60 * 60 * 1000

// sign adds the signature that a command needs beside the node's: that of the
// delegate with its role, or of the member key, if the key file has it.
func (n *Node) sign(channelID canon.Hash, c trade.Command) (trade.Command, error) {
	role, member := trade.Needs(c.Kind)
	var key sign.PrivateKey
	ok := true
	switch {
	case member:
		key, ok = n.keys.Member()
	case role != "":
		key, ok = n.keys.delegate(role)
	default:
		return c, nil
	}
	if !ok {
		return c, fault.Newf(fault.Forbidden, "prepare the command (lateral key prepare), sign it where the key is kept (lateral sign), and submit it signed (lateral key submit)",
			"the key file of this node has no key that may authorise %s", c.Kind)
	}
	nonce, err := randomHash()
	if err != nil {
		return c, err
	}
	_, now := n.member.Height()
	return trade.Authorize(c, key, n.network.ChainID, channelID, max(now, time.Now().UnixMilli())+authorizationLife, nonce), nil
}

// peer finds a partner's node in the member list.
func (n *Node) peer(code party.Code) (exchange.Peer, error) {
	var p exchange.Peer
	err := n.member.Omni().View(func(v channel.View) error {
		m, ok := memberOf(v, code)
		if !ok {
			return fault.Newf(fault.NotFound, "look the members up in the list", "%s is no member of this network", code)
		}
		height := uint64(v.Height)
		for _, k := range m.Nodes {
			if k.At(height) {
				p.Key = k.Key
			}
		}
		p.Address = m.Exchange
		if keys := m.SealingKeys(height); len(keys) > 0 {
			var err error
			p.Sealing, err = seal.PublicKeyFrom(keys[len(keys)-1])
			return err
		}
		return nil
	})
	return p, err
}

// callIntroduce is the call by which two nodes hand each other channel keys.
const callIntroduce = "introduce"

// introduced answers a partner's introduction with ours.
func (n *Node) introduced(_ context.Context, from sign.PublicKey, request []byte) ([]byte, error) {
	var theirs channel.Introduction
	if err := canon.Decode(request, &theirs); err != nil {
		return nil, err
	}
	if theirs.Node != from {
		return nil, fault.New(fault.Refused, "the introduction is not of the node that sends it", "introduce the node itself")
	}
	ours, err := n.member.Answer(theirs)
	if err != nil {
		return nil, err
	}
	return canon.Must(ours), nil
}

// OpenBilateral opens a Bilateral with another member: both nodes hand each
// other fresh keys, and the invitation goes on the Omnilateral. It returns when
// both are bound. One that is open already is no error.
func (n *Node) OpenBilateral(ctx context.Context, partner party.Code) error {
	for _, b := range n.member.Bilaterals() {
		if b.Partner() == string(partner) && b.State() != channel.StateLapsed {
			return b.Await(ctx)
		}
	}
	peer, err := n.peer(partner)
	if err != nil {
		return err
	}
	ours, err := n.member.Introduce(string(partner))
	if err != nil {
		return err
	}
	answer, err := n.exchange.Call(ctx, peer, callIntroduce, canon.Must(ours))
	if err != nil {
		return fmt.Errorf("introducing this node to %s: %w", partner, err)
	}
	var theirs channel.Introduction
	if err := canon.Decode(answer, &theirs); err != nil {
		return err
	}
	b, err := n.member.Invite(ctx, ours, theirs)
	if err != nil {
		return err
	}
	return b.Await(ctx)
}

// accept says whether a file of a partner is wanted.
func (n *Node) accept(_ context.Context, from sign.PublicKey, m exchange.Meta) error {
	if m.Kind == kindExport {
		if _, err := n.channelOf(from, m); err != nil {
			return err
		}
		return n.member.Restorable(m.Channel)
	}
	_, err := n.addressee(from, m)
	return err
}

// addressee finds the desk that a file is for.
func (n *Node) addressee(from sign.PublicKey, m exchange.Meta) (*clearing.Desk, error) {
	b, err := n.channelOf(from, m)
	if err != nil {
		return nil, err
	}
	d, ok := n.Desk(party.Code(b.Partner()))
	if !ok {
		return nil, fault.New(fault.NotYet, "the channel is not open here yet", "send it again later")
	}
	return d, nil
}

// channelOf finds the channel that a file names, if it is with the partner that
// sends it.
func (n *Node) channelOf(from sign.PublicKey, m exchange.Meta) (*channel.Bilateral, error) {
	b, ok := n.member.Bilateral(m.Channel)
	if !ok {
		return nil, fault.New(exchange.CodeUnknownChannel, "this node is no member of the file's channel", "send it to the channel's member")
	}
	var sender string
	err := n.member.Omni().View(func(v channel.View) error {
		sender, _ = carrierOf(v, from)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if sender != b.Partner() {
		return nil, fault.New(exchange.CodeUnknownChannel, "the sender is no member of the file's channel", "send files to the channel's partner only")
	}
	return b, nil
}

func (n *Node) receive(ctx context.Context, from sign.PublicKey, m exchange.Meta, open func() (io.ReadCloser, error)) error {
	if m.Kind == kindExport {
		return n.restoreChannel(from, m, open)
	}
	d, err := n.addressee(from, m)
	if err != nil {
		return err
	}
	return d.Receive(ctx, m.Kind, m.Subject, store.Info{Hash: m.Hash, Size: m.Size}, open)
}

// settled hands the receipt for a file that this node has sent to the desk that
// has sent it.
func (n *Node) settled(_ context.Context, r exchange.Receipt, refused error) error {
	m := r.Transfer.Meta
	if m.Kind == kindExport {
		return n.exportSettled(m, refused)
	}
	b, ok := n.member.Bilateral(m.Channel)
	if refused != nil || !ok {
		return nil
	}
	d, ok := n.Desk(party.Code(b.Partner()))
	if !ok {
		return fault.New(fault.NotYet, "the channel is not open here yet", "tell it again later")
	}
	return d.Receipted(m.Kind, m.Subject, store.Info{Hash: m.Hash, Size: m.Size}, trade.DeliveryReceipt{From: r.Transfer.From, To: r.Transfer.To, Signature: r.Signature})
}

// contents is the blob store as package exchange wants it.
type contents struct{ blobs *store.Blobs }

// Put implements exchange.Blobs.
func (c contents) Put(_ context.Context, h canon.Hash, r io.Reader) error {
	_, err := c.blobs.PutAs(h, r)
	return err
}

// Get implements exchange.Blobs.
func (c contents) Get(_ context.Context, h canon.Hash) (io.ReadCloser, error) { return c.blobs.Open(h) }
