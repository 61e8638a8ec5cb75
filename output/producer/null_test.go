package producer_test

import (
	"encoding/binary"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// nullBroker answers produce requests at once and keeps nothing: what it costs is not the producer's.
type nullBroker struct {
	ln         net.Listener
	topic      string
	partitions int32
	old        atomic.Bool  // it knows no producer ids
	produced   atomic.Int32 // requests
	largest    atomic.Int64 // bytes of a request
	wg         sync.WaitGroup
}

func newNullBroker(t testing.TB, topic string, partitions int32) *nullBroker {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &nullBroker{ln: ln, topic: topic, partitions: partitions}
	b.wg.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			b.wg.Go(func() { b.serve(conn) })
		}
	})
	t.Cleanup(func() { ln.Close(); b.wg.Wait() })
	return b
}

func (b *nullBroker) addr() string { return b.ln.Addr().String() }

func (b *nullBroker) serve(conn net.Conn) {
	defer conn.Close()
	var buf []byte
	for {
		var head [4]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			return
		}
		n := int(binary.BigEndian.Uint32(head[:]))
		b.largest.Store(max(b.largest.Load(), int64(n)))
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

func (b *nullBroker) answer(req kmsg.Request) kmsg.Response {
	res := req.ResponseKind()
	switch r := res.(type) {
	case *kmsg.ApiVersionsResponse:
		for key, most := range map[int16]int16{0: 8, 3: 8, 18: 0, 19: 5, 22: 4} {
			if key == 22 && b.old.Load() {
				continue
			}
			k := kmsg.NewApiVersionsResponseApiKey()
			k.ApiKey, k.MaxVersion = key, most
			r.ApiKeys = append(r.ApiKeys, k)
		}
	case *kmsg.MetadataResponse:
		node := kmsg.NewMetadataResponseBroker()
		host, port, _ := net.SplitHostPort(b.addr())
		n, _ := strconv.Atoi(port)
		node.NodeID, node.Host, node.Port = 1, host, int32(n)
		r.Brokers, r.ControllerID = append(r.Brokers, node), 1
		t := kmsg.NewMetadataResponseTopic()
		t.Topic = kmsg.StringPtr(b.topic)
		for i := range b.partitions {
			p := kmsg.NewMetadataResponseTopicPartition()
			p.Partition, p.Leader, p.Replicas, p.ISR = i, 1, []int32{1}, []int32{1}
			t.Partitions = append(t.Partitions, p)
		}
		r.Topics = append(r.Topics, t)
	case *kmsg.InitProducerIDResponse:
		r.ProducerID = 1
	case *kmsg.ProduceResponse:
		b.produced.Add(1)
		for _, rt := range req.(*kmsg.ProduceRequest).Topics {
			t := kmsg.NewProduceResponseTopic()
			t.Topic = rt.Topic
			for _, rp := range rt.Partitions {
				p := kmsg.NewProduceResponseTopicPartition()
				p.Partition = rp.Partition
				t.Partitions = append(t.Partitions, p)
			}
			r.Topics = append(r.Topics, t)
		}
	}
	return res
}
