package wsman

import (
	"bytes"
	"io"
	"unicode/utf16"
)

// marks is how many bytes of a body tell its encoding.
const marks = 4

// clear says that the body is text as it comes: TLS is its only seal, and it is not compressed.
func (x *exchange) clear() bool {
	_, tls := x.session.(*tlsSession)
	return tls && !x.compressed()
}

// littleEndian says whether the body, of which the beginning is there, is UTF-16LE; decodeText would find the same.
func (x *exchange) littleEndian() bool {
	_, charset := mediaType(x.r.Header.Get("Content-Type"))
	switch b := x.wire; {
	case bytes.HasPrefix(b, bomLE):
		return true
	case bytes.HasPrefix(b, bomBE), bytes.HasPrefix(b, bomUTF8):
		return false
	case charset == "utf-16le", charset == "utf-16" && !bytes.HasPrefix(b, []byte("\x00<")):
		return true
	default:
		return charset == "" && bytes.HasPrefix(b, []byte("<\x00"))
	}
}

// transcode reads the rest of the body and makes UTF-8 of it, a piece at a time while the caches still have it: the half megabyte of
// UTF-16 that is most of a request's memory is never there as a whole. A unit or a pair that a piece cuts goes into the next.
func (x *exchange) transcode() error {
	n := int(x.r.ContentLength)
	x.text = x.budget.pool.get(n/2 + n/16)
	b, left := x.wire[:min(cap(x.wire), max(piece, len(x.wire)))], n-len(x.wire)
	have := len(x.wire)
	if bytes.HasPrefix(x.wire, bomLE) {
		have = copy(b, x.wire[len(bomLE):])
	}
	for {
		for left > 0 && have < len(b) {
			got, err := x.r.Body.Read(b[have:min(len(b), have+left)])
			have, left = have+got, left-got
			if err != nil && left > 0 {
				if err == io.EOF {
					err = io.ErrUnexpectedEOF
				}
				return err
			}
		}
		whole := have
		if left > 0 {
			whole = wholeUnits(b[:have])
		}
		x.room(whole, n)
		var bad int
		x.text, bad = appendUTF8(x.text, b[:whole])
		x.bad += bad
		if left == 0 {
			x.wire = b[:0]
			return nil
		}
		have = copy(b, b[whole:have])
	}
}

// wholeUnits is how much of b can be decoded without what comes after it.
func wholeUnits(b []byte) int {
	n := len(b) &^ 1
	if n >= 2 && utf16.IsSurrogate(rune(b[n-1])<<8|rune(b[n-2])) && b[n-1] < 0xDC {
		n -= 2
	}
	return n
}

// room makes room for so many more bytes of UTF-16, at most twice what is there: the body may not be as long as it was said to be.
func (x *exchange) room(more, announced int) {
	if cap(x.text)-len(x.text) >= more/2+blockRoom {
		return
	}
	larger := make([]byte, len(x.text), max(len(x.text)+more/2+more/16+blockRoom, min(2*len(x.text), announced/2+announced/16)))
	copy(larger, x.text)
	x.budget.pool.put(x.text)
	x.text = larger
}
