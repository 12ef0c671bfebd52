package node

import (
	"context"
	"crypto/ed25519"
	"os"
	"strings"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/client"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/buying"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/mesh"
	"github.com/lateral-network/lateral/store/resource"
	"github.com/lateral-network/lateral/trade/money"
	"github.com/lateral-network/lateral/trade/party"
)

// Mesh is what the carrier buys of its neighbours, and sells on.
type Mesh struct {
	// Currency is that of inquiries which name none.
	Currency   money.Currency `yaml:"currency,omitempty"`
	Neighbours []Neighbour    `yaml:"neighbours,omitempty"`
	// Hops and Asks bound an inquiry: asks in a row, and in all. Time is until it
	// ends. 0: 4, 480 and 4.9 s.
	Hops int           `yaml:"hops,omitempty"`
	Asks int           `yaml:"asks,omitempty"`
	Time time.Duration `yaml:"time,omitempty"`
	// QuoteFor is how long own legs are quoted and reserved; 0: 10 minutes.
	QuoteFor time.Duration `yaml:"quote_for,omitempty"`
	// Deliver says that own legs of what is ordered need no work of people: they
	// are delivered as they were quoted, with a test record that says so.
	Deliver bool `yaml:"deliver,omitempty"`
	// Credit is the share of an interval's recurring charges, in millionths, that is
	// given back where what is sold on is less available than it was quoted; absent:
	// 100000, a tenth. 0: nothing.
	Credit *uint32 `yaml:"credit,omitempty"`
	// DeliverFor is how long an order may take from the beginning that it asks for;
	// 0: five days.
	DeliverFor time.Duration `yaml:"deliver_for,omitempty"`
}

// Neighbour is one eNNI with a partner.
type Neighbour struct {
	Partner  party.Code    `yaml:"partner"`
	ENNI     string        `yaml:"enni"`               // as both carriers call it
	Place    string        `yaml:"place"`              // id of a place of the catalogue
	Relation mesh.Relation `yaml:"relation,omitempty"` // customer, peer (the default) or provider: what it is to us
	// Sonata is where its Sonata interface is: https://host. Without it nothing is
	// bought of it. Client and Secret, a file with the secret, are the OAuth2 client
	// that it has given us.
	Sonata  string       `yaml:"sonata,omitempty"`
	Client  string       `yaml:"client,omitempty"`
	Secret  string       `yaml:"secret,omitempty"`
	Release wire.Release `yaml:"release,omitempty"` // kylie (the default) or grace
	// Resale and Markup are CEL rules: what of it may be sold on to whom, and for how
	// much. Empty: everything, and a tenth more.
	Resale string `yaml:"resale,omitempty"`
	Markup string `yaml:"markup,omitempty"`
	Silent bool   `yaml:"silent,omitempty"` // it is not told where we can be asked for
	// Offerings are its ids of what it sells of a type of product, for a seller that
	// does not run Lateral.
	Offerings map[string]string `yaml:"offerings,omitempty"`
	Account   string            `yaml:"account,omitempty"` // that it bills to; empty: our code
}

func (n Neighbour) validate(own party.Code) error {
	bad := func(field, detail, remedy string) error { return fault.New(fault.Invalid, detail, remedy).In(field) }
	switch {
	case n.Partner.Validate() != nil || n.Partner == own:
		return bad("partner", "the neighbour is no other carrier", "name its member code")
	case n.ENNI == "" || len(n.ENNI) > 64 || strings.ContainsAny(n.ENNI, "/ \t\n"):
		return bad("enni", "the eNNI has no plain name", "call it as the neighbour does, at most 64 letters without spaces and slashes")
	case n.Place == "":
		return bad("place", "the eNNI is at no place", "name a place of the catalogue by its id")
	case n.Relation != "" && n.Relation != mesh.Customer && n.Relation != mesh.Peer && n.Relation != mesh.Provider:
		return bad("relation", "there is no such relation", "use customer, peer or provider")
	case n.Sonata != "" && (n.Client == "") != (n.Secret == ""):
		return bad("secret", "a client id and the file of its secret go together", "name both")
	}
	_, err := mesh.NewTerms(n.Resale, n.Markup)
	return err
}

