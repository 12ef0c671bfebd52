// Package sim runs whole networks on one machine: validators and carriers with
// their own keys, stores and sockets, in this process or each in its own. It
// drives the carriers through their API only, as an operator's script would.
package sim

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/node"
	"github.com/lateral-network/lateral/trade/party"
)

// Options say what network to build. Dir and Carriers are required.
type Options struct {
	Dir        string       // of everything; made when missing
	Carriers   []party.Code // each with a node of its own
	Validators int          // default 4
	Together   bool         // the first carrier's node is the first validator too
	Automatic  node.Automatic
	But        map[party.Code]node.Automatic // what of some carriers' nodes is another
	Banks      map[party.Code]node.Bank      // of carriers that pay by banks
	Challenge  time.Duration                 // in which an exit from a deposit may be contested; 0: a day
	ENNIs      []ENNI                        // where carriers are interconnected; with any, each has a Sonata interface
	Binary     string                        // lateral's own binary: each node is a process; empty: all in this process
	// Tended says that nodes may end and come back while somebody sees to it: once all
	// is up Failed tells nothing. Validators have an operator's API, and what carriers' nodes say
	// to each other goes through relays that can be cut.
	Tended bool
	Log    *slog.Logger
}

// Network is a running network.
type Network struct {
	o      Options
	wires  *wires      // nil unless tended
	tended atomic.Bool // Tended, and all is up

	mu     sync.RWMutex // guards all below: newcomers are added while others run
	nodes  []*running   // validators first
	byName map[string]*running
}

// running is one node, in this process or its own.
type running struct {
	name   string
	config string // path of its configuration
	conf   node.Config
	setup  node.Setup
	binary string
	log    *slog.Logger

	mu      sync.Mutex
	stop    context.CancelFunc
	command *exec.Cmd
	said    int64      // length of the log when the process was started
	done    chan error // closed when it has ended
}

