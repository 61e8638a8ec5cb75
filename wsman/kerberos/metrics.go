package kerberos

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are those of one acceptor.
type metrics struct {
	contexts *prometheus.CounterVec // auth, realm, etype
	replays  prometheus.GaugeFunc
	keys     keytabInfo
}

func newMetrics(a *Acceptor) *metrics {
	listener := prometheus.Labels{"listener": a.Listener}
	return &metrics{
		contexts: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "kerberos_contexts_total",
			Help: "Security contexts established, by the realm of the source and the encryption type of its ticket.", ConstLabels: listener},
			[]string{"auth", "realm", "etype"}),
		replays: prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "kerberos_replay_cache_entries",
			Help: "Authenticators remembered, so that none is accepted twice.", ConstLabels: listener},
			func() float64 { return float64(a.replays.len(a.clock())) }),
		keys: keytabInfo{prometheus.NewDesc("keytab_info", "Keys of the keytab in force; always 1.", []string{"principal", "kvno", "etype"}, listener), a.Facts},
	}
}

// Metrics are the acceptor's collectors, for main to register.
func (a *Acceptor) Metrics() []prometheus.Collector {
	a.init()
	return []prometheus.Collector{a.metrics.contexts, a.metrics.replays, a.metrics.keys}
}

// keytabInfo collects from the keytab in force.
type keytabInfo struct {
	desc  *prometheus.Desc
	facts func() []Fact
}

func (k keytabInfo) Describe(ch chan<- *prometheus.Desc) { ch <- k.desc }

func (k keytabInfo) Collect(ch chan<- prometheus.Metric) {
	for _, f := range k.facts() {
		ch <- prometheus.MustNewConstMetric(k.desc, prometheus.GaugeValue, 1, f.Principal, strconv.Itoa(f.KVNO), f.Etype)
	}
}
