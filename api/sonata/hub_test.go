package sonata_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api/sonata"
	"github.com/lateral-network/lateral/api/sonata/sonatatest"
	"github.com/lateral-network/lateral/api/sonata/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/store/resource"
)

// quoteWorld has a seller of quotes, and one budgetary quote told of by two
// events of quotes.
func quoteWorld(t *testing.T, change ...func(*sonata.Options)) (*world, *shop) {
	sonatatest.Need(t)
	s, seller := fullSeller(newClock())
	w := newWorld(t, seller, change...)
	s.now = w.clock.now
	return w, s
}

const quoteBase = "/mefApi/sonata/quoteManagement/v10"

func (w *world) subscribe(callback, query string) string {
	w.t.Helper()
	return w.must(201, ask{partner: "bravo", path: quoteBase + "/hub", body: fmt.Sprintf(`{"callback":%q,"query":%q}`, callback, query)}).body.Get("id").Text()
}

// pass lets time go by, and wakes what waits for it.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	w.clock.add(d)
	if err := w.store.Update(context.Background(), func(*resource.Tx) error { return nil }); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) newQuote() string {
	w.t.Helper()
	return w.must(201, ask{partner: "bravo", path: quoteBase + "/quote", body: quoteBody(wire.Kylie, true, wire.Firm, "")}).body.Get("id").Text()
}

func TestAnEndpointThatIsDownForADayMissesNothingAndHoldsUpNobody(t *testing.T) {
	w, s := quoteWorld(t)
	whole := s.quote
	s.set(func() { // quotes do not expire meanwhile
		s.quote = func(q wire.Quote) (sonata.QuoteAnswer, error) {
			a, err := whole(q)
			a.Until = w.clock.now().Add(1000 * time.Hour)
			return a, err
		}
	})
	down, up := w.newInbox(), w.newInbox()
	down.fail.Store(true)
	hub := w.subscribe(down.url, "eventType=quoteStateChangeEvent")
	w.subscribe(up.url, "eventType=quoteStateChangeEvent")
	w.run()
	var ids []string
	for range 3 {
		ids = append(ids, w.newQuote())
	}
	told := func(in *inbox) (got []string) {
		for _, n := range in.all() {
			got = append(got, n.Event.Of.ID)
		}
		return got
	}
	until(t, "the other one has all", func() bool { return slices.Equal(told(up), ids) })
	failures := func() int {
		h := must(w.store.Hub(context.Background(), "kylie/quoteManagement", "BRAVO", "ALPHA", hub))
		if h.Suspended {
			t.Fatal("given up within a day")
		}
		return h.Failures
	}
	until(t, "it was tried", func() bool { return failures() == 1 })
	// A day goes by, a step at a time: it is tried again later and later.
	for hour := range 24 {
		before := failures()
		if w.pass(15 * time.Minute); hour > 4 {
			w.pass(45 * time.Minute)
		}
		until(t, "it was tried again", func() bool { return failures() > before })
	}
	if n := failures(); n > 60 {
		t.Errorf("tried %d times in a day: too often", n)
	}
	down.fail.Store(false)
	w.pass(15 * time.Minute)
	until(t, "it has all, in order", func() bool { return slices.Equal(told(down), ids) })
	// Again from the second: the listener has had it, and does not take it twice.
	second := down.all()[1].Event.ID
	if err := w.store.Update(context.Background(), func(tx *resource.Tx) error { return tx.Replay(hub, second) }); err != nil {
		t.Fatal(err)
	}
	ids = append(ids, w.newQuote())
	until(t, "the next came", func() bool { return len(down.all()) == 4 })
	if !slices.Equal(told(down), ids) {
		t.Errorf("after the replay: %v, want %v", told(down), ids)
	}
}

