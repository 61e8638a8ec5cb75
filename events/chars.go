package events

import (
	"bytes"
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// What inspect found beside printable ASCII and well-formed UTF-8.
const (
	hasBlanks  = 1 << iota // a raw TAB, LF or CR
	hasCR                  // a raw CR
	hasIllegal             // a character that XML 1.0 forbids, or no UTF-8
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// inspect looks at every character of text, 32 bytes a step where nothing is remarkable.
func inspect(text []byte) (found int) {
	for i := 0; i < len(text); {
		for len(text)-i >= 32 {
			b := text[i : i+32 : i+32]
			w, x := binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[8:])
			y, z := binary.LittleEndian.Uint64(b[16:]), binary.LittleEndian.Uint64(b[24:])
			if (remarkable(w)|remarkable(x)|remarkable(y)|remarkable(z))&highs != 0 {
				break
			}
			i += 32
		}
		if len(text)-i >= 8 {
			w := remarkable(binary.LittleEndian.Uint64(text[i:])) & highs
			if w == 0 {
				i += 8
				continue
			}
			i += bits.TrailingZeros64(w) >> 3
		}
		if i == len(text) {
			break
		}
		n, legal := character(text[i:])
		if !legal {
			found |= hasIllegal
		}
		switch text[i] {
		case '\r':
			found |= hasBlanks | hasCR
		case '\n', '\t':
			found |= hasBlanks
		}
		i += n
	}
	return found
}

// remarkable has the high bit set in every byte of w, up to the first such one exactly, that is not ASCII or below the blank.
func remarkable(w uint64) uint64 { return w | (w - 0x20*ones) }

// character is the length of the first character of text, and whether XML 1.0 (2.2) allows it.
func character(text []byte) (n int, legal bool) {
	if c := text[0]; c < utf8.RuneSelf {
		return 1, c >= ' ' || c == '\t' || c == '\n' || c == '\r'
	}
	r, n := utf8.DecodeRune(text)
	return n, legalRune(r) && (r != utf8.RuneError || n > 1)
}

func legalRune(r rune) bool {
	return r >= ' ' && r != 0xFFFE && r != 0xFFFF && utf8.ValidRune(r) || r == '\t' || r == '\n' || r == '\r'
}

// repair appends text with U+FFFD for everything illegal: characters anywhere, references where they are references.
func repair(dst, text []byte) []byte {
	section := 0 // end of the comment, CDATA section or instruction that we are in
	for i := 0; i < len(text); {
		switch {
		case text[i] == '<' && i >= section:
			n := sectionLength(text[i:])
			if n < 0 {
				n = len(text) - i // looking for its end again and again would be quadratic
			}
			section = i + n
		case text[i] == '&' && i >= section:
			if r, n := reference(text[i:]); n > 0 && !legalRune(r) {
				dst = append(dst, "\uFFFD"...)
				i += n
				continue
			}
		}
		n, legal := character(text[i:])
		if legal {
			dst = append(dst, text[i:i+n]...)
		} else {
			dst = append(dst, "\uFFFD"...)
		}
		i += n
	}
	return dst
}

var sections = [...]struct{ start, end string }{{"<!--", "-->"}, {"<![CDATA[", "]]>"}, {"<?", "?>"}}

// sectionLength is the length of the comment, CDATA section or processing instruction at the start of text. 0: there is none,
// -1: it does not end.
func sectionLength(text []byte) int {
	if len(text) > 1 && text[1] != '!' && text[1] != '?' {
		return 0
	}
	for _, s := range sections {
		if len(text) >= len(s.start) && string(text[:len(s.start)]) == s.start {
			n := bytes.Index(text[len(s.start):], []byte(s.end))
			if n < 0 {
				return -1
			}
			return len(s.start) + n + len(s.end)
		}
	}
	return 0
}
