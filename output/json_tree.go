package output

import (
	"bytes"

	"github.com/wefka/wefka/events"
)

// tree writes UserData as an object for easy queries: element → member, attribute → "@name", text beside either → "#text",
// siblings of one name → a list at the place of the first. Prefixes are dropped.
type tree struct {
	nodes []events.Node
	next  []int32 // the next sibling of the same name, 0: none
	again []bool  // there is an earlier sibling of the same name
	last  []int32 // scratch of link
	names names
}

// appendTree appends the object, without a comma.
func (e *JSON) appendTree(dst []byte, nodes []events.Node) []byte {
	t := &e.tree
	t.nodes = nodes
	t.next = zeroed(t.next, len(nodes))
	t.again = zeroed(t.again, len(nodes))
	dst = t.appendMembers(append(dst, '{'), 0, len(nodes), true)
	dst = appendEnd(dst, '}')
	t.nodes = nil
	return dst[:len(dst)-1]
}

func zeroed[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n)
	}
	s = s[:n]
	clear(s)
	return s
}

// appendNode appends the value of element i.
func (t *tree) appendNode(dst []byte, i int) []byte {
	n := &t.nodes[i]
	elements := false
	for c := i + 1; c < n.End; c = t.nodes[c].End {
		elements = elements || t.nodes[c].Name != nil
	}
	if !elements && len(n.Attrs) == 0 {
		return t.appendTexts(dst, i+1, n.End)
	}
	dst = append(dst, '{')
	for k, a := range n.Attrs {
		name := local(a.Name)
		if repeatedLocal(n.Attrs[:k], name) {
			continue
		}
		dst = append(dst, '"', '@')
		dst = appendInside(dst, name)
		dst = appendText(dst, `":`, a.Value)
	}
	dst = t.appendMembers(dst, i+1, n.End, elements)
	dst = appendEnd(dst, '}')
	return dst[:len(dst)-1]
}

// appendMembers appends the children from..to. Text that is only white space between elements says nothing.
func (t *tree) appendMembers(dst []byte, from, to int, elements bool) []byte {
	text := false
	for c := from; c < to; c = t.nodes[c].End {
		if n := &t.nodes[c]; n.Name == nil {
			text = text || len(n.Text) > 0 && (!elements || len(bytes.Trim(n.Text, " \t\r\n")) > 0)
		}
	}
	if text {
		dst = append(t.appendTexts(append(dst, `"#text":`...), from, to), ',')
	}
	t.link(from, to)
	for c := from; c < to; c = t.nodes[c].End {
		n := &t.nodes[c]
		if n.Name == nil || t.again[c] {
			continue
		}
		dst = append(appendString(dst, n.Name), ':')
		if t.next[c] == 0 {
			dst = append(t.appendNode(dst, c), ',')
			continue
		}
		dst = append(dst, '[')
		dst = append(t.appendNode(dst, c), ',')
		for s := t.next[c]; s != 0; s = t.next[s] {
			dst = append(t.appendNode(dst, int(s)), ',')
		}
		dst = appendEnd(dst, ']')
	}
	return dst
}

// link chains the children of one name.
func (t *tree) link(from, to int) {
	count := 0
	for c := from; c < to; c = t.nodes[c].End {
		count++
	}
	if count < 2 {
		return
	}
	t.names.reset(count)
	t.last = t.last[:0]
	for c := from; c < to; c = t.nodes[c].End {
		if t.nodes[c].Name == nil {
			continue
		}
		id, first := t.names.add(t.nodes[c].Name)
		if first {
			t.last = append(t.last, int32(c))
			continue
		}
		t.next[t.last[id]] = int32(c)
		t.last[id] = int32(c)
		t.again[c] = true
	}
}

// appendTexts appends the texts among from..to as one string.
func (t *tree) appendTexts(dst []byte, from, to int) []byte {
	dst = append(dst, '"')
	for c := from; c < to; c = t.nodes[c].End {
		dst = appendInside(dst, t.nodes[c].Text)
	}
	return append(dst, '"')
}

func local(name []byte) []byte {
	if i := bytes.IndexByte(name, ':'); i > 0 && i+1 < len(name) {
		return name[i+1:]
	}
	return name
}

func repeatedLocal(attrs []events.Attribute, name []byte) bool {
	for _, a := range attrs {
		if string(local(a.Name)) == string(name) {
			return true
		}
	}
	return false
}
