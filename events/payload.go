package events

// eventData reads EventData: its children in order, whatever they are called.
func (d *Decoder) eventData(r *Record) {
	for i := range d.attrs {
		d.attributeTo(i, "Name", &r.EventDataName)
	}
	for {
		for d.quickData(r) {
		}
		if !d.child() {
			return
		}
		d.field(r)
	}
}

// field reads any child of EventData.
func (d *Decoder) field(r *Record) {
	f := r.field()
	f.Name = nil
	if string(d.local) != "Data" {
		f.Element = d.local
	}
	for i := range d.attrs {
		switch a := &d.attrs[i]; string(a.Name) {
		case "Name":
			f.Name = a.Value
		case "Type":
			f.Type = a.Value
		default:
			d.odd = true
		}
	}
	f.Value = d.leaf()
}