// openMesh makes the broker, where the carrier has neighbours.
func (n *Node) openMesh() error {
	c := n.config.Mesh
	if len(c.Neighbours) == 0 || n.member == nil {
		return nil
	}
	limits := mesh.DefaultLimits()
	for _, x := range []struct {
		set int64
		to  *int64
	}{{c.Time.Milliseconds(), &limits.Time}, {c.QuoteFor.Milliseconds(), &limits.QuoteFor}} {
		if x.set > 0 {
			*x.to = x.set
		}
	}
	if c.Hops > 0 {
		limits.Hops = min(c.Hops, mesh.MaxHops)
	}
	if c.Asks > 0 {
		limits.Asks = min(c.Asks, mesh.MaxAsks)
	}
	o := buying.Options{
		Carrier: n.config.Carrier, Catalog: n.catalog, Currency: c.Currency, Limits: limits, Deliver: c.Deliver, DeliverFor: c.DeliverFor, Store: n.store.Node(), MostHeld: n.config.Sonata.MostQuotes,
		Key: n.keys.Node, NodeKey: n.isNodeOf, Bilateral: n.openBilateral, Authorize: n.sign, Tell: n.tellReach,
		Contact: buying.Contact(n.config.Sonata.Contact), Log: n.log,
	}
	if s := n.config.Sonata; s.Listen != "" {
		o.Callback = strings.TrimRight(s.Base, "/") + listenerPath
	}
	o.Credit = 100_000
	if c.Credit != nil {
		o.Credit = *c.Credit
	}
	if o.Currency == "" {
		o.Currency = "EUR"
	}
	for _, x := range c.Neighbours {
		b, err := n.neighbour(x)
		if err != nil {
			return fault.Of(err).In("mesh.neighbours")
		}
		o.Neighbours = append(o.Neighbours, b)
	}
	var err error
	if n.broker, err = buying.New(o); err != nil {
		return fault.Of(err).In("mesh")
	}
	n.catalog.Watch(func([]catalog.Turn) { n.broker.CatalogChanged() })
	n.exchange.Handle(callReach, n.heardReach)
	return nil
}

// neighbour is an eNNI as the broker takes it.
func (n *Node) neighbour(x Neighbour) (buying.Neighbour, error) {
	terms, err := mesh.NewTerms(x.Resale, x.Markup)
	if err != nil {
		return buying.Neighbour{}, err
	}
	b := buying.Neighbour{ENNI: x.ENNI, Partner: x.Partner, Place: x.Place, Relation: x.Relation, Terms: terms, Silent: x.Silent, Offerings: x.Offerings, Account: x.Account}
	if b.Relation == "" {
		b.Relation = mesh.Peer
	}
	if x.Sonata == "" {
		return b, nil
	}
	o := client.Options{Base: x.Sonata, Release: x.Release, ID: x.Client, Retries: 1}
	if x.Secret != "" {
		secret, err := os.ReadFile(x.Secret)
		if err != nil {
			return b, fault.Newf(fault.NotFound, "put the secret that the neighbour has given into it", "the file %s cannot be read", x.Secret).Because(err)
		}
		o.Secret = strings.TrimSpace(string(secret))
	}
	if b.Seller, err = client.New(o); err != nil {
		return b, err
	}
	n.defer_(func() error {
		b.Seller.Close()
		return nil
	})
	return b, nil
}

// isNodeOf reports whether a key is that of a member's node now.
func (n *Node) isNodeOf(code party.Code, k sign.PublicKey) (yes bool) {
	err := n.member.Omni().View(func(v channel.View) error {
		if m, ok := memberOf(v, code); ok {
			yes = m.NodeKey(k, uint64(v.Height))
		}
		return nil
	})
	return err == nil && yes
}

// openBilateral gives the channel with a partner, once it is open.
func (n *Node) openBilateral(partner party.Code) (*channel.Bilateral, bool) {
	for _, b := range n.member.Bilaterals() {
		if b.Partner() == string(partner) && b.State() == channel.StateOpen {
			return b, true
		}
	}
	return nil, false
}

// callReach is the call by which two nodes tell each other where they can be
// asked for.
const callReach = "reach"

func (n *Node) tellReach(ctx context.Context, partner party.Code, reach []byte) ([]byte, error) {
	peer, err := n.peer(partner)
	if err != nil {
		return nil, err
	}
	return n.exchange.Call(ctx, peer, callReach, reach)
}

func (n *Node) heardReach(_ context.Context, from sign.PublicKey, reach []byte) ([]byte, error) {
	return n.broker.Heard(party.Code(n.nameOf(from)), reach)
}

// runMesh trades with neighbours once this node may sign.
func (n *Node) runMesh(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case <-n.member.Ready():
	}
	return n.broker.Run(ctx)
}

// listenerPath is under the Sonata interface, where sellers notify this carrier as
// their buyer.
const listenerPath = "/buyer"

// openListener takes the notifications of neighbours' nodes.
func (n *Node) openListener(shelf *resource.DB) *sonata.Listener {
	seller := func(id string) (code party.Code, key sign.PublicKey, ok bool) {
		if err := key.UnmarshalText([]byte(id)); err != nil {
			return "", key, false
		}
		for _, x := range n.config.Mesh.Neighbours {
			if n.isNodeOf(x.Partner, key) {
				return x.Partner, key, true
			}
		}
		return "", key, false
	}
	return sonata.NewListener(shelf, sonata.ListenerOptions{
		Keys: func(id string) (ed25519.PublicKey, bool) {
			_, key, ok := seller(id)
			return ed25519.PublicKey(key[:]), ok
		},
		Take: func(_ context.Context, e sonata.Notification) error {
			if code, _, ok := seller(e.Sender); ok {
				n.broker.Notified(code)
			}
			return nil
		},
		Log: n.log,
	})
}