// The list of subscriptions was read while one was being delivered to; what it
// said by then was old, so what had failed was tried again at once, and what had
// been taken was sent twice.
func TestASubscriptionIsTriedOnceAtATimeHoweverOftenTheFileChanges(t *testing.T) {
	w, _ := quoteWorld(t)
	down, up := w.newInbox(), w.newInbox()
	down.fail.Store(true)
	hub := w.subscribe(down.url, "eventType=quoteStateChangeEvent")
	w.subscribe(up.url, "eventType=quoteStateChangeEvent")
	w.run()
	const quotes = 10
	for range quotes {
		w.newQuote()
		for range 20 {
			w.pass(0)
		}
	}
	until(t, "all came", func() bool { return len(up.all()) == quotes })
	if h := must(w.store.Hub(context.Background(), "kylie/quoteManagement", "BRAVO", "ALPHA", hub)); h.Failures != 1 || down.asked.Load() != 1 {
		t.Errorf("%d failures, asked %d times, want 1: no time went by", h.Failures, down.asked.Load())
	}
	if n := up.asked.Load(); n != quotes {
		t.Errorf("%d notifications of %d events", n, quotes)
	}
}

func TestADeadEndpointIsGivenUpAfterDaysAndTakenUpByReplay(t *testing.T) {
	w, _ := quoteWorld(t)
	in := w.newInbox()
	in.fail.Store(true)
	hub := w.subscribe(in.url, "eventType=quoteStateChangeEvent")
	w.run()
	w.newQuote()
	state := func() *resource.Hub {
		return must(w.store.Hub(context.Background(), "kylie/quoteManagement", "BRAVO", "ALPHA", hub))
	}
	until(t, "it was tried", func() bool { return state().Failures == 1 })
	for range 7 {
		before := state()
		if before.Suspended {
			t.Fatalf("given up after %s", w.clock.now().Sub(before.Failing))
		}
		w.pass(24 * time.Hour)
		until(t, "it was tried again", func() bool { return state().Failures > before.Failures })
	}
	until(t, "it is given up", func() bool { return state().Suspended })
	in.fail.Store(false)
	if err := w.store.Update(context.Background(), func(tx *resource.Tx) error { return tx.Replay(hub, "") }); err != nil {
		t.Fatal(err)
	}
	until(t, "it came after all", func() bool { return len(in.all()) > 0 })
}

func TestASlowEndpointHoldsUpNobody(t *testing.T) {
	w, _ := quoteWorld(t)
	release := make(chan struct{})
	var waiting atomic.Int64
	slow := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
		waiting.Add(1)
		<-release
		rw.WriteHeader(http.StatusNoContent)
	}))
	t.Cleanup(slow.Close)
	t.Cleanup(func() { close(release) })
	w.subscribe(slow.URL, "")
	in := w.newInbox()
	w.subscribe(in.url, "eventType=quoteStateChangeEvent")
	w.run()
	for range 5 {
		w.newQuote()
	}
	until(t, "the other has all", func() bool { return len(in.all()) == 5 })
	if n := waiting.Load(); n != 1 {
		t.Errorf("%d notifications are at the slow one, want 1: they come in order", n)
	}
}

func TestAPartnerOfSeveralBuyersIsToldWhichIsMeant(t *testing.T) {
	w, _ := quoteWorld(t)
	w.add(sonata.Partner{ID: "several", Buyers: []string{"B1", "B2"}, Release: wire.Kylie})
	in := w.newInbox()
	w.must(201, ask{partner: "several", path: quoteBase + "/hub?buyerId=B2", body: `{"callback":"` + in.url + `","query":"eventType=quoteStateChangeEvent"}`})
	w.run()
	for _, buyer := range []string{"B1", "B2"} {
		w.must(201, ask{partner: "several", path: quoteBase + "/quote?buyerId=" + buyer, body: quoteBody(wire.Kylie, true, wire.Firm, "")})
	}
	until(t, "it is told", func() bool { return len(in.all()) > 0 })
	if n := in.all(); len(n) != 1 || n[0].Buyer != "B2" || n[0].Seller != "ALPHA" {
		t.Errorf("told: %+v", n)
	}
}

