package certs

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics reads dates at every scrape from whatever is in force then.
type metrics struct {
	servers    []*Server
	notAfter   *prometheus.Desc
	nextUpdate *prometheus.Desc
}

// Metrics are the collectors of all servers together: certificates carry no listener, so one collector must speak for all.
func Metrics(servers ...*Server) []prometheus.Collector {
	return []prometheus.Collector{&metrics{
		servers: servers,
		notAfter: prometheus.NewDesc("certificate_not_after_timestamp_seconds",
			"When a certificate in force ends: the server's own, or a CA of clients. Of several with one name the first to end.", []string{"role", "name"}, nil),
		nextUpdate: prometheus.NewDesc("crl_next_update_timestamp_seconds",
			"When a CRL in force becomes stale.", []string{"issuer"}, nil),
	}}
}

func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	ch <- m.notAfter
	ch <- m.nextUpdate
}

func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	type label struct{ role, name string }
	certificates, lists := map[label]time.Time{}, map[string]time.Time{}
	for _, s := range m.servers {
		for _, f := range s.Facts() {
			earliest(certificates, label{f.Role, f.Name}, f.NotAfter)
		}
		if st := s.current.Load(); st != nil {
			for _, r := range st.lists.byIssuer {
				earliest(lists, r.issuer, r.nextUpdate)
			}
		}
	}
	for l, t := range certificates {
		ch <- prometheus.MustNewConstMetric(m.notAfter, prometheus.GaugeValue, float64(t.Unix()), l.role, l.name)
	}
	for issuer, t := range lists {
		ch <- prometheus.MustNewConstMetric(m.nextUpdate, prometheus.GaugeValue, float64(t.Unix()), issuer)
	}
}

func earliest[K comparable](dates map[K]time.Time, k K, t time.Time) {
	if old, ok := dates[k]; !ok || t.Before(old) {
		dates[k] = t
	}
}
