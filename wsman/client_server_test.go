package wsman_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wefka/wefka/wsman"
)

// source is a Client that talks to c.
func (c *collector) source() (client *wsman.Client, url string) {
	client = &wsman.Client{Machine: "pc-1.corp.example", Dial: func(ctx context.Context) (net.Conn, error) {
		return (&tls.Dialer{Config: c.config()}).DialContext(ctx, "tcp", c.addr)
	}}
	c.t.Cleanup(func() { client.Close() })
	_, port, _ := net.SplitHostPort(c.addr)
	return client, "https://wec01.corp.example:" + port + "/wsman/SubscriptionManager/WEC"
}

// TestClientAndServer is one exchange of a source with the collector, from Enumerate to SubscriptionEnd.
func TestClientAndServer(t *testing.T) {
	c := start(t)
	bookmark := []byte(`<BookmarkList><Bookmark Channel="Security" RecordId="7"/></BookmarkList>`)
	want := subscription()
	want.Bookmark = bookmark
	c.handler.onEnumerate = func(context.Context, wsman.Source, *wsman.Enumerate) ([]wsman.Subscribe, error) {
		return []wsman.Subscribe{want}, nil
	}
	var got []byte
	c.handler.onEvents = func(_ context.Context, _ wsman.Source, m *wsman.Events) error {
		got = append(got, m.Bookmark...)
		return nil
	}
	policy, url := c.source()
	list, err := policy.Enumerate(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	if err := policy.End(t.Context(), url, list.Operation); err != nil {
		t.Fatal(err)
	}
	if len(list.Offers) != 1 || list.Echoed {
		t.Fatalf("%+v", list)
	}
	o := &list.Offers[0]
	want.Oversize = wsman.Notify
	if d := cmp.Diff(want, o.Subscribe); d != "" {
		t.Error(d)
	}
	if err := o.Permits(c.ca.thumbprint()); err != nil || !o.CDATA || !o.SendBookmarks || o.NotifyTo != o.EndTo {
		t.Errorf("%v, %+v", err, o)
	}
	for _, encoding := range []wsman.Encoding{wsman.UTF16, wsman.UTF16NoMark, wsman.UTF16BE, wsman.UTF8, wsman.UTF8Mark} {
		for _, sldc := range []bool{true, false} {
			delivery, _ := c.source()
			delivery.SLDC, delivery.Encoding = sldc, encoding
			delivery.Quirks = wsman.Quirks{Header: `<x:Y xmlns:x="urn:x" s:mustUnderstand="true">1</x:Y>`, Pretty: sldc}
			c.handler.calls, got = nil, nil
			if err := delivery.Heartbeat(t.Context(), o); err != nil {
				t.Fatal(encoding, sldc, err)
			}
			if err := delivery.Events(t.Context(), o, bookmark, clientEntries("<Event>é ]]&gt; 🧪</Event>", "<Event>]]></Event>")); err != nil {
				t.Fatal(encoding, sldc, err)
			}
			if err := delivery.SubscriptionEnd(t.Context(), o, &wsman.SubscriptionEnd{Status: wsman.SourceCancelling, Code: "1717", Message: "gone"}); err != nil {
				t.Fatal(encoding, sldc, err)
			}
			if d := cmp.Diff(strings.Join([]string{
				"Heartbeat pc-1.corp.example " + subID + " " + subVersion,
				"Events pc-1.corp.example <Event>é ]]&gt; 🧪</Event> <Event>]]></Event>",
				"End pc-1.corp.example " + wsman.SourceCancelling + " 1717 gone",
			}, "\n"), c.handler.seen()); d != "" {
				t.Error(encoding, sldc, d)
			}
			if plain := strings.ReplaceAll(string(got), "\r\n  ", ""); plain != string(bookmark) {
				t.Errorf("bookmark: %s", got)
			}
		}
	}
}

// TestClientRefused: what Server says no to reaches the caller as a status.
func TestClientRefused(t *testing.T) {
	c := start(t)
	c.handler.onEvents = func(_ context.Context, _ wsman.Source, m *wsman.Events) error {
		if strings.Contains(string(m.Items[0]), "later") {
			return errors.New("kafka is away")
		}
		return &wsman.Fault{Status: http.StatusInternalServerError, Code: "s:Receiver", Subcode: "w:DeliveryRefused", Text: "Not offered.", Reason: "refused"}
	}
	policy, url := c.source()
	list, err := policy.Enumerate(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	o := &list.Offers[0]
	for _, r := range []struct {
		name  string
		set   func(*wsman.Client)
		event string
		want  wsman.StatusError
	}{
		{"later", func(*wsman.Client) {}, "later", wsman.StatusError{Code: 503}},
		{"refused", func(*wsman.Client) {}, "never", wsman.StatusError{Code: 500, Subcode: "DeliveryRefused", Reason: "Not offered. Not offered."}}, // and its detail
		{"GET", func(c *wsman.Client) { c.Quirks.Method = "GET" }, "x", wsman.StatusError{Code: 405}},
		{"bad trailer", func(c *wsman.Client) { c.SLDC, c.Quirks.BadTrailer = true, true }, "x", wsman.StatusError{Code: 400}},
		{"reserved symbol", func(c *wsman.Client) { c.SLDC, c.Quirks.Body = true, []byte{0xFF, 0xB8} }, "x", wsman.StatusError{Code: 400}},
	} {
		t.Run(r.name, func(t *testing.T) {
			delivery, _ := c.source()
			r.set(delivery)
			var status *wsman.StatusError
			if err := delivery.Events(t.Context(), o, nil, clientEntries(r.event)); !errors.As(err, &status) {
				t.Fatal(err)
			}
			if d := cmp.Diff(r.want, *status); d != "" {
				t.Error(d)
			}
		})
	}
	for name, quirks := range map[string]wsman.Quirks{"literals": {Literals: true}, "scheme 2": {Scheme2: true}, "no trailer": {NoTrailer: true}, "plain": {Plain: true}} {
		t.Run(name, func(t *testing.T) {
			delivery, _ := c.source()
			delivery.SLDC, delivery.Quirks = true, quirks
			if err := delivery.Heartbeat(t.Context(), o); err != nil {
				t.Error(err)
			}
		})
	}
}

// answering is a connection on which everything is answered at once.
type answering struct {
	net.Conn
	answer string
	unread strings.Reader
}

func (a *answering) Write(b []byte) (int, error)      { a.unread.Reset(a.answer); return len(b), nil }
func (a *answering) Read(b []byte) (int, error)       { return a.unread.Read(b) }
func (a *answering) SetDeadline(time.Time) error      { return nil }
func (a *answering) SetReadDeadline(time.Time) error  { return nil }
func (a *answering) SetWriteDeadline(time.Time) error { return nil }
func (a *answering) Close() error                     { return nil }

// BenchmarkClientEvents is what a source does for one request of 50 events: envelope, UTF-16, SLDC, and reading the answer.
func BenchmarkClientEvents(b *testing.B) {
	event := wsman.AppendEvent(nil, []byte(`<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Sysmon'/></System><EventData>`+
		strings.Repeat(`<Data Name='CommandLine'>C:\Windows\System32\svchost.exe -k netsvcs -p -s Schedule</Data><Data Name='ProcessId'>4711</Data>`, 9)+`</EventData></Event>`))
	batch := func(dst []byte) []byte {
		for range 50 {
			dst = append(dst, event...)
		}
		return dst
	}
	for _, sldc := range []bool{false, true} {
		name := "plain"
		if sldc {
			name = "sldc"
		}
		b.Run(name, func(b *testing.B) {
			c := &wsman.Client{SLDC: sldc, Dial: func(context.Context) (net.Conn, error) {
				return &answering{answer: "HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n"}, nil
			}}
			var wire int
			c.Trace = func(trip wsman.Trip) { wire = trip.Wire }
			o := clientOffer()
			b.SetBytes(int64(50 * len(event)))
			b.ReportAllocs()
			for b.Loop() {
				if err := c.Events(b.Context(), o, []byte(clientBookmark), batch); errors.Is(err, io.EOF) {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(wire), "wire-B/op")
		})
	}
}

// TestClientEventsAllocate: a request costs the same few allocations, however many events it has.
func TestClientEventsAllocate(t *testing.T) {
	event := wsman.AppendEvent(nil, []byte(`<Event>x</Event>`))
	allocs := func(events int) float64 {
		c := &wsman.Client{SLDC: true, Dial: func(context.Context) (net.Conn, error) {
			return &answering{answer: "HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n"}, nil
		}}
		return testing.AllocsPerRun(100, func() {
			_ = c.Events(context.Background(), clientOffer(), nil, func(dst []byte) []byte {
				for range events {
					dst = append(dst, event...)
				}
				return dst
			})
		})
	}
	if few, many := allocs(1), allocs(1000); many > few+20 { // the pool may forget its buffers
		t.Errorf("%g allocations with one event, %g with a thousand", few, many)
	}
}
