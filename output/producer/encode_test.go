package producer

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"
)

// plain is a record as a foreign decoder sees it.
type plainRecord struct {
	Key, Value []byte
	Headers    []Header
	Time       int64
}

// foreign decodes a sealed batch with franz-go.
func foreign(t interface{ Fatalf(string, ...any) }, b *batch) []plainRecord {
	var wire bytes.Buffer
	if _, err := b.WriteTo(&wire); err != nil {
		t.Fatalf("%v", err)
	}
	raw := wire.Bytes()
	if size := binary.BigEndian.Uint32(raw); int(size) != len(raw)-4 || b.size() != len(raw) {
		t.Fatalf("length %d before %d bytes, size says %d", size, len(raw)-4, b.size())
	}
	raw = raw[4:]
	var rb kmsg.RecordBatch
	if err := rb.ReadFrom(raw); err != nil {
		t.Fatalf("%v", err)
	}
	if int(rb.Length) != len(raw)-12 || rb.Magic != 2 || uint32(rb.CRC) != crc32.Checksum(raw[21:], castagnoli) || rb.LastOffsetDelta != rb.NumRecords-1 {
		t.Fatalf("header %+v", rb)
	}
	if rb.ProducerID != -1 || rb.ProducerEpoch != -1 || rb.FirstSequence != -1 || rb.PartitionLeaderEpoch != -1 || rb.FirstOffset != 0 {
		t.Fatalf("header %+v", rb)
	}
	records, err := kfake.BatchRecords(rb)
	if err != nil {
		t.Fatalf("%v", err)
	}
	var out []plainRecord
	latest := int64(-1 << 62)
	for i, r := range records {
		if r.OffsetDelta != int32(i) || r.Attributes != 0 {
			t.Fatalf("record %d: %+v", i, r)
		}
		p := plainRecord{Key: r.Key, Value: r.Value, Time: rb.FirstTimestamp + r.TimestampDelta64}
		latest = max(latest, p.Time)
		for _, h := range r.Headers {
			p.Headers = append(p.Headers, Header(h))
		}
		out = append(out, p)
	}
	if len(out) > 0 && latest != rb.MaxTimestamp {
		t.Fatalf("latest %d, header says %d", latest, rb.MaxTimestamp)
	}
	return out
}

func testProducer() *Producer {
	return &Producer{pool: &pool{keep: 64}}
}

var codecs = []string{"none", "zstd", "lz4", "snappy", "gzip"}

// TestBatch: whatever the records, a foreign decoder reads them from the batch, and from any part of it, whole and in order.
func TestBatch(t *testing.T) {
	made := map[string]codec{}
	for _, name := range codecs {
		c, err := newCodec(name)
		if err != nil {
			t.Fatal(err)
		}
		made[name] = c
	}
	p := testProducer()
	maybe := func(g *rapid.Generator[[]byte]) *rapid.Generator[[]byte] {
		return rapid.OneOf(g, rapid.Just([]byte(nil)))
	}
	rapid.Check(t, func(t *rapid.T) {
		codec := made[rapid.SampledFrom(codecs).Draw(t, "codec")]
		b := p.batch()
		var want []plainRecord
		var owners []int
		deliveries := []*Delivery{{}, {}, {}}
		next := make([]int, len(deliveries))
		for range rapid.IntRange(1, 30).Draw(t, "records") {
			value := maybe(rapid.SliceOfN(rapid.Byte(), 0, 300)).Draw(t, "value")
			if rapid.IntRange(0, 40).Draw(t, "large") == 0 {
				value = bytes.Repeat([]byte("large "), rapid.IntRange(1, 30_000).Draw(t, "n"))
			}
			r := Record{Value: value, Time: time.UnixMilli(rapid.Int64Range(1, 1<<41).Draw(t, "time"))}
			for range rapid.IntRange(0, 4).Draw(t, "headers") {
				r.Headers = append(r.Headers, Header{rapid.String().Draw(t, "name"), maybe(rapid.SliceOf(rapid.Byte())).Draw(t, "text")})
			}
			key := maybe(rapid.SliceOf(rapid.Byte())).Draw(t, "key")
			d := rapid.IntRange(0, 2).Draw(t, "delivery")
			b.add(key, &r, 0, deliveries[d], next[d])
			next[d]++
			owners = append(owners, d)
			want = append(want, plainRecord{key, r.Value, r.Headers, r.Time.UnixMilli()})
			if n := recordCost(key, &r); b.records.size > n+b.prior(want) {
				t.Fatalf("record of %d bytes costs %d", b.records.size, n)
			}
		}
		from := rapid.Int32Range(0, b.count-1).Draw(t, "from")
		to := rapid.Int32Range(from+1, b.count).Draw(t, "to")
		skip := rapid.SliceOfDistinct(rapid.Int32Range(from, to-1), rapid.ID[int32]).Draw(t, "skip")
		part := p.batch()
		b.copyTo(part, from, to, skip)
		var wantPart []plainRecord
		var i int32
		seen := make([]int, len(deliveries))
		for k, w := range want {
			d, index := b.owner(int32(k))
			if d != deliveries[owners[k]] || index != seen[owners[k]] {
				t.Fatalf("record %d belongs to another", k)
			}
			if int32(k) >= from && int32(k) < to && !slices.Contains(skip, int32(k)) {
				wantPart = append(wantPart, w)
				if pd, pi := part.owner(i); pd != d || pi != index {
					t.Fatalf("record %d belongs to another in the part", k)
				}
				i++
			}
			seen[owners[k]]++
		}
		for _, c := range []struct {
			b    *batch
			want []plainRecord
		}{{b, want}, {part, wantPart}} {
			if len(c.want) == 0 {
				continue
			}
			if err := c.b.seal(codec); err != nil {
				t.Fatalf("%v", err)
			}
			if diff := cmp.Diff(c.want, foreign(t, c.b), cmp.Comparer(func(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) })); diff != "" {
				t.Fatalf("%s", diff)
			}
			c.b.release()
		}
	})
}

