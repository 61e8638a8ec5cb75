// Package corpus is test help: recorded events, which may lie beside a checkout and never in it.
package corpus

import (
	"bufio"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Files names the files of recorded events, one event a line, in ../shared/corpus as seen from the root of the checkout. Without
// that folder the test skips; a folder without events fails it.
func Files(t testing.TB) []string {
	t.Helper()
	files := Find(t)
	if files == nil {
		t.Skip("no recorded events beside the checkout, in ../shared/corpus")
	}
	return files
}

// Find is Files for a test that has events of its own as well: nil without the folder.
func Find(t testing.TB) []string {
	t.Helper()
	folder := filepath.Join(Root(t), "..", "shared", "corpus")
	if _, err := os.Stat(folder); err != nil {
		t.Log("no recorded events beside the checkout, in ../shared/corpus")
		return nil
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.xmll*"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no events: %v", folder, err)
	}
	return files
}

// Lines reads a file of events, gzip by its name. Empty lines are left out; a file without any other fails the test.
func Lines(t testing.TB, file string) (lines []string) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(file, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	s := bufio.NewScanner(r)
	s.Buffer(nil, 16<<20)
	for s.Scan() {
		if s.Text() != "" {
			lines = append(lines, s.Text())
		}
	}
	if s.Err() != nil || len(lines) == 0 {
		t.Fatalf("%s: %d events, %v", file, len(lines), s.Err())
	}
	return lines
}

// Root is the folder of the checkout, which holds go.mod.
func Root(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test")
		}
		dir = parent
	}
}
