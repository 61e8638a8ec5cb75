package ordeal

import (
	"net"
	"sync"
	"testing"
	"time"
)

// condition is what a line between two parts is like.
type condition int

const (
	open   condition = iota
	cut              // connections are reset, and new ones too
	silent           // nothing arrives any more, until it is mended: then all of it does
	deaf             // what the caller sends arrives; no answer does, and never will
	slow             // 16 KB, then a pause
)

const (
	slowly = 16 << 10
	lag    = 200 * time.Millisecond
)

// link is a TCP line whose condition changes while it is in use. With several targets it is a balancer.
type link struct {
	listener net.Listener

	mu      sync.Mutex
	mended  *sync.Cond // the condition has changed, or a connection ended
	is      condition
	targets []string
	next    int // of targets
	pairs   map[*pair]struct{}
}

// pair is a connection through a link.
type pair struct {
	caller, target net.Conn
	over           bool // link.mu
}

func newLink(t testing.TB, targets ...string) *link {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &link{listener: listener, targets: targets, pairs: map[*pair]struct{}{}}
	l.mended = sync.NewCond(&l.mu)
	var wait sync.WaitGroup
	wait.Go(func() {
		for {
			caller, err := listener.Accept()
			if err != nil {
				return
			}
			wait.Go(func() { l.serve(caller) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		l.set(cut)
		wait.Wait()
	})
	return l
}

func (l *link) address() string { return l.listener.Addr().String() }

// set changes the condition. Who did not get an answer while the line was deaf does not get it later either.
func (l *link) set(c condition) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if c == cut || l.is == deaf {
		for p := range l.pairs {
			p.reset()
		}
	}
	l.is = c
	l.mended.Broadcast()
}

// reset ends a connection without goodbye. l.mu is held.
func (p *pair) reset() {
	p.over = true
	for _, c := range []net.Conn{p.caller, p.target} {
		_ = c.(*net.TCPConn).SetLinger(0)
		_ = c.Close()
	}
}

// serve joins a caller with the first target that takes it, a different one first each time.
func (l *link) serve(caller net.Conn) {
	l.mu.Lock()
	first := l.next
	l.next++
	l.mu.Unlock()
	var target net.Conn
	for i := range l.targets {
		var err error
		if target, err = net.DialTimeout("tcp", l.targets[(first+i)%len(l.targets)], 2*time.Second); err == nil {
			break
		}
	}
	if target == nil {
		_ = caller.(*net.TCPConn).SetLinger(0)
		_ = caller.Close()
		return
	}
	p := &pair{caller: caller, target: target}
	l.mu.Lock()
	l.pairs[p] = struct{}{}
	if l.is == cut {
		p.reset()
	}
	l.mu.Unlock()
	var wait sync.WaitGroup
	wait.Go(func() { l.carry(p, p.target, p.caller, false) })
	wait.Go(func() { l.carry(p, p.caller, p.target, true) })
	wait.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.pairs, p)
}

// carry moves bytes one way.
func (l *link) carry(p *pair, to, from net.Conn, answer bool) {
	buffer := make([]byte, slowly)
	for {
		n, err := from.Read(buffer)
		if !l.wait(p, answer) {
			return
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				break
			}
		}
		if err != nil {
			break
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !p.over { // an orderly end
		p.over = true
		_ = p.caller.Close()
		_ = p.target.Close()
		l.mended.Broadcast()
	}
}

// wait holds up what the condition of the line holds up. false: the connection is over.
func (l *link) wait(p *pair, answer bool) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.is == slow {
		l.mu.Unlock()
		<-time.After(lag)
		l.mu.Lock()
	}
	for !p.over && (l.is == silent || l.is == deaf && answer) {
		l.mended.Wait()
	}
	return !p.over
}
