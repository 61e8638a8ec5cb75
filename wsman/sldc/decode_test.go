package sldc_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"github.com/wefka/wefka/wsman/sldc"
)

// Streams in these tests are text: zeros and ones, and these words for what has a shape.
func stream(parts ...string) []byte {
	words := strings.NewReplacer("flush", control(0), "scheme1", control(1), "scheme2", control(2), "mark", control(3), "record", control(4),
		"reset1", control(5), "reset2", control(6), "end", control(15))
	s := strings.ReplaceAll(words.Replace(strings.Join(parts, "")), " ", "")
	out := make([]byte, (len(s)+7)/8)
	for i, c := range s {
		out[i/8] |= byte(c-'0') << (7 - i%8)
	}
	return out
}

func control(code int) string { return fmt.Sprintf("111111111%04b", code) }

func literals(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "0%08b ", s[i])
	}
	return b.String()
}

func plain(s string) string {
	var b strings.Builder
	for i := range len(s) {
		fmt.Fprintf(&b, "%08b ", s[i])
		if s[i] == 0xFF {
			b.WriteString("0 ")
		}
	}
	return b.String()
}

func copyOf(n, at int) string {
	switch {
	case n < 4:
		return fmt.Sprintf("10 %01b %010b ", n-2, at)
	case n < 8:
		return fmt.Sprintf("110 %02b %010b ", n-4, at)
	case n < 16:
		return fmt.Sprintf("1110 %03b %010b ", n-8, at)
	case n < 32:
		return fmt.Sprintf("11110 %04b %010b ", n-16, at)
	}
	return fmt.Sprintf("11111 %08b %010b ", n-32, at)
}

// kilo is 1024 bytes, no two places alike in three bytes.
var kilo = func() string {
	r := rand.New(rand.NewPCG(1, 1024))
	b := make([]byte, 1024)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}()

func TestSymbols(t *testing.T) {
	zeros := func(n int) string { return strings.Repeat("\x00", n) }
	for _, c := range []struct {
		name   string
		stream []byte
		want   string
	}{
		{"end marker", stream("reset1", literals("a"), "end"), "a"},
		{"nothing but an end marker", stream("end"), ""},
		{"scheme 1 without a reset", stream("scheme1", literals("abc"), "record"), "abc"},
		{"scheme 2 without a reset", stream("scheme2", plain("abc"), "record"), "abc"},
		{"file marks", stream("mark reset1 mark", literals("a"), "mark mark", literals("b"), "record"), "ab"},
		{"schemes 2, 1, 2, 1", stream("reset2", plain("ab\xff"), "scheme1", copyOf(3, 0), "scheme2", plain("\xff!"), "scheme1", copyOf(8, 0), "record"),
			"ab\xffab\xff\xff!ab\xffab\xff\xff!"},
		{"scheme 1 twice", stream("reset1", literals("ab"), "scheme1", copyOf(2, 0), "record"), "abab"},
		{"flush in scheme 1", stream("reset1", literals("a"), "flush", strings.Repeat("0", 64-13-9-13), literals("b"), "record"), "ab"},
		{"flush over ones", stream("reset1", literals("a"), "flush", strings.Repeat("1", 64-13-9-13), literals("b"), "record"), "ab"},
		{"flush that ends on 32 bits", stream("reset1", literals("abcdefghijklmnopqrstuv"), "flush", literals("w"), "record"), "abcdefghijklmnopqrstuvw"},
		{"copy of 2", stream("reset1", literals("xy"), copyOf(2, 0), "record"), "xyxy"},
		{"copy of 271", stream("reset1", literals(kilo[:300]), copyOf(271, 7), "record"), kilo[:300] + kilo[7:278]},
		{"self-overlap by one", stream("reset1", literals("a"), copyOf(271, 0), "record"), strings.Repeat("a", 272)},
		{"self-overlap by three", stream("reset1", literals("abc"), copyOf(10, 0), "record"), "abcabcabcabca"},
		{"cleared history", stream("reset1", copyOf(5, 1000), literals("a"), copyOf(3, 1), "record"), zeros(5) + "a" + zeros(3)},
		{"from cleared history into data", stream("reset1", literals("ab"), copyOf(4, 1022), "record"), "ab\x00\x00ab"},
		{"place at the write index", stream("reset1", literals("ab"), copyOf(4, 2), "record"), "ab" + zeros(4)},
		{"reset in the middle", stream("reset1", literals("abc"), "reset1", literals("d"), copyOf(3, 0), copyOf(2, 1022), "record"), "abcdddd" + zeros(2)},
		{"reset to scheme 2", stream("reset1", literals("abc"), "reset2", plain("d"), "scheme1", copyOf(3, 0), "record"), "abcdddd"},
		{"wrap at 1024", stream("reset1", literals(kilo), literals("abcd"), copyOf(6, 1022), copyOf(15, 1020), "record"),
			kilo + "abcd" + kilo[1022:] + "abcd" + kilo[1020:] + "abcd" + kilo[1022:] + "abcd" + kilo[1020:1021]},
		{"the oldest byte", stream("reset1", literals(kilo), copyOf(15, 0), copyOf(271, 15), "record"), kilo + kilo[:15] + kilo[15:286]},
		{"self-overlap after 1024", stream("reset1", literals(kilo), literals("ab"), copyOf(9, 0), literals("c"), copyOf(40, 11), literals(kilo), "record"),
			kilo + "ababababab" + "a" + strings.Repeat("c", 41) + kilo},
		{"reset after 1024", stream("reset1", literals(kilo), literals(kilo), "reset1", copyOf(3, 7), literals(kilo), "record"), kilo + kilo + zeros(3) + kilo},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got, err := reference(c.stream, len(c.want)); err != nil || string(got) != c.want {
				t.Errorf("the test itself: reference = %s, %v; want %s", tail(got), err, tail([]byte(c.want)))
			}
			for _, before := range []string{"", "before"} {
				got, err := sldc.Append([]byte(before), c.stream, len(c.want))
				if err != nil || string(got) != before+c.want {
					t.Errorf("Append = %s, %v; want %s", tail(got), err, tail([]byte(c.want)))
				}
				got, err = sldc.Append([]byte(before), c.stream, len(c.want)-1)
				if len(c.want) > 0 && (err != sldc.ErrTooLarge || string(got) != before) {
					t.Errorf("Append with a limit one less = %s, %v", tail(got), err)
				}
			}
		})
	}
}

