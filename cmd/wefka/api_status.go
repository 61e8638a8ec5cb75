package main

import (
	"net/http"
	"time"

	"github.com/wefka/wefka/certs"
	"github.com/wefka/wefka/hosts"
)

// statusAnswer is what GET /api/v1/status answers.
type statusAnswer struct {
	Version   string           `json:"version"`
	Node      string           `json:"node"`
	Started   time.Time        `json:"started"`
	Status    string           `json:"status"`
	Listeners []listenerAnswer `json:"listeners"`
	Kafka     struct {
		Circuit       string     `json:"circuit"`
		LastAck       *time.Time `json:"last_ack,omitempty"`
		OldestUnacked float64    `json:"oldest_unacked_seconds"`
		Buffered      int64      `json:"buffered_bytes"`
	} `json:"kafka"`
	State struct {
		Backend string  `json:"backend"`
		Ready   bool    `json:"ready"`
		Lag     float64 `json:"lag_seconds"`
	} `json:"state"`
	Config struct {
		Loaded  time.Time `json:"loaded"`
		Error   string    `json:"error,omitempty"`
		Restart []string  `json:"needs_restart,omitempty"` // keys of the main file that differ from what is in use
	} `json:"config"`
	Hosts  map[hosts.State]int `json:"hosts"` // each host once, by the liveliest of its subscriptions
	Events struct {
		Published int64 `json:"published"`
		Dead      int64 `json:"dead"`
	} `json:"events"`
	Certificates []certificateAnswer `json:"certificates"`
}

type listenerAnswer struct {
	Name        string `json:"name"`
	Address     string `json:"address"`
	Auth        string `json:"auth"`
	Connections int    `json:"connections"`
}

type certificateAnswer struct {
	Role     string    `json:"role"`
	Name     string    `json:"name"`
	NotAfter time.Time `json:"not_after"`
}

func (h *house) apiStatus(mux, local *http.ServeMux) {
	mux.HandleFunc("GET /api/v1/status", func(w http.ResponseWriter, _ *http.Request) { answer(w, h.status()) })
	h.change(mux, local, "POST /api/v1/reload", func(w http.ResponseWriter, _ *http.Request) error {
		err := h.reload()
		if err != nil {
			refuse(w, http.StatusUnprocessableEntity, "reload failed, the old state is in use: "+err.Error())
		}
		return err
	})
}

func (h *house) status() statusAnswer {
	a := statusAnswer{Version: thisBuild().Version, Node: h.config.Node, Started: h.started.UTC(), Status: overall(h.checks()), Listeners: []listenerAnswer{}, Certificates: []certificateAnswer{}}
	for _, l := range h.listeners {
		a.Listeners = append(a.Listeners, listenerAnswer{l.config.Name, l.socket.Addr().String(), l.config.auth(), l.server.Connections()})
		if keeper, ok := l.proof.(*certs.Server); ok {
			for _, f := range keeper.Facts() {
				a.Certificates = append(a.Certificates, certificateAnswer{f.Role, f.Name, f.NotAfter.UTC()})
			}
		}
	}
	k := h.producer.Stats()
	a.Kafka.Circuit, a.Kafka.LastAck, a.Kafka.OldestUnacked, a.Kafka.Buffered = k.Circuit, known(k.LastAck), k.OldestUnacked.Seconds(), k.BufferedBytes
	a.State.Backend, a.State.Ready, a.State.Lag = h.config.State.Backend, h.store.Ready(), h.stateLag().Seconds()
	a.Config.Restart = h.reloads.waiting()
	a.Config.Loaded = h.reloads.since().UTC()
	if err := h.reloads.last(); err != nil {
		a.Config.Error = err.Error()
	}
	a.Hosts, _ = h.hosts.Counts()
	for _, n := range h.sink.kafka.Load().Counted() {
		a.Events.Published += n.Published
		a.Events.Dead += n.Dead
	}
	return a
}

// overall is the word of /readyz for its checks.
func overall(checks []check) string {
	status := "ok"
	for _, c := range checks {
		switch {
		case c.Status == "failed":
			return "unready"
		case c.Status == "degraded":
			status = "degraded"
		}
	}
	return status
}
