package output_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wefka/wefka/internal/corpus"
)

// sysmonFields are all fields of schema 4.90 in their order, with the kind of value that each has.
var sysmonFields = map[int]string{
	1:   "RuleName:rule UtcTime:time ProcessGuid:guid ProcessId:u32 Image:path FileVersion:str Description:str Product:str Company:str OriginalFileName:str CommandLine:str CurrentDirectory:path User:user LogonGuid:guid LogonId:hex64 TerminalSessionId:u32 IntegrityLevel:str Hashes:hashes ParentProcessGuid:guid ParentProcessId:u32 ParentImage:path ParentCommandLine:str ParentUser:user",
	2:   "RuleName:rule UtcTime:time ProcessGuid:guid ProcessId:u32 Image:path TargetFilename:path CreationUtcTime:time PreviousCreationUtcTime:time User:user",
	3:   "RuleName:rule UtcTime:time ProcessGuid:guid ProcessId:u32 Image:path User:user Protocol:str Initiated:bool SourceIsIpv6:bool SourceIp:ip SourceHostname:str SourcePort:u16 SourcePortName:str DestinationIsIpv6:bool DestinationIp:ip DestinationHostname:str DestinationPort:u16 DestinationPortName:str",
	4:   "UtcTime:time State:str Version:str SchemaVersion:str",
	5:   "RuleName:rule UtcTime:time ProcessGuid:guid ProcessId:u32 Image:path User:user",
	6:   "RuleName:rule UtcTime:time ImageLoaded:path Hashes:hashes Signed:str Signature:str SignatureStatus:str",
	7:   "RuleName:rule UtcTime:time ProcessGuid:guid ProcessId:u32 Image:path ImageLoaded:path FileVersion:str Description:str Product:str Company:str OriginalFileName:str Hashes:hashes Signed:str Signature:str SignatureStatus:str User:user",
	8:   "RuleName:rule UtcTime:time SourceProcessGuid:guid SourceProcessId:u32 SourceImage:path TargetProcessGuid:guid TargetProcessId:u32 TargetImage:path NewThreadId:u32 StartAddress:str StartModule:path StartFunction:str SourceUser:user TargetUser:user",
	9:   "RuleName:rule UtcTime:time ProcessGuid:guid ProcessId:u32 Image:path Device:path User:user",
	10:  "RuleName:rule UtcTime:time SourceProcessGUID:guid SourceProcessId:u32 SourceThreadId:u32 SourceImage:path TargetProcessGUID:guid TargetProcessId:u32 TargetImage:path GrantedAccess:hex32 CallTrace:str SourceUser:user TargetUser:user",
	11:  "RuleName:rule UtcTime:time ProcessGuid:guid ProcessId:u32 Image:path TargetFilename:path CreationUtcTime:time User:user",
	12:  "RuleName:rule EventType:str UtcTime:time ProcessGuid:guid ProcessId:u32 Image:path TargetObject:regpath User:user",
	13:  "RuleName:rule EventType:str UtcTime:time ProcessGuid:guid ProcessId:u32 Image:path TargetObject:regpath Details:str User:user",
	14:  "RuleName:rule EventType:str UtcTime:time ProcessGuid:guid ProcessId:u32 Image:path TargetObject:regpath NewName:regpath User:user",
	15:  "RuleName:rule UtcTime:time ProcessGuid:guid ProcessId:u32 Image:path TargetFilename:path CreationUtcTime:time Hash:hashes Contents:str User:user",
	16:  "UtcTime:time Configuration:str ConfigurationFileHash:hashes",
	17:  "RuleName:rule EventType:str UtcTime:time ProcessGuid:guid ProcessId:u32 PipeName:str Image:path User:user",
	18:  "RuleName:rule EventType:str UtcTime:time ProcessGuid:guid ProcessId:u32 PipeName:str Image:path User:user",
	19:  "RuleName:rule EventType:str UtcTime:time Operation:str User:user EventNamespace:str Name:str Query:str",
	20:  "RuleName:rule EventType:str UtcTime:time Operation:str User:user Name:str Type:str Destination:str",
	21:  "RuleName:rule EventType:str UtcTime:time Operation:str User:user Consumer:str Filter:str",
	22:  "RuleName:rule UtcTime:time ProcessGuid:guid ProcessId:u32 QueryName:str QueryStatus:str QueryResults:str Image:path User:user",
	23:  "RuleName:rule UtcTime:time ProcessGuid:guid ProcessId:u32 User:user Image:path TargetFilename:path Hashes:hashes IsExecutable:bool Archived:str",
	24:  "RuleName:rule UtcTime:time ProcessGuid:guid ProcessId:u32 Image:path Session:u32 ClientInfo:str Hashes:hashes Archived:str User:user",
	25:  "RuleName:rule UtcTime:time ProcessGuid:guid ProcessId:u32 Image:path Type:str User:user",
	26:  "RuleName:rule UtcTime:time ProcessGuid:guid ProcessId:u32 User:user Image:path TargetFilename:path Hashes:hashes IsExecutable:bool",
	27:  "RuleName:rule UtcTime:time ProcessGuid:guid ProcessId:u32 User:user Image:path TargetFilename:path Hashes:hashes",
	28:  "RuleName:rule UtcTime:time ProcessGuid:guid ProcessId:u32 User:user Image:path TargetFilename:path Hashes:hashes IsExecutable:bool",
	29:  "RuleName:rule UtcTime:time ProcessGuid:guid ProcessId:u32 User:user Image:path TargetFilename:path Hashes:hashes",
	255: "UtcTime:time ID:str Description:str",
}

