package output

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/wefka/wefka/events"
)

// Topic is a template for topic names over a closed set of fields: {subscription} {channel} {provider} {event_id}.
// Whatever Kafka does not allow in a name becomes "-".
type Topic struct {
	text  string
	parts []part
}

type part struct {
	literal string // when field is none
	field   field
}

type field int

const (
	none field = iota
	subscription
	channel
	provider
	eventID
)

var fields = map[string]field{"subscription": subscription, "channel": channel, "provider": provider, "event_id": eventID}

// maxTopicName is Kafka's own limit.
const maxTopicName = 249

// ParseTopic reads a template. The error names what is wrong with it.
func ParseTopic(template string) (*Topic, error) {
	if template == "" {
		return nil, errors.New("empty topic")
	}
	t := &Topic{text: template}
	for rest := template; rest != ""; {
		open := strings.IndexByte(rest, '{')
		if open != 0 {
			literal := rest
			if open > 0 {
				literal = rest[:open]
			}
			if i := strings.IndexFunc(literal, func(r rune) bool { return r > 127 || !legal(byte(r)) }); i >= 0 {
				return nil, fmt.Errorf("topic %q: %q is not allowed in a topic name; use letters, digits, '.', '_' and '-'", template, literal[i:i+1])
			}
			t.parts = append(t.parts, part{literal: literal})
			rest = rest[len(literal):]
			continue
		}
		end := strings.IndexByte(rest, '}')
		if end < 0 {
			return nil, fmt.Errorf("topic %q: '{' without '}'", template)
		}
		f, ok := fields[rest[1:end]]
		if !ok {
			return nil, fmt.Errorf("topic %q: unknown field %s; there are {subscription} {channel} {provider} {event_id}", template, rest[:end+1])
		}
		t.parts = append(t.parts, part{field: f})
		rest = rest[end+1:]
	}
	if t.Static() {
		if name := t.Name(""); len(name) > maxTopicName || name == "." || name == ".." {
			return nil, fmt.Errorf("topic %q: not a name that Kafka takes", template)
		}
	}
	return t, nil
}

// String is the template.
func (t *Topic) String() string { return t.text }

// Static says whether the name depends on nothing but the subscription.
func (t *Topic) Static() bool {
	return !slices.ContainsFunc(t.parts, func(p part) bool { return p.field > subscription })
}

// Name is the topic of a subscription, for a Static template.
func (t *Topic) Name(sub string) string {
	name, _ := t.append(nil, sub, nil)
	return string(name)
}

// append appends the name for r; ok is false when a field has no value or the name is none that Kafka takes.
func (t *Topic) append(dst []byte, sub string, r *events.Record) (name []byte, ok bool) {
	start := len(dst)
	for _, p := range t.parts {
		before := len(dst)
		switch p.field {
		case none:
			dst = append(dst, p.literal...)
		case subscription:
			dst = append(dst, sub...)
		case channel:
			dst = append(dst, r.Channel...)
		case provider:
			dst = append(dst, r.Provider...)
		case eventID:
			dst = append(dst, r.EventID...)
		}
		if len(dst) == before {
			return dst[:start], false
		}
		for i := before; p.field != none && i < len(dst); i++ {
			if !legal(dst[i]) {
				dst[i] = '-'
			}
		}
	}
	n := dst[start:]
	return dst, len(n) <= maxTopicName && string(n) != "." && string(n) != ".."
}

func legal(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '.' || c == '_' || c == '-'
}
