package producer_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/wefka/wefka/internal/kafkatest"
	"github.com/wefka/wefka/output/producer"
)

// stored returns the values in the topic by key, in order, second copies left out, and how many of those there are.
func stored(t *testing.T, addr string, topics ...string) (values map[string][]string, copies int) {
	t.Helper()
	values = map[string][]string{}
	seen := map[string]bool{}
	for _, r := range kafkatest.ReadAll(t, addr, topics...) {
		if id := string(r.Key) + " " + string(r.Value); seen[id] {
			copies++
		} else {
			seen[id] = true
			values[string(r.Key)] = append(values[string(r.Key)], string(r.Value))
		}
	}
	return values, copies
}

func texts(records []producer.Record) (out []string) {
	for _, r := range records {
		out = append(out, string(r.Value))
	}
	return out
}

// TestHeals: every error that another attempt can mend is mended, and whether or not the failed attempt has stored the batch, it is there once.
func TestHeals(t *testing.T) {
	for _, code := range []*kerr.Error{
		kerr.UnknownTopicOrPartition, kerr.LeaderNotAvailable, kerr.NotLeaderForPartition, kerr.FencedLeaderEpoch,
		kerr.UnknownLeaderEpoch, kerr.KafkaStorageError, kerr.BrokerNotAvailable, kerr.ReplicaNotAvailable,
		kerr.NetworkException, kerr.NotEnoughReplicas, kerr.ThrottlingQuotaExceeded, kerr.CorruptMessage,
		kerr.UnknownServerError, kerr.RequestTimedOut, kerr.NotEnoughReplicasAfterAppend, // the last two have stored it
	} {
		t.Run(code.Message, func(t *testing.T) {
			t.Parallel()
			cluster := kafkatest.Fake(t, 2, 4, "events")
			p := start(t, cluster.ListenAddrs(), nil)
			cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: code, Count: 2})
			want := values("v", 5)
			if refused, err := deliver(limit(t, 10*time.Second), p, "events", "k", want); err != nil || refused != nil {
				t.Fatal(refused, err)
			}
			got, copies := stored(t, cluster.ListenAddrs()[0], "events")
			if diff := cmp.Diff(map[string][]string{"k": texts(want)}, got); diff != "" || copies != 0 {
				t.Errorf("%d copies; %s", copies, diff)
			}
		})
	}
}

// TestLost: requests and replies get lost on the way.
func TestLost(t *testing.T) {
	for _, test := range []struct {
		name              string
		requests, replies int32
	}{{"requests", 3, 0}, {"replies", 0, 3}} {
		t.Run(test.name, func(t *testing.T) {
			var l lossy
			cluster := l.cluster(t, 2, 4, "events")
			p := start(t, cluster.ListenAddrs(), nil)
			l.requests.Store(test.requests)
			l.replies.Store(test.replies)
			want := values("v", 5)
			if refused, err := deliver(limit(t, 10*time.Second), p, "events", "k", want); err != nil || refused != nil {
				t.Fatal(refused, err)
			}
			got, copies := stored(t, cluster.ListenAddrs()[0], "events")
			if diff := cmp.Diff(map[string][]string{"k": texts(want)}, got); diff != "" || copies != 0 {
				t.Errorf("%d copies; %s", copies, diff)
			}
		})
	}
}

