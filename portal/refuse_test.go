package portal

import (
	"bufio"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/user"
	"github.com/lateral-network/lateral/fault"
)

func (a answer) is(t *testing.T, what string, status int, code fault.Code) {
	t.Helper()
	if p := a.problem(); a.status != status || p.Code != code || p.Detail == "" || p.Trace == "" || a.header.Get("Content-Type") != api.ProblemType {
		t.Errorf("%s gives %d %s, not %d %s", what, a.status, a.body, status, code)
	}
}

// another is a token that differs from this one in its first character. A
// fixed character there was the token's own once in 64 runs.
func another(token string) string {
	first := "x"
	if token[0] == 'x' {
		first = "y"
	}
	return first + token[1:]
}

func TestOtherSitesAreRefused(t *testing.T) {
	h := newHouse(t)
	b := h.signIn("ada", api.Clerk)
	in := `{"name":"ada","password":"` + good + `"}`
	for _, c := range []struct {
		what, method, path, body string
		headers                  []string
		code                     fault.Code
	}{
		{"a change from another site", "POST", "/v1/orders", "{}", []string{"Sec-Fetch-Site", "cross-site"}, CodeWrongOrigin},
		{"a change from a sister site", "DELETE", "/v1/orders", "", []string{"Sec-Fetch-Site", "same-site"}, CodeWrongOrigin},
		{"an old browser's change from another site", "POST", "/v1/orders", "{}", []string{"Sec-Fetch-Site", "", "Origin", "https://evil.example"}, CodeWrongOrigin},
		{"one from nowhere", "POST", "/v1/orders", "{}", []string{"Sec-Fetch-Site", "", "Origin", "null"}, CodeWrongOrigin},
		{"a change without the token", "POST", "/v1/orders", "{}", []string{"X-CSRF-Token", ""}, CodeCSRFToken},
		{"a change with another token", "PATCH", "/v1/orders", "{}", []string{"X-CSRF-Token", another(b.csrf)}, CodeCSRFToken},
		{"a method that nobody knows", "BREW", "/v1/orders", "", []string{"X-CSRF-Token", ""}, CodeCSRFToken},
		{"signing out from another site", "DELETE", "/session", "", []string{"Sec-Fetch-Site", "cross-site"}, CodeWrongOrigin},
		{"signing out without the token", "DELETE", "/session", "", []string{"X-CSRF-Token", ""}, CodeCSRFToken},
		{"a new password without the token", "POST", "/session/own/password", `{"old":"` + good + `","new":"another good password"}`, []string{"X-CSRF-Token", ""}, CodeCSRFToken},
		{"passkeys without the token", "POST", "/session/own/passkeys/begin", "", []string{"X-CSRF-Token", ""}, CodeCSRFToken},
		{"codes from another site", "POST", "/session/own/totp", "", []string{"Sec-Fetch-Site", "cross-site"}, CodeWrongOrigin},
		{"signing in from another site", "POST", "/session/password", in, []string{"Sec-Fetch-Site", "cross-site"}, CodeWrongOrigin},
		{"a link from another site", "POST", "/session/link", `{"token":"x"}`, []string{"Origin", "https://evil.example", "Sec-Fetch-Site", ""}, CodeWrongOrigin},
		{"a passkey from another site", "POST", "/session/passkey/begin", `{}`, []string{"Sec-Fetch-Site", "cross-site"}, CodeWrongOrigin},
	} {
		b.ask(c.method, c.path, c.body, c.headers...).is(t, c.what, 403, c.code)
	}
	if b.me() != "ada" {
		t.Error("what was refused has ended the session")
	}
	if a := b.ask("POST", "/session/password", in, "X-CSRF-Token", ""); a.status != 200 {
		t.Errorf("signing in needs no token of a session: %d %s", a.status, a.body)
	}
}

