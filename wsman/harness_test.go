package wsman_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha1"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/wefka/wefka/wsman"
)

// A subscription, and the paths of its deliveries.
const (
	subID      = "3B0C6E52-9A47-4D1F-8E35-71C2D4F9A860"
	subVersion = "0E6B7F1D-52C8-4A39-B7D4-9F3A1C5E8D27"
	notifyPath = "/wsman/subscriptions/" + subID + "/" + subVersion
	serverPath = "/wsman/SubscriptionManager/WEC"
	soapType   = "application/soap+xml;charset=UTF-16"
)

// authority is a test CA.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

var serial = func() func() *big.Int {
	var mu sync.Mutex
	n := int64(1)
	return func() *big.Int { mu.Lock(); defer mu.Unlock(); n++; return big.NewInt(n) }
}()

// newAuthority makes a CA, signed by parent unless that is nil.
func newAuthority(t testing.TB, name string, parent *authority) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	a := &authority{key: key}
	if parent == nil {
		parent = &authority{template, key}
	}
	a.cert = signed(t, template, parent, &key.PublicKey)
	return a
}

func signed(t testing.TB, template *x509.Certificate, by *authority, public any) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, public, by.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

func (a *authority) thumbprint() string { return fmt.Sprintf("%X", sha1.Sum(a.cert.Raw)) }

// issue makes a leaf; change what is wanted of the template. The chain has the leaf alone, as Windows sends it.
func (a *authority) issue(t testing.TB, change func(*x509.Certificate)) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: serial(), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	change(template)
	cert := signed(t, template, a, &key.PublicKey)
	return tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key, Leaf: cert}
}

func dnsName(names ...string) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.DNSNames = names }
}

// fake is a Handler with knobs. What is not set succeeds.
type fake struct {
	onEnumerate func(context.Context, wsman.Source, *wsman.Enumerate) ([]wsman.Subscribe, error)
	onEvents    func(context.Context, wsman.Source, *wsman.Events) error
	onHeartbeat func(context.Context, wsman.Source, *wsman.Heartbeat) error
	onEnd       func(context.Context, wsman.Source, *wsman.SubscriptionEnd) error

	mu    sync.Mutex
	calls []string // "Events PC-1: a b"
}

func (f *fake) note(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, fmt.Sprintf(format, args...))
}

func (f *fake) seen() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return strings.Join(f.calls, "\n")
}

func (f *fake) Enumerate(ctx context.Context, from wsman.Source, m *wsman.Enumerate) ([]wsman.Subscribe, error) {
	f.note("Enumerate %s %s", from.Name, m.Path)
	if f.onEnumerate != nil {
		return f.onEnumerate(ctx, from, m)
	}
	return []wsman.Subscribe{subscription()}, nil
}

func (f *fake) Events(ctx context.Context, from wsman.Source, m *wsman.Events) error {
	f.note("Events %s %s", from.Name, bytes.Join(m.Items, []byte(" ")))
	if f.onEvents != nil {
		return f.onEvents(ctx, from, m)
	}
	return nil
}

func (f *fake) Heartbeat(ctx context.Context, from wsman.Source, m *wsman.Heartbeat) error {
	f.note("Heartbeat %s %s %s", from.Name, m.Identifier, m.Revision)
	if f.onHeartbeat != nil {
		return f.onHeartbeat(ctx, from, m)
	}
	return nil
}

func (f *fake) End(ctx context.Context, from wsman.Source, m *wsman.SubscriptionEnd) error {
	f.note("End %s %s %s %s", from.Name, m.Status, m.Code, m.Message)
	if f.onEnd != nil {
		return f.onEnd(ctx, from, m)
	}
	return nil
}

func subscription() wsman.Subscribe {
	return wsman.Subscribe{
		ID: subID, Version: subVersion, Name: "security", Compression: true, IgnoreChannelError: true,
		Query:      `<QueryList><Query Id="0"><Select Path="Security">*[System[(EventID=4624 or EventID &lt; 10)]]</Select></Query></QueryList>`,
		Heartbeats: time.Hour, MaxTime: 30 * time.Second, MaxEnvelopeSize: 512000, RetryCount: 5, RetryInterval: time.Minute,
	}
}

// collector is a Server at work on loopback.
type collector struct {
	t       testing.TB
	server  *wsman.Server
	handler *fake
	ca      *authority
	addr    string
	client  tls.Certificate // pc-1.corp.example
	log     *logBuffer
	done    chan error
}

type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}
func (b *logBuffer) String() string { b.mu.Lock(); defer b.mu.Unlock(); return b.buf.String() }

