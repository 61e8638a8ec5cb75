package witness

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/wefka/wefka/output/fetch"
	"github.com/wefka/wefka/simulator"
)

// Witness hears hosts and reads topics. Set the fields, call Begin before the hosts begin, Judge when they have ended.
type Witness struct {
	Transport kafka.RoundTripper
	Brokers   net.Addr
	Topics    []string      // all that the hosts' events may be in, that of dead letters too
	Patience  time.Duration // with brokers that do not answer; 30 s

	parts  []*part
	ledger *ledger
}

// part is a partition as it is read.
type part struct {
	fetch.Partition
	seen   int64             // offset behind the last record
	last   map[string]uint64 // record number by stream
	stream []byte
	tally  tally
}

const (
	readers = 8 // partitions read at once
	pause   = 200 * time.Millisecond
	settle  = 5 * time.Second // for what is not there to come: events, or a topic that is new
)

// Begin notes the end of each partition: what is there already is not looked at.
func (w *Witness) Begin(ctx context.Context) error {
	w.ledger = newLedger()
	if w.Patience <= 0 {
		w.Patience = 30 * time.Second
	}
	return w.open(ctx, fetch.End)
}

// open takes in those partitions that are not known yet, from their end or their beginning.
func (w *Witness) open(ctx context.Context, from int64) error {
	known := map[string]int{}
	for _, p := range w.parts {
		known[p.Name]++
	}
	for _, name := range w.Topics {
		t := &fetch.Topic{Transport: w.Transport, Brokers: w.Brokers, Name: name}
		var n int
		err := w.insist(ctx, func() (err error) { n, err = t.Partitions(ctx); return err })
		for i := known[name]; i < n && err == nil; i++ {
			p := &part{Partition: fetch.Partition{Topic: t, Index: int32(i)}, last: map[string]uint64{}}
			err = w.insist(ctx, func() (err error) { p.Offset, err = t.Offset(ctx, p.Index, from); return err })
			w.parts = append(w.parts, p)
		}
		if err != nil {
			return fmt.Errorf("witness: %w", err)
		}
	}
	return nil
}

// Hear takes what a host says: it is a Fleet's Testify. Safe for concurrent use.
func (w *Witness) Hear(t simulator.Testimony) { w.ledger.hear(t) }

// Judge reads all partitions to their ends. What is missing then it waits for: a leader that was elected a moment ago may not show all
// that is acknowledged. An error means that there is no verdict.
func (w *Witness) Judge(ctx context.Context) (*Verdict, error) {
	if err := w.open(ctx, fetch.First); err != nil { // partitions that were added meanwhile
		return nil, err
	}
	var until time.Time
	for missing := int64(-1); ; {
		if err := w.read(ctx); err != nil {
			return nil, fmt.Errorf("witness: %w", err)
		}
		now := w.ledger.missing()
		if now != missing {
			missing, until = now, time.Now().Add(min(settle, w.Patience))
		}
		if missing == 0 || time.Now().After(until) {
			return w.verdict(), nil
		}
		if err := sleep(ctx); err != nil {
			return nil, fmt.Errorf("witness: %w", err)
		}
	}
}

func (w *Witness) verdict() *Verdict {
	v := &Verdict{Causes: map[string]int64{}}
	for _, p := range w.parts {
		p.tally.add(v)
	}
	w.ledger.count(v)
	return v
}

// read brings every partition to its present end.
func (w *Witness) read(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wait sync.WaitGroup
	queue := make(chan *part)
	for range min(readers, len(w.parts)) {
		wait.Go(func() {
			for p := range queue {
				if err := w.finish(ctx, p); err != nil {
					cancel(err) // the first counts
				}
			}
		})
	}
	for _, p := range w.parts {
		queue <- p
	}
	close(queue)
	wait.Wait()
	return context.Cause(ctx)
}

// finish reads one partition to its end.
func (w *Witness) finish(ctx context.Context, p *part) error {
	defer p.Release()
	var end int64
	err := w.insist(ctx, func() (err error) { end, err = p.Topic.Offset(ctx, p.Index, fetch.End); return err })
	for err == nil && p.Offset < end {
		err = w.insist(ctx, func() error {
			before := p.Offset
			_, err := p.Fetch(ctx, func(r *fetch.Record) error { w.record(p, r); return nil })
			if p.Offset > before {
				return nil // however it ended: that is for the next time
			}
			return err
		})
	}
	return err
}

// insist tries again, for as long as patience lasts, what may be better in a moment: leaders move, nodes start.
func (w *Witness) insist(ctx context.Context, try func() error) error {
	for began := time.Now(); ; {
		err := try()
		waited := time.Since(began)
		switch {
		case err == nil:
			return nil
		case errors.Is(err, fetch.ErrGone):
			return fmt.Errorf("%w: Kafka deleted records before they were read; raise retention.ms or retention.bytes of the topic", err)
		case waited > w.Patience, errors.Is(err, kafka.TopicAuthorizationFailed), errors.Is(err, kafka.UnknownTopicOrPartition) && waited > settle:
			return err
		}
		if sleep(ctx) != nil {
			return err
		}
	}
}

func sleep(ctx context.Context) error {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
