package producer_test

import (
	"net"
	"testing"

	"github.com/wefka/wefka/internal/kafkatest"
)

// nullBroker answers at once: what it costs is not the producer's.
type nullBroker struct {
	kafkatest.Null
	ln net.Listener
}

func newNullBroker(t testing.TB, partitions int32) *nullBroker {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &nullBroker{ln: ln}
	b.Partitions = partitions
	done := make(chan struct{})
	go func() { b.Serve(ln); close(done) }()
	t.Cleanup(func() { ln.Close(); <-done })
	return b
}

func (b *nullBroker) addr() string { return b.ln.Addr().String() }
