package producer

import (
	"net"

	"github.com/segmentio/kafka-go"
)

// Transport is a way to the same cluster for other requests than Append's, with the producer's TLS and SASL and limits: it knows the leaders of
// these topics, and ends with Close.
func (p *Producer) Transport(topics ...string) *kafka.Transport {
	t := p.newTransport(topics)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lent = append(p.lent, t)
	return t
}

// Brokers is whom to ask first.
func (p *Producer) Brokers() net.Addr { return p.brokers }
