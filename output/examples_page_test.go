package output_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/wefka/wefka/internal/corpus"
)

const examplesHead = `# An example of every event

Written from the program: for each event a document in json and in ecs, as they would be in Kafka. [records.md](records.md) explains them.
`

// docs/records-examples.md holds one worked example of each Sysmon event and of each event of windowsExamples.
func TestExamplesPage(t *testing.T) {
	var page strings.Builder
	page.WriteString(examplesHead)
	add := func(title, event string) {
		doc, _ := encode(t, event, delivery())
		fmt.Fprintf(&page, "\n## %s\n", title)
		for _, shape := range []struct{ name, text string }{{"json", string(doc)}, {"ecs", ecs(t, event, delivery())}} {
			var indented bytes.Buffer
			if err := json.Indent(&indented, []byte(shape.text), "", " "); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&page, "\n`%s`\n\n```json\n%s\n```\n", shape.name, indented.String())
		}
	}
	shown := map[string]bool{}
	for _, line := range corpus.Lines(t, filepath.Join(corpus.Root(t), "simulator", "sample.xmll")) {
		doc, _ := encode(t, line, delivery())
		title := strings.Trim(member(t, string(doc), "System.Provider.Name"), `"`) + " " + member(t, string(doc), "System.EventID")
		if !shown[title] {
			shown[title] = true
			add(title, line)
		}
	}
	for id := range 256 {
		title := fmt.Sprintf("Microsoft-Windows-Sysmon %d", id)
		if sysmonFields[id] != "" && !shown[title] {
			event, _ := sysmonEvent(id)
			add(title, event)
		}
	}
	for _, e := range windowsExamples {
		add(fmt.Sprintf("%s %d", e.provider, e.id), e.event())
	}
	const file = "../docs/records-examples.md"
	if *update {
		if err := os.WriteFile(file, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if written, err := os.ReadFile(file); err != nil || string(written) != page.String() {
		t.Errorf("%s is not what the encoders write (%v); go test ./output -run ExamplesPage -update", file, err)
	}
}
