package output_test

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/internal/corpus"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// TestECSGolden: the first event of each Sysmon id in the simulator's recording gives the document in testdata.
func TestECSGolden(t *testing.T) {
	const file = "testdata/sysmon.ecs.ndjson"
	documents := map[string]string{}
	var all []string
	for _, line := range corpus.Lines(t, "../simulator/sample.xmll") {
		doc := ecs(t, line, delivery())
		if id := eventCode(t, doc); documents[id] == "" {
			documents[id] = doc
			all = append(all, doc)
		}
	}
	for id := 1; id <= 29; id++ {
		if documents[fmt.Sprint(id)] == "" {
			t.Errorf("no event %d", id)
		}
	}
	if documents["255"] == "" || len(documents) != 30 {
		t.Errorf("%d ids", len(documents))
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(all, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(corpus.Lines(t, file), all); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func eventCode(t *testing.T, doc string) string {
	t.Helper()
	var d struct{ Event struct{ Code string } }
	if err := json.Unmarshal([]byte(doc), &d); err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	return d.Event.Code
}

// member is the value at a dotted path of a document, as JSON; "" for none.
func member(t *testing.T, doc, path string) string {
	t.Helper()
	raw := json.RawMessage(doc)
	for _, name := range strings.Split(path, ".") {
		var o map[string]json.RawMessage
		if err := json.Unmarshal(raw, &o); err != nil {
			t.Fatalf("%s: %v\n%s", path, err, doc)
		}
		if raw = o[name]; raw == nil {
			return ""
		}
	}
	return string(raw)
}

// expect checks members of the document of an event: path, value as JSON, and so on; "" for none.
func expect(t *testing.T, event string, want ...string) {
	t.Helper()
	doc := ecs(t, event, &events.Batch{})
	for i := 0; i < len(want); i += 2 {
		if got := member(t, doc, want[i]); got != want[i+1] {
			t.Errorf("%s: %s, want %s\n%s", want[i], got, want[i+1], doc)
		}
	}
}

func TestECSSysmon(t *testing.T) {
	for _, c := range []struct {
		id           int
		fields, want []string
	}{
		{1, []string{"UtcTime", "2022-05-13T08:54:07.4519999Z"}, []string{"@timestamp", `"2022-05-13T08:54:07.451Z"`, "winlog.event_data", ""}},
		{1, []string{"UtcTime", "2026-03-04 05:06:60"}, []string{"@timestamp", `"2026-03-04T05:07:00.000Z"`}},
		{1, []string{"UtcTime", "2026-03-04 05:06:07.089+02:00"}, []string{"@timestamp", `"2026-03-04T03:06:07.089Z"`}},
		{1, []string{"UtcTime", "now"}, []string{"@timestamp", "", "winlog.event_data.UtcTime", `"now"`}},
		{1, []string{"RuleName", "-", "Company", "", "LogonGuid", "{00000000-0000-0000-0000-000000000000}"}, []string{"rule", "", "winlog.event_data", "", "process", ""}},
		{5, []string{"ProcessId", "x", "ProcessId", "2"}, []string{"process", "", "winlog.event_data.ProcessId", `"x"`}},
		{5, []string{"ProcessId", "0012"}, []string{"process.pid", "12"}},
		{5, []string{"ProcessId", "4294967296"}, []string{"process", "", "winlog.event_data.ProcessId", `"4294967296"`}},
		{5, []string{"New", "1", "New", "2"}, []string{"winlog.event_data", `{"New":"1"}`}},
		{5, []string{"Image", "System"}, []string{"process", `{"executable":"System"}`}},
		{5, []string{"User", `NT AUTHORITY\LOCAL SERVICE`}, []string{"user", `{"id":"S-1-5-19","domain":"NT AUTHORITY","name":"LOCAL SERVICE"}`}},
		{5, []string{"User", `NT AUTHORITY\NETWORK SERVICE`}, []string{"user.id", `"S-1-5-20"`}},
		{5, []string{"User", `NT-AUTORITÄT\SYSTEM`}, []string{"user", `{"domain":"NT-AUTORITÄT","name":"SYSTEM"}`}},
		{5, []string{"User", `ana`}, []string{"user", "", "winlog.event_data.User", `"ana"`, "related", ""}},
		{5, []string{"User", `A\B\C`}, []string{"user", "", "winlog.event_data.User", `"A\\B\\C"`}},
		{8, []string{"SourceProcessGuid", "{a}", "SourceProcessId", "1", "SourceImage", `C:\a.exe`, "TargetProcessGuid", "{b}", "TargetProcessId", "2", "TargetImage", `C:\b.exe`, "SourceUser", `A\b`},
			[]string{"process", `{"entity_id":"{a}","executable":"C:\\a.exe","pid":1,"name":"a.exe"}`, "user", "",
				"winlog.event_data", `{"TargetProcessGUID":"{b}","TargetProcessId":"2","TargetImage":"C:\\b.exe","SourceUser":"A\\b"}`}},
		{10, []string{"SourceThreadId", "7"}, []string{"process.thread", `{"id":7}`}},
		{9, []string{"Device", `\Device\HarddiskVolume2`}, []string{"file", `{"path":"\\Device\\HarddiskVolume2","name":"HarddiskVolume2","directory":"\\Device"}`}},
		{11, []string{"TargetFilename", `C:\v1.2\README`}, []string{"file", `{"path":"C:\\v1.2\\README","name":"README","directory":"C:\\v1.2"}`}},
		{15, []string{"TargetFilename", `C:\d\a.zip:Zone.Identifier`}, []string{"file.name", `"a.zip:Zone.Identifier"`, "file.extension", `"zip"`}},
		{17, []string{"PipeName", `\srvsvc`}, []string{"file", `{"name":"\\srvsvc"}`}},
		{23, []string{"Archived", "false - shredded file with pattern 0x0000", "IsExecutable", "true"}, []string{"sysmon", `{"file":{"is_executable":true}}`, "winlog.event_data.Archived", `"false - shredded file with pattern 0x0000"`}},
		{23, []string{"Hashes", "MD5=D41D8CD98F00B204E9800998ECF8427E,IMPHASH=00000000000000000000000000000000"}, []string{"file.hash", `{"md5":"d41d8cd98f00b204e9800998ecf8427e"}`, "process", "", "related.hash", `["d41d8cd98f00b204e9800998ecf8427e"]`}},
		{23, []string{"Hashes", "MD5=D41D8CD98F00B204E9800998ECF8427E,SHA512=00"}, []string{"file.hash", `{"md5":"d41d8cd98f00b204e9800998ecf8427e"}`, "winlog.event_data.Hashes", `"MD5=D41D8CD98F00B204E9800998ECF8427E,SHA512=00"`}},
		{24, []string{"Hashes", "MD5=D41D8CD98F00B204E9800998ECF8427E"}, []string{"file", "", "process", "", "related.hash", `["d41d8cd98f00b204e9800998ecf8427e"]`}},
		{1, []string{"Hashes", "Unknown"}, []string{"process", "", "winlog.event_data.Hashes", `"Unknown"`}},
		{7, []string{"ImageLoaded", `C:\x.dll`, "Signed", "failed: Invalid hash", "SignatureStatus", "errorCode: 1", "Signature", "s"},
			[]string{"dll", `{"name":"x.dll","path":"C:\\x.dll","code_signature":{"subject_name":"s","trusted":false,"status":"failed: Invalid hash"}}`,
				"file.code_signature", `{"subject_name":"s","status":"errorCode: 1","trusted":false}`, "winlog.event_data.Signed", `"failed: Invalid hash"`}},
		{7, []string{"Signed", "false", "SignatureStatus", "Unavailable"}, []string{"dll.code_signature", `{"trusted":false,"status":"Unavailable"}`}},
		{6, []string{"Signed", "true", "SignatureStatus", "Valid"}, []string{"dll", "", "file.code_signature", `{"status":"Valid","valid":true,"trusted":true}`}},
		{13, []string{"Details", "DWORD (0x000000ff)"}, []string{"registry.data", `{"strings":["255"],"type":"REG_DWORD"}`}},
		{13, []string{"Details", "QWORD (0xffffffff-0xfffffffe)"}, []string{"registry.data", `{"strings":["18446744073709551614"],"type":"REG_QWORD"}`}},
		{13, []string{"Details", "Binary Data"}, []string{"registry.data", `{"type":"REG_BINARY"}`}},
		{13, []string{"Details", `"a" /b`}, []string{"registry.data", `{"strings":["\"a\" /b"],"type":"REG_SZ"}`, "winlog.event_data.Details", `"\"a\" /b"`}},
		{13, []string{"Details", "DWORD (0x)"}, []string{"registry.data.type", `"REG_SZ"`}},
		{12, []string{"TargetObject", `HKEY_LOCAL_MACHINE\SOFTWARE`}, []string{"registry", `{"path":"HKEY_LOCAL_MACHINE\\SOFTWARE","hive":"HKLM","key":"SOFTWARE","value":"SOFTWARE"}`}},
		{12, []string{"TargetObject", `\REGISTRY\A\{x}`}, []string{"registry", `{"path":"\\REGISTRY\\A\\{x}","value":"{x}"}`}},
		{12, []string{"TargetObject", `HKU`}, []string{"registry", `{"path":"HKU","hive":"HKU"}`}},
		{20, []string{"Destination", `"C:\x.exe"`, "Type", "Command Line"}, []string{"process", "", "message", "", "winlog.event_data", `{"Destination":"\"C:\\x.exe\"","Type":"Command Line"}`}},
		{22, []string{"QueryName", "a.example", "QueryStatus", "9003"}, []string{"sysmon.dns.status", `"DNS_ERROR_RCODE_NAME_ERROR"`, "related.hosts", `["a.example"]`, "dns", `{"question":{"name":"a.example"}}`}},
		{22, []string{"QueryStatus", "77"}, []string{"sysmon.dns.status", `"77"`}},
		{22, []string{"QueryName", "q", "QueryResults", "192.0.2.8;type:  5 b;type:  33 ;::ffff:192.0.2.7;x y;2001:DB8:0:0:0:0:0:1;type: 9999 c;192.0.2.8;"},
			[]string{"dns.answers", `[{"type":"CNAME","data":"b"},{"type":"SRV"},{"type":"9999","data":"c"},{"type":"A","data":"192.0.2.8"},{"type":"A","data":"192.0.2.7"},{"type":"AAAA","data":"2001:db8::1"},{"type":"A","data":"192.0.2.8"}]`,
				"dns.resolved_ip", `["192.0.2.8","192.0.2.7","2001:db8::1","192.0.2.8"]`, "related.ip", `["192.0.2.8","192.0.2.7","2001:db8::1"]`, "related.hosts", `["b","c","q"]`, "winlog.event_data", ""}},
		{25, []string{"Type", "Image is replaced"}, []string{"message", `"Image is replaced"`}},
		{255, []string{"ID", "QUEUE", "Description", "lost"}, []string{"error", `{"code":"QUEUE","message":"lost"}`, "event.outcome", `"failure"`, "event.type", "", "log.level", `"error"`}},
		{1, []string{"RuleName", "T1003.001,T1003,T1055.012 T1003.001"}, []string{"threat", `{"framework":"MITRE ATT&CK","technique":{"id":["T1003","T1055"],"subtechnique":{"id":["T1003.001","T1055.012"]}}}`}},
		{1, []string{"RuleName", "Downloads"}, []string{"threat", "", "rule.name", `"Downloads"`}},
		{30, []string{"RuleName", "-", "UtcTime", "2026-03-04 05:06:07.081", "ProcessId", "1"}, []string{"@timestamp", `"2026-03-04T05:06:07.081Z"`, "event.category", "", "event.action", "", "process", "",
			"winlog.event_data", `{"RuleName":"-","UtcTime":"2026-03-04 05:06:07.081","ProcessId":"1"}`}},
	} {
		expect(t, sysmon(c.id, c.fields...), c.want...)
	}
}

func TestECSConnection(t *testing.T) {
	connection := func(more ...string) string {
		return sysmon(3, append([]string{"Protocol", "udp", "Initiated", "false", "SourceIsIpv6", "true", "SourceIp", "fe80:0:0:0:1:2:3:4", "SourcePort", "5353",
			"SourcePortName", "mdns", "DestinationIsIpv6", "true", "DestinationIp", "fe80:0:0:0:1:2:3:4"}, more...)...)
	}
	expect(t, connection("DestinationPort", "65535", "DestinationPortName", "x"),
		"network", `{"transport":"udp","protocol":"mdns","direction":"ingress","type":"ipv6","community_id":"`+communityID(17, "fe80::1:2:3:4", "fe80::1:2:3:4", 5353, 65535)+`"}`,
		"source", `{"port":5353,"ip":"fe80::1:2:3:4"}`, "related.ip", `["fe80::1:2:3:4"]`, "winlog.event_data", "")
	expect(t, connection("DestinationPort", "65536"), "network.community_id", "", "destination", `{"ip":"fe80::1:2:3:4"}`, "winlog.event_data", `{"DestinationPort":"65536"}`)
	expect(t, sysmon(3, "SourceIp", "999.1.1.1", "DestinationPortName", "https", "Protocol", "icmp", "SourceHostname", "h"),
		"network", `{"transport":"icmp","protocol":"https"}`, "source", `{"domain":"h"}`, "winlog.event_data", `{"SourceIp":"999.1.1.1"}`)
}

// TestECSArguments: command lines as the Microsoft C run-time split them before 2008.
func TestECSArguments(t *testing.T) {
	for line, want := range map[string]string{
		`a`:              `["a"]`,
		"  a \t b  ":     `["a","b"]`,
		`"a b" c`:        `["a b","c"]`,
		`a"b c"d`:        `["ab cd"]`,
		`"" b`:           `["","b"]`,
		`a\b \\c "d\e"`:  `["a\\b","\\\\c","d\\e"]`,
		`a\\"b c"`:       `["a\\b c"]`,
		`a\"b c`:         `["a\"b","c"]`,
		`a\\\"b c`:       `["a\\\"b","c"]`,
		`"a""b c" d`:     `["a\"b","c d"]`,
		`"a\\" b`:        `["a\\","b"]`,
		`"a b`:           `["a b"]`,
		`"""a b"`:        `["\"a","b"]`,
		`a \`:            `["a","\\"]`,
		`"C:\x\" y`:      `["C:\\x\" y"]`,
		"ä 検証\u00a0🧾 \"": "[\"ä\",\"検証\u00a0🧾\",\"\"]",
	} {
		doc := ecs(t, sysmon(1, "CommandLine", line), &events.Batch{})
		var args []string
		got := member(t, doc, "process.args")
		if err := json.Unmarshal([]byte(got), &args); err != nil || got != want || member(t, doc, "process.args_count") != fmt.Sprint(len(args)) {
			t.Errorf("%q\n got %s, %s\nwant %s", line, got, member(t, doc, "process.args_count"), want)
		}
	}
	expect(t, sysmon(1, "CommandLine", "  ", "ParentCommandLine", `x "y z"`), "process", `{"command_line":"  ","parent":{"command_line":"x \"y z\"","args":["x","y z"],"args_count":2}}`)
}

// TestECSKeepEventData: all of it, under its own names, whatever was mapped.
func TestECSKeepEventData(t *testing.T) {
	b := &events.Batch{KeepEventData: true}
	doc := ecs(t, sysmon(8, "RuleName", "-", "UtcTime", "2026-03-04 05:06:07.081", "SourceProcessId", "1", "TargetProcessGuid", "{b}", "X", "", "X", "2"), b)
	if got, want := member(t, doc, "winlog.event_data"), `{"RuleName":"-","UtcTime":"2026-03-04 05:06:07.081","SourceProcessId":"1","TargetProcessGuid":"{b}","X":""}`; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got := member(t, doc, "process"); got != `{"pid":1}` {
		t.Error(got)
	}
}

// quote is s as JSON, without HTML's escapes.
func quote(t *testing.T, s string) string {
	t.Helper()
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSuffix(b.String(), "\n")
}
