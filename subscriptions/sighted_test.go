package subscriptions_test

import (
	"testing"
	"time"

	"github.com/wefka/wefka/subscriptions"
)

// What other nodes store is known here too, and never undoes what this one heard later.
func TestSighted(t *testing.T) {
	s := example()
	b := newBench(t, s)
	count := func(l subscriptions.Liveness) int { return b.Counts()[s.Name][l] }
	other := subscriptions.Key{Subscription: id1, Source: "pc-2$@corp.example"}
	b.Sighted(other, subscriptions.State{Bookmark: mark1, FirstSeen: start, LastEvents: start, LastHeard: start})
	if count(subscriptions.Active) != 1 {
		t.Error(b.Counts())
	}
	b.clock = start.Add(90 * time.Minute)
	if count(subscriptions.Late) != 1 {
		t.Error(b.Counts())
	}
	b.Sighted(other, subscriptions.State{FirstSeen: start, LastEvents: b.clock, LastHeard: b.clock})
	b.Sighted(other, subscriptions.State{FirstSeen: start, LastEvents: start, LastHeard: start}) // late
	if count(subscriptions.Active) != 1 {
		t.Error(b.Counts())
	}
	b.Sighted(other, subscriptions.State{}) // forgotten there
	if n := b.Remembered(); n != 0 {
		t.Error(n, "remembered")
	}
	must(t, b.heartbeat(pc1))
	b.Sighted(key1, subscriptions.State{}) // forgotten there, heard here
	if n := b.Remembered(); n != 1 {
		t.Error(n, "remembered")
	}
}