func TestASessionEndsByIdlenessAndByAge(t *testing.T) {
	h := newHouse(t)
	b := h.signIn("ada", api.Clerk)
	h.later(idle - time.Second)
	if b.me() != "ada" {
		t.Error("it ended early")
	}
	h.later(idle)
	b.ask("GET", "/v1/me", "").is(t, "after idleness", 401, fault.Unauthorized)
	b.ask("GET", "/session/own/passkeys", "").is(t, "its own after idleness", 401, fault.Unauthorized)
	if a := b.ask("GET", "/health", ""); a.status != 200 {
		t.Errorf("/health gives %d", a.status)
	}
	b = h.signIn("ada", api.Clerk)
	for range 25 { // never idle
		h.later(29 * time.Minute)
		b.me()
	}
	b.ask("GET", "/v1/me", "").is(t, "after twelve hours", 401, fault.Unauthorized)
	if a := b.ask("GET", "/session", ""); a.status != 200 || a.standing().SignedIn {
		t.Errorf("where one stands: %d %s", a.status, a.body)
	}
}

func TestASessionEndsWithWhatItStandsOn(t *testing.T) {
	for name, change := range map[string]func(h *house) error{
		"removed":  func(h *house) error { return h.users.Remove("ada") },
		"role":     func(h *house) error { _, err := h.users.SetRole("ada", api.Auditor); return err },
		"reset":    func(h *house) error { _, _, err := h.users.Link("ada", time.Hour, true); return err },
		"password": func(h *house) error { _, err := h.users.SetPassword("ada", "another good password"); return err },
		"by hand": func(h *house) error {
			data, err := os.ReadFile(h.path)
			if err != nil {
				return err
			}
			return os.WriteFile(h.path, []byte(strings.Replace(string(data), "role: clerk", "role: auditor", 1)), 0o600)
		},
		"removed and added": func(h *house) error {
			if err := h.users.Remove("ada"); err != nil {
				return err
			}
			_, err := h.users.Add("ada", api.Clerk)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			b, other := h.signIn("ada", api.Clerk), h.signIn("bob", api.Clerk)
			if err := change(h); err != nil {
				t.Fatal(err)
			}
			b.ask("GET", "/v1/me", "").is(t, "afterwards", 401, fault.Unauthorized)
			if other.me() != "bob" {
				t.Error("another's session is over too")
			}
		})
	}
}

func TestAStreamOfEventsComesThroughAndEndsWithItsSession(t *testing.T) {
	h := newHouse(t)
	b := h.signIn("ada", api.Clerk)
	resp, err := b.client.Get(h.server.URL + "/v1/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	if !lines.Scan() || lines.Text() != "data: one" {
		t.Fatalf("it begins with %q, %v", lines.Text(), lines.Err())
	}
	if err := h.users.Remove("ada"); err != nil {
		t.Fatal(err)
	}
	ended := make(chan bool)
	go func() {
		for lines.Scan() {
		}
		close(ended)
	}()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("it goes on for a user who was removed")
	}
}

func TestNobodyKeepsMoreThanAFewSessions(t *testing.T) {
	h := newHouse(t)
	first := h.signIn("ada", api.Clerk)
	h.later(time.Second)
	for range mostOfOne {
		h.signIn("ada", api.Clerk)
	}
	first.ask("GET", "/v1/me", "").is(t, "the one used longest ago", 401, fault.Unauthorized)
	if n := len(h.portal.sessions.all); n != mostOfOne {
		t.Errorf("%d sessions", n)
	}
}

