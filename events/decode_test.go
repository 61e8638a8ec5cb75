package events_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wefka/wefka/events"
	"github.com/wefka/wefka/internal/corpus"
)

const wrap = "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'>"

func decode(t *testing.T, text string) *events.Record {
	t.Helper()
	var d events.Decoder
	var r events.Record
	if err := d.Decode([]byte(text), &r); err != nil {
		t.Fatalf("%v\n%q", err, text)
	}
	return &r
}

// TestOracle compares the decoder with encoding/xml on every recorded event, as recorded and with the line breaks of the wire.
func TestOracle(t *testing.T) {
	wire := strings.NewReplacer("&#13;", "\r", "&#10;", "\n")
	var d events.Decoder
	for name, lines := range recorded(t) {
		for _, line := range lines {
			agree(t, &d, line)
			if w := wire.Replace(line); w != line {
				agree(t, &d, w)
			}
		}
		t.Logf("%s: %d events", name, len(lines))
	}
}

// seeds are hard texts: every construct of XML in every place where the decoder could trip over it.
var seeds = []string{
	wrap + "</Event>",
	"<Event/>",
	sysmonLike,
	"\uFEFF<?xml version='1.0' encoding='utf-8'?>\r\n<!-- c -->" + wrap + "<System/></Event>\r\n<!-- d --> <?p i?>",
	"<e:Event xmlns:e='urn:e'><e:System><e:EventID e:Qualifiers='1' Qualifiers='2'>3</e:EventID></e:System></e:Event>",
	wrap + "<System>\n\t<Provider\n\tName = \"a'b\"\n\tGuid='{}' ></Provider ><EventID\t>1</EventID\r\n><TimeCreated RawTime='12'/><Security/><Container>c</Container></System></Event>",
	wrap + "<System><EventID>1</EventID><EventID>2</EventID><Level Odd='1'>4</Level><Odd/>text<Task><b>1</b>2</Task></System></Event>",
	wrap + "<System><Computer>a&#x41;&amp;&lt;&gt;&quot;&apos;\r\n\r&#13;\n</Computer><Channel><![CDATA[a]]>]]&gt;<![CDATA[b\r\n]]><!-- c --></Channel></System></Event>",
	wrap + "<System><Provider Name='a\tb\nc\r\nd\re&#9;f&#10;g' Guid='<'/></System></Event>",
	wrap + "<System><Provider Name='a\tb\nc\r\nd\re&#9;f&#10;g'>x</Provider></System></Event>",
	wrap + "<System>\x01<Computer>a\x02b\xff\xc3&#5;&#xFFFE;&#xD800;&#x110000;&#99999999999999999999;\uFFFE</Computer></System></Event>",
	wrap + "<EventData Name='n'><Data Name='a'>1</Data><Data>x</Data><Data/><Data Name='a' Type='t' Odd='o'>2</Data><Binary>00</Binary><ComplexData Name='c'>a<b x='&amp;y'/>c<d>e</d></ComplexData>t</EventData></Event>",
	wrap + "<EventData><Data Name='a&amp;b'>1</Data><Data Name='a\tb'>&lt;</Data><Data Name='a'><![CDATA[<x>]]></Data><Data Name='a' >1</Data></EventData><EventData><Data Name='z'/></EventData></Event>",
	wrap + "<UserData><a xmlns='urn:a' b='&#65;' xmlns:p='urn:p' p:c='2'>t<p:d/><!-- c --><e>&amp;<![CDATA[<>]]></e>&#6;</a><f></f></UserData></Event>",
	wrap + "<UserData/><ProcessingErrorData><ErrorCode>1</ErrorCode><EventPayload/></ProcessingErrorData><DebugData><Message>m</Message></DebugData><BinaryEventData>00</BinaryEventData></Event>",
	wrap + "<RenderingInfo Culture='en-US'><Message>a\r\nb</Message><Keywords><Keyword>k</Keyword><Keyword/></Keywords><Publisher>p</Publisher></RenderingInfo></Event>",
	wrap + "<RenderingInfo Culture='en-US'><Message>a\r\nb",
	wrap + "<SubscriptionBookmarkEvent><SubscriptionId></SubscriptionId></SubscriptionBookmarkEvent></Event>",
	"<!DOCTYPE Event [<!ENTITY a 'b'>]><Event>&a;</Event>",
	"<Event><System><Computer>&unknown;</Computer></System></Event>",
	"<a><Event/></a>",
	strings.Repeat("<Event>", 300),
}

