package kerberos

import (
	"crypto/sha256"
	"errors"
	"sync"
	"time"
)

const maxReplays = 1_000_000 // authenticators remembered: some 150 MB

var (
	errReplayed = errors.New("authenticator was used before")
	errFull     = errors.New("replay cache is full")
)

// replays remembers authenticators for as long as they could be accepted again (RFC 4120 3.2.3). The key is a hash of the encrypted
// authenticator: nobody can vary it, and names play no role. What is remembered is never dropped early: when it is full nobody gets in.
//
// Times are those of the wall clock, as in the authenticators.
type replays struct {
	limit int // 0: maxReplays

	mu    sync.Mutex // guards what follows
	seen  map[[sha256.Size]byte]struct{}
	queue []seen // the oldest first, since all live equally long
	first int    // of queue; those before are gone
}

type seen struct {
	sum   [sha256.Size]byte
	until int64 // unix nanoseconds
}

// add remembers an authenticator for the given time, or says that it is known. Both in one step.
func (r *replays) add(cipher []byte, now time.Time, life time.Duration) error {
	entry := seen{sha256.Sum256(cipher), now.Add(life).UnixNano()}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expire(now.UnixNano())
	if _, again := r.seen[entry.sum]; again {
		return errReplayed
	}
	limit := r.limit
	if limit == 0 {
		limit = maxReplays
	}
	if len(r.seen) >= limit {
		return errFull
	}
	if r.seen == nil {
		r.seen = map[[sha256.Size]byte]struct{}{}
	}
	r.seen[entry.sum] = struct{}{}
	r.queue = append(r.queue, entry)
	return nil
}

// expire drops what no longer could be accepted. r.mu is held.
func (r *replays) expire(now int64) {
	for r.first < len(r.queue) && r.queue[r.first].until < now {
		delete(r.seen, r.queue[r.first].sum)
		r.first++
	}
	if r.first > len(r.queue)/2 {
		r.queue = append(r.queue[:0], r.queue[r.first:]...)
		r.first = 0
	}
	if len(r.queue) == 0 {
		r.queue, r.seen = nil, nil // after a storm, give the memory back
	}
}

// len is how many are remembered.
func (r *replays) len(now time.Time) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.expire(now.UnixNano())
	return len(r.seen)
}
