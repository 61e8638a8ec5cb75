package compacted

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/wefka/wefka/subscriptions"
)

// again is how soon a write that failed is tried anew, if nobody waits for it.
const again = 5 * time.Second

var errEnded = fmt.Errorf("write state: %w", subscriptions.ErrClosed)

// writing is the one writer of the partition. All of it is written once a round, the partitions one after the other; what is
// urgent at once, and what comes meanwhile together after it.
func (p *part) writing(ctx context.Context) {
	round := p.s.round
	timer := time.NewTimer(round * time.Duration(p.index+1) / time.Duration(len(*p.s.parts.Load())))
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			p.abandon()
			return
		case <-p.wake:
			if p.send(ctx, time.Time{}) != nil {
				timer.Reset(min(again, round))
			}
		case <-timer.C:
			p.count(ctx)
			next := round
			if p.send(ctx, time.Now()) != nil {
				next = min(again, round)
			}
			timer.Reset(next)
		case reply := <-p.drain:
			reply <- p.send(ctx, time.Now())
		}
	}
}

// count looks whether partitions were added: then keys belong elsewhere, and the nodes would no longer read what they write.
func (p *part) count(ctx context.Context) {
	if n, err := p.s.topic.Partitions(ctx); err == nil && n != len(*p.s.parts.Load()) {
		p.s.note(&p.s.grown, fmt.Errorf("topic %s has %d partitions now, and had %d when this node started: restart every node", p.s.topic.Name, n, len(*p.s.parts.Load())))
	}
}

// send writes what is urgent, and all that was asked for until then, in several batches if need be.
func (p *part) send(ctx context.Context, until time.Time) error {
	for {
		batch := p.take(until)
		if len(batch) == 0 {
			return nil
		}
		records := make([]entry, len(batch))
		for i, b := range batch {
			records[i].key = nameOf(b.k)
			if b.w.packed != nil { // it does not change any more
				records[i].value, _ = p.s.shelf.unpack(b.w.packed).MarshalBinary() // never fails
			}
		}
		refused, err := p.s.write(ctx, records)
		if err != nil {
			err = fmt.Errorf("write state: %w", err)
		}
		for i, reason := range refused {
			refused[i] = fmt.Errorf("write state of %s: %w (the topic's max.message.bytes must let 512 KiB through)", batch[i].k.Source, reason)
			p.s.log.Error("state refused by kafka", "topic", p.s.topic.Name, "source", batch[i].k.Source, "error", refused[i])
		}
		p.settle(batch, refused, err, time.Now())
		if err != nil {
			p.s.note(&p.writes, err)
			return err
		}
		p.writes.Store(nil)
	}
}

// abandon tells those who wait that nobody writes any more.
func (p *part) abandon() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.mine {
		for _, done := range w.done {
			done <- errEnded
		}
		w.done = nil
	}
}

func (p *part) flush(ctx context.Context) error {
	reply := make(chan error, 1)
	select {
	case p.drain <- reply:
	case <-p.s.ctx.Done():
		return errEnded
	case <-ctx.Done():
		return fmt.Errorf("write state: %w", ctx.Err())
	}
	select {
	case err := <-reply:
		return err
	case <-p.s.ctx.Done():
		return errEnded
	case <-ctx.Done():
		return fmt.Errorf("write state: %w", errors.Join(ctx.Err(), p.s.Trouble()))
	}
}
