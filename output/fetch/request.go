package fetch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

const (
	version   = 10
	maxAnswer = 32 << 20 // bytes; a broker sends at least one whole batch, however few are asked for
)

var errAnswer = errors.New("not an answer to a Fetch request")

// request is Fetch v10 for one partition. It makes its own exchange on a connection to the leader.
type request struct {
	topic     string
	partition int32
	offset    int64
	bytes     int32 // at most, but for a first batch that is larger
	wait      int32 // ms, for a first byte
	buffer    []byte
}

// answer is what the broker said of the partition.
type answer struct {
	code    kafka.Error
	end     int64 // high watermark
	batches []byte
	buffer  []byte // to use again
}

func (*request) ApiKey() protocol.ApiKey { return protocol.Fetch }
func (*answer) ApiKey() protocol.ApiKey  { return protocol.Fetch }

// Required is true: kafka-go's own decoder is never to be used.
func (*request) Required(map[protocol.ApiKey]int16) bool { return true }

// Broker is the partition's leader.
func (r *request) Broker(c protocol.Cluster) (protocol.Broker, error) {
	none := protocol.Broker{ID: -1}
	topic, ok := c.Topics[r.topic]
	if !ok {
		return none, protocol.NewErrNoTopic(r.topic)
	}
	partition, ok := topic.Partitions[r.partition]
	if !ok {
		return none, protocol.NewErrNoPartition(r.topic, r.partition)
	}
	if leader, ok := c.Brokers[partition.Leader]; ok {
		return leader, nil
	}
	return none, protocol.NewErrNoLeader(r.topic, r.partition)
}

// RawExchange writes the request and reads the answer.
func (r *request) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if _, err := rw.Write(r.encode()); err != nil {
		return nil, err
	}
	var size [4]byte
	if _, err := io.ReadFull(rw, size[:]); err != nil {
		return nil, err
	}
	n := int(int32(binary.BigEndian.Uint32(size[:])))
	if n < 4 || n > maxAnswer {
		return nil, fmt.Errorf("%w: %d bytes", errAnswer, n)
	}
	if cap(r.buffer) < n {
		r.buffer = make([]byte, n)
	}
	a := &answer{buffer: r.buffer[:n]}
	if _, err := io.ReadFull(rw, a.buffer); err != nil {
		return nil, err
	}
	return a, a.decode(r)
}

// correlation is the same for all: a connection carries one request at a time.
const correlation = 0x77656b66

func (r *request) encode() []byte {
	b := make([]byte, 4, 128+len(r.topic))
	b = binary.BigEndian.AppendUint16(b, uint16(protocol.Fetch))
	b = binary.BigEndian.AppendUint16(b, version)
	b = binary.BigEndian.AppendUint32(b, correlation)
	b = appendString(b, "wefka")
	b = binary.BigEndian.AppendUint32(b, ^uint32(0)) // replica: none
	b = binary.BigEndian.AppendUint32(b, uint32(r.wait))
	b = binary.BigEndian.AppendUint32(b, 1) // bytes to wait for
	b = binary.BigEndian.AppendUint32(b, uint32(r.bytes))
	b = append(b, 0)                                 // read_uncommitted
	b = binary.BigEndian.AppendUint32(b, 0)          // session: none,
	b = binary.BigEndian.AppendUint32(b, ^uint32(0)) // nor to be made
	b = binary.BigEndian.AppendUint32(b, 1)
	b = appendString(b, r.topic)
	b = binary.BigEndian.AppendUint32(b, 1)
	b = binary.BigEndian.AppendUint32(b, uint32(r.partition))
	b = binary.BigEndian.AppendUint32(b, ^uint32(0)) // leader epoch: not known
	b = binary.BigEndian.AppendUint64(b, uint64(r.offset))
	b = binary.BigEndian.AppendUint64(b, ^uint64(0)) // log start: followers only
	b = binary.BigEndian.AppendUint32(b, uint32(r.bytes))
	b = binary.BigEndian.AppendUint32(b, 0) // forgotten topics
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	return b
}

func appendString(b []byte, s string) []byte {
	return append(binary.BigEndian.AppendUint16(b, uint16(len(s))), s...)
}

// decode reads a.buffer: correlation, throttle, error, session, topics [partitions [error, watermarks, aborted, records]].
func (a *answer) decode(r *request) error {
	c := cursor{rest: a.buffer}
	if c.uint32() != correlation {
		return fmt.Errorf("%w: it answers another", errAnswer)
	}
	c.skip(4)
	whole := kafka.Error(int16(c.uint16()))
	c.skip(4)
	if topics := c.uint32(); topics == 0 && whole != 0 {
		a.code = whole
		return nil
	}
	topic := c.take(int(c.uint16()))
	c.skip(4)
	partition := int32(c.uint32())
	a.code = kafka.Error(int16(c.uint16()))
	a.end = int64(c.uint64())
	c.skip(16)
	if n := int32(c.uint32()); n > 0 {
		c.skip(int(n) * 16)
	}
	if n := int32(c.uint32()); n > 0 {
		a.batches = c.take(int(n))
	}
	if c.short || string(topic) != r.topic || partition != r.partition {
		return errAnswer
	}
	return nil
}

// cursor reads big-endian numbers from the front of rest; short says that there was too little.
type cursor struct {
	rest  []byte
	short bool
}

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.rest) {
		c.short, c.rest = true, nil
		return nil
	}
	b := c.rest[:n:n]
	c.rest = c.rest[n:]
	return b
}

func (c *cursor) skip(n int) { c.take(n) }

func (c *cursor) uint16() uint16 {
	if b := c.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (c *cursor) uint32() uint32 {
	if b := c.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (c *cursor) uint64() uint64 {
	if b := c.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}
