package compacted

import (
	"sync"
	"time"

	"github.com/wefka/wefka/subscriptions"
)

// part is one partition: what the log says of its keys, and what this node has to add.
type part struct {
	s     *Store
	index int32
	wake  chan struct{}     // holds one token when something is urgent
	drain chan chan<- error // Flush's

	reads, writes trouble

	mu     sync.Mutex // guards all below
	loaded bool
	held   map[subscriptions.Key][]byte // packed, as the log has it as far as it is read
	mine   map[subscriptions.Key]*write // what the log has not shown us yet
	urgent []subscriptions.Key
	acked  []shown // oldest first
}

// write is a State on its way into the log.
type write struct {
	packed []byte    // nil: delete
	since  time.Time // the oldest that it stands for was asked for
	stage  stage
	acked  time.Time
	done   []chan<- error

	positioned bool // one before it is stored, with a bookmark
}

type stage int

const (
	dirty   stage = iota // waits for its turn; may still change
	sending              // on its way; what is newer is another write
	stored               // in Kafka, and not come by yet
)

// shown is a stored write that waits for the reader.
type shown struct {
	k subscriptions.Key
	w *write
}

// pair is a key with its packed State.
type pair struct {
	k      subscriptions.Key
	packed []byte
}

func newPart(s *Store, index int32) *part {
	p := &part{s: s, index: index, wake: make(chan struct{}, 1), drain: make(chan chan<- error)}
	p.clear()
	return p
}

// clear is the state before anything was read; what this node has to add stays.
func (p *part) clear() {
	p.loaded, p.held = false, map[subscriptions.Key][]byte{}
	if p.mine == nil {
		p.mine = map[subscriptions.Key]*write{}
	}
}

func (p *part) get(k subscriptions.Key) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w := p.mine[k]; w != nil {
		return w.packed
	}
	return p.held[k]
}

// put takes a change in. done is nil if there is nothing to wait for.
func (p *part) put(k subscriptions.Key, packed []byte, now time.Time) (done <-chan error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.mine[k]
	if w == nil || w.stage != dirty {
		next := &write{since: now}
		if w != nil {
			next.positioned = w.positioned || w.stage == stored && positioned(w.packed)
		}
		if w != nil && w.stage == sending {
			next.since = w.since
		}
		w, p.mine[k] = next, next
	}
	first := positioned(packed) && !positioned(p.held[k]) && !w.positioned
	w.packed = packed
	w.positioned = w.positioned && packed != nil
	if packed != nil && !first && now.Sub(w.since) < 2*p.s.round {
		return nil
	}
	c := make(chan error, 1)
	w.done = append(w.done, c)
	p.urgent = append(p.urgent, k)
	p.stir()
	return c
}

func (p *part) stir() {
	select {
	case p.wake <- struct{}{}:
	default: // awake already
	}
}

// most is how many writes go together.
const most = 2000

// take gives what is to be written now, and marks it as on its way: what is urgent, and all that was asked for until then.
func (p *part) take(until time.Time) (batch []shown) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.urgent) > 0 && len(batch) < most {
		k := p.urgent[0]
		p.urgent = p.urgent[1:]
		if w := p.mine[k]; w != nil && w.stage == dirty {
			w.stage = sending
			batch = append(batch, shown{k, w})
		}
	}
	if until.IsZero() {
		return batch
	}
	for k, w := range p.mine {
		if len(batch) >= most {
			break
		}
		if w.stage == dirty && !w.since.After(until) {
			w.stage = sending
			batch = append(batch, shown{k, w})
		}
	}
	return batch
}

// settle ends the writes of a batch: stored, refused for ever (by index), or to be tried again.
func (p *part) settle(batch []shown, refused map[int]error, err error, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, b := range batch {
		result := err
		current := p.mine[b.k] == b.w
		switch {
		case err != nil && current:
			b.w.stage = dirty
		case err != nil: // a newer one stands in its place
		case refused[i] != nil:
			result = refused[i]
			if current {
				delete(p.mine, b.k)
			}
		default:
			b.w.stage, b.w.acked = stored, now
			p.acked = append(p.acked, b)
		}
		p.s.metrics.Wrote(b.w.since, result)
		for _, done := range b.w.done {
			done <- result
		}
		b.w.done = nil
	}
}

// read takes in what the log says of k next. A stray stands in a partition that k left when partitions were added: it counts until there is
// something later.
func (p *part) read(k subscriptions.Key, state subscriptions.State, packed []byte, stray bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if old := p.held[k]; stray && (packed == nil || old != nil && !state.LastHeard.After(p.s.shelf.unpack(old).LastHeard)) {
		return
	}
	if packed == nil {
		delete(p.held, k)
		return
	}
	p.held[k] = packed
	// The source has moved to another node, and that one has a later delivery.
	if w := p.mine[k]; w != nil && w.stage == dirty && w.packed != nil && state.LastEvents.After(p.s.shelf.unpack(w.packed).LastEvents) {
		delete(p.mine, k)
		for _, done := range w.done {
			done <- nil
		}
	}
}

// caughtUp lets go of what was stored before a fetch began that reached the end: it has come by, or was compacted away under a later one.
func (p *part) caughtUp(began time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	n := 0
	for ; n < len(p.acked) && p.acked[n].w.acked.Before(began); n++ {
		if b := p.acked[n]; p.mine[b.k] == b.w {
			delete(p.mine, b.k)
		}
	}
	p.acked = append(p.acked[:0:0], p.acked[n:]...)
}

func (p *part) all() []pair {
	p.mu.Lock()
	defer p.mu.Unlock()
	pairs := make([]pair, 0, len(p.held)+len(p.mine))
	for k, packed := range p.held {
		if p.mine[k] == nil {
			pairs = append(pairs, pair{k, packed})
		}
	}
	for k, w := range p.mine {
		if w.packed != nil {
			pairs = append(pairs, pair{k, w.packed})
		}
	}
	return pairs
}

func (p *part) size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.held)
}

// waiting counts what Kafka does not have.
func (p *part) waiting() (n int, oldest time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.mine {
		if w.stage == stored {
			continue
		}
		n++
		if oldest.IsZero() || w.since.Before(oldest) {
			oldest = w.since
		}
	}
	return n, oldest
}
