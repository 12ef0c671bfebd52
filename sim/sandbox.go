package sim

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/party"
)

// sandbox is a network that lives until it is told to end, with people who look at
// it and break things.
type sandbox struct {
	net  *Network
	seed uint64
	news *newsroom

	perSecond float64
	cycle     string
	mesh      *meshRun       // nil without one
	banking   *treasurers    // the same
	after     sync.WaitGroup // what goes on after an act was answered

	mu     sync.Mutex // guards all below
	posts  []*post    // as the network's nodes
	faults []Fault    // newest last
	calls  int        // that were generated
	lies   map[party.Code]lie
	handed map[party.Code][]callFile // that nodes have taken, oldest first
}

// post is a node as who tends it sees it.
type post struct {
	Name    string     `json:"name"`
	Kind    string     `json:"kind"` // carrier or validator
	Carrier party.Code `json:"carrier,omitempty"`
	State   string     `json:"state"` // running, starting or stopped
	Height  uint64     `json:"height"`
	Peers   int        `json:"peers,omitempty"` // other validators that a validator is connected to
	Since   time.Time  `json:"since"`           // in this state
	Problem string     `json:"problem,omitempty"`
	Damaged bool       `json:"damaged,omitempty"` // something in its store was overwritten

	node  *running
	reads *client.Client
	rose  time.Time // when the height was another one last
}

// States of a node.
const (
	stateRunning  = "running"
	stateStarting = "starting"
	stateStopped  = "stopped"
)

// Fault is something that somebody did to the sandbox.
type Fault struct {
	At   time.Time `json:"at"`
	What string    `json:"what"` // kill, start, cut, mend, lie, corrupt, rebuild or add
	By   string    `json:"by"`   // the host from which it came: a carrier, or observer
	Note string    `json:"note"`
}

// keptFaults is how many are listed.
const keptFaults = 200

func newSandbox(net *Network, o LiveOptions, say func(string, ...any)) (*sandbox, error) {
	s := &sandbox{net: net, seed: o.Seed, perSecond: o.CallsPerSecond, cycle: o.Cycle, news: newNewsroom(say), lies: map[party.Code]lie{}, handed: map[party.Code][]callFile{}}
	for _, r := range net.all() {
		if err := s.station(r); err != nil {
			return nil, err
		}
	}
	net.wires.listen(func(a Ask) {
		s.news.publish("ask", a.From, fmt.Sprintf("%s asks %s: %s, %d", a.From, a.To, a.What, a.Status))
	})
	return s, nil
}

// station has a node tended from now on.
func (s *sandbox) station(r *running) error {
	p := &post{Name: r.name, Kind: "validator", Carrier: r.conf.Carrier, State: stateStarting, Since: time.Now().UTC(), node: r}
	if r.conf.Carrier != "" {
		p.Kind = "carrier"
	}
	token, err := r.token(api.Auditor)
	if err != nil {
		return err
	}
	p.reads = client.New("http://"+r.conf.API.Listen, token)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.posts = append(s.posts, p)
	return nil
}

// stations lists the nodes that are tended.
func (s *sandbox) stations() []*post {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.posts)
}

// note writes down what somebody did.
func (s *sandbox) note(what string, by party.Code, format string, args ...any) {
	who := string(by)
	if by == "" {
		who = "observer"
	}
	x := Fault{At: time.Now().UTC(), What: what, By: who, Note: fmt.Sprintf(format, args...)}
	s.mu.Lock()
	s.faults = append(s.faults, x)
	s.faults = s.faults[max(0, len(s.faults)-keptFaults):]
	s.mu.Unlock()
	s.news.tell("fault", by, "%-18s %s, by %s", what, x.Note, who)
}

// watching is how often nodes are looked at.
const watching = time.Second

