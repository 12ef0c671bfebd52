package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/trade/party"
)

// People of a sandbox: at each carrier one for each role, called by it, and a second one
// of finance, for whom what moves money waits. They sign in by links that their
// administrator makes.

// person is one of a carrier's people.
type person struct {
	name string
	role api.Role
}

// people are those of each carrier.
var people = []person{
	{"clerk", api.Clerk}, {"product-manager", api.ProductManager}, {"engineer", api.Engineer}, {"finance", api.Finance},
	{"finance-2", api.Finance}, {"auditor", api.Auditor}, {"administrator", api.Administrator},
}

// linkMinutes is how long a link to sign in is good for: a day.
const linkMinutes = 24 * 60

// invite makes a link by which one of a carrier's people signs in once, and the
// account where there is none yet. It gives the address behind that of the portal.
// Codes: unavailable while the node does not answer.
func (s *sandbox) invite(ctx context.Context, code party.Code, who person) (path string, err error) {
	c, err := s.net.Client(code, api.Administrator)
	if err != nil {
		return "", err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if _, err := c.AddUser(ctx, wire.AddUser{Name: who.name, Role: string(who.role)}); err != nil && fault.CodeOf(err) != fault.Conflict {
		return "", err
	}
	l, err := c.LinkUser(ctx, who.name, wire.LinkUser{Minutes: linkMinutes})
	return l.Path, err
}

// signIn gives the address at which one of a carrier's people is signed in, by name. Codes:
// not-found, invalid, unavailable.
func (f *front) signIn(ctx context.Context, carrier party.Code, name string) (string, error) {
	if !slices.Contains(f.s.net.carriers(), carrier) {
		return "", fault.Newf(fault.NotFound, "name one of /sandbox", "the sandbox has no carrier %.40q", carrier).In("carrier")
	}
	at := slices.IndexFunc(people, func(p person) bool { return p.name == name })
	if at < 0 {
		return "", fault.Newf(fault.Invalid, "name clerk, product-manager, engineer, finance, finance-2, auditor or administrator", "nobody is called %.40q here", name).In("role")
	}
	path, err := f.s.invite(ctx, carrier, people[at])
	return f.at(hostOf(carrier)) + path, err
}

// door is where the people of a carrier sign in.
type door struct {
	Carrier party.Code        `json:"carrier"`
	Address string            `json:"address"`
	SignIn  string            `json:"sign_in"` // the clerk's
	Roles   map[string]string `json:"roles"`   // of everybody, by name: that of the role, and finance-2
}

// doors makes a link for everybody.
func (f *front) doors(ctx context.Context) ([]door, error) {
	codes := f.s.net.carriers()
	out := make([]door, len(codes))
	return out, together(codes, func(code party.Code) error {
		d := door{Carrier: code, Address: f.at(hostOf(code)), Roles: map[string]string{}}
		for _, p := range people {
			link, err := f.signIn(ctx, code, p.name)
			if err != nil {
				return err
			}
			d.Roles[p.name] = link
		}
		d.SignIn = d.Roles[people[0].name]
		out[slices.Index(codes, code)] = d
		return nil
	})
}

// writeDoors writes them to a file for whoever drives a browser; it is there whole
// or not at all, and for this user only.
func writeDoors(path string, all []door) error {
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return durable.WriteFile(durable.OS, path, append(data, '\n'), 0o600)
}

// invite tells where everybody signs in.
func (f *front) invite(ctx context.Context, file string, say func(string, ...any)) error {
	all, err := f.doors(ctx)
	if err != nil {
		return fmt.Errorf("making links to sign in: %w", err)
	}
	say("browsers find it at %s; each link is good for one person, once, for a day:", f.at("127.0.0.1"))
	for _, d := range all {
		say("    %-8s %-32s %s", d.Carrier, d.Address, d.SignIn)
	}
	if file == "" {
		return nil
	}
	return writeDoors(file, all)
}
