package native

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/lateral-network/lateral/clearing"
	"github.com/lateral-network/lateral/trade"
	"github.com/lateral-network/lateral/trade/dispute"
	"github.com/lateral-network/lateral/trade/fraud"
	"github.com/lateral-network/lateral/trade/invoice"
	"github.com/lateral-network/lateral/trade/party"
	"github.com/lateral-network/lateral/trade/settlement"
)

// records counts a node's records by state when metrics are asked for. It
// names partners: metrics are for the carrier's own people.
type records struct{ s *server }

var (
	bilateralGauge = prometheus.NewDesc("lateral_bilateral_open", "1 when the channel with a partner is open, 0 otherwise.", []string{"partner", "state"}, nil)
	attestedGauge  = prometheus.NewDesc("lateral_bilateral_attested_position", "Height up to which both members have signed the same log.", []string{"partner"}, nil)
	positionGauge  = prometheus.NewDesc("lateral_bilateral_position", "Height of the last block that touched the channel.", []string{"partner"}, nil)
	periodGauge    = prometheus.NewDesc("lateral_periods", "Billing periods by state.", []string{"partner", "state"}, nil)
	disputeGauge   = prometheus.NewDesc("lateral_disputes", "Disputed lines by state.", []string{"partner", "state"}, nil)
	invoiceGauge   = prometheus.NewDesc("lateral_invoices", "Invoices by state.", []string{"partner", "state"}, nil)
	debtGauge      = prometheus.NewDesc("lateral_obligations", "Debts by state.", []string{"partner", "state"}, nil)
	problemGauge   = prometheus.NewDesc("lateral_problems", "Steps of clearing that do not succeed by themselves.", []string{"partner"}, nil)
	signalGauge    = prometheus.NewDesc("lateral_signals", "Signals of fraud in own records that nobody has judged, by severity.", []string{"partner", "severity"}, nil)
)

// Describe implements prometheus.Collector.
func (r *records) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{bilateralGauge, attestedGauge, positionGauge, periodGauge, disputeGauge, invoiceGauge, debtGauge, problemGauge, signalGauge} {
		out <- d
	}
}

// Collect implements prometheus.Collector. Of several channels with a partner
// it counts the one in use.
func (r *records) Collect(out chan<- prometheus.Metric) {
	seen := map[string]bool{}
	for _, any := range r.s.Member.Bilaterals() {
		partner := any.Partner()
		if seen[partner] {
			continue
		}
		seen[partner] = true
		b, err := r.s.with(party.Code(partner))
		if err != nil {
			continue
		}
		gauge := func(d *prometheus.Desc, v float64, labels ...string) {
			out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{partner}, labels...)...)
		}
		w, err := r.s.shownBilateral(b)
		if err != nil {
			out <- prometheus.NewInvalidMetric(positionGauge, err)
			continue
		}
		open := 0.0
		if w.State == "open" {
			open = 1
		}
		gauge(bilateralGauge, open, w.State)
		gauge(attestedGauge, float64(w.Attested))
		gauge(positionGauge, float64(w.Position))
		if d, ok := r.s.Desk(w.Partner); ok {
			gauge(problemGauge, float64(len(d.Problems())))
			open := map[fraud.Severity]float64{fraud.Low: 0, fraud.Medium: 0, fraud.High: 0}
			for _, x := range d.Signals() {
				if x.State == clearing.SignalOpen {
					open[x.Severity]++
				}
			}
			for severity, n := range open {
				gauge(signalGauge, n, string(severity))
			}
		}
		counted := func(d *prometheus.Desc, n map[string]float64, err error) {
			if err != nil {
				out <- prometheus.NewInvalidMetric(d, err)
				return
			}
			for state, v := range n {
				gauge(d, v, state)
			}
		}
		n, err := tally(b, trade.PeriodPrefix, func(p invoice.Period) string { return string(p.State) })
		counted(periodGauge, n, err)
		n, err = tally(b, trade.DisputePrefix, func(d dispute.Dispute) string { return string(d.State) })
		counted(disputeGauge, n, err)
		n, err = tally(b, trade.InvoicePrefix, func(i invoice.Invoice) string { return string(i.State) })
		counted(invoiceGauge, n, err)
		n, err = tally(b, trade.ObligationPrefix, func(o settlement.Obligation) string { return string(o.State) })
		counted(debtGauge, n, err)
	}
}

// tally counts records by state.
func tally[T any](b Bilateral, prefix string, state func(T) string) (map[string]float64, error) {
	n := map[string]float64{}
	err := each(b, prefix, func(v T) error {
		n[state(v)]++
		return nil
	})
	return n, err
}
