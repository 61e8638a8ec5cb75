// Package infoset is test help: it says what an event's XML means in a canonical form, and makes that XML again from a json
// document, so that "lossless" is a comparison. encoding/xml does the reading, so that our scanner cannot agree with itself.
package infoset

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/wefka/wefka/events"
)

// node is an element, or a text when it has no name.
type node struct {
	name, text string
	attrs      []string
	children   []*node
}

// Of is what a document says, in a canonical form: attributes as a set, the parts of Event, System and the like too; white
// space between their elements left out, and with it comments, instructions, the namespace of Event, and an empty Security or
// TimeCreated, which say nothing. An error means that encoding/xml does not take the document.
func Of(text string) (string, error) {
	checker := xml.NewDecoder(strings.NewReader(text))
	for depth, roots := 0, 0; ; {
		t, err := checker.Token()
		if err == io.EOF && roots == 1 {
			break
		}
		if err != nil {
			return "", err
		}
		switch t := t.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots++
			}
			depth++
		case xml.EndElement:
			depth--
		case xml.CharData:
			if depth == 0 && strings.Trim(string(t), " \t\r\n\uFEFF") != "" {
				return "", errors.New("text outside the root")
			}
		}
		if roots > 1 {
			return "", errors.New("a second root")
		}
	}
	top := &node{}
	stack := []*node{top}
	for raw := xml.NewDecoder(strings.NewReader(text)); ; {
		t, err := raw.RawToken()
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", err
		}
		here := stack[len(stack)-1]
		switch t := t.(type) {
		case xml.StartElement:
			n := &node{name: full(t.Name)}
			for _, a := range t.Attr {
				if name := full(a.Name); name != "xmlns" || len(stack) > 1 {
					n.attrs = append(n.attrs, fmt.Sprintf("%s=%q", name, blanks.Replace(a.Value)))
				}
			}
			slices.Sort(n.attrs)
			here.children = append(here.children, n)
			stack = append(stack, n)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if last := len(here.children) - 1; last >= 0 && here.children[last].name == "" {
				here.children[last].text += string(t)
			} else if len(stack) > 1 && len(t) > 0 {
				here.children = append(here.children, &node{text: string(t)})
			}
		}
	}
	for _, n := range top.children {
		if n.name != "" {
			return n.canonical(""), nil
		}
	}
	return "", errors.New("no root")
}

// unordered are the elements, by path, whose children are a set; lists have an order but no text of their own either.
var (
	unordered = []string{"/Event", "/Event/System", "/Event/ProcessingErrorData", "/Event/DebugData", "/Event/RenderingInfo"}
	lists     = []string{"/Event/EventData", "/Event/RenderingInfo/Keywords"}
	empty     = []string{"/Event/System/Security", "/Event/System/TimeCreated"}
)

func (n *node) canonical(path string) string {
	if n.name == "" {
		return strconv.Quote(n.text)
	}
	path += "/" + n.name
	var inside []string
	for _, c := range n.children {
		if c.name == "" && strings.Trim(c.text, " \t\r\n") == "" && (slices.Contains(unordered, path) || slices.Contains(lists, path) || slices.Contains(empty, path)) {
			continue
		}
		if s := c.canonical(path); s != "" {
			inside = append(inside, s)
		}
	}
	if slices.Contains(unordered, path) {
		slices.Sort(inside)
	}
	if len(inside)+len(n.attrs) == 0 && slices.Contains(empty, path) {
		return ""
	}
	return "<" + n.name + " " + strings.Join(n.attrs, " ") + ">" + strings.Join(inside, "\n") + "</>"
}

func full(n xml.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return n.Space + ":" + n.Local
}

// blanks does to attributes what XML 1.0 3.3.3 asks and encoding/xml leaves undone.
var blanks = strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")

// Legalise replaces what XML 1.0 forbids, before encoding/xml sees it.
func Legalise(text string) string {
	text = markup.ReplaceAllStringFunc(text, func(s string) string {
		digits, base := strings.TrimSuffix(strings.TrimPrefix(s, "&#"), ";"), 10
		if !strings.HasPrefix(s, "&#") {
			return s
		}
		if digits[0] == 'x' {
			digits, base = digits[1:], 16
		}
		if n, err := strconv.ParseUint(digits, base, 31); err == nil && legalRune(rune(n)) {
			return s
		}
		return "\uFFFD"
	})
	return strings.Map(func(r rune) rune {
		if !legalRune(r) {
			return utf8.RuneError
		}
		return r
	}, text)
}

var markup = regexp.MustCompile(`(?s)<!--.*?-->|<!\[CDATA\[.*?\]\]>|<\?.*?\?>|&#(?:x[0-9a-fA-F]+|[0-9]+);`)

func legalRune(r rune) bool {
	return r == 9 || r == 10 || r == 13 || 0x20 <= r && r < 0xD800 || 0xDFFF < r && r < 0xFFFE || 0xFFFF < r && r <= utf8.MaxRune
}

// Member is one of an Object, whose order encoding/json would forget.
type Member struct {
	Name  string
	Value any // string, json.Number, bool, []any or Object
}

// Object is a JSON object in its own order.
type Object []Member

// Get is the value of the first member called name; nil: there is none.
func (o Object) Get(name string) any {
	for _, m := range o {
		if m.Name == name {
			return m.Value
		}
	}
	return nil
}

// Parse reads one document. null is an error: no document of ours has it.
func Parse(text []byte) (Object, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := parseValue(d)
	if err != nil {
		return nil, err
	}
	o, ok := v.(Object)
	if _, err := d.Token(); !ok || err != io.EOF {
		return nil, errors.New("not exactly one Object")
	}
	return o, nil
}

