package sim

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/party"
)

// front is where browsers reach a sandbox: one address of the loopback interface,
// and a name for each carrier, alpha.localhost, behind which its node is.
type front struct {
	s        *sandbox
	listener net.Listener
	port     string
	origins  *http.CrossOriginProtection
	acts     *http.ServeMux

	mu      sync.RWMutex          // guards all below
	places  map[string]party.Code // by host name; the observer's has none
	proxies map[party.Code]http.Handler
}

const observerHost = "observer.localhost"

// listenFront takes the front's address; when it is in use, another port. said is
// then what is to be told of it. Code: invalid for an address that is not loopback.
func listenFront(address string) (l net.Listener, said string, err error) {
	host, _, err := net.SplitHostPort(address)
	if ip := net.ParseIP(host); err != nil || ip == nil || !ip.IsLoopback() {
		return nil, "", fault.Newf(fault.Invalid, "give 127.0.0.1 and a port: a sandbox is for this machine only", "%.60q is no address of the loopback interface", address).In("listen")
	}
	if l, err = net.Listen("tcp", address); err == nil {
		return l, "", nil
	}
	if l, err = net.Listen("tcp", net.JoinHostPort(host, "0")); err != nil {
		return nil, "", fault.New(fault.Unavailable, "there is no free port on the loopback interface", "end other programs, or wait").Because(err)
	}
	return l, fmt.Sprintf("%s is in use: the front is at %s instead", address, l.Addr()), nil
}

func newFront(ctx context.Context, s *sandbox, l net.Listener) (*front, error) {
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		return nil, err
	}
	f := &front{s: s, listener: l, port: port, places: map[string]party.Code{observerHost: ""}, proxies: map[party.Code]http.Handler{}, origins: http.NewCrossOriginProtection()}
	for _, code := range s.net.carriers() {
		if err := f.lead(code); err != nil {
			return nil, err
		}
	}
	f.acts = f.routes(ctx)
	return f, nil
}

// lead has a carrier's name lead to its node.
func (f *front) lead(code party.Code) error {
	at, err := url.Parse(f.s.net.API(code))
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.places[hostOf(code)] = code
	f.proxies[code] = passTo(at, func(w http.ResponseWriter, r *http.Request, err error) {
		if r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" {
			f.wait(w, code)
			return
		}
		refuse(w, down(code, err))
	})
	return nil
}

// passTo passes requests on to a node, and says with failed when it does not answer.
func passTo(at *url.URL, failed func(http.ResponseWriter, *http.Request, error)) http.Handler {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(at)
			r.Out.Host = r.In.Host // cookies and origins are of the name that the browser shows
		},
		FlushInterval: -1, // streams of events go on at once
		ErrorHandler:  failed,
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// Otherwise the server closes a request's body as soon as the answer begins, under
		// the hands of what still passes it on: one answer in 200 broke off in the middle.
		if err := http.NewResponseController(w).EnableFullDuplex(); err != nil {
			failed(w, r, err)
			return
		}
		proxy.ServeHTTP(w, r)
	})
}

// hostOf is a carrier's name on the front.
func hostOf(code party.Code) string { return strings.ToLower(string(code)) + ".localhost" }

// at is the address of a host of the front.
func (f *front) at(host string) string { return "http://" + net.JoinHostPort(host, f.port) }

// down says that a carrier's node does not answer.
func down(code party.Code, err error) error {
	return fault.Newf(fault.Unavailable, "start the node again in the sandbox's controls, or wait until it is up", "the node of %s does not answer", code).Because(err)
}

// serve answers until ctx ends.
func (f *front) serve(ctx context.Context) error {
	server := &http.Server{Handler: f, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute}
	stopped := make(chan error, 1)
	go func() { stopped <- server.Serve(f.listener) }()
	select {
	case err := <-stopped:
		return err
	case <-ctx.Done():
	}
	err := server.Close() // streams of events never end by themselves
	<-stopped
	return err
}

// ServeHTTP implements http.Handler.
func (f *front) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	host := r.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	f.mu.RLock()
	code, known := f.places[strings.ToLower(strings.TrimSuffix(host, "."))]
	proxy := f.proxies[code]
	f.mu.RUnlock()
	switch {
	case !known:
		f.index(w, r)
	case r.URL.Path == "/sandbox" || strings.HasPrefix(r.URL.Path, "/sandbox/"):
		f.act(w, r, code)
	case code == "":
		f.index(w, r)
	default:
		proxy.ServeHTTP(w, r)
	}
}

// index shows where the carriers are.
func (f *front) index(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		refuse(w, fault.New(fault.NotFound, "there is nothing to change here", "use a carrier's own address"))
		return
	}
	f.page(w)
}

