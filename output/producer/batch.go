package producer

import (
	"encoding/binary"
	"hash/crc32"
	"io"
	"slices"
	"time"
)

const (
	maxBatch   = 1_000_000 // bytes of records before compression; a larger record goes alone
	maxRequest = 8_000_000
	headSize   = 61 // of a record batch
)

// batch is records of one partition that are sent, and sent again, together.
type batch struct {
	records rope // encoded; each record lies in one piece
	count   int32
	base    int64 // ms; the records' times are relative to it
	latest  int64
	shares  []share
	cost    int64 // what admission has counted for it

	created, deadline time.Time
	sealed            bool // takes no more records
	attempts          int
	err               error // of the last attempt

	numbered bool     // the next two hold, and stay over retries
	identity identity // who sends it
	sequence int32    // number of the first record in its partition

	packed bool               // wire is whole
	wire   rope               // the records compressed, from the first attempt on; empty without compression
	head   [4 + headSize]byte // the length, then the batch's header; all zero: not written yet
}

// batch returns an empty one.
func (p *Producer) batch() *batch {
	return &batch{records: rope{pool: p.pool}, wire: rope{pool: p.pool}, identity: anonymous, sequence: -1}
}

// release gives the memory back.
func (b *batch) release() {
	b.records.release()
	b.wire.release()
}

// share is a run of the batch's records that one delivery waits for.
type share struct {
	d            *Delivery
	first, count int32 // indices over the delivery
}

// add encodes a record behind the others.
func (b *batch) add(key []byte, r *Record, now int64, d *Delivery, index int) {
	at := now
	if !r.Time.IsZero() {
		at = r.Time.UnixMilli()
	}
	t := b.begin(at, bodySize(key, r))
	*t = appendBody(*t, key, r)
	b.belongs(d, int32(index))
}

// begin writes what stands before a record's body of n bytes and returns the piece to append the body to.
func (b *batch) begin(at int64, n int) *[]byte {
	if b.count == 0 {
		b.base, b.latest = at, at
	}
	b.latest = max(b.latest, at)
	delta, offset := at-b.base, int64(b.count)
	n += 1 + varintSize(delta) + varintSize(offset)
	whole := varintSize(int64(n)) + n
	t := b.records.tail(whole)
	b.records.size += whole
	b.count++
	*t = binary.AppendVarint(*t, int64(n))
	*t = append(*t, 0) // attributes
	*t = binary.AppendVarint(*t, delta)
	*t = binary.AppendVarint(*t, offset)
	return t
}

// belongs says whose the last record is.
func (b *batch) belongs(d *Delivery, index int32) {
	if n := len(b.shares); n > 0 && b.shares[n-1].d == d && b.shares[n-1].first+b.shares[n-1].count == index {
		b.shares[n-1].count++
		return
	}
	b.shares = append(b.shares, share{d, index, 1})
}

// abandoned says that nobody waits for any of it.
func (b *batch) abandoned() bool {
	return !slices.ContainsFunc(b.shares, func(s share) bool { return !s.d.gone.Load() })
}

// settle tells everybody who waits: acknowledged, or given up with err.
func (b *batch) settle(err error) {
	for _, s := range b.shares {
		s.d.settle(int(s.count), err)
	}
}

// copyTo appends b's records from..to-1 without those in skip to c; cost goes by bytes. Times and offsets are encoded anew.
func (b *batch) copyTo(c *batch, from, to int32, skip []int32) {
	i, s := int32(0), 0 // record, its share
	in := int32(0)      // its place in the share
	for _, piece := range b.records.pieces {
		for len(piece) > 0 {
			n, k := binary.Varint(piece)
			record := piece[k : k+int(n)]
			piece = piece[k+int(n):]
			for in == b.shares[s].count {
				s, in = s+1, 0
			}
			if from <= i && i < to && !slices.Contains(skip, i) {
				delta, k1 := binary.Varint(record[1:])
				_, k2 := binary.Varint(record[1+k1:])
				body := record[1+k1+k2:]
				t := c.begin(b.base+delta, len(body))
				*t = append(*t, body...)
				c.belongs(b.shares[s].d, b.shares[s].first+in)
			}
			i, in = i+1, in+1
		}
	}
	c.cost = b.cost * int64(c.records.size) / int64(max(1, b.records.size))
	c.created, c.deadline, c.sealed = b.created, b.deadline, true
}

// owner is the delivery of record i, and the record's index there.
func (b *batch) owner(i int32) (*Delivery, int) {
	for _, s := range b.shares {
		if i < s.count {
			return s.d, int(s.first + i)
		}
		i -= s.count
	}
	return nil, 0
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seal compresses the records and writes the header. A second call changes nothing: a retry has the same bytes, by which the
// broker knows it again. Only a batch that was numbered anew gets another header.
func (b *batch) seal(c codec) error {
	if b.head != [len(b.head)]byte{} {
		return nil
	}
	body := &b.records
	var attributes int16
	if c != nil {
		if !b.packed {
			b.wire.release() // of an attempt that a panic has ended
			if err := c.compress(&b.wire, body); err != nil {
				return err
			}
			b.packed = true
		}
		body, attributes = &b.wire, c.attribute()
	}
	size := uint32(headSize + body.size)
	h := b.head[:0]
	h = binary.BigEndian.AppendUint32(h, size)
	h = binary.BigEndian.AppendUint64(h, 0) // base offset: the broker's to fill
	h = binary.BigEndian.AppendUint32(h, size-12)
	h = binary.BigEndian.AppendUint32(h, 0xffffffff) // leader epoch: unknown
	h = append(h, 2, 0, 0, 0, 0)                     // magic, checksum
	sum := len(h)
	h = binary.BigEndian.AppendUint16(h, uint16(attributes))
	h = binary.BigEndian.AppendUint32(h, uint32(b.count-1))
	h = binary.BigEndian.AppendUint64(h, uint64(b.base))
	h = binary.BigEndian.AppendUint64(h, uint64(b.latest))
	h = binary.BigEndian.AppendUint64(h, uint64(b.identity.id))
	h = binary.BigEndian.AppendUint16(h, uint16(b.identity.epoch))
	h = binary.BigEndian.AppendUint32(h, uint32(b.sequence))
	h = binary.BigEndian.AppendUint32(h, uint32(b.count))
	crc := crc32.Update(0, castagnoli, h[sum:])
	for _, piece := range body.pieces {
		crc = crc32.Update(crc, castagnoli, piece)
	}
	binary.BigEndian.PutUint32(h[sum-4:], crc)
	return nil
}

// WriteTo writes the sealed batch as a produce request carries it: its length, then its bytes.
func (b *batch) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(b.head[:])
	if err != nil {
		return int64(n), err
	}
	body := &b.records
	if b.wire.size > 0 {
		body = &b.wire
	}
	more, err := body.WriteTo(w)
	return int64(n) + more, err
}

// size is what WriteTo writes.
func (b *batch) size() int {
	if b.wire.size > 0 {
		return len(b.head) + b.wire.size
	}
	return len(b.head) + b.records.size
}
