package producer

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

// codec compresses batches, one at a time.
type codec interface {
	attribute() int16 // in the batch header
	compress(dst, src *rope) error
}

// newCodec returns nil for none. Each sender has its own.
func newCodec(name string) (codec, error) {
	switch name {
	case "none", "":
		return nil, nil
	case "gzip":
		w, err := gzip.NewWriterLevel(nil, gzip.BestSpeed)
		return &stream{w, 1}, err
	case "snappy":
		return &xerial{}, nil
	case "lz4":
		w := lz4.NewWriter(nil)
		err := w.Apply(lz4.BlockSizeOption(lz4.Block64Kb), lz4.ChecksumOption(false), lz4.ConcurrencyOption(1))
		return &stream{w, 3}, err
	case "zstd": // a default window or level doubles the CPU for a tenth fewer bytes
		w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(1<<20), zstd.WithEncoderCRC(false), zstd.WithEncoderConcurrency(1))
		return &stream{w, 4}, err
	}
	return nil, fmt.Errorf("compression %q: want zstd, lz4, snappy, gzip or none", name)
}

// stream is a codec whose format has a frame of its own.
type stream struct {
	w interface {
		io.WriteCloser
		Reset(io.Writer)
	}
	id int16
}

func (c *stream) attribute() int16 { return c.id }

func (c *stream) compress(dst, src *rope) error {
	c.w.Reset(dst)
	if _, err := src.WriteTo(c.w); err != nil {
		return err
	}
	return c.w.Close()
}

// xerial is snappy as Kafka's Java client frames it: a header, then blocks of 32 KiB behind their lengths.
type xerial struct{ block []byte }

func (*xerial) attribute() int16 { return 2 }

const xerialHeader = "\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01"

func (c *xerial) compress(dst, src *rope) error {
	if _, err := io.WriteString(dst, xerialHeader); err != nil {
		return err
	}
	if c.block == nil {
		c.block = make([]byte, 4+snappy.MaxEncodedLen(32<<10))
	}
	for _, piece := range src.pieces {
		for len(piece) > 0 {
			n := min(len(piece), 32<<10)
			block := snappy.Encode(c.block[4:], piece[:n])
			binary.BigEndian.PutUint32(c.block, uint32(len(block)))
			if _, err := dst.Write(c.block[:4+len(block)]); err != nil {
				return err
			}
			piece = piece[n:]
		}
	}
	return nil
}
