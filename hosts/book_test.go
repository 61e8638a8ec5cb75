package hosts_test

import (
	"errors"
	"fmt"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/hosts"
	"github.com/wefka/wefka/wsman"
)

var start = time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)

// clock is a Book's, and turned by hand.
type clock struct{ now time.Time }

func newBook() (*hosts.Book, *clock) {
	b, c := hosts.New(), &clock{start}
	b.Now = func() time.Time { return c.now }
	return b, c
}

func peer(i int) netip.AddrPort {
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 50000)
}

func from(i int) wsman.Source {
	return wsman.Source{Name: fmt.Sprintf("PC-%06d$@CORP.EXAMPLE", i), Method: wsman.Kerberos, Etype: "aes256-cts-hmac-sha1-96", Addr: peer(i)}
}

func visit(i int, action string) *wsman.Visit {
	return &wsman.Visit{Listener: "kerberos", Source: from(i), Addr: peer(i), Machine: fmt.Sprintf("PC-%06d.corp.example", i), Action: action, Status: 200}
}

func refused(i int, reason string) *wsman.Visit {
	v := visit(i, "events")
	v.Status, v.Reason, v.Err = 503, reason, errors.New("deliver to kafka: not acknowledged in time")
	return v
}

func stranger(i int, reason string) *wsman.Visit {
	return &wsman.Visit{Listener: "tls", Addr: peer(i), Action: "connect", Reason: reason}
}

func batch(source string, marks ...events.ChannelMark) (*events.Batch, *events.Marks) {
	m := &events.Marks{Channels: marks}
	for _, c := range marks {
		if c.Newest.After(m.Newest) {
			m.Newest = c.Newest
		}
	}
	return &events.Batch{Subscription: "lab", Source: source, Auth: "tls", Received: start, Raw: make([][]byte, 3), Whole: map[string]bool{"a": true}}, m
}

func mark(channel string, first, last uint64, began, newest time.Time, gaps int) events.ChannelMark {
	return events.ChannelMark{Channel: channel, First: first, Last: last, Began: began, Newest: newest, Gaps: gaps}
}

// Record numbers: gaps count where the query takes a channel whole, a batch that comes again counts nothing, numbers that begin anew do.
func TestChannels(t *testing.T) {
	at := func(s int) time.Time { return start.Add(time.Duration(s-100) * time.Second) }
	for _, row := range []struct {
		name          string
		marks         []events.ChannelMark
		gaps, cleared int
		record        uint64
	}{
		{"in order", []events.ChannelMark{mark("A", 1, 5, at(1), at(5), 0), mark("A", 6, 9, at(6), at(9), 0)}, 0, 0, 9},
		{"between batches", []events.ChannelMark{mark("A", 1, 5, at(1), at(5), 0), mark("A", 7, 9, at(6), at(9), 0)}, 1, 0, 9},
		{"in a batch", []events.ChannelMark{mark("A", 1, 9, at(1), at(5), 2)}, 2, 0, 9},
		{"again", []events.ChannelMark{mark("A", 1, 9, at(1), at(5), 1), mark("A", 1, 9, at(1), at(5), 1)}, 1, 0, 9},
		{"a part again", []events.ChannelMark{mark("A", 1, 9, at(1), at(9), 0), mark("A", 5, 12, at(5), at(12), 0)}, 0, 0, 12},
		{"anew", []events.ChannelMark{mark("A", 100, 109, at(1), at(5), 0), mark("A", 1, 3, at(6), at(8), 0)}, 0, 1, 3},
		{"not whole", []events.ChannelMark{mark("B", 1, 9, at(1), at(5), 3), mark("B", 20, 30, at(6), at(9), 3)}, 0, 0, 30},
	} {
		b, _ := newBook()
		for _, m := range row.marks {
			sent, marks := batch("pc", m)
			b.Delivered(sent, marks, 0, nil)
		}
		h := b.Get("PC")
		if h.Gaps.Count != row.gaps || h.Cleared.Count != row.cleared || len(h.Channels) != 1 || h.Channels[0].Record != row.record || h.Channels[0].Gaps != row.gaps {
			t.Errorf("%s: %d gaps, %d cleared, %+v", row.name, h.Gaps.Count, h.Cleared.Count, h.Channels)
		}
	}
}

