package simulator_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/wefka/wefka/certs"
	"github.com/wefka/wefka/internal/kdctest"
	"github.com/wefka/wefka/simulator"
	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/kerberos"
)

const (
	realm   = "EXAMPLE.TEST"
	service = "HTTP/wec.example.test"
)

// domain is a KDC with hosts, one user and the collector's service, and a collector on plain HTTP.
type domain struct {
	kdc     *kdctest.KDC
	handler *members
	keytab  string // of the hosts and the user
	server  string // of the collector
	url     string
	log     *syncLog
}

// members is a handler that remembers who delivered how much.
type members struct {
	mu     sync.Mutex
	events map[string]int
	ids    []string // wef.id of what was delivered
	refuse int
}

func (h *members) Enumerate(context.Context, wsman.Source, *wsman.Enumerate) ([]wsman.Subscribe, error) {
	return []wsman.Subscribe{{ID: guidA, Version: version1, Name: "test", Query: sysmonOnly, Compression: true, Earliest: true, ReadExistingEvents: true,
		Heartbeats: time.Hour, MaxTime: time.Second, MaxEnvelopeSize: 512000, RetryCount: 5, RetryInterval: time.Minute}}, nil
}

func (h *members) Events(_ context.Context, from wsman.Source, m *wsman.Events) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.refuse > 0 {
		h.refuse--
		return context.DeadlineExceeded
	}
	name, domain, _ := strings.Cut(strings.ToLower(from.Name), "$@")
	for _, e := range m.Items {
		text, computer := string(e), name+"."+domain
		if !strings.Contains(text, "<Computer>"+computer+"</Computer>") {
			return &wsman.Fault{Status: 400, Reason: "malformed"}
		}
		sum := sha256.Sum256([]byte(strings.Join([]string{strings.ToLower(from.Name), computer, "Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon",
			find(reRecord, text), find(reCreated, text)}, "\x00")))
		h.ids = append(h.ids, hex.EncodeToString(sum[:16]))
	}
	h.events[from.Name] += len(m.Items)
	return nil
}

func (h *members) Heartbeat(context.Context, wsman.Source, *wsman.Heartbeat) error { return nil }

func (h *members) End(context.Context, wsman.Source, *wsman.SubscriptionEnd) error { return nil }

type syncLog struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *syncLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *syncLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func newDomain(t *testing.T) *domain {
	t.Helper()
	k := kdctest.MIT(t, kdctest.Realm{Name: realm, Principals: []kdctest.Principal{{Name: "PC-1$"}, {Name: "PC-2$"}, {Name: "PC-3$"}, {Name: "alice"}, {Name: service}}})
	d := &domain{kdc: k, handler: &members{events: map[string]int{}}, keytab: k.Keytab(realm, "alice", "PC-1$", "PC-2$", "PC-3$"), server: k.Keytab(realm, service), log: &syncLog{}}
	a := &kerberos.Acceptor{Keytab: d.server, Listener: "kerberos"}
	if err := a.Load(); err != nil {
		t.Fatal(err)
	}
	s := &wsman.Server{Name: "kerberos", Handler: d.handler, Auth: a, Log: slog.New(slog.NewTextHandler(d.log, nil)), Limits: wsman.Limits{AuthFailuresPerSecond: 1000}}
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
	d.url = "http://" + ln.Addr().String() + wsman.EnumeratePath
	return d
}

func (d *domain) fleet() *simulator.Fleet {
	return &simulator.Fleet{URL: d.url, Keytab: d.keytab, Krb5Conf: d.kdc.Krb5Conf(), SPN: service, Events: 90, Batch: 10, RetryInterval: 10 * time.Millisecond, Refresh: time.Millisecond}
}

// TestMembers: the computer accounts of a keytab deliver, named after their principals; wef.id is over their proven names.
func TestMembers(t *testing.T) {
	d := newDomain(t)
	d.handler.refuse = 3
	var acked bytes.Buffer
	f := d.fleet()
	f.Acked, f.AlwaysEnd = &acked, true
	report := run(t, f)
	if !report.OK() || report.Hosts != 3 || report.Events.Acked != 90 || report.Batches.Retried < 3 || report.Status["204"] < 3 {
		t.Errorf("%+v", report)
	}
	if got := d.handler.events; got["PC-1$@"+realm] != 30 || got["PC-2$@"+realm] != 30 || got["PC-3$@"+realm] != 30 || len(got) != 3 {
		t.Errorf("events of %v", got)
	}
	ids := strings.Fields(acked.String())
	slices.Sort(ids)
	slices.Sort(d.handler.ids)
	if !slices.Equal(ids, d.handler.ids) || len(slices.Compact(ids)) != 90 {
		t.Errorf("%d ids written down, %d delivered", len(ids), len(d.handler.ids))
	}
	f = d.fleet()
	f.Hosts, f.Negotiate, f.Refresh = 2, true, time.Minute
	if report := run(t, f); !report.OK() || report.Hosts != 2 {
		t.Errorf("%+v", report)
	}
}

