package events_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/internal/infoset"
)

// element is a tree as encoding/xml reads it. Names keep their prefix.
type element struct {
	name, text string // text is set when it is a text
	attrs      [][2]string
	children   []*element
}

// readXML is the oracle: a document that encoding/xml accepts to its end, with one root and nothing around it.
func readXML(text string) (*element, error) {
	checker := xml.NewDecoder(strings.NewReader(text))
	for depth, roots := 0, 0; ; {
		t, err := checker.Token()
		if err == io.EOF && roots == 1 {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("encoding/xml: %w", err)
		}
		switch t := t.(type) {
		case xml.StartElement:
			if depth == 0 {
				roots++
			}
			depth++
			if roots > 1 {
				return nil, errors.New("a second root")
			}
		case xml.EndElement:
			depth--
		case xml.CharData:
			if depth == 0 && strings.Trim(string(t), " \t\r\n") != "" {
				return nil, errors.New("text outside the root")
			}
		}
	}
	top := &element{}
	stack := []*element{top}
	raw := xml.NewDecoder(strings.NewReader(text))
	for {
		t, err := raw.RawToken()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
		here := stack[len(stack)-1]
		switch t := t.(type) {
		case xml.StartElement:
			e := &element{name: full(t.Name)}
			for _, a := range t.Attr {
				e.attrs = append(e.attrs, [2]string{full(a.Name), blanks.Replace(a.Value)})
			}
			here.children = append(here.children, e)
			stack = append(stack, e)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			if len(stack) > 1 {
				here.children = append(here.children, &element{text: string(t)})
			}
		case xml.Directive:
			return nil, errDirective
		}
	}
	for _, e := range top.children {
		if e.name != "" {
			return e, nil
		}
	}
	return nil, errors.New("no root")
}

var errDirective = errors.New("a directive")

// blanks does to attributes what XML 1.0 3.3.3 asks and encoding/xml leaves undone.
var blanks = strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")

func full(n xml.Name) string {
	if n.Space == "" {
		return n.Local
	}
	return n.Space + ":" + n.Local
}

func (e *element) local() string {
	if space, local, ok := strings.Cut(e.name, ":"); ok && space != "" && local != "" {
		return local
	}
	return e.name
}

// all is the text of e and everything in it.
func (e *element) all() string {
	s := e.text
	for _, c := range e.children {
		s += c.all()
	}
	return s
}

func (e *element) first(name string) *element {
	for _, c := range e.children {
		if c.name != "" && c.local() == name {
			return c
		}
	}
	return nil
}

func (e *element) attr(name string) (string, bool) {
	for _, a := range e.attrs {
		if a[0] == name {
			return a[1], true
		}
	}
	return "", false
}

// lines is a record, or what should be one, as text.
type lines []string

func (l *lines) text(name, value string, ok bool) {
	if strings.Contains(name, "@") {
		value = blanks.Replace(value)
	}
	if ok {
		*l = append(*l, fmt.Sprintf("%s=%q", name, value))
	}
}

func (l *lines) attr(e *element, name string) {
	v, ok := e.attr(name)
	l.text(e.local()+"@"+name, v, ok)
}

// want says what the record of a document must hold.
func want(root *element) (l lines) {
	if s := root.first("System"); s != nil {
		l.text("System", "", true)
		for _, name := range []string{"EventID", "Version", "Level", "Task", "Opcode", "Keywords", "EventRecordID", "Channel", "Computer", "Container"} {
			l.child(s, name)
		}
		for _, part := range []struct {
			name  string
			attrs []string
		}{{"EventID", []string{"Qualifiers"}}, {"Provider", []string{"Name", "Guid", "EventSourceName"}}, {"TimeCreated", []string{"SystemTime", "RawTime"}},
			{"Correlation", []string{"ActivityID", "RelatedActivityID"}}, {"Security", []string{"UserID"}}, {"Execution", events.ExecutionNames[:]}} {
			if e := s.first(part.name); e != nil {
				for _, name := range part.attrs {
					l.attr(e, name)
				}
			}
		}
	}
	if e := root.first("EventData"); e != nil {
		l.text("EventData", "", true)
		l.attr(e, "Name")
		for _, c := range e.children {
			if c.name == "" {
				continue
			}
			l.text("field", c.local(), true)
			l.attr(c, "Name")
			l.attr(c, "Type")
			l.text("value", c.all(), true)
		}
	}
	l.texts(root.first("ProcessingErrorData"), events.ProcessingErrorNames[:])
	l.texts(root.first("DebugData"), events.DebugNames[:])
	l.child(root, "BinaryEventData")
	if e := root.first("RenderingInfo"); e != nil {
		l.texts(e, events.RenderingNames[:])
		l.attr(e, "Culture")
		if k := e.first("Keywords"); k != nil {
			l.text("Keywords", "", true)
			for _, c := range k.children {
				if c.name != "" && c.local() == "Keyword" {
					l.text("Keyword", c.all(), true)
				}
			}
		}
	}
	if e := root.first("UserData"); e != nil {
		l.text("UserData", "", true)
		l.tree(e)
	}
	return l
}

