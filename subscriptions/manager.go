package subscriptions

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/wefka/wefka/wsman"
)

// Manager is policy behind the protocol: it implements wsman.Handler. Make one with NewManager.
type Manager struct {
	Store       Store
	Sink        Sink
	Log         *slog.Logger
	Now         func() time.Time // for tests; nil = time.Now
	ForgetAfter time.Duration    // a source unheard so long is forgotten, bookmarks too; 0 = never. Set before the first Replace
	Observer    Observer         // nil: nobody looks. Set before the first Replace

	metrics *metrics
	roster  atomic.Pointer[roster] // nil until the first Replace
	turns   turns                  // one batch of a stream at a time
	keeper  keeper

	mu      sync.Mutex // guards all below; held for memory only
	streams map[Key]*stream
	sources map[string][]*stream // the same by source
	dirty   map[Key]struct{}     // liveness in memory is newer than the Store's
	unsaved error
}

// NewManager answers "loading" to everything until Replace. log may be nil. Close it.
func NewManager(store Store, sink Sink, log *slog.Logger) *Manager {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Manager{Store: store, Sink: sink, Log: log, metrics: newMetrics(), streams: map[Key]*stream{}, sources: map[string][]*stream{}, dirty: map[Key]struct{}{}}
}

// Replace puts other subscriptions in force, at once and for all requests that begin from now on. The Manager keeps subs.
func (m *Manager) Replace(subs []*Subscription) {
	m.keeper.once.Do(m.open)
	m.roster.Store(newRoster(subs, m.metrics))
}

// Subscriptions are those in force.
func (m *Manager) Subscriptions() []*Subscription {
	var subs []*Subscription
	if r := m.roster.Load(); r != nil {
		for _, s := range r.list {
			subs = append(subs, s.Subscription)
		}
	}
	return subs
}

// Unsaved is why the newest write to the Store failed; nil once one succeeded.
func (m *Manager) Unsaved() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.unsaved
}

func (m *Manager) now() time.Time {
	if m.Now != nil {
		return m.Now()
	}
	return time.Now().UTC().Round(0) // as it will be read back from the Store
}

// Enumerate offers each subscription that is enabled and admits the source, with the position that the source should go on from.
// A Store that cannot say where that is fails it all: an offer without would skip what happened since, or repeat all.
func (m *Manager) Enumerate(_ context.Context, from wsman.Source, msg *wsman.Enumerate) ([]wsman.Subscribe, error) {
	r := m.roster.Load()
	if r == nil {
		return nil, loading()
	}
	offers, keys, withheld := []wsman.Subscribe{}, []Key{}, []string(nil)
	for _, s := range r.list {
		if why := s.withholds(from, msg.Path); why != "" {
			withheld = append(withheld, s.Name+": "+why)
			continue
		}
		k := streamKey(s, from)
		state, err := m.Store.Get(k)
		if err != nil {
			return nil, fmt.Errorf("read bookmark: %w", err)
		}
		offer := s.offer
		if state.Bookmark != "" {
			offer.Bookmark = []byte(state.Bookmark)
		} else {
			offer.Earliest = s.ReadExistingEvents
		}
		offers, keys = append(offers, offer), append(keys, k)
	}
	m.observer().Offered(from, len(offers), withheld)
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, k := range keys {
		st := m.stream(k)
		st.enumerated, st.offered = now, offers[i].Bookmark != nil
	}
	return offers, nil
}

// withholds is the key of a subscription's file that keeps it from a source that enumerates at path; "" = none.
func (s *served) withholds(from wsman.Source, path string) string {
	switch {
	case !s.Enabled:
		return "enabled"
	case !s.Targets.AdmitsPath(path):
		return "paths"
	}
	return s.Targets.unmet(from)
}

// Heartbeat notes that the source is there. It waits for nothing but memory; the Store hears of it some seconds later.
func (m *Manager) Heartbeat(_ context.Context, from wsman.Source, msg *wsman.Heartbeat) error {
	s, err := m.entitled(from, &msg.Header)
	if err != nil {
		return err
	}
	m.heard(s, from, &msg.Header)
	return nil
}

