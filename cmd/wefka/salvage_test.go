package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/wefka/wefka/internal/kafkatest"
	"github.com/wefka/wefka/wsman"
)

// unpaired stands in a message for half of a surrogate pair, which no UTF-8 of ours can carry.
const unpaired = "\uE000"

// halving is a connection that puts a lone high surrogate in the place of unpaired, in UTF-16LE.
type halving struct{ net.Conn }

func (c halving) Write(p []byte) (int, error) {
	return c.Conn.Write(bytes.ReplaceAll(p, []byte{0x00, 0xE0}, []byte{0x00, 0xD8}))
}

// host is a Windows host with a certificate of the lab's authority that sends whatever it is told.
func (l *lab) host(name string) (*wsman.Client, *wsman.Offer) {
	l.t.Helper()
	l.wefka("pki", "client", "--dir", l.dir, "--machine", name)
	pair, err := tls.LoadX509KeyPair(l.path("clients/"+name+".pem"), l.path("clients/"+name+".key"))
	if err != nil {
		l.t.Fatal(err)
	}
	authority, err := os.ReadFile(l.path("ca.pem"))
	if err != nil {
		l.t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(authority)
	config := &tls.Config{RootCAs: roots, ServerName: "localhost", Certificates: []tls.Certificate{pair}}
	client := &wsman.Client{Machine: name, Dial: func(ctx context.Context) (net.Conn, error) {
		conn, err := (&tls.Dialer{Config: config}).DialContext(ctx, "tcp", l.address)
		return halving{conn}, err
	}}
	l.t.Cleanup(func() { client.Close() })
	list, err := client.Enumerate(l.t.Context(), "https://localhost:"+port(l.address)+"/wsman/SubscriptionManager/WEC")
	if err != nil || len(list.Offers) != 1 {
		l.t.Fatalf("%v, %+v", err, list)
	}
	return client, &list.Offers[0]
}

// edit changes the lab's main file.
func (l *lab) edit(old, new string) {
	l.t.Helper()
	config, err := os.ReadFile(l.path("wefka.yaml"))
	if err != nil || !strings.Contains(string(config), old) {
		l.t.Fatalf("%v: no %q in %s", err, old, config)
	}
	l.write("wefka.yaml", strings.Replace(string(config), old, new, 1))
}

const noise = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"

// incompressible is text that no codec makes much shorter.
func incompressible(n int) string {
	r := rand.New(rand.NewPCG(1, 2))
	text := make([]byte, n)
	for i := range text {
		text[i] = noise[r.IntN(len(noise))]
	}
	return string(text)
}

// TestSalvage: whatever a host can send ends as a record, with a mark where something had to be mended, or as a dead letter with its reason and
// its bytes; the batch is Acked and its other events arrive. From the socket to a real Kafka, in each format.
func TestSalvage(t *testing.T) {
	kafka := kafkatest.Start(t)
	kafka.CreateTopic("wef.dead", 1, map[string]string{"max.message.bytes": "100000"})
	event := func(record int, payload string) string {
		return fmt.Sprintf("<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='P'/><EventID>7</EventID>"+
			"<TimeCreated SystemTime='2026-03-04T05:06:07.0890000Z'/><EventRecordID>%d</EventRecordID><Channel>Application</Channel><Computer>pc-1.lab.example</Computer></System>%s", record, payload)
	}
	data := func(value string) string { return "<EventData><Data Name='x'>" + value + "</Data></EventData></Event>" }
	const illegal, cut = "illegal characters replaced", "rendering truncated"
	cases := []struct {
		sent          string
		mark          string // of a record
		reason, error string // of a dead letter
		kept          int    // bytes of it; 0: all
	}{
		{sent: event(1, data("first"))},
		{sent: event(2, "<RenderingInfo Culture='en-US'><Message>half of a mess"), mark: cut},
		{sent: event(3, "<RenderingInfo Culture='en-US'><Message>broken in an entity &am"), mark: cut},
		{sent: event(4, data("bell \x07")), mark: illegal},
		{sent: event(5, data("bell &#7; &#xFFFF;")), mark: illegal},
		{sent: event(6, data("half "+unpaired+" pair")), mark: illegal},
		{sent: event(7, "<RenderingInfo Culture='en-US'><Message>bell \x07"), mark: cut},
		{sent: "<Other>8</Other>", reason: "parse", error: "root element is not Event"},
		{sent: event(9, "<EventData><Data Name='x'>"), reason: "parse", error: "unexpected end"},
		{sent: "<!DOCTYPE x [<!ENTITY e 'x'>]>" + event(10, data("&e;")), reason: "parse", error: "document type"},
		{sent: event(11, data("&nbsp;")), reason: "parse", error: "unknown entity"},
		{sent: "no XML at all", reason: "parse", error: "text before the root"},
		{sent: "", reason: "parse", error: "unexpected end"},
		{sent: event(14, data(incompressible(40_000))), reason: "oversize", error: "max.message.bytes"},
		{sent: event(15, data(incompressible(150_000))), reason: "oversize", error: "first 65536 of 150", kept: 64 << 10},
		{sent: event(16, data(strings.Repeat("a", 250_000))), reason: "oversize", error: "limits.event"},
		{sent: strings.Replace(event(17, data("old")), "2026-03-04", "1999-01-01", 1), reason: "refused", error: "timestamp"},
		{sent: event(18, data("last"))},
	}
	for _, format := range []string{"json", "ecs", "xml"} {
		t.Run(format, func(t *testing.T) {
			topic := "wef." + format
			kafka.CreateTopic(topic, 1, map[string]string{"max.message.bytes": "20000", "message.timestamp.before.max.ms": "315360000000"})
			l := newLab(t, kafka.Addr(), format, sysmonQuery, format)
			l.edit("delivery_timeout: 8s", "delivery_timeout: 8s, timestamp: event")
			l.edit("node: lab", "node: lab\nlimits: {event: 200KiB}")
			s := l.serve()
			client, offer := l.host("pc-1.lab.example")
			err := client.Events(t.Context(), offer, nil, func(dst []byte) []byte {
				for _, c := range cases {
					dst = wsman.AppendEvent(dst, []byte(c.sent))
				}
				return dst
			})
			if err != nil {
				t.Fatalf("not Acked: %v", err)
			}
			records := map[string]kafkatest.Record{}
			for _, r := range kafkatest.ReadAll(t, kafka.Addr(), topic) {
				records[header(r, "wef.record_id")] = r
			}
			var dead []kafkatest.Record
			for _, r := range kafkatest.ReadAll(t, kafka.Addr(), "wef.dead") {
				if header(r, "wef.subscription") == format {
					dead = append(dead, r)
				}
			}
			for i, c := range cases {
				received := strings.ReplaceAll(c.sent, unpaired, "\uFFFD")
				if c.reason == "" {
					checkRecord(t, format, records[fmt.Sprint(i+1)], received, c.mark)
					delete(records, fmt.Sprint(i+1))
					continue
				}
				if c.kept > 0 {
					received = received[:c.kept]
				}
				found := false
				for k, r := range dead {
					if string(r.Value) == received && header(r, "wef.reason") == c.reason {
						found = true
						if !strings.Contains(header(r, "wef.error"), c.error) || string(r.Key) != "pc-1.lab.example" || header(r, "wef.client") != "pc-1.lab.example" {
							t.Errorf("dead letter of event %d: key %s, error %s", i+1, r.Key, header(r, "wef.error"))
						}
						dead = append(dead[:k], dead[k+1:]...)
						break
					}
				}
				if !found {
					t.Errorf("no dead letter of event %d with reason %s", i+1, c.reason)
				}
			}
			for _, r := range records {
				t.Errorf("a record too many: %.200s", r.Value)
			}
			for _, r := range dead {
				t.Errorf("a dead letter too many: %s, %s: %.200s", header(r, "wef.reason"), header(r, "wef.error"), r.Value)
			}
			for _, reason := range []string{"parse", "oversize", "refused"} {
				if !strings.Contains(s.logs.all(), `"msg":"dead letter","source":"pc-1.lab.example","subscription":"`+format+`","reason":"`+reason) {
					t.Errorf("no log line of %s", reason)
				}
			}
			_, metrics := l.get("/metrics")
			for _, want := range []string{
				`wefka_dead_letters_total{reason="oversize"} 3`, `wefka_dead_letters_total{reason="parse"} 6`, `wefka_dead_letters_total{reason="refused"} 1`,
				`wefka_event_errors_total{reason="bad_utf16",subscription="` + format + `"} 1`, `wefka_event_errors_total{reason="truncated",subscription="` + format + `"} 3`,
				`wefka_events_total{result="dead",subscription="` + format + `"} 10`, `wefka_events_total{result="published",subscription="` + format + `"} 8`,
			} {
				if !strings.Contains(metrics, want) {
					t.Errorf("no metric %s", want)
				}
			}
			s.stop(t)
		})
	}
}

// checkRecord wants the event with its mark; xml has what was received.
func checkRecord(t *testing.T, format string, r kafkatest.Record, received, mark string) {
	t.Helper()
	if format == "xml" {
		if string(r.Value) != received {
			t.Errorf("got %q, want %q", r.Value, received)
		}
		return
	}
	var doc struct {
		Collector struct{ Error string }
		Error     struct{ Message string }
	}
	if err := json.Unmarshal(r.Value, &doc); err != nil {
		t.Errorf("%v: %s, of %.200q", err, r.Value, received)
	}
	got := doc.Collector.Error
	if format == "ecs" {
		got = doc.Error.Message
	}
	if got != mark || header(r, "wef.client") != "pc-1.lab.example" {
		t.Errorf("mark %q, want %q: %s", got, mark, r.Value)
	}
}
