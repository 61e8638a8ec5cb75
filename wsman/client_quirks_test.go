package wsman_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/sldc"
)

// TestQuirks sends what a collector must survive or refuse.
func TestQuirks(t *testing.T) {
	const event = `<Event><Data>a ]]> b</Data></Event>`
	plain := func() string {
		s := ackingCollector(t)
		if err := s.client().Events(t.Context(), clientOffer(), []byte(clientBookmark), clientEntries(event)); err != nil {
			t.Fatal(err)
		}
		return clientIDs.ReplaceAllString(s.heard[0].text(t), "ID")
	}()
	inflated := func(t *testing.T, b []byte) string {
		text, err := sldc.Append(nil, b, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		return bodyText(text[2:], binary.LittleEndian)
	}
	same := func(t *testing.T, got string) {
		t.Helper()
		if d := cmp.Diff(plain, clientIDs.ReplaceAllString(got, "ID")); d != "" {
			t.Error(d)
		}
	}
	for _, c := range []struct {
		name   string
		set    func(*wsman.Client)
		expect func(*testing.T, heardRequest)
	}{
		{"literals", func(c *wsman.Client) { c.SLDC, c.Quirks.Literals = true, true }, func(t *testing.T, s heardRequest) { same(t, inflated(t, s.body)) }},
		{"scheme 2", func(c *wsman.Client) { c.SLDC, c.Quirks.Scheme2 = true, true }, func(t *testing.T, s heardRequest) {
			if s.body[1]&0xF8 != 0xB0 {
				t.Errorf("begins % x", s.body[:2])
			}
			same(t, inflated(t, s.body))
		}},
		{"no trailer", func(c *wsman.Client) { c.SLDC, c.Quirks.NoTrailer = true, true }, func(t *testing.T, s heardRequest) { same(t, inflated(t, s.body)) }},
		{"bad trailer", func(c *wsman.Client) { c.SLDC, c.Quirks.BadTrailer = true, true }, func(t *testing.T, s heardRequest) {
			if _, err := sldc.Append(nil, s.body, 1<<20); err == nil {
				t.Error("the trailer is right")
			}
		}},
		{"labelled but plain", func(c *wsman.Client) { c.SLDC, c.Quirks.Plain = true, true }, func(t *testing.T, s heardRequest) {
			if !strings.Contains(s.head, "Content-Encoding: SLDC\r\n") {
				t.Error("no label")
			}
			same(t, s.text(t))
		}},
		{"no mark", func(c *wsman.Client) { c.Encoding = wsman.UTF16NoMark }, func(t *testing.T, s heardRequest) { same(t, bodyText(s.body, binary.LittleEndian)) }},
		{"big endian", func(c *wsman.Client) { c.Encoding = wsman.UTF16BE }, func(t *testing.T, s heardRequest) {
			if s.body[0] != 0xFE || s.body[1] != 0xFF {
				t.Errorf("begins % x", s.body[:2])
			}
			same(t, bodyText(s.body[2:], binary.BigEndian))
		}},
		{"UTF-8", func(c *wsman.Client) { c.Encoding = wsman.UTF8 }, func(t *testing.T, s heardRequest) {
			if !strings.Contains(s.head, "Content-Type: application/soap+xml;charset=UTF-8\r\n") {
				t.Error(s.head)
			}
			same(t, string(s.body))
		}},
		{"UTF-8 with mark", func(c *wsman.Client) { c.Encoding = wsman.UTF8Mark }, func(t *testing.T, s heardRequest) { same(t, strings.TrimPrefix(string(s.body), "\uFEFF")) }},
		{"no bookmark", func(c *wsman.Client) { c.Quirks.NoBookmark = true }, func(t *testing.T, s heardRequest) {
			if strings.Contains(s.text(t), "Bookmark") {
				t.Error("there is one")
			}
		}},
		{"unknown header", func(c *wsman.Client) { c.Quirks.Header = `<x:Y xmlns:x="urn:x" s:mustUnderstand="true">1</x:Y>` }, func(t *testing.T, s heardRequest) {
			same(t, strings.Replace(s.text(t), `<x:Y xmlns:x="urn:x" s:mustUnderstand="true">1</x:Y></s:Header>`, `</s:Header>`, 1))
		}},
		{"pretty", func(c *wsman.Client) { c.Quirks.Pretty = true }, func(t *testing.T, s heardRequest) {
			if strings.Count(s.text(t), "\r\n  ") < 20 || !strings.Contains(s.text(t), event[:len("<Event><Data>")]) {
				t.Error(s.text(t))
			}
			same(t, strings.ReplaceAll(s.text(t), "\r\n  ", ""))
		}},
		{"method", func(c *wsman.Client) { c.Quirks.Method = "GET" }, func(t *testing.T, s heardRequest) {
			if !strings.HasPrefix(s.head, "GET /wsman/subscriptions/"+clientGUID+" HTTP/1.1\r\n") {
				t.Error(s.head)
			}
		}},
		{"body", func(c *wsman.Client) { c.Quirks.Body = []byte{0xFF, 0xB8} }, func(t *testing.T, s heardRequest) {
			if !bytes.Equal(s.body, []byte{0xFF, 0xB8}) {
				t.Errorf("% x", s.body)
			}
		}},
		{"empty body", func(c *wsman.Client) { c.Quirks.Body = []byte{} }, func(t *testing.T, s heardRequest) {
			if len(s.body) != 0 {
				t.Errorf("% x", s.body)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &scripted{t: t, answer: func(int, heardRequest) string { return "HTTP/1.1 503 \r\nContent-Length: 0\r\n\r\n" }}
			client := s.client()
			c.set(client)
			var status *wsman.StatusError
			if err := client.Events(t.Context(), clientOffer(), []byte(clientBookmark), clientEntries(event)); !errors.As(err, &status) {
				t.Fatal(err)
			}
			c.expect(t, s.heard[0])
		})
	}
	t.Run("abort", func(t *testing.T) {
		s := ackingCollector(t)
		client := s.client()
		client.Quirks.Abort = true
		if err := client.Heartbeat(t.Context(), clientOffer()); !errors.Is(err, wsman.ErrLost) || client.Connected() {
			t.Errorf("%v, connected %v", err, client.Connected())
		}
	})
}
