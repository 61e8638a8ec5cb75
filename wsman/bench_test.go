package wsman

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"testing"

	"github.com/wefka/wefka/wsman/sldc"
)

// sysmonBatch is a delivery of n events as Sysmon writes them, about 1.5 KB each.
func sysmonBatch(n int) string {
	entries := make([]string, n)
	for i := range entries {
		var unique [72]byte
		_, _ = rand.Read(unique[:])
		u := hex.EncodeToString(unique[:])
		entries[i] = `<![CDATA[<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Sysmon' Guid='{5770385f-c22a-43e0-bf4c-06f5698ffbd9}'/>` +
			`<EventID>1</EventID><Version>5</Version><Level>4</Level><Task>1</Task><Opcode>0</Opcode><Keywords>0x8000000000000000</Keywords><TimeCreated SystemTime='2026-03-05T09:14:21.0041177Z'/>` +
			fmt.Sprintf(`<EventRecordID>%d</EventRecordID>`, 918274+i) + `<Correlation/><Execution ProcessID='2604' ThreadID='4488'/><Channel>Microsoft-Windows-Sysmon/Operational</Channel>` +
			`<Computer>pc-4471.corp.example</Computer><Security UserID='S-1-5-18'/></System><EventData><Data Name='RuleName'>-</Data><Data Name='UtcTime'>2026-03-05 09:14:21.003</Data>` +
			`<Data Name='ProcessGuid'>{` + u[:32] + `}</Data><Data Name='ProcessId'>` + u[32:36] + `</Data><Data Name='Image'>C:\Windows\System32\cmd.exe</Data><Data Name='FileVersion'>10.0.20348.1</Data>` +
			`<Data Name='Description'>Windows Command Processor</Data><Data Name='Product'>Microsoft® Windows® Operating System</Data><Data Name='Company'>Microsoft Corporation</Data>` +
			`<Data Name='CommandLine'>cmd.exe /c echo "a&amp;b" &gt; C:\Users\j.doe\AppData\Local\Temp\` + u[36:60] + `.txt</Data><Data Name='CurrentDirectory'>C:\Windows\system32\</Data>` +
			`<Data Name='User'>CORP\j.doe</Data><Data Name='Hashes'>SHA256=` + strings.ToUpper(u[60:124]) + `</Data><Data Name='ParentImage'>C:\Windows\explorer.exe</Data></EventData></Event>]]>`
	}
	return envelopeWith(`<e:Identifier>3B0C6E52-9A47-4D1F-8E35-71C2D4F9A860</e:Identifier><w:OperationTimeout>PT60.000S</w:OperationTimeout>`+
		`<w:Bookmark><BookmarkList><Bookmark Channel="Security" RecordId="72231" IsCurrent="true"/></BookmarkList></w:Bookmark>`, batch(entries...))
}

var batchSizes = []int{10, 50, 160}

// BenchmarkScan is the envelope alone: its header, its bookmark and the bounds of its events.
func BenchmarkScan(b *testing.B) {
	for _, n := range batchSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			text, s, m := []byte(sysmonBatch(n)), newScanner(), Events{}
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if err := s.scan(text, &m); err != nil || len(m.Items) != n {
					b.Fatal(err, len(m.Items))
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/event")
		})
	}
}

// noHandler Acks everything.
type noHandler struct{}

func (noHandler) Enumerate(context.Context, Source, *Enumerate) ([]Subscribe, error) { return nil, nil }
func (noHandler) Events(context.Context, Source, *Events) error                      { return nil }
func (noHandler) Heartbeat(context.Context, Source, *Heartbeat) error                { return nil }
func (noHandler) End(context.Context, Source, *SubscriptionEnd) error                { return nil }

type noAuth struct{}

func (noAuth) Authenticate(http.ResponseWriter, *http.Request) (Session, error) {
	return &tlsSession{Source{Name: "pc", Method: TLS}}, nil
}

// deliverer gives a function that takes one delivery through a server, without the network.
func deliverer(t testing.TB, wire []byte, coding string) func() {
	s := &Server{Handler: noHandler{}, Auth: noAuth{}}
	s.init()
	proven := &conn{l: &listener{s: s}, method: string(TLS), session: &tlsSession{Source{Name: "pc", Method: TLS}}}
	ctx := context.WithValue(context.Background(), connKey{}, proven)
	header := http.Header{"Content-Type": {contentTypeUTF16}, "Content-Encoding": {coding}, "Content-Length": {fmt.Sprint(len(wire))}}
	path := &url.URL{Path: notifyPrefix + "3B0C6E52-9A47-4D1F-8E35-71C2D4F9A860"}
	return func() {
		r := &http.Request{Method: http.MethodPost, ContentLength: int64(len(wire)), Body: io.NopCloser(&reader{wire}), URL: path, Header: header}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r.WithContext(ctx))
		if w.Code != http.StatusOK {
			t.Fatal(w.Code)
		}
	}
}

// TestRequestMemory: buffers are used again, so that a delivery of half a megabyte costs a few kilobytes, and no more allocations than
// a small one.
func TestRequestMemory(t *testing.T) {
	for _, coding := range []string{"", codingSLDC} {
		var allocs [2]float64
		for i, n := range []int{1, 160} {
			wire := appendUTF16(nil, []byte(sysmonBatch(n)))
			if coding != "" {
				wire = sldc.Compress(nil, wire)
			}
			deliver := deliverer(t, wire, coding)
			var before, after runtime.MemStats
			deliver()
			runtime.ReadMemStats(&before)
			allocs[i] = testing.AllocsPerRun(50, deliver)
			runtime.ReadMemStats(&after)
			if each := (after.TotalAlloc - before.TotalAlloc) / 51; each > 40<<10 {
				t.Errorf("%q, %d events: %d bytes a request", coding, n, each)
			}
		}
		if allocs[1] > allocs[0]+5 {
			t.Errorf("%q: %v allocations for one event, %v for 160", coding, allocs[0], allocs[1])
		}
	}
}

// BenchmarkRequest is a whole delivery but for the network: doors, body, SLDC, UTF-16, scan, handler, Ack.
func BenchmarkRequest(b *testing.B) {
	for _, coding := range []string{"", codingSLDC} {
		for _, n := range batchSizes {
			name := "plain"
			if coding != "" {
				name = coding
			}
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				wire := appendUTF16(nil, []byte(sysmonBatch(n)))
				b.SetBytes(int64(len(wire)))
				if coding != "" {
					wire = sldc.Compress(nil, wire)
				}
				deliver := deliverer(b, wire, coding)
				b.ReportAllocs()
				for b.Loop() {
					deliver()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/event")
			})
		}
	}
}

// reader gives its bytes as a socket does, 16 KB a time.
type reader struct{ rest []byte }

func (r *reader) Read(b []byte) (int, error) {
	if len(r.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(b[:min(len(b), 16<<10)], r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
