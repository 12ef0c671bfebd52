// Package native is the HTTP interface of a carrier's node: JSON over bearer
// tokens, one OpenAPI 3.1 document made from the Go types. It translates and
// never decides: what may be done is for the state machine and the agreement.
//
// A change is answered when its command is final and executed here, with the
// record as it is then and the receipt. The wire types are in package wire, a
// Go client is in package client.
package native

import (
	"context"
	"iter"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/catalog"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/proof"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/treasury"
)

// Channel is what the interface needs of a channel: *channel.Channel has it.
type Channel interface {
	ID() canon.Hash
	Submit(context.Context, ...trade.Command) ([]channel.Outcome, error)
	View(func(channel.View) error) error
	Events(context.Context, channel.Cursor) iter.Seq2[channel.Entry, error]
}

// Bilateral is what the interface needs of a channel with a partner.
type Bilateral interface {
	Channel
	Partner() string
	Opener() string
	State() channel.State
	Err() error
	Overdue() error // the sealing key should have changed by now
	Epoch() uint32
	Attested() uint64                               // height
	Unattested() int64                              // block time in ms; 0: the partner owes no answer
	Rotate(context.Context) (sign.PublicKey, error) // of our channel key
	Divergence() (channel.Divergence, bool)         // while the two look for a difference
	Settled() (channel.Divergence, bool)            // the last search that is over
	Differing() (channel.Outcome, error)            // the first command that differs
	Whole(one, other proof.Head) error              // their logs are one again
	Keys() (keys [2]sign.PublicKey, mine int)
	Binding() (channel.Binding, error)
	Announcement() (channel.Announcement, error)
	Anchor(context.Context) (proof.Anchor, error)
	Prove(ctx context.Context, key string) ([]byte, error)
}

// Member is what the interface needs of a carrier's replica; see [Of].
type Member interface {
	Code() string
	Height() (height uint64, time int64) // of the last block executed, ms UTC
	Omni() Channel
	Bilaterals() []Bilateral
	Rivals() iter.Seq2[channel.Rival, error] // envelopes under numbers used before
	// ProvePublic proves records of the Omnilateral by their keys, in byte order.
	ProvePublic(ctx context.Context, keys []string) ([]byte, error)
}

// Of gives a member of package channel as this package needs it.
func Of(m *channel.Member) Member { return member{m} }

type member struct{ *channel.Member }

func (m member) Omni() Channel { return m.Member.Omni() }

func (m member) Height() (uint64, int64) {
	h, t := m.Member.Height()
	return uint64(h), t
}

func (m member) Bilaterals() []Bilateral {
	all := m.Member.Bilaterals()
	out := make([]Bilateral, len(all))
	for i, b := range all {
		out[i] = bilateral{b}
	}
	return out
}

type bilateral struct{ *channel.Bilateral }

func (b bilateral) Attested() uint64 { return uint64(b.Bilateral.Attested()) }

// MemberKey stands among the roles for what only the company's own key may
// sign.
const MemberKey party.Role = "member-key"

// Options are what the interface is made of. Tokens is required, and with a
// Member also Desk and Authorize.
type Options struct {
	// Member is the carrier's replica. Without one, as on a mere validator, the
	// interface has the operator's part only: health, metrics, tokens.
	Member Member
	// Desk gives the desk for a partner; false while the Bilateral is not open.
	Desk func(partner party.Code) (Desk, bool)
	// Authorize adds to a command the signature that it needs beside the
	// node's: of the delegate with the role, or of the member key (MemberKey),
	// that belongs to who asks. It is called for commands that need one, after
	// the caller's own role was checked. Code: forbidden.
	Authorize func(who api.Actor, role party.Role, c trade.Command, channel canon.Hash) (trade.Command, error)
	// Open begins a Bilateral with a partner and returns when the opening is on
	// the Omnilateral. Nil refuses.
	Open func(ctx context.Context, partner party.Code) error
	// Export sends a partner the sealed export of the channel with it. Nil
	// refuses.
	Export func(ctx context.Context, partner party.Code) (wire.Exported, error)
	// Catalog is the carrier's own catalogue. Nil: it has none.
	Catalog *catalog.Catalog
	// Troubles are tickets and incidents. Nil: the node has no Sonata interface.
	Troubles Troubles
	// Treasury pays by banks. Nil: the node has none.
	Treasury *treasury.Desk
	// Market is what the carrier buys of its neighbours. Nil: it has none.
	Market Market
	// Chain is the id of the ledger, for commands that are signed elsewhere.
	Chain string
	// Trust is in the network of the node, for proofs that are checked. Without its
	// Certificate none is.
	Trust proof.Trust
	// Pseudonyms are those of the carrier. Nil: it has none.
	Pseudonyms Pseudonyms
	// Keys replaces the carrier's own keys. Nil refuses.
	Keys Keys
	// Own gives the public keys of the carrier that others register. Nil refuses.
	Own func() (wire.OwnKeys, error)
	// Files are those that the node keeps: *store.Blobs has it. Nil: none can be
	// erased.
	Files interface {
		Has(canon.Hash) bool
		Erase(canon.Hash) error
	}
	// Ready lists what must be right for the node to be ready. Nil: nothing.
	// Confirmed is the height that enough validators report; 0: not known.
	Ready func() (checks []wire.Check, confirmed uint64)
	// Finality tells how long envelopes took. Nil: not known.
	Finality func() wire.Finality
	// Metrics answers /metrics. Nil: not found.
	Metrics http.Handler
	// Registry takes the interface's own metrics. Nil: none.
	Registry prometheus.Registerer

	// Users are the people who sign in to the portal: *user.File has them. Nil
	// refuses to list and change them.
	Users Users

	Tokens  *api.Tokens
	Version string        // of the node
	Wait    time.Duration // longest wait for a change to become final; 0: one minute
	Log     *slog.Logger  // nil discards
}

