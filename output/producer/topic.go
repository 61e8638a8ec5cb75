package producer

import (
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// settling is how long a topic may be unknown to the brokers before its callers are turned away: a new one takes a moment to
// be known everywhere.
const settling = 5 * time.Second

// topic is one that may be, or might have been, produced to.
type topic struct {
	name  string
	gate  gate
	count atomic.Int32                 // partitions, as metadata says; 0: not known yet
	parts atomic.Pointer[[]*partition] // at least count; grows only, changed by the refresher alone
	acked counter

	mu      sync.Mutex // guards below
	problem error      // what metadata says against the topic
	since   time.Time
}

func newTopic(name string, m *metrics) *topic {
	t := &topic{name: name, acked: m.records.WithLabelValues(name)}
	t.parts.Store(new([]*partition))
	return t
}

// partitions are all there ever were.
func (t *topic) partitions() []*partition { return *t.parts.Load() }

// unusable is why the topic cannot be produced to, once that is certain.
func (t *topic) unusable(now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.problem == nil || judge(t.problem).action == retry && now.Sub(t.since) < settling {
		return nil
	}
	return fmt.Errorf("topic %s: %w", t.name, explain(t.problem))
}

// update takes what metadata says about the topic.
func (t *topic) update(m *metadata.ResponseTopic, now time.Time) {
	var problem error
	if len(m.Partitions) == 0 {
		problem = kafka.LeaderNotAvailable
		if m.ErrorCode != 0 {
			problem = kafka.Error(m.ErrorCode)
		}
	}
	t.mu.Lock()
	if problem == nil || t.problem == nil {
		t.since = now
	}
	t.problem = problem
	t.mu.Unlock()
	leaders := make([]int32, max(len(m.Partitions), len(t.partitions())))
	for i := range leaders {
		leaders[i] = -1
	}
	for i := range m.Partitions {
		if p := &m.Partitions[i]; p.PartitionIndex >= 0 && int(p.PartitionIndex) < len(m.Partitions) {
			leaders[p.PartitionIndex] = p.LeaderID
		}
	}
	parts := t.partitions()
	if len(leaders) > len(parts) {
		grown := append([]*partition{}, parts...)
		for i := len(parts); i < len(leaders); i++ {
			grown = append(grown, &partition{topic: t, index: int32(i), leader: -1, listed: -1, identity: anonymous})
		}
		t.parts.Store(&grown)
		parts = grown
	}
	for i, leader := range leaders {
		parts[i].lead(leader)
	}
	if len(m.Partitions) > 0 || problem != nil && judge(problem).reason == "unknown_topic" {
		t.count.Store(int32(len(m.Partitions)))
	}
}
