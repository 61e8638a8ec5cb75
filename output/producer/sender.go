package producer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/produce"
	"github.com/segmentio/kafka-go/protocol/rawproduce"
)

// sender sends what the partitions led by one broker have ready, one request at a time.
type sender struct {
	p      *Producer
	broker int32
	codec  codec
	wake   chan struct{} // buffered

	mu    sync.Mutex // guards ready; taken inside a partition's lock
	ready []*partition
	spare []*partition // the sender's own
}

// offer lists a partition that has something to take.
func (s *sender) offer(part *partition) {
	s.mu.Lock()
	s.ready = append(s.ready, part)
	s.mu.Unlock()
	s.stir()
}

func (s *sender) stir() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *sender) run(ctx context.Context) {
	for {
		select {
		case <-s.wake:
		case <-ctx.Done():
			return
		}
		if s.p.config.Linger > 0 {
			s.linger(ctx)
		}
		for s.round(ctx) {
		}
	}
}

// linger waits for company, unless a full batch is ready.
func (s *sender) linger(ctx context.Context) {
	timer := time.NewTimer(s.p.config.Linger)
	defer timer.Stop()
	for !s.full() {
		select {
		case <-timer.C:
			return
		case <-s.wake:
		case <-ctx.Done():
			return
		}
	}
}

func (s *sender) full() bool {
	s.mu.Lock()
	ready := slices.Clone(s.ready)
	s.mu.Unlock()
	return slices.ContainsFunc(ready, func(part *partition) bool {
		part.mu.Lock()
		defer part.mu.Unlock()
		return len(part.queue) > 1
	})
}

// load is a batch in a request.
type load struct {
	part *partition
	*batch
	lease *lease
}

// lease ends the transport's right to read the request: after a time-out its goroutine may still be about to, and the
// pieces are somebody else's by then.
type lease struct {
	mu   sync.Mutex // guards over, and is held while the transport reads
	over bool
}

func (l *lease) end() {
	l.mu.Lock()
	l.over = true
	l.mu.Unlock()
}

// WriteTo is what io.Copy calls to encode the request.
func (l load) WriteTo(w io.Writer) (int64, error) {
	l.lease.mu.Lock()
	defer l.lease.mu.Unlock()
	if l.lease.over {
		return 0, context.DeadlineExceeded
	}
	return l.batch.WriteTo(w)
}

// Read makes load an io.Reader; io.Copy does not call it.
func (l load) Read([]byte) (int, error) { return 0, errors.ErrUnsupported }

// round sends one request, if there is something to send, and deals with the answer.
func (s *sender) round(ctx context.Context) bool {
	lease := &lease{}
	loads := s.gather(lease)
	if len(loads) == 0 || ctx.Err() != nil {
		return false
	}
	defer func() { // a panic, ours or the transport's, costs these batches an attempt and not the process
		if r := recover(); r != nil {
			s.p.log.Error("panic in sender", "error", fmt.Sprint(r), "broker", s.broker, "stack", string(debug.Stack()))
			lease.end()
			s.p.failed(loads, fmt.Errorf("panic: %v", r))
		}
	}()
	loads = s.seal(loads)
	if len(loads) == 0 {
		return true
	}
	attempt, cancel := context.WithTimeout(ctx, s.p.attempt)
	defer cancel()
	began := time.Now()
	res, err := s.p.transport.Load().RoundTrip(attempt, s.p.brokers, request(loads, s.p.attempt*8/10))
	lease.end()
	s.p.metrics.duration.Observe(time.Since(began).Seconds())
	answer, ok := res.(*produce.Response)
	switch {
	case ok && err == nil:
		s.p.answered(loads, answer)
	case ctx.Err() != nil: // Close gives up what there is
	case err == nil:
		s.p.failed(loads, errSilent)
	default:
		s.p.failed(loads, err)
	}
	return true
}

// gather takes batches from the partitions that have some, up to the size of a request.
func (s *sender) gather(lease *lease) (loads []load) {
	size := 0
	s.mu.Lock()
	ready := s.ready
	s.ready, s.spare = s.spare[:0], ready
	s.mu.Unlock()
	defer func() { clear(ready) }()
	for i, part := range ready {
		limit := maxRequest - size
		if len(loads) == 0 {
			limit = math.MaxInt // one always goes
		}
		b, more := s.p.take(part, s.broker, limit)
		if more {
			s.mu.Lock()
			s.ready = append(slices.Clone(ready[i:]), s.ready...) // first in the next round
			s.mu.Unlock()
			break
		}
		if b != nil {
			loads = append(loads, load{part, b, lease})
			size += b.records.size
		}
	}
	slices.SortStableFunc(loads, func(a, b load) int { return strings.Compare(a.part.topic.name, b.part.topic.name) }) // a request lists each topic once
	return loads
}

// seal makes the batches ready for the wire.
func (s *sender) seal(loads []load) []load {
	return slices.DeleteFunc(loads, func(l load) bool {
		if l.attempts == 1 {
			s.p.metrics.batch.Observe(float64(l.count))
		}
		if err := l.batch.seal(s.codec); err != nil {
			s.p.giveUp(l, fmt.Errorf("compress: %w", err))
			return true
		}
		if l.attempts == 1 {
			s.p.metrics.raw.Add(float64(l.records.size))
			s.p.metrics.compressed.Add(float64(l.batch.size() - len(l.head)))
		}
		return false
	})
}

// request is for all replicas to acknowledge within limit.
func request(loads []load, limit time.Duration) *rawproduce.Request {
	r := &rawproduce.Request{Acks: -1, Timeout: int32(limit.Milliseconds())}
	for _, l := range loads {
		if n := len(r.Topics); n == 0 || r.Topics[n-1].Topic != l.part.topic.name {
			r.Topics = append(r.Topics, rawproduce.RequestTopic{Topic: l.part.topic.name})
		}
		t := &r.Topics[len(r.Topics)-1]
		t.Partitions = append(t.Partitions, rawproduce.RequestPartition{Partition: l.part.index, RecordSet: protocol.RawRecordSet{Reader: l}})
	}
	return r
}
