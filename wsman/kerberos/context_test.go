package kerberos_test

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/jcmturner/gokrb5/v8/types"

	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/kerberos"
)

const soap16 = "application/soap+xml;charset=UTF-16"

// shape is what an etype's sealed messages look like in WinRM.
type shape struct {
	etype       int32
	key         int // bytes
	header, mac int
}

var shapes = []shape{{17, 16, 60, 12}, {18, 32, 60, 12}, {19, 16, 64, 16}, {20, 32, 72, 24}}

func key(etype int32, n int) types.EncryptionKey {
	k := types.EncryptionKey{KeyType: etype, KeyValue: make([]byte, n)}
	for i := range k.KeyValue {
		k.KeyValue[i] = byte(i)
	}
	return k
}

// pair gives both ends of a context. The source's first number is 7, the collector's 1<<30.
func pair(t testing.TB, k types.EncryptionKey, change ...func(*kerberos.Params)) (source, collector *kerberos.Context) {
	t.Helper()
	p := kerberos.Params{Key: k, AcceptorSubkey: true, Scheme: wsman.Kerberos, Send: 1 << 30, Receive: 7}
	for _, c := range change {
		c(&p)
	}
	collector, err := kerberos.NewContext(p)
	if err != nil {
		t.Fatal(err)
	}
	p.Initiator, p.Send, p.Receive = true, p.Receive, p.Send
	if source, err = kerberos.NewContext(p); err != nil {
		t.Fatal(err)
	}
	return source, collector
}

const closing = "--Encrypted Boundary--\r\n"

// tokenOf cuts a body that we sealed into framing, security header and data, without the parser of the room.
func tokenOf(t testing.TB, body []byte) (head string, header, data []byte) {
	t.Helper()
	const before = "Content-Type: application/octet-stream\r\n"
	at := bytes.Index(body, []byte(before))
	rest, ok := bytes.CutSuffix(body, []byte(closing))
	if at < 0 || !ok {
		t.Fatalf("framing: %q", body)
	}
	at += len(before)
	n := int(binary.LittleEndian.Uint32(body[at:]))
	return string(body[:at]), rest[at+4 : at+4+n], rest[at+4+n:]
}

// frame makes a body for a token of the Kerberos scheme.
func frame(length int, header, data []byte) []byte {
	b := fmt.Appendf(nil, "--Encrypted Boundary\r\nContent-Type: application/HTTP-Kerberos-session-encrypted\r\n"+
		"OriginalContent: type="+soap16+";Length=%d\r\n--Encrypted Boundary\r\nContent-Type: application/octet-stream\r\n", length)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(header)))
	return append(append(append(b, header...), data...), closing...)
}

const kerberosType = `multipart/encrypted;protocol="application/HTTP-Kerberos-session-encrypted";boundary="Encrypted Boundary"`

// fixed lets f have a text for random numbers.
func fixed(text string, f func()) {
	was := rand.Reader
	defer func() { rand.Reader = was }()
	rand.Reader = strings.NewReader(text)
	f()
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// TestNumbers: messages get lost, and the others still open; none opens twice. A message that does not open takes no number.
func TestNumbers(t *testing.T) {
	for _, s := range append(shapes, shape{etype: 23, key: 16}) {
		source, collector := pair(t, key(s.etype, s.key))
		var bodies [][]byte
		for range 5 {
			_, body, err := source.Seal(soap16, []byte("message"))
			if err != nil {
				t.Fatal(err)
			}
			bodies = append(bodies, body)
		}
		open := func(i int) bool {
			_, err := collector.Open(kerberosType, bytes.Clone(bodies[i]))
			return err == nil
		}
		broken := bytes.Clone(bodies[4])
		broken[len(broken)-len(closing)-1] ^= 1
		if _, err := collector.Open(kerberosType, broken); err == nil {
			t.Error("broken message opens")
		}
		if !open(0) || open(0) || !open(2) || open(1) || open(2) || !open(3) || !open(4) || open(3) {
			t.Errorf("etype %d: order", s.etype)
		}
	}
	// 32 bits go round with RC4; with AES they do not.
	for _, v := range []struct {
		etype int32
		first uint64
	}{{23, 1<<32 - 1}, {17, 1<<32 - 1}, {17, 1<<64 - 1}} {
		source, collector := pair(t, key(v.etype, 16), func(p *kerberos.Params) { p.Receive = v.first })
		for range 3 {
			kind, body, _ := source.Seal(soap16, []byte("message"))
			if _, err := collector.Open(kerberosType, bytes.Clone(body)); err != nil {
				t.Error(v, err)
			}
			if _, err := collector.Open(kind, body); err == nil {
				t.Error(v, "replay")
			}
		}
	}
}

func TestNewContextRefuses(t *testing.T) {
	for _, p := range []kerberos.Params{
		{},
		{Scheme: wsman.TLS, Key: key(18, 32)},
		{Scheme: wsman.Kerberos, Key: key(18, 16)},
		{Scheme: wsman.Kerberos, Key: key(20, 24)}, // as types.GenerateEncryptionKey makes them
		{Scheme: wsman.Kerberos, Key: key(23, 0)},
		{Scheme: wsman.Kerberos, Key: key(16, 24)},
		{Scheme: wsman.Kerberos, Key: key(-128, 16)},
	} {
		if _, err := kerberos.NewContext(p); err == nil {
			t.Errorf("%+v", p)
		}
	}
}

// TestAllocations: a message opens without any; to seal one takes the body and a cipher.
func TestAllocations(t *testing.T) {
	for _, s := range shapes {
		source, collector := pair(t, key(s.etype, s.key))
		message := random(2048)
		bodies := make([][]byte, 102)
		for i := range bodies {
			_, bodies[i], _ = source.Seal(soap16, message)
		}
		next := 0
		if n := testing.AllocsPerRun(100, func() {
			if _, err := collector.Open(kerberosType, bodies[next]); err != nil {
				t.Error(err)
			}
			next++
		}); n != 0 {
			t.Errorf("etype %d: %v allocations to open", s.etype, n)
		}
		if n := testing.AllocsPerRun(100, func() { _, _, _ = source.Seal(soap16, message) }); n > 2 {
			t.Errorf("etype %d: %v allocations to seal", s.etype, n)
		}
	}
}

// TestPlace: the message lies in the body, and the room behind the body is left alone.
func TestPlace(t *testing.T) {
	for _, s := range append(shapes, shape{etype: 23, key: 16}) {
		source, collector := pair(t, key(s.etype, s.key))
		message := []byte("message")
		kind, body, _ := source.Seal(soap16, message)
		room := append(bytes.Clone(body), "somebody else's"...)
		got, err := collector.Open(kind, room[:len(body)])
		if err != nil || string(room[len(body):]) != "somebody else's" {
			t.Errorf("etype %d: %v, %q", s.etype, err, room[len(body):])
		}
		if at := bytes.Index(room, message); at < 0 || &room[at] != &got[0] {
			t.Errorf("etype %d: %q is elsewhere", s.etype, got)
		}
		if string(message) != "message" {
			t.Error("sealing changed the message")
		}
	}
}
