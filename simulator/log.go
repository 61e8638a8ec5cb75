package simulator

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"
	"sync"
	"time"
)

// eventLog makes the events of one host, for all its subscriptions. It does not keep them: what was made is with a worker, or in the
// backlog between two workers of a subscription.
type eventLog struct {
	*run
	index int // of the host

	mu      sync.Mutex // guards what follows
	records map[string]uint64
	left    int64 // events to make; < 0: no end
	made    int64
	readers int
	start   time.Time          // of the first event, with a rate
	last    time.Time          // TimeCreated of the newest event
	backlog map[string][]stamp // by subscription
}

func newEventLog(r *run, index int) *eventLog {
	return &eventLog{run: r, index: index, left: r.share(index), records: map[string]uint64{}, backlog: map[string][]stamp{}}
}

// place is where in a list of recordings this host begins for a subscription.
func (l *eventLog) place(subscription string, among int) int {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s", l.index, strings.ToUpper(subscription))
	return rand.New(rand.NewPCG(l.Seed, h.Sum64())).IntN(among)
}

// open says that a subscription begins to read. The first one starts the clock of a host with a rate.
func (l *eventLog) open() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.readers++; l.readers == 1 {
		l.tally.hosts.Add(1)
	}
	if l.start.IsZero() {
		l.start = time.Now().Add(l.after(float64(l.index)))
	}
}

func (l *eventLog) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.readers--; l.readers == 0 {
		l.tally.hosts.Add(-1)
	}
}

// after is how long the fleet takes for so many events.
func (l *eventLog) after(events float64) time.Duration {
	if l.Rate == 0 {
		return 0
	}
	return time.Duration(events / l.Rate * float64(time.Second))
}

// due is when the n-th event from now is made, or the last one if there are fewer; false: there are none. l.mu is held.
func (l *eventLog) due(n int64) (time.Time, bool) {
	if l.left == 0 {
		return time.Time{}, false
	}
	if l.left > 0 {
		n = min(n, l.left)
	}
	return l.start.Add(l.after(float64(l.made+n-1) * float64(l.Hosts))), true
}

// next is due for those who do not hold l.mu.
func (l *eventLog) next(n int) (time.Time, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.due(int64(n))
}

// write makes an event, if it is time for one.
func (l *eventLog) write(r *recording, now time.Time) (stamp, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, ok := l.due(1)
	if !ok || at.After(now) {
		return stamp{}, false
	}
	if l.Rate == 0 {
		at = now
	}
	at = at.UTC().Truncate(tick)
	if !at.After(l.last) {
		at = l.last.Add(tick)
	}
	l.last = at
	l.made++
	if l.left > 0 {
		l.left--
	}
	l.records[r.channel]++
	if l.Skew != nil {
		at = at.Add(l.Skew())
	}
	return stamp{recording: r, record: l.records[r.channel], created: at}, true
}

const tick = 100 * time.Nanosecond // of a Windows clock

// reached raises record numbers to where a bookmark says that the log has been.
func (l *eventLog) reached(b bookmark) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, p := range b {
		l.records[p.channel] = max(l.records[p.channel], p.record)
	}
}

// end is the bookmark behind the newest event of each channel.
func (l *eventLog) end(channels []string) (b bookmark) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range channels {
		b = b.at(c, l.records[c])
	}
	return b
}

// keep puts aside what a subscription has not delivered; take gives it to its next worker.
func (l *eventLog) keep(subscription string, events []stamp) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.backlog[subscription] = events
}

func (l *eventLog) take(subscription string) []stamp {
	l.mu.Lock()
	defer l.mu.Unlock()
	events := l.backlog[subscription]
	delete(l.backlog, subscription)
	return events
}