// TestChaos: leaders move and replies get lost while many write. Everything acknowledged is there, once, and each key keeps its order.
func TestChaos(t *testing.T) {
	var l lossy
	cluster := l.cluster(t, 3, 12, "events", "more")
	p := start(t, cluster.ListenAddrs(), func(c *producer.Config) { c.Topics = []string{"events", "more"} })
	ctx := limit(t, 60*time.Second)
	const writers, size = 16, 10
	calm := make(chan struct{})
	var all sync.WaitGroup
	var moves, lost int
	all.Go(func() {
		defer close(calm)
		random := rand.New(rand.NewPCG(3, 4))
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for range 60 {
			<-tick.C
			switch random.IntN(5) {
			case 0:
				l.replies.Store(1)
				lost++
			case 1:
				l.cut()
			default:
				topic := []string{"events", "more"}[random.IntN(2)]
				if err := cluster.MoveTopicPartition(topic, random.Int32N(12), random.Int32N(3)); err != nil {
					t.Error(err)
				}
				moves++
			}
		}
		l.replies.Store(0)
	})
	want := map[string][]string{}
	var mu sync.Mutex
	for w := range writers {
		all.Go(func() {
			key, topic := fmt.Sprintf("host-%d", w), []string{"events", "more"}[w%2]
			var sent []string
			for r := 0; ; r++ {
				select {
				case <-calm:
					mu.Lock()
					defer mu.Unlock()
					want[key] = sent
					return
				default:
				}
				records := values(fmt.Sprintf("%d", r), size)
				for try := 0; ; try++ { // as a host does: the same again until it is acknowledged
					refused, err := deliver(ctx, p, topic, key, records)
					if err == nil && refused == nil {
						break
					}
					if ctx.Err() != nil || refused != nil {
						t.Error(refused, err)
						return
					}
				}
				sent = append(sent, texts(records)...)
			}
		})
	}
	all.Wait()
	total := 0
	for _, sent := range want {
		total += len(sent)
	}
	got, copies := stored(t, cluster.ListenAddrs()[0], "events", "more")
	if diff := cmp.Diff(want, got); diff != "" || copies != 0 {
		t.Errorf("%d copies; %s", copies, diff)
	}
	t.Logf("%d moves, %d lost replies, %d copies of %d records", moves, lost, copies, total)
}

// TestLeaderMoves: how long a writer waits when a leader moves.
func TestLeaderMoves(t *testing.T) {
	cluster := kafkatest.Fake(t, 3, 1, "events")
	p := start(t, cluster.ListenAddrs(), nil)
	var longest time.Duration
	for i := range 300 {
		if i%100 == 50 {
			if err := cluster.MoveTopicPartition("events", 0, (cluster.LeaderFor("events", 0)+1)%3); err != nil {
				t.Fatal(err)
			}
		}
		began := time.Now()
		if _, err := deliver(limit(t, 10*time.Second), p, "events", "k", values(fmt.Sprint(i), 1)); err != nil {
			t.Fatal(err)
		}
		if i > 0 {
			longest = max(longest, time.Since(began))
		}
	}
	t.Logf("longest wait %v", longest)
	if longest > 2*time.Second {
		t.Errorf("longest wait %v", longest)
	}
}

// TestTooLarge: one record that the topic does not take among many; only that one is refused.
func TestTooLarge(t *testing.T) {
	cluster := kafkatest.Fake(t, 1, 1)
	if err := cluster.CreateTopic("events", 1, map[string]string{"max.message.bytes": "2000"}); err != nil {
		t.Fatal(err)
	}
	p := start(t, cluster.ListenAddrs(), func(c *producer.Config) { c.Compression = "none" })
	records := values("v", 100)
	records[37].Value = []byte(strings.Repeat("large ", 1000))
	records[99].Value = []byte(strings.Repeat("large ", 1000))
	refused, err := deliver(limit(t, 10*time.Second), p, "events", "k", records)
	if err != nil || len(refused) != 2 || refused[0].Index != 37 || refused[1].Index != 99 || !refused[0].TooLarge || refused[0].Err == nil {
		t.Fatal(refused, err)
	}
	want := append(append([]string{}, texts(records[:37])...), texts(records[38:99])...)
	got, copies := stored(t, cluster.ListenAddrs()[0], "events")
	if diff := cmp.Diff(map[string][]string{"k": want}, got); diff != "" || copies != 0 {
		t.Errorf("%d copies; %s", copies, diff)
	}
	if s := p.Stats(); s.BufferedBytes != 0 || s.BufferedRecords != 0 {
		t.Errorf("%+v", s)
	}
}

// TestInvalid: records that the broker calls invalid are refused, named or not, and the others stored.
func TestInvalid(t *testing.T) {
	for _, named := range []bool{true, false} {
		for _, code := range []*kerr.Error{kerr.InvalidRecord, kerr.InvalidTimestamp} {
			t.Run(fmt.Sprintf("%s/named=%v", code.Message, named), func(t *testing.T) {
				cluster := kafkatest.Fake(t, 1, 1, "events")
				cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
					cluster.KeepControl()
					return objectTo("bad", code.Code, named, req.(*kmsg.ProduceRequest))
				})
				p := start(t, cluster.ListenAddrs(), func(c *producer.Config) { c.Compression = "none" })
				records := values("v", 20)
				records[0].Value, records[7].Value, records[8].Value = []byte("bad 0"), []byte("bad 7"), []byte("bad 8")
				refused, err := deliver(limit(t, 10*time.Second), p, "events", "k", records)
				if err != nil || len(refused) != 3 || refused[0].Index != 0 || refused[1].Index != 7 || refused[2].Index != 8 || refused[0].TooLarge {
					t.Fatal(refused, err)
				}
				if named && !strings.Contains(refused[1].Err.Error(), "bad it is") {
					t.Error(refused[1].Err)
				}
				want := append(texts(records[1:7]), texts(records[9:])...)
				got, copies := stored(t, cluster.ListenAddrs()[0], "events")
				if diff := cmp.Diff(map[string][]string{"k": want}, got); diff != "" || copies != 0 {
					t.Errorf("%d copies; %s", copies, diff)
				}
			})
		}
	}
}

