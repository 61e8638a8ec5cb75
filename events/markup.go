package events

import (
	"bytes"
	"fmt"
	"strings"
)

// Limits of one event. Windows stays far below them: an event has at most 64 KiB before it is rendered.
const (
	maxDepth      = 256
	maxAttributes = 64    // of one element
	maxParts      = 16384 // elements and attributes together
)

type token int

const (
	noToken token = iota // an error
	startToken
	endToken
	textToken
	cdataToken
	otherToken // comment, processing instruction
)

// span is an open element: where its name stands, and its node when it is part of a tree.
type span struct{ from, to, node int }

// syntaxError says what is wrong with an event and where, and nothing of its content.
type syntaxError struct {
	what     string
	offset   int
	ended    bool // the text ended too early
	repaired bool // offset counts in the repaired text
}

func (e *syntaxError) Error() string {
	after := ""
	if e.repaired {
		after = " (counted after illegal characters were replaced)"
	}
	return fmt.Sprintf("event xml: %s at byte %d%s", e.what, e.offset, after)
}

// fail keeps the first error and moves to the end of the text, where nothing goes on.
func (d *Decoder) fail(offset int, what string) {
	if d.err == nil {
		d.err = &syntaxError{what: what, offset: offset, ended: offset >= len(d.text)}
	}
	d.pos, d.empty = len(d.text), false
}

// next reads one token at d.pos. After a start tag d.name, d.local and d.attrs describe it, the element is open, and d.empty
// says that it ends there: whoever asked must close it. An end tag closes its element.
func (d *Decoder) next() token {
	i := d.pos
	switch {
	case d.err != nil:
		return noToken
	case i >= len(d.text):
		if d.cut && len(d.open) == 1 {
			d.close() // </Event>, which the cut took
			return endToken
		}
		d.fail(i, "unexpected end")
		return noToken
	case d.text[i] != '<':
		d.pos = d.find('<', i)
		return textToken
	case i+1 == len(d.text):
		d.fail(i+1, "unexpected end")
		return noToken
	}
	switch d.text[i+1] {
	case '/':
		return d.endTag()
	case '!', '?':
		return d.section()
	}
	return d.startTag()
}

func (d *Decoder) section() token {
	i := d.pos
	n := sectionLength(d.text[i:])
	d.parts++
	switch {
	case d.parts > maxParts:
		d.fail(i, "too many elements and sections")
	case n > 0:
		d.pos += n
		if d.text[i+1] == '!' && d.text[i+2] == '[' {
			return cdataToken
		}
		return otherToken
	case n < 0:
		d.fail(len(d.text), "unexpected end")
	default:
		for _, s := range sections {
			if strings.HasPrefix(s.start, string(d.text[i:])) {
				d.fail(len(d.text), "unexpected end")
			}
		}
		d.fail(i, "document type or other declaration")
	}
	return noToken
}

// end closes the innermost element if exactly its end tag stands at j.
func (d *Decoder) end(j int) bool {
	name := d.open[len(d.open)-1]
	e := j + 2 + name.to - name.from
	if e >= len(d.text) || d.text[e] != '>' || d.text[j+1] != '/' || string(d.text[j+2:e]) != string(d.text[name.from:name.to]) {
		return false
	}
	d.pos = e + 1
	d.close()
	return true
}

func (d *Decoder) endTag() token {
	if len(d.open) == 0 {
		d.fail(d.pos, "end tag without a start tag")
		return noToken
	}
	if d.end(d.pos) {
		return endToken
	}
	name := d.open[len(d.open)-1] // once more, with blanks before the >
	e := d.pos + 2 + name.to - name.from
	if e < len(d.text) && string(d.text[d.pos+2:e]) == string(d.text[name.from:name.to]) {
		i := d.blanks(e)
		if i < len(d.text) && d.text[i] == '>' {
			d.pos = i + 1
			d.close()
			return endToken
		}
		if i == len(d.text) {
			d.fail(i, "unexpected end")
		}
	}
	if bytes.IndexByte(d.text[d.pos:], '>') < 0 {
		d.fail(len(d.text), "unexpected end")
	}
	d.fail(d.pos, "end tag that does not match its start tag")
	return noToken
}

// close leaves the innermost element.
func (d *Decoder) close() {
	d.empty = false
	d.open = d.open[:len(d.open)-1]
}

