package output_test

import (
	"fmt"
	"html"
	"strings"
	"testing"

	"github.com/wefka/wefka/events"
)

// other is an event of another provider than Sysmon. A field without a name is called "".
func other(provider string, id int, fields ...string) string {
	return strings.ReplaceAll(strings.Replace(sysmon(id, fields...), "Microsoft-Windows-Sysmon", provider, 1), " Name=''", "")
}

const auditing = "Microsoft-Windows-Security-Auditing"

func TestECSSecurity(t *testing.T) {
	subject := []string{"SubjectUserSid", "S-1-5-21-1", "SubjectUserName", "ana", "SubjectDomainName", "LAB", "SubjectLogonId", "0x1"}
	target := []string{"TargetUserName", "ben", "TargetDomainName", "LAB", "TargetSid", "S-1-5-21-2"}
	const ana, ben = `"id":"S-1-5-21-1","domain":"LAB","name":"ana"`, `"id":"S-1-5-21-2","domain":"LAB","name":"ben"`
	both := append(append([]string{}, target...), subject...)
	for id, action := range map[int]string{4720: "added-user-account", 4721: "changed-user-account-type", 4722: "enabled-user-account", 4723: "changed-password", 4724: "reset-password",
		4725: "disabled-user-account", 4726: "deleted-user-account", 4740: "locked-out-user-account"} {
		expect(t, other(auditing, id, both...), "event.action", `"`+action+`"`, "event.category", `["iam"]`, "user", `{`+ana+`,"target":{`+ben+`}}`,
			"related.user", `["ana","ben"]`, "winlog.logon.id", `"0x1"`, "winlog.event_data.TargetUserName", `"ben"`)
	}
	for _, id := range []int{4728, 4732, 4756} {
		expect(t, other(auditing, id, append(both, "MemberName", "CN=eve,OU=x,DC=lab,DC=example", "MemberSid", "S-1-5-21-3")...),
			"event.action", `"added-member-to-group"`, "event.type", `["group","change"]`, "group", `{`+ben+`}`,
			"user", `{`+ana+`,"target":{"id":"S-1-5-21-3","domain":"lab","name":"eve","group":{`+ben+`}}}`, "related.user", `["ana","eve"]`)
	}
	expect(t, other(auditing, 4732, "MemberName", "-", "TargetUserName", "-"), "user", "", "group", "", "winlog.event_data", `{"MemberName":"-","TargetUserName":"-"}`)
	expect(t, other(auditing, 4732, "MemberName", "eve"), "user.target.name", `"eve"`)
	for id, action := range map[int]string{4697: "service-installed", 4698: "scheduled-task-created", 4672: "logged-in-special"} {
		expect(t, other(auditing, id, append(subject, "ServiceName", "s")...), "event.action", `"`+action+`"`, "user", `{`+ana+`}`, "service.name", `"s"`)
	}
	for id, action := range map[int]string{4634: "logged-out", 4647: "logged-out", 4624: "logged-in"} {
		expect(t, other(auditing, id, append(both, "TargetLogonId", "0x2", "LogonType", "3")...), "event.action", `"`+action+`"`, "event.category", `["authentication"]`,
			"user", `{`+ben+`}`, "winlog.logon", `{"id":"0x2","type":"Network"}`)
	}
	expect(t, other(auditing, 4624, "IpAddress", "::ffff:192.0.2.7", "IpPort", "49200", "WorkstationName", "ws", "ProcessId", "0x240", "ProcessName", `C:\a\b.exe`),
		"source", `{"domain":"ws","port":49200,"ip":"192.0.2.7"}`, "related.ip", `["192.0.2.7"]`, "process", `{"executable":"C:\\a\\b.exe","pid":576,"name":"b.exe"}`,
		"winlog.event_data", `{"WorkstationName":"ws"}`)
	expect(t, other(auditing, 4624, "IpAddress", "-", "IpPort", "-", "ProcessName", "-", "LogonType", "99"), "source", "", "process", "", "winlog.logon", "",
		"winlog.event_data", `{"IpAddress":"-","IpPort":"-","ProcessName":"-","LogonType":"99"}`)
	expect(t, other(auditing, 4625, "TargetUserSid", "S-1-0-0", "TargetUserName", "x", "FailureReason", "%%2313"), "user", `{"name":"x"}`,
		"winlog.logon.failure.reason", `"Unknown user name or bad password"`, "event.action", `"logon-failed"`)
	expect(t, other(auditing, 4648, both...), "event.action", `"logged-in-explicit"`, "user", `{`+ana+`,"effective":{`+ben+`}}`)
	expect(t, other(auditing, 4688, append(subject, "NewProcessId", "0x6e8", "NewProcessName", `C:\cmd.exe`, "ProcessId", "0x1d0", "ParentProcessName", `C:\p.exe`, "CommandLine", `cmd /c "a b"`, "TargetUserSid", "S-1-0-0", "TargetUserName", "-")...),
		"event.action", `"created-process"`, "process", `{"executable":"C:\\cmd.exe","command_line":"cmd /c \"a b\"","parent":{"executable":"C:\\p.exe","pid":464,"name":"p.exe"},"pid":1768,"name":"cmd.exe","args":["cmd","/c","a b"],"args_count":3}`,
		"user", `{`+ana+`}`)
	expect(t, other(auditing, 4689, append(subject, "ProcessId", "0x10", "ProcessName", `C:\cmd.exe`, "Status", "0x0")...),
		"event.action", `"exited-process"`, "event.type", `["end"]`, "process", `{"executable":"C:\\cmd.exe","pid":16,"name":"cmd.exe"}`, "winlog.event_data.Status", `"0x0"`)
	for id, action := range map[int]string{4768: "kerberos-authentication-ticket-requested", 4769: "kerberos-service-ticket-requested", 4771: "kerberos-preauth-failed"} {
		expect(t, other(auditing, id, "TargetUserName", "ben@LAB.EXAMPLE", "TargetSid", "S-1-5-21-2", "ServiceName", "krbtgt", "IpAddress", "::1"),
			"event.action", `"`+action+`"`, "user", `{"id":"S-1-5-21-2","name":"ben"}`, "service.name", `"krbtgt"`, "source.ip", `"::1"`)
	}
	expect(t, other(auditing, 4776, "TargetUserName", "ben@x", "Workstation", "ws"), "event.action", `"credential-validated"`, "user.name", `"ben@x"`, "source.domain", `"ws"`)
	for _, id := range []int{4603, 1102, 9999} {
		expect(t, other(auditing, id, both...), "event.action", "", "event.category", "", "user", "", "winlog.event_data.SubjectUserName", `"ana"`)
	}
}

