package output

import "github.com/prometheus/client_golang/prometheus"

// metrics counts what happened to events; per-event counts are added once a batch.
type metrics struct {
	events     *prometheus.CounterVec   // subscription, result: published dead withheld
	bytes      *prometheus.CounterVec   // subscription
	errors     *prometheus.CounterVec   // subscription, reason
	dead       *prometheus.CounterVec   // reason
	dropped    *prometheus.CounterVec   // route
	mismatches *prometheus.CounterVec   // subscription, mode
	latency    *prometheus.HistogramVec // subscription
}

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
	}
	return &metrics{
		events:     counter("events_total", "Events by what became of them: published, dead (in the dead-letter topic), withheld (artificial).", "subscription", "result"),
		bytes:      counter("event_bytes_total", "UTF-8 bytes of event XML received.", "subscription"),
		errors:     counter("event_errors_total", "Faults found in events, whether or not they could be published.", "subscription", "reason"),
		dead:       counter("dead_letters_total", "Dead letters written, by reason.", "reason"),
		dropped:    counter("events_dropped_total", "Events that a route dropped: acknowledged, and not written.", "route"),
		mismatches: counter("identity_mismatches_total", "Events whose Computer is not the proven sender.", "subscription", "mode"),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "event_latency_seconds",
			Help:    "From TimeCreated to the acknowledgement by Kafka, for the oldest event of each batch.",
			Buckets: []float64{1, 5, 15, 30, 60, 300, 900, 3600, 21600}}, []string{"subscription"}),
	}
}

// Counted is what became of the events of one subscription since the process began.
type Counted struct{ Published, Dead int64 }

// Counted gives the metric events_total by subscription.
func (k *Kafka) Counted() map[string]Counted {
	counted := map[string]Counted{}
	registry := prometheus.NewRegistry()
	registry.MustRegister(k.metrics.events)
	families, err := registry.Gather()
	if err != nil {
		return counted // not reached: a counter cannot contradict itself
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			c, n := counted[labels["subscription"]], int64(m.GetCounter().GetValue())
			switch labels["result"] {
			case "published":
				c.Published = n
			case "dead":
				c.Dead = n
			}
			counted[labels["subscription"]] = c
		}
	}
	return counted
}

// Metrics are the room's collectors, for main to register.
func (k *Kafka) Metrics() []prometheus.Collector {
	m := k.metrics
	return []prometheus.Collector{m.events, m.bytes, m.errors, m.dead, m.dropped, m.mismatches, m.latency}
}
