package sldc

import (
	"encoding/binary"
	"math/bits"
)

// chains finds earlier occurrences: the last place of each hash of three bytes, and from each place in the window the one before.
type chains struct {
	last   [1 << hashBits]int32 // place + 1
	before [historySize]int32   // place + 1, by place modulo the window
}

const (
	hashBits = 11
	minMatch = 3 // the shortest seen from Windows
	maxTries = 8
)

func (c *chains) reset() { clear(c.last[:]) }

func hash(b []byte) uint32 {
	_ = b[2]
	v := uint32(b[0]) | uint32(b[1])<<8 | uint32(b[2])<<16
	return v * 2654435761 >> (32 - hashBits)
}

func (c *chains) add(src []byte, i int) {
	if i+minMatch > len(src) {
		return
	}
	h := hash(src[i:])
	c.before[i&(historySize-1)] = c.last[h]
	c.last[h] = int32(i + 1)
}

// longest is where the longest match of src[i:] begins, and its length; 0 where there is none. A match never reaches i, as with Windows,
// and the place about to be overwritten is not used.
func (c *chains) longest(src []byte, i int) (at, n int) {
	if i+minMatch > len(src) {
		return 0, 0
	}
	n = minMatch - 1
	want := src[i:min(len(src), i+maxMatch)]
	p := int(c.last[hash(src[i:])]) - 1
	for tries := maxTries; tries > 0 && p >= 0 && i-p < historySize && n < len(want); tries-- {
		if p+n < i && src[p+n] == want[n] { // else not longer than the best
			if m := common(src[p:min(i, p+len(want))], want); m > n {
				at, n = p, m
			}
		}
		p = int(c.before[p&(historySize-1)]) - 1
	}
	if n < minMatch {
		return 0, 0
	}
	return at, n
}

// common is the length of the common beginning of a and b, where b is not shorter.
func common(a, b []byte) int {
	n := 0
	for ; n+8 <= len(a); n += 8 {
		if x := binary.LittleEndian.Uint64(a[n:]) ^ binary.LittleEndian.Uint64(b[n:]); x != 0 {
			return n + bits.TrailingZeros64(x)>>3
		}
	}
	for n < len(a) && a[n] == b[n] {
		n++
	}
	return n
}
