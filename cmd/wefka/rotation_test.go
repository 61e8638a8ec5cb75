package main

import (
	"crypto/tls"
	"maps"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/wefka/wefka/internal/kafkatest"
)

// A whole change of authorities under 200 connected hosts: hosts of A, then A and B side by side, then B alone, with a new server
// certificate and a new keytab on the way. No delivery is refused, and who comes with the old authority afterwards is turned away.
func TestRotation(t *testing.T) {
	kafka := kafkatest.Fake(t, 1, 6, "wef.lab", "wef.dead")
	kdc, tickets, keytab := domain(t, 20)
	l := newLab(t, kafka.ListenAddrs()[0], "lab", sysmonQuery, "json")
	address := l.listenKerberos(keytab)
	l.wefka("pki", "init", "--dir", l.path("b"), "--name", "authority B")
	read := func(name string) string {
		t.Helper()
		b, err := os.ReadFile(l.path(name))
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	a, b := read("ca.pem"), read("b/ca.pem")
	l.write("clients.pem", a)
	l.edit("client_ca: ca.pem", "client_ca: clients.pem")
	s := l.serve()
	hosts := func(authority, name string, args ...string) *fleet {
		return l.start(append([]string{"--url", "https://localhost:" + port(l.address) + "/wsman/SubscriptionManager/WEC", "--ca", l.path("ca.pem"),
			"--issue-ca", l.path(authority + "ca.pem"), "--issue-key", l.path(authority + "ca.key"), "--name", name}, args...))
	}
	domainHosts := l.start([]string{"--url", "http://localhost:" + port(address) + "/wsman/SubscriptionManager/WEC", "--keytab", tickets, "--krb5-conf", kdc.Krb5Conf(),
		"--spn", service, "--hosts", "20", "--rate", "100", "--events", "1500"})
	old := hosts("", "old-%05d.lab.example", "--hosts", "100", "--rate", "200", "--events", "3000")
	waitMetric(t, l, `wefka_connections{auth="tls",listener="tls"} 100`)

	reloaded := func(what string, change func()) {
		t.Helper()
		before := strings.Count(s.logs.all(), `"msg":"reloaded"`)
		change()
		deadline := time.NewTimer(20 * time.Second)
		defer deadline.Stop()
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for strings.Count(s.logs.all(), `"msg":"reloaded"`) == before {
			select {
			case <-tick.C:
			case <-deadline.C:
				t.Fatalf("%s: not taken", what)
			}
		}
	}
	reloaded("A and B", func() { l.write("clients.pem", a+b) })
	young := hosts("b/", "new-%05d.lab.example", "--hosts", "100", "--rate", "200", "--events", "3000")
	waitAcked(t, young, 300) // both are at work
	before := serial(t, l)
	reloaded("a new server certificate", func() { l.wefka("pki", "server", "--dir", l.dir, "--host", "localhost", "--host", "127.0.0.1") })
	if serial(t, l) == before {
		t.Error("the old server certificate is still shown")
	}
	reloaded("a new key of the domain", func() { kdc.AddKeys(keytab, "EXAMPLE.TEST", service) })
	acked := map[string]bool{}
	for _, f := range []*fleet{old, domainHosts} {
		report, ids := f.wait()
		if report.Batches.Refused != 0 || len(report.Errors) != 0 {
			t.Errorf("%d batches refused, errors %v", report.Batches.Refused, report.Errors)
		}
		maps.Copy(acked, ids)
	}
	reloaded("B alone", func() { l.write("clients.pem", b) })
	report, ids := young.wait()
	if report.Batches.Refused != 0 || len(report.Errors) != 0 {
		t.Errorf("%d batches refused, errors %v", report.Batches.Refused, report.Errors)
	}
	maps.Copy(acked, ids)
	late := hosts("", "old-%05d.lab.example", "--hosts", "1", "--events", "1", "--duration", "1s")
	if err := <-late.done; err == nil {
		t.Error("a host of the old authority is let in")
	}
	consumed(t, kafka.ListenAddrs()[0], "wef.lab", acked)
}

// serial is that of the certificate that a new connection sees.
func serial(t *testing.T, l *lab) string {
	t.Helper()
	var number string
	conn, err := tls.Dial("tcp", l.address, &tls.Config{InsecureSkipVerify: true, VerifyConnection: func(s tls.ConnectionState) error {
		number = s.PeerCertificates[0].SerialNumber.String()
		return nil
	}})
	if err == nil {
		conn.Close() // with TLS 1.3 the client learns later that it has no certificate
	}
	return number
}
