package wsman_test

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/wefka/wefka/wsman"
)

var clientIDs = regexp.MustCompile(`uuid:[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}`)

var lineBreaks = regexp.MustCompile(`\n\s*`)

// flat takes the line breaks out of a message that was written for reading: between elements nothing stays, between attributes a blank.
func oneLine(pretty string) string {
	text := lineBreaks.ReplaceAllStringFunc(strings.TrimSpace(pretty), func(string) string { return "\n" })
	text = strings.ReplaceAll(text, ">\n<", "><")
	return strings.ReplaceAll(text, "\n", " ")
}

const wantEnumerate = `
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
            xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
            xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration"
            xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
            xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"
            xmlns:b="http://schemas.dmtf.org/wbem/wsman/1/cimbinding.xsd">
  <s:Header>
    <a:To>https://wec01.corp.example:5986/wsman/SubscriptionManager/WEC</a:To>
    <w:ResourceURI s:mustUnderstand="true">http://schemas.microsoft.com/wbem/wsman/1/SubscriptionManager/Subscription</w:ResourceURI>
    <m:MachineID xmlns:m="http://schemas.microsoft.com/wbem/wsman/1/machineid" s:mustUnderstand="false">pc-4471.corp.example</m:MachineID>
    <a:ReplyTo>
      <a:Address s:mustUnderstand="true">http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address>
    </a:ReplyTo>
    <a:Action s:mustUnderstand="true">http://schemas.xmlsoap.org/ws/2004/09/enumeration/Enumerate</a:Action>
    <w:MaxEnvelopeSize s:mustUnderstand="true">512000</w:MaxEnvelopeSize>
    <a:MessageID>ID</a:MessageID>
    <w:Locale xml:lang="en-US" s:mustUnderstand="false" />
    <p:DataLocale xml:lang="en-US" s:mustUnderstand="false" />
    <p:SessionId s:mustUnderstand="false">ID</p:SessionId>
    <p:OperationID s:mustUnderstand="false">ID</p:OperationID>
    <p:SequenceId s:mustUnderstand="false">1</p:SequenceId>
    <w:OperationTimeout>PT60.000S</w:OperationTimeout>
  </s:Header>
  <s:Body>
    <n:Enumerate>
      <w:OptimizeEnumeration/>
      <w:MaxElements>32000</w:MaxElements>
    </n:Enumerate>
  </s:Body>
</s:Envelope>`

const wantEnd = `
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
            xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
            xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
            xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd">
  <s:Header>
    <a:To>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:To>
    <w:ResourceURI s:mustUnderstand="true">http://schemas.microsoft.com/wbem/wsman/1/wsman/FullDuplex</w:ResourceURI>
    <a:Action s:mustUnderstand="true">http://schemas.microsoft.com/wbem/wsman/1/wsman/End</a:Action>
    <a:MessageID>ID</a:MessageID>
    <p:OperationID>uuid:D84B2C60-71FA-0E3B-8C95-2A6D07E1B934</p:OperationID>
  </s:Header>
  <s:Body></s:Body>
</s:Envelope>`

// wantDelivery is what Heartbeat, Events and SubscriptionEnd have in common.
const wantDelivery = `
<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
            xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"
            xmlns:e="http://schemas.xmlsoap.org/ws/2004/08/eventing"
            xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
            xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd">
  <s:Header>
    <a:To>https://wec01.corp.example:5986/wsman/subscriptions/3B0C6E52-9A47-4D1F-8E35-71C2D4F9A860</a:To>
    <m:MachineID xmlns:m="http://schemas.microsoft.com/wbem/wsman/1/machineid" s:mustUnderstand="false">pc-4471.corp.example</m:MachineID>
    <a:ReplyTo>
      <a:Address s:mustUnderstand="true">http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:Address>
    </a:ReplyTo>
    <a:Action s:mustUnderstand="true">ACTION</a:Action>
    <w:MaxEnvelopeSize s:mustUnderstand="true">512000</w:MaxEnvelopeSize>
    <a:MessageID>ID</a:MessageID>
    <w:Locale xml:lang="en-US" s:mustUnderstand="false" />
    <p:DataLocale xml:lang="en-US" s:mustUnderstand="false" />
    <p:SessionId s:mustUnderstand="false">ID</p:SessionId>
    <p:OperationID s:mustUnderstand="false">ID</p:OperationID>
    <p:SequenceId s:mustUnderstand="false">1</p:SequenceId>
    <w:OperationTimeout>TIMEOUT</w:OperationTimeout>
    <e:Identifier xmlns:e="http://schemas.xmlsoap.org/ws/2004/08/eventing">3B0C6E52-9A47-4D1F-8E35-71C2D4F9A860</e:Identifier>
    MORE
    <w:AckRequested/>
  </s:Header>
  <s:Body>BODY</s:Body>
</s:Envelope>`

