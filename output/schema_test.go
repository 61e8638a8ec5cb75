package output

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/internal/corpus"
)

// object is a JSON Schema, or a part of one.
type object = map[string]any

func closed(properties object, required ...string) object {
	o := object{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

func listOf(item object) object { return object{"type": "array", "items": item, "minItems": 1} }

func upTo(limit uint64) object { return object{"type": "integer", "minimum": 0, "maximum": limit} }

func matching(pattern string) object { return object{"type": "string", "pattern": "^" + pattern + "$"} }

func oneOf[T any](values ...T) object { return object{"enum": values} }

func constantText(s string) object { return object{"const": s} }

var (
	anyText      = object{"type": "string"}
	text         = object{"type": "string", "minLength": 1}
	truth        = object{"type": "boolean"}
	freeTexts    = object{"type": "object", "additionalProperties": anyText}
	moment       = matching(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z`)
	milliseconds = matching(`[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z`)
	uid          = matching("[0-9a-f]{32}")
	anAddress    = matching("([0-9]{1,3}(\\.[0-9]{1,3}){3}|[0-9a-f:.]*:[0-9a-f:.]*)")
)

// jsonSchema describes the json document, from the lists that it is made of.
func jsonSchema() object {
	parts := func(lists ...[]jsonPart) object {
		o := object{}
		for _, list := range lists {
			for _, p := range list {
				o[p.name] = anyText
				if p.limit > 0 {
					o[p.name], o[p.name+"Text"] = upTo(p.limit), anyText
				}
			}
		}
		return o
	}
	system := parts(systemParts[:], originParts[:])
	system["Provider"], system["Correlation"] = closed(parts(providerParts[:])), closed(parts(correlationParts[:]))
	system["Execution"] = closed(parts(executionParts))
	rendering := parts(renderingParts)
	rendering["Culture"], rendering["Keywords"] = anyText, object{"type": "array", "items": anyText}

	sysmon := object{"Event": oneOf(slices.Compact(slices.Sorted(nonEmpty(ruleGroups[:])))...)}
	hashes := object{}
	for _, d := range digests {
		hashes[d.name] = matching(fmt.Sprintf("[0-9A-Fa-f]{%d}", d.digits))
	}
	for _, f := range typedTable.fields {
		switch f.how {
		case typedTime:
			sysmon[f.name] = moment
		case typedInt:
			sysmon[f.name] = upTo(math.MaxUint32)
		case typedPort:
			sysmon[f.name] = upTo(math.MaxUint16)
		case typedTruth:
			sysmon[f.name] = truth
		case typedHashes:
			h := closed(hashes)
			h["minProperties"] = 1
			sysmon[f.name] = h
		case typedRule:
			sysmon["Rule"] = object{"type": "object", "properties": object{"Techniques": listOf(matching(`T[0-9]{4}(\.[0-9]{3})?`))}, "additionalProperties": anyText}
		case typedAnswers:
			sysmon["Answers"] = listOf(object{"oneOf": []object{closed(object{"Address": text}, "Address"), closed(object{"Type": upTo(math.MaxUint16), "Data": text}, "Type")}})
		case typedValue:
			sysmon["Value"] = closed(object{"Type": oneOf("REG_DWORD", "REG_QWORD"), "Number": upTo(math.MaxUint64)}, "Type", "Number")
		}
	}
	data := object{"type": "object", "properties": object{"Data": object{"type": "array", "items": anyText}}, "additionalProperties": anyText}
	collector := closed(object{
		"Uid": uid, "Received": milliseconds, "Source": closed(object{"Principal": text, "Address": text}),
		"Subscription": closed(object{"Name": text, "Uuid": text, "Version": text}), "Node": text,
		"Severity": object{"type": "integer", "minimum": 1, "maximum": 5}, "Error": text,
	}, "Uid", "Severity")
	s := closed(object{
		"System": closed(system), "EventData": data, "EventDataName": anyText, "EventDataList": object{"type": "array", "items": closed(parts(fieldParts[:]))},
		"UserData": anyText, "UserDataTree": object{"type": "object"}, "ProcessingErrorData": closed(parts(processingErrorParts)),
		"BinaryEventData": anyText, "DebugData": closed(parts(debugParts)), "Other": listOf(closed(parts(otherParts[:]), "Name", "Xml")),
		"RenderingInfo": closed(rendering), "Sysmon": closed(sysmon), "Collector": collector,
	}, "Collector")
	s["dependentRequired"] = object{"EventDataName": []string{"EventData"}, "EventDataList": []string{"EventData"}, "UserData": []string{"UserDataTree"}, "UserDataTree": []string{"UserData"}}
	s["title"], s["description"] = "json/1", "A Windows event as wefka's format json has it."
	return s
}

func nonEmpty(list []string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, s := range list {
			if s != "" && !yield(s) {
				return
			}
		}
	}
}

// values are the members of ecs that take only certain values.
func values() map[member]object {
	categories, types := map[string]bool{}, map[string]bool{}
	add := func(to map[string]bool, list string) {
		var all []string
		if list != "" && json.Unmarshal([]byte(list), &all) == nil {
			for _, s := range all {
				to[s] = true
			}
		}
	}
	for _, s := range sysmonEvents {
		add(categories, s.category)
		add(types, s.types)
	}
	for _, s := range securityEvents {
		add(categories, s.category)
		add(types, s.types)
	}
	for _, p := range powershellEvents {
		add(types, p.types)
	}
	var short []string
	for _, h := range hives {
		short = append(short, h.short)
	}
	v := map[member]object{
		timestamp: milliseconds, eventCreated: milliseconds, eventIngested: milliseconds, ecsVersion: constantText(ECSVersion), eventKind: constantText("event"), eventUID: uid,
		eventCategory: listOf(oneOf(slices.Sorted(maps.Keys(categories))...)), eventType: listOf(oneOf(slices.Sorted(maps.Keys(types))...)),
		eventOutcome: oneOf("failure", "success"), eventSeverity: oneOf(20, 40, 60, 80, 100), observerProduct: constantText("wefka"),
		logLevel: oneOf(slices.Compact(slices.Sorted(slices.Values(levels[:])))...), registryHive: oneOf(short...),
		registryType: oneOf("REG_BINARY", "REG_DWORD", "REG_QWORD", "REG_SZ"), networkDirection: oneOf("egress", "ingress"), networkType: oneOf("ipv4", "ipv6"),
		networkCommunityID: matching("1:[0-9A-Za-z+/]{27}="), logonType: oneOf(slices.Sorted(nonEmpty(logonTypes[:]))...),
		sourceIP: anAddress, destinationIP: anAddress, dnsResolvedIP: listOf(anAddress), relatedIP: listOf(anAddress), relatedHash: listOf(matching("([0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})")),
		sourcePort: upTo(math.MaxUint16), destinationPort: upTo(math.MaxUint16), winlogVersion: upTo(math.MaxUint8),
		threatFramework: constantText("MITRE ATT&CK"), threatTechnique: listOf(matching("T[0-9]{4}")), threatSubtechnique: listOf(matching(`T[0-9]{4}\.[0-9]{3}`)),
		dnsAnswers:     listOf(closed(object{"type": text, "data": text}, "type")),
		commandDetails: listOf(closed(object{"type": text, "related_command": anyText, "name": anyText, "value": anyText}, "type", "related_command")),
	}
	for _, first := range []member{dllMD5, fileMD5} {
		for i, d := range digests {
			v[first+member(i)] = matching(fmt.Sprintf("[0-9a-f]{%d}", d.digits))
		}
	}
	for i, m := range []member{processMD5, processSHA1, processSHA256, processImphash} {
		v[m] = matching(fmt.Sprintf("[0-9a-f]{%d}", digests[i].digits))
	}
	return v
}

// ecsSchema describes the ecs document, from the table that it is made of.
func ecsSchema() object {
	top := object{}
	special := values()
	for m, s := range schema {
		at := top
		names := strings.Split(s.path, ".")
		for _, name := range names[:len(names)-1] {
			if at[name] == nil {
				at[name] = closed(object{})
				at[name].(object)["minProperties"] = 1
			}
			at = at[name].(object)["properties"].(object)
		}
		v := special[member(m)]
		if v == nil {
			switch s.kind {
			case asText, asWord:
				v = text
			case asList:
				v = listOf(anyText)
			case asNumber:
				v = upTo(math.MaxUint32)
			case asTruth:
				v = truth
			case asFields:
				v = freeTexts
			default:
				panic("no shape for " + s.path)
			}
		}
		at[names[len(names)-1]] = v
	}
	top["event"].(object)["required"] = []string{"id", "kind", "severity"}
	o := closed(top, "@timestamp", "ecs", "event")
	o["title"], o["description"] = "ecs/"+ECSVersion, "A Windows event as wefka's format ecs has it, in the Elastic Common Schema "+ECSVersion+"."
	return o
}

var schemas = map[string]struct {
	file string
	make func() object
}{
	"json": {"../docs/schema/json-1.schema.json", jsonSchema},
	"ecs":  {"../docs/schema/ecs-" + ECSVersion + ".schema.json", ecsSchema},
}

// compiled is the schema of a format as it is in docs, which has to be what the tables say.
func compiled(t *testing.T, format string) *jsonschema.Schema {
	t.Helper()
	s := schemas[format]
	o := s.make()
	o["$schema"], o["$id"] = "https://json-schema.org/draft/2020-12/schema", "urn:wefka:schema:"+o["title"].(string)
	want, err := json.MarshalIndent(o, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, '\n')
	if f := flag.Lookup("update"); f.Value.String() == "true" {
		if err := os.WriteFile(s.file, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Fatalf("%s is not what the encoder's tables say; go test ./output -run Schema -update writes it", s.file)
	}
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(s.file, doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

// ours are the files of events that are in the project.
var ours = []string{"testdata/edge.xmll", "testdata/examples.xmll", "../simulator/sample.xmll"}

// TestDocumentsFollowSchema: every event there is, ours and the recorded ones, gives documents that follow their schema.
func TestDocumentsFollowSchema(t *testing.T) {
	for format := range schemas {
		s := compiled(t, format)
		encoder, err := NewEncoder(format, Settings{Node: "wec-1"})
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range append(corpus.Find(t), ours...) {
			lines := corpus.Lines(t, file)
			for i, line := range lines {
				var d events.Decoder
				var r events.Record
				if err := d.Decode([]byte(line), &r); err != nil {
					t.Fatalf("%s:%d: %v", file, i+1, err)
				}
				batch := sysmonBatch(0, format)
				batch.KeepEventData, batch.EventOriginal = i%2 == 0, i%3 == 0
				doc, err := encoder.Append(nil, batch, &r)
				if err != nil {
					t.Fatal(err)
				}
				v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
				if err != nil {
					t.Fatal(err)
				}
				if err := s.Validate(v); err != nil {
					t.Errorf("%s:%d: %v\n%s", file, i+1, err, doc)
				}
			}
			t.Logf("%s: %s: %d documents", format, file, len(lines))
		}
	}
}
