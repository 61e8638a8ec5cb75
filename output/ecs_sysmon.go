package output

import (
	"math"
	"net/netip"
)

// sysmonEvent is what ecs says of all events of one id.
type sysmonEvent struct {
	category, types string // lists
	action          string
	outcome         string
	hashes          member // whose they are: the first of its hashes; 0: nobody's
}

var sysmonEvents = [...]sysmonEvent{
	1:  {category: `["process"]`, types: `["start"]`, action: "Process creation", hashes: processMD5},
	2:  {category: `["file"]`, types: `["change"]`, action: "A process changed a file creation time"},
	3:  {category: `["network"]`, types: `["start","connection","protocol"]`, action: "Network connection"},
	4:  {category: `["process"]`, types: `["change"]`, action: "Sysmon service state changed"},
	5:  {category: `["process"]`, types: `["end"]`, action: "Process terminated"},
	6:  {category: `["driver"]`, types: `["start"]`, action: "Driver loaded", hashes: fileMD5},
	7:  {category: `["process","library"]`, types: `["change","start"]`, action: "Image loaded", hashes: fileMD5},
	8:  {category: `["process"]`, types: `["change"]`, action: "CreateRemoteThread"},
	9:  {category: `["process"]`, types: `["access"]`, action: "RawAccessRead"},
	10: {category: `["process"]`, types: `["access"]`, action: "ProcessAccess"},
	11: {category: `["file"]`, types: `["creation"]`, action: "FileCreate"},
	12: {category: `["configuration","registry"]`, types: `["change"]`, action: "RegistryEvent (Object create and delete)"},
	13: {category: `["configuration","registry"]`, types: `["change"]`, action: "RegistryEvent (Value Set)"},
	14: {category: `["configuration","registry"]`, types: `["change"]`, action: "RegistryEvent (Key and Value Rename)"},
	15: {category: `["file"]`, types: `["access"]`, action: "FileCreateStreamHash", hashes: fileMD5},
	16: {category: `["configuration"]`, types: `["change"]`, action: "ServiceConfigurationChange"},
	17: {category: `["file"]`, types: `["creation"]`, action: "PipeEvent (Pipe Created)"},
	18: {category: `["file"]`, types: `["access"]`, action: "PipeEvent (Pipe Connected)"},
	19: {category: `["process"]`, types: `["info"]`, action: "WmiEvent (WmiEventFilter activity detected)"},
	20: {category: `["process"]`, types: `["change"]`, action: "WmiEvent (WmiEventConsumer activity detected)"},
	21: {category: `["process"]`, types: `["access"]`, action: "WmiEvent (WmiEventConsumerToFilter activity detected)"},
	22: {category: `["network"]`, types: `["connection","protocol","info"]`, action: "DNSEvent (DNS query)"},
	23: {category: `["file"]`, types: `["deletion"]`, action: "FileDelete (File Delete archived)", hashes: fileMD5},
	24: {types: `["change"]`, action: "ClipboardChange (New content in the clipboard)"},
	25: {category: `["process"]`, types: `["change"]`, action: "ProcessTampering (Process image change)", hashes: processMD5},
	26: {category: `["file"]`, types: `["deletion"]`, action: "FileDeleteDetected (File Delete logged)", hashes: fileMD5},
	27: {category: `["file"]`, types: `["creation"]`, action: "FileBlockExecutable", outcome: "failure", hashes: fileMD5},
	28: {category: `["file"]`, types: `["deletion"]`, action: "FileBlockShredding", hashes: fileMD5},
	29: {category: `["file"]`, types: `["creation"]`, action: "FileExecutableDetected", hashes: fileMD5},

	255: {category: `["process"]`, action: "Error", outcome: "failure"},
}

// Actions for Sysmon's fields.
const (
	sysmonRule = iota + ownAction
	sysmonTime // UtcTime
	sysmonUser // DOMAIN\name
	sysmonHashes
	sysmonProduct   // of an image, stays
	sysmonOriginal  // its name, moves
	sysmonProblem   // Description, which event 255 has too
	sysmonPart      // ID of event 255
	sysmonTampering // Type of event 25
	sysmonDirection
	sysmonVersion6
	sysmonPortFrom // name of the port
	sysmonPortTo
	sysmonQuery
	sysmonStatus
	sysmonAnswers
	sysmonKey  // of the registry
	sysmonData // a value set there
	sysmonSigned
)

