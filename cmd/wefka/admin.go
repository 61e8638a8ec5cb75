package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/exporter-toolkit/web"
)

// admin serves operators, on a TCP address and on a Unix socket alike.
type admin struct {
	log       *slog.Logger
	server    *http.Server
	local     *http.Server // on the socket
	webConfig string
	tcp, unix net.Listener
}

func newAdmin(h *house) (*admin, error) {
	c := &h.config.Admin
	a := &admin{log: h.log, webConfig: h.config.path(c.WebConfig)}
	h.registerRuntime()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", h.readyz)
	mux.HandleFunc("GET /api/v1/subscriptions", h.apiSubscriptions)
	mux.HandleFunc("GET /api/v1/subscriptions/{name}", h.apiSubscriptions)
	mux.Handle("GET /metrics", promhttp.HandlerFor(h.registry, promhttp.HandlerOpts{ErrorLog: slog.NewLogLogger(h.log.Handler(), slog.LevelError)}))
	a.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(h.log.Handler(), slog.LevelDebug)}
	local := http.NewServeMux()
	local.Handle("/", mux)
	mux.HandleFunc("GET /{$}", h.statusPage)
	h.apiHosts(mux, local)
	h.apiBookmarks(mux, local)
	h.apiStatus(mux, local)
	if c.Pprof {
		local.HandleFunc("GET /debug/pprof/", pprof.Index)
		local.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		local.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	a.local = &http.Server{Handler: local, ConnContext: withPeer, ReadHeaderTimeout: 10 * time.Second, ErrorLog: a.server.ErrorLog}
	var err error
	if c.Address != "" {
		if a.tcp, err = net.Listen("tcp", c.Address); err != nil {
			return a, fmt.Errorf("admin.address: %w", err)
		}
	}
	if c.Socket != "" {
		if a.unix, err = listenUnix(c.Socket); err != nil {
			h.log.Warn("no admin socket", "error", fmt.Errorf("admin.socket: %w", err))
		}
	}
	return a, nil
}

// listenUnix replaces a socket that a dead process left, never one that is served.
func listenUnix(path string) (net.Listener, error) {
	if conn, err := net.DialTimeout("unix", path, time.Second); err == nil {
		conn.Close()
		return nil, fmt.Errorf("%s is served by another process", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	l, err := net.Listen("unix", path)
	if err == nil {
		err = os.Chmod(path, 0o660)
	}
	return l, err
}

func (a *admin) announce() {
	if a.tcp != nil {
		a.log.Info("listening", "listener", "admin", "address", a.tcp.Addr().String())
	}
}

// serve returns when the server was closed, or an error.
func (a *admin) serve() error {
	done := make(chan error, 2)
	n := 0
	for _, l := range []net.Listener{a.tcp, a.unix} {
		if l == nil {
			continue
		}
		n++
		go func() {
			switch {
			case l == a.unix:
				done <- a.local.Serve(l)
			case a.webConfig != "":
				done <- web.Serve(l, a.server, &web.FlagConfig{WebConfigFile: &a.webConfig}, a.log)
			default:
				done <- a.server.Serve(l)
			}
		}()
	}
	for ; n > 0; n-- {
		if err := <-done; !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("admin: %w", err)
		}
	}
	return nil
}

func (a *admin) close(ctx context.Context) error {
	for _, l := range []net.Listener{a.tcp, a.unix} {
		if l != nil {
			defer l.Close()
		}
	}
	return errors.Join(a.server.Shutdown(ctx), a.local.Shutdown(ctx))
}

// check is one line of /readyz?verbose.
type check struct {
	Name    string `json:"name"`
	Status  string `json:"status"` // ok | degraded | failed
	Message string `json:"message,omitempty"`
}

// readyz answers 503 only while this node can serve nobody. Kafka being away is not that: every node would leave the balancer
// at once, and hosts keep their events.
func (h *house) readyz(w http.ResponseWriter, r *http.Request) {
	checks := h.checks()
	status, code := overall(checks), http.StatusOK
	if status == "unready" {
		code = http.StatusServiceUnavailable
	}
	if !r.URL.Query().Has("verbose") {
		w.WriteHeader(code)
		fmt.Fprintln(w, status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	json.NewEncoder(w).Encode(struct {
		Status string  `json:"status"`
		Checks []check `json:"checks"`
	}{status, checks})
}

func (h *house) checks() []check {
	config := check{Name: "config", Status: "ok"}
	if err := h.reloads.last(); err != nil {
		config = check{"config", "degraded", "reload failed, the old state is in use: " + err.Error()}
	}
	if keys := h.reloads.waiting(); len(keys) > 0 && config.Status == "ok" {
		config = check{"config", "degraded", "needs a restart: " + strings.Join(keys, ", ")}
	}
	listeners := check{Name: "listeners", Status: "ok"}
	if h.stopping.Load() {
		listeners = check{"listeners", "failed", "stopping"}
	}
	kafka := check{Name: "kafka", Status: "ok"}
	if err := h.kafkaTrouble(); err != nil {
		kafka = check{"kafka", "degraded", err.Error()}
	}
	return []check{config, listeners, h.stateCheck(), kafka}
}

func since(t time.Time) string {
	if t.IsZero() {
		return "the start"
	}
	return t.UTC().Format(time.RFC3339)
}

// registerRuntime adds what the process knows of itself.
func (h *house) registerRuntime() {
	b := thisBuild()
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "wefka_build_info", Help: "1, with the build as labels.",
		ConstLabels: prometheus.Labels{"version": b.Version, "revision": b.Commit, "goversion": b.Go}})
	info.Set(1)
	gc := collectors.GoRuntimeMetricsRule{Matcher: regexp.MustCompile(`^/cpu/classes/gc/total:cpu-seconds$`)}
	h.registry.MustRegister(info, collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(gc)), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
}
