package wsman_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/sldc"
)

// TestStatus is the table of answers that need no message, or a broken one: requirements 1, 8, 9, 10, 14 and the HTTP rows around them.
func TestStatus(t *testing.T) {
	c := start(t)
	heartbeat, enumerate := toUTF16(message(t, "heartbeat")), toUTF16(message(t, "enumerate"))
	const sldcHeader, keep = "Content-Encoding: SLDC\r\n", "Content-Length: 0"
	for _, x := range []struct {
		name, raw string
		status    int
		head      string
		closed    bool
	}{
		{"req 1: GET", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", 405, "Allow: POST|" + keep, false},
		{"req 1: OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", 405, "Allow: POST|" + keep, false},
		{"req 1: PUT with body", "PUT / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", 405, "Allow: POST|" + keep, false},
		{"no Content-Length", "POST / HTTP/1.1\r\nHost: x\r\n\r\n", 411, "Connection: close|" + keep, true},
		{"chunked", "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 411, "Connection: close|" + keep, true},
		{"req 8: empty POST", post(serverPath, "", nil), 200, keep, false},
		{"req 8: empty POST, Authorization ignored", post(notifyPath, "Authorization: http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual\r\n", nil), 200, keep, false},
		{"req 9: empty POST labelled SLDC", post(notifyPath, sldcHeader, nil), 200, keep, false},
		{"req 10: unknown coding", post(notifyPath, "Content-Encoding: gzip\r\n", heartbeat), 415, keep, false},
		{"req 10: unknown media type", strings.Replace(post(notifyPath, "", heartbeat), soapType, "text/html", 1), 415, keep, false},
		{"req 10: sealed body over TLS", strings.Replace(post(notifyPath, "", heartbeat), soapType,
			`multipart/encrypted;protocol="application/HTTP-Kerberos-session-encrypted";boundary="Encrypted Boundary"`, 1), 415, "Connection: close|" + keep, true},
		{"req 10: unknown charset", strings.Replace(post(notifyPath, "", []byte("<x/>")), "UTF-16", "EBCDIC", 1), 415, keep, false},
		{"broken SLDC", post(notifyPath, sldcHeader, []byte{0xff, 0xa8, 1, 2, 3, 4, 5}), 400, keep, false},
		{"neither SLDC nor text", post(notifyPath, sldcHeader, []byte{1, 2, 3, 4}), 400, keep, false},
		{"no XML", post(notifyPath, "", toUTF16("hello")), 400, keep, false},
		{"no SOAP", post(notifyPath, "", toUTF16("<x/>")), 400, keep, false},
		{"no action", post(notifyPath, "", toUTF16(strings.ReplaceAll(message(t, "heartbeat"), "a:Action", "a:Other"))), 400, keep, false},
		{"no message ID", post(notifyPath, "", toUTF16(strings.ReplaceAll(message(t, "heartbeat"), "a:MessageID", "a:Other"))), 400, keep, false},
		{"unknown action", post(notifyPath, "", toUTF16(strings.ReplaceAll(message(t, "heartbeat"), "wsman/Heartbeat", "wsman/Other"))), 400, keep, false},
		{"Pull", post(serverPath, "", toUTF16(strings.ReplaceAll(message(t, "enumerate"), "enumeration/Enumerate<", "enumeration/Pull<"))), 400, keep, false},
		{"Release", post(serverPath, "", toUTF16(strings.ReplaceAll(message(t, "enumerate"), "enumeration/Enumerate<", "enumeration/Release<"))), 400, keep, false},
		{"req 14: Enumerate on a delivery path", post(notifyPath, "", enumerate), 404, keep, false},
		{"req 14: Heartbeat on the server path", post(serverPath, "", heartbeat), 404, keep, false},
		{"req 14: Heartbeat on another subscription's path", post(strings.Replace(notifyPath, "3B0C", "3B0D", 1), "", heartbeat), 404, keep, false},
		{"req 14: Events on the server path", post(serverPath, "", toUTF16(message(t, "events"))), 404, keep, false},
		{"req 14: SubscriptionEnd on the server path", post(serverPath, "", toUTF16(message(t, "subscription_end"))), 404, keep, false},
	} {
		t.Run(x.name, func(t *testing.T) {
			p := c.dial()
			p.write(x.raw)
			a := p.read()
			if a.status != x.status || a.head != x.head {
				t.Errorf("%d %s\nwant %d %s", a.status, a.head, x.status, x.head)
			}
			if len(a.body) > 0 {
				t.Errorf("a body: %q", a.body)
			}
			if x.closed {
				if !p.closed() {
					t.Error("the connection is still open")
				}
				return
			}
			if got := p.post(notifyPath, message(t, "heartbeat")); got.status != 200 { // requirement 2: it persists
				t.Errorf("next request on the connection: %d", got.status)
			}
		})
	}
	if strings.Contains(c.handler.seen(), "Events") || strings.Contains(c.handler.seen(), "Enumerate") {
		t.Error(c.handler.seen())
	}
}

// TestHTTP2IsNotOffered is requirement 2.
func TestHTTP2IsNotOffered(t *testing.T) {
	c := start(t, func(s *wsman.Server) { s.TLS.NextProtos = []string{"h2", "http/1.1"} })
	config := c.config()
	config.NextProtos = []string{"h2", "http/1.1"}
	p := c.dialWith(config)
	if got := p.conn.(*tls.Conn).ConnectionState().NegotiatedProtocol; got != "http/1.1" {
		t.Errorf("negotiated %q", got)
	}
	if a := p.post(notifyPath, message(t, "heartbeat")); a.status != 200 {
		t.Error(a.status)
	}
}

// TestEncodings is requirements 4 to 7, 9 and 50: whatever the encoding and the coding, one Ack in UTF-16LE with a mark.
func TestEncodings(t *testing.T) {
	text := eventsMessage(t, "<Event>é €</Event>")
	le := toUTF16(text)
	be := append([]byte(nil), le...)
	for i := 0; i < len(be); i += 2 {
		be[i], be[i+1] = be[i+1], be[i]
	}
	for _, x := range []struct {
		name, charset, extra string
		body                 []byte
		want                 string
	}{
		{"UTF-16LE with mark", "UTF-16", "", le, ""},
		{"UTF-16LE without mark", "UTF-16", "", le[2:], ""},
		{"UTF-16LE, no charset", "", "", le[2:], ""},
		{"UTF-16BE with mark", "UTF-16", "", be, ""},
		{"UTF-8", "UTF-8", "", []byte(text), ""},
		{"UTF-8 with mark", "utf-8", "", append([]byte{0xef, 0xbb, 0xbf}, text...), ""},
		{"UTF-8, no charset", "", "", []byte(text), ""},
		{"charset in quotes", `"utf-16"`, "", le, ""},
		{"SLDC", "UTF-16", "Content-Encoding: SLDC\r\n", sldc.Compress(nil, le), ""},
		{"SLDC in lower case", "UTF-16", "content-encoding: sldc\r\n", sldc.Compress(nil, le), ""},
		{"SLDC without trailer", "UTF-16", "Content-Encoding: SLDC\r\n", sldc.Compress(nil, le)[:len(sldc.Compress(nil, le))-4], ""},
		{"labelled SLDC, plain UTF-16", "UTF-16", "Content-Encoding: SLDC\r\n", le, ""},
		{"labelled SLDC, plain UTF-8", "UTF-8", "Content-Encoding: SLDC\r\n", []byte(text), ""},
		{"unpaired surrogate", "UTF-16", "", bytes.Replace(le, []byte{0xac, 0x20}, []byte{0x00, 0xd8}, 1), "<Event>é \uFFFD</Event>"},
	} {
		t.Run(x.name, func(t *testing.T) {
			var bad int
			c := start(t)
			c.handler.onEvents = func(_ context.Context, _ wsman.Source, m *wsman.Events) error { bad = m.BadUTF16; return nil }
			kind := "application/soap+xml"
			if x.charset != "" {
				kind += "; Charset = " + x.charset
			}
			p := c.dial()
			p.write(strings.Replace(post(notifyPath, x.extra, x.body), soapType, kind, 1))
			a := p.read()
			if a.status != 200 || !strings.HasPrefix(a.head, "Content-Length: ") || !strings.HasSuffix(a.head, "|Content-Type: "+soapType) {
				t.Errorf("%d %s", a.status, a.head)
			}
			if !a.hasMark || !strings.Contains(a.text, "/wsman/Ack<") {
				t.Errorf("not an Ack in UTF-16LE with a mark: %q", a.body)
			}
			want := x.want
			if want == "" {
				want = "<Event>é €</Event>"
			}
			if got := c.handler.seen(); got != "Events pc-1.corp.example "+want {
				t.Error(got)
			}
			if (bad > 0) != (x.want != "") {
				t.Errorf("BadUTF16 = %d", bad)
			}
		})
	}
}

// TestLater is requirements 12 and 62: every error that is no Fault is 503, says nothing, and stays in the log.
func TestLater(t *testing.T) {
	c := start(t, limits(wsman.Limits{AckTimeout: 50 * time.Millisecond}))
	c.handler.onEvents = func(context.Context, wsman.Source, *wsman.Events) error {
		return errors.New("kafka.internal:9092: broken")
	}
	c.handler.onHeartbeat = func(ctx context.Context, _ wsman.Source, _ *wsman.Heartbeat) error { <-ctx.Done(); return ctx.Err() }
	c.handler.onEnumerate = func(context.Context, wsman.Source, *wsman.Enumerate) ([]wsman.Subscribe, error) {
		return nil, fmt.Errorf("store: %w", errors.New("loading"))
	}
	p := c.dial()
	for _, x := range [][2]string{{notifyPath, eventsMessage(t, "x")}, {serverPath, message(t, "enumerate")}} { // only the first is logged
		if a := p.post(x[0], x[1]); a.status != 503 || a.head != "Content-Length: 0" {
			t.Errorf("%d %s %q", a.status, a.head, a.body)
		}
	}
	if a := p.post(notifyPath, message(t, "heartbeat")); a.status != 503 {
		t.Errorf("timeout: %d", a.status)
	}
	eventually(t, "log lines", func() bool {
		return strings.Contains(c.log.String(), `error="kafka.internal:9092: broken"`) && strings.Contains(c.log.String(), "reason=timeout")
	})
	for _, want := range []string{`msg="request refused"`, "listener=tls", "remote_addr=127.0.0.1:", "auth=tls", "source=pc-1.corp.example", "subscription=" + subID,
		"message_id=uuid:4D2E7B91-A8C5-4f06-B3E2-57C90D6F1A84", "action=events", "status=503", "reason=later"} {
		if !strings.Contains(c.log.String(), want) {
			t.Errorf("log without %s:\n%s", want, c.log)
		}
	}
	if n := c.metric("http_requests_total", "action", "events", "code", "503"); n != 1 {
		t.Errorf("http_requests_total = %v", n)
	}
}

// TestRefusedOnce: one line a minute for each host and reason.
func TestRefusedOnce(t *testing.T) {
	c := start(t)
	p := c.dial()
	for range 20 {
		p.write(post(notifyPath, "", toUTF16("<x/>")))
		p.read()
	}
	eventually(t, "counts", func() bool { return c.metric("http_requests_total", "code", "400") == 20 })
	if n := strings.Count(c.log.String(), "request refused"); n != 1 {
		t.Errorf("%d lines", n)
	}
}

// TestClientLeaves is requirement 13 and 61: the handler finishes, though nobody waits for the Ack any more.
func TestClientLeaves(t *testing.T) {
	c := start(t)
	begun, gone, result := make(chan bool), make(chan bool), make(chan error, 1)
	c.handler.onEvents = func(ctx context.Context, _ wsman.Source, m *wsman.Events) error {
		begun <- true
		<-gone
		// The server has seen the end of the connection by now, or will; either way the context does not.
		select {
		case <-ctx.Done():
			result <- ctx.Err()
		case <-time.After(50 * time.Millisecond):
			if string(m.Items[0]) != "<E/>" {
				result <- fmt.Errorf("items changed: %q", m.Items[0])
			}
			result <- nil
		}
		return nil
	}
	p := c.dial()
	p.write(post(notifyPath, "", toUTF16(eventsMessage(t, "<E/>"))))
	<-begun
	p.conn.Close()
	close(gone)
	if err := <-result; err != nil {
		t.Error(err)
	}
}

// TestAckAfterCommit is requirement 61: nothing is answered before the handler has returned.
func TestAckAfterCommit(t *testing.T) {
	c := start(t)
	begun, commit := make(chan bool), make(chan bool)
	c.handler.onEvents = func(context.Context, wsman.Source, *wsman.Events) error { begun <- true; <-commit; return nil }
	p := c.dial()
	p.write(post(notifyPath, "", toUTF16(eventsMessage(t, "<E/>"))))
	<-begun
	_ = p.conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := p.tryRead(); err == nil {
		t.Error("answered before the commit")
	}
	close(commit)
}

// TestDeadline: the handler has AckTimeout, or less when the source says that it waits less.
func TestDeadline(t *testing.T) {
	c := start(t)
	left := make(chan time.Duration, 1)
	note := func(ctx context.Context) {
		d, _ := ctx.Deadline()
		left <- time.Until(d)
	}
	c.handler.onHeartbeat = func(ctx context.Context, _ wsman.Source, _ *wsman.Heartbeat) error { note(ctx); return nil }
	c.handler.onEnd = func(ctx context.Context, _ wsman.Source, _ *wsman.SubscriptionEnd) error { note(ctx); return nil }
	p := c.dial()
	for _, x := range []struct {
		text      string
		low, high time.Duration
	}{
		{message(t, "heartbeat"), 29 * time.Second, 30 * time.Second},
		{strings.Replace(message(t, "heartbeat"), "PT60.000S", "PT20S", 1), 14 * time.Second, 15 * time.Second},
		{message(t, "subscription_end"), 0, 375 * time.Millisecond},
	} {
		p.post(notifyPath, x.text)
		if d := <-left; d < x.low || d > x.high {
			t.Errorf("%v left, want %v to %v", d, x.low, x.high)
		}
	}
}

// TestPaths is requirement 15: any path enumerates, and the handler learns which.
func TestPaths(t *testing.T) {
	c := start(t)
	p := c.dial()
	for _, path := range []string{"/", "/test", "/tier0/a?x=1", "/wsman/SubscriptionManager/WEC", "/wsman/subscriptions"} {
		if a := p.post(path, message(t, "enumerate")); a.status != 200 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	want := "/ /test /tier0/a /wsman/SubscriptionManager/WEC /wsman/subscriptions"
	if got := strings.Join(strings.Fields(strings.ReplaceAll(c.handler.seen(), "Enumerate pc-1.corp.example ", "")), " "); got != want {
		t.Error(got)
	}
}

// TestPanic: counted, logged, answered 503, and the connection is closed; the server goes on.
func TestPanic(t *testing.T) {
	c := start(t)
	c.handler.onEvents = func(context.Context, wsman.Source, *wsman.Events) error { panic("a bug") }
	p := c.dial()
	if a := p.post(notifyPath, eventsMessage(t, "<E/>")); a.status != 503 || a.head != "Connection: close|Content-Length: 0" {
		t.Errorf("%d %s", a.status, a.head)
	}
	if !p.closed() {
		t.Error("still open")
	}
	if a := c.dial().post(notifyPath, message(t, "heartbeat")); a.status != 200 {
		t.Error(a.status)
	}
	eventually(t, "metrics", func() bool {
		return c.metric("panics_total") == 1 && c.metric("requests_in_flight") == 0 && c.metric("requests_in_flight_bytes") == 0
	})
	if !strings.Contains(c.log.String(), "a bug") || !strings.Contains(c.log.String(), "http_test.go") {
		t.Error("no stack in the log")
	}
}

// TestShutdown: what is in hand is answered, what comes after is told to come later, and a handler that takes too long is ended.
func TestShutdown(t *testing.T) {
	c := start(t)
	begun, commit := make(chan bool), make(chan bool)
	c.handler.onEvents = func(context.Context, wsman.Source, *wsman.Events) error { begun <- true; <-commit; return nil }
	p := c.dial()
	p.write(post(notifyPath, "", toUTF16(eventsMessage(t, "<E/>"))))
	<-begun
	done := make(chan error)
	go func() { done <- c.server.Shutdown(context.Background()) }()
	eventually(t, "stops listening", func() bool {
		conn, err := tls.Dial("tcp", c.addr, c.config())
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	close(commit)
	if a := p.read(); a.status != 200 || !strings.Contains(a.head, "Connection: close") {
		t.Errorf("%d %s", a.status, a.head)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestShutdownGivesUp(t *testing.T) {
	c := start(t)
	begun, ended := make(chan bool), make(chan error, 1)
	c.handler.onEvents = func(ctx context.Context, _ wsman.Source, _ *wsman.Events) error {
		begun <- true
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}
	p := c.dial()
	p.write(post(notifyPath, "", toUTF16(eventsMessage(t, "<E/>"))))
	<-begun
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := c.server.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	select {
	case err := <-ended:
		if !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	default:
		t.Error("Shutdown did not wait for the handler")
	}
}

// TestStopping: a keep-alive connection that sends once more is turned away.
func TestStopping(t *testing.T) {
	reason := ""
	c := start(t, func(s *wsman.Server) { s.Admit = func() string { return reason } })
	p := c.dial()
	if a := p.post(notifyPath, message(t, "heartbeat")); a.status != 200 {
		t.Fatal(a.status)
	}
	reason = "stopping"
	if a := p.post(notifyPath, message(t, "heartbeat")); a.status != 503 || a.head != "Connection: close|Content-Length: 0" {
		t.Errorf("%d %s", a.status, a.head)
	}
	if n := c.metric("requests_shed_total", "reason", "stopping"); n != 1 {
		t.Error(n)
	}
}

// TestAccessLog: one debug line a request, when asked for.
func TestAccessLog(t *testing.T) {
	for _, on := range []bool{false, true} {
		c := start(t, func(s *wsman.Server) { s.AccessLog = on })
		c.dial().post(notifyPath, message(t, "heartbeat"))
		want := "msg=request listener=tls"
		if on {
			eventually(t, "line", func() bool { return strings.Contains(c.log.String(), want) })
			continue
		}
		eventually(t, "count", func() bool { return c.metric("http_requests_total", "action", "heartbeat", "code", "200") == 1 })
		if strings.Contains(c.log.String(), want) {
			t.Error(c.log)
		}
	}
}

// TestNothingStays: a server that was shut down leaves no goroutine behind, whatever its connections were at.
func TestNothingStays(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Run("", func(t *testing.T) {
		c := start(t)
		c.dial().post(notifyPath, message(t, "heartbeat")) // idle
		half, err := net.Dial("tcp", c.addr)               // in its handshake
		if err != nil {
			t.Fatal(err)
		}
		_, _ = half.Write([]byte("\x16"))
		c.dial().write("POST /") // in its header
		eventually(t, "all are there", func() bool { return c.metric("connections_total", "auth", "none") == 3 })
		half.Close()
	})
	goleak.VerifyNone(t, before)
}
