package sonata_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/sonatatest"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/store/resource"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// clock is a time that a test moves.
type clock struct{ ms atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ms.Store(time.Date(2026, 11, 2, 9, 0, 0, 0, time.UTC).UnixMilli())
	return c
}

func (c *clock) now() time.Time      { return time.UnixMilli(c.ms.Load()).UTC() }
func (c *clock) add(d time.Duration) { c.ms.Add(d.Milliseconds()) }

// world is a seller over loopback HTTP, a shelf on disk, and one partner of each
// release.
type world struct {
	t        testing.TB
	clock    *clock
	store    *resource.DB
	partners *sonata.Partners
	server   *sonata.Server
	url      string
	http     *http.Client
	secrets  map[string]string // by partner
	tokens   sync.Map          // partner → access token
	public   ed25519.PublicKey
}

const sellerKey = "seller-key"

// newWorld starts a seller. What the options leave open is filled in.
func newWorld(t testing.TB, seller sonata.Seller, change ...func(*sonata.Options)) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{t: t, clock: newClock(), secrets: map[string]string{}}
	w.store = must(resource.Open(dir, resource.Options{Now: w.clock.now}))
	t.Cleanup(func() { w.store.Close() })
	w.partners = must(sonata.OpenPartners(filepath.Join(dir, "partners.yaml")))
	w.add(sonata.Partner{ID: "bravo", Buyers: []string{"BRAVO"}, Release: wire.Kylie})
	w.add(sonata.Partner{ID: "golf", Buyers: []string{"GOLF"}, Release: wire.Grace})
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	w.public = public
	o := sonata.Options{Sellers: []string{"ALPHA"}, Base: sonatatest.Host, Now: w.clock.now, Private: true, TokenLife: 10_000 * time.Hour, Key: &sonata.Key{ID: sellerKey, Private: private}}
	if testing.Verbose() {
		o.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	}
	for _, f := range change {
		f(&o)
	}
	w.server = must(sonata.New(w.partners, w.store, seller, o))
	h := httptest.NewServer(w.server.Handler())
	t.Cleanup(h.Close)
	w.url = h.URL
	w.http = &http.Client{Transport: &sonatatest.Judge{T: t, Next: http.DefaultTransport}, Timeout: time.Minute}
	return w
}

func (w *world) add(p sonata.Partner) {
	w.t.Helper()
	w.secrets[p.ID] = must(w.partners.Add(p, w.clock.now()))
}

// run lets the seller do its work until the test ends.
func (w *world) run() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); w.server.Run(ctx) }()
	w.t.Cleanup(func() { cancel(); <-done })
}

// token gets an access token for a partner.
func (w *world) token(partner string, scopes ...string) string {
	w.t.Helper()
	key := partner + " " + strings.Join(scopes, " ")
	if t, ok := w.tokens.Load(key); ok {
		return t.(string)
	}
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {strings.Join(scopes, " ")}}
	r := must(http.NewRequest(http.MethodPost, w.url+sonata.TokenPath, strings.NewReader(form.Encode())))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(partner, w.secrets[partner])
	res := must(w.http.Do(r))
	defer res.Body.Close()
	var a struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(res.Body).Decode(&a); err != nil || a.Token == "" {
		w.t.Fatalf("no token for %s: %s %v", partner, res.Status, err)
	}
	w.tokens.Store(key, a.Token)
	return a.Token
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   wire.Value
	text   string
}

// ask is one request by hand.
type ask struct {
	partner string // "": no token
	method  string
	path    string // with query
	body    string
	header  map[string]string
	wrong   bool // on purpose
}

