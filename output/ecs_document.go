package output

import (
	"math/bits"
	"strings"
)

// deepest is how many objects a member may be in.
const deepest = 4

// places is the schema as the document needs it.
var places = func() (t [members]struct {
	name    string // with quotes and colon, like those of the objects
	kind    kind
	depth   int
	parents [deepest]uint8 // of objects, the outermost first
}) {
	for m, s := range schema {
		names := strings.Split(s.path, ".")
		p := &t[m]
		p.kind, p.depth, p.name = s.kind, len(names)-1, `"`+names[len(names)-1]+`":`
		for d := range p.depth {
			p.parents[d] = objectOf(strings.Join(names[:d+1], "."))
		}
	}
	return t
}()

var (
	objects     []string // what opens each
	objectPaths []string
)

func objectOf(path string) uint8 {
	for i, known := range objectPaths {
		if known == path {
			return uint8(i)
		}
	}
	objectPaths = append(objectPaths, path)
	objects = append(objects, `"`+path[strings.LastIndexByte(path, '.')+1:]+`":{`)
	return uint8(len(objects) - 1)
}

// document holds the values of one event until they are written in order. Values alias the record, scratch or constants.
type document struct {
	has    [(members + 63) / 64]uint64
	values [members][]byte
}

func (d *document) reset() { clear(d.has[:]) }

// set gives m a value; an empty one means none.
func (d *document) set(m member, value []byte) {
	if len(value) > 0 {
		d.values[m] = value
		d.mark(m)
	}
}

// mark says that m is there.
func (d *document) mark(m member) { d.has[m/64] |= 1 << (m % 64) }

func (d *document) is(m member) bool { return d.has[m/64]&(1<<(m%64)) != 0 }

// get is nil for none.
func (d *document) get(m member) []byte {
	if d.is(m) {
		return d.values[m]
	}
	return nil
}

// append appends the document's members with their objects. e writes those of the kind asFields.
func (d *document) append(dst []byte, e *ECS) []byte {
	var open [deepest]uint8
	depth := 0
	for i, word := range d.has {
		for ; word != 0; word &= word - 1 {
			m := member(i*64 + bits.TrailingZeros64(word))
			p := &places[m]
			common := 0
			for common < depth && common < p.depth && open[common] == p.parents[common] {
				common++
			}
			for ; depth > common; depth-- {
				dst = appendEnd(dst, '}')
			}
			for ; depth < p.depth; depth++ {
				open[depth] = p.parents[depth]
				dst = append(dst, objects[open[depth]]...)
			}
			switch p.kind {
			case asText:
				dst = appendText(dst, p.name, d.values[m])
			case asWord:
				dst = append(append(append(append(dst, p.name...), '"'), d.values[m]...), `",`...)
			case asFields:
				dst = e.appendFields(append(dst, p.name...), m)
			default:
				dst = append(append(append(dst, p.name...), d.values[m]...), ',')
			}
		}
	}
	for ; depth > 0; depth-- {
		dst = appendEnd(dst, '}')
	}
	return dst
}
