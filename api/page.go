package api

import (
	"iter"
	"slices"
	"strconv"

	"github.com/lateral-network/lateral/fault"
)

// MaxLimit is how many items a page has at most.
const MaxLimit = 1000

// Page is one piece of a list, in a stable order.
type Page[T any] struct {
	Items []T     `json:"items" nullable:"false"`
	Next  string  `json:"next,omitempty" doc:"Where the list goes on: give it as after. Absent at the end."`
	Total *uint64 `json:"total,omitempty" doc:"How many items the whole list has, when it was asked for."`
}

// Wanted says which page of a list is asked for.
type Wanted struct {
	After      string // the key of the last item before; empty: from where the list begins
	Limit      int
	Total      bool // how many items the whole list has
	Descending bool // the list goes from its last key to its first
}

// Cut takes the items of a list that come after a cursor, at most as many as a page
// may have. Each item comes with its key, keys are in order, and the key of the last
// item is the next cursor. keep reads an item and says whether it is wanted, and is told
// whether it is shown, if so, or only counts; only items of this page are kept in memory.
// For a total the whole list is gone through.
func Cut[V, T any](list iter.Seq2[string, V], w Wanted, keep func(v V, counts bool) (T, bool, error)) (Page[T], error) {
	p := Page[T]{Items: []T{}}
	var total uint64
	last := ""
	for key, v := range list {
		past := w.After == "" || key != w.After && (key > w.After) != w.Descending
		full := len(p.Items) == w.Limit
		if !past && !w.Total {
			continue
		}
		if full && p.Next != "" && !w.Total {
			break
		}
		item, ok, err := keep(v, !past || full)
		if err != nil {
			return p, err
		}
		if !ok {
			continue
		}
		total++
		switch {
		case !past:
		case full:
			p.Next = last
		default:
			p.Items = append(p.Items, item)
			last = key
		}
	}
	if w.Total {
		p.Total = &total
	}
	return p, nil
}

// CutSlice does what Cut does for a list that is in memory, with the place in
// it as cursor.
func CutSlice[T any](list []T, w Wanted) (Page[T], error) {
	if w.Descending {
		list = slices.Clone(list)
		slices.Reverse(list)
	}
	from := 0
	if w.After != "" {
		n, err := strconv.ParseUint(w.After, 10, 31)
		if err != nil {
			return Page[T]{}, fault.New(fault.Invalid, "the cursor is not one of this list", "use the next of the page before").In("after")
		}
		from = int(n)
	}
	from = min(from, len(list))
	to := min(from+w.Limit, len(list))
	total := uint64(len(list))
	p := Page[T]{Items: append([]T{}, list[from:to]...), Total: &total}
	if to < len(list) {
		p.Next = strconv.Itoa(to)
	}
	return p, nil
}
