package certs_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/wefka/wefka/certs"
)

func TestMetrics(t *testing.T) {
	b, second, empty := newBench(t), newBench(t), &certs.Server{}
	b.revoke(t, b.ca)
	b.load(t)
	soon, err := second.ca.IssueServer([]string{host}, 1)
	if err != nil {
		t.Fatal(err)
	}
	second.serve(t, soon)
	second.load(t)
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(certs.Metrics(b.Server, second.Server, empty)...)

	list, err := certs.ParseCRL(read(t, b.CRL[0]))
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf(`
# HELP certificate_not_after_timestamp_seconds When a certificate in force ends: the server's own, or a CA of clients. Of several with one name the first to end.
# TYPE certificate_not_after_timestamp_seconds gauge
certificate_not_after_timestamp_seconds{name="issuing",role="ca"} %.9e
certificate_not_after_timestamp_seconds{name="wec.example",role="server"} %.9e
# HELP crl_next_update_timestamp_seconds When a CRL in force becomes stale.
# TYPE crl_next_update_timestamp_seconds gauge
crl_next_update_timestamp_seconds{issuer="issuing"} %.9e
`, float64(b.ca.Certificate.NotAfter.Unix()), float64(soon.Certificate.NotAfter.Unix()), float64(list.NextUpdate.Unix()))
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want)); err != nil {
		t.Error(err)
	}

	// Read at each scrape: a reload shows.
	third, err := second.ca.IssueServer([]string{host}, 3)
	if err != nil {
		t.Fatal(err)
	}
	second.serve(t, third)
	second.load(t)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if got := time.Unix(int64(families[0].Metric[1].Gauge.GetValue()), 0); !got.Equal(third.Certificate.NotAfter) {
		t.Errorf("after a reload %v, want %v", got, third.Certificate.NotAfter)
	}
}
