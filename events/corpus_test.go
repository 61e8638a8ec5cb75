package events_test

import (
	"bufio"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// corpus reads the recorded events beside the checkout, one a line, by file.
func corpus(t testing.TB) map[string][]string {
	t.Helper()
	const folder = "../../shared/corpus"
	files, _ := filepath.Glob(folder + "/*.xmll*")
	if len(files) == 0 {
		if _, err := os.Stat(folder); err == nil {
			t.Fatalf("%s has no events", folder)
		}
		t.Skipf("no recorded events: %s is not there", folder)
	}
	all := map[string][]string{}
	for _, name := range files {
		all[filepath.Base(name)] = readLines(t, name)
	}
	return all
}

func readLines(t testing.TB, name string) (lines []string) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	s := bufio.NewScanner(r)
	s.Buffer(nil, 4<<20)
	for s.Scan() {
		if s.Text() != "" {
			lines = append(lines, s.Text())
		}
	}
	if s.Err() != nil || len(lines) == 0 {
		t.Fatalf("%s: %d lines, %v", name, len(lines), s.Err())
	}
	return lines
}
