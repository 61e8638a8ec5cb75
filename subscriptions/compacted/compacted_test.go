package compacted_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kfake"
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
