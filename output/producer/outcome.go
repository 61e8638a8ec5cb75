package producer

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/produce"
)

// failed deals with a request that has no answer.
func (p *Producer) failed(loads []load, err error) {
	if outage := p.outage.Load(); outage != nil && errors.Is(err, protocol.ErrNoTopic) {
		err = *outage // a transport without metadata knows no topic
	}
	for _, l := range loads {
		p.outcome(l, err, nil)
	}
}

// answered deals with the answer to each batch.
func (p *Producer) answered(loads []load, answer *produce.Response) {
	seen := make([]bool, len(loads))
	next := 0 // answers come in the order of the request, as a rule
	for i := range answer.Topics {
		t := &answer.Topics[i]
		for j := range t.Partitions {
			a := &t.Partitions[j]
			for range loads {
				k := next
				l := loads[k]
				next = (next + 1) % len(loads)
				if l.part.index != a.Partition || l.part.topic.name != t.Topic || seen[k] {
					continue
				}
				seen[k] = true
				var err error
				if a.ErrorCode != 0 {
					err = answerError(a.ErrorCode, a.ErrorMessage)
				}
				p.outcome(l, err, a.RecordErrors)
				break
			}
		}
	}
	for k, l := range loads {
		if !seen[k] {
			p.outcome(l, errSilent, nil)
		}
	}
}

// outcome does with a batch what the answer asks for.
func (p *Producer) outcome(l load, err error, listed []produce.ResponseError) {
	v := verdict{action: acked}
	if err != nil {
		v = judge(err)
		p.metrics.failed(v)
		p.log.Debug("produce failed", "topic", l.part.topic.name, "partition", l.part.index, "reason", v.reason, "error", err)
	}
	if v.stale {
		p.refresh()
	}
	if l.identity.id >= 0 && errors.Is(err, kafka.ClusterAuthorizationFailed) {
		p.forgo(l.identity, explain(err)) // brokers before 2.8 want the right IDEMPOTENT_WRITE for numbered batches
		v.action = renumber
	}
	now := time.Now()
	switch v.action {
	case acked:
		p.acked(l, now)
	case retry:
		p.again(l, err, now)
	case rename:
		p.restart(l.identity, true)
		fallthrough
	case renumber:
		l.part.unnumber()
		p.again(l, err, now)
	case shrink:
		p.shrink(l, refusal{err: err, tooLarge: true}, now)
	case pick:
		p.pick(l, err, listed, now)
	case refuseTopic:
		p.refuseTopic(l.part.topic, fmt.Errorf("kafka refuses topic %s: %w", l.part.topic.name, explain(err)))
		p.giveUp(l, err)
	case refuseAll:
		p.refuseAll(fmt.Errorf("kafka refuses: %w", explain(err)))
		p.giveUp(l, err)
	}
}

// acked ends the batch: stored on all in-sync replicas.
func (p *Producer) acked(l load, now time.Time) {
	p.lastAck.Store(now.UnixNano())
	l.part.topic.acked.Add(float64(l.count))
	if l.part.topic.gate.open() || p.gate.open() {
		p.log.Info("kafka accepts again", "topic", l.part.topic.name)
	}
	p.circuitIs(p.admission.answered(now), nil)
	p.stored(l.part, now)
	p.settle(l.part, l.batch, nil)
}

// again keeps the batch for another attempt, unless its time is over or nobody waits for it.
func (p *Producer) again(l load, err error, now time.Time) {
	if now.Before(l.deadline) && !l.abandoned() {
		l.part.putBack(err, now)
		p.stir()
		return
	}
	p.circuitIs(p.admission.troubled(now), err) // before it leaves: nothing may be left that waits
	p.giveUp(l, err)
}

// giveUp ends the batch: its callers must tell their hosts to come again.
func (p *Producer) giveUp(l load, err error) {
	p.replace(l.part, time.Now())
	p.settle(l.part, l.batch, fmt.Errorf("%s: %w", l.part, explain(err)))
}

