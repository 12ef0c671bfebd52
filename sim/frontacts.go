package sim

import (
	"context"
	"net/http"
	"strings"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/party"
)

// routes are the sandbox's own operations, for who is in front of it. What they begin
// ends with ctx.
func (f *front) routes(ctx context.Context) *http.ServeMux {
	s, mux := f.s, http.NewServeMux()
	get := func(path string, do func(r *http.Request) (any, error)) {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			v, err := do(r)
			if err != nil {
				refuse(w, err)
				return
			}
			answer(w, v)
		})
	}
	// do answers with the state in which the sandbox is then.
	do := func(path string, act func(w http.ResponseWriter, r *http.Request) error) {
		mux.HandleFunc("POST "+path, func(w http.ResponseWriter, r *http.Request) {
			if err := act(w, r); err != nil {
				refuse(w, err)
				return
			}
			answer(w, s.state())
		})
	}
	get("/sandbox", func(r *http.Request) (any, error) {
		out := f.listed()
		out.Self = selfOf(r)
		return out, nil
	})
	get("/sandbox/state", func(*http.Request) (any, error) { return s.state(), nil })
	get("/sandbox/mesh", func(r *http.Request) (any, error) { return f.mesh(r.Context()) })
	mux.Handle("GET /sandbox/events", s.news)
	mux.HandleFunc("POST /sandbox/sign-in", func(w http.ResponseWriter, r *http.Request) {
		in, err := taken[struct {
			Carrier party.Code `json:"carrier"`
			Role    string     `json:"role"`
		}](w, r)
		if err != nil {
			refuse(w, err)
			return
		}
		link, err := f.signIn(r.Context(), in.Carrier, in.Role)
		if err != nil {
			refuse(w, err)
			return
		}
		answer(w, map[string]string{"url": link})
	})
	// A link of the sandbox's own page, so that who comes to the observer's address sees
	// the mesh: it is on the portal of whoever's node is up, for a reader.
	mux.HandleFunc("GET /sandbox/observe", func(w http.ResponseWriter, r *http.Request) {
		if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
			refuse(w, fault.New(fault.Forbidden, "another site's page leads here", "open the sandbox's own page first"))
			return
		}
		var failed error
		for _, code := range f.s.net.o.Carriers {
			link, err := f.signIn(r.Context(), code, string(api.Auditor))
			if err == nil {
				http.Redirect(w, r, strings.Replace(link, "/sign-in#", "/sign-in?then=/observer#", 1), http.StatusSeeOther)
				return
			}
			failed = err
		}
		refuse(w, failed)
	})
	do("/sandbox/nodes/{name}/kill", func(_ http.ResponseWriter, r *http.Request) error {
		return s.kill(r.PathValue("name"), selfOf(r))
	})
	do("/sandbox/nodes/{name}/start", func(_ http.ResponseWriter, r *http.Request) error {
		return s.begin(r.PathValue("name"), selfOf(r))
	})
	get("/sandbox/nodes/{name}/corrupt", func(r *http.Request) (any, error) {
		_, err := s.post(r.PathValue("name"))
		return map[string]any{"kinds": damages}, err
	})
	do("/sandbox/nodes/{name}/corrupt", func(w http.ResponseWriter, r *http.Request) error {
		in, err := taken[struct {
			Kind string `json:"kind"`
		}](w, r)
		if err != nil {
			return err
		}
		return s.corrupt(r.PathValue("name"), in.Kind, selfOf(r))
	})
	do("/sandbox/nodes/{name}/rebuild", func(_ http.ResponseWriter, r *http.Request) error {
		return s.rebuild(ctx, r.PathValue("name"), selfOf(r))
	})
	do("/sandbox/links/{a}/{b}/cut", func(_ http.ResponseWriter, r *http.Request) error {
		return s.sever(r.PathValue("a"), r.PathValue("b"), true, selfOf(r))
	})
	do("/sandbox/links/{a}/{b}/mend", func(_ http.ResponseWriter, r *http.Request) error {
		return s.sever(r.PathValue("a"), r.PathValue("b"), false, selfOf(r))
	})
	do("/sandbox/carriers/{code}/lie", func(w http.ResponseWriter, r *http.Request) error {
		l, err := taken[lie](w, r)
		if err != nil {
			return err
		}
		return s.deceive(r.PathValue("code"), l, selfOf(r))
	})
	mux.HandleFunc("POST /sandbox/carriers", func(w http.ResponseWriter, r *http.Request) {
		in, err := taken[newcomer](w, r)
		if err != nil {
			refuse(w, err)
			return
		}
		out, err := f.admit(ctx, in, selfOf(r))
		if err != nil {
			refuse(w, err)
			return
		}
		answer(w, out)
	})
	mux.HandleFunc("/sandbox/", func(w http.ResponseWriter, _ *http.Request) {
		refuse(w, fault.New(fault.NotFound, "the sandbox has nothing at this address", "see docs/guide/sandbox.md"))
	})
	return mux
}
