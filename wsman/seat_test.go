package wsman_test

import (
	"context"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wefka/wefka/wsman"
)

// resting is how many connections rest, of all servers.
func resting() int {
	buf := make([]byte, 1<<20)
	return strings.Count(string(buf[:runtime.Stack(buf, true)]), "wsman.(*listener).wake(")
}

// TestRest lets connections rest between requests: large ones and small ones, sealed by TLS and by a session, with nothing lost.
func TestRest(t *testing.T) {
	large := make([]string, 300)
	for i := range large {
		large[i] = "<Event>" + strings.Repeat("x", 1000) + "</Event>"
	}
	t.Run("tls", func(t *testing.T) {
		c := start(t, wsman.RestAfter(10*time.Millisecond))
		p := c.dial()
		for i, text := range []string{message(t, "heartbeat"), eventsMessage(t, large...), message(t, "heartbeat"), eventsMessage(t, large...), eventsMessage(t, "<Event/>")} {
			if a := p.post(notifyPath, text); a.status != 200 {
				t.Fatalf("request %d: %d", i, a.status)
			}
			eventually(t, "at rest", func() bool { return resting() == 1 })
		}
		if n := c.server.Connections(); n != 1 || c.metric("connections_total", "auth", "tls") != 1 {
			t.Errorf("%d connections, %v proofs", n, c.metric("connections_total", "auth", "tls"))
		}
	})
	t.Run("sealed", func(t *testing.T) {
		c, dial := startSealed(t, wsman.RestAfter(10*time.Millisecond))
		p := dial()
		p.write(post(notifyPath, "Authorization: Ticket PC-1$@CORP\r\n", nil))
		if a := p.read(); a.status != 200 {
			t.Fatal(a.status)
		}
		for range 3 {
			eventually(t, "at rest", func() bool { return resting() == 1 })
			p.write(strings.Replace(post(notifyPath, "", []byte(xor(message(t, "heartbeat")))), soapType, `multipart/encrypted;protocol="x";boundary="Encrypted Boundary"`, 1))
			if a := p.read(); a.status != 200 { // nothing had to be proven again
				t.Fatal(a.status)
			}
		}
		if n := c.metric("connections_total", "auth", "kerberos"); n != 1 {
			t.Errorf("%v proofs", n)
		}
	})
	t.Run("half a request is waited for", func(t *testing.T) {
		c := start(t, wsman.RestAfter(10*time.Millisecond))
		p := c.dial()
		if a := p.post(notifyPath, message(t, "heartbeat")); a.status != 200 {
			t.Fatal(a.status)
		}
		eventually(t, "at rest", func() bool { return resting() == 1 })
		raw := post(notifyPath, "", toUTF16(message(t, "heartbeat")))
		p.write(raw[:5])
		eventually(t, "awake", func() bool { return resting() == 0 })
		p.write(raw[5:])
		if a := p.read(); a.status != 200 {
			t.Error(a.status)
		}
	})
	t.Run("ends", func(t *testing.T) {
		c := start(t, wsman.RestAfter(10*time.Millisecond), limits(wsman.Limits{IdleTimeout: 50 * time.Millisecond}))
		p := c.dial()
		if a := p.post(notifyPath, message(t, "heartbeat")); a.status != 200 || !p.closed() {
			t.Errorf("%d, or open after its idle timeout", a.status)
		}
		eventually(t, "forgotten", func() bool { return c.server.Connections() == 0 })
	})
	t.Run("shutdown", func(t *testing.T) {
		c := start(t, wsman.RestAfter(10*time.Millisecond))
		p := c.dial()
		if a := p.post(notifyPath, message(t, "heartbeat")); a.status != 200 {
			t.Fatal(a.status)
		}
		eventually(t, "at rest", func() bool { return resting() == 1 })
		if err := c.server.Shutdown(context.Background()); err != nil || !p.closed() {
			t.Errorf("%v, or open after shutdown", err)
		}
	})
}

// TestSlim fails on a Go whose tls.Conn is another: look at slim.go, or idle hosts cost 40 KB more.
func TestSlim(t *testing.T) {
	if !wsman.KnowsTLS() {
		t.Errorf("%s: the fields of tls.Conn are not those that slim knows", runtime.Version())
	}
}
