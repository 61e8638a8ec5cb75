package output

import (
	"bytes"
	"strconv"
)

// registryNumber reads a registry value of event 13 that is a number: DWORD (0x00000001), QWORD (0xHIGH-0xLOW). kind is
// Windows' name for it, "" for everything else.
func registryNumber(text []byte) (kind string, n uint64) {
	const dword, qword = "DWORD (0x", "QWORD (0x"
	if len(text) <= len(dword)+1 || text[len(text)-1] != ')' {
		return "", 0
	}
	start, digits := string(text[:len(dword)]), text[len(dword):len(text)-1]
	if start == dword && len(digits) <= 8 {
		if n, ok := hexadecimal(digits); ok {
			return "REG_DWORD", n
		}
	}
	if high, low, ok := bytes.Cut(digits, []byte("-0x")); ok && start == qword && len(high) <= 8 && len(low) <= 8 {
		h, okHigh := hexadecimal(high)
		l, okLow := hexadecimal(low)
		if okHigh && okLow {
			return "REG_QWORD", h<<32 | l
		}
	}
	return "", 0
}

func appendValue(dst, text []byte) []byte {
	kind, n := registryNumber(text)
	if kind == "" {
		return dst
	}
	dst = append(append(append(dst, `"Value":{"Type":"`...), kind...), `","Number":`...)
	return append(strconv.AppendUint(dst, n, 10), `},`...)
}
