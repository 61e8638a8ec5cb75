package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wefka/wefka/output"
)

// Labels are checked when the file is read, and each fault is named by its key.
func TestSeverityConfig(t *testing.T) {
	load := func(labels string) (*Config, string) {
		t.Helper()
		p := &program{config: filepath.Join(t.TempDir(), "wefka.yaml"), env: func(string) (string, bool) { return "", false }}
		text := "listeners: [{name: tls, address: ':1', tls: {certificate: c, key: k, client_ca: a}}]\nkafka: {brokers: ['localhost:1']}\nseverity: " + labels + "\n"
		if err := os.WriteFile(p.config, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := p.loadConfig()
		if err != nil {
			t.Fatal(err)
		}
		var problems []string
		for _, err := range c.Validate() {
			problems = append(problems, err.Error())
		}
		return c, strings.Join(problems, "\n")
	}
	c, problems := load("[{provider: P, event_id: 0, severity: 1}, {provider: P, event_id: 65535, severity: 5}]")
	want := output.Severities{{Provider: "P", ID: 0}: 1, {Provider: "P", ID: 65535}: 5}
	if diff := cmp.Diff(want, c.severities()); diff != "" || problems != "" {
		t.Errorf("%s\n%s", diff, problems)
	}
	for labels, want := range map[string]string{
		"[{event_id: 1, severity: 1}]":                                                       "severity[0].provider: missing",
		"[{provider: P, severity: 1}]":                                                       "severity[0].event_id: missing",
		"[{provider: P, event_id: 65536, severity: 1}]":                                      "severity[0].event_id: missing, or not from 0 to 65535",
		"[{provider: P, event_id: 1}]":                                                       "severity[0].severity: 0 is no label; write 1 (least) to 5",
		"[{provider: P, event_id: 1, severity: 6}]":                                          "severity[0].severity: 6 is no label",
		"[{provider: P, event_id: 1, severity: 2}, {provider: P, event_id: 1, severity: 2}]": "severity[1]: event 1 of P is there twice",
	} {
		if _, problems := load(labels); !strings.Contains(problems, want) {
			t.Errorf("%s: %q, want %q", labels, problems, want)
		}
	}
}
