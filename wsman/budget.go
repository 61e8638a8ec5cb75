package wsman

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"time"
)

// Budget bounds the memory and the parallel work of all listeners that share it. A request pays before its body is read, pays the
// difference when it turns out to be larger, and gets back what it does not need while it waits for the handler.
//
// Prices: a plain body of n bytes costs 3n, for itself and its text (UTF-16 becomes at most 1.5 times as long in UTF-8). An SLDC body
// costs 10n until its length is known, then n for itself, L for its inflated form and 1.5L for the text.
type Budget struct {
	// Wait is how long a request waits for room before it is refused; 5 s when zero.
	Wait time.Duration

	limit   int64
	slots   chan struct{} // one for each request that may use the CPU now
	metrics budgetMetrics
	pool    pool

	mu    sync.Mutex // guards what follows
	used  int64
	queue []*claim // first come, first served
}

// claim is a request that waits for room.
type claim struct {
	size    int64
	granted chan struct{}
}

var errNoRoom = errors.New("no room in the budget of bytes in flight")

// NewBudget makes one of limit bytes; 256 MiB when zero.
func NewBudget(limit int64) *Budget {
	def(&limit, 256<<20)
	b := &Budget{limit: limit, slots: make(chan struct{}, 4*runtime.GOMAXPROCS(0)), metrics: newBudgetMetrics()}
	b.pool.limit = limit / 8
	return b
}

// acquire waits for size bytes, which the caller must release. A request larger than the whole budget is alone in it.
func (b *Budget) acquire(ctx context.Context, size int64) (int64, error) {
	size = min(size, b.limit)
	b.mu.Lock()
	if len(b.queue) == 0 && b.fits(size) {
		b.take(size)
		b.mu.Unlock()
		return size, nil
	}
	c := &claim{size, make(chan struct{})}
	b.queue = append(b.queue, c)
	b.mu.Unlock()
	wait := b.Wait
	def(&wait, 5*time.Second)
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	select {
	case <-c.granted:
		return size, nil
	case <-ctx.Done():
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.queue {
		if b.queue[i] == c {
			b.queue = append(b.queue[:i], b.queue[i+1:]...)
			b.grant() // the next may be smaller
			return 0, errNoRoom
		}
	}
	return size, nil // granted in the same moment
}

// resize changes a charge without waiting. Growing fails when there is no room; it does not queue, for it would wait for those who
// wait for it.
func (b *Budget) resize(charge *int64, size int64) bool {
	size = min(size, b.limit)
	b.mu.Lock()
	defer b.mu.Unlock()
	if size > *charge && !b.fits(size-*charge) {
		return false
	}
	b.take(size - *charge)
	*charge = size
	b.grant()
	return true
}

func (b *Budget) release(size int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.take(-size)
	b.grant()
}

// grant serves the queue. b.mu is held.
func (b *Budget) grant() {
	for len(b.queue) > 0 && b.fits(b.queue[0].size) {
		c := b.queue[0]
		b.queue = b.queue[1:]
		b.take(c.size)
		close(c.granted)
	}
}

func (b *Budget) fits(size int64) bool { return b.used+size <= b.limit }

func (b *Budget) take(size int64) {
	b.used += size
	b.metrics.bytes.Set(float64(b.used))
}

// work runs f when one of the slots is free: more requests at once than a few per core would only make caches cold. f must not wait
// for a peer.
func (b *Budget) work(f func() error) error {
	b.slots <- struct{}{}
	defer func() { <-b.slots }()
	return f()
}
