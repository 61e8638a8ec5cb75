package subscriptions

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/wsman"
)

// maxBookmark is far more than 256 channels need. A longer text is not kept, which costs duplicates one day.
const maxBookmark = 256 << 10

// maxPosition is how much of a bookmark the log shows: all of it but for odd ones.
const maxPosition = 8 << 10

// Events delivers one batch. The order is the promise: events durable, then the bookmark, then nil, which is the Ack. Whatever
// fails in between, the source sends the same again and is treated the same. ctx should have a deadline, and not end with the connection:
// what has begun is worth finishing even if the source hangs up.
func (m *Manager) Events(ctx context.Context, from wsman.Source, msg *wsman.Events) error {
	s, err := m.entitled(from, &msg.Header)
	if err != nil {
		if s != nil {
			s.count.refused.Inc()
		}
		return err
	}
	if err := m.deliver(ctx, s, from, msg); err != nil {
		m.heard(s, from, &msg.Header) // it is there, however long Kafka may not be
		if errors.Is(err, events.ErrIdentity) {
			s.count.refused.Inc()
			return &wsman.Fault{Status: 403, Reason: "identity", Err: err}
		}
		s.count.later.Inc()
		return err
	}
	s.count.acked.Inc()
	s.count.events.Observe(float64(len(msg.Items)))
	return nil
}

func (m *Manager) deliver(ctx context.Context, s *served, from wsman.Source, msg *wsman.Events) error {
	k := streamKey(s, from)
	done, err := m.turns.take(ctx, k) // a source that reconnects can overlap with its own dying connection
	if err != nil {
		return fmt.Errorf("wait for the source's batch before this one: %w", err)
	}
	defer done()
	before, err := m.state(k)
	if err != nil {
		return fmt.Errorf("read state: %w", err)
	}

	batch, opening := s.batch(from, msg, m.now())
	if err := m.Sink.Deliver(ctx, batch); err != nil {
		return fmt.Errorf("deliver: %w", err)
	}

	ignored := opening && m.hadOffer(k, before.Bookmark, msg.Bookmark)
	after := before.advanced(m.bookmark(from, s, msg.Bookmark), ignored)
	after.heard(batch.Received, batch.Addr, batch.Revision)
	after.LastEvents = latest(after.LastEvents, batch.Received)
	err = m.Store.Put(ctx, k, after)
	m.wrote(err)
	if err != nil {
		return fmt.Errorf("save bookmark: %w", err)
	}

	m.delivered(k, after)
	if ignored {
		s.count.ignored.Inc()
		m.observer().BookmarkIgnored(from, s.Name)
		m.Log.Warn("source ignored its bookmark and began anew; events in between may be missing", "source", from.Name, "remote_addr", from.Addr,
			"subscription", s.Name, "message_id", msg.MessageID, "old_position", clipAt(maxPosition, before.Bookmark), "new_position", clipAt(maxPosition, after.Bookmark))
	}
	m.dropped(from, s, msg)
	return nil
}

// state is what the Store has of k, with the liveness that memory knows.
func (m *Manager) state(k Key) (State, error) {
	state, err := m.Store.Get(k)
	m.mu.Lock()
	defer m.mu.Unlock()
	if st := m.streams[k]; st != nil && err == nil {
		state = state.sighted(st.State)
	}
	return state, err
}

// batch is msg as the Sink takes it. opening says that the source began a stream: the artificial event 111 was there.
func (s *served) batch(from wsman.Source, msg *wsman.Events, now time.Time) (b *events.Batch, opening bool) {
	b = &events.Batch{
		Subscription: s.Name, SubscriptionID: s.ID, Revision: revision(&msg.Header), Topic: s.Output.Topic, Format: s.Output.Format, KeepEventData: s.Output.ECSKeepEventData, EventOriginal: s.Output.EventOriginal,
		Source: from.Name, Auth: string(from.Method), MachineID: msg.MachineID, Addr: address(from), Received: now,
		Raw: msg.Items, BadUTF16: msg.BadUTF16, Whole: s.whole,
	}
	for i, item := range msg.Items {
		if !events.IsBookmarkEvent(item) {
			if opening && b.Withheld > 0 {
				b.Raw = append(b.Raw, item)
			}
			continue
		}
		opening = true
		if s.Output.BookmarkEvent {
			continue
		}
		if b.Withheld == 0 {
			b.Raw = append(make([][]byte, 0, len(msg.Items)-1), msg.Items[:i]...)
		}
		b.Withheld++
	}
	return b, opening
}

// hadOffer says whether a source that begins a stream had been told where to go on. Where this process did not make the offer (another
// node, a restart), a position that moved tells.
func (m *Manager) hadOffer(k Key, before string, now []byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if st := m.streams[k]; st != nil && !st.enumerated.IsZero() {
		return st.offered
	}
	return before != "" && before != string(now)
}

// delivered brings memory up to what the Store has.
func (m *Manager) delivered(k Key, after State) {
	after.Bookmark, after.History = "", nil
	m.mu.Lock()
	defer m.mu.Unlock()
	st := m.stream(k)
	if st.LastHeard.After(after.LastHeard) { // by a heartbeat on another connection
		after = after.sighted(st.State)
	}
	st.State, st.offered = after, false
}

// bookmark is text to keep, "" for none.
func (m *Manager) bookmark(from wsman.Source, s *served, text []byte) string {
	if len(text) > maxBookmark {
		m.Log.Warn("bookmark too large; the one before is kept", "source", from.Name, "subscription", s.Name, "bytes", len(text))
		return ""
	}
	return string(text) // the text is the request's
}

// dropped counts what the source says it had to drop.
func (m *Manager) dropped(from wsman.Source, s *served, msg *wsman.Events) {
	if msg.Strange > 0 {
		m.Log.Debug("entries of unknown kinds passed over", "source", from.Name, "subscription", s.Name, "message_id", msg.MessageID, "events", msg.Strange)
	}
	if len(msg.Notices) == 0 {
		return
	}
	n := 0
	for _, notice := range msg.Notices {
		n += droppedIn(notice)
	}
	s.count.dropped.Add(float64(n))
	m.observer().Dropped(from, s.Name, n)
	m.Log.Warn("source dropped events that fit no envelope; a larger max_envelope_size lets them through", "source", from.Name, "remote_addr", from.Addr,
		"subscription", s.Name, "message_id", msg.MessageID, "events", n, "notice", clip(string(msg.Notices[0])))
}

// count finds the number of lost events in a notice (DSP0226), whatever tags Windows puts around it.
var count = regexp.MustCompile(`^(?:\s*<[^>]*>)*\s*([0-9]{1,9})\s*(?:<|$)`)

func droppedIn(notice []byte) int {
	if found := count.FindSubmatch(notice[:min(len(notice), 4096)]); found != nil {
		n, _ := strconv.Atoi(string(found[1]))
		return n
	}
	return 1
}

// revision is the version that the source says it holds.
func revision(h *wsman.Header) string {
	if len(h.Revision) > 64 {
		return ""
	}
	return strings.ToUpper(h.Revision)
}

func address(from wsman.Source) netip.Addr { return from.Addr.Addr().Unmap() }
