package bench

import (
	"fmt"
	"syscall"
)

// Whole is what a whole job cost this process.
type Whole struct {
	Machine Machine `json:"machine"`
	Name    string  `json:"job"`
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_seconds"`
	Others  float64 `json:"others_cpu_seconds_per_second"` // of other processes meanwhile: how quiet it was
	Peak    int64   `json:"peak_memory_bytes"`             // resident, of the process since it began
}

// Measure runs a job and tells what it cost.
func Measure(job func() error) (Whole, error) {
	w := Whole{Machine: here()}
	m := startMeter()
	if err := job(); err != nil {
		return w, err
	}
	elapsed, own, others := m.read()
	w.Seconds, w.CPU, w.Others = elapsed.Seconds(), own.Seconds(), others
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return w, err
	}
	w.Peak = u.Maxrss << 10 // Linux counts in KiB (getrusage(2))
	return w, nil
}

// Text gives the result for people.
func (w Whole) Text() string {
	return fmt.Sprintf("machine    %s\njob        %s\nwall       %.1f s, CPU %.1f s (others %.2f of the processors)\nmemory     %.2f GiB at its peak\n",
		w.Machine, w.Name, w.Seconds, w.CPU, w.Others, float64(w.Peak)/(1<<30))
}
