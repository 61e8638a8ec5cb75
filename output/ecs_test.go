package output_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/internal/corpus"
	"github.com/wefka/wefka/internal/infoset"
	"github.com/wefka/wefka/output"
)

// ecs returns the document.
func ecs(t testing.TB, event string, b *events.Batch) string {
	t.Helper()
	var d events.Decoder
	var r events.Record
	if err := d.Decode([]byte(event), &r); err != nil {
		t.Fatalf("%v\n%q", err, event)
	}
	doc, err := new(output.ECS).Append(nil, b, &r)
	if err != nil {
		t.Fatal(err)
	}
	return string(doc)
}

// TestECSExamples: the worked examples come out byte for byte, but for the blanks.
func TestECSExamples(t *testing.T) {
	want := corpus.Lines(t, "testdata/examples.ecs.ndjson")
	for i, line := range corpus.Lines(t, "testdata/examples.xmll") {
		var compact bytes.Buffer
		if err := json.Compact(&compact, []byte(want[i])); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(compact.String(), ecs(t, line, delivery())); diff != "" {
			t.Errorf("line %d (-want +got)\n%s", i+1, diff)
		}
	}
}

// TestECSTypes: every event there is gives a document, with one type for each name, nothing empty or null, and the members in
// one order, each once.
func TestECSTypes(t *testing.T) {
	wire := strings.NewReplacer("&#13;", "\r", "&#10;", "\n")
	types := map[string]string{}
	order := &relation{}
	for _, keep := range []bool{false, true} {
		b := delivery()
		b.KeepEventData = keep
		for name, lines := range everything(t) {
			for _, line := range lines {
				for _, text := range []string{line, wire.Replace(line)} {
					doc := ecs(t, text, b)
					o, err := infoset.Parse([]byte(doc))
					if err != nil || strings.ContainsAny(doc, "\r\n") || !utf8.ValidString(doc) {
						t.Fatalf("%v\n%s", err, doc)
					}
					shape(t, types, order, "", o, keep)
				}
			}
			t.Logf("%s: %d events", name, len(lines))
		}
	}
}

// relation remembers which member came before which.
type relation struct{ before map[[2]string]bool }

func (r *relation) add(t *testing.T, path string, names []string) {
	t.Helper()
	if r.before == nil {
		r.before = map[[2]string]bool{}
	}
	for i, a := range names {
		for _, b := range names[i+1:] {
			a, b := path+"."+a, path+"."+b
			if r.before[[2]string{b, a}] {
				t.Fatalf("%s before and after %s", a, b)
			}
			r.before[[2]string{a, b}] = true
		}
	}
}

// shape checks one value and what is in it.
func shape(t *testing.T, types map[string]string, order *relation, path string, v any, keep bool) {
	t.Helper()
	kind := "list"
	switch v := v.(type) {
	case nil:
		t.Errorf("%s is null", path)
	case string:
		kind = "string"
		if v == "" && !(keep && strings.HasPrefix(path, ".winlog.event_data.")) && path != ".process.args[]" && path != ".process.parent.args[]" && !strings.HasPrefix(path, ".powershell.command.invocation_details[]") {
			t.Errorf("%s is empty", path)
		}
	case bool:
		kind = "bool"
	case json.Number, float64, int64:
		kind = "number"
	case infoset.Object:
		kind = "object"
		if len(v) == 0 {
			t.Errorf("%s is empty", path)
		}
		var names []string
		once := map[string]bool{}
		for _, m := range v {
			if once[m.Name] {
				t.Errorf("%s.%s twice", path, m.Name)
			}
			once[m.Name] = true
			names = append(names, m.Name)
			shape(t, types, order, path+"."+m.Name, m.Value, keep)
		}
		if path != ".winlog.event_data" && path != ".winlog.user_data" { // their order is the event's
			order.add(t, path, names)
		}
	case []any:
		if len(v) == 0 {
			t.Errorf("%s is empty", path)
		}
		for _, item := range v {
			shape(t, types, order, path+"[]", item, keep)
		}
	default:
		t.Fatalf("%s is %T", path, v)
	}
	if strings.HasPrefix(path, ".winlog.event_data.") && kind != "string" {
		t.Errorf("%s is %s", path, kind)
	}
	if seen, ok := types[path]; ok && seen != kind {
		t.Errorf("%s is %s and %s", path, seen, kind)
	}
	types[path] = kind
}

