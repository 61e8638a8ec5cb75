package output

import (
	"fmt"
	"slices"
	"sync"

	"github.com/wefka/wefka/events"
)

// topics finds the topic of an event, and knows every name that it can find.
type topics struct {
	standard  string
	fallback  string
	known     map[string]string // names that event fields may yield, to themselves: a look-up by bytes gives a string for free
	templates sync.Map          // template text → *Topic
}

func newTopics(s Settings) (*topics, error) {
	t := &topics{standard: s.Topic, fallback: s.DefaultTopic, known: map[string]string{}}
	for _, name := range slices.Concat([]string{s.DefaultTopic, s.DeadTopic}, s.Topics) {
		topic, err := ParseTopic(name)
		if err != nil {
			return nil, err
		}
		if len(topic.parts) != 1 || topic.parts[0].field != none {
			return nil, fmt.Errorf("topic %q: a template where a name is due", name)
		}
	}
	for _, name := range s.Topics {
		t.known[name] = name
	}
	_, err := t.template("")
	return t, err
}

// template is the parsed form of text, or of the standard one.
func (t *topics) template(text string) (*Topic, error) {
	if text == "" {
		text = t.standard
	}
	if topic, ok := t.templates.Load(text); ok {
		return topic.(*Topic), nil
	}
	topic, err := ParseTopic(text)
	if err != nil {
		return nil, err
	}
	t.templates.Store(text, topic)
	return topic, nil
}

// of is the topic of r under topic, whose name for a Static template is static. scratch is for building names.
func (t *topics) of(topic *Topic, static, sub string, r *events.Record, scratch []byte) (string, []byte) {
	if static != "" {
		return static, scratch
	}
	name, ok := topic.append(scratch[:0], sub, r)
	if ok {
		if known, ok := t.known[string(name)]; ok {
			return known, name
		}
	}
	return t.fallback, name
}

// Names lists every topic that batches of these subscriptions can go to: name → template ("" = the standard one).
func (s Settings) Names(subscriptions map[string]string) ([]string, error) {
	t, err := newTopics(s)
	if err != nil {
		return nil, err
	}
	names := []string{s.DeadTopic}
	for sub, text := range subscriptions {
		topic, err := t.template(text)
		if err != nil {
			return nil, fmt.Errorf("subscription %s: %w", sub, err)
		}
		if topic.Static() {
			names = append(names, topic.Name(sub))
		} else {
			names = append(append(names, s.DefaultTopic), s.Topics...)
		}
	}
	for _, route := range s.Routes {
		if route.Then.Topic == "" {
			continue
		}
		topic, err := t.template(route.Then.Topic)
		if err != nil {
			return nil, fmt.Errorf("route %s: %w", route.Name, err)
		}
		if !topic.Static() {
			names = append(append(names, s.DefaultTopic), s.Topics...)
			continue
		}
		for sub := range subscriptions {
			if route.When.hasSubscription(sub) {
				names = append(names, topic.Name(sub))
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
