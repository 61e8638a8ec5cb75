package kerberos_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/wefka/wefka/wsman/kerberos"
)

// FuzzOpen gives a collector any body: it opens as what the source has sealed, or not at all.
func FuzzOpen(f *testing.F) {
	all := append(shapes, shape{etype: 23, key: 16})
	const message = "\xff\xfe<\x00a\x00/\x00>\x00"
	for i, s := range all {
		source, _ := pair(f, key(s.etype, s.key))
		_, body, err := source.Seal(soap16, []byte(message))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(uint8(i), kerberosType, body)
		f.Add(uint8(i), strings.Replace(kerberosType, `"Encrypted Boundary"`, "B", 1), bytes.ReplaceAll(body, []byte("Encrypted Boundary"), []byte("B")))
		for _, n := range []int{0, 1, 100, len(body) / 2, len(body) - 1, len(body) - 2, len(body) - 25} {
			f.Add(uint8(i), kerberosType, body[:n])
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, kind string, body []byte) {
		s := all[int(which)%len(all)]
		_, collector := pair(t, key(s.etype, s.key))
		got, err := collector.Open(kind, body)
		if err != nil && !errors.Is(err, kerberos.ErrSeal) || err == nil && string(got) != message {
			t.Errorf("etype %d: %q, %v", s.etype, got, err)
		}
		if err := collector.VerifyMIC([]byte(message), body); err == nil {
			t.Error("a MIC")
		}
	})
}

// FuzzMultipart puts a true token into any framing; whatever is understood of that, the token does not change by it.
func FuzzMultipart(f *testing.F) {
	const first = "--Encrypted Boundary\r\nContent-Type: application/HTTP-Kerberos-session-encrypted\r\nOriginalContent: type=" + soap16 + ";Length=7\r\n" +
		"--Encrypted Boundary\r\nContent-Type: application/octet-stream\r\n"
	f.Add(kerberosType, first, closing)
	f.Add(kerberosType, strings.ReplaceAll(first, "\nC", "\n\tC"), "--Encrypted Boundary--")
	f.Add(`Multipart/Encrypted ; boundary=B; protocol="application/HTTP-Kerberos-session-encrypted"`, strings.ReplaceAll(first, "Encrypted Boundary", "B"), "--B--\r\n")
	f.Add(`multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";boundary="Encrypted Boundary`, first, "")
	f.Add("multipart/x-multi-encrypted", "--", "--\r\n")
	f.Fuzz(func(t *testing.T, kind, before, after string) {
		source, collector := pair(t, key(17, 16))
		_, body, err := source.Seal(soap16, []byte("message"))
		if err != nil {
			t.Fatal(err)
		}
		at := bytes.Index(body, []byte("\x3c\x00\x00\x00"))
		framed := append(append([]byte(before), body[at:len(body)-len(closing)]...), after...)
		got, err := collector.Open(kind, framed)
		if err != nil && !errors.Is(err, kerberos.ErrSeal) || err == nil && string(got) != "message" {
			t.Errorf("%q, %v", got, err)
		}
	})
}
