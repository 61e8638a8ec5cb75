package subscriptions_test

import (
	"bytes"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/wefka/wefka/subscriptions"
	"github.com/wefka/wefka/subscriptions/strict"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// folder writes files, given as name and content in turn.
func folder(t testing.TB, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for i := 0; i < len(files); i += 2 {
		must(t, os.WriteFile(filepath.Join(dir, files[i]), []byte(files[i+1]), 0o644))
	}
	return dir
}

const small = "name: %s\nid: %s\nquery: <QueryList><Query Id=\"0\"><Select Path=\"Security\">*</Select></Query></QueryList>\n"

// TestLoadErrors holds every message against its golden text: place, words, line and caret.
func TestLoadErrors(t *testing.T) {
	input, err := os.ReadFile("testdata/bad.txt")
	must(t, err)
	var channels strings.Builder
	for i := range 257 {
		fmt.Fprintf(&channels, `<Select Path="Channel-%d">*</Select>`, i)
	}
	cases := strings.Split(strings.TrimPrefix(string(input), "=== "), "\n=== ")
	if len(cases) < 20 {
		t.Fatalf("only %d cases", len(cases))
	}
	var golden bytes.Buffer
	for _, c := range cases {
		title, yaml, _ := strings.Cut(c, "\n")
		yaml = strings.ReplaceAll(yaml, "<CHANNELS/>", channels.String())
		dir := folder(t, "bad.yaml", yaml+"\n")
		_, err := subscriptions.Load(dir, nil)
		if err == nil {
			t.Errorf("%s: accepted", title)
			continue
		}
		golden.WriteString("=== " + title + "\n" + strings.ReplaceAll(err.Error(), dir+"/", "") + "\n")
	}
	compare(t, "testdata/bad.golden", golden.Bytes())
}

func compare(t *testing.T, file string, got []byte) {
	t.Helper()
	if *update {
		must(t, os.WriteFile(file, got, 0o644))
	}
	want, err := os.ReadFile(file)
	must(t, err)
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s: -want +got:\n%s", file, diff)
	}
}

