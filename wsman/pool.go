package wsman

import "sync"

// pool is a bounded free list of buffers, last in, first out. A sync.Pool would be emptied by each garbage collection, and filling it
// again costs more than reading an envelope does.
type pool struct {
	limit  int64 // bytes kept
	poison bool  // tests: spoil what comes back, so that whoever still reads it is seen

	mu   sync.Mutex // guards what follows
	free [][]byte
	held int64
}

// maxPooled is the largest buffer that is kept.
const maxPooled = 2 << 20

// get gives an empty buffer of any capacity.
func (p *pool) get() []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := len(p.free)
	if n == 0 {
		return nil
	}
	b := p.free[n-1]
	p.free[n-1] = nil
	p.free = p.free[:n-1]
	p.held -= int64(cap(b))
	return b
}

// put takes a buffer that nobody uses any more.
func (p *pool) put(b []byte) {
	size := int64(cap(b))
	if p.poison {
		for i := range b[:cap(b)] {
			b[:cap(b)][i] = 'x'
		}
	}
	if size == 0 || size > maxPooled {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.held+size > p.limit {
		return
	}
	p.free = append(p.free, b[:0])
	p.held += size
}
