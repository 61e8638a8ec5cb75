package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

func compiled(t *testing.T, name string) *jsonschema.Schema {
	t.Helper()
	var out bytes.Buffer
	p := &program{stdout: &out, stderr: os.Stderr, env: func(string) (string, bool) { return "", false }}
	if code := p.run(t.Context(), []string{"schema", name}); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	doc, err := jsonschema.UnmarshalJSON(&out)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource("mem:///schema.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("mem:///schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func instance(t *testing.T, text []byte) any {
	t.Helper()
	asJSON, err := yaml.YAMLToJSON(text)
	if err != nil {
		t.Fatal(err)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// Every sample of ours is what the schemas describe.
func TestSamplesFitTheSchemas(t *testing.T) {
	config, subscription := compiled(t, "config"), compiled(t, "subscription")
	fits := func(s *jsonschema.Schema, file string) {
		t.Helper()
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Validate(instance(t, text)); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
	fits(config, "../../docs/wefka.yaml")
	for _, pattern := range []string{"../../docs/subscriptions.d/*.yaml", "../../subscriptions/library/*/*.yaml", "../../subscriptions/library/*.yaml"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			fits(subscription, file)
		}
	}
	fence := "```"
	pages, _ := filepath.Glob("../../docs/*.md")
	for _, page := range pages {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range strings.Split(string(text), fence+"yaml\n")[1:] {
			block, _, _ = strings.Cut(block, fence)
			doc, ok := instance(t, []byte(block)).(map[string]any)
			if !ok || doc["listeners"] != nil && doc["kafka"] == nil || doc["groups"] != nil {
				continue
			}
			s, kind := config, map[string]any{"listeners": []any{}, "kafka": map[string]any{}}
			if doc["query"] != nil || doc["targets"] != nil || doc["delivery"] != nil || doc["output"] != nil {
				s, kind = subscription, map[string]any{"name": "x", "id": "y", "query": "z"}
			}
			maps.Copy(kind, doc)
			if err := s.Validate(kind); err != nil {
				t.Errorf("%s: %v in\n%s", page, err, block)
			}
		}
	}
}

// What wefka check would refuse for its shape, an editor shows at once.
func TestSchemasRefuse(t *testing.T) {
	config := compiled(t, "config")
	for _, text := range []string{
		"kafka: {brokers: [a]}",
		"listeners: []\nkafka: {brokers: a}",
		"listeners: []\nkafka: {brokers: [a], compresion: zstd}",
		"listeners: []\nkafka: {brokers: [a], compression: zip}",
		"listeners: []\nkafka: {brokers: [a], delivery_timeout: soon}",
		"listeners: []\nkafka: {brokers: [a], buffer: 3 apples}",
		"listeners: [{name: a, adress: b}]\nkafka: {brokers: [a]}",
		"listeners: []\nkafka: {brokers: [a]}\nadmin: {pprof: maybe}",
	} {
		if config.Validate(instance(t, []byte(text))) == nil {
			t.Errorf("fits: %s", text)
		}
	}
	for _, text := range []string{
		"listeners: []\nkafka: {brokers: [a], buffer: 64MiB, delivery_timeout: 9s, compression: lz4}",
		"listeners: []\nkafka: {brokers: [a], compression: '${CODEC}', buffer: '${B}', linger: '${L}'}\nadmin: {pprof: '${P}'}",
	} {
		if err := config.Validate(instance(t, []byte(text))); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// docs/configuration.md is written from the structs, as the schema is.
func TestConfigurationPage(t *testing.T) {
	var page strings.Builder
	page.WriteString("# Every key\n\nWritten from the program; `wefka schema config` and `wefka schema subscription` print the same for editors. [wefka.yaml](wefka.yaml) is a sample with all defaults.\n")
	for _, part := range []struct {
		title string
		s     *schema
	}{{"The main file", schemaOf("", defaults(), nil)}, {"A subscription file", subscriptionSchema()}} {
		fmt.Fprintf(&page, "\n## %s\n\n| key | default | |\n|---|---|---|\n", part.title)
		rows(&page, "", part.s)
	}
	const file = "../../docs/configuration.md"
	if *update {
		if err := os.WriteFile(file, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if written, err := os.ReadFile(file); err != nil || string(written) != page.String() {
		t.Errorf("%s is not what the program says (%v); go test ./cmd/wefka -run ConfigurationPage -update", file, err)
	}
}

func rows(w *strings.Builder, path string, s *schema) {
	for _, key := range slices.Sorted(maps.Keys(s.Properties)) {
		p, name := s.Properties[key], path+key
		inner := p
		if p.Items != nil && p.Items.Properties != nil {
			inner, name = p.Items, name+"[]"
		}
		value := ""
		if p.Default != nil {
			value = fmt.Sprintf("`%v`", p.Default)
		}
		if inner.Properties == nil || p.Description != "" {
			fmt.Fprintf(w, "| `%s` | %s | %s |\n", name, value, strings.ReplaceAll(p.Description, "|", `\|`))
		}
		rows(w, name+".", inner)
	}
}
