package kerberos_test

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	mrand "math/rand/v2"
	"strings"
	"testing"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
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

// TestVectors: tokens that were made and opened with MIT krb5 1.20, for keys, confounder and text of our own.
func TestVectors(t *testing.T) {
	for _, v := range vectors(t, "wrap.txt") {
		t.Run(v.name, func(t *testing.T) {
			p := kerberos.Params{Key: v.key, AcceptorSubkey: true, Scheme: wsman.Kerberos, Send: v.number, Initiator: v.source}
			sender, err := kerberos.NewContext(p)
			if err != nil {
				t.Fatal(err)
			}
			var kind string
			var body []byte
			fixed(string(v.confounder), func() { kind, body, err = sender.Seal(soap16, v.message) })
			if err != nil || kind != kerberosType {
				t.Fatal(kind, err)
			}
			want := frame(len(v.message), v.header, v.data)
			if v.padded { // we send no padding
				_, header, _ := tokenOf(t, body)
				if len(header) != len(v.header) {
					t.Errorf("header of %d bytes, want %d", len(header), len(v.header))
				}
			} else if !bytes.Equal(body, want) {
				t.Errorf("sealed as\n%q, want\n%q", body, want)
			}
			p.Initiator, p.Send, p.Receive = !v.source, 0, v.number
			receiver, err := kerberos.NewContext(p)
			if err != nil {
				t.Fatal(err)
			}
			got, err := receiver.Open(kerberosType, want)
			if err != nil || !bytes.Equal(got, v.message) {
				t.Errorf("opened as %x, %v", got, err)
			}
		})
	}
}

// TestForeignVectors: every kind of token that MIT makes, in both directions.
func TestForeignVectors(t *testing.T) {
	for _, v := range vectors(t, "mit.txt") {
		t.Run(v.name, func(t *testing.T) {
			p := kerberos.Params{Key: v.key, AcceptorSubkey: true, Scheme: wsman.Kerberos, Send: v.number, Initiator: v.source}
			sender, err := kerberos.NewContext(p)
			if err != nil {
				t.Fatal(err)
			}
			p.Initiator, p.Send, p.Receive = !v.source, 0, v.number
			receiver, err := kerberos.NewContext(p)
			if err != nil {
				t.Fatal(err)
			}
			if got := sender.MIC([]byte("mechanisms")); !bytes.Equal(got, v.mic) {
				t.Errorf("MIC %x, want %x", got, v.mic)
			}
			if err := receiver.VerifyMIC([]byte("mechanisms"), v.mic); err != nil {
				t.Error(err)
			}
			_, body, _ := sender.Seal(soap16, v.message)
			_, ours, _ := tokenOf(t, body)
			if len(ours) != len(v.header) || v.key.KeyType != 23 && !bytes.Equal(ours[:16], v.header[:16]) {
				t.Errorf("header %x, want as %x", ours, v.header)
			}
			split := 16
			if v.key.KeyType == 23 {
				split = len(v.header)
			}
			for _, token := range [][2][]byte{{v.header, v.data}, {v.wrapped[:split], v.wrapped[split:]}} {
				got, err := receiver.Open(kerberosType, frame(len(v.message), token[0], token[1]))
				if err != nil || !bytes.Equal(got, v.message) {
					t.Errorf("opened as %x, %v", got, err)
				}
			}
		})
	}
}

// lengths are some up to the largest envelope, and all where blocks end.
func lengths() []int {
	var all []int
	for n := range 100 {
		all = append(all, n)
	}
	return append(all, 2030, 2047, 2048, 2049, 19_555, 65_535, 65_536, 150_001, 511_999, 512_000)
}

// TestOpenForeign opens what gokrb5 has sealed: rotated and split as WinRM does, not rotated, and in all sorts of other ways.
func TestOpenForeign(t *testing.T) {
	for _, s := range shapes {
		t.Run(fmt.Sprint(s.etype), func(t *testing.T) {
			k := key(s.etype, s.key)
			_, collector := pair(t, k)
			number := uint64(7)
			for _, n := range lengths() {
				message := random(n)
				for _, v := range []struct{ filler, rotation, split int }{
					{0, 16 + s.mac, s.header}, {0, 0, 16}, {0, 16 + s.mac, 16}, {5, 16 + s.mac, s.header},
					{mrand.IntN(300), mrand.IntN(1 << 16), 16 + mrand.IntN(s.header-16)},
				} {
					tok := seal(t, k, keyusage.GSSAPI_INITIATOR_SEAL, 6, number, message, v.filler, v.rotation)
					got, err := collector.Open(kerberosType, frame(n, tok[:v.split], tok[v.split:]))
					if err != nil || !bytes.Equal(got, message) {
						t.Fatalf("%d bytes, filler, rotation and split %v: %v", n, v, err)
					}
					number++
				}
			}
		})
	}
}

