package witness_test

import (
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/wefka/wefka/internal/kafkatest"
	"github.com/wefka/wefka/simulator"
	"github.com/wefka/wefka/simulator/witness"
)

func id(n int) (id simulator.ID) {
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	return id
}

func text(n int) string {
	id := id(n)
	return hex.EncodeToString(id[:])
}

// lab is a fake cluster, a witness that has begun, and a producer.
type lab struct {
	*witness.Witness
	t       *testing.T
	cluster *kfake.Cluster
	client  *kgo.Client
}

func newLab(t *testing.T) *lab {
	t.Helper()
	l := &lab{t: t, cluster: kafkatest.Fake(t, 3, 4, "one", "two")}
	transport := &kafka.Transport{MetadataTopics: []string{"one", "two"}, MetadataTTL: 2 * time.Second}
	t.Cleanup(transport.CloseIdleConnections)
	l.Witness = &witness.Witness{Transport: transport, Brokers: kafka.TCP(l.cluster.ListenAddrs()...), Topics: []string{"one", "two"}, Patience: time.Second}
	var err error
	if l.client, err = kgo.NewClient(kgo.SeedBrokers(l.cluster.ListenAddrs()...), kgo.RecordPartitioner(kgo.StickyKeyPartitioner(nil))); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.client.Close)
	return l
}

// write writes an event as a collector does.
func (l *lab) write(topic, host string, n int, node, received string, more ...kgo.RecordHeader) {
	l.t.Helper()
	headers := []kgo.RecordHeader{{Key: "wef.id", Value: []byte(text(n))}, {Key: "wef.client", Value: []byte(host)}, {Key: "wef.node", Value: []byte(node)},
		{Key: "wef.received_at", Value: []byte(received)}, {Key: "wef.channel", Value: []byte("Security")}, {Key: "wef.record_id", Value: fmt.Append(nil, n)}}
	r := &kgo.Record{Topic: topic, Key: []byte(host), Value: []byte("{}"), Headers: append(headers, more...)}
	if err := l.client.ProduceSync(l.t.Context(), r).FirstErr(); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) begin() {
	l.t.Helper()
	if err := l.Begin(l.t.Context()); err != nil {
		l.t.Fatal(err)
	}
}

func (l *lab) acked(host string, ns ...int)         { l.hear(host, "", ns...) }
func (l *lab) again(host, reason string, ns ...int) { l.hear(host, reason, ns...) }
func (l *lab) hear(host, reason string, events ...int) {
	t := simulator.Testimony{Host: host, Again: reason}
	for _, n := range events {
		t.IDs = append(t.IDs, id(n))
	}
	l.Hear(t)
}

func (l *lab) judge() *witness.Verdict {
	l.t.Helper()
	v, err := l.Judge(l.t.Context())
	if err != nil {
		l.t.Fatal(err)
	}
	return v
}

// Each thing that can be said of an event is said of the right one.
func TestVerdict(t *testing.T) {
	l := newLab(t)
	l.write("one", "pc-1", 1, "a", "t0") // before: of no interest
	l.begin()
	l.acked("pc-1", 1, 2, 3, 4, 5, 6)
	l.acked("pc-2@corp", 11, 12)
	l.write("one", "pc-1", 2, "a", "t1")
	l.write("one", "pc-1", 2, "a", "t1") // the producer's doing
	l.write("one", "pc-1", 4, "a", "t2")
	l.write("one", "pc-1", 3, "a", "t3") // late
	l.write("two", "pc-1", 5, "a", "t4")
	l.again("pc-1", "lost", 5)
	l.write("two", "pc-1", 5, "b", "t5")
	l.write("one", "pc-1", 5, "c", "t5") // topics are read side by side: each copy of a node of its own
	l.again("pc-1", "refused", 6)
	l.write("one", "pc-1", 6, "a", "t6", kgo.RecordHeader{Key: "wef.reason", Value: []byte("parse")})
	l.write("one", "pc-1", 6, "a", "t7")
	l.write("one", "PC-2@CORP", 11, "a", "t8")
	l.write("one", "PC-2@CORP", 11, "a", "t9")  // nobody knows why
	l.write("one", "PC-2@CORP", 13, "a", "t10") // not Acked, and there: nothing to say
	l.write("one", "pc-3", 20, "a", "t11")      // never heard
	want := &witness.Verdict{Acked: 8, Found: 6, Missing: 2, Duplicated: 5, Moved: 2, OutOfOrder: 1, Records: 13, Others: 1,
		Causes: map[string]int64{"producer": 1, "no_answer": 2, "refused": 1, "bookmark": 1}}
	want.Which.Missing = []string{text(1), text(12)}
	want.Which.Duplicated = []string{text(2), text(5), text(6), text(11)}
	want.Which.OutOfOrder = []string{text(3)}
	got := l.judge()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	const line = "8 acked, 6 found, 2 missing, 5 duplicated (bookmark 1, no_answer 2, producer 1, refused 1; 2 through another node), 1 out of order"
	if got.OK() || got.String() != line {
		t.Errorf("%s; want %s", got, line)
	}
}

// Leaders move while it reads: all is found, once.
func TestLeadersMove(t *testing.T) {
	l := newLab(t)
	l.begin()
	l.Patience = 20 * time.Second
	const events = 4000
	records := make([]*kgo.Record, events)
	for n := range events {
		l.acked("pc-1", n)
		records[n] = &kgo.Record{Topic: "one", Key: fmt.Append(nil, n), Value: []byte(strings.Repeat("x", 2000)),
			Headers: []kgo.RecordHeader{{Key: "wef.id", Value: []byte(text(n))}, {Key: "wef.client", Value: []byte("pc-1")}}}
	}
	if err := l.client.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	moved := make(chan int)
	go func() {
		n := 0
		for ctx.Err() == nil {
			if l.cluster.MoveTopicPartition("one", int32(n%4), int32(rand.IntN(3))) == nil {
				n++
			}
			runtime.Gosched()
		}
		moved <- n
	}()
	v := l.judge()
	cancel()
	if n := <-moved; n == 0 || v.Found != events || v.Duplicated != 0 || v.Missing != 0 {
		t.Errorf("%d moves: %s", n, v)
	}
}

// What is not there is an error, not a verdict.
func TestNoVerdict(t *testing.T) {
	l := newLab(t)
	l.Topics = append(l.Topics, "none")
	if err := l.Begin(t.Context()); err == nil || !strings.Contains(err.Error(), "none") {
		t.Errorf("a topic that is not there: %v", err)
	}
	l = newLab(t)
	l.begin()
	l.acked("pc-1", 1)
	l.cluster.Close()
	if v, err := l.Judge(t.Context()); err == nil {
		t.Errorf("Kafka is away: %s", v)
	}
}

// An event costs a fixed number of bytes.
func TestMemory(t *testing.T) {
	l := newLab(t)
	l.begin()
	const events, each = 1 << 20, 64
	heap := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	list := make([]int, 0, 100)
	for n := range events {
		if list = append(list, n*0x9e3779b1); len(list) == cap(list) {
			l.acked("pc-1", list...)
			list = list[:0]
		}
	}
	l.acked("pc-1", list...)
	used := int64(heap()-before) / events
	t.Logf("%d bytes an event", used)
	if used > each {
		t.Errorf("%d bytes an event, want at most %d", used, each)
	}
	if v := l.judge(); v.Missing != events || !slices.IsSorted(v.Which.Missing) {
		t.Errorf("%d missing of %d", v.Missing, events)
	}
}
