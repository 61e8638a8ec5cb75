package subscriptions

import (
	"crypto/sha1"
	"fmt"
	"hash"
	"strings"
)

// namespace is ours alone. Another one, or another form of the text below, changes the version of every subscription, and every
// source would tear down and re-create what it has.
var namespace = [16]byte{0x9d, 0x3e, 0x51, 0x6c, 0x27, 0x84, 0x4a, 0xf0, 0xb1, 0x5a, 0x0c, 0x7f, 0xe2, 0x96, 0x38, 0xd4}

// Version is the GUID, upper case, that tells a source whether anything changed: computed from all that it can see of the
// subscription and from nothing else, so that every node and every restart gives the same.
func (s *Subscription) Version() string {
	h := sha1.New()
	h.Write(namespace[:])
	d := &s.Delivery
	line(h, "id", strings.ToLower(s.ID)) // part of the address to deliver to
	line(h, "name", s.Name)
	line(h, "query", s.Query)
	line(h, "content_format", s.ContentFormat)
	line(h, "locale", s.locale())
	line(h, "compression", s.Compression)
	line(h, "ignore_channel_error", s.IgnoreChannelError)
	line(h, "read_existing_events", s.ReadExistingEvents)
	line(h, "heartbeat", d.Heartbeat.Duration().Milliseconds()) // the unit of the wire
	line(h, "max_time", d.MaxTime.Duration().Milliseconds())
	line(h, "max_elements", d.MaxElements)
	line(h, "max_envelope_size", int64(d.MaxEnvelopeSize))
	line(h, "oversize", d.Oversize)
	line(h, "retry_count", d.Retry.Count)
	line(h, "retry_interval", d.Retry.Interval.Duration().Milliseconds())
	return uuid5(h.Sum(nil))
}

// line writes one field so that no two lists of fields give the same text.
func line(h hash.Hash, name string, value any) {
	text := fmt.Sprint(value)
	fmt.Fprintf(h, "%s %d %s\n", name, len(text), text)
}

// uuid5 is RFC 9562 5.5.
func uuid5(sum []byte) string {
	u := sum[:16]
	u[6] = u[6]&0x0f | 0x50
	u[8] = u[8]&0x3f | 0x80
	return fmt.Sprintf("%X-%X-%X-%X-%X", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}
