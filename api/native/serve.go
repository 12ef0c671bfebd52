package native

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/party"
)

// What goes around every request: a trace id, the log line, a panic's end, who
// asks, and how long it may take.

// request is what is known of a request while it runs.
type request struct {
	trace     string
	operation string // id, once it is known
}

type requestKey struct{}

func requestOf(ctx context.Context) *request {
	r, _ := ctx.Value(requestKey{}).(*request)
	return r
}

func traceOf(ctx context.Context) string {
	if r := requestOf(ctx); r != nil {
		return r.trace
	}
	return ""
}

func noteOperation(ctx context.Context, id string) {
	if r := requestOf(ctx); r != nil {
		r.operation = id
	}
}

// handler is the mux with all that goes around it.
func (s *server) handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		req := &request{trace: api.NewTrace()}
		ctx := context.WithValue(r.Context(), requestKey{}, req)
		seen := &watched{ResponseWriter: w}
		seen.Header().Set("X-Trace-Id", req.trace)
		seen.Header().Set("X-Content-Type-Options", "nosniff")
		seen.Header().Set("Cache-Control", "no-store")
		defer func() {
			if p := recover(); p != nil {
				if p == http.ErrAbortHandler {
					panic(p)
				}
				s.Log.Error("request panicked", "trace", req.trace, "operation", req.operation, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
				if seen.status == 0 {
					api.ProblemOf(fmt.Errorf("panic: %v", p), req.trace).Write(seen)
				}
			}
			s.seen(req, seen, r.Method, time.Since(began))
		}()
		s.enter(seen, r.WithContext(ctx))
	})
}

// seen logs and counts a finished request. Neither paths nor queries are
// logged: they may name what only the carrier is to know.
func (s *server) seen(req *request, w *watched, method string, took time.Duration) {
	operation := req.operation
	if operation == "" {
		operation = "none"
	}
	s.Log.Info("request", "trace", req.trace, "operation", operation, "method", method, "status", w.status, "bytes", w.bytes,
		"ms", took.Milliseconds(), "who", w.who)
	s.requests.WithLabelValues(operation, strconv.Itoa(w.status)).Observe(took.Seconds())
}

// enter finds out who asks and lets the mux answer.
func (s *server) enter(w *watched, r *http.Request) {
	if who := api.ActorOf(r.Context()); who.Role != "" {
		w.who = who.Name // nothing that comes from outside gets into a context
	} else if r.URL.Path != healthPath {
		who, err := s.Tokens.Authenticate(r)
		if err != nil {
			if cause := fault.Of(err).Cause; cause != nil {
				s.Log.Warn("the token file cannot be read; the tokens read before stay in force", "err", cause)
			}
			s.problem(r.Context(), err).Write(w)
			return
		}
		w.who = who.Name
		r = r.WithContext(api.WithActor(r.Context(), who))
	}
	h, pattern := s.mux.Handler(r)
	if pattern == "" {
		s.nowhere(w, r, h)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// nowhere answers what no route takes.
func (s *server) nowhere(w *watched, r *http.Request, h http.Handler) {
	probe := &probe{header: http.Header{}}
	h.ServeHTTP(probe, r)
	err := fault.New(fault.NotFound, "there is nothing at this address", "look the address up in /v1/openapi.json")
	switch {
	case probe.status == http.StatusMethodNotAllowed:
		w.Header().Set("Allow", probe.header.Get("Allow"))
		err = fault.New(api.CodeMethod, "this address does not take the method "+r.Method, "use one of "+probe.header.Get("Allow"))
	case probe.status >= 300 && probe.status < 400:
		w.Header().Set("Location", probe.header.Get("Location"))
		err = fault.New(fault.NotFound, "the address is not written as it should be", "use "+probe.header.Get("Location"))
	}
	s.problem(r.Context(), err).Write(w)
}

// watched remembers what was answered.
type watched struct {
	http.ResponseWriter
	status int
	bytes  int64
	who    string // name of the token or user
}

func (w *watched) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *watched) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController through.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// probe takes the mux's own answer to an address that it does not know.
type probe struct {
	header http.Header
	status int
}

func (p *probe) Header() http.Header         { return p.header }
func (p *probe) WriteHeader(status int)      { p.status = status }
func (p *probe) Write(b []byte) (int, error) { return len(b), nil }

// measure makes the histogram of requests.
func (s *server) measure() error {
	s.requests = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "lateral_api_request_seconds", Help: "Time to answer a request, by operation and HTTP status.",
		Buckets: []float64{0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 10, 60},
	}, []string{"operation", "status"})
	if s.Registry == nil {
		return nil
	}
	if err := s.Registry.Register(s.requests); err != nil || s.Member == nil {
		return err
	}
	return s.Registry.Register(&records{s})
}

const healthPath = "/health"

