package subscriptions_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"pgregory.net/rapid"

	"github.com/wefka/wefka/subscriptions"
)

var _ subscriptions.Store = (*subscriptions.Bolt)(nil)

var sameState = cmp.Options{cmpopts.EquateComparable(netip.Addr{}), cmpopts.EquateEmpty()}

func open(t testing.TB, path string) *subscriptions.Bolt {
	t.Helper()
	b, err := subscriptions.OpenBolt(path)
	must(t, err)
	t.Cleanup(func() { b.Close() })
	return b
}

func put(b *subscriptions.Bolt, k subscriptions.Key, bookmark string) error {
	return b.Put(context.Background(), k, subscriptions.State{Bookmark: bookmark})
}

func bookmark(t testing.TB, b *subscriptions.Bolt, k subscriptions.Key) string {
	t.Helper()
	s, err := b.Get(k)
	must(t, err)
	return s.Bookmark
}

func TestBoltKeepsEverything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	b := open(t, path)
	want := subscriptions.State{Bookmark: mark2, Version: "V", FirstSeen: start, LastEvents: start.Add(1), LastHeard: start.Add(2 * time.Hour), Ended: start.Add(3 * time.Hour),
		Addr: netip.MustParseAddr("2001:db8::1"), History: []subscriptions.Bookmark{{Text: mark1, Time: start}, {Text: "\x00odd", Time: time.Time{}}}}
	must(t, b.Put(context.Background(), key1, want))
	must(t, b.Close())
	must(t, b.Close())
	if err := put(b, key1, "late"); !errors.Is(err, subscriptions.ErrClosed) {
		t.Error("put after close:", err)
	}
	if _, err := b.Get(key1); err == nil {
		t.Error("get after close")
	}
	b = open(t, path)
	got, err := b.Get(key1)
	must(t, err)
	if diff := cmp.Diff(want, got, sameState); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got, err := b.Get(subscriptions.Key{Subscription: id1, Source: "unknown"}); err != nil || !cmp.Equal(got, subscriptions.State{}, sameState) {
		t.Error("unknown:", got, err)
	}
	must(t, b.Delete(context.Background(), key1))
	must(t, b.Delete(context.Background(), key1))
	if bookmark(t, b, key1) != "" {
		t.Error("deleted and there")
	}
}

func TestBoltIsLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	open(t, path)
	began := time.Now()
	_, err := subscriptions.OpenBolt(path)
	if err == nil || !strings.Contains(err.Error(), "another process has it open; stop that one, or give each its own state.path") || !strings.Contains(err.Error(), path) {
		t.Error(err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Error("took", took)
	}
}

func TestBoltRefusesOtherFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	must(t, os.WriteFile(path, []byte(strings.Repeat("no state file ", 5000)), 0o600))
	if _, err := subscriptions.OpenBolt(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Error(err)
	}
	if _, err := subscriptions.OpenBolt(filepath.Join(t.TempDir(), "no", "state.db")); err == nil {
		t.Error("a folder that is not there")
	}
}

func TestBoltAll(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "state.db"))
	want := map[subscriptions.Key]string{}
	var wait sync.WaitGroup
	for i := range 2500 { // more than two chunks
		k := subscriptions.Key{Subscription: fmt.Sprint("s", i%3), Source: fmt.Sprint("pc", i)}
		want[k] = fmt.Sprint(i)
		wait.Go(func() { check(t, put(b, k, fmt.Sprint(i))) })
	}
	wait.Wait()
	got := map[subscriptions.Key]string{}
	for k, s := range b.All() {
		if _, twice := got[k]; twice {
			t.Error("twice", k)
		}
		got[k] = s.Bookmark
		if len(got) == 1500 { // a writer is not held up by a reader
			must(t, put(b, key1, "x"))
			must(t, b.Delete(context.Background(), key1))
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for range b.All() {
		break
	}
}

// Each commit failing in both ways, then healed.
func TestBoltFaults(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "state.db"))
	must(t, put(b, key1, "before"))
	for _, c := range []struct {
		fault fault
		want  string
	}{{notStored, "before"}, {stored, "during"}} {
		b.Intercept(func(commit func() error) error {
			if c.fault == stored {
				must(t, commit())
			}
			return errFault
		})
		if err := put(b, key1, "during"); !errors.Is(err, errFault) {
			t.Fatal("a failed commit was reported as", err)
		}
		if got := bookmark(t, b, key1); got != c.want {
			t.Errorf("fault %d: %s", c.fault, got)
		}
		if got := testutil.ToFloat64(b.Metrics()[2]); got != 0 {
			t.Error("state_ready", got)
		}
		b.Intercept(func(commit func() error) error { return commit() })
		must(t, put(b, key1, "after"))
		if got := bookmark(t, b, key1); got != "after" || testutil.ToFloat64(b.Metrics()[2]) != 1 {
			t.Error("healed:", got)
		}
		must(t, put(b, key1, "before"))
	}
}

