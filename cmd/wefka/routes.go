package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/wefka/wefka/output"
)

// RouteConfig is one rule for events: the first of the list whose when holds decides.
type RouteConfig struct {
	Name string `yaml:"name"` // unique; metric label
	When struct {
		Subscription []string     `yaml:"subscription"`
		Channel      []string     `yaml:"channel"`
		Provider     []string     `yaml:"provider"`
		EventID      []EventIDs   `yaml:"event_id"` // 4624 or 4720-4726
		Level        []int        `yaml:"level"`    // 1 critical … 5 verbose
		Fields       []FieldMatch `yaml:"fields"`   // of EventData; all of them
	} `yaml:"when"` // each list that is not empty must have an entry that fits; in any case of letters
	Then struct {
		Topic  string `yaml:"topic"`  // template; "" = the subscription's
		Format string `yaml:"format"` // json | ecs | xml; "" = the subscription's
		Drop   bool   `yaml:"drop"`   // acknowledged, counted, not written
	} `yaml:"then"`
}

// FieldMatch is a condition on one Data of EventData: any of the texts.
type FieldMatch struct {
	Name   string   `yaml:"name"`
	Equals []string `yaml:"equals"`
	Prefix []string `yaml:"prefix"`
	Suffix []string `yaml:"suffix"`
}

// EventIDs is a number, or two with a hyphen between them.
type EventIDs output.Range

// UnmarshalText reads 4624 or 4720-4726.
func (e *EventIDs) UnmarshalText(text []byte) error {
	first, last, ranged := strings.Cut(strings.TrimSpace(string(text)), "-")
	if !ranged {
		last = first
	}
	from, err := strconv.ParseUint(strings.TrimSpace(first), 10, 32)
	to, err2 := strconv.ParseUint(strings.TrimSpace(last), 10, 32)
	if err != nil || err2 != nil {
		return fmt.Errorf("%q: write an event id, or a range such as 4720-4726", text)
	}
	*e = EventIDs{uint32(from), uint32(to)}
	return nil
}

// MarshalText is the other way.
func (e EventIDs) MarshalText() ([]byte, error) {
	if e.First == e.Last {
		return strconv.AppendUint(nil, uint64(e.First), 10), nil
	}
	return fmt.Appendf(nil, "%d-%d", e.First, e.Last), nil
}

// routes are the rules as the output takes them.
func (c *Config) routes() []output.Route {
	routes := make([]output.Route, len(c.Routes))
	for i := range c.Routes {
		from, to := &c.Routes[i], &routes[i]
		to.Name, to.Then = from.Name, output.Then{Topic: from.Then.Topic, Format: from.Then.Format, Drop: from.Then.Drop}
		to.When = output.When{Subscriptions: from.When.Subscription, Channels: from.When.Channel, Providers: from.When.Provider}
		for _, ids := range from.When.EventID {
			to.When.EventIDs = append(to.When.EventIDs, output.Range(ids))
		}
		for _, level := range from.When.Level {
			to.When.Levels = append(to.When.Levels, uint8(level))
		}
		for _, f := range from.When.Fields {
			to.When.Fields = append(to.When.Fields, output.FieldMatch(f))
		}
	}
	return routes
}

func (v *validator) routes(c *Config) {
	for i := range c.Routes {
		for _, level := range c.Routes[i].When.Level {
			if level < 0 || level > 5 {
				v.add(fmt.Sprintf("routes[%d].when.level", i), "%d is no level; write 0 to 5, 1 is critical", level)
			}
		}
	}
	settings := c.settings()
	for i, r := range settings.Routes {
		if missing, all := settings.Unlisted(&r); all {
			v.add(fmt.Sprintf("routes[%d].then.topic", i), "no name that it can yield is in kafka.topics, so all of it would go to %s; add %s there", settings.DefaultTopic, strings.Join(missing, ", "))
		}
	}
	_, err := output.New(output.Settings{Topic: "t", DefaultTopic: "t", DeadTopic: "t", Routes: c.routes()}, nil, nil)
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return
	}
	for _, err := range joined.Unwrap() {
		var wrong *output.RouteError
		if errors.As(err, &wrong) {
			v.add(fmt.Sprintf("routes[%d].%s", wrong.Index, wrong.Key), "%s", wrong.Problem)
		}
	}
}

// summary is a route on one line, for check.
func (r *RouteConfig) summary() string {
	var when []string
	list := func(name string, texts []string) {
		if len(texts) > 0 {
			when = append(when, name+" "+strings.Join(texts, "|"))
		}
	}
	list("subscription", r.When.Subscription)
	list("channel", r.When.Channel)
	list("provider", r.When.Provider)
	var ids []string
	for _, id := range r.When.EventID {
		text, _ := id.MarshalText()
		ids = append(ids, string(text))
	}
	list("event", ids)
	var levels []string
	for _, l := range r.When.Level {
		levels = append(levels, strconv.Itoa(l))
	}
	list("level", levels)
	for _, f := range r.When.Fields {
		list(f.Name+" =", f.Equals)
		list(f.Name+" begins", f.Prefix)
		list(f.Name+" ends", f.Suffix)
	}
	if len(when) == 0 {
		when = []string{"every event"}
	}
	then := "dropped"
	if !r.Then.Drop {
		then = strings.TrimSpace("topic " + r.Then.Topic)
		if r.Then.Topic == "" {
			then = ""
		}
		if r.Then.Format != "" {
			then = strings.TrimPrefix(then+", format "+r.Then.Format, ", ")
		}
	}
	return r.Name + ": " + strings.Join(when, ", ") + " → " + then
}
