package producer_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/wefka/wefka/internal/kafkatest"
	"github.com/wefka/wefka/output/producer"
)

// TestCircuit: Kafka falls silent, callers are turned away; it answers again, one finds out, and the doors open by and by.
func TestCircuit(t *testing.T) {
	t.Parallel()
	var l lossy
	cluster := l.cluster(t, 1, 4, "events")
	p := start(t, cluster.ListenAddrs(), func(c *producer.Config) { c.DeliveryTimeout, c.Buffer = time.Second, 16<<20 })
	eventually(t, 10*time.Second, func() error { // 400 ms an attempt are little on a busy machine
		_, err := deliver(limit(t, 10*time.Second), p, "events", "k", values("v", 1))
		return err
	})
	if s := p.Stats(); s.Circuit != producer.Closed || !p.Accepting() || s.LastAck.IsZero() {
		t.Errorf("%+v", s)
	}
	l.silent.Store(true)
	_, err := deliver(limit(t, 10*time.Second), p, "events", "k", values("w", 1))
	if err == nil || !strings.Contains(err.Error(), "events/") {
		t.Errorf("silent, and yet: %v", err)
	}
	eventually(t, 5*time.Second, func() error {
		if s := p.Stats(); s.Circuit != producer.Open {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	probe := make(chan error, 1)
	go func() {
		_, err := deliver(limit(t, 10*time.Second), p, "events", "a", values("probe", 1))
		probe <- err
	}()
	eventually(t, 5*time.Second, func() error {
		if p.Accepting() {
			return errors.New("another is let in beside the probe")
		}
		return nil
	})
	if _, err := deliver(limit(t, time.Second), p, "events", "b", values("x", 1)); !errors.Is(err, producer.ErrOpen) {
		t.Errorf("%v, want ErrOpen", err)
	}
	if err := <-probe; err == nil {
		t.Error("the probe was acknowledged by a silent broker")
	}
	l.silent.Store(false)
	eventually(t, 10*time.Second, func() error {
		_, err := deliver(limit(t, 10*time.Second), p, "events", "c", values("y", 1))
		return err
	})
	if s := p.Stats(); s.Circuit != producer.HalfOpen || !p.Accepting() {
		t.Errorf("%+v", s)
	}
	eventually(t, 10*time.Second, func() error { // 2 MB, 4, 8, 16
		if s := p.Stats(); s.Circuit != producer.Closed {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
}

// TestNobodyThere: the reason is in the error, the circuit opens, and the producer finds Kafka when it comes.
func TestNobodyThere(t *testing.T) {
	t.Parallel()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	ln.Close()
	p := start(t, []string{addr}, func(c *producer.Config) { c.DeliveryTimeout = time.Second })
	if err := p.Check(limit(t, 5*time.Second)); err == nil || !strings.Contains(err.Error(), "nobody listens there") || !strings.Contains(err.Error(), addr) {
		t.Error(err)
	}
	_, err = deliver(limit(t, time.Second), p, "events", "k", values("v", 1))
	if err == nil || !strings.Contains(err.Error(), "nobody listens there") {
		t.Error(err)
	}
	if p.Accepting() {
		t.Error("accepting, with nobody there")
	}
	var l lossy
	back := l.clusterAt(t, addr)
	eventually(t, 10*time.Second, func() error {
		_, err := deliver(limit(t, time.Second), p, "events", "k", values("v", 1))
		return err
	})
	if got, _ := stored(t, back.ListenAddrs()[0], "events"); len(got["k"]) != 1 {
		t.Error(got)
	}
}

// TestClose: it lets no more in, waits for what is in flight, and gives up when its time is over.
func TestClose(t *testing.T) {
	var l lossy
	cluster := l.cluster(t, 1, 1, "events")
	p := start(t, cluster.ListenAddrs(), nil)
	l.requests.Store(2)
	var d producer.Delivery
	if err := p.Append(limit(t, 5*time.Second), &d, "events", []byte("k"), values("v", 3)); err != nil {
		t.Fatal(err)
	}
	if err := p.Close(limit(t, 10*time.Second)); err != nil {
		t.Error(err)
	}
	if refused, err := d.Wait(t.Context()); err != nil || refused != nil {
		t.Error(refused, err)
	}
	if _, err := deliver(t.Context(), p, "events", "k", values("w", 1)); !errors.Is(err, producer.ErrClosed) || p.Accepting() {
		t.Error(err)
	}
	if err := p.Close(t.Context()); err != nil {
		t.Error(err)
	}

	q := start(t, cluster.ListenAddrs(), func(c *producer.Config) { c.Buffer = 400_000; c.Compression = "none" })
	if _, err := deliver(limit(t, 5*time.Second), q, "events", "k", values("x", 1)); err != nil {
		t.Fatal(err)
	}
	l.silent.Store(true)
	results := make(chan error, 20)
	for range cap(results) { // some are in flight, some in the queue, some wait for room
		go func() {
			_, err := deliver(t.Context(), q, "events", "k", []producer.Record{{Value: make([]byte, 20_000)}})
			results <- err
		}()
	}
	eventually(t, 5*time.Second, func() error {
		if s := q.Stats(); s.BufferedBytes < 60_000 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := q.Close(ctx); err == nil || !strings.Contains(err.Error(), "given up") {
		t.Error(err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("close took %v", took)
	}
	for range cap(results) {
		if err := <-results; !errors.Is(err, producer.ErrClosed) {
			t.Error(err)
		}
	}
	if s := q.Stats(); s.BufferedBytes != 0 || s.BufferedRecords != 0 {
		t.Errorf("%+v", s)
	}
}

// TestSetTopics: new topics can be appended to, old ones cannot, and what is on its way to them arrives.
func TestSetTopics(t *testing.T) {
	t.Parallel()
	var l lossy
	cluster := l.cluster(t, 2, 2, "events", "more")
	p := start(t, cluster.ListenAddrs(), nil)
	if _, err := deliver(limit(t, 5*time.Second), p, "more", "k", values("v", 1)); !errors.Is(err, producer.ErrTopic) {
		t.Error(err)
	}
	if _, err := deliver(limit(t, 5*time.Second), p, "events", "k", values("v", 1)); err != nil {
		t.Fatal(err)
	}
	l.requests.Store(3)
	var d producer.Delivery
	if err := p.Append(limit(t, 5*time.Second), &d, "events", []byte("k"), values("w", 1)); err != nil {
		t.Fatal(err)
	}
	p.SetTopics([]string{"more", "more"})
	if _, err := deliver(limit(t, 5*time.Second), p, "more", "k", values("x", 1)); err != nil {
		t.Error(err)
	}
	if _, err := deliver(limit(t, 5*time.Second), p, "events", "k", values("y", 1)); !errors.Is(err, producer.ErrTopic) {
		t.Error(err)
	}
	if refused, err := d.Wait(limit(t, 10*time.Second)); refused != nil || err != nil {
		t.Error(refused, err)
	}
	p.SetTopics([]string{"events"})
	if _, err := deliver(limit(t, 5*time.Second), p, "events", "k", values("z", 1)); err != nil {
		t.Error(err)
	}
	got, _ := stored(t, cluster.ListenAddrs()[0], "events", "more")
	if diff := cmp.Diff(map[string][]string{"k": {"v-0", "w-0", "z-0", "x-0"}}, got); diff != "" {
		t.Error(diff)
	}
}

// TestMissingTopic: it is named, with what to do, and found when it is made.
func TestMissingTopic(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Fake(t, 1, 1, "events")
	p := start(t, cluster.ListenAddrs(), func(c *producer.Config) { c.Topics = []string{"events", "missing"} })
	if err := p.Check(limit(t, 5*time.Second)); err == nil || !strings.Contains(err.Error(), "missing") || !strings.Contains(err.Error(), "create the topic") || strings.Contains(err.Error(), "topic events") {
		t.Error(err)
	}
	if _, err := deliver(limit(t, 5*time.Second), p, "events", "k", values("v", 1)); err != nil {
		t.Error(err)
	}
	if _, err := deliver(limit(t, 9*time.Second), p, "missing", "k", values("v", 1)); err == nil || !strings.Contains(err.Error(), "create the topic") {
		t.Error(err)
	}
	if err := p.CreateTopics(limit(t, 5*time.Second), 3, 1, "missing", "events"); err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, func() error {
		_, err := deliver(limit(t, 5*time.Second), p, "missing", "k", values("v", 1))
		return err
	})
	if err := p.Check(limit(t, 5*time.Second)); err != nil {
		t.Error(err)
	}
}

// TestGathers: what many callers bring while a request is under way goes in few requests, a linger makes them fewer.
func TestGathers(t *testing.T) {
	for _, linger := range []time.Duration{0, 50 * time.Millisecond} {
		broker := newNullBroker(t, 12)
		p := start(t, []string{broker.addr()}, func(c *producer.Config) { c.Linger = linger })
		registry := prometheus.NewRegistry()
		registry.MustRegister(p.Metrics()...)
		var all sync.WaitGroup
		for i := range 500 {
			all.Go(func() {
				if _, err := deliver(limit(t, 10*time.Second), p, "events", fmt.Sprint(i), values("v", 10)); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		t.Logf("linger %v: %d requests", linger, broker.Requests.Load())
		if n := broker.Requests.Load(); n > 100 || linger > 0 && n > 20 {
			t.Errorf("linger %v: %d requests", linger, n)
		}
		if err := testutil.GatherAndCompare(registry, strings.NewReader(`
# HELP kafka_records_total Records that all in-sync replicas have acknowledged.
# TYPE kafka_records_total counter
kafka_records_total{topic="events"} 5000
# HELP kafka_circuit_open 1 while Kafka is away and requests are turned away unread.
# TYPE kafka_circuit_open gauge
kafka_circuit_open 0
# HELP kafka_buffered_bytes Their bytes, uncompressed.
# TYPE kafka_buffered_bytes gauge
kafka_buffered_bytes 0
`), "kafka_records_total", "kafka_circuit_open", "kafka_buffered_bytes"); err != nil {
			t.Error(err)
		}
		if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
			t.Error(problems, err)
		}
	}
}

// TestRequestSize: a request has its limit, and a record that is larger than a batch, or than a request, goes all the same.
func TestRequestSize(t *testing.T) {
	broker := newNullBroker(t, 24)
	p := start(t, []string{broker.addr()}, func(c *producer.Config) { c.Compression = "none" })
	ctx := limit(t, 20*time.Second)
	var all sync.WaitGroup
	for i := range 100 {
		all.Go(func() {
			if _, err := deliver(ctx, p, "events", fmt.Sprint(i), []producer.Record{{Value: make([]byte, 450_000)}, {Value: make([]byte, 450_000)}}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if n := broker.Largest.Load(); n < 4_000_000 || n > 8_010_000 {
		t.Errorf("largest request: %d bytes", n)
	}
	if _, err := deliver(ctx, p, "events", "k", []producer.Record{{Value: make([]byte, 3_000_000)}, {Value: make([]byte, 10)}, {Value: make([]byte, 9_000_000)}, {Value: make([]byte, 9_000_000)}}); err != nil {
		t.Error(err)
	}
	if n := broker.Largest.Load(); n < 9_000_000 || n > 9_100_000 {
		t.Errorf("largest request: %d bytes", n)
	}
}

func TestConfig(t *testing.T) {
	good := producer.Config{Brokers: []string{"127.0.0.1:1"}, Topics: []string{"t"}}
	for name, change := range map[string]func(*producer.Config){
		"brokers":   func(c *producer.Config) { c.Brokers = nil },
		"host:port": func(c *producer.Config) { c.Brokers = []string{"kafka"} },
		"topics":    func(c *producer.Config) { c.Topics = nil },
		"zstd":      func(c *producer.Config) { c.Compression = "brotli" },
		"scram":     func(c *producer.Config) { c.SASL.Mechanism = "gssapi" },
		"negative":  func(c *producer.Config) { c.Linger = -1 },
	} {
		c := good
		change(&c)
		if _, err := producer.New(c); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