// A full disk: bbolt's own limit makes its commit fail for real.
func TestBoltFullDisk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	b, err := subscriptions.OpenLimited(path, 1<<20)
	must(t, err)
	written := 0
	for err == nil {
		if err = put(b, subscriptions.Key{Subscription: id1, Source: fmt.Sprint("pc", written)}, strings.Repeat("x", 50<<10)); err == nil {
			written++
		}
		if written > 100 {
			t.Fatal("the disk is never full")
		}
	}
	if written < 3 {
		t.Fatal("full at once:", err)
	}
	must(t, b.Close())
	b = open(t, path)
	n := 0
	for _, s := range b.All() {
		if n++; len(s.Bookmark) != 50<<10 {
			t.Error("damaged")
		}
	}
	if n != written {
		t.Errorf("%d of %d states", n, written)
	}
	must(t, put(b, key1, "room again"))
}

func TestBoltReadOnly(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state.db")
	b := open(t, path)
	must(t, put(b, key1, mark1))
	must(t, b.Close())
	b, err := subscriptions.OpenReadOnly(path)
	must(t, err)
	defer b.Close()
	if err := put(b, key1, mark2); err == nil {
		t.Error("written")
	}
	if bookmark(t, b, key1) != mark1 {
		t.Error("unreadable")
	}
}

func TestBoltPutWaitsNoLongerThanItsContext(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "state.db"))
	entered, leave := make(chan struct{}), make(chan struct{})
	b.Intercept(func(commit func() error) error { entered <- struct{}{}; <-leave; return commit() })
	first := make(chan error)
	go func() { first <- put(b, key1, "first") }()
	<-entered
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	if err := b.Put(ctx, key1, subscriptions.State{Bookmark: "given up"}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if lag := testutil.ToFloat64(b.Metrics()[3]); lag != 1 {
		t.Error("state_lag_records", lag)
	}
	second := make(chan error)
	go func() { second <- put(b, key1, "second") }() // the latest of one group wins
	for {
		if err := b.Put(ctx, subscriptions.Key{Subscription: id1, Source: "other"}, subscriptions.State{}); err == nil {
			t.Fatal("committed")
		}
		if testutil.ToFloat64(b.Metrics()[3]) == 2 {
			break
		}
	}
	close(leave)
	go func() {
		for range entered {
		}
	}()
	must(t, <-first)
	must(t, <-second)
	if got := bookmark(t, b, key1); got != "second" {
		t.Error(got)
	}
	must(t, b.Close())
	close(entered)
}

func TestBoltGroups(t *testing.T) {
	b := open(t, filepath.Join(t.TempDir(), "state.db"))
	commits := 0
	b.Intercept(func(commit func() error) error { commits++; return commit() })
	var wait sync.WaitGroup
	for i := range 64 {
		wait.Go(func() {
			for range 10 {
				check(t, put(b, subscriptions.Key{Subscription: id1, Source: fmt.Sprint(i)}, mark1))
			}
		})
	}
	wait.Wait()
	must(t, b.Close())
	if commits >= 640/4 {
		t.Errorf("%d commits for 640 puts", commits)
	}
	must(t, testutil.CollectAndCompare(b.Metrics()[0], strings.NewReader(`
# HELP bookmark_writes_total States written, by result.
# TYPE bookmark_writes_total counter
bookmark_writes_total{backend="bbolt",result="error"} 0
bookmark_writes_total{backend="bbolt",result="ok"} 640
`)))
}

// The store against a map, over any order of calls and re-openings.
func TestBoltIsAMap(t *testing.T) {
	dir := t.TempDir()
	files := 0
	rapid.Check(t, func(t *rapid.T) {
		files++
		path := filepath.Join(dir, fmt.Sprint(files))
		b, err := subscriptions.OpenBolt(path)
		if err != nil {
			t.Fatal(err)
		}
		b.Hurry()
		defer func() { b.Close(); os.Remove(path) }()
		model := map[subscriptions.Key]subscriptions.State{}
		key := rapid.Custom(func(t *rapid.T) subscriptions.Key {
			return subscriptions.Key{Subscription: rapid.SampledFrom([]string{"a", "b", "ab"}).Draw(t, "subscription"), Source: rapid.SampledFrom([]string{"", "a", "b", "pc-1$@r"}).Draw(t, "source")}
		})
		t.Repeat(map[string]func(*rapid.T){
			"put": func(t *rapid.T) {
				k, s := key.Draw(t, "key"), subscriptions.State{Bookmark: string(rapid.SliceOf(rapid.Byte()).Draw(t, "bookmark")), Version: rapid.String().Draw(t, "version"), LastHeard: start}
				if err := b.Put(context.Background(), k, s); err != nil {
					t.Fatal(err)
				}
				model[k] = s
			},
			"delete": func(t *rapid.T) {
				k := key.Draw(t, "key")
				if err := b.Delete(context.Background(), k); err != nil {
					t.Fatal(err)
				}
				delete(model, k)
			},
			"open again": func(t *rapid.T) {
				b.Close()
				if b, err = subscriptions.OpenBolt(path); err != nil {
					t.Fatal(err)
				}
				b.Hurry()
			},
			"": func(t *rapid.T) {
				got := map[subscriptions.Key]subscriptions.State{}
				for k, s := range b.All() {
					got[k] = s
				}
				if diff := cmp.Diff(model, got, sameState); diff != "" {
					t.Fatal(diff)
				}
			},
		})
	})
}

