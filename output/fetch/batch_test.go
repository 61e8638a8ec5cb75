package fetch_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"testing"

	"github.com/segmentio/kafka-go/compress"

	"github.com/wefka/wefka/output/fetch"
)

// record is one at a distance from its batch's base.
func record(delta int64, key, value string) []byte {
	b := []byte{0}
	b = binary.AppendVarint(b, delta) // ms
	b = binary.AppendVarint(b, delta)
	for _, s := range []string{key, value} {
		if s == "-" {
			b = append(b, 1)
			continue
		}
		b = append(binary.AppendVarint(b, int64(len(s))), s...)
	}
	b = append(binary.AppendVarint(b, 1), "\x02h\x02v"...)
	return append(binary.AppendVarint(nil, int64(len(b))), b...)
}

// batch covers [base, base+last], whatever records are left in it.
func batch(base int64, last int32, attributes uint16, records ...[]byte) []byte {
	body := slices.Concat(records...)
	if codec := compress.Compression(attributes & 7).Codec(); codec != nil {
		var out bytes.Buffer
		w := codec.NewWriter(&out)
		w.Write(body)
		w.Close()
		body = out.Bytes()
	}
	tail := binary.BigEndian.AppendUint16(nil, attributes)
	tail = binary.BigEndian.AppendUint32(tail, uint32(last))
	tail = binary.BigEndian.AppendUint64(tail, 1000)
	tail = binary.BigEndian.AppendUint64(tail, 2000)
	tail = append(tail, make([]byte, 14)...)
	tail = binary.BigEndian.AppendUint32(tail, uint32(len(records)))
	tail = append(tail, body...)
	b := binary.BigEndian.AppendUint64(nil, uint64(base))
	b = binary.BigEndian.AppendUint32(b, uint32(9+len(tail)))
	b = append(b, 0, 0, 0, 0, 2)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(tail, crc32.MakeTable(crc32.Castagnoli)))
	return append(b, tail...)
}

// read gives what comes out, as text.
func read(data []byte, offset int64) (seen []string, next int64, err error) {
	next, err = fetch.Batches(data, offset, func(r *fetch.Record) error {
		s := fmt.Sprintf("%d@%d %s=%s %s=%s", r.Offset, r.Time.UnixMilli(), r.Key, r.Value, r.Headers[0].Key, r.Headers[0].Value)
		if r.Value == nil {
			s += " null"
		}
		seen = append(seen, s)
		return nil
	})
	return seen, next, err
}

// The shapes that Kafka's cleaner leaves: the position moves by each batch's whole range.
func TestCompacted(t *testing.T) {
	whole := batch(10, 2, 0, record(0, "a", "1"), record(1, "b", "2"), record(2, "c", "-"))
	for _, c := range []struct {
		name   string
		data   []byte
		offset int64
		want   []string
		next   int64
	}{
		{"whole", whole, 10, []string{"10@1000 a=1 h=v", "11@1001 b=2 h=v", "12@1002 c= h=v null"}, 13},
		{"from its middle", whole, 12, []string{"12@1002 c= h=v null"}, 13},
		{"holes inside", batch(10, 4, 0, record(1, "a", "1"), record(4, "b", "2")), 10, []string{"11@1001 a=1 h=v", "14@1004 b=2 h=v"}, 15},
		{"tail removed", batch(10, 4, 0, record(0, "a", "1")), 10, []string{"10@1000 a=1 h=v"}, 15},
		{"empty", batch(10, 4, 0), 10, nil, 15},
		{"empty, compressed", batch(10, 4, 4), 10, nil, 15},
		{"empty after a full one", slices.Concat(whole, batch(13, 6, 0)), 13, nil, 20},
		{"a gap between batches", slices.Concat(whole, batch(90, 0, 0, record(0, "z", "9"))), 13, []string{"90@1000 z=9 h=v"}, 91},
		{"control", batch(10, 0, 0x20, record(0, "a", "1")), 10, nil, 11},
		{"append time", batch(10, 0, 0x08, record(0, "a", "1")), 10, []string{"10@2000 a=1 h=v"}, 11},
		{"cut off", slices.Concat(whole, batch(13, 0, 0, record(0, "d", "4")))[:len(whole)+70], 13, nil, 13},
		{"nothing", nil, 7, nil, 7},
	} {
		seen, next, err := read(c.data, c.offset)
		if err != nil || next != c.next || !slices.Equal(seen, c.want) {
			t.Errorf("%s: %q, next %d, %v; want %q, next %d", c.name, seen, next, err, c.want, c.next)
		}
	}
	for codec := range uint16(5) {
		seen, _, err := read(batch(10, 0, codec, record(0, "a", "1")), 10)
		if err != nil || len(seen) != 1 {
			t.Errorf("codec %d: %q, %v", codec, seen, err)
		}
	}
}

func TestDamaged(t *testing.T) {
	good := batch(10, 1, 4, record(0, "a", "1"), record(1, "b", "2"))
	for i := range good {
		bad := bytes.Clone(good)
		bad[i] ^= 0x10
		seen, next, err := read(bad, 10)
		switch {
		case i < 8, i >= 12 && i < 16: // base offset and leader epoch stand outside the checksum
		case err == nil && (len(seen) > 0 || next != 10):
			t.Errorf("byte %d changed: %q, next %d", i, seen, next)
		case err != nil && !errors.Is(err, fetch.ErrDamaged):
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
	stop := errors.New("stop")
	n := 0
	if next, err := fetch.Batches(good, 10, func(*fetch.Record) error { n++; return stop }); !errors.Is(err, stop) || next != 10 || n != 1 {
		t.Error("an error of the receiver:", next, err, n)
	}
}

func FuzzBatches(f *testing.F) {
	f.Add(batch(10, 1, 0, record(0, "a", "1"), record(1, "b", "-")), int64(10))
	f.Add(batch(10, 4, 4, record(2, "a", "1")), int64(11))
	f.Add(batch(0, 9, 0), int64(0))
	f.Fuzz(func(t *testing.T, data []byte, offset int64) {
		for i := 0; i+61 <= len(data); { // checksums that fit, so that what is behind them is tried
			n := int(int32(binary.BigEndian.Uint32(data[i+8:])))
			if n < 49 || n > len(data)-i-12 {
				break
			}
			binary.BigEndian.PutUint32(data[i+17:], crc32.Checksum(data[i+21:i+12+n], crc32.MakeTable(crc32.Castagnoli)))
			i += 12 + n
		}
		next, _ := fetch.Batches(data, offset, func(*fetch.Record) error { return nil })
		if next < offset {
			t.Fatalf("back from %d to %d", offset, next)
		}
	})
}
