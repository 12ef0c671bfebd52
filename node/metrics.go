package node

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/lateral-network/lateral/fault"
	"github.com/lateral-network/lateral/internal/canon"
	"github.com/lateral-network/lateral/ledger"
)

// metrics are a node's own, in a registry of its own: several nodes may run in
// one process.
type metrics struct {
	registry *prometheus.Registry
	commands prometheus.Counter
	executed prometheus.Histogram
	stored   prometheus.Histogram
	resent   *prometheus.CounterVec
	height   prometheus.Gauge
	alarms   prometheus.Counter
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		commands: prometheus.NewCounter(prometheus.CounterOpts{Name: "lateral_commands_total", Help: "Commands executed on this node's channels."}),
		executed: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "lateral_execute_seconds", Help: "Time to execute a block on one channel.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14)}),
		stored:   prometheus.NewHistogram(prometheus.HistogramOpts{Name: "lateral_commit_seconds", Help: "Time from receiving a block until it is stored.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14)}),
		resent:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "lateral_envelopes_resent_total", Help: "Envelopes that the ledger did not take at once, by reason."}, []string{"reason"}),
		height:   prometheus.NewGauge(prometheus.GaugeOpts{Name: "lateral_height", Help: "Last block executed here."}),
		alarms:   prometheus.NewCounter(prometheus.CounterOpts{Name: "lateral_alarms_total", Help: "Alarms raised; each is in the log."}),
	}
	m.registry.MustRegister(m.commands, m.executed, m.stored, m.resent, m.height, m.alarms,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Executed implements channel.Metrics.
func (m *metrics) Executed(_ canon.Hash, commands int, d time.Duration) {
	m.commands.Add(float64(commands))
	m.executed.Observe(d.Seconds())
}

// Resent implements channel.Metrics.
func (m *metrics) Resent(_ canon.Hash, why fault.Code) { m.resent.WithLabelValues(string(why)).Inc() }

// Committed implements channel.Metrics.
func (m *metrics) Committed(h ledger.Height, d time.Duration) {
	m.height.Set(float64(h))
	m.stored.Observe(d.Seconds())
}
