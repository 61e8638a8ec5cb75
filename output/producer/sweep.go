package producer

import (
	"context"
	"fmt"
	"time"
)

// sweepEvery is how often the sweeper looks when nothing wakes it.
const sweepEvery = 100 * time.Millisecond

func (p *Producer) stir() {
	select {
	case p.agitated <- struct{}{}:
	default:
	}
}

// sweeping does what is due by the clock: it offers what has paused or found a leader, gives up what is out of time or wanted by nobody,
// and watches the circuit.
func (p *Producer) sweeping(ctx context.Context) {
	timer := time.NewTimer(sweepEvery)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.agitated:
		case <-timer.C:
		}
		timer.Reset(p.sweep(time.Now()))
	}
}

// sweep returns when to come again.
func (p *Producer) sweep(now time.Time) time.Duration {
	next := sweepEvery
	for _, t := range p.catalog.Load().all {
		for _, part := range t.partitions() {
			part.mu.Lock()
			idle := len(part.queue) == 0
			if !idle && !part.busy {
				p.offer(part, now)
				if pause := part.resume.Sub(now); pause > 0 {
					next = min(next, pause)
				}
			}
			part.mu.Unlock()
			if !idle {
				p.expire(part, now)
			}
		}
	}
	p.circuitIs(p.admission.tick(now), nil)
	return next
}

// expire gives up batches that nobody waits for or that are out of time, if no sender has them.
func (p *Producer) expire(part *partition, now time.Time) {
	for _, b := range part.drop(func(b *batch) bool { return b.abandoned() || !now.Before(b.deadline) }) {
		err := errLate
		if b.err != nil {
			err = fmt.Errorf("%w: %w", errLate, explain(b.err))
		}
		if !now.Before(b.deadline) {
			p.circuitIs(p.admission.troubled(now), err)
		}
		p.settle(part, b, fmt.Errorf("%s: %w", part, err))
	}
}
