package output_test

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/internal/corpus"
	"github.com/wefka/wefka/internal/infoset"
	"github.com/wefka/wefka/output"
)

// element is an element as encoding/xml reads it, prefixes dropped; its text is that of everything in it.
type element struct {
	name, text string
	attrs      map[string]string // full names
	children   []*element
}

// readXML gives the root, or nil where encoding/xml does not take the text, or cannot say whether white space in an attribute was a reference,
// which stays, or becomes a blank (XML 1.0 3.3.3).
func readXML(text string) *element {
	if _, err := infoset.Of(text); err != nil {
		return nil
	}
	blanks := strings.NewReplacer("\t", " ", "\n", " ", "\r", " ")
	root := &element{}
	stack := []*element{root}
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		token, err := d.RawToken()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil
		}
		switch token := token.(type) {
		case xml.StartElement:
			e := &element{name: token.Name.Local, attrs: map[string]string{}}
			for _, a := range token.Attr {
				name := a.Name.Local
				if a.Name.Space != "" {
					name = a.Name.Space + ":" + name
				}
				e.attrs[name] = blanks.Replace(a.Value)
				if e.attrs[name] != a.Value && strings.Contains(text, "&#") {
					return nil
				}
			}
			here := stack[len(stack)-1]
			here.children = append(here.children, e)
			stack = append(stack, e)
		case xml.EndElement:
			stack = stack[:len(stack)-1]
		case xml.CharData:
			for _, e := range stack {
				e.text += string(token)
			}
		}
	}
	return root.children[0]
}

// child is the first one of that name; an element without anything where there is none.
func (e *element) child(name string) *element {
	for _, c := range e.children {
		if c.name == name {
			return c
		}
	}
	return &element{}
}

func (e *element) is() bool { return e.name != "" }

// oracle compares the documents of an event, in every format, with what encoding/xml sees in it.
func oracle(t *testing.T, raw string) {
	t.Helper()
	root := readXML(infoset.Legalise(raw))
	if root == nil || root.name != "Event" {
		return
	}
	var d events.Decoder
	r := new(events.Record)
	if d.Decode([]byte(raw), r) != nil {
		return // it is stricter, which is shown in its own room
	}
	plain, keep := delivery(), delivery()
	keep.KeepEventData, keep.EventOriginal = true, true
	document := func(format string, b *events.Batch) string {
		e, err := output.NewEncoder(format, output.Settings{Node: "wec-1"})
		if err != nil {
			t.Fatal(err)
		}
		doc, err := e.Append(nil, b, r)
		if err != nil {
			t.Fatalf("%s: %v\n%q", format, err, raw)
		}
		return string(doc)
	}
	if got := document("xml", plain); got != raw {
		t.Fatalf("xml: %q\nof   %q", got, raw)
	}
	o := &comparison{t: t, raw: raw, root: root}
	o.json(parsed(t, document("json", plain)))
	o.ecs(parsed(t, document("ecs", plain)), false)
	whole := parsed(t, document("ecs", keep))
	o.ecs(whole, true)
	if original, _ := at(whole, "event.original").(string); !r.Illegal && original != raw {
		o.t.Fatalf("event.original: %q\nof %q", original, raw)
	}
}

func parsed(t *testing.T, doc string) infoset.Object {
	t.Helper()
	o, err := infoset.Parse([]byte(doc))
	if err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	return o
}

// at is the value at a dotted path, nil for none.
func at(o infoset.Object, path string) any {
	var v any = o
	for _, name := range strings.Split(path, ".") {
		o, ok := v.(infoset.Object)
		if !ok {
			return nil
		}
		v = o.Get(name)
	}
	return v
}

type comparison struct {
	t    *testing.T
	raw  string
	root *element
	doc  infoset.Object
}

// equal compares a text, or a number as its text, with what must be there; ok false: nothing.
func (c *comparison) equal(path string, want string, ok bool) {
	c.t.Helper()
	got := at(c.doc, path)
	if got == nil && !ok || got != nil && ok && fmt.Sprint(got) == want {
		return
	}
	c.t.Fatalf("%s: %v, encoding/xml has %q, %v\n%q", path, got, want, ok, c.raw)
}

