package kerberos

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strconv"

	"github.com/wefka/wefka/wsman"
)

// multipart is the form of sealed bodies (MS-WSMV 2.2.9.1). Windows sends it without tabs, without an empty line after the headers and
// without a line break before the closing boundary, which is therefore cut from the end: the token may hold any bytes.
type multipart struct {
	protocol    string // application/HTTP-Kerberos-session-encrypted, or with SPNEGO
	contentType string // of the bodies that we send
}

const (
	sealedType     = "multipart/encrypted"
	sentBoundary   = "Encrypted Boundary"
	octets         = "application/octet-stream"
	maxBoundary    = 70 // RFC 2046 5.1.1
	maxTokenHeader = 1024
)

func newMultipart(scheme wsman.Method) (multipart, error) {
	var m multipart
	switch scheme {
	case wsman.Kerberos:
		m.protocol = "application/HTTP-Kerberos-session-encrypted"
	case wsman.Negotiate:
		m.protocol = "application/HTTP-SPNEGO-session-encrypted"
	default:
		return m, fmt.Errorf("scheme %q has no sealed messages", scheme)
	}
	m.contentType = sealedType + `;protocol="` + m.protocol + `";boundary="` + sentBoundary + `"`
	return m, nil
}

// begin writes a body up to the token, with capacity for all of it.
func (m *multipart) begin(contentKind string, length, header int) []byte {
	const digits = 20
	body := make([]byte, 0, 2*len(sentBoundary)+len(m.protocol)+len(contentKind)+len(octets)+digits+100+header+length+len(closing))
	body = append(body, "--"+sentBoundary+"\r\nContent-Type: "...)
	body = append(body, m.protocol...)
	body = append(body, "\r\nOriginalContent: type="...)
	body = append(body, contentKind...)
	body = append(body, ";Length="...)
	body = strconv.AppendInt(body, int64(length), 10)
	body = append(body, "\r\n--"+sentBoundary+"\r\nContent-Type: "+octets+"\r\n"...)
	return binary.LittleEndian.AppendUint32(body, uint32(header))
}

const closing = "--" + sentBoundary + "--\r\n"

// part is what a body holds.
type part struct {
	token  []byte // security header and data; its capacity is up to the body's end
	header int    // length of the security header
	length int    // of the message, as OriginalContent has it
}

// cut finds the token in a body, without moving anything.
func (m *multipart) cut(contentType string, body []byte) (part, error) {
	var p part
	boundary, err := m.boundary(contentType)
	if err != nil {
		return p, err
	}
	rest, ok := cutDelimiter(body, boundary)
	if !ok {
		return p, sealErrorf("body does not begin with the boundary")
	}
	rest, err = m.first(rest, boundary, &p)
	if err != nil {
		return p, err
	}
	line, rest, _ := bytes.Cut(rest, []byte("\n"))
	if name, value := cutHeader(line); !fold(name, "content-type") || !fold(mediaKind(value), octets) {
		return p, sealErrorf("second part begins %.64q", line)
	}
	if rest, ok = cutClosing(rest, boundary); !ok {
		return p, sealErrorf("body does not end with the boundary")
	}
	if len(rest) < 4 {
		return p, sealErrorf("second part of %d bytes", len(rest))
	}
	header := binary.LittleEndian.Uint32(rest)
	if p.token = rest[4:]; header < 16 || header > maxTokenHeader || int(header) > len(p.token) {
		return p, sealErrorf("security header of %d bytes in a part of %d", header, len(rest))
	}
	p.header = int(header)
	return p, nil
}

// boundary reads the Content-Type of a body, which is nearly always the same.
func (m *multipart) boundary(contentType string) (string, error) {
	if contentType == m.contentType {
		return sentBoundary, nil
	}
	if kind := mediaKind(contentType); !fold(kind, sealedType) {
		return "", sealErrorf("body of type %.64q where %s is due", kind, sealedType)
	}
	if word, _ := mediaParam(contentType, "protocol"); !fold(word, m.protocol) {
		return "", sealErrorf("protocol %.64q where %s is due", word, m.protocol)
	}
	boundary, _ := mediaParam(contentType, "boundary")
	if boundary == "" || len(boundary) > maxBoundary {
		return "", sealErrorf("boundary of %d characters", len(boundary))
	}
	return boundary, nil
}

// first reads the headers of the first part, in any order, and the boundary after them.
func (m *multipart) first(rest []byte, boundary string, p *part) ([]byte, error) {
	p.length = -1
	protocol := false
	for {
		if next, ok := cutDelimiter(rest, boundary); ok {
			if !protocol || p.length < 0 {
				return nil, sealErrorf("first part lacks Content-Type or OriginalContent")
			}
			return next, nil
		}
		line, next, ok := bytes.Cut(rest, []byte("\n"))
		if !ok {
			return nil, sealErrorf("first part has no end")
		}
		switch name, value := cutHeader(line); {
		case fold(name, "content-type"):
			if protocol = fold(mediaKind(value), m.protocol); !protocol {
				return nil, sealErrorf("first part of type %.64q where %s is due", value, m.protocol)
			}
		case fold(name, "originalcontent"):
			if p.length, ok = originalLength(value); !ok {
				return nil, sealErrorf("OriginalContent %.64q", value)
			}
		}
		rest = next
	}
}

// originalLength reads Length of an OriginalContent header.
func originalLength(value []byte) (n int, ok bool) {
	digits, _ := mediaParam(value, "length")
	if len(digits) == 0 || len(digits) > 9 {
		return 0, false
	}
	for _, d := range digits {
		if d < '0' || d > '9' {
			return 0, false
		}
		n = 10*n + int(d-'0')
	}
	return n, true
}

// cutDelimiter takes a line that is a boundary off the front.
func cutDelimiter(b []byte, boundary string) (rest []byte, ok bool) {
	n := len("--") + len(boundary)
	if len(b) < n || b[0] != '-' || b[1] != '-' || string(b[2:n]) != boundary {
		return nil, false
	}
	line, rest, ok := bytes.Cut(b[n:], []byte("\n"))
	return rest, ok && len(trim(line)) == 0
}

// cutClosing takes the closing boundary off the end, with or without its line break.
func cutClosing(b []byte, boundary string) (rest []byte, ok bool) {
	end := bytes.TrimSuffix(b, []byte("\r\n"))
	n := len(end) - len("--") - len(boundary) - len("--")
	if n < 0 || string(end[n:n+2]) != "--" || string(end[n+2:len(end)-2]) != boundary || string(end[len(end)-2:]) != "--" {
		return nil, false
	}
	return b[:n], true
}

func cutHeader(line []byte) (name, value []byte) {
	name, value, _ = bytes.Cut(line, []byte(":"))
	return trim(name), trim(value)
}
