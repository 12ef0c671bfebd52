package native

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/api/user"
	"github.com/lateral-network/lateral/fault"
)

// Users are the people who sign in to the portal; *user.File has them.
type Users interface {
	List() ([]user.User, error)
	Add(name string, role api.Role) (user.User, error)
	SetRole(name string, role api.Role) (user.User, error)
	Remove(name string) error
	Link(name string, ttl time.Duration, reset bool) (text string, expires time.Time, err error)
}

// UserPath names a user.
type UserPath struct {
	Name string `path:"name" maxLength:"64" doc:"Whom it is about."`
}

// users registers who may sign in to the portal.
func (s *server) users() {
	const at = "/v1/users"
	get(s, at, "list-users", tagAccess, "People who sign in to the portal", func(_ context.Context, in *struct{ PageQuery }) (*reply[api.Page[wire.User]], error) {
		u, err := s.people()
		if err != nil {
			return nil, err
		}
		all, err := u.List()
		if err != nil {
			return nil, err
		}
		return cut(all, in.wanted(), shownUser)
	})
	op := operation(http.MethodPost, at, "add-user", tagAccess, "Add a person, who can sign in once there is a link")
	op.DefaultStatus = http.StatusCreated
	add(s, op, func(ctx context.Context, in *struct{ Body wire.AddUser }) (*reply[wire.User], error) {
		return s.onUser(ctx, "added", in.Body.Name, func(u Users) (user.User, error) { return u.Add(in.Body.Name, api.Role(in.Body.Role)) })
	})
	add(s, operation(http.MethodPut, at+"/{name}", "change-user", tagAccess, "Give a person another role; their sessions end"), func(ctx context.Context, in *struct {
		UserPath
		Body wire.ChangeUser
	}) (*reply[wire.User], error) {
		return s.onUser(ctx, "changed", in.Name, func(u Users) (user.User, error) { return u.SetRole(in.Name, api.Role(in.Body.Role)) })
	})
	add(s, operation(http.MethodDelete, at+"/{name}", "remove-user", tagAccess, "Remove a person; their sessions end"), func(ctx context.Context, in *UserPath) (*struct{}, error) {
		_, err := s.onUser(ctx, "removed", in.Name, func(u Users) (user.User, error) { return user.User{}, u.Remove(in.Name) })
		return nil, err
	})
	post(s, at+"/{name}/link", "link-user", tagAccess, "Make a link by which a person signs in once, in place of one before; it is shown this once", func(ctx context.Context, in *struct {
		UserPath
		Body wire.LinkUser
	}) (*reply[wire.Link], error) {
		var w wire.Link
		_, err := s.onUser(ctx, "linked", in.Name, func(u Users) (user.User, error) {
			text, expires, err := u.Link(in.Name, time.Duration(cmp.Or(in.Body.Minutes, 24*60))*time.Minute, in.Body.Reset)
			w = wire.Link{Token: text, Path: "/sign-in#" + text, Expires: moment(expires)}
			return user.User{}, err
		})
		return answer(w), err
	})
}

// people gives the users file. Code: refused.
func (s *server) people() (Users, error) {
	if s.Users == nil {
		return nil, fault.New(fault.Refused, "this node has no portal, and nobody signs in", "name a users file in its configuration (api.users)")
	}
	return s.Users, nil
}

// onUser does something about a person. Who did it stands in the node's log.
func (s *server) onUser(ctx context.Context, what, name string, do func(Users) (user.User, error)) (*reply[wire.User], error) {
	u, err := s.people()
	if err != nil {
		return nil, err
	}
	x, err := do(u)
	if err != nil {
		return nil, err
	}
	s.Log.Info("user "+what, "trace", traceOf(ctx), "user", user.Folded(name), "who", api.ActorOf(ctx).Name)
	return answer(shownUser(x)), nil
}

func shownUser(u user.User) wire.User {
	return wire.User{Name: u.Name, Role: string(u.Role), Added: moment(u.Added), Password: u.Password, TOTP: u.TOTP, Passkeys: u.Passkeys, Link: moment(u.Link)}
}
