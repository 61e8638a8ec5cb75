package producer_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/wefka/wefka/output/producer"
)

// events returns n records like those of Sysmon events: about 1.3 KB of XML that differ in places, and 17 headers.
func events(n int) []producer.Record {
	random := rand.New(rand.NewPCG(1, 2))
	records := make([]producer.Record, n)
	for i := range records {
		guid := fmt.Sprintf("{%08x-%04x-%04x-%04x-%012x}", random.Uint32(), random.IntN(1<<16), random.IntN(1<<16), random.IntN(1<<16), random.Int64N(1<<48))
		value := fmt.Sprintf("<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Sysmon' Guid='{5770385f-c22a-43e0-bf4c-06f5698ffbd9}'/>"+
			"<EventID>1</EventID><Version>5</Version><Level>4</Level><Task>1</Task><Opcode>0</Opcode><Keywords>0x8000000000000000</Keywords><TimeCreated SystemTime='2026-11-25T10:%02d:%02d.%07dZ'/>"+
			"<EventRecordID>%d</EventRecordID><Execution ProcessID='%d' ThreadID='%d'/><Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>pc-%d.corp.example</Computer><Security UserID='S-1-5-18'/></System>"+
			"<EventData><Data Name='RuleName'>-</Data><Data Name='ProcessGuid'>%s</Data><Data Name='ProcessId'>%d</Data><Data Name='Image'>C:\\Windows\\System32\\svchost.exe</Data>"+
			"<Data Name='CommandLine'>C:\\Windows\\System32\\svchost.exe -k netsvcs -p -s %x</Data><Data Name='Hashes'>SHA256=%016X%016X%016X%016X</Data><Data Name='ParentImage'>C:\\Windows\\System32\\services.exe</Data>%s</EventData></Event>",
			random.IntN(60), random.IntN(60), random.IntN(1e7), i, random.IntN(9999), random.IntN(9999), random.IntN(50), guid, random.IntN(9999), random.Uint32(),
			random.Uint64(), random.Uint64(), random.Uint64(), random.Uint64(), strings.Repeat("<Data Name='User'>NT AUTHORITY\\SYSTEM</Data>", 4))
		records[i] = producer.Record{Value: []byte(value), Time: time.UnixMilli(1_764_064_800_000 + int64(i)), Headers: []producer.Header{
			{Key: "content-type", Value: []byte("application/xml")}, {Key: "wef.schema", Value: []byte("xml/1")}, {Key: "wef.id", Value: fmt.Appendf(nil, "%032x", random.Uint64())},
			{Key: "wef.client", Value: []byte("PC-1$@CORP.EXAMPLE")}, {Key: "wef.auth", Value: []byte("kerberos")}, {Key: "wef.remote_addr", Value: []byte("10.1.2.3")},
			{Key: "wef.machine_id", Value: []byte("pc-1.corp.example")}, {Key: "wef.computer", Value: []byte("pc-1.corp.example")}, {Key: "wef.identity", Value: []byte("verified")},
			{Key: "wef.subscription", Value: []byte("sysmon")}, {Key: "wef.node", Value: []byte("wef1")}, {Key: "wef.received_at", Value: []byte("2026-11-25T10:00:00.000Z")},
			{Key: "wef.time", Value: []byte("2026-11-25T10:00:00.0000000Z")}, {Key: "wef.channel", Value: []byte("Microsoft-Windows-Sysmon/Operational")},
			{Key: "wef.provider", Value: []byte("Microsoft-Windows-Sysmon")}, {Key: "wef.event_id", Value: []byte("1")}, {Key: "wef.record_id", Value: fmt.Appendf(nil, "%d", i)}}}
	}
	return records
}

// BenchmarkProduce is one event: from Append to the acknowledgement of a broker in this process that keeps nothing, its cost included.
func BenchmarkProduce(b *testing.B) {
	for _, codec := range []string{"none", "zstd", "lz4"} {
		for _, callers := range []int{1, 64} {
			for _, size := range []int{10, 50, 160} {
				b.Run(fmt.Sprintf("%s/callers=%d/request=%d", codec, callers, size), func(b *testing.B) {
					produce(b, codec, callers, size)
				})
			}
		}
	}
}

func produce(b *testing.B, codec string, callers, size int) {
	broker := newNullBroker(b, 12)
	p := start(b, []string{broker.addr()}, func(c *producer.Config) { c.Compression = codec })
	records := events(size)
	bytes := 0
	for _, r := range records {
		bytes += len(r.Value)
	}
	if _, err := deliver(b.Context(), p, "events", "k", records); err != nil {
		b.Fatal(err)
	}
	var left atomic.Int64
	left.Store(int64(b.N))
	b.SetBytes(int64(bytes / size))
	b.ReportAllocs()
	b.ResetTimer()
	began := cpu()
	done := make(chan error, callers)
	for i := range callers {
		key := fmt.Sprintf("PC-%d$@CORP.EXAMPLE", i)
		go func() {
			for left.Add(-int64(size)) > -int64(size) {
				if _, err := deliver(b.Context(), p, "events", key, records); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range callers {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(cpu()-began)/float64(b.N), "cpu-ns/op")
}

// cpu is the time that this process has used.
func cpu() int64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return u.Utime.Nano() + u.Stime.Nano()
}
