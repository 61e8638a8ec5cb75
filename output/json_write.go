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

// appendString appends text in quotes. It must be UTF-8; <, > and & stay as they are.
func appendString(dst, text []byte) []byte {
	return append(appendEscaped(append(dst, '"'), text), '"')
}

// appendEscaped appends the inside of a JSON string, eight bytes a step.
func appendEscaped(dst, text []byte) []byte {
	dst, n := room(dst, len(text))
	i := 0
	for i < len(text) {
		if len(text)-i >= 8 {
			w := binary.LittleEndian.Uint64(text[i:])
			binary.LittleEndian.PutUint64(dst[n:], w)
			quote, slash := w^('"'*ones), w^('\\'*ones)
			special := ((w-0x20*ones)&^w | (quote-ones)&^quote | (slash-ones)&^slash) & highs
			k := bits.TrailingZeros64(special) >> 3 // 8 when there is none
			i += k
			n += k
			if special == 0 {
				continue
			}
		}
		c := text[i]
		i++
		switch {
		case short[c] != 0:
			dst[n], dst[n+1] = '\\', short[c]
			n += 2
		case c < ' ':
			dst, n = room(append(dst[:n], "\uFFFD"...), len(text)-i)
		default:
			dst[n] = c
			n++
		}
	}
	return dst[:n]
}

// room makes place for size bytes of text. What XML allows takes at most two bytes for one.
func room(dst []byte, size int) (whole []byte, n int) {
	n = len(dst)
	dst = slices.Grow(dst, 2*size+8)
	return dst[:cap(dst)], n
}

// short are the escapes of one letter. Other control characters cannot come out of XML: they become U+FFFD.
var short = [256]byte{'"': '"', '\\': '\\', '\t': 't', '\n': 'n', '\r': 'r'}

// appendText appends a member; name is written with its quotes and colon.
func appendText(dst []byte, name string, text []byte) []byte {
	if text == nil {
		return dst
	}
	return append(appendString(append(dst, name...), text), ',')
}

// appendNumber appends a member with the number that text is. A text that is not exactly what we would print for a number up to
// limit is kept as text, under the name with "Text" behind it: so a name has one type and nothing is lost.
func appendNumber(dst []byte, name string, text []byte, limit uint64) []byte {
	if text == nil {
		return dst
	}
	dst = append(append(dst, '"'), name...)
	if n, ok := decimal(text); !ok || n > limit || text[0] == '0' && len(text) > 1 {
		return append(appendString(append(dst, `Text":`...), text), ',')
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