func wantMessage(action, timeout, more, body string) string {
	text := strings.ReplaceAll(oneLine(wantDelivery), "> MORE <", ">"+oneLine(more)+"<")
	return strings.NewReplacer("ACTION", action, "TIMEOUT", timeout, "BODY", oneLine(body)).Replace(text)
}

const versionHeader = `<k:Version xmlns:k="urn:example:wec">0E6B7F1D-52C8-4A39-B7D4-9F3A1C5E8D27</k:Version>`

// TestMessages compares each message with the form that was seen from Windows, and has encoding/xml read it.
func TestMessages(t *testing.T) {
	for _, c := range []struct {
		name string
		send func(*wsman.Client) error
		want string
	}{
		{"heartbeat", func(c *wsman.Client) error { return c.Heartbeat(t.Context(), clientOffer()) },
			wantMessage("http://schemas.dmtf.org/wbem/wsman/1/wsman/Heartbeat", "PT60.000S", versionHeader, `<w:Events></w:Events>`)},
		{"events", func(c *wsman.Client) error {
			return c.Events(t.Context(), clientOffer(), []byte(clientBookmark), clientEntries("<Event xmlns='x'>&lt; 🧪</Event>", "<Event>a]]>b]]>c</Event>"))
		}, wantMessage("http://schemas.dmtf.org/wbem/wsman/1/wsman/Events", "PT60.000S", versionHeader+`
			<w:Bookmark><BookmarkList><Bookmark Channel="Security" RecordId="72231"/></BookmarkList></w:Bookmark>`, `
			<w:Events>
			<w:Event Action="http://schemas.dmtf.org/wbem/wsman/1/wsman/Event"><![CDATA[<Event xmlns='x'>&lt; 🧪</Event>]]></w:Event>
			<w:Event Action="http://schemas.dmtf.org/wbem/wsman/1/wsman/Event"><![CDATA[<Event>a]]]]><![CDATA[>b]]]]><![CDATA[>c</Event>]]></w:Event>
			</w:Events>`)},
		{"events without bookmark", func(c *wsman.Client) error {
			return c.Events(t.Context(), clientOffer(), nil, clientEntries("<Event/>"))
		},
			wantMessage("http://schemas.dmtf.org/wbem/wsman/1/wsman/Events", "PT60.000S", versionHeader, `
			<w:Events><w:Event Action="http://schemas.dmtf.org/wbem/wsman/1/wsman/Event"><![CDATA[<Event/>]]></w:Event></w:Events>`)},
		{"subscription end", func(c *wsman.Client) error {
			return c.SubscriptionEnd(t.Context(), clientOffer(), &wsman.SubscriptionEnd{Status: wsman.SourceShuttingDown})
		}, wantMessage("http://schemas.xmlsoap.org/ws/2004/08/eventing/SubscriptionEnd", "PT0.500S", "", `
			<e:SubscriptionEnd>
			<e:SubscriptionManager>
			<a:Address>https://wec01.corp.example:5986/wsman/subscriptions/3B0C6E52-9A47-4D1F-8E35-71C2D4F9A860</a:Address>
			<a:ReferenceProperties><e:Identifier>OWN</e:Identifier></a:ReferenceProperties>
			</e:SubscriptionManager>
			<e:Status>http://schemas.xmlsoap.org/ws/2004/08/eventing/SourceShuttingDown</e:Status>
			</e:SubscriptionEnd>`)},
		{"subscription end with fault", func(c *wsman.Client) error {
			return c.SubscriptionEnd(t.Context(), clientOffer(), &wsman.SubscriptionEnd{Status: wsman.SourceCancelling, Reason: "r", Code: "5004", Machine: "pc-4471.corp.example", Message: "no < channel"})
		}, wantMessage("http://schemas.xmlsoap.org/ws/2004/08/eventing/SubscriptionEnd", "PT0.500S", "", `
			<e:SubscriptionEnd>
			<e:SubscriptionManager>
			<a:Address>https://wec01.corp.example:5986/wsman/subscriptions/3B0C6E52-9A47-4D1F-8E35-71C2D4F9A860</a:Address>
			<a:ReferenceProperties><e:Identifier>OWN</e:Identifier></a:ReferenceProperties>
			</e:SubscriptionManager>
			<e:Status>http://schemas.xmlsoap.org/ws/2004/08/eventing/SourceCancelling</e:Status>
			<e:Reason xml:lang="en-US">r</e:Reason>
			<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="5004" Machine="pc-4471.corp.example">
			<f:Message>
			<f:ProviderFault provider="Unknown provider" path="Unknown path">
			<t:ProviderError xmlns:t="http://schemas.microsoft.com/wbem/wsman/1/windows/EventLog">no &lt; channel</t:ProviderError>
			</f:ProviderFault>
			</f:Message>
			</f:WSManFault>
			</e:SubscriptionEnd>`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := ackingCollector(t)
			client := s.client()
			client.SLDC = true
			if err := c.send(client); err != nil {
				t.Fatal(err)
			}
			got := s.heard[0].text(t)
			wellFormed(t, got)
			got = clientIDs.ReplaceAllString(got, "ID")
			got = regexp.MustCompile(`<e:Identifier>[0-9A-F-]{36}<`).ReplaceAllString(got, "<e:Identifier>OWN<")
			if d := cmp.Diff(c.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func wellFormed(t *testing.T, text string) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		if _, err := d.Token(); err == io.EOF {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}

// TestEnumerateMessage and its End, which is labelled as the connection is, and never compressed.
func TestEnumerateMessage(t *testing.T) {
	s := &scripted{t: t, answer: func(n int, got heardRequest) string {
		if n == 0 {
			return okAnswer(offerResponse(t, got, ""))
		}
		return "HTTP/1.1 204 \r\n\r\n"
	}}
	c := s.client()
	const url = "https://wec01.corp.example:5986/wsman/SubscriptionManager/WEC"
	list, err := c.Enumerate(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	text := s.heard[0].text(t)
	wellFormed(t, text)
	if d := cmp.Diff(oneLine(wantEnumerate), clientIDs.ReplaceAllString(text, "ID")); d != "" {
		t.Error(d)
	}
	if len(list.Offers) != 0 || list.Echoed || !strings.Contains(text, `<p:OperationID s:mustUnderstand="false">`+list.Operation+`<`) {
		t.Errorf("%+v", list)
	}
	if !strings.HasPrefix(s.heard[0].head, "POST /wsman/SubscriptionManager/WEC HTTP/1.1\r\n") {
		t.Error(s.heard[0].head)
	}
	c.SLDC = true
	if err := c.End(t.Context(), url, "uuid:D84B2C60-71FA-0E3B-8C95-2A6D07E1B934"); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(s.heard[1].head, "\r\nContent-Encoding: SLDC\r\n") {
		t.Error(s.heard[1].head)
	}
	if d := cmp.Diff(oneLine(wantEnd), clientIDs.ReplaceAllString(bodyText(s.heard[1].body[2:], littleEndian), "ID")); d != "" {
		t.Error(d)
	}
	if s.dials != 1 {
		t.Errorf("%d dials", s.dials)
	}
}

// TestOverhead is what a message takes beside its entries.
func TestOverhead(t *testing.T) {
	s := ackingCollector(t)
	c := s.client()
	var trip wsman.Trip
	c.Trace = func(got wsman.Trip) { trip = got }
	e := clientEntries("<Event>é</Event>")
	if err := c.Events(t.Context(), clientOffer(), []byte(clientBookmark), e); err != nil {
		t.Fatal(err)
	}
	if want := c.Overhead(clientOffer(), []byte(clientBookmark)) + len(e(nil)); trip.Text != want {
		t.Errorf("%d bytes, want %d", trip.Text, want)
	}
	if want := wsman.UTF16.Size(trip.Text, trip.Text-1); trip.Wire != want { // é is two bytes and one unit
		t.Errorf("%d bytes on the wire, want %d", trip.Wire, want)
	}
}

// TestTimeouts: a source waits for 60 s, and half a second when it leaves.
func TestTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		block := make(chan struct{})
		defer close(block)
		s := &scripted{t: t, answer: func(int, heardRequest) string { <-block; return "" }}
		c := s.client()
		start := time.Now()
		err := c.Heartbeat(t.Context(), clientOffer())
		if !errors.Is(err, wsman.ErrLost) || !errors.Is(err, os.ErrDeadlineExceeded) || time.Since(start) != time.Minute || c.Connected() {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		start = time.Now()
		err = c.SubscriptionEnd(t.Context(), clientOffer(), &wsman.SubscriptionEnd{Status: wsman.SourceShuttingDown})
		if !errors.Is(err, wsman.ErrLost) || time.Since(start) != 500*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}
