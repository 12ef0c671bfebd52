package product

import "testing"

func TestAScopeIsByPrefix(t *testing.T) {
	s := Scope{"33", "4179", "49"}
	for key, want := range map[string][2]bool{ // covered, and met by a rate with that prefix
		"33": {true, true}, "331": {true, true}, "3": {false, true}, "34": {false, false}, "41": {false, true}, "4178": {false, false},
		"41791": {true, true}, "4": {false, true}, "5": {false, false}, "": {false, true}, "2": {false, false},
	} {
		if s.Covers(key) != want[0] || s.Meets(key) != want[1] {
			t.Errorf("%q: covered %v, met %v; want %v", key, s.Covers(key), s.Meets(key), want)
		}
	}
	if all := (Scope{}); !all.Covers("1") || !all.Meets("") {
		t.Error("an order without a scope does not cover everything")
	}
}
