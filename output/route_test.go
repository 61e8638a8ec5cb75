package output

import (
	"errors"
	"testing"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/internal/corpus"
)

// logon is an event to route.
const logon = `<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Security-Auditing'/><EventID>4624</EventID><Level>0</Level>` +
	`<TimeCreated SystemTime='2026-11-25T04:00:00.0000000Z'/><EventRecordID>21</EventRecordID><Channel>Security</Channel><Computer>pc-1.corp.example</Computer></System>` +
	`<EventData><Data Name='TargetUserName'>SYSTEM</Data><Data Name='LogonType'>5</Data><Data Name='ProcessName'>C:\Windows\System32\services.exe</Data></EventData></Event>`

func TestRoutes(t *testing.T) {
	decoded := func(xml string) *events.Record {
		var d events.Decoder
		var r events.Record
		if err := d.Decode([]byte(xml), &r); err != nil {
			t.Fatal(err)
		}
		return &r
	}
	event := decoded(logon)
	field := func(name string, m FieldMatch) When { m.Name = name; return When{Fields: []FieldMatch{m}} }
	for name, c := range map[string]struct {
		when When
		fits bool
	}{
		"everything":         {When{}, true},
		"channel":            {When{Channels: []string{"System", "security"}}, true},
		"another channel":    {When{Channels: []string{"System"}}, false},
		"provider":           {When{Providers: []string{"microsoft-windows-security-auditing"}}, true},
		"subscription":       {When{Subscriptions: []string{"LAB"}}, true},
		"no subscription":    {When{Subscriptions: []string{"other"}}, false},
		"id":                 {When{EventIDs: []Range{{1, 1}, {4624, 4624}}}, true},
		"range":              {When{EventIDs: []Range{{4600, 4700}}}, true},
		"below the range":    {When{EventIDs: []Range{{4625, 4700}}}, false},
		"level":              {When{Levels: []uint8{0}}, true},
		"another level":      {When{Levels: []uint8{1, 2}}, false},
		"equals":             {field("LogonType", FieldMatch{Equals: []string{"3", "5"}}), true},
		"in any case":        {field("TargetUserName", FieldMatch{Equals: []string{"system"}}), true},
		"the name as it is":  {field("targetusername", FieldMatch{Equals: []string{"SYSTEM"}}), false},
		"prefix":             {field("ProcessName", FieldMatch{Prefix: []string{`c:\windows\`}}), true},
		"suffix":             {field("ProcessName", FieldMatch{Suffix: []string{`\SERVICES.EXE`}}), true},
		"longer than it is":  {field("LogonType", FieldMatch{Prefix: []string{"55"}, Suffix: []string{"55"}}), false},
		"a field not there":  {field("Nobody", FieldMatch{Prefix: []string{""}}), false},
		"all fields, one no": {When{Fields: []FieldMatch{{Name: "LogonType", Equals: []string{"5"}}, {Name: "LogonType", Equals: []string{"3"}}}}, false},
		"all lists, one no":  {When{EventIDs: []Range{{4624, 4624}}, Channels: []string{"System"}}, false},
	} {
		r, err := newRouter([]Route{{Name: "r", When: c.when, Then: Then{Drop: true}}})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if fits := r.find("lab", event) != nil; fits != c.fits {
			t.Errorf("%s: fits %v", name, fits)
		}
	}
	// The first decides.
	r, err := newRouter([]Route{{Name: "no", When: When{EventIDs: []Range{{1, 5}}}, Then: Then{Drop: true}}, {Name: "first", Then: Then{Topic: "a"}}, {Name: "second", Then: Then{Drop: true}}})
	if err != nil || r.find("lab", event).Name != "first" {
		t.Errorf("not the first: %v", err)
	}
}

func TestWrongRoutes(t *testing.T) {
	for key, route := range map[string]Route{
		"name":           {Then: Then{Drop: true}},
		"then":           {Name: "r"},
		"then.format":    {Name: "r", Then: Then{Format: "yaml"}},
		"then.topic":     {Name: "r", Then: Then{Topic: "wef.{computer}"}},
		"when.event_id":  {Name: "r", Then: Then{Drop: true}, When: When{EventIDs: []Range{{5, 1}}}},
		"when.fields[0]": {Name: "r", Then: Then{Drop: true}, When: When{Fields: []FieldMatch{{Name: "Image"}}}},
	} {
		_, err := newRouter([]Route{route})
		var wrong *RouteError
		if !errors.As(err, &wrong) || wrong.Key != key || wrong.Index != 0 {
			t.Errorf("%s: %v", key, err)
		}
	}
	if _, err := newRouter([]Route{{Name: "r", Then: Then{Topic: "a"}}, {Name: "r", Then: Then{Topic: "b"}}}); err == nil {
		t.Error("two of one name")
	}
	if _, err := newRouter([]Route{{Name: "r", Then: Then{Drop: true, Topic: "a"}}}); err == nil {
		t.Error("dropped into a topic")
	}
}

// Every topic that a route can yield is known beforehand.
func TestNamesHoldRoutes(t *testing.T) {
	s := Settings{Topic: "wef.{subscription}", DefaultTopic: "wef.events", DeadTopic: "wef.dead", Topics: []string{"wef.Security"},
		Routes: []Route{{Name: "a", Then: Then{Topic: "hot.{subscription}"}}, {Name: "b", Then: Then{Topic: "wef.{channel}"}}, {Name: "c", Then: Then{Drop: true}}}}
	names, err := s.Names(map[string]string{"lab": ""})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"hot.lab", "wef.Security", "wef.dead", "wef.events", "wef.lab"}
	if len(names) != len(want) {
		t.Fatalf("got %v", names)
	}
	for i := range want {
		if names[i] != want[i] {
			t.Errorf("got %v, want %v", names, want)
		}
	}
}

// Looking for a route costs no memory, whatever is recorded.
func TestRoutingAllocatesNothing(t *testing.T) {
	router, err := newRouter([]Route{{Name: "a", When: When{Channels: []string{"nobody"}, EventIDs: []Range{{0, maxEventID}}}, Then: Then{Drop: true}},
		{Name: "b", When: When{Levels: []uint8{4}, Fields: []FieldMatch{{Name: "Image", Suffix: []string{`\nobody.exe`}}}}, Then: Then{Drop: true}}})
	if err != nil {
		t.Fatal(err)
	}
	var d events.Decoder
	var r events.Record
	for _, file := range corpus.Files(t) {
		for _, line := range corpus.Lines(t, file) {
			if d.Decode([]byte(line), &r) != nil {
				continue
			}
			if n := testing.AllocsPerRun(1, func() { router.find("lab", &r) }); n > 0 {
				t.Fatalf("%v allocations for %s", n, line)
			}
		}
	}
}

func BenchmarkRoutes(b *testing.B) {
	router, err := newRouter([]Route{{Name: "a", When: When{EventIDs: []Range{{1, 30}}, Fields: []FieldMatch{{Name: "Image", Prefix: []string{`C:\`}}}}, Then: Then{Drop: true}},
		{Name: "b", When: When{EventIDs: []Range{{4624, 4624}}, Channels: []string{"System"}}, Then: Then{Drop: true}}})
	if err != nil {
		b.Fatal(err)
	}
	var d events.Decoder
	var r events.Record
	if err := d.Decode([]byte(logon), &r); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		router.find("lab", &r)
	}
}
