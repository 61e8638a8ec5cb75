package wsman

import (
	"net/netip"
	"sync"
	"time"
)

// quiet lets one log line a minute through for each host and reason, and counts the others.
type quiet struct {
	mu   sync.Mutex // guards seen
	seen map[quietKey]*quietLine
}

type quietKey struct {
	addr   netip.Addr // zero: for all hosts together
	reason string
}

type quietLine struct {
	since      time.Time
	suppressed int
}

const (
	quietFor = time.Minute
	quietMax = 1024 // hosts and reasons remembered; more are let through together, as one
)

// pass says whether to log now, and how many lines were left out since the last.
func (q *quiet) pass(k quietKey) (suppressed int, ok bool) {
	now := time.Now()
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.seen == nil {
		q.seen = map[quietKey]*quietLine{}
	}
	if q.seen[k] == nil && len(q.seen) >= quietMax {
		for old, line := range q.seen {
			if now.Sub(line.since) >= quietFor {
				delete(q.seen, old)
			}
		}
		if len(q.seen) >= quietMax {
			k = quietKey{}
		}
	}
	line := q.seen[k]
	if line == nil {
		q.seen[k] = &quietLine{since: now}
		return 0, true
	}
	if now.Sub(line.since) < quietFor {
		line.suppressed++
		return 0, false
	}
	suppressed = line.suppressed
	*line = quietLine{since: now}
	return suppressed, true
}

// floods counts failed authentications of each address in the current second.
type floods struct {
	mu     sync.Mutex // guards what follows
	second int64
	counts map[netip.Addr]int
}

// over says whether a has failed limit times in this second.
func (f *floods) over(a netip.Addr, limit int) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.turn()
	return f.counts[a] >= limit
}

func (f *floods) fail(a netip.Addr) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.turn()
	f.counts[a]++ // as many entries as connections can fail in a second
}

func (f *floods) turn() {
	if now := time.Now().Unix(); f.second != now {
		f.second, f.counts = now, map[netip.Addr]int{}
	}
}
