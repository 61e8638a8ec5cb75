package producer_test

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/kafka-go/protocol/metadata"

	"github.com/wefka/wefka/internal/kafkatest"
	"github.com/wefka/wefka/output/producer"
)

// TestKafka is what a real Apache Kafka does with what we send, and says about what it does not take.
func TestKafka(t *testing.T) {
	b := kafkatest.Start(t, kafkatest.SASL(), kafkatest.TLS())
	t.Run("codecs", func(t *testing.T) { realCodecs(t, b) })
	t.Run("too large", func(t *testing.T) { realTooLarge(t, b) })
	t.Run("timestamps", func(t *testing.T) { realTimestamps(t, b) })
	t.Run("missing topic", func(t *testing.T) { realMissing(t, b) })
	t.Run("refresh", func(t *testing.T) { realRefresh(t, b) })
	t.Run("tls", func(t *testing.T) { realTLS(t, b) })
	t.Run("sasl", func(t *testing.T) { realSASL(t, b) })
	t.Run("oauthbearer", func(t *testing.T) { realBearer(t, b) })
	t.Run("producer id", func(t *testing.T) { realIdentity(t, b) })
	t.Run("recreated topic", func(t *testing.T) { realRecreated(t, b) })
}

func on(topic string, more ...func(*producer.Config)) func(*producer.Config) {
	return func(c *producer.Config) {
		c.Topics = []string{topic}
		for _, change := range more {
			change(c)
		}
	}
}

func realCodecs(t *testing.T, b *kafkatest.Broker) {
	for _, codec := range []string{"none", "zstd", "lz4", "snappy", "gzip"} {
		topic := "codec-" + codec
		b.CreateTopic(topic, 3, nil)
		p := start(t, []string{b.Addr()}, on(topic, func(c *producer.Config) { c.Compression = codec }))
		now := time.Now().Truncate(time.Millisecond)
		records := events(400) // over several pieces
		var want []kafkatest.Record
		for i := range records {
			records[i].Time = now.Add(time.Duration(i-200) * time.Second)
			if i == 7 {
				records[i].Value, records[i].Headers = nil, append(records[i].Headers[:3:3], producer.Header{Key: "null"}, producer.Header{Key: "empty", Value: []byte{}})
			}
			r := kafkatest.Record{Topic: topic, Offset: int64(i), Time: records[i].Time, Key: []byte("PC-1$@CORP.EXAMPLE"), Value: records[i].Value}
			for _, h := range records[i].Headers {
				r.Headers = append(r.Headers, kafkatest.Header(h))
			}
			want = append(want, r)
		}
		refused, err := deliver(limit(t, 20*time.Second), p, topic, "PC-1$@CORP.EXAMPLE", records)
		if err != nil || refused != nil {
			t.Fatal(codec, refused, err)
		}
		got := kafkatest.ReadAll(t, b.Addr(), topic)
		for i := range want {
			want[i].Partition = got[0].Partition
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(sameBytes)); diff != "" {
			t.Errorf("%s: %s", codec, diff)
		}
	}
}

// sameBytes spares cmp the bytes one by one.
func sameBytes(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }

func realTooLarge(t *testing.T, b *kafkatest.Broker) {
	b.CreateTopic("small", 1, map[string]string{"max.message.bytes": "2000"})
	p := start(t, []string{b.Addr()}, on("small", func(c *producer.Config) { c.Compression = "none" }))
	records := values("v", 50)
	records[20].Value = []byte(strings.Repeat("large ", 1000))
	refused, err := deliver(limit(t, 20*time.Second), p, "small", "k", records)
	if err != nil || len(refused) != 1 || refused[0].Index != 20 || !refused[0].TooLarge {
		t.Fatal(refused, err)
	}
	t.Log(refused[0].Err)
	got, copies := stored(t, b.Addr(), "small")
	if diff := cmp.Diff(map[string][]string{"k": append(texts(records[:20]), texts(records[21:])...)}, got); diff != "" || copies != 0 {
		t.Errorf("%d copies; %s", copies, diff)
	}
}