func TestSigningInMakesANewIdThatOnlyTheBrowserKnows(t *testing.T) {
	h := newHouse(t)
	h.signIn("ada", api.Clerk)
	in := `{"name":"ada","password":"` + good + `"}`
	seen := map[string]bool{}
	for _, c := range []struct {
		host   string
		secure bool
	}{{"portal.alpha.example", true}, {"192.0.2.7:8080", true}, {"localhost:7080", false}, {"alpha.localhost:7080", false}, {"127.0.0.1:7080", false}, {"[::1]:7080", false}, {"localhost.evil.example", true}, {"evillocalhost", true}} {
		b := h.named(c.host)
		a := b.ask("POST", "/session/password", in, "Cookie", cookieName+"=chosen-by-somebody-else")
		set := (&http.Response{Header: a.header}).Cookies()
		if a.status != 200 || len(set) != 1 {
			t.Errorf("%s: %d %v", c.host, a.status, set)
			continue
		}
		k := set[0]
		if k.Name != cookieName || !k.HttpOnly || k.SameSite != http.SameSiteStrictMode || k.Path != "/" || k.Domain != "" || k.Secure != c.secure || len(k.Value) != 43 || seen[k.Value] {
			t.Errorf("%s: %s", c.host, a.header.Get("Set-Cookie"))
		}
		seen[k.Value] = true
		if strings.Contains(h.logs.String(), k.Value) || strings.Contains(string(a.body), k.Value) {
			t.Error("the id is in the log or in the answer")
		}
	}
	for id := range h.portal.sessions.all {
		if seen[string(id[:])] {
			t.Error("an id is kept in clear")
		}
	}
}

func TestAttemptsAreBoundedByNameAndByAddress(t *testing.T) {
	h := newHouse(t)
	h.signIn("ada", api.Clerk)
	b := h.browser()
	wrong := `{"name":"ada","password":"wrong horse battery staple"}`
	for range h.portal.names.most {
		b.ask("POST", "/session/password", wrong).is(t, "a wrong password", 401, fault.Unauthorized)
	}
	a := b.ask("POST", "/session/password", `{"name":" ADA","password":"`+good+`"}`)
	a.is(t, "one too many, though right", 429, CodeTooManyAttempts)
	if a.header.Get("Retry-After") == "" || a.header.Get("Retry-After") == "0" {
		t.Error("it does not say how long to wait")
	}
	if other := h.signIn("bob", api.Clerk); other.me() != "bob" {
		t.Error("another name is kept out")
	}
	h.later(61 * time.Second)
	if a := b.ask("POST", "/session/password", `{"name":"ada","password":"`+good+`"}`); a.status != 200 {
		t.Errorf("a minute later: %d %s", a.status, a.body)
	}
	for i := range 100 { // names that nobody has, from one address
		a := b.ask("POST", "/session/link", `{"token":"x`+strings.Repeat("y", i)+`"}`)
		if a.status == 429 {
			a.is(t, "an address that tries links", 429, CodeTooManyAttempts)
			return
		}
	}
	t.Error("one address may try for ever")
}

func TestAFloodOfNamesTakesNoMemory(t *testing.T) {
	l := limit{most: 1, every: time.Hour}
	now := time.Now()
	for i := range maxLimited + 500 {
		if _, err := l.take(strings.Repeat("x", i%100)+string(rune('a'+i%26))+time.Duration(i).String(), now); err != nil {
			t.Fatal(err)
		}
	}
	if len(l.all) > maxLimited {
		t.Errorf("%d are remembered", len(l.all))
	}
}

func TestAddressesAreTakenAsWhatSpeaksToUs(t *testing.T) {
	for _, c := range []struct{ remote, forwarded, want string }{
		{"192.0.2.1:99", "", "192.0.2.1"},
		{"192.0.2.1:99", "198.51.100.1", "192.0.2.1"}, // anybody may write that
		{"127.0.0.1:99", "198.51.100.1", "198.51.100.1"},
		{"127.0.0.1:99", "6.6.6.6, 198.51.100.1", "198.51.100.1"},
		{"127.0.0.1:99", "nonsense", "127.0.0.1"},
		{"[2001:db8:1:2:3::4]:99", "", "2001:db8:1:2::/64"},
		{"[::ffff:192.0.2.1]:99", "", "192.0.2.1"},
		{"", "", ""},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr = c.remote
		if c.forwarded != "" {
			r.Header.Set("X-Forwarded-For", c.forwarded)
		}
		if got := placeOf(r); got != c.want {
			t.Errorf("%s for %q is %q", c.remote, c.forwarded, got)
		}
	}
}

