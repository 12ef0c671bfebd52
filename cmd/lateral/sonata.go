package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/node"
	"github.com/lateral-network/lateral/store/resource"
)

// sonataCommand is "lateral sonata".
type sonataCommand struct {
	Client sonataClientCommand `cmd:"" help:"Partners' systems that may trade with this carrier over LSO Sonata."`
	Hub    sonataHubCommand    `cmd:"" help:"Where partners have themselves told of changes."`
}

type sonataClientCommand struct {
	Add    sonataAddCommand    `cmd:"" help:"Let a partner's system call; its secret is shown this once."`
	List   sonataListCommand   `cmd:"" help:"List who may call, with releases and scopes."`
	Revoke sonataRevokeCommand `cmd:"" help:"Let a partner's system call no more."`
}

type sonataHubCommand struct {
	List   hubListCommand   `cmd:"" help:"List subscriptions and how their delivery stands."`
	Replay hubReplayCommand `cmd:"" help:"Go on with a subscription that was given up, or send events once more."`
}

// sonataPartners opens the file of who may call.
func sonataPartners(path string) (*sonata.Partners, error) {
	config, err := node.ReadConfig(path)
	if err != nil {
		return nil, err
	}
	if config.Sonata.Partners == "" {
		return nil, fault.New(fault.Invalid, "this node has no Sonata interface", "set sonata.listen, sonata.base and sonata.partners in its configuration").In("sonata.partners")
	}
	return sonata.OpenPartners(config.Sonata.Partners)
}

// sonataAddCommand is "lateral sonata client add".
type sonataAddCommand struct {
	ID       string        `arg:"" help:"Client id of the partner's system."`
	Config   string        `required:"" placeholder:"config.yaml" help:"The node's configuration."`
	Buyer    []string      `required:"" placeholder:"CODE" help:"Buyer for which it acts; repeat where it stands for several."`
	Release  string        `default:"kylie" enum:"kylie,grace" help:"Release that it speaks: kylie or grace."`
	Scope    []string      `placeholder:"OPERATION" help:"An operation that it may call, by operationId; repeat. Without it: all."`
	Callback []string      `placeholder:"https://HOST/PATH" help:"Beginning of addresses to which it may have notifications sent; repeat. Without it: any public address."`
	For      time.Duration `placeholder:"8760h" help:"How long the secret is good for; without it, until it is revoked."`
	JSON     bool          `name:"json" help:"Print one JSON document."`
}

func (sonataAddCommand) Help() string {
	return `Prints the client secret once; the node keeps its hash only. A running node takes it at once.

Examples:
  lateral sonata client add bravo --config alpha/config.yaml --buyer BRAVO
  lateral sonata client add golf --config alpha/config.yaml --buyer GOLF --release grace --callback https://golf.example/lso --for 8760h`
}

// newSonataClient is what a partner needs to call.
type newSonataClient struct {
	sonata.Partner
	Secret string `json:"secret"`
	Token  string `json:"token_path"`
}

func (c sonataAddCommand) Run(t terminal) error {
	partners, err := sonataPartners(c.Config)
	if err != nil {
		return err
	}
	now := time.Now()
	p := sonata.Partner{ID: c.ID, Buyers: c.Buyer, Release: wire.Release(c.Release), Scopes: c.Scope, Callbacks: c.Callback}
	if c.For > 0 {
		p.Expires = now.Add(c.For).UTC().Truncate(time.Second)
	}
	secret, err := partners.Add(p, now)
	if err != nil {
		return err
	}
	if c.JSON {
		p.Created = now.UTC().Truncate(time.Second)
		return t.document(newSonataClient{p, secret, sonata.TokenPath})
	}
	fmt.Fprintln(t.out, secret)
	return nil
}

// sonataListCommand is "lateral sonata client list".
type sonataListCommand struct {
	Config string `required:"" placeholder:"config.yaml" help:"The node's configuration."`
	JSON   bool   `name:"json" help:"Print one JSON document."`
}

func (sonataListCommand) Help() string {
	return `Example:
  lateral sonata client list --config alpha/config.yaml`
}

func (c sonataListCommand) Run(t terminal) error {
	partners, err := sonataPartners(c.Config)
	if err != nil {
		return err
	}
	all, err := partners.List()
	if err != nil {
		return err
	}
	if c.JSON {
		return t.document(map[string]any{"items": append([]sonata.Partner{}, all...)})
	}
	rows := [][]string{}
	for _, p := range all {
		scopes, ends := "all", "never"
		if len(p.Scopes) > 0 {
			scopes = strings.Join(p.Scopes, ",")
		}
		if !p.Expires.IsZero() {
			ends = p.Expires.Format(time.RFC3339)
		}
		rows = append(rows, []string{p.ID, strings.Join(p.Buyers, ","), string(p.Release), scopes, ends})
	}
	return writeTable(t.out, []string{"client", "buyers", "release", "scopes", "expires"}, rows)
}

