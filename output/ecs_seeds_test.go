package output_test

// ecsSeeds are events whose fields are taken apart, good ones and odd ones.
var ecsSeeds = []string{
	sysmon(1, "CommandLine", ` \\"a b\" c\\\"d "" "x""y z`+"\t"+`\`, "ParentCommandLine", " ", "User", `A\B\C`, "ProcessId", "007", "Hashes", "MD5=x,SHA1=DA39A3EE5E6B4B0D3255BFEF95601890AFD80709"),
	sysmon(3, "Protocol", "tcp", "SourceIp", "2001:db8::2", "SourcePort", "1", "DestinationIp", "2001:db8::1", "DestinationPort", "2", "Initiated", "maybe"),
	sysmon(7, "ImageLoaded", `\`, "Signed", "failed: a reason that is longer than what fits on a stack", "SignatureStatus", "Unavailable"),
	sysmon(8, "TargetProcessGuid", "{b}", "TargetProcessGUID", "{c}"),
	wrap + "<System><Provider Name='Microsoft-Windows-Sysmon'/><EventID>5</EventID></System><EventData><ProcessId>1</ProcessId><Data Name='ProcessId'>x</Data><Data Name='Image'>-</Data><Image>y</Image></EventData></Event>",
	sysmon(13, "TargetObject", `HKU\`, "Details", "text\"\\"),
	sysmon(22, "QueryName", ",", "QueryStatus", "77", "QueryResults", `type: 1 ,;type: 1 x\";type: 1 x;192.0.2.1;::ffff:192.0.2.1;`),
	sysmon(23, "Archived", "false - shredded file with pattern 0x0000000000000000", "Hashes", "IMPHASH=00000000000000000000000000000000"),
	sysmon(30, "UtcTime", "2026-03-04 05:06:60", "x", "1", "x", "2"),
	other(auditing, 4624, "TargetUserSid", "S-1-0-0", "IpAddress", "::ffff:192.0.2.7", "IpPort", "0", "ProcessId", "0xffffffffff", "LogonType", "10"),
	other(auditing, 4625, "FailureReason", "%%2313", "LogonType", "-1"),
	other(auditing, 4688, "NewProcessId", "0x6e8", "NewProcessName", `C:\cmd.exe`, "ProcessId", "16", "CommandLine", `cmd /c "a`),
	other(auditing, 4732, "MemberName", "CN=,DC=", "TargetUserName", "g", "SubjectUserName", "a"),
	other(auditing, 4769, "TargetUserName", "@x@y"),
	other("Microsoft-Windows-PowerShell", 4103, "ContextInfo", "Host Name = x\nHost Application = a\n b\n = \nUser = \\\nConnected User=x\nSeverity=", "Payload", "A(): \nB(x): name=\"\"; value=\"\nC(): name=\"y\"\nC(\n): \nÄ(z): \""),
	other("PowerShell", 800, "", "x", "", "\tHostApplication=a\n\tHostApplication=b\n\tCommandLine=c\nd", "", "X(a): \"b\""),
	other("PowerShell", 400, "", "", "", "", "", "HostName=\r\nHostVersion=\r\n=\r\n"),
	wrap + "<System><Provider Name='Microsoft-Windows-Eventlog'/><EventID>1102</EventID></System><UserData>a<b><SubjectUserName>x<c/>y</SubjectUserName><SubjectUserName>z</SubjectUserName></b><d/></UserData></Event>",
	wrap + "<System><EventID/><Version>07</Version><Level>00</Level><Opcode>009</Opcode><TimeCreated SystemTime='2026-03-04T05:06:07.08912345678+01:00'/></System><EventData><Data/><Data>1</Data><param1>2</param1><Data Name='param2'>3</Data></EventData></Event>",
}
