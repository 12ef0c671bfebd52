package native_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native"
	"github.com/lateral-network/lateral/clearing"
)

// Whatever the body of a change is: it is done, or refused with a code, and the
// node goes on. What a path names is the channel with BRAVO and nothing else
// that is there.
func FuzzChanges(f *testing.F) {
	w := opened(f)
	s := w.sides["ALPHA"]
	s.clear(clearing.Automatic{})
	o := s.options
	o.Registry, o.Wait = nil, 100*time.Millisecond // what waits for the partner is no matter here
	handler := must(native.New(o))

	type change struct {
		path, id string
		role     api.Role
	}
	var all []change
	doc, _ := s.document(f)
	for path, methods := range doc.Paths {
		op, ok := methods["post"]
		if !ok {
			continue
		}
		c := change{path: inBraces.ReplaceAllString(strings.ReplaceAll(path, "{partner}", "BRAVO"), "x"), id: op.ID}
		i := slices.IndexFunc(api.Roles, func(r api.Role) bool { return mayUse(r, "POST", op.ID) })
		if i < 0 {
			f.Fatalf("nobody may use %s", op.ID)
		}
		c.role = api.Roles[i]
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b change) int { return strings.Compare(a.id, b.id) })
	if len(all) < 40 {
		f.Fatalf("only %d changes", len(all))
	}
	for i := range all {
		for _, body := range []string{"{}", "null", `[{"id":1}]`, `{"id":"x","partner":"BRAVO","why":"\u0000","calls":-1,"amount":"1e9","hash":"00","from":"9999-12-31T23:59:59-23:59"}`} {
			f.Add(uint8(i), []byte(body))
		}
	}
	f.Add(uint8(slices.IndexFunc(all, func(c change) bool { return c.id == "propose-agreement" })),
		[]byte(`{"type":"msa","lines":["voice"],"from":"2026-11-01T00:00:00Z","terms":{"cycle":"1h","payment":[{"name":"x","due_days":99999999}]}}`))
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		c := all[int(which)%len(all)]
		r := httptest.NewRequest(http.MethodPost, c.path, strings.NewReader(string(body)))
		r.Header.Set("Authorization", "Bearer "+s.tokens[c.role])
		r.Header.Set("Content-Type", "application/json")
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, r)
		if answer.Code < 300 {
			return
		}
		var p api.Problem
		if err := json.Unmarshal(answer.Body.Bytes(), &p); err != nil || p.Code == "" || p.Detail == "" || p.Status != answer.Code {
			t.Errorf("%s with %q gives %d %s", c.id, body, answer.Code, answer.Body)
		}
		if answer.Code == http.StatusInternalServerError {
			t.Errorf("%s with %q is our own mistake: %s", c.id, body, answer.Body)
		}
	})
}
