package output

import (
	"math"

	"github.com/wefka/wefka/events"
)

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
		dst = appendText(dst, `"n":`, f.Name)
		dst = appendText(dst, `"v":`, f.Value)
		dst = appendText(dst, `"t":`, f.Type)
		dst = appendText(dst, `"e":`, f.Element)
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
		dst = appendParts(dst, events.ProcessingErrorNames[:], r.ProcessingError[:], "ErrorCode")
		dst = appendEnd(dst, '}')
	}
	dst = appendText(dst, `"BinaryEventData":`, r.BinaryEventData)
	if r.Has(events.PartDebugData) {
		dst = append(dst, `"DebugData":{`...)
		dst = appendParts(dst, events.DebugNames[:], r.Debug[:], "SequenceNumber")
		dst = appendEnd(dst, '}')
	}
	if len(r.Other) > 0 {
		dst = append(dst, `"Other":[`...)
		for _, o := range r.Other {
			dst = appendText(append(dst, '{'), `"Name":`, o.Name)
			dst = appendEnd(appendText(dst, `"Xml":`, o.XML), '}')
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
	dst = appendParts(dst, events.RenderingNames[:], r.Rendering[:], "")
	if r.Has(events.PartKeywords) {
		dst = append(dst, `"Keywords":[`...)
		for _, k := range r.Keyword {
			dst = append(appendString(dst, k), ',')
		}
		dst = appendEnd(dst, ']')
	}
	return appendEnd(dst, '}')
}

// appendParts appends the texts under their names, one of them as a number.
func appendParts(dst []byte, list []string, texts [][]byte, number string) []byte {
	for i, text := range texts {
		switch {
		case text == nil:
		case list[i] == number:
			dst = appendNumber(dst, number, text, math.MaxUint32)
		default:
			dst = append(append(append(dst, '"'), list[i]...), `":`...)
			dst = append(appendString(dst, text), ',')
		}
	}
	return dst
}
