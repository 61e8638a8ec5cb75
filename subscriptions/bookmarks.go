package subscriptions

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
)

// Position is where a source stopped in a subscription, as operators keep and restore it.
type Position struct {
	Key
	Bookmark string // XML fragment
	Time     time.Time
}

// Bookmarks ranges over the positions of a subscription (a UUID) and a source, of all where that is "", in no order.
func (m *Manager) Bookmarks(subscription, source string) iter.Seq[Position] {
	subscription, source = strings.ToLower(subscription), strings.ToLower(source)
	return func(yield func(Position) bool) {
		for k, s := range m.Store.All() {
			if s.Bookmark == "" || subscription != "" && k.Subscription != subscription || source != "" && k.Source != source {
				continue
			}
			if !yield(Position{k, s.Bookmark, s.LastEvents}) {
				return
			}
		}
	}
}

// ResetBookmarks removes the positions that Bookmarks would give, and says how many. A source that is at work goes on from its own; the
// next time it asks, it starts like a new one.
func (m *Manager) ResetBookmarks(ctx context.Context, subscription, source string) (n int, err error) {
	for p := range m.Bookmarks(subscription, source) {
		if err := m.setBookmark(ctx, p.Key, "", time.Time{}); err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

// Import stores positions, over those that are there. Nothing is stored if one of them is no bookmark.
func (m *Manager) Import(ctx context.Context, positions []Position) error {
	for i, p := range positions {
		if err := p.check(); err != nil {
			return fmt.Errorf("bookmark %d: %w", i+1, err)
		}
	}
	for _, p := range positions {
		k := Key{strings.ToLower(p.Subscription), strings.ToLower(p.Source)}
		if err := m.setBookmark(ctx, k, p.Bookmark, p.Time); err != nil {
			return err
		}
	}
	return nil
}

// check wants what may stand inside an answer to a source: one element, alone and closed.
func (p *Position) check() error {
	switch {
	case !uuidForm.MatchString(strings.ToLower(p.Subscription)):
		return fmt.Errorf("subscription_id %.64q is no UUID", p.Subscription)
	case p.Source == "" || len(p.Source) > 1024 || strings.ContainsRune(p.Source, 0):
		return fmt.Errorf("source %.64q is no identity", p.Source)
	case len(p.Bookmark) > maxBookmark:
		return fmt.Errorf("of %s: %d bytes; at most %d", p.Source, len(p.Bookmark), maxBookmark)
	}
	if err := fragment(p.Bookmark); err != nil {
		return fmt.Errorf("of %s: %w", p.Source, err)
	}
	return nil
}

var errFragment = errors.New("a bookmark is one BookmarkList element")

func fragment(text string) error {
	d := xml.NewDecoder(strings.NewReader(text))
	depth, roots := 0, 0
	for {
		token, err := d.Token()
		if err != nil {
			if roots == 1 && depth == 0 && err.Error() == "EOF" {
				return nil
			}
			return fmt.Errorf("%w: %w", errFragment, err)
		}
		switch t := token.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots++
				if t.Name.Local != "BookmarkList" {
					return errFragment
				}
			}
			depth++
		case xml.EndElement:
			depth--
		case xml.CharData:
			if depth == 0 && strings.TrimSpace(string(t)) != "" {
				return errFragment
			}
		case xml.Directive, xml.ProcInst:
			return errFragment
		}
	}
}

// setBookmark puts a position in the place of the one that is there, which goes into the history.
func (m *Manager) setBookmark(ctx context.Context, k Key, text string, at time.Time) error {
	done, err := m.turns.take(ctx, k)
	if err != nil {
		return err
	}
	defer done()
	state, err := m.state(k)
	if err != nil {
		return err
	}
	if text != "" {
		state = state.advanced(text, true)
		state.LastEvents = latest(state.LastEvents, at.UTC().Round(0))
		if state.FirstSeen.IsZero() {
			state.FirstSeen = m.now()
		}
	} else {
		state.Bookmark = ""
	}
	if err := m.Store.Put(ctx, k, state); err != nil {
		return err
	}
	m.mu.Lock()
	if st := m.streams[k]; st != nil {
		st.offered = false
	}
	m.mu.Unlock()
	return nil
}
