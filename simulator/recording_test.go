package simulator_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/wefka/wefka/internal/corpus"
	"github.com/wefka/wefka/simulator"
)

// event of an entry of an Events message.
func eventOf(t *testing.T, entry string) string {
	t.Helper()
	e, ok := strings.CutPrefix(entry, `<w:Event Action="http://schemas.dmtf.org/wbem/wsman/1/wsman/Event"><![CDATA[`)
	e, end := strings.CutSuffix(e, `]]></w:Event>`)
	if !ok || !end {
		t.Fatalf("no entry: %s", entry)
	}
	return strings.ReplaceAll(e, "]]]]><![CDATA[>", "]]>")
}

var created = time.Date(2026, 3, 5, 9, 14, 20, 551834200, time.UTC)

func cut(t *testing.T, text string) (events []string, skipped int) {
	t.Helper()
	entries, sizes, skipped, err := simulator.Cut(strings.NewReader(text), "pc-1.lab.example", 42, created)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range entries {
		if want := [2]int{len(e), len(utf16.Encode([]rune(e)))}; sizes[i] != want {
			t.Errorf("size %v, want %v: %.200s", sizes[i], want, e)
		}
		events = append(events, eventOf(t, e))
	}
	return events, skipped
}

// TestSample has every event of Sysmon's schema 4.90, in the shape that Windows writes.
func TestSample(t *testing.T) {
	ids := map[int]int{}
	shape := regexp.MustCompile(`^<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Sysmon' Guid='\{5770385f-c22a-43e0-bf4c-06f5698ffbd9\}'/>` +
		`<EventID>(\d+)</EventID><Version>\d</Version><Level>[24]</Level><Task>(\d+)</Task><Opcode>0</Opcode><Keywords>0x8000000000000000</Keywords><TimeCreated SystemTime='[-0-9]{10}T[:0-9]{8}\.\d{7}Z'/>` +
		`<EventRecordID>\d+</EventRecordID><Correlation/><Execution ProcessID='\d+' ThreadID='\d+'/><Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>[^<]+</Computer>` +
		`<Security UserID='S-1-5-18'/></System><EventData>(<Data Name='\w+'>[^<]*</Data>)+</EventData></Event>\n$`)
	for line := range strings.Lines(string(simulator.Sample)) {
		m := shape.FindStringSubmatch(line)
		if m == nil || m[1] != m[2] {
			t.Errorf("not as Windows writes: %s", line)
			continue
		}
		n, _ := strconv.Atoi(m[1])
		ids[n]++
	}
	for n := 1; n <= 29; n++ {
		if ids[n] == 0 {
			t.Errorf("no event %d", n)
		}
	}
	if ids[255] == 0 || len(ids) != 30 {
		t.Errorf("ids: %v", ids)
	}
	if _, skipped := cut(t, string(simulator.Sample)); skipped > 0 {
		t.Errorf("%d events of the sample are skipped", skipped)
	}
}

