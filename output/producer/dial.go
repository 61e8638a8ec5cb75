package producer

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"time"
)

const (
	// silence is how long a read may take where kafka-go has set no deadline, as it does during SASL: without it a broker that
	// falls silent there stops the refresh of metadata for ever.
	silence = 15 * time.Second
	// maxAnswer bounds one answer of a broker.
	maxAnswer = 32 << 20
)

// network makes the connections to brokers, TLS included, and can cut them all.
type network struct {
	tls     *tls.Config // nil: plain text
	silence time.Duration
	metrics *metrics

	mu     sync.Mutex // guards all below
	conns  map[*connection]struct{}
	closed bool
}

var dialer = net.Dialer{Timeout: 5 * time.Second, KeepAliveConfig: net.KeepAliveConfig{Enable: true, Idle: 15 * time.Second, Interval: 5 * time.Second, Count: 3}}

// dial is the Transport's Dial.
func (n *network) dial(ctx context.Context, proto, addr string) (net.Conn, error) {
	conn, err := n.connect(ctx, proto, addr)
	if err != nil {
		n.metrics.dials.WithLabelValues("error").Inc()
		return nil, fmt.Errorf("connect to broker %s: %w", addr, err)
	}
	c := &connection{Conn: conn, network: n}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		conn.Close()
		return nil, ErrClosed
	}
	n.conns[c] = struct{}{}
	n.metrics.dials.WithLabelValues("ok").Inc()
	return c, nil
}

func (n *network) connect(ctx context.Context, proto, addr string) (net.Conn, error) {
	conn, err := dialer.DialContext(ctx, proto, addr)
	if err != nil || n.tls == nil {
		return conn, err
	}
	config := n.tls
	if config.ServerName == "" {
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			conn.Close()
			return nil, err
		}
		config = config.Clone()
		config.ServerName = host
	}
	secure := tls.Client(conn, config)
	if err := secure.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, err
	}
	return secure, nil
}

// close cuts every connection, and those to come.
func (n *network) close() {
	n.mu.Lock()
	n.closed = true
	conns := n.conns
	n.conns = nil
	n.mu.Unlock()
	for c := range conns {
		c.Conn.Close()
	}
}

// connection is one to a broker, with limits that kafka-go does not set.
type connection struct {
	net.Conn
	network *network

	mu      sync.Mutex // guards limited
	limited bool       // the reader has set a deadline

	head [4]byte // length of the answer that is being read
	have int     // bytes of head
	left int64   // bytes of the answer after it
}

func (c *connection) SetDeadline(t time.Time) error {
	c.limit(t)
	return c.Conn.SetDeadline(t)
}

func (c *connection) SetReadDeadline(t time.Time) error {
	c.limit(t)
	return c.Conn.SetReadDeadline(t)
}

func (c *connection) limit(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.limited = !t.IsZero()
}

func (c *connection) Read(b []byte) (int, error) {
	c.mu.Lock()
	limited := c.limited
	c.mu.Unlock()
	if !limited {
		if err := c.Conn.SetReadDeadline(time.Now().Add(c.network.silence)); err != nil {
			return 0, err
		}
	}
	n, err := c.Conn.Read(b)
	if bad := c.frame(b[:n]); bad != nil {
		return 0, bad
	}
	return n, err
}

// frame follows the answers, each behind its length of four bytes, and objects to one that is too long.
func (c *connection) frame(b []byte) error {
	for len(b) > 0 {
		if c.left > 0 {
			n := min(c.left, int64(len(b)))
			c.left -= n
			b = b[n:]
			continue
		}
		n := copy(c.head[c.have:], b)
		c.have += n
		b = b[n:]
		if c.have == len(c.head) {
			c.have = 0
			size := int32(binary.BigEndian.Uint32(c.head[:]))
			if size < 0 || size > maxAnswer {
				return fmt.Errorf("%w: it begins with %q", errForeign, c.head[:])
			}
			c.left = int64(size)
		}
	}
	return nil
}

func (c *connection) Close() error {
	c.network.mu.Lock()
	delete(c.network.conns, c)
	c.network.mu.Unlock()
	return c.Conn.Close()
}
