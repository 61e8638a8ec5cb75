package output_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/output"
)

// One event of another computer among good ones, beside one that cannot be read.
func mixed() *events.Batch {
	other := bytes.ReplaceAll(event(2, "A", "b"), []byte("PC-1"), []byte("PC-2"))
	return batch("json", event(1, "A", "a"), []byte("<broken"), other, event(3, "A", "c"))
}

func TestQuarantine(t *testing.T) {
	w := newWorld(t, output.Settings{Identity: output.Identity{Mode: "quarantine"}}, "wef.sub", "dead", "default")
	b := mixed()
	deliver(t, w.kafka, b)
	if n := len(w.read(t, "wef.sub")); n != 2 {
		t.Errorf("%d records, want 2", n)
	}
	var reasons []string
	for _, r := range w.read(t, "dead") {
		reasons = append(reasons, header(r, "wef.reason"))
		if header(r, "wef.reason") == "identity" && (!bytes.Equal(r.Value, b.Raw[2]) || header(r, "wef.identity") != "mismatch" || !strings.Contains(header(r, "wef.error"), "PC-2")) {
			t.Errorf("dead letter %s with %v", r.Value, r.Headers)
		}
	}
	if got := strings.Join(reasons, " "); got != "parse identity" {
		t.Errorf("dead letters: %s", got)
	}
}

// Nothing of a refused batch is written: not its good events, and no dead letter.
func TestReject(t *testing.T) {
	w := newWorld(t, output.Settings{Identity: output.Identity{Mode: "reject"}}, "wef.sub", "dead", "default")
	if err := w.kafka.Deliver(context.Background(), mixed()); !errors.Is(err, events.ErrIdentity) || !strings.Contains(err.Error(), "PC-2") {
		t.Errorf("error %v", err)
	}
	for _, topic := range []string{"wef.sub", "dead", "default"} {
		if n := len(w.read(t, topic)); n > 0 {
			t.Errorf("%d records in %s", n, topic)
		}
	}
	settings := w.kafka.Settings
	settings.Identity.Alias = func(source, computer string) bool { return source == "pc-1.corp.example" && computer == "PC-2" }
	renamed, err := w.kafka.With(settings)
	if err != nil {
		t.Fatal(err)
	}
	deliver(t, renamed, mixed())
	if n := len(w.read(t, "wef.sub")); n != 3 {
		t.Errorf("%d records, want 3", n)
	}
}
