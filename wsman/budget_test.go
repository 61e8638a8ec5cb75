package wsman

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// TestBudgetQueue: first come, first served; a waiter that gives up does not hold up those behind it.
func TestBudgetQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(100)
		var mu sync.Mutex
		var order []string
		get := func(name string, size int64) {
			go func() {
				_, err := b.acquire(context.Background(), size)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					name += " refused"
				}
				order = append(order, name)
			}()
			synctest.Wait()
		}
		seen := func() string {
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			return strings.Join(order, ", ")
		}
		get("a", 60)
		get("large", 100)
		time.Sleep(time.Second) // of the test's own clock
		get("small", 10)        // would fit, but has come later
		if got := seen(); got != "a" {
			t.Error(got)
		}
		time.Sleep(4 * time.Second)
		if got := seen(); got != "a, large refused, small" && got != "a, small, large refused" {
			t.Error(got)
		}
		b.release(60)
		get("whole", 1000) // more than there is: alone in it
		if got := seen(); strings.Contains(got, "whole") {
			t.Error(got)
		}
		b.release(10)
		if got := seen(); !strings.HasSuffix(got, "whole") || b.Used() != 100 {
			t.Error(got, b.Used())
		}
	})
}

// TestBudgetResize: growing does not wait, shrinking lets others in.
func TestBudgetResize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(100)
		charge, _ := b.acquire(context.Background(), 50)
		if !b.resize(&charge, 90) || charge != 90 {
			t.Error("no room for more")
		}
		other := make(chan error, 1)
		go func() { _, err := b.acquire(context.Background(), 30); other <- err }()
		synctest.Wait()
		if !b.resize(&charge, 95) {
			t.Error("growing waits behind those who wait for it")
		}
		if b.resize(&charge, 90); b.resize(&charge, 10) != true || charge != 10 {
			t.Error(charge)
		}
		if err := <-other; err != nil || b.Used() != 40 {
			t.Error(err, b.Used())
		}
		rest, _ := b.acquire(context.Background(), 60)
		if b.resize(&charge, 11) || charge != 10 {
			t.Error("grew beyond the limit")
		}
		b.release(rest)
	})
}

func TestBudgetContext(t *testing.T) {
	b := NewBudget(10)
	_, _ = b.acquire(context.Background(), 10)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := b.acquire(ctx, 1); !errors.Is(err, errNoRoom) {
		t.Error(err)
	}
}

func TestPool(t *testing.T) {
	p := pool{limit: 3000, poison: true}
	a := make([]byte, 5, 1000)
	copy(a, "hello")
	p.put(a)
	p.put(nil)
	p.put(make([]byte, 4000)) // more than the whole pool
	if string(a) != "xxxxx" {
		t.Errorf("%q is not spoiled", a)
	}
	p.put(make([]byte, 0, 1500))
	if got := p.get(1200); len(got) != 0 || cap(got) != 1500 {
		t.Error("the one that fits", len(got), cap(got))
	}
	if got := p.get(1200); got != nil {
		t.Error("none fits", cap(got))
	}
	p.put(make([]byte, 2500)) // the old one makes room
	if got := p.get(0); cap(got) != 2500 || p.get(0) != nil || p.held != 0 {
		t.Error(cap(got), p.held)
	}
	p.limit = 1 << 30
	if p.put(make([]byte, maxPooled+1)); p.get(0) != nil {
		t.Error("kept a very large one")
	}
	for range 2 * maxFree {
		p.put(make([]byte, 1))
	}
	if len(p.free) != maxFree || p.held != maxFree {
		t.Error(len(p.free), p.held)
	}
}

// TestQuiet: one line a minute for each host and reason, and a bound on how many of those are remembered.
func TestQuiet(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var q quiet
		k := quietKey{addrPort("10.0.0.1:1").Addr(), "malformed"}
		for i := range 5 {
			if n, ok := q.pass(k); ok != (i == 0) || n != 0 {
				t.Error(i, n, ok)
			}
		}
		if _, ok := q.pass(quietKey{k.addr, "path"}); !ok {
			t.Error("another reason is suppressed")
		}
		time.Sleep(quietFor)
		if n, ok := q.pass(k); !ok || n != 4 {
			t.Error(n, ok)
		}
		passed := 0
		for i := range 3 * quietMax {
			if _, ok := q.pass(quietKey{k.addr, string(rune(i + 0x4e00))}); ok {
				passed++
			}
		}
		if passed > quietMax+1 || len(q.seen) > quietMax+1 {
			t.Error(passed, len(q.seen))
		}
	})
}
