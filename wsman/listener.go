package wsman

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"maps"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"
)

// listener accepts for http.Server: it counts who has proven nothing yet, does the TLS handshake itself, so that it can be limited,
// timed and explained, and hands over connections that are ready for a request.
type listener struct {
	net.Listener
	s *Server

	ready  chan accepted
	ctx    context.Context // ends with Close
	cancel context.CancelFunc
	work   sync.WaitGroup
	hands  chan struct{} // one for each handshake that may compute now

	strangers chan struct{} // one for each connection that has proven nothing

	mu      sync.Mutex // guards what follows
	resting map[*seat]struct{}
	unknown map[netip.Addr]int
}

type accepted struct {
	conn net.Conn
	err  error
}

func newListener(inner net.Listener, s *Server) *listener {
	ctx, cancel := context.WithCancel(context.Background())
	l := &listener{
		Listener: inner, s: s, ready: make(chan accepted), ctx: ctx, cancel: cancel,
		hands: make(chan struct{}, runtime.GOMAXPROCS(0)), strangers: make(chan struct{}, s.limits.Unauthenticated), unknown: map[netip.Addr]int{}, resting: map[*seat]struct{}{},
	}
	l.work.Go(l.pump)
	return l
}

// Accept gives the next connection, a *seat.
func (l *listener) Accept() (net.Conn, error) {
	select {
	case a := <-l.ready:
		return a.conn, a.err
	case <-l.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close stops accepting, breaks handshakes off, ends the connections that rest, and waits for that.
func (l *listener) Close() error {
	err := l.Listener.Close()
	l.mu.Lock()
	l.cancel()
	resting := slices.Collect(maps.Keys(l.resting))
	l.mu.Unlock()
	for _, s := range resting {
		_ = s.c.Close() // no goodbye of TLS: it could block
	}
	l.work.Wait()
	return err
}

func (l *listener) pump() {
	for {
		raw, err := l.Listener.Accept()
		if err != nil {
			// http.Server waits a little after a temporary error, and we wait for it.
			l.deliver(nil, err)
			var temporary interface{ Temporary() bool }
			if !errors.As(err, &temporary) || !temporary.Temporary() {
				return
			}
			if n, ok := l.s.quiet.pass(quietKey{reason: "accept"}); ok {
				l.s.log.Warn("accept failed", "error", err, "suppressed", n) // out of file descriptors, most likely
			}
			continue
		}
		if k, ok := raw.(interface {
			SetKeepAliveConfig(net.KeepAliveConfig) error
		}); ok {
			// A laptop that was switched off says no goodbye.
			_ = k.SetKeepAliveConfig(net.KeepAliveConfig{Enable: true, Idle: time.Minute, Interval: 15 * time.Second, Count: 8})
		}
		if !l.claim() {
			l.refuse(raw, netip.AddrPort{}) // whose address would have to be waited for
			continue
		}
		l.work.Go(func() { l.open(raw) })
	}
}

// open takes one connection to where it can serve a request.
func (l *listener) open(raw net.Conn) {
	keep := context.AfterFunc(l.ctx, func() { _ = raw.Close() })
	defer keep()
	c := &conn{Conn: raw, l: l, addr: addrPort(raw.RemoteAddr().String())} // with a PROXY header, this waits for it
	if !l.claimAddr(c.addr.Addr()) {
		<-l.strangers
		l.refuse(raw, c.addr)
		return
	}
	l.s.metrics.connections.WithLabelValues(unproven).Inc()
	l.s.metrics.accepted.WithLabelValues(unproven).Inc()
	l.s.open.Add(1)
	c.watch(l.s.limits.AuthTimeout)
	if l.s.TLS == nil {
		keep() // from here on it is http.Server's, which may be in the middle of a request when we close
		l.deliver(&seat{Conn: c, c: c}, nil)
		return
	}
	t := tls.Server(c, l.s.tls)
	if err := l.handshake(c, t); err != nil {
		l.failed(c, t, err)
		_ = t.Close()
		return
	}
	keep()
	c.tls = t
	l.deliver(&seat{Conn: t, c: c}, nil)
}

func (l *listener) deliver(c net.Conn, err error) {
	select {
	case l.ready <- accepted{c, err}:
	case <-l.ctx.Done():
		if c != nil {
			_ = c.Close()
		}
	}
}

// handshake computes only while it holds one of the hands, and lays it down while it waits for the peer (see conn.Read): so many
// hosts that return at once do not starve those at work, and a slow peer keeps nobody out.
func (l *listener) handshake(c *conn, t *tls.Conn) error {
	ctx, cancel := context.WithTimeout(l.ctx, l.s.limits.HeaderTimeout)
	defer cancel()
	l.hands <- struct{}{}
	c.shaking = true
	err := t.HandshakeContext(ctx)
	c.shaking = false
	<-l.hands
	return err
}

// goodbyes are the errors of a handshake that the peer, or its silence, or we ended.
var goodbyes = []error{
	io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, net.ErrClosed,
	os.ErrDeadlineExceeded, context.DeadlineExceeded, context.Canceled,
}

// failed tells a peer that left, which WinHTTP does in passing before it comes back, from one that could not enter.
func (l *listener) failed(c *conn, t *tls.Conn, err error) {
	log := l.s.log.With("remote_addr", c.addr.String(), "error", err)
	for _, left := range goodbyes {
		if errors.Is(err, left) {
			log.Debug("tls handshake broken off")
			return
		}
	}
	reason := "protocol"
	if l.s.HandshakeReason != nil {
		reason = l.s.HandshakeReason(err)
	}
	l.s.metrics.handshakes.WithLabelValues(reason).Inc()
	l.s.turnedAway(c.addr, leafName(t, err), reason, err)
	if n, ok := l.s.quiet.pass(quietKey{c.addr.Addr(), reason}); ok {
		if n > 0 {
			log = log.With("suppressed", n)
		}
		log.Warn("tls handshake failed", "reason", reason)
	}
}

// refuse closes a connection that is one too many.
func (l *listener) refuse(raw net.Conn, addr netip.AddrPort) {
	l.s.metrics.failures.WithLabelValues(l.s.scheme(), "limit").Inc()
	l.s.log.Debug("connection refused", "remote_addr", addr, "reason", "limit")
	l.s.turnedAway(addr, "", "connections", nil)
	_ = raw.Close()
}

// claim makes room for one more stranger. When a thousand hosts come back at once, it waits a moment: one that is refused comes again with no
// session to resume, so that the next attempt costs three times as much.
func (l *listener) claim() bool {
	select {
	case l.strangers <- struct{}{}:
		return true
	default:
	}
	patience := time.NewTimer(time.Second)
	defer patience.Stop()
	select {
	case l.strangers <- struct{}{}:
		return true
	case <-patience.C:
	case <-l.ctx.Done():
	}
	return false
}

func (l *listener) claimAddr(a netip.Addr) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unknown[a] >= l.s.limits.UnauthenticatedPerAddress {
		return false
	}
	l.unknown[a]++
	return true
}

// known forgets that a connection was unproven.
func (l *listener) known(a netip.Addr) {
	l.mu.Lock()
	defer l.mu.Unlock()
	<-l.strangers
	if l.unknown[a]--; l.unknown[a] == 0 {
		delete(l.unknown, a)
	}
}

// addrPort reads what net prints; zero for anything else.
func addrPort(s string) netip.AddrPort {
	a, err := netip.ParseAddrPort(s)
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(a.Addr().Unmap(), a.Port())
}
