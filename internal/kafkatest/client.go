package kafkatest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

type broker = kmsg.MetadataResponseBroker

// Header is a record's header.
type Header struct {
	Key   string
	Value []byte
}

// Record is a record as a consumer sees it.
type Record struct {
	Topic     string
	Partition int32
	Offset    int64
	Time      time.Time
	Key       []byte
	Value     []byte
	Headers   []Header
}

// CreateTopic creates a topic with as many replicas as the cluster has nodes and waits until every partition has a leader.
func (b *Broker) CreateTopic(name string, partitions int, config map[string]string) {
	b.t.Helper()
	createTopic(b.t, newClient(b.t, b.addr), name, partitions, len(b.nodes), config)
}

func createTopic(t testing.TB, client *kgo.Client, name string, partitions, replication int, config map[string]string) {
	t.Helper()
	topic := kmsg.NewCreateTopicsRequestTopic()
	topic.Topic, topic.NumPartitions, topic.ReplicationFactor = name, int32(partitions), int16(replication)
	for key, value := range config {
		c := kmsg.NewCreateTopicsRequestTopicConfig()
		c.Name, c.Value = key, &value
		topic.Configs = append(topic.Configs, c)
	}
	req := kmsg.NewPtrCreateTopicsRequest()
	req.Topics, req.TimeoutMillis = append(req.Topics, topic), 10_000
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	res, err := req.RequestWith(ctx, client)
	if err == nil {
		err = kerr.ErrorForCode(res.Topics[0].ErrorCode)
	}
	if err != nil {
		t.Fatalf("create topic %s: %v", name, err)
	}
	err = poll(t.Context(), 20*time.Second, func(ctx context.Context) error {
		m, err := metadata(ctx, client, name)
		if err != nil {
			return err
		}
		led := 0
		for _, p := range m.Topics[0].Partitions {
			if p.ErrorCode == 0 && p.Leader >= 0 {
				led++
			}
		}
		if led != partitions {
			return fmt.Errorf("%d of %d partitions have a leader", led, partitions)
		}
		return nil
	})
	if err != nil {
		t.Fatalf("create topic %s: %v", name, err)
	}
}

// DeleteTopic deletes a topic.
func (b *Broker) DeleteTopic(name string) {
	b.t.Helper()
	topic := kmsg.NewDeleteTopicsRequestTopic()
	topic.Topic = &name
	req := kmsg.NewPtrDeleteTopicsRequest()
	req.TopicNames, req.Topics, req.TimeoutMillis = []string{name}, append(req.Topics, topic), 10_000
	ctx, cancel := context.WithTimeout(b.t.Context(), 20*time.Second)
	defer cancel()
	res, err := req.RequestWith(ctx, newClient(b.t, b.addr))
	if err == nil {
		err = kerr.ErrorForCode(res.Topics[0].ErrorCode)
	}
	if err != nil {
		b.t.Fatalf("delete topic %s: %v", name, err)
	}
}

// ReadAll reads what the topics hold now, ordered by topic, partition and offset. Not for compacted topics: it waits for the
// last offset of each partition.
func ReadAll(t testing.TB, addr string, topics ...string) (records []Record) {
	t.Helper()
	Each(t, addr, func(r Record) { records = append(records, r) }, topics...)
	slices.SortFunc(records, func(a, b Record) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Partition, b.Partition), cmp.Compare(a.Offset, b.Offset))
	})
	return records
}

// Each is ReadAll for more than memory holds: partitions come as they like, each in its order.
func Each(t testing.TB, addr string, do func(Record), topics ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	client := newClient(t, addr, kgo.FetchMaxWait(100*time.Millisecond))
	var left map[part]int64
	err := poll(ctx, time.Minute, func(ctx context.Context) (err error) { // a node that died is known only after a while
		left, err = ends(ctx, client, topics)
		return err
	})
	if err != nil {
		t.Fatalf("read %v: %v", topics, err)
	}
	from := map[string]map[int32]kgo.Offset{}
	for p := range left {
		if from[p.topic] == nil {
			from[p.topic] = map[int32]kgo.Offset{}
		}
		from[p.topic][p.index] = kgo.NewOffset().AtStart()
	}
	client.AddConsumePartitions(from)
	for len(left) > 0 {
		fetches := client.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			t.Fatalf("read %v: %d partitions are not read to their end: %v", topics, len(left), err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			p := part{r.Topic, r.Partition}
			if end, ok := left[p]; !ok || r.Offset >= end {
				return
			} else if r.Offset == end-1 {
				delete(left, p)
			}
			record := Record{Topic: r.Topic, Partition: r.Partition, Offset: r.Offset, Time: r.Timestamp, Key: r.Key, Value: r.Value}
			for _, h := range r.Headers {
				record.Headers = append(record.Headers, Header(h))
			}
			do(record)
		})
	}
}

type part struct {
	topic string
	index int32
}

// ends returns the end offset of every partition that holds records.
func ends(ctx context.Context, client *kgo.Client, topics []string) (map[part]int64, error) {
	m, err := metadata(ctx, client, topics...)
	if err != nil {
		return nil, err
	}
	all := map[part]int64{}
	for _, at := range []int64{-2, -1} { // the first offset, the end
		req := kmsg.NewPtrListOffsetsRequest()
		for _, topic := range m.Topics {
			if err := kerr.ErrorForCode(topic.ErrorCode); err != nil {
				return nil, fmt.Errorf("topic %s: %w", *topic.Topic, err)
			}
			t := kmsg.NewListOffsetsRequestTopic()
			t.Topic = *topic.Topic
			for _, partition := range topic.Partitions {
				p := kmsg.NewListOffsetsRequestTopicPartition()
				p.Partition, p.Timestamp = partition.Partition, at
				t.Partitions = append(t.Partitions, p)
			}
			req.Topics = append(req.Topics, t)
		}
		for _, shard := range client.RequestSharded(ctx, req) {
			if shard.Err != nil {
				return nil, shard.Err
			}
			for _, t := range shard.Resp.(*kmsg.ListOffsetsResponse).Topics {
				for _, p := range t.Partitions {
					if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
						return nil, fmt.Errorf("offsets of %s/%d: %w", t.Topic, p.Partition, err)
					}
					if at == -1 && p.Offset == all[part{t.Topic, p.Partition}] {
						delete(all, part{t.Topic, p.Partition}) // empty
						continue
					}
					all[part{t.Topic, p.Partition}] = p.Offset
				}
			}
		}
	}
	return all, nil
}

func newClient(t testing.TB, addr string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(addr), kgo.MetadataMinAge(10 * time.Millisecond)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func metadata(ctx context.Context, client kmsg.Requestor, topics ...string) (*kmsg.MetadataResponse, error) {
	req := kmsg.NewPtrMetadataRequest()
	req.Topics = []kmsg.MetadataRequestTopic{} // none
	for _, name := range topics {
		t := kmsg.NewMetadataRequestTopic()
		t.Topic = &name
		req.Topics = append(req.Topics, t)
	}
	return req.RequestWith(ctx, client)
}
