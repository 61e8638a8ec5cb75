package simulator_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wefka/wefka/simulator"
)

// bubble runs a test in virtual time, and waits for the collector's connections at its end.
func bubble(t *testing.T, f func(t *testing.T, start func(...offered) *collector)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f(t, func(offers ...offered) *collector {
			c := newCollector(t, offers...)
			t.Cleanup(c.open.Wait)
			return c
		})
	})
}

// TestOrder is the sequence of a source over TLS: two connections, heartbeat first, one request in flight, goodbye at the end.
func TestOrder(t *testing.T) {
	bubble(t, func(t *testing.T, start func(...offered) *collector) {
		c := start(offered{bookmark: "earliest"})
		c.echo = true
		f := c.fleet()
		f.Events, f.Batch = 120, 50
		report := run(t, f)
		want := `1 /wsman/SubscriptionManager/WEC Enumerate 0
1 /wsman/SubscriptionManager/WEC End 0
2 /wsman/subscriptions/3B0C6E52-9A47-4D1F-8E35-71C2D4F9A860 Heartbeat 0
2 /wsman/subscriptions/3B0C6E52-9A47-4D1F-8E35-71C2D4F9A860 Events 50
2 /wsman/subscriptions/3B0C6E52-9A47-4D1F-8E35-71C2D4F9A860 Events 50
2 /wsman/subscriptions/3B0C6E52-9A47-4D1F-8E35-71C2D4F9A860 Events 20
2 /wsman/subscriptions/3B0C6E52-9A47-4D1F-8E35-71C2D4F9A860 SubscriptionEnd 0
`
		if c.steps[1].action == "Heartbeat" { // they are on two connections, and may overtake
			c.steps[1], c.steps[2] = c.steps[2], c.steps[1]
		}
		if d := cmp.Diff(want, c.story()); d != "" {
			t.Error(d)
		}
		end := c.seen("SubscriptionEnd")[0].text
		if !strings.Contains(end, "PT0.500S") || !strings.Contains(end, "/SourceShuttingDown") {
			t.Error(end)
		}
		if !report.OK() || report.Events.Acked != 120 || report.Batches.Acked != 3 || report.Heartbeats != 1 || report.Enumerations != 1 {
			t.Errorf("%+v", report)
		}
		if d := cmp.Diff(map[string]int64{"200": 5, "204": 1}, report.Status); d != "" {
			t.Error(d)
		}
	})
}

// TestEnd is sent when the collector echoes the operation, or when told so.
func TestEnd(t *testing.T) {
	for _, c := range []struct{ echo, always bool }{{false, false}, {true, false}, {false, true}} {
		bubble(t, func(t *testing.T, start func(...offered) *collector) {
			collector := start(offered{bookmark: "earliest"})
			collector.echo = c.echo
			f := collector.fleet()
			f.Events, f.AlwaysEnd = 1, c.always
			run(t, f)
			if got := len(collector.seen("End")) == 1; got != (c.echo || c.always) {
				t.Errorf("echo %v, always %v: End %v", c.echo, c.always, got)
			}
		})
	}
}