// Equal refusals are one, counted; few are kept; strangers are few; who proves itself was none.
func TestRefusals(t *testing.T) {
	b, c := newBook()
	for i := range 1000 {
		c.now = c.now.Add(time.Second)
		b.Visited(refused(1, "later"))
		b.Visited(refused(1, fmt.Sprint("reason-", i%20)))
	}
	rs := b.Get(from(1).Name).Refusals
	if len(rs) != 6 || rs[0].Count < 1 || rs[0].Time.Before(rs[1].Time) {
		t.Errorf("%d kept, the newest %+v", len(rs), rs[0])
	}
	for _, r := range rs {
		if r.Reason == "later" && r.Count != 1000 {
			t.Errorf("counted %d of 1000", r.Count)
		}
	}
	if n := len(b.Refusals(10)); n != 10 {
		t.Errorf("%d of the newest", n)
	}
	if n := len(b.Refusals(1 << 20)); n != 256 {
		t.Errorf("%d remembered", n)
	}

	for i := range 10000 {
		b.Visited(stranger(100000+i, "no_cert"))
	}
	said := func(i int) string { return b.Explain(peer(i).Addr().String(), hosts.Facts{}).Findings[0].Cause.ID }
	if got := said(109999); got != "tls-no-certificate" {
		t.Errorf("the last stranger: %s", got)
	}
	if got := said(100000); got != "reach-never" {
		t.Errorf("the first stranger: %s", got)
	}

	b.Visited(stranger(7, "unauthenticated"))
	if got := said(7); got != "krb-no-proof" {
		t.Errorf("no proof: %s", got)
	}
	b.Visited(visit(7, "enumerate"))
	if e := b.Explain(peer(7).Addr().String(), hosts.Facts{}); len(e.Findings) > 0 && e.Findings[0].Cause.ID == "krb-no-proof" {
		t.Error("a conversation that began without a proof is held against a host that gave one")
	}
}

// A name is only claimed until it is proven, and an old refusal is none once the host came in.
func TestClaims(t *testing.T) {
	b, c := newBook()
	v := stranger(1, "expired")
	v.Claimed, v.Err = "pc-1.corp.example", errors.New("current time X is after Y")
	b.Visited(v)
	if b.Get("pc-1.corp.example") != nil {
		t.Error("a claimed name became a host")
	}
	first := func(name string) string {
		e := b.Explain(name, hosts.Facts{Subscriptions: []hosts.Policy{{Enabled: true}}})
		if len(e.Findings) == 0 {
			return ""
		}
		return e.Findings[0].Cause.ID
	}
	for _, name := range []string{"PC-1.corp.example", "pc-1"} {
		if got := first(name); got != "tls-expired" {
			t.Errorf("%s: %s", name, got)
		}
	}
	if got := first("pc-1.other.example"); got != "reach-never" {
		t.Errorf("another domain: %s", got)
	}
	c.now = c.now.Add(time.Minute)
	b.Visited(&wsman.Visit{Listener: "tls", Source: wsman.Source{Name: "pc-1.corp.example", Method: wsman.TLS, Addr: peer(1)}, Addr: peer(1), Action: "heartbeat", Status: 200})
	if got := first("pc-1"); got != "" {
		t.Errorf("after it came in: %s", got)
	}
}

