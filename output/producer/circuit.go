package producer

import "time"

// The states of the circuit, as Stats.Circuit names them.
const (
	Closed   = "closed"    // everybody may append
	HalfOpen = "half_open" // Kafka answers again: so many bytes in flight, doubled each second
	Open     = "open"      // Kafka is away: one batch at a time finds out whether it is back
)

// firstWindow is what half-open begins with: two full batches.
const firstWindow = 2 * maxBatch

// circuit keeps callers out while Kafka is away. Not safe for concurrent use: admission's lock guards it.
type circuit struct {
	patience time.Duration // without any acknowledgement, before a sign of trouble opens it
	limit    int64

	state  string
	since  time.Time // something waits, and nothing has been acknowledged since; zero: nothing waits
	window int64     // in HalfOpen
	grown  time.Time
}

// wait notes that something waits for Kafka.
func (c *circuit) wait(now time.Time) {
	if c.since.IsZero() {
		c.since = now
	}
}

// idle notes that nothing waits any more.
func (c *circuit) idle() { c.since = time.Time{} }

// answer notes that Kafka has taken, or refused, records. It says whether the state has changed.
func (c *circuit) answer(now time.Time) bool {
	if !c.since.IsZero() {
		c.since = now
	}
	if c.state != Open {
		return false
	}
	c.state, c.window, c.grown = HalfOpen, min(c.limit, firstWindow), now
	return true
}

// trouble notes a batch out of time, or callers who find no room. It says whether the circuit has opened.
func (c *circuit) trouble(now time.Time) bool {
	if c.state == Open || c.since.IsZero() || now.Sub(c.since) < c.patience {
		return false
	}
	c.state = Open
	return true
}

// grow widens a half-open circuit, and says whether it is closed now.
func (c *circuit) grow(now time.Time) bool {
	for c.state == HalfOpen && now.Sub(c.grown) >= time.Second {
		c.grown = c.grown.Add(time.Second)
		if c.window *= 2; c.window >= c.limit {
			c.state = Closed
			return true
		}
	}
	return false
}

// room is how many bytes may be unacknowledged.
func (c *circuit) room() int64 {
	switch c.state {
	case Open:
		return 0
	case HalfOpen:
		return c.window
	}
	return c.limit
}
