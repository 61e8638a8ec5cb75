package output

import "hash/maphash"

// names finds repeated names among many, without a map's allocations and in linear time whatever the names.
type names struct {
	seed  maphash.Seed
	slots []int32 // 1 + index into known, 0 is free; a power of two
	known [][]byte
}

// reset forgets all and makes room for most names.
func (n *names) reset(most int) {
	if n.slots == nil {
		n.seed = maphash.MakeSeed()
	}
	size := 16
	for size < 2*most {
		size *= 2
	}
	if cap(n.slots) < size {
		n.slots = make([]int32, size)
	}
	n.slots = n.slots[:size]
	clear(n.slots)
	n.known = n.known[:0]
}

// add returns the number of name, counted from 0 in order of first appearance, and whether it is new.
func (n *names) add(name []byte) (id int, isNew bool) {
	mask := len(n.slots) - 1
	for i := int(maphash.Bytes(n.seed, name)) & mask; ; i = (i + 1) & mask {
		switch id := int(n.slots[i]) - 1; {
		case id < 0:
			n.known = append(n.known, name)
			n.slots[i] = int32(len(n.known))
			return len(n.known) - 1, true
		case string(n.known[id]) == string(name):
			return id, false
		}
	}
}