func realTimestamps(t *testing.T, b *kafkatest.Broker) {
	b.CreateTopic("times", 1, nil) // Kafka 4: not more than an hour ahead
	p := start(t, []string{b.Addr()}, on("times"))
	records := values("v", 20)
	for i := range records {
		records[i].Time = time.Now()
	}
	records[3].Time, records[11].Time = time.Now().Add(3*time.Hour), time.Now().Add(30*24*time.Hour)
	refused, err := deliver(limit(t, 20*time.Second), p, "times", "k", records)
	if err != nil || len(refused) != 2 || refused[0].Index != 3 || refused[1].Index != 11 || refused[0].TooLarge {
		t.Fatal(refused, err)
	}
	t.Log(refused[0].Err)
	if !strings.Contains(refused[0].Err.Error(), "out of range") { // from RecordErrors
		t.Error(refused[0].Err)
	}
	got, copies := stored(t, b.Addr(), "times")
	if len(got["k"]) != 18 || copies != 0 {
		t.Errorf("%d copies, %d records", copies, len(got["k"]))
	}
}

func realMissing(t *testing.T, b *kafkatest.Broker) {
	p := start(t, []string{b.Addr()}, on("missing"))
	err := p.Check(limit(t, 10*time.Second))
	if err == nil || !strings.Contains(err.Error(), "topic missing") || !strings.Contains(err.Error(), "create the topic") {
		t.Error(err)
	}
	t.Log(err)
	if err := p.CreateTopics(limit(t, 10*time.Second), 2, 1, "missing"); err != nil {
		t.Fatal(err)
	}
	if err := p.CreateTopics(limit(t, 10*time.Second), 2, -1, "missing"); err != nil {
		t.Error("existing:", err)
	}
	if _, err := deliver(limit(t, 10*time.Second), p, "missing", "k", values("v", 1)); err != nil {
		t.Error(err)
	}
	if err := p.Check(limit(t, 10*time.Second)); err != nil {
		t.Error(err)
	}
}

// realRefresh: an empty CreateTopics makes the transport ask for metadata at once, on a real broker too.
func realRefresh(t *testing.T, b *kafkatest.Broker) {
	b.CreateTopic("first", 1, nil)
	p := start(t, []string{b.Addr()}, func(c *producer.Config) { c.Topics = []string{"first", "late"} })
	if _, err := deliver(limit(t, 10*time.Second), p, "first", "k", values("v", 1)); err != nil {
		t.Fatal(err)
	}
	var d producer.Delivery
	appended := make(chan error, 1)
	go func() { appended <- p.Append(limit(t, 10*time.Second), &d, "late", []byte("k"), values("v", 1)) }()
	b.CreateTopic("late", 1, nil)
	began := time.Now()
	if err := <-appended; err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("a new topic was found after %v", took)
	}
	if _, err := d.Wait(limit(t, 10*time.Second)); err != nil {
		t.Error(err)
	}
}

func realTLS(t *testing.T, b *kafkatest.Broker) {
	b.CreateTopic("tls", 1, nil)
	for name, test := range map[string]struct {
		addr string
		tls  *tls.Config
		want string // "": it works
	}{
		"right":             {b.TLSAddr(), b.TLSConfig(), ""},
		"unknown authority": {b.TLSAddr(), &tls.Config{Certificates: b.TLSConfig().Certificates}, "kafka.tls.ca"},
		"wrong name":        {b.TLSAddr(), &tls.Config{Certificates: b.TLSConfig().Certificates, RootCAs: b.TLSConfig().RootCAs, ServerName: "other"}, "kafka.tls.server_name"},
		"no certificate":    {b.TLSAddr(), &tls.Config{RootCAs: b.TLSConfig().RootCAs}, "kafka.tls.certificate"},
		"plain to TLS":      {b.TLSAddr(), nil, "kafka.tls"},
		"TLS to plain":      {b.Addr(), b.TLSConfig(), "kafka.tls"},
	} {
		p := start(t, []string{test.addr}, on("tls", func(c *producer.Config) { c.TLS = test.tls }))
		says(t, name, test.want, p.Check(limit(t, 10*time.Second)))
		_, err := deliver(limit(t, time.Second), p, "tls", name, values("v", 2))
		says(t, name, test.want, err)
	}
	if got, _ := stored(t, b.Addr(), "tls"); len(got) != 1 || len(got["right"]) != 2 {
		t.Error(got)
	}
}

