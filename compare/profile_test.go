package compare

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/lateral-network/lateral/line/voice"
)

func TestProfile(t *testing.T) {
	dir := os.Getenv("COMPARE_DIR")
	if dir == "" {
		t.Skip()
	}
	f, _ := os.Open(dir + "/rates.csv")
	s, _, err := voice.ReadSheet(f)
	if err != nil {
		t.Fatal(err)
	}
	a, _ := File(dir + "/ours.csv")
	b, _ := File(dir + "/theirs.csv")
	job := Job{Records: [2]Input{a, b}, StartTolerance: 3 * time.Second}
	job.Rates[0] = s
	var stage string
	began := time.Now()
	job.Progress = func(s string, _, _ int64) {
		if s != stage {
			println(s, time.Since(began).Milliseconds())
			stage = s
		}
	}
	r, err := Run(context.Background(), job)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(r.Seconds, r.Matched)
}
