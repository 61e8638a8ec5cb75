package main

import (
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/wefka/wefka/internal/kafkatest"
)

var stateSettings = map[string]string{"cleanup.policy": "compact", "retention.ms": "-1"}

// another is a second node of the same collector: certificates, subscriptions, Kafka and state are the same.
func (l *lab) another() *lab {
	l.t.Helper()
	b := &lab{t: l.t, dir: l.t.TempDir(), program: l.program, address: freeAddress(l.t), admin: freeAddress(l.t)}
	if err := os.CopyFS(b.dir, os.DirFS(l.dir)); err != nil {
		l.t.Fatal(err)
	}
	config, err := os.ReadFile(l.path("wefka.yaml"))
	if err != nil {
		l.t.Fatal(err)
	}
	b.write("wefka.yaml", strings.NewReplacer(l.address, b.address, l.admin, b.admin, "node: lab", "node: other").Replace(string(config)))
	return b
}

// share moves the lab's state into Kafka.
func (l *lab) share() {
	l.t.Helper()
	config, err := os.ReadFile(l.path("wefka.yaml"))
	if err != nil {
		l.t.Fatal(err)
	}
	l.write("wefka.yaml", strings.Replace(string(config), "state: {path: state.db}", "state: {backend: kafka}", 1))
}

// recordIDs gives the first and last record id of each host and channel.
func recordIDs(records []kafkatest.Record) (first, last map[string]uint64) {
	first, last = map[string]uint64{}, map[string]uint64{}
	for _, r := range records {
		stream := string(r.Key) + " " + header(r, "wef.channel")
		var n uint64
		fmt.Sscan(header(r, "wef.record_id"), &n)
		if first[stream] == 0 || n < first[stream] {
			first[stream] = n
		}
		last[stream] = max(last[stream], n)
	}
	return first, last
}

// TestSharedState runs two nodes over one topic of state. Hosts that move to the other node go on where they were after a clean stop,
// and no further back than what was written when a node is killed.
func TestSharedState(t *testing.T) {
	kafka := kafkatest.Start(t)
	kafka.CreateTopic("wef.lab", 6, nil)
	kafka.CreateTopic("wef.dead", 1, nil)
	kafka.CreateTopic("wef.state", 12, stateSettings)
	a := newLab(t, kafka.Addr(), "lab", sysmonQuery, "json")
	a.share()
	b := a.another()
	nodeA, nodeB := a.serve(), b.serve()
	waitReady(t, a, "ok\n")
	waitReady(t, b, "ok\n")

	acked := map[string]bool{}
	deliver := func(l *lab) {
		t.Helper()
		_, ids := l.simulate("--hosts", "20", "--events", "2000").wait()
		for id := range ids {
			acked[id] = true
		}
	}
	deliver(a)
	nodeA.stop(t)
	deliver(b)
	// Strictly in order over both nodes, so no host began anew or was offered an older bookmark.
	records, duplicated := consumed(t, kafka.Addr(), "wef.lab", acked)
	if duplicated != 0 || len(records) != 4000 {
		t.Errorf("%d records, %d twice", len(records), duplicated)
	}
	nodeB.stop(t)
	first, written := recordIDs(records)
	for stream, n := range first {
		if n != 1 {
			t.Errorf("%s begins with record %d", stream, n)
		}
	}

	nodeB = b.serve()
	waitReady(t, b, "ok\n")
	deliver(b) // not written yet when
	nodeB.kill()
	nodeA = a.serve()
	waitReady(t, a, "ok\n")
	deliver(a)
	replayed := 0
	count := map[string]int{}
	for _, r := range kafkatest.ReadAll(t, kafka.Addr(), "wef.lab") {
		stream := string(r.Key) + " " + header(r, "wef.channel")
		id := stream + " " + header(r, "wef.record_id")
		if count[id]++; count[id] > 1 {
			replayed++
			var n uint64
			if fmt.Sscan(header(r, "wef.record_id"), &n); n <= written[stream] {
				t.Errorf("%s was replayed from record %d on; %d was written long before the node was killed", stream, n, written[stream])
			}
		}
	}
	t.Logf("%d of the killed node's 2000 events came again through the other", replayed)
	nodeA.stop(t)
}

// TestNodeIsKilled ends one of two nodes behind a balancer with kill -9: its hosts deliver through the other, and nothing that was
// acknowledged is missing.
func TestNodeIsKilled(t *testing.T) {
	kafka := kafkatest.Start(t)
	kafka.CreateTopic("wef.lab", 6, nil)
	kafka.CreateTopic("wef.dead", 1, nil)
	kafka.CreateTopic("wef.state", 12, stateSettings)
	a := newLab(t, kafka.Addr(), "lab", sysmonQuery, "json")
	a.share()
	b := a.another()
	nodeA, nodeB := a.serve(), b.serve()
	waitReady(t, a, "ok\n")
	waitReady(t, b, "ok\n")
	balancer := newBalancer(t, a.address)
	f := a.simulate("--connect", balancer.address, "--hosts", "50", "--events", "20000", "--batch", "20")
	waitAcked(t, f, 5000)
	balancer.to(b.address)
	nodeA.kill()
	report, acked := f.wait()
	if report.Batches.Retried == 0 {
		t.Error("no host had to retry: the kill came when nothing was going on")
	}
	if report.Enumerations > 100 {
		t.Errorf("%d enumerations of 50 hosts", report.Enumerations)
	}
	consumed(t, kafka.Addr(), "wef.lab", acked)
	nodeB.stop(t)
}

// Until the state is loaded no host is told anything, and the node says why.
func TestStateIsLoading(t *testing.T) {
	kafka := kafkatest.Fake(t, 1, 3, "wef.lab", "wef.dead")
	l := newLab(t, kafka.ListenAddrs()[0], "lab", sysmonQuery, "json")
	l.share()
	s := l.serve()
	if line := s.wait(t, `"msg":"state topic"`); !strings.Contains(line, "--create --topic wef.state") {
		t.Errorf("the log does not name the cure: %s", line)
	}
	code, body := l.get("/readyz?verbose")
	if code != 503 || !strings.Contains(body, `"status":"unready"`) || !strings.Contains(body, "--create --topic wef.state") {
		t.Errorf("readyz: %d %s", code, body)
	}
	f := l.simulate("--hosts", "1", "--events", "10")
	waitMetric(t, l, `wefka_requests_shed_total{reason="loading"} 1`)
	if err := kafka.CreateTopic("wef.state", 12, stateSettings); err != nil {
		t.Fatal(err)
	}
	waitReady(t, l, "ok\n")
	f.wait()
	waitMetric(t, l, "wefka_state_ready 1")
	s.stop(t)
}

// balancer hands connections to one address, or another.
type balancer struct {
	address string
	mu      sync.Mutex
	target  string
}

func newBalancer(t *testing.T, target string) *balancer {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &balancer{address: socket.Addr().String(), target: target}
	t.Cleanup(func() { socket.Close() })
	go func() {
		for {
			host, err := socket.Accept()
			if err != nil {
				return
			}
			go b.pass(host)
		}
	}()
	return b
}

func (b *balancer) to(target string) { b.mu.Lock(); b.target = target; b.mu.Unlock() }

func (b *balancer) pass(host net.Conn) {
	defer host.Close()
	b.mu.Lock()
	target := b.target
	b.mu.Unlock()
	node, err := net.Dial("tcp", target)
	if err != nil {
		return
	}
	defer node.Close()
	go func() {
		defer host.Close()
		io.Copy(host, node)
	}()
	io.Copy(node, host)
}