func TestCallbacksAreThoseThatTheOperatorEntered(t *testing.T) {
	w, _ := quoteWorld(t, func(o *sonata.Options) { o.Private = false })
	w.add(sonata.Partner{ID: "bound", Buyers: []string{"BOUND"}, Release: wire.Kylie, Callbacks: []string{"https://bound.example/lso"}})
	for callback, status := range map[string]int{
		"https://bound.example/lso": 201, "https://bound.example/lso/x": 201, "https://bound.example/lsox": 422, "https://evil.example/lso": 422,
		"http://bound.example/lso": 422, "https://bound.example@evil.example/lso": 422, "https://bound.example/lso?x=1": 422,
	} {
		if a := w.do(ask{partner: "bound", path: quoteBase + "/hub", body: fmt.Sprintf(`{"callback":%q}`, callback)}); a.status != status {
			t.Errorf("%s: %d, want %d", callback, a.status, status)
		}
	}
}

func TestNotificationsDoNotReachTheInsideOfOurNetwork(t *testing.T) {
	w, _ := quoteWorld(t, func(o *sonata.Options) { o.Private = false })
	var reached atomic.Bool
	inside := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Store(true) }))
	t.Cleanup(inside.Close)
	hub := w.subscribe(inside.URL, "")
	w.run()
	w.newQuote()
	until(t, "it was tried", func() bool {
		return must(w.store.Hub(context.Background(), "kylie/quoteManagement", "BRAVO", "ALPHA", hub)).Problem != ""
	})
	if h := must(w.store.Hub(context.Background(), "kylie/quoteManagement", "BRAVO", "ALPHA", hub)); reached.Load() || !strings.Contains(h.Problem, "not public") {
		t.Errorf("reached: %v, %s", reached.Load(), h.Problem)
	}
}

// The example of RFC 9421, B.2.6.
func TestASignatureIsThatOfTheRFC(t *testing.T) {
	public := must(base64.RawURLEncoding.DecodeString("JrQLj5P_89iXES9-vFgrIy29clF9CC_oPPsw3c5D0bs"))
	body := []byte(`{"hello": "world"}`)
	r := httptest.NewRequest(http.MethodPost, "http://example.com/foo?param=Value&Pet=dog", strings.NewReader(string(body)))
	r.Header.Set("Date", "Tue, 20 Apr 2021 02:07:55 GMT")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Content-Length", "18")
	r.Header.Set("Signature-Input", `sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519"`)
	r.Header.Set("Signature", "sig-b26=:wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:")
	if err := sonata.VerifyExample(r, public); err != nil {
		t.Error(err)
	}
	r.Header.Set("Date", "Tue, 20 Apr 2021 02:07:56 GMT")
	if err := sonata.VerifyExample(r, public); err == nil {
		t.Error("a changed date is taken")
	}
}

// signedRequest is a notification as the seller sends it.
func signedRequest(t *testing.T, key *sonata.Key, body string, at time.Time) *http.Request {
	t.Helper()
	r := httptest.NewRequest(http.MethodPost, "https://buyer.example"+wire.Kylie.ListenerBase(wire.Quoting)+"/quoteStateChangeEvent", strings.NewReader(body))
	r.Header.Set("Content-Type", wire.ContentType)
	if err := sonata.SignExample(key, r, []byte(body), at); err != nil {
		t.Fatal(err)
	}
	return r
}

// A buyer's node has its listener below the address of its own interface: the
// seller has signed the whole path, and was refused by the part that was left.
func TestAListenerBelowAPrefixTakesWhatWasSignedForTheWholeAddress(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	now := newClock().now()
	store := must(resource.Open(t.TempDir(), resource.Options{Now: newClock().now}))
	t.Cleanup(func() { store.Close() })
	taken := 0
	l := sonata.NewListener(store, sonata.ListenerOptions{Now: newClock().now, Keys: func(id string) (ed25519.PublicKey, bool) { return public, id == "k" },
		Take: func(context.Context, sonata.Notification) error { taken++; return nil }})
	body := `{"eventId":"1","eventTime":"2026-11-02T09:00:00Z","eventType":"quoteStateChangeEvent","event":{"id":"Q","state":"expired"}}`
	for _, c := range []struct {
		signed, sent string
		status       int
	}{{"/buyer", "/buyer", 204}, {"/other", "/buyer", 401}, {"", "/buyer", 401}} {
		path := wire.Kylie.ListenerBase(wire.Quoting) + "/quoteStateChangeEvent"
		r := httptest.NewRequest(http.MethodPost, "https://buyer.example"+c.signed+path, strings.NewReader(body))
		r.Header.Set("Content-Type", wire.ContentType)
		if err := sonata.SignExample(&sonata.Key{ID: "k", Private: private}, r, []byte(body), now); err != nil {
			t.Fatal(err)
		}
		r.URL.Path, r.RequestURI = c.sent+path, c.sent+path
		rec := httptest.NewRecorder()
		http.StripPrefix(c.sent, l).ServeHTTP(rec, r)
		if rec.Code != c.status {
			t.Errorf("signed for %q and sent to %q: %d %s", c.signed, c.sent, rec.Code, rec.Body)
		}
	}
	if taken != 1 {
		t.Errorf("%d are taken", taken)
	}
}

