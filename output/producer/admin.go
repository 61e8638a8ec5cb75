package producer

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol/createtopics"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// Check asks Kafka for every topic: whether it can be reached, authenticates us and has them. The error names the cure.
func (p *Producer) Check(ctx context.Context) error {
	names := p.catalog.Load().names()
	transport := p.newTransport(names) // its own: no answer from the cache
	defer transport.CloseIdleConnections()
	answer, err := p.ask(ctx, transport, names)
	if err != nil {
		return err
	}
	var problems []error
	for _, t := range answer.Topics {
		if t.ErrorCode != 0 {
			problems = append(problems, fmt.Errorf("topic %s: %w", t.Name, explain(kafka.Error(t.ErrorCode))))
		}
	}
	return errors.Join(problems...)
}

// CheckIdempotence asks Kafka for a producer id. The error says why there is none, and the cure; records are delivered all the same.
func (p *Producer) CheckIdempotence(ctx context.Context) error {
	transport := p.newTransport(p.catalog.Load().names())
	defer transport.CloseIdleConnections()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		_, err := p.askIdentity(ctx, transport)
		if !errors.Is(err, kafka.GroupLoadInProgress) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}

// ask returns metadata, or why there is none.
func (p *Producer) ask(ctx context.Context, transport *kafka.Transport, names []string) (*metadata.Response, error) {
	res, err := transport.RoundTrip(ctx, p.brokers, &metadata.Request{TopicNames: names})
	if err != nil {
		return nil, fmt.Errorf("kafka %v: %w", p.config.Brokers, explain(err))
	}
	answer, ok := res.(*metadata.Response)
	if !ok {
		return nil, errSilent
	}
	return answer, nil
}

// CreateTopics creates the topics that do not exist yet. replication -1 is the broker's default.
func (p *Producer) CreateTopics(ctx context.Context, partitions, replication int, names ...string) error {
	transport := p.newTransport(nil) // all topics: it waits until the new ones are in the metadata
	defer transport.CloseIdleConnections()
	if _, err := p.ask(ctx, transport, nil); err != nil {
		return err
	}
	limit := 10 * time.Second
	if deadline, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(deadline))
	}
	req := &createtopics.Request{TimeoutMs: int32(limit.Milliseconds())}
	for _, name := range names {
		req.Topics = append(req.Topics, createtopics.RequestTopic{Name: name, NumPartitions: int32(partitions), ReplicationFactor: int16(replication)})
	}
	res, err := transport.RoundTrip(ctx, p.brokers, req)
	if err != nil {
		return fmt.Errorf("create topics: %w", explain(err))
	}
	answer, ok := res.(*createtopics.Response)
	if !ok {
		return errSilent
	}
	var problems []error
	for _, t := range answer.Topics {
		if t.ErrorCode != 0 && kafka.Error(t.ErrorCode) != kafka.TopicAlreadyExists {
			problems = append(problems, fmt.Errorf("create topic %s: %w", t.Name, explain(answerError(t.ErrorCode, t.ErrorMessage))))
		}
	}
	p.refresh()
	return errors.Join(problems...)
}
