package wsman_test

import (
	"context"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/beevik/etree"
	"github.com/google/go-cmp/cmp"
	"github.com/wefka/wefka/wsman"
)

var update = flag.Bool("update", false, "write the golden files")

var freshID = regexp.MustCompile(`uuid:[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}`)

// golden compares an answer with testdata/golden/NAME.xml: one line there for each element, none on the wire. IDs that the server made
// are replaced; each must be another one.
func golden(t *testing.T, name string, a answer, known ...string) {
	t.Helper()
	if strings.Contains(a.text, ">\n") || strings.Contains(a.text, "<?xml") {
		t.Errorf("not on one line: %s", a.text)
	}
	text, seen := a.text, map[string]bool{}
	for _, id := range freshID.FindAllString(text, -1) {
		if strings.Contains(strings.Join(known, " "), id) {
			continue
		}
		if seen[id] {
			t.Errorf("%s comes twice", id)
		}
		seen[id] = true
		text = strings.ReplaceAll(text, id, "uuid:FRESH")
	}
	if err := etree.NewDocument().ReadFromString(text); err != nil {
		t.Errorf("not well-formed: %v", err)
	}
	got := strings.ReplaceAll(text, "><", ">\n<") + "\n"
	file := filepath.Join("testdata", "golden", name+".xml")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s:\n%s", file, diff)
	}
}

// TestEnumerateResponse is requirements 5, 44, 51 to 55 and 58, field by field.
func TestEnumerateResponse(t *testing.T) {
	full := subscription()
	full.Name, full.Locale, full.RenderedText, full.ReadExistingEvents = `all & "more" <x>`, "en-US", true, true
	full.MaxElements, full.Oversize, full.MaxTime, full.Compression, full.IgnoreChannelError = 20, wsman.CancelSubscription, 0, false, false
	full.Bookmark = []byte(`<BookmarkList Direction="backward"><Bookmark Channel="Security" RecordId="72205" IsCurrent="true" x='y'/></BookmarkList>`)
	earliest := subscription()
	earliest.Earliest = true
	for _, x := range []struct {
		name   string
		offers []wsman.Subscribe
	}{
		{"enumerate_none", nil},
		{"enumerate_one", []wsman.Subscribe{subscription()}},
		{"enumerate_full", []wsman.Subscribe{full, earliest}},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := start(t)
			c.handler.onEnumerate = func(context.Context, wsman.Source, *wsman.Enumerate) ([]wsman.Subscribe, error) { return x.offers, nil }
			a := c.dial().post(serverPath, message(t, "enumerate"))
			if a.status != 200 || !a.hasMark || !strings.HasSuffix(a.head, "|Content-Type: "+soapType) {
				t.Errorf("%d %s", a.status, a.head)
			}
			a.text = strings.ReplaceAll(a.text, c.ca.thumbprint(), "THUMBPRINT")
			golden(t, x.name, a, "uuid:"+subVersion)
		})
	}
}

// TestAddresses is the rest of requirement 55: where deliveries go.
func TestAddresses(t *testing.T) {
	for _, x := range []struct{ name, advertise, to, want string }{
		{"as the source asked", "", "https://wec.other.example:443/x", "https://wec.other.example:443"},
		{"our scheme", "", "http://wec.other.example:5986/x?y", "https://wec.other.example:5986"},
		{"no To that helps", "", "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous", "https://wec01.corp.example:5986"},
		{"no To", "", "", "https://wec01.corp.example:5986"},
		{"a host that no name server knows", "", "https://" + strings.Repeat("a", 300) + "/x", "https://wec01.corp.example:5986"},
		{"no URL", "", "::%", "https://wec01.corp.example:5986"},
		{"advertised", "lb.corp.example:5986", "https://wec.other.example:443/x", "https://lb.corp.example:5986"},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := start(t, func(s *wsman.Server) { s.Advertise = x.advertise })
			a := c.dial().post(serverPath, strings.Replace(message(t, "enumerate"), "https://wec01.corp.example:5986"+serverPath, x.to, 1))
			if n := strings.Count(a.text, "<a:Address>"+x.want+notifyPath+"</a:Address>"); n != 2 {
				t.Errorf("%d times %s in\n%s", n, x.want, a.text)
			}
			// What a source acts on is in the version; the handler's own version is in the URL.
			version := "uuid:" + subVersion
			if x.advertise != "" {
				version = "uuid:ACEC1485-70B4-597F-B67E-F6BDE702CC7E"
			}
			if !strings.Contains(a.text, "<m:Version>"+version+"</m:Version>") {
				t.Errorf("no version %s in\n%s", version, a.text[:1500])
			}
		})
	}
}

