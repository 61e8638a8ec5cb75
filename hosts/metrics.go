package hosts

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count what hosts' record numbers and clocks say. No host is a label.
type metrics struct {
	gaps, clears *prometheus.CounterVec
	skew         *prometheus.HistogramVec
	expiring     prometheus.Collector
	sysmon       prometheus.Collector
}

func newMetrics(b *Book) *metrics {
	counter := func(name, help string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{"subscription"})
	}
	return &metrics{
		gaps:   counter("record_gaps_total", "Places where EventRecordIDs jump, in channels that the query takes whole: events are missing."),
		clears: counter("log_clears_total", "Logs that hosts cleared (events 104 and 1102), or whose EventRecordIDs began anew."),
		skew: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "source_clock_skew_seconds",
			Help:    "How far the newest event of a batch lies in our future: the host's clock is ahead at least so much.",
			Buckets: []float64{0, 1, 5, 30, 60, 300, 3600, 86400}}, []string{"subscription"}),
		expiring: expiring{b, prometheus.NewDesc("host_certificates_expiring", "Hosts whose certificate ends within the window, or has ended.", []string{"window"}, nil)},
		sysmon:   sysmon{b, prometheus.NewDesc("sysmon_hosts", "Hosts that sent events of Sysmon and were heard in the last hour: reporting, or silent if the last hour had none of Sysmon.", []string{"state"}, nil)},
	}
}

type counters struct {
	gaps, clears prometheus.Counter
	skew         prometheus.Observer
}

func (m *metrics) of(subscription string) counters {
	return counters{m.gaps.WithLabelValues(subscription), m.clears.WithLabelValues(subscription), m.skew.WithLabelValues(subscription)}
}

// Metrics are the room's collectors, for main to register.
func (b *Book) Metrics() []prometheus.Collector {
	return []prometheus.Collector{b.metrics.gaps, b.metrics.clears, b.metrics.skew, b.metrics.expiring, b.metrics.sysmon}
}

// expiring counts certificates when somebody looks.
type expiring struct {
	b    *Book
	desc *prometheus.Desc
}

var windows = []struct {
	name string
	days int
}{{"7d", 7}, {"30d", 30}, {"90d", 90}}

func (e expiring) Describe(ch chan<- *prometheus.Desc) { ch <- e.desc }

func (e expiring) Collect(ch chan<- prometheus.Metric) {
	counts := make([]int, len(windows))
	now := e.b.now()
	e.b.mu.Lock()
	for _, h := range e.b.hosts {
		if h.certificate == 0 {
			continue
		}
		left := h.certificate.Time().Sub(now)
		for i, w := range windows {
			if left < time.Duration(w.days)*24*time.Hour {
				counts[i]++
			}
		}
	}
	e.b.mu.Unlock()
	for i, w := range windows {
		ch <- prometheus.MustNewConstMetric(e.desc, prometheus.GaugeValue, float64(counts[i]), w.name)
	}
}

// sysmon counts hosts by what became of their Sysmon when somebody looks.
type sysmon struct {
	b    *Book
	desc *prometheus.Desc
}

func (s sysmon) Describe(ch chan<- *prometheus.Desc) { ch <- s.desc }

func (s sysmon) Collect(ch chan<- prometheus.Metric) {
	reporting, silent := s.b.sysmonHosts()
	ch <- prometheus.MustNewConstMetric(s.desc, prometheus.GaugeValue, float64(reporting), "reporting")
	ch <- prometheus.MustNewConstMetric(s.desc, prometheus.GaugeValue, float64(silent), "silent")
}
