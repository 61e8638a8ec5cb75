package producer

import (
	"encoding/binary"
	"math/bits"
	"time"
)

// Header is one header of a record. A nil Value is Kafka's null.
type Header struct {
	Key   string
	Value []byte
}

// Record is what is sent beside the key. A nil Value is Kafka's null (a tombstone in a compacted topic). A zero Time is now.
type Record struct {
	Value   []byte
	Headers []Header
	Time    time.Time
}

// recordCost bounds the encoded size of r from above, whatever its place in the batch.
func recordCost(key []byte, r *Record) int {
	const varint = 5
	n := varint + 1 + 2*varint + varint + varint + len(key) + varint + len(r.Value) + varint // length, attributes, time and offset, …
	for i := range r.Headers {
		n += 2*varint + len(r.Headers[i].Key) + len(r.Headers[i].Value)
	}
	return n
}

// bodySize is the size of the encoded record behind its time and offset.
func bodySize(key []byte, r *Record) int {
	n := bytesSize(key) + bytesSize(r.Value) + varintSize(int64(len(r.Headers)))
	for i := range r.Headers {
		h := &r.Headers[i]
		n += varintSize(int64(len(h.Key))) + len(h.Key) + bytesSize(h.Value)
	}
	return n
}

// appendBody appends what bodySize measures: key, value, headers.
func appendBody(dst, key []byte, r *Record) []byte {
	dst = appendBytes(dst, key)
	dst = appendBytes(dst, r.Value)
	dst = binary.AppendVarint(dst, int64(len(r.Headers)))
	for i := range r.Headers {
		h := &r.Headers[i]
		dst = binary.AppendVarint(dst, int64(len(h.Key)))
		dst = append(dst, h.Key...)
		dst = appendBytes(dst, h.Value)
	}
	return dst
}

func bytesSize(b []byte) int {
	if b == nil {
		return 1
	}
	return varintSize(int64(len(b))) + len(b)
}

func appendBytes(dst, b []byte) []byte {
	if b == nil {
		return append(dst, 1) // -1
	}
	dst = binary.AppendVarint(dst, int64(len(b)))
	return append(dst, b...)
}

// varintSize is the length of v as a zigzag varint.
func varintSize(v int64) int {
	u := uint64(v<<1) ^ uint64(v>>63)
	return (bits.Len64(u|1) + 6) / 7
}
