package portal

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"sync"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/user"
)

const (
	cookieName = "lateral_session"
	idle       = 30 * time.Minute // without a request
	longest    = 12 * time.Hour
	fresh      = 10 * time.Minute // within which a link or passkey stands for the old password
	mostOfOne  = 20               // sessions of one person; the one used longest ago goes
)

// session is one browser in which a person is signed in.
type session struct {
	name  string
	role  api.Role
	way   string // by which they signed in
	csrf  string
	began time.Time

	mu    sync.Mutex // guards what follows
	stamp string     // of the user, as it was
	used  time.Time
	over  bool
}

func (s *session) expires() time.Time { return s.began.Add(longest) }

func (s *session) actor() api.Actor {
	return api.Actor{Name: s.name, Role: s.role, Expires: s.expires().UTC()}
}

func (s *session) proves(token string) bool {
	return subtle.ConstantTimeCompare([]byte(s.csrf), []byte(token)) == 1
}

// keep lets a session outlast a change that its own person has made.
func (s *session) keep(u user.User) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stamp = u.Stamp
}

// touch says that the session was used.
func (s *session) touch(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.used = now
}

// sessions are all that there are, by the SHA-256 of the id that the browser has.
type sessions struct {
	mu  sync.Mutex
	all map[[32]byte]*session
}

// find gives a session by its id; nil when there is none.
func (s *sessions) find(id string) *session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all[sha256.Sum256([]byte(id))]
}

// drop ends the session of an id.
func (s *sessions) drop(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	key := sha256.Sum256([]byte(id))
	if x := s.all[key]; x != nil {
		x.end()
		delete(s.all, key)
	}
}

func (s *session) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
}

// put keeps a new session and gives its id. Those that are over go, and of one
// person there are never too many.
func (s *sessions) put(n *session, lasts func(*session) bool) (id string) {
	id = token()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all == nil {
		s.all = map[[32]byte]*session{}
	}
	var oldest [32]byte
	count := 0
	for k, x := range s.all {
		if !lasts(x) {
			delete(s.all, k)
		} else if x.name == n.name {
			if count++; count == 1 || x.last().Before(s.all[oldest].last()) {
				oldest = k
			}
		}
	}
	if count >= mostOfOne {
		s.all[oldest].end()
		delete(s.all, oldest)
	}
	s.all[sha256.Sum256([]byte(id))] = n
	return id
}

func (s *session) last() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.used
}

// token gives 256 bits at random.
func token() string {
	var b [32]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// lasts tells whether a session still counts: within its time, and while the user
// is who they were when it began.
func (p *portal) lasts(s *session) bool {
	now := p.Now()
	s.mu.Lock()
	stamp := s.stamp
	ok := !s.over && now.Before(s.expires()) && now.Sub(s.used) < idle
	s.mu.Unlock()
	if !ok {
		return false
	}
	u, known := p.Users.Get(s.name)
	return known && u.Role == s.role && u.Stamp == stamp
}

// session gives the session of a request, and marks it used. It is nil when none
// lasts; borne tells whether the request bears a cookie at all.
func (p *portal) session(r *http.Request) (s *session, borne bool) {
	for _, c := range r.CookiesNamed(cookieName) {
		borne = true
		if s := p.sessions.find(c.Value); s != nil {
			if p.lasts(s) {
				s.touch(p.Now())
				return s, true
			}
			p.sessions.drop(c.Value)
		}
	}
	return nil, borne
}

// start is how every way to sign in begins a session. A further way, such as a
// company's single sign-on, finds out which user it is and calls this; it is listed
// in ways.
func (p *portal) start(w http.ResponseWriter, r *http.Request, u user.User, way string) *session {
	for _, c := range r.CookiesNamed(cookieName) {
		p.sessions.drop(c.Value)
	}
	now := p.Now()
	s := &session{name: u.Name, role: u.Role, way: way, csrf: token(), began: now, stamp: u.Stamp, used: now}
	id := p.sessions.put(s, p.lasts)
	http.SetCookie(w, cookie(r, id, 0))
	p.Log.Info("signed in", "who", u.Name, "role", u.Role, "way", way, "from", placeOf(r))
	return s
}

// cookie is what the browser keeps while it runs; a negative age takes it away.
func cookie(r *http.Request, id string, age int) *http.Cookie {
	return &http.Cookie{Name: cookieName, Value: id, Path: "/", MaxAge: age, HttpOnly: true, Secure: !local(r), SameSite: http.SameSiteStrictMode}
}
