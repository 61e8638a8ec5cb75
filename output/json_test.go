package output_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"path/filepath"
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

// delivery is the one that the worked examples tell of.
func delivery() *events.Batch {
	return &events.Batch{Subscription: "sysmon", SubscriptionID: "5F1C0D1E-2f7d-4a55-9b7e-6f6d6c1f0a11", Revision: "A34F284A-1006-4de9-a34f-284a10064de9",
		Source: "WS-017$@LAB.EXAMPLE", Addr: netip.MustParseAddr("::ffff:192.0.2.17"), Received: time.Date(2026, 3, 4, 5, 6, 12, 900_000_000, time.UTC)}
}

const wrap = "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'>"

// encode returns the document and the record.
func encode(t testing.TB, text string, b *events.Batch) ([]byte, *events.Record) {
	t.Helper()
	var d events.Decoder
	r := new(events.Record)
	if err := d.Decode([]byte(text), r); err != nil {
		t.Fatalf("%v\n%q", err, text)
	}
	doc, err := (&output.JSON{Node: "wec-1"}).Append(nil, b, r)
	if err != nil {
		t.Fatal(err)
	}
	return doc, r
}

// parse is encode and the document as ordered values.
func parse(t testing.TB, text string) infoset.Object {
	t.Helper()
	doc, _ := encode(t, text, &events.Batch{})
	o, err := infoset.Parse(doc)
	if err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	return o
}

// everything reads every event there is, by file: our own in testdata, the recorded ones beside the checkout.
func everything(t testing.TB) map[string][]string {
	t.Helper()
	all := map[string][]string{}
	for _, name := range append(corpus.Find(t), "testdata/edge.xmll", "testdata/examples.xmll") {
		all[filepath.Base(name)] = corpus.Lines(t, name)
	}
	return all
}

// TestExamples: the worked examples come out byte for byte, but for the blanks.
func TestExamples(t *testing.T) {
	want := corpus.Lines(t, "testdata/examples.json.ndjson")
	for i, line := range corpus.Lines(t, "testdata/examples.xmll") {
		var compact bytes.Buffer
		if err := json.Compact(&compact, []byte(want[i])); err != nil {
			t.Fatal(err)
		}
		got, _ := encode(t, line, delivery())
		if diff := cmp.Diff(compact.String(), string(got)); diff != "" {
			t.Errorf("line %d (-want +got)\n%s", i+1, diff)
		}
	}
}

func lossless(t *testing.T, original string, doc []byte) {
	t.Helper()
	want, err := infoset.Of(infoset.Legalise(original))
	if err != nil {
		t.Fatalf("%v\n%q", err, original)
	}
	o, err := infoset.Parse(doc)
	if err != nil {
		t.Fatalf("%v\n%s", err, doc)
	}
	again := infoset.Rebuild(o)
	got, err := infoset.Of(again)
	if err != nil {
		t.Fatalf("rebuilt: %v\n%q\nfrom\n%s", err, again, doc)
	}
	if diff := cmp.Diff(strings.Split(want, "\n"), strings.Split(got, "\n")); diff != "" {
		t.Fatalf("rebuilt event differs (-want +got)\n%s\noriginal %q\nrebuilt  %q\nfrom %s", diff, original, again, doc)
	}
}

// TestLossless rebuilds every event from its document, as recorded and with the line breaks of the wire; no name has two types;
// no typed value of Sysmon is a plain text.
func TestLossless(t *testing.T) {
	wire := strings.NewReplacer("&#13;", "\r", "&#10;", "\n")
	types := map[string]string{}
	for name, lines := range everything(t) {
		for _, line := range lines {
			for i, text := range []string{line, wire.Replace(line)} {
				if i > 0 && text == line {
					continue
				}
				doc, _ := encode(t, text, delivery())
				lossless(t, text, doc)
				if bytes.ContainsAny(doc, "\n\r") {
					t.Fatalf("a line break in %s", doc)
				}
			}
			o := parse(t, line)
			stable(t, types, "", o)
			sysmon, _ := o.Get("Sysmon").(infoset.Object)
			for _, m := range sysmon {
				if _, text := m.Value.(string); text && m.Name != "Event" && !strings.HasSuffix(m.Name, "UtcTime") {
					t.Errorf("%s is a text in Sysmon: %s", m.Name, m.Value)
				}
			}
		}
		t.Logf("%s: %d events", name, len(lines))
	}
}

