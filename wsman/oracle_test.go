package wsman

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/beevik/etree"
	"github.com/google/go-cmp/cmp"
)

// found is what the oracle reads. Elements are in canonical form.
type found struct {
	Header
	bookmark       string
	items, notices []entry
}

type entry struct {
	text     string
	elements bool
}

// oracle reads what scan reads, with etree. ok is false where etree does not accept the text, or where it accepts what is no document.
func oracle(text string) (m *found, ok bool) {
	doc := etree.NewDocument()
	doc.ReadSettings.PreserveDuplicateAttrs = true
	doc.ReadSettings.PreserveCData = true
	if doc.ReadFromString(text) != nil {
		return nil, false
	}
	roots := 0
	for _, c := range doc.Child {
		switch c := c.(type) {
		case *etree.Element:
			roots++
		case *etree.CharData:
			if strings.Trim(c.Data, " \t\r\n") != "" || c.IsCData() {
				return nil, false
			}
		}
	}
	root := doc.Root()
	if roots != 1 || root.Tag != "Envelope" || uri(root, root.Space) != nsSOAP || hasDirective(&doc.Element) || strings.Contains(text, "<!") && strings.Contains(text, "<!D") {
		return nil, false
	}
	m = &found{}
	for _, part := range root.ChildElements() {
		for _, e := range part.ChildElements() {
			switch {
			case uri(part, part.Space) != nsSOAP:
			case part.Tag == "Header":
				m.header(e)
			case part.Tag == "Body" && e.Tag == "Events" && uri(e, e.Space) == nsWSMan:
				for _, entry := range e.ChildElements() {
					if entry.Tag == "Event" && uri(entry, entry.Space) == nsWSMan {
						m.event(entry)
					}
				}
			}
		}
	}
	return m, true
}

func hasDirective(e *etree.Element) bool {
	for _, c := range e.Child {
		switch c := c.(type) {
		case *etree.Directive:
			return true
		case *etree.Element:
			if hasDirective(c) {
				return true
			}
		}
	}
	return false
}

// uri resolves a prefix as XML does; of attributes that come twice the last counts.
func uri(e *etree.Element, prefix string) string {
	for ; e != nil; e = e.Parent() {
		for i := len(e.Attr) - 1; i >= 0; i-- {
			a := e.Attr[i]
			if a.Space == "xmlns" && a.Key == prefix || a.Space == "" && a.Key == "xmlns" && prefix == "" {
				return a.Value
			}
		}
	}
	return ""
}

func words(e *etree.Element) string {
	var b strings.Builder
	for _, c := range e.Child {
		if d, ok := c.(*etree.CharData); ok {
			b.WriteString(d.Data)
		}
	}
	return strings.Trim(b.String(), " \t\r\n")
}

func (m *found) header(e *etree.Element) {
	h := &m.Header
	set := func(to *string) {
		if *to == "" {
			*to = words(e)
		}
	}
	switch uri(e, e.Space) + " " + e.Tag {
	case nsAddressing + " Action":
		set(&h.Action)
	case nsAddressing + " MessageID":
		set(&h.MessageID)
	case nsAddressing + " To":
		set(&h.To)
	case nsAddressing + " ReplyTo":
		for _, c := range e.ChildElements() {
			if c.Tag == "Address" && uri(c, c.Space) == nsAddressing && h.ReplyTo == "" {
				h.ReplyTo = words(c)
			}
		}
	case nsMachineID + " MachineID":
		set(&h.MachineID)
	case nsMSWSMan + " SessionId":
		set(&h.SessionID)
	case nsMSWSMan + " OperationID":
		set(&h.OperationID)
	case nsEventing + " Identifier":
		set(&h.Identifier)
	case nsWefka + " Revision":
		set(&h.Revision)
	case nsWSMan + " Bookmark":
		if m.bookmark == "" {
			m.bookmark = canonical(e)
		}
	}
}