var sysmonTable = tableOf(
	dataField{"RuleName", sysmonRule, ruleName},
	dataField{"UtcTime", sysmonTime, timestamp},
	dataField{"ProcessGuid", moved, processEntityID},
	dataField{"SourceProcessGuid", moved, processEntityID},
	dataField{"SourceProcessGUID", moved, processEntityID},
	dataField{"ProcessId", moveInt, processPID},
	dataField{"SourceProcessId", moveInt, processPID},
	dataField{"SourceThreadId", moveInt, processThread},
	dataField{"Image", moveProgram, processExecutable},
	dataField{"SourceImage", moveProgram, processExecutable},
	dataField{"CommandLine", moveLine, processCommandLine},
	dataField{"CurrentDirectory", moved, processWorkingDirectory},
	dataField{"ParentProcessGuid", moved, parentEntityID},
	dataField{"ParentProcessId", moveInt, parentPID},
	dataField{"ParentImage", moveProgram, parentExecutable},
	dataField{"ParentCommandLine", moveLine, parentCommandLine},
	dataField{"TargetFilename", movePath, filePath},
	dataField{"ImageLoaded", movePath, filePath},
	dataField{"Device", movePath, filePath},
	dataField{"PipeName", moved, fileName},
	dataField{"OriginalFileName", sysmonOriginal, processOriginalName},
	dataField{"Company", sysmonProduct, processCompany},
	dataField{"Description", sysmonProblem, processDescription},
	dataField{"FileVersion", sysmonProduct, processVersion},
	dataField{"Product", sysmonProduct, processProduct},
	dataField{"Hashes", sysmonHashes, 0},
	dataField{"Hash", sysmonHashes, 0},
	dataField{"Signature", copied, fileSubjectName},
	dataField{"SignatureStatus", copied, fileStatus},
	dataField{"Signed", sysmonSigned, fileTrusted},
	dataField{"Protocol", moved, networkTransport},
	dataField{"Initiated", sysmonDirection, networkDirection},
	dataField{"SourceIsIpv6", sysmonVersion6, networkType},
	dataField{"SourceIp", moveAddress, sourceIP},
	dataField{"SourcePort", movePort, sourcePort},
	dataField{"SourceHostname", moved, sourceDomain},
	dataField{"SourcePortName", sysmonPortFrom, networkProtocol},
	dataField{"DestinationIsIpv6", drop, 0},
	dataField{"DestinationIp", moveAddress, destinationIP},
	dataField{"DestinationPort", movePort, destinationPort},
	dataField{"DestinationHostname", moved, destinationDomain},
	dataField{"DestinationPortName", sysmonPortTo, networkProtocol},
	dataField{"QueryName", sysmonQuery, dnsQuestion},
	dataField{"QueryStatus", sysmonStatus, sysmonDNSStatus},
	dataField{"QueryResults", sysmonAnswers, dnsAnswers},
	dataField{"Archived", moveTruth, sysmonArchived},
	dataField{"IsExecutable", moveTruth, sysmonExecutable},
	dataField{"User", sysmonUser, userDomain},
	dataField{"TargetObject", sysmonKey, registryPath},
	dataField{"Details", sysmonData, registryType},
	dataField{"ID", sysmonPart, errorCode},
	dataField{"Type", sysmonTampering, renderedMessage},
)

// laterTable is for events of a Sysmon that we do not know.
var laterTable = tableOf(dataField{"UtcTime", copiedTime, timestamp})

// sysmonFacts is what is only understood when all fields were seen.
type sysmonFacts struct {
	event  *sysmonEvent
	signed []byte
}

// nothingForSysmon says whether a value stands for none.
func nothingForSysmon(value []byte) bool {
	return string(value) == "-" || string(value) == "{00000000-0000-0000-0000-000000000000}"
}

