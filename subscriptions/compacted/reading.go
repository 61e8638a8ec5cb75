package compacted

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"
	"unique"

	"github.com/wefka/wefka/output/fetch"
	"github.com/wefka/wefka/output/producer"
	"github.com/wefka/wefka/subscriptions"
)

// reading loads the partition and follows it.
func (p *part) reading(ctx context.Context) {
	at := &fetch.Partition{Topic: p.s.topic, Index: p.index}
	for ctx.Err() == nil {
		err := p.load(ctx, at)
		for err == nil {
			began := time.Now()
			var end bool
			switch end, err = at.Fetch(ctx, p.apply); {
			case err == nil:
				p.reads.Store(nil)
				if end {
					p.caughtUp(began)
				}
			case ctx.Err() != nil:
				return
			case !errors.Is(err, fetch.ErrGone): // the leader moves, or Kafka is away: what is loaded stays true
				p.s.note(&p.reads, fmt.Errorf("follow state: %w", err))
				p.s.pause(time.Second)
				err = nil
			}
		}
		p.s.note(&p.reads, fmt.Errorf("load state: %w", err))
		p.s.pause(time.Second)
	}
}

// load reads the partition from its beginning up to a barrier of our own. Comparing with the partition's end would not do: compaction may have
// taken the last records.
func (p *part) load(ctx context.Context, at *fetch.Partition) error {
	p.mu.Lock()
	if p.loaded { // what we had is gone: the topic was made anew
		p.s.loading.Add(1)
		p.clear()
	}
	p.mu.Unlock()
	barrier := p.barrier()
	if _, err := p.s.write(ctx, []entry{{key: barrier}}); err != nil {
		return fmt.Errorf("write a barrier: %w", err)
	}
	select {
	case p.s.loaders <- struct{}{}:
		defer func() { <-p.s.loaders }()
	case <-ctx.Done():
		return ctx.Err()
	}
	first, err := p.s.topic.Offset(ctx, p.index, fetch.First)
	if err != nil {
		return err
	}
	at.Offset = first
	defer at.Release()
	for passed := false; !passed; {
		_, err := at.Fetch(ctx, func(r *fetch.Record) error {
			passed = passed || bytes.Equal(r.Key, barrier)
			return p.apply(r)
		})
		if err != nil {
			return err
		}
	}
	p.mu.Lock()
	p.loaded = true
	p.mu.Unlock()
	p.reads.Store(nil)
	if p.s.loading.Add(-1) == 0 {
		select {
		case <-p.s.loaded:
		default:
			close(p.s.loaded)
		}
	}
	return nil
}

// barrier is a key that nobody has used, of this partition. It goes without a value, so that compaction takes it away one day.
func (p *part) barrier() []byte {
	n := int32(len(*p.s.parts.Load()))
	for {
		if key := []byte("x/" + rand.Text()); producer.PartitionOf(key, n) == p.index {
			return key
		}
	}
}

// apply takes in one record.
func (p *part) apply(r *fetch.Record) error {
	k, ok := keyOf(r.Key)
	if !ok {
		return nil
	}
	parts := *p.s.parts.Load()
	home := parts[producer.PartitionOf(r.Key, int32(len(parts)))]
	if r.Value == nil {
		home.read(k, subscriptions.State{}, nil, home != p)
		p.s.seen(k, subscriptions.State{})
		return nil
	}
	var state subscriptions.State
	if err := state.UnmarshalBinary(r.Value); err != nil {
		return fmt.Errorf("state of %s at offset %d of %s/%d: %w; a newer wefka may have written it: update this one", k.Source, r.Offset, p.s.topic.Name, p.index, err)
	}
	state.Version = unique.Make(state.Version).Value()
	home.read(k, state, p.s.shelf.pack(state), home != p)
	p.s.seen(k, state)
	return nil
}