// stable checks that a path has one type.
func stable(t *testing.T, types map[string]string, path string, v any) {
	t.Helper()
	kind := fmt.Sprintf("%T", v)
	if seen, ok := types[path]; ok && seen != kind {
		t.Errorf("%s is %s and %s", path, seen, kind)
	}
	types[path] = kind
	switch v := v.(type) {
	case infoset.Object:
		for _, m := range v {
			if m.Name != "UserDataTree" { // its shape is the event's
				stable(t, types, path+"."+m.Name, m.Value)
			}
		}
	case []any:
		for _, item := range v {
			stable(t, types, path+"[]", item)
		}
	}
}

func TestPayload(t *testing.T) {
	const system = wrap + "<System/>"
	for _, c := range []struct{ name, text, want string }{
		{"map", "<EventData><Data Name='b'>1</Data><Data Name='a'></Data></EventData>", `"EventData":{"b":"1","a":""}`},
		{"nothing", "", ``},
		{"empty", "<EventData/>", `"EventData":{}`},
		{"contract example", "<EventData Name='SetName'><Data Name='a'>1</Data><Data>x</Data><Data Name='a'>2</Data><Data Name='b' Type='win:UInt32'>7</Data><Binary>00FF</Binary></EventData>",
			`"EventData":{"a":"1","b":"7","Data":["x"],"Binary":"00FF"},"EventDataName":"SetName","EventDataList":[{"n":"a","v":"1"},{"v":"x"},{"n":"a","v":"2"},{"n":"b","v":"7","t":"win:UInt32"},{"v":"00FF","e":"Binary"}]`},
		{"colliding names", "<EventData><Data Name='Data'>1</Data><Data Name='Binary'>2</Data><Data Name=''>3</Data><Binary>4</Binary></EventData>",
			`"EventData":{"Data":["1","3"],"Binary":"2"},"EventDataList":[{"n":"Data","v":"1"},{"n":"Binary","v":"2"},{"n":"","v":"3"},{"v":"4","e":"Binary"}]`},
		{"other elements", "<EventData><ComplexData Name='c'>0102</ComplexData><ComplexData>03</ComplexData><X Name='Data'/></EventData>",
			`"EventData":{"c":"0102"},"EventDataList":[{"n":"c","v":"0102","e":"ComplexData"},{"v":"03","e":"ComplexData"},{"n":"Data","v":"","e":"X"}]`},
		{"text", "<EventData><Data Name='a\"\\'>&lt;&amp;&gt;\"\\\t\n\r\n&#13;é\u2028\U0001F600/</Data></EventData>",
			`"EventData":{"a\"\\":"<&>\"\\\t\n\n\ré` + "\u2028" + `😀/"}`},
		{"tree", "<UserData><t:Change xmlns:t='urn:example:tree' kind='full'><t:Item n='1'>a</t:Item><t:Item n='2'><t:Sub/></t:Item></t:Change></UserData>",
			`"UserData":"<t:Change xmlns:t='urn:example:tree' kind='full'><t:Item n='1'>a</t:Item><t:Item n='2'><t:Sub/></t:Item></t:Change>","UserDataTree":{"Change":{"@kind":"full","Item":[{"@n":"1","#text":"a"},{"@n":"2","Sub":""}]}}`},
		{"mixed tree", "<UserData>\n <a>x<b>&amp;</b> y<c/>\n<b> </b><![CDATA[<z>]]></a>\n<d e='1' f:e='2'/><d> <g/> </d></UserData>",
			`"UserDataTree":{"a":{"#text":"x y\n<z>","b":["&"," "],"c":""},"d":[{"@e":"1"},{"g":""}]}`},
		{"siblings at the top", "<UserData><a>1</a><a><b/><b/></a>t<a/></UserData>", `"UserDataTree":{"#text":"t","a":["1",{"b":["",""]},""]}`},
		{"empty tree", "<UserData/>", `"UserData":"","UserDataTree":{}`},
		{"text tree", "<UserData>x</UserData>", `"UserData":"x","UserDataTree":{"#text":"x"}`},
		{"processing error", "<ProcessingErrorData><ErrorCode>15005</ErrorCode><DataItemName>n</DataItemName><EventPayload/></ProcessingErrorData>",
			`"ProcessingErrorData":{"ErrorCode":15005,"DataItemName":"n","EventPayload":""}`},
		{"debug", "<DebugData><SequenceNumber>-7</SequenceNumber><Message>m</Message></DebugData>", `"DebugData":{"SequenceNumberText":"-7","Message":"m"}`},
		{"binary", "<BinaryEventData>DEAD</BinaryEventData>", `"BinaryEventData":"DEAD"`},
		{"other", "<SubscriptionBookmarkEvent><SubscriptionId></SubscriptionId></SubscriptionBookmarkEvent>",
			`"Other":[{"Name":"SubscriptionBookmarkEvent","Xml":"<SubscriptionBookmarkEvent><SubscriptionId></SubscriptionId></SubscriptionBookmarkEvent>"}]`},
		{"rendering", "<RenderingInfo Culture='en-US'><Level>l</Level><Message>m</Message><Keywords><Keyword>a</Keyword><Keyword/></Keywords></RenderingInfo>",
			`"RenderingInfo":{"Culture":"en-US","Message":"m","Level":"l","Keywords":["a",""]}`},
		{"no keywords", "<RenderingInfo><Keywords></Keywords></RenderingInfo>", `"RenderingInfo":{"Keywords":[]}`},
	} {
		doc, _ := encode(t, system+c.text+"</Event>", &events.Batch{})
		_, got, _ := strings.Cut(string(doc), `{"System":{},`)
		got, _, _ = strings.Cut(got, `"Collector"`)
		got = strings.TrimSuffix(got, ",")
		if _, tree, ok := strings.Cut(got, `"UserDataTree"`); ok && strings.HasPrefix(c.want, `"UserDataTree"`) {
			got = `"UserDataTree"` + tree
		}
		if got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.name, got, c.want)
		}
		lossless(t, system+c.text+"</Event>", doc)
	}
}

