package library_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wefka/wefka/subscriptions"
	"github.com/wefka/wefka/subscriptions/library"
)

func TestNames(t *testing.T) {
	var names []string
	for _, r := range library.All() {
		names = append(names, r.Name)
	}
	want := []string{"forwarding-health", "sysmon", "sysmon-clipboard", "sysmon-file", "sysmon-health", "sysmon-ipc", "sysmon-module", "sysmon-network",
		"sysmon-process", "sysmon-quiet", "sysmon-registry", "windows-baseline"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if _, ok := library.Find("sysmon"); !ok {
		t.Error("sysmon is not found")
	}
	if _, ok := library.Find("sysmon.yaml"); ok {
		t.Error("a file's name is no name")
	}
}

// load writes the library as an operator would, and reads it back.
func load(t *testing.T) []*subscriptions.Subscription {
	t.Helper()
	dir := t.TempDir()
	var files []string
	for _, r := range library.All() {
		file := filepath.Join(dir, r.Name+".yaml")
		if err := os.WriteFile(file, r.Text, 0o644); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	found, err := subscriptions.Lint(files, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
	loaded, err := subscriptions.Load(dir, nil) // names and ids are different
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(loaded.Subscriptions, func(a, b *subscriptions.Subscription) int { return strings.Compare(a.Name, b.Name) })
	return loaded.Subscriptions
}

func TestEachIsFaultless(t *testing.T) {
	for i, s := range load(t) {
		r := library.All()[i]
		if s.Name != r.Name || !s.Enabled || s.ContentFormat != "raw" || s.ReadExistingEvents {
			t.Errorf("%s: %+v", r.Name, s)
		}
		if len(r.Purpose) < 30 || len(r.Purpose) > 150 || !strings.HasPrefix(string(r.Text), "# ") {
			t.Errorf("%s: purpose %q", r.Name, r.Purpose)
		}
	}
}

// What a host keeps of a subscription hangs on id and version: a file here that changes either makes every host begin anew.
func TestIdentitiesStay(t *testing.T) {
	var got strings.Builder
	for _, s := range load(t) {
		got.WriteString(s.Name + " " + s.ID + "\n")
	}
	want, err := os.ReadFile("testdata/ids.txt")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// The eight topics take each of Sysmon's events once.
func TestTopicsAreAll(t *testing.T) {
	texts := map[string]string{}
	for _, s := range load(t) {
		if strings.HasPrefix(s.Name, "sysmon-") && s.Name != "sysmon-quiet" {
			texts[s.Name] = s.Query
		}
	}
	if len(texts) != 8 {
		t.Fatal(len(texts), "topics")
	}
	for id := 1; id <= 29; id++ {
		var takers []string
		for name, query := range texts {
			if slices.Contains(selected(query), id) {
				takers = append(takers, name)
			}
		}
		if len(takers) != 1 {
			t.Errorf("event %d: %v", id, takers)
		}
	}
}

func TestTheDocumentedOneIsTheSame(t *testing.T) {
	documented, err := os.ReadFile("../../docs/subscriptions.d/sysmon.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if r, _ := library.Find("sysmon"); !bytes.Equal(documented, r.Text) {
		t.Error("docs/subscriptions.d/sysmon.yaml and subscriptions/library/sysmon.yaml differ; copy one over the other")
	}
}
