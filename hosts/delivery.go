package hosts

import (
	"strings"
	"time"

	"github.com/wefka/wefka/events"
)

const maxMarks = 64 // channels and subscriptions of one host

// Delivered takes in a batch that is acknowledged whole; dead of its events are dead letters, the first because of why.
func (b *Book) Delivered(batch *events.Batch, m *events.Marks, dead int, why error) {
	now := batch.Received
	count := b.metrics.of(batch.Subscription)
	b.mu.Lock()
	defer b.mu.Unlock()
	h := b.host(batch.Source, now)
	h.events += uint64(len(batch.Raw))
	if dead > 0 {
		h.troubles[deadLetters].add(dead, now)
		h.why = clip(why.Error())
	}
	if m.Mismatched > 0 {
		h.troubles[mismatched].add(m.Mismatched, now)
	}
	h.facts(m, now)
	if ahead := m.Newest.Sub(now); !m.Newest.IsZero() {
		count.skew.Observe(max(0, ahead.Seconds()))
		if h.etype == (word{}) { // a ticket tells it better
			h.skew = max(0, ahead)
		}
	}
	jumps, restarts := 0, 0
	name := wordOf(batch.Subscription)
	for i := range m.Channels {
		c := &m.Channels[i]
		if strings.EqualFold(c.Channel, sysmonChannel) {
			h.sysmonAt = at(now)
		}
		n, restarted := h.advance(name, c, batch.Whole[strings.ToLower(c.Channel)])
		jumps += n
		if restarted {
			restarts++
		}
	}
	if jumps > 0 {
		h.troubles[gaps].add(jumps, now)
		count.gaps.Add(float64(jumps))
	}
	if n := max(m.Clears, restarts); n > 0 { // a cleared log may start its numbers again, and says so in an event
		h.troubles[cleared].add(n, now)
		count.clears.Add(float64(n))
	}
}

// facts are what the host tells of itself.
func (h *host) facts(m *events.Marks, now time.Time) {
	if m.Newest.After(h.newest.Time()) {
		h.newest = at(m.Newest)
	}
	if m.Sysmon.Version != "" {
		h.sysmon = wordOf(m.Sysmon.Version)
	}
	if m.Sysmon.Config != "" {
		h.config = wordOf(m.Sysmon.Config)
	}
	const keep = 4
	if len(m.Reports) > 0 {
		h.reports = append(h.reports, m.Reports...)
		h.reports = h.reports[max(0, len(h.reports)-keep):]
	}
}

// advance brings a channel's mark forward. In a channel that is taken whole it counts the places where events are missing. A batch that
// comes again counts nothing; a number that was there before, in a newer event, means that the log began anew.
func (h *host) advance(subscription word, c *events.ChannelMark, whole bool) (jumps int, restarted bool) {
	m := h.mark(subscription, c.Channel)
	if m == nil {
		return 0, false
	}
	if whole {
		jumps = c.Gaps
	}
	switch {
	case m.record == 0:
	case c.First > m.record+1 && whole:
		jumps++
	case c.First <= m.record && at(c.Began) > m.newest:
		restarted = true
	case c.Last <= m.record:
		return 0, false // it comes again
	}
	m.record, m.newest = c.Last, max(m.newest, at(c.Newest))
	m.gaps += uint32(jumps)
	return jumps, restarted
}

func (h *host) mark(subscription word, channel string) *mark {
	name := wordOf(channel)
	for i := range h.marks {
		if m := &h.marks[i]; m.channel == name && m.subscription == subscription {
			return m
		}
	}
	if len(h.marks) == maxMarks {
		return nil
	}
	h.marks = append(h.marks, mark{subscription: subscription, channel: name})
	return &h.marks[len(h.marks)-1]
}