// TestECSSecurityRest: what else accounts, groups, sessions and the log service itself say.
func TestECSSecurityRest(t *testing.T) {
	for _, c := range []struct {
		id           int
		fields, want []string
	}{
		{4625, []string{"Status", "0xc000006d", "SubStatus", "0xC000006A", "FailureReason", "%%2313"}, []string{
			"winlog.logon.failure", `{"reason":"Unknown user name or bad password","status":"The user name or the authentication is wrong","sub_status":"The password is wrong"}`,
			"winlog.event_data.Status", `"0xc000006d"`}},
		{4625, []string{"Status", "0xc0000001", "SubStatus", "0x0", "FailureReason", "%%1"}, []string{"winlog.logon", "", "winlog.event_data.SubStatus", `"0x0"`}},
		{4776, []string{"Status", "0xc0000234"}, []string{"winlog.logon.failure", `{"status":"The account is locked out"}`}},
		{4776, []string{"Status", "0x0"}, []string{"winlog.logon", ""}},
		{4768, []string{"Status", "0x6"}, []string{"winlog.logon.failure.status", `"KDC_ERR_C_PRINCIPAL_UNKNOWN"`}},
		{4771, []string{"Status", "0x18"}, []string{"winlog.logon.failure.status", `"KDC_ERR_PREAUTH_FAILED"`}},
		{4771, []string{"Status", "0xffffffff"}, []string{"winlog.logon", ""}},
		{4769, []string{"Status", "failed"}, []string{"winlog.logon", "", "winlog.event_data.Status", `"failed"`}},
		{4689, []string{"Status", "0xc000006d"}, []string{"winlog.logon", ""}},
		{4727, []string{"TargetUserName", "g"}, []string{"event.type", `["group","creation"]`, "group.name", `"g"`, "user", ""}},
		{4753, []string{"TargetUserName", "g"}, []string{"event.action", `"deleted-distribution-group-account"`, "group.name", `"g"`}},
		{4741, []string{"TargetUserName", "PC$"}, []string{"event.action", `"added-computer-account"`, "user.target.name", `"PC$"`}},
		{4781, []string{"OldTargetUserName", "a", "NewTargetUserName", "b"}, []string{"event.action", `"renamed-user-account"`, "user.target.name", `"a"`, "winlog.event_data.NewTargetUserName", `"b"`}},
		{4778, []string{"AccountName", "ana", "AccountDomain", "LAB", "LogonID", "0x7", "ClientName", "ws", "ClientAddress", "192.0.2.7"}, []string{
			"user", `{"domain":"LAB","name":"ana"}`, "source", `{"domain":"ws","ip":"192.0.2.7"}`, "winlog.logon.id", `"0x7"`, "event.category", `["authentication","session"]`}},
		{4778, []string{"ClientAddress", "LOCAL"}, []string{"source", "", "winlog.event_data.ClientAddress", `"LOCAL"`}},
		{4799, []string{"TargetUserName", "g", "CallerProcessId", "0x10", "CallerProcessName", `C:\a.exe`}, []string{"process", `{"executable":"C:\\a.exe","pid":16,"name":"a.exe"}`, "group.name", `"g"`}},
		{4719, []string{"SubjectUserName", "ana"}, []string{"event.action", `"changed-audit-config"`, "user.name", `"ana"`}},
	} {
		expect(t, other(auditing, c.id, c.fields...), c.want...)
	}
	expect(t, other("Microsoft-Windows-Eventlog", 1100), "event.action", `"logging-service-shutdown"`, "event.category", `["process"]`, "event.type", `["end"]`)
	expect(t, other("Microsoft-Windows-Eventlog", 4624), "event.action", "")
	expect(t, other(auditing, 1100), "event.action", "")
}

