package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net"
	"os"
	"path/filepath"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/node"
	"github.com/lateral-network/lateral/trade/party"
)

// connection says which node is asked, and as whom. Every command that asks a
// running node has these flags.
type connection struct {
	API       string `name:"api" group:"The node:" env:"LATERAL_API" placeholder:"URL" help:"Address of the node's API; default: http://127.0.0.1:7080."`
	TokenFile string `group:"The node:" env:"LATERAL_TOKEN_FILE" placeholder:"FILE" help:"File that holds the token. Without it and without --node, the token is in LATERAL_TOKEN."`
	Node      string `group:"The node:" env:"LATERAL_NODE" placeholder:"DIR" help:"Folder of a node on this machine: take its address and its first tokens from there."`
	Role      string `group:"The node:" env:"LATERAL_ROLE" placeholder:"ROLE" help:"Whose first token of --node to use; default: of the first role that may do it."`
	JSON      bool   `name:"json" group:"The node:" help:"Print the API's document."`
}

// defaultAPI is where lateral node init has a node listen.
const defaultAPI = "http://127.0.0.1:7080"

// remote is a running node as one command asks it.
type remote struct {
	terminal
	api  *client.Client
	json bool
}

// asks is a command that asks a running node.
type asks interface {
	dial(t terminal, may []api.Role) (*remote, error)
}

// dial finds the node and the token. may is who may use the command.
func (c connection) dial(t terminal, may []api.Role) (*remote, error) {
	address, token := c.API, ""
	if c.Node != "" && address == "" {
		config, err := node.ReadConfig(filepath.Join(c.Node, "config.yaml"))
		if err != nil {
			return nil, err
		}
		if config.API.Listen == "" {
			return nil, fault.Newf(fault.Invalid, "set api.listen and api.tokens in its configuration", "the node in %s has no API", c.Node)
		}
		address = reachable(config.API.Listen)
	}
	if address == "" {
		address = defaultAPI
	}
	switch {
	case c.TokenFile != "":
		data, err := t.read(c.TokenFile)
		if err != nil {
			return nil, err
		}
		token = strings.TrimSpace(string(data))
	case c.Node != "":
		role := api.Role(c.Role)
		if role == "" {
			role = may[0]
		}
		var err error
		if token, err = node.ReadToken(c.Node, role); err != nil {
			return nil, err
		}
	default:
		if token = os.Getenv("LATERAL_TOKEN"); token == "" {
			return nil, usageError{fault.New(fault.Unauthorized, "there is no token", "name its file with --token-file, put it into LATERAL_TOKEN, or name the node's folder with --node")}
		}
	}
	return &remote{terminal: t, api: client.New(address, token), json: c.JSON}, nil
}

// reachable gives the address of an API on this machine that listens at a
// host:port, which may stand for all of the machine's addresses.
func reachable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip != nil && ip.IsUnspecified()) {
		listen = net.JoinHostPort("127.0.0.1", port)
	}
	return "http://" + listen
}

// rolesOf gives the roles that may use a command. A command without the tag is
// for all that may read.
func rolesOf(n *kong.Node) (roles []api.Role) {
	for _, r := range strings.Split(n.Tag.Get("role"), ",") {
		if r != "" {
			roles = append(roles, api.Role(r))
		}
	}
	if roles == nil {
		roles = []api.Role{api.Auditor, api.Clerk, api.ProductManager, api.Engineer, api.Finance, api.Administrator}
	}
	return roles
}

// describe completes the help of every command that asks a node: who may use
// it, and examples, which its tag eg holds without the command's own words.
func describe(n *kong.Node) {
	for _, child := range n.Children {
		describe(child)
	}
	if n.Tag == nil || !n.Tag.Has("eg") {
		return
	}
	var b strings.Builder
	if n.Tag.Has("op") {
		who := "every role but subscriber"
		if r := n.Tag.Get("role"); r != "" {
			who = strings.ReplaceAll(r, ",", ", ")
		}
		fmt.Fprintf(&b, "Who may: %s.\n\n", who)
	}
	if n.Detail != "" {
		b.WriteString(n.Detail + "\n\n")
	}
	b.WriteString("Examples:")
	for _, e := range n.Tag.GetAll("eg") {
		b.WriteString("\n  lateral " + strings.TrimSpace(n.Path()+" "+e))
	}
	n.Detail = b.String()
}

