package output_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/internal/corpus"
	"github.com/wefka/wefka/output"
)

func TestAppendID(t *testing.T) {
	want := corpus.Lines(t, "testdata/examples.json.ndjson")
	var d events.Decoder
	var r events.Record
	for i, line := range corpus.Lines(t, "testdata/examples.xmll") {
		var doc struct{ Collector struct{ Uid string } }
		if err := json.Unmarshal([]byte(want[i]), &doc); err != nil {
			t.Fatal(err)
		}
		if err := d.Decode([]byte(line), &r); err != nil {
			t.Fatal(err)
		}
		for _, source := range []string{"WS-017$@LAB.EXAMPLE", "ws-017$@lab.example"} {
			if got := string(output.AppendID([]byte("x"), source, &r)); got != "x"+doc.Collector.Uid {
				t.Errorf("line %d: %s, want %s", i+1, got, doc.Collector.Uid)
			}
		}
		if other := string(output.AppendID(nil, "WS-018$@LAB.EXAMPLE", &r)); other == doc.Collector.Uid {
			t.Error("two hosts, one id")
		}
	}
	lower := string(output.AppendID(nil, strings.ToLower("ÀÉ-ΣΩ-1"), &r))
	if got := string(output.AppendID(nil, "ÀÉ-ΣΩ-1", &r)); got != lower {
		t.Error("the case of an identity must not matter")
	}
	dst := make([]byte, 0, 64)
	if n := testing.AllocsPerRun(100, func() { output.AppendID(dst, "WS-017$@LAB.EXAMPLE", &r) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
