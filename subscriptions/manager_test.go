package subscriptions_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/subscriptions"
	"github.com/wefka/wefka/wsman"
)

func TestRequirement56OnlyEnabledAndAdmitted(t *testing.T) {
	sub := func(name, id string, change func(*subscriptions.Subscription)) *subscriptions.Subscription {
		s := example()
		s.Name, s.ID = name, id+s.ID[1:]
		if change != nil {
			change(s)
		}
		return s
	}
	b := newBench(t,
		sub("all", "1", nil),
		sub("disabled", "2", func(s *subscriptions.Subscription) { s.Enabled = false }),
		sub("others", "3", func(s *subscriptions.Subscription) { s.Targets.Names = list[subscriptions.Glob](t, "dc*") }),
		sub("path", "4", func(s *subscriptions.Subscription) { s.Targets.Paths = []subscriptions.Path{"/tier0"} }),
		sub("mine", "6", func(s *subscriptions.Subscription) { s.Targets.Names = list[subscriptions.Glob](t, "pc-*") }),
	)
	for path, want := range map[string]string{"/wsman/SubscriptionManager/WEC": "all mine", "/tier0": "all path mine"} {
		offers, err := b.Enumerate(context.Background(), pc1, &wsman.Enumerate{Header: wsman.Header{Path: path}})
		must(t, err)
		var names []string
		for _, o := range offers {
			names = append(names, o.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %s, want %s", path, got, want)
		}
	}
	b.Replace([]*subscriptions.Subscription{})
	if offers := b.enumerate(pc1); offers == nil || len(offers) != 0 {
		t.Error("no subscriptions are an empty answer")
	}
}

func TestRequirement55And57Offer(t *testing.T) {
	s := example()
	s.ContentFormat, s.Delivery.Oversize, s.Delivery.MaxElements = "rendered_text", "cancel", 9
	got := newBench(t, s).enumerate(pc1)
	want := []wsman.Subscribe{{ID: up1, Version: s.Version(), Name: "security", Query: everything, Compression: true, RenderedText: true, IgnoreChannelError: true, Locale: "en-US",
		Heartbeats: time.Hour, MaxTime: 30 * time.Second, MaxElements: 9, MaxEnvelopeSize: 512000, Oversize: wsman.CancelSubscription, RetryCount: 5, RetryInterval: time.Minute}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestRequirement58Bookmark(t *testing.T) {
	s := example()
	b := newBench(t, s)
	if o := b.enumerate(pc1)[0]; o.Bookmark != nil || o.Earliest {
		t.Error("nothing stored and new events only: neither", o.Bookmark, o.Earliest)
	}
	history := example()
	history.ReadExistingEvents = true
	b.Replace([]*subscriptions.Subscription{history})
	if o := b.enumerate(pc1)[0]; o.Bookmark != nil || !o.Earliest || !o.ReadExistingEvents {
		t.Error("existing events wanted: earliest")
	}
	version := b.enumerate(pc1)[0].Version
	b.events(backward, ordinary)
	o := b.enumerate(pc1)[0]
	if string(o.Bookmark) != backward || o.Earliest || !o.ReadExistingEvents {
		t.Errorf("stored: verbatim and nothing else: %s %v", o.Bookmark, o.Earliest)
	}
	if o.Version != version {
		t.Error("a bookmark is no new version")
	}
	b.store.get = notStored
	if _, err := b.Enumerate(context.Background(), pc1, &wsman.Enumerate{}); status(err) != 503 || !errors.Is(err, errFault) {
		t.Error("a store that cannot be read:", err)
	}
}

func TestRequirement60Heartbeat(t *testing.T) {
	b := newBench(t, example())
	must(t, b.heartbeat(pc1))
	if b.store.puts+b.store.gets != 0 {
		t.Error("a heartbeat must not touch the store")
	}
	if got := b.Counts()["security"][subscriptions.Alive]; got != 1 {
		t.Error(b.Counts())
	}
	b.Save()
	want := subscriptions.State{FirstSeen: start, LastHeard: start, Addr: pc1.Addr.Addr().Unmap()}
	if diff := cmp.Diff(want, b.store.states[key1], cmpopts.EquateComparable(want.Addr)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	b.Save()
	if b.store.puts != 1 {
		t.Error("saved again though nothing changed")
	}
}

func TestHeartbeatsCoalesceAndNeverTouchTheBookmark(t *testing.T) {
	b := newBench(t, example())
	b.events(mark1, ordinary)
	for range 100 {
		b.clock = b.clock.Add(time.Second)
		must(t, b.heartbeat(pc1))
	}
	b.Save()
	s := b.store.states[key1]
	if b.store.puts != 2 || s.Bookmark != mark1 || !s.LastHeard.Equal(start.Add(100*time.Second)) || !s.LastEvents.Equal(start) {
		t.Errorf("%d puts, %+v", b.store.puts, s)
	}
	b.clock = b.clock.Add(time.Second)
	must(t, b.heartbeat(pc1))
	b.store.put = notStored
	b.Save()
	if b.Unsaved() == nil {
		t.Error("health does not know")
	}
	b.store.put = none
	must(t, b.Close(context.Background()))
	if s := b.store.states[key1]; !s.LastHeard.Equal(b.clock) || b.Unsaved() != nil {
		t.Error("what failed once was not saved at Close", s)
	}
}

func TestRequirement61Order(t *testing.T) {
	b := newBench(t, example())
	var steps []string
	b.sink.deliver = func(context.Context, *events.Batch) error { steps = append(steps, "events"); return nil }
	b.store.onPut = func() { steps = append(steps, "bookmark") }
	b.events(mark1, ordinary)
	if got := strings.Join(steps, " "); got != "events bookmark" {
		t.Error(got)
	}
}

func TestBatchFields(t *testing.T) {
	s := example()
	s.Output.Topic, s.Output.Format, s.Output.ECSKeepEventData, s.Output.EventOriginal = "wef.{channel}", "ecs", true, true
	b := newBench(t, s)
	m := message(mark1, ordinary, ordinary)
	m.BadUTF16 = 3
	must(t, b.Events(context.Background(), pc1, m))
	want := events.Batch{Subscription: "security", SubscriptionID: id1, Revision: "66F4039E-9228-50A4-9CA8-8C192D73A9B7", Topic: "wef.{channel}", Format: "ecs", KeepEventData: true, EventOriginal: true,
		Source: pc1.Name, Auth: "kerberos", MachineID: "claimed.example", Addr: pc1.Addr.Addr().Unmap(), Received: start,
		Raw: [][]byte{[]byte(ordinary), []byte(ordinary)}, BadUTF16: 3, Whole: map[string]bool{"security": true}}
	if diff := cmp.Diff(want, b.sink.batches[0], cmpopts.EquateComparable(want.Addr)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// Requirements 61, 62 and 74, each durable step failing in both ways, then healed; the source sends the same again each time.
func TestRequirement62And74Faults(t *testing.T) {
	for _, c := range []struct {
		name                string
		get, sink, put      fault
		delivered, bookmark int // after the failure: batches in Kafka, 1 if the bookmark is stored
	}{
		{"state unreadable", notStored, none, none, 0, 0},
		{"events not stored", none, notStored, none, 0, 0},
		{"events stored, answer lost", none, stored, none, 1, 0},
		{"bookmark not stored", none, none, notStored, 1, 0},
		{"bookmark stored, answer lost", none, none, stored, 1, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBench(t, example())
			b.events(mark1, ordinary)
			b.sink.batches = nil
			b.store.get, b.sink.fail, b.store.put = c.get, c.sink, c.put
			err := b.Events(context.Background(), pc1, message(mark2, ordinary))
			if status(err) != 503 || !errors.Is(err, errFault) {
				t.Fatal("acked or refused:", err)
			}
			if got := len(b.sink.batches); got != c.delivered {
				t.Errorf("%d batches delivered", got)
			}
			if got := b.store.states[key1].Bookmark; (got == mark2) != (c.bookmark == 1) {
				t.Errorf("bookmark %s", got)
			}
			if red := b.Unsaved() != nil; red != (c.put != none) {
				t.Errorf("health red: %v", red)
			}
			b.store.get, b.sink.fail, b.store.put = none, none, none // healed
			b.events(mark2, ordinary)
			if got := b.store.states[key1].Bookmark; got != mark2 || len(b.sink.batches) != c.delivered+1 || b.Unsaved() != nil {
				t.Errorf("healed: bookmark %s, %d batches, %v", got, len(b.sink.batches), b.Unsaved())
			}
			b.events(mark2, ordinary) // 74: the Ack was lost, the same again
			if got := b.store.states[key1]; got.Bookmark != mark2 || len(b.sink.batches) != c.delivered+2 || len(got.History) != 1 {
				t.Errorf("again: %+v", got)
			}
		})
	}
}

func TestRequirement63BadContentIsTheOutputsMatter(t *testing.T) {
	b := newBench(t, example())
	items := []string{"", "no XML", "<Event><System>", "<Other/>", "\x00\x01", ordinary}
	b.events(mark1, items...)
	for i, raw := range b.sink.batches[0].Raw {
		if string(raw) != items[i] {
			t.Errorf("item %d changed: %q", i, raw)
		}
	}
}

func TestRequirement64NoBookmarkKeepsTheOld(t *testing.T) {
	b := newBench(t, example())
	b.events(mark1, ordinary)
	b.clock = b.clock.Add(time.Minute)
	b.events("", ordinary)
	if s := b.store.states[key1]; s.Bookmark != mark1 || !s.LastEvents.Equal(b.clock) {
		t.Errorf("%+v", s)
	}
}

func TestRequirement65BookmarksAreOpaque(t *testing.T) {
	for _, text := range []string{backward, "no xml at all", "<a b='c'\r\n\t/>", "\x00\x01\x02", "\xff\xfe", strings.Repeat("x", subscriptions.MaxBookmark)} {
		b := newBench(t, example())
		m := message(text, ordinary)
		must(t, b.Events(context.Background(), pc1, m))
		clear(m.Bookmark) // the buffer is used again
		if got := b.enumerate(pc1)[0].Bookmark; string(got) != text {
			t.Errorf("%.40q came back as %.40q", text, got)
		}
	}
	b := newBench(t, example())
	b.events(mark1, ordinary)
	b.events(strings.Repeat("x", subscriptions.MaxBookmark+1), ordinary)
	if b.store.states[key1].Bookmark != mark1 || len(b.sink.batches) != 2 || !strings.Contains(b.log.String(), "bookmark too large") {
		t.Error("a bookmark beyond the bound must cost nothing but itself")
	}
}

func TestRequirement66OpeningEvent(t *testing.T) {
	b := newBench(t, example())
	b.enumerate(pc1)
	b.events(backward, opening)
	got := b.sink.batches[0]
	if len(got.Raw) != 0 || got.Withheld != 1 || b.store.states[key1].Bookmark != backward {
		t.Errorf("alone: %+v", got)
	}
	b.events(mark1, ordinary, opening, "<x/>", opening, ordinary)
	got = b.sink.batches[1]
	if len(got.Raw) != 3 || string(got.Raw[0]) != ordinary || string(got.Raw[1]) != "<x/>" || string(got.Raw[2]) != ordinary || got.Withheld != 2 {
		t.Errorf("among others: %+v", got)
	}
	if strings.Contains(b.log.String(), "ignored its bookmark") {
		t.Error("nothing had been offered: no alarm\n", b.log)
	}
	s := example()
	s.Output.BookmarkEvent = true
	b.Replace([]*subscriptions.Subscription{s})
	b.events(mark1, ordinary, opening)
	if got = b.sink.batches[2]; len(got.Raw) != 2 || got.Withheld != 0 {
		t.Errorf("switched on: %+v", got)
	}
}

func TestRequirement66TheMessageStaysWhole(t *testing.T) {
	b := newBench(t, example())
	m := message(mark1, ordinary, opening, "<x/>")
	must(t, b.Events(context.Background(), pc1, m))
	if string(m.Items[1]) != opening || string(m.Items[2]) != "<x/>" {
		t.Error("the message's own list was changed")
	}
}

func TestRequirement67Alarm(t *testing.T) {
	alarms := func(b *bench) int { return strings.Count(b.log.String(), "ignored its bookmark") }
	t.Run("offered and ignored", func(t *testing.T) {
		b := newBench(t, example())
		b.events(mark1, ordinary)
		b.clock = b.clock.Add(time.Hour)
		b.enumerate(pc1)
		b.events(backward, opening)
		if alarms(b) != 1 {
			t.Fatal(b.log)
		}
		for _, want := range []string{"level=WARN", "source=PC-1$@CORP.EXAMPLE", "subscription=security", `RecordId=\"1\"`, `RecordId=\"72205\"`} {
			if !strings.Contains(b.log.String(), want) {
				t.Errorf("%s is missing in %s", want, b.log)
			}
		}
		if got := testutil.ToFloat64(named(b, "bookmarks_ignored_total")); got != 1 {
			t.Error("bookmarks_ignored_total", got)
		}
		want := []subscriptions.Bookmark{{Text: mark1, Time: start}}
		if s := b.store.states[key1]; s.Bookmark != backward || !cmp.Equal(want, s.History) {
			t.Errorf("%+v", s)
		}
		b.events(backward, opening) // the Ack was lost
		if alarms(b) != 1 || len(b.store.states[key1].History) != 1 {
			t.Error("the same again is no second alarm\n", b.log)
		}
	})
	t.Run("not while the batch is not safe", func(t *testing.T) {
		b := newBench(t, example())
		b.events(mark1, ordinary)
		b.enumerate(pc1)
		b.sink.fail = notStored
		if err := b.Events(context.Background(), pc1, message(backward, opening)); err == nil || alarms(b) != 0 {
			t.Error(err, b.log)
		}
		b.sink.fail = none
		b.events(backward, opening)
		if alarms(b) != 1 {
			t.Error(b.log)
		}
	})
	t.Run("offered by another process", func(t *testing.T) {
		b := newBench(t, example())
		b.events(mark1, ordinary)
		other := newBench(t)
		other.store.states = b.store.states
		other.Replace([]*subscriptions.Subscription{example()})
		other.events(backward, opening)
		if alarms(other) != 1 {
			t.Error(other.log)
		}
		again := newBench(t)
		again.store.states = b.store.states
		again.Replace([]*subscriptions.Subscription{example()})
		again.events(backward, opening)
		if alarms(again) != 0 {
			t.Error("sent again after a restart:", again.log)
		}
	})
	t.Run("also when event 111 is published", func(t *testing.T) {
		s := example()
		s.Output.BookmarkEvent = true
		b := newBench(t, s)
		b.events(mark1, ordinary)
		b.enumerate(pc1)
		b.events(backward, ordinary, opening)
		if alarms(b) != 1 {
			t.Error(b.log)
		}
	})
}

func TestHistory(t *testing.T) {
	b := newBench(t, example())
	mark := func(i int) string { return strings.Repeat("x", i) }
	for i := 1; i <= 200; i++ { // one an hour
		b.events(mark(i), ordinary)
		b.clock = b.clock.Add(time.Hour)
	}
	s := b.store.states[key1]
	var hours []int
	for _, h := range s.History {
		hours = append(hours, int(h.Time.Sub(start)/time.Hour))
		if len(h.Text) != int(h.Time.Sub(start)/time.Hour)+1 {
			t.Errorf("%d characters at %s", len(h.Text), h.Time)
		}
	}
	if s.Bookmark != mark(200) || !cmp.Equal(hours, []int{192, 168, 144}) {
		t.Errorf("one a day, newest first: %v", hours)
	}
}

func TestRequirement68OldVersion(t *testing.T) {
	b := newBench(t, example())
	m := message(mark1, ordinary)
	m.Revision = "00000000-0000-5000-8000-000000000000"
	must(t, b.Events(context.Background(), pc1, m))
	if got := b.sink.batches[0].Revision; got != m.Revision || b.store.states[key1].Version != m.Revision {
		t.Error("revision", got)
	}
	m.Revision = ""
	must(t, b.Events(context.Background(), pc1, m))
	if got := b.sink.batches[1].Revision; got != "" || b.store.states[key1].Version == "" {
		t.Error("unknown is unknown", got)
	}
	m.Revision = strings.Repeat("A", 10000)
	must(t, b.Events(context.Background(), pc1, m))
	if got := b.sink.batches[2].Revision; got != "" {
		t.Error("a revision of any length was taken")
	}
}

func TestRequirement69WhoMayNot(t *testing.T) {
	s := example()
	s.Targets.Names = list[subscriptions.Glob](t, "pc-*")
	off := example()
	off.Name, off.ID, off.Enabled = "off", "6"+off.ID[1:], false
	b := newBench(t)
	ask := func(from wsman.Source, h wsman.Header) [4]int {
		ctx := context.Background()
		_, enumerate := b.Enumerate(ctx, from, &wsman.Enumerate{Header: h})
		return [4]int{status(enumerate), status(b.Events(ctx, from, &wsman.Events{Header: h})), status(b.Heartbeat(ctx, from, &wsman.Heartbeat{Header: h})), status(b.End(ctx, from, &wsman.SubscriptionEnd{Header: h}))}
	}
	dc1 := source("dc1.corp.example", "192.0.2.8:1")
	known := wsman.Header{Identifier: up1}
	if got := ask(pc1, known); got != [4]int{503, 503, 503, 503} {
		t.Error("loading", got)
	}
	var loading *wsman.Fault
	if err := b.Events(context.Background(), pc1, message("")); !errors.As(err, &loading) || loading.Reason != "loading" {
		t.Error(err)
	}
	b.Replace([]*subscriptions.Subscription{s, off})
	for _, c := range []struct {
		name string
		from wsman.Source
		h    wsman.Header
		want [4]int
	}{
		{"known", pc1, known, [4]int{200, 200, 200, 200}},
		{"unknown", pc1, wsman.Header{Identifier: "7" + up1[1:], Path: "/wsman/subscriptions/" + up1}, [4]int{200, 404, 404, 200}},
		{"disabled", pc1, wsman.Header{Identifier: off.ID}, [4]int{200, 404, 404, 200}},
		{"nothing said", pc1, wsman.Header{Path: "/wsman/subscriptions/"}, [4]int{200, 404, 404, 200}},
		{"forbidden", dc1, known, [4]int{200, 403, 403, 200}},
	} {
		if got := ask(c.from, c.h); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
	var f *wsman.Fault
	if err := b.Events(context.Background(), dc1, message("")); !errors.As(err, &f) || f.Reason != "forbidden" {
		t.Error(err)
	}
	if err := b.heartbeat(wsman.Source{Name: "dc1"}); !errors.As(err, &f) || f.Reason != "forbidden" {
		t.Error(err)
	}
	m := message("")
	m.Identifier = "x"
	if err := b.Events(context.Background(), pc1, m); !errors.As(err, &f) || f.Reason != "unknown_subscription" {
		t.Error(err)
	}
	if _, there := b.store.states[subscriptions.Key{Subscription: id1, Source: "dc1.corp.example"}]; there || b.Remembered() != 1 {
		t.Error("a source that may not leaves a trace")
	}
	must(t, testutil.CollectAndCompare(named(b, "batches_total"), strings.NewReader(`
# HELP batches_total Deliveries by answer: acked, refused (not for this source), later (503, comes again).
# TYPE batches_total counter
batches_total{result="acked",subscription="off"} 0
batches_total{result="later",subscription="off"} 0
batches_total{result="refused",subscription="off"} 0
batches_total{result="acked",subscription="security"} 1
batches_total{result="later",subscription="security"} 0
batches_total{result="refused",subscription="security"} 2
`)))
}

func TestRequirement69ThePathListIsForEnumerations(t *testing.T) {
	s := example()
	s.Targets.Paths = []subscriptions.Path{"/tier0"}
	b := newBench(t, s)
	b.events(mark1, ordinary)
	must(t, b.heartbeat(pc1))
}

func TestRequirement70And71End(t *testing.T) {
	b := newBench(t, example())
	b.events(mark1, ordinary)
	b.store.get, b.store.put = notStored, notStored // it waits for no store
	b.end()
	b.store.get, b.store.put = none, none
	if got := b.Counts()["security"]; got[subscriptions.Ended] != 1 {
		t.Error(got)
	}
	for _, want := range []string{"SourceCancelling", "code=5004", "claimed_machine=pc-1.corp.example", "no readable channel", "source=PC-1$@CORP.EXAMPLE", "level=WARN"} {
		if !strings.Contains(b.log.String(), want) {
			t.Errorf("%s is missing in %s", want, b.log)
		}
	}
	b.Save()
	if s := b.store.states[key1]; s.Bookmark != mark1 || !s.Ended.Equal(start) {
		t.Errorf("%+v", s)
	}
	b.clock = b.clock.Add(time.Minute)
	must(t, b.heartbeat(pc1))
	b.Save()
	if s := b.store.states[key1]; !s.Ended.IsZero() || s.Bookmark != mark1 {
		t.Errorf("heard again: %+v", s)
	}
	long := &wsman.SubscriptionEnd{Header: wsman.Header{Identifier: up1}, Status: "http://schemas.xmlsoap.org/ws/2004/08/eventing/SourceShuttingDown", Message: strings.Repeat("x", 1<<20)}
	must(t, b.End(context.Background(), pc1, long))
	if b.log.Len() > 10000 || !strings.Contains(b.log.String(), "level=INFO") {
		t.Error("log of", b.log.Len())
	}
}

func TestRequirement72Keys(t *testing.T) {
	b := newBench(t, example())
	b.events(mark1, ordinary)
	claims := message(mark2, ordinary)
	claims.MachineID = "pc-1$@corp.example"
	must(t, b.Events(context.Background(), source("other.corp.example", "192.0.2.7:1"), claims))
	upper := pc1
	upper.Name = strings.ToLower(pc1.Name)
	if got := string(b.enumerate(upper)[0].Bookmark); got != mark1 {
		t.Error(got)
	}
	if len(b.store.states) != 2 || b.store.states[key1].Bookmark != mark1 {
		t.Errorf("%+v", b.store.states)
	}
}

func TestRequirement71DroppedEvents(t *testing.T) {
	b := newBench(t, example())
	m := message(mark1, ordinary)
	for _, n := range []string{"<w:DroppedEvents xmlns:w='x1'>12</w:DroppedEvents>", "3", " 4 ", "<a>many</a>", "", "<a b='5'/>", "99999999999999", "<a>1</a><b>2</b>"} {
		m.Notices = append(m.Notices, []byte(n))
	}
	must(t, b.Events(context.Background(), pc1, m))
	if got := testutil.ToFloat64(named(b, "source_dropped_events_total")); got != 12+3+4+1+1+1+1+1 {
		t.Error(got)
	}
	if !strings.Contains(b.log.String(), "dropped events") {
		t.Error(b.log)
	}
}

// named finds a collector of one metric.
func named(b *bench, name string) prometheus.Collector {
	for _, c := range b.Metrics() {
		descriptions := make(chan *prometheus.Desc, 1)
		c.Describe(descriptions)
		if strings.Contains((<-descriptions).String(), `"`+name+`"`) {
			return c
		}
	}
	panic(name)
}
