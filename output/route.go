package output

import (
	"fmt"
	"slices"
)

// Route is one rule of the operator: which events, and what becomes of them. Routes are tried in their order, after decoding; the
// first whose When holds decides, and no other is looked at.
type Route struct {
	Name string // unique; metric label
	When When
	Then Then
}

// When holds if every list that is not empty has an entry that fits. Texts are compared in any case of ASCII letters.
type When struct {
	Subscriptions, Channels, Providers []string
	EventIDs                           []Range
	Levels                             []uint8      // 1 critical … 5 verbose; 0 is what Windows writes for "always"
	Fields                             []FieldMatch // each of them must fit
}

// Range is the numbers from First to Last, both included.
type Range struct{ First, Last uint32 }

// FieldMatch holds if a Data of that name in EventData fits any of the texts. An event without it does not fit.
type FieldMatch struct {
	Name                   string // as the event writes it
	Equals, Prefix, Suffix []string
}

// Then is what becomes of an event. A zero field leaves that to the subscription.
type Then struct {
	Topic  string // template, as Settings.Topic
	Format string // json | ecs | xml
	Drop   bool   // acknowledged to the host, counted, and never written
}

// check gives what is wrong with a route in words, "" = nothing; key is the part of it, for whoever knows where it stands.
func (r *Route) check() (key, problem string) {
	t := r.Then
	switch {
	case r.Name == "":
		return "name", "missing"
	case t.Drop && (t.Topic != "" || t.Format != ""):
		return "then", "drop goes with no topic and no format"
	case !t.Drop && t.Topic == "" && t.Format == "":
		return "then", "missing; write topic, format or drop"
	case t.Format != "" && !slices.Contains(Formats, t.Format):
		return "then.format", fmt.Sprintf("%q is none of json, ecs, xml", t.Format)
	}
	for _, id := range r.When.EventIDs {
		if id.First > id.Last || id.Last > maxEventID {
			return "when.event_id", fmt.Sprintf("%d-%d: write numbers from 0 to %d, the smaller first", id.First, id.Last, maxEventID)
		}
	}
	for i, f := range r.When.Fields {
		if f.Name == "" || len(f.Equals)+len(f.Prefix)+len(f.Suffix) == 0 {
			return fmt.Sprintf("when.fields[%d]", i), "write name, and equals, prefix or suffix"
		}
	}
	return "", ""
}

// maxEventID is what an EventID can be (MS-EVEN6 2.2.17: 16 bits).
const maxEventID = 1<<16 - 1

// RouteError says which route is wrong, and where.
type RouteError struct {
	Index   int    // from 0
	Key     string // of the route: name, then.topic, …
	Problem string
}

func (e *RouteError) Error() string {
	return fmt.Sprintf("routes[%d].%s: %s", e.Index, e.Key, e.Problem)
}