func TestHostileBodiesAreRefused(t *testing.T) {
	h := newHouse(t)
	b := h.signIn("ada", api.Clerk)
	deep := strings.Repeat("[", 5000)
	for _, path := range []string{"/session/password", "/session/link", "/session/passkey/begin", "/session/passkey/finish", "/session/own/password", "/session/own/passkeys/finish"} {
		for name, body := range map[string]string{
			"no JSON": "x", "a list": "[]", "two": `{}{}`, "more after it": `{} x`, "an unknown field": `{"admin":true}`, "a wrong type": `{"name":7,"token":7,"old":7,"credential":7,"x":1}`,
			"nested": deep, "nested credential": `{"credential":` + deep, "broken off": `{"name":"`,
		} {
			if a := b.ask("POST", path, body); a.status != 422 || a.problem().Code != fault.Invalid {
				t.Errorf("%s for %s gives %d %s", name, path, a.status, a.body)
			}
		}
		b.ask("POST", path, `{"name":"`+strings.Repeat("x", mostBody)+`"}`).is(t, "a long body for "+path, 413, api.CodeTooLarge)
		b.ask("POST", path, "{}", "Content-Type", "text/plain").is(t, "no JSON header for "+path, 422, fault.Invalid)
		b.ask("POST", path, "name=ada", "Content-Type", "application/x-www-form-urlencoded").is(t, "a form for "+path, 422, fault.Invalid)
	}
	for name, body := range map[string]string{
		"nobody": `{}`, "a null name": `{"name":null,"password":null}`, "a long name": `{"name":"` + strings.Repeat("x", 10_000) + `","password":"x"}`,
		"control characters": `{"name":"a\u0000\n\u202e","password":"x"}`, "a path": `{"name":"../../etc/passwd","password":"x"}`,
	} {
		b.ask("POST", "/session/password", body).is(t, name, 401, fault.Unauthorized)
	}
	if log := h.logs.String(); strings.Contains(log, "passwd") || strings.Contains(log, good) {
		t.Error("the log holds what was typed")
	}
	if b.me() != "ada" {
		t.Error("the session is gone")
	}
}

func TestAddressesAndMethodsThatAreNotThereAreRefused(t *testing.T) {
	h := newHouse(t)
	b := h.browser()
	for _, path := range []string{"/session/", "/session/x", "/session/own", "/session/own/passkeys/a/b"} {
		b.ask("GET", path, "").is(t, path, 404, fault.NotFound)
	}
	a := b.ask("PUT", "/session/password", "{}")
	a.is(t, "a wrong method", 405, api.CodeMethod)
	if a.header.Get("Allow") != "POST" {
		t.Errorf("it takes %q", a.header.Get("Allow"))
	}
	b.ask("POST", "/", "{}").is(t, "posting to a page", 405, api.CodeMethod)
	for _, path := range []string{"/session/own/password", "/session/own/totp", "/session/own/passkeys/begin"} {
		b.ask("POST", path, "{}").is(t, path+" of nobody", 401, fault.Unauthorized)
	}
	if a := b.ask("DELETE", "/session", ""); a.status != 204 {
		t.Errorf("nobody signs out: %d", a.status)
	}
}

