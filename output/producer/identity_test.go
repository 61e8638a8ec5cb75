package producer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
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

// spy notes the batches that a cluster is sent, and answers the first with a code, or lets kfake do it.
type spy struct {
	mu   sync.Mutex
	sent [][]byte
}

func (s *spy) watch(cluster *kfake.Cluster, code int16) *spy {
	cluster.ControlKey(int16(kmsg.Produce), func(req kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		s.mu.Lock()
		defer s.mu.Unlock()
		p := req.(*kmsg.ProduceRequest).Topics[0].Partitions[0]
		s.sent = append(s.sent, bytes.Clone(p.Records))
		if code == 0 || len(s.sent) > 1 {
			return nil, nil, false
		}
		answer := kmsg.NewProduceResponseTopicPartition()
		answer.Partition, answer.ErrorCode = p.Partition, code
		topic := kmsg.NewProduceResponseTopic()
		topic.Topic, topic.Partitions = req.(*kmsg.ProduceRequest).Topics[0].Topic, append(topic.Partitions, answer)
		res := req.ResponseKind().(*kmsg.ProduceResponse)
		res.Topics = append(res.Topics, topic)
		return res, nil, true
	})
	return s
}

// numbers are producer id, epoch and first sequence of each batch.
func (s *spy) numbers(t *testing.T) (all [][3]int64) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, raw := range s.sent {
		var b kmsg.RecordBatch
		if err := b.ReadFrom(raw); err != nil {
			t.Fatal(err)
		}
		all = append(all, [3]int64{b.ProducerID, int64(b.ProducerEpoch), int64(b.FirstSequence)})
	}
	return all
}

// TestNumbers: numbers go on from batch to batch, by partition, and an attempt after a lost answer is the same to the byte.
func TestNumbers(t *testing.T) {
	var l lossy
	cluster := l.cluster(t, 1, 1, "events")
	var s spy
	s.watch(cluster, 0)
	p := start(t, cluster.ListenAddrs(), nil)
	for i, lose := range []int32{0, 2, 0} {
		l.replies.Store(lose)
		if _, err := deliver(limit(t, 10*time.Second), p, "events", "k", values(fmt.Sprint(i), 5)); err != nil {
			t.Fatal(err)
		}
	}
	got := s.numbers(t)
	id := got[0][0]
	if diff := cmp.Diff([][3]int64{{id, 0, 0}, {id, 0, 5}, {id, 0, 5}, {id, 0, 5}, {id, 0, 10}}, got); diff != "" || id < 0 {
		t.Error(diff)
	}
	if !bytes.Equal(s.sent[1], s.sent[2]) || !bytes.Equal(s.sent[1], s.sent[3]) {
		t.Error("a retry differs")
	}
	if !p.Stats().Idempotent {
		t.Error("not idempotent")
	}
}

// TestSequenceErrors: what the producer does about each, and that the records are stored once.
func TestSequenceErrors(t *testing.T) {
	for _, test := range []struct {
		err          *kerr.Error
		stored       int
		epoch        int64 // of the second attempt; -1: there is none
		anotherIdent bool
	}{
		{kerr.OutOfOrderSequenceNumber, 1, 1, false},
		{kerr.UnknownProducerID, 1, 1, false},
		{kerr.InvalidProducerEpoch, 1, 0, true},
		{kerr.ProducerFenced, 1, 0, true},
		{kerr.DuplicateSequenceNumber, 0, -1, false}, // it says that it has them: here a lie, and nothing is sent again
	} {
		t.Run(test.err.Message, func(t *testing.T) {
			t.Parallel()
			cluster := kafkatest.Fake(t, 1, 1, "events")
			var s spy
			s.watch(cluster, test.err.Code)
			p := start(t, cluster.ListenAddrs(), nil)
			if refused, err := deliver(limit(t, 10*time.Second), p, "events", "k", values("v", 4)); err != nil || refused != nil {
				t.Fatal(refused, err)
			}
			got := s.numbers(t)
			if test.epoch < 0 {
				if len(got) != 1 {
					t.Error(got)
				}
				return
			}
			if len(got) != 2 || got[1][1] != test.epoch || got[1][2] != 0 || (got[1][0] != got[0][0]) != test.anotherIdent {
				t.Error(got)
			}
			if have, copies := stored(t, cluster.ListenAddrs()[0], "events"); len(have["k"]) != 4 || copies != 0 {
				t.Error(have, copies)
			}
			if _, err := deliver(limit(t, 10*time.Second), p, "events", "k", values("w", 4)); err != nil {
				t.Error(err)
			}
			if got := s.numbers(t); got[2] != [3]int64{got[1][0], got[1][1], 4} {
				t.Error(got)
			}
		})
	}
}

