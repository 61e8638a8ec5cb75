package output

// powershellEvent is what ecs says of all events of one id.
type powershellEvent struct {
	id    uint32
	types string // list
	// Of the old log, whose fields have no names: what is in them.
	context, details, command string
}

// Those from 4103 on are those of Microsoft-Windows-PowerShell, the others of the old log.
var powershellEvents = [...]powershellEvent{
	{id: 400, types: `["start"]`, context: "param3"},
	{id: 403, types: `["end"]`, context: "param3"},
	{id: 600, types: `["info"]`, context: "param3"},
	{id: 800, types: `["info"]`, context: "param2", details: "param3", command: "param1"},
	{id: 4103, types: `["info"]`, context: "ContextInfo", details: "Payload"},
	{id: 4104, types: `["info"]`},
	{id: 4105, types: `["start"]`},
	{id: 4106, types: `["end"]`},
}

// Actions for PowerShell's fields.
const (
	powershellText = iota + ownAction // depends on the event
	powershellUser                    // DOMAIN\name
)

var powershellTable = tableOf(
	dataField{"ContextInfo", powershellText, 0},
	dataField{"Payload", powershellText, 0},
	dataField{"param1", powershellText, 0},
	dataField{"param2", powershellText, 0},
	dataField{"param3", powershellText, 0},
	dataField{"MessageNumber", moveInt, powershellSequence},
	dataField{"MessageTotal", moveInt, powershellTotal},
	dataField{"ScriptBlockText", moved, scriptBlockText},
	dataField{"ScriptBlockId", moved, scriptBlockID},
	dataField{"RunspaceId", moved, runspaceID},
	dataField{"Path", movePath, filePath},
)

// contextTable is for the lines "Key = value" and "Key=value" inside a field.
var contextTable = tableOf(
	dataField{"Severity", drop, 0},
	dataField{"Host Name", moved, processTitle},
	dataField{"HostName", moved, processTitle},
	dataField{"Host Version", moved, executableVersion},
	dataField{"HostVersion", moved, executableVersion},
	dataField{"Host ID", moved, processEntityID},
	dataField{"HostId", moved, processEntityID},
	dataField{"Host Application", moveLine, processCommandLine},
	dataField{"HostApplication", moveLine, processCommandLine},
	dataField{"Engine Version", moved, engineVersion},
	dataField{"EngineVersion", moved, engineVersion},
	dataField{"NewEngineState", moved, engineNewState},
	dataField{"PreviousEngineState", moved, enginePreviousState},
	dataField{"ProviderName", moved, providerName},
	dataField{"NewProviderState", moved, providerNewState},
	dataField{"Runspace ID", moved, runspaceID},
	dataField{"RunspaceId", moved, runspaceID},
	dataField{"Pipeline ID", moved, pipelineID},
	dataField{"PipelineId", moved, pipelineID},
	dataField{"Command Name", moved, commandName},
	dataField{"CommandName", moved, commandName},
	dataField{"Command Type", moved, commandType},
	dataField{"CommandType", moved, commandType},
	dataField{"Command Path", moved, commandPath},
	dataField{"CommandPath", moved, commandPath},
	dataField{"CommandLine", moved, commandValue},
	dataField{"Script Name", movePath, filePath},
	dataField{"ScriptName", movePath, filePath},
	dataField{"Sequence Number", moveInt, eventSequence},
	dataField{"SequenceNumber", moveInt, eventSequence},
	dataField{"DetailSequence", moveInt, powershellSequence},
	dataField{"DetailTotal", moveInt, powershellTotal},
	dataField{"User", powershellUser, userDomain},
	dataField{"UserId", powershellUser, userDomain},
	dataField{"Connected User", powershellUser, connectedDomain},
	dataField{"Shell ID", moved, shellID},
)

func (e *ECS) beginPowerShell() {
	r := e.record
	for i := range powershellEvents {
		if p := &powershellEvents[i]; p.id == r.ID && (p.id > 4000) == (string(r.Provider) != "PowerShell") {
			e.source, e.table, e.powershell = ofPowerShell, powershellTable, p
			return
		}
	}
}

func (e *ECS) takePowerShell(f *dataField, value []byte) bool {
	switch f.how {
	case powershellText:
		switch f.name {
		case e.powershell.context:
			return e.context(value)
		case e.powershell.details:
			return e.invocations(value)
		case e.powershell.command:
			e.set(commandValue, value)
			return true
		}
		return false
	case powershellUser:
		name := userName
		if f.to == connectedDomain {
			name = connectedName
		}
		return e.account(f.to, name, value)
	}
	return true
}

func (e *ECS) finishPowerShell() {
	e.constant(eventCategory, `["process"]`)
	e.constant(eventType, e.powershell.types)
	e.set(commandDetails, e.details.value())
}

// context maps a text of lines, if it knows any of their keys, and says whether that was all of it. A line without one belongs to the
// value before.
func (e *ECS) context(text []byte) (whole bool) {
	whole = true
	var known *dataField
	from, to := 0, 0 // its value
	for i := 0; i < len(text); {
		start, end := i, lineEnd(text, i)
		i = end + 1
		f, at := contextField(text[start:end])
		if f == nil {
			if len(trimmed(text[start:end])) > 0 {
				to = end
			}
			continue
		}
		whole = e.contextValue(known, text[from:to]) && whole
		known, from, to = f, start+at, end
	}
	return e.contextValue(known, text[from:to]) && whole && known != nil
}

// contextValue says whether nothing of the value is lost. Before the first key there must be nothing.
func (e *ECS) contextValue(f *dataField, value []byte) bool {
	value = trimmed(value)
	switch {
	case len(value) == 0:
		return true
	case f == nil:
		return false
	case f.how != drop && e.is(f.to): // of two the first counts
		return string(e.get(f.to)) == string(value)
	}
	return e.take(f, value)
}

// contextField is the key of a line and where its value starts, nil for none.
func contextField(line []byte) (f *dataField, value int) {
	const longest = len("PreviousEngineState")
	first := 0
	for first < len(line) && (line[first] == ' ' || line[first] == '\t') {
		first++
	}
	for i := first; i < len(line) && i <= first+longest+1; i++ {
		if line[i] != '=' {
			continue
		}
		if n := contextTable.find(trimmed(line[first:i])); n >= 0 {
			return &contextTable.fields[n], i + 1
		}
		break
	}
	return nil, 0
}
