package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/wefka/wefka/certs"
	"github.com/wefka/wefka/internal/kafkatest"
)

func (s *server) wait(t testing.TB, text string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	line, err := s.logs.wait(ctx, text)
	if err != nil {
		t.Fatal(err)
	}
	return line
}

func (l *lab) get(path string) (int, string) {
	l.t.Helper()
	r, err := http.Get("http://" + l.admin + path)
	if err != nil {
		l.t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	return r.StatusCode, string(body)
}

// A clean stop in the middle of a run: what was acknowledged is written, the hosts go on with the next process.
func TestStopInTheMiddle(t *testing.T) {
	broker := kafkatest.Fake(t, 1, 3, "wef.lab", "wef.dead").ListenAddrs()[0]
	l := newLab(t, broker, "lab", sysmonQuery, "json")
	s := l.serve()
	f := l.simulate("--hosts", "20", "--events", "20000", "--batch", "20")
	for i := range 2 {
		waitAcked(t, f, (i+1)*5000)
		s.stop(t)
		s = l.serve()
	}
	_, acked := f.wait()
	s.stop(t)
	consumed(t, broker, "wef.lab", acked)
}

// A second signal ends the process at once, whatever it waits for.
func TestSecondSignal(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	accepted := make(chan net.Conn, 100)
	go func() { // a broker that takes connections and never answers
		for {
			c, err := silent.Accept()
			if err != nil {
				return
			}
			accepted <- c
		}
	}()
	l := newLab(t, silent.Addr().String(), "lab", sysmonQuery, "json")
	s := l.serve()
	l.simulate("--hosts", "1", "--events", "1")
	<-accepted
	waitMetric(t, l, `wefka_http_requests_total{action="heartbeat",code="200",listener="tls"} 1`)
	waitMetric(t, l, "wefka_requests_in_flight 1")
	s.cmd.Process.Signal(syscall.SIGTERM)
	s.wait(t, `"msg":"stopping"`)
	s.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.done:
	case <-time.After(5 * time.Second):
		t.Fatal("still there 5 s after the second signal")
	}
	if code := s.cmd.ProcessState.ExitCode(); code != exitFailure {
		t.Errorf("exit code %d", code)
	}
}

// waitReady waits for what /readyz says, which is never 503 here.
func waitReady(t testing.TB, l *lab, want string) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		code, body := l.get("/readyz")
		if code == 200 && body == want {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("readyz: %d %s, want %s", code, body, want)
		}
	}
}

func waitMetric(t testing.TB, l *lab, line string) {
	t.Helper()
	deadline := time.NewTimer(20 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		_, metrics := l.get("/metrics")
		if strings.Contains(metrics, line) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("no metric %s in\n%s", line, metrics)
		}
	}
}