// Build writes keys, configurations, genesis and network file for a network of
// validators and carriers on free ports of the loopback interface. It starts
// nothing.
func Build(o Options) (*Network, error) {
	if o.Validators == 0 {
		o.Validators = 4
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	n := &Network{o: o, byName: map[string]*running{}}
	ports, err := freePorts(3*o.Validators + 3*len(o.Carriers))
	if err != nil {
		return nil, err
	}
	port := func() string {
		p := ports[0]
		ports = ports[1:]
		return p
	}
	carrier := func(init node.InitOptions, code party.Code) node.InitOptions {
		init.Dir, init.Carrier, init.LegalName, init.Country = filepath.Join(o.Dir, string(code)), code, legalName(code), "CH"
		init.Exchange, init.API, init.Automatic = port(), port(), o.Automatic
		if a, other := o.But[code]; other {
			init.Automatic = a
		}
		return init
	}
	var found node.Founding
	found.Name = "sandbox"
	var setups []node.Setup
	for i := range o.Validators {
		name := fmt.Sprintf("validator-%d", i+1)
		init := node.InitOptions{Dir: filepath.Join(o.Dir, name), Validator: name, P2P: port(), Follow: port(), WorkFactor: 10}
		if o.Tended {
			init.API = port()
		}
		if o.Together && i == 0 {
			init = carrier(init, o.Carriers[0])
		}
		s, err := node.Init(init)
		if err != nil {
			return nil, err
		}
		if s.Application != nil {
			found.Members = append(found.Members, *s.Application)
		}
		found.Validators = append(found.Validators, *s.Validator)
		setups = append(setups, s)
	}
	var follow, peers []node.Endpoint
	for _, s := range setups {
		v := s.Config.Validator
		follow = append(follow, node.Endpoint{Name: v.Name, Key: s.ValidatorNode, Address: v.Follow})
		peers = append(peers, node.Endpoint{Name: v.Name, Key: s.ValidatorNode, Address: v.P2P})
	}
	for i, code := range o.Carriers {
		if o.Together && i == 0 {
			continue
		}
		s, err := node.Init(carrier(node.InitOptions{FollowAt: follow, WorkFactor: 10}, code))
		if err != nil {
			return nil, err
		}
		found.Members = append(found.Members, *s.Application)
		setups = append(setups, s)
	}
	if len(o.ENNIs) > 0 {
		if err := interconnect(setups, o.ENNIs, port); err != nil {
			return nil, err
		}
	}
	if o.Tended {
		if n.wires, err = openWires(setups); err != nil {
			return nil, err
		}
	}
	found.Challenge = o.Challenge.Milliseconds()
	found.Start = time.Now().Add(-time.Second).UnixMilli()
	networkFile, genesisFile, err := found.Write(o.Dir)
	if err != nil {
		return nil, err
	}
	for i, s := range setups {
		c := s.Config
		c.Network, c.Genesis, c.Bank = networkFile, genesisFile, o.Banks[c.Carrier]
		if c.Validator != nil {
			for j, p := range peers {
				if j != i {
					c.Validator.Peers = append(c.Validator.Peers, p)
				}
			}
		}
		if err := c.Write(s.ConfigFile); err != nil {
			return nil, err
		}
		name := string(c.Carrier)
		if name == "" {
			name = c.Validator.Name
		}
		r := &running{name: name, config: s.ConfigFile, conf: c, setup: s, binary: o.Binary, log: o.Log.With("node", name)}
		n.nodes = append(n.nodes, r)
		n.byName[name] = r
	}
	return n, nil
}

// interconnect gives each carrier a Sonata interface, and the carriers at both
// ends of an interconnection access to each other's.
func interconnect(setups []node.Setup, ennis []ENNI, port func() string) error {
	at := map[party.Code]*node.Setup{}
	for i := range setups {
		s := &setups[i]
		if s.Config.Carrier == "" {
			continue
		}
		at[s.Config.Carrier] = s
		listen := port()
		s.Config.Sonata = node.Sonata{Listen: listen, Base: "http://" + listen, Partners: filepath.Join(filepath.Dir(s.ConfigFile), "partners.yaml"), Private: true}
	}
	for _, e := range ennis {
		for i, end := range e.Ends {
			buyer, seller := at[end.Carrier], at[e.other(i).Carrier]
			if buyer == nil || seller == nil {
				return fault.Newf(fault.Invalid, "interconnect carriers of the network", "the interconnection %s is of another carrier", e.ID)
			}
			secret, err := admit(seller, buyer)
			if err := errors.Join(err, addPlace(buyer, e.Hall)); err != nil {
				return fmt.Errorf("interconnecting %s and %s: %w", buyer.Config.Carrier, seller.Config.Carrier, err)
			}
			m := &buyer.Config.Mesh
			m.Deliver = true // nobody digs here
			m.Credit = new(uint32(meshCredit))
			m.Neighbours = append(m.Neighbours, node.Neighbour{Partner: seller.Config.Carrier, ENNI: e.ID, Place: e.Hall.ID, Relation: end.Relation,
				Sonata: seller.Config.Sonata.Base, Client: clientID(buyer.Config.Carrier, seller.Config.Carrier), Secret: secret})
		}
	}
	return nil
}

// admit lets a buyer's node call a seller's Sonata interface, and gives the file
// with the buyer's secret.
func admit(seller, buyer *node.Setup) (path string, err error) {
	partners, err := sonata.OpenPartners(seller.Config.Sonata.Partners)
	if err != nil {
		return "", err
	}
	secret, err := partners.Add(sonata.Partner{
		ID: clientID(buyer.Config.Carrier, seller.Config.Carrier), Buyers: []string{string(buyer.Config.Carrier)}, Release: wire.Kylie,
		Callbacks: []string{buyer.Config.Sonata.Base},
	}, time.Now())
	if err != nil {
		return "", err
	}
	path = filepath.Join(filepath.Dir(buyer.ConfigFile), strings.ToLower(string(seller.Config.Carrier))+".secret")
	return path, durable.WriteFile(durable.OS, path, []byte(secret+"\n"), 0o600)
}

// addPlace adds a hall to the list of places that a carrier's node reads.
func addPlace(s *node.Setup, h Hall) error {
	p, err := h.place()
	if err != nil {
		return err
	}
	list := &s.Config.Catalog.Places
	rows := [][]string{{p.ID, p.Name, p.Country, p.Latitude.String(), p.Longitude.String()}}
	if *list == "" {
		*list = filepath.Join(filepath.Dir(s.ConfigFile), "places.csv")
		rows = append([][]string{{"id", "name", "country", "latitude", "longitude"}}, rows...)
	}
	f, err := os.OpenFile(*list, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(csv.NewWriter(f).WriteAll(rows), f.Close())
}

// legalName is how a carrier of a sandbox is called in full.
func legalName(code party.Code) string { return string(code) + " Telecom" }

// clientID is how a buyer's system is called at a seller.
func clientID(buyer, seller party.Code) string {
	return strings.ToLower(string(buyer) + "-at-" + string(seller))
}

// freePorts finds that many free ports of the loopback interface, below those that the
// system gives to connections and to whoever asks for any: between finding and using
// one, only another program that chose the very same may take it; then starting says so.
func freePorts(count int) ([]string, error) {
	var held []net.Listener
	defer func() {
		for _, l := range held {
			_ = l.Close() // nothing was written to it
		}
	}()
	var out []string
	for tries := 0; len(out) < count; tries++ {
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(lowestPort+rand.IntN(givenPorts()-lowestPort))))
		if err != nil {
			if tries < 100+10*count {
				continue
			}
			return nil, fault.New(fault.Unavailable, "there is no free port on the loopback interface", "end other programs, or wait").Because(err)
		}
		held = append(held, l)
		out = append(out, l.Addr().String())
	}
	return out, nil
}