// TestGivenUp: a batch was sent, and its caller has gone. Whether or not the broker has it, the next batch is neither taken for the one
// given up nor for one too early.
func TestGivenUp(t *testing.T) {
	for _, reached := range []bool{true, false} {
		t.Run(fmt.Sprintf("reached=%v", reached), func(t *testing.T) {
			t.Parallel()
			var l lossy
			cluster := l.cluster(t, 1, 1, "events")
			var s spy
			s.watch(cluster, 0)
			p := start(t, cluster.ListenAddrs(), nil)
			givenUp(t, p, "events", &l, reached)
			got, copies := stored(t, cluster.ListenAddrs()[0], "events")
			checkGivenUp(t, got, copies, reached)
			all := s.numbers(t)
			if last := all[len(all)-1]; last[0] != all[0][0] || last[1] != 1 || last[2] != 0 {
				t.Error(all)
			}
		})
	}
}

func givenUp(t *testing.T, p *producer.Producer, topic string, l *lossy, reached bool) {
	t.Helper()
	if _, err := deliver(limit(t, 10*time.Second), p, topic, "k", values("first", 3)); err != nil {
		t.Fatal(err)
	}
	lose := &l.requests
	if reached {
		lose = &l.replies
	}
	lose.Store(1000)
	_, err := deliver(limit(t, 500*time.Millisecond), p, topic, "k", values("gone", 3))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	eventually(t, 5*time.Second, func() error {
		if n := p.Stats().BufferedRecords; n != 0 {
			return fmt.Errorf("%d records", n)
		}
		return nil
	})
	lose.Store(0)
	if _, err := deliver(limit(t, 10*time.Second), p, topic, "k", values("next", 3)); err != nil {
		t.Error(err)
	}
}

func checkGivenUp(t *testing.T, got map[string][]string, copies int, reached bool) {
	t.Helper()
	want := texts(values("first", 3))
	if reached {
		want = append(want, texts(values("gone", 3))...)
	}
	if diff := cmp.Diff(map[string][]string{"k": append(want, texts(values("next", 3))...)}, got); diff != "" || copies != 0 {
		t.Errorf("%d copies; %s", copies, diff)
	}
}

// TestTopicReturns: a topic that was taken out of the set and comes back goes on numbering where it was; numbers from 0 would be taken for
// copies of its first batches.
func TestTopicReturns(t *testing.T) {
	cluster := kafkatest.Fake(t, 1, 1, "events", "more")
	p := start(t, cluster.ListenAddrs(), nil)
	for i, topics := range [][]string{{"events"}, {"more"}, {"events", "more"}} {
		p.SetTopics(topics)
		if _, err := deliver(limit(t, 10*time.Second), p, topics[0], "k", values(fmt.Sprint(i), 3)); err != nil {
			t.Fatal(err)
		}
	}
	got, copies := stored(t, cluster.ListenAddrs()[0], "events")
	if diff := cmp.Diff(map[string][]string{"k": {"0-0", "0-1", "0-2", "2-0", "2-1", "2-2"}}, got); diff != "" || copies != 0 {
		t.Errorf("%d copies; %s", copies, diff)
	}
}

