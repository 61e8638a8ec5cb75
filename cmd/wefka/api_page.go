package main

import (
	"bytes"
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/wefka/wefka/certs"
	"github.com/wefka/wefka/hosts"
	"github.com/wefka/wefka/page"
	"github.com/wefka/wefka/wsman/kerberos"
)

// statusPage answers GET /.
func (h *house) statusPage(w http.ResponseWriter, r *http.Request) {
	s, err := h.snapshot(time.Now())
	if err != nil {
		h.log.Error("status page", "error", err)
		http.Error(w, "see the server's log", http.StatusInternalServerError)
		return
	}
	asked := r.URL.Query()
	s.Search, s.State, s.After = asked.Get("search"), asked.Get("state"), asked.Get("after")
	h.hostsOn(s)
	h.refusalsOn(r.Context(), s)
	if asked.Get("refresh") == "10" {
		s.Refresh = 10
	}
	var b bytes.Buffer
	if err := page.Render(&b, s); err != nil {
		h.log.Error("status page", "error", err)
		http.Error(w, "see the server's log", http.StatusInternalServerError)
		return
	}
	header := w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", page.Policy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-store")
	w.Write(b.Bytes())
}

// snapshot is the house as it is now; the list of hosts depends on who asks.
func (h *house) snapshot(now time.Time) (*page.Snapshot, error) {
	r := h.pulse.read(now)
	s := &page.Snapshot{Now: now, Version: thisBuild().Version, Node: h.config.Node, Started: h.started, Step: pulseStep,
		Published: uint64(r.published), Dead: uint64(r.dead), Kafka: h.kafkaNow(),
		Store: page.Store{Backend: h.config.State.Backend, Ready: h.store.Ready() && !h.loading(), Lag: h.stateLag()}}
	s.EventsPerSecond, s.LatencySeconds = h.pulse.past()
	s.Status = "ok"
	for _, c := range h.checks() {
		switch {
		case c.Status == "ok":
			continue
		case c.Status == "failed":
			s.Status = "unready"
		case s.Status == "ok":
			s.Status = "degraded"
		}
		fact, cure, _ := strings.Cut(c.Message, "; ")
		s.Troubles = append(s.Troubles, page.Trouble{What: c.Name, Text: fact, Cure: cmp.Or(cure, "wefka doctor looks closer")})
	}
	subs, err := h.standing()
	if err != nil {
		return nil, err
	}
	for _, a := range subs {
		line := page.Subscription{Name: a.Name, Topic: a.Topic, Format: a.Format, Enabled: a.Enabled, Events: uint64(*a.Events), Dead: uint64(*a.DeadLetters)}
		for state, n := range a.Hosts {
			line.Hosts += n
			if state == "active" {
				line.Active += n
			}
		}
		if a.LastEvent != nil {
			line.LastEvent = *a.LastEvent
		}
		s.Subscriptions = append(s.Subscriptions, line)
	}
	for _, l := range h.listeners {
		h.doorOn(s, l)
	}
	return s, nil
}

func (h *house) kafkaNow() page.Kafka {
	stats := h.producer.Stats()
	return page.Kafka{Circuit: stats.Circuit, LastAck: stats.LastAck, Oldest: stats.OldestUnacked, Buffered: stats.BufferedBytes, Capacity: int64(h.config.Kafka.Buffer)}
}

// hostsOnPage is as many as one looks through.
const hostsOnPage = 25

// hostsOn adds the hosts that the reader asked for.
func (h *house) hostsOn(s *page.Snapshot) {
	counts, all := h.pulse.hosts(h.hosts, s.Now)
	for _, state := range hosts.States {
		s.States = append(s.States, page.Count{State: string(state), Hosts: counts[state]})
	}
	if !slices.Contains(hosts.States, hosts.State(s.State)) {
		s.State = ""
	}
	switch {
	case s.Search != "":
	case s.State != "":
		s.Found = counts[hosts.State(s.State)]
	default:
		s.Found = all
	}
	found, next := h.hosts.List(hosts.Filter{State: hosts.State(s.State), Search: s.Search}, s.After, hostsOnPage)
	s.Next = next
	for _, host := range found {
		line := page.Host{Name: host.Source, State: string(host.State), Auth: host.Auth, Address: addressText(host.Address)}
		var names []string
		for _, stream := range host.Streams {
			names = append(names, stream.Subscription)
			line.LastHeard, line.LastEvent = newer(line.LastHeard, stream.LastHeard), newer(line.LastEvent, stream.LastEvents)
		}
		line.LastHeard = newer(line.LastHeard, host.LastSeen)
		line.Subscriptions = strings.Join(names, ", ")
		s.Hosts = append(s.Hosts, line)
	}
}

func newer(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// refusalsOn adds the newest refusals, each with what explain would say to do.
func (h *house) refusalsOn(ctx context.Context, s *page.Snapshot) {
	const newest = 8
	for _, r := range h.hosts.Refusals(newest) {
		line := page.Refusal{Time: r.Time, Source: cmp.Or(r.Source, r.Claimed), Address: addressText(r.Addr), Listener: r.Listener, Status: r.Status, Reason: r.Reason, Message: r.Message}
		if causes := h.explain(ctx, cmp.Or(r.Source, r.Claimed, line.Address)).Causes; len(causes) > 0 {
			line.Remedy = causes[0].Remedy
		}
		s.Refusals = append(s.Refusals, line)
	}
}

// doorOn adds a listener and what it proves hosts by.
func (h *house) doorOn(s *page.Snapshot, l *listener) {
	s.Listeners = append(s.Listeners, page.Listener{Name: l.config.Name, Address: l.socket.Addr().String(), Auth: l.config.auth(), Connections: l.server.Connections()})
	switch proof := l.proof.(type) {
	case *certs.Server:
		for _, f := range proof.Facts() {
			s.Certificates = append(s.Certificates, page.Certificate{Role: f.Role, Name: f.Name, NotAfter: f.NotAfter})
		}
	case *kerberos.Acceptor:
		for _, f := range proof.Facts() {
			s.Keys = append(s.Keys, page.Key{Principal: f.Principal, Etype: f.Etype, KVNO: f.KVNO})
		}
	}
}