func TestAListenerTakesWhatIsSignedByAKnownSellerOnce(t *testing.T) {
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	key, other := &sonata.Key{ID: "k", Private: private}, &sonata.Key{ID: "k", Private: ed25519.NewKeyFromSeed(make([]byte, 32))}
	unknown := &sonata.Key{ID: "x", Private: private}
	now := newClock().now()
	event := func(id string) string {
		return `{"eventId":"` + id + `","eventTime":"2026-11-02T09:00:00Z","eventType":"quoteStateChangeEvent","event":{"id":"Q","state":"expired"}}`
	}
	for name, c := range map[string]struct {
		request func() *http.Request
		status  int
		taken   int
	}{
		"signed":                    {func() *http.Request { return signedRequest(t, key, event("1"), now) }, 204, 1},
		"clocks ten minutes apart":  {func() *http.Request { return signedRequest(t, key, event("1"), now.Add(10*time.Minute)) }, 204, 1},
		"clocks ten minutes behind": {func() *http.Request { return signedRequest(t, key, event("1"), now.Add(-10*time.Minute)) }, 204, 1},
		"clocks an hour behind":     {func() *http.Request { return signedRequest(t, key, event("1"), now.Add(-time.Hour)) }, 401, 0},
		"clocks an hour ahead":      {func() *http.Request { return signedRequest(t, key, event("1"), now.Add(time.Hour)) }, 401, 0},
		"by another's key":          {func() *http.Request { return signedRequest(t, other, event("1"), now) }, 401, 0},
		"by an unknown key":         {func() *http.Request { return signedRequest(t, unknown, event("1"), now) }, 401, 0},
		"another address": {func() *http.Request {
			r := signedRequest(t, key, event("1"), now)
			r.URL.Path = strings.Replace(r.URL.Path, "quoteState", "quoteItemState", 1)
			return r
		}, 401, 0},
		"another host": {func() *http.Request {
			r := signedRequest(t, key, event("1"), now)
			r.Host = "other.example"
			return r
		}, 401, 0},
		"another body": {func() *http.Request {
			r := signedRequest(t, key, event("1"), now)
			s := httptest.NewRequest(http.MethodPost, r.URL.String(), strings.NewReader(event("2")))
			s.Header = r.Header
			return s
		}, 401, 0},
		"no digest signed": {func() *http.Request {
			r := signedRequest(t, key, event("1"), now)
			r.Header.Set("Signature-Input", strings.Replace(r.Header.Get("Signature-Input"), ` "content-digest"`, "", 1))
			return r
		}, 401, 0},
		"not signed": {func() *http.Request {
			r := signedRequest(t, key, event("1"), now)
			r.Header.Del("Signature")
			r.Header.Del("Signature-Input")
			return r
		}, 401, 0},
		"no event": {func() *http.Request { return signedRequest(t, key, `{"eventId":"1"}`, now) }, 400, 0},
		"another type": {func() *http.Request {
			return signedRequest(t, key, strings.Replace(event("1"), "quoteState", "quoteItemState", 1), now)
		}, 400, 0},
		"no JSON": {func() *http.Request { return signedRequest(t, key, `{`, now) }, 400, 0},
	} {
		t.Run(name, func(t *testing.T) {
			taken := 0
			store := must(resource.Open(t.TempDir(), resource.Options{Now: newClock().now}))
			defer store.Close()
			l := sonata.NewListener(store, sonata.ListenerOptions{Now: newClock().now, Keys: func(id string) (ed25519.PublicKey, bool) { return public, id == "k" },
				Take: func(context.Context, sonata.Notification) error { taken++; return nil }})
			for range 2 { // the seller may send it again
				rec := httptest.NewRecorder()
				l.ServeHTTP(rec, c.request())
				if rec.Code != c.status {
					t.Errorf("%d, want %d: %s", rec.Code, c.status, rec.Body)
				}
			}
			if taken != c.taken {
				t.Errorf("taken %d times, want %d", taken, c.taken)
			}
		})
	}
}

