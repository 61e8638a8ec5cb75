package producer

import "github.com/prometheus/client_golang/prometheus"

type counter = prometheus.Counter

type metrics struct {
	records         *prometheus.CounterVec // topic
	bytes           *prometheus.CounterVec // stage
	raw, compressed counter                // of bytes
	errors          *prometheus.CounterVec // reason, retriable
	duration        prometheus.Histogram
	batch           prometheus.Histogram
	refreshes       prometheus.Counter
	dials           *prometheus.CounterVec // result
}

func newMetrics() *metrics {
	m := &metrics{
		records:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "kafka_records_total", Help: "Records that all in-sync replicas have acknowledged."}, []string{"topic"}),
		bytes:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "kafka_record_bytes_total", Help: "Bytes of encoded records, before and after compression; retries are not counted again."}, []string{"stage"}),
		errors:    prometheus.NewCounterVec(prometheus.CounterOpts{Name: "kafka_produce_errors_total", Help: "Batches that were not acknowledged in an attempt."}, []string{"reason", "retriable"}),
		duration:  prometheus.NewHistogram(prometheus.HistogramOpts{Name: "kafka_request_duration_seconds", Help: "Time of a produce request.", Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}}),
		batch:     prometheus.NewHistogram(prometheus.HistogramOpts{Name: "kafka_batch_records", Help: "Records in a batch.", Buckets: []float64{1, 2, 5, 10, 25, 50, 100, 250, 500, 1000}}),
		refreshes: prometheus.NewCounter(prometheus.CounterOpts{Name: "kafka_metadata_refreshes_total", Help: "Refreshes of metadata that an error has asked for."}),
		dials:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "kafka_dials_total", Help: "Connections to brokers, TLS handshake included."}, []string{"result"}),
	}
	m.raw, m.compressed = m.bytes.WithLabelValues("raw"), m.bytes.WithLabelValues("compressed")
	return m
}

func (m *metrics) failed(v verdict) {
	retriable := "false"
	if v.action == retry || v.action == renumber || v.action == rename {
		retriable = "true"
	}
	m.errors.WithLabelValues(v.reason, retriable).Inc()
}

// Metrics returns the collectors of this producer; the names lack the program's prefix.
func (p *Producer) Metrics() []prometheus.Collector {
	m := p.metrics
	gauge := func(name, help string, value func(Stats) float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, func() float64 { return value(p.Stats()) })
	}
	return []prometheus.Collector{m.records, m.bytes, m.errors, m.duration, m.batch, m.refreshes, m.dials,
		gauge("kafka_buffered_records", "Records that are not acknowledged yet.", func(s Stats) float64 { return float64(s.BufferedRecords) }),
		gauge("kafka_buffered_bytes", "Their bytes, uncompressed.", func(s Stats) float64 { return float64(s.BufferedBytes) }),
		gauge("kafka_oldest_unacked_seconds", "Age of the oldest batch that is not acknowledged; 0 if there is none.", func(s Stats) float64 { return s.OldestUnacked.Seconds() }),
		gauge("kafka_last_ack_timestamp_seconds", "When Kafka last acknowledged a batch; 0 if never.", func(s Stats) float64 {
			if s.LastAck.IsZero() {
				return 0
			}
			return float64(s.LastAck.UnixMilli()) / 1000
		}),
		gauge("kafka_producer_idempotent", "1 while Kafka stores a batch once however often it is sent again; 0 while it gives no producer id.", func(s Stats) float64 {
			if s.Idempotent {
				return 1
			}
			return 0
		}),
		gauge("kafka_circuit_open", "1 while Kafka is away and requests are turned away unread.", func(s Stats) float64 {
			if s.Circuit == Open {
				return 1
			}
			return 0
		}),
	}
}
