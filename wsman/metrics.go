package wsman

import "github.com/prometheus/client_golang/prometheus"

// metrics are those of one listener, whose name they carry.
type metrics struct {
	connections *prometheus.GaugeVec   // auth; none: not proven yet
	accepted    *prometheus.CounterVec // auth
	handshakes  *prometheus.CounterVec // reason
	failures    *prometheus.CounterVec // auth, reason
	requests    *prometheus.CounterVec // action, code
	duration    *prometheus.HistogramVec
	received    *prometheus.CounterVec // stage

	wire, decrypted, decompressed prometheus.Counter
}

func newMetrics(listener string) *metrics {
	label := prometheus.Labels{"listener": listener}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help, ConstLabels: label}, labels)
	}
	m := &metrics{
		connections: prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "connections",
			Help: "Open connections, by how the source proved itself; none: not yet.", ConstLabels: label}, []string{"auth"}),
		accepted:   counter("connections_total", "Connections, by how the source proved itself; none: all that were accepted.", "auth"),
		handshakes: counter("tls_handshake_failures_total", "TLS handshakes that failed, but for those that the peer broke off.", "reason"),
		failures:   counter("auth_failures_total", "Sources that proved nothing, and connections refused before they could (limit).", "auth", "reason"),
		requests:   counter("http_requests_total", "Requests answered.", "action", "code"),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: "http_request_duration_seconds",
			Help: "From the request's header to its answer.", ConstLabels: label,
			Buckets: []float64{.001, .005, .02, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}}, []string{"action"}),
		received: counter("received_bytes_total", "Bytes of request bodies: on the wire, after decryption, after decompression.", "stage"),
	}
	m.wire, m.decrypted, m.decompressed = m.received.WithLabelValues("wire"), m.received.WithLabelValues("decrypted"), m.received.WithLabelValues("decompressed")
	return m
}

// Metrics are the listener's collectors, for main to register. Those of the Budget are apart, since listeners share it.
func (s *Server) Metrics() []prometheus.Collector {
	s.init()
	m := s.metrics
	return []prometheus.Collector{m.connections, m.accepted, m.handshakes, m.failures, m.requests, m.duration, m.received}
}

// budgetMetrics are those that listeners have in common.
type budgetMetrics struct {
	requests, bytes prometheus.Gauge
	shed            *prometheus.CounterVec // reason
	panics          prometheus.Counter
}

func newBudgetMetrics() budgetMetrics {
	return budgetMetrics{
		requests: prometheus.NewGauge(prometheus.GaugeOpts{Name: "requests_in_flight", Help: "Requests with a body that have been admitted and not yet answered."}),
		bytes:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "requests_in_flight_bytes", Help: "What they are charged: wire bytes times growth."}),
		shed:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "requests_shed_total", Help: "Requests answered 503 before their body was read."}, []string{"reason"}),
		panics:   prometheus.NewCounter(prometheus.CounterOpts{Name: "panics_total", Help: "Panics while a request was served. Each is a bug."}),
	}
}

func (m budgetMetrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.requests, m.bytes, m.shed, m.panics}
}

// Metrics are the collectors of what listeners share, for main to register once.
func (b *Budget) Metrics() []prometheus.Collector { return b.metrics.all() }
