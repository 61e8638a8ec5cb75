package simulator_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// TestPosition: where a subscription begins.
func TestPosition(t *testing.T) {
	const (
		channel = "Microsoft-Windows-Sysmon/Operational"
		two     = `<QueryList><Query Id="0"><Select Path="Security">*</Select><Select Path="` + channel + `">*</Select></Query></QueryList>`
	)
	for _, c := range []struct {
		name, bookmark, query string
		first                 string // record of the first event
		last                  string // bookmark of the last request
	}{
		{"earliest", "earliest", sysmonOnly, "1", `<BookmarkList><Bookmark Channel="` + channel + `" RecordId="2" IsCurrent="true"/></BookmarkList>`},
		{"stored", `<BookmarkList><Bookmark Channel="` + channel + `" RecordId="500" IsCurrent="true"/></BookmarkList>`, sysmonOnly, "501",
			`<BookmarkList><Bookmark Channel="` + channel + `" RecordId="502" IsCurrent="true"/></BookmarkList>`},
		{"backward", `<BookmarkList Direction="backward"><Bookmark Channel="` + channel + `" RecordId="40" IsCurrent="true"/></BookmarkList>`, sysmonOnly, "41",
			`<BookmarkList><Bookmark Channel="` + channel + `" RecordId="42" IsCurrent="true"/></BookmarkList>`},
		{"channel missing", `<BookmarkList><Bookmark Channel="Security" RecordId="7" IsCurrent="true"/></BookmarkList>`, two, "1",
			`<BookmarkList><Bookmark Channel="Security" RecordId="7"/><Bookmark Channel="` + channel + `" RecordId="2" IsCurrent="true"/></BookmarkList>`},
	} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, func(t *testing.T, start func(...offered) *collector) {
				collector := start(offered{bookmark: c.bookmark, query: c.query})
				f := collector.fleet()
				f.Events = 2
				run(t, f)
				sent := collector.seen("Events")
				if len(sent) != 1 || find(reRecord, sent[0].events[0]) != c.first {
					t.Fatal(collector.story(), sent)
				}
				if d := cmp.Diff(c.last, sent[0].bookmark); d != "" {
					t.Error(d)
				}
			})
		})
	}
}

// TestEvent111 opens a subscription without a bookmark that does not want what is there.
func TestEvent111(t *testing.T) {
	bubble(t, func(t *testing.T, start func(...offered) *collector) {
		c := start(offered{})
		f := c.fleet()
		f.Events = 3
		report := run(t, f)
		sent := c.seen("Events")
		if len(sent) != 2 || len(sent[0].events) != 1 || len(sent[1].events) != 3 {
			t.Fatal(c.story())
		}
		want := `<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-EventForwarder'/><EventID>111</EventID><TimeCreated SystemTime='` +
			sent[0].at.UTC().Format("2006-01-02T15:04:05.000Z") + `'/><Computer>SIM-00001.LAB.EXAMPLE</Computer></System><SubscriptionBookmarkEvent><SubscriptionId></SubscriptionId></SubscriptionBookmarkEvent></Event>`
		if d := cmp.Diff(want, sent[0].events[0]); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(`<BookmarkList Direction="backward"><Bookmark Channel="Microsoft-Windows-Sysmon/Operational" RecordId="0" IsCurrent="true"/></BookmarkList>`, sent[0].bookmark); d != "" {
			t.Error(d)
		}
		if d := cmp.Diff(`<BookmarkList><Bookmark Channel="Microsoft-Windows-Sysmon/Operational" RecordId="3" IsCurrent="true"/></BookmarkList>`, sent[1].bookmark); d != "" {
			t.Error(d)
		}
		if report.Events.Sent != 3 || report.Batches.Sent != 1 { // it is in no log
			t.Errorf("%+v", report)
		}
	})
}

