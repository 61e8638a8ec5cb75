package compacted_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"go.uber.org/goleak"

	"github.com/wefka/wefka/internal/kafkatest"
	"github.com/wefka/wefka/internal/storetest"
	"github.com/wefka/wefka/output/fetch"
	"github.com/wefka/wefka/output/producer"
	"github.com/wefka/wefka/subscriptions"
	"github.com/wefka/wefka/subscriptions/compacted"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const topic = "wef.state"

var compact = map[string]string{"cleanup.policy": "compact", "retention.ms": "-1", "min.insync.replicas": "2"}

func fake(t testing.TB, partitions int, settings map[string]string) *kfake.Cluster {
	c := kafkatest.FakeWith(t, kfake.NumBrokers(1))
	must(t, c.CreateTopic(topic, int32(partitions), settings))
	return c
}

// node is what one collector has.
type node struct {
	*compacted.Store
	producer *producer.Producer
	topic    *fetch.Topic
	log      *lockedBuffer
}

// lockedBuffer is a log that can be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// newNode is one that is not started.
func newNode(t testing.TB, addr string) *node {
	t.Helper()
	p, err := producer.New(producer.Config{Brokers: []string{addr}, Topics: []string{topic}, Compression: "zstd", DeliveryTimeout: 5 * time.Second})
	must(t, err)
	n := &node{producer: p, topic: &fetch.Topic{Transport: p.Transport(topic), Brokers: p.Brokers(), Name: topic}, log: &lockedBuffer{}}
	n.Store = compacted.New(n.topic, p, slog.New(slog.NewTextHandler(n.log, nil)))
	t.Cleanup(func() { n.Close() })
	return n
}

// start is a node that has loaded.
func start(t testing.TB, addr string) *node {
	t.Helper()
	n := newNode(t, addr)
	n.Start(nil)
	n.loaded(t)
	return n
}

func (n *node) loaded(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	must(t, n.Loaded(ctx))
}

func (n *node) Settle(ctx context.Context) error { return n.Flush(ctx) }

func (n *node) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	return errors.Join(n.Store.Close(), n.producer.Close(ctx))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// eventually waits for a condition.
func eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.NewTimer(30 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("never: ", what)
		}
	}
}

func bookmark(t testing.TB, s subscriptions.Store, k subscriptions.Key) string {
	t.Helper()
	st, err := s.Get(k)
	must(t, err)
	return st.Bookmark
}

func TestContract(t *testing.T) {
	storetest.Run(t, func(t testing.TB) storetest.Open {
		addr := fake(t, 3, compact).ListenAddrs()[0]
		return func(t testing.TB, fault func(func() error) error) storetest.Subject {
			n := newNode(t, addr)
			n.Start(nil)
			n.loaded(t)
			if fault != nil {
				n.Close()
				n = newNode(t, addr)
				n.Intercept(fault)
				n.Start(nil)
				n.loaded(t)
			}
			return n
		}
	})
}

var key = subscriptions.Key{Subscription: "5f1c0d1e-2f7d-4a55-9b7e-6f6d6c1f0a11", Source: "pc-1$@corp.example"}

// at is a State with nothing but a bookmark and its delivery.
func at(n int) subscriptions.State {
	when := time.Date(2026, 3, 5, 9, 0, n, 0, time.UTC)
	return subscriptions.State{Bookmark: fmt.Sprint("mark ", n), FirstSeen: when, LastEvents: when, LastHeard: when}
}

