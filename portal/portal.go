// Package portal serves people's browsers: the built web files, signing in and out,
// and the node's public API to those who are signed in. It adds no right: a person
// has one role, and the API asks its own table what the role may do.
//
// Who is signed in is known by a cookie. Requests that bear a token instead go to
// the API as they are. Sessions are in memory: a restart of the node ends them.
package portal

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/user"
	"github.com/lateral-network/lateral/fault"
)

// Codes of this package, beside those of every part.
const (
	// CodeTooManyAttempts says that one name or address tried to sign in too often.
	CodeTooManyAttempts fault.Code = "too-many-attempts"
	// CodeWrongOrigin says that another site's page sent the request.
	CodeWrongOrigin fault.Code = "wrong-origin"
	// CodeCSRFToken says that a change lacks the session's token.
	CodeCSRFToken fault.Code = "csrf-token"
	// CodePasswordNeeded says that the password of now is needed beside a new one.
	CodePasswordNeeded fault.Code = "password-needed"
)

// Options are what the portal is made of. API, Users and Operations are required.
type Options struct {
	// API answers /v1/..., /health, /ready and /metrics. Who is signed in stands in
	// the context of a request (api.ActorOf).
	API http.Handler
	// Operations lists what a role may use of the API.
	Operations func(api.Role) []string
	Users      *user.File
	Carrier    string           // whose node this is; empty at a mere validator
	Assets     fs.FS            // the web build's output; nil: there is none
	Now        func() time.Time // nil: the clock
	Log        *slog.Logger     // nil discards
}

// portal is the handlers and what they need.
type portal struct {
	Options
	sessions sessions
	names    limit // of attempts to sign in by one name
	places   limit // and from one address
	origins  *http.CrossOriginProtection
	endpoint *http.ServeMux
	watching time.Duration
}

// New makes the portal.
func New(o Options) (http.Handler, error) {
	if o.API == nil || o.Users == nil || o.Operations == nil {
		return nil, fault.New(fault.Internal, "the portal lacks the API or its users", "report this")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	p := &portal{Options: o, origins: http.NewCrossOriginProtection(), watching: watching,
		names: limit{most: 10, every: time.Minute}, places: limit{most: 60, every: 10 * time.Second}}
	p.endpoint = p.endpoints()
	return p, nil
}

// ServeHTTP implements http.Handler.
func (p *portal) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch path := r.URL.Path; {
	case path == "/health" || path == "/ready" || path == "/metrics" || path == "/v1" || strings.HasPrefix(path, "/v1/"):
		p.serveAPI(w, r)
	case path == "/session" || strings.HasPrefix(path, "/session/"):
		p.serveSession(w, r)
	default:
		p.serveAsset(w, r)
	}
}

// serveAPI hands a request to the API, with who is signed in.
func (p *portal) serveAPI(w http.ResponseWriter, r *http.Request) {
	// Some answers are documents that a browser shows, on our own origin.
	protect(w.Header())
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	s, borne := p.session(r)
	if _, token := r.Header["Authorization"]; token || !borne || r.URL.Path == "/health" {
		p.API.ServeHTTP(w, r)
		return
	}
	if s == nil {
		p.refuse(w, r, signedOut())
		return
	}
	if err := p.meant(r, s); err != nil {
		p.refuse(w, r, err)
		return
	}
	ctx, cancel := context.WithCancel(api.WithActor(r.Context(), s.actor()))
	defer cancel()
	go p.watch(ctx, s, cancel)
	r = r.WithContext(ctx)
	r.Header = r.Header.Clone()
	r.Header.Del("Cookie") // it is ours, and nobody else's
	p.API.ServeHTTP(w, r)
}

// watching is how often a request that lasts looks whether its session does.
const watching = 5 * time.Second

// watch ends a request that lasts, as a stream of events does, with its session. It
// returns when the request is over.
func (p *portal) watch(ctx context.Context, s *session, end context.CancelFunc) {
	tick := time.NewTicker(p.watching)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if !p.lasts(s) {
				end()
			}
		}
	}
}

// meant tells whether a change is what the person behind the browser asked for, on
// our own pages. Codes: wrong-origin, csrf-token.
func (p *portal) meant(r *http.Request, s *session) error {
	if safe(r.Method) {
		return nil
	}
	if err := p.ours(r); err != nil {
		return err
	}
	if !s.proves(r.Header.Get("X-CSRF-Token")) {
		return fault.New(CodeCSRFToken, "the change does not bear the session's token", "send the csrf of GET /session in the header X-CSRF-Token")
	}
	return nil
}

// ours refuses what another site's page has sent. Code: wrong-origin.
func (p *portal) ours(r *http.Request) error {
	if err := p.origins.Check(r); err != nil {
		return fault.New(CodeWrongOrigin, "the request comes from another site's page", "use the portal itself, or a token from elsewhere").Because(err)
	}
	return nil
}

func safe(method string) bool {
	return method == http.MethodGet || method == http.MethodHead || method == http.MethodOptions
}

func signedOut() error {
	return fault.New(fault.Unauthorized, "nobody is signed in: the session is over", "sign in again")
}

// refuse answers with a problem. What is our own fault goes into the log.
func (p *portal) refuse(w http.ResponseWriter, r *http.Request, err error) {
	problem := api.ProblemOf(err, api.NewTrace())
	if problem.Status >= http.StatusInternalServerError {
		p.Log.Error("request failed", "trace", problem.Trace, "code", problem.Code, "err", err, "cause", fault.Of(err).Cause)
	} else {
		p.Log.Info("request refused", "trace", problem.Trace, "code", problem.Code, "method", r.Method, "cause", fault.Of(err).Cause)
	}
	protect(w.Header())
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Trace-Id", problem.Trace)
	problem.Write(w)
}

// caught answers what panicked.
func (p *portal) caught(w http.ResponseWriter, r *http.Request) {
	switch v := recover(); v {
	case nil:
	case http.ErrAbortHandler:
		panic(v)
	default:
		p.refuse(w, r, fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
	}
}

// local tells whether a request came to this machine's own address, where browsers
// keep secrets without TLS too.
func local(r *http.Request) bool {
	host := hostOf(r)
	ip, err := netip.ParseAddr(host)
	return r.TLS == nil && (host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.IsLoopback())
}

// hostOf gives the host that a request was sent to, without port.
func hostOf(r *http.Request) string {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

// site gives where the browser is, for passkeys.
func (p *portal) site(r *http.Request) user.Site {
	s := user.Site{ID: hostOf(r), Origins: []string{"https://" + strings.ToLower(r.Host)}, Name: strings.TrimSpace("Lateral " + p.Carrier)}
	if local(r) {
		s.Origins = append(s.Origins, "http://"+strings.ToLower(r.Host))
	}
	return s
}

// placeOf gives where a request comes from: an address, or the network of one that
// may have many. What a proxy on this machine says counts.
func placeOf(r *http.Request) string {
	at, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	ip := at.Addr().Unmap()
	if forwarded := r.Header.Values("X-Forwarded-For"); ip.IsLoopback() && len(forwarded) > 0 {
		all := strings.Split(forwarded[len(forwarded)-1], ",")
		if by, err := netip.ParseAddr(strings.TrimSpace(all[len(all)-1])); err == nil {
			ip = by.Unmap()
		}
	}
	if ip.Is6() {
		if net, err := ip.Prefix(64); err == nil {
			return net.String()
		}
	}
	return ip.String()
}
