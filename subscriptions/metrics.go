package subscriptions

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count what sources sent and what became of it.
type metrics struct {
	batches *prometheus.CounterVec   // subscription, result
	events  *prometheus.HistogramVec // subscription
	dropped *prometheus.CounterVec   // subscription
	ignored *prometheus.CounterVec   // subscription
	hosts   *prometheus.Desc
}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	return &metrics{
		batches: counter("batches_total", "Deliveries by answer: acked, refused (not for this source), later (503, comes again).", "subscription", "result"),
		events: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "batch_events", Help: "Events in an acknowledged delivery.",
			Buckets: []float64{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 5000}}, []string{"subscription"}),
		dropped: counter("source_dropped_events_total", "Events that sources say they dropped because they fit no envelope.", "subscription"),
		ignored: counter("bookmarks_ignored_total", "Sources that began anew although a bookmark had been offered: events in between may be missing.", "subscription"),
		hosts:   prometheus.NewDesc("hosts", "Sources by what their silence means.", []string{"subscription", "state"}, nil),
	}
}

// counters are those of one subscription, looked up once.
type counters struct {
	acked, refused, later prometheus.Counter
	events                prometheus.Observer
	dropped, ignored      prometheus.Counter
}

func (m *metrics) of(subscription string) counters {
	return counters{
		acked:   m.batches.WithLabelValues(subscription, "acked"),
		refused: m.batches.WithLabelValues(subscription, "refused"),
		later:   m.batches.WithLabelValues(subscription, "later"),
		events:  m.events.WithLabelValues(subscription),
		dropped: m.dropped.WithLabelValues(subscription),
		ignored: m.ignored.WithLabelValues(subscription),
	}
}

// Metrics are the room's collectors, for main to register.
func (m *Manager) Metrics() []prometheus.Collector {
	return []prometheus.Collector{m.metrics.batches, m.metrics.events, m.metrics.dropped, m.metrics.ignored, hosts{m}}
}

// hosts counts sources when somebody looks.
type hosts struct{ m *Manager }

func (h hosts) Describe(ch chan<- *prometheus.Desc) { ch <- h.m.metrics.hosts }

func (h hosts) Collect(ch chan<- prometheus.Metric) {
	for name, counts := range h.m.Counts() {
		for _, l := range livenesses {
			ch <- prometheus.MustNewConstMetric(h.m.metrics.hosts, prometheus.GaugeValue, float64(counts[l]), name, string(l))
		}
	}
}

// StoreMetrics are those of any Store; backend tells them apart.
type StoreMetrics struct {
	saved, failed prometheus.Counter
	duration      prometheus.Observer
	collectors    []prometheus.Collector
}

// NewStoreMetrics makes them; ready and lag are asked when somebody looks.
func NewStoreMetrics(backend string, ready func() bool, lag func() int) *StoreMetrics {
	writes := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "bookmark_writes_total", Help: "States written, by result."}, []string{"backend", "result"})
	duration := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "bookmark_write_duration_seconds", Help: "From asking for a write to its being durable.",
		Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, 1, 5, 30, 60}}, []string{"backend"})
	gauge := func(name, help string, value func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value)
	}
	return &StoreMetrics{
		saved:    writes.WithLabelValues(backend, "ok"),
		failed:   writes.WithLabelValues(backend, "error"),
		duration: duration.WithLabelValues(backend),
		collectors: []prometheus.Collector{writes, duration,
			gauge("state_ready", "1 if the state is loaded and its newest write succeeded.", func() float64 {
				if ready() {
					return 1
				}
				return 0
			}),
			gauge("state_lag_records", "States that wait to be written.", func() float64 { return float64(lag()) })},
	}
}

// Wrote counts one write that was asked for at began.
func (m *StoreMetrics) Wrote(began time.Time, err error) {
	if err != nil {
		m.failed.Inc()
		return
	}
	m.saved.Inc()
	m.duration.Observe(time.Since(began).Seconds())
}

// Collectors are for main to register.
func (m *StoreMetrics) Collectors() []prometheus.Collector { return m.collectors }

// Metrics are the store's collectors, for main to register.
func (b *Bolt) Metrics() []prometheus.Collector { return b.metrics.collectors }
