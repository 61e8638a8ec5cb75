package wsman

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

// seat is a connection as http.Server has it: a *tls.Conn over a *conn, or a *conn. http.Server keeps two buffers and a large stack for each
// of its connections, also for those that wait half an hour for their next request. So a connection that has been idle for restAfter is
// taken from it, rests on next to nothing, and is handed over again, as if it were new, when something arrives. What was proven stays proven.
type seat struct {
	net.Conn
	c     *conn
	state atomic.Int32
	early bool // a byte was read ahead of the next request
}

// restAfter is longer than a host with a backlog needs between two requests.
const restAfter = 2 * time.Second

// What a seat is doing.
const (
	serving int32 = iota // a request, or it has just come
	idle                 // nothing has arrived since the last answer
	over                 // and for so long that http.Server is about to close it
	resting
)

// mind is http.Server.ConnState.
func mind(c net.Conn, state http.ConnState) {
	if s, ok := c.(*seat); ok && state == http.StateIdle {
		if !s.early {
			s.state.Store(idle)
		}
		s.early = false
	}
}

// Read notes whether an idle connection ends because of its silence alone.
func (s *seat) Read(b []byte) (int, error) {
	n, err := s.Conn.Read(b)
	switch {
	case n > 0:
		// While a request is served, http.Server waits for a single byte, to see whether the peer leaves.
		s.early = !s.state.CompareAndSwap(idle, serving) && n == 1 && len(b) == 1
	case errors.Is(err, os.ErrDeadlineExceeded):
		s.state.CompareAndSwap(idle, over)
	}
	return n, err
}

// Close lets the connection rest when it was only idle.
func (s *seat) Close() error {
	switch {
	case s.state.CompareAndSwap(over, resting):
		return s.c.l.rest(s)
	case s.state.Load() == resting:
		return nil // no longer http.Server's
	}
	return s.Conn.Close()
}

// CloseWrite lets http.Server end a connection without losing the last answer.
func (s *seat) CloseWrite() error {
	if w, ok := s.Conn.(interface{ CloseWrite() error }); ok {
		return w.CloseWrite()
	}
	return nil
}

// rest waits for something to arrive on a connection, on a stack that is as small as they come.
func (l *listener) rest(s *seat) error {
	left := l.s.limits.IdleTimeout - l.s.restAfter
	if left <= 0 {
		return s.Conn.Close()
	}
	if t, ok := s.Conn.(*tls.Conn); ok {
		slim(t, l.s.tlsInput)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.ctx.Err() == nil {
		l.resting[s] = struct{}{}
		l.work.Go(func() { l.wake(s, left) })
		return nil
	}
	go s.Conn.Close() // which wants l.mu
	return nil
}

func (l *listener) wake(s *seat, left time.Duration) {
	_ = s.c.SetReadDeadline(time.Now().Add(left))
	err := s.c.lookAhead()
	l.mu.Lock()
	delete(l.resting, s)
	l.mu.Unlock()
	if err != nil {
		_ = s.Conn.Close()
		return
	}
	if t, ok := s.Conn.(*tls.Conn); ok {
		fatten(t, l.s.tlsInput)
	}
	s.state.Store(serving)
	l.deliver(s, nil)
}

// withConn is http.Server.ConnContext.
func withConn(ctx context.Context, c net.Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c.(*seat).c)
}