// TestLimits: a batch is sent when it is full or its first event has waited long enough.
func TestLimits(t *testing.T) {
	sizes := func(steps []step) (n []int) {
		for _, s := range steps {
			n = append(n, len(s.events))
		}
		return n
	}
	t.Run("events", func(t *testing.T) {
		bubble(t, func(t *testing.T, start func(...offered) *collector) {
			c := start(offered{bookmark: "earliest"})
			f := c.fleet()
			f.Events, f.Batch = 25, 10
			run(t, f)
			if d := cmp.Diff([]int{10, 10, 5}, sizes(c.seen("Events"))); d != "" {
				t.Error(d)
			}
		})
	})
	t.Run("MaxElements", func(t *testing.T) {
		bubble(t, func(t *testing.T, start func(...offered) *collector) {
			c := start(offered{bookmark: "earliest", maxElements: 4})
			f := c.fleet()
			f.Events, f.Batch = 10, 50
			run(t, f)
			if d := cmp.Diff([]int{4, 4, 2}, sizes(c.seen("Events"))); d != "" {
				t.Error(d)
			}
		})
	})
	t.Run("MaxEnvelopeSize", func(t *testing.T) {
		for _, utf8 := range []bool{false, true} {
			bubble(t, func(t *testing.T, start func(...offered) *collector) {
				c := start(offered{bookmark: "earliest", envelope: 20000})
				f := c.fleet()
				f.Events, f.UTF8 = 200, utf8
				report := run(t, f)
				near := 0
				for _, s := range c.seen("Events") {
					if s.body > 20000 {
						t.Errorf("%d bytes", s.body)
					}
					if s.body > 14000 {
						near++
					}
				}
				if !report.OK() || report.Batches.Sent < 15 || near < int(report.Batches.Sent)*2/3 {
					t.Errorf("%d of %d near the limit", near, report.Batches.Sent)
				}
				numbers(t, c.seen("Events"), 1)
			})
		}
	})
	t.Run("one event too large", func(t *testing.T) {
		bubble(t, func(t *testing.T, start func(...offered) *collector) {
			c := start(offered{bookmark: "earliest", envelope: 7500})
			f := c.fleet()
			f.Events = 100
			if report := run(t, f); !report.OK() || report.Events.Acked != 100 {
				t.Errorf("%+v", report)
			}
			for _, s := range c.seen("Events") {
				if s.body > 7500 {
					t.Errorf("%d bytes", s.body)
				}
			}
		})
	})
	t.Run("MaxTime", func(t *testing.T) {
		bubble(t, func(t *testing.T, start func(...offered) *collector) {
			c := start(offered{bookmark: "earliest", maxTime: 10 * time.Second})
			f := c.fleet()
			f.Events, f.Rate = 25, 1
			begun := time.Now()
			report := run(t, f)
			sent := c.seen("Events")
			if d := cmp.Diff([]int{11, 11, 3}, sizes(sent)); d != "" {
				t.Fatal(d)
			}
			for i, want := range []time.Duration{10 * time.Second, 21 * time.Second, 24 * time.Second} {
				if got := sent[i].at.Sub(begun); got != want {
					t.Errorf("batch %d after %v, want %v", i, got, want)
				}
			}
			if report.Latency.Max > 1 {
				t.Errorf("%+v", report.Latency)
			}
		})
	})
	t.Run("rate fills it", func(t *testing.T) {
		bubble(t, func(t *testing.T, start func(...offered) *collector) {
			c := start(offered{bookmark: "earliest", maxTime: time.Hour})
			f := c.fleet()
			f.Events, f.Rate, f.Batch, f.Hosts = 200, 20, 10, 2
			begun := time.Now()
			report := run(t, f)
			if got := time.Since(begun); got < 9*time.Second || got > 11*time.Second || report.Batches.Sent != 21 {
				t.Errorf("after %v: %+v", got, report)
			}
			if got := sizes(c.seen("Events")); !slices.Contains(got[:2], 5) { // the first host begins half a batch ahead
				t.Errorf("batches of %v", got)
			}
		})
	})
}
