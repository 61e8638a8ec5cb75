package producer_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/wefka/wefka/output/producer"
)

// heap is what lives, stacks included.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// TestMemory: thousands wait while the broker is silent; what they hold is bounded, and nobody waits longer than he wants to.
func TestMemory(t *testing.T) {
	var l lossy
	cluster := l.cluster(t, 1, 12, "events")
	const buffer, callers = 8 << 20, 3000
	p := start(t, cluster.ListenAddrs(), func(c *producer.Config) { c.Buffer, c.Compression = buffer, "none" })
	if _, err := deliver(limit(t, 10*time.Second), p, "events", "k", values("v", 1)); err != nil {
		t.Fatal(err)
	}
	l.silent.Store(true)
	before := heap()
	records := []producer.Record{{Value: make([]byte, 20_000)}} // 60 MB in all
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
	defer cancel()
	var all sync.WaitGroup
	errs := make(chan error, callers)
	for i := range callers {
		all.Go(func() {
			_, err := deliver(ctx, p, "events", fmt.Sprintf("host-%d", i), records)
			errs <- err
		})
	}
	eventually(t, 3*time.Second, func() error {
		if s := p.Stats(); s.BufferedBytes < buffer*9/10 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	if during := heap(); during > before+3*buffer+callers*16<<10 {
		t.Errorf("%d MB more while %d wait", (during-before)>>20, callers)
	}
	if s := p.Stats(); s.BufferedBytes > buffer {
		t.Errorf("%+v", s)
	}
	all.Wait()
	for range callers {
		if err := <-errs; !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, producer.ErrOpen) {
			t.Fatal(err)
		}
	}
	l.silent.Store(false)
	eventually(t, 15*time.Second, func() error {
		_, err := deliver(limit(t, 10*time.Second), p, "events", "k", values("w", 1))
		return err
	})
	eventually(t, 5*time.Second, func() error { // what was in flight goes its way too, and nothing is left behind
		if s := p.Stats(); s.BufferedBytes != 0 || s.BufferedRecords != 0 || s.OldestUnacked != 0 {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
}

// TestMemoryStaysFlat: 2,000 hosts come again and again to a Kafka that is away. What lives after many rounds is what lived after the first.
func TestMemoryStaysFlat(t *testing.T) {
	var l lossy
	cluster := l.cluster(t, 1, 12, "events")
	const buffer, hosts, rounds = 8 << 20, 2000, 15
	p := start(t, cluster.ListenAddrs(), func(c *producer.Config) {
		c.Buffer, c.Compression, c.DeliveryTimeout = buffer, "none", 500*time.Millisecond
	})
	if _, err := deliver(limit(t, 10*time.Second), p, "events", "k", values("v", 1)); err != nil {
		t.Fatal(err)
	}
	l.silent.Store(true)
	records := []producer.Record{{Value: make([]byte, 20_000)}}
	round := func() {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var all sync.WaitGroup
		for i := range hosts {
			all.Go(func() {
				if _, err := deliver(ctx, p, "events", fmt.Sprintf("host-%d", i), records); err == nil {
					t.Error("acknowledged by a silent broker")
				}
			})
		}
		all.Wait()
	}
	round()
	var first, last uint64
	for first = heap(); p.Stats().Circuit != producer.Open; first = max(first, heap()) {
		round()
	}
	for range rounds {
		round()
		last = heap()
		if s := p.Stats(); s.BufferedBytes > buffer {
			t.Errorf("%+v", s)
		}
	}
	if last > first+4<<20 { // 50 bytes for each retry would be seen
		t.Errorf("%d KB after the first rounds, %d KB after %d more", first>>10, last>>10, rounds)
	}
	t.Logf("%d KB after the first rounds, %d KB after %d more", first>>10, last>>10, rounds)
	l.silent.Store(false)
	eventually(t, 20*time.Second, func() error {
		_, err := deliver(limit(t, time.Second), p, "events", "k", values("w", 1))
		return err
	})
}
