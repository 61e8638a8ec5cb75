package hosts

import (
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/wefka/wefka/wsman"
)

// Book is what is known of hosts. Make one with New. It is a wsman.Observer and a subscriptions.Observer.
type Book struct {
	// Streams appends to into how a source stands in each subscription; nil: nobody knows. Set before the first use.
	Streams     func(into []Stream, source string) []Stream
	ForgetAfter time.Duration    // hosts without any stream that were unseen so long are forgotten; 0 = never
	Now         func() time.Time // for tests; nil = time.Now

	metrics *metrics

	mu        sync.Mutex // guards all below; held for memory only
	hosts     map[string]*host
	index     index
	strangers strangers
	recent    recent
	swept     time.Time
}

// New is an empty Book.
func New() *Book {
	b := &Book{hosts: map[string]*host{}}
	b.metrics = newMetrics(b)
	return b
}

func (b *Book) now() time.Time {
	if b.Now != nil {
		return b.Now()
	}
	return time.Now()
}

// Visited takes in a request or a refusal.
func (b *Book) Visited(v *wsman.Visit) {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	if v.Source.Name == "" {
		if v.Reason != "" && v.Addr.IsValid() {
			b.turnedAway(v, now)
		}
		return
	}
	h := b.host(v.Source.Name, now)
	h.visited(v, now)
	if v.Reason == "" {
		b.strangers.settle(v.Addr.Addr())
		h.served(v, now)
		return
	}
	r := refusal(v, now)
	h.refusals = note(h.refusals, r)
	b.recent.add(r)
}

// turnedAway remembers somebody who proved nothing. That a conversation begins without a proof is no refusal, unless nothing follows.
func (b *Book) turnedAway(v *wsman.Visit, now time.Time) {
	r := refusal(v, now)
	b.strangers.add(r)
	if r.Reason != unauthenticated {
		b.recent.add(r)
	}
}

const unauthenticated = "unauthenticated"

// host finds or makes the entry of a proven identity; b.mu is held.
func (b *Book) host(name string, now time.Time) *host {
	if now.Sub(b.swept) > sweepEvery {
		b.sweep(now)
	}
	key := strings.ToLower(name)
	h := b.hosts[key]
	if h == nil {
		h = &host{name: strings.Clone(name), first: at(now)}
		b.hosts[strings.Clone(key)] = h
		b.index.add(key)
	}
	return h
}

const sweepEvery = time.Hour

// sweep forgets hosts that no subscription knows, after a time; b.mu is held.
func (b *Book) sweep(now time.Time) {
	b.swept = now
	if b.ForgetAfter <= 0 {
		return
	}
	for key, h := range b.hosts {
		if !h.stored && now.Sub(h.seen.Time()) > b.ForgetAfter {
			delete(b.hosts, key)
		}
	}
}

// Known takes in a source that the state remembers from before this process, or from another node.
func (b *Book) Known(source string, addr netip.Addr, first, last time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.host(source, b.now())
	h.stored = true
	if h.seen < at(last) {
		h.seen = at(last)
		if h.proven == 0 {
			h.addr = addr.Unmap()
		}
	}
	if !first.IsZero() {
		h.first = min(h.first, at(first))
	}
}

// Offered takes in what an Enumerate was answered with.
func (b *Book) Offered(from wsman.Source, offered int, withheld []string) {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.host(from.Name, now)
	h.offered, h.withheld = int32(offered), wordOf(strings.Join(withheld, ", "))
	h.stored = h.stored || offered > 0 // subscriptions keeps it from now on, and says when to forget it
}

// Ended takes in why a source says that it stops.
func (b *Book) Ended(from wsman.Source, subscription string, end *wsman.SubscriptionEnd) {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.host(from.Name, now).end = &End{Time: now, Subscription: subscription, Status: clip(end.Status), Code: clip(end.Code), Message: clip(strings.TrimSpace(end.Reason + " " + end.Message))}
}

// Dropped takes in that a source could not send events, for they fit no envelope.
func (b *Book) Dropped(from wsman.Source, _ string, events int) {
	b.trouble(from, dropped, events)
}

// BookmarkIgnored takes in that a source began anew although it had been told where to go on.
func (b *Book) BookmarkIgnored(from wsman.Source, _ string) { b.trouble(from, bookmarkIgnored, 1) }

func (b *Book) trouble(from wsman.Source, kind, n int) {
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.host(from.Name, now).troubles[kind].add(n, now)
}

// Forgotten drops a source.
func (b *Book) Forgotten(source string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.hosts, strings.ToLower(source))
}

// Refusals are the newest n of all hosts and strangers, newest first.
func (b *Book) Refusals(n int) []Refusal {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.recent.newest(n)
}

var _ wsman.Observer = (*Book)(nil)
