package output_test

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/internal/kafkatest"
	"github.com/wefka/wefka/output"
	"github.com/wefka/wefka/output/producer"
)

var received = time.Date(2026, 3, 4, 5, 6, 12, 900_000_000, time.UTC)

func event(id int, channel, extra string) []byte {
	return fmt.Appendf(nil, "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='P'/><EventID>%d</EventID>"+
		"<TimeCreated SystemTime='2026-03-04T05:06:07.0890000Z'/><EventRecordID>%d</EventRecordID><Channel>%s</Channel><Computer>PC-1</Computer></System>"+
		"<EventData><Data Name='x'>%s</Data></EventData></Event>", id, id+1000, channel, extra)
}

func batch(format string, raw ...[]byte) *events.Batch {
	return &events.Batch{Subscription: "sub", SubscriptionID: "5F1C0D1E-2F7D-4A55-9B7E-6F6D6C1F0A11", Revision: "A34F284A-1006-4DE9-A34F-284A10064DE9", Format: format,
		Source: "pc-1.corp.example", Auth: "tls", MachineID: "claimed", Addr: netip.MustParseAddr("192.0.2.17"), Received: received, Raw: raw}
}

type world struct {
	cluster *kfake.Cluster
	addr    string
	kafka   *output.Kafka
}

func newWorld(t *testing.T, s output.Settings, topics ...string) *world {
	t.Helper()
	cluster := kafkatest.Fake(t, 1, 3, topics...)
	w := &world{cluster: cluster, addr: cluster.ListenAddrs()[0]}
	s.DeadTopic, s.DefaultTopic, s.Node = "dead", "default", "node-1"
	if s.Topic == "" {
		s.Topic = "wef.{subscription}"
	}
	if s.MaxAge == 0 {
		s.MaxAge = 24 * time.Hour
	}
	p, err := producer.New(producer.Config{Brokers: cluster.ListenAddrs(), Topics: topics, Compression: "zstd", DeliveryTimeout: 2 * time.Second, Buffer: 16 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		p.Close(ctx)
	})
	if w.kafka, err = output.New(s, p, nil); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) read(t *testing.T, topic string) []kafkatest.Record {
	return kafkatest.ReadAll(t, w.addr, topic)
}

func header(r kafkatest.Record, key string) string {
	for _, h := range r.Headers {
		if h.Key == key {
			return string(h.Value)
		}
	}
	return ""
}

func deliver(t *testing.T, k *output.Kafka, b *events.Batch) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := k.Deliver(ctx, b); err != nil {
		t.Fatal(err)
	}
}

