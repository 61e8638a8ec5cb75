package wsman_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/sldc"
)

// pipes is a listener without a network.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
}

func newPipes() *pipes { return &pipes{make(chan net.Conn), make(chan struct{})} }

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.done); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }

func (p *pipes) dial() net.Conn {
	near, far := net.Pipe()
	p.conns <- far
	return near
}

// open lets anybody in, and seals nothing.
type open struct{}

func (open) Authenticate(http.ResponseWriter, *http.Request) (wsman.Session, error) {
	return open{}, nil
}
func (open) Source() wsman.Source                       { return wsman.Source{Name: "anybody", Method: wsman.TLS} }
func (open) Open(_ string, body []byte) ([]byte, error) { return body, nil }
func (open) Seal(message []byte) (string, []byte, error) {
	return soapType, message, nil
}

// FuzzEnvelope walks a body with any type and coding, on any path, through the whole server: it answers, with a status of the protocol
// and with nothing else, and the same connection serves an honest request afterwards unless it was closed aloud.
func FuzzEnvelope(f *testing.F) {
	files, err := filepath.Glob("testdata/messages/*.xml")
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		text := string(b)
		f.Add(notifyPath, "application/soap+xml", "", []byte(text))
		f.Add(serverPath, soapType, "", toUTF16(text))
		f.Add(notifyPath, soapType, "SLDC", sldc.Compress(nil, toUTF16(text)))
	}
	f.Add("/", "multipart/encrypted", "gzip", []byte("x"))
	ln := newPipes()
	server := &wsman.Server{Name: "fuzz", Handler: quietHandler{}, Auth: open{}, Limits: wsman.Limits{Body: 1 << 16, Inflated: 1 << 18, AckTimeout: 5 * time.Second}}
	wsman.Poison(server)
	go func() { _ = server.Serve(ln) }()
	f.Cleanup(func() { _ = server.Shutdown(context.Background()) })
	honest := toUTF16(message(f, "heartbeat"))
	f.Fuzz(func(t *testing.T, path, kind, coding string, body []byte) {
		if strings.ContainsFunc(path+kind+coding, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '%' }) || !strings.HasPrefix(path, "/") || len(body) == 0 {
			t.Skip("no request that could be sent")
		}
		conn := ln.dial()
		defer conn.Close()
		_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
		r := bufio.NewReader(conn)
		ask := func(request string, body []byte) *http.Response {
			go func() { _, _ = io.WriteString(conn, request); _, _ = conn.Write(body) }()
			a, err := http.ReadResponse(r, nil)
			if err != nil {
				t.Fatalf("no answer: %v", err)
			}
			if _, err := io.ReadAll(a.Body); err != nil {
				t.Fatalf("half an answer: %v", err)
			}
			return a
		}
		a := ask(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n", path, kind, coding, len(body)), body)
		switch a.StatusCode {
		case 200, 204, 400, 404, 413, 415, 503:
		case 500:
			if a.ContentLength == 0 {
				t.Error("500 without a fault")
			}
		default:
			t.Errorf("status %d", a.StatusCode)
		}
		if !a.Close {
			if a := ask(fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n", notifyPath, soapType, len(honest)), honest); a.StatusCode != 200 {
				t.Errorf("the honest request after it: %d", a.StatusCode)
			}
		}
		if n := wsman.Panics(server); n != 0 {
			t.Errorf("%v panics", n)
		}
	})
}

// quietHandler touches all that it gets, and fails now and then.
type quietHandler struct{}

func (quietHandler) Enumerate(context.Context, wsman.Source, *wsman.Enumerate) ([]wsman.Subscribe, error) {
	return []wsman.Subscribe{subscription()}, nil
}

func (quietHandler) Events(_ context.Context, _ wsman.Source, m *wsman.Events) error {
	n := len(m.Bookmark)
	for _, i := range append(m.Items, m.Notices...) {
		n += strings.Count(string(i), "x")
	}
	if n > 1000 {
		return errors.New("too many")
	}
	return nil
}

func (quietHandler) Heartbeat(context.Context, wsman.Source, *wsman.Heartbeat) error { return nil }

func (quietHandler) End(_ context.Context, _ wsman.Source, m *wsman.SubscriptionEnd) error {
	if strings.Contains(m.Status, "refuse") {
		return &wsman.Fault{Status: 500, Subcode: "w:DeliveryRefused", Text: m.Message}
	}
	return nil
}
