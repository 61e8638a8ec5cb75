package wsman

import (
	"bytes"
	"strconv"
	"time"
)

// scan reads a whole envelope into m, whose slices are reused. Whatever the action, the header is filled in; the items are there for
// Events. m aliases text, and text may be changed: entities are resolved in place.
func (s *scanner) scan(text []byte, m *Events) error {
	s.reset(text)
	*m = Events{Items: m.Items[:0], Notices: m.Notices[:0]}
	kind, err := s.next()
	if err != nil {
		return err
	}
	if kind != startTag || !s.is(soapSpace, "Envelope") {
		return errEnvelope
	}
	err = s.children(func() error {
		switch {
		case s.is(soapSpace, "Header"):
			return s.children(func() error { return s.header(m) })
		case s.is(soapSpace, "Body"):
			return s.children(func() error { return s.body(m) })
		}
		return s.skip()
	})
	if err != nil {
		return err
	}
	if kind, err := s.next(); err != nil || kind != eof {
		return errMalformed
	}
	m.Clean = !s.dirty
	return nil
}

// children calls f for each element directly below the one just opened, to its end. f must consume what it is called for.
func (s *scanner) children(f func() error) error {
	for {
		kind, err := s.next()
		switch {
		case err != nil:
			return err
		case kind == endTag:
			return nil
		case kind == startTag:
			if err := f(); err != nil {
				return err
			}
		}
	}
}

// header reads one child of s:Header. Of a field that comes twice the first counts.
func (s *scanner) header(m *Events) error {
	h := &m.Header
	switch s.space() {
	case addressingSpace:
		switch string(s.local) {
		case "Action":
			return s.word(&h.Action)
		case "MessageID":
			return s.word(&h.MessageID)
		case "To":
			return s.word(&h.To)
		case "ReplyTo":
			return s.children(func() error {
				if s.is(addressingSpace, "Address") {
					return s.word(&h.ReplyTo)
				}
				return s.skip()
			})
		}
	case wsmanSpace:
		switch string(s.local) {
		case "OperationTimeout":
			v, err := s.value()
			if d, ok := parseDuration(string(v)); ok && h.OperationTimeout == 0 {
				h.OperationTimeout = d
			}
			return err
		case "MaxEnvelopeSize":
			v, err := s.value()
			if n, e := strconv.ParseInt(string(v), 10, 32); e == nil && n > 0 && h.MaxEnvelopeSize == 0 {
				h.MaxEnvelopeSize = int(n)
			}
			return err
		case "Bookmark":
			return s.bookmark(m)
		}
	case msWSManSpace:
		switch string(s.local) {
		case "SessionId":
			return s.word(&h.SessionID)
		case "OperationID":
			return s.word(&h.OperationID)
		}
	case machineSpace:
		if string(s.local) == "MachineID" {
			return s.word(&h.MachineID)
		}
	case eventingSpace:
		if string(s.local) == "Identifier" {
			return s.word(&h.Identifier)
		}
	case wefkaSpace:
		if string(s.local) == revisionProperty {
			return s.word(&h.Revision)
		}
	}
	return s.skip()
}

// word reads the text of the element just opened, unless an earlier one was read. Actions, the longest and commonest, cost no memory.
func (s *scanner) word(to *string) error {
	v, err := s.value()
	if err != nil || *to != "" {
		return err
	}
	switch string(v) {
	case actionEvents:
		*to = actionEvents
	case actionHeartbeat:
		*to = actionHeartbeat
	case anonymous:
		*to = anonymous
	default:
		*to = string(v)
	}
	return nil
}

func (s *scanner) bookmark(m *Events) error {
	c, err := s.content()
	if err != nil || m.Bookmark != nil {
		return err
	}
	if c.broken {
		return errMalformed // it would spoil the EnumerateResponse that carries it back
	}
	b, err := s.cut(c)
	if len(b) > 0 {
		m.Bookmark = b
	}
	return err
}

// body reads one child of s:Body.
func (s *scanner) body(m *Events) error {
	switch {
	case s.is(wsmanSpace, "Events"):
		return s.events(m)
	case s.is(soapSpace, "Fault"):
		s.fault = true
	}
	return s.skip()
}

// events reads the children of w:Events. All entries of a batch begin and end alike: once one of them has been read with care, the
// next is known by its bytes.
func (s *scanner) events(m *Events) error {
	s.tag = nil
	for {
		if s.tag != nil {
			if item, next := s.same(); item != nil {
				if err := s.add(&m.Items, m, item); err != nil {
					return err
				}
				s.pos = next
				continue
			}
		}
		kind, err := s.next()
		switch {
		case err != nil:
			return err
		case kind == endTag:
			return nil
		case kind == startTag && s.is(wsmanSpace, "Event"):
			err = s.event(m)
		case kind == startTag:
			err = s.skip()
		}
		if err != nil {
			return err
		}
	}
}

// same reads an entry that is written as the one before: same start tag, one CDATA section, end tag. nil: it is not.
func (s *scanner) same() (item []byte, next int) {
	if s.shut {
		return nil, 0
	}
	from := skipSpace(s.text, s.pos)
	if !bytes.HasPrefix(s.text[from:], s.tag) {
		return nil, 0
	}
	from += len(s.tag)
	n := bytes.Index(s.text[from:], cdataClose)
	if n < 0 || !bytes.HasPrefix(s.text[from+n:], s.closing) {
		return nil, 0
	}
	return trim(s.text[from : from+n : from+n]), from + n + len(s.closing)
}

// event reads one w:Event, just opened, whatever it holds.
func (s *scanner) event(m *Events) error {
	action, declares := []byte(actionEvent), len(s.bindings) > 0 && s.bindings[len(s.bindings)-1].depth == len(s.open)
	for _, a := range s.attrs {
		if a.prefix == nil && string(a.local) == "Action" {
			action = trim(s.plain(a.raw))
		}
	}
	ordinary := string(action) == actionEvent
	dropped := string(action) == actionDroppedEvents
	tagFrom, name := s.start, s.open[len(s.open)-1]
	c, err := s.content()
	if err != nil {
		return err
	}
	if ordinary && !declares && c.chunks == 1 && c.literal && !c.elements && bytes.HasPrefix(s.text[c.start:], cdataOpen) {
		s.tag = s.text[tagFrom : c.start+len(cdataOpen)]
		s.closing = append(append(append(s.closing[:0], "]]></"...), name...), '>')
	}
	var item []byte
	if c.elements {
		item, err = s.cut(c)
	} else {
		item = trim(s.flatten(c))
	}
	if err != nil {
		return err
	}
	switch {
	case ordinary:
		return s.add(&m.Items, m, item)
	case dropped:
		return s.add(&m.Notices, m, item)
	}
	if m.Strange++; len(m.Items)+len(m.Notices)+m.Strange > s.maxEvents {
		return errEvents
	}
	return nil
}

func (s *scanner) add(to *[][]byte, m *Events, item []byte) error {
	if len(m.Items)+len(m.Notices)+m.Strange >= s.maxEvents {
		return errEvents
	}
	*to = append(*to, item)
	return nil
}

// deadline is when the source stops waiting, or zero.
func (h *Header) deadline(received time.Time) time.Time {
	if h.OperationTimeout <= 0 {
		return time.Time{}
	}
	// The way back takes time too: 5 s, or a quarter of a very short timeout (SubscriptionEnd comes with half a second).
	return received.Add(h.OperationTimeout - min(ackMargin, h.OperationTimeout/4))
}

const ackMargin = 5 * time.Second
