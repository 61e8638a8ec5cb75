package producer

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// What Append fails with beside the reasons that Kafka gives. All but ErrTopic mean: later.
var (
	ErrFull   = errors.New("no room: too many records wait for Kafka")
	ErrOpen   = errors.New("kafka is away: it has acknowledged nothing for a while")
	ErrTopic  = errors.New("topic is not configured")
	ErrClosed = errors.New("producer is closed")
)

// errLate ends a batch whose delivery time is over.
var errLate = errors.New("not acknowledged in time")

// errForeign is an answer that is none, or longer than any should be.
var errForeign = errors.New("not an answer of Kafka's protocol")

// errSilent stands for a partition that a produce answer does not mention.
var errSilent = errors.New("the answer does not mention the partition")

// action is what an answer asks for.
type action int

const (
	retry       action = iota // the same batch again after a pause, until its delivery time is over
	acked                     // stored
	renumber                  // the same records again, under a new epoch
	rename                    // the same records again, under a new producer id
	shrink                    // in halves, down to the record that is too large
	pick                      // without the records that the answer lists
	refuseTopic               // fail everybody who waits for this topic, let one try now and then
	refuseAll                 // the same for every topic
)

// verdict is what we make of an error.
type verdict struct {
	reason string // the metric's label
	action action
	stale  bool   // who leads what may have changed: refresh
	cure   string // for people
}

// verdicts is the one place that says what each of Kafka's errors means here. kafka-go's Temporary is not the list to use. What is
// not listed is tried again: that can cost time, never an event.
var verdicts = map[kafka.Error]verdict{
	kafka.UnknownTopicOrPartition: {reason: "unknown_topic", stale: true, cure: "create the topic, or allow this user to DESCRIBE and WRITE it"},
	kafka.LeaderNotAvailable:      {reason: "no_leader", stale: true},
	kafka.NotLeaderForPartition:   {reason: "not_leader", stale: true},
	kafka.FencedLeaderEpoch:       {reason: "leader_epoch", stale: true},
	kafka.UnknownLeaderEpoch:      {reason: "leader_epoch", stale: true},
	kafka.KafkaStorageError:       {reason: "storage", stale: true, cure: "look at the broker's disk and log"},
	kafka.BrokerNotAvailable:      {reason: "no_broker", stale: true},
	kafka.ReplicaNotAvailable:     {reason: "no_leader", stale: true},
	kafka.NetworkException:        {reason: "network", stale: true},

	kafka.RequestTimedOut:              {reason: "replication_timeout"}, // may have been appended
	kafka.NotEnoughReplicas:            {reason: "not_enough_replicas", cure: "fewer replicas are in sync than min.insync.replicas asks for: look for a broker that is down"},
	kafka.NotEnoughReplicasAfterAppend: {reason: "not_enough_replicas"}, // has been appended
	kafka.ThrottlingQuotaExceeded:      {reason: "throttled"},
	kafka.InvalidMessage:               {reason: "corrupt"},

	kafka.DuplicateSequenceNumber:  {reason: "duplicate_sequence", action: acked}, // an earlier attempt was stored, and its answer lost
	kafka.OutOfOrderSequenceNumber: {reason: "out_of_order_sequence", action: renumber},
	kafka.UnknownProducerId:        {reason: "unknown_producer_id", action: renumber},
	kafka.InvalidProducerEpoch:     {reason: "invalid_producer_epoch", action: rename},
	kafka.ProducerFenced:           {reason: "invalid_producer_epoch", action: rename},

	kafka.MessageSizeTooLarge: {reason: "too_large", action: shrink},
	kafka.RecordListTooLarge:  {reason: "too_large", action: shrink},
	kafka.InvalidRecord:       {reason: "invalid_record", action: pick},
	kafka.InvalidTimestamp:    {reason: "invalid_timestamp", action: pick},

	kafka.TopicAuthorizationFailed:    {reason: "topic_authorization", action: refuseTopic, cure: "allow this user to DESCRIBE and WRITE the topic"},
	kafka.InvalidTopic:                {reason: "invalid_topic", action: refuseTopic, cure: "Kafka does not take this topic name"},
	kafka.UnsupportedForMessageFormat: {reason: "unsupported", action: refuseTopic, cure: "the topic has an old message format"},
	kafka.UnsupportedCompressionType:  {reason: "unsupported", action: refuseTopic, cure: "the broker does not know this kafka.compression"},
	kafka.PolicyViolation:             {reason: "policy", action: refuseTopic, cure: "a policy of the broker forbids it"},
	kafka.ClusterAuthorizationFailed:  {reason: "cluster_authorization", action: refuseAll, cure: "allow this user to write to the cluster"},
	kafka.SASLAuthenticationFailed:    {reason: "sasl", action: refuseAll, cure: "check kafka.sasl: the broker does not take this user name and password, or this token"},
	kafka.UnsupportedSASLMechanism:    {reason: "sasl", action: refuseAll, cure: "check kafka.sasl.mechanism: the broker does not offer it"},
	kafka.IllegalSASLState:            {reason: "sasl", action: refuseAll, cure: "this listener of the broker wants no SASL: check kafka.sasl and the port"},
	kafka.UnsupportedVersion:          {reason: "unsupported", action: refuseAll, cure: "the broker is too old or too new"},
	kafka.InvalidRequiredAcks:         {reason: "unsupported", action: refuseAll, cure: "the broker does not take acks=all"},
	kafka.SecurityDisabled:            {reason: "unsupported", action: refuseAll, cure: "the broker has no security configured"},
}