// heartbeat is how often a silent stream of events says that it lives.
const heartbeat = 15 * time.Second

// server is the handlers and what they need.
type server struct {
	Options
	mux       *http.ServeMux
	api       huma.API
	heartbeat time.Duration
	requests  *prometheus.HistogramVec
	served    map[string]bool // operations by id
	waiting   waiting         // what a person looks at first
	decided   sync.Map        // disputes that somebody is deciding just now
}

// Handler answers the interface.
type Handler struct {
	http.Handler
	s *server
}

// New makes the interface. The handler may be served by many connections at the
// same time; the HTTP server's own timeouts for headers and idle connections
// are the caller's.
//
// A request whose context says already who asks (api.WithActor) needs no token:
// what serves the handler has asked by itself, as package portal does.
func New(o Options) (*Handler, error) {
	s, err := newServer(o)
	if err != nil {
		return nil, err
	}
	return &Handler{s.handler(), s}, nil
}

func newServer(o Options) (*server, error) {
	if o.Tokens == nil || o.Member != nil && (o.Desk == nil || o.Authorize == nil) {
		return nil, fault.New(fault.Internal, "the API lacks tokens, desks or authority", "report this")
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Wait == 0 {
		o.Wait = time.Minute
	}
	s := &server{Options: o, mux: http.NewServeMux(), heartbeat: heartbeat, served: map[string]bool{}}
	config := huma.DefaultConfig("Lateral native API", o.Version)
	config.Info.Description = description
	config.Info.License = &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"}
	config.OpenAPIPath, config.DocsPath, config.SchemasPath = "", "", ""
	config.CreateHooks = nil // no $schema links
	config.RejectUnknownQueryParameters = true
	config.Transformers = []huma.Transformer{s.problems}
	config.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", Description: "A token of this node, made by its administrator."},
	}
	config.Components.Schemas = newRegistry()
	s.api = humago.New(s.mux, config)
	if err := s.measure(); err != nil {
		return nil, err
	}
	s.routes()
	return s, nil
}

// description opens the OpenAPI document.
const description = `The interface of one node, for its people and systems. A node that is a validator only has the operator's part: health, metrics, tokens.

Every request bears a token: Authorization: Bearer TOKEN. A token has one role; each operation says which roles may use it. Only /health is open.

A change is answered when its command is final and executed here. An error is a Problem with code, detail, remedy and field; codes are stable.
Lists come in pages: limit, after, and next in the answer. Amounts are decimal strings with six places, times RFC 3339 in UTC.`

// routes registers every operation.
func (s *server) routes() {
	s.health()
	s.access()
	s.users()
	s.document()
	get(s, "/v1/me", "get-me", tagNode, "Who asks, and what the token's role may do", s.getMe)
	if s.Member == nil {
		return
	}
	s.status()
	s.overview()
	s.members()
	s.contracts()
	s.orders()
	s.products()
	s.measurements()
	s.usage()
	s.billing()
	s.bills()
	s.disputes()
	s.settlement()
	s.payments()
	s.tokens()
	s.rounds()
	s.treasury()
	s.deposits()
	s.reputation()
	s.credentials()
	s.erasure()
	s.logs()
	s.proofs()
	s.keys()
	s.catalog()
	s.tickets()
	s.mesh()
}
