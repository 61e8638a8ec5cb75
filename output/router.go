package output

import (
	"bytes"
	"errors"
	"slices"
	"strings"

	"github.com/wefka/wefka/events"
)

// router finds the route of an event. It is never changed: a reload makes another one.
type router struct {
	rules []rule
	ids   [(maxEventID + 1) / 64]uint64 // a bit for each event id that any rule may want: most events end here
}

// rule is a compiled Route.
type rule struct {
	*Route
	number int    // in the router
	topic  *Topic // nil: the subscription's
	levels uint64 // bits; 0 = all
}

// newRouter compiles routes. The error joins a *RouteError for each that is wrong.
func newRouter(routes []Route) (*router, error) {
	r := &router{rules: make([]rule, len(routes))}
	var errs []error
	names := map[string]bool{}
	for i := range routes {
		route := &routes[i]
		key, problem := route.check()
		if problem == "" && names[route.Name] {
			key, problem = "name", route.Name+" is there twice"
		}
		names[route.Name] = true
		compiled := rule{Route: route, number: i}
		if problem == "" && route.Then.Topic != "" {
			topic, err := ParseTopic(route.Then.Topic)
			if err != nil {
				key, problem = "then.topic", err.Error()
			}
			compiled.topic = topic
		}
		if problem != "" {
			errs = append(errs, &RouteError{i, key, problem})
			continue
		}
		for _, level := range route.When.Levels {
			compiled.levels |= 1 << min(level, 63)
		}
		r.rules[i] = compiled
		r.index(route.When.EventIDs)
	}
	return r, errors.Join(errs...)
}

func (r *router) index(ranges []Range) {
	if len(ranges) == 0 {
		ranges = []Range{{0, maxEventID}}
	}
	for _, ids := range ranges {
		for id := ids.First; id <= ids.Last; id++ {
			r.ids[id/64] |= 1 << (id % 64)
		}
	}
}

// find is the first rule that an event of a subscription fits; nil: none.
func (r *router) find(subscription string, e *events.Record) *rule {
	if len(r.rules) == 0 || e.ID <= maxEventID && r.ids[e.ID/64]&(1<<(e.ID%64)) == 0 {
		return nil
	}
	for i := range r.rules {
		if r.rules[i].fits(subscription, e) {
			return &r.rules[i]
		}
	}
	return nil
}

func (r *rule) fits(subscription string, e *events.Record) bool {
	w := &r.When
	return hasID(w.EventIDs, e.ID) &&
		(r.levels == 0 || r.hasLevel(e.Level)) &&
		w.hasSubscription(subscription) &&
		(len(w.Channels) == 0 || hasText(w.Channels, e.Channel)) &&
		(len(w.Providers) == 0 || hasText(w.Providers, e.Provider)) &&
		(len(w.Fields) == 0 || hasFields(w.Fields, e))
}

func (w *When) hasSubscription(name string) bool {
	return len(w.Subscriptions) == 0 || slices.ContainsFunc(w.Subscriptions, func(s string) bool { return strings.EqualFold(s, name) })
}

func hasID(ranges []Range, id uint32) bool {
	for _, r := range ranges {
		if r.First <= id && id <= r.Last {
			return true
		}
	}
	return len(ranges) == 0
}

func (r *rule) hasLevel(level []byte) bool {
	n := uint64(0)
	for _, c := range level {
		if c < '0' || c > '9' || n > 63 {
			return false
		}
		n = 10*n + uint64(c-'0')
	}
	return len(level) > 0 && n < 64 && r.levels&(1<<n) != 0
}

func hasText(texts []string, text []byte) bool {
	return slices.ContainsFunc(texts, func(t string) bool { return equalASCII(text, t) })
}

func hasFields(matches []FieldMatch, e *events.Record) bool {
	for i := range matches {
		if !matches[i].fits(e.Fields) {
			return false
		}
	}
	return true
}

func (m *FieldMatch) fits(fields []events.Field) bool {
	for i := range fields {
		if f := &fields[i]; string(f.Name) == m.Name && m.fitsText(bytes.TrimSpace(f.Value)) {
			return true
		}
	}
	return false
}

func (m *FieldMatch) fitsText(text []byte) bool {
	for _, t := range m.Equals {
		if equalASCII(text, t) {
			return true
		}
	}
	for _, t := range m.Prefix {
		if len(text) >= len(t) && equalASCII(text[:len(t)], t) {
			return true
		}
	}
	for _, t := range m.Suffix {
		if len(text) >= len(t) && equalASCII(text[len(text)-len(t):], t) {
			return true
		}
	}
	return false
}

// equalASCII compares in any case of ASCII letters; other characters must be the same.
func equalASCII(a []byte, b string) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if lowerASCII(a[i]) != lowerASCII(b[i]) {
			return false
		}
	}
	return true
}

func lowerASCII(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