func TestLoadDefaults(t *testing.T) {
	l, err := subscriptions.Load(folder(t, "a.yaml", fmt.Sprintf(small, "security", "5F1C0D1E-2f7d-4a55-9b7e-6f6d6c1f0a11")), nil)
	must(t, err)
	if len(l.Subscriptions) != 1 || len(l.Warnings) != 0 {
		t.Fatal(l)
	}
	if diff := cmp.Diff(example(), l.Subscriptions[0]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	d := l.Subscriptions[0].Delivery
	if d.Heartbeat.Duration() != time.Hour || d.MaxTime.Duration() != 30*time.Second || d.MaxEnvelopeSize != 512000 || d.Retry.Count != 5 || d.Retry.Interval.Duration() != time.Minute {
		t.Errorf("%+v", d)
	}
}

func TestLoadEveryKey(t *testing.T) {
	l, err := subscriptions.Load(folder(t, "a.yaml", `
name: sysmon
id: 5f1c0d1e-2f7d-4a55-9b7e-6f6d6c1f0a11
enabled: false
query: |
  <QueryList>
    <!-- all of it -->
    <Query Id="0" Path="Microsoft-Windows-Sysmon/Operational">
      <Select>*[System[(EventID &lt; 3)]]</Select>
      <Suppress Path="Microsoft-Windows-Sysmon/Operational">*[EventData[Data[@Name='User']='WIN$']]</Suppress>
    </Query>
  </QueryList>
targets: {names: ["*.corp.example"], except: ["dc*"], networks: [10.0.0.0/8], certificates: ["ou=Servers*"], paths: [/tier0]}
read_existing_events: true
content_format: rendered_text
locale: de-DE
compression: false
ignore_channel_error: false
delivery: {heartbeat: 15m, max_time: 1s, max_elements: 100, max_envelope_size: 1MiB, oversize: cancel, retry: {count: 9, interval: 10s}}
output: {topic: "a.{channel}", format: ecs, ecs_keep_event_data: true, event_original: true, bookmark_event: true}
`), nil)
	must(t, err)
	s := l.Subscriptions[0]
	want := subscriptions.New()
	want.Name, want.ID, want.Enabled = "sysmon", "5f1c0d1e-2f7d-4a55-9b7e-6f6d6c1f0a11", false
	want.Query = "<QueryList>\n  <!-- all of it -->\n  <Query Id=\"0\" Path=\"Microsoft-Windows-Sysmon/Operational\">\n    <Select>*[System[(EventID &lt; 3)]]</Select>\n" +
		"    <Suppress Path=\"Microsoft-Windows-Sysmon/Operational\">*[EventData[Data[@Name='User']='WIN$']]</Suppress>\n  </Query>\n</QueryList>"
	want.ReadExistingEvents, want.ContentFormat, want.Locale, want.Compression, want.IgnoreChannelError = true, "rendered_text", "de-DE", false, false
	want.Delivery = subscriptions.Delivery{Heartbeat: strict.Duration(15 * time.Minute), MaxTime: strict.Duration(time.Second), MaxElements: 100, MaxEnvelopeSize: 1 << 20, Oversize: "cancel"}
	want.Delivery.Retry.Count, want.Delivery.Retry.Interval = 9, strict.Duration(10*time.Second)
	want.Output = subscriptions.Output{Topic: "a.{channel}", Format: "ecs", ECSKeepEventData: true, EventOriginal: true, BookmarkEvent: true}
	want.Targets = s.Targets
	if diff := cmp.Diff(want, s, cmp.Comparer(func(a, b subscriptions.Targets) bool { return len(a.Names) == len(b.Names) })); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if len(s.Targets.Names) != 1 || len(s.Targets.Except) != 1 || len(s.Targets.Networks) != 1 || len(s.Targets.Certificates) != 1 || len(s.Targets.Paths) != 1 {
		t.Errorf("%+v", s.Targets)
	}
	if len(l.Warnings) != 0 {
		t.Error(l.Warnings)
	}
	again, err := strict.YAML(s) // and back
	must(t, err)
	l, err = subscriptions.Load(folder(t, "a.yaml", string(again)), nil)
	must(t, err)
	if diff := cmp.Diff(s, l.Subscriptions[0], cmp.AllowUnexported(subscriptions.Glob{}), cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Prefix{})); diff != "" {
		t.Errorf("-want +got:\n%s\n%s", diff, again)
	}
}

func TestLoadFolder(t *testing.T) {
	const one, two = "5f1c0d1e-2f7d-4a55-9b7e-6f6d6c1f0a11", "6f1c0d1e-2f7d-4a55-9b7e-6f6d6c1f0a12"
	dir := folder(t, "b.yaml", fmt.Sprintf(small, "first", one), "c.yaml", fmt.Sprintf(small, "second", two), "d.yml", "broken: [", ".e.yaml", "broken: [", "README.md", "x")
	l, err := subscriptions.Load(dir, nil)
	must(t, err)
	if len(l.Subscriptions) != 2 || l.Subscriptions[0].Name != "first" || l.Subscriptions[1].Name != "second" {
		t.Errorf("%+v", l.Subscriptions)
	}
	if len(l.Warnings) != 1 || !strings.Contains(l.Warnings[0].Error(), "d.yml is not read") {
		t.Error(l.Warnings)
	}
	if _, err := subscriptions.Load(filepath.Join(dir, "none"), nil); err == nil {
		t.Error("a folder that is not there")
	}
	if l, err := subscriptions.Load(t.TempDir(), nil); err != nil || len(l.Subscriptions) != 0 {
		t.Error(l, err)
	}
	twice := folder(t, "a.yaml", fmt.Sprintf(small, "x", one), "b.yaml", fmt.Sprintf(small, "X", strings.ToUpper(one)))
	_, err = subscriptions.Load(twice, nil)
	for _, want := range []string{`b.yaml:1:7: name "X" is also in ` + twice + "/a.yaml", `b.yaml:2:5: id "` + one + `" is also in ` + twice + "/a.yaml"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %s in:\n%v", want, err)
		}
	}
}

