package sim

import (
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/node"
	"github.com/lateral-network/lateral/trade/party"
)

// wires are the ways between carriers' nodes in a sandbox. Each node reaches the
// others through a proxy of its own, which opens no connection over a way that is
// cut, and closes those that there are.
type wires struct {
	codes   []party.Code
	at      map[string]party.Code // by the address where partners send files
	proxies []*http.Server

	mu   sync.Mutex // guards all below
	cut  map[way2]bool
	open map[net.Conn]way2
}

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
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, errors.Join(fault.New(fault.Unavailable, "there is no free port on the loopback interface", "end other programs, or wait").Because(err), w.close())
		}
		c.Exchange.Proxy = "http://" + l.Addr().String()
		w.codes = append(w.codes, c.Carrier)
		w.at[c.Exchange.Listen] = c.Carrier
		from := c.Carrier
		server := &http.Server{Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.tunnel(from, rw, r) }), ReadHeaderTimeout: 10 * time.Second}
		w.proxies = append(w.proxies, server)
		go server.Serve(l) // until it is closed
	}
	return w, nil
}

// tunnel connects a carrier's node with a partner's.
func (w *wires) tunnel(from party.Code, rw http.ResponseWriter, r *http.Request) {
	to, known := w.at[r.Host]
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
	if x == y || !slices.Contains(w.codes, x) || !slices.Contains(w.codes, y) {
		return way2{}, fault.Newf(fault.NotFound, "name two carriers of the sandbox", "there is no way between %.20q and %.20q", a, b)
	}
	return between(x, y), nil
}

// close ends all proxies and what goes through them.
func (w *wires) close() error {
	var all error
	for _, p := range w.proxies {
		all = errors.Join(all, p.Close())
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.open {
		_ = c.Close() // the nodes are gone
	}
	return all
}