// settle tells the callers of a batch that has left its partition, and gives back what it held.
func (p *Producer) settle(part *partition, b *batch, err error) {
	b.settle(err)
	p.admission.leave(part, b.cost, int64(b.count))
	b.release()
}

// refusal is a record that the broker will not take.
type refusal struct {
	record   int32 // in the batch
	err      error
	tooLarge bool
}

// shrink sends the batch in halves; a single record is refused.
func (p *Producer) shrink(l load, why refusal, now time.Time) {
	if l.count == 1 {
		p.withdraw(l, []refusal{why}, now)
		return
	}
	p.circuitIs(p.admission.answered(now), nil)
	left, right := p.batch(), p.batch()
	l.copyTo(left, 0, l.count/2, nil)
	l.copyTo(right, l.count/2, l.count, nil)
	right.cost = l.cost - left.cost
	l.release()
	p.replace(l.part, now, left, right)
}

// pick refuses the records that the answer lists and sends the others again. Without a list, halves find them.
func (p *Producer) pick(l load, err error, listed []produce.ResponseError, now time.Time) {
	var refused []refusal
	for _, e := range listed {
		if e.BatchIndex < 0 || e.BatchIndex >= l.count || slices.ContainsFunc(refused, func(r refusal) bool { return r.record == e.BatchIndex }) {
			continue
		}
		why := err
		if e.BatchIndexErrorMessage != "" {
			why = fmt.Errorf("%w: %s", err, e.BatchIndexErrorMessage)
		}
		refused = append(refused, refusal{record: e.BatchIndex, err: why})
	}
	if len(refused) == 0 {
		p.shrink(l, refusal{err: err}, now)
		return
	}
	p.withdraw(l, refused, now)
}

// withdraw takes refused records out of the batch and sends the rest again.
func (p *Producer) withdraw(l load, refused []refusal, now time.Time) {
	p.circuitIs(p.admission.answered(now), nil)
	var rest []*batch
	cost := l.cost
	if int(l.count) > len(refused) {
		skip := make([]int32, len(refused))
		for i, r := range refused {
			skip[i] = r.record
		}
		b := p.batch()
		l.copyTo(b, 0, l.count, skip)
		rest, cost = append(rest, b), l.cost-b.cost
	}
	p.replace(l.part, now, rest...)
	for _, r := range refused {
		d, index := l.owner(r.record)
		d.refuse(Refused{Index: index, Err: r.err, TooLarge: r.tooLarge})
	}
	p.admission.leave(l.part, cost, int64(len(refused)))
	l.release()
}

// refuseTopic turns away who wants the topic, and fails who waits for it.
func (p *Producer) refuseTopic(t *topic, err error) {
	if t.gate.shut(err, time.Now()) {
		p.log.Error("kafka refuses", "topic", t.name, "error", err)
	}
	p.drop([]*topic{t}, err, func(*batch) bool { return true })
}

// refuseAll does so for every topic.
func (p *Producer) refuseAll(err error) {
	if p.gate.shut(err, time.Now()) {
		p.log.Error("kafka refuses", "error", err)
	}
	p.drop(p.catalog.Load().all, err, func(*batch) bool { return true })
}

// circuitIs deals with a change of the circuit, if there is one. why is what is known of the trouble.
func (p *Producer) circuitIs(state string, why error) {
	switch state {
	case Open:
		p.log.Error("kafka is away", "reason", "circuit", "error", why)
		p.drop(p.catalog.Load().all, ErrOpen, func(b *batch) bool { return b.attempts == 0 })
	case HalfOpen:
		p.log.Info("kafka answers again", "reason", "circuit")
	case Closed:
		p.log.Info("kafka is back", "reason", "circuit")
	}
}

// drop gives up the batches that no sender has and that cond names.
func (p *Producer) drop(topics []*topic, err error, cond func(*batch) bool) (dropped int) {
	for _, t := range topics {
		for _, part := range t.partitions() {
			for _, b := range part.drop(cond) {
				p.settle(part, b, fmt.Errorf("%s: %w", part, err))
				dropped++
			}
		}
	}
	return dropped
}