// one is a command about one partner.
type one struct {
	connection
	Partner string `short:"p" group:"The node:" env:"LATERAL_PARTNER" placeholder:"CODE" help:"The partner's member code; default: the only one that the node has a Bilateral with."`
}

// code gives the partner that is meant.
func (o one) code(ctx context.Context, n *remote) (party.Code, error) {
	if o.Partner != "" {
		return party.Code(o.Partner), nil
	}
	found := party.Code("")
	var names []string
	for b, err := range n.api.Bilaterals(ctx) {
		if err != nil {
			return "", err
		}
		if b.Partner != found {
			found = b.Partner
			names = append(names, string(b.Partner))
		}
	}
	switch len(names) {
	case 1:
		return found, nil
	case 0:
		return "", fault.New(fault.NotFound, "this node has no Bilateral", "open one with lateral bilateral open").In("partner")
	}
	return "", usageError{fault.Newf(fault.Invalid, "choose one with --partner", "there are Bilaterals with %s", strings.Join(names, ", ")).In("partner")}
}

// many is a command that lists what belongs to one partner.
type many struct {
	one
	paging
}

// paging cuts a list that can be read from its end.
type paging struct {
	onward
	Descending bool `help:"From the end of the list to its beginning: of what is in the order of its time, the latest first."`
}

// onward cuts a list that is read from its beginning.
type onward struct {
	Limit int    `default:"100" placeholder:"N" help:"Show at most so many; default: ${default}."`
	All   bool   `help:"Show all."`
	After string `placeholder:"CURSOR" help:"Go on behind this place: the next of the JSON document before."`
	Total bool   `help:"Tell how many there are in all."`
}

// ask prints what one request about a partner gives.
func ask[T any](ctx context.Context, n *remote, o one, f func(*client.Partner) (T, error)) error {
	code, err := o.code(ctx, n)
	if err != nil {
		return err
	}
	v, err := f(n.api.With(code))
	return shown(n, v, err)
}

// shown prints what was asked for.
func shown[T any](n *remote, v T, err error) error {
	if err != nil {
		return err
	}
	if n.json {
		return n.document(v)
	}
	return writeRecord(n.out, v)
}

// change prints what became of a change.
func change[T any](ctx context.Context, n *remote, o one, f func(*client.Partner) (wire.Done[T], error)) error {
	code, err := o.code(ctx, n)
	if err != nil {
		return err
	}
	d, err := f(n.api.With(code))
	return changed(n, d, err)
}

// changed prints a record as it is after a change, and where the change is
// final.
func changed[T any](n *remote, d wire.Done[T], err error) error {
	if err != nil || n.json {
		return shown(n, d, err)
	}
	if err := writeRecord(n.out, d.Record); err != nil {
		return err
	}
	if d.Waits {
		fmt.Fprintln(n.err, "nothing has changed yet: another person has to send the same")
	} else if d.Repeated {
		fmt.Fprintln(n.err, "done before; nothing more was done")
	} else if d.Receipt.Height > 0 {
		fmt.Fprintf(n.err, "done: final at height %d\n", d.Receipt.Height)
	}
	return nil
}

// list prints a list of what belongs to a partner.
func list[T any](ctx context.Context, n *remote, m many, columns string, f func(*client.Partner) iter.Seq2[T, error]) error {
	code, err := m.code(ctx, n)
	if err != nil {
		return err
	}
	return listed(n, m.paging, columns, func(c *client.Client) iter.Seq2[T, error] { return f(c.With(code)) })
}

