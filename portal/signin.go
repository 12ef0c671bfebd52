package portal

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/user"
	"github.com/lateral-network/lateral/fault"
)

// standing is what GET /session answers, and everything that signs in or changes
// how.
type standing struct {
	SignedIn bool     `json:"signed_in"`
	Carrier  string   `json:"carrier"`
	Ways     []string `json:"ways"` // to sign in, at this address

	Name       string    `json:"name,omitempty"`
	Role       api.Role  `json:"role,omitempty"`
	Expires    time.Time `json:"expires,omitzero"` // at the latest
	CSRF       string    `json:"csrf,omitempty"`
	Password   bool      `json:"password"`   // there is one
	OldNeeded  bool      `json:"old_needed"` // the password of now is needed to set another
	TOTP       bool      `json:"totp"`
	Passkeys   int       `json:"passkeys"`
	Operations []string  `json:"operations"` // ids of what the role may use of the API
}

// Ways to sign in.
const (
	byPassword = "password"
	byPasskey  = "passkey"
	byLink     = "link"
)

// ways lists the ways to sign in that a page can offer at this address. A link is
// its own offer.
func (p *portal) ways(r *http.Request) []string {
	out := []string{byPassword}
	if p.site(r).Takes() {
		out = append(out, byPasskey)
	}
	return out
}

// standingOf gives what is to be known of a session; nil is nobody's.
func (p *portal) standingOf(r *http.Request, s *session) standing {
	w := standing{Carrier: p.Carrier, Ways: p.ways(r), Operations: []string{}}
	if s == nil {
		return w
	}
	u, ok := p.Users.Get(s.name)
	if !ok {
		return w
	}
	w.SignedIn, w.Name, w.Role, w.Expires, w.CSRF = true, s.name, s.role, s.expires().UTC().Truncate(time.Second), s.csrf
	w.Password, w.TOTP, w.Passkeys, w.OldNeeded = u.Password, u.TOTP, u.Passkeys, p.oldNeeded(s, u)
	w.Operations = p.Operations(s.role)
	return w
}

// endpoint is what answers at one address with one method. Its answer is shown as
// JSON; nil is none.
type endpoint func(w http.ResponseWriter, r *http.Request, s *session) (any, error)

// endpoints are all that begin with /session.
func (p *portal) endpoints() *http.ServeMux {
	table := map[string]map[string]endpoint{
		"/session": {http.MethodGet: p.getSession, http.MethodDelete: p.signOut},

		"/session/password":       {http.MethodPost: p.open(p.signInPassword)},
		"/session/link":           {http.MethodPost: p.open(p.signInLink)},
		"/session/passkey/begin":  {http.MethodPost: p.open(p.beginSignIn)},
		"/session/passkey/finish": {http.MethodPost: p.open(p.finishSignIn)},

		"/session/own/password":        {http.MethodPost: p.own(p.setPassword)},
		"/session/own/totp":            {http.MethodPost: p.own(p.enrolTOTP), http.MethodPut: p.own(p.confirmTOTP), http.MethodDelete: p.own(p.removeTOTP)},
		"/session/own/passkeys":        {http.MethodGet: p.own(p.listPasskeys)},
		"/session/own/passkeys/begin":  {http.MethodPost: p.own(p.beginPasskey)},
		"/session/own/passkeys/finish": {http.MethodPost: p.own(p.finishPasskey)},
		"/session/own/passkeys/{id}":   {http.MethodDelete: p.own(p.removePasskey)},
	}
	mux := http.NewServeMux()
	for path, methods := range table {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) { p.at(methods, w, r) })
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		p.refuse(w, r, fault.New(fault.NotFound, "there is nothing at this address", "look the address up in the guide of the portal"))
	})
	return mux
}

// serveSession answers what begins with /session.
func (p *portal) serveSession(w http.ResponseWriter, r *http.Request) {
	defer p.caught(w, r)
	p.endpoint.ServeHTTP(w, r)
}

// at answers at one address.
func (p *portal) at(methods map[string]endpoint, w http.ResponseWriter, r *http.Request) {
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	do, ok := methods[method]
	if !ok {
		var takes []string
		for m := range methods {
			takes = append(takes, m)
		}
		slices.Sort(takes)
		w.Header().Set("Allow", strings.Join(takes, ", "))
		p.refuse(w, r, fault.New(api.CodeMethod, "this address does not take the method", "use one of "+strings.Join(takes, ", ")))
		return
	}
	s, _ := p.session(r)
	answer, err := do(w, r, s)
	if err != nil {
		p.refuse(w, r, err)
		return
	}
	protect(w.Header())
	w.Header().Set("Cache-Control", "no-store")
	if answer == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		p.Log.Debug("an answer could not be written", "err", err)
	}
}

// open is an endpoint for those who are not signed in yet.
func (p *portal) open(do endpoint) endpoint {
	return func(w http.ResponseWriter, r *http.Request, s *session) (any, error) {
		if err := p.ours(r); err != nil {
			return nil, err
		}
		return do(w, r, s)
	}
}

