package hosts_test

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/wefka/wefka/hosts"
)

// sysmonHosts reads the gauge by state.
func sysmonHosts(t *testing.T, b *hosts.Book) map[string]float64 {
	t.Helper()
	got := map[string]float64{}
	registry := prometheus.NewRegistry()
	registry.MustRegister(b.Metrics()...)
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != "sysmon_hosts" {
			continue
		}
		for _, m := range f.Metric {
			got[labels(m)] = m.GetGauge().GetValue()
		}
	}
	return got
}

func labels(m *dto.Metric) string {
	var b strings.Builder
	for _, l := range m.Label {
		b.WriteString(l.GetValue())
	}
	return b.String()
}

// Sysmon is silent on a host that is alive; a host that is off, or that never had Sysmon, is not counted.
func TestSysmonSilence(t *testing.T) {
	b, c := newBook()
	for i := range 4 { // 0 goes on, 1 loses Sysmon, 2 is switched off, 3 never had it
		channel := "microsoft-windows-sysmon/operational"
		if i == 3 {
			channel = "Security"
		}
		b.Visited(visit(i, "events"))
		sent, marks := batch(from(i).Name, mark(channel, 1, 9, start, start, 0))
		b.Delivered(sent, marks, 0, nil)
	}
	if got := sysmonHosts(t, b); got["reporting"] != 3 || got["silent"] != 0 {
		t.Errorf("at first: %v", got)
	}
	c.now = c.now.Add(2 * time.Hour)
	for _, i := range []int{0, 1, 3} {
		b.Visited(visit(i, "heartbeat"))
	}
	sent, marks := batch(from(0).Name, mark("Microsoft-Windows-Sysmon/Operational", 10, 12, start, start, 0)) // old events, but they come
	sent.Received = c.now
	b.Delivered(sent, marks, 0, nil)
	if got := sysmonHosts(t, b); got["reporting"] != 1 || got["silent"] != 1 {
		t.Errorf("two hours later: %v", got)
	}
}
