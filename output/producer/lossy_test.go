package producer_test

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"

	"github.com/wefka/wefka/internal/kafkatest"
)

// lossy stands between a producer and kfake, and cuts connections at the worst moments.
type lossy struct {
	requests atomic.Int32 // produce requests to lose: failed, and not stored
	replies  atomic.Int32 // produce replies to lose: failed, but stored
	silent   atomic.Bool  // produce requests are swallowed and never answered

	mu    sync.Mutex
	conns []net.Conn
}

func (l *lossy) cluster(t *testing.T, brokers, partitions int, topics ...string) *kfake.Cluster {
	t.Helper()
	return kafkatest.FakeWith(t, kfake.NumBrokers(brokers), kfake.SeedTopics(int32(partitions), topics...), kfake.ListenFn(l.listen))
}

// clusterAt starts one broker with the topic events at addr.
func (l *lossy) clusterAt(t *testing.T, addr string) *kfake.Cluster {
	t.Helper()
	_, port, _ := net.SplitHostPort(addr)
	n, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	return kafkatest.FakeWith(t, kfake.Ports(n), kfake.SeedTopics(1, "events"), kfake.ListenFn(l.listen))
}

func (l *lossy) listen(network, addr string) (net.Listener, error) {
	ln, err := net.Listen(network, addr)
	return lossyListener{ln, l}, err
}

// proxy passes on to a real broker at addr, and returns its own address.
func (l *lossy) proxy(t *testing.T, addr string) string {
	t.Helper()
	ln, err := l.listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			client, err := ln.Accept()
			if err != nil {
				return
			}
			broker, err := net.Dial("tcp", addr)
			if err != nil {
				client.Close()
				continue
			}
			for _, way := range [][2]net.Conn{{client, broker}, {broker, client}} {
				all.Go(func() {
					_, _ = io.Copy(struct{ io.Writer }{way[1]}, struct{ io.Reader }{way[0]}) // past their short cuts
					client.Close()
					broker.Close()
				})
			}
		}
	})
	t.Cleanup(func() {
		ln.Close()
		l.cut()
		all.Wait()
	})
	return ln.Addr().String()
}

// cut closes every connection.
func (l *lossy) cut() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range l.conns {
		c.Close()
	}
	l.conns = nil
}

type lossyListener struct {
	net.Listener
	*lossy
}

func (l lossyListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.conns = append(l.conns, c)
	return &lossyConn{Conn: c, lossy: l.lossy}, nil
}

var errCut = errors.New("cut")

type lossyConn struct {
	net.Conn
	*lossy
	head []byte // of the request: length and key
	left int
	drop atomic.Bool // the next reply
}

func (c *lossyConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	for _, x := range b[:n] {
		if c.left > 0 {
			c.left--
			continue
		}
		if c.head = append(c.head, x); len(c.head) < 6 {
			continue
		}
		c.left = int(binary.BigEndian.Uint32(c.head)) - 2
		produce := binary.BigEndian.Uint16(c.head[4:]) == 0
		c.head = c.head[:0]
		switch {
		case !produce:
		case c.silent.Load():
			_, _ = c.Conn.Read(nil)
			var sink [64 << 10]byte
			for err == nil { // until the other end gives up
				_, err = c.Conn.Read(sink[:])
			}
			return 0, err
		case take(&c.requests):
			c.Close()
			return 0, errCut
		case take(&c.replies):
			c.drop.Store(true)
		}
	}
	return n, err
}

func (c *lossyConn) Write(b []byte) (int, error) {
	if c.drop.Load() {
		c.Close()
		return 0, errCut
	}
	return c.Conn.Write(b)
}

func take(n *atomic.Int32) bool {
	for {
		have := n.Load()
		if have <= 0 {
			return false
		}
		if n.CompareAndSwap(have, have-1) {
			return true
		}
	}
}
