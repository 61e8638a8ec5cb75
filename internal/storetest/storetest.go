// Package storetest is the contract of subscriptions.Store, for every Store to be held against. Helper of tests.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wefka/wefka/subscriptions"
)

// ErrFault is the error of a durable step that fails on order.
var ErrFault = errors.New("fault on order")

// Subject is an open Store.
type Subject interface {
	subscriptions.Store
	Settle(ctx context.Context) error // makes durable what is not yet
	Close() error                     // durable stays what is, and no more
}

// Open opens the store on what the one before has left, and returns when it can be asked. fault, if not nil, stands in the place of
// each durable step, and calls it or not.
type Open func(t testing.TB, fault func(step func() error) error) Subject

// NotStored fails and has no effect.
func NotStored(func() error) error { return ErrFault }

// Stored has its effect, and fails.
func Stored(step func() error) error { return errors.Join(step(), ErrFault) }

var (
	start = time.Date(2026, 3, 5, 9, 0, 0, 0, time.UTC)
	same  = cmp.Options{cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty()}
	key   = subscriptions.Key{Subscription: "5f1c0d1e-2f7d-4a55-9b7e-6f6d6c1f0a11", Source: "pc-1$@corp.example"}
)

// State is one with everything.
func State(record int) subscriptions.State {
	text := func(n int) string {
		return fmt.Sprintf(`<BookmarkList><Bookmark Channel="Security" RecordId="%d" IsCurrent="true"/><Bookmark Channel='Microsoft-Windows-Sysmon/Operational' RecordId='%d'/></BookmarkList>`, n, 10*n)
	}
	at := start.Add(time.Duration(record) * time.Second)
	return subscriptions.State{Bookmark: text(record), Version: "66F4039E-9228-50A4-9CA8-8C192D73A9B7", FirstSeen: start, LastEvents: at, LastHeard: at.Add(time.Hour), Ended: at.Add(2 * time.Hour),
		Addr: netip.MustParseAddr("2001:db8::1"), History: []subscriptions.Bookmark{{Text: text(record - 1), Time: start}, {Text: "\x00 007 odd 18446744073709551616", Time: time.Time{}}}}
}

// Run holds a store against the contract. fresh gives a new, empty place.
func Run(t *testing.T, fresh func(t testing.TB) Open) {
	t.Run("keeps everything", func(t *testing.T) { keeps(t, fresh(t)) })
	t.Run("all", func(t *testing.T) { all(t, fresh(t)) })
	t.Run("is a map", func(t *testing.T) { isMap(t, fresh(t)) })
	for name, fault := range map[string]func(func() error) error{"failed and not stored": NotStored, "failed but stored": Stored} {
		t.Run(name, func(t *testing.T) {
			for step, change := range map[string]func(ctx context.Context, s Subject) error{
				"first": func(ctx context.Context, s Subject) error {
					return s.Put(ctx, subscriptions.Key{Subscription: "new", Source: "pc"}, State(2))
				},
				"later":  func(ctx context.Context, s Subject) error { return s.Put(ctx, key, State(2)) },
				"delete": func(ctx context.Context, s Subject) error { return s.Delete(ctx, key) },
			} {
				t.Run(step, func(t *testing.T) { faulty(t, fresh(t), fault, step, change) })
			}
		})
	}
}

func keeps(t *testing.T, open Open) {
	ctx := t.Context()
	s := open(t, nil)
	want := State(2)
	must(t, s.Put(ctx, key, want))
	holds(t, s, key, want)
	must(t, s.Settle(ctx))
	holds(t, s, key, want)
	holds(t, s, subscriptions.Key{Subscription: key.Subscription, Source: "unknown"}, subscriptions.State{})
	must(t, s.Close())
	must(t, s.Close())
	if err := s.Put(ctx, key, want); !errors.Is(err, subscriptions.ErrClosed) {
		t.Error("put after close:", err)
	}
	if _, err := s.Get(key); err == nil {
		t.Error("get after close")
	}
	s = open(t, nil)
	holds(t, s, key, want)
	must(t, s.Delete(ctx, key))
	must(t, s.Delete(ctx, key))
	holds(t, s, key, subscriptions.State{})
	must(t, s.Close())
	s = open(t, nil)
	holds(t, s, key, subscriptions.State{})
	must(t, s.Close())
}

