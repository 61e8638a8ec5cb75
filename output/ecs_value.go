package output

import (
	"bytes"
	"math"
	"strconv"
	"unsafe"
)

// integer sets a number up to limit.
func (e *ECS) integer(m member, value []byte, limit uint64) bool {
	n, ok := decimal(value)
	if !ok || n > limit {
		return false
	}
	if value[0] == '0' && len(value) > 1 {
		return e.unsigned(m, n)
	}
	e.set(m, value)
	return true
}

func (e *ECS) unsigned(m member, n uint64) bool {
	from := len(e.scratch)
	e.scratch = strconv.AppendUint(e.scratch, n, 10)
	e.set(m, e.scratch[from:])
	return true
}

// hexadecimal sets a number of 32 bits that is written as Security writes it.
func (e *ECS) hexadecimal(m member, value []byte) bool {
	digits, ok := bytes.CutPrefix(value, []byte("0x"))
	if !ok {
		return e.integer(m, value, math.MaxUint32)
	}
	n, ok := hexadecimal(digits)
	return ok && n <= math.MaxUint32 && e.unsigned(m, n)
}

// address sets an IP address in its canonical form.
func (e *ECS) address(m member, value []byte) bool {
	addr, zone := address(value)
	if !addr.IsValid() || zone != nil {
		return false
	}
	from := len(e.scratch)
	e.scratch = addr.AppendTo(e.scratch)
	e.set(m, e.scratch[from:])
	return true
}

// constant sets a text that the program knows.
func (e *ECS) constant(m member, s string) {
	if s != "" {
		e.set(m, unsafe.Slice(unsafe.StringData(s), len(s))) // values are only read
	}
}

// time sets a time, with milliseconds, if value is one.
func (e *ECS) time(m member, value []byte) bool {
	from := len(e.scratch)
	e.scratch = appendMillis(e.scratch, value)
	e.set(m, e.scratch[from:])
	return len(e.scratch) > from
}