const crashFile = "WEFKA_TEST_CRASH_FILE" // makes the test binary a child that writes until it is killed

func TestBoltSurvivesKill(t *testing.T) {
	if path := os.Getenv(crashFile); path != "" {
		writeUntilKilled(path)
	}
	path := filepath.Join(t.TempDir(), "state.db")
	saved := map[string]string{}
	for round := range 5 {
		child := exec.Command(os.Args[0], "-test.run=^TestBoltSurvivesKill$")
		child.Env = append(os.Environ(), crashFile+"="+path)
		out, err := child.StdoutPipe()
		must(t, err)
		must(t, child.Start())
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			source, text, _ := strings.Cut(lines.Text(), " ")
			saved[source] = text
			if n == 100*(round+1) {
				must(t, child.Process.Kill()) // and read on: what it still said counts
			}
		}
		child.Wait()
		b := open(t, path)
		for source, text := range saved {
			got := bookmark(t, b, subscriptions.Key{Subscription: id1, Source: source})
			if number(t, got) < number(t, text) { // a newer one may be there: stored, and not yet said
				t.Errorf("%s: said %s, has %q", source, text, got)
			}
		}
		must(t, b.Close())
	}
	if len(saved) < 8 {
		t.Error("the child wrote nothing:", saved)
	}
}

func number(t *testing.T, text string) (n int) {
	t.Helper()
	if _, err := fmt.Sscanf(text, "mark-%d", &n); err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return n
}

func writeUntilKilled(path string) {
	b, err := subscriptions.OpenBolt(path)
	if err != nil {
		panic(err)
	}
	base := time.Now().UnixNano() // numbers grow from child to child
	var mu sync.Mutex
	for i := range 8 {
		go func() {
			for n := 0; ; n++ {
				text := fmt.Sprintf("mark-%d", base+int64(n))
				if err := put(b, subscriptions.Key{Subscription: id1, Source: fmt.Sprint("pc", i)}, text); err != nil {
					panic(err)
				}
				mu.Lock()
				fmt.Printf("pc%d %s\n", i, text) // one write: whole or not at all
				mu.Unlock()
			}
		}()
	}
	select {}
}

func FuzzBookmark(f *testing.F) {
	for _, s := range []string{"", mark1, backward, "\x00", "\x00\x00", "\x01", "'/>", "\xff", "<BookmarkList><Bookmark Channel='Microsoft-Windows-Sysmon/Operational' RecordId='9' IsCurrent='true'/></BookmarkList>",
		"\"/>\x0b", "Microsoft-Windows-Microsoft-Windows-/Admin/Operational", " a\r\n\tb "} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		want := subscriptions.State{Bookmark: text, Version: text, Addr: netip.MustParseAddr("192.0.2.7"), History: []subscriptions.Bookmark{{Text: text, Time: start}}}
		got, err := subscriptions.Unpack(subscriptions.Pack(want)) // what Bolt stores: TestBoltIsAMap goes through the file
		must(t, err)
		if diff := cmp.Diff(want, got, sameState); diff != "" {
			t.Fatal(diff)
		}
	})
}

// What stands in a file may be damaged: an error, never a panic, never more memory than the file's own size justifies.
func FuzzUnpack(f *testing.F) {
	f.Add(subscriptions.Pack(subscriptions.State{}))
	f.Add(subscriptions.Pack(subscriptions.State{Bookmark: mark1, LastHeard: start, Addr: pc1.Addr.Addr(), History: []subscriptions.Bookmark{{Text: mark2, Time: start}}}))
	f.Add([]byte{})
	f.Add([]byte{2})
	f.Add([]byte("\x01\xff\xff\xff\xff\xff\xff\xff\xff\x7f"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := subscriptions.Unpack(data)
		if err != nil {
			return
		}
		again, err := subscriptions.Unpack(subscriptions.Pack(s))
		must(t, err)
		if diff := cmp.Diff(s, again, sameState); diff != "" {
			t.Fatal(diff)
		}
	})
}
