package output

import (
	"math"
	"strconv"
)

// eventData maps EventData. Of repeated names the first counts.
func (e *ECS) eventData() {
	all := e.batch.KeepEventData
	for i := range e.record.Fields {
		f := &e.record.Fields[i]
		name := e.name(i)
		n := e.table.find(name)
		switch {
		case n < 0 && !e.first(name), n >= 0 && e.seen[n/64]&(1<<(n%64)) != 0:
			continue
		case n >= 0:
			e.seen[n/64] |= 1 << (n % 64)
		}
		nothing := len(f.Value) == 0 || e.source == ofSysmon && nothingForSysmon(f.Value)
		mapped := n >= 0 && f.Element == nil && !nothing && e.take(&e.table.fields[n], f.Value)
		if all || !nothing && !mapped {
			e.kept = append(e.kept, int32(i))
		}
	}
	if len(e.kept) > 0 {
		e.mark(winlogEventData)
	}
}

var targetProcessGUID = []byte("TargetProcessGUID") // as event 10 spells it

// name is what field i is called in event_data: paramN where it has no name, N being its place among all.
func (e *ECS) name(i int) []byte {
	f := &e.record.Fields[i]
	switch {
	case string(f.Name) == "TargetProcessGuid" && e.source == ofSysmon && !e.batch.KeepEventData:
		return targetProcessGUID
	case len(f.Name) > 0:
		return f.Name
	case f.Element != nil:
		return f.Element
	}
	from := len(e.scratch)
	e.scratch = strconv.AppendInt(append(e.scratch, "param"...), int64(i+1), 10)
	return e.scratch[from:]
}

// first says whether a name that no table has comes for the first time.
func (e *ECS) first(name []byte) bool {
	if e.unnamed {
		e.names.reset(len(e.record.Fields))
		e.unnamed = false
	}
	_, isNew := e.names.add(name)
	return isNew
}

// appendFields writes the members of the kind asFields.
func (e *ECS) appendFields(dst []byte, m member) []byte {
	dst = append(dst, '{')
	if m == winlogUserData {
		return appendEnd(e.appendUserData(dst), '}')
	}
	for _, i := range e.kept {
		dst = appendMember(dst, e.name(int(i)), e.record.Fields[i].Value)
	}
	return appendEnd(dst, '}')
}

// take maps one value and says whether that was all that is to be done with it. A dash says nothing and stays.
func (e *ECS) take(f *dataField, value []byte) bool {
	if string(value) == "-" {
		return false
	}
	switch f.how {
	case moved:
		e.set(f.to, value)
	case copied:
		e.set(f.to, value)
		return false
	case copiedTime:
		e.time(f.to, value)
		return false
	case moveInt:
		return e.integer(f.to, value, math.MaxUint32)
	case movePort:
		return e.integer(f.to, value, math.MaxUint16)
	case moveHex:
		return e.hexadecimal(f.to, value)
	case moveTruth:
		if string(value) != "true" && string(value) != "false" {
			return false
		}
		e.set(f.to, value)
	case moveAddress:
		return e.address(f.to, value)
	case movePath:
		e.path(value)
	case moveLine:
		e.line(f.to, value)
	case moveProgram:
		e.program(f.to, value)
	case drop:
	default:
		switch e.source {
		case ofSysmon:
			return e.takeSysmon(f, value)
		case ofSecurity:
			return e.takeSecurity(f, value)
		default:
			return e.takePowerShell(f, value)
		}
	}
	return true
}
