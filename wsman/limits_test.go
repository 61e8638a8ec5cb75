package wsman_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/sldc"
)

// allocates runs f and fails when the whole process has allocated more than bound bytes meanwhile.
func allocates(t *testing.T, bound uint64, f func()) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > bound {
		t.Errorf("%d bytes allocated, at most %d are right", n, bound)
	}
}

// TestBodyLimit is requirement 11: refused by its header.
func TestBodyLimit(t *testing.T) {
	c := start(t)
	c.dial().post(notifyPath, message(t, "heartbeat"))
	head := strings.Replace(post(notifyPath, "", nil), "Content-Length: 0", "Content-Length: 1000000000", 1)
	allocates(t, 1<<20, func() {
		p := c.dial()
		p.write(head)
		if a := p.read(); a.status != 413 || a.head != "Connection: close|Content-Length: 0" {
			t.Errorf("%d %s", a.status, a.head)
		}
		if !p.closed() {
			t.Error("still open")
		}
	})
	p := c.dial()
	p.write(strings.Replace(head, "1000000000", "2097153", 1))
	if a := p.read(); a.status != 413 {
		t.Error(a.status)
	}
}

// TestBodyDoesNotCome is requirement 11 and the slow peer: what is announced is not allocated, and not waited for without end.
func TestBodyDoesNotCome(t *testing.T) {
	c := start(t, limits(wsman.Limits{AckTimeout: 100 * time.Millisecond}))
	c.dial().post(notifyPath, message(t, "heartbeat"))
	allocates(t, 1<<20, func() {
		p := c.dial()
		p.write(strings.Replace(post(notifyPath, "", nil), "Content-Length: 0", "Content-Length: 2000000", 1) + "some")
		if a := p.read(); a.status != 400 || a.head != "Connection: close|Content-Length: 0" {
			t.Errorf("%d %s", a.status, a.head)
		}
		if !p.closed() {
			t.Error("still open")
		}
	})
	eventually(t, "budget returned", func() bool { return wsman.BudgetOf(c.server).Used() == 0 })
}

// TestInflatedLimit is requirement 11: a bomb takes what the limit allows, whatever its trailer claims.
func TestInflatedLimit(t *testing.T) {
	c := start(t, limits(wsman.Limits{Inflated: 1 << 20}))
	c.dial().post(notifyPath, message(t, "heartbeat"))
	bomb := sldc.Compress(nil, make([]byte, 8<<20))
	n := len(bomb)
	for name, trailer := range map[string]string{"true": string(bomb[n-4:]), "small": "\x10\x00\x00\x00", "huge": "\xff\xff\xff\xff", "none": ""} {
		body := append(bytes.Clone(bomb[:n-4]), trailer...)
		allocates(t, 8<<20, func() {
			p := c.dial()
			p.write(post(notifyPath, "Content-Encoding: SLDC\r\n", body))
			if a := p.read(); a.status != 413 || a.head != "Connection: close|Content-Length: 0" {
				t.Errorf("%s: %d %s", name, a.status, a.head)
			}
		})
	}
	// A trailer that lies about a message within the limit.
	body := sldc.Compress(nil, toUTF16(message(t, "heartbeat")))
	body[len(body)-4]++
	p := c.dial()
	p.write(post(notifyPath, "Content-Encoding: SLDC\r\n", body))
	if a := p.read(); a.status != 400 {
		t.Error(a.status)
	}
}

// TestMessageLimits is requirement 11: depth, DTD, number of events.
func TestMessageLimits(t *testing.T) {
	c := start(t, limits(wsman.Limits{EventsPerBatch: 3}))
	for name, x := range map[string]struct {
		text   string
		status int
	}{
		"depth":           {strings.Replace(message(t, "heartbeat"), "<w:Events>", strings.Repeat("<a>", 300)+strings.Repeat("</a>", 300)+"<w:Events>", 1), 400},
		"DTD":             {`<!DOCTYPE s [<!ENTITY a SYSTEM "file:///etc/passwd">]>` + message(t, "heartbeat"), 400},
		"billion laughs":  {`<!DOCTYPE s [<!ENTITY a "&b;&b;"><!ENTITY b "lol">]>` + message(t, "heartbeat"), 400},
		"three events":    {eventsMessage(t, "1", "2", "3"), 200},
		"too many events": {eventsMessage(t, "1", "2", "3", "4"), 413},
	} {
		if a := c.dial().post(notifyPath, x.text); a.status != x.status {
			t.Errorf("%s: %d", name, a.status)
		}
	}
}