// own is an endpoint for what belongs to the person who is signed in.
func (p *portal) own(do endpoint) endpoint {
	return func(w http.ResponseWriter, r *http.Request, s *session) (any, error) {
		if s == nil {
			return nil, signedOut()
		}
		if err := p.meant(r, s); err != nil {
			return nil, err
		}
		return do(w, r, s)
	}
}

// mostBody bounds a body: a passkey with its certificates is a few thousand bytes.
const mostBody = 64 << 10

// read reads a JSON body into a struct that must have all its fields. Codes:
// invalid, body-too-large.
func read(w http.ResponseWriter, r *http.Request, into any) error {
	if media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";"); !strings.EqualFold(strings.TrimSpace(media), "application/json") {
		return fault.New(fault.Invalid, "the body is not JSON", "send it with the header Content-Type: application/json")
	}
	// Not every writer has deadlines (tests).
	if err := http.NewResponseController(w).SetReadDeadline(time.Now().Add(30 * time.Second)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if _, long := errors.AsType[*http.MaxBytesError](err); long {
		return fault.New(api.CodeTooLarge, "the body is too long", "send what the guide of the portal says")
	}
	malformed := fault.New(fault.Invalid, "the body is not of the form", "send what the guide of the portal says")
	if err != nil {
		return malformed.Because(err)
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return malformed // its text could hold what was typed
	}
	if _, err := d.Token(); err != io.EOF {
		return malformed
	}
	return nil
}

func (p *portal) getSession(_ http.ResponseWriter, r *http.Request, s *session) (any, error) {
	return p.standingOf(r, s), nil
}

func (p *portal) signOut(w http.ResponseWriter, r *http.Request, s *session) (any, error) {
	if s == nil {
		return nil, p.ours(r) // nothing is to do
	}
	if err := p.meant(r, s); err != nil {
		return nil, err
	}
	for _, c := range r.CookiesNamed(cookieName) {
		p.sessions.drop(c.Value)
	}
	http.SetCookie(w, cookie(r, "", -1))
	p.Log.Info("signed out", "who", s.name)
	return nil, nil
}

// attempt bounds attempts by address, and by name if there is one. What it gives is
// called when the attempt was right.
func (p *portal) attempt(w http.ResponseWriter, r *http.Request, name string) (right func(), err error) {
	now, place := p.Now(), placeOf(r)
	wait, err := p.places.take(place, now)
	if err == nil && name != "" {
		wait, err = p.names.take(user.Folded(name), now)
	}
	if err != nil {
		w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)))
		return nil, err
	}
	return func() {
		p.places.giveBack(place)
		if name != "" {
			p.names.giveBack(user.Folded(name))
		}
	}, nil
}

// enter lets in whom one of the ways has found, or says why not.
func (p *portal) enter(w http.ResponseWriter, r *http.Request, u user.User, way string, right func(), err error) (any, error) {
	if err != nil {
		p.Log.Warn("not signed in", "way", way, "code", fault.CodeOf(err), "from", placeOf(r))
		return nil, err
	}
	right()
	return p.standingOf(r, p.start(w, r, u, way)), nil
}

func (p *portal) signInPassword(w http.ResponseWriter, r *http.Request, _ *session) (any, error) {
	var in struct {
		Name     string `json:"name"`
		Password string `json:"password"`
		Code     string `json:"code"`
	}
	if err := read(w, r, &in); err != nil {
		return nil, err
	}
	right, err := p.attempt(w, r, in.Name)
	if err != nil {
		return nil, err
	}
	u, err := p.Users.CheckPassword(in.Name, in.Password, in.Code)
	return p.enter(w, r, u, byPassword, right, err)
}

func (p *portal) signInLink(w http.ResponseWriter, r *http.Request, _ *session) (any, error) {
	var in struct {
		Token string `json:"token"`
	}
	if err := read(w, r, &in); err != nil {
		return nil, err
	}
	right, err := p.attempt(w, r, "")
	if err != nil {
		return nil, err
	}
	u, err := p.Users.RedeemLink(in.Token)
	return p.enter(w, r, u, byLink, right, err)
}

func (p *portal) beginSignIn(w http.ResponseWriter, r *http.Request, _ *session) (any, error) {
	var in struct {
		Name string `json:"name"`
	}
	if err := read(w, r, &in); err != nil {
		return nil, err
	}
	if _, err := p.attempt(w, r, ""); err != nil {
		return nil, err
	}
	return p.Users.BeginSignIn(in.Name, p.site(r))
}

func (p *portal) finishSignIn(w http.ResponseWriter, r *http.Request, _ *session) (any, error) {
	var in struct {
		Credential json.RawMessage `json:"credential"`
	}
	if err := read(w, r, &in); err != nil {
		return nil, err
	}
	right, err := p.attempt(w, r, "")
	if err != nil {
		return nil, err
	}
	u, err := p.Users.FinishSignIn(p.site(r), in.Credential)
	return p.enter(w, r, u, byPasskey, func() {
		right()
		p.places.giveBack(placeOf(r)) // what began it was an attempt too
	}, err)
}
