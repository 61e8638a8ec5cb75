package simulator_test

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/wefka/wefka/simulator"
	"github.com/wefka/wefka/wsman"
)

// sink is a connection on which everything is answered 503 at once.
type sink struct {
	net.Conn
	unread strings.Reader
}

func (s *sink) Write(b []byte) (int, error) {
	s.unread.Reset("HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n")
	return len(b), nil
}
func (s *sink) Read(b []byte) (int, error)      { return s.unread.Read(b) }
func (s *sink) SetDeadline(time.Time) error     { return nil }
func (s *sink) SetReadDeadline(time.Time) error { return nil }
func (s *sink) Close() error                    { return nil }

// BenchmarkRequest is what a host does for one request: stamp, envelope, UTF-16, SLDC, and reading an answer.
func BenchmarkRequest(b *testing.B) {
	for _, events := range []int{10, 50, 160} {
		for _, sldc := range []bool{true, false} {
			b.Run(fmt.Sprintf("events=%d/sldc=%v", events, sldc), func(b *testing.B) {
				entries := simulator.Entries(events)
				var trip wsman.Trip
				c := &wsman.Client{Machine: "sim-00001.lab.example", SLDC: sldc, Trace: func(t wsman.Trip) { trip = t },
					Dial: func(context.Context) (net.Conn, error) { return &sink{}, nil }}
				o := &wsman.Offer{NotifyTo: "https://" + host + "/wsman/subscriptions/" + guidA}
				b.ReportAllocs()
				for b.Loop() {
					_ = c.Events(b.Context(), o, []byte(`<BookmarkList/>`), entries)
				}
				b.SetBytes(int64(trip.Text))
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*events), "ns/event")
				b.ReportMetric(float64(trip.Wire)/float64(events), "wire-B/event")
			})
		}
	}
}

// TestRenderAllocates nothing, however many events there are.
func TestRenderAllocates(t *testing.T) {
	entries := simulator.Entries(200)
	buffer := entries(nil)
	if n := testing.AllocsPerRun(20, func() { buffer = entries(buffer[:0]) }); n > 0 {
		t.Errorf("%g allocations for 200 events", n)
	}
}

// BenchmarkFleet is a whole fleet against wsman.Server in the same process: TLS, both ends, no Kafka. With -benchtime 200000x the
// events outweigh the handshakes.
func BenchmarkFleet(b *testing.B) {
	h := &handler{}
	f := serve(b, h)
	f.Hosts, f.Events = 20, int64(max(b.N, 20))
	b.ReportAllocs()
	b.ResetTimer()
	report := run(b, f)
	if !report.OK() {
		b.Fatalf("%+v", report)
	}
	b.ReportMetric(report.CPUSeconds*1e6/float64(report.Events.Acked), "cpu-µs/event")
	b.ReportMetric(float64(report.Bytes.Wire)/float64(report.Events.Acked), "wire-B/event")
}
