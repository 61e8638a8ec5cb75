package events_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wefka/wefka/events"
)

// sysmonLike is an event of about 1.5 KB, as Sysmon writes most.
const sysmonLike = wrap + `<System><Provider Name='Microsoft-Windows-Sysmon' Guid='{5770385f-c22a-43e0-bf4c-06f5698ffbd9}'/><EventID>7</EventID><Version>3</Version><Level>4</Level><Task>7</Task><Opcode>0</Opcode><Keywords>0x8000000000000000</Keywords><TimeCreated SystemTime='2026-03-04T05:06:07.0890000Z'/><EventRecordID>1201</EventRecordID><Correlation/><Execution ProcessID='3120' ThreadID='4488'/><Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>ws-017.lab.example</Computer><Security UserID='S-1-5-18'/></System><EventData><Data Name='RuleName'>-</Data><Data Name='UtcTime'>2026-03-04 05:06:07.081</Data><Data Name='ProcessGuid'>{7c4e1f20-9a31-69a7-1b02-000000001400}</Data><Data Name='ProcessId'>6612</Data><Data Name='Image'>C:\Windows\System32\rundll32.exe</Data><Data Name='ImageLoaded'>C:\Windows\System32\example.dll</Data><Data Name='FileVersion'>10.0.26100.1 (WinBuild.160101.0800)</Data><Data Name='Description'>Example &amp; Sample API</Data><Data Name='Product'>Microsoft® Windows® Operating System</Data><Data Name='Company'>Microsoft Corporation</Data><Data Name='OriginalFileName'>example.dll</Data><Data Name='Hashes'>SHA1=DA39A3EE5E6B4B0D3255BFEF95601890AFD80709,SHA256=E3B0C44298FC1C149AFBF4C8996FB92427AE41E4649B934CA495991B7852B855</Data><Data Name='Signed'>true</Data><Data Name='Signature'>Microsoft Windows</Data><Data Name='SignatureStatus'>Valid</Data><Data Name='User'>LAB\ana</Data></EventData></Event>`

func BenchmarkDecode(b *testing.B) {
	for _, n := range []int{10, 50, 160} {
		b.Run(fmt.Sprintf("%d_events", n), func(b *testing.B) {
			batch := make([][]byte, n)
			for i := range batch {
				batch[i] = []byte(strings.Replace(sysmonLike, "1201", fmt.Sprint(1201+i), 1))
			}
			var d events.Decoder
			var r events.Record
			b.SetBytes(int64(n * len(sysmonLike)))
			b.ReportAllocs()
			for b.Loop() {
				for _, raw := range batch {
					if err := d.Decode(raw, &r); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*n), "ns/event")
		})
	}
}
