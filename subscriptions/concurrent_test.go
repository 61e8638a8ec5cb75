package subscriptions_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/subscriptions"
	"github.com/wefka/wefka/wsman"
)

// Two connections of one source: the batch that came first is whole before the next begins, whatever their number.
func TestOneBatchOfAStreamAtATime(t *testing.T) {
	b := newBench(t, example())
	var inside, most atomic.Int32
	order := make(chan string, 100)
	entered, leave := make(chan struct{}, 100), make(chan struct{})
	b.sink.deliver = func(_ context.Context, batch *events.Batch) error {
		most.Store(max(most.Load(), inside.Add(1)))
		defer inside.Add(-1)
		entered <- struct{}{}
		<-leave
		order <- string(batch.Raw[0])
		return nil
	}
	var wait sync.WaitGroup
	for i := range 20 {
		wait.Go(func() {
			check(t, b.Events(context.Background(), pc1, message(fmt.Sprint("mark ", i), fmt.Sprint(i))))
		})
		if i == 0 {
			<-entered
		}
		for b.Busy() != i+1 { // each has joined before the next comes
			time.Sleep(0)
		}
	}
	close(leave)
	wait.Wait()
	for i := range 20 {
		if got := <-order; got != fmt.Sprint(i) {
			t.Errorf("batch %s came in place %d", got, i)
		}
	}
	if most.Load() != 1 {
		t.Errorf("%d at once", most.Load())
	}
	if got := b.store.states[key1].Bookmark; got != "mark 19" {
		t.Errorf("an older bookmark won: %s", got)
	}
	if b.Busy() != 0 {
		t.Error("turns leak")
	}
}

func TestOtherStreamsDoNotWait(t *testing.T) {
	b := newBench(t, example())
	held := make(chan struct{})
	entered := make(chan struct{})
	b.sink.deliver = func(_ context.Context, batch *events.Batch) error {
		if batch.Source == pc1.Name {
			close(entered)
			<-held
		}
		return nil
	}
	done := make(chan error)
	go func() { done <- b.Events(context.Background(), pc1, message(mark1, ordinary)) }()
	<-entered
	must(t, b.Events(context.Background(), source("dc1.corp.example", "192.0.2.8:1"), message(mark2, ordinary)))
	must(t, b.heartbeat(pc1)) // nor do heartbeats
	b.Save()                  // nor does the keeper
	b.end()
	close(held)
	must(t, <-done)
	b.Save()
	if got := b.store.states[key1].Bookmark; got != mark1 {
		t.Error(got)
	}
}

func TestWaitingForTheTurnEndsWithTheContext(t *testing.T) {
	b := newBench(t, example())
	held, entered := make(chan struct{}), make(chan struct{}, 2)
	b.sink.deliver = func(context.Context, *events.Batch) error { entered <- struct{}{}; <-held; return nil }
	done := make(chan error)
	go func() { done <- b.Events(context.Background(), pc1, message(mark1, ordinary)) }()
	<-entered
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := b.Events(ctx, pc1, message(mark2, ordinary)); status(err) != 503 || !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	close(held)
	must(t, <-done)
	if b.Busy() != 0 || b.store.states[key1].Bookmark != mark1 {
		t.Error("the one that gave up left something behind")
	}
	b.sink.deliver = nil
	b.events(mark2, ordinary)
}

// The deadline that wsman sets reaches the sink, and ends the batch.
func TestRequirement12Deadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, example())
		b.sink.deliver = func(ctx context.Context, _ *events.Batch) error { <-ctx.Done(); return ctx.Err() }
		ctx, cancel := context.WithTimeout(context.Background(), 25*time.Second)
		defer cancel()
		began := time.Now()
		if err := b.Events(ctx, pc1, message(mark2, ordinary)); status(err) != 503 || !errors.Is(err, context.DeadlineExceeded) || time.Since(began) != 25*time.Second {
			t.Error(err, time.Since(began))
		}
		must(t, b.Close(context.Background()))
	})
}

// Everything at once, for the race detector, over a real store.
func TestEverythingAtOnce(t *testing.T) {
	store := open(t, t.TempDir()+"/state.db")
	m := subscriptions.NewManager(store, &fakeSink{}, nil)
	m.ForgetAfter = time.Hour
	m.Replace([]*subscriptions.Subscription{example()})
	b := &bench{t: t, Manager: m}
	var wait sync.WaitGroup
	for i := range 8 {
		from := source(fmt.Sprintf("pc%d.corp.example", i%4), "192.0.2.7:1")
		wait.Go(func() {
			for n := range 20 {
				_, err := m.Enumerate(context.Background(), from, &wsman.Enumerate{})
				check(t, err)
				check(t, b.heartbeat(from))
				check(t, m.Events(context.Background(), from, message(fmt.Sprint("mark ", n), ordinary, opening)))
			}
		})
	}
	wait.Go(func() {
		for range 20 {
			m.Replace([]*subscriptions.Subscription{example()})
			m.Save()
			m.Sweep()
			m.Counts()
			m.Subscriptions()
		}
	})
	wait.Wait()
	must(t, m.Close(context.Background()))
	for i := range 4 {
		s, err := store.Get(subscriptions.Key{Subscription: id1, Source: fmt.Sprintf("pc%d.corp.example", i)})
		if must(t, err); s.Bookmark != "mark 19" {
			t.Errorf("%+v", s)
		}
	}
}
