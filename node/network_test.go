package node

import (
	"context"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/ledger"
	"github.com/lateral-network/lateral/trade/party"
)

// free gives an address of the loopback interface that nobody uses now.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// founded sets up a network of one validator, with one carrier among its
// members. With together the two are one node, which comes twice then.
func founded(t *testing.T, together bool) (validator, carrier Setup) {
	t.Helper()
	dir := t.TempDir()
	setUp := func(o InitOptions) Setup {
		t.Helper()
		o.WorkFactor, o.API = 10, free(t)
		s, err := Init(o)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	v := InitOptions{Dir: filepath.Join(dir, "one"), Validator: "one", P2P: free(t), Follow: free(t)}
	c := InitOptions{Dir: filepath.Join(dir, "alpha"), Carrier: "ALPHA", LegalName: "Alpha", Country: "CH", Exchange: "127.0.0.1:0"}
	if together {
		c.Validator, c.P2P, c.Follow = v.Validator, v.P2P, v.Follow
		carrier = setUp(c)
		validator = carrier
	} else {
		validator = setUp(v)
		c.FollowAt = []Endpoint{{Name: "one", Key: validator.ValidatorNode, Address: v.Follow}}
		carrier = setUp(c)
	}
	f := Founding{Name: "test", Start: time.Now().Add(-time.Second).UnixMilli(),
		Members: []party.Signed{*carrier.Application}, Validators: []ledger.Validator{*validator.Validator}}
	network, genesis, err := f.Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*Setup{&validator, &carrier} {
		s.Config.Network, s.Config.Genesis = network, genesis
	}
	return validator, carrier
}

// run opens a node and runs it until the test ends.
func run(t *testing.T, c Config) *Node {
	t.Helper()
	n, err := Open(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the node ended with %v", err)
		}
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n
}

// ask asks a node in a role; without one it bears no token.
func ask(t *testing.T, s Setup, r api.Role, path string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Config.API.Listen+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r != "" {
		token, err := ReadToken(filepath.Dir(s.ConfigFile), r)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// eventually waits for a condition with a deadline.
func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !f(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not reached in time: %s", what)
		}
	}
}

func TestAMereValidatorAnswersItsOperator(t *testing.T) {
	s, _ := founded(t, false)
	n := run(t, s.Config)
	if n.APIAddress() != s.Config.API.Listen {
		t.Fatalf("it listens on %q", n.APIAddress())
	}
	eventually(t, "ready", func() bool { status, _ := ask(t, s, api.Engineer, "/ready"); return status == 200 })
	eventually(t, "a block", func() bool { return n.height() > 1 })
	for _, c := range []struct {
		role   api.Role
		path   string
		status int
		has    string
	}{
		{"", "/health", 200, "alive"},
		{"", "/ready", 401, ""},
		{"", "/metrics", 401, ""},
		{api.Engineer, "/ready", 200, `"caught up"`},
		{api.Auditor, "/v1/me", 200, `"get-metrics"`},
		{api.Auditor, "/v1/access", 200, "first engineer"},
		{api.Auditor, "/v1/users", 200, `"items":[]`},
		{"", "/", 200, "<html"},
		{"", "/session", 200, `"signed_in":false`},
		{api.Administrator, "/v1/openapi.json", 200, "get-ready"},
		{api.Auditor, "/v1/status", 404, ""}, // a carrier's
	} {
		if status, body := ask(t, s, c.role, c.path); status != c.status || !strings.Contains(body, c.has) {
			t.Errorf("%q asks %s and gets %d %s", c.role, c.path, status, body)
		}
	}
	if _, body := ask(t, s, api.Auditor, "/v1/me"); strings.Contains(body, "list-invoices") {
		t.Errorf("a mere validator promises what it has not: %s", body)
	}
	_, text := ask(t, s, api.Engineer, "/metrics")
	for _, name := range []string{"height", "block_time_seconds", "round", "peers", "syncing", "pending_envelopes", "pending_bytes",
		"refused_proposals_total", "skipped_envelopes_total"} {
		if !strings.Contains(text, "\nlateral_validator_"+name+" ") {
			t.Errorf("the metrics lack %s", name)
		}
	}
	if strings.Contains(text, "lateral_validator_height 0\n") {
		t.Error("the validator is still at height 0")
	}
}
