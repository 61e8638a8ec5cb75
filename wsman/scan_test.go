package wsman

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func newScanner() *scanner { return &scanner{maxDepth: 256, maxEvents: 65535} }

// scanString reads a copy of text: the scanner may write to what it reads.
func scanString(text string) (*Events, error) {
	var m Events
	err := newScanner().scan([]byte(text), &m)
	return &m, err
}

// envelopeWith is a delivery as Windows writes it, with these headers and this body.
func envelopeWith(headers, body string) string {
	return `<s:Envelope xmlns:s="` + nsSOAP + `" xmlns:a="` + nsAddressing + `" xmlns:e="` + nsEventing + `" xmlns:w="` + nsWSMan + `" xmlns:p="` + nsMSWSMan +
		`"><s:Header><a:Action s:mustUnderstand="true">` + actionEvents + `</a:Action><a:MessageID>uuid:4D2E7B91-A8C5-4F06-B3E2-57C90D6F1A84</a:MessageID>` +
		headers + `</s:Header><s:Body>` + body + `</s:Body></s:Envelope>`
}

// batch is a w:Events of entries, each the inside of a w:Event.
func batch(entries ...string) string {
	var b strings.Builder
	for _, e := range entries {
		fmt.Fprintf(&b, `<w:Event Action="%s">%s</w:Event>`, actionEvent, e)
	}
	return "<w:Events>" + b.String() + "</w:Events>"
}

func texts(items [][]byte) []string {
	var out []string
	for _, i := range items {
		out = append(out, string(i))
	}
	return out
}

func TestScanHeader(t *testing.T) {
	text := `<?xml version="1.0" encoding="utf-16"?>
<env:Envelope xmlns:env="` + nsSOAP + `" xmlns="` + nsAddressing + `">
  <!-- any prefix, any order, pretty-printed -->
  <env:Header>
    <MessageID> uuid:4d2e7b91-A8C5-4f06-B3E2-57C90D6F1A84
    </MessageID>
    <ReplyTo><x/><Address env:mustUnderstand="true">http://reply/?a=1&amp;b=&#50;</Address></ReplyTo>
    <To><![CDATA[http://wec01:5985/x]]></To>
    <Action>` + actionHeartbeat + `</Action>
    <Action>second does not count</Action>
    <w:OperationTimeout xmlns:w="` + nsWSMan + `">PT60.000S</w:OperationTimeout>
    <w:MaxEnvelopeSize xmlns:w="` + nsWSMan + `"> 512000 </w:MaxEnvelopeSize>
    <m:MachineID xmlns:m="` + nsMachineID + `">pc-4471.corp.example</m:MachineID>
    <p:SessionId xmlns:p='` + nsMSWSMan + `'>uuid:S</p:SessionId>
    <p:OperationID xmlns:p='` + nsMSWSMan + `'>uuid:O</p:OperationID>
    <e:Identifier xmlns:e="` + nsEventing + `">3B0C6E52-9A47-4D1F-8E35-71C2D4F9A860</e:Identifier>
    <k:Revision xmlns:k="` + nsWefka + `">0E6B7F1D-52C8-4A39-B7D4-9F3A1C5E8D27</k:Revision>
    <Unknown env:mustUnderstand="true"><Action>not here</Action></Unknown>
    <q:Identifier xmlns:q="urn:other">not ours</q:Identifier>
  </env:Header>
  <env:Body/>
</env:Envelope>
`
	m, err := scanString(text)
	if err != nil {
		t.Fatal(err)
	}
	want := Header{
		Action: actionHeartbeat, MessageID: "uuid:4d2e7b91-A8C5-4f06-B3E2-57C90D6F1A84", To: "http://wec01:5985/x", ReplyTo: "http://reply/?a=1&b=2",
		MachineID: "pc-4471.corp.example", SessionID: "uuid:S", OperationID: "uuid:O", OperationTimeout: time.Minute, MaxEnvelopeSize: 512000,
		Identifier: "3B0C6E52-9A47-4D1F-8E35-71C2D4F9A860", Revision: "0E6B7F1D-52C8-4A39-B7D4-9F3A1C5E8D27", Clean: true,
	}
	if diff := cmp.Diff(want, m.Header); diff != "" {
		t.Error(diff)
	}
}

