package client

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/api"
	"github.com/lateral-network/lateral/api/native/wire"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/trade/usage"
)

// node answers every request with f.
func node(t *testing.T, f http.HandlerFunc) *Client {
	t.Helper()
	s := httptest.NewServer(f)
	t.Cleanup(s.Close)
	c := New(s.URL, "token")
	t.Cleanup(c.Close)
	return c
}

func TestANodeThatIsNotReadyIsToldByItsFailingChecks(t *testing.T) {
	c := node(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprint(w, `{"ready":false,"checks":[{"name":"store","ok":true},{"name":"ledger","ok":false,"detail":"no validator answers"}]}`)
	})
	err := c.Ready(t.Context())
	if fault.CodeOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "ledger: no validator answers") || strings.Contains(err.Error(), "store") {
		t.Errorf("the node is told as %v", err)
	}
}

// Three items lie on pages of two. One page ends where it ends and says where
// the list goes on; without it the list is whole.
func TestAPageSaysWhereTheListGoesOn(t *testing.T) {
	c := node(t, func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		switch {
		case q.Get("after") == "":
			fmt.Fprint(w, `{"items":[{"name":"a"},{"name":"b"}],"next":"b"}`)
		case q.Get("after") == "b":
			fmt.Fprint(w, `{"items":[{"name":"c"}]}`)
		default:
			t.Errorf("asked for %s", r.URL)
		}
		if limit := q.Get("limit"); limit != "2" && limit != fmt.Sprint(api.MaxLimit) {
			t.Errorf("a page of %s", limit)
		}
	})
	names := func(c *Client) (s string) {
		all, err := Collect(c.Access(t.Context()))
		if err != nil {
			t.Error(err)
		}
		for _, x := range all {
			s += x.Name
		}
		return s
	}
	p := Page{Limit: 2}
	if got := names(c.OnePage(&p)); got != "ab" || p.Next != "b" {
		t.Errorf("the first page has %q and goes on at %q", got, p.Next)
	}
	p.After = p.Next
	if got := names(c.OnePage(&p)); got != "c" || p.Next != "" {
		t.Errorf("the second page has %q and goes on at %q", got, p.Next)
	}
	if got := names(c); got != "abc" {
		t.Errorf("the whole list has %q", got)
	}
}

// The node has a default of its own for what is left out.
// A list is counted when that is asked for, and only then.
func TestAPageCountsTheListWhenItIsAskedTo(t *testing.T) {
	c := node(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("total") == "true" {
			fmt.Fprint(w, `{"items":[{"name":"a"}],"next":"a","total":3}`)
			return
		}
		fmt.Fprint(w, `{"items":[{"name":"b"}],"next":"b"}`)
	})
	page := Page{Limit: 1, Count: true}
	for _, want := range []uint64{3, 0} {
		if _, err := Collect(c.OnePage(&page).Access(t.Context())); err != nil {
			t.Fatal(err)
		}
		if got := page.Total; (got != nil) != (want > 0) || got != nil && *got != want {
			t.Errorf("counted %v, want %d", got, want)
		}
		page.Count, page.After = false, page.Next
	}
}

func TestASheetWithoutADirectionLeavesItToTheNode(t *testing.T) {
	c := node(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("direction") {
			t.Errorf("asked for %s", r.URL)
		}
		fmt.Fprint(w, `{"record":{"id":"S-1","direction":"BRAVO>ALPHA"}}`)
	})
	s, err := c.With("BRAVO").ProposeSheet(t.Context(), usage.Direction{}, wire.Time(0), strings.NewReader(""))
	if err != nil || s.Record.ID != "S-1" {
		t.Errorf("%+v, %v", s, err)
	}
}
