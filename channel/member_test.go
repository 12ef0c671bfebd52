package channel

import (
	"testing"
)

func TestTwoMembersExecuteTheSame(t *testing.T) {
	p := newPair(t, networkOptions{})
	out := submit(t, p.left, put("a", "1"), put("b", "2"))
	for _, o := range out {
		if err := o.Err(); err != nil {
			t.Error(err)
		}
	}
	out = submit(t, p.right, put("c", "3"), toyCommand("count", 0))
	p.level(t)
	if got, ok, err := p.left.Get("r/c"); err != nil || !ok || string(got) != "3" {
		t.Errorf("r/c is %q %v %v on the left", got, ok, err)
	}
	if n, ok := read[int](p.right.snapshot(), "count"); !ok || n != 3 {
		t.Errorf("count is %d, not 3", n)
	}
	if out[1].Command != 1 || out[1].Kind != "count" || out[1].Position.Height == 0 {
		t.Errorf("outcome is %+v", out[1])
	}
	if p.left.Partner() != "BRAVO" || p.right.Partner() != "ALPHA" || p.left.State() != StateOpen {
		t.Errorf("partners %s and %s, state %s", p.left.Partner(), p.right.Partner(), p.left.State())
	}
}
