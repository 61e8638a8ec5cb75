package subscriptions

import (
	"context"
	"strings"
	"time"
)

// Standing is how a source stands in one subscription.
type Standing struct {
	Name       string
	Liveness   Liveness
	State                // without bookmarks
	Enumerated time.Time // when this process last offered it the subscription; zero: not yet
	Current    string    // the version in force
}

// Standings appends those of a source, whose case does not matter, to into: one for each enabled subscription that it was offered or
// delivered to.
func (m *Manager) Standings(into []Standing, source string) []Standing {
	r := m.roster.Load()
	if r == nil {
		return into
	}
	source, now := strings.ToLower(source), m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	streams := m.sources[source]
	for _, s := range r.list {
		for _, st := range streams {
			if s.Enabled && st.subscription == s.key {
				into = append(into, Standing{Name: s.Name, Liveness: s.liveness(st, now), State: st.State, Enumerated: st.enumerated, Current: s.offer.Version})
			}
		}
	}
	return into
}

// Forget drops liveness and bookmarks of a source in every subscription that there is or was. It comes back as a new one.
func (m *Manager) Forget(ctx context.Context, source string) error {
	source = strings.ToLower(source)
	var keys []Key
	for k := range m.Store.All() {
		if k.Source == source {
			keys = append(keys, k)
		}
	}
	m.mu.Lock()
	for _, st := range m.sources[source] {
		keys = append(keys, Key{st.subscription, source})
	}
	m.mu.Unlock()
	for _, k := range keys {
		if err := m.drop(ctx, k, func(*stream) bool { return true }); err != nil {
			return err
		}
	}
	m.observer().Forgotten(source)
	return nil
}

// drop deletes a stream, if it still should go when its turn comes.
func (m *Manager) drop(ctx context.Context, k Key, should func(*stream) bool) error {
	done, err := m.turns.take(ctx, k)
	if err != nil {
		return err
	}
	defer done()
	m.mu.Lock()
	st := m.streams[k]
	back := st != nil && !should(st)
	if !back {
		m.remove(k)
		delete(m.dirty, k)
	}
	m.mu.Unlock()
	if back {
		return nil
	}
	return m.Store.Delete(ctx, k)
}

// alone says whether nothing is left of a source in any subscription.
func (m *Manager) alone(source string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.sources[source]) == 0
}