// Nodes see each other's writes, and agree on what the log says last.
func TestTwoNodes(t *testing.T) {
	addr := fake(t, 3, compact).ListenAddrs()[0]
	a, b := start(t, addr), newNode(t, addr)
	seen := make(chan subscriptions.State, 100)
	b.Start(func(k subscriptions.Key, s subscriptions.State) { seen <- s })
	b.loaded(t)
	ctx := t.Context()

	must(t, a.Put(ctx, key, at(1)))
	if s := <-seen; s.Bookmark != "mark 1" {
		t.Error("seen", s)
	}
	eventually(t, "b has it", func() bool { return bookmark(t, b, key) == "mark 1" })

	// The host moves to b and delivers there; what a has not written yet is older, and is given up.
	must(t, a.Put(ctx, key, at(2)))
	must(t, b.Put(ctx, key, at(3)))
	must(t, b.Flush(ctx))
	eventually(t, "a has b's", func() bool { return bookmark(t, a, key) == "mark 3" })
	if n := testutil.ToFloat64(a.Metrics()[3]); n != 0 {
		t.Error("still to be written:", n)
	}

	// Both write at once, clocks apart: the last in the log wins on both, and after a start.
	must(t, a.Put(ctx, key, at(9)))
	must(t, a.Flush(ctx))
	must(t, b.Put(ctx, key, at(5)))
	must(t, b.Flush(ctx))
	for _, n := range []*node{a, b, start(t, addr)} {
		eventually(t, "the last wins", func() bool { return bookmark(t, n, key) == "mark 5" })
	}

	must(t, a.Delete(ctx, key))
	eventually(t, "b forgets too", func() bool { return bookmark(t, b, key) == "" })
}

// Nothing is said about any key before all is loaded.
func TestLoading(t *testing.T) {
	addr := fake(t, 3, compact).ListenAddrs()[0]
	a := start(t, addr)
	must(t, a.Put(t.Context(), key, at(1)))
	b := newNode(t, addr)
	leave := make(chan struct{})
	b.Intercept(func(write func() error) error { <-leave; return write() })
	b.Start(nil)
	for _, err := range []error{func() error { _, err := b.Get(key); return err }(), b.Put(t.Context(), key, at(2)), b.Delete(t.Context(), key)} {
		if !errors.Is(err, subscriptions.ErrLoading) {
			t.Error(err)
		}
	}
	if b.Ready() || !b.Loading() || testutil.ToFloat64(b.Metrics()[2]) != 0 {
		t.Error("ready")
	}
	close(leave)
	b.loaded(t)
	if !b.Ready() || b.Loading() || bookmark(t, b, key) != "mark 1" {
		t.Error("not loaded")
	}
}

// A bookmark waits for its round; the first of a key does not.
func TestCoalescing(t *testing.T) {
	addr := fake(t, 1, compact).ListenAddrs()[0]
	n := newNode(t, addr)
	writes := 0
	n.Intercept(func(write func() error) error { writes++; return write() })
	n.Start(nil)
	n.loaded(t)
	writes = 0
	for i := range 1000 {
		must(t, n.Put(t.Context(), key, at(i)))
		if i == 0 && writes != 1 {
			t.Error("the first was not waited for")
		}
	}
	if writes != 1 || testutil.ToFloat64(n.Metrics()[3]) != 1 || n.Lag() <= 0 {
		t.Error(writes, "writes, lag", n.Lag())
	}
	must(t, n.Flush(t.Context()))
	if writes != 2 || n.Lag() != 0 {
		t.Error(writes, "writes, lag", n.Lag())
	}
	if got := bookmark(t, start(t, addr), key); got != "mark 999" {
		t.Error(got)
	}
}

// Rounds come by themselves, and an overdue write is waited for.
func TestRounds(t *testing.T) {
	addr := fake(t, 3, compact).ListenAddrs()[0]
	n := newNode(t, addr)
	n.Every(30 * time.Millisecond)
	var mu sync.Mutex
	var fault error
	n.Intercept(func(write func() error) error {
		mu.Lock()
		defer mu.Unlock()
		if fault != nil {
			return fault
		}
		return write()
	})
	fail := func(err error) { mu.Lock(); fault = err; mu.Unlock() }
	n.Start(nil)
	n.loaded(t)
	must(t, n.Put(t.Context(), key, at(1)))
	must(t, n.Put(t.Context(), key, at(2)))
	b := start(t, addr)
	eventually(t, "written", func() bool { return bookmark(t, b, key) == "mark 2" })
	fail(errors.New("broken"))
	eventually(t, "overdue", func() bool { return n.Put(t.Context(), key, at(3)) != nil })
	if n.Ready() || n.Trouble() == nil {
		t.Error("ready although nothing can be written")
	}
	fail(nil)
	eventually(t, "written again", func() bool { return bookmark(t, b, key) == "mark 3" })
	eventually(t, "ready", n.Ready)
}

