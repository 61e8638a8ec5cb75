package producer

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// Delivery follows the records of one or more Appends. Its zero value is ready; it serves once, and one goroutine.
type Delivery struct {
	gone atomic.Bool // nobody waits: do not begin to send for its sake

	mu      sync.Mutex // guards all below
	total   int        // records appended
	pending int        // of them neither acknowledged nor refused nor given up
	refused []Refused
	err     error
	done    chan struct{} // made by Wait, closed when there is nothing more to wait for
}

// Refused is a record that Kafka will never take.
type Refused struct {
	Index    int // over the delivery, in the order of the Appends
	Err      error
	TooLarge bool // for the topic
}

// Wait returns when every record is acknowledged by all in-sync replicas or refused, at the first one that had to be given up, or
// when ctx ends. Refused lists, in order, the records that no retry can save. err != nil: something is not known to be
// stored, nor known not to be, and the records have to come again.
func (d *Delivery) Wait(ctx context.Context) (refused []Refused, err error) {
	d.mu.Lock()
	if d.pending > 0 && d.err == nil {
		done := make(chan struct{})
		d.done = done
		d.mu.Unlock()
		select {
		case <-done:
		case <-ctx.Done():
		}
		d.mu.Lock()
		if d.pending > 0 && d.err == nil {
			d.err = fmt.Errorf("%d of %d records are not acknowledged: %w", d.pending, d.total, context.Cause(ctx))
		}
		d.done = nil
	}
	defer d.mu.Unlock()
	if d.err != nil {
		d.gone.Store(true)
	}
	slices.SortFunc(d.refused, func(a, b Refused) int { return cmp.Compare(a.Index, b.Index) })
	return d.refused, d.err
}

// hold announces n records and returns the index of the first.
func (d *Delivery) hold(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	first := d.total
	d.total += n
	d.pending += n
	return first
}

// settle takes n records off: acknowledged, or given up with err.
func (d *Delivery) settle(n int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pending -= n
	if d.err == nil {
		d.err = err
	}
	d.wake()
}

// refuse takes one record off.
func (d *Delivery) refuse(r Refused) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pending--
	d.refused = append(d.refused, r)
	d.wake()
}

// abandon is called when an Append has failed: the caller will not wait.
func (d *Delivery) abandon(err error) {
	d.gone.Store(true)
	d.settle(0, err)
}

func (d *Delivery) wake() {
	if d.done != nil && (d.pending == 0 || d.err != nil) {
		close(d.done)
		d.done = nil
	}
}
