package subscriptions

import "time"

// Liveness is what the silence of a source in a subscription means.
type Liveness string

const (
	Active        Liveness = "active"         // events within the heartbeat interval
	Alive         Liveness = "alive"          // any message within it, and what a message may take
	Late          Liveness = "late"           // silent for up to two intervals
	Dead          Liveness = "dead"           // for longer
	Ended         Liveness = "ended"          // said that it stops, and nothing since
	NotDelivering Liveness = "not_delivering" // asks for its subscriptions, and never delivered
)

var livenesses = []Liveness{Active, Alive, Late, Dead, Ended, NotDelivering}

// grace is what a message may need on its way.
const grace = time.Minute

// liveness judges a stream of s at now.
func (s *Subscription) liveness(st *stream, now time.Time) Liveness {
	interval, silent := s.Delivery.Heartbeat.Duration(), now.Sub(st.LastHeard)
	switch {
	case !st.Ended.IsZero():
		return Ended
	case st.LastHeard.IsZero():
		return NotDelivering
	case now.Sub(st.LastEvents) <= interval:
		return Active
	case silent <= interval+s.Delivery.MaxTime.Duration()+grace:
		return Alive
	case silent <= 2*interval:
		return Late
	}
	return Dead
}

// Counts gives the number of sources in each state, by the name of each enabled subscription.
func (m *Manager) Counts() map[string]map[Liveness]int {
	counts := map[string]map[Liveness]int{}
	r := m.roster.Load()
	if r == nil {
		return counts
	}
	for _, s := range r.list {
		if s.Enabled {
			counts[s.Name] = map[Liveness]int{}
		}
	}
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	for k, st := range m.streams {
		if s := r.byID[k.Subscription]; s != nil && s.Enabled {
			counts[s.Name][s.liveness(st, now)]++
		}
	}
	return counts
}

// LastEvents gives when any source last delivered, by the name of each subscription that something was delivered for.
func (m *Manager) LastEvents() map[string]time.Time {
	last := map[string]time.Time{}
	r := m.roster.Load()
	if r == nil {
		return last
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for k, st := range m.streams {
		if s := r.byID[k.Subscription]; s != nil && st.LastEvents.After(last[s.Name]) {
			last[s.Name] = st.LastEvents
		}
	}
	return last
}
