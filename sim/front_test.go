package sim

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/party"
)

// browser is somebody in front of a sandbox.
type browser struct {
	t     *testing.T
	at    string // host:port of the front
	doors []door
}

// lively starts a sandbox of two carriers in this process, until the test ends.
func lively(t *testing.T) *browser {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	dir := t.TempDir()
	file := filepath.Join(dir, "urls.json")
	ended := make(chan error, 1)
	go func() {
		ended <- Live(ctx, LiveOptions{Dir: filepath.Join(dir, "net"), Cycle: "15s", CallsPerSecond: 10, Seed: 7, Carriers: 2, URLs: file, Timeline: t.Output(), Log: testLog(t)})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	b := &browser{t: t}
	b.wait(2*time.Minute, "the file of links", func() bool {
		data, err := os.ReadFile(file)
		if err != nil {
			return false
		}
		if err := json.Unmarshal(data, &b.doors); err != nil || len(b.doors) != 2 {
			t.Fatalf("the file has %s, %v", data, err)
		}
		return true
	})
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file of links is open to others: %v, %v", info.Mode(), err)
	}
	u, err := url.Parse(b.doors[0].Address)
	if err != nil {
		t.Fatal(err)
	}
	b.at = "127.0.0.1:" + u.Port()
	return b
}

func (b *browser) wait(most time.Duration, what string, ok func() bool) {
	b.t.Helper()
	for end := time.Now().Add(most); !ok(); time.Sleep(200 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("waited %s for %s", most, what)
		}
	}
}

// ask sends a request to a host of the front and gives status and body.
func (b *browser) ask(method, host, path, body string, header ...string) (int, http.Header, []byte) {
	b.t.Helper()
	r, err := http.NewRequest(method, "http://"+b.at+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	_, port, _ := strings.Cut(b.at, ":")
	r.Host = host + ":" + port
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer a.Body.Close()
	data, err := io.ReadAll(a.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return a.StatusCode, a.Header, data
}

// do changes something of the sandbox, which must be taken.
func (b *browser) do(path, body string) {
	b.t.Helper()
	if status, _, text := b.ask("POST", observerHost, path, body, "X-Sandbox", "1"); status != http.StatusOK {
		b.t.Fatalf("%s: %d %s", path, status, text)
	}
}

// node gives a node as the sandbox tells of it.
func (b *browser) node(name string) post {
	b.t.Helper()
	_, _, text := b.ask("GET", observerHost, "/sandbox/state", "")
	var s State
	if err := json.Unmarshal(text, &s); err != nil {
		b.t.Fatalf("%s: %v", text, err)
	}
	for _, p := range s.Nodes {
		if p.Name == name {
			return p
		}
	}
	b.t.Fatalf("there is no node %s in %s", name, text)
	return post{}
}

// hear waits for news that fit, of what happens from a moment on.
func (b *browser) hear(since time.Time, most time.Duration, what string, fits func(News) bool) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.t.Context(), most)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", "http://"+b.at+"/sandbox/events", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Host = observerHost
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer a.Body.Close()
	for lines := bufio.NewScanner(a.Body); lines.Scan(); {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var x News
		if err := json.Unmarshal([]byte(data), &x); err != nil {
			b.t.Fatalf("%s: %v", data, err)
		}
		if !x.At.Before(since) && fits(x) {
			return
		}
	}
	b.t.Fatalf("waited %s for news of %s", most, what)
}

func problemOf(t *testing.T, body []byte) (p api.Problem) {
	t.Helper()
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatalf("%s is no problem: %v", body, err)
	}
	return p
}

