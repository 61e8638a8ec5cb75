package output

import (
	"math"
	"strconv"
	"time"

	"github.com/wefka/wefka/events"
)

// ruleGroups are the names of Sysmon's events in its configuration; 4, 16 and 255 have none.
var ruleGroups = [...]string{
	1: "ProcessCreate", 2: "FileCreateTime", 3: "NetworkConnect", 5: "ProcessTerminate", 6: "DriverLoad", 7: "ImageLoad",
	8: "CreateRemoteThread", 9: "RawAccessRead", 10: "ProcessAccess", 11: "FileCreate", 12: "RegistryEvent", 13: "RegistryEvent",
	14: "RegistryEvent", 15: "FileCreateStreamHash", 17: "PipeEvent", 18: "PipeEvent", 19: "WmiEvent", 20: "WmiEvent",
	21: "WmiEvent", 22: "DnsQuery", 23: "FileDelete", 24: "ClipboardChange", 25: "ProcessTampering", 26: "FileDeleteDetected",
	27: "FileBlockExecutable", 28: "FileBlockShredding", 29: "FileExecutableDetected",
}

// appendSysmon appends the typed values of a Sysmon event, in the order of EventData. Fields are found by name: their order and
// set changed within one Version of an event. What does not parse is left out; EventData has it.
func (e *JSON) appendSysmon(dst []byte, r *events.Record) []byte {
	before := len(dst)
	dst = append(dst, `"Sysmon":{`...)
	empty := len(dst)
	if r.ID < uint32(len(ruleGroups)) && ruleGroups[r.ID] != "" {
		dst = append(append(append(dst, `"Event":"`...), ruleGroups[r.ID]...), `",`...)
	}
	repeated := e.repeated
	for i := range r.Fields {
		if len(repeated) > 0 && repeated[0] == i {
			repeated = repeated[1:]
			continue
		}
		if f := &r.Fields[i]; f.Element == nil {
			dst = appendTyped(dst, r.ID, f.Name, f.Value)
		}
	}
	if len(dst) == empty {
		return dst[:before]
	}
	return appendEnd(dst, '}')
}

// Types of Sysmon's fields in the member Sysmon.
const (
	typedTime    action = iota // RFC 3339
	typedInt                   // number of 32 bits
	typedPort                  // number of 16 bits
	typedTruth                 // true or false
	typedHashes                // object by algorithm
	typedRule                  // Rule
	typedAnswers               // Answers
	typedValue                 // Value, of event 13
)

// typedTable is what has a type; everything else is a text, which EventData has.
var typedTable = tableOf(
	dataField{"UtcTime", typedTime, 0},
	dataField{"CreationUtcTime", typedTime, 0},
	dataField{"PreviousCreationUtcTime", typedTime, 0},
	dataField{"ProcessId", typedInt, 0},
	dataField{"ParentProcessId", typedInt, 0},
	dataField{"SourceProcessId", typedInt, 0},
	dataField{"TargetProcessId", typedInt, 0},
	dataField{"SourceThreadId", typedInt, 0},
	dataField{"NewThreadId", typedInt, 0},
	dataField{"TerminalSessionId", typedInt, 0},
	dataField{"Session", typedInt, 0},
	dataField{"QueryStatus", typedInt, 0},
	dataField{"SourcePort", typedPort, 0},
	dataField{"DestinationPort", typedPort, 0},
	dataField{"Initiated", typedTruth, 0},
	dataField{"SourceIsIpv6", typedTruth, 0},
	dataField{"DestinationIsIpv6", typedTruth, 0},
	dataField{"IsExecutable", typedTruth, 0},
	dataField{"Hashes", typedHashes, 0},
	dataField{"Hash", typedHashes, 0},
	dataField{"ConfigurationFileHash", typedHashes, 0},
	dataField{"RuleName", typedRule, 0},
	dataField{"QueryResults", typedAnswers, 0},
	dataField{"Details", typedValue, 0},
)

func appendTyped(dst []byte, id uint32, name, text []byte) []byte {
	n := typedTable.find(name)
	if n < 0 {
		return dst
	}
	switch typedTable.fields[n].how {
	case typedTime:
		return appendTime(dst, name, text)
	case typedInt:
		return appendInt(dst, name, text, math.MaxUint32)
	case typedPort:
		return appendInt(dst, name, text, math.MaxUint16)
	case typedTruth:
		if s := string(text); s == "true" || s == "false" {
			return append(append(appendName(dst, name), text...), ',')
		}
	case typedHashes:
		return appendHashes(dst, name, text)
	case typedRule:
		if !noRule(text) {
			return appendRule(dst, text)
		}
	case typedAnswers:
		return appendAnswers(dst, text)
	case typedValue:
		if id == 13 {
			return appendValue(dst, text)
		}
	}
	return dst
}

func appendName(dst, name []byte) []byte {
	return append(append(append(dst, '"'), name...), `":`...)
}

func appendInt(dst, name, text []byte, limit uint64) []byte {
	n, ok := decimal(text)
	if !ok || n > limit {
		return dst
	}
	return append(strconv.AppendUint(appendName(dst, name), n, 10), ',')
}

// appendTime appends a time as RFC 3339 with the fraction that it has.
func appendTime(dst, name, text []byte) []byte {
	t, ok := events.ParseTime(text)
	if !ok {
		return dst
	}
	dst = append(appendName(dst, name), '"')
	const layout = "2006-01-02 15:04:05.000" // as Sysmon writes all of them
	if len(text) == len(layout) && text[19] == '.' && t.Second() == int(text[17]-'0')*10+int(text[18]-'0') {
		dst = append(dst, text[:10]...)
		dst = append(append(dst, 'T'), text[11:]...)
		return append(dst, `Z",`...)
	}
	return append(t.AppendFormat(dst, time.RFC3339Nano), `",`...)
}
