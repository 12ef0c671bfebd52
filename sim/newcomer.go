package sim

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/node"
	"github.com/lateral-network/lateral/trade/party"
)

// A newcomer is a carrier that has a node with keys of its own and knows the network,
// as anybody may; the network does not know it. Validators let its node in when members
// have admitted it. Its people do the rest.

// newcomer is a carrier to be added to a sandbox.
type newcomer struct {
	Code party.Code `json:"code"` // empty: the next free word of the spelling alphabet
	Name string     `json:"name"` // legal name; empty: the sandbox's usual one
}

// arrival is who was added, and where its administrator signs in.
type arrival struct {
	Carrier party.Code `json:"carrier"`
	Name    string     `json:"name"`
	Address string     `json:"address"`
	SignIn  string     `json:"sign_in"` // the administrator's
}

// words are codes for newcomers.
var words = []party.Code{"HOTEL", "INDIA", "JULIETT", "KILO", "LIMA", "MIKE", "NOVEMBER", "OSCAR", "PAPA", "QUEBEC"}

// mostNewcomers bounds how many are added: each is a process.
const mostNewcomers = 8

// admit adds a carrier's node to the sandbox, and gives the way in for its
// administrator. Codes: invalid, conflict, unavailable.
func (f *front) admit(ctx context.Context, n newcomer, by party.Code) (out arrival, err error) {
	r, err := f.s.net.add(n)
	if err != nil {
		return out, err
	}
	code := r.conf.Carrier
	if err := f.lead(code); err != nil {
		return out, err
	}
	if err := f.s.station(r); err != nil {
		return out, err
	}
	p, err := f.s.post(r.name)
	if err != nil {
		return out, err
	}
	f.s.launch(p)
	f.s.note("add", by, "%s has a node, and is no member yet", code)
	wait, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	out = arrival{Carrier: code, Name: f.s.net.nameOf(code), Address: f.at(hostOf(code))}
	return out, f.s.net.poll(wait, "the node of "+string(code)+" to answer", func() (bool, error) {
		out.SignIn, err = f.signIn(wait, code, string(api.Administrator))
		return err == nil, err
	})
}

// add sets up the node of a newcomer, and starts nothing. Codes: invalid, conflict,
// unavailable.
func (n *Network) add(who newcomer) (*running, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	code := party.Code(strings.ToUpper(string(who.Code)))
	if code == "" {
		free := slices.IndexFunc(words, func(w party.Code) bool { return n.byName[string(w)] == nil })
		if free < 0 {
			return nil, fault.New(fault.Conflict, "the sandbox has no code left for another carrier", "choose one").In("code")
		}
		code = words[free]
	}
	if err := code.Validate(); err != nil {
		return nil, fault.Of(err).In("code")
	}
	switch {
	case n.byName[string(code)] != nil || hostOf(code) == observerHost:
		return nil, fault.Newf(fault.Conflict, "choose another code", "the sandbox has %s already", code).In("code")
	case len(n.nodes)-n.o.Validators-len(n.o.Carriers) >= mostNewcomers:
		return nil, fault.Newf(fault.Conflict, "start another sandbox", "the sandbox has had %d newcomers", mostNewcomers)
	}
	name := strings.TrimSpace(who.Name)
	if name == "" {
		name = legalName(code)
	}
	ports, err := freePorts(2)
	if err != nil {
		return nil, err
	}
	other := n.byName[string(n.o.Carriers[len(n.o.Carriers)-1])].conf
	s, err := node.Init(node.InitOptions{
		Dir: filepath.Join(n.o.Dir, string(code)), Carrier: code, LegalName: name, Country: "CH", Exchange: ports[0], API: ports[1],
		FollowAt: other.Follow, Automatic: node.Automatic{Rate: true}, WorkFactor: 10, // people accept and pay
	})
	if err != nil {
		return nil, fmt.Errorf("setting up the node of %s: %w", code, err)
	}
	c := s.Config
	c.Network, c.Genesis = other.Network, other.Genesis
	if n.wires != nil {
		if err := n.wires.join(&c); err != nil {
			return nil, err
		}
	}
	if err := c.Write(s.ConfigFile); err != nil {
		return nil, err
	}
	r := &running{name: string(code), config: s.ConfigFile, conf: c, setup: s, binary: n.o.Binary, log: n.o.Log.With("node", string(code))}
	n.nodes = append(n.nodes, r)
	n.byName[r.name] = r
	return r, nil
}

// carriers lists all carriers, newcomers last.
func (n *Network) carriers() []party.Code {
	out := slices.Clone(n.o.Carriers)
	for _, r := range n.mereCarriers() {
		if !slices.Contains(out, r.conf.Carrier) {
			out = append(out, r.conf.Carrier)
		}
	}
	return out
}

// nameOf is how a carrier is called in full.
func (n *Network) nameOf(code party.Code) string {
	if r := n.node(string(code)); r != nil && r.setup.Application != nil {
		return r.setup.Application.Application.LegalName
	}
	return legalName(code)
}
