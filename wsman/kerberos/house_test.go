package kerberos_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/jcmturner/gokrb5/v8/keytab"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/kerberos"
)

const (
	notifyPath    = "/wsman/subscriptions/3B0C6E52-9A47-4D1F-8E35-71C2D4F9A860/0E6B7F1D-52C8-4A39-B7D4-9F3A1C5E8D27"
	negotiateType = `multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";boundary="Encrypted Boundary"`
)

// collector is a server with an acceptor at work on loopback.
type collector struct {
	t        testing.TB
	tab      *keytab.Keytab
	acceptor *kerberos.Acceptor
	server   *wsman.Server
	handler  *handler
	log      *journal
	addr     string
}

// collect runs a collector until the test ends. Its keytab is tab; nil: newKeytab's default.
func collect(t testing.TB, tab *keytab.Keytab, change ...func(*kerberos.Acceptor)) *collector {
	t.Helper()
	if tab == nil {
		tab = newKeytab(t)
	}
	c := &collector{t: t, tab: tab, handler: &handler{}, log: &journal{}}
	log := slog.New(slog.NewTextHandler(c.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	c.acceptor = &kerberos.Acceptor{Keytab: save(t, tab), Listener: "kerberos", Log: log}
	for _, f := range change {
		f(c.acceptor)
	}
	if err := c.acceptor.Load(); err != nil {
		t.Fatal(err)
	}
	c.server = &wsman.Server{Name: "kerberos", Handler: c.handler, Auth: c.acceptor, Log: log, Limits: wsman.Limits{AuthFailuresPerSecond: 10000}}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.addr = ln.Addr().String()
	done := make(chan error, 1)
	go func() { done <- c.server.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := c.server.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return c
}

// metric is the value of a counter or gauge with these labels, 0 when there is none.
func (c *collector) metric(name string, labels ...string) float64 {
	c.t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c.server.Metrics()...)
	registry.MustRegister(c.acceptor.Metrics()...)
	families, err := registry.Gather()
	if err != nil {
		c.t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	metrics:
		for _, m := range f.GetMetric() {
			have := map[string]string{}
			for _, l := range m.GetLabel() {
				have[l.GetName()] = l.GetValue()
			}
			for i := 0; i < len(labels); i += 2 {
				if have[labels[i]] != labels[i+1] {
					continue metrics
				}
			}
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

// journal is a log to be read.
type journal struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.buf.Write(p)
}
func (j *journal) String() string { j.mu.Lock(); defer j.mu.Unlock(); return j.buf.String() }

// handler believes everything and remembers who came.
type handler struct {
	mu   sync.Mutex
	from []wsman.Source
}

func (h *handler) note(from wsman.Source) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.from = append(h.from, from)
	return nil
}

func (h *handler) last() wsman.Source {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.from) == 0 {
		return wsman.Source{}
	}
	return h.from[len(h.from)-1]
}

func (h *handler) Enumerate(_ context.Context, from wsman.Source, _ *wsman.Enumerate) ([]wsman.Subscribe, error) {
	return nil, h.note(from)
}
func (h *handler) Events(_ context.Context, from wsman.Source, _ *wsman.Events) error {
	return h.note(from)
}
func (h *handler) Heartbeat(_ context.Context, from wsman.Source, _ *wsman.Heartbeat) error {
	return h.note(from)
}
func (h *handler) End(_ context.Context, from wsman.Source, _ *wsman.SubscriptionEnd) error {
	return h.note(from)
}

// machine is a source's end of one connection.
type machine struct {
	t       testing.TB
	c       *collector
	conn    net.Conn
	r       *bufio.Reader
	context *kerberos.Context // once proven
}

func (c *collector) dial() *machine {
	c.t.Helper()
	conn, err := net.Dial("tcp", c.addr)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return &machine{t: c.t, c: c, conn: conn, r: bufio.NewReader(conn)}
}

// answer is what came back.
type answer struct {
	status      int
	offers      []string // WWW-Authenticate, line by line
	close       bool
	contentType string
	body        []byte
}

// short is the answer without tokens: "401 Negotiate Kerberos close".
func (a answer) String() string {
	s := fmt.Sprint(a.status)
	for _, o := range a.offers {
		word, token, _ := strings.Cut(o, " ")
		s += " " + word
		if token != "" {
			s += "+"
		}
	}
	if a.close {
		s += " close"
	}
	return s
}

// token is the token behind a scheme.
func (a answer) token(t testing.TB, scheme string) []byte {
	t.Helper()
	for _, o := range a.offers {
		if text, ok := strings.CutPrefix(o, scheme+" "); ok {
			b, err := base64.StdEncoding.DecodeString(text)
			if err != nil {
				t.Fatal(err)
			}
			return b
		}
	}
	t.Fatalf("no token for %s in %q", scheme, a.offers)
	return nil
}

// post sends a request as Windows writes it, and reads the answer.
func (m *machine) post(authorization, contentType, more string, body []byte) answer {
	m.t.Helper()
	if authorization != "" {
		more += "Authorization: " + authorization + "\r\n"
	}
	if _, err := fmt.Fprintf(m.conn, "POST %s HTTP/1.1\r\nConnection: Keep-Alive\r\nContent-Type: %s\r\n%sUser-Agent: Microsoft WinRM Client\r\nContent-Length: %d\r\nHost: wec.example.test:5985\r\n\r\n%s",
		notifyPath, contentType, more, len(body), body); err != nil {
		m.t.Fatal(err)
	}
	r, err := http.ReadResponse(m.r, nil)
	if err != nil {
		m.t.Fatalf("read answer: %v", err)
	}
	defer r.Body.Close()
	a := answer{status: r.StatusCode, offers: r.Header["Www-Authenticate"], close: r.Close, contentType: r.Header.Get("Content-Type")}
	if a.body, err = io.ReadAll(r.Body); err != nil {
		m.t.Fatal(err)
	}
	if a.close {
		if _, err := m.r.ReadByte(); err != io.EOF {
			m.t.Errorf("after Connection: close: %v", err)
		}
	}
	return a
}

func (m *machine) try(scheme string, token []byte) answer {
	m.t.Helper()
	return m.post(scheme+" "+base64.StdEncoding.EncodeToString(token), soap16, "", nil)
}

// prove establishes a context with the scheme Kerberos.
func (m *machine) prove(change ...func(*wishes)) *machine {
	m.t.Helper()
	request := mint(m.t, m.c.tab, change...)
	a := m.try("Kerberos", request.token)
	if a.String() != "200 Kerberos+" || len(a.body) != 0 {
		m.t.Fatalf("%s %q\n%s", a, a.body, m.c.log)
	}
	m.context = request.context(m.t, request.answered(m.t, a.token(m.t, "Kerberos")), wsman.Kerberos)
	return m
}

// send seals a message, sends it and opens the answer.
func (m *machine) send(message []byte, more string) answer {
	m.t.Helper()
	contentType, body, err := m.context.Seal(soap16, message)
	if err != nil {
		m.t.Fatal(err)
	}
	a := m.post("", contentType, more, body)
	if a.status == 200 {
		if a.body, err = m.context.Open(a.contentType, a.body); err != nil {
			m.t.Fatal(err)
		}
	}
	return a
}

// works says whether a sealed heartbeat is Acked under this name.
func (m *machine) works(name string) {
	m.t.Helper()
	a := m.send(message(m.t, "heartbeat"), "")
	if a.status != 200 || !strings.Contains(fromUTF16(a.body), "/wsman/Ack<") || !bytes.HasPrefix(a.body, []byte{0xff, 0xfe}) {
		m.t.Fatalf("%s %q\n%s", a, a.body, m.c.log)
	}
	if got := m.c.handler.last().Name; got != name {
		m.t.Fatalf("source %q, want %q", got, name)
	}
}

var between = regexp.MustCompile(`>\s*\n\s*<`)

// message is one of wsman's, as on the wire.
func message(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "testdata", "messages", name+".xml"))
	if err != nil {
		t.Fatal(err)
	}
	out := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(between.ReplaceAllString(strings.TrimSpace(string(b)), "><"))) {
		out = append(out, byte(u), byte(u>>8))
	}
	return out
}

func fromUTF16(b []byte) string {
	var units []uint16
	for i := 0; i+1 < len(b); i += 2 {
		units = append(units, uint16(b[i])|uint16(b[i+1])<<8)
	}
	return string(utf16.Decode(units))
}

// responder is an http.ResponseWriter that keeps the header.
type responder http.Header

func (r responder) Header() http.Header       { return http.Header(r) }
func (r responder) Write([]byte) (int, error) { panic("an Authenticator writes no body") }
func (r responder) WriteHeader(int)           { panic("an Authenticator writes no status") }

// judge asks an acceptor without a server.
func judge(a wsman.Authenticator, authorization string) (wsman.Session, responder, error) {
	r := &http.Request{Header: http.Header{}, RemoteAddr: "192.0.2.7:50000"}
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := responder{}
	s, err := a.Authenticate(w, r)
	return s, w, err
}

func judgeToken(a wsman.Authenticator, scheme string, token []byte) (wsman.Session, responder, error) {
	return judge(a, scheme+" "+base64.StdEncoding.EncodeToString(token))
}
