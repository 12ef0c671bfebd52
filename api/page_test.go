package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
)

// numbers yields n items with ascending keys, counting how many were taken.
func numbers(n int, taken *int) iter.Seq2[string, int] {
	return func(yield func(string, int) bool) {
		for i := range n {
			*taken++
			if !yield(fmt.Sprintf("%06d", i), i) {
				return
			}
		}
	}
}

func even(v int, _ bool) (int, bool, error) { return v, v%2 == 0, nil }

func TestPagesJoinToTheWholeList(t *testing.T) {
	for _, limit := range []int{1, 3, 7, 100} {
		var got []int
		after := ""
		for pages := 0; ; pages++ {
			taken := 0
			p, err := Cut(numbers(23, &taken), Wanted{After: after, Limit: limit}, even)
			if err != nil || len(p.Items) > limit {
				t.Fatalf("a page of %d has %d items, %v", limit, len(p.Items), err)
			}
			got = append(got, p.Items...)
			if after = p.Next; after == "" {
				break
			}
			if pages > 30 {
				t.Fatal("the pages do not end")
			}
		}
		want := []int{0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22}
		if !slices.Equal(got, want) {
			t.Errorf("in pages of %d: %v", limit, got)
		}
	}
}

func TestAPageDoesNotReadBeyondItself(t *testing.T) {
	taken := 0
	p, err := Cut(numbers(100_000, &taken), Wanted{Limit: 10}, even)
	if err != nil || len(p.Items) != 10 || taken > 30 {
		t.Errorf("a page of ten read %d items of the list, %v", taken, err)
	}
}

func TestTheTotalCountsWhatIsWanted(t *testing.T) {
	taken := 0
	p, err := Cut(numbers(23, &taken), Wanted{After: "000010", Limit: 2, Total: true}, even)
	if err != nil || p.Total == nil || *p.Total != 12 || !slices.Equal(p.Items, []int{12, 14}) || p.Next != "000014" {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestAListIsReadFromItsEnd(t *testing.T) {
	down := func(yield func(string, int) bool) {
		for i := 22; i >= 0; i-- {
			if !yield(fmt.Sprintf("%06d", i), i) {
				return
			}
		}
	}
	for _, limit := range []int{1, 5, 100} {
		var got []int
		w := Wanted{Limit: limit, Descending: true}
		for {
			p, err := Cut(down, w, even)
			if err != nil || len(p.Items) > limit {
				t.Fatalf("a page of %d has %d items, %v", limit, len(p.Items), err)
			}
			got = append(got, p.Items...)
			if w.After = p.Next; w.After == "" {
				break
			}
		}
		if want := []int{22, 20, 18, 16, 14, 12, 10, 8, 6, 4, 2, 0}; !slices.Equal(got, want) {
			t.Errorf("in pages of %d: %v", limit, got)
		}
	}
	p, err := Cut(down, Wanted{After: "000010", Limit: 2, Total: true, Descending: true}, even)
	if err != nil || p.Total == nil || *p.Total != 12 || !slices.Equal(p.Items, []int{8, 6}) || p.Next != "000006" {
		t.Errorf("with its total: %+v, %v", p, err)
	}
	list := []int{1, 2, 3, 4, 5}
	if p, err = CutSlice(list, Wanted{After: "2", Limit: 2, Descending: true}); err != nil || !slices.Equal(p.Items, []int{3, 2}) || p.Next != "4" || list[0] != 1 {
		t.Errorf("of a list in memory: %+v, %v; the list is now %v", p, err, list)
	}
}

func TestAnErrorInAListIsNotSwallowed(t *testing.T) {
	boom := errors.New("boom")
	taken := 0
	_, err := Cut(numbers(5, &taken), Wanted{Limit: 10}, func(v int, _ bool) (int, bool, error) { return v, true, boom })
	if !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
}

func TestAListInMemoryIsCutByPlace(t *testing.T) {
	list := []string{"a", "b", "c", "d", "e"}
	p, err := CutSlice(list, Wanted{After: "", Limit: 2})
	if err != nil || !slices.Equal(p.Items, []string{"a", "b"}) || p.Next != "2" || *p.Total != 5 {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err = CutSlice(list, Wanted{After: "4", Limit: 2}); err != nil || !slices.Equal(p.Items, []string{"e"}) || p.Next != "" {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err = CutSlice(list, Wanted{After: "900", Limit: 2}); err != nil || p.Items == nil || len(p.Items) != 0 {
		t.Errorf("behind the end: %+v, %v", p, err)
	}
	for _, bad := range []string{"-1", "x", "99999999999999999999"} {
		if _, err := CutSlice(list, Wanted{After: bad, Limit: 2}); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s gives %v", bad, err)
		}
	}
}

func TestAnErrorShowsCodeDetailRemedyAndFieldAndNotItsCause(t *testing.T) {
	w := httptest.NewRecorder()
	e := fault.New(fault.Conflict, "there is one", "choose another").In("id").Because(errors.New("secret cause"))
	ProblemOf(fmt.Errorf("placing: %w", e), "abc").Write(w)
	var p Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatal(err)
	}
	want := Problem{Code: fault.Conflict, Detail: "there is one", Remedy: "choose another", Field: "id", Status: 409, Trace: "abc"}
	if p != want || w.Code != 409 || w.Header().Get("Content-Type") != ProblemType {
		t.Errorf("shown: %d %s", w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	ProblemOf(errors.New("password is 1234"), "abc").Write(w)
	if w.Code != 500 || strings.Contains(w.Body.String(), "1234") || !strings.Contains(w.Body.String(), `"internal"`) {
		t.Errorf("an unknown error is shown as %d %s", w.Code, w.Body)
	}
}

func TestEveryCodeHasAStatusOfItsKind(t *testing.T) {
	for code, want := range map[fault.Code]int{
		fault.Invalid: 422, fault.NotFound: 404, fault.Conflict: 409, fault.Refused: 422, fault.NotYet: 409, fault.Busy: 429, fault.Unknown: 504,
		fault.Unauthorized: 401, fault.Forbidden: 403, fault.Corrupt: 500, fault.Unavailable: 503, fault.Internal: 500,
		"wrong-state": 409, "beyond-limit": 403, "row-not-proven": 422, "some-new-code": 422,
	} {
		if got := StatusOf(code); got != want {
			t.Errorf("%s is %d, not %d", code, got, want)
		}
	}
	if w := httptest.NewRecorder(); true {
		ProblemOf(fault.New(fault.Unauthorized, "x", "y"), "").Write(w)
		if w.Header().Get("WWW-Authenticate") != "Bearer" {
			t.Error("401 does not say how to authenticate")
		}
	}
}
