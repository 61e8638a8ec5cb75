package output_test

import (
	"fmt"
	"testing"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/output"
)

// The benchmarks are from raw XML to the document, for Sysmon events of about 1.5 KB. dst stays: a batch's arena is reused.

func BenchmarkJSON(b *testing.B) { benchmark(b, &output.JSON{Node: "wec-1"}) }

func BenchmarkECS(b *testing.B) { benchmark(b, &output.ECS{Node: "wec-1"}) }

func benchmark(b *testing.B, e output.Encoder) {
	const system = "<System><Provider Name='Microsoft-Windows-Sysmon' Guid='{5770385f-c22a-43e0-bf4c-06f5698ffbd9}'/><EventID>7</EventID><Version>3</Version><Level>4</Level><Task>7</Task><Opcode>0</Opcode><Keywords>0x8000000000000000</Keywords><TimeCreated SystemTime='2026-03-04T05:06:07.0890000Z'/><EventRecordID>%d</EventRecordID><Correlation/><Execution ProcessID='3120' ThreadID='4488'/><Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>ws-017.lab.example</Computer><Security UserID='S-1-5-18'/></System>"
	const data = `<EventData><Data Name='RuleName'>-</Data><Data Name='UtcTime'>2026-03-04 05:06:07.081</Data><Data Name='ProcessGuid'>{7c4e1f20-9a31-69a7-1b02-000000001400}</Data><Data Name='ProcessId'>6612</Data><Data Name='Image'>C:\Windows\System32\rundll32.exe</Data><Data Name='ImageLoaded'>C:\Windows\System32\example.dll</Data><Data Name='FileVersion'>10.0.26100.1 (WinBuild.160101.0800)</Data><Data Name='Description'>Example &amp; Sample API</Data><Data Name='Product'>Microsoft® Windows® Operating System</Data><Data Name='Company'>Microsoft Corporation</Data><Data Name='OriginalFileName'>example.dll</Data><Data Name='Hashes'>SHA1=DA39A3EE5E6B4B0D3255BFEF95601890AFD80709,SHA256=E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855</Data><Data Name='Signed'>true</Data><Data Name='Signature'>Microsoft Windows</Data><Data Name='SignatureStatus'>Valid</Data><Data Name='User'>LAB\ana</Data></EventData></Event>`
	for _, n := range []int{10, 50, 160} {
		b.Run(fmt.Sprintf("%d_events", n), func(b *testing.B) {
			batch := delivery()
			size := 0
			for i := range n {
				batch.Raw = append(batch.Raw, fmt.Appendf(nil, wrap+system+data, i))
				size += len(batch.Raw[i])
			}
			var d events.Decoder
			var r events.Record
			var dst []byte
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				dst = dst[:0]
				for _, raw := range batch.Raw {
					err := d.Decode(raw, &r)
					if err == nil {
						dst, err = e.Append(dst, batch, &r)
					}
					if err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/event")
		})
	}
}
