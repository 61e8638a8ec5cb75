package sldc_test

import (
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"github.com/wefka/wefka/wsman/sldc"
)

// vectors were decoded by two other decoders, in Python and in Go, before this package was written. The one marked public comes from
// the tests of an open SLDC library; the others were made from the text of ECMA-321 by hand or by a throw-away encoder.
var vectors = []struct {
	name, text, stream string
	windows            bool // Compress writes exactly this
}{
	{"empty", "", "ffaffd000000000000", true},
	{"A", "A", "ffa907fe800001000000", true},
	{"literals only", "AB", "ffa90485ff400002000000", true},
	{"copy of 2", "ABAB", "ffa90485000ffa000004000000", false},
	{"copies of 3 and 6", "abcabcabcabc", "ffa984c463a006800ffa00000c000000", true},
	{"UTF-16LE aa", "\xff\xfea\x00a\x00", "ffabfdfc6100400bfe800006000000", false},
	{"UTF-16LE <s:a/>", "\xff\xfe<\x00s\x00:\x00a\x00/\x00>\x00", "ffabfdfc3c001cc003a00184002f000f801ff4000e000000", true},
	{"40 x", strings.Repeat("x", 40), "ffa9e0f1000c001c000f0001c018ffa00028000000", false},
	{"600 z", strings.Repeat("z", 600), "ffa9e8f5000c001c000f0001f00003e40007c8040f90101f20303e40807c8140f90301f20703d1147fd00058020000", false},
	{"self-overlap", "aaaaaa", "ffa9872007fd00", false},
	{"scheme 2 with FF", "Hi\xff!", "ffb2434ff887fe80", false},
	{"scheme 2, then 1", "ababc", "ffb30b17fc600063ffa0", false},
	{"271 zeros from a cleared history", strings.Repeat("\x00", 271), "ffaffbc00ffa00", false},
	{"scheme 2, public", "test string", "ffb3a32b9ba1039ba3934b733ffd0000", false},
}

func TestVectors(t *testing.T) {
	for _, v := range vectors {
		t.Run(v.name, func(t *testing.T) {
			stream, err := hex.DecodeString(v.stream)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := sldc.Append(nil, stream, len(v.text)); err != nil || string(got) != v.text {
				t.Errorf("Append = %q, %v; want %q", got, err, v.text)
			}
			if got, err := reference(stream, len(v.text)); err != nil || string(got) != v.text {
				t.Errorf("reference = %q, %v; want %q", got, err, v.text)
			}
			written := sldc.Compress(nil, []byte(v.text))
			if got := hex.EncodeToString(written); v.windows && got != v.stream {
				t.Errorf("Compress = %s, want %s", got, v.stream)
			}
			if got, err := sldc.Append(nil, written, len(v.text)); err != nil || string(got) != v.text {
				t.Errorf("after Compress: %q, %v", got, err)
			}
		})
	}
	if _, err := sldc.Append(nil, []byte{0xFF, 0xB8}, 100); !errors.Is(err, sldc.ErrCorrupt) {
		t.Errorf("reserved control symbol: %v", err)
	}
}

func TestIs(t *testing.T) {
	for b := range 256 {
		want := b >= 0xA8 && b <= 0xB7 || b >= 0x88 && b <= 0x97
		if got := sldc.Is([]byte{0xFF, byte(b)}); got != want {
			t.Errorf("Is(FF %02X) = %v", b, got)
		}
	}
	for _, text := range []string{"", "\xff", "\xff\xfe<\x00", "\xfe\xff\x00<", "\xef\xbb\xbf<", "<s", "<\x00s\x00", "\x00\x00", "\xa8\xff"} {
		if sldc.Is([]byte(text)) {
			t.Errorf("Is(%q) = true", text)
		}
	}
	for _, v := range vectors {
		stream, _ := hex.DecodeString(v.stream)
		if !sldc.Is(stream) {
			t.Errorf("Is(%s) = false", v.name)
		}
	}
}