// TestStamps: of each event three values are the host's, everything else is as recorded.
func TestStamps(t *testing.T) {
	recorded := map[string]bool{}
	for line := range strings.Lines(string(simulator.Sample)) {
		recorded[unstamped(strings.TrimSuffix(line, "\n"))] = true
	}
	bubble(t, func(t *testing.T, start func(...offered) *collector) {
		c := start(offered{bookmark: "earliest"})
		f := c.fleet()
		f.Hosts, f.Events = 3, 300
		run(t, f)
		next := map[string]int{}
		kinds := map[string]bool{}
		previous := map[string]string{}
		for _, s := range c.seen("Events") {
			for _, e := range s.events {
				if !recorded[unstamped(e)] {
					t.Fatalf("not as recorded: %s", e)
				}
				kinds[unstamped(e)] = true
				next[s.peer]++
				if !strings.Contains(e, "<Computer>"+s.peer+"</Computer>") || find(reRecord, e) != fmt.Sprint(next[s.peer]) {
					t.Fatalf("%s, event %d: %s", s.peer, next[s.peer], e)
				}
				created, err := time.Parse("2006-01-02T15:04:05.0000000Z", find(reCreated, e))
				if err != nil || time.Since(created).Abs() > time.Second || find(reCreated, e) <= previous[s.peer] {
					t.Fatalf("created %s after %s, %v", find(reCreated, e), previous[s.peer], err)
				}
				previous[s.peer] = find(reCreated, e)
			}
			if want := fmt.Sprintf(`<BookmarkList><Bookmark Channel="Microsoft-Windows-Sysmon/Operational" RecordId="%d" IsCurrent="true"/></BookmarkList>`, next[s.peer]); s.bookmark != want {
				t.Errorf("bookmark %s, want %s", s.bookmark, want)
			}
		}
		if d := cmp.Diff(map[string]int{"sim-00001.lab.example": 100, "sim-00002.lab.example": 100, "sim-00003.lab.example": 100}, next); d != "" {
			t.Error(d)
		}
		if len(kinds) != len(recorded) {
			t.Errorf("%d of %d recorded events were sent", len(kinds), len(recorded))
		}
	})
}

// TestSeed: the same seed, the same events in the same order; another one, other events.
func TestSeed(t *testing.T) {
	sent := func(seed uint64) (list []string) {
		bubble(t, func(t *testing.T, start func(...offered) *collector) {
			c := start(offered{bookmark: "earliest"})
			f := c.fleet()
			f.Hosts, f.Events, f.Seed, f.Batch = 4, 40, seed, 7
			run(t, f)
			for _, s := range c.seen("Events") {
				for _, e := range s.events {
					list = append(list, s.peer+" "+find(reRecord, e)+" "+unstamped(e))
				}
			}
		})
		slices.Sort(list)
		return list
	}
	if d := cmp.Diff(sent(1), sent(1)); d != "" {
		t.Error(d)
	}
	if cmp.Equal(sent(1), sent(2)) {
		t.Error("seed 2 sends what seed 1 sends")
	}
}

// TestAckedFile: one id a line, for what was Acked and nothing else.
func TestAckedFile(t *testing.T) {
	bubble(t, func(t *testing.T, start func(...offered) *collector) {
		c := start(offered{bookmark: "earliest", retries: 1, retryPause: time.Second})
		c.refuse = func(_ int, s step) int {
			if s.action == "Events" && len(c.steps) > 4 {
				return 503
			}
			return 0
		}
		var acked bytes.Buffer
		f := c.fleet()
		f.Events, f.Batch, f.Acked, f.Name = 30, 10, &acked, "PC-7.Lab.Example"
		report := run(t, f)
		var want strings.Builder
		for _, s := range c.seen("Events")[:2] {
			for _, e := range s.events {
				parts := []string{"pc-7.lab.example", "PC-7.Lab.Example", "Microsoft-Windows-Sysmon/Operational", "Microsoft-Windows-Sysmon", find(reRecord, e), find(reCreated, e)}
				sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
				fmt.Fprintln(&want, hex.EncodeToString(sum[:16]))
			}
		}
		if d := cmp.Diff(want.String(), acked.String()); d != "" {
			t.Error(d)
		}
		if report.OK() || report.Events.Sent != 30 || report.Events.Acked != 20 || report.Events.Unacked != 10 || report.Batches.Refused != 2 || report.Batches.Retried != 1 {
			t.Errorf("%+v", report)
		}
	})
}

