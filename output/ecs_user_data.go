package output

import "bytes"

// userData maps the children of the one element in UserData by the table of EventData. All of them stay where they are.
func (e *ECS) userData() {
	top := e.top()
	if top < 0 {
		return
	}
	e.mark(winlogUserData)
	nodes := e.record.UserDataTree
	for c := top + 1; c < nodes[top].End; c = nodes[c].End {
		n := e.table.find(nodes[c].Name)
		if nodes[c].Name == nil || n < 0 || e.seen[n/64]&(1<<(n%64)) != 0 {
			continue
		}
		e.seen[n/64] |= 1 << (n % 64)
		if value := e.direct(c); len(value) > 0 {
			e.take(&e.table.fields[n], value)
		}
	}
}

// top is the first element in UserData, -1 for none.
func (e *ECS) top() int {
	nodes := e.record.UserDataTree
	for i := 0; i < len(nodes); i = nodes[i].End {
		if nodes[i].Name != nil {
			return i
		}
	}
	return -1
}

var xmlName = []byte("xml_name")

// appendUserData writes its name and the text of each child that has one. Of repeated names the first counts; what is deeper is
// left out.
func (e *ECS) appendUserData(dst []byte) []byte {
	nodes, top := e.record.UserDataTree, e.top()
	dst = appendText(dst, `"xml_name":`, nodes[top].Name)
	e.names.reset(nodes[top].End - top)
	e.names.add(xmlName)
	for c := top + 1; c < nodes[top].End; c = nodes[c].End {
		name := nodes[c].Name
		if name == nil {
			continue
		}
		if _, isNew := e.names.add(name); !isNew {
			continue
		}
		if value := e.direct(c); len(value) > 0 {
			dst = appendMember(dst, name, value)
		}
	}
	return dst
}

// direct is the text right inside element i, nil if that is nothing but white space between elements.
func (e *ECS) direct(i int) []byte {
	nodes := e.record.UserDataTree
	var value []byte
	pieces, elements := 0, false
	from := len(e.scratch)
	for c := i + 1; c < nodes[i].End; c = nodes[c].End {
		n := &nodes[c]
		switch {
		case n.Name != nil:
			elements = true
		case pieces == 0:
			value = n.Text
			pieces++
		default:
			if pieces == 1 {
				e.scratch = append(e.scratch, value...)
			}
			e.scratch = append(e.scratch, n.Text...)
			value = e.scratch[from:]
			pieces++
		}
	}
	if elements && len(bytes.TrimSpace(value)) == 0 {
		return nil
	}
	return value
}