// start runs a server over TLS, changed as wanted, until the test ends.
func start(t testing.TB, change ...func(*wsman.Server)) *collector {
	t.Helper()
	c := &collector{t: t, handler: &fake{}, ca: newAuthority(t, "Issuing CA", nil), log: &logBuffer{}, done: make(chan error, 1)}
	c.client = c.ca.issue(t, dnsName("PC-1.corp.example"))
	own := c.ca.issue(t, func(x *x509.Certificate) {
		x.DNSNames, x.ExtKeyUsage = []string{"wec01.corp.example"}, []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	})
	pool := x509.NewCertPool()
	pool.AddCert(c.ca.cert)
	c.server = &wsman.Server{
		Name: "tls", Handler: c.handler, Auth: wsman.Certificates{}, Log: slog.New(slog.NewTextHandler(c.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		TLS: &tls.Config{Certificates: []tls.Certificate{own}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool, MinVersion: tls.VersionTLS12},
	}
	for _, f := range change {
		f(c.server)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c.addr = ln.Addr().String()
	wsman.Poison(c.server)
	go func() { c.done <- c.server.Serve(ln) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := c.server.Shutdown(ctx); err != nil {
			t.Errorf("shutdown: %v", err)
		}
		if err := <-c.done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	return c
}

func limits(l wsman.Limits) func(*wsman.Server) { return func(s *wsman.Server) { s.Limits = l } }

// peer is a source's end of a connection.
type peer struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

func (c *collector) config() *tls.Config {
	pool := x509.NewCertPool()
	pool.AddCert(c.ca.cert)
	return &tls.Config{RootCAs: pool, ServerName: "wec01.corp.example", Certificates: []tls.Certificate{c.client}}
}

func (c *collector) dial() *peer { return c.dialWith(c.config()) }

func (c *collector) dialWith(config *tls.Config) *peer {
	c.t.Helper()
	conn, err := tls.Dial("tcp", c.addr, config)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	return newPeer(c.t, conn)
}

func newPeer(t testing.TB, conn net.Conn) *peer { return &peer{t, conn, bufio.NewReader(conn)} }

// post is the text of a request as Windows writes it.
func post(path, extra string, body []byte) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nConnection: Keep-Alive\r\nContent-Type: %s\r\n%sUser-Agent: Microsoft WinRM Client\r\nContent-Length: %d\r\nHost: wec01.corp.example:5986\r\n\r\n%s",
		path, soapType, extra, len(body), body)
}

func (p *peer) write(raw string) {
	p.t.Helper()
	if _, err := io.WriteString(p.conn, raw); err != nil {
		p.t.Fatalf("write: %v", err)
	}
}

// answer is what came back.
type answer struct {
	status  int
	head    string // all header lines but Date, joined by |
	body    []byte
	text    string // body from UTF-16
	hasMark bool
}

// read reads one answer. Its framing is checked: a Content-Length always, but for 204.
func (p *peer) read() answer {
	p.t.Helper()
	a, err := p.tryRead()
	if err != nil {
		p.t.Fatalf("read answer: %v", err)
	}
	return a
}

func (p *peer) tryRead() (answer, error) {
	var a answer
	length := -1
	var lines []string
	for first := true; ; first = false {
		line, err := p.r.ReadString('\n')
		if err != nil {
			return a, err
		}
		line = strings.TrimRight(line, "\r\n")
		if line == "" {
			break
		}
		if first {
			if a.status, err = strconv.Atoi(strings.Fields(line)[1]); err != nil {
				return a, err
			}
			continue
		}
		name, value, _ := strings.Cut(line, ": ")
		switch name {
		case "Date":
			continue
		case "Content-Length":
			length, _ = strconv.Atoi(value)
		case "Content-Encoding", "Transfer-Encoding":
			return a, fmt.Errorf("answer with %s", line)
		}
		lines = append(lines, line)
	}
	a.head = strings.Join(lines, "|")
	if length < 0 && a.status != http.StatusNoContent {
		return a, fmt.Errorf("%d without Content-Length: %s", a.status, a.head)
	}
	a.body = make([]byte, max(length, 0))
	if _, err := io.ReadFull(p.r, a.body); err != nil {
		return a, err
	}
	a.text, a.hasMark = fromUTF16(a.body)
	return a, nil
}

// post sends a message and reads the answer.
func (p *peer) post(path, text string) answer {
	p.t.Helper()
	p.write(post(path, "", toUTF16(text)))
	return p.read()
}

// closed says whether the server closes the connection now.
func (p *peer) closed() bool {
	p.t.Helper()
	_, err := p.r.ReadByte()
	if err == nil {
		p.t.Fatal("more bytes than one answer")
	}
	var timeout net.Error
	return !errors.As(err, &timeout) || !timeout.Timeout()
}

func toUTF16(text string) []byte {
	out := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(text)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return out
}

func fromUTF16(b []byte) (string, bool) {
	mark := bytes.HasPrefix(b, []byte{0xff, 0xfe})
	var units []uint16
	for i := 0; i+1 < len(b); i += 2 {
		units = append(units, uint16(b[i])|uint16(b[i+1])<<8)
	}
	return strings.TrimPrefix(string(utf16.Decode(units)), "\ufeff"), mark
}

// message reads testdata/messages/NAME.xml, pretty-printed, and takes the line breaks and indentation out: as on the wire.
func message(t testing.TB, name string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "messages", name+".xml"))
	if err != nil {
		t.Fatal(err)
	}
	return wireForm(string(b))
}

// wireForm takes the line breaks and the indentation out.
func wireForm(pretty string) string { return between.ReplaceAllString(strings.TrimSpace(pretty), "><") }

var between = regexp.MustCompile(`>\s*\n\s*<`)

// eventsMessage is a delivery of these event texts.
func eventsMessage(t testing.TB, items ...string) string {
	t.Helper()
	var b strings.Builder
	for _, i := range items {
		b.WriteString(`<w:Event Action="http://schemas.dmtf.org/wbem/wsman/1/wsman/Event"><![CDATA[` + i + `]]></w:Event>`)
	}
	return strings.Replace(message(t, "events"), "EVENTS", b.String(), 1)
}

// metric is the value of a counter or gauge with these labels, 0 when there is none.
func (c *collector) metric(name string, labels ...string) float64 {
	c.t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c.server.Metrics()...)
	registry.MustRegister(wsman.BudgetOf(c.server).Metrics()...)
	families, err := registry.Gather()
	if err != nil {
		c.t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	metrics:
		for _, m := range f.GetMetric() {
			for i := 0; i < len(labels); i += 2 {
				found := false
				for _, l := range m.GetLabel() {
					found = found || l.GetName() == labels[i] && l.GetValue() == labels[i+1]
				}
				if !found {
					continue metrics
				}
			}
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return 0
}

// eventually waits for what another goroutine does after the answer is written.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	late := time.After(10 * time.Second)
	for !ok() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("never: %s", what)
		}
	}
}
