package wsman

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"
)

// decodeUnits is what the standard library makes of UTF-16LE: the truth that appendUTF8 is compared with.
func decodeUnits(src []byte) (text string, bad int) {
	var units []uint16
	for i := 0; i+1 < len(src); i += 2 {
		units = append(units, binary.LittleEndian.Uint16(src[i:]))
	}
	text = string(utf16.Decode(units))
	bad = strings.Count(text, "\uFFFD")
	for _, u := range units {
		if u == utf8.RuneError { // sent as such
			bad--
		}
	}
	if len(src)%2 == 1 {
		return text + "\uFFFD", bad + 1
	}
	return text, bad
}

func encodeUnits(s string) []byte {
	var out []byte
	for _, u := range utf16.Encode([]rune(s)) {
		out = binary.LittleEndian.AppendUint16(out, u)
	}
	return out
}

// checkUTF8 compares appendUTF8 with the standard library, for several capacities of dst.
func checkUTF8(t *testing.T, src []byte) {
	t.Helper()
	want, wantBad := decodeUnits(src)
	for _, room := range []int{0, len(want) / 2, len(want), len(want) + 100} {
		dst := append(make([]byte, 0, 6+room), "before"...)
		got, bad := appendUTF8(dst, src)
		if string(got) != "before"+want || bad != wantBad {
			t.Fatalf("appendUTF8(% x), room %d = %q, %d bad; want %q, %d", src, room, got, bad, want, wantBad)
		}
	}
}

