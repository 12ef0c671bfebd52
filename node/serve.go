package node

import (
	"context"
	"net"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/api/user"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/clearing"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/internal/sign"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/portal"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/repute"
)

// users opens the people who sign in to the portal. What their file seals is under
// what encrypts this node's disk; a mere validator encrypts nothing else, and has the
// key by which others know it.
func (n *Node) users() (*user.File, error) {
	if n.config.Carrier == "" {
		return user.Open(n.config.API.users(), n.keys.must(keyValidatorNode).Seed(), user.Options{})
	}
	secret, err := n.keys.secret(keyStorage)
	if err != nil {
		return nil, err
	}
	return user.Open(n.config.API.users(), secret, user.Options{})
}

// serve answers the API and the portal until ctx ends.
func (n *Node) serve(ctx context.Context) error {
	tokens, err := api.OpenTokens(n.config.API.Tokens)
	if err != nil {
		return err
	}
	o := native.Options{
		Ready: n.vitals.checks, Metrics: promhttp.HandlerFor(n.metrics.registry, promhttp.HandlerOpts{}),
		Registry: n.metrics.registry, Tokens: tokens, Version: version(), Log: n.log,
	}
	if n.member != nil {
		n.carrierAPI(&o)
	}
	users, err := n.users()
	if err != nil {
		return err
	}
	o.Users = users
	inner, err := native.New(o)
	if err != nil {
		return err
	}
	handler, err := portal.New(portal.Options{
		API: inner, Operations: inner.Operations, Users: users, Carrier: string(n.config.Carrier), Assets: portal.Dist(), Log: n.log,
	})
	if err != nil {
		return err
	}
	return serveHTTP(ctx, n.api, &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute})
}

// serveHTTP answers on an address until ctx ends.
func serveHTTP(ctx context.Context, at net.Listener, server *http.Server) error {
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(at) }()
	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
	}
	// Streams of events never end by themselves; everything else gets a moment.
	last, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		return server.Close()
	}
	return nil
}

// carrierAPI adds what a carrier's node has beside a mere validator.
func (n *Node) carrierAPI(o *native.Options) {
	o.Member = native.Of(n.member)
	o.Desk = func(p party.Code) (native.Desk, bool) {
		d, ok := n.Desk(p)
		return d, ok
	}
	o.Authorize = func(_ api.Actor, _ party.Role, c trade.Command, id canon.Hash) (trade.Command, error) {
		return n.sign(id, c)
	}
	o.Open, o.Export, o.Chain, o.Keys, o.Files = n.OpenBilateral, n.ExportBilateral, n.network.ChainID, n, n.blobs
	o.Own = n.own
	o.Catalog, o.Treasury = n.catalog, n.treasury
	o.Trust = Trust(n.network)
	if secret, err := n.keys.secret(keyUsage); err == nil {
		o.Pseudonyms = func(number int) (sign.PublicKey, canon.Hash) {
			k, salt := clearing.Pseudonym(secret, number)
			return k.Public(), repute.Commit(k.Public(), salt)
		}
	}
	if n.sonata != nil {
		o.Troubles = troubles{n.sonata, string(n.config.Carrier)}
	}
	if n.broker != nil {
		o.Market = market{n.broker}
	}
	o.Finality = func() wire.Finality {
		count, p50, p99 := n.finality.quantiles()
		return wire.Finality{Count: count, P50: millis(p50), P99: millis(p99)}
	}
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "unknown"
}

// status asks the ledger where it stands, within a moment.
func (n *Node) status() (ledger.Status, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	return n.ledger.Status(ctx)
}

// newVitals gathers what this node's health is judged by.
func newVitals(n *Node) *vitals {
	v := &vitals{status: n.status, height: n.height, now: time.Now}
	if n.validated != nil {
		v.stores = append(v.stores, n.validated)
	}
	if n.member != nil {
		v.signs, v.sends, v.halted, v.backlogs, v.nameOf = n.member.Ready(), n.member.Sending, n.halted, n.exchange.Backlogs, n.nameOf
		v.stores = append(v.stores, n.store)
	}
	return v
}

// height is the last block that this node has executed: the carrier's replica,
// or else the validator.
func (n *Node) height() ledger.Height {
	if n.member != nil {
		h, _ := n.member.Height()
		return h
	}
	s, err := n.status()
	if err != nil {
		return 0 // the check of the ledger says why
	}
	return s.Tip
}

// halted lists the channels that do not go on.
func (n *Node) halted() (out []named) {
	for _, b := range n.member.Bilaterals() {
		if b.State() == channel.StateHalted {
			out = append(out, named{b.Partner(), b.Err()})
		}
	}
	return out
}

// nameOf gives the member whose node a key names, or the key itself.
func (n *Node) nameOf(k sign.PublicKey) string {
	who := k.Short()
	err := n.member.Omni().View(func(v channel.View) error {
		if code, ok := carrierOf(v, k); ok {
			who = code
		}
		return nil
	})
	if err != nil {
		n.log.Warn("the member list cannot be read", "err", err)
	}
	return who
}
