package output

import (
	"math"
	"slices"

	"github.com/wefka/wefka/events"
)

// jsonPart is a member of an object of the json document: a text, or with a limit a number up to that.
type jsonPart struct {
	name  string
	limit uint64
	open  string // the name as a text has it: with its quotes and colon
}

func textPart(name string) jsonPart { return jsonPart{name: name, open: `"` + name + `":`} }

func numberPart(name string, limit uint64) jsonPart { return jsonPart{name: name, limit: limit} }

// The parts of each object in their order. Documents and their JSON Schema are made of these lists.
var (
	providerParts    = [...]jsonPart{textPart("Name"), textPart("Guid"), textPart("EventSourceName")}
	correlationParts = [...]jsonPart{textPart("ActivityID"), textPart("RelatedActivityID")}
	systemParts      = [...]jsonPart{ // Provider before them, Correlation and Execution behind
		numberPart("EventID", math.MaxUint16), numberPart("EventIDQualifiers", math.MaxUint16), numberPart("Version", math.MaxUint8), numberPart("Level", math.MaxUint8), numberPart("Task", math.MaxUint16),
		numberPart("Opcode", math.MaxUint8), textPart("Keywords"), textPart("TimeCreated"), textPart("RawTime"), numberPart("EventRecordID", math.MaxUint64),
	}
	originParts = [...]jsonPart{textPart("Channel"), textPart("Computer"), textPart("Container"), textPart("UserID")} // the last of System

	executionParts       = partsOf(events.ExecutionNames[:], events.ExecutionNames[:]...)
	processingErrorParts = partsOf(events.ProcessingErrorNames[:], "ErrorCode")
	debugParts           = partsOf(events.DebugNames[:], "SequenceNumber")
	renderingParts       = partsOf(events.RenderingNames[:])

	fieldParts = [...]jsonPart{textPart("n"), textPart("v"), textPart("t"), textPart("e")} // of EventDataList: Name, value, Type, element
	otherParts = [...]jsonPart{textPart("Name"), textPart("Xml")}
)

// partsOf makes parts of names, some of which are numbers.
func partsOf(list []string, numbers ...string) []jsonPart {
	parts := make([]jsonPart, len(list))
	for i, name := range list {
		parts[i] = textPart(name)
		if slices.Contains(numbers, name) {
			parts[i] = numberPart(name, math.MaxUint32)
		}
	}
	return parts
}

// appendParts appends those that have a text.
func appendParts(dst []byte, parts []jsonPart, texts ...[]byte) []byte {
	for i, text := range texts {
		switch p := &parts[i]; {
		case text == nil:
		case p.limit > 0:
			dst = appendNumber(dst, p.name, text, p.limit)
		default:
			dst = appendText(dst, p.open, text)
		}
	}
	return dst
}
