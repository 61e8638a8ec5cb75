package kafkatest

import (
	"encoding/binary"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// Null is a broker that answers at once, has every topic, counts records and keeps none: what a producer costs is then its own. Its
// fields are set before Serve.
type Null struct {
	Partitions int32       // of each topic
	Old        atomic.Bool // it knows no producer ids

	Requests atomic.Int64 // to produce
	Records  atomic.Int64
	Largest  atomic.Int64 // bytes of a request

	at net.Addr
}

// Serve answers on ln until that is closed, and returns when no connection is left.
func (b *Null) Serve(ln net.Listener) {
	b.at = ln.Addr()
	var conns sync.WaitGroup
	defer conns.Wait()
	for {
		conn, err := ln.Accept()
		if err != nil {
			return
		}
		conns.Go(func() {
			defer conn.Close()
			b.serve(conn)
		})
	}
}

func (b *Null) serve(conn io.ReadWriter) {
	var buf []byte
	for {
		var head [4]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return
		}
		n := int(binary.BigEndian.Uint32(head[:]))
		b.Largest.Store(max(b.Largest.Load(), int64(n)))
		if cap(buf) < n {
			buf = make([]byte, n)
		}
		if _, err := io.ReadFull(conn, buf[:n]); err != nil {
			return
		}
		key, version := int16(binary.BigEndian.Uint16(buf)), int16(binary.BigEndian.Uint16(buf[2:]))
		client := int(int16(binary.BigEndian.Uint16(buf[8:])))
		req := kmsg.RequestForKey(key)
		req.SetVersion(version)
		body := buf[10+client : n]
		if req.IsFlexible() {
			body = body[1:]
		}
		if err := req.ReadFrom(body); err != nil {
			return
		}
		res := b.answer(req)
		res.SetVersion(version)
		out := append(make([]byte, 4), buf[4:8]...)
		if res.IsFlexible() && key != 18 {
			out = append(out, 0)
		}
		out = res.AppendTo(out)
		binary.BigEndian.PutUint32(out, uint32(len(out)-4))
		if _, err := conn.Write(out); err != nil {
			return
		}
	}
}

func (b *Null) answer(req kmsg.Request) kmsg.Response {
	res := req.ResponseKind()
	switch r := res.(type) {
	case *kmsg.ApiVersionsResponse:
		for key, most := range map[int16]int16{0: 8, 3: 8, 18: 0, 19: 5, 22: 4} {
			if key == 22 && b.Old.Load() {
				continue
			}
			k := kmsg.NewApiVersionsResponseApiKey()
			k.ApiKey, k.MaxVersion = key, most
			r.ApiKeys = append(r.ApiKeys, k)
		}
	case *kmsg.MetadataResponse:
		node := kmsg.NewMetadataResponseBroker()
		host, port, _ := net.SplitHostPort(b.at.String())
		n, _ := strconv.Atoi(port)
		node.NodeID, node.Host, node.Port = 1, host, int32(n)
		r.Brokers, r.ControllerID = append(r.Brokers, node), 1
		for _, topic := range req.(*kmsg.MetadataRequest).Topics {
			t := kmsg.NewMetadataResponseTopic()
			t.Topic = topic.Topic
			for i := range b.Partitions {
				p := kmsg.NewMetadataResponseTopicPartition()
				p.Partition, p.Leader, p.Replicas, p.ISR = i, 1, []int32{1}, []int32{1}
				t.Partitions = append(t.Partitions, p)
			}
			r.Topics = append(r.Topics, t)
		}
	case *kmsg.InitProducerIDResponse:
		r.ProducerID = 1
	case *kmsg.ProduceResponse:
		b.Requests.Add(1)
		for _, rt := range req.(*kmsg.ProduceRequest).Topics {
			t := kmsg.NewProduceResponseTopic()
			t.Topic = rt.Topic
			for _, rp := range rt.Partitions {
				b.Records.Add(recordsIn(rp.Records))
				p := kmsg.NewProduceResponseTopicPartition()
				p.Partition = rp.Partition
				t.Partitions = append(t.Partitions, p)
			}
			r.Topics = append(r.Topics, t)
		}
	}
	return res
}

// recordsIn is what the header of a record batch (magic 2) says: 61 bytes, the number of records last.
func recordsIn(batch []byte) int64 {
	const header = 61
	if len(batch) < header {
		return 0
	}
	return int64(binary.BigEndian.Uint32(batch[header-4:]))
}