func TestSeeds(t *testing.T) {
	var d events.Decoder
	for _, s := range seeds {
		agree(t, &d, s)
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	for _, s := range corpus.Lines(f, "testdata/edge.xmll") {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		var d events.Decoder
		agree(t, &d, string(raw))
		events.IsBookmarkEvent(raw)
	})
}

// TestOther: what the record has no place for is kept as it was sent.
func TestOther(t *testing.T) {
	const sane = "<System><EventID>1</EventID></System>"
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"nothing", wrap + sane + "<EventData><Data Name='a' Type='t'>1</Data><X Name='b'>2</X></EventData></Event>", nil},
		{"white space, comments, instructions", wrap + "\r\n <!-- c --> <?p i?>" + sane + "\n</Event>", nil},
		{"unknown child", wrap + sane + "<Odd a='1'><b/></Odd></Event>", []string{"<Odd a='1'><b/></Odd>"}},
		{"repeated child", wrap + sane + "<System/></Event>", []string{sane, "<System/>"}},
		{"unknown part of System", wrap + "<System><Odd/></System></Event>", []string{"<System><Odd/></System>"}},
		{"unknown attribute", wrap + "<System><Level a='1'>4</Level></System></Event>", []string{"<System><Level a='1'>4</Level></System>"}},
		{"attribute of System", wrap + "<System a='1'/></Event>", []string{"<System a='1'/>"}},
		{"repeated part", wrap + "<System><Level>4</Level><Level>5</Level></System></Event>", []string{"<System><Level>4</Level><Level>5</Level></System>"}},
		{"text in an empty element", wrap + "<System><Security UserID='S-1-5-18'>x</Security></System></Event>", []string{"<System><Security UserID='S-1-5-18'>x</Security></System>"}},
		{"text between elements", wrap + sane + "<EventData>x</EventData></Event>", []string{"<EventData>x</EventData>"}},
		{"element in a value", wrap + sane + "<EventData><Data Name='a'>1<b/></Data></EventData></Event>", []string{"<EventData><Data Name='a'>1<b/></Data></EventData>"}},
		{"unknown part of RenderingInfo", wrap + sane + "<RenderingInfo><Publisher/></RenderingInfo></Event>", []string{"<RenderingInfo><Publisher/></RenderingInfo>"}},
		{"prefix", wrap + "<x:System/></Event>", []string{wrap + "<x:System/></Event>"}},
		{"attribute of Event", "<Event a='1'>" + sane + "</Event>", []string{"<Event a='1'>" + sane + "</Event>"}},
		{"text in Event", wrap + sane + "x</Event>", []string{wrap + sane + "x</Event>"}},
	} {
		var got []string
		for _, o := range decode(t, c.text).Other {
			got = append(got, string(o.XML))
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", c.name, diff)
		}
	}
}

