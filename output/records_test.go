package output

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/wefka/wefka/events"
)

func sysmonBatch(n int, format string) *events.Batch {
	b := &events.Batch{Subscription: "sysmon", SubscriptionID: "5f1c0d1e-2f7d-4a55-9b7e-6f6d6c1f0a11", Revision: "A34F284A-1006-4DE9-A34F-284A10064DE9", Format: format,
		Source: "ws-017.lab.example", Auth: "tls", MachineID: "ws-017.lab.example", Addr: netip.MustParseAddr("192.0.2.17"), Received: time.Date(2026, 3, 4, 5, 6, 12, 0, time.UTC)}
	for i := range n {
		b.Raw = append(b.Raw, fmt.Appendf(nil, `<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Sysmon' Guid='{5770385f-c22a-43e0-bf4c-06f5698ffbd9}'/><EventID>1</EventID><Version>5</Version><Level>4</Level><Task>1</Task><Opcode>0</Opcode><Keywords>0x8000000000000000</Keywords><TimeCreated SystemTime='2026-03-04T05:06:07.0890000Z'/><EventRecordID>%d</EventRecordID><Correlation/><Execution ProcessID='3120' ThreadID='4488'/><Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>ws-017.lab.example</Computer><Security UserID='S-1-5-18'/></System><EventData><Data Name='RuleName'>-</Data><Data Name='UtcTime'>2026-03-04 05:06:07.081</Data><Data Name='ProcessGuid'>{7c4e1f20-9a31-69a7-1b02-000000001400}</Data><Data Name='ProcessId'>6612</Data><Data Name='Image'>C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe</Data><Data Name='CommandLine'>powershell.exe -NoProfile -Command &quot;Get-Item&quot; &gt; x</Data><Data Name='User'>LAB\ana</Data><Data Name='Hashes'>SHA256=9F914D42706FE215501044ACD85A32D58AAEF1419D404FDDFA5D3B48F66CCD9F</Data></EventData></Event>`, i))
	}
	return b
}

func newBenchKafka(t testing.TB) *Kafka {
	k, err := New(Settings{Topic: "wef.{subscription}", DefaultTopic: "d", DeadTopic: "x", MaxAge: 24 * time.Hour, Identity: Identity{Mode: "tag"}, Node: "n", MaxEvent: 1 << 20}, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// prepare is all of Deliver that comes before Append.
func prepare(t testing.TB, k *Kafka, b *events.Batch) {
	w, err := k.take(b)
	if err != nil {
		t.Fatal(err)
	}
	for i, raw := range b.Raw {
		if err := w.add(i, raw); err != nil {
			t.Fatal(err)
		}
	}
	for _, topic := range w.groups {
		if records, _ := w.records(topic, nil); len(records) != len(b.Raw) {
			t.Fatalf("%d records of %d events", len(records), len(b.Raw))
		}
	}
	k.give(w)
}

func TestNothingIsAllocatedForAnEvent(t *testing.T) {
	k := newBenchKafka(t)
	for _, format := range []string{"json", "ecs", "xml"} {
		allocs := func(n int) float64 {
			b := sysmonBatch(n, format)
			return testing.AllocsPerRun(50, func() { prepare(t, k, b) })
		}
		allocs(160) // the arena has its size after this
		if small, large := allocs(10), allocs(160); large > small {
			t.Errorf("%s: %v allocations for 10 events, %v for 160", format, small, large)
		}
	}
}

func TestSchema(t *testing.T) {
	k := newBenchKafka(t)
	for format, want := range map[string]string{"xml": "application/xml xml/1", "json": "application/json json/1", "ecs": "application/json ecs/8.17.0"} {
		h, _ := k.shared(nil, nil, sysmonBatch(1, format), format)
		if got := string(h[0].Value) + " " + string(h[1].Value); h[0].Key != "content-type" || h[1].Key != "wef.schema" || got != want {
			t.Errorf("%s: %s", format, got)
		}
	}
}

func BenchmarkRecords(b *testing.B) {
	k := newBenchKafka(b)
	for _, format := range []string{"xml", "json", "ecs"} {
		for _, n := range []int{10, 50, 160} {
			b.Run(fmt.Sprintf("%s/%d", format, n), func(b *testing.B) {
				batch := sysmonBatch(n, format)
				b.ReportAllocs()
				for b.Loop() {
					prepare(b, k, batch)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/event")
			})
		}
	}
}
