package main

import (
	"fmt"
	"testing"

	"github.com/wefka/wefka/internal/kafkatest"
	"github.com/wefka/wefka/internal/kdctest"
)

const service = "HTTP/wec01.example.test"

// domain is a KDC with n computer accounts, and the keytabs of both sides.
func domain(t *testing.T, n int) (kdc *kdctest.KDC, hosts, collector string) {
	t.Helper()
	realm := kdctest.Realm{Name: "EXAMPLE.TEST", Principals: []kdctest.Principal{{Name: service}}}
	var names []string
	for i := range n {
		name := fmt.Sprintf("PC-%04d$", i+1)
		names = append(names, name)
		realm.Principals = append(realm.Principals, kdctest.Principal{Name: name, Etypes: []string{kdctest.Etypes[18]}})
	}
	kdc = kdctest.MIT(t, realm)
	return kdc, kdc.Keytab(realm.Name, names...), kdc.Keytab(realm.Name, service)
}

// TestKerberosLine is the straight line under Kerberos: one process serves hosts with tickets and hosts with certificates over one set
// of subscriptions, is killed in the middle, and nothing that was acknowledged is missing.
func TestKerberosLine(t *testing.T) {
	kafka := kafkatest.Start(t)
	kafka.CreateTopic("wef.lab", 6, nil)
	kafka.CreateTopic("wef.dead", 1, nil)
	kdc, hosts, collector := domain(t, 50)
	l := newLab(t, kafka.Addr(), "lab", sysmonQuery, "json")
	address := l.listenKerberos(collector)
	l.configure("identity: {computer: reject}\n") // the realm is the hosts' domain
	tickets := []string{"--url", "http://localhost:" + port(address) + "/wsman/SubscriptionManager/WEC", "--keytab", hosts, "--krb5-conf", kdc.Krb5Conf(), "--spn", service}
	s := l.serve()

	// Negotiate, and certificates beside it.
	f, certificates := l.start(append(tickets, "--negotiate", "--sldc=off", "--events", "2000")), l.simulate("--hosts", "5", "--events", "1000")
	_, acked := f.wait()
	_, more := certificates.wait()
	for id := range more {
		acked[id] = true
	}
	if len(acked) != 3000 {
		t.Errorf("%d events acknowledged, want 3000", len(acked))
	}

	f = l.start(append(tickets, "--events", "20000", "--batch", "20"))
	waitAcked(t, f, 8000)
	s.kill()
	s = l.serve()
	report, more := f.wait()
	for id := range more {
		acked[id] = true
	}
	if report.Hosts != 50 || report.Events.Acked != 20000 {
		t.Errorf("%d hosts, %d events acknowledged; want 50 and 20000", report.Hosts, report.Events.Acked)
	}
	records, _ := consumed(t, kafka.Addr(), "wef.lab", acked)
	auth := map[string]int{}
	for _, r := range records {
		auth[header(r, "wef.auth")]++
	}
	t.Logf("records by proof: %v", auth)
	for _, method := range []string{"kerberos", "negotiate", "tls"} {
		if auth[method] == 0 {
			t.Errorf("no record came by %s", method)
		}
	}
	s.stop(t)
}
