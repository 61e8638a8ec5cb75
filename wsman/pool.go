package wsman

import (
	"slices"
	"sync"
)

// pool is a bounded free list of buffers. A sync.Pool would be emptied by each garbage collection, and filling it again costs more than
// reading an envelope does.
type pool struct {
	limit  int64 // bytes kept
	poison bool  // tests: spoil what comes back, so that whoever still reads it is seen

	mu   sync.Mutex // guards what follows
	free [][]byte   // the newest, which the caches may still know, last
	held int64
}

const (
	maxPooled = 2 << 20 // the largest buffer that is kept
	maxFree   = 64      // so few that a search is nothing
)

// get gives an empty buffer with room for size bytes, or nil.
func (p *pool) get(size int) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, b := range slices.Backward(p.free) {
		if cap(b) >= size {
			p.remove(i)
			return b
		}
	}
	return nil
}

// put takes a buffer that nobody uses any more. The oldest ones make room.
func (p *pool) put(b []byte) {
	if p.poison {
		for i := range b[:cap(b)] {
			b[:cap(b)][i] = 'x'
		}
	}
	size := int64(cap(b))
	if size == 0 || size > min(maxPooled, p.limit) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.free) >= maxFree || p.held+size > p.limit {
		p.remove(0)
	}
	p.free = append(p.free, b[:0])
	p.held += size
}

func (p *pool) remove(i int) {
	p.held -= int64(cap(p.free[i]))
	p.free = slices.Delete(p.free, i, i+1)
}