func (m *found) event(e *etree.Element) {
	action := actionEvent
	for _, a := range e.Attr {
		if a.Space == "" && a.Key == "Action" {
			action = strings.Trim(a.Value, " \t\r\n")
		}
	}
	item := entry{text: words(e)}
	if len(e.ChildElements()) > 0 {
		item = entry{canonical(e), true}
	}
	switch action {
	case actionEvent:
		m.items = append(m.items, item)
	case actionDroppedEvents:
		m.notices = append(m.notices, item)
	}
}

// canonical writes the content of e so that two ways to write the same come out the same: names with their namespaces, no prefixes.
func canonical(e *etree.Element) string {
	var b strings.Builder
	var walk func(e *etree.Element)
	walk = func(e *etree.Element) {
		for _, c := range e.Child {
			switch c := c.(type) {
			case *etree.CharData:
				b.WriteString(c.Data)
			case *etree.Element:
				fmt.Fprintf(&b, "<{%s}%s", uri(c, c.Space), c.Tag)
				for _, a := range c.Attr {
					if a.Space != "xmlns" && (a.Space != "" || a.Key != "xmlns") {
						space := ""
						if a.Space != "" {
							space = uri(c, a.Space)
						}
						fmt.Fprintf(&b, " {%s}%s=%s;", space, a.Key, a.Value)
					}
				}
				b.WriteString(">")
				walk(c)
				b.WriteString("</>")
			}
		}
	}
	walk(e)
	return strings.Trim(b.String(), " \t\r\n")
}

// compareWithOracle fails when etree accepts text and scan does not find the same in it.
func compareWithOracle(t *testing.T, text string) {
	t.Helper()
	want, ok := oracle(text)
	if !ok {
		return
	}
	got, err := scanString(text)
	if errors.Is(err, errDepth) || errors.Is(err, errCrowded) {
		return
	}
	if err != nil {
		t.Fatalf("etree accepts what scan does not: %v\n%q", err, text)
	}
	seen := found{Header: got.Header, bookmark: string(got.Bookmark)}
	if seen.bookmark != "" {
		if seen.bookmark = reread(t, seen.bookmark); seen.bookmark == "" {
			want.bookmark = "" // only a comment or an empty CDATA section: the first, all the same
		}
	}
	list := func(items [][]byte, like []entry) (out []entry) {
		for i, item := range items {
			e := entry{text: string(item)}
			if i < len(like) && like[i].elements {
				e = entry{reread(t, e.text), true}
			}
			out = append(out, e)
		}
		return out
	}
	seen.items, seen.notices = list(got.Items, want.items), list(got.Notices, want.notices)
	if diff := cmp.Diff(want.lines(), seen.lines()); diff != "" {
		t.Fatalf("etree (-) and scan (+) differ on %q:\n%s", text, diff)
	}
}

// lines is what is compared. encoding/xml turns line ends into LF, the scanner keeps bytes: none count.
func (m *found) lines() (out []string) {
	clean := func(s string) string { return strings.Trim(strings.NewReplacer("\r", "", "\n", "").Replace(s), " \t") }
	h := m.Header
	for _, s := range []string{h.Action, h.MessageID, h.To, h.ReplyTo, h.MachineID, h.SessionID, h.OperationID, h.Identifier, h.Revision, m.bookmark} {
		out = append(out, clean(s))
	}
	for _, e := range m.items {
		out = append(out, "item "+clean(e.text))
	}
	for _, e := range m.notices {
		out = append(out, "notice "+clean(e.text))
	}
	return out
}

// reread reads a fragment that must stand alone.
func reread(t *testing.T, fragment string) string {
	t.Helper()
	doc := etree.NewDocument()
	doc.ReadSettings.PreserveDuplicateAttrs = true
	if err := doc.ReadFromString("<x>" + fragment + "</x>"); err != nil {
		t.Fatalf("a fragment does not stand alone: %v\n%q", err, fragment)
	}
	return canonical(doc.Root())
}