// Hosts that only asked are forgotten by themselves, those of a subscription when it says so.
func TestForgetting(t *testing.T) {
	b, c := newBook()
	b.ForgetAfter = 24 * time.Hour
	b.Visited(visit(1, "enumerate"))
	b.Known("kept.corp.example", peer(2).Addr(), start, start)
	c.now = c.now.Add(48 * time.Hour)
	b.Visited(visit(3, "enumerate"))
	if b.Get(from(1).Name) != nil || b.Get("kept.corp.example") == nil {
		t.Error("the wrong one was forgotten")
	}
	b.Forgotten("KEPT.corp.example")
	if page, _ := b.List(hosts.Filter{}, "", 10); len(page) != 1 || page[0].Source != from(3).Name {
		t.Errorf("left: %v", page)
	}
}

// fleet is a Book with n hosts in three subscriptions; every tenth is dead, every hundredth has only asked.
func fleet(n int) *hosts.Book {
	b, _ := newBook()
	for i := range n {
		b.Visited(visit(i, "enumerate"))
		b.Visited(visit(i, "heartbeat"))
		sent, marks := batch(from(i).Name, mark("Security", 1, 9, start, start, 0), mark("A", 1, 9, start, start, 0),
			mark("System", 1, 9, start, start, 0), mark("Application", 1, 9, start, start, 0))
		b.Delivered(sent, marks, 0, nil)
	}
	b.Streams = func(into []hosts.Stream, source string) []hosts.Stream {
		state := hosts.Active
		switch {
		case strings.HasSuffix(source[:9], "00"):
			return into
		case source[8] == '0':
			state = hosts.Dead
		}
		for _, name := range []string{"sysmon", "security", "powershell"} {
			into = append(into, hosts.Stream{Subscription: name, State: state, LastHeard: start})
		}
		return into
	}
	return b
}

func TestList(t *testing.T) {
	b := fleet(1000)
	counts, all := b.Counts()
	if all != 1000 || counts[hosts.Active] != 900 || counts[hosts.Dead] != 90 || counts[hosts.NotDelivering] != 10 {
		t.Errorf("%d: %v", all, counts)
	}
	for _, row := range []struct {
		f    hosts.Filter
		want int
	}{
		{hosts.Filter{}, 1000}, {hosts.Filter{State: hosts.Dead}, 90}, {hosts.Filter{Subscription: "sysmon"}, 990}, {hosts.Filter{Subscription: "sysmon", State: hosts.Dead}, 90},
		{hosts.Filter{Subscription: "none"}, 0}, {hosts.Filter{Search: "PC-00099"}, 10}, {hosts.Filter{Search: "10.0.3.231"}, 1}, {hosts.Filter{Search: "000999.corp"}, 1},
	} {
		n, last := 0, ""
		for after := ""; ; {
			page, next := b.List(row.f, after, 7)
			for _, h := range page {
				if h.Source <= last {
					t.Fatalf("%s after %s", h.Source, last)
				}
				n, last = n+1, h.Source
			}
			if after = next; next == "" {
				break
			}
		}
		if n != row.want {
			t.Errorf("%+v: %d, want %d", row.f, n, row.want)
		}
	}
}

// What a host costs: names, times and four channels, without refusals.
func TestMemory(t *testing.T) {
	const n = 50000
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	b := fleet(n)
	b.List(hosts.Filter{}, "", 1)
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := (after.HeapAlloc - before.HeapAlloc) / n
	t.Logf("%d bytes a host", each)
	if each > 1536 {
		t.Errorf("%d bytes a host; at most 1536", each)
	}
	runtime.KeepAlive(b)
}

func BenchmarkCounts(b *testing.B) {
	book := fleet(100000)
	for b.Loop() {
		book.Counts()
	}
}

// BenchmarkSearch finds one host of 100,000.
func BenchmarkSearch(b *testing.B) {
	book := fleet(100000)
	for b.Loop() {
		book.List(hosts.Filter{Search: "10.1.134.159"}, "", 100)
	}
}

func BenchmarkVisited(b *testing.B) {
	book := fleet(100000)
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		book.Visited(visit(i%100000, "heartbeat"))
		i++
	}
}