// Whoever sits in front of a sandbox reaches every carrier by its name, breaks what
// can be broken, and sees it mended.
func TestASandboxIsReachedByNamesAndBrokenAndMended(t *testing.T) {
	long(t)
	b := lively(t)

	// Each name leads to its own carrier's node.
	for _, d := range b.doors {
		host := hostOf(d.Carrier)
		_, _, text := b.ask("GET", host, "/sandbox", "")
		var self struct {
			Self     party.Code
			Carriers []place
		}
		if err := json.Unmarshal(text, &self); err != nil || self.Self != d.Carrier || len(self.Carriers) != 2 {
			t.Errorf("%s says %s, %v", host, text, err)
		}
		if status, _, text := b.ask("GET", host, "/v1/me", ""); status != http.StatusUnauthorized {
			t.Errorf("%s asks nobody who they are: %d %s", host, status, text)
		}
		if !strings.HasPrefix(d.SignIn, d.Address+"/sign-in#") || len(d.Roles) != len(people) || d.SignIn != d.Roles["clerk"] {
			t.Errorf("the door of %s is %+v", d.Carrier, d)
		}
	}

	// Other names get a page without script, and nothing else.
	status, header, text := b.ask("GET", "elsewhere.example", "/sandbox/state", "")
	if status != http.StatusOK || !bytes.Contains(text, []byte("alpha.localhost")) || bytes.Contains(text, []byte("<script")) || !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") {
		t.Errorf("an unknown name gets %d %v %s", status, header, text)
	}

	// Changes are for the sandbox's own pages.
	for _, h := range [][]string{{}, {"X-Sandbox", "1", "Origin", "http://elsewhere.example"}, {"X-Sandbox", "1", "Sec-Fetch-Site", "cross-site"}} {
		if status, _, text := b.ask("POST", "alpha.localhost", "/sandbox/nodes/BRAVO/kill", "", h...); status != http.StatusForbidden || problemOf(t, text).Code != fault.Forbidden {
			t.Errorf("with %v a change is answered by %d %s", h, status, text)
		}
	}

	// A node that is killed is told of, and comes back.
	b.wait(time.Minute, "BRAVO to be seen running", func() bool { return b.node("BRAVO").State == stateRunning })
	b.do("/sandbox/nodes/BRAVO/kill", "")
	if status, _, text := b.ask("GET", "bravo.localhost", "/v1/me", ""); status != http.StatusServiceUnavailable || problemOf(t, text).Code != fault.Unavailable || problemOf(t, text).Remedy == "" {
		t.Errorf("a killed node is answered for by %d %s", status, text)
	}
	if status, _, text := b.ask("POST", observerHost, "/sandbox/nodes/BRAVO/kill", "", "X-Sandbox", "1"); status != http.StatusConflict {
		t.Errorf("a killed node is killed: %d %s", status, text)
	}

	// Damage to its store is noticed when it starts, and a rebuilt one goes on.
	b.do("/sandbox/nodes/BRAVO/corrupt", `{"kind":"log"}`)
	b.do("/sandbox/nodes/BRAVO/start", "")
	b.wait(time.Minute, "the damage to be noticed", func() bool { return b.node("BRAVO").State == stateStopped })
	if p := b.node("BRAVO"); !strings.HasPrefix(p.Problem, string(fault.Corrupt)+": ") || !p.Damaged {
		t.Errorf("the damaged node is %+v", p)
	}
	b.do("/sandbox/nodes/BRAVO/rebuild", "")
	b.wait(time.Minute, "BRAVO to be rebuilt", func() bool { p := b.node("BRAVO"); return p.State == stateRunning && !p.Damaged })
	rebuilt := time.Now()
	b.hear(rebuilt, 90*time.Second, "a period that is agreed after it", func(x News) bool {
		return x.Kind == string(trade.EventPeriodMatched) || x.Kind == string(trade.EventPeriodDiffers)
	})

	// What goes between two carriers stops when the way is cut, and all of it comes
	// when that is mended.
	b.do("/sandbox/links/ALPHA/BRAVO/cut", "")
	cut := time.Now().UTC()
	period := cut.Truncate(15 * time.Second).Format("15:04:05")
	time.Sleep(25 * time.Second)
	heard := false
	quiet, stop := context.WithTimeout(t.Context(), time.Second)
	defer stop()
	b.latest(quiet, func(x News) {
		heard = heard || x.At.After(cut) && strings.HasPrefix(x.Text, "usage ") && strings.Contains(x.Text, " "+period+"-")
	})
	if heard {
		t.Errorf("the period from %s was agreed over a way that is cut", period)
	}
	b.do("/sandbox/links/bravo/alpha/mend", "")
	b.hear(cut, 2*time.Minute, "the period that was cut", func(x News) bool {
		return strings.HasPrefix(x.Text, "usage ") && strings.Contains(x.Text, " "+period+"-")
	})

	// Who overstates calls is found out.
	b.do("/sandbox/carriers/alpha/lie", `{"calls":5,"factor":9}`)
	lied := time.Now()
	b.hear(lied, time.Minute, "the lie", func(x News) bool { return strings.HasPrefix(x.Text, "lie ") && strings.Contains(x.Text, "overstates") })
	b.hear(lied, 2*time.Minute, "a dispute", func(x News) bool {
		return x.Kind == string(trade.EventDisputeResolved) || x.Kind == string(trade.EventDisputeManual)
	})
}