func says(t *testing.T, name, want string, err error) {
	t.Helper()
	t.Logf("%s: %v", name, err)
	if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
		t.Errorf("%s: want %q", name, want)
	}
}

func realSASL(t *testing.T, b *kafkatest.Broker) {
	b.CreateTopic("sasl", 1, nil)
	for name, test := range map[string]struct {
		addr string
		sasl producer.SASL
		want string
	}{
		"plain":           {b.SASLAddr(), producer.SASL{Mechanism: "plain", Username: "wefka", Password: "secret"}, ""},
		"scram 256":       {b.SASLAddr(), producer.SASL{Mechanism: "scram-sha-256", Username: "wefka", Password: "secret"}, ""},
		"scram 512":       {b.SASLAddr(), producer.SASL{Mechanism: "scram-sha-512", Username: "wefka", Password: "secret"}, ""},
		"wrong plain":     {b.SASLAddr(), producer.SASL{Mechanism: "plain", Username: "wefka", Password: "wrong"}, "user name and password"},
		"wrong scram":     {b.SASLAddr(), producer.SASL{Mechanism: "scram-sha-512", Username: "wefka", Password: "wrong"}, "user name and password"},
		"unknown user":    {b.SASLAddr(), producer.SASL{Mechanism: "scram-sha-512", Username: "nobody", Password: "secret"}, "user name and password"},
		"no rights":       {b.SASLAddr(), producer.SASL{Mechanism: "scram-sha-512", Username: "guest", Password: "guest"}, "DESCRIBE and WRITE"},
		"no SASL":         {b.SASLAddr(), producer.SASL{}, "kafka.sasl"},
		"SASL not wanted": {b.Addr(), producer.SASL{Mechanism: "plain", Username: "wefka", Password: "secret"}, "kafka.sasl"},
	} {
		p := start(t, []string{test.addr}, on("sasl", func(c *producer.Config) { c.SASL = test.sasl }))
		says(t, name, test.want, p.Check(limit(t, 10*time.Second)))
		began := time.Now()
		_, err := deliver(limit(t, 3*time.Second), p, "sasl", name, values("v", 2))
		says(t, name, test.want, err)
		if took := time.Since(began); took > 2*time.Second && name != "no SASL" {
			t.Errorf("%s: %v", name, took)
		}
	}
	if got, _ := stored(t, b.Addr(), "sasl"); len(got) != 3 {
		t.Error(got)
	}
}

// realBearer: the token is read for each connection; what is wrong with it is said.
func realBearer(t *testing.T, b *kafkatest.Broker) {
	b.CreateTopic("bearer", 1, nil)
	file := filepath.Join(t.TempDir(), "token")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	token := func(user string, expires time.Time) string {
		claims := fmt.Sprintf(`{"sub":%q,"iat":%d,"exp":%d}`, user, time.Now().Add(-2*time.Hour).Unix(), expires.Unix())
		return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + "."
	}
	p := start(t, []string{b.SASLAddr()}, on("bearer", func(c *producer.Config) { c.SASL = producer.SASL{Mechanism: "oauthbearer", TokenFile: file} }))
	later := time.Now().Add(time.Hour)
	for _, test := range []struct{ name, token, want string }{
		{"empty", " \n", "token_file"},
		{"two", "a b", "token_file"},
		{"expired", token("wefka", time.Now().Add(-time.Hour)), "token"},
		{"nonsense", "x.y.z", "token"},
		{"no rights", token("guest", later), "DESCRIBE and WRITE"},
		{"right", token("wefka", later) + "\n", ""},
	} {
		write(test.token)
		says(t, test.name, test.want, p.Check(limit(t, 10*time.Second)))
	}
	eventually(t, 15*time.Second, func() error {
		_, err := deliver(limit(t, 10*time.Second), p, "bearer", "k", values("v", 2))
		return err
	})
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	says(t, "no file", "token_file", p.Check(limit(t, 10*time.Second)))
}

