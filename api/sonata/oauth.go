package sonata

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
)

// OAuth2 client credentials (RFC 6749 section 4.4). Access tokens are random
// texts that mean nothing by themselves; the server keeps their hashes, in
// memory: after a restart partners ask for new ones.

// TokenPath is where partners get access tokens.
const TokenPath = "/oauth2/token"

// grant is what one access token allows.
type grant struct {
	partner string
	secret  string // hash of the secret it was given for
	scopes  []string
	expires time.Time
}

// grants are the access tokens in force, by hash.
type grants struct {
	mu   sync.Mutex // guards live
	live map[[32]byte]grant
}

// maxGrants bounds the memory of access tokens. One partner needs one an hour.
const maxGrants = 100_000

func (g *grants) add(now time.Time, n grant) (token string, ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.live) >= maxGrants {
		for h, x := range g.live {
			if !now.Before(x.expires) {
				delete(g.live, h)
			}
		}
		if len(g.live) >= maxGrants {
			return "", false
		}
	}
	token = random("lsa_")
	g.live[hashText(token)] = n
	return token, true
}

func (g *grants) find(now time.Time, token string) (grant, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	h := hashText(token)
	x, ok := g.live[h]
	if ok && !now.Before(x.expires) {
		delete(g.live, h)
		ok = false
	}
	return x, ok
}

// token answers TokenPath.
func (s *Server) token(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	fail := func(status int, code, description string) {
		if status == http.StatusUnauthorized {
			w.Header().Set("WWW-Authenticate", `Basic realm="sonata"`)
		}
		s.answerJSON(w, r, status, map[string]string{"error": code, "error_description": description})
	}
	if r.Method != http.MethodPost {
		w.Header().Set("Allow", http.MethodPost)
		fail(http.StatusMethodNotAllowed, "invalid_request", "tokens are asked for by POST")
		return
	}
	if media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || media != "application/x-www-form-urlencoded" {
		fail(http.StatusBadRequest, "invalid_request", "the body is not a form")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		fail(http.StatusBadRequest, "invalid_request", "the form cannot be read")
		return
	}
	if r.PostForm.Get("grant_type") != "client_credentials" {
		fail(http.StatusBadRequest, "unsupported_grant_type", "only client_credentials is offered")
		return
	}
	id, secret, basic := r.BasicAuth()
	if basic {
		// RFC 6749 section 2.3.1: both parts are form-encoded inside.
		a, errA := url.QueryUnescape(id)
		b, errB := url.QueryUnescape(secret)
		if errA != nil || errB != nil {
			fail(http.StatusBadRequest, "invalid_request", "the credentials cannot be read")
			return
		}
		id, secret = a, b
	} else {
		id, secret = r.PostForm.Get("client_id"), r.PostForm.Get("client_secret")
	}
	now := s.now()
	partner, ok := s.partners.verify(id, secret, now)
	if !ok {
		fail(http.StatusUnauthorized, "invalid_client", "the client id and secret are not known here")
		return
	}
	scopes := strings.Fields(r.PostForm.Get("scope"))
	for _, scope := range scopes {
		if scope != defaultScope && !partner.may(scope) {
			fail(http.StatusBadRequest, "invalid_scope", "the partner may not have one of the scopes")
			return
		}
	}
	if len(scopes) == 0 || slices.Contains(scopes, defaultScope) {
		scopes = nil // all that the partner has
	}
	token, ok := s.grants.add(now, grant{partner: partner.ID, secret: partner.Hash, scopes: scopes, expires: now.Add(s.options.TokenLife)})
	if !ok {
		fail(http.StatusServiceUnavailable, "temporarily_unavailable", "too many access tokens are in force")
		return
	}
	answer := map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": int64(s.options.TokenLife / time.Second)}
	if scopes != nil {
		answer["scope"] = strings.Join(scopes, " ")
	}
	s.answerJSON(w, r, http.StatusOK, answer)
}

// defaultScope is the scope of the published files that stands for all that the
// partner may.
const defaultScope = "default"

// may says whether the operator lets a partner call an operation.
func (p Partner) may(operation string) bool {
	return len(p.Scopes) == 0 || slices.Contains(p.Scopes, operation)
}

func (s *Server) answerJSON(w http.ResponseWriter, r *http.Request, status int, x any) {
	body, err := wire.Marshal(x)
	if err != nil {
		panic(err) // our own types
	}
	s.write(r.Context(), w, status, body)
}

// authenticate gives the partner that a request's access token was given to,
// and the scopes of the token (none: all that the partner has).
func (s *Server) authenticate(r *http.Request) (Partner, []string, error) {
	text, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !ok {
		return Partner{}, nil, fault.New(CodeNoCredentials, "the request bears no access token", "get one at "+TokenPath+" and send it in the header Authorization: Bearer TOKEN")
	}
	g, ok := s.grants.find(s.now(), strings.TrimSpace(text))
	if !ok {
		return Partner{}, nil, fault.New(fault.Unauthorized, "the access token is not known, or has expired", "get a new one at "+TokenPath)
	}
	p, ok := s.partners.find(g.partner)
	if !ok || p.Hash != g.secret {
		return Partner{}, nil, fault.New(fault.Unauthorized, "the access token is in force no more", "ask the seller's operator")
	}
	return p, g.scopes, nil
}
