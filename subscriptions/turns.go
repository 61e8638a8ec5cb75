package subscriptions

import (
	"context"
	"sync"
)

// turns lets one goroutine at a time work on a stream, in the order in which they came. A stream that nobody works on costs nothing.
type turns struct {
	mu   sync.Mutex // guards busy and the counts in it
	busy map[Key]*turn
}

type turn struct {
	free chan struct{} // holds one token while nobody has the turn; those who wait are served in order
	want int           // who has it or waits for it
}

// take waits for the turn on k. done gives it back, once.
func (t *turns) take(ctx context.Context, k Key) (done func(), err error) {
	t.mu.Lock()
	w := t.join(k)
	t.mu.Unlock()
	select {
	case <-w.free:
		return t.done(k, w), nil
	case <-ctx.Done():
		t.leave(k, w)
		return nil, ctx.Err()
	}
}

// try is take for those who would rather come again.
func (t *turns) try(k Key) (done func(), ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.busy[k] != nil {
		return nil, false
	}
	w := t.join(k)
	<-w.free
	return t.done(k, w), true
}

// join is counted; t.mu is held.
func (t *turns) join(k Key) *turn {
	if t.busy == nil {
		t.busy = map[Key]*turn{}
	}
	w := t.busy[k]
	if w == nil {
		w = &turn{free: make(chan struct{}, 1)}
		w.free <- struct{}{}
		t.busy[k] = w
	}
	w.want++
	return w
}

func (t *turns) done(k Key, w *turn) func() {
	return func() {
		w.free <- struct{}{}
		t.leave(k, w)
	}
}

func (t *turns) leave(k Key, w *turn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if w.want--; w.want == 0 {
		delete(t.busy, k)
	}
}
