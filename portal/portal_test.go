package portal

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/user"
)

// house is a portal with a small API behind it, and a clock.
type house struct {
	t      *testing.T
	users  *user.File
	path   string
	portal *portal
	server *httptest.Server
	logs   bytes.Buffer

	mu  sync.Mutex
	now time.Time
}

const good = "correct horse battery staple"

func (h *house) clock() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *house) later(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(d)
}

// syncWriter lets several requests log.
type syncWriter struct {
	mu sync.Mutex
	b  *bytes.Buffer
}

func (w *syncWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.b.Write(p)
}

func newHouse(t *testing.T) *house {
	t.Helper()
	h := &house{t: t, path: filepath.Join(t.TempDir(), "users.yaml"), now: time.Now()}
	var err error
	if h.users, err = user.Open(h.path, [32]byte{7}, user.Options{Cost: user.Cost{Memory: 64, Passes: 1, Threads: 1}, Now: h.clock}); err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, "data: one\n\n")
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		<-r.Context().Done()
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		who := api.ActorOf(r.Context())
		json.NewEncoder(w).Encode(map[string]any{"name": who.Name, "role": who.Role, "cookie": r.Header.Get("Cookie"), "bearer": r.Header.Get("Authorization")})
	})
	handler, err := New(Options{API: mux, Users: h.users, Carrier: "ALPHA", Now: h.clock,
		Operations: func(r api.Role) []string { return []string{"do-as-" + string(r)} },
		Assets: fstest.MapFS{
			"index.html":         {Data: []byte(`<script nonce="__CSP_NONCE__"></script><style nonce="__CSP_NONCE__"></style>`)},
			"assets/app-1.js":    {Data: []byte("plain")},
			"assets/app-1.js.br": {Data: []byte("brotli")},
			"assets/app-1.js.gz": {Data: []byte("gzip")},
			"favicon.svg":        {Data: []byte("<svg/>")},
			".keep":              {Data: []byte("x")},
		},
		Log: slog.New(slog.NewTextHandler(&syncWriter{b: &h.logs}, nil))})
	if err != nil {
		t.Fatal(err)
	}
	h.portal = handler.(*portal)
	h.portal.watching = 20 * time.Millisecond
	h.server = httptest.NewServer(handler)
	t.Cleanup(h.server.Close)
	return h
}

// browser is one person's browser.
type browser struct {
	*house
	client *http.Client
	base   string
	csrf   string
}

func (h *house) browser() *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		h.t.Fatal(err)
	}
	return &browser{house: h, client: &http.Client{Jar: jar}, base: h.server.URL}
}

// named is a browser that reaches the portal by the name of its host.
func (h *house) named(host string) *browser {
	b := h.browser()
	at := h.server.Listener.Addr().String()
	b.client.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", at)
	}}
	h.t.Cleanup(b.client.CloseIdleConnections)
	b.base = "http://" + host
	return b
}

// answer is what comes back, whatever it is.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (a answer) problem() (p api.Problem) {
	json.Unmarshal(a.body, &p)
	return p
}

func (a answer) standing() (s standing) {
	json.Unmarshal(a.body, &s)
	return s
}

// ask sends a request as the portal's pages do. Further headers come in pairs; an
// empty value takes a header away.
func (b *browser) ask(method, path, body string, headers ...string) answer {
	b.t.Helper()
	r, err := http.NewRequestWithContext(b.t.Context(), method, b.base+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if b.csrf != "" {
		r.Header.Set("X-CSRF-Token", b.csrf)
	}
	for i := 0; i < len(headers); i += 2 {
		if r.Header.Set(headers[i], headers[i+1]); headers[i+1] == "" {
			r.Header.Del(headers[i])
		}
	}
	resp, err := b.client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, data}
}

// enter asks to sign in and remembers the token for changes.
func (b *browser) enter(path, body string) answer {
	b.t.Helper()
	a := b.ask("POST", path, body)
	if a.status == 200 {
		b.csrf = a.standing().CSRF
	}
	return a
}

// signIn adds a person with a password and signs them in by it.
func (h *house) signIn(name string, role api.Role) *browser {
	h.t.Helper()
	if _, ok := h.users.Get(name); !ok {
		if _, err := h.users.Add(name, role); err != nil {
			h.t.Fatal(err)
		}
		if _, err := h.users.SetPassword(name, good); err != nil {
			h.t.Fatal(err)
		}
	}
	b := h.browser()
	if a := b.enter("/session/password", `{"name":"`+name+`","password":"`+good+`"}`); a.status != 200 {
		h.t.Fatalf("signing in gives %d %s", a.status, a.body)
	}
	return b
}

func (b *browser) me() string {
	b.t.Helper()
	var who struct{ Name string }
	json.Unmarshal(b.ask("GET", "/v1/me", "").body, &who)
	return who.Name
}

func TestWhoSignsInUsesTheAPIWithTheirRole(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	if s := b.ask("GET", "/session", "").standing(); s.SignedIn || s.Carrier != "ALPHA" || len(s.Ways) != 1 || s.Operations == nil || s.CSRF != "" {
		t.Errorf("nobody: %+v", s)
	}
	b = h.signIn("ada", api.Finance)
	s := b.ask("GET", "/session", "").standing()
	if !s.SignedIn || s.Name != "ada" || s.Role != api.Finance || !s.Password || s.TOTP || s.Passkeys != 0 || len(s.Operations) != 1 || s.Operations[0] != "do-as-finance" || s.CSRF == "" {
		t.Errorf("ada: %+v", s)
	}
	if want := h.clock().Add(12 * time.Hour); s.Expires.Sub(want).Abs() > 2*time.Second {
		t.Errorf("it ends at %v, not %v", s.Expires, want)
	}
	a := b.ask("POST", "/v1/anything", "{}")
	if string(a.body) != `{"bearer":"","cookie":"","name":"ada","role":"finance"}`+"\n" {
		t.Errorf("the API sees %s", a.body)
	}
	if a := b.ask("GET", "/v1/me", "", "Authorization", "Bearer lat_x"); !strings.Contains(string(a.body), `"name":""`) || !strings.Contains(string(a.body), "lat_x") {
		t.Errorf("with a token the API sees %s", a.body)
	}
	if a := b.ask("DELETE", "/session", ""); a.status != 204 {
		t.Errorf("signing out gives %d %s", a.status, a.body)
	}
	if a := b.ask("GET", "/v1/me", ""); strings.Contains(string(a.body), "ada") {
		t.Errorf("after it the API sees %s", a.body)
	}
	if b.ask("GET", "/session", "").standing().SignedIn {
		t.Error("signed out, and still in")
	}
}

func (a answer) into(t *testing.T, v any) {
	t.Helper()
	if err := json.Unmarshal(a.body, v); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
}