// lowestPort is above those of services that a machine commonly runs.
const lowestPort = 12_000

// givenPorts is the first of the ports that the system gives by itself.
func givenPorts() int {
	const usual = 32_768
	data, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return usual // another system; most begin there or above
	}
	var first int
	if _, err := fmt.Sscan(string(data), &first); err != nil || first < lowestPort+2_000 {
		return usual
	}
	return first
}

// NetworkFile is the path of the network file.
func (n *Network) NetworkFile() string { return filepath.Join(n.o.Dir, "network.json") }

// Start starts all nodes, validators first.
func (n *Network) Start() error {
	for _, some := range [][]*running{n.validators(), n.mereCarriers()} {
		if err := together(some, func(r *running) error {
			if err := r.start(); err != nil {
				return fmt.Errorf("starting %s: %w", r.name, err)
			}
			return nil
		}); err != nil {
			return errors.Join(err, n.Stop())
		}
	}
	return nil
}

// Stop ends all nodes, carriers first, and waits for them.
func (n *Network) Stop() error {
	end := func(r *running) error { return r.end(syscall.SIGTERM) }
	err := errors.Join(together(n.mereCarriers(), end), together(n.validators(), end))
	if n.wires != nil {
		err = errors.Join(err, n.wires.close())
	}
	return err
}

func (n *Network) validators() []*running   { return n.all()[:n.o.Validators] }
func (n *Network) mereCarriers() []*running { return n.all()[n.o.Validators:] }

// all lists the nodes, validators first.
func (n *Network) all() []*running {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return slices.Clone(n.nodes)
}

// node finds a node by its name, nil without one.
func (n *Network) node(name string) *running {
	n.mu.RLock()
	defer n.mu.RUnlock()
	return n.byName[name]
}

// together does something with all of a list at the same time, and gives all
// that went wrong.
func together[T any](list []T, f func(T) error) error {
	fails := make([]error, len(list))
	var all sync.WaitGroup
	for i, x := range list {
		all.Go(func() { fails[i] = f(x) })
	}
	all.Wait()
	return errors.Join(fails...)
}

// Kill ends a node at once, as a power cut would. Only nodes with a process of
// their own can be killed.
func (n *Network) Kill(name string) error {
	r := n.node(name)
	if r == nil || r.binary == "" {
		return fault.Newf(fault.Invalid, "give each node a process of its own", "%s cannot be killed", name)
	}
	return r.end(syscall.SIGKILL)
}

// Restart starts a node again that has ended.
func (n *Network) Restart(name string) error { return n.node(name).start() }

// Names lists all nodes, validators first.
func (n *Network) Names() []string {
	var out []string
	for _, r := range n.all() {
		out = append(out, r.name)
	}
	return out
}

// Failed gives the first node that has ended by itself, and why. Of a network that
// is tended it gives none.
func (n *Network) Failed() error {
	if n.tended.Load() {
		return nil
	}
	for _, r := range n.all() {
		r.mu.Lock()
		done := r.done
		r.mu.Unlock()
		if done == nil {
			continue
		}
		select {
		case err := <-done:
			if err == nil {
				err = errors.New("it ended")
			}
			return fmt.Errorf("node %s: %w", r.name, err)
		default:
		}
	}
	return nil
}

