package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/output"
	"github.com/wefka/wefka/subscriptions"
)

// explainRoutes writes, for each event, channel, id and record number, then topic and format, then the route that decided, then the key that
// it would have from a host whose certificate names the event's Computer.
func (p *program) explainRoutes(subscription string) (func([]byte, *events.Record) ([]byte, error), error) {
	config, err := p.loadConfig()
	if err != nil {
		return nil, err
	}
	if problems := config.Validate(); len(problems) > 0 {
		return nil, errors.Join(append(problems, errInvalid)...)
	}
	subs, _, err := config.loadSubscriptions()
	if err != nil {
		return nil, err
	}
	kafka, err := output.New(config.settings(), nil, nil)
	if err != nil {
		return nil, err
	}
	if subscription != "" && named(subs, subscription) == nil {
		return nil, usagef("--subscription %s: there is no such subscription", subscription)
	}
	return func(line []byte, r *events.Record) ([]byte, error) {
		s := named(subs, subscription)
		if s == nil {
			s = selecting(subs, string(r.Channel))
		}
		if s == nil {
			return fmt.Appendf(line, "%s %s #%s: no enabled subscription selects from this channel", r.Channel, r.EventID, r.EventRecordID), nil
		}
		plan, err := kafka.Plan(&events.Batch{Subscription: s.Name, Topic: s.Output.Topic, Format: s.Output.Format}, r)
		if err != nil {
			return line, err
		}
		what, why := fmt.Sprintf("%s as %s", plan.Topic, plan.Format), "subscription "+s.Name
		if plan.Dropped {
			what = "dropped"
		}
		if plan.Rule != "" {
			why = "route " + plan.Rule
		}
		line = fmt.Appendf(line, "%s %s #%s → %s (%s)", r.Channel, r.EventID, r.EventRecordID, what, why)
		if !plan.Dropped && len(r.Computer) > 0 { // a recording does not say who proved what
			line = fmt.Appendf(line, ", key %s", bytes.ToLower(r.Computer))
		}
		return line, nil
	}, nil
}

func named(subs []*subscriptions.Subscription, name string) *subscriptions.Subscription {
	for _, s := range subs {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// selecting is the first enabled subscription that reads a channel.
func selecting(subs []*subscriptions.Subscription, channel string) *subscriptions.Subscription {
	for _, s := range subs {
		for _, c := range s.Channels() {
			if s.Enabled && strings.EqualFold(c, channel) {
				return s
			}
		}
	}
	return nil
}
