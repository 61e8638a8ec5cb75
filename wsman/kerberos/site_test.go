package kerberos_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/wefka/wefka/simulator"
	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/kerberos"
)

const (
	siteID      = "3B0C6E52-9A47-4D1F-8E35-71C2D4F9A860"
	siteVersion = "0E6B7F1D-52C8-4A39-B7D4-9F3A1C5E8D27"
	siteNotify  = "/wsman/subscriptions/" + siteID + "/" + siteVersion
	siteQuery   = `<QueryList><Query Id="0"><Select Path="Microsoft-Windows-Sysmon/Operational">*</Select></Query></QueryList>`
)

// site is a collector at work on loopback: wsman.Server with an Acceptor, and nobody's policy behind it.
type site struct {
	t        testing.TB
	acceptor *kerberos.Acceptor
	addr     string
	log      *siteLog
	metrics  *prometheus.Registry

	mu       sync.Mutex // guards what follows
	compress bool       // offered
	sources  []wsman.Source
	events   map[string]int // by source
	texts    []string       // of events, as they came
	ended    map[string]bool
}

// siteLog may be written and read at once.
type siteLog struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *siteLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *siteLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// openSite loads the acceptor's keytab and serves until the test ends.
func openSite(t testing.TB, a *kerberos.Acceptor) *site {
	t.Helper()
	return openSiteFor(t, a, nil)
}

// openSiteFor is openSite with another handler than the site itself, unless that is nil.
func openSiteFor(t testing.TB, a *kerberos.Acceptor, h wsman.Handler) *site {
	t.Helper()
	s := &site{t: t, acceptor: a, log: &siteLog{}, metrics: prometheus.NewRegistry(), compress: true, events: map[string]int{}, ended: map[string]bool{}}
	a.Listener, a.Log = "kerberos", slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if err := a.Load(); err != nil {
		t.Fatal(err)
	}
	s.metrics.MustRegister(a.Metrics()...)
	if h == nil {
		h = s
	}
	server := &wsman.Server{Name: "kerberos", Handler: h, Auth: a, Log: a.Log}
	s.metrics.MustRegister(server.Metrics()...)
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = ln.Addr().String()
	done := make(chan error, 1)
	go func() { done <- server.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		<-done
		if t.Failed() {
			t.Logf("the collector's log:\n%s", s.log)
		}
	})
	return s
}

func (s *site) url() string { return "http://" + s.addr + wsman.EnumeratePath }

func (s *site) note(from wsman.Source) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sources = append(s.sources, from)
}

func (s *site) Enumerate(_ context.Context, from wsman.Source, _ *wsman.Enumerate) ([]wsman.Subscribe, error) {
	s.note(from)
	s.mu.Lock()
	defer s.mu.Unlock()
	return []wsman.Subscribe{{ID: siteID, Version: siteVersion, Name: "sysmon", Query: siteQuery, Earliest: true, Compression: s.compress, ReadExistingEvents: true,
		Heartbeats: time.Hour, MaxTime: time.Second, MaxEnvelopeSize: 512000, RetryCount: 2, RetryInterval: time.Minute}}, nil
}

func (s *site) Events(_ context.Context, from wsman.Source, m *wsman.Events) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !m.Clean {
		return &wsman.Fault{Status: 400, Reason: "malformed", Err: errors.New("not clean")}
	}
	s.events[from.Name] += len(m.Items)
	for _, text := range m.Items {
		s.texts = append(s.texts, string(text))
	}
	return nil
}

func (s *site) Heartbeat(_ context.Context, from wsman.Source, _ *wsman.Heartbeat) error {
	s.note(from)
	return nil
}

func (s *site) End(_ context.Context, from wsman.Source, _ *wsman.SubscriptionEnd) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended[from.Name] = true
	return nil
}

// forget begins to count anew.
func (s *site) forget(compress bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.compress, s.sources, s.events, s.texts, s.ended = compress, nil, map[string]int{}, nil, map[string]bool{}
}

// seen are the names of the sources that delivered events, sorted.
func (s *site) seen() (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.events {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// groups are those of a source, as the last message of it came with.
func (s *site) groups(name string) (groups []string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, from := range s.sources {
		if strings.EqualFold(from.Name, name) {
			groups, ok = from.Groups, true
		}
	}
	return groups, ok
}

// total is a counter's sum over the series with these labels, given as name=value.
func (s *site) total(metric string, labels ...string) (sum float64) {
	s.t.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		s.t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != metric {
			continue
		}
		for _, m := range family.GetMetric() {
			has := 0
			for _, l := range m.GetLabel() {
				if slices.Contains(labels, l.GetName()+"="+l.GetValue()) {
					has++
				}
			}
			if has == len(labels) {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return sum
}

// fleet is a fleet that delivers to the site.
func (s *site) fleet(keytab, krb5Conf, spn string) *simulator.Fleet {
	return &simulator.Fleet{URL: s.url(), Keytab: keytab, Krb5Conf: krb5Conf, SPN: spn, Events: 60, Batch: 10, RetryInterval: 10 * time.Millisecond, Refresh: time.Minute,
		Log: slog.New(slog.NewTextHandler(s.log, nil))}
}

// deliver runs a fleet that is to be heard.
func (s *site) deliver(t testing.TB, f *simulator.Fleet) *simulator.Report {
	t.Helper()
	report, err := f.Run(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !report.OK() || report.Events.Acked != f.Events || len(report.Errors) > 0 {
		t.Errorf("%+v", report)
	}
	return report
}

// client is a source of the site.
func (s *site) client(i wsman.Initiator) *wsman.Client {
	c := &wsman.Client{Initiator: i, Machine: "pc-1.example.test", Dial: func(ctx context.Context) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", s.addr)
	}}
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// offer is where sources deliver.
func (s *site) offer() *wsman.Offer {
	at := "http://" + s.addr + siteNotify
	return &wsman.Offer{Subscribe: wsman.Subscribe{ID: siteID}, NotifyTo: at, EndTo: at}
}

// beat sends a Heartbeat on a connection of its own.
func (s *site) beat(t testing.TB, i wsman.Initiator) error {
	c := s.client(i)
	defer c.Close()
	return c.Heartbeat(t.Context(), s.offer())
}

// refuses sends a Heartbeat that must be answered 401 for a reason, which is counted and logged in such words.
func (s *site) refuses(t testing.TB, i wsman.Initiator, reason string, words ...string) error {
	t.Helper()
	before := s.total("auth_failures_total", "reason="+reason)
	err := s.beat(t, i)
	var status *wsman.StatusError
	if !errors.As(err, &status) || status.Code != 401 {
		t.Fatalf("answered: %v; want 401", err)
	}
	if after := s.total("auth_failures_total", "reason="+reason); after != before+1 {
		t.Errorf("refusals with reason %s: %v, before %v", reason, after, before)
	}
	if err := s.said(append(words, "reason="+reason)...); err != nil {
		t.Error(err)
	}
	return err
}

// said says whether the collector's log has all of the words in one line.
func (s *site) said(words ...string) error {
	for line := range strings.Lines(s.log.String()) {
		missing := ""
		for _, w := range words {
			if !strings.Contains(line, w) {
				missing = w
			}
		}
		if missing == "" {
			return nil
		}
	}
	return fmt.Errorf("no line of the log has %q:\n%s", words, s.log)
}
