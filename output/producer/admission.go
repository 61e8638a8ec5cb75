package producer

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"
)

// admission decides who may append: it bounds the bytes of all unacknowledged batches and each partition's share of them, and
// asks the circuit. Those who find no room wait in order, but nobody waits behind a partition that has used up its share.
type admission struct {
	share int64 // of one partition, so that one without a leader cannot fill the buffer for the others

	mu      sync.Mutex // guards all below, and partition.used
	circuit circuit
	bytes   int64
	records int64
	queue   []*entrant
	probe   *partition    // while the circuit is open: where the batch went that finds out
	err     error         // when closed
	drained chan struct{} // closed when closed and empty
}

type entrant struct {
	part    *partition
	bytes   int64
	records int64
	in      chan error // buffered
}

// cost is what admission counts for a record of at most n encoded bytes. Clamped, so that everything fits in the end.
func (a *admission) cost(n int) int64 { return min(int64(n), a.share) }

// enter waits for room until ctx ends. After nil, leave has to follow.
func (a *admission) enter(ctx context.Context, e entrant) error {
	a.mu.Lock()
	if a.err != nil {
		a.mu.Unlock()
		return a.err
	}
	a.circuit.wait(time.Now())
	if a.circuit.state == Open {
		defer a.mu.Unlock()
		return a.try(&e)
	}
	if len(a.queue) == 0 && a.fits(&e) {
		a.take(&e)
		a.mu.Unlock()
		return nil
	}
	e.in = make(chan error, 1)
	a.queue = append(a.queue, &e)
	a.grant()
	a.mu.Unlock()
	select {
	case err := <-e.in:
		return err
	case <-ctx.Done():
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	select {
	case err := <-e.in: // decided in the meantime
		return err
	default:
	}
	a.queue = slices.DeleteFunc(a.queue, func(other *entrant) bool { return other == &e })
	a.grant() // it may have been the one in front
	return fmt.Errorf("%w: %w", ErrFull, context.Cause(ctx))
}

// try lets one at a time find out whether Kafka is back, where nothing is stuck if possible.
func (a *admission) try(e *entrant) error {
	if a.probe != nil || e.part.used > 0 && a.records > 0 {
		return ErrOpen
	}
	a.probe = e.part
	a.take(e)
	return nil
}

func (a *admission) fits(e *entrant) bool {
	return a.fitsShare(e) && (a.records == 0 || a.bytes+e.bytes <= a.circuit.room())
}

func (a *admission) fitsShare(e *entrant) bool { return e.part.used+e.bytes <= a.share }

func (a *admission) take(e *entrant) {
	a.bytes += e.bytes
	a.records += e.records
	e.part.used += e.bytes
}

// grant lets in those who fit, up to the first that waits for room in the whole.
func (a *admission) grant() {
	kept := a.queue[:0]
	for i, e := range a.queue {
		if a.fits(e) {
			a.take(e)
			e.in <- nil
			continue
		}
		kept = append(kept, e)
		if a.fitsShare(e) {
			kept = append(kept, a.queue[i+1:]...)
			break
		}
	}
	clear(a.queue[len(kept):])
	a.queue = kept
}

// leave gives room back.
func (a *admission) leave(part *partition, bytes, records int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.bytes -= bytes
	a.records -= records
	part.used -= bytes
	if a.probe == part {
		a.probe = nil
	}
	if a.records == 0 && len(a.queue) == 0 {
		a.circuit.idle()
		if a.err != nil {
			close(a.drained)
		}
	}
	a.grant()
}

// reject turns away everybody who waits.
func (a *admission) reject(err error) {
	for _, e := range a.queue {
		e.in <- err
	}
	clear(a.queue)
	a.queue = a.queue[:0]
}

// answered, troubled and tick pass on to the circuit; they return its state if it has changed, or "".

func (a *admission) answered(now time.Time) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.circuit.answer(now) {
		return ""
	}
	a.grant()
	return HalfOpen
}

func (a *admission) troubled(now time.Time) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if !a.circuit.trouble(now) {
		return ""
	}
	a.reject(ErrOpen)
	return Open
}

func (a *admission) tick(now time.Time) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.queue) > 0 && a.circuit.trouble(now) {
		a.reject(ErrOpen)
		return Open
	}
	closed := a.circuit.grow(now)
	a.grant()
	if closed {
		return Closed
	}
	return ""
}

// await notes that somebody waits for metadata; an open circuit does not let them.
func (a *admission) await(now time.Time) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.err != nil {
		return a.err
	}
	if a.circuit.state == Open {
		return ErrOpen
	}
	a.circuit.wait(now)
	return nil
}

// known notes that there is metadata: nobody waits for that any more.
func (a *admission) known() {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.records == 0 && len(a.queue) == 0 {
		a.circuit.idle()
	}
}

// accepting says whether a newcomer has a chance. known: there is metadata.
func (a *admission) accepting(known bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.err != nil:
		return false
	case a.circuit.state == Open:
		return known && a.probe == nil
	case a.circuit.state == HalfOpen:
		return a.bytes < a.circuit.room()
	}
	return true
}

// close turns away everybody, now and later. The channel is closed when all that is inside has left.
func (a *admission) close() <-chan struct{} {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.err, a.drained = ErrClosed, make(chan struct{})
	a.reject(ErrClosed)
	if a.records == 0 {
		close(a.drained)
	}
	return a.drained
}

func (a *admission) state() (circuit string, bytes, records int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.circuit.state, a.bytes, a.records
}