// page writes the list of carriers.
func (f *front) page(w http.ResponseWriter) {
	var text bytes.Buffer
	if err := indexPage.Execute(&text, f.listed()); err != nil {
		refuse(w, err)
		return
	}
	guarded(w, http.StatusOK, text.Bytes())
}

// wait is the page of a carrier whose node does not answer: it asks again by itself.
func (f *front) wait(w http.ResponseWriter, code party.Code) {
	var text bytes.Buffer
	if err := waitPage.Execute(&text, place{Code: code, Name: f.s.net.nameOf(code)}); err != nil {
		refuse(w, err)
		return
	}
	guarded(w, http.StatusServiceUnavailable, text.Bytes())
}

// guarded writes a page that loads nothing, and runs no script but the one that waits.
func guarded(w http.ResponseWriter, status int, page []byte) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src "+hashed(indexStyle)+"; script-src "+hashed(waitScript)+"; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(page) // a browser that has gone needs no page
}

// act answers what is under /sandbox.
func (f *front) act(w http.ResponseWriter, r *http.Request, self party.Code) {
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	if err := f.origins.Check(r); err != nil {
		refuse(w, fault.New(fault.Forbidden, "another site's page sent this", "use the sandbox's own pages").Because(err))
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead && r.Header.Get("X-Sandbox") != "1" {
		refuse(w, fault.New(fault.Forbidden, "a change of the sandbox lacks its header", "send X-Sandbox: 1").In("X-Sandbox"))
		return
	}
	f.acts.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), selfKey{}, self)))
}

type selfKey struct{}

// selfOf is the carrier on whose host a request came; empty for the observer.
func selfOf(r *http.Request) party.Code {
	code, _ := r.Context().Value(selfKey{}).(party.Code)
	return code
}

// refuse writes an error.
func refuse(w http.ResponseWriter, err error) {
	api.ProblemOf(err, "").Write(w)
}

// answer writes a JSON document.
func answer(w http.ResponseWriter, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		refuse(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(append(data, '\n')) // who has gone needs no answer
}

// taken reads a request's JSON body. Code: invalid.
func taken[T any](w http.ResponseWriter, r *http.Request) (v T, err error) {
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10))
	d.DisallowUnknownFields()
	if err := d.Decode(&v); err != nil && !errors.Is(err, io.EOF) {
		return v, fault.New(fault.Invalid, "the body is not the JSON that is asked for", "see docs/guide/sandbox.md").Because(err)
	}
	return v, nil
}

// place is where something of the sandbox is for browsers.
type place struct {
	Code party.Code `json:"code"`
	Name string     `json:"name"`
	URL  string     `json:"url"`
}

// listed names the carriers and the observer.
func (f *front) listed() (out struct {
	Self     party.Code `json:"self"` // empty: the observer
	Carriers []place    `json:"carriers"`
	Observer string     `json:"observer"`
}) {
	for _, code := range f.s.net.carriers() {
		out.Carriers = append(out.Carriers, place{code, f.s.net.nameOf(code), f.at(hostOf(code))})
	}
	out.Observer = f.at(observerHost)
	return out
}

const indexStyle = `body{font:16px/1.5 system-ui,sans-serif;max-width:40rem;margin:3rem auto;padding:0 1rem;color-scheme:light dark}li{margin:.4rem 0}`

// waitScript loads the page again when the node answers; a page that loads itself again
// and again would be read out each time.
const waitScript = `setInterval(async()=>{try{if((await fetch("/health",{cache:"no-store"})).status<500)location.reload()}catch{}},2000)`

// hashed names a text of the page by which its policy lets it in.
func hashed(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"
}

var indexPage = template.Must(template.New("index").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Lateral sandbox</title>
<style>` + indexStyle + `</style>
</head>
<body>
<main>
<h1>Lateral sandbox</h1>
<p><a href="/sandbox/observe">See the whole mesh</a>: all carriers, what they have ordered of each other, and how it runs. A carrier of its own knows its neighbours only.</p>
<h2>Carriers</h2>
<p>Each has a node of its own. Links to sign in were printed where the sandbox was started.</p>
<ul>
{{range .Carriers}}<li><a href="{{.URL}}/">{{.Name}}</a> ({{.Code}})</li>
{{end}}</ul>
</main>
</body>
</html>
`))

var waitPage = template.Must(template.New("wait").Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{.Code}} does not answer</title>
<style>` + indexStyle + `</style>
</head>
<body>
<main>
<h1>The node of {{.Name}} does not answer</h1>
<p>It may be starting, or somebody has stopped it. This page asks again every few seconds, and goes on when the node is back.</p>
<p>Nodes are started in the sandbox's controls, at any other carrier.</p>
</main>
<script>` + waitScript + `</script>
</body>
</html>
`))
