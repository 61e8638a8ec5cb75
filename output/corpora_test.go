package output_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/wefka/wefka/output"
)

// TestCorporaTwice delivers every event there is twice, in every format: no dead letter, one record an event, documents that are JSON, an id for
// each event and the same one both times.
func TestCorporaTwice(t *testing.T) {
	var raw [][]byte
	for _, lines := range everything(t) {
		for _, line := range lines {
			raw = append(raw, []byte(line))
		}
	}
	for _, format := range []string{"json", "ecs", "xml"} {
		w := newWorld(t, output.Settings{Identity: output.Identity{Mode: "tag"}}, "wef.sub", "dead", "default")
		for range 2 {
			deliver(t, w.kafka, batch(format, raw...))
		}
		if dead := w.read(t, "dead"); len(dead) > 0 {
			t.Errorf("%s: %d dead letters; the first: %s: %s", format, len(dead), header(dead[0], "wef.error"), dead[0].Value)
		}
		records := w.read(t, "wef.sub")
		if len(records) != 2*len(raw) {
			t.Errorf("%s: %d records of %d events sent twice", format, len(records), len(raw))
		}
		ids := map[string]int{}
		for _, r := range records {
			id := header(r, "wef.id")
			ids[id]++
			if format == "xml" {
				continue
			}
			if !json.Valid(r.Value) || !bytes.Contains(r.Value, []byte(`"`+id+`"`)) {
				t.Fatalf("%s: invalid, or without its id %s: %s", format, id, r.Value)
			}
		}
		if len(ids) != len(raw) {
			t.Errorf("%s: %d ids of %d events", format, len(ids), len(raw))
		}
		for id, n := range ids {
			if n != 2 {
				t.Errorf("%s: id %s %d times", format, id, n)
			}
		}
		t.Logf("%s: %d events, %d ids, no dead letter", format, len(raw), len(ids))
	}
}
