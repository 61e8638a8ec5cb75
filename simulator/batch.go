package simulator

import (
	"slices"
	"time"

	"github.com/wefka/wefka/wsman"
)

// batch are the events of one request: stamps only, which are rendered each time that it is sent.
type batch struct {
	computer string // escaped
	encoding wsman.Encoding
	limit    int // events
	usual    int // the limit after the first batch
	room     int // bytes of entries, encoded
	fits     int // events that fill a batch, about
	maxTime  time.Duration

	events   []stamp
	rest     []stamp // that come next
	size     int     // of the entries, encoded
	full     bool
	bookmark []byte
}

// prepare sets the limits: events a request, and bytes of an envelope that takes overhead bytes without entries.
func (b *batch) prepare(m *machine, o *wsman.Offer, encoding wsman.Encoding, overhead int) {
	b.computer, b.encoding, b.usual, b.maxTime = m.computer, encoding, m.Batch, o.MaxTime
	if o.MaxElements > 0 {
		b.usual = min(b.usual, o.MaxElements)
	}
	b.limit = b.usual
	if m.Rate > 0 { // hosts do not fill their batches in step
		b.limit = max(1, b.usual*(m.index+1)/m.Hosts)
	}
	b.room = o.MaxEnvelopeSize - encoding.Size(overhead, overhead)
	b.fits = b.limit
}

// cost is what an event takes of the room.
func (b *batch) cost(s *stamp) int {
	return b.encoding.Size(s.size(b.computer)) - b.encoding.Size(0, 0)
}

// add moves the first of rest into the batch, or finds the batch full.
func (b *batch) add() {
	cost := b.cost(&b.rest[0])
	if len(b.events) > 0 && b.size+cost > b.room {
		b.fits = len(b.events) // so many at about this size
		b.full = true
		return
	}
	b.events = append(b.events, b.rest[0])
	b.rest = slices.Delete(b.rest, 0, 1)
	b.size += cost
	b.full = len(b.events) >= b.limit
}

func (b *batch) empty() bool { return len(b.events) == 0 && len(b.rest) == 0 }

// ripe says whether it is time to send: the batch is full, its first event has waited for MaxTime, or no more will come.
func (b *batch) ripe(now time.Time, last bool) bool {
	return len(b.events) > 0 && (b.full || last || !now.Before(b.events[0].created.Add(b.maxTime)))
}

// due is when the batch became ripe.
func (b *batch) due(last bool) time.Time {
	due := b.events[0].created.Add(b.maxTime)
	if newest := b.events[len(b.events)-1].created; (b.full || last) && newest.Before(due) {
		return newest
	}
	return due
}

// mark notes that the batch is sent now, and how many of its events were never sent before.
func (b *batch) mark() (fresh int) {
	for i := range b.events {
		if !b.events[i].sent {
			b.events[i].sent = true
			fresh++
		}
	}
	return fresh
}

// failed notes why the request that sent the batch got no Ack, if it did not. Of several requests the one counts that is likeliest to
// have left its events behind: one without an answer before one that was refused, and that before one that never reached the collector.
func (b *batch) failed(err error) {
	if err == nil {
		return
	}
	why := reason(err)
	for i := range b.events {
		if e := &b.events[i]; weight(why) >= weight(e.failed) {
			e.failed = why
		}
	}
}

func weight(reason string) int {
	switch reason {
	case "":
		return 0
	case "lost", "timeout", "answer", "other":
		return 3
	case "refused":
		return 2
	}
	return 1
}

// append renders the entries.
func (b *batch) append(dst []byte) []byte {
	for i := range b.events {
		dst = b.events[i].append(dst, b.computer)
	}
	return dst
}

func (b *batch) clear() {
	b.events, b.size, b.full = b.events[:0], 0, false
	if b.limit < b.usual {
		b.limit, b.fits = b.usual, b.usual
	}
}