// TestWithoutProducerID: where Kafka gives none the producer says so once, delivers all the same, and takes one as soon as it is given.
func TestWithoutProducerID(t *testing.T) {
	quick := func(lines *atomic.Int32) func(*producer.Config) {
		return func(c *producer.Config) {
			c.DeliveryTimeout, c.Log = 500*time.Millisecond, slog.New(counting{slog.DiscardHandler, lines})
		}
	}
	t.Run("forbidden", func(t *testing.T) {
		t.Parallel()
		cluster := kafkatest.Fake(t, 1, 1, "events")
		fault := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Err: kerr.ClusterAuthorizationFailed, Count: -1})
		var s spy
		s.watch(cluster, 0)
		var lines atomic.Int32
		p := start(t, cluster.ListenAddrs(), quick(&lines))
		for fault.Hits() < 2 { // it has asked again
			if _, err := deliver(limit(t, 10*time.Second), p, "events", "k", values("v", 3)); err != nil {
				t.Fatal(err)
			}
		}
		if got := s.numbers(t)[0]; got != [3]int64{-1, -1, -1} || lines.Load() != 1 || p.Stats().Idempotent {
			t.Errorf("%v, %d lines", got, lines.Load())
		}
		fault.Remove()
		eventually(t, 10*time.Second, func() error {
			if !p.Stats().Idempotent {
				return errors.New("no producer id")
			}
			return nil
		})
		if _, err := deliver(limit(t, 10*time.Second), p, "events", "k", values("w", 3)); err != nil {
			t.Error(err)
		}
		if got := s.numbers(t); got[len(got)-1][0] < 0 || got[len(got)-1][2] != 0 {
			t.Error(got)
		}
	})
	t.Run("old broker", func(t *testing.T) {
		broker := newNullBroker(t, 1)
		broker.Old.Store(true)
		var lines atomic.Int32
		p := start(t, []string{broker.addr()}, quick(&lines))
		if _, err := deliver(limit(t, 10*time.Second), p, "events", "k", values("v", 3)); err != nil {
			t.Fatal(err)
		}
		if lines.Load() != 1 || p.Stats().Idempotent {
			t.Errorf("%d lines", lines.Load())
		}
	})
	t.Run("not taken", func(t *testing.T) { // gives one, and then wants a right for it
		cluster := kafkatest.Fake(t, 1, 1, "events")
		var s spy
		s.watch(cluster, kerr.ClusterAuthorizationFailed.Code)
		var lines atomic.Int32
		p := start(t, cluster.ListenAddrs(), quick(&lines))
		if _, err := deliver(limit(t, 10*time.Second), p, "events", "k", values("v", 3)); err != nil {
			t.Fatal(err)
		}
		if got := s.numbers(t); len(got) != 2 || got[0][0] < 0 || got[1][0] >= 0 || lines.Load() != 1 {
			t.Errorf("%v, %d lines", got, lines.Load())
		}
	})
	t.Run("not yet", func(t *testing.T) {
		cluster := kafkatest.Fake(t, 1, 1, "events")
		cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Err: kerr.CoordinatorLoadInProgress, Count: 4})
		var s spy
		s.watch(cluster, 0)
		p := start(t, cluster.ListenAddrs(), nil)
		if err := p.CheckIdempotence(limit(t, 10*time.Second)); err != nil {
			t.Error(err)
		}
		if _, err := deliver(limit(t, 10*time.Second), p, "events", "k", values("v", 3)); err != nil {
			t.Fatal(err)
		}
		if got := s.numbers(t); got[0][0] < 0 {
			t.Error(got)
		}
	})
}

// counting counts the lines about producer ids.
type counting struct {
	slog.Handler
	lines *atomic.Int32
}

func (c counting) Enabled(context.Context, slog.Level) bool { return true }

func (c counting) Handle(_ context.Context, r slog.Record) error {
	if r.Level == slog.LevelError && strings.Contains(r.Message, "no producer id") {
		c.lines.Add(1)
	}
	return nil
}