func TestALinkLetsInOnceAndStandsForTheOldPassword(t *testing.T) {
	h := newHouse(t)
	if _, err := h.users.Add("ada", api.Clerk); err != nil {
		t.Fatal(err)
	}
	text, _, err := h.users.Link("ada", time.Hour, false)
	if err != nil {
		t.Fatal(err)
	}
	b := h.browser()
	a := b.enter("/session/link", `{"token":"`+text+`"}`)
	if s := a.standing(); a.status != 200 || s.Name != "ada" || s.Password || s.OldNeeded {
		t.Fatalf("%d %s", a.status, a.body)
	}
	h.browser().ask("POST", "/session/link", `{"token":"`+text+`"}`).is(t, "the link again", 401, fault.Unauthorized)
	b.ask("POST", "/session/own/password", `{"new":"short"}`).is(t, "a weak password", 422, user.CodeWeakPassword)
	if a := b.ask("POST", "/session/own/password", `{"new":"`+good+`"}`); a.status != 200 || !a.standing().Password {
		t.Errorf("the first password: %d %s", a.status, a.body)
	}
	if a := b.ask("POST", "/session/own/password", `{"new":"`+good+`!"}`); a.status != 200 {
		t.Errorf("another within ten minutes: %d %s", a.status, a.body)
	}
	h.later(fresh)
	b.ask("POST", "/session/own/password", `{"new":"`+good+`"}`).is(t, "later without the old one", 403, CodePasswordNeeded)
	b.ask("POST", "/session/own/password", `{"old":"wrong one","new":"`+good+`"}`).is(t, "with a wrong one", 422, fault.Refused)
	if a := b.ask("POST", "/session/own/password", `{"old":"`+good+`!","new":"`+good+`"}`); a.status != 200 {
		t.Errorf("with the old one: %d %s", a.status, a.body)
	}
	text, _, _ = h.users.Link("ada", time.Minute, false)
	h.later(time.Minute)
	h.browser().ask("POST", "/session/link", `{"token":"`+text+`"}`).is(t, "an expired link", 401, fault.Unauthorized)
}

func TestAnotherPasswordEndsTheOtherSessionsAndKeepsThisOne(t *testing.T) {
	h := newHouse(t)
	b, other := h.signIn("ada", api.Clerk), h.signIn("ada", api.Clerk)
	b.ask("POST", "/session/own/password", `{"new":"another good password"}`).is(t, "without the old one", 403, CodePasswordNeeded)
	if a := b.ask("POST", "/session/own/password", `{"old":"`+good+`","new":"another good password"}`); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if b.me() != "ada" {
		t.Error("it has ended itself")
	}
	other.ask("GET", "/v1/me", "").is(t, "the other one", 401, fault.Unauthorized)
}

func TestOneTimeCodesAreSetUpUsedAndRemoved(t *testing.T) {
	h := newHouse(t)
	b := h.signIn("ada", api.Clerk)
	var begun struct{ Secret, URL string }
	if a := b.ask("POST", "/session/own/totp", ""); a.status != 200 {
		t.Fatalf("%d %s", a.status, a.body)
	} else {
		a.into(t, &begun)
	}
	code := func() string {
		c, err := totp.GenerateCode(begun.Secret, h.clock())
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	b.ask("PUT", "/session/own/totp", `{"code":"000000"}`).is(t, "a wrong code", 422, fault.Invalid)
	confirmed := code()
	if a := b.ask("PUT", "/session/own/totp", `{"code":"`+confirmed+`"}`); a.status != 200 || !a.standing().TOTP {
		t.Fatalf("%d %s", a.status, a.body)
	}
	in := func(code string) string { return `{"name":"ada","password":"` + good + `","code":"` + code + `"}` }
	h.browser().ask("POST", "/session/password", in("")).is(t, "without a code", 401, user.CodeTOTPRequired)
	h.browser().ask("POST", "/session/password", in(confirmed)).is(t, "a code again", 401, fault.Unauthorized)
	b.ask("DELETE", "/session/own/totp", `{"code":"`+confirmed+`"}`).is(t, "removing with a code again", 422, fault.Invalid)
	h.later(30 * time.Second)
	next := code()
	if a := h.browser().ask("POST", "/session/password", in(next)); a.status != 200 {
		t.Errorf("the next code: %d %s", a.status, a.body)
	}
	h.later(30 * time.Second)
	if a := b.ask("DELETE", "/session/own/totp", `{"code":"`+code()+`"}`); a.status != 200 || a.standing().TOTP {
		t.Errorf("removing: %d %s", a.status, a.body)
	}
	if a := h.browser().ask("POST", "/session/password", in("")); a.status != 200 {
		t.Errorf("without codes again: %d %s", a.status, a.body)
	}
	if strings.Contains(h.logs.String(), begun.Secret) {
		t.Error("the log holds the secret")
	}
}