// realIdentity: a producer id needs no coordinator, and makes the broker create nothing.
func realIdentity(t *testing.T, b *kafkatest.Broker) {
	b.CreateTopic("numbered", 1, nil)
	p := start(t, []string{b.Addr()}, on("numbered"))
	if _, err := deliver(limit(t, 10*time.Second), p, "numbered", "k", values("v", 1)); err != nil || !p.Stats().Idempotent {
		t.Error(err, p.Stats())
	}
	if err := p.CheckIdempotence(limit(t, 10*time.Second)); err != nil {
		t.Error(err)
	}
	res, err := p.Transport().RoundTrip(limit(t, 10*time.Second), p.Brokers(), &metadata.Request{})
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range res.(*metadata.Response).Topics {
		if strings.HasPrefix(topic.Name, "__transaction") {
			t.Errorf("the broker has created %s", topic.Name)
		}
	}
	guest := start(t, []string{b.SASLAddr()}, on("numbered", func(c *producer.Config) {
		c.SASL = producer.SASL{Mechanism: "plain", Username: "guest", Password: "guest"}
	}))
	says(t, "guest", "WRITE", guest.CheckIdempotence(limit(t, 10*time.Second)))
}

func realRecreated(t *testing.T, b *kafkatest.Broker) {
	b.CreateTopic("again", 3, nil)
	p := start(t, []string{b.Addr()}, on("again"))
	if _, err := deliver(limit(t, 10*time.Second), p, "again", "k", values("v", 1)); err != nil {
		t.Fatal(err)
	}
	b.DeleteTopic("again")
	var d producer.Delivery
	if err := p.Append(limit(t, 10*time.Second), &d, "again", []byte("k"), values("w", 1)); err != nil {
		t.Fatal(err)
	}
	b.CreateTopic("again", 3, nil)
	if _, err := d.Wait(limit(t, 10*time.Second)); err != nil {
		t.Error(err)
	}
	if got, _ := stored(t, b.Addr(), "again"); len(got["k"]) != 1 || got["k"][0] != "w-0" {
		t.Error(got)
	}
}

// load writes until stop is closed, as hosts do: the same again until it is acknowledged. It returns what was acknowledged, by key.
type loaded struct {
	acked map[string][]string
	total int
	gap   time.Duration // the longest that any waited
}

func load(t *testing.T, p *producer.Producer, topic string, during func()) loaded {
	t.Helper()
	out := loaded{acked: map[string][]string{}}
	ctx := limit(t, 2*time.Minute)
	stop := make(chan struct{})
	var mu sync.Mutex
	var all sync.WaitGroup
	var rounds atomic.Int64
	for i := range 8 {
		all.Go(func() {
			key := fmt.Sprintf("host-%d", i)
			var acked []string
			var gap time.Duration
			for r := 0; ; r++ {
				select {
				case <-stop:
					mu.Lock()
					defer mu.Unlock()
					out.acked[key], out.gap = acked, max(out.gap, gap)
					out.total += len(acked)
					return
				default:
				}
				records, began := values(fmt.Sprint(r), 10), time.Now()
				for {
					refused, err := deliver(ctx, p, topic, key, records)
					if err == nil && refused == nil {
						break
					}
					if ctx.Err() != nil || refused != nil {
						t.Error(refused, err)
						return
					}
				}
				gap = max(gap, time.Since(began))
				acked = append(acked, texts(records)...)
				rounds.Add(1)
			}
		})
	}
	progress := func() {
		from := rounds.Load()
		eventually(t, time.Minute, func() error {
			if rounds.Load() < from+100 {
				return fmt.Errorf("%d rounds more", rounds.Load()-from)
			}
			return nil
		})
	}
	progress()
	during()
	progress()
	close(stop)
	all.Wait()
	return out
}

// TestKafkaRestart: the broker stops, is killed, and starts again in the middle of it all. Nothing acknowledged is lost.
func TestKafkaRestart(t *testing.T) {
	b := kafkatest.Start(t)
	b.CreateTopic("events", 4, nil)
	p := start(t, []string{b.Addr()}, func(c *producer.Config) { c.DeliveryTimeout = 25 * time.Second })
	got := load(t, p, "events", func() {
		for _, end := range []func(){b.Stop, b.Kill} {
			end()
			away := p.Stats().LastAck
			b.Start()
			began := time.Now()
			eventually(t, 20*time.Second, func() error {
				if !p.Stats().LastAck.After(away) {
					return errors.New("nothing acknowledged")
				}
				return nil
			})
			if took := p.Stats().LastAck.Sub(began); took > 5*time.Second {
				t.Errorf("found only after %v", took)
			}
			t.Logf("away for %v, acknowledged again %v after the broker answered", began.Sub(away), p.Stats().LastAck.Sub(began))
		}
	})
	have, copies := stored(t, b.Addr(), "events")
	t.Logf("%d records acknowledged, %d copies, longest wait %v", got.total, copies, got.gap)
	if diff := cmp.Diff(got.acked, have); diff != "" {
		t.Error(diff)
	}
}

