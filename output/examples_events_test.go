package output_test

import "slices"

// windowsExample is an event with the fields that its provider gives it, in their order; the names are Windows', the values made up.
type windowsExample struct {
	provider string
	id       int
	fields   []string
	raw      string // instead of fields: for events without EventData, or whose Data have no names
}

func (e windowsExample) event() string {
	if e.raw != "" {
		return e.raw
	}
	return other(e.provider, e.id, e.fields...)
}

var (
	bySubject  = []string{"SubjectUserSid", "S-1-5-21-1004336348-1177238915-682003330-1104", "SubjectUserName", "ana", "SubjectDomainName", "LAB", "SubjectLogonId", "0x1c03e7"}
	byMachine  = []string{"SubjectUserSid", "S-1-5-18", "SubjectUserName", "WS-017$", "SubjectDomainName", "LAB", "SubjectLogonId", "0x3e7"}
	ofTarget   = []string{"TargetUserName", "bob", "TargetDomainName", "LAB", "TargetSid", "S-1-5-21-1004336348-1177238915-682003330-1120"}
	ofMember   = []string{"MemberName", "CN=bob,OU=Staff,DC=lab,DC=example", "MemberSid", "S-1-5-21-1004336348-1177238915-682003330-1120"}
	ofGroup    = []string{"TargetUserName", "Operators", "TargetDomainName", "LAB", "TargetSid", "S-1-5-21-1004336348-1177238915-682003330-1130"}
	privileges = []string{"PrivilegeList", "-"}
)

const (
	powerShell = "Microsoft-Windows-PowerShell"
	classic    = "PowerShell"
)

// oldPowerShell is an event of the classic log: three Data without names, the last of them lines of NAME=VALUE.
func oldPowerShell(id int, first, second, context string) windowsExample {
	return windowsExample{provider: classic, id: id, fields: []string{"", first, "", second, "", context}}
}

const hostContext = "\tNewEngineState=Available\n\tPreviousEngineState=None\n\n\tSequenceNumber=13\n\n\tHostName=ConsoleHost\n\tHostVersion=5.1.26100.1\n\tHostId=0b5a3f2e-8c1d-4f6a-9e7b-2d3c4b5a6978\n\tHostApplication=powershell.exe -NoProfile\n\tEngineVersion=5.1.26100.1\n\tRunspaceId=1f0c0d1e-2f7d-4a55-9b7e-6f6d6c1f0a11\n"

