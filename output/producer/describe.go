package producer

import (
	"context"
	"io"
	"math"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
	"github.com/segmentio/kafka-go/protocol/metadata"
)

// Topic is what the cluster says of a topic.
type Topic struct {
	Name        string
	Err         error // why the cluster says nothing of it; it names the cure
	Partitions  int
	Leaderless  int  // partitions that nobody leads now
	Replication int  // replicas of the partition that has fewest
	InSync      int  // those of them that are up to date, of the partition that has fewest
	MayWrite    bool // true too where the cluster does not say
}

// Describe asks the cluster for all topics of ours, by name, in the order of the configuration, and with what this user may do.
func (p *Producer) Describe(ctx context.Context) ([]Topic, error) {
	names := p.catalog.Load().names()
	transport := p.newTransport(names)
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(ctx, p.brokers, &whatMayI{client: p.config.ClientID, names: names})
	if err != nil {
		return nil, explain(err)
	}
	answer, ok := res.(whatYouMay)
	if !ok {
		return nil, errSilent
	}
	topics := make([]Topic, 0, len(answer.Topics))
	for _, t := range answer.Topics {
		topics = append(topics, describe(t))
	}
	return topics, nil
}

const (
	operationWrite = 1 << 4        // WRITE among a topic's authorized operations (KIP-430; AclOperation 4)
	notAsked       = math.MinInt32 // so a cluster says that it knows nothing of them
)

func describe(t metadata.ResponseTopic) Topic {
	d := Topic{Name: t.Name, Partitions: len(t.Partitions), MayWrite: t.TopicAuthorizedOperations == notAsked || t.TopicAuthorizedOperations&operationWrite != 0}
	if t.ErrorCode != 0 {
		d.Err = explain(kafka.Error(t.ErrorCode))
	}
	for i, part := range t.Partitions {
		if part.LeaderID < 0 {
			d.Leaderless++
		}
		if i == 0 {
			d.Replication, d.InSync = len(part.ReplicaNodes), len(part.IsrNodes)
		}
		d.Replication, d.InSync = min(d.Replication, len(part.ReplicaNodes)), min(d.InSync, len(part.IsrNodes))
	}
	return d
}

// whatMayI is a metadata request that goes to a broker: the transport would answer the ordinary one itself, without what is allowed.
type whatMayI struct {
	client  string
	names   []string
	version int16
}

// ApiKey is part of protocol.Message.
func (*whatMayI) ApiKey() protocol.ApiKey { return protocol.Metadata }

// Broker is part of protocol.BrokerMessage: any.
func (*whatMayI) Broker(protocol.Cluster) (protocol.Broker, error) {
	return protocol.Broker{ID: -1}, nil
}

// Required is part of protocol.RawExchanger.
func (w *whatMayI) Required(versions map[protocol.ApiKey]int16) bool {
	w.version = versions[protocol.Metadata]
	return true
}

// RawExchange is part of protocol.RawExchanger.
func (w *whatMayI) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	res, err := protocol.RoundTrip(rw, w.version, 0, w.client, &metadata.Request{TopicNames: w.names, IncludeTopicAuthorizedOperations: true})
	answer, ok := res.(*metadata.Response)
	if err != nil || !ok {
		return nil, err
	}
	if w.version < 8 {
		for i := range answer.Topics {
			answer.Topics[i].TopicAuthorizedOperations = notAsked
		}
	}
	return whatYouMay{answer}, nil
}

// whatYouMay is the answer, under a name that the transport does not take for one of its own.
type whatYouMay struct{ *metadata.Response }
