package output

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// Unlisted are the names that the topic of a route can yield and Topics lacks: such events go to DefaultTopic. A * stands for what the
// route leaves open, and is listed if any name fits. all says that none is listed.
func (s Settings) Unlisted(r *Route) (names []string, all bool) {
	topic, err := ParseTopic(r.Then.Topic)
	if err != nil || topic.Static() {
		return nil, false // Static: the producer is told of it
	}
	patterns := topic.patterns(&r.When)
	for _, p := range patterns {
		fits := func(name string) bool { // in any case, as When compares
			ok, _ := path.Match(strings.ToLower(p), strings.ToLower(name))
			return ok
		}
		if !slices.ContainsFunc(s.Topics, fits) {
			names = append(names, p)
		}
	}
	return names, len(names) == len(patterns)
}

// maxForeseen is how many values of one field are told apart.
const maxForeseen = 64

// patterns are the names for events that w lets through, as path.Match takes them.
func (t *Topic) patterns(w *When) []string {
	names := []string{""}
	for _, p := range t.parts {
		values := []string{"*"}
		switch {
		case p.field == none:
			values[0] = p.literal
		case p.field == subscription && len(w.Subscriptions) > 0:
			values = w.Subscriptions
		case p.field == channel && len(w.Channels) > 0:
			values = w.Channels
		case p.field == provider && len(w.Providers) > 0:
			values = w.Providers
		case p.field == eventID && len(w.EventIDs) > 0:
			values = numbers(w.EventIDs)
		}
		if len(names)*len(values) > maxForeseen {
			values = []string{"*"}
		}
		var longer []string
		for _, name := range names {
			for _, v := range values {
				if p.field != none && v != "*" {
					v = legalised(v)
				}
				longer = append(longer, name+v)
			}
		}
		names = longer
	}
	return names
}

// legalised is a value as it stands in a topic's name.
func legalised(value string) string {
	b := []byte(value)
	for i := range b {
		if !legal(b[i]) {
			b[i] = '-'
		}
	}
	return string(b)
}

// numbers writes out ranges; too many are left open.
func numbers(ranges []Range) (texts []string) {
	for _, r := range ranges {
		for id := r.First; id <= r.Last; id++ {
			if len(texts) == maxForeseen {
				return []string{"*"}
			}
			texts = append(texts, strconv.FormatUint(uint64(id), 10))
		}
	}
	return texts
}
