package events_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wefka/wefka/events"
)

func event(provider, channel, id, record, time, data string) []byte {
	return fmt.Appendf(nil, `<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='%s'/><EventID>%s</EventID>`+
		`<TimeCreated SystemTime='%s'/><EventRecordID>%s</EventRecordID><Channel>%s</Channel><Computer>pc</Computer></System>%s</Event>`, provider, id, time, record, channel, data)
}

func TestMarks(t *testing.T) {
	at := func(s int) string { return fmt.Sprintf("2026-11-01T00:00:%02dZ", s) }
	when := func(s int) time.Time { return time.Date(2026, 11, 1, 0, 0, s, 0, time.UTC) }
	var d events.Decoder
	var r events.Record
	var m events.Marks
	for _, e := range [][]byte{
		event("P", "A", "1", "10", at(1), ""), event("P", "A", "1", "11", at(2), ""), event("P", "B", "1", "5", at(9), ""), event("P", "A", "1", "14", at(3), ""),
		event("P", "A", "1", "", at(3), ""), event("P", "A", "1", "x", at(3), ""), // no number: no mark
		event("Microsoft-Windows-Sysmon", "S", "4", "1", at(4), "<EventData><Data Name='State'>Started</Data><Data Name='Version'>15.15</Data></EventData>"),
		event("Microsoft-Windows-Sysmon", "S", "16", "2", at(4), "<EventData><Data Name='ConfigurationFileHash'>SHA256=AB</Data></EventData>"),
		event("Microsoft-Windows-Eventlog", "Security", "1102", "1", at(4), ""), event("Microsoft-Windows-Eventlog", "System", "104", "7", at(4), ""),
		event("Microsoft-Windows-Forwarding", "F", "102", "1", at(5), "<EventData><Data Name='Id'>lab</Data><Data Name='Query'>q</Data><Data Name='ErrorCode'>5004</Data></EventData>"),
		event("Microsoft-Windows-Forwarding", "F", "105", "2", at(6), "<UserData><X xmlns='u'><ErrorCode>12175</ErrorCode><ErrorMessage>no TLS</ErrorMessage></X></UserData>"),
	} {
		if err := d.Decode(e, &r); err != nil {
			t.Fatal(err)
		}
		m.Note(&r)
	}
	want := events.Marks{Newest: when(9), Clears: 2, Sysmon: events.Sysmon{Version: "15.15", Config: "SHA256=AB"},
		Channels: []events.ChannelMark{{"A", 10, 14, when(1), when(3), 1}, {"B", 5, 5, when(9), when(9), 0}, {"S", 1, 2, when(4), when(4), 0},
			{"Security", 1, 1, when(4), when(4), 0}, {"System", 7, 7, when(4), when(4), 0}, {"F", 1, 2, when(5), when(6), 0}},
		Reports: []events.Report{{Time: when(5), ID: 102, Code: "5004", Subscription: "lab"}, {Time: when(6), ID: 105, Code: "12175", Message: "no TLS"}},
	}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Error(diff)
	}
	if err := d.Decode(event("P", "A", "1", "15", at(7), ""), &r); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { m.Note(&r) }); n != 0 {
		t.Errorf("%v allocations an event", n)
	}
}