// listed prints a list, asking page by page for as much as is wanted.
func listed[T any](n *remote, p paging, columns string, f func(*client.Client) iter.Seq2[T, error]) error {
	got, err := paged(n, p, f)
	if err != nil || n.json {
		return shown(n, got, err)
	}
	if err := writeList(n.out, got.Items, columns); err != nil {
		return err
	}
	told(n, got)
	return nil
}

// paged asks page by page for as much as is wanted.
func paged[T any](n *remote, p paging, f func(*client.Client) iter.Seq2[T, error]) (api.Page[T], error) {
	got := api.Page[T]{Items: []T{}}
	if p.Limit < 1 {
		return got, usageError{fmt.Errorf("--limit: %d is not above zero", p.Limit)}
	}
	page := client.Page{After: p.After, Count: p.Total, Descending: p.Descending}
	for first := true; first || page.Next != "" && (p.All || len(got.Items) < p.Limit); first = false {
		if !first {
			page.After, page.Count = page.Next, false // counted once
		}
		page.Limit = api.MaxLimit
		if !p.All {
			page.Limit = min(p.Limit-len(got.Items), api.MaxLimit)
		}
		for v, err := range f(n.api.OnePage(&page)) {
			if err != nil {
				return got, err
			}
			got.Items = append(got.Items, v)
		}
		if first && p.Total {
			got.Total = page.Total
		}
	}
	got.Next = page.Next
	return got, nil
}

// told says on standard error what a list has beside what was printed.
func told[T any](n *remote, got api.Page[T]) {
	if got.Total != nil {
		fmt.Fprintf(n.err, "%d in all\n", *got.Total)
	}
	if got.Next != "" {
		fmt.Fprintf(n.err, "there are more: --all, or --after '%s'\n", got.Next)
	}
}

// document prints a JSON document.
func (t terminal) document(v any) error {
	e := json.NewEncoder(t.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false) // directions like ALPHA>BRAVO stay readable
	return e.Encode(v)
}

// open opens a file that the user named; - is standard input.
func (t terminal) open(path string) (io.ReadCloser, error) {
	if path == "-" {
		return io.NopCloser(t.in), nil
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fault.Newf(fault.NotFound, "name a file that this user can read", "%s cannot be read", path).Because(err)
	}
	return f, nil
}

// read reads a whole file that the user named.
func (t terminal) read(path string) ([]byte, error) {
	f, err := t.open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(f)
	if err != nil {
		return nil, fault.Newf(fault.NotFound, "name a file that this user can read", "%s cannot be read", path).Because(err)
	}
	return data, nil
}

// confirmed asks whether something that cannot be undone is meant. Only the
// word yes is.
func (t terminal) confirmed(question string) bool {
	fmt.Fprintf(t.err, "%s [yes/no] ", question)
	answer, _ := bufio.NewReader(t.in).ReadString('\n') // an end without a line is no
	return strings.EqualFold(strings.TrimSpace(answer), "yes")
}

// out is where a command writes a file.
type out struct {
	Out string `short:"o" default:"-" placeholder:"FILE" help:"Write into this file; default: standard output."`
}

// write writes a file that a node gave.
func (o out) write(t terminal, data []byte, err error) error {
	if err != nil {
		return err
	}
	if o.Out == "-" {
		_, err := t.out.Write(data)
		return err
	}
	if err := os.WriteFile(o.Out, data, 0o666); err != nil { // as the user's umask has it
		return fault.Newf(fault.Invalid, "name a file that this user can write", "%s cannot be written", o.Out).Because(err)
	}
	return nil
}

// document writes a JSON document.
func (o out) document(t terminal, v any) error {
	var b bytes.Buffer
	err := terminal{out: &b}.document(v)
	return o.write(t, b.Bytes(), err)
}

// yes is a filter's value for a flag that is set.
func yes(set bool) string {
	if set {
		return "true"
	}
	return ""
}

// span filters by time.
type span struct {
	From string `placeholder:"TIME" help:"Periods that begin then or later, RFC 3339."`
	To   string `placeholder:"TIME" help:"Periods that begin before."`
}
