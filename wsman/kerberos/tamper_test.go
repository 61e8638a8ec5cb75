package kerberos_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	mrand "math/rand/v2"
	"strings"
	"testing"

	"github.com/wefka/wefka/wsman/kerberos"
)

// TestTamper changes every byte of a token, each in some ways: nothing opens, and the true token still does.
func TestTamper(t *testing.T) {
	for _, s := range append(shapes, shape{etype: 23, key: 16, header: 45}) {
		source, collector := pair(t, key(s.etype, s.key))
		message := []byte("\xff\xfe<\x00a\x00/\x00>\x00")
		_, body, err := source.Seal(soap16, message)
		if err != nil {
			t.Fatal(err)
		}
		head, header, data := tokenOf(t, body)
		if len(header) != s.header {
			t.Errorf("etype %d: header of %d bytes", s.etype, len(header))
		}
		from := len(head)
		for at := from; at < from+4+len(header)+len(data); at++ {
			for _, change := range []byte{1, 2, 4, 8, 0x10, 0x80, 0xFF} {
				b := bytes.Clone(body)
				b[at] ^= change
				if got, err := collector.Open(kerberosType, b); err == nil && (s.etype == 23 || at >= from+4) {
					t.Fatalf("etype %d: byte %d ^ %02x opens as %x", s.etype, at-from, change, got)
				} else if err == nil { // another split of the same token
					_, collector = pair(t, key(s.etype, s.key))
				} else if !errors.Is(err, kerberos.ErrSeal) {
					t.Fatal(err)
				}
			}
		}
		if got, err := collector.Open(kerberosType, body); err != nil || !bytes.Equal(got, message) {
			t.Errorf("etype %d: %x, %v", s.etype, got, err)
		}
	}
}

// TestMutations: 200,000 random changes of sealed bodies neither panic nor open, except where they change nothing that counts.
func TestMutations(t *testing.T) {
	all := append(shapes, shape{etype: 23, key: 16})
	rounds := 200_000 / len(all)
	if testing.Short() {
		rounds /= 20
	}
	r := mrand.New(mrand.NewPCG(1, 2))
	for _, s := range all {
		k := key(s.etype, s.key)
		message := []byte("\xff\xfe<\x00a\x00/\x00>\x00")
		source, collector := pair(t, k)
		_, body, err := source.Seal(soap16, message)
		if err != nil {
			t.Fatal(err)
		}
		harmless := 0
		for range rounds {
			b := mutate(r, body)
			got, err := collector.Open(kerberosType, b)
			if err == nil && !bytes.Equal(got, message) {
				t.Fatalf("etype %d: opened as %x", s.etype, got)
			}
			if err != nil {
				continue
			}
			harmless++ // a letter's case, an unread character
			_, collector = pair(t, k)
		}
		if harmless > rounds/5 {
			t.Errorf("etype %d: %d of %d mutations open", s.etype, harmless, rounds)
		}
	}
}

// mutate changes, cuts, doubles or inserts, up to four times.
func mutate(r *mrand.Rand, body []byte) []byte {
	b := bytes.Clone(body)
	for range 1 + r.IntN(4) {
		if len(b) == 0 {
			return b
		}
		at := r.IntN(len(b))
		to := at + r.IntN(min(len(b)-at, 40)+1)
		switch r.IntN(6) {
		case 0, 1:
			b[at] ^= byte(1 + r.IntN(255))
		case 2:
			b = b[:at]
		case 3:
			b = append(b[:at], b[to:]...)
		case 4:
			b = append(b[:to:to], b[at:]...)
		case 5:
			b = append(b[:at:at], append(random(r.IntN(20)), b[at:]...)...)
		}
	}
	return b
}

