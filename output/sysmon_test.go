package output_test

import (
	"fmt"
	"html"
	"strings"
	"testing"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/output"
)

// sysmon is a Sysmon event with these fields, name, value, name, value …
func sysmon(id int, fields ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, wrap+"<System><Provider Name='Microsoft-Windows-Sysmon'/><EventID>%d</EventID></System><EventData>", id)
	for i := 0; i < len(fields); i += 2 {
		fmt.Fprintf(&b, "<Data Name='%s'>%s</Data>", fields[i], html.EscapeString(fields[i+1]))
	}
	return b.String() + "</EventData></Event>"
}

func typed(t *testing.T, event string) string {
	t.Helper()
	doc, _ := encode(t, event, &events.Batch{})
	_, s, _ := strings.Cut(string(doc), `"Sysmon":`)
	s, _, _ = strings.Cut(s, `,"Collector"`)
	return s
}

func TestSysmon(t *testing.T) {
	for _, c := range []struct {
		id     int
		fields []string
		want   string
	}{
		{1, []string{"UtcTime", "2026-03-04 05:06:07.081"}, `{"Event":"ProcessCreate","UtcTime":"2026-03-04T05:06:07.081Z"}`},
		{1, []string{"UtcTime", "2022-05-13T08:54:07.4510000Z"}, `{"Event":"ProcessCreate","UtcTime":"2022-05-13T08:54:07.451Z"}`},
		{1, []string{"UtcTime", "2026-03-04 05:06:60.081"}, `{"Event":"ProcessCreate","UtcTime":"2026-03-04T05:07:00.081Z"}`},
		{1, []string{"UtcTime", "not a time", "ProcessId", "-"}, `{"Event":"ProcessCreate"}`},
		{4, []string{"State", "Started", "Version", "15.15"}, ``},
		{30, []string{"NewField", "x"}, ``},
		{30, []string{"ProcessId", "7"}, `{"ProcessId":7}`},
		{5, []string{"ProcessId", "x", "ProcessId", "2"}, `{"Event":"ProcessTerminate"}`},
		{5, []string{"ProcessId", "4294967295", "NewThreadId", "4294967296"}, `{"Event":"ProcessTerminate","ProcessId":4294967295}`},
		{3, []string{"Initiated", "true", "SourceIsIpv6", "False", "SourcePort", "65535", "DestinationPort", "65536"}, `{"Event":"NetworkConnect","Initiated":true,"SourcePort":65535}`},
		{23, []string{"IsExecutable", "false", "Archived", "true"}, `{"Event":"FileDelete","IsExecutable":false}`},
		{7, []string{"Hashes", "MD5=D41D8CD98F00B204E9800998ECF8427E,SHA1=bad,SHA512=00,,MD5=00000000000000000000000000000000,IMPHASH=zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz"},
			`{"Event":"ImageLoad","Hashes":{"MD5":"D41D8CD98F00B204E9800998ECF8427E"}}`},
		{15, []string{"Hash", "SHA1=DA39A3EE5E6B4B0D3255BFEF95601890AFD80709"}, `{"Event":"FileCreateStreamHash","Hash":{"SHA1":"DA39A3EE5E6B4B0D3255BFEF95601890AFD80709"}}`},
		{15, []string{"Hash", "Unknown"}, `{"Event":"FileCreateStreamHash"}`},
		{13, []string{"Details", "DWORD (0x000000ff)"}, `{"Event":"RegistryEvent","Value":{"Type":"REG_DWORD","Number":255}}`},
		{13, []string{"Details", "QWORD (0xffffffff-0xffffffff)"}, `{"Event":"RegistryEvent","Value":{"Type":"REG_QWORD","Number":18446744073709551615}}`},
		{13, []string{"Details", "DWORD (0x)"}, `{"Event":"RegistryEvent"}`},
		{13, []string{"Details", "DWORD (0x123456789)"}, `{"Event":"RegistryEvent"}`},
		{13, []string{"Details", "QWORD (0x1)"}, `{"Event":"RegistryEvent"}`},
		{12, []string{"Details", "DWORD (0x000000ff)"}, `{"Event":"RegistryEvent"}`},
		{22, []string{"QueryStatus", "9003", "QueryResults", "-"}, `{"Event":"DnsQuery","QueryStatus":9003}`},
		{22, []string{"QueryResults", "type:  5 edge.example.net;type:  33 ;type: 65536 x;type: x;::ffff:192.0.2.7;2001:DB8:0:0:0:0:0:1;fe80::1%12;1.2.3;a b;;192.0.2.8"},
			`{"Event":"DnsQuery","Answers":[{"Type":5,"Data":"edge.example.net"},{"Type":33},{"Address":"192.0.2.7"},{"Address":"2001:db8::1"},{"Address":"fe80::1%12"},{"Address":"192.0.2.8"}]}`},
	} {
		if got := typed(t, sysmon(c.id, c.fields...)); got != c.want {
			t.Errorf("%d %q\n got %s\nwant %s", c.id, c.fields, got, c.want)
		}
	}
	if got := typed(t, strings.Replace(sysmon(1, "ProcessId", "1"), "Windows-Sysmon", "Windows-Other", 1)); got != "" {
		t.Errorf("another provider: %s", got)
	}
}

