package events

// userData reads UserData, once as it was sent and once as a tree.
func (d *Decoder) userData(r *Record) {
	from := d.pos
	if d.empty {
		d.close()
		r.UserData = d.text[from:from:from]
		return
	}
	for depth := len(d.open); ; {
		i := d.pos
		switch d.next() {
		case noToken:
			return
		case startToken:
			d.open[len(d.open)-1].node = len(r.UserDataTree)
			r.UserDataTree = append(r.UserDataTree, Node{Name: d.local, Attrs: d.keptAttributes(), End: len(r.UserDataTree) + 1})
			if d.empty {
				d.close()
			}
		case endToken:
			if len(d.open) < depth {
				r.UserData = d.text[from:i:i]
				return
			}
			closed := d.open[:len(d.open)+1][len(d.open)]
			r.UserDataTree[closed.node].End = len(r.UserDataTree)
		case textToken:
			text := d.text[i:d.pos:d.pos]
			if !d.plain(i, d.pos) {
				text = d.decoded(i, d.pos)
			}
			r.UserDataTree = append(r.UserDataTree, Node{Text: text, End: len(r.UserDataTree) + 1})
		case cdataToken:
			at := d.claim()
			d.scratch = d.appendRaw(d.scratch, i+len("<![CDATA["), d.pos-len("]]>"))
			text := d.scratch[at:len(d.scratch):len(d.scratch)]
			r.UserDataTree = append(r.UserDataTree, Node{Text: text, End: len(r.UserDataTree) + 1})
		}
	}
}

// keptAttributes copies the attributes of the last start tag, namespace declarations left out.
func (d *Decoder) keptAttributes() []Attribute {
	from := len(d.treeAttrs)
	for _, a := range d.attrs {
		if s := string(a.Name); s != "xmlns" && (len(s) < 6 || s[:6] != "xmlns:") {
			d.treeAttrs = append(d.treeAttrs, a)
		}
	}
	return d.treeAttrs[from:len(d.treeAttrs):len(d.treeAttrs)]
}
