package producer

import (
	"sync/atomic"
	"time"
)

// probeEvery is how often a closed gate lets one caller try: an ACL, a password, a topic is mended without a restart.
const probeEvery = 5 * time.Second

// gate turns callers away while Kafka refuses what they want. The zero value is open.
type gate struct {
	err  atomic.Pointer[error]
	next atomic.Int64 // when the next probe may pass, ns
}

// shut shuts the gate, or keeps it shut; it says whether this is news.
func (g *gate) shut(err error, now time.Time) bool {
	g.next.Store(now.Add(probeEvery).UnixNano())
	return g.err.Swap(&err) == nil
}

// open says whether the gate was shut.
func (g *gate) open() bool { return g.err.Load() != nil && g.err.Swap(nil) != nil }

// pass returns the reason to go away. A shut gate lets one caller in when it is time to try.
func (g *gate) pass(now time.Time) error {
	err := g.err.Load()
	if err == nil {
		return nil
	}
	if next := g.next.Load(); now.UnixNano() >= next && g.next.CompareAndSwap(next, now.Add(probeEvery).UnixNano()) {
		return nil
	}
	return *err
}

// refusal is why the gate is shut, or nil.
func (g *gate) refusal() error {
	if err := g.err.Load(); err != nil {
		return *err
	}
	return nil
}

// shuts says whether pass would turn a caller away.
func (g *gate) shuts(now time.Time) bool {
	return g.err.Load() != nil && now.UnixNano() < g.next.Load()
}
