package wsman

import (
	"bytes"
	"crypto/tls"
	"reflect"
	"unsafe"
)

// A *tls.Conn that has read one large body keeps the buffer for it, 40 KB, for as long as it lives, and offers no way to give it back. It is
// the largest part of what an idle host costs. slim takes it away where the fields of this Go are those that we know, and else does nothing;
// a test fails on the Go where they are not.
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

// slim drops the empty buffers of a connection that nobody reads.
func slim(t *tls.Conn) {
	if !tlsBuffers.known {
		return
	}
	raw := (*bytes.Buffer)(unsafe.Add(unsafe.Pointer(t), tlsBuffers.raw))
	input := (*bytes.Reader)(unsafe.Add(unsafe.Pointer(t), tlsBuffers.input))
	hand := (*bytes.Buffer)(unsafe.Add(unsafe.Pointer(t), tlsBuffers.hand))
	if input.Len() > 0 || raw.Len() > 0 {
		return // input is a part of raw's memory
	}
	*input, *raw = bytes.Reader{}, bytes.Buffer{}
	if hand.Len() == 0 {
		*hand = bytes.Buffer{}
	}
}
