package catalog

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strconv"
)

// Change is one field that differs between two contents of an item.
type Change struct {
	Field  string `json:"field" doc:"Names and places joined by dots, as in errors."`
	Before string `json:"before,omitempty" doc:"As JSON; absent: it was not there."`
	After  string `json:"after,omitempty" doc:"As JSON; absent: it is not there any more."`
}

// Diff gives the fields in which two items differ, by their JSON. Nil is no
// item.
func Diff(before, after any) ([]Change, error) {
	a, err := tree(before)
	if err != nil {
		return nil, err
	}
	b, err := tree(after)
	if err != nil {
		return nil, err
	}
	out := []Change{}
	compare("", a, b, &out)
	return out, nil
}

func tree(item any) (any, error) {
	if item == nil {
		return nil, nil
	}
	data, err := json.Marshal(item)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	return v, d.Decode(&v)
}

func compare(at string, a, b any, out *[]Change) {
	below := func(name string) string {
		if at == "" {
			return name
		}
		return at + "." + name
	}
	x, y := branches(a), branches(b)
	if x == nil && y == nil || a != nil && x == nil || b != nil && y == nil {
		if before, after := leaf(a), leaf(b); before != after {
			*out = append(*out, Change{at, before, after})
		}
		return
	}
	names := map[string]bool{}
	for n := range x {
		names[n] = true
	}
	for n := range y {
		names[n] = true
	}
	for _, n := range slices.SortedFunc(maps.Keys(names), byPlace) {
		compare(below(n), x[n], y[n], out)
	}
}

// byPlace orders numbers as numbers.
func byPlace(a, b string) int {
	m, e := strconv.Atoi(a)
	n, f := strconv.Atoi(b)
	switch {
	case e == nil && f == nil:
		return m - n
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func branches(v any) map[string]any {
	switch x := v.(type) {
	case map[string]any:
		if x == nil {
			return map[string]any{}
		}
		return x
	case []any:
		m := make(map[string]any, len(x))
		for i, y := range x {
			m[strconv.Itoa(i)] = y
		}
		return m
	}
	return nil
}

func leaf(v any) string {
	if v == nil {
		return ""
	}
	data, err := json.Marshal(v)
	if err != nil {
		panic(err) // it came from JSON
	}
	return string(data)
}
