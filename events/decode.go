package events

import (
	"bytes"
	"errors"
	"math"
)

// ErrRoot says that a text is XML, as far as was read, but no event.
var ErrRoot = errors.New("event xml: " + notEvent)

const notEvent = "the root element is not Event"

var eventName = []byte("Event")

// Decoder scans events. The zero value is ready; one goroutine at a time.
type Decoder struct {
	text  []byte // what is scanned: the event, or its repaired copy
	pos   int
	found int          // by inspect
	amp   int          // next & and CR from the last position that asked
	cr    int          //
	err   *syntaxError // the first one

	open  []span
	parts int // elements and attributes so far

	// The last start tag.
	tag         int // where it stands
	name, local []byte
	attrs       []Attribute
	empty       bool // it was also the end tag, and the element is still to be closed

	odd     bool // the current part holds something that the record has no place for
	illegal bool // a reference to an illegal character
	cut     bool // the text ends where RenderingInfo began

	scratch, pieces, repaired []byte
	children                  []child
	treeAttrs                 []Attribute
}

// child is a child of Event that was read.
type child struct {
	part Part
	Element
}

// Decode scans one event's XML (UTF-8) into r, which is reused; what it holds aliases raw or the Decoder. An error says what is
// wrong and at which byte, and nothing of the content; r is then of no use.
func (d *Decoder) Decode(raw []byte, r *Record) error {
	d.cut = false
	err := d.decode(raw, r)
	if err != nil && err.ended {
		err = d.recover(raw, r, err)
	}
	switch {
	case err != nil && err.what == notEvent:
		return ErrRoot
	case err != nil:
		return err
	}
	r.Raw = raw
	r.ID = number(r.EventID)
	r.Time, _ = ParseTime(r.TimeCreated)
	return nil
}

// recover reads an event that broke off inside RenderingInfo, as some sources send long messages, up to there.
func (d *Decoder) recover(raw []byte, r *Record, first *syntaxError) *syntaxError {
	i := bytes.LastIndex(raw, []byte("<RenderingInfo"))
	if i < 0 {
		return first
	}
	d.cut = true
	if d.decode(raw[:i], r) != nil {
		return first
	}
	r.Truncated = true
	return nil
}

// decode reads text, repaired where that is needed.
func (d *Decoder) decode(text []byte, r *Record) *syntaxError {
	d.text, d.found = text, inspect(text)
	if d.found&hasIllegal == 0 {
		r.reset()
		d.scan(r)
		if !d.illegal {
			return d.err
		}
	}
	d.repaired = repair(d.repaired[:0], text)
	d.text, d.found = d.repaired, inspect(d.repaired)
	r.reset()
	r.Illegal = true
	d.scan(r)
	if d.err != nil {
		d.err.repaired = true
	}
	return d.err
}

func (d *Decoder) scan(r *Record) {
	d.pos, d.amp, d.cr, d.err, d.parts = 0, -1, -1, nil, 0
	if d.found&hasCR == 0 {
		d.cr = len(d.text)
	}
	d.empty, d.odd, d.illegal = false, false, false
	d.open, d.scratch, d.treeAttrs, d.children = d.open[:0], d.scratch[:0], d.treeAttrs[:0], d.children[:0]
	if !d.root() {
		return
	}
	from := d.tag
	for _, a := range d.attrs {
		d.odd = d.odd || string(a.Name) != "xmlns"
	}
	d.event(r)
	to := d.pos
	d.trailer()
	if d.err == nil {
		d.keep(r, d.text[from:to])
	}
}

// root moves into the root element.
func (d *Decoder) root() bool {
	if bytes.HasPrefix(d.text, []byte("\uFEFF")) {
		d.pos = len("\uFEFF")
	}
	if d.quickRoot() {
		return true
	}
	for {
		i := d.pos
		switch d.next() {
		case noToken:
			return false
		case startToken:
			d.odd = len(d.local) != len(d.name)
			if string(d.local) != "Event" {
				d.fail(i, notEvent)
				return false
			}
			return true
		case textToken:
			if d.blanks(i) < d.pos {
				d.fail(i, "text before the root element")
			}
		case cdataToken:
			d.fail(i, "text before the root element")
		}
	}
}

// trailer reads what follows the root element.
func (d *Decoder) trailer() {
	for d.err == nil && d.pos < len(d.text) {
		i := d.pos
		switch d.next() {
		case textToken:
			if d.blanks(i) < d.pos {
				d.fail(i, "text after the root element")
			}
		case cdataToken, startToken:
			d.fail(i, "something after the root element")
		}
	}
}

// event reads the children of Event.
func (d *Decoder) event(r *Record) {
	for d.child() {
		if d.odd {
			r.lossy |= PartEvent
		}
		d.odd = false
		c := child{part: partOf(d.local), Element: Element{Name: d.local}}
		from := d.tag
		switch {
		case c.part == 0:
			d.skip()
		case r.parts&c.part != 0:
			d.odd = true // repeated: the first one counts
			d.skip()
		default:
			r.parts |= c.part
			d.part(c.part, r)
		}
		if d.odd {
			r.lossy |= c.part
		}
		d.odd = false
		c.XML = d.text[from:d.pos:d.pos]
		d.children = append(d.children, c)
	}
	if d.odd {
		r.lossy |= PartEvent
	}
}

func partOf(name []byte) Part {
	switch string(name) {
	case "System":
		return PartSystem
	case "EventData":
		return PartEventData
	case "UserData":
		return PartUserData
	case "RenderingInfo":
		return PartRenderingInfo
	case "ProcessingErrorData":
		return PartProcessingErrorData
	case "DebugData":
		return PartDebugData
	case "BinaryEventData":
		return PartBinaryEventData
	}
	return 0
}

func (d *Decoder) part(p Part, r *Record) {
	switch p {
	case PartEventData:
		d.eventData(r)
		return
	case PartRenderingInfo:
		d.rendering(r)
		return
	}
	d.noAttributes()
	switch p {
	case PartSystem:
		d.system(r)
	case PartUserData:
		d.userData(r)
	case PartProcessingErrorData:
		d.texts(ProcessingErrorNames[:], r.ProcessingError[:])
	case PartDebugData:
		d.texts(DebugNames[:], r.Debug[:])
	case PartBinaryEventData:
		r.BinaryEventData = d.leaf()
	}
}

// keep fills Other.
func (d *Decoder) keep(r *Record, event []byte) {
	if r.lossy&PartEvent != 0 {
		r.Other = append(r.Other, Element{Name: eventName, XML: event})
		return
	}
	for _, c := range d.children {
		if c.part == 0 || r.lossy&c.part != 0 {
			r.Other = append(r.Other, c.Element)
		}
	}
}

// noAttributes makes the part odd when the last start tag has any.
func (d *Decoder) noAttributes() {
	if len(d.attrs) > 0 {
		d.odd = true
	}
}

// texts reads children that are plain texts into their places.
func (d *Decoder) texts(names []string, into [][]byte) {
	for d.child() {
		d.noAttributes()
		i := 0
		for i < len(names) && names[i] != string(d.local) {
			i++
		}
		if i == len(names) || into[i] != nil {
			d.odd = true
			d.skip()
			continue
		}
		into[i] = d.leaf()
	}
}

// number is text as a number of 32 bits, or 0.
func number(text []byte) uint32 {
	n := uint64(0)
	for _, c := range text {
		if n = n*10 + uint64(c-'0'); c < '0' || c > '9' || n > math.MaxUint32 {
			return 0
		}
	}
	return uint32(n)
}