// prior bounds what the records before the last cost.
func (b *batch) prior(all []plainRecord) int {
	n := 0
	for _, r := range all[:len(all)-1] {
		n += recordCost(r.Key, &Record{Value: r.Value, Headers: r.Headers})
	}
	return n
}

func TestSealTwice(t *testing.T) {
	p := testProducer()
	for _, name := range codecs {
		c, err := newCodec(name)
		if err != nil {
			t.Fatal(err)
		}
		b := p.batch()
		b.add([]byte("k"), &Record{Value: bytes.Repeat([]byte("v"), 1000)}, 7, &Delivery{}, 0)
		var first, second bytes.Buffer
		for _, w := range []*bytes.Buffer{&first, &second} {
			if err := b.seal(c); err != nil {
				t.Fatal(err)
			}
			if _, err := b.WriteTo(w); err != nil {
				t.Fatal(err)
			}
		}
		if !bytes.Equal(first.Bytes(), second.Bytes()) {
			t.Errorf("%s: a retry has other bytes", name)
		}
	}
}

// The Java client's own vectors (UtilsTest.testMurmur2), then kafka-go's balancer as the judge.
func TestMurmur2(t *testing.T) {
	for key, want := range map[string]int32{"21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536, "a-little-bit-longer-string": -1486304829,
		"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8": -58897971, "abc": 479470107} {
		if got := int32(murmur2([]byte(key))); got != want {
			t.Errorf("murmur2(%q) = %d, want %d", key, got, want)
		}
	}
	var all []int
	for i := range 97 {
		all = append(all, i)
	}
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "key")
		n := rapid.IntRange(1, 97).Draw(t, "partitions")
		if got, want := PartitionOf(key, int32(n)), (kafka.Murmur2Balancer{Consistent: true}).Balance(kafka.Message{Key: key}, all[:n]...); int(got) != want {
			t.Fatalf("partition %d, want %d", got, want)
		}
	})
}

func TestEncodingDoesNotAllocate(t *testing.T) {
	p := testProducer()
	record := Record{Value: bytes.Repeat([]byte("v"), 1200), Time: time.UnixMilli(1_700_000_000_000)}
	for i := range 17 {
		record.Headers = append(record.Headers, Header{fmt.Sprintf("wef.header_%d", i), []byte("a header's value")})
	}
	d := &Delivery{}
	key := []byte("PC-1$@CORP.EXAMPLE")
	b := p.batch()
	index := 0
	if n := testing.AllocsPerRun(1000, func() {
		if b.records.size > maxBatch {
			b.release()
			b.count, b.shares, index = 0, b.shares[:0], 0
		}
		b.add(key, &record, 0, d, index)
		index++
	}); n != 0 {
		t.Errorf("%v allocations an event", n)
	}
}

func BenchmarkEncode(b *testing.B) {
	p := testProducer()
	record := Record{Value: bytes.Repeat([]byte("v"), 1200), Time: time.UnixMilli(1_700_000_000_000)}
	for i := range 17 {
		record.Headers = append(record.Headers, Header{fmt.Sprintf("wef.header_%d", i), []byte("a header's value")})
	}
	d := &Delivery{}
	key := []byte("PC-1$@CORP.EXAMPLE")
	open := p.batch()
	b.SetBytes(int64(bodySize(key, &record)))
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if open.records.size > maxBatch {
			open.release()
			open.count, open.shares = 0, open.shares[:0]
		}
		open.add(key, &record, 0, d, i)
	}
}

// FuzzFrame: whatever a broker sends, and however it is cut, following its answers neither fails on good ones nor panics.
func FuzzFrame(f *testing.F) {
	f.Add([]byte{0, 0, 0, 2, 1, 2, 0, 0, 0, 0}, 3)
	f.Add([]byte{0x15, 3, 3, 0, 2}, 1)
	f.Fuzz(func(t *testing.T, answers []byte, step int) {
		step = max(1, step%16)
		whole := (&connection{}).frame(answers)
		c := &connection{}
		var pieces error
		for rest := answers; len(rest) > 0 && pieces == nil; {
			n := min(step, len(rest))
			pieces = c.frame(rest[:n])
			rest = rest[n:]
		}
		if (whole == nil) != (pieces == nil) {
			t.Errorf("whole: %v, in pieces: %v", whole, pieces)
		}
	})
}