func parseValue(d *json.Decoder) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		o := Object{}
		for d.More() {
			name, err := d.Token()
			if err != nil {
				return nil, err
			}
			value, err := parseValue(d)
			if err != nil {
				return nil, err
			}
			if o.Get(name.(string)) != nil {
				return nil, fmt.Errorf("repeated member %q", name)
			}
			o = append(o, Member{name.(string), value})
		}
		_, err = d.Token()
		return o, err
	case json.Delim('['):
		list := []any{}
		for d.More() {
			value, err := parseValue(d)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err = d.Token()
		return list, err
	case nil:
		return nil, errors.New("null")
	}
	return t, nil
}

// Rebuild makes the event's XML again, from nothing but the document.
func Rebuild(doc Object) string {
	var b strings.Builder
	others, _ := doc.Get("Other").([]any)
	taken := map[string]bool{}
	for _, o := range others {
		name := o.(Object).Get("Name").(string)
		if name == "Event" {
			return o.(Object).Get("Xml").(string)
		}
		taken[name] = true
	}
	b.WriteString("<Event>")
	part := func(name string, write func(o Object)) {
		if o, ok := doc.Get(name).(Object); ok && !taken[name] {
			write(o)
		}
	}
	part("System", func(o Object) { rebuildSystem(&b, o) })
	part("EventData", func(o Object) { rebuildEventData(&b, doc, o) })
	if s, ok := doc.Get("UserData").(string); ok && !taken["UserData"] {
		b.WriteString("<UserData>" + s + "</UserData>")
	}
	texts := func(name string, parts []string, attr string) {
		part(name, func(o Object) {
			b.WriteString("<" + name + attr + ">")
			for _, p := range parts {
				leaf(&b, o, p, "")
			}
			if keywords, ok := o.Get("Keywords").([]any); ok {
				b.WriteString("<Keywords>")
				for _, k := range keywords {
					b.WriteString("<Keyword>" + escape(k.(string)) + "</Keyword>")
				}
				b.WriteString("</Keywords>")
			}
			b.WriteString("</" + name + ">")
		})
	}
	texts("ProcessingErrorData", events.ProcessingErrorNames[:], "")
	texts("DebugData", events.DebugNames[:], "")
	if !taken["BinaryEventData"] {
		leaf(&b, doc, "BinaryEventData", "")
	}
	if o, ok := doc.Get("RenderingInfo").(Object); ok {
		texts("RenderingInfo", events.RenderingNames[:], attrs(o, "Culture"))
	}
	for _, o := range others {
		b.WriteString(o.(Object).Get("Xml").(string))
	}
	b.WriteString("</Event>")
	return b.String()
}

func rebuildSystem(b *strings.Builder, o Object) {
	b.WriteString("<System>")
	for _, part := range []struct {
		name  string
		attrs []string
	}{{"Provider", []string{"Name", "Guid", "EventSourceName"}}, {"Correlation", []string{"ActivityID", "RelatedActivityID"}}, {"Execution", events.ExecutionNames[:]}} {
		if p, ok := o.Get(part.name).(Object); ok {
			b.WriteString("<" + part.name + attrs(p, part.attrs...) + "/>")
		}
	}
	qualifiers := ""
	if q := text(o, "EventIDQualifiers"); q != nil {
		qualifiers = " Qualifiers='" + escape(*q) + "'"
	}
	leaf(b, o, "EventID", qualifiers)
	for _, name := range []string{"Version", "Level", "Task", "Opcode", "Keywords", "EventRecordID", "Channel", "Computer", "Container"} {
		leaf(b, o, name, "")
	}
	b.WriteString("<TimeCreated")
	if t := text(o, "TimeCreated"); t != nil {
		b.WriteString(" SystemTime='" + escape(*t) + "'")
	}
	b.WriteString(attrs(o, "RawTime") + "/><Security" + attrs(o, "UserID") + "/></System>")
}

func rebuildEventData(b *strings.Builder, doc, fields Object) {
	b.WriteString("<EventData")
	if name := text(doc, "EventDataName"); name != nil {
		b.WriteString(" Name='" + escape(*name) + "'")
	}
	b.WriteString(">")
	list, whole := doc.Get("EventDataList").([]any)
	for _, f := range list {
		item := f.(Object)
		element, ok := item.Get("e").(string)
		if !ok {
			element = "Data"
		}
		b.WriteString("<" + element)
		if n := text(item, "n"); n != nil {
			b.WriteString(" Name='" + escape(*n) + "'")
		}
		if t := text(item, "t"); t != nil {
			b.WriteString(" Type='" + escape(*t) + "'")
		}
		b.WriteString(">" + escape(item.Get("v").(string)) + "</" + element + ">")
	}
	for _, m := range fields {
		if !whole {
			b.WriteString("<Data Name='" + escape(m.Name) + "'>" + escape(m.Value.(string)) + "</Data>")
		}
	}
	b.WriteString("</EventData>")
}

// text is a member that is a text or a number, which may be kept as text.
func text(o Object, name string) *string {
	switch v := o.Get(name).(type) {
	case string:
		return &v
	case json.Number:
		s := v.String()
		return &s
	}
	if s, ok := o.Get(name + "Text").(string); ok {
		return &s
	}
	return nil
}

func leaf(b *strings.Builder, o Object, name, attributes string) {
	if t := text(o, name); t != nil {
		b.WriteString("<" + name + attributes + ">" + escape(*t) + "</" + name + ">")
	}
}

func attrs(o Object, list ...string) (s string) {
	for _, name := range list {
		if t := text(o, name); t != nil {
			s += " " + name + "='" + escape(*t) + "'"
		}
	}
	return s
}

func escape(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		panic(err)
	}
	return b.String()
}