// judge is the verdict on any error of a produce request, its connection or the metadata.
func judge(err error) verdict {
	var code kafka.Error
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	var dns *net.DNSError
	switch {
	case errors.As(err, &code):
		if v, ok := verdicts[code]; ok {
			return v
		}
		return verdict{reason: "other"}
	case errors.Is(err, errToken):
		return verdict{reason: "sasl", action: refuseAll, cure: "look at the file of kafka.sasl.token_file"}
	case errors.Is(err, protocol.ErrNoTopic):
		return verdicts[kafka.UnknownTopicOrPartition]
	case errors.Is(err, protocol.ErrNoPartition), errors.Is(err, protocol.ErrNoLeader):
		return verdicts[kafka.LeaderNotAvailable]
	case errors.As(err, &authority):
		return verdict{reason: "tls", stale: true, cure: "check kafka.tls.ca: it does not contain the authority of the broker's certificate"}
	case errors.As(err, &name):
		return verdict{reason: "tls", stale: true, cure: "check kafka.tls.server_name, or name the broker as its certificate does"}
	case errors.As(err, &invalid):
		return verdict{reason: "tls", stale: true, cure: "the broker's certificate is not valid"}
	case errors.As(err, &record):
		return verdict{reason: "tls", stale: true, cure: "this port of the broker is no TLS listener: check kafka.tls.enabled and the port"}
	case errors.As(err, &alert), strings.Contains(fmt.Sprint(err), "remote error: tls"):
		return verdict{reason: "tls", stale: true, cure: "the broker refuses the handshake: check kafka.tls.certificate and kafka.tls.key"}
	case errors.Is(err, errForeign):
		return verdict{reason: "protocol", stale: true, cure: "the port may want TLS (kafka.tls) or belong to another program"}
	case errors.As(err, &dns):
		return verdict{reason: "dns", stale: true, cure: "check kafka.brokers and the name service"}
	case errors.Is(err, syscall.ECONNREFUSED):
		return verdict{reason: "network", stale: true, cure: "nobody listens there: check that Kafka runs, and kafka.brokers"}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return verdict{reason: "timeout", stale: true, cure: "the broker does not answer: check that it runs, and the network between"}
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return verdict{reason: "network", stale: true, cure: "the broker closed the connection: if it does so from the start, its listener wants TLS or SASL, check kafka.tls and kafka.sasl"}
	}
	return verdict{reason: "network", stale: true}
}

// explain adds the cure to an error.
func explain(err error) error {
	if v := judge(err); v.cure != "" {
		return fmt.Errorf("%w (%s)", err, v.cure)
	}
	return err
}

// answerError is Kafka's code, with what it said beside it.
func answerError(code int16, message string) error {
	if message == "" {
		return kafka.Error(code)
	}
	return fmt.Errorf("%w: %s", kafka.Error(code), message)
}