// TestStop: a fleet without end stops with its context, sends what it has and says goodbye.
func TestStop(t *testing.T) {
	bubble(t, func(t *testing.T, start func(...offered) *collector) {
		c := start(offered{bookmark: "earliest", maxTime: time.Hour})
		f := c.fleet()
		f.Hosts, f.Rate = 2, 4
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		begun := time.Now()
		report := runWith(t, ctx, f)
		if !report.OK() || report.Events.Sent < 38 || report.Events.Sent > 42 || report.Batches.Sent != 2 {
			t.Errorf("%+v", report)
		}
		if len(c.seen("SubscriptionEnd")) != 2 || time.Since(begun) > 11*time.Second {
			t.Errorf("after %v:\n%s", time.Since(begun), c.story())
		}
	})
}

// TestDuration ends a run, and what was refused is tried again for a while.
func TestDuration(t *testing.T) {
	for _, c := range []struct {
		name    string
		until   time.Duration
		stopped bool
		ok      bool
		took    time.Duration
	}{
		{"comes back", 40 * time.Second, false, true, 45 * time.Second},
		{"stays away", time.Hour, false, false, 10*time.Second + time.Minute},
		{"is interrupted", time.Hour, true, false, 10*time.Second + 5*time.Second},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, start func(...offered) *collector) {
				collector := start(offered{bookmark: "earliest", retries: 1000, retryPause: 5 * time.Second})
				begun := time.Now()
				collector.refuse = func(_ int, s step) int {
					if s.action == "Events" && time.Since(begun) < c.until {
						return 503
					}
					return 0
				}
				f := collector.fleet()
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if f.Duration = 10 * time.Second; c.stopped {
					f.Duration = 0
					time.AfterFunc(10*time.Second, cancel)
				}
				report := runWith(t, ctx, f)
				if took := time.Since(begun); report.OK() != c.ok || took > c.took+time.Second || took < 10*time.Second {
					t.Errorf("after %v: %+v", took, report)
				}
			})
		})
	}
}

// TestRefusals: what a fleet does not even begin.
func TestRefusals(t *testing.T) {
	c := newCollector(t)
	for _, r := range []struct {
		name string
		set  func(*simulator.Fleet)
		want string
	}{
		{"no URL", func(f *simulator.Fleet) { f.URL = "wec01" }, "no URL"},
		{"plain HTTP", func(f *simulator.Fleet) { f.URL = "http://localhost:5985/" }, "only https"},
		{"remote address", func(f *simulator.Fleet) { f.Connect, f.URL = "", "https://192.0.2.10:5986/" }, "not on this machine"},
		{"remote through connect", func(f *simulator.Fleet) { f.Connect = "198.51.100.4" }, "not on this machine"},
		{"mapped address", func(f *simulator.Fleet) { f.Connect = "[::ffff:192.0.2.1]:5986" }, "not on this machine"},
		{"no certificate", func(f *simulator.Fleet) { f.Issuer = nil }, "certificates"},
		{"one name for all", func(f *simulator.Fleet) { f.Hosts, f.Name = 2, "pc" }, "%d"},
		{"bad name", func(f *simulator.Fleet) { f.Name = "a b" }, "host name"},
		{"negative", func(f *simulator.Fleet) { f.Rate = -1 }, "negative"},
		{"no corpus", func(f *simulator.Fleet) { f.Corpus = []string{"testdata/missing.xmll"} }, "missing.xmll"},
	} {
		t.Run(r.name, func(t *testing.T) {
			f := c.fleet()
			f.Dial = func(context.Context, string, string) (net.Conn, error) { panic("dialled") }
			r.set(f)
			if report, err := f.Run(t.Context()); err == nil || !strings.Contains(err.Error(), r.want) {
				t.Errorf("%v, %+v", err, report)
			}
		})
	}
}