// Subscriptions and certificates are taken while running; a mistake leaves the old in use and is seen.
func TestReload(t *testing.T) {
	broker := kafkatest.Fake(t, 1, 3, "wef.lab", "wef.more", "wef.dead").ListenAddrs()[0]
	l := newLab(t, broker, "lab", sysmonQuery, "json")
	s := l.serve()

	l.write("subscriptions.d/broken.yaml", "name: broken\nquerry: x\n")
	if line := s.wait(t, `"msg":"reload failed"`); !strings.Contains(line, "broken.yaml:2") || !strings.Contains(line, "query") {
		t.Errorf("the log does not say where: %s", line)
	}
	if code, body := l.get("/readyz?verbose"); code != 200 || !strings.Contains(body, `"status":"degraded"`) || !strings.Contains(body, "broken.yaml") {
		t.Errorf("readyz: %d %s", code, body)
	}
	if _, body := l.get("/metrics"); !strings.Contains(body, "wefka_config_last_reload_successful 0") {
		t.Error("the metric does not say that the reload failed")
	}

	if err := os.Remove(l.path("subscriptions.d/broken.yaml")); err != nil {
		t.Fatal(err)
	}
	l.write("subscriptions.d/more.yaml", "name: more\nid: 1b5a3f2e-8c1d-4f6a-9e7b-2d3c4b5a6978\nread_existing_events: true\nquery: "+sysmonQuery+"\ndelivery: {max_time: 1s}\n")
	s.wait(t, `"msg":"reloaded"`)
	if code, body := l.get("/readyz"); code != 200 || body != "ok\n" {
		t.Errorf("readyz: %d %s", code, body)
	}
	l.simulate("--hosts", "2", "--events", "200", "--rate", "100").wait()
	for _, topic := range []string{"wef.lab", "wef.more"} {
		if n := len(kafkatest.ReadAll(t, broker, topic)); n == 0 {
			t.Errorf("nothing in %s: hosts did not get both subscriptions", topic)
		}
	}

	// A new server certificate by SIGHUP: the metric has its date, and hosts still come in.
	l.wefka("pki", "server", "--dir", l.dir, "--host", "localhost", "--days", "7")
	pair, err := certs.LoadPair(l.path("server.pem"), l.path("server.key"))
	if err != nil {
		t.Fatal(err)
	}
	s.cmd.Process.Signal(syscall.SIGHUP)
	waitMetric(t, l, fmt.Sprintf(`wefka_certificate_not_after_timestamp_seconds{name="localhost",role="server"} %g`, float64(pair.Certificate.NotAfter.Unix())))
	l.simulate("--hosts", "1", "--events", "10").wait()
	s.stop(t)
}

// Health: loading and stopping are told from Kafka being away, which takes no node out of the balancer.
func TestReadyWithoutKafka(t *testing.T) {
	l := newLab(t, freeAddress(t), "lab", sysmonQuery, "json")
	s := l.serve()
	if line := s.wait(t, `"msg":"kafka is not ready for us"`); !strings.Contains(line, "refused") {
		t.Errorf("the log does not say why: %s", line)
	}
	if code, body := l.get("/livez"); code != 200 || body != "ok\n" {
		t.Errorf("livez: %d %s", code, body)
	}
	if code, _ := l.get("/readyz"); code != 200 {
		t.Errorf("readyz: %d while only Kafka is away", code)
	}
	waitReady(t, l, "degraded\n")
	_, body := l.get("/readyz?verbose")
	var ready struct {
		Status string
		Checks []check
	}
	if err := json.Unmarshal([]byte(body), &ready); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range ready.Checks {
		names = append(names, c.Name)
	}
	if !slices.Equal(names, []string{"config", "listeners", "state", "kafka"}) {
		t.Errorf("checks %v", names)
	}
	s.stop(t)
}

// Every metric that the program exports is in the manual, and the other way round.
func TestMetricsAreDocumented(t *testing.T) {
	broker := kafkatest.Fake(t, 1, 3, "wef.lab", "wef.dead").ListenAddrs()[0]
	l := newLab(t, broker, "lab", sysmonQuery, "json")
	s := l.serve()
	l.simulate("--hosts", "2", "--events", "100").wait()
	_, body := l.get("/metrics")
	s.stop(t)
	checkMetrics(t, body)
	documented := map[string]bool{}
	manual, err := os.ReadFile("../../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `(wefka_[a-z0-9_]+)`").FindAllStringSubmatch(string(manual), -1) {
		documented[m[1]] = true
	}
	if len(documented) == 0 {
		t.Fatal("no metric in docs/metrics.md")
	}
	exported := map[string]bool{}
	for scan := bufio.NewScanner(strings.NewReader(body)); scan.Scan(); {
		var name string
		if n, _ := fmt.Sscanf(scan.Text(), "# HELP %s", &name); n == 1 && strings.HasPrefix(name, "wefka_") {
			exported[name] = true
			if !documented[name] {
				t.Errorf("%s is not in docs/metrics.md", name)
			}
		}
	}
	for _, name := range []string{"wefka_build_info", "wefka_events_total", "wefka_batches_total", "wefka_kafka_records_total", "wefka_http_requests_total", "wefka_bookmark_writes_total"} {
		if !exported[name] {
			t.Errorf("%s is not exported", name)
		}
	}
}
