package simulator_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"github.com/wefka/wefka/certs"
	"github.com/wefka/wefka/simulator"
)

const (
	host       = "wec01.corp.example:5986"
	policyURL  = "https://" + host + "/wsman/SubscriptionManager/WEC"
	sysmonOnly = `<QueryList><Query Id="0"><Select Path="Microsoft-Windows-Sysmon/Operational">*</Select></Query></QueryList>`
	guidA      = "3B0C6E52-9A47-4D1F-8E35-71C2D4F9A860"
	guidB      = "77D1A0C4-51B2-4E0E-9D0F-2B8C6A1E3F95"
	version1   = "0E6B7F1D-52C8-4A39-B7D4-9F3A1C5E8D27"
	version2   = "1F7C8A2E-63D9-4B4A-88E5-AA4B2D6F9E38"
)

// offered is one subscription of the collector.
type offered struct {
	id, version, query, bookmark    string // bookmark: XML, or earliest
	notify, profile, issuer         string
	maxElements, envelope, retries  int
	maxTime, heartbeats, retryPause time.Duration
	compression                     bool
}

func (o offered) xml(c *collector) string {
	set := func(field *string, value string) {
		if *field == "" {
			*field = value
		}
	}
	set(&o.id, guidA)
	set(&o.version, version1)
	set(&o.query, sysmonOnly)
	set(&o.notify, "https://"+host+"/wsman/subscriptions/"+o.id)
	set(&o.profile, "http://schemas.dmtf.org/wbem/wsman/1/wsman/secprofile/https/mutual")
	set(&o.issuer, certs.Thumbprint(c.authority.Certificate))
	if o.envelope == 0 {
		o.envelope = 512000
	}
	if o.heartbeats == 0 {
		o.heartbeats = time.Hour
	}
	if o.retryPause == 0 {
		o.retryPause, o.retries = time.Minute, 5
	}
	compression, elements, bookmark := "", "", ""
	if o.compression {
		compression = `<w:Option Name="Compression">SLDC</w:Option>`
	}
	if o.maxElements > 0 {
		elements = fmt.Sprintf(`<w:MaxElements>%d</w:MaxElements>`, o.maxElements)
	}
	switch o.bookmark {
	case "":
	case "earliest":
		bookmark = `<w:Bookmark>http://schemas.dmtf.org/wbem/wsman/1/wsman/bookmark/earliest</w:Bookmark>`
	default:
		bookmark = `<w:Bookmark>` + o.bookmark + `</w:Bookmark>`
	}
	address := `<a:Address>` + o.notify + `</a:Address><a:ReferenceProperties><e:Identifier>` + o.id + `</e:Identifier></a:ReferenceProperties>`
	anonymous := `http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous`
	return `<m:Subscription xmlns:m="http://schemas.microsoft.com/wbem/wsman/1/subscription"><m:Version>uuid:` + o.version + `</m:Version>` +
		`<s:Envelope xmlns:e="http://schemas.xmlsoap.org/ws/2004/08/eventing"><s:Header><a:To>` + anonymous + `</a:To>` +
		`<w:ResourceURI>http://schemas.microsoft.com/wbem/wsman/1/windows/EventLog</w:ResourceURI><a:ReplyTo><a:Address>` + anonymous + `</a:Address></a:ReplyTo>` +
		`<a:Action>http://schemas.xmlsoap.org/ws/2004/08/eventing/Subscribe</a:Action><a:MessageID>uuid:E2D1074B-96C3-4D5A-8F27-B05E3A9C6D18</a:MessageID>` +
		`<p:OperationID>uuid:7F3C58A2-E60D-4B91-93D7-1C4AB8E2F605</p:OperationID><w:OptionSet xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">` +
		`<w:Option Name="SubscriptionName">test</w:Option>` + compression + `<w:Option Name="CDATA" xsi:nil="true"/><w:Option Name="ContentFormat">Raw</w:Option></w:OptionSet></s:Header>` +
		`<s:Body><e:Subscribe><e:EndTo>` + address + `</e:EndTo><e:Delivery Mode="http://schemas.dmtf.org/wbem/wsman/1/wsman/Events">` +
		fmt.Sprintf(`<w:Heartbeats>PT%.3fS</w:Heartbeats>`, o.heartbeats.Seconds()) + `<e:NotifyTo>` + address +
		`<c:Policy xmlns:c="http://schemas.xmlsoap.org/ws/2002/12/policy" xmlns:auth="http://schemas.microsoft.com/wbem/wsman/1/authentication"><c:ExactlyOne><c:All>` +
		`<auth:Authentication Profile="` + o.profile + `"><auth:ClientCertificate><auth:Thumbprint Role="issuer">` + o.issuer + `</auth:Thumbprint></auth:ClientCertificate></auth:Authentication>` +
		`</c:All></c:ExactlyOne></c:Policy></e:NotifyTo>` + fmt.Sprintf(`<w:ConnectionRetry Total="%d">PT%.1fS</w:ConnectionRetry>`, o.retries, o.retryPause.Seconds()) + elements +
		fmt.Sprintf(`<w:MaxTime>PT%.3fS</w:MaxTime><w:MaxEnvelopeSize Policy="Notify">%d</w:MaxEnvelopeSize>`, o.maxTime.Seconds(), o.envelope) +
		`<w:ContentEncoding>UTF-16</w:ContentEncoding></e:Delivery><w:Filter Dialect="http://schemas.microsoft.com/win/2004/08/events/eventquery">` + o.query + `</w:Filter>` +
		bookmark + `<w:SendBookmarks/></e:Subscribe></s:Body></s:Envelope></m:Subscription>`
}

