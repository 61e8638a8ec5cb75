package kerberos

import (
	"bytes"
	"errors"
	"fmt"
)

// Token ids that follow the mechanism in a framed token (RFC 4121 4.1, RFC 4757 7.2).
var (
	idAPReq    = [2]byte{1, 0}
	idAPRep    = [2]byte{2, 0}
	idKRBError = [2]byte{3, 0}
)

// Object identifiers of mechanisms, with tag and length.
var (
	oidKerberos   = []byte("\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02") // 1.2.840.113554.1.2.2
	oidMSKerberos = []byte("\x06\x09\x2a\x86\x48\x82\xf7\x12\x01\x02\x02") // 1.2.840.48018.1.2.2, a slip of Windows 2000 that stayed
	oidSPNEGO     = []byte("\x06\x06\x2b\x06\x01\x05\x05\x02")             // 1.3.6.1.5.5.2
	oidNTLM       = []byte("\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a")
)

const tagFrame = 0x60 // [APPLICATION 0]

var errFrame = errors.New("no token of the Kerberos mechanism")

// appendFrame appends a token of the Kerberos mechanism: frame, mechanism, id, inner (RFC 2743 3.1, RFC 4121 4.1).
func appendFrame(dst []byte, id [2]byte, inner []byte) []byte {
	dst = appendHead(dst, tagFrame, len(oidKerberos)+len(id)+len(inner))
	dst = append(dst, oidKerberos...)
	dst = append(dst, id[:]...)
	return append(dst, inner...)
}

// openFrame takes such a token apart; inner aliases it. The length must be that of the token, to the byte.
func openFrame(token []byte) (id [2]byte, inner []byte, err error) {
	tag, body, rest, err := readElement(token)
	if err != nil {
		return id, nil, fmt.Errorf("%w: %w", errFrame, err)
	}
	if tag != tagFrame || len(rest) != 0 {
		return id, nil, errFrame
	}
	body, ok := bytes.CutPrefix(body, oidKerberos)
	if !ok || len(body) < len(id) {
		return id, nil, errFrame
	}
	return [2]byte(body[:2]), body[2:], nil
}

var errDER = errors.New("not DER, or cut short")

// readElement reads one element of definite length and a tag of one byte; body and rest alias b. A length in more bytes than it needs
// is accepted, up to four.
func readElement(b []byte) (tag byte, body, rest []byte, err error) {
	if len(b) < 2 || b[0]&0x1f == 0x1f {
		return 0, nil, nil, errDER
	}
	tag, size, rest := b[0], int(b[1]), b[2:]
	if size >= 0x80 {
		n := size & 0x7f
		if n == 0 || n > 4 || n > len(rest) {
			return 0, nil, nil, errDER
		}
		size = 0
		for _, c := range rest[:n] {
			size = size<<8 | int(c)
		}
		rest = rest[n:]
	}
	if size < 0 || size > len(rest) {
		return 0, nil, nil, errDER
	}
	return tag, rest[:size], rest[size:], nil
}

// appendElement appends an element.
func appendElement(dst []byte, tag byte, body ...[]byte) []byte {
	size := 0
	for _, b := range body {
		size += len(b)
	}
	dst = appendHead(dst, tag, size)
	for _, b := range body {
		dst = append(dst, b...)
	}
	return dst
}

// appendHead appends a tag and the shortest form of a length.
func appendHead(dst []byte, tag byte, size int) []byte {
	dst = append(dst, tag)
	if size < 0x80 {
		return append(dst, byte(size))
	}
	n := 1
	for size>>(8*n) != 0 {
		n++
	}
	dst = append(dst, 0x80|byte(n))
	for n--; n >= 0; n-- {
		dst = append(dst, byte(size>>(8*n)))
	}
	return dst
}
