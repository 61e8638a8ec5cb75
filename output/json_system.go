package output

import "github.com/wefka/wefka/events"

func appendSystem(dst []byte, r *events.Record) []byte {
	if !r.Has(events.PartSystem) {
		return dst
	}
	dst = append(dst, `"System":{`...)
	if r.Has(events.PartProvider) {
		dst = append(dst, `"Provider":{`...)
		dst = appendParts(dst, providerParts[:], r.Provider, r.ProviderGUID, r.EventSourceName)
		dst = appendEnd(dst, '}')
	}
	dst = appendParts(dst, systemParts[:], r.EventID, r.Qualifiers, r.Version, r.Level, r.Task, r.Opcode, r.Keywords, r.TimeCreated, r.RawTime, r.EventRecordID)
	if r.Has(events.PartCorrelation) {
		dst = append(dst, `"Correlation":{`...)
		dst = appendParts(dst, correlationParts[:], r.ActivityID, r.RelatedActivityID)
		dst = appendEnd(dst, '}')
	}
	if r.Has(events.PartExecution) {
		dst = append(dst, `"Execution":{`...)
		dst = appendParts(dst, executionParts, r.Execution[:]...)
		dst = appendEnd(dst, '}')
	}
	dst = appendParts(dst, originParts[:], r.Channel, r.Computer, r.Container, r.UserID)
	return appendEnd(dst, '}')
}