// heard notes in memory that a source is there.
func (m *Manager) heard(s *served, from wsman.Source, h *wsman.Header) {
	k, now := streamKey(s, from), m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stream(k).heard(now, address(from), revision(h))
	m.dirty[k] = struct{}{}
}

// End notes that the source stops, which it does at every reboot: its bookmark stays. It does not wait for the answer for long, and
// may be saying so because the subscription is no longer for it; so everybody gets an Ack.
func (m *Manager) End(_ context.Context, from wsman.Source, msg *wsman.SubscriptionEnd) error {
	r := m.roster.Load()
	if r == nil {
		return loading()
	}
	name := ""
	if s := r.find(&msg.Header); s != nil {
		name = s.Name
		m.ended(streamKey(s, from), address(from), s.Enabled && s.Targets.Admits(from))
		m.observer().Ended(from, name, msg)
	}
	level := slog.LevelWarn
	if msg.Status == sourceShuttingDown {
		level = slog.LevelInfo
	}
	m.Log.Log(context.Background(), level, "subscription ended by its source", "source", from.Name, "remote_addr", from.Addr, "subscription", name,
		"message_id", msg.MessageID, "status", clip(msg.Status), "code", clip(msg.Code), "claimed_machine", clip(msg.Machine), "reason", clip(msg.Reason), "error", clip(msg.Message))
	return nil
}

const sourceShuttingDown = "http://schemas.xmlsoap.org/ws/2004/08/eventing/SourceShuttingDown"

// ended marks a stream that exists or may exist; others are none of ours.
func (m *Manager) ended(k Key, addr netip.Addr, admitted bool) {
	now := m.now()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.streams[k] == nil && !admitted {
		return
	}
	st := m.stream(k)
	st.heard(now, addr, "")
	st.Ended = now
	m.dirty[k] = struct{}{}
}

// entitled gives the subscription that a message is about, if its source may have it.
func (m *Manager) entitled(from wsman.Source, h *wsman.Header) (*served, error) {
	r := m.roster.Load()
	if r == nil {
		return nil, loading()
	}
	s := r.find(h)
	switch {
	case s == nil || !s.Enabled:
		return nil, &wsman.Fault{Status: 404, Reason: "unknown_subscription"}
	case !s.Targets.Admits(from):
		return s, &wsman.Fault{Status: 403, Reason: "forbidden", Err: fmt.Errorf("subscription %s is not for this source", s.Name)}
	}
	return s, nil
}

func loading() error { return ErrLoading }

// Sighted takes in what the Store has learnt of k from another node, so that memory knows it too; the zero State: k was forgotten.
func (m *Manager) Sighted(k Key, s State) {
	if !s.FirstSeen.IsZero() || !s.LastHeard.IsZero() {
		m.observer().Known(k.Source, s.Addr, s.FirstSeen, s.LastHeard)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.FirstSeen.IsZero() && s.LastHeard.IsZero() {
		if _, heard := m.dirty[k]; !heard {
			m.remove(k)
		}
		return
	}
	s.Bookmark, s.History = "", nil
	st := m.stream(k)
	st.State = st.sighted(s)
}

func (m *Manager) observer() Observer {
	if m.Observer == nil {
		return deaf{}
	}
	return m.Observer
}

// stream is memory's entry for k; m.mu is held.
func (m *Manager) stream(k Key) *stream {
	st := m.streams[k]
	if st == nil {
		st = &stream{subscription: k.Subscription}
		m.streams[k] = st
		m.sources[k.Source] = append(m.sources[k.Source], st)
	}
	return st
}

// remove ends memory's entry for k; m.mu is held.
func (m *Manager) remove(k Key) {
	st := m.streams[k]
	delete(m.streams, k)
	rest := slices.DeleteFunc(m.sources[k.Source], func(other *stream) bool { return other == st })
	if m.sources[k.Source] = rest; len(rest) == 0 {
		delete(m.sources, k.Source)
	}
}

// clip keeps a claimed text from filling the log.
func clip(s string) string { return clipAt(500, s) }

func clipAt(most int, s string) string {
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
