package compacted

import "github.com/prometheus/client_golang/prometheus"

// Metrics are the store's collectors, for main to register.
func (s *Store) Metrics() []prometheus.Collector { return s.metrics.Collectors() }
