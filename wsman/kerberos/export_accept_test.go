package kerberos

import "time"

// Clock makes the acceptor tell the time by now.
func (a *Acceptor) Clock(now func() time.Time) { a.now = now }

// RememberAtMost bounds the replay cache.
func (a *Acceptor) RememberAtMost(n int) { a.replays.limit = n }

// Forget empties the replay cache.
func (a *Acceptor) Forget() {
	a.replays.mu.Lock()
	defer a.replays.mu.Unlock()
	a.replays.seen, a.replays.queue, a.replays.first = nil, nil, 0
}

// Remembered is how many authenticators the replay cache holds.
func (a *Acceptor) Remembered() int { return a.replays.len(a.clock()) }

// Number is the number of the next token that the context makes, and changed to another.
func (c *Context) Number(change func(uint64) uint64) { c.send = change(c.send) }
