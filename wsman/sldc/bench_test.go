package sldc_test

import (
	"fmt"
	"testing"

	"github.com/wefka/wefka/wsman/sldc"
)

func BenchmarkAppend(b *testing.B) {
	for _, n := range []int{10, 50, 160} {
		b.Run(fmt.Sprintf("events=%d", n), func(b *testing.B) {
			text := envelope(n)
			body := sldc.Compress(nil, text)
			dst := make([]byte, 0, len(text)+128)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := sldc.Append(dst, body, 16<<20); err != nil {
					b.Fatal(err)
				}
			}
			perEvent(b, n)
		})
	}
}

func BenchmarkCompress(b *testing.B) {
	for _, n := range []int{10, 50, 160} {
		b.Run(fmt.Sprintf("events=%d", n), func(b *testing.B) {
			text := envelope(n)
			body := sldc.Compress(nil, text)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				body = sldc.Compress(body[:0], text)
			}
			perEvent(b, n)
			b.ReportMetric(float64(len(text))/float64(len(body)), "ratio")
		})
	}
}

func perEvent(b *testing.B, events int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(events), "ns/event")
}