func TestRule(t *testing.T) {
	for text, want := range map[string]string{
		"":  ``,
		"-": ``,
		"technique_id=T1059.001,technique_name=PowerShell":                                                                          `{"technique_id":"T1059.001","technique_name":"PowerShell","Techniques":["T1059.001"]}`,
		"technique_id=T1047,technique_name=Windows Management Instrumentation, remote,phase_name=Execution,Desc=,Level=3,Alert=a=b": `{"technique_id":"T1047","technique_name":"Windows Management Instrumentation, remote","phase_name":"Execution","Desc":"","Level":"3","Alert":"a=b","Techniques":["T1047"]}`,
		"T1060,RunKey":                     `{"Name":"T1060,RunKey","Techniques":["T1060"]}`,
		"Downloads":                        `{"Name":"Downloads"}`,
		"Persistence - via Run key, x = 1": `{"Name":"Persistence - via Run key, x = 1"}`,
		"Alert,technique_id=T1086":         `{"Name":"Alert","technique_id":"T1086","Techniques":["T1086"]}`,
		"a=1,a=2,Techniques=3,Name=n":      `{"a":"1","Name":"n"}`,
		"x,Name=n":                         `{"Name":"x"}`,
		"=x":                               `{"Name":"=x"}`,
		"1a=x":                             `{"Name":"1a=x"}`,
		"T1003 T1003.001;T1003,CVET1234 T12345 T1547.0011 t1003 MITRE_T1105_x T105": `{"Name":"T1003 T1003.001;T1003,CVET1234 T12345 T1547.0011 t1003 MITRE_T1105_x T105","Techniques":["T1003","T1003.001","T1547","T1105"]}`,
	} {
		got := typed(t, sysmon(1, "RuleName", text))
		if want != "" {
			want = `,"Rule":` + want
		}
		if want = `{"Event":"ProcessCreate"` + want + `}`; got != want {
			t.Errorf("%q\n got %s\nwant %s", text, got, want)
		}
	}
	long := typed(t, sysmon(1, "RuleName", strings.Repeat("T1000,", 1000)+"a=1"+strings.Repeat(",b=2,T1001", 1000)))
	if len(long) > 30_000 || strings.Count(long, `"T1000"`) != 1 {
		t.Errorf("%d bytes", len(long))
	}
}

func TestSeverity(t *testing.T) {
	for label, ids := range map[int][]int{1: {5, 7}, 2: {1, 2, 3, 4, 11, 12, 13, 17, 18, 22, 30, 254, 256}, 3: {6, 9, 10, 14, 15, 23, 24, 26}, 4: {8, 16, 19, 20, 21, 29, 255}, 5: {25, 27, 28}} {
		for _, id := range ids {
			severity(t, sysmon(id), label)
			if known := id < 30 || id == 255; known && label <= 3 {
				label++
				severity(t, sysmon(id, "RuleName", "technique_id=T1059"), label)
				severity(t, sysmon(id, "RuleName", "Downloads"), label-1)
				label--
			} else {
				severity(t, sysmon(id, "RuleName", "technique_id=T1059"), label)
			}
		}
	}
	severity(t, sysmon(4, "State", "Stopped"), 4)
	severity(t, sysmon(4, "State", "Started"), 2)
	event := func(provider, channel string, id int, rest string) string {
		return fmt.Sprintf(wrap+"<System><Provider Name='%s'/><EventID>%d</EventID>%s<Channel>%s</Channel></System></Event>", provider, id, rest, channel)
	}
	for level, label := range map[string]int{"1": 5, "2": 4, "3": 3, "0": 2, "4": 2, "5": 1, "6": 2, "x": 2} {
		severity(t, event("p", "Application", 1, "<Level>"+level+"</Level>"), label)
	}
	severity(t, event("p", "Application", 1, ""), 2)
	const failure, success = "<Level>0</Level><Keywords>0x8010000000000000</Keywords>", "<Level>0</Level><Keywords>0x8020000000000000</Keywords>"
	severity(t, event("Microsoft-Windows-Security-Auditing", "Security", 4625, failure), 3)
	severity(t, event("Microsoft-Windows-Security-Auditing", "Security", 4624, success), 2)
	severity(t, event("p", "Application", 1, failure), 2)
	severity(t, event("Microsoft-Windows-Eventlog", "Security", 1102, "<Level>4</Level>"), 5)
	severity(t, event("Microsoft-Windows-Eventlog", "System", 104, "<Level>4</Level>"), 5)
	severity(t, event("p", "System", 104, "<Level>4</Level>"), 2)
}

func severity(t *testing.T, event string, want int) {
	t.Helper()
	doc, r := encode(t, event, &events.Batch{})
	if got := output.Severity(r); got != want || !strings.Contains(string(doc), fmt.Sprintf(`"Severity":%d}`, want)) {
		t.Errorf("severity %d, want %d: %s", got, want, doc)
	}
}