func (w *world) do(a ask) answer {
	w.t.Helper()
	var body io.Reader
	if a.body != "" {
		body = strings.NewReader(a.body)
	}
	if a.method == "" {
		a.method = http.MethodGet
		if body != nil {
			a.method = http.MethodPost
		}
	}
	r := must(http.NewRequest(a.method, w.url+a.path, body))
	if a.partner != "" {
		r.Header.Set("Authorization", "Bearer "+w.token(a.partner))
	}
	if body != nil {
		r.Header.Set("Content-Type", wire.ContentType)
	}
	for name, value := range a.header {
		r.Header.Set(name, value)
	}
	if a.wrong {
		r.Header.Set(sonatatest.WrongOnPurpose, "yes")
	}
	res, err := w.http.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	data := must(io.ReadAll(res.Body))
	out := answer{status: res.StatusCode, header: res.Header, text: string(data)}
	if len(bytes.TrimSpace(data)) > 0 {
		out.body, err = wire.Parse(data)
		if err != nil {
			w.t.Errorf("%s %s: the answer is no JSON: %v\n%s", a.method, a.path, err, data)
		}
	}
	return out
}

// must gives an answer of that status, or ends the test.
func (w *world) must(status int, a ask) answer {
	w.t.Helper()
	out := w.do(a)
	if out.status != status {
		w.t.Fatalf("%s %s: %d, want %d\n%s", a.method, a.path, out.status, status, out.text)
	}
	return out
}

// code gives the standard's code of a refusal.
func (a answer) code() string {
	if a.body.Kind == wire.Array && len(a.body.Items) > 0 {
		return a.body.Items[0].Get("code").Text()
	}
	return a.body.Get("code").Text()
}

func (a answer) propertyPath() string {
	if len(a.body.Items) == 0 {
		return ""
	}
	return a.body.Items[0].Get("propertyPath").Text()
}

// until waits for something that another goroutine does.
func until(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it took too long until %s", what)
		}
	}
}

// inbox is a buyer that takes notifications over HTTP, through the judge's eyes.
type inbox struct {
	mu    sync.Mutex // guards got
	got   []sonata.Notification
	fail  atomic.Bool
	asked atomic.Int64 // requests that came, taken or not
	url   string
}

// newInbox serves a listener; its store is the buyer's own.
func (w *world) newInbox() *inbox {
	in := &inbox{}
	store := must(resource.Open(w.t.TempDir(), resource.Options{Now: w.clock.now}))
	w.t.Cleanup(func() { store.Close() })
	l := sonata.NewListener(store, sonata.ListenerOptions{
		Now:  w.clock.now,
		Keys: func(id string) (ed25519.PublicKey, bool) { return w.public, id == sellerKey },
		Take: func(_ context.Context, n sonata.Notification) error {
			if in.fail.Load() {
				return fmt.Errorf("on purpose")
			}
			in.mu.Lock()
			defer in.mu.Unlock()
			in.got = append(in.got, n)
			return nil
		},
	})
	j := &sonatatest.Judge{T: w.t}
	h := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		in.asked.Add(1)
		body := must(io.ReadAll(r.Body))
		r.Body = io.NopCloser(bytes.NewReader(body))
		rec := httptest.NewRecorder()
		l.ServeHTTP(rec, r)
		if s, err := sonatatest.For(r.URL.Path); err != nil || s == nil {
			w.t.Errorf("a notification went to %s: %v", r.URL.Path, err)
		} else {
			j.Compare(s, r, body, false, rec.Result(), rec.Body.Bytes())
		}
		for name, values := range rec.Header() {
			rw.Header()[name] = values
		}
		rw.WriteHeader(rec.Code)
		rw.Write(rec.Body.Bytes())
	}))
	w.t.Cleanup(h.Close)
	in.url = h.URL
	return in
}

func (in *inbox) all() []sonata.Notification {
	in.mu.Lock()
	defer in.mu.Unlock()
	return append([]sonata.Notification(nil), in.got...)
}

// states gives the states, in the order in which notifications of a type came.
func (in *inbox) states(event string) (all []string) {
	for _, n := range in.all() {
		if n.Type == event {
			all = append(all, n.Event.Of.State)
		}
	}
	return all
}
