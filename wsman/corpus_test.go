package wsman

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestCorpus carries recorded events through an envelope in each of the ways that a source may embed them: as CDATA and as escaped
// text they arrive byte for byte, as elements they arrive as the text that etree reads the same.
func TestCorpus(t *testing.T) {
	files, _ := filepath.Glob("../../shared/corpus/*.xmll*")
	if len(files) == 0 {
		t.Skip("no corpus at ../shared/corpus, seen from the root of the repository")
	}
	for _, file := range files {
		events := corpusLines(t, file)
		if len(events) == 0 {
			t.Errorf("%s is empty", file)
		}
		for len(events) > 0 {
			n := min(len(events), 100)
			checkCorpus(t, events[:n])
			events = events[n:]
		}
	}
}

func checkCorpus(t *testing.T, events []string) {
	t.Helper()
	var literal, escaped, embedded []string
	for _, e := range events {
		literal = append(literal, "<![CDATA["+strings.ReplaceAll(e, "]]>", "]]]]><![CDATA[>")+"]]>")
		escaped = append(escaped, string(escape(nil, e)))
		embedded = append(embedded, e)
	}
	for _, entries := range [][]string{literal, escaped} {
		m, err := scanString(envelopeWith("", batch(entries...)))
		if err != nil || len(m.Items) != len(events) {
			t.Fatalf("%d items of %d, %v", len(m.Items), len(events), err)
		}
		for i := range events {
			if want := trim([]byte(events[i])); !bytes.Equal(m.Items[i], want) {
				t.Fatalf("%q\narrived as\n%q", want, m.Items[i])
			}
		}
	}
	for _, e := range embedded {
		compareWithOracle(t, envelopeWith("", batch(e)))
	}
}

// corpusLines reads a file with an event a line; of a large one the first 500.
func corpusLines(t *testing.T, file string) (lines []string) {
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
	for len(lines) < 500 && s.Scan() {
		if s.Text() != "" {
			lines = append(lines, s.Text())
		}
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
	return lines
}