// objectTo answers a produce request with a batch that has records beginning with prefix; others are left to kfake.
func objectTo(prefix string, code int16, named bool, req *kmsg.ProduceRequest) (kmsg.Response, error, bool) {
	p := req.Topics[0].Partitions[0]
	var batch kmsg.RecordBatch
	if err := batch.ReadFrom(p.Records); err != nil {
		return nil, err, true
	}
	records, err := kfake.BatchRecords(batch)
	if err != nil {
		return nil, err, true
	}
	answer := kmsg.NewProduceResponseTopicPartition()
	answer.Partition, answer.ErrorCode = p.Partition, code
	bad := false
	for i, r := range records {
		if !strings.HasPrefix(string(r.Value), prefix) {
			continue
		}
		bad = true
		if named {
			e := kmsg.NewProduceResponseTopicPartitionErrorRecord()
			e.RelativeOffset, e.ErrorMessage = int32(i), kmsg.StringPtr("bad it is")
			answer.ErrorRecords = append(answer.ErrorRecords, e)
		}
	}
	if !bad {
		return nil, nil, false
	}
	topic := kmsg.NewProduceResponseTopic()
	topic.Topic = req.Topics[0].Topic
	topic.Partitions = append(topic.Partitions, answer)
	res := req.ResponseKind().(*kmsg.ProduceResponse)
	res.Topics = append(res.Topics, topic)
	return res, nil, true
}

// TestRefuses: what no retry can mend fails at once, for everybody who waits, and without asking again; when it is mended a
// probe finds out.
func TestRefuses(t *testing.T) {
	for _, test := range []struct {
		err      *kerr.Error
		requests int
		cure     string
	}{
		{kerr.TopicAuthorizationFailed, 1, "allow this user to DESCRIBE and WRITE the topic"},
		{kerr.ClusterAuthorizationFailed, 2, "allow this user"}, // the second without a producer id
		{kerr.InvalidTopicException, 1, "topic name"}, {kerr.UnsupportedCompressionType, 1, "kafka.compression"}, {kerr.SaslAuthenticationFailed, 1, "kafka.sasl"},
	} {
		t.Run(test.err.Message, func(t *testing.T) {
			t.Parallel()
			cluster := kafkatest.Fake(t, 1, 4, "events")
			p := start(t, cluster.ListenAddrs(), nil)
			fault := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: test.err, Count: -1})
			began := time.Now()
			for i := range 20 {
				_, err := deliver(limit(t, 10*time.Second), p, "events", fmt.Sprint(i), values("v", 1))
				if err == nil || !strings.Contains(err.Error(), test.cure) {
					t.Fatalf("no cure: %v", err)
				}
			}
			if took := time.Since(began); took > 3*time.Second || int(fault.Hits()) > test.requests {
				t.Errorf("%d requests, %v", fault.Hits(), took)
			}
			fault.Remove()
			eventually(t, 15*time.Second, func() error {
				_, err := deliver(limit(t, 10*time.Second), p, "events", "k", values("w", 1))
				return err
			})
			if _, err := deliver(limit(t, 10*time.Second), p, "events", "k", values("x", 1)); err != nil {
				t.Error(err)
			}
		})
	}
}

// eventually polls until fn returns nil.
func eventually(t testing.TB, limit time.Duration, fn func() error) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	end := time.After(limit)
	for {
		err := fn()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-end:
			t.Fatalf("after %v still: %v", limit, err)
		}
	}
}

