package simulator

// ID is a wef.id: in hex it is the header of the event's record.
type ID [16]byte

// Testimony is what a host says of a batch: that its Ack was read, or that it sends events again which it has sent before.
type Testimony struct {
	Host  string // identity, lower case
	IDs   []ID   // good until the listener returns
	Again string // "": Acked; else why the request before this one got no Ack, as in Report.Errors
}

// testify tells the fleet's listener of those events of a batch that want says.
func (m *machine) testify(batch []stamp, again string, want func(*stamp) bool) {
	if m.Testify == nil {
		return
	}
	t := Testimony{Host: m.identity, Again: again}
	m.tally.mu.Lock()
	for i := range batch {
		if want(&batch[i]) {
			t.IDs = append(t.IDs, m.tally.id(m, &batch[i]))
		}
	}
	m.tally.mu.Unlock()
	if len(t.IDs) > 0 {
		m.Testify(t)
	}
}

// again tells of those events of a batch that were sent before. After a subscription was given up they may have different reasons.
func (m *machine) again(batch []stamp) {
	said := ""
	for i := range batch {
		if why := batch[i].failed; why != said && why != "" {
			m.testify(batch, why, func(s *stamp) bool { return s.failed == why })
			said = why
		}
	}
}
