package wsman

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// errCharset says that a body is in an encoding that no source uses.
var errCharset = errors.New("wsman: unknown charset")

var (
	bomLE   = []byte("\xFF\xFE")
	bomBE   = []byte("\xFE\xFF")
	bomUTF8 = []byte("\xEF\xBB\xBF")
)

// decodeText appends body to dst as UTF-8, without its byte order mark, and returns the extended slice. The mark decides the
// encoding, else charset (the parameter of Content-Type, in any case; "" where there is none), else the first character, which is
// "<" in all that sources send.
//
// Windows copies unpaired surrogates out of event data. They, and bytes that are no UTF-8, become U+FFFD; bad is their number. The
// result never aliases body. After an unknown charset (errCharset) it is dst as it was.
func decodeText(dst, body []byte, charset string) (text []byte, bad int, err error) {
	is := func(name string) bool { return strings.EqualFold(charset, name) }
	switch {
	case bytes.HasPrefix(body, bomLE):
		text, bad = appendUTF8(dst, body[len(bomLE):])
	case bytes.HasPrefix(body, bomBE):
		text, bad = appendUTF8(dst, swapped(body[len(bomBE):]))
	case bytes.HasPrefix(body, bomUTF8):
		text, bad = appendValid(dst, body[len(bomUTF8):])
	case is("utf-16be"), (is("utf-16") || is("")) && bytes.HasPrefix(body, []byte("\x00<")):
		text, bad = appendUTF8(dst, swapped(body))
	case is("utf-16le"), is("utf-16"), is("") && bytes.HasPrefix(body, []byte("<\x00")):
		text, bad = appendUTF8(dst, body)
	case is("utf-8"), is(""):
		text, bad = appendValid(dst, body)
	default:
		return dst, 0, fmt.Errorf("%w %q", errCharset, charset)
	}
	return text, bad, nil
}

// swapped is a copy of b with the bytes of each unit exchanged. Big endian is legal, but no source was ever seen to use it.
func swapped(b []byte) []byte {
	out := slices.Clone(b)
	for i := 0; i+1 < len(out); i += 2 {
		out[i], out[i+1] = out[i+1], out[i]
	}
	return out
}

// appendValid appends UTF-8 to dst. Each byte that belongs to no character becomes U+FFFD and counts as bad.
func appendValid(dst, src []byte) (out []byte, bad int) {
	for len(src) > 0 && !utf8.Valid(src) {
		n := 0
		for {
			r, size := utf8.DecodeRune(src[n:])
			if r == utf8.RuneError && size == 1 {
				break
			}
			n += size
		}
		dst = append(dst, src[:n]...)
		dst = utf8.AppendRune(dst, utf8.RuneError)
		src = src[n+1:]
		bad++
	}
	return append(dst, src...), bad
}

// appendUTF8 appends UTF-16LE text without byte order mark to dst as UTF-8. An unpaired surrogate, or the half of a unit at the end,
// becomes U+FFFD and counts as bad. With enough capacity in dst nothing is allocated.
func appendUTF8(dst, src []byte) (out []byte, bad int) {
	out, pos := dst[:cap(dst)], len(dst)
	for len(src) > 0 {
		if len(src) >= block && len(out)-pos >= blockRoom {
			var wrong int
			pos, src, wrong = decodeBlocks(out, pos, src)
			bad += wrong
			continue
		}
		r, n, ok := decodeRune(src)
		if !ok {
			bad++
		}
		if size := utf8.RuneLen(r); size > len(out)-pos {
			out = moved(out[:pos], len(src)/2, pos == len(dst))
		}
		pos += utf8.EncodeRune(out[pos:], r)
		src = src[n:]
	}
	return out[:pos], bad
}

const (
	block     = 32       // bytes of UTF-16LE
	blockRoom = 15*3 + 4 // bytes of UTF-8 that a block may become, with a pair that begins at its end

	notASCII = 0xFF80FF80FF80FF80 // in four units of UTF-16LE
)

// moved copies out to where units more fit: at first as if they were mostly ASCII, later whatever they are.
func moved(out []byte, units int, first bool) []byte {
	more := 3 * units
	if first {
		more = units + units/8
	}
	larger := make([]byte, len(out)+more+blockRoom)
	copy(larger, out)
	return larger
}

