package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wefka/wefka/output/fetch"
	"github.com/wefka/wefka/output/producer"
	"github.com/wefka/wefka/subscriptions"
	"github.com/wefka/wefka/subscriptions/compacted"
)

// store is where bookmarks and liveness are: a file of this node, or a topic that all nodes share.
type store interface {
	subscriptions.Store
	Ready() bool                     // loaded, and the newest write succeeded
	Flush(ctx context.Context) error // makes durable what is not yet
	Metrics() []prometheus.Collector
	Close() error
}

// openStore opens what state.backend says. A store over a topic is made, and still to be started.
func (h *house) openStore() (err error) {
	if h.config.shares() {
		h.shared = stateTopic(h.producer, h.config.State.Topic, h.log)
		h.store = h.shared
		return nil
	}
	path := h.config.path(h.config.State.Path)
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return fmt.Errorf("state.path: %w", err)
	}
	file, err := subscriptions.OpenBolt(path)
	if err == nil {
		h.store = file
	}
	return err
}

// shares says whether the state is in Kafka.
func (c *Config) shares() bool { return c.State.Backend == "kafka" }

func stateTopic(p *producer.Producer, topic string, log *slog.Logger) *compacted.Store {
	return compacted.New(&fetch.Topic{Transport: p.Transport(topic), Brokers: p.Brokers(), Name: topic}, p, log)
}

// loading says that the state is not known yet, so that no host can be told where to go on.
func (h *house) loading() bool { return h.shared != nil && h.shared.Loading() }

// stateLag is the age of the oldest state that a killed node would lose; a file has none.
func (h *house) stateLag() time.Duration {
	if h.shared == nil {
		return 0
	}
	return h.shared.Lag()
}

// stateCheck is the line of /readyz.
func (h *house) stateCheck() check {
	switch {
	case h.loading():
		if err := h.shared.Trouble(); err != nil {
			return check{"state", "failed", "not loaded: " + err.Error()}
		}
		return check{"state", "failed", "loading"}
	case h.shared != nil && h.shared.Trouble() != nil:
		return check{"state", "degraded", h.shared.Trouble().Error()}
	}
	if err := h.manager.Unsaved(); err != nil {
		return check{"state", "degraded", "a bookmark could not be saved: " + err.Error()}
	}
	return check{Name: "state", Status: "ok"}
}

// closeStore saves what memory has, for as long as ctx lasts.
func (h *house) closeStore(ctx context.Context) (errs []error) {
	if h.manager != nil {
		errs = append(errs, h.manager.Close(ctx))
	}
	if h.store != nil {
		errs = append(errs, h.store.Flush(ctx), h.store.Close())
	}
	return errs
}