func TestLoadExpandsValues(t *testing.T) {
	dir := folder(t, "query.xml", everything+"\r\n", "a.yaml", "name: ${NAME}\nid: 5f1c0d1e-2f7d-4a55-9b7e-6f6d6c1f0a11\nquery: ${file:query.xml}\n")
	l, err := subscriptions.Load(dir, func(name string) (string, bool) { return "security", name == "NAME" })
	must(t, err)
	if diff := cmp.Diff(example(), l.Subscriptions[0]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// How an editor saves a file must not make every source in the field re-create its subscriptions.
func TestLineEndsAreNoNewVersion(t *testing.T) {
	yaml := "name: x\nid: 5f1c0d1e-2f7d-4a55-9b7e-6f6d6c1f0a11\nquery: |\n  <QueryList>\n    <Query Id=\"0\"><Select Path=\"Security\">*</Select></Query>\n  </QueryList>\n"
	var versions []string
	for _, text := range []string{yaml, strings.ReplaceAll(yaml, "\n", "\r\n"), strings.Replace(yaml, "|", "|-", 1), yaml + "\n\n# the end\n", "\ufeff" + yaml} {
		l, err := subscriptions.Load(folder(t, "a.yaml", text), nil)
		must(t, err)
		versions = append(versions, l.Subscriptions[0].Version())
	}
	if len(slices.Compact(versions)) != 1 {
		t.Error(versions)
	}
}

func TestLoadWarnings(t *testing.T) {
	terms := strings.Repeat("EventID=1 or ", 22) + "EventID&lt;=3"
	l, err := subscriptions.Load(folder(t, "a.yaml", "name: x\nid: 5f1c0d1e-2f7d-4a55-9b7e-6f6d6c1f0a11\nquery: |\n  <QueryList>\n    <Query Id=\"0\">\n"+
		"      <Select Path=\"Security\">*[System[("+terms+")]]</Select>\n"+
		"      <Select Path=\"Security\">*[System[(EventID=1)]] and *[EventData[Data='"+strings.Repeat("=", 50)+"']]</Select>\n"+
		"      <Select Path=\"file://C:\\x.evtx\">*</Select>\n    </Query>\n  </QueryList>\n"), nil)
	must(t, err)
	var got []string
	for _, w := range l.Warnings {
		first, _, _ := strings.Cut(w.Error(), "\n")
		got = append(got, first[strings.LastIndex(first, "a.yaml"):])
	}
	want := []string{
		"a.yaml:6:7: Select has 23 terms; Windows takes 20, and refuses from about 22 on: split it into several",
		`a.yaml:8:7: Path "file://C:\\x.evtx" is a saved log; sources forward channels`,
		"a.yaml:8:7: saved logs and channels in one query",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The files that the project ships and quotes must load without a word.
func TestShippedSubscriptionsLoad(t *testing.T) {
	l, err := subscriptions.Load("../docs/subscriptions.d", nil)
	must(t, err)
	if len(l.Subscriptions) == 0 || len(l.Warnings) != 0 {
		t.Error(len(l.Subscriptions), l.Warnings)
	}
}

func FuzzSubscriptionYAML(f *testing.F) {
	input, err := os.ReadFile("testdata/bad.txt")
	must(f, err)
	for _, c := range strings.Split(string(input), "\n=== ") {
		_, yaml, _ := strings.Cut(c, "\n")
		f.Add([]byte(yaml))
	}
	f.Add([]byte(fmt.Sprintf(small, "a", "5f1c0d1e-2f7d-4a55-9b7e-6f6d6c1f0a11")))
	dir := f.TempDir()
	file := filepath.Join(dir, "fuzz.yaml")
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4<<10 {
			t.Skip("large files are slow, and no different")
		}
		must(t, os.WriteFile(file, data, 0o600))
		l, err := subscriptions.Load(dir, nil)
		if err != nil {
			if err.Error() == "" {
				t.Error("an error without a word")
			}
			return
		}
		again, err := subscriptions.Load(dir, nil)
		must(t, err)
		if s := l.Subscriptions[0]; s.Version() != again.Subscriptions[0].Version() || s.Name == "" || !strings.Contains(s.Query, "QueryList") {
			t.Errorf("%+v", s)
		}
	})
}
