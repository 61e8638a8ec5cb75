package wsman_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/sldc"
)

// heardRequest is a request as it was on the wire.
type heardRequest struct {
	head string // to the blank line
	body []byte
}

// text decodes the body without the help of wsman.
func (s heardRequest) text(t *testing.T) string {
	t.Helper()
	body := s.body
	if len(body) > 1 && body[0] == 0xFF && body[1]&0xF0 == 0xA0 {
		var err error
		if body, err = sldc.Append(nil, body, 1<<24); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.HasPrefix(body, []byte{0xFF, 0xFE}) {
		t.Fatalf("body begins with % x", body[:min(8, len(body))])
	}
	return bodyText(body[2:], binary.LittleEndian)
}

func bodyText(b []byte, order binary.ByteOrder) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = order.Uint16(b[2*i:])
	}
	return string(utf16.Decode(units))
}

func utf16Body(text string) []byte {
	out := []byte{0xFF, 0xFE}
	for _, u := range utf16.Encode([]rune(text)) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return out
}

// scripted is a collector at the other end of a pipe. It keeps what it hears and answers as told.
type scripted struct {
	mu     sync.Mutex // guards heard: a connection may outlive its client
	t      *testing.T
	answer func(request int, s heardRequest) string // "": hang up
	heard  []heardRequest
	dials  int
}

func (s *scripted) dial(context.Context) (net.Conn, error) {
	s.dials++
	near, far := net.Pipe()
	go func() {
		defer far.Close()
		r := bufio.NewReader(far)
		for {
			var got heardRequest
			length := 0
			for !strings.HasSuffix(got.head, "\r\n\r\n") {
				line, err := r.ReadString('\n')
				if err != nil {
					return
				}
				got.head += line
				if v, ok := strings.CutPrefix(line, "Content-Length: "); ok {
					length, _ = strconv.Atoi(strings.TrimSpace(v))
				}
			}
			got.body = make([]byte, length)
			if _, err := io.ReadFull(r, got.body); err != nil {
				return
			}
			s.mu.Lock()
			n := len(s.heard)
			s.heard = append(s.heard, got) // the test looks when the client has its answer
			s.mu.Unlock()
			answer := s.answer(n, got)
			if _, err := io.WriteString(far, answer); err != nil || answer == "" {
				return
			}
		}
	}()
	return near, nil
}

func (s *scripted) client() *wsman.Client {
	c := &wsman.Client{Dial: s.dial, Machine: "pc-4471.corp.example"}
	s.t.Cleanup(func() { c.Close() })
	return c
}