func (c *comparison) attr(path string, e *element, name string) {
	c.t.Helper()
	v, ok := e.attrs[name]
	c.equal(path, v, ok)
}

// number compares a number, which may have been kept as a text under another name.
func (c *comparison) number(path, want string, ok bool) {
	c.t.Helper()
	if at(c.doc, path+"Text") != nil {
		path += "Text"
	}
	c.equal(path, want, ok)
}

func (c *comparison) json(doc infoset.Object) {
	c.t.Helper()
	c.doc = doc
	system := c.root.child("System")
	for _, name := range []string{"EventID", "Version", "Level", "Task", "Opcode", "EventRecordID"} {
		e := system.child(name)
		c.number("System."+name, e.text, e.is())
	}
	for _, name := range []string{"Keywords", "Channel", "Computer"} {
		e := system.child(name)
		c.equal("System."+name, e.text, e.is())
	}
	for _, name := range []string{"Name", "Guid", "EventSourceName"} {
		c.attr("System.Provider."+name, system.child("Provider"), name)
	}
	c.attr("System.TimeCreated", system.child("TimeCreated"), "SystemTime")
	c.attr("System.UserID", system.child("Security"), "UserID")
	c.attr("System.Correlation.ActivityID", system.child("Correlation"), "ActivityID")
	qualifiers, ok := system.child("EventID").attrs["Qualifiers"]
	c.number("System.EventIDQualifiers", qualifiers, ok)
	for _, name := range events.ExecutionNames {
		v, ok := system.child("Execution").attrs[name]
		c.number("System.Execution."+name, v, ok)
	}
	rendering := c.root.child("RenderingInfo")
	for _, name := range events.RenderingNames {
		e := rendering.child(name)
		c.equal("RenderingInfo."+name, e.text, e.is())
	}
	data := c.root.child("EventData")
	if got := at(doc, "EventData") != nil; got != data.is() {
		c.t.Fatalf("EventData is there: %v\n%q", got, c.raw)
	}
	fields, _ := at(doc, "EventData").(infoset.Object)
	first := map[string]string{}
	var nameless []string
	for _, e := range data.children {
		name := e.attrs["Name"]
		switch {
		case e.name == "Data" && (name == "" || name == "Data"):
			nameless = append(nameless, e.text)
			continue
		case e.name == "Binary":
			name = "Binary"
		case name == "" || name == "Data":
			continue
		}
		if _, seen := first[name]; !seen {
			first[name] = e.text
		}
	}
	for _, m := range fields {
		if m.Name == "Data" {
			list, _ := m.Value.([]any)
			if len(list) != len(nameless) {
				c.t.Fatalf("Data: %v, want %q\n%q", list, nameless, c.raw)
			}
			for i, v := range list {
				if v != nameless[i] {
					c.t.Fatalf("Data: %v, want %q\n%q", list, nameless, c.raw)
				}
			}
			continue
		}
		if want, ok := first[m.Name]; !ok || m.Value != want {
			c.t.Fatalf("EventData.%s: %v, want %q\n%q", m.Name, m.Value, want, c.raw)
		}
		delete(first, m.Name)
	}
	if len(first) > 0 {
		c.t.Fatalf("not in EventData: %q\n%q", first, c.raw)
	}
}

