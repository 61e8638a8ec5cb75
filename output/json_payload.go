package output

import "github.com/wefka/wefka/events"

// appendEventData appends EventData as a map, and as a list where the map alone would lose something.
func (e *JSON) appendEventData(dst []byte, r *events.Record) []byte {
	e.repeated = e.repeated[:0]
	if !r.Has(events.PartEventData) {
		return dst
	}
	e.names.reset(len(r.Fields))
	lossy := false
	var nameless int
	var binary []byte
	dst = append(dst, `"EventData":{`...)
	for i := range r.Fields {
		f := &r.Fields[i]
		name := f.Name
		if f.Element != nil || f.Type != nil || len(name) == 0 {
			lossy = true
		}
		switch {
		case f.Element == nil && collects(name):
			nameless++
			lossy = true
			continue
		case string(f.Element) == "Binary":
			name = f.Element
		case collects(name):
			continue // an element of another kind that has no place in the map
		}
		if _, first := e.names.add(name); !first {
			lossy = true
			e.repeated = append(e.repeated, i)
			continue
		}
		if string(name) == "Binary" {
			lossy = true
			binary = f.Value
			continue
		}
		dst = appendMember(dst, name, f.Value)
	}
	if nameless > 0 {
		dst = append(dst, `"Data":[`...)
		for i := range r.Fields {
			if f := &r.Fields[i]; f.Element == nil && collects(f.Name) {
				dst = append(appendString(dst, f.Value), ',')
			}
		}
		dst = appendEnd(dst, ']')
	}
	dst = appendText(dst, `"Binary":`, binary)
	dst = appendEnd(dst, '}')
	dst = appendText(dst, `"EventDataName":`, r.EventDataName)
	if lossy {
		dst = appendEventDataList(dst, r.Fields)
	}
	return dst
}

// collects says whether the values of Data elements of that name go into the list "Data": those without a name, and those
// whose name is the list's.
func collects(name []byte) bool { return len(name) == 0 || string(name) == "Data" }

func appendEventDataList(dst []byte, list []events.Field) []byte {
	dst = append(dst, `"EventDataList":[`...)
	for i := range list {
		f := &list[i]
		dst = append(dst, '{')
		dst = appendParts(dst, fieldParts[:], f.Name, f.Value, f.Type, f.Element)
		dst = appendEnd(dst, '}')
	}
	return appendEnd(dst, ']')
}

// appendPayload appends what stands in EventData's place.
func (e *JSON) appendPayload(dst []byte, r *events.Record) []byte {
	if r.Has(events.PartUserData) {
		dst = appendText(dst, `"UserData":`, r.UserData)
		dst = append(dst, `"UserDataTree":`...)
		dst = append(e.appendTree(dst, r.UserDataTree), ',')
	}
	if r.Has(events.PartProcessingErrorData) {
		dst = append(dst, `"ProcessingErrorData":{`...)
		dst = appendParts(dst, processingErrorParts, r.ProcessingError[:]...)
		dst = appendEnd(dst, '}')
	}
	dst = appendText(dst, `"BinaryEventData":`, r.BinaryEventData)
	if r.Has(events.PartDebugData) {
		dst = append(dst, `"DebugData":{`...)
		dst = appendParts(dst, debugParts, r.Debug[:]...)
		dst = appendEnd(dst, '}')
	}
	if len(r.Other) > 0 {
		dst = append(dst, `"Other":[`...)
		for _, o := range r.Other {
			dst = appendParts(append(dst, '{'), otherParts[:], o.Name, o.XML)
			dst = appendEnd(dst, '}')
		}
		dst = appendEnd(dst, ']')
	}
	return dst
}

func appendRendering(dst []byte, r *events.Record) []byte {
	if !r.Has(events.PartRenderingInfo) {
		return dst
	}
	dst = append(dst, `"RenderingInfo":{`...)
	dst = appendText(dst, `"Culture":`, r.Culture)
	dst = appendParts(dst, renderingParts, r.Rendering[:]...)
	if r.Has(events.PartKeywords) {
		dst = append(dst, `"Keywords":[`...)
		for _, k := range r.Keyword {
			dst = append(appendString(dst, k), ',')
		}
		dst = appendEnd(dst, ']')
	}
	return appendEnd(dst, '}')
}