func TestScanItems(t *testing.T) {
	const a, b = `<Event xmlns='urn:e'><X>1</X></Event>`, `<Event xmlns='urn:e'><X>2</X></Event>`
	cdata := func(s string) string { return "<![CDATA[" + s + "]]>" }
	for _, c := range []struct {
		name, body string
		items      []string
		notices    []string
		dirty      bool
	}{
		{"none", "<w:Events></w:Events>", nil, nil, false},
		{"self-closing batch", "<w:Events/>", nil, nil, false},
		{"plain", batch(cdata(a), cdata(b), cdata(a)), []string{a, b, a}, nil, false},
		{"white space between", "<w:Events>\r\n " + strings.ReplaceAll(batch(cdata(a), cdata(b)), "</w:Event>", "</w:Event>\n\t")[10:], []string{a, b}, nil, false},
		{"white space inside", batch("\n  "+cdata(a)+"\n  ", "\n  "+cdata("\n"+b)+"\n  "), []string{a, b}, nil, false},
		{"entities", batch("&lt;Event a=&quot;x&quot;&gt;&#65;&#x42;&amp;amp;&lt;/Event&gt;", cdata(b)), []string{`<Event a="x">AB&amp;</Event>`, b}, nil, false},
		{"split CDATA", batch(cdata("<E>]]")+cdata("></E>"), cdata(a), cdata("<E>]]")+cdata("></E>")), []string{"<E>]]></E>", a, "<E>]]></E>"}, nil, false},
		{"CDATA beside text", batch("&lt;E&gt;" + cdata("&amp;") + "&lt;/E&gt;"), []string{"<E>&amp;</E>"}, nil, false},
		{"comments and instructions", batch("<!-- < ]]> -->"+cdata("<E>")+"<?x ?><!---->"+cdata("</E>"), cdata(a)), []string{"<E></E>", a}, nil, false},
		{"empty entries", batch("", cdata("")) + `<w:Events><w:Event Action="` + actionEvent + `"/></w:Events>`, []string{"", "", ""}, nil, false},
		{"a reference to nothing", batch("&lt;E&gt;&nbsp;&#0;&;&lt;/E&gt;"), []string{"<E>&nbsp;\uFFFD&;</E>"}, nil, true},
		{"forbidden characters", batch(cdata("<E>\x00\x05\uFFFE</E>"), "&#5;"), []string{"<E>\x00\x05\uFFFE</E>", "\x05"}, nil, false},
		{"elements", batch(" "+a+" ", b), []string{a, b}, nil, false},
		{"elements of a prefix from outside", batch(`<w:E w:a="1"><w:F/><g:G xmlns:g="urn:g"/></w:E>`),
			[]string{`<w:E xmlns:w="` + nsWSMan + `" w:a="1"><w:F/><g:G xmlns:g="urn:g"/></w:E>`}, nil, false},
		{"elements in a default namespace from outside", strings.Replace(batch("<Event><X/></Event>"), "<w:Events>", `<w:Events xmlns='urn:"d'>`, 1),
			[]string{`<Event xmlns='urn:"d'><X/></Event>`}, nil, false},
		{"elements that leave the default namespace", strings.Replace(batch(`<Event xmlns=""><X/></Event>`), "<w:Events>", `<w:Events xmlns='urn:d'>`, 1),
			[]string{`<Event xmlns=""><X/></Event>`}, nil, false},
		{"several elements", batch(`<w:A/>text<w:B><w:A/></w:B>`),
			[]string{`<w:A xmlns:w="` + nsWSMan + `"/>text<w:B xmlns:w="` + nsWSMan + `"><w:A/></w:B>`}, nil, false},
		{"another prefix each", `<x:Events xmlns:x="` + nsWSMan + `"><y:Event xmlns:y="` + nsWSMan + `" Action='` + actionEvent + `'>` + cdata(a) + `</y:Event>` +
			`<z:Event  xmlns:z="` + nsWSMan + `" other="1" Action=" ` + actionEvent + ` " >` + cdata(b) + `</z:Event ></x:Events>`, []string{a, b}, nil, false},
		{"same bytes, other namespace", `<w:Events><x xmlns:w="urn:w"><w:Event>` + cdata(a) + `</w:Event></x></w:Events>`, nil, nil, false},
		{"same bytes inside an entry", batch(cdata(a), `<w:Event Action="`+actionEvent+`">`+cdata(b)+`</w:Event>`),
			[]string{a, `<w:Event xmlns:w="` + nsWSMan + `" Action="` + actionEvent + `">` + cdata(b) + `</w:Event>`}, nil, false},
		{"notice", `<w:Events><w:Event Action="` + actionDroppedEvents + `"><w:DroppedEvents>3</w:DroppedEvents></w:Event>` + batch(cdata(a))[10:], []string{a},
			[]string{`<w:DroppedEvents xmlns:w="` + nsWSMan + `">3</w:DroppedEvents>`}, false},
		{"notices in CDATA", `<w:Events><w:Event Action="` + actionDroppedEvents + `">` + cdata("1") + `</w:Event><w:Event Action="` + actionDroppedEvents + `">` + cdata("2") + `</w:Event></w:Events>`,
			nil, []string{"1", "2"}, false},
		{"another action", `<w:Events><w:Event Action="x">` + cdata(a) + `</w:Event></w:Events>` + batch(cdata(b)), []string{b}, nil, false},
		{"no action", `<w:Events><w:Event>` + cdata(a) + `</w:Event><w:Event>` + cdata(b) + `</w:Event></w:Events>`, []string{a, b}, nil, false},
		{"strangers", `<x/><w:Events><w:Other>` + cdata(a) + `</w:Other><Event>` + cdata(a) + `</Event></w:Events>`, nil, nil, false},
		{"two batches of unlike prefixes", batch(cdata(a)) + `<v:Events xmlns:v="` + nsWSMan + `" xmlns:w="urn:w"><w:Event Action="` + actionEvent + `">` + cdata(b) +
			`</w:Event></v:Events>`, []string{a}, nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := scanString(envelopeWith("", c.body))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.items, texts(m.Items)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.notices, texts(m.Notices)); diff != "" {
				t.Error("notices", diff)
			}
			if m.Clean == c.dirty {
				t.Errorf("Clean = %v", m.Clean)
			}
			compareWithOracle(t, envelopeWith("", c.body))
		})
	}
}