func (d *Decoder) startTag() token {
	from := d.pos + 1
	i, local := d.nameEnd(from)
	if i == from {
		d.fail(from, "element name expected")
		return noToken
	}
	d.tag, d.name, d.local, d.attrs, d.empty = d.pos, d.text[from:i], d.text[local:i], d.attrs[:0], false
	d.open = append(d.open, span{from: from, to: i})
	if len(d.open) > maxDepth {
		d.fail(from, "too many elements inside each other")
		return noToken
	}
	for {
		if i < len(d.text) && d.text[i] <= ' ' {
			i = d.blanks(i)
		}
		if i >= len(d.text) {
			d.fail(i, "unexpected end")
			return noToken
		}
		switch d.text[i] {
		case '>':
			d.pos = i + 1
		case '/':
			if i+1 == len(d.text) || d.text[i+1] != '>' {
				d.fail(i+1, "'>' expected")
				return noToken
			}
			d.pos, d.empty = i+2, true
		default:
			if i = d.attributeAt(i); i < 0 {
				return noToken
			}
			continue
		}
		if d.parts += 1 + len(d.attrs); d.parts > maxParts {
			d.fail(from, "too many elements and attributes")
			return noToken
		}
		return startToken
	}
}

// attributeAt reads the attribute that starts at i and returns where it ends, or -1.
func (d *Decoder) attributeAt(i int) int {
	e, _ := d.nameEnd(i)
	if e == i {
		d.fail(i, "attribute name or '>' expected")
		return -1
	}
	name := d.text[i:e]
	for _, a := range d.attrs {
		if string(a.Name) == string(name) {
			d.fail(i, "repeated attribute")
			return -1
		}
	}
	v := d.blanks(e)
	if v >= len(d.text) || d.text[v] != '=' {
		d.fail(v, "'=' expected")
		return -1
	}
	v = d.blanks(v + 1)
	if v >= len(d.text) || d.text[v] != '\'' && d.text[v] != '"' {
		d.fail(v, "quote expected")
		return -1
	}
	n := bytes.IndexByte(d.text[v+1:], d.text[v])
	if n < 0 {
		d.fail(len(d.text), "unexpected end")
		return -1
	}
	end := v + 1 + n
	if bytes.IndexByte(d.text[v+1:end], '<') >= 0 {
		d.fail(v+1, "'<' in an attribute")
		return -1
	}
	if len(d.attrs) == maxAttributes {
		d.fail(i, "too many attributes")
		return -1
	}
	d.attrs = append(d.attrs, Attribute{name, d.attribute(v+1, end)})
	return end + 1
}

// blanks is the first position from i on that is no white space.
func (d *Decoder) blanks(i int) int {
	for i < len(d.text) && (d.text[i] == ' ' || d.text[i] == '\n' || d.text[i] == '\t' || d.text[i] == '\r') {
		i++
	}
	return i
}

// nameEnd is where the name that starts at i ends (i: there is none), and where its local part starts. Like encoding/xml's it
// takes every non-ASCII character.
func (d *Decoder) nameEnd(i int) (end, local int) {
	end, local = i, i
	for end < len(d.text) && nameByte[d.text[end]] {
		end++
	}
	if end < len(d.text) && d.text[end] == ':' {
		return d.prefixed(i, end)
	}
	if end > i && !nameStart(d.text[i]) {
		end = i
	}
	return end, local
}

// prefixed is nameEnd for a name with a colon.
func (d *Decoder) prefixed(i, colon int) (end, local int) {
	end = colon
	for end < len(d.text) && (nameByte[d.text[end]] || d.text[end] == ':') {
		end++
	}
	switch {
	case colon > i && !nameStart(d.text[i]):
		return i, i
	case colon > i && colon+1 < end:
		return end, colon + 1
	}
	return end, i
}

// nameByte marks the bytes of names, the colon apart.
var nameByte = func() (t [256]bool) {
	for c := range t {
		t[c] = nameStart(byte(c)) || '0' <= c && c <= '9' || c == '-' || c == '.'
	}
	return t
}()

func nameStart(c byte) bool {
	return c >= 0x80 || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '_'
}

// child moves to the next child of the innermost element, which has no text of its own; false: it has ended, or an error.
// The caller must read the child to its end: leaf, skip or child until false.
func (d *Decoder) child() bool {
	if d.empty {
		d.close()
		return false
	}
	for {
		i := d.pos
		switch d.next() {
		case startToken:
			if len(d.local) != len(d.name) {
				d.odd = true // a prefix, which the record would lose
			}
			return true
		case endToken, noToken:
			return false
		case textToken:
			if d.blanks(i) < d.pos {
				d.odd = true
				d.pieces = d.appendText(d.pieces[:0], i, d.pos)
			}
		case cdataToken:
			d.odd = true
		}
	}
}

// skip reads the element whose start tag was just read to its end.
func (d *Decoder) skip() {
	if d.empty {
		d.close()
		return
	}
	for depth := len(d.open); len(d.open) >= depth && d.err == nil; {
		i := d.pos
		switch d.next() {
		case textToken:
			d.pieces = d.appendText(d.pieces[:0], i, d.pos)
		case startToken:
			if d.empty {
				d.close()
			}
		}
	}
}