func TestRecord(t *testing.T) {
	w := newWorld(t, output.Settings{Identity: output.Identity{Mode: "tag"}}, "wef.sub", "dead", "default")
	raw := event(1, "Application", "a")
	deliver(t, w.kafka, batch("xml", raw))
	records := w.read(t, "wef.sub")
	if len(records) != 1 {
		t.Fatalf("%d records", len(records))
	}
	r := records[0]
	if !bytes.Equal(r.Value, raw) || string(r.Key) != "pc-1.corp.example" {
		t.Errorf("key %s, value %s", r.Key, r.Value)
	}
	if want := time.Date(2026, 3, 4, 5, 6, 7, 89_000_000, time.UTC); !r.Time.Equal(want) {
		t.Errorf("timestamp %v, want the event's own %v", r.Time, want)
	}
	var got []string
	for _, h := range r.Headers {
		got = append(got, h.Key+"="+string(h.Value))
	}
	want := []string{"content-type=application/xml", "wef.schema=xml/1", "wef.client=pc-1.corp.example", "wef.auth=tls", "wef.remote_addr=192.0.2.17",
		"wef.machine_id=claimed", "wef.subscription=sub", "wef.subscription_id=5f1c0d1e-2f7d-4a55-9b7e-6f6d6c1f0a11", "wef.revision=a34f284a-1006-4de9-a34f-284a10064de9",
		"wef.node=node-1", "wef.received_at=2026-03-04T05:06:12.900Z", "wef.id=" + header(r, "wef.id"), "wef.computer=PC-1", "wef.identity=verified",
		"wef.time=2026-03-04T05:06:07.0890000Z", "wef.channel=Application", "wef.provider=P", "wef.event_id=1", "wef.record_id=1001"}
	if !slices.Equal(got, want) {
		t.Errorf("headers\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestTimestamp(t *testing.T) {
	created := time.Date(2026, 3, 4, 5, 6, 7, 89_000_000, time.UTC)
	for _, c := range []struct {
		mode     string
		received time.Time
		want     time.Time
	}{
		{"clamped", created.Add(time.Hour), created},
		{"clamped", created.Add(25 * time.Hour), created.Add(25 * time.Hour)},
		{"clamped", created.Add(-6 * time.Minute), created.Add(-6 * time.Minute)},
		{"clamped", created.Add(-4 * time.Minute), created},
		{"event", created.Add(25 * time.Hour), created},
		{"receive", created.Add(time.Second), created.Add(time.Second)},
	} {
		w := newWorld(t, output.Settings{Timestamp: c.mode}, "wef.sub", "dead", "default")
		b := batch("json", event(1, "A", "a"))
		b.Received = c.received
		deliver(t, w.kafka, b)
		if got := w.read(t, "wef.sub")[0].Time; !got.Equal(c.want) {
			t.Errorf("%s, received %v: %v, want %v", c.mode, c.received, got, c.want)
		}
	}
}

func TestTopicOfEvent(t *testing.T) {
	w := newWorld(t, output.Settings{Topic: "wef.{channel}", Topics: []string{"wef.Application", "wef.Microsoft-X-Op"}}, "wef.Application", "wef.Microsoft-X-Op", "dead", "default")
	deliver(t, w.kafka, batch("json", event(1, "Application", "a"), event(2, "Microsoft-X/Op", "b"), event(3, "Unlisted", "c"), event(4, "", "d"), event(5, "Application", "e")))
	for topic, want := range map[string]string{"wef.Application": "1 5", "wef.Microsoft-X-Op": "2", "default": "3 4"} {
		var ids []string
		for _, r := range w.read(t, topic) {
			ids = append(ids, header(r, "wef.event_id"))
		}
		if got := strings.Join(ids, " "); got != want {
			t.Errorf("%s: events %s, want %s", topic, got, want)
		}
	}
}

func TestIdentity(t *testing.T) {
	for _, c := range []struct{ source, computer, want string }{
		{"pc-1.corp.example", "PC-1", "verified"},
		{"pc-1.corp.example", "PC-1.CORP.EXAMPLE", "verified"},
		{"pc-1.corp.example", "pc-1.other.example", "mismatch"},
		{"pc-1.corp.example", "pc-2", "mismatch"},
		{"pc-1", "pc-1.corp.example", "verified"},
		{"PC-1$@CORP.EXAMPLE", "pc-1.corp.example", "verified"},
		{"PC-1$@CORP.EXAMPLE", "pc-11", "mismatch"},
		{"PC-1$@CORP.EXAMPLE", "PC-1", "verified"},
		{"PC-1$@CORP.EXAMPLE", "PC-1$", "verified"},
		{"PC-1$@CORP.EXAMPLE", "pc-1.corp.example.", "verified"},
		{"PC-1$@CORP.EXAMPLE", "pc-1.emea.corp.example", "mismatch"},
		{"LONGCOMPUTERNAM$@CORP.EXAMPLE", "longcomputername01.corp.example", "verified"},
		{"longcomputernam.corp.example", "longcomputername01.corp.example", "mismatch"},
		{"pc-1.corp.example.", "pc-1.corp.example", "verified"},
		{"pc-1.corp.example", "", "unknown"},
	} {
		w := newWorld(t, output.Settings{Identity: output.Identity{Mode: "tag"}}, "wef.sub", "dead", "default")
		b := batch("json", bytes.ReplaceAll(event(1, "A", "a"), []byte("PC-1"), []byte(c.computer)))
		b.Source = c.source
		deliver(t, w.kafka, b)
		if got := header(w.read(t, "wef.sub")[0], "wef.identity"); got != c.want {
			t.Errorf("%s sends %q: %s, want %s", c.source, c.computer, got, c.want)
		}
	}
}

// Requirement 63: what cannot be read is a dead letter with its bytes and its reason, and the batch is delivered.
func TestDeadLetters(t *testing.T) {
	w := newWorld(t, output.Settings{MaxEvent: 4096, Identity: output.Identity{Mode: "tag"}}, "wef.sub", "dead", "default")
	broken, large, foreign := []byte("<Event><System>"), event(2, "A", strings.Repeat("x", 5000)), []byte("<Other/>")
	b := batch("json", event(1, "A", "a"), broken, large, foreign, event(3, "A", "c"))
	b.BadUTF16 = 2
	deliver(t, w.kafka, b)
	if n := len(w.read(t, "wef.sub")); n != 2 {
		t.Errorf("%d records, want 2", n)
	}
	dead := w.read(t, "dead")
	if len(dead) != 3 {
		t.Fatalf("%d dead letters, want 3", len(dead))
	}
	for i, want := range []struct {
		reason string
		value  []byte
	}{{"parse", broken}, {"oversize", large}, {"parse", foreign}} {
		r := dead[i]
		if header(r, "wef.reason") != want.reason || !bytes.Equal(r.Value, want.value) || header(r, "wef.error") == "" || string(r.Key) != b.Source || header(r, "wef.client") != b.Source {
			t.Errorf("dead letter %d: reason %s, error %s, value %.60s", i, header(r, "wef.reason"), header(r, "wef.error"), r.Value)
		}
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(w.kafka.Metrics()...)
	if err := testutil.GatherAndCompare(registry, strings.NewReader(`# HELP dead_letters_total Dead letters written, by reason.
# TYPE dead_letters_total counter
dead_letters_total{reason="oversize"} 1
dead_letters_total{reason="parse"} 2
# HELP event_errors_total Faults found in events, whether or not they could be published.
# TYPE event_errors_total counter
event_errors_total{reason="bad_utf16",subscription="sub"} 2
event_errors_total{reason="oversize",subscription="sub"} 1
event_errors_total{reason="parse",subscription="sub"} 2
# HELP events_total Events by what became of them: published, dead (in the dead-letter topic), withheld (artificial).
# TYPE events_total counter
events_total{result="dead",subscription="sub"} 3
events_total{result="published",subscription="sub"} 2
`), "dead_letters_total", "event_errors_total", "events_total"); err != nil {
		t.Error(err)
	}
}

// A record that Kafka refuses as too large becomes a dead letter with the event's own bytes; its neighbours are delivered.
func TestRefusedByKafka(t *testing.T) {
	w := newWorld(t, output.Settings{}, "wef.sub", "dead", "default")
	large := event(2, "A", noise(2000))
	w.cluster.ControlKey(int16(kmsg.Produce), func(request kmsg.Request) (kmsg.Response, error, bool) {
		w.cluster.KeepControl()
		produce := request.(*kmsg.ProduceRequest)
		for _, topic := range produce.Topics {
			for _, p := range topic.Partitions {
				if topic.Topic == "wef.sub" && len(p.Records) > 1500 {
					response := produce.ResponseKind().(*kmsg.ProduceResponse)
					rt := kmsg.NewProduceResponseTopic()
					rt.Topic = topic.Topic
					rp := kmsg.NewProduceResponseTopicPartition()
					rp.Partition, rp.ErrorCode = p.Partition, kerr.MessageTooLarge.Code
					rt.Partitions = append(rt.Partitions, rp)
					response.Topics = append(response.Topics, rt)
					return response, nil, true
				}
			}
		}
		return nil, nil, false
	})
	k := w.kafka
	deliver(t, k, batch("json", event(1, "A", "a"), large, event(3, "A", "c")))
	if n := len(w.read(t, "wef.sub")); n != 2 {
		t.Errorf("%d records, want 2", n)
	}
	dead := w.read(t, "dead")
	if len(dead) != 1 || header(dead[0], "wef.reason") != "oversize" || !bytes.Equal(dead[0].Value, large) || header(dead[0], "wef.event_id") != "2" {
		t.Errorf("dead letters %v", dead)
	}
}

// noise is text that no codec shrinks below three quarters.
func noise(n int) string {
	seed := uint32(1)
	out := make([]byte, n)
	for i := range out {
		seed = seed*1664525 + 1013904223
		out[i] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+/"[seed>>26]
	}
	return string(out)
}

// Law 1: nil means durable. While the dead-letter topic does not take a misfit, the batch is not delivered.
func TestDeadLetterTopicFails(t *testing.T) {
	w := newWorld(t, output.Settings{}, "wef.sub", "default") // no topic "dead"
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if err := w.kafka.Deliver(ctx, batch("json", event(1, "A", "a"), []byte("broken"))); err == nil {
		t.Error("delivered although the dead letter was not stored")
	}
}
