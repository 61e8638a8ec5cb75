package subscriptions_test

import (
	"context"
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/subscriptions"
)

// long is a bookmark of 18 channels, as Windows writes it.
var long = func() string {
	var b strings.Builder
	b.WriteString("<BookmarkList>")
	for i := range 18 {
		fmt.Fprintf(&b, "<Bookmark Channel='Microsoft-Windows-Component-%d/Operational' RecordId='%d'/>", i, 1000003*i)
	}
	b.WriteString("</BookmarkList>")
	return b.String()
}()

// BenchmarkBoltPut is 64 sources at once, each waiting for the disk.
func BenchmarkBoltPut(b *testing.B) {
	store := open(b, filepath.Join(b.TempDir(), "state.db"))
	b.ReportAllocs()
	b.SetBytes(int64(len(long)))
	b.SetParallelism(64 / runtime.GOMAXPROCS(0))
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			k := subscriptions.Key{Subscription: id1, Source: fmt.Sprintf("pc%04d.corp.example", i%1000)}
			if err := store.Put(context.Background(), k, subscriptions.State{Bookmark: long, LastHeard: start}); err != nil {
				b.Error(err)
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "puts/s")
}

func BenchmarkBoltGet(b *testing.B) {
	store := open(b, filepath.Join(b.TempDir(), "state.db"))
	must(b, store.Put(context.Background(), key1, subscriptions.State{Bookmark: long, LastHeard: start}))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := store.Get(key1); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkShorten(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(int64(len(long)))
	short := ""
	for b.Loop() {
		short = subscriptions.Shorten(long)
	}
	b.ReportMetric(float64(len(short)), "stored-bytes")
}

// BenchmarkEvents is what a batch costs in this room: stores and sinks that do nothing.
func BenchmarkEvents(b *testing.B) {
	for _, n := range []int{10, 50, 160} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			bench := newBench(b, example())
			bench.sink.deliver = func(context.Context, *events.Batch) error { return nil }
			m := message(mark1)
			for range n {
				m.Items = append(m.Items, []byte(ordinary+strings.Repeat(" ", 900)))
			}
			b.ReportAllocs()
			for b.Loop() {
				must(b, bench.Events(context.Background(), pc1, m))
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/event")
		})
	}
}

// BenchmarkStandings asks for all of 100,000 sources in three subscriptions, as a count of hosts does.
func BenchmarkStandings(b *testing.B) {
	var subs []*subscriptions.Subscription
	store := newStore()
	const n = 100000
	names := make([]string, n)
	for i := range names {
		names[i] = fmt.Sprintf("pc-%06d$@corp.example", i)
	}
	for i := range 3 {
		s := subscriptions.New()
		s.Name, s.ID = fmt.Sprint("s", i), fmt.Sprintf("0b5a3f2e-8c1d-4f6a-9e7b-2d3c4b5a697%d", i)
		subs = append(subs, s)
		for _, name := range names {
			store.states[subscriptions.Key{Subscription: s.ID, Source: name}] = subscriptions.State{LastHeard: time.Now(), LastEvents: time.Now()}
		}
	}
	m := subscriptions.NewManager(store, nil, nil)
	m.Replace(subs)
	b.Cleanup(func() { m.Close(context.Background()) })
	var into []subscriptions.Standing
	for b.Loop() {
		for _, name := range names {
			into = m.Standings(into[:0], name)
		}
	}
}