// TestSLDCAndEncoding: as offered, or as told.
func TestSLDCAndEncoding(t *testing.T) {
	for _, c := range []struct {
		name  string
		mode  string
		offer bool
		want  string
	}{{"offered", "auto", true, "SLDC"}, {"not offered", "auto", false, ""}, {"on", "on", false, "SLDC"}, {"off", "off", true, ""}} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, start func(...offered) *collector) {
				collector := start(offered{bookmark: "earliest", compression: c.offer, retries: 0, retryPause: time.Second})
				f := collector.fleet()
				f.Events = 1
				var err error
				if f.SLDC, err = simulator.ParseSLDC(c.mode); err != nil {
					t.Fatal(err)
				}
				run(t, f)
				if s := collector.steps[1]; s.encoding != c.want || (s.action == "?") != (c.want == "SLDC") || collector.steps[0].encoding != "" {
					t.Errorf("%+v", s)
				}
			})
		})
	}
	if _, err := simulator.ParseSLDC("yes"); err == nil {
		t.Error("sldc yes is accepted")
	}
	bubble(t, func(t *testing.T, start func(...offered) *collector) {
		c := start(offered{bookmark: "earliest"})
		f := c.fleet()
		f.Events, f.UTF8 = 50, true
		if report := run(t, f); !report.OK() || !strings.HasPrefix(c.seen("Events")[0].text, "<s:Envelope") || report.Bytes.Wire > report.Bytes.Text*12/10 {
			t.Errorf("%+v", report)
		}
	})
}

// TestGate pauses hosts, and stops one.
func TestGate(t *testing.T) {
	bubble(t, func(t *testing.T, start func(...offered) *collector) {
		c := start(offered{bookmark: "earliest"})
		f := c.fleet()
		open := make(chan struct{})
		var once sync.Once
		f.Events, f.Batch = 20, 10
		f.Gate = func(ctx context.Context) error {
			once.Do(func() { time.AfterFunc(time.Hour, func() { close(open) }) })
			select {
			case <-open:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		begun := time.Now()
		if report := run(t, f); !report.OK() || c.seen("Events")[0].at.Sub(begun) < time.Hour {
			t.Errorf("%+v", report)
		}
	})
}

// TestProgress ends with what the report says.
func TestProgress(t *testing.T) {
	bubble(t, func(t *testing.T, start func(...offered) *collector) {
		c := start(offered{bookmark: "earliest", maxTime: time.Second})
		f := c.fleet()
		f.Hosts, f.Rate, f.Events = 2, 10, 50
		var all []simulator.Snapshot
		f.Progress = func(s simulator.Snapshot) { all = append(all, s) }
		report := run(t, f)
		last := all[len(all)-1]
		if len(all) < 5 || !last.Done || last.Acked != report.Events.Acked || last.Sent != 50 || all[2].Hosts != 2 || all[2].Done {
			t.Errorf("%+v", all)
		}
	})
}

// TestReportJSON has the members that are promised, in their order.
func TestReportJSON(t *testing.T) {
	bubble(t, func(t *testing.T, start func(...offered) *collector) {
		c := start(offered{bookmark: "earliest"})
		f := c.fleet()
		f.Events = 450
		text, err := json.Marshal(run(t, f))
		if err != nil {
			t.Fatal(err)
		}
		shape := regexp.MustCompile(`:-?[0-9.]+(e-?[0-9]+)?`).ReplaceAllString(string(text), ":0")
		want := `{"hosts":0,"seed":0,"seconds":0,"enumerations":0,"heartbeats":0,"batches":{"sent":0,"acked":0,"retried":0,"refused":0},"events":{"sent":0,"acked":0,"unacked":0},` +
			`"bytes":{"wire":0,"text":0},"status":{"200":0},"errors":{},"latency_ms":{"p50":0,"p99":0,"max":0},"events_per_second":0,"cpu_seconds":0}`
		if d := cmp.Diff(want, shape); d != "" {
			t.Error(d)
		}
		if !strings.Contains(string(text), `"status":{"200":11}`) || !strings.Contains(string(text), `"batches":{"sent":9,"acked":9,"retried":0,"refused":0}`) {
			t.Error(string(text))
		}
	})
}