func TestSystem(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"<System/>", `{}`},
		{"<System><Provider/><Correlation/><Execution/><Security/><TimeCreated/></System>", `{"Provider":{},"Correlation":{},"Execution":{}}`},
		{"<System><EventID Qualifiers='49152'>65535</EventID><EventRecordID>18446744073709551615</EventRecordID></System>",
			`{"EventID":65535,"EventIDQualifiers":49152,"EventRecordID":18446744073709551615}`},
		{"<System><EventID Qualifiers=''>65536</EventID><Version>256</Version><Level>high</Level><Task>007</Task><Opcode> 1</Opcode><EventRecordID>18446744073709551616</EventRecordID></System>",
			`{"EventIDText":"65536","EventIDQualifiersText":"","VersionText":"256","LevelText":"high","TaskText":"007","OpcodeText":" 1","EventRecordIDText":"18446744073709551616"}`},
		{"<System><Security UserID='S-1-5-18'/><Container>c</Container><Computer>h</Computer><Execution UserTime='2' ProcessID='4294967295' ThreadID='4294967296'/><TimeCreated RawTime='7'/></System>",
			`{"RawTime":"7","Execution":{"ProcessID":4294967295,"ThreadIDText":"4294967296","UserTime":2},"Computer":"h","Container":"c","UserID":"S-1-5-18"}`},
	} {
		doc, _ := encode(t, wrap+c.text+"</Event>", &events.Batch{})
		_, got, _ := strings.Cut(string(doc), `"System":`)
		got, _, _ = strings.Cut(got, `,"Collector"`)
		if got != c.want {
			t.Errorf("%s\n got %s\nwant %s", c.text, got, c.want)
		}
		lossless(t, wrap+c.text+"</Event>", doc)
	}
}

