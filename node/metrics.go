package node

import (
	"context"
	"strconv"
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
	requests *prometheus.CounterVec // over Sonata
	notified *prometheus.CounterVec
	paid     prometheus.Histogram // out of deposits
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
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "lateral_sonata_requests_total", Help: "Partners' requests over Sonata, by operation and status of the answer."}, []string{"operation", "status"}),
		notified: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "lateral_sonata_notifications_total", Help: "Notifications sent to partners over Sonata, by whether the partner took them."}, []string{"taken"}),
		paid:     prometheus.NewHistogram(prometheus.HistogramOpts{Name: "lateral_deposit_payment_seconds", Help: "Time from sending a payment out of a deposit until it is final.", Buckets: prometheus.ExponentialBuckets(0.005, 2, 14)}),
	}
	m.registry.MustRegister(m.commands, m.executed, m.stored, m.resent, m.height, m.alarms, m.requests, m.notified, m.paid,
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

// Answered implements sonata.Metrics.
func (m *metrics) Answered(operation string, status int) {
	m.requests.WithLabelValues(operation, strconv.Itoa(status)).Inc()
}

// Notified implements sonata.Metrics.
func (m *metrics) Notified(taken bool) {
	m.notified.WithLabelValues(strconv.FormatBool(taken)).Inc()
}

// committee tells of a validator's part in consensus when metrics are asked for.
type committee struct {
	validator interface {
		Status(context.Context) (ledger.Status, error)
		Round() int32
		Pending() (envelopes int, bytes int64)
		RefusedProposals() uint64
	}
	omni interface{ Skipped() uint64 }
}

var (
	tipDesc      = prometheus.NewDesc("lateral_validator_height", "Last block that this validator has.", nil, nil)
	tipTimeDesc  = prometheus.NewDesc("lateral_validator_block_time_seconds", "Time of that block, in seconds since 1970 UTC.", nil, nil)
	roundDesc    = prometheus.NewDesc("lateral_validator_round", "Rounds of voting on the next block, from 0.", nil, nil)
	peersDesc    = prometheus.NewDesc("lateral_validator_peers", "Other validators that this one is connected to.", nil, nil)
	syncingDesc  = prometheus.NewDesc("lateral_validator_syncing", "1 while this validator catches up with the others.", nil, nil)
	pendingDesc  = prometheus.NewDesc("lateral_validator_pending_envelopes", "Envelopes on their way to a block.", nil, nil)
	bytesDesc    = prometheus.NewDesc("lateral_validator_pending_bytes", "Their bytes.", nil, nil)
	proposalDesc = prometheus.NewDesc("lateral_validator_refused_proposals_total", "Blocks that others proposed and this validator voted against.", nil, nil)
	skippedDesc  = prometheus.NewDesc("lateral_validator_skipped_envelopes_total", "Envelopes of blocks that were left out because they failed their check.", nil, nil)
)

// Describe implements prometheus.Collector.
func (c *committee) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{tipDesc, tipTimeDesc, roundDesc, peersDesc, syncingDesc, pendingDesc, bytesDesc, proposalDesc, skippedDesc} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *committee) Collect(out chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64) { out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v) }
	count := func(d *prometheus.Desc, v uint64) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(v))
	}
	if s, err := c.validator.Status(context.Background()); err == nil { // otherwise it is being closed
		gauge(tipDesc, float64(s.Tip))
		gauge(tipTimeDesc, float64(s.TipTime)/1000)
		gauge(peersDesc, float64(len(s.Peers)))
		syncing := 0.0
		if s.Syncing {
			syncing = 1
		}
		gauge(syncingDesc, syncing)
	}
	gauge(roundDesc, float64(c.validator.Round()))
	envelopes, bytes := c.validator.Pending()
	gauge(pendingDesc, float64(envelopes))
	gauge(bytesDesc, float64(bytes))
	count(proposalDesc, c.validator.RefusedProposals())
	count(skippedDesc, c.omni.Skipped())
}