// beginSysmon takes no more than the time from an event that a later Sysmon brought.
func (e *ECS) beginSysmon() {
	r := e.record
	if r.ID >= uint32(len(sysmonEvents)) || sysmonEvents[r.ID].action == "" {
		e.table = laterTable
		return
	}
	e.source, e.table = ofSysmon, sysmonTable
	e.sysmon = sysmonFacts{event: &sysmonEvents[r.ID]}
}

func (e *ECS) takeSysmon(f *dataField, value []byte) bool {
	id := e.record.ID
	switch f.how {
	case sysmonRule:
		e.rule(value)
	case sysmonTime:
		return e.time(timestamp, value)
	case sysmonUser:
		return e.user(value)
	case sysmonHashes:
		return e.digests(value)
	case sysmonOriginal, sysmonProduct:
		to := f.to
		if id == 7 {
			to = to - processOriginalName + fileOriginalName
		}
		e.set(to, value)
		return f.how == sysmonOriginal
	case sysmonProblem:
		to := f.to
		switch id {
		case 255:
			to = errorMessage
		case 7:
			to = fileDescription
		}
		e.set(to, value)
		return false
	case sysmonPart:
		if id != 255 {
			return false
		}
		e.set(errorCode, value)
	case sysmonTampering:
		if id == 25 {
			e.set(renderedMessage, value)
		}
		return false
	case sysmonDirection:
		return e.either(f.to, value, "egress", "ingress")
	case sysmonVersion6:
		return e.either(f.to, value, "ipv6", "ipv4")
	case sysmonPortFrom:
		e.set(networkProtocol, value)
	case sysmonPortTo:
		if !e.is(networkProtocol) {
			e.set(networkProtocol, value)
		}
	case sysmonQuery:
		e.set(dnsQuestion, value)
	case sysmonStatus:
		return e.status(value)
	case sysmonAnswers:
		e.results(value)
	case sysmonKey:
		e.registry(value)
	case sysmonData:
		if id == 13 {
			e.registryData(value)
		}
		return false
	case sysmonSigned:
		e.sysmon.signed = value
		return false
	}
	return true
}

// either sets one of two words for true and false.
func (e *ECS) either(m member, value []byte, yes, no string) bool {
	switch string(value) {
	case "true":
		e.constant(m, yes)
	case "false":
		e.constant(m, no)
	default:
		return false
	}
	return true
}

// status sets the name of a QueryStatus, or its number.
func (e *ECS) status(value []byte) bool {
	n, ok := decimal(value)
	if !ok || n > math.MaxUint32 {
		return false
	}
	if name := dnsStatuses.name(n); name != "" {
		e.constant(sysmonDNSStatus, name)
	} else {
		e.unsigned(sysmonDNSStatus, n)
	}
	return true
}

func (e *ECS) finishSysmon() {
	s := e.sysmon.event
	e.constant(eventCategory, s.category)
	e.constant(eventType, s.types)
	e.constant(eventAction, s.action)
	e.constant(eventOutcome, s.outcome)
	switch e.record.ID {
	case 3:
		e.finishConnection()
	case 6, 7:
		e.finishSignature()
	case 22:
		e.finishQuery()
	case 255:
		e.constant(logLevel, "error")
	}
}

// finishConnection sets what follows from both ends.
func (e *ECS) finishConnection() {
	source, destination := e.get(sourceIP), e.get(destinationIP)
	if source != nil {
		e.addresses.addNew(source)
	}
	if destination != nil {
		e.addresses.addNew(destination)
	}
	f := flow{protocol: protocolOf(e.get(networkTransport))}
	f.source, _ = address(source)
	f.destination, _ = address(destination)
	from, okFrom := decimal(e.get(sourcePort))
	to, okTo := decimal(e.get(destinationPort))
	if f.protocol == 0 || !okFrom || !okTo || !sameFamily(f.source, f.destination) {
		return
	}
	f.sourcePort, f.destinationPort = uint16(from), uint16(to)
	at := len(e.scratch)
	e.scratch = f.appendCommunityID(e.scratch)
	e.set(networkCommunityID, e.scratch[at:])
}

func sameFamily(a, b netip.Addr) bool { return a.IsValid() && b.IsValid() && a.Is4() == b.Is4() }