func TestAListenerKnowsASellerThatSignsNothingByOtherMeans(t *testing.T) {
	store := must(resource.Open(t.TempDir(), resource.Options{Now: newClock().now}))
	defer store.Close()
	var from string
	fail := true
	l := sonata.NewListener(store, sonata.ListenerOptions{Now: newClock().now, Keys: func(string) (ed25519.PublicKey, bool) { return nil, false },
		Identify: func(r *http.Request) string { return r.Header.Get("X-Client-Certificate") },
		Take: func(_ context.Context, n sonata.Notification) error {
			if fail {
				return fault.New(fault.Unavailable, "the disk is full", "make room")
			}
			from = n.Sender + n.Buyer + n.Seller
			return nil
		}})
	send := func(certificate string) int {
		r := httptest.NewRequest(http.MethodPost, wire.Grace.ListenerBase(wire.Quoting)+"/quoteStateChangeEvent",
			strings.NewReader(`{"eventId":"1","eventTime":"2026-11-02T09:00:00Z","eventType":"quoteStateChangeEvent","event":{"id":"Q","buyerId":"B","sellerId":"S"}}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-Client-Certificate", certificate)
		rec := httptest.NewRecorder()
		l.ServeHTTP(rec, r)
		return rec.Code
	}
	if got := send(""); got != 401 {
		t.Errorf("a stranger: %d", got)
	}
	if got := send("ALPHA"); got != 500 || from != "" {
		t.Errorf("when it cannot be taken: %d", got)
	}
	fail = false
	if got := send("ALPHA"); got != 204 || from != "ALPHABS" {
		t.Errorf("when it comes again: %d %s", got, from)
	}
}

func TestTokensAreGivenToWhomTheSecretBelongsAndForTheScopesItHas(t *testing.T) {
	w, _ := quoteWorld(t)
	w.add(sonata.Partner{ID: "narrow", Buyers: []string{"N"}, Release: wire.Kylie, Scopes: []string{"createQuote", "listQuote"}, Expires: w.clock.now().Add(time.Hour)})
	request := func(id, secret string, form url.Values, basic bool) (int, string) {
		if !basic {
			form.Set("client_id", id)
			form.Set("client_secret", secret)
		}
		r := must(http.NewRequest(http.MethodPost, w.url+sonata.TokenPath, strings.NewReader(form.Encode())))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if basic {
			r.SetBasicAuth(id, secret)
		}
		res := must(http.DefaultClient.Do(r))
		defer res.Body.Close()
		var body [4096]byte
		n, _ := res.Body.Read(body[:])
		v := must(wire.Parse(body[:n]))
		return res.StatusCode, v.Get("error").Text()
	}
	grant := func(scope string) url.Values {
		return url.Values{"grant_type": {"client_credentials"}, "scope": {scope}}
	}
	for name, c := range map[string]struct {
		id, secret string
		form       url.Values
		basic      bool
		status     int
		code       string
	}{
		"in the header":         {"narrow", w.secrets["narrow"], grant(""), true, 200, ""},
		"in the form":           {"narrow", w.secrets["narrow"], grant("createQuote"), false, 200, ""},
		"all that it has":       {"narrow", w.secrets["narrow"], grant("default"), true, 200, ""},
		"a scope too many":      {"narrow", w.secrets["narrow"], grant("createQuote cancelQuote"), true, 400, "invalid_scope"},
		"another's secret":      {"narrow", w.secrets["bravo"], grant(""), true, 401, "invalid_client"},
		"nobody":                {"nobody", "x", grant(""), true, 401, "invalid_client"},
		"no secret":             {"narrow", "", grant(""), true, 401, "invalid_client"},
		"another kind of grant": {"narrow", w.secrets["narrow"], url.Values{"grant_type": {"password"}}, true, 400, "unsupported_grant_type"},
	} {
		if status, code := request(c.id, c.secret, c.form, c.basic); status != c.status || code != c.code {
			t.Errorf("%s: %d %s, want %d %s", name, status, code, c.status, c.code)
		}
	}
	token := w.token("narrow", "createQuote")
	for path, want := range map[string]int{quoteBase + "/quote": 403, quoteBase + "/quote/x": 403} {
		if a := w.do(ask{path: path, header: map[string]string{"Authorization": "Bearer " + token}}); a.status != want {
			t.Errorf("%s with the scope of createQuote: %d", path, a.status)
		}
	}
	w.must(200, ask{partner: "narrow", path: quoteBase + "/quote"})
	w.clock.add(2 * time.Hour)
	if status, code := request("narrow", w.secrets["narrow"], grant(""), true); status != 401 {
		t.Errorf("after the secret's end: %d %s", status, code)
	}
	// Another secret for the same id does not revive the old one's tokens.
	old := w.token("bravo")
	if err := w.partners.Revoke("bravo"); err != nil {
		t.Fatal(err)
	}
	w.add(sonata.Partner{ID: "bravo", Buyers: []string{"BRAVO"}, Release: wire.Kylie})
	if a := w.do(ask{path: quoteBase + "/quote", header: map[string]string{"Authorization": "Bearer " + old}}); a.status != 401 || a.code() != "invalidCredentials" {
		t.Errorf("a token of a revoked secret: %d", a.status)
	}
}

func TestTooManyRequestsAtOnceAreRefused(t *testing.T) {
	w, s := quoteWorld(t, func(o *sonata.Options) { o.InFlight = 1 })
	entered, leave := make(chan struct{}), make(chan struct{})
	s.set(func() {
		whole := s.quote
		s.quote = func(q wire.Quote) (sonata.QuoteAnswer, error) {
			close(entered)
			<-leave
			return whole(q)
		}
	})
	w.token("bravo")
	done := make(chan int)
	go func() {
		done <- w.do(ask{partner: "bravo", path: quoteBase + "/quote", body: quoteBody(wire.Kylie, true, wire.Firm, "")}).status
	}()
	<-entered
	a := w.do(ask{partner: "bravo", path: quoteBase + "/quote"})
	close(leave)
	if first := <-done; a.status != 403 || a.code() != "tooManyUsers" || first != 201 {
		t.Errorf("%d %s, the first %d", a.status, a.code(), first)
	}
}

// counts is a Metrics for tests.
type counts struct {
	mu       sync.Mutex
	answered map[string]int
	notified map[bool]int
}

func (c *counts) Answered(operation string, status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered[fmt.Sprint(operation, " ", status)]++
}

func (c *counts) Notified(taken bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.notified[taken]++
}

func TestEachRequestAndEachTryToNotifyIsCounted(t *testing.T) {
	c := &counts{answered: map[string]int{}, notified: map[bool]int{}}
	w, _ := quoteWorld(t, func(o *sonata.Options) { o.Metrics = c })
	in := w.newInbox()
	in.fail.Store(true)
	w.subscribe(in.url, "eventType=quoteStateChangeEvent")
	w.run()
	w.newQuote()
	notified := func(taken bool) int {
		c.mu.Lock()
		defer c.mu.Unlock()
		return c.notified[taken]
	}
	until(t, "a try that was not taken is counted", func() bool { return notified(false) == 1 })
	in.fail.Store(false)
	w.pass(time.Minute)
	until(t, "one that was taken is counted", func() bool { return notified(true) == 1 })
	w.do(ask{partner: "bravo", path: quoteBase + "/quote/none"})
	for _, want := range []string{"token 200", "registerListener 201", "createQuote 201", "retrieveQuote 404"} {
		until(t, "there is one "+want, func() bool { // counted once it is answered
			c.mu.Lock()
			defer c.mu.Unlock()
			return c.answered[want] == 1
		})
	}
}
