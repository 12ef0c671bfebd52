package main

import (
	"context"
	"iter"
	"time"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
)

// sessionCommand is "lateral service session".
type sessionCommand struct {
	Open  sessionOpen  `cmd:"" op:"open-session" role:"product-manager" help:"Open a session along the chain, all of it or nothing." eg:"3f0c1d... --wait" eg:"3f0c1d... --key call-1 --json"`
	Close sessionClose `cmd:"" op:"close-session" role:"product-manager" help:"Close a session along the chain, or give up its opening." eg:"3f0c1d... 77ab02... --wait"`
	List  sessionList  `cmd:"" op:"list-sessions" help:"List the sessions of a service, the newest first." eg:"3f0c1d..." eg:"3f0c1d... --state open --json"`
	Show  sessionShow  `cmd:"" op:"get-session" help:"Show one session." eg:"3f0c1d... 77ab02..."`
}

type (
	sessionOpen struct {
		connection
		Service string `arg:"" help:"Id of the service that stands."`
		Key     string `help:"Of the application: the same key again is the same session; default: a fresh one."`
		Wait    bool   `help:"Wait until it is open at this carrier, or refused."`
	}
	sessionShow struct {
		connection
		Service string `arg:"" help:"Id of the service that stands."`
		ID      string `arg:"" help:"Id of the session."`
	}
	sessionClose struct {
		sessionShow
		Wait bool `help:"Wait until it is closed at the neighbour."`
	}
	sessionList struct {
		connection
		paging
		Service string `arg:"" help:"Id of the service that stands."`
		State   string `placeholder:"STATE" help:"opening, open, closing, closed or refused."`
	}
)

// settled waits until a session does not stay in a state.
func settled(ctx context.Context, n *remote, s wire.Session, while string) (wire.Session, error) {
	for s.State == while {
		select {
		case <-ctx.Done():
			return s, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
		var err error
		if s, err = n.api.Session(ctx, s.Service, s.ID); err != nil {
			return s, err
		}
	}
	return s, nil
}

func (c sessionOpen) Run(ctx context.Context, n *remote) error {
	s, err := n.api.OpenSession(ctx, c.Service, wire.OpenSession{Key: c.Key})
	if err == nil && c.Wait {
		s, err = settled(ctx, n, s, "opening")
	}
	if err = shown(n, s, err); err == nil && c.Wait && s.State == "refused" {
		return fault.Newf(fault.Refused, "open another when the reason is gone", "the session was refused: %s", s.Why)
	}
	return err
}

func (c sessionClose) Run(ctx context.Context, n *remote) error {
	s, err := n.api.CloseSession(ctx, c.Service, c.ID)
	if err == nil && c.Wait {
		s, err = settled(ctx, n, s, "closing")
	}
	return shown(n, s, err)
}

func (c sessionList) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "id state opened closed sold_product bought_product", func(api *client.Client) iter.Seq2[wire.Session, error] {
		return api.Sessions(ctx, c.Service, client.Filter{"state": c.State})
	})
}

func (c sessionShow) Run(ctx context.Context, n *remote) error {
	s, err := n.api.Session(ctx, c.Service, c.ID)
	return shown(n, s, err)
}
