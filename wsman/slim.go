package wsman

import (
	"bytes"
	"crypto/tls"
	"reflect"
	"unsafe"
)

// A *tls.Conn that has read one large body keeps the buffer for it, 40 KB, for as long as it lives, and offers no way to give it back: the
// largest part of what an idle host costs. So the buffers are taken from connections that rest and lent to those that wake, where the fields of
// this Go are those that we know; else nothing is done, and a test fails.
var tlsBuffers = func() (offsets struct {
	raw, input, hand uintptr
	known            bool
}) {
	t := reflect.TypeFor[tls.Conn]()
	raw, a := t.FieldByName("rawInput")
	input, b := t.FieldByName("input")
	hand, c := t.FieldByName("hand")
	offsets.known = a && b && c && raw.Type == reflect.TypeFor[bytes.Buffer]() && input.Type == reflect.TypeFor[bytes.Reader]() && hand.Type == raw.Type
	offsets.raw, offsets.input, offsets.hand = raw.Offset, input.Offset, hand.Offset
	return offsets
}()

// slim takes the empty buffers of a connection that nobody reads into p.
func slim(t *tls.Conn, p *pool) {
	if !tlsBuffers.known {
		return
	}
	raw := (*bytes.Buffer)(unsafe.Add(unsafe.Pointer(t), tlsBuffers.raw))
	input := (*bytes.Reader)(unsafe.Add(unsafe.Pointer(t), tlsBuffers.input))
	hand := (*bytes.Buffer)(unsafe.Add(unsafe.Pointer(t), tlsBuffers.hand))
	if input.Len() > 0 || raw.Len() > 0 {
		return // input is a part of raw's memory
	}
	raw.Reset()
	p.put(raw.Bytes())
	*input, *raw = bytes.Reader{}, bytes.Buffer{}
	if hand.Len() == 0 {
		*hand = bytes.Buffer{}
	}
}

// fatten lends a slim connection a buffer of p, which else it would make anew in four steps.
func fatten(t *tls.Conn, p *pool) {
	if !tlsBuffers.known {
		return
	}
	raw := (*bytes.Buffer)(unsafe.Add(unsafe.Pointer(t), tlsBuffers.raw))
	if raw.Cap() == 0 {
		if b := p.get(largeRecord); b != nil {
			*raw = *bytes.NewBuffer(b)
		}
	}
}

const largeRecord = 17 << 10 // and its header (RFC 8446 5.2)
