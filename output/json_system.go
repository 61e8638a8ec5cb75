package output

import (
	"math"

	"github.com/wefka/wefka/events"
)

func appendSystem(dst []byte, r *events.Record) []byte {
	if !r.Has(events.PartSystem) {
		return dst
	}
	dst = append(dst, `"System":{`...)
	if r.Has(events.PartProvider) {
		dst = append(dst, `"Provider":{`...)
		dst = appendText(dst, `"Name":`, r.Provider)
		dst = appendText(dst, `"Guid":`, r.ProviderGUID)
		dst = appendText(dst, `"EventSourceName":`, r.EventSourceName)
		dst = appendEnd(dst, '}')
	}
	dst = appendNumber(dst, "EventID", r.EventID, math.MaxUint16)
	dst = appendNumber(dst, "EventIDQualifiers", r.Qualifiers, math.MaxUint16)
	dst = appendNumber(dst, "Version", r.Version, math.MaxUint8)
	dst = appendNumber(dst, "Level", r.Level, math.MaxUint8)
	dst = appendNumber(dst, "Task", r.Task, math.MaxUint16)
	dst = appendNumber(dst, "Opcode", r.Opcode, math.MaxUint8)
	dst = appendText(dst, `"Keywords":`, r.Keywords)
	dst = appendText(dst, `"TimeCreated":`, r.TimeCreated)
	dst = appendText(dst, `"RawTime":`, r.RawTime)
	dst = appendNumber(dst, "EventRecordID", r.EventRecordID, math.MaxUint64)
	if r.Has(events.PartCorrelation) {
		dst = append(dst, `"Correlation":{`...)
		dst = appendText(dst, `"ActivityID":`, r.ActivityID)
		dst = appendText(dst, `"RelatedActivityID":`, r.RelatedActivityID)
		dst = appendEnd(dst, '}')
	}
	if r.Has(events.PartExecution) {
		dst = append(dst, `"Execution":{`...)
		for i, text := range r.Execution {
			dst = appendNumber(dst, events.ExecutionNames[i], text, math.MaxUint32)
		}
		dst = appendEnd(dst, '}')
	}
	dst = appendText(dst, `"Channel":`, r.Channel)
	dst = appendText(dst, `"Computer":`, r.Computer)
	dst = appendText(dst, `"Container":`, r.Container)
	dst = appendText(dst, `"UserID":`, r.UserID)
	return appendEnd(dst, '}')
}
