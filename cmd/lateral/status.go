package main

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
)

// statusCommand is "lateral status".
type statusCommand struct{ connection }

func (statusCommand) Run(ctx context.Context, n *remote) error {
	s, err := n.api.Status(ctx)
	if err != nil || n.json {
		return shown(n, s, err)
	}
	ready, busy := "ready", "nothing under way"
	if !s.Ready {
		ready = "NOT READY"
	}
	if s.Busy {
		busy = "steps of clearing under way"
	}
	fmt.Fprintf(n.out, "%s, version %s: %s, %s\n", s.Carrier, s.Version, ready, busy)
	for _, c := range s.Checks {
		if !c.OK {
			fmt.Fprintf(n.out, "  %s: %s\n", c.Name, c.Detail)
		}
	}
	fmt.Fprintf(n.out, "height %d, %s; validators report %d\n", s.Height, stamp(s.Time), s.Confirmed)
	if s.Finality.Count > 0 {
		fmt.Fprintf(n.out, "final within %.0f ms at the median, 99 %% within %.0f ms\n", s.Finality.P50, s.Finality.P99)
	}
	fmt.Fprintln(n.out)
	return writeList(n.out, s.Bilaterals, bilateralColumns)
}

// readyCommand is "lateral ready".
type readyCommand struct {
	connection
	Wait  time.Duration `placeholder:"1m" help:"Ask again until then."`
	Alive bool          `help:"Ask only whether the process lives."`
}

func (c readyCommand) Run(ctx context.Context, n *remote) error {
	ask, word := n.api.Ready, "ready"
	if c.Alive {
		ask, word = n.api.Alive, "alive"
	}
	end := time.Now().Add(c.Wait)
	for {
		err := ask(ctx)
		if err == nil {
			fmt.Fprintln(n.out, word)
			return nil
		}
		if fault.CodeOf(err) != fault.Unavailable || time.Now().After(end) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// problemsCommand is "lateral problems".
type problemsCommand struct {
	connection
	paging
	Partner string `short:"p" placeholder:"CODE" help:"With this partner only."`
}

func (c problemsCommand) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "partner subject code tries detail remedy", func(api *client.Client) iter.Seq2[wire.PartnerProblem, error] {
		return api.Problems(ctx, client.Filter{"partner": c.Partner})
	})
}

// meCommand is "lateral me".
type meCommand struct{ connection }

func (meCommand) Run(ctx context.Context, n *remote) error {
	me, err := n.api.Me(ctx)
	return shown(n, me, err)
}

// metricsCommand is "lateral metrics".
type metricsCommand struct {
	connection
	out
}

func (c metricsCommand) Run(ctx context.Context, n *remote) error {
	data, err := n.api.Metrics(ctx)
	return c.write(n.terminal, data, err)
}

// openapiCommand is "lateral openapi".
type openapiCommand struct {
	connection
	out
	Own bool `help:"The document of this program, without asking a node."`
}

// dial asks no node for the program's own document.
func (c openapiCommand) dial(t terminal, may []api.Role) (*remote, error) {
	if c.Own {
		return &remote{terminal: t, api: client.New(defaultAPI, "")}, nil
	}
	return c.connection.dial(t, may)
}

func (c openapiCommand) Run(ctx context.Context, n *remote) error {
	if c.Own {
		data, err := native.Document(thisBuild().Version)
		return c.write(n.terminal, data, err)
	}
	data, err := n.api.OpenAPI(ctx)
	return c.write(n.terminal, data, err)
}

// accessCommand is "lateral access".
type accessCommand struct {
	List   accessList   `cmd:"" op:"list-access" role:"administrator,auditor" help:"List the tokens by name, role and expiry." eg:""`
	Add    accessAdd    `cmd:"" op:"add-access" role:"administrator" help:"Make a token; its text is shown this once." eg:"'Ada, settlement desk' clerk --for 720h"`
	Remove accessRemove `cmd:"" op:"remove-access" role:"administrator" help:"Remove a token; it counts no more." eg:"'Ada, settlement desk'"`
}

type accessList struct {
	connection
	paging
}

func (c accessList) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "name role expires", func(api *client.Client) iter.Seq2[wire.Access, error] { return api.Access(ctx) })
}

type accessAdd struct {
	connection
	Name   string        `arg:"" help:"Whose token it is."`
	Bearer string        `arg:"" name:"role-of-token" placeholder:"ROLE" help:"clerk, product-manager, engineer, finance, auditor, administrator or subscriber."`
	For    time.Duration `placeholder:"720h" help:"How long it is good for; without it, until it is removed."`
}

func (c accessAdd) Run(ctx context.Context, n *remote) error {
	t := wire.Access{Name: c.Name, Role: c.Bearer}
	if c.For > 0 {
		t.Expires = wire.Time(time.Now().Add(c.For).Truncate(time.Second).UnixMilli())
	}
	made, err := n.api.AddAccess(ctx, t)
	if err != nil || n.json {
		return shown(n, made, err)
	}
	fmt.Fprintln(n.out, made.Text)
	return nil
}

type accessRemove struct {
	connection
	Name string `arg:"" help:"Whose token it is."`
}

func (c accessRemove) Run(ctx context.Context, n *remote) error {
	if err := n.api.RemoveAccess(ctx, c.Name); err != nil {
		return err
	}
	fmt.Fprintln(n.err, "removed")
	return nil
}
