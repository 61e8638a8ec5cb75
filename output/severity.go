package output

import (
	"github.com/wefka/wefka/events"
)

const sysmonProvider = "Microsoft-Windows-Sysmon"

// sysmonSeverity is the label of each Sysmon event id; 0: unknown id.
var sysmonSeverity = [...]uint8{
	1: 2, 2: 2, 3: 2, 4: 2, 5: 1, 6: 3, 7: 1, 8: 4, 9: 3, 10: 3, 11: 2, 12: 2, 13: 2, 14: 3, 15: 3, 16: 4, 17: 2, 18: 2, 19: 4,
	20: 4, 21: 4, 22: 2, 23: 3, 24: 3, 25: 5, 26: 3, 27: 5, 28: 5, 29: 4, 255: 4,
}

// Severities are labels that an operator chose in place of Severity's. Not to be changed once in use.
type Severities map[EventType]int

// EventType is all events of one id.
type EventType struct {
	Provider string
	ID       uint32
}

// of is the label of one event, from 1 to 5.
func (s Severities) of(r *events.Record) int {
	if label, ok := s[EventType{string(r.Provider), r.ID}]; ok {
		return label
	}
	return Severity(r)
}

// Severity is a hint for triage from 1 to 5, not a detection: Windows gives all Sysmon events the same level.
func Severity(r *events.Record) int {
	if string(r.Provider) == sysmonProvider && r.ID < uint32(len(sysmonSeverity)) && sysmonSeverity[r.ID] > 0 {
		return severityOfSysmon(r)
	}
	switch {
	case (r.ID == 1102 || r.ID == 104) && string(r.Provider) == "Microsoft-Windows-Eventlog":
		return 5 // a log was cleared
	case string(r.Channel) == "Security" && keywords(r.Keywords)&auditFailure != 0:
		return 3
	}
	switch string(r.Level) {
	case "1":
		return 5
	case "2":
		return 4
	case "3":
		return 3
	case "5":
		return 1
	}
	return 2
}

func severityOfSysmon(r *events.Record) int {
	label := int(sysmonSeverity[r.ID])
	if r.ID == 4 && string(value(r, "State")) == "Stopped" {
		label = 4
	}
	if label <= 3 {
		if _, _, ok := nextTechnique(value(r, "RuleName"), 0); ok {
			label++
		}
	}
	return label
}

// value is the first value of that name in EventData, or nil.
func value(r *events.Record, name string) []byte {
	for i := range r.Fields {
		if f := &r.Fields[i]; f.Element == nil && string(f.Name) == name {
			return f.Value
		}
	}
	return nil
}

// keywords is the number that the text 0x… stands for, or 0.
func keywords(text []byte) uint64 {
	if len(text) < 3 || len(text) > 18 || text[0] != '0' || text[1] != 'x' {
		return 0
	}
	n, _ := hexadecimal(text[2:])
	return n
}

// hexadecimal reads up to 16 digits.
func hexadecimal(text []byte) (n uint64, ok bool) {
	for _, c := range text {
		switch lower := c | 0x20; {
		case '0' <= c && c <= '9':
			n = n<<4 | uint64(c-'0')
		case 'a' <= lower && lower <= 'f':
			n = n<<4 | uint64(lower-'a'+10)
		default:
			return 0, false
		}
	}
	return n, len(text) > 0 && len(text) <= 16
}