var windowsExamples = []windowsExample{
	{provider: auditing, id: 4624, fields: slices.Concat(byMachine, []string{"TargetUserSid", "S-1-5-21-1004336348-1177238915-682003330-1120", "TargetUserName", "bob", "TargetDomainName", "LAB",
		"TargetLogonId", "0x2a41f0", "LogonType", "3", "LogonProcessName", "Kerberos", "AuthenticationPackageName", "Kerberos", "WorkstationName", "-", "LogonGuid", "{7c4e1f20-6e1a-69a7-e703-1c0000000000}",
		"ProcessId", "0x0", "ProcessName", "-", "IpAddress", "192.0.2.7", "IpPort", "49200"})},
	{provider: auditing, id: 4625, fields: slices.Concat(byMachine, []string{"TargetUserSid", "S-1-0-0", "TargetUserName", "bob", "TargetDomainName", "LAB", "Status", "0xc000006d", "FailureReason", "%%2313",
		"SubStatus", "0xc000006a", "LogonType", "3", "LogonProcessName", "NtLmSsp", "AuthenticationPackageName", "NTLM", "WorkstationName", "WS-018", "ProcessId", "0x0", "ProcessName", "-", "IpAddress", "192.0.2.7", "IpPort", "49201"})},
	{provider: auditing, id: 4634, fields: []string{"TargetUserSid", "S-1-5-21-1004336348-1177238915-682003330-1120", "TargetUserName", "bob", "TargetDomainName", "LAB", "TargetLogonId", "0x2a41f0", "LogonType", "3"}},
	{provider: auditing, id: 4647, fields: []string{"TargetUserSid", "S-1-5-21-1004336348-1177238915-682003330-1120", "TargetUserName", "bob", "TargetDomainName", "LAB", "TargetLogonId", "0x2a41f0"}},
	{provider: auditing, id: 4648, fields: slices.Concat(bySubject, []string{"TargetUserName", "admin", "TargetDomainName", "LAB", "TargetServerName", "srv-01.lab.example", "TargetInfo", "srv-01.lab.example",
		"ProcessId", "0x1a2c", "ProcessName", `C:\Windows\System32\runas.exe`, "IpAddress", "-", "IpPort", "-"})},
	{provider: auditing, id: 4672, fields: slices.Concat(bySubject, []string{"PrivilegeList", "SeSecurityPrivilege\n\t\t\tSeBackupPrivilege"})},
	{provider: auditing, id: 4688, fields: slices.Concat(bySubject, []string{"NewProcessId", "0x1a2c", "NewProcessName", `C:\Windows\System32\cmd.exe`, "TokenElevationType", "%%1938", "ProcessId", "0x1400",
		"CommandLine", "cmd.exe /c whoami", "TargetUserSid", "S-1-0-0", "TargetUserName", "-", "TargetDomainName", "-", "TargetLogonId", "0x0", "ParentProcessName", `C:\Windows\explorer.exe`, "MandatoryLabel", "S-1-16-8192"})},
	{provider: auditing, id: 4689, fields: slices.Concat(bySubject, []string{"Status", "0x0", "ProcessId", "0x1a2c", "ProcessName", `C:\Windows\System32\cmd.exe`})},
	{provider: auditing, id: 4697, fields: slices.Concat(bySubject, []string{"ServiceName", "demo", "ServiceFileName", `C:\Program Files\Demo\demo.exe -k`, "ServiceType", "0x10", "ServiceStartType", "2", "ServiceAccount", "LocalSystem"})},
	{provider: auditing, id: 4698, fields: slices.Concat(bySubject, []string{"TaskName", `\Demo\Nightly`, "TaskContent", "<Task><Actions><Exec><Command>demo.exe</Command></Exec></Actions></Task>"})},
	{provider: auditing, id: 4720, fields: slices.Concat(ofTarget, bySubject, privileges, []string{"SamAccountName", "bob", "DisplayName", "Bob", "UserPrincipalName", "bob@lab.example", "OldUacValue", "0x0", "NewUacValue", "0x15"})},
	{provider: auditing, id: 4721, fields: slices.Concat(ofTarget, bySubject)},
	{provider: auditing, id: 4722, fields: slices.Concat(ofTarget, bySubject)},
	{provider: auditing, id: 4723, fields: slices.Concat(ofTarget, bySubject, privileges)},
	{provider: auditing, id: 4724, fields: slices.Concat(ofTarget, bySubject)},
	{provider: auditing, id: 4725, fields: slices.Concat(ofTarget, bySubject)},
	{provider: auditing, id: 4726, fields: slices.Concat(ofTarget, bySubject, privileges)},
	{provider: auditing, id: 4728, fields: slices.Concat(ofMember, ofGroup, bySubject, privileges)},
	{provider: auditing, id: 4732, fields: slices.Concat(ofMember, ofGroup, bySubject, privileges)},
	{provider: auditing, id: 4740, fields: slices.Concat([]string{"TargetUserName", "bob", "TargetDomainName", "WS-018", "TargetSid", "S-1-5-21-1004336348-1177238915-682003330-1120"}, byMachine)},
	{provider: auditing, id: 4756, fields: slices.Concat(ofMember, ofGroup, bySubject, privileges)},
	{provider: auditing, id: 4768, fields: []string{"TargetUserName", "bob", "TargetDomainName", "LAB.EXAMPLE", "TargetSid", "S-1-5-21-1004336348-1177238915-682003330-1120", "ServiceName", "krbtgt",
		"ServiceSid", "S-1-5-21-1004336348-1177238915-682003330-502", "TicketOptions", "0x40810010", "Status", "0x0", "TicketEncryptionType", "0x12", "PreAuthType", "2", "IpAddress", "::ffff:192.0.2.7", "IpPort", "49202"}},
	{provider: auditing, id: 4769, fields: []string{"TargetUserName", "bob@LAB.EXAMPLE", "TargetDomainName", "LAB.EXAMPLE", "ServiceName", "SRV-01$", "ServiceSid", "S-1-5-21-1004336348-1177238915-682003330-1140",
		"TicketOptions", "0x40810000", "TicketEncryptionType", "0x12", "IpAddress", "::ffff:192.0.2.7", "IpPort", "49203", "Status", "0x0", "LogonGuid", "{7c4e1f20-6e1a-69a7-e703-1c0000000000}"}},
	{provider: auditing, id: 4771, fields: []string{"TargetUserName", "bob", "TargetSid", "S-1-5-21-1004336348-1177238915-682003330-1120", "ServiceName", "krbtgt/LAB.EXAMPLE", "TicketOptions", "0x40810010", "Status", "0x18",
		"PreAuthType", "2", "IpAddress", "::ffff:192.0.2.7", "IpPort", "49204"}},
	{provider: auditing, id: 4776, fields: []string{"PackageName", "MICROSOFT_AUTHENTICATION_PACKAGE_V1_0", "TargetUserName", "bob", "Workstation", "WS-018", "Status", "0xc000006a"}},
	{provider: "Microsoft-Windows-Eventlog", id: 1102, raw: wrap + "<System><Provider Name='Microsoft-Windows-Eventlog'/><EventID>1102</EventID><Channel>Security</Channel></System><UserData>" +
		"<LogFileCleared xmlns='http://manifests.microsoft.com/win/2004/08/windows/eventlog'><SubjectUserSid>S-1-5-21-1004336348-1177238915-682003330-1104</SubjectUserSid><SubjectUserName>ana</SubjectUserName>" +
		"<SubjectDomainName>LAB</SubjectDomainName><SubjectLogonId>0x1c03e7</SubjectLogonId></LogFileCleared></UserData></Event>"},
	{provider: powerShell, id: 4103, fields: []string{"ContextInfo", "        Severity = Informational\n        Host Name = ConsoleHost\n        Host Version = 5.1.26100.1\n        Command Name = Get-Item\n        Command Type = Cmdlet\n        User = LAB\\ana\n",
		"UserData", "", "Payload", "CommandInvocation(Get-Item): \"Get-Item\"\nParameterBinding(Get-Item): name=\"Path\"; value=\"C:\\a b\""}},
	{provider: powerShell, id: 4104, fields: []string{"MessageNumber", "1", "MessageTotal", "1", "ScriptBlockText", "Get-Item 'C:\\a b'", "ScriptBlockId", "0b5a3f2e-8c1d-4f6a-9e7b-2d3c4b5a6978", "Path", ""}},
	oldPowerShell(400, "Available", "None", hostContext),
	oldPowerShell(403, "Stopped", "Available", hostContext),
	oldPowerShell(600, "Registry", "Started", "\tProviderName=Registry\n\tNewProviderState=Started\n\n\tSequenceNumber=1\n\n\tHostName=ConsoleHost\n\tHostVersion=5.1.26100.1\n"),
	oldPowerShell(800, "Get-Item 'C:\\a b'", "\tDetailSequence=1\n\tDetailTotal=1\n\n\tSequenceNumber=15\n\n\tUserId=LAB\\ana\n\tHostName=ConsoleHost\n", "CommandInvocation(Get-Item): \"Get-Item\""),
}
