package sldc_test

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode/utf16"

	"github.com/wefka/wefka/internal/corpus"
	"github.com/wefka/wefka/wsman/sldc"
)

// encoders are the honest ones, by what they write.
func encoders() map[string]*sldc.Encoder {
	return map[string]*sldc.Encoder{
		"windows":              {},
		"literals":             {Literals: true},
		"scheme 2":             {Scheme2: true},
		"without trailer":      {NoTrailer: true},
		"scheme 2, no trailer": {Scheme2: true, NoTrailer: true},
	}
}

func TestRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(321, 1))
	texts := map[string][]byte{"600 kB of UTF-16 XML": envelope(210)}
	for _, n := range []int{0, 1, 2, 3, 4, 5, 255, 256, 1022, 1023, 1024, 1025, 1026, 2048, 5000} {
		noise := make([]byte, n)
		for i := range noise {
			noise[i] = byte(r.Uint32())
		}
		texts[fmt.Sprint("noise ", n)] = noise
		texts[fmt.Sprint("zeros ", n)] = make([]byte, n)
		texts[fmt.Sprint("ones ", n)] = bytes.Repeat([]byte{0xFF}, n)
		texts[fmt.Sprint("two letters ", n)] = bytes.Map(func(c rune) rune { return 'a' + c&1 }, bytes.ToValidUTF8(noise, []byte("a")))
		texts[fmt.Sprint("period 1023, ", n)] = bytes.Repeat([]byte(kilo[:1023]), 1+n/1023)
		texts[fmt.Sprint("period 1024, ", n)] = bytes.Repeat([]byte(kilo), 1+n/1024)
	}
	if len(texts["600 kB of UTF-16 XML"]) < 600_000 {
		t.Fatal("too little XML")
	}
	for name, text := range texts {
		for kind, e := range encoders() {
			body := e.Append([]byte("before"), text)
			if !bytes.HasPrefix(body, []byte("before")) {
				t.Fatalf("%s, %s: lost what was there", name, kind)
			}
			body = body[len("before"):]
			if again := e.Append(nil, text); !bytes.Equal(again, body) {
				t.Errorf("%s, %s: not the same twice", name, kind)
			}
			if !sldc.Is(body) {
				t.Errorf("%s, %s: Is = false", name, kind)
			}
			got, err := sldc.Append(nil, body, len(text))
			if err != nil || !bytes.Equal(got, text) {
				t.Errorf("%s, %s: %d bytes, %v; want %d", name, kind, len(got), err, len(text))
			}
			if ref, err := reference(body, len(text)); err != nil || !bytes.Equal(ref, text) {
				t.Errorf("%s, %s: reference %d bytes, %v; want %d", name, kind, len(ref), err, len(text))
			}
		}
	}
}

func TestMisstate(t *testing.T) {
	for _, by := range []int{-1, 1, 1 << 20} {
		e := sldc.Encoder{Misstate: by}
		if _, err := sldc.Append(nil, e.Append(nil, []byte("some text")), 1<<20); !errors.Is(err, sldc.ErrCorrupt) {
			t.Errorf("by %d: %v", by, err)
		}
	}
}

// Windows' text shrinks to about a third: 3042 bytes to 1006 in one capture, of which the last five are a zero and the length.
func TestRatio(t *testing.T) {
	text := envelope(160)
	body := sldc.Compress(nil, text)
	if ratio := float64(len(text)) / float64(len(body)); ratio < 2.5 {
		t.Errorf("ratio %.2f", ratio)
	}
	if tail := body[len(body)-5:]; tail[0] != 0 {
		t.Errorf("ends with % x", tail)
	}
}

func TestCompressAllocates(t *testing.T) {
	text := envelope(20)
	body := sldc.Compress(nil, text)
	var e sldc.Encoder
	if n := testing.AllocsPerRun(5, func() { body = e.Append(body[:0], text) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestConcurrent(t *testing.T) {
	text := envelope(3)
	want := sldc.Compress(nil, text)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				body := sldc.Compress(nil, text)
				if got, err := sldc.Append(nil, body, len(text)); err != nil || !bytes.Equal(got, text) || !bytes.Equal(body, want) {
					t.Errorf("%d bytes, %v", len(got), err)
				}
			}
		})
	}
	all.Wait()
}

// Recorded events, in bodies as large as sources send.
func TestCorpus(t *testing.T) {
	for _, name := range corpus.Files(t) {
		text := utf16le(strings.Join(corpus.Lines(t, name), "\n"))
		in, out := 0, 0
		for len(text) > 0 {
			n := min(len(text), 512_000)
			body := sldc.Compress(nil, text[:n])
			if got, err := sldc.Append(nil, body, n); err != nil || !bytes.Equal(got, text[:n]) {
				t.Fatalf("%s: %d bytes, %v; want %d", name, len(got), err, n)
			}
			in, out, text = in+n, out+len(body), text[n:]
		}
		ratio := float64(in) / float64(out)
		t.Logf("%s: %d bytes, ratio %.2f", filepath.Base(name), in, ratio)
		if ratio < 2.7 {
			t.Errorf("%s: ratio %.2f", name, ratio)
		}
	}
}

func utf16le(s string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = append(out, byte(u), byte(u>>8))
	}
	return out
}
