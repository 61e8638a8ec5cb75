package kerberos_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	mrand "math/rand/v2"
	"testing"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"
	"github.com/jcmturner/gokrb5/v8/types"

	"github.com/wefka/wefka/wsman"
	"github.com/wefka/wefka/wsman/kerberos"
)

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
