package subscriptions

import (
	"context"
	"fmt"

	"go.etcd.io/bbolt"
)

// For the tests, which stand outside.

var (
	Shorten = shorten
	Pack    = packState
	Unpack  = unpackState
)

const (
	MaxBookmark = maxBookmark
	SaveEvery   = saveEvery
	SweepEvery  = sweepEvery
)

func (m *Manager) Save()  { m.save(context.Background()) }
func (m *Manager) Sweep() { m.sweep(context.Background()) }

func (m *Manager) Remembered() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.streams)
}

func (m *Manager) Busy() int {
	m.turns.mu.Lock()
	defer m.turns.mu.Unlock()
	n := 0
	for _, t := range m.turns.busy {
		n += t.want
	}
	return n
}

// OpenLimited opens a file that cannot grow beyond max bytes.
func OpenLimited(path string, max int) (*Bolt, error) {
	return openBolt(path, &bbolt.Options{MaxSize: max})
}

// OpenReadOnly opens a file that cannot be written.
func OpenReadOnly(path string) (*Bolt, error) { return openBolt(path, &bbolt.Options{ReadOnly: true}) }

// Intercept puts a function in place of each commit; it gets the real one to call or not.
func (b *Bolt) Intercept(f func(commit func() error) error) {
	write := b.write
	b.commit = func(changes map[Key][]byte) error { return f(func() error { return write(changes) }) }
}

// Hurry makes b fast and not durable.
func (b *Bolt) Hurry() { b.pace, b.db.NoSync = 0, true }

// ParseXPath gives place, rule and text of each problem.
func ParseXPath(text string) []string {
	var said []string
	for _, p := range parseXPath(text).problems {
		said = append(said, fmt.Sprintf("%d %s %s", p.at, p.rule, p.text))
	}
	return said
}
