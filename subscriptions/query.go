package subscriptions

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/beevik/etree"
)

const (
	maxChannels = 256 // Windows refuses a query with more
	maxTerms    = 22  // of one XPath; from about here on Windows calls the query invalid
)

// flaw is something about a query, in a line of it.
type flaw struct {
	line int // from 1; 0 = not known
	text string
}

// query is a QueryList under examination.
type query struct {
	text     string
	element  int // number of the element at hand, in document order
	channels map[string]bool
	wholes   map[string]bool // channels of which everything is taken
	parts    map[string]bool // and those of which something is suppressed
	ids      map[string]bool
	selects  int
	errors   []flaw
	warnings []flaw
}

// checkQuery looks at what Windows would otherwise refuse silently, or in its own log only.
func checkQuery(text string) *query {
	q := &query{text: text, channels: map[string]bool{}, wholes: map[string]bool{}, parts: map[string]bool{}, ids: map[string]bool{}}
	doc := etree.NewDocument()
	doc.ReadSettings = etree.ReadSettings{PreserveDuplicateAttrs: true, MaxDepth: 16}
	err := wellFormed(text) // etree would not say where it is not
	if err == nil {
		err = doc.ReadFromString(text)
	}
	if err != nil {
		line := 0
		var syntax *xml.SyntaxError
		if errors.As(err, &syntax) {
			line, err = syntax.Line, errors.New(syntax.Msg)
		}
		q.errors = append(q.errors, flaw{line, "the query is no XML: " + err.Error()})
		return q
	}
	if root := q.root(doc); root != nil {
		for _, e := range root.ChildElements() {
			q.query(e)
		}
		q.whole()
	}
	return q
}

func wellFormed(text string) error {
	d := xml.NewDecoder(strings.NewReader(text))
	for {
		if _, err := d.Token(); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
	}
}

// root is the one QueryList, alone in its document: it becomes part of an envelope.
func (q *query) root(doc *etree.Document) *etree.Element {
	var root *etree.Element
	for _, t := range doc.Child {
		switch t := t.(type) {
		case *etree.ProcInst:
			q.fail(0, "no XML declaration or processing instruction is allowed in a query")
		case *etree.Directive:
			q.fail(0, "no DTD is allowed in a query")
		case *etree.CharData:
			if !t.IsWhitespace() {
				q.fail(0, "text outside of QueryList")
			}
		case *etree.Element:
			if root == nil {
				root = t
			} else {
				q.fail(0, "a second root element, %s", t.FullTag())
			}
		}
	}
	if root == nil {
		q.fail(0, "the query is empty; write a QueryList")
	} else if q.element++; root.FullTag() != "QueryList" {
		q.fail(1, "the root of a query is QueryList, not %s", root.FullTag())
		return nil
	}
	return root
}

func (q *query) query(e *etree.Element) {
	q.element++
	here := q.element
	if e.FullTag() != "Query" {
		q.fail(here, "in QueryList there is Query, not %s", e.FullTag())
		q.element += len(e.FindElements(".//*"))
		return
	}
	q.attributes(e, here, "Id", "Path")
	id := e.SelectAttrValue("Id", "")
	if _, err := strconv.ParseUint(id, 10, 32); err != nil {
		q.fail(here, "a Query needs a number as its Id")
	} else if q.ids[id] {
		q.fail(here, "two Query elements have the Id %s", id)
	}
	q.ids[id] = true
	for _, child := range e.ChildElements() {
		q.element++
		switch child.FullTag() {
		case "Select":
			q.selects++
			q.expression(child, e.SelectAttrValue("Path", ""))
		case "Suppress":
			q.expression(child, e.SelectAttrValue("Path", ""))
		default:
			q.fail(q.element, "in Query there are Select and Suppress, not %s", child.FullTag())
		}
	}
}

// expression is a Select or Suppress; path is what its Query says.
func (q *query) expression(e *etree.Element, path string) {
	here := q.element
	q.attributes(e, here, "Path")
	if own := e.SelectAttr("Path"); own != nil {
		path = own.Value
	}
	switch {
	case strings.TrimSpace(path) == "":
		q.fail(here, "%s has no Path, and neither has its Query: name a channel", e.Tag)
	case strings.ContainsAny(path, "*?"):
		q.fail(here, "Path %q: Windows knows no wildcards in channel names", path)
	case strings.HasPrefix(strings.ToLower(path), "file:"):
		q.warn(here, "Path %q is a saved log; sources forward channels", path)
	}
	channel := strings.ToLower(strings.TrimSpace(path))
	q.channels[channel] = true
	for _, child := range e.ChildElements() {
		q.element++
		q.fail(q.element, "%s holds text only, not %s", e.Tag, child.FullTag())
		q.element += len(child.FindElements(".//*"))
	}
	xpath := content(e)
	switch {
	case e.Tag == "Suppress":
		q.parts[channel] = true
	case strings.TrimSpace(xpath) == "*":
		q.wholes[channel] = true
	}
	if strings.TrimSpace(xpath) == "" {
		q.fail(here, "%s is empty; * takes every event", e.Tag)
	}
	if n := terms(xpath); n > maxTerms {
		q.warn(here, "%s has %d terms; Windows refuses an expression of more than about %d: split it into several", e.Tag, n, maxTerms)
	}
}

func (q *query) attributes(e *etree.Element, here int, known ...string) {
	seen := map[string]bool{}
	for _, a := range e.Attr {
		ok := false
		for _, k := range known {
			ok = ok || a.FullKey() == k
		}
		if !ok {
			q.fail(here, "%s has no attribute %s", e.Tag, a.FullKey())
		} else if seen[a.FullKey()] {
			q.fail(here, "%s has the attribute %s twice", e.Tag, a.FullKey())
		}
		seen[a.FullKey()] = true
	}
}

func (q *query) whole() {
	for channel := range q.parts {
		delete(q.wholes, channel)
	}
	if q.selects == 0 && len(q.errors) == 0 {
		q.fail(1, "the query selects nothing; it needs a Select")
	}
	if len(q.channels) > maxChannels {
		q.fail(1, "%d channels; Windows refuses more than %d", len(q.channels), maxChannels)
	}
}

func (q *query) fail(element int, format string, args ...any) {
	q.errors = append(q.errors, flaw{q.line(element), fmt.Sprintf(format, args...)})
}

func (q *query) warn(element int, format string, args ...any) {
	q.warnings = append(q.warnings, flaw{q.line(element), fmt.Sprintf(format, args...)})
}

// line is where an element starts, by its number; etree does not say.
func (q *query) line(element int) int {
	d := xml.NewDecoder(strings.NewReader(q.text))
	for element > 0 {
		token, err := d.RawToken()
		if err != nil {
			return 0
		}
		if _, ok := token.(xml.StartElement); ok {
			element--
			if element == 0 {
				at := d.InputOffset() // the tag's end
				return 1 + strings.Count(q.text[:strings.LastIndexByte(q.text[:at], '<')], "\n")
			}
		}
	}
	return 0
}

// content is all text of an element, between comments too.
func content(e *etree.Element) string {
	var b strings.Builder
	for _, t := range e.Child {
		if c, ok := t.(*etree.CharData); ok {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

// terms counts the comparisons in an XPath, those in quoted texts not.
func terms(xpath string) int {
	n := 0
	var quote rune
	before := ' '
	for _, r := range xpath {
		switch {
		case quote != 0:
			if r == quote {
				quote = 0
			}
		case r == '\'' || r == '"':
			quote = r
		case r == '<' || r == '>':
			n++
		case r == '=' && before != '<' && before != '>':
			n++
		}
		before = r
	}
	return n
}
