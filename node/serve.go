package node

import (
	"context"
	"errors"
	"net/http"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/party"
)

// serve answers the API until ctx ends.
func (n *Node) serve(ctx context.Context) error {
	tokens, err := api.OpenTokens(n.config.API.Tokens)
	if err != nil {
		return err
	}
	handler, err := native.New(native.Options{
		Member: native.Of(n.member),
		Desk: func(p party.Code) (native.Desk, bool) {
			d, ok := n.Desk(p)
			return d, ok
		},
		Authorize: func(_ api.Actor, _ party.Role, c trade.Command, id canon.Hash) (trade.Command, error) {
			return n.sign(id, c)
		},
		Open:      n.OpenBilateral,
		Ready:     n.checks,
		Confirmed: n.confirmed,
		Finality: func() wire.Finality {
			count, p50, p99 := n.finality.quantiles()
			return wire.Finality{Count: count, P50: millis(p50), P99: millis(p99)}
		},
		Metrics:  promhttp.HandlerFor(n.metrics.registry, promhttp.HandlerOpts{}),
		Registry: n.metrics.registry, Tokens: tokens, Version: version(), Log: n.log,
	})
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(n.api) }()
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

func (n *Node) confirmed() uint64 {
	s, err := n.status()
	if err != nil {
		return 0 // the readiness checks say why
	}
	return uint64(s.Confirmed)
}

// checks are what must be right for the node to be ready.
func (n *Node) checks() []wire.Check {
	var out []wire.Check
	add := func(name string, err error) {
		c := wire.Check{Name: name, OK: err == nil}
		if err != nil {
			c.Detail = err.Error()
		}
		out = append(out, c)
	}
	s, err := n.status()
	add("ledger", err)
	if err == nil {
		height, _ := n.member.Height()
		if height+10 < s.Confirmed {
			add("caught up", errors.New("this node is behind what validators report"))
		} else {
			add("caught up", nil)
		}
	}
	select {
	case <-n.member.Ready():
		add("may sign", nil)
	default:
		add("may sign", errors.New("what this node signed last is not checked against the ledger yet"))
	}
	add("store", n.store.Err())
	for _, b := range n.member.Bilaterals() {
		if b.State() == channel.StateHalted {
			add("channel with "+b.Partner(), b.Err())
		}
	}
	return out
}
