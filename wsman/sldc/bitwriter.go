package sldc

import "encoding/binary"

// bitWriter appends bits, most significant first.
type bitWriter struct {
	out  []byte
	bits uint64 // the last n bits are waiting
	n    int    // below 32 between calls
}

// put appends the last n bits of v, which has no others; n is at most 32.
func (w *bitWriter) put(v uint64, n int) {
	w.bits = w.bits<<n | v
	w.n += n
	if w.n >= 32 {
		w.n -= 32
		w.out = binary.BigEndian.AppendUint32(w.out, uint32(w.bits>>w.n))
	}
}

func (w *bitWriter) control(code int) { w.put(controlPrefix<<4|uint64(code), controlBits) }

func (w *bitWriter) literal(c byte) { w.put(uint64(c), 9) }

// copy points at n bytes, 2 to 271, from place at on.
func (w *bitWriter) copy(at, n int) {
	a, v := uint64(at&(historySize-1)), uint64(n)
	switch {
	case n < 4:
		w.put((0b10<<1+v-2)<<10|a, 13)
	case n < 8:
		w.put((0b110<<2+v-4)<<10|a, 15)
	case n < 16:
		w.put((0b1110<<3+v-8)<<10|a, 17)
	case n < 32:
		w.put((0b11110<<4+v-16)<<10|a, 19)
	default:
		w.put((0b11111<<8+v-32)<<10|a, 23)
	}
}

// close writes what is waiting, zeros behind it up to a whole byte.
func (w *bitWriter) close() {
	w.put(0, -w.n&7)
	for w.n > 0 {
		w.n -= 8
		w.out = append(w.out, byte(w.bits>>w.n))
	}
}
