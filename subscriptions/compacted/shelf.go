package compacted

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/wefka/wefka/subscriptions"
)

// shelf packs States for memory. The bookmarks of a fleet differ in their numbers only, so a packed State has these, and the
// number of a shape that is kept once:
//
//	bookmark · version · last heard · last events · first seen · ended · address · old bookmarks (text · time)…
//
// A text is the number of its shape and its numbers, or 0, its length and its bytes. Numbers of old bookmarks are differences, and so is
// the time of the last events.
type shelf struct {
	mu     sync.RWMutex // guards all below
	ids    map[string]uint64
	shapes []string // by id - 1
}

// Shapes are never given up, so there is an end to them; what comes later is kept as it is.
const (
	maxShapes = 4096
	maxShape  = 16 << 10 // bytes
)

// slot stands for a number in a shape. No XML text holds it; a text that does is kept as it is.
const slot = '\x00'

// id is the number of a shape, 0 if it has none.
func (f *shelf) id(shape []byte) uint64 {
	f.mu.RLock()
	id, ok := f.ids[string(shape)]
	f.mu.RUnlock()
	if ok || len(shape) > maxShape {
		return id
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if id, ok = f.ids[string(shape)]; ok || len(f.shapes) >= maxShapes {
		return id
	}
	if f.ids == nil {
		f.ids = map[string]uint64{}
	}
	text := string(shape)
	f.shapes = append(f.shapes, text)
	f.ids[text] = uint64(len(f.shapes))
	return uint64(len(f.shapes))
}

func (f *shelf) shape(id uint64) string {
	f.mu.RLock()
	defer f.mu.RUnlock()
	return f.shapes[id-1]
}

// text is a text taken apart.
type text struct {
	id      uint64
	numbers []uint64
	shape   []byte
}

// apart splits s into its shape and its numbers. Only a number that is written again as it stands is one.
func (f *shelf) apart(s string, t *text) {
	t.id, t.numbers, t.shape = 0, t.numbers[:0], t.shape[:0]
	if strings.IndexByte(s, slot) >= 0 {
		return
	}
	digit := func(i int) bool { return i < len(s) && s[i] >= '0' && s[i] <= '9' }
	for i := 0; i < len(s); {
		from := i
		for i < len(s) && !digit(i) {
			i++
		}
		t.shape = append(t.shape, s[from:i]...)
		from = i
		value := uint64(0)
		for ; digit(i) && i-from < 19; i++ {
			value = value*10 + uint64(s[i]-'0')
		}
		switch n := i - from; {
		case n == 0:
		case n > 18, n > 1 && s[from] == '0':
			t.shape = append(t.shape, s[from:i]...)
		default:
			t.shape = append(t.shape, slot)
			t.numbers = append(t.numbers, value)
		}
	}
	t.id = f.id(t.shape)
}

// scratch is for packing without garbage.
type scratch struct {
	newest, old text
	out         []byte
}

var scratches = sync.Pool{New: func() any { return new(scratch) }}

// pack gives a slice of exactly the length that is needed. It begins with 0, 0 where there is no bookmark.
func (f *shelf) pack(s subscriptions.State) []byte {
	w := scratches.Get().(*scratch)
	defer scratches.Put(w)
	f.apart(s.Bookmark, &w.newest)
	b := appendText(w.out[:0], s.Bookmark, &w.newest, nil)
	if id := f.id([]byte(s.Version)); id != 0 && s.Version != "" {
		b = binary.AppendUvarint(b, id)
	} else {
		b = appendVerbatim(append(b, 0), s.Version)
	}
	heard := nanoseconds(s.LastHeard)
	b = binary.AppendVarint(b, heard)
	b = binary.AppendVarint(b, heard-nanoseconds(s.LastEvents))
	b = binary.AppendVarint(b, nanoseconds(s.FirstSeen))
	b = binary.AppendVarint(b, nanoseconds(s.Ended))
	addr, _ := s.Addr.MarshalBinary() // never fails
	b = appendVerbatim(b, string(addr))
	b = binary.AppendUvarint(b, uint64(len(s.History)))
	for _, old := range s.History {
		f.apart(old.Text, &w.old)
		b = appendText(b, old.Text, &w.old, &w.newest)
		b = binary.AppendVarint(b, nanoseconds(old.Time))
	}
	w.out = b
	return append(make([]byte, 0, len(b)), b...)
}

func appendText(b []byte, s string, t, base *text) []byte {
	if s == "" || t.id == 0 {
		return appendVerbatim(append(b, 0), s)
	}
	b = binary.AppendUvarint(b, t.id)
	for i, n := range t.numbers {
		if base != nil && base.id == t.id {
			b = binary.AppendVarint(b, int64(n)-int64(base.numbers[i]))
		} else {
			b = binary.AppendUvarint(b, n)
		}
	}
	return b
}

func appendVerbatim(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// nanoseconds since 1970; 0 for none.
func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func timeOf(nanoseconds int64) time.Time {
	if nanoseconds == 0 {
		return time.Time{}
	}
	return time.Unix(0, nanoseconds).UTC()
}

// positioned says whether a packed State has a bookmark.
func positioned(packed []byte) bool {
	return len(packed) > 1 && (packed[0] != 0 || packed[1] != 0)
}

// unpack reads what pack of the same shelf wrote.
func (f *shelf) unpack(packed []byte) subscriptions.State {
	var s subscriptions.State
	r := reader{f: f, rest: packed}
	s.Bookmark = r.text(nil)
	newest := r.last
	if id := r.uvarint(); id != 0 {
		s.Version = f.shape(id)
	} else {
		s.Version = r.verbatim()
	}
	heard := r.varint()
	s.LastHeard, s.LastEvents = timeOf(heard), timeOf(heard-r.varint())
	s.FirstSeen, s.Ended = timeOf(r.varint()), timeOf(r.varint())
	var addr netip.Addr
	_ = addr.UnmarshalBinary([]byte(r.verbatim())) // our own bytes
	s.Addr = addr
	for n := r.uvarint(); n > 0; n-- {
		old := r.text(&newest)
		s.History = append(s.History, subscriptions.Bookmark{Text: old, Time: timeOf(r.varint())})
	}
	return s
}

// reader reads a packed State, which is memory's and so whole.
type reader struct {
	f    *shelf
	rest []byte
	last text
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	r.rest = r.rest[n:]
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.rest)
	r.rest = r.rest[n:]
	return v
}

func (r *reader) verbatim() string {
	n := r.uvarint()
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}

func (r *reader) text(base *text) string {
	id := r.uvarint()
	r.last = text{id: id}
	if id == 0 {
		return r.verbatim()
	}
	shape := r.f.shape(id)
	out := make([]byte, 0, len(shape)+64)
	for i := range len(shape) {
		if shape[i] != slot {
			out = append(out, shape[i])
			continue
		}
		var n uint64
		if base != nil && base.id == id {
			n = uint64(r.varint() + int64(base.numbers[len(r.last.numbers)]))
		} else {
			n = r.uvarint()
		}
		r.last.numbers = append(r.last.numbers, n)
		out = strconv.AppendUint(out, n, 10)
	}
	return string(out)
}
