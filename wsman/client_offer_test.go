package wsman_test

import (
	"encoding/binary"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wefka/wefka/wsman"
)

var littleEndian = binary.LittleEndian

// response is an EnumerateResponse that answers s.
func offerResponse(t *testing.T, s heardRequest, items string) string {
	return oneLine(`
<s:Envelope xml:lang="en-US"
            xmlns:s="http://www.w3.org/2003/05/soap-envelope"
            xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
            xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration"
            xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
            xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd">
  <s:Header>
    <a:Action>http://schemas.xmlsoap.org/ws/2004/09/enumeration/EnumerateResponse</a:Action>
    <a:MessageID>uuid:0B97E3D4-5A12-4C6F-A8E1-9D4F26B7C053</a:MessageID>
    <a:To>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:To>
    <p:SequenceId>1</p:SequenceId>
    <a:RelatesTo>`+messageIDOf.FindStringSubmatch(s.text(t))[1]+`</a:RelatesTo>
  </s:Header>
  <s:Body>
    <n:EnumerateResponse>
      <n:EnumerationContext></n:EnumerationContext>
      <w:Items>`) + oneLine(items) + oneLine(`</w:Items>
      <w:EndOfSequence/>
    </n:EnumerateResponse>
  </s:Body>
</s:Envelope>`)
}

const offeredItem = `
<m:Subscription xmlns:m="http://schemas.microsoft.com/wbem/wsman/1/subscription">
  <m:Version>uuid:0E6B7F1D-52C8-4A39-B7D4-9F3A1C5E8D27</m:Version>
  <s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
              xmlns:e="http://schemas.xmlsoap.org/ws/2004/08/eventing" xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration"
              xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd">
    <s:Header>
      <a:To>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:To>
      <w:ResourceURI s:mustUnderstand="true">http://schemas.microsoft.com/wbem/wsman/1/windows/EventLog</w:ResourceURI>
      <a:ReplyTo>
        <a:Address s:mustUnderstand="true">http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address>
      </a:ReplyTo>
      <a:Action s:mustUnderstand="true">http://schemas.xmlsoap.org/ws/2004/08/eventing/Subscribe</a:Action>
      <w:MaxEnvelopeSize s:mustUnderstand="true">512000</w:MaxEnvelopeSize>
      <a:MessageID>uuid:E2D1074B-96C3-4D5A-8F27-B05E3A9C6D18</a:MessageID>
      <w:Locale xml:lang="en-US" s:mustUnderstand="false" />
      <p:DataLocale xml:lang="en-US" s:mustUnderstand="false" />
      <p:OperationID s:mustUnderstand="false">uuid:7F3C58A2-E60D-4B91-93D7-1C4AB8E2F605</p:OperationID>
      <p:SequenceId s:mustUnderstand="false">1</p:SequenceId>
      <w:OptionSet xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">
        <w:Option Name="SubscriptionName">Security-baseline</w:Option>
        <w:Option Name="Compression">SLDC</w:Option>
        <w:Option Name="CDATA" xsi:nil="true"/>
        <w:Option Name="ContentFormat">RenderedText</w:Option>
        <w:Option Name="IgnoreChannelError" xsi:nil="true"/>
        <w:Option Name="ReadExistingEvents">true</w:Option>
      </w:OptionSet>
    </s:Header>
    <s:Body>
      <e:Subscribe>
        <e:EndTo>
          <a:Address>https://wec01.corp.example:5986/end</a:Address>
          <a:ReferenceProperties>
            <e:Identifier>3B0C6E52-9A47-4D1F-8E35-71C2D4F9A860</e:Identifier>
          </a:ReferenceProperties>
        </e:EndTo>
        <e:Delivery Mode="http://schemas.dmtf.org/wbem/wsman/1/wsman/Events">
          <w:Heartbeats>PT3600.000S</w:Heartbeats>
          <e:NotifyTo>
            <a:Address>https://wec01.corp.example:5986/wsman/subscriptions/3B0C6E52-9A47-4D1F-8E35-71C2D4F9A860?a&amp;b</a:Address>
            <a:ReferenceProperties>
              <e:Identifier>3B0C6E52-9A47-4D1F-8E35-71C2D4F9A860</e:Identifier>
              <k:Version xmlns:k="urn:example:wec" w:x="1">0E6B7F1D-52C8-4A39-B7D4-9F3A1C5E8D27</k:Version>
            </a:ReferenceProperties>
            <c:Policy xmlns:c="http://schemas.xmlsoap.org/ws/2002/12/policy" xmlns:auth="http://schemas.microsoft.com/wbem/wsman/1/authentication">
              <c:ExactlyOne>
                <c:All>
                  <auth:Authentication Profile="http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/http/spnego-kerberos"></auth:Authentication>
                </c:All>
                <c:All>
                  <auth:Authentication Profile="http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual">
                    <auth:ClientCertificate>
                      <auth:Thumbprint Role="issuer">9F1C0B6E5A47D3208E14C6B97A52F0D18834EE67</auth:Thumbprint>
                      <auth:Thumbprint Role="subject">0000000000000000000000000000000000000000</auth:Thumbprint>
                    </auth:ClientCertificate>
                  </auth:Authentication>
                </c:All>
              </c:ExactlyOne>
            </c:Policy>
          </e:NotifyTo>
          <w:ConnectionRetry Total="5">PT60.0S</w:ConnectionRetry>
          <w:MaxElements>20</w:MaxElements>
          <w:MaxTime>PT30.000S</w:MaxTime>
          <w:MaxEnvelopeSize Policy="Skip">153600</w:MaxEnvelopeSize>
          <w:Locale xml:lang="de-DE" s:mustUnderstand="false" />
          <p:DataLocale xml:lang="de-DE" s:mustUnderstand="false" />
          <w:ContentEncoding>UTF-16</w:ContentEncoding>
        </e:Delivery>
        <w:Filter Dialect="http://schemas.microsoft.com/win/2004/08/events/eventquery">
          <QueryList><Query Id="0"><Select Path="Security">*[System[(EventID &gt;= 4624)]]</Select></Query></QueryList>
        </w:Filter>
        <w:Bookmark>
          <BookmarkList Direction="backward"><Bookmark Channel="Security" RecordId="72206" IsCurrent="true" w:y="2"/></BookmarkList>
        </w:Bookmark>
        <w:SendBookmarks/>
      </e:Subscribe>
    </s:Body>
  </s:Envelope>
</m:Subscription>`