// TestReplies is requirements 51 to 53, 59 to 61, 64, 65, 68, 70, 71 and 74: each message, its answer, and what the handler got.
func TestReplies(t *testing.T) {
	stale := "11111111-52C8-4A39-B7D4-9F3A1C5E8D27"
	for _, x := range []struct {
		name, path, text string
		status           int
		golden           string
		seen             string
	}{
		{"req 60: heartbeat", notifyPath, message(t, "heartbeat"), 200, "ack_heartbeat", "Heartbeat pc-1.corp.example " + subID + " " + subVersion},
		{"req 61: events", notifyPath, eventsMessage(t, "<A/>", "<B/>"), 200, "ack_events", "Events pc-1.corp.example <A/> <B/>"},
		{"req 70: end of a subscription", notifyPath, message(t, "subscription_end"), 200, "ack_subscription_end",
			"End pc-1.corp.example http://schemas.xmlsoap.org/ws/2004/08/eventing/SourceCancelling 5004 The forwarding plug-in has no readable channel."},
		{"req 59: End, server path", serverPath, message(t, "end"), 204, "", ""},
		{"req 59: End, delivery path", notifyPath, message(t, "end"), 204, "", ""},
		{"a fault from the source", serverPath, message(t, "fault"), 200, "", ""},
		{"req 68: outdated version in the URL", strings.Replace(notifyPath, subVersion, stale, 1), message(t, "heartbeat"), 200, "", "Heartbeat pc-1.corp.example " + subID + " " + stale},
		{"version in the header alone", "/wsman/subscriptions/" + subID, message(t, "heartbeat"), 200, "", "Heartbeat pc-1.corp.example " + subID + " " + subVersion},
		{"version nowhere", "/wsman/subscriptions/" + subID + "/1?q", strings.ReplaceAll(message(t, "heartbeat"), "urn:wefka", "urn:else"), 200, "", "Heartbeat pc-1.corp.example " + subID + " "},
		{"no identifier but in the URL", notifyPath, strings.ReplaceAll(message(t, "heartbeat"), "e:Identifier", "e:Other"), 200, "", "Heartbeat pc-1.corp.example " + subID + " " + subVersion},
		{"identifier in lower case", strings.ToLower(notifyPath), message(t, "heartbeat"), 200, "", "Heartbeat pc-1.corp.example " + subID + " " + strings.ToLower(subVersion)},
		{"req 71: unknown headers, mustUnderstand", notifyPath, strings.Replace(message(t, "heartbeat"), "<w:AckRequested/>", `<x:Y xmlns:x="urn:x" s:mustUnderstand="true"><z/></x:Y>`, 1), 200, "",
			"Heartbeat pc-1.corp.example " + subID + " " + subVersion},
		{"req 71: pretty-printed", notifyPath, strings.ReplaceAll(message(t, "heartbeat"), "><", ">\r\n  <"), 200, "", "Heartbeat pc-1.corp.example " + subID + " " + subVersion},
		{"req 53: OperationID that must be understood", notifyPath, strings.Replace(message(t, "heartbeat"), `<p:OperationID s:mustUnderstand="false">`, `<p:OperationID s:mustUnderstand="true">`, 1), 200, "ack_heartbeat",
			"Heartbeat pc-1.corp.example " + subID + " " + subVersion},
		{"another ReplyTo", notifyPath, strings.Replace(message(t, "heartbeat"), "addressing/role/anonymous", "x?a=1&amp;b", 1), 200, "ack_reply_to", "Heartbeat pc-1.corp.example " + subID + " " + subVersion},
		{"req 70: end with a sad character", notifyPath, strings.Replace(message(t, "subscription_end"), "no readable", "no\x01readable", 1), 200, "ack_subscription_end",
			"End pc-1.corp.example http://schemas.xmlsoap.org/ws/2004/08/eventing/SourceCancelling 5004 The forwarding plug-in has no\uFFFDreadable channel."},
		{"an end too large to read more of", notifyPath, strings.Replace(message(t, "subscription_end"), "<s:Body>", "<s:Body>"+strings.Repeat(" ", 70000), 1), 200,
			"ack_subscription_end", "End pc-1.corp.example   "},
		{"req 63: events of no kind", notifyPath, eventsMessage(t, "<Event><Sys", "\x00\x05", "", "plain"), 200, "ack_events", "Events pc-1.corp.example <Event><Sys \x00\x05  plain"},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := start(t)
			p := c.dial()
			for range 2 { // requirement 74: the same again gets the same
				a := p.post(x.path, x.text)
				if a.status != x.status {
					t.Fatalf("%d, want %d\n%s", a.status, x.status, c.log)
				}
				switch {
				case x.golden != "":
					golden(t, x.golden, a)
				case strings.Contains(x.seen, "Heartbeat"):
					if !strings.Contains(a.text, "wsman/Ack</a:Action>") || !strings.Contains(a.text, "<a:RelatesTo>uuid:F05D8C3E-1B79-4a62-9E40-C7D3A81B5E96</a:RelatesTo>") {
						t.Error(a.text)
					}
				case len(a.body) > 0:
					t.Errorf("a body: %s", a.text)
				}
			}
			if want := strings.TrimSuffix(strings.Repeat(x.seen+"\n", 2), "\n"); strings.TrimSpace(c.handler.seen()) != strings.TrimSpace(want) {
				t.Errorf("%q, want %q", c.handler.seen(), want)
			}
		})
	}
}