// TestBorrowed: the bytes are the caller's again when Append returns, however long the batch is under way.
func TestBorrowed(t *testing.T) {
	t.Parallel()
	var l lossy
	cluster := l.cluster(t, 1, 2, "events")
	p := start(t, cluster.ListenAddrs(), nil)
	l.requests.Store(3)
	ctx := limit(t, 10*time.Second)
	buf, key, head := make([]byte, 100), make([]byte, 4), make([]byte, 4)
	var d producer.Delivery
	var want []string
	for i := range 200 {
		copy(buf, fmt.Sprintf("%100d", i))
		copy(key, fmt.Sprintf("%04d", i%8))
		copy(head, "head")
		want = append(want, string(buf))
		records := []producer.Record{{Value: buf, Headers: []producer.Header{{Key: "h", Value: head}}}}
		if err := p.Append(ctx, &d, "events", key, records); err != nil {
			t.Fatal(err)
		}
		copy(buf, strings.Repeat("#", 100))
		copy(key, "####")
		copy(head, "####")
		records[0] = producer.Record{}
	}
	if refused, err := d.Wait(ctx); refused != nil || err != nil {
		t.Fatal(refused, err)
	}
	got := map[string]bool{}
	for _, r := range kafkatest.ReadAll(t, cluster.ListenAddrs()[0], "events") {
		if string(r.Headers[0].Value) != "head" || string(r.Key) == "####" {
			t.Fatalf("%+v", r)
		}
		got[string(r.Value)] = true
	}
	for _, v := range want {
		if !got[v] {
			t.Errorf("%q is missing", v)
		}
	}
}

// TestAbandoned: what nobody waits for any more, and was never sent, is not sent when Kafka is back.
func TestAbandoned(t *testing.T) {
	t.Parallel()
	var l lossy
	cluster := l.cluster(t, 1, 1, "events")
	p := start(t, cluster.ListenAddrs(), nil)
	if _, err := deliver(limit(t, 10*time.Second), p, "events", "k", values("first", 1)); err != nil {
		t.Fatal(err)
	}
	l.silent.Store(true)
	patient := make(chan error, 1)
	go func() {
		_, err := deliver(limit(t, 20*time.Second), p, "events", "k", values("patient", 1))
		patient <- err
	}()
	eventually(t, 5*time.Second, func() error { // it is in flight when the other comes
		if n := p.Stats().BufferedRecords; n != 1 {
			return fmt.Errorf("%d records", n)
		}
		return nil
	})
	_, err := deliver(limit(t, 200*time.Millisecond), p, "events", "k", values("impatient", 1))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	eventually(t, 2*time.Second, func() error {
		if n := p.Stats().BufferedRecords; n != 1 {
			return fmt.Errorf("%d records", n)
		}
		return nil
	})
	l.silent.Store(false)
	if err := <-patient; err != nil {
		t.Error(err)
	}
	got, _ := stored(t, cluster.ListenAddrs()[0], "events")
	if diff := cmp.Diff(map[string][]string{"k": {"first-0", "patient-0"}}, got); diff != "" {
		t.Error(diff)
	}
}

// TestLeaderless: a partition without a leader uses up its share and no more; the others go on.
func TestLeaderless(t *testing.T) {
	t.Parallel()
	cluster := kafkatest.Fake(t, 1, 8, "events")
	p := start(t, cluster.ListenAddrs(), func(c *producer.Config) {
		c.Compression, c.Buffer = "none", 400_000
	})
	stuck := int32(-1)
	for _, info := range cluster.PartitionInfos("events")[:1] {
		stuck = info.Partition
	}
	cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Partitions: []int32{stuck}, Err: kerr.LeaderNotAvailable, Count: -1})
	var full, failed atomic.Int32
	var all sync.WaitGroup
	payload := []producer.Record{{Value: make([]byte, 10_000)}}
	for i := range 160 { // 1.6 MB, about 200 KB of it for the stuck partition
		all.Go(func() {
			_, err := deliver(limit(t, 2*time.Second), p, "events", fmt.Sprintf("host-%d", i), payload)
			switch {
			case errors.Is(err, producer.ErrFull):
				full.Add(1)
				fallthrough
			case err != nil:
				failed.Add(1)
				if !strings.Contains(err.Error(), fmt.Sprintf("events/%d", stuck)) && !errors.Is(err, context.DeadlineExceeded) {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if full.Load() == 0 || failed.Load() > 60 {
		t.Errorf("%d found no room, %d of 160 failed", full.Load(), failed.Load())
	}
	if _, err := deliver(limit(t, 2*time.Second), p, "events", "host-1000", payload); err != nil {
		t.Error(err)
	}
}
