package output

import (
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/itchyny/gojq"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/internal/corpus"
)

// plainEvent is an event as encoding/xml reads it.
type plainEvent struct {
	Provider struct {
		Name string `xml:"Name,attr"`
	} `xml:"System>Provider"`
	EventID string `xml:"System>EventID"`
	Channel string `xml:"System>Channel"`
	Data    []struct {
		Name string `xml:"Name,attr"`
		Text string `xml:",chardata"`
	} `xml:"EventData>Data"`
}

func (e *plainEvent) value(name string) (string, bool) {
	for _, d := range e.Data {
		if d.Name == name {
			return d.Text, true
		}
	}
	return "", false
}

func (e *plainEvent) sysmon(ids ...string) bool {
	for _, id := range ids {
		if e.Provider.Name == "Microsoft-Windows-Sysmon" && strings.TrimSpace(e.EventID) == id {
			return true
		}
	}
	return false
}

// counts says what each report of the page must find; a report that is not here is one of documents only.
var counts = map[string]func(e *plainEvent) bool{
	"Every Sysmon event": func(e *plainEvent) bool { return e.Channel == "Microsoft-Windows-Sysmon/Operational" },
	"Processes created":  func(e *plainEvent) bool { return e.sysmon("1") },
	"Processes ended":    func(e *plainEvent) bool { return e.sysmon("5") },
	"PowerShell started by anybody": func(e *plainEvent) bool {
		image, _ := e.value("Image")
		return e.sysmon("1") && strings.HasSuffix(strings.ToLower(image), `\powershell.exe`)
	},
	"File creation times changed":                    func(e *plainEvent) bool { return e.sysmon("2") },
	"Network connections":                            func(e *plainEvent) bool { return e.sysmon("3") },
	"Sysmon started or stopped":                      func(e *plainEvent) bool { return e.sysmon("4") },
	"Drivers loaded":                                 func(e *plainEvent) bool { return e.sysmon("6") },
	"Modules loaded":                                 func(e *plainEvent) bool { return e.sysmon("7") },
	"Threads, access and tampering across processes": func(e *plainEvent) bool { return e.sysmon("8", "10", "25") },
	"Raw access to disks":                            func(e *plainEvent) bool { return e.sysmon("9") },
	"Files created or overwritten":                   func(e *plainEvent) bool { return e.sysmon("11", "29") },
	"Streams created (mark of the web)":              func(e *plainEvent) bool { return e.sysmon("15") },
	"Files deleted, archived or blocked":             func(e *plainEvent) bool { return e.sysmon("23", "26", "27", "28") },
	"Named pipes":                                    func(e *plainEvent) bool { return e.sysmon("17", "18") },
	"Registry changes":                               func(e *plainEvent) bool { return e.sysmon("12", "13", "14") },
	"WMI filters, consumers, bindings":               func(e *plainEvent) bool { return e.sysmon("19", "20", "21") },
	"DNS queries":                                    func(e *plainEvent) bool { return e.sysmon("22") },
	"DNS queries that failed": func(e *plainEvent) bool {
		status, _ := e.value("QueryStatus")
		return e.sysmon("22") && status != "0"
	},
	"Started from a temporary folder or the recycle bin": func(e *plainEvent) bool {
		image, _ := e.value("Image")
		image = strings.ToLower(image)
		return e.sysmon("1") && (strings.Contains(image, `\temp\`) || strings.Contains(image, `\tmp\`) || strings.Contains(image, `\$recycle.bin\`))
	},
	"With a technique of MITRE ATT&CK in the rule's name": func(e *plainEvent) bool {
		rule, _ := e.value("RuleName")
		return e.Provider.Name == "Microsoft-Windows-Sysmon" && regexp.MustCompile(`(^|[=,])T[0-9]{4}`).MatchString(rule)
	},
	"Clipboard changes":                     func(e *plainEvent) bool { return e.sysmon("24") },
	"Sysmon's configuration, with its hash": func(e *plainEvent) bool { return e.sysmon("16") },
	"Sysmon's own errors":                   func(e *plainEvent) bool { return e.sysmon("255") },
}

// TestReports runs every line of docs/reports.md over recorded events: jq on one shape, KQL on the other, and both must find what a
// plain reader of the XML does.
func TestReports(t *testing.T) {
	page, err := os.ReadFile("../docs/reports.md")
	if err != nil {
		t.Fatal(err)
	}
	type report struct {
		name                  string
		jq                    *gojq.Code
		kql                   kql
		byJQ, byKQL, expected int
		inSample              int // as the page says
	}
	var reports []*report
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.ReplaceAll(strings.TrimSpace(line), `\|`, "\x00"), "|")
		if len(cells) != 6 || !strings.HasPrefix(strings.TrimSpace(cells[2]), "`") {
			continue
		}
		cell := func(i int) string {
			return strings.ReplaceAll(strings.Trim(strings.TrimSpace(cells[i]), "`"), "\x00", "|")
		}
		query, err := gojq.Parse("select(" + cell(2) + ")")
		if err != nil {
			t.Fatalf("%s: %v", cell(1), err)
		}
		r := &report{name: cell(1), kql: parseKQL(t, cell(3))}
		if r.jq, err = gojq.Compile(query); err != nil {
			t.Fatal(err)
		}
		if r.inSample, err = strconv.Atoi(cell(4)); err != nil && cell(4) != "–" {
			t.Fatal(err)
		}
		reports = append(reports, r)
	}
	if len(reports) < len(counts) {
		t.Fatalf("only %d reports were read", len(reports))
	}
	asJSON, asECS := &JSON{}, &ECS{}
	batch := &events.Batch{Source: "pc-1", Subscription: "s", Received: time.Date(2026, 11, 25, 0, 0, 0, 0, time.UTC)}
	var d events.Decoder
	var rec events.Record
	n := 0
	run := func(files ...string) {
		t.Helper()
		n = 0
		for _, r := range reports {
			r.byJQ, r.byKQL, r.expected = 0, 0, 0
		}
		for _, file := range files {
			for _, line := range corpus.Lines(t, file) {
				var plain plainEvent
				if d.Decode([]byte(line), &rec) != nil || xml.Unmarshal([]byte(line), &plain) != nil {
					continue
				}
				n++
				if rec.Identity = verified; n%3 == 0 {
					rec.Identity = mismatch
				}
				var shapes [2]any
				for i, encoder := range []Encoder{asJSON, asECS} {
					text, err := encoder.Append(nil, batch, &rec)
					if err == nil {
						err = json.Unmarshal(text, &shapes[i])
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				for _, r := range reports {
					if found, ok := r.jq.Run(shapes[0]).Next(); ok {
						if err, bad := found.(error); bad {
							t.Fatalf("%s: %v", r.name, err)
						}
						r.byJQ++
					}
					if r.kql(shapes[1]) {
						r.byKQL++
					}
					if count := counts[r.name]; count != nil && count(&plain) {
						r.expected++
					}
				}
			}
		}
		for _, r := range reports {
			if counts[r.name] == nil {
				r.expected = r.byJQ
			}
			if r.byJQ != r.expected || r.byKQL != r.expected {
				t.Errorf("%s: jq finds %d, KQL %d, in the XML there are %d", r.name, r.byJQ, r.byKQL, r.expected)
			}
			t.Logf("%5d of %d: %s", r.expected, n, r.name)
		}
	}
	run(filepath.Join(corpus.Root(t), "simulator", "sample.xmll"))
	for _, r := range reports {
		if r.expected != r.inSample && !strings.HasPrefix(r.name, "Sent by another") { // which is the test's own doing
			t.Errorf("%s: the page says %d of the sample, it is %d", r.name, r.inSample, r.expected)
		}
	}
	if files := corpus.Find(t); files != nil {
		run(files...)
	}
}

// kql is a query, as much of the language as the page uses: field: value, lists with or, ranges, and, not, *.
type kql func(doc any) bool

func parseKQL(t *testing.T, text string) kql {
	t.Helper()
	var all []kql
	for _, clause := range strings.Split(text, " and ") {
		clause, negated := strings.CutPrefix(clause, "not ")
		one := clauseKQL(t, clause)
		all = append(all, func(doc any) bool { return one(doc) != negated })
	}
	return func(doc any) bool {
		for _, one := range all {
			if !one(doc) {
				return false
			}
		}
		return true
	}
}

func clauseKQL(t *testing.T, clause string) kql {
	t.Helper()
	if field, limit, ok := strings.Cut(clause, " >= "); ok {
		least, err := strconv.ParseFloat(limit, 64)
		if err != nil {
			t.Fatal(err)
		}
		return func(doc any) bool { n, ok := lookUp(doc, field).(float64); return ok && n >= least }
	}
	field, value, ok := strings.Cut(clause, ": ")
	if !ok {
		t.Fatalf("KQL %q", clause)
	}
	var wanted []string
	for _, v := range strings.Split(strings.Trim(value, "()"), " or ") {
		wanted = append(wanted, strings.Trim(v, `"`))
	}
	return func(doc any) bool {
		var values []any
		switch v := lookUp(doc, field).(type) {
		case nil:
		case []any:
			values = v
		default:
			values = []any{v}
		}
		for _, v := range values {
			text, _ := v.(string)
			for _, w := range wanted {
				if like(strings.ToLower(text), strings.ToLower(w)) {
					return true
				}
			}
		}
		return false
	}
}

// like compares with a pattern in which * is any text and a backslash takes the next character as it is.
func like(text, pattern string) bool {
	parts := strings.Split(strings.ReplaceAll(pattern, `\\`, `\`), "*")
	if len(parts) == 1 {
		return text == parts[0]
	}
	if !strings.HasPrefix(text, parts[0]) {
		return false
	}
	text = text[len(parts[0]):]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(text, part)
		if i < 0 {
			return false
		}
		text = text[i+len(part):]
	}
	return strings.HasSuffix(text, parts[len(parts)-1])
}

func lookUp(doc any, field string) any {
	for _, name := range strings.Split(field, ".") {
		object, ok := doc.(map[string]any)
		if !ok {
			return nil
		}
		doc = object[name]
	}
	return doc
}
