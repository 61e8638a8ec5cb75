package producer

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// partition is the queue of one partition's batches.
type partition struct {
	topic *topic
	index int32
	used  int64 // bytes that admission has let in; guarded by its lock

	mu     sync.Mutex // guards all below; a sender's lock may be taken inside
	queue  []*batch   // oldest first; the last may be open for more
	busy   bool       // the first is with a sender
	listed int32      // the broker whose sender knows that there is something to take; -1: none
	leader int32      // -1: none known
	resume time.Time  // not before, after a failure
	err    error      // when closed

	identity identity // who numbers the batches; they begin at 0 with each
	sequence int32    // of the next record
	unsure   bool     // a batch that was sent has been given up: which number the broker expects is not known
}

// append encodes records, all in one batch, behind what is there: they are stored together or not at all, so that the first half of what a
// host sends again cannot come to lie behind a second half that was stored. Nothing of them is kept.
func (p *Producer) append(part *partition, d *Delivery, key []byte, records []Record, now time.Time) error {
	size, cost := 0, int64(0)
	for i := range records {
		n := recordCost(key, &records[i])
		size, cost = size+n, cost+p.admission.cost(n)
	}
	part.mu.Lock()
	defer part.mu.Unlock()
	if part.err != nil {
		return part.err
	}
	b := part.open(size)
	if b == nil {
		b = p.batch()
		b.created, b.deadline = now, now.Add(p.config.DeliveryTimeout)
		part.queue = append(part.queue, b)
	}
	first := d.hold(len(records))
	ms := now.UnixMilli()
	for i := range records {
		b.add(key, &records[i], ms, d, first+i)
	}
	b.cost += cost
	p.offer(part, now)
	return nil
}

// open is the batch that has room for n bytes more, or nil.
func (part *partition) open(n int) *batch {
	if len(part.queue) == 0 {
		return nil
	}
	b := part.queue[len(part.queue)-1]
	if b.records.size+n > maxBatch {
		b.sealed = true
	}
	if b.sealed {
		return nil
	}
	return b
}

// offer tells the leader's sender that there is something to take. With part.mu held.
func (p *Producer) offer(part *partition, now time.Time) {
	if len(part.queue) == 0 || part.busy || part.leader < 0 || part.err != nil || now.Before(part.resume) || p.identity.Load() == nil {
		return
	}
	if part.listed != part.leader {
		part.listed = part.leader
		p.sender(part.leader).offer(part)
	} else if p.config.Linger > 0 && part.queue[0].sealed {
		p.sender(part.leader).stir() // full: it need not linger
	}
}

// lead takes the leader's id from metadata; the sweeper offers what waits. A new leader need not be spared.
func (part *partition) lead(leader int32) {
	part.mu.Lock()
	defer part.mu.Unlock()
	if part.leader != leader {
		part.leader, part.resume = leader, time.Time{}
	}
}

func (part *partition) leaderless() bool {
	part.mu.Lock()
	defer part.mu.Unlock()
	return part.leader < 0
}

// take gives the first batch to the sender of a broker, unless it is larger than limit: then more, and the partition stays listed.
func (p *Producer) take(part *partition, broker int32, limit int) (b *batch, more bool) {
	part.mu.Lock()
	defer part.mu.Unlock()
	if part.listed != broker { // the leader has moved: listed elsewhere
		return nil, false
	}
	if len(part.queue) == 0 || part.busy {
		part.listed = -1
		return nil, false
	}
	b = part.queue[0]
	if b.records.size > limit {
		return nil, true
	}
	b.sealed, part.listed = true, -1
	if !b.numbered && !p.number(part, b) {
		return nil, false // the sweeper offers it again
	}
	part.busy = true
	b.attempts++
	return b, false
}

// putBack keeps the batch that was taken for another attempt.
func (part *partition) putBack(err error, now time.Time) {
	part.mu.Lock()
	defer part.mu.Unlock()
	b := part.queue[0]
	part.busy, b.err = false, err
	part.resume = now.Add(pause(b.attempts))
}

// pause is how long to wait after that many attempts.
func pause(attempts int) time.Duration {
	return min(100*time.Millisecond<<min(attempts-1, 4), time.Second)
}

// stored takes out the batch that was taken.
func (p *Producer) stored(part *partition, now time.Time) {
	part.mu.Lock()
	defer part.mu.Unlock()
	p.follow(part, now, nil)
}

// replace puts others, if any, in the place of the batch that was taken and is not known to be stored, nor known not to be.
func (p *Producer) replace(part *partition, now time.Time, others ...*batch) {
	part.mu.Lock()
	defer part.mu.Unlock()
	part.unsure = true
	p.follow(part, now, others)
}

func (p *Producer) follow(part *partition, now time.Time, others []*batch) {
	part.queue = slices.Replace(part.queue, 0, 1, others...)
	part.busy = false
	part.resume = time.Time{}
	p.offer(part, now)
}

// drop takes out the batches that no sender has and that cond names.
func (part *partition) drop(cond func(*batch) bool) (dropped []*batch) {
	part.mu.Lock()
	defer part.mu.Unlock()
	kept := part.queue[:0]
	for i, b := range part.queue {
		if part.busy && i == 0 || !cond(b) {
			kept = append(kept, b)
			continue
		}
		b.sealed = true
		part.unsure = part.unsure || b.attempts > 0
		dropped = append(dropped, b)
	}
	clear(part.queue[len(kept):])
	part.queue = kept
	return dropped
}

// close refuses further records with err and takes out what is there, what a sender has included.
func (part *partition) close(err error) []*batch {
	part.mu.Lock()
	defer part.mu.Unlock()
	queue := part.queue
	part.queue, part.busy, part.err = nil, false, err
	return queue
}

func (part *partition) String() string { return fmt.Sprintf("%s/%d", part.topic.name, part.index) }