func okAnswer(text string) string {
	body := utf16Body(text)
	return fmt.Sprintf("HTTP/1.1 200 \r\nContent-Type: application/soap+xml;charset=UTF-16\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

var messageIDOf = regexp.MustCompile(`<a:MessageID>([^<]*)</a:MessageID>`)

func ackText(t *testing.T, s heardRequest) string {
	return `<s:Envelope xml:lang="en-US" xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing"><s:Header>` +
		`<a:Action>http://schemas.dmtf.org/wbem/wsman/1/wsman/Ack</a:Action><a:MessageID>uuid:C8B30E5F-62D9-4A17-8F4C-A1E7D0396B25</a:MessageID>` +
		`<a:To>http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous</a:To><a:RelatesTo>` + messageIDOf.FindStringSubmatch(s.text(t))[1] +
		`</a:RelatesTo></s:Header><s:Body></s:Body></s:Envelope>`
}

func ackingCollector(t *testing.T) *scripted {
	return &scripted{t: t, answer: func(_ int, s heardRequest) string { return okAnswer(ackText(t, s)) }}
}

const clientGUID = "3B0C6E52-9A47-4D1F-8E35-71C2D4F9A860"

func clientOffer() *wsman.Offer {
	o := &wsman.Offer{
		NotifyTo:   "https://wec01.corp.example:5986/wsman/subscriptions/" + clientGUID,
		EndTo:      "https://wec01.corp.example:5986/wsman/subscriptions/" + clientGUID,
		NotifyEcho: []byte(`<e:Identifier xmlns:e="http://schemas.xmlsoap.org/ws/2004/08/eventing">` + clientGUID + `</e:Identifier><k:Version xmlns:k="urn:example:wec">0E6B7F1D-52C8-4A39-B7D4-9F3A1C5E8D27</k:Version>`),
		EndEcho:    []byte(`<e:Identifier xmlns:e="http://schemas.xmlsoap.org/ws/2004/08/eventing">` + clientGUID + `</e:Identifier>`),
	}
	o.ID = clientGUID
	return o
}

func clientEntries(events ...string) func([]byte) []byte {
	return func(dst []byte) []byte {
		for _, e := range events {
			dst = wsman.AppendEvent(dst, []byte(e))
		}
		return dst
	}
}

const clientBookmark = `<BookmarkList><Bookmark Channel="Security" RecordId="72231"/></BookmarkList>`

// TestHeaderOrder compares the bytes of request heads with what Windows sends.
func TestHeaderOrder(t *testing.T) {
	for _, c := range []struct {
		name string
		sldc bool
		want string
	}{
		{"plain", false, "POST /wsman/subscriptions/" + clientGUID + " HTTP/1.1\r\nConnection: Keep-Alive\r\nContent-Type: application/soap+xml;charset=UTF-16\r\n" +
			"User-Agent: Microsoft WinRM Client\r\nContent-Length: %d\r\nHost: wec01.corp.example:5986\r\n\r\n"},
		{"sldc", true, "POST /wsman/subscriptions/" + clientGUID + " HTTP/1.1\r\nConnection: Keep-Alive\r\nContent-Type: application/soap+xml;charset=UTF-16\r\n" +
			"Content-Encoding: SLDC\r\nUser-Agent: Microsoft WinRM Client\r\nContent-Length: %d\r\nHost: wec01.corp.example:5986\r\n\r\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := ackingCollector(t)
			client := s.client()
			client.SLDC = c.sldc
			if err := client.Heartbeat(t.Context(), clientOffer()); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(fmt.Sprintf(c.want, len(s.heard[0].body)), s.heard[0].head); d != "" {
				t.Error(d)
			}
			if got := s.heard[0].body[0] == 0xFF && s.heard[0].body[1] != 0xFE; got != c.sldc {
				t.Errorf("compressed: %v, want %v", got, c.sldc)
			}
		})
	}
}

// TestConnection keeps one connection for all requests and dials again only when it is gone.
func TestConnection(t *testing.T) {
	s := ackingCollector(t)
	s.answer = func(n int, got heardRequest) string {
		switch n {
		case 2:
			return ""
		case 4:
			return strings.Replace(okAnswer(ackText(t, got)), "Content-Length", "Connection: close\r\nContent-Length", 1)
		}
		return okAnswer(ackText(t, got))
	}
	c := s.client()
	beat := func() error { return c.Heartbeat(t.Context(), clientOffer()) }
	for i := range 2 {
		if err := beat(); err != nil {
			t.Fatal(i, err)
		}
	}
	if s.dials != 1 || !c.Connected() {
		t.Fatalf("%d dials for two requests", s.dials)
	}
	if err := beat(); !errors.Is(err, wsman.ErrLost) || c.Connected() {
		t.Fatalf("after a hang-up: %v, connected %v", err, c.Connected())
	}
	for i, dials := range []int{2, 2, 3} {
		if err := beat(); err != nil || s.dials != dials {
			t.Fatalf("request %d after it: %v, %d dials, want %d", i, err, s.dials, dials)
		}
	}
	c.Dial = func(context.Context) (net.Conn, error) { return nil, io.ErrClosedPipe }
	c.Close()
	if err := beat(); !errors.Is(err, wsman.ErrConnect) || !errors.Is(err, io.ErrClosedPipe) {
		t.Fatalf("without a collector: %v", err)
	}
}

// TestSession stays for the life of a client, while message and operation change.
func TestSession(t *testing.T) {
	s := ackingCollector(t)
	c := s.client()
	seen := map[string]int{}
	for range 2 {
		if err := c.Heartbeat(t.Context(), clientOffer()); err != nil {
			t.Fatal(err)
		}
	}
	for _, h := range s.heard {
		for _, id := range regexp.MustCompile(`>(uuid:[0-9A-F-]{36})<`).FindAllStringSubmatch(h.text(t), -1) {
			seen[id[1]]++
		}
	}
	if len(seen) != 5 {
		t.Errorf("%d clientIDs in two requests, want one session, two messages, two operations: %v", len(seen), seen)
	}
}

// TestAnswers refuses what Windows would not accept.
func TestAnswers(t *testing.T) {
	edit := func(old, new string) func(*testing.T, heardRequest) string {
		return func(t *testing.T, s heardRequest) string {
			text := ackText(t, s)
			if !strings.Contains(text, old) {
				t.Errorf("no %q in the answer", old)
			}
			return okAnswer(strings.Replace(text, old, new, 1))
		}
	}
	head := func(old, new string) func(*testing.T, heardRequest) string {
		return func(t *testing.T, s heardRequest) string {
			return strings.Replace(okAnswer(ackText(t, s)), old, new, 1)
		}
	}
	bare := func(answer string) func(*testing.T, heardRequest) string {
		return func(*testing.T, heardRequest) string { return answer }
	}
	for _, c := range []struct {
		name   string
		answer func(*testing.T, heardRequest) string
		want   error
		status int
	}{
		{"ack", func(t *testing.T, s heardRequest) string { return okAnswer(ackText(t, s)) }, nil, 0},
		{"action required", edit("<a:Action>", `<a:Action s:mustUnderstand="true">`), nil, 0},
		{"other case of the id", edit("<a:RelatesTo>uuid", "<a:RelatesTo>UUID"), wsman.ErrAnswer, 0},
		{"other action", edit("/Ack<", "/Heartbeat<"), wsman.ErrAnswer, 0},
		{"other address", edit("role/anonymous", "role/none"), wsman.ErrAnswer, 0},
		{"no id of its own", edit("<a:MessageID>uuid:C8B30E5F-62D9-4A17-8F4C-A1E7D0396B25</a:MessageID>", ""), wsman.ErrAnswer, 0},
		{"no body", edit("<s:Body></s:Body>", ""), wsman.ErrAnswer, 0},
		{"no XML", edit("</s:Envelope>", ""), wsman.ErrAnswer, 0},
		{"DTD", edit("<s:Envelope", "<!DOCTYPE x><s:Envelope"), wsman.ErrAnswer, 0},
		{"other SOAP", edit("2003/05/soap-envelope", "2001/12/soap-envelope"), wsman.ErrAnswer, 0},
		{"HTML", head("application/soap+xml;charset=UTF-16", "text/html"), wsman.ErrAnswer, 0},
		{"coding", head("Content-Length", "Content-Encoding: SLDC\r\nContent-Length"), wsman.ErrAnswer, 0},
		{"no length", head("Content-Length: ", "Connection: close\r\nX: "), wsman.ErrLost, 0},
		{"empty", bare("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), wsman.ErrAnswer, 0},
		{"204", bare("HTTP/1.1 204 No Content\r\n\r\n"), wsman.ErrAnswer, 0},
		{"no mark", bare("HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml;charset=UTF-16\r\nContent-Length: 4\r\n\r\n<\x00a\x00"), wsman.ErrAnswer, 0},
		{"no HTTP", bare("SSH-2.0-OpenSSH\r\n\r\n"), wsman.ErrLost, 0},
		{"503", bare("HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n"), nil, 503},
		{"404 with HTML", bare("HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\nContent-Length: 6\r\n\r\n<html>"), nil, 404},
		{"huge", bare("HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml;charset=UTF-16\r\nContent-Length: 512001\r\n\r\n" + strings.Repeat("x", 512001)), wsman.ErrAnswer, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &scripted{t: t}
			s.answer = func(n int, got heardRequest) string {
				a := c.answer(t, got)
				if c.name == "no length" {
					s.answer = func(int, heardRequest) string { return "" }
				}
				return a
			}
			var trips []wsman.Trip
			client := s.client()
			client.Trace = func(trip wsman.Trip) { trips = append(trips, trip) }
			if c.name == "no length" {
				client.Dial = func(ctx context.Context) (net.Conn, error) {
					near, far := net.Pipe()
					go func() {
						defer far.Close()
						buffer := make([]byte, 1<<16)
						far.Read(buffer)
						io.WriteString(far, "HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml;charset=UTF-16\r\nConnection: close\r\n\r\n")
					}()
					return near, nil
				}
				c.want = wsman.ErrAnswer
			}
			err := client.Heartbeat(t.Context(), clientOffer())
			var status *wsman.StatusError
			switch {
			case c.status != 0:
				if !errors.As(err, &status) || status.Code != c.status || trips[0].Status != c.status {
					t.Errorf("got %v, trip %+v", err, trips)
				}
			case !errors.Is(err, c.want) || c.want == nil && err != nil:
				t.Errorf("got %v, want %v", err, c.want)
			}
			if len(trips) != 1 || trips[0].Text == 0 || trips[0].Wire != 2*trips[0].Text+2 {
				t.Errorf("trips: %+v", trips)
			}
		})
	}
}

// TestFault reads the reason that a collector gives.
func TestFault(t *testing.T) {
	s := &scripted{t: t, answer: func(int, heardRequest) string {
		return strings.Replace(okAnswer(`<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"><s:Header></s:Header><s:Body><s:Fault><s:Code><s:Value>s:Receiver</s:Value>`+
			`<s:Subcode><s:Value>w:DeliveryRefused</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang="en-US">Not offered.</s:Text></s:Reason></s:Fault></s:Body></s:Envelope>`), "200", "500", 1)
	}}
	err := s.client().Heartbeat(t.Context(), clientOffer())
	var status *wsman.StatusError
	if !errors.As(err, &status) {
		t.Fatal(err)
	}
	if d := cmp.Diff(&wsman.StatusError{Code: http.StatusInternalServerError, Subcode: "DeliveryRefused", Reason: "Not offered."}, status); d != "" {
		t.Error(d)
	}
}
