package output

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/internal/corpus"
)

// mutate calls refuse for each way to spoil a document: every value with another type or in a list, a member more in every object.
// The document is as it was after each. path is where v is.
func mutate(v any, path string, set func(any), refuse func(how string)) {
	try := func(how string, other any) {
		set(other)
		refuse(path + ": " + how)
		set(v)
	}
	switch v := v.(type) {
	case object:
		v["unheard of"] = json.Number("1") // free objects take strings only
		refuse(path + ": a member more")
		delete(v, "unheard of")
		for name, inner := range v {
			if name == "UserDataTree" { // its shape is the event's
				continue
			}
			mutate(inner, path+"."+name, func(other any) { v[name] = other }, refuse)
		}
		try("text instead of an object", "x")
	case []any:
		for i, inner := range v {
			mutate(inner, path+"[]", func(other any) { v[i] = other }, refuse)
		}
		try("no list", "x")
	case string:
		try("number instead of a text", json.Number("7"))
		try("list instead of a text", []any{v})
	case json.Number:
		try("text instead of a number", v.String())
		try("negative", json.Number("-1"))
		try("fraction", json.Number("1.5"))
		try("huge", json.Number("18446744073709551616"))
	case bool:
		try("text instead of true or false", "true")
	}
	try("null", nil)
}

// TestSchemaIsStrict: documents that no encoder writes are refused, each change by itself.
func TestSchemaIsStrict(t *testing.T) {
	for format := range schemas {
		s := compiled(t, format)
		encoder, err := NewEncoder(format, Settings{Node: "wec-1"})
		if err != nil {
			t.Fatal(err)
		}
		refused := 0
		for _, file := range ours {
			for _, line := range corpus.Lines(t, file) {
				var d events.Decoder
				var r events.Record
				if err := d.Decode([]byte(line), &r); err != nil {
					t.Fatal(err)
				}
				raw, err := encoder.Append(nil, sysmonBatch(0, format), &r)
				if err != nil {
					t.Fatal(err)
				}
				doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
				if err != nil {
					t.Fatal(err)
				}
				mutate(doc, "", func(other any) { doc = other }, func(how string) {
					refused++
					if s.Validate(doc) == nil {
						t.Errorf("%s: taken although spoilt: %s", format, how)
					}
				})
			}
		}
		t.Logf("%s: %d spoilt documents refused", format, refused)
	}
}

// TestSchemaWords: values that the tables do not have are refused, and so is a document without what all have.
func TestSchemaWords(t *testing.T) {
	for format, changes := range map[string][]string{
		"json": {`"Severity":2`, `"Severity":6`, `"Uid":"`, `"Uid":"x`, `"Event":"ProcessCreate"`, `"Event":"Other"`, `"EventID":1`, `"EventID":65536`, `"UtcTime":"2026-03-04T`, `"UtcTime":"2026-03-04 `, `"Collector"`, `"Kollector"`},
		"ecs": {`"kind":"event"`, `"kind":"alert"`, `"severity":40`, `"severity":50`, `"version":"8.17.0"`, `"version":"8.11.0"`, `["process"]`, `["proces"]`, `["start"]`, `[]`, `"level":"information"`, `"level":"info"`,
			`"@timestamp":"2026-03-04T`, `"@timestamp":"2026-03-04 `, `"sha256":"9f`, `"sha256":"9F`, `"@timestamp"`, `"timestamp"`, `"id":"`, `"uid":"`},
	} {
		s := compiled(t, format)
		encoder, err := NewEncoder(format, Settings{})
		if err != nil {
			t.Fatal(err)
		}
		var d events.Decoder
		var r events.Record
		b := sysmonBatch(1, format)
		if err := d.Decode(b.Raw[0], &r); err != nil {
			t.Fatal(err)
		}
		doc, err := encoder.Append(nil, b, &r)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i < len(changes); i += 2 {
			spoilt := strings.Replace(string(doc), changes[i], changes[i+1], 1)
			v, err := jsonschema.UnmarshalJSON(strings.NewReader(spoilt))
			if err != nil || spoilt == string(doc) {
				t.Fatalf("%s: %v\n%s", changes[i], err, spoilt)
			}
			if s.Validate(v) == nil {
				t.Errorf("%s: taken with %s", format, changes[i+1])
			}
		}
		if title := s.Title; title != schemaOf(t, format) {
			t.Errorf("%s: title %q is not wef.schema", format, title)
		}
	}
}

// schemaOf is the header wef.schema of a format's records.
func schemaOf(t *testing.T, format string) string {
	t.Helper()
	headers, _ := newBenchKafka(t).shared(nil, nil, sysmonBatch(1, format), format)
	for _, h := range headers {
		if h.Key == "wef.schema" {
			return string(h.Value)
		}
	}
	return ""
}
