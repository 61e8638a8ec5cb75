package wsman

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// unescape appends src with its entities resolved. It never writes more than it has read, so dst may begin where src begins.
// A reference that XML does not define stays as it is; a number that is no character becomes U+FFFD. Both leave s dirty.
func (s *scanner) unescape(dst, src []byte) []byte {
	for {
		i := bytes.IndexByte(src, '&')
		if i < 0 {
			return append(dst, src...)
		}
		dst = append(dst, src[:i]...)
		src = src[i:]
		r, end, ok := reference(src)
		if !ok {
			s.dirty = true
			dst = append(dst, '&')
			src = src[1:]
			continue
		}
		if r == utf8.RuneError {
			s.dirty = true
		}
		dst = utf8.AppendRune(dst, r)
		src = src[end:]
	}
}

// resolvable says whether every reference in raw means something.
func resolvable(raw []byte) bool {
	for {
		i := bytes.IndexByte(raw, '&')
		if i < 0 {
			return true
		}
		r, end, ok := reference(raw[i:])
		if !ok || r == utf8.RuneError {
			return false
		}
		raw = raw[i+end:]
	}
}

// reference reads the one that b begins with, and says where it ends.
func reference(b []byte) (r rune, end int, ok bool) {
	end = 1
	for end < len(b) && (b[end] == '#' || isAlnum(b[end])) {
		end++
	}
	if end == len(b) || b[end] != ';' {
		return 0, 0, false
	}
	r, ok = entity(b[1:end])
	return r, end + 1, ok
}

func entity(name []byte) (rune, bool) {
	switch string(name) {
	case "lt":
		return '<', true
	case "gt":
		return '>', true
	case "amp":
		return '&', true
	case "apos":
		return '\'', true
	case "quot":
		return '"', true
	}
	if len(name) < 2 || name[0] != '#' {
		return 0, false
	}
	digits, base := name[1:], 10
	if digits[0] == 'x' {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(string(digits), base, 32)
	if err != nil {
		return 0, false
	}
	if n == 0 || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) {
		return utf8.RuneError, true
	}
	return rune(n), true
}

func isAlnum(c byte) bool { return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' }
