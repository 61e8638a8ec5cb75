package sldc

import (
	"encoding/binary"
	"math/bits"
)

// fastTable says what the next nine bits mean:
//
//	bits 0-7    bytes of output; otherSymbol: not for the fast loop
//	bits 8-15   bits of the symbol
//	bit  16     a literal
//	bits 24-31  the literal
var fastTable = makeFastTable()

const (
	literalSymbol = 1 << 16
	otherSymbol   = 0xFF
)

func makeFastTable() (t [512]uint32) {
	for i := range t {
		switch {
		case i>>8 == 0:
			t[i] = uint32(i)<<24 | literalSymbol | 9<<8 | 1
		case i>>7 == 0b10:
			t[i] = 13<<8 | uint32(2+i>>6&1)
		case i>>6 == 0b110:
			t[i] = 15<<8 | uint32(4+i>>4&3)
		case i>>5 == 0b1110:
			t[i] = 17<<8 | uint32(8+i>>2&7)
		default:
			t[i] = otherSymbol
		}
	}
	return t
}

const (
	stride   = 16 // bytes that every symbol writes, however few it means
	perRound = 3  // symbols of at most 17 bits in a window of 57
)

// fast decodes scheme 1 as long as nothing needs care: a full history before pos, eight bytes to read, room to write more than is
// meant, symbols of up to 15 bytes that do not overlap themselves. It leaves the rest where it stopped.
//
// Literals and copies take the same road, since which of them comes next is what no branch predictor knows.
func (d *decoder) fast() {
	src, out, bit, pos, base := d.src, d.out, d.bit, d.pos, d.base
rounds:
	for bit>>3+8 <= len(src) && pos+perRound*stride <= len(out) {
		w := binary.BigEndian.Uint64(src[bit>>3:]) << (bit & 7)
		for range perRound {
			e := fastTable[w>>55]
			n, used := int(e&0xFF), int(e>>8&0xFF)
			w = bits.RotateLeft64(w, used) // a copy's place is now in the lowest ten bits
			back := (pos-base-1-int(w))&(historySize-1) + 1
			if n > min(back, stride) {
				break rounds
			}
			from, to := out[pos-back:][:stride], out[pos:][:stride]
			lo, hi := binary.LittleEndian.Uint64(from), binary.LittleEndian.Uint64(from[8:])
			if e&literalSymbol != 0 {
				lo = uint64(e >> 24)
			}
			binary.LittleEndian.PutUint64(to, lo)
			binary.LittleEndian.PutUint64(to[8:], hi)
			pos += n
			bit += used
		}
	}
	d.bit, d.pos = bit, pos
}