func TestCollector(t *testing.T) {
	const event = wrap + "<System><EventID>1</EventID></System></Event>"
	collector := func(doc []byte) string {
		_, s, _ := strings.Cut(string(doc), `"Collector":`)
		return strings.TrimSuffix(s, "}")
	}
	doc, r := encode(t, event, &events.Batch{Received: time.Now()})
	if want := fmt.Sprintf(`{"Uid":"%s","Severity":2}`, output.AppendID(nil, "", r)); collector(doc) != want {
		t.Errorf("without a delivery: %s, want %s", collector(doc), want)
	}
	for _, c := range []struct{ text, want string }{
		{"<Event>&#1;</Event>", "illegal characters replaced"},
		{"<Event><System/><RenderingInfo><Message>x", "rendering truncated"},
		{"<Event>\x01<RenderingInfo><Message>x", "illegal characters replaced; rendering truncated"},
	} {
		if got := parse(t, c.text).Get("Collector").(infoset.Object).Get("Error"); got != c.want {
			t.Errorf("%q: error %q, want %q", c.text, got, c.want)
		}
	}

	// One encoder, several deliveries, even through the same Batch.
	e := output.JSON{}
	b := delivery()
	var last string
	for _, change := range []func(){func() {}, func() { b.Source = "other" }, func() { b.Revision = "2" }, func() { b.Addr = netip.Addr{} }, func() { b.Received = b.Received.Add(time.Second) }, func() { e.Node = "n\xff\"" }} {
		change()
		doc, _ := e.Append(nil, b, r)
		if got := collector(doc); got == last || !json.Valid(doc) {
			t.Errorf("stale or broken: %s", got)
		} else {
			last = got
		}
	}
	if want := `"Received":"2026-03-04T05:06:13.900Z","Source":{"Principal":"other"},"Subscription":{"Name":"sysmon","Uuid":"5f1c0d1e-2f7d-4a55-9b7e-6f6d6c1f0a11","Version":"2"},"Node":"n` + "\uFFFD" + `\"","Severity":2}`; !strings.HasSuffix(last, want) {
		t.Errorf("%s, want … %s", last, want)
	}
}

// TestEscape: what is no XML, which only names of ours could bring, still gives good JSON.
func TestEscape(t *testing.T) {
	for n := range 40 {
		for c := range 0x80 {
			name := strings.Repeat("x", n) + string(rune(c)) + strings.Repeat("\\", n) + strings.Repeat(string(rune(c)), n)
			doc, err := (&output.JSON{Node: name}).Append(nil, delivery(), &events.Record{})
			if err != nil {
				t.Fatal(err)
			}
			if c < ' ' {
				name = strings.ReplaceAll(name, string(rune(c)), "\uFFFD")
			}
			var got struct{ Collector struct{ Node string } }
			if err := json.Unmarshal(doc, &got); err != nil || got.Collector.Node != name {
				t.Fatalf("%q: %v, %q", name, err, got.Collector.Node)
			}
		}
	}
}

// jsonSeeds are texts in which something has no place of its own in the document.
var jsonSeeds = []string{
	wrap + "<System><Odd/><Level>4</Level></System><EventData>x<Data Name='a'>1<b/></Data></EventData><EventData/><Y/></Event>",
	"<e:Event xmlns:e='urn:e'><e:System/></e:Event>",
	"<Event a='1'>text<System/></Event>",
	wrap + "<System>\x01<Computer>\xff&#5;\\\"</Computer></System><UserData><a>&#5;</a></UserData></Event>",
	wrap + "<RenderingInfo Culture='a&#9;b'><Message>\r\n</Message><Publisher/></RenderingInfo></Event>",
	wrap + "<RenderingInfo><Message>cut",
	wrap + "<System><Provider Name='Microsoft-Windows-Sysmon'/><EventID>22</EventID></System><EventData><Data Name='RuleName'>x,a=1,a=2,T1059</Data><Data Name='QueryResults'>type: 5 a;1.2.3.4;::1%z;</Data><Data Name='Hashes'>MD5=x</Data></EventData></Event>",
}

func TestJSONSeeds(t *testing.T) {
	for _, s := range jsonSeeds[:5] {
		doc, _ := encode(t, s, &events.Batch{})
		lossless(t, s, doc)
	}
}

func FuzzJSON(f *testing.F) {
	for _, s := range append(jsonSeeds, corpus.Lines(f, "testdata/edge.xmll")...) {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var d events.Decoder
		var r events.Record
		if d.Decode(raw, &r) != nil {
			return
		}
		doc, err := (&output.JSON{}).Append(nil, delivery(), &r)
		if err != nil || !json.Valid(doc) || !utf8.Valid(doc) {
			t.Fatalf("%v, invalid JSON\n%s\nof %q", err, doc, raw)
		}
		if _, err := infoset.Of(infoset.Legalise(string(raw))); err == nil {
			lossless(t, string(raw), doc)
		}
	})
}
