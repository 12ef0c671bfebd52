package native

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/channel"
	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
)

// shelf is a channel that holds numbered records and counts how many of them
// are read.
type shelf struct {
	keys []string
	read int
	torn string // whose record cannot be decoded
}

type item struct {
	Number int `cbor:"1,keyasint" json:"number"`
}

func (s *shelf) ID() canon.Hash { return canon.Hash{} }

func (s *shelf) Submit(context.Context, ...trade.Command) ([]channel.Outcome, error) {
	return nil, nil
}

func (s *shelf) Events(context.Context, channel.Cursor) iter.Seq2[channel.Entry, error] { return nil }

func (s *shelf) View(f func(channel.View) error) error { return f(channel.View{Records: s}) }

func (s *shelf) Get(string) ([]byte, bool) { return nil, false }

func (s *shelf) Scan(prefix string) iter.Seq2[string, []byte] { return s.ScanAfter(prefix, "") }

func (s *shelf) ScanAfter(prefix, after string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		from, _ := slices.BinarySearch(s.keys, max(prefix, after+"\x00"))
		for i, key := range s.keys[from:] {
			s.read++
			if !strings.HasPrefix(key, prefix) || !yield(key, s.record(key, from+i)) {
				return
			}
		}
	}
}

func (s *shelf) ScanBefore(prefix, before string) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for i, key := range slices.Backward(s.keys) {
			if before != "" && key >= before || !strings.HasPrefix(key, prefix) {
				continue
			}
			s.read++
			if !yield(key, s.record(key, i)) {
				return
			}
		}
	}
}

func (s *shelf) record(key string, n int) []byte {
	if key == s.torn {
		return []byte{0xff}
	}
	return canon.Must(item{n})
}

func newShelf(n int) *shelf {
	s := &shelf{}
	for i := range n {
		s.keys = append(s.keys, fmt.Sprintf("thing/%06d", i))
	}
	s.keys = append(s.keys, "uthing/1")
	return s
}

func shown(_ string, i item) (int, bool) { return i.Number, i.Number%2 == 0 }

func TestAPageFarDownALongListReadsOnlyItself(t *testing.T) {
	s := newShelf(20_000)
	page, err := list(s, "thing/", PageQuery{OnwardQuery: OnwardQuery{After: "019000", Limit: 10}}, shown)
	if err != nil || len(page.Body.Items) != 10 || page.Body.Items[0] != 19002 {
		t.Fatalf("the page is %+v, %v", page, err)
	}
	if s.read > 2*chunk {
		t.Errorf("%d records were read for a page of 10", s.read)
	}
}

func TestPagesOfALongListAreTheWholeList(t *testing.T) {
	s := newShelf(3*chunk + 7)
	for _, count := range []bool{false, true} {
		var got []int
		for after := ""; ; {
			page, err := list(s, "thing/", PageQuery{OnwardQuery: OnwardQuery{After: after, Limit: 97, Total: count}}, shown)
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, page.Body.Items...)
			if count && *page.Body.Total != uint64(3*chunk/2+4) {
				t.Errorf("the list is said to have %d items", *page.Body.Total)
			}
			if after = page.Body.Next; after == "" {
				break
			}
		}
		for i, n := range got {
			if n != 2*i {
				t.Fatalf("item %d is %d", i, n)
			}
		}
		if len(got) != 3*chunk/2+4 {
			t.Errorf("the pages have %d items", len(got))
		}
	}
}

// What a total counts beyond a page is not read where no filter needs it: a record there
// that cannot be decoded does no harm, and one on the page is told.
func TestATotalWithoutAFilterReadsOnlyThePage(t *testing.T) {
	s := newShelf(chunk + 7)
	s.torn = "thing/000300"
	whole := func(_ string, i item) (int, bool) { return i.Number, true }
	for after, code := range map[string]fault.Code{"": "", "000295": fault.Corrupt} {
		page, err := listWhere(s, "thing/", PageQuery{OnwardQuery: OnwardQuery{After: after, Limit: 10, Total: true}}, PeriodFilter{}, whole)
		if fault.CodeOf(err) != code || err == nil && (*page.Body.Total != chunk+7 || len(page.Body.Items) != 10 || page.Body.Next != "000009") {
			t.Errorf("after %q: %+v, %v", after, page, err)
		}
	}
	if _, err := listWhere(s, "thing/", PageQuery{OnwardQuery: OnwardQuery{Limit: 10, Total: true}}, PeriodFilter{Order: "O-1"}, whole); fault.CodeOf(err) != fault.Corrupt {
		t.Errorf("with a filter all that count are read: %v", err)
	}
}

func TestALongListIsReadFromItsEnd(t *testing.T) {
	s := newShelf(3*chunk + 7)
	last := 3*chunk + 6 // even
	for _, count := range []bool{false, true} {
		var got []int
		for after := ""; ; {
			s.read = 0
			page, err := list(s, "thing/", PageQuery{OnwardQuery{after, 97, count}, true}, shown)
			if err != nil {
				t.Fatal(err)
			}
			if !count && s.read > chunk {
				t.Errorf("%d records were read for a page of 97", s.read)
			}
			if count && *page.Body.Total != uint64(3*chunk/2+4) {
				t.Errorf("the list is said to have %d items", *page.Body.Total)
			}
			got = append(got, page.Body.Items...)
			if after = page.Body.Next; after == "" {
				break
			}
		}
		for i, n := range got {
			if n != last-2*i {
				t.Fatalf("item %d is %d", i, n)
			}
		}
		if len(got) != 3*chunk/2+4 {
			t.Errorf("the pages have %d items", len(got))
		}
	}
}

func TestEachRecordIsSeenOnce(t *testing.T) {
	for _, n := range []int{0, 1, chunk - 1, chunk, chunk + 1, 2 * chunk} {
		s, next := newShelf(n), 0
		err := each(s, "thing/", func(i item) error {
			if i.Number != next {
				t.Fatalf("of %d: number %d came in place of %d", n, i.Number, next)
			}
			next++
			return nil
		})
		if err != nil || next != n {
			t.Errorf("of %d records %d were seen, %v", n, next, err)
		}
		if s.read > n+3 {
			t.Errorf("%d records were read to see %d", s.read, n)
		}
	}
}
