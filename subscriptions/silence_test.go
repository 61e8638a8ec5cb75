package subscriptions_test

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/wefka/wefka/subscriptions"
)

// Requirement 73: heartbeat 1h, max_time 30s, so "alive" lasts 1h1m30s.
func TestRequirement73States(t *testing.T) {
	type act func(b *bench)
	enumerate := func(b *bench) { b.enumerate(pc1) }
	deliver := func(b *bench) { b.events(mark1, ordinary) }
	beat := func(b *bench) { must(b.t, b.heartbeat(pc1)) }
	later := func(b *bench) {
		b.sink.fail = notStored
		if b.Events(context.Background(), pc1, message(mark2, ordinary)) == nil {
			b.t.Error("acked")
		}
	}
	end := func(b *bench) { b.end() }
	wait := func(d time.Duration) act { return func(b *bench) { b.clock = b.clock.Add(d) } }
	for _, c := range []struct {
		name string
		acts []act
		want subscriptions.Liveness
	}{
		{"asks and never delivers", []act{enumerate}, subscriptions.NotDelivering},
		{"asks for days and never delivers", []act{enumerate, wait(72 * time.Hour), enumerate}, subscriptions.NotDelivering},
		{"asked and beats", []act{enumerate, beat}, subscriptions.Alive},
		{"delivers", []act{enumerate, beat, deliver}, subscriptions.Active},
		{"delivered an interval ago", []act{deliver, wait(time.Hour)}, subscriptions.Active},
		{"delivered a little longer ago", []act{deliver, wait(time.Hour + time.Second)}, subscriptions.Alive},
		{"beat, on its way", []act{beat, wait(time.Hour + 90*time.Second)}, subscriptions.Alive},
		{"silent for more than an interval", []act{beat, wait(time.Hour + 91*time.Second)}, subscriptions.Late},
		{"silent for two intervals", []act{beat, wait(2 * time.Hour)}, subscriptions.Late},
		{"silent for longer", []act{beat, wait(2*time.Hour + time.Second)}, subscriptions.Dead},
		{"dead though it enumerates", []act{deliver, wait(3 * time.Hour), enumerate}, subscriptions.Dead},
		{"back from the dead", []act{deliver, wait(30 * time.Hour), beat}, subscriptions.Alive},
		{"tries while Kafka is away", []act{deliver, wait(5 * time.Hour), later}, subscriptions.Alive},
		{"ended", []act{deliver, end}, subscriptions.Ended},
		{"ended long ago", []act{deliver, end, wait(100 * time.Hour)}, subscriptions.Ended},
		{"ended and heard again", []act{deliver, end, wait(time.Second), deliver}, subscriptions.Active},
	} {
		b := newBench(t, example())
		for _, act := range c.acts {
			act(b)
		}
		if got := b.Counts()["security"]; len(got) != 1 || got[c.want] != 1 {
			t.Errorf("%s: %v", c.name, got)
		}
		if c.name == "asks and never delivers" {
			continue // memory's alone
		}
		b.Save()
		after := newBench(t)
		after.clock, after.store.states = b.clock, b.store.states
		after.Replace([]*subscriptions.Subscription{example()})
		if got := after.Counts()["security"]; c.want != subscriptions.NotDelivering && got[c.want] != 1 {
			t.Errorf("%s, after a restart: %v", c.name, got)
		}
	}
}

func TestHostsMetric(t *testing.T) {
	off := example()
	off.Name, off.ID, off.Enabled = "off", "6"+off.ID[1:], false
	b := newBench(t, example(), off)
	b.events(mark1, ordinary)
	b.enumerate(source("dc1.corp.example", "192.0.2.8:1"))
	must(t, testutil.CollectAndCompare(named(b, "hosts"), strings.NewReader(`
# HELP hosts Sources by what their silence means.
# TYPE hosts gauge
hosts{state="active",subscription="security"} 1
hosts{state="alive",subscription="security"} 0
hosts{state="dead",subscription="security"} 0
hosts{state="ended",subscription="security"} 0
hosts{state="late",subscription="security"} 0
hosts{state="not_delivering",subscription="security"} 1
`)))
	b.Replace(nil)
	if n := testutil.CollectAndCount(named(b, "hosts")); n != 0 {
		t.Error("subscriptions that are gone are still counted:", n)
	}
}

func TestForget(t *testing.T) {
	b := newBench(t)
	b.ForgetAfter = 90 * 24 * time.Hour
	b.Replace([]*subscriptions.Subscription{example()})
	dc1 := source("dc1.corp.example", "192.0.2.8:1")
	b.events(mark1, ordinary)
	must(t, b.heartbeat(dc1))
	b.enumerate(source("curious.corp.example", "192.0.2.9:1"))
	b.Save()
	b.clock = b.clock.Add(89 * 24 * time.Hour)
	must(t, b.heartbeat(dc1))
	b.Save()
	b.Sweep()
	if len(b.store.states) != 2 || b.Remembered() != 3 {
		t.Fatal("forgot too early", b.store.states)
	}
	b.clock = b.clock.Add(2 * 24 * time.Hour)
	b.Sweep()
	if _, there := b.store.states[key1]; there || len(b.store.states) != 1 || b.Remembered() != 1 {
		t.Error("remembers", b.store.states)
	}
	if o := b.enumerate(pc1)[0]; o.Bookmark != nil {
		t.Error("a bookmark of a source that was forgotten")
	}
}

// The keeper saves and sweeps by its own clock, and Close waits for it.
func TestKeeper(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := newStore()
		m := subscriptions.NewManager(store, &fakeSink{}, nil)
		m.ForgetAfter = time.Hour
		m.Replace([]*subscriptions.Subscription{example()})
		b := &bench{t: t, Manager: m, store: store}
		must(t, b.heartbeat(pc1))
		time.Sleep(subscriptions.SaveEvery + time.Millisecond) // the bubble's clock: nobody waits
		synctest.Wait()
		if store.puts != 1 {
			t.Errorf("%d puts", store.puts)
		}
		time.Sleep(2*subscriptions.SweepEvery + time.Second)
		synctest.Wait()
		if len(store.states) != 0 {
			t.Errorf("%+v", store.states)
		}
		must(t, b.heartbeat(pc1))
		must(t, m.Close(context.Background()))
		if store.puts != 2 {
			t.Errorf("%d puts after Close", store.puts)
		}
	})
}

func TestCloseWithoutReplace(t *testing.T) {
	m := subscriptions.NewManager(newStore(), &fakeSink{}, nil)
	must(t, m.Close(context.Background()))
	must(t, m.Close(context.Background()))
	if m.Subscriptions() != nil || len(m.Counts()) != 0 {
		t.Error("subscriptions out of nothing")
	}
}