func FuzzECS(f *testing.F) {
	for _, s := range append(append(jsonSeeds, corpus.Lines(f, "testdata/edge.xmll")...), corpus.Lines(f, "../simulator/sample.xmll")...) {
		f.Add([]byte(s), false)
	}
	for _, s := range ecsSeeds {
		f.Add([]byte(s), true)
	}
	e := &output.ECS{Node: "wec-1"}
	f.Fuzz(func(t *testing.T, raw []byte, keep bool) {
		var d events.Decoder
		var r events.Record
		if d.Decode(raw, &r) != nil {
			return
		}
		b := delivery()
		b.KeepEventData = keep
		doc, err := e.Append(nil, b, &r)
		if err != nil || !json.Valid(doc) || !utf8.Valid(doc) {
			t.Fatalf("%v, invalid JSON\n%s\nof %q", err, doc, raw)
		}
		fresh, err := (&output.ECS{Node: "wec-1"}).Append(nil, b, &r)
		if err != nil || !bytes.Equal(doc, fresh) {
			t.Fatalf("%v, something stayed of the event before\n%s\n%s", err, doc, fresh)
		}
		o, err := infoset.Parse(doc)
		if err != nil {
			t.Fatal(err)
		}
		shape(t, map[string]string{}, &relation{}, "", o, keep)
	})
}

// TestECSNoAllocations: once warm, an event of whatever shape costs none, decoding included.
func TestECSNoAllocations(t *testing.T) {
	var d events.Decoder
	var r events.Record
	e := &output.ECS{Node: "wec-1"}
	b := delivery()
	dst := make([]byte, 0, 1<<20)
	for _, s := range append(append(corpus.Lines(t, "../simulator/sample.xmll"), corpus.Lines(t, "testdata/edge.xmll")...), ecsSeeds...) {
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

// TestECSDelivery: what the collector adds, from one encoder over several deliveries.
func TestECSDelivery(t *testing.T) {
	var d events.Decoder
	var r events.Record
	if err := d.Decode([]byte(wrap+"<System><EventID>1</EventID></System></Event>"), &r); err != nil {
		t.Fatal(err)
	}
	e := &output.ECS{}
	for _, c := range []struct {
		b    *events.Batch
		node string
		want string
	}{
		{&events.Batch{}, "", `{"ecs":{"version":"8.17.0"},"event":{"code":"1","kind":"event","id":"ID","severity":40},"winlog":{"event_id":"1"}}`},
		{&events.Batch{Source: "a", Received: time.Date(2026, 3, 4, 5, 6, 7, 89_999_999, time.UTC)}, "n",
			`{"@timestamp":"2026-03-04T05:06:07.089Z","ecs":{"version":"8.17.0"},"event":{"code":"1","kind":"event","id":"ID","ingested":"2026-03-04T05:06:07.089Z","severity":40},"observer":{"name":"n","product":"wefka"},"winlog":{"event_id":"1"}}`},
		{&events.Batch{Source: "a", Received: time.Date(2026, 3, 4, 5, 6, 8, 0, time.UTC)}, "",
			`{"@timestamp":"2026-03-04T05:06:08.000Z","ecs":{"version":"8.17.0"},"event":{"code":"1","kind":"event","id":"ID","ingested":"2026-03-04T05:06:08.000Z","severity":40},"winlog":{"event_id":"1"}}`},
	} {
		e.Node = c.node
		doc, err := e.Append([]byte("x"), c.b, &r)
		want := "x" + strings.Replace(c.want, "ID", string(output.AppendID(nil, c.b.Source, &r)), 1)
		if err != nil || string(doc) != want {
			t.Errorf("%v\n got %s\nwant %s", err, doc, want)
		}
	}
	e.Node = "n\xff\"\x01"
	doc, _ := e.Append(nil, &events.Batch{}, &r)
	if got := member(t, string(doc), "observer.name"); got != "\"n\uFFFD\\\"\uFFFD\"" {
		t.Error(got)
	}
}