// decodeBlocks decodes src into out[pos:] until less than a block or less than its room is left.
func decodeBlocks(out []byte, pos int, src []byte) (end int, rest []byte, bad int) {
	for len(src) >= block && len(out)-pos >= blockRoom {
		from := (*[block]byte)(src)
		a, b := binary.LittleEndian.Uint64(from[:]), binary.LittleEndian.Uint64(from[8:])
		c, d := binary.LittleEndian.Uint64(from[16:]), binary.LittleEndian.Uint64(from[24:])
		if (a|b|c|d)&notASCII == 0 {
			to := (*[block / 2]byte)(out[pos:])
			binary.LittleEndian.PutUint64(to[:], squeezed(a)|squeezed(b)<<32)
			binary.LittleEndian.PutUint64(to[8:], squeezed(c)|squeezed(d)<<32)
			pos += block / 2
			src = src[block:]
			continue
		}
		i := 0
		for i < block {
			u := binary.LittleEndian.Uint16(src[i:])
			to := (*[utf8.UTFMax]byte)(out[pos:])
			switch {
			case u < 1<<7:
				to[0] = byte(u)
				pos++
				i += 2
			case u < 1<<11:
				to[0], to[1] = 0xC0|byte(u>>6), 0x80|byte(u&0x3F)
				pos += 2
				i += 2
			case !utf16.IsSurrogate(rune(u)):
				to[0], to[1], to[2] = 0xE0|byte(u>>12), 0x80|byte(u>>6&0x3F), 0x80|byte(u&0x3F)
				pos += 3
				i += 2
			default:
				r, n, ok := decodeRune(src[i:])
				if !ok {
					bad++
				}
				pos += utf8.EncodeRune(to[:], r)
				i += n
			}
		}
		src = src[i:]
	}
	return pos, src, bad
}

// squeezed are the four ASCII units of v in its lower half.
func squeezed(v uint64) uint64 {
	v = (v | v>>8) & 0x0000FFFF0000FFFF
	return (v | v>>16) & 0xFFFFFFFF
}

// decodeRune is the first character of UTF-16LE src, which is not empty, and its length in bytes; U+FFFD and not ok where there is none.
func decodeRune(src []byte) (r rune, n int, ok bool) {
	if len(src) == 1 {
		return utf8.RuneError, 1, false
	}
	r = rune(binary.LittleEndian.Uint16(src))
	if !utf16.IsSurrogate(r) {
		return r, 2, true
	}
	if len(src) >= 4 {
		if r = utf16.DecodeRune(r, rune(binary.LittleEndian.Uint16(src[2:]))); r != utf8.RuneError {
			return r, 4, true
		}
	}
	return utf8.RuneError, 2, false
}

// appendUTF16 appends a byte order mark and UTF-8 text as UTF-16LE, as Windows wants every message. Bytes that are no UTF-8 become U+FFFD.
func appendUTF16(dst, text []byte) []byte {
	dst = append(slices.Grow(dst, len(bomLE)+2*len(text)), bomLE...)
	out, pos := dst[:cap(dst)], len(dst)
	for len(text) > 0 {
		if len(text) >= 8 {
			if v := binary.LittleEndian.Uint64(text); v&0x8080808080808080 == 0 {
				to := (*[16]byte)(out[pos:])
				binary.LittleEndian.PutUint64(to[:], spread(v&0xFFFFFFFF))
				binary.LittleEndian.PutUint64(to[8:], spread(v>>32))
				pos += 16
				text = text[8:]
				continue
			}
		}
		r, n := utf8.DecodeRune(text)
		if high, low := utf16.EncodeRune(r); r > 0xFFFF {
			binary.LittleEndian.PutUint16(out[pos:], uint16(high))
			binary.LittleEndian.PutUint16(out[pos+2:], uint16(low))
			pos += 4
		} else {
			binary.LittleEndian.PutUint16(out[pos:], uint16(r))
			pos += 2
		}
		text = text[n:]
	}
	return out[:pos]
}

// spread are the four ASCII bytes of v as units.
func spread(v uint64) uint64 {
	v = (v | v<<16) & 0x0000FFFF0000FFFF
	return (v | v<<8) & 0x00FF00FF00FF00FF
}