// step is one request as the collector saw it.
type step struct {
	conn                         int
	peer, path, action, encoding string
	text, bookmark               string
	events                       []string
	body                         int
	at                           time.Time
}

func (s step) String() string {
	return fmt.Sprintf("%d %s %s %d", s.conn, s.path, s.action, len(s.events))
}

// collector is scripted: it offers, Acks and remembers. It is reached through pipes, with TLS on top.
type collector struct {
	t         testing.TB
	authority *certs.Authority
	tls       *tls.Config
	echo      bool   // the operation, as Windows' own does
	fault     string // answer to Events
	mute      int    // the number of the request that gets no answer

	mu     sync.Mutex
	offers []offered
	refuse func(n int, s step) int // an HTTP status for the n-th request, 0: Ack; -1: hang up
	steps  []step
	conns  int
	open   sync.WaitGroup
}

func newCollector(t testing.TB, offers ...offered) *collector {
	t.Helper()
	authority, err := certs.New("test", 30)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := authority.IssueServer([]string{"wec01.corp.example", "localhost"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	// Without tickets nobody writes while the other does, which a pipe would not stand.
	return &collector{t: t, authority: authority, offers: offers, tls: &tls.Config{Certificates: []tls.Certificate{pair.TLS()}, ClientCAs: pool(authority),
		ClientAuth: tls.RequireAndVerifyClientCert, SessionTicketsDisabled: true}}
}

func pool(a *certs.Authority) *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(a.Certificate)
	return p
}

// fleet is one host that delivers to c.
func (c *collector) fleet() *simulator.Fleet {
	return &simulator.Fleet{URL: policyURL, Connect: "127.0.0.1:1", Dial: c.dial, CA: pool(c.authority), Issuer: c.authority}
}

func (c *collector) dial(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	c.mu.Lock()
	c.conns++
	n := c.conns
	c.mu.Unlock()
	c.open.Go(func() { c.serve(n, tls.Server(far, c.tls)) })
	return near, nil
}

func (c *collector) serve(n int, conn *tls.Conn) {
	defer conn.Close()
	r := bufio.NewReader(conn)
	for {
		request, err := http.ReadRequest(r)
		if err != nil {
			return
		}
		body, err := io.ReadAll(request.Body)
		if err != nil {
			return
		}
		s := step{conn: n, path: request.URL.Path, encoding: request.Header.Get("Content-Encoding"), body: len(body), at: time.Now(),
			peer: conn.ConnectionState().PeerCertificates[0].DNSNames[0]}
		s.read(c.t, body)
		c.mu.Lock()
		c.steps = append(c.steps, s)
		status := 0
		if c.refuse != nil {
			status = c.refuse(len(c.steps)-1, s)
		}
		answer := c.answer(s)
		c.mu.Unlock()
		c.mu.Lock()
		mute := c.mute > 0 && len(c.steps) == c.mute+1
		c.mu.Unlock()
		switch {
		case mute:
			continue
		case status < 0:
			return
		case c.fault != "" && s.action == "Events":
			answer = strings.Replace(answer, "200", "500", 1)
		case status > 0:
			answer = fmt.Sprintf("HTTP/1.1 %d \r\nContent-Length: 0\r\n\r\n", status)
		}
		if _, err := io.WriteString(conn, answer); err != nil {
			return
		}
	}
}

var (
	reID       = regexp.MustCompile(`<a:MessageID>([^<]*)<`)
	reAction   = regexp.MustCompile(`<a:Action s:mustUnderstand="true">[^<]*/([A-Za-z]+)<`)
	reEvent    = regexp.MustCompile(`<w:Event Action="http://schemas.dmtf.org/wbem/wsman/1/wsman/Event"><!\[CDATA\[(.*?)\]\]></w:Event>`)
	reBookmark = regexp.MustCompile(`<w:Bookmark>(.*?)</w:Bookmark>`)
)

func find(re *regexp.Regexp, text string) string {
	if m := re.FindStringSubmatch(text); m != nil {
		return m[1]
	}
	return ""
}

func (s *step) read(t testing.TB, body []byte) {
	if len(body) < 2 || body[0] != 0xFF || body[1] != 0xFE {
		s.action = "?" // SLDC, UTF-8
		if len(body) > 0 && body[0] == '<' {
			s.text = string(body)
		}
	} else {
		units := make([]uint16, len(body)/2-1)
		for i := range units {
			units[i] = binary.LittleEndian.Uint16(body[2+2*i:])
		}
		s.text = string(utf16.Decode(units))
	}
	if s.text == "" {
		return
	}
	for d := xml.NewDecoder(strings.NewReader(s.text)); ; {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Errorf("not well-formed: %v in %.300s", err, s.text)
			break
		}
	}
	s.action, s.bookmark = find(reAction, s.text), find(reBookmark, s.text)
	for _, m := range reEvent.FindAllStringSubmatch(s.text, -1) {
		s.events = append(s.events, strings.ReplaceAll(m[1], "]]><![CDATA[", ""))
	}
}

