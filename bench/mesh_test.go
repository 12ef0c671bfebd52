package bench

import (
	"context"
	"strings"
	"testing"

	"github.com/lateral-network/lateral/fault"
)

func TestAMeshIsMeasuredAgainstFlooding(t *testing.T) {
	last := ""
	r, err := Mesh(context.Background(), MeshOptions{Carriers: 300, Pairs: 30, Hops: 4, Levels: 2, Seed: 3, Progress: func(what string, done, of int) { last = what }})
	if err != nil {
		t.Fatal(err)
	}
	if r.Flooded == 0 || r.Share < 0.9 || r.Price.P50 < 1 || r.Price.P50 > 1.05 || r.Messages.Max > 1_000 || r.Time.Max > 5_000 || r.Memory == 0 || last != "asking" {
		t.Errorf("%+v, last progress %q", r, last)
	}
	if text := r.Text(); !strings.Contains(text, "flooding to 4 hops") {
		t.Error(text)
	}
	for _, o := range []MeshOptions{{Carriers: 300, Pairs: 1, Hops: 0}, {Carriers: 300, Pairs: 1, Hops: 99}, {Carriers: 300, Pairs: 1, Hops: 4, Levels: 9}} {
		if _, err := Mesh(context.Background(), o); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