// health registers what monitors ask.
func (s *server) health() {
	s.mux.HandleFunc("GET "+healthPath, func(w http.ResponseWriter, r *http.Request) {
		noteOperation(r.Context(), "get-health")
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"status":"alive"}`+"\n")
	})
	s.api.OpenAPI().AddOperation(&huma.Operation{
		Method: http.MethodGet, Path: healthPath, OperationID: "get-health", Tags: []string{tagNode},
		Summary: "Whether the process lives", Description: "Open to everybody.", Security: []map[string][]string{},
		Responses: map[string]*huma.Response{"200": {Description: "It does.", Content: map[string]*huma.MediaType{
			"application/json": {Schema: &huma.Schema{Type: huma.TypeObject, Properties: map[string]*huma.Schema{"status": {Type: huma.TypeString}}}}}}},
	})
	type ready struct {
		Status int
		Body   wire.Readiness
	}
	get(s, "/ready", "get-ready", tagNode, "Whether the node can do its work: 200 or 503", func(ctx context.Context, _ *struct{}) (*ready, error) {
		out := &ready{Status: http.StatusOK}
		out.Body.Ready, out.Body.Checks, _ = s.checks()
		if !out.Body.Ready {
			out.Status = http.StatusServiceUnavailable
		}
		return out, nil
	})
	op := operation(http.MethodGet, "/metrics", "get-metrics", tagNode, "Metrics in the text format of Prometheus")
	s.raw(op, "text/plain", "Metrics.", func(w http.ResponseWriter, r *http.Request) {
		if s.Metrics == nil {
			s.problem(r.Context(), fault.New(fault.NotFound, "this node gives no metrics", "turn them on in its configuration")).Write(w)
			return
		}
		s.Metrics.ServeHTTP(w, r)
	})
}

// checks tells whether the node is ready, and the height that enough validators
// report.
func (s *server) checks() (ready bool, checks []wire.Check, confirmed uint64) {
	if s.Ready == nil {
		return true, []wire.Check{}, 0
	}
	checks, confirmed = s.Ready()
	return !slices.ContainsFunc(checks, func(c wire.Check) bool { return !c.OK }), append([]wire.Check{}, checks...), confirmed
}

// raw registers an operation that writes its answer by itself.
func (s *server) raw(op huma.Operation, media, what string, h http.HandlerFunc) {
	s.served[op.OperationID] = true
	s.describeErrors(&op)
	op.Responses["200"] = &huma.Response{Description: what, Content: map[string]*huma.MediaType{media: {Schema: &huma.Schema{Type: huma.TypeString}}}}
	s.api.OpenAPI().AddOperation(&op)
	s.mux.HandleFunc(op.Method+" "+op.Path, func(w http.ResponseWriter, r *http.Request) {
		noteOperation(r.Context(), op.OperationID)
		if err := permit(api.ActorOf(r.Context()), op.OperationID); err != nil {
			s.problem(r.Context(), err).Write(w)
			return
		}
		h(w, r)
	})
}

// bodyReader reads a body of any length, giving up when nothing comes for a
// while.
type bodyReader struct {
	io.Reader
	control *http.ResponseController
}

// silence is how long a body that is being sent may pause.
const silence = time.Minute

func (b *bodyReader) Read(p []byte) (int, error) {
	// Not every writer has deadlines (tests); the context's still holds.
	if err := b.control.SetReadDeadline(time.Now().Add(silence)); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return 0, err
	}
	n, err := b.Reader.Read(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fault.Newf(fault.Invalid, "send it again without pausing", "nothing of the body came for %s", silence).Because(err)
	}
	return n, err
}

// Document gives the OpenAPI document of a carrier's node of this version, as JSON.
func Document(version string) ([]byte, error) {
	s, err := newServer(Options{
		Member: struct{ Member }{}, Tokens: &api.Tokens{}, Version: version,
		Desk:      func(party.Code) (Desk, bool) { return nil, false },
		Authorize: func(_ api.Actor, _ party.Role, c trade.Command, _ canon.Hash) (trade.Command, error) { return c, nil },
	})
	if err != nil {
		return nil, err
	}
	return s.api.OpenAPI().MarshalJSON()
}

// document registers the OpenAPI document itself, as JSON and YAML.
func (s *server) document() {
	s.raw(operation(http.MethodGet, "/v1/openapi.json", "get-openapi-json", tagNode, "This document, as JSON"), "application/json", "OpenAPI 3.1.",
		func(w http.ResponseWriter, r *http.Request) {
			data, err := s.api.OpenAPI().MarshalJSON()
			s.give(w, r, "application/openapi+json", data, err)
		})
	s.raw(operation(http.MethodGet, "/v1/openapi.yaml", "get-openapi-yaml", tagNode, "This document, as YAML"), "application/yaml", "OpenAPI 3.1.",
		func(w http.ResponseWriter, r *http.Request) {
			data, err := s.api.OpenAPI().YAML()
			s.give(w, r, "application/openapi+yaml", data, err)
		})
}

// give writes a whole file as the answer.
func (s *server) give(w http.ResponseWriter, r *http.Request, media string, data []byte, err error) {
	if err != nil {
		s.problem(r.Context(), err).Write(w)
		return
	}
	w.Header().Set("Content-Type", media)
	w.Header().Set("Content-Length", strconv.Itoa(len(data)))
	if _, err := w.Write(data); err != nil {
		s.Log.Debug("an answer could not be written", "trace", traceOf(r.Context()), "err", err)
	}
}

// still reports whether who asked may go on reading a stream. A token may have been taken
// back meanwhile; where the portal has said who asks, it ends the request itself.
func (s *server) still(r *http.Request, operation string) bool {
	who, err := api.ActorOf(r.Context()), error(nil)
	if r.Header.Get("Authorization") != "" {
		who, err = s.Tokens.Authenticate(r)
	}
	return err == nil && permit(who, operation) == nil
}
