package bare

import (
	"testing"
	"time"

	"github.com/lateral-network/lateral/fault"
)

func TestRunMeasuresAndPrintsItsSettings(t *testing.T) {
	r, err := Run(t.Context(), Options{Size: 4 << 10, InFlight: 8, Duration: time.Second, WarmUp: 200 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if r.Transactions == 0 || r.Bytes != int64(r.Transactions)*4<<10 || r.P50 <= 0 || r.P99 < r.P50 || r.CPU <= 0 || r.Settings == "" {
		t.Fatalf("%+v", r)
	}
	t.Log(r)
}

func TestImpossibleOptionsAreInvalid(t *testing.T) {
	for name, o := range map[string]Options{
		"too small":     {Size: 8},
		"too large":     {Size: 1 << 20},
		"no validators": {Validators: -1},
	} {
		if _, err := Run(t.Context(), o); fault.CodeOf(err) != fault.Invalid {
			t.Errorf("%s: got %v, want code invalid", name, err)
		}
	}
}

func BenchmarkEngine(b *testing.B) {
	for _, c := range []struct {
		name           string
		size, inFlight int
	}{{"256KiB", 256 << 10, 12}, {"64KiB", 64 << 10, 48}, {"250B", 250, 4000}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				r, err := Run(b.Context(), Options{Size: c.size, InFlight: c.inFlight, Duration: 8 * time.Second})
				if err != nil {
					b.Fatal(err)
				}
				b.Log(r)
				b.ReportMetric(r.MegabytesPerSecond(), "MB/s")
				b.ReportMetric(r.PerSecond(), "tx/s")
				b.ReportMetric(float64(r.P50.Milliseconds()), "p50-ms")
				b.ReportMetric(float64(r.P99.Milliseconds()), "p99-ms")
				b.ReportMetric(r.CPU.Seconds(), "cpu-s")
			}
		})
	}
}