// tend looks after all nodes until ctx ends: which of them answer, and how high
// they stand.
func (s *sandbox) tend(ctx context.Context) {
	tick := time.NewTicker(watching)
	defer tick.Stop()
	for {
		var all sync.WaitGroup
		for _, p := range s.stations() {
			all.Go(func() { s.look(ctx, p) })
		}
		all.Wait()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// standing is how long no block may come until that is a problem.
const standing = 5 * time.Second

// look asks one node how it is.
func (s *sandbox) look(ctx context.Context, p *post) {
	if over, why := p.node.ended(); over {
		s.move(p, stateStopped, fault.Of(why).Error())
		s.news.tell("node", p.Carrier, "%-18s %s: %s", "node ended", p.Name, fault.Of(why).Error())
		return
	}
	s.mu.Lock()
	state, since := p.State, p.Since
	s.mu.Unlock()
	if state == stateStopped {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	height, peers, err := p.ask(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if p.State != state || p.Since != since {
		return // somebody has moved it meanwhile
	}
	now := time.Now().UTC()
	switch {
	case err != nil && state == stateRunning:
		p.Problem = fault.Of(err).Detail
	case err != nil:
	default:
		if state == stateStarting {
			p.State, p.Since = stateRunning, now
			go s.news.tell("node", p.Carrier, "%-18s %s, at block %d", "node is up", p.Name, height)
		}
		if height != p.Height || p.rose.IsZero() {
			p.rose = now
		}
		p.Height, p.Peers, p.Problem = height, peers, ""
		if stood := now.Sub(p.rose); p.Kind == "carrier" && height == 0 {
			p.Problem = "it is no member of the network yet: members sponsor its application and vouch for it"
		} else if stood > standing {
			p.Problem = fmt.Sprintf("no block came for %s: three of four validators must run", stood.Round(time.Second))
		}
	}
}

// ask gives how high a node stands, and how many other validators it is connected
// to.
func (p *post) ask(ctx context.Context) (height uint64, peers int, err error) {
	if p.Kind == "carrier" {
		s, err := p.reads.Status(ctx)
		return s.Height, 0, err
	}
	text, err := p.reads.Metrics(ctx)
	lines := bufio.NewScanner(bytes.NewReader(text))
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		n, _ := strconv.ParseFloat(value, 64)
		switch name {
		case "lateral_validator_height":
			height = uint64(n)
		case "lateral_validator_peers":
			peers = int(n)
		}
	}
	return height, peers, err
}

// move notes that a node is in another state.
func (s *sandbox) move(p *post, state, problem string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.State, p.Problem, p.Since, p.rose = state, problem, time.Now().UTC(), time.Time{}
	if state != stateRunning {
		p.Peers = 0
	}
}

// post finds a node. Code: not-found.
func (s *sandbox) post(name string) (*post, error) {
	all := s.stations()
	i := slices.IndexFunc(all, func(p *post) bool { return strings.EqualFold(p.Name, name) })
	if i < 0 {
		return nil, fault.Newf(fault.NotFound, "name one of /sandbox/state", "the sandbox has no node %.40q", name)
	}
	return all[i], nil
}

// stateOf gives the state of a node.
func (s *sandbox) stateOf(p *post) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return p.State
}

// kill ends a node as a power cut would. Codes: not-found, conflict.
func (s *sandbox) kill(name string, by party.Code) error {
	p, err := s.post(name)
	if err != nil {
		return err
	}
	if s.stateOf(p) == stateStopped {
		return fault.Newf(fault.Conflict, "start it first", "%s is stopped", p.Name)
	}
	if err := p.node.crash(); err != nil {
		return err
	}
	s.move(p, stateStopped, "killed")
	s.note("kill", by, "%s is killed", p.Name)
	return nil
}

// begin starts a node that is stopped. Whether it comes up shows later. Codes:
// not-found, conflict.
func (s *sandbox) begin(name string, by party.Code) error {
	p, err := s.post(name)
	if err != nil {
		return err
	}
	s.mu.Lock()
	stopped := p.State == stateStopped
	if stopped {
		p.State, p.Since, p.Problem, p.rose = stateStarting, time.Now().UTC(), "", time.Time{}
	}
	s.mu.Unlock()
	if !stopped {
		return fault.Newf(fault.Conflict, "kill it first", "%s is running", p.Name)
	}
	s.note("start", by, "%s is started", p.Name)
	s.launch(p)
	return nil
}

// launch starts a node; a process or a part of this one that cannot start is
// stopped with the reason.
func (s *sandbox) launch(p *post) {
	if err := p.node.start(); err != nil {
		s.move(p, stateStopped, fault.Of(err).Error())
		s.news.tell("node", p.Carrier, "%-18s %s: %s", "node ended", p.Name, fault.Of(err).Error())
	}
}

// State is where a sandbox stands.
type State struct {
	Nodes   []post  `json:"nodes"`
	Links   []Link  `json:"links"`
	Faults  []Fault `json:"faults"` // newest first
	Traffic Traffic `json:"traffic"`
	Seed    uint64  `json:"seed"`
}

// Link is the way between two carriers' nodes for what they send each other.
type Link struct {
	A   party.Code `json:"a"`
	B   party.Code `json:"b"`
	Cut bool       `json:"cut"`
}

// Traffic is what is generated.
type Traffic struct {
	Between   way2    `json:"between"`
	PerSecond float64 `json:"calls_per_second"`
	Calls     int     `json:"calls"` // until now
	Period    string  `json:"period"`
}

// state gives where the sandbox stands.
func (s *sandbox) state() State {
	out := State{Seed: s.seed, Nodes: []post{}, Links: []Link{}, Faults: []Fault{}}
	for _, w := range s.ways() {
		out.Links = append(out.Links, Link{w[0], w[1], s.net.wires.isCut(w)})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.posts {
		out.Nodes = append(out.Nodes, *p)
	}
	for _, x := range slices.Backward(s.faults) {
		out.Faults = append(out.Faults, x)
	}
	out.Traffic = Traffic{voicePair, s.perSecond, s.calls, s.cycle}
	return out
}

// voicePair are the carriers between whom calls go.
var voicePair = way2{"ALPHA", "BRAVO"}

// ways lists the pairs of carriers that have a Bilateral.
func (s *sandbox) ways() []way2 {
	if len(s.net.o.ENNIs) == 0 {
		return []way2{between(voicePair[0], voicePair[1])}
	}
	var out []way2
	for _, e := range s.net.o.ENNIs {
		out = append(out, between(e.Ends[0].Carrier, e.Ends[1].Carrier))
	}
	return out
}

// sever cuts the way between two carriers' nodes, or mends it. Codes: not-found,
// conflict.
func (s *sandbox) sever(a, b string, cut bool, by party.Code) error {
	w, err := s.net.wires.way(a, b)
	if err != nil {
		return err
	}
	if s.net.wires.isCut(w) == cut {
		return fault.Newf(fault.Conflict, "see /sandbox/state", "the way between %s and %s is so already", w[0], w[1])
	}
	s.net.wires.set(w, cut)
	if cut {
		s.note("cut", by, "%s and %s cannot send each other files", w[0], w[1])
	} else {
		s.note("mend", by, "%s and %s can send each other files", w[0], w[1])
	}
	return nil
}

// lie is what a carrier's switch is to overstate.
type lie struct {
	Calls  int     `json:"calls"`
	Factor float64 `json:"factor,omitempty"` // of durations; 0: 2
}

// deceive has a carrier's next file of calls overstate some. Codes: not-found,
// invalid.
func (s *sandbox) deceive(carrier string, l lie, by party.Code) error {
	code := party.Code(strings.ToUpper(carrier))
	if !slices.Contains(voicePair[:], code) {
		return fault.Newf(fault.NotFound, "name "+string(voicePair[0])+" or "+string(voicePair[1])+": calls go between these", "%.40q has no traffic", carrier)
	}
	if l.Factor == 0 {
		l.Factor = 2
	}
	if l.Calls < 1 || l.Calls > 10_000 {
		return fault.New(fault.Invalid, "that is no number of calls to overstate", "give 1 to 10000").In("calls")
	}
	if !(l.Factor > 1 && l.Factor <= 100) {
		return fault.New(fault.Invalid, "durations are not overstated by that", "give a factor above 1, up to 100").In("factor")
	}
	s.mu.Lock()
	s.lies[code] = l
	s.mu.Unlock()
	s.note("lie", by, "%s states %d of its next calls %g times as long", code, l.Calls, l.Factor)
	return nil
}
