package output_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/output"
)

// TestSeverities: an operator's label stands in both documents, whatever raises the program's own; other events keep theirs.
func TestSeverities(t *testing.T) {
	settings := output.Settings{Severities: output.Severities{{Provider: "Microsoft-Windows-Sysmon", ID: 7}: 5, {Provider: auditing, ID: 4624}: 1}}
	for _, c := range []struct {
		event string
		want  int
	}{
		{sysmon(7, "RuleName", "T1055"), 5},
		{sysmon(5), 1},
		{other(auditing, 4624), 1},
		{other(auditing, 7), 2},
		{other("P", 4624), 2},
		{wrap + "</Event>", 2},
	} {
		var d events.Decoder
		var r events.Record
		if err := d.Decode([]byte(c.event), &r); err != nil {
			t.Fatal(err)
		}
		for format, want := range map[string]string{"json": fmt.Sprintf(`"Severity":%d}`, c.want), "ecs": fmt.Sprintf(`"severity":%d}`, 20*c.want)} {
			e, err := output.NewEncoder(format, settings)
			if err != nil {
				t.Fatal(err)
			}
			b := &events.Batch{}
			doc, err := e.Append(nil, b, &r)
			if err != nil || !strings.Contains(string(doc), want) {
				t.Errorf("%v, %s lacks %s", err, doc, want)
			}
			dst := make([]byte, 0, 1<<16)
			if n := testing.AllocsPerRun(10, func() { e.Append(dst, b, &r) }); n != 0 {
				t.Errorf("%s: %v allocations", format, n)
			}
		}
	}
}

// TestEventOriginal: the event's own text, with U+FFFD for what JSON cannot hold.
func TestEventOriginal(t *testing.T) {
	b := &events.Batch{EventOriginal: true}
	for _, c := range []struct{ event, want string }{
		{wrap + "<System><Computer>\"é\\</Computer>\r\n\t</System></Event>", wrap + "<System><Computer>\"é\\</Computer>\r\n\t</System></Event>"},
		{"<Event>\x01\xff\u2028&#5;\uFFFE</Event>", "<Event>\uFFFD\uFFFD\u2028&#5;\uFFFE</Event>"},
		{"<Event><RenderingInfo><Message>cut", "<Event><RenderingInfo><Message>cut"},
	} {
		if got := member(t, ecs(t, c.event, b), "event.original"); got != strings.ReplaceAll(quote(t, c.want), "\\u2028", "\u2028") {
			t.Errorf("%s\n%s", got, c.want)
		}
		if got := member(t, ecs(t, c.event, &events.Batch{}), "event.original"); got != "" {
			t.Errorf("not asked for: %s", got)
		}
	}
}
