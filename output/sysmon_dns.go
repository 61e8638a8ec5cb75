package output

import (
	"bytes"
	"math"
	"net/netip"
	"strconv"
	"unsafe"
)

// appendAnswers appends the QueryResults of a DNS event as a list. Items end with a semicolon: "type:  5 name" is a record that
// is no address, whose data may be missing; anything else is an address.
func appendAnswers(dst, text []byte) []byte {
	before := len(dst)
	dst = append(dst, `"Answers":[`...)
	empty := len(dst)
	for len(text) > 0 {
		var item []byte
		item, text, _ = bytes.Cut(text, []byte{';'})
		item = bytes.Trim(item, " ")
		if record, ok := bytes.CutPrefix(item, []byte("type:")); ok {
			dst = appendRecord(dst, bytes.TrimLeft(record, " "))
		} else {
			dst = appendAddress(dst, item)
		}
	}
	if len(dst) == empty {
		return dst[:before]
	}
	return appendEnd(dst, ']')
}

func appendRecord(dst, record []byte) []byte {
	number, data, _ := bytes.Cut(record, []byte{' '})
	n, ok := decimal(number)
	if !ok || n > math.MaxUint16 {
		return dst
	}
	dst = strconv.AppendUint(append(dst, `{"Type":`...), n, 10)
	if data = bytes.TrimLeft(data, " "); len(data) > 0 {
		dst = appendString(append(dst, `,"Data":`...), data)
	}
	return append(dst, `},`...)
}

// appendAddress appends an address in its canonical form, an IPv4 one without ::ffff:, and nothing for what is none.
func appendAddress(dst, text []byte) []byte {
	text, zone, _ := bytes.Cut(text, []byte{'%'})
	const longest = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")
	if len(text) < 2 || len(text) > longest {
		return dst
	}
	for _, c := range text {
		if !isHex[c] && c != ':' && c != '.' {
			return dst
		}
	}
	for _, c := range zone {
		if !alphanumeric(c) {
			return dst
		}
	}
	// netip keeps nothing of an address without a zone; a real string would be an allocation for each.
	addr, err := netip.ParseAddr(unsafe.String(&text[0], len(text)))
	if err != nil {
		return dst
	}
	dst = addr.Unmap().AppendTo(append(dst, `{"Address":"`...))
	if len(zone) > 0 {
		dst = append(append(dst, '%'), zone...)
	}
	return append(dst, `"},`...)
}
