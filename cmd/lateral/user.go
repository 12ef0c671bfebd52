package main

import (
	"context"
	"fmt"
	"iter"
	"time"

	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
)

// userCommand is "lateral user".
type userCommand struct {
	List   userList   `cmd:"" op:"list-users" role:"administrator,auditor" help:"List the people: role, how they sign in, and until when a link is open." eg:""`
	Add    userAdd    `cmd:"" op:"add-user,link-user" role:"administrator" help:"Add a person, and print the link by which they sign in the first time." eg:"ada clerk" eg:"ada finance --for 2h"`
	Role   userRole   `cmd:"" op:"change-user" role:"administrator" help:"Give a person another role; their sessions end." eg:"ada finance"`
	Remove userRemove `cmd:"" op:"remove-user" role:"administrator" help:"Remove a person; their sessions end." eg:"ada"`
	Link   userLink   `cmd:"" op:"link-user" role:"administrator" help:"Print a new link for a person who cannot sign in any more." eg:"ada" eg:"ada --reset --for 1h"`
}

// oneUser is a command about one person.
type oneUser struct {
	connection
	Name string `arg:"" help:"Whom it is about: a-z 0-9 . _ - @ +."`
}

// linking is a command that makes a link.
type linking struct {
	For time.Duration `default:"24h" placeholder:"24h" help:"How long the link is good for, at most 168h; default: ${default}."`
}

// print makes a link and prints the address that opens it.
func (l linking) print(ctx context.Context, n *remote, name string, reset bool) error {
	made, err := n.api.LinkUser(ctx, name, wire.LinkUser{Reset: reset, Minutes: max(1, int(l.For.Minutes()))})
	if err != nil || n.json {
		return shown(n, made, err)
	}
	fmt.Fprintln(n.out, n.api.Base()+made.Path)
	fmt.Fprintf(n.err, "hand it to %s alone: it lets in once, until %s\n", name, time.UnixMilli(int64(made.Expires)).UTC().Format(time.RFC3339))
	return nil
}

type userList struct {
	connection
	paging
}

func (c userList) Run(ctx context.Context, n *remote) error {
	return listed(n, c.paging, "name role password totp passkeys link", func(api *client.Client) iter.Seq2[wire.User, error] { return api.Users(ctx) })
}

type userAdd struct {
	oneUser
	linking
	Bearer string `arg:"" name:"role-of-user" placeholder:"ROLE" help:"clerk, product-manager, engineer, finance, auditor, administrator or subscriber."`
}

func (userAdd) Help() string {
	return `The link opens the portal at the address by which this command reaches the node; where people reach it by another one, put that before
/sign-in. It is shown this once.`
}

func (c userAdd) Run(ctx context.Context, n *remote) error {
	if _, err := n.api.AddUser(ctx, wire.AddUser{Name: c.Name, Role: c.Bearer}); err != nil {
		return err
	}
	return c.print(ctx, n, c.Name, false)
}

type userRole struct {
	oneUser
	Bearer string `arg:"" name:"role-of-user" placeholder:"ROLE" help:"clerk, product-manager, engineer, finance, auditor, administrator or subscriber."`
}

func (c userRole) Run(ctx context.Context, n *remote) error {
	u, err := n.api.ChangeUser(ctx, c.Name, wire.ChangeUser{Role: c.Bearer})
	return shown(n, u, err)
}

type userRemove struct{ oneUser }

func (c userRemove) Run(ctx context.Context, n *remote) error {
	if err := n.api.RemoveUser(ctx, c.Name); err != nil {
		return err
	}
	fmt.Fprintln(n.err, "removed")
	return nil
}

type userLink struct {
	oneUser
	linking
	Reset bool `help:"Forget password, one-time codes and passkeys, and end the sessions: for lost devices."`
}

func (c userLink) Run(ctx context.Context, n *remote) error {
	return c.print(ctx, n, c.Name, c.Reset)
}