func (l *lines) child(e *element, name string) {
	if c := e.first(name); c != nil {
		l.text(name, c.all(), true)
	}
}

func (l *lines) texts(e *element, names []string) {
	if e != nil {
		l.text(e.local(), "", true)
		for _, name := range names {
			l.child(e, name)
		}
	}
}

func (l *lines) tree(e *element) {
	for _, c := range e.children {
		if c.name == "" {
			l.piece(c.text)
			continue
		}
		l.text("tree", c.local(), true)
		for _, a := range c.attrs {
			if a[0] != "xmlns" && !strings.HasPrefix(a[0], "xmlns:") {
				l.text("tree@"+a[0], a[1], true)
			}
		}
		l.tree(c)
		l.text("tree end", c.local(), true)
	}
}

// got says what the record holds, in the same words.
func got(r *events.Record) (l lines) {
	add := func(name string, value []byte) { l.text(name, string(value), value != nil) }
	has := func(p events.Part, name string) { l.text(name, "", r.Has(p)) }
	array := func(prefix string, names []string, values [][]byte) {
		for i, v := range values {
			add(prefix+names[i], v)
		}
	}
	has(events.PartSystem, "System")
	for _, p := range []struct {
		name  string
		value []byte
	}{{"EventID", r.EventID}, {"Version", r.Version}, {"Level", r.Level}, {"Task", r.Task}, {"Opcode", r.Opcode}, {"Keywords", r.Keywords},
		{"EventRecordID", r.EventRecordID}, {"Channel", r.Channel}, {"Computer", r.Computer}, {"Container", r.Container}, {"EventID@Qualifiers", r.Qualifiers},
		{"Provider@Name", r.Provider}, {"Provider@Guid", r.ProviderGUID}, {"Provider@EventSourceName", r.EventSourceName}, {"TimeCreated@SystemTime", r.TimeCreated},
		{"TimeCreated@RawTime", r.RawTime}, {"Correlation@ActivityID", r.ActivityID}, {"Correlation@RelatedActivityID", r.RelatedActivityID}, {"Security@UserID", r.UserID}} {
		add(p.name, p.value)
	}
	array("Execution@", events.ExecutionNames[:], r.Execution[:])
	has(events.PartEventData, "EventData")
	add("EventData@Name", r.EventDataName)
	for _, f := range r.Fields {
		name := "Data"
		if f.Element != nil {
			name = string(f.Element)
		}
		l.text("field", name, true)
		add(name+"@Name", f.Name)
		add(name+"@Type", f.Type)
		l.text("value", string(f.Value), true)
	}
	has(events.PartProcessingErrorData, "ProcessingErrorData")
	array("", events.ProcessingErrorNames[:], r.ProcessingError[:])
	has(events.PartDebugData, "DebugData")
	array("", events.DebugNames[:], r.Debug[:])
	add("BinaryEventData", r.BinaryEventData)
	has(events.PartRenderingInfo, "RenderingInfo")
	array("", events.RenderingNames[:], r.Rendering[:])
	add("RenderingInfo@Culture", r.Culture)
	has(events.PartKeywords, "Keywords")
	for _, k := range r.Keyword {
		l.text("Keyword", string(k), true)
	}
	has(events.PartUserData, "UserData")
	l.nodes(r.UserDataTree, 0, len(r.UserDataTree))
	return l
}

// piece adds to the text before it, however it was cut.
func (l *lines) piece(text string) {
	if n := len(*l) - 1; strings.HasPrefix((*l)[n], "tree text ") {
		(*l)[n] += text
	} else if text != "" {
		*l = append(*l, "tree text "+text)
	}
}

func (l *lines) nodes(tree []events.Node, i, end int) {
	for ; i < end; i = tree[i].End {
		n := tree[i]
		if n.Name == nil {
			l.piece(string(n.Text))
			continue
		}
		l.text("tree", string(n.Name), true)
		for _, a := range n.Attrs {
			l.text("tree@"+string(a.Name), string(a.Value), true)
		}
		l.nodes(tree, i+1, n.End)
		l.text("tree end", string(n.Name), true)
	}
}

// stricter are the refusals in which the decoder goes beyond encoding/xml; TestStrictness shows them.
var stricter = regexp.MustCompile("repeated attribute|document type|too many")

func agree(t *testing.T, d *events.Decoder, text string) {
	t.Helper()
	root, err := readXML(infoset.Legalise(text))
	var r events.Record
	derr := d.Decode([]byte(text), &r)
	if err != nil || root.local() != "Event" {
		return
	}
	if derr != nil && stricter.MatchString(derr.Error()) {
		return
	}
	if derr != nil {
		t.Fatalf("encoding/xml takes it, the decoder says: %v\n%q", derr, text)
	}
	if diff := cmp.Diff(want(root), got(&r)); diff != "" {
		t.Fatalf("decoder and encoding/xml disagree (-want +got)\n%s\n%q", diff, text)
	}
}