// TestHeaderLimit: 128 KiB of header is enough for a Kerberos token, and not without bound.
func TestHeaderLimit(t *testing.T) {
	c := start(t)
	p := c.dial()
	p.write(post(notifyPath, "Authorization: Kerberos "+strings.Repeat("a", 87380)+"\r\n", toUTF16(message(t, "heartbeat"))))
	if a := p.read(); a.status != 200 {
		t.Error(a.status)
	}
	p = c.dial()
	go func() {
		_, _ = io.WriteString(p.conn, post(notifyPath, "X: "+strings.Repeat("a", 140<<10)+"\r\n", nil))
	}()
	line, err := p.r.ReadString('\n')
	if err != nil || !strings.HasPrefix(line, "HTTP/1.1 431 ") {
		t.Errorf("%q %v", line, err)
	}
}

// TestSlowPeers: each way to be slow ends by itself. The limits that are not meant are far away.
func TestSlowPeers(t *testing.T) {
	const short = 60 * time.Millisecond
	for _, x := range []struct {
		name   string
		limits wsman.Limits
		tls    bool
		say    string
	}{
		{"handshake", wsman.Limits{HeaderTimeout: short}, false, "\x16\x03\x01"},
		{"handshake, auth timeout", wsman.Limits{AuthTimeout: short}, false, "\x16"},
		{"no request", wsman.Limits{HeaderTimeout: short}, true, ""},
		{"no request, auth timeout", wsman.Limits{AuthTimeout: short}, true, ""},
		{"header", wsman.Limits{HeaderTimeout: short}, true, "POST / HTTP/1.1\r\nHost"},
		{"header, auth timeout", wsman.Limits{AuthTimeout: short}, true, "POST / HTTP/1.1\r\nHost"},
		{"idle", wsman.Limits{IdleTimeout: short}, true, post("/", "", nil)},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := start(t, limits(x.limits))
			var conn net.Conn
			var err error
			if x.tls {
				conn, err = tls.Dial("tcp", c.addr, c.config())
			} else {
				conn, err = net.Dial("tcp", c.addr)
			}
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_ = conn.SetDeadline(time.Now().Add(5 * time.Second))
			if _, err := io.WriteString(conn, x.say); err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			_, err = io.Copy(io.Discard, conn)
			var timeout net.Error
			if errors.As(err, &timeout) && timeout.Timeout() {
				t.Errorf("still open after %v", time.Since(began))
			}
			eventually(t, "connection forgotten", func() bool {
				return c.metric("connections", "auth", "none")+c.metric("connections", "auth", "tls") == 0
			})
		})
	}
}

// TestIdleOutlivesAuth: a connection that has proven itself is not closed by the timeout for those who have not.
func TestIdleOutlivesAuth(t *testing.T) {
	c := start(t, limits(wsman.Limits{AuthTimeout: 200 * time.Millisecond}))
	p := c.dial()
	p.post(notifyPath, message(t, "heartbeat"))
	_ = p.conn.SetReadDeadline(time.Now().Add(400 * time.Millisecond))
	if p.closed() {
		t.Fatal("closed")
	}
}

// TestUnauthenticatedLimits: who has not proven anything is counted, in all and for each address.
func TestUnauthenticatedLimits(t *testing.T) {
	for name, l := range map[string]wsman.Limits{"total": {Unauthenticated: 2}, "address": {UnauthenticatedPerAddress: 2}} {
		c := start(t, limits(l))
		var open []net.Conn
		dial := func() net.Conn {
			conn, err := net.Dial("tcp", c.addr)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { conn.Close() })
			return conn
		}
		for range 2 {
			open = append(open, dial())
		}
		eventually(t, "two are waiting", func() bool { return c.metric("connections", "auth", "none") == 2 })
		third := dial()
		_ = third.SetReadDeadline(time.Now().Add(5 * time.Second))
		if n, err := third.Read(make([]byte, 1)); n > 0 || err == nil || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: the third is let in: %v", name, err)
		}
		eventually(t, "count", func() bool { return c.metric("auth_failures_total", "auth", "tls", "reason", "limit") == 1 })
		open[0].Close()
		eventually(t, "one has left", func() bool { return c.metric("connections", "auth", "none") == 1 })
		// Those who are proven do not count: many more than the limit may stay.
		for range 5 {
			if a := c.dial().post(notifyPath, message(t, "heartbeat")); a.status != 200 {
				t.Fatalf("%s: %d", name, a.status)
			}
		}
	}
}

