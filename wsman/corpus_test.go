package wsman

import (
	"bytes"
	"strings"
	"testing"

	"github.com/wefka/wefka/internal/corpus"
)

// TestCorpus carries recorded events through an envelope in each of the ways that a source may embed them: as CDATA and as escaped
// text they arrive byte for byte, as elements they arrive as the text that etree reads the same.
func TestCorpus(t *testing.T) {
	for _, file := range corpus.Files(t) {
		events := corpus.Lines(t, file)
		events = events[:min(len(events), 500)]
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
