package kerberos_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/crypto/etype"
	"github.com/jcmturner/gokrb5/v8/crypto/rfc4757"

	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/kerberos"
)

func etypeOf(t testing.TB, id int32) etype.EType {
	t.Helper()
	e, err := crypto.GetEtype(id)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// sealRC4 is RFC 4757 7.3 by gokrb5's means: a token with whatever padding.
func sealRC4(t testing.TB, k []byte, number uint32, direction string, message []byte, padding string) (header, data []byte) {
	t.Helper()
	text := append(append(random(8), message...), padding...)
	sum, err := rfc4757.Checksum(k, 13, append([]byte("\x02\x01\x11\x00\x10\x00\xff\xff"), text...))
	if err != nil {
		t.Fatal(err)
	}
	inverted := bytes.Clone(k)
	for i := range inverted {
		inverted[i] ^= 0xF0
	}
	be := binary.BigEndian.AppendUint32(nil, number)
	text, err = rfc4757.EncryptData(rfc4757.HMAC(rfc4757.HMAC(inverted, make([]byte, 4)), be), text, etypeOf(t, 23))
	if err != nil {
		t.Fatal(err)
	}
	sequence, err := rfc4757.EncryptData(rfc4757.HMAC(rfc4757.HMAC(k, make([]byte, 4)), sum[:8]), append(be, direction...), etypeOf(t, 23))
	if err != nil {
		t.Fatal(err)
	}
	size := 11 + 24 + len(text)
	header = []byte{0x60}
	switch {
	case size < 0x80:
		header = append(header, byte(size))
	case size < 0x100:
		header = append(header, 0x81, byte(size))
	case size < 0x10000:
		header = append(header, 0x82, byte(size>>8), byte(size))
	default:
		header = append(header, 0x83, byte(size>>16), byte(size>>8), byte(size))
	}
	header = append(header, "\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x02\x01\x11\x00\x10\x00\xff\xff"...)
	header = append(append(append(header, sequence...), sum[:8]...), text[:8]...)
	return header, text[8:]
}

// TestRC4Padding: none from Windows; one byte from MIT, which some count in the message's length.
func TestRC4Padding(t *testing.T) {
	k := key(23, 16)
	const text = "\xff\xfe<\x00a\x00/\x00>\x00"
	for _, n := range []int{0, 10, 70, 200, 70_000} {
		message := []byte(text + strings.Repeat(" \x00", n/2))
		_, collector := pair(t, k, func(p *kerberos.Params) { p.Receive = 0 })
		for i, v := range []struct {
			padding string
			length  int
			opens   bool
		}{
			{"", len(message), true},
			{"\x01", len(message), true},
			{"\x01", len(message) + 1, true},
			{"\x02", len(message), false},
			{"\x02\x02", len(message), false},
			{"\x01", len(message) - 1, false},
			{"", len(message) + 1, false},
			{"", len(message) - 1, false},
		} {
			header, data := sealRC4(t, k.KeyValue, uint32(i), "\x00\x00\x00\x00", message, v.padding)
			got, err := collector.Open(kerberosType, frame(v.length, header, data))
			if v.opens && (err != nil || !bytes.Equal(got, message)) || !v.opens && err == nil {
				t.Errorf("%d bytes, padding %q, length %d: %.30q, %v", len(message), v.padding, v.length, got, err)
			}
		}
	}
}

// TestRC4Sealed: our tokens by the letter of RFC 4757, without padding, with security headers of 45 to 48 bytes.
func TestRC4Sealed(t *testing.T) {
	k := key(23, 16)
	source, collector := pair(t, k)
	for number, n := range []int{0, 1, 84, 85, 86, 212, 213, 214, 65_491, 65_492, 65_493, 512_000} {
		for _, side := range []struct {
			context   *kerberos.Context
			direction string
			first     int
		}{{source, "\x00\x00\x00\x00", 7}, {collector, "\xff\xff\xff\xff", 1 << 30}} {
			message := random(n)
			_, body, err := side.context.Seal(soap16, message)
			if err != nil {
				t.Fatal(err)
			}
			_, header, data := tokenOf(t, body)
			var wantHeader, wantData []byte
			fixed(string(confounderOf(t, k.KeyValue, uint32(side.first+number), header)), func() {
				wantHeader, wantData = sealRC4(t, k.KeyValue, uint32(side.first+number), side.direction, message, "")
			})
			if !bytes.Equal(header, wantHeader) || !bytes.Equal(data, wantData) {
				t.Fatalf("%d bytes: header %x, want %x", n, header, wantHeader)
			}
			if !bytes.Equal(body, frame(n, header, data)) {
				t.Errorf("framing of %d bytes", n)
			}
		}
	}
}

// confounderOf decrypts what is at the end of a security header.
func confounderOf(t testing.TB, k []byte, number uint32, header []byte) []byte {
	t.Helper()
	inverted := bytes.Clone(k)
	for i := range inverted {
		inverted[i] ^= 0xF0
	}
	seal := rfc4757.HMAC(rfc4757.HMAC(inverted, make([]byte, 4)), binary.BigEndian.AppendUint32(nil, number))
	b, err := rfc4757.EncryptData(seal, header[len(header)-8:], etypeOf(t, 23))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestRC4Refused are true seals that say the wrong thing.
func TestRC4Refused(t *testing.T) {
	k := key(23, 16)
	for _, v := range []struct {
		number    uint32
		direction string
		want      string
	}{
		{7, "\x00\x00\x00\x00", ""},
		{7, "\xff\xff\xff\xff", "direction ffffffff"},
		{6, "\x00\x00\x00\x00", "number 6 where 7 is due"},
		{65_544, "\x00\x00\x00\x00", "number 65544"},
	} {
		_, collector := pair(t, k, func(p *kerberos.Params) { p.Scheme = wsman.Kerberos })
		header, data := sealRC4(t, k.KeyValue, v.number, v.direction, []byte("message"), "")
		_, err := collector.Open(kerberosType, frame(7, header, data))
		if v.want == "" && err != nil || v.want != "" && !strings.Contains(fmt.Sprint(err), v.want) {
			t.Errorf("%+v: %v", v, err)
		}
	}
}
