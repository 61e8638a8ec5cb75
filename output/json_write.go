package output

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// The functions here write compact JSON. Each member ends with a comma; appendEnd turns the last one into the end of an object or
// list. A member is left out when its text is nil.

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// appendString appends text in quotes. It must be UTF-8 as XML allows it; <, > and & stay as they are.
func appendString(dst, text []byte) []byte {
	dst, n := room(dst, len(text))
	dst[n] = '"'
	n = escape(dst, n+1, text)
	dst[n] = '"'
	return dst[:n+1]
}

// appendText appends a member; name is written with its quotes and colon.
func appendText(dst []byte, name string, text []byte) []byte {
	if text == nil {
		return dst
	}
	dst, n := room(dst, len(name)+len(text))
	n += copy(dst[n:], name)
	dst[n] = '"'
	n = escape(dst, n+1, text)
	n += copy(dst[n:], `",`)
	return dst[:n]
}

// appendMember appends a member whose name is any text.
func appendMember(dst, name, text []byte) []byte {
	dst, n := room(dst, len(name)+len(text))
	dst[n] = '"'
	n = escape(dst, n+1, name)
	n += copy(dst[n:], `":"`)
	n = escape(dst, n, text)
	n += copy(dst[n:], `",`)
	return dst[:n]
}

// appendInside appends a part of a string whose quotes the caller writes.
func appendInside(dst, text []byte) []byte {
	dst, n := room(dst, len(text))
	return dst[:escape(dst, n, text)]
}

// room makes place for size bytes of text, each of which takes two at most, what stands around them, and a step of escape.
func room(dst []byte, size int) (whole []byte, n int) {
	n = len(dst)
	dst = slices.Grow(dst, 2*size+16)
	return dst[:cap(dst)], n
}

// escape writes the inside of a JSON string to dst[n:], which has room, eight bytes a step, and returns where it ends.
func escape(dst []byte, n int, text []byte) int {
	for i := 0; i < len(text); {
		w, size := uint64(0), len(text)-i
		switch {
		case size >= 8:
			w, size = binary.LittleEndian.Uint64(text[i:]), 8
		case len(text) >= 8: // the rest of the last eight, filled up with blanks
			w = binary.LittleEndian.Uint64(text[len(text)-8:])>>(64-8*size) | ' '*ones<<(8*size)
		default:
			w = ' ' * ones << (8 * size)
			for k, c := range text[i:] {
				w |= uint64(c) << (8 * k)
			}
		}
		binary.LittleEndian.PutUint64(dst[n:], w)
		quote, slash := w^('"'*ones), w^('\\'*ones)
		special := ((w-' '*ones)&^w | (quote-ones)&^quote | (slash-ones)&^slash) & highs
		if special == 0 {
			i += size
			n += size
			continue
		}
		k := bits.TrailingZeros64(special) >> 3
		dst[n+k], dst[n+k+1] = '\\', short[text[i+k]]
		i += k + 1
		n += k + 2
	}
	return n
}

// short are the escapes of one letter. Other control characters are in no XML; should one come, it becomes a line end.
var short = func() (t [256]byte) {
	for c := range byte(' ') {
		t[c] = 'n'
	}
	t['\t'], t['\r'], t['"'], t['\\'] = 't', 'r', '"', '\\'
	return t
}()

// appendNumber appends a member with the number that text is. A text that is not exactly what we would print for a number up to
// limit is kept as text, under the name with "Text" behind it: so a name has one type and nothing is lost.
func appendNumber(dst []byte, name string, text []byte, limit uint64) []byte {
	if text == nil {
		return dst
	}
	dst = append(append(dst, '"'), name...)
	if n, ok := decimal(text); !ok || n > limit || text[0] == '0' && len(text) > 1 {
		return appendText(dst, `Text":`, text)
	}
	return append(append(append(dst, `":`...), text...), ',')
}

// decimal reads a number without a sign.
func decimal(text []byte) (n uint64, ok bool) {
	if len(text) == 0 || len(text) > 20 {
		return 0, false
	}
	for _, c := range text {
		high, low := bits.Mul64(n, 10)
		sum, carry := bits.Add64(low, uint64(c-'0'), 0)
		if c < '0' || c > '9' || high != 0 || carry != 0 {
			return 0, false
		}
		n = sum
	}
	return n, true
}

// appendEnd ends an object or list.
func appendEnd(dst []byte, c byte) []byte {
	if last := len(dst) - 1; dst[last] == ',' {
		dst[last] = c
	} else {
		dst = append(dst, c)
	}
	return append(dst, ',')
}