// tail is the end of b, quoted, and its length.
func tail(b []byte) string {
	return fmt.Sprintf("%q (the last of %d bytes)", b[max(0, len(b)-60):], len(b))
}

func TestCorrupt(t *testing.T) {
	cases := map[string][]byte{
		"nothing":                  nil,
		"one byte":                 {0xFF},
		"UTF-8 text":               []byte("<s:Envelope>"),
		"data before a scheme":     stream(literals("abc"), "record"),
		"no end":                   stream("reset1", literals("abc")),
		"no end of a scheme 2":     stream("reset2", plain("abc")),
		"FF at the end":            {0xFF, 0xB7, 0xF8}, // Reset 2, then eight ones and no bit after them
		"flush over the end":       stream("reset1", literals("abc"), "flush"),
		"trailer one too large":    append(stream("reset1", literals("abc"), "record"), 4, 0, 0, 0),
		"trailer of another width": append(stream("reset1", literals("abc"), "record"), 3, 0, 1, 0),
		"trailer not last":         append(stream("reset1", literals("abc"), "record"), 3, 0, 0, 0, 0),
	}
	for code := 7; code < 15; code++ {
		cases[fmt.Sprint("reserved in scheme 1: ", code)] = stream("reset1", literals("abc"), control(code), "record")
		cases[fmt.Sprint("reserved in scheme 2: ", code)] = stream("reset2", plain("abc"), control(code), "record")
		cases[fmt.Sprint("reserved after 1024: ", code)] = stream("reset1", literals(kilo), control(code), literals(kilo), "record")
	}
	for name, in := range cases {
		if got, err := reference(in, 1<<20); err == nil {
			t.Errorf("%s: the reference says %q", name, got)
		}
		got, err := sldc.Append([]byte("before"), in, 1<<20)
		if !errors.Is(err, sldc.ErrCorrupt) || string(got) != "before" {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestTrailer(t *testing.T) {
	s := stream("reset1", literals("abc"), "record") // 53 bits, 7 bytes
	for _, after := range []string{"", "\x00", "\x01\x02\x03", "\x03\x00\x00\x00", "\x00\x03\x00\x00\x00", "\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00"} {
		if got, err := sldc.Append(nil, append(s[:len(s):len(s)], after...), 100); err != nil || string(got) != "abc" {
			t.Errorf("% x after the stream: %q, %v", after, got, err)
		}
	}
}

// Every beginning of a stream without its end fails; what is cut after its end may pass, but never with other bytes.
func TestTruncated(t *testing.T) {
	text := envelope(1)[:1500]
	for name, e := range encoders() {
		whole := e.Append(nil, text)
		for n := range whole {
			got, err := sldc.Append(nil, whole[:n], 1<<20)
			ref, refErr := reference(whole[:n], 1<<20)
			if (err == nil) != (refErr == nil) || !bytes.Equal(got, ref) {
				t.Fatalf("%s, %d of %d bytes: %d bytes, %v; reference %d bytes, %v", name, n, len(whole), len(got), err, len(ref), refErr)
			}
			if err != nil && !errors.Is(err, sldc.ErrCorrupt) {
				t.Fatalf("%s, %d of %d bytes: %v", name, n, len(whole), err)
			}
			if err == nil && (e.NoTrailer || !bytes.Equal(got, text)) {
				t.Fatalf("%s, %d of %d bytes: no error", name, n, len(whole))
			}
		}
	}
}

// Streams of random symbols, most of them as no encoder would write them.
func TestRandomSymbols(t *testing.T) {
	r := rand.New(rand.NewPCG(22091, 1))
	for range 60 {
		var b strings.Builder
		b.WriteString("reset1")
		one := true
		bits := 13
		for range r.IntN(3000) {
			s := ""
			switch k := r.IntN(400); {
			case k == 0:
				s, one = "reset1", true
			case k < 3:
				s, one = "scheme2", false
			case k < 40 && !one:
				s, one = "scheme1", true
			case k == 41:
				s = "mark"
			case k == 42:
				s = "flush" + strings.Repeat("0", -(bits+13)&31)
			case !one:
				s = plain(string([]byte{byte(r.Uint32() | r.Uint32())}))
			case k < 150:
				s = literals(string([]byte{byte(r.Uint32())}))
			case k < 380:
				s = copyOf(2+r.IntN(14), r.IntN(1024))
			default:
				s = copyOf(2+r.IntN(270), r.IntN(1024))
			}
			b.WriteString(s)
			bits += len(strings.ReplaceAll(strings.NewReplacer("reset1", control(5), "scheme1", control(1), "scheme2", control(2), "mark", control(3), "flush", control(0)).Replace(s), " ", ""))
		}
		b.WriteString("record")
		in := stream(b.String())
		same(t, in, 1<<20)
		same(t, in, r.IntN(20000))
	}
}

// same compares Append with the reference, in what they give and in whether and why they refuse.
func same(t *testing.T, in []byte, limit int) {
	t.Helper()
	want, refErr := reference(in, limit)
	for _, dst := range [][]byte{nil, []byte("before"), make([]byte, 3, 3+len(want))} {
		before := string(dst)
		got, err := sldc.Append(dst, in, limit)
		if !bytes.HasPrefix(got, []byte(before)) || !bytes.Equal(got[len(before):], want) {
			t.Fatalf("%d bytes, limit %d: %d bytes of output, want %d", len(in), limit, len(got)-len(before), len(want))
		}
		if (err == nil) != (refErr == nil) || errors.Is(err, sldc.ErrTooLarge) != errors.Is(refErr, errRefTooLarge) ||
			errors.Is(err, sldc.ErrCorrupt) != errors.Is(refErr, errRefCorrupt) {
			t.Fatalf("%d bytes, limit %d: %v; reference %v", len(in), limit, err, refErr)
		}
	}
}

// A stream may claim 94 bytes for one. What is not wanted is not made.
func TestBomb(t *testing.T) {
	var b strings.Builder
	b.WriteString("reset1")
	for range 8 * (256 << 10) / 23 {
		b.WriteString(copyOf(271, 0))
	}
	bomb := stream(b.String(), "record")
	if got, err := sldc.Append(nil, bomb, math.MaxInt); err != nil || len(got) < 94*len(bomb) {
		t.Errorf("%d bytes out of %d without a limit, %v", len(got), len(bomb), err)
	}
	for _, limit := range []int{0, 1, 1000, 1 << 20, 16 << 20} {
		allocated := allocatedBy(func() {
			if _, err := sldc.Append(nil, bomb, limit); err != sldc.ErrTooLarge {
				t.Errorf("limit %d: %v", limit, err)
			}
		})
		if most := uint64(3*limit + 8<<10); allocated > most { // all buffers that ever were, the doubled ones too
			t.Errorf("limit %d: %d bytes allocated, want at most %d", limit, allocated, most)
		}
		dst := make([]byte, limit)
		if n := testing.AllocsPerRun(1, func() { sldc.Append(dst[:0], bomb, limit) }); n != 0 {
			t.Errorf("limit %d, with room: %v allocations", limit, n)
		}
	}
}

// The length behind a stream is the peer's word.
func TestTrailerAllocatesNothing(t *testing.T) {
	body := append(sldc.Compress(nil, []byte("not much")), 0xFF, 0xFF, 0xFF, 0xFF)
	allocated := allocatedBy(func() {
		if _, err := sldc.Append(nil, body, math.MaxInt); !errors.Is(err, sldc.ErrCorrupt) {
			t.Error(err)
		}
	})
	if allocated > 8<<10 {
		t.Errorf("%d bytes allocated", allocated)
	}
}

func allocatedBy(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestAppendAllocates(t *testing.T) {
	text := envelope(20)
	for name, e := range encoders() {
		body := e.Append(nil, text)
		for _, capacity := range []int{len(text), len(text) + 100} {
			dst := make([]byte, 0, capacity)
			if n := testing.AllocsPerRun(5, func() {
				if _, err := sldc.Append(dst, body, 1<<20); err != nil {
					t.Fatal(err)
				}
			}); n != 0 {
				t.Errorf("%s: %v allocations with capacity %d", name, n, capacity)
			}
		}
		// Without capacity: one for the whole body, since its trailer is honest.
		if n := testing.AllocsPerRun(5, func() { sldc.Append(nil, body, 1<<20) }); n > 1 && !e.NoTrailer {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}
