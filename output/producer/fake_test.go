package producer_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wefka/wefka/internal/kafkatest"
	"github.com/wefka/wefka/output/producer"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs a producer until the test ends. change adapts a configuration that suits tests.
func start(t testing.TB, addrs []string, change func(*producer.Config)) *producer.Producer {
	t.Helper()
	c := producer.Config{Brokers: addrs, ClientID: "test", Topics: []string{"events"}, Compression: "zstd", DeliveryTimeout: 10 * time.Second}
	if testing.Verbose() {
		c.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	if change != nil {
		change(&c)
	}
	p, err := producer.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = p.Close(ctx) // a test that has left records behind says so itself
	})
	return p
}

func limit(t testing.TB, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// values returns n records with values of their own.
func values(prefix string, n int) []producer.Record {
	records := make([]producer.Record, n)
	for i := range records {
		records[i] = producer.Record{Value: fmt.Appendf(nil, "%s-%d", prefix, i)}
	}
	return records
}

// deliver appends and waits.
func deliver(ctx context.Context, p *producer.Producer, topic, key string, records []producer.Record) ([]producer.Refused, error) {
	var d producer.Delivery
	if err := p.Append(ctx, &d, topic, []byte(key), records); err != nil {
		return nil, err
	}
	return d.Wait(ctx)
}

func TestDelivers(t *testing.T) {
	cluster := kafkatest.Fake(t, 3, 12, "events")
	p := start(t, cluster.ListenAddrs(), nil)
	refused, err := deliver(limit(t, 10*time.Second), p, "events", "k", values("v", 3))
	if err != nil || refused != nil {
		t.Fatal(refused, err)
	}
	got := kafkatest.ReadAll(t, cluster.ListenAddrs()[0], "events")
	if len(got) != 3 || string(got[2].Value) != "v-2" || string(got[0].Key) != "k" {
		t.Errorf("%v", got)
	}
}
