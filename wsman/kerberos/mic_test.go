package kerberos_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"

	"github.com/jcmturner/gokrb5/v8/crypto/rfc4757"
	"github.com/jcmturner/gokrb5/v8/gssapi"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"

	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/kerberos"
)

// TestMICForeign: gokrb5 verifies our MICs, and we verify its.
func TestMICForeign(t *testing.T) {
	for _, s := range shapes {
		k := key(s.etype, s.key)
		for _, message := range [][]byte{{}, []byte("0"), random(2048)} {
			source, collector := pair(t, k)
			for _, side := range []struct {
				this, other  *kerberos.Context
				flags        byte
				usage        uint32
				number       uint64
				fromAcceptor bool
			}{
				{source, collector, 4, keyusage.GSSAPI_INITIATOR_SIGN, 7, false},
				{collector, source, 5, keyusage.GSSAPI_ACCEPTOR_SIGN, 1 << 30, true},
			} {
				var theirs gssapi.MICToken
				if err := theirs.Unmarshal(side.this.MIC(message), side.fromAcceptor); err != nil {
					t.Fatal(err)
				}
				theirs.Payload = message
				if ok, err := theirs.Verify(k, side.usage); !ok || theirs.Flags != side.flags || theirs.SndSeqNum != side.number {
					t.Errorf("etype %d: %+v, %v", s.etype, theirs, err)
				}
				made := gssapi.MICToken{Flags: side.flags, SndSeqNum: side.number, Payload: message}
				if err := made.SetChecksum(k, side.usage); err != nil {
					t.Fatal(err)
				}
				token, err := made.Marshal()
				if err != nil {
					t.Fatal(err)
				}
				if err := side.other.VerifyMIC(message, token); err != nil {
					t.Errorf("etype %d: %v", s.etype, err)
				}
			}
		}
	}
}

// TestMICRC4 is RFC 4757 7.2, with gokrb5's checksum.
func TestMICRC4(t *testing.T) {
	k := key(23, 16)
	source, collector := pair(t, k)
	token := source.MIC([]byte("message"))
	const frame = "\x60\x23\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\x01\x01\x11\x00\xff\xff\xff\xff"
	sum, err := rfc4757.Checksum(k.KeyValue, 15, []byte("\x01\x01\x11\x00\xff\xff\xff\xffmessage"))
	if err != nil {
		t.Fatal(err)
	}
	if len(token) != 37 || string(token[:21]) != frame || !bytes.Equal(token[29:], sum[:8]) {
		t.Errorf("%x, checksum %x", token, sum)
	}
	count := rfc4757.HMAC(rfc4757.HMAC(k.KeyValue, make([]byte, 4)), sum[:8])
	if number, err := rfc4757.EncryptData(count, token[21:29], etypeOf(t, 23)); err != nil || binary.BigEndian.Uint64(number) != 7<<32 {
		t.Errorf("%x, %v", number, err)
	}
	if err := collector.VerifyMIC([]byte("message"), token); err != nil {
		t.Error(err)
	}
	if err := source.VerifyMIC([]byte("message"), collector.MIC([]byte("message"))); err != nil {
		t.Error(err)
	}
}

// TestMICRefused: every byte counts, and so do the message, the direction, the subkey and the number, which MICs share with messages.
func TestMICRefused(t *testing.T) {
	for _, s := range append(shapes, shape{etype: 23, key: 16}) {
		k := key(s.etype, s.key)
		source, collector := pair(t, k)
		token := source.MIC([]byte("message"))
		refused := func(why string, c *kerberos.Context, message, token []byte) {
			t.Helper()
			if err := c.VerifyMIC(message, token); !errors.Is(err, kerberos.ErrSeal) {
				t.Errorf("etype %d, %s: %v", s.etype, why, err)
			}
		}
		for at := range token {
			if s.etype == 23 && at >= 21 && at < 25 {
				continue // the number is in no checksum (RFC 4757 7.2): it can be moved, within the window
			}
			for _, change := range []byte{1, 2, 4, 0x80, 0xFF} {
				b := bytes.Clone(token)
				b[at] ^= change
				refused(fmt.Sprintf("byte %d ^ %02x", at, change), collector, []byte("message"), b)
			}
			refused("cut short", collector, []byte("message"), token[:at])
		}
		for n := 13; s.etype == 23 && n < len(token); n++ {
			short := bytes.Clone(token[:n])
			short[1] = byte(n - 2)
			refused("cut short, but well framed", collector, []byte("message"), short)
		}
		refused("longer", collector, []byte("message"), append(bytes.Clone(token), 0))
		refused("another message", collector, []byte("massage"), token)
		refused("our own", source, []byte("message"), token)
		if s.etype != 23 {
			_, plain := pair(t, k, func(p *kerberos.Params) { p.AcceptorSubkey = false })
			refused("subkey", plain, []byte("message"), token)
		}
		_, wrapped, _ := source.Seal(soap16, []byte("message"))
		_, header, data := tokenOf(t, wrapped)
		refused("a wrap token", collector, []byte("message"), append(bytes.Clone(header), data...))
		if err := collector.VerifyMIC([]byte("message"), token); err != nil {
			t.Errorf("etype %d: %v", s.etype, err)
		}
		refused("replayed", collector, []byte("message"), token)
		if got, err := collector.Open(kerberosType, wrapped); err != nil || string(got) != "message" {
			t.Errorf("etype %d: message after a MIC: %q, %v", s.etype, got, err)
		}
	}
}

// TestMICNumbers: a MIC takes a number of its own direction only.
func TestMICNumbers(t *testing.T) {
	source, collector := pair(t, key(18, 32), func(p *kerberos.Params) { p.Scheme = wsman.Negotiate })
	mic := collector.MIC([]byte("mechanisms"))
	_, body, _ := collector.Seal(soap16, []byte("message"))
	_, header, _ := tokenOf(t, body)
	if a, b := binary.BigEndian.Uint64(mic[8:]), binary.BigEndian.Uint64(header[8:]); a != 1<<30 || b != 1<<30+1 {
		t.Errorf("%d, then %d", a, b)
	}
	if got := binary.BigEndian.Uint64(source.MIC(nil)[8:]); got != 7 {
		t.Error(got)
	}
}
