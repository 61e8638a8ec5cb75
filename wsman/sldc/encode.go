package sldc

import (
	"encoding/binary"
	"sync"
)

// Encoder writes streams as a source does. The zero value writes what Windows writes: Reset 1, literals and copies, End Of Record,
// one byte of zeros after the last bit's byte, the length. The fields ask for the other streams that a decoder meets.
type Encoder struct {
	Literals  bool // no copies
	Scheme2   bool // plain bytes
	NoTrailer bool // end with the last bit's byte
	Misstate  int  // added to the length in the trailer

	bits   bitWriter
	chains chains
}

var encoders = sync.Pool{New: func() any { return new(Encoder) }}

// Compress appends src as one stream, the way Windows writes it, to dst. It keeps neither slice.
func Compress(dst, src []byte) []byte {
	e := encoders.Get().(*Encoder)
	defer encoders.Put(e)
	return e.Append(dst, src)
}

// Append appends src, less than 2 GiB, as one stream to dst. It keeps neither slice.
func (e *Encoder) Append(dst, src []byte) []byte {
	e.bits = bitWriter{out: dst}
	switch {
	case e.Scheme2:
		e.bits.control(reset2)
		e.plain(src)
	case e.Literals:
		e.bits.control(reset1)
		for _, c := range src {
			e.bits.literal(c)
		}
	default:
		e.bits.control(reset1)
		e.compress(src)
	}
	e.bits.control(endOfRecord)
	e.bits.close()
	out := e.bits.out
	e.bits.out = nil
	if e.NoTrailer {
		return out
	}
	out = append(out, 0) // seen from Windows; the rule behind it is not known
	return binary.LittleEndian.AppendUint32(out, uint32(len(src)+e.Misstate))
}

func (e *Encoder) plain(src []byte) {
	for _, c := range src {
		if c == 0xFF {
			e.bits.put(0xFF<<1, 9)
		} else {
			e.bits.put(uint64(c), 8)
		}
	}
}

// compress takes at each place the longest match it finds.
func (e *Encoder) compress(src []byte) {
	e.chains.reset()
	i := 0
	for i < len(src) {
		at, n := e.chains.longest(src, i)
		if n == 0 {
			e.bits.literal(src[i])
			e.chains.add(src, i)
			i++
			continue
		}
		e.bits.copy(at, n)
		for end := i + n; i < end; i++ {
			e.chains.add(src, i)
		}
	}
}