// sysmonValue is a value of each kind, and what stands for it in the typed part of a json document; "" for nothing.
var sysmonValue = map[string][2]string{
	"rule":    {"technique_id=T1055.012,technique_name=Process Hollowing", `{"technique_id":"T1055.012","technique_name":"Process Hollowing","Techniques":["T1055.012"]}`},
	"time":    {"2026-03-04 05:06:07.089", `"2026-03-04T05:06:07.089Z"`},
	"guid":    {"{7c4e1f20-9a31-69a7-1b02-000000001400}", ""},
	"u16":     {"65535", "65535"},
	"u32":     {"4294967295", "4294967295"},
	"hex32":   {"0x1fffff", ""},
	"hex64":   {"0x1c03e7", ""},
	"bool":    {"true", "true"},
	"ip":      {"fe80:0:0:0:1c2d:3e4f:5a6b:7c8d", ""},
	"hashes":  {"MD5=D41D8CD98F00B204E9800998ECF8427E,IMPHASH=0123456789ABCDEF0123456789ABCDEF", `{"MD5":"D41D8CD98F00B204E9800998ECF8427E","IMPHASH":"0123456789ABCDEF0123456789ABCDEF"}`},
	"user":    {`LAB\ana`, ""},
	"path":    {`C:\Program Files\v1.2\a "b".exe`, ""},
	"regpath": {`HKLM\Software\é\x`, ""},
	"str":     {"a <b> & \"c\"\\", ""},
}

// sysmonText are the strings with a meaning, and what stands for them.
var sysmonText = map[string][2]string{
	"QueryStatus":  {"9003", "9003"},
	"QueryResults": {"type:  5 b.example;::ffff:192.0.2.1;", `[{"Type":5,"Data":"b.example"},{"Address":"192.0.2.1"}]`},
	"Details":      {"DWORD (0x00000010)", ""}, // is in Value
	"Protocol":     {"udp", ""},
	"Archived":     {"true", ""},
	"Signed":       {"true", ""},
}

// sysmonEvent is the event of an id with all of its fields.
func sysmonEvent(id int) (event string, fields [][3]string) {
	var list []string
	for _, f := range strings.Fields(sysmonFields[id]) {
		name, kind, _ := strings.Cut(f, ":")
		v, ok := sysmonText[name]
		if !ok {
			v = sysmonValue[kind]
		}
		fields = append(fields, [3]string{name, v[0], v[1]})
		list = append(list, name, v[0])
	}
	return sysmon(id, list...), fields
}

