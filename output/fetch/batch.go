package fetch

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"time"

	"github.com/segmentio/kafka-go/compress"
)

// Record is one record. Key, Value and Headers are the reader's and good until the function that got them returns.
type Record struct {
	Offset  int64
	Time    time.Time
	Key     []byte // nil: none
	Value   []byte // nil: Kafka's null
	Headers []Header
}

// Header is one header of a record.
type Header struct{ Key, Value []byte }

// ErrDamaged is a batch whose checksum or structure is wrong. Reading it again may help; if not, the broker's disk is at fault.
var ErrDamaged = errors.New("damaged record batch")

const (
	batchHead   = 61       // bytes before the records
	lengthAt    = 12       // what a batch's length does not count
	maxInflated = 64 << 20 // bytes of a batch's records: far above any max.message.bytes, and a bound
	control     = 0x20
	appendTime  = 0x08
	codecMask   = 0x07
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// inflater holds what decoding needs from batch to batch.
type inflater struct {
	out     bytes.Buffer
	headers []Header
}

// batches gives the records from offset on to each, in order, and returns the offset behind the last whole batch. The last batch of an
// answer may be cut off; an error of each ends it, and the position is that before its batch.
func (f *inflater) batches(data []byte, offset int64, each func(*Record) error) (next int64, err error) {
	next = offset
	for len(data) >= lengthAt {
		base := int64(binary.BigEndian.Uint64(data))
		size := int64(int32(binary.BigEndian.Uint32(data[8:]))) + lengthAt
		if size < lengthAt {
			return next, fmt.Errorf("%w at offset %d: its length is negative", ErrDamaged, base)
		}
		if int64(len(data)) < size {
			return next, nil // cut off
		}
		batch := data[:size]
		data = data[size:]
		if len(batch) < batchHead || batch[16] != 2 {
			return next, fmt.Errorf("%w at offset %d: not of format v2, as brokers write it since 0.11", ErrDamaged, base)
		}
		if crc32.Checksum(batch[21:], castagnoli) != binary.BigEndian.Uint32(batch[17:]) {
			return next, fmt.Errorf("%w at offset %d: its checksum is wrong", ErrDamaged, base)
		}
		end := base + int64(int32(binary.BigEndian.Uint32(batch[23:]))) + 1 // what compaction removed is counted too
		if end <= base {
			return next, fmt.Errorf("%w at offset %d: it ends before it begins", ErrDamaged, base)
		}
		if binary.BigEndian.Uint16(batch[21:])&control == 0 && end > next {
			if err := f.records(batch, base, next, each); err != nil {
				return next, err
			}
		}
		next = max(next, end)
	}
	return next, nil
}

func (f *inflater) records(batch []byte, base, from int64, each func(*Record) error) error {
	attributes := binary.BigEndian.Uint16(batch[21:])
	first, latest := int64(binary.BigEndian.Uint64(batch[27:])), int64(binary.BigEndian.Uint64(batch[35:]))
	count := int(int32(binary.BigEndian.Uint32(batch[57:])))
	records, err := f.inflate(batch[batchHead:], attributes&codecMask)
	if err != nil {
		return fmt.Errorf("%w at offset %d: %w", ErrDamaged, base, err)
	}
	v := varints{rest: records}
	for range count {
		body := varints{rest: v.bytes()}
		body.skip(1) // attributes: none are defined
		at := first + body.int()
		r := Record{Offset: base + body.int(), Key: body.bytes(), Value: body.bytes()}
		if attributes&appendTime != 0 {
			at = latest
		}
		r.Time = time.UnixMilli(at)
		f.headers = f.headers[:0]
		for n := body.int(); n > 0 && !body.bad; n-- {
			f.headers = append(f.headers, Header{Key: body.bytes(), Value: body.bytes()})
		}
		r.Headers = f.headers
		if v.bad || body.bad {
			return fmt.Errorf("%w at offset %d: its records do not fit", ErrDamaged, base)
		}
		if r.Offset < from {
			continue
		}
		if err := each(&r); err != nil {
			return err
		}
	}
	return nil
}

func (f *inflater) inflate(data []byte, code uint16) ([]byte, error) {
	if code == 0 || len(data) == 0 {
		return data, nil
	}
	codec := compress.Compression(code).Codec()
	if codec == nil {
		return nil, fmt.Errorf("compression %d is not known", code)
	}
	r := codec.NewReader(bytes.NewReader(data))
	defer r.Close()
	f.out.Reset()
	switch n, err := io.Copy(&f.out, io.LimitReader(r, maxInflated+1)); {
	case err != nil:
		return nil, fmt.Errorf("%s: %w", codec.Name(), err)
	case n > maxInflated:
		return nil, fmt.Errorf("%s: more than %d bytes", codec.Name(), maxInflated)
	}
	return f.out.Bytes(), nil
}

// varints reads zigzag varints from the front of rest; bad says that something did not fit.
type varints struct {
	rest []byte
	bad  bool
}

func (v *varints) int() int64 {
	i, n := binary.Varint(v.rest)
	if n <= 0 {
		v.bad, v.rest = true, nil
		return 0
	}
	v.rest = v.rest[n:]
	return i
}

func (v *varints) skip(n int64) []byte {
	if n < 0 || n > int64(len(v.rest)) {
		v.bad, v.rest = true, nil
		return nil
	}
	b := v.rest[:n:n]
	v.rest = v.rest[n:]
	return b
}

// bytes is a length and so many bytes; nil for the length -1.
func (v *varints) bytes() []byte {
	n := v.int()
	if n == -1 {
		return nil
	}
	return v.skip(n)
}