func TestIllegal(t *testing.T) {
	for _, c := range []struct {
		text, want string
		illegal    bool
	}{
		{"a\tb\nc\rd\r\ne", "a\tb\nc\nd\ne", false},
		{"&#13;&#10;\r\n&#xD;\n", "\r\n\n\r\n", false},
		{"a\x00b\x1fc", "a\uFFFDb\uFFFDc", true},
		{"a&#0;b&#x1F;c&#8;", "a\uFFFDb\uFFFDc\uFFFD", true},
		{"\uFFFD&#xFFFD;", "\uFFFD\uFFFD", false},
		{"\uFFFE\uFFFF&#xFFFE;&#65535;", "\uFFFD\uFFFD\uFFFD\uFFFD", true},
		{"&#xD800;&#xDFFF;", "\uFFFD\uFFFD", true},
		{"&#x110000;&#99999999999999999999;", "\uFFFD\uFFFD", true},
		{"&#x10FFFF;\U0010FFFF\U0001FFFE", "\U0010FFFF\U0010FFFF\U0001FFFE", false},
		{"a\xffb\xc3", "a\uFFFDb\uFFFD", true},
		{"\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD", true}, // a surrogate in UTF-8
		{"<![CDATA[\x01&#1;]]>&#2;<!-- &#3; -->", "\uFFFD&#1;\uFFFD", true},
		{"<![CDATA[&#1;]]>", "&#1;", false},
	} {
		text := wrap + "<EventData><Data Name='v'>" + c.text + "</Data></EventData></Event>"
		r := decode(t, text)
		if got := string(r.Fields[0].Value); got != c.want || r.Illegal != c.illegal || string(r.Raw) != text {
			t.Errorf("%q: %q, illegal %v; want %q, %v", c.text, got, r.Illegal, c.want, c.illegal)
		}
	}
	r := decode(t, wrap+"<UserData><a>&#1;\x02<![CDATA[&#1;]]></a></UserData></Event>")
	if got, want := string(r.UserData), "<a>\uFFFD\uFFFD<![CDATA[&#1;]]></a>"; got != want || !r.Illegal {
		t.Errorf("UserData %q, want %q", got, want)
	}
}

// TestAttributeBlanks: XML 1.0 3.3.3. encoding/xml leaves the raw ones as they are, so the oracle cannot see the difference.
func TestAttributeBlanks(t *testing.T) {
	r := decode(t, wrap+"<EventData><Data Name='a\tb\nc\rd\r\ne&#9;f&#10;g&#13;h'>\t\n</Data></EventData></Event>")
	if got, want := string(r.Fields[0].Name), "a b c d e\tf\ng\rh"; got != want {
		t.Errorf("name %q, want %q", got, want)
	}
}

// TestTruncated cuts an event with RenderingInfo at every byte: from the end of <RenderingInfo on it must be recovered whole.
func TestTruncated(t *testing.T) {
	const payload = wrap + "<System><EventID>5</EventID></System><EventData><Data Name='a'>1</Data></EventData>"
	const whole = payload + "<RenderingInfo Culture='en-US'><Message>é a\r\n&#13;<![CDATA[ b ]]><!-- c --></Message><Keywords><Keyword/></Keywords></RenderingInfo></Event>"
	first, last := len(payload)+len("<RenderingInfo"), len(whole)
	var d events.Decoder
	var r events.Record
	for i := range last {
		err := d.Decode([]byte(whole[:i]), &r)
		if i < first {
			if err == nil {
				t.Fatalf("accepted %q", whole[:i])
			}
			continue
		}
		if err != nil || !r.Truncated || r.Illegal || r.ID != 5 || len(r.Fields) != 1 || r.Has(events.PartRenderingInfo) || string(r.Raw) != whole[:i] {
			t.Fatalf("cut at %d: %v %+v\n%q", i, err, r, whole[:i])
		}
	}
	if err := d.Decode([]byte(whole), &r); err != nil || r.Truncated || !r.Has(events.PartRenderingInfo) {
		t.Fatalf("whole: %v %+v", err, r)
	}
	if err := d.Decode([]byte(payload+"<RenderingInfo><Message>a</Wrong></RenderingInfo></Event>"), &r); err == nil {
		t.Error("malformed is not truncated")
	}
}

