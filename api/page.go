package api

import (
	"iter"
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

// Cut takes the items of a list that come after a cursor, at most limit of
// them. Each item comes with its key, keys ascend, and the key of the last item
// is the next cursor. keep reads an item and says whether it is wanted; only
// items of this page are kept in memory. With count the whole list is gone
// through, to know the total.
func Cut[V, T any](list iter.Seq2[string, V], after string, limit int, count bool, keep func(V) (T, bool, error)) (Page[T], error) {
	p := Page[T]{Items: []T{}}
	var total uint64
	last := ""
	for key, v := range list {
		past := after == "" || key > after
		full := len(p.Items) == limit
		if !past && !count {
			continue
		}
		if full && p.Next != "" && !count {
			break
		}
		item, ok, err := keep(v)
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
	if count {
		p.Total = &total
	}
	return p, nil
}

// CutSlice does what Cut does for a list that is in memory, with the place in
// it as cursor.
func CutSlice[T any](list []T, after string, limit int) (Page[T], error) {
	from := 0
	if after != "" {
		n, err := strconv.ParseUint(after, 10, 31)
		if err != nil {
			return Page[T]{}, fault.New(fault.Invalid, "the cursor is not one of this list", "use the next of the page before").In("after")
		}
		from = int(n)
	}
	from = min(from, len(list))
	to := min(from+limit, len(list))
	total := uint64(len(list))
	p := Page[T]{Items: append([]T{}, list[from:to]...), Total: &total}
	if to < len(list) {
		p.Next = strconv.Itoa(to)
	}
	return p, nil
}