// sonataRevokeCommand is "lateral sonata client revoke".
type sonataRevokeCommand struct {
	ID     string `arg:"" help:"Client id of the partner's system."`
	Config string `required:"" placeholder:"config.yaml" help:"The node's configuration."`
}

func (sonataRevokeCommand) Help() string {
	return `Its secret and its access tokens count no more, also in a running node. Its resources and subscriptions stay.

Example:
  lateral sonata client revoke bravo --config alpha/config.yaml`
}

func (c sonataRevokeCommand) Run(t terminal) error {
	partners, err := sonataPartners(c.Config)
	if err != nil {
		return err
	}
	if err := partners.Revoke(c.ID); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "%s may call no more\n", c.ID)
	return nil
}

// sonataShelf opens a node's Sonata resources beside the node itself.
func sonataShelf(path string) (*resource.DB, error) {
	config, err := node.ReadConfig(path)
	if err != nil {
		return nil, err
	}
	return resource.Open(config.SonataStore(), resource.Options{})
}

// hubListCommand is "lateral sonata hub list".
type hubListCommand struct {
	Config string `required:"" placeholder:"config.yaml" help:"The node's configuration."`
	JSON   bool   `name:"json" help:"Print one JSON document."`
}

func (hubListCommand) Help() string {
	return `Shows how many events wait, since when delivery fails and why. The node may run meanwhile.

Example:
  lateral sonata hub list --config alpha/config.yaml`
}

// shownHub is a subscription as it is printed.
type shownHub struct {
	ID        string    `json:"id"`
	Client    string    `json:"client"`
	Buyer     string    `json:"buyer"`
	Topic     string    `json:"topic"`
	Callback  string    `json:"callback"`
	Query     string    `json:"query,omitempty"`
	Waiting   int       `json:"waiting"`
	Failures  int       `json:"failures"`
	Failing   time.Time `json:"failing_since,omitzero"`
	Due       time.Time `json:"next_attempt,omitzero"`
	Suspended bool      `json:"suspended"`
	Problem   string    `json:"problem,omitempty"`
}

func (c hubListCommand) Run(ctx context.Context, t terminal) error {
	shelf, err := sonataShelf(c.Config)
	if err != nil {
		return err
	}
	defer shelf.Close()
	hubs, err := shelf.Hubs(ctx)
	if err != nil {
		return err
	}
	all, rows := []shownHub{}, [][]string{}
	for _, h := range hubs {
		waiting, err := shelf.Waiting(ctx, h)
		if err != nil {
			return err
		}
		all = append(all, shownHub{ID: h.ID, Client: h.Partner, Buyer: h.Buyer, Topic: h.Topic, Callback: h.Callback, Query: h.Query,
			Waiting: waiting, Failures: h.Failures, Failing: h.Failing, Due: h.Due, Suspended: h.Suspended, Problem: h.Problem})
		state := "delivers"
		switch {
		case h.Suspended:
			state = "given up: " + h.Problem
		case h.Failures > 0:
			state = fmt.Sprintf("fails since %s: %s", h.Failing.Format(time.RFC3339), h.Problem)
		}
		rows = append(rows, []string{h.ID, h.Partner, h.Topic, h.Callback, strconv.Itoa(waiting), state})
	}
	if c.JSON {
		return t.document(map[string]any{"items": all})
	}
	return writeTable(t.out, []string{"subscription", "client", "topic", "callback", "waiting", "state"}, rows)
}

// hubReplayCommand is "lateral sonata hub replay".
type hubReplayCommand struct {
	ID     string `arg:"" help:"Id of the subscription."`
	Config string `required:"" placeholder:"config.yaml" help:"The node's configuration."`
	From   string `placeholder:"EVENT" help:"Send once more from this event on; without it, only go on."`
}

func (hubReplayCommand) Help() string {
	return `A subscription that was given up goes on. With --from, all its events from that one on are sent again; a listener that knows
them passes over them. The node may run meanwhile and begins within a second.

Examples:
  lateral sonata hub replay k3v9x --config alpha/config.yaml
  lateral sonata hub replay k3v9x --config alpha/config.yaml --from 7tq2m`
}

func (c hubReplayCommand) Run(ctx context.Context, t terminal) error {
	shelf, err := sonataShelf(c.Config)
	if err != nil {
		return err
	}
	defer shelf.Close()
	if err := shelf.Update(ctx, func(tx *resource.Tx) error { return tx.Replay(c.ID, c.From) }); err != nil {
		return err
	}
	fmt.Fprintf(t.out, "%s goes on\n", c.ID)
	return nil
}
