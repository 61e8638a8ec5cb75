package events

// rendering reads RenderingInfo: what the source made of the event in its own language.
func (d *Decoder) rendering(r *Record) {
	for i := range d.attrs {
		d.attributeTo(i, "Culture", &r.Culture)
	}
	for d.child() {
		d.noAttributes()
		if string(d.local) == "Keywords" {
			d.keywords(r)
			continue
		}
		i := 0
		for i < len(RenderingNames) && RenderingNames[i] != string(d.local) {
			i++
		}
		if i == len(RenderingNames) || r.Rendering[i] != nil {
			d.odd = true
			d.skip()
			continue
		}
		r.Rendering[i] = d.leaf()
	}
}

func (d *Decoder) keywords(r *Record) {
	if !d.first(r, PartKeywords) {
		return
	}
	for d.child() {
		d.noAttributes()
		if string(d.local) != "Keyword" {
			d.odd = true
			d.skip()
			continue
		}
		r.Keyword = append(r.Keyword, d.leaf())
	}
}
