package wsman

import (
	"crypto/tls"
	"net"
	"net/netip"
	"sync"
	"time"
)

// unproven is the metric label of a connection that has no identity yet.
const unproven = "none"

// conn is one TCP connection, and what was proven on it: that lives and dies with the connection.
type conn struct {
	net.Conn
	l     *listener
	addr  netip.AddrPort
	timer *time.Timer // closes it when nothing was proven in time

	tls *tls.Conn // over it; nil: plain

	shaking bool // used by the handshake's goroutine alone

	// Of these three the reader alone knows.
	begun bool    // something was read
	first [1]byte // read ahead
	ahead bool

	// Requests come one after another, and only they touch these.
	session  Session
	next     Authenticator // for the next leg of a proof; nil: none has begun
	legs     int           // of that proof
	failures int

	mu     sync.Mutex // guards what follows
	method string     // metric label
	closed bool
}

// Read lays down the handshake's right to compute while it waits for the peer.
func (c *conn) Read(b []byte) (int, error) {
	if !c.shaking {
		if c.ahead && len(b) > 0 {
			b[0], c.ahead = c.first[0], false
			return 1, nil
		}
		n, err := c.Conn.Read(b)
		c.greet(b[:n])
		return n, err
	}
	<-c.l.hands
	n, err := c.Conn.Read(b)
	c.l.hands <- struct{}{}
	return n, err
}

// lookAhead waits until there is something to read.
func (c *conn) lookAhead() error {
	n, err := c.Conn.Read(c.first[:])
	c.ahead = n > 0
	if c.ahead {
		return nil
	}
	return err
}

// greet looks at the first byte: a host that speaks TLS where plain HTTP is spoken would go unexplained, for http.Server answers it.
func (c *conn) greet(b []byte) {
	if c.begun || len(b) == 0 {
		return
	}
	c.begun = true
	const handshake = 22 // RFC 8446 5.1
	if c.l.s.TLS == nil && b[0] == handshake {
		c.l.s.turnedAway(c.addr, "", "tls_on_http", nil)
	}
}

// CloseWrite lets http.Server end a connection without losing the last answer.
func (c *conn) CloseWrite() error {
	if w, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}

// prove notes a session. The connection no longer counts against those who have none.
func (c *conn) prove(session Session) {
	c.session, c.legs = session, 0
	c.mu.Lock()
	defer c.mu.Unlock()
	method := string(session.Source().Method)
	if c.closed || c.method == method {
		return
	}
	m := c.l.s.metrics
	if c.method == "" {
		c.timer.Stop()
		c.l.known(c.addr.Addr())
		m.connections.WithLabelValues(unproven).Dec()
	} else {
		m.connections.WithLabelValues(c.method).Dec()
	}
	c.method = method
	m.connections.WithLabelValues(method).Inc()
	m.accepted.WithLabelValues(method).Inc()
}

// watch begins the time to prove something in.
func (c *conn) watch(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.timer = time.AfterFunc(d, c.expire)
}

// expire closes a connection on which nothing was proven in time.
func (c *conn) expire() {
	c.mu.Lock()
	late := c.method == "" && !c.closed
	c.mu.Unlock()
	if late {
		c.l.s.log.Debug("connection closed", "remote_addr", c.addr.String(), "reason", "unauthenticated")
		c.l.s.turnedAway(c.addr, "", "unauthenticated", nil)
		_ = c.Close()
	}
}

// Close may be called more than once.
func (c *conn) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	c.l.s.open.Add(-1)
	c.timer.Stop()
	m := c.l.s.metrics.connections
	if c.method == "" {
		c.l.known(c.addr.Addr())
		m.WithLabelValues(unproven).Dec()
	} else {
		m.WithLabelValues(c.method).Dec()
	}
	c.mu.Unlock()
	return c.Conn.Close()
}

type connKey struct{}
