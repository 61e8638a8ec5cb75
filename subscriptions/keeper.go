package subscriptions

import (
	"context"
	"sync"
	"time"
)

const (
	saveEvery   = 5 * time.Second // how long liveness may be memory's alone
	sweepEvery  = time.Hour
	saveTimeout = 30 * time.Second
	savers      = 64 // at once, so that the Store can group them
)

// keeper is the one goroutine of a Manager: it saves liveness and forgets sources.
type keeper struct {
	once sync.Once
	stop context.CancelFunc
	done chan struct{}
}

// open fills memory from the Store and starts the keeper.
func (m *Manager) open() {
	for k, st := range m.Store.All() {
		st.Bookmark, st.History = "", nil
		m.mu.Lock()
		m.stream(k).State = st
		m.mu.Unlock()
		m.observer().Known(k.Source, st.Addr, st.FirstSeen, st.LastHeard)
	}
	var ctx context.Context
	ctx, m.keeper.stop = context.WithCancel(context.Background())
	m.keeper.done = make(chan struct{})
	go m.keep(ctx)
}

func (m *Manager) keep(ctx context.Context) {
	defer close(m.keeper.done)
	save, sweep := time.NewTicker(saveEvery), time.NewTicker(sweepEvery)
	defer save.Stop()
	defer sweep.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-save.C:
			m.save(ctx)
		case <-sweep.C:
			m.sweep(ctx)
		}
	}
}

// Close saves what only memory holds, for as long as ctx lasts, and waits for the Manager's goroutine. Requests should have ended.
func (m *Manager) Close(ctx context.Context) error {
	m.keeper.once.Do(func() {}) // from here on Replace starts nothing
	if m.keeper.stop == nil {
		return nil
	}
	m.keeper.stop()
	<-m.keeper.done
	m.save(ctx)
	return m.Unsaved()
}

// save writes the liveness that changed since it last ran. What fails is tried again the next time.
func (m *Manager) save(ctx context.Context) {
	m.mu.Lock()
	dirty := m.dirty
	m.dirty = make(map[Key]struct{}, len(dirty))
	m.mu.Unlock()

	ctx, cancel := context.WithTimeout(ctx, saveTimeout)
	defer cancel()
	var wait sync.WaitGroup
	slots := make(chan struct{}, savers)
	for k := range dirty {
		slots <- struct{}{}
		wait.Go(func() {
			defer func() { <-slots }()
			if !m.saveOne(ctx, k) {
				m.mu.Lock()
				m.dirty[k] = struct{}{}
				m.mu.Unlock()
			}
		})
	}
	wait.Wait()
}

func (m *Manager) saveOne(ctx context.Context, k Key) bool {
	done, free := m.turns.try(k) // else an older bookmark could overwrite a newer one
	if !free {
		return false // a batch is under way, and saves the same
	}
	defer done()
	state, err := m.state(k)
	if err == nil {
		err = m.Store.Put(ctx, k, state)
	}
	m.wrote(err)
	return err == nil
}

func (m *Manager) wrote(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.unsaved = err
}

// sweep forgets sources that were not heard of for ForgetAfter.
func (m *Manager) sweep(ctx context.Context) {
	if m.ForgetAfter <= 0 {
		return
	}
	horizon := m.now().Add(-m.ForgetAfter)
	var old []Key
	m.mu.Lock()
	for k, st := range m.streams {
		if last := st.last(); !last.IsZero() && last.Before(horizon) {
			old = append(old, k)
		}
	}
	m.mu.Unlock()
	for _, k := range old {
		err := m.drop(ctx, k, func(st *stream) bool { return st.last().Before(horizon) }) // unless it came back meanwhile
		if err != nil {
			m.Log.Error("old state not removed; tried again in an hour", "error", err)
			return
		}
		if m.alone(k.Source) {
			m.observer().Forgotten(k.Source)
		}
	}
	if len(old) > 0 {
		m.Log.Info("forgot sources unheard of for a long time", "streams", len(old))
	}
}
