package simulator_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wefka/wefka/certs"
	"github.com/wefka/wefka/simulator"
	"github.com/wefka/wefka/wsman"
)

// handler is policy without any: it keeps what was delivered, and says no as often as it is told.
type handler struct {
	subscription wsman.Subscribe

	mu         sync.Mutex
	refuse     int
	delivered  map[string]int // by host, record and time
	bookmarks  map[string][]byte
	ended      map[string]string
	heartbeats int
}

func (h *handler) Enumerate(_ context.Context, from wsman.Source, _ *wsman.Enumerate) ([]wsman.Subscribe, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	s := h.subscription
	s.Bookmark = h.bookmarks[from.Name]
	s.Earliest = s.Bookmark == nil
	return []wsman.Subscribe{s}, nil
}

func (h *handler) Events(_ context.Context, from wsman.Source, m *wsman.Events) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refuse > 0 {
		h.refuse--
		return errors.New("later")
	}
	for _, e := range m.Items {
		text := string(e)
		if !m.Clean || !strings.Contains(text, "<Computer>"+from.Name+"</Computer>") {
			return &wsman.Fault{Status: 400, Reason: "malformed"}
		}
		h.delivered[from.Name+" "+find(reRecord, text)+" "+find(reCreated, text)]++
	}
	h.bookmarks[from.Name] = bytes.Clone(m.Bookmark)
	return nil
}

func (h *handler) Heartbeat(context.Context, wsman.Source, *wsman.Heartbeat) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.heartbeats++
	return nil
}

func (h *handler) End(_ context.Context, from wsman.Source, m *wsman.SubscriptionEnd) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ended[from.Name] = m.Status
	return nil
}

// serve runs a wsman.Server on loopback and gives a fleet for it.
func serve(t testing.TB, h *handler) *simulator.Fleet {
	t.Helper()
	h.delivered, h.bookmarks, h.ended = map[string]int{}, map[string][]byte{}, map[string]string{}
	h.subscription = wsman.Subscribe{ID: guidA, Version: version1, Name: "test", Query: sysmonOnly, Compression: true, IgnoreChannelError: true, ReadExistingEvents: true,
		Heartbeats: time.Hour, MaxTime: time.Second, MaxEnvelopeSize: 512000, RetryCount: 5, RetryInterval: time.Minute}
	authority, err := certs.New("test", 30)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.IssueServer([]string{"localhost"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := &wsman.Server{Name: "tls", Handler: h, Auth: wsman.Certificates{}, TLS: &tls.Config{Certificates: []tls.Certificate{pair.TLS()},
		ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool(authority), MinVersion: tls.VersionTLS12}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		<-done
	})
	return &simulator.Fleet{URL: fmt.Sprintf("https://localhost:%d%s", ln.Addr().(*net.TCPAddr).Port, wsman.EnumeratePath), CA: pool(authority), Issuer: authority, RetryInterval: 10 * time.Millisecond}
}

// TestServer: what wsman.Server Acks was delivered, once, from every host; a second run goes on behind the bookmark.
func TestServer(t *testing.T) {
	for _, mode := range []simulator.SLDC{simulator.Auto, simulator.Off} {
		for _, utf8 := range []bool{false, true} {
			t.Run(fmt.Sprintf("sldc %d utf8 %v", mode, utf8), func(t *testing.T) {
				h := &handler{refuse: 3}
				f := serve(t, h)
				var acked bytes.Buffer
				f.Hosts, f.Events, f.Batch, f.SLDC, f.UTF8, f.Acked, f.AlwaysEnd = 20, 1000, 20, mode, utf8, &acked, true
				report := run(t, f)
				if !report.OK() || report.Events.Acked != 1000 || report.Batches.Retried < 3 || report.Batches.Refused < 3 || report.Status["204"] != 20 {
					t.Errorf("%+v", report)
				}
				if len(h.delivered) != 1000 || len(h.ended) != 20 || h.heartbeats != 20 || strings.Count(acked.String(), "\n") != 1000 {
					t.Errorf("%d events delivered, %d hosts ended, %d heartbeats, %d ids", len(h.delivered), len(h.ended), h.heartbeats, strings.Count(acked.String(), "\n"))
				}
				for e, n := range h.delivered {
					if n != 1 {
						t.Errorf("%s came %d times", e, n)
					}
				}
				if smaller := report.Bytes.Wire < report.Bytes.Text; smaller != (mode == simulator.Auto) {
					t.Errorf("%+v", report.Bytes)
				}
				if run(t, f); len(h.delivered) != 2000 || !bytes.Contains(h.bookmarks["sim-00001.lab.example"], []byte(`RecordId="100"`)) {
					t.Errorf("after a second run: %d events, bookmark %s", len(h.delivered), h.bookmarks["sim-00001.lab.example"])
				}
			})
		}
	}
}

// TestServerRefusesIdentity: an alert of the handshake, even when TLS 1.3 brings it late, is counted as one.
func TestServerRefusesIdentity(t *testing.T) {
	h := &handler{}
	f := serve(t, h)
	other, err := certs.New("other", 30)
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	pair, err := other.IssueClient("pc-1.lab.example", 0)
	if err != nil {
		t.Fatal(err)
	}
	certificate := pair.TLS()
	ctx, cancel := context.WithCancel(t.Context())
	f.Issuer, f.Certificate, f.Events, f.Log = nil, &certificate, 10, slog.New(slog.NewTextHandler(&log, nil))
	f.Progress = func(s simulator.Snapshot) { cancel() }
	report := runWith(t, ctx, f)
	if report.Errors["tls"]+report.Errors["lost"] != 1 || report.OK() {
		t.Errorf("%+v", report)
	}
	if !strings.Contains(log.String(), "host in trouble") || !strings.Contains(log.String(), "not checked") {
		t.Error(log.String())
	}
}

// TestOneCertificate: all hosts may share one, whose CA is found among the trusted ones.
func TestOneCertificate(t *testing.T) {
	h := &handler{}
	f := serve(t, h)
	pair, err := f.Issuer.IssueClient("gateway.lab.example", 0)
	if err != nil {
		t.Fatal(err)
	}
	certificate := pair.TLS()
	f.Issuer, f.Certificate, f.Name, f.Events = nil, &certificate, "gateway.lab.example", 10
	if report := run(t, f); !report.OK() || len(h.delivered) != 10 {
		t.Errorf("%+v", report)
	}
}

// TestAbort: a host that hangs up before it reads the Ack delivers twice, and counts nothing as Acked.
func TestAbort(t *testing.T) {
	h := &handler{}
	f := serve(t, h)
	h.subscription.RetryCount = 2
	f.Events, f.Quirks = 10, wsman.Quirks{Abort: true}
	if report := run(t, f); report.OK() || report.Heartbeats != 0 || report.Errors["heartbeat"] != 1 {
		t.Errorf("%+v", report)
	}
}
