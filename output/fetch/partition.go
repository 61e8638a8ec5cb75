package fetch

import (
	"context"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/createtopics"
	"github.com/segmentio/kafka-go/protocol/listoffsets"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// Topic is a topic of a cluster. Safe for concurrent use.
type Topic struct {
	Transport kafka.RoundTripper // dials, authenticates, knows the leaders
	Brokers   net.Addr
	Name      string
}

// Partition is a position in a partition. Not safe for concurrent use.
type Partition struct {
	*Topic
	Index  int32
	Offset int64 // of the next record; Fetch moves it
	Bytes  int32 // to ask for at once; 0 = 1 MiB

	inflater inflater
	buffer   []byte
}

const (
	wait  = 2 * time.Second  // of a broker that has nothing new
	limit = 15 * time.Second // of a request in all
)

// ErrGone says that the offset is not in the partition: it was deleted, or the topic was made anew.
var ErrGone = errors.New("the offset is not in the partition")

// Partitions is how many the topic has. The error names Kafka's reason.
func (t *Topic) Partitions(ctx context.Context) (int, error) {
	res, err := t.Transport.RoundTrip(ctx, t.Brokers, &metadata.Request{TopicNames: []string{t.Name}})
	if err != nil {
		return 0, fmt.Errorf("metadata of topic %s: %w", t.Name, err)
	}
	if m, ok := res.(*metadata.Response); ok && len(m.Topics) == 1 {
		if code := m.Topics[0].ErrorCode; code != 0 {
			t.Refresh(ctx)
			return 0, fmt.Errorf("metadata of topic %s: %w", t.Name, kafka.Error(code))
		}
		return len(m.Topics[0].Partitions), nil
	}
	return 0, fmt.Errorf("metadata of topic %s: %w", t.Name, errAnswer)
}

// First and End are for Topic.Offset.
const (
	End   = -1
	First = -2
)

// Offset is the first offset that a partition still has, or that behind its last.
func (t *Topic) Offset(ctx context.Context, partition int32, which int64) (int64, error) {
	res, err := t.Transport.RoundTrip(ctx, t.Brokers, &listoffsets.Request{ReplicaID: -1, Topics: []listoffsets.RequestTopic{{Topic: t.Name,
		Partitions: []listoffsets.RequestPartition{{Partition: partition, CurrentLeaderEpoch: -1, Timestamp: which}}}}})
	if err == nil {
		if m, ok := res.(*listoffsets.Response); ok && len(m.Topics) == 1 && len(m.Topics[0].Partitions) == 1 {
			p := m.Topics[0].Partitions[0]
			if p.ErrorCode == 0 {
				return p.Offset, nil
			}
			err = kafka.Error(p.ErrorCode)
		} else {
			err = errAnswer
		}
	}
	t.Refresh(ctx)
	return 0, fmt.Errorf("offsets of %s/%d: %w", t.Name, partition, err)
}

// Refresh makes the transport ask who leads what. It has no call for that, but asks after every CreateTopics: one that creates nothing.
func (t *Topic) Refresh(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	// An error shows in the next request.
	_, _ = t.Transport.RoundTrip(ctx, t.Brokers, &createtopics.Request{TimeoutMs: 1000, ValidateOnly: true})
}

// Fetch reads what is there from p.Offset on, waits some seconds if that is nothing, gives each record to each, in order, and moves
// p.Offset behind what was read. end says that the partition held nothing more when the broker answered. An error of each ends it; the same batch comes again then.
func (p *Partition) Fetch(ctx context.Context, each func(*Record) error) (end bool, err error) {
	bytes := p.Bytes
	if bytes == 0 {
		bytes = 1 << 20
	}
	// The transport may still write into the buffer of a request that was given up: it comes back with the answer or not at all.
	r := &request{topic: p.Name, partition: p.Index, offset: p.Offset, bytes: bytes, wait: int32(wait.Milliseconds()), buffer: p.buffer}
	p.buffer = nil
	attempt, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	res, err := p.Transport.RoundTrip(attempt, p.Brokers, r)
	a, ok := res.(*answer)
	switch {
	case err == nil && !ok:
		err = errAnswer
	case err == nil && a.code == kafka.OffsetOutOfRange:
		return false, fmt.Errorf("%s/%d: %w: %d", p.Name, p.Index, ErrGone, p.Offset)
	case err == nil && a.code != 0:
		err = a.code
	}
	if err != nil {
		if ctx.Err() == nil {
			p.Refresh(ctx)
		}
		return false, fmt.Errorf("fetch %s/%d: %w", p.Name, p.Index, err)
	}
	p.buffer = a.buffer
	next, err := p.inflater.batches(a.batches, p.Offset, each)
	p.Offset = next
	if err != nil {
		return false, fmt.Errorf("fetch %s/%d: %w", p.Name, p.Index, err)
	}
	return next >= a.end, nil
}

// Release gives up the memory that Fetch keeps for the next time.
func (p *Partition) Release() { p.buffer, p.inflater = nil, inflater{} }