// The topic decides whether state survives: a wrong one is refused with the cure, and taken once it is mended.
func TestSettings(t *testing.T) {
	cluster := fake(t, 3, map[string]string{"cleanup.policy": "delete"})
	n := newNode(t, cluster.ListenAddrs()[0])
	n.Start(nil)
	eventually(t, "refused", func() bool { return n.Trouble() != nil })
	for _, want := range []string{"cleanup.policy=delete", "--add-config cleanup.policy=compact"} {
		if !bytes.Contains([]byte(n.Trouble().Error()), []byte(want)) {
			t.Errorf("%v does not say %s", n.Trouble(), want)
		}
	}
	if _, err := n.Get(key); !errors.Is(err, subscriptions.ErrLoading) {
		t.Error(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if err := n.Loaded(ctx); err == nil || !bytes.Contains([]byte(err.Error()), []byte("cleanup.policy")) {
		t.Error(err)
	}

	missing := newNode(t, kafkatest.Fake(t, 1, 1, "other").ListenAddrs()[0])
	missing.Start(nil)
	eventually(t, "missing", func() bool { return missing.Trouble() != nil })
	if text := missing.Trouble().Error(); !bytes.Contains([]byte(text), []byte("--create --topic wef.state")) {
		t.Error(text)
	}
}

var same = cmp.Options{cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty()}

func FuzzShelf(f *testing.F) {
	for _, s := range []string{"", "mark 1", "007", "0", "00", "123456789012345678", "1234567890123456789", "99999999999999999999999", "a\x00b 1", "\x001", "1 2 3",
		`<BookmarkList><Bookmark Channel="Security" RecordId="72205" IsCurrent="true"/></BookmarkList>`} {
		f.Add(s, s)
		f.Add(s, "1 2 4")
	}
	f.Fuzz(func(t *testing.T, a, b string) {
		want := storetest.State(7)
		want.Bookmark, want.Version = a, b
		want.History = []subscriptions.Bookmark{{Text: b, Time: want.LastHeard}, {Text: a}}
		got, _ := compacted.Shelved(want)
		if diff := cmp.Diff(want, got, same); diff != "" {
			t.Fatal(diff)
		}
	})
}

// Partitions that are added move keys: a running node notices and refuses, one that starts finds every key where it was.
func TestPartitionsAreAdded(t *testing.T) {
	addr := fake(t, 3, compact).ListenAddrs()[0]
	n := newNode(t, addr)
	n.Every(20 * time.Millisecond)
	n.Start(nil)
	n.loaded(t)
	keys := make([]subscriptions.Key, 40)
	for i := range keys {
		keys[i] = subscriptions.Key{Subscription: key.Subscription, Source: fmt.Sprint("pc", i)}
		must(t, n.Put(t.Context(), keys[i], at(i+1)))
	}
	grow(t, addr, 7)
	n.topic.Refresh(t.Context())
	eventually(t, "noticed", func() bool { _, err := n.Get(key); return err != nil })
	if _, err := n.Get(key); !bytes.Contains([]byte(err.Error()), []byte("has 7 partitions now, and had 3 when this node started: restart every node")) {
		t.Error(err)
	}
	again := start(t, addr)
	for i, k := range keys {
		if got := bookmark(t, again, k); got != fmt.Sprint("mark ", i+1) {
			t.Errorf("%s: %q", k.Source, got)
		}
	}
	must(t, again.Put(t.Context(), keys[0], at(100)))
	must(t, again.Flush(t.Context()))
	if got := bookmark(t, start(t, addr), keys[0]); got != "mark 100" {
		t.Error("the one in its new place is newer:", got)
	}
}

func grow(t *testing.T, addr string, partitions int32) {
	t.Helper()
	client, err := kgo.NewClient(kgo.SeedBrokers(addr))
	must(t, err)
	defer client.Close()
	req := kmsg.NewPtrCreatePartitionsRequest()
	part := kmsg.NewCreatePartitionsRequestTopic()
	part.Topic, part.Count = topic, partitions
	req.Topics = append(req.Topics, part)
	res, err := req.RequestWith(t.Context(), client)
	must(t, err)
	must(t, kerr.ErrorForCode(res.Topics[0].ErrorCode))
}

// The real thing: compacted by Kafka's cleaner after idempotent writes, over restarts of the broker, by nodes that were there and one
// that was not.
func TestRealKafka(t *testing.T) {
	broker := kafkatest.Start(t, kafkatest.Setting("log.cleaner.backoff.ms", "100"))
	broker.CreateTopic(topic, 2, map[string]string{"cleanup.policy": "compact", "retention.ms": "-1", "segment.ms": "100", "segment.bytes": "1048576",
		"min.cleanable.dirty.ratio": "0.01", "max.compaction.lag.ms": "100", "delete.retention.ms": "100"})
	a, b := start(t, broker.Addr()), start(t, broker.Addr())
	ctx := t.Context()
	const hosts = 300
	want := map[subscriptions.Key]subscriptions.State{}
	for delivery := range 5 {
		for host := range hosts {
			k, s := storetest.Host(host, 0, delivery)
			if delivery == 4 && host%3 == 0 {
				must(t, a.Delete(ctx, k))
				delete(want, k)
				continue
			}
			must(t, a.Put(ctx, k, s))
			want[k] = s
		}
		must(t, a.Flush(ctx))
	}
	records := 5 * hosts
	eventually(t, "compacted", func() bool { // a segment is closed when something comes after it
		k, s := storetest.Host(hosts-1, 0, records)
		must(t, a.Put(ctx, k, s))
		must(t, a.Flush(ctx))
		want[k] = s
		records = count(t, a.topic, 2)
		return records < 2*hosts
	})
	t.Logf("%d records of %d are left", records, 5*hosts)
	broker.Kill()
	broker.Start()
	k, s := storetest.Host(1, 0, 9)
	eventually(t, "the broker is back", func() bool { return a.Put(ctx, k, s) == nil && a.Flush(ctx) == nil })
	want[k] = s
	c := start(t, broker.Addr())
	for name, n := range map[string]*node{"who wrote": a, "who followed": b, "who came later": c} {
		eventually(t, name, func() bool { return cmp.Equal(want, maps.Collect(n.All()), same) })
	}
	for _, n := range []*node{a, b} {
		eventually(t, "well again", n.Ready)
	}

	// The topic is made anew, and with it the state: nodes notice, and answer nothing from before.
	broker.DeleteTopic(topic)
	broker.CreateTopic(topic, 2, map[string]string{"cleanup.policy": "compact", "retention.ms": "-1"})
	eventually(t, "loaded anew", func() bool { st, err := b.Get(k); return err == nil && st.Bookmark == "" })
}

// count is how many records are in the topic.
func count(t *testing.T, topic *fetch.Topic, partitions int32) (n int) {
	for i := range partitions {
		p := &fetch.Partition{Topic: topic, Index: i}
		for end := false; !end; {
			var err error
			end, err = p.Fetch(t.Context(), func(*fetch.Record) error { n++; return nil })
			must(t, err)
		}
	}
	return n
}