// TestEventsArrive is what the handler gets of a delivery: requirements 64, 65 and 71.
func TestEventsArrive(t *testing.T) {
	c := start(t)
	var got *wsman.Events
	var bookmark, notices string
	c.handler.onEvents = func(_ context.Context, _ wsman.Source, m *wsman.Events) error {
		clone := *m
		got, bookmark, notices = &clone, string(m.Bookmark), ""
		for _, n := range m.Notices {
			notices += string(n)
		}
		return nil
	}
	p := c.dial()
	text := eventsMessage(t, "<A/>")
	if a := p.post(notifyPath, text); a.status != 200 {
		t.Fatal(a.status)
	}
	want := wsman.Header{
		Action: "http://schemas.dmtf.org/wbem/wsman/1/wsman/Events", MessageID: "uuid:4D2E7B91-A8C5-4f06-B3E2-57C90D6F1A84", To: "https://wec01.corp.example:5986" + notifyPath,
		ReplyTo: "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous", MachineID: "pc-1.corp.example", SessionID: "uuid:6E91B4D7-C230-4F58-A16B-D95E07F3C842",
		OperationID: "uuid:18C7F5A0-3D6E-4B92-8A4D-E60B92D7F153", OperationTimeout: time.Minute, MaxEnvelopeSize: 512000, Identifier: subID, Revision: subVersion,
		Path: notifyPath, Clean: true,
	}
	if diff := cmp.Diff(want, got.Header); diff != "" {
		t.Error(diff)
	}
	if bookmark != `<BookmarkList Direction="backward"><Bookmark Channel="Security" RecordId="72231" IsCurrent="true"/></BookmarkList>` {
		t.Error(bookmark)
	}
	notice := `<w:Event Action="http://schemas.dmtf.org/wbem/wsman/1/wsman/DroppedEvents"><w:DroppedEvents>7</w:DroppedEvents></w:Event>`
	if a := p.post(notifyPath, strings.Replace(strings.ReplaceAll(text, "w:Bookmark", "w:Other"), "</w:Events>", notice+"</w:Events>", 1)); a.status != 200 {
		t.Fatal(a.status)
	}
	if got.Bookmark != nil || !strings.Contains(notices, ">7</w:DroppedEvents>") {
		t.Errorf("%q %q", got.Bookmark, notices)
	}
}

