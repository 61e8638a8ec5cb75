package subscriptions

import (
	"net/netip"
	"strings"
	"time"

	"github.com/wefka/wefka/wsman"
)

// stream is what memory holds of one source in one subscription. Its State carries no bookmarks: those are the Store's alone.
type stream struct {
	State
	subscription string    // its Key's
	enumerated   time.Time // when it was last offered the subscription by this process
	offered      bool      // with a bookmark, and nothing delivered since
}

// last is when we last knew of the source at all.
func (st *stream) last() time.Time {
	return latest(st.FirstSeen, st.LastHeard, st.LastEvents, st.enumerated)
}

// heard notes a message of the source at now.
func (st *State) heard(now time.Time, addr netip.Addr, version string) {
	if st.FirstSeen.IsZero() {
		st.FirstSeen = now
	}
	st.LastHeard = latest(st.LastHeard, now)
	st.Ended = time.Time{}
	st.Addr = addr
	if version != "" {
		st.Version = version
	}
}

// sighted is st with the liveness of other, and its own bookmarks. Another node may have written st since we read it.
func (st State) sighted(other State) State {
	if st.FirstSeen.IsZero() || !other.FirstSeen.IsZero() && other.FirstSeen.Before(st.FirstSeen) {
		st.FirstSeen = other.FirstSeen
	}
	st.LastEvents = latest(st.LastEvents, other.LastEvents)
	if !other.LastHeard.Before(st.LastHeard) {
		st.LastHeard, st.Ended, st.Addr, st.Version = other.LastHeard, other.Ended, other.Addr, other.Version
	}
	return st
}

const (
	maxHistory = 3
	spacing    = 24 * time.Hour // between positions that nothing went wrong with
)

// advanced is st at a new position. The one before goes into the history once a day, and always when the source ignored it: then it
// is where an operator finds the events that are missing.
func (st State) advanced(bookmark string, ignored bool) State {
	if bookmark == "" || bookmark == st.Bookmark {
		return st
	}
	if st.Bookmark != "" && (ignored || len(st.History) == 0 || st.LastEvents.Sub(st.History[0].Time) >= spacing) {
		h := append([]Bookmark{{Text: st.Bookmark, Time: st.LastEvents}}, st.History...)
		st.History = h[:min(len(h), maxHistory)]
	}
	st.Bookmark = bookmark
	return st
}

// streamKey is by what the transport proved, never by what a message says.
func streamKey(s *served, from wsman.Source) Key {
	return Key{Subscription: s.key, Source: strings.ToLower(from.Name)}
}

func latest(times ...time.Time) time.Time {
	var t time.Time
	for _, other := range times {
		if other.After(t) {
			t = other
		}
	}
	return t
}
