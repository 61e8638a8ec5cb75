package kafkatest_test

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/plain"
	"github.com/twmb/franz-go/pkg/sasl/scram"
	"go.uber.org/goleak"

	"github.com/wefka/wefka/internal/kafkatest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// write sends records and returns what a reader should see of them.
func write(t *testing.T, addr, topic string, opts ...kgo.Opt) []kafkatest.Record {
	t.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(addr))...)
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	sent := &kgo.Record{Topic: topic, Key: []byte("k"), Value: []byte("v"), Timestamp: time.UnixMilli(1_700_000_000_123),
		Headers: []kgo.RecordHeader{{Key: "a", Value: []byte("1")}, {Key: "b"}}}
	if err := client.ProduceSync(ctx, sent).FirstErr(); err != nil {
		t.Fatal(err)
	}
	return []kafkatest.Record{{Topic: topic, Partition: sent.Partition, Offset: sent.Offset, Time: sent.Timestamp, Key: sent.Key, Value: sent.Value,
		Headers: []kafkatest.Header{{Key: "a", Value: []byte("1")}, {Key: "b"}}}}
}

func TestFake(t *testing.T) {
	cluster := kafkatest.Fake(t, 3, 4, "events", "empty")
	want := write(t, cluster.ListenAddrs()[0], "events")
	if diff := cmp.Diff(want, kafkatest.ReadAll(t, cluster.ListenAddrs()[0], "events", "empty")); diff != "" {
		t.Error(diff)
	}
}

func TestBroker(t *testing.T) {
	b := kafkatest.Start(t)
	b.CreateTopic("events", 3, map[string]string{"max.message.bytes": "2000"})
	want := write(t, b.Addr(), "events")
	for _, end := range []func(){b.Stop, b.Kill} {
		end()
		b.Start()
		if diff := cmp.Diff(want, kafkatest.ReadAll(t, b.Addr(), "events")); diff != "" {
			t.Error(diff)
		}
	}
	b.DeleteTopic("events")
}

func TestListeners(t *testing.T) {
	b := kafkatest.Start(t, kafkatest.SASL(), kafkatest.TLS())
	b.CreateTopic("events", 1, nil)
	var want []kafkatest.Record
	want = append(want, write(t, b.SASLAddr(), "events", kgo.SASL(plain.Auth{User: "wefka", Pass: "secret"}.AsMechanism()))...)
	want = append(want, write(t, b.SASLAddr(), "events", kgo.SASL(scram.Auth{User: "wefka", Pass: "secret"}.AsSha256Mechanism()))...)
	want = append(want, write(t, b.SASLAddr(), "events", kgo.SASL(scram.Auth{User: "wefka", Pass: "secret"}.AsSha512Mechanism()))...)
	want = append(want, write(t, b.TLSAddr(), "events", kgo.DialTLSConfig(b.TLSConfig()))...)
	if diff := cmp.Diff(want, kafkatest.ReadAll(t, b.Addr(), "events")); diff != "" {
		t.Error(diff)
	}
}

func TestCluster(t *testing.T) {
	c := kafkatest.StartCluster(t, 3)
	c.CreateTopic("events", 6, 3, nil)
	want := write(t, c.Brokers()[0], "events")
	to := (c.Leader("events", 2) + 1) % 3
	if err := c.MoveLeader("events", 2, to); err != nil || c.Leader("events", 2) != to {
		t.Errorf("led by %d, want %d: %v", c.Leader("events", 2), to, err)
	}
	c.Stop(0)
	c.Resume(0)
	c.Kill(0)
	if diff := cmp.Diff(want, kafkatest.ReadAll(t, c.Brokers()[1], "events")); diff != "" {
		t.Error(diff)
	}
	if err := c.MoveLeader("events", 2, 0); err == nil {
		t.Error("a dead node leads")
	}
	c.Restart(0)
	if diff := cmp.Diff(want, kafkatest.ReadAll(t, c.Brokers()[0], "events")); diff != "" {
		t.Error(diff)
	}
}
