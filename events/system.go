package events

// system reads the children of System. Their order does not matter; of repeated ones the first counts.
func (d *Decoder) system(r *Record) {
	for d.quickSystem(r); d.child(); d.quickSystem(r) {
		switch string(d.local) {
		case "Provider":
			d.provider(r)
		case "EventID":
			d.eventID(r)
		case "Version":
			d.systemText(&r.Version)
		case "Level":
			d.systemText(&r.Level)
		case "Task":
			d.systemText(&r.Task)
		case "Opcode":
			d.systemText(&r.Opcode)
		case "Keywords":
			d.systemText(&r.Keywords)
		case "TimeCreated":
			d.timeCreated(r)
		case "EventRecordID":
			d.systemText(&r.EventRecordID)
		case "Correlation":
			d.correlation(r)
		case "Execution":
			d.execution(r)
		case "Channel":
			d.systemText(&r.Channel)
		case "Computer":
			d.systemText(&r.Computer)
		case "Container":
			d.systemText(&r.Container)
		case "Security":
			d.security(r)
		default:
			d.odd = true
			d.skip()
		}
	}
}

func (d *Decoder) systemText(text *[]byte) {
	d.noAttributes()
	if *text != nil {
		d.odd = true
		d.skip()
		return
	}
	*text = d.leaf()
}

func (d *Decoder) eventID(r *Record) {
	if r.EventID != nil {
		d.odd = true
		d.skip()
		return
	}
	for i := range d.attrs {
		d.attributeTo(i, "Qualifiers", &r.Qualifiers)
	}
	r.EventID = d.leaf()
}

func (d *Decoder) provider(r *Record) {
	if !d.first(r, PartProvider) {
		return
	}
	for i := range d.attrs {
		switch a := &d.attrs[i]; string(a.Name) {
		case "Name":
			r.Provider = a.Value
		case "Guid":
			r.ProviderGUID = a.Value
		case "EventSourceName":
			r.EventSourceName = a.Value
		default:
			d.odd = true
		}
	}
	d.nothing()
}

func (d *Decoder) timeCreated(r *Record) {
	if !d.first(r, partTimeCreated) {
		return
	}
	for i := range d.attrs {
		switch a := &d.attrs[i]; string(a.Name) {
		case "SystemTime":
			r.TimeCreated = a.Value
		case "RawTime":
			r.RawTime = a.Value
		default:
			d.odd = true
		}
	}
	d.nothing()
}

func (d *Decoder) correlation(r *Record) {
	if !d.first(r, PartCorrelation) {
		return
	}
	for i := range d.attrs {
		switch a := &d.attrs[i]; string(a.Name) {
		case "ActivityID":
			r.ActivityID = a.Value
		case "RelatedActivityID":
			r.RelatedActivityID = a.Value
		default:
			d.odd = true
		}
	}
	d.nothing()
}

func (d *Decoder) execution(r *Record) {
	if !d.first(r, PartExecution) {
		return
	}
	for i := range d.attrs {
		a := &d.attrs[i]
		n := 0
		for n < len(ExecutionNames) && ExecutionNames[n] != string(a.Name) {
			n++
		}
		if n == len(ExecutionNames) {
			d.odd = true
			continue
		}
		r.Execution[n] = a.Value
	}
	d.nothing()
}

func (d *Decoder) security(r *Record) {
	if !d.first(r, partSecurity) {
		return
	}
	for i := range d.attrs {
		d.attributeTo(i, "UserID", &r.UserID)
	}
	d.nothing()
}

// attributeTo puts attribute i of the last start tag into its place if it has this name.
func (d *Decoder) attributeTo(i int, name string, into *[]byte) {
	if a := &d.attrs[i]; string(a.Name) == name {
		*into = a.Value
	} else {
		d.odd = true
	}
}

// first says whether p is there for the first time; otherwise it reads over it.
func (d *Decoder) first(r *Record, p Part) bool {
	if r.parts&p != 0 {
		d.odd = true
		d.skip()
		return false
	}
	r.parts |= p
	return true
}

// nothing reads the content of an element that has none.
func (d *Decoder) nothing() {
	for d.child() {
		d.odd = true
		d.skip()
	}
}