// TestHandshakesDoNotQueueBehindSlowOnes: far more peers than cores stop in the middle of their handshake; the next is served at once.
func TestHandshakesDoNotQueueBehindSlowOnes(t *testing.T) {
	c := start(t)
	for range 8 * runtime.GOMAXPROCS(0) {
		conn, err := net.Dial("tcp", c.addr)
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		_, _ = conn.Write([]byte("\x16\x03\x01"))
	}
	began := time.Now()
	if a := c.dial().post(notifyPath, message(t, "heartbeat")); a.status != 200 {
		t.Error(a.status)
	}
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("took %v", d)
	}
}

// TestBudget: what does not fit waits a little and is told to come later; what is done gives its place back.
func TestBudget(t *testing.T) {
	budget := wsman.NewBudget(1 << 20)
	budget.Wait = 20 * time.Millisecond
	c := start(t, func(s *wsman.Server) { s.Budget = budget })
	begun, commit := make(chan bool), make(chan bool)
	c.handler.onEvents = func(context.Context, wsman.Source, *wsman.Events) error { begun <- true; <-commit; return nil }
	large := eventsMessage(t, strings.Repeat("<E/>", 40000)) // 160 KB of text, 320 KB on the wire
	first := c.dial()
	first.write(post(notifyPath, "", toUTF16(large)))
	<-begun
	if used := budget.Used(); used < 160000 || used > 700000 {
		t.Errorf("%d bytes charged while the handler works: it is the text that counts", used)
	}
	second := c.dial()
	second.write(post(notifyPath, "", toUTF16(large)))
	if a := second.read(); a.status != 503 {
		t.Error(a.status)
	}
	if n := c.metric("requests_shed_total", "reason", "budget"); n != 1 {
		t.Errorf("requests_shed_total = %v", n)
	}
	if a := c.dial().post(notifyPath, message(t, "heartbeat")); a.status != 200 {
		t.Errorf("a heartbeat: %d", a.status)
	}
	close(commit)
	if a := first.read(); a.status != 200 {
		t.Error(a.status)
	}
	eventually(t, "all given back", func() bool { return budget.Used() == 0 && c.metric("requests_in_flight") == 0 })
	go func() { <-begun }()
	third := c.dial()
	third.write(post(notifyPath, "", toUTF16(large)))
	if a := third.read(); a.status != 200 {
		t.Error(a.status)
	}
}

// TestAdmit: with Kafka away a batch is turned down before it is read, a heartbeat and an Enumerate are not.
func TestAdmit(t *testing.T) {
	c := start(t, func(s *wsman.Server) { s.Admit = func() string { return "kafka" } })
	p := c.dial()
	large := eventsMessage(t, strings.Repeat("<E/>", 5000))
	if a := p.post(notifyPath, large); a.status != 503 || a.head != "Content-Length: 0" {
		t.Errorf("%d %s", a.status, a.head)
	}
	for path, text := range map[string]string{notifyPath: message(t, "heartbeat"), serverPath: message(t, "enumerate")} {
		if a := p.post(path, text); a.status != 200 {
			t.Errorf("%s: %d", path, a.status)
		}
	}
	if strings.Contains(c.handler.seen(), "Events") || c.metric("requests_shed_total", "reason", "kafka") != 1 {
		t.Error(c.handler.seen())
	}
	if n := c.metric("received_bytes_total", "stage", "wire"); n > 20000 {
		t.Errorf("%v bytes read", n)
	}
}

// TestAdmitLoading: while bookmarks are not known nobody is told where to go on; a heartbeat is heard.
func TestAdmitLoading(t *testing.T) {
	c := start(t, func(s *wsman.Server) { s.Admit = func() string { return "loading" } })
	p := c.dial()
	if a := p.post(serverPath, message(t, "enumerate")); a.status != 503 || a.head != "Content-Length: 0" {
		t.Errorf("%d %s", a.status, a.head)
	}
	if a := p.post(notifyPath, message(t, "heartbeat")); a.status != 200 {
		t.Error(a.status)
	}
	if strings.Contains(c.handler.seen(), "Enumerate") || c.metric("requests_shed_total", "reason", "loading") != 1 {
		t.Error(c.handler.seen())
	}
}
