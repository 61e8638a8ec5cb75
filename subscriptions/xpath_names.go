package subscriptions

import (
	"slices"
	"strings"
)

// children are the names that Windows gives below an element of an event, attributes with @; an element that is not here may hold any.
var children = map[string][]string{
	"":      {"Event"},
	"Event": {"System", "EventData", "UserData", "RenderingInfo", "DebugData", "BinaryEventData", "ProcessingErrorData", "@xmlns"},
	"Event/System": {"Provider", "EventID", "Version", "Level", "Task", "Opcode", "Keywords", "TimeCreated", "EventRecordID", "Correlation",
		"Execution", "Channel", "Computer", "Security"},
	"Event/System/Provider":    {"@Name", "@Guid", "@EventSourceName"},
	"Event/System/EventID":     {"@Qualifiers"},
	"Event/System/TimeCreated": {"@SystemTime"},
	"Event/System/Correlation": {"@ActivityID", "@RelatedActivityID"},
	"Event/System/Execution":   {"@ProcessID", "@ThreadID", "@ProcessorID", "@SessionID", "@KernelTime", "@UserTime", "@ProcessorTime"},
	"Event/System/Security":    {"@UserID"},
	"Event/EventData":          {"Data", "Binary", "ComplexData", "@Name"},
	"Event/EventData/Data":     {"@Name", "@Type"},
}

// known holds a step's name against what an event has: names that differ only in case, or are not there, match nothing, and Windows
// says nothing.
func (x *xpath) known(t token, in []string, attribute bool) {
	there, closed := children[strings.Join(in, "/")]
	name := t.text
	if attribute {
		name = "@" + name
	}
	if t.text == "*" || !closed || slices.Contains(there, name) {
		return
	}
	if len(in) == 0 {
		x.report(t.at, "xpath-context", "%s: an expression begins with *, as in *[System[EventID=1]]", name)
		return
	}
	for _, n := range there {
		if strings.EqualFold(n, name) {
			x.report(t.at, "xpath-case", "%s is written %s", name, n)
			return
		}
	}
	x.report(t.at, "xpath-name", "%s has no %s; there are %s", in[len(in)-1], name, strings.Join(there, ", "))
}
