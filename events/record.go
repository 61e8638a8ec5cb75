package events

import "time"

// Record is one decoded event. Slices point into the raw text or into the Decoder's scratch: they are valid until the next
// Decode. A nil text means that the part is absent, an empty one that it is there and empty.
type Record struct {
	Raw []byte // the text that was decoded

	// System (MS-EVEN6 2.2.17, wef-protocol 8.2), as text after entity decoding.
	Provider, Channel, Computer []byte
	EventID, EventRecordID      []byte
	TimeCreated                 []byte

	ID   uint32    // EventID as a number; 0 when it is none
	Time time.Time // TimeCreated; zero when it does not parse

	Fields []Field // children of EventData in document order
}

// Field is one child of EventData.
type Field struct{ Name, Value []byte }

// Decoder scans events. The zero value is ready; one goroutine at a time.
type Decoder struct{}

// Decode scans one event's XML (UTF-8) into r, which is reused.
func (d *Decoder) Decode(raw []byte, r *Record) error { panic("not written yet") }
