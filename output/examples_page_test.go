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

// docs/records-examples.md holds one worked example of each Sysmon event and of the events of Security and PowerShell that ecs knows.
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
	for _, id := range []int{4624, 4625, 4634, 4647, 4648, 4672, 4688, 4689, 4697, 4698, 4720, 4721, 4722, 4723, 4724, 4725, 4726, 4728, 4732, 4740, 4756, 4768, 4769, 4771, 4776, 1102} {
		title := fmt.Sprintf("%s %d", auditing, id)
		if id == 1102 || shown[title] {
			continue
		}
		add(title, other(auditing, id, "SubjectUserSid", "S-1-5-21-1-2-3-1104", "SubjectUserName", "ana", "SubjectDomainName", "LAB", "SubjectLogonId", "0x1c03e7",
			"TargetUserSid", "S-1-5-21-1-2-3-1120", "TargetUserName", "bob", "TargetDomainName", "LAB", "TargetLogonId", "0x2a41f0", "LogonType", "3", "Status", "0xc000006d", "SubStatus", "0xc000006a",
			"IpAddress", "192.0.2.7", "IpPort", "49200", "WorkstationName", "WS-018", "NewProcessName", `C:\Windows\System32\cmd.exe`, "NewProcessId", "0x1a2c", "ProcessId", "0x240", "ServiceName", "demo", "ServiceFileName", `C:\demo.exe`, "TaskName", `\demo`, "MemberSid", "S-1-5-21-1-2-3-1130"))
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