func TestErrors(t *testing.T) {
	const secret = "top-secret"
	for _, c := range []struct{ text, want string }{
		{"", "event xml: unexpected end at byte 0"},
		{"   ", "event xml: unexpected end at byte 3"},
		{secret, "event xml: text before the root element at byte 0"},
		{"<" + secret + "/>", events.ErrRoot.Error()},
		{"<Event><" + secret + "></Event>", "event xml: end tag that does not match its start tag at byte 19"},
		{"<Event><a></b></Event>", "event xml: end tag that does not match its start tag at byte 10"},
		{"<Event>&" + secret + ";</Event>", "event xml: unknown entity or broken reference at byte 7"},
		{"<Event><a>&#x;</a></Event>", "event xml: unknown entity or broken reference at byte 10"},
		{"<Event><a>&#12</a></Event>", "event xml: unknown entity or broken reference at byte 10"},
		{"<Event><a>a & b</a></Event>", "event xml: unknown entity or broken reference at byte 12"},
		{"<Event><a b></a></Event>", "event xml: '=' expected at byte 11"},
		{"<Event><a b=c></a></Event>", "event xml: quote expected at byte 12"},
		{"<Event><a b='<'></a></Event>", "event xml: '<' in an attribute at byte 13"},
		{"<Event><a b='1' b='2'/></Event>", "event xml: repeated attribute at byte 16"},
		{"<Event><1/></Event>", "event xml: element name expected at byte 8"},
		{"<Event></Event>" + secret, "event xml: text after the root element at byte 15"},
		{"<Event></Event><Event/>", "event xml: something after the root element at byte 15"},
		{"<Event></Event></Event>", "event xml: end tag without a start tag at byte 15"},
		{"<Event><![CDATA[", "event xml: unexpected end at byte 16"},
		{"<!DOCTYPE Event><Event/>", "event xml: document type or other declaration at byte 0"},
		{"<Event>\x01<a></b></Event>", "event xml: end tag that does not match its start tag at byte 13 (counted after illegal characters were replaced)"},
	} {
		var d events.Decoder
		var r events.Record
		err := d.Decode([]byte(c.text), &r)
		if err == nil || err.Error() != c.want {
			t.Errorf("%q: %v, want %s", c.text, err, c.want)
		}
	}
	if err := new(events.Decoder).Decode([]byte("<a/>"), new(events.Record)); !errors.Is(err, events.ErrRoot) {
		t.Errorf("unknown root: %v", err)
	}
}

// TestLimits: at the limit it works, beyond it there is an error.
func TestLimits(t *testing.T) {
	attributes := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, " a%d=''", i)
		}
		return "<Event><a" + b.String() + "/></Event>"
	}
	depth := func(n int) string {
		return "<Event>" + strings.Repeat("<a>", n-1) + strings.Repeat("</a>", n-1) + "</Event>"
	}
	for _, c := range []struct {
		name string
		text func(int) string
		n    int
	}{
		{"depth", depth, 256},
		{"attributes", attributes, 64},
		{"elements", func(n int) string { return "<Event>" + strings.Repeat("<a/>", n-1) + "</Event>" }, 16384},
		{"fields", func(n int) string {
			return "<Event><EventData>" + strings.Repeat("<Data Name='a'></Data>", n) + "</EventData></Event>"
		}, 16384/2 - 1},
		{"comments", func(n int) string { return "<Event>" + strings.Repeat("<!---->", n-1) + "</Event>" }, 16384},
	} {
		var d events.Decoder
		var r events.Record
		if err := d.Decode([]byte(c.text(c.n)), &r); err != nil {
			t.Errorf("%s, %d: %v", c.name, c.n, err)
		}
		if err := d.Decode([]byte(c.text(c.n+1)), &r); err == nil || !strings.Contains(err.Error(), "too many") {
			t.Errorf("%s, %d: %v, want too many", c.name, c.n+1, err)
		}
	}
}

// TestHostile: texts of a mebibyte that would take minutes if anything were quadratic.
func TestHostile(t *testing.T) {
	var d events.Decoder
	var r events.Record
	for _, s := range []string{"<!--", "<![CDATA[", "<?", "<a>", "</a>", "<a/>", "&#1;", "&#x0", "&amp;", "\r", "\x01", "]]>", "<Data Name='", "<RenderingInfo>", "<System>", "<Provider Name='", "a<b/>"} {
		for _, start := range []string{"", wrap, wrap + "\x01", wrap + "<System>", wrap + "<EventData><Data>", wrap + "<UserData>", wrap + "<RenderingInfo Culture='"} {
			_ = d.Decode([]byte(start+strings.Repeat(s, 1<<20/len(s))), &r)
		}
	}
}