// TestCut replaces three values and nothing else, whatever the rest looks like.
func TestCut(t *testing.T) {
	const stampedSystem = `<Channel>C</Channel><TimeCreated SystemTime='2026-03-05T09:14:20.5518342Z'/><EventRecordID>42</EventRecordID><Computer>pc-1.lab.example</Computer>`
	for _, c := range []struct{ name, event, want string }{
		{"plain", `<Event><System><Channel>C</Channel><TimeCreated SystemTime='x'/><EventRecordID>1</EventRecordID><Computer>y</Computer></System></Event>`, `<Event><System>` + stampedSystem + `</System></Event>`},
		{"nine digits, double quotes", `<Event><System><Channel>C</Channel><TimeCreated RawTime="1" SystemTime="2019-01-01T00:00:00.123456789Z" /><EventRecordID>1</EventRecordID><Computer>y</Computer></System></Event>`,
			`<Event><System><Channel>C</Channel><TimeCreated RawTime="1" SystemTime="2026-03-05T09:14:20.5518342Z" /><EventRecordID>42</EventRecordID><Computer>pc-1.lab.example</Computer></System></Event>`},
		{"empty values", `<Event><System><Channel>C</Channel><EventRecordID></EventRecordID><Computer/></System></Event>`, `<Event><System><Channel>C</Channel><EventRecordID>42</EventRecordID><Computer/></System></Event>`},
		{"nothing to replace", `<Event><System><Channel>C</Channel></System><EventData><Computer>y</Computer></EventData></Event>`, `<Event><System><Channel>C</Channel></System><EventData><Computer>y</Computer></EventData></Event>`},
		{"only in System", `<Event><System><Channel>C</Channel><Computer>y</Computer></System><UserData><Computer>z</Computer><TimeCreated SystemTime='x'/></UserData></Event>`,
			`<Event><System><Channel>C</Channel><Computer>pc-1.lab.example</Computer></System><UserData><Computer>z</Computer><TimeCreated SystemTime='x'/></UserData></Event>`},
		{"truncated", `<Event><System><Channel>C</Channel><Computer>y</Computer></System><EventData><Data>` + "\x01" + `&nbsp;</Data></EventData><RenderingInfo><Message>ab`,
			`<Event><System><Channel>C</Channel><Computer>pc-1.lab.example</Computer></System><EventData><Data>` + "\x01" + `&nbsp;</Data></EventData><RenderingInfo><Message>ab`},
		{"end of CDATA", `<Event><System><Channel>C</Channel><Computer>y</Computer></System><EventData><![CDATA[a]]><Data>🧪 &#13;&#10;</Data></EventData></Event>`,
			`<Event><System><Channel>C</Channel><Computer>pc-1.lab.example</Computer></System><EventData><![CDATA[a]]><Data>🧪 &#13;&#10;</Data></EventData></Event>`},
	} {
		t.Run(c.name, func(t *testing.T) {
			events, skipped := cut(t, "\r\n"+c.event+"\r\n\n")
			if d := cmp.Diff([]string{c.want}, events); d != "" || skipped > 0 {
				t.Error(d, skipped)
			}
		})
	}
	for _, line := range []string{"x", "<Event/>", "<Event><System></System></Event>", "<Other><System><Channel>C</Channel></System></Other>", "<Event><Data/><System><Channel>C</Channel></System></Event>", "<Event><System><Channel>C</Channel>"} {
		if events, skipped := cut(t, line); len(events) > 0 || skipped != 1 {
			t.Errorf("%s: %v", line, events)
		}
	}
}

// TestCorpusFiles are read plain and compressed.
func TestCorpusFiles(t *testing.T) {
	dir := t.TempDir()
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	z.Write([]byte("<Event><System><EventID>2</EventID><Channel>A</Channel></System></Event>\n\n<Event><System><EventID>3</EventID><Channel>B</Channel></System></Event>"))
	z.Close()
	files := map[string][]byte{"a.xmll": []byte("<Event><System><EventID>1</EventID><Channel>a</Channel></System></Event>\n"), "b": packed.Bytes()}
	var names []string
	for _, name := range []string{"a.xmll", "b"} {
		names = append(names, filepath.Join(dir, name))
		if err := os.WriteFile(names[len(names)-1], files[name], 0o600); err != nil {
			t.Fatal(err)
		}
	}
	bubble(t, func(t *testing.T, start func(...offered) *collector) {
		c := start(offered{bookmark: "earliest", query: `<QueryList><Query Id="0"><Select Path="A">*</Select></Query></QueryList>`})
		f := c.fleet()
		f.Events, f.Corpus = 4, names
		run(t, f)
		seen := map[string]int{}
		for _, e := range c.seen("Events")[0].events {
			seen[e]++
		}
		if d := cmp.Diff(map[string]int{"<Event><System><EventID>1</EventID><Channel>a</Channel></System></Event>": 2, "<Event><System><EventID>2</EventID><Channel>A</Channel></System></Event>": 2}, seen); d != "" {
			t.Error(d)
		}
	})
}

// TestSharedCorpus: of real events everything but the three values stays as it is.
func TestSharedCorpus(t *testing.T) {
	total := 0
	for _, name := range corpus.Files(t) {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		entries, sizes, skipped, err := simulator.Cut(f, "x", 1, created)
		f.Close()
		if err != nil {
			t.Fatal(name, err)
		}
		t.Logf("%s: %d events, %d skipped", filepath.Base(name), len(entries), skipped)
		if total += len(entries); skipped > 5 {
			t.Errorf("%s: %d of %d events skipped", name, skipped, skipped+len(entries))
		}
		for i, e := range entries {
			if want := [2]int{len(e), len(utf16.Encode([]rune(e)))}; sizes[i] != want {
				t.Fatalf("size %v, want %v: %.200s", sizes[i], want, e)
			}
			if event := eventOf(t, e); strings.Count(event, "<Computer>x</Computer>") != 1 && strings.Contains(event, "<Computer>") {
				t.Fatalf("not stamped: %s", event)
			}
		}
	}
	if total < 5000 {
		t.Errorf("only %d events", total)
	}
}
