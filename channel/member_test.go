package channel

import (
	"strconv"
	"testing"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/trade"
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

// A member that comes to another root while it runs signs no more: it ends, and
// says why. The others go on.
func TestAMemberWhoseRootDiffersWhileItRunsEnds(t *testing.T) {
	alpha, bravo := newKeys(t), newKeys(t)
	n := newNetwork(t, networkOptions{}, map[string]*memoryKeys{"ALPHA": alpha, "BRAVO": bravo})
	a := n.carrier("ALPHA", alpha, func(o *Options) {
		o.compare = 4
		o.Law = toyLaw{lie: func(c trade.Context, cmd trade.Command) bool {
			var p toyPut
			return canon.Decode(cmd.Body, &p) == nil && p.Key == "wrong"
		}}
	})
	b := n.carrier("BRAVO", bravo, func(o *Options) { o.compare = 4 })
	for i := range 6 { // it has been compared, and was right
		submit(t, b.Omni(), put("right", string(rune('a'+i))))
	}
	if _, ok := a.alarms.find(CodeRootDiffers); ok {
		t.Fatal("a right root is called wrong")
	}
	submit(t, b.Omni(), put("wrong", "1"))
	for i := 0; ; i++ {
		select {
		case err := <-a.ended:
			if fault.CodeOf(err) != CodeRootDiffers {
				t.Errorf("it ended with %v", err)
			}
			a.ended <- nil // for the harness
			if x, ok := a.alarms.find(CodeRootDiffers); !ok || x.Remedy == "" {
				t.Error("no alarm")
			}
			submit(t, b.Omni(), put("right", "z"))
			return
		default:
		}
		if i == 1000 {
			t.Fatal("it goes on")
		}
		submit(t, b.Omni(), put("right", strconv.Itoa(i)))
	}
}