// TestStrictness lists where encoding/xml takes what the decoder refuses; everything else that it takes the decoder takes too.
func TestStrictness(t *testing.T) {
	for _, text := range []string{
		"<!DOCTYPE Event><Event/>",
		"<Event><a b='1' b='2'/></Event>",
		"<Event>" + strings.Repeat("<a>", 256) + strings.Repeat("</a>", 256) + "</Event>",
	} {
		if _, err := readXML(text); err != nil && err != errDirective {
			t.Errorf("encoding/xml: %v", err)
		}
		if err := new(events.Decoder).Decode([]byte(text), new(events.Record)); err == nil {
			t.Errorf("accepted %q", text)
		}
	}
}

func TestNumbers(t *testing.T) {
	for text, want := range map[string]uint32{"": 0, "0": 0, "4688": 4688, "4294967295": 4294967295, "4294967296": 0, "-1": 0, " 1": 0, "1a": 0, "18446744073709551616": 0} {
		if r := decode(t, wrap+"<System><EventID>"+text+"</EventID></System></Event>"); r.ID != want {
			t.Errorf("%q: %d, want %d", text, r.ID, want)
		}
	}
	r := decode(t, wrap+"<System><TimeCreated SystemTime='1601-01-01T00:00:00.000000001Z'/></System></Event>")
	if want := time.Date(1601, 1, 1, 0, 0, 0, 1, time.UTC); !r.Time.Equal(want) {
		t.Errorf("time %v", r.Time)
	}
	if r := decode(t, wrap+"<System><TimeCreated SystemTime='soon'/></System></Event>"); !r.Time.IsZero() || string(r.TimeCreated) != "soon" {
		t.Errorf("time %v of %q", r.Time, r.TimeCreated)
	}
}

func TestIsBookmarkEvent(t *testing.T) {
	const real = wrap + "<System><Provider Name='Microsoft-Windows-EventForwarder'/><EventID>111</EventID><TimeCreated SystemTime='2026-03-05T09:14:22.107Z'/><Computer>PC-1.LAB.EXAMPLE</Computer></System><SubscriptionBookmarkEvent><SubscriptionId></SubscriptionId></SubscriptionBookmarkEvent></Event>"
	for text, want := range map[string]bool{
		real:                                   true,
		strings.Replace(real, "111", "112", 1): false,
		strings.Replace(real, "EventForwarder", "Forwarding", 1):                                      false,
		strings.ReplaceAll(real, "SubscriptionBookmarkEvent", "EventData"):                            false,
		strings.Replace(real, "</System>", "</System><!--"+strings.Repeat("x", 3000)+"-->", 1):        false,
		strings.Replace(real, "<SubscriptionId>", "<SubscriptionId", 1):                               false,
		wrap + "<System/><EventData><Data>&lt;SubscriptionBookmarkEvent/></Data></EventData></Event>": false,
		sysmonLike: false,
		"":         false,
	} {
		if got := events.IsBookmarkEvent([]byte(text)); got != want {
			t.Errorf("%v, want %v: %s", got, want, text)
		}
	}
}

// TestNoAllocations: once warm, an event of whatever shape costs none.
func TestNoAllocations(t *testing.T) {
	var d events.Decoder
	var r events.Record
	texts := [][]byte{[]byte(strings.ReplaceAll(sysmonLike, "'/>", "'  />"))}
	for _, s := range append(seeds, corpus.Lines(t, "testdata/edge.xmll")...) {
		if d.Decode([]byte(s), &r) == nil {
			texts = append(texts, []byte(s))
		}
	}
	for _, raw := range texts {
		if n := testing.AllocsPerRun(10, func() {
			if d.Decode(raw, &r) != nil {
				t.Error("error")
			}
		}); n != 0 && !r.Truncated {
			t.Errorf("%v allocations: %s", n, raw)
		}
	}
}