// answer is what a collector says when all is well. c.mu is held.
func (c *collector) answer(s step) string {
	if s.action == "End" {
		return "HTTP/1.1 204 \r\n\r\n"
	}
	action, body, operation := "http://schemas.dmtf.org/wbem/wsman/1/wsman/Ack", "", ""
	if s.action == "Events" {
		body = c.fault
	}
	if s.action == "Enumerate" {
		action = "http://schemas.xmlsoap.org/ws/2004/09/enumeration/EnumerateResponse"
		body = `<n:EnumerateResponse><n:EnumerationContext></n:EnumerationContext><w:Items>`
		for _, o := range c.offers {
			body += o.xml(c)
		}
		body += `</w:Items><w:EndOfSequence/></n:EnumerateResponse>`
		if c.echo {
			operation = `<p:OperationID s:mustUnderstand="false">uuid:1</p:OperationID>`
		}
	}
	text := `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"` +
		` xmlns:n="http://schemas.xmlsoap.org/ws/2004/09/enumeration" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd" xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd">` +
		`<s:Header><a:Action>` + action + `</a:Action><a:MessageID>uuid:0B97E3D4-5A12-4C6F-A8E1-9D4F26B7C053</a:MessageID>` + operation +
		`<a:To>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:To><a:RelatesTo>` + find(reID, s.text) + `</a:RelatesTo></s:Header><s:Body>` + body + `</s:Body></s:Envelope>`
	out := []byte{0xFF, 0xFE}
	for _, u := range utf16.Encode([]rune(text)) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return fmt.Sprintf("HTTP/1.1 200 \r\nContent-Type: application/soap+xml;charset=UTF-16\r\nContent-Length: %d\r\n\r\n%s", len(out), out)
}

// offer changes what is offered.
func (c *collector) offer(offers ...offered) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offers = offers
}

// seen are the requests so far, of one action or all.
func (c *collector) seen(action string) (list []step) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range c.steps {
		if action == "" || s.action == action {
			list = append(list, s)
		}
	}
	return list
}

// story is what happened, a line a request; what repeats is there once.
func (c *collector) story() string {
	var b strings.Builder
	last := ""
	for _, s := range c.seen("") {
		if line := s.String(); line != last || s.action != "Events" || len(c.steps) < 20 {
			fmt.Fprintln(&b, line)
			last = line
		}
	}
	return b.String()
}

// run runs a fleet to its end.
func run(t testing.TB, f *simulator.Fleet) *simulator.Report {
	t.Helper()
	return runWith(t, t.Context(), f)
}

func runWith(t testing.TB, ctx context.Context, f *simulator.Fleet) *simulator.Report {
	t.Helper()
	report, err := f.Run(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

var (
	reRecord  = regexp.MustCompile(`<EventRecordID>(\d+)</EventRecordID>`)
	reCreated = regexp.MustCompile(`SystemTime='([^']*)'`)
	reStamps  = regexp.MustCompile(`<Computer>[^<]*</Computer>|<EventRecordID>[^<]*</EventRecordID>|SystemTime=('[^']*'|"[^"]*")`)
)

// unstamped is an event without what a host puts into it.
func unstamped(event string) string { return reStamps.ReplaceAllString(event, "·") }
