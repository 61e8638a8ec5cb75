package events

import (
	"bytes"
	"strings"
	"time"
)

// Marks is what the events of a batch say about their host: how far each channel has come, and what the host tells of its own
// forwarding. Its strings are its own. The zero value is ready.
type Marks struct {
	Channels   []ChannelMark
	Newest     time.Time // TimeCreated of the newest event
	Mismatched int       // events of another computer, where that is looked at
	Clears     int       // events that say that a log was cleared (Microsoft-Windows-Eventlog 104 and 1102)
	Sysmon     Sysmon
	Reports    []Report
}

// ChannelMark is how far a batch brings one channel.
type ChannelMark struct {
	Channel     string
	First, Last uint64    // EventRecordID of the first and the last event
	Began       time.Time // TimeCreated of the first event
	Newest      time.Time
	Gaps        int // places where the EventRecordID jumped ahead
}

// Sysmon is what Sysmon says of itself; "" = nothing in this batch.
type Sysmon struct {
	Version string // event 4
	Config  string // event 16: hashes of the configuration's file
}

// Report is an event of Microsoft-Windows-Forwarding/Operational: what a forwarder writes about its own work.
type Report struct {
	Time         time.Time
	ID           uint32
	Code         string // Status or ErrorCode, as sent
	Subscription string // Id, as sent
	Message      string
}

const (
	maxReports = 8   // of a batch, the last ones
	maxReport  = 300 // bytes of a text
)

// Note adds one event. Most cost a comparison and a few digits.
func (m *Marks) Note(r *Record) {
	if r.Time.After(m.Newest) {
		m.Newest = r.Time
	}
	m.count(r)
	switch {
	case r.ID == 4 || r.ID == 16:
		if string(r.Provider) == "Microsoft-Windows-Sysmon" {
			m.sysmon(r)
		}
	case r.ID >= 100 && r.ID <= 111:
		switch string(r.Provider) {
		case "Microsoft-Windows-Forwarding":
			m.report(r)
		case eventlog:
			m.cleared(r)
		}
	case r.ID == 1102 && string(r.Provider) == eventlog:
		m.cleared(r)
	}
}

const eventlog = "Microsoft-Windows-Eventlog"

func (m *Marks) cleared(r *Record) {
	if r.ID == 104 || r.ID == 1102 {
		m.Clears++
	}
}

func (m *Marks) count(r *Record) {
	n, ok := recordID(r.EventRecordID)
	if !ok || len(r.Channel) == 0 {
		return
	}
	c := m.channel(r.Channel)
	switch {
	case c.First == 0:
		c.First, c.Began = n, r.Time
	case n > c.Last+1:
		c.Gaps++
	}
	c.Last = n
	if r.Time.After(c.Newest) {
		c.Newest = r.Time
	}
}

// channel finds or makes the mark; the last one first, for events of a channel come together.
func (m *Marks) channel(name []byte) *ChannelMark {
	for i := len(m.Channels) - 1; i >= 0; i-- {
		if m.Channels[i].Channel == string(name) {
			return &m.Channels[i]
		}
	}
	m.Channels = append(m.Channels, ChannelMark{Channel: clipped(name, 256)})
	return &m.Channels[len(m.Channels)-1]
}

// recordID reads an EventRecordID; 0 is none.
func recordID(text []byte) (n uint64, ok bool) {
	if len(text) == 0 || len(text) > 19 {
		return 0, false
	}
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return n, n > 0
}

func (m *Marks) sysmon(r *Record) {
	for i := range r.Fields {
		switch f := &r.Fields[i]; string(f.Name) {
		case "Version":
			if r.ID == 4 {
				m.Sysmon.Version = clipped(f.Value, 32)
			}
		case "ConfigurationFileHash":
			m.Sysmon.Config = clipped(f.Value, 256)
		}
	}
}

// report reads the data wherever they stand: in EventData or UserData, by name.
func (m *Marks) report(r *Record) {
	report := Report{Time: r.Time, ID: r.ID}
	take := func(name, value []byte) {
		switch string(name) {
		case "Id", "SubscriptionId":
			report.Subscription = clipped(value, 64)
		case "ErrorCode", "Status":
			report.Code = clipped(value, 32)
		case "ErrorMessage":
			report.Message = clipped(value, maxReport)
		}
	}
	for i := range r.Fields {
		take(r.Fields[i].Name, r.Fields[i].Value)
	}
	for i := range r.UserDataTree {
		if n := &r.UserDataTree[i]; n.Name != nil && i+1 < n.End && r.UserDataTree[i+1].Name == nil {
			take(n.Name, r.UserDataTree[i+1].Text)
		}
	}
	if len(m.Reports) == maxReports {
		m.Reports = append(m.Reports[:0], m.Reports[1:]...)
	}
	m.Reports = append(m.Reports, report)
}

// clipped copies at most n bytes.
func clipped(text []byte, n int) string {
	if len(text) > n {
		text = text[:n]
	}
	return strings.ToValidUTF8(string(bytes.TrimSpace(text)), "")
}