// TestSysmonFields: each field of each Sysmon event is in both documents: in json by its name as it was sent and, where it has a type, typed;
// in ecs where sysmonPlace says.
func TestSysmonFields(t *testing.T) {
	ids := make([]int, 0, 30)
	for id := 1; id < 30; id++ {
		ids = append(ids, id)
	}
	ids = append(ids, 255)
	if len(sysmonFields) != len(ids) {
		t.Errorf("%d ids, want %d", len(sysmonFields), len(ids))
	}
	golden := map[string][]string{}
	for _, id := range ids {
		event, fields := sysmonEvent(id)
		if len(fields) == 0 {
			t.Fatalf("no fields of %d", id)
		}
		doc, _ := encode(t, event, delivery())
		mapped := ecs(t, event, delivery())
		golden["json"], golden["ecs"] = append(golden["json"], string(doc)), append(golden["ecs"], mapped)
		for _, f := range fields {
			name, value, typed := f[0], f[1], f[2]
			if got := member(t, string(doc), "EventData."+name); got != quote(t, value) {
				t.Errorf("%d json EventData.%s: %s, want %s", id, name, got, value)
			}
			to := name
			if name == "RuleName" {
				to = "Rule"
			} else if name == "QueryResults" {
				to = "Answers"
			}
			if got := member(t, string(doc), "Sysmon."+to); got != typed {
				t.Errorf("%d json Sysmon.%s: %s, want %s", id, to, got, typed)
			}
			for _, place := range sysmonPlace(id, name) {
				path, want, _ := strings.Cut(place, "=")
				if want == "" {
					want = quote(t, value)
				}
				if got := member(t, mapped, path); got != want {
					t.Errorf("%d ecs %s: %s is %s, want %s", id, name, path, got, want)
				}
			}
		}
	}
	for format, docs := range golden {
		file := "testdata/fields." + format + ".ndjson"
		if *update {
			if err := os.WriteFile(file, []byte(strings.Join(docs, "\n")+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		if diff := cmp.Diff(corpus.Lines(t, file), docs); diff != "" {
			t.Errorf("%s -want +got\n%s", file, diff)
		}
	}
	if got := member(t, golden["json"][12], "Sysmon.Value"); got != `{"Type":"REG_DWORD","Number":16}` {
		t.Errorf("Value: %s", got)
	}
}

// sysmonPlace says where a field of an event has to be in the ecs document: at a path as it was sent, or =with another value.
func sysmonPlace(id int, name string) []string {
	const md5, imphash = `"d41d8cd98f00b204e9800998ecf8427e"`, `"0123456789abcdef0123456789abcdef"`
	stays := "winlog.event_data." + name
	switch name {
	case "RuleName":
		return []string{"rule.name", `threat.technique.id=["T1055"]`, `threat.technique.subtechnique.id=["T1055.012"]`}
	case "UtcTime":
		return []string{`@timestamp="2026-03-04T05:06:07.089Z"`}
	case "ProcessGuid", "SourceProcessGuid", "SourceProcessGUID":
		return []string{"process.entity_id"}
	case "ProcessId", "SourceProcessId":
		return []string{"process.pid=4294967295"}
	case "SourceThreadId":
		return []string{"process.thread.id=4294967295"}
	case "Image", "SourceImage":
		return []string{"process.executable", `process.name="a \"b\".exe"`}
	case "CommandLine":
		return []string{"process.command_line", "process.args_count=4"}
	case "CurrentDirectory":
		return []string{"process.working_directory"}
	case "ParentProcessGuid":
		return []string{"process.parent.entity_id"}
	case "ParentProcessId":
		return []string{"process.parent.pid=4294967295"}
	case "ParentImage":
		return []string{"process.parent.executable", `process.parent.name="a \"b\".exe"`}
	case "ParentCommandLine":
		return []string{"process.parent.command_line", "process.parent.args_count=4"}
	case "TargetFilename", "Device":
		return []string{"file.path", `file.name="a \"b\".exe"`, `file.directory="C:\\Program Files\\v1.2"`, `file.extension="exe"`}
	case "ImageLoaded":
		list := []string{"file.path", `file.name="a \"b\".exe"`, `file.extension="exe"`}
		if id == 7 {
			list = append(list, "dll.path", `dll.name="a \"b\".exe"`)
		}
		return list
	case "PipeName":
		return []string{"file.name"}
	case "OriginalFileName":
		return []string{imageOf(id) + ".pe.original_file_name"}
	case "Company", "Product":
		return []string{stays, imageOf(id) + ".pe." + strings.ToLower(name)}
	case "FileVersion":
		return []string{stays, imageOf(id) + ".pe.file_version"}
	case "Description":
		if id == 255 {
			return []string{stays, "error.message"}
		}
		return []string{stays, imageOf(id) + ".pe.description"}
	case "Hashes", "Hash":
		list := []string{"related.hash=[" + md5 + "," + imphash + "]"}
		switch id {
		case 1:
			list = append(list, "process.hash.md5="+md5, "process.pe.imphash="+imphash)
		case 7:
			list = append(list, "file.hash.md5="+md5, "file.pe.imphash="+imphash, "dll.hash.md5="+md5, "dll.pe.imphash="+imphash)
		case 6, 15, 23, 26, 27, 28, 29:
			list = append(list, "file.hash.md5="+md5, "file.pe.imphash="+imphash)
		}
		return list
	case "Signature":
		return []string{stays, "file.code_signature.subject_name"}
	case "SignatureStatus":
		return []string{stays, "file.code_signature.status"}
	case "Signed":
		return []string{stays, "file.code_signature.trusted=true"}
	case "Protocol":
		return []string{"network.transport"}
	case "Initiated":
		return []string{`network.direction="egress"`}
	case "SourceIsIpv6":
		return []string{`network.type="ipv6"`}
	case "DestinationIsIpv6", "DestinationPortName":
		return nil
	case "SourcePortName":
		return []string{"network.protocol"}
	case "SourceIp", "DestinationIp":
		return []string{endOf(name) + `.ip="fe80::1c2d:3e4f:5a6b:7c8d"`, `related.ip=["fe80::1c2d:3e4f:5a6b:7c8d"]`}
	case "SourceHostname", "DestinationHostname":
		return []string{endOf(name) + ".domain"}
	case "SourcePort", "DestinationPort":
		return []string{endOf(name) + ".port=65535"}
	case "QueryName":
		return []string{"dns.question.name", `network.protocol="dns"`}
	case "QueryStatus":
		return []string{`sysmon.dns.status="DNS_ERROR_RCODE_NAME_ERROR"`}
	case "QueryResults":
		return []string{`dns.answers=[{"type":"CNAME","data":"b.example"},{"type":"A","data":"192.0.2.1"}]`, `dns.resolved_ip=["192.0.2.1"]`, `related.ip=["192.0.2.1"]`}
	case "Archived":
		return []string{"sysmon.file.archived=true"}
	case "IsExecutable":
		return []string{"sysmon.file.is_executable=true"}
	case "User":
		return []string{`user={"domain":"LAB","name":"ana"}`, `related.user=["ana"]`}
	case "TargetObject":
		return []string{"registry.path", `registry.hive="HKLM"`, `registry.key="Software\\é\\x"`, `registry.value="x"`}
	case "Details":
		return []string{stays, `registry.data={"strings":["16"],"type":"REG_DWORD"}`}
	case "ID":
		return []string{"error.code", `log.level="error"`}
	case "Type":
		if id == 25 {
			return []string{stays, "message"}
		}
	case "TargetProcessGuid":
		return []string{"winlog.event_data.TargetProcessGUID"}
	}
	return []string{stays}
}

// imageOf is whose image the version fields tell of.
func imageOf(id int) string {
	if id == 7 {
		return "file"
	}
	return "process"
}

func endOf(name string) string {
	if strings.HasPrefix(name, "Source") {
		return "source"
	}
	return "destination"
}
