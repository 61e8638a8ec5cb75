package output

import (
	"bytes"
	"math"
	"net/netip"
	"strconv"
	"unsafe"
)

// answer is one item of the QueryResults of a DNS event: an address, or a record that is none.
type answer struct {
	addr netip.Addr // valid for an address, without its zone
	zone []byte

	kind uint64 // type of the record
	data []byte // of the record; it may be missing
}

// nextAnswer reads QueryResults up to the first item that is an answer. Items end with a semicolon: "type:  5 name" is a record
// that is no address; anything else is an address, an IPv4 one perhaps as ::ffff:192.0.2.1.
func nextAnswer(text []byte) (a answer, rest []byte, ok bool) {
	for len(text) > 0 {
		var item []byte
		item, text, _ = bytes.Cut(text, []byte{';'})
		item = bytes.Trim(item, " ")
		if record, is := bytes.CutPrefix(item, []byte("type:")); is {
			number, data, _ := bytes.Cut(bytes.TrimLeft(record, " "), []byte{' '})
			if n, ok := decimal(number); ok && n <= math.MaxUint16 {
				return answer{kind: n, data: bytes.TrimLeft(data, " ")}, text, true
			}
		} else if addr, zone := address(item); addr.IsValid() {
			return answer{addr: addr, zone: zone}, text, true
		}
	}
	return answer{}, nil, false
}

// address reads an IP address; it is not valid where text is none. An IPv4 address loses its ::ffff:.
func address(text []byte) (addr netip.Addr, zone []byte) {
	text, zone, _ = bytes.Cut(text, []byte{'%'})
	const longest = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")
	if len(text) < 2 || len(text) > longest {
		return addr, nil
	}
	for _, c := range text {
		if !isHex[c] && c != ':' && c != '.' {
			return addr, nil
		}
	}
	for _, c := range zone {
		if !alphanumeric(c) {
			return addr, nil
		}
	}
	// netip keeps nothing of an address without a zone; a real string would be an allocation for each.
	addr, err := netip.ParseAddr(unsafe.String(&text[0], len(text)))
	if err != nil {
		return netip.Addr{}, nil
	}
	return addr.Unmap(), zone
}

// appendAnswers appends the QueryResults as a list.
func appendAnswers(dst, text []byte) []byte {
	before := len(dst)
	dst = append(dst, `"Answers":[`...)
	empty := len(dst)
	for a, rest, ok := nextAnswer(text); ok; a, rest, ok = nextAnswer(rest) {
		if !a.addr.IsValid() {
			dst = strconv.AppendUint(append(dst, `{"Type":`...), a.kind, 10)
			if len(a.data) > 0 {
				dst = appendString(append(dst, `,"Data":`...), a.data)
			}
			dst = append(dst, `},`...)
			continue
		}
		dst = a.addr.AppendTo(append(dst, `{"Address":"`...))
		if len(a.zone) > 0 {
			dst = append(append(dst, '%'), a.zone...)
		}
		dst = append(dst, `"},`...)
	}
	if len(dst) == empty {
		return dst[:before]
	}
	return appendEnd(dst, ']')
}