// seal is an RFC 4121 wrap token by gokrb5's means.
func seal(t testing.TB, k types.EncryptionKey, usage uint32, flags byte, number uint64, message []byte, filler, rotation int) []byte {
	t.Helper()
	header := []byte{5, 4, flags, 0xFF, byte(filler >> 8), byte(filler), 0, 0}
	header = binary.BigEndian.AppendUint64(header, number)
	return sealUnder(t, k, usage, header, append(bytes.Clone(message), random(filler)...), rotation)
}

// sealUnder seals with whatever header.
func sealUnder(t testing.TB, k types.EncryptionKey, usage uint32, header, text []byte, rotation int) []byte {
	t.Helper()
	b, err := crypto.GetEncryptedData(append(text, header...), k, usage, 0)
	if err != nil {
		t.Fatal(err)
	}
	binary.BigEndian.PutUint16(header[6:], uint16(rotation))
	at := len(b.Cipher) - rotation%len(b.Cipher)
	return append(append(header, b.Cipher[at:]...), b.Cipher[:at]...)
}

// TestSealForeign lets gokrb5 open what we have sealed, and looks at the layout to the byte.
func TestSealForeign(t *testing.T) {
	for _, s := range shapes {
		t.Run(fmt.Sprint(s.etype), func(t *testing.T) {
			k := key(s.etype, s.key)
			source, collector := pair(t, k)
			number := uint64(0)
			for _, n := range lengths() {
				message := random(n)
				for _, side := range []struct {
					context *kerberos.Context
					flags   byte
					usage   uint32
					first   uint64
				}{{source, 6, keyusage.GSSAPI_INITIATOR_SEAL, 7}, {collector, 7, keyusage.GSSAPI_ACCEPTOR_SEAL, 1 << 30}} {
					kind, body, err := side.context.Seal(soap16, message)
					if err != nil || kind != kerberosType {
						t.Fatal(kind, err)
					}
					_, header, data := tokenOf(t, body)
					if !bytes.Equal(body, frame(n, header, data)) || len(body) != 238+len(fmt.Sprint(n))+s.header+n {
						t.Fatalf("framing of %d bytes: %q", n, body[:min(n, 300)])
					}
					want := binary.BigEndian.AppendUint64([]byte{5, 4, side.flags, 0xFF, 0, 0, 0, byte(16 + s.mac)}, side.first+number)
					if len(header) != s.header || len(data) != n || !bytes.Equal(header[:16], want) {
						t.Fatalf("header %x, data of %d bytes", header, len(data))
					}
					rotated := append(bytes.Clone(header[16:]), data...)
					sealed := append(rotated[16+s.mac:], rotated[:16+s.mac]...)
					plain, err := crypto.DecryptMessage(sealed, k, side.usage)
					if err != nil {
						t.Fatal(n, err)
					}
					want[6], want[7] = 0, 0
					if !bytes.Equal(plain, append(bytes.Clone(message), want...)) {
						t.Fatalf("%d bytes opened as %x", n, plain[:min(100, len(plain))])
					}
				}
				number++
			}
		})
	}
}

// TestBothEnds: our ends understand each other, in every etype, scheme, and with or without the acceptor's subkey.
func TestBothEnds(t *testing.T) {
	for _, s := range append(shapes, shape{etype: 23, key: 16}) {
		for _, scheme := range []wsman.Method{wsman.Kerberos, wsman.Negotiate} {
			for _, subkey := range []bool{false, true} {
				source, collector := pair(t, key(s.etype, s.key), func(p *kerberos.Params) { p.Scheme, p.AcceptorSubkey = scheme, subkey })
				for _, n := range lengths() {
					message := random(n)
					if n > 0 {
						message[n-1] = '>'
					}
					for i, ends := range [][2]*kerberos.Context{{source, collector}, {collector, source}, {source, collector}} {
						kind, body, err := ends[0].Seal(soap16, message)
						if err != nil {
							t.Fatal(err)
						}
						if s.etype != 23 {
							_, header, _ := tokenOf(t, body)
							if want := byte(2 + i%2); !subkey && header[2] != want || subkey && header[2] != want|4 {
								t.Fatalf("flags %02x", header[2])
							}
						}
						got, err := ends[1].Open(kind, body)
						if err != nil || !bytes.Equal(got, message) {
							t.Fatalf("etype %d, %s, subkey %v, %d bytes: %v", s.etype, scheme, subkey, n, err)
						}
					}
				}
			}
		}
	}
}

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
