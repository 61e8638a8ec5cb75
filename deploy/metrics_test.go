package deploy_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/wefka/wefka/internal/corpus"
)

var metric = regexp.MustCompile(`\bwefka_[a-z0-9_]+`)

// documented are the metrics of docs/metrics.md by type, which a test of the program holds against what it exports.
func documented(t *testing.T) map[string]string {
	t.Helper()
	manual, err := os.ReadFile(filepath.Join(corpus.Root(t), "docs/metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	types := map[string]string{}
	for _, m := range regexp.MustCompile("(?m)^\\| `(wefka_[a-z0-9_]+)` \\| (\\w+)").FindAllStringSubmatch(string(manual), -1) {
		types[m[1]] = m[2]
	}
	return types
}

// exported fails for every metric of an expression that the program does not have.
func exported(t *testing.T, where, expr string, types map[string]string) {
	t.Helper()
	for _, name := range metric.FindAllString(expr, -1) {
		if types[name] != "" && types[name] != "histogram" {
			continue
		}
		base := regexp.MustCompile(`_(bucket|count|sum)$`).ReplaceAllString(name, "")
		if base == name || types[base] != "histogram" {
			t.Errorf("%s: %s is not in docs/metrics.md", where, name)
		}
	}
}

type ruleFile struct {
	Groups []struct {
		Rules []struct {
			Alert, Expr         string
			Labels, Annotations map[string]string
		}
	}
}

// Each alert uses what the program exports, says how bad it is and what it means, and has a page that says what to do.
func TestAlerts(t *testing.T) {
	root, types := corpus.Root(t), documented(t)
	text, err := os.ReadFile("alerts/wefka.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var rules ruleFile
	if err := yaml.Unmarshal(text, &rules); err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile("alerts/wefka.test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	pages := map[string]bool{}
	for _, g := range rules.Groups {
		for _, r := range g.Rules {
			exported(t, r.Alert, r.Expr, types)
			if s := r.Labels["severity"]; s != "warning" && s != "critical" {
				t.Errorf("%s: severity %q", r.Alert, s)
			}
			if r.Annotations["summary"] == "" || r.Annotations["description"] == "" {
				t.Errorf("%s lacks summary or description", r.Alert)
			}
			page, ok := strings.CutPrefix(r.Annotations["runbook_url"], "https://github.com/wefka/wefka/blob/main/docs/runbooks/")
			pages[page] = true
			runbook, err := os.ReadFile(filepath.Join(root, "docs/runbooks", page))
			if err != nil || !ok || !strings.HasPrefix(string(runbook), "# "+r.Alert+"\n") {
				t.Errorf("%s: no runbook at %q (%v)", r.Alert, page, err)
			}
			if !strings.Contains(string(tests), `alertname="`+r.Alert+`"`) {
				t.Errorf("%s is never made to fire in wefka.test.yaml", r.Alert)
			}
		}
	}
	if len(pages) == 0 {
		t.Fatal("no rules")
	}
	kept, _ := filepath.Glob(filepath.Join(root, "docs/runbooks/*.md"))
	for _, page := range kept {
		if !pages[filepath.Base(page)] {
			t.Errorf("%s belongs to no alert", page)
		}
	}
	need(t, "promtool")
	run(t, "promtool", "check", "rules", "alerts/wefka.rules.yaml")
	run(t, "promtool", "test", "rules", "alerts/wefka.test.yaml")
}

// Every panel asks for what the program exports, through the variable, and of no particular host.
func TestDashboard(t *testing.T) {
	types := documented(t)
	text, err := os.ReadFile("dashboards/wefka.json")
	if err != nil {
		t.Fatal(err)
	}
	type panel struct {
		Title, Type string
		Datasource  struct{ UID string }
		Targets     []struct{ Expr string }
	}
	var board struct {
		UID, Title string
		ID         *int
		Panels     []panel
	}
	if err := json.Unmarshal(text, &board); err != nil {
		t.Fatal(err)
	}
	if board.ID != nil {
		t.Error("an id belongs to one Grafana")
	}
	var rows []string
	for _, p := range board.Panels {
		if p.Type == "row" {
			rows = append(rows, p.Title)
			continue
		}
		if p.Datasource.UID != "${datasource}" || len(p.Targets) == 0 {
			t.Errorf("%s: data source %q, %d targets", p.Title, p.Datasource.UID, len(p.Targets))
		}
		for _, target := range p.Targets {
			exported(t, p.Title, target.Expr, types)
			if !strings.Contains(target.Expr, `job=~"$job"`) {
				t.Errorf("%s: %s is not of the chosen job", p.Title, target.Expr)
			}
		}
	}
	if got := strings.Join(rows, ", "); got != "Overview, Sources, Transports and authentication, Batches and latency, Kafka, State, Certificates, Go runtime" {
		t.Errorf("rows: %s", got)
	}
}
