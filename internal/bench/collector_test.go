package bench_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/wefka/wefka/internal/kdctest"
)

// lab is a folder with what the collector and its hosts need.
type lab struct {
	b         testing.TB
	dir       string
	address   string
	broker    string
	topic     string
	url       string
	host      []string // flags of simulate: who the hosts are
	listener  string   // of the configuration
	more      string   // of the configuration
	collector *process
	admin     http.Client
}

const query = `<QueryList><Query Id="0"><Select Path="Microsoft-Windows-Sysmon/Operational">*</Select></Query></QueryList>`

// newLab writes certificates; with a domain hosts prove themselves to it instead.
func newLab(b testing.TB, broker string, d *domain) *lab {
	b.Helper()
	dir, err := os.MkdirTemp("", "wefka-bench-") // short: a socket's path has little room
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	l := &lab{b: b, dir: dir, address: freeAddress(b), broker: broker}
	_, port, _ := net.SplitHostPort(l.address)
	path := "/wsman/SubscriptionManager/WEC"
	if d != nil {
		l.listener = fmt.Sprintf(`{name: kerberos, address: %q, kerberos: {keytab: %q}}`, l.address, d.service)
		l.url = "http://localhost:" + port + path
		l.host = []string{"--keytab", d.hosts, "--krb5-conf", d.kdc.Krb5Conf(), "--spn", service}
	} else {
		for _, args := range [][]string{{"init", "--name", "bench"}, {"server", "--host", "localhost"}} {
			if out, err := exec.Command(wefka(b), append([]string{"pki", args[0], "--dir", dir}, args[1:]...)...).CombinedOutput(); err != nil {
				b.Fatalf("wefka pki: %v\n%s", err, out)
			}
		}
		l.listener = fmt.Sprintf(`{name: tls, address: %q, tls: {certificate: server.pem, key: server.key, client_ca: ca.pem}}`, l.address)
		l.url = "https://localhost:" + port + path
		l.host = []string{"--ca", l.path("ca.pem"), "--issue-ca", l.path("ca.pem"), "--issue-key", l.path("ca.key")}
	}
	l.admin.Transport = &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", l.path("admin.sock"))
	}}
	return l
}

func (l *lab) path(name string) string { return filepath.Join(l.dir, name) }

func (l *lab) write(name, text string) {
	l.b.Helper()
	if err := os.MkdirAll(filepath.Dir(l.path(name)), 0o755); err != nil {
		l.b.Fatal(err)
	}
	if err := os.WriteFile(l.path(name), []byte(text), 0o644); err != nil {
		l.b.Fatal(err)
	}
}

// serve starts the collector with one subscription, whose events go to the topic wef.NAME, and waits until it is ready.
func (l *lab) serve(name, format string) {
	l.b.Helper()
	l.write("wefka.yaml", fmt.Sprintf(`node: bench
subscriptions: subscriptions.d
listeners: [%s]
kafka: {brokers: [%q], compression: %s}
state: {path: state.db}
admin: {address: "", socket: %q, pprof: true}
%s`, l.listener, l.broker, *compressionFlag, l.path("admin.sock"), l.more))
	l.write("subscriptions.d/bench.yaml", fmt.Sprintf(`name: %s
id: 3d3cbb1f-6b4e-4c7a-8c4e-0d5c2b1a9f70
query: |
  %s
read_existing_events: true
delivery: {max_time: 5s, retry: {count: 100, interval: 1s}}
output: {format: %s}
`, name, query, format))
	l.topic = "wef." + name
	l.collector = start(l.b, wefka(l.b), []string{"WEFKA_ADMIN="}, "serve", "--config", l.path("wefka.yaml"), "--log-level", "warn")
	l.b.Cleanup(func() {
		if l.b.Failed() {
			l.b.Logf("serve said:\n%s", l.collector.stderr.Bytes())
		}
	})
	ctx, cancel := context.WithTimeout(l.b.Context(), 30*time.Second)
	defer cancel()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		if _, err := l.get("/readyz"); err == nil {
			return
		}
		select {
		case <-poll.C:
		case <-l.collector.ended:
			l.b.Fatalf("serve: %v", l.collector.err)
		case <-ctx.Done():
			l.b.Fatal("serve is not ready after 30 s")
		}
	}
}

func (l *lab) stop() {
	l.b.Helper()
	l.collector.Process.Signal(os.Interrupt)
	<-l.collector.ended
	if l.collector.err != nil {
		l.b.Errorf("serve did not stop cleanly: %v", l.collector.err)
	}
}

func (l *lab) get(path string) ([]byte, error) {
	res, err := l.admin.Get("http://admin" + path)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, res.Status)
	}
	return body, err
}

// metrics are the sums of all metrics over their labels.
func (l *lab) metrics() map[string]float64 {
	l.b.Helper()
	text, err := l.get("/metrics")
	if err != nil {
		l.b.Fatal(err)
	}
	sums := map[string]float64{}
	for line := range strings.Lines(string(text)) {
		if line[0] == '#' {
			continue
		}
		value, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' '):]), 64)
		if err != nil {
			l.b.Fatal(err)
		}
		sums[line[:strings.IndexAny(line, "{ ")]] += value
	}
	return sums
}

// await returns when a metric has reached a value, while a fleet is at work.
func (l *lab) await(f *process, metric string, value float64) {
	l.b.Helper()
	poll := time.NewTicker(50 * time.Millisecond)
	defer poll.Stop()
	for l.metrics()[metric] < value {
		select {
		case <-poll.C:
		case <-f.ended:
			l.b.Fatalf("simulate ended before %s was %g: %v\n%s", metric, value, f.err, f.stderr.Bytes())
		}
	}
}

// domain is a KDC with computer accounts, and the keytabs of both sides.
type domain struct {
	kdc            *kdctest.KDC
	hosts, service string
}

const service = "HTTP/wec01.example.test"

func newDomain(b testing.TB, n int) *domain {
	b.Helper()
	realm := kdctest.Realm{Name: "EXAMPLE.TEST", Principals: []kdctest.Principal{{Name: service}}}
	var names []string
	for i := range n {
		name := fmt.Sprintf("PC-%05d$", i+1)
		names = append(names, name)
		realm.Principals = append(realm.Principals, kdctest.Principal{Name: name, Etypes: []string{kdctest.Etypes[18]}})
	}
	kdc := kdctest.MIT(b, realm)
	return &domain{kdc, kdc.Keytab(realm.Name, names...), kdc.Keytab(realm.Name, service)}
}

func freeAddress(b testing.TB) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
