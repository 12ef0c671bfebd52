package native_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native"
	"github.com/lateral-network/lateral/api/native/client"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/api/user"
	"github.com/lateral-network/lateral/fault"
)

// peopled gives a client of the administrator at a node with a users file.
func peopled(t *testing.T) (*client.Client, *user.File, *side) {
	t.Helper()
	s := newWorld(t).sides["ALPHA"]
	users, err := user.Open(filepath.Join(t.TempDir(), "users.yaml"), [32]byte{1}, user.Options{Cost: user.Cost{Memory: 64, Passes: 1, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	o := s.options
	o.Registry, o.Users = nil, users
	server := httptest.NewServer(must(native.New(o)))
	t.Cleanup(server.Close)
	c := client.New(server.URL, s.tokens[api.Administrator])
	t.Cleanup(c.Close)
	return c, users, s
}

func TestPeopleAreAddedChangedLinkedAndRemovedByTheAdministrator(t *testing.T) {
	admin, users, s := peopled(t)
	ctx := within(t)
	made, err := admin.AddUser(ctx, wire.AddUser{Name: "Ada@alpha.example", Role: "clerk"})
	if err != nil || made.Name != "ada@alpha.example" || made.Role != "clerk" || made.Added == 0 || made.Password || made.Link != 0 {
		t.Fatalf("%+v, %v", made, err)
	}
	link, err := admin.LinkUser(ctx, made.Name, wire.LinkUser{})
	if err != nil || link.Path != "/sign-in#"+link.Token || len(link.Token) < 40 {
		t.Fatalf("%+v, %v", link, err)
	}
	if left := time.Until(time.UnixMilli(int64(link.Expires))); left < 23*time.Hour || left > 24*time.Hour {
		t.Errorf("a link is good for %s", left)
	}
	if _, err := users.SetPassword(made.Name, "correct horse battery staple"); err != nil {
		t.Fatal(err)
	}
	all, err := client.Collect(admin.Users(ctx))
	if err != nil || len(all) != 1 || !all[0].Password || all[0].Link != link.Expires {
		t.Errorf("%+v, %v", all, err)
	}
	if u, err := users.RedeemLink(link.Token); err != nil || u.Name != made.Name {
		t.Errorf("the link: %+v, %v", u, err)
	}
	if u, err := admin.ChangeUser(ctx, made.Name, wire.ChangeUser{Role: "finance"}); err != nil || u.Role != "finance" || !u.Password {
		t.Errorf("%+v, %v", u, err)
	}
	if _, err := admin.LinkUser(ctx, made.Name, wire.LinkUser{Reset: true, Minutes: 5}); err != nil {
		t.Error(err)
	}
	if u, _ := users.Get(made.Name); u.Password {
		t.Error("a reset has left the password")
	}
	if err := admin.RemoveUser(ctx, made.Name); err != nil {
		t.Error(err)
	}
	if _, err := admin.LinkUser(ctx, made.Name, wire.LinkUser{}); fault.CodeOf(err) != fault.NotFound {
		t.Errorf("a link for nobody: %v", err)
	}
	log := s.w.logs.String()
	if strings.Contains(log, link.Token) || !strings.Contains(log, "user removed") || !strings.Contains(log, "the administrator") {
		t.Error("the log holds a link, or lacks who did what")
	}
}

func TestBadUsersAreRefusedByField(t *testing.T) {
	admin, _, _ := peopled(t)
	ctx := within(t)
	for _, u := range []wire.AddUser{{Name: "", Role: "clerk"}, {Name: "a b", Role: "clerk"}, {Name: "../x", Role: "clerk"}, {Name: strings.Repeat("x", 65), Role: "clerk"}, {Name: "ada", Role: "king"}, {Name: "ada"}} {
		if _, err := admin.AddUser(ctx, u); fault.CodeOf(err) != fault.Invalid || fault.Of(err).Field == "" {
			t.Errorf("%+v gives %v", u, err)
		}
	}
	if _, err := admin.AddUser(ctx, wire.AddUser{Name: "ada", Role: "clerk"}); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.AddUser(ctx, wire.AddUser{Name: "ADA", Role: "clerk"}); fault.CodeOf(err) != fault.Conflict {
		t.Errorf("the same name: %v", err)
	}
	for _, minutes := range []int{-1, 7*24*60 + 1} {
		if _, err := admin.LinkUser(ctx, "ada", wire.LinkUser{Minutes: minutes}); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%d minutes: %v", minutes, err)
		}
	}
	if _, err := admin.ChangeUser(ctx, "ada", wire.ChangeUser{Role: "king"}); fault.CodeOf(err) != fault.Invalid {
		t.Errorf("no role: %v", err)
	}
}

func TestANodeWithoutAUsersFileRefuses(t *testing.T) {
	s := newWorld(t).sides["ALPHA"]
	if _, err := client.Collect(s.client(api.Administrator).Users(within(t))); fault.CodeOf(err) != fault.Refused {
		t.Errorf("%v", err)
	}
}

// Who was found out by what serves the API needs no token, and has the same rights.
func TestAnActorInTheContextCountsInsteadOfAToken(t *testing.T) {
	s := newWorld(t).sides["ALPHA"]
	o := s.options
	o.Registry = nil
	h := must(native.New(o))
	for _, c := range []struct {
		role   api.Role
		path   string
		status int
	}{{api.Clerk, "/v1/me", 200}, {api.Clerk, "/v1/users", 403}, {api.Auditor, "/v1/access", 200}, {"", "/v1/me", 401}, {"", "/health", 200}, {"king", "/v1/me", 403}} {
		r := httptest.NewRequest("GET", c.path, nil)
		r = r.WithContext(api.WithActor(r.Context(), api.Actor{Name: "ada", Role: c.role}))
		r.Header.Set("Authorization", "Bearer lat_wrong")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != c.status || c.status == http.StatusOK && c.path == "/v1/me" && !strings.Contains(w.Body.String(), `"name":"ada"`) {
			t.Errorf("%s asks %s: %d %s", c.role, c.path, w.Code, w.Body)
		}
	}
	// The portal is not offered what this node has not: it finds no services and has no desk
	// for tickets of partners.
	notHere := []string{"inquire", "list-inquiries", "get-inquiry", "list-services", "get-service", "order-service", "withdraw-service", "change-service", "reschedule-service", "end-service", "build-service",
		"list-sessions", "get-session", "open-session", "close-session", "list-tickets", "get-ticket", "acknowledge-ticket", "progress-ticket", "ask-ticket", "resolve-ticket", "close-ticket", "list-incidents", "put-incident"}
	for _, r := range api.Roles {
		me, err := s.client(r).Me(within(t))
		offered := h.Operations(r)
		if err != nil {
			t.Fatal(err)
		}
		for _, op := range me.Operations {
			if absent := slices.Contains(notHere, op); slices.Contains(offered, op) == absent {
				t.Errorf("%s: %s is offered in the portal: %t", r, op, !absent)
			}
		}
		for _, op := range offered {
			if !slices.Contains(me.Operations, op) {
				t.Errorf("%s is offered %s, which its token may not do", r, op)
			}
		}
	}
}