// TestMembersRefused: those who get no ticket, or whose ticket proves nothing, say so in the report and deliver nothing.
func TestMembersRefused(t *testing.T) {
	d := newDomain(t)
	for name, row := range map[string]struct {
		change func(*simulator.Fleet)
		reason string
	}{
		"no such service": {func(f *simulator.Fleet) { f.SPN = "HTTP/nobody.example.test" }, "ticket"},
		"by address":      {func(f *simulator.Fleet) { f.SPN = "" }, "ticket"}, // HTTP/127.0.0.1
		"clock":           {func(f *simulator.Fleet) { f.KerberosQuirks.Skew = time.Hour }, "auth"},
		"ntlm":            {func(f *simulator.Fleet) { f.NTLM = simulator.RawNTLM }, "auth"},
		"ntlm in spnego":  {func(f *simulator.Fleet) { f.NTLM = simulator.WrappedNTLM }, "auth"},
	} {
		t.Run(name, func(t *testing.T) {
			f := d.fleet()
			f.Hosts = 1
			row.change(f)
			if report := run(t, f); report.OK() || report.Enumerations != 0 || report.Errors[row.reason] == 0 || len(report.Errors) != 1 {
				t.Errorf("%+v", report)
			}
		})
	}
	for _, words := range []string{"reason=skew", "reason=ntlm"} {
		if !strings.Contains(d.log.String(), words) {
			t.Errorf("%s is not in the collector's log:\n%s", words, d.log)
		}
	}
	if len(d.handler.events) != 0 {
		t.Errorf("events of %v", d.handler.events)
	}
}

// TestMembersChecked: what is wrong with the settings of a fleet is said before anybody is asked for anything.
func TestMembersChecked(t *testing.T) {
	authority, err := certs.New("test", 30)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	conf, empty, computer := filepath.Join(dir, "krb5.conf"), filepath.Join(dir, "users.keytab"), filepath.Join(dir, "hosts.keytab")
	write := func(name string, text []byte) {
		if err := os.WriteFile(name, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(conf, []byte("[libdefaults]\n  default_realm = EXAMPLE.TEST\n"))
	write(empty, keytabOf("alice"))
	write(computer, keytabOf("PC-1$"))
	for name, row := range map[string]struct {
		f    simulator.Fleet
		want string
	}{
		"no keytab there":     {simulator.Fleet{Keytab: filepath.Join(dir, "none"), Krb5Conf: conf}, "read keytab"},
		"no krb5.conf":        {simulator.Fleet{Keytab: computer, Krb5Conf: filepath.Join(dir, "none")}, "no such file"},
		"users alone":         {simulator.Fleet{Keytab: empty, Krb5Conf: conf}, "no computer account"},
		"more hosts":          {simulator.Fleet{Keytab: computer, Krb5Conf: conf, Hosts: 2}, "holds 1 computer accounts"},
		"certificates too":    {simulator.Fleet{Keytab: computer, Krb5Conf: conf, Issuer: authority}, "not both"},
		"https":               {simulator.Fleet{Keytab: computer, Krb5Conf: conf, URL: "https://localhost:5986/wsman"}, "only http"},
		"http with no keytab": {simulator.Fleet{Issuer: authority, URL: "http://localhost:5985/wsman"}, "only https"},
		"neither":             {simulator.Fleet{URL: "http://localhost:5985/wsman"}, "or a keytab"},
	} {
		t.Run(name, func(t *testing.T) {
			if row.f.URL == "" {
				row.f.URL = "http://localhost:5985/wsman"
			}
			if _, err := row.f.Run(t.Context()); err == nil || !strings.Contains(err.Error(), row.want) {
				t.Errorf("%v; want %s", err, row.want)
			}
		})
	}
}

// keytabOf is a keytab (version 2) with one key of 16 zeros.
func keytabOf(name string) []byte {
	body := "\x00\x01\x00\x0cEXAMPLE.TEST\x00" + string(rune(len(name))) + name + "\x00\x00\x00\x01" + "\x00\x00\x00\x00" + "\x01" + "\x00\x11" + "\x00\x10" + strings.Repeat("\x00", 16)
	return []byte("\x05\x02\x00\x00\x00" + string(rune(len(body))) + body)
}