func offerOf(t *testing.T, edit func(string) string) (*wsman.Enumeration, error) {
	t.Helper()
	s := &scripted{t: t, answer: func(_ int, got heardRequest) string { return okAnswer(edit(offerResponse(t, got, offeredItem))) }}
	return s.client().Enumerate(t.Context(), "https://wec01.corp.example:5986/x")
}

// TestOffer reads everything that a subscription says.
func TestOffer(t *testing.T) {
	list, err := offerOf(t, func(s string) string { return s })
	if err != nil {
		t.Fatal(err)
	}
	want := wsman.Offer{
		Subscribe: wsman.Subscribe{
			ID: clientGUID, Version: "0E6B7F1D-52C8-4A39-B7D4-9F3A1C5E8D27", Name: "Security-baseline",
			Query:       `<QueryList><Query Id="0"><Select Path="Security">*[System[(EventID &gt;= 4624)]]</Select></Query></QueryList>`,
			Bookmark:    []byte(`<BookmarkList Direction="backward" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><Bookmark Channel="Security" RecordId="72206" IsCurrent="true" w:y="2"/></BookmarkList>`),
			Compression: true, RenderedText: true, IgnoreChannelError: true, ReadExistingEvents: true, Locale: "de-DE",
			Heartbeats: time.Hour, MaxTime: 30 * time.Second, MaxElements: 20, MaxEnvelopeSize: 153600, Oversize: wsman.Skip,
			RetryCount: 5, RetryInterval: time.Minute,
		},
		NotifyTo: "https://wec01.corp.example:5986/wsman/subscriptions/" + clientGUID + "?a&b",
		EndTo:    "https://wec01.corp.example:5986/end",
		NotifyEcho: []byte(`<e:Identifier xmlns:e="http://schemas.xmlsoap.org/ws/2004/08/eventing">` + clientGUID + `</e:Identifier>` +
			`<k:Version xmlns:k="urn:example:wec" w:x="1" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd">0E6B7F1D-52C8-4A39-B7D4-9F3A1C5E8D27</k:Version>`),
		EndEcho: []byte(`<e:Identifier xmlns:e="http://schemas.xmlsoap.org/ws/2004/08/eventing">` + clientGUID + `</e:Identifier>`),
		Policies: []wsman.Policy{
			{Profile: "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/http/spnego-kerberos"},
			{Profile: "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual", Issuers: []string{"9F1C0B6E5A47D3208E14C6B97A52F0D18834EE67"}},
		},
		CDATA: true, SendBookmarks: true, ContentEncoding: "UTF-16",
	}
	if d := cmp.Diff([]wsman.Offer{want}, list.Offers); d != "" {
		t.Error(d)
	}
	o := &list.Offers[0]
	for issuer, want := range map[string]error{
		"9F1C0B6E5A47D3208E14C6B97A52F0D18834EE67": nil, "9f1c0b6e5a47d3208e14c6b97a52f0d18834ee67": nil,
		"0000000000000000000000000000000000000000": wsman.ErrIssuer,
	} {
		if err := o.Permits(issuer); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", issuer, err, want)
		}
	}
	o.Policies = o.Policies[:1]
	if err := o.Permits("9F1C0B6E5A47D3208E14C6B97A52F0D18834EE67"); !errors.Is(err, wsman.ErrPolicy) {
		t.Error(err)
	}
}