// TestKafkaCluster: leaders die under load, and too few replicas acknowledge nothing.
func TestKafkaCluster(t *testing.T) {
	cluster := kafkatest.StartCluster(t, 3)
	cluster.CreateTopic("events", 6, 3, nil)
	p := start(t, cluster.Brokers(), func(c *producer.Config) { c.DeliveryTimeout = 25 * time.Second })
	got := load(t, p, "events", func() {
		cluster.Kill(1) // the leader of a third
		cluster.Restart(1)
	})
	have, copies := stored(t, cluster.Brokers()[0], "events")
	t.Logf("%d records acknowledged, %d copies, longest wait %v", got.total, copies, got.gap)
	if diff := cmp.Diff(got.acked, have); diff != "" {
		t.Error(diff)
	}

	cluster.CreateTopic("strict", 1, 3, map[string]string{"min.insync.replicas": "3"})
	p.SetTopics([]string{"events", "strict"})
	if _, err := deliver(limit(t, 10*time.Second), p, "strict", "k", values("v", 1)); err != nil {
		t.Fatal(err)
	}
	cluster.Node(2).Stop()
	var d producer.Delivery
	if err := p.Append(limit(t, 20*time.Second), &d, "strict", []byte("k"), values("w", 1)); err != nil {
		t.Fatal(err)
	}
	_, err := d.Wait(limit(t, 4*time.Second))
	if err == nil {
		t.Error("acknowledged by two of three")
	}
	t.Log(err)
	cluster.Restart(2)
	eventually(t, 20*time.Second, func() error {
		_, err := deliver(limit(t, 20*time.Second), p, "strict", "k", values("x", 1))
		return err
	})
}

// TestKafkaChaos: a real cluster, its leaders moved, killed and frozen, and answers lost, under load. Everything is there, once, in order.
func TestKafkaChaos(t *testing.T) {
	var l lossy
	cluster := kafkatest.StartCluster(t, 3, kafkatest.Behind(func(addr string) string { return l.proxy(t, addr) }))
	cluster.CreateTopic("events", 6, 3, nil)
	p := start(t, cluster.Brokers(), func(c *producer.Config) { c.DeliveryTimeout = 2 * time.Minute })
	lost := 0
	got := load(t, p, "events", func() {
		for i := range 12 {
			l.replies.Add(2)
			lost += 2
			if err := cluster.MoveLeader("events", i%6, (cluster.Leader("events", i%6)+1)%3); err != nil {
				t.Error(err)
			}
		}
		cluster.Kill(1)
		l.replies.Add(2)
		cluster.Restart(1)
		cluster.Stop(2)
		away := p.Stats().LastAck
		eventually(t, 100*time.Second, func() error { // the others lead its partitions now
			if p.Stats().LastAck.Sub(away) < 3*time.Second {
				return errors.New("nothing acknowledged")
			}
			return nil
		})
		cluster.Resume(2)
		l.cut()
	})
	have, copies := stored(t, cluster.Node(0).Addr(), "events")
	t.Logf("%d records acknowledged, %d answers lost, %d copies, longest wait %v", got.total, lost+2-int(l.replies.Load()), copies, got.gap)
	if diff := cmp.Diff(got.acked, have); diff != "" || copies != 0 {
		t.Errorf("%d copies; %s", copies, diff)
	}
	for _, reached := range []bool{true, false} {
		topic := fmt.Sprintf("reached-%v", reached)
		cluster.CreateTopic(topic, 1, 3, nil)
		p.SetTopics([]string{"events", topic})
		givenUp(t, p, topic, &l, reached)
		have, copies := stored(t, cluster.Node(0).Addr(), topic)
		checkGivenUp(t, have, copies, reached)
	}
}
