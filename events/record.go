package events

import (
	"slices"
	"time"
)

// Record is one decoded event. Slices point into the raw text or into the Decoder's scratch: they are valid until the next
// Decode. A nil text means that the part is absent, an empty one that it is there and empty.
type Record struct {
	Raw []byte // the text that was decoded

	// System (MS-EVEN6 2.2.17), as text after entity decoding.
	Provider, Channel, Computer []byte
	EventID, EventRecordID      []byte
	TimeCreated                 []byte // SystemTime

	ProviderGUID, EventSourceName          []byte
	Qualifiers                             []byte // of EventID
	Version, Level, Task, Opcode, Keywords []byte
	RawTime                                []byte // of TimeCreated
	ActivityID, RelatedActivityID          []byte // of Correlation
	Execution                              [len(ExecutionNames)][]byte
	Container                              []byte
	UserID                                 []byte // of Security

	ID   uint32    // EventID as a number; 0 when it is none
	Time time.Time // TimeCreated; zero when it does not parse

	EventDataName []byte  // attribute Name of EventData
	Fields        []Field // children of EventData in document order

	UserData     []byte // the XML inside UserData, as sent
	UserDataTree []Node // the same, decoded

	ProcessingError [len(ProcessingErrorNames)][]byte
	Debug           [len(DebugNames)][]byte
	BinaryEventData []byte

	Culture   []byte // attribute of RenderingInfo
	Rendering [len(RenderingNames)][]byte
	Keyword   [][]byte // RenderingInfo/Keywords

	// Other holds the elements that the fields above cannot carry whole: unknown children of Event, and known ones with
	// something in them that Windows does not write. Of a known name all are here, first or repeated; the fields above then
	// hold what could be read. An entry named Event stands for all of them.
	Other []Element

	// Identity says how Computer stands to the proven sender, as the header wef.identity does; nil: nobody compared them. It is not the
	// Decoder's: whoever knows the sender sets it after Decode.
	Identity []byte

	Illegal   bool // characters were replaced by U+FFFD
	Truncated bool // the text broke off inside RenderingInfo, which is left out

	parts, lossy Part
}

// Field is one child of EventData.
type Field struct {
	Name, Value []byte // Name nil: no such attribute
	Type        []byte // attribute
	Element     []byte // local name when it is not Data
}

// Element is one child of Event as it was sent, tags included.
type Element struct{ Name, XML []byte }

// Node is an element or a text of a tree in document order. The children of node i start at i+1; the next one after a child j
// is at tree[j].End, and the last one ends at tree[i].End.
type Node struct {
	Name  []byte      // local name; nil for a text
	Text  []byte      // of a text
	Attrs []Attribute // without namespace declarations
	End   int         // index behind the last descendant
}

// Attribute is a name as written, prefix included, and a decoded value.
type Attribute struct{ Name, Value []byte }

// Names of the parts of Record's arrays, in their order.
var (
	ExecutionNames       = [...]string{"ProcessID", "ThreadID", "ProcessorID", "SessionID", "KernelTime", "UserTime", "ProcessorTime"}
	ProcessingErrorNames = [...]string{"ErrorCode", "DataItemName", "EventPayload"}
	DebugNames           = [...]string{"SequenceNumber", "FlagsName", "LevelName", "Component", "SubComponent", "FileLine", "Function", "Message"}
	RenderingNames       = [...]string{"Message", "Level", "Task", "Opcode", "Channel", "Provider"}
)

// Part names an element whose mere presence says something.
type Part uint16

// Parts of an event.
const (
	PartEvent Part = 1 << iota
	PartSystem
	PartProvider
	PartCorrelation
	PartExecution
	PartEventData
	PartUserData
	PartProcessingErrorData
	PartDebugData
	PartBinaryEventData
	PartRenderingInfo
	PartKeywords // of RenderingInfo
	partTimeCreated
	partSecurity
)

// Has says whether the event has the element p.
func (r *Record) Has(p Part) bool { return r.parts&p != 0 }

// reset keeps only the arrays.
func (r *Record) reset() {
	*r = Record{Fields: r.Fields[:0], UserDataTree: r.UserDataTree[:0], Keyword: r.Keyword[:0], Other: r.Other[:0]}
}

// field adds an empty one to Fields. Filling it in its place is much faster than appending a filled one: that is built on the
// stack in words and copied in pairs of them, for which the processor has to wait.
func (r *Record) field() *Field {
	n := len(r.Fields)
	if n == cap(r.Fields) {
		r.Fields = slices.Grow(r.Fields, 1)
	}
	r.Fields = r.Fields[:n+1]
	f := &r.Fields[n]
	f.Type, f.Element = nil, nil
	return f
}
