package output_test

import (
	"strings"
	"testing"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/internal/corpus"
	"github.com/wefka/wefka/output"
)

func TestNewEncoder(t *testing.T) {
	const event = wrap + "<System>\x01</System></Event>\r\n"
	var d events.Decoder
	var r events.Record
	if err := d.Decode([]byte(event), &r); err != nil {
		t.Fatal(err)
	}
	x, err := output.NewEncoder("xml", output.Settings{Node: "n"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := x.Append([]byte("x"), &events.Batch{}, &r); err != nil || string(got) != "x"+event {
		t.Errorf("xml: %q, %v", got, err)
	}
	j, err := output.NewEncoder("json", output.Settings{Node: "wec-1"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := j.Append([]byte("x"), delivery(), &r); err != nil || !strings.HasPrefix(string(got), `x{"System":{`) || !strings.Contains(string(got), `"Node":"wec-1"`) {
		t.Errorf("json: %s, %v", got, err)
	}
	if e, err := output.NewEncoder("ecs", output.Settings{Node: "wec-1"}); err != nil || e.(*output.ECS).Node != "wec-1" {
		t.Errorf("ecs: %v, %v", e, err)
	}
	for format, want := range map[string]string{"": `unknown format ""`, "JSON": `unknown format "JSON"`} {
		if _, err := output.NewEncoder(format, output.Settings{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", format, err)
		}
	}
}

// TestNoAllocations: once warm, an event of whatever shape costs none, decoding included.
func TestNoAllocations(t *testing.T) {
	var d events.Decoder
	var r events.Record
	e := &output.JSON{Node: "wec-1"}
	b := delivery()
	dst := make([]byte, 0, 1<<20)
	for _, s := range append(append(corpus.Lines(t, "testdata/examples.xmll"), corpus.Lines(t, "testdata/edge.xmll")...), jsonSeeds[:5]...) {
		raw := []byte(s)
		if n := testing.AllocsPerRun(10, func() {
			err := d.Decode(raw, &r)
			if err == nil {
				_, err = e.Append(dst, b, &r)
			}
			if err != nil {
				t.Error(err)
			}
		}); n != 0 {
			t.Errorf("%v allocations: %s", n, raw)
		}
	}
}