// TestOfferVariants: what may be absent or otherwise.
func TestOfferVariants(t *testing.T) {
	cut := func(s, from, to string) string {
		i := strings.Index(s, from)
		j := i + strings.Index(s[i:], to)
		return s[:i] + s[j+len(to):]
	}
	for _, c := range []struct {
		name  string
		edit  func(string) string
		check func(*wsman.Enumeration, *wsman.Offer) bool
	}{
		{"earliest", func(s string) string {
			i, j := strings.Index(s, "<w:Bookmark>")+len("<w:Bookmark>"), strings.Index(s, "</w:Bookmark>")
			return s[:i] + " http://schemas.dmtf.org/wbem/wsman/1/wsman/bookmark/earliest " + s[j:]
		}, func(_ *wsman.Enumeration, o *wsman.Offer) bool { return o.Earliest && o.Bookmark == nil }},
		{"no bookmark", func(s string) string { return cut(s, "<w:Bookmark>", "</w:Bookmark>") },
			func(_ *wsman.Enumeration, o *wsman.Offer) bool { return !o.Earliest && o.Bookmark == nil }},
		{"no MaxElements", func(s string) string { return cut(s, "<w:MaxElements>", "</w:MaxElements>") },
			func(_ *wsman.Enumeration, o *wsman.Offer) bool { return o.MaxElements == 0 }},
		{"no compression", func(s string) string { return cut(s, `<w:Option Name="Compression">`, "</w:Option>") },
			func(_ *wsman.Enumeration, o *wsman.Offer) bool { return !o.Compression }},
		{"DMTF authentication namespace", func(s string) string {
			return strings.Replace(s, "http://schemas.microsoft.com/wbem/wsman/1/authentication", "http://schemas.dmtf.org/wbem/wsman/1/authentication", 1)
		}, func(_ *wsman.Enumeration, o *wsman.Offer) bool { return errors.Is(o.Permits(""), wsman.ErrPolicy) }},
		{"reference parameters", func(s string) string { return strings.ReplaceAll(s, "ReferenceProperties", "ReferenceParameters") },
			func(_ *wsman.Enumeration, o *wsman.Offer) bool { return o.ID == clientGUID && len(o.NotifyEcho) > 0 }},
		{"echoed operation", func(s string) string {
			return strings.Replace(s, "<p:SequenceId>", `<p:OperationID s:mustUnderstand="false">uuid:1</p:OperationID><p:SequenceId>`, 1)
		}, func(l *wsman.Enumeration, _ *wsman.Offer) bool { return l.Echoed }},
	} {
		t.Run(c.name, func(t *testing.T) {
			list, err := offerOf(t, c.edit)
			if err != nil {
				t.Fatal(err)
			}
			if !c.check(list, &list.Offers[0]) {
				t.Errorf("%+v", list)
			}
		})
	}
}

// TestOfferRefused: what makes a source refuse the whole answer.
func TestOfferRefused(t *testing.T) {
	for _, c := range [][3]string{
		{"a context", "<n:EnumerationContext></n:EnumerationContext>", "<n:EnumerationContext>1</n:EnumerationContext>"},
		{"no context", "<n:EnumerationContext></n:EnumerationContext>", ""},
		{"Items of the enumeration", "w:Items", "n:Items"},
		{"no end", "<w:EndOfSequence/>", ""},
		{"other id", "<a:RelatesTo>uuid:", "<a:RelatesTo>uuid:0"},
		{"other action", "EnumerateResponse</a:Action>", "PullResponse</a:Action>"},
		{"no version", "<m:Version>uuid:", "<m:Version>"},
		{"other resource", "windows/EventLog", "windows/shell"},
		{"other dialect", "events/eventquery", "events/xpath"},
		{"other mode", `Mode="http://schemas.dmtf.org/wbem/wsman/1/wsman/Events"`, `Mode="http://schemas.xmlsoap.org/ws/2004/08/eventing/DeliveryModes/Push"`},
		{"other compression", "SLDC", "gzip"},
		{"bad duration", "PT30.000S", "30 s"},
		{"no retry count", `Total="5"`, `Total="x"`},
		{"no address", "<a:Address>https://wec01.corp.example:5986/end</a:Address>", ""},
		{"no query", "<w:Filter", "<w:Filtre"},
		{"no id", "uuid:E2D1074B", "E2D1074B"},
	} {
		t.Run(c[0], func(t *testing.T) {
			_, err := offerOf(t, func(s string) string {
				if !strings.Contains(s, c[1]) {
					t.Fatalf("no %q in the answer", c[1])
				}
				return strings.ReplaceAll(s, c[1], c[2])
			})
			if !errors.Is(err, wsman.ErrAnswer) {
				t.Errorf("got %v", err)
			}
		})
	}
}