func TestECSUserData(t *testing.T) {
	event := func(provider string, id int, data string) string {
		return fmt.Sprintf("%s<System><Provider Name='%s'/><EventID>%d</EventID></System><UserData>%s</UserData></Event>", wrap, provider, id, data)
	}
	const cleared = "<LogFileCleared xmlns='x'><SubjectUserSid>S-1-5-21-1</SubjectUserSid><SubjectUserName>ana</SubjectUserName><SubjectDomainName>LAB</SubjectDomainName><SubjectLogonId>0x1</SubjectLogonId></LogFileCleared>"
	expect(t, event("Microsoft-Windows-Eventlog", 1102, cleared), "event.action", `"audit-log-cleared"`, "user", `{"id":"S-1-5-21-1","domain":"LAB","name":"ana"}`, "related.user", `["ana"]`,
		"winlog.logon.id", `"0x1"`, "winlog.user_data", `{"xml_name":"LogFileCleared","SubjectUserSid":"S-1-5-21-1","SubjectUserName":"ana","SubjectDomainName":"LAB","SubjectLogonId":"0x1"}`)
	expect(t, event("Microsoft-Windows-Eventlog", 104, cleared), "user", "", "winlog.user_data.SubjectUserName", `"ana"`)
	expect(t, event("x", 1, "<a><b>1<c>no</c>2</b><b>3</b><d> <e/></d><xml_name>f</xml_name><g/></a>"), "winlog.user_data", `{"xml_name":"a","b":"12"}`)
	expect(t, event("x", 1, "text"), "winlog", `{"event_id":"1","provider_name":"x"}`)
}