// crash ends a node as a power cut would: a process is killed; one in this process
// is stopped, which leaves its stores in order.
func (r *running) crash() error { return r.end(syscall.SIGKILL) }

// ended reports whether a node has ended by itself since it was started, once, and
// why. A node that is being started or ended has not.
func (r *running) ended() (bool, error) {
	if !r.mu.TryLock() {
		return false, nil
	}
	defer r.mu.Unlock()
	if r.done == nil {
		return false, nil
	}
	select {
	case err := <-r.done:
		r.done = nil
		if r.command != nil {
			r.command = nil
			err = r.lastWords()
		}
		if err == nil {
			err = fault.New(fault.Unavailable, "the node has ended by itself", "start it again, and look into its log")
		}
		return true, err
	default:
		return false, nil
	}
}

// lastWords reads why a process has ended from the end of its log, where the
// command has written it; nil when nothing is there.
func (r *running) lastWords() error {
	f, err := os.Open(r.logFile())
	if err != nil {
		return nil
	}
	defer f.Close()
	const most = 16 << 10
	from := r.said
	if info, err := f.Stat(); err == nil {
		from = max(from, info.Size()-most)
	}
	text, err := io.ReadAll(io.NewSectionReader(f, from, most))
	if err != nil {
		return nil
	}
	var last *fault.Error
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if words, ok := strings.CutPrefix(line, "error: "); ok {
			code, detail, _ := strings.Cut(words, ": ")
			code, field, _ := strings.Cut(code, " (")
			last = &fault.Error{Code: fault.Code(code), Detail: detail, Field: strings.TrimSuffix(field, ")")}
		} else if hint, ok := strings.CutPrefix(line, "hint: "); ok && last != nil {
			last.Remedy = hint
		}
	}
	if last == nil {
		return nil
	}
	return last
}

// logFile is where a node with a process of its own writes its log.
func (r *running) logFile() string { return filepath.Join(filepath.Dir(r.config), "log") }

func (r *running) start() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done = make(chan error, 1)
	if r.binary != "" {
		return r.spawn()
	}
	opened, err := node.Open(r.conf, r.log)
	if err != nil {
		r.done = nil
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	done := r.done
	go func() {
		done <- node.Keep(ctx, opened, r.log)
		close(done)
	}()
	return nil
}

// spawn starts the node as a process of its own. Its log goes to a file beside
// its configuration.
func (r *running) spawn() error {
	log, err := os.OpenFile(r.logFile(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer log.Close()
	if info, err := log.Stat(); err == nil {
		r.said = info.Size()
	}
	args := []string{"node", "run", "--config", r.config}
	if r.conf.Rebuilt {
		args = append(args, "--rebuilt")
	}
	r.command = exec.Command(r.binary, args...)
	r.command.Stdout, r.command.Stderr = log, log
	endWithParent(r.command)
	if err := r.command.Start(); err != nil {
		return err
	}
	command, done := r.command, r.done
	go func() {
		done <- command.Wait()
		close(done)
	}()
	return nil
}

// end ends the node and waits for it.
func (r *running) end(signal syscall.Signal) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.done == nil {
		return nil
	}
	done := r.done
	r.done = nil
	if r.command != nil {
		if err := r.command.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
			return err
		}
		<-done
		r.command = nil
		return nil
	}
	r.stop()
	return <-done
}

// Client gives a client of a carrier's API that acts in a role.
func (n *Network) Client(code party.Code, role api.Role) (*client.Client, error) {
	token, err := n.Token(code, role)
	if err != nil {
		return nil, err
	}
	return client.New(n.API(code), token), nil
}

// Token gives a carrier's first token of a role.
func (n *Network) Token(code party.Code, role api.Role) (string, error) {
	return n.node(string(code)).token(role)
}

// token gives a node's first token of a role.
func (r *running) token(role api.Role) (string, error) {
	return node.ReadToken(filepath.Dir(r.config), role)
}

// API is the address of a carrier's API.
func (n *Network) API(code party.Code) string {
	return "http://" + n.node(string(code)).conf.API.Listen
}