func TestAppendUTF8(t *testing.T) {
	for _, s := range []string{"", "a", "ä", "€", "𝄞", "\x00", "\uFFFD", "\uFEFF", "\uFFFF", "<Event>", `C:\Users\Søren\`, "Привет, мир", "漢字かな交じり文",
		"퟿\uE000", "\U00010000\U0010FFFF"} {
		for _, n := range []int{1, 3, 7, 8, 9, 15, 16, 17, 40} {
			text := strings.Repeat(s, n)
			checkUTF8(t, encodeUnits(text))
			checkUTF8(t, append(encodeUnits(text), 'x'))
			// Each character at each place of a block.
			for i := range 17 {
				checkUTF8(t, encodeUnits(strings.Repeat("x", i)+text+strings.Repeat("y", 40)))
			}
		}
	}
}

func TestUnpairedSurrogates(t *testing.T) {
	const high, low = 0xD83D, 0xDE00
	for _, units := range [][]uint16{{high}, {low}, {high, high}, {low, high}, {low, low}, {high, 'a'}, {'a', low}, {high, high, low}, {high, low, low},
		{high, low, high}, {0xDBFF, 0xDFFF}, {0xD800, 0xDC00}, {high, 0xE000}, {high, utf8.RuneError}} {
		for i := range 40 {
			var src []byte
			for _, u := range slices.Concat(slices.Repeat([]uint16{'x'}, i), units, slices.Repeat([]uint16{'y'}, 40-i)) {
				src = binary.LittleEndian.AppendUint16(src, u)
			}
			checkUTF8(t, src)
			checkUTF8(t, src[:2*(i+len(units))])
			checkUTF8(t, src[:2*(i+len(units))-1])
		}
	}
	if got, bad := appendUTF8(nil, []byte{0x3D, 0xD8, 'a', 0, 0}); string(got) != "\uFFFDa\uFFFD" || bad != 2 {
		t.Errorf("%q, %d bad", got, bad)
	}
}

func TestRandomUTF16(t *testing.T) {
	r := rand.New(rand.NewPCG(2781, 16))
	for range 2000 {
		src := make([]byte, r.IntN(200))
		kind := r.IntN(4)
		for i := range src {
			switch {
			case kind == 0, r.IntN(30) == 0:
				src[i] = byte(r.Uint32())
			case i%2 == 0:
				src[i] = byte(r.Uint32N(128))
			case kind == 1:
				src[i] = 4
			case kind == 2:
				src[i] = 0xD8 + byte(r.Uint32N(8))
			}
		}
		checkUTF8(t, src)
	}
}

func TestDecodeText(t *testing.T) {
	const xml = "<s>Ø𝄞</s>"
	le := string(encodeUnits(xml))
	be := string(swapped([]byte(le)))
	for _, c := range []struct {
		name, body, charset, want string
		bad                       int
	}{
		{"LE mark", "\xff\xfe" + le, "UTF-16", xml, 0},
		{"LE mark against charset", "\xff\xfe" + le, "utf-8", xml, 0},
		{"LE mark against unknown charset", "\xff\xfe" + le, "klingon", xml, 0},
		{"BE mark", "\xfe\xff" + be, "", xml, 0},
		{"UTF-8 mark", "\xef\xbb\xbf" + xml, "utf-16", xml, 0},
		{"only a mark", "\xff\xfe", "", "", 0},
		{"nothing", "", "", "", 0},
		{"nothing in UTF-16", "", "utf-16", "", 0},
		{"half a mark", "\xff", "", "\uFFFD", 1},
		{"UTF-16", le, "UTF-16", xml, 0},
		{"UTF-16 that is big endian", be, "utf-16", xml, 0},
		{"UTF-16LE", le, "utf-16LE", xml, 0},
		{"UTF-16BE", be, "Utf-16Be", xml, 0},
		{"UTF-16BE against sniffing", "<\x00s\x00", "utf-16be", "\u3C00\u7300", 0},
		{"UTF-8", xml, "UTF-8", xml, 0},
		{"sniffed LE", le, "", xml, 0},
		{"sniffed BE", be, "", xml, 0},
		{"sniffed UTF-8", xml, "", xml, 0},
		{"neither", "  " + xml, "", "  " + xml, 0},
		{"unpaired", "\xff\xfe<\x00\x3d\xd8a\x00", "", "<\uFFFDa", 1},
		{"odd", le + "<", "utf-16", xml + "\uFFFD", 1},
		{"unpaired BE", "\xfe\xff\x00<\xd8\x3d\x00a\x00", "", "<\uFFFDa\uFFFD", 2},
		{"bad UTF-8", "<a\xff\xc3(\xed\xa0\xbd\xe2\x82", "utf-8", "<a\uFFFD\uFFFD(\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD", 7},
		{"U+FFFD sent as such", "<\uFFFD", "utf-8", "<\uFFFD", 0},
	} {
		got, bad, err := decodeText([]byte("before"), []byte(c.body), c.charset)
		if err != nil || string(got) != "before"+c.want || bad != c.bad {
			t.Errorf("%s: %q, %d bad, %v; want %q, %d", c.name, got, bad, err, c.want, c.bad)
		}
	}
	for _, charset := range []string{"klingon", "utf8", "utf-32", "iso-8859-1", " utf-8"} {
		if got, _, err := decodeText([]byte("before"), []byte(xml), charset); !errors.Is(err, errCharset) || string(got) != "before" {
			t.Errorf("charset %q: %q, %v", charset, got, err)
		}
	}
}

// The text must stay when the body's buffer is used again.
func TestDecodeTextCopies(t *testing.T) {
	body := []byte("<s>text</s>")
	got, _, _ := decodeText(nil, body, "utf-8")
	clear(body)
	if string(got) != "<s>text</s>" {
		t.Errorf("%q", got)
	}
}

func TestAppendUTF16(t *testing.T) {
	for _, s := range []string{"", "a", "<s:Envelope>", "Søren", "Привет", "漢字", "𝄞", "a\U0010FFFFb\uFFFF", "bad\xff\xc3(\xed\xa0\xbd"} {
		for i := range 20 {
			text := strings.Repeat("x", i) + strings.Repeat(s, i)
			want := append([]byte("before\xff\xfe"), encodeUnits(text)...)
			if got := appendUTF16([]byte("before"), []byte(text)); !bytes.Equal(got, want) {
				t.Errorf("%q: % x, want % x", text, got, want)
			}
		}
	}
}

func FuzzUTF16(f *testing.F) {
	f.Add(encodeUnits("<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'>"))
	f.Add(encodeUnits("Привет, мир 漢字かな交じり文 𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞𝄞"))
	f.Add([]byte("\xff\xfe<\x00\x3d\xd8\x3d\xd8\x00\xde\x00\xdea"))
	f.Add([]byte("<a\xff\xc3(\xed\xa0\xbd\xe2\x82"))
	f.Fuzz(func(t *testing.T, b []byte) {
		checkUTF8(t, b)
		valid := []byte(string([]rune(string(b)))) // each bad byte one U+FFFD
		got, bad := appendValid(nil, b)
		if !bytes.Equal(got, valid) || (bad == 0) != utf8.Valid(b) {
			t.Errorf("appendValid(%q) = %q, %d bad; want %q", b, got, bad, valid)
		}
		wide := appendUTF16(nil, b)
		if want := append([]byte("\xff\xfe"), encodeUnits(string(b))...); !bytes.Equal(wide, want) {
			t.Errorf("appendUTF16(%q) = % x, want % x", b, wide, want)
		}
		for _, charset := range []string{"", "utf-16", "utf-16be", "utf-8"} {
			if text, _, err := decodeText(nil, b, charset); err != nil || !utf8.Valid(text) {
				t.Errorf("decodeText(%q, %q) = %q, %v", b, charset, text, err)
			}
			if text, bad, err := decodeText(nil, wide, charset); err != nil || bad != 0 || !bytes.Equal(text, valid) {
				t.Errorf("decodeText(%q, %q) = %q, %d bad, %v; want %q", wide, charset, text, bad, err, valid)
			}
		}
	})
}

func TestUTF16Allocates(t *testing.T) {
	for name, event := range utf16Events {
		body := appendUTF16(nil, []byte(strings.Repeat(event, 5)))
		text := bytes.Repeat([]byte(event), 5)
		dst := make([]byte, 0, len(text))
		for _, charset := range []string{"UTF-16", ""} {
			if n := testing.AllocsPerRun(10, func() {
				if got, _, _ := decodeText(dst, body, charset); !bytes.Equal(got, text) {
					t.Fatalf("%s: wrong text", name)
				}
			}); n != 0 {
				t.Errorf("%s: decodeText: %v allocations", name, n)
			}
		}
		if n := testing.AllocsPerRun(10, func() { decodeText(dst, text, "utf-8") }); n != 0 {
			t.Errorf("%s: decodeText of UTF-8: %v allocations", name, n)
		}
		wide := make([]byte, 0, 2+2*len(text))
		if n := testing.AllocsPerRun(10, func() { appendUTF16(wide, text) }); n != 0 {
			t.Errorf("%s: appendUTF16: %v allocations", name, n)
		}
		if n := testing.AllocsPerRun(10, func() { appendUTF8(nil, body[2:]) }); n > 2 {
			t.Errorf("%s: appendUTF8 to nothing: %v allocations", name, n)
		}
	}
}

// utf16Events are one event each, about 3.2 kB in UTF-16: all ASCII, with a user and paths in Cyrillic, with a text in Japanese.
var utf16Events = map[string]string{
	"ascii":    utf16Event("-", `C:\Users\admin\AppData\Local\Temp\setup.exe`),
	"cyrillic": utf16Event("Пользователь", `C:\Users\Пользователь\Рабочий стол\Отчёт за март.exe`),
	"cjk":      utf16Event(strings.Repeat("新しいプロセスが作成されました。", 8), `C:\Users\山田\デスクトップ\報告書.exe`),
}

func utf16Event(user, image string) string {
	var b strings.Builder
	b.WriteString(`<w:Event Action="http://schemas.dmtf.org/wbem/wsman/1/wsman/Event"><![CDATA[<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Sysmon' Guid='{5770385f-c22a-43e0-bf4c-06f5698ffbd9}'/><EventID>1</EventID><Version>5</Version><Level>4</Level><Task>1</Task><Opcode>0</Opcode><Keywords>0x8000000000000000</Keywords><TimeCreated SystemTime='2026-03-05T09:14:22.1234567Z'/><EventRecordID>48213</EventRecordID><Correlation/><Execution ProcessID='3204' ThreadID='4410'/><Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>pc-4471.corp.example</Computer><Security UserID='S-1-5-18'/></System><EventData><Data Name='RuleName'>-</Data><Data Name='UtcTime'>2026-03-05 09:14:22.119</Data>`)
	for _, d := range [][2]string{{"ProcessGuid", "{b3c1d7a2-9d0e-66f1-4c02-000000001f00}"}, {"ProcessId", "9112"}, {"Image", image}, {"FileVersion", "10.0.26100.1"}, {"User", user},
		{"CommandLine", `"` + image + `" --quiet --log C:\Windows\Temp\setup.log`}, {"CurrentDirectory", `C:\Windows\system32\`},
		{"Hashes", "SHA256=8F16A431C919A0AA7C9466EC1CDC1E721F30EB5C8182835585A1B74ABECB1920,IMPHASH=0EB64EACA8C951D760EEA1A941A2A3F7"},
		{"ParentImage", `C:\Windows\explorer.exe`}, {"ParentCommandLine", `C:\Windows\Explorer.EXE`}} {
		fmt.Fprintf(&b, "<Data Name='%s'>%s</Data>", d[0], d[1])
	}
	b.WriteString("</EventData></Event>]]></w:Event>")
	return b.String()
}

func BenchmarkUTF8FromUTF16(b *testing.B) {
	for _, name := range []string{"ascii", "cyrillic", "cjk"} {
		for _, events := range []int{10, 50, 160} {
			b.Run(fmt.Sprintf("%s/events=%d", name, events), func(b *testing.B) {
				src := encodeUnits(strings.Repeat(utf16Events[name], events))
				dst, _ := appendUTF8(nil, src)
				b.SetBytes(int64(len(src)))
				b.ReportAllocs()
				for b.Loop() {
					dst, _ = appendUTF8(dst[:0], src)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(events), "ns/event")
			})
		}
	}
}

func BenchmarkUTF16FromUTF8(b *testing.B) {
	for _, events := range []int{10, 50, 160} {
		b.Run(fmt.Sprintf("events=%d", events), func(b *testing.B) {
			src := []byte(strings.Repeat(utf16Events["ascii"], events))
			dst := appendUTF16(nil, src)
			b.SetBytes(int64(len(src)))
			b.ReportAllocs()
			for b.Loop() {
				dst = appendUTF16(dst[:0], src)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(events), "ns/event")
		})
	}
}