func TestScanBookmark(t *testing.T) {
	const list = `<BookmarkList Direction="backward"><Bookmark Channel="Security" RecordId="72205" IsCurrent="true"/></BookmarkList>`
	w := ` xmlns:w="` + nsWSMan + `"`
	for _, c := range []struct{ name, header, want string }{
		{"none", "", ""},
		{"empty", "<w:Bookmark/><w:Bookmark> </w:Bookmark>", ""},
		{"opaque", "<w:Bookmark>" + list + "</w:Bookmark>", list},
		{"pretty", "<w:Bookmark>\n  " + list + "\n</w:Bookmark>", list},
		{"first counts", "<w:Bookmark>" + list + "</w:Bookmark><w:Bookmark>x</w:Bookmark>", list},
		{"earliest", "<w:Bookmark" + w + ">" + bookmarkEarliest + "</w:Bookmark>", bookmarkEarliest},
		{"comment, entity", `<w:Bookmark><!-- c --><B a="&lt;&#13;">&amp;</B></w:Bookmark>`, `<!-- c --><B a="&lt;&#13;">&amp;</B>`},
		{"prefix from outside", `<w:Bookmark><B w:x='1'/><B/></w:Bookmark>`, `<B` + w + ` w:x='1'/><B/>`},
		{"prefix of its own", `<w:Bookmark><w:B` + w + ` w:x='1'/></w:Bookmark>`, `<w:B` + w + ` w:x='1'/>`},
		{"default namespace from outside", `<w:Bookmark xmlns="urn:d"><B/></w:Bookmark>`, `<B xmlns="urn:d"/>`},
		{"default namespace taken back", `<w:Bookmark xmlns=""><B/></w:Bookmark>`, `<B/>`},
		{"xml prefix", `<w:Bookmark><B xml:lang="en"/></w:Bookmark>`, `<B xml:lang="en"/>`},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := envelopeWith(c.header, "")
			m, err := scanString(text)
			if err != nil {
				t.Fatal(err)
			}
			if string(m.Bookmark) != c.want || c.want == "" && m.Bookmark != nil {
				t.Errorf("%q, want %q", m.Bookmark, c.want)
			}
			compareWithOracle(t, text)
		})
	}
}

