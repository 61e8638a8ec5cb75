package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wefka/wefka/output"
	"github.com/wefka/wefka/subscriptions"
)

// reloads remembers how the last one went.
type reloads struct {
	total   *prometheus.CounterVec
	success prometheus.Gauge
	when    prometheus.Gauge

	turn sync.Mutex // held by the one that reloads

	mu      sync.Mutex // guards all below
	err     error
	restart []string // keys of the main file that wait for a restart
	loaded  time.Time
}

func newReloads() *reloads {
	r := &reloads{
		total:   prometheus.NewCounterVec(prometheus.CounterOpts{Name: "config_reloads_total", Help: "Reloads by result."}, []string{"result"}),
		success: prometheus.NewGauge(prometheus.GaugeOpts{Name: "config_last_reload_successful", Help: "1 if the newest files are in use."}),
		when:    prometheus.NewGauge(prometheus.GaugeOpts{Name: "config_last_reload_success_timestamp_seconds", Help: "When files were last taken into use."}),
	}
	r.success.Set(1)
	r.when.SetToCurrentTime()
	r.loaded = time.Now()
	return r
}

// Metrics are for registering.
func (r *reloads) Metrics() []prometheus.Collector {
	return []prometheus.Collector{r.total, r.success, r.when}
}

func (r *reloads) done(restart []string, err error) {
	r.mu.Lock()
	r.err = err
	if err == nil {
		r.restart, r.loaded = restart, time.Now()
	}
	r.mu.Unlock()
	if err != nil {
		r.total.WithLabelValues("failure").Inc()
		r.success.Set(0)
		return
	}
	r.total.WithLabelValues("success").Inc()
	r.success.Set(1)
	r.when.SetToCurrentTime()
}

// last is the error of the newest reload.
func (r *reloads) last() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// waiting are the keys that differ from what is in use, and need a restart.
func (r *reloads) waiting() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.restart
}

// since is when the files in use were read.
func (r *reloads) since() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.loaded
}

// loadSubscriptions reads the folder and checks what only the output can: topics and formats.
func (h *house) loadSubscriptions() ([]*subscriptions.Subscription, error) {
	return h.subscriptionsOf(h.config)
}

func (h *house) subscriptionsOf(c *Config) ([]*subscriptions.Subscription, error) {
	subs, warnings, err := c.loadSubscriptions()
	for _, w := range warnings {
		h.log.Warn("subscription", "error", w)
	}
	return subs, err
}

func (c *Config) loadSubscriptions() ([]*subscriptions.Subscription, []error, error) {
	folder := c.path(c.Subscriptions)
	loaded, err := subscriptions.Load(folder, c.env)
	if err != nil {
		return nil, nil, err
	}
	var errs []error
	for _, s := range loaded.Subscriptions {
		if _, err := output.NewEncoder(s.Output.Format, output.Settings{}); err != nil {
			errs = append(errs, fmt.Errorf("subscription %s: output.format: %w", s.Name, err))
		}
	}
	warnings := loaded.Warnings
	if len(loaded.Subscriptions) == 0 {
		warnings = append(warnings, fmt.Errorf("%s holds no subscription: hosts will enumerate and get nothing", folder))
	}
	return loaded.Subscriptions, warnings, errors.Join(errs...)
}

// reload reads the main file, subscriptions, certificates and keytabs whole, then swaps; an error leaves everything as it was.
func (h *house) reload() error {
	h.reloads.turn.Lock()
	defer h.reloads.turn.Unlock()
	systemd := supervisor{h.log}
	systemd.reloading()
	defer systemd.ready()
	restart, err := h.swap()
	h.reloads.done(restart, err)
	if err != nil {
		h.log.Error("reload failed", "error", err)
		return err
	}
	if len(restart) > 0 {
		h.log.Warn("reloaded, but not all: needs a restart: "+strings.Join(restart, ", "), "keys", restart)
		return nil
	}
	h.log.Info("reloaded")
	return nil
}

func (h *house) swap() (restart []string, err error) {
	config, restart, err := h.config.again()
	if err != nil {
		return nil, err
	}
	subs, err := h.subscriptionsOf(config)
	if err != nil {
		return nil, err
	}
	names, err := config.topics(subs)
	if err != nil {
		return nil, err
	}
	kafka, err := h.sink.kafka.Load().With(config.settings())
	if err != nil {
		return nil, err
	}
	for _, l := range h.listeners {
		if err := l.proof.Load(); err != nil {
			return nil, fmt.Errorf("listener %s: %w", l.config.Name, err)
		}
	}
	h.producer.SetTopics(names)
	h.sink.kafka.Store(kafka)
	h.manager.Replace(subs)
	if config.level != nil {
		_ = config.level.UnmarshalText([]byte(config.Log.Level)) // validated
	}
	return restart, nil
}

// settle is how long files must rest before they are read: editors and Kubernetes change several in a row.
const settle = 500 * time.Millisecond

// watch reloads on HUP and when files change. Folders are watched, not files: editors rename, and Kubernetes swaps a symlink.
// Where the system tells nothing (network file systems), a look once a minute does.
func (h *house) watch(ctx context.Context, hup <-chan os.Signal) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch files: %w", err)
	}
	defer watcher.Close()
	files := h.config.watched()
	for folder := range files {
		if err := watcher.Add(folder); err != nil {
			h.log.Warn("folder not watched; changes are seen once a minute", "error", err)
		}
	}
	seen := h.seen
	timer := time.NewTimer(settle) // files may have changed since they were read
	poll := time.NewTicker(time.Minute)
	defer poll.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hup:
			seen = stamp(files)
			h.reload()
		case <-watcher.Events:
			timer.Reset(settle)
		case err := <-watcher.Errors:
			h.log.Warn("watch files", "error", err)
		case <-poll.C:
			timer.Reset(settle)
		case <-timer.C:
			if now := stamp(files); now != seen {
				seen = now
				h.reload()
			}
		}
	}
}

// watched are the folders to watch, with the files in them that matter ("" = all *.yaml).
func (c *Config) watched() map[string][]string {
	files := map[string][]string{c.path(c.Subscriptions): {""}}
	if c.name != "" {
		files[filepath.Clean(c.dir)] = append(files[filepath.Clean(c.dir)], filepath.Base(c.name))
	}
	for _, l := range c.Listeners {
		for _, f := range l.files() {
			folder, name := filepath.Split(c.path(f))
			files[filepath.Clean(folder)] = append(files[filepath.Clean(folder)], name)
		}
	}
	return files
}

// files are those that say whom a listener knows.
func (l *ListenerConfig) files() []string {
	switch {
	case l.TLS != nil:
		return append([]string{l.TLS.Certificate, l.TLS.Key, l.TLS.ClientCA}, l.TLS.CRL...)
	case l.Kerberos != nil:
		return []string{l.Kerberos.Keytab}
	}
	return nil
}

// stamp changes when a watched file does.
func stamp(files map[string][]string) string {
	var paths []string
	for folder, names := range files {
		for _, name := range names {
			if name != "" {
				paths = append(paths, filepath.Join(folder, name))
				continue
			}
			matches, _ := filepath.Glob(filepath.Join(folder, "*.yaml"))
			paths = append(paths, matches...)
		}
	}
	slices.Sort(paths)
	var b strings.Builder
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil {
			fmt.Fprintln(&b, path, info.Size(), info.ModTime().UnixNano())
		}
	}
	return b.String()
}
