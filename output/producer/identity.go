package producer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/initproducerid"
)

// identity is a producer id that Kafka has given to this process, and its epoch. Of one identity a partition takes the batches in the
// order of their numbers and each once (KIP-98); of a higher epoch it takes numbers from 0, and nothing more of the lower ones (KIP-360).
type identity struct {
	id    int64
	epoch int16
}

// anonymous batches are stored as often as they are sent.
var anonymous = identity{-1, -1}

// asking is what the refresher knows of its attempts to get a producer id.
type asking struct {
	since time.Time // the first that failed; zero: none has
	next  time.Time
}

// number gives the batch its place in the partition's numbering; false: there is no identity to do it under, for a moment. With part.mu held.
func (p *Producer) number(part *partition, b *batch) bool {
	if part.unsure {
		p.restart(part.identity, false)
	}
	now := p.identity.Load()
	if now == nil {
		return false
	}
	if part.identity != *now {
		part.identity, part.sequence = *now, 0
	}
	part.unsure = false
	b.numbered, b.identity, b.sequence = true, *now, part.sequence
	if now.id < 0 {
		b.sequence = -1
		return true
	}
	part.sequence = int32((int64(part.sequence) + int64(b.count)) & math.MaxInt32) // 0 follows the largest
	return true
}

// unnumber makes the batch that was taken get another number.
func (part *partition) unnumber() {
	part.mu.Lock()
	defer part.mu.Unlock()
	b := part.queue[0]
	b.numbered, b.head = false, [len(b.head)]byte{}
	part.unsure = true
}

// restart makes every partition number from 0 again with its next batch: under a new epoch, or a new id, which Kafka has to be asked
// for. old is the identity that does no more; it has no effect if another has taken its place already.
func (p *Producer) restart(old identity, rename bool) {
	now := p.identity.Load()
	if now == nil || *now != old || old.id < 0 {
		return
	}
	var next *identity
	if !rename && old.epoch < math.MaxInt16 {
		next = &identity{old.id, old.epoch + 1}
	}
	if p.identity.CompareAndSwap(now, next) && next == nil {
		p.refresh()
	}
}

// forgo goes on without an identity that Kafka has given but does not take.
func (p *Producer) forgo(old identity, err error) {
	if now := p.identity.Load(); now != nil && *now == old && p.identity.CompareAndSwap(now, &anonymous) {
		p.without(err)
	}
}

func (p *Producer) without(err error) {
	p.log.Error("kafka gives no producer id: what is sent again after a lost answer may be stored twice", "error", err)
}

// identify asks Kafka for a producer id if there is none. Where it forbids that, or does not get round to it, the producer goes without
// and asks again later. Only the refresher calls it.
func (p *Producer) identify(ctx context.Context) {
	was, now := p.identity.Load(), time.Now()
	switch {
	case was != nil && was.id >= 0:
		return
	case was != nil && p.asking.next.IsZero(): // forgone since
		p.asking.next = now.Add(6 * p.attempt) // a right is given without a restart
		return
	case p.outage.Load() != nil:
		p.asking.since = time.Time{}
		return
	case now.Before(p.asking.next):
		return
	}
	id, err := p.askIdentity(ctx, p.transport.Load())
	if err == nil {
		p.identity.Store(&id)
		p.asking = asking{}
		if was != nil {
			p.log.Info("kafka gives a producer id again")
		}
		p.stir()
		return
	}
	if p.asking.since.IsZero() {
		p.asking.since = now
	}
	if was == nil && !forbidden(err) && now.Sub(p.asking.since) < p.attempt || ctx.Err() != nil {
		return // soon
	}
	p.asking.next = now.Add(6 * p.attempt)
	if was == nil {
		p.without(err)
		p.identity.Store(&anonymous)
		p.stir()
	}
}

// forbidden says whether asking again soon is no use.
func forbidden(err error) bool {
	v := judge(err)
	return v.action == refuseAll || v.action == refuseTopic || errors.Is(err, kafka.TransactionalIDAuthorizationFailed)
}

func (p *Producer) askIdentity(ctx context.Context, transport *kafka.Transport) (identity, error) {
	limit, cancel := context.WithTimeout(ctx, min(3*time.Second, p.attempt))
	defer cancel()
	res, err := transport.RoundTrip(limit, p.brokers, &whoAmI{client: p.config.ClientID})
	if err != nil {
		return anonymous, fmt.Errorf("producer id: %w", explain(err))
	}
	answer, ok := res.(*initproducerid.Response)
	if !ok {
		return anonymous, errSilent
	}
	switch err := kafka.Error(answer.ErrorCode); err {
	case 0:
		return identity{answer.ProducerID, answer.ProducerEpoch}, nil
	case kafka.ClusterAuthorizationFailed:
		return anonymous, fmt.Errorf("producer id: %w (allow this user to WRITE a topic; before Kafka 2.8, IDEMPOTENT_WRITE on the cluster)", err)
	case kafka.GroupLoadInProgress: // what kafka-go says of 14 does not fit
		return anonymous, fmt.Errorf("producer id: %w (the broker itself waits for some from the controller)", err)
	case kafka.UnsupportedVersion:
		return anonymous, fmt.Errorf("producer id: %w (the broker is older than Kafka 0.11)", err)
	default:
		return anonymous, fmt.Errorf("producer id: %w", explain(err))
	}
}

// whoAmI is InitProducerId without a transactional id, to any broker. kafka-go's own request would go to the coordinator of an empty
// transactional id, which makes a broker create the topic for that, and check rights that nobody needs.
type whoAmI struct {
	client  string
	version int16
	known   bool
}

// ApiKey is part of protocol.Message.
func (*whoAmI) ApiKey() protocol.ApiKey { return protocol.InitProducerId }

// Broker is part of protocol.BrokerMessage: any.
func (*whoAmI) Broker(protocol.Cluster) (protocol.Broker, error) { return protocol.Broker{ID: -1}, nil }

// Required is part of protocol.RawExchanger.
func (w *whoAmI) Required(versions map[protocol.ApiKey]int16) bool {
	w.version, w.known = versions[protocol.InitProducerId]
	return true
}

// RawExchange is part of protocol.RawExchanger.
func (w *whoAmI) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	if !w.known { // the connection is none the worse for it
		return &initproducerid.Response{ErrorCode: int16(kafka.UnsupportedVersion)}, nil
	}
	return protocol.RoundTrip(rw, w.version, 0, w.client, &initproducerid.Request{ProducerID: -1, ProducerEpoch: -1})
}
