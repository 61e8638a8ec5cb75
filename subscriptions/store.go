package subscriptions

import (
	"context"
	"iter"
	"net/netip"
	"time"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/wsman"
)

// Key is one source's place in one subscription. Source is the proven identity, lower case.
type Key struct{ Subscription, Source string } // Subscription: UUID, lower case

// State is what we know of a Key: where it stopped and when it was heard.
type State struct {
	Bookmark   string // newest committed fragment, opaque XML; "" = none yet
	Version    string // version GUID that the source delivered under
	FirstSeen  time.Time
	LastEvents time.Time // last delivery
	LastHeard  time.Time // last message of any kind
	Ended      time.Time // SubscriptionEnd; zero once it is heard again
	Addr       netip.Addr
	History    []Bookmark // the few bookmarks before the newest, newest first: one a day, and each that the source ignored
}

// Bookmark is an older position, kept for the day when a source ignores the newest and an operator looks for what is missing.
type Bookmark struct {
	Text string
	Time time.Time
}

// Store keeps States. Safe for concurrent use.
type Store interface {
	// Get returns the zero State when k is unknown. An error (loading, unreadable) must fail the Enumerate that asked.
	Get(k Key) (State, error)
	// Put is durable when it returns nil (a store over a topic: within its bound). ctx bounds the wait, not the write: after
	// an error s may be stored or not.
	Put(ctx context.Context, k Key, s State) error
	// Delete forgets k; unknown is no error.
	Delete(ctx context.Context, k Key) error
	// All ranges over what there is, in no order. Each State is whole; one that changes meanwhile is seen once, before or after.
	// The caller may write while it ranges.
	All() iter.Seq2[Key, State]
}

// ErrLoading is Store's answer while it has not read all that it should know; the source comes again.
var ErrLoading error = &wsman.Fault{Status: 503, Reason: "loading"}

// Sink is where batches go. nil means that every event of b is durable, as a record or as a dead letter; every error means
// that b must be sent again.
type Sink interface {
	Deliver(ctx context.Context, b *events.Batch) error
}
