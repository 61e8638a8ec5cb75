package sldc_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
)

// envelope is the text of a delivery of n events in the shape and the mix that Sysmon sends: UTF-16LE with a byte order mark, about
// 3.2 kB an event. The same n gives the same bytes.
func envelope(n int) []byte {
	r := rand.New(rand.NewPCG(321, 22091))
	var b strings.Builder
	b.WriteString(`<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:e="http://schemas.xmlsoap.org/ws/2004/08/eventing" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><s:Header><a:Action>http://schemas.dmtf.org/wbem/wsman/1/wsman/Events</a:Action></s:Header><s:Body><w:Events>`)
	for i := range n {
		fmt.Fprintf(&b, `<w:Event Action="http://schemas.dmtf.org/wbem/wsman/1/wsman/Event"><![CDATA[%s]]></w:Event>`, event(r, 48000+i))
	}
	b.WriteString(`</w:Events></s:Body></s:Envelope>`)
	return append([]byte{0xFF, 0xFE}, utf16le(b.String())...)
}

func event(r *rand.Rand, record int) string {
	images := []string{`C:\Windows\System32\svchost.exe`, `C:\Program Files\Contoso\Agent\agent.exe`, `C:\Windows\explorer.exe`,
		`C:\Users\Søren\AppData\Local\Temp\setup-3f.exe`, `C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe`}
	image := func() string { return images[r.IntN(len(images))] }
	guid := func() string {
		return fmt.Sprintf("{b3c1d7a2-%04x-66f1-%04x-00000000%04x}", r.IntN(1<<16), r.IntN(1<<16), r.IntN(1<<16))
	}
	hex := func(n int) string {
		s := make([]byte, n)
		for i := range s {
			s[i] = "0123456789ABCDEF"[r.IntN(16)]
		}
		return string(s)
	}
	at := fmt.Sprintf("2026-03-05 09:%02d:%02d.%03d", r.IntN(60), r.IntN(60), r.IntN(1000))
	var data [][2]string
	id := []int{1, 3, 7, 10, 11, 12, 13, 22}[r.IntN(8)]
	switch id {
	case 1, 7:
		data = [][2]string{{"RuleName", "-"}, {"UtcTime", at}, {"ProcessGuid", guid()}, {"ProcessId", fmt.Sprint(r.IntN(30000))}, {"Image", image()},
			{"FileVersion", "10.0.26100.1 (WinBuild.160101.0800)"}, {"Description", "Host Process for Windows Services"}, {"Company", "Contoso &amp; Sons"},
			{"CommandLine", image() + ` -k netsvcs -p -s ` + hex(12) + ` --tick ` + fmt.Sprint(r.IntN(1<<30))}, {"CurrentDirectory", `C:\Windows\system32\`},
			{"User", `CORP\User` + fmt.Sprint(r.IntN(100))}, {"LogonGuid", guid()}, {"IntegrityLevel", "System"},
			{"Hashes", "SHA1=" + hex(40) + ",MD5=" + hex(32) + ",SHA256=" + hex(64) + ",IMPHASH=" + hex(32)},
			{"ParentProcessGuid", guid()}, {"ParentImage", image()}, {"ParentCommandLine", image() + " /c " + hex(8)}}
	case 3, 22:
		data = [][2]string{{"RuleName", "technique_id=T1071"}, {"UtcTime", at}, {"ProcessGuid", guid()}, {"Image", image()}, {"User", `NT AUTHORITY\SYSTEM`},
			{"Protocol", "tcp"}, {"Initiated", "true"}, {"SourceIp", fmt.Sprintf("10.%d.%d.%d", r.IntN(256), r.IntN(256), r.IntN(256))},
			{"SourceHostname", "pc-4471.corp.example"}, {"SourcePort", fmt.Sprint(r.IntN(65536))}, {"DestinationIp", fmt.Sprintf("192.0.2.%d", r.IntN(256))},
			{"DestinationHostname", hex(6) + ".cdn.example"}, {"DestinationPort", "443"}, {"QueryResults", "type: 5 a.example;::ffff:192.0.2.7;"}}
	default:
		data = [][2]string{{"RuleName", "-"}, {"EventType", "SetValue"}, {"UtcTime", at}, {"SourceProcessGUID", guid()}, {"SourceImage", image()}, {"TargetImage", image()},
			{"TargetObject", `HKLM\System\CurrentControlSet\Services\` + hex(10) + `\Parameters`}, {"Details", "DWORD (0x" + hex(8) + ")"},
			{"CallTrace", `C:\Windows\SYSTEM32\ntdll.dll+` + hex(5) + `|C:\Windows\System32\KERNELBASE.dll+` + hex(5) + `|UNKNOWN(` + hex(16) + `)`}, {"User", `CORP\ADMIN`}}
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Sysmon' Guid='{5770385f-c22a-43e0-bf4c-06f5698ffbd9}'/><EventID>%d</EventID><Version>5</Version><Level>4</Level><Task>%d</Task><Opcode>0</Opcode><Keywords>0x8000000000000000</Keywords><TimeCreated SystemTime='2026-03-05T09:%02d:%02d.%07dZ'/><EventRecordID>%d</EventRecordID><Correlation/><Execution ProcessID='3204' ThreadID='%d'/><Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>pc-4471.corp.example</Computer><Security UserID='S-1-5-18'/></System><EventData>`,
		id, id, r.IntN(60), r.IntN(60), r.IntN(10000000), record, r.IntN(9000))
	for _, d := range data {
		fmt.Fprintf(&b, `<Data Name='%s'>%s</Data>`, d[0], d[1])
	}
	b.WriteString(`</EventData></Event>`)
	return b.String()
}