func (c *comparison) ecs(doc infoset.Object, all bool) {
	c.t.Helper()
	c.doc = doc
	system := c.root.child("System")
	for path, name := range map[string]string{"event.code": "EventID", "winlog.event_id": "EventID", "winlog.record_id": "EventRecordID", "winlog.channel": "Channel",
		"winlog.computer_name": "Computer", "host.name": "Computer"} {
		e := system.child(name)
		c.equal(path, e.text, e.text != "")
	}
	provider := system.child("Provider")
	c.equal("event.provider", provider.attrs["Name"], provider.attrs["Name"] != "")
	c.equal("winlog.provider_guid", provider.attrs["Guid"], provider.attrs["Guid"] != "")
	user := system.child("Security").attrs["UserID"]
	c.equal("winlog.user.identifier", user, user != "")
	activity := system.child("Correlation").attrs["ActivityID"]
	c.equal("winlog.activity_id", activity, activity != "")
	task := c.root.child("RenderingInfo").child("Task").text
	c.equal("winlog.task", task, task != "")

	// What is in event_data is the first of its name; with keep all of them are there.
	first := map[string]string{}
	for i, e := range c.root.child("EventData").children {
		name := e.attrs["Name"]
		switch {
		case name != "":
		case e.name != "Data":
			name = e.name
		default:
			name = fmt.Sprintf("param%d", i+1)
		}
		if !all && name == "TargetProcessGuid" && provider.attrs["Name"] == "Microsoft-Windows-Sysmon" {
			if _, ok := at(doc, "winlog.event_data.TargetProcessGuid").(string); !ok {
				name = "TargetProcessGUID"
			}
		}
		if _, seen := first[name]; !seen {
			first[name] = e.text
		}
	}
	fields, _ := at(doc, "winlog.event_data").(infoset.Object)
	for _, m := range fields {
		if want, ok := first[m.Name]; !ok || m.Value != want {
			c.t.Fatalf("event_data.%s: %v, want %q, %v\n%q", m.Name, m.Value, want, ok, c.raw)
		}
		delete(first, m.Name)
	}
	if all && len(first) > 0 {
		c.t.Fatalf("not in event_data: %q\n%q", first, c.raw)
	}

	tree := c.root.child("UserData")
	if len(tree.children) == 0 {
		c.equal("winlog.user_data", "", false)
		return
	}
	c.equal("winlog.user_data.xml_name", tree.children[0].name, true)
	fields, _ = at(doc, "winlog.user_data").(infoset.Object)
	for _, m := range fields[1:] {
		e := tree.children[0].child(m.Name)
		if !e.is() || len(e.children) == 0 && m.Value != e.text {
			c.t.Fatalf("user_data.%s: %v, want %q\n%q", m.Name, m.Value, e.text, c.raw)
		}
	}
}

// odd are events of shapes that no recording has.
var odd = []string{
	"<e:Event xmlns:e='urn:e'><e:System><e:EventID> 7 </e:EventID><e:Computer>a<!-- b -->c<![CDATA[<d>]]></e:Computer></e:System><e:EventData><e:Data Name='x'>1</e:Data></e:EventData></e:Event>",
	"<?xml version='1.0'?>\n<!-- c --><Event><System>\n<Level/><Level>4</Level><EventID Qualifiers='x'>99999</EventID></System><EventData Name=\"n\"><Data/><Data Name=''/><Data Name='Data'>d</Data><Data n:Name='y'>e</Data></EventData></Event>",
	"<Event><EventData><Data Name='a\tb'>1<x>2</x>3</Data><ComplexData>c</ComplexData><Binary>00</Binary><Binary>01</Binary><Data Name='Binary'>02</Data></EventData></Event>",
	"<Event><System/><UserData>\n<a x='1'><b>1</b><b>2</b><c><d/>e</c> f </a><g/></UserData></Event>",
	"<Event><UserData><b>1</b>x<b>2</b></UserData></Event>",
	"<Event><System><Correlation ActivityID='' RelatedActivityID='{r}'/><Security UserID=''/><Execution ProcessID='-1'/></System><EventData/></Event>",
	"<Event><DebugData><SequenceNumber>1</SequenceNumber></DebugData><BinaryEventData>00</BinaryEventData><ProcessingErrorData><ErrorCode>x</ErrorCode></ProcessingErrorData></Event>",
	"<Event><RenderingInfo Culture='x'><Message>a\r\nb&#13;&#10;c</Message><Task> </Task><Keywords><Keyword/></Keywords></RenderingInfo><RenderingInfo/><EventData>text</EventData><EventData><Data Name='b'>2</Data></EventData></Event>",
}

// TestOracle: over everything there is, the documents say what encoding/xml reads in the event.
func TestOracle(t *testing.T) {
	all := everything(t)
	all["odd"] = append(append(append([]string{}, odd...), jsonSeeds...), ecsSeeds...)
	for name, lines := range all {
		for _, line := range lines {
			oracle(t, line)
		}
		t.Logf("%s: %d events", name, len(lines))
	}
}

func FuzzFormats(f *testing.F) {
	for _, s := range append(append(append(append([]string{}, odd...), jsonSeeds...), ecsSeeds...), corpus.Lines(f, "testdata/edge.xmll")...) {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) { oracle(t, raw) })
}