func TestECSSystem(t *testing.T) {
	expect(t, wrap+"<System><Provider Name='p' Guid='{g}'/><EventID>7</EventID><Version>0</Version><Level>3</Level><Opcode>2</Opcode><Keywords>0x8090000000000000</Keywords>"+
		"<TimeCreated SystemTime='2026-03-04T05:06:07.0891234Z'/><EventRecordID>18446744073709551615</EventRecordID><Correlation ActivityID='{a}' RelatedActivityID='{b}'/><Execution ProcessID='1' ThreadID='x'/>"+
		"<Channel>c</Channel><Computer>PC</Computer><Security UserID='S-1-5-19'/></System><EventData><Data>one</Data><Data/><Data Name='n'>2</Data><Data>three</Data><Data Name='n'>x</Data><Data Name='param4'>4</Data><Binary>00</Binary></EventData></Event>",
		"@timestamp", `"2026-03-04T05:06:07.089Z"`, "event.created", `"2026-03-04T05:06:07.089Z"`, "event.outcome", `"failure"`, "event.action", "", "host.name", `"PC"`, "log.level", `"warning"`, "user", "",
		"winlog", `{"channel":"c","computer_name":"PC","event_id":"7","provider_name":"p","provider_guid":"{g}","record_id":"18446744073709551615","opcode":"Stop","keywords":["Audit Failure","Classic"],`+
			`"process":{"pid":1},"user":{"identifier":"S-1-5-19"},"activity_id":"{a}","related_activity_id":"{b}","event_data":{"param1":"one","n":"2","param4":"three","Binary":"00"}}`)
	expect(t, wrap+"<System><EventID>7</EventID><Level>9</Level><Opcode>11</Opcode><Keywords>0xffffffffffffffff</Keywords></System><RenderingInfo Culture='de-DE'><Message>a&#13;&#10;b&#13;c</Message><Level>Fehler</Level><Task>Anmelden</Task><Opcode>Info</Opcode><Keywords><Keyword>k</Keyword><Keyword/></Keywords></RenderingInfo></Event>",
		"log", "", "message", `"a\nb\rc"`, "event.action", `"Anmelden"`, "winlog", `{"event_id":"7","task":"Anmelden","opcode":"Info","keywords":["k"]}`, "event.outcome", `"success"`)
	expect(t, wrap+"<System/><ProcessingErrorData><ErrorCode>15005</ErrorCode><DataItemName>d</DataItemName></ProcessingErrorData></Event>", "error", `{"code":"15005","message":"d"}`, "winlog", "")
	expect(t, wrap+"<System/>\x01</Event>", "error", `{"message":"illegal characters replaced"}`)
	expect(t, wrap+"<System/><EventData><Data Name='a'></Data></EventData></Event>", "winlog", "")
}

func TestECSPowerShell(t *testing.T) {
	const context = "        Severity = Informational\r\n        Host Name = ConsoleHost\r\n        Host Version = 5.1\r\n        Host ID = h\r\n        Host Application = powershell.exe -c \"a\nb\"\r\n" +
		"        Engine Version = 5.1.2\r\n        Runspace ID = r\r\n        Pipeline ID = 19\r\n        Command Name = Set-X\r\n        Command Type = Cmdlet\r\n        Script Name = C:\\t\\x.ps1\r\n" +
		"        Command Path = \r\n        Sequence Number = 48\r\n        User = LAB\\ana\r\n        Connected User = LAB\\ben\r\n        Shell ID = Microsoft.PowerShell\r\n"
	const payload = "CommandInvocation(Set-X): \"Set-X\"\r\nParameterBinding(Set-X): name=\"Off\"; value=\"True\r\nand more\"\r\n"
	const details = `[{"type":"CommandInvocation","related_command":"Set-X","value":"Set-X"},{"type":"ParameterBinding","related_command":"Set-X","name":"Off","value":"True\r\nand more"}]`
	expect(t, other("Microsoft-Windows-PowerShell", 4103, "ContextInfo", html.EscapeString(context), "UserData", "", "Payload", payload), "winlog.event_data.ContextInfo", "")
	expect(t, other("Microsoft-Windows-PowerShell", 4103, "ContextInfo", strings.ReplaceAll(context, "\r", ""), "Payload", strings.ReplaceAll(payload, "\r", "")),
		"event.category", `["process"]`, "event.type", `["info"]`, "event.sequence", "48", "file", `{"path":"C:\\t\\x.ps1","name":"x.ps1","directory":"C:\\t","extension":"ps1"}`,
		"process", `{"entity_id":"h","command_line":"powershell.exe -c \"a\nb\"","title":"ConsoleHost","args":["powershell.exe","-c","a\nb"],"args_count":3}`,
		"powershell", `{"command":{"name":"Set-X","type":"Cmdlet","invocation_details":`+strings.ReplaceAll(details, `\r`, "")+`},"connected_user":{"domain":"LAB","name":"ben"},"engine":{"version":"5.1.2"},"id":"Microsoft.PowerShell","pipeline_id":"19","process":{"executable_version":"5.1"},"runspace_id":"r"}`,
		"related.user", `["ana","ben"]`, "user", `{"domain":"LAB","name":"ana"}`, "winlog.event_data", "")
	expect(t, other("Microsoft-Windows-PowerShell", 4103, "ContextInfo", "Gravité = x", "Payload", "nothing"), "winlog.event_data", `{"ContextInfo":"Gravité = x","Payload":"nothing"}`)
	expect(t, other("Microsoft-Windows-PowerShell", 4104, "MessageNumber", "1", "MessageTotal", "2", "ScriptBlockText", "dir", "ScriptBlockId", "s", "Path", `C:\x.ps1`),
		"powershell", `{"file":{"script_block_id":"s","script_block_text":"dir"},"sequence":1,"total":2}`, "file.name", `"x.ps1"`, "winlog.event_data", "")
	expect(t, other("PowerShell", 800, "", "dir | x", "", "\tDetailSequence=1\n\tDetailTotal=2\n\n\tSequenceNumber=5\n\n\tUserId=LAB\\ana\n\tHostApplication=\n\tPipelineId=2\n\tScriptName=\n\tCommandLine=dir | x", "", payload),
		"event.sequence", "5", "powershell.command.value", `"dir | x"`, "powershell.sequence", "1", "powershell.total", "2", "powershell.command.invocation_details", strings.ReplaceAll(details, `\r`, ""), "user.name", `"ana"`, "process", "", "winlog.event_data", "")
	for id, kind := range map[int]string{400: "start", 403: "end", 600: "info"} {
		expect(t, other("PowerShell", id, "", "Available", "", "None", "", "\tNewEngineState=Available\n\tPreviousEngineState=None\n\tProviderName=Registry\n\tNewProviderState=Started\n"),
			"event.type", `["`+kind+`"]`, "powershell.engine", `{"new_state":"Available","previous_state":"None"}`, "powershell.provider", `{"name":"Registry","new_state":"Started"}`,
			"winlog.event_data", `{"param1":"Available","param2":"None"}`)
	}
	for id, kind := range map[int]string{4105: "start", 4106: "end"} {
		expect(t, other("Microsoft-Windows-PowerShell", id, "ScriptBlockId", "s", "RunspaceId", "r"), "event.type", `["`+kind+`"]`, "powershell", `{"file":{"script_block_id":"s"},"runspace_id":"r"}`)
	}
	// What could not all be placed stays as well.
	for _, c := range [][]string{
		{"ContextInfo", "first\nHost ID = h", "Payload", "x\nA(b): c"},
		{"ContextInfo", "Host ID = h\nHost ID = i", "Payload", "A(b): c\n"},
		{"ContextInfo", "Host ID = h\nUser = ana", "Payload", "A(b): c\n"},
		{"ContextInfo", "Host ID = h\nSequence Number = many", "Payload", "A(b): c\n"},
	} {
		event := other("Microsoft-Windows-PowerShell", 4103, c...)
		expect(t, event, "process.entity_id", `"h"`, "winlog.event_data.ContextInfo", quote(t, c[1]), "powershell.command.invocation_details", `[{"type":"A","related_command":"b","value":"c"}]`)
	}
	expect(t, other("PowerShell", 4104, "ScriptBlockText", "dir"), "powershell", "", "event.category", "", "winlog.event_data.ScriptBlockText", `"dir"`)
	expect(t, other("PowerShellX", 400, "", "x"), "event.category", "", "winlog.event_data", `{"param1":"x"}`)
}

