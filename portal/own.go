package portal

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/lateral-network/lateral/api/user"
	"github.com/lateral-network/lateral/fault"
)

// What a person does about their own ways to sign in. Each ends the person's other
// sessions where something was replaced or taken away, and keeps this one.

// changed answers after a change of the person's own.
func (p *portal) changed(r *http.Request, s *session, u user.User, what string, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	s.keep(u)
	p.Log.Info("own sign-in changed", "who", s.name, "what", what)
	return p.standingOf(r, s), nil
}

// oldNeeded tells whether the password of now is needed to set another: not when
// there is none, and not shortly after a link or a passkey.
func (p *portal) oldNeeded(s *session, u user.User) bool {
	return u.Password && (s.way == byPassword || p.Now().Sub(s.began) >= fresh)
}

func (p *portal) setPassword(w http.ResponseWriter, r *http.Request, s *session) (any, error) {
	var in struct {
		Old string `json:"old"`
		New string `json:"new"`
	}
	if err := read(w, r, &in); err != nil {
		return nil, err
	}
	u, ok := p.Users.Get(s.name)
	if !ok {
		return nil, signedOut()
	}
	if p.oldNeeded(s, u) {
		if in.Old == "" {
			return nil, fault.New(CodePasswordNeeded, "the password of now is needed", "send it, or sign in by a link or a passkey first").In("old")
		}
		right, err := p.attempt(w, r, s.name)
		if err != nil {
			return nil, err
		}
		if !p.Users.Knows(s.name, in.Old) {
			return nil, fault.New(fault.Refused, "the password of now is wrong", "try again, or ask an administrator of this node for a link").In("old")
		}
		right()
	}
	u, err := p.Users.SetPassword(s.name, in.New)
	return p.changed(r, s, u, "password", err)
}

func (p *portal) enrolTOTP(_ http.ResponseWriter, r *http.Request, s *session) (any, error) {
	secret, url, err := p.Users.EnrolTOTP(s.name, p.site(r).Name)
	if err != nil {
		return nil, err
	}
	return struct {
		Secret string `json:"secret"`
		URL    string `json:"url"`
	}{secret, url}, nil
}

// code reads a one-time code, and bounds how many are tried.
func (p *portal) code(w http.ResponseWriter, r *http.Request, s *session) (code string, right func(), err error) {
	var in struct {
		Code string `json:"code"`
	}
	if err := read(w, r, &in); err != nil {
		return "", nil, err
	}
	right, err = p.attempt(w, r, s.name)
	return in.Code, right, err
}

func (p *portal) confirmTOTP(w http.ResponseWriter, r *http.Request, s *session) (any, error) {
	code, right, err := p.code(w, r, s)
	if err != nil {
		return nil, err
	}
	u, err := p.Users.ConfirmTOTP(s.name, code)
	if err == nil {
		right()
	}
	return p.changed(r, s, u, "one-time codes", err)
}

func (p *portal) removeTOTP(w http.ResponseWriter, r *http.Request, s *session) (any, error) {
	code, right, err := p.code(w, r, s)
	if err != nil {
		return nil, err
	}
	u, err := p.Users.RemoveTOTP(s.name, code)
	if err == nil {
		right()
	}
	return p.changed(r, s, u, "no one-time codes", err)
}

// passkey is one in the list.
type passkey struct {
	ID    string    `json:"id"`
	Name  string    `json:"name"`
	Site  string    `json:"site"` // host at which it was made, and can be used
	Added time.Time `json:"added"`
	Used  time.Time `json:"used,omitzero"`
}

func (p *portal) listPasskeys(_ http.ResponseWriter, _ *http.Request, s *session) (any, error) {
	all, err := p.Users.Passkeys(s.name)
	if err != nil {
		return nil, err
	}
	out := struct {
		Items []passkey `json:"items"`
	}{[]passkey{}}
	for _, k := range all {
		out.Items = append(out.Items, passkey(k))
	}
	return out, nil
}

func (p *portal) beginPasskey(_ http.ResponseWriter, r *http.Request, s *session) (any, error) {
	return p.Users.BeginPasskey(s.name, p.site(r))
}

func (p *portal) finishPasskey(w http.ResponseWriter, r *http.Request, s *session) (any, error) {
	var in struct {
		Name       string          `json:"name"`
		Credential json.RawMessage `json:"credential"`
	}
	if err := read(w, r, &in); err != nil {
		return nil, err
	}
	u, err := p.Users.FinishPasskey(s.name, in.Name, p.site(r), in.Credential)
	return p.changed(r, s, u, "passkey", err)
}

func (p *portal) removePasskey(_ http.ResponseWriter, r *http.Request, s *session) (any, error) {
	u, err := p.Users.RemovePasskey(s.name, r.PathValue("id"))
	return p.changed(r, s, u, "no passkey", err)
}