func TestScanRefuses(t *testing.T) {
	deep := func(n int) string {
		return envelopeWith("", strings.Repeat("<a>", n)+strings.Repeat("</a>", n))
	}
	for _, c := range []struct {
		name, text string
		want       error
	}{
		{"nothing", "", errEnvelope},
		{"no XML", "GET / HTTP/1.1", errMalformed},
		{"another root", `<Envelope/>`, errEnvelope},
		{"another SOAP", `<Envelope xmlns="http://schemas.xmlsoap.org/soap/envelope/"/>`, errEnvelope},
		{"DTD", `<!DOCTYPE x [<!ENTITY a "b">]>` + envelopeWith("", ""), errDTD},
		{"DTD inside", envelopeWith("<!ELEMENT x>", ""), errDTD},
		{"truncated", envelopeWith("", "")[:500], errMalformed},
		{"wrong end", envelopeWith("", "<a></b>"), errMalformed},
		{"end too many", envelopeWith("", "</a>"), errMalformed},
		{"two roots", envelopeWith("", "") + envelopeWith("", ""), errMalformed},
		{"text behind", envelopeWith("", "") + "x", errMalformed},
		{"CDATA behind", envelopeWith("", "") + "<![CDATA[]]>", errMalformed},
		{"attribute without quotes", envelopeWith("", "<a b=c/>"), errMalformed},
		{"attribute without value", envelopeWith("", "<a b/>"), errMalformed},
		{"attribute with <", envelopeWith("", "<a b='<'/>"), errMalformed},
		{"open comment", envelopeWith("", "<!-- "), errMalformed},
		{"open CDATA", envelopeWith("", batch("<![CDATA[ ")), errMalformed},
		{"broken bookmark", envelopeWith("<w:Bookmark>&bad;</w:Bookmark>", ""), errMalformed},
		{"deep", deep(254), nil},
		{"too deep", deep(255), errDepth},
		{"many attributes", envelopeWith("", "<a"+strings.Repeat(" b='c'", 257)+"/>"), errCrowded},
		{"many declarations", envelopeWith("", "<a"+strings.Repeat(" xmlns:b='c'", 64)+"/>"), errCrowded},
		// One declaration outside, a million uses: the fragment must not grow without end.
		{"declarations that multiply", envelopeWith("", `<w:Events xmlns:l="`+strings.Repeat("l", 10000)+`">`+batch(strings.Repeat("<l:a/>", 1000))[10:]), errCrowded},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := scanString(c.text); !errors.Is(err, c.want) || (err == nil) != (c.want == nil) {
				t.Errorf("%v, want %v", err, c.want)
			}
		})
	}
}

func TestScanEventsLimit(t *testing.T) {
	s := newScanner()
	s.maxEvents = 3
	for n, want := range map[int]error{3: nil, 4: errEvents} {
		var m Events
		if err := s.scan([]byte(envelopeWith("", batch(strings.Split(strings.Repeat("<![CDATA[x]]>,", n), ",")[:n]...))), &m); !errors.Is(err, want) {
			t.Errorf("%d events: %v", n, err)
		}
	}
}

// TestScanAllocs: no memory for an event, once the slices have grown.
func TestScanAllocs(t *testing.T) {
	event := `<![CDATA[<Event xmlns='urn:e'><System><EventID>1</EventID></System></Event>]]>`
	allocs := func(n int) float64 {
		entries := make([]string, n)
		for i := range entries {
			entries[i] = event
		}
		text := []byte(envelopeWith("", batch(entries...)))
		s, m := newScanner(), Events{}
		return testing.AllocsPerRun(100, func() {
			if err := s.scan(text, &m); err != nil || len(m.Items) != n {
				t.Fatal(err, len(m.Items))
			}
		})
	}
	one, many := allocs(1), allocs(500)
	if many != one {
		t.Errorf("%v allocations for one event, %v for 500", one, many)
	}
	t.Logf("%v allocations an envelope", one)
}

func TestDuration(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"PT60.000S": time.Minute, "PT0.500S": 500 * time.Millisecond, "PT0.0S": 0, "PT15M": 15 * time.Minute, "P1DT2H": 26 * time.Hour,
		"PT3600S": time.Hour, "P1Y": 365 * 24 * time.Hour, "P1M": 720 * time.Hour, "P1Y2M3DT4H5M6.789S": (365+60+3)*24*time.Hour + 4*time.Hour + 5*time.Minute + 6789*time.Millisecond,
		"P99999999Y": 1<<63 - 1,
	} {
		if got, ok := parseDuration(text); !ok || got != want {
			t.Errorf("%s = %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "P", "PT", "60", "PT60", "P60S", "PT1.5M", "PTS", "-PT5S", "PT1S1M", "PT1S1S", "P1DT", "PT1H T", "PT1e9S", "PT..S", "P1H", "PT1D",
		"PT" + strings.Repeat("9", 40) + "S"} {
		if got, ok := parseDuration(text); ok {
			t.Errorf("%q = %v", text, got)
		}
	}
	if got := formatDuration(time.Hour); got != "PT3600.000S" {
		t.Error(got)
	}
}