// TestECSKeepsValues: what a field held is somewhere in the document, but for what is said here.
func TestECSKeepsValues(t *testing.T) {
	gone := map[string]bool{"UtcTime": true, "Initiated": true, "SourceIsIpv6": true, "DestinationIsIpv6": true, "SourcePortName": true, "DestinationPortName": true, "QueryStatus": true, "QueryResults": true,
		"Hashes": true, "Hash": true, "User": true, "ContextInfo": true, "Payload": true, "IpAddress": true, "SourceIp": true, "DestinationIp": true, "NewProcessId": true, "ProcessId": true, "CallerProcessId": true}
	var d events.Decoder
	var r events.Record
	for name, lines := range everything(t) {
		for _, line := range lines {
			if err := d.Decode([]byte(line), &r); err != nil {
				t.Fatal(err)
			}
			doc := ecs(t, line, &events.Batch{})
			seen := map[string]bool{}
			for i := range r.Fields {
				f := &r.Fields[i]
				field := string(f.Name)
				if repeated := seen[field] && field != ""; repeated || gone[field] || field == "" && string(r.Provider) == "PowerShell" || string(f.Value) == "-" ||
					string(f.Value) == "{00000000-0000-0000-0000-000000000000}" {
					continue
				}
				seen[field] = true
				quoted := quote(t, string(f.Value))
				if inside := quoted[1 : len(quoted)-1]; !strings.Contains(doc, inside) {
					t.Errorf("%s: %s of %s is lost: %s\n%s", name, field, r.EventID, quoted, doc)
				}
			}
		}
	}
}
