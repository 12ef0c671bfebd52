package sim

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/node"
	"github.com/lateral-network/lateral/trade/party"
)

// wires are the ways between carriers' nodes in a sandbox. Each node sends the others
// files through a proxy of its own, which opens no connection over a way that is cut,
// and closes those that there are; and it asks each neighbour over LSO Sonata through
// a relay, which hears what is asked.
type wires struct {
	mu      sync.Mutex // guards all below
	codes   []party.Code
	at      map[string]party.Code // by the address where partners send files
	proxies []*http.Server

	cut  map[way2]bool
	open map[net.Conn]way2
	asks []Ask // newest last
	heed func(Ask)
}

// Ask is a request of one carrier to another over LSO Sonata.
type Ask struct {
	At     time.Time  `json:"at"`
	From   party.Code `json:"from"`
	To     party.Code `json:"to"`
	What   string     `json:"what"` // the operation: method and the path's last fixed part
	Status int        `json:"status"`
}

// keptAsks is how many are listed.
const keptAsks = 300

// way2 is the two ends of a way, in order.
type way2 [2]party.Code

func between(a, b party.Code) way2 {
	if b < a {
		a, b = b, a
	}
	return way2{a, b}
}

// openWires gives each carrier's node a proxy, which it is told of.
func openWires(setups []node.Setup) (*wires, error) {
	w := &wires{at: map[string]party.Code{}, cut: map[way2]bool{}, open: map[net.Conn]way2{}}
	for i := range setups {
		c := &setups[i].Config
		if c.Carrier == "" {
			continue
		}
		if err := w.join(c); err != nil {
			return nil, errors.Join(err, w.close())
		}
		for k := range c.Mesh.Neighbours {
			if err := w.ask(c.Carrier, &c.Mesh.Neighbours[k]); err != nil {
				return nil, errors.Join(err, w.close())
			}
		}
	}
	return w, nil
}

// join gives a carrier's node a proxy, which its configuration names then.
func (w *wires) join(c *node.Config) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fault.New(fault.Unavailable, "there is no free port on the loopback interface", "end other programs, or wait").Because(err)
	}
	c.Exchange.Proxy = "http://" + l.Addr().String()
	from := c.Carrier
	server := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.tunnel(from, rw, r) }), ReadHeaderTimeout: 10 * time.Second}
	w.mu.Lock()
	w.codes = append(w.codes, from)
	w.at[c.Exchange.Listen] = from
	w.proxies = append(w.proxies, server)
	w.mu.Unlock()
	go server.Serve(l) // until it is closed
	return nil
}

// ask puts a relay between a carrier and the Sonata interface of a neighbour.
func (w *wires) ask(from party.Code, to *node.Neighbour) error {
	target, err := url.Parse(to.Sonata)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fault.New(fault.Unavailable, "there is no free port on the loopback interface", "end other programs, or wait").Because(err)
	}
	way, partner := between(from, to.Partner), to.Partner
	relay := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) },
		ModifyResponse: func(r *http.Response) error {
			w.asking(Ask{At: time.Now().UTC(), From: from, To: partner, What: operation(r.Request), Status: r.StatusCode})
			return nil
		},
		ErrorHandler: func(rw http.ResponseWriter, _ *http.Request, _ error) { rw.WriteHeader(http.StatusBadGateway) },
		ErrorLog:     log.New(io.Discard, "", 0),
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.isCut(way) {
			panic(http.ErrAbortHandler) // nothing comes back, as over a way that is cut
		}
		relay.ServeHTTP(rw, r)
	})}
	w.mu.Lock()
	w.proxies = append(w.proxies, server)
	w.mu.Unlock()
	go server.Serve(l) // until it is closed
	to.Sonata = "http://" + l.Addr().String()
	return nil
}

// operation names what a request to a Sonata interface is for, without ids.
func operation(r *http.Request) string {
	what := ""
	for part := range strings.SplitSeq(r.URL.Path, "/") {
		if part != "" && !strings.ContainsAny(part, "0123456789.") && part != "mefApi" && part != "sonata" {
			what = part
		}
	}
	return r.Method + " " + what
}

// asking notes a request.
func (w *wires) asking(a Ask) {
	w.mu.Lock()
	w.asks = append(w.asks, a)
	w.asks = w.asks[max(0, len(w.asks)-keptAsks):]
	heed := w.heed
	w.mu.Unlock()
	if heed != nil {
		heed(a)
	}
}

// listen has something called with each request from now on.
func (w *wires) listen(f func(Ask)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.heed = f
}

// asked lists what was asked, newest first.
func (w *wires) asked() []Ask {
	w.mu.Lock()
	defer w.mu.Unlock()
	out := append([]Ask{}, w.asks...)
	slices.Reverse(out)
	return out
}

// tunnel connects a carrier's node with a partner's.
func (w *wires) tunnel(from party.Code, rw http.ResponseWriter, r *http.Request) {
	w.mu.Lock()
	to, known := w.at[r.Host]
	w.mu.Unlock()
	if r.Method != http.MethodConnect || !known {
		http.Error(rw, "no way there", http.StatusForbidden)
		return
	}
	way := between(from, to)
	if w.isCut(way) {
		http.Error(rw, "the way is cut", http.StatusServiceUnavailable)
		return
	}
	far, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(r.Context(), "tcp", r.Host)
	if err != nil {
		http.Error(rw, "nobody answers there", http.StatusBadGateway)
		return
	}
	near, buffered, err := rw.(http.Hijacker).Hijack()
	if err != nil {
		_ = far.Close() // nothing was said
		return
	}
	if !w.keep(way, near, far) {
		return
	}
	defer w.drop(near, far)
	if _, err := io.WriteString(near, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	var both sync.WaitGroup
	pass := func(to net.Conn, from io.Reader) {
		_, _ = io.Copy(to, from) // who is cut off tries again by itself
		_ = to.Close()
	}
	both.Go(func() { pass(far, buffered) })
	both.Go(func() { pass(near, far) })
	both.Wait()
}

// keep notes connections, unless the way has been cut meanwhile: then it closes them.
func (w *wires) keep(way way2, all ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range all {
		if w.cut[way] {
			_ = c.Close() // nothing was said
			continue
		}
		w.open[c] = way
	}
	return !w.cut[way]
}

func (w *wires) drop(all ...net.Conn) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range all {
		_ = c.Close() // it has ended already
		delete(w.open, c)
	}
}

func (w *wires) isCut(way way2) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.cut[way]
}

// set cuts a way, or mends it.
func (w *wires) set(way way2, cut bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.cut[way] = cut; !cut {
		return
	}
	for c, of := range w.open {
		if of == way {
			_ = c.Close() // as a spade would
		}
	}
}

// way gives the way between two carriers of the network. Code: not-found.
func (w *wires) way(a, b string) (way2, error) {
	x, y := party.Code(strings.ToUpper(a)), party.Code(strings.ToUpper(b))
	w.mu.Lock()
	defer w.mu.Unlock()
	if x == y || !slices.Contains(w.codes, x) || !slices.Contains(w.codes, y) {
		return way2{}, fault.Newf(fault.NotFound, "name two carriers of the sandbox", "there is no way between %.20q and %.20q", a, b)
	}
	return between(x, y), nil
}

// close ends all proxies and what goes through them.
func (w *wires) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all error
	for _, p := range w.proxies {
		all = errors.Join(all, p.Close())
	}
	for c := range w.open {
		_ = c.Close() // the nodes are gone
	}
	return all
}
