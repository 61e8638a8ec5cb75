package output

import (
	"bytes"
	"math"

	"github.com/wefka/wefka/events"
)

// Names of System's numbers, which Windows has for all providers. RenderingInfo has them in the host's language, so that it is asked
// only where there is no other answer.
var (
	levels       = [...]string{"information", "critical", "error", "warning", "information", "verbose"}
	opcodes      = [...]string{"Info", "Start", "Stop", "DCStart", "DCStop", "Extension", "Reply", "Resume", "Suspend", "Send"}
	keywordNames = [...]string{"Response Time", "", "WDI Diag", "SQM", "Audit Failure", "Audit Success", "Correlation Hint", "Classic"}
)

// Bits of Keywords; the names above start at keywordBit.
const (
	keywordBit   = 48
	auditFailure = 1 << 52
	auditSuccess = 1 << 53
)

// system sets what every event has.
func (e *ECS) system() {
	r := e.record
	e.constant(ecsVersion, ECSVersion)
	e.constant(eventKind, "event")
	e.set(eventCode, r.EventID)
	e.set(winlogEventID, r.EventID)
	e.set(eventProvider, r.Provider)
	e.set(winlogProvider, r.Provider)
	e.set(winlogProviderGUID, r.ProviderGUID)
	e.set(hostName, r.Computer)
	e.set(winlogComputer, r.Computer)
	e.set(winlogChannel, r.Channel)
	e.set(winlogRecordID, r.EventRecordID)
	e.set(winlogUser, r.UserID)
	e.set(winlogActivity, r.ActivityID)
	e.set(winlogRelatedActivity, r.RelatedActivityID)
	e.integer(winlogPID, r.Execution[0], math.MaxUint32)
	e.integer(winlogThread, r.Execution[1], math.MaxUint32)
	if string(r.Version) != "0" {
		e.integer(winlogVersion, r.Version, math.MaxUint8)
	}
	if e.time(eventCreated, r.TimeCreated) {
		e.set(timestamp, e.values[eventCreated])
	} else if !e.batch.Received.IsZero() {
		e.unknownTime()
	}
	if n, ok := decimal(r.Level); ok && n < uint64(len(levels)) {
		e.constant(logLevel, levels[n])
	}
	e.keywords()
	e.rendering()
	e.flaws()
}

// unknownTime lets the time of receipt stand for the event's, which does not say its own.
func (e *ECS) unknownTime() {
	from := len(e.scratch)
	e.scratch = e.batch.Received.UTC().AppendFormat(e.scratch, millis)
	e.set(timestamp, e.scratch[from:])
}

func (e *ECS) keywords() {
	bits := keywords(e.record.Keywords)
	switch {
	case bits&auditSuccess != 0:
		e.constant(eventOutcome, "success")
	case bits&auditFailure != 0:
		e.constant(eventOutcome, "failure")
	}
	if e.record.Has(events.PartKeywords) && len(e.record.Keyword) > 0 {
		return // rendering has them
	}
	from := len(e.scratch)
	for i, name := range keywordNames {
		if name != "" && bits&(1<<(keywordBit+i)) != 0 {
			e.scratch = append(append(append(e.scratch, `,"`...), name...), '"')
		}
	}
	if len(e.scratch) > from {
		e.scratch[from] = '['
		e.scratch = append(e.scratch, ']')
		e.set(winlogKeywords, e.scratch[from:])
	}
}

// rendering sets what Windows said in words.
func (e *ECS) rendering() {
	r := e.record
	text, task, opcode := r.Rendering[0], r.Rendering[2], r.Rendering[3]
	if bytes.IndexByte(text, '\r') >= 0 {
		from := len(e.scratch)
		for i, c := range text {
			if c != '\r' || i+1 == len(text) || text[i+1] != '\n' {
				e.scratch = append(e.scratch, c)
			}
		}
		text = e.scratch[from:]
	}
	e.set(renderedMessage, text)
	e.set(winlogTask, task)
	e.set(eventAction, task)
	if len(opcode) > 0 {
		e.set(winlogOpcode, opcode)
	} else if n, ok := decimal(r.Opcode); ok && n < uint64(len(opcodes)) {
		e.constant(winlogOpcode, opcodes[n])
	}
	if len(r.Keyword) == 0 {
		return
	}
	from := len(e.scratch)
	e.scratch = append(e.scratch, '[')
	for _, k := range r.Keyword {
		if len(k) > 0 {
			e.scratch = append(appendString(e.scratch, k), ',')
		}
	}
	if last := len(e.scratch) - 1; last > from {
		e.scratch[last] = ']'
		e.set(winlogKeywords, e.scratch[from:])
	}
}

// flaws sets what is wrong with the event itself.
func (e *ECS) flaws() {
	r := e.record
	e.set(errorCode, r.ProcessingError[0])
	e.set(errorMessage, r.ProcessingError[1])
	if !e.is(errorMessage) {
		e.constant(errorMessage, flawOf(r))
	}
}
