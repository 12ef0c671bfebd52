package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/durable"
	"github.com/lateral-network/lateral/trade/party"
)

// People of a sandbox: at each carrier one for each role, called by it. They sign
// in by links that their administrator makes.

// roles are those of the sandbox's people.
var roles = []api.Role{api.Clerk, api.ProductManager, api.Engineer, api.Finance, api.Auditor, api.Administrator}

// linkMinutes is how long a link to sign in is good for: a day.
const linkMinutes = 24 * 60

// invite makes a link by which a carrier's person of a role signs in once, and the
// person where there is none yet. It gives the address behind that of the portal.
// Codes: unavailable while the node does not answer.
func (s *sandbox) invite(ctx context.Context, code party.Code, role api.Role) (path string, err error) {
	type person struct {
		Name string   `json:"name"`
		Role api.Role `json:"role"`
	}
	if err := s.administer(ctx, code, "/v1/users", person{string(role), role}, nil); err != nil && fault.CodeOf(err) != fault.Conflict {
		return "", err
	}
	var made struct{ Path string }
	err = s.administer(ctx, code, "/v1/users/"+string(role)+"/link", struct {
		Minutes int `json:"minutes"`
	}{linkMinutes}, &made)
	return made.Path, err
}

// administer has a carrier's administrator ask something of the node.
func (s *sandbox) administer(ctx context.Context, code party.Code, path string, body, out any) error {
	token, err := s.net.Token(code, api.Administrator)
	if err != nil {
		return err
	}
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.net.API(code)+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	r.Header.Set("Content-Type", "application/json")
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		return down(code, err)
	}
	defer a.Body.Close()
	if data, err = io.ReadAll(io.LimitReader(a.Body, 64<<10)); err != nil {
		return down(code, err)
	}
	if a.StatusCode/100 != 2 {
		var p api.Problem
		if json.Unmarshal(data, &p) != nil || p.Code == "" {
			return down(code, errors.New(a.Status))
		}
		return p.Fault()
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(data, out)
}

// signIn gives the address at which a person of a carrier is signed in. Codes:
// not-found, invalid, unavailable.
func (f *front) signIn(ctx context.Context, carrier party.Code, role string) (string, error) {
	if !slices.Contains(f.s.net.o.Carriers, carrier) {
		return "", fault.Newf(fault.NotFound, "name one of /sandbox", "the sandbox has no carrier %.40q", carrier).In("carrier")
	}
	if !slices.Contains(roles, api.Role(role)) {
		return "", fault.Newf(fault.Invalid, "name clerk, product-manager, engineer, finance, auditor or administrator", "nobody has the role %.40q here", role).In("role")
	}
	path, err := f.s.invite(ctx, carrier, api.Role(role))
	return f.at(hostOf(carrier)) + path, err
}

// door is where the people of a carrier sign in.
type door struct {
	Carrier party.Code          `json:"carrier"`
	Address string              `json:"address"`
	SignIn  string              `json:"sign_in"` // the clerk's
	Roles   map[api.Role]string `json:"roles"`
}

// doors makes a link for everybody.
func (f *front) doors(ctx context.Context) ([]door, error) {
	out := make([]door, len(f.s.net.o.Carriers))
	return out, together(f.s.net.o.Carriers, func(code party.Code) error {
		d := door{Carrier: code, Address: f.at(hostOf(code)), Roles: map[api.Role]string{}}
		for _, r := range roles {
			link, err := f.signIn(ctx, code, string(r))
			if fault.CodeOf(err) == fault.NotFound { // the node has no portal: only its API is there
				continue
			}
			if err != nil {
				return err
			}
			d.Roles[r] = link
		}
		d.SignIn = d.Roles[api.Clerk]
		out[slices.Index(f.s.net.o.Carriers, code)] = d
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