// TestShort: no length of a token, at any split, with any RRC and EC at the edges, panics.
func TestShort(t *testing.T) {
	for _, s := range append(shapes, shape{etype: 23, key: 16}) {
		source, collector := pair(t, key(s.etype, s.key))
		_, body, err := source.Seal(soap16, []byte("\xff\xfe<\x00a\x00/\x00>\x00"))
		if err != nil {
			t.Fatal(err)
		}
		_, header, data := tokenOf(t, body)
		tok := append(bytes.Clone(header), data...)
		for n := range tok {
			for h := 0; h <= n; h++ {
				for _, edge := range []uint16{0, 1, 28, 32, 40, uint16(n), 0xFFFF} {
					cut := bytes.Clone(tok[:n])
					if s.etype != 23 && n >= 8 {
						binary.BigEndian.PutUint16(cut[4:], edge>>8)
						binary.BigEndian.PutUint16(cut[6:], edge)
					}
					if s.etype == 23 && n >= 2 {
						cut[1] = byte(n - 2)
					}
					if _, err := collector.Open(kerberosType, frame(10, cut[:h], cut[h:])); !errors.Is(err, kerberos.ErrSeal) {
						t.Fatalf("etype %d, %d bytes: %v", s.etype, n, err)
					}
				}
			}
		}
	}
}

// TestRefusedTokens are true seals that say the wrong thing.
func TestRefusedTokens(t *testing.T) {
	k := key(18, 32)
	message := []byte("message")
	for _, v := range []struct {
		why    string
		usage  uint32
		flags  byte
		number uint64
		want   string
	}{
		{"as it should be", 24, 6, 7, ""},
		{"reserved flags are ignored", 24, 0x86, 7, ""},
		{"sent by the acceptor: our own, reflected", 22, 7, 7, "flags 07"},
		{"the acceptor's flag with the initiator's key", 24, 7, 7, "flags 07"},
		{"the acceptor's key", 22, 6, 7, "wrong MAC"},
		{"not sealed", 24, 4, 7, "flags 04"},
		{"not under the acceptor's subkey", 24, 2, 7, "flags 02"},
		{"replayed", 24, 6, 6, "number 6 where 7 is due"},
		{"from far ahead", 24, 6, 7 + 65_537, "number 65544 where 7 is due"},
		{"from ahead", 24, 6, 7 + 65_536, ""},
		{"high bits", 24, 6, 7 + 1<<32, "number 4294967303 where 7 is due"},
	} {
		_, collector := pair(t, k)
		tok := seal(t, k, v.usage, v.flags, v.number, message, 0, 28)
		_, err := collector.Open(kerberosType, frame(len(message), tok[:60], tok[60:]))
		if v.want == "" && err != nil || v.want != "" && (!errors.Is(err, kerberos.ErrSeal) || !strings.Contains(err.Error(), v.want)) {
			t.Errorf("%s: %v", v.why, err)
		}
	}
	// The header inside differs from the one outside, in each of its fields.
	for at, value := range map[int]byte{2: 0x86, 4: 1, 15: 8} {
		_, collector := pair(t, k)
		tok := seal(t, k, 24, 6, 7, message, 0, 28)
		tok[at] = value
		if _, err := collector.Open(kerberosType, frame(len(message), tok[:60], tok[60:])); err == nil {
			t.Errorf("byte %d", at)
		}
	}
	// Both headers are the same, but not of a wrap token, or with more filler than there is text.
	for header, want := range map[string]string{
		"\x05\x04\x06\xff\x00\x00\x00\x00": "", "\x04\x04\x06\xff\x00\x00\x00\x00": "not a wrap token", "\x05\x05\x06\xff\x00\x00\x00\x00": "not a wrap token",
		"\x05\x04\x06\x00\x00\x00\x00\x00": "not a wrap token", "\x05\x04\x06\xff\x00\x07\x00\x00": "said to be", "\x05\x04\x06\xff\x00\x08\x00\x00": "filler of 8",
		"\x05\x04\x06\xff\xff\xff\x00\x00": "filler of 65535",
	} {
		for _, rotation := range []int{0, 28} {
			_, collector := pair(t, k)
			tok := sealUnder(t, k, 24, []byte(header+"\x00\x00\x00\x00\x00\x00\x00\x07"), bytes.Clone(message), rotation)
			_, err := collector.Open(kerberosType, frame(len(message), tok[:60], tok[60:]))
			if (err != nil) != (want != "") || err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%x: %v", header, err)
			}
		}
	}
	// So long only.
	for _, n := range []int{0, 6, 8, 7000} {
		_, collector := pair(t, k)
		tok := seal(t, k, 24, 6, 7, message, 0, 28)
		if _, err := collector.Open(kerberosType, frame(n, tok[:60], tok[60:])); err == nil || !strings.Contains(err.Error(), "said to be") {
			t.Errorf("length %d: %v", n, err)
		}
	}
}