// latest gives all news that are kept, and those of a while.
func (b *browser) latest(ctx context.Context, f func(News)) {
	b.t.Helper()
	r, err := http.NewRequestWithContext(ctx, "GET", "http://"+b.at+"/sandbox/events", nil)
	if err != nil {
		b.t.Fatal(err)
	}
	r.Host = observerHost
	a, err := http.DefaultClient.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer a.Body.Close()
	for lines := bufio.NewScanner(a.Body); lines.Scan(); {
		var x News
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok && json.Unmarshal([]byte(data), &x) == nil {
			f(x)
		}
	}
}

// Exactly as many calls are overstated as were asked for, over several files if one
// has too few.
func TestALieIsToldOnce(t *testing.T) {
	s := &sandbox{news: newNewsroom(func(string, ...any) {}), lies: map[party.Code]lie{"ALPHA": {Calls: 3, Factor: 2}}}
	file := "call_id,a,b,start,ms,c\n1,a,b,s,1000,c\n2,a,b,s,0,c\n3,a,b,s,500,c\n"
	for _, want := range []string{
		"call_id,a,b,start,ms,c\n1,a,b,s,2000,c\n2,a,b,s,0,c\n3,a,b,s,1000,c\n",
		"call_id,a,b,start,ms,c\n1,a,b,s,2000,c\n2,a,b,s,0,c\n3,a,b,s,500,c\n",
		file,
	} {
		if got, err := s.overstated("ALPHA", []byte(file)); err != nil || string(got) != want {
			t.Errorf("got\n%s, %v, want\n%s", got, err, want)
		}
	}
}

// waited is a body of which the last reading, which finds nothing more, has to wait: so it
// is where a machine has much to do.
type waited struct {
	io.ReadCloser
	left int64
}

func (w *waited) Read(p []byte) (int, error) {
	if w.left == 0 {
		time.Sleep(50 * time.Millisecond)
	}
	n, err := w.ReadCloser.Read(p)
	w.left -= int64(n)
	return n, err
}

// A page that verified a proof showed it as one that does not hold: the front had cut the
// answer off, which happened once in 200 requests with a body.
func TestAnAnswerToARequestWithABodyDoesNotBreakOff(t *testing.T) {
	half := bytes.Repeat([]byte("a proof's facts "), 1_000)
	node := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.CopyN(io.Discard, r.Body, r.ContentLength); err != nil {
			t.Error(err)
		}
		for range 2 {
			if _, err := w.Write(half); err != nil {
				t.Error(err)
			}
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			time.Sleep(100 * time.Millisecond)
		}
	}))
	defer node.Close()
	at, err := url.Parse(node.URL)
	if err != nil {
		t.Fatal(err)
	}
	pass := passTo(at, func(_ http.ResponseWriter, _ *http.Request, err error) { t.Error(err) })
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(r.Context()) // the server keeps its own
		r.Body = &waited{r.Body, r.ContentLength}
		pass.ServeHTTP(w, r)
	}))
	defer front.Close()
	for _, size := range []int{1, 4096, 8536, 100_000} {
		r, err := front.Client().Post(front.URL, "application/octet-stream", bytes.NewReader(make([]byte, size)))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil || len(got) != 2*len(half) {
			t.Errorf("the answer to a body of %d bytes breaks off after %d of %d bytes: %v", size, len(got), 2*len(half), err)
		}
	}
}

// A front is for this machine, and takes another port when its own is in use.
func TestAFrontListensOnThisMachineOnly(t *testing.T) {
	for _, address := range []string{"0.0.0.0:8080", ":8080", "192.0.2.1:80", "example.org:80", "127.0.0.1"} {
		if l, _, err := listenFront(address); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: %v", address, err)
			if l != nil {
				l.Close()
			}
		}
	}
	first, said, err := listenFront("127.0.0.1:0")
	if err != nil || said != "" {
		t.Fatal(said, err)
	}
	defer first.Close()
	second, said, err := listenFront(first.Addr().String())
	if err != nil || !strings.Contains(said, second.Addr().String()) {
		t.Fatalf("%q, %v", said, err)
	}
	second.Close()
}

// The ports of nodes were once whatever the system gave. Before a node listened on its
// own, a connection or a relay had been given the same one now and then: one of ten
// sandboxes waited for ever for a node that had ended.
func TestPortsOfNodesAreNoneThatTheSystemGivesToOthers(t *testing.T) {
	ports, err := freePorts(60)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, p := range ports {
		_, port, err := net.SplitHostPort(p)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := strconv.Atoi(port); err != nil || n < lowestPort || n >= givenPorts() || seen[p] {
			t.Errorf("port %s of %v", p, ports)
		}
		seen[p] = true
	}
}