// TestFaults is requirement 69 and the SOAP faults: a bare status, or a body where the handler names a subcode.
func TestFaults(t *testing.T) {
	secret := errors.New("secret")
	for _, x := range []struct {
		name   string
		fault  error
		status int
		golden string
	}{
		{"req 69: unknown", &wsman.Fault{Status: 404, Reason: "unknown_subscription", Err: secret}, 404, ""},
		{"req 69: forbidden", &wsman.Fault{Status: 403, Reason: "forbidden", Text: "unused", Err: secret}, 403, ""},
		{"req 69: loading", secret, 503, ""},
		{"wrapped", errors.Join(secret, &wsman.Fault{Status: 404, Reason: "x"}), 404, ""},
		{"no status", &wsman.Fault{Reason: "x"}, 503, ""},
		{"delivery refused", &wsman.Fault{Status: 500, Code: "s:Receiver", Subcode: "w:DeliveryRefused", Reason: "refused", Err: secret,
			Text: "This subscription is <no longer> offered."}, 500, "fault_delivery_refused"},
		{"addressing", &wsman.Fault{Status: 500, Code: "s:Sender", Subcode: "a:DestinationUnreachable", Text: "No such path."}, 500, "fault_addressing"},
	} {
		t.Run(x.name, func(t *testing.T) {
			c := start(t)
			c.handler.onHeartbeat = func(context.Context, wsman.Source, *wsman.Heartbeat) error { return x.fault }
			p := c.dial()
			a := p.post(notifyPath, message(t, "heartbeat"))
			if a.status != x.status || strings.Contains(a.text, "secret") {
				t.Errorf("%d %s", a.status, a.text)
			}
			if x.golden != "" {
				golden(t, x.golden, a)
			} else if len(a.body) > 0 {
				t.Error(a.text)
			}
			if a := p.post(notifyPath, message(t, "events")); a.status != 200 {
				t.Errorf("the connection is lost: %d", a.status)
			}
		})
	}
}

// TestEncodingLimit: an answer that the source would not take is a fault that says so.
func TestEncodingLimit(t *testing.T) {
	c := start(t)
	p := c.dial()
	a := p.post(serverPath, strings.Replace(message(t, "enumerate"), ">512000<", ">4000<", 1))
	if a.status != 500 {
		t.Fatal(a.status)
	}
	golden(t, "fault_encoding_limit", a)
	size := len(p.post(serverPath, message(t, "enumerate")).body)
	for limit, want := range map[int]int{size - 1: 500, size: 200} {
		if a := p.post(serverPath, strings.Replace(message(t, "enumerate"), ">512000<", ">"+strconv.Itoa(limit)+"<", 1)); a.status != want {
			t.Errorf("limit %d of %d: %d", limit, size, a.status)
		}
	}
}

// TestSourceFault: it goes to the log with its words.
func TestSourceFault(t *testing.T) {
	c := start(t)
	c.dial().post(serverPath, message(t, "fault"))
	for _, want := range []string{"source reports a fault", "subcode=w:InvalidBookmark", `error="The bookmark is not supported."`, "source=pc-1.corp.example"} {
		if !strings.Contains(c.log.String(), want) {
			t.Errorf("no %s in %s", want, c.log)
		}
	}
}
