package kerberos_test

import (
	"bytes"
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/jcmturner/gokrb5/v8/crypto"
	"github.com/jcmturner/gokrb5/v8/iana/keyusage"

	"github.com/wefka/wefka/wsman/kerberos"
)

// measure reports speed, allocations, and the time that all threads took: the garbage collector's share does not show in ns/op.
func measure(b *testing.B, n int) func() {
	b.SetBytes(int64(n))
	b.ReportAllocs()
	from := processTime(b)
	return func() { b.ReportMetric(float64(processTime(b)-from)/float64(b.N), "cpu-ns/op") }
}

func processTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkOpen is a body opened in place, with the copying of the body that the benchmark needs. For gokrb5 the token is cut out of the
// body beforehand; it still has to be rotated, into one piece.
func BenchmarkOpen(b *testing.B) {
	for _, s := range shapes {
		for _, n := range []int{2 << 10, 512_000} {
			k := key(s.etype, s.key)
			source, _ := pair(b, k)
			_, body, err := source.Seal(soap16, random(n))
			if err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("etype=%d/bytes=%d/wefka", s.etype, n), func(b *testing.B) {
				work := make([]byte, len(body))
				_, collector := pair(b, k)
				defer measure(b, n)()
				for b.Loop() {
					copy(work, body)
					kerberos.Rewind(collector, 7)
					if _, err := collector.Open(kerberosType, work); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run(fmt.Sprintf("etype=%d/bytes=%d/gokrb5", s.etype, n), func(b *testing.B) {
				_, header, data := tokenOf(b, body)
				rotated := append(bytes.Clone(header[16:]), data...)
				defer measure(b, n)()
				for b.Loop() {
					sealed := append(append(make([]byte, 0, len(rotated)), rotated[16+s.mac:]...), rotated[:16+s.mac]...)
					if _, err := crypto.DecryptMessage(sealed, k, keyusage.GSSAPI_INITIATOR_SEAL); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkSeal is a whole body; gokrb5 makes only the ciphertext.
func BenchmarkSeal(b *testing.B) {
	for _, s := range shapes {
		for _, n := range []int{2 << 10, 512_000} {
			k := key(s.etype, s.key)
			source, _ := pair(b, k)
			message := random(n)
			b.Run(fmt.Sprintf("etype=%d/bytes=%d/wefka", s.etype, n), func(b *testing.B) {
				defer measure(b, n)()
				for b.Loop() {
					if _, _, err := source.Seal(soap16, message); err != nil {
						b.Fatal(err)
					}
				}
			})
			b.Run(fmt.Sprintf("etype=%d/bytes=%d/gokrb5", s.etype, n), func(b *testing.B) {
				inner := append(bytes.Clone(message), make([]byte, 16)...)
				defer measure(b, n)()
				for b.Loop() {
					if _, err := crypto.GetEncryptedData(inner, k, keyusage.GSSAPI_INITIATOR_SEAL, 0); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkNewContext is all key derivations of a connection, at both ends.
func BenchmarkNewContext(b *testing.B) {
	for _, s := range append(shapes, shape{etype: 23, key: 16}) {
		b.Run(fmt.Sprintf("etype=%d", s.etype), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				pair(b, key(s.etype, s.key))
			}
		})
	}
}
