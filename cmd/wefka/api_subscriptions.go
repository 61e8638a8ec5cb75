package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/wefka/wefka/subscriptions"
	"github.com/wefka/wefka/subscriptions/strict"
)

// subscriptionList is what GET /api/v1/subscriptions answers.
type subscriptionList struct {
	Subscriptions []subscriptionAnswer `json:"subscriptions"`
}

// subscriptionAnswer is one of them. What only a server can know is left out where files were asked.
type subscriptionAnswer struct {
	Name        string                         `json:"name"`
	ID          string                         `json:"id"`
	Version     string                         `json:"version"`
	Enabled     bool                           `json:"enabled"`
	Topic       string                         `json:"topic"`
	Format      string                         `json:"format"`
	Hosts       map[subscriptions.Liveness]int `json:"hosts,omitempty"`        // by state; states without hosts are left out
	Events      *int64                         `json:"events,omitempty"`       // published since the server started
	DeadLetters *int64                         `json:"dead_letters,omitempty"` // likewise
	LastEvent   *time.Time                     `json:"last_event,omitempty"`   // delivered by any host, ever
	Query       string                         `json:"query,omitempty"`        // of one that was asked for by its name
	Targets     json.RawMessage                `json:"targets,omitempty"`      // likewise
}

// described is s as its file says it.
func (c *Config) described(s *subscriptions.Subscription) (subscriptionAnswer, error) {
	targets, err := strict.JSON(s.Targets)
	if err != nil {
		return subscriptionAnswer{}, fmt.Errorf("targets of %s: %w", s.Name, err)
	}
	return subscriptionAnswer{Name: s.Name, ID: strings.ToLower(s.ID), Version: s.Version(), Enabled: s.Enabled, Query: s.Query, Targets: targets,
		Topic: strings.ReplaceAll(cmp.Or(s.Output.Topic, c.Kafka.Topic), "{subscription}", s.Name), Format: s.Output.Format}, nil
}

// brief is what a list shows.
func (a subscriptionAnswer) brief() subscriptionAnswer {
	a.Query, a.Targets = "", nil
	return a
}

// standing are all subscriptions in force, with what became of them.
func (h *house) standing() ([]subscriptionAnswer, error) {
	all := []subscriptionAnswer{}
	counts, latest, counted := h.manager.Counts(), h.manager.LastEvents(), h.sink.kafka.Load().Counted()
	for _, s := range h.manager.Subscriptions() {
		a, err := h.config.described(s)
		if err != nil {
			return nil, err
		}
		n := counted[s.Name]
		a.Hosts, a.Events, a.DeadLetters = counts[s.Name], &n.Published, &n.Dead
		if at, ok := latest[s.Name]; ok {
			at = at.UTC()
			a.LastEvent = &at
		}
		all = append(all, a)
	}
	return all, nil
}

func (h *house) apiSubscriptions(w http.ResponseWriter, r *http.Request) {
	all, err := h.standing()
	if err != nil {
		h.log.Error("subscriptions cannot be described", "error", err)
		refuse(w, http.StatusInternalServerError, "see the server's log")
		return
	}
	name := r.PathValue("name")
	if name == "" {
		for i := range all {
			all[i] = all[i].brief()
		}
		answer(w, subscriptionList{all})
		return
	}
	for _, a := range all {
		if a.Name == name {
			answer(w, a)
			return
		}
	}
	refuse(w, http.StatusNotFound, "there is no such subscription; GET /api/v1/subscriptions lists them")
}