func all(t *testing.T, open Open) {
	ctx := t.Context()
	s := open(t, nil)
	want := map[subscriptions.Key]subscriptions.State{}
	for i := range 500 {
		k := subscriptions.Key{Subscription: fmt.Sprint("s", i%3), Source: fmt.Sprint("pc", i)}
		want[k] = subscriptions.State{LastHeard: start, Version: fmt.Sprint(i)} // no bookmark: nobody waits
	}
	puts := make(chan error)
	for k, st := range want {
		go func() { puts <- s.Put(ctx, k, st) }()
	}
	for range want {
		must(t, <-puts)
	}
	got := map[subscriptions.Key]subscriptions.State{}
	for k, st := range s.All() {
		if _, twice := got[k]; twice {
			t.Error("twice:", k)
		}
		got[k] = st
		if len(got) == 250 { // a writer is not held up by a reader
			must(t, s.Put(ctx, key, State(1)))
			must(t, s.Delete(ctx, key))
		}
	}
	delete(got, key)
	if diff := cmp.Diff(want, got, same); diff != "" {
		t.Error(diff)
	}
	for range s.All() {
		break
	}
	must(t, s.Close())
}

// isMap is the store against a map, over a random order of calls and re-openings.
func isMap(t *testing.T, open Open) {
	ctx := t.Context()
	random := rand.New(rand.NewPCG(1, 2))
	s := open(t, nil)
	model := map[subscriptions.Key]subscriptions.State{}
	for step := range 200 {
		k := subscriptions.Key{Subscription: fmt.Sprint("s", random.IntN(3)), Source: fmt.Sprint("pc", random.IntN(4))}
		switch n := random.IntN(20); {
		case n == 0:
			must(t, s.Settle(ctx))
			must(t, s.Close())
			s = open(t, nil)
		case n < 5:
			must(t, s.Delete(ctx, k))
			delete(model, k)
		default:
			st := State(step)
			must(t, s.Put(ctx, k, st))
			model[k] = st
		}
		if diff := cmp.Diff(model, maps.Collect(s.All()), same); diff != "" {
			t.Fatalf("step %d: %s", step, diff)
		}
		holds(t, s, k, model[k])
	}
	must(t, s.Close())
}

// faulty does one change whose durable step fails, ends the store as a crash would, and looks what is there.
func faulty(t *testing.T, open Open, fault func(func() error) error, step string, change func(context.Context, Subject) error) {
	ctx := t.Context()
	s := open(t, nil)
	must(t, s.Put(ctx, key, State(1)))
	must(t, s.Settle(ctx))
	before := maps.Collect(s.All())
	must(t, s.Close())

	failing := false
	s = open(t, func(do func() error) error {
		if failing {
			return fault(do)
		}
		return do()
	})
	failing = true
	err := errors.Join(change(ctx, s), s.Settle(ctx))
	if !errors.Is(err, ErrFault) {
		t.Fatal("a step that failed was reported as", err)
	}
	must(t, s.Close())

	s = open(t, nil)
	failing = false
	want := before
	if isStored(fault) {
		want = map[subscriptions.Key]subscriptions.State{key: State(2)}
		switch step {
		case "first":
			want[key] = State(1)
			want[subscriptions.Key{Subscription: "new", Source: "pc"}] = State(2)
		case "delete":
			delete(want, key)
		}
	}
	if diff := cmp.Diff(want, maps.Collect(s.All()), same); diff != "" {
		t.Error("after the fault:", diff)
	}
	must(t, change(ctx, s)) // healed
	must(t, s.Settle(ctx))
	must(t, s.Put(ctx, key, State(3)))
	must(t, s.Settle(ctx))
	must(t, s.Close())
	s = open(t, nil)
	holds(t, s, key, State(3))
	must(t, s.Close())
}

func isStored(fault func(func() error) error) (stored bool) {
	_ = fault(func() error { stored = true; return nil })
	return stored
}

func holds(t *testing.T, s subscriptions.Store, k subscriptions.Key, want subscriptions.State) {
	t.Helper()
	got, err := s.Get(k)
	must(t, err)
	if diff := cmp.Diff(want, got, same); diff != "" {
		t.Errorf("%v: -want +got:\n%s", k, diff)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
